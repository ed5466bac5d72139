/* A growing run of bytes; a failed append is remembered and checked once. */
#include "memculprit/base.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static bool reserve(struct mc_buf *b, size_t more)
{
	size_t need;
	if (b->failed)
		return false;
	if (__builtin_add_overflow(b->len, more, &need) || need == SIZE_MAX || (b->limit && need > b->limit)) {
		b->failed = true;
		return false;
	}
	if (need < b->cap) /* and the end */
		return true;
	void *p = b->data;
	if (mc_grow(&p, &b->cap, need + 1, 1, NULL) < 0) {
		b->failed = true;
		return false;
	}
	b->data = p;
	return true;
}

void mc_buf_add(struct mc_buf *b, const void *data, size_t len)
{
	if (!reserve(b, len))
		return;
	if (len)
		memcpy(b->data + b->len, data, len);
	b->len += len;
	b->data[b->len] = '\0';
}

char *mc_buf_room(struct mc_buf *b, size_t more)
{
	return reserve(b, more) ? b->data + b->len : NULL;
}

void mc_buf_str(struct mc_buf *b, const char *s)
{
	mc_buf_add(b, s, strlen(s));
}

void mc_buf_vprintf(struct mc_buf *b, const char *fmt, va_list ap)
{
	va_list again;
	va_copy(again, ap);
	int len = vsnprintf(NULL, 0, fmt, ap);
	if (len < 0)
		b->failed = true;
	else if (reserve(b, (size_t)len)) {
		vsnprintf(b->data + b->len, (size_t)len + 1, fmt, again);
		b->len += (size_t)len;
	}
	va_end(again);
}

void mc_buf_printf(struct mc_buf *b, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	mc_buf_vprintf(b, fmt, ap);
	va_end(ap);
}

const char *mc_buf_text(const struct mc_buf *b)
{
	return b->data ? b->data : "";
}

int mc_buf_check(const struct mc_buf *b, struct mc_error *err)
{
	return b->failed ? mc_nomem(err, "a text") : 0;
}

void mc_buf_release(struct mc_buf *b)
{
	free(b->data);
	*b = (struct mc_buf){ .limit = b->limit };
}

/* Reads fd to its end; /proc files have no size, so it reads until there is nothing. */
static int read_all(int fd, const char *path, size_t limit, struct mc_buf *b, struct mc_error *err)
{
	size_t from = b->len, part = 16384;
	for (;; part = part < (1u << 20) ? part * 2 : part) {
		if (!reserve(b, part))
			return mc_buf_check(b, err);
		ssize_t n = read(fd, b->data + b->len, part);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return mc_fail(err, MC_EIO, errno, "%s", path);
		b->len += (size_t)n;
		b->data[b->len] = '\0';
		if (b->len - from > limit)
			return mc_fail(err, MC_ELIMIT, 0, "%s is larger than %zu bytes", path, limit);
		if (n == 0)
			return 0;
	}
}

int mc_read_file(int dirfd, const char *path, size_t limit, struct mc_buf *b, struct mc_error *err)
{
	int fd = openat(dirfd, path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (fd < 0) {
		int code = errno == ENOENT || errno == ENOTDIR ? MC_ENOTFOUND : errno == EACCES || errno == EPERM ? MC_EPERM : MC_EIO;
		return mc_fail(err, code, errno, "%s", path);
	}
	int rc = read_all(fd, path, limit, b, err);
	close(fd);
	return rc;
}
