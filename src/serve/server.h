/* The server's own state, shared by server.c (life) and request.c (answers). */
#ifndef MEMCULPRIT_SERVER_H
#define MEMCULPRIT_SERVER_H

#include <microhttpd.h>

#include "serve_priv.h"

/* A listening socket, and the library's server on it; a reload puts a new one beside it. */
struct listener {
	struct mc_server *server;
	int fd;
	bool local;    /* the Unix socket: trusted */
	bool loopback; /* TCP on a loopback address */
	int port;
	char address[128];
	struct mc_unix_socket file;
	struct instance *now;
};

struct instance {
	struct instance *next; /* in mc_server.old */
	struct listener *listener;
	struct MHD_Daemon *daemon;
	struct mc_web *web;
	atomic_int jobs;       /* requests that a worker has: it is not stopped under them */
	int64_t retired_ns;
};

/* The metrics page in one format, made when first asked for. */
struct page_format {
	uint64_t made;  /* the number of the page that it is of; 0: none */
	size_t len;     /* of the text, or of the one before */
	struct mc_buf text; /* until `plain` takes it over */
	char *own;      /* it, in `plain` */
	struct MHD_Response *plain, *gz; /* NULL: not asked for yet */
};
struct mc_scrape {
	mc_metrics_fn fn;
	void *user;
	double started;       /* Unix seconds */
	atomic_ullong newest; /* number of the page; 0: there is none yet */
	pthread_mutex_t lock; /* page, metrics */
	struct page_format page[MC_NFORMATS];
	struct mc_metrics *metrics; /* of the page made last, NULL: none */
};

struct mc_server {
	size_t n;
	struct listener *listeners;
	struct instance *old;
	char *telemetry_path, *web_config;
	bool enable_mark;
	mc_api_fn api;
	void *user;
	struct mc_scrape scrape;
	struct mc_conns conns;
	struct mc_worker *worker, *doorman; /* answers; passwords */
	struct mc_auth *auth;
	pthread_mutex_t lock; /* web, reasons */
	struct mc_web *web;
	char *not_ready, *unhealthy;
	atomic_ullong requests, errors, refused;
	pthread_t sweeper;
	bool sweeping, quiet;
	atomic_bool stop; /* the sweeper is to end */
};

/* ---- request.c: callbacks of the library; cls is the struct instance ---- */
enum MHD_Result mc_on_request(void *cls, struct MHD_Connection *mc, const char *url, const char *method, const char *version,
	const char *upload, size_t *upload_size, void **con_cls);
void mc_on_completed(void *cls, struct MHD_Connection *mc, void **con_cls, enum MHD_RequestTerminationCode why);
/* A response of these bytes (copied with `copy`, else free()d by the library) with the headers all have. */
struct MHD_Response *mc_response(const struct mc_web *web, const char *content_type, void *data, size_t len, bool copy);

/* ---- scrape.c ---- */
void mc_scrape_init(struct mc_scrape *p, mc_metrics_fn fn, void *user);
void mc_scrape_release(struct mc_scrape *p);
/* Answers with the page as it was when it was last renewed. 0, or 503: there is none yet, or no memory. */
int mc_scrape_answer(struct mc_server *s, const struct mc_web *web, struct MHD_Connection *mc, enum mc_format format, bool gzip,
	enum MHD_Result *ret);

#endif
