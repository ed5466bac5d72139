/* Series out of chunks and the log. */
#include "internal.h"

#include <stdlib.h>
#include <string.h>

enum { ROUNDS_AT_ONCE = 4000 };

/* A gap is better than no answer at all; it is said, and db check says more. */
static int left_out(struct mc_store *s, int rc)
{
	if (rc != MC_ECORRUPT)
		return rc;
	if (s->damaged++ == 0)
		st_say(s, NULL, "%s is damaged, samples are missing: see `memculprit db check` and `memculprit db salvage`", s->path);
	return 0;
}

static int read_chunk(struct mc_store *s, uint64_t key, int64_t since, int64_t until, struct st_cols *c, struct mc_error *err)
{
	sqlite3_stmt *st = NULL;
	int rc = st_stmt(s, SQL_chunk_get, &st, err);
	if (rc < 0)
		return rc;
	sqlite3_bind_int64(st, 1, (int64_t)key);
	rc = st_step(s, st, err);
	struct st_clock clock = st_clock_of(s);
	if (rc == ST_ROW)
		rc = st_chunk_decode(key, sqlite3_column_blob(st, 0), (size_t)sqlite3_column_bytes(st, 0), &clock, since, until, c,
			err);
	sqlite3_reset(st);
	return left_out(s, rc);
}

/* Where rounds follow each other in time, those of the span: with lives of a minute all would be far more. */
static void rounds_of(const struct mc_store *s, int64_t since, int64_t until, size_t *begin, size_t *end)
{
	size_t lo = 0, hi = s->nrounds;
	while (lo < hi) {
		size_t mid = (lo + hi) / 2;
		if (s->rounds[mid].last < since)
			lo = mid + 1;
		else
			hi = mid;
	}
	*begin = lo;
	for (hi = lo; hi < s->nrounds && s->rounds[hi].first <= until; hi++) {
	}
	*end = hi;
}

int st_read_chunks(struct mc_store *s, uint32_t entity, int64_t since, int64_t until, struct st_cols *c,
	struct mc_error *err)
{
	int rc = st_rounds_load(s, err);
	size_t chunks = 0, begin = 0, end = s->nrounds;
	int64_t bundle = 0;
	if (rc == 0 && (entity & 3) == ST_LIFE)
		rc = st_number(s, SQL_life_bundle, &bundle, err, 1, (int64_t)(entity >> 2));
	rc = rc < 0 ? rc : 0;
	if (rc == 0 && s->rounds_ascend)
		rounds_of(s, since, until, &begin, &end);
	for (size_t i = begin; i < end && rc == 0; i++)
		chunks += s->rounds[i].first <= until && s->rounds[i].last >= since;
	/* room at once: growing would copy it all again and again; what is not used is never touched */
	if (rc == 0 && chunks > 8)
		rc = st_cols_room(c, (chunks < ROUNDS_AT_ONCE ? chunks : ROUNDS_AT_ONCE) * (ST_CHUNK_ROWS + 2), err);
	for (size_t i = begin; i < end && rc == 0; i++) {
		if (s->rounds[i].first > until || s->rounds[i].last < since)
			continue;
		if (bundle) {
			rc = st_bundle_read(s, s->rounds[i].id << 32 | (uint64_t)bundle << 2 | ST_BUNDLE, entity >> 2, since, until, c, err);
			if (rc > 0)
				bundle = 0; /* its number is given once */
			rc = rc > 0 ? 0 : left_out(s, rc);
		}
		if (rc == 0)
			rc = read_chunk(s, s->rounds[i].id << 32 | entity, since, until, c, err);
	}
	return rc;
}

int st_read_hours(struct mc_store *s, uint32_t entity, int64_t since, int64_t until, struct st_cols *c,
	struct mc_error *err)
{
	sqlite3_stmt *st = NULL;
	int rc = st_stmt(s, SQL_hourly_read, &st, err);
	if (rc < 0)
		return rc;
	sqlite3_bind_int64(st, 1, entity);
	sqlite3_bind_int64(st, 2, since);
	sqlite3_bind_int64(st, 3, until);
	while ((rc = st_step(s, st, err)) == ST_ROW) {
		const void *data = sqlite3_column_blob(st, 1);
		rc = left_out(s, st_chunk_decode((uint64_t)sqlite3_column_int64(st, 0), data, (size_t)sqlite3_column_bytes(st, 1), NULL,
			since, until, c, err));
		if (rc < 0)
			break;
	}
	sqlite3_reset(st);
	return rc;
}

int st_read_begin(struct mc_store *s, struct mc_error *err)
{
	if (s->writer) {
		int rc = s->state_bad && !s->bulk ? st_state_load(s, err) : 0;
		return rc < 0 ? rc : st_pending_flush(s, err);
	}
	int rc = st_begin(s, err);
	if (rc < 0)
		return rc;
	rc = st_state_follow(s, err);
	if (rc < 0)
		st_read_end(s);
	return rc;
}

void st_read_end(struct mc_store *s)
{
	if (!s->writer)
		st_rollback(s);
}

/* Rounds outside of a life need no look: with lives of a minute there are hundreds. What is in the log
 * has no end yet. Only a life of which nothing is in chunks comes out empty. */
static int narrow_to_life(struct mc_store *s, int64_t id, bool open, int64_t *since, int64_t *until, struct mc_error *err)
{
	sqlite3_stmt *st = NULL;
	int rc = st_stmt(s, SQL_life_span, &st, err);
	if (rc < 0)
		return rc;
	sqlite3_bind_int64(st, 1, id);
	rc = st_step(s, st, err);
	if (rc == ST_ROW && sqlite3_column_type(st, 1) != SQLITE_NULL) {
		int64_t first = sqlite3_column_int64(st, 0) + sqlite3_column_int64(st, 1);
		int64_t last = first + sqlite3_column_int64(st, 2);
		*since = *since < first ? first : *since;
		*until = *until > last && !open ? last : *until;
	} else if (rc >= 0)
		*until = INT64_MIN;
	sqlite3_reset(st);
	return rc < 0 ? rc : 0;
}

int st_read_life(struct mc_store *s, const struct mc_incarnation_row *row, int64_t since, int64_t until, struct st_cols *c,
	struct mc_error *err)
{
	uint32_t entity = (uint32_t)row->id << 2 | ST_LIFE;
	const struct st_open *o = st_hot_find(&s->hot, entity);
	int64_t from = since < row->first_ms ? row->first_ms : since, to = until > row->last_ms ? row->last_ms : until;
	int rc = st_read_chunks(s, entity, from, to, c, err);
	if (rc == 0 && o)
		rc = st_open_decode(o, since, until, c, err);
	return rc < 0 ? rc : st_cols_tidy(c, since, until, err);
}

static int read_entity(struct mc_store *s, int64_t id, unsigned kind, int64_t since, int64_t until, struct st_cols *c,
	struct mc_error *err)
{
	if (id < 0 || id >= 1 << 30)
		return 0;
	uint32_t entity = (uint32_t)id << 2 | kind;
	const struct st_open *o = st_hot_find(&s->hot, entity);
	int64_t from = since, to = until;
	int rc = kind == ST_LIFE ? narrow_to_life(s, id, o && o->n, &from, &to, err) : 0;
	if (rc == 0 && from <= to)
		rc = st_read_chunks(s, entity, from, to, c, err);
	if (rc == 0 && o)
		rc = st_open_decode(o, since, until, c, err);
	if (rc == 0)
		rc = st_cols_tidy(c, since, until, err);
	return rc;
}

static int read_series(struct mc_store *s, int64_t id, unsigned kind, int64_t since, int64_t until, struct st_cols *c,
	struct mc_error *err)
{
	int rc = st_read_begin(s, err);
	if (rc < 0)
		return rc;
	rc = read_entity(s, id, kind, since, until, c, err);
	st_read_end(s);
	if (rc < 0)
		st_cols_release(c);
	return rc;
}

/* Hands the columns over: v has `width` pointers. */
static void hand_over(struct st_cols *c, size_t *n, int64_t **t, double **v, unsigned width, uint32_t want)
{
	*n = c->n;
	*t = c->n ? c->t : NULL;
	if (!c->n)
		free(c->t);
	free(c->work);
	for (unsigned f = 0; f < ST_WIDTH_MAX; f++) {
		free(c->spare[f]);
		if (f < width && c->n && (want >> f & 1))
			v[f] = c->v[f];
		else {
			if (f < width)
				v[f] = NULL;
			free(c->v[f]);
		}
	}
}

int mc_store_series_of(struct mc_store *s, int64_t incarnation, int64_t since_ms, int64_t until_ms, uint32_t fields,
	struct mc_series *ret, struct mc_error *err)
{
	struct st_cols c = { .want = fields & ((1U << MC_F_COUNT) - 1) };
	int rc = read_series(s, incarnation, ST_LIFE, since_ms, until_ms, &c, err);
	if (rc == 0)
		hand_over(&c, &ret->n, &ret->t_ms, ret->v, MC_F_COUNT, fields);
	return rc;
}

int mc_store_series(struct mc_store *s, int64_t incarnation, int64_t since_ms, int64_t until_ms, struct mc_series *ret,
	struct mc_error *err)
{
	return mc_store_series_of(s, incarnation, since_ms, until_ms, UINT32_MAX, ret, err);
}

int mc_store_hourly(struct mc_store *s, int64_t incarnation, int64_t since_ms, int64_t until_ms, struct mc_series *ret,
	struct mc_error *err)
{
	struct st_cols c = { .want = (1U << MC_F_COUNT) - 1 };
	if (incarnation < 0 || incarnation >= 1 << 30)
		return mc_fail(err, MC_ENOTFOUND, 0, "there is no incarnation %lld", (long long)incarnation);
	int rc = st_read_begin(s, err);
	if (rc < 0)
		return rc;
	rc = st_read_hours(s, (uint32_t)incarnation << 2 | ST_LIFE, since_ms, until_ms, &c, err);
	if (rc == 0)
		rc = st_cols_tidy(&c, since_ms, until_ms, err);
	st_read_end(s);
	if (rc < 0)
		st_cols_release(&c);
	else
		hand_over(&c, &ret->n, &ret->t_ms, ret->v, MC_F_COUNT, UINT32_MAX);
	return rc;
}

int mc_store_load_series(struct mc_store *s, int64_t program, int64_t since_ms, int64_t until_ms,
	struct mc_load_series *ret, struct mc_error *err)
{
	struct st_cols c = { .want = (1U << MC_L_COUNT) - 1 };
	int rc = read_series(s, program, ST_LOAD, since_ms, until_ms, &c, err);
	if (rc == 0)
		hand_over(&c, &ret->n, &ret->t_ms, ret->v, MC_L_COUNT, UINT32_MAX);
	return rc;
}

/* The host's name as an entity; 0: nothing of it is stored. */
static int host_entity(struct mc_store *s, int64_t *ret, struct mc_error *err)
{
	sqlite3_stmt *st = NULL;
	*ret = 0;
	int rc = st_stmt(s, *s->host ? SQL_name_find : SQL_host_find, &st, err);
	if (rc < 0)
		return rc;
	if (*s->host)
		sqlite3_bind_text(st, 1, s->host, -1, SQLITE_STATIC);
	rc = st_step(s, st, err);
	if (rc == ST_ROW)
		*ret = sqlite3_column_int64(st, 0);
	sqlite3_reset(st);
	return rc < 0 ? rc : 0;
}

int mc_store_host_series(struct mc_store *s, int64_t since_ms, int64_t until_ms, struct mc_host_series *ret,
	struct mc_error *err)
{
	struct st_cols c = { .want = (1U << MC_H_COUNT) - 1 };
	int64_t id = 0;
	int rc = st_read_begin(s, err);
	if (rc < 0)
		return rc;
	rc = host_entity(s, &id, err);
	if (rc == 0)
		rc = read_entity(s, id, ST_HOST, since_ms, until_ms, &c, err);
	st_read_end(s);
	if (rc < 0)
		st_cols_release(&c);
	else
		hand_over(&c, &ret->n, &ret->t_ms, ret->v, MC_H_COUNT, UINT32_MAX);
	return rc;
}

static void release(size_t *n, int64_t **t, double **v, size_t width)
{
	free(*t);
	*t = NULL;
	*n = 0;
	for (size_t f = 0; f < width; f++) {
		free(v[f]);
		v[f] = NULL;
	}
}

void mc_series_release(struct mc_series *s)
{
	release(&s->n, &s->t_ms, s->v, MC_F_COUNT);
}

void mc_load_series_release(struct mc_load_series *s)
{
	release(&s->n, &s->t_ms, s->v, MC_L_COUNT);
}

void mc_host_series_release(struct mc_host_series *s)
{
	release(&s->n, &s->t_ms, s->v, MC_H_COUNT);
}
