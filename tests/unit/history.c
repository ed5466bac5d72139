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

/* Requests so far, in seconds of usual ones: twice as many in every second hour. */
static double served(double t)
{
	double hours = floor(t / 3600);
	return t + 3600 * floor(hours / 2) + (fmod(hours, 2) > 0 ? t - hours * 3600 : 0);
}

/* What is not collected after so many seconds: of 10 MiB, that fill in 20 minutes or by requests. */
static double not_collected(bool by_load, double t)
{
	return fmod((by_load ? served(t) : t) + 390, 1200) / 120;
}

/* Each life of 210 samples; what is alive is the same, or grows by 4 MiB in a life. Of the first tooth only the end is seen, and of the last the beginning. */
static void what_is_not_collected_is_taken_out(void **state)
{
	(void)state;
	for (int what = 0; what < 3; what++) {
		struct world_plan p = { .seed = 4, .kind = WORLD_FLAT, .slots = 2, .deploys = 2, .samples = 210, .interval = 30, .load = true };
		struct world w;
		world_make(&w, &p);
		int64_t from = w.load_t[0];
		for (size_t k = 0; k < w.nsamples; k++)
			w.anon[k] = MIB * (60 + not_collected(what == 2, (double)(w.t_ms[k] - from) / 1000) + (what == 1 ? 4 * (double)(k % 210) / 210 : 0)) +
				4096 * floor(3 * uniform());
		for (size_t k = 0; k < w.c.load.n; k++)
			w.requests[k] = floor(10 * served((double)(w.load_t[k] - from) / 1000));
		struct history h = seen(&w);
		assert_true(h.sawtooth > 0);
		for (size_t i = 0; i < h.nlives; i++) {
			const struct history_life *l = &h.life[i];
			for (size_t k = 0; k < l->sum.n; k++) {
				double alive = 60 + (what == 1 ? 4 * (l->sum.bin[k].t - l->first) / p.interval / 210 : 0);
				/* how rough a life is takes 20 samples to know */
				if (l->sum.bin[k].t - l->first > 20 * p.interval && fabs(l->sum.bin[k].y / MIB - alive) > (what == 2 ? 2.5 : 1))
					fail_msg("%d: life %zu: %g of %g MiB at %g s", what, i, l->sum.bin[k].y / MIB, alive, l->sum.bin[k].t - l->first);
			}
		}
		history_release(&h);
		world_free(&w);
	}
}

/* Falls by chance are no collector's, be they ever so many: in size, in time. */
static size_t since[400];
static double fallen[400];

static void falls_by_chance_are_no_saw_tooth(void **state)
{
	(void)state;
	for (int what = 0; what < 3; what++) {
		struct world_plan p = { .seed = 4, .kind = WORLD_FLAT, .slots = 2, .deploys = 2, .samples = 400, .interval = 30 };
		struct world w;
		world_make(&w, &p);
		for (size_t k = 1; k < 400; k++) {
			/* a heap that is trimmed to any size; a queue that is dropped at any time, and a little of it now and then */
			bool falls = what == 0 ? k % 20 == 0 : uniform() < .05;
			since[k] = falls ? 0 : since[k - 1] + 1;
			fallen[k] = what == 2 ? (since[k] < 10 ? .6 * (double)since[k] : 6) : !falls ? fallen[k - 1] + .5 : what == 0 ? fallen[k - 1] * uniform() : 0;
		}
		for (size_t k = 0; k < w.nsamples; k++)
			w.anon[k] = MIB * (60 + fallen[k % 400]) + 4096 * floor(3 * uniform());
		struct history h = seen(&w);
		if (h.sawtooth > 0)
			fail_msg("%d: a saw-tooth of %g s", what, h.sawtooth);
		history_release(&h);
		world_free(&w);
	}
}

/* Nor are a few teeth of one life, or those of a life among many. */
static void few_teeth_are_no_saw_tooth(void **state)
{
	(void)state;
	for (size_t what = 0; what < 2; what++) {
		struct world_plan p = { .seed = 4, .kind = WORLD_FLAT, .slots = 1 + what, .deploys = 2 * what, .samples = 240, .interval = 30 };
		struct world w;
		world_make(&w, &p);
		for (size_t k = 0; k < w.nsamples; k++)
			w.anon[k] = MIB * (60 + (what == 0 ? (double)(k % 30) / 3 : k < 240 ? (double)(k % 20) / 2 : 0)) + 4096 * floor(3 * uniform());
		struct history h = seen(&w);
		if (h.sawtooth > 0)
			fail_msg("%zu: a saw-tooth of %g s", what, h.sawtooth);
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

/* ---- which rows are one deploy ---- */
enum { MINUTE = 60000, MOST_ROWS = 16 };

static struct mc_deploy_mark row(int64_t minute, const char *version, const char *host)
{
	return (struct mc_deploy_mark){ .unix_ms = 1760000000000LL + minute * MINUTE, .version = version, .commit = "", .host = host, .source = MC_DEPLOY_MARK };
}

/* of[] as text: which row stands for each. */
static void joined(const struct mc_deploy_mark *d, size_t n, const char *expected)
{
	size_t of[MOST_ROWS];
	char text[MOST_ROWS + 1];
	struct mc_error e = { 0 };
	assert_true(n <= MOST_ROWS);
	assert_int_equal(mc_deploys_join(d, n, INT64_MAX, of, &e), 0);
	for (size_t i = 0; i < n; i++)
		text[i] = (char)('a' + of[i]);
	text[n] = '\0';
	assert_string_equal(text, expected);
}

static void one_deploy_on_several_hosts(void **state)
{
	(void)state;
	/* each within half an hour of another, in any order; later it is another one */
	struct mc_deploy_mark hosts[] = { row(50, "v2", "c"), row(0, "v2", "a"), row(25, "v2", "b"), row(110, "v2", "a"), row(111, "v2", "b") };
	joined(hosts, 5, "bbbdd");
	struct mc_deploy_mark twice[] = { row(0, "v1", ""), row(0, "v2", ""), row(0, "v1", ""), row(0, "v2", ""), row(40, "v3", "") };
	joined(twice, 5, "ababe");
	/* what has no name is only the same at the same moment */
	struct mc_deploy_mark nameless[] = { row(0, "", ""), row(0, "", ""), row(1, "", "") };
	joined(nameless, 3, "aac");
	/* the commit tells where both have one */
	struct mc_deploy_mark commits[] = { row(0, "main", ""), row(1, "main", ""), row(2, "main", "") };
	commits[0].commit = "aa";
	commits[1].commit = "bb";
	joined(commits, 3, "abb");
}

static void a_rollback_is_another_deploy(void **state)
{
	(void)state;
	struct mc_deploy_mark back[] = { row(0, "v2", ""), row(10, "v3", ""), row(20, "v2", "") };
	joined(back, 3, "abc");
	/* host after host, two releases on the heels of each other: no rollback; then a's, and b's with it */
	struct mc_deploy_mark hosts[] = { row(0, "v2", "a"), row(2, "v3", "a"), row(5, "v2", "b"), row(7, "v3", "b"), row(9, "v2", "a"), row(10, "v2", "b") };
	joined(hosts, 6, "ababee");
	/* a library between two rows of one release */
	struct mc_deploy_mark library[] = { row(0, "v2", ""), row(1, "libc 2", ""), row(2, "v2", "") };
	library[1].source = MC_DEPLOY_LIBRARY;
	joined(library, 3, "aba");
}

/* The mark stands for what was recognised, which tells when it began; nothing is known of what comes later. */
static void a_mark_and_what_was_recognised(void **state)
{
	(void)state;
	struct world_plan p = { .seed = 6, .kind = WORLD_FLAT, .slots = 2, .deploys = 2, .samples = 60, .interval = 30 };
	struct world w;
	world_make(&w, &p);
	struct mc_deploy_mark d[] = { w.deploys[0], w.deploys[0], w.deploys[1] };
	d[0].source = MC_DEPLOY_RECOGNISED;
	d[1].unix_ms += 5 * MINUTE;
	w.c.deploys = d;
	w.c.ndeploys = 3;
	struct history h = seen(&w);
	assert_int_equal(h.ndeploys, 2);
	assert_int_equal(h.deploy[0].index, 1);
	assert_true(fabs(h.deploy[0].mark - h.deploy[0].recognised - 300) < 1e-6 && isnan(h.deploy[1].recognised));
	assert_true(h.deploy[0].begins <= h.deploy[0].recognised && h.deploy[0].lives == 2);
	history_release(&h);
	w.c.as_of_ms = d[0].unix_ms + MINUTE;
	h = seen(&w);
	assert_int_equal(h.ndeploys, 1);
	assert_int_equal(h.deploy[0].index, 0);
	history_release(&h);
	world_free(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_counter_that_falls_has_started_again),
		cmocka_unit_test(a_master_is_no_worker),
		cmocka_unit_test(a_saw_tooth_is_seen),
		cmocka_unit_test(what_is_not_collected_is_taken_out),
		cmocka_unit_test(falls_by_chance_are_no_saw_tooth),
		cmocka_unit_test(few_teeth_are_no_saw_tooth),
		cmocka_unit_test(what_is_shared_is_counted_once),
		cmocka_unit_test(one_version_does_one_thing),
		cmocka_unit_test(one_deploy_on_several_hosts),
		cmocka_unit_test(a_rollback_is_another_deploy),
		cmocka_unit_test(a_mark_and_what_was_recognised),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
