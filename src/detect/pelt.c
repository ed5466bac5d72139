/* Changepoints in the mean by optimal partitioning (Jackson et al. 2005), candidates pruned as in PELT (Killick, Fearnhead, Eckley,
 * Optimal detection of changepoints with a linear computational cost, 2012, theorem 3.1). The yardstick, not the method: a ramp
 * becomes a staircase, and noise with memory is cut to pieces. */
#include "memculprit/detect.h"

#include <math.h>
#include <stdlib.h>

struct pelt {
	double *sum, *square; /* prefix sums of v less its first value */
	double *best;         /* cost of the best partition of the first t values */
	size_t *last;         /* where its last segment begins */
	size_t *candidate, *until, n; /* beginnings that may still be best, and up to which t */
};

/* Twice the negative log likelihood of one segment [from, to), constants left out. */
static double cost(const struct pelt *p, size_t from, size_t to)
{
	double s = p->sum[to] - p->sum[from];
	return p->square[to] - p->square[from] - s * s / (double)(to - from);
}

static int pelt_new(struct pelt *p, const double *v, size_t n, struct mc_error *err)
{
	p->sum = mc_reallocarray(NULL, n + 1, 3 * sizeof *p->sum);
	p->last = mc_reallocarray(NULL, n + 1, 3 * sizeof *p->last);
	if (!p->sum || !p->last)
		return mc_nomem(err, "changepoints");
	p->square = p->sum + n + 1;
	p->best = p->square + n + 1;
	p->candidate = p->last + n + 1;
	p->until = p->candidate + n + 1;
	p->sum[0] = p->square[0] = 0;
	for (size_t i = 0; i < n; i++) {
		double d = v[i] - v[0];
		p->sum[i + 1] = p->sum[i] + d;
		p->square[i + 1] = p->square[i] + d * d;
	}
	return 0;
}

/* The best beginning of the segment that ends at t. What can't beat a cut at t is of no use from t + minseg on; before
 * that no cut at t is possible, so it stays. */
static void step(struct pelt *p, size_t t, double penalty, size_t minseg)
{
	size_t kept = 0;
	p->best[t] = (double)INFINITY;
	for (size_t i = 0; i < p->n; i++) {
		size_t s = p->candidate[i];
		double c = p->best[s] + cost(p, s, t) + penalty;
		if (c < p->best[t]) {
			p->best[t] = c;
			p->last[t] = s;
		}
	}
	for (size_t i = 0; i < p->n; i++) {
		size_t s = p->candidate[i], until = p->until[i];
		if (until == SIZE_MAX && p->best[s] + cost(p, s, t) >= p->best[t])
			until = t + minseg - 1;
		if (until > t) {
			p->candidate[kept] = s;
			p->until[kept++] = until;
		}
	}
	p->n = kept;
}

int mc_pelt_mean(const double *v, size_t n, double penalty, size_t minseg, size_t **ret, size_t *nret, struct mc_error *err)
{
	struct pelt p = { 0 };
	size_t *cuts = NULL, k = 0;
	minseg = minseg ? minseg : 1;
	*ret = NULL;
	*nret = 0;
	if (n < 2 * minseg)
		return 0;
	int rc = pelt_new(&p, v, n, err);
	if (rc < 0)
		goto out;
	p.best[0] = -penalty;
	for (size_t t = minseg; t <= n; t++) {
		size_t s = t - minseg;
		if (s == 0 || s >= minseg) {
			p.candidate[p.n] = s;
			p.until[p.n++] = SIZE_MAX;
		}
		step(&p, t, penalty, minseg);
	}
	for (size_t t = p.last[n]; t > 0; t = p.last[t])
		k++;
	cuts = mc_reallocarray(NULL, k + 1, sizeof *cuts);
	if (!cuts) {
		rc = mc_nomem(err, "changepoints");
		goto out;
	}
	*nret = k;
	for (size_t t = p.last[n]; t > 0; t = p.last[t])
		cuts[--k] = t;
	*ret = cuts;
out:
	free(p.sum);
	free(p.last);
	return rc;
}
