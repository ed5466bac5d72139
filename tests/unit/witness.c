/* What the witnesses say of a deploy, and what hearing them makes of a belief. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "../prop/random.h"
#include "judged.h"
#include "trends.h"

#include <math.h>
#include <string.h>

enum { DEPLOYS = 6, SETS = 8, ONSETS = 4, PARTS = 4, CASES = 600 };

/* A belief in more deploys than the world's lives run. */
struct mind {
	struct world w;
	struct mc_supposition set[SETS];
	struct mc_growth_fit fit[MC_GROWTH_KINDS][SETS], onset[ONSETS];
	size_t onset_of[ONSETS];
	double weight[SETS], onset_weight[ONSETS], deploy[DEPLOYS], step[DEPLOYS + 1];
};

static bool near(double a, double b) { return fabs(a - b) < 1e-9; }

static double stands(double age, size_t life) { return 50 + sin(age * (double)(life + 1)); }
static double some_rise(double age, size_t life) { return life < 6 ? rises(age, life) : 50 - age * 1e-3; }
static double rough(double age, size_t life) { return rises(age, life) + sin(age * (double)(life + 1)); }

/* The growth of each deploy; of deploys that have none there is no supposition. */
static void make_mind(struct mind *m, size_t n, const double *deploy, double (*before)(double, size_t), double (*after)(double, size_t))
{
	memset(m, 0, sizeof *m);
	make(&m->w, 0, before, after);
	struct judgement *j = &m->w.j;
	for (size_t k = 0; k < n; k++) {
		m->set[k] = (struct mc_supposition){ .from = k + 1, .until = n + 1 };
		m->fit[MC_GROWTH_TIME][k] = m->w.fit[MC_GROWTH_TIME];
		m->deploy[k] = m->weight[k] = deploy[k];
	}
	for (size_t k = 0; k < MC_GROWTH_KINDS; k++)
		j->evidence.set[k] = m->fit[k];
	j->sets = (struct suppositions){ .n = n, .s = m->set };
	j->evidence.n = n;
	j->evidence.onset = m->onset;
	j->belief = (struct belief){ .ndeploys = n, .deploy = m->deploy, .weight = m->weight, .onset_weight = m->onset_weight, .onset_of = m->onset_of };
	j->steps = (struct steps){ .p = m->step, .none = 1 };
	m->w.h.ndeploys = n;
}

static double sum(const double *v, size_t n)
{
	double ret = 0;
	for (size_t i = 0; i < n; i++)
		ret += v[i];
	return ret;
}

/* What is believed of a deploy's restarts, of growth or a step. */
static double believed(const struct judgement *j, size_t k)
{
	return j->belief.deploy[k] + (j->belief.none + j->belief.bounded) * j->steps.p[k];
}

static void assert_distribution(const struct mind *m)
{
	const struct judgement *j = &m->w.j;
	const struct belief *b = &j->belief;
	const double all[] = { b->none, b->all, b->bounded, b->free_onset, j->steps.none, j->steps.free };
	double of[DEPLOYS] = { 0 }, free = 0;
	for (size_t i = 0; i < sizeof all / sizeof *all; i++)
		assert_true(all[i] >= 0);
	assert_true(near(sum(all, 4) + sum(b->deploy, b->ndeploys), 1));
	assert_true(near(sum(all + 4, 2) + sum(j->steps.p, b->ndeploys), 1));
	for (size_t i = 0; i < j->sets.n; i++)
		of[j->sets.s[i].from - 1] += b->weight[i];
	for (size_t i = 0; i < j->evidence.nonsets; i++)
		*(b->onset_of[i] == MC_NO_DEPLOY ? &free : &of[b->onset_of[i]]) += b->onset_weight[i];
	for (size_t k = 0; k < b->ndeploys; k++)
		assert_true(b->deploy[k] >= 0 && j->steps.p[k] >= 0 && near(of[k], b->deploy[k]));
	assert_true(j->evidence.nonsets == 0 || near(free, b->free_onset));
}

/* Each supposition and onset keeps its part of its deploy's. */
static void assert_same_parts(const struct mind *m, const struct mind *was)
{
	for (size_t i = 0; i < m->w.j.sets.n; i++) {
		size_t k = m->set[i].from - 1;
		assert_true(near(m->weight[i] * was->deploy[k], was->weight[i] * m->deploy[k]));
	}
	for (size_t i = 0; i < m->w.j.evidence.nonsets; i++) {
		size_t k = m->onset_of[i];
		double now = k == MC_NO_DEPLOY ? m->w.j.belief.free_onset : m->deploy[k];
		double before = k == MC_NO_DEPLOY ? was->w.j.belief.free_onset : was->deploy[k];
		assert_true(near(m->onset_weight[i] * before, was->onset_weight[i] * now));
	}
}

/* `old`: before; the pointers in it are to m's arrays, which changed. */
static void assert_rivals(const struct mind *m, const struct mind *old)
{
	const struct judgement *j = &m->w.j;
	const struct witnessed *w = &j->witnessed;
	double rest = old->w.j.belief.none + old->w.j.belief.bounded, was = w->p + w->near;
	for (size_t k = 0; k < j->belief.ndeploys; k++) {
		double q = old->deploy[k] + rest * old->step[k];
		if (k == w->deploy || witness_near(w, k, q) == 1)
			assert_true(near(believed(j, k), q * w->now / was));
		else if (witness_near(w, k, q) == 0 && w->now <= was)
			assert_true(near(believed(j, k), q));
	}
}

/* 0: nothing was believed of any; 1: it rises; 2: it falls; more by 2 where there is a flag. */
static int hear(struct mind *m)
{
	m->w.j.changed = 1 - m->w.j.steps.none;
	struct mind old = *m;
	struct judgement *j = &m->w.j;
	const struct witnessed *w = &j->witnessed;
	const struct belief *b = &j->belief, *was = &old.w.j.belief;
	assert_distribution(m);
	witness_hear(&m->w.h, j);
	mc_panel_free(j->panel);
	assert_distribution(m);
	if (w->deploy == MC_NO_DEPLOY) {
		assert_memory_equal(m->deploy, old.deploy, sizeof m->deploy);
		assert_memory_equal(m->step, old.step, sizeof m->step);
		assert_memory_equal(m->weight, old.weight, sizeof m->weight);
		assert_true(b->none == was->none && b->all == was->all && b->bounded == was->bounded && b->free_onset == was->free_onset);
		return 0;
	}
	for (size_t i = 0; i < WITNESSES; i++)
		assert_true(isfinite(w->x[i]));
	bool falls = w->now < w->p + w->near;
	assert_same_parts(m, &old);
	assert_rivals(m, &old);
	if (falls || w->flag > 0)
		assert_true(b->all == was->all && b->free_onset == was->free_onset);
	/* what it loses is growth that levels off; what it gains comes from all others alike */
	double lost = fmax(0, w->p + w->near - w->now), all = fmax(1 - w->flag, w->p + w->near);
	double others = falls ? 1 : (all - w->now) / fmax(all - w->p - w->near, 1e-9), rest = b->none + b->bounded, rested = was->none + was->bounded;
	assert_true(near(rest * j->steps.none, rested * old.w.j.steps.none * others + lost) && near(rest * j->steps.free, rested * old.w.j.steps.free * others));
	assert_true(near(b->none * was->bounded, (b->bounded - lost) * was->none));
	assert_true(near(b->all, was->all * (w->flag > 0 ? 1 : others)));
	assert_true(near(j->changed, 1 - j->steps.none));
	return 1 + falls + 2 * (w->flag > 0);
}

static double skewed(void) { return uniform() < .2 ? 0 : pow(uniform(), 1 + 9 * uniform()); }

static void random_mind(struct mind *m)
{
	double (*const shape[])(double, size_t) = { level, fills, rises, slows, stands, some_rise, rough };
	double none[DEPLOYS] = { 0 }, total = 0, *b[] = { NULL, NULL, NULL, NULL };
	size_t n = 1 + (size_t)(uniform() * DEPLOYS);
	make_mind(m, n, none, shape[(size_t)(uniform() * 7)], shape[(size_t)(uniform() * 7)]);
	struct judgement *j = &m->w.j;
	j->sets.n = j->evidence.n = n + (size_t)(uniform() * 3);
	j->evidence.nonsets = ONSETS;
	m->w.h.sawtooth = uniform() < .3 ? 60 : 0;
	for (size_t i = 0; i < j->sets.n; i++) {
		size_t k = i < n ? i : (size_t)(uniform() * (double)n);
		m->set[i] = (struct mc_supposition){ .from = k + 1, .until = n + 1 };
		m->deploy[k] += m->weight[i] = skewed();
		for (size_t kind = 0; kind < MC_GROWTH_KINDS; kind++)
			m->fit[kind][i] = (struct mc_growth_fit){ .slope = .02 * uniform(), .log_evidence = uniform() < .2 ? -(double)INFINITY : 40 * gauss() };
	}
	for (size_t i = 0; i < ONSETS; i++) {
		m->onset_of[i] = uniform() < .4 ? MC_NO_DEPLOY : (size_t)(uniform() * (double)n);
		m->onset[i].log_evidence = 20 * gauss();
		m->onset_weight[i] = skewed();
		*(m->onset_of[i] == MC_NO_DEPLOY ? &j->belief.free_onset : &m->deploy[m->onset_of[i]]) += m->onset_weight[i];
	}
	j->evidence.differ = 30 * gauss();
	j->belief.none = skewed();
	j->belief.all = skewed();
	j->belief.bounded = skewed();
	b[0] = &j->belief.none, b[1] = &j->belief.all, b[2] = &j->belief.bounded, b[3] = &j->belief.free_onset;
	for (size_t i = 0; i < PARTS; i++)
		total += *b[i];
	total += sum(m->deploy, n);
	for (size_t i = 0; i < PARTS; i++)
		*b[i] = total > 0 ? *b[i] / total : i == 0;
	for (size_t k = 0; k < DEPLOYS; k++)
		m->deploy[k] /= total > 0 ? total : 1;
	for (size_t i = 0; i < SETS; i++)
		m->weight[i] /= total > 0 ? total : 1;
	for (size_t i = 0; i < ONSETS; i++)
		m->onset_weight[i] /= total > 0 ? total : 1;
	double steps = j->steps.free = skewed();
	for (size_t k = 0; k < n; k++)
		steps += m->step[k] = uniform() < .5 ? skewed() : 0;
	double scale = uniform() / fmax(steps, 1e-3);
	j->steps.free *= scale;
	for (size_t k = 0; k < n; k++)
		m->step[k] *= scale;
	j->steps.none = fmax(0, 1 - j->steps.free - sum(m->step, n));
}

static void any_belief_stays_a_distribution(void **state)
{
	(void)state;
	size_t seen[5] = { 0 };
	seed = 7;
	for (size_t i = 0; i < CASES; i++) {
		struct mind m;
		random_mind(&m);
		seen[hear(&m)]++;
	}
	/* nothing to hear, rises, falls, both beside a flag */
	for (size_t i = 0; i < 5; i++)
		assert_true(seen[i] > 5);
}

/* Two that nothing tells from each other: neither gains on the other, whatever becomes of both. */
static void rivals_stay_rivals(void **state)
{
	(void)state;
	double of[] = { .5, .46 };
	for (int i = 0; i < 2; i++) {
		struct mind m;
		make_mind(&m, 2, of, level, i ? level : rises);
		m.w.j.belief.none = .04;
		assert_int_not_equal(hear(&m), 0);
		assert_true(m.w.j.witnessed.near == .46 && near(m.deploy[0] / m.deploy[1], .5 / .46));
		assert_true(!near(m.deploy[0], .5));
	}
	/* a part of it is a step's */
	struct mind m;
	of[1] = .3;
	make_mind(&m, 2, of, level, rises);
	m.w.j.belief.none = .2;
	m.step[1] = .8;
	m.w.j.steps.none = .2;
	assert_int_not_equal(hear(&m), 0);
	assert_true(near(m.deploy[0] / believed(&m.w.j, 1), .5 / .46));
}

/* Hardly anything was lived between two deploys: what speaks for growth speaks for both, however unlike they are. */
static void close_deploys_rise_and_fall_together(void **state)
{
	(void)state;
	double of[] = { .2, .7 };
	for (int i = 0; i < 4; i++) {
		struct mind m;
		make_mind(&m, 2, of, level, i % 2 ? level : rises);
		m.w.j.belief.none = .1;
		/* one life ran the first of the two, for three minutes or as long as the others */
		for (size_t l = LIVES / 2; l < LIVES; l++)
			m.w.life[l].release = l > LIVES / 2 ? 2 : 1;
		m.w.life[LIVES / 2].n = i < 2 ? 3 : ROWS;
		assert_true(witness_close(&m.w.j, 0, 1) == (i < 2) && witness_close(&m.w.j, 1, 0) == (i < 2) && !witness_close(&m.w.j, 1, 1));
		assert_int_not_equal(hear(&m), 0);
		assert_true(m.w.j.witnessed.close[0] == (i < 2) && near(m.w.j.witnessed.near, i < 2 ? .2 : 0));
		assert_true(m.w.j.witnessed.nearest == (i < 2 ? 0 : MC_NO_DEPLOY));
		assert_true(!near(m.deploy[1], .7) && near(m.deploy[0] / m.deploy[1], .2 / .7) == (i < 2));
	}
}

static void what_is_hardly_believed_stays(void **state)
{
	(void)state;
	struct mind m;
	double of = .04;
	make_mind(&m, 1, &of, level, rises);
	m.w.j.belief.all = .96;
	assert_int_equal(hear(&m), 0);
	make_mind(&m, 1, &of, level, rises);
	m.w.j.belief.none = .96;
	m.step[0] = .005;
	m.w.j.steps.none = .995;
	assert_int_equal(hear(&m), 0);
}

/* Where it leaves nothing to anything else, what it loses still is growth that levels off. */
static void all_that_is_believed(void **state)
{
	(void)state;
	struct mind m;
	double of = 1;
	make_mind(&m, 1, &of, level, level);
	m.step[0] = .7;
	m.w.j.steps.none = .3;
	assert_int_equal(hear(&m), 2);
	assert_true(m.deploy[0] < 1 && near(m.w.j.belief.bounded, 1 - m.deploy[0]) && m.step[0] == 0);
}

static void growth_of_no_deploy_stays(void **state)
{
	(void)state;
	struct mind m;
	double of = .35;
	for (int i = 0; i < 2; i++) {
		make_mind(&m, 1, &of, level, i ? level : rises);
		m.w.j.belief.all = .5;
		m.w.j.belief.none = .15;
		assert_true(hear(&m) > 2);
		assert_true(m.w.j.witnessed.flag == .5 && m.w.j.belief.all == .5 && near(m.w.j.witnessed.x[WITNESS_ODDS], log(.35 / .15)));
	}
}

/* One witness of a deploy of .9; `share` of that is growth's. */
static double says(struct world *w, double share, enum witness_of which)
{
	struct witnessed ret;
	double p[] = { 0, 0 }, rest = .1 + .9 * (1 - share);
	p[0] = .9 * (1 - share) / rest;
	w->deploy = w->weight = .9 * share;
	w->j.belief.none = rest;
	w->j.steps = (struct steps){ .p = p, .none = 1 - p[0] };
	witness(&w->h, &w->j, &ret);
	mc_panel_free(w->j.panel);
	assert_true(ret.deploy == 0 && near(ret.p, .9) && near(ret.step, .9 * (1 - share)) && near(ret.x[WITNESS_ODDS], log(9)));
	return ret.x[which];
}

static double with(double (*before)(double, size_t), double (*after)(double, size_t), double slope, double share, enum witness_of which)
{
	struct world w;
	make(&w, 0, before, after);
	w.fit[MC_GROWTH_TIME].slope = slope;
	return says(&w, share, which);
}

static void gains(void **state)
{
	(void)state;
	assert_true(near(with(level, rises, 1e-2, 1, WITNESS_GAINS), .5));
	assert_true(near(with(level, rises, 1e-2, .5, WITNESS_GAINS), .25));
	assert_true(near(with(rises, level, 1e-2, 1, WITNESS_GAINS), -.5));
	assert_true(near(with(level, some_rise, 1e-2, 1, WITNESS_GAINS), 0));
}

/* Means of the first and last rows are less apart than these: what is gained is a bit less than what is claimed, 2040 s of 2340. */
static void firm(void **state)
{
	(void)state;
	double seen = 2040. / 2340;
	assert_true(near(with(level, rises, 1e-2, 1, WITNESS_FIRM_ODDS), log(9) * seen));
	assert_true(near(with(level, rises, 2e-2, .5, WITNESS_FIRM_ODDS), log(9) * seen / 4));
	assert_true(near(with(level, rises, 1e-3, 1, WITNESS_FIRM_ODDS), log(9) * 2));
	assert_true(near(with(rises, level, 1e-2, 1, WITNESS_FIRM_ODDS), 0));
	/* each against the best of the older: no more than that is no more */
	assert_true(near(with(rises, rises, 1e-2, 1, WITNESS_FIRM_ODDS), 0));
}

static void small(void **state)
{
	(void)state;
	assert_true(near(with(rises, rises, 1e-3, 1, WITNESS_SMALL_ODDS), log(9) * log(20.4 / 2.34)));
	assert_true(near(with(rises, rises, 1e-3, .5, WITNESS_SMALL_ODDS), log(9) * log(20.4 / 2.34) / 2));
	assert_true(near(with(level, rises, 1e-3, 1, WITNESS_SMALL_ODDS), 0));
	assert_true(near(with(rises, rises, 2e-2, 1, WITNESS_SMALL_ODDS), 0));
}

static void tails(void **state)
{
	(void)state;
	assert_true(near(with(level, level, 1e-2, 1, WITNESS_NO_TAIL), .8));
	assert_true(near(with(level, level, 1e-2, .5, WITNESS_NO_TAIL), .4));
	assert_true(near(with(level, rises, 1e-2, 1, WITNESS_NO_TAIL), 0));
	assert_true(near(with(level, rises, 2e-2, 1, WITNESS_NO_TAIL), .3));
	assert_true(near(with(level, rises, 1e-2, 1, WITNESS_MORE_TAIL), 0));
	assert_true(near(with(level, rises, 8e-3, 1, WITNESS_MORE_TAIL), .15));
	assert_true(near(with(level, level, 1e-2, 1, WITNESS_MORE_TAIL), 0));
	/* what fills early has none in its last part */
	assert_true(with(level, fills, 1e-2, 1, WITNESS_NO_TAIL) > .7);
}

static void counts(void **state)
{
	(void)state;
	struct world w;
	assert_true(with(level, rises, 1e-2, 1, WITNESS_ONE_OLDER) == 0 && near(with(level, rises, 1e-2, 1, WITNESS_OLDER), log(4)));
	assert_true(near(with(level, rises, 1e-2, 1, WITNESS_LIVES), log(10)));
	for (int i = 0; i < 2; i++) {
		make(&w, 0, level, rises);
		for (size_t k = 1; k < LIVES / 2; k++)
			w.life[k].release = 1;
		assert_true(near(says(&w, .5, i ? WITNESS_OLDER : WITNESS_ONE_OLDER), i ? 0 : .5));
	}
	for (int i = 0; i < 3; i++) {
		make(&w, 0, level, rises);
		w.h.sawtooth = i ? 60 : 0;
		assert_true(near(says(&w, i == 1 ? .25 : .5, i == 2 ? WITNESS_STEP_ODDS : WITNESS_STEP_TEETH), i == 2 ? log(9) / 2 : .75 * i));
	}
}

/* Beyond as many lives as are compared more of them say no more. */
static void many_lives(void **state)
{
	(void)state;
	enum { MANY = 200 };
	struct mc_panel_life copy[MANY];
	for (int i = 0; i < 2; i++) {
		struct world w;
		make(&w, 0, level, rises);
		for (size_t k = 0; k < MANY; k++)
			copy[k] = w.life[k < 150 ? 0 : LIVES - 1];
		w.j.rows.life = copy;
		w.j.rows.nlives = MANY;
		assert_true(near(says(&w, 1, i ? WITNESS_OLDER : WITNESS_LIVES), log(TREND_MOST_COMPARED)));
	}
}

/* Log evidences against each other. */
static void evidence(void **state)
{
	(void)state;
	struct world w;
	double weight = 0, at[] = { -50, -(double)INFINITY, 3, 7, 12 }, promised[] = { -20, -20, -9, -5, 0 };
	size_t of = 0;
	for (int i = 0; i < 5; i++) {
		struct mc_growth_fit onset = { .log_evidence = at[i] };
		make(&w, 0, level, rises);
		w.fit[MC_GROWTH_REQUESTS].log_evidence = 12;
		w.j.evidence.onset = &onset;
		w.j.evidence.nonsets = 1;
		w.j.belief.onset_weight = &weight;
		w.j.belief.onset_of = &of;
		assert_true(near(says(&w, 1, WITNESS_ONSET), promised[i]));
	}
	assert_true(near(with(level, rises, 1e-2, .5, WITNESS_ONSET), -10));
	for (int i = 0; i < 4; i++) {
		const double faster[] = { 14, 30, -(double)INFINITY, 8 }, is[] = { 4, 10, -5, -2 };
		make(&w, 0, level, rises);
		w.fit[MC_GROWTH_FASTER] = (struct mc_growth_fit){ .slope = 1e-2, .log_evidence = faster[i] };
		assert_true(near(says(&w, .5, WITNESS_FASTER), is[i] / 2));
	}
}

/* Warm-ups that differ speak of growth, not of steps; the root has the sign of the evidence. */
static void warm_ups(void **state)
{
	(void)state;
	const double differ[] = { 9, -4, 1e5, -1e5, (double)NAN }, is[] = { 3, -2, 8, -8, 0 };
	struct world w;
	for (int i = 0; i < 5; i++) {
		make(&w, 0, level, rises);
		w.j.evidence.differ = differ[i];
		assert_true(near(says(&w, .5, WITNESS_DIFFER), is[i] / 2));
	}
	/* no curve was looked for: least */
	assert_true(near(with(level, rises, 1e-2, 1, WITNESS_CURVE), log(.1)) && near(with(level, rises, 1e-2, .5, WITNESS_CURVE), log(.1) / 2));
}

/* The older lives are first seen at that age; the newer are 2340 s long, and these 2340 s longer than that age. */
static void youth(void **state)
{
	(void)state;
	const double first[] = { 0, 230, 240, 3000 }, is[] = { 0, 0, .5, .5 };
	struct world w;
	for (int i = 0; i < 4; i++) {
		make(&w, first[i], level, rises);
		assert_true(near(says(&w, .5, WITNESS_UNSEEN), is[i]));
	}
}

static void of_rivals(void **state)
{
	(void)state;
	struct mind m;
	struct witnessed w;
	/* far, near, half near: it counts as far as it does not move with the deploy */
	const double other[] = { .2, .44, .3 }, near_part[] = { 0, 1, .4 };
	for (int i = 0; i < 3; i++) {
		double of[] = { .5, other[i] };
		make_mind(&m, 2, of, level, rises);
		m.w.j.belief.none = .5 - other[i];
		witness(&m.w.h, &m.w.j, &w);
		mc_panel_free(m.w.j.panel);
		assert_true(near(w.x[WITNESS_P], .5 + near_part[i] * other[i]));
		assert_true(near(w.x[WITNESS_RIVAL], log(fmax(1e-3, (1 - near_part[i]) * other[i]))));
	}
	assert_true(near(with(level, rises, 1e-2, 1, WITNESS_P), .9) && near(with(level, rises, 1e-2, 1, WITNESS_RIVAL), log(1e-3)));
}

static const char *reasons(const struct witnessed *w, struct mc_buf *b)
{
	mc_buf_release(b);
	witness_reasons(w, b);
	return mc_buf_text(b);
}

/* Where a witness says neither: what it says goes evenly with it. */
static double usual(enum witness_of which)
{
	double x[WITNESSES] = { 0 }, at_0 = witness_says(x, which);
	x[which] = 1;
	double slope = witness_says(x, which) - at_0;
	return slope != 0 ? -at_0 / slope : 0;
}

/* Only what moved it the way that it went is told, two at most, the weightiest first; of a step nothing that is about growth. */
static void in_words(void **state)
{
	(void)state;
	struct mc_buf b = { 0 };
	struct witnessed w = { .p = .5, .now = .7 };
	for (int i = 0; i < WITNESSES; i++)
		w.x[i] = usual((enum witness_of)i);
	assert_string_equal(reasons(&w, &b), "");
	w.x[WITNESS_GAINS] += 1;
	w.x[WITNESS_NO_TAIL] += 1;
	w.x[WITNESS_TEETH] += 1;
	assert_string_equal(reasons(&w, &b), "newer lives gain more than older ones at equal age");
	w.now = .2;
	assert_string_equal(reasons(&w, &b), "in their last two fifths the lives rise by less than is claimed; a collector's saw-tooth hides how steady it is");
	w.x[WITNESS_MORE_TAIL] += 9;
	reasons(&w, &b);
	assert_true(strstr(mc_buf_text(&b), "by more than is claimed") < strstr(mc_buf_text(&b), "by less than is claimed"));
	assert_null(strstr(mc_buf_text(&b), "saw-tooth"));
	w.step = .5;
	assert_string_equal(reasons(&w, &b), "a collector's saw-tooth hides how steady it is");
	mc_buf_release(&b);
}

/* Growth that gets faster brings little at first: of a life of 2340 s with its mean slope a quarter by the half of that, all by its end. */
static void what_is_claimed(void **state)
{
	(void)state;
	struct world w;
	make(&w, 0, level, rises);
	mc_panel_free(w.j.panel);
	const struct mc_panel_life *l = &w.life[5];
	assert_true(near(trend_expected(&w.h, &w.j.evidence, 0, l, l->start, l->start + 1170), 11.7));
	w.fit[MC_GROWTH_FASTER] = (struct mc_growth_fit){ .slope = 1e-2, .log_evidence = 20 };
	assert_true(near(trend_expected(&w.h, &w.j.evidence, 0, l, l->start, l->start + 2340), 11.7));
	assert_true(near(trend_expected(&w.h, &w.j.evidence, 0, l, l->start, l->start + 1170), 11.7 / 4));
	assert_true(near(trend_expected(&w.h, &w.j.evidence, 0, l, l->start + 1170, l->start + 2340), 11.7 * 3 / 4));
}

/* Bytes or kilobytes, the witnesses say the same. */
static void any_unit(void **state)
{
	(void)state;
	double (*const shape[])(double, size_t) = { rough, stands, fills, some_rise };
	struct world w;
	for (size_t i = 0; i < 4; i++)
		for (int which = 0; which < WITNESSES; which++) {
			make(&w, 0, stands, shape[i]);
			double one = says(&w, .7, (enum witness_of)which);
			make_in(1000, &w, 0, stands, shape[i]);
			assert_true(fabs(says(&w, .7, (enum witness_of)which) - one) < 1e-6);
		}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(any_belief_stays_a_distribution),
		cmocka_unit_test(rivals_stay_rivals),
		cmocka_unit_test(close_deploys_rise_and_fall_together),
		cmocka_unit_test(what_is_hardly_believed_stays),
		cmocka_unit_test(all_that_is_believed),
		cmocka_unit_test(growth_of_no_deploy_stays),
		cmocka_unit_test(gains),
		cmocka_unit_test(firm),
		cmocka_unit_test(small),
		cmocka_unit_test(tails),
		cmocka_unit_test(counts),
		cmocka_unit_test(many_lives),
		cmocka_unit_test(evidence),
		cmocka_unit_test(warm_ups),
		cmocka_unit_test(youth),
		cmocka_unit_test(of_rivals),
		cmocka_unit_test(in_words),
		cmocka_unit_test(what_is_claimed),
		cmocka_unit_test(any_unit),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
