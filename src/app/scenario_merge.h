/* Walks the samples of all lives of a scenario in the order of time. App only. */
#ifndef MEMCULPRIT_APP_SCENARIO_MERGE_H
#define MEMCULPRIT_APP_SCENARIO_MERGE_H

#include "scenario.h"

/* A stream is a life, or (stream == nlives) the load. */
struct merge {
	const struct scenario_data *d;
	size_t n;      /* streams in the heap */
	size_t *heap;  /* of streams, earliest next row first */
	size_t *at;    /* next row of each stream */
};
/* 0 or MC_ENOMEM; release it in any case. */
int merge_open(struct merge *m, const struct scenario_data *d, bool load, struct mc_error *err);
/* The next row; false at the end. Rows of one time come one after the other. */
bool merge_next(struct merge *m, size_t *stream, size_t *row, int64_t *t_ms);
void merge_release(struct merge *m);

#endif
