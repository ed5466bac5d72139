/* Unit tests of the store, through its header: what goes in comes out, whatever way it is kept. */
#include "internal.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static char dir[64], path[96];

static int new_dir(void **state)
{
	(void)state;
	strcpy(dir, "/tmp/mc-store-XXXXXX");
	if (!mkdtemp(dir))
		return -1;
	snprintf(path, sizeof path, "%s/a.db", dir);
	return 0;
}

static int remove_dir(void **state)
{
	(void)state;
	char command[128];
	snprintf(command, sizeof command, "rm -rf %s", dir);
	return system(command);
}

#define OK(call) do { struct mc_error e_ = { 0 }; int rc_ = (call); \
	if (rc_ != 0) fail_msg("%s: %d %s", #call, rc_, e_.text); } while (0)
#define E &e_

static struct mc_store *open_as(enum mc_store_mode mode)
{
	struct mc_store *s = NULL;
	struct mc_store_config c = { .path = path, .mode = mode, .host = mode == MC_STORE_WRITE ? "web-1" : NULL };
	OK(mc_store_open(&c, &s, E));
	return s;
}

static int64_t add_life(struct mc_store *s, int64_t program, int64_t pid, int64_t start)
{
	struct mc_incarnation i = { .program = program, .key = "w", .pid = pid, .start_ms = start, .exe = "/bin/x",
		.version = "v1", .commit = "", .build_id = "ab", .how = "build-id" };
	OK(mc_store_incarnation(s, &i, E));
	return i.id;
}

/* A value that any field of any tick can be computed back from; NaN now and then. */
static double value(int64_t life, int64_t tick, unsigned f)
{
	switch (f) {
	case MC_F_ANON: return (double)(4096 * (1000 + life + tick / 3));
	case MC_F_FILE: return tick % 10 == 3 ? 8192.0 * (double)life : (double)NAN;
	case MC_F_SHMEM: return 4096;
	case MC_F_SWAP: return 0;
	case MC_F_UTIME: return (double)(tick * tick);
	case MC_F_PSS: return 0.25 * (double)tick;
	case MC_F_THREADS: return tick > 300 ? -3.0 : (double)NAN;
	case MC_F_RSS: return (double)(4096 * (1000 + life + tick / 3)) + 8192.0 * (double)life + 4096;
	default: return (double)NAN;
	}
}

static void fill_row(struct mc_row *r, int64_t id, int64_t life, int64_t tick)
{
	r->incarnation = id;
	for (unsigned f = 0; f < MC_F_COUNT; f++)
		r->v[f] = value(life, tick, f);
}

static bool same(double a, double b)
{
	return memcmp(&a, &b, sizeof a) == 0 || (isnan(a) && isnan(b));
}

static void expect_series(struct mc_store *s, int64_t id, int64_t life, int64_t t0, int64_t step, int64_t from, int64_t to)
{
	struct mc_series r = { 0 };
	OK(mc_store_series(s, id, t0 + from * step, t0 + to * step, &r, E));
	assert_int_equal(r.n, to - from + 1);
	for (size_t i = 0; i < r.n; i++) {
		int64_t tick = from + (int64_t)i;
		assert_int_equal(r.t_ms[i], t0 + tick * step);
		for (unsigned f = 0; f < MC_F_COUNT; f++) {
			double want = value(life, tick, f), got = r.v[f] ? r.v[f][i] : (double)NAN;
			if (!same(want, got))
				fail_msg("life %d tick %d %s: %g, not %g", (int)life, (int)tick, mc_field_name(f), got, want);
		}
	}
	assert_null(r.v[MC_F_VSIZE]);
	mc_series_release(&r);
}

enum { LIVES = 7, T0 = 1000000, STEP = 10000 };

static void write_ticks(struct mc_store *s, const int64_t ids[LIVES], int64_t program, int64_t from, int64_t to)
{
	for (int64_t tick = from; tick < to; tick++) {
		struct mc_row rows[LIVES];
		for (int i = 0; i < LIVES; i++)
			fill_row(&rows[i], ids[i], i + 1, tick);
		struct mc_load_row load = { .program = program };
		double host[MC_H_COUNT];
		for (unsigned f = 0; f < MC_L_COUNT; f++)
			load.v[f] = f == MC_L_CPU ? (double)tick / 100 : f == MC_L_IO_READ ? (double)NAN : (double)(tick * 7);
		for (unsigned f = 0; f < MC_H_COUNT; f++)
			host[f] = f == MC_H_IOWAIT ? 0.1 + (double)tick : (double)f;
		OK(mc_store_tick(s, T0 + tick * STEP, rows, LIVES, &load, 1, host, E));
	}
}

static void expect_all(struct mc_store *s, const int64_t ids[LIVES], int64_t program, int64_t ticks)
{
	for (int i = 0; i < LIVES; i++) {
		expect_series(s, ids[i], i + 1, T0, STEP, 0, ticks - 1);
		expect_series(s, ids[i], i + 1, T0, STEP, ticks / 3, ticks / 2);
	}
	struct mc_load_series l = { 0 };
	OK(mc_store_load_series(s, program, INT64_MIN, INT64_MAX, &l, E));
	assert_int_equal(l.n, ticks);
	assert_null(l.v[MC_L_IO_READ]);
	assert_true(same(l.v[MC_L_CPU][ticks - 1], (double)(ticks - 1) / 100));
	mc_load_series_release(&l);
	struct mc_host_series h = { 0 };
	OK(mc_store_host_series(s, INT64_MIN, INT64_MAX, &h, E));
	assert_int_equal(h.n, ticks);
	assert_true(same(h.v[MC_H_IOWAIT][ticks - 1], 0.1 + (double)(ticks - 1)));
	mc_host_series_release(&h);
}

static void set_up(struct mc_store *s, int64_t ids[LIVES], int64_t *program)
{
	OK(mc_store_program(s, "logic_worker", program, E));
	for (int i = 0; i < LIVES; i++)
		ids[i] = add_life(s, *program, 100 + i, T0 - 5000);
}

static void what_goes_in_comes_out(void **state)
{
	(void)state;
	struct mc_store *w = open_as(MC_STORE_WRITE);
	int64_t ids[LIVES], program;
	set_up(w, ids, &program);
	write_ticks(w, ids, program, 0, 10);
	expect_all(w, ids, program, 10);
	struct mc_store *r = open_as(MC_STORE_READ);
	expect_all(r, ids, program, 10);
	write_ticks(w, ids, program, 10, 1000);
	expect_all(w, ids, program, 1000);
	expect_all(r, ids, program, 1000);
	mc_store_close(w);
	expect_all(r, ids, program, 1000);
	mc_store_close(r);
	w = open_as(MC_STORE_WRITE);
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
	struct mc_store *w = open_as(MC_STORE_WRITE);
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
	struct mc_store *w = open_as(MC_STORE_WRITE), *r = open_as(MC_STORE_READ);
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
	struct mc_store *w = open_as(MC_STORE_WRITE);
	int64_t ids[LIVES], program;
	set_up(w, ids, &program);
	write_ticks(w, ids, program, 900, 1200);
	write_ticks(w, ids, program, 300, 700);
	struct mc_store *r = open_as(MC_STORE_READ);
	expect_series(r, ids[2], 3, T0, STEP, 300, 699);
	expect_series(r, ids[2], 3, T0, STEP, 900, 1199);
	mc_store_close(r);
	write_ticks(w, ids, program, 0, 1100);
	write_ticks(w, ids, program, 1190, 1300);
	expect_all(w, ids, program, 1300);
	mc_store_close(w);
	w = open_as(MC_STORE_WRITE);
	expect_all(w, ids, program, 1300);
	mc_store_close(w);
}

/* Met, written and met again in any order, each is the one that it was; another start is another life. */
static void a_life_is_found_again(void **state)
{
	(void)state;
	enum { MANY = 3000 }; /* more than wait to be written at a time */
	static int64_t id[MANY];
	struct mc_store *w = open_as(MC_STORE_WRITE);
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
	w = open_as(MC_STORE_WRITE);
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
	struct mc_store *w = open_as(MC_STORE_WRITE);
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
		struct mc_store *s = k ? open_as(MC_STORE_READ) : w;
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
	struct mc_store *w = open_as(MC_STORE_WRITE);
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

static void sql(const char *text)
{
	sqlite3 *db;
	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, text, NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(db);
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
	struct mc_store *r = open_as(MC_STORE_READ);
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
	struct mc_store *w = open_as(MC_STORE_WRITE);
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
	struct mc_store *w = open_as(MC_STORE_WRITE);
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
	struct mc_store *w = open_as(MC_STORE_WRITE);
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
		struct mc_store *r = NULL;
		struct mc_store_config c = { .path = k ? saved : copy, .mode = MC_STORE_READ };
		OK(mc_store_open(&c, &r, E));
		expect_all(r, ids, program, 700);
		mc_store_close(r);
	}
}

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
	struct mc_store *w = open_as(MC_STORE_WRITE);
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
	struct mc_store *w = open_as(MC_STORE_WRITE);
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
	struct mc_store *w = open_as(MC_STORE_WRITE);
	int64_t ids[LIVES], program;
	set_up(w, ids, &program);
	write_ticks(w, ids, program, 0, 1000);
	mc_store_close(w);
	char text[128];
	snprintf(text, sizeof text, "UPDATE chunk SET data = data || x'00' WHERE id = (3 << 32) + %lld * 4", (long long)ids[2]);
	sql(text);
	struct mc_store *r = open_as(MC_STORE_READ);
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
	struct mc_store *w = open_as(MC_STORE_WRITE);
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
			struct mc_store *s = NULL;
			struct mc_store_config c = { .path = saved, .mode = MC_STORE_READ };
			OK(mc_store_open(&c, &s, E));
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

static void a_read_only_copy_is_read(void **state)
{
	(void)state;
	struct mc_store *w = open_as(MC_STORE_WRITE);
	int64_t ids[LIVES], program;
	set_up(w, ids, &program);
	write_ticks(w, ids, program, 0, 300);
	struct mc_error e;
	struct mc_store *r = open_as(MC_STORE_READ);
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
	struct mc_store *w = open_as(MC_STORE_WRITE);
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
	struct mc_store *w = open_as(MC_STORE_WRITE);
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
		struct mc_store *s = k ? open_as(MC_STORE_READ) : w;
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
	struct mc_store *w = open_as(MC_STORE_WRITE);
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
	struct mc_store *w = open_as(MC_STORE_WRITE);
	int64_t program;
	OK(mc_store_program(w, "p", &program, E));
	struct mc_row rows[300];
	for (int i = 0; i < 300; i++)
		fill_row(&rows[i], add_life(w, program, 1 + i, T0 + i % 3), 1, 1);
	for (int t = 0; t < 3; t++)
		OK(mc_store_tick(w, T0 + t * STEP, rows, 300, NULL, 0, NULL, E));
	struct mc_store *r = open_as(MC_STORE_READ);
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
	struct mc_store *w = open_as(MC_STORE_WRITE);
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
	struct mc_store *r = open_as(MC_STORE_READ);
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
		TEST(flipped_bits_are_noticed),
		TEST(references_to_nothing_are_noticed),
		TEST(damage_is_a_gap),
		TEST(a_page_of_zeros_is_survived),
		TEST(a_read_only_copy_is_read),
		TEST(what_is_old_goes),
		TEST(a_program_is_read_at_once),
		TEST(a_long_life_comes_in_pieces),
		TEST(a_long_walk_is_in_pieces),
		TEST(what_is_kept_of_a_life),
	};
	return cmocka_run_group_tests_name("store", tests, NULL, NULL);
}
