/* What attribution makes of a program's samples before it judges them: counters, roles, a collector's saw-tooth, what is shared, and
 * which suppositions are put. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "../prop/attribute_world.h"
#include "../prop/random.h"

#include "belief.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const double MIB = 1048576;

/* ---- load ---- */
/* 10 a point for 40 points; the server is restarted at the 15th, and its counter with it. */
static void a_counter_that_falls_has_started_again(void **state)
{
	(void)state;
	enum { N = 40, AT = 15 };
	int64_t t[N];
	double requests[N];
	struct mc_load view, l = { .n = N, .t_ms = t, .requests = requests };
	struct mc_loadsum *s = mc_loadsum_new();
	assert_non_null(s);
	for (size_t i = 0; i < N; i++) {
		t[i] = 1760000000000LL + 1000 * (int64_t)i;
		requests[i] = 10. * (double)(i < AT ? 100 + i : i - AT + 1);
	}
	assert_int_equal(mc_loadsum_add(s, &l, INT64_MAX, NULL), 0);
	mc_loadsum_view(s, &view);
	assert_int_equal(view.n, N);
	for (size_t i = 1; i < N; i++)
		assert_true(fabs(view.requests[i] - view.requests[i - 1] - 10) < 1e-9);
	mc_loadsum_free(s);
}

/* ---- lives ---- */
static struct history seen(const struct world *w)
{
	struct history h;
	struct mc_error e = { 0 };
	if (history_new(&w->c, &h, &e) < 0)
		fail_msg("%s", e.text);
	return h;
}

static void a_master_is_no_worker(void **state)
{
	(void)state;
	struct world_plan p = { .seed = 3, .kind = WORLD_FLAT, .slots = 4, .deploys = 3, .samples = 100, .interval = 30 };
	struct world w;
	char key[4][24];
	world_make(&w, &p);
	for (size_t i = 0; i < w.c.nlives; i++) {
		size_t slot = i / (p.deploys + 1);
		snprintf(key[slot], sizeof key[slot], "w:%zu", slot);
		w.lives[i].key = key[slot];
	}
	struct history h = seen(&w);
	assert_int_equal(h.nroles, 1);
	history_release(&h);
	/* the first slot does next to nothing, in every release */
	for (size_t k = 0; k < (p.deploys + 1) * p.samples; k++)
		w.anon[k] = 5 * MIB;
	h = seen(&w);
	assert_int_equal(h.nroles, 2);
	for (size_t i = 0; i < h.nlives; i++)
		assert_true((h.life[i].role == h.life[0].role) == ((h.life[i].from->key[2] == '0') == (h.life[0].from->key[2] == '0')));
	history_release(&h);
	/* what came with a release is no role */
	for (size_t r = 0; r < p.deploys; r++)
		w.lives[r].n = 0;
	h = seen(&w);
	assert_int_equal(h.nroles, 1);
	history_release(&h);
	world_free(&w);
}

/* A collector each 20 samples; spikes rise and fall and are none. */
static void a_saw_tooth_is_seen(void **state)
{
	(void)state;
	for (int what = 0; what < 3; what++) {
		struct world_plan p = { .seed = 4, .kind = WORLD_FLAT, .slots = 2, .deploys = 2, .samples = 200, .interval = 30 };
		struct world w;
		world_make(&w, &p);
		for (size_t k = 0; k < w.nsamples; k++) {
			double in = (double)(k % 20);
			w.anon[k] = 60 * MIB + (what == 1 ? in * 512 * 1024 : what == 2 && k % 20 == 10 ? 10 * MIB : 0) + 4096 * floor(8 * uniform());
		}
		struct history h = seen(&w);
		if (what == 1 ? fabs(h.sawtooth / (20 * p.interval) - 1) > .3 : h.sawtooth > 0)
			fail_msg("%d: a saw-tooth of %g s", what, h.sawtooth);
		history_release(&h);
		world_free(&w);
	}
}

/* Three processes map the same segment, which grows. */
static void what_is_shared_is_counted_once(void **state)
{
	(void)state;
	struct world_plan p = { .seed = 5, .kind = WORLD_FLAT, .slots = 3, .deploys = 1, .samples = 100, .interval = 30 };
	struct world w;
	struct mc_error e = { 0 };
	world_make(&w, &p);
	double *shared = calloc(w.nsamples, sizeof *shared), most = 0;
	assert_non_null(shared);
	for (size_t k = 0; k < w.nsamples; k++)
		shared[k] = 64 * MIB + (double)(w.t_ms[k] - w.t_ms[0]) * 1e-3 * 8192;
	for (size_t k = 0; k < w.nsamples; k++)
		most = fmax(most, shared[k]);
	for (size_t i = 0; i < w.c.nlives; i++)
		w.lives[i].shmem = shared + i * p.samples;
	struct history h = seen(&w);
	struct history_life *life = NULL;
	size_t n = 0;
	assert_int_equal(history_whole(&h, HISTORY_SHMEM, &life, &n, &e), 0);
	assert_int_equal(n, 2);
	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; k < life[i].sum.n; k++)
			assert_true(life[i].sum.bin[k].y >= 60 * MIB && life[i].sum.bin[k].y <= most);
	free(life);
	history_release(&h);
	free(shared);
	world_free(&w);
}

/* ---- suppositions ---- */
static double cost_of(const struct history *h, size_t from, size_t until)
{
	struct suppositions s;
	struct mc_error e = { 0 };
	double cost = (double)NAN;
	assert_int_equal(suppositions_new(h, &s, &e), 0);
	for (size_t i = 0; i < s.n; i++)
		if (s.s[i].from == from && s.s[i].until == until && s.s[i].again_until <= s.s[i].again)
			cost = s.cost[i];
	suppositions_release(&s);
	assert_true(isfinite(cost));
	return cost;
}

/* v1, v2, v1 again: that v1 grows at one time and not at the other is unlikely beforehand. */
static void one_version_does_one_thing(void **state)
{
	(void)state;
	struct world_plan p = { .seed = 6, .kind = WORLD_FLAT, .slots = 2, .deploys = 3, .samples = 60, .interval = 30 };
	struct world w;
	world_make(&w, &p);
	struct history h = seen(&w);
	double apart = cost_of(&h, 3, 4), other = cost_of(&h, 2, 3);
	history_release(&h);
	strcpy(w.version[2], w.version[0]);
	h = seen(&w);
	assert_true(cost_of(&h, 3, 4) > apart + 3 && fabs(cost_of(&h, 2, 3) - other) < 1e-9);
	history_release(&h);
	world_free(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_counter_that_falls_has_started_again),
		cmocka_unit_test(a_master_is_no_worker),
		cmocka_unit_test(a_saw_tooth_is_seen),
		cmocka_unit_test(what_is_shared_is_counted_once),
		cmocka_unit_test(one_version_does_one_thing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
