/* What speaks for and against the deploy that is believed most, beside the likelihood: how far its probability is to be trusted. */
#ifndef MEMCULPRIT_ATTRIBUTE_WITNESS_H
#define MEMCULPRIT_ATTRIBUTE_WITNESS_H

#include "history.h"

struct judgement;

enum witness_of {
	WITNESS_ODDS,      /* log odds of the model that the deploy, or a near rival, began a growth or a step, if none such is there that no deploy began */
	WITNESS_STEP_ODDS, /* the part of these that a step has */
	WITNESS_GAINS,     /* lives gain more than older ones at equal age: share of the pairs, less a half */
	WITNESS_ONSET,     /* growth that begins with the deploy, within lives too, against the best: log evidence, -20 to 0 */
	WITNESS_SIZE,      /* log of the growth of the longest life in noise deviations */
	WITNESS_FASTER,    /* growth that gets faster against even growth, log evidence, -5 to 10 */
	WITNESS_LIVES,     /* log of the lives, as of 10 where there are less, and of as many as are compared where there are more */
	WITNESS_FIRM_ODDS, /* odds, times what each life gains beyond every older one at equal age, in parts of the claim, 0 to 2 */
	WITNESS_SMALL_ODDS, /* odds, times how far (log) the claim is below what older lives gain anyway at that age */
	WITNESS_NO_TAIL,   /* what lives rise by in their last part falls short of .8 of what is claimed: by how much of it */
	WITNESS_MORE_TAIL, /* it goes beyond 1.1 of that, for another reason then: by how much */
	WITNESS_STEP_TEETH, /* the step's part of the probability where there is a collector's saw-tooth */
	WITNESS_TEETH,     /* 1: there is such a saw-tooth */
	WITNESS_ONE_OLDER, /* 1: one older life at most */
	WITNESS_OLDER,     /* log of the older lives, of as many as are compared where there are more */
	WITNESS_LOAD,      /* log of what load moves, in noise deviations */
	WITNESS_P,         /* the probability itself, near rivals with it */
	WITNESS_RIVAL,     /* log of that of the likeliest other deploy, as far as it is no near rival; at least .001 */
	WITNESS_DIFFER,    /* warm-ups differ from release to release: the signed root of the log evidence, -8 to 8 */
	WITNESS_CURVE,     /* log of what lives rise by with their age, in noise deviations */
	WITNESS_UNSEEN,    /* 1: no older life was seen in its youth, so the newer ones' has nothing to be held against */
	WITNESSES
};
/* The deploy whose restarts are believed most to have begun something, before the witnesses were heard. */
struct witnessed {
	size_t deploy;     /* MC_NO_DEPLOY: there is none, or it has hardly any probability; the rest is not set then */
	double p, step;    /* its probability; the part of it that a step has */
	double near;       /* probability of rivals that are nearly as likely: nothing here tells them from it, so they rise and fall together */
	double flag;       /* probability of growth that no deploy began, where it is more: it stays as it is; else 0 */
	bool close[HISTORY_MOST_DEPLOYS]; /* deploys that hardly anything was lived between, and that one: the witnesses are of both */
	size_t nearest;    /* the nearest of them, where it is so near that half of it moves with the deploy; else MC_NO_DEPLOY */
	double older;      /* lives of the panel that run what was there before it */
	double now;        /* that of the deploy and its near rivals after they were heard */
	double x[WITNESSES];
};
/* How much of the probability q of another deploy, k, moves with that of the deploy: all from three quarters of it on, nothing below a half. All of it
 * where the two are close. */
static inline double witness_near(const struct witnessed *w, size_t k, double q)
{
	return w->close[k] ? 1 : fmax(0, fmin(1, 4 * q / w->p - 2));
}
/* Do deploys a and b differ in hardly any of the time that lives grew, or stood higher, by them? What lives between them did is next to nothing then beside
 * what those after both do, so what tells growth from none is of both, and only the likelihood, from those few rows, tells one from the other. */
bool witness_close(const struct judgement *j, size_t a, size_t b);
/* Fills it from belief and steps. */
void witness(const struct history *h, const struct judgement *j, struct witnessed *ret);
/* The probability that such a deploy with such witnesses began what it is said to, if none such is there that no deploy began. */
double witness_worth(const double x[WITNESSES]);
/* What one witness adds to the log odds of that, more than it does usually. */
double witness_says(const double x[WITNESSES], enum witness_of which);
/* Appends why the probability is another than the likelihood's, the weightiest of the witnesses that moved it that way: at most two, with "; " between;
 * nothing where none did. */
void witness_reasons(const struct witnessed *w, struct mc_buf *ret);
/* Hears the witnesses: exchanges the deploy's probability in belief and steps for what it is worth. What it gains comes from all else
 * but such growth; what it loses is growth that levels off. */
void witness_hear(const struct history *h, struct judgement *j);

#endif
