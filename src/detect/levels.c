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
struct step_work {
	size_t n;
	const double *y, *var;
};

/* Log evidence at this drift of the releases: a shift over [from, until) above 0, or none where from >= until. */
static double at_drift(const struct step_work *w, double drift2, size_t from, size_t until, double *shift, double *sd)
{
	double ll = 0, s[2] = { 0 }, sy[2] = { 0 }, syy = 0;
	for (size_t i = 0; i < w->n; i++) {
		double v = w->var[i] + drift2, k = 1 / v;
		size_t g = i >= from && i < until;
		ll -= .5 * log(v);
		s[g] += k;
		sy[g] += k * w->y[i];
		syy += k * w->y[i] * w->y[i];
	}
	if (from >= until)
		return ll - .5 * (syy - sy[0] * sy[0] / s[0]) - .5 * log(s[0]);
	*shift = sy[1] / s[1] - sy[0] / s[0];
	*sd = sqrt(1 / s[1] + 1 / s[0]);
	if (*shift <= *sd)
		return -(double)INFINITY;
	return ll - .5 * (syy - sy[0] * sy[0] / s[0] - sy[1] * sy[1] / s[1]) - .5 * log(s[0] + s[1]) - log(*shift / *sd) - 1.16;
}

double mc_step_evidence(const double *level, const double *var, size_t n, double sigma, size_t from, size_t until, struct mc_growth_fit *ret)
{
	/* releases of a healthy program differ by about the noise; seldom by several times that */
	static const double DRIFT[] = { .25, .5, 1, 2, 4 }, WEIGHT[] = { .2, .25, .3, .15, .1 };
	struct step_work w = { n, level, var };
	double sum = -(double)INFINITY, best = -(double)INFINITY;
	for (size_t i = 0; i < sizeof DRIFT / sizeof *DRIFT; i++) {
		double shift = 0, sd = 0, v = log(WEIGHT[i]) + at_drift(&w, pow(DRIFT[i] * sigma, 2), from, until, &shift, &sd);
		double hi = fmax(sum, v);
		sum = hi == -(double)INFINITY ? hi : hi + log(exp(sum - hi) + exp(v - hi));
		if (v > best && ret) {
			best = v;
			*ret = (struct mc_growth_fit){ .slope = shift, .slope_sd = sd, .z = sd > 0 ? shift / sd : 0 };
		}
	}
	if (ret)
		ret->log_evidence = sum;
	return sum;
}
