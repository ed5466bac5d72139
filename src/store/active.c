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
	a->n = 0;
	for (size_t i = 0; i < c->n; i++)
		if (differs[i])
			a->row[a->n++] = (uint16_t)i;
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
		for (size_t i = 0; i < a->n; i++)
			v[i] = c->v[f][a->row[i]];
	}
	ret->n = a->n;
	return rc;
}

static void put_bitmap(struct mc_buf *b, const struct st_active *a, size_t n)
{
	unsigned char bits[ST_CHUNK_ROWS_MAX / 8] = { 0 };
	for (size_t i = 0; i < a->n; i++)
		bits[a->row[i] / 8] = (unsigned char)(bits[a->row[i] / 8] | 1 << a->row[i] % 8);
	mc_buf_add(b, bits, (n + 7) / 8);
}

void st_active_put(struct mc_buf *b, const struct st_active *a, size_t n)
{
	int64_t x[ST_CHUNK_ROWS_MAX];
	size_t m = 0, next = 0;
	bool few = a->n <= n / 2;
	st_put_varint(b, a->n);
	for (size_t i = 0; i < n; i++) {
		bool is = next < a->n && a->row[next] == i;
		next += is;
		if (is == few)
			x[m++] = (int64_t)i;
	}
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

static bool get_bitmap(struct st_in *in, struct st_active *a, size_t n)
{
	const unsigned char *p = st_get_bytes(in, (n + 7) / 8);
	size_t m = 0;
	for (size_t i = 0; p && i < n; i++)
		if (p[i / 8] >> i % 8 & 1) {
			if (m == a->n)
				return false;
			a->row[m++] = (uint16_t)i;
		}
	return m == a->n;
}

/* Places as a run, of those that differ or of the others. */
static __attribute__((noinline)) bool get_places(struct st_in *in, bool others, struct st_active *a, size_t n)
{
	int64_t x[ST_CHUNK_ROWS_MAX];
	size_t m = others ? n - a->n : a->n, next = 0, k = 0;
	if (m) {
		unsigned head = st_get_byte(in);
		st_get_run(in, head, x, m);
	}
	for (size_t i = 0; i < m; i++)
		if (x[i] < 0 || (uint64_t)x[i] >= n || (i && x[i] <= x[i - 1]))
			return false;
	for (size_t i = 0; i < n; i++) {
		bool is = next < m && (uint64_t)x[next] == i;
		next += is;
		if (is != others)
			a->row[k++] = (uint16_t)i;
	}
	return !in->bad;
}

bool st_active_get(struct st_in *in, struct st_active *a, size_t n)
{
	uint64_t count = st_get_varint(in);
	unsigned how = st_get_byte(in);
	if (in->bad || count < 1 || count > n || how > OTHERS)
		return false;
	a->n = count;
	bool ok = how == BITMAP ? get_bitmap(in, a, n) : get_places(in, how == OTHERS, a, n);
	return ok && !in->bad && a->row[0] == 0;
}

void st_active_spread(const struct st_active *a, size_t from, size_t to, const double *stored, double *v)
{
	size_t k = 0;
	while (k + 1 < a->n && a->row[k + 1] <= from)
		k++;
	for (size_t i = from; i < to; k++) {
		size_t end = k + 1 < a->n && a->row[k + 1] < to ? a->row[k + 1] : to;
		for (; i < end; i++)
			v[i - from] = stored[k];
	}
}
