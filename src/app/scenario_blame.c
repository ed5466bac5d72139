/* The answer about a scenario folder: no database, no repository. */
#include "memculprit/app.h"

#include <stdlib.h>

int mc_blame_scenario(const char *dir, int64_t as_of_ms, struct mc_blame *ret, struct mc_error *err)
{
	struct mc_blame b = { 0 };
	int rc = mc_scenario_read(dir, &b.scenario, err);
	if (rc == 0) {
		b.scenario.c.as_of_ms = as_of_ms;
		rc = mc_attribute(&b.scenario.c, &b.answer, err);
	}
	if (rc < 0) {
		mc_blame_release(&b);
		return rc;
	}
	*ret = b;
	return 0;
}

void mc_blame_release(struct mc_blame *b)
{
	mc_answer_release(&b->answer);
	if (b->has_changes)
		mc_changes_release(&b->changes);
	free(b->changes_note);
	mc_scenario_release(&b->scenario);
	*b = (struct mc_blame){ 0 };
}
