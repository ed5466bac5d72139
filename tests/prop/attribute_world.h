/* Small simulated programs in memory, and what every answer must hold: for the tests of mc_attribute(). */
#ifndef TESTS_PROP_ATTRIBUTE_WORLD_H
#define TESTS_PROP_ATTRIBUTE_WORLD_H

#include "memculprit/attribute.h"

enum world_kind { WORLD_FLAT, WORLD_LEAK, WORLD_STEP, WORLD_FIXED, WORLD_LOAD, WORLD_KINDS };

struct world_plan {
	uint64_t seed;
	enum world_kind kind;
	size_t slots, deploys, samples; /* samples a life */
	double interval;                /* seconds */
	size_t culprit;                 /* deploy that begins growth or step */
	bool load;
};

/* All arrays are the world's, and may be written to. */
struct world {
	struct mc_case c;
	struct mc_life *lives;
	struct mc_deploy_mark *deploys;
	int64_t *t_ms, *load_t;
	double *anon, *requests;
	char (*version)[24];
	size_t nsamples;
};
void world_make(struct world *w, const struct world_plan *p);
void world_free(struct world *w);

/* NULL, or what is wrong with the answer: probabilities, numbers that are neither finite nor NaN, intervals that are no
 * intervals, indices, names. */
const char *answer_wrong(const struct mc_case *c, const struct mc_answer *a);

#endif
