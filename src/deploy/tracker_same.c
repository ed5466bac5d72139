/* When two identities are the same version. A false deploy is worse than a missed one: only what both
 * identities tell is compared, and what can't be told is the same. */
#include "tracker.h"

#include <string.h>

bool mc_same_commit(const char *a, const char *b)
{
	size_t la = strlen(a), lb = strlen(b), n = la < lb ? la : lb;
	return n >= 7 && memcmp(a, b, n) == 0;
}

/* 1 the same, 0 another, -1 one of them does not say. */
static int same_text(const char *a, const char *b)
{
	return a[0] && b[0] ? strcmp(a, b) == 0 : -1;
}

/* Whether the files themselves are the same, as same_text. */
static int same_file(const struct mc_identity *a, const struct mc_identity *b)
{
	int own = a->interpreted || b->interpreted ? -1 : same_text(a->build_id, b->build_id);
	return own >= 0 ? own : same_text(a->contents, b->contents);
}

enum mc_sameness mc_compare_identities(const struct mc_identity *a, const struct mc_identity *b)
{
	int file = same_file(a, b);
	bool tree = a->source == MC_ID_GIT_WORKTREE && b->source == MC_ID_GIT_WORKTREE && !a->interpreted && !b->interpreted;
	bool interpreter = a->interpreted && b->interpreted && same_text(a->build_id, b->build_id) == 0;
	if (tree && file == 1)
		return MC_SAME; /* HEAD has moved, what was built has not */
	if (a->commit[0] && b->commit[0]) {
		if (!mc_same_commit(a->commit, b->commit))
			return MC_OTHER;
		/* a work tree may hold changes that are not committed */
		if (tree && file == 0)
			return MC_OTHER_BUILD;
		return interpreter ? MC_OTHER_INTERPRETER : MC_SAME;
	}
	int version = same_text(a->version, b->version);
	if (version == 0)
		return MC_OTHER;
	if (file == 0)
		return version == 1 ? MC_OTHER_BUILD : MC_OTHER;
	if (version < 0 && file < 0 && same_text(a->image, b->image) == 0)
		return MC_OTHER;
	return interpreter ? MC_OTHER_INTERPRETER : MC_SAME;
}
