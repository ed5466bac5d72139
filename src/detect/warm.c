/* How a release's warm-up may be another: larger or smaller as a whole, and quicker or slower, both by a factor whose logarithm is normal.
 * The model of the evidence is linear, so a warm-up is made linear about where it is likeliest, with growth free beside it
 * (Laplace's approximation; Lindstrom and Bates, Nonlinear mixed effects models for repeated measures data, 1990). */
#include "work.h"

#include <math.h>
#include <string.h>

static const double STEP = .25, LADDER = .916290731874155; /* log 2.5 */

/* 1 - exp(-a / tau), tau beyond the ladder's end, as a multiple of the last term and a line: least squares over the longest life. */
static void beyond(const struct mc_panel *p, double tau, double v, double *to)
{
	double last = p->tau[p->ntau - 1], most = fmax(p->long_tau[1] / 1.5, p->bin), ff = 0, fa = 0, aa = 0, fy = 0, ay = 0;
	for (size_t i = 1; i <= 8; i++) {
		double a = most * (double)i / 8, f = -expm1(-a / last), y = -expm1(-a / tau);
		ff += f * f;
		fa += f * a;
		aa += a * a;
		fy += f * y;
		ay += a * y;
	}
	double det = ff * aa - fa * fa, of_last = (fy * aa - ay * fa) / det, line = (ay * ff - fy * fa) / det;
	to[p->ntau] += v * of_last;
	to[p->it] += v * line;
	to[p->il] += v * of_last; /* the ladder's columns are -exp(-a / tau) */
}

/* v (1 - exp(-a / tau)), between two terms of the ladder by the logarithm of tau. */
static void add_term(const struct mc_panel *p, double tau, double v, double *to)
{
	double at = log(tau / p->tau[0]) / LADDER;
	if (at > (double)(p->ntau - 1)) {
		beyond(p, tau, v, to);
		return;
	}
	size_t k = at > 0 ? (size_t)at : 0;
	double part = at > 0 ? at - (double)k : 0;
	to[1 + k] += (1 - part) * v;
	if (part > 0)
		to[2 + k] += part * v;
	to[p->il] += v;
}

void warm_shapes(const struct mc_panel *p, const double *curve, struct warm *w)
{
	memset(w->shape, 0, sizeof w->shape);
	for (int i = 0; i < WARM_SHAPES; i++)
		for (size_t k = 0; k < p->ntau; k++)
			add_term(p, p->tau[k] * exp(STEP * (i - WARM_MIDDLE)), curve[k], w->shape[i]);
}

static double product(const double *g, size_t q, size_t n, const double *a, const double *b)
{
	double v = 0;
	for (size_t i = 1; i <= n; i++)
		for (size_t k = 1; a[i] != 0 && k <= n; k++)
			v += a[i] * g[i * q + k] * b[k];
	return v;
}

static double along(const double *g, size_t n, const double *a)
{
	double v = 0;
	for (size_t i = 1; i <= n; i++)
		v += g[i] * a[i];
	return v;
}

/* The size x that suits the data, x^2 hh - 2 x h, and the prior: a few steps of Newton's method in its logarithm. Returns minus twice the log density. */
static double best_size(double hh, double h, double sd, double *size)
{
	double x = hh > 0 ? fmax(.1, fmin(10, h / hh)) : 1, u = log(x);
	for (int turn = 0; turn < 12; turn++) {
		x = exp(u);
		double d = 2 * x * x * hh - 2 * x * h + 2 * u / (sd * sd), dd = fmax(4 * x * x * hh - 2 * x * h, 2 * x * x * hh) + 2 / (sd * sd);
		u -= fmax(-.5, fmin(.5, d / dd));
	}
	*size = exp(u);
	return *size * *size * hh - 2 * *size * h + u * u / (sd * sd);
}

/* Minus twice the log density of a warm-up of this shape, at the size that suits best. */
static double how_well(const struct mc_panel *p, const double *g, const double *shape, const double *common, double beta, double sd, double *size)
{
	double h = along(g, p->it, shape) + product(g, p->q, p->it, shape, common);
	return best_size(product(g, p->q, p->it, shape, shape), h, sd, size) + beta * beta / (sd * sd);
}

void warm_find(const struct mc_panel *p, const struct warm *w, const double *base, double sd, bool grows, struct warm_of *ret)
{
	double g[PANEL_MOST_COLUMNS * PANEL_MOST_COLUMNS], v[WARM_SHAPES] = { 0 }, size;
	size_t q = p->q;
	const double *common = w->shape[WARM_MIDDLE];
	int at = WARM_MIDDLE;
	memcpy(g, base, q * q * sizeof *g);
	if (grows)
		panel_drop(g, q, p->it, 1e-9 * g[p->it * q + p->it] + 1e-300);
	if (grows && p->has_requests)
		panel_drop(g, q, p->iq, 1e-6 * g[p->iq * q + p->iq] + 1e-300);
	for (int i = 0; i < WARM_SHAPES; i++) {
		v[i] = how_well(p, g, w->shape[i], common, STEP * (i - WARM_MIDDLE), sd, &size);
		if (i > 0 && i + 1 < WARM_SHAPES && v[i] < v[at])
			at = i;
	}
	/* the parabola through the best and its neighbours: no small change of the data shall move it by a whole step */
	double bend = v[at - 1] - 2 * v[at] + v[at + 1], off = bend > 0 ? fmax(-.5, fmin(.5, (v[at - 1] - v[at + 1]) / (2 * bend))) : 0;
	double beta = STEP * (off + at - WARM_MIDDLE), shape[PANEL_MOST_COLUMNS];
	for (size_t c = 0; c <= p->it; c++)
		shape[c] = w->shape[at][c] + fabs(off) * (w->shape[off > 0 ? at + 1 : at - 1][c] - w->shape[at][c]);
	how_well(p, g, shape, common, beta, sd, &size);
	double alpha = log(size);
	memset(ret, 0, sizeof *ret);
	for (size_t c = 1; c <= p->it; c++) {
		ret->dir[0][c] = size * shape[c];
		ret->dir[1][c] = size * (w->shape[at + 1][c] - w->shape[at - 1][c]) / (2 * STEP);
		ret->mean[c] = ret->dir[0][c] * (1 - alpha) - ret->dir[1][c] * beta - common[c];
	}
	for (size_t c = 1; c <= p->it; c++)
		for (size_t k = 0; k < 2; k++)
			ret->dir[k][c] *= sd;
}

void warm_less(double *g, size_t q, const double *u, size_t n)
{
	double yy = g[0] - 2 * along(g, n, u) + product(g, q, n, u, u);
	for (size_t c = 1; c < q; c++) {
		double v = g[c];
		for (size_t i = 1; i <= n; i++)
			v -= u[i] * g[i * q + c];
		g[c] = g[c * q] = v;
	}
	g[0] = yy;
}
