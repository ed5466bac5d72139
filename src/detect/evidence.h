/* Between check.c, curve.c, onsets.c, work.c, sets.c and evidence.c. */
#ifndef MEMCULPRIT_DETECT_EVIDENCE_H
#define MEMCULPRIT_DETECT_EVIDENCE_H

#include "panel.h"

/* The k-th least of v, counted from 0; k < n. v is reordered (robust.c). */
double robust_kth(double *v, size_t n, size_t k);

/* What is refused (check.c). 0, MC_EFORMAT, MC_ELIMIT. */
int panel_check(const struct mc_panel_in *in, struct mc_error *err);
int panel_check_suppositions(const struct mc_panel *p, const struct mc_supposition *s, size_t n, struct mc_error *err);

/* The load as it most likely was, by stretches about so many seconds long; t and level have room for in->n numbers, *ret points to them; ret->n 0: its
 * counter hardly errs. 0, MC_ENOMEM. */
int load_calm(const struct mc_panel_load *in, double width, double *t, double *level, struct mc_panel_load *ret, struct mc_error *err);

/* The common curve c (panel_common() numbers) and each release's own slope along column h (time or requests), >= 0.
 * sum: Gram matrices a release; total: their sum. */
void curve_fit(const struct mc_panel *p, const double *sum, const double *total, size_t h, double *c, double *slope);

/* How far releases may depart from the common curve, and in slope: one standard deviation a column 1..ne. */
struct spread {
	double sd[PANEL_MOST_COLUMNS];
	double warm;  /* of a release's warm-up as a whole: of the logarithms of its size and of its time scale */
	double slope; /* of releases, in noise deviations at the end of their longest life */
	double life;  /* of lives about their release, in noise deviations at their end */
	double own;   /* of lives about a growth that all share, unit per second */
};

/* Grams of all releases with their own departures taken out. */
struct releases {
	double *g;    /* nreleases of q x q */
	double *logs; /* half log determinants */
};

/* g := in, with a Gaussian effect of sd[i] along each of the columns 1..ne taken out; returns half the log determinant. */
double evidence_eliminate(const struct mc_panel *p, const double *in, const struct spread *s, double *g);

/* One growth coefficient on top of everything common: log evidence, slope, error. */
struct score {
	double yy, num, info, info_all, logs; /* what is left of y; score; information, and that before the common was taken out */
};
void evidence_finish(double n, const struct score *s, struct mc_growth_fit *ret);

/* Lives about an onset: a matrix of w x w each, w = ne + 2: columns 0..ne, then the kinked growth. */
struct onset_grams {
	size_t w, n;
	bool late;       /* all lives of its release and of later ones, each kinked at the age that the onset was; else its release's, at the onset */
	double *x;       /* n matrices, by onset, then by release */
	double *loose, *loose_logs; /* those of the onset that is weighed, less what each life may depart by */
	size_t *onset, *life; /* of each */
	bool *used;      /* an onset: false where there are too many lives to look at every one, or it was not asked for */
	size_t *release; /* an onset: running then */
};
/* h: the column of growth, in time or with requests. 0, MC_ENOMEM. */
int onset_grams_new(const struct mc_panel *p, size_t h, const double *curve, const double *share, struct onset_grams *ret, struct mc_error *err);
/* Those of a growth that begins so long after each start, for the onsets that are asked for as far as there is room. 0, MC_ENOMEM. */
int onset_grams_late(const struct mc_panel *p, size_t h, const double *curve, const double *share, const bool *asked, struct onset_grams *ret,
	struct mc_error *err);
void onset_grams_release(struct onset_grams *o);

/* A departure in slope of this size: in time and, where requests are known, with them. */
void evidence_set_slopes(const struct mc_panel *p, struct spread *s, double sd);
/* The spread of one life about its release: half of what the curves of releases spread by, in slope what lives do over its own length. */
const struct spread *evidence_life_spread(const struct mc_panel *p, const struct spread *s, const struct panel_life *l, struct spread *out);
/* The same as evidence_eliminate() for a w x w matrix. */
double evidence_eliminate_of(size_t it, size_t w, const double *in, const struct spread *s, double *g);

/* y of a w x w Gram matrix becomes y less the curve's columns. */
void evidence_less_curve(const struct mc_panel *p, const double *curve, double *g, size_t w);

/* Takes a Gaussian effect along the direction u (q numbers) out of g; returns half the log determinant. */
double evidence_drop_direction(double *g, size_t q, const double *u, double precision);

#endif
