/* What the daemon's threads share: one snapshot a tick, the configuration, and a way to have the
 * sampling loop do something, which alone writes the database. App only. */
#ifndef MEMCULPRIT_APP_DAEMON_H
#define MEMCULPRIT_APP_DAEMON_H

#include <pthread.h>
#include <stdatomic.h>

#include "memculprit/app.h"

enum component { AT_SAMPLE, AT_STORE, AT_ANALYSIS, AT_DEPLOY, AT_LOAD, AT_CONFIG, AT_COUNT };
const char *daemon_component(enum component at);

enum { READER_KIB = 256 }; /* page cache of a reader that stays open: the kernel has the file in memory anyway */

/* ---- the snapshot: what the newest tick saw; never changed once it is shared ----
 * NaN, NULL and time 0: not known. Text is raw and hostile. */
struct snapshot_version {
	const char *version, *commit, *build_id;
	uint32_t processes;
};
/* Of the newest answer; the whole of it is in the store (mc_store_answer_get). */
struct snapshot_answer {
	int64_t as_of_ms; /* 0: none yet */
	const char *verdict, *state, *signal; /* as in the JSON; NULL: null */
	double growth;    /* bytes per second */
	int64_t onset_ms, exhaustion_ms;      /* MC_NO_TIME: null */
	const char *culprit_version, *culprit_commit; /* both NULL: none */
	double probability;
};
struct snapshot_slot {
	uint32_t slot; /* a number among the program's lives, used again */
	double anon, file, shmem, swap; /* bytes */
};
struct snapshot_program {
	int64_t id; /* the store's; 0: not stored yet */
	const char *name;
	uint32_t processes; /* alive now */
	double anon, file, shmem, swap, rss, pss, uss; /* bytes */
	double pss_age_s; /* of the oldest figure in pss and uss */
	double restarts, deploys, requests, rx_bytes, tx_bytes, rx_packets, tx_packets; /* totals */
	double io_read, io_write, cpu_seconds, page_faults, switches;                   /* totals */
	double memory_pressure, oom_kills;                                              /* of its cgroups; NaN: none says */
	double sockets, memory_limit;                                                   /* now; NaN: not known, none */
	double short_lives, short_cpu_seconds, short_peak;                              /* NaN: nobody listens, or none yet */
	int64_t first_seen_ms, last_deploy_ms;
	size_t nversions; /* running now; two or more while a canary is out */
	const struct snapshot_version *versions;
	size_t nslots;    /* 0 unless the configuration asks for metrics of each process */
	const struct snapshot_slot *slots;
	struct snapshot_answer answer;
};
struct snapshot {
	atomic_uint refs;
	int64_t t_ms, interval_ms;
	size_t nprograms; /* alive ones, and those gone for less than an hour */
	const struct snapshot_program *programs;
	struct mc_host host;
	const char *host_line; /* what `status` says of the host, one sentence */
	const char *notice;    /* what the reader must know (rights, limits, store), NULL: nothing */
	double samples, store_bytes, sample_seconds;
	double dropped_for_age, dropped_for_room, programs_left_out, processes_left_out;
	double short_lives, short_lost; /* NaN: nobody listens */
	double errors[AT_COUNT];
};

struct shared_config {
	atomic_uint refs;
	struct mc_config c;
};

struct daemon;
typedef int (*daemon_fn)(struct daemon *d, void *arg, struct mc_error *err);

struct daemon_shared {
	pthread_mutex_t lock; /* guards what follows, down to the queue */
	pthread_cond_t done;
	struct snapshot *snapshot;    /* NULL before the first tick */
	struct shared_config *config;
	struct daemon_call *queue;    /* for the loop, oldest first */
	bool closing;                 /* the loop takes no calls any more */
	atomic_uint opened;           /* how often the database was opened: another number, perhaps another file */
	/* fixed while threads run */
	int wake;                     /* eventfd of the loop */
	int hurry;                    /* eventfd of the analysis worker */
	const char *db, *telemetry_path;
};

/* The newest snapshot, to be handed back; NULL before the first tick. */
const struct snapshot *snapshot_get(struct daemon_shared *s);
void snapshot_put(const struct snapshot *p); /* takes NULL */
/* Its program of that name, or NULL. */
const struct snapshot_program *snapshot_find(const struct snapshot *p, const char *name);
/* The configuration in force, to be handed back. */
const struct shared_config *shared_config_get(struct daemon_shared *s);
void shared_config_put(const struct shared_config *c);
/* Has the sampling loop run fn(d, arg) and waits for it. What fn returned, or MC_EBUSY while the daemon ends. */
int daemon_call(struct daemon_shared *s, daemon_fn fn, void *arg, struct mc_error *err);

/* For the loop: runs what waits; d NULL: refuses it, and what comes from now on. */
void daemon_run_calls(struct daemon_shared *s, struct daemon *d);
/* For the loop: takes the snapshot over, or the contents of c. */
void daemon_share_snapshot(struct daemon_shared *s, struct snapshot *p);
int daemon_share_config(struct daemon_shared *s, struct mc_config *c, struct mc_error *err);
/* Wakes the analysis worker: something is new. */
void daemon_hurry(struct daemon_shared *s);

/* ---- the metrics page (daemon_metrics.c): mc_metrics_fn; user is the daemon_shared ---- */
int daemon_metrics(void *user, const struct mc_server_stats *stats, struct mc_metrics *m, struct mc_error *err);
/* ---- answers (daemon_answer.c), for the analysis worker and the API's thread ---- */
struct new_answer {
	int64_t program, t_ms; /* its id; the newest tick that was seen */
	const struct mc_blame *blame;
	bool store;            /* its text; what lives leave behind is kept anyway */
};
struct answer_figures {
	int64_t as_of_ms, onset_ms, exhaustion_ms;
	const char *verdict, *state, *signal; /* static */
	double growth, probability;
	char *culprit_version, *culprit_commit; /* owned; both NULL: none */
};
/* Answers of which nothing is to be stored: they wait here for one that is, or for the end of a row, as each time that
 * the loop is woken costs more than what it does then. All zero at first. */
enum { ANSWERS_WAIT = 32 };
struct answer_batch {
	size_t n;
	struct waiting_answer {
		int64_t program;
		struct answer_figures figures;
	} v[ANSWERS_WAIT];
};
/* Has the loop take it over; or puts it into the batch, where there is one (else NULL) and nothing is to be stored. 0, MC_EBUSY,
 * MC_ENOMEM, or what storing it met. */
int answer_hand_over(struct daemon_shared *s, const struct new_answer *a, struct answer_batch *batch, struct mc_error *err);
/* Has the loop take over what waits. */
void answer_flush(struct daemon_shared *s, struct answer_batch *batch);
/* Has the loop say why there is none. */
void answer_failed(struct daemon_shared *s, struct mc_error *why);
int answer_json(const struct mc_blame *b, struct mc_buf *out, struct mc_error *err);
/* Growth that nobody ended yet; both may be NULL. */
bool answer_is_suspect(const char *verdict, const char *state);

/* ---- the API: runs on the server's one API thread ---- */
struct api {
	struct daemon_shared *shared;
	struct mc_store *store; /* the thread's own, read-only; through api_store() */
	unsigned opened;        /* daemon_shared's number when it was opened */
	int64_t cost_ms;        /* that the last fresh answer took */
	struct mc_buf index;    /* the page of all programs, as of the tick index_ms */
	int64_t index_ms;
	struct mc_buf diff;     /* the page's last one, of diff_key */
	char *diff_key;
};
/* mc_api_fn; user is a struct api. */
int api_answer(void *user, const struct mc_request *rq, struct mc_reply *reply);
/* The API thread's reader, opened when first asked for. */
int api_store(struct api *a, struct mc_store **ret, struct mc_error *err);
/* Closes the reader and frees what is kept. */
void api_release(struct api *a);
/* The code that goes with an error: 404 not found, 503 busy or full, 400 usage, else 500. */
int api_fail(struct mc_reply *reply, const struct mc_error *err);
/* Fills reply with the JSON and frees j. */
int api_json(struct mc_reply *reply, struct mc_json *j);
/* POST and DELETE of /api/v1/deploys (`rest` is what follows it); in daemon_mark.c. */
int api_post_deploy(struct api *a, const struct mc_request *rq, struct mc_reply *reply);
/* POST of /api/v1/import and /api/v1/compact, by the Unix socket; in daemon_care.c. */
int api_post_import(struct api *a, const struct mc_request *rq, struct mc_reply *reply);
int api_post_compact(struct api *a, const struct mc_request *rq, struct mc_reply *reply);
int api_delete_deploy(struct api *a, const struct mc_request *rq, const char *rest, struct mc_reply *reply);
/* The answer's JSON: the stored one, or a fresh one where that is old and the last was cheap; as of `when`
 * (NULL: now), which is always fresh. */
int api_answer_text(struct api *a, const char *program, const char *when, struct mc_buf *out, struct mc_error *err);
/* A query parameter, NULL: absent or empty. */
const char *api_arg(const struct mc_request *rq, const char *name);
/* GET of /api/v1/programs, of one, of deploys; in api_read.c. */
int api_programs(struct api *a, struct mc_reply *reply);
int api_program(struct api *a, const char *program, struct mc_reply *reply);
int api_deploys(struct api *a, const struct mc_request *rq, struct mc_reply *reply);

/* ---- curves of one program for the screen (api_curves.c) ---- */
enum { API_CURVES_MAX = 64, API_PROCESSES_MAX = 24 };
struct api_curves {
	struct mc_span span;
	size_t n;
	struct mc_curve v[API_CURVES_MAX];
	size_t nown;
	void *own[3 * API_CURVES_MAX]; /* what is freed with them */
	struct mc_curves memory;
};
/* The program's memory, processes, load and the host's figures in the span that the request asks for, and the curves
 * of `processes` single processes. MC_ENOTFOUND; MC_EUSAGE: the span. */
int api_curves_read(struct api *a, const struct mc_request *rq, const char *program, size_t processes, struct api_curves *ret,
	struct mc_error *err);
void api_curves_release(struct api_curves *c);
/* GET /api/v1/programs/NAME/series */
int api_series(struct api *a, const struct mc_request *rq, const char *program, struct mc_reply *reply);

/* ---- the page (page.c) ---- */
/* GET /: all programs, or the one that program= names. */
int api_page(struct api *a, const struct mc_request *rq, struct mc_reply *reply);

#endif
