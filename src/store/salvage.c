/* What can be read of a damaged file goes into a new one. */
#include "internal.h"

#include <string.h>
#include <unistd.h>

struct salvage {
	sqlite3 *from;
	struct mc_store *to;
	struct mc_buf *report;
	uint64_t dated; /* chunks whose ticks have lost their times */
};

enum kind { PLAIN, TICKS, CHUNKS, HOURS };
static const struct {
	const char *name, *columns;
	int count;
	enum kind kind;
} tables[] = {
	{ "name", "id, value", 2, PLAIN },
	{ "program", "id, name", 2, PLAIN },
	{ "build", "id, exe, version, revision, build_id, how", 6, PLAIN },
	{ "incarnation", "id, program, host, slot, pid, start_ms, first_after, last_after, end_after, build", 10, PLAIN },
	{ "round", "id, first_ms, last_ms", 3, PLAIN },
	{ "tick", "id, data", 2, TICKS },
	{ "chunk", "id, data", 2, CHUNKS }, /* after tick and the log: they know the times */
	{ "hourly", "id, data", 2, HOURS },
	{ "hourly_round", "id, first_ms, last_ms", 3, PLAIN },
	{ "life", "incarnation, until_ms, data", 3, PLAIN },
	{ "deploy", "id, program, unix_ms, first_seen_ms, author_ms, commit_ms, tag_ms, version, revision, build_id, host, "
		"note, source", 13, PLAIN },
	{ "answer", "program, as_of_ms, json", 3, PLAIN },
	{ "fact", "name, value", 2, PLAIN },
};
enum { NTABLES = sizeof tables / sizeof *tables };

/* The chunk with times of its own, where those of its ticks are lost: spread evenly they are some ms off. */
static bool date_anew(struct salvage *v, uint64_t id, const void *data, size_t len, struct st_cols *c)
{
	c->n = 0;
	v->to->blob.len = 0;
	v->to->blob.failed = false;
	if (st_chunk_decode(id, data, len, NULL, INT64_MIN, INT64_MAX, c, NULL) < 0 || c->n == 0 ||
		st_chunk_encode(id, c, NULL, &v->to->blob, NULL) < 0)
		return false;
	v->dated++;
	return true;
}

/* Binds the blob as it is to be written; false: it is damaged, and would only be met again later. */
static bool bind_blob(struct salvage *v, enum kind kind, sqlite3_stmt *in, sqlite3_stmt *out, int64_t *first, int64_t *last)
{
	struct st_cols c = { .want = UINT32_MAX };
	struct st_clock clock = st_clock_of(v->to);
	const void *data = sqlite3_column_blob(in, 1);
	size_t len = (size_t)sqlite3_column_bytes(in, 1), n;
	uint64_t id = (uint64_t)sqlite3_column_int64(in, 0);
	int64_t t[ST_TICKS];
	bool sound;
	if (kind == TICKS)
		return st_ticks_decode(id, data, len, t, &n, NULL) == 0;
	sound = st_chunk_decode(id, data, len, &clock, INT64_MIN, INT64_MAX, &c, NULL) == 0;
	if (!sound && kind == CHUNKS && date_anew(v, id, data, len, &c)) {
		sqlite3_bind_blob64(out, 2, v->to->blob.data, v->to->blob.len, SQLITE_TRANSIENT);
		sound = true;
	}
	*first = c.n ? c.t[0] : 0;
	*last = c.n ? c.t[c.n - 1] : -1;
	st_cols_release(&c);
	return sound;
}

/* One row; 1: taken, 0: there already, below 0: damaged. */
static int take_row(struct salvage *v, size_t table, sqlite3_stmt *in, sqlite3_stmt *out)
{
	enum kind kind = tables[table].kind;
	int64_t first = 0, last = -1, id = sqlite3_column_int64(in, 0);
	sqlite3_reset(out);
	for (int i = 0; i < tables[table].count; i++)
		sqlite3_bind_value(out, i + 1, sqlite3_column_value(in, i));
	if (kind != PLAIN && !bind_blob(v, kind, in, out, &first, &last))
		return -1;
	if (sqlite3_step(out) != SQLITE_DONE)
		return 0;
	/* the life may be lost, or the log that said how long it lasts */
	if (kind == CHUNKS && (id & 3) == ST_LIFE && first <= last &&
		st_run(v->to, SQL_salvage_life, NULL, 2, (id & 0xffffffff) >> 2, first) == 0)
		st_run(v->to, SQL_life_sealed, NULL, 3, (id & 0xffffffff) >> 2, first, last);
	return sqlite3_changes(v->to->db) > 0;
}

/* One pass over the table by rowid, upwards or down. Returns rows taken; *cut: it ended early; *bad: rows
 * left out. */
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
		int got = take_row(v, t, in, out);
		*bad += got < 0;
		taken += got > 0;
	}
	if (rc != SQLITE_DONE)
		*cut = true;
	sqlite3_finalize(in);
	return taken;
}

static void say(struct salvage *v, const char *name, uint64_t taken, uint64_t bad, bool cut)
{
	mc_buf_printf(v->report, "%s: %llu rows saved", name, (unsigned long long)taken);
	if (bad)
		mc_buf_printf(v->report, ", %llu damaged ones left out", (unsigned long long)bad);
	if (cut)
		mc_buf_str(v->report, ", and some lost that could not be reached");
	mc_buf_str(v->report, "\n");
}

/* Files of an earlier schema lack some. */
static bool has_columns(struct salvage *v, size_t t)
{
	char sql[512];
	sqlite3_stmt *st = NULL;
	snprintf(sql, sizeof sql, "SELECT %s FROM %s", tables[t].columns, tables[t].name);
	int rc = sqlite3_prepare_v2(v->from, sql, -1, &st, NULL);
	sqlite3_finalize(st);
	return rc != SQLITE_ERROR;
}

static int take_table(struct salvage *v, size_t t, struct mc_error *err)
{
	char sql[512];
	int len = snprintf(sql, sizeof sql, "INSERT OR IGNORE INTO %s (%s) VALUES (?", tables[t].name, tables[t].columns);
	for (int i = 1; i < tables[t].count && len < (int)sizeof sql - 4; i++)
		len += snprintf(sql + len, sizeof sql - (size_t)len, ",?");
	snprintf(sql + len, sizeof sql - (size_t)len, ")");
	sqlite3_stmt *out = NULL;
	if (!has_columns(v, t))
		return 0;
	if (sqlite3_prepare_v2(v->to->db, sql, -1, &out, NULL) != SQLITE_OK)
		return st_sql_fail(v->to, "writing", err);
	bool cut = false, cut_again = false;
	uint64_t bad = 0, again = 0, taken = pass(v, t, false, out, &cut, &bad);
	if (cut) /* what lies behind the damage is reached from the other end */
		taken += pass(v, t, true, out, &cut_again, &again);
	sqlite3_finalize(out);
	say(v, tables[t].name, taken, bad > again ? bad : again, cut);
	return mc_buf_check(v->report, err);
}

/* ---- the log ---- */

/* Its rows build on each other. After one that is lost, those of an entity count again from where it was
 * sealed on. */
static int take_log(struct salvage *v, struct mc_error *err)
{
	struct st_hot *h = &v->to->hot;
	sqlite3_stmt *in = NULL;
	int rc = 0;
	uint64_t taken = 0, bad = 0;
	int64_t expected = -1;
	bool cut = sqlite3_prepare_v2(v->from, "SELECT id, data FROM hot ORDER BY id", -1, &in, NULL) != SQLITE_OK;
	st_hot_release(h);
	h->last_t = INT64_MIN;
	int step = SQLITE_DONE;
	while (!cut && rc != MC_ENOMEM && (step = sqlite3_step(in)) == SQLITE_ROW) {
		int64_t id = sqlite3_column_int64(in, 0);
		if (expected >= 0 && id != expected)
			h->gap++;
		expected = id + 1;
		rc = st_hot_replay(h, (uint64_t)id, sqlite3_column_blob(in, 1), (size_t)sqlite3_column_bytes(in, 1), err);
		h->gap += rc < 0;
		bad += rc < 0;
		taken += rc == 0;
	}
	sqlite3_finalize(in);
	if (rc == MC_ENOMEM)
		return rc;
	say(v, "hot", taken, bad, cut || step != SQLITE_DONE);
	v->to->next_log = expected > (int64_t)v->to->next_log ? (uint64_t)expected : v->to->next_log;
	return mc_buf_check(v->report, err);
}

static int places(struct mc_store *to, struct mc_error *err)
{
	/* what was lost but is spoken of gets a place: every chunk and life must be found again */
	static const enum sql_id all[] = { SQL_salvage_rounds, SQL_salvage_programs, SQL_salvage_builds, SQL_salvage_names };
	int rc = 0;
	for (size_t i = 0; i < to->hot.n && rc == 0; i++)
		if (to->hot.open[i]->n && (to->hot.open[i]->entity & 3) == ST_LIFE)
			rc = st_run(to, SQL_salvage_life, err, 2, (int64_t)(to->hot.open[i]->entity >> 2), to->hot.open[i]->first_t);
	for (size_t i = 0; i < sizeof all / sizeof *all && rc == 0; i++)
		rc = st_run(to, all[i], err, 0);
	return rc;
}

static int take_all(struct salvage *v, struct mc_error *err)
{
	int rc = st_exec(v->to, "BEGIN IMMEDIATE; DELETE FROM name; DELETE FROM fact", err);
	if (rc == 0)
		rc = take_log(v, err);
	for (size_t t = 0; t < NTABLES && rc == 0; t++)
		rc = take_table(v, t, err);
	int64_t next = 0, ticks = 0;
	if (rc == 0 && (rc = st_number(v->to, SQL_hot_next, &next, err, 0)) >= 0)
		rc = st_number(v->to, SQL_tick_last, &ticks, err, 0);
	next = next > ticks + ST_TICKS ? next : ticks + ST_TICKS;
	v->to->next_log = next > (int64_t)v->to->next_log ? (uint64_t)next : v->to->next_log;
	if (rc >= 0)
		rc = places(v->to, err);
	if (rc == 0)
		rc = st_commit(v->to, err);
	/* what the log had becomes chunks, in a round of their own */
	if (rc == 0)
		rc = st_round_load(v->to, err);
	v->to->state_bad = v->to->catalog_bad = false;
	if (rc == 0)
		rc = st_seal_all(v->to, err);
	if (rc == 0 && v->dated)
		mc_buf_printf(v->report, "%llu chunks: times spread evenly, those of their ticks are lost\n",
			(unsigned long long)v->dated);
	return rc < 0 ? rc : mc_buf_check(v->report, err);
}

/* No half of a salvaged file is left. */
static void remove_target(const char *target)
{
	static const char *const suffixes[] = { "", "-wal", "-shm", ".lock" };
	for (size_t i = 0; i < sizeof suffixes / sizeof *suffixes; i++) {
		char name[4096];
		int len = snprintf(name, sizeof name, "%s%s", target, suffixes[i]);
		if (len > 0 && (size_t)len < sizeof name)
			unlink(name);
	}
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
	if (rc < 0) {
		remove_target(target);
		return rc;
	}
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
		remove_target(target);
	return rc;
}
