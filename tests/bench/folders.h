/* For tools that look at scenario folders one by one. */
#ifndef TESTS_BENCH_FOLDERS_H
#define TESTS_BENCH_FOLDERS_H

#include "memculprit/app.h"

#include "judge.h"

#include <stdio.h>

/* Reads each folder that the command line names and hands its history to look(). Returns main()'s status; stops at the first that can't be read. */
static inline int each_folder(int argc, char **argv, void (*look)(const char *dir, struct history *h))
{
	for (int i = 1; i < argc; i++) {
		struct mc_error err;
		struct mc_scenario s;
		struct history h;
		if (mc_scenario_read(argv[i], &s, &err) < 0 || history_new(&s.c, &h, &err) < 0) {
			fprintf(stderr, "%s\n", err.text);
			return 1;
		}
		look(argv[i], &h);
		history_release(&h);
		mc_scenario_release(&s);
	}
	return 0;
}

#endif
