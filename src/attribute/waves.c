/* Starts of lives are grouped into waves: a deploy restarts the slots one after the other, within seconds or over hours, each once. Between
 * waves some slots start again by themselves. Gaps have heavy tails, within waves and between them (density u / (u + g)^2), with a usual gap u of
 * two ticks and of what all is divided by what renews it; the likeliest division of the starts into waves is found by dynamic programming over
 * their ends (optimal partitioning, Jackson et al. 2005), so that no single gap has to tell the two apart. */
#include "waves.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* A wave that does not renew all that ran costs this more, in nats. */
static const double PARTIAL = 1.0;
enum { LONGEST = 512 };

struct division {
	const struct history *h;
	double *last;   /* ends of lives, sorted */
	double *before; /* lives that ran just before each start */
	double *cost;   /* of the best division of the first i starts */
	size_t *begin;  /* of its last wave */
	size_t *seen;   /* a slot: the wave that was last tried with it */
	double *again;  /* starts up to each that renewed a slot, not added one */
	double within, between; /* usual gaps, seconds */
};

static int by_number(const void *x, const void *y)
{
	double a = *(const double *)x, b = *(const double *)y;
	return (a > b) - (a < b);
}

/* How many of n sorted numbers are below x. */
static size_t below(const double *v, size_t n, double x)
{
	size_t lo = 0, hi = n;
	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		if (v[mid] < x)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

static double alive(const struct division *d, double t)
{
	const struct history *h = d->h;
	size_t lo = 0, hi = h->nlives;
	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		if (h->life[mid].start <= t)
			lo = mid + 1;
		else
			hi = mid;
	}
	size_t over = below(d->last, h->nlives, t - h->tick); /* one goes on for up to a tick after its last sample */
	return lo > over ? (double)(lo - over) : 0;
}

/* Lives that ran just before each start, or before the moment that a restart takes. */
static void count_before(struct division *d)
{
	const struct history *h = d->h;
	double moment = 4 * h->tick + fmin(60, h->as_of / 100);
	for (size_t i = 0; i < h->nlives; i++)
		d->last[i] = h->life[i].last;
	qsort(d->last, h->nlives, sizeof *d->last, by_number);
	for (size_t i = 0; i < h->nlives; i++)
		d->before[i] = fmax(alive(d, h->life[i].start - h->tick), alive(d, h->life[i].start - moment));
}

/* Where slots have names, a start in one never seen before renews nothing: a child, a worker more. */
static void count_again(struct division *d)
{
	const struct history *h = d->h;
	size_t all = 0;
	for (size_t i = 0; i < h->nlives; i++) {
		size_t slot = h->life[i].slot;
		d->again[i + 1] = d->again[i] + (d->seen[slot] > 0);
		d->seen[slot] = 1;
		all += h->life[i].start > 0;
	}
	memset(d->seen, 0, (h->nslots + 1) * sizeof *d->seen);
	if (10 * d->again[h->nlives] < (double)all)
		for (size_t i = 0; i <= h->nlives; i++)
			d->again[i] = (double)i;
}

/* Minus the log density of a gap: Lomax, shape 1. */
static double surprise(double gap, double usual)
{
	return 2 * log(usual + gap) - log(usual);
}

static void divide(struct division *d)
{
	const struct history *h = d->h;
	d->cost[0] = 0;
	for (size_t end = 1; end <= h->nlives; end++) {
		double inside = 0;
		d->cost[end] = (double)INFINITY;
		for (size_t i = end; i-- > 0 && end - i <= LONGEST;) {
			const struct history_life *l = &h->life[i];
			size_t slots = end - i;
			if (d->seen[l->slot] == end)
				break;
			d->seen[l->slot] = end;
			if (i + 1 < end)
				inside += surprise(h->life[i + 1].start - l->start, d->within);
			/* a wave is no larger than what it renews, and what it adds */
			if (d->before[i] > 0 && (double)slots > 1.25 * d->before[i] + 1)
				continue;
			double c = d->cost[i] + inside + (i ? surprise(l->start - h->life[i - 1].start, d->between) : 0) + (d->again[end] - d->again[i] < .9 * d->before[i] ? PARTIAL : 0);
			if (c < d->cost[end]) {
				d->cost[end] = c;
				d->begin[end] = i;
			}
			if (inside > d->cost[end])
				break;
		}
	}
}

/* How many of what ran the starts [i, end) renewed: slots that start again, and new ones beside which old ones end soon (blue and green). */
static double renewed(const struct division *d, size_t i, size_t end)
{
	const struct history *h = d->h;
	double again = d->again[end] - d->again[i], added = (double)(end - i) - again;
	size_t from = below(d->last, h->nlives, h->life[i].start - 2 * h->tick), to = below(d->last, h->nlives, h->life[end - 1].start + h->slack);
	double ended = to > from ? (double)(to - from) : 0;
	return again + fmin(added, fmax(ended - again, 0));
}

static size_t collect(const struct division *d, struct wave *w)
{
	const struct history *h = d->h;
	size_t n = 0;
	for (size_t end = h->nlives; end > 0; end = d->begin[end]) {
		size_t i = d->begin[end];
		double share = renewed(d, i, end) / fmax(d->before[i], 1);
		if (h->life[i].start > 0 && (share >= .5 || d->before[i] <= 0))
			w[n++] = (struct wave){ .from = h->life[i].start, .to = h->life[end - 1].start, .share = fmin(1, share), .slots = end - i };
	}
	for (size_t i = 0; i < n / 2; i++) {
		struct wave x = w[i];
		w[i] = w[n - 1 - i];
		w[n - 1 - i] = x;
	}
	return n;
}

int waves_find(const struct history *h, struct wave **ret, size_t *n, struct mc_error *err)
{
	size_t nl = h->nlives;
	struct wave *w = calloc(nl + 1, sizeof *w);
	double *v = mc_reallocarray(NULL, 4 * nl + 2, sizeof *v);
	size_t *k = calloc(nl + 1 + h->nslots + 1, sizeof *k);
	*n = 0;
	if (!w || !v || !k) {
		free(w);
		free(v);
		free(k);
		return mc_nomem(err, "waves of restarts");
	}
	struct division d = { .h = h, .last = v, .before = v + nl, .cost = v + 2 * nl, .again = v + 3 * nl + 1, .begin = k, .seen = k + nl + 1, .within = fmax(2 * h->tick, 1) };
	d.again[0] = 0;
	count_before(&d);
	count_again(&d);
	double usual = 0;
	for (size_t i = 0; i < nl; i++)
		usual += 1 / fmax(d.before[i], 1);
	d.between = fmax(h->as_of / fmax(usual, 1), d.within);
	divide(&d);
	*n = collect(&d, w);
	free(v);
	free(k);
	*ret = w;
	return 0;
}
