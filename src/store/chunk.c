/* Chunks: encoding the rows of one entity, or of some short lives. */
#include "active.h"

#include "chunk_form.h"
#include "crc32c.h"

#include <math.h>
#include <string.h>

unsigned st_kind_width(unsigned kind)
{
	static const unsigned width[] = { [ST_LIFE] = MC_F_COUNT, [ST_LOAD] = MC_L_COUNT, [ST_HOST] = MC_H_COUNT };
	return kind < ST_KINDS ? width[kind] : 0;
}

static bool same_bits(double a, double b)
{
	return st_bits(a) == st_bits(b);
}

/* Whether v is a whole number that comes back as it was; minus zero does not. */
static bool whole(double v, int64_t *ret)
{
	if (!(fabs(v) <= 9007199254740992.0))
		return false;
	*ret = (int64_t)v;
	return same_bits((double)*ret, v);
}

static bool millionths(double v, int64_t *ret)
{
	double scaled = nearbyint(v * 1e6);
	if (!(fabs(scaled) <= 9007199254740992.0))
		return false;
	*ret = (int64_t)scaled;
	return same_bits((double)*ret / 1e6, v);
}

struct mask {
	size_t count;
	uint64_t bits[ST_CHUNK_ROWS_MAX / 64];
};

struct masks {
	size_t n;
	struct mask all[ST_WIDTH_MAX];
	uint8_t of[ST_WIDTH_MAX]; /* a column's mask, from 1; 0: every row */
};

static void find_mask(struct masks *m, unsigned f, const double *v, size_t n)
{
	struct mask *mask = &m->all[m->n];
	*mask = (struct mask){ 0 };
	for (size_t i = 0; i < n; i++)
		if (!isnan(v[i])) {
			mask->bits[i / 64] |= 1ULL << i % 64;
			mask->count++;
		}
	m->of[f] = 0;
	if (mask->count == n)
		return;
	size_t same = 0;
	while (memcmp(m->all[same].bits, mask->bits, sizeof mask->bits) != 0)
		same++;
	m->of[f] = (uint8_t)(same + 1);
	if (same == m->n)
		m->n++;
}

static bool sampled(const double *v, size_t n)
{
	for (size_t i = 0; v && i < n; i++)
		if (!isnan(v[i]))
			return true;
	return false;
}

/* Whether column f is sum number s in every row, NaN where any of its parts is. */
static bool is_sum(const struct st_cols *c, unsigned s, uint32_t there)
{
	for (unsigned k = 0; k < sums[s].count; k++)
		if (!(there >> sums[s].from[k] & 1))
			return false;
	const double *of = c->v[sums[s].of];
	for (size_t i = 0; i < c->n; i++) {
		double sum = 0;
		for (unsigned k = 0; k < sums[s].count; k++)
			sum += c->v[sums[s].from[k]][i];
		if (isnan(sum) ? !isnan(of[i]) : !same_bits(sum, of[i]))
			return false;
	}
	return true;
}

static void put_column(struct mc_buf *b, const double *v, size_t n, const struct st_split *split, int64_t *x)
{
	size_t m = 0, i;
	for (i = 0; i < n; i++)
		if (!isnan(v[i]) && !whole(v[i], &x[m++]))
			break;
	if (i == n) {
		st_put_split(b, INTEGERS, x, m, split);
		return;
	}
	for (i = m = 0; i < n; i++)
		if (!isnan(v[i]) && !millionths(v[i], &x[m++]))
			break;
	if (i == n) {
		st_put_split(b, MILLIONTHS, x, m, split);
		return;
	}
	unsigned char head = OTHER << 6 | PLAIN_DOUBLES;
	mc_buf_add(b, &head, 1);
	for (i = 0; i < n; i++) {
		uint64_t bits;
		memcpy(&bits, &v[i], sizeof bits);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
		bits = __builtin_bswap64(bits);
#endif
		if (!isnan(v[i]))
			mc_buf_add(b, &bits, sizeof bits);
	}
}

static size_t places_of(const struct mask *m, size_t n, int64_t *at)
{
	size_t count = 0;
	for (size_t i = 0; i < n; i++)
		if (m->bits[i / 64] >> i % 64 & 1)
			at[count++] = (int64_t)i;
	return count;
}

static void put_masks(struct mc_buf *b, const struct masks *m, size_t n)
{
	int64_t at[ST_CHUNK_ROWS_MAX];
	st_put_varint(b, m->n);
	for (size_t k = 0; k < m->n; k++) {
		size_t count = places_of(&m->all[k], n, at);
		st_put_varint(b, count);
		st_put_run(b, 0, at, count);
	}
}

/* Where the values of column f begin anew. */
static void split_of(const struct st_parts *parts, const struct masks *m, unsigned f, size_t n, struct st_split *ret)
{
	int64_t at[ST_CHUNK_ROWS_MAX];
	size_t count = n;
	ret->n = 0;
	if (parts && m->of[f])
		count = places_of(&m->all[m->of[f] - 1], n, at);
	if (parts)
		st_split_find(parts, m->of[f] ? at : NULL, count, ret);
}

static void put_columns(struct mc_buf *b, const struct st_cols *c, const struct masks *m, uint32_t there,
	const struct st_parts *parts, bool life)
{
	int64_t x[ST_CHUNK_ROWS_MAX];
	struct st_split split;
	for (unsigned f = 0; f < ST_WIDTH_MAX; f++) {
		if (!(there >> f & 1))
			continue;
		unsigned s = 0;
		while (s < SUMS && (!life || sums[s].of != f || !is_sum(c, s, there)))
			s++;
		if (s < SUMS) {
			unsigned char head = (unsigned char)(OTHER << 6 | DERIVED | s << 2);
			if (m->n)
				st_put_varint(b, 0);
			mc_buf_add(b, &head, 1);
			continue;
		}
		if (m->n)
			st_put_varint(b, m->of[f]);
		split_of(parts, m, f, c->n, &split);
		put_column(b, c->v[f], c->n, &split, x);
	}
}

static void put_crc(struct mc_buf *b, size_t from, uint64_t key)
{
	if (b->failed)
		return;
	uint32_t crc = st_crc32c(key, b->data + from, b->len - from);
	unsigned char bytes[] = { crc & 255, crc >> 8 & 255, crc >> 16 & 255, (unsigned char)(crc >> 24) };
	mc_buf_add(b, bytes, sizeof bytes);
}

/* The first and the last; with parts they may be anywhere. */
static void ends_of(const int64_t *x, size_t n, size_t *first, size_t *last)
{
	*first = *last = 0;
	for (size_t i = 1; i < n; i++) {
		*first = x[i] < x[*first] ? i : *first;
		*last = x[i] > x[*last] ? i : *last;
	}
}

/* The times; in version 2 by their ticks, where that is smaller. */
static void put_times(struct mc_buf *b, const struct st_cols *c, const int64_t *ticks, const struct st_parts *parts)
{
	size_t from = b->len, n = c->n, first, last;
	struct st_split split = { 0 };
	unsigned char version = parts ? VERSION_PARTS : VERSION;
	mc_buf_add(b, &version, 1);
	st_put_varint(b, n);
	if (parts) {
		st_put_parts(b, parts);
		st_split_find(parts, NULL, n, &split);
	}
	size_t run = b->len;
	st_put_split(b, TIMES, c->t, n, &split);
	size_t plain = b->len - run;
	if (!ticks || b->failed)
		return;
	st_put_split(b, TICKS, ticks, n, &split);
	ends_of(ticks, n, &first, &last);
	st_put_signed(b, c->t[first]);
	st_put_varint(b, (uint64_t)(c->t[last] - c->t[first]));
	if (b->failed)
		return;
	size_t shared = b->len - run - plain;
	if (shared < plain && c->t[last] >= c->t[first]) {
		memmove(b->data + run, b->data + run + plain, shared);
		b->data[from] = (char)(parts ? VERSION_PARTS : VERSION_TICKS);
		b->len = run + shared;
	} else
		b->len = run + plain;
}

/* Everything but the times. */
static void put_rows(struct mc_buf *b, const struct st_cols *c, uint32_t there, const struct st_parts *parts, bool life)
{
	struct masks m = { 0 };
	for (unsigned f = 0; f < ST_WIDTH_MAX; f++)
		if (there >> f & 1)
			find_mask(&m, f, c->v[f], c->n);
	put_masks(b, &m, c->n);
	st_put_varint(b, there);
	put_columns(b, c, &m, there, parts, life);
}

/* The first row of each part counts as one that differs. */
static void begin_parts(const struct st_parts *parts, struct st_active *a)
{
	for (size_t i = 0; i < parts->n; i++) {
		size_t row = parts->begin[i];
		a->n += !st_active_is(a, row);
		a->bits[row / 64] |= 1ULL << row % 64;
	}
}

static int encode(uint64_t key, const struct st_cols *c, const int64_t *ticks, const struct st_parts *parts, struct mc_buf *b,
	struct mc_error *err)
{
	struct st_cols some = { 0 };
	struct st_active a;
	struct st_parts stored;
	uint32_t there = 0;
	int rc = 0;
	for (unsigned f = 0; f < ST_WIDTH_MAX; f++)
		there |= (uint32_t)sampled(c->v[f], c->n) << f;
	size_t from = b->len;
	put_times(b, c, ticks, parts);
	st_active_find(c, there, &a);
	if (parts)
		begin_parts(parts, &a);
	if (c->n - a.n >= 12 && !b->failed) { /* where fewer are alike, saying which takes more than it saves */
		b->data[from] = parts ? VERSION_PARTS_ACTIVE : VERSION_ACTIVE;
		st_active_put(b, &a, c->n);
		rc = st_active_pack(c, there, &a, &some, err);
		c = &some;
		if (parts) {
			st_parts_of_some(parts, a.bits, &stored);
			parts = &stored;
		}
	}
	if (rc == 0)
		put_rows(b, c, there, parts, (key & 3) == ST_LIFE || (key & 3) == ST_BUNDLE);
	put_crc(b, from, key);
	st_cols_release(&some);
	return rc < 0 ? rc : mc_buf_check(b, err);
}

int st_chunk_encode(uint64_t key, const struct st_cols *c, const int64_t *ticks, struct mc_buf *b, struct mc_error *err)
{
	return encode(key, c, ticks, NULL, b, err);
}

int st_bundle_encode(uint64_t key, const struct st_cols *c, const int64_t *ticks, const struct st_parts *parts,
	struct mc_buf *b, struct mc_error *err)
{
	return encode(key, c, ticks, parts, b, err);
}
