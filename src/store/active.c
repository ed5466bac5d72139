/* Rows that differ from the one before. */
#include "active.h"

#include <math.h>
#include <string.h>

enum { BITMAP, PLACES, OTHERS };

static bool same(double a, double b)
{
	return st_bits(a) == st_bits(b) || (isnan(a) && isnan(b));
}

void st_active_find(const struct st_cols *c, uint32_t there, struct st_active *a)
{
	unsigned char differs[ST_CHUNK_ROWS_MAX] = { 1 };
	for (unsigned f = 0; f < ST_WIDTH_MAX; f++) {
		const double *v = c->v[f];
		if (!(there >> f & 1))
			continue;
		for (size_t i = 1; i < c->n; i++)
			differs[i] |= !same(v[i], v[i - 1]);
	}
	*a = (struct st_active){ 0 };
	for (size_t i = 0; i < c->n; i++) {
		a->bits[i / 64] |= (uint64_t)differs[i] << i % 64;
		a->n += differs[i];
	}
}

int st_active_pack(const struct st_cols *c, uint32_t there, const struct st_active *a, struct st_cols *ret,
	struct mc_error *err)
{
	int rc = st_cols_room(ret, a->n, err);
	for (unsigned f = 0; f < ST_WIDTH_MAX && rc == 0; f++) {
		if (!(there >> f & 1))
			continue;
		double *v = st_cols_column(ret, f, err);
		if (!v)
			return MC_ENOMEM;
		for (size_t i = 0, k = 0; i < c->n; i++)
			if (st_active_is(a, i))
				v[k++] = c->v[f][i];
	}
	ret->n = a->n;
	return rc;
}

static void put_bitmap(struct mc_buf *b, const struct st_active *a, size_t n)
{
	unsigned char bytes[ST_CHUNK_ROWS_MAX / 8];
	for (size_t i = 0; i < (n + 7) / 8; i++)
		bytes[i] = (unsigned char)(a->bits[i / 8] >> i % 8 * 8);
	mc_buf_add(b, bytes, (n + 7) / 8);
}

void st_active_put(struct mc_buf *b, const struct st_active *a, size_t n)
{
	int64_t x[ST_CHUNK_ROWS_MAX];
	size_t m = 0;
	bool few = a->n <= n / 2;
	st_put_varint(b, a->n);
	for (size_t i = 0; i < n; i++)
		if (st_active_is(a, i) == few)
			x[m++] = (int64_t)i;
	size_t at = b->len;
	unsigned char how = few ? PLACES : OTHERS;
	mc_buf_add(b, &how, 1);
	if (m)
		st_put_run(b, 0, x, m);
	if (b->failed || b->len - at <= 1 + (n + 7) / 8)
		return;
	b->len = at;
	how = BITMAP;
	mc_buf_add(b, &how, 1);
	put_bitmap(b, a, n);
}

static void get_bitmap(struct st_in *in, struct st_active *a, size_t n)
{
	const unsigned char *p = st_get_bytes(in, (n + 7) / 8);
	for (size_t i = 0; p && i < (n + 7) / 8; i++)
		a->bits[i / 8] |= (uint64_t)p[i] << i % 8 * 8;
	if (n % 64)
		a->bits[n / 64] &= (1ULL << n % 64) - 1;
}

/* Places as a run, of those that differ or of the others. */
static __attribute__((noinline)) bool get_places(struct st_in *in, bool others, struct st_active *a, size_t n)
{
	int64_t x[ST_CHUNK_ROWS_MAX];
	size_t m = others ? n - a->n : a->n;
	if (m) {
		unsigned head = st_get_byte(in);
		st_get_run(in, head, x, m);
	}
	for (size_t i = 0; i < m; i++) {
		if (x[i] < 0 || (uint64_t)x[i] >= n)
			return false;
		a->bits[x[i] / 64] |= 1ULL << x[i] % 64;
	}
	for (size_t i = 0; others && i < n; i += 64)
		a->bits[i / 64] ^= n - i < 64 ? (1ULL << (n - i)) - 1 : UINT64_MAX;
	return true;
}

bool st_active_get(struct st_in *in, struct st_active *a, size_t n)
{
	uint64_t count = st_get_varint(in);
	unsigned how = st_get_byte(in);
	if (in->bad || count < 1 || count > n || how > OTHERS)
		return false;
	a->n = count;
	memset(a->bits, 0, (n + 63) / 64 * sizeof *a->bits);
	if (how == BITMAP)
		get_bitmap(in, a, n);
	else if (!get_places(in, how == OTHERS, a, n))
		return false;
	size_t found = 0; /* a place that comes twice shows here */
	for (size_t i = 0; i < (n + 63) / 64; i++)
		found += (size_t)__builtin_popcountll(a->bits[i]);
	return !in->bad && found == count && st_active_is(a, 0);
}

void st_active_spread(const struct st_active *a, size_t from, size_t to, const double *stored, double *v)
{
	size_t k = 0; /* one behind the newest that differs */
	for (size_t i = 0; i < from / 64; i++)
		k += (size_t)__builtin_popcountll(a->bits[i]);
	if (from % 64)
		k += (size_t)__builtin_popcountll(a->bits[from / 64] & ((1ULL << from % 64) - 1));
	for (size_t i = from; i < to;) {
		uint64_t bits = a->bits[i / 64] >> i % 64;
		size_t end = (i / 64 + 1) * 64 < to ? (i / 64 + 1) * 64 : to;
		for (; i < end; i++, bits >>= 1) { /* no branch: where they are can't be foretold */
			k += bits & 1;
			v[i - from] = stored[k - 1];
		}
	}
}
