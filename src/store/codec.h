/* Integers and runs of integers as bytes, and back. Decoders take hostile bytes: they stay inside
 * their input, and say `bad`. */
#ifndef STORE_CODEC_H
#define STORE_CODEC_H

#include "memculprit/base.h"

#include <string.h>

enum { ST_RUN_MAX = 4096 }; /* most integers in one run */

struct st_in {
	const unsigned char *p, *end;
	bool bad; /* the input ended early or made no sense; values read since are 0 */
};

static inline uint64_t st_zigzag(int64_t v)
{
	return (uint64_t)v << 1 ^ (uint64_t)(v >> 63);
}

static inline int64_t st_unzigzag(uint64_t v)
{
	return (int64_t)(v >> 1 ^ (0 - (v & 1)));
}

static inline uint64_t st_bits(double v)
{
	uint64_t bits;
	memcpy(&bits, &v, sizeof bits);
	return bits;
}

void st_put_varint(struct mc_buf *b, uint64_t v); /* 7 bits a byte, low ones first */
uint64_t st_get_varint(struct st_in *in);
static inline void st_put_signed(struct mc_buf *b, int64_t v)
{
	st_put_varint(b, st_zigzag(v));
}
static inline int64_t st_get_signed(struct st_in *in)
{
	return st_unzigzag(st_get_varint(in));
}
unsigned st_get_byte(struct st_in *in);
/* The next len bytes, or NULL (and bad). Borrowed from the input. */
const unsigned char *st_get_bytes(struct st_in *in, uint64_t len);

/* A run: one head byte (bits 0-1 codec, 2-3 transform, 4-5 divisor, 6-7 the caller's own `mark`),
 * first value, then what the codec needs. n is not stored; 1 to ST_RUN_MAX. |x| below 2^62. */
void st_put_run(struct mc_buf *b, unsigned mark, const int64_t *x, size_t n);
/* Reads what follows the head byte. */
void st_get_run(struct st_in *in, unsigned head, int64_t *x, size_t n);
/* Whether all are the first: it can be read as a run of one. */
bool st_run_is_same(unsigned head);
/* Passes over it. */
void st_skip_run(struct st_in *in, unsigned head, size_t n);

#endif
