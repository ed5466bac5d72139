/* The log evidence of every supposition about growth, as marginal likelihoods of one linear mixed model:
 *
 *   y = level(life) + common curve of age + load            (wide Gaussians, common to all lives)
 *     + a release's departure from both, and in slope       (spread summed over a small grid)
 *     + a life's larger or smaller share of the load
 *     + growth on some releases, lives scattered about it   (flat in the log of its size)
 *     + noise (noise.c)
 *
 * A supposition is judged with the spread that the other releases support, so growth of one release does not hide in
 * the spread that it makes itself. Everything is done on Gram matrices of whitened lives. Linear mixed models: Laird and Ware
 * 1982; marginal likelihood over hyperparameters in place of a plug-in: MacKay, Bayesian Interpolation, 1992. */
#include "work.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Grids of spreads. Departures of a release's curve: of its terms by themselves, relative to their size, and of the logarithms of its size and time
 * scale as a whole; how much of SLOPE_SPREAD its slope departs by besides: releases that warm up all alike are alike in slope too, and what lives wander
 * by each for itself is no release's. Slopes of lives, in noise deviations at their end, and of releases; growth between lives, relative to the growth;
 * lives about a growth that all share, relative to it, going with SLOPE_SPREAD. */
static const struct {
	double terms, whole, slope;
} CURVE_SPREAD[] = { { .4, 0, 1 }, { .1, 0, 1 }, { .2, .2, 1 }, { .02, 0, .25 } };
enum { DIFFER = 1, ALIKE = 3 }; /* of these, see mc_growth_evidence.differ */
static const double SLOPE_SPREAD[] = { 1e-3, .4, 2 }, LIFE_SPREAD[] = { .12, .3, .6, 1.2 },
	SHARED_SPREAD[] = { .06, .2, .5 };
/* Releases of a program mostly have the same slope: nothing. */
static const double SLOPE_WEIGHT[] = { .75, .2, .05 };
/* What it costs beforehand that all lives grow besides, in nats. */
static const double BESIDES = 3;
/* Nats by which growth of a release may say more than an onset that is held against the same age in later lives. */
static const double LATE_LEAST = 3;
/* A point of the grid where nothing comes within this of what was reached elsewhere adds nothing. */
static const double HOPELESS = 25;
/* As many independent lives as tell a growth that holds 0 from that of one worker. */
static const double MANY_LIVES = 50;
enum { NCURVE = 4, NSLOPE = 3, NLIFE = 4, REFINED = 100 };

void evidence_gather(struct mc_growth_fit *sum, double *best, const struct mc_growth_fit *f)
{
	if (f->log_evidence > *best) {
		*best = f->log_evidence;
		sum->slope = f->slope;
		sum->slope_sd = f->slope_sd;
		sum->z = f->z;
	}
	sum->log_evidence = mc_log_add(sum->log_evidence, f->log_evidence);
}

/* g := the total with the releases [from, until) exchanged for those of which elim are the prefix sums, growing along column h. */
static void exchange(const struct work *w, const double *elim, size_t h, size_t from, size_t until, struct against *g)
{
	size_t q = w->q, qq = q * q;
	against_add(g, elim + until * qq, q, 1);
	against_add(g, elim + from * qq, q, -1);
	against_add(g, w->pre_base + until * qq, q, -1);
	against_add(g, w->pre_base + from * qq, q, 1);
	against_add_column(g, elim + until * qq, q, h, 1);
	against_add_column(g, elim + from * qq, q, h, -1);
}

/* Growth along column `col` of x against the common columns of m; both have stride ld. */
static void against_common(const struct work *w, const double *m, const double *x, size_t ld, size_t col, double logs,
	struct mc_growth_fit *f)
{
	struct against g;
	against_nothing(&g, w->nc + 1);
	against_add(&g, m, ld, 1);
	against_add_column(&g, x, ld, col, 1);
	against_weigh(w, &g, logs, f);
}

size_t evidence_scatter_class(const struct work *w, size_t kind, double sd)
{
	double x = 2 * log2(fmax(sd, 1e-300) / w->scatter_sd[kind][0]);
	return x <= 0 ? 0 : x >= NSCATTER - 1 ? NSCATTER - 1 : (size_t)(x + .5);
}

int evidence_scatter_prefix(struct work *w, struct spread *s, size_t kind, size_t i, struct mc_error *err)
{
	size_t qq = w->q * w->q;
	if (w->have[kind][i])
		return 0;
	int rc = work_scattered(w, kind, i, err);
	if (rc < 0)
		return rc;
	double *e = w->elim[kind][i], *logs = w->elim_logs[kind][i];
	for (size_t r = 0; r < w->nr; r++) {
		double *to = e + (r + 1) * qq;
		logs[r + 1] = logs[r] + w->scatter_logs[kind][i][r] +
			work_eliminate(w, s, r, true, w->scatter[kind][i] + r * qq, w->q, to);
		for (size_t k = 0; k < qq; k++)
			to[k] += e[r * qq + k];
	}
	w->have[kind][i] = true;
	return 0;
}

/* The set grows along column h: elim, logs are prefix sums over releases that do. */
static void growing(const struct work *w, const double *elim, const double *logs, size_t h, const struct mc_supposition *set, struct mc_growth_fit *f)
{
	struct against g;
	against_nothing(&g, w->nc + 1);
	against_add(&g, w->total, w->q, 1);
	exchange(w, elim, h, set->from, set->until, &g);
	if (set->again_until > set->again)
		exchange(w, elim, h, set->again, set->again_until, &g);
	against_weigh(w, &g, w->pre_base_logs[w->nr] + sets_over(logs, set) - sets_over(w->pre_base_logs, set), f);
}

/* The same with lives scattered about the growth. */
static int with_scatter(struct work *w, struct spread *s, size_t kind, const struct mc_supposition *set, double sd,
	struct mc_growth_fit *f, struct mc_error *err)
{
	size_t i = evidence_scatter_class(w, kind, sd);
	int rc = evidence_scatter_prefix(w, s, kind, i, err);
	if (rc < 0)
		return rc;
	growing(w, w->elim[kind][i], w->elim_logs[kind][i], work_growth_column(w->p, (enum mc_growth)kind), set, f);
	return 0;
}

static int growth_sets(struct work *w, struct spread *s, size_t kind, struct mc_growth_evidence *e, struct mc_error *err)
{
	double cut;
	struct mc_growth_fit f, g;
	if (kind == MC_GROWTH_REQUESTS && !w->p->has_requests)
		return 0;
	sets_prefix(w, work_growth_column(w->p, (enum mc_growth)kind));
	for (size_t k = 0; k < w->nlook; k++) {
		sets_plain(w, &w->sets[w->look[k]], &f);
		w->first[kind][k] = f.log_evidence;
	}
	int rc = sets_cut(w->first[kind], w->nlook, REFINED, &cut, err);
	struct mc_supposition all = { 0, w->nr, 0, 0 };
	for (size_t n = 0; rc == 0 && n <= w->nlook; n++) {
		bool last = n == w->nlook;
		size_t i = last ? w->nsets : w->look[n];
		const struct mc_supposition *set = last ? &all : &w->sets[i];
		struct mc_growth_fit *sum = last ? &e->all[kind] : &e->set[kind][i];
		double *best = last ? &w->best_all[kind] : &w->best[kind][i];
		sets_plain(w, set, &f);
		bool near = last || f.log_evidence >= cut;
		if (near && s->warm > 0)
			growing(w, w->grown, w->grown_logs, work_growth_column(w->p, (enum mc_growth)kind), set, &f);
		evidence_gather(sum, best, &f);
		for (size_t k = 0; rc == 0 && k < NLIFE; k++) {
			double size = sets_over(w->own[kind], set) / fmax(sets_over(w->count, set), 1);
			size = f.slope > .25 * size ? f.slope : size;
			g = f;
			if (size > 0 && near)
				rc = with_scatter(w, s, kind, set, LIFE_SPREAD[k] * size, &g, err);
			evidence_gather(sum, best, &g);
		}
	}
	return rc;
}

/* Growth that levels off: within a life, or with the logarithm of age (a set); over lives and longer (all). Not of what was there at first: those lives stand
 * higher by what they did before anyone looked, and a curve of their age would take that for its own. */
static void bounded_sets(struct work *w, const struct spread *s, struct mc_growth_evidence *e)
{
	const struct mc_panel *p = w->p;
	size_t usable = sets_bounded_terms(p);
	struct mc_growth_fit f;
	for (size_t k = 0; k <= usable; k++) {
		sets_prefix(w, sets_bounded_column(p, k));
		for (size_t n = 0; n < w->nlook; n++) {
			size_t i = w->look[n];
			if (w->sets[i].from == 0)
				continue;
			sets_plain(w, &w->sets[i], &f);
			f.log_evidence += log(NLIFE + 1) - log((double)usable + 1); /* as many terms as the others have */
			evidence_gather(&e->set[MC_GROWTH_BOUNDED][i], &w->best[MC_GROWTH_BOUNDED][i], &f);
		}
	}
	/* all of them grow: warm-ups as they are beside growth, or they have taken it in already */
	const double *total = s->warm > 0 ? w->grown + w->nr * w->q * w->q : w->total;
	double logs = s->warm > 0 ? w->grown_logs[w->nr] : w->pre_base_logs[w->nr];
	for (size_t k = 0; k < PANEL_LONG; k++) {
		against_common(w, total, total, w->q, p->is + k, logs, &f);
		f.log_evidence += log(NLIFE + 1) - log(PANEL_LONG);
		evidence_gather(&e->all[MC_GROWTH_BOUNDED], &w->best_all[MC_GROWTH_BOUNDED], &f);
	}
}

static void each_release(struct work *w, struct mc_growth_evidence *e)
{
	sets_prefix(w, w->p->it);
	for (size_t r = 0; r < w->nr; r++) {
		double info = w->pre_info[r + 1] - w->pre_info[r];
		for (size_t a = 0; a < w->nc; a++) {
			double u = w->pre_u[(r + 1) * w->nc + a] - w->pre_u[r * w->nc + a];
			info -= u * u;
		}
		e->release_slope[r] = info > 0 ? (w->pre_num[r + 1] - w->pre_num[r]) / info : (double)NAN;
		e->release_sd[r] = info > 0 ? sqrt(fmax(w->yy / w->n, 1e-12) / info) : (double)NAN;
	}
}

/* The work at one point of the grid of spreads. */
static void begin_point(struct work *w, size_t a, size_t b, struct spread *s)
{
	*s = (struct spread){ .sd = { 1 } };
	work_set_spread(w, CURVE_SPREAD[a].terms, CURVE_SPREAD[a].whole, s);
	s->life = SLOPE_SPREAD[b];
	s->slope = CURVE_SPREAD[a].slope * s->life;
	w->log_weight = log(SLOPE_WEIGHT[b]) + w->log_prior;
	s->own = SHARED_SPREAD[b] * w->common_slope;
	work_begin_spread(w, s);
}

/* The most that growth with time, of lives that do not scatter, or no growth has for it at this point of the grid. */
static double reaches(struct work *w, const struct spread *s, double none)
{
	struct mc_growth_fit f;
	sets_prefix(w, w->p->it);
	size_t best = 0;
	double most = -(double)INFINITY;
	for (size_t n = 0; n < w->nlook; n++) {
		sets_plain(w, &w->sets[w->look[n]], &f);
		if (f.log_evidence > most)
			most = f.log_evidence, best = w->look[n];
	}
	if (w->nsets && s->warm > 0) {
		growing(w, w->grown, w->grown_logs, w->p->it, &w->sets[best], &f);
		most = fmax(most, f.log_evidence);
	}
	return fmax(none, most);
}

/* What is weighed of very many suppositions: they are glanced at where releases differ much, and where they hardly do. */
static int choose(struct work *w, struct mc_error *err)
{
	struct spread s;
	if (!sets_are_many(w))
		return 0;
	sets_glance_begin(w);
	begin_point(w, 0, 0, &s);
	sets_glance(w);
	begin_point(w, ALIKE, 0, &s);
	sets_glance(w);
	return sets_choose(w, err);
}

static int over_grid(struct work *w, struct mc_growth_evidence *e, struct mc_error *err)
{
	double most = -(double)INFINITY, of_curve[NCURVE];
	int rc = choose(w, err);
	for (size_t a = 0; a < NCURVE; a++) {
		of_curve[a] = -(double)INFINITY;
		for (size_t b = 0; rc == 0 && b < NSLOPE; b++) {
			struct spread s;
			begin_point(w, a, b, &s);
			double none = -.5 * w->n * log(fmax(w->yy / w->n, .1)) - w->none_logs + w->log_weight;
			e->none = mc_log_add(e->none, none + log(NLIFE + 1));
			double reach = reaches(w, &s, none);
			of_curve[a] = mc_log_add(of_curve[a], reach);
			if (reach < most - HOPELESS && !(a == 1 && b == 1))
				continue;
			most = fmax(most, reach);
			rc = growth_sets(w, &s, MC_GROWTH_TIME, e, err);
			if (rc == 0)
				rc = growth_sets(w, &s, MC_GROWTH_REQUESTS, e, err);
			if (rc == 0)
				rc = growth_sets(w, &s, MC_GROWTH_FASTER, e, err);
			bounded_sets(w, &s, e);
			if (rc == 0)
				rc = onsets_begin(w, e, err);
			if (rc == 0)
				rc = onsets_weigh(w, &s, &w->onsets, e->onset, w->best_onset, err);
			if (a == 1 && b == 1)
				each_release(w, e);
		}
	}
	e->differ = of_curve[DIFFER] - of_curve[ALIKE];
	return rc;
}

static double best_set_of(const struct work *w, const struct mc_growth_evidence *e)
{
	double best = e->none;
	for (size_t k = 0; k < MC_GROWTH_KINDS; k++)
		for (size_t i = 0; i < e->n; i++)
			best = w->sets[i].from > 0 ? fmax(best, e->set[k][i].log_evidence) : best;
	return best;
}

/* The likeliest onset in each release's time, where it says at least nearly as much as any release's growth does: it may be the age at which
 * growth shows. */
static bool ask_late(const struct work *w, const struct mc_growth_evidence *e, bool *asked)
{
	const struct onset_grams *o = &w->onsets;
	size_t n = w->p->nonsets;
	double least = best_set_of(w, e) - LATE_LEAST;
	bool any = false;
	for (size_t k = 0; k < n; k++) {
		asked[k] = o->used[k] && o->release[k] > 0 && e->onset[k].log_evidence > least;
		for (size_t i = 0; i < n; i++)
			asked[k] = asked[k] && (o->release[i] != o->release[k] || e->onset[i].log_evidence <= e->onset[k].log_evidence);
		any = any || asked[k];
	}
	return any;
}

/* Holds onsets against the same age in all lives since that release. */
static int late_over_grid(struct work *w, struct mc_growth_evidence *e, struct mc_error *err)
{
	bool *asked = calloc(w->p->nonsets + 1, sizeof *asked);
	int rc = asked ? 0 : mc_nomem(err, "onsets");
	if (rc == 0 && (w->late.x || ask_late(w, e, asked))) {
		if (!w->late.x)
			rc = onset_grams_late(w->p, work_growth_column(w->p, (enum mc_growth)w->onset_kind), w->curve[0], w->share, asked, &w->late, err);
		for (size_t a = 0; a < NCURVE; a++)
			for (size_t b = 0; rc == 0 && b < NSLOPE; b++) {
				struct spread s;
				begin_point(w, a, b, &s);
				rc = onsets_weigh(w, &s, &w->late, e->late, w->best_late, err);
			}
	}
	free(asked);
	return rc;
}

static int evidence_new(const struct mc_panel *p, size_t n, struct mc_growth_evidence *e, struct mc_error *err)
{
	bool ok = true;
	*e = (struct mc_growth_evidence){ .none = -(double)INFINITY, .since_ever = -(double)INFINITY, .n = n, .nonsets = p->nonsets };
	for (size_t k = 0; k < MC_GROWTH_KINDS; k++) {
		e->set[k] = calloc(n + 1, sizeof *e->set[k]);
		ok = ok && e->set[k];
		e->all[k].log_evidence = -(double)INFINITY;
		for (size_t i = 0; ok && i < n; i++)
			e->set[k][i].log_evidence = -(double)INFINITY;
	}
	e->onset = calloc(p->nonsets + 1, sizeof *e->onset);
	e->late = calloc(p->nonsets + 1, sizeof *e->late);
	for (size_t i = 0; e->onset && e->late && i < p->nonsets; i++)
		e->onset[i].log_evidence = e->late[i].log_evidence = -(double)INFINITY;
	e->release_slope = work_numbers(p->nreleases, &ok);
	e->release_sd = work_numbers(p->nreleases, &ok);
	return ok && e->onset && e->late ? 0 : mc_nomem(err, "the evidence");
}

static void forget_best(struct work *w)
{
	for (size_t k = 0; k < MC_GROWTH_KINDS; k++) {
		w->best_all[k] = -(double)INFINITY;
		for (size_t i = 0; i < w->nsets; i++)
			w->best[k][i] = -(double)INFINITY;
	}
	for (size_t i = 0; i < w->p->nonsets; i++)
		w->best_onset[i] = w->best_late[i] = -(double)INFINITY;
}

/* Adds what a supposition gains when all lives grow besides; the slope is kept of the likelier. */
static void merge(struct mc_growth_fit *to, const struct mc_growth_fit *from)
{
	if (from->log_evidence > to->log_evidence) {
		to->slope = from->slope;
		to->slope_sd = from->slope_sd;
		to->z = from->z;
	}
	to->log_evidence = mc_log_add(to->log_evidence, from->log_evidence);
}

/* The same suppositions on top of a growth that all lives share (a cache that fills anew after each start, an old leak): its
 * slope is one more common column, with a Gaussian prior of the size that it has. */
static int besides_common_growth(struct work *w, struct mc_growth_evidence *e, struct mc_error *err)
{
	struct mc_growth_evidence x;
	double slope = 2 * e->all[MC_GROWTH_TIME].slope;
	int rc = evidence_new(w->p, w->nsets, &x, err);
	if (rc == 0) {
		w->precision[w->nc] = 1 / (slope * slope);
		w->log_prior = -log(fabs(slope)) - BESIDES; /* the former makes the Gaussian integrate to 1 */
		w->nc++;
		w->common_slope = slope / 2;
		forget_best(w);
		rc = over_grid(w, &x, err);
		if (rc == 0)
			rc = late_over_grid(w, &x, err);
		w->common_slope = 0;
		w->log_prior = 0;
		w->nc--;
	}
	for (size_t k = 0; rc == 0 && k < MC_GROWTH_KINDS; k++)
		for (size_t i = 0; i < e->n; i++)
			merge(&e->set[k][i], &x.set[k][i]);
	for (size_t i = 0; rc == 0 && i < e->nonsets; i++) {
		merge(&e->onset[i], &x.onset[i]);
		merge(&e->late[i], &x.late[i]);
	}
	e->since_ever = x.none;
	mc_growth_evidence_release(&x);
	return rc;
}

/* How many lives say something about growth: long ones say most. */
static double independent_lives(const struct mc_panel *p)
{
	double sum = 0, squares = 0;
	for (size_t i = 0; i < p->nlives; i++) {
		sum += p->life[i].seconds;
		squares += pow(p->life[i].seconds, 2);
	}
	return sum * sum / squares;
}

/* Growth whose interval holds 0 is none: what speaks for it is only that lives may scatter about it. */
static void sure(struct mc_growth_fit *f, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!(f[i].slope > 1.96 * f[i].slope_sd))
			f[i].log_evidence = -(double)INFINITY;
}

static double doubtful(double v, double best, double nu)
{
	return best - copysign((nu + 1) / 2 * log1p(2 * fabs(best - v) / nu), best - v);
}

/* The noise's wander over hours is known from as many lives as there are, however many rows they have: what a supposition falls short
 * of the best by counts as a Student's t does, whose degrees of freedom go with the lives. Growth of what was there at first counts against that best as well: who
 * takes it out again finds the rest as it would be without. */
static void doubt(const struct mc_panel *p, const struct mc_supposition *s, struct mc_growth_evidence *e)
{
	double best = fmax(e->none, e->since_ever), nu = 6 + independent_lives(p);
	enum { PARTS = MC_GROWTH_KINDS + 3 };
	struct mc_growth_fit *part[PARTS];
	size_t n[PARTS];
	for (size_t k = 0; k < MC_GROWTH_KINDS; k++) {
		part[k] = e->set[k];
		n[k] = e->n;
	}
	part[MC_GROWTH_KINDS] = e->all;
	n[MC_GROWTH_KINDS] = MC_GROWTH_KINDS;
	part[MC_GROWTH_KINDS + 1] = e->onset;
	part[MC_GROWTH_KINDS + 2] = e->late;
	n[MC_GROWTH_KINDS + 1] = n[MC_GROWTH_KINDS + 2] = e->nonsets;
	for (size_t k = 0; k < PARTS; k++)
		for (size_t i = 0; i < n[k]; i++)
			if (k >= MC_GROWTH_KINDS || s[i].from > 0)
				best = fmax(best, part[k][i].log_evidence);
	for (size_t k = 0; k < PARTS; k++)
		for (size_t i = 0; i < n[k]; i++)
			part[k][i].log_evidence = doubtful(part[k][i].log_evidence, best, nu);
	e->none = doubtful(e->none, best, nu);
	e->since_ever = doubtful(e->since_ever, best, nu);
}

int mc_panel_evidence(struct mc_panel *p, const struct mc_supposition *s, size_t n, struct mc_growth_evidence *ret, struct mc_error *err)
{
	struct work w;
	struct mc_growth_evidence e;
	int rc = panel_check_suppositions(p, s, n, err);
	if (rc < 0)
		return rc;
	rc = evidence_new(p, n, &e, err);
	int rc2 = work_new(&w, p, s, n, err);
	rc = rc < 0 ? rc : rc2;
	if (rc == 0) {
		work_prepare(&w);
		memcpy(p->curve, w.curve[0], w.nc * sizeof *p->curve);
		forget_best(&w);
		rc = over_grid(&w, &e, err);
	}
	if (rc == 0)
		rc = late_over_grid(&w, &e, err);
	/* worth the time only where growth of all lives has something for it */
	if (rc == 0 && e.all[MC_GROWTH_TIME].slope > 0 && e.all[MC_GROWTH_TIME].log_evidence > e.none + 2)
		rc = besides_common_growth(&w, &e, err);
	work_release(&w);
	if (rc < 0) {
		mc_growth_evidence_release(&e);
		return rc;
	}
	/* of few lives one worker may grow alone; among many, even that moves the mean */
	for (size_t k = 0; k < MC_GROWTH_BOUNDED && independent_lives(p) > MANY_LIVES; k++)
		sure(e.set[k], e.n);
	sure(e.onset, e.nonsets);
	sure(e.late, e.nonsets);
	doubt(p, s, &e);
	*ret = e;
	return 0;
}

void mc_growth_evidence_release(struct mc_growth_evidence *e)
{
	for (size_t k = 0; k < MC_GROWTH_KINDS; k++)
		free(e->set[k]);
	free(e->onset);
	free(e->late);
	free(e->release_slope);
	free(e->release_sd);
	*e = (struct mc_growth_evidence){ 0 };
}
