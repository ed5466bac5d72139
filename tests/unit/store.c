/* Unit tests of the store, through its header: what goes in comes out, whatever way it is kept. */
#include "store_rows.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void what_goes_in_comes_out(void **state)
{
	(void)state;
	struct mc_store *w = open_as(path, MC_STORE_WRITE);
	int64_t ids[LIVES], program;
	set_up(w, ids, &program);
	write_ticks(w, ids, program, 0, 10);
	expect_all(w, ids, program, 10);
	struct mc_store *r = open_as(path, MC_STORE_READ);
	expect_all(r, ids, program, 10);
	write_ticks(w, ids, program, 10, 1000);
	expect_all(w, ids, program, 1000);
	expect_all(r, ids, program, 1000);
	mc_store_close(w);
	expect_all(r, ids, program, 1000);
	mc_store_close(r);
	w = open_as(path, MC_STORE_WRITE);
	expect_all(w, ids, program, 1000);
	write_ticks(w, ids, program, 1000, 1100);
	expect_all(w, ids, program, 1100);
	struct mc_buf report = { 0 };
	OK(mc_store_check(w, NULL, NULL, &report, E));
	assert_string_equal(mc_buf_text(&report), "");
	mc_buf_release(&report);
	mc_store_close(w);
}

static void the_same_tick_twice_changes_nothing(void **state)
{
	(void)state;
	struct mc_store *w = open_as(path, MC_STORE_WRITE);
	int64_t ids[LIVES], program;
	set_up(w, ids, &program);
	write_ticks(w, ids, program, 0, 600);
	write_ticks(w, ids, program, 0, 600);
	write_ticks(w, ids, program, 590, 600);
	expect_all(w, ids, program, 600);
	OK(mc_store_begin(w, E));
	write_ticks(w, ids, program, 0, 600);
	OK(mc_store_commit(w, E));
	expect_all(w, ids, program, 600);
	int64_t chunks = 0;
	st_number(w, SQL_chunk_count, &chunks, NULL, 0);
	assert_true(chunks < (LIVES + 2) * 6);
	mc_store_close(w);
}

static void an_import_is_all_or_nothing(void **state)
{
	(void)state;
	struct mc_store *w = open_as(path, MC_STORE_WRITE), *r = open_as(path, MC_STORE_READ);
	int64_t ids[LIVES], program, other;
	set_up(w, ids, &program);
	write_ticks(w, ids, program, 500, 600);
	OK(mc_store_begin(w, E));
	OK(mc_store_program(w, "imported", &other, E));
	int64_t life = add_life(w, other, 9, 5);
	struct mc_row row;
	for (int tick = 0; tick < 500; tick++) {
		fill_row(&row, life, 1, tick);
		OK(mc_store_tick(w, T0 + tick * STEP, &row, 1, NULL, 0, NULL, E));
	}
	mc_store_rollback(w);
	struct mc_program_row *p;
	size_t n;
	OK(mc_store_programs(w, &p, &n, E));
	assert_int_equal(n, 1);
	mc_store_programs_free(p, n);
	OK(mc_store_begin(w, E));
	write_ticks(w, ids, program, 0, 550); /* older than the log, and over it */
	OK(mc_store_commit(w, E));
	expect_all(w, ids, program, 600);
	expect_all(r, ids, program, 600);
	write_ticks(w, ids, program, 600, 610);
	expect_all(r, ids, program, 610);
	mc_store_close(w);
	mc_store_close(r);
}

/* A clock that is set back: the rows are older than those in memory, and nothing is lost or doubled. */
static void a_clock_may_go_back(void **state)
{
	(void)state;
	struct mc_store *w = open_as(path, MC_STORE_WRITE);
	int64_t ids[LIVES], program;
	set_up(w, ids, &program);
	write_ticks(w, ids, program, 900, 1200);
	write_ticks(w, ids, program, 300, 700);
	struct mc_store *r = open_as(path, MC_STORE_READ);
	expect_series(r, ids[2], 3, T0, STEP, 300, 699);
	expect_series(r, ids[2], 3, T0, STEP, 900, 1199);
	mc_store_close(r);
	write_ticks(w, ids, program, 0, 1100);
	write_ticks(w, ids, program, 1190, 1300);
	expect_all(w, ids, program, 1300);
	mc_store_close(w);
	w = open_as(path, MC_STORE_WRITE);
	expect_all(w, ids, program, 1300);
	mc_store_close(w);
}

/* Met, written and met again in any order, each is the one that it was; another start is another life. */
static void a_life_is_found_again(void **state)
{
	(void)state;
	enum { MANY = 3000 }; /* more than wait to be written at a time */
	static int64_t id[MANY];
	struct mc_store *w = open_as(path, MC_STORE_WRITE);
	int64_t program, other;
	OK(mc_store_program(w, "a", &program, E));
	OK(mc_store_program(w, "b", &other, E));
	for (int64_t i = 0; i < MANY; i++)
		id[i] = add_life(w, program, 1 + i % 1000, 10000 + i * 7);
	for (int64_t i = MANY; i-- > 0;)
		assert_int_equal(add_life(w, program, 1 + i % 1000, 10000 + i * 7 - 900), id[i]);
	assert_true(add_life(w, other, 1000, 10000 + (MANY - 1) * 7) > id[MANY - 1]);
	int64_t late = add_life(w, program, 1000, 10000 + (MANY - 1) * 7 + 1501);
	assert_true(late > id[MANY - 1]);
	assert_int_equal(add_life(w, program, 1000, 10000 + (MANY - 1) * 7 + 1502 + 1499), late);
	struct mc_row row;
	fill_row(&row, late, 1, 1);
	OK(mc_store_tick(w, 50000, &row, 1, NULL, 0, NULL, E));
	mc_store_close(w);
	w = open_as(path, MC_STORE_WRITE);
	for (int64_t i = 0; i < MANY; i++)
		assert_int_equal(add_life(w, program, 1 + i % 1000, 10000 + i * 7), id[i]);
	assert_int_equal(add_life(w, program, 1000, 10000 + (MANY - 1) * 7 + 1501), late);
	assert_true(add_life(w, program, 1000, 90000) > late);
	mc_store_close(w);
}

static void lives_and_programs_are_listed(void **state)
{
	(void)state;
	static const char odd[] = "\xff\n\x1b[31m\"'<&";
	struct mc_store *w = open_as(path, MC_STORE_WRITE);
	int64_t a, b;
	OK(mc_store_program(w, odd, &a, E));
	OK(mc_store_program(w, "b", &b, E));
	int64_t again;
	OK(mc_store_program(w, odd, &again, E));
	assert_int_equal(a, again);
	int64_t x = add_life(w, a, 1, 1000), y = add_life(w, a, 1, 9000), z = add_life(w, b, 1, 1000);
	assert_int_equal(add_life(w, a, 1, 2400), x);
	struct mc_row row[2];
	fill_row(&row[0], x, 1, 1);
	fill_row(&row[1], y, 1, 1);
	OK(mc_store_tick(w, 10000, row, 2, NULL, 0, NULL, E));
	fill_row(&row[0], z, 1, 1);
	OK(mc_store_tick(w, 20000, row, 1, NULL, 0, NULL, E));
	assert_int_equal(add_life(w, a, 1, 100), x);
	struct mc_incarnation more = { .program = a, .key = "w", .pid = 1, .start_ms = 1000, .version = "v2", .end_ms = 15000 };
	OK(mc_store_incarnation(w, &more, E));
	assert_int_equal(more.id, x);
	OK(mc_store_incarnation_end(w, z, 30000, E));
	for (int k = 0; k < 2; k++) {
		struct mc_store *s = k ? open_as(path, MC_STORE_READ) : w;
		struct mc_program_row *p;
		struct mc_incarnation_row *i;
		size_t n;
		OK(mc_store_programs(s, &p, &n, E));
		assert_int_equal(n, 2);
		size_t at = strcmp(p[0].name, odd) == 0 ? 0 : 1;
		assert_string_equal(p[at].name, odd);
		assert_int_equal(p[at].incarnations, 2);
		assert_int_equal(p[at].alive, 1);
		assert_int_equal(p[at].first_ms, 10000);
		assert_int_equal(p[1 - at].alive, 0);
		mc_store_programs_free(p, n);
		OK(mc_store_incarnations(s, 0, 0, 100000, &i, &n, E));
		assert_int_equal(n, 3);
		mc_store_incarnations_free(i, n);
		OK(mc_store_incarnations(s, a, 0, 10000, &i, &n, E));
		assert_int_equal(n, 2);
		assert_int_equal(i[0].id, x);
		assert_string_equal(i[0].version, "v2");
		assert_string_equal(i[0].exe, "/bin/x");
		assert_string_equal(i[0].host, "web-1");
		assert_string_equal(i[0].key, "w");
		assert_int_equal(i[0].end_ms, 15000);
		assert_int_equal(i[0].first_ms, 10000);
		assert_int_equal(i[1].end_ms, 0);
		mc_store_incarnations_free(i, n);
		OK(mc_store_incarnations(s, b, 0, 19999, &i, &n, E));
		assert_int_equal(n, 0);
		mc_store_incarnations_free(i, n);
		if (k)
			mc_store_close(s);
	}
	struct mc_row none = { .incarnation = 77 };
	struct mc_error e;
	assert_int_equal(mc_store_tick(w, 30000, &none, 1, NULL, 0, NULL, &e), MC_ENOTFOUND);
	fill_row(&row[0], y, 1, 2);
	OK(mc_store_tick(w, 30000, row, 1, NULL, 0, NULL, E));
	mc_store_close(w);
}

static void deploys_answers_and_facts(void **state)
{
	(void)state;
	struct mc_store *w = open_as(path, MC_STORE_WRITE);
	int64_t program;
	OK(mc_store_program(w, "p", &program, E));
	char v1[] = "v1", v2[] = "v2", odd[] = "\xfe'\n", empty[] = "";
	struct mc_deploy_row d = { .program = program, .unix_ms = 500, .version = v2, .commit = odd, .build_id = empty,
		.host = empty, .note = NULL, .source = empty };
	OK(mc_store_deploy_add(w, &d, E));
	struct mc_deploy_row first = d;
	first.unix_ms = 100;
	first.version = v1;
	OK(mc_store_deploy_add(w, &first, E));
	first.first_seen_ms = 110;
	OK(mc_store_deploy_update(w, &first, E));
	struct mc_deploy_row *all;
	size_t n;
	OK(mc_store_deploys(w, program, &all, &n, E));
	assert_int_equal(n, 2);
	assert_string_equal(all[0].version, "v1");
	assert_int_equal(all[0].first_seen_ms, 110);
	assert_string_equal(all[1].commit, odd);
	assert_string_equal(all[1].note, "");
	mc_store_deploys_free(all, n);
	OK(mc_store_deploy_delete(w, d.id, E));
	struct mc_error e;
	assert_int_equal(mc_store_deploy_delete(w, d.id, &e), MC_ENOTFOUND);
	OK(mc_store_deploys(w, 0, &all, &n, E));
	assert_int_equal(n, 1);
	mc_store_deploys_free(all, n);
	struct mc_buf b = { 0 };
	int64_t as_of = 0;
	assert_int_equal(mc_store_answer_get(w, program, &as_of, &b, &e), MC_ENOTFOUND);
	OK(mc_store_answer_put(w, program, 5, "{}", E));
	OK(mc_store_answer_put(w, program, 7, "{\"a\": 1}", E));
	OK(mc_store_answer_get(w, program, &as_of, &b, E));
	assert_string_equal(mc_buf_text(&b), "{\"a\": 1}");
	assert_int_equal(as_of, 7);
	mc_buf_release(&b);
	assert_int_equal(mc_store_fact_get(w, "socket", &b, &e), MC_ENOTFOUND);
	OK(mc_store_fact_put(w, "socket", "/run/x", E));
	OK(mc_store_fact_get(w, "socket", &b, E));
	assert_string_equal(mc_buf_text(&b), "/run/x");
	mc_buf_release(&b);
	mc_store_close(w);
}

static int open_code(const char *file, enum mc_store_mode mode, struct mc_error *e)
{
	struct mc_store *s = NULL;
	struct mc_store_config c = { .path = file, .mode = mode, .host = "h" };
	int rc = mc_store_open(&c, &s, e);
	if (rc == 0)
		mc_store_close(s);
	return rc;
}

static void wrong_files_are_refused(void **state)
{
	(void)state;
	struct mc_error e;
	assert_int_equal(open_code(path, MC_STORE_READ, &e), MC_ENOTFOUND);
	sql("CREATE TABLE t(x)");
	assert_int_equal(open_code(path, MC_STORE_READ, &e), MC_EFOREIGN);
	assert_int_equal(open_code(path, MC_STORE_WRITE, &e), MC_EFOREIGN);
	assert_non_null(strstr(e.text, "not a database of memculprit"));
	unlink(path);
	FILE *f = fopen(path, "w");
	for (int i = 0; i < 9000; i++)
		fputc('x' + i % 3, f);
	fclose(f);
	assert_int_equal(open_code(path, MC_STORE_READ, &e), MC_EFOREIGN);
	assert_int_equal(open_code(path, MC_STORE_WRITE, &e), MC_EFOREIGN);
	unlink(path);
	assert_int_equal(open_code(path, MC_STORE_WRITE, &e), 0);
	sql("PRAGMA user_version = 99");
	assert_int_equal(open_code(path, MC_STORE_WRITE, &e), MC_EFOREIGN);
	assert_non_null(strstr(e.text, "newer"));
	struct mc_store *r = open_as(path, MC_STORE_READ);
	assert_non_null(strstr(mc_store_notice(r), "newer"));
	mc_store_close(r);
	assert_int_equal(open_code(dir, MC_STORE_READ, &e), MC_EFOREIGN);
	char under[200];
	snprintf(under, sizeof under, "%s/x", path);
	assert_int_equal(open_code(under, MC_STORE_READ, &e), MC_ENOTFOUND);
}

static void a_second_writer_is_told_who_the_first_is(void **state)
{
	(void)state;
	struct mc_store *w = open_as(path, MC_STORE_WRITE);
	struct mc_error e;
	char pid[32];
	snprintf(pid, sizeof pid, "process %ld", (long)getpid());
	assert_int_equal(open_code(path, MC_STORE_WRITE, &e), MC_EBUSY);
	assert_non_null(strstr(e.text, pid));
	mc_store_close(w);
	assert_int_equal(open_code(path, MC_STORE_WRITE, &e), 0);
}

static void every_statement_is_prepared(void **state)
{
	(void)state;
	struct mc_store *w = open_as(path, MC_STORE_WRITE);
	for (int i = 0; i < SQL_COUNT; i++) {
		sqlite3_stmt *st;
		struct mc_error e = { 0 };
		if (st_stmt(w, (enum sql_id)i, &st, &e) < 0)
			fail_msg("%s: %s", st_sql_name((enum sql_id)i), e.text);
	}
	assert_true(SQL_COUNT > 40);
	mc_store_close(w);
}

static void a_copy_is_whole(void **state)
{
	(void)state;
	struct mc_store *w = open_as(path, MC_STORE_WRITE);
	int64_t ids[LIVES], program;
	set_up(w, ids, &program);
	write_ticks(w, ids, program, 0, 700);
	char copy[128], saved[128];
	snprintf(copy, sizeof copy, "%s/b.db", dir);
	snprintf(saved, sizeof saved, "%s/c.db", dir);
	OK(mc_store_backup(w, copy, E));
	struct mc_error e;
	assert_int_equal(mc_store_backup(w, copy, &e), MC_EEXIST);
	OK(mc_store_compact(w, NULL, NULL, E));
	expect_all(w, ids, program, 700);
	mc_store_close(w);
	struct mc_buf report = { 0 };
	OK(mc_store_salvage(copy, saved, NULL, NULL, &report, E));
	assert_non_null(strstr(mc_buf_text(&report), "chunk: "));
	mc_buf_release(&report);
	for (int k = 0; k < 2; k++) {
		struct mc_store *r = open_as(k ? saved : copy, MC_STORE_READ);
		expect_all(r, ids, program, 700);
		mc_store_close(r);
	}
}

static void a_read_only_copy_is_read(void **state)
{
	(void)state;
	struct mc_store *w = open_as(path, MC_STORE_WRITE);
	int64_t ids[LIVES], program;
	set_up(w, ids, &program);
	write_ticks(w, ids, program, 0, 300);
	struct mc_error e;
	struct mc_store *r = open_as(path, MC_STORE_READ);
	assert_int_equal(mc_store_fact_put(r, "a", "b", &e), MC_EPERM);
	assert_int_equal(mc_store_maintain(r, 0, &e), MC_EPERM);
	assert_int_equal(mc_store_tick(r, 1, NULL, 0, NULL, 0, NULL, &e), MC_EPERM);
	mc_store_close(r);
	mc_store_close(w);
}

/* The means come first, each by itself, and the samples behind them. */
static int count_hours(void *user, const struct mc_life_view *v)
{
	*(size_t *)user += v->hours;
	assert_true(v->series.n > v->hours);
	for (size_t i = 1; i < v->series.n; i++)
		assert_true(v->series.t_ms[i] - v->series.t_ms[i - 1] > (i < v->hours ? 1000000 : 0));
	return 0;
}

static void what_is_old_goes(void **state)
{
	(void)state;
	struct mc_store *w = open_as(path, MC_STORE_WRITE);
	int64_t ids[LIVES], program;
	set_up(w, ids, &program);
	write_ticks(w, ids, program, 0, 9000);
	w->keep_ms = 1000 * STEP;
	w->keep_hourly_ms = 1000000000000;
	struct mc_deploy_row d = { .program = program, .unix_ms = T0 };
	OK(mc_store_deploy_add(w, &d, E));
	for (int i = 0; i < 50; i++)
		OK(mc_store_maintain(w, T0 + 9000LL * STEP, E));
	struct mc_series r = { 0 };
	OK(mc_store_series(w, ids[0], INT64_MIN, INT64_MAX, &r, E));
	/* whole batches of 24 rounds go */
	assert_true(r.n >= 1000 && r.n < 1000 + 26 * 240);
	assert_int_equal(r.t_ms[r.n - 1], T0 + 8999LL * STEP);
	int64_t oldest = r.t_ms[0];
	mc_series_release(&r);
	expect_series(w, ids[0], 1, T0, STEP, 8000, 8999);
	struct mc_dropped dropped = { 0 };
	OK(mc_store_dropped(w, &dropped, E));
	/* every sample is there or counted, load and host too */
	size_t left = 0;
	for (int i = 0; i < LIVES; i++) {
		OK(mc_store_series(w, ids[i], INT64_MIN, INT64_MAX, &r, E));
		left += r.n;
		mc_series_release(&r);
	}
	struct mc_load_series l = { 0 };
	struct mc_host_series h = { 0 };
	OK(mc_store_load_series(w, program, INT64_MIN, INT64_MAX, &l, E));
	OK(mc_store_host_series(w, INT64_MIN, INT64_MAX, &h, E));
	assert_int_equal(dropped.for_age + left + l.n + h.n, 9000 * (LIVES + 2));
	mc_load_series_release(&l);
	mc_host_series_release(&h);
	assert_int_equal(dropped.for_room + dropped.lives + dropped.hours, 0);
	/* of the rest there are hourly means: a point an hour, and the mean in between */
	OK(mc_store_hourly(w, ids[0], INT64_MIN, INT64_MAX, &r, E));
	assert_true(r.n >= 10);
	assert_true(r.t_ms[0] > T0 && r.t_ms[r.n - 1] < oldest);
	for (size_t i = 0; i < r.n; i++) {
		double want = value(1, (r.t_ms[i] - T0) / STEP, MC_F_ANON);
		assert_true(fabs(r.v[MC_F_ANON][i] - want) <= 3 * 4096);
		assert_true(i == 0 || r.t_ms[i] - r.t_ms[i - 1] > 1000000);
		assert_true(same(r.v[MC_F_SHMEM][i], 4096));
		assert_true(same(r.v[MC_F_FILE][i], 8192));
	}
	assert_null(r.v[MC_F_VSIZE]);
	size_t hours = 0;
	struct mc_series_query q = { .program = program, .since_ms = INT64_MIN, .until_ms = INT64_MAX, .fields = UINT32_MAX };
	OK(mc_store_program_series(w, &q, count_hours, &hours, E));
	assert_int_equal(hours, 0); /* only where they are asked for */
	q.hours = true;
	OK(mc_store_program_series(w, &q, count_hours, &hours, E));
	assert_true(hours > LIVES);
	mc_series_release(&r);
	for (int i = 0; i < LIVES; i++) {
		OK(mc_store_hourly(w, ids[i], INT64_MIN, INT64_MAX, &r, E));
		hours -= r.n;
		mc_series_release(&r);
	}
	assert_int_equal(hours, 0);
	struct mc_deploy_row *all;
	size_t n;
	OK(mc_store_deploys(w, 0, &all, &n, E));
	assert_int_equal(n, 1);
	mc_store_deploys_free(all, n);
	struct mc_buf b = { 0 };
	OK(mc_store_check(w, NULL, NULL, &b, E));
	mc_buf_release(&b);
	mc_store_close(w);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, new_dir, remove_dir)
	const struct CMUnitTest tests[] = {
		TEST(what_goes_in_comes_out),
		TEST(the_same_tick_twice_changes_nothing),
		TEST(an_import_is_all_or_nothing),
		TEST(a_clock_may_go_back),
		TEST(lives_and_programs_are_listed),
		TEST(a_life_is_found_again),
		TEST(deploys_answers_and_facts),
		TEST(wrong_files_are_refused),
		TEST(a_second_writer_is_told_who_the_first_is),
		TEST(every_statement_is_prepared),
		TEST(a_copy_is_whole),
		TEST(a_read_only_copy_is_read),
		TEST(what_is_old_goes),
	};
	return cmocka_run_group_tests_name("store", tests, NULL, NULL);
}
