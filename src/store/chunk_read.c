/* Chunks: decoding. */
#include "active.h"

#include "chunk_form.h"
#include "crc32c.h"

#include <math.h>
#include <string.h>

struct reader {
	struct st_in in;
	size_t rows, first, last; /* rows, and those wanted: [first, last) */
	size_t n, from, to;       /* the same of the rows that are stored */
	bool some;                /* of these are stored: */
	struct st_active active;
	struct st_parts *parts;   /* of a bundle; NULL: it is one life's */
	struct st_parts stored_parts;
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
	int64_t low = ticks[0], high = ticks[0];
	for (size_t i = 1; i < n; i++) {
		low = ticks[i] < low ? ticks[i] : low;
		high = ticks[i] > high ? ticks[i] : high;
	}
	double step = high > low ? (double)(last - first) / (double)(high - low) : 0;
	for (size_t i = 0; i < n; i++)
		t[i] = ticks[i] == high ? last : first + (int64_t)(step * (double)(ticks[i] - low));
}

/* Whether x rises in all rows, or in each part. */
static bool rises(const struct reader *r, const int64_t *x)
{
	unsigned back = 0; /* without a branch it takes several a step */
	if (!r->parts)
		for (size_t i = 1; i < r->rows; i++)
			back |= x[i] <= x[i - 1];
	else
		for (size_t p = 0; p < r->parts->n; p++)
			for (size_t i = r->parts->begin[p] + 1U; i < r->parts->begin[p + 1]; i++)
				back |= x[i] <= x[i - 1];
	return !back;
}

/* t are the numbers of the ticks, and become their times. */
static __attribute__((noinline)) int ticks_to_times(struct reader *r, uint64_t key, const struct st_clock *clock, int64_t *t, struct mc_error *err)
{
	int64_t ticks[ST_CHUNK_ROWS_MAX];
	bool bad = !rises(r, t);
	for (size_t i = 0; i < r->n; i++)
		bad |= t[i] < 0 || t[i] >= 1LL << 53;
	int64_t first = st_get_signed(&r->in);
	uint64_t span = st_get_varint(&r->in);
	if (r->in.bad || bad || first > TIME_MAX || first < -TIME_MAX || span > 2 * (uint64_t)TIME_MAX ||
		(!r->parts && r->n > 1 && span < r->n - 1))
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

static int read_times(struct reader *r, uint64_t key, const struct st_clock *clock, bool may_be_ticks, struct mc_error *err)
{
	struct st_split split = { 0 };
	if (r->parts)
		st_split_find(r->parts, NULL, r->n, &split);
	unsigned head = st_get_byte(&r->in);
	st_get_split(&r->in, head, r->t, r->n, &split);
	if (!r->in.bad && may_be_ticks && head >> 6 == TICKS) {
		int rc = ticks_to_times(r, key, clock, r->t, err);
		if (rc < 0)
			return rc;
	}
	return r->in.bad || !rises(r, r->t) ? corrupt(key, err) : 0;
}

/* Checks the sum and reads up to the times; all rows are wanted then. r->parts says whose they are. */
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
	unsigned version = st_get_byte(&r->in), least = r->parts ? VERSION_PARTS : VERSION;
	if (version < least || version > (r->parts ? VERSION_PARTS_ACTIVE : VERSION_ACTIVE))
		return mc_fail(err, MC_EFOREIGN, 0, "chunk %llu was written by a newer memculprit", (unsigned long long)key);
	uint64_t n = st_get_varint(&r->in);
	r->masks = 0;
	r->first = 0;
	r->last = n;
	if (n < 1 || n > ST_CHUNK_ROWS_MAX || (r->parts && !st_get_parts(&r->in, r->parts, n)))
		return corrupt(key, err);
	r->some = version == VERSION_ACTIVE || version == VERSION_PARTS_ACTIVE;
	int rc = make_room(r, n, c, err);
	return rc < 0 ? rc : read_times(r, key, clock, version != VERSION, err);
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

/* Where the values under mask k (0: all rows) begin anew. */
static __attribute__((noinline)) void split_of(const struct reader *r, size_t k, struct st_split *ret)
{
	int64_t at[ST_CHUNK_ROWS_MAX];
	struct st_in in = { .end = r->in.end };
	size_t count = r->n;
	ret->n = 0;
	if (!r->parts)
		return;
	if (k) {
		in.p = r->mask[k - 1].run;
		count = r->mask[k - 1].count;
		unsigned head = st_get_byte(&in);
		st_get_run(&in, head, at, count);
	}
	st_split_find(r->some ? &r->stored_parts : r->parts, k ? at : NULL, count, ret);
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
	struct st_split split = { 0 };
	if (r->parts)
		split_of(r, k, &split);
	if (!v) {
		if (mark == OTHER)
			st_get_bytes(&r->in, m * 8);
		else
			st_skip_split(&r->in, head, m, &split);
		return !r->in.bad;
	}
	if (mark == OTHER)
		get_doubles(&r->in, x, m);
	else
		st_get_split(&r->in, head, ints, m, &split);
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
	if (v && k == 0 && !r->parts && head >> 6 == INTEGERS && st_run_is_same(head)) { /* most columns of most processes */
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
	bool life = (key & 3) == ST_LIFE || (key & 3) == ST_BUNDLE;
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

/* Rows [r->first, r->last), once the times are known. */
static int read_rest(struct reader *r, uint64_t key, struct st_cols *c, struct mc_error *err)
{
	if (r->some && !st_active_get(&r->in, &r->active, r->rows))
		return corrupt(key, err);
	if (r->some && r->parts) {
		for (size_t p = 0; p < r->parts->n; p++)
			if (!st_active_is(&r->active, r->parts->begin[p]))
				return corrupt(key, err);
		st_parts_of_some(r->parts, r->active.bits, &r->stored_parts);
	}
	r->n = r->some ? r->active.n : r->rows;
	r->from = r->some ? 0 : r->first;
	r->to = r->some ? r->n : r->last;
	if (!read_masks(r))
		return corrupt(key, err);
	int rc = st_cols_room(c, r->last - r->first, err);
	if (rc == 0)
		rc = read_columns(r, key, c, err);
	if (rc < 0)
		return rc;
	memcpy(c->t + c->n, r->t + r->first, (r->last - r->first) * sizeof *r->t);
	c->n += r->last - r->first;
	return 0;
}

int st_chunk_decode(uint64_t key, const void *data, size_t len, const struct st_clock *clock, int64_t since, int64_t until,
	struct st_cols *c, struct mc_error *err)
{
	struct reader r;
	r.parts = NULL;
	int rc = open_chunk(key, data, len, clock, c, &r, err);
	if (rc < 0)
		return rc;
	while (r.first < r.last && r.t[r.first] < since)
		r.first++;
	while (r.last > r.first && r.t[r.last - 1] > until)
		r.last--;
	return r.first == r.last ? 0 : read_rest(&r, key, c, err);
}

int st_bundle_decode(uint64_t key, const void *data, size_t len, const struct st_clock *clock, struct st_cols *c,
	struct st_parts *parts, struct mc_error *err)
{
	struct reader r;
	r.parts = parts;
	int rc = open_chunk(key, data, len, clock, c, &r, err);
	return rc < 0 ? rc : read_rest(&r, key, c, err);
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
