/* A lasting step: the lives of later releases stand higher at equal age than those before. */
#include "judge.h"

#include <math.h>
#include <stdlib.h>

/* About one in seven programs that are watched gets a higher level by some release. */
static const double PRIOR_STEP = .2, STEP_TEMPERATURE = 1.3;

struct heights {
	size_t n;        /* releases that have lives */
	size_t *release;
	double *level, *var;
};

/* A slot that is always higher than its neighbours says nothing of a release: centre slots seen in several releases. */
static int centre_slots(const struct judgement *j, double *level, struct mc_error *err)
{
	size_t n = j->rows.nlives;
	double *v = mc_reallocarray(NULL, 2 * n + 1, sizeof *v);
	if (!v)
		return mc_nomem(err, "the levels");
	double *old = v + n;
	for (size_t i = 0; i < n; i++)
		v[i] = old[i] = level[i];
	double middle = mc_median(v, n);
	for (size_t i = 0; i < n; i++) {
		size_t slot = j->lives[j->rows.of[i]].slot, k = 0, others = 0, before = SIZE_MAX;
		for (size_t o = 0; o < n; o++)
			if (j->lives[j->rows.of[o]].slot == slot) {
				v[k++] = old[o];
				others += j->rows.life[o].release != before;
				before = j->rows.life[o].release;
			}
		if (others >= 3)
			level[i] -= mc_median(v, k) - middle;
	}
	free(v);
	return 0;
}

static void heights_of(const struct history *h, const struct judgement *j, const double *level, const double *var, double *work,
	struct heights *x)
{
	size_t n = j->rows.nlives, k = 0;
	double inside = 0, dof = 0, floor_var = 0;
	for (size_t r = 0; r <= h->ndeploys; r++) {
		size_t m = 0;
		double mean = 0;
		for (size_t i = 0; i < n; i++)
			if (j->rows.life[i].release == r)
				work[m++] = level[i];
		if (m == 0)
			continue;
		mean = mc_median(work, m);
		for (size_t i = 0; i < m; i++)
			inside += (work[i] - mean) * (work[i] - mean);
		dof += m > 1 ? (double)(m - 1) : 0;
		x->release[k] = r;
		x->level[k] = mean;
		x->var[k++] = (double)m;
	}
	x->n = k;
	for (size_t i = 0; i < n; i++)
		floor_var += var[i] / (double)n;
	double v = fmax(dof > 0 ? inside / dof : 0, floor_var);
	for (size_t i = 0; i < k; i++)
		x->var[i] = 1.4 * v / x->var[i]; /* of a median, about */
}

/* Levels turned upside down: a lasting fall is a change too, and must not be taken for a rise before it. */
static double falls(const struct heights *x, double sigma, double share, double none, double *work)
{
	double all = -(double)INFINITY;
	for (size_t i = 0; i < x->n; i++)
		work[i] = -x->level[i];
	for (size_t from = 1; from < x->n; from++)
		all = mc_log_add(all, share + (mc_step_evidence(work, x->var, x->n, sigma, from, x->n, NULL) - none) / STEP_TEMPERATURE);
	return all;
}

static void weigh(struct judgement *j, const struct heights *x, double sigma, double *work)
{
	double none = mc_step_evidence(x->level, x->var, x->n, sigma, 0, 0, NULL);
	double share = log(PRIOR_STEP) - log(fmax((double)x->n - 1, 1));
	double quiet = mc_log_add(log(1 - 2 * PRIOR_STEP), falls(x, sigma, share, none, work)), sum = quiet;
	for (size_t from = 1; from < x->n; from++) {
		size_t k = x->release[from] - 1;
		double all = -(double)INFINITY, best = -(double)INFINITY;
		for (size_t until = from + 1; until <= x->n; until++) {
			struct mc_growth_fit f;
			double prior = until == x->n ? log(.7) : log(.3 / (double)(x->n - from));
			double v = share + prior + (mc_step_evidence(x->level, x->var, x->n, sigma, from, until, &f) - none) / STEP_TEMPERATURE;
			if (v > best) {
				best = v;
				j->step_fit[k] = f;
				j->step_until[k] = until < x->n ? x->release[until] : SIZE_MAX;
			}
			all = mc_log_add(all, v);
		}
		j->belief.step[k] = all;
		sum = mc_log_add(sum, all);
	}
	j->belief.no_step = exp(quiet - sum);
	for (size_t from = 1; from < x->n; from++)
		j->belief.step[x->release[from] - 1] = exp(j->belief.step[x->release[from] - 1] - sum);
}

/* What a release's warm-up may be larger or smaller than usual moves its height as well. */
static double typical_drift(const struct judgement *j)
{
	struct mc_noise noise;
	double life = 0, rise;
	mc_panel_noise(j->panel, &noise);
	for (size_t i = 0; i < j->rows.nlives; i++)
		life = fmax(life, j->rows.life[i].t[j->rows.life[i].n - 1] - j->rows.life[i].t[0]);
	rise = mc_panel_curve(j->panel, 0, life);
	return sqrt(noise.var + .0016 * rise * rise);
}

/* Of a life that has not gone through its warm-up the final height is a guess. */
static void widen(const struct judgement *j, double *var)
{
	for (size_t i = 0; i < j->rows.nlives; i++) {
		const struct mc_panel_life *l = &j->rows.life[i];
		double left = mc_panel_curve(j->panel, (l->t[0] + l->t[l->n - 1]) / 2 - l->start, 1e300);
		var[i] += .09 * left * left;
	}
}

int judge_steps(const struct history *h, struct judgement *j, struct mc_error *err)
{
	size_t n = j->rows.nlives, nr = h->ndeploys + 1;
	j->step_fit = calloc(nr, sizeof *j->step_fit);
	j->step_until = calloc(nr, sizeof *j->step_until);
	double *v = mc_reallocarray(NULL, 3 * n + 3 * nr, sizeof *v);
	size_t *release = calloc(nr, sizeof *release);
	int rc = j->step_fit && j->step_until && v && release ? 0 : mc_nomem(err, "the levels");
	if (rc == 0)
		rc = mc_panel_levels(j->panel, v, v + n, err);
	if (rc == 0)
		rc = centre_slots(j, v, err);
	if (rc == 0) {
		struct heights x = { .release = release, .level = v + 3 * n, .var = v + 3 * n + nr };
		widen(j, v + n);
		heights_of(h, j, v, v + n, v + 2 * n, &x);
		if (x.n > 1)
			weigh(j, &x, typical_drift(j), v + 3 * n + 2 * nr);
		j->changed = 1 - j->belief.no_step;
	}
	free(v);
	free(release);
	return rc;
}
