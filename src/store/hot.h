/* The samples that are not in chunks yet: a log of ticks, and for each entity its rows so far in a few
 * bytes each. The log is what is on the disk; this state is always what replaying it gives.
 *
 * A tick as BLOB: version byte (1); number of entities sealed just before it, and each as the difference
 * to the one before; time; then for each row: entity as difference, length, body. Last the CRC-32C over
 * the row's id and all before. A body: columns present (xor those of the row before), columns changed,
 * then for each changed one v: v & 1 = 0: v >> 1 is the zigzag difference; v & 1 = 1: the same in 4,096;
 * v = 1: a double as it is (8 bytes). The first row of an entity that is new or was just sealed differs
 * from nothing and zeros. */
#ifndef STORE_HOT_H
#define STORE_HOT_H

#include "chunk.h"
#include "codec.h"

struct st_open {
	uint32_t entity;  /* id << 2 | kind */
	uint32_t present; /* columns of the newest row */
	uint32_t n;       /* rows */
	uint32_t epoch;   /* st_hot.gap when its first row was read */
	bool sealing;     /* the transaction under way seals it */
	bool ended;       /* no more rows are expected */
	bool stored;      /* has chunks */
	bool older;       /* its rows are older than some of those chunks */
	bool bulk;        /* its rows are in no log, but of an import that is not committed */
	uint64_t first_log; /* log id of the first row */
	uint64_t round;   /* the last one that it has a chunk in */
	int64_t first_t, last_t, step; /* of the rows; step: between the last two */
	int64_t max_t;    /* newest time ever, chunks included */
	uint32_t seen;    /* tick serial of the row that is to be written */
	bool late;        /* that row is older than the rows here */
	int64_t known_from, known_to; /* the times in `known` are all that chunks have from..to */
	struct st_cols *known;
	struct mc_buf rows;
	double last[];    /* newest value of each column */
};

/* Times of the newest ticks: those in the log, and those of the newest block before them. */
struct st_ticks {
	uint64_t from;    /* number of the first */
	size_t n, cap;
	int64_t *t;
	uint64_t saved;   /* those below it are in the table; writer only */
};

struct st_hot {
	struct st_open **open; /* by entity */
	size_t n, cap;
	uint32_t gap;     /* salvage: how often rows of the log were lost; what an entity has after one is not known
			   * until it was sealed */
	uint64_t log_id;  /* newest log row that is in here */
	int64_t last_t;   /* newest time of any row */
	struct st_ticks ticks;
	size_t hint;      /* where the last search ended: rows come in the same order each tick */
};

enum { ST_OPEN_MAX = 1 << 20 }; /* most entities at a time */

/* Adds the time of one tick, in ascending order; those that are there already are left. */
int st_ticks_add(struct st_ticks *k, uint64_t id, int64_t t, struct mc_error *err);

/* NULL: not there. */
struct st_open *st_hot_find(struct st_hot *h, uint32_t entity);
/* Finds or adds one without rows. */
int st_hot_get(struct st_hot *h, uint32_t entity, struct st_open **ret, struct mc_error *err);
void st_hot_sweep(struct st_hot *h); /* removes those without rows */
void st_open_forget(struct st_open *o); /* frees `known` */
void st_hot_release(struct st_hot *h);

/* The log row under way: begin, seal..., then time and rows, end. */
struct st_tick {
	struct mc_buf blob, body;
	uint32_t last_entity;
};
void st_tick_release(struct st_tick *k);
/* `sealed` are entities in any order. */
void st_tick_begin(struct st_tick *k, const uint32_t *sealed, size_t nsealed, int64_t t);
void st_tick_row(struct st_tick *k, const struct st_open *o, const double *v);
int st_tick_end(struct st_tick *k, uint64_t id, struct mc_error *err);
/* Adds a row of time t straight to o, without any log. */
int st_hot_append(struct st_hot *h, struct st_open *o, struct st_tick *k, int64_t t, const double *v,
	struct mc_error *err);

/* Puts a log row into the state. MC_ECORRUPT, MC_ENOMEM: then the state is not to be used. */
int st_hot_replay(struct st_hot *h, uint64_t id, const void *data, size_t len, struct mc_error *err);
/* The entity's rows are in a chunk now. */
void st_open_clear(struct st_open *o);
/* Appends its rows in [since, until] to c. */
int st_open_decode(const struct st_open *o, int64_t since, int64_t until, struct st_cols *c, struct mc_error *err);

#endif
