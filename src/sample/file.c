#include "file.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

ssize_t sm_read(int dirfd, const char *path, char *buf, size_t cap)
{
	int fd = openat(dirfd, path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return -errno;
	size_t n = 0;
	ssize_t r = 0;
	while (n < cap - 1 && (r = read(fd, buf + n, cap - 1 - n)) > 0)
		n += (size_t)r;
	int e = errno;
	close(fd);
	if (r < 0 && n == 0)
		return -e;
	buf[n] = 0;
	return (ssize_t)n;
}

ssize_t sm_read_once(int dirfd, const char *path, char *buf, size_t cap)
{
	int fd = openat(dirfd, path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return -errno;
	ssize_t n = read(fd, buf, cap - 1);
	int e = errno;
	close(fd);
	if (n < 0)
		return -e;
	buf[n] = 0;
	return n;
}
