/* Heights of lives at equal age and load, and a lasting step between releases. */
#include "evidence.h"
#include "linalg.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* What covariates explain of a life's height is known to a third or so: adds that to the variance, where lives differ in it. */
static void doubt_covariates(const struct mc_panel *p, double *share, double *var)
{
	double sum = 0;
	for (size_t i = 0; i < p->nlives; i++) {
		const struct panel_life *l = &p->life[i];
		share[i] = 0;
		for (size_t c = p->ntau + p->nload; c + 1 < panel_common(p); c++)
			share[i] += p->curve[c] * l->m[(l->n - 1) * p->q + 1 + c];
		sum += share[i];
	}
	for (size_t i = 0; i < p->nlives; i++)
		var[i] += pow(.3 * (share[i] - sum / (double)p->nlives), 2);
}

int mc_panel_levels(const struct mc_panel *p, double *level, double *var, struct mc_error *err)
{
	size_t most = p->nlives;
	for (size_t i = 0; i < p->nlives; i++)
		most = p->life[i].n > most ? p->life[i].n : most;
	double *rest = mc_reallocarray(NULL, most + 1, sizeof *rest);
	if (!rest)
		return mc_nomem(err, "the levels");
	for (size_t i = 0; i < p->nlives; i++) {
		const struct panel_life *l = &p->life[i];
		for (size_t k = 0; k < l->n; k++) {
			const double *m = l->m + k * p->q;
			rest[k] = m[0];
			for (size_t c = 0; c < panel_common(p); c++)
				rest[k] -= p->curve[c] * m[1 + c];
		}
		panel_level(p, l, rest, &level[i], &var[i]);
		level[i] += p->curve[p->il - 1] + p->level;
	}
	doubt_covariates(p, rest, var);
	free(rest);
	return 0;
}

double mc_panel_curve(const struct mc_panel *p, double from, double to)
{
	double v = 0;
	for (size_t k = 0; k < p->ntau; k++)
		v += p->curve[k] * (exp(-from / p->tau[k]) - exp(-to / p->tau[k]));
	return v;
}

/* What the load explains of a row. */
static double load_part(const struct mc_panel *p, const struct panel_life *l, size_t row)
{
	const double *m = l->m + row * p->q;
	double v = 0;
	for (size_t c = 0; c < p->nload; c++)
		v += p->curve[p->ntau + c] * m[1 + p->ntau + c];
	return v;
}

void mc_panel_less_load(const struct mc_panel *p, size_t life, double *y)
{
	for (size_t k = 0; k < p->life[life].n && p->nload; k++)
		y[k] -= load_part(p, &p->life[life], k);
}

double mc_panel_load(const struct mc_panel *p)
{
	double sum = 0, sq = 0, n = 0;
	for (size_t i = 0; i < p->nlives && p->nload; i++)
		for (size_t k = 0; k < p->life[i].n; k++) {
			double v = load_part(p, &p->life[i], k);
			sum += v;
			sq += v * v;
			n++;
		}
	return n > 1 ? sqrt(fmax(sq / n - sum / n * (sum / n), 0)) : 0;
}

double mc_panel_load_trend(const struct mc_panel *p, size_t release)
{
	double both = 0, squares = 0;
	for (size_t i = 0; i < p->nlives && p->nload; i++) {
		const struct panel_life *l = &p->life[i];
		size_t from = 2 * l->n / 5, n = l->n - from;
		double t = 0, v = 0;
		if (l->release != release)
			continue;
		for (size_t k = from; k < l->n; k++) {
			t += l->t[k] / (double)n;
			v += load_part(p, l, k) / (double)n;
		}
		for (size_t k = from; k < l->n; k++) {
			both += (l->t[k] - t) * (load_part(p, l, k) - v);
			squares += (l->t[k] - t) * (l->t[k] - t);
		}
	}
	return squares > 0 ? both / squares : 0;
}

/* ---- steps ---- */
/* log(3.75) - log(2 pi) / 2; the least shift, in its standard deviations. */
static const double WIDTH = .4, LEAST = 2;
/* Unknown beside a shift: the mean, and the shared errors, which are N(0, 1). SUMS: precision, times the shared errors, times the level. */
enum { NDRIFT = MC_STEPS_DRIFTS, OTHERS = 1 + MC_HEIGHT_SHARED, SUMS = OTHERS + 1 };

struct mc_steps {
	size_t n;
	struct mc_drift drift;
	double none[NDRIFT]; /* log evidence of no shift */
	double others[NDRIFT][OTHERS * OTHERS], score[NDRIFT][OTHERS]; /* Cholesky factor of what else is unknown; its scores, solved */
	double *sum;         /* NDRIFT times n + 1 sums of SUMS numbers */
};

/* All sums at drift d; generalised least squares for what else is unknown. */
static void sum_up(struct mc_steps *s, size_t d, const double *level, const double *var, const double *shared)
{
	double *sum = s->sum + d * (s->n + 1) * SUMS, *a = s->others[d], *b = s->score[d], sd = s->drift.sd[d];
	for (size_t k = 1; k < OTHERS; k++)
		a[k * OTHERS + k] = 1;
	for (size_t i = 0; i < s->n; i++) {
		double v = var[i] + sd * sd, x[SUMS] = { 1 };
		for (size_t k = 0; k < MC_HEIGHT_SHARED; k++)
			x[1 + k] = shared ? shared[i * MC_HEIGHT_SHARED + k] : 0;
		x[OTHERS] = level[i];
		s->none[d] -= .5 * log(v) + .5 * level[i] * level[i] / v;
		for (size_t k = 0; k < SUMS; k++)
			sum[(i + 1) * SUMS + k] = sum[i * SUMS + k] + x[k] / v;
		for (size_t k = 0; k < OTHERS; k++) {
			b[k] += x[k] * level[i] / v;
			for (size_t m = 0; m < OTHERS; m++)
				a[k * OTHERS + m] += x[k] * x[m] / v;
		}
	}
	s->none[d] -= linalg_cholesky(a, OTHERS, OTHERS);
	linalg_forward(a, OTHERS, OTHERS, b, 1);
	for (size_t k = 0; k < OTHERS; k++)
		s->none[d] += .5 * b[k] * b[k];
}

int mc_steps_new(const double *level, const double *var, const double *shared, size_t n, const struct mc_drift *drift, struct mc_steps **ret,
	struct mc_error *err)
{
	struct mc_steps *s = calloc(1, sizeof *s);
	double *sum = calloc((size_t)NDRIFT * (n + 1) * SUMS, sizeof *sum);
	if (!s || !sum) {
		free(s);
		free(sum);
		return mc_nomem(err, "the levels");
	}
	s->n = n;
	s->drift = *drift;
	s->sum = sum;
	for (size_t d = 0; d < NDRIFT; d++)
		sum_up(s, d, level, var, shared);
	*ret = s;
	return 0;
}

void mc_steps_free(struct mc_steps *s)
{
	if (s)
		free(s->sum);
	free(s);
}

/* The same at one drift. A shift's prior is flat in its logarithm, as that of a growth (evidence_finish()), from twice its error on (how much
 * releases differ anyway is in that), over e^3.75: half of what a growth has, since a step is known better beforehand. */
static double at_drift(const struct mc_steps *s, size_t d, int sign, size_t from, size_t until, double *shift, double *sd)
{
	const double *sum = s->sum + d * (s->n + 1) * SUMS, *b = s->score[d];
	double in[SUMS], x[OTHERS];
	if (from >= until)
		return s->none[d];
	for (size_t k = 0; k < SUMS; k++)
		in[k] = sum[until * SUMS + k] - sum[from * SUMS + k];
	memcpy(x, in, sizeof x);
	linalg_forward(s->others[d], OTHERS, OTHERS, x, 1);
	double info = in[0], num = in[OTHERS];
	for (size_t k = 0; k < OTHERS; k++) {
		info -= x[k] * x[k];
		num -= x[k] * b[k];
	}
	if (!(info > 1e-12 * in[0]))
		return -(double)INFINITY;
	*shift = num / info;
	*sd = sqrt(1 / info);
	if (sign * *shift <= *sd)
		return -(double)INFINITY;
	double z = fabs(*shift) / *sd;
	return s->none[d] + .5 * z * z - log(z) - WIDTH + log(.5 * erfc((LEAST - z) / M_SQRT2));
}

double mc_steps_shift(const struct mc_steps *s, int sign, size_t from, size_t until, struct mc_growth_fit *ret)
{
	double sum = -(double)INFINITY, best = -(double)INFINITY;
	if (ret)
		*ret = (struct mc_growth_fit){ .log_evidence = -(double)INFINITY };
	for (size_t i = 0; i < NDRIFT; i++) {
		double shift = 0, sd = 0, v = log(s->drift.weight[i]) + at_drift(s, i, sign, from, until, &shift, &sd);
		sum = mc_log_add(sum, v);
		if (v > best && ret) {
			best = v;
			*ret = (struct mc_growth_fit){ .slope = shift, .slope_sd = sd, .z = sd > 0 ? shift / sd : 0 };
		}
	}
	if (ret)
		ret->log_evidence = sum;
	return sum;
}
