#include "store_rows.h"

#include <math.h>
#include <string.h>

int64_t add_life(struct mc_store *s, int64_t program, int64_t pid, int64_t start)
{
	struct mc_incarnation i = { .program = program, .key = "w", .pid = pid, .start_ms = start, .exe = "/bin/x",
		.version = "v1", .commit = "", .build_id = "ab", .how = "build-id" };
	OK(mc_store_incarnation(s, &i, E));
	return i.id;
}

double value(int64_t life, int64_t tick, unsigned f)
{
	switch (f) {
	case MC_F_ANON: return (double)(4096 * (1000 + life + tick / 3));
	case MC_F_FILE: return tick % 10 == 3 ? 8192.0 * (double)life : (double)NAN;
	case MC_F_SHMEM: return 4096;
	case MC_F_SWAP: return 0;
	case MC_F_UTIME: return (double)(tick * tick);
	case MC_F_PSS: return 0.25 * (double)tick;
	case MC_F_THREADS: return tick > 300 ? -3.0 : (double)NAN;
	case MC_F_RSS: return (double)(4096 * (1000 + life + tick / 3)) + 8192.0 * (double)life + 4096;
	default: return (double)NAN;
	}
}

void fill_row(struct mc_row *r, int64_t id, int64_t life, int64_t tick)
{
	r->incarnation = id;
	for (unsigned f = 0; f < MC_F_COUNT; f++)
		r->v[f] = value(life, tick, f);
}

bool same(double a, double b)
{
	return memcmp(&a, &b, sizeof a) == 0 || (isnan(a) && isnan(b));
}

void expect_series(struct mc_store *s, int64_t id, int64_t life, int64_t t0, int64_t step, int64_t from, int64_t to)
{
	struct mc_series r = { 0 };
	OK(mc_store_series(s, id, t0 + from * step, t0 + to * step, &r, E));
	assert_int_equal(r.n, to - from + 1);
	for (size_t i = 0; i < r.n; i++) {
		int64_t tick = from + (int64_t)i;
		assert_int_equal(r.t_ms[i], t0 + tick * step);
		for (unsigned f = 0; f < MC_F_COUNT; f++) {
			double want = value(life, tick, f), got = r.v[f] ? r.v[f][i] : (double)NAN;
			if (!same(want, got))
				fail_msg("life %d tick %d %s: %g, not %g", (int)life, (int)tick, mc_field_name(f), got, want);
		}
	}
	assert_null(r.v[MC_F_VSIZE]);
	mc_series_release(&r);
}

void write_ticks(struct mc_store *s, const int64_t ids[LIVES], int64_t program, int64_t from, int64_t to)
{
	for (int64_t tick = from; tick < to; tick++) {
		struct mc_row rows[LIVES];
		for (int i = 0; i < LIVES; i++)
			fill_row(&rows[i], ids[i], i + 1, tick);
		struct mc_load_row load = { .program = program };
		double host[MC_H_COUNT];
		for (unsigned f = 0; f < MC_L_COUNT; f++)
			load.v[f] = f == MC_L_CPU ? (double)tick / 100 : f == MC_L_IO_READ ? (double)NAN : (double)(tick * 7);
		for (unsigned f = 0; f < MC_H_COUNT; f++)
			host[f] = f == MC_H_IOWAIT ? 0.1 + (double)tick : (double)f;
		OK(mc_store_tick(s, T0 + tick * STEP, rows, LIVES, &load, 1, host, E));
	}
}

void expect_all(struct mc_store *s, const int64_t ids[LIVES], int64_t program, int64_t ticks)
{
	for (int i = 0; i < LIVES; i++) {
		expect_series(s, ids[i], i + 1, T0, STEP, 0, ticks - 1);
		expect_series(s, ids[i], i + 1, T0, STEP, ticks / 3, ticks / 2);
	}
	struct mc_load_series l = { 0 };
	OK(mc_store_load_series(s, program, INT64_MIN, INT64_MAX, &l, E));
	assert_int_equal(l.n, ticks);
	assert_null(l.v[MC_L_IO_READ]);
	assert_true(same(l.v[MC_L_CPU][ticks - 1], (double)(ticks - 1) / 100));
	mc_load_series_release(&l);
	struct mc_host_series h = { 0 };
	OK(mc_store_host_series(s, INT64_MIN, INT64_MAX, &h, E));
	assert_int_equal(h.n, ticks);
	assert_true(same(h.v[MC_H_IOWAIT][ticks - 1], 0.1 + (double)(ticks - 1)));
	mc_host_series_release(&h);
}

void set_up(struct mc_store *s, int64_t ids[LIVES], int64_t *program)
{
	OK(mc_store_program(s, "logic_worker", program, E));
	for (int i = 0; i < LIVES; i++)
		ids[i] = add_life(s, *program, 100 + i, T0 - 5000);
}
