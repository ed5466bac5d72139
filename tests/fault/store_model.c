/* Ticks that can be told from their number. */
#include "store_model.h"

#include <math.h>
#include <string.h>

static double value(int64_t life, int64_t tick, unsigned f)
{
	switch (f) {
	case MC_F_ANON: return (double)(4096 * (5000 + life * 100 + tick));
	case MC_F_FILE: return tick % 5 == 0 ? 4096.0 * (double)life : (double)NAN;
	case MC_F_SHMEM: return 40960;
	case MC_F_UTIME: return (double)(tick * (life + 3));
	default: return (double)NAN;
	}
}

int model_begin(struct mc_store *s, struct model *m, struct mc_error *err)
{
	int rc = mc_store_program(s, "model", &m->program, err);
	for (int i = 0; i < MODEL_LIVES && rc == 0; i++) {
		struct mc_incarnation life = { .program = m->program, .key = "slot", .pid = 10 + i, .start_ms = MODEL_T0 - 1,
			.exe = "/bin/model", .version = "v1", .build_id = "ab" };
		rc = mc_store_incarnation(s, &life, err);
		m->ids[i] = life.id;
	}
	return rc;
}

/* Beside the lives that last there is always one that lasts for SHORT ticks. */
enum { SHORT = 3, SHORT_PID = 1000 };

static int short_life(struct mc_store *s, const struct model *m, int64_t tick, int64_t *ret, struct mc_error *err)
{
	struct mc_incarnation life = { .program = m->program, .key = "short", .pid = SHORT_PID + tick / SHORT,
		.start_ms = MODEL_T0 + tick / SHORT * SHORT * MODEL_STEP - 1, .exe = "/bin/model", .version = "v1", .build_id = "ab" };
	int rc = mc_store_incarnation(s, &life, err);
	*ret = life.id;
	if (rc < 0 || tick % SHORT || tick == 0)
		return rc;
	life.pid--;
	life.start_ms -= SHORT * MODEL_STEP;
	life.end_ms = life.start_ms + SHORT * MODEL_STEP;
	return mc_store_incarnation(s, &life, err);
}

int model_tick(struct mc_store *s, const struct model *m, int64_t tick, struct mc_error *err)
{
	struct mc_row rows[MODEL_LIVES + 1];
	struct mc_load_row load = { .program = m->program };
	double host[MC_H_COUNT];
	for (int i = 0; i < MODEL_LIVES; i++) {
		rows[i].incarnation = m->ids[i];
		for (unsigned f = 0; f < MC_F_COUNT; f++)
			rows[i].v[f] = value(i, tick, f);
	}
	for (unsigned f = 0; f < MC_L_COUNT; f++)
		load.v[f] = (double)tick * f;
	for (unsigned f = 0; f < MC_H_COUNT; f++)
		host[f] = (double)tick + f;
	int rc = short_life(s, m, tick, &rows[MODEL_LIVES].incarnation, err);
	for (unsigned f = 0; f < MC_F_COUNT; f++)
		rows[MODEL_LIVES].v[f] = value(SHORT_PID + tick / SHORT, tick, f);
	return rc < 0 ? rc : mc_store_tick(s, MODEL_T0 + tick * MODEL_STEP, rows, MODEL_LIVES + 1, &load, 1, host, err);
}

bool model_may_drop;

static bool same(double a, double b)
{
	return memcmp(&a, &b, sizeof a) == 0 || (isnan(a) && isnan(b));
}

static int64_t wrong(char text[256], const char *what, int64_t a, int64_t b)
{
	snprintf(text, 256, "%.200s: %lld, %lld", what, (long long)a, (long long)b);
	return -1;
}

static int64_t verify_life(struct mc_store *s, int64_t id, char text[256])
{
	struct mc_error e;
	struct mc_series r = { 0 };
	if (mc_store_series(s, id, INT64_MIN, INT64_MAX, &r, &e) < 0) {
		snprintf(text, 256, "%.255s", e.text);
		return -1;
	}
	int64_t from = model_may_drop && r.n ? (r.t_ms[0] - MODEL_T0) / MODEL_STEP : 0, rc = from + (int64_t)r.n;
	for (size_t i = 0; i < r.n && rc >= 0; i++) {
		int64_t t = from + (int64_t)i;
		if (r.t_ms[i] != MODEL_T0 + t * MODEL_STEP)
			rc = wrong(text, "a tick is missing (tick, time)", t, r.t_ms[i]);
		for (unsigned f = 0; f < MC_F_COUNT && rc >= 0; f++)
			if (!same(r.v[f] ? r.v[f][i] : (double)NAN, value(id - 1, t, f)))
				rc = wrong(text, "a value is wrong (tick, field)", t, f);
	}
	mc_series_release(&r);
	return rc;
}

/* Of each short life what there was up to tick n. */
static int64_t verify_short(struct mc_store *s, const struct mc_incarnation_row *row, int64_t n, char text[256])
{
	struct mc_error e;
	struct mc_series r = { 0 };
	int64_t rc = 0, first = (row->pid - SHORT_PID) * SHORT, want = n - first < SHORT ? n - first : SHORT;
	if (mc_store_series(s, row->id, INT64_MIN, INT64_MAX, &r, &e) < 0)
		return wrong(text, e.text, row->pid, 0);
	if ((int64_t)r.n != want)
		rc = wrong(text, "a short life has not all ticks (pid, ticks)", row->pid, (int64_t)r.n);
	for (size_t i = 0; i < r.n && rc == 0; i++)
		for (unsigned f = 0; f < MC_F_COUNT && rc == 0; f++)
			if (r.t_ms[i] != MODEL_T0 + (first + (int64_t)i) * MODEL_STEP ||
				!same(r.v[f] ? r.v[f][i] : (double)NAN, value(row->pid, first + (int64_t)i, f)))
				rc = wrong(text, "a short life has another value (pid, field)", row->pid, f);
	mc_series_release(&r);
	return rc;
}

static int64_t verify_all_short(struct mc_store *s, int64_t program, int64_t n, char text[256])
{
	struct mc_incarnation_row *rows;
	struct mc_error e;
	size_t nrows, found = 0;
	if (mc_store_incarnations(s, program, INT64_MIN, INT64_MAX, &rows, &nrows, &e) < 0)
		return wrong(text, e.text, 0, 0);
	int64_t rc = 0;
	for (size_t i = 0; i < nrows && rc == 0; i++)
		if (rows[i].pid >= SHORT_PID) {
			found++;
			rc = verify_short(s, &rows[i], n, text);
		}
	if (rc == 0 && (int64_t)found != (n + SHORT - 1) / SHORT)
		rc = wrong(text, "short lives are missing (there, ticks)", (int64_t)found, n);
	mc_store_incarnations_free(rows, nrows);
	return rc;
}

static int64_t verify_others(struct mc_store *s, int64_t program, int64_t n, char text[256])
{
	struct mc_error e = { 0 };
	struct mc_load_series l = { 0 };
	struct mc_host_series h = { 0 };
	int rc = mc_store_load_series(s, program, INT64_MIN, INT64_MAX, &l, &e);
	if (rc == 0)
		rc = mc_store_host_series(s, INT64_MIN, INT64_MAX, &h, &e);
	int64_t ret = rc < 0 ? rc : n;
	if (rc < 0)
		snprintf(text, 256, "%.255s", e.text);
	else if ((int64_t)l.n != n || (int64_t)h.n != n)
		ret = wrong(text, "load and host have other ticks", (int64_t)l.n, (int64_t)h.n);
	for (size_t t = 0; ret >= 0 && t < l.n; t++)
		if (!same(l.v[MC_L_CPU][t], (double)t * MC_L_CPU) || !same(h.v[MC_H_PKT_TX][t], (double)t + MC_H_PKT_TX))
			ret = wrong(text, "load or host is wrong (tick)", (int64_t)t, 0);
	mc_load_series_release(&l);
	mc_host_series_release(&h);
	return ret;
}

int64_t model_verify(struct mc_store *s, int64_t least, char text[256])
{
	struct mc_program_row *p;
	struct mc_error e;
	size_t n;
	if (mc_store_programs(s, &p, &n, &e) < 0) {
		snprintf(text, 256, "%.255s", e.text);
		return -1;
	}
	int64_t program = n ? p[0].id : 0;
	mc_store_programs_free(p, n);
	if (n == 0)
		return least > 0 ? wrong(text, "no program (least)", least, 0) : 0;
	int64_t ticks = 0;
	for (int64_t id = 1; id <= MODEL_LIVES; id++) {
		int64_t got = verify_life(s, id, text);
		if (got < 0)
			return got;
		if (id > 1 && got != ticks)
			return wrong(text, "lives have not the same ticks", ticks, got);
		ticks = got;
	}
	if (ticks < least)
		return wrong(text, "ticks that were acknowledged are gone (there, acknowledged)", ticks, least);
	int64_t rc = ticks && !model_may_drop ? verify_others(s, program, ticks, text) : 0;
	if (rc < 0 || model_may_drop || ticks == 0)
		return rc;
	int64_t lost = verify_all_short(s, program, ticks, text);
	return lost < 0 ? lost : rc;
}
