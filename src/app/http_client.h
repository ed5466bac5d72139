/* One HTTP request at a time, with limits on time and size: to the daemon's socket, to a daemon
 * elsewhere, to the pages that count a program's requests. App only; libcurl is known here alone. */
#ifndef MEMCULPRIT_APP_HTTP_CLIENT_H
#define MEMCULPRIT_APP_HTTP_CLIENT_H

#include "memculprit/base.h"

struct http_client; /* keeps connections; one thread at a time */
int http_client_new(struct http_client **ret, struct mc_error *err);
void http_client_free(struct http_client *c); /* takes NULL */

struct http_call {
	const char *socket;  /* Unix socket, NULL: by TCP */
	const char *url, *method;
	const char *body;    /* JSON, or NULL */
	size_t limit;        /* most bytes of an answer */
	long timeout_ms;
};
/* 0: answered, with any status; *body is appended to. MC_ENOTFOUND: nobody listens there; MC_ELIMIT; MC_EIO. */
int http_client_run(struct http_client *c, const struct http_call *call, int *status, struct mc_buf *body, struct mc_error *err);

#endif
