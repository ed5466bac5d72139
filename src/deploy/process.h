/* The facts about a process from which its version can be told, read through PROCDIR/PID, and the git
 * work tree it runs from. Files are opened below the process's own root and never followed out of it. */
#ifndef MC_DEPLOY_PROCESS_H
#define MC_DEPLOY_PROCESS_H

#include <limits.h>

#include "elf_notes.h"

struct mc_process {
	int procfd, dirfd, rootfd; /* rootfd -1: not allowed to look below it */
	int64_t pid;
	bool own_root;      /* its root is ours too */
	char exe[PATH_MAX]; /* "" not readable */
	bool deleted;       /* the file behind exe is no longer there under that name */
};

/* MC_ENOTFOUND: no such process; MC_EPERM. */
int mc_process_open(struct mc_process *p, int procfd, int64_t pid, struct mc_error *err);
void mc_process_close(struct mc_process *p);
/* A file below the process's root, or -1. */
int mc_process_file(const struct mc_process *p, const char *path, int flags);
/* At most limit bytes of the regular file, no FIFO or device. False: there is none, or it is longer. */
bool mc_process_text(const struct mc_process *p, const char *path, size_t limit, struct mc_buf *b);
/* When it started, Unix ms; 0 not known. */
int64_t mc_process_start_ms(const struct mc_process *p);
/* The script that an interpreter runs, absolute. False: it runs none that can be seen. */
bool mc_process_script(const struct mc_process *p, char ret[PATH_MAX]);
/* /usr/bin and its like: what lies there belongs to the system and not to a release. */
bool mc_path_is_system(const char *path);

/* HEAD of the git work tree that holds path, as it was at time at_ms. `top` is the work tree.
 * False: no work tree, or what HEAD was then is not known. */
bool mc_worktree_head(const struct mc_process *p, const char *path, int64_t at_ms, char commit[MC_COMMIT_TEXT],
	char top[PATH_MAX]);
/* The value of HEAD at time at_s by the text of its reflog. */
bool mc_reflog_at(const char *text, size_t len, int64_t at_s, char commit[MC_COMMIT_TEXT]);

#endif
