/* Signals of the whole program: shared memory, counted once and not per process, and the number of processes. Each release is one
 * life of theirs: what is shared may outlive processes, and children that nobody reaps do. */
#include "history.h"

#include <math.h>
#include <stdlib.h>

enum { GRID = 400 };

struct grid {
	double t0, step;
	double *count, *shared; /* GRID each: processes at that time; largest shared memory seen in one */
	bool any_shared;
};

/* Value of a series at or before t, and its place. */
static double held(const struct mc_life *l, const double *v, const struct history *h, double t, size_t *at)
{
	while (*at + 1 < l->n && ((double)l->t_ms[*at + 1] - (double)h->origin_ms) / 1000 <= t)
		++*at;
	return v ? v[*at] : (double)NAN;
}

static void fill(const struct history *h, struct grid *g)
{
	for (size_t i = 0; i < h->nlives; i++) {
		const struct history_life *l = &h->life[i];
		size_t at = 0;
		double from = fmax(l->start, 0), to = fmax(l->last, l->first) + h->tick;
		size_t k = from > g->t0 ? (size_t)fmin(ceil((from - g->t0) / g->step), GRID) : 0;
		for (; k < GRID && g->t0 + (double)k * g->step <= to; k++) {
			double v = held(l->from, l->from->shmem, h, g->t0 + (double)k * g->step, &at);
			g->count[k]++;
			if (fabs(v) < HISTORY_MOST_VALUE) {
				g->any_shared = true;
				g->shared[k] = fmax(g->shared[k], v);
			}
		}
	}
}

static size_t release_at(const struct history *h, double t)
{
	size_t r = 0;
	for (size_t k = 0; k < h->ndeploys; k++)
		if (h->deploy[k].begins <= t)
			r = k + 1;
	return r;
}

/* One life a release from the grid's values. */
static size_t lives_of(const struct history *h, const struct grid *g, const double *v, struct history_life *out)
{
	size_t n = 0, before = SIZE_MAX;
	for (size_t k = 0; k < GRID; k++) {
		double t = g->t0 + (double)k * g->step;
		size_t r = release_at(h, t);
		/* while a release is rolled out old and new stand side by side: no growth */
		if (r > 0 && t < h->deploy[r - 1].begins + 3 * h->tick + h->slack / 20)
			continue;
		if (r != before) {
			before = r;
			out[n] = (struct history_life){ .start = t, .first = t, .release = r, .slot = n, .hold = g->step };
			mc_lifesum_init(&out[n].sum, t);
			n++;
		}
		struct history_life *l = &out[n - 1];
		mc_lifesum_add(&l->sum, t, v[k], NULL);
		l->last = t;
		l->n++;
	}
	for (size_t i = 0; i < n; i++)
		mc_lifesum_flush(&out[i].sum);
	return n;
}

/* Is there anything to judge: does it move by a tenth and more? */
static bool moves(const double *v, double least)
{
	double lo = (double)INFINITY, hi = -(double)INFINITY;
	for (size_t i = 0; i < GRID; i++) {
		lo = fmin(lo, v[i]);
		hi = fmax(hi, v[i]);
	}
	return hi - lo > fmax(.1 * hi, least);
}

int history_whole(struct history *h, enum history_signal signal, struct history_life **ret, size_t *n, struct mc_error *err)
{
	struct grid g = { .step = h->as_of / GRID };
	*ret = NULL;
	*n = 0;
	if (h->nlives == 0 || !(g.step > 0))
		return 0;
	g.count = calloc((size_t)2 * GRID, sizeof *g.count);
	struct history_life *out = calloc(h->ndeploys + 1, sizeof *out);
	if (!g.count || !out) {
		free(g.count);
		free(out);
		return mc_nomem(err, "the whole program");
	}
	g.shared = g.count + GRID;
	fill(h, &g);
	if (signal == HISTORY_PROCESSES && moves(g.count, 4))
		*n = lives_of(h, &g, g.count, out);
	else if (signal == HISTORY_SHMEM && g.any_shared && moves(g.shared, 1048576))
		*n = lives_of(h, &g, g.shared, out);
	free(g.count);
	*ret = out;
	return 0;
}
