/* Which version a file or process is, and what changed between two revisions of a repository.
 * It knows neither memory nor SQL; libgit2 and ELF are known here and nowhere else. */
#ifndef MEMCULPRIT_DEPLOY_H
#define MEMCULPRIT_DEPLOY_H

#include "memculprit/base.h"

/* ---- what a file or process is ---- */
enum { MC_BUILD_ID_TEXT = 132, MC_VERSION_TEXT = 128, MC_COMMIT_TEXT = 72 };

enum mc_identity_source {
	MC_ID_NONE, MC_ID_PACKAGE_NOTE, MC_ID_GO, MC_ID_ENVIRONMENT, MC_ID_GIT_WORKTREE, MC_ID_STAMP_FILE, MC_ID_BUILD_ID,
	MC_ID_CONTENTS, /* neither version nor build-id: only whether the file is another one */
	MC_ID_CONTAINER /* labels of the container: image, pod template */
};

struct mc_identity {
	enum mc_identity_source source;
	char build_id[MC_BUILD_ID_TEXT]; /* hex, "" none */
	char version[MC_VERSION_TEXT];   /* valid UTF-8, "" not known */
	char commit[MC_COMMIT_TEXT];     /* hex, "" not known */
	char text[160];                  /* how it was recognised, one phrase: "ELF package note in /srv/logic" */
	char what[160];      /* which program file of a group this is: the executable's name, a script's path, both
	                      * without what changes from release to release; "" not readable */
	char contents[20];   /* a hash of the file or script where there is no build-id of its own, "" not needed */
	char image[128];     /* container image, "" none or not visible */
	char container[72];  /* id of the container, "" none */
	bool interpreted;    /* build_id is the interpreter's */
};

/* What the executable of process `pid` is: PROCDIR/PID/exe and, where allowed, its environment and
 * mapped note. procfd is a descriptor of /proc. 0; MC_EPERM or MC_ENOTFOUND where nothing can be read. */
int mc_identify_process(int procfd, int64_t pid, struct mc_identity *ret, struct mc_error *err);
/* The same for a file: build-id and package note only. MC_EFORMAT: not ELF. */
int mc_identify_file(const char *path, struct mc_identity *ret, struct mc_error *err);
const char *mc_identity_source_name(enum mc_identity_source s);

/* A shared library that a process has mapped, and which build of it. */
struct mc_library_build {
	char name[64];                   /* "libssl": the file's name up to its version */
	char path[256];                  /* clean text */
	char build_id[MC_BUILD_ID_TEXT]; /* "" none; then `contents` tells files apart */
	char contents[20];
	char version[MC_VERSION_TEXT];   /* of its package note or its file name, "" not known */
};
/* Remembers files by device, inode, time and size, so that a library is read once for all processes. */
struct mc_library_cache;
struct mc_library_cache *mc_library_cache_new(void); /* NULL without memory */
void mc_library_cache_free(struct mc_library_cache *c);
struct mc_mapped_file {
	const char *path; /* raw bytes */
	uint64_t ino;
	bool deleted;     /* replaced or removed since it was mapped */
};
/* The libraries mapped by process `pid`, by name. `mapped` as the sampler has them; NULL: reads its maps. What is
 * no library by its name, or cannot be read (deleted, without CAP_SYS_PTRACE), is left out. *ret is free()d by
 * the caller. MC_EPERM, MC_ENOTFOUND. */
int mc_identify_libraries(struct mc_library_cache *c, int procfd, int64_t pid, const struct mc_mapped_file *mapped, size_t nmapped,
	struct mc_library_build **ret, size_t *n, struct mc_error *err);

/* ---- from libraries to their updates ----
 * Remembers which libraries ran with each build of a program's files, and says when a life has others. What is found
 * running at first is no update, a restart is none, and what cannot be told is none. */
struct mc_library_update {
	int64_t first_seen_ms; /* start of the life */
	char build_id[MC_BUILD_ID_TEXT], version[MC_VERSION_TEXT]; /* the first library's; version names it too */
	char note[240];        /* one sentence for the reader; of several libraries it counts the others */
};
struct mc_tracked_life {
	const char *program, *what; /* as mc_identity has it */
	const char *build_id;       /* of the file, "" not known: it is not compared */
	uint64_t incarnation;       /* a number never used again */
	int64_t start_ms;
};
struct mc_tracker; /* one thread at a time */
struct mc_tracker *mc_tracker_new(void); /* NULL without memory */
void mc_tracker_free(struct mc_tracker *t);
/* The libraries of a life; to be told once it has loaded them (a tick or two after its start) and not again.
 * 0: no update; 1: an update, in *ret. */
int mc_tracker_libraries(struct mc_tracker *t, const struct mc_tracked_life *life, int64_t now_ms, const struct mc_library_build *v, size_t n,
	struct mc_library_update *ret, struct mc_error *err);
void mc_tracker_gone(struct mc_tracker *t, uint64_t incarnation, int64_t now_ms);
/* What it knows of one program as text (JSON), and back at the next start. "" or damaged text: nothing known. */
int mc_tracker_save(struct mc_tracker *t, const char *program, struct mc_buf *out, struct mc_error *err);
int mc_tracker_load(struct mc_tracker *t, const char *program, const char *text, size_t len, struct mc_error *err);
/* True once after something changed that mc_tracker_save() would write. */
bool mc_tracker_changed(struct mc_tracker *t, const char *program);

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
/* Resolves anything git resolves. MC_ENOTFOUND; MC_EFORMAT: ambiguous, the text lists the commits that it may
 * be. tag_pattern may be NULL. */
int mc_repo_resolve(struct mc_repo *r, const char *rev, const char *tag_pattern, struct mc_revision *ret, struct mc_error *err);

/* All tags that match the glob (NULL: all), oldest commit first. *ret is free()d by the caller. */
int mc_repo_tags(struct mc_repo *r, const char *pattern, struct mc_revision **ret, size_t *n, struct mc_error *err);

/* Whether a tag, branch or HEAD moved since *state (0 at first, then 1 is returned): a few stat() calls, no
 * object is read. 1 changed (and *state is set), 0 not; MC_ENOTFOUND: the repository is gone. */
int mc_repo_watch(const char *path, uint64_t *state, struct mc_error *err);

/* How `to` lies to `from`. MC_ENOTFOUND as in mc_repo_resolve. */
enum mc_relation { MC_REL_SAME, MC_REL_FORWARD, MC_REL_BACK, MC_REL_DIVERGED };
int mc_repo_relation(struct mc_repo *r, const char *from, const char *to, enum mc_relation *ret, struct mc_error *err);

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
	size_t code_added;            /* of these the lines of source files that are no tests */
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

/* What the order of commits is worth, measured on public leaks (docs/ranking.md); `note` ends with the one that
 * applies, wherever suspects are listed first. */
#define MC_HIT_RATE "Without a heap profile the guilty commit is among the first five in about half of the cases."
#define MC_HIT_RATE_LARGE "Without a heap profile the guilty commit is among the first five of so large a release in one case of eight."
enum { MC_HIT_RATE_COMMITS = 400 }; /* up to here the first holds */

/* Commits in (from, to], their places, suspects first. The caller mc_changes_release()s *ret.
 * MC_ENOTFOUND: a revision is not there; MC_ELIMIT only where nothing useful can be said. */
int mc_repo_changes(struct mc_repo *r, const char *from, const char *to, struct mc_changes *ret, struct mc_error *err);
void mc_changes_release(struct mc_changes *c);

/* The diff from..to as unified text, files with suspects first; valid UTF-8, control characters
 * but \n and \t made visible; at most `limit` bytes (then a last line says so). */
int mc_repo_diff_text(struct mc_repo *r, const char *from, const char *to, size_t limit, struct mc_buf *out, struct mc_error *err);

#endif
