/* gzip of a whole body. */
#include <limits.h>
#include <zlib.h>

#include "serve_priv.h"

int mc_gzip(const void *data, size_t len, int level, struct mc_buf *out, struct mc_error *err)
{
	if (len > UINT_MAX / 2)
		return mc_fail(err, MC_ELIMIT, 0, "a body of %zu bytes is not compressed", len);
	z_stream z = { 0 };
	/* 15 + 16: the largest window, and a gzip header. */
	if (deflateInit2(&z, level, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) != Z_OK)
		return mc_nomem(err, "gzip");
	unsigned char piece[16384];
	int rc;
	z.next_in = (Bytef *)(uintptr_t)data; /* only read */
	z.avail_in = (uInt)len;
	do {
		z.next_out = piece;
		z.avail_out = sizeof(piece);
		rc = deflate(&z, Z_FINISH);
		mc_buf_add(out, piece, sizeof(piece) - z.avail_out);
	} while (rc == Z_OK);
	deflateEnd(&z);
	return mc_buf_check(out, err);
}
