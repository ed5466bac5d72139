/* The state that belongs to the database: the log of ticks replayed, and the round under way. */
#include "internal.h"

static int replay_from(struct mc_store *s, uint64_t id, struct mc_error *err)
{
	sqlite3_stmt *st = NULL;
	int rc = st_stmt(s, SQL_hot_from, &st, err);
	if (rc < 0)
		return rc;
	sqlite3_bind_int64(st, 1, (int64_t)id);
	while ((rc = st_step(s, st, err)) == ST_ROW) {
		const void *data = sqlite3_column_blob(st, 1);
		rc = st_hot_replay(&s->hot, (uint64_t)sqlite3_column_int64(st, 0), data,
			(size_t)sqlite3_column_bytes(st, 1), err);
		if (rc < 0)
			break;
	}
	sqlite3_reset(st);
	st_hot_sweep(&s->hot);
	return rc;
}

int st_round_load(struct mc_store *s, struct mc_error *err)
{
	sqlite3_stmt *st = NULL;
	s->round = (struct st_round){ 0 };
	s->cursor = 0;
	s->round_ticks = 0;
	int rc = st_stmt(s, SQL_round_newest, &st, err);
	if (rc == 0)
		rc = st_step(s, st, err);
	if (rc != ST_ROW)
		return rc;
	s->round.id = (uint64_t)sqlite3_column_int64(st, 0);
	s->round.first = sqlite3_column_int64(st, 1);
	/* an unfinished round has nothing newer than the log's newest tick */
	s->round.last = s->hot.n && s->hot.last_t > s->round.first ? s->hot.last_t : s->round.first;
	s->round_closed = sqlite3_column_type(st, 2) != SQLITE_NULL;
	sqlite3_reset(st);
	return 0;
}

int st_state_load(struct mc_store *s, struct mc_error *err)
{
	st_hot_release(&s->hot);
	s->hot.last_t = INT64_MIN;
	s->state_bad = s->rounds_bad = true;
	int rc = st_ticks_load(s, err);
	if (rc == 0)
		rc = replay_from(s, 0, err);
	if (rc == 0)
		rc = st_round_load(s, err);
	if (rc < 0)
		return rc;
	int64_t next = 0, fact = 0, bundle = 1;
	rc = st_number(s, SQL_bundle_next, &bundle, err, 0);
	if (rc < 0)
		return rc;
	s->next_bundle = bundle > s->next_bundle ? bundle : s->next_bundle;
	rc = st_number(s, SQL_hot_next, &fact, err, 0);
	if (rc < 0)
		return rc;
	next = fact > (int64_t)s->hot.log_id ? fact : (int64_t)s->hot.log_id;
	s->next_log = (uint64_t)next + 1;
	s->state_bad = false;
	return 0;
}

int st_state_follow(struct mc_store *s, struct mc_error *err)
{
	int64_t oldest = 0, newest = 0;
	int rc = st_number(s, SQL_hot_newest, &newest, err, 0);
	if (rc >= 0)
		rc = st_number(s, SQL_hot_oldest, &oldest, err, 0);
	if (rc < 0)
		return rc;
	if (!s->state_bad && newest == (int64_t)s->hot.log_id)
		return 0;
	/* where rows went that were not read yet, only the whole log tells what is left */
	if (s->state_bad || newest == 0 || oldest > (int64_t)s->hot.log_id + 1 || newest < (int64_t)s->hot.log_id) {
		st_hot_release(&s->hot);
		s->hot.last_t = INT64_MIN;
	}
	s->state_bad = true;
	rc = replay_from(s, s->hot.log_id, err);
	if (rc == 0)
		s->state_bad = false;
	if (oldest > 0) /* those are in the table */
		st_ticks_saved(&s->hot.ticks, (uint64_t)oldest);
	return rc;
}

int st_rounds_load(struct mc_store *s, struct mc_error *err)
{
	sqlite3_stmt *st = NULL;
	int64_t version = 0;
	int rc = s->writer ? 0 : st_number(s, SQL_data_version, &version, err, 0);
	if (rc < 0 || (!s->rounds_bad && version == s->data_version))
		return rc < 0 ? rc : 0;
	s->rounds_bad = true;
	s->nrounds = 0;
	s->rounds_ascend = true;
	rc = st_stmt(s, SQL_round_list, &st, err);
	while (rc >= 0 && (rc = st_step(s, st, err)) == ST_ROW) {
		void *items = s->rounds;
		rc = mc_grow(&items, &s->caprounds, s->nrounds + 1, sizeof *s->rounds, err);
		s->rounds = items;
		if (rc < 0)
			break;
		struct st_round one = { .id = (uint64_t)sqlite3_column_int64(st, 0), .first = sqlite3_column_int64(st, 1),
			.last = sqlite3_column_type(st, 2) == SQLITE_NULL ? INT64_MAX : sqlite3_column_int64(st, 2) };
		const struct st_round *before = s->nrounds ? &s->rounds[s->nrounds - 1] : &one;
		s->rounds_ascend = s->rounds_ascend && before->first <= one.first && before->last <= one.last;
		s->rounds[s->nrounds++] = one;
	}
	sqlite3_reset(st);
	if (rc < 0)
		return rc;
	s->rounds_bad = false;
	s->data_version = version;
	return 0;
}
