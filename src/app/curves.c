/* A program's memory as one curve: at each of n instants, the sum over the processes that live then. */
#include "program.h"

#include <math.h>
#include <stdlib.h>

enum { INSTANTS_MAX = 100000, HOUR_MS = 3600000 };

static double at(const double *v, size_t i)
{
	return v ? v[i] : (double)NAN;
}

static void add(double *sum, double v)
{
	if (isfinite(v))
		*sum = isfinite(*sum) ? *sum + v : v;
}

/* How long a sample stands for the time behind it: three times the usual gap of that life. */
static int64_t patience(const struct mc_life_view *life)
{
	const struct mc_series *s = &life->series;
	size_t n = s->n - life->hours;
	return n > 1 ? 3 * ((s->t_ms[s->n - 1] - s->t_ms[life->hours]) / (int64_t)(n - 1)) : 0;
}

/* The same of the i-th: behind its last sample a life is over. An hour's mean is of its middle, about. */
static int64_t stands(const struct mc_life_view *life, size_t i, int64_t wait)
{
	bool last = i + 1 == life->series.n;
	if (i < life->hours)
		return last ? HOUR_MS / 2 : 2 * HOUR_MS;
	return last ? wait / 6 : wait;
}

/* The first instant not before t; c->n: none. Of a program's thousands of lives each sees a few instants only. */
static size_t first_from(const struct mc_curves *c, int64_t t)
{
	size_t lo = 0, hi = c->n;
	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		if (c->t_ms[mid] < t)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

void curves_add(struct mc_curves *c, const struct mc_life_view *life)
{
	const struct mc_series *s = &life->series;
	const int64_t wait = patience(life);
	size_t i = 0;
	if (s->n == 0)
		return;
	for (size_t k = first_from(c, s->t_ms[0]); k < c->n && c->t_ms[k] - s->t_ms[s->n - 1] <= stands(life, s->n - 1, wait); k++) {
		int64_t t = c->t_ms[k];
		while (i + 1 < s->n && s->t_ms[i + 1] <= t)
			i++;
		if (t - s->t_ms[i] > stands(life, i, wait))
			continue;
		double priv = at(s->v[MC_F_ANON], i), swap = at(s->v[MC_F_SWAP], i), shmem = at(s->v[MC_F_SHMEM], i);
		add(&priv, swap);
		add(&c->priv[k], priv);
		add(&c->swap[k], swap);
		add(&c->rss[k], at(s->v[MC_F_RSS], i));
		if (isfinite(shmem) && !(shmem <= c->shmem[k]))
			c->shmem[k] = shmem;
		add(&c->processes[k], 1);
	}
}

static int add_life(void *user, const struct mc_life_view *life)
{
	curves_add(user, life);
	return 0;
}

static int find_span(struct mc_store *s, int64_t program, int64_t *since, int64_t *until, struct mc_error *err)
{
	struct mc_program_row *rows = NULL;
	size_t n = 0;
	int rc = mc_store_programs(s, &rows, &n, err);
	for (size_t i = 0; rc == 0 && i < n; i++)
		if (rows[i].id == program) {
			*since = *since == MC_NO_TIME ? rows[i].first_ms : *since;
			*until = *until == MC_NO_TIME ? rows[i].last_ms : *until;
		}
	mc_store_programs_free(rows, n);
	return rc;
}

static int make_room(struct mc_curves *c, size_t n, struct mc_error *err)
{
	double **columns[] = { &c->priv, &c->shmem, &c->rss, &c->swap, &c->processes };
	c->t_ms = mc_reallocarray(NULL, n, sizeof *c->t_ms);
	bool ok = c->t_ms != NULL;
	for (size_t f = 0; f < sizeof columns / sizeof columns[0]; f++) {
		*columns[f] = mc_reallocarray(NULL, n, sizeof(double));
		ok = ok && *columns[f];
		for (size_t i = 0; ok && i < n; i++)
			(*columns[f])[i] = (double)NAN;
	}
	c->n = n;
	return ok ? 0 : mc_nomem(err, "a curve");
}

int curves_begin(int64_t since_ms, int64_t until_ms, size_t n, struct mc_curves *ret, struct mc_error *err)
{
	struct mc_curves c = { 0 };
	int rc = make_room(&c, n, err);
	if (rc < 0) {
		mc_curves_release(&c);
		return rc;
	}
	for (size_t i = 0; i < n; i++)
		c.t_ms[i] = since_ms + (int64_t)((double)(until_ms - since_ms) * (double)i / (double)(n - 1));
	c.t_ms[n - 1] = until_ms;
	*ret = c;
	return 0;
}

int mc_curves_read(struct mc_store *s, int64_t program, int64_t since_ms, int64_t until_ms, size_t n, struct mc_curves *ret, struct mc_error *err)
{
	struct mc_curves c = { 0 };
	if (n < 2 || n > INSTANTS_MAX)
		return mc_fail(err, MC_ELIMIT, 0, "a curve has 2 to %d instants", INSTANTS_MAX);
	int rc = find_span(s, program, &since_ms, &until_ms, err);
	if (rc == 0 && since_ms > until_ms)
		rc = mc_fail(err, MC_EUSAGE, 0, "the end of the curve is before its beginning");
	if (rc == 0)
		rc = curves_begin(since_ms, until_ms, n, &c, err);
	if (rc == 0) {
		struct mc_series_query q = { .program = program, .since_ms = since_ms, .until_ms = until_ms,
			.fields = 1u << MC_F_ANON | 1u << MC_F_SWAP | 1u << MC_F_SHMEM | 1u << MC_F_RSS, .hours = true };
		rc = mc_store_program_series(s, &q, add_life, &c, err);
	}
	if (rc < 0)
		mc_curves_release(&c);
	else
		*ret = c;
	return rc;
}

void mc_curves_release(struct mc_curves *c)
{
	free(c->t_ms);
	free(c->priv);
	free(c->shmem);
	free(c->rss);
	free(c->swap);
	free(c->processes);
	*c = (struct mc_curves){ 0 };
}
