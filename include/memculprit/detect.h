/* Growth in the memory of many lives of processes: robust summaries, a noise model, slopes with honest errors,
 * and how well each supposition ("the lives of releases 3 to 5 grow") explains all lives together.
 *
 * A library that could be taken away and used alone: arrays in, numbers out. It knows no SQL, HTTP, git, clock
 * or file, and no names: a release is an index, a time is seconds on any axis. What is a deploy, what is
 * probable beforehand and what to say to people is src/attribute's affair. docs/detect_example.c is a whole program on
 * top of it; link libdetect.a, libbase.a and -lm.
 *
 * Units: times are seconds; memory is in the caller's unit, best one in which a process stands between 1 and 1e5 (MiB).
 * Arrays given in are borrowed for the call alone, unless it is said otherwise; what comes out through `ret` is written only
 * on success and released by its own function. Nothing is global: calls on different objects may run at the same time.
 * Any finite numbers up to 1e50 (times: 1e17) are answered; what is refused is said at each function.
 *
 * The way of working, with sources at each function:
 *   mc_lifesum   a life as at most MC_LIFESUM_BINS bins, however long it is (streaming, constant memory)
 *   mc_panel     all lives as bins with their columns: common curve of age, load, growth
 *   mc_noise     white + fast + slow memory, by restricted likelihood; every life may have a slope of its own
 *   mc_panel_evidence  the log evidence of each supposition, integrated over how much releases and lives differ anyway */
#ifndef MEMCULPRIT_DETECT_H
#define MEMCULPRIT_DETECT_H

#include "memculprit/base.h"

/* ---- robust numbers over arrays ---- */
/* Median of v (reordered in place); NaN for n = 0. Every element must be finite. */
double mc_median(double *v, size_t n);
/* 1.4826 times the median absolute deviation from m: the standard deviation of a Gaussian. `work` has n elements.
 * Hampel, The influence curve and its role in robust estimation, 1974. */
double mc_mad(const double *v, size_t n, double m, double *work);
/* Pulls each value back to the median of its 2*half+1 neighbours, give or take c times their MAD: spikes lose their
 * weight, trends keep theirs. 0, MC_ENOMEM. */
int mc_hampel(double *v, size_t n, size_t half, double c, struct mc_error *err);
/* Median of all pairwise slopes of at most 300 points (Sen 1968); NaN for less than two times. 0, MC_ENOMEM. */
int mc_sen_slope(const double *t, const double *v, size_t n, double *ret, struct mc_error *err);

/* log(exp(a) + exp(b)) without overflow; -INFINITY stands for nothing. */
double mc_log_add(double a, double b);

/* Changepoints in the mean under Gaussian noise of variance 1, by PELT (Killick, Fearnhead, Eckley 2012): the
 * classical method, kept as a yardstick. `penalty` a changepoint (3 ln n is usual), segments of at least minseg.
 * *ret: *nret first indices of segments, but the first; the caller frees. 0, MC_ENOMEM. */
int mc_pelt_mean(const double *v, size_t n, double penalty, size_t minseg, size_t **ret, size_t *nret, struct mc_error *err);

/* ---- one life, summed up as it goes ---- */
enum { MC_LIFESUM_BINS = 320, MC_LIFESUM_COVARIATES = 4 };
struct mc_lifebin {
	double t;     /* mean time of its samples, seconds on the caller's axis */
	double y;     /* mean; what stands far out of a running median of five was replaced by that */
	double x[MC_LIFESUM_COVARIATES]; /* mean of the caller's covariates (threads, descriptors, requests, shared memory); NaN: none */
	double n;     /* samples */
	double garbage; /* what a collector freed later, the mean of the samples: y less this is what is alive; to seven digits */
	int64_t key;  /* which stretch of age it covers: for the library's own use */
};
/* What is known of a collector's saw-tooth: between two collections memory rises bit by bit, then it falls at once, which is a tooth. */
enum { MC_TEETH_KEPT = 8 };
struct mc_tooth {
	double since, until, freed; /* first and last sample; what went at its end */
};
struct mc_teeth {
	double n, t;          /* samples so far, and the sum of their times since the life's start */
	double begun, last_t, last_y; /* time of the first sample, the newest one */
	double rise, rises;   /* mean size of rises from sample to sample, and their number */
	double usual;         /* what a tooth frees */
	double before_n, before_t, since, low, jumps; /* n and t when the open tooth began, when that was, what was left, what came and went at once since */
	double small, small_n; /* what fell at the latest time without being a collection, and n then */
	bool unseen;          /* what the open one held when it began is not known */
	double old_n, old_t;  /* n and t when the tooth before the open one began */
	double count;         /* teeth that are over */
	struct mc_tooth tooth[MC_TEETH_KEPT]; /* the latest of them: number k is [k % MC_TEETH_KEPT] */
	struct mc_tooth first; /* what it held when it was first seen is not known, so it is not in the bins' garbage; n and t at its end: */
	double first_n, first_t;
};
/* A life as bins: fine in its youth, where warm-up happens, and coarser the longer it lives. How it was fed, at once
 * or over weeks with restarts between, does not change the bins. It holds no memory beside itself (some 25 KiB: not for the stack).
 * A bin is a row of mc_panel_life as it stands: .t, .y, .n as `samples`, and n times the interval of the samples as `seconds`. */
struct mc_lifesum {
	double start;  /* when the process started, on the caller's axis */
	int level;     /* the coarsest bin is MC_LIFESUM_TICK << level */
	size_t n;      /* bins in use */
	double last_t; /* time of the last sample */
	double last_y, step, steps; /* mean size of the steps from sample to sample, and their number */
	struct mc_teeth teeth;
	double tail_t[5], tail_y[5], tail_x[5][MC_LIFESUM_COVARIATES]; /* samples that the running median still needs */
	unsigned ntail;
	bool flushed;  /* no sample may follow */
	struct mc_lifebin bin[MC_LIFESUM_BINS];
};
/* Seconds of the finest bin. */
#define MC_LIFESUM_TICK 0.25
void mc_lifesum_init(struct mc_lifesum *s, double start);
/* One sample; times must rise, others and values that are not finite are ignored. x: MC_LIFESUM_COVARIATES numbers, or NULL. */
void mc_lifesum_add(struct mc_lifesum *s, double t, double y, const double *x);
/* Takes in what the running median still held back. Work on a copy where the life goes on. */
void mc_lifesum_flush(struct mc_lifesum *s);
/* The first bin that holds samples later than those counted in before_n, before_t (of mc_teeth); *n: how many of them it holds, *t: their mean time. */
size_t mc_teeth_open(const struct mc_lifesum *s, double before_n, double before_t, double *n, double *t);
/* Bytes to keep on this machine, and back, without loss; appended to out. MC_ECORRUPT where they are not ours or of another version. */
int mc_lifesum_write(const struct mc_lifesum *s, struct mc_buf *out, struct mc_error *err);
int mc_lifesum_read(struct mc_lifesum *s, const void *data, size_t len, struct mc_error *err);

/* ---- a jump inside lives ---- */
struct mc_jump_life {
	size_t n;
	const struct mc_lifebin *bin;
	double start; /* as the bins' times */
};
struct mc_jump {
	double from, to;    /* it happened between these times */
	double height, sd;  /* of the median life, and its error */
	size_t lives;       /* that show it */
};
/* The one time at which all lives that run rise at once, from one bin to the next, and stay there. Bins are finite, as mc_lifesum makes them; quantum:
 * no life is quieter, in their unit. 0 and *ret; 1: there is none, or there are several (a staircase is growth); MC_ENOMEM. */
int mc_find_jump(const struct mc_jump_life *l, size_t n, double quantum, struct mc_jump *ret, struct mc_error *err);
/* How many bins of the life are before the jump, and the first after it; those between have both in them. *size: what this life rose by, NaN where
 * it has too few bins on either side. */
size_t mc_jump_bins(const struct mc_jump_life *l, const struct mc_jump *j, size_t *first, double *size);

/* ---- all lives together ---- */
/* One life as n rows: its samples as they are, bins of mc_lifesum, or any means. 40 to 320 rows a life are of use, and take time. */
struct mc_panel_life {
	size_t n;         /* at least 1 */
	const double *t;  /* seconds, rising: the middle of each row */
	const double *y;  /* in the caller's unit */
	const double *samples; /* how many samples each stands for */
	const double *seconds; /* over what time it is the mean; of a single sample: their interval */
	const double *x[2];    /* covariates that explain levels (running maxima of threads, descriptors); NULL: none */
	const double *requests; /* of this life since its start, NULL: the program's are used */
	double start;     /* seconds; may be long before t[0] */
	size_t release;   /* 0: what ran before the first deploy; k: what deploy k-1 brought */
};
/* The program's load, relative to its mean: n points in time, each with the level until the next. */
struct mc_panel_load {
	size_t n;
	const double *t, *level;
};
enum { MC_PANEL_RELEASES = 512 };
struct mc_panel_in {
	size_t nlives;             /* in any order; none without a row, one at least with two */
	const struct mc_panel_life *lives;
	size_t nreleases;          /* number of release indices, 1 to MC_PANEL_RELEASES; one may have no lives */
	const double *release_t;   /* when each release began to run; [0] is not read */
	struct mc_panel_load load; /* n 0: not known */
	double bin;                /* typical width of a bin, seconds: the `seconds` of most rows */
	double quantum;            /* variance below which no program is quieter, above 0 (a page: 4096^2/12 in the unit squared) */
	size_t nonsets;
	const double *onsets;      /* times at which growth may have begun by itself, rising */
};
struct mc_panel; /* opaque: columns and Gram matrices. All that is needed of `in` is copied */
/* 0; MC_ENOMEM; MC_EFORMAT: a number is not finite or beyond those, times fall, a release is not there; MC_ELIMIT: too many releases. */
int mc_panel_new(const struct mc_panel_in *in, struct mc_panel **ret, struct mc_error *err);
void mc_panel_free(struct mc_panel *p);
/* When steep rises begin that last to the end of lives, some of the lives together within a bin: *n times, at most `most`, rising. Onsets worth a look, which those
 * given are too far apart for. 0, MC_ENOMEM. */
int mc_panel_hinges(const struct mc_panel *p, double *t, size_t most, size_t *n, struct mc_error *err);
/* n onsets more, each put in at its place; they are looked at however many lives there are. Before mc_panel_evidence(). 0, MC_ENOMEM. */
int mc_panel_add_onsets(struct mc_panel *p, const double *t, size_t n, struct mc_error *err);

/* What is left of a life after its level, curve, load and growth: white (share `white`), a fast and a slow
 * Ornstein-Uhlenbeck process (share `slow` of the rest is the slow one). */
struct mc_noise {
	double tau_fast, tau_slow; /* seconds */
	double slow, white;        /* shares, 0 to 1 */
	double var;                /* of one bin, unit squared */
};
void mc_panel_noise(const struct mc_panel *p, struct mc_noise *ret);

/* A supposition: growth in the releases [from, until) and, where again < again_until, in [again, again_until) after those. */
struct mc_supposition {
	size_t from, until, again, again_until;
};
/* Steady in time; with the requests; ever faster (with the square of time); levelling off. */
enum mc_growth { MC_GROWTH_TIME, MC_GROWTH_REQUESTS, MC_GROWTH_FASTER, MC_GROWTH_BOUNDED, MC_GROWTH_KINDS };
struct mc_growth_fit {
	double log_evidence; /* -INFINITY: growth is negative or nothing */
	double slope, slope_sd; /* unit per second in a life (per relative request second for MC_GROWTH_REQUESTS); of the likeliest spread */
	double z;
};
/* Logs of evidence are of use as differences: against `none`, or against each other. The share of onset i among onsets is
 * exp(onset[i] - log of the sum of all exp): where these add up to .95 is the interval of the onset, which is no
 * narrower than onsets are apart. */
struct mc_growth_evidence {
	double none;                    /* log evidence of no growth */
	double since_ever;              /* of the same growth in all lives, and nothing besides; -INFINITY: not tried */
	size_t n;
	struct mc_growth_fit *set[MC_GROWTH_KINDS]; /* a fit a supposition */
	struct mc_growth_fit all[MC_GROWTH_KINDS];  /* growth in every release; bounded: time scale of lives and more */
	size_t nonsets;
	struct mc_growth_fit *onset;    /* growth from onsets[i] on, in the lives of then and all later releases */
	struct mc_growth_fit *late;     /* growth in the lives of the release that runs at onsets[i] and of all later ones, each from the age on that
					   the release had then; -INFINITY: not looked at */
	double differ;                  /* log evidence that warm-ups of releases differ by a tenth of their size, against a fiftieth */
	double *release_slope, *release_sd; /* each release by itself, about the common curve: unit per second */
};
/* The evidence of each supposition; *ret is released by the caller. n may be 0: releases, all lives and onsets are looked at anyway.
 * Of more than 3700 suppositions only those that last to the end and the 1800 that say most at a glance are weighed: the others have -INFINITY.
 * 0; MC_ENOMEM; MC_EFORMAT: a supposition has no releases, or some that are not there. */
int mc_panel_evidence(struct mc_panel *p, const struct mc_supposition *s, size_t n, struct mc_growth_evidence *ret, struct mc_error *err);
void mc_growth_evidence_release(struct mc_growth_evidence *e);

/* ---- after mc_panel_evidence(): curve and levels ---- */
/* Height of each life at full age and mean load, and its variance; arrays of nlives. 0, MC_ENOMEM. */
int mc_panel_levels(const struct mc_panel *p, double *level, double *var, struct mc_error *err);
/* How much the common curve of age rises from one age to another, seconds; in the unit. */
double mc_panel_curve(const struct mc_panel *p, double from, double to);
/* Standard deviation of what the load explains, in the unit. */
double mc_panel_load(const struct mc_panel *p);
/* Takes what the load explains out of the rows of a life, an index into mc_panel_in.lives; y: as many numbers as it has rows, in the unit. */
void mc_panel_less_load(const struct mc_panel *p, size_t life, double *y);
/* How fast what the load explains moves the lives of a release, by least squares over the last three fifths of each; unit per second, 0 where
 * there is no load. */
double mc_panel_load_trend(const struct mc_panel *p, size_t release);
/* Heights of releases, free of what their warm-up and load do otherwise than usual. */
struct mc_heights;
/* Where warm-ups differ they leave alone the height at birth, or that at full age. RISE: not the height is looked at, but how much is
 * gained from birth to full age. */
enum mc_height { MC_HEIGHT_BIRTH, MC_HEIGHT_RISE, MC_HEIGHT_SETTLED, MC_HEIGHT_KINDS };
/* Memory of a life in its first moments: rows may be longer than a warm-up takes. y NaN: its youth was not seen. */
struct mc_youth {
	double y, age, seconds; /* the mean over so many seconds, at that age */
};
/* offset: what a life always stands higher by (its slot), NaN: leave it out; life_sd: by how much lives of a release differ besides. Rows from `until` on are
 * left out (INFINITY: none). youth and offset, of each life, are borrowed. 0, MC_ENOMEM. */
int mc_heights_new(const struct mc_panel *p, const double *offset, const struct mc_youth *youth, double life_sd, double until, struct mc_heights **ret,
	struct mc_error *err);
void mc_heights_free(struct mc_heights *h);
/* What is known of load and of covariates is wrong in all releases alike, so these move together: by one standard deviation each. */
enum { MC_HEIGHT_SHARED = 2 };
/* Where warm-ups differ by `spread` of their size from release to release: height of each release and its variance (NaN, INFINITY: it has
 * no lives), arrays of nreleases; shared: MC_HEIGHT_SHARED numbers a release. *rest: what no term explains, about 1 where the noise
 * is all that is left. Returns the log likelihood of all besides. */
double mc_heights_of(const struct mc_heights *h, enum mc_height kind, double spread, double *level, double *var, double *shared, double *rest);
/* Takes the noise for so many times its variance from now on. */
void mc_heights_noisier(struct mc_heights *h, double factor);

/* Levels of n releases, whose variances are known and which differ anyway: by one of these standard deviations, with these weights.
 * shared: as above, NULL: no error is shared. */
enum { MC_STEPS_DRIFTS = 5 };
struct mc_drift {
	double sd[MC_STEPS_DRIFTS], weight[MC_STEPS_DRIFTS]; /* weights add up to 1 */
};
struct mc_steps;
int mc_steps_new(const double *level, const double *var, const double *shared, size_t n, const struct mc_drift *drift, struct mc_steps **ret,
	struct mc_error *err);
void mc_steps_free(struct mc_steps *s);
/* Log evidence that the levels of [from, until) are shifted up (sign 1) or down (-1); from >= until: that none are. *ret (may be
 * NULL) gets the shift as `slope`. -INFINITY: the shift is the other way, or nothing. */
double mc_steps_shift(const struct mc_steps *s, int sign, size_t from, size_t until, struct mc_growth_fit *ret);

#endif
