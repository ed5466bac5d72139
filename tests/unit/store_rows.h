/* Some lives of a program whose samples can be computed back: to be written, and expected again. */
#ifndef TESTS_UNIT_STORE_ROWS_H
#define TESTS_UNIT_STORE_ROWS_H

#include "store_world.h"

enum { LIVES = 7, T0 = 1000000, STEP = 10000 };

/* The id of a life of `program`. */
int64_t add_life(struct mc_store *s, int64_t program, int64_t pid, int64_t start);
/* A program and its lives 1 to LIVES. */
void set_up(struct mc_store *s, int64_t ids[LIVES], int64_t *program);

/* A value that any field of any tick can be computed back from; NaN now and then. */
double value(int64_t life, int64_t tick, unsigned f);
void fill_row(struct mc_row *r, int64_t id, int64_t life, int64_t tick);
/* Bit for bit, or both NaN. */
bool same(double a, double b);

/* All lives, load and host in the ticks of [from, to). */
void write_ticks(struct mc_store *s, const int64_t ids[LIVES], int64_t program, int64_t from, int64_t to);
/* The ticks from `from` to `to`, both there, and no other. */
void expect_series(struct mc_store *s, int64_t id, int64_t life, int64_t t0, int64_t step, int64_t from, int64_t to);
/* All of write_ticks() from 0 to `ticks`, and nothing else. */
void expect_all(struct mc_store *s, const int64_t ids[LIVES], int64_t program, int64_t ticks);

#endif
