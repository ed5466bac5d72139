/* Check, copy, compact. */
#include "internal.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#define STRUCTURE 0.3 /* of the work */

struct check {
	struct mc_store *s;
	mc_progress_fn progress;
	void *user;
	struct mc_buf *report;
	int64_t done, all;
	uint64_t bad;
};

static void found(struct check *k, const char *text)
{
	mc_buf_str(k->report, text);
	mc_buf_add(k->report, "\n", 1);
	k->bad++;
}

static void advance(struct check *k, const char *what)
{
	if ((k->done++ & 255) == 0 && k->progress && k->all > 0)
		k->progress(k->user, STRUCTURE + (1 - STRUCTURE) * (double)k->done / (double)(k->all + 1), what);
}

static int check_structure(struct check *k, struct mc_error *err)
{
	sqlite3_stmt *st = NULL;
	if (sqlite3_prepare_v2(k->s->db, "PRAGMA integrity_check(100)", -1, &st, NULL) != SQLITE_OK)
		return st_sql_fail(k->s, "checking its structure", err);
	int rc;
	while ((rc = sqlite3_step(st)) == SQLITE_ROW) {
		const char *text = (const char *)sqlite3_column_text(st, 0);
		if (text && strcmp(text, "ok") != 0)
			found(k, text);
	}
	int code = rc == SQLITE_DONE ? 0 : st_sql_fail(k->s, "checking its structure", err);
	sqlite3_finalize(st);
	return code;
}

static int check_chunk(struct mc_store *s, sqlite3_stmt *st, struct mc_error *err)
{
	struct st_clock clock = st_clock_of(s);
	struct st_cols c = { .want = UINT32_MAX };
	struct st_parts p;
	uint64_t key = (uint64_t)sqlite3_column_int64(st, 0);
	const void *data = sqlite3_column_blob(st, 1);
	size_t len = (size_t)sqlite3_column_bytes(st, 1);
	int rc = (key & 3) == ST_BUNDLE ? st_bundle_decode(key, data, len, &clock, &c, &p, err) :
		st_chunk_decode(key, data, len, &clock, INT64_MIN, INT64_MAX, &c, err);
	st_cols_release(&c);
	return rc;
}

static int check_ticks(sqlite3_stmt *st, struct mc_error *err)
{
	int64_t t[ST_TICKS];
	size_t n;
	return st_ticks_decode((uint64_t)sqlite3_column_int64(st, 0), sqlite3_column_blob(st, 1),
		(size_t)sqlite3_column_bytes(st, 1), t, &n, err);
}

static int check_life(sqlite3_stmt *st, struct mc_error *err)
{
	const void *data;
	size_t len;
	return st_life_data(st, 1, &data, &len) ? 0 : mc_fail(err, MC_ECORRUPT, 0, "what is kept of incarnation %lld: its checksum is wrong",
		(long long)sqlite3_column_int64(st, 0));
}

static int check_rows(struct check *k, enum sql_id id, const char *what, struct mc_error *err)
{
	struct mc_error one;
	struct st_hot hot = { 0 };
	sqlite3_stmt *st = NULL;
	int rc = st_stmt(k->s, id, &st, err);
	if (rc < 0)
		return rc;
	sqlite3_bind_int64(st, 1, id == SQL_hot_from ? -1 : INT64_MIN);
	if (id != SQL_hot_from)
		sqlite3_bind_int64(st, 2, INT64_MAX);
	while ((rc = st_step(k->s, st, &one)) == ST_ROW) {
		if (id == SQL_hot_from)
			rc = st_hot_replay(&hot, (uint64_t)sqlite3_column_int64(st, 0), sqlite3_column_blob(st, 1),
				(size_t)sqlite3_column_bytes(st, 1), &one);
		else
			rc = id == SQL_tick_all ? check_ticks(st, &one) : id == SQL_life_data_all ? check_life(st, &one) : check_chunk(k->s, st, &one);
		if (rc == MC_ENOMEM)
			break;
		if (rc < 0)
			found(k, one.text);
		advance(k, what);
	}
	sqlite3_reset(st);
	st_hot_release(&hot);
	if (rc < 0 && rc != MC_ENOMEM) {
		found(k, one.text);
		rc = 0;
	}
	return rc < 0 ? mc_fail(err, rc, 0, "%s", one.text) : 0;
}

/* What one table says of another: a bit flipped in a number shows here. */
static int check_references(struct check *k, struct mc_error *err)
{
	sqlite3_stmt *st = NULL;
	struct mc_error one;
	int rc = st_stmt(k->s, SQL_check_references, &st, err);
	if (rc < 0)
		return rc;
	while ((rc = st_step(k->s, st, &one)) == ST_ROW) {
		const char *text = (const char *)sqlite3_column_text(st, 0);
		found(k, text ? text : "a reference to nothing");
	}
	if (rc < 0 && rc != MC_ENOMEM) {
		found(k, one.text);
		rc = 0;
	}
	return rc < 0 ? mc_fail(err, rc, 0, "%s", one.text) : 0;
}

/* Structure first, then what tables say of each other, then every checksum. */
static int check_all(struct check *k, struct mc_error *err)
{
	static const struct {
		enum sql_id id;
		const char *what;
	} blobs[] = { { SQL_chunk_all, "samples" }, { SQL_hourly_all, "hourly means" }, { SQL_tick_all, "times" }, { SQL_life_data_all, "what is kept of lives" },
		{ SQL_hot_from, "newest samples" } };
	if (k->progress)
		k->progress(k->user, 0, "structure");
	struct mc_error one = { 0 };
	int rc = check_structure(k, &one);
	if (rc == MC_ECORRUPT) {
		found(k, one.text);
		rc = 0;
	}
	if (rc < 0)
		return mc_fail(err, rc, 0, "%s", one.text);
	rc = check_references(k, err);
	/* a count that fails only loses the bar */
	st_number(k->s, SQL_blob_count, &k->all, NULL, 0);
	for (size_t i = 0; i < sizeof blobs / sizeof *blobs && rc == 0; i++)
		rc = check_rows(k, blobs[i].id, blobs[i].what, err);
	return rc < 0 ? rc : mc_buf_check(k->report, err);
}

int mc_store_check(struct mc_store *s, mc_progress_fn progress, void *user, struct mc_buf *report, struct mc_error *err)
{
	struct check k = { .s = s, .progress = progress, .user = user, .report = report };
	int rc = st_pending_flush(s, err);
	/* one transaction: tables are held against each other */
	if (rc == 0 && !s->bulk)
		rc = st_exec(s, "BEGIN", err);
	if (rc < 0)
		return rc;
	if (!s->writer) /* what is wrong with the log is found below */
		st_state_follow(s, NULL);
	rc = check_all(&k, err);
	if (!s->bulk)
		st_rollback(s);
	if (rc == 0 && progress)
		progress(user, 1, "done");
	if (rc == 0 && k.bad)
		return mc_fail(err, MC_ECORRUPT, 0, "%s is damaged in %llu places", s->path, (unsigned long long)k.bad);
	return rc;
}

static int copy_pages(struct mc_store *s, sqlite3 *to, const char *target, struct mc_error *err)
{
	sqlite3_backup *b = sqlite3_backup_init(to, "main", s->db, "main");
	if (!b)
		return mc_fail(err, MC_EIO, 0, "%s: %s", target, sqlite3_errmsg(to));
	/* all at once: a step at a time would begin anew whenever something is written */
	sqlite3_backup_step(b, -1);
	int rc = sqlite3_backup_finish(b);
	if (rc == SQLITE_OK)
		return 0;
	return mc_fail(err, (rc & 255) == SQLITE_FULL ? MC_EFULL : (rc & 255) == SQLITE_NOMEM ? MC_ENOMEM :
		(rc & 255) == SQLITE_CORRUPT ? MC_ECORRUPT : MC_EIO, 0, "%s: %s", target, sqlite3_errstr(rc));
}

static int no_target(const char *target, int code, struct mc_error *err)
{
	if (code == EEXIST)
		return mc_fail(err, MC_EEXIST, 0, "%s is there already; give the copy another name, or move that file away", target);
	if (code == ENOENT)
		return mc_fail(err, MC_ENOTFOUND, 0, "%s: there is no such folder; make it first", target);
	return mc_fail(err, code == EACCES || code == EPERM || code == EROFS ? MC_EPERM : MC_EIO, code, "%s can't be made", target);
}

int mc_store_backup(struct mc_store *s, const char *target, struct mc_error *err)
{
	int rc = s->bulk ? mc_fail(err, MC_EBUSY, 0, "%s: an import is under way", s->path) : st_pending_flush(s, err);
	if (rc < 0)
		return rc;
	int fd = open(target, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	if (fd < 0)
		return no_target(target, errno, err);
	close(fd);
	sqlite3 *to = NULL;
	if (sqlite3_open_v2(target, &to, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL) != SQLITE_OK)
		rc = mc_fail(err, MC_EIO, 0, "%s: %s", target, to ? sqlite3_errmsg(to) : "no memory");
	if (rc == 0)
		rc = copy_pages(s, to, target, err);
	if (rc == 0 && sqlite3_exec(to, "PRAGMA journal_mode = DELETE", NULL, NULL, NULL) != SQLITE_OK)
		rc = mc_fail(err, MC_EIO, 0, "%s: %s", target, sqlite3_errmsg(to));
	sqlite3_close(to);
	if (rc < 0)
		unlink(target);
	return rc;
}

int64_t st_pages_of(sqlite3 *db)
{
	sqlite3_stmt *st = NULL;
	int64_t n = 0;
	if (sqlite3_prepare_v2(db, "PRAGMA page_count", -1, &st, NULL) == SQLITE_OK && sqlite3_step(st) == SQLITE_ROW)
		n = sqlite3_column_int64(st, 0);
	sqlite3_finalize(st);
	return n;
}

double st_part_read(sqlite3 *db, int64_t pages)
{
	int n = 0, highest = 0;
	sqlite3_db_status(db, SQLITE_DBSTATUS_CACHE_MISS, &n, &highest, 0);
	return pages > 0 && n < pages ? (double)n / (double)pages : pages > 0;
}

struct compacting {
	sqlite3 *db;
	mc_progress_fn progress;
	void *user;
	int64_t pages;
};

static int on_progress(void *user)
{
	struct compacting *k = user;
	/* read all of it, then written back, of which nothing is heard */
	k->progress(k->user, 0.6 * st_part_read(k->db, k->pages), "compacting");
	return 0;
}

static int vacuum(struct mc_store *s, mc_progress_fn progress, void *user, struct mc_error *err)
{
	struct compacting k = { s->db, progress, user, st_pages_of(s->db) };
	int n, highest;
	sqlite3_db_status(s->db, SQLITE_DBSTATUS_CACHE_MISS, &n, &highest, 1);
	if (progress)
		sqlite3_progress_handler(s->db, 2000, on_progress, &k);
	/* the new file is put together beside, and not in memory */
	int rc = st_exec(s, "PRAGMA temp_store = FILE", err);
	if (rc == 0)
		rc = st_exec(s, "VACUUM", err);
	sqlite3_progress_handler(s->db, 0, NULL, NULL);
	sqlite3_exec(s->db, "PRAGMA temp_store = MEMORY", NULL, NULL, NULL);
	return rc;
}

int mc_store_compact(struct mc_store *s, mc_progress_fn progress, void *user, struct mc_error *err)
{
	int rc = st_need_writer(s, err);
	if (rc == 0 && s->bulk)
		rc = mc_fail(err, MC_EBUSY, 0, "%s: an import is under way; try again when it is done", s->path);
	if (rc == 0)
		rc = st_pending_flush(s, err);
	if (rc == 0)
		rc = vacuum(s, progress, user, err);
	if (rc == 0 && sqlite3_wal_checkpoint_v2(s->db, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL) != SQLITE_OK)
		rc = st_sql_fail(s, "giving space back", err);
	return rc == MC_EBUSY ? 0 : rc; /* a reader holds the log: it is cut later */
}
