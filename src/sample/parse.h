/* Reads the texts of /proc: numbers out of bytes that may be cut or hostile. It opens nothing. */
#ifndef SAMPLE_PARSE_H
#define SAMPLE_PARSE_H

#include "memculprit/base.h"

struct sm_statm {
	uint64_t size, resident, shared, text; /* pages; text: of the executable, another after exec */
};
struct sm_status {
	bool has_rss;                                /* RssAnon was there (kernels from 4.5 on) */
	uint64_t anon, file, shmem, swap, hwm, size; /* bytes */
	uint64_t threads, switches;                  /* switches UINT64_MAX: not there */
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
/* The number after "KEY" at the start of a line; blanks and a colon between are skipped. */
bool sm_key(const char *s, size_t n, const char *key, uint64_t *ret);

/* ---- cgroup_name.c ---- */
struct sm_cgroup {
	int version;     /* of the hierarchy that has memory */
	char path[1024];
};
/* The process's group for telling programs apart: v2's line, else systemd's, else memory's, else the first. */
bool sm_parse_cgroup(const char *s, size_t n, char *path, size_t cap);
/* Its group in the hierarchy that has memory. */
bool sm_parse_cgroup_memory(const char *s, size_t n, struct sm_cgroup *ret);
/* The innermost NAME.service of a cgroup path, without the suffix where `bare`. */
bool sm_unit(const char *path, bool bare, char *out, size_t cap);
/* The innermost container id in a cgroup path, 64 digits. */
bool sm_container(const char *path, char out[65]);
/* The uid of the Kubernetes pod in it, with dashes. */
bool sm_pod(const char *path, char out[40]);
/* A program's name by its cgroup: unit, scope or folder. False where it has none that outlives a restart:
 * a session, a container's id. */
bool sm_group_name(const char *path, char *out, size_t cap);

/* ---- parse_more.c ---- */
/* "some avg10=0.12 avg60=... total=34": the average as a ratio and the total in seconds; both NaN where absent. */
void sm_parse_pressure(const char *s, size_t n, const char *what, double *avg, double *seconds);
struct sm_net {
	double rx_bytes, rx_packets, tx_bytes, tx_packets;
};
/* Adds up all interfaces of net/dev but lo. False where there is none. */
bool sm_parse_net(const char *s, size_t n, struct sm_net *ret);
/* Bytes. False where Pss is not there. */
bool sm_parse_rollup(const char *s, size_t n, uint64_t *pss, uint64_t *uss);
struct sm_mapping {
	uint64_t dev, ino;
	bool exec, deleted;
	const char *path; /* in the line, not terminated; " (deleted)" is not part of it */
	size_t path_len;
};
/* One line of maps, without newline. False: no file behind it, or no such line. */
bool sm_parse_mapping(const char *line, size_t n, struct sm_mapping *ret);
/* hidepid of the procfs mounted at `mount` in the text of mountinfo: 0, 1, 2, 4. */
int sm_parse_hidepid(const char *s, size_t n, const char *mount);

#endif
