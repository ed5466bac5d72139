/* Properties of the codecs: what is encoded comes back bit for bit, whatever it is; a changed bit is
 * noticed; small things stay small. */
#include "crc32c.h"
#include "hot.h"

#include <math.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static uint64_t seed = 42;

static uint64_t next(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return seed;
}

static uint64_t below(uint64_t n)
{
	return next() % n;
}

/* Numbers of every size and kind that a column may hold. */
static int64_t integer(unsigned kind)
{
	switch (kind) {
	case 0: return 0;
	case 1: return (int64_t)below(100);
	case 2: return (int64_t)below(1 << 20) * 4096;
	case 3: return (int64_t)below(1ULL << 53);
	case 4: return -(int64_t)below(1ULL << 53);
	case 5: return below(10) ? 5 : (int64_t)below(1ULL << 50);
	default: return (int64_t)below(3) * 1024;
	}
}

static void runs_come_back(void **state)
{
	(void)state;
	static int64_t x[ST_RUN_MAX], y[ST_RUN_MAX];
	for (int round = 0; round < 6000; round++) {
		size_t n = 1 + below(round % 50 == 0 ? ST_RUN_MAX : 300);
		unsigned kind = (unsigned)below(7), counter = (unsigned)below(3);
		struct mc_buf b = { 0 };
		for (size_t i = 0; i < n; i++)
			x[i] = integer(kind) / (counter == 1 ? ST_RUN_MAX : 1) + (counter == 1 && i ? x[i - 1] : 0);
		st_put_run(&b, 2, x, n);
		assert_int_equal(mc_buf_check(&b, NULL), 0);
		struct st_in in = { .p = (unsigned char *)b.data, .end = (unsigned char *)b.data + b.len };
		unsigned head = st_get_byte(&in);
		assert_int_equal(head >> 6, 2);
		struct st_in skip = in;
		st_get_run(&in, head, y, n);
		assert_false(in.bad);
		assert_ptr_equal(in.p, in.end);
		assert_memory_equal(x, y, n * sizeof *x);
		st_skip_run(&skip, head, n);
		assert_ptr_equal(skip.p, skip.end);
		/* cut short it is bad or wrong, but it stays inside */
		in = (struct st_in){ .p = (unsigned char *)b.data + 1, .end = (unsigned char *)b.data + below(b.len) + 1 };
		st_get_run(&in, head, y, n);
		mc_buf_release(&b);
	}
}

static double number(unsigned kind)
{
	switch (kind) {
	case 7: return (double)below(1000000) / 100;
	case 8: return (double)below(1ULL << 52) * 1.1e-7;
	case 9: return below(2) ? -0.0 : 0.0;
	case 10: return below(3) ? (double)below(9) : (double)INFINITY;
	case 11: return below(7) ? (double)NAN : (double)below(100000);
	case 12: return 1e300 * (double)below(9);
	default: return (double)integer(kind);
	}
}

static void make(struct st_cols *c, size_t n, unsigned width)
{
	*c = (struct st_cols){ .want = UINT32_MAX };
	assert_int_equal(st_cols_room(c, n, NULL), 0);
	int64_t t = (int64_t)below(1ULL << 45), every = 1 + (int64_t)below(20000);
	for (unsigned f = 0; f < width; f++) {
		if (below(4) == 0)
			continue;
		double *v = st_cols_column(c, f, NULL);
		assert_non_null(v);
		unsigned kind = (unsigned)below(13), gaps = (unsigned)below(3), phase = (unsigned)below(5);
		for (size_t i = 0; i < n; i++)
			v[i] = (gaps == 1 && i % 5 != phase) || (gaps == 2 && below(9) == 0) ? (double)NAN : number(kind);
	}
	uint64_t idle = below(3) ? 0 : 1 + below(100); /* of a hundred rows those that are like the one before */
	for (size_t i = 1; i < n; i++) {
		bool like = below(100) < idle;
		for (unsigned f = 0; like && f < width; f++)
			if (c->v[f])
				c->v[f][i] = c->v[f][i - 1];
	}
	for (size_t i = 0; i < n; i++, t += every + (below(4) ? 0 : (int64_t)below(3)))
		c->t[i] = t;
	c->n = n;
	if (width == MC_F_COUNT && c->v[MC_F_ANON] && c->v[MC_F_FILE] && c->v[MC_F_SHMEM] && c->v[MC_F_RSS])
		for (size_t i = 0; i < n; i++)
			c->v[MC_F_RSS][i] = c->v[MC_F_ANON][i] + c->v[MC_F_FILE][i] + c->v[MC_F_SHMEM][i];
}

static void expect_same(const struct st_cols *a, size_t from, size_t to, const struct st_cols *b, size_t at)
{
	for (size_t i = from; i < to; i++) {
		assert_int_equal(a->t[i], b->t[at + i - from]);
		for (unsigned f = 0; f < ST_WIDTH_MAX; f++) {
			double x = a->v[f] ? a->v[f][i] : (double)NAN, y = b->v[f] ? b->v[f][at + i - from] : (double)NAN;
			if (!(isnan(x) && isnan(y)) && memcmp(&x, &y, sizeof x) != 0)
				fail_msg("row %zu column %u: %.17g, not %.17g", i, f, y, x);
		}
	}
}

static int fake_times(void *user, const int64_t *ticks, size_t n, int64_t *t, struct mc_error *err)
{
	const struct st_cols *c = user;
	(void)err;
	for (size_t i = 0, row = 0; i < n; i++) {
		while (row < c->n && ticks[i] != 77 + 3 * (int64_t)row)
			row++;
		if (row == c->n)
			return MC_ECORRUPT;
		t[i] = c->t[row];
	}
	return 0;
}

/* Times by the numbers of their ticks: with the clock they come back, without it they are close. */
static void ticks_come_back(void **state)
{
	(void)state;
	static int64_t ticks[ST_CHUNK_ROWS_MAX];
	int named = 0;
	for (int round = 0; round < 1000; round++) {
		struct st_cols a, b = { .want = UINT32_MAX }, near = { .want = UINT32_MAX };
		struct mc_buf blob = { 0 };
		uint64_t key = below(1000) << 32 | below(1000) << 2;
		make(&a, 1 + below(300), MC_F_COUNT);
		for (size_t i = 0; i < a.n; i++) {
			ticks[i] = 77 + 3 * (int64_t)i;
			if (round % 3)
				a.t[i] = 1700000000000 + (int64_t)i * 15000 + (int64_t)below(1 + (uint64_t)(round % 9));
		}
		assert_int_equal(st_chunk_encode(key, &a, ticks, &blob, NULL), 0);
		named += blob.data[0] == 2;
		struct st_clock clock = { fake_times, &a };
		assert_int_equal(st_chunk_decode(key, blob.data, blob.len, &clock, INT64_MIN, INT64_MAX, &b, NULL), 0);
		assert_int_equal(b.n, a.n);
		expect_same(&a, 0, a.n, &b, 0);
		assert_int_equal(st_chunk_decode(key, blob.data, blob.len, NULL, INT64_MIN, INT64_MAX, &near, NULL), 0);
		assert_int_equal(near.n, a.n);
		assert_int_equal(near.t[0], a.t[0]);
		assert_int_equal(near.t[a.n - 1], a.t[a.n - 1]);
		for (size_t i = 0; round % 3 && i < a.n; i++)
			assert_true(llabs(near.t[i] - a.t[i]) <= 20);
		st_cols_release(&a);
		st_cols_release(&b);
		st_cols_release(&near);
		mc_buf_release(&blob);
	}
	assert_true(named > 300 && named < 1000);
}

static void chunks_come_back(void **state)
{
	(void)state;
	int idle = 0;
	for (int round = 0; round < 3000; round++) {
		struct st_cols a, b = { .want = UINT32_MAX };
		struct mc_buf blob = { 0 };
		unsigned kind = (unsigned)below(ST_KINDS);
		uint64_t key = below(1000) << 32 | below(1000) << 2 | kind;
		make(&a, 1 + below(round % 100 == 0 ? ST_CHUNK_ROWS_MAX : 250), st_kind_width(kind));
		assert_int_equal(st_chunk_encode(key, &a, NULL, &blob, NULL), 0);
		idle += blob.data[0] == 3;
		assert_int_equal(st_chunk_decode(key, blob.data, blob.len, NULL, INT64_MIN, INT64_MAX, &b, NULL), 0);
		assert_int_equal(b.n, a.n);
		expect_same(&a, 0, a.n, &b, 0);
		/* a part, behind what is there already */
		size_t from = below(a.n), to = from + below(a.n - from) + 1, had = b.n;
		assert_int_equal(st_chunk_decode(key, blob.data, blob.len, NULL, a.t[from], a.t[to - 1], &b, NULL), 0);
		assert_int_equal(b.n, had + to - from);
		expect_same(&a, from, to, &b, had);
		/* one column alone */
		unsigned f = (unsigned)below(st_kind_width(kind));
		struct st_cols one = { .want = 1U << f };
		assert_int_equal(st_chunk_decode(key, blob.data, blob.len, NULL, INT64_MIN, INT64_MAX, &one, NULL), 0);
		for (size_t i = 0; i < a.n; i++) {
			double x = a.v[f] ? a.v[f][i] : (double)NAN, y = one.v[f] ? one.v[f][i] : (double)NAN;
			assert_true((isnan(x) && isnan(y)) || memcmp(&x, &y, sizeof x) == 0);
		}
		/* any bit that flips, and any other key, is noticed */
		size_t bit = below(blob.len * 8);
		blob.data[bit / 8] = (char)(blob.data[bit / 8] ^ 1 << bit % 8);
		struct mc_error e;
		had = b.n;
		assert_int_equal(st_chunk_decode(key, blob.data, blob.len, NULL, INT64_MIN, INT64_MAX, &b, &e), MC_ECORRUPT);
		blob.data[bit / 8] = (char)(blob.data[bit / 8] ^ 1 << bit % 8);
		assert_int_equal(st_chunk_decode(key + 4, blob.data, blob.len, NULL, INT64_MIN, INT64_MAX, &b, &e), MC_ECORRUPT);
		assert_int_equal(b.n, had);
		st_cols_release(&a);
		st_cols_release(&b);
		st_cols_release(&one);
		mc_buf_release(&blob);
	}
	assert_true(idle > 300 && idle < 2500);
}

/* The log replayed gives the rows that went in, through sealing too. */
static void logs_come_back(void **state)
{
	(void)state;
	for (int round = 0; round < 300; round++) {
		struct st_hot h = { 0 }, again = { 0 };
		struct st_tick k = { 0 };
		struct st_cols a[3];
		size_t since[3] = { 0 }, n = 1 + below(60);
		for (unsigned e = 0; e < 3; e++)
			make(&a[e], n, st_kind_width(e));
		for (size_t i = 0; i < n; i++) {
			uint32_t sealed[3];
			size_t nsealed = 0;
			for (unsigned e = 0; e < 3; e++) {
				struct st_open *o;
				assert_int_equal(st_hot_get(&h, 40 + e, &o, NULL), 0);
				if (below(20) == 0) {
					sealed[nsealed++] = 40 + e;
					o->sealing = true;
					since[e] = i;
				}
			}
			st_tick_begin(&k, sealed, nsealed, a[0].t[i]);
			for (unsigned e = 0; e < 3; e++) {
				double v[ST_WIDTH_MAX];
				for (unsigned f = 0; f < ST_WIDTH_MAX; f++)
					v[f] = a[e].v[f] ? a[e].v[f][i] : (double)NAN;
				st_tick_row(&k, st_hot_find(&h, 40 + e), v);
			}
			assert_int_equal(st_tick_end(&k, i + 1, NULL), 0);
			assert_int_equal(st_hot_replay(&h, i + 1, k.blob.data, k.blob.len, NULL), 0);
			assert_int_equal(st_hot_replay(&again, i + 1, k.blob.data, k.blob.len, NULL), 0);
			size_t bit = below(k.blob.len * 8);
			k.blob.data[bit / 8] = (char)(k.blob.data[bit / 8] ^ 1 << bit % 8);
			struct st_hot third = { 0 };
			assert_int_equal(st_hot_replay(&third, i + 1, k.blob.data, k.blob.len, NULL), MC_ECORRUPT);
			st_hot_release(&third);
		}
		for (unsigned e = 0; e < 3; e++) {
			struct st_cols b = { .want = UINT32_MAX };
			assert_int_equal(st_open_decode(st_hot_find(&again, 40 + e), INT64_MIN, INT64_MAX, &b, NULL), 0);
			assert_int_equal(b.n, n - since[e]);
			memcpy(a[e].t, a[0].t, n * sizeof *a[e].t);
			expect_same(&a[e], since[e], n, &b, 0);
			st_cols_release(&b);
		}
		for (unsigned e = 0; e < 3; e++)
			st_cols_release(&a[e]);
		st_hot_release(&h);
		st_hot_release(&again);
		st_tick_release(&k);
	}
}

static void what_does_not_change_costs_next_to_nothing(void **state)
{
	(void)state;
	struct st_cols c = { .want = UINT32_MAX };
	struct mc_buf b = { 0 };
	assert_int_equal(st_cols_room(&c, 240, NULL), 0);
	for (unsigned f = 0; f < 12; f++) {
		double *v = st_cols_column(&c, f, NULL);
		assert_non_null(v);
		for (size_t i = 0; i < 240; i++)
			v[i] = f % 2 ? 4096 * 700 : (double)(i * 3);
	}
	for (size_t i = 0; i < 240; i++)
		c.t[i] = 1700000000000 + (int64_t)i * 15000;
	c.n = 240;
	assert_int_equal(st_chunk_encode(1ULL << 32, &c, NULL, &b, NULL), 0);
	assert_true(b.len < 90);
	mc_buf_release(&b);
	st_cols_release(&c);
}

static void the_checksum_is_crc32c(void **state)
{
	(void)state;
	/* RFC 3720 B.4: 32 bytes of zeros give 8a9136aa. Our seed stands for the first eight. */
	static const unsigned char zeros[24];
	assert_int_equal(st_crc32c(0, zeros, sizeof zeros), 0x8a9136aa);
	assert_int_equal(st_crc32c(UINT64_MAX, memset((unsigned char[24]){ 0 }, 255, 24), 24), 0x62a8ab43);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(runs_come_back),
		cmocka_unit_test(chunks_come_back),
		cmocka_unit_test(ticks_come_back),
		cmocka_unit_test(logs_come_back),
		cmocka_unit_test(what_does_not_change_costs_next_to_nothing),
		cmocka_unit_test(the_checksum_is_crc32c),
	};
	return cmocka_run_group_tests_name("store codecs", tests, NULL, NULL);
}
