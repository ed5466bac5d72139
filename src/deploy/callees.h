/* One look into the functions that a release calls: what their definitions in the new tree do with
 * memory, and which things the changed files release. */
#ifndef MC_DEPLOY_CALLEES_H
#define MC_DEPLOY_CALLEES_H

#include "places.h"
#include "range.h"

struct mc_callees {
	struct mc_map *names;    /* called on the release's lines -> enum mc_callee */
	struct mc_map *released; /* words among the arguments of releases */
};
int mc_callees_init(struct mc_callees *c, struct mc_error *err);
void mc_callees_release(struct mc_callees *c);
/* Notes what a changed file calls and releases. */
void mc_callees_note(struct mc_callees *c, const struct mc_look *l);
/* Looks the noted names up in the C and C++ files of the tree, at most so many files and bytes. */
int mc_callees_look_up(struct mc_callees *c, struct mc_repo *r, git_tree *tree, struct mc_error *err);
enum mc_callee mc_callees_get(void *c, const char *name, size_t len);
bool mc_callees_released(void *c, const char *name, size_t len);

#endif
