/* Small files of /proc, read in one piece. */
#ifndef SAMPLE_FILE_H
#define SAMPLE_FILE_H

#include <sys/types.h>

/* Reads at most cap - 1 bytes and ends them with NUL. The length, or -errno. */
ssize_t sm_read(int dirfd, const char *path, char *buf, size_t cap);

#endif
