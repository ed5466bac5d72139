/* Ticks that come some ms late: their times are stored once, every way of reading gives them back, and
 * losing them, or a part of the log, costs little. */
#include "store_world.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { LIVES = 5, STEP = 10000 };
#define T0 1700000000000LL

/* Late by 0 to 6 ms, as it comes. */
static int64_t time_of(int64_t tick)
{
	uint64_t z = (uint64_t)tick * 0x9e3779b97f4a7c15ULL;
	return T0 + tick * STEP + (int64_t)((z >> 40) % 7);
}

static double value(int64_t life, int64_t tick)
{
	return 4096.0 * (double)(1000 * life + tick / 5);
}

static void set_up(struct mc_store *s, int64_t *program, int64_t ids[LIVES])
{
	OK(mc_store_program(s, "p", program, E));
	for (int i = 0; i < LIVES; i++) {
		struct mc_incarnation life = { .program = *program, .key = "", .pid = 10 + i, .start_ms = T0 - 5 };
		OK(mc_store_incarnation(s, &life, E));
		ids[i] = life.id;
	}
}

static void write_ticks(struct mc_store *s, const int64_t *ids, int64_t from, int64_t to)
{
	for (int64_t tick = from; tick < to; tick++) {
		struct mc_row rows[LIVES];
		for (int i = 0; i < LIVES; i++) {
			rows[i].incarnation = ids[i];
			for (unsigned f = 0; f < MC_F_COUNT; f++)
				rows[i].v[f] = f == MC_F_ANON ? value(i, tick) : (double)NAN;
		}
		OK(mc_store_tick(s, time_of(tick), rows, LIVES, NULL, 0, NULL, E));
	}
}

/* All of [from, to), times off by at most `off`. */
static void expect(struct mc_store *s, const int64_t *ids, int64_t from, int64_t to, int64_t off)
{
	for (int i = 0; i < LIVES; i++) {
		struct mc_series r = { 0 };
		OK(mc_store_series(s, ids[i], INT64_MIN, INT64_MAX, &r, E));
		assert_int_equal(r.n, to - from);
		for (size_t k = 0; k < r.n; k++) {
			int64_t tick = from + (int64_t)k;
			if (llabs(r.t_ms[k] - time_of(tick)) > off || r.v[MC_F_ANON][k] != value(i, tick))
				fail_msg("life %d, tick %lld: %lld ms off, %g", i, (long long)tick, (long long)(r.t_ms[k] - time_of(tick)),
					r.v[MC_F_ANON][k] - value(i, tick));
		}
		mc_series_release(&r);
	}
}

static int check_file(const char *file, struct mc_buf *report)
{
	struct mc_store *s = open_as(file, MC_STORE_READ);
	int rc = mc_store_check(s, NULL, NULL, report, NULL);
	mc_store_close(s);
	return rc;
}

static int64_t number(const char *text)
{
	sqlite3 *db;
	sqlite3_stmt *st;
	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_prepare_v2(db, text, -1, &st, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_step(st), SQLITE_ROW);
	int64_t n = sqlite3_column_int64(st, 0);
	sqlite3_finalize(st);
	sqlite3_close(db);
	return n;
}

static void times_are_shared_and_come_back(void **state)
{
	(void)state;
	int64_t program, ids[LIVES];
	struct mc_store *w = open_as(path, MC_STORE_WRITE), *r = open_as(path, MC_STORE_READ);
	set_up(w, &program, ids);
	static const int64_t upto[] = { 7, 200, 260, 1000, 1003, 2500 };
	int64_t at = 0;
	for (size_t k = 0; k < sizeof upto / sizeof *upto; k++) {
		write_ticks(w, ids, at, upto[k]);
		at = upto[k];
		expect(w, ids, 0, at, 0);
		expect(r, ids, 0, at, 0);
		if (k % 2) { /* a restart */
			mc_store_close(w);
			expect(r, ids, 0, at, 0);
			w = open_as(path, MC_STORE_WRITE);
			expect(w, ids, 0, at, 0);
		}
	}
	struct mc_store *late = open_as(path, MC_STORE_READ);
	expect(late, ids, 0, at, 0);
	mc_store_close(late);
	OK(mc_store_compact(w, NULL, NULL, E));
	expect(r, ids, 0, at, 0);
	struct mc_buf report = { 0 };
	if (check_file(path, &report) < 0)
		fail_msg("%s", mc_buf_text(&report));
	mc_buf_release(&report);
	mc_store_close(w);
	mc_store_close(r);
	assert_true(number("SELECT count(*) FROM tick") >= 2500 / 240);
	/* 240 times of 7 ms jitter take 85 bytes at least, values some 70 */
	int64_t largest = number("SELECT max(length(data)) FROM chunk");
	if (largest >= 100)
		fail_msg("a chunk of %lld bytes", (long long)largest);
}

/* An import in between, a clock that is set back and forth: each row has the time it came with. */
static void odd_courses_come_back(void **state)
{
	(void)state;
	int64_t program, ids[LIVES];
	struct mc_store *w = open_as(path, MC_STORE_WRITE), *r = open_as(path, MC_STORE_READ);
	set_up(w, &program, ids);
	write_ticks(w, ids, 1000, 1300);
	expect(r, ids, 1000, 1300, 0);
	OK(mc_store_begin(w, E));
	write_ticks(w, ids, 900, 1100);
	OK(mc_store_commit(w, E));
	expect(r, ids, 900, 1300, 0);
	write_ticks(w, ids, 1300, 1400);
	expect(r, ids, 900, 1400, 0);
	write_ticks(w, ids, 500, 900);
	expect(r, ids, 500, 1400, 0);
	write_ticks(w, ids, 1390, 1800);
	expect(r, ids, 500, 1800, 0);
	mc_store_close(w);
	w = open_as(path, MC_STORE_WRITE);
	expect(w, ids, 500, 1800, 0);
	mc_store_close(w);
	expect(r, ids, 500, 1800, 0);
	mc_store_close(r);
}

static void times_go_with_their_samples(void **state)
{
	(void)state;
	int64_t program, ids[LIVES];
	struct mc_store *w = open_as(path, MC_STORE_WRITE);
	set_up(w, &program, ids);
	write_ticks(w, ids, 0, 240 * 40);
	int64_t before = number("SELECT count(*) FROM tick");
	w->keep_ms = 240LL * 5 * STEP;
	for (int i = 0; i < 20; i++)
		OK(mc_store_maintain(w, time_of(240 * 40), E));
	int64_t after = number("SELECT count(*) FROM tick");
	assert_true(after < before - 20);
	struct mc_series s = { 0 };
	OK(mc_store_series(w, ids[0], INT64_MIN, INT64_MAX, &s, E));
	int64_t first = 240 * 40 - (int64_t)s.n;
	mc_series_release(&s);
	assert_true(first > 240 * 20);
	/* of each life as much may be left as its chunks began with */
	OK(mc_store_series(w, ids[0], time_of(first), INT64_MAX, &s, E));
	for (size_t i = 0; i < s.n; i++)
		assert_int_equal(s.t_ms[i], time_of(first + (int64_t)i));
	mc_series_release(&s);
	struct mc_buf report = { 0 };
	if (check_file(path, &report) < 0)
		fail_msg("%s", mc_buf_text(&report));
	mc_buf_release(&report);
	mc_store_close(w);
}

static void salvage_to(const char *target, const char *says)
{
	struct mc_buf report = { 0 };
	OK(mc_store_salvage(path, target, NULL, NULL, &report, E));
	if (says && !strstr(mc_buf_text(&report), says))
		fail_msg("the report does not say \"%s\":\n%s", says, mc_buf_text(&report));
	report.len = 0;
	if (check_file(target, &report) < 0)
		fail_msg("%s", mc_buf_text(&report));
	mc_buf_release(&report);
}

static void lost_times_are_noticed_and_made_up_for(void **state)
{
	(void)state;
	int64_t program, ids[LIVES];
	struct mc_store *w = open_as(path, MC_STORE_WRITE);
	set_up(w, &program, ids);
	write_ticks(w, ids, 0, 1500);
	mc_store_close(w);
	char saved[128];
	snprintf(saved, sizeof saved, "%s/saved.db", dir);
	salvage_to(saved, NULL);
	struct mc_store *r = open_as(saved, MC_STORE_READ);
	expect(r, ids, 0, 1500, 0);
	mc_store_close(r);
	unlink(saved);
	sql("UPDATE tick SET data = x'00' || data WHERE id = 480; DELETE FROM tick WHERE id = 960");
	struct mc_buf report = { 0 };
	assert_int_equal(check_file(path, &report), MC_ECORRUPT);
	assert_non_null(strstr(mc_buf_text(&report), "tick 480 is lost"));
	mc_buf_release(&report);
	salvage_to(saved, "times spread evenly");
	r = open_as(saved, MC_STORE_READ);
	expect(r, ids, 0, 1500, 10);
	mc_store_close(r);
	/* it can be written on, and numbers of ticks are not used again */
	w = open_as(saved, MC_STORE_WRITE);
	write_ticks(w, ids, 1500, 2000);
	expect(w, ids, 0, 2000, 10);
	mc_store_close(w);
}

/* The log's rows build on each other: what is lost ends what can be known of an entity until it is sealed. */
static void a_damaged_log_costs_what_follows_only(void **state)
{
	(void)state;
	int64_t program, ids[LIVES];
	struct mc_store *w = open_as(path, MC_STORE_WRITE);
	set_up(w, &program, ids);
	write_ticks(w, ids, 0, 400);
	char copy[96], saved[96];
	snprintf(copy, sizeof copy, "%s/copy.db", dir);
	snprintf(saved, sizeof saved, "%s/saved.db", dir);
	OK(mc_store_backup(w, copy, E));
	mc_store_close(w);
	strcpy(path, copy);
	int64_t first = number("SELECT min(id) FROM hot"), bad = number("SELECT (min(id) + max(id)) / 2 FROM hot");
	assert_true(bad > first + 20);
	char text[128];
	snprintf(text, sizeof text, "UPDATE hot SET data = data || x'00' WHERE id = %lld", (long long)bad);
	sql(text);
	struct mc_error e = { 0 };
	struct mc_store *s = NULL;
	struct mc_store_config c = { .path = path, .mode = MC_STORE_WRITE };
	assert_int_equal(mc_store_open(&c, &s, &e), MC_ECORRUPT);
	assert_non_null(strstr(e.text, "db salvage"));
	struct mc_buf report = { 0 };
	assert_int_equal(check_file(path, &report), MC_ECORRUPT);
	mc_buf_release(&report);
	salvage_to(saved, "hot: ");
	s = open_as(saved, MC_STORE_WRITE);
	size_t least = SIZE_MAX, most = 0;
	for (int i = 0; i < LIVES; i++) {
		struct mc_series r = { 0 };
		OK(mc_store_series(s, ids[i], INT64_MIN, INT64_MAX, &r, E));
		for (size_t k = 0; k < r.n; k++) {
			int64_t tick = (r.t_ms[k] - T0) / STEP;
			assert_true(llabs(r.t_ms[k] - time_of(tick)) <= 10); /* the lost tick's time is, too */
			assert_true(r.v[MC_F_ANON][k] == value(i, tick));
		}
		least = r.n < least ? r.n : least;
		most = r.n > most ? r.n : most;
		mc_series_release(&r);
	}
	/* ticks are numbered from 1: all before the damage are there; what was sealed after it has the rest */
	assert_true(least >= (size_t)bad - 1);
	assert_true(least < 400 && most == 400);
	write_ticks(s, ids, 400, 700);
	mc_store_close(s);
	report.len = 0;
	assert_int_equal(check_file(saved, &report), 0);
	mc_buf_release(&report);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, new_dir, remove_dir)
	const struct CMUnitTest tests[] = {
		TEST(times_are_shared_and_come_back),
		TEST(odd_courses_come_back),
		TEST(times_go_with_their_samples),
		TEST(lost_times_are_noticed_and_made_up_for),
		TEST(a_damaged_log_costs_what_follows_only),
	};
	return cmocka_run_group_tests_name("store ticks", tests, NULL, NULL);
}
