/* The list of a program's deploys: what a mark, or a version seen running, does to it. A mark and what was
 * recognised are one deploy where they are of the same version or commit and at most 30 minutes apart. */
#ifndef MEMCULPRIT_APP_DEPLOYS_H
#define MEMCULPRIT_APP_DEPLOYS_H

#include "memculprit/app.h"
#include "memculprit/deploy.h"

enum { DEPLOYS_MERGE_MS = 30 * 60 * 1000, DEPLOYS_KNOWN_MS = 10 * 60 * 1000 };
/* Where the first version that was ever seen of a program stands in `source`: it began before anybody
 * looked, so it is no deploy that could be blamed. */
#define DEPLOYS_BASELINE "first seen"
/* There too: a library of the program was updated, the program itself is the same. */
#define DEPLOYS_LIBRARY "library"

/* What a mark says, after asking the configured repository. Texts of ret are allocated: deploys_row_release(). program and id are left 0. MC_ENOTFOUND: no such revision. */
int deploys_resolve(const struct mc_config *cfg, const struct mc_mark *m, int64_t now_ms, struct mc_deploy_row *ret, struct mc_error *err);
void deploys_row_release(struct mc_deploy_row *d);
/* Holds what a process was found to run against the repository that the configuration names for its program:
 * HEAD of a work tree whose commit is not in there is another project's, in whose folder the program happens
 * to lie, and is taken back; a commit becomes its full id, and without a version gets its tag. Without a repository
 * nothing changes. */
void deploys_hold_against(const struct mc_config *cfg, const char *program, struct mc_identity *id);

/* The repository of the program: the configured one, else the work tree that its deploys were recognised by, where that
 * is this user's own. 0: *ret is a path, to be freed; MC_EUSAGE: there is none, err says what to do; MC_ENOTFOUND: no such
 * program. s may be NULL: then the configuration alone tells. */
int deploys_repository(struct mc_store *s, const struct mc_config *cfg, const char *program, char **ret, struct mc_error *err);

/* 0: *ret is the git work tree by which this deploy was recognised, to be freed; NULL where it was not, or the tree is not
 * this user's own. */
int deploys_own_worktree(const struct mc_deploy_row *row, char **ret, struct mc_error *err);

/* Writes a mark: joins it with what was recognised, or adds it. 0; MC_MARK_KNOWN. *d becomes what is stored. */
int deploys_mark(struct mc_store *s, struct mc_deploy_row *d, struct mc_error *err);
/* Writes what was recognised: d->source says how, unix_ms is the first sight and first_seen_ms the start
 * of the first life. Joins a mark, or adds it. 0; DEPLOYS_JOINED; *d becomes what is stored. */
enum { DEPLOYS_JOINED = 2 };
int deploys_seen(struct mc_store *s, struct mc_deploy_row *d, struct mc_error *err);

/* A mark in the first two minutes of the first build that was seen announces another, or is late for that one. It
 * waits until then; after that it is the first build's, if no other came and it is none of `taken`, the ids of marks that a restart
 * was seen of. 0; DEPLOYS_SETTLED: *ret (zeroed before) is what is stored now, to be released. */
enum { DEPLOYS_SETTLED = 1 };
int deploys_settle(struct mc_store *s, int64_t program, int64_t now_ms, const int64_t *taken, size_t ntaken, struct mc_deploy_row *ret,
	struct mc_error *err);
/* When to call that for a mark; 0: no need. */
int64_t deploys_settle_at(const struct mc_deploy_row *d);

/* ---- what the list of deploys says of each ---- */
struct deploys_life {
	int64_t start_ms, last_ms; /* of its samples: a start is known to a second only */
	size_t release;  /* of the views, SIZE_MAX: none of them */
	const char *exe; /* borrowed */
};
/* Fills `kind` of the views of one program, which are in the order of time. */
void deploys_name_kinds(struct mc_deploy_view *v, size_t n);
/* Fills `processes` and `processes_of`; settle_ms after its start a life's predecessor is gone. */
void deploys_count_processes(struct mc_deploy_view *v, size_t n, const struct deploys_life *lives, size_t nlives, int64_t settle_ms);

/* The program's id in the store. MC_ENOTFOUND, unless `add` or the configuration names it: then it is added. */
int deploys_program(struct mc_store *s, const struct mc_config *cfg, const char *name, bool add, int64_t *ret, struct mc_error *err);
/* {"id", "program", "deployed_ms", ...}, and "known": true where the mark changed nothing. */
int deploys_json(const struct mc_deploy_row *d, const char *program, bool known, struct mc_buf *out, struct mc_error *err);

#endif
