/* Rows become chunks, in rounds: in each an entity is sealed once, in ascending order of entities, so
 * that chunks are appended and their pages are full. */
#include "internal.h"

#include <stdlib.h>

int st_round_end(struct mc_store *s, struct mc_error *err)
{
	if (s->round.id == 0 || s->round_closed)
		return 0;
	int rc = st_run(s, SQL_round_last, err, 2, (int64_t)s->round.id, s->round.last);
	s->rounds_bad = true;
	if (rc == 0)
		s->round_closed = true;
	return rc;
}

static int round_begin(struct mc_store *s, int64_t first, struct mc_error *err)
{
	int rc = st_round_end(s, err);
	if (rc == 0)
		rc = st_run(s, SQL_round_add, err, 2, (int64_t)s->round.id + 1, first);
	if (rc < 0)
		return rc;
	s->rounds_bad = true;
	s->round = (struct st_round){ .id = s->round.id + 1, .first = first, .last = first };
	s->round_closed = false;
	return 0;
}

/* 1: stored; 0: the round has a chunk of this entity already. */
static int put_chunk(struct mc_store *s, const struct st_open *o, struct mc_error *err)
{
	uint64_t key = s->round.id << 32 | o->entity;
	int64_t ticks[ST_CHUNK_ROWS_MAX];
	bool ticked = !o->bulk && st_ticks_of(&s->hot.ticks, o->first_log, &s->cols, ticks);
	s->blob.len = 0;
	int rc = st_chunk_encode(key, &s->cols, ticked ? ticks : NULL, &s->blob, err);
	if (rc == 0)
		rc = st_run_blob(s, SQL_chunk_add, key, &s->blob, err);
	return rc < 0 ? rc : sqlite3_changes(s->db) > 0;
}

/* The round under way holds samples of first..last too. */
static int widen(struct mc_store *s, int64_t first, int64_t last, struct mc_error *err)
{
	if (last > s->round.last)
		s->round.last = last;
	if (first >= s->round.first)
		return 0;
	s->round.first = first;
	s->rounds_bad = true;
	return st_run(s, SQL_round_first, err, 2, (int64_t)s->round.id, first);
}

static int into_round(struct mc_store *s, struct st_open *o, struct mc_error *err)
{
	int rc = 0;
	if (s->round.id == 0 || s->round_closed || o->round == s->round.id)
		rc = round_begin(s, o->first_t, err);
	if (rc == 0)
		rc = put_chunk(s, o, err);
	if (rc == 0) {
		rc = round_begin(s, o->first_t, err);
		if (rc == 0)
			rc = put_chunk(s, o, err);
	}
	if (rc < 0)
		return rc;
	o->round = s->round.id;
	return widen(s, o->first_t, o->last_t, err);
}

int st_round_take(struct mc_store *s, int64_t first, int64_t last, struct mc_error *err)
{
	int rc = s->round.id == 0 || s->round_closed ? round_begin(s, first, err) : 0;
	return rc < 0 ? rc : widen(s, first, last, err);
}

int st_seal(struct mc_store *s, struct st_open *o, bool goes_on, struct mc_error *err)
{
	void *items = s->sealed;
	int rc = mc_grow(&items, &s->capsealed, s->nsealed + 1, sizeof *s->sealed, err);
	s->sealed = items;
	s->cols.want = UINT32_MAX;
	st_cols_restart(&s->cols);
	if (rc == 0)
		rc = st_open_decode(o, INT64_MIN, INT64_MAX, &s->cols, err);
	if (rc == 0)
		rc = into_round(s, o, err);
	if (rc == 0 && (o->entity & 3) == ST_LIFE && (!o->stored || !goes_on || o->late || o->older))
		rc = st_run(s, SQL_life_sealed, err, 3, (int64_t)(o->entity >> 2), o->first_t, o->last_t);
	if (rc < 0)
		return rc;
	st_open_forget(o);
	o->sealing = true;
	s->sealed[s->nsealed++] = o->entity;
	return 0;
}

static bool any(const struct st_open *o, int64_t t)
{
	(void)t;
	return o->n > 0;
}

int st_seal_all(struct mc_store *s, struct mc_error *err)
{
	int rc = st_begin(s, err);
	if (rc < 0)
		return rc;
	s->nsealed = 0;
	rc = st_pending_write(s, err);
	if (rc == 0)
		rc = st_bundle_seal(s, any, 0, SIZE_MAX, err);
	for (size_t i = 0; i < s->hot.n && rc == 0; i++)
		if (s->hot.open[i]->n && !s->hot.open[i]->sealing)
			rc = st_seal(s, s->hot.open[i], false, err);
	if (rc == 0)
		rc = st_round_end(s, err);
	if (rc == 0)
		rc = st_run(s, SQL_hot_next_put, err, 1, (int64_t)s->next_log);
	if (rc == 0)
		rc = st_ticks_save(s, s->next_log, err);
	if (rc == 0)
		rc = st_run(s, SQL_hot_drop, err, 1, INT64_MAX);
	if (rc == 0)
		rc = st_commit(s, err);
	if (rc < 0) {
		st_rollback(s);
		s->state_bad = true;
		return rc;
	}
	st_pending_drop(s);
	struct st_ticks ticks = s->hot.ticks;
	s->hot.ticks = (struct st_ticks){ 0 };
	st_hot_release(&s->hot);
	s->hot.ticks = ticks;
	st_ticks_saved(&s->hot.ticks, s->next_log);
	s->hot.last_t = INT64_MIN;
	s->hot.log_id = s->next_log - 1;
	return 0;
}
