/* The places of a whole release: every changed file looked at, with the callees of the new tree. */
#ifndef MC_DEPLOY_SUSPECTS_H
#define MC_DEPLOY_SUSPECTS_H

#include "places.h"
#include "range.h"

struct mc_suspect {
	size_t file; /* of the release */
	struct mc_spot spot;
	char *function, *text; /* clean; "" none */
	char *cause; /* raw text of a removed line, for finding its commit; NULL otherwise */
	size_t cause_len;
};
struct mc_suspects {
	struct mc_suspect *v;
	size_t n, cap;
};
/* Sets each file's rank too. */
int mc_suspects_find(struct mc_repo *r, struct mc_release *d, git_tree *to, struct mc_suspects *ret, struct mc_error *err);
void mc_suspects_release(struct mc_suspects *s);

#endif
