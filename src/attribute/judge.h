/* What one signal of a program was found to do; between judge.c, steps.c, decide.c, explain.c. */
#ifndef MEMCULPRIT_ATTRIBUTE_JUDGE_H
#define MEMCULPRIT_ATTRIBUTE_JUDGE_H

#include "belief.h"
#include "witness.h"

/* Given that nothing grows, which deploy brought a lasting step; arrays of ndeploys + 1. */
struct steps {
	double *p, none, free;     /* probabilities; of no step; of one that no deploy brought */
	struct mc_growth_fit *fit; /* its shift */
	size_t *until;             /* likeliest release at which it ends; SIZE_MAX: it lasts */
};

struct judgement {
	enum history_signal signal;
	double unit;                  /* bytes (or processes) a unit of the panel */
	const struct history_life *lives; /* those judged */
	size_t nlives;
	struct history_life *own;     /* made for this signal, to be freed */
	size_t role;                  /* the one that says most; rows, panel, slopes and steps are of its lives */
	struct history_rows rows;     /* what the load explains is taken out once the evidence has been weighed */
	struct mc_panel *panel;       /* NULL: too little */
	struct suppositions sets;
	struct mc_growth_evidence evidence; /* of all roles together, against none of them growing */
	struct belief belief;
	double grows, changed;        /* probability of growth; of a step where nothing grows */
	struct steps steps;
	struct witnessed witnessed; /* of private memory */
};
/* What is believed of deploy k: that it began a step, where nothing grows; that, or a growth. */
static inline double judged_step_of(const struct judgement *j, size_t k)
{
	return (j->belief.none + j->belief.bounded) * j->steps.p[k];
}
static inline double judged_of(const struct judgement *j, size_t k)
{
	return j->belief.deploy[k] + judged_step_of(j, k);
}
/* That no deploy began a growth. */
static inline double judged_no_deploy(const struct judgement *j)
{
	return j->belief.all + j->belief.before + j->belief.free_onset;
}
/* Seconds that the longest life lived, seen or not. */
static inline double judged_longest(const struct judgement *j)
{
	double life = 0;
	for (size_t i = 0; i < j->nlives; i++)
		life = fmax(life, j->lives[i].last - j->lives[i].start);
	return life;
}
int judge(struct history *h, enum history_signal signal, struct judgement *ret, struct mc_error *err);
void judgement_release(struct judgement *j);
/* The likeliest supposition that begins with deploy k (MC_NO_DEPLOY: that was there before the first), and the likeliest onset that is its; MC_NO_DEPLOY: there is none. */
size_t best_set(const struct judgement *j, size_t k);
size_t best_onset(const struct judgement *j, size_t k);
/* Takes from the belief what the lives' own trends speak against. 0, MC_ENOMEM. */
int guards(const struct history *h, struct judgement *j, struct mc_error *err);
/* When the load first goes beyond what it was before deploy k, where it had far more at some time of that step, or so little on the whole that none
 * before is alike: what stands higher only from then on may do so for that. What a surge took is not given back. INFINITY: it does not. */
double step_load_leaves(const struct history *h, const struct judgement *j, size_t k);
/* Fills steps. */
int judge_steps(const struct history *h, struct judgement *j, struct mc_error *err);
void steps_release(struct steps *s);

/* Bytes (or processes) per second that the lives of a release rise by after the first two fifths of their time, the median life,
 * and its standard error. No model but that of the load is in it: a figure to show. 0; 1: no life is long enough; MC_ENOMEM. */
int release_trend(const struct judgement *j, size_t release, double *ret, double *sd, struct mc_error *err);
/* Turns the judgement into the answer's numbers, times and episodes. */
int decide(const struct history *h, const struct judgement *j, struct mc_answer *a, struct mc_error *err);
/* Adds an episode. 0, MC_ENOMEM. */
int episode_add(struct mc_answer *a, struct mc_episode e, struct mc_error *err);
/* The parts of a growth begun by `culprit`, of the releases of s (NULL: of none): where it came back, and where its rate changed from one release to the
 * next, by requests where it goes with them. 0, MC_ENOMEM. */
int leak_episodes(const struct history *h, const struct judgement *j, size_t culprit, const struct mc_supposition *s, bool by_requests, struct mc_answer *a,
	struct mc_error *err);
/* Adds the sentences. */
int explain(const struct history *h, const struct judgement *j, struct mc_answer *a, struct mc_error *err);
/* An answer of what is likely beforehand, where nothing can be said: less samples than these say nothing, however clear it looks. */
enum { LEAST_SAMPLES = 30, LEAST_SAMPLES_IN_ALL = 300 };
int decide_nothing(const struct history *h, struct mc_answer *a, struct mc_error *err);
int explain_too_little(const struct history *h, struct mc_answer *a, struct mc_error *err);

/* Lives of a role, or of EVERY_ROLE, that are alive at t. */
#define EVERY_ROLE SIZE_MAX
size_t lives_at(const struct history *h, size_t role, double t);
/* By how many a figure of one life is to be multiplied for the whole program at t: its lives, or 1 where the signal is the
 * program's. At least 1. */
double lives_counted(const struct history *h, const struct judgement *j, double t);

#endif
