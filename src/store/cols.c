/* Rows in columns. */
#include "cols.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

int st_cols_room(struct st_cols *c, size_t more, struct mc_error *err)
{
	if (more <= c->cap - c->n)
		return 0;
	size_t cap = c->n + more > c->cap * 2 ? c->n + more : c->cap * 2;
	int64_t *t = mc_reallocarray(c->t, cap, sizeof *t);
	if (!t)
		return mc_nomem(err, "a series");
	c->t = t;
	for (unsigned f = 0; f < ST_WIDTH_MAX; f++) {
		free(c->spare[f]);
		c->spare[f] = NULL;
		if (!c->v[f])
			continue;
		double *v = mc_reallocarray(c->v[f], cap, sizeof *v);
		if (!v)
			return mc_nomem(err, "a series");
		c->v[f] = v;
	}
	c->cap = cap;
	return 0;
}

double *st_cols_column(struct st_cols *c, unsigned f, struct mc_error *err)
{
	if (c->v[f])
		return c->v[f];
	double *v = c->spare[f];
	c->spare[f] = NULL;
	if (!v)
		v = mc_reallocarray(NULL, c->cap ? c->cap : 1, sizeof *v);
	if (!v) {
		mc_nomem(err, "a series");
		return NULL;
	}
	for (size_t i = 0; i < c->n; i++)
		v[i] = (double)NAN;
	return c->v[f] = v;
}

void st_cols_restart(struct st_cols *c)
{
	for (unsigned f = 0; f < ST_WIDTH_MAX; f++) {
		if (c->v[f])
			c->spare[f] = c->v[f];
		c->v[f] = NULL;
	}
	c->n = 0;
}

struct place {
	int64_t t;
	size_t i;
};

static int by_time(const void *a, const void *b)
{
	const struct place *x = a, *y = b;
	if (x->t != y->t)
		return x->t < y->t ? -1 : 1;
	return x->i < y->i ? -1 : x->i > y->i;
}

static int sort(struct st_cols *c, struct mc_error *err)
{
	struct place *p = mc_reallocarray(NULL, c->n, sizeof *p);
	double *v = mc_reallocarray(NULL, c->n, sizeof *v);
	if (!p || !v) {
		free(p);
		free(v);
		return mc_nomem(err, "sorting a series");
	}
	for (size_t i = 0; i < c->n; i++)
		p[i] = (struct place){ c->t[i], i };
	qsort(p, c->n, sizeof *p, by_time);
	size_t n = 0;
	for (size_t i = 0; i < c->n; i++)
		if (i == 0 || p[i].t != p[n - 1].t)
			p[n++] = p[i];
	for (size_t i = 0; i < n; i++)
		c->t[i] = p[i].t;
	for (unsigned f = 0; f < ST_WIDTH_MAX; f++) {
		if (!c->v[f])
			continue;
		for (size_t i = 0; i < n; i++)
			v[i] = c->v[f][p[i].i];
		memcpy(c->v[f], v, n * sizeof *v);
	}
	c->n = n;
	free(p);
	free(v);
	return 0;
}

int st_cols_tidy(struct st_cols *c, int64_t since, int64_t until, struct mc_error *err)
{
	unsigned back = 0; /* without a branch it takes several a step */
	for (size_t i = 1; i < c->n; i++)
		back |= c->t[i - 1] >= c->t[i];
	int rc = back ? sort(c, err) : 0;
	if (rc < 0)
		return rc;
	size_t from = 0, to = c->n;
	while (from < to && c->t[from] < since)
		from++;
	while (to > from && c->t[to - 1] > until)
		to--;
	c->n = to - from;
	if (from == 0 || c->n == 0)
		return 0;
	memmove(c->t, c->t + from, c->n * sizeof *c->t);
	for (unsigned f = 0; f < ST_WIDTH_MAX; f++)
		if (c->v[f])
			memmove(c->v[f], c->v[f] + from, c->n * sizeof(double));
	return 0;
}

void st_cols_release(struct st_cols *c)
{
	free(c->t);
	free(c->work);
	for (unsigned f = 0; f < ST_WIDTH_MAX; f++) {
		free(c->v[f]);
		free(c->spare[f]);
	}
	*c = (struct st_cols){ .want = c->want };
}
