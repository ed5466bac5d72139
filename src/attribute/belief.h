/* From evidence to probabilities: what is likely beforehand, and what the data make of it. */
#ifndef MEMCULPRIT_ATTRIBUTE_BELIEF_H
#define MEMCULPRIT_ATTRIBUTE_BELIEF_H

#include "history.h"

struct suppositions {
	size_t n;
	struct mc_supposition *s; /* of releases: deploy k is release k + 1 */
	double *cost;             /* minus the log of its share of the prior */
};
int suppositions_new(const struct history *h, struct suppositions *ret, struct mc_error *err);
void suppositions_release(struct suppositions *s);
/* The deploy that begins what is supposed; MC_NO_DEPLOY: it was there before the first. */
static inline size_t supposed_deploy(const struct mc_supposition *s)
{
	return s->from > 0 ? s->from - 1 : MC_NO_DEPLOY;
}
/* Does the release grow by this supposition? */
static inline bool supposed_to_grow(const struct mc_supposition *s, size_t release)
{
	return (release >= s->from && release < s->until) || (release >= s->again && release < s->again_until);
}

/* Is the release one that the growth is held against: those before it, or those after it where it was there before the first deploy? */
static inline bool supposed_beside(const struct mc_supposition *s, size_t release)
{
	return s->from > 0 ? release < s->from : release >= s->until;
}

struct belief {
	double none, all, bounded, free_onset; /* no growth; growth since ever; growth that levels off; growth no deploy began */
	double before;       /* growth of all that ran before the first deploy, which a deploy ended: the suppositions from release 0 on */
	double *deploy;      /* a deploy began it */
	size_t ndeploys;
	double *weight;      /* of each supposition, sums to 1 over all hypotheses */
	double *onset_weight; /* of each onset */
	size_t *onset_of;    /* deploy that owns the onset, or MC_NO_DEPLOY */
};
/* 0, MC_ENOMEM. `usable`: releases that have rows in the panel. */
int belief_new(const struct history *h, const struct suppositions *s, const struct mc_growth_evidence *e, const struct history_rows *rows,
	struct belief *ret, struct mc_error *err);
/* Gives the probability p, taken from elsewhere, to growth since ever and growth that deploys began, all alike, and to growth that levels off where
 * `bounded` is true; where there is none of them, to growth that levels off. nsets, nonsets: lengths of weight and onset_weight.
 * `before` gets nothing, so that it can be taken out again; its weights are then of use among themselves only. */
void belief_give(struct belief *b, size_t nsets, size_t nonsets, double p, bool bounded);
/* Takes out growth that was there before the first deploy and ended, as if it had not been supposed; nonsets: length of onset_weight. */
void belief_without_before(struct belief *b, const struct suppositions *s, size_t nonsets);
/* Deploy k's part of what is believed since the restarts of each deploy (p: belief.deploy, or steps), where those may be another's
 * (struct history_also). */
double belief_whose(const struct history *h, const double *p, size_t k);
/* The deploy whose restarts most of what deploy k is believed to have done (p: deploy or step) comes from; k itself mostly. */
size_t belief_source(const struct history *h, const double *p, size_t k);
void belief_release(struct belief *b);
/* What is likely before anything was seen: that some deploy began a growth, all of them together, and that another growth did. */
void belief_before(size_t ndeploys, double *deploys, double *not_a_deploy);

#endif
