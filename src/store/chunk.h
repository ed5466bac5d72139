/* A chunk: rows of one entity as one BLOB, and back. Decoding takes hostile bytes.
 *
 * version byte (1), n, times as a run of mark 0, or (version 2) the numbers of their ticks as a run of mark
 * 1 with the first time and how long after it the last one is; in version 3 which rows differ from the one
 * before (active.h), and what follows is of those alone; in versions 4 and 5 (the latter as 3) rows are of
 * several lives, whose ids and sizes come behind n, and runs begin anew with each (split.h); number of presence masks and each (count, positions as a run),
 * bits of the columns that are there, then the columns in ascending order: with masks the number of
 * the column's mask (0: every row), a head byte, and what the head says:
 *   mark 0  integers as a run;            mark 1  integers divided by 10^6, as a run;
 *   mark 3  codec 0: doubles as they are; codec 1: derived, transform bits say from which columns.
 * Last, little endian, the CRC-32C over the row's key and all before. */
#ifndef STORE_CHUNK_H
#define STORE_CHUNK_H

#include "cols.h"
#include "split.h"

enum st_kind { ST_LIFE, ST_LOAD, ST_HOST, ST_KINDS, ST_BUNDLE = ST_KINDS };
enum { ST_CHUNK_ROWS = 240, ST_CHUNK_ROWS_MAX = 4096 };

/* Where chunks that name their ticks get the times from: fills t for n ascending ticks. MC_ECORRUPT: they
 * are lost. */
struct st_clock {
	int (*times)(void *user, const int64_t *ticks, size_t n, int64_t *t, struct mc_error *err);
	void *user;
};

unsigned st_kind_width(unsigned kind); /* columns; 0: no such kind */
/* Appends the chunk of c's rows (1 to ST_CHUNK_ROWS_MAX) to b. ticks: the number of the tick of each row,
 * ascending, or NULL. */
int st_chunk_encode(uint64_t key, const struct st_cols *c, const int64_t *ticks, struct mc_buf *b, struct mc_error *err);
/* Its rows by what its beginning says, unchecked; 0: it makes no sense. */
size_t st_chunk_rows(const void *data, size_t len);
/* Appends the rows in [since, until] to c. clock NULL: where ticks are named, times are spread evenly between
 * the first and the last, some ms off. Columns not in c->want are left out, and columns of a later
 * version that we do not know. MC_ECORRUPT, MC_ENOMEM; then c has the rows it had. */
int st_chunk_decode(uint64_t key, const void *data, size_t len, const struct st_clock *clock, int64_t since, int64_t until,
	struct st_cols *c, struct mc_error *err);

/* The same of several lives: c has the rows of one behind those of the other. */
int st_bundle_encode(uint64_t key, const struct st_cols *c, const int64_t *ticks, const struct st_parts *parts,
	struct mc_buf *b, struct mc_error *err);
/* c must be without rows. */
int st_bundle_decode(uint64_t key, const void *data, size_t len, const struct st_clock *clock, struct st_cols *c,
	struct st_parts *parts, struct mc_error *err);

#endif
