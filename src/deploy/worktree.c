/* HEAD of a git work tree at a time in the past, by reading HEAD, refs and the reflog as text: no
 * repository is opened for a process that nobody has named to us. */
#include "process.h"
#include "repo.h"

#include <fcntl.h>
#include <git2.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	REFLOG_TAIL = 1 << 18, DEEPEST = 64, INDEX_MAX = 16 << 20,
	LOOKS = 256,       /* tracked files that are looked at for a process; some 3 us each */
	HASH_MAX = 1 << 20 /* bytes of those that were written without getting longer or shorter */
};

static bool parent(char path[PATH_MAX])
{
	char *slash = strrchr(path, '/');
	if (!slash || path[1] == '\0')
		return false;
	slash[slash == path ? 1 : 0] = '\0';
	return true;
}

static bool stat_in(const struct mc_process *p, const char *path, struct stat *st)
{
	int fd = mc_process_file(p, path, O_PATH);
	bool ok = fd >= 0 && fstat(fd, st) == 0;
	if (fd >= 0)
		close(fd);
	return ok;
}

static bool first_line(const struct mc_process *p, const char *dir, const char *name, char ret[PATH_MAX])
{
	struct mc_buf b = { 0 };
	char path[PATH_MAX];
	int n = snprintf(path, sizeof path, "%s/%s", dir, name);
	bool ok = n > 0 && n < PATH_MAX && mc_process_text(p, path, PATH_MAX, &b) && b.data;
	if (ok) {
		size_t len = strcspn(b.data, "\r\n");
		ok = len > 0 && len < PATH_MAX;
		if (ok) {
			memcpy(ret, b.data, len);
			ret[len] = '\0';
		}
	}
	mc_buf_release(&b);
	return ok;
}

/* dir joined with a path that a file of git's names, absolute or relative to dir. */
static bool below(char ret[PATH_MAX], const char *dir, const char *path)
{
	int n = path[0] == '/' ? snprintf(ret, PATH_MAX, "%s", path) : snprintf(ret, PATH_MAX, "%s/%s", dir, path);
	return n > 0 && n < PATH_MAX;
}

/* Looks upwards for .git, which is a folder, or in linked work trees and submodules a file that names it. */
static bool find_git(const struct mc_process *p, const char *path, char top[PATH_MAX], char git[PATH_MAX])
{
	struct stat st;
	char line[PATH_MAX];
	int n = snprintf(top, PATH_MAX, "%s", path);
	if (n <= 0 || n >= PATH_MAX || top[0] != '/')
		return false;
	for (int depth = 0; depth < DEEPEST && parent(top); depth++) {
		n = snprintf(git, PATH_MAX, "%s/.git", strcmp(top, "/") == 0 ? "" : top);
		if (n >= PATH_MAX || !stat_in(p, git, &st))
			continue;
		if (S_ISDIR(st.st_mode))
			return true;
		if (S_ISREG(st.st_mode) && first_line(p, top, ".git", line) && strncmp(line, "gitdir: ", 8) == 0)
			return below(git, top, line + 8);
	}
	return false;
}

bool mc_reflog_at(const char *text, size_t len, int64_t at_s, char commit[MC_COMMIT_TEXT])
{
	bool found = false;
	while (len > 0) {
		const char *nl = memchr(text, '\n', len);
		size_t line = nl ? (size_t)(nl - text) : len;
		/* OLD NEW NAME <MAIL> SECONDS ZONE\tMESSAGE */
		const char *sp = memchr(text, ' ', line);
		const char *tab = memchr(text, '\t', line);
		const char *end = tab ? tab : text + line;
		const char *gt = memrchr(text, '>', (size_t)(end - text));
		const char *after = sp ? memchr(sp + 1, ' ', line - (size_t)(sp + 1 - text)) : NULL;
		const char *zone = gt && gt + 2 < end ? memchr(gt + 2, ' ', (size_t)(end - gt - 2)) : NULL;
		int64_t when;
		char id[MC_COMMIT_TEXT];
		if (after && zone && mc_parse_i64(gt + 2, (size_t)(zone - gt - 2), &when) && when <= at_s &&
			(after - sp == 41 || after - sp == 65) && mc_commit_text(sp + 1, (size_t)(after - sp - 1), id)) {
			memcpy(commit, id, sizeof id);
			found = true;
		}
		if (!nl)
			break;
		len -= line + 1;
		text = nl + 1;
	}
	return found;
}

static bool reflog(const struct mc_process *p, const char *git, int64_t at_s, char commit[MC_COMMIT_TEXT], bool *there)
{
	char path[PATH_MAX];
	struct stat st;
	struct mc_buf b = { 0 };
	int n = snprintf(path, sizeof path, "%s/logs/HEAD", git);
	int fd = n < PATH_MAX ? mc_process_file(p, path, O_RDONLY | O_NOCTTY) : -1;
	bool found = false;
	*there = fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size > 0;
	if (*there) {
		char piece[8192];
		off_t at = st.st_size > REFLOG_TAIL ? st.st_size - REFLOG_TAIL : 0;
		ssize_t got;
		for (; (got = pread(fd, piece, sizeof piece, at)) > 0 && b.len < 2 * (size_t)REFLOG_TAIL; at += got)
			mc_buf_add(&b, piece, (size_t)got);
		found = !b.failed && b.data && mc_reflog_at(b.data, b.len, at_s, commit);
	}
	if (fd >= 0)
		close(fd);
	mc_buf_release(&b);
	return found;
}

/* "HASH refs/heads/x" in packed-refs. */
static bool packed_ref(const struct mc_process *p, const char *common, const char *ref, char commit[MC_COMMIT_TEXT])
{
	struct mc_buf b = { 0 };
	char path[PATH_MAX];
	bool found = false;
	int n = snprintf(path, sizeof path, "%s/packed-refs", common);
	size_t ref_len = strlen(ref);
	if (n < PATH_MAX && mc_process_text(p, path, 8 << 20, &b) && b.data)
		for (char *s = b.data, *nl; s && *s && !found; s = nl ? nl + 1 : NULL) {
			nl = strchr(s, '\n');
			size_t line = nl ? (size_t)(nl - s) : strlen(s);
			char *sp = memchr(s, ' ', line);
			if (sp && line - (size_t)(sp + 1 - s) == ref_len && memcmp(sp + 1, ref, ref_len) == 0)
				found = mc_commit_text(s, (size_t)(sp - s), commit);
		}
	mc_buf_release(&b);
	return found;
}

/* What HEAD is now: right for the past only where nothing has moved it since. */
static bool head_unmoved(const struct mc_process *p, const char *git, int64_t at_ms, char commit[MC_COMMIT_TEXT])
{
	char line[PATH_MAX], common[PATH_MAX], value[PATH_MAX], path[PATH_MAX];
	struct stat st;
	if (!first_line(p, git, "HEAD", line))
		return false;
	if (!(first_line(p, git, "commondir", value) && below(common, git, value)) && !below(common, "", git))
		return false;
	const char *ref = strncmp(line, "ref: ", 5) == 0 ? line + 5 : NULL;
	/* a ref's name is a path in the repository: nothing that leads out of it */
	if (ref && (strncmp(ref, "refs/", 5) != 0 || strstr(ref, "..")))
		return false;
	int n = ref ? snprintf(path, sizeof path, "%s/%s", common, ref) : snprintf(path, sizeof path, "%s/HEAD", git);
	if (n >= PATH_MAX)
		return false;
	if (stat_in(p, path, &st)) {
		if ((int64_t)st.st_mtim.tv_sec * 1000 > at_ms)
			return false;
		return ref ? first_line(p, common, ref, value) && mc_commit_text(value, strlen(value), commit)
			   : mc_commit_text(line, strlen(line), commit);
	}
	return ref && packed_ref(p, common, ref, commit);
}

/* ---- the index ---- */

/* Whether every tracked file is older than the build. False too where that can't be told. */
static bool unchanged_since(const struct mc_buf *index, int64_t built_ns)
{
	int64_t newest = 0;
	return index->data && mc_index_newest((const uint8_t *)index->data, index->len, &newest) && newest <= built_ns;
}

/* What is asked of each tracked file. */
struct changed {
	const struct mc_process *p;
	const char *top, *only; /* only: relative to top; NULL: every one */
	int64_t until_ns;
	size_t left; /* bytes that may still be read */
};

/* The file's bytes are not those that were added. False too where that can't be told. */
static bool other_bytes(struct changed *c, const char *path, const struct mc_tracked_file *f)
{
	struct mc_buf b = { 0 };
	git_oid id;
	bool other = false;
	/* with other line ends in the work tree than in the repository the two are not to be compared */
	if (mc_process_text(c->p, path, c->left, &b) && b.data && !memmem(b.data, b.len, "\r\n", 2) && mc_git_start(NULL) == 0)
		other = git_odb_hash(&id, b.data, b.len, GIT_OBJECT_BLOB) == 0 && memcmp(id.id, f->id, sizeof f->id) != 0;
	c->left -= b.len < c->left ? b.len : c->left;
	mc_buf_release(&b);
	return other;
}

static int is_changed(void *user, const struct mc_tracked_file *f)
{
	struct changed *c = user;
	char path[PATH_MAX];
	struct stat st;
	if (!f->regular || (c->only && strcmp(c->only, f->path) != 0) || !below(path, c->top, f->path) || f->path[0] == '/' || !stat_in(c->p, path, &st) ||
		!S_ISREG(st.st_mode))
		return 0;
	int64_t mtime = (int64_t)st.st_mtim.tv_sec * 1000000000 + st.st_mtim.tv_nsec;
	/* a copy of a work tree, or the index of another git, may know whole seconds only */
	bool coarse = st.st_mtim.tv_nsec == 0 || f->mtime_ns % 1000000000 == 0;
	bool same_time = coarse ? st.st_mtim.tv_sec == f->mtime_ns / 1000000000 : mtime == f->mtime_ns;
	if (mtime > c->until_ns || (same_time && (uint32_t)st.st_size == f->size))
		return 0; /* changed since is not what runs */
	/* git leaves the size 0 where a file was written as it was added */
	return (f->size && (uint32_t)st.st_size != f->size) || (st.st_size > 0 && (size_t)st.st_size <= c->left && other_bytes(c, path, f));
}

/* Whether a tracked file was another than in the index by then. Few are all looked at, of many only the one that runs. */
static bool locally_changed(const struct mc_process *p, const struct mc_buf *index, const char *top, const char *path, int64_t until_ns)
{
	struct changed c = { .p = p, .top = top, .until_ns = until_ns, .left = HASH_MAX };
	size_t n = strlen(top);
	if (mc_index_count((const uint8_t *)index->data, index->len) > LOOKS) {
		if (strncmp(path, top, n) != 0 || path[n] != '/')
			return false;
		c.only = path + n + 1;
	}
	return mc_index_each((const uint8_t *)index->data, index->len, is_changed, &c) == 1;
}

bool mc_worktree_head(const struct mc_process *p, const char *path, int64_t built_ns, char commit[MC_COMMIT_TEXT], struct mc_worktree *ret)
{
	char git[PATH_MAX], file[PATH_MAX];
	bool there = false;
	struct mc_buf index = { 0 };
	if (built_ns < 0 || !find_git(p, path, ret->top, git))
		return false;
	if (!below(file, git, "index") || !mc_process_text(p, file, INDEX_MAX, &index))
		mc_buf_release(&index); /* without it less can be told */
	int64_t started_ms = mc_process_start_ms(p), at_ms = built_ns / 1000000; /* read only here: /proc/stat is dear */
	ret->at_start = started_ms > 0 && (built_ns == 0 || at_ms >= started_ms || unchanged_since(&index, built_ns));
	if (ret->at_start)
		at_ms = started_ms + 1000; /* the kernel tells its boot in whole seconds, rounded down */
	bool found = at_ms > 0 && (reflog(p, git, at_ms / 1000, commit, &there) || (!there && head_unmoved(p, git, at_ms, commit)));
	ret->changed = found && index.data && locally_changed(p, &index, ret->top, path, built_ns && built_ns < at_ms * 1000000 ? built_ns : at_ms * 1000000);
	mc_buf_release(&index);
	return found;
}
