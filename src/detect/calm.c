/* What the load most likely was, where its counter wavers from sample to sample: a regressor with errors of its own makes what it explains look
 * smaller, and lets a mean that lags fit better than the present. What is expected of it given all that was counted has no such bias (regression
 * calibration: Carroll, Ruppert, Stefanski and Crainiceanu, Measurement Error in Nonlinear Models, 2006, chapter 4).
 * The load is taken for a random walk, or one in its slope, plus white noise of counting; what is expected of it is a linear or a cubic spline (Wahba 1978).
 * Which, and how stiff, the likelihood of the load's own series decides (Durbin and Koopman 2012, chapters 3, 4 and 7). */
#include "evidence.h"

#include <math.h>
#include <stdlib.h>

enum { CALM_MOST = 4096, CALM_LEAST = 16 };
/* Nats by which the load has to be likelier to change than to waver about its mean. */
static const double CALM_MOVES = 5;

/* One stretch of time: its start and middle, its mean level (once it is smoothed: the likeliest), and the variance of that beside the usual stretch's. */
struct calm_point {
	double from, t, z, noise;
	double a0, b0, p00, p01, p11;    /* foreseen level, slope and their covariance */
	double a, b, f00, f01, f11;      /* once it is known */
};

/* How much level and slope wander in a second, beside the variance of a usual stretch. */
struct calm_model {
	double level, slope;
	double first; /* variance of the first slope */
};

/* Stretches of `width` seconds or more; noise is how long each is. Returns their number, at most l->n. */
static size_t join(const struct mc_panel_load *l, double width, struct calm_point *p)
{
	size_t n = 0;
	double sum = 0, from = l->t[0];
	for (size_t i = 0; i + 1 < l->n; i++) {
		sum += l->level[i] * (l->t[i + 1] - l->t[i]);
		double d = l->t[i + 1] - from;
		if (d < width * .999 && i + 2 < l->n)
			continue;
		if (d > 0)
			p[n++] = (struct calm_point){ .from = from, .t = from + d / 2, .z = sum / d, .noise = d };
		sum = 0;
		from = l->t[i + 1];
	}
	return n;
}

/* Filters; returns the log likelihood with the noise's variance at its likeliest. */
static double filter(struct calm_point *p, size_t n, const struct calm_model *m)
{
	double a = p[0].z, b = 0, p00 = 1e4, p01 = 0, p11 = m->first, quad = 0, logs = 0;
	for (size_t i = 0; i < n; i++) {
		double d = i ? p[i].t - p[i - 1].t : 0;
		a += b * d;
		p00 += d * (2 * p01 + d * p11) + m->level * d + m->slope * d * d * d / 3;
		p01 += d * p11 + m->slope * d * d / 2;
		p11 += m->slope * d;
		p[i].a0 = a;
		p[i].b0 = b;
		p[i].p00 = p00;
		p[i].p01 = p01;
		p[i].p11 = p11;
		double f = p00 + p[i].noise, v = p[i].z - a, k0 = p00 / f, k1 = p01 / f;
		quad += v * v / f;
		logs += log(f);
		a += k0 * v;
		b += k1 * v;
		p11 -= k1 * p01;
		p01 -= k0 * p01;
		p00 -= k0 * p00;
		p[i].a = a;
		p[i].b = b;
		p[i].f00 = p00;
		p[i].f01 = p01;
		p[i].f11 = p11;
	}
	return -.5 * (double)n * log(fmax(quad / (double)n, 1e-12)) - .5 * logs;
}

/* From the last stretch back (Rauch, Tung and Striebel 1965). z becomes the level. */
static void smooth(struct calm_point *p, size_t n)
{
	double a = p[n - 1].a, b = p[n - 1].b;
	p[n - 1].z = a;
	for (size_t i = n - 1; i-- > 0;) {
		const struct calm_point *next = p + i + 1;
		double d = next->t - p[i].t, c00 = p[i].f00 + d * p[i].f01, c01 = p[i].f01, c10 = p[i].f01 + d * p[i].f11, c11 = p[i].f11;
		double det = next->p00 * next->p11 - next->p01 * next->p01, u = a - next->a0, v = b - next->b0, x, y;
		if (det > 1e-12 * next->p00 * next->p11) {
			x = (next->p11 * u - next->p01 * v) / det;
			y = (next->p00 * v - next->p01 * u) / det;
		} else {
			x = u / next->p00;
			y = 0;
		}
		a = p[i].a + c00 * x + c01 * y;
		b = p[i].b + c10 * x + c11 * y;
		p[i].z = a;
	}
}

/* The spline that reaches so many stretches to both sides. */
static struct calm_model model_of(const struct calm_point *p, size_t n, double width, double reach, bool bends)
{
	double span = p[n - 1].t - p[0].t, r = width * reach;
	if (bends)
		return (struct calm_model){ .slope = width / pow(r, 4), .first = 1e4 / (span * span) };
	return (struct calm_model){ .level = width / (r * r) };
}

/* The likeliest reach: doubled for as long as that helps. Returns the log likelihood. */
static double likeliest(struct calm_point *p, size_t n, double width, bool bends, double *reach)
{
	double best = -(double)INFINITY;
	int worse = 0;
	for (int k = -2; worse < 2; k++) {
		double r = ldexp(1, k);
		if (!(r < (double)n / 4))
			break;
		struct calm_model m = model_of(p, n, width, r, bends);
		double ll = filter(p, n, &m);
		worse = ll > best ? 0 : worse + 1;
		if (ll > best) {
			best = ll;
			*reach = r;
		}
	}
	return best;
}

/* The level of each stretch as it most likely was, in z; false: what was counted is as good, or all that it does is to waver about its mean: then
 * what memory follows is that, or nothing. */
static bool calm(struct calm_point *p, size_t n, double width)
{
	double reach[2] = { 0 }, ll[2];
	const struct calm_model steady = { 0 };
	for (size_t i = 0; i < n; i++)
		p[i].noise = width / p[i].noise;
	for (size_t k = 0; k < 2; k++)
		ll[k] = likeliest(p, n, width, k, &reach[k]);
	size_t k = ll[1] > ll[0];
	if (reach[k] < 1 || ll[k] < filter(p, n, &steady) + CALM_MOVES)
		return false;
	struct calm_model m = model_of(p, n, width, reach[k], k);
	filter(p, n, &m);
	smooth(p, n);
	return true;
}

int load_calm(const struct mc_panel_load *in, double width, double *t, double *level, struct mc_panel_load *ret, struct mc_error *err)
{
	*ret = (struct mc_panel_load){ .t = t, .level = level };
	if (in->n < CALM_LEAST)
		return 0;
	struct calm_point *p = mc_reallocarray(NULL, in->n, sizeof *p);
	if (!p)
		return mc_nomem(err, "the load");
	double span = in->t[in->n - 1] - in->t[0];
	size_t n = join(in, fmax(width, span / CALM_MOST), p);
	if (n >= CALM_LEAST && calm(p, n, span / (double)n)) {
		for (size_t i = 0; i < n; i++) {
			t[i] = p[i].from;
			level[i] = fmax(p[i].z, 0);
		}
		ret->n = n;
	}
	free(p);
	return 0;
}
