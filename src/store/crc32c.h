/* CRC-32C (Castagnoli). Knows no format. */
#ifndef STORE_CRC32C_H
#define STORE_CRC32C_H

#include <stddef.h>
#include <stdint.h>

/* Of [data, data+len), beginning from `seed`, which is hashed first (a row's key: a blob that
 * turns up under another key is noticed too). */
uint32_t st_crc32c(uint64_t seed, const void *data, size_t len);

#endif
