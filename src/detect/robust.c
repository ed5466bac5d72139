#include "evidence.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return (x > y) - (x < y);
}

static void insert(double *v, size_t n)
{
	for (size_t i = 1; i < n; i++) {
		double x = v[i];
		size_t k = i;
		for (; k > 0 && v[k - 1] > x; k--)
			v[k] = v[k - 1];
		v[k] = x;
	}
}

static double middle_of(double a, double b, double c)
{
	return fmax(fmin(a, b), fmin(fmax(a, b), c));
}

/* Moves the k-th least to its place, nothing greater before it and nothing less behind (Hoare's Find, 1961); what keeps dividing badly is sorted. */
static void select_kth(double *v, size_t n, size_t k)
{
	enum { FEW = 24 };
	size_t lo = 0, hi = n; /* it is in [lo, hi) */
	for (int turns = 64; hi - lo > FEW; turns--) {
		if (turns == 0) {
			qsort(v + lo, hi - lo, sizeof *v, by_value);
			return;
		}
		double pivot = middle_of(v[lo], v[lo + (hi - lo) / 2], v[hi - 1]);
		size_t i = lo, j = hi - 1;
		for (;;) {
			while (v[i] < pivot)
				i++;
			while (v[j] > pivot)
				j--;
			if (i >= j)
				break;
			double x = v[i];
			v[i++] = v[j];
			v[j--] = x;
		}
		/* [lo, i) is at most the pivot, [i, hi) at least; i == j: that is the pivot */
		if (k < i)
			hi = i;
		else
			lo = i;
	}
	insert(v + lo, hi - lo);
}

double robust_kth(double *v, size_t n, size_t k)
{
	select_kth(v, n, k);
	return v[k];
}

double mc_median(double *v, size_t n)
{
	if (n == 0)
		return (double)NAN;
	select_kth(v, n, n / 2);
	if (n % 2)
		return v[n / 2];
	double below = v[0];
	for (size_t i = 1; i < n / 2; i++)
		below = fmax(below, v[i]);
	return below + (v[n / 2] - below) / 2;
}

double mc_mad(const double *v, size_t n, double m, double *work)
{
	for (size_t i = 0; i < n; i++)
		work[i] = fabs(v[i] - m);
	return 1.4826 * mc_median(work, n);
}

int mc_hampel(double *v, size_t n, size_t half, double c, struct mc_error *err)
{
	size_t width = 2 * half + 1;
	if (n < width)
		return 0;
	double *old = mc_reallocarray(NULL, n + 2 * width, sizeof *old);
	if (!old)
		return mc_nomem(err, "a filter");
	double *w = old + n, *work = w + width;
	memcpy(old, v, n * sizeof *v);
	for (size_t i = 0; i < n; i++) {
		for (size_t k = 0; k < width; k++) {
			size_t at = i + k < half ? 0 : i + k - half;
			w[k] = old[at < n ? at : n - 1];
		}
		double m = mc_median(w, width), s = mc_mad(w, width, m, work);
		double bound = c * s + 1e-9;
		v[i] = fmax(m - bound, fmin(m + bound, old[i]));
	}
	free(old);
	return 0;
}

int mc_sen_slope(const double *t, const double *v, size_t n, double *ret, struct mc_error *err)
{
	enum { MOST = 300 };
	size_t step = n > MOST ? (n + MOST - 1) / MOST : 1, m = (n + step - 1) / step, k = 0;
	*ret = (double)NAN;
	if (m < 2)
		return 0;
	double *s = mc_reallocarray(NULL, m * (m - 1) / 2, sizeof *s);
	if (!s)
		return mc_nomem(err, "slopes");
	for (size_t i = 0; i < n; i += step)
		for (size_t j = i + step; j < n; j += step)
			if (t[j] > t[i])
				s[k++] = (v[j] - v[i]) / (t[j] - t[i]);
	*ret = mc_median(s, k);
	free(s);
	return 0;
}

double mc_log_add(double a, double b)
{
	double hi = fmax(a, b), lo = fmin(a, b);
	return lo == -(double)INFINITY ? hi : hi + log1p(exp(lo - hi));
}
