/* A level that changes inside lives, of all at once: by a change of configuration, a switch, something from outside. It is taken out of the lives before
 * growth is looked for, and told as a step: by the deploy that restarted nobody then, or by none. */
#include "history.h"

#include <math.h>
#include <stdlib.h>

/* A new maximum of the load, load that jumps as well, or more threads explain a new maximum of memory: by so much more. */
static const double MORE_LOAD = 1.2, LOAD_JUMPS = 1.5, MORE_THREADS = 1.05;
static const double PAGE = 4096;
/* What one or two lives do by themselves, with no row near, is their own affair. */
enum { LEAST_LIVES = 3 };

static struct mc_jump_life of_life(const struct history_life *l)
{
	return (struct mc_jump_life){ .n = l->sum.n, .bin = l->sum.bin, .start = l->start };
}

/* The row of configuration that is nearest, of those about then. */
static size_t row_near(const struct history *h, const struct mc_jump *j)
{
	size_t best = MC_NO_DEPLOY;
	double nearest = (double)INFINITY;
	for (size_t k = 0; k < h->ndeploys; k++) {
		double mark = h->deploy[k].mark, late = fmax(j->from, fmin(j->to, mark)) - mark;
		if (h->deploy[k].lives == 0 && late >= -h->slack / 3 - 2 * h->tick && late <= 2 * h->slack / 3 + 2 * h->tick && fabs(late) < nearest) {
			nearest = fabs(late);
			best = k;
		}
	}
	return best;
}

/* Did as much load come then as never before, or far more than just before? */
static bool surges(const struct history *h, const struct mc_jump *j)
{
	double window = fmax(h->as_of / 100, h->tick), before, most, mean;
	history_load_between(h, -(double)INFINITY, j->from - window, &before, &mean);
	history_load_between(h, j->from - window, j->to + 2 * window, &most, &mean);
	double was = history_mean_load(h, j->from - 2 * window, j->from), is = history_mean_load(h, j->to, j->to + 2 * window);
	return before > 0 && (most > MORE_LOAD * before || is > LOAD_JUMPS * was);
}

/* Where a life has it; lives that were too young to show it had it as well. */
static void place(struct history_life *l, const struct mc_jump *j)
{
	struct mc_jump_life x = of_life(l);
	size_t to, from = mc_jump_bins(&x, j, &to, &l->jump);
	if (!isfinite(l->jump))
		l->jump = j->height;
	if (from == 0 || to >= l->sum.n)
		l->jump = 0;
	l->jump_from = from;
	l->jump_to = to;
}

/* Have most lives more threads since? */
static bool threads_came(const struct history *h, size_t role, const struct mc_jump *j)
{
	size_t more = 0, all = 0;
	for (size_t i = 0; i < h->nlives; i++) {
		struct history_life l = h->life[i];
		if (l.role != role)
			continue;
		place(&l, j);
		if (l.jump > 0) {
			more += l.sum.bin[l.jump_to].x[HISTORY_X_THREADS] > MORE_THREADS * l.sum.bin[l.jump_from - 1].x[HISTORY_X_THREADS];
			all++;
		}
	}
	return 2 * more > all;
}

static int of_role(struct history *h, size_t role, struct mc_jump_life *work, struct mc_error *err)
{
	struct mc_jump j;
	size_t n = 0;
	for (size_t i = 0; i < h->nlives; i++)
		if (h->life[i].role == role)
			work[n++] = of_life(&h->life[i]);
	int rc = mc_find_jump(work, n, PAGE, &j, err);
	if (rc != 0 || surges(h, &j))
		return rc < 0 ? rc : 0;
	size_t by = row_near(h, &j);
	if (by == MC_NO_DEPLOY && (j.lives < LEAST_LIVES || threads_came(h, role, &j)))
		return 0;
	for (size_t i = 0; i < h->nlives; i++)
		if (h->life[i].role == role)
			place(&h->life[i], &j);
	if (j.lives > h->jump.lives) {
		h->jump = j;
		if (by != MC_NO_DEPLOY && h->deploy[by].mark > j.from && h->deploy[by].mark < j.to)
			h->jump.from = h->jump.to = h->deploy[by].mark;
		h->jump_by = by;
	}
	return 0;
}

int history_jumps(struct history *h, struct mc_error *err)
{
	struct mc_jump_life *work = calloc(h->nlives + 1, sizeof *work);
	int rc = work ? 0 : mc_nomem(err, "the jumps");
	for (size_t r = 0; rc == 0 && r < h->nroles; r++)
		rc = of_role(h, r, work, err);
	free(work);
	return rc;
}
