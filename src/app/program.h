/* A program of the store by its name. App only. */
#ifndef MEMCULPRIT_APP_PROGRAM_H
#define MEMCULPRIT_APP_PROGRAM_H

#include "memculprit/store.h"

/* ret->name is left NULL. MC_ENOTFOUND. */
int program_find(struct mc_store *s, const char *name, struct mc_program_row *ret, struct mc_error *err);
/* MC_ENOTFOUND, with what to do. */
int program_unknown(const char *name, struct mc_error *err);

#endif
