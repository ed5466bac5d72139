/* Between the files of the daemon: what the sampling loop owns. Other threads see daemon.h only. */
#ifndef MEMCULPRIT_APP_DAEMON_PARTS_H
#define MEMCULPRIT_APP_DAEMON_PARTS_H

#include "daemon.h"
#include "memculprit/deploy.h"

/* ---- which versions of a program were seen (daemon_builds.c) ---- */
struct build {
	char *version, *commit, *build_id, *how, *source; /* "" not known */
	uint32_t alive;      /* lives of it now */
	uint32_t ticks;      /* in which it was alive since it last came up; 2: it is meant */
	int64_t first_ms;    /* start of its first life since it last came up */
	int64_t last_ms;     /* of its last sight */
	int64_t together_ms; /* how long it ran beside the build deployed last */
	int64_t instead_ms;  /* start of its first life since the build deployed last has been gone, 0 none */
	int64_t absent_ms;   /* how long it had been gone when it came up */
	uint64_t libraries;  /* set of the life that was looked at last, 0: none */
	int64_t update, update_ms; /* the store's id of the update that brought this set, 0: none; its first life's start */
	bool interpreted;    /* what runs is a script: the same file runs others too */
	bool pending;        /* it came up, and was not the one deployed last: what that means is to be decided */
	bool renamed;        /* a mark named it: its lives are to be stored so */
	/* Of what a mark called by another name though it is recognised as what ran before; 0 and NULL: it is called what it is */
	int64_t since_ms;    /* lives from then on are its own */
	int64_t mark_id, mark_ms; /* the deploy of the store */
	char *said_version, *said_commit; /* what is recognised of it */
};
/* A mark that is to name lives at the next tick, when those of just before it were seen. */
struct naming {
	int64_t id, at_ms; /* the deploy of the store; 0: none is due */
	char version[MC_VERSION_TEXT], commit[MC_COMMIT_TEXT];
};
/* The lives of a program that run the same executable, by its name without digits: a program may be
 * many executables, and only versions of one of them are held against each other. */
struct executable {
	char *key;
	size_t n, cap, current; /* builds; the one deployed last, SIZE_MAX: none yet */
	struct build *builds;
	double share;           /* part of the program's private memory that it holds, 0 to 1, falling slowly */
	double anon;            /* of this tick, bytes */
	int64_t recent[20];     /* when its newest deploys were recognised, to notice one that changes all the time */
	size_t nrecent;
	bool restless;          /* it does */
};

/* ---- a program ---- */
struct program {
	int64_t id; /* the store's; 0: could not be stored yet */
	const char *name; /* the sampler's */
	int64_t first_seen_ms, last_deploy_ms, gone_ms;
	int64_t settle_ms; /* when a mark that waits is settled, 0: none does */
	struct naming naming;
	uint32_t alive;
	double anon, file, shmem, swap, rss, pss, uss; /* of this tick */
	int64_t pss_age_ms; /* of its oldest proportional figure */
	bool has_pss;
	uint64_t sampler_id; /* says whether the index still means this program */
	double restarts, deploys; /* totals since the daemon's start */
	uint32_t ended;  /* lives that ended and have no successor yet */
	uint32_t next_slot, *slots; /* those given back */
	size_t nslots, slots_cap;
	const struct mc_program_name *totals; /* of this tick */
	size_t source;   /* of its load, SIZE_MAX: none */
	double requests; /* NaN: not configured or not answered */
	double requests_before; /* of the tick before */
	char *load_said; /* why they are not known, NULL: they are, or nobody asked */
	int64_t load_since_ms; /* when the log's lines on it were begun to be counted */
	unsigned load_lines;
	double limit;    /* of memory, as it was stored; 0: the host's */
	bool known;      /* facts of it were read from the store */
	bool changed;    /* what is to be remembered of its builds */
	bool tracked;    /* the tracker of libraries was told of a life since it was asked what to remember */
	size_t nexecutables;
	struct executable *executables;
	struct answer_figures answer;
};

/* ---- a life ---- */
struct life {
	uint64_t id; /* the sampler's; 0: the slot is free */
	int64_t incarnation; /* the store's; 0: not stored yet */
	uint32_t program; /* index */
	uint32_t slot;    /* number among the program's lives, used again */
	uint32_t executable, build; /* UINT32_MAX: not known */
	bool libraries_told;
};
struct lives { /* open addressing by id; its size is a power of two */
	size_t n, cap;
	struct life *v;
};
struct life *lives_find(struct lives *l, uint64_t id);
/* Finds or adds. NULL without memory. */
struct life *lives_get(struct lives *l, uint64_t id);
void lives_remove(struct lives *l, uint64_t id);

/* ---- identities kept by file, so that a restart costs nothing ---- */
struct identity_cache;

/* ---- the daemon ---- */
struct daemon {
	const struct mc_daemon_options *options;
	struct daemon_shared shared;
	struct shared_config *config; /* a reference of the loop's own */
	struct mc_store *store;
	struct mc_sampler *sampler;
	struct mc_server *server;
	struct api api;
	char *db, *socket;
	int procfd;
	const struct mc_tick *tick; /* the newest */
	struct mc_host host_before; /* as read before what the tick has */
	int64_t before_ms; /* stamp of the tick before, 0: none */
	char host[256];    /* this host's name */
	bool renamed;      /* a build of some program was: see to its lives */
	struct lives lives;
	size_t nprograms, programs_cap; /* as in the tick: index by index */
	struct program *programs;
	struct identity_cache *identities;
	struct mc_tracker *tracker; /* of libraries */
	struct mc_library_cache *library_cache;
	/* room that is used again each tick */
	struct mc_row *rows;
	size_t rows_cap;
	struct mc_load_row *loads;
	size_t loads_cap;
	struct mc_buf text;
	double requests_now, requests_usual, requests_s; /* a second; how long they have been known */
	/* figures */
	int64_t started_ms, last_ms, mono_ns; /* last_ms: stamp of the newest tick, and when that was */
	double samples, errors[AT_COUNT], store_bytes;
	struct mc_dropped dropped;  /* as of dropped_known */
	bool dropped_known;
	int64_t dropped_ms;
	char said[AT_COUNT][256]; /* the error that was logged last, so that it is not logged each tick */
	char store_trouble[600];  /* why nothing is stored, "": all is well */
	int64_t store_retry_ms, maintained_ms;
	uint64_t db_dev, db_ino; /* of the file that is open */
	bool db_made;            /* it was not there before */
	unsigned store_failures; /* one after the other */
	bool notice_due;  /* what 'status' has to say has changed */
	size_t nsuspects; /* that the sampler was told of */
	struct worker *worker;
	struct mc_loader *loader; /* NULL: no load is configured */
	size_t nsources, *sources; /* entry of the configuration -> source, SIZE_MAX: none */
};

/* ---- the tick (daemon_tick.c) ---- */
/* Samples, stores, and shares what was seen. What fails is counted and said; the next tick goes on. */
void daemon_tick(struct daemon *d);
/* ---- what the reader must know (daemon_notice.c) ---- */
/* Requests of p did not come, and why: counted each time, logged where it is news. */
void daemon_load_failed(struct daemon *d, struct program *p, const char *why);
void daemon_load_came(struct daemon *d, struct program *p);
/* One sentence a line, without newline at the end; nothing where all is well. Appends. */
void daemon_notice(const struct daemon *d, struct mc_buf *out);
/* After a tick: writes it down for 'status' where it is time, and logs it at the first. */
void daemon_say_notice(struct daemon *d);
/* ---- load and limits (daemon_load.c) ---- */
/* Takes in the requests of this tick. */
void daemon_requests(struct daemon *d);
/* By how much they differ from what is usual: 0.03; NaN: not known. */
double daemon_requests_change(const struct daemon *d);
/* Writes down the limit of each program where it is another than before, for who answers when memory runs out. */
void daemon_limits(struct daemon *d);
/* ---- what the configuration asks for (daemon_configure.c) ---- */
/* Opens the sampler, or gives it the new selectors and limits; and the sources of load. 0 or below. */
int daemon_configure(struct daemon *d, struct mc_error *err);
/* Puts --path.rootfs before the paths that c names. 0 or MC_ENOMEM. */
int daemon_root_paths(const struct daemon *d, struct mc_config *c, struct mc_error *err);
/* Reads the configuration again. What is wrong with it is said, and the one in force stays. */
void daemon_reload(struct daemon *d);
/* ---- the store and its troubles (daemon_store.c) ---- */
/* Opens the database for writing. 0 or below. */
int daemon_open_store(struct daemon *d, struct mc_error *err);
/* Removes a database that this daemon made and never wrote anything to; it is closed. */
void daemon_undo_store(struct daemon *d);
/* Tries again, now and then, where it is not open. */
void daemon_reopen_store(struct daemon *d);
/* After a tick was written, or not (rc): says what is wrong or that it is over; care of old data. */
void daemon_stored(struct daemon *d, int rc, const struct mc_error *err);
void program_release(struct program *p);

/* ---- what others see of it (daemon_figures.c) ---- */
int daemon_snapshot(struct daemon *d, struct mc_error *err);

/* ---- answers (daemon_answer.c) ---- */
/* The figures of the stored answer of a program that was just met. */
void answer_remember(struct daemon *d, struct program *p);

/* ---- the analysis worker (daemon_worker.c) ---- */
int worker_start(struct daemon *d, struct mc_error *err);
/* False: it did not end within a second, and what it uses must stay. */
bool worker_stop(struct daemon *d);


/* Counts an error, and logs it unless it is the one logged last there. */
void daemon_trouble(struct daemon *d, enum component at, const struct mc_error *err);
void daemon_well(struct daemon *d, enum component at);

#endif
