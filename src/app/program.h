/* A program of the store by its name. App only. */
#ifndef MEMCULPRIT_APP_PROGRAM_H
#define MEMCULPRIT_APP_PROGRAM_H

#include "memculprit/app.h"

/* ret->name is left NULL. MC_ENOTFOUND. */
int program_find(struct mc_store *s, const char *name, struct mc_program_row *ret, struct mc_error *err);
/* MC_ENOTFOUND, with what to do. */
int program_unknown(const char *name, struct mc_error *err);

/* By how much the requests of all programs that have load differ in the minute before as_of from those of the hours
 * before: 0.03; NaN: too early, or nobody has load. */
int requests_change(struct mc_store *s, const struct mc_config *cfg, const struct mc_program_row *rows, size_t n, int64_t as_of, double *ret,
	struct mc_error *err);

/* Curves of n instants (2 or more) from since to until, without a value yet; mc_curves_release() them. */
int curves_begin(int64_t since_ms, int64_t until_ms, size_t n, struct mc_curves *ret, struct mc_error *err);
/* Adds a life to the instants that it was seen at: the newest sample not later, where that is not too old. */
void curves_add(struct mc_curves *c, const struct mc_life_view *life);

#endif
