/* Chunks: encoding and decoding the rows of one entity. */
#include "active.h"

#include "codec.h"
#include "crc32c.h"

#include <math.h>
#include <string.h>

enum { VERSION = 1, VERSION_TICKS = 2, VERSION_ACTIVE = 3 };
enum { TIMES, TICKS }; /* marks of the first run */
#define TIME_MAX (1LL << 53)
enum { INTEGERS, MILLIONTHS, UNUSED_MARK, OTHER };
enum { PLAIN_DOUBLES, DERIVED };

/* Columns that others add up to. Which is which is known for lives only. */
static const struct {
	uint8_t of, from[3], count;
} sums[] = {
	{ MC_F_RSS, { MC_F_ANON, MC_F_FILE, MC_F_SHMEM }, 3 },
	{ MC_F_RSS, { MC_F_ANON, MC_F_SHARED }, 2 },
	{ MC_F_SHARED, { MC_F_FILE, MC_F_SHMEM }, 2 },
};
enum { SUMS = sizeof sums / sizeof *sums };

unsigned st_kind_width(unsigned kind)
{
	static const unsigned width[] = { [ST_LIFE] = MC_F_COUNT, [ST_LOAD] = MC_L_COUNT, [ST_HOST] = MC_H_COUNT };
	return kind < ST_KINDS ? width[kind] : 0;
}

static bool same_bits(double a, double b)
{
	return st_bits(a) == st_bits(b);
}

/* ---- encoding ---- */

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

static void put_column(struct mc_buf *b, const double *v, size_t n, int64_t *x)
{
	size_t m = 0, i;
	for (i = 0; i < n; i++)
		if (!isnan(v[i]) && !whole(v[i], &x[m++]))
			break;
	if (i == n) {
		st_put_run(b, INTEGERS, x, m);
		return;
	}
	for (i = m = 0; i < n; i++)
		if (!isnan(v[i]) && !millionths(v[i], &x[m++]))
			break;
	if (i == n) {
		st_put_run(b, MILLIONTHS, x, m);
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

static void put_masks(struct mc_buf *b, const struct masks *m, size_t n)
{
	int64_t at[ST_CHUNK_ROWS_MAX];
	st_put_varint(b, m->n);
	for (size_t k = 0; k < m->n; k++) {
		size_t count = 0;
		for (size_t i = 0; i < n; i++)
			if (m->all[k].bits[i / 64] >> i % 64 & 1)
				at[count++] = (int64_t)i;
		st_put_varint(b, count);
		st_put_run(b, 0, at, count);
	}
}

static void put_columns(struct mc_buf *b, const struct st_cols *c, const struct masks *m, uint32_t there, bool life)
{
	int64_t x[ST_CHUNK_ROWS_MAX];
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
		put_column(b, c->v[f], c->n, x);
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

/* The times; in version 2 by their ticks, where that is smaller. */
static void put_times(struct mc_buf *b, const struct st_cols *c, const int64_t *ticks)
{
	size_t from = b->len, n = c->n;
	unsigned char version = VERSION;
	mc_buf_add(b, &version, 1);
	st_put_varint(b, n);
	size_t run = b->len;
	st_put_run(b, TIMES, c->t, n);
	size_t plain = b->len - run;
	if (!ticks || b->failed)
		return;
	st_put_run(b, TICKS, ticks, n);
	st_put_signed(b, c->t[0]);
	st_put_varint(b, (uint64_t)(c->t[n - 1] - c->t[0]));
	if (b->failed)
		return;
	size_t shared = b->len - run - plain;
	if (shared < plain) {
		memmove(b->data + run, b->data + run + plain, shared);
		b->data[from] = VERSION_TICKS;
		b->len = run + shared;
	} else
		b->len = run + plain;
}

/* Everything but the times. */
static void put_rows(struct mc_buf *b, const struct st_cols *c, uint32_t there, bool life)
{
	struct masks m = { 0 };
	for (unsigned f = 0; f < ST_WIDTH_MAX; f++)
		if (there >> f & 1)
			find_mask(&m, f, c->v[f], c->n);
	put_masks(b, &m, c->n);
	st_put_varint(b, there);
	put_columns(b, c, &m, there, life);
}

int st_chunk_encode(uint64_t key, const struct st_cols *c, const int64_t *ticks, struct mc_buf *b, struct mc_error *err)
{
	struct st_cols some = { 0 };
	struct st_active a;
	uint32_t there = 0;
	int rc = 0;
	for (unsigned f = 0; f < ST_WIDTH_MAX; f++)
		there |= (uint32_t)sampled(c->v[f], c->n) << f;
	size_t from = b->len;
	put_times(b, c, ticks);
	st_active_find(c, there, &a);
	if (c->n - a.n >= 12 && !b->failed) { /* where fewer are alike, saying which takes more than it saves */
		b->data[from] = VERSION_ACTIVE;
		st_active_put(b, &a, c->n);
		rc = st_active_pack(c, there, &a, &some, err);
		c = &some;
	}
	if (rc == 0)
		put_rows(b, c, there, (key & 3) == ST_LIFE);
	put_crc(b, from, key);
	st_cols_release(&some);
	return rc < 0 ? rc : mc_buf_check(b, err);
}

/* ---- decoding ---- */

struct reader {
	struct st_in in;
	size_t rows, first, last; /* rows, and those wanted: [first, last) */
	size_t n, from, to;       /* the same of the rows that are stored */
	bool some;                /* of these are stored: */
	struct st_active active;
	int64_t *t, *ints;  /* work space, of `rows` each */
	double *x, *stored;
	size_t masks;
	struct {
		size_t count;
		const unsigned char *run; /* where its positions begin */
	} mask[ST_WIDTH_MAX];
};

static int corrupt(uint64_t key, struct mc_error *err)
{
	return mc_fail(err, MC_ECORRUPT, 0, "chunk %llu of entity %llu is damaged", (unsigned long long)(key >> 32),
		(unsigned long long)(key & 0xffffffffU));
}

/* Times between the first and the last as if no tick had come late. */
static void spread_times(int64_t first, int64_t last, const int64_t *ticks, size_t n, int64_t *t)
{
	double step = n > 1 ? (double)(last - first) / (double)(ticks[n - 1] - ticks[0]) : 0;
	for (size_t i = 0; i < n; i++)
		t[i] = first + (int64_t)(step * (double)(ticks[i] - ticks[0]));
	t[n - 1] = last;
}

/* t are the numbers of the ticks, and become their times. */
static __attribute__((noinline)) int ticks_to_times(struct reader *r, uint64_t key, const struct st_clock *clock, int64_t *t, struct mc_error *err)
{
	int64_t ticks[ST_CHUNK_ROWS_MAX];
	unsigned back = t[0] < 0 || t[r->n - 1] >= 1LL << 53;
	for (size_t i = 1; i < r->n; i++)
		back |= t[i] <= t[i - 1];
	int64_t first = st_get_signed(&r->in);
	uint64_t span = st_get_varint(&r->in);
	if (r->in.bad || back || first > TIME_MAX || first < -TIME_MAX || span > 2 * (uint64_t)TIME_MAX || (r->n > 1 && span < r->n - 1))
		return corrupt(key, err);
	memcpy(ticks, t, r->n * sizeof *t);
	if (clock)
		return clock->times(clock->user, ticks, r->n, t, err);
	spread_times(first, first + (int64_t)span, ticks, r->n, t);
	return 0;
}

/* Work space for n rows. */
static int make_room(struct reader *r, size_t n, struct st_cols *c, struct mc_error *err)
{
	if (n * 4 > c->nwork) {
		size_t most = n > ST_CHUNK_ROWS ? n : ST_CHUNK_ROWS;
		int64_t *work = mc_reallocarray(c->work, most * 4, sizeof *work);
		if (!work)
			return mc_nomem(err, "a chunk");
		c->work = work;
		c->nwork = most * 4;
	}
	r->t = c->work;
	r->ints = c->work + n;
	r->x = (double *)(c->work + 2 * n);
	r->stored = (double *)(c->work + 3 * n);
	r->n = r->rows = n;
	return 0;
}

/* Checks the sum and reads up to the times. */
static int open_chunk(uint64_t key, const void *data, size_t len, const struct st_clock *clock, struct st_cols *c,
	struct reader *r, struct mc_error *err)
{
	const unsigned char *p = data;
	if (!p || len < 8)
		return corrupt(key, err);
	const unsigned char *e = p + len - 4;
	uint32_t crc = (uint32_t)e[0] | (uint32_t)e[1] << 8 | (uint32_t)e[2] << 16 | (uint32_t)e[3] << 24;
	if (crc != st_crc32c(key, p, len - 4))
		return corrupt(key, err);
	r->in = (struct st_in){ .p = p, .end = e };
	unsigned version = st_get_byte(&r->in);
	if (version < VERSION || version > VERSION_ACTIVE)
		return mc_fail(err, MC_EFOREIGN, 0, "chunk %llu was written by a newer memculprit", (unsigned long long)key);
	uint64_t n = st_get_varint(&r->in);
	if (n < 1 || n > ST_CHUNK_ROWS_MAX)
		return corrupt(key, err);
	int rc = make_room(r, n, c, err);
	if (rc < 0)
		return rc;
	int64_t *t = r->t;
	r->some = version == VERSION_ACTIVE;
	unsigned head = st_get_byte(&r->in);
	st_get_run(&r->in, head, t, r->n);
	if (!r->in.bad && version != VERSION && head >> 6 == TICKS) {
		rc = ticks_to_times(r, key, clock, t, err);
		if (rc < 0)
			return rc;
	}
	unsigned back = 0; /* without a branch it takes several a step */
	for (size_t i = 1; i < r->n; i++)
		back |= t[i] <= t[i - 1];
	return r->in.bad || back ? corrupt(key, err) : 0;
}

static bool read_masks(struct reader *r)
{
	r->masks = st_get_varint(&r->in);
	if (r->masks > ST_WIDTH_MAX)
		return false;
	for (size_t k = 0; k < r->masks; k++) {
		uint64_t count = st_get_varint(&r->in);
		if (count < 1 || count > r->n)
			return false;
		r->mask[k].count = count;
		r->mask[k].run = r->in.p;
		unsigned head = st_get_byte(&r->in);
		st_skip_run(&r->in, head, r->mask[k].count);
	}
	return !r->in.bad;
}

/* Spreads m values over the rows that mask k (from 1) has. v is where row r->from goes. */
static __attribute__((noinline)) bool spread(const struct reader *r, size_t k, const double *x, double *v)
{
	int64_t at[ST_CHUNK_ROWS_MAX];
	struct st_in in = { .p = r->mask[k - 1].run, .end = r->in.end };
	unsigned head = st_get_byte(&in);
	size_t count = r->mask[k - 1].count;
	st_get_run(&in, head, at, count);
	for (size_t i = r->from; i < r->to; i++)
		v[i - r->from] = (double)NAN;
	for (size_t i = 0; i < count; i++) {
		if (at[i] < 0 || (uint64_t)at[i] >= r->n)
			return false;
		size_t row = (size_t)at[i];
		if (row >= r->from && row < r->to)
			v[row - r->from] = x[i];
	}
	return !in.bad;
}

static void get_doubles(struct st_in *in, double *x, size_t m)
{
	for (size_t i = 0; i < m; i++) {
		const unsigned char *p = st_get_bytes(in, 8);
		if (!p)
			return;
		uint64_t bits;
		memcpy(&bits, p, sizeof bits);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
		bits = __builtin_bswap64(bits);
#endif
		memcpy(&x[i], &bits, sizeof bits);
	}
}

/* One stored column into v (NULL: passed over). */
static bool read_column(struct reader *r, size_t k, unsigned head, double *v)
{
	int64_t *ints = r->ints;
	double *x = r->x;
	size_t m = k ? r->mask[k - 1].count : r->n;
	unsigned mark = head >> 6;
	if (!v) {
		if (mark == OTHER)
			st_get_bytes(&r->in, m * 8);
		else
			st_skip_run(&r->in, head, m);
		return !r->in.bad;
	}
	if (mark == OTHER)
		get_doubles(&r->in, x, m);
	else
		st_get_run(&r->in, head, ints, m);
	if (r->in.bad)
		return false;
	double *to = k ? x : v;
	size_t from = k ? 0 : r->from, end = k ? m : r->to;
	if (mark == INTEGERS)
		for (size_t i = from; i < end; i++)
			to[i - from] = (double)ints[i];
	else if (mark == MILLIONTHS)
		for (size_t i = from; i < end; i++)
			to[i - from] = (double)ints[i] / 1e6;
	else if (!k)
		memcpy(v, x + from, (end - from) * sizeof *v);
	return k ? spread(r, k, x, v) : true;
}

/* The wanted rows of one column, whether all are stored or some. */
static bool read_rows(struct reader *r, size_t k, unsigned head, double *v)
{
	if (v && k == 0 && head >> 6 == INTEGERS && st_run_is_same(head)) { /* most columns of most processes */
		int64_t x;
		st_get_run(&r->in, head, &x, 1);
		for (size_t i = 0; i < r->last - r->first; i++)
			v[i] = (double)x;
		return !r->in.bad;
	}
	if (!r->some || !v)
		return read_column(r, k, head, v);
	if (!read_column(r, k, head, r->stored))
		return false;
	st_active_spread(&r->active, r->first, r->last, r->stored, v);
	return true;
}

/* Columns that must be read for those wanted. */
static uint32_t needed(uint32_t want, bool life)
{
	for (unsigned s = 0; life && s < SUMS; s++)
		if (want >> sums[s].of & 1)
			for (unsigned k = 0; k < sums[s].count; k++)
				want |= 1U << sums[s].from[k];
	return want;
}

static void add_up(struct st_cols *c, unsigned s, size_t rows)
{
	double *v = c->v[sums[s].of] + c->n;
	for (size_t i = 0; i < rows; i++) {
		v[i] = 0;
		for (unsigned k = 0; k < sums[s].count; k++)
			v[i] += c->v[sums[s].from[k]][c->n + i];
	}
}

/* The columns. Those that are added up come last, the shared ones first: RSS may stand on them. */
static int read_columns(struct reader *r, uint64_t key, struct st_cols *c, struct mc_error *err)
{
	bool life = (key & 3) == ST_LIFE;
	uint32_t want = needed(needed(c->want, life), life), done = 0, derived = 0;
	uint64_t there = st_get_varint(&r->in);
	size_t rows = r->last - r->first;
	bool all = want == UINT32_MAX;
	for (unsigned f = 0; f < ST_WIDTH_MAX && want >> f; f++) { /* what comes behind those wanted is left */
		if (!(there >> f & 1))
			continue;
		uint64_t k = r->masks ? st_get_varint(&r->in) : 0;
		unsigned head = st_get_byte(&r->in);
		if (k > r->masks)
			return corrupt(key, err);
		if (head >> 6 == OTHER && (head & 3) == DERIVED) {
			unsigned s = head >> 2 & 15;
			if (!life || s >= SUMS || sums[s].of != f)
				return corrupt(key, err);
			derived |= 1U << s;
			continue;
		}
		double *v = NULL;
		if (want >> f & 1) {
			v = st_cols_column(c, f, err);
			if (!v)
				return MC_ENOMEM;
			done |= 1U << f;
			v += c->n;
		}
		if (!read_rows(r, k, head, v))
			return corrupt(key, err);
	}
	if (there >> ST_WIDTH_MAX || (all && r->in.p != r->in.end))
		return corrupt(key, err);
	for (unsigned s = SUMS; s-- > 0;) {
		if (!(derived >> s & 1) || !(want >> sums[s].of & 1))
			continue;
		for (unsigned k = 0; k < sums[s].count; k++)
			if (!(done >> sums[s].from[k] & 1))
				return corrupt(key, err);
		if (!st_cols_column(c, sums[s].of, err))
			return MC_ENOMEM;
		add_up(c, s, rows);
		done |= 1U << sums[s].of;
	}
	for (unsigned f = 0; f < ST_WIDTH_MAX; f++)
		for (size_t i = 0; c->v[f] && !(done >> f & 1) && i < rows; i++)
			c->v[f][c->n + i] = (double)NAN;
	return 0;
}

int st_chunk_decode(uint64_t key, const void *data, size_t len, const struct st_clock *clock, int64_t since, int64_t until,
	struct st_cols *c, struct mc_error *err)
{
	struct reader r;
	r.masks = 0;
	int rc = open_chunk(key, data, len, clock, c, &r, err);
	if (rc < 0)
		return rc;
	const int64_t *t = r.t;
	r.first = 0;
	r.last = r.rows;
	while (r.first < r.last && t[r.first] < since)
		r.first++;
	while (r.last > r.first && t[r.last - 1] > until)
		r.last--;
	if (r.first == r.last)
		return 0;
	if (r.some && !st_active_get(&r.in, &r.active, r.rows))
		return corrupt(key, err);
	r.n = r.some ? r.active.n : r.rows;
	r.from = r.some ? 0 : r.first;
	r.to = r.some ? r.n : r.last;
	if (!read_masks(&r))
		return corrupt(key, err);
	rc = st_cols_room(c, r.last - r.first, err);
	if (rc == 0)
		rc = read_columns(&r, key, c, err);
	if (rc < 0)
		return rc;
	memcpy(c->t + c->n, t + r.first, (r.last - r.first) * sizeof *t);
	c->n += r.last - r.first;
	return 0;
}

size_t st_chunk_rows(const void *data, size_t len)
{
	const unsigned char *p = data;
	if (!p || len < 2)
		return 0;
	struct st_in in = { .p = p + 1, .end = p + len };
	uint64_t n = st_get_varint(&in);
	return in.bad || n > ST_CHUNK_ROWS_MAX ? 0 : n;
}
