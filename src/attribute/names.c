#include "memculprit/attribute.h"

#include <stdlib.h>

const char *mc_verdict_name(enum mc_verdict v)
{
	static const char *const names[] = { "none", "leak", "step", "load", "plateau", "insufficient_data" };
	return names[v];
}

const char *mc_state_name(enum mc_state s)
{
	static const char *const names[] = { NULL, "active", "fixed" };
	return names[s];
}

const char *mc_signal_name(enum mc_signal s)
{
	static const char *const names[] = { NULL, "anon", "shmem", "processes" };
	return names[s];
}

void mc_answer_release(struct mc_answer *a)
{
	for (size_t i = 0; i < a->nevidence; i++)
		free(a->evidence[i].text);
	free(a->evidence);
	free(a->episodes);
	free(a->candidates);
	*a = (struct mc_answer){ 0 };
}
