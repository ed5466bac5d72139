/* The kernel's word on processes that end (taskstats) and that run another program (proc connector). Needs
 * CAP_NET_ADMIN. It knows nothing of programs. */
#ifndef SAMPLE_EXITS_H
#define SAMPLE_EXITS_H

#include "memculprit/base.h"

struct sm_exit {
	int64_t pid, ppid;
	uint32_t uid;
	int64_t start_s, end_ms; /* start: whole seconds, Unix */
	int64_t elapsed_us;
	uint64_t peak_bytes;
	double cpu_seconds;
	uint64_t exe_dev, exe_ino; /* 0: the kernel does not say */
	char comm[32];
};

struct sm_exits;
/* MC_EPERM: no CAP_NET_ADMIN, or not in the first network namespace; MC_EUNSUPPORTED: the kernel has none. */
int sm_exits_new(struct sm_exits **ret, struct mc_error *err);
void sm_exits_free(struct sm_exits *x);
/* Takes all that has come; each goes to one of the two. Returns false where the kernel dropped some. */
bool sm_exits_drain(struct sm_exits *x, void (*ended)(void *user, const struct sm_exit *e),
	void (*execed)(void *user, int64_t pid), void *user);
/* One message of taskstats. False: not the end of a process. */
bool sm_parse_exit(const void *data, size_t n, struct sm_exit *ret);

#endif
