/* The numbers below the detector: each against brute force, or against data whose truth is known. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "evidence.h"
#include "linalg.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- random numbers: the same on every machine ---- */
static uint64_t seed;

static double uniform(void)
{
	seed = seed * 6364136223846793005u + 1442695040888963407u;
	return ((double)(seed >> 11) + .5) * 0x1p-53;
}

static double gauss(void)
{
	double r = sqrt(-2 * log(uniform()));
	return r * cos(2 * M_PI * uniform());
}

static void near(double got, double want, double tolerance)
{
	if (!(fabs(got - want) <= tolerance))
		fail_msg("%.12g is not %.12g within %g", got, want, tolerance);
}

/* ---- robust numbers ---- */
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
		assert_true(a->key == b->key && a->n == b->n && same(a->t, b->t) && same(a->y, b->y) && same(a->low, b->low));
		assert_true(same(a->x[0], b->x[0]) && isnan(a->x[1]) && same(a->x[2], b->x[2]));
		assert_true(a->t > before && a->y > 30 && a->y < 70); /* the spikes of 500 are gone */
		before = a->t;
		n += a->n;
	}
	near(n, N, 0);
	near(whole.falls, part.falls, 0);
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

/* ---- the noise, against its covariance written out ---- */
enum { ROWS = 11, COLUMNS = 3 };
static double covariance(const struct panel_life *l, const struct mc_noise *n, size_t i, size_t k)
{
	double v1 = (1 - n->white) * (1 - n->slow), v2 = (1 - n->white) * n->slow, gap = 0;
	double xi = l->dur[i] / n->tau_fast, xk = l->dur[k] / n->tau_fast;
	if (i == k)
		return n->white * l->white[i] + 1e-6 + v1 * 2 * (xi - 1 + exp(-xi)) / (xi * xi) + v2;
	for (size_t m = i + 1; m <= k; m++)
		gap += l->gap[m];
	double hole = gap - (l->dur[i] + l->dur[k]) / 2;
	return v1 * (1 - exp(-xi)) / xi * (1 - exp(-xk)) / xk * exp(-hole / n->tau_fast) + v2 * exp(-gap / n->tau_slow);
}

static void whitening(void **state)
{
	(void)state;
	seed = 7;
	for (int round = 0; round < 60; round++) {
		double gap[ROWS], dur[ROWS], white[ROWS], t[ROWS] = { 0 }, c[ROWS * COLUMNS], y[ROWS * COLUMNS];
		double l[ROWS * ROWS], g[COLUMNS * COLUMNS] = { 0 };
		struct mc_noise n = { .tau_fast = 20 * uniform() + 1, .tau_slow = 300, .slow = uniform(), .white = .9 * uniform(), .var = 1 };
		for (size_t i = 0; i < ROWS; i++) {
			dur[i] = 5 + 5 * floor(3 * uniform());
			white[i] = .5 + uniform();
			/* some rows follow at once, some after a gap */
			gap[i] = i ? (dur[i] + dur[i - 1]) / 2 + (uniform() < .4 ? 30 * (1 + uniform()) : 0) : 0;
			for (size_t k = 0; k < COLUMNS; k++)
				c[i * COLUMNS + k] = gauss();
		}
		struct panel_life life = { .n = ROWS, .gap = gap, .dur = dur, .white = white, .t = t };
		for (size_t i = 0; i < ROWS; i++)
			for (size_t k = 0; k <= i; k++)
				l[i * ROWS + k] = covariance(&life, &n, k, i);
		double logs = linalg_cholesky(l, ROWS, ROWS);
		memcpy(y, c, sizeof y);
		linalg_forward(l, ROWS, ROWS, y, COLUMNS);
		near(panel_whiten(&life, &n, c, COLUMNS, g), logs, 1e-6);
		for (size_t a = 0; a < COLUMNS; a++)
			for (size_t b = 0; b < COLUMNS; b++) {
				double v = 0;
				for (size_t i = 0; i < ROWS; i++)
					v += y[i * COLUMNS + a] * y[i * COLUMNS + b];
				near(g[a * COLUMNS + b], v, 1e-6 * (1 + fabs(v)));
			}
	}
}

/* ---- simulated lives ---- */
enum { LIVES = 8, BINS = 60, RELEASES = 4 };
struct lives {
	struct mc_panel_life life[LIVES];
	double t[LIVES][BINS], y[LIVES][BINS], samples[LIVES][BINS], seconds[LIVES][BINS], release_t[RELEASES];
};

/* LIVES / RELEASES lives a release; noise sampled at 1 s, seen as means over bins of 10 s. Growth from release 2 on. */
static void simulate(struct lives *w, double sd, double tau, double white, double slope)
{
	for (size_t i = 0; i < LIVES; i++) {
		size_t r = i / (LIVES / RELEASES);
		double start = 600.0 * (double)r, x = gauss(), rho = exp(-1 / tau), level = 100 + 3 * gauss();
		w->release_t[r] = start;
		for (size_t k = 0; k < BINS; k++) {
			double sum = 0;
			for (int s = 0; s < 10; s++) {
				x = rho * x + sqrt(1 - rho * rho) * gauss();
				sum += sd * x + white * gauss();
			}
			double age = 10 * (double)k + 5;
			w->t[i][k] = start + age;
			w->y[i][k] = level + 2 * (1 - exp(-age / 40)) + sum / 10 + (r >= 2 ? slope * age : 0);
			w->samples[i][k] = 10;
			w->seconds[i][k] = 10;
		}
		w->life[i] = (struct mc_panel_life){ .n = BINS, .t = w->t[i], .y = w->y[i], .samples = w->samples[i], .seconds = w->seconds[i],
			.start = start, .release = r };
	}
}

static struct mc_panel *panel_of(struct lives *w, double quantum, const double *onsets, size_t nonsets)
{
	struct mc_panel_in in = { .nlives = LIVES, .lives = w->life, .nreleases = RELEASES, .release_t = w->release_t, .bin = 10,
		.quantum = quantum, .nonsets = nonsets, .onsets = onsets };
	struct mc_panel *p = NULL;
	assert_int_equal(mc_panel_new(&in, &p, NULL), 0);
	return p;
}

/* Variance of a mean of 10 s. */
static double bin_variance(double sd, double tau, double white)
{
	double x = 10 / tau;
	return sd * sd * 2 * (x - 1 + exp(-x)) / (x * x) + white * white / 10;
}

static void noise_is_recovered(void **state)
{
	(void)state;
	static struct lives w;
	/* memory of a tenth of a life can't be told from a longer one of more variance: on the safe side */
	static const struct { double sd, tau, white, most; } cases[] = { { 1, 30, .3, 2 }, { 1, 8, 1, 2 }, { .3, 60, .1, 7 }, { 4, 3, 4, 2 }, { .05, 20, 2, 3 } };
	seed = 8;
	for (size_t c = 0; c < sizeof cases / sizeof *cases; c++) {
		double tau[5], var[5];
		for (int turn = 0; turn < 5; turn++) {
			struct mc_noise n;
			simulate(&w, cases[c].sd, cases[c].tau, cases[c].white, 0);
			struct mc_panel *p = panel_of(&w, 1e-6, NULL, 0);
			mc_panel_noise(p, &n);
			mc_panel_free(p);
			tau[turn] = n.tau_fast;
			/* of a bin: the fast process is seen as a mean */
			double x = 10 / n.tau_fast, fast = 2 * (x - 1 + exp(-x)) / (x * x);
			var[turn] = n.var * (n.white + (1 - n.white) * (n.slow + (1 - n.slow) * fast));
		}
		double v = mc_median(var, 5), want = bin_variance(cases[c].sd, cases[c].tau, cases[c].white), t = mc_median(tau, 5);
		if (!(v > .5 * want && v < cases[c].most * want))
			fail_msg("case %zu: variance %g, should be %g", c, v, want);
		if (cases[c].sd > cases[c].white && !(t > cases[c].tau / 4 && t < cases[c].tau * 8))
			fail_msg("case %zu: memory of %g s, should be %g", c, t, cases[c].tau);
	}
}

static void slopes_have_honest_errors(void **state)
{
	(void)state;
	static struct lives w;
	static const struct mc_supposition s[] = { { 2, RELEASES, 0, 0 }, { 1, RELEASES, 0, 0 }, { 3, RELEASES, 0, 0 } };
	int rounds = getenv("MC_SHORT") ? 40 : 200, covered = 0, first = 0;
	double slope = .02;
	seed = 9;
	for (int round = 0; round < rounds; round++) {
		struct mc_growth_evidence e;
		simulate(&w, 1, 20, .5, slope);
		struct mc_panel *p = panel_of(&w, 1e-6, NULL, 0);
		assert_int_equal(mc_panel_evidence(p, s, 3, &e, NULL), 0);
		const struct mc_growth_fit *f = e.set[MC_GROWTH_TIME];
		covered += fabs(f[0].slope - slope) <= 1.96 * f[0].slope_sd;
		first += f[0].log_evidence > f[1].log_evidence && f[0].log_evidence > f[2].log_evidence && f[0].log_evidence > e.none + 3;
		mc_growth_evidence_release(&e);
		mc_panel_free(p);
	}
	if (covered < .85 * rounds)
		fail_msg("%d of %d intervals hold the truth", covered, rounds);
	if (first < .95 * rounds)
		fail_msg("%d of %d times the right release has most evidence", first, rounds);
}

static void nothing_is_found_in_noise(void **state)
{
	(void)state;
	static struct lives w;
	static const struct mc_supposition s[] = { { 2, RELEASES, 0, 0 } };
	int rounds = getenv("MC_SHORT") ? 20 : 80, found = 0;
	seed = 10;
	for (int round = 0; round < rounds; round++) {
		struct mc_growth_evidence e;
		simulate(&w, 1, 20, .5, 0);
		struct mc_panel *p = panel_of(&w, 1e-6, NULL, 0);
		assert_int_equal(mc_panel_evidence(p, s, 1, &e, NULL), 0);
		found += e.set[MC_GROWTH_TIME][0].log_evidence > e.none + 4;
		mc_growth_evidence_release(&e);
		mc_panel_free(p);
	}
	if (found > .03 * rounds)
		fail_msg("growth in %d of %d", found, rounds);
}

static void clean_growth_of_any_size_has_evidence(void **state)
{
	(void)state;
	static struct lives w;
	static const struct mc_supposition s[] = { { 2, RELEASES, 0, 0 }, { 1, RELEASES, 0, 0 } };
	static const double noise[] = { 0, 1e-6, 1e-3, 1 };
	double onsets[] = { 600, 1200, 1500 };
	seed = 11;
	for (double slope = .05; slope < 1e7; slope *= 10)
		for (size_t k = 0; k < sizeof noise / sizeof *noise; k++) {
			struct mc_growth_evidence e;
			simulate(&w, noise[k], 20, noise[k], slope);
			struct mc_panel *p = panel_of(&w, 1e-6, onsets, 3);
			assert_int_equal(mc_panel_evidence(p, s, 2, &e, NULL), 0);
			const struct mc_growth_fit *f = e.set[MC_GROWTH_TIME];
			if (!isfinite(e.none) || !isfinite(f[0].log_evidence) || !(f[0].log_evidence > e.none))
				fail_msg("slope %g, noise %g: %g against %g", slope, noise[k], f[0].log_evidence, e.none);
			if (!isfinite(e.onset[1].log_evidence))
				fail_msg("slope %g, noise %g: an onset at the time of the growth has none", slope, noise[k]);
			near(f[0].slope, slope, .1 * slope);
			mc_growth_evidence_release(&e);
			mc_panel_free(p);
		}
}

/* Threads come in the midst of each life, more in the later releases; each brings what it touches within a minute. */
static void what_new_threads_bring_is_no_growth(void **state)
{
	(void)state;
	static struct lives w;
	static double threads[LIVES][BINS];
	static const struct mc_supposition s[] = { { 2, RELEASES, 0, 0 } };
	seed = 12;
	for (int known = 0; known < 2; known++) {
		struct mc_growth_evidence e;
		simulate(&w, .2, 20, .1, 0);
		for (size_t i = 0; i < LIVES; i++)
			for (size_t k = 0; k < BINS; k++) {
				double since = 10 * (double)k + 5 - 250, more = w.life[i].release >= 2 ? 16 : 4;
				threads[i][k] = since < 0 ? 4 : 4 + more;
				w.y[i][k] += since < 0 ? 0 : more * (1 - exp(-since / 60));
				w.life[i].x[0] = known ? threads[i] : NULL;
			}
		struct mc_panel *p = panel_of(&w, 1e-6, NULL, 0);
		assert_int_equal(mc_panel_evidence(p, s, 1, &e, NULL), 0);
		double found = e.set[MC_GROWTH_TIME][0].log_evidence - e.none;
		if (known ? found > 2 : !(found > 3))
			fail_msg("threads %s: evidence %g of growth", known ? "known" : "not known", found);
		double level[LIVES], var[LIVES];
		assert_int_equal(mc_panel_levels(p, level, var, NULL), 0);
		for (size_t i = 1; known && i < LIVES; i++)
			if (!(fabs(level[i] - level[0]) < 3 * sqrt(var[i] + var[0]) + 12)) /* lives differ by 3 anyway */
				fail_msg("life %zu stands at %g +- %g, the first at %g", i, level[i], sqrt(var[i]), level[0]);
		if (known)
			assert_true(var[LIVES - 1] > 1);
		mc_growth_evidence_release(&e);
		mc_panel_free(p);
	}
}

/* An allocator that fragments: growth that never stops and slows down all the time. */
static void growth_with_the_logarithm_levels_off(void **state)
{
	(void)state;
	static struct lives w;
	static const struct mc_supposition s[] = { { 2, RELEASES, 0, 0 } };
	seed = 14;
	struct mc_growth_evidence e;
	simulate(&w, .2, 20, .1, 0);
	for (size_t i = 0; i < LIVES; i++)
		for (size_t k = 0; k < BINS; k++)
			w.y[i][k] += w.life[i].release >= 2 ? 4 * log1p((10 * (double)k + 5) / 15) : 0;
	struct mc_panel *p = panel_of(&w, 1e-6, NULL, 0);
	assert_int_equal(mc_panel_evidence(p, s, 1, &e, NULL), 0);
	double bounded = e.set[MC_GROWTH_BOUNDED][0].log_evidence, steady = e.set[MC_GROWTH_TIME][0].log_evidence;
	if (!(bounded > steady + 2 && bounded > e.none + 2))
		fail_msg("levels off: %g, steady: %g, none: %g", bounded, steady, e.none);
	mc_growth_evidence_release(&e);
	mc_panel_free(p);
}

/* Every life grows, each at its own pace, and those of the later releases three times as fast. */
static void growth_on_top_of_growth(void **state)
{
	(void)state;
	static struct lives w;
	static const struct mc_supposition s[] = { { 2, RELEASES, 0, 0 } };
	seed = 13;
	struct mc_growth_evidence e;
	simulate(&w, .3, 20, .1, .2);
	for (size_t i = 0; i < LIVES; i++)
		for (size_t k = 0; k < BINS; k++)
			w.y[i][k] += (.06 + .08 * (double)(i % 2)) * (10 * (double)k + 5);
	struct mc_panel *p = panel_of(&w, 1e-6, NULL, 0);
	assert_int_equal(mc_panel_evidence(p, s, 1, &e, NULL), 0);
	double set = e.set[MC_GROWTH_TIME][0].log_evidence, all = fmax(e.all[MC_GROWTH_TIME].log_evidence, e.since_ever);
	if (!(set > all + 1))
		fail_msg("faster from a release on: %g, against %g of lives that grow anyway", set, all);
	mc_growth_evidence_release(&e);
	mc_panel_free(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(medians),
		cmocka_unit_test(spikes_go_and_trends_stay),
		cmocka_unit_test(sen),
		cmocka_unit_test(pelt),
		cmocka_unit_test(at_once_or_in_pieces),
		cmocka_unit_test(a_life_of_years_stays_small),
		cmocka_unit_test(what_is_no_sample_is_left_out),
		cmocka_unit_test(damaged_summaries),
		cmocka_unit_test(cholesky),
		cmocka_unit_test(bounded),
		cmocka_unit_test(whitening),
		cmocka_unit_test(noise_is_recovered),
		cmocka_unit_test(slopes_have_honest_errors),
		cmocka_unit_test(nothing_is_found_in_noise),
		cmocka_unit_test(clean_growth_of_any_size_has_evidence),
		cmocka_unit_test(what_new_threads_bring_is_no_growth),
		cmocka_unit_test(growth_with_the_logarithm_levels_off),
		cmocka_unit_test(growth_on_top_of_growth),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
