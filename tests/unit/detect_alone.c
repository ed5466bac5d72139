/* The detector as somebody else would use it: what it refuses, and that whatever it takes gives numbers. */
#include "detect_lives.h"
#include "../prop/random.h"

#include <math.h>
#include <string.h>

enum { ROW = BINS / 3, ONSETS = 5, LOADS = 4 };
struct input {
	struct lives w;
	struct mc_panel_in in;
	double x[BINS], requests[BINS], onset[ONSETS], load_t[LOADS], level[LOADS];
};

static void plain(struct input *a)
{
	memset(a, 0, sizeof *a);
	seed = 30;
	simulate(&a->w, 1, 20, .5, .02);
	for (size_t i = 0; i < BINS; i++) {
		a->x[i] = 3;
		a->requests[i] = 10 * (double)i;
	}
	for (size_t i = 0; i < ONSETS; i++)
		a->onset[i] = 300 + 400 * (double)i;
	for (size_t i = 0; i < LOADS; i++) {
		a->load_t[i] = 600 * (double)i;
		a->level[i] = 1 + .2 * (double)(i % 2);
	}
	a->in = (struct mc_panel_in){ .nlives = LIVES, .lives = a->w.life, .nreleases = RELEASES, .release_t = a->w.release_t, .bin = 10, .quantum = 1e-6,
		.load = { LOADS, a->load_t, a->level }, .nonsets = ONSETS, .onsets = a->onset };
}

/* No NaN, no infinite evidence for anything; the error has a text where there is one. Returns the code. */
static int answer(const struct mc_panel_in *in, const struct mc_supposition *s, size_t n)
{
	struct mc_panel *p = NULL;
	struct mc_error err = { 0 };
	struct mc_growth_evidence e;
	struct mc_noise noise;
	int rc = mc_panel_new(in, &p, &err);
	if (rc == 0)
		rc = mc_panel_evidence(p, s, n, &e, &err);
	if (rc < 0) {
		assert_true(err.code == rc && err.text[0]);
		mc_panel_free(p);
		return rc;
	}
	mc_panel_noise(p, &noise);
	assert_true(noise.var > 0 && isfinite(noise.var) && noise.tau_fast > 0 && isfinite(e.none) && !isnan(e.since_ever));
	for (size_t k = 0; k < MC_GROWTH_KINDS; k++)
		for (size_t i = 0; i <= e.n; i++) {
			const struct mc_growth_fit *f = i < e.n ? &e.set[k][i] : &e.all[k];
			assert_true(f->log_evidence < (double)INFINITY && !isnan(f->slope) && !isnan(f->slope_sd));
		}
	for (size_t i = 0; i < e.nonsets; i++)
		assert_true(e.onset[i].log_evidence < (double)INFINITY);
	mc_growth_evidence_release(&e);
	mc_panel_free(p);
	return 0;
}

static const struct mc_supposition SETS[] = { { 1, RELEASES, 0, 0 }, { 2, 3, 3, 4 }, { 0, RELEASES, RELEASES, RELEASES } };
enum { NSETS = sizeof SETS / sizeof *SETS };

/* One number of the input is another. */
static int with(size_t field, double v)
{
	static struct input a;
	plain(&a);
	a.w.life[1].x[0] = a.x;
	a.w.life[1].requests = a.requests;
	double *at[] = { &a.w.t[1][ROW], &a.w.y[1][ROW], &a.w.samples[1][ROW], &a.w.seconds[1][ROW], &a.x[ROW], &a.requests[ROW], &a.w.life[1].start,
		&a.onset[2], &a.load_t[1], &a.level[1], &a.in.bin, &a.in.quantum };
	assert_true(field < sizeof at / sizeof *at);
	*at[field] = v;
	return answer(&a.in, SETS, NSETS);
}
enum { T, Y, SAMPLES, SECONDS, X, REQUESTS, START, ONSET, LOAD_T, LEVEL, BIN, QUANTUM, FIELDS };

static void what_is_not_finite_is_refused(void **state)
{
	(void)state;
	for (size_t f = 0; f < FIELDS; f++) {
		assert_int_equal(with(f, (double)NAN), MC_EFORMAT);
		assert_int_equal(with(f, (double)INFINITY), MC_EFORMAT);
		assert_int_equal(with(f, -(double)INFINITY), MC_EFORMAT);
	}
	assert_int_equal(with(T, 0), MC_EFORMAT);
	assert_int_equal(with(ONSET, 0), MC_EFORMAT);
	assert_int_equal(with(LOAD_T, -1), MC_EFORMAT);
	assert_int_equal(with(SAMPLES, -1), MC_EFORMAT);
	assert_int_equal(with(SECONDS, -1), MC_EFORMAT);
	assert_int_equal(with(BIN, 0), MC_EFORMAT);
	assert_int_equal(with(QUANTUM, 0), MC_EFORMAT);
}

static void any_finite_number_is_answered(void **state)
{
	(void)state;
	static const double odd[] = { 0, -1, 0x1p53, -0x1p53, 1e50, -1e50, 1e-300 };
	static const size_t fields[] = { Y, X, REQUESTS };
	for (size_t f = 0; f < sizeof fields / sizeof *fields; f++)
		for (size_t i = 0; i < sizeof odd / sizeof *odd; i++)
			assert_int_equal(with(fields[f], odd[i]), 0);
	assert_int_equal(with(SAMPLES, 0), 0);
	assert_int_equal(with(SAMPLES, 0x1p53), 0);
	assert_int_equal(with(SECONDS, 0), 0);
	assert_int_equal(with(SECONDS, 1e12), 0);
	assert_int_equal(with(START, -1e12), 0);
	assert_int_equal(with(START, 1e12), 0); /* a clock that was set: after its own samples */
	assert_int_equal(with(LEVEL, 0), 0);
	assert_int_equal(with(LEVEL, 1e9), 0);
	assert_int_equal(with(BIN, 1e9), 0);
	assert_int_equal(with(QUANTUM, 1e-30), 0);
	assert_int_equal(with(QUANTUM, 1e30), 0);
}

static void the_same_number_all_along(void **state)
{
	(void)state;
	static struct input a;
	static const double same[] = { 0, 1, -1, 0x1p53, 1e50, -1e50 };
	for (size_t k = 0; k < sizeof same / sizeof *same; k++) {
		plain(&a);
		for (size_t i = 0; i < LIVES; i++)
			for (size_t r = 0; r < BINS; r++)
				a.w.y[i][r] = same[k];
		assert_int_equal(answer(&a.in, SETS, NSETS), 0);
	}
	plain(&a);
	for (size_t r = 0; r < BINS; r++)
		a.w.t[1][r] = 50; /* equal times */
	assert_int_equal(answer(&a.in, SETS, NSETS), 0);
}

static void rows_and_releases_that_are_not_there(void **state)
{
	(void)state;
	static struct input a;
	static double many[MC_PANEL_RELEASES + 1];
	plain(&a);
	a.in.nlives = 0;
	assert_int_equal(answer(&a.in, SETS, NSETS), MC_EFORMAT);
	plain(&a);
	a.w.life[1].n = 0;
	assert_int_equal(answer(&a.in, SETS, NSETS), MC_EFORMAT);
	plain(&a);
	a.in.nlives = a.w.life[0].n = 1;
	assert_int_equal(answer(&a.in, SETS, NSETS), MC_EFORMAT);
	a.w.life[0].n = 2;
	assert_int_equal(answer(&a.in, SETS, NSETS), 0);
	plain(&a);
	a.w.life[LIVES - 1].release = RELEASES;
	assert_int_equal(answer(&a.in, SETS, NSETS), MC_EFORMAT);
	plain(&a);
	a.in.nreleases = 0;
	assert_int_equal(answer(&a.in, SETS, NSETS), MC_EFORMAT);
	plain(&a);
	a.in.release_t = many;
	a.in.nreleases = MC_PANEL_RELEASES + 1;
	assert_int_equal(answer(&a.in, SETS, NSETS), MC_ELIMIT);
	a.in.nreleases = MC_PANEL_RELEASES;
	assert_int_equal(answer(&a.in, SETS, NSETS), 0);
}

/* MiB or bytes: the same evidence, and slopes in the unit. */
static void units_say_nothing(void **state)
{
	(void)state;
	static struct input a;
	double found[2][NSETS][MC_GROWTH_KINDS], slope[2], all[2];
	for (int large = 0; large < 2; large++) {
		double unit = large ? 0x1p30 : 1;
		struct mc_panel *p = NULL;
		struct mc_growth_evidence e;
		plain(&a);
		for (size_t i = 0; i < LIVES; i++)
			for (size_t k = 0; k < BINS; k++) /* all grow, and those of later releases more */
				a.w.y[i][k] = unit * (a.w.y[i][k] + .01 * (a.w.t[i][k] - a.w.life[i].start));
		a.in.quantum *= unit * unit;
		assert_int_equal(mc_panel_new(&a.in, &p, NULL), 0);
		assert_int_equal(mc_panel_evidence(p, SETS, NSETS, &e, NULL), 0);
		for (size_t i = 0; i < NSETS; i++)
			for (size_t k = 0; k < MC_GROWTH_KINDS; k++)
				found[large][i][k] = e.set[k][i].log_evidence - e.none;
		slope[large] = e.set[MC_GROWTH_TIME][0].slope / unit;
		all[large] = e.since_ever - e.none;
		mc_growth_evidence_release(&e);
		mc_panel_free(p);
	}
	near(slope[1], slope[0], 1e-6 * fabs(slope[0]));
	assert_true(isfinite(all[0]));
	near(all[1], all[0], 1e-2);
	for (size_t i = 0; i < NSETS; i++)
		for (size_t k = 0; k < MC_GROWTH_KINDS; k++)
			if (isfinite(found[0][i][k]) || isfinite(found[1][i][k]))
				near(found[1][i][k], found[0][i][k], 1e-2);
}

static void suppositions_that_suppose_nothing(void **state)
{
	(void)state;
	static struct input a;
	static const struct mc_supposition wrong[] = { { 1, 1, 0, 0 }, { 2, 1, 0, 0 }, { 1, RELEASES + 1, 0, 0 }, { 0, 2, 3, RELEASES + 1 }, { 0, 3, 1, 2 } };
	plain(&a);
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
		assert_int_equal(answer(&a.in, &wrong[i], 1), MC_EFORMAT);
	assert_int_equal(answer(&a.in, NULL, 0), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_not_finite_is_refused),
		cmocka_unit_test(any_finite_number_is_answered),
		cmocka_unit_test(the_same_number_all_along),
		cmocka_unit_test(rows_and_releases_that_are_not_there),
		cmocka_unit_test(units_say_nothing),
		cmocka_unit_test(suppositions_that_suppose_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
