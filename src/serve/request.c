/* One request from its head to its answer. What is slow (the API, a password) goes to a worker with the
 * connection suspended; the library's thread only ever copies and routes. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "server.h"

enum { TCP_BODY = 65536, LOCAL_BODY = 16 << 20, GZIP_FROM = 1024 };

static const char type_json[] = "application/json; charset=utf-8";
static const char type_text[] = "text/plain; charset=utf-8";

enum step { STEP_HEAD, STEP_PASSWORD, STEP_ADMITTED, STEP_ANSWERED };

struct req {
	struct mc_job job;
	struct instance *in;
	struct MHD_Connection *mc;
	struct mc_conn *conn;
	enum step step;
	char *path, *method;
	char *user, *password;
	struct mc_buf body;
	bool admitted, early, gzip;
	struct mc_reply reply;
};

static const char *header(const struct req *r, const char *name)
{
	return MHD_lookup_connection_value(r->mc, MHD_HEADER_KIND, name);
}

/* ---- responses ---- */

static bool overridden(const struct mc_web *web, const char *name)
{
	for (size_t i = 0; web && i < web->c.nheaders; i++)
		if (strcasecmp(web->c.headers[i].name, name) == 0)
			return true;
	return false;
}

struct MHD_Response *mc_response(const struct mc_web *web, const char *content_type, void *data, size_t len, bool copy)
{
	static const char *const common[][2] = {
		{ "X-Content-Type-Options", "nosniff" },
		{ "X-Frame-Options", "DENY" },
		{ "Referrer-Policy", "same-origin" },
		{ "Content-Security-Policy", "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
			"connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'" },
		{ "Vary", "Accept, Accept-Encoding" },
	};
	struct MHD_Response *r = MHD_create_response_from_buffer(len, data, copy ? MHD_RESPMEM_MUST_COPY : MHD_RESPMEM_MUST_FREE);
	if (!r) {
		if (!copy)
			free(data);
		return NULL;
	}
	MHD_add_response_header(r, "Content-Type", content_type);
	for (size_t i = 0; i < sizeof(common) / sizeof(common[0]); i++)
		if (!overridden(web, common[i][0]))
			MHD_add_response_header(r, common[i][0], common[i][1]);
	for (size_t i = 0; web && i < web->c.nheaders; i++)
		MHD_add_response_header(r, web->c.headers[i].name, web->c.headers[i].value);
	return r;
}

static enum MHD_Result send_response(struct req *r, int status, struct MHD_Response *response)
{
	struct mc_server *s = r->in->listener->server;
	if (!response)
		return MHD_NO;
	atomic_fetch_add(&s->requests, 1);
	if (status >= 500)
		atomic_fetch_add(&s->errors, 1);
	enum MHD_Result ok = MHD_queue_response(r->mc, (unsigned)status, response);
	MHD_destroy_response(response);
	return ok;
}

/* Sends an owned body and releases it; `extra` is one more header, or NULL. */
static enum MHD_Result send_body(struct req *r, int status, const char *type, struct mc_buf *body, const char *extra,
	const char *extra_value)
{
	if (body->failed) {
		mc_buf_release(body);
		return MHD_NO;
	}
	struct MHD_Response *response = mc_response(r->in->web, type, (void *)(uintptr_t)mc_buf_text(body), body->len, true);
	mc_buf_release(body);
	if (response) {
		MHD_add_response_header(response, "Cache-Control", "no-cache");
		if (extra)
			MHD_add_response_header(response, extra, extra_value);
		if (r->gzip)
			MHD_add_response_header(response, "Content-Encoding", "gzip");
	}
	return send_response(r, status, response);
}

static enum MHD_Result send_error(struct req *r, int status, const char *extra, const char *extra_value, const char *text)
{
	struct mc_reply reply = { 0 };
	r->gzip = false;
	if (mc_reply_error(&reply, status, "%s", text)) {
		mc_buf_release(&reply.body);
		return MHD_NO;
	}
	return send_body(r, status, type_json, &reply.body, extra, extra_value);
}

int mc_reply_error(struct mc_reply *reply, int status, const char *fmt, ...)
{
	char text[1024];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	struct mc_json *j = mc_json_new();
	if (!j)
		return mc_nomem(NULL, "a reply");
	mc_json_object(j, NULL);
	mc_json_int(j, "status", status);
	mc_json_str(j, "error", text);
	mc_json_close(j);
	mc_buf_release(&reply->body);
	reply->status = status;
	reply->content_type = type_json;
	int rc = mc_json_text(j, MC_JSON_COMPACT, &reply->body, NULL);
	mc_buf_str(&reply->body, "\n");
	mc_json_free(j);
	return rc ? rc : mc_buf_check(&reply->body, NULL);
}

/* ---- fixed paths ---- */

static enum MHD_Result send_metrics(struct req *r)
{
	struct mc_server *s = r->in->listener->server;
	enum mc_format format = mc_accepted_format(header(r, "Accept"));
	bool gzip = mc_accepts_gzip(header(r, "Accept-Encoding"));
	enum MHD_Result ok = MHD_NO;
	if (mc_scrape_answer(s, r->in->web, r->mc, format, gzip, &ok))
		return send_error(r, 503, "Retry-After", "1", "nothing has been sampled yet");
	atomic_fetch_add(&s->requests, 1);
	return ok;
}

static enum MHD_Result send_health(struct req *r, bool ready)
{
	struct mc_server *s = r->in->listener->server;
	struct mc_buf b = { 0 };
	pthread_mutex_lock(&s->lock);
	const char *reason = s->unhealthy ? s->unhealthy : ready ? s->not_ready : NULL;
	int status = reason ? 503 : 200;
	mc_utf8_add(&b, reason ? reason : ready ? "ready" : "healthy", strlen(reason ? reason : ready ? "ready" : "healthy"));
	pthread_mutex_unlock(&s->lock);
	mc_buf_str(&b, "\n");
	return send_body(r, status, type_text, &b, NULL, NULL);
}

static enum MHD_Result send_asset(struct req *r, const char *name)
{
	for (size_t i = 0; i < mc_nassets; i++) {
		const struct mc_asset *a = &mc_assets[i];
		if (strcmp(a->name, name) != 0)
			continue;
		bool same = mc_etag_matches(header(r, "If-None-Match"), a->etag);
		bool gzip = a->gz && !same && mc_accepts_gzip(header(r, "Accept-Encoding"));
		const unsigned char *data = gzip ? a->gz : a->data;
		size_t len = same ? 0 : gzip ? a->gz_len : a->len;
		struct MHD_Response *response = mc_response(r->in->web, a->content_type, (void *)(uintptr_t)data, len, true);
		if (!response)
			return MHD_NO;
		MHD_add_response_header(response, "ETag", a->etag);
		MHD_add_response_header(response, "Cache-Control", "max-age=300");
		if (gzip)
			MHD_add_response_header(response, "Content-Encoding", "gzip");
		return send_response(r, same ? 304 : 200, response);
	}
	return send_error(r, 404, NULL, NULL, "no such path");
}

/* ---- the API, on the worker ---- */

static const char *argument(const void *handle, const char *name)
{
	const struct req *r = handle;
	return MHD_lookup_connection_value(r->mc, MHD_GET_ARGUMENT_KIND, name);
}

static void compress_reply(struct req *r)
{
	struct mc_buf z = { 0 };
	r->gzip = false;
	if (r->reply.body.len < GZIP_FROM || r->reply.body.failed || !mc_accepts_gzip(header(r, "Accept-Encoding")))
		return;
	if (mc_gzip(r->reply.body.data, r->reply.body.len, 4, &z, NULL) == 0) {
		mc_buf_release(&r->reply.body);
		r->reply.body = z;
		r->gzip = true;
	} else
		mc_buf_release(&z); /* it goes out as it is */
}

static bool trusted(const struct req *r)
{
	return r->in->listener->local || (r->in->listener->server->enable_mark && r->in->web && r->in->web->c.nusers && r->admitted);
}

static void resume(struct req *r)
{
	struct instance *in = r->in;
	struct MHD_Connection *mc = r->mc;
	mc_conns_state(&in->listener->server->conns, r->conn, MC_CONN_BUSY);
	MHD_resume_connection(mc); /* from here on r may be gone */
	atomic_fetch_sub(&in->jobs, 1);
}

static void run_api(struct mc_job *j, bool cancelled)
{
	struct req *r = (struct req *)(void *)j;
	struct mc_server *s = r->in->listener->server;
	struct mc_request rq = {
		.method = strcmp(r->method, "HEAD") == 0 ? "GET" : r->method,
		.path = r->path,
		.body = mc_buf_text(&r->body),
		.body_len = r->body.len,
		.trusted = trusted(r),
		.handle = r,
		.arg = argument,
	};
	if (cancelled)
		mc_reply_error(&r->reply, 503, "the server is stopping");
	else if (s->api(s->user, &rq, &r->reply) < 0 || r->reply.status < 100 || !r->reply.content_type)
		mc_reply_error(&r->reply, 500, "no answer: see the daemon's log");
	compress_reply(r);
	r->step = STEP_ANSWERED;
	resume(r);
}

static void run_password(struct mc_job *j, bool cancelled)
{
	struct req *r = (struct req *)(void *)j;
	r->admitted = !cancelled && mc_auth_check(r->in->listener->server->auth, r->in->web, r->user, r->password);
	r->step = STEP_ADMITTED;
	resume(r);
}

static enum MHD_Result hand_over(struct req *r, struct mc_worker *w, void (*run)(struct mc_job *, bool))
{
	struct mc_conns *cs = &r->in->listener->server->conns;
	r->job.run = run;
	atomic_fetch_add(&r->in->jobs, 1);
	mc_conns_state(cs, r->conn, MC_CONN_WORK);
	MHD_suspend_connection(r->mc);
	if (mc_worker_push(w, &r->job))
		return MHD_YES;
	mc_conns_state(cs, r->conn, MC_CONN_BUSY);
	MHD_resume_connection(r->mc);
	atomic_fetch_sub(&r->in->jobs, 1);
	r->step = STEP_ANSWERED;
	return mc_reply_error(&r->reply, 503, "too many requests are waiting") ? MHD_NO : MHD_YES;
}

/* ---- routing ---- */

static bool begins(const char *s, const char *with)
{
	return strncmp(s, with, strlen(with)) == 0;
}

static bool known_path(const struct req *r)
{
	const char *p = r->path;
	return strcmp(p, "/") == 0 || strcmp(p, r->in->listener->server->telemetry_path) == 0 || strcmp(p, "/-/healthy") == 0 ||
		strcmp(p, "/-/ready") == 0 || begins(p, "/assets/") || begins(p, "/api/v1/");
}

/* 0 where the method may be used on the path, else the answer's status. */
static int method_refused(const struct req *r, const char **allow)
{
	bool deploys = strcmp(r->path, "/api/v1/deploys") == 0;
	*allow = deploys ? "GET, HEAD, POST" : "GET, HEAD";
	if (strcmp(r->method, "GET") == 0 || strcmp(r->method, "HEAD") == 0)
		return 0;
	bool post = strcmp(r->method, "POST") == 0;
	if (r->in->listener->local && begins(r->path, "/api/v1/") && (post || strcmp(r->method, "DELETE") == 0))
		return 0;
	if (post && deploys)
		return r->in->listener->server->enable_mark ? 0 : 403;
	return known_path(r) ? 405 : 404;
}

static enum MHD_Result refuse_method(struct req *r, int status, const char *allow)
{
	if (status == 405)
		return send_error(r, 405, "Allow", allow, "this method is not allowed here");
	if (status == 404)
		return send_error(r, 404, NULL, NULL, "no such path");
	return send_error(r, 403, NULL, NULL, "this port only reads: mark through the daemon's Unix socket, or start it with "
		"--web.enable-mark and basic auth");
}

static enum MHD_Result route(struct req *r)
{
	struct mc_server *s = r->in->listener->server;
	const char *allow;
	int refused = method_refused(r, &allow);
	if (refused)
		return refuse_method(r, refused, allow);
	if (strcmp(r->path, s->telemetry_path) == 0)
		return send_metrics(r);
	if (strcmp(r->path, "/-/healthy") == 0 || strcmp(r->path, "/-/ready") == 0)
		return send_health(r, r->path[3] == 'r');
	if (begins(r->path, "/assets/"))
		return send_asset(r, r->path + strlen("/assets/"));
	if (strcmp(r->method, "POST") == 0 && !r->in->listener->local) {
		/* A form on a foreign site cannot send this type, though the browser would add the password. */
		const char *type = header(r, "Content-Type");
		if (!type || strncasecmp(type, "application/json", strlen("application/json")) != 0)
			return send_error(r, 415, NULL, NULL, "expected Content-Type: application/json");
	}
	if (!s->api)
		return send_error(r, 404, NULL, NULL, "no such path");
	return hand_over(r, s->worker, run_api);
}

/* ---- who asks ---- */

static enum MHD_Result refuse_password(struct req *r)
{
	atomic_fetch_add(&r->in->listener->server->refused, 1);
	return send_error(r, 401, "WWW-Authenticate", "Basic realm=\"memculprit\", charset=\"UTF-8\"", "user and password are needed");
}

/* Sets *ret and returns true where the request ends or waits here. */
static bool stopped_at_door(struct req *r, enum MHD_Result *ret)
{
	const struct listener *l = r->in->listener;
	const struct mc_web *web = r->in->web;
	if (!l->local && !mc_host_ok(header(r, "Host"), l->loopback)) {
		*ret = send_error(r, 421, NULL, NULL, "this name is not one of this host");
		return true;
	}
	if (l->local || !web)
		return false;
	if (web->client_auth) {
		const union MHD_ConnectionInfo *tls = MHD_get_connection_info(r->mc, MHD_CONNECTION_INFO_GNUTLS_SESSION);
		if (!tls || !mc_tls_client_ok(tls->tls_session, web)) {
			*ret = send_error(r, 403, NULL, NULL, "a client certificate is needed");
			return true;
		}
	}
	if (web->c.nusers == 0 || r->admitted)
		return false;
	r->user = MHD_basic_auth_get_username_password(r->mc, &r->password);
	int known = r->user && r->password ? mc_auth_known(l->server->auth, r->user, r->password) : 0;
	if (known < 0) {
		r->step = STEP_PASSWORD;
		*ret = hand_over(r, l->server->doorman, run_password);
		return true;
	}
	r->admitted = known;
	if (!known)
		*ret = refuse_password(r);
	return !known;
}

/* ---- the library's callbacks ---- */

static void free_req(struct req *r)
{
	free(r->path);
	free(r->method);
	if (r->password)
		explicit_bzero(r->password, strlen(r->password));
	MHD_free(r->user);
	MHD_free(r->password);
	mc_buf_release(&r->body);
	mc_buf_release(&r->reply.body);
	free(r);
}

static struct req *new_req(struct instance *in, struct MHD_Connection *mc, const char *url, const char *method)
{
	struct req *r = calloc(1, sizeof(*r));
	if (!r)
		return NULL;
	*r = (struct req){ .in = in, .mc = mc };
	const union MHD_ConnectionInfo *context = MHD_get_connection_info(mc, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
	r->conn = context ? context->socket_context : NULL;
	r->path = mc_strdup(url);
	r->method = mc_strdup(method);
	r->body.limit = in->listener->local ? LOCAL_BODY : TCP_BODY;
	if (!r->path || !r->method) {
		free_req(r);
		return NULL;
	}
	return r;
}

/* A body that nobody will read is refused before it comes: the library then closes the connection. */
static enum MHD_Result refuse_body(struct req *r)
{
	const char *length = header(r, "Content-Length"), *allow;
	uint64_t n = 0;
	if (!length && !header(r, "Transfer-Encoding"))
		return MHD_YES;
	if (length && !mc_parse_u64(length, strlen(length), &n)) {
		r->early = true;
		return send_error(r, 400, NULL, NULL, "bad Content-Length");
	}
	int refused = method_refused(r, &allow);
	if (refused) {
		r->early = true;
		return refuse_method(r, refused, allow);
	}
	if (n > r->body.limit || (strcmp(r->method, "POST") != 0 && (n || !length))) {
		r->early = true;
		return send_error(r, 413, NULL, NULL, "the body is too large");
	}
	return MHD_YES;
}

enum MHD_Result mc_on_request(void *cls, struct MHD_Connection *mc, const char *url, const char *method, const char *version,
	const char *upload, size_t *upload_size, void **con_cls)
{
	struct instance *in = cls;
	struct req *r = *con_cls;
	enum MHD_Result done = MHD_YES;
	(void)version;
	if (!r) {
		r = new_req(in, mc, url, method);
		if (!r)
			return MHD_NO;
		*con_cls = r;
		mc_conns_state(&in->listener->server->conns, r->conn, MC_CONN_BUSY);
		return refuse_body(r);
	}
	if (*upload_size) {
		mc_buf_add(&r->body, upload, *upload_size);
		*upload_size = 0;
		return MHD_YES;
	}
	if (r->early)
		return MHD_YES;
	if (r->body.failed)
		return send_error(r, 413, NULL, NULL, "the body is too large");
	if (r->step == STEP_ANSWERED)
		return send_body(r, r->reply.status, r->reply.content_type, &r->reply.body, NULL, NULL);
	if (r->step == STEP_ADMITTED && !r->admitted)
		return refuse_password(r);
	if (r->step == STEP_HEAD && stopped_at_door(r, &done))
		return done;
	return route(r);
}

void mc_on_completed(void *cls, struct MHD_Connection *mc, void **con_cls, enum MHD_RequestTerminationCode why)
{
	struct instance *in = cls;
	struct req *r = *con_cls;
	(void)why;
	if (!r)
		return;
	/* one that is to be closed does not wait for another request */
	const char *connection = MHD_lookup_connection_value(mc, MHD_HEADER_KIND, "Connection");
	if (!connection || strcasecmp(connection, "close") != 0)
		mc_conns_state(&in->listener->server->conns, r->conn, MC_CONN_IDLE);
	free_req(r);
	*con_cls = NULL;
}
