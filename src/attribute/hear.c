/* How far the model's probability is to be trusted. The likelihood knows nothing of what it leaves out: warm-ups that are another, lives that are no
 * independent witnesses. A logistic regression on a few witnesses of that, learnt on development corpora of many kinds, exchanges it for what such a deploy
 * turned out to be worth (Platt, Probabilistic outputs for support vector machines, 1999; Lichtenstein, Fischhoff and Phillips, Calibration of
 * probabilities, 1982). docs/detection.md says what was learnt from, and how it does on kinds that it was not learnt from. */
#include "trends.h"

#include <math.h>

/* tests/bench/learn.py prints these. */
static const double ALWAYS = 0.287;
static const double WORTH[WITNESSES] = {
	[WITNESS_ODDS] = 0.168, [WITNESS_STEP_ODDS] = 0.384, [WITNESS_GAINS] = 1.570, [WITNESS_ONSET] = 0.019,
	[WITNESS_SIZE] = 0.149, [WITNESS_FASTER] = -0.111, [WITNESS_LIVES] = -0.387, [WITNESS_FIRM_ODDS] = 0.434,
	[WITNESS_SMALL_ODDS] = 0.142, [WITNESS_NO_TAIL] = -3.250, [WITNESS_MORE_TAIL] = -1.076, [WITNESS_STEP_TEETH] = -0.478,
	[WITNESS_TEETH] = -0.735, [WITNESS_ONE_OLDER] = -0.922, [WITNESS_OLDER] = -0.295, [WITNESS_LOAD] = -0.163,
	[WITNESS_P] = 2.846, [WITNESS_RIVAL] = 0.099, [WITNESS_DIFFER] = -0.149, [WITNESS_CURVE] = 0.162,
	[WITNESS_UNSEEN] = -1.708,
};

/* What they are in the mean. */
static const double USUAL[WITNESSES] = {
	[WITNESS_ODDS] = 3.380, [WITNESS_STEP_ODDS] = 0.097, [WITNESS_GAINS] = 0.340, [WITNESS_ONSET] = -7.344,
	[WITNESS_SIZE] = 3.629, [WITNESS_FASTER] = -2.058, [WITNESS_LIVES] = 2.953, [WITNESS_FIRM_ODDS] = 1.887,
	[WITNESS_SMALL_ODDS] = 0.009, [WITNESS_NO_TAIL] = 0.042, [WITNESS_MORE_TAIL] = 0.098, [WITNESS_STEP_TEETH] = 0.013,
	[WITNESS_TEETH] = 0.091, [WITNESS_ONE_OLDER] = 0.057, [WITNESS_OLDER] = 1.955, [WITNESS_LOAD] = -1.024,
	[WITNESS_P] = 0.760, [WITNESS_RIVAL] = -4.718, [WITNESS_DIFFER] = 2.499, [WITNESS_CURVE] = 1.630,
	[WITNESS_UNSEEN] = 0.069,
};

enum { LEAST_OLDER = 2 };

double witness_says(const double x[WITNESSES], enum witness_of which)
{
	return WORTH[which] * (x[which] - USUAL[which]);
}

double witness_worth(const double x[WITNESSES])
{
	double odds = ALWAYS;
	for (size_t i = 0; i < WITNESSES; i++)
		odds += WORTH[i] * x[i];
	return 1 / (1 + exp(-odds));
}

/* By how much what is believed of deploy k changes; `own`, `others`: that of the deploy that was heard, and of what is not near it. */
static double factor(const struct witnessed *w, size_t k, double q, double own, double others)
{
	double near = k == w->deploy ? 1 : witness_near(w, k, q);
	return near * own + (1 - near) * others;
}

/* Multiplies what is believed of each deploy by f, and that of growth of no deploy by `flag`. */
static void reweigh(struct judgement *j, const double *f, double flag)
{
	struct belief *b = &j->belief;
	for (size_t k = 0; k < b->ndeploys; k++)
		b->deploy[k] *= f[k];
	b->all *= flag;
	b->before *= flag;
	b->free_onset *= flag;
	for (size_t i = 0; i < j->sets.n; i++) {
		size_t k = supposed_deploy(&j->sets.s[i]);
		b->weight[i] *= k != MC_NO_DEPLOY ? f[k] : flag;
	}
	for (size_t i = 0; i < j->evidence.nonsets; i++)
		b->onset_weight[i] *= b->onset_of[i] != MC_NO_DEPLOY ? f[b->onset_of[i]] : flag;
}

/* The same for steps, which are believed where nothing grows: rest of the probability, of which `others` stays of what is no deploy's, and `more`
 * comes to growth that levels off. */
static void reweigh_steps(struct judgement *j, const double *f, double others, double more)
{
	struct belief *b = &j->belief;
	double rest = b->none + b->bounded, stepped = 0, now = more;
	for (size_t k = 0; k < b->ndeploys; k++)
		stepped += j->steps.p[k];
	for (size_t k = 0; k < b->ndeploys; k++)
		now += rest * j->steps.p[k] * f[k];
	now += rest * fmax(0, 1 - stepped) * others;
	if (!(now > 0))
		return;
	j->steps.none = 1;
	for (size_t k = 0; k < b->ndeploys; k++)
		j->steps.none -= j->steps.p[k] *= rest * f[k] / now;
	j->steps.free *= rest * others / now;
	j->steps.none = fmax(0, j->steps.none - j->steps.free);
	j->changed = 1 - j->steps.none;
	double kept = rest > 0 ? (now - more) / rest : 0;
	b->none *= kept;
	b->bounded = b->bounded * kept + more;
}

/* Neither a growth whose 95 % interval holds 0, nor one with hardly an older life to hold it against, is believed more for its witnesses. */
static bool plain(const struct judgement *j, const struct witnessed *w)
{
	size_t set = best_set(j, w->deploy);
	if (w->step > w->p / 2)
		return true;
	if (set == MC_NO_DEPLOY || w->older < LEAST_OLDER)
		return false;
	const struct mc_growth_fit *f = trend_fit(&j->evidence, set);
	return f->slope > 1.96 * f->slope_sd;
}

void witness_hear(const struct history *h, struct judgement *j)
{
	struct witnessed *w = &j->witnessed;
	double f[HISTORY_MOST_DEPLOYS] = { 0 };
	witness(h, j, w);
	if (w->deploy == MC_NO_DEPLOY)
		return;
	double was = w->p + w->near, all = fmax(1 - w->flag, was);
	w->now = witness_worth(w->x) * all;
	if (w->now > was && !plain(j, w))
		w->now = was;
	double own = w->now / was, others = own > 1 ? (all - w->now) / fmax(all - was, 1e-9) : 1;
	for (size_t k = 0; k < j->belief.ndeploys; k++)
		f[k] = factor(w, k, judged_of(j, k), own, others);
	reweigh(j, f, w->flag > 0 ? 1 : others);
	reweigh_steps(j, f, others, fmax(was - w->now, 0));
}
