/* What a scenario folder holds in full: more columns than a case needs, for import. App only. */
#ifndef MEMCULPRIT_APP_SCENARIO_H
#define MEMCULPRIT_APP_SCENARIO_H

#include "memculprit/app.h"

enum { SCENARIO_KEYS = 4 };

struct scenario_life {
	char *host, *key, *version, *commit; /* clean text, "" where not given */
	char *build_id;                      /* NULL or text */
	int64_t pid, start_ms;
	char *raw; /* the four identifying fields as they stand in the file */
	size_t raw_len;
	const char *part[SCENARIO_KEYS]; /* into raw */
	size_t part_len[SCENARIO_KEYS];
	bool plain; /* no part needs quotes */
	size_t n, cap, next; /* next: the life whose row followed last time */
	int64_t *t_ms;
	double *v[MC_F_COUNT]; /* NULL: no such column */
	/* of a case out of the store: what is left of its samples */
	int64_t incarnation, last_ms; /* last_ms: the newest sample in it */
	struct mc_buf digest;
	size_t fresh;  /* samples that are not in what the store keeps */
	double samples; /* in all */
	bool ended;
};

struct scenario_data {
	char *name;
	struct scenario_life *lives;
	size_t nlives, lives_cap;
	size_t nload;
	int64_t *load_ms;
	double *load[MC_L_COUNT]; /* NULL: no such column */
	struct mc_deploy_mark *deploys;
	size_t ndeploys, deploys_cap;
	struct mc_deploy_mark *seen; /* what ran when it was first looked at: deployed by nobody, and no part of a case */
	size_t nseen, seen_cap;
	bool watched; /* the folder came out of a database: its deploys are all that were recognised */
	struct mc_life *view; /* what the case points to */
	struct mc_loadsum *loadsum; /* NULL: the arrays are used */
};

/* What the program with this id may have in all, as the daemon saw it; NaN: no limit but the host's
 * (daemon_load.c). */
double daemon_limit_of(struct mc_store *s, int64_t program);

/* Adds the lives with samples in [since, until] and these samples, every field and as they are stored. */
int scenario_add_stored(struct mc_store *s, struct scenario_data *d, int64_t program, int64_t since, int64_t until, struct mc_error *err);

/* The folder's data behind a scenario that mc_scenario_read() or mc_case_from_store() made. */
const struct scenario_data *scenario_data(const struct mc_scenario *s);
/* What the store should keep of lives, so that fewer samples are read next time: at most `cap`, borrowed from s. How many. */
size_t case_to_keep(const struct mc_scenario *s, struct mc_life_data *ret, size_t cap);
/* Sorts d's samples and deploys by time and lets s->c point into it. On success s owns d. 0 or MC_ENOMEM. */
int scenario_view(struct mc_scenario *s, struct scenario_data *d, struct mc_error *err);
/* Lives that an updated library was loaded into take the name of that update (scenario_libraries.c). 0 or MC_ENOMEM. */
int scenario_name_libraries(struct scenario_data *d, struct mc_error *err);
/* Deploys that only the lives tell of, unless the folder came out of a database: added to the others (scenario_versions.c). 0 or MC_ENOMEM. */
int scenario_make_deploys(struct scenario_data *d, struct mc_error *err);
void scenario_data_free(struct scenario_data *d);

#endif
