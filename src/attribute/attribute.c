/* From curves and deploys to an answer. */
#include "memculprit/attribute.h"

#include <math.h>
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

static int64_t last_sample(const struct mc_case *c)
{
	int64_t last = MC_NO_TIME;
	for (size_t i = 0; i < c->nlives; i++)
		if (c->lives[i].n && c->lives[i].t_ms[c->lives[i].n - 1] > last)
			last = c->lives[i].t_ms[c->lives[i].n - 1];
	return last == MC_NO_TIME ? 0 : last;
}

int mc_attribute(const struct mc_case *c, struct mc_answer *ret, struct mc_error *err)
{
	(void)err;
	*ret = (struct mc_answer){ .verdict = MC_VERDICT_INSUFFICIENT, .as_of_ms = c->as_of_ms ? c->as_of_ms : last_sample(c),
		.onset_ms = MC_NO_TIME, .onset_lo_ms = MC_NO_TIME, .onset_hi_ms = MC_NO_TIME, .slope_before = (double)NAN,
		.slope_after = (double)NAN, .slope_after_lo = (double)NAN, .slope_after_hi = (double)NAN, .bytes_per_request = (double)NAN,
		.grown_bytes = (double)NAN, .exhaustion_ms = MC_NO_TIME, .exhaustion_lo_ms = MC_NO_TIME, .exhaustion_hi_ms = MC_NO_TIME,
		.culprit = MC_NO_DEPLOY, .no_change = 1, .ambiguous_until_ms = MC_NO_TIME, .fixed_by = MC_NO_DEPLOY,
		.fixed_first_seen_ms = MC_NO_TIME, .stopped_ms = MC_NO_TIME, .stopped_lo_ms = MC_NO_TIME, .stopped_hi_ms = MC_NO_TIME,
		.ceiling_bytes = (double)NAN, .look_again_ms = MC_NO_TIME };
	return 0;
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
