/* Waves of restarts: starts of lives that belong together. */
#ifndef MEMCULPRIT_ATTRIBUTE_WAVES_H
#define MEMCULPRIT_ATTRIBUTE_WAVES_H

#include "history.h"

struct wave {
	double from, to; /* its first and last start, seconds */
	double share;    /* of what ran before that it renewed, at most 1 */
	size_t slots;
	bool taken;
};

/* Waves that renewed at least half of what ran, by time; *ret is the caller's. 0, MC_ENOMEM. */
int waves_find(const struct history *h, struct wave **ret, size_t *n, struct mc_error *err);

/* Sets works_until of every life, given the waves (drains.c). 0, MC_ENOMEM. */
int history_drains(struct history *h, const struct wave *w, size_t n, struct mc_error *err);

#endif
