/* What a process holds, and what it has used. */
#include "sampler.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Opens and reads; keeps the descriptor where there is room. One that is not kept tells by its inode
 * whether it is still of the same process: procfs makes another one when the pid comes back. */
static ssize_t open_statm(struct mc_sampler *s, struct sm_proc *p, int dirfd, const char *path, char *buf, size_t cap)
{
	struct stat st;
	int fd = openat(dirfd, path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return -1;
	ssize_t n = pread(fd, buf, cap, 0);
	bool room = s->real && n > 0 && s->fds < s->max_fds;
	bool known = s->real && !(room && p->inode == 0) && fstat(fd, &st) == 0;
	/* also one for which there was no room before: others have ended since */
	if (room && (p->inode == 0 || (known && p->inode == st.st_ino))) {
		p->fd = fd;
		p->inode = 0;
		s->fds++;
		return n;
	}
	close(fd);
	if (known && p->inode && p->inode != st.st_ino)
		n = -1;
	p->inode = known ? st.st_ino : 0;
	return n;
}

bool sm_read_statm(struct mc_sampler *s, struct sm_proc *p, int dirfd, struct sm_statm *ret)
{
	char buf[160], path[48];
	ssize_t n;
	if (p->fd >= 0) {
		n = pread(p->fd, buf, sizeof buf - 1, 0);
	} else if (dirfd >= 0) {
		n = open_statm(s, p, dirfd, "statm", buf, sizeof buf - 1);
	} else {
		snprintf(path, sizeof path, "%lld/statm", (long long)p->p.pid);
		n = open_statm(s, p, s->procfd, path, buf, sizeof buf - 1);
	}
	return n > 0 && sm_parse_statm(buf, (size_t)n, ret);
}

bool sm_keep_statm(struct mc_sampler *s, struct sm_proc *p, int dirfd, uint64_t size)
{
	if (!s->real || s->fds >= s->max_fds)
		return false;
	p->fd = openat(dirfd, "statm", O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (p->fd < 0)
		return false;
	s->fds++;
	p->p.vsize = size;
	p->size_pages = size / s->page;
	p->text_pages = 0;
	return true;
}

void sm_use_statm(struct mc_sampler *s, struct sm_proc *p, const struct sm_statm *m)
{
	struct mc_process *q = &p->p;
	q->rss = m->resident * s->page;
	q->shared = m->shared * s->page;
	q->anon = q->rss - q->shared;
	q->shmem = q->shmem < q->shared ? q->shmem : q->shared; /* as the last status split it */
	q->file = q->shared - q->shmem;
	q->vsize = m->size * s->page;
	p->size_pages = m->size;
	p->text_pages = m->text;
}

void sm_use_status(struct sm_proc *p, const struct sm_status *t)
{
	struct mc_process *q = &p->p;
	q->swap = t->swap;
	q->hwm = t->hwm;
	q->threads = (uint32_t)t->threads;
	q->switches = t->switches;
	p->uid = t->uid;
	if (!t->has_rss)
		return;
	q->anon = t->anon;
	q->file = t->file;
	q->shmem = t->shmem;
	q->shared = t->file + t->shmem;
	q->rss = q->anon + q->shared;
}

void sm_use_stat(struct mc_sampler *s, struct sm_proc *p, const struct sm_stat *t)
{
	p->p.ppid = (int64_t)t->ppid;
	p->p.minflt = t->minflt;
	p->p.majflt = t->majflt;
	p->p.utime_ticks = t->utime;
	p->p.stime_ticks = t->stime;
	p->p.threads = (uint32_t)t->threads;
	if (p->p.start_ticks == t->start && p->p.start_ms)
		return; /* after exec the life began later than the process */
	p->p.start_ticks = t->start;
	p->p.start_ms = s->tick.host.boot_ms + (int64_t)((double)t->start * 1000 / s->hz);
}

static uint32_t count_fds(struct mc_sampler *s, int fd)
{
	struct stat st;
	if (s->real && fstat(fd, &st) == 0 && st.st_size > 0) { /* the count, from kernel 6.2 on */
		close(fd);
		return (uint32_t)st.st_size;
	}
	DIR *d = fdopendir(fd);
	if (!d) {
		close(fd);
		return UINT32_MAX;
	}
	uint32_t n = 0;
	for (const struct dirent *e; (e = readdir(d));)
		n += e->d_name[0] != '.';
	closedir(d);
	return n;
}

void sm_read_slow(struct mc_sampler *s, struct sm_proc *p, int dirfd)
{
	char buf[1024];
	struct stat st;
	uint64_t v;
	ssize_t n = sm_read_once(dirfd, "io", buf, sizeof buf);
	p->p.io_read = n > 0 && sm_key(buf, (size_t)n, "read_bytes", &v) ? v : MC_UNREAD;
	p->p.io_write = n > 0 && sm_key(buf, (size_t)n, "write_bytes", &v) ? v : MC_UNREAD;
	int fd = openat(dirfd, "fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	p->p.fds = fd < 0 ? UINT32_MAX : count_fds(s, fd);
	p->netns = fstatat(dirfd, "ns/net", &st, 0) == 0 ? st.st_ino : 0;
	p->slow_done = true;
}
