/* What the files of the serve stage share, and nobody else sees. */
#ifndef MEMCULPRIT_SERVE_PRIV_H
#define MEMCULPRIT_SERVE_PRIV_H

#include <pthread.h>
#include <stdatomic.h>
#include <sys/socket.h>

#include "memculprit/serve.h"

/* ---- metrics.c ---- */
/* Prometheus would store each _created as a series of its own, and nearly double the page: who takes the
 * old text too, as Prometheus does, gets OpenMetrics without; who takes nothing else gets it whole. */
enum mc_format { MC_FORMAT_TEXT, MC_FORMAT_OPENMETRICS, MC_FORMAT_CREATED, MC_NFORMATS };
/* `started` stands for the _created of counters that have none of their own; NaN: those have none. */
int mc_metrics_write(const struct mc_metrics *m, enum mc_format format, double started, struct mc_buf *out, struct mc_error *err);

/* Takes all samples out. Families and memory stay, for a page that is mostly the same. */
void mc_metrics_clear(struct mc_metrics *m);
/* Labels that several samples have: written once. */
struct mc_labels {
	size_t at, len; /* in the page's own text */
	uint64_t hash;
	bool distinct;  /* no sample of the family can have the same: it is not looked for */
};
/* As in mc_metrics_sample(); for its page alone. */
struct mc_labels mc_metrics_labels(struct mc_metrics *m, size_t npairs, const char *const *pairs);
/* A sample of the family opened last. False: it was dropped. */
bool mc_metrics_add(struct mc_metrics *m, double value, const struct mc_labels *labels);

/* ---- negotiate.c: request headers; each takes NULL for a header that is absent ---- */
enum mc_format mc_accepted_format(const char *accept);
bool mc_accepts_gzip(const char *accept_encoding);
bool mc_etag_matches(const char *if_none_match, const char *etag);
/* A host name or address with an optional port. With loopback, a name with a dot in it (but localhost) is refused:
 * only a foreign site that points its name at this machine sends one. */
bool mc_host_ok(const char *host, bool loopback);

/* ---- gzip.c ---- */
int mc_gzip(const void *data, size_t len, int level, struct mc_buf *out, struct mc_error *err);

/* ---- listen.c ---- */
/* A listening socket for "HOST:PORT", "[V6]:PORT" or ":PORT" (all addresses). MC_EUSAGE, MC_EBUSY, MC_EIO. */
int mc_listen_tcp(const char *address, int *ret, struct mc_error *err);
struct mc_unix_socket {
	char *path;
	uint64_t dev, ino; /* of the file that we made: only that one is removed */
};
/* A Unix socket of mode 0660. A file left over by a dead server is replaced; MC_EBUSY where one answers. */
int mc_listen_unix(const char *path, struct mc_unix_socket *own, int *ret, struct mc_error *err);
void mc_unix_socket_remove(struct mc_unix_socket *own);

/* ---- conns.c: open connections, and which of them is given up for another ---- */
/* At most, and half of that for one address; fewer where few descriptors may be open: sampling needs some. */
enum { MC_CONNS_MAX = 512, MC_CONNS_LEAST = 16 };
enum mc_conn_state { MC_CONN_HEAD, MC_CONN_BUSY, MC_CONN_WORK, MC_CONN_IDLE };
struct mc_conn;
struct mc_conns {
	pthread_mutex_t lock;
	struct mc_conn *first, *last; /* in the order in which they came into their state */
	size_t n, max;
	uint64_t dropped;
	size_t watched; /* what the clock is looked at for */
	int timer;      /* of the sweeper: it goes while something is watched; -1: there is none */
};
size_t mc_conns_most(void);
void mc_conns_init(struct mc_conns *cs);
/* One more, or one less, that the sweeper has to look at, beside the connections. Takes the lock. */
void mc_conns_watch(struct mc_conns *cs, int by);
void mc_conns_release(struct mc_conns *cs);
/* A connection came; the oldest unfinished one goes where there are too many. NULL without memory. */
struct mc_conn *mc_conns_open(struct mc_conns *cs, int fd, const struct sockaddr *addr);
void mc_conns_close(struct mc_conns *cs, struct mc_conn *c); /* takes NULL */
void mc_conns_state(struct mc_conns *cs, struct mc_conn *c, enum mc_conn_state state);
/* Gives up what has had its time: a head that was begun 3 s, one that was not 10 s, an answer 60 s. */
void mc_conns_sweep(struct mc_conns *cs, int64_t now_ns);

/* ---- web.c: a copy of the web configuration, counted by its users ---- */
struct mc_web {
	atomic_int refs;
	struct mc_web_config c; /* owned strings */
	char *cert, *key, *ca;  /* contents of the files, NULL: no TLS */
	char priorities[512];
	int client_auth;        /* 0 none, 1 ask, 2 require any, 3 verify if given, 4 require and verify */
};
int mc_web_load(const struct mc_web_config *c, struct mc_web **ret, struct mc_error *err);
struct mc_web *mc_web_ref(struct mc_web *w);
void mc_web_unref(struct mc_web *w);
bool mc_tls_client_ok(void *gnutls_session, const struct mc_web *w);
/* Checks that the pair is a pair, before anything is swapped. */
int mc_tls_check(const struct mc_web *w, struct mc_error *err);
/* GnuTLS priorities for the versions, ciphers and curves of c. MC_EUSAGE, MC_EUNSUPPORTED. */
int mc_tls_priorities(const struct mc_web_config *c, char *out, size_t size, struct mc_error *err);

/* ---- auth.c ---- */
struct mc_auth; /* answers remembered, keyed so that no password is kept */
struct mc_auth *mc_auth_new(void);
void mc_auth_free(struct mc_auth *a);
void mc_auth_forget(struct mc_auth *a);
/* 1 right, 0 wrong, -1 not known yet: ask mc_auth_check, which takes long. */
int mc_auth_known(struct mc_auth *a, const char *user, const char *password);
bool mc_auth_check(struct mc_auth *a, const struct mc_web *w, const char *user, const char *password);

/* ---- worker.c: a thread with a bounded queue ---- */
struct mc_job {
	struct mc_job *next;
	void (*run)(struct mc_job *j, bool cancelled);
};
struct mc_worker;
struct mc_worker *mc_worker_new(size_t limit); /* NULL: no memory or thread */
bool mc_worker_push(struct mc_worker *w, struct mc_job *j); /* false: the queue is full */
/* Runs what is queued as cancelled; from then on push says false. False: the job under way was not over after wait_ms
 * (below 0: it is waited for). Both take NULL. */
bool mc_worker_stop(struct mc_worker *w, int wait_ms);
void mc_worker_free(struct mc_worker *w);

/* ---- assets ---- */
struct mc_asset {
	const char *name, *content_type, *etag;
	const unsigned char *data, *gz; /* gz may be NULL */
	size_t len, gz_len;
};
extern const struct mc_asset mc_assets[];
extern const size_t mc_nassets;

#endif
