/* Growth since an onset, or since an age: what each says. */
#include "work.h"

#include <math.h>
#include <string.h>

/* Lives scatter about such growth by none, or by this part of it. */
static const double ONSET_SPREAD = .4;
/* Nats by which growth goes with requests rather than with time, before its onset is sought by them too. */
static const double MUCH_BETTER = 10;

/* What each life about onset k, from o->x[at] on, may depart by is taken out once, however it scatters about the growth. */
static void loosen_onset(const struct work *w, const struct spread *s, const struct onset_grams *o, size_t k, size_t at)
{
	size_t ww = o->w;
	struct spread own = *s;
	for (size_t i = 0; at + i < o->n && o->onset[at + i] == k; i++) {
		const struct spread *life = evidence_life_spread(w->p, s, &w->p->life[o->life[at + i]], &own);
		o->loose_logs[i] = evidence_eliminate_of(w->p->ne, ww, o->x + (at + i) * ww * ww, life, o->loose + i * ww * ww);
	}
}

/* Sum of the lives of one release about onset k, from the i-th of those at o->onset[at] on, scattered about the growth; *i moves past them. */
static double sum_of_onset(const struct work *w, const struct onset_grams *o, double scatter, size_t k, size_t release, size_t at, size_t *i, double *sum)
{
	size_t ww = o->w;
	double g[PANEL_MOST_COLUMNS * PANEL_MOST_COLUMNS], logs = 0;
	memset(sum, 0, ww * ww * sizeof *sum);
	for (; at + *i < o->n && o->onset[at + *i] == k && w->p->life[o->life[at + *i]].release == release; ++*i) {
		memcpy(g, o->loose + *i * ww * ww, ww * ww * sizeof *g);
		logs += o->loose_logs[*i];
		if (scatter > 0)
			logs += panel_drop(g, ww, ww - 1, 1 / (scatter * scatter));
		for (size_t c = 0; c < ww * ww; c++)
			sum[c] += g[c];
	}
	return logs;
}

/* What releases [from, until) say when lives scatter about the growth (class i) or not (NULL). */
static double add_releases(const struct work *w, const size_t *class, size_t from, size_t until, size_t col, struct against *g)
{
	size_t q = w->q, qq = q * q, kind = w->onset_kind;
	bool grown = col && w->warm_sd > 0;
	const double *pre = class ? w->elim[kind][*class] : grown ? w->grown : w->pre_base;
	const double *logs = class ? w->elim_logs[kind][*class] : grown ? w->grown_logs : w->pre_base_logs;
	against_add(g, pre + until * qq, q, 1);
	against_add(g, pre + from * qq, q, -1);
	if (col) {
		against_add_column(g, pre + until * qq, q, col, 1);
		against_add_column(g, pre + from * qq, q, col, -1);
	}
	return logs[until] - logs[from];
}

/* Growth from onset k on: the kinked lives, as loosen_onset() left them, and all of later releases, scattered about it by this much. */
static int one_onset(struct work *w, struct spread *s, const struct onset_grams *o, double scatter, size_t k, size_t at, struct mc_growth_fit *f,
	struct mc_error *err)
{
	const struct mc_panel *p = w->p;
	size_t ww = o->w, first = o->release[k], end = o->late ? w->nr : first + 1, h = work_growth_column(p, (enum mc_growth)w->onset_kind), i = 0;
	size_t class = evidence_scatter_class(w, w->onset_kind, scatter);
	double sum[PANEL_MOST_COLUMNS * PANEL_MOST_COLUMNS], m[PANEL_MOST_COLUMNS * PANEL_MOST_COLUMNS], logs = 0;
	struct against g;
	int rc = scatter > 0 ? evidence_scatter_prefix(w, s, w->onset_kind, class, err) : 0;
	if (rc < 0)
		return rc;
	against_nothing(&g, w->nc + 1);
	for (size_t r = first; r < end; r++) {
		logs += sum_of_onset(w, o, scatter > 0 ? w->scatter_sd[w->onset_kind][class] : 0, k, r, at, &i, sum);
		logs += work_eliminate(w, s, r, true, sum, ww, m);
		against_add(&g, m, ww, 1);
		against_add_column(&g, m, ww, ww - 1, 1);
	}
	logs += add_releases(w, NULL, 0, first, 0, &g);
	logs += add_releases(w, scatter > 0 ? &class : NULL, end, w->nr, h, &g);
	against_weigh(w, &g, logs, f);
	/* of the spreads that releases' growth is weighed with, none is one, and this one stands for two */
	f->log_evidence += scatter > 0 ? log(2) : 0;
	return 0;
}

int onsets_weigh(struct work *w, struct spread *s, const struct onset_grams *o, struct mc_growth_fit *sum, double *best, struct mc_error *err)
{
	int rc = 0;
	for (size_t k = 0, at = 0; rc == 0 && k < w->p->nonsets; k++) {
		struct mc_growth_fit f, g;
		if (!o->used[k])
			continue;
		loosen_onset(w, s, o, k, at);
		rc = one_onset(w, s, o, 0, k, at, &f, err);
		if (rc < 0)
			return rc;
		evidence_gather(&sum[k], &best[k], &f);
		g = f;
		if (f.slope > 0)
			rc = one_onset(w, s, o, ONSET_SPREAD * f.slope, k, at, &g, err);
		evidence_gather(&sum[k], &best[k], &g);
		while (at < o->n && o->onset[at] == k)
			at++;
	}
	return rc;
}

int onsets_begin(struct work *w, const struct mc_growth_evidence *e, struct mc_error *err)
{
	double most[2] = { e->all[MC_GROWTH_TIME].log_evidence, e->all[MC_GROWTH_REQUESTS].log_evidence };
	if (w->onsets.x)
		return 0;
	for (size_t k = 0; k < 2; k++)
		for (size_t i = 0; i < e->n; i++)
			most[k] = fmax(most[k], e->set[k ? MC_GROWTH_REQUESTS : MC_GROWTH_TIME][i].log_evidence);
	w->onset_kind = w->p->has_requests && most[1] > most[0] + MUCH_BETTER ? MC_GROWTH_REQUESTS : MC_GROWTH_TIME;
	return onset_grams_new(w->p, work_growth_column(w->p, (enum mc_growth)w->onset_kind), w->curve[0], w->share, &w->onsets, err);
}
