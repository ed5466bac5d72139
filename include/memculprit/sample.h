/* Reads /proc (and cgroups) each tick: every process's memory, grouped into programs, and the
 * host's figures. It keeps descriptors and identities between ticks; it stores and judges nothing. */
#ifndef MEMCULPRIT_SAMPLE_H
#define MEMCULPRIT_SAMPLE_H

#include "memculprit/base.h"

/* ---- which processes are which program ---- */
/* A selector matches when every field that is not NULL matches; first match wins. */
struct mc_selector {
	const char *name;    /* the program; \1, ${role} or ${comm} stand for captures of cmdline and fields */
	const char *comm;    /* exact */
	const char *exe;     /* glob over the path */
	const char *cmdline; /* PCRE2 over the arguments joined by blanks */
	const char *user;    /* name or uid */
	const char *cgroup;  /* glob over the path */
	const char *unit;    /* glob over the systemd unit */
};

/* Whether the sampler would take it: MC_EUSAGE, the text says why not. */
int mc_selector_check(const struct mc_selector *s, struct mc_error *err);

struct mc_sample_config {
	const char *procfs, *sysfs; /* "/proc", "/sys" where NULL */
	size_t max_programs, max_processes;
	int64_t interval_ms;
	size_t nselectors;
	const struct mc_selector *selectors; /* copied; none: by systemd unit or cgroup, else by comm */
};

/* ---- what a tick saw ---- */
/* The file that an incarnation runs, to notice another build. */
struct mc_exe_id {
	uint64_t dev, ino;
	int64_t mtime_ns;
	uint64_t size;
};

struct mc_process {
	uint64_t id;          /* of the incarnation, unique in this sampler's life, never used again */
	int64_t pid, ppid;
	int64_t start_ms;     /* Unix ms, from start ticks and boot time */
	uint64_t start_ticks; /* with boot id: the identity */
	uint32_t program;     /* index into mc_tick.programs */
	bool born;            /* first tick of this incarnation (also after exec) */
	const char *comm;     /* raw bytes, borrowed until the next tick */
	const char *exe;      /* path, "" not permitted */
	struct mc_exe_id exe_id; /* all 0: not permitted */
	/* bytes, of this tick or of the last rotation */
	uint64_t rss, anon, file, shmem, swap, vsize, shared;
	uint64_t hwm;
	uint64_t minflt, majflt, utime_ticks, stime_ticks; /* counters of the life */
	uint64_t io_read, io_write;  /* bytes; UINT64_MAX not permitted */
	uint32_t threads, fds;       /* fds UINT32_MAX: not permitted */
	uint64_t pss;                /* UINT64_MAX: not read */
	int64_t pss_age_ms;
};

struct mc_program_name {
	char *name;        /* raw text; hostile */
	uint32_t processes; /* alive in this tick */
};

struct mc_host {
	double blocked, running;           /* processes now */
	double iowait_ratio;               /* of CPU time since the tick before; NaN at the first */
	double swapin_pages, swapout_pages; /* counters, pages */
	double mem_total, mem_available, mem_free, swap_total, swap_free; /* bytes */
	double psi_memory_some, psi_memory_full, psi_io_some, psi_cpu_some; /* avg10 as a ratio, NaN: no PSI */
	double psi_memory_some_seconds, psi_memory_full_seconds, psi_io_some_seconds, psi_cpu_some_seconds; /* totals */
	double oom_kills;                  /* counter */
	double net_rx_bytes, net_tx_bytes, net_rx_packets, net_tx_packets; /* counters, without lo */
	double ctxt;                       /* counter */
	double load_processes;             /* processes seen in all */
	char boot_id[40];
	int64_t boot_ms;
};

struct mc_tick {
	int64_t t_ms;          /* Unix ms */
	size_t nprocesses;
	const struct mc_process *processes;    /* borrowed until the next tick */
	size_t nprograms;
	const struct mc_program_name *programs; /* index stable over the sampler's life; those gone stay,
						    * with 0 processes; at most 16 * max_programs names ever */
	size_t ngone;
	const uint64_t *gone;  /* ids of incarnations that ended since the tick before */
	size_t left_out_programs, left_out_processes; /* beyond the limits */
	size_t not_permitted;  /* processes of which something could not be read */
	struct mc_host host;
	double duration_s;     /* of this tick's sampling */
};

struct mc_sampler;
/* MC_EUSAGE: a selector's pattern is wrong (the text says which); MC_EIO: procfs cannot be read. */
int mc_sampler_open(const struct mc_sample_config *c, struct mc_sampler **ret, struct mc_error *err);
/* One tick; `now_ms` stamps it. *ret is borrowed until the next call. One vanished process is no error. */
int mc_sampler_tick(struct mc_sampler *s, int64_t now_ms, const struct mc_tick **ret, struct mc_error *err);
/* New selectors and limits (SIGHUP); programs are matched again. */
int mc_sampler_reconfigure(struct mc_sampler *s, const struct mc_sample_config *c, struct mc_error *err);
void mc_sampler_close(struct mc_sampler *s);

/* One sentence on what the host's figures mean together, from two ticks: "27 processes blocked,
 * 644 KiB/s swapped in, iowait 52 %: memory is short". prev may be NULL. Appends to out. */
void mc_host_sentence(const struct mc_host *prev, const struct mc_host *now, double seconds, struct mc_buf *out);

/* ---- a program's load ---- */
/* Reads `metric` (summed over its label sets) from Prometheus text. MC_ENOTFOUND: not on the page. */
int mc_load_parse(const char *text, size_t len, const char *metric, double *ret, struct mc_error *err);

#endif
