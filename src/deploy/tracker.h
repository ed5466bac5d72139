/* Inside of the deploy stage: what ran of each program, as the tracker's files share it. */
#ifndef MC_DEPLOY_TRACKER_H
#define MC_DEPLOY_TRACKER_H

#include "memculprit/base.h"
#include "memculprit/deploy.h"

enum {
	MC_MOST_PROGRAMS = 4000, MC_MOST_FILES_RUN = 64, MC_MOST_VARIANTS = 16, MC_MOST_LIBSETS = 6, MC_MOST_LIBRARIES = 256,
	/* Older beside newer for longer than this is not a rolling deploy under way, it is how they run; and
	 * what is gone for longer than this has been taken away. */
	MC_SETTLED_MS = 600000
};

/* One version of one thing, and whether it counts as running. */
struct mc_variant {
	int64_t first_ms, last_ms; /* last seen alive */
	int64_t replaced_ms;       /* when a newer one began beside it, 0 never */
	int64_t until_ms;          /* counts as running until then though none lives; 0: no such time */
	uint32_t live;
	bool runs;                 /* lives, or lived when last anything of the thing did */
};

struct mc_libset {
	struct mc_variant at;
	size_t variant; /* of the executable that had them mapped */
	size_t n;
	struct mc_library_build *v;
};

/* One program file of a group. */
struct mc_thing {
	char what[sizeof((struct mc_identity *)0)->what];
	size_t n, newest; /* newest: the last that was deployed */
	struct mc_version {
		struct mc_variant at;
		struct mc_identity id;
	} *v; /* at most MC_MOST_VARIANTS; nearly always one, and each is a kilobyte */
	size_t cap;
	size_t nlibs;
	struct mc_libset libs[MC_MOST_LIBSETS];
};

/* Makes room for n versions in all. 0 or MC_ENOMEM. */
int mc_thing_room(struct mc_thing *g, size_t n);

struct mc_watched {
	char *name;
	bool changed;
	size_t n;
	struct mc_thing *things[MC_MOST_FILES_RUN];
};

struct mc_alive { /* an incarnation */
	uint64_t id;
	size_t program, thing, variant, libset; /* libset SIZE_MAX: not told yet */
	int64_t start_ms;
};

struct mc_tracker {
	struct mc_map *names; /* program -> place */
	size_t n, cap;
	struct mc_watched *programs;
	struct mc_map *index; /* incarnation -> place in alive */
	size_t nalive, alive_cap;
	struct mc_alive *alive;
};

/* What two identities of one program file are to each other. Where nothing can be compared: the same. */
enum mc_sameness { MC_SAME, MC_OTHER, MC_OTHER_BUILD, MC_OTHER_INTERPRETER };
enum mc_sameness mc_compare_identities(const struct mc_identity *a, const struct mc_identity *b);
bool mc_same_commit(const char *a, const char *b); /* either may be short; both there */
/* The program's memory, added where it is not there; NULL without memory or at the limit. */
struct mc_watched *mc_tracker_program(struct mc_tracker *t, const char *name, bool add);
struct mc_thing *mc_tracker_thing(struct mc_watched *w, const char *what, bool add, size_t *at);
void mc_thing_free(struct mc_thing *g);

#endif
