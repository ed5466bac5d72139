/* Unit tests of what the detector takes: a program's lives at once, and what is kept of each. */
#include "store_rows.h"

#include <string.h>
#include <unistd.h>

/* ---- what the detector keeps, and a program's lives at once ---- */

struct seen {
	int64_t ids[64];
	size_t n, rows, kept, pieces;
	int64_t since; /* first time of the newest series */
	bool expect_more;
};

static int see(void *user, const struct mc_life_view *v)
{
	struct seen *k = user;
	k->ids[k->n++] = v->row->id;
	k->rows += v->series.n;
	k->kept += v->data != NULL;
	k->since = v->series.n ? v->series.t_ms[0] : 0;
	for (size_t i = 0; i < v->series.n; i++) {
		int64_t tick = (v->series.t_ms[i] - T0) / STEP;
		if (!same(v->series.v[MC_F_ANON][i], value(v->row->pid - 99, tick, MC_F_ANON)) ||
			!same(v->series.v[MC_F_RSS][i], value(v->row->pid - 99, tick, MC_F_RSS)))
			fail_msg("life %d tick %d", (int)v->row->id, (int)tick);
	}
	for (unsigned f = 0; f < MC_F_COUNT; f++)
		if (f != MC_F_ANON && f != MC_F_RSS)
			assert_null(v->series.v[f]);
	return k->n == 64 ? 5 : 0;
}

static struct seen walk(struct mc_store *s, int64_t program, int64_t since, int64_t until, bool kept)
{
	struct seen k = { 0 };
	struct mc_series_query q = { .program = program, .since_ms = since, .until_ms = until,
		.fields = 1U << MC_F_ANON | 1U << MC_F_RSS, .kept = kept };
	OK(mc_store_program_series(s, &q, see, &k, E));
	return k;
}

static void a_program_is_read_at_once(void **state)
{
	(void)state;
	struct mc_store *w = open_as(path, MC_STORE_WRITE);
	int64_t ids[LIVES], program, other;
	set_up(w, ids, &program);
	OK(mc_store_program(w, "other", &other, E));
	write_ticks(w, ids, program, 0, 700);
	/* hundreds of short lives, in pages, one of another program between */
	for (int i = 0; i < 600; i++) {
		int64_t id = add_life(w, i == 7 ? other : program, 1000 + i, T0 + 700 * STEP + i);
		struct mc_row row;
		fill_row(&row, id, 901 + i, 700 + i);
		OK(mc_store_tick(w, T0 + (700 + i) * STEP, &row, 1, NULL, 0, NULL, E));
	}
	for (int k = 0; k < 2; k++) {
		struct mc_store *s = k ? open_as(path, MC_STORE_READ) : w;
		struct seen all = walk(s, program, INT64_MIN, T0 + 699 * STEP, false);
		assert_int_equal(all.n, LIVES);
		assert_int_equal(all.rows, LIVES * 700);
		for (int i = 0; i < LIVES; i++)
			assert_int_equal(all.ids[i], ids[i]);
		all = walk(s, program, T0 + 650 * STEP, T0 + 720 * STEP, false);
		assert_int_equal(all.n, LIVES + 20);
		assert_int_equal(all.rows, LIVES * 50 + 20);
		struct seen many = { 0 };
		struct mc_series_query q = { .program = program, .since_ms = INT64_MIN, .until_ms = INT64_MAX,
			.fields = 1U << MC_F_ANON | 1U << MC_F_RSS };
		assert_int_equal(mc_store_program_series(s, &q, see, &many, NULL), 5);
		assert_int_equal(walk(s, 99, INT64_MIN, INT64_MAX, false).n, 0);
		if (k)
			mc_store_close(s);
	}
	mc_store_close(w);
}

/* A long life in pieces: each sample once, in the order of time. */
static int piece(void *user, const struct mc_life_view *v)
{
	struct seen *k = user;
	k->n += v->row->id != k->ids[0];
	k->since = v->row->id != k->ids[0] ? INT64_MIN : k->since;
	k->ids[0] = v->row->id;
	k->pieces++;
	k->rows += v->series.n;
	for (size_t i = 0; i < v->series.n; i++) {
		assert_true(v->series.t_ms[i] > k->since);
		k->since = v->series.t_ms[i];
	}
	return 0;
}

static void a_long_life_comes_in_pieces(void **state)
{
	(void)state;
	struct mc_store *w = open_as(path, MC_STORE_WRITE);
	int64_t ids[LIVES], program;
	set_up(w, ids, &program);
	write_ticks(w, ids, program, 0, 3000);
	for (size_t most = 50; most < 100000; most *= 7) {
		struct seen k = { .ids = { -1 } };
		struct mc_series_query q = { .program = program, .since_ms = INT64_MIN, .until_ms = INT64_MAX, .fields = 1, .most = most };
		OK(mc_store_program_series(w, &q, piece, &k, E));
		assert_int_equal(k.n, LIVES);
		assert_int_equal(k.rows, LIVES * 3000);
		assert_true(most > 1000 ? k.pieces <= LIVES * 20 : k.pieces >= LIVES * 8);
	}
	mc_store_close(w);
}

static int count_only(void *user, const struct mc_life_view *v)
{
	size_t *n = user;
	n[0]++;
	n[1] += v->series.n;
	return 0;
}

/* Time runs against the reader: it lets go in between, and still meets every life once. */
static int slowly(void *user, const struct mc_life_view *v)
{
	usleep(v->row->id % 50 == 0 ? 110000 : 0);
	return count_only(user, v);
}

static void a_long_walk_is_in_pieces(void **state)
{
	(void)state;
	struct mc_store *w = open_as(path, MC_STORE_WRITE);
	int64_t program;
	OK(mc_store_program(w, "p", &program, E));
	struct mc_row rows[300];
	for (int i = 0; i < 300; i++)
		fill_row(&rows[i], add_life(w, program, 1 + i, T0 + i % 3), 1, 1);
	for (int t = 0; t < 3; t++)
		OK(mc_store_tick(w, T0 + t * STEP, rows, 300, NULL, 0, NULL, E));
	struct mc_store *r = open_as(path, MC_STORE_READ);
	size_t n[2] = { 0 };
	struct mc_series_query q = { .program = program, .since_ms = INT64_MIN, .until_ms = INT64_MAX, .fields = 1 };
	OK(mc_store_program_series(r, &q, slowly, n, E));
	assert_int_equal(n[0], 300);
	assert_int_equal(n[1], 900);
	mc_store_close(r);
	mc_store_close(w);
}

static void what_is_kept_of_a_life(void **state)
{
	(void)state;
	struct mc_store *w = open_as(path, MC_STORE_WRITE);
	struct mc_error e;
	int64_t ids[LIVES], program, until = 0;
	set_up(w, ids, &program);
	write_ticks(w, ids, program, 100, 700);
	struct mc_buf b = { 0 };
	assert_int_equal(mc_store_life_get(w, ids[0], &until, &b, &e), MC_ENOTFOUND);
	OK(mc_store_life_put(w, ids[0], T0 + 650 * STEP, "a\0b", 3, E));
	struct mc_life_data many[2] = { { ids[1], T0 + 699 * STEP, "x", 1 }, { ids[0], T0 + 600 * STEP, "a\0c", 3 } };
	OK(mc_store_lives_put(w, many, 2, E));
	OK(mc_store_life_get(w, ids[0], &until, &b, E));
	assert_int_equal(until, T0 + 600 * STEP);
	assert_memory_equal(b.data, "a\0c", 3);
	mc_buf_release(&b);
	struct mc_store *r = open_as(path, MC_STORE_READ);
	struct mc_life_data *all;
	size_t n;
	OK(mc_store_lives_get(r, program, &all, &n, E));
	assert_int_equal(n, 2);
	mc_store_lives_free(all, n);
	OK(mc_store_lives_get(r, program + 1, &all, &n, E));
	assert_int_equal(n, 0);
	mc_store_lives_free(all, n);
	/* only what is newer is read; where the answer is to be as of before, everything is */
	struct seen k = walk(r, program, INT64_MIN, INT64_MAX, true);
	assert_int_equal(k.kept, 2);
	assert_int_equal(k.n, LIVES);
	assert_int_equal(k.rows, (LIVES - 2) * 600 + 99);
	k = walk(r, program, INT64_MIN, T0 + 500 * STEP, true);
	assert_int_equal(k.kept, 0);
	assert_int_equal(k.rows, LIVES * 401);
	/* what comes late makes it worthless; what is newer, or known already, does not */
	write_ticks(w, ids, program, 690, 710);
	assert_int_equal(walk(r, program, INT64_MIN, INT64_MAX, true).kept, 2);
	OK(mc_store_begin(w, E));
	write_ticks(w, ids, program, 98, 120);
	OK(mc_store_commit(w, E));
	k = walk(r, program, INT64_MIN, INT64_MAX, true);
	assert_int_equal(k.kept, 0);
	assert_int_equal(k.rows, LIVES * 612);
	OK(mc_store_life_put(w, ids[3], T0 + 709 * STEP, "x", 1, E));
	write_ticks(w, ids, program, 90, 91);
	assert_int_equal(mc_store_life_get(w, ids[3], NULL, &b, &e), MC_ENOTFOUND);
	mc_store_close(r);
	mc_store_close(w);
}

/* What is damaged of it is nothing: the samples are read again, check says so, and salvage leaves it out. */
static void damage_to_what_is_kept(void **state)
{
	(void)state;
	struct mc_store *w = open_as(path, MC_STORE_WRITE);
	struct mc_error e;
	struct mc_buf b = { 0 };
	int64_t ids[LIVES], program;
	char saved[160];
	set_up(w, ids, &program);
	write_ticks(w, ids, program, 0, 300);
	OK(mc_store_life_put(w, ids[0], T0 + 250 * STEP, "abcdefgh", 8, E));
	OK(mc_store_check(w, NULL, NULL, &b, E));
	struct seen k = walk(w, program, INT64_MIN, INT64_MAX, true);
	assert_int_equal(k.kept, 1);
	mc_store_close(w);
	sql("UPDATE life SET data = x'c50000000061626364'");
	w = open_as(path, MC_STORE_WRITE);
	assert_int_equal(mc_store_check(w, NULL, NULL, &b, &e), MC_ECORRUPT);
	assert_non_null(strstr(mc_buf_text(&b), "checksum"));
	assert_int_equal(mc_store_life_get(w, ids[0], NULL, &b, &e), MC_ECORRUPT);
	k = walk(w, program, INT64_MIN, INT64_MAX, true);
	assert_int_equal(k.kept, 0);
	assert_int_equal(k.rows, LIVES * 300);
	mc_store_close(w);
	snprintf(saved, sizeof saved, "%s.saved", path);
	OK(mc_store_salvage(path, saved, NULL, NULL, &b, E));
	w = open_as(saved, MC_STORE_WRITE);
	OK(mc_store_check(w, NULL, NULL, &b, E));
	assert_int_equal(mc_store_life_get(w, ids[0], NULL, &b, &e), MC_ENOTFOUND);
	mc_store_close(w);
	mc_buf_release(&b);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, new_dir, remove_dir)
	const struct CMUnitTest tests[] = {
		TEST(a_program_is_read_at_once),
		TEST(a_long_life_comes_in_pieces),
		TEST(a_long_walk_is_in_pieces),
		TEST(what_is_kept_of_a_life),
		TEST(damage_to_what_is_kept),
	};
	return cmocka_run_group_tests_name("store lives", tests, NULL, NULL);
}
