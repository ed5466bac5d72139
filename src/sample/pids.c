/* Who is there: the pids of /proc held against the entries of the tick before. */
#include "sampler.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/vfs.h>
#include <unistd.h>

ssize_t sm_slurp(struct mc_sampler *s, int64_t pid, const char *what, char *buf, size_t cap)
{
	char path[64];
	snprintf(path, sizeof path, "%lld/%s", (long long)pid, what);
	return sm_read(s->procfd, path, buf, cap);
}

void sm_drop_fd(struct mc_sampler *s, struct sm_proc *p)
{
	if (p->fd >= 0) {
		close(p->fd);
		s->fds--;
	}
	p->fd = -1;
}

static int by_number(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
	return (x > y) - (x < y);
}

/* A name of digits alone, as the kernel writes pids; else 0. */
static int64_t pid_of(const char *name)
{
	int64_t v = 0;
	if (*name < '1' || *name > '9')
		return 0;
	for (; *name >= '0' && *name <= '9' && v < (INT64_MAX - 9) / 10; name++)
		v = v * 10 + (*name - '0');
	return *name ? 0 : v;
}

static int list_pids(struct mc_sampler *s, struct mc_error *err)
{
	_Alignas(struct dirent64) char buf[32768];
	ssize_t n;
	bool sorted = true;
	int64_t from = 0; /* where the first pid is listed; -1: something stands behind it */
	s->npids = 0;
	if (lseek(s->procfd, s->pids_from, SEEK_SET) < 0)
		return mc_fail(err, MC_EIO, errno, "procfs");
	/* up to an empty piece: one is cut short too where we are stopped, frozen or the host sleeps meanwhile */
	while ((n = getdents64(s->procfd, buf, sizeof buf)) > 0) {
		for (ssize_t at = 0; at < n;) {
			const struct dirent64 *d = (const void *)(buf + at);
			at += d->d_reclen;
			int64_t pid = pid_of(d->d_name);
			if (!pid) {
				from = s->npids || from < 0 ? -1 : d->d_off;
				continue;
			}
			int rc = mc_grow((void **)&s->pids, &s->pids_cap, s->npids + 1, sizeof *s->pids, err);
			if (rc)
				return rc;
			sorted &= s->npids == 0 || s->pids[s->npids - 1] < pid;
			s->pids[s->npids++] = pid;
		}
	}
	if (n < 0)
		return mc_fail(err, MC_EIO, errno, "procfs");
	/* The files of the host need not be listed again. Where pid 1 is hidden the first pid's place is not that of the least. */
	if (s->real && from > 0 && s->npids && s->pids[0] == 1)
		s->pids_from = from;
	if (sorted) /* as procfs itself lists them */
		return 0;
	qsort(s->pids, s->npids, sizeof *s->pids, by_number);
	size_t k = 0; /* a process that forks while the list is read is listed once all the same */
	for (size_t i = 0; i < s->npids; i++)
		if (k == 0 || s->pids[k - 1] != s->pids[i])
			s->pids[k++] = s->pids[i];
	s->npids = k;
	return 0;
}

int sm_gone(struct mc_sampler *s, struct sm_proc *p, struct mc_error *err)
{
	if (!p->p.id)
		return 0;
	int rc = mc_grow((void **)&s->gone, &s->gone_cap, s->ngone + 1, sizeof *s->gone, err);
	if (!rc) {
		s->gone[s->ngone++] = p->p.id;
		p->p.id = 0;
	}
	return rc;
}

static void clear(struct sm_proc *p, int64_t pid)
{
	*p = (struct sm_proc){.p = {.pid = pid, .group = MC_NO_GROUP, .io_read = MC_UNREAD, .io_write = MC_UNREAD,
				    .switches = MC_UNREAD, .fds = UINT32_MAX, .sockets = UINT32_MAX, .pss = MC_UNREAD,
				    .uss = MC_UNREAD, .pss_age_ms = -1},
			      .fd = -1, .sockets_fds = UINT32_MAX};
}

int sm_end_life(struct mc_sampler *s, struct sm_proc *p, struct mc_error *err)
{
	int rc = sm_gone(s, p, err);
	s->lost = true;
	if (rc)
		return rc; /* tried again in the next tick: an end is never lost */
	sm_drop_fd(s, p);
	sm_group_drop(s->groups, p);
	sm_libs_drop(s, p);
	free(p->exe);
	clear(p, p->p.pid);
	return 0;
}

static struct sm_proc *appear(int64_t pid)
{
	struct sm_proc *p = malloc(sizeof *p);
	if (p)
		clear(p, pid);
	return p;
}

static bool same(const struct mc_sampler *s)
{
	if (s->n != s->npids)
		return false;
	for (size_t i = 0; i < s->n; i++)
		if (s->v[i]->p.pid != s->pids[i])
			return false;
	return true;
}

/* Without memory an end or a beginning waits for the next tick. */
static int merge(struct mc_sampler *s, struct mc_error *err)
{
	size_t i = 0, n = 0;
	int rc = mc_grow((void **)&s->merged, &s->merged_cap, s->n + s->npids + 1, sizeof *s->merged, err);
	if (rc)
		return rc;
	for (size_t j = 0; i < s->n || j < s->npids;) {
		struct sm_proc *p;
		if (i < s->n && (j >= s->npids || s->v[i]->p.pid < s->pids[j])) {
			p = s->v[i++];
			int r = sm_end_life(s, p, err);
			if (r) {
				rc = r;
				s->merged[n++] = p;
			} else {
				free(p);
			}
		} else if (i < s->n && s->v[i]->p.pid == s->pids[j]) {
			s->merged[n++] = s->v[i++];
			j++;
		} else if ((p = appear(s->pids[j++]))) {
			s->merged[n++] = p;
		} else {
			rc = mc_nomem(err, "a process");
		}
	}
	struct sm_proc **v = s->v;
	size_t cap = s->cap;
	s->v = s->merged;
	s->cap = s->merged_cap;
	s->merged = v;
	s->merged_cap = cap;
	s->n = n;
	return rc;
}

/* Whether procfs tells of the processes among which we have our own pid, and so loadavg of the pids that they get. One that is
 * mounted from another namespace has more than one number here, or none. */
static bool own_namespace(const struct mc_sampler *s)
{
	char text[SM_TEXT];
	ssize_t n = sm_read_once(s->procfd, "self/status", text, sizeof text);
	const char *at = n > 0 ? strstr(text, "\nNSpid:\t") : NULL;
	if (!at)
		return false;
	at += sizeof "\nNSpid:\t" - 1;
	return at[strspn(at, "0123456789")] == '\n';
}

void sm_pids_begin(struct mc_sampler *s)
{
	struct statfs fs;
	if (!s->real || !own_namespace(s))
		return;
	s->loadavg = openat(s->procfd, "loadavg", O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	/* in some containers another file system's file stands there */
	if (s->loadavg >= 0 && (fstatfs(s->loadavg, &fs) != 0 || fs.f_type != PROC_SUPER_MAGIC)) {
		close(s->loadavg);
		s->loadavg = -1;
	}
}

/* "0.20 0.18 0.12 1/80 11206": the pid given out last, of threads too. 0: not known. */
static int64_t last_pid(const struct mc_sampler *s)
{
	char text[128];
	uint64_t v = 0;
	ssize_t n = s->loadavg < 0 ? 0 : pread(s->loadavg, text, sizeof text, 0);
	const char *at = n > 1 && text[n - 1] == '\n' ? memrchr(text, ' ', (size_t)n) : NULL;
	return at && mc_parse_u64(at + 1, (size_t)(text + n - 2 - at), &v) && v < INT64_MAX ? (int64_t)v : 0;
}

int sm_pids(struct mc_sampler *s, struct mc_error *err)
{
	/* before they are listed: what begins meanwhile is seen the next time */
	int64_t last = last_pid(s);
	/* now and then all the same: a pid may be asked for, and those that are not followed end unseen */
	if (last && last == s->last_pid && s->settled && !s->lost && ++s->unlisted < SM_ROTATION)
		return 0;
	/* a pid is given out a moment before it is listed: once more */
	s->settled = last == s->last_pid;
	int rc = list_pids(s, err);
	if (!rc && !same(s))
		rc = merge(s, err);
	s->last_pid = rc ? 0 : last;
	s->unlisted = 0;
	s->lost = false;
	return rc;
}

struct sm_proc *sm_find(const struct mc_sampler *s, int64_t pid)
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
