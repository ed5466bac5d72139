/* What the files of the store share. Nobody else includes it but tests of the store. */
#ifndef STORE_INTERNAL_H
#define STORE_INTERNAL_H

#include "hot.h"

#include "sql_gen.h"

#include <sqlite3.h>

enum { ST_TICKS = 240, ST_BLOCKS = 1024 }; /* ticks in a block of times; blocks at hand */
enum { ST_APPLICATION_ID = 0x6d63756c }; /* "mcul" */

struct st_round {
	uint64_t id;            /* 0: none yet */
	int64_t first, last;    /* of the samples in its chunks */
};

/* A program, life or end that the next transaction writes; the ids are given out already. */
struct st_pending {
	enum { ST_ADD_PROGRAM, ST_ADD_LIFE, ST_SET_LIFE, ST_END_LIFE } what;
	int64_t id, program, pid, start_ms, end_ms;
	char *name; /* of the program */
	char *host, *key, *exe, *version, *commit, *build_id, *how;
};

struct mc_store {
	sqlite3 *db;
	sqlite3_stmt *stmt[SQL_COUNT];
	char *path, *host, *notice;
	bool writer, immutable;
	bool bulk;              /* between begin and commit */
	bool state_bad;         /* hot is to be read again */
	bool catalog_bad;       /* so are programs and the ids to give out */
	int64_t host_id;        /* name.id of host; 0: not looked up yet */
	uint64_t damaged;       /* chunks that reading left out */
	bool full;              /* the disk or the quota was full */
	int lock_fd;
	uint64_t quota;
	unsigned cache_kib;
	int64_t keep_ms, keep_hourly_ms;

	struct st_hot hot;
	struct st_tick tick;    /* work space */
	struct mc_buf blob;     /* work space */
	struct st_cols cols;    /* work space */
	struct st_block *blocks[ST_BLOCKS]; /* times of ticks that were read */
	struct st_bundle *bundles[4]; /* short lives that were read (bundle.c) */
	int64_t next_bundle;    /* number of the next one; writer only */
	uint64_t next_log;      /* id of the next row of hot */
	struct st_round round;  /* the one that chunks go into now */
	uint32_t cursor;        /* entities below it have been sealed in this round */
	bool round_closed;
	uint64_t round_ticks;   /* ticks since the round began */
	struct st_round *rounds; /* all of them, to look up chunks by */
	size_t nrounds, caprounds;
	bool rounds_bad;        /* they are to be read again */
	bool rounds_ascend;     /* by first and by last */
	int64_t data_version;   /* reader: what they were read at */
	uint32_t *sealed;       /* by the transaction under way */
	size_t nsealed, capsealed;
	size_t nlogged;         /* of them, those whose rows are in hot (bulk only; they come first) */
	uint64_t dropped_log;   /* ticks below it go from the log with the transaction under way */
	uint32_t serial;        /* of the tick, to know which entities have a row in it */

	struct st_pending *pending;
	size_t npending, cappending;
	uint32_t *place;        /* of pending lives, by program and pid: number + 1 in `pending`; 0: free */
	size_t nplace;          /* a power of two, over twice npending; 0: none yet */
	struct mc_map *newest;  /* program (8 bytes) -> start of its newest life that is written, zigzag; writer only */
	int64_t next_program, next_life;
	int64_t life_cursor;    /* lives below it were looked at for being dropped */
	struct mc_map *programs; /* name -> id; writer only */
};

/* ---- open.c ---- */
/* Adds a sentence to the notice. */
int st_say(struct mc_store *s, struct mc_error *err, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* ---- sql.c: statements and their errors ---- */
/* What SQLite says now, as one of ours. `what` is what was being done. */
int st_sql_fail(struct mc_store *s, const char *what, struct mc_error *err);
/* The statement, reset and unbound. Borrowed. */
int st_stmt(struct mc_store *s, enum sql_id id, sqlite3_stmt **ret, struct mc_error *err);
enum { ST_DONE = 0, ST_ROW = 1 };
int st_step(struct mc_store *s, sqlite3_stmt *st, struct mc_error *err); /* ST_ROW, ST_DONE or below 0 */
/* Runs it with integers bound (count of them follows as int64_t); it returns no row that matters. */
int st_run(struct mc_store *s, enum sql_id id, struct mc_error *err, unsigned count, ...);
/* The same with a key and a blob. */
int st_run_blob(struct mc_store *s, enum sql_id id, uint64_t key, const struct mc_buf *blob, struct mc_error *err);
/* The first column of its first row; ST_DONE where there is no row or it is NULL, else ST_ROW. */
int st_number(struct mc_store *s, enum sql_id id, int64_t *ret, struct mc_error *err, unsigned count, ...);
int st_exec(struct mc_store *s, const char *sql, struct mc_error *err);
int st_begin(struct mc_store *s, struct mc_error *err); /* BEGIN IMMEDIATE, or BEGIN for a reader */
int st_commit(struct mc_store *s, struct mc_error *err);
void st_rollback(struct mc_store *s);
/* A copy of the column's text ("" for NULL); NULL without memory. */
char *st_text(sqlite3_stmt *st, int column);
const char *st_sql_text(enum sql_id id);
const char *st_sql_name(enum sql_id id);
const char *st_migration(int number); /* from 1 */
void st_finalize(struct mc_store *s);
int st_need_writer(struct mc_store *s, struct mc_error *err);

/* ---- state.c: hot and the rounds ---- */
int st_round_load(struct mc_store *s, struct mc_error *err);
int st_state_load(struct mc_store *s, struct mc_error *err); /* afresh */
int st_rounds_load(struct mc_store *s, struct mc_error *err); /* where they have changed */
/* For a reader: takes in what was written since. Inside a transaction. */
int st_state_follow(struct mc_store *s, struct mc_error *err);

/* ---- times.c ---- */
struct st_clock st_clock_of(struct mc_store *s);
/* The ticks of c's rows, from first_log on; false where they are of none (an import). */
bool st_ticks_of(const struct st_ticks *k, uint64_t first_log, const struct st_cols *c, int64_t *ret);
/* Writes the times of ticks below keep; inside a transaction. Once that is committed: st_ticks_saved(). */
int st_ticks_save(struct mc_store *s, uint64_t keep, struct mc_error *err);
void st_ticks_saved(struct st_ticks *k, uint64_t keep);
int st_ticks_load(struct mc_store *s, struct mc_error *err); /* the newest block, before the log is replayed */
/* Drops some blocks of which all is older than `before`, and not in memory. */
int st_ticks_drop(struct mc_store *s, int64_t before, struct mc_error *err);
int st_ticks_decode(uint64_t id, const void *data, size_t len, int64_t t[ST_TICKS], size_t *ret_n, struct mc_error *err);
void st_blocks_free(struct mc_store *s);

/* ---- seal.c ---- */
/* Writes o's rows as a chunk; inside a transaction. o is marked as sealing. */
int st_seal(struct mc_store *s, struct st_open *o, bool goes_on, struct mc_error *err);
int st_round_end(struct mc_store *s, struct mc_error *err);
/* Makes sure that there is a round to put samples of first..last into. */
int st_round_take(struct mc_store *s, int64_t first, int64_t last, struct mc_error *err);
/* Seals everything; a transaction of its own. */
int st_seal_all(struct mc_store *s, struct mc_error *err);

/* ---- bundle.c ---- */
/* Whether o's rows are few, and the first of their life as far as is known here. */
bool st_bundle_fits(const struct st_open *o);
typedef bool (*st_which_fn)(const struct st_open *o, int64_t t);
/* Writes those that fit and that `which` picks into as few chunks as can be; inside a transaction. most: about
 * as many, and so many that the chunks are full; SIZE_MAX: all.
 * They are marked as st_seal() does, or cleared where they are of an import. Some may turn out to have samples
 * in chunks: they are left. */
int st_bundle_seal(struct mc_store *s, st_which_fn which, int64_t t, size_t most, struct mc_error *err);
/* Appends what the bundle has of the life. 0: it is not there; 1: it is. */
int st_bundle_read(struct mc_store *s, uint64_t key, uint32_t life, int64_t since, int64_t until, struct st_cols *c,
	struct mc_error *err);
void st_bundles_free(struct mc_store *s);

/* ---- catalog.c ---- */
int st_pending_write(struct mc_store *s, struct mc_error *err); /* inside a transaction */
void st_pending_drop(struct mc_store *s);
int st_pending_flush(struct mc_store *s, struct mc_error *err); /* a transaction of its own, where needed */
int st_catalog_load(struct mc_store *s, struct mc_error *err);

/* The store's own host as name.id. Inside a transaction or not. */
int st_host_id(struct mc_store *s, uint32_t *ret, struct mc_error *err);

/* Makes sure that what is pending is written, and that a full disk was seen to. */
int st_prepare_write(struct mc_store *s, struct mc_error *err);
int st_fact_put(struct mc_store *s, const char *name, const char *value, struct mc_error *err);

/* ---- lock.c ---- */
int st_lock(struct mc_store *s, struct mc_error *err);
void st_unlock(struct mc_store *s);

/* ---- care.c: how far long work has come ---- */
int64_t st_pages_of(sqlite3 *db);
/* Part of the file that was read since it was opened. */
double st_part_read(sqlite3 *db, int64_t pages);

/* ---- retain.c ---- */
/* Limits the file to its quota and to what the disk has room for. */
int st_limit(struct mc_store *s, struct mc_error *err);
/* The disk or the quota was full: drops old samples. */
int st_make_room(struct mc_store *s, struct mc_error *err);

/* ---- dropped.c: inside a transaction ---- */
int st_count_round(struct mc_store *s, int64_t round, bool for_room, struct mc_error *err);
int st_count_hours(struct mc_store *s, int64_t before, struct mc_error *err);
int st_count_lives(struct mc_store *s, int64_t n, struct mc_error *err);

/* ---- rollup.c ---- */
/* The hourly means of these rounds; inside a transaction. st_rollup_free() it. */
struct st_rollup;
int st_rollup_read(struct mc_store *s, const int64_t *rounds, size_t n, struct st_rollup **ret, struct mc_error *err);
/* Keeps them. When the rounds are dropped first, a file at its limit has the room. */
int st_rollup_write(struct mc_store *s, struct st_rollup *r, struct mc_error *err);
void st_rollup_free(struct st_rollup *r);

/* ---- read.c ---- */
/* What reads goes between these two: a reader's transaction, a writer's pending rows. */
int st_read_begin(struct mc_store *s, struct mc_error *err);
void st_read_end(struct mc_store *s);
/* Appends what is stored of the entity in chunks. Inside a transaction. */
int st_read_chunks(struct mc_store *s, uint32_t entity, int64_t since, int64_t until, struct st_cols *c,
	struct mc_error *err);
/* Appends the hourly means of the entity. Inside a transaction. */
int st_read_hours(struct mc_store *s, uint32_t entity, int64_t since, int64_t until, struct st_cols *c,
	struct mc_error *err);
/* Appends what is stored of the life, whose times row has. Inside a transaction. */
int st_read_life(struct mc_store *s, const struct mc_incarnation_row *row, int64_t since, int64_t until, struct st_cols *c,
	struct mc_error *err);

/* ---- lives.c ---- */
/* What a column of `life` holds, lent until the next step; false: it is damaged. */
bool st_life_data(sqlite3_stmt *st, int column, const void **data, size_t *len);

/* ---- lists.c ---- */
/* A row of life_list: its times; false where it has no sample in [since, until]. */
bool st_life_times(struct mc_store *s, sqlite3_stmt *st, int64_t since, int64_t until, struct mc_incarnation_row *i);
/* And its texts, to be released. */
int st_life_texts(sqlite3_stmt *st, struct mc_incarnation_row *i, struct mc_error *err);
void st_life_release(struct mc_incarnation_row *i);

#endif
