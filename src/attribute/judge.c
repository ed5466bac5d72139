#include "judge.h"

#include <math.h>
#include <stdlib.h>

static const double MIB = 1048576;

/* One role by itself. */
struct part {
	struct history_rows rows;
	struct mc_panel *panel;
	struct mc_growth_evidence evidence;
	double most; /* log evidence of its likeliest supposition over none */
};

static void part_release(struct part *p)
{
	mc_panel_free(p->panel);
	history_rows_release(&p->rows);
	mc_growth_evidence_release(&p->evidence);
}

/* Makes every log evidence one against none. */
static void against_none(struct part *p)
{
	struct mc_growth_evidence *e = &p->evidence;
	for (size_t k = 0; k < MC_GROWTH_KINDS; k++) {
		for (size_t i = 0; i < e->n; i++) {
			e->set[k][i].log_evidence -= e->none;
			p->most = fmax(p->most, e->set[k][i].log_evidence);
		}
		e->all[k].log_evidence -= e->none;
		p->most = fmax(p->most, e->all[k].log_evidence);
	}
	for (size_t i = 0; i < e->nonsets; i++) {
		e->onset[i].log_evidence -= e->none;
		e->late[i].log_evidence -= e->none;
		p->most = fmax(p->most, fmax(e->onset[i].log_evidence, e->late[i].log_evidence));
	}
	e->since_ever -= e->none;
	e->none = 0;
}

/* A supposition holds for the program where it holds for some of its roles; beforehand each grows or does not, evenly likely.
 * `v` are the log evidences of n roles. */
static double some_grow(const double *v, size_t n)
{
	double all = 0, none = -(double)n * log(2);
	for (size_t i = 0; i < n; i++)
		all += (v[i] > 0 ? v[i] + log1p(exp(-v[i])) : log1p(exp(v[i]))) - log(2);
	return all > none ? all + log1p(-exp(none - all)) - log1p(-exp(none)) : -(double)INFINITY;
}

/* Joins one fit of every role; `at` gets it of a role's evidence. The slope stays the leader's. */
static void join(struct part *part, size_t n, size_t lead, struct mc_growth_fit *(*at)(struct mc_growth_evidence *, size_t), size_t i)
{
	double v[HISTORY_MOST_ROLES];
	size_t k = 0;
	for (size_t r = 0; r < n; r++)
		if (part[r].panel)
			v[k++] = at(&part[r].evidence, i)->log_evidence;
	at(&part[lead].evidence, i)->log_evidence = some_grow(v, k);
}

static struct mc_growth_fit *time_set(struct mc_growth_evidence *e, size_t i) { return &e->set[MC_GROWTH_TIME][i]; }
static struct mc_growth_fit *request_set(struct mc_growth_evidence *e, size_t i) { return &e->set[MC_GROWTH_REQUESTS][i]; }
static struct mc_growth_fit *faster_set(struct mc_growth_evidence *e, size_t i) { return &e->set[MC_GROWTH_FASTER][i]; }
static struct mc_growth_fit *bounded_set(struct mc_growth_evidence *e, size_t i) { return &e->set[MC_GROWTH_BOUNDED][i]; }
static struct mc_growth_fit *all_of(struct mc_growth_evidence *e, size_t i) { return &e->all[i]; }
static struct mc_growth_fit *onset_of(struct mc_growth_evidence *e, size_t i) { return &e->onset[i]; }
static struct mc_growth_fit *late_of(struct mc_growth_evidence *e, size_t i) { return &e->late[i]; }

static void join_roles(struct part *part, size_t n, size_t lead)
{
	struct mc_growth_evidence *e = &part[lead].evidence;
	double ever[HISTORY_MOST_ROLES];
	size_t k = 0;
	for (size_t r = 0; r < n; r++)
		if (part[r].panel)
			ever[k++] = part[r].evidence.since_ever;
	if (k < 2)
		return;
	e->since_ever = some_grow(ever, k);
	for (size_t i = 0; i < e->n; i++) {
		join(part, n, lead, time_set, i);
		join(part, n, lead, request_set, i);
		join(part, n, lead, faster_set, i);
		join(part, n, lead, bounded_set, i);
	}
	for (size_t i = 0; i < MC_GROWTH_KINDS; i++)
		join(part, n, lead, all_of, i);
	for (size_t i = 0; i < e->nonsets; i++) {
		join(part, n, lead, onset_of, i);
		join(part, n, lead, late_of, i);
	}
}

/* The panels of all roles. Where lives begin to rise steeply is an onset to be looked at, in every role. */
static int prepare_roles(struct history *h, struct judgement *j, size_t nroles, struct part *part, struct mc_error *err)
{
	enum { MOST = 8 };
	double t[MOST * HISTORY_MOST_ROLES];
	size_t n = 0, more;
	int rc = 0;
	for (size_t r = 0; rc == 0 && r < nroles; r++, n += more) {
		more = 0;
		rc = history_panel(h, j->lives, j->nlives, r, j->unit, &part[r].rows, &part[r].panel, err);
		if (rc == 0 && part[r].panel)
			rc = mc_panel_hinges(part[r].panel, t + n, MOST, &more, err);
	}
	for (size_t r = 0; rc == 0 && r < nroles; r++) {
		if (part[r].panel)
			rc = mc_panel_add_onsets(part[r].panel, t, n, err);
		if (rc == 0 && part[r].panel)
			rc = history_rows_add_onsets(&part[r].rows, t, n, err);
	}
	return rc;
}

static int judge_role(const struct judgement *j, struct part *p, struct mc_error *err)
{
	if (!p->panel)
		return 0;
	int rc = mc_panel_evidence(p->panel, j->sets.s, j->sets.n, &p->evidence, err);
	if (rc == 0)
		against_none(p);
	return rc;
}

/* Judges the roles one by one; the one that says most leads, the others join. */
static int judge_roles(struct history *h, struct judgement *j, size_t nroles, struct mc_error *err)
{
	struct part part[HISTORY_MOST_ROLES] = { { .most = 0 } };
	size_t lead = 0;
	int rc = prepare_roles(h, j, nroles, part, err);
	for (size_t r = 0; rc == 0 && r < nroles; r++) {
		rc = judge_role(j, &part[r], err);
		if (part[r].panel && (!part[lead].panel || part[r].most > part[lead].most))
			lead = r;
	}
	if (rc == 0) {
		join_roles(part, nroles, lead);
		j->role = lead;
		j->rows = part[lead].rows;
		j->panel = part[lead].panel;
		j->evidence = part[lead].evidence;
		part[lead] = (struct part){ 0 };
		/* what lives do by themselves, from here on: a peak of the load at the end of one is no rise */
		for (size_t i = 0; j->panel && i < j->rows.nlives; i++)
			mc_panel_less_load(j->panel, i, j->rows.block + (j->rows.life[i].y - j->rows.block));
	}
	for (size_t r = 0; r < nroles; r++)
		part_release(&part[r]);
	return rc;
}

int judge(struct history *h, enum history_signal signal, struct judgement *ret, struct mc_error *err)
{
	struct judgement j = { .signal = signal, .unit = signal == HISTORY_PROCESSES ? 1 : MIB, .lives = h->life, .nlives = h->nlives };
	int rc = 0;
	if (signal != HISTORY_ANON) {
		rc = history_whole(h, signal, &j.own, &j.nlives, err);
		j.lives = j.own;
	}
	if (rc == 0)
		rc = suppositions_new(h, &j.sets, err);
	if (rc == 0)
		rc = judge_roles(h, &j, signal == HISTORY_ANON ? h->nroles : 1, err);
	if (rc == 0 && j.panel)
		rc = belief_new(h, &j.sets, &j.evidence, &j.rows, &j.belief, err);
	if (rc == 0 && j.panel)
		rc = guards(h, &j, err);
	if (rc == 0 && j.panel)
		rc = judge_steps(h, &j, err);
	j.witnessed.deploy = MC_NO_DEPLOY;
	if (rc == 0 && j.panel && signal == HISTORY_ANON)
		witness_hear(h, &j);
	if (rc < 0) {
		judgement_release(&j);
		return rc;
	}
	j.grows = j.panel ? judged_no_deploy(&j) : 0;
	for (size_t k = 0; j.panel && k < h->ndeploys; k++)
		j.grows += j.belief.deploy[k];
	*ret = j;
	return 0;
}

void judgement_release(struct judgement *j)
{
	mc_panel_free(j->panel);
	history_rows_release(&j->rows);
	suppositions_release(&j->sets);
	mc_growth_evidence_release(&j->evidence);
	belief_release(&j->belief);
	free(j->own);
	steps_release(&j->steps);
	*j = (struct judgement){ 0 };
}

int release_trend(const struct judgement *j, size_t release, double *ret, double *sd, struct mc_error *err)
{
	size_t n = j->rows.nlives, k = 0;
	struct mc_noise noise;
	double error = 0;
	double *v = mc_reallocarray(NULL, 2 * n + 1, sizeof *v);
	int rc = v ? 0 : mc_nomem(err, "the trends");
	mc_panel_noise(j->panel, &noise);
	for (size_t i = 0; rc == 0 && i < n; i++) {
		const struct mc_panel_life *l = &j->rows.life[i];
		size_t from = 2 * l->n / 5;
		if (l->release != release || l->n - from < 4)
			continue;
		rc = mc_sen_slope(l->t + from, l->y + from, l->n - from, &v[k], err);
		double span = l->t[l->n - 1] - l->t[from], independent = fmax(span / (2 * noise.tau_fast), 2);
		/* the slope's error under noise of this memory: sd * sqrt(12 / n) / span */
		error += noise.var * 12 / fmin(independent, (double)(l->n - from)) / (span * span);
		k += isfinite(v[k]);
	}
	if (rc == 0 && k > 0) {
		double between = 0, m = mc_median(v, k);
		if (k > 2)
			between = mc_mad(v, k, m, v + n);
		*ret = m * j->unit;
		*sd = fmax(sqrt(error) / (double)k, between / sqrt((double)k)) * j->unit;
	}
	free(v);
	return rc < 0 ? rc : k == 0;
}

size_t best_set(const struct judgement *j, size_t k)
{
	size_t best = MC_NO_DEPLOY;
	for (size_t i = 0; i < j->sets.n; i++)
		if (supposed_deploy(&j->sets.s[i]) == k && (best == MC_NO_DEPLOY || j->belief.weight[i] > j->belief.weight[best]))
			best = i;
	return best;
}

size_t best_onset(const struct judgement *j, size_t k)
{
	size_t best = MC_NO_DEPLOY;
	for (size_t i = 0; i < j->evidence.nonsets; i++)
		if (j->belief.onset_of[i] == k && (best == MC_NO_DEPLOY || j->belief.onset_weight[i] > j->belief.onset_weight[best]))
			best = i;
	return best;
}
