/* CRC-32C, eight bytes a step: by the processor's own instruction, or by tables. */
#include "crc32c.h"

#include <pthread.h>
#include <stdbool.h>
#include <string.h>

static uint32_t table[8][256];
static pthread_once_t once = PTHREAD_ONCE_INIT;

static bool by_instruction;

static void fill(void)
{
#ifdef __x86_64__
	by_instruction = __builtin_cpu_supports("sse4.2");
#endif
	for (uint32_t i = 0; i < 256; i++) {
		uint32_t c = i;
		for (int bit = 0; bit < 8; bit++)
			c = c & 1 ? c >> 1 ^ 0x82f63b78U : c >> 1;
		table[0][i] = c;
	}
	for (int t = 1; t < 8; t++)
		for (uint32_t i = 0; i < 256; i++)
			table[t][i] = table[t - 1][i] >> 8 ^ table[0][table[t - 1][i] & 255];
}

static uint32_t step(uint32_t crc, uint64_t word)
{
	word ^= crc;
	return table[7][word & 255] ^ table[6][word >> 8 & 255] ^ table[5][word >> 16 & 255] ^
		table[4][word >> 24 & 255] ^ table[3][word >> 32 & 255] ^ table[2][word >> 40 & 255] ^
		table[1][word >> 48 & 255] ^ table[0][word >> 56];
}

static uint64_t load64(const unsigned char *p)
{
	uint64_t word;
	memcpy(&word, p, sizeof word);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
	word = __builtin_bswap64(word);
#endif
	return word;
}

#ifdef __x86_64__
__attribute__((target("sse4.2"))) static uint32_t fast(uint64_t seed, const unsigned char *p, size_t len)
{
	uint64_t crc = __builtin_ia32_crc32di(0xffffffffU, seed);
	for (; len >= 8; p += 8, len -= 8)
		crc = __builtin_ia32_crc32di(crc, load64(p));
	while (len--)
		crc = __builtin_ia32_crc32qi((uint32_t)crc, *p++);
	return ~(uint32_t)crc;
}
#endif

uint32_t st_crc32c(uint64_t seed, const void *data, size_t len)
{
	pthread_once(&once, fill);
	const unsigned char *p = data;
#ifdef __x86_64__
	if (by_instruction)
		return fast(seed, p, len);
#endif
	uint32_t crc = step(~0U, seed);
	for (; len >= 8; p += 8, len -= 8)
		crc = step(crc, load64(p));
	while (len--)
		crc = crc >> 8 ^ table[0][(crc ^ *p++) & 255];
	return ~crc;
}
