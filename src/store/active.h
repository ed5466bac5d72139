/* Rows that are like the one before: an idle process has many, in all columns at once. A chunk stores which
 * rows differ, and those alone. */
#ifndef STORE_ACTIVE_H
#define STORE_ACTIVE_H

#include "chunk.h"
#include "codec.h"

struct st_active {
	size_t n;                              /* rows that differ; the first always counts */
	uint64_t bits[ST_CHUNK_ROWS_MAX / 64]; /* which they are */
};
static inline bool st_active_is(const struct st_active *a, size_t row)
{
	return a->bits[row / 64] >> row % 64 & 1;
}

/* Of c, in the columns of `there`. */
void st_active_find(const struct st_cols *c, uint32_t there, struct st_active *a);
/* Copies those rows. ret is to be released. */
int st_active_pack(const struct st_cols *c, uint32_t there, const struct st_active *a, struct st_cols *ret,
	struct mc_error *err);
/* As bytes: their number, a byte that says how, then a bitmap, their places as a run, or those of the others.
 * n: all rows. */
void st_active_put(struct mc_buf *b, const struct st_active *a, size_t n);
bool st_active_get(struct st_in *in, struct st_active *a, size_t n);
/* Rows [from, to) of all out of the stored ones. */
void st_active_spread(const struct st_active *a, size_t from, size_t to, const double *stored, double *v);

#endif
