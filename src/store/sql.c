/* Statements, and SQLite's errors as ours. */
#include <stddef.h>
#define SQL_TEXTS
#include "internal.h"

#include <stdlib.h>
#include <string.h>

const char *st_sql_text(enum sql_id id)
{
	return sql_texts[id];
}

const char *st_sql_name(enum sql_id id)
{
	return sql_names[id];
}

const char *st_migration(int number)
{
	return sql_migrations[number - 1];
}

static int code_of(int rc)
{
	switch (rc & 255) {
	case SQLITE_NOMEM: return MC_ENOMEM;
	case SQLITE_FULL: return MC_EFULL;
	case SQLITE_BUSY: case SQLITE_LOCKED: return MC_EBUSY;
	case SQLITE_CORRUPT: return MC_ECORRUPT;
	case SQLITE_NOTADB: return MC_EFOREIGN;
	case SQLITE_READONLY: case SQLITE_PERM: case SQLITE_AUTH: return MC_EPERM;
	case SQLITE_TOOBIG: return MC_ELIMIT;
	default: return MC_EIO;
	}
}

int st_sql_fail(struct mc_store *s, const char *what, struct mc_error *err)
{
	int rc = s->db ? sqlite3_extended_errcode(s->db) : SQLITE_NOMEM;
	int code = code_of(rc), sys = s->db ? sqlite3_system_errno(s->db) : 0;
	if (code == MC_EFULL)
		s->full = true;
	if (code == MC_ENOMEM)
		return mc_fail(err, code, 0, "%s: no memory for %s", s->path, what);
	const char *why = s->db ? sqlite3_errmsg(s->db) : "no memory";
	/* whoever opens it for writing says that too */
	if (code == MC_ECORRUPT && !s->writer)
		return mc_fail(err, code, 0, "%s: %s: %s; `memculprit db check` says where, `memculprit db salvage FILE` saves the rest", s->path, what, why);
	return mc_fail(err, code, code == MC_EIO ? sys : 0, "%s: %s: %s", s->path, what, why);
}

int st_stmt(struct mc_store *s, enum sql_id id, sqlite3_stmt **ret, struct mc_error *err)
{
	if (!s->stmt[id] &&
		sqlite3_prepare_v3(s->db, sql_texts[id], -1, SQLITE_PREPARE_PERSISTENT, &s->stmt[id], NULL) != SQLITE_OK)
		return st_sql_fail(s, sql_names[id], err);
	sqlite3_reset(s->stmt[id]);
	sqlite3_clear_bindings(s->stmt[id]);
	*ret = s->stmt[id];
	return 0;
}

int st_step(struct mc_store *s, sqlite3_stmt *st, struct mc_error *err)
{
	int rc = sqlite3_step(st);
	if (rc == SQLITE_ROW)
		return ST_ROW;
	if (rc == SQLITE_DONE) {
		sqlite3_reset(st);
		return ST_DONE;
	}
	const char *what = "a statement";
	for (size_t i = 0; i < SQL_COUNT; i++)
		if (s->stmt[i] == st)
			what = sql_names[i];
	int code = st_sql_fail(s, what, err);
	sqlite3_reset(st);
	return code;
}

static int bind_all(struct mc_store *s, enum sql_id id, sqlite3_stmt **st, unsigned count, va_list ap,
	struct mc_error *err)
{
	int rc = st_stmt(s, id, st, err);
	for (unsigned i = 0; rc == 0 && i < count; i++)
		sqlite3_bind_int64(*st, (int)i + 1, va_arg(ap, int64_t));
	return rc;
}

int st_run(struct mc_store *s, enum sql_id id, struct mc_error *err, unsigned count, ...)
{
	va_list ap;
	sqlite3_stmt *st = NULL;
	va_start(ap, count);
	int rc = bind_all(s, id, &st, count, ap, err);
	va_end(ap);
	if (rc < 0)
		return rc;
	rc = st_step(s, st, err);
	sqlite3_reset(st);
	return rc < 0 ? rc : 0;
}

int st_run_blob(struct mc_store *s, enum sql_id id, uint64_t key, const struct mc_buf *blob, struct mc_error *err)
{
	sqlite3_stmt *st = NULL;
	int rc = st_stmt(s, id, &st, err);
	if (rc < 0)
		return rc;
	sqlite3_bind_int64(st, 1, (int64_t)key);
	sqlite3_bind_blob64(st, 2, blob->data, blob->len, SQLITE_STATIC);
	rc = st_step(s, st, err);
	sqlite3_clear_bindings(st);
	return rc;
}

int st_number(struct mc_store *s, enum sql_id id, int64_t *ret, struct mc_error *err, unsigned count, ...)
{
	va_list ap;
	sqlite3_stmt *st = NULL;
	va_start(ap, count);
	int rc = bind_all(s, id, &st, count, ap, err);
	va_end(ap);
	if (rc < 0)
		return rc;
	rc = st_step(s, st, err);
	if (rc == ST_ROW) {
		if (sqlite3_column_type(st, 0) == SQLITE_NULL)
			rc = ST_DONE;
		else
			*ret = sqlite3_column_int64(st, 0);
	}
	sqlite3_reset(st);
	return rc;
}

int st_exec(struct mc_store *s, const char *sql, struct mc_error *err)
{
	if (sqlite3_exec(s->db, sql, NULL, NULL, NULL) != SQLITE_OK)
		return st_sql_fail(s, sql, err);
	return 0;
}

int st_begin(struct mc_store *s, struct mc_error *err)
{
	if (s->writer)
		return st_exec(s, "BEGIN IMMEDIATE", err);
	return st_exec(s, "BEGIN", err);
}

int st_commit(struct mc_store *s, struct mc_error *err)
{
	return st_exec(s, "COMMIT", err);
}

void st_rollback(struct mc_store *s)
{
	if (s->writer) {
		s->rounds_bad = true;
		st_bundles_free(s);
	}
	/* SQLite may have rolled back already; there is nothing to do about an error here */
	if (!sqlite3_get_autocommit(s->db))
		sqlite3_exec(s->db, "ROLLBACK", NULL, NULL, NULL);
}

char *st_text(sqlite3_stmt *st, int column)
{
	const char *text = (const char *)sqlite3_column_text(st, column);
	if (!text && sqlite3_column_type(st, column) != SQLITE_NULL)
		return NULL;
	return mc_strdup(text ? text : "");
}

void st_finalize(struct mc_store *s)
{
	for (size_t i = 0; i < SQL_COUNT; i++) {
		sqlite3_finalize(s->stmt[i]);
		s->stmt[i] = NULL;
	}
}

int st_need_writer(struct mc_store *s, struct mc_error *err)
{
	return s->writer ? 0 : mc_fail(err, MC_EPERM, 0, "%s is open for reading only", s->path);
}
