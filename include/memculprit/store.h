/* Keeps samples, incarnations, deploys and answers in one SQLite file, and hands series out again.
 * The layout is its own affair; SQL is known here and nowhere else. */
#ifndef MEMCULPRIT_STORE_H
#define MEMCULPRIT_STORE_H

#include "memculprit/base.h"

enum mc_store_mode { MC_STORE_WRITE, MC_STORE_READ };

struct mc_store_config {
	const char *path;
	enum mc_store_mode mode;
	uint64_t quota_bytes;  /* 0: none */
	int64_t keep_ms;       /* 0: for ever */
	int64_t keep_hourly_ms;
	const char *host;      /* name of this host, for a writer */
	unsigned cache_kib;    /* most memory for pages of the file; 0: 2,000 of a writer, 32,000 of a reader */
};

struct mc_store; /* one thread at a time; a process has at most one MC_STORE_WRITE a file */

/* Opens, creating (writer only) and migrating as needed. A writer holds a lock on PATH.lock as long as
 * it is open. MC_EBUSY: another writer (the text names its pid); MC_ENOTFOUND: nothing to read;
 * MC_EFOREIGN: another program's file, or a newer schema (a reader may read a newer one where it can);
 * MC_ECORRUPT; MC_EFULL; MC_EIO. */
int mc_store_open(const struct mc_store_config *c, struct mc_store **ret, struct mc_error *err);
void mc_store_close(struct mc_store *s); /* seals and checkpoints a writer; takes NULL */
/* Non-NULL where something the user should hear was met at opening (newer schema, left-over -wal). Borrowed. */
const char *mc_store_notice(const struct mc_store *s);
/* Damaged samples that reading has left out so far, in blocks of up to 240: db check names them, db salvage
 * leaves them behind. The notice says it too. */
uint64_t mc_store_damaged(const struct mc_store *s);
uint64_t mc_store_bytes(const struct mc_store *s); /* size of the file and its WAL */

/* ---- writing (a writer only) ---- */
/* Finds or adds. Names are raw bytes, stored as they are. */
int mc_store_program(struct mc_store *s, const char *name, int64_t *ret_id, struct mc_error *err);

struct mc_incarnation {
	int64_t id;      /* out */
	int64_t program; /* program id */
	const char *host; /* NULL: the store's host */
	const char *key; /* process_key, "" none */
	int64_t pid, start_ms, end_ms; /* end_ms 0: alive as far as known */
	const char *exe, *version, *commit, *build_id; /* "" not known */
	const char *how; /* how version and commit were recognised */
	bool named;      /* version and commit are taken as they are, also where they are empty */
};
/* Finds (same host, program, key, pid, start_ms within 1.5 s) or adds; version, commit, build-id and
 * end_ms are updated where given. Sets i->id. */
int mc_store_incarnation(struct mc_store *s, struct mc_incarnation *i, struct mc_error *err);
int mc_store_incarnation_end(struct mc_store *s, int64_t id, int64_t end_ms, struct mc_error *err);

/* What a sample may hold. NaN: not sampled. The numbers are in files: new ones go before the count only. */
enum mc_field {
	MC_F_ANON, MC_F_FILE, MC_F_SHMEM, MC_F_SWAP, MC_F_VSIZE, MC_F_MINFLT, MC_F_MAJFLT, MC_F_UTIME, MC_F_STIME,
	MC_F_THREADS, MC_F_FDS, MC_F_PSS, MC_F_SHARED, MC_F_RSS, MC_F_REQUESTS, MC_F_COUNT
};
const char *mc_field_name(enum mc_field f); /* "anon_bytes", ... as in samples.csv */
struct mc_row {
	int64_t incarnation;
	double v[MC_F_COUNT];
};
/* A program's load counters in this tick. */
enum mc_load_field {
	MC_L_REQUESTS, MC_L_RX_BYTES, MC_L_TX_BYTES, MC_L_RX_PACKETS, MC_L_TX_PACKETS, MC_L_IO_READ, MC_L_IO_WRITE, MC_L_CPU,
	MC_L_COUNT
};
const char *mc_load_field_name(enum mc_load_field f); /* "requests_total", ... as in load.csv */
struct mc_load_row {
	int64_t program;
	double v[MC_L_COUNT];
};
enum mc_host_field {
	MC_H_BLOCKED, MC_H_RUNNING, MC_H_IOWAIT, MC_H_SWAPIN, MC_H_SWAPOUT, MC_H_MEM_TOTAL, MC_H_MEM_AVAILABLE, MC_H_SWAP_TOTAL,
	MC_H_SWAP_FREE, MC_H_PSI_MEM_SOME, MC_H_PSI_MEM_FULL, MC_H_PSI_IO_SOME, MC_H_PSI_CPU_SOME, MC_H_NET_RX, MC_H_NET_TX,
	MC_H_PKT_RX, MC_H_PKT_TX, MC_H_COUNT
};
/* All of one tick in one transaction: when it returns 0 it is on the disk (synchronous=FULL). load and host
 * may be NULL/0. After MC_EFULL the store frees old data at the next call and goes on. */
int mc_store_tick(struct mc_store *s, int64_t t_ms, const struct mc_row *rows, size_t nrows,
	const struct mc_load_row *load, size_t nload, const double host[MC_H_COUNT], struct mc_error *err);
/* Many ticks in one transaction (import): begin, mc_store_tick()..., commit or rollback. */
int mc_store_begin(struct mc_store *s, struct mc_error *err);
int mc_store_commit(struct mc_store *s, struct mc_error *err);
void mc_store_rollback(struct mc_store *s);
/* Drops what is older than keep, brings the file under its quota; cheap when there is nothing to do. */
int mc_store_maintain(struct mc_store *s, int64_t now_ms, struct mc_error *err);
/* What was dropped so far, ever since the file was made. A sample is all fields of a process, program or host
 * at one time; of those dropped for their age hourly means are kept (keep_hourly). */
struct mc_dropped {
	uint64_t for_age, for_room; /* samples: older than keep; so that the quota or the disk has room */
	uint64_t hours;             /* hourly means: older than keep_hourly */
	uint64_t lives;             /* incarnations with nothing left of them */
	int64_t for_room_ms;        /* newest sample that was dropped for room; 0: none */
};
int mc_store_dropped(struct mc_store *s, struct mc_dropped *ret, struct mc_error *err);

/* ---- deploys ---- */
struct mc_deploy_row {
	int64_t id;          /* out */
	int64_t program;
	int64_t unix_ms;     /* the mark's time, or first sight */
	int64_t first_seen_ms; /* first incarnation with it, 0: none yet */
	int64_t author_ms, commit_ms, tag_ms; /* 0: not known */
	char *version, *commit, *build_id, *host, *note;
	char *source;        /* "mark", "build-id", "package note", "tag", "import" ... how it was recognised */
};
int mc_store_deploy_add(struct mc_store *s, struct mc_deploy_row *d, struct mc_error *err); /* sets id */
int mc_store_deploy_update(struct mc_store *s, const struct mc_deploy_row *d, struct mc_error *err);
int mc_store_deploy_delete(struct mc_store *s, int64_t id, struct mc_error *err); /* MC_ENOTFOUND */
/* Oldest first; program 0: all. mc_store_deploys_free() it. */
int mc_store_deploys(struct mc_store *s, int64_t program, struct mc_deploy_row **ret, size_t *n, struct mc_error *err);
void mc_store_deploys_free(struct mc_deploy_row *d, size_t n);

/* ---- answers: the newest text a program, as JSON ---- */
int mc_store_answer_put(struct mc_store *s, int64_t program, int64_t as_of_ms, const char *json, struct mc_error *err);
int mc_store_answer_get(struct mc_store *s, int64_t program, int64_t *as_of_ms, struct mc_buf *ret, struct mc_error *err); /* MC_ENOTFOUND */

/* Small facts by name (the daemon's status, its socket). MC_ENOTFOUND. */
int mc_store_fact_put(struct mc_store *s, const char *name, const char *value, struct mc_error *err);
int mc_store_fact_get(struct mc_store *s, const char *name, struct mc_buf *ret, struct mc_error *err);

/* What the detector keeps of a life, closed or running, in its own format (some KiB), so that only newer
 * samples are read. It goes with the life, and where a sample comes that is not newer than until_ms. */
struct mc_life_data {
	int64_t incarnation;
	int64_t until_ms; /* newest sample that is in it */
	const void *data;
	size_t len;
};
/* Many in one transaction, one replacing what was kept of its life before. Borrows all. */
int mc_store_lives_put(struct mc_store *s, const struct mc_life_data *d, size_t n, struct mc_error *err);
int mc_store_life_put(struct mc_store *s, int64_t incarnation, int64_t until_ms, const void *data, size_t len,
	struct mc_error *err);
/* until_ms may be NULL. Appends to ret. MC_ENOTFOUND. */
int mc_store_life_get(struct mc_store *s, int64_t incarnation, int64_t *until_ms, struct mc_buf *ret, struct mc_error *err);
/* All of a program, in no order. mc_store_lives_free() it. See mc_store_program_series() too. */
int mc_store_lives_get(struct mc_store *s, int64_t program, struct mc_life_data **ret, size_t *n, struct mc_error *err);
void mc_store_lives_free(struct mc_life_data *d, size_t n);

/* ---- reading ---- */
struct mc_program_row {
	int64_t id;
	char *name;
	int64_t first_ms, last_ms; /* of its samples */
	uint64_t incarnations, alive;
};
int mc_store_programs(struct mc_store *s, struct mc_program_row **ret, size_t *n, struct mc_error *err);
void mc_store_programs_free(struct mc_program_row *p, size_t n);

struct mc_incarnation_row {
	int64_t id, program, pid, start_ms, end_ms, first_ms, last_ms;
	char *host, *key, *exe, *version, *commit, *build_id, *how;
};
/* Those with a sample in [since, until]; by start time. program 0: all. */
int mc_store_incarnations(struct mc_store *s, int64_t program, int64_t since_ms, int64_t until_ms,
	struct mc_incarnation_row **ret, size_t *n, struct mc_error *err);
void mc_store_incarnations_free(struct mc_incarnation_row *i, size_t n);

/* Arrays of one incarnation in [since, until]; fields that were never sampled are NULL. */
struct mc_series {
	size_t n;
	int64_t *t_ms;
	double *v[MC_F_COUNT];
};
int mc_store_series(struct mc_store *s, int64_t incarnation, int64_t since_ms, int64_t until_ms,
	struct mc_series *ret, struct mc_error *err);
/* The same with the fields of which `fields` has the bit (1 << MC_F_...); the others are NULL. */
int mc_store_series_of(struct mc_store *s, int64_t incarnation, int64_t since_ms, int64_t until_ms, uint32_t fields,
	struct mc_series *ret, struct mc_error *err);
/* One life with its samples; all of it is lent until the call ends. */
struct mc_life_view {
	const struct mc_incarnation_row *row;
	struct mc_series series; /* n may be 0; not to be released */
	size_t hours;            /* the first ones of it that are hourly means: only where they were asked for */
	const void *data;        /* what mc_store_life_put() keeps of it, NULL: nothing, or nothing asked for; with the first piece */
	size_t len;
	int64_t until_ms;        /* what `data` covers; series is newer then */
};
/* 0: go on; anything else ends the walk and is its result. It must not call the store. */
typedef int (*mc_life_fn)(void *user, const struct mc_life_view *life);
struct mc_series_query {
	int64_t program, since_ms, until_ms;
	uint32_t fields; /* bits (1 << MC_F_...); only these are decoded */
	bool kept;       /* hand out what is kept, and only the samples behind it */
	bool hours;      /* where samples were dropped for their age, their hourly means; not with `kept` or `most` */
	size_t most;     /* samples handed out at once, about; a longer life comes in pieces, with one row. 0: all */
};
/* Calls fn for every life of the program with a sample in [since_ms, until_ms], by start time. The fastest
 * way to read a program (some 3 ns a value): the arrays are used again for the next life, and the writer
 * is never held up by a long read. What is kept is handed out only where it ends by until_ms. */
int mc_store_program_series(struct mc_store *s, const struct mc_series_query *q, mc_life_fn fn, void *user,
	struct mc_error *err);
/* Hourly means of what is too old to be there in full (keep, keep_hourly), as a series; lives of less
 * than ten minutes leave none. */
int mc_store_hourly(struct mc_store *s, int64_t incarnation, int64_t since_ms, int64_t until_ms, struct mc_series *ret,
	struct mc_error *err);
void mc_series_release(struct mc_series *s);
struct mc_load_series {
	size_t n;
	int64_t *t_ms;
	double *v[MC_L_COUNT];
};
int mc_store_load_series(struct mc_store *s, int64_t program, int64_t since_ms, int64_t until_ms,
	struct mc_load_series *ret, struct mc_error *err);
void mc_load_series_release(struct mc_load_series *s);
struct mc_host_series {
	size_t n;
	int64_t *t_ms;
	double *v[MC_H_COUNT];
};
int mc_store_host_series(struct mc_store *s, int64_t since_ms, int64_t until_ms, struct mc_host_series *ret, struct mc_error *err);
void mc_host_series_release(struct mc_host_series *s);

/* ---- care ---- */
/* Progress of long work, 0 to 1; may be NULL. */
typedef void (*mc_progress_fn)(void *user, double done, const char *what);
/* Structure and every checksum. Findings are appended to report, a line each. 0: sound; MC_ECORRUPT. */
int mc_store_check(struct mc_store *s, mc_progress_fn progress, void *user, struct mc_buf *report, struct mc_error *err);
/* A copy while it is written to. MC_EEXIST: target is there. */
int mc_store_backup(struct mc_store *s, const char *target, struct mc_error *err);
int mc_store_compact(struct mc_store *s, mc_progress_fn progress, void *user, struct mc_error *err);
/* What can be read of the damaged file at path goes into a new one at target; report says what was lost. */
int mc_store_salvage(const char *path, const char *target, mc_progress_fn progress, void *user, struct mc_buf *report,
	struct mc_error *err);

#endif
