/* What can be read of a damaged file goes into a new one. */
#include "internal.h"

#include <string.h>
#include <unistd.h>

struct salvage {
	sqlite3 *from;
	struct mc_store *to;
	struct mc_buf *report;
};

static const struct {
	const char *name, *columns;
	int count;
} tables[] = {
	{ "name", "id, value", 2 },
	{ "program", "id, name", 2 },
	{ "build", "id, exe, version, revision, build_id, how", 6 },
	{ "incarnation", "id, program, host, slot, pid, start_ms, first_after, last_after, end_after, build", 10 },
	{ "round", "id, first_ms, last_ms", 3 },
	{ "chunk", "id, data", 2 },
	{ "hot", "id, data", 2 },
	{ "hourly", "id, data", 2 },
	{ "hourly_round", "id, first_ms, last_ms", 3 },
	{ "life", "incarnation, until_ms, data", 3 },
	{ "deploy", "id, program, unix_ms, first_seen_ms, author_ms, commit_ms, tag_ms, version, revision, build_id, host, "
		"note, source", 13 },
	{ "answer", "program, as_of_ms, json", 3 },
	{ "fact", "name, value", 2 },
};

/* A chunk whose checksum is wrong would only be met again later. */
static bool sound(size_t table, sqlite3_stmt *st, int64_t *first, int64_t *last)
{
	struct st_hot hot = { 0 };
	struct st_cols c = { .want = UINT32_MAX };
	bool is = true;
	const void *data = sqlite3_column_blob(st, 1);
	size_t len = (size_t)sqlite3_column_bytes(st, 1);
	uint64_t id = (uint64_t)sqlite3_column_int64(st, 0);
	if (strcmp(tables[table].name, "chunk") == 0 || strcmp(tables[table].name, "hourly") == 0)
		is = st_chunk_decode(id, data, len, INT64_MIN, INT64_MAX, &c, NULL) == 0;
	*first = c.n ? c.t[0] : 0;
	*last = c.n ? c.t[c.n - 1] : -1;
	st_cols_release(&c);
	st_hot_release(&hot);
	return is;
}

static int insert(sqlite3_stmt *in, sqlite3_stmt *out, int count)
{
	sqlite3_reset(out);
	for (int i = 0; i < count; i++)
		sqlite3_bind_value(out, i + 1, sqlite3_column_value(in, i));
	return sqlite3_step(out);
}

/* One pass over the table by rowid, upwards or down. Returns rows taken; *damaged: it ended early;
 * *bad: rows left out. */
static uint64_t pass(struct salvage *v, size_t t, bool down, sqlite3_stmt *out, bool *cut, uint64_t *bad)
{
	char sql[512];
	sqlite3_stmt *in = NULL;
	uint64_t taken = 0;
	bool rowid = strcmp(tables[t].name, "fact") != 0;
	snprintf(sql, sizeof sql, "SELECT %s FROM %s NOT INDEXED %s %s", tables[t].columns, tables[t].name,
		rowid ? "ORDER BY rowid" : "", rowid && down ? "DESC" : "");
	*cut = sqlite3_prepare_v2(v->from, sql, -1, &in, NULL) != SQLITE_OK;
	int rc = SQLITE_DONE;
	while (!*cut && (rc = sqlite3_step(in)) == SQLITE_ROW) {
		int64_t first, last, id = sqlite3_column_int64(in, 0);
		if (!sound(t, in, &first, &last)) {
			(*bad)++;
			continue;
		}
		if (insert(in, out, tables[t].count) != SQLITE_DONE)
			continue;
		taken += (uint64_t)sqlite3_changes(v->to->db);
		/* the life may be lost, or the log that said how long it lasts */
		if (strcmp(tables[t].name, "chunk") == 0 && (id & 3) == ST_LIFE && first <= last &&
			st_run(v->to, SQL_salvage_life, NULL, 2, (id & 0xffffffff) >> 2, first) == 0)
			st_run(v->to, SQL_life_sealed, NULL, 3, (id & 0xffffffff) >> 2, first, last);
	}
	if (rc != SQLITE_DONE)
		*cut = true;
	sqlite3_finalize(in);
	return taken;
}

static int take_table(struct salvage *v, size_t t, struct mc_error *err)
{
	char sql[512];
	int len = snprintf(sql, sizeof sql, "INSERT OR IGNORE INTO %s (%s) VALUES (?", tables[t].name, tables[t].columns);
	for (int i = 1; i < tables[t].count && len < (int)sizeof sql - 4; i++)
		len += snprintf(sql + len, sizeof sql - (size_t)len, ",?");
	snprintf(sql + len, sizeof sql - (size_t)len, ")");
	sqlite3_stmt *out = NULL;
	if (sqlite3_prepare_v2(v->to->db, sql, -1, &out, NULL) != SQLITE_OK)
		return st_sql_fail(v->to, "writing", err);
	bool cut = false, cut_again = false;
	uint64_t bad = 0, again = 0, taken = pass(v, t, false, out, &cut, &bad);
	if (cut) /* what lies behind the damage is reached from the other end */
		taken += pass(v, t, true, out, &cut_again, &again);
	sqlite3_finalize(out);
	mc_buf_printf(v->report, "%s: %llu rows saved", tables[t].name, (unsigned long long)taken);
	if (bad || again)
		mc_buf_printf(v->report, ", %llu damaged ones left out", (unsigned long long)(bad > again ? bad : again));
	if (cut)
		mc_buf_str(v->report, ", and some lost that could not be reached");
	mc_buf_str(v->report, "\n");
	return mc_buf_check(v->report, err);
}

static int take_all(struct salvage *v, struct mc_error *err)
{
	int rc = st_exec(v->to, "BEGIN IMMEDIATE; DELETE FROM name; DELETE FROM fact", err);
	for (size_t t = 0; t < sizeof tables / sizeof *tables && rc == 0; t++)
		rc = take_table(v, t, err);
	/* what was lost but is spoken of gets a place: every chunk and life must be found again */
	static const enum sql_id places[] = { SQL_salvage_rounds, SQL_salvage_programs, SQL_salvage_builds, SQL_salvage_names };
	for (size_t i = 0; i < sizeof places / sizeof *places && rc == 0; i++)
		rc = st_run(v->to, places[i], err, 0);
	if (rc == 0)
		rc = st_commit(v->to, err);
	return rc;
}

int mc_store_salvage(const char *path, const char *target, struct mc_buf *report, struct mc_error *err)
{
	struct salvage v = { .report = report };
	if (access(path, R_OK) < 0)
		return mc_fail(err, MC_ENOTFOUND, 0, "there is no database %s", path);
	if (access(target, F_OK) == 0)
		return mc_fail(err, MC_EEXIST, 0, "%s is there already", target);
	struct mc_store_config c = { .path = target, .mode = MC_STORE_WRITE };
	int rc = mc_store_open(&c, &v.to, err);
	if (rc < 0)
		return rc;
	if (sqlite3_open_v2(path, &v.from, SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX, NULL) != SQLITE_OK)
		rc = mc_fail(err, MC_EIO, 0, "%s: %s", path, v.from ? sqlite3_errmsg(v.from) : "no memory");
	if (rc == 0 && sqlite3_exec(v.from, "PRAGMA writable_schema = ON; SELECT 1 FROM chunk LIMIT 0", NULL, NULL, NULL) != SQLITE_OK)
		rc = mc_fail(err, MC_EFOREIGN, 0, "%s: nothing of memculprit can be read there: %s", path, sqlite3_errmsg(v.from));
	if (rc == 0)
		rc = take_all(&v, err);
	sqlite3_close(v.from);
	if (rc == 0)
		v.to->state_bad = v.to->catalog_bad = true;
	mc_store_close(v.to);
	if (rc < 0)
		unlink(target);
	return rc;
}
