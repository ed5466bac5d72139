/* What costs more than a tick may: PSS, mapped libraries, sockets. Each tick earns a little CPU time for
 * it, and what has waited longest is read with that. */
#include "sampler.h"

#include <errno.h>
#include <math.h>
#include <time.h>

#define MS 1000000.0
#define MOST (100 * MS) /* that is saved */
enum { LIB_AGE_MS = 3600000, SUSPECT_AGE_MS = 60000, PSS_AGE_MS = 600000, SOCKETS_AGE_MS = 60000, SAME_SOCKETS_AGE_MS = 600000 };

int64_t sm_cpu_ns(void)
{
	struct timespec t;
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return t.tv_sec * 1000000000LL + t.tv_nsec;
}

static bool due(int64_t now, int64_t last, int64_t age)
{
	return last == 0 || now - last >= age || now < last;
}

/* ---- whose turn it is, and what it is thought to cost (ns) ---- */
typedef bool (*turn_fn)(const struct mc_sampler *s, const struct sm_proc *p, int64_t now, double *cost);

static bool libs_turn(const struct mc_sampler *s, const struct sm_proc *p, int64_t now, double *cost)
{
	(void)s;
	*cost = 0.1 * MS;
	/* the loader has done its work by then */
	return p->age >= SM_YOUNG && p->p.exe_id.ino && due(now, p->libs_at, LIB_AGE_MS);
}

/* What an update shows by: the first of a program's processes, and those that began while we looked; of each program
 * one a tick, so that none waits for another's thousands. */
static bool news_turn(const struct mc_sampler *s, const struct sm_proc *p, int64_t now, double *cost)
{
	uint64_t read = s->program_state[p->p.program].libs_read;
	bool news = !read || (p->p.start_ms > s->begun_ms && read != s->ticks);
	return p->libs_at == 0 && news && libs_turn(s, p, now, cost);
}

static double pss_cost(const struct mc_sampler *s, const struct sm_proc *p)
{
	return 20000 + (double)p->p.rss / (double)s->page * s->ns_a_page;
}

static bool suspect_turn(const struct mc_sampler *s, const struct sm_proc *p, int64_t now, double *cost)
{
	*cost = pss_cost(s, p);
	if (p->nopss || !s->program_state[p->p.program].suspect || !due(now, p->pss_tried, SUSPECT_AGE_MS))
		return false;
	return s->pss == MC_PSS_ON || (p->p.rss <= s->pss_limit && *cost <= MS);
}

static bool pss_turn(const struct mc_sampler *s, const struct sm_proc *p, int64_t now, double *cost)
{
	*cost = pss_cost(s, p);
	bool small = p->p.rss <= s->pss_limit / 4 && *cost <= MS;
	return !p->nopss && (small || s->pss == MC_PSS_ON) && due(now, p->pss_tried, PSS_AGE_MS);
}

/* A program has a proportional size once it was read of each of its processes. Those of which it costs least in all come
 * first, where a process lived through a tick. */
static bool first_turn(const struct mc_sampler *s, const struct sm_proc *p, int64_t now, double *cost)
{
	if (p->pss_tried || p->age < 2 || !(suspect_turn(s, p, now, cost) || pss_turn(s, p, now, cost)))
		return false;
	return s->program_state[p->p.program].first_ns <= s->first_most;
}

static bool sockets_turn(const struct mc_sampler *s, const struct sm_proc *p, int64_t now, double *cost)
{
	(void)s;
	*cost = 1500.0 * p->p.fds;
	if (p->p.fds == UINT32_MAX || p->p.fds > 1024)
		return false;
	return due(now, p->sockets_at, p->p.fds == p->sockets_fds ? SAME_SOCKETS_AGE_MS : SOCKETS_AGE_MS);
}

/* ---- reading ---- */
static void read_pss(struct mc_sampler *s, struct sm_proc *p, double cost)
{
	int64_t begun = sm_cpu_ns();
	errno = 0;
	bool ok = sm_read_pss(s, p);
	bool starved = !ok && sm_starved(-errno);
	double took = (double)(sm_cpu_ns() - begun), pages = (double)p->p.rss / (double)s->page;
	p->pss_tried = s->tick.t_ms;
	p->nopss = !ok && !starved;
	if (!ok)
		return;
	p->pss_at = s->tick.t_ms;
	if (pages >= 256) { /* of large ones the pages are what costs */
		double a = took / pages;
		s->ns_a_page += (a - s->ns_a_page) / 8;
	}
	/* something about it is costly (huge numbers of mappings): not again, unless asked */
	if (took > 5 * MS && took > 4 * cost && s->pss == MC_PSS_AUTO)
		p->nopss = true;
}

static void read_libs(struct mc_sampler *s, struct sm_proc *p, double cost)
{
	(void)cost;
	sm_read_libraries(s, p);
	s->program_state[p->p.program].libs_read = s->ticks;
	p->libs_at = s->tick.t_ms;
}

static void read_sockets(struct mc_sampler *s, struct sm_proc *p, double cost)
{
	(void)cost;
	sm_read_sockets(s, p);
	p->sockets_at = s->tick.t_ms;
	p->sockets_fds = p->p.fds;
}

/* Goes round from *at on until the purse is empty (false) or everyone has had a look. */
static bool serve_round(struct mc_sampler *s, double *purse, size_t *at, turn_fn turn, void (*read)(struct mc_sampler *, struct sm_proc *, double))
{
	double cost, most = MOST;
	for (size_t i = 0; i < s->n; i++) {
		size_t k = (*at + i) % s->n;
		struct sm_proc *p = s->v[k];
		if (p->kind != SM_TRACKED || !turn(s, p, s->tick.t_ms, &cost))
			continue;
		if (*purse < (cost < most ? cost : most)) {
			*at = k;
			return false;
		}
		int64_t begun = sm_cpu_ns();
		read(s, p, cost);
		*purse -= (double)(sm_cpu_ns() - begun);
	}
	return true;
}

/* ---- first figures ---- */

/* What the first figures of each program cost still. False: every program has them. */
static bool sum_first(struct mc_sampler *s)
{
	double cost;
	bool any = false;
	s->first_most = (double)INFINITY;
	for (size_t i = 0; i < s->n; i++)
		if (s->v[i]->kind == SM_TRACKED)
			s->program_state[s->v[i]->p.program].first_ns = 0;
	for (size_t i = 0; i < s->n; i++) {
		const struct sm_proc *p = s->v[i];
		if (p->kind != SM_TRACKED || !first_turn(s, p, s->tick.t_ms, &cost))
			continue;
		s->program_state[p->p.program].first_ns += cost;
		any = true;
	}
	return any;
}

/* Of the cheapest programs first: small ones have theirs within a minute, whatever else there is. */
static void serve_first(struct mc_sampler *s)
{
	static const double most[] = { 0.2 * MS, 1 * MS, 5 * MS, (double)INFINITY };
	for (size_t i = 0; i < sizeof most / sizeof *most; i++) {
		size_t at = 0;
		s->first_most = most[i];
		if (!serve_round(s, &s->first_tokens_ns, &at, first_turn, read_pss))
			return; /* what is saved is for it */
	}
}

/* Half of what is earned is for first figures while some are missing: on a busy host the libraries of all processes
 * take the rest for minutes. */
static void earn(struct mc_sampler *s, int64_t elapsed_ms, bool first)
{
	double earned = elapsed_ms > 0 ? s->pss_cpu * MS * (double)elapsed_ms : 0;
	s->first_tokens_ns += earned / 2;
	s->tokens_ns += earned / 2;
	if (!first) {
		s->tokens_ns += s->first_tokens_ns;
		s->first_tokens_ns = 0;
	}
	if (!s->real && !s->pss_cpu_given)
		s->tokens_ns = s->first_tokens_ns = MOST; /* a tree of files costs what it costs */
	s->tokens_ns = s->tokens_ns > MOST ? MOST : s->tokens_ns;
	s->first_tokens_ns = s->first_tokens_ns > MOST ? MOST : s->first_tokens_ns;
}

void sm_budget(struct mc_sampler *s, int64_t elapsed_ms)
{
	bool first = s->pss != MC_PSS_OFF && sum_first(s);
	size_t suspects_at = 0, news_at = 0;
	earn(s, elapsed_ms, first);
	if (first)
		serve_first(s);
	if (s->pss != MC_PSS_OFF)
		serve_round(s, &s->tokens_ns, &suspects_at, suspect_turn, read_pss);
	serve_round(s, &s->tokens_ns, &news_at, news_turn, read_libs);
	serve_round(s, &s->tokens_ns, &s->libs_at, libs_turn, read_libs);
	if (s->pss != MC_PSS_OFF)
		serve_round(s, &s->tokens_ns, &s->pss_at, pss_turn, read_pss);
	serve_round(s, &s->tokens_ns, &s->sockets_at, sockets_turn, read_sockets);
}
