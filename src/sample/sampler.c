/* The tick: who is there, what each holds, which program it is. */
#include "memculprit/sample.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "file.h"
#include "host.h"
#include "parse.h"
#include "select.h"

enum { ROTATION = 10, SLOW = 6, YOUNG = 3, TEXT = 8192, NAME_MAX_BYTES = 128, NAMES_PER_PROGRAM = 16 };
enum kind { KIND_NEW, KIND_TRACKED, KIND_IGNORED, KIND_LEFT, KIND_LEFT_PROGRAM, KIND_DEAD };

struct proc {
	struct mc_process p;
	enum kind kind;
	int fd;         /* of statm; -1: opened each time */
	uint32_t age;   /* ticks */
	bool selected;  /* its program comes from a selector, own or its parent's */
	bool denied;
	uint64_t name_hash, size_pages, stack;
	char comm[64];
	char exe[256];
};

struct mc_sampler {
	int procfd;
	bool real; /* procfs itself: a kept descriptor tells of its process' end */
	size_t fds, max_fds, live, max_programs, max_processes;
	struct sm_selectors *sel;
	struct sm_host_state host;
	uint64_t next_id, ticks, page;
	double hz, pswpout;
	bool swapping;
	char own[16]; /* our own container: says nothing of a process beside us */
	struct proc **v; /* sorted by pid */
	size_t n, cap;
	int64_t *pids;
	size_t npids, pids_cap;
	struct mc_process *out;
	size_t out_cap;
	uint64_t *gone;
	size_t ngone, gone_cap;
	struct mc_program_name *programs;
	size_t programs_cap;
	struct mc_map *by_name;
	struct mc_buf name;
	struct mc_tick tick;
};

static ssize_t slurp(struct mc_sampler *s, int64_t pid, const char *what, char *buf, size_t cap)
{
	char path[64];
	snprintf(path, sizeof path, "%lld/%s", (long long)pid, what);
	return sm_read(s->procfd, path, buf, cap);
}

static void drop_fd(struct mc_sampler *s, struct proc *p)
{
	if (p->fd >= 0) {
		close(p->fd);
		s->fds--;
	}
	p->fd = -1;
}

/* ---- who is there ---- */
static int by_number(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
	return (x > y) - (x < y);
}

static int list_pids(struct mc_sampler *s, struct mc_error *err)
{
	_Alignas(struct dirent64) char buf[32768];
	ssize_t n;
	s->npids = 0;
	if (lseek(s->procfd, 0, SEEK_SET) < 0)
		return mc_fail(err, MC_EIO, errno, "procfs");
	while ((n = getdents64(s->procfd, buf, sizeof buf)) > 0) {
		for (ssize_t at = 0; at < n;) {
			const struct dirent64 *d = (const void *)(buf + at);
			int64_t pid;
			at += d->d_reclen;
			if (d->d_name[0] < '1' || d->d_name[0] > '9' || !mc_parse_i64(d->d_name, strlen(d->d_name), &pid))
				continue;
			int rc = mc_grow((void **)&s->pids, &s->pids_cap, s->npids + 1, sizeof *s->pids, err);
			if (rc)
				return rc;
			s->pids[s->npids++] = pid;
		}
	}
	if (n < 0)
		return mc_fail(err, MC_EIO, errno, "procfs");
	qsort(s->pids, s->npids, sizeof *s->pids, by_number);
	return 0;
}

static int add_gone(struct mc_sampler *s, uint64_t id, struct mc_error *err)
{
	int rc = mc_grow((void **)&s->gone, &s->gone_cap, s->ngone + 1, sizeof *s->gone, err);
	if (!rc)
		s->gone[s->ngone++] = id;
	return rc;
}

/* The incarnation ended; the entry can take the next one with the same pid. */
static int end_life(struct mc_sampler *s, struct proc *p, struct mc_error *err)
{
	int rc = p->p.id ? add_gone(s, p->p.id, err) : 0;
	drop_fd(s, p);
	int64_t pid = p->p.pid;
	memset(p, 0, sizeof *p);
	p->p.pid = pid;
	p->fd = -1;
	return rc;
}

/* Holds the entries against the pids listed: new ones appear, missing ones end. */
static int merge(struct mc_sampler *s, struct mc_error *err)
{
	size_t max = s->n + s->npids, i = 0, n = 0;
	struct proc **v = mc_reallocarray(NULL, max ? max : 1, sizeof *v);
	int rc = v ? 0 : mc_nomem(err, "processes");
	for (size_t j = 0; v && (i < s->n || j < s->npids);) {
		if (i < s->n && (j >= s->npids || s->v[i]->p.pid < s->pids[j])) {
			int r = end_life(s, s->v[i], err);
			rc = rc ? rc : r;
			free(s->v[i++]);
		} else if (i < s->n && s->v[i]->p.pid == s->pids[j]) {
			v[n++] = s->v[i++];
			j++;
		} else {
			struct proc *p = calloc(1, sizeof *p);
			if (p) {
				p->p.pid = s->pids[j];
				p->fd = -1;
				v[n++] = p;
			} else if (!rc) {
				rc = mc_nomem(err, "a process");
			}
			j++;
		}
	}
	if (v) {
		free(s->v);
		s->v = v;
		s->n = n;
	}
	return rc;
}

static struct proc *find(struct mc_sampler *s, int64_t pid)
{
	for (size_t lo = 0, hi = s->n; lo < hi;) {
		size_t mid = (lo + hi) / 2;
		if (s->v[mid]->p.pid == pid)
			return s->v[mid];
		if (s->v[mid]->p.pid < pid)
			lo = mid + 1;
		else
			hi = mid;
	}
	return NULL;
}

/* ---- what it is ---- */
/* The file it runs. True where it is another than before. */
static bool read_exe(struct mc_sampler *s, struct proc *p)
{
	char path[64], exe[sizeof p->exe];
	struct stat st;
	struct mc_exe_id id = {0};
	snprintf(path, sizeof path, "%lld/exe", (long long)p->p.pid);
	ssize_t n = readlinkat(s->procfd, path, exe, sizeof exe - 1);
	exe[n > 0 ? n : 0] = 0;
	if (fstatat(s->procfd, path, &st, 0) == 0)
		id = (struct mc_exe_id){.dev = st.st_dev, .ino = st.st_ino, .size = (uint64_t)st.st_size,
					.mtime_ns = st.st_mtim.tv_sec * 1000000000LL + st.st_mtim.tv_nsec};
	p->denied = n <= 0 || !id.ino;
	/* an upgrade in place unlinks the file: same inode, " (deleted)" after the path: no exec.
	 * mtime and size belong to the file at birth and are not compared. */
	bool other = id.ino && p->p.exe_id.ino && (id.ino != p->p.exe_id.ino || id.dev != p->p.exe_id.dev);
	if (other || !p->p.exe_id.ino) {
		p->p.exe_id = id;
		memcpy(p->exe, exe, sizeof exe);
	}
	return other;
}

static bool program_index(struct mc_sampler *s, struct proc *p, uint32_t *ret)
{
	if (s->name.failed)
		return false;
	size_t len = s->name.len < NAME_MAX_BYTES ? s->name.len : NAME_MAX_BYTES;
	uint64_t at;
	p->name_hash = 14695981039346656037ULL;
	for (size_t i = 0; i < len; i++)
		p->name_hash = (p->name_hash ^ (unsigned char)s->name.data[i]) * 1099511628211ULL;
	if (mc_map_get(s->by_name, s->name.data, len, &at)) {
		*ret = (uint32_t)at;
		if (s->programs[at].processes == 0) {
			if (s->live >= s->max_programs)
				return false;
			s->live++;
			s->programs[at].processes = 1; /* counted anew at the tick's end */
		}
		return true;
	}
	if (s->live >= s->max_programs || s->tick.nprograms >= NAMES_PER_PROGRAM * s->max_programs)
		return false;
	size_t n = s->tick.nprograms;
	char *text = malloc(len + 1);
	if (!text)
		return false;
	memcpy(text, s->name.data, len);
	text[len] = 0;
	if (mc_grow((void **)&s->programs, &s->programs_cap, n + 1, sizeof *s->programs, NULL) ||
	    mc_map_set(s->by_name, text, len, n)) {
		free(text);
		return false;
	}
	s->programs[n] = (struct mc_program_name){.name = text, .processes = 1};
	s->live++;
	s->tick.nprograms = n + 1;
	*ret = (uint32_t)n;
	return true;
}

static void default_name(struct mc_sampler *s, const struct proc *p, const char *cgroup)
{
	char text[256];
	s->name.len = 0;
	if (sm_unit(cgroup, true, text, sizeof text))
		mc_buf_str(&s->name, text);
	else if (sm_container(cgroup, text) && strcmp(text, s->own) != 0)
		mc_buf_printf(&s->name, "container-%s", text);
	else
		mc_buf_str(&s->name, p->comm[0] ? p->comm : "?");
}

/* Its program; a child without a match of its own takes its parent's. */
static void assign(struct mc_sampler *s, struct proc *p, uint32_t uid)
{
	char text[TEXT], cgroup[1024] = "", cmdline[4096] = "";
	ssize_t n = slurp(s, p->p.pid, "cgroup", text, sizeof text);
	if (n > 0)
		sm_parse_cgroup(text, (size_t)n, cgroup, sizeof cgroup);
	p->kind = KIND_TRACKED;
	p->selected = false;
	if (sm_selectors_count(s->sel) == 0) {
		default_name(s, p, cgroup);
	} else {
		n = slurp(s, p->p.pid, "cmdline", cmdline, sizeof cmdline);
		for (ssize_t i = 0; i + 1 < n; i++)
			if (!cmdline[i])
				cmdline[i] = ' ';
		struct sm_facts f = {.comm = p->comm, .exe = p->exe, .cmdline = cmdline, .cgroup = cgroup, .uid = uid};
		const struct proc *parent = find(s, p->p.ppid);
		if (sm_selectors_match(s->sel, &f, &s->name)) {
			p->selected = true;
		} else if (parent && parent->kind == KIND_TRACKED && parent->selected) {
			p->selected = true;
			p->p.program = parent->p.program;
			return;
		} else {
			p->kind = KIND_IGNORED;
			return;
		}
	}
	if (!program_index(s, p, &p->p.program))
		p->kind = KIND_LEFT_PROGRAM;
}

/* ---- what it holds ---- */
static bool read_statm(struct mc_sampler *s, struct proc *p, struct sm_statm *ret)
{
	char buf[160], path[64];
	ssize_t n = 0;
	if (p->fd < 0) {
		snprintf(path, sizeof path, "%lld/statm", (long long)p->p.pid);
		int fd = openat(s->procfd, path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
		if (fd < 0)
			return false;
		n = pread(fd, buf, sizeof buf - 1, 0);
		if (s->real && s->fds < s->max_fds) {
			p->fd = fd;
			s->fds++;
		} else {
			close(fd);
		}
	} else {
		n = pread(p->fd, buf, sizeof buf - 1, 0);
	}
	return n > 0 && sm_parse_statm(buf, (size_t)n, ret);
}

static void use_statm(struct mc_sampler *s, struct proc *p, const struct sm_statm *m)
{
	struct mc_process *q = &p->p;
	q->rss = m->resident * s->page;
	q->shared = m->shared * s->page;
	q->anon = q->rss - q->shared;
	q->shmem = q->shmem < q->shared ? q->shmem : q->shared; /* as the last status split it */
	q->file = q->shared - q->shmem;
	q->vsize = m->size * s->page;
	p->size_pages = m->size;
}

static void use_status(struct proc *p, const struct sm_status *t)
{
	struct mc_process *q = &p->p;
	q->swap = t->swap;
	q->hwm = t->hwm;
	q->threads = (uint32_t)t->threads;
	if (!t->has_rss)
		return;
	q->anon = t->anon;
	q->file = t->file;
	q->shmem = t->shmem;
	q->shared = t->file + t->shmem;
	q->rss = q->anon + q->shared;
}

/* Figures that need rights or cost more: at birth and in every sixth rotation. */
static void read_slow(struct mc_sampler *s, struct proc *p)
{
	char buf[TEXT], path[64];
	struct stat st;
	uint64_t v;
	ssize_t n = slurp(s, p->p.pid, "io", buf, sizeof buf);
	p->p.io_read = n > 0 && sm_key(buf, (size_t)n, "read_bytes", &v) ? v : UINT64_MAX;
	p->p.io_write = n > 0 && sm_key(buf, (size_t)n, "write_bytes", &v) ? v : UINT64_MAX;
	snprintf(path, sizeof path, "%lld/fd", (long long)p->p.pid);
	p->p.fds = UINT32_MAX;
	int fd = openat(s->procfd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return;
	if (s->real && fstat(fd, &st) == 0 && st.st_size > 0) { /* the count, from kernel 6.2 on */
		p->p.fds = (uint32_t)st.st_size;
		close(fd);
		return;
	}
	DIR *d = fdopendir(fd);
	if (!d) {
		close(fd);
		return;
	}
	p->p.fds = 0;
	for (const struct dirent *e; (e = readdir(d));)
		p->p.fds += e->d_name[0] != '.';
	closedir(d);
}

static void use_stat(struct mc_sampler *s, struct proc *p, const struct sm_stat *t)
{
	p->p.ppid = (int64_t)t->ppid;
	p->p.minflt = t->minflt;
	p->p.majflt = t->majflt;
	p->p.utime_ticks = t->utime;
	p->p.stime_ticks = t->stime;
	p->p.start_ticks = t->start;
	p->p.threads = (uint32_t)t->threads;
	p->p.start_ms = s->tick.host.boot_ms + (int64_t)((double)t->start * 1000 / s->hz);
}

/* A kernel thread has no memory of its own, a zombie has none left. */
static bool no_program(const struct sm_stat *t)
{
	return (t->flags & 0x00200000) || t->vsize == 0 || strchr("ZXx", t->state);
}

/* stat and status anew. 0, or below: no memory. Sets kind; KIND_DEAD: it went meanwhile. */
static int read_whole(struct mc_sampler *s, struct proc *p, struct mc_error *err)
{
	char buf[TEXT];
	struct sm_stat t;
	struct sm_status u;
	ssize_t n = slurp(s, p->p.pid, "stat", buf, sizeof buf);
	if (n <= 0 || !sm_parse_stat(buf, (size_t)n, &t))
		goto dead;
	if (p->kind != KIND_NEW && t.start != p->p.start_ticks) {
		int rc = end_life(s, p, err); /* the pid came back */
		if (rc)
			return rc;
	}
	uint64_t hwm = p->p.hwm;
	use_stat(s, p, &t);
	if (no_program(&t)) {
		int rc = p->p.id ? add_gone(s, p->p.id, err) : 0;
		p->p.id = 0;
		p->kind = KIND_IGNORED;
		drop_fd(s, p);
		return rc;
	}
	n = slurp(s, p->p.pid, "status", buf, sizeof buf);
	if (n <= 0 || !sm_parse_status(buf, (size_t)n, &u))
		goto dead;
	use_status(p, &u);
	bool fresh = p->kind == KIND_NEW || !p->p.id;
	bool renamed = strcmp(p->comm, t.comm) != 0;
	/* exec: another file, or the same one in a new address space, with its stack elsewhere. Without
	 * the right to see that, the high-water mark starts again; but the kernel's own batching lets it
	 * fall a little, so only half counts. */
	bool moved = p->stack && t.stack ? p->stack != t.stack : u.has_rss && u.hwm < hwm / 2;
	bool slow = fresh || !s->real || p->age < YOUNG || !t.stack || moved || (s->ticks / ROTATION + (uint64_t)p->p.pid) % SLOW == 0;
	bool other = slow && read_exe(s, p);
	bool exec = !fresh && (other || moved);
	p->stack = t.stack;
	memcpy(p->comm, t.comm, sizeof p->comm);
	if (fresh || renamed || exec || p->kind != KIND_TRACKED)
		assign(s, p, u.uid);
	if (exec && p->p.id) {
		int rc = add_gone(s, p->p.id, err);
		p->p.id = 0;
		p->age = 0;
		if (rc)
			return rc;
	}
	if (slow)
		read_slow(s, p);
	return 0;
dead:
	p->kind = KIND_DEAD;
	return 0;
}

static int visit(struct mc_sampler *s, struct proc *p, size_t tracked, struct mc_error *err)
{
	struct sm_statm m;
	bool turn = p->kind == KIND_NEW || !s->real || (s->ticks + (uint64_t)p->p.pid) % ROTATION == 0;
	if (p->kind == KIND_DEAD)
		p->kind = KIND_NEW;
	bool whole = turn || p->age < YOUNG;
	if (p->kind == KIND_TRACKED) {
		if (!read_statm(s, p, &m)) { /* ESRCH: another process may have the pid by now */
			drop_fd(s, p);
			whole = true;
		} else {
			bool fell = m.resident * s->page < p->p.rss || m.size < p->size_pages;
			use_statm(s, p, &m);
			whole |= fell || s->swapping || m.size == 0;
		}
	}
	int rc = whole ? read_whole(s, p, err) : 0;
	p->age++;
	if (rc)
		return rc;
	if (p->kind == KIND_DEAD) {
		rc = end_life(s, p, err);
		p->kind = KIND_DEAD;
		return rc;
	}
	if (p->kind == KIND_LEFT || (p->kind == KIND_TRACKED && !p->p.id && tracked >= s->max_processes))
		p->kind = KIND_LEFT;
	if (p->kind != KIND_TRACKED) {
		rc = p->p.id ? add_gone(s, p->p.id, err) : 0;
		p->p.id = 0;
		drop_fd(s, p);
		return rc;
	}
	if (p->size_pages == 0 && read_statm(s, p, &m))
		p->size_pages = m.size, p->p.vsize = m.size * s->page;
	p->p.born = !p->p.id;
	if (p->p.born)
		p->p.id = ++s->next_id;
	return 0;
}

static int collect(struct mc_sampler *s, struct mc_error *err)
{
	struct mc_tick *t = &s->tick;
	int rc = mc_grow((void **)&s->out, &s->out_cap, s->n + 1, sizeof *s->out, err);
	if (rc)
		return rc;
	t->nprocesses = t->left_out_processes = t->left_out_programs = t->not_permitted = 0;
	uint64_t seen[256];
	size_t nseen = 0;
	for (size_t i = 0; i < t->nprograms; i++)
		s->programs[i].processes = 0;
	for (size_t i = 0; i < s->n; i++) {
		struct proc *p = s->v[i];
		if (p->kind == KIND_LEFT || p->kind == KIND_LEFT_PROGRAM)
			t->left_out_processes++;
		if (p->kind == KIND_LEFT_PROGRAM) { /* names, each once; past 256 the count stays */
			size_t k = 0;
			while (k < nseen && seen[k] != p->name_hash)
				k++;
			if (k == nseen && nseen < 256)
				seen[nseen++] = p->name_hash;
		}
		if (p->kind != KIND_TRACKED)
			continue;
		t->not_permitted += p->denied;
		s->programs[p->p.program].processes++;
		struct mc_process *q = &s->out[t->nprocesses++];
		*q = p->p;
		q->comm = p->comm;
		q->exe = p->exe;
		q->pss = UINT64_MAX;
	}
	s->live = 0;
	for (size_t i = 0; i < t->nprograms; i++)
		s->live += s->programs[i].processes > 0;
	t->left_out_programs = nseen;
	t->processes = s->out;
	t->programs = s->programs;
	t->ngone = s->ngone;
	t->gone = s->gone;
	t->host.load_processes = (double)s->npids;
	return 0;
}

int mc_sampler_tick(struct mc_sampler *s, int64_t now_ms, const struct mc_tick **ret, struct mc_error *err)
{
	int64_t begun = mc_mono_ns();
	s->ngone = 0;
	s->tick.t_ms = now_ms;
	sm_host_read(s->procfd, &s->host, &s->tick.host);
	s->swapping = s->ticks > 0 && s->tick.host.swapout_pages > s->pswpout;
	s->pswpout = s->tick.host.swapout_pages;
	int rc = list_pids(s, err);
	rc = rc ? rc : merge(s, err);
	size_t tracked = 0;
	for (size_t i = 0; i < s->n; i++)
		tracked += s->v[i]->kind == KIND_TRACKED;
	for (size_t i = 0; !rc && i < s->n; i++) {
		bool was = s->v[i]->kind == KIND_TRACKED;
		if (s->v[i]->kind == KIND_LEFT && tracked < s->max_processes)
			s->v[i]->kind = KIND_NEW; /* there is room again */
		rc = visit(s, s->v[i], tracked, err);
		tracked += (size_t)(s->v[i]->kind == KIND_TRACKED) - (size_t)was;
	}
	rc = rc ? rc : collect(s, err);
	if (rc)
		return rc;
	s->ticks++;
	s->tick.duration_s = (double)(mc_mono_ns() - begun) / 1e9;
	*ret = &s->tick;
	return 0;
}

/* ---- begin, change, end ---- */
int mc_sampler_reconfigure(struct mc_sampler *s, const struct mc_sample_config *c, struct mc_error *err)
{
	struct sm_selectors *sel = NULL;
	int rc = sm_selectors_new(c->selectors, c->nselectors, &sel, err);
	if (rc)
		return rc;
	sm_selectors_free(s->sel);
	s->sel = sel;
	s->max_programs = c->max_programs ? c->max_programs : 200;
	s->max_processes = c->max_processes ? c->max_processes : 2000;
	for (size_t i = 0; i < s->n; i++) {
		s->v[i]->age = 0;
		s->v[i]->comm[0] = 0; /* counts as renamed, so it is matched again */
		if (s->v[i]->kind == KIND_LEFT)
			s->v[i]->kind = KIND_NEW;
	}
	return 0;
}

static size_t raise_limit(void)
{
	struct rlimit r;
	if (getrlimit(RLIMIT_NOFILE, &r) != 0)
		return 256;
	if (r.rlim_cur < r.rlim_max) {
		struct rlimit up = {.rlim_cur = r.rlim_max < 65536 ? r.rlim_max : 65536, .rlim_max = r.rlim_max};
		if (up.rlim_cur > r.rlim_cur && setrlimit(RLIMIT_NOFILE, &up) == 0)
			r = up;
	}
	size_t n = (size_t)(r.rlim_cur < 65536 ? r.rlim_cur : 65536);
	return n > 512 ? n - 256 : n / 2; /* the rest is for the database and for connections */
}

int mc_sampler_open(const struct mc_sample_config *c, struct mc_sampler **ret, struct mc_error *err)
{
	const char *path = c->procfs ? c->procfs : "/proc";
	char text[TEXT], cgroup[1024];
	struct statfs fs;
	struct mc_sampler *s = calloc(1, sizeof *s);
	if (!s)
		return mc_nomem(err, "the sampler");
	int rc = 0;
	s->procfd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	s->page = (uint64_t)sysconf(_SC_PAGESIZE);
	s->hz = (double)sysconf(_SC_CLK_TCK);
	s->name.limit = 4096;
	if (s->procfd < 0) {
		rc = mc_fail(err, MC_EIO, errno, "%s", path);
		goto out;
	}
	s->real = fstatfs(s->procfd, &fs) == 0 && fs.f_type == PROC_SUPER_MAGIC;
	if (!(s->by_name = mc_map_new())) {
		rc = mc_nomem(err, "program names");
		goto out;
	}
	rc = mc_sampler_reconfigure(s, c, err);
	s->max_fds = raise_limit();
	ssize_t n = sm_read(s->procfd, "self/cgroup", text, sizeof text);
	if (n > 0 && sm_parse_cgroup(text, (size_t)n, cgroup, sizeof cgroup))
		sm_container(cgroup, s->own);
out:
	if (rc)
		mc_sampler_close(s);
	else
		*ret = s;
	return rc;
}

void mc_sampler_close(struct mc_sampler *s)
{
	if (!s)
		return;
	for (size_t i = 0; i < s->n; i++) {
		drop_fd(s, s->v[i]);
		free(s->v[i]);
	}
	for (size_t i = 0; i < s->tick.nprograms; i++)
		free(s->programs[i].name);
	if (s->procfd >= 0)
		close(s->procfd);
	sm_selectors_free(s->sel);
	mc_map_free(s->by_name);
	mc_buf_release(&s->name);
	free(s->v);
	free(s->pids);
	free(s->out);
	free(s->gone);
	free(s->programs);
	free(s);
}
