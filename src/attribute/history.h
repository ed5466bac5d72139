/* A program's history as attribution sees it: lives as summaries, deploys in the order of time, which release each life
 * runs, and the panel that src/detect judges. Times are seconds since `origin_ms`. */
#ifndef MEMCULPRIT_ATTRIBUTE_HISTORY_H
#define MEMCULPRIT_ATTRIBUTE_HISTORY_H

#include "memculprit/attribute.h"
#include "memculprit/detect.h"

#include <math.h>

/* A mark may come this many seconds before or after the restarts that it is about, or an eighth of all that was seen. */
#define HISTORY_MARK_SLACK 1200.0

/* Later ones than these are left out. */
enum { HISTORY_MOST_DEPLOYS = 500 };

/* Beyond this no number of a series is a measurement, and its square may overflow. */
#define HISTORY_MOST_VALUE 0x1p60

/* What attribution needs of a life's samples. Times are seconds since start_ms. */
struct mc_digest {
	int64_t start_ms;           /* of the process, as stated */
	int64_t first_ms, last_ms;  /* samples, of memory or not; MC_NO_TIME: none */
	double n;                   /* those of memory */
	double threads, fds;        /* largest so far */
	struct mc_lifesum sum;
};

/* A finished mc_lifesum, in the room that it needs. */
struct history_sum {
	size_t n;
	struct mc_lifebin *bin;
	/* a collector's teeth; the first bin that has samples of the one that is not over, how many of them and their mean time */
	struct mc_teeth teeth;
	size_t open;
	double open_n, open_t;
};

struct history_life {
	const struct mc_life *from; /* NULL: no life of one process (a program's shared memory, its number of processes) */
	struct history_sum sum;
	int64_t start_ms, first_ms, last_ms; /* as stated; first and last sample */
	double start, first, last;  /* start; the same in seconds */
	double works_until;         /* what came later (it drained) is left out; last, where nothing replaced it before its end */
	double hold;                /* seconds between samples, typically */
	size_t release;             /* 0: before the first deploy */
	size_t slot;                /* lives of one slot have one number */
	size_t role;                /* master, worker, ...: judged apart, see roles.c */
	size_t row0, nrows;         /* of the panel; nrows 0: too short */
	double n;                   /* samples */
	/* what it rose by at once (bytes) with all others, see jumps.c: bins from jump_to on have it, those of [jump_from, jump_to) in part. 0: nothing */
	double jump;
	size_t jump_from, jump_to;
};

/* Where marks are sloppier than releases are apart, the restarts that a deploy is believed to have made may be another's. */
enum { HISTORY_ALSO = 3 };

struct history_deploy {
	size_t index;     /* into mc_case.deploys; of several rows that are one deploy the one that stands for them */
	double mark;      /* its time */
	double recognised; /* the start of its first life, where it was recognised by that; NAN: it was marked only */
	double begins;    /* lives that start from here on run it */
	double first_seen; /* first start of a life that runs it; NAN: none */
	size_t lives;     /* that run it */
	struct history_also {
		size_t deploy;
		double p;
	} also[HISTORY_ALSO]; /* whose its wave may be, itself among them; p 0: unused, all 0: it is its own */
	size_t identity;  /* deploys of the same version have the same number; 0: of what ran before all */
};

struct history {
	const struct mc_case *c;
	int64_t origin_ms; /* the first sample; 0: none */
	int64_t last_ms;
	double as_of;      /* last moment looked at */
	double slack;      /* how far a mark may be from its restarts, seconds */
	double tick;       /* typical interval between samples */
	double sawtooth;   /* seconds between a collector's runs; 0: no saw-tooth */
	size_t nlives, ndeploys, nslots, nroles;
	struct history_life *life; /* by start */
	struct history_deploy *deploy; /* by time */
	/* load: level relative to its mean */
	size_t nload;
	double *load_t, *load_level, *load_sum; /* load_sum: of the levels before each, nload + 1 */
	double load_mean;  /* per second */
	const char *load_what; /* "requests", ...; NULL: none */
	/* all lives of a role rose at once */
	struct mc_jump jump;   /* bytes; lives 0: none */
	size_t jump_by;        /* the deploy that restarted nobody, then; MC_NO_DEPLOY: none is near */
};

/* The covariates of bins. */
enum { HISTORY_X_THREADS, HISTORY_X_FDS, HISTORY_X_REQUESTS, HISTORY_X_SHMEM };

enum history_signal { HISTORY_ANON, HISTORY_SHMEM, HISTORY_PROCESSES };

/* Sums up all lives up to c->as_of_ms. 0, MC_ENOMEM, MC_ELIMIT. */
int history_new(const struct mc_case *c, struct history *ret, struct mc_error *err);
void history_release(struct history *h);
/* Fills deploy up to until_ms, by time; origin_ms is known. 0, MC_ENOMEM. */
int history_deploys(struct history *h, int64_t until, struct mc_error *err);
/* Which release each life runs: by what it says of itself, else by the waves of restarts near the marks. */
int history_releases(struct history *h, struct mc_error *err);
/* The release that a life started at t runs, by time alone; 0: what ran before all deploys. */
size_t history_release_at(const struct history *h, double t);
/* Fills load_t, load_level, load_sum from the best counter that there is, up to until_ms. */
int history_load(struct history *h, int64_t until_ms, struct mc_error *err);
/* The panel of the lives of one role; *ret NULL where there is too little. */
struct history_rows {
	double *block;
	struct mc_panel_life *life;
	size_t nlives, nrows;
	size_t *of;        /* index of the history's life a panel life */
	double *release_t, *onsets;
	size_t nonsets;
	double *steep;     /* of the onsets, those at which lives begin to rise steeply to their ends */
	size_t nsteep;
	double bin;
};
int history_panel(struct history *h, const struct history_life *lives, size_t n, size_t role, double unit, struct history_rows *rows,
	struct mc_panel **ret, struct mc_error *err);
/* n onsets more. 0, MC_ENOMEM. */
int history_rows_add_onsets(struct history_rows *r, const double *t, size_t n, struct mc_error *err);
/* Recognises a collector's saw-tooth, sets its period, and takes out of the bins what is not collected yet. Once, after the load is known. */
void history_collector(struct history *h);
/* Sets role of every life, and nroles. 0, MC_ENOMEM. */
int history_roles(struct history *h, struct mc_error *err);
enum { HISTORY_MOST_ROLES = 3 };
void history_rows_release(struct history_rows *r);
/* Fills jump of the history and of its lives. 0, MC_ENOMEM. */
int history_jumps(struct history *h, struct mc_error *err);
/* Mean relative load over a time; NaN: not known. */
double history_mean_load(const struct history *h, double from, double to);
/* Mean level of the points in [from, to), found by two searches and no walk; 0: there are none. */
double history_usual_load(const struct history *h, double from, double to);
/* The largest and the mean level of the load between two times, by windows of a hundredth of what was seen; 0 where there is none. */
void history_load_between(const struct history *h, double from, double to, double *most, double *mean);
/* Lives of the whole program, one a release: its shared memory, or how many processes it has. *ret is the caller's, one block. */
int history_whole(struct history *h, enum history_signal signal, struct history_life **ret, size_t *n, struct mc_error *err);

/* Clocks may be wild, but not so that a time is no number of milliseconds any more. */
static inline double history_seconds(const struct history *h, int64_t ms)
{
	return fmax(-1e13, fmin(1e13, ((double)ms - (double)h->origin_ms) / 1000));
}

/* As near as there is, where the time is beyond all times. */
static inline int64_t history_ms(const struct history *h, double t)
{
	double ms = fmax(-9e18, fmin(9e18, t * 1000));
	int64_t ret;
	if (__builtin_add_overflow(h->origin_ms, (int64_t)(ms + (ms < 0 ? -.5 : .5)), &ret))
		return ms < 0 ? MC_NO_TIME + 1 : INT64_MAX;
	return ret;
}

/* The deploy that has this index in the case; MC_NO_DEPLOY: none. */
static inline size_t history_deploy_at(const struct history *h, size_t index)
{
	for (size_t k = 0; k < h->ndeploys; k++)
		if (h->deploy[k].index == index)
			return k;
	return MC_NO_DEPLOY;
}

#endif
