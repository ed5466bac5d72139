/* PATH.lock says who writes. */
#include "internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

static long read_pid(int fd)
{
	char text[32] = "";
	ssize_t n = pread(fd, text, sizeof text - 1, 0);
	int64_t pid = 0;
	size_t len = n > 0 ? strcspn(text, "\n") : 0;
	return mc_parse_i64(text, len, &pid) ? (long)pid : 0;
}

int st_lock(struct mc_store *s, struct mc_error *err)
{
	struct mc_buf name = { 0 };
	int rc = 0;
	mc_buf_printf(&name, "%s.lock", s->path);
	if (mc_buf_check(&name, err) < 0) {
		mc_buf_release(&name);
		return MC_ENOMEM;
	}
	int fd = open(name.data, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644);
	char text[32];
	int len = snprintf(text, sizeof text, "%ld\n", (long)getpid());
	if (fd < 0)
		rc = mc_fail(err, errno == EACCES || errno == EROFS || errno == EPERM ? MC_EPERM : MC_EIO, errno, "%s", name.data);
	else if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
		if (errno == EWOULDBLOCK)
			rc = mc_fail(err, MC_EBUSY, 0, "%s is being written by process %ld", s->path, read_pid(fd));
		else
			rc = mc_fail(err, MC_EIO, errno, "%s", name.data);
	} else if (ftruncate(fd, 0) < 0 || pwrite(fd, text, (size_t)len, 0) != len) {
		/* the pid is for people only: on a full disk we hold the lock all the same */
	}
	if (rc < 0 && fd >= 0)
		close(fd);
	else if (rc == 0)
		s->lock_fd = fd;
	mc_buf_release(&name);
	return rc;
}

void st_unlock(struct mc_store *s)
{
	/* the file stays: removing it would race with somebody who has just opened it */
	if (s->lock_fd >= 0)
		close(s->lock_fd);
	s->lock_fd = -1;
}
