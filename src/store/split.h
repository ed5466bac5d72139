/* Rows of several lives, one life behind the other: where each begins, and runs of integers that begin anew
 * there. Short lives share a chunk that way (bundle.h). Decoding takes hostile bytes. */
#ifndef STORE_SPLIT_H
#define STORE_SPLIT_H

#include "codec.h"

enum { ST_PARTS_MAX = 256 };

struct st_parts {
	size_t n;                      /* 0: it is all one, no split */
	uint32_t id[ST_PARTS_MAX];     /* of the life, ascending */
	uint16_t begin[ST_PARTS_MAX + 1]; /* first row; the last one is the number of rows */
};

/* The values that are the first of their part. */
struct st_split {
	size_t n;
	uint16_t at[ST_PARTS_MAX];
};

/* Of the rows `at` (ascending), which are there, or of all n (NULL). */
void st_split_find(const struct st_parts *p, const int64_t *at, size_t n, struct st_split *ret);
/* The parts of the rows that have a bit; the first of each must have one. */
void st_parts_of_some(const struct st_parts *p, const uint64_t *bits, struct st_parts *ret);

/* n values as a run; with a split as two: the first ones, and how the others go on from there. */
void st_put_split(struct mc_buf *b, unsigned mark, const int64_t *x, size_t n, const struct st_split *s);
/* Reads what follows the head byte. */
void st_get_split(struct st_in *in, unsigned head, int64_t *x, size_t n, const struct st_split *s);
void st_skip_split(struct st_in *in, unsigned head, size_t n, const struct st_split *s);

/* Ids and sizes. `rows`: of all together. */
void st_put_parts(struct mc_buf *b, const struct st_parts *p);
bool st_get_parts(struct st_in *in, struct st_parts *p, size_t rows);

#endif
