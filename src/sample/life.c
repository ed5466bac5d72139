/* Who a process is: born, gone on, run anew by exec, gone, or another one with the same pid. */
#include "sampler.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { KTHREAD = 0x00200000, /* PF_KTHREAD in stat's flags */ LEAP = 1 << 20 };

static struct mc_exe_id exe_of(const struct stat *st)
{
	return (struct mc_exe_id){.dev = st->st_dev, .ino = st->st_ino, .size = (uint64_t)st->st_size,
				  .mtime_ns = st->st_mtim.tv_sec * 1000000000LL + st->st_mtim.tv_nsec};
}

/* Where its parent runs the same file, and that has one name only, it is the parent's. */
static const char *parents_exe(const struct mc_sampler *s, int64_t ppid, const struct stat *st)
{
	struct mc_exe_id id = exe_of(st);
	const struct sm_proc *parent = st->st_nlink == 1 ? sm_find(s, ppid) : NULL;
	if (!parent || parent->kind != SM_TRACKED || !parent->exe)
		return NULL;
	const struct mc_exe_id *its = &parent->p.exe_id;
	return its->ino == id.ino && its->dev == id.dev && its->mtime_ns == id.mtime_ns && its->size == id.size ? parent->exe : NULL;
}

/* The file it runs. True where it is another than before. */
static bool read_exe(const struct mc_sampler *s, struct sm_proc *p, int dirfd, int64_t ppid)
{
	char link[512];
	struct stat st;
	struct mc_exe_id id = {0};
	const char *exe = link;
	ssize_t n = 0;
	if (fstatat(dirfd, "exe", &st, 0) == 0)
		id = exe_of(&st);
	const char *same = id.ino && p->kind == SM_NEW ? parents_exe(s, ppid, &st) : NULL;
	if (!same)
		n = readlinkat(dirfd, "exe", link, sizeof link - 1);
	link[n > 0 ? n : 0] = 0;
	if (same)
		exe = same;
	else if (n <= 0)
		id = (struct mc_exe_id){0};
	p->denied = !id.ino;
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
	return (t->flags & KTHREAD) || t->vsize == 0 || strchr("ZXx", t->state);
}

int sm_put_aside(struct mc_sampler *s, struct sm_proc *p, enum sm_kind kind, struct mc_error *err)
{
	p->kind = kind;
	sm_group_drop(s->groups, p);
	sm_drop_fd(s, p);
	return sm_gone(s, p, err);
}

/* exec: another file, or the same one in a new address space, with its stack elsewhere. Without the
 * right to see that, the size of the program's code is another, or the high-water mark starts again; but
 * the kernel's own batching lets that fall a little, so only half counts. */
static bool moved(const struct sm_proc *p, const struct sm_stat *t, const struct sm_status *u)
{
	if (p->stack && t->stack)
		return p->stack != t->stack;
	return p->retext || (u->has_rss && u->hwm < p->p.hwm / 2);
}

/* The slow figures: of the first tick's processes at their first turn, to spread the start; of what is
 * born later at once. */
static bool slow_turn(const struct mc_sampler *s, const struct sm_proc *p)
{
	if (!s->real || (!p->slow_done && s->ticks > 0))
		return true;
	return p->slow_done && s->ticks - p->slow_at >= (uint64_t)SM_ROTATION * SM_SLOW;
}

/* What a process has used, in a number that stands still while it sleeps; 0: not known. The switches are
 * those of its main thread, so only with one thread. */
static uint64_t sign_of(const struct sm_stat *t, const struct sm_status *u)
{
	if (t->threads != 1 || u->switches == MC_UNREAD)
		return 0;
	return 1 + u->switches * 31 + (t->utime + t->stime) * 1009 + (t->minflt + t->majflt) * 65537;
}

/* One that sleeps is left to sleep: its turn comes each second time, then each fourth, ... */
static void rest(struct sm_proc *p, uint64_t sign)
{
	static const uint8_t next[SM_SLOW] = {1, 3, 3, 5, 5, 5};
	p->rest = sign && sign == p->sign ? next[p->rested < SM_SLOW ? p->rested : SM_SLOW - 1] : 0;
	p->rested = p->rest;
	p->sign = sign;
}

/* What was read of it is put to use. dirfd -1: nothing more is to be read. */
static int recognise(struct mc_sampler *s, struct sm_proc *p, int dirfd, const struct sm_stat *t,
	const struct sm_status *u, struct mc_error *err)
{
	bool fresh = p->kind == SM_NEW, slow = dirfd >= 0 && slow_turn(s, p);
	bool anew = !fresh && moved(p, t, u), renamed = strcmp(p->comm, t->comm) != 0 || p->uid != u->uid;
	bool exec = dirfd >= 0 && read_exe(s, p, dirfd, (int64_t)t->ppid) ? true : anew;
	exec &= !fresh;
	sm_use_stat(s, p, t);
	sm_use_status(p, u);
	p->stack = t->stack;
	p->retext = false;
	/* a name that changes all the time says nothing: the last one stays */
	if (fresh || exec || p->renames < SM_RENAMES)
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
		p->p.pss = p->p.uss = MC_UNREAD;
		sm_libs_drop(s, p);
	}
	if (slow) {
		sm_read_slow(s, p, dirfd);
		p->slow_sign = sign_of(t, u);
		p->slow_at = s->ticks;
	}
	rest(p, sign_of(t, u));
	renamed &= !fresh && p->renames < SM_RENAMES;
	if (dirfd < 0 || (!fresh && !exec && !renamed && !slow && !p->rematch && p->kind != SM_LEFT_PROGRAM))
		return 0;
	p->renames += renamed;
	p->rematch = false;
	return sm_assign(s, p, dirfd, err);
}

/* Whether what stat and status say asks for a look at the rest: exe, cgroup, io, ... */
static bool asks(const struct mc_sampler *s, const struct sm_proc *p, const struct sm_stat *t, const struct sm_status *u)
{
	bool slept = p->slow_sign && sign_of(t, u) == p->slow_sign;
	return p->kind == SM_NEW || p->kind == SM_LEFT_PROGRAM || p->rematch || (slow_turn(s, p) && !slept) || moved(p, t, u) ||
	       p->uid != u->uid || (p->renames < SM_RENAMES && strcmp(p->comm, t->comm) != 0);
}

/* What it is stays as it was: that nothing could be opened says nothing about the process. */
static int starved(struct mc_sampler *s)
{
	s->starved_ms = s->tick.t_ms;
	s->starved = true;
	return 1;
}

/* status, then stat. Where stat shows the process that was there before, status was of it too: its pid was
 * taken all the time. 0; 1: it went, or it is none that is followed: kind says which. */
static int read_both(struct mc_sampler *s, struct sm_proc *p, int dirfd, const char *prefix, struct sm_stat *t,
	struct sm_status *u, struct mc_error *err)
{
	char buf[SM_TEXT], path[48];
	snprintf(path, sizeof path, "%sstatus", prefix);
	ssize_t n = p->kind == SM_IGNORED && p->idle ? 0 : sm_read_once(dirfd, path, buf, sizeof buf);
	if (sm_starved(n))
		return starved(s);
	bool hidden = n == -EACCES || n == -EPERM; /* hidepid=1 */
	bool known = n > 0 && sm_parse_status(buf, (size_t)n, u);
	snprintf(path, sizeof path, "%sstat", prefix);
	n = sm_read_once(dirfd, path, buf, sizeof buf);
	if (sm_starved(n))
		return starved(s);
	if (n <= 0 || !sm_parse_stat(buf, (size_t)n, t)) {
		p->kind = hidden || n == -EACCES || n == -EPERM ? SM_HIDDEN : SM_DEAD;
		return 1;
	}
	if (p->kind != SM_NEW && t->start != p->p.start_ticks) { /* the pid came back */
		int rc = sm_end_life(s, p, err);
		return rc ? rc : 1;
	}
	if (no_program(t)) {
		sm_use_stat(s, p, t);
		p->kind = SM_IGNORED;
		p->idle = true;
		p->rest = t->flags & KTHREAD ? SM_SLOW - 1 : 0;
		return 1;
	}
	if (known)
		return 0;
	bool awake = p->kind == SM_IGNORED && p->idle; /* a thread of the kernel's that has become a program */
	int rc = awake ? sm_end_life(s, p, err) : 0;
	if (!awake)
		p->kind = SM_DEAD;
	return rc ? rc : 1;
}

/* All that can be read of it, through one descriptor of its folder, so that no other process gets in
 * between. */
static int read_all(struct mc_sampler *s, struct sm_proc *p, struct mc_error *err)
{
	char name[32];
	struct sm_stat t;
	struct sm_status u;
	struct sm_statm m;
	snprintf(name, sizeof name, "%lld", (long long)p->p.pid);
	int dirfd = openat(s->procfd, name, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (dirfd < 0) {
		if (sm_starved(-errno))
			starved(s);
		else
			p->kind = SM_DEAD;
		return 0;
	}
	int rc = read_both(s, p, dirfd, "", &t, &u, err);
	rc = rc ? rc : recognise(s, p, dirfd, &t, &u, err);
	if (!rc && p->kind == SM_TRACKED && p->fd < 0 && p->inode == 0) {
		errno = 0;
		/* status has said it all, but for the size of the code, by which exec shows without the right to see the stack */
		if (u.has_rss && u.size && t.stack && sm_keep_statm(s, p, dirfd, u.size))
			goto out;
		if (sm_read_statm(s, p, dirfd, &m))
			sm_use_statm(s, p, &m);
		else if (sm_starved(-errno))
			starved(s); /* status has told most of it */
		else
			p->kind = SM_DEAD;
	}
out:
	close(dirfd);
	return rc > 0 ? 0 : rc;
}

/* status and stat anew, and the rest where they ask for it. 0, or below: no memory. */
static int read_whole(struct mc_sampler *s, struct sm_proc *p, struct mc_error *err)
{
	char prefix[32];
	struct sm_stat t;
	struct sm_status u;
	if (p->kind == SM_NEW)
		return read_all(s, p, err);
	snprintf(prefix, sizeof prefix, "%lld/", (long long)p->p.pid);
	int rc = read_both(s, p, s->procfd, prefix, &t, &u, err);
	if (rc < 0 || (rc > 0 && p->kind != SM_NEW))
		return rc > 0 ? 0 : rc;
	return rc > 0 || asks(s, p, &t, &u) ? read_all(s, p, err) : recognise(s, p, -1, &t, &u, err);
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
	if (!sm_read_statm(s, p, -1, &m)) { /* ESRCH: another process may have the pid by now */
		*whole = true; /* without a kept descriptor the start time decides */
		return p->fd >= 0 ? sm_end_life(s, p, err) : 0;
	}
	sm_use_statm(s, p, &m);
	/* what falls may have been swapped out, or be a new program in the old process */
	p->retext |= text && m.text && m.text != text;
	*whole |= m.resident * s->page < rss || m.size < size || p->retext || m.size == 0;
	*whole |= s->swapping && (p->p.swap > 0 || m.resident * s->page != rss);
	/* what grows by leaps may be another program as well, of the same file under the same name */
	if (m.resident * s->page > rss + rss / 4 + LEAP) {
		*whole = true;
		p->rematch |= !p->stack && sm_selectors_count(s->sel) > 0; /* without the right to see exec by it */
	}
	if (m.size != size) /* it does not sleep */
		p->rest = 0;
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

int sm_visit(struct mc_sampler *s, struct sm_proc *p, size_t others, struct mc_error *err)
{
	if (p->kind == SM_DEAD)
		p->kind = SM_NEW;
	/* what is not followed is looked at again in case it has become something else */
	bool turn = (s->ticks + (uint64_t)p->p.pid) % SM_ROTATION == 0;
	if (turn && p->rest > 0 && s->real) {
		p->rest--;
		turn = false;
	}
	bool whole = turn || p->kind == SM_NEW || !s->real || p->rematch;
	int rc = p->kind == SM_TRACKED ? follow(s, p, &whole, err) : 0;
	if (!rc && whole)
		rc = read_whole(s, p, err);
	p->age++;
	if (rc)
		return rc;
	if (p->kind == SM_DEAD)
		return end(s, p, err);
	if (p->kind == SM_TRACKED && others >= s->max_processes)
		p->kind = SM_LEFT;
	if (p->kind != SM_TRACKED)
		return sm_put_aside(s, p, p->kind, err);
	sm_born(s, p);
	return 0;
}
