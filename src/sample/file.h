/* Small files of /proc, read in one piece. */
#ifndef SAMPLE_FILE_H
#define SAMPLE_FILE_H

#include <errno.h>
#include <stdbool.h>
#include <sys/types.h>

/* Reads at most cap - 1 bytes and ends them with NUL. The length, or -errno. */
ssize_t sm_read(int dirfd, const char *path, char *buf, size_t cap);
/* The same for files that the kernel makes as one record (stat, status, io, cgroup, smaps_rollup, those of
 * cgroups): one read has it all. */
ssize_t sm_read_once(int dirfd, const char *path, char *buf, size_t cap);

/* No descriptor or no memory was to be had: nothing is known of what was to be read. */
static inline bool sm_starved(ssize_t n)
{
	return n == -EMFILE || n == -ENFILE || n == -ENOMEM;
}

#endif
