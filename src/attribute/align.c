/* Which wave of restarts each mark announced. Marks and waves are two series of moments in the same order: a mark may have no wave (a
 * change of configuration), a wave no mark (a crash, a worker that is recycled). Whoever sets marks does it before the restarts or
 * after them, and mostly in the same manner: how late marks come and how much that differs is learnt from all of them together, as is
 * how often waves come by themselves. The likeliest alignment is found by dynamic programming (Needleman and Wunsch 1970), what it rests on
 * by turns with it (hard expectation and maximisation). */
#include "align.h"

#include "memculprit/detect.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* A mark without a wave; how a wave looks that a mark announced, before anything is known; waves of each look that come by themselves. */
static const double NO_WAVE = .1, LOOK[ALIGN_LOOKS] = { .2, .3, .5 }, OWN_WAVES = .5;
enum { TURNS = 5, BEGINNINGS = 3 };

enum { BOTH = 'b', MARK = 'm', WAVE = 'w' };

static double matched(const struct align_in *in, const struct align_manner *m, size_t mark, size_t wave)
{
	const struct align_mark *k = &in->marks[mark];
	const struct align_wave *w = &in->waves[wave];
	double lag = w->at - k->at;
	if (fabs(lag) > in->reach || w->at <= k->after || w->at >= k->before)
		return (double)INFINITY;
	return log(2 * m->scale) + fabs(lag - m->late) / m->scale - log(1 - NO_WAVE) - log(m->look[w->look]);
}

static double alone(const struct align_in *in, const struct align_manner *m, size_t wave)
{
	return -log(m->rate[in->waves[wave].look]);
}

double align_cost(const struct align_in *in, const struct align_manner *m, const size_t *wave)
{
	double cost = 0;
	size_t next = 0;
	for (size_t i = 0; i < in->nwaves; i++)
		cost += alone(in, m, i);
	for (size_t k = 0; k < in->nmarks; k++) {
		if (wave[k] == ALIGN_NONE) {
			cost -= log(NO_WAVE);
			continue;
		}
		if (wave[k] < next || wave[k] >= in->nwaves)
			return (double)INFINITY;
		cost += matched(in, m, k, wave[k]) - alone(in, m, wave[k]);
		next = wave[k] + 1;
	}
	return cost;
}

/* What the search works in: a row of costs, and how each cell was come to. */
struct table {
	double *cost;
	unsigned char *step;
};

static int table_new(const struct align_in *in, struct table *t, struct mc_error *err)
{
	*t = (struct table){ mc_reallocarray(NULL, in->nwaves + 1, sizeof *t->cost), mc_reallocarray(NULL, in->nmarks * in->nwaves + 1, 1) };
	return t->cost && t->step ? 0 : mc_nomem(err, "an alignment");
}

static void table_free(struct table *t)
{
	free(t->cost);
	free(t->step);
}

static void search(const struct align_in *in, const struct align_manner *m, struct table *t, size_t *wave)
{
	size_t n = in->nwaves, nk = in->nmarks;
	double *c = t->cost, none = -log(NO_WAVE);
	c[0] = 0;
	for (size_t i = 0; i < n; i++)
		c[i + 1] = c[i] + alone(in, m, i);
	for (size_t k = 0; k < nk; k++) {
		double corner = c[0];
		c[0] += none;
		for (size_t i = 0; i < n; i++) {
			double both = corner + matched(in, m, k, i), skip = c[i + 1] + none, own = c[i] + alone(in, m, i);
			corner = c[i + 1];
			c[i + 1] = fmin(both, fmin(skip, own));
			t->step[k * n + i] = both <= skip && both <= own ? BOTH : skip <= own ? MARK : WAVE;
		}
	}
	for (size_t k = nk, i = n; k > 0;) {
		unsigned char step = i ? t->step[(k - 1) * n + i - 1] : MARK;
		if (step != WAVE)
			wave[--k] = step == BOTH ? i - 1 : ALIGN_NONE;
		if (step != MARK)
			i--;
	}
}

int align_given(const struct align_in *in, const struct align_manner *m, size_t *wave, struct mc_error *err)
{
	struct table t;
	int rc = table_new(in, &t, err);
	if (rc == 0)
		search(in, m, &t, wave);
	table_free(&t);
	return rc;
}

/* Log of what mark k and wave i say together over what the wave says alone; the waves alone are left out of all sums. */
static double together(const struct align_in *in, const struct align_manner *m, size_t mark, size_t wave)
{
	return alone(in, m, wave) - matched(in, m, mark, wave);
}

/* Row k + 1 of the forward sums from row k: the first marks and the waves before i, every matching of them once. */
static void forward(const struct align_in *in, const struct align_manner *m, size_t k, const double *from, double *to)
{
	double with = -(double)INFINITY;
	for (size_t i = 0; i <= in->nwaves; i++) {
		if (i)
			with = mc_log_add(with, from[i - 1] + together(in, m, k, i - 1));
		to[i] = mc_log_add(from[i] + log(NO_WAVE), with);
	}
}

/* The same from the end: marks from k on and waves from i on; in place, row k + 1 becomes row k. */
static void backward(const struct align_in *in, const struct align_manner *m, size_t k, double *b)
{
	double with = -(double)INFINITY, later = b[in->nwaves];
	b[in->nwaves] += log(NO_WAVE);
	for (size_t i = in->nwaves; i-- > 0;) {
		with = mc_log_add(with, together(in, m, k, i) + later);
		later = b[i];
		b[i] = mc_log_add(b[i] + log(NO_WAVE), with);
	}
}

int align_odds(const struct align_in *in, const struct align_manner *m, double *odds, double *loglik, struct mc_error *err)
{
	size_t n = in->nwaves, nk = in->nmarks, w = n + 1;
	double *f = mc_reallocarray(NULL, (nk + 2) * w, sizeof *f), waves = 0;
	if (!f)
		return mc_nomem(err, "an alignment");
	double *b = f + (nk + 1) * w;
	for (size_t i = 0; i <= n; i++)
		f[i] = b[i] = 0;
	for (size_t i = 0; i < n; i++)
		waves += alone(in, m, i);
	for (size_t k = 0; k < nk; k++)
		forward(in, m, k, f + k * w, f + (k + 1) * w);
	double all = f[nk * w + n];
	for (size_t k = nk; k-- > 0; backward(in, m, k, b))
		for (size_t i = 0; i < n; i++)
			odds[k * n + i] = exp(f[k * w + i] + together(in, m, k, i) + b[i + 1] - all);
	*loglik = all - waves;
	free(f);
	return 0;
}

static int by_number(const void *x, const void *y)
{
	double a = *(const double *)x, b = *(const double *)y;
	return (a > b) - (a < b);
}

/* What an alignment says of the manner; `work` has room for a lag a mark and two more. Two marks that are right on time, and one
 * that is off as much as may be expected beforehand, are added. */
static void learn(const struct align_in *in, const size_t *wave, struct align_manner *m, double *work)
{
	double n = 0, off = in->reach / ALIGN_USUAL, own[ALIGN_LOOKS];
	size_t k = 0;
	for (size_t c = 0; c < ALIGN_LOOKS; c++) {
		own[c] = OWN_WAVES + (double)in->far[c];
		m->look[c] = LOOK[c];
	}
	for (size_t i = 0; i < in->nwaves; i++)
		own[in->waves[i].look]++;
	for (size_t i = 0; i < in->nmarks; i++) {
		if (wave[i] == ALIGN_NONE)
			continue;
		const struct align_wave *w = &in->waves[wave[i]];
		work[k++] = w->at - in->marks[i].at;
		m->look[w->look]++;
		own[w->look]--;
		n++;
	}
	work[k++] = 0;
	work[k++] = 0;
	qsort(work, k, sizeof *work, by_number);
	m->late = k % 2 ? work[k / 2] : (work[k / 2 - 1] + work[k / 2]) / 2;
	for (size_t i = 0; i < k; i++)
		off += fabs(work[i] - m->late);
	m->scale = fmax(off / (n + 1), in->least);
	for (size_t c = 0; c < ALIGN_LOOKS; c++) {
		m->look[c] /= n + 1;
		m->rate[c] = own[c] / in->span;
	}
}

/* Where the learning begins: on time, or all late or early by a part of the reach; of each look as many waves come by themselves as there are
 * more than marks would have of it. Where workers are recycled all the time, that tells the few that were started at once. */
static void begin(const struct align_in *in, double late, struct align_manner *m)
{
	*m = (struct align_manner){ .late = late, .scale = in->reach / ALIGN_USUAL };
	for (size_t c = 0; c < ALIGN_LOOKS; c++) {
		double n = (double)in->far[c] - LOOK[c] * (double)in->nmarks;
		for (size_t i = 0; i < in->nwaves; i++)
			n += in->waves[i].look == c;
		m->look[c] = LOOK[c];
		m->rate[c] = fmax(n, OWN_WAVES + (double)in->far[c]) / in->span;
	}
}

/* Late or early all alike by much is less likely beforehand. */
static double unlikely(const struct align_in *in, const struct align_manner *m)
{
	return fabs(m->late) * ALIGN_USUAL / in->reach;
}

/* One more manner for the mean of the odds: *sum is the log of all weights so far. */
static int mean_odds(const struct align_in *in, const struct align_manner *m, double *odds, double *work, double *sum, struct mc_error *err)
{
	double loglik;
	int rc = align_odds(in, m, work, &loglik, err);
	if (rc < 0)
		return rc;
	double weight = loglik - unlikely(in, m), all = mc_log_add(*sum, weight), now = exp(weight - all);
	for (size_t i = 0; i < in->nmarks * in->nwaves; i++)
		odds[i] = (1 - now) * odds[i] + now * work[i];
	*sum = all;
	return 0;
}

/* Learns a manner by turns from one beginning; keeps the cheapest alignment of all. */
static void turns(const struct align_in *in, struct align_manner *m, struct table *t, size_t *now, double *lags, size_t *wave, double *best)
{
	for (int turn = 0; turn < TURNS; turn++) {
		search(in, m, t, now);
		double cost = align_cost(in, m, now) + unlikely(in, m);
		if (cost < *best) {
			*best = cost;
			memcpy(wave, now, in->nmarks * sizeof *wave);
		}
		learn(in, now, m, lags);
	}
}

int align(const struct align_in *in, size_t *wave, double *odds, struct mc_error *err)
{
	for (size_t k = 0; k < in->nmarks; k++)
		wave[k] = ALIGN_NONE;
	if (in->nmarks == 0 || in->nwaves == 0)
		return 0;
	struct table t;
	size_t *now = mc_reallocarray(NULL, in->nmarks, sizeof *now), cells = in->nmarks * in->nwaves;
	double *work = mc_reallocarray(NULL, in->nmarks + 2 + (odds ? cells : 0), sizeof *work), best = (double)INFINITY, sum = -(double)INFINITY;
	int rc = table_new(in, &t, err);
	if (rc == 0 && (!now || !work))
		rc = mc_nomem(err, "an alignment");
	if (rc == 0 && odds)
		memset(odds, 0, cells * sizeof *odds);
	for (int b = 0; rc == 0 && b < BEGINNINGS; b++) {
		struct align_manner m;
		begin(in, in->reach * (double[]){ 0, .4, -.4 }[b], &m);
		turns(in, &m, &t, now, work, wave, &best);
		if (odds)
			rc = mean_odds(in, &m, odds, work + in->nmarks + 2, &sum, err);
	}
	table_free(&t);
	free(now);
	free(work);
	return rc;
}
