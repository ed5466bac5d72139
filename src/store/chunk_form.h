/* The numbers that chunks are made of: what is common to writing and reading them. */
#ifndef STORE_CHUNK_FORM_H
#define STORE_CHUNK_FORM_H

#include "codec.h"
#include "cols.h"

enum { VERSION = 1, VERSION_TICKS = 2, VERSION_ACTIVE = 3, VERSION_PARTS = 4, VERSION_PARTS_ACTIVE = 5 };
enum { TIMES, TICKS }; /* marks of the first run */
#define TIME_MAX (1LL << 53)
enum { INTEGERS, MILLIONTHS, UNUSED_MARK, OTHER };
enum { PLAIN_DOUBLES, DERIVED };

/* Columns that others add up to. Which is which is known for lives only. */
static const struct {
	uint8_t of, from[3], count;
} sums[] = {
	{ MC_F_RSS, { MC_F_ANON, MC_F_FILE, MC_F_SHMEM }, 3 },
	{ MC_F_RSS, { MC_F_ANON, MC_F_SHARED }, 2 },
	{ MC_F_SHARED, { MC_F_FILE, MC_F_SHMEM }, 2 },
};
enum { SUMS = sizeof sums / sizeof *sums };

#endif
