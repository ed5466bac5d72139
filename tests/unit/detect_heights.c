/* Heights of releases and steps between them, on lives whose truth is known. */
#include "detect_lives.h"
#include "../prop/random.h"

#include <math.h>

static void steps(void **state)
{
	(void)state;
	double level[6] = { 10, 10.2, 9.9, 15, 15.1, 14.8 }, var[6] = { .04, .04, .04, .04, .04, .04 };
	struct mc_growth_fit f;
	struct mc_steps *s;
	const struct mc_drift drift = { { .1, .2, .3, .6, 1.2 }, { .2, .2, .2, .2, .2 } };
	assert_int_equal(mc_steps_new(level, var, NULL, 6, &drift, &s, NULL), 0);
	double none = mc_steps_shift(s, 1, 0, 0, NULL), right = mc_steps_shift(s, 1, 3, 6, &f);
	near(f.slope, 4.93, .1);
	assert_true(right > none + 2);
	for (size_t from = 1; from < 6; from++)
		assert_true(from == 3 || mc_steps_shift(s, 1, from, 6, NULL) < right);
	/* downwards is no step up, but a fall */
	assert_true(mc_steps_shift(s, -1, 3, 6, NULL) == -(double)INFINITY);
	mc_steps_free(s);
	for (size_t i = 0; i < 6; i++)
		level[i] = -level[i];
	assert_int_equal(mc_steps_new(level, var, NULL, 6, &drift, &s, NULL), 0);
	assert_true(mc_steps_shift(s, 1, 3, 6, NULL) == -(double)INFINITY);
	near(mc_steps_shift(s, -1, 3, 6, NULL), right, 1e-6);
	mc_steps_free(s);
}

/* An error that moves all levels together, as a wrong share of the load does, is no step; one that moves them otherwise hides none. */
static void shared_errors(void **state)
{
	(void)state;
	double level[6] = { 10, 10.2, 9.9, 15, 15.1, 14.8 }, var[6] = { .04, .04, .04, .04, .04, .04 };
	double alike[6 * MC_HEIGHT_SHARED] = { 0 }, other[6 * MC_HEIGHT_SHARED] = { 0 };
	const struct mc_drift drift = { { .1, .2, .3, .6, 1.2 }, { .2, .2, .2, .2, .2 } };
	struct mc_steps *s[3];
	double gain[3];
	for (size_t i = 0; i < 6; i++) {
		alike[i * MC_HEIGHT_SHARED] = i < 3 ? -2 : 2;
		other[i * MC_HEIGHT_SHARED + 1] = 2 - 2 * (double)(i % 3);
	}
	assert_int_equal(mc_steps_new(level, var, NULL, 6, &drift, &s[0], NULL), 0);
	assert_int_equal(mc_steps_new(level, var, alike, 6, &drift, &s[1], NULL), 0);
	assert_int_equal(mc_steps_new(level, var, other, 6, &drift, &s[2], NULL), 0);
	for (size_t i = 0; i < 3; i++) {
		gain[i] = mc_steps_shift(s[i], 1, 3, 6, NULL) - mc_steps_shift(s[i], 1, 0, 0, NULL);
		mc_steps_free(s[i]);
	}
	assert_true(gain[0] > 10);
	assert_true(gain[1] < 1);
	assert_true(gain[2] > gain[0] - 2);
}

/* Releases warm up by 1, 5, 2 and 6; the last two begin 3 higher. Heights at birth tell the step apart from the warm-ups. */
static void heights_without_their_warm_up(void **state)
{
	(void)state;
	static struct lives w;
	static const struct mc_supposition none[] = { { 2, RELEASES, 0, 0 } };
	static const double rise[] = { 1, 5, 2, 6 };
	double offset[LIVES] = { 0 }, level[RELEASES], var[RELEASES], shared[RELEASES * MC_HEIGHT_SHARED], rest;
	struct mc_youth youth[LIVES];
	struct mc_growth_evidence e;
	struct mc_heights *h;
	seed = 12;
	for (size_t i = 0; i < LIVES; i++) {
		size_t r = i / (LIVES / RELEASES);
		w.release_t[r] = 600.0 * (double)r;
		for (size_t k = 0; k < BINS; k++) {
			double age = 10 * (double)k + 5;
			w.t[i][k] = w.release_t[r] + age;
			w.samples[i][k] = w.seconds[i][k] = 10;
			w.y[i][k] = 100 + rise[r % 4] * (1 - exp(-age / 40)) + (r >= 2 ? 3 : 0) + .05 * gauss();
		}
		w.life[i] = (struct mc_panel_life){ .n = BINS, .t = w.t[i], .y = w.y[i], .samples = w.samples[i], .seconds = w.seconds[i],
			.start = w.release_t[r], .release = r };
		youth[i] = (struct mc_youth){ .y = i % 2 ? 100 + (r >= 2 ? 3 : 0) : (double)NAN, .age = .5, .seconds = 1 };
	}
	struct mc_panel *p = panel_of(&w, 1e-6, NULL, 0);
	assert_int_equal(mc_panel_evidence(p, none, 1, &e, NULL), 0);
	assert_int_equal(mc_heights_new(p, offset, youth, .05, (double)INFINITY, &h, NULL), 0);
	double differ = mc_heights_of(h, MC_HEIGHT_BIRTH, .4, level, var, shared, &rest), same = mc_heights_of(h, MC_HEIGHT_BIRTH, .03, level, var, shared, &rest);
	assert_true(differ > same + 10); /* the likelihood knows that warm-ups differ */
	assert_true(rest > 1.5);         /* what the wrong one leaves is no noise */
	mc_heights_of(h, MC_HEIGHT_BIRTH, .4, level, var, shared, &rest);
	assert_true(rest > .5 && rest < 1.3);
	for (size_t r = 1; r < RELEASES; r++) {
		near(level[r] - level[0], r >= 2 ? 3 : 0, .8);
		assert_true(var[r] > 0 && sqrt(var[r]) < 1.5);
	}
	mc_heights_of(h, MC_HEIGHT_SETTLED, .4, level, var, shared, &rest);
	near(level[1] - level[0], rise[1] - rise[0], 1);
	mc_heights_of(h, MC_HEIGHT_RISE, .4, level, var, shared, &rest);
	near(level[1] - level[0], rise[1] - rise[0], 1);
	/* with nine times the noise less is left without a term, and heights are known less well */
	double before = rest, was = var[1];
	mc_heights_noisier(h, 9);
	mc_heights_of(h, MC_HEIGHT_RISE, .4, level, var, shared, &rest);
	assert_true(rest < before / 2 && var[1] > 1.2 * was);
	near(level[1] - level[0], rise[1] - rise[0], 1.5);
	mc_heights_free(h);
	/* up to the second release nothing is known of those after it, and what is of the first two stays */
	assert_int_equal(mc_heights_new(p, offset, youth, .05, w.release_t[2], &h, NULL), 0);
	mc_heights_of(h, MC_HEIGHT_SETTLED, .4, level, var, shared, &rest);
	near(level[1] - level[0], rise[1] - rise[0], 1);
	for (size_t r = 2; r < RELEASES; r++)
		assert_true(isnan(level[r]) && isinf(var[r]));
	mc_heights_free(h);
	mc_growth_evidence_release(&e);
	mc_panel_free(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(steps),
		cmocka_unit_test(shared_errors),
		cmocka_unit_test(heights_without_their_warm_up),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
