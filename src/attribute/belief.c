#include "belief.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>

/* The evidence is divided by this: neighbouring bins, lives of one program and releases agree more than the model knows.
 * Learnt on development corpora (docs/detection.md). */
static const double TEMPERATURE = 1.35;
/* What is likely beforehand. A program is judged because somebody watches it, not because it grows. */
static const double PRIOR_NONE = .4, PRIOR_ALL = .02, PRIOR_ALL_BOUNDED = .12, PRIOR_BOUNDED = .1, PRIOR_FREE = .08, PRIOR_DEPLOY = .25;
/* One version that grows at one time and not at another: the label lies, or something else grew. */
static const double CONTRADICTION = 4.0;

/* Releases of one version should all grow or none. */
static bool consistent(const size_t *same, size_t n, const struct mc_supposition *s)
{
	for (size_t k = 0; k < n; k++)
		if (same[k] > k && supposed_to_grow(s, k + 1) != supposed_to_grow(s, same[k] + 1))
			return false;
	return true;
}

/* Of each deploy, the next of the same version; 0: there is none. The caller frees; NULL: no memory. */
static size_t *next_of_same(const struct history *h)
{
	size_t *same = calloc(h->ndeploys + 1, sizeof *same);
	for (size_t k = 0; same && k < h->ndeploys; k++)
		for (size_t o = k + 1; o < h->ndeploys && !same[k]; o++)
			same[k] = h->deploy[o].identity == h->deploy[k].identity ? o : 0;
	return same;
}

static bool repeats(const struct history *h)
{
	for (size_t k = 0; k < h->ndeploys; k++)
		if (h->deploy[k].identity != k + 1)
			return true;
	return false;
}

struct adding {
	const struct history *h;
	struct suppositions *out;
	size_t cap, cap_cost;
	bool repeats;
	const size_t *same;
};

static int add(struct adding *a, struct mc_supposition s, double cost, struct mc_error *err)
{
	void *items = a->out->s, *costs = a->out->cost;
	int rc = mc_grow(&items, &a->cap, a->out->n + 1, sizeof *a->out->s, err);
	a->out->s = items;
	if (rc == 0)
		rc = mc_grow(&costs, &a->cap_cost, a->out->n + 1, sizeof *a->out->cost, err);
	a->out->cost = costs;
	if (rc < 0)
		return rc;
	assert(items && costs);
	a->out->s[a->out->n] = s;
	a->out->cost[a->out->n++] = cost + (a->repeats && !consistent(a->same, a->h->ndeploys, &s) ? CONTRADICTION : 0);
	return 0;
}

enum { PAIRS_MOST = 14 };

/* Nothing was seen that ran before this release: that it began what it does can't be told from growth since ever. */
static bool ran_before(const struct history *h, size_t release)
{
	for (size_t i = 0; i < h->nlives; i++)
		if (h->life[i].release < release)
			return true;
	return false;
}

/* Growth that stopped and came back: likely where an old version came back in between. */
static int add_again(struct adding *a, size_t from, size_t until, double cost, struct mc_error *err)
{
	size_t r = a->h->ndeploys;
	int rc = 0;
	for (size_t q = until + 1; rc == 0 && q <= r; q++) {
		bool back = false;
		for (size_t m = until; m < q; m++)
			back = back || a->h->deploy[m - 1].identity < from;
		if (a->h->deploy[q - 1].lives)
			rc = add(a, (struct mc_supposition){ from, until, q, r + 1 },
				cost + (back ? 1 : 2.5) + log(fmax((double)(r - (until - 1)), 1)), err);
	}
	return rc;
}

/* The lives that ran before the first deploy grow, until a release that ends it: to who began to look then it is growth since ever. */
static int add_before(struct adding *a, struct mc_error *err)
{
	size_t r = a->h->ndeploys;
	int rc = 0;
	for (size_t until = 1; rc == 0 && ran_before(a->h, 1) && until <= r; until++)
		if (a->h->deploy[until - 1].lives)
			rc = add(a, (struct mc_supposition){ 0, until, 0, 0 }, log(PRIOR_DEPLOY / PRIOR_ALL) + log(2) + log((double)r), err);
	return rc;
}

int suppositions_new(const struct history *h, struct suppositions *ret, struct mc_error *err)
{
	struct suppositions out = { 0 };
	size_t *same = next_of_same(h), r = h->ndeploys, run = 0;
	struct adding a = { .h = h, .out = &out, .repeats = repeats(h), .same = same };
	int rc = same ? 0 : mc_nomem(err, "the suppositions");
	for (size_t k = 0; k < r; k++)
		run += h->deploy[k].lives > 0;
	for (size_t from = 1; rc == 0 && from <= r; from++) {
		if (h->deploy[from - 1].lives == 0)
			continue;
		/* then it is this release's or that of one of those before it, which were as many at least */
		double begins = ran_before(h, from) ? log((double)run) : log(PRIOR_DEPLOY / PRIOR_ALL);
		for (size_t until = from + 1; rc == 0 && until <= r + 1; until++) {
			bool end = until == r + 1;
			if (!end && h->deploy[until - 1].lives == 0)
				continue;
			double cost = begins + log(2) + (end ? 0 : log(fmax((double)(r - from), 1)));
			rc = add(&a, (struct mc_supposition){ from, until, 0, 0 }, cost, err);
			if (rc == 0 && !end && (r <= PAIRS_MOST || a.repeats) && r <= (size_t)2 * PAIRS_MOST)
				rc = add_again(&a, from, until, cost, err);
		}
	}
	if (rc == 0)
		rc = add_before(&a, err);
	free(same);
	if (rc < 0) {
		suppositions_release(&out);
		return rc;
	}
	*ret = out;
	return 0;
}

void suppositions_release(struct suppositions *s)
{
	free(s->s);
	free(s->cost);
	*s = (struct suppositions){ 0 };
}

/* Share of a deploy's growths that show late, and of its reign at which half of those do. */
static const double LATE = .3, SHOWS = .1;
/* Ticks until a process that was just started does what it will do. */
static const double STARTS = 10;

/* When another release than deploy k's begins; a full rollout after a canary is the same release. */
static double reign_ends(const struct history *h, size_t k)
{
	size_t other = k + 1;
	while (other < h->ndeploys && h->deploy[other].identity == h->deploy[k].identity)
		other++;
	return other < h->ndeploys ? h->deploy[other].begins : h->as_of;
}

/* An onset early in a release's reign, or just before it, is that deploy's: coincidence is less likely than cause. */
static size_t owner(const struct history *h, double t)
{
	for (size_t k = 0; k < h->ndeploys; k++)
		if (h->deploy[k].lives == 0 && t >= h->deploy[k].mark - h->slack / 3 - 1 && t <= h->deploy[k].mark + 2 * h->slack / 3 + 1)
			return k;
	for (size_t k = 0; k < h->ndeploys; k++) {
		double at = h->deploy[k].lives ? h->deploy[k].begins : h->deploy[k].mark;
		double before = k ? h->deploy[k - 1].begins : 0;
		double reign = reign_ends(h, k) - at, early = fmax(.1 * reign, fmin(.3 * reign, STARTS * h->tick));
		/* a mark that comes after the restarts may be when the new lives get their work */
		if (t >= at - .05 * (at - before) && t <= fmax(at, fmin(h->deploy[k].mark, at + .3 * reign)) + early)
			return k;
	}
	return MC_NO_DEPLOY;
}

static void weigh_sets(const struct suppositions *s, const struct mc_growth_evidence *e, struct belief *b)
{
	for (size_t i = 0; i < s->n; i++) {
		double both = mc_log_add(mc_log_add(e->set[MC_GROWTH_TIME][i].log_evidence, e->set[MC_GROWTH_REQUESTS][i].log_evidence),
			e->set[MC_GROWTH_FASTER][i].log_evidence - 1);
		size_t k = supposed_deploy(&s->s[i]);
		double *to = k == MC_NO_DEPLOY ? &b->before : &b->deploy[k];
		b->weight[i] = log(PRIOR_DEPLOY) + (both - e->none) / TEMPERATURE - s->cost[i];
		*to = mc_log_add(*to, b->weight[i]);
		b->bounded = mc_log_add(b->bounded, log(PRIOR_BOUNDED) + (e->set[MC_GROWTH_BOUNDED][i].log_evidence - e->none) / TEMPERATURE - s->cost[i]);
	}
}

static void weigh_onsets(const struct history *h, const struct mc_growth_evidence *e, const struct history_rows *rows, struct belief *b)
{
	for (size_t i = 0; i < e->nonsets; i++) {
		double v = (e->onset[i].log_evidence - e->none) / TEMPERATURE, prior = log(PRIOR_FREE) - log((double)e->nonsets);
		size_t k = owner(h, rows->onsets[i]);
		/* a deploy that restarted nothing, about its time */
		if (k != MC_NO_DEPLOY && h->deploy[k].lives == 0 && fabs(rows->onsets[i] - h->deploy[k].mark) <= h->slack)
			prior = log(PRIOR_DEPLOY) - log(16 * (double)h->ndeploys);
		b->onset_of[i] = k;
		b->onset_weight[i] = prior + v;
		if (k == MC_NO_DEPLOY)
			b->free_onset = mc_log_add(b->free_onset, b->onset_weight[i]);
		else
			b->deploy[k] = mc_log_add(b->deploy[k], b->onset_weight[i]);
	}
}

static void normalise(struct belief *b, size_t nsets, size_t nonsets)
{
	double *v[] = { &b->none, &b->all, &b->bounded, &b->free_onset, &b->before }, sum = -(double)INFINITY;
	const size_t n = sizeof v / sizeof *v;
	for (size_t i = 0; i < n; i++)
		sum = mc_log_add(sum, *v[i]);
	for (size_t k = 0; k < b->ndeploys; k++)
		sum = mc_log_add(sum, b->deploy[k]);
	for (size_t i = 0; i < n; i++)
		*v[i] = exp(*v[i] - sum);
	for (size_t k = 0; k < b->ndeploys; k++)
		b->deploy[k] = exp(b->deploy[k] - sum);
	for (size_t i = 0; i < nsets; i++)
		b->weight[i] = exp(b->weight[i] - sum);
	for (size_t i = 0; i < nonsets; i++)
		b->onset_weight[i] = exp(b->onset_weight[i] - sum);
}

/* Do lives that run at an onset or later differ in when they came to its age, by more than onsets are apart? Else a time and an age say the same. */
static bool tell_age(const struct history_rows *rows, size_t release, double step)
{
	double first = (double)INFINITY, last = -(double)INFINITY;
	for (size_t i = 0; i < rows->nlives; i++)
		if (rows->life[i].release >= release) {
			first = fmin(first, rows->life[i].start);
			last = fmax(last, rows->life[i].start);
		}
	return last > first + step;
}

/* How likely an onset is the age at which growth shows in every life since some deploy, rather than a time: free lists and holes of the heap are
 * used up first, sessions end. Beforehand three in ten growths of a deploy show late; the density of that age falls with its square beyond the
 * tenth part of the reign. Where later lives show the same age decides; where there are none the two say the same. */
static double shows_late(const struct history *h, const struct mc_growth_evidence *e, const struct history_rows *rows, size_t i)
{
	double onset = rows->onsets[i], run = 0, step = h->as_of / (double)(e->nonsets + 1);
	size_t r = history_release_at(h, onset);
	while (r > 0 && h->deploy[r - 1].lives == 0)
		r--;
	if (r == 0 || !(e->late[i].log_evidence > -(double)INFINITY))
		return 0;
	for (size_t k = 0; k < h->ndeploys; k++)
		run += h->deploy[k].lives > 0;
	double old = fmax(0, onset - h->deploy[r - 1].begins), usual = SHOWS * (reign_ends(h, r - 1) - h->deploy[r - 1].begins);
	double density = usual / ((usual + old) * (usual + old)) * fmin(step, usual);
	const struct mc_growth_fit *age = tell_age(rows, r, step) ? &e->late[i] : &e->onset[i];
	double late = log(PRIOR_DEPLOY * LATE * density) - log(2 * run) + age->log_evidence / TEMPERATURE;
	double time = log(PRIOR_FREE) - log((double)e->nonsets) + e->onset[i].log_evidence / TEMPERATURE;
	return 1 / (1 + exp(time - late));
}

/* Takes from the onsets of a release what is believed to be an age, by the likeliest of them; returns how much that is. */
static double take_late(const struct history *h, const struct mc_growth_evidence *e, const struct history_rows *rows, struct belief *b)
{
	double taken = 0;
	for (size_t i = 0; i < e->nonsets; i++) {
		double late = shows_late(h, e, rows, i);
		size_t r = history_release_at(h, rows->onsets[i]);
		for (size_t o = 0; late > 0 && o < e->nonsets; o++) {
			if (b->onset_of[o] != MC_NO_DEPLOY || history_release_at(h, rows->onsets[o]) != r)
				continue;
			taken += late * b->onset_weight[o];
			b->onset_weight[o] *= 1 - late;
		}
	}
	return taken;
}

static double takers(const struct belief *b, bool bounded)
{
	double sum = b->all + (bounded ? b->bounded : 0);
	for (size_t k = 0; k < b->ndeploys; k++)
		sum += b->deploy[k];
	return sum;
}

void belief_give(struct belief *b, size_t nsets, size_t nonsets, double p, bool bounded)
{
	double others = takers(b, bounded);
	if (!(others > 0)) {
		b->bounded += p;
		return;
	}
	double more = 1 + p / others;
	b->all *= more;
	b->bounded *= bounded ? more : 1;
	for (size_t k = 0; k < b->ndeploys; k++)
		b->deploy[k] *= more;
	for (size_t i = 0; i < nsets; i++)
		b->weight[i] *= more;
	for (size_t i = 0; i < nonsets; i++)
		b->onset_weight[i] *= b->onset_of[i] != MC_NO_DEPLOY ? more : 1;
}

void belief_without_before(struct belief *b, const struct suppositions *s, size_t nonsets)
{
	/* (the sum would be 1 less these, but for rounding) */
	double rest = b->none + b->all + b->bounded + b->free_onset;
	for (size_t k = 0; k < b->ndeploys; k++)
		rest += b->deploy[k];
	double more = rest > 0 ? 1 + b->before / rest : 1;
	b->none *= more;
	b->all *= more;
	b->free_onset *= more;
	b->bounded = rest > 0 ? b->bounded * more : b->before;
	b->before = 0;
	for (size_t k = 0; k < b->ndeploys; k++)
		b->deploy[k] *= more;
	for (size_t i = 0; i < s->n; i++)
		b->weight[i] *= supposed_deploy(&s->s[i]) == MC_NO_DEPLOY ? 0 : more;
	for (size_t i = 0; i < nonsets; i++)
		b->onset_weight[i] *= more;
}

int belief_new(const struct history *h, const struct suppositions *s, const struct mc_growth_evidence *e, const struct history_rows *rows,
	struct belief *ret, struct mc_error *err)
{
	struct belief b = { .ndeploys = h->ndeploys, .none = log(PRIOR_NONE), .free_onset = -(double)INFINITY, .before = -(double)INFINITY };
	b.deploy = calloc(h->ndeploys + 1, sizeof *b.deploy);
	b.weight = calloc(s->n + 1, sizeof *b.weight);
	b.onset_weight = calloc(e->nonsets + 1, sizeof *b.onset_weight);
	b.onset_of = calloc(e->nonsets + 1, sizeof *b.onset_of);
	if (!b.deploy || !b.weight || !b.onset_weight || !b.onset_of) {
		belief_release(&b);
		return mc_nomem(err, "the belief");
	}
	for (size_t k = 0; k < h->ndeploys; k++)
		b.deploy[k] = -(double)INFINITY;
	double all = mc_log_add(mc_log_add(e->all[MC_GROWTH_TIME].log_evidence, e->all[MC_GROWTH_REQUESTS].log_evidence), e->since_ever);
	b.all = log(PRIOR_ALL) + (all - e->none) / TEMPERATURE;
	b.bounded = log(PRIOR_ALL_BOUNDED) + (e->all[MC_GROWTH_BOUNDED].log_evidence - e->none) / TEMPERATURE;
	weigh_sets(s, e, &b);
	weigh_onsets(h, e, rows, &b);
	normalise(&b, s->n, e->nonsets);
	/* what is believed of onsets that are ages is the others' who say that lives grow; there may be none */
	double late = takers(&b, true) > 1e-300 ? take_late(h, e, rows, &b) : 0;
	b.free_onset -= late;
	belief_give(&b, s->n, e->nonsets, late, true);
	*ret = b;
	return 0;
}

/* How likely what is seen since the restarts of deploy `from` is the doing of deploy `to`. */
static double also(const struct history *h, size_t from, size_t to)
{
	const struct history_also *a = h->deploy[from].also;
	double sum = 0, p = 0;
	for (size_t i = 0; i < HISTORY_ALSO; i++) {
		sum += a[i].p;
		p += a[i].deploy == to ? a[i].p : 0;
	}
	return sum > 0 ? p : from == to;
}

double belief_whose(const struct history *h, const double *p, size_t k)
{
	double sum = 0;
	for (size_t from = 0; from < h->ndeploys; from++)
		sum += p[from] * also(h, from, k);
	return sum;
}

size_t belief_source(const struct history *h, const double *p, size_t k)
{
	size_t best = k;
	for (size_t from = 0; from < h->ndeploys; from++)
		if (p[from] * also(h, from, k) > p[best] * also(h, best, k))
			best = from;
	return best;
}

void belief_before(size_t ndeploys, double *deploys, double *not_a_deploy)
{
	double change = PRIOR_FREE + PRIOR_ALL, any = ndeploys ? PRIOR_DEPLOY : 0, all = PRIOR_NONE + PRIOR_ALL_BOUNDED + PRIOR_BOUNDED + change + any;
	*deploys = any / all;
	*not_a_deploy = change / all;
}

void belief_release(struct belief *b)
{
	free(b->deploy);
	free(b->weight);
	free(b->onset_weight);
	free(b->onset_of);
	*b = (struct belief){ 0 };
}
