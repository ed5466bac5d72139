/* Evidence of growth in simulated lives, and the noise that it is weighed against. */
#include "detect_lives.h"
#include "../prop/random.h"

#include "evidence.h"
#include "linalg.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

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

/* ---- the load without the errors of its counter ---- */
enum { LOAD = 1200 };
static double cycle(double t)
{
	return 1 + .15 * sin(t / 3000);
}

static double surge(double t)
{
	return t > 30000 && t < 42000 ? 3 : 1;
}

static double steady(double t)
{
	(void)t;
	return 1;
}

/* `sd` of errors about `truth`, a point a minute, with holes. *of_calm, *of_counted: by how much the truth changes where either changes by 1;
 * returns the errors that are left of the calm one, as a part of sd. */
static double calm_of(double (*truth)(double), double sd, struct mc_panel_load *calm, double *of_calm, double *of_counted)
{
	static double t[LOAD], level[LOAD], ct[LOAD], cl[LOAD];
	double now = 0, rest = 0, ccx = 0, cx = 0, xx = 0, cc = 0, mean = 0;
	size_t at = 0;
	for (size_t i = 0; i < LOAD; i++) {
		double lasts = uniform() < .02 ? 600 : 60;
		t[i] = now;
		level[i] = truth(now + 30) + sd * gauss() / sqrt(lasts / 60);
		now += lasts;
		mean += truth(now + 30) / LOAD;
	}
	struct mc_panel_load counted = { LOAD, t, level };
	assert_int_equal(load_calm(&counted, 60, ct, cl, calm, NULL), 0);
	for (size_t i = 0; calm->n && i + 1 < LOAD; i++) {
		while (at + 1 < calm->n && calm->t[at + 1] <= t[i])
			at++;
		double x = truth(t[i] + 30) - mean, c = calm->level[at] - mean, r = level[i] - mean;
		assert_true(isfinite(c));
		rest += (c - x) * (c - x) / LOAD;
		ccx += c * x;
		cc += c * c;
		cx += r * x;
		xx += r * r;
	}
	*of_calm = ccx / cc;
	*of_counted = cx / xx;
	return sqrt(rest) / sd;
}

static void a_counters_errors_are_left_out(void **state)
{
	(void)state;
	struct mc_panel_load calm;
	double of_calm, of_counted;
	seed = 11;
	for (int round = 0; round < 10; round++) {
		/* a half of the changes are errors: what the load explains would look half as large */
		assert_true(calm_of(cycle, .1, &calm, &of_calm, &of_counted) < .4);
		assert_true(of_counted < .65 && of_calm > .9 && of_calm < 1.1);
		/* a surge keeps its edges, and what does nothing but waver is left alone */
		assert_true(calm_of(surge, .1, &calm, &of_calm, &of_counted) < .8);
		assert_true(of_calm > .98 && of_calm < 1.02);
		calm_of(steady, .1, &calm, &of_calm, &of_counted);
		assert_int_equal(calm.n, 0);
	}
	/* nothing to leave out */
	calm_of(cycle, 1e-6, &calm, &of_calm, &of_counted);
	assert_int_equal(calm.n, 0);
	calm_of(steady, 0, &calm, &of_calm, &of_counted);
}

static void loads_of_few_times_are_left_alone(void **state)
{
	(void)state;
	double t[40], level[40], ct[40], cl[40];
	struct mc_panel_load calm;
	for (size_t equal = 1; equal <= 40; equal++) {
		for (size_t i = 0; i < 40; i++) {
			t[i] = floor((double)i / (double)equal) * 1e5;
			level[i] = i % 2 ? 1e50 : 0;
		}
		for (size_t n = 0; n <= 40; n++) {
			struct mc_panel_load in = { n, t, level };
			assert_int_equal(load_calm(&in, equal % 3 ? 10 : 1e9, ct, cl, &calm, NULL), 0);
			for (size_t i = 0; i < calm.n; i++)
				assert_true(isfinite(calm.t[i]) && calm.level[i] >= 0 && calm.level[i] < 1e52 && (i == 0 || calm.t[i] > calm.t[i - 1]));
		}
	}
}

/* ---- simulated lives ---- */
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
	static const struct { double sd, tau, white; } cases[] = { { 1, 30, .3 }, { 1, 8, 1 }, { .3, 60, .1 }, { 4, 3, 4 }, { .05, 20, 2 } };
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
		/* one that takes slow wander for granted finds half as much again, or five times as much */
		if (!(v > .7 * want && v < 1.25 * want))
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
	double slope = .02, squares = 0;
	seed = 9;
	for (int round = 0; round < rounds; round++) {
		struct mc_growth_evidence e;
		simulate(&w, 1, 20, .5, slope);
		struct mc_panel *p = panel_of(&w, 1e-6, NULL, 0);
		assert_int_equal(mc_panel_evidence(p, s, 3, &e, NULL), 0);
		const struct mc_growth_fit *f = e.set[MC_GROWTH_TIME];
		covered += fabs(f[0].slope - slope) <= 1.96 * f[0].slope_sd;
		squares += pow((f[0].slope - slope) / f[0].slope_sd, 2);
		first += f[0].log_evidence > f[1].log_evidence && f[0].log_evidence > f[2].log_evidence && f[0].log_evidence > e.none + 3;
		mc_growth_evidence_release(&e);
		mc_panel_free(p);
	}
	if (covered < .85 * rounds)
		fail_msg("%d of %d intervals hold the truth", covered, rounds);
	double z = sqrt(squares / rounds);
	if (!(z > .3 && z < 1.25))
		fail_msg("the truth is %g errors off, as a rule", z);
	if (first < .95 * rounds)
		fail_msg("%d of %d times the right release has most evidence", first, rounds);
}

/* What the load explains is taken out of the rows, and nothing else: what is left is as it is without a load, and a growth stays. */
static void the_load_is_taken_out(void **state)
{
	(void)state;
	static struct lives w;
	static const struct mc_supposition s[] = { { 2, RELEASES, 0, 0 } };
	enum { POINTS = 240 };
	double t[POINTS], level[POINTS], before[BINS];
	seed = 12;
	simulate(&w, 1, 20, .5, .02);
	for (size_t k = 0; k < POINTS; k++) {
		t[k] = 10 * (double)k;
		level[k] = 1 + .5 * sin(t[k] / 150);
	}
	for (int loaded = 0; loaded < 2; loaded++) {
		struct mc_panel_in in = { .nlives = LIVES, .lives = w.life, .nreleases = RELEASES, .release_t = w.release_t, .bin = 10, .quantum = 1e-6,
			.load = { loaded ? POINTS : 0, t, level } };
		struct mc_growth_evidence e;
		struct mc_panel *p = NULL;
		double off = 0;
		for (size_t k = 0; k < BINS; k++) {
			before[k] = w.y[LIVES - 1][k];
			for (size_t i = 0; loaded && i < LIVES; i++)
				w.y[i][k] += 16 * (level[60 * (i / (LIVES / RELEASES)) + k] - 1);
		}
		assert_int_equal(mc_panel_new(&in, &p, NULL), 0);
		assert_int_equal(mc_panel_evidence(p, s, 1, &e, NULL), 0);
		mc_panel_less_load(p, LIVES - 1, w.y[LIVES - 1]);
		/* its level may be another */
		for (size_t k = 0; k < BINS; k++)
			off += (w.y[LIVES - 1][k] - before[k]) / BINS;
		for (size_t k = 0; k < BINS; k++)
			near(w.y[LIVES - 1][k] - before[k] - off, 0, loaded ? 2.5 : 0);
		mc_growth_evidence_release(&e);
		mc_panel_free(p);
	}
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

/* A minute of a batch job in the midst of every life: neither its noise nor its growth. */
static void a_plateau_does_not_bend_the_fit(void **state)
{
	(void)state;
	static struct lives w;
	static const struct mc_supposition s[] = { { 2, RELEASES, 0, 0 } };
	int found = 0;
	double off = 0;
	seed = 16;
	for (int round = 0; round < 12; round++) {
		struct mc_growth_evidence e;
		simulate(&w, .3, 20, .3, .02);
		for (size_t i = 0; i < LIVES; i++)
			for (size_t k = 0, from = 15 + (size_t)(uniform() * 25); k < 6; k++)
				w.y[i][from + k] += 25;
		struct mc_panel *p = panel_of(&w, 1e-6, NULL, 0);
		assert_int_equal(mc_panel_evidence(p, s, 1, &e, NULL), 0);
		const struct mc_growth_fit *f = e.set[MC_GROWTH_TIME];
		found += f->log_evidence > e.none + 3;
		off += fabs(f->slope - .02) / 12;
		mc_growth_evidence_release(&e);
		mc_panel_free(p);
	}
	if (found < 11 || off > .002)
		fail_msg("found in %d of 12, %g off", found, off);
}

/* Growth that begins in the midst of the third release's lives. Where later lives grow from their start it is a time; where they begin as late,
 * it is an age, and either it was held against that or a release's growth says more anyway. */
static void a_time_or_an_age(void **state)
{
	(void)state;
	static struct lives w;
	static const struct mc_supposition s[] = { { 1, RELEASES, 0, 0 }, { 2, RELEASES, 0, 0 }, { 3, RELEASES, 0, 0 } };
	bool held = false;
	for (double late = BINS; late <= 5 * BINS; late += BINS)
		for (int age = 0; age < 2; age++) {
			struct mc_growth_evidence e;
			double onsets[] = { 1200 + late }, set = -(double)INFINITY;
			seed = 21;
			simulate(&w, 1, 20, .3, 0);
			for (size_t i = 0; i < LIVES; i++)
				for (size_t k = 0; k < BINS; k++) {
					double since = w.t[i][k] - w.life[i].start;
					if (w.life[i].release >= 2)
						w.y[i][k] += .1 * (w.life[i].release == 2 || age ? fmax(0, since - late) : since);
				}
			struct mc_panel *p = panel_of(&w, 1e-6, onsets, 1);
			assert_int_equal(mc_panel_evidence(p, s, 3, &e, NULL), 0);
			for (size_t k = 0; k < MC_GROWTH_BOUNDED; k++)
				for (size_t i = 0; i < 3; i++)
					set = fmax(set, e.set[k][i].log_evidence);
			double time = e.onset[0].log_evidence, other = fmax(set, e.late[0].log_evidence);
			held = held || (age && e.late[0].log_evidence > time);
			/* later than half of a life, the lives of a release that is the last but one say too little */
			if (age ? !(other > time) : late >= 2 * BINS && late <= 4 * BINS && !(time > other + 1))
				fail_msg("%s after %g s: time %g, release %g, age %g", age ? "an age" : "a time", late, time, set, e.late[0].log_evidence);
			mc_growth_evidence_release(&e);
			mc_panel_free(p);
		}
	assert_true(held);
}

/* Lives of later releases rise and fall, as many the one as the other. Of few lives one may be a worker that grows alone; of many no growth is left. */
static void lives_that_differ_are_no_growth(void **state)
{
	(void)state;
	enum { MANY = 80, EACH = 24 };
	static double t[MANY][EACH], y[MANY][EACH], samples[MANY][EACH], seconds[MANY][EACH];
	static const struct mc_supposition s[] = { { 2, RELEASES, 0, 0 } };
	struct mc_panel_life life[MANY];
	double release_t[RELEASES] = { 0, 240, 480, 720 };
	seed = 31;
	for (size_t i = 0; i < MANY; i++) {
		size_t r = i / (MANY / RELEASES);
		double own = r < 2 ? 0 : i % 2 ? .105 : -.095;
		for (size_t k = 0; k < EACH; k++) {
			t[i][k] = release_t[r] + 10 * (double)k + 5;
			y[i][k] = 100 + .3 * gauss() + own * 10 * (double)k;
			samples[i][k] = seconds[i][k] = 10;
		}
		life[i] = (struct mc_panel_life){ .n = EACH, .t = t[i], .y = y[i], .samples = samples[i], .seconds = seconds[i], .start = release_t[r], .release = r };
	}
	struct mc_panel_in in = { .nlives = MANY, .lives = life, .nreleases = RELEASES, .release_t = release_t, .bin = 10, .quantum = 1e-6 };
	struct mc_panel *p = NULL;
	struct mc_growth_evidence e;
	assert_int_equal(mc_panel_new(&in, &p, NULL), 0);
	assert_int_equal(mc_panel_evidence(p, s, 1, &e, NULL), 0);
	for (size_t k = 0; k < MC_GROWTH_BOUNDED; k++)
		assert_true(e.set[k][0].log_evidence < e.none);
	mc_growth_evidence_release(&e);
	mc_panel_free(p);
}

/* Lives wander, each for itself; those of the last releases rise besides, all alike and by little. What lives do by themselves says nothing of releases
 * that are alike in all else, and must not be paid for as if a release did it. */
static void slow_growth_among_lives_that_wander(void **state)
{
	(void)state;
	enum { OF = 4, GROW = 5, ALL = 8, MANY = OF * ALL };
	static double t[MANY][BINS], y[MANY][BINS], samples[MANY][BINS], seconds[MANY][BINS];
	static const struct mc_supposition s[] = { { GROW, ALL, 0, 0 } };
	struct mc_panel_life life[MANY];
	double release_t[ALL], sum = 0;
	int rounds = getenv("MC_SHORT") ? 10 : 20;
	seed = 41;
	for (int round = 0; round < rounds; round++) {
		for (size_t i = 0; i < MANY; i++) {
			size_t r = i / OF;
			double own = .6 * gauss() + (r >= GROW ? 2 : 0);
			release_t[r] = 600 * (double)r;
			for (size_t k = 0; k < BINS; k++) {
				t[i][k] = release_t[r] + 10 * (double)k + 5;
				y[i][k] = 100 + 60 * (1 - exp(-(double)k / 8)) + gauss() + own * (double)k / BINS;
				samples[i][k] = seconds[i][k] = 10;
			}
			life[i] = (struct mc_panel_life){ .n = BINS, .t = t[i], .y = y[i], .samples = samples[i], .seconds = seconds[i], .start = release_t[r],
				.release = r };
		}
		struct mc_panel_in in = { .nlives = MANY, .lives = life, .nreleases = ALL, .release_t = release_t, .bin = 10, .quantum = 1e-6 };
		struct mc_panel *p = NULL;
		struct mc_growth_evidence e;
		assert_int_equal(mc_panel_new(&in, &p, NULL), 0);
		assert_int_equal(mc_panel_evidence(p, s, 1, &e, NULL), 0);
		sum += e.set[MC_GROWTH_TIME][0].log_evidence - e.none;
		mc_growth_evidence_release(&e);
		mc_panel_free(p);
	}
	if (!(sum / rounds > 7))
		fail_msg("log evidence %g of slow growth", sum / rounds);
}

/* However clear a growth looks, the noise is known from few lives only: what speaks for it grows with their number. */
static void few_lives_are_no_certainty(void **state)
{
	(void)state;
	static struct lives w;
	static const struct mc_supposition s[] = { { 2, RELEASES, 0, 0 } };
	double found[2];
	seed = 15;
	simulate(&w, 1, 20, .5, .2);
	for (int half = 0; half < 2; half++) {
		struct mc_panel_life life[LIVES];
		struct mc_growth_evidence e;
		struct mc_panel *p = NULL;
		for (size_t i = 0; i < (half ? LIVES / 2 : LIVES); i++)
			life[i] = w.life[half ? 2 * i : i]; /* one of each release, or both */
		struct mc_panel_in in = { .nlives = half ? LIVES / 2 : LIVES, .lives = life, .nreleases = RELEASES, .release_t = w.release_t, .bin = 10, .quantum = 1e-6 };
		assert_int_equal(mc_panel_new(&in, &p, NULL), 0);
		assert_int_equal(mc_panel_evidence(p, s, 1, &e, NULL), 0);
		found[half] = e.set[MC_GROWTH_TIME][0].log_evidence - e.none;
		mc_growth_evidence_release(&e);
		mc_panel_free(p);
	}
	if (!(found[1] > 8 && found[1] < .8 * found[0] && found[0] < 40))
		fail_msg("log evidence %g of %d lives, %g of half of them", found[0], LIVES, found[1]);
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

/* Warm-ups of releases differ by a factor in size and in time scale; at last one of them grows too. */
static void another_warm_up_is_no_growth(void **state)
{
	(void)state;
	static struct lives w;
	static const double size[RELEASES] = { 1, .8, 1.7, 1.2 }, time[RELEASES] = { 1, 1.2, 2.2, .8 };
	static const struct mc_supposition s[] = { { 2, RELEASES, 0, 0 }, { 2, 3, 0, 0 } };
	seed = 15;
	for (int grows = 0; grows < 2; grows++) {
		struct mc_growth_evidence e;
		simulate(&w, .3, 20, .1, 0);
		for (size_t i = 0; i < LIVES; i++)
			for (size_t k = 0; k < BINS; k++) {
				size_t r = w.life[i].release;
				double age = 10 * (double)k + 5;
				w.y[i][k] += 30 * size[r] * (1 - exp(-age / (100 * time[r]))) + (grows && r == 2 ? .05 * age : 0);
			}
		struct mc_panel *p = panel_of(&w, 1e-6, NULL, 0);
		assert_int_equal(mc_panel_evidence(p, s, 2, &e, NULL), 0);
		double found = fmax(e.set[MC_GROWTH_TIME][0].log_evidence, e.set[MC_GROWTH_TIME][1].log_evidence) - e.none;
		if (grows ? !(found > 3) : found > 2)
			fail_msg("%s: evidence %g of growth", grows ? "growth" : "none", found);
		mc_growth_evidence_release(&e);
		mc_panel_free(p);
	}
}

/* Lives that warm up within a bin: what those of a release did that was replaced at once is rows much shorter than that, in which the warm-up is steep. */
static void replaced_while_warming_up(struct lives *w)
{
	for (size_t i = 0; i < LIVES; i++) {
		size_t r = i / (LIVES / RELEASES), n = r == 2 ? 12 : BINS;
		double start = (double[]){ 0, 600, 1200, 1206 }[r], x = gauss(), rho = exp(-.5 / 20), level = 100 + 3 * gauss(), row = r == 2 ? .5 : 10;
		w->release_t[r] = start;
		for (size_t k = 0; k < n; k++) {
			double sum = 0, samples = 2 * row;
			for (int s = 0; s < (int)samples; s++) {
				double age = row * (double)k + .5 * s;
				x = rho * x + sqrt(1 - rho * rho) * gauss();
				sum += level + 8 * (1 - exp(-age / 6)) + .2 * x + .1 * gauss() + (r == 3 ? .006 * age : 0);
			}
			w->t[i][k] = start + row * ((double)k + .5);
			w->y[i][k] = sum / samples;
			w->samples[i][k] = samples;
			w->seconds[i][k] = row;
		}
		w->life[i] = (struct mc_panel_life){ .n = n, .t = w->t[i], .y = w->y[i], .samples = w->samples[i], .seconds = w->seconds[i],
			.start = start, .release = r };
	}
}

static void a_release_replaced_at_once_says_nearly_nothing(void **state)
{
	(void)state;
	static struct lives w;
	double differ = 0;
	enum { CASES = 12 };
	seed = 4;
	for (int i = 0; i < CASES; i++) {
		replaced_while_warming_up(&w);
		struct mc_panel *p = panel_of(&w, 1e-5, NULL, 0);
		struct mc_supposition s[] = { { 2, 4, 0, 0 }, { 3, 4, 0, 0 } };
		struct mc_growth_evidence e;
		assert_int_equal(mc_panel_evidence(p, s, 2, &e, NULL), 0);
		const struct mc_growth_fit *f = e.set[MC_GROWTH_TIME];
		assert_true(f[1].log_evidence > e.none + 5);
		differ += (f[0].log_evidence - f[1].log_evidence) / CASES;
		mc_growth_evidence_release(&e);
		mc_panel_free(p);
	}
	near(differ, 0, .3);
}

/* The same warm-ups, and in every life a cache that takes three lives to fill. */
static void a_cache_beside_other_warm_ups_levels_off(void **state)
{
	(void)state;
	static struct lives w;
	static const double size[RELEASES] = { 1, .8, 1.7, 1.2 }, time[RELEASES] = { 1, 1.2, 2.2, .8 };
	double least = (double)INFINITY;
	seed = 16;
	for (int turn = 0; turn < 5; turn++) {
		struct mc_growth_evidence e;
		simulate(&w, .3, 20, .1, 0);
		for (size_t i = 0; i < LIVES; i++)
			for (size_t k = 0; k < BINS; k++) {
				size_t r = w.life[i].release;
				double age = 10 * (double)k + 5;
				w.y[i][k] += 30 * size[r] * (1 - exp(-age / (100 * time[r]))) + 60 * (1 - exp(-.3 * age / (10 * BINS)));
			}
		struct mc_panel *p = panel_of(&w, 1e-6, NULL, 0);
		assert_int_equal(mc_panel_evidence(p, NULL, 0, &e, NULL), 0);
		least = fmin(least, e.all[MC_GROWTH_BOUNDED].log_evidence - fmax(e.all[MC_GROWTH_TIME].log_evidence, e.since_ever));
		mc_growth_evidence_release(&e);
		mc_panel_free(p);
	}
	if (!(least > .3))
		fail_msg("levels off: evidence %g over growth that goes on", least);
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

/* What the last rows of a life do, `since` seconds after a time within a row: rise ever further, be higher at once, or be higher for a while. */
enum ending { RISES, STANDS, GIVEN_BACK, NOTHING, ENDINGS };
static double ending(enum ending how, double since, double seconds)
{
	double after = fmin(fmax(since + seconds / 2, 0), seconds); /* the part of the row that is after it */
	if (how == RISES)
		return after < seconds ? after * after / (2 * seconds) : since;
	return how == STANDS || (how == GIVEN_BACK && since < 25) ? 40 * after / seconds : 0;
}

/* The last release's lives do so 45 seconds before their end of ten minutes; *found onsets are made of it. */
static struct mc_panel *panel_that_ends(struct lives *w, enum ending how, double *onset, size_t *found)
{
	double t[4];
	simulate(w, .3, 20, .1, 0);
	for (size_t i = 0; i < LIVES; i++)
		for (size_t k = 0; k < BINS && w->life[i].release == RELEASES - 1; k++)
			w->y[i][k] += ending(how, w->t[i][k] - (w->t[i][BINS - 1] - 42), 10);
	*onset = w->t[LIVES - 1][BINS - 1] - 42;
	double far[2] = { *onset - 100, *onset + 20 };
	struct mc_panel *p = panel_of(w, 1e-6, far, 2);
	assert_int_equal(mc_panel_hinges(p, t, 4, found, NULL), 0);
	if (how == RISES) {
		assert_int_equal(*found, 1);
		near(t[0], *onset, 2);
	}
	assert_int_equal(mc_panel_add_onsets(p, t, *found, NULL), 0);
	return p;
}

static void a_steep_rise_at_the_end_is_no_outlier(void **state)
{
	(void)state;
	static struct lives w;
	double onset, var[ENDINGS];
	for (enum ending how = RISES; how < ENDINGS; how++) {
		struct mc_growth_evidence e;
		struct mc_noise noise;
		size_t found;
		seed = 17;
		struct mc_panel *p = panel_that_ends(&w, how, &onset, &found);
		mc_panel_noise(p, &noise);
		var[how] = noise.var;
		assert_int_equal(found, how == RISES);
		assert_int_equal(mc_panel_evidence(p, NULL, 0, &e, NULL), 0);
		assert_int_equal(e.nonsets, 2 + found);
		if (how == RISES) {
			/* the one that was found lies between the two that were given */
			near(e.onset[1].slope, 1, .04);
			assert_true(e.onset[1].log_evidence > fmax(e.onset[0].log_evidence, e.onset[2].log_evidence) + 5);
			assert_true(e.onset[1].log_evidence > e.none + 10);
		} else
			for (size_t k = 0; k < e.nonsets; k++)
				assert_true(e.onset[k].log_evidence < e.none + (how == STANDS ? 10 : 3) && e.onset[k].slope < .05);
		mc_growth_evidence_release(&e);
		mc_panel_free(p);
	}
	/* what rises is not taken for noise */
	assert_true(var[RISES] < 1.3 * var[NOTHING]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_steep_rise_at_the_end_is_no_outlier),
		cmocka_unit_test(whitening),
		cmocka_unit_test(a_counters_errors_are_left_out),
		cmocka_unit_test(loads_of_few_times_are_left_alone),
		cmocka_unit_test(noise_is_recovered),
		cmocka_unit_test(slopes_have_honest_errors),
		cmocka_unit_test(the_load_is_taken_out),
		cmocka_unit_test(nothing_is_found_in_noise),
		cmocka_unit_test(clean_growth_of_any_size_has_evidence),
		cmocka_unit_test(a_plateau_does_not_bend_the_fit),
		cmocka_unit_test(a_time_or_an_age),
		cmocka_unit_test(lives_that_differ_are_no_growth),
		cmocka_unit_test(slow_growth_among_lives_that_wander),
		cmocka_unit_test(few_lives_are_no_certainty),
		cmocka_unit_test(what_new_threads_bring_is_no_growth),
		cmocka_unit_test(growth_with_the_logarithm_levels_off),
		cmocka_unit_test(another_warm_up_is_no_growth),
		cmocka_unit_test(a_release_replaced_at_once_says_nearly_nothing),
		cmocka_unit_test(a_cache_beside_other_warm_ups_levels_off),
		cmocka_unit_test(growth_on_top_of_growth),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
