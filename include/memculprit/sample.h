/* Reads /proc (and cgroups) each tick: every process's memory, grouped into programs, and the
 * host's figures. It keeps descriptors and identities between ticks; it stores and judges nothing. */
#ifndef MEMCULPRIT_SAMPLE_H
#define MEMCULPRIT_SAMPLE_H

#include "memculprit/base.h"

/* ---- which processes are which program ---- */
/* A selector matches when every field that is not NULL matches; first match wins. A child that none
 * matches joins its parent's program. A process is matched again after exec and after a rename. */
struct mc_selector {
	const char *name;    /* the program; \1, ${role} or ${comm}, ${exe}, ${user}, ${unit}, ${cgroup}, ${container},
			      * ${pod} stand for captures of cmdline and for fields */
	const char *comm;    /* the name itself, or a glob */
	const char *exe;     /* glob over the path */
	const char *cmdline; /* PCRE2 over the arguments joined by blanks */
	const char *user;    /* name or uid */
	const char *cgroup;  /* glob over the path */
	const char *unit;    /* glob over the systemd unit */
};

/* Whether the sampler would take it: MC_EUSAGE, the text says why not. */
int mc_selector_check(const struct mc_selector *s, struct mc_error *err);

/* Proportional and unique set size cost 80 ns a page and hold up the process that is read. AUTO: of suspects
 * (mc_sampler_suspects) and small processes, none over the size limit; ON: of all, at whatever size; OFF: of
 * none. All within the CPU budget, so a figure has an age. */
enum mc_pss { MC_PSS_AUTO, MC_PSS_OFF, MC_PSS_ON };

struct mc_sample_config {
	const char *procfs, *sysfs; /* "/proc", "/sys" where NULL */
	size_t max_programs, max_processes; /* 200, 2,000 where 0 */
	int64_t interval_ms;        /* 10,000 where 0; paces what is not read each tick */
	size_t nselectors;
	const struct mc_selector *selectors; /* copied; none: by systemd unit, else by a cgroup that has a name
					      * (not only an id, which ends with the container), else by comm */
	enum mc_pss pss;
	double pss_cpu;             /* share of one CPU that PSS, libraries and sockets may take; 0: 0.0005, and no
				     * limit where procfs is a tree of files */
	uint64_t pss_limit;         /* largest resident size read in AUTO, bytes; 0: 32 MiB; of what is no suspect a quarter of it */
	bool short_lives;           /* listen for exits (needs CAP_NET_ADMIN); see mc_sampler_drain */
};

/* ---- what a tick saw ---- */
/* The file that an incarnation runs, to notice another build. */
struct mc_exe_id {
	uint64_t dev, ino;
	int64_t mtime_ns;
	uint64_t size;
};

/* Files mapped for execution, without the executable. Sets are shared: equal pointers, equal sets; another
 * `id` on a later life is a library update. Read within the first minutes of a life. */
struct mc_library {
	const char *path; /* raw bytes */
	uint64_t dev, ino;
	bool deleted;     /* replaced or removed since it was mapped */
};
struct mc_libraries {
	uint64_t id; /* a hash of all of them, the same in each run of the daemon */
	size_t n;
	const struct mc_library *v;
	bool truncated; /* more than 256, or more mappings than are looked at */
};

#define MC_NO_GROUP UINT32_MAX
#define MC_UNREAD UINT64_MAX

struct mc_process {
	uint64_t id;          /* of the incarnation, unique in this sampler's life, never used again */
	int64_t pid, ppid;
	int64_t start_ms;     /* Unix ms, from start ticks and boot time; after exec: the tick that noticed it */
	uint64_t start_ticks; /* with boot id: the identity */
	uint32_t program;     /* index into mc_tick.programs; never changes in an incarnation's life */
	uint32_t group;       /* index into mc_tick.groups (of this tick), or MC_NO_GROUP */
	bool born;            /* first tick of this incarnation (also after exec, and where it changed programs) */
	const char *comm;     /* raw bytes, borrowed until the next tick */
	const char *exe;      /* path, "" not permitted */
	struct mc_exe_id exe_id; /* all 0: not permitted */
	/* bytes, of this tick or of the last rotation */
	uint64_t rss, anon, file, shmem, swap, vsize, shared;
	uint64_t hwm;
	uint64_t minflt, majflt, utime_ticks, stime_ticks; /* counters of the life */
	uint64_t io_read, io_write;  /* bytes; MC_UNREAD: not yet, or not permitted */
	uint64_t switches;           /* context switches of the main thread; MC_UNREAD */
	uint32_t threads, fds;       /* fds UINT32_MAX: not yet, or not permitted */
	uint32_t sockets;            /* of those: connections, listening and local ones included; UINT32_MAX */
	uint64_t pss, uss;           /* bytes; MC_UNREAD: not read */
	int64_t pss_age_ms;          /* how old both are; -1: not read */
	const struct mc_libraries *libraries; /* NULL: not read yet, or not permitted; borrowed while the life lasts */
};

struct mc_program_name {
	char *name;        /* raw text; hostile */
	uint32_t processes; /* alive in this tick */
	uint64_t id;       /* never used again: the index of a program that has been gone for long may be, so
			    * whoever remembers something by index compares this */
	/* Counters of all its processes since the sampler was opened; they do not fall when one ends. NaN: not
	 * permitted, or not known yet. */
	double cpu_seconds, page_faults, io_read_bytes, io_write_bytes, switches;
	/* Counters of its network namespace where nobody but this program is in it, else NaN. (The kernel counts
	 * no traffic by cgroup.) */
	double net_rx_bytes, net_tx_bytes, net_rx_packets, net_tx_packets;
	double sockets;    /* held by its processes now; NaN: not known */
	/* What it may use: the smallest cgroup limit that one of its processes is under, else the host's memory
	 * and swap; and what is left below that now (reclaimable page cache counts as free). Bytes. */
	double memory_limit, memory_room;
	double memory_limit_total; /* what all its processes together may have before one of them meets that limit:
				    * the limit times the share of its processes that are in that group */
	uint32_t limit_group; /* index into mc_tick.groups of the group with that limit; MC_NO_GROUP: the host */
	double memory_pressure; /* of that of those cgroups which waits most for memory, avg10 as a ratio; NaN: none says */
	double oom_kills;  /* what the kernel killed in cgroups that no other program is in, for want of memory, since the
			    * sampler was opened; NaN: none says */
	/* What lived and ended between two ticks, since the sampler was opened (short_lives). */
	double short_lives, short_peak_bytes, short_cpu_seconds;
};

/* A cgroup that a tracked process is in. NaN: not there. */
struct mc_group {
	const char *path;      /* below the memory hierarchy's root; raw bytes */
	const char *unit;      /* systemd unit, "" none */
	const char *container; /* its id, up to 64 digits, "" none */
	const char *pod;       /* uid of the Kubernetes pod, "" none */
	int version;           /* 1 or 2; 0: the hierarchy cannot be read */
	uint32_t processes;    /* tracked ones */
	double current;        /* bytes, page cache included: never a leak's sign by itself */
	double reclaimable;    /* of those: page cache */
	double max;            /* the smallest limit up to the root; INFINITY: none */
	double high;
	double swap_current, swap_max;
	double oom, oom_kill, limit_hits; /* counters of memory.events; limit_hits: allocations that met the limit */
	double psi_some, psi_full; /* memory, avg10 as a ratio */
};

/* A process that polling never saw. */
struct mc_short_life {
	int64_t pid, ppid;
	int64_t start_ms, end_ms;
	uint64_t peak_bytes;   /* largest resident size */
	double cpu_seconds;
	uint32_t program;      /* index, or UINT32_MAX: none that is known */
	char comm[32];
};

struct mc_host {
	double blocked, running;           /* processes now */
	double iowait_ratio;               /* of CPU time since the reading before; NaN at the first */
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
	int64_t read_ms;                   /* stamp of the tick in which all this was read: where ticks are less than 5 s
					    * apart and nothing is wrong, not each time */
};

struct mc_tick {
	int64_t t_ms;          /* Unix ms */
	size_t nprocesses;
	const struct mc_process *const *processes; /* by pid; borrowed until the next tick */
	size_t nprograms;
	const struct mc_program_name *programs; /* those gone stay, with 0 processes; at most 16 * max_programs, then
						    * the index gone longest is used anew, with another id */
	size_t ngone;
	const uint64_t *gone;  /* ids of incarnations that ended since the tick before */
	size_t left_out_programs, left_out_processes; /* beyond the limits */
	size_t not_permitted;  /* tracked processes of which something could not be read */
	size_t hidden;         /* processes of which nothing could be read (hidepid) */
	size_t ngroups;
	const struct mc_group *groups; /* borrowed until the next tick */
	size_t nshort;         /* the largest of those that ended between two ticks, at most 64 */
	const struct mc_short_life *shorts;
	double short_lives, short_lost; /* counters: seen by their exit alone; records that the kernel dropped; NaN: nobody listens */
	struct mc_host host;
	double duration_s;     /* of this tick's sampling */
};

struct mc_sampler;
/* MC_EUSAGE: a selector's pattern is wrong (the text says which); MC_EIO: procfs cannot be read. */
int mc_sampler_open(const struct mc_sample_config *c, struct mc_sampler **ret, struct mc_error *err);
/* One tick; `now_ms` stamps it. *ret is borrowed until the next call. One vanished process is no error. */
int mc_sampler_tick(struct mc_sampler *s, int64_t now_ms, const struct mc_tick **ret, struct mc_error *err);
/* New selectors and limits (SIGHUP); programs are matched again. procfs and sysfs stay. */
int mc_sampler_reconfigure(struct mc_sampler *s, const struct mc_sample_config *c, struct mc_error *err);
void mc_sampler_close(struct mc_sampler *s);

/* The programs (by name) whose memory grows: their PSS is read first, and up to the size limit. Replaces
 * the list of before; call it when the analysis has new answers. */
int mc_sampler_suspects(struct mc_sampler *s, const char *const *names, size_t n, struct mc_error *err);
/* Takes what the kernel has said of exits since the last call. Call it every 200 ms or so where short_lives is
 * on and the tick is longer (the kernel's queue is limited); the tick calls it too. Costs nothing where off. */
void mc_sampler_drain(struct mc_sampler *s);
/* What cannot be read and what that costs, one sentence a line without newline at the end; nothing where all
 * is well. Holds from the first tick on. For `status`, and for the log once. Appends. */
void mc_sampler_notice(const struct mc_sampler *s, struct mc_buf *out);

/* Lives that ended between two ticks, in a sentence for `status`: how many, and the largest, or that nobody counts
 * them; nothing where the notice speaks of them. Appends. */
void mc_sampler_short_text(const struct mc_sampler *s, struct mc_buf *out);

/* One sentence on what the host's figures mean together, from two ticks: "27 processes blocked,
 * 644 KiB/s swapped in, iowait 52 %: memory is short". prev may be NULL. Appends to out. */
void mc_host_sentence(const struct mc_host *prev, const struct mc_host *now, double seconds, struct mc_buf *out);
/* The same with "; requests +3 %" behind it: by how much requests a second changed (0.03) against what is usual.
 * NaN: not known, nothing is added. */
void mc_host_meaning(const struct mc_host *prev, const struct mc_host *now, double seconds, double requests_change,
	struct mc_buf *out);

/* ---- a program's load ---- */
/* Reads `metric` (summed over its label sets) from Prometheus text. MC_ENOTFOUND: not on the page. */
int mc_load_parse(const char *text, size_t len, const char *metric, double *ret, struct mc_error *err);

/* Reads load from where the configuration says, without ever waiting longer than it is told. */
struct mc_load_source {
	const char *url;    /* "http://HOST:PORT/path", or NULL */
	const char *file;   /* else a file: Prometheus text, or one number where metric is NULL */
	const char *metric;
};
struct mc_loader;
/* Sources are copied. MC_EUSAGE: a URL that is none; a name that does not resolve is tried again later. */
int mc_loader_open(const struct mc_load_source *v, size_t n, struct mc_loader **ret, struct mc_error *err);
/* Begins a read of every source, at the start of a tick; one that has not answered since the start before is
 * left to go on until 5 s have passed. Never blocks. */
void mc_loader_start(struct mc_loader *l, int64_t now_ms);
/* Takes what has come, waiting at most `wait_ms` for the rest. At the end of the tick, with 20 or so. */
void mc_loader_finish(struct mc_loader *l, int wait_ms);
/* Source i: true with its newest value and when its reading began; false where there is none since the start
 * before the last. *why (may be NULL): "" or what is wrong, one line; borrowed. */
bool mc_loader_value(const struct mc_loader *l, size_t i, double *ret, int64_t *t_ms, const char **why);
void mc_loader_close(struct mc_loader *l);

#endif
