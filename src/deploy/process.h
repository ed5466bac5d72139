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
/* It has a root of its own, as processes in a container do. */
bool mc_process_other_root(const struct mc_process *p);
/* At most limit bytes of the regular file, no FIFO or device. False: there is none, or it is longer. */
bool mc_process_text(const struct mc_process *p, const char *path, size_t limit, struct mc_buf *b);
/* When it started, Unix ms; 0 not known. */
int64_t mc_process_start_ms(const struct mc_process *p);
/* The script that an interpreter runs, absolute. False: it runs none that can be seen. */
bool mc_process_script(const struct mc_process *p, char ret[PATH_MAX]);
/* /usr/bin and its like: what lies there belongs to the system and not to a release. */
bool mc_path_is_system(const char *path);

/* A path or name without what changes from release to release: runs of digits and long hex become '#'. */
void mc_release_name(const char *path, char *ret, size_t size);
/* Image, container and pod of the process, as far as they can be seen without an engine. */
void mc_container_of(const struct mc_process *p, struct mc_identity *id);
/* "pod template HASH" from the pod's name, for which HOSTNAME stands. */
bool mc_pod_template(const char *host, size_t len, char ret[MC_VERSION_TEXT]);
/* The tag or digest of an image's name; false for none and for "latest". */
bool mc_image_tag(const char *image, char ret[MC_VERSION_TEXT]);
/* A hash of the file's bytes (of large ones, of parts). False: empty or unreadable. */
bool mc_file_contents(int fd, char ret[20]);
/* "libssl" and "3" of "/usr/lib/libssl.so.3"; false: no shared library by its name. version is filled where "". */
bool mc_library_name(const char *path, char name[64], char version[MC_VERSION_TEXT]);

struct mc_worktree {
	char top[PATH_MAX];
	bool at_start; /* HEAD is that of the process's start, else of the build */
	bool changed;  /* a tracked file was another than what had been added when it was built or started */
};
/* HEAD of the git work tree that holds path: as it was when the file was built, or, where no tracked file has
 * changed since, when the process started (people build first and commit then). built_ns 0: when it started.
 * False: no work tree, or what HEAD was is not known. */
bool mc_worktree_head(const struct mc_process *p, const char *path, int64_t built_ns, char commit[MC_COMMIT_TEXT], struct mc_worktree *ret);

struct mc_tracked_file {
	const char *path; /* relative to the work tree; raw bytes */
	int64_t mtime_ns; /* and size: when it was added; size 0 may be not known */
	uint32_t size;
	uint8_t id[20];
	bool regular;     /* and not to be taken as it is */
};
/* Calls fn for each file that a git index lists until one answers other than 0, which is returned. MC_EFORMAT: not an
 * index we know. */
int mc_index_each(const uint8_t *data, size_t len, int (*fn)(void *user, const struct mc_tracked_file *f), void *user);
size_t mc_index_count(const uint8_t *data, size_t len); /* as its head says */
/* The newest modification time, Unix ns, of the files that a git index lists. False: not an index we know. */
bool mc_index_newest(const uint8_t *data, size_t len, int64_t *newest_ns);
/* The value of HEAD at time at_s by the text of its reflog. */
bool mc_reflog_at(const char *text, size_t len, int64_t at_s, char commit[MC_COMMIT_TEXT]);

#endif
