/* The numbers below the detector: each against brute force, or against data whose truth is known. */
#include "detect_lives.h"
#include "../prop/random.h"

#include "linalg.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- robust numbers ---- */
static int by_number(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return (x > y) - (x < y);
}

static double in_shape(int shape, size_t i, size_t n)
{
	size_t half = n / 2;
	switch (shape) {
	case 0: return gauss();
	case 1: return (double)i;
	case 2: return -(double)i;
	case 3: return i < half ? (double)i : (double)(n - i); /* up and down again */
	case 4: return (double)(i % 3);
	case 5: return floor(3 * gauss());
	default: return i % 2 ? 1e300 : -1e300;
	}
}

/* The median is that of the sorted numbers to the bit, for any order and number of them. */
static void medians_are_those_of_sorted_numbers(void **state)
{
	enum { MOST = 3000 };
	static double v[MOST], sorted[MOST];
	(void)state;
	seed = 7;
	for (int shape = 0; shape < 7; shape++)
		for (size_t n = 1; n <= MOST; n += n < 100 ? 1 : n / 3) {
			for (size_t i = 0; i < n; i++)
				sorted[i] = v[i] = in_shape(shape, i, n);
			qsort(sorted, n, sizeof *sorted, by_number);
			double hi = sorted[n / 2], lo = n % 2 ? hi : sorted[n / 2 - 1];
			near(mc_median(v, n), lo + (hi - lo) / 2, 0);
			qsort(v, n, sizeof *v, by_number);
			assert_memory_equal(v, sorted, n * sizeof *v);
		}
}

static void medians(void **state)
{
	(void)state;
	double odd[] = { 3, 1, 2 }, even[] = { 4, 1, 3, 2 }, huge[] = { DBL_MAX, DBL_MAX }, v[2001], work[2001];
	assert_true(isnan(mc_median(odd, 0)));
	near(mc_median(odd, 3), 2, 0);
	near(mc_median(even, 4), 2.5, 0);
	assert_true(isfinite(mc_median(huge, 2)));
	seed = 1;
	for (size_t i = 0; i < 2001; i++)
		v[i] = 5 + 2 * gauss();
	for (size_t i = 0; i < 600; i++)
		v[i] += 1e6 * (i % 2 ? 1 : -1); /* nearly a third is far off on both sides */
	double m = mc_median(memcpy(work, v, sizeof v), 2001);
	near(m, 5, .3);
	double s = mc_mad(v, 2001, m, work);
	assert_true(s > 2 && s < 4);
}

static void spikes_go_and_trends_stay(void **state)
{
	(void)state;
	double v[60], trend[60];
	seed = 2;
	for (size_t i = 0; i < 60; i++)
		trend[i] = v[i] = 10 * (double)i + gauss();
	v[20] += 1e4;
	v[41] -= 1e4;
	assert_int_equal(mc_hampel(v, 60, 3, 4, NULL), 0);
	for (size_t i = 0; i < 60; i++)
		near(v[i], trend[i], i == 20 || i == 41 ? 200 : 40);
	double few[] = { 1, 100, 1 };
	assert_int_equal(mc_hampel(few, 3, 3, 4, NULL), 0);
	near(few[1], 100, 0);
}

static void sen(void **state)
{
	(void)state;
	double t[1000], v[1000], s;
	for (size_t i = 0; i < 1000; i++) {
		t[i] = 7 + .5 * (double)i;
		v[i] = 3 * t[i] + (i % 4 ? 0 : 1e5);
	}
	assert_int_equal(mc_sen_slope(t, v, 1000, &s, NULL), 0);
	near(s, 3, 1e-6);
	assert_int_equal(mc_sen_slope(t, v, 1, &s, NULL), 0);
	assert_true(isnan(s));
	double same[] = { 4, 4, 4 };
	assert_int_equal(mc_sen_slope(same, v, 3, &s, NULL), 0);
	assert_true(isnan(s));
}

/* ---- changepoints ---- */
static double cost_of(const double *v, size_t from, size_t to)
{
	double m = 0, c = 0;
	for (size_t i = from; i < to; i++)
		m += v[i] / (double)(to - from);
	for (size_t i = from; i < to; i++)
		c += (v[i] - m) * (v[i] - m);
	return c;
}

static double cost_of_cuts(const double *v, size_t n, const size_t *cut, size_t ncuts, double penalty)
{
	double c = 0;
	size_t from = 0;
	for (size_t i = 0; i < ncuts; i++) {
		c += cost_of(v, from, cut[i]) + penalty;
		from = cut[i];
	}
	return c + cost_of(v, from, n);
}

/* The least cost of all partitions, none left out. */
static double least_cost(const double *v, size_t n, double penalty, size_t minseg)
{
	double best[128];
	best[0] = -penalty;
	for (size_t t = 1; t <= n; t++) {
		best[t] = (double)INFINITY;
		for (size_t s = 0; s + minseg <= t; s++)
			best[t] = fmin(best[t], best[s] + cost_of(v, s, t) + penalty);
	}
	return best[n];
}

static void pelt(void **state)
{
	(void)state;
	size_t *cut, ncuts;
	seed = 3;
	for (int round = 0; round < 300; round++) {
		double v[100], level = 0;
		size_t n = 2 + (size_t)(uniform() * 98), minseg = 1 + (size_t)(uniform() * 6);
		double penalty = 1 + 15 * uniform();
		for (size_t i = 0; i < n; i++) {
			level += uniform() < .08 ? 4 * gauss() : 0;
			v[i] = 1e3 + level + gauss();
		}
		assert_int_equal(mc_pelt_mean(v, n, penalty, minseg, &cut, &ncuts, NULL), 0);
		for (size_t i = 0; i < ncuts; i++)
			assert_true(cut[i] - (i ? cut[i - 1] : 0) >= minseg && n - cut[i] >= minseg);
		if (n >= minseg)
			near(cost_of_cuts(v, n, cut, ncuts, penalty), least_cost(v, n, penalty, minseg), 1e-6);
		free(cut);
	}
	double flat[50] = { 0 };
	assert_int_equal(mc_pelt_mean(flat, 50, 12, 2, &cut, &ncuts, NULL), 0);
	assert_int_equal(ncuts, 0);
	free(cut);
	assert_int_equal(mc_pelt_mean(flat, 0, 12, 0, &cut, &ncuts, NULL), 0);
	assert_null(cut);
}

/* ---- a life's summary ---- */
static void feed(struct mc_lifesum *s, size_t from, size_t to)
{
	for (size_t i = from; i < to; i++) {
		double t = 100 + 1.7 * (double)i, x[MC_LIFESUM_COVARIATES] = { (double)(i / 50), (double)NAN, 3.0 * (double)i };
		seed = i;
		mc_lifesum_add(s, t, 40 + 1e-4 * t + gauss() + (i % 97 ? 0 : 500), x);
	}
}

static bool same(double a, double b)
{
	return (isnan(a) && isnan(b)) || fabs(a - b) <= 1e-9 * (1 + fabs(a));
}

static void at_once_or_in_pieces(void **state)
{
	(void)state;
	static struct mc_lifesum whole, part, back;
	enum { N = 60000 };
	mc_lifesum_init(&whole, 100);
	mc_lifesum_init(&part, 100);
	feed(&whole, 0, N);
	for (size_t at = 0, piece = 1; at < N; at += piece, piece = piece * 2 + 1) {
		struct mc_buf b = { 0 };
		feed(&part, at, at + piece < N ? at + piece : N);
		assert_int_equal(mc_lifesum_write(&part, &b, NULL), 0);
		assert_int_equal(mc_lifesum_read(&back, b.data, b.len, NULL), 0);
		part = back;
		mc_buf_release(&b);
	}
	mc_lifesum_flush(&whole);
	mc_lifesum_flush(&part);
	double n = 0, before = -1;
	assert_int_equal(whole.n, part.n);
	assert_true(whole.n <= MC_LIFESUM_BINS && whole.n > MC_LIFESUM_BINS / 3);
	for (size_t i = 0; i < whole.n; i++) {
		const struct mc_lifebin *a = &whole.bin[i], *b = &part.bin[i];
		assert_true(a->key == b->key && a->n == b->n && same(a->t, b->t) && same(a->y, b->y) && same(a->garbage, b->garbage));
		assert_true(same(a->x[0], b->x[0]) && isnan(a->x[1]) && same(a->x[2], b->x[2]));
		assert_true(a->t > before && a->y > 30 && a->y < 70); /* the spikes of 500 are gone */
		before = a->t;
		n += a->n;
	}
	near(n, N, 0);
	near(whole.teeth.count, part.teeth.count, 0);
	near(whole.teeth.t, part.teeth.t, 0);
}

static void a_life_of_years_stays_small(void **state)
{
	(void)state;
	static struct mc_lifesum s;
	mc_lifesum_init(&s, 0);
	for (double t = 1, step = .25; t < 3e8; t += step, step *= 1.0001)
		mc_lifesum_add(&s, t, t / 1e6, NULL);
	mc_lifesum_flush(&s);
	assert_true(s.n <= MC_LIFESUM_BINS && s.n > 50);
	for (size_t i = 0; i < s.n; i++)
		near(s.bin[i].y, s.bin[i].t / 1e6, 2e-3 * s.bin[i].t / 1e6 + 1e-6);
}

static void what_is_no_sample_is_left_out(void **state)
{
	(void)state;
	struct mc_lifesum s;
	mc_lifesum_init(&s, 0);
	mc_lifesum_flush(&s);
	assert_int_equal(s.n, 0);
	mc_lifesum_init(&s, 0);
	mc_lifesum_add(&s, 5, 1, NULL);
	mc_lifesum_add(&s, 5, 2, NULL);            /* the same time */
	mc_lifesum_add(&s, 4, 3, NULL);            /* backwards */
	mc_lifesum_add(&s, (double)NAN, 4, NULL);
	mc_lifesum_add(&s, 6, (double)INFINITY, NULL);
	mc_lifesum_flush(&s);
	mc_lifesum_add(&s, 7, 5, NULL);            /* after the end */
	assert_int_equal(s.n, 1);
	near(s.bin[0].y, 1, 0);
}

static void damaged_summaries(void **state)
{
	(void)state;
	static struct mc_lifesum s, back;
	struct mc_buf b = { 0 };
	struct mc_error e;
	mc_lifesum_init(&s, 100);
	feed(&s, 0, 500);
	assert_int_equal(mc_lifesum_write(&s, &b, NULL), 0);
	unsigned char *copy = malloc(b.len);
	assert_non_null(copy);
	for (size_t len = 0; len < b.len; len += 7)
		assert_int_equal(mc_lifesum_read(&back, b.data, len, &e), MC_ECORRUPT);
	for (size_t i = 0; i < 4; i++) {
		memcpy(copy, b.data, b.len);
		copy[i]++;
		assert_int_equal(mc_lifesum_read(&back, copy, b.len, &e), MC_ECORRUPT);
	}
	/* any other byte: refused, or a summary that can go on */
	seed = 4;
	for (int round = 0; round < 3000; round++) {
		memcpy(copy, b.data, b.len);
		for (int k = 0; k < 3; k++)
			copy[(size_t)(uniform() * (double)b.len)] = (unsigned char)(256 * uniform());
		int rc = mc_lifesum_read(&back, copy, b.len, &e);
		assert_true(rc == 0 || (rc == MC_ECORRUPT && e.text[0]));
		if (rc < 0)
			continue;
		mc_lifesum_add(&back, 1e9, 4, NULL);
		mc_lifesum_flush(&back);
		assert_true(back.n <= MC_LIFESUM_BINS);
		for (size_t i = 0; i < back.n; i++)
			assert_true(isfinite(back.bin[i].t) && isfinite(back.bin[i].y) && back.bin[i].n >= 1);
	}
	free(copy);
	mc_buf_release(&b);
}

/* ---- linear algebra ---- */
enum { ORDER = 7 };
static void positive(double *a, double *keep)
{
	double r[ORDER][ORDER];
	for (size_t i = 0; i < ORDER; i++)
		for (size_t k = 0; k < ORDER; k++)
			r[i][k] = gauss();
	for (size_t i = 0; i < ORDER; i++)
		for (size_t k = 0; k < ORDER; k++) {
			a[i * ORDER + k] = i == k ? .1 : 0;
			for (size_t m = 0; m < ORDER; m++)
				a[i * ORDER + k] += r[i][m] * r[k][m];
		}
	memcpy(keep, a, ORDER * ORDER * sizeof *a);
}

static void cholesky(void **state)
{
	(void)state;
	double l[ORDER * ORDER], a[ORDER * ORDER], b[ORDER], x[ORDER];
	seed = 5;
	for (int round = 0; round < 50; round++) {
		positive(l, a);
		double logs = linalg_cholesky(l, ORDER, ORDER), sum = 0;
		for (size_t i = 0; i < ORDER; i++) {
			sum += log(l[i * ORDER + i]);
			for (size_t k = 0; k <= i; k++) {
				double v = 0;
				for (size_t m = 0; m <= k; m++)
					v += l[i * ORDER + m] * l[k * ORDER + m];
				near(v, a[i * ORDER + k], 1e-10);
			}
		}
		near(logs, sum, 1e-12);
		for (size_t i = 0; i < ORDER; i++)
			x[i] = b[i] = gauss();
		linalg_forward(l, ORDER, ORDER, x, 1);
		linalg_backward(l, ORDER, ORDER, x);
		for (size_t i = 0; i < ORDER; i++) {
			double v = 0;
			for (size_t k = 0; k < ORDER; k++)
				v += a[i * ORDER + k] * x[k];
			near(v, b[i], 1e-8);
		}
	}
	double singular[4] = { 1, 1, 1, 1 }, zero[1] = { 0 };
	assert_true(isfinite(linalg_cholesky(singular, 2, 2)) && singular[3] > 0);
	assert_true(isfinite(linalg_cholesky(zero, 1, 1)) && zero[0] > 0);
}

static double objective(const double *a, const double *g, const double *x)
{
	double v = 0;
	for (size_t i = 0; i < ORDER; i++) {
		v -= g[i] * x[i];
		for (size_t k = 0; k < ORDER; k++)
			v += .5 * x[i] * a[i * ORDER + k] * x[k];
	}
	return v;
}

/* Every choice of what is held at 0 is tried. */
static double least_objective(const double *a, const double *g, const bool *bound)
{
	double best = (double)INFINITY;
	for (unsigned held = 0; held < 1u << ORDER; held++) {
		double l[ORDER * ORDER], x[ORDER];
		bool ok = true;
		memcpy(l, a, sizeof l);
		memcpy(x, g, sizeof x);
		for (size_t i = 0; i < ORDER; i++) {
			if (!(held >> i & 1))
				continue;
			ok = ok && bound[i];
			x[i] = 0;
			for (size_t k = 0; k < ORDER; k++)
				l[i * ORDER + k] = l[k * ORDER + i] = i == k;
		}
		linalg_cholesky(l, ORDER, ORDER);
		linalg_forward(l, ORDER, ORDER, x, 1);
		linalg_backward(l, ORDER, ORDER, x);
		for (size_t i = 0; i < ORDER; i++)
			ok = ok && (!bound[i] || x[i] >= -1e-12);
		if (ok)
			best = fmin(best, objective(a, g, x));
	}
	return best;
}

static void bounded(void **state)
{
	(void)state;
	double a[ORDER * ORDER], same_a[ORDER * ORDER], g[ORDER], x[ORDER];
	bool bound[ORDER];
	seed = 6;
	for (int round = 0; round < 200; round++) {
		positive(a, same_a);
		for (size_t i = 0; i < ORDER; i++) {
			g[i] = 3 * gauss();
			bound[i] = uniform() < .6;
		}
		linalg_bounded(a, g, ORDER, bound, x);
		for (size_t i = 0; i < ORDER; i++)
			assert_true(!bound[i] || x[i] >= 0);
		double want = least_objective(a, g, bound);
		near(objective(a, g, x), want, 1e-7 * (1 + fabs(want)));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(medians),
		cmocka_unit_test(medians_are_those_of_sorted_numbers),
		cmocka_unit_test(spikes_go_and_trends_stay),
		cmocka_unit_test(sen),
		cmocka_unit_test(pelt),
		cmocka_unit_test(at_once_or_in_pieces),
		cmocka_unit_test(a_life_of_years_stays_small),
		cmocka_unit_test(what_is_no_sample_is_left_out),
		cmocka_unit_test(damaged_summaries),
		cmocka_unit_test(cholesky),
		cmocka_unit_test(bounded),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
