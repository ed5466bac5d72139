/* Trees of files that look like /proc, for the tests of the sample stage. */
#ifndef TESTS_SAMPLE_TREE_H
#define TESTS_SAMPLE_TREE_H

#include "memculprit/sample.h"

struct tree_process {
	int pid, ppid;
	char state;            /* 0: S */
	int start;             /* ticks since boot; 0: 500 */
	int anon, file, shmem; /* pages */
	int swap_kb;
	int utime;             /* ticks */
	unsigned flags;        /* 0: an ordinary one */
	int uid;
	const char *comm, *cgroup, *cmdline; /* NULL: "w", root, "/bin/w --role=mail" */
};

extern char tree_root[64];
void tree_begin(void); /* a new tree, with the host's files */
void tree_end(void);
void tree_put(const char *path, const char *text);
void tree_putf(const char *path, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void tree_process(const struct tree_process *p);
void tree_forget(int pid);
/* The process with this pid; one of zeros, pid too, where it was not seen. */
const struct mc_process *tick_of(const struct mc_tick *t, int64_t pid);
/* Its program's name; "" where it was not seen. */
const char *tick_program(const struct mc_tick *t, int64_t pid);

#endif
