/* A program's memory as one curve: at each of n instants, the sum over the processes that live then. */
#include "memculprit/app.h"

#include <math.h>
#include <stdlib.h>

enum { INSTANTS_MAX = 100000 };

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
static int64_t patience(const struct mc_series *s)
{
	int64_t usual = s->n > 1 ? (s->t_ms[s->n - 1] - s->t_ms[0]) / (int64_t)(s->n - 1) : 0;
	return usual * 3;
}

/* Adds a life to the instants that it was seen at: the newest sample not later, where that is not too old. */
static int add_life(void *user, const struct mc_life_view *life)
{
	struct mc_curves *c = user;
	const struct mc_series *s = &life->series;
	const int64_t wait = patience(s);
	size_t i = 0;
	for (size_t k = 0; s->n && k < c->n; k++) {
		int64_t t = c->t_ms[k];
		if (t < s->t_ms[0])
			continue;
		while (i + 1 < s->n && s->t_ms[i + 1] <= t)
			i++;
		/* behind its last sample a life is over */
		if (t - s->t_ms[i] > (i + 1 < s->n ? wait : wait / 6))
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

int mc_curves_read(struct mc_store *s, int64_t program, int64_t since_ms, int64_t until_ms, size_t n, struct mc_curves *ret, struct mc_error *err)
{
	struct mc_curves c = { 0 };
	if (n < 2 || n > INSTANTS_MAX)
		return mc_fail(err, MC_ELIMIT, 0, "a curve has 2 to %d instants", INSTANTS_MAX);
	int rc = find_span(s, program, &since_ms, &until_ms, err);
	if (rc == 0 && since_ms > until_ms)
		rc = mc_fail(err, MC_EUSAGE, 0, "the end of the curve is before its beginning");
	if (rc == 0)
		rc = make_room(&c, n, err);
	if (rc == 0) {
		struct mc_series_query q = { .program = program, .since_ms = since_ms, .until_ms = until_ms,
			.fields = 1u << MC_F_ANON | 1u << MC_F_SWAP | 1u << MC_F_SHMEM | 1u << MC_F_RSS };
		for (size_t i = 0; i < n; i++)
			c.t_ms[i] = since_ms + (int64_t)((double)(until_ms - since_ms) * (double)i / (double)(n - 1));
		c.t_ms[n - 1] = until_ms;
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
