/* What must not move the answer, and what must not break it. Seeded. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "attribute_world.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static struct world_plan plan_of(uint64_t seed)
{
	return (struct world_plan){ .seed = seed, .kind = (enum world_kind)(seed % WORLD_KINDS), .slots = 2, .deploys = 4, .samples = 110,
		.interval = 30, .culprit = 1 + seed % 2, .load = true };
}

static uint64_t rounds(void)
{
	return getenv("MC_SHORT") ? WORLD_KINDS : 3 * WORLD_KINDS;
}

static struct mc_answer ask(const struct mc_case *c)
{
	struct mc_answer a;
	struct mc_error e = { 0 };
	int rc = mc_attribute(c, &a, &e);
	if (rc != 0)
		fail_msg("%d %s", rc, e.text);
	const char *wrong = answer_wrong(c, &a);
	if (wrong)
		fail_msg("%s", wrong);
	return a;
}

static double probability(const struct mc_answer *a, size_t deploy)
{
	for (size_t i = 0; i < a->ncandidates; i++)
		if (a->candidates[i].deploy == deploy)
			return a->candidates[i].probability;
	return 0;
}

static size_t culprit(const struct mc_answer *a)
{
	return a->culprit == MC_NO_DEPLOY ? MC_NO_DEPLOY : a->candidates[a->culprit].deploy;
}

/* Nothing holds more than half but for what may be chance. */
static bool undecided(const struct mc_answer *a, double within)
{
	return fabs(a->no_change - .5) < within || (a->ncandidates && fabs(a->candidates[0].probability - .5) < within);
}

/* `to`: where each deploy of the first case is in the second; NULL: the same place. */
static void alike(const char *what, uint64_t seed, const struct mc_case *c, const struct mc_answer *a, const struct mc_answer *b, const size_t *to,
	double within)
{
	size_t k = culprit(a), want = k == MC_NO_DEPLOY || !to ? k : to[k];
	bool same = culprit(b) == want && a->verdict == b->verdict && a->state == b->state && a->signal == b->signal;
	if (!same && !(undecided(a, within) && undecided(b, within)))
		fail_msg("%s, seed %llu: %s of %zd became %s of %zd", what, (unsigned long long)seed, mc_verdict_name(a->verdict), (ssize_t)want,
			mc_verdict_name(b->verdict), (ssize_t)culprit(b));
	for (size_t i = 0; i < c->ndeploys; i++)
		if (fabs(probability(a, i) - probability(b, to ? to[i] : i)) > within)
			fail_msg("%s, seed %llu, deploy %zu: %g became %g", what, (unsigned long long)seed, i, probability(a, i),
				probability(b, to ? to[i] : i));
	if (fabs(a->no_change - b->no_change) > within)
		fail_msg("%s, seed %llu: no change %g became %g", what, (unsigned long long)seed, a->no_change, b->no_change);
}

static void shift(struct world *w, int64_t by)
{
	for (size_t i = 0; i < w->nsamples; i++)
		w->t_ms[i] += by;
	for (size_t i = 0; i < w->c.nlives; i++)
		w->lives[i].start_ms += by;
	for (size_t i = 0; i < w->c.ndeploys; i++)
		w->deploys[i].unix_ms += by;
	for (size_t i = 0; i < w->c.load.n; i++)
		w->load_t[i] += by;
}

static void time_may_be_shifted(void **state)
{
	(void)state;
	static const int64_t by[] = { 1, 86400000LL * 365 * 10, -1759999990000LL };
	for (uint64_t seed = 0; seed < rounds(); seed++) {
		struct world_plan p = plan_of(seed);
		struct world w;
		world_make(&w, &p);
		struct mc_answer a = ask(&w.c);
		for (size_t i = 0; i < sizeof by / sizeof *by; i++) {
			shift(&w, by[i]);
			struct mc_answer b = ask(&w.c);
			alike("shifted in time", seed, &w.c, &a, &b, NULL, .02);
			assert_true(a.onset_ms == MC_NO_TIME || llabs(b.onset_ms - a.onset_ms - by[i]) <= 2);
			mc_answer_release(&b);
			shift(&w, -by[i]);
		}
		mc_answer_release(&a);
		world_free(&w);
	}
}

static void bytes_may_be_scaled(void **state)
{
	(void)state;
	static const double by[] = { 1024, 1. / 16 };
	for (uint64_t seed = 0; seed < rounds(); seed++) {
		struct world_plan p = plan_of(seed);
		struct world w;
		world_make(&w, &p);
		struct mc_answer a = ask(&w.c);
		for (size_t i = 0; i < 2; i++) {
			for (size_t k = 0; k < w.nsamples; k++)
				w.anon[k] *= by[i];
			struct mc_answer b = ask(&w.c);
			alike("scaled", seed, &w.c, &a, &b, NULL, .05);
			assert_true(isnan(a.slope_after) || fabs(b.slope_after / by[i] / a.slope_after - 1) < .02);
			mc_answer_release(&b);
			for (size_t k = 0; k < w.nsamples; k++)
				w.anon[k] /= by[i];
		}
		mc_answer_release(&a);
		world_free(&w);
	}
}

static void order_says_nothing(void **state)
{
	(void)state;
	for (uint64_t seed = 0; seed < rounds(); seed++) {
		struct world_plan p = plan_of(seed);
		struct world w;
		size_t to[16];
		world_make(&w, &p);
		struct mc_answer a = ask(&w.c);
		size_t n = w.c.nlives, m = w.c.ndeploys;
		for (size_t i = 0; i < n / 2; i++) {
			struct mc_life l = w.lives[i];
			w.lives[i] = w.lives[n - 1 - i];
			w.lives[n - 1 - i] = l;
		}
		struct mc_deploy_mark d = w.deploys[0]; /* a rotation */
		for (size_t i = 0; i + 1 < m; i++)
			w.deploys[i] = w.deploys[i + 1];
		w.deploys[m - 1] = d;
		for (size_t i = 0; i < m; i++)
			to[i] = (i + m - 1) % m;
		struct mc_answer b = ask(&w.c);
		alike("in another order", seed, &w.c, &a, &b, to, .02);
		mc_answer_release(&a);
		mc_answer_release(&b);
		world_free(&w);
	}
}

static void a_constant_rate_says_nothing(void **state)
{
	(void)state;
	for (uint64_t seed = 0; seed < rounds(); seed++) {
		struct world_plan p = plan_of(seed);
		struct world w;
		world_make(&w, &p);
		struct mc_answer a = ask(&w.c);
		for (size_t i = 0; i < w.c.load.n; i++)
			w.requests[i] += 20e-3 * (double)(w.load_t[i] - w.load_t[0]);
		struct mc_answer b = ask(&w.c);
		/* growth with requests is one supposition, and then less of it is theirs */
		alike("with more requests", seed, &w.c, &a, &b, NULL, .2);
		mc_answer_release(&a);
		mc_answer_release(&b);
		world_free(&w);
	}
}

static void names_say_nothing(void **state)
{
	(void)state;
	static const char *const names[] = { "\xff\n", "2024.1", "<b>", "\"", "v1 ", "\x1b[0m", "v\xcc\x81", "," };
	for (uint64_t seed = 0; seed < rounds(); seed++) {
		struct world_plan p = plan_of(seed);
		struct world w;
		world_make(&w, &p);
		struct mc_answer a = ask(&w.c);
		for (size_t i = 0; i < w.c.ndeploys; i++)
			w.deploys[i].version = names[i];
		struct mc_answer b = ask(&w.c);
		alike("with other names", seed, &w.c, &a, &b, NULL, 1e-9);
		mc_answer_release(&a);
		mc_answer_release(&b);
		world_free(&w);
	}
}

static size_t until(const int64_t *t, size_t n, int64_t last)
{
	while (n > 0 && t[n - 1] > last)
		n--;
	return n;
}

/* What came after as_of is not looked at: the same answer as if it were not there. */
static void the_past_is_the_truncated_case(void **state)
{
	(void)state;
	for (uint64_t seed = 0; seed < rounds(); seed++) {
		struct world_plan p = plan_of(seed);
		struct world w;
		world_make(&w, &p);
		for (int part = 3; part < 10; part += 3) {
			w.c.as_of_ms = w.t_ms[0] + (w.t_ms[w.nsamples - 1] - w.t_ms[0]) / 10 * part;
			struct mc_answer a = ask(&w.c);
			struct mc_case c = w.c;
			struct mc_life lives[64];
			memcpy(lives, w.lives, c.nlives * sizeof *lives);
			c.lives = lives;
			for (size_t i = 0; i < c.nlives; i++)
				lives[i].n = until(lives[i].t_ms, lives[i].n, c.as_of_ms);
			while (c.ndeploys && c.deploys[c.ndeploys - 1].unix_ms > c.as_of_ms)
				c.ndeploys--;
			c.load.n = until(c.load.t_ms, c.load.n, c.as_of_ms);
			struct mc_answer b = ask(&c);
			alike("in the past", seed, &c, &a, &b, NULL, 1e-9);
			assert_true(a.as_of_ms == b.as_of_ms && a.onset_ms == b.onset_ms);
			mc_answer_release(&a);
			mc_answer_release(&b);
		}
		world_free(&w);
	}
}

/* Nothing is known after the last sample, so the answer stands as it was then. */
static void what_was_not_seen_is_not_reckoned(void **state)
{
	(void)state;
	for (uint64_t seed = 0; seed < rounds(); seed++) {
		struct world_plan p = plan_of(seed);
		struct world w;
		world_make(&w, &p);
		struct mc_answer a = ask(&w.c);
		w.c.as_of_ms = a.as_of_ms + 365LL * 86400 * 1000;
		struct mc_answer b = ask(&w.c);
		alike("a year later", seed, &w.c, &a, &b, NULL, 1e-9);
		assert_true(a.onset_ms == b.onset_ms && b.as_of_ms == w.c.as_of_ms);
		assert_true(a.grown_bytes == b.grown_bytes || (isnan(a.grown_bytes) && isnan(b.grown_bytes)));
		mc_answer_release(&a);
		mc_answer_release(&b);
		world_free(&w);
	}
}

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
	struct world_plan p = plan_of(WORLD_LEAK);
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
		struct world_plan p = plan_of(seed);
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
	for (uint64_t seed = 0; seed < rounds(); seed++) {
		struct world_plan p = plan_of(seed);
		struct world w;
		world_make(&w, &p);
		struct mc_answer a = ask(&w.c);
		bool blames = p.kind == WORLD_LEAK || p.kind == WORLD_STEP || p.kind == WORLD_FIXED;
		right += a.verdict == want[p.kind] && culprit(&a) == (blames ? p.culprit : MC_NO_DEPLOY);
		mc_answer_release(&a);
		world_free(&w);
	}
	if (right < rounds() * 8 / 10)
		fail_msg("%zu of %llu", right, (unsigned long long)rounds());
}

/* ---- what nobody should send ---- */
static void answered_or_refused(const char *what, const struct mc_case *c)
{
	struct mc_answer a;
	struct mc_error e = { 0 };
	int rc = mc_attribute(c, &a, &e);
	if (rc < 0) {
		if (!e.text[0] || e.code != rc)
			fail_msg("%s: refused with %d and no text", what, rc);
		return;
	}
	const char *wrong = answer_wrong(c, &a);
	if (wrong)
		fail_msg("%s: %s", what, wrong);
	mc_answer_release(&a);
}

static void odd_values(void **state)
{
	(void)state;
	static const double odd[] = { (double)NAN, (double)INFINITY, -(double)INFINITY, 0, -1, -5e9, 0x1p53, 1e300, DBL_MAX, -DBL_MAX, DBL_MIN, 4096 };
	for (size_t i = 0; i < sizeof odd / sizeof *odd; i++)
		for (size_t every = 1; every <= 50; every *= 7) {
			char what[64];
			struct world_plan p = plan_of(i);
			struct world w;
			snprintf(what, sizeof what, "%g every %zu samples", odd[i], every);
			world_make(&w, &p);
			for (size_t k = 0; k < w.nsamples; k += every)
				w.anon[k] = odd[i];
			for (size_t k = 0; k < w.c.load.n; k += every)
				w.requests[k] = odd[i];
			answered_or_refused(what, &w.c);
			for (size_t k = 0; k < w.c.nlives; k++)
				w.lives[k].threads = w.lives[k].fds = w.lives[k].requests = w.lives[k].swap = w.lives[k].shmem = w.lives[k].rss = w.lives[k].anon;
			answered_or_refused(what, &w.c);
			for (size_t k = 0; k < w.c.nlives; k++)
				w.lives[k].anon = w.lives[k].swap = NULL;
			w.c.memory_limit = odd[i];
			answered_or_refused(what, &w.c);
			world_free(&w);
		}
}

static void zero_variance(void **state)
{
	(void)state;
	struct world_plan p = plan_of(0);
	struct world w;
	world_make(&w, &p);
	for (size_t k = 0; k < w.nsamples; k++)
		w.anon[k] = 1 << 25;
	struct mc_answer a = ask(&w.c);
	assert_int_equal(a.verdict, MC_VERDICT_NONE);
	assert_true(a.no_change > .9 && culprit(&a) == MC_NO_DEPLOY);
	mc_answer_release(&a);
	world_free(&w);
}

static void odd_times(void **state)
{
	(void)state;
	static const int64_t odd[] = { 0, 1, -1, INT64_MAX, INT64_MIN, INT64_MIN + 1, INT64_MAX / 1000, 1760000000000LL };
	for (size_t i = 0; i < sizeof odd / sizeof *odd; i++) {
		struct world_plan p = plan_of(i + 1);
		struct world w;
		world_make(&w, &p);
		for (size_t k = 0; k < w.c.nlives; k += 3)
			w.lives[k].start_ms = odd[i];
		answered_or_refused("an odd start", &w.c);
		w.deploys[1].unix_ms = w.deploys[3].unix_ms = odd[i];
		answered_or_refused("an odd deploy", &w.c);
		w.c.as_of_ms = odd[i];
		answered_or_refused("an odd as-of", &w.c);
		w.c.as_of_ms = 0;
		for (size_t k = 0; k < p.samples / 2; k++)
			w.t_ms[k] = odd[i];
		answered_or_refused("half a life at one odd time", &w.c);
		for (size_t k = 0; k < w.nsamples; k++)
			w.t_ms[k] = odd[i];
		for (size_t k = 0; k < w.c.load.n; k++)
			w.load_t[k] = odd[i];
		answered_or_refused("all at one time", &w.c);
		world_free(&w);
	}
}

static void little_and_nothing(void **state)
{
	(void)state;
	struct world_plan p = plan_of(1);
	struct world w;
	world_make(&w, &p);
	struct mc_case c = w.c;
	for (size_t n = 0; n < 12; n++) {
		for (size_t i = 0; i < c.nlives; i++)
			w.lives[i].n = n;
		answered_or_refused("few samples in each life", &c);
		c.nlives = 1;
		struct mc_answer a = ask(&c);
		assert_true(n > 2 || a.verdict == MC_VERDICT_INSUFFICIENT);
		mc_answer_release(&a);
		c.ndeploys = 0;
		answered_or_refused("one life and no deploy", &c);
		c = w.c;
	}
	c.nlives = 0;
	struct mc_answer a = ask(&c);
	assert_int_equal(a.verdict, MC_VERDICT_INSUFFICIENT);
	mc_answer_release(&a);
	c.ndeploys = 0;
	c.load.n = 0;
	answered_or_refused("nothing at all", &c);
	world_free(&w);
}

static void deploys_outside(void **state)
{
	(void)state;
	for (int after = 0; after < 2; after++) {
		struct world_plan p = plan_of(1);
		struct world w;
		world_make(&w, &p);
		for (size_t i = 0; i < w.c.ndeploys; i++)
			w.deploys[i].unix_ms += after ? 864000000LL : -864000000LL;
		answered_or_refused(after ? "all deploys later" : "all deploys before", &w.c);
		for (size_t i = 0; i < w.c.ndeploys; i++)
			w.deploys[i].unix_ms = w.deploys[0].unix_ms;
		answered_or_refused("all deploys at once, outside", &w.c);
		for (size_t i = 0; i < w.c.ndeploys; i++)
			w.deploys[i].unix_ms = w.t_ms[w.nsamples / 2];
		answered_or_refused("all deploys at once", &w.c);
		world_free(&w);
	}
}

static void many(void **state)
{
	(void)state;
	static const struct { size_t slots, deploys, samples; } of[] = { { 1, 500, 8 }, { 500, 3, 8 }, { 2, 120, 12 }, { 20, 99, 4 } };
	for (size_t i = 0; i < sizeof of / sizeof *of; i++) {
		struct world_plan p = { .seed = i, .kind = WORLD_LEAK, .slots = of[i].slots, .deploys = of[i].deploys, .samples = of[i].samples,
			.interval = 600, .culprit = of[i].deploys / 2, .load = true };
		struct world w;
		char what[64];
		snprintf(what, sizeof what, "%zu slots, %zu deploys", of[i].slots, of[i].deploys);
		world_make(&w, &p);
		answered_or_refused(what, &w.c);
		world_free(&w);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_there_is_found),
		cmocka_unit_test(time_may_be_shifted),
		cmocka_unit_test(bytes_may_be_scaled),
		cmocka_unit_test(order_says_nothing),
		cmocka_unit_test(a_constant_rate_says_nothing),
		cmocka_unit_test(names_say_nothing),
		cmocka_unit_test(the_past_is_the_truncated_case),
		cmocka_unit_test(what_was_not_seen_is_not_reckoned),
		cmocka_unit_test(a_limit_is_met_at_the_slope_that_is_said),
		cmocka_unit_test(processes_that_multiply_use_memory_up),
		cmocka_unit_test(what_is_left_of_a_growth_uses_memory_up),
		cmocka_unit_test(what_has_ended_uses_nothing_up),
		cmocka_unit_test(odd_values),
		cmocka_unit_test(zero_variance),
		cmocka_unit_test(odd_times),
		cmocka_unit_test(little_and_nothing),
		cmocka_unit_test(deploys_outside),
		cmocka_unit_test(many),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
