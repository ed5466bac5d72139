/* Times of ticks: the newest ones are in the log, the others in blocks of their own table, so that each is
 * stored once and not with every process that was sampled then.
 *
 * A block as BLOB: version byte (1), n, times as a run; last, little endian, the CRC-32C over the number of
 * its first tick (with the top bit set) and all before. Blocks begin at multiples of ST_TICKS, but for the
 * first; the newest one grows as the log is cleared. */
#include "internal.h"

#include "crc32c.h"

#include <stdlib.h>
#include <string.h>

enum { VERSION = 1 };
#define KEY(id) ((uint64_t)(id) | 1ULL << 63)

static int lost(int64_t tick, struct mc_error *err)
{
	return mc_fail(err, MC_ECORRUPT, 0, "the time of tick %lld is lost", (long long)tick);
}

static void put_block(struct mc_buf *b, uint64_t id, const int64_t *t, size_t n)
{
	b->len = 0;
	b->failed = false;
	unsigned char version = VERSION;
	mc_buf_add(b, &version, 1);
	st_put_varint(b, n);
	st_put_run(b, 0, t, n);
	if (b->failed)
		return;
	uint32_t crc = st_crc32c(KEY(id), b->data, b->len);
	unsigned char bytes[] = { crc & 255, crc >> 8 & 255, crc >> 16 & 255, (unsigned char)(crc >> 24) };
	mc_buf_add(b, bytes, sizeof bytes);
}

int st_ticks_decode(uint64_t id, const void *data, size_t len, int64_t t[ST_TICKS], size_t *ret_n, struct mc_error *err)
{
	const unsigned char *p = data;
	if (!p || len < 8)
		return lost((int64_t)id, err);
	const unsigned char *e = p + len - 4;
	uint32_t crc = (uint32_t)e[0] | (uint32_t)e[1] << 8 | (uint32_t)e[2] << 16 | (uint32_t)e[3] << 24;
	if (crc != st_crc32c(KEY(id), p, len - 4))
		return lost((int64_t)id, err);
	struct st_in in = { .p = p, .end = e };
	if (st_get_byte(&in) != VERSION)
		return mc_fail(err, MC_EFOREIGN, 0, "tick %lld was written by a newer memculprit", (long long)id);
	uint64_t n = st_get_varint(&in);
	if (in.bad || n < 1 || n > ST_TICKS)
		return lost((int64_t)id, err);
	unsigned head = st_get_byte(&in);
	st_get_run(&in, head, t, n);
	if (in.bad || in.p != in.end)
		return lost((int64_t)id, err);
	*ret_n = n;
	return 0;
}

/* ---- writing ---- */

static int save_block(struct mc_store *s, uint64_t id, const int64_t *t, size_t n, struct mc_error *err)
{
	put_block(&s->blob, id, t, n);
	int rc = mc_buf_check(&s->blob, err);
	return rc < 0 ? rc : st_run_blob(s, SQL_tick_put, id, &s->blob, err);
}

int st_ticks_save(struct mc_store *s, uint64_t keep, struct mc_error *err)
{
	struct st_ticks *k = &s->hot.ticks;
	uint64_t end = k->from + k->n < keep ? k->from + k->n : keep;
	int rc = 0;
	for (uint64_t id = k->from; id < end && rc == 0;) {
		uint64_t next = (id / ST_TICKS + 1) * ST_TICKS;
		uint64_t to = next < end ? next : end;
		/* what is complete was written before, but for the newest block */
		if (to > k->saved)
			rc = save_block(s, id, k->t + (id - k->from), to - id, err);
		id = to;
	}
	return rc;
}

void st_ticks_saved(struct st_ticks *k, uint64_t keep)
{
	uint64_t end = k->from + k->n < keep ? k->from + k->n : keep;
	if (end > k->saved)
		k->saved = end;
	uint64_t block = k->saved / ST_TICKS * ST_TICKS;
	if (block <= k->from + ST_TICKS * 8ULL || block > k->from + k->n)
		return;
	k->n -= block - k->from;
	memmove(k->t, k->t + (block - k->from), k->n * sizeof *k->t);
	k->from = block;
}

int st_ticks_load(struct mc_store *s, struct mc_error *err)
{
	sqlite3_stmt *st = NULL;
	struct st_ticks *k = &s->hot.ticks;
	int64_t t[ST_TICKS];
	size_t n = 0;
	int rc = st_stmt(s, SQL_tick_newest, &st, err);
	if (rc == 0)
		rc = st_step(s, st, err);
	if (rc != ST_ROW)
		return rc;
	uint64_t id = (uint64_t)sqlite3_column_int64(st, 0);
	/* where it is damaged the block is not added to: the next one begins at the log */
	rc = st_ticks_decode(id, sqlite3_column_blob(st, 1), (size_t)sqlite3_column_bytes(st, 1), t, &n, NULL);
	sqlite3_reset(st);
	if (rc < 0)
		return 0;
	for (size_t i = 0; i < n; i++) {
		rc = st_ticks_add(k, id + i, t[i], err);
		if (rc < 0)
			return rc;
	}
	k->saved = id + n;
	return 0;
}

/* ---- reading ---- */

struct st_block {
	uint64_t id;
	size_t n;
	int64_t t[ST_TICKS];
};

static int fetch(struct mc_store *s, int64_t tick, struct st_block *b, struct mc_error *err)
{
	sqlite3_stmt *st = NULL;
	b->n = 0;
	int rc = st_stmt(s, SQL_tick_get, &st, err);
	if (rc < 0)
		return rc;
	sqlite3_bind_int64(st, 1, tick);
	rc = st_step(s, st, err);
	if (rc == ST_ROW) {
		b->id = (uint64_t)sqlite3_column_int64(st, 0);
		rc = st_ticks_decode(b->id, sqlite3_column_blob(st, 1), (size_t)sqlite3_column_bytes(st, 1), b->t, &b->n, err);
	}
	sqlite3_reset(st);
	return rc < 0 ? rc : 0;
}

static int block_of(struct mc_store *s, int64_t tick, const struct st_block **ret, struct mc_error *err)
{
	struct st_block **at = &s->blocks[(uint64_t)tick / ST_TICKS % ST_BLOCKS];
	struct st_block *b = *at;
	if (!b) {
		b = calloc(1, sizeof *b);
		if (!b)
			return mc_nomem(err, "the times of ticks");
		*at = b;
	}
	if ((uint64_t)tick < b->id || (uint64_t)tick >= b->id + b->n) {
		int rc = fetch(s, tick, b, err);
		if (rc < 0)
			return rc;
		if (b->n == 0 || (uint64_t)tick >= b->id + b->n)
			return lost(tick, err);
	}
	*ret = b;
	return 0;
}

static int times(void *user, const int64_t *ticks, size_t n, int64_t *t, struct mc_error *err)
{
	struct mc_store *s = user;
	const struct st_ticks *k = &s->hot.ticks;
	const struct st_block *b = NULL;
	for (size_t i = 0; i < n; i++) {
		uint64_t tick = (uint64_t)ticks[i];
		if (tick >= k->from && tick < k->from + k->n) {
			t[i] = k->t[tick - k->from];
			continue;
		}
		if (!b || tick < b->id || tick >= b->id + b->n) {
			int rc = block_of(s, ticks[i], &b, err);
			if (rc < 0)
				return rc;
		}
		t[i] = b->t[tick - b->id];
	}
	return 0;
}

struct st_clock st_clock_of(struct mc_store *s)
{
	return (struct st_clock){ .times = times, .user = s };
}

void st_blocks_free(struct mc_store *s)
{
	for (size_t i = 0; i < ST_BLOCKS; i++) {
		free(s->blocks[i]);
		s->blocks[i] = NULL;
	}
}

/* The rows of o come from ticks that are in memory, in their order, or from none of them (an import). */
bool st_ticks_of(const struct st_ticks *k, uint64_t first_log, const struct st_cols *c, int64_t *ret)
{
	uint64_t id = first_log < k->from ? k->from : first_log;
	for (size_t i = 0; i < c->n; i++) {
		while (id < k->from + k->n && k->t[id - k->from] != c->t[i])
			id++;
		if (id >= k->from + k->n)
			return false;
		ret[i] = (int64_t)id++;
	}
	return true;
}

/* ---- the old ones ---- */

int st_ticks_drop(struct mc_store *s, int64_t before, struct mc_error *err)
{
	int64_t t[ST_TICKS];
	for (int i = 0; i < 64; i++) {
		sqlite3_stmt *st = NULL;
		size_t n = 0;
		int64_t newest = INT64_MAX;
		int rc = st_stmt(s, SQL_tick_oldest, &st, err);
		if (rc == 0)
			rc = st_step(s, st, err);
		if (rc != ST_ROW)
			return rc;
		int64_t id = sqlite3_column_int64(st, 0);
		/* a damaged one is of no use, but db check speaks of it as long as there may be chunks of it */
		if (st_ticks_decode((uint64_t)id, sqlite3_column_blob(st, 1), (size_t)sqlite3_column_bytes(st, 1), t, &n, NULL) == 0)
			newest = t[0];
		sqlite3_reset(st);
		for (size_t k = 1; k < n; k++)
			newest = t[k] > newest ? t[k] : newest;
		if (newest >= before || (uint64_t)id + n >= s->hot.ticks.from)
			return 0;
		rc = st_run(s, SQL_tick_drop, err, 1, id);
		if (rc < 0)
			return rc;
	}
	return 0;
}
