/* Programs with very many releases: every end of a growth or a step can be found, however far from its beginning. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "../prop/attribute_world.h"
#include "../prop/random.h"

#include "judge.h"
#include "work.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const double MIB = 1048576;

/* ---- the detector ---- */
enum { MANY = 110, EACH = 24, SETS = MANY * (MANY - 1) / 2 };
static double t[MANY][EACH], y[MANY][EACH], one[EACH], seconds[EACH], begins[MANY];
static struct mc_supposition sets[SETS];

/* A life a release; those of [from, until) grow by `rate` a row beside noise of 1. */
static struct mc_panel *many_lives(size_t from, size_t until, double rate)
{
	static struct mc_panel_life life[MANY];
	struct mc_panel *p = NULL;
	seed = 61;
	for (size_t r = 0; r < MANY; r++) {
		begins[r] = 10. * EACH * (double)r;
		for (size_t k = 0; k < EACH; k++) {
			one[k] = 1;
			seconds[k] = 10;
			t[r][k] = begins[r] + 10 * (double)k + 5;
			y[r][k] = 100 + gauss() + (r >= from && r < until ? rate * (double)k : 0);
		}
		life[r] = (struct mc_panel_life){ .n = EACH, .t = t[r], .y = y[r], .samples = one, .seconds = seconds, .start = begins[r], .release = r };
	}
	struct mc_panel_in in = { .nlives = MANY, .lives = life, .nreleases = MANY, .release_t = begins, .bin = 10, .quantum = 1e-6 };
	assert_int_equal(mc_panel_new(&in, &p, NULL), 0);
	return p;
}

static size_t all_sets(void)
{
	size_t n = 0;
	for (size_t from = 1; from < MANY; from++)
		for (size_t until = from + 1; until <= MANY; until++)
			sets[n++] = (struct mc_supposition){ .from = from, .until = until };
	return n;
}

static struct mc_growth_fit fit_of(const struct mc_growth_evidence *e, size_t from, size_t until)
{
	for (size_t i = 0; i < e->n; i++)
		if (sets[i].from == from && sets[i].until == until)
			return e->set[MC_GROWTH_TIME][i];
	fail_msg("no supposition of %zu to %zu", from, until);
	return (struct mc_growth_fit){ 0 };
}

/* More than are all weighed: the likeliest of them is, and has what it has among few. */
static void the_likeliest_of_very_many_is_weighed(void **state)
{
	(void)state;
	struct mc_growth_evidence e, few;
	struct mc_supposition alone = { .from = 30, .until = 72 };
	struct mc_panel *p = many_lives(alone.from, alone.until, .12);
	size_t n = all_sets(), best = 0, left_out = 0;
	assert_int_equal(n, SETS);
	assert_int_equal(mc_panel_evidence(p, &alone, 1, &few, NULL), 0);
	assert_int_equal(mc_panel_evidence(p, sets, n, &e, NULL), 0);
	for (size_t i = 0; i < n; i++) {
		best = e.set[MC_GROWTH_TIME][i].log_evidence > e.set[MC_GROWTH_TIME][best].log_evidence ? i : best;
		left_out += !isfinite(e.set[MC_GROWTH_TIME][i].log_evidence);
	}
	struct mc_growth_fit f = fit_of(&e, alone.from, alone.until);
	if (sets[best].from + 1 < alone.from || sets[best].from > alone.from + 1 || sets[best].until + 1 < alone.until || sets[best].until > alone.until + 1)
		fail_msg("releases %zu to %zu grow", sets[best].from, sets[best].until);
	assert_true(fabs(f.log_evidence - e.none - (few.set[MC_GROWTH_TIME][0].log_evidence - few.none)) < 1);
	assert_true(fabs(f.slope - .012) < 3 * f.slope_sd);
	assert_true(left_out > n / 3);
	mc_growth_evidence_release(&few);
	mc_growth_evidence_release(&e);
	mc_panel_free(p);
}

/* What lasts is weighed of every release, or it could not be blamed, and besides what says most. */
static void what_lasts_is_always_weighed(void **state)
{
	(void)state;
	static double glance[SETS];
	static size_t look[SETS];
	struct work w = { .nr = MANY, .nsets = all_sets(), .sets = sets, .glance = glance, .look = look };
	size_t lasting = 0;
	for (size_t i = 0; i < SETS; i++)
		glance[i] = (double)i; /* those of the last releases say most */
	assert_true(sets_are_many(&w));
	assert_int_equal(sets_choose(&w, NULL), 0);
	for (size_t n = 0; n < w.nlook; n++) {
		assert_true(n == 0 || look[n] > look[n - 1]);
		lasting += sets[look[n]].until == MANY;
	}
	assert_int_equal(lasting, MANY - 1);
	assert_true(w.nlook > 1000 && w.nlook < 2000 && look[w.nlook - 1000] == SETS - 1000);
}

/* ---- the whole answer ---- */
enum { DEPLOYS = 72, CULPRIT = 20, FIX = 45 };

/* `what` rises by so many MiB since a life's start, or at once, in the releases of deploys CULPRIT to FIX - 1. */
static void world_with_a_fix(struct world *w, bool step, uint64_t of)
{
	struct world_plan p = { .seed = of, .kind = WORLD_FLAT, .slots = 2, .deploys = DEPLOYS, .samples = 40, .interval = 60 };
	world_make(w, &p);
	for (size_t i = 0; i < w->c.nlives; i++) {
		size_t r = i % (DEPLOYS + 1);
		double *anon = w->anon + i * p.samples;
		for (size_t k = 0; k < p.samples && r > CULPRIT && r <= FIX; k++)
			anon[k] += (step ? 15 : 8 * (double)k / (double)p.samples) * MIB;
	}
}

static const char *sentence(const struct mc_answer *a, const char *kind)
{
	for (size_t i = 0; i < a->nevidence; i++)
		if (strcmp(a->evidence[i].kind, kind) == 0)
			return a->evidence[i].text;
	return "";
}

static void a_fix_far_from_the_culprit(void **state)
{
	(void)state;
	for (int step = 0; step < 2; step++) {
		struct world w;
		struct mc_answer a;
		world_with_a_fix(&w, step, 8);
		assert_int_equal(mc_attribute(&w.c, &a, NULL), 0);
		assert_int_equal(a.verdict, step ? MC_VERDICT_STEP : MC_VERDICT_LEAK);
		assert_true(a.culprit != MC_NO_DEPLOY);
		assert_int_equal(a.candidates[a.culprit].deploy, CULPRIT);
		assert_int_equal(a.state, MC_STATE_FIXED);
		assert_int_equal(a.fixed_by, FIX);
		/* 8 MiB in 40 minutes of each of two processes */
		if (!step && !(fabs(a.slope_after * 3600 / MIB - 24) < 2))
			fail_msg("slope %g MiB/h", a.slope_after * 3600 / MIB);
		mc_answer_release(&a);
		world_free(&w);
	}
}

/* Of 73 releases: the one before the culprit, the culprit, the fix, the newest. */
static void trends_told_are_those_about_the_culprit(void **state)
{
	(void)state;
	struct world w;
	struct mc_answer a;
	world_with_a_fix(&w, false, 9);
	assert_int_equal(mc_attribute(&w.c, &a, NULL), 0);
	const char *s = sentence(&a, "releases"), *told[] = { "release: v20 ", ", v21 ", ", v46 ", ", v72 " };
	for (size_t i = 0; i < sizeof told / sizeof *told; i++)
		if (!strstr(s, told[i]))
			fail_msg("no \"%s\" in: %s", told[i], s);
	assert_non_null(strstr(s, "; 69 others are left out"));
	assert_null(strstr(s, "v71"));
	mc_answer_release(&a);
	world_free(&w);
}

/* Where nobody is blamed, the newest twelve. */
static void nobody_blamed_the_newest_are_told(void **state)
{
	(void)state;
	struct world_plan p = { .seed = 10, .kind = WORLD_FLAT, .slots = 2, .deploys = 14, .samples = 40, .interval = 60 };
	struct world w;
	struct mc_answer a;
	world_make(&w, &p);
	assert_int_equal(mc_attribute(&w.c, &a, NULL), 0);
	assert_int_equal(a.culprit, MC_NO_DEPLOY);
	const char *s = sentence(&a, "releases");
	assert_non_null(strstr(s, "release: v3 "));
	assert_non_null(strstr(s, ", v14 "));
	assert_non_null(strstr(s, "; 3 others are left out"));
	mc_answer_release(&a);
	world_free(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_likeliest_of_very_many_is_weighed),
		cmocka_unit_test(what_lasts_is_always_weighed),
		cmocka_unit_test(a_fix_far_from_the_culprit),
		cmocka_unit_test(trends_told_are_those_about_the_culprit),
		cmocka_unit_test(nobody_blamed_the_newest_are_told),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
