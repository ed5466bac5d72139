/* A case out of the store: what is passed on, what is left out, and that a long life is thinned and not cut. */
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

enum { TICKS = 50000, STEP = 10000 };
static char folder[] = "/tmp/mc-case-XXXXXX";
static const int64_t start = 1700000000000;

static void put_deploy(struct mc_store *s, int64_t program, int64_t t, const char *version, const char *source)
{
	struct mc_deploy_row d = { .program = program, .unix_ms = t, .version = (char *)(uintptr_t)version, .commit = (char *)(uintptr_t)"",
		.build_id = (char *)(uintptr_t)"", .host = (char *)(uintptr_t)"", .note = (char *)(uintptr_t)"", .source = (char *)(uintptr_t)source };
	assert_int_equal(mc_store_deploy_add(s, &d, NULL), 0);
}

static struct mc_store *fill(size_t ticks)
{
	char path[64];
	struct mc_store *s = NULL;
	struct mc_error err = { 0 };
	int64_t program = 0;
	snprintf(path, sizeof path, "%s/%zu.db", folder, ticks);
	if (mc_store_open(&(struct mc_store_config){ .path = path, .mode = MC_STORE_WRITE, .host = "h" }, &s, &err) != 0)
		fail_msg("%s", err.text);
	assert_int_equal(mc_store_program(s, "p", &program, &err), 0);
	struct mc_incarnation i = { .program = program, .key = "", .pid = 7, .start_ms = start, .exe = "", .version = "v1", .commit = "", .build_id = "b" };
	assert_int_equal(mc_store_incarnation(s, &i, &err), 0);
	assert_int_equal(mc_store_begin(s, &err), 0);
	struct mc_row r = { .incarnation = i.id };
	for (size_t k = 0; k < ticks; k++) {
		for (int f = 0; f < MC_F_COUNT; f++)
			r.v[f] = (double)NAN;
		r.v[MC_F_ANON] = (double)(1000000 + k * 4096);
		r.v[MC_F_MINFLT] = (double)(k * 2);
		r.v[MC_F_VSIZE] = 1;
		assert_int_equal(mc_store_tick(s, start + (int64_t)k * STEP, &r, 1, NULL, 0, NULL, &err), 0);
	}
	assert_int_equal(mc_store_commit(s, &err), 0);
	put_deploy(s, program, start, "v1", DEPLOYS_BASELINE);
	put_deploy(s, program, start + STEP, "v2", "build-id");
	put_deploy(s, program, start + 2 * STEP, "v3", "mark");
	return s;
}

static void a_long_life_is_thinned(void **state)
{
	(void)state;
	struct mc_scenario sc;
	struct mc_error err = { 0 };
	struct mc_store *s = fill(TICKS);
	assert_int_equal(mc_case_from_store(s, "p", 0, &sc, &err), 0);
	assert_int_equal(sc.c.nlives, 1);
	const struct mc_life *l = &sc.c.lives[0];
	assert_true(l->n <= 20000 && l->n > 10000);
	for (size_t i = 1; i < l->n; i++)
		assert_true(l->t_ms[i] > l->t_ms[i - 1]);
	/* of three neighbours each the mean, and of a counter the last */
	assert_true(fabs(l->anon[0] - (1000000 + 4096)) < 1);
	assert_int_equal(l->t_ms[0], start + STEP);
	assert_true(fabs(l->minflt[0] - 4) < 0.5);
	assert_true(fabs(l->minflt[l->n - 1] - (TICKS - 1) * 2.0) < 0.5);
	assert_null(l->threads); /* never sampled */
	mc_scenario_release(&sc);
	mc_store_close(s);
}

static void a_short_one_is_whole(void **state)
{
	(void)state;
	struct mc_scenario sc;
	struct mc_error err = { 0 };
	struct mc_store *s = fill(500);
	assert_int_equal(mc_case_from_store(s, "p", 0, &sc, &err), 0);
	assert_int_equal(sc.c.lives[0].n, 500);
	assert_true(sc.c.lives[0].anon[499] == 1000000 + 499 * 4096.0);
	assert_string_equal(sc.c.lives[0].build_id, "b");
	/* what ran when somebody first looked is no deploy */
	assert_int_equal(sc.c.ndeploys, 2);
	assert_string_equal(sc.c.deploys[0].version, "v2");
	assert_int_equal(sc.c.deploys[0].source, MC_DEPLOY_RECOGNISED);
	assert_int_equal(sc.c.deploys[1].source, MC_DEPLOY_MARK);
	mc_scenario_release(&sc);
	assert_int_equal(mc_case_from_store(s, "p", start + 99 * STEP, &sc, &err), 0);
	assert_int_equal(sc.c.lives[0].n, 100);
	mc_scenario_release(&sc);
	assert_int_equal(mc_case_from_store(s, "q", 0, &sc, &err), MC_ENOTFOUND);
	mc_store_close(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(a_long_life_is_thinned), cmocka_unit_test(a_short_one_is_whole) };
	char command[64];
	if (!mkdtemp(folder))
		return 1;
	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	snprintf(command, sizeof command, "rm -rf %s", folder);
	return system(command) || failed; /* NOLINT */
}
