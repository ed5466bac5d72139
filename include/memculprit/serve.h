/* HTTP: /metrics, the health paths, the API and the page, on TCP and on a Unix socket. What it
 * says comes through callbacks and structs, so it is tested with canned answers. It knows no SQL. */
#ifndef MEMCULPRIT_SERVE_H
#define MEMCULPRIT_SERVE_H

#include "memculprit/base.h"

/* ---- the metrics page ---- */
enum mc_metric_type { MC_GAUGE, MC_COUNTER, MC_INFO };

/* Builds the page family by family. Labels are cleaned to valid UTF-8 and escaped; a second series
 * with the same labels is dropped and counted. */
struct mc_metrics;
struct mc_metrics *mc_metrics_new(void); /* NULL without memory */
void mc_metrics_free(struct mc_metrics *m);
/* Opens a family. `name` without _total for OpenMetrics' sake is not asked: give the full name
 * ("memculprit_samples_total"); unit "bytes", "seconds", "ratio" or NULL. Names are static text. */
void mc_metrics_family(struct mc_metrics *m, const char *name, enum mc_metric_type type, const char *unit, const char *help);
/* A sample of the family opened last; labels are npairs of (name, value). */
void mc_metrics_sample(struct mc_metrics *m, double value, size_t npairs, const char *const *pairs);
/* The finished page in either format; families without a sample are left out. */
int mc_metrics_text(const struct mc_metrics *m, bool openmetrics, struct mc_buf *out, struct mc_error *err);

/* ---- the server ---- */
struct mc_reply {
	int status;               /* 200, 404, ... */
	const char *content_type; /* static */
	struct mc_buf body;       /* handed over to the server */
};

/* Answers one request of the API or page. Runs on a server thread. `path` is decoded and begins with
 * '/'; query parameters through `arg` (NULL: absent). `body` is the POST's. trusted: it came by the Unix
 * socket (marking allowed), or by TCP with basic auth where --web.enable-mark was given.
 * Returns 0 with *reply filled, or below 0 (the server answers 500). */
struct mc_request {
	const char *method, *path;
	const char *body;
	size_t body_len;
	bool trusted;
	const void *handle;
	const char *(*arg)(const void *handle, const char *name);
};
typedef int (*mc_api_fn)(void *user, const struct mc_request *rq, struct mc_reply *reply);

struct mc_serve_config {
	const char *const *listen; /* "127.0.0.1:10187", "[::1]:10187", ":10187" */
	size_t nlisten;
	const char *socket;         /* Unix socket path, NULL: none */
	const char *telemetry_path; /* "/metrics" */
	const char *web_config;     /* node_exporter's web configuration file, NULL: none */
	bool enable_mark;
	mc_api_fn api; /* everything but telemetry_path, /-/healthy, /-/ready, /assets/ */
	void *user;
};

struct mc_server;
/* Starts listening. MC_EBUSY: the port is taken, said with the address. */
int mc_server_start(const struct mc_serve_config *c, struct mc_server **ret, struct mc_error *err);
/* Swaps in a new metrics page (its text in both formats is built here). */
int mc_server_set_metrics(struct mc_server *s, const struct mc_metrics *m, struct mc_error *err);
/* /-/ready answers 200, or 503 with `reason` while that is not NULL. /-/healthy likewise. */
void mc_server_set_ready(struct mc_server *s, const char *reason);
void mc_server_set_healthy(struct mc_server *s, const char *reason);
int mc_server_reload(struct mc_server *s, struct mc_error *err); /* certificates, users */
/* The port that listen address i got (for ":0" in tests). */
int mc_server_port(const struct mc_server *s, size_t i);
void mc_server_stop(struct mc_server *s); /* takes NULL */

/* Fills reply with {"status": N, "error": "..."}. */
int mc_reply_error(struct mc_reply *reply, int status, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

#endif
