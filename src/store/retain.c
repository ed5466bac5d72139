/* What is too old or too much goes, oldest chunks first; deploys and answers never. */
#include "internal.h"

#include <sys/statvfs.h>

enum { PAGE = 4096, VACUUM_PAGES = 256, ROOM_PAGES = 8, BATCH_ROUNDS = 24, BATCH_CHUNKS = 2400 };

static int pages(struct mc_store *s, const char *sql, int64_t *ret, struct mc_error *err)
{
	sqlite3_stmt *st = NULL;
	if (sqlite3_prepare_v2(s->db, sql, -1, &st, NULL) == SQLITE_OK && sqlite3_step(st) == SQLITE_ROW) {
		*ret = sqlite3_column_int64(st, 0);
		sqlite3_finalize(st);
		return 0;
	}
	int rc = st_sql_fail(s, sql, err);
	sqlite3_finalize(st);
	return rc;
}

/* The oldest finished rounds that end before `before`, at most `most`; *n of them. */
static int old_rounds(struct mc_store *s, int64_t before, int64_t *ids, size_t most, size_t *n, struct mc_error *err)
{
	sqlite3_stmt *st = NULL;
	*n = 0;
	int rc = st_stmt(s, SQL_round_oldest, &st, err);
	if (rc < 0)
		return rc;
	sqlite3_bind_int64(st, 1, before);
	sqlite3_bind_int64(st, 2, (int64_t)most);
	while ((rc = st_step(s, st, err)) == ST_ROW)
		if (sqlite3_column_int64(st, 0) != (int64_t)s->round.id || s->round_closed)
			ids[(*n)++] = sqlite3_column_int64(st, 0);
	return rc;
}

static int drop_one(struct mc_store *s, int64_t id, bool for_room, struct mc_error *err)
{
	s->rounds_bad = true;
	int rc = st_count_round(s, id, for_room, err);
	if (rc == 0)
		rc = st_run(s, SQL_chunk_drop, err, 1, id);
	return rc < 0 ? rc : st_run(s, SQL_round_drop, err, 1, id);
}

/* Short lives go with their samples: thousands of them a day would fill the file. Some at a time: there may be
 * millions. Of longer ones hourly means may be there. */
static int drop_some_lives(struct mc_store *s, struct mc_error *err)
{
	int64_t oldest, from = s->life_cursor, to;
	int rc = st_number(s, SQL_life_next_some, &to, err, 1, from);
	if (rc == ST_DONE) { /* round again */
		s->life_cursor = from = 0;
		rc = st_number(s, SQL_life_next_some, &to, err, 1, from);
	}
	if (rc == ST_ROW)
		rc = st_number(s, SQL_round_min, &oldest, err, 0);
	if (rc != ST_ROW)
		return rc;
	rc = st_run(s, SQL_life_drop_some, err, 3, oldest, from, to);
	if (rc == 0)
		rc = st_count_lives(s, sqlite3_changes(s->db), err);
	if (rc == 0)
		rc = st_run(s, SQL_life_data_drop_some, err, 2, from, to);
	s->life_cursor = to + 1;
	return rc;
}

/* Drops these rounds in one transaction; for_room: to have room now, else for their age. */
static int drop_rounds(struct mc_store *s, const int64_t *ids, size_t n, bool for_room, struct mc_error *err)
{
	struct st_rollup *hours = NULL;
	int rc = st_begin(s, err);
	if (rc < 0)
		return rc;
	if (!for_room && s->keep_hourly_ms > s->keep_ms)
		rc = st_rollup_read(s, ids, n, &hours, err);
	for (size_t i = 0; i < n && rc == 0; i++)
		rc = drop_one(s, ids[i], for_room, err);
	if (rc == 0 && for_room)
		rc = drop_some_lives(s, err);
	if (rc == 0 && hours)
		rc = st_rollup_write(s, hours, err);
	st_rollup_free(hours);
	if (rc == 0)
		rc = st_commit(s, err);
	if (rc < 0)
		st_rollback(s);
	return rc;
}

/* What is older than `before`: some rounds at a time, as many as a tick has time for and as make full
 * rows of hours. 1: some were dropped; 0: there is nothing to do. */
static int drop_old(struct mc_store *s, int64_t before, struct mc_error *err)
{
	int64_t ids[BATCH_ROUNDS], chunks = 1;
	size_t n;
	int rc = old_rounds(s, before, ids, BATCH_ROUNDS, &n, err);
	if (rc < 0 || n == 0)
		return rc;
	rc = st_number(s, SQL_round_chunks, &chunks, err, 1, ids[0]);
	if (rc < 0)
		return rc;
	int64_t batch = chunks < 1 ? BATCH_ROUNDS : BATCH_CHUNKS / chunks;
	batch = batch < 1 ? 1 : batch > BATCH_ROUNDS ? BATCH_ROUNDS : batch;
	if ((int64_t)n < batch)
		return 0;
	rc = drop_rounds(s, ids, (size_t)batch, false, err);
	return rc < 0 ? rc : 1;
}

static int used_pages(struct mc_store *s, int64_t *ret, struct mc_error *err)
{
	int64_t all = 0, free_ones = 0;
	int rc = pages(s, "PRAGMA page_count", &all, err);
	if (rc == 0)
		rc = pages(s, "PRAGMA freelist_count", &free_ones, err);
	*ret = all - free_ones;
	return rc;
}

/* Drops until at most `most` pages are in use. */
static int shrink_to(struct mc_store *s, int64_t most, struct mc_error *err)
{
	for (;;) {
		int64_t used = 0;
		int rc = used_pages(s, &used, err);
		if (rc < 0 || used <= most)
			return rc;
		int64_t id;
		size_t n;
		rc = old_rounds(s, INT64_MAX, &id, 1, &n, err);
		if (rc < 0 || n == 0)
			return rc;
		rc = drop_rounds(s, &id, 1, true, err);
		if (rc < 0)
			return rc;
	}
}

int st_make_room(struct mc_store *s, struct mc_error *err)
{
	int64_t used = 0, all = 0;
	/* a log that has outgrown the disk: what it holds goes into the file, which has most of these pages already */
	sqlite3_wal_checkpoint_v2(s->db, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
	int rc = used_pages(s, &used, err);
	if (rc == 0)
		rc = pages(s, "PRAGMA page_count", &all, err);
	s->full = false;
	/* while somebody else keeps the disk full, dropping more and more would not help us */
	int64_t room = all / 8 > ROOM_PAGES ? all / 8 : ROOM_PAGES;
	return rc < 0 ? rc : shrink_to(s, all - room, err);
}

/* On a disk that is full to the last byte nothing can be freed: deleting needs room in the log. So the file
 * stops growing while there is some left, and the oldest samples make room inside it. */
int st_limit(struct mc_store *s, struct mc_error *err)
{
	enum { RESERVE = 16 << 20, LOG_PAGES = 1000 };
	struct statvfs v;
	char sql[128];
	int64_t all = 0, limit = s->quota ? (int64_t)(s->quota / PAGE) : UINT32_MAX - 1, log_pages = LOG_PAGES;
	int rc = pages(s, "PRAGMA page_count", &all, err);
	if (rc == 0 && statvfs(s->path, &v) == 0 && v.f_blocks) {
		uint64_t size = (uint64_t)v.f_blocks * v.f_frsize, room = (uint64_t)v.f_bavail * v.f_frsize;
		uint64_t reserve = size / 4 < RESERVE ? size / 4 : RESERVE;
		int64_t grow = room > reserve ? (int64_t)((room - reserve) / PAGE) : 0;
		limit = all + grow < limit ? all + grow : limit;
		log_pages = (int64_t)(reserve / PAGE / 2) < log_pages ? (int64_t)(reserve / PAGE / 2) : log_pages;
	}
	if (rc < 0)
		return rc;
	snprintf(sql, sizeof sql, "PRAGMA max_page_count = %lld; PRAGMA wal_autocheckpoint = %lld", (long long)limit,
		(long long)(log_pages < 16 ? 16 : log_pages));
	return st_exec(s, sql, err);
}

/* Lives go with the last that is kept of them. */
static int drop_lives(struct mc_store *s, int64_t before, int64_t before_hourly, struct mc_error *err)
{
	int rc = st_begin(s, err);
	if (rc < 0)
		return rc;
	rc = st_count_hours(s, before_hourly, err);
	if (rc == 0)
		rc = st_run(s, SQL_hourly_drop, err, 1, before_hourly);
	if (rc == 0)
		rc = st_run(s, SQL_hourly_round_drop, err, 1, before_hourly);
	if (rc == 0)
		rc = st_run(s, SQL_life_drop, err, 2, before, before_hourly);
	if (rc == 0)
		rc = st_count_lives(s, sqlite3_changes(s->db), err);
	if (rc == 0)
		rc = st_run(s, SQL_life_data_drop, err, 0);
	if (rc == 0)
		rc = st_run(s, SQL_build_drop, err, 0);
	if (rc == 0)
		rc = st_run(s, SQL_name_drop, err, 1, s->host_id);
	if (rc == 0)
		rc = st_commit(s, err);
	if (rc < 0)
		st_rollback(s);
	return rc;
}

static int give_back(struct mc_store *s, struct mc_error *err)
{
	int64_t all = 0, free_ones = 0;
	int rc = pages(s, "PRAGMA page_count", &all, err);
	if (rc == 0)
		rc = pages(s, "PRAGMA freelist_count", &free_ones, err);
	bool over = s->quota && all > (int64_t)(s->quota / PAGE) && free_ones > 0;
	/* some room is kept: the next hours need it again */
	if (rc < 0 || (!over && (free_ones < all / 4 || free_ones < VACUUM_PAGES)))
		return rc;
	char sql[64];
	snprintf(sql, sizeof sql, "PRAGMA incremental_vacuum(%d)", VACUUM_PAGES);
	return st_exec(s, sql, err);
}

int mc_store_maintain(struct mc_store *s, int64_t now_ms, struct mc_error *err)
{
	int rc = st_need_writer(s, err);
	if (rc == 0 && s->bulk)
		return 0;
	bool dropped = false;
	if (rc == 0 && s->keep_ms > 0) {
		rc = drop_old(s, now_ms - s->keep_ms, err);
		dropped = rc > 0;
		if (rc == MC_EFULL)
			rc = st_make_room(s, err);
		rc = rc < 0 ? rc : 0;
	}
	if (rc == 0 && s->quota)
		rc = shrink_to(s, (int64_t)(s->quota / PAGE / 10 * 9), err);
	if (rc == 0 && dropped) {
		int64_t keep = s->keep_hourly_ms > s->keep_ms ? s->keep_hourly_ms : s->keep_ms;
		/* what waits for its batch is still there */
		rc = drop_lives(s, now_ms - s->keep_ms - BATCH_ROUNDS * 86400000LL, now_ms - keep, err);
	}
	int64_t oldest;
	if (rc == 0 && (rc = st_number(s, SQL_round_min, &oldest, err, 0)) == ST_ROW)
		rc = st_ticks_drop(s, oldest, err);
	if (rc >= 0)
		rc = give_back(s, err);
	return rc < 0 ? rc : st_limit(s, err);
}
