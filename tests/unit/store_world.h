/* A folder of its own for each test of the store, and the database in it. */
#ifndef TESTS_UNIT_STORE_WORLD_H
#define TESTS_UNIT_STORE_WORLD_H

#include "internal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#define OK(call) do { struct mc_error e_ = { 0 }; int rc_ = (call); \
	if (rc_ != 0) fail_msg("%s: %d %s", #call, rc_, e_.text); } while (0)
#define E &e_

extern char dir[64], path[96]; /* the folder, and its a.db, that is not there yet */

/* Set-up and teardown of a test. */
int new_dir(void **state);
int remove_dir(void **state);

/* A database that must open; for writing, it is host web-1's. For mc_store_close(). */
struct mc_store *open_as(const char *file, enum mc_store_mode mode);

/* Runs statements on the database at `path`, past the store; they must succeed. */
void sql(const char *text);

#endif
