/* Databases that earlier versions wrote (tests/fixtures/store/vN.db, N the schema) are opened, brought up
 * to date, and everything in them is found again. `store_versions make FILE` writes one as of now: to be
 * kept whenever the schema or a blob changes. */
#include "store_world.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define T0 1700000000000LL
#define STEP 60000LL
enum { OLD = 24 * 240, ALL = OLD + 700, LOGGED = 50 }; /* ticks: those that are hourly means by now; all; the log's */
static const char odd[] = "\xff\n\"'<&";

static double value(int life, int64_t tick, unsigned f)
{
	switch (f) {
	case MC_F_ANON: return 4096.0 * (double)(1000 + life * 10 + tick / 7);
	case MC_F_FILE: return 4096.0 * (double)(300 + tick % 3);
	case MC_F_SHMEM: return 40960;
	case MC_F_UTIME: return (double)(tick * (2 + life));
	case MC_F_FDS: return tick % 10 ? (double)NAN : 8;
	case MC_F_PSS: return 0.5 * (double)tick;
	case MC_F_RSS: return value(life, tick, MC_F_ANON) + value(life, tick, MC_F_FILE) + 40960;
	default: return (double)NAN;
	}
}

static int write_ticks(struct mc_store *s, int64_t program, const int64_t ids[2], int64_t from, int64_t to, struct mc_error *err)
{
	int rc = 0;
	for (int64_t tick = from; tick < to && rc == 0; tick++) {
		struct mc_row rows[2];
		struct mc_load_row load = { .program = program };
		double host[MC_H_COUNT];
		for (int i = 0; i < 2; i++) {
			rows[i].incarnation = ids[i];
			for (unsigned f = 0; f < MC_F_COUNT; f++)
				rows[i].v[f] = value(i, tick, f);
		}
		for (unsigned f = 0; f < MC_L_COUNT; f++)
			load.v[f] = f == MC_L_CPU ? (double)tick / 4 : (double)(tick * 3);
		for (unsigned f = 0; f < MC_H_COUNT; f++)
			host[f] = (double)f;
		rc = mc_store_tick(s, T0 + tick * STEP, rows, 2, &load, 1, host, err);
	}
	return rc;
}

static int write_rest(struct mc_store *s, int64_t program, int64_t life, struct mc_error *err)
{
	char v1[] = "v1", revision[] = "0123456789abcdef0123456789abcdef01234567", none[] = "", how[] = "build-id";
	struct mc_deploy_row d = { .program = program, .unix_ms = T0, .first_seen_ms = T0 + 5, .version = v1, .commit = revision,
		.build_id = none, .host = none, .note = none, .source = how };
	int rc = mc_store_deploy_add(s, &d, err);
	if (rc == 0)
		rc = mc_store_answer_put(s, program, T0 + 9, "{\"verdict\": \"none\"}", err);
	if (rc == 0)
		rc = mc_store_fact_put(s, "socket", "/run/x", err);
	return rc < 0 ? rc : mc_store_life_put(s, life, T0, "kept", 4, err);
}

/* The file as it is while the daemon runs: chunks, hours and a log. */
static int make(const char *file, struct mc_error *err)
{
	struct mc_store *s = NULL;
	struct mc_store_config c = { .path = path, .mode = MC_STORE_WRITE, .host = "web-1", .keep_ms = (ALL - OLD) * STEP,
		.keep_hourly_ms = 1LL << 50 };
	int64_t program, ids[2] = { 0 };
	int rc = mc_store_open(&c, &s, err);
	if (rc == 0)
		rc = mc_store_program(s, odd, &program, err);
	for (int i = 0; i < 2 && rc == 0; i++) {
		struct mc_incarnation life = { .program = program, .key = i ? "slot" : "", .pid = 100 + i, .start_ms = T0 - 700,
			.exe = "/bin/x", .version = "v1", .build_id = "ab", .how = "build-id", .end_ms = i ? T0 + ALL * STEP : 0 };
		rc = mc_store_incarnation(s, &life, err);
		ids[i] = life.id;
	}
	if (rc == 0)
		rc = mc_store_begin(s, err);
	if (rc == 0)
		rc = write_ticks(s, program, ids, 0, ALL - LOGGED, err);
	if (rc == 0)
		rc = mc_store_commit(s, err);
	if (rc == 0)
		rc = write_ticks(s, program, ids, ALL - LOGGED, ALL, err);
	if (rc == 0)
		rc = mc_store_maintain(s, T0 + (ALL + 20) * STEP, err);
	if (rc == 0)
		rc = write_rest(s, program, ids[0], err);
	if (rc == 0)
		rc = mc_store_compact(s, NULL, NULL, err);
	if (rc == 0)
		rc = mc_store_backup(s, file, err);
	mc_store_close(s);
	return rc;
}

/* ---- what is in it ---- */

static void expect_samples(struct mc_store *s, int64_t id, int life, int64_t first)
{
	struct mc_series r = { 0 };
	OK(mc_store_series(s, id, INT64_MIN, INT64_MAX, &r, E));
	assert_int_equal(r.n, ALL - first);
	for (size_t i = 0; i < r.n; i++) {
		int64_t tick = first + (int64_t)i;
		assert_int_equal(r.t_ms[i], T0 + tick * STEP);
		for (unsigned f = 0; f < MC_F_COUNT; f++) {
			double want = value(life, tick, f), got = r.v[f] ? r.v[f][i] : (double)NAN;
			if (!(isnan(want) && isnan(got)) && memcmp(&want, &got, sizeof want) != 0)
				fail_msg("tick %lld %s: %g, not %g", (long long)tick, mc_field_name(f), got, want);
		}
	}
	mc_series_release(&r);
	OK(mc_store_hourly(s, id, INT64_MIN, INT64_MAX, &r, E));
	assert_true(r.n >= OLD / 60 && r.n <= OLD / 60 + 2);
	for (size_t i = 0; i < r.n; i++)
		assert_true(fabs(r.v[MC_F_ANON][i] - value(life, (r.t_ms[i] - T0) / STEP, MC_F_ANON)) < 40000);
	mc_series_release(&r);
}

static void expect_others(struct mc_store *s, int64_t program)
{
	struct mc_load_series l = { 0 };
	struct mc_host_series h = { 0 };
	OK(mc_store_load_series(s, program, INT64_MIN, INT64_MAX, &l, E));
	OK(mc_store_host_series(s, INT64_MIN, INT64_MAX, &h, E));
	assert_int_equal(l.n, ALL - OLD);
	assert_int_equal(h.n, ALL - OLD);
	assert_true(l.v[MC_L_CPU][l.n - 1] == (double)(ALL - 1) / 4);
	assert_true(h.v[MC_H_PKT_TX][0] == MC_H_PKT_TX);
	mc_load_series_release(&l);
	mc_host_series_release(&h);
}

static void expect_rest(struct mc_store *s, int64_t program)
{
	struct mc_deploy_row *d;
	size_t n;
	struct mc_buf b = { 0 };
	int64_t as_of = 0;
	OK(mc_store_deploys(s, program, &d, &n, E));
	assert_int_equal(n, 1);
	assert_string_equal(d[0].commit, "0123456789abcdef0123456789abcdef01234567");
	assert_int_equal(d[0].first_seen_ms, T0 + 5);
	mc_store_deploys_free(d, n);
	OK(mc_store_answer_get(s, program, &as_of, &b, E));
	assert_string_equal(mc_buf_text(&b), "{\"verdict\": \"none\"}");
	mc_buf_release(&b);
	OK(mc_store_fact_get(s, "socket", &b, E));
	assert_string_equal(mc_buf_text(&b), "/run/x");
	mc_buf_release(&b);
	OK(mc_store_check(s, NULL, NULL, &b, E));
	mc_buf_release(&b);
}

static void expect_all(struct mc_store *s)
{
	struct mc_program_row *p;
	struct mc_incarnation_row *i;
	size_t n;
	OK(mc_store_programs(s, &p, &n, E));
	assert_int_equal(n, 1);
	assert_string_equal(p[0].name, odd);
	int64_t program = p[0].id;
	mc_store_programs_free(p, n);
	OK(mc_store_incarnations(s, program, INT64_MIN, INT64_MAX, &i, &n, E));
	assert_int_equal(n, 2);
	assert_string_equal(i[1].key, "slot");
	assert_string_equal(i[0].host, "web-1");
	assert_string_equal(i[1].build_id, "ab");
	assert_int_equal(i[1].end_ms, T0 + ALL * STEP);
	for (int k = 0; k < 2; k++)
		expect_samples(s, i[k].id, k, OLD);
	mc_store_incarnations_free(i, n);
	expect_others(s, program);
	expect_rest(s, program);
}

static void remove_all(void)
{
	char command[96];
	snprintf(command, sizeof command, "rm -rf %s/*", dir);
	assert_int_equal(system(command), 0);
}

/* As of now, and as of each version before. */
static void every_version_is_opened(void **state)
{
	(void)state;
	const char *fixtures = getenv("MC_FIXTURES");
	for (int v = 1; v <= SQL_MIGRATIONS; v++) {
		char from[512], command[800];
		snprintf(from, sizeof from, "%s/store/v%d.db", fixtures ? fixtures : "tests/fixtures", v);
		snprintf(command, sizeof command, "cp '%s' %s && chmod u+w %s", from, path, path);
		if (system(command) != 0)
			fail_msg("%s is missing: store_versions make, with that version", from);
		struct mc_error e = { 0 };
		struct mc_store *s = NULL;
		struct mc_store_config c = { .path = path, .mode = MC_STORE_READ };
		int rc = mc_store_open(&c, &s, &e);
		mc_store_close(s);
		if (v < SQL_MIGRATIONS) {
			assert_int_equal(rc, MC_EUNSUPPORTED);
			assert_non_null(strstr(e.text, "brings it up to date"));
		} else
			assert_int_equal(rc, 0);
		for (int again = 0; again < 2; again++) {
			s = open_as(path, MC_STORE_WRITE);
			expect_all(s);
			mc_store_close(s);
		}
		/* the copy from before is as it was: it can be brought up to date anew */
		char copy[128];
		snprintf(copy, sizeof copy, "%s.before-%d", path, v + 1);
		assert_int_equal(access(copy, F_OK) == 0, v < SQL_MIGRATIONS);
		if (v < SQL_MIGRATIONS) {
			s = open_as(copy, MC_STORE_WRITE);
			expect_all(s);
			mc_store_close(s);
		}
		remove_all();
	}
}

static void what_is_written_now_is_read_now(void **state)
{
	(void)state;
	char file[96];
	snprintf(file, sizeof file, "%s/now.db", dir);
	OK(make(file, E));
	struct mc_store *s = open_as(file, MC_STORE_READ);
	expect_all(s);
	mc_store_close(s);
	remove_all();
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_version_is_opened),
		cmocka_unit_test(what_is_written_now_is_read_now),
	};
	if (new_dir(NULL) < 0)
		return 1;
	int rc;
	struct mc_error e = { 0 };
	if (argc == 3 && strcmp(argv[1], "make") == 0) {
		rc = make(argv[2], &e) < 0;
		if (rc)
			fprintf(stderr, "%s\n", e.text);
		remove_all();
	} else
		rc = cmocka_run_group_tests_name("store versions", tests, NULL, NULL);
	rmdir(dir);
	return rc;
}
