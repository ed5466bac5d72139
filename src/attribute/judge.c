#include "judge.h"

#include <math.h>
#include <stdlib.h>

static const double MIB = 1048576;

int judge(struct history *h, enum history_signal signal, struct judgement *ret, struct mc_error *err)
{
	struct judgement j = { .signal = signal, .unit = signal == HISTORY_PROCESSES ? 1 : MIB, .lives = h->life, .nlives = h->nlives };
	int rc = 0;
	if (signal != HISTORY_ANON) {
		rc = history_whole(h, signal, &j.own, &j.nlives, err);
		j.lives = j.own;
	}
	if (rc == 0)
		rc = history_panel(h, j.lives, j.nlives, j.unit, &j.rows, &j.panel, err);
	if (rc == 0 && j.panel) {
		rc = suppositions_new(h, &j.sets, err);
		if (rc == 0)
			rc = mc_panel_evidence(j.panel, j.sets.s, j.sets.n, &j.evidence, err);
		if (rc == 0)
			rc = belief_new(h, &j.sets, &j.evidence, &j.rows, &j.belief, err);
		if (rc == 0)
			rc = judge_steps(h, &j, err);
	}
	if (rc < 0) {
		judgement_release(&j);
		return rc;
	}
	j.grows = j.panel ? j.belief.all + j.belief.free_onset : 0;
	for (size_t k = 0; j.panel && k < h->ndeploys; k++)
		j.grows += j.belief.deploy[k];
	*ret = j;
	return 0;
}

void judgement_release(struct judgement *j)
{
	mc_panel_free(j->panel);
	history_rows_release(&j->rows);
	suppositions_release(&j->sets);
	mc_growth_evidence_release(&j->evidence);
	belief_release(&j->belief);
	free(j->own);
	free(j->step_fit);
	free(j->step_until);
	*j = (struct judgement){ 0 };
}
