/* Which builds of a program run, and when another one is a deploy. The loop's own; it reads /proc once a
 * new life and writes deploys into the store. */
#ifndef MEMCULPRIT_APP_DAEMON_BUILDS_H
#define MEMCULPRIT_APP_DAEMON_BUILDS_H

#include "daemon_parts.h"

enum { START_MS = 1500 }; /* a start is known to a second: the kernel rounds its boot */

struct identity_cache *identity_cache_new(void); /* NULL without memory */
void identity_cache_free(struct identity_cache *c);

/* fork_of: the sampler's id of its parent where that runs the same file, so that it was made by fork alone, else 0.
 * What the process runs, all empty where that cannot be seen. */
void identity_find(struct daemon *d, const struct mc_process *q, uint64_t fork_of, struct mc_identity *ret);

/* A life begins: finds out what it runs, and counts it there. parent may be NULL. Without memory or rights
 * its build stays unknown. */
void builds_born(struct daemon *d, struct program *p, struct life *l, const struct mc_process *q, const struct life *parent, bool same_file);
void builds_gone(struct program *p, const struct life *l);
/* The build of a life, or NULL. */
const struct build *builds_of(const struct program *p, const struct life *l);
/* After a tick's lives were counted: what came up is written as a deploy, once it is seen to stay. */
void builds_tick(struct daemon *d, struct program *p, int64_t t_ms);
/* A mark that waited for another build, which did not come by t_ms, names the first one. */
void builds_settle(struct daemon *d, struct program *p, int64_t t_ms);
/* What was remembered of the program's builds; a program that is new to the store has none. */
void builds_load(struct daemon *d, struct program *p);
/* A mark named the build: so will its lives be. */
void builds_name(struct daemon *d, struct program *p, const struct mc_deploy_row *row);
/* All lives of renamed builds are stored so. */
void builds_named(struct daemon *d);
void builds_release(struct program *p);
void build_release(struct build *b); /* it is none then, and its place is free */
/* For what is read back: finds or adds; NULL without memory or room. */
struct executable *builds_executable(struct program *p, const char *key);
struct build *builds_add(struct executable *e, const char *version, const char *commit, const char *build_id, const char *how, const char *source);
/* Writes down what is to be remembered (daemon_memory.c). 0 or below. */
int builds_save(struct daemon *d, struct program *p, struct mc_error *err);

/* ---- marks that name lives (daemon_naming.c) ---- */
/* A mark was stored, and joined nothing that was recognised: the next tick names lives by it. */
void naming_due(struct program *p, const struct mc_deploy_row *mark);
/* After a tick's lives were met. */
void naming_tick(struct daemon *d, struct program *p);
/* What was recognised joined a mark: that meant this one, and not what it was taken to name. */
void naming_undo(struct daemon *d, struct program *p, const struct mc_deploy_row *row);
/* A mark was the first build's: lives of it that have ended are stored so. */
void naming_settled(struct daemon *d, const struct program *p, const struct mc_deploy_row *row);
/* The marks whose lives are known that way; at most `most`. Returns how many. */
size_t naming_marks(const struct program *p, int64_t *ids, size_t most);
/* Of what the store has: the newest mark, if it was made while no daemon ran. */
void naming_remember(struct program *p, const struct mc_deploy_row *rows, size_t n);

/* ---- libraries (daemon_libraries.c) ---- */
/* Once a life's libraries are known: another one than before is a deploy of its own kind. */
void libraries_take(struct daemon *d, struct program *p, struct life *l, const struct mc_process *q);
void libraries_load(struct daemon *d, const struct program *p);
int libraries_save(struct daemon *d, struct program *p, struct mc_error *err);

#endif
