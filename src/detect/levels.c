/* Heights of lives at equal age and load, and a lasting step between releases. */
#include "evidence.h"

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

double mc_panel_load(const struct mc_panel *p)
{
	double sum = 0, sq = 0, n = 0;
	for (size_t i = 0; i < p->nlives && p->nload; i++)
		for (size_t k = 0; k < p->life[i].n; k++) {
			const double *m = p->life[i].m + k * p->q;
			double v = 0;
			for (size_t c = 0; c < p->nload; c++)
				v += p->curve[p->ntau + c] * m[1 + p->ntau + c];
			sum += v;
			sq += v * v;
			n++;
		}
	return n > 1 ? sqrt(fmax(sq / n - sum / n * (sum / n), 0)) : 0;
}

/* ---- steps ---- */
enum { NDRIFT = MC_STEPS_DRIFTS };

struct mc_steps {
	size_t n;
	struct mc_drift drift;
	double ll[NDRIFT];   /* of what is common to all suppositions */
	double *k, *ky;      /* NDRIFT times n + 1 sums of precision, and of precision times level */
};

int mc_steps_new(const double *level, const double *var, size_t n, const struct mc_drift *drift, struct mc_steps **ret, struct mc_error *err)
{
	struct mc_steps *s = calloc(1, sizeof *s);
	double *block = calloc((size_t)2 * NDRIFT * (n + 1), sizeof *block);
	if (!s || !block) {
		free(s);
		free(block);
		return mc_nomem(err, "the levels");
	}
	*s = (struct mc_steps){ .n = n, .drift = *drift, .k = block, .ky = block + (size_t)NDRIFT * (n + 1) };
	for (size_t d = 0; d < NDRIFT; d++) {
		double *k = s->k + d * (n + 1), *ky = s->ky + d * (n + 1);
		for (size_t i = 0; i < n; i++) {
			double v = var[i] + drift->sd[d] * drift->sd[d];
			s->ll[d] -= .5 * log(v) + .5 * level[i] * level[i] / v;
			k[i + 1] = k[i] + 1 / v;
			ky[i + 1] = ky[i] + level[i] / v;
		}
	}
	*ret = s;
	return 0;
}

void mc_steps_free(struct mc_steps *s)
{
	if (s)
		free(s->k);
	free(s);
}

/* The same at one drift. A shift's prior is flat in its logarithm, as that of a growth (evidence_finish()). */
static double at_drift(const struct mc_steps *s, size_t d, int sign, size_t from, size_t until, double *shift, double *sd)
{
	const double *k = s->k + d * (s->n + 1), *ky = s->ky + d * (s->n + 1);
	double all = k[s->n], in = k[until] - k[from], out = all - in, y_all = ky[s->n], y_in = ky[until] - ky[from], y_out = y_all - y_in;
	if (from >= until)
		return s->ll[d] + .5 * y_all * y_all / all - .5 * log(all);
	if (!(in > 0 && out > 0))
		return -(double)INFINITY;
	*shift = y_in / in - y_out / out;
	*sd = sqrt(1 / in + 1 / out);
	if (sign * *shift <= *sd)
		return -(double)INFINITY;
	return s->ll[d] + .5 * (y_out * y_out / out + y_in * y_in / in) - .5 * log(all) - log(fabs(*shift) / *sd) - 1.16;
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
