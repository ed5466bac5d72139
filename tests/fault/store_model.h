/* What the fault tests write, so that every value can be told from its life and tick, and how they look
 * whether all of it is there. */
#ifndef TESTS_FAULT_STORE_MODEL_H
#define TESTS_FAULT_STORE_MODEL_H

#include "memculprit/store.h"

enum { MODEL_LIVES = 6, MODEL_T0 = 1000000, MODEL_STEP = 1000 };

struct model {
	int64_t program, ids[MODEL_LIVES];
};

/* Finds or adds program and lives. */
int model_begin(struct mc_store *s, struct model *m, struct mc_error *err);
/* Writes tick number `tick`, load and host too. */
int model_tick(struct mc_store *s, const struct model *m, int64_t tick, struct mc_error *err);
/* The oldest ticks may be gone: a full disk drops them. */
extern bool model_may_drop;
/* How many ticks are stored, all of them from 0 on and with the right values; below 0 with a text where
 * something is missing in between, wrong, or fewer than `least`. */
int64_t model_verify(struct mc_store *s, int64_t least, char text[256]);

#endif
