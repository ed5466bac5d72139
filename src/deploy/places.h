/* Places of one changed file that are worth reading, each with its reason. Evidence, never a score. */
#ifndef MC_DEPLOY_PLACES_H
#define MC_DEPLOY_PLACES_H

#include "source.h"
#include "tokens.h"

/* What the repository says of a function by its definition. */
enum mc_callee { MC_CALLEE_UNKNOWN, MC_CALLEE_PLAIN, MC_CALLEE_RETURNS, MC_CALLEE_OUT, MC_CALLEE_RELEASES };

enum { MC_RANK_TEST = 100 }; /* ranks from here on are of tests */
struct mc_spot {
	uint32_t line; /* in the new file; of a removed line: where it stood */
	bool removed;  /* the cause is a line that is gone */
	uint32_t cause; /* the line that was added (new file) or removed (old file), to find its commit */
	int rank;
	char reason[200];
};

struct mc_spots {
	struct mc_spot *v;
	size_t n, cap;
};

/* What is looked at: the file before and after, and which lines the diff touches. */
struct mc_look {
	const struct mc_source *before, *after; /* before may be NULL: a new file */
	const bool *added;   /* [line - 1] of after */
	const bool *removed; /* [line - 1] of before */
	bool is_test;        /* does not run where the leak is */
	enum mc_callee (*callee)(void *user, const char *name, size_t len);
	/* Whether something of the release releases a thing of that name (a field, a global). */
	bool (*released)(void *user, const char *name, size_t len);
	void *user;
};
int mc_places(const struct mc_look *l, struct mc_spots *ret, struct mc_error *err);

/* Names of functions called on added lines that no table knows: fn is told each. */
void mc_unknown_calls(const struct mc_look *l, void (*fn)(void *user, const char *name, size_t len), void *user);
/* What a definition (parameters in its head, body between body and end) does with memory. */
enum mc_callee mc_definition(const struct mc_source *s, const struct mc_function *f);
bool mc_path_is_test(const char *path);
/* Lock files and manifests of package managers. */
bool mc_path_is_manifest(const char *path);
int mc_manifest_places(const struct mc_look *l, struct mc_spots *ret, struct mc_error *err);
/* Lines of any other text that name an allocator (-ljemalloc). */
int mc_build_places(const struct mc_look *l, struct mc_spots *ret, struct mc_error *err);

#endif
