/* Unit tests of bundles: lives of a few samples share a chunk, and come out as they went in. */
#include "store_world.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { T0 = 1700000000, STEP = 10000, SLOTS = 20, GENERATIONS = 60, SAMPLES = 5 };

static double value(int64_t pid, int64_t k, unsigned f)
{
	switch (f) {
	case MC_F_ANON: return 4096.0 * (double)(pid * 37 % 5000 + (k > 1 ? pid % 3 * k : 0));
	case MC_F_FILE: return 8192;
	case MC_F_SHMEM: return 4096.0 * (double)(pid % 5);
	case MC_F_RSS: return value(pid, k, MC_F_ANON) + 8192 + value(pid, k, MC_F_SHMEM);
	case MC_F_PSS: return pid % 4 == 1 && k == 2 ? 0.5 * (double)pid : (double)NAN; /* of some, once */
	case MC_F_MINFLT: return k == 0 && pid % 3 == 0 ? (double)NAN : (double)(pid * 11 + k * k);
	case MC_F_UTIME: return (double)(pid * k) / 8; /* no whole number */
	case MC_F_FDS: return pid % 7 == 0 ? 9007199254740992.0 * (k % 2 ? 1 : -1) : 3;
	default: return (double)NAN;
	}
}

static int64_t start_of(int64_t pid)
{
	return T0 * 1000LL + (pid - 1) / SLOTS * SAMPLES * STEP + (pid - 1) % SLOTS;
}

static void set_row(struct mc_row *r, int64_t id, int64_t pid, int64_t k)
{
	r->incarnation = id;
	for (unsigned f = 0; f < MC_F_COUNT; f++)
		r->v[f] = value(pid, k, f);
}

/* Workers that are replaced after SAMPLES ticks; the first one of each generation goes on for long. Lives are
 * numbered as their pids are. */
static void write_lives(struct mc_store *s, bool import)
{
	int64_t program, ids[SLOTS] = { 0 };
	OK(mc_store_program(s, "p", &program, E));
	if (import)
		OK(mc_store_begin(s, E));
	for (int64_t g = 0; g < GENERATIONS; g++) {
		for (int64_t i = 0; i < SLOTS; i++) {
			struct mc_incarnation life = { .program = program, .key = "", .pid = g * SLOTS + i + 1 };
			life.start_ms = start_of(life.pid);
			if (ids[i] && !import)
				OK(mc_store_incarnation_end(s, ids[i], life.start_ms, E));
			OK(mc_store_incarnation(s, &life, E));
			ids[i] = life.id;
		}
		for (int64_t k = 0; k < SAMPLES; k++) {
			struct mc_row rows[SLOTS];
			for (int64_t i = 0; i < SLOTS; i++)
				set_row(&rows[i], ids[i], g * SLOTS + i + 1, k);
			OK(mc_store_tick(s, T0 * 1000LL + (g * SAMPLES + k) * STEP + 500, rows, SLOTS, NULL, 0, NULL, E));
		}
	}
	if (import)
		OK(mc_store_commit(s, E));
}

static void expect_values(const struct mc_series *r, int64_t pid, int64_t from)
{
	for (size_t i = 0; i < r->n; i++) {
		int64_t k = from + (int64_t)i;
		assert_int_equal(r->t_ms[i], T0 * 1000LL + ((pid - 1) / SLOTS * SAMPLES + k) * STEP + 500);
		for (unsigned f = 0; f < MC_F_COUNT; f++) {
			double want = value(pid, k, f), got = r->v[f] ? r->v[f][i] : (double)NAN;
			if (!(isnan(want) && isnan(got)) && memcmp(&want, &got, sizeof want) != 0)
				fail_msg("pid %d sample %d %s: %g, not %g", (int)pid, (int)k, mc_field_name(f), got, want);
		}
	}
}

static void expect_lives(struct mc_store *s)
{
	for (int64_t pid = 1; pid <= GENERATIONS * SLOTS; pid++) {
		struct mc_series r = { 0 };
		OK(mc_store_series(s, pid, INT64_MIN, INT64_MAX, &r, E));
		assert_int_equal(r.n, SAMPLES);
		expect_values(&r, pid, 0);
		assert_true((r.v[MC_F_PSS] != NULL) == (pid % 4 == 1));
		int64_t third = r.t_ms[2];
		mc_series_release(&r);
		OK(mc_store_series_of(s, pid, third, third + STEP, 1U << MC_F_RSS, &r, E));
		assert_int_equal(r.n, 2);
		double rss = value(pid, 2, MC_F_RSS);
		assert_memory_equal(&r.v[MC_F_RSS][0], &rss, sizeof rss);
		assert_null(r.v[MC_F_ANON]);
		mc_series_release(&r);
	}
}

static int64_t count(struct mc_store *s, const char *text)
{
	sqlite3_stmt *st = NULL;
	assert_int_equal(sqlite3_prepare_v2(s->db, text, -1, &st, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_step(st), SQLITE_ROW);
	int64_t n = sqlite3_column_int64(st, 0);
	sqlite3_finalize(st);
	return n;
}

static void expect_sound(struct mc_store *s)
{
	struct mc_buf b = { 0 };
	OK(mc_store_check(s, NULL, NULL, &b, E));
	assert_int_equal(b.len, 0);
	mc_buf_release(&b);
}

static int one_more(void *user, const struct mc_life_view *v)
{
	int64_t *pid = user;
	assert_int_equal(v->row->pid, ++*pid);
	assert_int_equal(v->series.n, SAMPLES);
	double anon = value(*pid, 4, MC_F_ANON);
	assert_memory_equal(&v->series.v[MC_F_ANON][4], &anon, sizeof anon);
	return 0;
}

static void short_lives(bool import)
{
	struct mc_store *w = open_as(path, MC_STORE_WRITE);
	write_lives(w, import);
	expect_lives(w);
	struct mc_store *r = open_as(path, MC_STORE_READ);
	expect_lives(r);
	mc_store_close(w);
	expect_lives(r);
	expect_sound(r);
	assert_true(count(r, "SELECT count(*) FROM chunk") < GENERATIONS);
	assert_int_equal(count(r, "SELECT count(*) FROM incarnation WHERE bundle IS NULL"), 0);
	int64_t pids = 0;
	struct mc_series_query q = { .program = 1, .since_ms = INT64_MIN, .until_ms = INT64_MAX, .fields = 1U << MC_F_ANON };
	OK(mc_store_program_series(r, &q, one_more, &pids, E));
	assert_int_equal(pids, GENERATIONS * SLOTS);
	mc_store_close(r);
}

static void short_lives_share_chunks(void **state)
{
	(void)state;
	short_lives(false);
}

static void short_lives_of_an_import_do_too(void **state)
{
	(void)state;
	short_lives(true);
}

static void twice_is_once(void **state)
{
	(void)state;
	struct mc_store *w = open_as(path, MC_STORE_WRITE);
	write_lives(w, true);
	int64_t chunks = count(w, "SELECT count(*) FROM chunk");
	write_lives(w, true);
	assert_int_equal(count(w, "SELECT count(*) FROM chunk"), chunks);
	expect_lives(w);
	mc_store_close(w);
}

/* A life that a restart of the daemon put into a bundle goes on in chunks of its own, bundle or not. */
static void a_life_goes_on(void **state)
{
	(void)state;
	int64_t program, id = 0;
	for (int64_t k = 0; k < 300; k++) {
		struct mc_store *w = k % 100 == 0 ? open_as(path, MC_STORE_WRITE) : NULL;
		static struct mc_store *now;
		now = w ? w : now;
		OK(mc_store_program(now, "p", &program, E));
		struct mc_incarnation life = { .program = program, .key = "", .pid = 1, .start_ms = start_of(1) };
		OK(mc_store_incarnation(now, &life, E));
		id = life.id;
		struct mc_row row;
		set_row(&row, id, 1, k);
		OK(mc_store_tick(now, T0 * 1000LL + k * STEP + 500, &row, 1, NULL, 0, NULL, E));
		if (k % 100 == 99)
			mc_store_close(now);
	}
	struct mc_store *r = open_as(path, MC_STORE_READ);
	struct mc_series s = { 0 };
	OK(mc_store_series(r, id, INT64_MIN, INT64_MAX, &s, E));
	assert_int_equal(s.n, 300);
	expect_values(&s, 1, 0);
	mc_series_release(&s);
	assert_int_equal(count(r, "SELECT count(*) FROM chunk WHERE id & 3 = 3"), 1);
	expect_sound(r);
	mc_store_close(r);
}

/* Its samples come back as hourly means where it was long enough. */
static void what_is_old_goes(void **state)
{
	(void)state;
	int64_t program;
	struct mc_store *w = open_as(path, MC_STORE_WRITE);
	OK(mc_store_program(w, "p", &program, E));
	OK(mc_store_begin(w, E));
	for (int64_t pid = 1; pid <= 3; pid++) {
		struct mc_incarnation life = { .program = program, .key = "", .pid = pid, .start_ms = start_of(pid) };
		OK(mc_store_incarnation(w, &life, E));
		assert_int_equal(life.id, pid);
	}
	for (int64_t k = 0; k < 100; k++) {
		struct mc_row rows[3];
		for (int64_t pid = 1; pid <= 3; pid++)
			set_row(&rows[pid - 1], pid, pid, k);
		OK(mc_store_tick(w, T0 * 1000LL + k * STEP, rows, k < 30 ? 3 : 2, NULL, 0, NULL, E));
	}
	OK(mc_store_commit(w, E));
	assert_int_equal(count(w, "SELECT count(*) FROM chunk"), 1);
	/* a batch of rounds is needed before any goes */
	for (int64_t pid = 10; pid < 40; pid++) {
		OK(mc_store_begin(w, E));
		struct mc_incarnation life = { .program = program, .key = "", .pid = pid, .start_ms = T0 * 1000LL + pid };
		OK(mc_store_incarnation(w, &life, E));
		struct mc_row row;
		set_row(&row, life.id, pid, 1);
		OK(mc_store_tick(w, T0 * 1000LL + 2000000 + pid, &row, 1, NULL, 0, NULL, E));
		OK(mc_store_commit(w, E));
	}
	w->keep_ms = 1000;
	w->keep_hourly_ms = 1LL << 50;
	for (int i = 0; i < 4; i++)
		OK(mc_store_maintain(w, T0 * 1000LL + 86400000, E));
	struct mc_series r = { 0 };
	OK(mc_store_series(w, 1, INT64_MIN, INT64_MAX, &r, E));
	assert_int_equal(r.n, 0);
	mc_series_release(&r);
	OK(mc_store_hourly(w, 1, INT64_MIN, INT64_MAX, &r, E));
	assert_true(r.n >= 1 && r.n <= 2);
	mc_series_release(&r);
	OK(mc_store_hourly(w, 3, INT64_MIN, INT64_MAX, &r, E)); /* five minutes */
	assert_int_equal(r.n, 0);
	mc_series_release(&r);
	struct mc_dropped d;
	OK(mc_store_dropped(w, &d, E));
	assert_true(d.for_age >= 30 + 100 + 100);
	expect_sound(w);
	mc_store_close(w);
}

static void what_is_lost_is_saved_as_far_as_it_goes(void **state)
{
	(void)state;
	struct mc_store *w = open_as(path, MC_STORE_WRITE);
	write_lives(w, false);
	mc_store_close(w);
	/* the rows of some lives, and the numbers that name bundles */
	sql("DELETE FROM incarnation WHERE id % 2 = 0; DELETE FROM fact");
	struct mc_buf report = { 0 };
	char other[96];
	snprintf(other, sizeof other, "%s/b.db", dir);
	OK(mc_store_salvage(path, other, NULL, NULL, &report, E));
	mc_buf_release(&report);
	w = open_as(other, MC_STORE_WRITE);
	expect_lives(w);
	/* and what is written now does not get a number that was given */
	int64_t last = count(w, "SELECT max(bundle) FROM incarnation");
	assert_int_equal(w->next_bundle, last + 1);
	mc_store_close(w);
}

static void damage_is_noticed(void **state)
{
	(void)state;
	struct mc_store *w = open_as(path, MC_STORE_WRITE);
	write_lives(w, false);
	mc_store_close(w);
	sql("UPDATE chunk SET data = CAST(substr(data, 1, 99) || x'55' || substr(data, 101) AS BLOB) "
		"WHERE id = (SELECT min(id) FROM chunk)");
	struct mc_store *r = open_as(path, MC_STORE_READ);
	struct mc_buf b = { 0 };
	struct mc_error e;
	assert_int_equal(mc_store_check(r, NULL, NULL, &b, &e), MC_ECORRUPT);
	assert_non_null(strstr(mc_buf_text(&b), "damaged"));
	mc_buf_release(&b);
	struct mc_series s = { 0 };
	OK(mc_store_series(r, 1, INT64_MIN, INT64_MAX, &s, E)); /* a gap, and a word */
	assert_int_equal(s.n, 0);
	assert_non_null(mc_store_notice(r));
	mc_series_release(&s);
	OK(mc_store_series(r, GENERATIONS * SLOTS, INT64_MIN, INT64_MAX, &s, E));
	assert_int_equal(s.n, SAMPLES);
	mc_series_release(&s);
	mc_store_close(r);
}

int main(void)
{
#define T(test) cmocka_unit_test_setup_teardown(test, new_dir, remove_dir)
	const struct CMUnitTest tests[] = {
		T(short_lives_share_chunks),
		T(short_lives_of_an_import_do_too),
		T(twice_is_once),
		T(a_life_goes_on),
		T(what_is_old_goes),
		T(what_is_lost_is_saved_as_far_as_it_goes),
		T(damage_is_noticed),
	};
	return cmocka_run_group_tests_name("store bundles", tests, NULL, NULL);
}
