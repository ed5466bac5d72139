/* What is too old or too much goes, oldest chunks first; deploys and answers never. */
#include "internal.h"

enum { VACUUM_PAGES = 256, ROOM_PAGES = 8 };

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

/* Drops the oldest finished round where it ends before `before`. 1: done; 0: there is none. */
static int drop_round(struct mc_store *s, int64_t before, struct mc_error *err)
{
	sqlite3_stmt *st;
	int rc = st_stmt(s, SQL_round_oldest, &st, err);
	if (rc == 0)
		rc = st_step(s, st, err);
	if (rc != ST_ROW)
		return rc;
	int64_t id = sqlite3_column_int64(st, 0), last = sqlite3_column_int64(st, 1);
	sqlite3_reset(st);
	if (last >= before || (id == (int64_t)s->round.id && !s->round_closed))
		return 0;
	rc = st_begin(s, err);
	if (rc < 0)
		return rc;
	rc = st_run(s, SQL_chunk_drop, err, 1, id);
	if (rc == 0)
		rc = st_run(s, SQL_dropped_add, err, 1, (int64_t)sqlite3_changes(s->db));
	if (rc == 0)
		rc = st_run(s, SQL_round_drop, err, 1, id);
	if (rc == 0)
		rc = st_commit(s, err);
	if (rc < 0) {
		st_rollback(s);
		return rc;
	}
	return 1;
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
		rc = drop_round(s, INT64_MAX, err);
		if (rc <= 0)
			return rc;
	}
}

int st_make_room(struct mc_store *s, struct mc_error *err)
{
	int64_t used = 0, all = 0;
	int rc = used_pages(s, &used, err);
	if (rc == 0)
		rc = pages(s, "PRAGMA page_count", &all, err);
	s->full = false;
	/* while somebody else keeps the disk full, dropping more and more would not help us */
	int64_t room = all / 8 > ROOM_PAGES ? all / 8 : ROOM_PAGES;
	return rc < 0 ? rc : shrink_to(s, all - room, err);
}

static int drop_lives(struct mc_store *s, int64_t before, struct mc_error *err)
{
	int rc = st_begin(s, err);
	if (rc < 0)
		return rc;
	rc = st_run(s, SQL_life_drop, err, 1, before);
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
	/* some room is kept: the next hours need it again */
	if (rc < 0 || free_ones < all / 4 || free_ones < VACUUM_PAGES)
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
	int dropped = 0;
	if (rc == 0 && s->keep_ms > 0)
		while ((rc = drop_round(s, now_ms - s->keep_ms, err)) > 0)
			dropped++;
	if (rc == 0 && s->quota)
		rc = shrink_to(s, (int64_t)(s->quota / 4096 / 10 * 9), err);
	if (rc == 0 && dropped)
		rc = drop_lives(s, now_ms - s->keep_ms, err);
	if (rc == 0)
		rc = give_back(s, err);
	return rc;
}
