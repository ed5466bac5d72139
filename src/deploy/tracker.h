/* Inside of the deploy stage: which libraries ran with each program, as the tracker's files share it. */
#ifndef MC_DEPLOY_TRACKER_H
#define MC_DEPLOY_TRACKER_H

#include "memculprit/base.h"
#include "memculprit/deploy.h"

enum {
	MC_MOST_PROGRAMS = 4000, MC_MOST_FILES_RUN = 64, MC_MOST_FILE_BUILDS = 16, MC_MOST_LIBSETS = 6, MC_MOST_LIBRARIES = 256,
	/* Older beside newer for longer than this is not a rolling update under way, it is how they run; and
	 * what is gone for longer than this has been taken away. */
	MC_SETTLED_MS = 600000
};

/* Libraries that are mapped together, and whether they count as running. */
struct mc_running_set {
	int64_t first_ms, last_ms; /* last seen alive */
	int64_t replaced_ms;       /* when a newer one began beside it, 0 never */
	int64_t until_ms;          /* counts as running until then though none lives; 0: no such time */
	uint32_t live;
	bool runs;                 /* lives, or lived when last anything of the file's build did */
};

struct mc_libset {
	struct mc_running_set at;
	size_t build; /* of the file that had them mapped; SIZE_MAX: forgotten */
	size_t n;
	struct mc_library_build *v;
};

/* One program file of a group. */
struct mc_thing {
	char what[sizeof((struct mc_identity *)0)->what];
	size_t n, cap;
	struct mc_file_build {
		char build_id[MC_BUILD_ID_TEXT];
		uint32_t live;
		int64_t last_ms;
	} *v; /* at most MC_MOST_FILE_BUILDS */
	size_t nlibs;
	struct mc_libset libs[MC_MOST_LIBSETS];
};

struct mc_watched {
	char *name;
	bool changed;
	size_t n;
	struct mc_thing *things[MC_MOST_FILES_RUN];
};

struct mc_alive { /* an incarnation */
	uint64_t id;
	size_t program, thing, build, libset;
};

struct mc_tracker {
	struct mc_map *names; /* program -> place */
	size_t n, cap;
	struct mc_watched *programs;
	struct mc_map *index; /* incarnation -> place in alive */
	size_t nalive, alive_cap;
	struct mc_alive *alive;
};

/* The program's memory, added where it is not there; NULL without memory or at the limit. */
struct mc_watched *mc_tracker_program(struct mc_tracker *t, const char *name, bool add);
struct mc_thing *mc_tracker_thing(struct mc_watched *w, const char *what, bool add, size_t *at);
void mc_thing_free(struct mc_thing *g);

#endif
