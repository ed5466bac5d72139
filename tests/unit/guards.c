/* What the lives' own trends take from a belief, and what they leave. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "judged.h"

#include <math.h>

static double left(struct world *w)
{
	struct mc_error e = { 0 };
	assert_int_equal(guards(&w->h, &w->j, &e), 0);
	mc_panel_free(w->j.panel);
	assert_true(fabs(w->deploy + w->j.belief.bounded + w->j.belief.none - 1) < 1e-12);
	assert_true(fabs(w->weight - w->deploy) < 1e-12);
	return w->deploy;
}

static double all_rise(double age, size_t life) { return 50 + (double)life + age * (life % 2 ? 1e-2 : 1.2e-2); }
static double climbs(double age, size_t life) { return 50 + (double)life + 4 * floor(age / 400); }
static double one_rises(double age, size_t life) { return life == 5 ? 50 + age * 2e-2 : 50; }

static void growth_is_kept(void **state)
{
	(void)state;
	struct world w;
	make(&w, 1e5, level, rises);
	assert_true(left(&w) == .9);
	make(&w, 0, level, rises);
	assert_true(left(&w) == .9);
}

/* The first release is only seen at a great age; after the first restart a cache fills, as it may have done before. */
static void what_the_young_do(void **state)
{
	(void)state;
	struct world w;
	make(&w, 1e5, level, fills);
	assert_true(left(&w) < .1);
	/* lives before were seen young, and did not */
	make(&w, 1e5, level, slows);
	assert_true(left(&w) < .1);
	make(&w, 0, level, slows);
	assert_true(left(&w) == .9);
}

static void no_life_rises_faster(void **state)
{
	(void)state;
	struct world w;
	make(&w, 0, rises, level);
	w.fit[MC_GROWTH_TIME].slope = 1;
	assert_true(left(&w) < .1);
	make(&w, 0, all_rise, all_rise);
	w.fit[MC_GROWTH_TIME].slope = 1;
	assert_true(left(&w) < .1);
	/* what is claimed would not show */
	make(&w, 0, all_rise, all_rise);
	w.fit[MC_GROWTH_TIME].slope = 1e-7;
	assert_true(left(&w) == .9);
}

static void one_worker_of_many(void **state)
{
	(void)state;
	struct world w;
	make(&w, 0, level, one_rises);
	w.fit[MC_GROWTH_TIME].slope = 5e-3;
	assert_true(left(&w) == .9);
}

/* What has filled rises no more; growth by steps does, though it stands still most of the time, and so does what is hardly claimed. */
static void growth_that_has_ceased(void **state)
{
	(void)state;
	struct world w;
	make(&w, 0, level, fills);
	assert_true(left(&w) < .1);
	make(&w, 0, level, climbs);
	assert_true(left(&w) == .9);
	make(&w, 0, level, fills);
	w.fit[MC_GROWTH_TIME].slope = 1e-7;
	assert_true(left(&w) == .9);
}

/* Lives that warm up as much as those before do not grow, unless they come to ages that none before was seen at. */
static void no_life_gains_more(void **state)
{
	(void)state;
	struct world w;
	make(&w, 0, slows, slows);
	assert_true(left(&w) < .1);
	make(&w, 0, fills, rises);
	for (size_t i = 0; i < LIVES / 2; i++)
		w.life[i].n = ROWS / 5;
	assert_true(left(&w) == .9);
}

/* A growth of all lives: what is left of it. */
static double all_left(struct world *w)
{
	w->deploy = w->weight = 0;
	w->j.belief.all = .9;
	w->j.evidence.all[MC_GROWTH_TIME] = (struct mc_growth_fit){ .slope = 1, .slope_sd = .1, .log_evidence = 10 };
	struct mc_error e = { 0 };
	assert_int_equal(guards(&w->h, &w->j, &e), 0);
	assert_true(fabs(w->j.belief.all + w->j.belief.bounded + w->j.belief.free_onset - .9) < 1e-12);
	mc_panel_free(w->j.panel);
	return w->j.belief.all;
}

/* Where all lives grow, and slow down, they level off. */
static void growth_of_all_that_slows_down(void **state)
{
	(void)state;
	struct world w;
	make(&w, 0, fills, fills);
	/* some leaks slow down, too */
	assert_true(fabs(all_left(&w) - .09) < 1e-9);
}

/* Growth of all lives is bounded by their end where that comes long before what was seen ends; that of a deploy is not. */
static void growth_of_short_lives_ends_with_them(void **state)
{
	(void)state;
	struct world w;
	make(&w, 0, all_rise, all_rise);
	assert_true(all_left(&w) == .9);
	make(&w, 0, all_rise, all_rise);
	w.h.as_of *= 10;
	assert_true(fabs(all_left(&w) - .09) < 1e-9 && w.j.belief.free_onset == 0);
	make(&w, 0, all_rise, all_rise);
	w.h.as_of *= 10;
	w.j.belief.none = 0;
	w.deploy = w.weight = .9;
	w.j.belief.all = .05;
	struct mc_error e = { 0 };
	assert_int_equal(guards(&w.h, &w.j, &e), 0);
	assert_true(w.j.belief.all == .05);
	mc_panel_free(w.j.panel);
}

/* Growth of what ran before the only deploy, ended by it; what is left of it, and in *all what growth since ever has then. */
static double before_left(struct world *w, double *all)
{
	struct mc_error e = { 0 };
	struct history_deploy d = { .begins = 60.0 * ROWS, .lives = LIVES / 2 };
	w->h.deploy = &d;
	w->set = (struct mc_supposition){ .from = 0, .until = 1 };
	w->deploy = 0;
	w->j.belief.none = w->j.belief.all = .05;
	w->j.unit = 1;
	w->j.belief.before = w->weight = .9;
	w->j.evidence.all[MC_GROWTH_TIME] = (struct mc_growth_fit){ .slope = 1, .slope_sd = .1, .log_evidence = 10 };
	assert_int_equal(guards(&w->h, &w->j, &e), 0);
	mc_panel_free(w->j.panel);
	assert_true(fabs(w->weight - w->j.belief.before) < 1e-12);
	assert_true(fabs(w->j.belief.before + w->j.belief.all + w->j.belief.none + w->j.belief.bounded - 1) < 1e-12);
	*all = w->j.belief.all;
	return w->j.belief.before;
}

static double slowly(double age, size_t life) { return 50 + (double)life + age * 5e-3; }

static void growth_before_the_first_deploy(void **state)
{
	(void)state;
	struct world w;
	double all;
	make(&w, 0, rises, level);
	assert_true(before_left(&w, &all) == .9);
	make(&w, 1e5, rises, level);
	assert_true(before_left(&w, &all) == .9);
	/* a cache of the first lives, no growth at all, and what goes on: as if nobody had said so */
	double (*const other[][2])(double, size_t) = { { slows, level }, { level, level }, { rises, slowly }, { rises, rises } };
	for (size_t i = 0; i < sizeof other / sizeof *other; i++) {
		make(&w, 0, other[i][0], other[i][1]);
		double rest = before_left(&w, &all);
		assert_true(rest == 0 && fabs(w.j.belief.none - .5) < 1e-12);
		assert_true(fabs(all - (i == 0 ? .05 : .5)) < 1e-12);
	}
	/* the lives ended by themselves, long before */
	make(&w, 0, rises, level);
	for (size_t i = 0; i < LIVES / 2; i++)
		w.seen[i].last = 60.0 * ROWS / 6;
	assert_true(before_left(&w, &all) == 0);
}

enum { POINTS = 400 };

/* When the load leaves what it was before the only deploy, half way; after that it is `after` times as much, from `since` on (to three quarters, where the
 * step ends then). */
static double leaves(double after, size_t since, bool ends)
{
	double t[POINTS], level[POINTS];
	struct history_deploy deploy[2] = { { .begins = POINTS / 2.0 }, { .begins = POINTS * .75 } };
	size_t until[2] = { ends ? 2 : SIZE_MAX, SIZE_MAX };
	for (size_t i = 0; i < POINTS; i++) {
		t[i] = (double)i;
		level[i] = (i >= since && (!ends || i < POINTS * 3 / 4) ? after : 1) * (1 + .1 * (double)(i % 7) / 7);
	}
	struct history h = { .as_of = POINTS, .tick = 1, .ndeploys = 2, .deploy = deploy, .nload = POINTS, .load_t = t, .load_level = level };
	struct judgement j = { .steps = { .until = until } };
	return step_load_leaves(&h, &j, 0);
}

static void a_surge_is_no_step(void **state)
{
	(void)state;
	assert_true(isinf(leaves(1, POINTS / 2, false)));
	assert_true(isinf(leaves(1.3, POINTS / 2, false)));
	assert_true(leaves(2, POINTS / 2, false) == POINTS / 2);
	assert_true(leaves(2, POINTS / 2, true) == POINTS / 2);
	assert_true(leaves(.3, POINTS / 2, false) == POINTS / 2);
	/* what stood higher before that is not the surge's: windows are a hundredth of the time */
	double late = leaves(2, POINTS / 2 + 40, false);
	assert_true(late > POINTS / 2 + 35 && late <= POINTS / 2 + 40);
	/* after the step is over it is no matter */
	assert_true(isinf(leaves(2, POINTS * 3 / 4, true)));
}

/* Two searches find what a walk over all points does. */
static void usual_load(void **state)
{
	(void)state;
	double t[POINTS], level[POINTS], sum[POINTS + 1] = { 0 }, most, mean;
	for (size_t i = 0; i < POINTS; i++) {
		t[i] = (double)i + .4 * sin((double)i);
		level[i] = 1 + .5 * cos(.7 * (double)i);
		sum[i + 1] = sum[i] + level[i];
	}
	struct history h = { .as_of = POINTS, .tick = 1, .nload = POINTS, .load_t = t, .load_level = level, .load_sum = sum };
	for (double from = -3; from < POINTS + 3; from += 1.3)
		for (double to = from - 2; to < POINTS + 9; to = to * 1.02 + .7) {
			history_load_between(&h, from, to, &most, &mean);
			assert_true(fabs(history_usual_load(&h, from, to) - mean) < 1e-9);
		}
	history_load_between(&h, t[3], t[5], &most, &mean);
	assert_true(fabs(history_usual_load(&h, t[3], t[5]) - (level[3] + level[4]) / 2) < 1e-9 && mean > 0);
	h.nload = 0;
	assert_true(history_usual_load(&h, 0, 9) == 0);
}

/* Two deploys; lives 3 and 4 run the first, 5 to 7 the second. What is believed of the first, .9 before. */
static double first_left(double (*first)(double age, size_t life), double (*second)(double age, size_t life), double *other)
{
	struct world w;
	struct mc_error e = { 0 };
	struct mc_supposition set[] = { { .from = 1, .until = 3 }, { .from = 2, .until = 3 } };
	struct mc_growth_fit fit[MC_GROWTH_KINDS][2] = { { { .slope = 1e-2, .log_evidence = 10 }, { .slope = 1e-2, .log_evidence = 10 } } };
	double deploy[] = { .9, .05 }, weight[] = { .9, .05 }, slope[] = { 0, first == rises ? 1e-2 : 0, 1e-2 }, sd[] = { 1e-4, 1e-4, 1e-4 };
	make(&w, 1e5, level, second);
	for (size_t i = 3; i < LIVES; i++) {
		w.life[i].release = i < 5 ? 1 : 2;
		for (size_t k = 0; k < ROWS; k++)
			w.y[i][k] = (i < 5 ? first : second)(60 * (double)k, i);
	}
	w.h.ndeploys = w.j.belief.ndeploys = 2;
	w.j.sets.n = w.j.evidence.n = 2;
	w.j.sets.s = set;
	w.j.belief.deploy = deploy;
	w.j.belief.weight = weight;
	w.j.belief.none = .05;
	w.j.evidence.release_slope = slope;
	w.j.evidence.release_sd = sd;
	for (size_t k = 0; k < MC_GROWTH_KINDS; k++)
		w.j.evidence.set[k] = fit[k];
	assert_int_equal(guards(&w.h, &w.j, &e), 0);
	assert_true(fabs(deploy[0] - weight[0]) < 1e-12 && fabs(deploy[1] - weight[1]) < 1e-12);
	assert_true(fabs(deploy[0] + deploy[1] + w.j.belief.none + w.j.belief.bounded - 1) < 1e-12);
	*other = deploy[1];
	mc_panel_free(w.j.panel);
	return deploy[0];
}

static void growth_begins_with_the_first_that_rises(void **state)
{
	(void)state;
	double other;
	assert_true(first_left(rises, rises, &other) == .9);
	assert_true(first_left(level, rises, &other) < .1 && other > .8);
}

/* Growth believed to have begun at a time of its own, before the lives of the second release. */
static double onset_left(double (*later)(double age, size_t life))
{
	struct world w;
	struct mc_error e = { 0 };
	double at = 30 * 60, weight = .9;
	size_t of = MC_NO_DEPLOY;
	struct mc_growth_fit fit = { .slope = 1e-2 };
	make(&w, 1e5, level, later);
	w.deploy = w.weight = 0;
	w.j.rows.onsets = &at;
	w.j.rows.nonsets = w.j.evidence.nonsets = 1;
	w.j.evidence.onset = &fit;
	w.j.belief.onset_weight = &weight;
	w.j.belief.onset_of = &of;
	w.j.belief.free_onset = .9;
	assert_int_equal(guards(&w.h, &w.j, &e), 0);
	assert_true(fabs(w.j.belief.free_onset - weight) < 1e-12 && fabs(w.j.belief.free_onset + w.j.belief.bounded + .1 - 1) < 1e-12);
	mc_panel_free(w.j.panel);
	return weight;
}

/* An onset in the second of three releases, lives 0 to 2, 3 and 4, 5 to 7; what is left of it, .5 before. */
static double between(double at, double (*before)(double age, size_t life), double (*after)(double age, size_t life), double *deploy)
{
	struct world w;
	struct mc_error e = { 0 };
	double weight = .5;
	size_t of = MC_NO_DEPLOY;
	struct mc_growth_fit fit = { .slope = 1e-2 };
	make(&w, 1e5, before, after);
	for (size_t i = 3; i < LIVES; i++) {
		w.life[i].release = i < 5 ? 1 : 2;
		w.life[i].start = 60.0 * ROWS * (i < 5 ? 1 : 2);
		for (size_t k = 0; k < ROWS; k++) {
			w.t[i][k] = w.life[i].start + 60 * (double)k;
			w.y[i][k] = after(60 * (double)k, i);
		}
	}
	w.deploy = w.weight = .4;
	w.j.rows.onsets = &at;
	w.j.rows.nonsets = w.j.evidence.nonsets = 1;
	w.j.evidence.onset = &fit;
	w.j.belief.onset_weight = &weight;
	w.j.belief.onset_of = &of;
	w.j.belief.free_onset = .5;
	assert_int_equal(guards(&w.h, &w.j, &e), 0);
	assert_true(fabs(w.deploy + w.j.belief.free_onset + w.j.belief.bounded + w.j.belief.all + w.j.belief.none - 1) < 1e-12);
	*deploy = w.deploy;
	mc_panel_free(w.j.panel);
	return weight;
}

static double between_left(double (*before)(double age, size_t life), double (*after)(double age, size_t life), double *deploy)
{
	return between(60.0 * ROWS + 600, before, after, deploy);
}

static double the_last_rise(double age, size_t life) { return life < 5 ? level(age, life) : rises(age, life); }

/* An onset in the first of three releases, of which only the third rises, is no growth since that time but some deploy's. */
static void lives_that_start_next_show_it(void **state)
{
	(void)state;
	double deploy;
	assert_true(between(600, level, the_last_rise, &deploy) < .06 && fabs(deploy - .49) < 1e-9);
	assert_true(between(600, level, rises, &deploy) == .5 && deploy == .4);
}

/* Where the lives before it rose as well, a time of its own is none. */
static void what_grew_before_did_not_begin(void **state)
{
	(void)state;
	double deploy;
	assert_true(between_left(level, rises, &deploy) == .5 && deploy == .4);
	/* (that deploy keeps a tenth of its own: its lives rise no faster either) */
	assert_true(between_left(rises, rises, &deploy) < .06 && fabs(deploy - .49) < 1e-9);
}

static void growth_goes_on_in_later_lives(void **state)
{
	(void)state;
	assert_true(onset_left(rises) == .9);
	assert_true(onset_left(all_rise) == .9);
	assert_true(onset_left(level) < .1);
	assert_true(onset_left(fills) < .1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(growth_is_kept),
		cmocka_unit_test(what_the_young_do),
		cmocka_unit_test(no_life_rises_faster),
		cmocka_unit_test(one_worker_of_many),
		cmocka_unit_test(growth_that_has_ceased),
		cmocka_unit_test(no_life_gains_more),
		cmocka_unit_test(growth_of_all_that_slows_down),
		cmocka_unit_test(growth_of_short_lives_ends_with_them),
		cmocka_unit_test(growth_before_the_first_deploy),
		cmocka_unit_test(growth_begins_with_the_first_that_rises),
		cmocka_unit_test(growth_goes_on_in_later_lives),
		cmocka_unit_test(what_grew_before_did_not_begin),
		cmocka_unit_test(lives_that_start_next_show_it),
		cmocka_unit_test(a_surge_is_no_step),
		cmocka_unit_test(usual_load),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
