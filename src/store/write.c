/* A tick: one row of the log in one transaction. Import: rows straight into chunks. */
#include "internal.h"

#include <math.h>
#include <stdlib.h>

#define TIME_MAX (1LL << 53)
enum {
	PERIOD = ST_CHUNK_ROWS, /* ticks that a round takes */
	SHORT = ST_CHUNK_ROWS / 2, /* what has fewer rows waits for the next round */
	ENDED_MIN = 16,         /* ended lives sealed out of turn a tick, and the part of the rest */
	ENDED_PART = 8,
	OPEN_ENOUGH = 4096,     /* entities of an import in memory before those at rest are sealed */
	KNOWN_MS = 2 * 3600 * 1000,
	DROP_EVERY = 16,        /* ticks between clearing the log of what is sealed */
};

/* The rows of a tick, whatever they are of. */
struct rows {
	const struct mc_row *life;
	size_t nlife;
	const struct mc_load_row *load;
	size_t nload;
	const double *host;
	uint32_t host_entity;
	size_t n;
};

static const double *row(const struct rows *r, size_t i, int64_t *id, unsigned *kind)
{
	if (i < r->nlife) {
		*kind = ST_LIFE;
		*id = r->life[i].incarnation;
		return r->life[i].v;
	}
	i -= r->nlife;
	if (i < r->nload) {
		*kind = ST_LOAD;
		*id = r->load[i].program;
		return r->load[i].v;
	}
	*kind = ST_HOST;
	*id = r->host_entity;
	return r->host;
}

/* An entity that comes (back) into memory: whether it exists, and what is stored of it. */
static int meet(struct mc_store *s, struct st_open *o, struct mc_error *err)
{
	int64_t newest = INT64_MIN, number = 0;
	uint32_t id = o->entity >> 2;
	int rc = 0;
	if ((o->entity & 3) == ST_LIFE) {
		sqlite3_stmt *st = NULL;
		rc = st_stmt(s, SQL_life_span, &st, err);
		if (rc < 0)
			return rc;
		sqlite3_bind_int64(st, 1, id);
		rc = st_step(s, st, err);
		if (rc == ST_DONE)
			return mc_fail(err, MC_ENOTFOUND, 0, "there is no incarnation %u", id);
		if (rc == ST_ROW && sqlite3_column_type(st, 1) != SQLITE_NULL) {
			o->stored = true;
			newest = sqlite3_column_int64(st, 0) + sqlite3_column_int64(st, 1) + sqlite3_column_int64(st, 2);
		}
		sqlite3_reset(st);
	} else {
		if ((o->entity & 3) == ST_LOAD)
			rc = st_number(s, SQL_program_there, &number, err, 1, (int64_t)id);
		if (rc == ST_DONE && (o->entity & 3) == ST_LOAD)
			return mc_fail(err, MC_ENOTFOUND, 0, "there is no program %u", id);
		if (rc >= 0)
			rc = st_number(s, SQL_round_max, &newest, err, 0);
		if (rc >= 0 && s->round.id && !s->round_closed && s->round.last > newest)
			newest = s->round.last;
	}
	if (rc >= 0)
		o->max_t = newest;
	return rc < 0 ? rc : 0;
}

static int find_open(struct mc_store *s, int64_t id, unsigned kind, struct st_open **ret, struct mc_error *err)
{
	if (id < 1 || id >= 1 << 30)
		return mc_fail(err, MC_ENOTFOUND, 0, "there is no %s %lld", kind == ST_LIFE ? "incarnation" : "program",
			(long long)id);
	uint32_t entity = (uint32_t)id << 2 | kind;
	*ret = st_hot_find(&s->hot, entity);
	if (*ret)
		return 0;
	int rc = st_hot_get(&s->hot, entity, ret, err);
	if (rc == 0)
		rc = meet(s, *ret, err);
	return rc;
}

static bool has_time(const struct st_cols *c, int64_t t)
{
	size_t lo = 0, hi = c->n;
	while (lo < hi) {
		size_t mid = (lo + hi) / 2;
		if (c->t[mid] < t)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo < c->n && c->t[lo] == t;
}

/* 1: a row of this time is stored; 0: none. Imports come in the order of time, so what chunks have in
 * the next hours is kept at hand. */
static int is_stored(struct mc_store *s, struct st_open *o, int64_t t, struct mc_error *err)
{
	if (t > o->max_t)
		return 0;
	if (o->n && t == o->last_t)
		return 1;
	if (o->n && t > o->first_t && t < o->last_t) {
		struct st_cols c = { 0 };
		int rc = st_open_decode(o, t, t, &c, err);
		bool there = c.n > 0;
		st_cols_release(&c);
		if (rc < 0 || there)
			return rc < 0 ? rc : 1;
	}
	if (o->n && t == o->first_t)
		return 1;
	if (!o->known || t < o->known_from || t > o->known_to) {
		st_open_forget(o);
		o->known = calloc(1, sizeof *o->known);
		if (!o->known)
			return mc_nomem(err, "the times that are stored");
		o->known_from = t;
		o->known_to = t + KNOWN_MS;
		int rc = st_read_chunks(s, o->entity, t, o->known_to, o->known, err);
		if (rc == 0)
			rc = st_cols_tidy(o->known, t, o->known_to, err);
		if (rc < 0) {
			st_open_forget(o);
			return rc;
		}
	}
	return has_time(o->known, t);
}

/* Whether the row is to be written: its entity is marked as seen, and late where it cannot follow
 * the rows in memory. */
static int consider(struct mc_store *s, const struct rows *r, size_t i, int64_t t, struct mc_error *err)
{
	int64_t id;
	unsigned kind;
	struct st_open *o;
	row(r, i, &id, &kind);
	int rc = find_open(s, id, kind, &o, err);
	if (rc < 0 || o->seen == s->serial)
		return rc;
	rc = is_stored(s, o, t, err);
	if (rc != 0)
		return rc < 0 ? rc : 0;
	if (t <= o->max_t && kind == ST_LIFE) { /* what is kept of the life is without it */
		rc = st_run(s, SQL_life_data_stale, err, 2, id, t);
		if (rc < 0)
			return rc;
	}
	o->seen = s->serial;
	o->late = o->n > 0 && t <= o->last_t;
	o->ended = false;
	return 0;
}

/* ---- the daemon's way ---- */

static bool has_ended(const struct st_open *o, int64_t t)
{
	(void)t;
	return o->ended;
}

/* Short lives that have ended are sealed together, when there are enough of them and at the end of a round. */
static int bundle_ended(struct mc_store *s, bool all, struct mc_error *err)
{
	struct st_hot *h = &s->hot;
	size_t n = 0, most = ST_PARTS_MAX;
	for (size_t i = 0; i < h->n; i++)
		n += h->open[i]->ended && st_bundle_fits(h->open[i]);
	if (n == 0 || (n < ST_PARTS_MAX && !all))
		return 0;
	/* one a tick; more only where so many end that they would pile up */
	return st_bundle_seal(s, has_ended, 0, all ? SIZE_MAX : n > ENDED_PART * most ? n / ENDED_PART : most, err);
}

/* The part of the round that has come round by now, and some of those that have ended. */
static int seal_due(struct mc_store *s, struct mc_error *err)
{
	struct st_hot *h = &s->hot;
	size_t at = 0, ended = 0, i;
	bool over = s->round_ticks >= PERIOD || s->cursor == UINT32_MAX;
	int rc = bundle_ended(s, over, err);
	if (over && rc == 0) {
		s->round_ticks = 0;
		s->cursor = 0;
		rc = st_round_end(s, err);
	}
	if (rc < 0)
		return rc;
	s->round_ticks++;
	size_t due = (h->n * s->round_ticks + PERIOD - 1) / PERIOD;
	for (i = 0; i < h->n; i++)
		ended += h->open[i]->ended && h->open[i]->n && !h->open[i]->sealing && !st_bundle_fits(h->open[i]);
	size_t extra = ended ? ENDED_MIN + ended / ENDED_PART : 0;
	for (i = 0; i < h->n; i++) {
		struct st_open *o = h->open[i];
		bool here = o->seen == s->serial, turn = at++ < due && o->entity >= s->cursor;
		bool seal = o->late && here, waits = o->ended && st_bundle_fits(o);
		if (turn) {
			s->cursor = o->entity + 1;
			seal = seal || o->n >= SHORT || (!here && !waits);
		} else if (o->ended && extra && !waits && !o->sealing) {
			extra--;
			seal = true;
		}
		seal = seal || o->n >= 4 * PERIOD;
		rc = seal && o->n && !o->sealing ? st_seal(s, o, here, err) : 0;
		if (rc < 0)
			return rc;
	}
	return 0;
}

static int put_log(struct mc_store *s, struct mc_error *err)
{
	int rc = st_tick_end(&s->tick, s->next_log, err);
	return rc < 0 ? rc : st_run_blob(s, SQL_hot_add, s->next_log, &s->tick.blob, err);
}

/* Takes out of the log what every entity has sealed. */
static int drop_log(struct mc_store *s, struct mc_error *err)
{
	uint64_t keep = s->next_log;
	for (size_t i = 0; i < s->hot.n; i++) {
		const struct st_open *o = s->hot.open[i];
		if (o->n && !o->sealing && !o->bulk && o->first_log < keep)
			keep = o->first_log;
	}
	int rc = st_ticks_save(s, keep, err);
	s->dropped_log = keep;
	return rc < 0 ? rc : st_run(s, SQL_hot_drop, err, 1, (int64_t)keep);
}

static int tick_in_transaction(struct mc_store *s, int64_t t, const struct rows *r, struct mc_error *err)
{
	int rc = st_pending_write(s, err);
	for (size_t i = 0; i < r->n && rc == 0; i++)
		rc = consider(s, r, i, t, err);
	if (rc == 0)
		rc = seal_due(s, err);
	if (rc < 0)
		return rc;
	st_tick_begin(&s->tick, s->sealed, s->nsealed, t);
	for (size_t i = 0; i < r->n; i++) {
		int64_t id;
		unsigned kind;
		const double *v = row(r, i, &id, &kind);
		struct st_open *o = st_hot_find(&s->hot, (uint32_t)id << 2 | kind);
		if (!o || o->seen != s->serial)
			continue;
		st_tick_row(&s->tick, o, v);
		o->seen = 0;
	}
	rc = put_log(s, err);
	if (rc == 0 && s->next_log % DROP_EVERY == 0)
		rc = drop_log(s, err);
	return rc;
}

static int live_tick(struct mc_store *s, int64_t t, const struct rows *r, struct mc_error *err)
{
	struct st_round round = s->round;
	bool closed = s->round_closed;
	uint64_t ticks = s->round_ticks;
	uint32_t cursor = s->cursor;
	int rc = st_begin(s, err);
	if (rc < 0)
		return rc;
	s->nsealed = 0;
	s->dropped_log = 0;
	s->serial++;
	rc = tick_in_transaction(s, t, r, err);
	if (rc == 0)
		rc = st_commit(s, err);
	if (rc < 0) {
		st_rollback(s);
		for (size_t i = 0; i < s->hot.n; i++)
			s->hot.open[i]->sealing = s->hot.open[i]->late = false;
		st_hot_sweep(&s->hot);
		s->round = round;
		s->round_closed = closed;
		s->round_ticks = ticks;
		s->cursor = cursor;
		return rc;
	}
	st_pending_drop(s);
	st_ticks_saved(&s->hot.ticks, s->dropped_log);
	/* it is on the disk: where there is no memory to take it in, the log is read again later */
	if (st_hot_replay(&s->hot, s->next_log, s->tick.blob.data, s->tick.blob.len, NULL) < 0)
		s->state_bad = true;
	s->next_log++;
	if (s->nsealed)
		st_hot_sweep(&s->hot);
	return 0;
}

/* ---- the import's way ---- */

static int seal_bulk(struct mc_store *s, struct st_open *o, struct mc_error *err)
{
	bool logged = !o->bulk;
	int rc = st_seal(s, o, false, err);
	if (rc < 0)
		return rc;
	/* only rows of the log need a word there that they are sealed */
	if (logged)
		s->sealed[s->nlogged++] = o->entity;
	s->nsealed = s->nlogged;
	st_open_clear(o);
	return 0;
}

static int bulk_row(struct mc_store *s, const struct rows *r, size_t i, int64_t t, struct mc_error *err)
{
	int64_t id;
	unsigned kind;
	const double *v = row(r, i, &id, &kind);
	struct st_open *o = st_hot_find(&s->hot, (uint32_t)id << 2 | kind);
	if (!o || o->seen != s->serial)
		return 0;
	o->seen = 0;
	int rc = 0;
	if (o->n && (!o->bulk || o->late || o->n >= ST_CHUNK_ROWS))
		rc = seal_bulk(s, o, err);
	if (rc == 0)
		rc = st_hot_append(&s->hot, o, &s->tick, t, v, err);
	o->bulk = true;
	o->late = false;
	return rc;
}

static bool rests(const struct st_open *o, int64_t t)
{
	return o->bulk && o->last_t != t;
}

/* Rows of an import become chunks, but for those of the newest tick, t. Short lives share theirs. */
static int seal_imported(struct mc_store *s, int64_t t, struct mc_error *err)
{
	struct st_hot *h = &s->hot;
	int rc = st_bundle_seal(s, rests, t, SIZE_MAX, err);
	for (size_t i = 0; i < h->n && rc == 0; i++)
		if (h->open[i]->n && h->open[i]->bulk && h->open[i]->last_t != t)
			rc = seal_bulk(s, h->open[i], err);
	return rc;
}

/* Lives that an import has left behind make room. */
static int seal_resting(struct mc_store *s, int64_t t, struct mc_error *err)
{
	int rc = seal_imported(s, t, err);
	if (rc == 0)
		st_hot_sweep(&s->hot);
	return rc;
}

static int bulk_tick(struct mc_store *s, int64_t t, const struct rows *r, struct mc_error *err)
{
	s->serial++;
	int rc = st_pending_write(s, err);
	if (rc == 0)
		st_pending_drop(s);
	for (size_t i = 0; i < r->n && rc == 0; i++)
		rc = consider(s, r, i, t, err);
	for (size_t i = 0; i < r->n && rc == 0; i++)
		rc = bulk_row(s, r, i, t, err);
	if (rc == 0 && s->hot.n > OPEN_ENOUGH + 2 * r->n)
		rc = seal_resting(s, t, err);
	return rc;
}

int mc_store_begin(struct mc_store *s, struct mc_error *err)
{
	int rc = st_need_writer(s, err);
	if (rc == 0 && s->bulk)
		rc = mc_fail(err, MC_EUSAGE, 0, "%s: an import is under way already", s->path);
	if (rc == 0 && s->state_bad)
		rc = st_state_load(s, err);
	if (rc == 0)
		rc = st_pending_flush(s, err);
	if (rc == 0)
		rc = st_begin(s, err);
	if (rc < 0)
		return rc;
	s->bulk = true;
	s->nsealed = s->nlogged = 0;
	rc = st_round_end(s, err);
	if (rc < 0)
		mc_store_rollback(s);
	return rc;
}

static int finish_bulk(struct mc_store *s, struct mc_error *err)
{
	int rc = st_pending_write(s, err);
	if (rc == 0)
		rc = seal_imported(s, INT64_MAX, err);
	if (rc == 0)
		rc = st_round_end(s, err);
	if (rc == 0 && s->nlogged) {
		st_tick_begin(&s->tick, s->sealed, s->nlogged, s->hot.last_t == INT64_MIN ? 0 : s->hot.last_t);
		rc = put_log(s, err);
	}
	return rc < 0 ? rc : st_commit(s, err);
}

int mc_store_commit(struct mc_store *s, struct mc_error *err)
{
	if (!s->bulk)
		return mc_fail(err, MC_EUSAGE, 0, "%s: no import is under way", s->path);
	int rc = finish_bulk(s, err);
	if (rc < 0) {
		mc_store_rollback(s);
		return rc;
	}
	s->bulk = false;
	st_pending_drop(s);
	st_hot_sweep(&s->hot);
	if (s->nlogged) {
		/* as a reader has it, who replays that row */
		if (st_ticks_add(&s->hot.ticks, s->next_log, s->hot.last_t == INT64_MIN ? 0 : s->hot.last_t, NULL) < 0)
			s->state_bad = true;
		s->hot.log_id = s->next_log++;
	}
	return 0;
}

void mc_store_rollback(struct mc_store *s)
{
	if (!s->bulk)
		return;
	st_rollback(s);
	s->bulk = false;
	st_pending_drop(s);
	s->state_bad = true;
	s->catalog_bad = true;
}

int mc_store_tick(struct mc_store *s, int64_t t_ms, const struct mc_row *rows, size_t nrows,
	const struct mc_load_row *load, size_t nload, const double host[MC_H_COUNT], struct mc_error *err)
{
	int rc = st_need_writer(s, err);
	if (rc == 0 && (t_ms > TIME_MAX || t_ms < -TIME_MAX))
		rc = mc_fail(err, MC_EUSAGE, 0, "%lld ms is no time", (long long)t_ms);
	if (rc == 0 && s->full && !s->bulk)
		rc = st_make_room(s, err);
	if (rc == 0 && s->state_bad)
		rc = st_state_load(s, err);
	if (rc < 0)
		return rc;
	struct rows r = { rows, nrows, load, nload, host, 0, nrows + nload + (host ? 1 : 0) };
	if (host) {
		rc = st_host_id(s, &r.host_entity, err);
		if (rc < 0)
			return rc;
	}
	return s->bulk ? bulk_tick(s, t_ms, &r, err) : live_tick(s, t_ms, &r, err);
}
