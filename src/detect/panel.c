/* All lives as columns: memory, a common curve of age at a ladder of time scales, load, and growth. */
#include "evidence.h"
#include "linalg.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static double longest(const struct mc_panel_in *in, double t0)
{
	double most = 0;
	for (size_t i = 0; i < in->nlives; i++) {
		const struct mc_panel_life *l = &in->lives[i];
		if (l->n)
			most = fmax(most, l->t[l->n - 1] - fmax(l->start, t0));
	}
	return most;
}

/* Of a release no life of which came to this many of the typical bins only youth was seen, in rows narrower than those. */
static const double YOUNG = 1.5;
enum { MOST_SHORTER = 3 };

/* How many terms of the curve of age go below the ladder's usual foot. The rows that lives mostly have don't tell how they begin, but those of a release
 * that was replaced at once, or has just begun, are all of that: without terms of their length what all lives do when young passes for that release's growth. */
static size_t shorter_terms(const struct mc_panel_in *in)
{
	double age[MC_PANEL_RELEASES] = { 0 }, least = (double)INFINITY, tau = 1.2 * in->bin;
	size_t n = 0;
	for (size_t i = 0; i < in->nlives; i++) {
		const struct mc_panel_life *l = &in->lives[i];
		if (l->n)
			age[l->release] = fmax(age[l->release], l->t[l->n - 1] - l->start);
	}
	for (size_t r = 0; r < in->nreleases; r++)
		if (age[r] > 0 && age[r] < YOUNG * in->bin)
			least = fmin(least, age[r]);
	while (isfinite(least) && n < MOST_SHORTER && (tau /= 2.5) > .2 * least)
		n++;
	return n;
}

static void set_columns(struct mc_panel *p, const struct mc_panel_in *in)
{
	double most = longest(in, p->t0), a = 1.2 * p->bin / pow(2.5, (double)shorter_terms(in));
	bool covariate[PANEL_COVARIATES] = { false };
	do
		p->tau[p->ntau++] = a;
	while ((a *= 2.5) < .8 * most && p->ntau < PANEL_MOST_TAUS);
	for (size_t i = 0; i < PANEL_LONG; i++)
		p->long_tau[i] = most * (double[]){ .6, 1.5, 4 }[i];
	p->nload = in->load.n > 1 ? PANEL_LOADS : 0;
	for (size_t i = 0; i < in->nlives; i++)
		for (size_t c = 0; c < PANEL_COVARIATES; c++)
			covariate[c] = covariate[c] || in->lives[i].x[c];
	p->nx = p->nload;
	/* a new thread's stack, arena and buffers are touched bit by bit */
	for (size_t c = 0; c < PANEL_COVARIATES; c++)
		p->nx += covariate[c];
	p->nx += covariate[0] ? PANEL_LAGS : 0;
	for (size_t k = 0; k < PANEL_LAGS; k++)
		p->lag[k] = p->bin * (double[]){ 3, 12, 40 }[k];
	p->il = 1 + p->ntau + p->nx++;
	p->has_requests = in->load.n > 1;
	for (size_t i = 0; i < in->nlives; i++)
		p->has_requests = p->has_requests || in->lives[i].requests;
	p->it = 1 + p->ntau + p->nx;
	p->iq = p->it + 1;
	p->if_ = p->iq + 1;
	p->ne = p->has_requests ? p->iq : p->it;
	p->ig = p->if_ + 1;
	p->is = p->ig + 1;
	p->q = p->is + PANEL_LONG;
}

/* The load's integral up to time x, and where the search ended (times rise from call to call). */
struct cursor {
	const struct mc_panel_load *load;
	const double *sum; /* up to each point */
};

static double integral(const struct cursor *c, double x)
{
	const struct mc_panel_load *l = c->load;
	size_t lo = 0, hi = l->n;
	if (x <= l->t[0])
		return (x - l->t[0]) * l->level[0];
	while (hi - lo > 1) {
		size_t mid = lo + (hi - lo) / 2;
		if (l->t[mid] <= x)
			lo = mid;
		else
			hi = mid;
	}
	return c->sum[lo] + (x - l->t[lo]) * l->level[lo];
}

static void load_sums(const struct mc_panel_load *l, double *sum)
{
	sum[0] = 0;
	for (size_t i = 1; i < l->n; i++)
		sum[i] = sum[i - 1] + (l->t[i] - l->t[i - 1]) * l->level[i - 1];
}

/* Over the row itself, and what led up to its end. c: the load as it was counted, and as it most likely was. What follows each request is there at once, so
 * that is taken as it was counted; what comes late follows the load itself, not the errors of its counter. */
static void load_columns(const struct mc_panel *p, const struct cursor *c, double end, double own, double *to)
{
	const struct cursor *calm = c + (c[1].load->n > 1);
	double now = integral(calm, end);
	to[0] = (integral(c, end) - integral(c, end - own)) / own - 1;
	for (size_t k = 1; k < PANEL_LOADS; k++) {
		double w = fmin(p->bin * (double[]){ 1, 4, 16 }[k], fmax(end - p->t0, p->bin));
		to[k] = (now - integral(calm, end - w)) / w - 1;
	}
}

static void fill_row(const struct mc_panel *p, const struct mc_panel_life *in, const struct panel_life *l, size_t i,
	const struct cursor *c, double *m)
{
	double t = in->t[i], age = fmax(t - in->start, 0), since = t - l->start;
	size_t at = 1;
	for (size_t k = 0; k < p->ntau; k++)
		m[at++] = -exp(-age / p->tau[k]);
	if (p->nload) {
		double end = t + in->seconds[i] / 2, own = fmax(in->seconds[i], p->bin / 4);
		load_columns(p, c, end, own, m + at);
		at += PANEL_LOADS;
		m[p->iq] = integral(c, t) - integral(c, l->start);
	}
	for (size_t k = 0; k < PANEL_COVARIATES && at < p->il; k++)
		if (in->x[k])
			m[at++] = in->x[k][i];
	const double *x = in->x[0];
	for (size_t k = 0; k < PANEL_LAGS && x; k++, at++) {
		/* what was there when the life was first seen came with its start */
		double before = i ? (m - p->q)[at] : 0, passed = i ? t - in->t[i - 1] : age;
		m[at] = before - (x[i] - before) * expm1(-passed / p->lag[k]);
	}
	m[p->il] = 1;
	if (in->requests)
		m[p->iq] = in->requests[i] - in->requests[0];
	m[p->it] = since;
	m[p->if_] = since * since / (2 * l->seconds); /* the same rise at the life's middle slope */
	m[p->ig] = log1p(age / (.03 * p->life_seconds));
	for (size_t k = 0; k < PANEL_LONG; k++)
		m[p->is + k] = 1 - exp(-age / p->long_tau[k]);
}

static int fill_life(const struct mc_panel *p, const struct mc_panel_life *in, struct panel_life *l, const struct cursor *c,
	struct mc_error *err)
{
	double *y = mc_reallocarray(NULL, 2 * l->n, sizeof *y);
	if (!y)
		return mc_nomem(err, "a life");
	memcpy(y, in->y, l->n * sizeof *y);
	int rc = mc_hampel(y, l->n, 3, 4, err);
	double typical = 0;
	for (size_t i = 0; i < l->n; i++)
		y[l->n + i] = in->samples[i];
	typical = mc_median(y + l->n, l->n);
	for (size_t i = 0; i < l->n; i++) {
		double *m = l->m + i * p->q;
		fill_row(p, in, l, i, c, m);
		m[0] = y[i] - p->level;
		l->t[i] = in->t[i];
		l->gap[i] = i ? in->t[i] - in->t[i - 1] : 0;
		l->dur[i] = in->seconds[i];
		l->white[i] = fmax(.5, fmin(20, typical / fmax(in->samples[i], 1)));
	}
	free(y);
	return rc < 0 ? rc : panel_bound(p, l, err);
}

static int by_number(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return (x > y) - (x < y);
}

static int typical_life(struct mc_panel *p, const struct mc_panel_in *in, struct mc_error *err)
{
	double *v = mc_reallocarray(NULL, p->nlives * 2 + 1, sizeof *v);
	if (!v)
		return mc_nomem(err, "lives");
	for (size_t i = 0; i < p->nlives; i++) {
		v[i] = p->life[i].seconds;
		v[p->nlives + i] = in->lives[i].y[in->lives[i].n / 2];
	}
	p->life_seconds = fmax(mc_median(v, p->nlives), p->bin);
	qsort(v + p->nlives, p->nlives, sizeof *v, by_number);
	p->level = v[p->nlives + p->nlives / 2];
	free(v);
	double lo = (double)INFINITY, hi = -(double)INFINITY;
	for (size_t i = 0; i < p->nlives; i++)
		for (size_t k = 0; k < in->lives[i].n; k++) {
			lo = fmin(lo, in->lives[i].y[k]);
			hi = fmax(hi, in->lives[i].y[k]);
		}
	p->height = fmax(fmax(fabs(p->level), (hi - lo) / 2), 4 * sqrt(p->quantum));
	return 0;
}

static int allocate(struct mc_panel *p, const struct mc_panel_in *in, struct mc_error *err)
{
	for (size_t i = 0; i < in->nlives; i++)
		p->rows += in->lives[i].n;
	p->life = calloc(in->nlives + 1, sizeof *p->life);
	p->block = calloc(p->rows * (p->q + 5) + 1, sizeof *p->block);
	p->gram = calloc(in->nlives * p->q * p->q + 1, sizeof *p->gram);
	p->release_t = mc_reallocarray(NULL, in->nreleases + 1, sizeof *p->release_t);
	if (!p->life || !p->block || !p->gram || !p->release_t)
		return mc_nomem(err, "the lives");
	memcpy(p->release_t, in->release_t, in->nreleases * sizeof *p->release_t);
	double *at = p->block;
	for (size_t i = 0; i < in->nlives; i++) {
		struct panel_life *l = &p->life[i];
		l->n = in->lives[i].n;
		l->release = in->lives[i].release;
		l->m = at;
		l->t = at + l->n * p->q;
		l->gap = l->t + l->n;
		l->white = l->gap + l->n;
		l->dur = l->white + l->n;
		l->late = l->dur + l->n;
		at = l->late + l->n;
		l->start = fmax(in->lives[i].start, p->t0);
		l->seconds = fmax(in->lives[i].t[l->n - 1] - l->start, p->bin);
	}
	return 0;
}

/* The load as it was counted, c[0], and as it most likely was, c[1]; *work is to be freed, calm points into it. */
static int two_loads(const struct mc_panel *p, const struct mc_panel_load *load, struct mc_panel_load *calm, struct cursor c[2], double **work,
	struct mc_error *err)
{
	c[0] = (struct cursor){ load, NULL };
	c[1] = (struct cursor){ calm, NULL };
	*work = mc_reallocarray(NULL, load->n + 1, 4 * sizeof **work);
	if (!*work)
		return mc_nomem(err, "the load");
	double *sums = *work, *calm_sums = *work + load->n + 1, *t = calm_sums + load->n + 1;
	load_sums(load, sums);
	c[0].sum = sums;
	c[1].sum = calm_sums;
	int rc = load_calm(load, p->bin / 2, t, t + load->n + 1, calm, err);
	if (rc == 0 && calm->n)
		load_sums(calm, calm_sums);
	return rc;
}

static int fill(struct mc_panel *p, const struct mc_panel_in *in, struct mc_error *err)
{
	struct mc_panel_load calm = { 0 };
	struct cursor c[2];
	double *work = NULL;
	int rc = two_loads(p, &in->load, &calm, c, &work, err);
	for (size_t i = 0; rc == 0 && i < in->nlives; i++)
		rc = fill_life(p, &in->lives[i], &p->life[i], c, err);
	for (size_t i = 0; rc == 0 && i < in->nlives; i++)
		p->life[i].alone = panel_alone(p, i);
	for (size_t i = 0; rc == 0 && i < in->nlives; i++)
		if (p->life[i].alone)
			rc = fill_life(p, &in->lives[i], &p->life[i], c, err);
	free(work);
	return rc;
}

int mc_panel_new(const struct mc_panel_in *in, struct mc_panel **ret, struct mc_error *err)
{
	int rc = panel_check(in, err);
	if (rc < 0)
		return rc;
	struct mc_panel *p = calloc(1, sizeof *p);
	if (!p)
		return mc_nomem(err, "a panel");
	p->nlives = in->nlives;
	p->nreleases = in->nreleases;
	p->bin = in->bin;
	p->quantum = in->quantum;
	p->t0 = (double)INFINITY;
	p->t1 = -(double)INFINITY;
	for (size_t i = 0; i < in->nlives; i++) {
		p->t0 = fmin(p->t0, in->lives[i].t[0]);
		p->t1 = fmax(p->t1, in->lives[i].t[in->lives[i].n - 1]);
	}
	set_columns(p, in);
	rc = allocate(p, in, err);
	if (rc == 0)
		rc = typical_life(p, in, err);
	if (rc == 0)
		rc = fill(p, in, err);
	if (rc == 0)
		rc = mc_panel_add_onsets(p, in->onsets, in->nonsets, err);
	for (size_t i = 0; rc == 0 && i < p->nonsets; i++)
		p->found[i] = false;
	if (rc == 0)
		rc = panel_fit_noise(p, err);
	if (rc < 0) {
		mc_panel_free(p);
		return rc;
	}
	*ret = p;
	return 0;
}

void mc_panel_free(struct mc_panel *p)
{
	if (!p)
		return;
	free(p->life);
	free(p->block);
	free(p->gram);
	free(p->release_t);
	free(p->onsets);
	free(p->found);
	free(p);
}

void mc_panel_noise(const struct mc_panel *p, struct mc_noise *ret)
{
	*ret = p->noise;
}
