#include "attribute_ask.h"

#include <stdlib.h>

struct world_plan world_plan_of(uint64_t seed)
{
	return (struct world_plan){ .seed = seed, .kind = (enum world_kind)(seed % WORLD_KINDS), .slots = 2, .deploys = 4, .samples = 110,
		.interval = 30, .culprit = 1 + seed % 2, .load = true };
}

uint64_t world_rounds(void)
{
	return getenv("MC_SHORT") ? WORLD_KINDS : 3 * WORLD_KINDS;
}

struct mc_answer ask(const struct mc_case *c)
{
	struct mc_answer a;
	struct mc_error e = { 0 };
	int rc = mc_attribute(c, &a, &e);
	if (rc != 0)
		fail_msg("%d %s", rc, e.text);
	const char *wrong = answer_wrong(c, &a);
	if (wrong)
		fail_msg("%s", wrong);
	return a;
}

double probability(const struct mc_answer *a, size_t deploy)
{
	for (size_t i = 0; i < a->ncandidates; i++)
		if (a->candidates[i].deploy == deploy)
			return a->candidates[i].probability;
	return 0;
}

size_t culprit(const struct mc_answer *a)
{
	return a->culprit == MC_NO_DEPLOY ? MC_NO_DEPLOY : a->candidates[a->culprit].deploy;
}
