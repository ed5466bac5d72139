/* Signals of the whole program: shared memory, counted once and not per process, and the number of processes. Each release is one
 * life of theirs: what is shared may outlive processes, and children that nobody reaps do. */
#include "history.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { GRID = 400 };

struct grid {
	double t0, step;
	double *count, *shared; /* GRID each: processes at that time; largest shared memory seen in one */
	bool any_shared;
};

/* Shared memory at t, and the place of it. */
static double shared_at(const struct history_sum *s, double t, size_t *at)
{
	while (*at + 1 < s->n && s->bin[*at + 1].t <= t)
		++*at;
	return s->n ? s->bin[*at].x[HISTORY_X_SHMEM] : (double)NAN;
}

static void fill(const struct history *h, struct grid *g)
{
	for (size_t i = 0; i < h->nlives; i++) {
		const struct history_life *l = &h->life[i];
		size_t at = 0;
		double from = fmax(l->start, 0), to = fmax(l->last, l->first) + h->tick;
		size_t k = from > g->t0 ? (size_t)fmin(ceil((from - g->t0) / g->step), GRID) : 0;
		for (; k < GRID && g->t0 + (double)k * g->step <= to; k++) {
			double v = shared_at(&l->sum, g->t0 + (double)k * g->step, &at);
			g->count[k]++;
			if (isfinite(v)) {
				g->any_shared = true;
				g->shared[k] = fmax(g->shared[k], v);
			}
		}
	}
}

/* Puts what was summed up behind the bins of the life before. */
static struct mc_lifebin *finish(struct history_life *l, struct mc_lifesum *s, struct mc_lifebin *room)
{
	mc_lifesum_flush(s);
	l->sum = (struct history_sum){ .n = s->n, .bin = room };
	memcpy(room, s->bin, s->n * sizeof *room);
	return room + s->n;
}

/* One life a release from the grid's values; room is for GRID bins. */
static size_t lives_of(const struct history *h, const struct grid *g, const double *v, struct history_life *out, struct mc_lifebin *room)
{
	size_t n = 0, before = SIZE_MAX;
	struct mc_lifesum sum;
	for (size_t k = 0; k < GRID; k++) {
		double t = g->t0 + (double)k * g->step;
		size_t r = history_release_at(h, t);
		/* while a release is rolled out old and new stand side by side: no growth */
		if (r > 0 && t < h->deploy[r - 1].begins + 3 * h->tick + h->slack / 20)
			continue;
		if (r != before) {
			if (n)
				room = finish(&out[n - 1], &sum, room);
			before = r;
			out[n] = (struct history_life){ .start = t, .first = t, .release = r, .slot = n, .hold = g->step };
			mc_lifesum_init(&sum, t);
			n++;
		}
		struct history_life *l = &out[n - 1];
		mc_lifesum_add(&sum, t, v[k], NULL);
		l->last = l->works_until = t;
		l->n++;
	}
	if (n)
		finish(&out[n - 1], &sum, room);
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
	size_t heads = (h->ndeploys + 1) * sizeof(struct history_life);
	struct history_life *out = calloc(1, heads + GRID * sizeof(struct mc_lifebin));
	if (!g.count || !out) {
		free(g.count);
		free(out);
		return mc_nomem(err, "the whole program");
	}
	g.shared = g.count + GRID;
	struct mc_lifebin *room = (struct mc_lifebin *)(void *)((char *)out + heads);
	fill(h, &g);
	if (signal == HISTORY_PROCESSES && moves(g.count, 4))
		*n = lives_of(h, &g, g.count, out, room);
	else if (signal == HISTORY_SHMEM && g.any_shared && moves(g.shared, 1048576))
		*n = lives_of(h, &g, g.shared, out, room);
	free(g.count);
	*ret = out;
	return 0;
}
