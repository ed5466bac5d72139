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
/* Counter samples added from now on began counting at this Unix time (seconds): OpenMetrics' _created.
 * NaN: not known, then the time at which the server started stands for it. */
void mc_metrics_created(struct mc_metrics *m, double unix_seconds);
/* Samples dropped because their labels were there already. */
size_t mc_metrics_dropped(const struct mc_metrics *m);
/* The finished page in either format; families without a sample are left out. */
int mc_metrics_text(const struct mc_metrics *m, bool openmetrics, struct mc_buf *out, struct mc_error *err);

/* ---- the metrics that INTERFACE promises, from plain figures ----
 * NaN in any number and NULL in any text: not known, and the series is left out. Counters are totals.
 * Times are Unix seconds. */
struct mc_version_figures {
	const char *version, *commit; /* one running now; two while a canary is out */
};
struct mc_slot_figures {
	uint32_t slot; /* a number that is reused, not the pid */
	double anon, file, shmem, swap;
};
struct mc_program_figures {
	const char *name;
	double first_seen_s;               /* when its counters began */
	double anon, file, shmem, swap;    /* bytes, they add up */
	double resident, proportional, unique; /* bytes */
	double proportional_age_s;         /* of the last two: of the process that was looked at longest ago */
	double processes;                  /* alive now */
	double restarts, deploys, requests, rx_bytes, tx_bytes, rx_packets, tx_packets;
	double io_read, io_write, cpu_seconds, page_faults, switches;
	double sockets;                    /* held now */
	double memory_limit;               /* of its cgroups, bytes */
	double memory_pressure, oom_kills; /* of its cgroups: ratio of time, counter */
	double short_lives, short_cpu_seconds, short_peak; /* of those that no sample saw; bytes */
	double last_deploy_s;
	double growth, onset_s, exhaustion_s; /* growth: bytes per second */
	const char *verdict, *state;       /* as in the JSON */
	const char *culprit_version, *culprit_commit; /* both NULL: none */
	double culprit_probability;
	size_t nversions;
	const struct mc_version_figures *versions;
	size_t nslots;                     /* 0 unless per-process metrics are on */
	const struct mc_slot_figures *slots;
};
struct mc_host_figures {
	double blocked, running, iowait_ratio;
	double swap_in_bytes, swap_out_bytes; /* counters */
	double memory_total, memory_available, swap_total, swap_used;
	double memory_some_s, memory_full_s, io_some_s, cpu_some_s; /* pressure: counters of seconds */
	double oom_kills, context_switches;
	double rx_bytes, tx_bytes, rx_packets, tx_packets; /* counters */
	double boot_s;                     /* when those counters began */
};
struct mc_error_figures {
	const char *component; /* "sample", "store", ... */
	double errors;
};
struct mc_daemon_figures {
	const char *version, *commit;      /* of memculprit */
	double sample_seconds, last_sample_s, samples;
	double interval_s;                 /* between two samples; 0 is not known too */
	double store_bytes;
	double dropped_for_age, dropped_for_room; /* samples, ever since the database was made */
	double programs_left_out, processes_left_out; /* beyond the limits, now */
	double short_lives, short_lost;    /* seen by their exit alone; those that the kernel could not tell of */
	double http_requests, http_errors, http_dropped; /* of mc_server_stats */
	size_t nerrors;
	const struct mc_error_figures *errors;
};
/* Append the families in a fixed order; each once a page. mc_metrics_process: process_* of this process, read from /proc/self. */
void mc_metrics_programs(struct mc_metrics *m, const struct mc_program_figures *p, size_t n);
void mc_metrics_host(struct mc_metrics *m, const struct mc_host_figures *h);
void mc_metrics_daemon(struct mc_metrics *m, const struct mc_daemon_figures *d);
void mc_metrics_process(struct mc_metrics *m);

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

/* Adds to m what the metrics page is to hold. Runs on a server thread, never twice at a time, for whoever is the
 * first to ask for a format after mc_server_renew_metrics(): what nobody scrapes costs nothing. */
struct mc_server_stats;
typedef int (*mc_metrics_fn)(void *user, const struct mc_server_stats *stats, struct mc_metrics *m, struct mc_error *err);

/* The daemon runs `api` on one thread of its own, one request at a time, so a slow answer never holds
 * up a scrape and the callback may keep one read-only database handle. On TCP only GET, HEAD and
 * POST /api/v1/deploys (trusted) reach it; on the Unix socket also POST and DELETE of any /api/ path.
 * HEAD arrives as GET. Replies over 1 KiB are gzipped where the client takes it. */

/* What node_exporter's web configuration file says; app reads the YAML. NULL: not given. Everything
 * is copied. File names are relative to the directory of the process: app makes them absolute. */
struct mc_web_user {
	const char *name, *hash; /* bcrypt: $2a$, $2b$, $2x$ or $2y$ */
};
struct mc_web_header {
	const char *name, *value; /* http_server_config.headers */
};
struct mc_web_config {
	const char *cert_file, *key_file; /* both, or neither: no TLS */
	const char *client_auth_type;     /* NoClientCert, RequestClientCert, RequireAnyClientCert,
	                                     VerifyClientCertIfGiven, RequireAndVerifyClientCert */
	const char *client_ca_file;
	const char *min_version, *max_version; /* TLS10 ... TLS13; default TLS12, TLS13 */
	size_t nciphers;
	const char *const *ciphers; /* cipher_suites, Go's names */
	size_t ncurves;
	const char *const *curves; /* curve_preferences: CurveP256, CurveP384, CurveP521, X25519 */
	size_t nusers;
	const struct mc_web_user *users;
	size_t nheaders;
	const struct mc_web_header *headers;
};

struct mc_serve_config {
	const char *const *listen; /* "127.0.0.1:10187", "[::1]:10187", ":10187" */
	size_t nlisten;
	const char *socket;         /* Unix socket path, NULL: none */
	const char *telemetry_path; /* "/metrics" */
	const char *web_config;     /* name of the web configuration file, for messages; NULL: none */
	const struct mc_web_config *web; /* what it says; NULL: no TLS, no users */
	const int *inherited;       /* listening sockets handed over by systemd; then `listen` is not used */
	size_t ninherited;
	bool enable_mark;
	mc_api_fn api; /* everything but telemetry_path, /-/healthy, /-/ready, /assets/ */
	void *user;
	mc_metrics_fn metrics; /* the metrics page; called with metrics_user */
	void *metrics_user;
};

struct mc_server;
/* Starts listening. MC_EBUSY: the port is taken, said with the address. */
int mc_server_start(const struct mc_serve_config *c, struct mc_server **ret, struct mc_error *err);
/* What `metrics` would say is another than before: the next who asks has it made anew, those after him get what
 * he got. Before the first call the page answers 503. */
void mc_server_renew_metrics(struct mc_server *s);
/* /-/ready answers 200, or 503 with `reason` while that is not NULL. /-/healthy likewise. */
void mc_server_set_ready(struct mc_server *s, const char *reason);
void mc_server_set_healthy(struct mc_server *s, const char *reason);
/* Takes over a new web configuration (NULL: the one it has) and reads its files again. Where that fails
 * the server goes on with what it had. Connections that are open keep what they agreed on. */
int mc_server_set_web(struct mc_server *s, const struct mc_web_config *web, struct mc_error *err);
int mc_server_reload(struct mc_server *s, struct mc_error *err); /* mc_server_set_web with NULL */
/* The port that listen address i got (for ":0" in tests). */
int mc_server_port(const struct mc_server *s, size_t i);
/* An answer that is being made is waited for up to wait_ms (below 0: until it is there). False: it was not, its thread
 * still uses the server and what the callback uses, and all that can be done is to end the process; nobody is served
 * any more. Takes NULL. */
bool mc_server_stop(struct mc_server *s, int wait_ms);

/* What the server counted since its start; for the daemon's own metrics. */
struct mc_server_stats {
	uint64_t requests;    /* answered, any status */
	uint64_t errors;      /* answered with 5xx */
	uint64_t connections; /* open now */
	uint64_t dropped;     /* connections closed on slow or surplus clients */
	uint64_t refused;     /* wrong or missing password */
};
void mc_server_stats(const struct mc_server *s, struct mc_server_stats *ret);

/* Sockets that systemd handed over (LISTEN_PID, LISTEN_FDS): their number, *first the lowest; close-on-exec
 * is set and the variables are removed. 0: none. */
size_t mc_serve_activated(int *first);

/* Fills reply with {"status": N, "error": "..."}. */
int mc_reply_error(struct mc_reply *reply, int status, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* ---- a series for the screen ----
 * Buckets [start + i*step, start + (i+1)*step) of a series: least, largest and last value; NaN where nothing was
 * seen. */
enum { MC_SERIES_POINTS = 4000 }; /* most buckets of one reply */
struct mc_curve {
	const char *name; /* "anon", "swap", "processes", "requests", ... */
	const char *unit; /* "bytes", "bytes_per_second", "per_second", "ratio", "count" */
	size_t n;
	const int64_t *t_ms; /* ascending */
	const double *v;
	const char *host; /* "" or NULL: of the program; else of that host */
	const char *label; /* how the page calls it, NULL: its name */
	const char *group; /* curves that follow each other with one group share a chart, NULL: one of its own */
	bool last_only;    /* in JSON without min and max: one line of many */
};
/* The curves from the first on that share its chart; n > 0. */
size_t mc_curve_group(const struct mc_curve *c, size_t n);
/* Reads start=, end= (any time of base.h), step= (duration or seconds) of a request. Not given: the whole of
 * [first_ms, last_ms], and a round step that gives 600 buckets or fewer. MC_EUSAGE: unreadable, empty, or more
 * than MC_SERIES_POINTS buckets: the error says which step would do. */
struct mc_span {
	int64_t start_ms, end_ms, step_ms;
};
int mc_span_read(const struct mc_request *rq, int64_t now_ms, int64_t first_ms, int64_t last_ms,
	struct mc_span *ret, struct mc_error *err);
/* min, max, last have (end - start) / step rounded up elements, at most MC_SERIES_POINTS. */
size_t mc_span_buckets(const struct mc_span *sp);
void mc_downsample(const struct mc_curve *s, const struct mc_span *sp, double *min, double *max, double *last);
/* The object that /series answers: {"schema", "program", "start_ms", "end_ms", "step_ms", "t_ms": [...],
 * "series": {"anon": {"unit", "min": [...], "max": [...], "last": [...]}}}. */
int mc_series_json(struct mc_json *j, const char *program, const struct mc_span *sp, const struct mc_curve *s, size_t n,
	struct mc_error *err);

/* ---- the page ----
 * Rendered from plain structs: it works without JavaScript, and the script in /assets/ makes it live. All text
 * may be hostile and is escaped here. Times INT64_MIN and numbers NaN are not known. Every pointer may
 * be NULL. GET / with no parameter is the index, GET /?program=NAME one program (since=, until= narrow it). */
#define MC_PAGE_NO_TIME INT64_MIN
struct mc_page_program {
	const char *name;
	double processes;
	double private_bytes;    /* anon + swap, now, or when it was last seen */
	double growth;           /* bytes per second of the answer */
	bool growth_of_processes; /* processes per second instead */
	const char *version;     /* running now */
	const char *verdict, *state; /* as in the JSON */
	const char *answer;      /* the answer in one sentence */
	const char *culprit;     /* version or commit, NULL: none */
	double probability;      /* of the culprit */
	int64_t onset_ms, exhaustion_ms;
	int64_t gone_ms;         /* it does not run: when it was last seen; 0: it runs */
	size_t nspark;           /* a small curve of private memory, evenly spaced; 0: none */
	const double *spark;
};
struct mc_page {
	int64_t now_ms;
	bool utc;
	const char *version;     /* memculprit's */
	const char *host_line;   /* what `status` says of the host, one sentence */
	const char *notice;      /* something the reader must know ("no rights to ..."), NULL: none */
	int64_t stale_ms;        /* when the last sample was taken, where that is too long ago to be now; 0: it is not */
	const char *telemetry_path;
	size_t nprograms;
	const struct mc_page_program *programs;
};
struct mc_page_deploy {
	int64_t deployed_ms, first_seen_ms;
	const char *version, *commit;
	const char *how;         /* "marked", "ELF package note", ... */
	double probability;      /* that it began the growth; NaN: not a candidate */
	bool culprit, fix;
	double memory_after, growth_after; /* bytes, bytes per second, of the release that it began */
	bool growth_of_processes; /* processes per second instead */
};
struct mc_page_evidence {
	const char *kind, *text;
	bool against;
};
struct mc_page_place {
	const char *path, *function, *reason, *text;
	int line;
};
struct mc_page_commit {
	const char *id, *subject, *author;
	size_t files, added, removed;
	size_t nplaces;
	const struct mc_page_place *places;
};
struct mc_page_detail {
	struct mc_page page;             /* its programs are not used */
	struct mc_page_program program;
	int64_t as_of_ms;
	const char *signal;
	int64_t onset_lo_ms, onset_hi_ms;
	double slope_before, slope_lo, slope_hi;
	double grown_bytes;
	int64_t stopped_ms, stopped_lo_ms, stopped_hi_ms;
	const char *fixed_by;
	int64_t exhaustion_lo_ms, exhaustion_hi_ms;
	int64_t ambiguous_until_ms;
	double not_a_deploy, no_change;
	struct mc_span span;             /* what the curves show */
	const char *since;               /* how the request asked for it ("-24h"), NULL: all */
	size_t nseries;                  /* first: the signal; then processes, load, host */
	const struct mc_curve *series;
	size_t ndeploys;
	const struct mc_page_deploy *deploys; /* oldest first */
	size_t nevidence;
	const struct mc_page_evidence *evidence;
	size_t ncommits;
	const struct mc_page_commit *commits; /* suspects first */
	const char *commits_note;        /* why there are none, or what was left out */
	const char *diff;                /* unified text, NULL: none */
	const char *next;                /* what to do next, one line: "memculprit diff logic_worker" */
};
/* Fill reply with the HTML (status 200). */
int mc_page_index(const struct mc_page *p, struct mc_reply *reply, struct mc_error *err);
int mc_page_program(const struct mc_page_detail *d, struct mc_reply *reply, struct mc_error *err);
/* An HTML page for an error on a page path ("no such program"). */
int mc_page_error(const struct mc_page *p, int status, const char *text, struct mc_reply *reply, struct mc_error *err);
/* The curve of the first series with deploy marks and onset band as one SVG document (plot --svg, the page). */
int mc_svg_curve(const struct mc_page_detail *d, unsigned width, unsigned height, struct mc_buf *out, struct mc_error *err);

#endif
