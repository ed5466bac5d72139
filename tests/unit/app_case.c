/* A case out of the store: what is passed on, what is left out, and that it does not depend on what was kept of it before, and when. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "deploys.h"
#include "scenario.h"

enum { TICKS = 20000, STEP = 10000, LIVES = 3, ENDS = 9200, LATE = 400 };
static char folder[] = "/tmp/mc-case-XXXXXX";
static const int64_t start = 1700000000000;

static void put_deploy(struct mc_store *s, int64_t program, int64_t t, const char *version, const char *source)
{
	struct mc_deploy_row d = { .program = program, .unix_ms = t, .version = (char *)(uintptr_t)version, .commit = (char *)(uintptr_t)"",
		.build_id = (char *)(uintptr_t)"", .host = (char *)(uintptr_t)"", .note = (char *)(uintptr_t)"", .source = (char *)(uintptr_t)source };
	assert_int_equal(mc_store_deploy_add(s, &d, NULL), 0);
}

static struct mc_store *open_store(const char *name)
{
	char path[64];
	struct mc_store *s = NULL;
	struct mc_error err = { 0 };
	snprintf(path, sizeof path, "%s/%s.db", folder, name);
	if (mc_store_open(&(struct mc_store_config){ .path = path, .mode = MC_STORE_WRITE, .host = "h" }, &s, &err) != 0)
		fail_msg("%s", err.text);
	return s;
}

/* The first life ends at ENDS, the second has a gap, the third comes late. */
static bool alive(size_t life, size_t tick)
{
	return life == 0 ? tick < ENDS : life == 1 ? tick < 3000 || tick >= 3300 : tick >= LATE;
}

static double anon(size_t life, size_t tick)
{
	return 1e6 * (double)(life + 1) + (double)(tick * 512 / 4096 * 4096) + (double)(tick * 2654435761U % 65536) + (tick % 1000 == 7 ? 5e7 : 0);
}

static void fill_row(struct mc_row *r, size_t life, size_t tick)
{
	for (int f = 0; f < MC_F_COUNT; f++)
		r->v[f] = (double)NAN;
	r->v[MC_F_ANON] = anon(life, tick);
	r->v[MC_F_SHMEM] = 4096 * (double)(tick / 100);
	r->v[MC_F_THREADS] = 4 + (double)(tick % 11);
	r->v[MC_F_VSIZE] = 1;
}

/* Ticks [from, to) of a program, made where it is not there. */
static void fill(struct mc_store *s, size_t from, size_t to)
{
	struct mc_error err = { 0 };
	struct mc_row rows[LIVES];
	struct mc_load_row load = { 0 };
	int64_t ids[LIVES];
	assert_int_equal(mc_store_program(s, "p", &load.program, &err), 0);
	for (size_t l = 0; l < LIVES; l++) {
		struct mc_incarnation i = { .program = load.program, .key = "", .pid = 7 + (int64_t)l, .start_ms = start + (l == 2 ? LATE * STEP : 0) - 5000,
			.end_ms = l == 0 && to > ENDS ? start + (int64_t)ENDS * STEP : 0, .exe = "", .version = "v1", .commit = "", .build_id = "b" };
		assert_int_equal(mc_store_incarnation(s, &i, &err), 0);
		ids[l] = i.id;
	}
	assert_int_equal(mc_store_begin(s, &err), 0);
	for (size_t k = from; k < to; k++) {
		size_t n = 0;
		for (size_t l = 0; l < LIVES; l++)
			if (alive(l, k)) {
				rows[n].incarnation = ids[l];
				fill_row(&rows[n++], l, k);
			}
		for (int f = 0; f < MC_L_COUNT; f++)
			load.v[f] = f == MC_L_REQUESTS ? (double)(k % 5000 * (10 + k / 1000)) : (double)NAN; /* it starts again */
		assert_int_equal(mc_store_tick(s, start + (int64_t)k * STEP, rows, n, &load, 1, NULL, &err), 0);
	}
	assert_int_equal(mc_store_commit(s, &err), 0);
}

static void read_case(struct mc_store *s, int64_t as_of_ms, struct mc_scenario *ret)
{
	struct mc_error err = { 0 };
	if (mc_case_from_store(s, "p", as_of_ms, ret, &err) != 0)
		fail_msg("%s", err.text);
}

static void assert_same_case(const struct mc_scenario *a, const struct mc_scenario *b)
{
	assert_int_equal(a->c.nlives, b->c.nlives);
	for (size_t i = 0; i < a->c.nlives; i++) {
		assert_int_equal(a->c.lives[i].digest_len, b->c.lives[i].digest_len);
		assert_memory_equal(a->c.lives[i].digest, b->c.lives[i].digest, a->c.lives[i].digest_len);
	}
	assert_int_equal(a->c.load.n, b->c.load.n);
	assert_memory_equal(a->c.load.t_ms, b->c.load.t_ms, a->c.load.n * sizeof *a->c.load.t_ms);
	assert_memory_equal(a->c.load.requests, b->c.load.requests, a->c.load.n * sizeof *a->c.load.requests);
}

/* Lets the store keep what the case says. How many samples it had to read. */
static size_t read_and_keep(struct mc_store *s)
{
	struct mc_scenario sc;
	struct mc_life_data keep[LIVES];
	size_t fresh = 0;
	read_case(s, 0, &sc);
	size_t n = case_to_keep(&sc, keep, LIVES);
	assert_int_equal(mc_store_lives_put(s, keep, n, NULL), 0);
	for (size_t i = 0; i < sc.c.nlives; i++)
		fresh += scenario_data(&sc)->lives[i].fresh;
	mc_scenario_release(&sc);
	return fresh;
}

/* Grown in steps, with answers and restarts between, or read once: the same to the last bit. */
static void kept_or_not_is_the_same(void **state)
{
	(void)state;
	struct mc_scenario once, grown;
	struct mc_store *a = open_store("once"), *b = open_store("grown");
	fill(a, 0, TICKS);
	for (size_t at = 0, step = 1; at < TICKS; at += step, step = step * 3 / 2 + 7) {
		fill(b, at, at + step < TICKS ? at + step : TICKS);
		read_and_keep(b);
		if (step % 2) {
			mc_store_close(b);
			b = open_store("grown");
		}
	}
	/* nothing old is read again */
	read_and_keep(b);
	assert_true(read_and_keep(b) < LIVES * 2500);
	assert_true(read_and_keep(a) > LIVES * (size_t)9000);
	read_case(a, 0, &once);
	read_case(b, 0, &grown);
	assert_same_case(&once, &grown);
	mc_scenario_release(&grown);
	mc_scenario_release(&once);
	/* the past is what it was then, whatever was kept since */
	struct mc_store *c = open_store("then");
	fill(c, 0, 8000);
	read_case(b, start + 7999 * STEP, &grown);
	read_case(c, 0, &once);
	assert_same_case(&once, &grown);
	mc_scenario_release(&grown);
	mc_scenario_release(&once);
	mc_store_close(a);
	mc_store_close(b);
	mc_store_close(c);
}

/* What can't be read of what is kept is reckoned anew, and mended. */
static void what_was_kept_may_be_damaged(void **state)
{
	(void)state;
	struct mc_scenario once, again;
	struct mc_life_data keep[LIVES];
	struct mc_store *s = open_store("damaged");
	fill(s, 0, 8000);
	read_case(s, 0, &once);
	size_t n = case_to_keep(&once, keep, LIVES);
	assert_int_equal(n, LIVES);
	keep[0].data = "MD of another version";
	keep[0].len = 21;
	keep[1].len /= 2;
	assert_int_equal(mc_store_lives_put(s, keep, n, NULL), 0);
	read_case(s, 0, &again);
	assert_same_case(&once, &again);
	mc_scenario_release(&again);
	mc_scenario_release(&once);
	assert_true(read_and_keep(s) >= 2 * 7500);
	assert_int_equal(read_and_keep(s), 0);
	mc_store_close(s);
}

/* Any bytes are refused, or are a digest that can be answered of. */
static void any_bytes_are_answered_or_refused(void **state)
{
	(void)state;
	struct mc_scenario sc;
	struct mc_error err = { 0 };
	struct mc_store *s = open_store("bytes");
	struct mc_digest *d = mc_digest_new();
	fill(s, 0, 700);
	read_case(s, 0, &sc);
	unsigned char *copy = malloc(sc.c.lives[0].digest_len);
	assert_true(copy && d);
	uint64_t seed = 7;
	size_t refused = 0, taken = 0, len = sc.c.lives[0].digest_len;
	for (int round = 0; round < 600; round++) {
		memcpy(copy, sc.c.lives[0].digest, len);
		for (int k = 0; k < 3; k++) {
			seed = seed * 6364136223846793005U + 1442695040888963407U;
			copy[(seed >> 33) % len] = (unsigned char)(seed >> 25);
		}
		int rc = mc_digest_read(d, copy, round % 5 ? len : (seed >> 35) % len, &err);
		assert_true(rc == 0 || (rc == MC_ECORRUPT && err.text[0]));
		refused += rc < 0;
		taken += rc == 0;
		if (round % 20)
			continue;
		struct mc_life life = sc.c.lives[0];
		struct mc_case c = sc.c;
		struct mc_answer a;
		life.digest = copy;
		c.lives = &life;
		c.nlives = 1;
		if (mc_attribute(&c, &a, &err) == 0)
			mc_answer_release(&a);
	}
	assert_true(refused > 50 && taken > 50);
	mc_digest_free(d);
	free(copy);
	mc_scenario_release(&sc);
	mc_store_close(s);
}

/* A program without a limit of its own may have what the host has, and at once no more than others leave. */
static void limits_of_the_host(void **state)
{
	(void)state;
	struct mc_error err = { 0 };
	struct mc_scenario c;
	double host[MC_H_COUNT];
	struct mc_store *s = open_store("host");
	fill(s, 0, 10);
	read_case(s, 0, &c);
	assert_true(isnan(c.c.memory_limit) && !(c.c.memory_room > 0));
	mc_scenario_release(&c);
	for (int f = 0; f < MC_H_COUNT; f++)
		host[f] = (double)NAN;
	host[MC_H_MEM_TOTAL] = 8e9;
	host[MC_H_SWAP_TOTAL] = 2e9;
	host[MC_H_MEM_AVAILABLE] = 1.5e9;
	host[MC_H_SWAP_FREE] = .5e9;
	struct mc_incarnation i = { .key = "", .pid = 7, .start_ms = start - 5000, .exe = "", .version = "v1", .commit = "", .build_id = "b" };
	assert_int_equal(mc_store_program(s, "p", &i.program, &err), 0);
	assert_int_equal(mc_store_incarnation(s, &i, &err), 0);
	struct mc_row row = { .incarnation = i.id };
	fill_row(&row, 0, 10);
	assert_int_equal(mc_store_tick(s, start + 10 * STEP, &row, 1, NULL, 0, host, &err), 0);
	read_case(s, 0, &c);
	assert_true(fabs(c.c.memory_limit - 10e9) < 1e6 && fabs(c.c.memory_room - 2e9) < 1e6);
	mc_scenario_release(&c);
	/* it ended, and the host was looked at since: nothing runs out any more, though as of then it did */
	for (int k = 11; k < 30; k++)
		assert_int_equal(mc_store_tick(s, start + (int64_t)k * STEP, NULL, 0, NULL, 0, host, &err), 0);
	read_case(s, 0, &c);
	assert_true(isnan(c.c.memory_limit) && !(c.c.memory_room > 0));
	mc_scenario_release(&c);
	read_case(s, start + 10 * STEP, &c);
	assert_true(fabs(c.c.memory_limit - 10e9) < 1e6);
	mc_scenario_release(&c);
	mc_store_close(s);
}

static void what_is_passed_on(void **state)
{
	(void)state;
	struct mc_scenario sc;
	struct mc_error err = { 0 };
	int64_t program = 0;
	struct mc_store *s = open_store("deploys");
	fill(s, 0, 500);
	assert_int_equal(mc_store_program(s, "p", &program, &err), 0);
	put_deploy(s, program, start, "v1", DEPLOYS_BASELINE);
	put_deploy(s, program, start + STEP, "v2", "build-id");
	put_deploy(s, program, start + 2 * STEP, "v3", "mark");
	read_case(s, 0, &sc);
	assert_int_equal(sc.c.nlives, LIVES);
	assert_string_equal(sc.c.lives[0].build_id, "b");
	assert_true(sc.c.lives[0].digest_len > 0 && sc.c.lives[0].n == 0);
	/* what ran when somebody first looked is no deploy */
	assert_int_equal(sc.c.ndeploys, 2);
	assert_string_equal(sc.c.deploys[0].version, "v2");
	assert_int_equal(sc.c.deploys[0].source, MC_DEPLOY_RECOGNISED);
	assert_int_equal(sc.c.deploys[1].source, MC_DEPLOY_MARK);
	mc_scenario_release(&sc);
	assert_int_equal(mc_case_from_store(s, "q", 0, &sc, &err), MC_ENOTFOUND);
	mc_store_close(s);
}

static int64_t program_of(struct mc_store *s, const char *name)
{
	int64_t id = 0;
	assert_int_equal(mc_store_program(s, name, &id, NULL), 0);
	return id;
}

/* The answer about an incident of long ago does not change when its samples go for their age. */
static void what_is_old_is_kept(void **state)
{
	(void)state;
	struct mc_store *s = open_store("kept");
	struct mc_error err = { 0 };
	struct mc_buf text = { 0 };
	struct mc_blame from;
	struct mc_life_data *kept = NULL;
	struct mc_scenario sc;
	size_t n = 0;
	fill(s, 0, LATE + 35);
	assert_int_equal(mc_answer_anew(s, "p", &text, &from, &err), 0);
	assert_int_equal(mc_answer_put(s, "p", mc_buf_text(&text), &from, &err), 0);
	assert_int_equal(mc_store_lives_get(s, program_of(s, "p"), &kept, &n, &err), 0);
	assert_int_equal(n, LIVES);
	mc_store_lives_free(kept, n);
	read_case(s, 0, &sc);
	assert_int_equal(read_and_keep(s), 0); /* nothing is read again */
	assert_same_case(&from.scenario, &sc);
	mc_scenario_release(&sc);
	mc_blame_release(&from);
	mc_buf_release(&text);
	mc_store_close(s);
}

/* Where the quota is reached there is no room for that, and the import is one all the same. */
static void at_the_quota_nothing_is_kept(void **state)
{
	(void)state;
	char path[64];
	struct mc_error err = { 0 };
	struct mc_blame from;
	struct mc_buf text = { 0 };
	struct mc_life_data *kept = NULL;
	size_t n = 1;
	struct mc_store *s = open_store("quota");
	fill(s, 0, LATE + 35);
	mc_store_close(s);
	snprintf(path, sizeof path, "%s/quota.db", folder);
	assert_int_equal(mc_store_open(&(struct mc_store_config){ .path = path, .mode = MC_STORE_WRITE, .host = "h", .quota_bytes = 4096 }, &s, &err), 0);
	assert_int_equal(mc_answer_anew(s, "p", &text, &from, &err), 0);
	assert_int_equal(mc_answer_put(s, "p", "{}", &from, &err), 0);
	assert_int_equal(mc_store_lives_get(s, program_of(s, "p"), &kept, &n, &err), 0);
	assert_int_equal(n, 0);
	mc_store_lives_free(kept, n);
	mc_blame_release(&from);
	mc_buf_release(&text);
	mc_store_close(s);
}

/* Ticks [from, to) of another program. */
static void go_on(struct mc_store *s, const char *name, size_t from, size_t to)
{
	struct mc_error err = { 0 };
	struct mc_incarnation i = { .program = program_of(s, name), .key = "", .pid = 1, .start_ms = start, .exe = "", .version = "", .commit = "",
		.build_id = "" };
	assert_int_equal(mc_store_incarnation(s, &i, &err), 0);
	struct mc_row row = { .incarnation = i.id };
	assert_int_equal(mc_store_begin(s, &err), 0);
	for (size_t k = from; k < to; k++)
		assert_int_equal(mc_store_tick(s, start + (int64_t)k * STEP, &row, 1, NULL, 0, NULL, &err), 0);
	assert_int_equal(mc_store_commit(s, &err), 0);
	for (int k = 0; k < 60; k++)
		assert_int_equal(mc_store_maintain(s, start + (int64_t)to * STEP, &err), 0);
}

/* What is too old to be there in full goes on as a curve of hourly means, and blame knows when it was seen last. */
static void old_curves_are_hourly(void **state)
{
	(void)state;
	enum { N = 200, BRIEF = 20, MORE = 8000 };
	char path[64];
	struct mc_store *s = NULL;
	struct mc_error err = { 0 };
	struct mc_curves full, means;
	struct mc_scenario sc;
	snprintf(path, sizeof path, "%s/old.db", folder);
	struct mc_store_config c = { .path = path, .mode = MC_STORE_WRITE, .host = "h", .keep_ms = 3600000, .keep_hourly_ms = 1LL << 50 };
	assert_int_equal(mc_store_open(&c, &s, &err), 0);
	fill(s, 0, TICKS);
	int64_t program = program_of(s, "p");
	assert_int_equal(mc_curves_read(s, program, MC_NO_TIME, MC_NO_TIME, N, &full, &err), 0);
	go_on(s, "brief", TICKS, TICKS + BRIEF);
	go_on(s, "other", TICKS + BRIEF, TICKS + MORE);
	assert_int_equal(mc_curves_read(s, program, full.t_ms[0], full.t_ms[N - 1], N, &means, &err), 0);
	size_t apart = 0;
	for (size_t i = 3; i + 3 < N; i++) {
		assert_true(isfinite(means.priv[i]));
		apart += means.processes[i] != full.processes[i] || fabs(means.priv[i] - full.priv[i]) > 2e6;
	}
	assert_true(apart < N / 20); /* at the ends of lives */
	mc_curves_release(&full);
	mc_curves_release(&means);
	read_case(s, 0, &sc);
	assert_int_equal(sc.c.nlives, LIVES);
	for (size_t l = 0; l < LIVES; l++)
		assert_true(sc.c.lives[l].digest_len > 0); /* of the means */
	mc_scenario_release(&sc);
	/* of three minutes there are none */
	assert_int_equal(mc_case_from_store(s, "brief", 0, &sc, &err), 0);
	assert_int_equal(sc.c.nlives, 1);
	assert_int_equal(sc.c.lives[0].digest_len, 0);
	assert_int_equal(sc.c.as_of_ms, start + (int64_t)(TICKS + BRIEF - 1) * STEP);
	mc_scenario_release(&sc);
	mc_store_close(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(kept_or_not_is_the_same), cmocka_unit_test(what_was_kept_may_be_damaged),
		cmocka_unit_test(any_bytes_are_answered_or_refused), cmocka_unit_test(limits_of_the_host), cmocka_unit_test(what_is_passed_on),
		cmocka_unit_test(what_is_old_is_kept), cmocka_unit_test(at_the_quota_nothing_is_kept),
		cmocka_unit_test(old_curves_are_hourly) };
	char command[64];
	if (!mkdtemp(folder))
		return 1;
	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	snprintf(command, sizeof command, "rm -rf %s", folder);
	return system(command) || failed; /* NOLINT */
}
