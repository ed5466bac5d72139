/* Before samples are dropped for their age, each hour's means of them are kept, in chunks of their own
 * table. Lives of less than ten minutes leave none. */
#include "internal.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define HOUR_MS 3600000LL
#define SHORT_MS 600000LL
enum { WEIGHT = ST_WIDTH_MAX - 1 }; /* a column more: how many samples the means are of */
_Static_assert((int)MC_F_COUNT <= WEIGHT && (int)MC_L_COUNT <= WEIGHT && (int)MC_H_COUNT <= WEIGHT, "the last column is free");

struct hours {
	uint32_t entity;
	struct st_cols cols;
};

struct st_rollup {
	struct hours *all; /* by entity */
	size_t n, cap;
	struct st_cols chunk;
	int64_t first, last;
};

static void release(struct st_rollup *r)
{
	for (size_t i = 0; i < r->n; i++)
		st_cols_release(&r->all[i].cols);
	free(r->all);
	st_cols_release(&r->chunk);
}

static struct hours *hours_of(struct st_rollup *r, uint32_t entity, struct mc_error *err)
{
	size_t lo = 0, hi = r->n;
	while (lo < hi) {
		size_t mid = (lo + hi) / 2;
		if (r->all[mid].entity < entity)
			lo = mid + 1;
		else
			hi = mid;
	}
	if (lo < r->n && r->all[lo].entity == entity)
		return &r->all[lo];
	void *items = r->all;
	int rc = mc_grow(&items, &r->cap, r->n + 1, sizeof *r->all, err);
	r->all = items;
	if (rc < 0)
		return NULL;
	memmove(r->all + lo + 1, r->all + lo, (r->n - lo) * sizeof *r->all);
	r->all[lo] = (struct hours){ .entity = entity };
	r->n++;
	return &r->all[lo];
}

/* The mean in the steps in which the values came: pages stay pages, so that they pack as well. */
static double mean_of(const double *v, size_t from, size_t to)
{
	double sum = 0, step = 4096;
	size_t n = 0;
	for (size_t i = from; i < to; i++) {
		if (isnan(v[i]))
			continue;
		sum += v[i];
		n++;
		if (step == 4096 && fmod(v[i], 4096) != 0)
			step = 1;
		if (step == 1 && v[i] != nearbyint(v[i]))
			step = 1e-6;
	}
	if (n == 0)
		return (double)NAN;
	double mean = sum / (double)n;
	return step < 1 ? nearbyint(mean * 1e6) / 1e6 : nearbyint(mean / step) * step;
}

static double both(double a, double wa, double b, double wb)
{
	if (isnan(a) || isnan(b))
		return isnan(a) ? b : a;
	double mean = (a * wa + b * wb) / (wa + wb);
	if (fmod(a, 4096) == 0 && fmod(b, 4096) == 0)
		return nearbyint(mean / 4096) * 4096;
	return a == nearbyint(a) && b == nearbyint(b) ? nearbyint(mean) : nearbyint(mean * 1e6) / 1e6;
}

static int64_t hour_of(int64_t t)
{
	return t / HOUR_MS - (t % HOUR_MS < 0);
}

/* Rows [from, to) of c, all of one hour, as one row more of h, or into its last one. */
static int add_hour(struct hours *h, const struct st_cols *c, size_t from, size_t to, struct mc_error *err)
{
	double w = (double)(to - from);
	int64_t t = c->t[from] + (c->t[to - 1] - c->t[from]) / 2;
	bool merge = h->cols.n && hour_of(h->cols.t[h->cols.n - 1]) == hour_of(t);
	int rc = st_cols_room(&h->cols, 1, err);
	if (rc < 0)
		return rc;
	size_t at = merge ? h->cols.n - 1 : h->cols.n;
	double *weight = st_cols_column(&h->cols, WEIGHT, err);
	if (!weight)
		return MC_ENOMEM;
	for (unsigned f = 0; f < WEIGHT; f++) {
		double mean = c->v[f] ? mean_of(c->v[f], from, to) : (double)NAN;
		if (!h->cols.v[f] && isnan(mean))
			continue;
		double *v = st_cols_column(&h->cols, f, err);
		if (!v)
			return MC_ENOMEM;
		v[at] = merge ? both(v[at], weight[at], mean, w) : mean;
	}
	if (merge) {
		h->cols.t[at] += (int64_t)((double)(t - h->cols.t[at]) * w / (w + weight[at]));
		weight[at] += w;
		return 0;
	}
	h->cols.t[at] = t;
	weight[at] = w;
	h->cols.n++;
	return 0;
}

static int add_chunk(struct st_rollup *r, uint32_t entity, const struct st_cols *c, struct mc_error *err)
{
	if (c->n == 0 || ((entity & 3) == ST_LIFE && c->t[c->n - 1] - c->t[0] < SHORT_MS))
		return 0;
	struct hours *h = hours_of(r, entity, err);
	if (!h)
		return MC_ENOMEM;
	for (size_t from = 0, to; from < c->n; from = to) {
		to = from + 1;
		while (to < c->n && hour_of(c->t[to]) == hour_of(c->t[from]))
			to++;
		int rc = add_hour(h, c, from, to, err);
		if (rc < 0)
			return rc;
	}
	return 0;
}

/* Each life of a bundle by itself. */
static int add_bundle(struct st_rollup *r, const struct st_parts *p, struct mc_error *err)
{
	int rc = 0;
	for (size_t i = 0; i < p->n && rc == 0; i++) {
		struct st_cols one = { .n = (size_t)(p->begin[i + 1] - p->begin[i]), .t = r->chunk.t + p->begin[i] };
		for (unsigned f = 0; f < ST_WIDTH_MAX; f++)
			one.v[f] = r->chunk.v[f] ? r->chunk.v[f] + p->begin[i] : NULL;
		rc = add_chunk(r, p->id[i] << 2 | ST_LIFE, &one, err);
	}
	return rc;
}

static int add_blob(struct mc_store *s, struct st_rollup *r, uint64_t key, const void *data, size_t len, struct mc_error *err)
{
	struct st_clock clock = st_clock_of(s);
	struct st_parts p;
	bool bundle = (key & 3) == ST_BUNDLE;
	st_cols_restart(&r->chunk);
	r->chunk.want = UINT32_MAX;
	int rc = bundle ? st_bundle_decode(key, data, len, &clock, &r->chunk, &p, err) :
		st_chunk_decode(key, data, len, &clock, INT64_MIN, INT64_MAX, &r->chunk, err);
	if (rc < 0)
		return rc;
	return bundle ? add_bundle(r, &p, err) : add_chunk(r, (uint32_t)key, &r->chunk, err);
}

static int read_round(struct mc_store *s, struct st_rollup *r, int64_t round, struct mc_error *err)
{
	sqlite3_stmt *st = NULL;
	int rc = st_stmt(s, SQL_chunk_all, &st, err);
	if (rc < 0)
		return rc;
	sqlite3_bind_int64(st, 1, round << 32);
	sqlite3_bind_int64(st, 2, (round + 1) << 32);
	while ((rc = st_step(s, st, err)) == ST_ROW) {
		rc = add_blob(s, r, (uint64_t)sqlite3_column_int64(st, 0), sqlite3_column_blob(st, 1),
			(size_t)sqlite3_column_bytes(st, 1), err);
		/* a damaged chunk has nothing to keep; db check speaks of it */
		if (rc < 0 && rc != MC_ECORRUPT)
			break;
	}
	sqlite3_reset(st);
	return rc;
}

static int put_hours(struct mc_store *s, int64_t round, struct hours *h, struct mc_error *err)
{
	uint64_t key = (uint64_t)round << 32 | h->entity;
	int rc = st_cols_tidy(&h->cols, INT64_MIN, INT64_MAX, err);
	s->blob.len = 0;
	if (rc == 0)
		rc = st_chunk_encode(key, &h->cols, NULL, &s->blob, err);
	return rc < 0 ? rc : st_run_blob(s, SQL_hourly_add, key, &s->blob, err);
}

static int put_all(struct mc_store *s, struct st_rollup *r, struct mc_error *err)
{
	int64_t round = 0, first = INT64_MAX, last = INT64_MIN;
	int rc = st_number(s, SQL_hourly_round_last, &round, err, 0);
	if (rc < 0)
		return rc;
	round++;
	for (size_t i = 0; i < r->n; i++) {
		struct hours *h = &r->all[i];
		if (h->cols.n == 0)
			continue;
		rc = put_hours(s, round, h, err);
		if (rc < 0)
			return rc;
		first = h->cols.t[0] < first ? h->cols.t[0] : first;
		last = h->cols.t[h->cols.n - 1] > last ? h->cols.t[h->cols.n - 1] : last;
	}
	return first > last ? 0 : st_run(s, SQL_hourly_round_add, err, 3, round, first, last);
}

int st_rollup_read(struct mc_store *s, const int64_t *rounds, size_t n, struct st_rollup **ret, struct mc_error *err)
{
	struct st_rollup *r = calloc(1, sizeof *r);
	int rc = r ? 0 : mc_nomem(err, "hourly means");
	for (size_t i = 0; i < n && rc == 0; i++)
		rc = read_round(s, r, rounds[i], err);
	if (rc < 0) {
		st_rollup_free(r);
		return rc;
	}
	*ret = r;
	return 0;
}

int st_rollup_write(struct mc_store *s, struct st_rollup *r, struct mc_error *err)
{
	return put_all(s, r, err);
}

void st_rollup_free(struct st_rollup *r)
{
	if (r)
		release(r);
	free(r);
}
