/* Chunks and ticks out of hostile bytes. The checksum is made right first: otherwise nothing would get
 * past it. What decodes is encoded again and must come back the same. */
#include "crc32c.h"
#include "hot.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void set_crc(uint8_t *p, size_t size, uint64_t key)
{
	uint32_t crc = st_crc32c(key, p, size - 4);
	for (int i = 0; i < 4; i++)
		p[size - 4 + i] = (uint8_t)(crc >> 8 * i);
}

static bool same(const double *a, const double *b, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		double x = a ? a[i] : (double)NAN, y = b ? b[i] : (double)NAN;
		if (!(isnan(x) && isnan(y)) && memcmp(&x, &y, sizeof x) != 0)
			return false;
	}
	return true;
}

static int clock_of_all(void *user, const int64_t *ticks, size_t n, int64_t *t, struct mc_error *err)
{
	(void)user;
	for (size_t i = 0; i < n; i++)
		t[i] = ticks[i] * 1000 + ticks[i] % 7;
	return n && ticks[0] > 1 << 30 ? mc_fail(err, MC_ECORRUPT, 0, "lost") : 0;
}

static void chunk(uint64_t key, const uint8_t *p, size_t size)
{
	struct st_clock clock = { clock_of_all, NULL };
	struct st_cols ticked = { .want = UINT32_MAX };
	st_chunk_decode(key, p, size, &clock, INT64_MIN, INT64_MAX, &ticked, NULL);
	st_cols_release(&ticked);
	struct st_cols c = { .want = UINT32_MAX }, again = { .want = UINT32_MAX };
	struct mc_buf b = { 0 };
	struct st_cols some = { .want = 1U << MC_F_RSS };
	if (st_chunk_decode(key, p, size, NULL, INT64_MIN, INT64_MAX, &c, NULL) == 0 && c.n) {
		if (llabs(c.t[0] >> 1) < 1LL << 60 && llabs(c.t[c.n - 1] >> 1) < 1LL << 60) {
			if (st_chunk_encode(key, &c, NULL, &b, NULL) < 0 ||
				st_chunk_decode(key, b.data, b.len, NULL, INT64_MIN, INT64_MAX, &again, NULL) < 0 || again.n != c.n)
				abort();
			for (unsigned f = 0; f < ST_WIDTH_MAX; f++)
				if (!same(c.v[f], again.v[f], c.n))
					abort();
		}
		if (st_chunk_decode(key, p, size, NULL, c.t[0] + 1, c.t[c.n - 1], &some, NULL) < 0)
			abort();
	}
	st_cols_release(&c);
	st_cols_release(&again);
	st_cols_release(&some);
	mc_buf_release(&b);
}

static void bundle(uint64_t key, const uint8_t *p, size_t size)
{
	struct st_clock clock = { clock_of_all, NULL };
	struct st_cols c = { .want = UINT32_MAX }, again = { .want = UINT32_MAX };
	struct st_parts parts, parts_again;
	struct mc_buf b = { 0 };
	st_bundle_decode(key, p, size, &clock, &c, &parts, NULL);
	st_cols_restart(&c);
	bool small = st_bundle_decode(key, p, size, NULL, &c, &parts, NULL) == 0;
	for (size_t i = 0; small && i < c.n; i++)
		small = llabs(c.t[i] >> 1) < 1LL << 52;
	if (small) {
		if (st_bundle_encode(key, &c, NULL, &parts, &b, NULL) < 0 ||
			st_bundle_decode(key, b.data, b.len, NULL, &again, &parts_again, NULL) < 0 || again.n != c.n ||
			parts.n != parts_again.n || memcmp(parts.id, parts_again.id, parts.n * sizeof *parts.id) != 0 ||
			memcmp(parts.begin, parts_again.begin, (parts.n + 1) * sizeof *parts.begin) != 0 ||
			memcmp(c.t, again.t, c.n * sizeof *c.t) != 0)
			abort();
		for (unsigned f = 0; f < ST_WIDTH_MAX; f++)
			if (!same(c.v[f], again.v[f], c.n))
				abort();
	}
	st_cols_release(&c);
	st_cols_release(&again);
	mc_buf_release(&b);
}

static void tick(const uint8_t *p, size_t size)
{
	struct st_hot h = { 0 };
	struct st_cols c = { .want = UINT32_MAX };
	if (st_hot_replay(&h, 7, p, size, NULL) == 0)
		for (size_t i = 0; i < h.n; i++)
			if (st_open_decode(h.open[i], INT64_MIN, INT64_MAX, &c, NULL) < 0)
				abort();
	st_cols_release(&c);
	st_hot_release(&h);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 9)
		return 0;
	uint64_t key = 1ULL << 32 | (data[0] & 3);
	uint8_t *p = malloc(size - 1);
	if (!p)
		return 0;
	memcpy(p, data + 1, size - 1);
	if (data[0] & 4) {
		set_crc(p, size - 1, 7);
		tick(p, size - 1);
	} else {
		set_crc(p, size - 1, key);
		if ((key & 3) == ST_BUNDLE)
			bundle(key, p, size - 1);
		else
			chunk(key, p, size - 1);
	}
	free(p);
	return 0;
}
