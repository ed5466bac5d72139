/* What retention drops is counted, as facts, so that nothing goes without a word. */
#include "internal.h"

static const char AGE[] = "store.dropped_for_age", ROOM[] = "store.dropped_for_room", ROOM_MS[] = "store.dropped_for_room_ms",
	HOURS[] = "store.dropped_hours", LIVES[] = "store.dropped_lives";

static int add(struct mc_store *s, const char *name, int64_t more, struct mc_error *err)
{
	sqlite3_stmt *st = NULL;
	if (more == 0)
		return 0;
	int rc = st_stmt(s, SQL_fact_add, &st, err);
	if (rc < 0)
		return rc;
	sqlite3_bind_text(st, 1, name, -1, SQLITE_STATIC);
	sqlite3_bind_int64(st, 2, more);
	return st_step(s, st, err);
}

static int get(struct mc_store *s, const char *name, uint64_t *ret, struct mc_error *err)
{
	struct mc_buf b = { 0 };
	*ret = 0;
	int rc = mc_store_fact_get(s, name, &b, err);
	if (rc == 0)
		mc_parse_u64(mc_buf_text(&b), b.len, ret);
	mc_buf_release(&b);
	return rc == MC_ENOTFOUND ? 0 : rc;
}

int mc_store_dropped(struct mc_store *s, struct mc_dropped *ret, struct mc_error *err)
{
	struct mc_dropped d = { 0 };
	uint64_t ms = 0;
	const struct {
		const char *name;
		uint64_t *to;
	} all[] = { { AGE, &d.for_age }, { ROOM, &d.for_room }, { HOURS, &d.hours }, { LIVES, &d.lives }, { ROOM_MS, &ms } };
	for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
		int rc = get(s, all[i].name, all[i].to, err);
		if (rc < 0)
			return rc;
	}
	d.for_room_ms = (int64_t)ms;
	*ret = d;
	return 0;
}

/* Samples in the blobs that the statement finds. */
static int samples(struct mc_store *s, enum sql_id id, int64_t from, int64_t to, int64_t *ret, struct mc_error *err)
{
	sqlite3_stmt *st = NULL;
	int rc = st_stmt(s, id, &st, err);
	if (rc < 0)
		return rc;
	sqlite3_bind_int64(st, 1, from);
	sqlite3_bind_int64(st, 2, to);
	while ((rc = st_step(s, st, err)) == ST_ROW)
		*ret += (int64_t)st_chunk_rows(sqlite3_column_blob(st, 0), (size_t)sqlite3_column_bytes(st, 0));
	return rc;
}

int st_count_round(struct mc_store *s, int64_t round, bool for_room, struct mc_error *err)
{
	int64_t n = 0, last = 0;
	uint64_t before = 0;
	int rc = samples(s, SQL_chunk_heads, round << 32, (round + 1) << 32, &n, err);
	/* what can't be read is dropped all the same */
	if (rc == 0 || rc == MC_ECORRUPT)
		rc = add(s, for_room ? ROOM : AGE, n, err);
	if (rc < 0 || !for_room)
		return rc;
	rc = get(s, ROOM_MS, &before, err);
	if (rc == 0)
		rc = st_number(s, SQL_round_ends, &last, err, 1, round);
	if (rc != ST_ROW || last <= (int64_t)before)
		return rc < 0 ? rc : 0;
	return add(s, ROOM_MS, last - (int64_t)before, err);
}

int st_count_hours(struct mc_store *s, int64_t before, struct mc_error *err)
{
	int64_t n = 0;
	int rc = samples(s, SQL_hourly_heads, before, 0, &n, err);
	return rc < 0 && rc != MC_ECORRUPT ? rc : add(s, HOURS, n, err);
}

int st_count_lives(struct mc_store *s, int64_t n, struct mc_error *err)
{
	return add(s, LIVES, n, err);
}
