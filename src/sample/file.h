/* Small files of /proc, read in one piece. */
#ifndef SAMPLE_FILE_H
#define SAMPLE_FILE_H

#include <sys/types.h>

/* Reads at most cap - 1 bytes and ends them with NUL. The length, or -errno. */
ssize_t sm_read(int dirfd, const char *path, char *buf, size_t cap);
/* The same for files that the kernel makes as one record (stat, status, io, cgroup, smaps_rollup, those of
 * cgroups): one read has it all. */
ssize_t sm_read_once(int dirfd, const char *path, char *buf, size_t cap);

#endif
