/* Small dense symmetric systems, row-major, in place. No library is worth its weight for 15 columns. */
#ifndef MEMCULPRIT_DETECT_LINALG_H
#define MEMCULPRIT_DETECT_LINALG_H

#include <math.h>
#include <stdbool.h>
#include <stddef.h>

/* Lower Cholesky factor of the n x n matrix a with row stride ld, in its lower triangle. A pivot that is lost to
 * rounding is lifted to a sliver of its diagonal, so that it never fails. Returns the sum of the logs of the diagonal. */
double linalg_cholesky(double *a, size_t n, size_t ld);
/* b := L^-1 b for m right hand sides: b is n x m, row-major. */
void linalg_forward(const double *l, size_t n, size_t ld, double *b, size_t m);
/* b := L^-T b, one right hand side. */
void linalg_backward(const double *l, size_t n, size_t ld, double *b);

/* A sum of logarithms, one call of log() for many factors. */
struct linalg_logs {
	double sum, product;
};
#define LINALG_NO_LOGS { 0, 1 }
static inline void linalg_add_log(struct linalg_logs *l, double x)
{
	double p = l->product * x;
	if (p > 1e-150 && p < 1e150) {
		l->product = p;
		return;
	}
	l->sum += log(l->product);
	l->product = x;
}
static inline double linalg_sum(const struct linalg_logs *l)
{
	return l->sum + log(l->product);
}

/* to[i] -= f * from[i]; two at a time, since compilers leave loops of unknown length alone at their usual settings. */
typedef double linalg_pair __attribute__((vector_size(16), aligned(8), may_alias));
static inline void linalg_less(double *to, const double *from, double f, size_t n)
{
	size_t i = 0;
	for (; i + 4 <= n; i += 4) {
		linalg_pair *x = (linalg_pair *)(to + i);
		const linalg_pair *y = (const linalg_pair *)(from + i);
		linalg_pair a = x[0] - f * y[0], b = x[1] - f * y[1];
		x[0] = a;
		x[1] = b;
	}
	for (; i < n; i++)
		to[i] -= f * from[i];
}

enum { LINALG_QP_MOST = 32 };
/* argmin x'Hx/2 - g'x, x[i] >= 0 where bound[i] (Lawson and Hanson's active set, Solving Least Squares Problems, 1974).
 * n <= LINALG_QP_MOST. x is the result. */
void linalg_bounded(const double *h, const double *g, size_t n, const bool *bound, double *x);

#endif
