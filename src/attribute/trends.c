#include "trends.h"

#include <math.h>

enum { LEAST_ROWS = 10, LEAST_TAIL = 5 };
/* The last part of a life, by time. */
static const double TAIL = .4;

int trend_of(const struct mc_panel_life *l, struct trend *t, struct mc_error *err)
{
	size_t from = l->n / 8, third = 3 * l->n / 10, half = l->n / 2;
	*t = (struct trend){ (double)NAN, (double)NAN, (double)NAN };
	if (l->n < LEAST_ROWS)
		return 0;
	int rc = mc_sen_slope(l->t + from, l->y + from, half - from, &t->early, err);
	if (rc == 0)
		rc = mc_sen_slope(l->t + half, l->y + half, l->n - half, &t->late, err);
	return rc < 0 ? rc : mc_sen_slope(l->t + third, l->y + third, l->n - third, &t->settled, err);
}

double trend_claimed(const struct mc_growth_evidence *e, size_t set)
{
	const struct mc_growth_fit *t = &e->set[MC_GROWTH_TIME][set], *q = &e->set[MC_GROWTH_REQUESTS][set];
	return q->log_evidence > t->log_evidence ? q->slope : t->slope;
}

const struct mc_growth_fit *trend_fit(const struct mc_growth_evidence *e, size_t set)
{
	const struct mc_growth_fit *t = &e->set[MC_GROWTH_TIME][set], *q = &e->set[MC_GROWTH_REQUESTS][set], *f = &e->set[MC_GROWTH_FASTER][set];
	const struct mc_growth_fit *best = q->log_evidence > t->log_evidence ? q : t;
	return f->log_evidence > best->log_evidence ? f : best;
}

double trend_expected(const struct history *h, const struct mc_growth_evidence *e, size_t set, const struct mc_panel_life *l, double from, double to)
{
	const struct mc_growth_fit *f = trend_fit(e, set);
	/* (growth that gets faster has its slope at the middle of the life) */
	double begin = fmax(l->start, 0), length = fmax(l->t[l->n - 1] - begin, 1e-9);
	if (f == &e->set[MC_GROWTH_FASTER][set])
		return f->slope * ((to - begin) * (to - begin) - (from - begin) * (from - begin)) / (2 * length);
	if (f == &e->set[MC_GROWTH_TIME][set])
		return f->slope * (to - from);
	return f->slope * history_usual_load(h, from, to) * (to - from);
}

/* By how much a life rises from the first quarter of its rows from a time on to the last quarter, and when these are: steps are a rise too.
 * False: too few rows. */
static bool rise_from(const struct mc_panel_life *l, double from, double *rise, double at[2])
{
	size_t i = l->n;
	while (i > 0 && l->t[i - 1] >= from)
		i--;
	size_t n = l->n - i, part = n / 4 + 1;
	if (n < LEAST_TAIL)
		return false;
	double y[2] = { 0 };
	at[0] = at[1] = 0;
	for (size_t k = 0; k < part; k++) {
		y[0] += l->y[i + k] / (double)part;
		at[0] += l->t[i + k] / (double)part;
		y[1] += l->y[l->n - 1 - k] / (double)part;
		at[1] += l->t[l->n - 1 - k] / (double)part;
	}
	*rise = y[1] - y[0];
	return true;
}

size_t trend_tail(const struct history *h, const struct judgement *j, size_t set, double *rise, double *claim)
{
	size_t lives = 0;
	*rise = *claim = 0;
	for (size_t i = 0; i < j->rows.nlives; i++) {
		const struct mc_panel_life *l = &j->rows.life[i];
		double to = l->t[l->n - 1], from = to - TAIL * (to - fmax(l->start, 0)), own, at[2];
		if (!supposed_to_grow(&j->sets.s[set], l->release) || !rise_from(l, from, &own, at))
			continue;
		*rise += own;
		*claim += trend_expected(h, &j->evidence, set, l, at[0], at[1]);
		lives++;
	}
	return lives;
}

bool trend_gain(const struct mc_panel_life *l, double from, double to, double *ret)
{
	double sum[2] = { 0 }, n[2] = { 0 }, near = .15 * (to - from);
	for (size_t i = 0; i < l->n; i++) {
		double age = l->t[i] - l->start;
		size_t end = age > from + near;
		if (age < from || age > to || (end && age < to - near))
			continue;
		sum[end] += l->y[i];
		n[end]++;
	}
	*ret = sum[1] / n[1] - sum[0] / n[0];
	return n[0] > 0 && n[1] > 0;
}
