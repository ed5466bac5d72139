/* Rows in columns: times and doubles, NaN where nothing was sampled. A column that was never sampled
 * is NULL. */
#ifndef STORE_COLS_H
#define STORE_COLS_H

#include "memculprit/store.h"

enum { ST_WIDTH_MAX = 32 }; /* most columns of any kind: they are named in 32-bit masks */

struct st_cols {
	size_t n, cap;
	uint32_t want; /* columns that are taken in; the others are passed over */
	int64_t *t;
	double *v[ST_WIDTH_MAX];
	double *spare[ST_WIDTH_MAX]; /* room of st_cols_restart(), as much as `cap` */
	int64_t *work;               /* the decoder's: on the stack it would be touched anew for every chunk */
	size_t nwork;
};
/* Room for `more` rows. */
int st_cols_room(struct st_cols *c, size_t more, struct mc_error *err);
/* The column, made (NaN so far) where it was not there. NULL without memory. */
double *st_cols_column(struct st_cols *c, unsigned f, struct mc_error *err);
/* No rows and no columns, the room kept for the next. */
void st_cols_restart(struct st_cols *c);
/* Sorts by time where it must, drops rows with a time that an earlier row has, and rows outside of
 * [since, until]. */
int st_cols_tidy(struct st_cols *c, int64_t since, int64_t until, struct mc_error *err);
void st_cols_release(struct st_cols *c);

#endif
