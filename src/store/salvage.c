/* What can be read of a damaged file goes into a new one. */
#include "internal.h"

#include <string.h>
#include <unistd.h>

struct salvage {
	sqlite3 *from;
	struct mc_store *to;
	struct mc_buf *report;
	uint64_t dated; /* chunks whose ticks have lost their times */
	mc_progress_fn progress;
	void *user;
	int64_t pages, seen; /* of the file; rows */
	bool nomem;     /* a chunk that may be sound was not decoded */
};

enum kind { PLAIN, TICKS, CHUNKS, HOURS, KEPT };
static const struct {
	const char *name, *columns;
	int count;
	enum kind kind;
} tables[] = {
	{ "name", "id, value", 2, PLAIN },
	{ "program", "id, name", 2, PLAIN },
	{ "build", "id, exe, version, revision, build_id, how", 6, PLAIN },
	{ "incarnation", "id, program, host, slot, pid, start_ms, first_after, last_after, end_after, build, bundle", 11, PLAIN },
	{ "incarnation", "id, program, host, slot, pid, start_ms, first_after, last_after, end_after, build", 10, PLAIN }, /* of old */
	{ "round", "id, first_ms, last_ms", 3, PLAIN },
	{ "tick", "id, data", 2, TICKS },
	{ "chunk", "id, data", 2, CHUNKS }, /* after tick and the log: they know the times */
	{ "hourly", "id, data", 2, HOURS },
	{ "hourly_round", "id, first_ms, last_ms", 3, PLAIN },
	{ "life", "incarnation, until_ms, data", 3, KEPT },
	{ "deploy", "id, program, unix_ms, first_seen_ms, author_ms, commit_ms, tag_ms, version, revision, build_id, host, "
		"note, source", 13, PLAIN },
	{ "answer", "program, as_of_ms, json", 3, PLAIN },
	{ "fact", "name, value", 2, PLAIN },
};
enum { NTABLES = sizeof tables / sizeof *tables };

struct blob {
	uint64_t id;
	const void *data;
	size_t len;
	bool bundle;
	struct st_cols c;
	struct st_parts p; /* of a bundle */
};

static int decode(struct blob *b, const struct st_clock *clock)
{
	b->c.n = 0;
	if (b->bundle)
		return st_bundle_decode(b->id, b->data, b->len, clock, &b->c, &b->p, NULL);
	return st_chunk_decode(b->id, b->data, b->len, clock, INT64_MIN, INT64_MAX, &b->c, NULL);
}

/* The chunk with times of its own, where those of its ticks are lost: spread evenly they are some ms off. */
static bool date_anew(struct salvage *v, struct blob *b)
{
	struct mc_buf *to = &v->to->blob;
	to->len = 0;
	to->failed = false;
	if (decode(b, NULL) < 0 || b->c.n == 0 || (b->bundle ? st_bundle_encode(b->id, &b->c, NULL, &b->p, to, NULL) :
		st_chunk_encode(b->id, &b->c, NULL, to, NULL)) < 0)
		return false;
	v->dated++;
	return true;
}

/* The life may be lost, or the log that said how long it lasts. */
static void place_life(struct salvage *v, uint32_t life, const struct st_cols *c, size_t from, size_t to, int64_t bundle)
{
	if (from < to && st_run(v->to, SQL_salvage_life, NULL, 2, (int64_t)life, c->t[from]) == 0)
		st_run(v->to, SQL_life_sealed, NULL, 3, (int64_t)life, c->t[from], c->t[to - 1]);
	if (from < to && bundle)
		st_run(v->to, SQL_salvage_bundle, NULL, 2, (int64_t)life, bundle);
}

static void place_lives(struct salvage *v, const struct blob *b)
{
	if (b->bundle)
		for (size_t i = 0; i < b->p.n; i++)
			place_life(v, b->p.id[i], &b->c, b->p.begin[i], b->p.begin[i + 1], (int64_t)((b->id & 0xffffffff) >> 2));
	else if ((b->id & 3) == ST_LIFE)
		place_life(v, (uint32_t)(b->id & 0xffffffff) >> 2, &b->c, 0, b->c.n, 0);
}

/* Binds the blob as it is to be written; false: it is damaged, and would only be met again later. */
static bool bind_blob(struct salvage *v, enum kind kind, struct blob *b, sqlite3_stmt *out)
{
	struct st_clock clock = st_clock_of(v->to);
	int64_t t[ST_TICKS];
	size_t n;
	if (kind == TICKS)
		return st_ticks_decode(b->id, b->data, b->len, t, &n, NULL) == 0;
	int rc = decode(b, &clock);
	v->nomem = v->nomem || rc == MC_ENOMEM;
	if (rc == 0)
		return true;
	if (kind != CHUNKS || !date_anew(v, b))
		return false;
	sqlite3_bind_blob64(out, 2, v->to->blob.data, v->to->blob.len, SQLITE_TRANSIENT);
	return true;
}

/* One row; 1: taken, 0: there already, below 0: damaged. */
static int take_row(struct salvage *v, size_t table, sqlite3_stmt *in, sqlite3_stmt *out)
{
	enum kind kind = tables[table].kind;
	struct blob b = { .c = { .want = UINT32_MAX } };
	int taken = -1;
	sqlite3_reset(out);
	for (int i = 0; i < tables[table].count; i++)
		sqlite3_bind_value(out, i + 1, sqlite3_column_value(in, i));
	if (kind == KEPT && !st_life_data(in, 2, &b.data, &b.len))
		return -1;
	if (kind != PLAIN && kind != KEPT) {
		b.id = (uint64_t)sqlite3_column_int64(in, 0);
		b.data = sqlite3_column_blob(in, 1);
		b.len = (size_t)sqlite3_column_bytes(in, 1);
		b.bundle = kind == CHUNKS && (b.id & 3) == ST_BUNDLE;
	}
	if (kind == PLAIN || kind == KEPT || bind_blob(v, kind, &b, out))
		taken = sqlite3_step(out) == SQLITE_DONE && sqlite3_changes(v->to->db) > 0;
	if (taken == 1 && kind == CHUNKS)
		place_lives(v, &b);
	st_cols_release(&b.c);
	return taken;
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
	int rc = sqlite3_prepare_v2(v->from, sql, -1, &in, NULL);
	*cut = rc != SQLITE_OK;
	while (!*cut && !v->nomem && (rc = sqlite3_step(in)) == SQLITE_ROW) {
		int got = take_row(v, t, in, out);
		if ((v->seen++ & 255) == 0 && v->progress)
			v->progress(v->user, st_part_read(v->from, v->pages), tables[t].name);
		*bad += got < 0;
		taken += got > 0;
	}
	if (rc != SQLITE_DONE)
		*cut = true;
	v->nomem = v->nomem || rc == SQLITE_NOMEM;
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
	v->nomem = v->nomem || rc == SQLITE_NOMEM;
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
	bool takes = has_columns(v, t) && (t == 0 || strcmp(tables[t].name, tables[t - 1].name) != 0 || !has_columns(v, t - 1));
	if (v->nomem)
		return mc_nomem(err, "a table");
	if (!takes)
		return 0;
	if (sqlite3_prepare_v2(v->to->db, sql, -1, &out, NULL) != SQLITE_OK)
		return st_sql_fail(v->to, "writing", err);
	bool cut = false, cut_again = false;
	uint64_t bad = 0, again = 0, taken = pass(v, t, false, out, &cut, &bad);
	if (cut) /* what lies behind the damage is reached from the other end */
		taken += pass(v, t, true, out, &cut_again, &again);
	sqlite3_finalize(out);
	if (v->nomem)
		return mc_nomem(err, "a chunk");
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
	int step = sqlite3_prepare_v2(v->from, "SELECT id, data FROM hot ORDER BY id", -1, &in, NULL);
	bool cut = step != SQLITE_OK;
	st_hot_release(h);
	h->last_t = INT64_MIN;
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
	if (step == SQLITE_NOMEM)
		return mc_nomem(err, "the log");
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
	int64_t next = 0, ticks = 0, bundle = 0;
	if (rc == 0 && (rc = st_number(v->to, SQL_bundle_last, &bundle, err, 0)) >= 0) /* the fact may be lost */
		rc = st_run(v->to, SQL_bundle_next_put, err, 1, bundle + 1);
	v->to->next_bundle = bundle + 1;
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

int mc_store_salvage(const char *path, const char *target, mc_progress_fn progress, void *user, struct mc_buf *report,
	struct mc_error *err)
{
	struct salvage v = { .report = report, .progress = progress, .user = user };
	if (access(path, R_OK) < 0)
		return mc_fail(err, MC_ENOTFOUND, 0, "there is no database %s", path);
	if (access(target, F_OK) == 0)
		return mc_fail(err, MC_EEXIST, 0, "%s is there already; give the saved database another name, or move that file away", target);
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
	if (rc == 0) {
		v.pages = st_pages_of(v.from);
		rc = take_all(&v, err);
	}
	sqlite3_close(v.from);
	if (rc == 0)
		v.to->state_bad = v.to->catalog_bad = true;
	mc_store_close(v.to);
	if (rc < 0)
		remove_target(target);
	return rc;
}
