/* What the parts of the sampler share: its state, and one entry for each process. */
#ifndef SAMPLE_SAMPLER_H
#define SAMPLE_SAMPLER_H

#include "memculprit/sample.h"

#include <sys/types.h>

#include "exits.h"
#include "file.h"
#include "host.h"
#include "parse.h"
#include "select.h"

/* Paces, in ticks: status and stat every ROTATION; exe, io and fds every SLOW rotations. */
enum { SM_ROTATION = 10, SM_SLOW = 6, SM_YOUNG = 3, SM_TEXT = 8192, SM_SHORTS = 64, SM_RENAMES = 8 };
enum { SM_NAMES_PER_PROGRAM = 16, SM_NAME_BYTES = 128 };

enum sm_kind {
	SM_NEW,          /* not looked at yet */
	SM_TRACKED,
	SM_IGNORED,      /* a kernel thread, a zombie, or no selector's */
	SM_LEFT,         /* beyond max_processes */
	SM_LEFT_PROGRAM, /* beyond max_programs */
	SM_HIDDEN,       /* not permitted to look at */
	SM_DEAD
};

struct sm_group; /* group.c */
struct sm_libset; /* library.c */

/* What was counted of a process into its program's counters so far. */
struct sm_counted {
	uint64_t ticks, faults, io_read, io_write, switches;
};

struct sm_proc {
	struct mc_process p;
	enum sm_kind kind;
	int fd;             /* of statm; -1: opened each time */
	uint64_t inode;     /* of statm while fd is -1: another one, another process */
	uint32_t age;       /* ticks since the incarnation was born */
	uint64_t born_at, slow_at; /* ticks */
	uint32_t uid;
	bool selected;      /* its program comes from a selector, own or its parent's */
	bool joined;        /* its parent's */
	bool retext;        /* its code has another size: exec */
	bool denied, nopss, slow_done, rematch, waits, counting, idle; /* idle: a kernel thread or a zombie */
	uint8_t renames;
	uint8_t rest, rested; /* turns to leave out, because it has not run lately; the length of that rest */
	uint64_t sign, slow_sign; /* of what it had used at its last turn, and at the last slow one */
	uint64_t name_hash, size_pages, text_pages, stack, netns;
	int64_t pss_at, pss_tried, libs_at, sockets_at; /* ms; 0: never */
	uint32_t sockets_fds; /* how many descriptors there were when sockets were counted */
	struct sm_counted counted;
	struct sm_group *group;
	struct sm_libset *libs;
	char *exe;          /* to free() */
	char comm[32];
};

struct sm_program { /* what the caller does not see, beside mc_program_name */
	uint64_t last_seen; /* tick */
	bool suspect;
	uint64_t libs_read; /* tick in which libraries of one of its processes were read last, 0 never */
	double first_ns;    /* what the first PSS of its processes is thought to cost, where it is missing */
	uint32_t limited;   /* of its processes, in this tick: in the group with its limit */
};

struct mc_sampler {
	int procfd;
	bool real; /* procfs itself: a kept descriptor tells of its process' end */
	size_t fds, max_fds, live, max_programs, max_processes;
	int64_t interval_ms, begun_ms;
	struct sm_selectors *sel;
	struct sm_host_state host;
	uint64_t next_id, next_program, ticks, page;
	double hz, pswpout, pswpin;
	double forks, unseen; /* begun since boot; a second, and not seen, at the last reading of the host */
	int64_t forks_ms;     /* its stamp */
	size_t born;          /* since then */
	bool swapping, delivered; /* delivered: the caller has seen the tick before */
	struct sm_proc **v; /* sorted by pid */
	size_t n, cap;
	int64_t *pids;
	size_t npids, pids_cap;
	int64_t pids_from;  /* where in procfs's folder they begin; 0: not known */
	int loadavg;        /* its file, which tells the pid given out last; -1: it does not tell of these processes */
	int64_t last_pid;   /* when pids were listed last; 0: not known */
	uint32_t unlisted;  /* ticks since then */
	bool settled;       /* no pid was given out between the two last listings */
	bool lost;          /* a process ended since then */
	struct sm_proc **merged;
	size_t merged_cap;
	const struct mc_process **out;
	size_t out_cap;
	uint64_t *gone;
	size_t ngone, gone_cap;
	struct mc_program_name *programs;
	struct sm_program *program_state;
	size_t programs_cap, state_cap;
	struct mc_map *by_name;
	struct mc_buf name;
	/* budgeted reads */
	enum mc_pss pss;
	bool pss_cpu_given;
	double pss_cpu, tokens_ns;
	double first_tokens_ns, first_most; /* the purse of first figures; whose turn it is: programs up to this first_ns */
	uint64_t pss_limit;
	double ns_a_page;
	size_t pss_at, libs_at, sockets_at; /* where the round goes on */
	struct mc_map *libsets;
	/* cgroups */
	struct sm_groups *groups;
	/* network namespaces */
	uint64_t own_netns;
	struct sm_netns *netns;
	size_t netns_cap, nnetns;
	/* exits */
	struct sm_exits *exits;
	struct mc_short_life shorts[SM_SHORTS];
	struct mc_short_life largest_short; /* of all so far; peak 0: none */
	bool shorts_done; /* handed over: the next ones begin anew */
	/* rights */
	bool can_ptrace, short_asked, starved; /* starved: descriptors have run out, last at starved_ms */
	int64_t starved_ms;
	int hidepid;
	char exits_why[160];
	struct mc_tick tick;
};

/* ---- file.c, pids.c ---- */
ssize_t sm_slurp(struct mc_sampler *s, int64_t pid, const char *what, char *buf, size_t cap);
void sm_drop_fd(struct mc_sampler *s, struct sm_proc *p);
/* Looks for a sign by which a new process shows without listing all. */
void sm_pids_begin(struct mc_sampler *s);
/* Lists the pids, unless nothing began or ended since, and holds the entries against them: new ones appear, missing ones end. */
int sm_pids(struct mc_sampler *s, struct mc_error *err);
struct sm_proc *sm_find(const struct mc_sampler *s, int64_t pid);
/* Its id goes to the caller as ended, if it has one. */
int sm_gone(struct mc_sampler *s, struct sm_proc *p, struct mc_error *err);
/* The incarnation ended; the entry can take the next one with the same pid. */
int sm_end_life(struct mc_sampler *s, struct sm_proc *p, struct mc_error *err);

/* ---- figures.c: what it holds ---- */
/* False: the process is gone (or another has its pid). dirfd: its folder, or -1. */
bool sm_read_statm(struct mc_sampler *s, struct sm_proc *p, int dirfd, struct sm_statm *ret);
/* Opens statm for the ticks to come, where it can be kept; of `size` bytes the process is by its status. False: it was not. */
bool sm_keep_statm(struct mc_sampler *s, struct sm_proc *p, int dirfd, uint64_t size);
void sm_use_statm(struct mc_sampler *s, struct sm_proc *p, const struct sm_statm *m);
void sm_use_status(struct sm_proc *p, const struct sm_status *t);
void sm_use_stat(struct mc_sampler *s, struct sm_proc *p, const struct sm_stat *t);
/* Figures that need rights or cost more; dirfd is of the process's folder. */
void sm_read_slow(struct mc_sampler *s, struct sm_proc *p, int dirfd);

/* ---- life.c: who it is ---- */
/* One process in this tick: its figures, and its identity where it is its turn. others: how many are tracked beside it. */
int sm_visit(struct mc_sampler *s, struct sm_proc *p, size_t others, struct mc_error *err);
/* It is not followed any more, or not yet: kind says why. */
int sm_put_aside(struct mc_sampler *s, struct sm_proc *p, enum sm_kind kind, struct mc_error *err);
/* Gives a tracked one its id, if it has none, and says whether this is its first tick. */
void sm_born(struct mc_sampler *s, struct sm_proc *p);

/* ---- program.c: which program it is ---- */
int sm_assign(struct mc_sampler *s, struct sm_proc *p, int dirfd, struct mc_error *err);
/* A child whose parent was looked at after it. True: it is tracked now. */
bool sm_join(struct mc_sampler *s, struct sm_proc *p);
/* The index of the program called [name, name + len); false: beyond the limits. *hash names it. */
bool sm_program_index(struct mc_sampler *s, const char *name, size_t len, uint64_t *hash, uint32_t *ret);
/* Adds what its processes used since the tick before to the programs' counters. */
void sm_count(struct mc_sampler *s);

/* ---- budget.c: what may cost only so much ---- */
void sm_budget(struct mc_sampler *s, int64_t now_ms);
/* Nanoseconds of CPU time of this thread. */
int64_t sm_cpu_ns(void);
/* ---- pss.c, library.c, sockets ---- */
/* One process; false where it could not be read. */
bool sm_read_pss(struct mc_sampler *s, struct sm_proc *p);
bool sm_read_libraries(struct mc_sampler *s, struct sm_proc *p);
bool sm_read_sockets(struct mc_sampler *s, struct sm_proc *p);
void sm_libs_drop(struct mc_sampler *s, struct sm_proc *p);

/* ---- group.c: cgroups ---- */
int sm_groups_new(const char *sysfs, struct sm_groups **ret, struct mc_error *err);
void sm_groups_free(struct sm_groups *g);
/* Takes the process into the group of its /proc/PID/cgroup text (none where it names none). */
int sm_group_set(struct sm_groups *g, struct sm_proc *p, const char *text, size_t n, struct mc_error *err);
void sm_group_drop(struct sm_groups *g, struct sm_proc *p);
/* Reads those whose turn it is and lists them all in t. */
int sm_groups_read(struct sm_groups *g, uint64_t tick, struct mc_tick *t, struct mc_error *err);
const struct mc_group *sm_group_figures(const struct sm_group *g);
/* Who is in it, in this tick; and whether those are more programs than one. */
void sm_group_joined(struct sm_group *g, uint32_t program, uint64_t tick);
bool sm_group_shared(const struct sm_group *g);
/* How many were killed in it since the last call; 0 at the first, NaN where it does not say. */
double sm_group_kills(struct sm_group *g);
uint32_t sm_group_index(const struct sm_group *g);

/* ---- netns.c: traffic of namespaces that are a program's own ---- */
void sm_netns_read(struct mc_sampler *s);

/* ---- short.c: lives that ended between two ticks ---- */
void sm_short_tick(struct mc_sampler *s);
/* Listens for exits, or no longer; exits_why says why it could not. */
void sm_short_ask(struct mc_sampler *s, bool asked);
bool sm_short_many(const struct mc_sampler *s);

/* ---- notice.c ---- */
void sm_rights(struct mc_sampler *s, const char *procfs);

#endif
