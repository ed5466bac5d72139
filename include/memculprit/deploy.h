/* Which version a file or process is, and what changed between two revisions of a repository.
 * It knows neither memory nor SQL; libgit2 and ELF are known here and nowhere else. */
#ifndef MEMCULPRIT_DEPLOY_H
#define MEMCULPRIT_DEPLOY_H

#include "memculprit/base.h"

/* ---- what a file or process is ---- */
enum { MC_BUILD_ID_TEXT = 132, MC_VERSION_TEXT = 128, MC_COMMIT_TEXT = 72 };

enum mc_identity_source {
	MC_ID_NONE, MC_ID_PACKAGE_NOTE, MC_ID_GO, MC_ID_ENVIRONMENT, MC_ID_GIT_WORKTREE, MC_ID_STAMP_FILE, MC_ID_BUILD_ID
};

struct mc_identity {
	enum mc_identity_source source;
	char build_id[MC_BUILD_ID_TEXT]; /* hex, "" none */
	char version[MC_VERSION_TEXT];   /* valid UTF-8, "" not known */
	char commit[MC_COMMIT_TEXT];     /* hex, "" not known */
	char text[160];                  /* how it was recognised, one phrase: "ELF package note in /srv/logic" */
};

/* What the executable of process `pid` is: PROCDIR/PID/exe and, where allowed, its environment and
 * mapped note. procfd is a descriptor of /proc. 0; MC_EPERM or MC_ENOTFOUND where nothing can be read. */
int mc_identify_process(int procfd, int64_t pid, struct mc_identity *ret, struct mc_error *err);
/* The same for a file: build-id and package note only. MC_EFORMAT: not ELF. */
int mc_identify_file(const char *path, struct mc_identity *ret, struct mc_error *err);
const char *mc_identity_source_name(enum mc_identity_source s);

/* ---- repositories ---- */
struct mc_repo; /* not for two threads at once */

/* Opens the work tree or bare repository at path (named by the configuration, so its owner is not
 * held against it). MC_ENOTFOUND, MC_EPERM, MC_EFORMAT with what to do. */
int mc_repo_open(const char *path, struct mc_repo **ret, struct mc_error *err);
void mc_repo_close(struct mc_repo *r);

struct mc_revision {
	char commit[MC_COMMIT_TEXT];   /* full hex id */
	char version[MC_VERSION_TEXT]; /* the tag that names it (pattern's first), else "" */
	int64_t author_ms, commit_ms, tag_ms; /* tag_ms 0: no annotated tag */
};
/* Resolves anything git resolves. MC_ENOTFOUND; MC_EFORMAT: ambiguous. tag_pattern may be NULL. */
int mc_repo_resolve(struct mc_repo *r, const char *rev, const char *tag_pattern, struct mc_revision *ret, struct mc_error *err);

/* All tags that match the glob (NULL: all), oldest commit first. *ret is free()d by the caller. */
int mc_repo_tags(struct mc_repo *r, const char *pattern, struct mc_revision **ret, size_t *n, struct mc_error *err);

/* ---- what changed ---- */
struct mc_place {
	char *path;     /* valid UTF-8 */
	int line;       /* in the new file, from 1 */
	char *function; /* "" not known */
	char *reason;   /* "memory acquired, not released in the diff" */
	char *text;     /* the line, cut at 200 bytes */
	int rank;       /* order only: smaller is read first; never shown as a score */
};

struct mc_commit {
	char id[MC_COMMIT_TEXT];
	char *subject, *author;
	int64_t author_ms, commit_ms;
	size_t files, added, removed; /* its own diff */
	size_t nplaces;
	struct mc_place *places; /* suspects of this commit, to be read first first */
};

struct mc_changes {
	char from[MC_COMMIT_TEXT], to[MC_COMMIT_TEXT];
	bool rollback, diverged; /* `to` is an ancestor of `from`; neither is */
	bool truncated;          /* a limit was reached; `note` says which */
	size_t ncommits;
	struct mc_commit *commits; /* suspects first */
	char *note;                /* a sentence for the reader, "" none */
};

/* Commits in (from, to], their places, suspects first. The caller mc_changes_release()s *ret.
 * MC_ENOTFOUND: a revision is not there; MC_ELIMIT only where nothing useful can be said. */
int mc_repo_changes(struct mc_repo *r, const char *from, const char *to, struct mc_changes *ret, struct mc_error *err);
void mc_changes_release(struct mc_changes *c);

/* The diff from..to as unified text, files with suspects first; valid UTF-8, control characters
 * but \n and \t made visible; at most `limit` bytes (then a last line says so). */
int mc_repo_diff_text(struct mc_repo *r, const char *from, const char *to, size_t limit, struct mc_buf *out, struct mc_error *err);

#endif
