#include "memculprit/detect.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return (x > y) - (x < y);
}

double mc_median(double *v, size_t n)
{
	if (n == 0)
		return (double)NAN;
	qsort(v, n, sizeof *v, by_value);
	return n % 2 ? v[n / 2] : v[n / 2 - 1] + (v[n / 2] - v[n / 2 - 1]) / 2;
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
