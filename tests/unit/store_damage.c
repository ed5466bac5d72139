/* Unit tests of damage to the file: it is noticed, read around, and salvaged from. */
#include "store_rows.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void copy_file(const char *from, const char *to)
{
	char command[300];
	snprintf(command, sizeof command, "cp %s %s", from, to);
	assert_int_equal(system(command), 0);
}

static int check_file(const char *file, struct mc_error *e)
{
	struct mc_store *s = NULL;
	struct mc_store_config c = { .path = file, .mode = MC_STORE_READ };
	struct mc_buf report = { 0 };
	int rc = mc_store_open(&c, &s, e);
	if (rc == 0)
		rc = mc_store_check(s, NULL, NULL, &report, e);
	mc_buf_release(&report);
	mc_store_close(s);
	return rc;
}

/* Flips a bit of a chunk wherever its bytes are in the file: pages keep old copies of moved rows. */
static void flip(struct mc_buf *file, const void *what, size_t n, size_t bit)
{
	char old[4096];
	assert_true(n <= sizeof old);
	memcpy(old, what, n);
	char *at = file->data, *end = file->data + file->len;
	int times = 0;
	while ((at = memmem(at, (size_t)(end - at), old, n))) {
		at[bit / 8] ^= (char)(1 << bit % 8);
		times++;
	}
	assert_true(times > 0);
}

/* 200 flipped bits in the samples: check names every one; salvage saves the rest. */
static void flipped_bits_are_noticed(void **state)
{
	(void)state;
	struct mc_store *w = open_as(path, MC_STORE_WRITE);
	int64_t ids[LIVES], program;
	set_up(w, ids, &program);
	write_ticks(w, ids, program, 0, 1000);
	char bad[128], saved[128];
	snprintf(bad, sizeof bad, "%s/bad.db", dir);
	snprintf(saved, sizeof saved, "%s/saved.db", dir);
	mc_store_close(w);
	struct mc_buf whole = { 0 };
	OK(mc_read_file(AT_FDCWD, path, 1 << 24, &whole, E));
	sqlite3 *db;
	sqlite3_stmt *st;
	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_prepare_v2(db, "SELECT data FROM chunk ORDER BY random()", -1, &st, NULL), SQLITE_OK);
	unsigned seed = 5;
	for (int k = 0; k < 200; k++) {
		if (sqlite3_step(st) != SQLITE_ROW) {
			sqlite3_reset(st);
			sqlite3_step(st);
		}
		size_t n = (size_t)sqlite3_column_bytes(st, 0), bit = (size_t)rand_r(&seed) % (n * 8);
		char flipped[4096];
		flip(&whole, sqlite3_column_blob(st, 0), n, bit);
		FILE *f = fopen(bad, "w");
		assert_int_equal(fwrite(whole.data, 1, whole.len, f), whole.len);
		fclose(f);
		memcpy(flipped, sqlite3_column_blob(st, 0), n);
		flipped[bit / 8] ^= (char)(1 << bit % 8);
		flip(&whole, flipped, n, bit);
		struct mc_error e;
		assert_int_equal(check_file(bad, &e), MC_ECORRUPT);
		if (k % 50)
			continue;
		struct mc_buf report = { 0 };
		OK(mc_store_salvage(bad, saved, NULL, NULL, &report, E));
		assert_non_null(strstr(mc_buf_text(&report), "1 damaged ones left out"));
		assert_int_equal(check_file(saved, &e), 0);
		mc_buf_release(&report);
		unlink(saved);
	}
	sqlite3_finalize(st);
	sqlite3_close(db);
	mc_buf_release(&whole);
	struct mc_error e;
	assert_int_equal(check_file(path, &e), 0);
}

static void references_to_nothing_are_noticed(void **state)
{
	(void)state;
	struct mc_store *w = open_as(path, MC_STORE_WRITE);
	int64_t ids[LIVES], program;
	set_up(w, ids, &program);
	write_ticks(w, ids, program, 0, 300);
	mc_store_close(w);
	static const char *const damage[] = { "UPDATE incarnation SET program = 65 WHERE id = 1",
		"UPDATE incarnation SET build = 9 WHERE id = 2", "UPDATE incarnation SET host = 77 WHERE id = 3",
		"UPDATE incarnation SET last_after = -5 WHERE id = 4", "UPDATE round SET last_ms = 1 WHERE id = 1",
		"DELETE FROM round WHERE id = 2", "INSERT INTO deploy VALUES (1, 9, 0, 0, 0, 0, 0, '', '', '', '', '', '')" };
	char good[128];
	snprintf(good, sizeof good, "%s/good.db", dir);
	copy_file(path, good);
	struct mc_error e;
	assert_int_equal(check_file(path, &e), 0);
	for (size_t i = 0; i < sizeof damage / sizeof *damage; i++) {
		copy_file(good, path);
		sql(damage[i]);
		if (check_file(path, &e) != MC_ECORRUPT)
			fail_msg("not noticed: %s", damage[i]);
	}
}

/* Reading goes on without a damaged chunk, and says so. */
static void damage_is_a_gap(void **state)
{
	(void)state;
	struct mc_store *w = open_as(path, MC_STORE_WRITE);
	int64_t ids[LIVES], program;
	set_up(w, ids, &program);
	write_ticks(w, ids, program, 0, 1000);
	mc_store_close(w);
	char text[128];
	snprintf(text, sizeof text, "UPDATE chunk SET data = data || x'00' WHERE id = (3 << 32) + %lld * 4", (long long)ids[2]);
	sql(text);
	struct mc_store *r = open_as(path, MC_STORE_READ);
	assert_null(mc_store_notice(r));
	expect_series(r, ids[1], 2, T0, STEP, 0, 999);
	assert_int_equal(mc_store_damaged(r), 0);
	struct mc_series s = { 0 };
	OK(mc_store_series(r, ids[2], INT64_MIN, INT64_MAX, &s, E));
	assert_true(s.n < 1000 && s.n >= 700);
	mc_series_release(&s);
	assert_int_equal(mc_store_damaged(r), 1);
	assert_non_null(strstr(mc_store_notice(r), "db check"));
	mc_store_close(r);
}

/* A page of zeros anywhere: noticed or harmless; salvage never fails where the header is whole. */
static void a_page_of_zeros_is_survived(void **state)
{
	(void)state;
	struct mc_store *w = open_as(path, MC_STORE_WRITE);
	int64_t ids[LIVES], program;
	set_up(w, ids, &program);
	write_ticks(w, ids, program, 0, 1500);
	mc_store_close(w);
	char bad[128], saved[128];
	snprintf(bad, sizeof bad, "%s/bad.db", dir);
	snprintf(saved, sizeof saved, "%s/saved.db", dir);
	struct stat sb;
	assert_int_equal(stat(path, &sb), 0);
	int noticed = 0, good = 0;
	size_t most = 0;
	for (long page = 1; page < sb.st_size / 4096; page++) {
		static const char zeros[4096];
		struct mc_error e;
		copy_file(path, bad);
		FILE *f = fopen(bad, "r+");
		fseek(f, page * 4096, SEEK_SET);
		fwrite(zeros, 1, sizeof zeros, f);
		fclose(f);
		noticed += check_file(bad, &e) < 0;
		struct mc_buf report = { 0 };
		if (mc_store_salvage(bad, saved, NULL, NULL, &report, &e) == 0) {
			good++;
			assert_int_equal(check_file(saved, &e), 0);
			struct mc_store *s = open_as(saved, MC_STORE_READ);
			struct mc_series r = { 0 };
			OK(mc_store_series(s, ids[0], INT64_MIN, INT64_MAX, &r, E));
			most = r.n > most ? r.n : most;
			mc_series_release(&r);
			mc_store_close(s);
		}
		mc_buf_release(&report);
		unlink(saved);
	}
	assert_true(noticed > 3);
	assert_true(good > 3);
	assert_int_equal(most, 1500);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, new_dir, remove_dir)
	const struct CMUnitTest tests[] = {
		TEST(flipped_bits_are_noticed),
		TEST(references_to_nothing_are_noticed),
		TEST(damage_is_a_gap),
		TEST(a_page_of_zeros_is_survived),
	};
	return cmocka_run_group_tests_name("store damage", tests, NULL, NULL);
}
