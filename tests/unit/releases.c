/* Which wave of restarts a mark announced, and which starts are one wave. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "align.h"
#include "../prop/random.h"
#include "waves.h"

#include <math.h>
#include <stdlib.h>

enum { MOST = 100 };

struct case_of {
	struct align_mark marks[MOST];
	struct align_wave waves[MOST];
	struct align_in in;
	size_t wave[MOST];
};

static void set(struct case_of *c, const double *marks, size_t nmarks, const double *waves, const enum align_look *look, size_t nwaves)
{
	for (size_t i = 0; i < nmarks; i++)
		c->marks[i] = (struct align_mark){ marks[i], -(double)INFINITY, (double)INFINITY };
	for (size_t i = 0; i < nwaves; i++)
		c->waves[i] = (struct align_wave){ waves[i], look ? look[i] : ALIGN_AT_ONCE };
	c->in = (struct align_in){ .nmarks = nmarks, .nwaves = nwaves, .marks = c->marks, .waves = c->waves, .reach = 1200, .least = 10, .span = 100000 };
}

static void solve(struct case_of *c)
{
	struct mc_error e = { 0 };
	assert_int_equal(align(&c->in, c->wave, NULL, &e), 0);
}

static void on_time(void **state)
{
	(void)state;
	struct case_of c;
	set(&c, (double[]){ 1000, 20000, 50000 }, 3, (double[]){ 1020, 20030, 50010 }, NULL, 3);
	solve(&c);
	for (size_t i = 0; i < 3; i++)
		assert_int_equal(c.wave[i], i);
}

/* A configuration restarts nobody, a crash has no mark. */
static void some_have_none(void **state)
{
	(void)state;
	struct case_of c;
	enum align_look look[] = { ALIGN_AT_ONCE, ALIGN_SOME, ALIGN_AT_ONCE };
	set(&c, (double[]){ 1000, 20000, 50000 }, 3, (double[]){ 1020, 30000, 50010 }, look, 3);
	solve(&c);
	assert_int_equal(c.wave[0], 0);
	assert_true(c.wave[1] == ALIGN_NONE);
	assert_int_equal(c.wave[2], 2);
}

/* One process that runs out of memory again and again after the deploy: the nearest start is not the mark's, since all marks
 * come ten minutes late. */
static void late_all_alike(void **state)
{
	(void)state;
	struct case_of c;
	double marks[9], waves[MOST];
	enum align_look look[MOST] = { 0 };
	size_t n = 0;
	for (size_t i = 0; i < 9; i++) {
		marks[i] = 5000 + 10000 * (double)i;
		waves[n++] = marks[i] - 600 + 20 * (double)(i % 3);
		if (i == 4)
			for (double t = 500; t < 4000; t += 500)
				waves[n++] = marks[i] - 600 + t;
	}
	set(&c, marks, 9, waves, look, n);
	solve(&c);
	for (size_t i = 0; i < 9; i++)
		assert_true(fabs(waves[c.wave[i]] - marks[i] + 600) <= 40);
}

/* Workers are recycled every few minutes, one by one, so that some restart is near any mark: it is those that were started all at once, as most
 * deploys do here. */
static void recycled_all_the_time(void **state)
{
	(void)state;
	size_t right = 0, all = 0;
	for (size_t turn = 0; turn < 40; turn++) {
		struct case_of c;
		double marks[8], waves[MOST];
		enum align_look look[MOST];
		size_t n = 0, at[8];
		for (size_t i = 0; i < 8; i++) {
			double wave = 4000 + 6000 * (double)i;
			marks[i] = wave + 1200 * uniform() - 600;
			for (int k = -5; k <= 5; k++) {
				at[i] = k == 0 ? n : at[i];
				look[n] = k == 0 && i % 3 ? ALIGN_AT_ONCE : ALIGN_ALL;
				waves[n++] = wave + 230 * k + (k ? 60 * uniform() : 0);
			}
		}
		set(&c, marks, 8, waves, look, n);
		c.in.span = 52000;
		c.in.far[ALIGN_ALL] = 140;
		c.in.far[ALIGN_AT_ONCE] = 5;
		solve(&c);
		for (size_t i = 0; i < 8; i++) {
			right += i % 3 && c.wave[i] == at[i];
			all += i % 3 > 0;
		}
	}
	assert_true(10 * right > 9 * all);
}

/* A wave that a recognised deploy is later than can't be had. */
static void barriers(void **state)
{
	(void)state;
	struct case_of c;
	set(&c, (double[]){ 1000 }, 1, (double[]){ 990, 1300 }, NULL, 2);
	c.marks[0].after = 995;
	solve(&c);
	assert_int_equal(c.wave[0], 1);
	c.marks[0].before = 1200;
	solve(&c);
	assert_true(c.wave[0] == ALIGN_NONE);
}

static size_t below(size_t n)
{
	return (size_t)(uniform() * (double)n);
}

static void cheapest(const struct align_in *in, const struct align_manner *m, size_t *wave, size_t k, double *best)
{
	if (k == in->nmarks) {
		*best = fmin(*best, align_cost(in, m, wave));
		return;
	}
	for (size_t i = 0; i <= in->nwaves; i++) {
		wave[k] = i < in->nwaves ? i : ALIGN_NONE;
		cheapest(in, m, wave, k + 1, best);
	}
}

static void brute_force_agrees(void **state)
{
	(void)state;
	seed = 7;
	for (int round = 0; round < 300; round++) {
		struct case_of c;
		double marks[4], waves[5], t = 0, best = (double)INFINITY;
		enum align_look look[5];
		size_t nm = 1 + below(4), nw = 1 + below(5), work[4];
		for (size_t i = 0; i < nm; i++)
			marks[i] = t += 1 + (double)below(1500);
		t = 0;
		for (size_t i = 0; i < nw; i++) {
			waves[i] = t += 1 + (double)below(1500);
			look[i] = (enum align_look)below(ALIGN_LOOKS);
		}
		set(&c, marks, nm, waves, look, nw);
		struct align_manner m = { .late = (double)below(400) - 200, .scale = 20 + (double)below(300), .look = { .3, .3, .4 },
			.rate = { 1e-3, 3e-4, 1e-4 } };
		struct mc_error e = { 0 };
		assert_int_equal(align_given(&c.in, &m, c.wave, &e), 0);
		cheapest(&c.in, &m, work, 0, &best);
		assert_true(fabs(align_cost(&c.in, &m, c.wave) - best) < 1e-9);
	}
}

/* Sum of the likelihoods of all alignments, and of those in which each mark has each wave. */
static void add_up(const struct align_in *in, const struct align_manner *m, size_t *wave, size_t k, double *all, double *with)
{
	if (k == in->nmarks) {
		double p = exp(-align_cost(in, m, wave));
		*all += p;
		for (size_t i = 0; i < in->nmarks; i++)
			if (wave[i] != ALIGN_NONE)
				with[i * in->nwaves + wave[i]] += p;
		return;
	}
	for (size_t i = 0; i <= in->nwaves; i++) {
		wave[k] = i < in->nwaves ? i : ALIGN_NONE;
		add_up(in, m, wave, k + 1, all, with);
	}
}

static void odds_are_those_of_all_alignments(void **state)
{
	(void)state;
	seed = 8;
	for (int round = 0; round < 300; round++) {
		struct case_of c;
		double marks[4], waves[5], t = 0, all = 0, with[20] = { 0 }, odds[20], loglik;
		enum align_look look[5];
		size_t nm = 1 + below(4), nw = 1 + below(5), work[4];
		for (size_t i = 0; i < nm; i++)
			marks[i] = t += 1 + (double)below(500);
		t = 0;
		for (size_t i = 0; i < nw; i++) {
			waves[i] = t += 1 + (double)below(500);
			look[i] = (enum align_look)below(ALIGN_LOOKS);
		}
		set(&c, marks, nm, waves, look, nw);
		struct align_manner m = { .late = (double)below(400) - 200, .scale = 20 + (double)below(300), .look = { .3, .3, .4 },
			.rate = { 1e-3, 3e-4, 1e-4 } };
		struct mc_error e = { 0 };
		assert_int_equal(align_odds(&c.in, &m, odds, &loglik, &e), 0);
		add_up(&c.in, &m, work, 0, &all, with);
		assert_true(fabs(loglik - log(all)) < 1e-9);
		for (size_t i = 0; i < nm * nw; i++)
			assert_true(fabs(odds[i] - with[i] / all) < 1e-9);
	}
}

/* One wave halfway between two marks, the others plain: it may be either's, and a wave that is plain is nobody else's. */
static void between_two_marks(void **state)
{
	(void)state;
	struct case_of c;
	double odds[6];
	struct mc_error e = { 0 };
	set(&c, (double[]){ 10000, 10600, 50000 }, 3, (double[]){ 10300, 50010 }, NULL, 2);
	assert_int_equal(align(&c.in, c.wave, odds, &e), 0);
	assert_true(odds[0] > .2 && odds[2] > .2 && fabs(odds[0] + odds[2] - 1) < .1);
	assert_true(odds[5] > .95 && odds[1] + odds[3] < .01);
}

/* Lives by start, each until its slot starts again. */
struct start {
	double t;
	size_t slot;
};

static size_t waves_of(const struct start *s, size_t n, size_t nslots, double tick, double as_of, struct wave **ret)
{
	struct history_life life[MOST] = { 0 };
	struct history h = { .as_of = as_of, .tick = tick, .slack = 1200, .nlives = n, .nslots = nslots, .life = life };
	struct mc_error e = { 0 };
	size_t k = 0;
	for (size_t i = 0; i < n; i++) {
		life[i] = (struct history_life){ .start = s[i].t, .last = as_of, .slot = s[i].slot };
		for (size_t o = i + 1; o < n; o++)
			if (s[o].slot == s[i].slot && life[i].last == as_of)
				life[i].last = s[o].t - tick;
	}
	assert_int_equal(waves_find(&h, ret, &k, &e), 0);
	return k;
}

static void check_wave(const struct wave *w, double from, double to, size_t slots)
{
	assert_true(w->from == from);
	assert_true(w->to == to);
	assert_int_equal(w->slots, slots);
}

static void at_once_and_rolling(void **state)
{
	(void)state;
	struct wave *w;
	const struct start s[] = { { -900, 0 }, { -700, 1 }, { -500, 2 }, { 20000, 0 }, { 20003, 1 }, { 20009, 2 }, { 60000, 1 }, { 60800, 0 }, { 61500, 2 } };
	assert_int_equal(waves_of(s, 9, 3, 15, 100000, &w), 2);
	check_wave(&w[0], 20000, 20009, 3);
	check_wave(&w[1], 60000, 61500, 3);
	free(w);
}

/* One slot crashed a while before the wave: it is not the wave's beginning, though with it the wave would be whole too. */
static void a_crash_before(void **state)
{
	(void)state;
	struct wave *w;
	const struct start s[] = { { -900, 0 }, { -700, 1 }, { -500, 2 }, { 19000, 1 }, { 20000, 0 }, { 20010, 1 }, { 20025, 2 } };
	assert_int_equal(waves_of(s, 7, 3, 15, 100000, &w), 1);
	check_wave(&w[0], 20000, 20025, 3);
	free(w);
}

/* Children that were never there before renew nothing. */
static void children_are_no_wave(void **state)
{
	(void)state;
	struct wave *w;
	struct start s[MOST] = { { -900, 0 }, { -700, 1 }, { 5000, 0 }, { 5002, 1 }, { 9000, 0 }, { 9003, 1 } };
	size_t n = 6;
	for (; n < 26; n++)
		s[n] = (struct start){ 9000 + 30 * (double)n, n };
	assert_int_equal(waves_of(s, n, n, 1, 20000, &w), 2);
	check_wave(&w[0], 5000, 5002, 2);
	check_wave(&w[1], 9000, 9003, 2);
	free(w);
}

/* Blue and green: slots that were never there before take over from those that end a while later. */
static void green_renews_blue(void **state)
{
	(void)state;
	struct wave *w;
	struct history_life life[6];
	for (size_t i = 0; i < 6; i++)
		life[i] = (struct history_life){ .start = (double[]){ -500, 7000, 14000 }[i / 2] + (double)(i % 2), .last = (double[]){ 7300, 14300, 20000 }[i / 2],
			.slot = i < 4 ? i : i - 4 };
	struct history h = { .as_of = 20000, .tick = 5, .slack = 1200, .nlives = 6, .nslots = 4, .life = life };
	struct mc_error e = { 0 };
	size_t n;
	assert_int_equal(waves_find(&h, &w, &n, &e), 0);
	assert_int_equal(n, 2);
	check_wave(&w[0], 7000, 7001, 2);
	check_wave(&w[1], 14000, 14001, 2);
	free(w);
}

/* Processes without a name of their own each have a slot of their own. */
static void nameless(void **state)
{
	(void)state;
	struct wave *w;
	struct history_life life[6];
	for (size_t i = 0; i < 6; i++)
		life[i] = (struct history_life){ .start = i < 3 ? -500 + (double)i : 7000 + (double)i, .last = i < 3 ? 6990 : 20000, .slot = i };
	struct history h = { .as_of = 20000, .tick = 5, .slack = 1200, .nlives = 6, .nslots = 6, .life = life };
	struct mc_error e = { 0 };
	size_t n;
	assert_int_equal(waves_find(&h, &w, &n, &e), 0);
	assert_int_equal(n, 1);
	check_wave(&w[0], 7003, 7005, 3);
	free(w);
}

/* Sets works_until of these lives, by their waves. */
static void drain(struct history_life *life, size_t n, size_t nslots)
{
	struct history h = { .as_of = 20000, .tick = 5, .slack = 1200, .nlives = n, .nslots = nslots, .life = life };
	struct mc_error e = { 0 };
	struct wave *w;
	size_t k;
	assert_int_equal(waves_find(&h, &w, &k, &e), 0);
	assert_int_equal(history_drains(&h, w, k, &e), 0);
	free(w);
}

/* A life of a slot works until the next one starts there, however long it takes to end; where several share a slot it works on. */
static void a_graceful_reload(void **state)
{
	(void)state;
	struct history_life life[6];
	for (size_t i = 0; i < 6; i++)
		life[i] = (struct history_life){ .start = (double[]){ -500, 7000, 14000 }[i / 2] + (double)(i % 2), .last = (double[]){ 8300, 15300, 20000 }[i / 2], .slot = i % 2 };
	drain(life, 6, 2);
	for (size_t i = 0; i < 6; i++)
		assert_true(life[i].works_until == (i < 4 ? life[i + 2].start : 20000));
	for (size_t i = 0; i < 6; i++)
		life[i].slot = 0, life[i].last = (double[]){ 6990, 13990, 20000 }[i / 2];
	drain(life, 6, 1);
	for (size_t i = 0; i < 6; i++)
		assert_true(life[i].works_until == life[i].last);
}

/* Green takes over from blue, which ends a while later; a worker that no wave took along works on. */
static void blue_drains(void **state)
{
	(void)state;
	struct history_life life[6];
	for (size_t i = 0; i < 6; i++)
		life[i] = (struct history_life){ .start = (double[]){ -500, 7000, 14000 }[i / 2] + (double)(i % 2), .last = (double[]){ 7300, 14300, 20000 }[i / 2],
			.slot = i < 4 ? i : i - 4 };
	drain(life, 6, 4);
	for (size_t i = 0; i < 6; i++)
		assert_true(life[i].works_until == (i < 2 ? 7001 : i < 4 ? 14001 : 20000));
	struct history_life some[11];
	for (size_t i = 0; i < 11; i++)
		some[i] = (struct history_life){ .start = i < 6 ? -500 + (double)i : 7000 + (double)i, .last = i < 5 ? 6990 : i == 5 ? 9000 : 20000, .slot = i };
	drain(some, 11, 11);
	for (size_t i = 0; i < 11; i++)
		assert_true(some[i].works_until == some[i].last);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(on_time),
		cmocka_unit_test(some_have_none),
		cmocka_unit_test(late_all_alike),
		cmocka_unit_test(recycled_all_the_time),
		cmocka_unit_test(barriers),
		cmocka_unit_test(brute_force_agrees),
		cmocka_unit_test(odds_are_those_of_all_alignments),
		cmocka_unit_test(between_two_marks),
		cmocka_unit_test(at_once_and_rolling),
		cmocka_unit_test(a_crash_before),
		cmocka_unit_test(children_are_no_wave),
		cmocka_unit_test(green_renews_blue),
		cmocka_unit_test(nameless),
		cmocka_unit_test(a_graceful_reload),
		cmocka_unit_test(blue_drains),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
