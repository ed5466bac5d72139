/* What is there is found, and what the answer says of it holds together. Seeded. */
#include "attribute_ask.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* What all processes that are alive held last. */
static double held_now(const struct world *w, int64_t as_of_ms)
{
	double sum = 0;
	for (size_t i = 0; i < w->c.nlives; i++) {
		const struct mc_life *l = &w->lives[i];
		if (l->n && l->t_ms[l->n - 1] >= as_of_ms - 60000)
			sum += l->anon[l->n - 1];
	}
	return sum;
}

/* Growth that goes on meets the limit where a line from what is held now does, within what the slope's interval allows. */
static void a_limit_is_met_at_the_slope_that_is_said(void **state)
{
	(void)state;
	struct world_plan p = world_plan_of(WORLD_LEAK);
	struct world w;
	world_make(&w, &p);
	struct mc_answer a = ask(&w.c);
	assert_true(a.verdict == MC_VERDICT_LEAK && a.state == MC_STATE_ACTIVE);
	double left = w.c.memory_limit - held_now(&w, a.as_of_ms), seconds = (double)(a.exhaustion_ms - a.as_of_ms) / 1000;
	assert_true(left > 0 && fabs(seconds / (left / a.slope_after) - 1) < .02);
	assert_true(a.exhaustion_lo_ms < a.exhaustion_ms && a.exhaustion_ms < a.exhaustion_hi_ms);
	mc_answer_release(&a);
	/* what is shared is in the limit, once for all */
	double *shared = calloc(p.samples, sizeof *shared);
	assert_non_null(shared);
	for (size_t k = 0; k < p.samples; k++)
		shared[k] = 256 * 1048576.;
	for (size_t i = 0; i < w.c.nlives; i++)
		w.lives[i].shmem = shared;
	a = ask(&w.c);
	seconds = (double)(a.exhaustion_ms - a.as_of_ms) / 1000;
	assert_true(fabs(seconds / ((left - 256 * 1048576.) / a.slope_after) - 1) < .02);
	mc_answer_release(&a);
	free(shared);
	for (size_t i = 0; i < w.c.nlives; i++)
		w.lives[i].shmem = NULL;
	/* nor has it more than others leave it */
	w.c.memory_room = left / 4;
	for (int known = 0; known < 2; known++) {
		w.c.memory_limit = known ? 4096 * 1048576. : (double)NAN;
		a = ask(&w.c);
		seconds = (double)(a.exhaustion_ms - a.as_of_ms) / 1000;
		assert_true(fabs(seconds / (left / 4 / a.slope_after) - 1) < .02);
		mc_answer_release(&a);
	}
	w.c.memory_room = 0;
	w.c.memory_limit = 1;
	a = ask(&w.c);
	assert_true(a.exhaustion_ms == a.as_of_ms); /* it is used up already */
	mc_answer_release(&a);
	w.c.memory_limit = (double)NAN;
	a = ask(&w.c);
	assert_true(a.exhaustion_ms == MC_NO_TIME && a.exhaustion_lo_ms == MC_NO_TIME && a.exhaustion_hi_ms == MC_NO_TIME);
	mc_answer_release(&a);
	world_free(&w);
}

/* Of the sentence on what speaks against growth: the probability of no lasting change, and of that of growth that levels off. */
static void no_change_of(const struct mc_answer *a, double *all, double *bounded)
{
	static const char HEAD[] = "no lasting change: probability ", PART[] = " (of it growth that levels off, besides what lives of all releases have in common, ";
	*all = *bounded = (double)NAN;
	for (size_t i = 0; i < a->nevidence; i++) {
		const char *part = strstr(a->evidence[i].text, PART);
		if (strncmp(a->evidence[i].text, HEAD, sizeof HEAD - 1) != 0 || !part)
			continue;
		*all = strtod(a->evidence[i].text + sizeof HEAD - 1, NULL);
		*bounded = strtod(part + sizeof PART - 1, NULL);
	}
}

/* One life that rises: what levels off more likely than not is not called steady. */
static void steady_is_said_of_what_is(void **state)
{
	(void)state;
	size_t level_off = 0;
	for (uint64_t round = 0; round < 24; round++) {
		struct world_plan p = { .seed = 40 + round, .kind = WORLD_FLAT, .slots = 1, .deploys = 0, .samples = 300, .interval = 30 };
		struct world w;
		double all, bounded;
		world_make(&w, &p);
		for (size_t k = 0; k < p.samples; k++)
			w.anon[k] += floor(256 * (double)(round % 8) * (double)k / (double)p.samples) * 4096;
		struct mc_answer a = ask(&w.c);
		no_change_of(&a, &all, &bounded);
		assert_true(all >= 0 && bounded >= 0 && bounded <= all);
		bool levels_off = bounded > .5 * all + .002;
		level_off += levels_off && a.verdict == MC_VERDICT_PLATEAU;
		assert_false(levels_off && a.verdict == MC_VERDICT_NONE);
		mc_answer_release(&a);
		world_free(&w);
	}
	assert_true(level_off >= 3);
}

/* At any time there is an answer that holds together: nothing begins after it, and where there is too little it says when to ask again. */
static void an_answer_at_any_time(void **state)
{
	(void)state;
	struct world_plan p = world_plan_of(WORLD_LEAK);
	struct world w;
	p.samples = 60;
	world_make(&w, &p);
	int64_t first = w.t_ms[0], deploy = w.deploys[p.culprit].unix_ms, step = (int64_t)(2000 * p.interval);
	for (int64_t t = first; t < deploy + 30 * step; t += t < first + 20 * step || t > deploy ? step : 10 * step) {
		w.c.as_of_ms = t;
		struct mc_answer a = ask(&w.c);
		assert_true(a.as_of_ms == t && (a.onset_ms == MC_NO_TIME || a.onset_ms <= t) && (a.stopped_ms == MC_NO_TIME || a.stopped_ms <= t));
		/* of one sample the interval is not known */
		assert_true(a.verdict != MC_VERDICT_INSUFFICIENT || t == first || a.look_again_ms > t);
		for (size_t i = 0; i < a.ncandidates; i++)
			assert_true(w.deploys[a.candidates[i].deploy].unix_ms <= t);
		mc_answer_release(&a);
	}
	world_free(&w);
}

/* Growth at the edge of the noise: whoever has more than half of the probability is named, and the verdict is of what it began (answer_wrong). */
static void who_has_more_than_half_is_named(void **state)
{
	(void)state;
	size_t named = 0, nobody = 0;
	for (uint64_t seed = 9; seed < 18; seed++)
		for (int growth = 2; growth < 6; growth++) {
			struct world_plan p = { .seed = seed, .kind = WORLD_FLAT, .slots = 3, .deploys = 3, .samples = 60, .interval = 30 };
			struct world w;
			world_make(&w, &p);
			for (size_t i = 3; i < w.c.nlives; i += 4)
				for (size_t k = 0; k < p.samples; k++)
					w.anon[i * p.samples + k] += floor(128 * growth * (double)k / (double)p.samples) * 4096;
			struct mc_answer a = ask(&w.c);
			named += a.culprit != MC_NO_DEPLOY;
			nobody += a.culprit == MC_NO_DEPLOY;
			mc_answer_release(&a);
			world_free(&w);
		}
	assert_true(named > 5 && nobody > 5);
}

/* Only lives of the release that is said to begin it were seen: it may have grown since ever, and nobody is named. Lives before that did not grow tell. */
static void what_ran_before_was_not_seen(void **state)
{
	(void)state;
	struct world_plan p = { .seed = 3, .kind = WORLD_FLAT, .slots = 3, .deploys = 1, .samples = 60, .interval = 30 };
	struct world w;
	struct mc_life later[3];
	world_make(&w, &p);
	assert_int_equal(w.c.nlives, 6);
	for (size_t i = 1; i < 6; i += 2) {
		for (size_t k = 0; k < p.samples; k++)
			w.anon[i * p.samples + k] += 4096.0 * 200 * (double)k;
		later[i / 2] = w.c.lives[i];
	}
	struct mc_answer a = ask(&w.c);
	assert_true(a.verdict == MC_VERDICT_LEAK && a.culprit != MC_NO_DEPLOY);
	mc_answer_release(&a);
	struct mc_case c = w.c;
	c.lives = later;
	c.nlives = 3;
	a = ask(&c);
	assert_true(a.verdict == MC_VERDICT_LEAK && a.culprit == MC_NO_DEPLOY);
	assert_true(a.ncandidates == 1 && a.candidates[0].probability > .1 && a.candidates[0].probability < .5);
	mc_answer_release(&a);
	world_free(&w);
}

/* Every life fills a cache that is seven eighths full at its end: where that will be, and when. */
static void a_plateau_says_where_and_when(void **state)
{
	(void)state;
	size_t plateaus = 0;
	for (uint64_t seed = 1; seed < 7; seed++) {
		struct world_plan p = { .seed = seed, .kind = WORLD_FLAT, .slots = 3, .deploys = 3, .samples = 200, .interval = 30 };
		struct world w;
		world_make(&w, &p);
		for (size_t k = 0; k < w.nsamples; k++)
			w.anon[k] += floor(256 * 24 * (1 - exp(-(double)(k % p.samples) / (.48 * (double)p.samples)))) * 4096;
		struct mc_answer a = ask(&w.c);
		double held = held_now(&w, a.as_of_ms), rest = 3 * 24 * 1048576. * exp(-1 / .48), life = 1000 * (double)p.samples * p.interval;
		if (a.verdict == MC_VERDICT_PLATEAU) {
			plateaus++;
			assert_true(a.ceiling_bytes > held + .2 * rest && a.ceiling_bytes < held + 4 * rest);
			assert_true((double)(a.look_again_ms - a.as_of_ms) > .1 * life && (double)(a.look_again_ms - a.as_of_ms) < 8 * life);
		}
		mc_answer_release(&a);
		world_free(&w);
	}
	assert_true(plateaus >= 4);
}

/* Two builds came a minute apart and both still run, each in two of four slots; v3 grows, and v2 half as fast. */
static void two_beside_each_other(struct world *w, const struct world_plan *p, int growth)
{
	int64_t back = (int64_t)(1000 * ((double)p->samples + 1) * p->interval) - 60000;
	world_make(w, p);
	for (size_t i = 0; i < w->c.nlives; i++) {
		struct mc_life *l = &w->lives[i];
		size_t slot = i / (p->deploys + 1), release = i % (p->deploys + 1);
		l->key = "";
		l->version = release ? w->version[release - 1] : "v0";
		l->n = release >= 2 && (release == 3) == (slot < 2) ? 0 : l->n;
		for (size_t k = 0; release >= 2 && k < p->samples; k++) {
			w->t_ms[i * p->samples + k] -= release == 3 ? back : 0;
			w->anon[i * p->samples + k] += floor((release == 3 ? 128 : 64) * growth * (double)k / (double)p->samples) * 4096;
		}
		l->start_ms -= release == 3 ? back : 0;
	}
	w->deploys[2].unix_ms -= back;
}

/* As long as the data may still tell two deploys apart it is said when they will. */
static void two_that_both_run_will_be_told_apart(void **state)
{
	(void)state;
	size_t ambiguous = 0;
	for (uint64_t seed = 1; seed < 13; seed++)
		for (int growth = 1; growth < 8; growth++) {
			struct world_plan p = { .seed = seed, .kind = WORLD_FLAT, .slots = 4, .deploys = 3, .samples = 60, .interval = 30 };
			struct world w;
			two_beside_each_other(&w, &p, growth);
			struct mc_answer a = ask(&w.c);
			bool two = a.verdict == MC_VERDICT_LEAK && a.culprit == MC_NO_DEPLOY && a.ncandidates > 1 && a.candidates[0].deploy > 0 &&
				   a.candidates[1].deploy > 0 && a.candidates[1].probability > .26;
			assert_true(!two || a.ambiguous_until_ms > a.as_of_ms);
			ambiguous += two;
			mc_answer_release(&a);
			world_free(&w);
		}
	assert_true(ambiguous >= 2);
}

/* Processes that multiply use memory up as fast as they come, each with what one has; a request leaves no bytes behind. */
static void processes_that_multiply_use_memory_up(void **state)
{
	(void)state;
	struct world_plan p = { .seed = 5, .kind = WORLD_FLAT, .slots = 14, .deploys = 2, .samples = 220, .interval = 30, .culprit = 0, .load = true };
	struct world w;
	world_make(&w, &p);
	/* from the second deploy on there are 3 at first, and one more with each twelfth of a release */
	double length = (double)p.samples * p.interval * 1000;
	for (size_t i = 0; i < w.c.nlives; i++) {
		size_t slot = i / 3, release = i % 3;
		struct mc_life *l = &w.lives[i];
		l->key = "";
		if (release < 2 && slot >= 3)
			l->n = 0;
		else if (slot >= 3) {
			size_t skip = (slot - 2) * p.samples / 12;
			l->start_ms += (int64_t)(length * (double)skip / (double)p.samples);
			l->t_ms += skip;
			l->anon += skip;
			l->n -= skip;
		}
	}
	struct mc_answer a = ask(&w.c);
	assert_true(a.verdict == MC_VERDICT_LEAK && a.signal == MC_SIGNAL_PROCESSES && a.culprit == 0);
	double held = held_now(&w, a.as_of_ms), left = w.c.memory_limit - held, seconds = (double)(a.exhaustion_ms - a.as_of_ms) / 1000;
	assert_true(fabs(seconds / (left / (a.slope_now * held / 14)) - 1) < .05);
	assert_true(isnan(a.bytes_per_request));
	mc_answer_release(&a);
	world_free(&w);
}

/* Half of a growth was mended: the slope said is that of the culprit's release, memory runs out at what is left of it. */
static void what_is_left_of_a_growth_uses_memory_up(void **state)
{
	(void)state;
	struct world_plan p = { .seed = 3, .kind = WORLD_LEAK, .slots = 4, .deploys = 6, .samples = 220, .interval = 30, .culprit = 1 };
	struct world w;
	world_make(&w, &p);
	for (size_t i = 0; i < w.c.nlives; i++)
		for (size_t k = 0, release = i % (p.deploys + 1); release > 4 && k < p.samples; k++)
			w.anon[i * p.samples + k] -= floor(6 * 256 * (double)k / (double)p.samples) * 4096;
	struct mc_answer a = ask(&w.c);
	double rate = 4 * 12 * 1048576. / ((double)p.samples * p.interval);
	assert_true(a.verdict == MC_VERDICT_LEAK && a.state == MC_STATE_ACTIVE && a.nepisodes == 2);
	assert_true(a.episodes[0].reduced && a.episodes[0].fixed_by == 4 && !a.episodes[1].reduced && a.episodes[1].fixed_by == MC_NO_DEPLOY);
	assert_true(fabs(a.slope_after / rate - 1) < .1 && fabs(a.slope_now / (rate / 2) - 1) < .15);
	assert_true(a.slope_after_lo < rate && rate < a.slope_after_hi);
	double left = w.c.memory_limit - held_now(&w, a.as_of_ms), seconds = (double)(a.exhaustion_ms - a.as_of_ms) / 1000;
	assert_true(fabs(seconds / (left / a.slope_now) - 1) < .02 && a.exhaustion_lo_ms < a.exhaustion_ms && a.exhaustion_ms < a.exhaustion_hi_ms);
	mc_answer_release(&a);
	world_free(&w);
}

static void what_has_ended_uses_nothing_up(void **state)
{
	(void)state;
	size_t ended = 0;
	for (uint64_t seed = WORLD_FIXED; seed < 5 * WORLD_KINDS; seed += WORLD_KINDS) {
		struct world_plan p = world_plan_of(seed);
		struct world w;
		world_make(&w, &p);
		struct mc_answer a = ask(&w.c);
		ended += a.state == MC_STATE_FIXED;
		assert_true((a.verdict == MC_VERDICT_LEAK && a.state == MC_STATE_ACTIVE) || a.exhaustion_ms == MC_NO_TIME);
		mc_answer_release(&a);
		world_free(&w);
	}
	assert_true(ended > 0);
}

static void what_is_there_is_found(void **state)
{
	(void)state;
	static const enum mc_verdict want[WORLD_KINDS] = { MC_VERDICT_NONE, MC_VERDICT_LEAK, MC_VERDICT_STEP, MC_VERDICT_LEAK, MC_VERDICT_LOAD };
	size_t right = 0;
	for (uint64_t seed = 0; seed < world_rounds(); seed++) {
		struct world_plan p = world_plan_of(seed);
		struct world w;
		world_make(&w, &p);
		struct mc_answer a = ask(&w.c);
		bool blames = p.kind == WORLD_LEAK || p.kind == WORLD_STEP || p.kind == WORLD_FIXED;
		right += a.verdict == want[p.kind] && culprit(&a) == (blames ? p.culprit : MC_NO_DEPLOY);
		mc_answer_release(&a);
		world_free(&w);
	}
	if (right < world_rounds() * 8 / 10)
		fail_msg("%zu of %llu", right, (unsigned long long)world_rounds());
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_there_is_found),
		cmocka_unit_test(a_limit_is_met_at_the_slope_that_is_said),
		cmocka_unit_test(steady_is_said_of_what_is),
		cmocka_unit_test(an_answer_at_any_time),
		cmocka_unit_test(who_has_more_than_half_is_named),
		cmocka_unit_test(what_ran_before_was_not_seen),
		cmocka_unit_test(a_plateau_says_where_and_when),
		cmocka_unit_test(two_that_both_run_will_be_told_apart),
		cmocka_unit_test(processes_that_multiply_use_memory_up),
		cmocka_unit_test(what_is_left_of_a_growth_uses_memory_up),
		cmocka_unit_test(what_has_ended_uses_nothing_up),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
