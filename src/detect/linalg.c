#include "linalg.h"

#include <assert.h>
#include <math.h>
#include <string.h>

double linalg_cholesky(double *a, size_t n, size_t ld)
{
	struct linalg_logs logs = LINALG_NO_LOGS;
	for (size_t j = 0; j < n; j++) {
		double *rj = a + j * ld;
		double d = rj[j], least = fabs(d) * 1e-12 + 1e-300;
		for (size_t k = 0; k < j; k++)
			d -= rj[k] * rj[k];
		bool singular = !(d > least);
		if (singular)
			d = least;
		double s = sqrt(d);
		rj[j] = s;
		linalg_add_log(&logs, s);
		for (size_t i = j + 1; i < n; i++) {
			double *ri = a + i * ld, v = ri[j];
			for (size_t k = 0; k < j; k++)
				v -= ri[k] * rj[k];
			ri[j] = v / s;
			/* by exact arithmetic |l_ij| <= sqrt(a_ii); what rounding left of v over next to nothing is no number */
			if (singular) {
				double most = sqrt(fmax(ri[i], 0));
				ri[j] = fmax(-most, fmin(most, ri[j]));
			}
		}
	}
	return linalg_sum(&logs);
}

void linalg_forward(const double *l, size_t n, size_t ld, double *b, size_t m)
{
	for (size_t i = 0; i < n; i++) {
		const double *li = l + i * ld;
		double *bi = b + i * m;
		for (size_t k = 0; k < i; k++)
			linalg_less(bi, b + k * m, li[k], m);
		double inv = 1 / li[i];
		for (size_t c = 0; c < m; c++)
			bi[c] *= inv;
	}
}

void linalg_backward(const double *l, size_t n, size_t ld, double *b)
{
	for (size_t i = n; i-- > 0;) {
		double v = b[i];
		for (size_t k = i + 1; k < n; k++)
			v -= l[k * ld + i] * b[k];
		b[i] = v / l[i * ld + i];
	}
}

/* Solves for the free variables alone; the others are 0. */
static void solve_free(const double *h, const double *g, size_t n, const bool *freed, double *x)
{
	double a[LINALG_QP_MOST * LINALG_QP_MOST], b[LINALG_QP_MOST];
	size_t at[LINALG_QP_MOST], m = 0;
	for (size_t i = 0; i < n; i++)
		if (freed[i])
			at[m++] = i;
	for (size_t i = 0; i < m; i++) {
		b[i] = g[at[i]];
		for (size_t k = 0; k <= i; k++)
			a[i * m + k] = h[at[i] * n + at[k]];
	}
	linalg_cholesky(a, m, m);
	linalg_forward(a, m, m, b, 1);
	linalg_backward(a, m, m, b);
	memset(x, 0, n * sizeof *x);
	for (size_t i = 0; i < m; i++)
		x[at[i]] = b[i];
}

/* Moves x towards z as far as no bound is crossed; what reaches its bound is held there. True where z was reached. */
static bool step_towards(double *x, const double *z, size_t n, const bool *bound, bool *freed)
{
	double alpha = 1;
	for (size_t i = 0; i < n; i++)
		if (bound[i] && freed[i] && z[i] < 0 && x[i] - z[i] > 0)
			alpha = fmin(alpha, x[i] / (x[i] - z[i]));
	for (size_t i = 0; i < n; i++)
		x[i] += alpha * (z[i] - x[i]);
	if (alpha >= 1)
		return true;
	for (size_t i = 0; i < n; i++)
		if (bound[i] && freed[i] && x[i] <= 1e-14) {
			freed[i] = false;
			x[i] = 0;
		}
	return false;
}

void linalg_bounded(const double *h, const double *g, size_t n, const bool *bound, double *x)
{
	bool freed[LINALG_QP_MOST] = { false };
	double z[LINALG_QP_MOST];
	assert(n <= LINALG_QP_MOST);
	for (size_t i = 0; i < n; i++)
		freed[i] = !bound[i];
	solve_free(h, g, n, freed, x);
	for (size_t turn = 0; turn < 3 * n; turn++) {
		size_t best = n;
		double most = 1e-10;
		for (size_t i = 0; i < n; i++) {
			double w = g[i];
			for (size_t k = 0; k < n; k++)
				w -= h[i * n + k] * x[k];
			double scale = sqrt(fabs(h[i * n + i])) + 1e-300;
			if (!freed[i] && w / scale > most) {
				most = w / scale;
				best = i;
			}
		}
		if (best == n)
			return;
		freed[best] = true;
		for (size_t inner = 0; inner <= n; inner++) {
			solve_free(h, g, n, freed, z);
			if (step_towards(x, z, n, bound, freed))
				break;
		}
	}
}
