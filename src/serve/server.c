/* The server's life: sockets, the library's servers on them, reload, stop. */
#include <arpa/inet.h>
#include <errno.h>
#include <math.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "server.h"

enum { MAX_LISTENERS = 16, QUEUE = 64, CONNECTION_MEMORY = 16384, IDLE_SECONDS = 300 };

static void silent(void *cls, const char *fmt, va_list ap)
{
	(void)cls;
	(void)fmt;
	(void)ap;
}

static void on_connection(void *cls, struct MHD_Connection *mc, void **context, enum MHD_ConnectionNotificationCode what)
{
	struct instance *in = cls;
	struct mc_conns *cs = &in->listener->server->conns;
	if (what == MHD_CONNECTION_NOTIFY_CLOSED) {
		mc_conns_close(cs, *context);
		*context = NULL;
		return;
	}
	const union MHD_ConnectionInfo *fd = MHD_get_connection_info(mc, MHD_CONNECTION_INFO_CONNECTION_FD);
	const union MHD_ConnectionInfo *peer = MHD_get_connection_info(mc, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
	*context = fd ? mc_conns_open(cs, fd->connect_fd, peer ? peer->client_addr : NULL) : NULL;
}

static void free_instance(struct instance *in)
{
	if (!in)
		return;
	mc_web_unref(in->web);
	free(in);
}

static int start_instance(struct listener *l, struct mc_web *web, struct instance **ret, struct mc_error *err)
{
	struct instance *in = calloc(1, sizeof(*in));
	if (!in)
		return mc_nomem(err, "a server");
	in->listener = l;
	in->web = mc_web_ref(web);
	bool tls = web && web->cert && !l->local;
	struct MHD_OptionItem options[16];
	size_t n = 0;
	options[n++] = (struct MHD_OptionItem){ MHD_OPTION_LISTEN_SOCKET, l->fd, NULL };
	options[n++] = (struct MHD_OptionItem){ MHD_OPTION_CONNECTION_LIMIT, (intptr_t)(2 * mc_conns_most()), NULL };
	options[n++] = (struct MHD_OptionItem){ MHD_OPTION_CONNECTION_MEMORY_LIMIT, CONNECTION_MEMORY, NULL };
	options[n++] = (struct MHD_OptionItem){ MHD_OPTION_CONNECTION_TIMEOUT, IDLE_SECONDS, NULL };
	options[n++] = (struct MHD_OptionItem){ MHD_OPTION_STRICT_FOR_CLIENT, 1, NULL };
	options[n++] = (struct MHD_OptionItem){ MHD_OPTION_NOTIFY_COMPLETED, (intptr_t)mc_on_completed, in };
	options[n++] = (struct MHD_OptionItem){ MHD_OPTION_NOTIFY_CONNECTION, (intptr_t)on_connection, in };
	if (tls) {
		options[n++] = (struct MHD_OptionItem){ MHD_OPTION_HTTPS_MEM_CERT, 0, web->cert };
		options[n++] = (struct MHD_OptionItem){ MHD_OPTION_HTTPS_MEM_KEY, 0, web->key };
		options[n++] = (struct MHD_OptionItem){ MHD_OPTION_HTTPS_PRIORITIES, 0, web->priorities };
		if (web->ca)
			options[n++] = (struct MHD_OptionItem){ MHD_OPTION_HTTPS_MEM_TRUST, 0, web->ca };
	}
	options[n] = (struct MHD_OptionItem){ MHD_OPTION_END, 0, NULL };
	unsigned flags = MHD_USE_EPOLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_TURBO | MHD_USE_ERROR_LOG | (tls ? MHD_USE_TLS : 0);
	/* The logger comes first: it is asked while the other options are read. */
	in->daemon = MHD_start_daemon(flags, 0, NULL, NULL, mc_on_request, in, MHD_OPTION_EXTERNAL_LOGGER, silent, NULL,
		MHD_OPTION_ARRAY, options, MHD_OPTION_END);
	if (!in->daemon) {
		free_instance(in);
		return mc_fail(err, MC_EIO, 0, "%s: the HTTP library does not start%s", l->address, tls ? " with this certificate" : "");
	}
	*ret = in;
	return 0;
}

static void describe(struct listener *l)
{
	struct sockaddr_storage a = { 0 };
	socklen_t len = sizeof(a);
	char text[INET6_ADDRSTRLEN] = "";
	if (getsockname(l->fd, (struct sockaddr *)&a, &len))
		return;
	if (a.ss_family == AF_INET) {
		struct sockaddr_in in;
		memcpy(&in, &a, sizeof(in));
		l->port = ntohs(in.sin_port);
		l->loopback = (ntohl(in.sin_addr.s_addr) >> 24) == 127;
		inet_ntop(AF_INET, &in.sin_addr, text, sizeof(text));
		snprintf(l->address, sizeof(l->address), "%s:%d", text, l->port);
	} else if (a.ss_family == AF_INET6) {
		struct sockaddr_in6 in;
		memcpy(&in, &a, sizeof(in));
		l->port = ntohs(in.sin6_port);
		l->loopback = IN6_IS_ADDR_LOOPBACK(&in.sin6_addr);
		inet_ntop(AF_INET6, &in.sin6_addr, text, sizeof(text));
		snprintf(l->address, sizeof(l->address), "[%s]:%d", text, l->port);
	} else {
		l->local = true;
		snprintf(l->address, sizeof(l->address), "unix socket");
	}
}

static int open_sockets(struct mc_server *s, const struct mc_serve_config *c, struct mc_error *err)
{
	size_t ntcp = c->ninherited ? c->ninherited : c->nlisten;
	if (ntcp > MAX_LISTENERS)
		return mc_fail(err, MC_ELIMIT, 0, "%zu listen addresses; at most %d", ntcp, MAX_LISTENERS);
	s->listeners = calloc(ntcp + 1, sizeof(*s->listeners));
	if (!s->listeners)
		return mc_nomem(err, "listen addresses");
	for (size_t i = 0; i < ntcp; i++) {
		struct listener *l = &s->listeners[s->n];
		*l = (struct listener){ .server = s, .fd = -1 };
		int rc = 0;
		if (c->ninherited)
			l->fd = c->inherited[i];
		else
			rc = mc_listen_tcp(c->listen[i], &l->fd, err);
		if (rc)
			return rc;
		s->n++;
		describe(l);
	}
	if (c->socket) {
		struct listener *l = &s->listeners[s->n];
		*l = (struct listener){ .server = s, .fd = -1, .local = true };
		int rc = mc_listen_unix(c->socket, &l->file, &l->fd, err);
		if (rc)
			return rc;
		s->n++;
		snprintf(l->address, sizeof(l->address), "%s", c->socket);
	}
	return 0;
}

/* ---- the sweeper: two looks a second at the clock, while there is a connection ---- */

/* Stops retired servers whose connections have had time to end. With `all`, at once. */
static void stop_retired(struct mc_server *s, bool all)
{
	enum { GRACE_SECONDS = 5 };
	pthread_mutex_lock(&s->lock);
	struct instance **at = &s->old, *gone = NULL;
	while (*at) {
		struct instance *in = *at;
		bool over = mc_mono_ns() - in->retired_ns > GRACE_SECONDS * INT64_C(1000000000) && atomic_load(&in->jobs) == 0;
		if (all || over) {
			*at = in->next;
			in->next = gone;
			gone = in;
		} else
			at = &in->next;
	}
	pthread_mutex_unlock(&s->lock);
	while (gone) {
		struct instance *in = gone;
		gone = in->next;
		MHD_stop_daemon(in->daemon);
		free_instance(in);
		mc_conns_watch(&s->conns, -1);
	}
}

static void *sweep(void *arg)
{
	struct mc_server *s = arg;
	uint64_t n;
	while (!atomic_load(&s->stop) && (read(s->conns.timer, &n, sizeof(n)) > 0 || errno == EINTR)) {
		mc_conns_sweep(&s->conns, mc_mono_ns());
		stop_retired(s, false);
	}
	return NULL;
}

static void stop_sweeper(struct mc_server *s)
{
	if (!s->sweeping)
		return;
	atomic_store(&s->stop, true);
	struct timespec soon = { .tv_nsec = 1 }, again = { .tv_nsec = 10000000 }; /* again: a connection may set it anew */
	pthread_mutex_lock(&s->conns.lock);
	s->conns.watched++; /* it is not taken back any more */
	timerfd_settime(s->conns.timer, 0, &(struct itimerspec){ again, soon }, NULL);
	pthread_mutex_unlock(&s->conns.lock);
	pthread_join(s->sweeper, NULL);
	s->sweeping = false;
}

static int start_threads(struct mc_server *s, struct mc_error *err)
{
	s->worker = mc_worker_new(QUEUE);
	s->doorman = mc_worker_new(QUEUE);
	s->auth = mc_auth_new();
	if (!s->worker || !s->doorman || !s->auth)
		return mc_nomem(err, "the server's threads");
	int rc = s->conns.timer < 0 ? ENFILE : pthread_create(&s->sweeper, NULL, sweep, s);
	if (rc)
		return mc_fail(err, MC_EIO, rc, "the server's threads");
	s->sweeping = true;
	return 0;
}

static struct mc_server *new_server(const struct mc_serve_config *c)
{
	struct mc_server *s = calloc(1, sizeof(*s));
	if (!s)
		return NULL;
	s->telemetry_path = mc_strdup(c->telemetry_path ? c->telemetry_path : "/metrics");
	s->web_config = mc_strdup(c->web_config);
	s->enable_mark = c->enable_mark;
	s->api = c->api;
	s->user = c->user;
	mc_scrape_init(&s->scrape, c->metrics, c->metrics_user);
	mc_conns_init(&s->conns);
	pthread_mutex_init(&s->lock, NULL);
	return s;
}

int mc_server_start(const struct mc_serve_config *c, struct mc_server **ret, struct mc_error *err)
{
	struct mc_server *s = new_server(c);
	if (!s)
		return mc_nomem(err, "the server");
	int rc = 0;
	if (!s->telemetry_path)
		rc = mc_nomem(err, "the server");
	else if (s->telemetry_path[0] != '/' || strcmp(s->telemetry_path, "/") == 0)
		rc = mc_fail(err, MC_EUSAGE, 0, "telemetry path \"%.200s\": expected a path such as /metrics", s->telemetry_path);
	if (!rc && c->web)
		rc = mc_web_load(c->web, &s->web, err);
	if (!rc && c->enable_mark && !(s->web && s->web->c.nusers))
		rc = mc_fail(err, MC_EUSAGE, 0, "marking over TCP needs basic_auth_users in the web configuration file");
	if (!rc)
		rc = open_sockets(s, c, err);
	if (!rc)
		rc = start_threads(s, err);
	for (size_t i = 0; i < s->n && !rc; i++)
		rc = start_instance(&s->listeners[i], s->web, &s->listeners[i].now, err);
	if (rc) {
		mc_server_stop(s, -1);
		return rc;
	}
	*ret = s;
	return 0;
}

int mc_server_set_web(struct mc_server *s, const struct mc_web_config *c, struct mc_error *err)
{
	struct mc_web *web = NULL, *before = s->web;
	struct instance **fresh = calloc(s->n + 1, sizeof(struct instance *));
	if (!fresh)
		return mc_nomem(err, "the server");
	int rc = 0;
	if (c || before)
		rc = mc_web_load(c ? c : &before->c, &web, err);
	if (!rc && s->enable_mark && !(web && web->c.nusers))
		rc = mc_fail(err, MC_EUSAGE, 0, "marking over TCP needs basic_auth_users in the web configuration file");
	for (size_t i = 0; i < s->n && !rc; i++)
		rc = start_instance(&s->listeners[i], web, &fresh[i], err);
	if (rc) { /* nothing of the running one was touched */
		for (size_t i = 0; i < s->n; i++)
			if (fresh[i]) {
				MHD_quiesce_daemon(fresh[i]->daemon);
				MHD_stop_daemon(fresh[i]->daemon);
				free_instance(fresh[i]);
			}
		mc_web_unref(web);
		free(fresh);
		return rc;
	}
	pthread_mutex_lock(&s->lock);
	for (size_t i = 0; i < s->n; i++) {
		struct instance *old = s->listeners[i].now;
		MHD_quiesce_daemon(old->daemon);
		old->retired_ns = mc_mono_ns();
		old->next = s->old;
		s->old = old;
		mc_conns_watch(&s->conns, 1);
		s->listeners[i].now = fresh[i];
	}
	s->web = web;
	pthread_mutex_unlock(&s->lock);
	mc_auth_forget(s->auth);
	mc_web_unref(before);
	free(fresh);
	return 0;
}

int mc_server_reload(struct mc_server *s, struct mc_error *err)
{
	return mc_server_set_web(s, NULL, err);
}

/* ---- what it says of itself ---- */

static void set_reason(struct mc_server *s, char **slot, const char *reason)
{
	char *copy = mc_strdup(reason);
	pthread_mutex_lock(&s->lock);
	char *old = *slot;
	/* Without memory the old reason stands, rather than good health. */
	if (copy || !reason)
		*slot = copy;
	else
		old = NULL;
	pthread_mutex_unlock(&s->lock);
	free(old);
}

void mc_server_set_ready(struct mc_server *s, const char *reason)
{
	set_reason(s, &s->not_ready, reason);
}

void mc_server_set_healthy(struct mc_server *s, const char *reason)
{
	set_reason(s, &s->unhealthy, reason);
}

int mc_server_port(const struct mc_server *s, size_t i)
{
	return i < s->n ? s->listeners[i].port : 0;
}

void mc_server_stats(const struct mc_server *s, struct mc_server_stats *ret)
{
	struct mc_server *w = (struct mc_server *)(uintptr_t)s; /* for its locks */
	ret->requests = atomic_load(&w->requests);
	ret->errors = atomic_load(&w->errors);
	ret->refused = atomic_load(&w->refused);
	pthread_mutex_lock(&w->conns.lock);
	ret->connections = w->conns.n;
	ret->dropped = w->conns.dropped;
	pthread_mutex_unlock(&w->conns.lock);
}

bool mc_server_stop(struct mc_server *s, int wait_ms)
{
	if (!s)
		return true;
	stop_sweeper(s);
	/* First no new connections, then no job that holds one, then the library's threads. */
	for (size_t i = 0; i < s->n && !s->quiet; i++)
		if (s->listeners[i].now)
			MHD_quiesce_daemon(s->listeners[i].now->daemon);
	s->quiet = true;
	for (size_t i = 0; i < s->n; i++)
		mc_unix_socket_remove(&s->listeners[i].file);
	mc_worker_stop(s->doorman, -1); /* a password takes a moment */
	if (!mc_worker_stop(s->worker, wait_ms))
		return false;
	stop_retired(s, true);
	for (size_t i = 0; i < s->n; i++) {
		struct listener *l = &s->listeners[i];
		if (l->now) {
			MHD_stop_daemon(l->now->daemon);
			free_instance(l->now);
		}
		close(l->fd);
	}
	free(s->listeners);
	mc_scrape_release(&s->scrape);
	mc_worker_free(s->doorman);
	mc_worker_free(s->worker);
	mc_auth_free(s->auth);
	mc_web_unref(s->web);
	mc_conns_release(&s->conns);
	pthread_mutex_destroy(&s->lock);
	free(s->telemetry_path);
	free(s->web_config);
	free(s->not_ready);
	free(s->unhealthy);
	free(s);
	return true;
}
