#include "trends.h"
#include "witness.h"

#include <math.h>

/* Less is nobody's business. */
static const double LEAST = .15;
/* Deploys are close where lives between them lasted for less than this part of what those after them did. */
static const double CLOSE = .03;

static double within(double x, double lo, double hi)
{
	return isnan(x) ? 0 : fmax(lo, fmin(hi, x));
}

static double log_least(double x, double least)
{
	return log(fmax(fabs(x), least));
}

/* The panel's lives that run what was there before deploy k. */
static double older(const struct judgement *j, size_t k)
{
	double n = 0;
	for (size_t i = 0; i < j->rows.nlives; i++)
		n += j->rows.life[i].release <= k;
	return n;
}

/* Pairs of a life that is said to grow and an older one, at equal age. */
struct pairs {
	double n, more;         /* of them; in how many the first gains more */
	double claim, usual;    /* sums of what is claimed, and of what the older gain */
	double excess, claimed; /* of each life: what it gains beyond every older one, and the claim; summed */
};

static void compare(const struct history *h, const struct judgement *j, size_t set, const struct mc_panel_life *l, struct pairs *p)
{
	const struct mc_supposition *s = &j->sets.s[set];
	double last = l->t[l->n - 1], excess = (double)INFINITY, claim = 0, gain[2];
	for (size_t k = 0; k < j->rows.nlives; k += 1 + j->rows.nlives / TREND_MOST_COMPARED) {
		const struct mc_panel_life *o = &j->rows.life[k];
		double from = fmax(l->t[0] - l->start, o->t[0] - o->start), to = fmin(last - l->start, o->t[o->n - 1] - o->start);
		if (o->release >= s->from || to - from < .3 * (last - l->start) || !trend_gain(l, from, to, &gain[0]) || !trend_gain(o, from, to, &gain[1]))
			continue;
		double brings = trend_expected(h, &j->evidence, set, l, l->start + from, l->start + to);
		p->n++;
		p->more += gain[0] > gain[1];
		p->claim += brings;
		p->usual += fabs(gain[1]);
		excess = fmin(excess, gain[0] - gain[1]);
		claim = fmax(claim, brings);
	}
	p->excess += isfinite(excess) ? excess : 0;
	p->claimed += claim;
}

/* Was an older life seen in its youth: from a tenth of its time on, and of that of the longest life that is said to grow? */
static bool seen_young(const struct judgement *j, const struct mc_supposition *s)
{
	double longest = 0;
	for (size_t i = 0; i < j->rows.nlives; i++) {
		const struct mc_panel_life *l = &j->rows.life[i];
		if (supposed_to_grow(s, l->release))
			longest = fmax(longest, l->t[l->n - 1] - l->start);
	}
	for (size_t i = 0; i < j->rows.nlives; i++) {
		const struct mc_panel_life *l = &j->rows.life[i];
		if (l->release < s->from && l->t[0] - l->start <= .1 * fmin(longest, l->t[l->n - 1] - l->start))
			return true;
	}
	return false;
}

/* The witnesses of growth; `share` is the part of the probability that is growth's. */
static void of_growth(const struct history *h, const struct judgement *j, size_t k, size_t set, double share, double sigma, double *x)
{
	const struct mc_growth_evidence *e = &j->evidence;
	double time = e->set[MC_GROWTH_TIME][set].log_evidence, faster = e->set[MC_GROWTH_FASTER][set].log_evidence, life = judged_longest(j), odds = x[WITNESS_ODDS];
	double best = fmax(fmax(time, faster), e->set[MC_GROWTH_REQUESTS][set].log_evidence);
	struct pairs p = { .n = 0 };
	size_t onset = best_onset(j, k);
	for (size_t i = 0; i < j->rows.nlives; i += 1 + j->rows.nlives / TREND_MOST_COMPARED)
		if (supposed_to_grow(&j->sets.s[set], j->rows.life[i].release))
			compare(h, j, set, &j->rows.life[i], &p);
	double rise, claim;
	trend_tail(h, j, set, &rise, &claim);
	double end = rise / claim;
	x[WITNESS_GAINS] = p.n > 0 ? share * (p.more / p.n - .5) : 0;
	x[WITNESS_ONSET] = share * (onset != MC_NO_DEPLOY ? within(e->onset[onset].log_evidence - fmax(best, e->onset[onset].log_evidence), -20, 0) : -20);
	x[WITNESS_UNSEEN] = seen_young(j, &j->sets.s[set]) ? 0 : share;
	x[WITNESS_DIFFER] = share * within(copysign(sqrt(fabs(e->differ)), e->differ), -8, 8);
	x[WITNESS_CURVE] = share * log_least(fmax(0, mc_panel_curve(j->panel, 0, life)) / sigma, .1);
	x[WITNESS_SIZE] = share * log_least(e->set[MC_GROWTH_TIME][set].slope * life / sigma, .1);
	x[WITNESS_FASTER] = share * within(faster - time, -5, 10);
	x[WITNESS_FIRM_ODDS] = p.claimed > 0 ? odds * share * within(p.excess / p.claimed, 0, 2) : 0;
	x[WITNESS_SMALL_ODDS] = p.n > 0 ? odds * share * fmax(0, -log_least(within(p.claim / p.usual, -5, 20), .05)) : 0;
	x[WITNESS_NO_TAIL] = isfinite(end) ? share * fmax(0, .8 - within(end, -1, 2)) : 0;
	x[WITNESS_MORE_TAIL] = isfinite(end) ? share * fmax(0, within(end, -1, 2) - 1.1) : 0;
}

bool witness_close(const struct judgement *j, size_t a, size_t b)
{
	size_t first = a < b ? a : b, second = a < b ? b : a, set = best_set(j, second);
	double between = 0, after = 0;
	for (size_t i = 0; i < j->rows.nlives; i++) {
		const struct mc_panel_life *l = &j->rows.life[i];
		double lived = l->t[l->n - 1] - fmax(l->start, 0);
		if (l->release > first && l->release <= second)
			between += lived;
		else if (set != MC_NO_DEPLOY ? supposed_to_grow(&j->sets.s[set], l->release) : l->release > second)
			after += lived;
	}
	return a != b && between < CLOSE * after;
}

/* The deploy whose restarts most is believed of. */
static void whom(const struct history *h, const struct judgement *j, struct witnessed *w)
{
	*w = (struct witnessed){ .deploy = MC_NO_DEPLOY, .nearest = MC_NO_DEPLOY };
	for (size_t k = 0; k < h->ndeploys; k++)
		if (judged_of(j, k) > fmax(w->p, LEAST)) {
			w->deploy = k;
			w->step = judged_step_of(j, k);
			w->p = judged_of(j, k);
		}
}

void witness(const struct history *h, const struct judgement *j, struct witnessed *ret)
{
	struct mc_noise noise;
	whom(h, j, ret);
	/* where nothing older was seen there is nothing to hold it against */
	ret->older = ret->deploy == MC_NO_DEPLOY ? 0 : older(j, ret->deploy);
	if (!(ret->older > 0))
		ret->deploy = MC_NO_DEPLOY;
	if (ret->deploy == MC_NO_DEPLOY)
		return;
	size_t set = best_set(j, ret->deploy);
	double nearest = 0, rival = 1e-3;
	mc_panel_noise(j->panel, &noise);
	for (size_t k = 0; k < h->ndeploys; k++) {
		double q = k == ret->deploy ? 0 : judged_of(j, k);
		ret->close[k] = q > 0 && witness_close(j, ret->deploy, k);
		ret->near += q * witness_near(ret, k, q);
		rival = fmax(rival, q * (1 - witness_near(ret, k, q)));
		if (witness_near(ret, k, q) >= .5 && q > nearest) {
			nearest = q;
			ret->nearest = k;
		}
	}
	double flag = j->belief.free_onset + j->belief.all + j->belief.before;
	ret->flag = flag >= ret->p ? flag : 0;
	double sigma = sqrt(noise.var), share = 1 - ret->step / ret->p, in = fmax(1e-4, fmin(1 - 1e-4, (ret->p + ret->near) / fmax(1 - ret->flag, ret->p + ret->near))), *x = ret->x, n = ret->older;
	x[WITNESS_ODDS] = log(in / (1 - in));
	x[WITNESS_STEP_ODDS] = x[WITNESS_ODDS] * (1 - share);
	x[WITNESS_ONSET] = -20 * share;
	x[WITNESS_STEP_TEETH] = h->sawtooth > 0 ? 1 - share : 0;
	x[WITNESS_LIVES] = log_least(fmin((double)j->rows.nlives, TREND_MOST_COMPARED), 10);
	x[WITNESS_TEETH] = h->sawtooth > 0;
	x[WITNESS_ONE_OLDER] = n <= 1 ? share : 0;
	x[WITNESS_OLDER] = log_least(fmin(n, TREND_MOST_COMPARED), .5);
	x[WITNESS_P] = ret->p + ret->near;
	x[WITNESS_RIVAL] = log(rival);
	x[WITNESS_LOAD] = log_least(mc_panel_load(j->panel) / sigma, .01);
	if (set != MC_NO_DEPLOY)
		of_growth(h, j, ret->deploy, set, share, sigma, x);
}
