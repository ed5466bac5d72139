/* Who a process is: born, gone on, run anew by exec, gone, or another one with the same pid. */
#include "sampler.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* The file it runs. True where it is another than before. */
static bool read_exe(struct sm_proc *p, int dirfd)
{
	char exe[512];
	struct stat st;
	struct mc_exe_id id = {0};
	ssize_t n = readlinkat(dirfd, "exe", exe, sizeof exe - 1);
	exe[n > 0 ? n : 0] = 0;
	if (n > 0 && fstatat(dirfd, "exe", &st, 0) == 0)
		id = (struct mc_exe_id){.dev = st.st_dev, .ino = st.st_ino, .size = (uint64_t)st.st_size,
					.mtime_ns = st.st_mtim.tv_sec * 1000000000LL + st.st_mtim.tv_nsec};
	p->denied = n <= 0 || !id.ino;
	/* an upgrade in place unlinks the file: same inode, " (deleted)" after the path: no exec.
	 * mtime and size belong to the file at birth and are not compared. */
	bool other = id.ino && p->p.exe_id.ino && (id.ino != p->p.exe_id.ino || id.dev != p->p.exe_id.dev);
	if (other || !p->p.exe_id.ino) {
		char *copy = p->exe && strcmp(p->exe, exe) == 0 ? p->exe : mc_strdup(exe);
		if (!copy)
			return false; /* no memory: read again at its next turn */
		if (copy != p->exe)
			free(p->exe);
		p->exe = copy;
		p->p.exe_id = id;
	}
	return other;
}

/* A kernel thread has no memory of its own, a zombie has none left. */
static bool no_program(const struct sm_stat *t)
{
	return (t->flags & 0x00200000) || t->vsize == 0 || strchr("ZXx", t->state);
}

static int put_aside(struct mc_sampler *s, struct sm_proc *p, enum sm_kind kind, struct mc_error *err)
{
	p->kind = kind;
	sm_drop_fd(s, p);
	return sm_gone(s, p, err);
}

/* exec: another file, or the same one in a new address space, with its stack elsewhere. Without the
 * right to see that, the high-water mark starts again; but the kernel's own batching lets it fall a
 * little, so only half counts. */
static bool moved(const struct sm_proc *p, const struct sm_stat *t, const struct sm_status *u)
{
	if (p->stack && t->stack)
		return p->stack != t->stack;
	return u->has_rss && u->hwm < p->p.hwm / 2;
}

/* The slow figures: of the first tick's processes at their first turn, to spread the start; of what is
 * born later at once. */
static bool slow_turn(const struct mc_sampler *s, const struct sm_proc *p)
{
	if (!s->real || (!p->slow_done && s->ticks > 0))
		return true;
	return s->ticks > 0 && (s->ticks / SM_ROTATION + (uint64_t)p->p.pid) % SM_SLOW == 0;
}

/* What was read of it is put to use; `fresh`: it is looked at for the first time. */
static int recognise(struct mc_sampler *s, struct sm_proc *p, int dirfd, const struct sm_stat *t,
	const struct sm_status *u, struct mc_error *err)
{
	bool fresh = p->kind == SM_NEW;
	bool anew = !fresh && moved(p, t, u), renamed = strcmp(p->comm, t->comm) != 0 || p->uid != u->uid;
	bool slow = slow_turn(s, p);
	bool see = fresh || anew || slow || !t->stack || p->age < SM_YOUNG;
	bool exec = see && read_exe(p, dirfd) ? true : anew;
	exec &= !fresh;
	sm_use_stat(s, p, t);
	sm_use_status(p, u);
	p->stack = t->stack;
	memcpy(p->comm, t->comm, sizeof p->comm);
	if (exec) {
		int rc = sm_gone(s, p, err);
		if (rc)
			return rc;
		p->p.start_ms = s->tick.t_ms;
		p->age = 0;
		p->renames = 0;
		p->nopss = false;
		p->pss_at = p->pss_tried = p->libs_at = 0;
		sm_libs_drop(s, p);
	}
	if (slow)
		sm_read_slow(s, p, dirfd);
	renamed &= !fresh && p->renames < SM_RENAMES; /* a name that changes all the time says nothing */
	if (!fresh && !exec && !renamed && !slow && !p->rematch && p->kind != SM_LEFT_PROGRAM)
		return 0;
	p->renames += renamed;
	p->rematch = false;
	return sm_assign(s, p, dirfd, err);
}

/* stat and status anew, all through one descriptor of its folder, so that no other process gets in
 * between. 0, or below: no memory. Sets kind; SM_DEAD: it went meanwhile. */
static int read_whole(struct mc_sampler *s, struct sm_proc *p, struct mc_error *err)
{
	char buf[SM_TEXT], name[32];
	struct sm_stat t;
	struct sm_status u;
	struct sm_statm m;
	int rc = 0;
	snprintf(name, sizeof name, "%lld", (long long)p->p.pid);
	int dirfd = openat(s->procfd, name, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (dirfd < 0) {
		p->kind = SM_DEAD;
		return 0;
	}
	ssize_t n = sm_read(dirfd, "stat", buf, sizeof buf);
	if (n == -EACCES || n == -EPERM) { /* hidepid=1 */
		rc = put_aside(s, p, SM_HIDDEN, err);
		goto out;
	}
	if (n <= 0 || !sm_parse_stat(buf, (size_t)n, &t)) {
		p->kind = SM_DEAD;
		goto out;
	}
	if (p->kind != SM_NEW && t.start != p->p.start_ticks && (rc = sm_end_life(s, p, err)) < 0)
		goto out; /* the pid came back */
	if (no_program(&t)) {
		sm_use_stat(s, p, &t);
		rc = put_aside(s, p, SM_IGNORED, err);
		goto out;
	}
	n = sm_read(dirfd, "status", buf, sizeof buf);
	if (n <= 0 || !sm_parse_status(buf, (size_t)n, &u)) {
		p->kind = SM_DEAD;
		goto out;
	}
	rc = recognise(s, p, dirfd, &t, &u, err);
	/* statm is opened by path: the same process only if its folder still answers */
	if (!rc && p->kind == SM_TRACKED && p->fd < 0 && p->inode == 0) {
		if (sm_read_statm(s, p, &m) && faccessat(dirfd, "statm", F_OK, 0) == 0)
			sm_use_statm(s, p, &m);
		else
			p->kind = SM_DEAD;
	}
out:
	close(dirfd);
	return rc;
}

static int end(struct mc_sampler *s, struct sm_proc *p, struct mc_error *err)
{
	int rc = sm_end_life(s, p, err);
	p->kind = SM_DEAD;
	return rc;
}

/* A tracked one's figures; whether it has to be looked at closely. */
static int follow(struct mc_sampler *s, struct sm_proc *p, bool *whole, struct mc_error *err)
{
	struct sm_statm m;
	*whole |= p->age < SM_YOUNG;
	uint64_t rss = p->p.rss, size = p->size_pages, text = p->text_pages;
	if (!sm_read_statm(s, p, &m)) { /* ESRCH: another process may have the pid by now */
		*whole = true; /* without a kept descriptor the start time decides */
		return p->fd >= 0 ? sm_end_life(s, p, err) : 0;
	}
	sm_use_statm(s, p, &m);
	/* what falls may have been swapped out, or be a new program in the old process */
	*whole |= m.resident * s->page < rss || m.size < size || m.text != text || m.size == 0;
	*whole |= s->swapping && (p->p.swap > 0 || m.resident * s->page != rss);
	return 0;
}

void sm_born(struct mc_sampler *s, struct sm_proc *p)
{
	if (!p->p.id) {
		p->p.id = ++s->next_id;
		p->born_at = s->ticks;
		/* one that has been there for long will not run exec right away, as one does after fork */
		if (p->kind == SM_TRACKED && p->p.start_ms < s->tick.t_ms - SM_YOUNG * s->interval_ms)
			p->age = SM_YOUNG;
	}
	p->p.born = p->born_at == s->ticks; /* also where the tick before failed: then nobody has seen it */
}

int sm_visit(struct mc_sampler *s, struct sm_proc *p, size_t tracked, struct mc_error *err)
{
	if (p->kind == SM_DEAD)
		p->kind = SM_NEW;
	/* what is not followed is looked at again in case it has become something else */
	bool turn = (s->ticks + (uint64_t)p->p.pid) % SM_ROTATION == 0;
	bool whole = turn || p->kind == SM_NEW || !s->real || p->rematch;
	int rc = p->kind == SM_TRACKED ? follow(s, p, &whole, err) : 0;
	if (!rc && whole)
		rc = read_whole(s, p, err);
	p->age++;
	if (rc)
		return rc;
	if (p->kind == SM_DEAD)
		return end(s, p, err);
	if (p->kind == SM_TRACKED && !p->p.id && tracked >= s->max_processes)
		p->kind = SM_LEFT;
	if (p->kind != SM_TRACKED) {
		sm_group_drop(s->groups, p);
		return put_aside(s, p, p->kind, err);
	}
	sm_born(s, p);
	return 0;
}
