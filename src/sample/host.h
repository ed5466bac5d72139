/* The host's figures. */
#ifndef SAMPLE_HOST_H
#define SAMPLE_HOST_H

#include "memculprit/sample.h"

enum sm_host_file { SM_STAT, SM_VMSTAT, SM_MEMINFO, SM_PSI_MEMORY, SM_PSI_IO, SM_PSI_CPU, SM_NET, SM_HOST_FILES };
struct sm_host_state { /* CPU ticks of the tick before, and what does not change */
	bool keep;  /* procfs itself: its files are kept open */
	int fd[SM_HOST_FILES]; /* 0: not open */
	char *text; /* what is read of them, to free() */
	size_t cap;
	bool known;
	double total, iowait;
	int64_t boot_ms; /* by the clock, where stat cannot be read; 0: not asked yet */
	double forks; /* processes and threads begun since boot */
	uint64_t reads;
	char boot_id[40];
};
/* Reads what is there; what is not, or is not to be had without memory, is NaN (pressure) or 0. `h` has the figures read
 * last: with ticks of seconds they stand for up to 5 s, unless memory is short, something waits or pages go to or from swap. */
void sm_host_read(int procfd, struct sm_host_state *st, int64_t now_ms, struct mc_host *h);
void sm_host_release(struct sm_host_state *st);

#endif
