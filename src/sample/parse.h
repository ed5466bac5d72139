/* Reads the texts of /proc: numbers out of bytes that may be cut or hostile. It opens nothing. */
#ifndef SAMPLE_PARSE_H
#define SAMPLE_PARSE_H

#include "memculprit/base.h"

struct sm_statm {
	uint64_t size, resident, shared; /* pages */
};
struct sm_status {
	bool has_rss;                                /* RssAnon was there (kernels from 4.5 on) */
	uint64_t anon, file, shmem, swap, hwm, size; /* bytes */
	uint64_t threads;
	uint32_t uid;
	char comm[64]; /* Name, unescaped */
};
struct sm_stat {
	char comm[64];
	char state;
	uint64_t ppid, flags, minflt, majflt, utime, stime, threads, start, vsize;
	uint64_t stack; /* where it begins: another after each exec; 0: not permitted */
};
/* Each takes [s, s+n) and says whether everything needed was there. */
bool sm_parse_statm(const char *s, size_t n, struct sm_statm *ret);
bool sm_parse_status(const char *s, size_t n, struct sm_status *ret);
bool sm_parse_stat(const char *s, size_t n, struct sm_stat *ret);
/* The process's group: v2's line, else systemd's, else memory's, else the first. */
bool sm_parse_cgroup(const char *s, size_t n, char *path, size_t cap);
/* The innermost NAME.service of a cgroup path, without the suffix where `bare`. */
bool sm_unit(const char *path, bool bare, char *out, size_t cap);
/* The first 12 digits of the innermost container id in a cgroup path. */
bool sm_container(const char *path, char out[16]);
/* The number after "KEY" at the start of a line; blanks and a colon between are skipped. */
bool sm_key(const char *s, size_t n, const char *key, uint64_t *ret);

#endif
