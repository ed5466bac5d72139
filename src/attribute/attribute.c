/* From curves and deploys to an answer. */
#include "judge.h"

#include <math.h>

static void empty_answer(struct mc_answer *a, const struct mc_case *c, const struct history *h)
{
	*a = (struct mc_answer){ .verdict = MC_VERDICT_INSUFFICIENT, .as_of_ms = c->as_of_ms ? c->as_of_ms : history_ms(h, h->as_of),
		.onset_ms = MC_NO_TIME, .onset_lo_ms = MC_NO_TIME, .onset_hi_ms = MC_NO_TIME, .slope_before = (double)NAN,
		.slope_after = (double)NAN, .slope_after_lo = (double)NAN, .slope_after_hi = (double)NAN, .slope_now = (double)NAN,
		.slope_now_lo = (double)NAN, .slope_now_hi = (double)NAN, .bytes_per_request = (double)NAN,
		.grown_bytes = (double)NAN, .exhaustion_ms = MC_NO_TIME, .exhaustion_lo_ms = MC_NO_TIME, .exhaustion_hi_ms = MC_NO_TIME,
		.culprit = MC_NO_DEPLOY, .no_change = 1, .ambiguous_until_ms = MC_NO_TIME, .fixed_by = MC_NO_DEPLOY,
		.fixed_first_seen_ms = MC_NO_TIME, .stopped_ms = MC_NO_TIME, .stopped_lo_ms = MC_NO_TIME, .stopped_hi_ms = MC_NO_TIME,
		.ceiling_bytes = (double)NAN, .look_again_ms = MC_NO_TIME };
}

/* The most that one deploy has of a step, and of all together. */
static double most_of_step(const struct judgement *j)
{
	double most = 0, rest = j->belief.none + j->belief.bounded;
	for (size_t k = 0; k < j->belief.ndeploys && j->steps.p; k++)
		most = fmax(most, rest * j->steps.p[k]);
	return most;
}

/* Does it show growth, or a step, that a reader should hear of before that of private memory? */
static bool leads(const struct judgement *j, const struct judgement *anon)
{
	if (!j->panel)
		return false;
	/* a deploy that brought more processes, each as large as before */
	if (j->grows <= .5)
		return j->signal == HISTORY_PROCESSES && most_of_step(j) > .5 && anon->grows <= .5 && most_of_step(anon) <= .5;
	/* processes that multiply bring their memory along; each by itself is flat */
	return anon->grows <= .5 || j->grows - j->belief.all - j->belief.before > .9;
}

static int judge_signals(struct history *h, struct judgement *j, struct mc_error *err)
{
	int rc = judge(h, HISTORY_ANON, j, err);
	static const enum history_signal OTHERS[] = { HISTORY_SHMEM, HISTORY_PROCESSES };
	for (size_t i = 0; rc == 0 && i < 2; i++) {
		struct judgement x = { 0 };
		rc = judge(h, OTHERS[i], &x, err);
		if (rc == 0 && leads(&x, j)) {
			struct judgement swap = *j;
			*j = x;
			x = swap;
		}
		judgement_release(&x);
	}
	return rc;
}

int mc_attribute(const struct mc_case *c, struct mc_answer *ret, struct mc_error *err)
{
	struct history h;
	struct judgement j = { 0 };
	struct mc_answer a;
	int rc = history_new(c, &h, err);
	if (rc < 0)
		return rc;
	empty_answer(&a, c, &h);
	rc = judge_signals(&h, &j, err);
	if (rc == 0 && j.panel)
		rc = decide(&h, &j, &a, err);
	if (rc == 0 && a.verdict == MC_VERDICT_INSUFFICIENT)
		rc = decide_nothing(&h, &a, err);
	if (rc == 0)
		rc = a.verdict != MC_VERDICT_INSUFFICIENT ? explain(&h, &j, &a, err) : explain_too_little(&h, &a, err);
	judgement_release(&j);
	history_release(&h);
	if (rc < 0) {
		mc_answer_release(&a);
		return rc;
	}
	*ret = a;
	return 0;
}
