/* The work space of one weighing of evidence: sums of lives at the present point of the grid of spreads. */
#ifndef MEMCULPRIT_DETECT_WORK_H
#define MEMCULPRIT_DETECT_WORK_H

#include "evidence.h"
#include "linalg.h"

#include <stdlib.h>

/* Kinds of growth whose lives may scatter, and classes of how much. */
enum { KINDS = 3, NSCATTER = 26 };

/* The common curve of age with its time scale from much shorter to much longer. */
enum { WARM_SHAPES = 17, WARM_MIDDLE = WARM_SHAPES / 2 };
struct warm {
	double shape[WARM_SHAPES][PANEL_MOST_COLUMNS];
};
/* A release's own warm-up, linear about where it is likeliest: what it is beside the common curve where both logarithms are 0, and one standard
 * deviation in size and in time scale. */
struct warm_of {
	double mean[PANEL_MOST_COLUMNS], dir[2][PANEL_MOST_COLUMNS];
};
void warm_shapes(const struct mc_panel *p, const double *curve, struct warm *w);
/* base: Gram matrix of the release, the common curve taken out of y and departures eliminated; sd: of both logarithms; grows: beside a slope. */
void warm_find(const struct mc_panel *p, const struct warm *w, const double *base, double sd, bool grows, struct warm_of *ret);
/* y of a q x q Gram matrix becomes y less the columns 1..n times u. */
void warm_less(double *g, size_t q, const double *u, size_t n);

struct work {
	const struct mc_panel *p;
	size_t q, nr, nc, nsets;
	const struct mc_supposition *sets;
	size_t nlook, *look;         /* those that are weighed, rising: all, unless they are very many */
	double n;                    /* rows less lives */
	double *life;                /* Grams with the life's share of load taken out */
	double *sum;                 /* a release, no scatter */
	double curve[2][LINALG_QP_MOST], *slope[2]; /* time, requests */
	double scatter_sd[KINDS][NSCATTER];
	double *scatter[KINDS][NSCATTER], *scatter_logs[KINDS][NSCATTER]; /* lazily: sums with lives scattered in slope */
	double *elim[KINDS][NSCATTER], *elim_logs[KINDS][NSCATTER];       /* prefix sums of the present spread; logs NULL-like by `have` */
	bool have[KINDS][NSCATTER];
	double *base, *base_logs;    /* eliminated sums without scatter */
	double *pre_base, *pre_base_logs; /* their prefix sums */
	double *pre_u, *pre_num, *pre_info, *pre_logs; /* prefix sums over releases */
	double *total;               /* q x q */
	double l[LINALG_QP_MOST * LINALG_QP_MOST], uy[LINALG_QP_MOST], yy, none_logs;
	double *best[MC_GROWTH_KINDS], *first[KINDS]; /* likeliest so far; kappa 0 evidence of each that is looked at */
	double *glance;              /* the most that a set has for it at a glance */
	double best_all[MC_GROWTH_KINDS + 8], *best_onset, *best_late;
	double share[PANEL_MOST_COLUMNS], precision[PANEL_MOST_COLUMNS]; /* of the common columns about the fitted curve */
	struct onset_grams onsets, late; /* late.x NULL: none was asked for yet */
	size_t onset_kind;           /* growth in time or with requests */
	double log_weight;           /* of the present grid point */
	double log_prior;            /* of a common growth's slope, 0: there is none: the same evidence in any unit */
	double common_slope;         /* of a growth that all lives share; 0: there is none */
	double *loose;               /* Grams with the life's own spread taken out, of the present grid point */
	double *loose_logs;          /* a release */
	struct warm warm;
	struct warm_of *warm_of[2];  /* of each release, at the present grid point: where it does not grow, where it does */
	double warm_sd;              /* of the present grid point */
	double *grown, *grown_logs;  /* prefix sums like pre_base, about the warm-ups of releases that grow */
	double *longest;             /* life of each release, seconds */
	double *own[KINDS], *count;  /* prefix sums over releases of lives' own slopes, and of lives */
};

static inline size_t work_growth_column(const struct mc_panel *p, enum mc_growth g)
{
	return g == MC_GROWTH_REQUESTS ? p->iq : g == MC_GROWTH_FASTER ? p->if_ : p->it;
}

static inline double *work_numbers(size_t n, bool *ok)
{
	double *v = calloc(n + 1, sizeof *v);
	*ok = *ok && v;
	return v;
}

int work_new(struct work *w, const struct mc_panel *p, const struct mc_supposition *s, size_t n, struct mc_error *err);
void work_release(struct work *w);
/* Curve, slopes, each life's share of the load, and the classes of scatter. */
void work_prepare(struct work *w);
/* Fills s but for slopes, and w->precision, for departures of `curve` times the curve's size and of `warm` in the logarithms of its size and time scale
 * as a whole. */
void work_set_spread(struct work *w, double curve, double warm, struct spread *s);
/* s with the slope's spread of release r. */
const struct spread *work_release_spread(const struct work *w, struct spread *s, size_t r);
/* g := in (width x width), with the departures of release r, which grows or does not, taken out; half the log determinant. */
double work_eliminate(const struct work *w, struct spread *s, size_t r, bool grows, const double *in, size_t width, double *g);
/* Takes departures out of every life and release, and what is common out of their total. */
void work_begin_spread(struct work *w, struct spread *s);
/* Sums with lives scattered about the growth by class i, at the present grid point. */
int work_scattered(struct work *w, size_t kind, size_t i, struct mc_error *err);

/* Sum over a supposition's releases, from prefix sums. */
static inline double sets_over(const double *pre, const struct mc_supposition *s)
{
	double v = pre[s->until] - pre[s->from];
	return s->again_until > s->again ? v + pre[s->again_until] - pre[s->again] : v;
}
/* Prefix sums over releases of score, information and common part of growth along column h, at the present grid point. */
void sets_prefix(struct work *w, size_t h);
/* A supposition's fit when lives do not scatter: by those. */
void sets_plain(const struct work *w, const struct mc_supposition *s, struct mc_growth_fit *f);
/* Growth that levels off has as many terms and one more, each with its column. */
size_t sets_bounded_terms(const struct mc_panel *p);
size_t sets_bounded_column(const struct mc_panel *p, size_t term);
/* What the k-th best of n reaches, counted from 0; -INFINITY: there are no more than k. 0, MC_ENOMEM. */
int sets_cut(const double *v, size_t n, size_t k, double *ret, struct mc_error *err);
/* Are there so many suppositions that only some are weighed? Then they are glanced at, at some points of the grid, and those that say most are
 * chosen, with all that last to the end. sets_choose(): 0, MC_ENOMEM. */
bool sets_are_many(const struct work *w);
void sets_glance_begin(struct work *w);
void sets_glance(struct work *w);
int sets_choose(struct work *w, struct mc_error *err);

/* What growth along one column is weighed against: the common columns and y (lower triangle of a matrix of n rows), and what that
 * column has in common with them. */
struct against {
	double m[LINALG_QP_MOST * LINALG_QP_MOST], x[LINALG_QP_MOST], info;
	size_t n;
};

void against_nothing(struct against *g, size_t n);
/* m += f * the first rows and columns of a matrix of q columns. */
void against_add(struct against *g, const double *from, size_t q, double f);
/* The same for what its column `col` has in common with them. */
void against_add_column(struct against *g, const double *from, size_t q, size_t col, double f);
/* The growth's fit and log evidence; logs: half the log determinants of all that was taken out. */
void against_weigh(const struct work *w, struct against *g, double logs, struct mc_growth_fit *f);

/* Sums a fit over the grid; keeps the slope of the likeliest. */
void evidence_gather(struct mc_growth_fit *sum, double *best, const struct mc_growth_fit *f);
/* The class of scatter nearest to a standard deviation. */
size_t evidence_scatter_class(const struct work *w, size_t kind, double sd);
/* Makes the prefix sums of releases whose lives scatter by class i, if they aren't there yet. */
int evidence_scatter_prefix(struct work *w, struct spread *s, size_t kind, size_t i, struct mc_error *err);
/* Growth from an onset on goes with time or with requests, as that of releases does; found at the first point of the grid. */
int onsets_begin(struct work *w, const struct mc_growth_evidence *e, struct mc_error *err);
/* Adds the evidence of each onset (or age) of o at the present grid point to sum[k], scatter and none. 0, MC_ENOMEM. */
int onsets_weigh(struct work *w, struct spread *s, const struct onset_grams *o, struct mc_growth_fit *sum, double *best, struct mc_error *err);

#endif
