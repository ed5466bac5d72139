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

/* One metrics page in one format; compressed when first asked for. */
struct page_format {
	struct MHD_Response *plain, *gz;
	struct mc_buf text; /* what gz is made from; the plain response owns its own copy */
	bool gz_failed;
};

struct mc_server {
	size_t n;
	struct listener *listeners;
	struct instance *old;
	char *telemetry_path, *web_config;
	bool enable_mark;
	mc_api_fn api;
	void *user;
	double started; /* Unix seconds */
	struct mc_conns conns;
	struct mc_worker *worker, *doorman; /* answers; passwords */
	struct mc_auth *auth;
	pthread_mutex_t lock; /* web, page, reasons */
	struct mc_web *web;
	struct page_format page[MC_NFORMATS];
	char *not_ready, *unhealthy;
	atomic_ullong requests, errors, refused;
	pthread_t sweeper;
	pthread_mutex_t sweep_lock;
	pthread_cond_t sweep_wake;
	bool sweeping, stop;
};

/* ---- request.c: callbacks of the library; cls is the struct instance ---- */
enum MHD_Result mc_on_request(void *cls, struct MHD_Connection *mc, const char *url, const char *method, const char *version,
	const char *upload, size_t *upload_size, void **con_cls);
void mc_on_completed(void *cls, struct MHD_Connection *mc, void **con_cls, enum MHD_RequestTerminationCode why);
/* A response of these bytes (copied with `copy`, else free()d by the library) with the headers all have. */
struct MHD_Response *mc_response(const struct mc_web *web, const char *content_type, void *data, size_t len, bool copy);

/* ---- server.c ---- */
extern const char *const mc_format_type[MC_NFORMATS]; /* Content-Type */
void mc_page_format_release(struct page_format *p);

#endif
