/* A git index, as bytes: the files that it tracks, and when and how long they were when they were added. */
#include "process.h"

#include <string.h>

enum { HEAD = 12, MTIME = 8, MODE = 24, SIZE = 36, ID = 40, ID_BYTES = 20, ASSUME_VALID = 0x80, STAGE = 0x30, EXTENDED = 0x40, SKIP_WORKTREE = 0x40 };

static uint32_t be32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

size_t mc_index_count(const uint8_t *data, size_t len)
{
	return len < HEAD || memcmp(data, "DIRC", 4) != 0 ? 0 : be32(data + 8);
}

/* Version 4: how much of the path before goes; then what comes instead. False: not so. */
static bool cut_path(const uint8_t *data, size_t len, size_t *name, size_t *path_len)
{
	size_t cut = 0, more = 0;
	for (uint8_t c = 0x80; c & 0x80; more = 1) {
		if (*name >= len || cut > PATH_MAX)
			return false;
		c = data[(*name)++];
		cut = ((cut + more) << 7) + (c & 0x7f);
	}
	if (cut > *path_len)
		return false;
	*path_len -= cut;
	return true;
}

/* The entry at `at`, whose path replaces or extends the one before. 0: not an index we know; else where the next is. */
static size_t entry(const uint8_t *data, size_t len, uint32_t version, size_t at, char path[PATH_MAX], size_t *path_len, struct mc_tracked_file *f)
{
	size_t flags = at + ID + ID_BYTES, name = flags + 2;
	if (name > len)
		return 0;
	bool extended = version >= 3 && (data[flags] & EXTENDED);
	if (extended && name + 2 > len)
		return 0;
	bool skipped = (data[flags] & (ASSUME_VALID | STAGE)) || (extended && (data[name] & SKIP_WORKTREE));
	name += extended ? 2 : 0;
	*path_len = version < 4 ? 0 : *path_len;
	if (version == 4 && !cut_path(data, len, &name, path_len))
		return 0;
	const uint8_t *end = name < len ? memchr(data + name, 0, len - name) : NULL;
	size_t n = end ? (size_t)(end - data) - name : 0;
	if (!end || *path_len + n >= PATH_MAX)
		return 0;
	memcpy(path + *path_len, data + name, n + 1);
	*path_len += n;
	*f = (struct mc_tracked_file){ .path = path, .size = be32(data + at + SIZE), .regular = !skipped && be32(data + at + MODE) >> 12 == 8,
		.mtime_ns = (int64_t)be32(data + at + MTIME) * 1000000000 + be32(data + at + MTIME + 4) % 1000000000 };
	memcpy(f->id, data + at + ID, sizeof f->id);
	return version < 4 ? at + (((size_t)(end - data) - at + 8) & ~(size_t)7) : (size_t)(end - data) + 1;
}

int mc_index_each(const uint8_t *data, size_t len, int (*fn)(void *user, const struct mc_tracked_file *f), void *user)
{
	char path[PATH_MAX] = "";
	size_t path_len = 0;
	if (len < HEAD || memcmp(data, "DIRC", 4) != 0)
		return MC_EFORMAT;
	uint32_t version = be32(data + 4);
	if (version < 2 || version > 4)
		return MC_EFORMAT;
	/* ids of 20 bytes; a repository with SHA-256 ones does not parse, and then nothing is said */
	size_t at = HEAD;
	for (uint32_t count = be32(data + 8); count > 0; count--) {
		struct mc_tracked_file f;
		at = at < len ? entry(data, len, version, at, path, &path_len, &f) : 0;
		if (at == 0)
			return MC_EFORMAT;
		int rc = fn(user, &f);
		if (rc != 0)
			return rc;
	}
	return 0;
}

static int newest_of(void *user, const struct mc_tracked_file *f)
{
	int64_t *newest = user;
	*newest = f->mtime_ns > *newest ? f->mtime_ns : *newest;
	return 0;
}

bool mc_index_newest(const uint8_t *data, size_t len, int64_t *newest_ns)
{
	*newest_ns = 0;
	return mc_index_each(data, len, newest_of, newest_ns) == 0;
}
