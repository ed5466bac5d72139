/* Which wave of restarts each mark announced. */
#ifndef MEMCULPRIT_ATTRIBUTE_ALIGN_H
#define MEMCULPRIT_ATTRIBUTE_ALIGN_H

#include "memculprit/base.h"

#define ALIGN_NONE SIZE_MAX
/* Marks are off by a sixth of the reach, usually. */
#define ALIGN_USUAL 6

struct align_mark {
	double at;            /* seconds */
	double after, before; /* its wave is between these */
};

/* What a wave looks like: it renewed some slots, or nearly all of several, one by one or all at once. */
enum align_look { ALIGN_SOME, ALIGN_ALL, ALIGN_AT_ONCE, ALIGN_LOOKS };

struct align_wave {
	double at;
	enum align_look look;
};

/* Both by time. reach: how far a mark may be from its wave; least: what moments are known to; span: all that was seen. Seconds. */
struct align_in {
	size_t nmarks, nwaves;
	const struct align_mark *marks;
	const struct align_wave *waves;
	double reach, least, span;
	size_t far[ALIGN_LOOKS]; /* how many waves no mark is near, and `waves` has not */
};

/* How marks lie to their waves: wave less mark has a Laplace distribution. */
struct align_manner {
	double late, scale;       /* seconds */
	double look[ALIGN_LOOKS]; /* shares of the looks */
	double rate[ALIGN_LOOKS]; /* waves of their own a second */
};

/* Minus the log likelihood of an alignment under a manner; infinite where it breaks order or reach. */
double align_cost(const struct align_in *in, const struct align_manner *m, const size_t *wave);
/* The likeliest alignment under a manner. 0, MC_ENOMEM. Takes nmarks x nwaves bytes. */
int align_given(const struct align_in *in, const struct align_manner *m, size_t *wave, struct mc_error *err);
/* odds[k * nwaves + i] := the probability that mark k announced wave i, over all alignments under a manner; *loglik is theirs together. Forward
 * and backward sums (Durbin, Eddy, Krogh and Mitchison, Biological Sequence Analysis, 1998, section 4.4). 0, MC_ENOMEM. Takes nmarks x nwaves numbers. */
int align_odds(const struct align_in *in, const struct align_manner *m, double *odds, double *loglik, struct mc_error *err);
/* wave[k] := the wave that mark k announced, or ALIGN_NONE. Order is kept, each wave has one mark at most. odds (or NULL): as above, over the
 * manners that the search ended with, each as likely as what it explains. 0, MC_ENOMEM. Takes nmarks x nwaves bytes, with odds thrice as many numbers. */
int align(const struct align_in *in, size_t *wave, double *odds, struct mc_error *err);

#endif
