/* Bounded influence of what is no growth: plateaus of an hour, spikes of a few bins. The life's own robust fit (level, slope, curve, load); residuals beyond
 * 3 robust deviations are pulled back to that. Growth is in the fit, so it is left alone; and so is growth that begins late in an old life and goes on to its
 * end, however few rows it has: a hinge is part of the fit where one says far more than none, and more than a level that changed at once.
 * (Huber's Winsorised residuals, Robust Statistics, 1981.) */
#include "linalg.h"
#include "panel.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { CURVE = 5, COLUMNS = 7, MOST_COLUMNS = COLUMNS + 1, LEAST_AFTER = 2, FINE = 8, TURNS = 4 };
/* What a hinge leaves of the squares that are left without one, and with a step in its place, at most; how far it brings the life, in deviations. */
static const double OF_NONE = .25, OF_STEP = .5, PLAIN = 12;
/* The same for a life that does so alone; of lives running then, so many do it too, within so many bins. */
static const double PLAIN_ALONE = 60, TOGETHER = .5, NEAR = 2;

struct fit {
	size_t n, nx;
	double *x;                               /* n rows of MOST_COLUMNS, nx of them used */
	double *y, *r, *work, *weight, *bounded;
	const double *t, *dur;
	double b[MOST_COLUMNS], m, scale;        /* coefficients; middle and robust deviation of the residuals */
};

static void columns(const struct mc_panel *p, const struct panel_life *l, size_t i, double *x, size_t nx)
{
	const double *m = l->m + i * p->q;
	double since = m[p->it] - l->m[p->it], len = fmax(l->m[(l->n - 1) * p->q + p->it] - l->m[p->it], 1e-9);
	x[0] = 1;
	x[1] = since / len;
	x[2] = exp(-since / (.02 * len));
	x[3] = exp(-since / (.06 * len));
	x[4] = exp(-since / (.25 * len));
	for (size_t k = CURVE; k < nx; k++)
		x[k] = m[1 + p->ntau + 1 + (k - CURVE)];
}

static void least_squares(struct fit *f)
{
	double h[MOST_COLUMNS * MOST_COLUMNS] = { 0 };
	size_t nx = f->nx;
	memset(f->b, 0, sizeof f->b);
	for (size_t i = 0; i < f->n; i++) {
		const double *x = f->x + i * MOST_COLUMNS;
		for (size_t a = 0; a < nx; a++) {
			double xw = x[a] * f->weight[i];
			f->b[a] += xw * f->y[i];
			for (size_t c = 0; c <= a; c++)
				h[a * nx + c] += xw * x[c];
		}
	}
	for (size_t a = 0; a < nx; a++)
		h[a * nx + a] += 1e-8 * h[a * nx + a] + 1e-12;
	linalg_cholesky(h, nx, nx);
	linalg_forward(h, nx, nx, f->b, 1);
	linalg_backward(h, nx, nx, f->b);
}

static double residuals(struct fit *f)
{
	double squares = 0;
	for (size_t i = 0; i < f->n; i++) {
		f->r[i] = f->y[i];
		for (size_t a = 0; a < f->nx; a++)
			f->r[i] -= f->b[a] * f->x[i * MOST_COLUMNS + a];
		squares += f->r[i] * f->r[i];
	}
	return squares;
}

/* Least absolute deviations by reweighting: one long plateau does not bend the fit. */
static void robust(struct fit *f)
{
	for (size_t i = 0; i < f->n; i++)
		f->weight[i] = 1;
	for (int turn = 0; turn < 6; turn++) {
		least_squares(f);
		residuals(f);
		memcpy(f->work, f->r, f->n * sizeof *f->r);
		f->m = mc_median(f->work, f->n);
		f->scale = mc_mad(f->r, f->n, f->m, f->work) + 1e-9;
		for (size_t i = 0; i < f->n; i++)
			f->weight[i] = 1 / fmax(fabs(f->r[i] - f->m) / f->scale, .5);
	}
}

/* What row i is beyond its bound by. */
static double excess(const struct fit *f, size_t i)
{
	double r = f->r[i] - f->m;
	return r - fmax(-3 * f->scale, fmin(3 * f->scale, r));
}

/* The time since the hinge, as the mean over the row; with a step in its place, the part of the row that has it. */
static double since_hinge(const struct fit *f, size_t i, double at, bool step)
{
	double from = f->t[i] - f->dur[i] / 2, to = f->t[i] + f->dur[i] / 2;
	if (at >= to)
		return 0;
	if (at <= from)
		return step ? 1 : f->t[i] - at;
	return step ? (to - at) / (to - from) : (to - at) * (to - at) / (2 * (to - from));
}

static double length(const struct fit *f)
{
	return fmax(f->t[f->n - 1] - f->t[0], 1e-9);
}

/* Squares that are left when column nx is a hinge, or a step, at a time; INFINITY: it falls there. */
static double with_hinge(struct fit *f, double at, bool step)
{
	double len = length(f);
	size_t col = f->nx++;
	for (size_t i = 0; i < f->n; i++)
		f->x[i * MOST_COLUMNS + col] = since_hinge(f, i, at, step) / (step ? 1 : len);
	least_squares(f);
	double squares = residuals(f);
	bool rises = f->b[col] > 0;
	f->nx--;
	return rises ? squares : (double)INFINITY;
}

/* The time at which a hinge, or a step, leaves least, in the life's later two thirds, and *squares what is left then: rows ever farther from the end, then
 * ever finer between the best and its neighbours, where that leaves less than `hopeless`. */
static double best_hinge(struct fit *f, bool step, double hopeless, double *squares)
{
	size_t best = 0, before = LEAST_AFTER, after = 0, last = 0;
	*squares = (double)INFINITY;
	for (size_t back = LEAST_AFTER; 3 * back < 2 * f->n; back += 1 + back / 3) {
		double s = with_hinge(f, f->t[f->n - 1 - back], step);
		before = best && last == best ? back : before;
		if (s < *squares) {
			*squares = s;
			after = last;
			before = best = back;
		}
		last = back;
	}
	if (best == 0 || !(*squares < hopeless))
		return (double)NAN;
	double from = f->t[f->n - 1 - before], to = f->t[f->n - 1 - after], at = f->t[f->n - 1 - best];
	for (int turn = 0; turn < TURNS; turn++) {
		double part = (to - from) / FINE;
		for (int k = 1; k < FINE; k++) {
			double s = with_hinge(f, from + k * part, step);
			if (s < *squares) {
				*squares = s;
				at = from + k * part;
			}
		}
		from = at - part;
		to = at + part;
	}
	return at;
}

/* Spikes and plateaus that are given back say nothing of a hinge: only what lasts to the end is left as it is. */
static void bound_but_end(struct fit *f, double *y)
{
	size_t end = f->n;
	while (end > 0 && f->r[end - 1] - f->m > 3 * f->scale)
		end--;
	for (size_t i = 0; i < f->n; i++)
		y[i] -= i < end ? excess(f, i) : 0;
}

/* Is the load beyond what the life had before? Then it may be what rises. */
static bool busier(const struct fit *f, double at)
{
	double most = -(double)INFINITY, sum = 0, n = 0;
	for (size_t i = 0; f->nx > CURVE && i < f->n; i++) {
		double load = f->x[i * MOST_COLUMNS + CURVE];
		if (f->t[i] < at)
			most = fmax(most, load);
		else
			sum += load, n++;
	}
	return n > 0 && sum > most * n;
}

/* When a steep rise begins that lasts to the end; NAN: there is none. Leaves only the life's y and columns of f as they were. */
static double find_hinge(struct fit *f, double plain, double *bounded)
{
	double hinge, step, *y = f->y;
	memcpy(bounded, y, f->n * sizeof *y);
	bound_but_end(f, bounded);
	for (size_t i = 0; i < f->n; i++)
		f->weight[i] = 1;
	f->y = bounded;
	least_squares(f);
	double none = residuals(f), at = best_hinge(f, false, 2 * OF_NONE * none, &hinge);
	bool found = isfinite(at) && hinge < OF_NONE * none;
	if (found) {
		best_hinge(f, true, none, &step);
		with_hinge(f, at, false);
		double height = f->b[f->nx] * (f->t[f->n - 1] - at) / length(f);
		found = hinge < OF_STEP * step && height > plain * sqrt(hinge / (double)f->n) && !busier(f, at);
	}
	f->y = y;
	return found ? at : (double)NAN;
}

static void put_back(const struct mc_panel *p, struct panel_life *l, const struct fit *f)
{
	for (size_t i = 0; i < f->n; i++) {
		l->m[i * p->q] = f->y[i] - excess(f, i);
		l->late[i] = isfinite(l->hinge) ? f->b[f->nx - 1] * f->x[i * MOST_COLUMNS + f->nx - 1] : 0;
	}
}

int panel_bound(const struct mc_panel *p, struct panel_life *l, struct mc_error *err)
{
	size_t nx = p->nload ? COLUMNS : CURVE, n = l->n;
	l->hinge = (double)NAN;
	if (n < 4 * nx)
		return 0;
	double *x = mc_reallocarray(NULL, n * (MOST_COLUMNS + 5), sizeof *x);
	if (!x)
		return mc_nomem(err, "a robust fit");
	struct fit f = { .n = n, .nx = nx, .x = x, .y = x + n * MOST_COLUMNS, .t = l->t, .dur = l->dur };
	f.r = f.y + n;
	f.work = f.r + n;
	f.weight = f.work + n;
	f.bounded = f.weight + n;
	for (size_t i = 0; i < n; i++) {
		columns(p, l, i, x + i * MOST_COLUMNS, nx);
		f.y[i] = l->m[i * p->q];
	}
	robust(&f);
	struct fit without = f;
	l->hinge = find_hinge(&f, l->alone ? PLAIN_ALONE : PLAIN, f.bounded);
	if (isfinite(l->hinge)) {
		with_hinge(&f, l->hinge, false);
		f.nx++;
		robust(&f);
	} else {
		f = without;
		residuals(&f);
	}
	put_back(p, l, &f);
	free(x);
	return 0;
}

bool panel_alone(const struct mc_panel *p, size_t life)
{
	const struct panel_life *l = &p->life[life];
	double running = 0, with = 0;
	for (size_t i = 0; isfinite(l->hinge) && i < p->nlives; i++) {
		const struct panel_life *o = &p->life[i];
		if (o->release != l->release || o->start > l->hinge - NEAR * p->bin || o->t[o->n - 1] < l->hinge + NEAR * p->bin)
			continue;
		running++;
		with += fabs(o->hinge - l->hinge) < NEAR * p->bin;
	}
	return running > 1 && with < TOGETHER * running + .5;
}

static int by_time(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return (x > y) - (x < y);
}

int mc_panel_hinges(const struct mc_panel *p, double *t, size_t most, size_t *n, struct mc_error *err)
{
	size_t k = 0;
	double *v = mc_reallocarray(NULL, p->nlives + 1, sizeof *v);
	*n = 0;
	if (!v)
		return mc_nomem(err, "onsets");
	for (size_t i = 0; i < p->nlives; i++)
		if (isfinite(p->life[i].hinge))
			v[k++] = p->life[i].hinge;
	qsort(v, k, sizeof *v, by_time);
	for (size_t from = 0, to; from < k && *n < most; from = to) {
		for (to = from + 1; to < k && v[to] - v[from] < p->bin;)
			to++;
		t[(*n)++] = v[from + (to - from) / 2];
	}
	free(v);
	return 0;
}
