/* What must not move the answer, and what must not break it. Seeded. */
#include "attribute_ask.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

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
	for (uint64_t seed = 0; seed < world_rounds(); seed++) {
		struct world_plan p = world_plan_of(seed);
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
	for (uint64_t seed = 0; seed < world_rounds(); seed++) {
		struct world_plan p = world_plan_of(seed);
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
	for (uint64_t seed = 0; seed < world_rounds(); seed++) {
		struct world_plan p = world_plan_of(seed);
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

/* The answer before and after a change of the world. */
static void unmoved(const char *what, void (*change)(struct world *), double within)
{
	for (uint64_t seed = 0; seed < world_rounds(); seed++) {
		struct world_plan p = world_plan_of(seed);
		struct world w;
		world_make(&w, &p);
		struct mc_answer a = ask(&w.c);
		change(&w);
		struct mc_answer b = ask(&w.c);
		alike(what, seed, &w.c, &a, &b, NULL, within);
		mc_answer_release(&a);
		mc_answer_release(&b);
		world_free(&w);
	}
}

static void more_requests(struct world *w)
{
	for (size_t i = 0; i < w->c.load.n; i++)
		w->requests[i] += 20e-3 * (double)(w->load_t[i] - w->load_t[0]);
}

static void a_constant_rate_says_nothing(void **state)
{
	(void)state;
	/* growth with requests is one supposition, and then less of it is theirs */
	unmoved("with more requests", more_requests, .2);
}

static void other_names(struct world *w)
{
	static const char *const names[] = { "\xff\n", "2024.1", "<b>", "\"", "v1 ", "\x1b[0m", "v\xcc\x81", "," };
	for (size_t i = 0; i < w->c.ndeploys; i++)
		w->deploys[i].version = names[i];
}

static void names_say_nothing(void **state)
{
	(void)state;
	unmoved("with other names", other_names, 1e-9);
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
	for (uint64_t seed = 0; seed < world_rounds(); seed++) {
		struct world_plan p = world_plan_of(seed);
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
	for (uint64_t seed = 0; seed < world_rounds(); seed++) {
		struct world_plan p = world_plan_of(seed);
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
			struct world_plan p = world_plan_of(i);
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
	struct world_plan p = world_plan_of(0);
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
		struct world_plan p = world_plan_of(i + 1);
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
	struct world_plan p = world_plan_of(1);
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
		struct world_plan p = world_plan_of(1);
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
		cmocka_unit_test(time_may_be_shifted),
		cmocka_unit_test(bytes_may_be_scaled),
		cmocka_unit_test(order_says_nothing),
		cmocka_unit_test(a_constant_rate_says_nothing),
		cmocka_unit_test(names_say_nothing),
		cmocka_unit_test(the_past_is_the_truncated_case),
		cmocka_unit_test(what_was_not_seen_is_not_reckoned),
		cmocka_unit_test(odd_values),
		cmocka_unit_test(zero_variance),
		cmocka_unit_test(odd_times),
		cmocka_unit_test(little_and_nothing),
		cmocka_unit_test(deploys_outside),
		cmocka_unit_test(many),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
