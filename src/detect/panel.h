/* What the files of this stage share: all lives as rows of columns, and their Gram matrices. */
#ifndef MEMCULPRIT_DETECT_PANEL_H
#define MEMCULPRIT_DETECT_PANEL_H

#include "memculprit/detect.h"

enum { PANEL_MOST_TAUS = 10, PANEL_LOADS = 3, PANEL_COVARIATES = 2, PANEL_LAGS = 3, PANEL_LONG = 3 };
/* y, curve of age, load and covariates, level, growth in time, in requests, in the square of time, with the logarithm of age, long bounded growth */
enum { PANEL_MOST_COLUMNS = 1 + PANEL_MOST_TAUS + PANEL_LOADS + PANEL_COVARIATES + PANEL_LAGS + 1 + 4 + PANEL_LONG };

struct panel_life {
	size_t n, release;
	double *m;      /* n rows of q columns */
	double *t;      /* seconds */
	double *gap;    /* seconds since the row before */
	double *dur;    /* seconds that the row is the mean of */
	double *white;  /* factor of the white variance: rows of few samples have more */
	double *late;   /* what a steep rise that lasts to the end of the life brings, in y */
	double hinge;   /* when that began; NAN: there is none */
	bool alone;     /* to be told so, that has to be steeper, since no other life does it */
	double var;     /* of its noise: noise.var, or more */
	double start;   /* max(start, first time of the panel) */
	double seconds; /* from start to its last row */
};

struct mc_panel {
	size_t nlives, nreleases, rows;
	struct panel_life *life;
	double *release_t;
	size_t nonsets;
	double *onsets;
	bool *found;            /* an onset: where steep rises of lives begin */
	double *block;          /* all rows */
	double bin, quantum;
	double t0, t1;
	size_t ntau, nx;        /* columns of the curve; of load, covariates and, last, the level */
	double tau[PANEL_MOST_TAUS], long_tau[PANEL_LONG];
	size_t nload;           /* of nx, those of the load */
	double lag[PANEL_LAGS]; /* seconds after which what a covariate brings is there */
	bool has_requests;
	size_t q, il, it, iq, if_, ig, is; /* columns in all; of the level, of growth in time, in requests, ever faster, ever slower; first of the long ones */
	size_t ne;              /* columns [1, 1 + ne): what releases and lives depart in, slopes in time and requests included */
	double level;           /* typical height of a life, in the unit: taken from the first column */
	double height;          /* the scale of wide priors: the level, or half of all that is covered where that is more */
	double level_sd;        /* how much lives stand higher or lower than others */
	double life_seconds;    /* median life */
	struct mc_noise noise;
	double curve[PANEL_MOST_COLUMNS]; /* of age and load, once the evidence has been weighed */
	double *gram;           /* q x q a life, own level taken out, divided by noise.var */
};

/* Columns [1, 1 + ntau + nx) are what any life may do; nc is their number. */
static inline size_t panel_common(const struct mc_panel *p)
{
	return p->ntau + p->nx;
}

/* Whitens the q columns of a life under the noise's shape (variance 1 in all), adds the Gram matrix to g (q x q,
 * lower and upper); returns the log determinant's half. `columns` is n x q. */
double panel_whiten(const struct panel_life *l, const struct mc_noise *noise, const double *columns, size_t q, double *g);
/* Fits p->noise by restricted likelihood and fills p->gram. 0, MC_ENOMEM. */
int panel_fit_noise(struct mc_panel *p, struct mc_error *err);
/* Level of a life of which `rest` is what is left without it, by generalised least squares, and its variance. */
void panel_level(const struct mc_panel *p, const struct panel_life *l, const double *rest, double *level, double *var);
/* Bounds the influence of what is no growth in a life whose columns are filled, and finds its steep rise at the end. 0, MC_ENOMEM. */
int panel_bound(const struct mc_panel *p, struct panel_life *l, struct mc_error *err);
/* Has a life a steep rise that the others running then have not? */
bool panel_alone(const struct mc_panel *p, size_t life);
/* Takes a Gaussian effect along column u, of this precision, out of the Gram matrix; half the log determinant. */
double panel_drop(double *g, size_t q, size_t u, double precision);

#endif
