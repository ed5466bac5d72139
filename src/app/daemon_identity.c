/* What a new life runs: asked of the deploy stage once a file where the file alone decides, and the name by which
 * an executable's builds are held against each other. */
#include <ctype.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "daemon_builds.h"

enum { CACHE = 64, CMDLINE_MAX = 4096 };

struct kept {
	struct mc_exe_id file;
	struct mc_identity identity;
};
struct identity_cache {
	size_t next;
	struct kept v[CACHE];
};

struct identity_cache *identity_cache_new(void)
{
	return calloc(1, sizeof(struct identity_cache));
}

void identity_cache_free(struct identity_cache *c)
{
	free(c);
}

static bool same_file(const struct mc_exe_id *a, const struct mc_exe_id *b)
{
	return a->ino == b->ino && a->dev == b->dev && a->mtime_ns == b->mtime_ns && a->size == b->size;
}

/* What an environment, a work tree or a stamp says is of the process and not of the file. */
static bool of_file_alone(const struct mc_identity *id)
{
	return id->source == MC_ID_PACKAGE_NOTE || id->source == MC_ID_GO;
}

/* A file without a build-id is known by its size and time, as a last resort. */
static void name_by_file(struct mc_identity *id, const struct mc_exe_id *file)
{
	if (id->build_id[0] || !file->ino)
		return;
	snprintf(id->build_id, sizeof id->build_id, "file-%llx-%llx", (unsigned long long)file->size, (unsigned long long)file->mtime_ns);
	if (id->source == MC_ID_NONE)
		snprintf(id->text, sizeof id->text, "size and time of the executable");
}

void identity_find(struct daemon *d, const struct mc_process *q, struct mc_identity *ret)
{
	struct identity_cache *c = d->identities;
	*ret = (struct mc_identity){ 0 };
	for (size_t i = 0; q->exe_id.ino && i < CACHE; i++)
		if (same_file(&c->v[i].file, &q->exe_id)) {
			*ret = c->v[i].identity;
			return;
		}
	if (mc_identify_process(d->procfd, q->pid, ret, NULL) != 0)
		*ret = (struct mc_identity){ 0 };
	name_by_file(ret, &q->exe_id);
	if (of_file_alone(ret) && q->exe_id.ino)
		c->v[c->next++ % CACHE] = (struct kept){ q->exe_id, *ret };
}

/* ---- the executable's name ---- */

static const char *base_name(const char *path, size_t *len)
{
	static const char gone[] = " (deleted)";
	size_t n = strlen(path);
	if (n > sizeof gone && strcmp(path + n - (sizeof gone - 1), gone) == 0)
		n -= sizeof gone - 1;
	size_t at = n;
	while (at > 0 && path[at - 1] != '/')
		at--;
	*len = n - at;
	return path + at;
}

/* "app-1.2.3" and "app-1.2.4", python3.11 and python3.12 are one executable in two versions. */
static size_t without_digits(const char *s, size_t len, char *out, size_t size)
{
	size_t n = 0;
	for (size_t i = 0; i < len && n + 2 < size;) {
		if (!isdigit((unsigned char)s[i])) {
			out[n++] = s[i++];
			continue;
		}
		while (i < len && (isdigit((unsigned char)s[i]) || (strchr(".-_", s[i]) && i + 1 < len && isdigit((unsigned char)s[i + 1]))))
			i++;
		out[n++] = '#';
	}
	out[n] = '\0';
	return n;
}

void builds_key(const char *exe, const char *comm, const char *script, char *out, size_t size)
{
	size_t len;
	const char *name = base_name(exe[0] ? exe : comm, &len);
	size_t n = without_digits(name, len, out, size);
	if (!script || n + 3 >= size)
		return;
	out[n++] = ' ';
	name = base_name(script, &len);
	without_digits(name, len, out + n, size - n);
}

/* Programs that run others: the one that is run says which program it is, and its build says nothing of that. */
bool identity_is_interpreter(const char *exe)
{
	static const char *const names[] = { "python#", "python", "perl", "perl#", "ruby", "ruby#", "node", "nodejs", "php", "php#", "php-fpm", "php-fpm#",
		"java", "bash", "sh", "dash", "zsh", "ksh", "busybox", "lua", "lua#", "tclsh", "tclsh#", "R", "Rscript", "dotnet", "mono",
		"beam.smp", "deno", "bun", "guile", "julia", "pypy#", "uwsgi", "gunicorn" };
	char key[64];
	builds_key(exe, "", NULL, key, sizeof key);
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
		if (strcmp(key, names[i]) == 0)
			return true;
	return false;
}

/* The first argument that is no option, in text of n bytes with NULs; NULL: none. -m names a module, -jar a file. */
static const char *script_of(const char *text, size_t n)
{
	size_t at = strnlen(text, n) + 1; /* behind argv[0] */
	for (; at < n; at += strnlen(text + at, n - at) + 1) {
		const char *s = text + at;
		if (strcmp(s, "-c") == 0 || strcmp(s, "-e") == 0)
			return NULL; /* the program stands in the argument itself */
		if (s[0] != '-' && s[0] != '\0')
			return s;
	}
	return NULL;
}

void identity_key(struct daemon *d, const struct mc_process *q, char *out, size_t size)
{
	char path[64], text[CMDLINE_MAX];
	const char *script = NULL;
	if (q->exe[0] && identity_is_interpreter(q->exe)) {
		snprintf(path, sizeof path, "%lld/cmdline", (long long)q->pid);
		int fd = openat(d->procfd, path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
		ssize_t n = fd >= 0 ? read(fd, text, sizeof text - 1) : -1;
		if (fd >= 0)
			close(fd);
		if (n > 0) {
			text[n] = '\0';
			script = script_of(text, (size_t)n);
		}
	}
	builds_key(q->exe, q->comm, script, out, size);
}
