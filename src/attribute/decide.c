/* From probabilities to the answer: verdict, culprit, times, slopes. */
#include "trends.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const double LEAST_SHOWN = .001, DAY_MS = 86400e3;
/* Where nothing is seen to grow, something may, too slowly to be seen: one time in twenty on development corpora of every kind. */
static const double UNSEEN = .05;

size_t lives_at(const struct history *h, size_t role, double t)
{
	size_t n = 0;
	for (size_t i = 0; i < h->nlives; i++)
		n += (role == EVERY_ROLE || h->life[i].role == role) && h->life[i].start <= t && h->life[i].last >= t - 3 * h->tick;
	return n;
}

double lives_counted(const struct history *h, const struct judgement *j, double t)
{
	return j->signal == HISTORY_ANON ? fmax(1, (double)lives_at(h, j->role, t)) : 1;
}

static int by_probability(const void *a, const void *b)
{
	const struct mc_candidate *x = a, *y = b;
	if (x->probability != y->probability)
		return (x->probability < y->probability) - (x->probability > y->probability);
	return (x->deploy > y->deploy) - (x->deploy < y->deploy);
}

/* Each deploy's probability: it began a growth, or, where nothing grows, a step. */
static int candidates(const struct history *h, const struct judgement *j, struct mc_answer *a, struct mc_error *err)
{
	const struct belief *b = &j->belief;
	double rest = b->none + b->bounded, shown = 0, run = 0;
	for (size_t k = 0; k < h->ndeploys; k++)
		run += h->deploy[k].lives > 0;
	a->candidates = calloc(h->ndeploys + 1, sizeof *a->candidates);
	if (!a->candidates)
		return mc_nomem(err, "the candidates");
	for (size_t k = 0; k < h->ndeploys; k++) {
		double p = belief_whose(h, b->deploy, k) +
			rest * ((1 - UNSEEN) * belief_whose(h, j->steps.p, k) + (h->deploy[k].lives > 0 ? UNSEEN / run : 0));
		if (p < LEAST_SHOWN)
			continue;
		shown += p;
		a->candidates[a->ncandidates++] = (struct mc_candidate){ .deploy = h->deploy[k].index, .probability = p,
			.first_seen_ms = isnan(h->deploy[k].first_seen) ? MC_NO_TIME : history_ms(h, h->deploy[k].first_seen) };
	}
	qsort(a->candidates, a->ncandidates, sizeof *a->candidates, by_probability);
	a->not_a_deploy = judged_no_deploy(j) + rest * (1 - UNSEEN) * j->steps.free;
	a->no_change = fmax(0, 1 - shown - a->not_a_deploy);
	return 0;
}

static size_t likeliest(const double *p, size_t n)
{
	size_t best = 0;
	for (size_t k = 1; k < n; k++)
		if (p[k] > p[best])
			best = k;
	return best;
}

static enum mc_verdict quiet_verdict(const struct history *h, const struct judgement *j)
{
	struct mc_noise noise;
	mc_panel_noise(j->panel, &noise);
	double sigma = sqrt(noise.var), life = judged_longest(j);
	if (j->belief.bounded > j->belief.none || mc_panel_curve(j->panel, .15 * life, life) > 4 * sigma)
		return MC_VERDICT_PLATEAU;
	if (h->nload && mc_panel_load(j->panel) > 2 * sigma)
		return MC_VERDICT_LOAD;
	return MC_VERDICT_NONE;
}

/* When the growth of deploy k, or (MC_NO_DEPLOY) that which was there before the first, ended: the release from which on nothing grows has more weight than 'still growing'. */
static size_t ended_by(const struct history *h, const struct judgement *j, size_t k)
{
	double p[512] = { 0 }, open = k == MC_NO_DEPLOY ? j->belief.all + j->belief.free_onset : 0; /* history.c takes 500 deploys at most */
	size_t r = MC_NO_DEPLOY;
	for (size_t i = 0; i < j->sets.n; i++) {
		const struct mc_supposition *s = &j->sets.s[i];
		if (supposed_deploy(s) != k)
			continue;
		size_t until = s->again_until > s->again ? s->again_until : s->until;
		if (until > h->ndeploys)
			open += j->belief.weight[i];
		else
			p[until] += j->belief.weight[i];
	}
	for (size_t i = 0; k != MC_NO_DEPLOY && i < j->evidence.nonsets; i++)
		if (j->belief.onset_of[i] == k)
			open += j->belief.onset_weight[i];
	double ended = 0;
	for (size_t i = 0; i <= h->ndeploys; i++)
		ended += p[i];
	if ((k == MC_NO_DEPLOY ? j->belief.before : ended) > open) /* of the former the weights only say which is likelier */
		r = likeliest(p, h->ndeploys + 1) - 1;
	return r;
}

struct moment {
	double t, p;
};

static int by_time(const void *a, const void *b)
{
	const struct moment *x = a, *y = b;
	return (x->t > y->t) - (x->t < y->t);
}

/* 95 % interval over everything that could have been the onset. */
static int onset_interval(const struct history *h, const struct judgement *j, size_t k, struct mc_answer *a, struct mc_error *err)
{
	size_t n = 0;
	struct moment *m = calloc(2 * h->ndeploys + j->evidence.nonsets + 2, sizeof *m);
	double sum = 0, acc = 0, lo = (double)NAN, hi = (double)NAN, best = (double)NAN, most = -1;
	if (!m)
		return mc_nomem(err, "the onset");
	for (size_t d = 0; d < h->ndeploys; d++) {
		double p = j->belief.deploy[d];
		for (size_t i = 0; i < j->evidence.nonsets; i++)
			if (j->belief.onset_of[i] == d)
				p -= j->belief.onset_weight[i];
		double at = isnan(h->deploy[d].first_seen) ? h->deploy[d].mark : fmin(h->deploy[d].first_seen, fmax(h->deploy[d].begins, h->deploy[d].mark));
		m[n++] = (struct moment){ at, fmax(p, 0) };
	}
	for (size_t i = 0; i < j->evidence.nonsets; i++)
		m[n++] = (struct moment){ j->rows.onsets[i], j->belief.onset_weight[i] };
	m[n++] = (struct moment){ 0, j->belief.all + j->belief.before };
	/* where a deploy is named the onset is that deploy's */
	for (size_t i = 0; i < n; i++) {
		bool of = i == k || (i >= h->ndeploys && i < h->ndeploys + j->evidence.nonsets && j->belief.onset_of[i - h->ndeploys] == k);
		if (k != MC_NO_DEPLOY && !of)
			m[i].p = 0;
		sum += m[i].p;
	}
	if (!(sum > 0)) /* nothing speaks for a time but the deploy's own */
		sum = m[k == MC_NO_DEPLOY ? n - 1 : k].p = 1;
	qsort(m, n, sizeof *m, by_time);
	for (size_t i = 0; i < n; i++) {
		acc += m[i].p / sum;
		if (isnan(lo) && acc >= .025)
			lo = m[i].t;
		if (isnan(hi) && acc >= .975)
			hi = m[i].t;
	}
	/* of very many moments the likeliest alone may lie outside of what most of them say */
	for (size_t i = 0; i < n; i++)
		if (m[i].p > most && m[i].t >= lo && m[i].t <= hi) {
			most = m[i].p;
			best = m[i].t;
		}
	double step = j->evidence.nonsets > 1 ? (j->rows.onsets[j->evidence.nonsets - 1] - j->rows.onsets[0]) / (double)j->evidence.nonsets : 0;
	bool sharp = k != MC_NO_DEPLOY && lo == hi;
	a->onset_ms = history_ms(h, best);
	a->onset_lo_ms = history_ms(h, sharp ? fmin(lo, h->deploy[k].mark) - h->tick : lo - step);
	a->onset_hi_ms = history_ms(h, sharp ? fmax(hi, h->deploy[k].mark) + fmax(2 * h->tick, j->rows.bin) : hi + step);
	free(m);
	return 0;
}

/* The fit of one life as the slope of n of them up to a time, and what that has brought. */
static void set_slope(const struct history *h, const struct judgement *j, const struct mc_growth_fit *f, double n, double until, struct mc_answer *a)
{
	a->slope_after = f->slope * n * j->unit;
	a->slope_after_lo = (f->slope - 1.96 * f->slope_sd) * n * j->unit;
	a->slope_after_hi = (f->slope + 1.96 * f->slope_sd) * n * j->unit;
	a->grown_bytes = fmax(0, a->slope_after * (until - (double)(a->onset_ms - h->origin_ms) / 1000));
}

/* The fit is of all releases that grow. Where they differ in rate the culprit's has that of the first part, and what grows now that of the last;
 * n processes. */
static void slopes_of_parts(double n, struct mc_answer *a)
{
	const struct mc_episode *first = a->episodes, *last = first + a->nepisodes - 1;
	a->slope_now = a->slope_after;
	a->slope_now_lo = a->slope_after_lo;
	a->slope_now_hi = a->slope_after_hi;
	/* a first part that is hardly one (a few of many processes had it) has no rate of its own to show */
	if (a->nepisodes > 1 && first->slope > 1.96 * first->slope_sd) {
		a->slope_after = n * first->slope;
		a->slope_after_lo = n * (first->slope - 1.96 * first->slope_sd);
		a->slope_after_hi = n * (first->slope + 1.96 * first->slope_sd);
	}
	if (a->nepisodes > 1 && last->slope > 0) {
		a->slope_now = n * last->slope;
		a->slope_now_lo = n * (last->slope - 1.96 * last->slope_sd);
		a->slope_now_hi = n * (last->slope + 1.96 * last->slope_sd);
	}
	if (a->state != MC_STATE_ACTIVE)
		a->slope_now = a->slope_now_lo = a->slope_now_hi = (double)NAN;
}

/* Lives that a deploy without lives of its own found running, and that went on: their trend tells nothing of the time before it. */
static bool ran_on(const struct history *h, size_t k, size_t release)
{
	for (size_t i = 0; i < h->nlives && !h->deploy[k].lives; i++)
		if (h->life[i].release == release && h->life[i].last > h->deploy[k].begins + 10 * h->tick)
			return true;
	return false;
}

static int slopes(const struct history *h, const struct judgement *j, size_t k, const struct mc_growth_fit *f, struct mc_answer *a, struct mc_error *err)
{
	double until = h->as_of;
	size_t end = ended_by(h, j, k);
	if (end != MC_NO_DEPLOY)
		until = h->deploy[end].begins;
	double n = lives_counted(h, j, until - 2 * h->tick);
	set_slope(h, j, f, n, until, a);
	double before = 0, sd;
	int rc = 1;
	for (size_t r = k + 1; rc > 0 && r-- > 0;) /* release k is what ran before deploy k */
		rc = ran_on(h, k, r) ? 1 : release_trend(j, r, &before, &sd, err);
	a->slope_before = rc == 0 ? before * n : (double)NAN;
	return rc < 0 ? rc : 0;
}

static void stopped(const struct history *h, const struct judgement *j, size_t k, struct mc_answer *a)
{
	const struct history_deploy *d = &h->deploy[k];
	double at = isnan(d->first_seen) ? d->begins : d->first_seen;
	a->state = MC_STATE_FIXED;
	a->fixed_by = d->index;
	a->fixed_first_seen_ms = isnan(d->first_seen) ? MC_NO_TIME : history_ms(h, d->first_seen);
	a->stopped_ms = history_ms(h, at);
	a->stopped_lo_ms = history_ms(h, fmin(at, d->mark) - h->tick);
	a->stopped_hi_ms = history_ms(h, fmax(at, d->mark) + j->rows.bin);
}

/* One deploy holds more than half of the probability. Where another has nearly as much the data tell nothing of the two, and the
 * last per cent is chance. MC_NO_DEPLOY: none does. */
static size_t holds_most(const struct history *h, const struct mc_answer *a)
{
	static const double NEARLY = .48;
	if (a->ncandidates && a->candidates[0].probability > .5 && (a->ncandidates < 2 || a->candidates[1].probability <= NEARLY))
		return history_deploy_at(h, a->candidates[0].deploy);
	return MC_NO_DEPLOY;
}

/* The deploy that is named. Not where another is close (witness_close()) and has two thirds as much or more: the few rows that lie between the two say less
 * than half a nat. MC_NO_DEPLOY: none is. */
static size_t stands_out(const struct history *h, const struct judgement *j, const struct mc_answer *a)
{
	static const double AS_GOOD = 2. / 3;
	size_t first = holds_most(h, a), second = a->ncandidates > 1 ? history_deploy_at(h, a->candidates[1].deploy) : MC_NO_DEPLOY;
	if (first == MC_NO_DEPLOY || second == MC_NO_DEPLOY || a->candidates[1].probability < AS_GOOD * a->candidates[0].probability)
		return first;
	return witness_close(j, first, second) ? MC_NO_DEPLOY : first;
}

static int leak(const struct history *h, const struct judgement *j, struct mc_answer *a, struct mc_error *err)
{
	size_t who = stands_out(h, j, a);
	bool named = who != MC_NO_DEPLOY;
	size_t end;
	if (!named && h->ndeploys)
		who = likeliest(j->belief.deploy, h->ndeploys);
	size_t k = who == MC_NO_DEPLOY ? who : belief_source(h, j->belief.deploy, who); /* since whose restarts */
	const struct mc_growth_fit *f = &j->evidence.all[MC_GROWTH_TIME];
	if (j->evidence.all[MC_GROWTH_REQUESTS].log_evidence > f->log_evidence || !(f->slope > 0))
		f = &j->evidence.all[MC_GROWTH_REQUESTS];
	const struct mc_supposition *s = NULL;
	a->verdict = MC_VERDICT_LEAK;
	a->state = MC_STATE_ACTIVE;
	int rc = onset_interval(h, j, named ? k : MC_NO_DEPLOY, a, err);
	double nobody = judged_no_deploy(j), deploys = j->grows - nobody;
	if (rc == 0 && k != MC_NO_DEPLOY && (named || deploys > nobody)) {
		size_t set = best_set(j, k), onset = best_onset(j, k);
		if (set != MC_NO_DEPLOY && (onset == MC_NO_DEPLOY || j->belief.weight[set] >= j->belief.onset_weight[onset])) {
			s = &j->sets.s[set];
			f = trend_fit(&j->evidence, set);
		} else if (onset != MC_NO_DEPLOY)
			f = &j->evidence.onset[onset];
		end = ended_by(h, j, k);
		rc = slopes(h, j, k, f, a, err);
		if (end != MC_NO_DEPLOY)
			stopped(h, j, end, a);
	} else if (rc == 0 && (end = ended_by(h, j, MC_NO_DEPLOY)) != MC_NO_DEPLOY) {
		s = &j->sets.s[best_set(j, MC_NO_DEPLOY)];
		f = trend_fit(&j->evidence, (size_t)(s - j->sets.s));
		set_slope(h, j, f, lives_counted(h, j, h->deploy[end].begins - 2 * h->tick), h->deploy[end].begins, a);
		stopped(h, j, end, a);
	} else if (rc == 0) {
		size_t onset = j->evidence.nonsets ? likeliest(j->belief.onset_weight, j->evidence.nonsets) : 0;
		/* the growth that the onset is of (onset_interval) */
		if (j->evidence.nonsets && j->belief.onset_weight[onset] > j->belief.all)
			f = &j->evidence.onset[onset];
		set_slope(h, j, f, lives_counted(h, j, h->as_of), h->as_of, a);
	}
	if (named)
		a->culprit = 0;
	bool by_requests = s && f == &j->evidence.set[MC_GROWTH_REQUESTS][s - j->sets.s];
	double n = f->slope > 0 && isfinite(a->slope_after) ? a->slope_after / (f->slope * j->unit) : 1;
	rc = rc < 0 ? rc : leak_episodes(h, j, named ? h->deploy[who].index : MC_NO_DEPLOY, s, by_requests, a, err);
	if (rc == 0)
		slopes_of_parts(n, a);
	return rc;
}

static void jumped_at(const struct history *h, struct mc_answer *a)
{
	a->onset_ms = history_ms(h, (h->jump.from + h->jump.to) / 2);
	a->onset_lo_ms = history_ms(h, h->jump.from - h->tick);
	a->onset_hi_ms = history_ms(h, h->jump.to + h->tick);
}

/* Mean height of a life's bins [from, to), less what all lives rise by with age. */
static double stands(const struct judgement *j, const struct history_life *l, size_t from, size_t to)
{
	double sum = 0;
	for (size_t i = from; i < to; i++)
		sum += l->sum.bin[i].y - mc_panel_curve(j->panel, 0, fmax(l->sum.bin[i].t - l->start, 0)) * j->unit;
	return to > from ? sum / (double)(to - from) : (double)NAN;
}

/* A level that changed inside lives may be gone with them: four in five of those that run now began since, and lack at least half of it. The lives that
 * had it ended between *from and *to, the first without it is *next. */
static bool went_with_its_lives(const struct history *h, const struct judgement *j, double *from, double *to, const struct history_life **next)
{
	double before = 0, had = 0, running = 0, lack = 0;
	*from = (double)INFINITY;
	*to = 0;
	*next = NULL;
	for (size_t i = 0; i < h->nlives; i++) {
		const struct history_life *l = &h->life[i];
		if (l->role != j->role || !(l->jump > 0))
			continue;
		before += stands(j, l, 0, l->jump_from);
		had++;
		*from = fmin(*from, l->last);
		*to = fmax(*to, l->last);
	}
	for (size_t i = 0; i < h->nlives && had > 0; i++) {
		const struct history_life *l = &h->life[i];
		if (l->role != j->role || l->last < h->as_of - 3 * h->tick)
			continue;
		running++;
		if (l->start < h->jump.to || l->sum.n == 0 || !(stands(j, l, 0, l->sum.n) < before / had + h->jump.height / 2))
			continue;
		lack++;
	}
	for (size_t i = 0; i < h->nlives && !*next; i++)
		if (h->life[i].role == j->role && h->life[i].start >= h->jump.to)
			*next = &h->life[i];
	return *next && running > 0 && lack >= .8 * running;
}

/* Says so in the answer. */
static void end_of_jump(const struct history *h, const struct judgement *j, struct mc_answer *a)
{
	double from, to;
	const struct history_life *next;
	if (!went_with_its_lives(h, j, &from, &to, &next))
		return;
	size_t k = next->release;
	if (k > 0 && next->start - h->deploy[k - 1].begins < h->slack && h->deploy[k - 1].begins > h->jump.to) {
		stopped(h, j, k - 1, a);
		return;
	}
	a->state = MC_STATE_FIXED;
	a->stopped_ms = a->stopped_hi_ms = history_ms(h, fmin(to, h->as_of));
	a->stopped_lo_ms = history_ms(h, from);
}

/* A level that changed at a time that no deploy is near. */
static int step_of_its_own(const struct history *h, const struct judgement *j, struct mc_answer *a, struct mc_error *err)
{
	a->verdict = MC_VERDICT_STEP;
	a->state = MC_STATE_ACTIVE;
	jumped_at(h, a);
	a->grown_bytes = h->jump.height * lives_counted(h, j, h->as_of);
	end_of_jump(h, j, a);
	return episode_add(a, (struct mc_episode){ .verdict = MC_VERDICT_STEP, .culprit = MC_NO_DEPLOY, .fixed_by = a->fixed_by, .onset_ms = a->onset_ms,
		.stopped_ms = a->stopped_ms }, err);
}

static int step(const struct history *h, const struct judgement *j, struct mc_answer *a, struct mc_error *err)
{
	size_t only = stands_out(h, j, a), who = only != MC_NO_DEPLOY ? only : h->ndeploys ? likeliest(j->steps.p, h->ndeploys) : MC_NO_DEPLOY;
	size_t k = who == MC_NO_DEPLOY ? who : belief_source(h, j->steps.p, who); /* since whose restarts */
	if (k == MC_NO_DEPLOY || j->steps.free > j->steps.p[k])
		return step_of_its_own(h, j, a, err);
	bool named = only != MC_NO_DEPLOY;
	a->verdict = MC_VERDICT_STEP;
	a->state = MC_STATE_ACTIVE;
	double at = isnan(h->deploy[k].first_seen) ? h->deploy[k].begins : h->deploy[k].first_seen;
	a->onset_ms = history_ms(h, at);
	a->onset_lo_ms = history_ms(h, fmin(at, h->deploy[k].mark) - h->tick);
	a->onset_hi_ms = history_ms(h, fmax(at, h->deploy[k].mark) + j->rows.bin);
	bool jumped = h->jump.lives && k == h->jump_by;
	if (jumped)
		jumped_at(h, a);
	a->grown_bytes = j->steps.fit[k].slope * j->unit * lives_counted(h, j, h->as_of);
	if (j->steps.until[k] != SIZE_MAX && j->steps.until[k] > 0)
		stopped(h, j, j->steps.until[k] - 1, a);
	else if (jumped)
		end_of_jump(h, j, a);
	if (named)
		a->culprit = 0;
	return episode_add(a, (struct mc_episode){ .verdict = MC_VERDICT_STEP, .culprit = named ? h->deploy[who].index : MC_NO_DEPLOY, .fixed_by = a->fixed_by,
		.onset_ms = a->onset_ms, .stopped_ms = a->stopped_ms }, err);
}

/* Private and swapped memory of all processes that are alive. */
static double total_now(const struct history *h)
{
	double v = 0;
	for (size_t i = 0; i < h->nlives; i++)
		if (h->life[i].last >= h->as_of - 3 * h->tick && h->life[i].sum.n)
			v += h->life[i].sum.bin[h->life[i].sum.n - 1].y;
	return v;
}

/* Shared memory, counted once: what the process that maps most of it has. */
static double shared_now(const struct history *h)
{
	double v = 0;
	for (size_t i = 0; i < h->nlives; i++)
		if (h->life[i].last >= h->as_of - 3 * h->tick && h->life[i].sum.n)
			v = fmax(v, h->life[i].sum.bin[h->life[i].sum.n - 1].x[HISTORY_X_SHMEM]);
	return v;
}

static int64_t runs_out(const struct history *h, double left, double slope)
{
	double s = slope > 0 ? left / slope : (double)INFINITY;
	return s < 100 * 365.25 * DAY_MS / 1000 ? history_ms(h, h->as_of + fmax(s, 0)) : MC_NO_TIME;
}

static void exhaustion(const struct history *h, const struct judgement *j, struct mc_answer *a)
{
	double total = total_now(h), left = h->c->memory_limit - total - shared_now(h), each = 1;
	if (h->c->memory_room > 0)
		left = fmin(left, h->c->memory_room); /* of two numbers fmin() takes the one that is known */
	/* processes that multiply bring as much as one has */
	if (j->signal == HISTORY_PROCESSES)
		each = total / fmax((double)lives_at(h, j->role, h->as_of), 1);
	if (!isfinite(left) || lives_at(h, EVERY_ROLE, h->as_of) == 0 || a->verdict != MC_VERDICT_LEAK || !(a->slope_now > 0))
		return;
	a->exhaustion_ms = runs_out(h, left, a->slope_now * each);
	a->exhaustion_lo_ms = runs_out(h, left, a->slope_now_hi * each);
	a->exhaustion_hi_ms = runs_out(h, left, a->slope_now_lo * each);
}

/* What a request leaves behind, where requests are what is counted, and bytes what grows. */
static void per_request(const struct history *h, struct mc_answer *a)
{
	if (a->signal != MC_SIGNAL_PROCESSES && h->load_what && strcmp(h->load_what, "requests") == 0 && h->load_mean > 0 && isfinite(a->slope_after))
		a->bytes_per_request = a->slope_after / h->load_mean;
}

static bool runs_now(const struct history *h, size_t deploy)
{
	for (size_t i = 0; i < h->nlives; i++)
		if (h->life[i].release == deploy + 1 && h->life[i].last >= h->as_of - 3 * h->tick)
			return true;
	return false;
}

/* Two deploys that can't be told apart yet: while both still run, the error of a difference in slope falls with the time to
 * the power of 1.5, and three times smaller will do. Where one runs no more, memory alone never tells. */
static void ambiguity(const struct history *h, const struct judgement *j, struct mc_answer *a)
{
	size_t first = MC_NO_DEPLOY, second = MC_NO_DEPLOY;
	for (size_t k = 0; k < h->ndeploys; k++) {
		if (first == MC_NO_DEPLOY || j->belief.deploy[k] > j->belief.deploy[first]) {
			second = first;
			first = k;
		} else if (second == MC_NO_DEPLOY || j->belief.deploy[k] > j->belief.deploy[second])
			second = k;
	}
	if (a->culprit != MC_NO_DEPLOY || second == MC_NO_DEPLOY || j->belief.deploy[second] < .2 || !runs_now(h, first) || !runs_now(h, second))
		return;
	double since = fmax(h->deploy[first].begins, h->deploy[second].begins), age = fmax(h->as_of - since, h->tick);
	a->ambiguous_until_ms = history_ms(h, since + age * pow(3, 2. / 3));
}

/* By how much the lives of the newest release fall in a second, whatever others did before; 0: they do not. What a load explains is taken out, as far
 * as it is known. 0, MC_ENOMEM. */
static int falls_now(const struct history *h, const struct judgement *j, double *ret, struct mc_error *err)
{
	double v, sd, life = 0, load = h->nload ? mc_panel_load(j->panel) : 0;
	struct mc_noise noise;
	size_t r = 0;
	for (size_t i = 0; i < j->rows.nlives; i++) {
		const struct mc_panel_life *l = &j->rows.life[i];
		r = l->release > r ? l->release : r;
	}
	for (size_t i = 0; i < j->rows.nlives; i++)
		if (j->rows.life[i].release == r)
			life = fmax(life, j->rows.life[i].t[j->rows.life[i].n - 1] - fmax(j->rows.life[i].start, 0));
	mc_panel_noise(j->panel, &noise);
	int rc = release_trend(j, r, &v, &sd, err);
	bool falls = rc == 0 && v + 4 * sd < 0 && -v * life > (4 * sqrt(noise.var) + 4 * load) * j->unit;
	*ret = falls ? -v * lives_counted(h, j, h->as_of) : 0;
	return rc < 0 ? rc : 0;
}

/* Where a rise that levels off will end, and when most of it is over. */
static void plateau(const struct history *h, const struct judgement *j, struct mc_answer *a)
{
	double left = 0, later = 0;
	for (size_t i = 0; i < j->rows.nlives; i++) {
		const struct mc_panel_life *l = &j->rows.life[i];
		double age = l->t[l->n - 1] - l->start, more = mc_panel_curve(j->panel, age, 1e300);
		if (l->t[l->n - 1] < h->as_of - 3 * (h->tick + j->rows.bin))
			continue;
		left += fmax(more, 0);
		/* age at which nine tenths of what is left have come, by doubling */
		double until = age;
		while (more > 0 && mc_panel_curve(j->panel, age, until) < .9 * more && until < 64 * (age + 1))
			until += fmax(until, h->tick) * .1;
		later = fmax(later, until - age);
	}
	if (a->falls > 0)
		return; /* no height is in sight */
	a->ceiling_bytes = total_now(h) + left * j->unit;
	if (later > 0)
		a->look_again_ms = history_ms(h, h->as_of + later);
}

static bool too_little(const struct history *h)
{
	double longest = 0, all = 0;
	for (size_t i = 0; i < h->nlives; i++) {
		longest = fmax(longest, h->life[i].n);
		all += h->life[i].n;
	}
	return longest < LEAST_SAMPLES && all < LEAST_SAMPLES_IN_ALL;
}

int decide_nothing(const struct history *h, struct mc_answer *a, struct mc_error *err)
{
	double deploys;
	size_t n = 0;
	struct mc_candidate *c = calloc(h->ndeploys + 1, sizeof *c);
	if (!c)
		return mc_nomem(err, "the candidates");
	belief_before(h->ndeploys, &deploys, &a->not_a_deploy);
	for (size_t k = h->ndeploys; k-- > 0 && deploys / (double)h->ndeploys >= LEAST_SHOWN;)
		c[n++] = (struct mc_candidate){ .deploy = h->deploy[k].index, .probability = deploys / (double)h->ndeploys,
			.first_seen_ms = isnan(h->deploy[k].first_seen) ? MC_NO_TIME : history_ms(h, h->deploy[k].first_seen) };
	free(a->candidates);
	a->candidates = c;
	a->ncandidates = n;
	a->no_change = 1 - a->not_a_deploy - (n ? deploys : 0);
	return 0;
}

int decide(const struct history *h, const struct judgement *j, struct mc_answer *a, struct mc_error *err)
{
	if (too_little(h))
		return 0;
	int rc = candidates(h, j, a, err);
	if (rc < 0)
		return rc;
	a->signal = j->signal == HISTORY_ANON ? MC_SIGNAL_ANON : j->signal == HISTORY_SHMEM ? MC_SIGNAL_SHMEM : MC_SIGNAL_PROCESSES;
	/* where one deploy is named, it began what is likelier of the two */
	double stepped = (j->belief.none + j->belief.bounded) * j->changed;
	bool lasting = holds_most(h, a) != MC_NO_DEPLOY;
	if (j->grows > .5 || (lasting && j->grows > stepped)) {
		rc = leak(h, j, a, err);
		exhaustion(h, j, a);
		per_request(h, a);
		ambiguity(h, j, a);
		return rc;
	}
	if (stepped > .5 || lasting)
		return step(h, j, a, err);
	a->verdict = quiet_verdict(h, j);
	a->signal = MC_SIGNAL_NULL;
	if (a->verdict != MC_VERDICT_LOAD && j->signal == HISTORY_ANON)
		rc = falls_now(h, j, &a->falls, err);
	if (a->verdict == MC_VERDICT_PLATEAU)
		plateau(h, j, a);
	/* a day's cycle has to be seen whole */
	if (a->verdict == MC_VERDICT_LOAD && h->as_of < DAY_MS / 1000)
		a->look_again_ms = history_ms(h, DAY_MS / 1000);
	return rc;
}
