/* The host's figures. */
#ifndef SAMPLE_HOST_H
#define SAMPLE_HOST_H

#include "memculprit/sample.h"

struct sm_host_state { /* CPU ticks of the tick before, and what does not change */
	bool known;
	double total, iowait;
	double forks; /* processes and threads begun since boot */
	char boot_id[40];
};
/* Reads what is there; what is not is NaN (pressure) or 0. */
void sm_host_read(int procfd, struct sm_host_state *st, struct mc_host *ret);

#endif
