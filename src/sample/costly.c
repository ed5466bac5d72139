/* The reads that are budgeted: smaps_rollup, maps, the links of the descriptors. */
#include "sampler.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { LIBRARIES = 256, CHUNK = 32768, MAPS_BYTES = 1 << 20, PATH_BYTES = 512 };

struct sm_libset {
	struct mc_libraries l;
	uint32_t refs;
	struct mc_library *v;
	char *text; /* all paths */
};

/* The folder of the very process that p is: its start time says so. -1: it went. */
static int open_own(struct mc_sampler *s, const struct sm_proc *p)
{
	char name[32];
	struct sm_statm m;
	snprintf(name, sizeof name, "%lld", (long long)p->p.pid);
	int fd = openat(s->procfd, name, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || !s->real)
		return fd;
	char buf[1024];
	struct sm_stat t;
	bool same;
	if (p->fd >= 0) { /* alive now, so the folder opened before is its own */
		ssize_t n = pread(p->fd, buf, sizeof buf, 0);
		same = n > 0 && sm_parse_statm(buf, (size_t)n, &m);
	} else {
		ssize_t n = sm_read_once(fd, "stat", buf, sizeof buf);
		same = n > 0 && sm_parse_stat(buf, (size_t)n, &t) && t.start == p->p.start_ticks;
	}
	if (same)
		return fd;
	close(fd);
	return -1;
}

bool sm_read_pss(struct mc_sampler *s, struct sm_proc *p)
{
	char buf[2048];
	int dirfd = open_own(s, p);
	if (dirfd < 0)
		return false;
	ssize_t n = sm_read_once(dirfd, "smaps_rollup", buf, sizeof buf);
	close(dirfd);
	return n > 0 && sm_parse_rollup(buf, (size_t)n, &p->p.pss, &p->p.uss);
}

bool sm_read_sockets(struct mc_sampler *s, struct sm_proc *p)
{
	char link[32];
	int dirfd = open_own(s, p);
	int fd = dirfd < 0 ? -1 : openat(dirfd, "fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dirfd >= 0)
		close(dirfd);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	p->p.sockets = UINT32_MAX;
	if (!d) {
		if (fd >= 0)
			close(fd);
		return false;
	}
	uint32_t n = 0;
	for (const struct dirent *e; (e = readdir(d));)
		if (e->d_name[0] != '.' && readlinkat(fd, e->d_name, link, sizeof link) > 8)
			n += memcmp(link, "socket:[", 8) == 0;
	closedir(d);
	p->p.sockets = n;
	return true;
}

/* ---- libraries ---- */
struct found {
	size_t n, cap;
	struct mc_library *v; /* path: offset into text while it grows */
	struct mc_buf text;
	bool truncated, failed;
};

static void take_mapping(struct found *f, const struct sm_proc *p, const struct sm_mapping *m)
{
	/* the executable by its path too: on overlayfs and btrfs maps has another device than stat */
	if (!m->exec || (m->ino == p->p.exe_id.ino && m->dev == p->p.exe_id.dev) ||
	    (p->exe && strncmp(p->exe, m->path, m->path_len) == 0 && strchr(" ", p->exe[m->path_len])))
		return;
	for (size_t i = 0; i < f->n; i++)
		if (f->v[i].ino == m->ino && f->v[i].dev == m->dev)
			return;
	if (f->n == LIBRARIES || m->path_len > PATH_BYTES) {
		f->truncated = true;
		return;
	}
	if (mc_grow((void **)&f->v, &f->cap, f->n + 1, sizeof *f->v, NULL)) {
		f->failed = true;
		return;
	}
	f->v[f->n++] = (struct mc_library){.path = (const char *)(uintptr_t)f->text.len, .dev = m->dev, .ino = m->ino,
					   .deleted = m->deleted};
	mc_buf_add(&f->text, m->path, m->path_len);
	mc_buf_add(&f->text, "", 1);
}

/* Goes through maps line by line. A process may have 65,530 of them: past a megabyte it is left. */
static void read_maps(int fd, const struct sm_proc *p, struct found *f)
{
	char buf[CHUNK];
	size_t have = 0, total = 0;
	ssize_t n;
	struct sm_mapping m;
	while ((n = read(fd, buf + have, sizeof buf - have)) > 0) {
		total += (size_t)n;
		have += (size_t)n;
		char *at = buf, *end = buf + have;
		for (char *nl; (nl = memchr(at, '\n', (size_t)(end - at))); at = nl + 1)
			if (sm_parse_mapping(at, (size_t)(nl - at), &m))
				take_mapping(f, p, &m);
		have = (size_t)(end - at);
		if (have == sizeof buf || total >= MAPS_BYTES) {
			f->truncated = true;
			break;
		}
		memmove(buf, at, have);
	}
	f->failed |= f->text.failed;
}

static int by_path(const void *a, const void *b)
{
	const struct mc_library *x = a, *y = b;
	int r = strcmp(x->path, y->path);
	return r ? r : (x->ino > y->ino) - (x->ino < y->ino);
}

static uint64_t mix(uint64_t h, const void *data, size_t n)
{
	for (const unsigned char *p = data; n; n--, p++)
		h = (h ^ *p) * 1099511628211ULL;
	return h;
}

/* A hash of paths, devices and inodes in order of path. */
static uint64_t identify(struct found *f)
{
	uint64_t h = 14695981039346656037ULL;
	for (size_t i = 0; i < f->n; i++)
		f->v[i].path = f->text.data + (uintptr_t)f->v[i].path;
	if (f->n)
		qsort(f->v, f->n, sizeof *f->v, by_path);
	for (size_t i = 0; i < f->n; i++) {
		h = mix(h, f->v[i].path, strlen(f->v[i].path) + 1);
		h = mix(h, &f->v[i].dev, sizeof f->v[i].dev);
		h = mix(h, &f->v[i].ino, sizeof f->v[i].ino);
		h = mix(h, &f->v[i].deleted, sizeof f->v[i].deleted);
	}
	return h;
}

void sm_libs_drop(struct mc_sampler *s, struct sm_proc *p)
{
	struct sm_libset *l = p->libs;
	p->libs = NULL;
	p->p.libraries = NULL;
	if (!l || --l->refs)
		return;
	mc_map_del(s->libsets, (const char *)&l->l.id, sizeof l->l.id);
	free(l->v);
	free(l->text);
	free(l);
}

/* The set with this id, made from f (whose memory it takes) where it is not there. */
static struct sm_libset *intern(struct mc_sampler *s, struct found *f)
{
	uint64_t id = identify(f), at;
	if (mc_map_get(s->libsets, (const char *)&id, sizeof id, &at))
		return (struct sm_libset *)(uintptr_t)at;
	struct sm_libset *l = calloc(1, sizeof *l);
	if (!l)
		return NULL;
	*l = (struct sm_libset){.l = {.id = id, .n = f->n, .v = f->v, .truncated = f->truncated}, .v = f->v, .text = f->text.data};
	if (mc_map_set(s->libsets, (const char *)&l->l.id, sizeof id, (uintptr_t)l)) {
		free(l);
		return NULL;
	}
	f->v = NULL;
	f->text = (struct mc_buf){0};
	return l;
}

bool sm_read_libraries(struct mc_sampler *s, struct sm_proc *p)
{
	struct found f = {0};
	int dirfd = open_own(s, p);
	int fd = dirfd < 0 ? -1 : openat(dirfd, "maps", O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (dirfd >= 0)
		close(dirfd);
	if (fd < 0)
		return false;
	read_maps(fd, p, &f);
	close(fd);
	struct sm_libset *l = f.failed ? NULL : intern(s, &f);
	free(f.v);
	mc_buf_release(&f.text);
	if (!l)
		return false;
	l->refs++;
	sm_libs_drop(s, p);
	p->libs = l;
	p->p.libraries = &l->l;
	return true;
}
