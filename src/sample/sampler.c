/* The tick: who is there, what each holds, which program it is. */
#include "sampler.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/vfs.h>
#include <unistd.h>

/* ---- one tick ---- */
/* More names are left out than one of them each time it is seen: each once; past 256 the count stays. */
static void count_left(struct mc_sampler *s)
{
	struct mc_tick *t = &s->tick;
	uint64_t seen[256];
	size_t nseen = 0;
	t->left_out_processes = t->not_permitted = t->hidden = 0;
	for (size_t i = 0; i < s->n; i++) {
		const struct sm_proc *p = s->v[i];
		t->hidden += p->kind == SM_HIDDEN;
		t->left_out_processes += p->kind == SM_LEFT || p->kind == SM_LEFT_PROGRAM;
		t->not_permitted += p->kind == SM_TRACKED && p->denied;
		if (p->kind != SM_LEFT_PROGRAM)
			continue;
		size_t k = 0;
		while (k < nseen && seen[k] != p->name_hash)
			k++;
		if (k == nseen && nseen < 256)
			seen[nseen++] = p->name_hash;
	}
	t->left_out_programs = nseen;
}

static int room_for_all(struct mc_sampler *s, struct mc_error *err)
{
	void *out = s->out;
	int rc = mc_grow(&out, &s->out_cap, s->n + 1, sizeof *s->out, err);
	s->out = out;
	return rc;
}

/* What the caller sees of this tick. */
static int collect(struct mc_sampler *s, struct mc_error *err)
{
	struct mc_tick *t = &s->tick;
	int rc = room_for_all(s, err);
	rc = rc ? rc : sm_groups_read(s->groups, s->ticks, t, err);
	if (rc)
		return rc;
	sm_netns_read(s);
	sm_count(s);
	count_left(s);
	t->nprocesses = 0;
	for (size_t i = 0; i < s->n; i++) {
		struct sm_proc *p = s->v[i];
		if (p->kind != SM_TRACKED)
			continue;
		s->out[t->nprocesses++] = &p->p;
		p->p.comm = p->comm;
		p->p.exe = p->exe ? p->exe : "";
		p->p.pss_age_ms = p->pss_at ? t->t_ms - p->pss_at : -1;
	}
	t->processes = s->out;
	t->programs = s->programs;
	t->ngone = s->ngone;
	t->gone = s->gone;
	t->host.load_processes = (double)s->npids;
	return 0;
}

static int visit_all(struct mc_sampler *s, struct mc_error *err)
{
	size_t tracked = 0;
	bool waiters = false;
	int rc = 0;
	for (size_t i = 0; i < s->n; i++)
		tracked += s->v[i]->kind == SM_TRACKED;
	/* the limit was lowered: the last ones go */
	for (size_t i = s->n; !rc && i-- > 0 && tracked > s->max_processes;)
		if (s->v[i]->kind == SM_TRACKED) {
			rc = sm_put_aside(s, s->v[i], SM_LEFT, err);
			tracked--;
		}
	for (size_t i = 0; !rc && i < s->n; i++) {
		struct sm_proc *p = s->v[i];
		bool was = p->kind == SM_TRACKED;
		if (p->kind == SM_LEFT && tracked < s->max_processes)
			p->kind = SM_NEW; /* there is room again */
		rc = sm_visit(s, p, tracked - was, err);
		tracked += (size_t)(p->kind == SM_TRACKED) - (size_t)was;
		waiters |= p->waits;
	}
	/* children whose parent has the larger pid; a chain of them takes as many rounds as it is long */
	for (bool more = waiters; !rc && more;) {
		more = false;
		for (size_t i = 0; i < s->n; i++) {
			struct sm_proc *p = s->v[i];
			if (!p->waits || tracked >= s->max_processes || !sm_join(s, p))
				continue;
			sm_born(s, p);
			tracked++;
			more = true;
		}
	}
	for (size_t i = 0; waiters && i < s->n; i++)
		s->v[i]->waits = false;
	return rc;
}

/* What began since the host's figures were read last, and is not among the processes born since. */
static void count_unseen(struct mc_sampler *s)
{
	int64_t elapsed = s->tick.t_ms - s->forks_ms;
	for (size_t i = 0; i < s->tick.nprocesses; i++)
		s->born += s->out[i]->born;
	if (s->tick.host.read_ms != s->tick.t_ms)
		return;
	double begun = s->host.forks - s->forks - (double)s->born;
	s->unseen = s->ticks && elapsed > 0 && begun > 0 ? begun * 1000 / (double)elapsed : 0;
	s->forks = s->host.forks;
	s->forks_ms = s->tick.t_ms;
	s->born = 0;
}

int mc_sampler_tick(struct mc_sampler *s, int64_t now_ms, const struct mc_tick **ret, struct mc_error *err)
{
	int64_t begun = mc_mono_ns(), elapsed = s->ticks ? now_ms - s->tick.t_ms : 0;
	if (s->delivered)
		s->ngone = 0; /* else nobody has heard of them yet */
	s->delivered = false;
	s->tick.nprocesses = 0; /* where this tick fails nobody looks at lives that are gone */
	if (!s->ticks)
		s->begun_ms = now_ms;
	s->tick.t_ms = now_ms;
	sm_host_read(s->procfd, &s->host, now_ms, &s->tick.host);
	s->swapping = s->ticks > 0 && (s->tick.host.swapout_pages > s->pswpout || s->tick.host.swapin_pages > s->pswpin);
	s->pswpout = s->tick.host.swapout_pages;
	s->pswpin = s->tick.host.swapin_pages;
	sm_short_tick(s);
	int rc = sm_pids(s, err);
	rc = rc ? rc : visit_all(s, err);
	if (!rc)
		sm_budget(s, elapsed);
	rc = rc ? rc : collect(s, err);
	if (rc)
		return rc;
	count_unseen(s);
	s->ticks++;
	s->delivered = true;
	s->tick.duration_s = (double)(mc_mono_ns() - begun) / 1e9;
	*ret = &s->tick;
	return 0;
}

/* ---- begin, change, end ---- */
int mc_sampler_suspects(struct mc_sampler *s, const char *const *names, size_t n, struct mc_error *err)
{
	(void)err; /* nothing is kept that could fail: a program that has no process has no PSS either */
	for (size_t i = 0; i < s->tick.nprograms; i++)
		s->program_state[i].suspect = false;
	for (size_t i = 0; i < n; i++) {
		uint64_t at;
		if (mc_map_get(s->by_name, names[i], strnlen(names[i], SM_NAME_BYTES), &at))
			s->program_state[at].suspect = true;
	}
	return 0;
}

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
	s->interval_ms = c->interval_ms > 0 ? c->interval_ms : 10000;
	s->pss = c->pss;
	s->pss_cpu_given = c->pss_cpu > 0;
	s->pss_cpu = c->pss_cpu > 0 ? c->pss_cpu : 0.0005;
	s->pss_limit = c->pss_limit ? c->pss_limit : 32 << 20;
	sm_short_ask(s, c->short_lives);
	for (size_t i = 0; i < s->n; i++) {
		s->v[i]->rematch = true;
		s->v[i]->renames = 0;
		s->v[i]->joined = false;
		if (s->v[i]->kind == SM_LEFT)
			s->v[i]->kind = SM_NEW;
	}
	/* counted anew as their processes are matched: a lower limit holds for those that are there too */
	s->live = 0;
	for (size_t i = 0; i < s->tick.nprograms; i++)
		s->programs[i].processes = 0;
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

static int begin(struct mc_sampler *s, const struct mc_sample_config *c, struct mc_error *err)
{
	const char *path = c->procfs ? c->procfs : "/proc";
	struct statfs fs;
	s->procfd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (s->procfd < 0)
		return mc_fail(err, MC_EIO, errno, "%.400s", path);
	s->real = fstatfs(s->procfd, &fs) == 0 && fs.f_type == PROC_SUPER_MAGIC;
	if (!s->real && faccessat(s->procfd, "stat", F_OK, 0) != 0)
		return mc_fail(err, MC_EIO, 0, "%.400s is no procfs: there is no 'stat' in it", path);
	s->host.keep = s->real;
	sm_pids_begin(s);
	s->by_name = mc_map_new();
	s->libsets = mc_map_new();
	if (!s->by_name || !s->libsets)
		return mc_nomem(err, "program names");
	int rc = sm_groups_new(c->sysfs ? c->sysfs : "/sys", &s->groups, err);
	rc = rc ? rc : mc_sampler_reconfigure(s, c, err);
	if (rc)
		return rc;
	s->max_fds = raise_limit();
	sm_rights(s, path);
	return 0;
}

int mc_sampler_open(const struct mc_sample_config *c, struct mc_sampler **ret, struct mc_error *err)
{
	struct mc_sampler *s = calloc(1, sizeof *s);
	if (!s)
		return mc_nomem(err, "the sampler");
	s->procfd = s->loadavg = -1;
	s->page = (uint64_t)sysconf(_SC_PAGESIZE);
	s->hz = (double)sysconf(_SC_CLK_TCK);
	s->name.limit = 4096;
	s->ns_a_page = 90;
	int rc = begin(s, c, err);
	s->tokens_ns = s->first_tokens_ns = s->pss_cpu * 20e9; /* as if saved: to know the libraries of most programs soon */
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
		sm_drop_fd(s, s->v[i]);
		sm_group_drop(s->groups, s->v[i]);
		sm_libs_drop(s, s->v[i]);
		free(s->v[i]->exe);
		free(s->v[i]);
	}
	for (size_t i = 0; i < s->tick.nprograms; i++)
		free(s->programs[i].name);
	if (s->procfd >= 0)
		close(s->procfd);
	if (s->loadavg >= 0)
		close(s->loadavg);
	sm_host_release(&s->host);
	sm_exits_free(s->exits);
	sm_groups_free(s->groups);
	sm_selectors_free(s->sel);
	mc_map_free(s->by_name);
	mc_map_free(s->libsets);
	mc_buf_release(&s->name);
	free(s->v);
	free(s->merged);
	free(s->pids);
	free(s->out);
	free(s->gone);
	free(s->netns);
	free(s->programs);
	free(s->program_state);
	free(s);
}
