/* The shared libraries that a process has mapped, and which builds of them. */
#include "process.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MAPS_MAX = 4 << 20, MOST_LIBRARIES = 256, MOST_CACHED = 20000 };

struct known {
	char build_id[MC_BUILD_ID_TEXT], contents[20], version[MC_VERSION_TEXT];
};

struct mc_library_cache {
	struct mc_map *index;
	size_t n, cap;
	struct known *v;
};

struct mc_library_cache *mc_library_cache_new(void)
{
	struct mc_library_cache *c = calloc(1, sizeof *c);
	if (c && !(c->index = mc_map_new())) {
		free(c);
		return NULL;
	}
	return c;
}

void mc_library_cache_free(struct mc_library_cache *c)
{
	if (!c)
		return;
	mc_map_free(c->index);
	free(c->v);
	free(c);
}

struct key {
	uint64_t dev, ino, size;
	int64_t mtime;
};

static void read_facts(int fd, struct known *k)
{
	struct mc_elf e;
	struct mc_elf_facts f;
	if (mc_elf_open_fd(&e, fd, NULL) < 0 || mc_elf_facts(&e, &f, NULL) < 0)
		return;
	memcpy(k->build_id, f.build_id, sizeof k->build_id);
	memcpy(k->version, f.version, sizeof k->version);
	if (k->build_id[0] == '\0')
		mc_file_contents(fd, k->contents);
}

/* The facts of the open file; remembered, as far as there is room. */
static void facts_of(struct mc_library_cache *c, int fd, const struct stat *st, struct known *ret)
{
	struct key key = { st->st_dev, st->st_ino, (uint64_t)st->st_size, (int64_t)st->st_mtim.tv_sec * 1000000000 + st->st_mtim.tv_nsec };
	uint64_t at;
	if (mc_map_get(c->index, (const char *)&key, sizeof key, &at)) {
		*ret = c->v[at];
		return;
	}
	*ret = (struct known){ 0 };
	read_facts(fd, ret);
	if (c->n < MOST_CACHED && mc_grow((void **)&c->v, &c->cap, c->n + 1, sizeof *c->v, NULL) == 0 &&
		mc_map_set(c->index, (const char *)&key, sizeof key, c->n) == 0)
		c->v[c->n++] = *ret;
}

struct mapping {
	const char *range; /* "7f00-7f10", of map_files too; NULL not known */
	size_t range_len;
	uint64_t ino;
	char path[PATH_MAX];
	bool deleted;
};

/* One line of maps: START-END PERMS OFFSET DEV INODE PATH. False: no executable mapping of a file. */
static bool parse_line(const char *s, size_t len, struct mapping *m)
{
	const char *end = s + len, *f[5];
	const char *p = s;
	for (int i = 0; i < 5; i++) {
		f[i] = p;
		p = memchr(p, ' ', (size_t)(end - p));
		if (!p)
			return false;
		while (p < end && *p == ' ')
			p++;
	}
	size_t n = (size_t)(end - p);
	const char *ino_end = memchr(f[4], ' ', (size_t)(end - f[4]));
	if (f[1] + 3 > end || f[1][2] != 'x' || n == 0 || n >= sizeof m->path || *p != '/' || !mc_parse_u64(f[4], (size_t)(ino_end - f[4]), &m->ino) ||
		m->ino == 0)
		return false;
	memcpy(m->path, p, n);
	m->path[n] = '\0';
	m->range = s;
	m->range_len = (size_t)((const char *)memchr(s, ' ', len) - s);
	static const char gone[] = " (deleted)";
	m->deleted = n > sizeof gone && strcmp(m->path + n - (sizeof gone - 1), gone) == 0;
	if (m->deleted)
		m->path[n - (sizeof gone - 1)] = '\0';
	return true;
}

bool mc_library_name(const char *path, char name[64], char version[MC_VERSION_TEXT])
{
	const char *base = strrchr(path, '/');
	base = base ? base + 1 : path;
	const char *so = strstr(base, ".so");
	if (!so || (so[3] != '\0' && so[3] != '.' && so[3] != '-' && so[3] != '_'))
		return false;
	size_t len = strcspn(base, ".");
	/* "libc-2.31.so": the name ends where its version begins */
	for (size_t i = 1; i + 1 < len; i++)
		if (base[i] == '-' && base[i + 1] >= '0' && base[i + 1] <= '9') {
			mc_clean_copy(version, MC_VERSION_TEXT, base + i + 1, so > base + i + 1 ? (size_t)(so - (base + i + 1)) : 0);
			len = i;
		}
	if (version[0] == '\0' && so[3] == '.')
		mc_version_text(so + 4, strlen(so + 4), version);
	mc_clean_copy(name, 64, base, len);
	return name[0] != '\0';
}

/* The mapped file itself; -1 where it can't be had (replaced on the disk, and no right to map_files). */
static int open_mapped(const struct mc_process *p, const struct mapping *m, struct stat *st)
{
	int fd = m->deleted ? -1 : mc_process_file(p, m->path, O_RDONLY | O_NOCTTY);
	if (fd >= 0 && fstat(fd, st) == 0 && S_ISREG(st->st_mode) && (uint64_t)st->st_ino == m->ino)
		return fd;
	if (fd >= 0)
		close(fd);
	if (!m->range)
		return -1;
	char link[64];
	snprintf(link, sizeof link, "map_files/%.*s", (int)(m->range_len < 40 ? m->range_len : 40), m->range);
	fd = openat(p->dirfd, link, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd >= 0 && fstat(fd, st) == 0 && S_ISREG(st->st_mode))
		return fd;
	if (fd >= 0)
		close(fd);
	return -1;
}

static int by_name(const void *a, const void *b)
{
	const struct mc_library_build *x = a, *y = b;
	int c = strcmp(x->name, y->name);
	return c ? c : strcmp(x->path, y->path);
}

struct found {
	struct mc_library_build *v;
	size_t n, cap;
};

static int take(struct mc_library_cache *c, const struct mc_process *p, const struct mapping *m, struct found *f, struct mc_error *err)
{
	struct mc_library_build l = { 0 };
	struct known k;
	struct stat st = { 0 };
	char version[MC_VERSION_TEXT] = "";
	if (strcmp(m->path, p->exe) == 0 || !mc_library_name(m->path, l.name, version))
		return 0;
	mc_clean_copy(l.path, sizeof l.path, m->path, strlen(m->path));
	for (size_t i = 0; i < f->n; i++)
		if (strcmp(f->v[i].path, l.path) == 0)
			return 0;
	int fd = open_mapped(p, m, &st);
	if (fd < 0)
		return 0; /* what can't be read can't be compared */
	facts_of(c, fd, &st, &k);
	close(fd);
	memcpy(l.build_id, k.build_id, sizeof l.build_id);
	memcpy(l.contents, k.contents, sizeof l.contents);
	memcpy(l.version, k.version[0] ? k.version : version, sizeof l.version);
	int rc = mc_grow((void **)&f->v, &f->cap, f->n + 1, sizeof *f->v, err);
	if (rc == 0)
		f->v[f->n++] = l;
	return rc;
}

static int take_maps(struct mc_library_cache *c, const struct mc_process *p, struct mapping *m, struct found *f, struct mc_error *err)
{
	struct mc_buf b = { 0 };
	int rc = mc_read_file(p->dirfd, "maps", MAPS_MAX, &b, err);
	for (const char *s = mc_buf_text(&b), *end = s + b.len; rc == 0 && s < end && f->n < MOST_LIBRARIES;) {
		const char *nl = memchr(s, '\n', (size_t)(end - s));
		size_t len = nl ? (size_t)(nl - s) : (size_t)(end - s);
		if (parse_line(s, len, m))
			rc = take(c, p, m, f, err);
		s += len + 1;
	}
	mc_buf_release(&b);
	return rc;
}

int mc_identify_libraries(struct mc_library_cache *c, int procfd, int64_t pid, const struct mc_mapped_file *mapped, size_t nmapped,
	struct mc_library_build **ret, size_t *n, struct mc_error *err)
{
	struct mc_process p;
	struct found f = { 0 };
	int rc = mc_process_open(&p, procfd, pid, err);
	if (rc < 0)
		return rc;
	struct mapping *m = calloc(1, sizeof *m);
	if (!m)
		rc = mc_nomem(err, "mapped files");
	else if (!mapped)
		rc = take_maps(c, &p, m, &f, err);
	for (size_t i = 0; mapped && rc == 0 && i < nmapped && f.n < MOST_LIBRARIES; i++) {
		m->ino = mapped[i].ino;
		m->deleted = mapped[i].deleted;
		if (strlen(mapped[i].path) < sizeof m->path) {
			memcpy(m->path, mapped[i].path, strlen(mapped[i].path) + 1);
			rc = take(c, &p, m, &f, err);
		}
	}
	free(m);
	mc_process_close(&p);
	if (rc < 0) {
		free(f.v);
		return rc;
	}
	if (f.n > 1)
		qsort(f.v, f.n, sizeof *f.v, by_name);
	*ret = f.v;
	*n = f.n;
	return 0;
}
