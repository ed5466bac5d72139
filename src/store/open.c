/* Opening, migrating and closing. */
#include "internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int st_say(struct mc_store *s, struct mc_error *err, const char *fmt, ...)
{
	struct mc_buf b = { 0 };
	if (s->notice)
		mc_buf_printf(&b, "%s; ", s->notice);
	va_list ap;
	va_start(ap, fmt);
	mc_buf_vprintf(&b, fmt, ap);
	va_end(ap);
	if (mc_buf_check(&b, err) < 0) {
		mc_buf_release(&b);
		return MC_ENOMEM;
	}
	free(s->notice);
	s->notice = b.data;
	return 0;
}

static int pragma_number(struct mc_store *s, const char *sql, int64_t *ret, struct mc_error *err)
{
	sqlite3_stmt *st = NULL;
	int rc = sqlite3_prepare_v2(s->db, sql, -1, &st, NULL);
	if (rc == SQLITE_OK && sqlite3_step(st) == SQLITE_ROW) {
		*ret = sqlite3_column_int64(st, 0);
		sqlite3_finalize(st);
		return 0;
	}
	rc = st_sql_fail(s, "reading its header", err);
	sqlite3_finalize(st);
	return rc;
}

/* ---- connecting ---- */

static int connect_as(struct mc_store *s, const char *name, int flags, struct mc_error *err)
{
	int rc = sqlite3_open_v2(name, &s->db, flags | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, NULL);
	if (rc == SQLITE_OK) {
		sqlite3_busy_timeout(s->db, 5000);
		return 0;
	}
	rc = st_sql_fail(s, "opening it", err);
	sqlite3_close(s->db);
	s->db = NULL;
	return rc;
}

static bool file_is_there(const char *path, const char *suffix)
{
	struct mc_buf b = { 0 };
	struct stat sb;
	mc_buf_printf(&b, "%s%s", path, suffix);
	bool there = !b.failed && stat(b.data, &sb) == 0 && sb.st_size > 0;
	mc_buf_release(&b);
	return there;
}

/* A file: URI with the characters that mean something there written as %XX. */
static int connect_immutable(struct mc_store *s, struct mc_error *err)
{
	struct mc_buf uri = { 0 };
	mc_buf_str(&uri, *s->path == '/' ? "file://" : "file:");
	for (const unsigned char *p = (const unsigned char *)s->path; *p; p++)
		if (strchr("%?#", *p) || *p < 33)
			mc_buf_printf(&uri, "%%%02X", *p);
		else
			mc_buf_add(&uri, p, 1);
	mc_buf_str(&uri, "?immutable=1");
	int rc = mc_buf_check(&uri, err);
	if (rc == 0)
		rc = connect_as(s, uri.data, SQLITE_OPEN_READONLY | SQLITE_OPEN_URI, err);
	mc_buf_release(&uri);
	s->immutable = rc == 0;
	if (rc == 0 && file_is_there(s->path, "-wal"))
		rc = st_say(s, err, "%s-wal is left over and cannot be read from here: the newest samples are missing", s->path);
	return rc;
}

/* A reader needs PATH-shm, or the right to make it; where it can't, the file itself is read as it is. */
static int connect_reader(struct mc_store *s, struct mc_error *err)
{
	int64_t version;
	int rc = connect_as(s, s->path, SQLITE_OPEN_READONLY, err);
	if (rc < 0)
		return rc;
	struct mc_error first;
	rc = pragma_number(s, "PRAGMA schema_version", &version, &first);
	if (rc == MC_EIO || rc == MC_EPERM) {
		sqlite3_close(s->db);
		s->db = NULL;
		return connect_immutable(s, err);
	}
	if (rc < 0 && err)
		*err = first;
	return rc;
}

static int look_at_file(struct mc_store *s, struct mc_error *err)
{
	struct stat sb;
	if (stat(s->path, &sb) < 0) {
		if (errno == ENOENT && s->writer)
			return 0;
		if (errno == ENOENT || errno == ENOTDIR)
			return mc_fail(err, MC_ENOTFOUND, 0, "there is no database %s", s->path);
		return mc_fail(err, errno == EACCES ? MC_EPERM : MC_EIO, errno, "%s", s->path);
	}
	if (!S_ISREG(sb.st_mode))
		return mc_fail(err, MC_EFOREIGN, 0, "%s is not a file", s->path);
	if (access(s->path, s->writer ? R_OK | W_OK : R_OK) < 0)
		return mc_fail(err, MC_EPERM, errno, "%s", s->path);
	if (sb.st_size == 0 && !s->writer)
		return mc_fail(err, MC_ENOTFOUND, 0, "%s is empty", s->path);
	return 0;
}

/* ---- whose file, which schema ---- */

static int foreign(struct mc_store *s, struct mc_error *err)
{
	return mc_fail(err, MC_EFOREIGN, 0, "%s is not a database of memculprit; --db FILE names another", s->path);
}

/* *ret: the schema's version; 0 for a file that is to be set up. */
static int identify(struct mc_store *s, int64_t *ret, struct mc_error *err)
{
	int64_t id = 0, tables = 0;
	int rc = pragma_number(s, "PRAGMA application_id", &id, err);
	if (rc == 0)
		rc = pragma_number(s, "PRAGMA user_version", ret, err);
	if (rc == 0)
		rc = pragma_number(s, "SELECT count(*) FROM sqlite_schema", &tables, err);
	if (rc == MC_EFOREIGN)
		return foreign(s, err);
	if (rc < 0)
		return rc;
	if (id == ST_APPLICATION_ID && *ret > 0)
		return 0;
	if (id == 0 && *ret == 0 && tables == 0) {
		if (s->writer)
			return 0;
		if (s->immutable && s->notice)
			return mc_fail(err, MC_EUNSUPPORTED, 0, "%s: all of it is in %s-wal, which can't be read from here: copy both to "
				"where files can be written", s->path, s->path);
		return mc_fail(err, MC_ENOTFOUND, 0, "%s is empty", s->path);
	}
	return foreign(s, err);
}

static int run_migration(struct mc_store *s, int number, struct mc_error *err)
{
	char set[96];
	snprintf(set, sizeof set, "PRAGMA application_id = %d; PRAGMA user_version = %d", ST_APPLICATION_ID, number);
	int rc = st_exec(s, "BEGIN IMMEDIATE", err);
	if (rc == 0)
		rc = st_exec(s, st_migration(number), err);
	if (rc == 0)
		rc = st_exec(s, set, err);
	if (rc == 0)
		rc = st_commit(s, err);
	if (rc < 0)
		st_rollback(s);
	return rc;
}

/* A copy as PATH.before-N, so that nothing of an old version is lost by an upgrade. */
static int copy_before(struct mc_store *s, int64_t version, struct mc_error *err)
{
	struct mc_buf name = { 0 };
	mc_buf_printf(&name, "%s.before-%lld", s->path, (long long)version + 1);
	int rc = mc_buf_check(&name, err);
	if (rc == 0)
		rc = mc_store_backup(s, name.data, err);
	if (rc == MC_EEXIST) /* of an upgrade that was cut short */
		rc = 0;
	mc_buf_release(&name);
	return rc;
}

static int migrate(struct mc_store *s, int64_t version, struct mc_error *err)
{
	int rc = 0;
	if (version == 0) {
		/* both can be chosen before the first table only */
		rc = st_exec(s, "PRAGMA page_size = 4096; PRAGMA auto_vacuum = INCREMENTAL; PRAGMA journal_mode = WAL", err);
	} else if (version < SQL_MIGRATIONS)
		rc = copy_before(s, version, err);
	for (int64_t v = version + 1; v <= SQL_MIGRATIONS && rc == 0; v++)
		rc = run_migration(s, (int)v, err);
	/* so that whoever can't read the log finds a database at all; a failure is met again, and said, later */
	if (rc == 0 && version < SQL_MIGRATIONS)
		sqlite3_wal_checkpoint_v2(s->db, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
	return rc;
}

static int check_version(struct mc_store *s, int64_t version, struct mc_error *err)
{
	if (version > SQL_MIGRATIONS && s->writer)
		return mc_fail(err, MC_EFOREIGN, 0, "%s was written by a newer memculprit (schema %lld, known here: %d); use that one, or another file", s->path,
			(long long)version, SQL_MIGRATIONS);
	if (version > SQL_MIGRATIONS)
		return st_say(s, err, "%s was written by a newer memculprit (schema %lld, known here: %d); what is new in it is not shown",
			s->path, (long long)version, SQL_MIGRATIONS);
	if (version < SQL_MIGRATIONS && !s->writer)
		return mc_fail(err, MC_EUNSUPPORTED, 0, "%s has the older schema %lld: 'memculprit serve' brings it up to date, or 'memculprit db compact'",
			s->path, (long long)version);
	return 0;
}

/* ---- settings ---- */

static int limit_cache(struct mc_store *s, struct mc_error *err)
{
	char text[64];
	if (s->cache_kib == 0)
		return 0;
	snprintf(text, sizeof text, "PRAGMA cache_size = -%u", s->cache_kib);
	return st_exec(s, text, err);
}

static int set_up_writer(struct mc_store *s, struct mc_error *err)
{
	int rc = st_exec(s, "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA secure_delete = OFF;"
		"PRAGMA journal_size_limit = 8388608; PRAGMA cache_size = -2000;"
		"PRAGMA temp_store = MEMORY; PRAGMA trusted_schema = OFF", err);
	if (rc == 0)
		rc = limit_cache(s, err);
	return rc < 0 ? rc : st_limit(s, err);
}

static int register_host(struct mc_store *s, struct mc_error *err)
{
	uint32_t id;
	int rc = st_begin(s, err);
	if (rc < 0)
		return rc;
	rc = st_host_id(s, &id, err);
	if (rc == 0)
		rc = st_fact_put(s, "store.host", s->host, err);
	if (rc == 0)
		rc = st_commit(s, err);
	if (rc < 0)
		st_rollback(s);
	return rc;
}

static int open_writer(struct mc_store *s, struct mc_error *err)
{
	int64_t version = 0;
	int rc = st_lock(s, err);
	if (rc == 0)
		rc = connect_as(s, s->path, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, err);
	if (rc == 0)
		rc = identify(s, &version, err);
	if (rc == 0)
		rc = check_version(s, version, err);
	if (rc == 0)
		rc = migrate(s, version, err);
	if (rc == 0)
		rc = set_up_writer(s, err);
	if (rc == 0)
		rc = st_state_load(s, err);
	if (rc == 0)
		rc = st_catalog_load(s, err);
	if (rc == 0)
		rc = register_host(s, err);
	if (rc == MC_ECORRUPT && err) {
		struct mc_error what = *err;
		mc_fail(err, rc, 0, "%s is damaged (%.300s): `memculprit db salvage NEWFILE` saves the rest", s->path, what.text);
	}
	return rc;
}

static int open_reader(struct mc_store *s, struct mc_error *err)
{
	int64_t version = 0;
	int rc = connect_reader(s, err);
	if (rc == MC_EFOREIGN)
		return foreign(s, err);
	if (rc == 0)
		rc = identify(s, &version, err);
	if (rc == 0)
		rc = check_version(s, version, err);
	if (rc == 0)
		rc = st_exec(s, "PRAGMA query_only = ON; PRAGMA cache_size = -32000; PRAGMA trusted_schema = OFF", err);
	return rc < 0 ? rc : limit_cache(s, err);
}

static void free_store(struct mc_store *s)
{
	st_finalize(s);
	sqlite3_close(s->db);
	st_unlock(s);
	st_blocks_free(s);
	st_bundles_free(s);
	st_hot_release(&s->hot);
	st_tick_release(&s->tick);
	st_cols_release(&s->cols);
	mc_buf_release(&s->blob);
	st_pending_drop(s);
	mc_map_free(s->programs);
	mc_map_free(s->newest);
	free(s->pending);
	free(s->sealed);
	free(s->rounds);
	free(s->path);
	free(s->host);
	free(s->notice);
	free(s);
}

int mc_store_open(const struct mc_store_config *c, struct mc_store **ret, struct mc_error *err)
{
	struct mc_store *s = calloc(1, sizeof *s);
	if (!s)
		return mc_nomem(err, "the store");
	s->lock_fd = -1;
	s->writer = c->mode == MC_STORE_WRITE;
	s->quota = c->quota_bytes;
	s->cache_kib = c->cache_kib;
	s->keep_ms = c->keep_ms;
	s->keep_hourly_ms = c->keep_hourly_ms;
	s->state_bad = s->rounds_bad = true;
	s->path = mc_strdup(c->path);
	s->host = mc_strdup(c->host ? c->host : s->writer ? "localhost" : "");
	int rc = s->path && s->host ? look_at_file(s, err) : mc_nomem(err, "the store");
	if (rc == 0)
		rc = s->writer ? open_writer(s, err) : open_reader(s, err);
	if (rc < 0) {
		free_store(s);
		return rc;
	}
	*ret = s;
	return 0;
}

void mc_store_close(struct mc_store *s)
{
	if (!s)
		return;
	if (s->writer) {
		mc_store_rollback(s);
		/* what fails here loses nothing: the log is on the disk and is read at the next opening */
		if (s->state_bad ? st_state_load(s, NULL) == 0 : true)
			st_seal_all(s, NULL);
		st_finalize(s);
		sqlite3_wal_checkpoint_v2(s->db, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
	}
	free_store(s);
}

const char *mc_store_notice(const struct mc_store *s)
{
	return s->notice;
}

uint64_t mc_store_damaged(const struct mc_store *s)
{
	return s->damaged;
}

static uint64_t size_of(const char *path, const char *suffix)
{
	struct mc_buf b = { 0 };
	struct stat sb;
	mc_buf_printf(&b, "%s%s", path, suffix);
	uint64_t size = !b.failed && stat(b.data, &sb) == 0 ? (uint64_t)sb.st_size : 0;
	mc_buf_release(&b);
	return size;
}

uint64_t mc_store_bytes(const struct mc_store *s)
{
	return size_of(s->path, "") + size_of(s->path, "-wal");
}
