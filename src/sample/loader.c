/* Reads the load of programs over HTTP or from files, a step at a time: a server that does not answer
 * holds nothing up. */
#include "memculprit/sample.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { PAGE_BYTES = 8 << 20, DEADLINE_MS = 5000, SOURCES = 256, ADDRESSES = 4 };
#define ASK_AGAIN_NS 600000000000LL /* a name server that does not answer holds us up: seldom */

struct source {
	char *host, *port, *path, *file, *metric;
	int fd;             /* -1: nothing under way */
	bool connected;
	size_t sent;
	struct mc_buf request, reply;
	int64_t asked_ms, begun_ns, resolved_ns;
	double value;
	int64_t value_ms;
	uint64_t round, value_round; /* 0: never */
	struct {
		struct sockaddr_storage a;
		socklen_t len;
	} addresses[ADDRESSES];
	size_t naddresses, at;       /* 0: not resolved yet; the one that is asked: a name may have several, and not
				      * all of them answer, as ::1 of localhost where the server listens on 127.0.0.1 */
	bool stale;                  /* none of them answered: the name may mean others by now */
	struct mc_error err;
};

struct mc_loader {
	size_t n;
	struct source *v;
	struct pollfd *polls;
};

/* ---- the sources ---- */
static char *copy(const char *s, size_t n)
{
	char *c = malloc(n + 1);
	if (c) {
		memcpy(c, s, n);
		c[n] = 0;
	}
	return c;
}

/* "http://HOST[:PORT][/path]", HOST may be [v6]. */
static int split(struct source *o, const char *url, struct mc_error *err)
{
	const char *p = strncmp(url, "http://", 7) == 0 ? url + 7 : NULL;
	size_t all = p ? strcspn(p, "/?#") : 0, host = all;
	const char *colon = NULL;
	for (size_t i = 0; i < strlen(url); i++)
		if ((unsigned char)url[i] <= ' ' || url[i] == 127)
			p = NULL;
	if (p && *p == '[') {
		const char *close = memchr(p, ']', all);
		host = close ? (size_t)(close - p) + 1 : 0;
		colon = close && close[1] == ':' ? close + 1 : NULL;
		if (close && !colon && host != all)
			p = NULL;
	} else if (p) {
		colon = memchr(p, ':', all);
		host = colon ? (size_t)(colon - p) : all;
	}
	if (!p || host == 0 || memchr(p, '@', all) || (colon && (size_t)(p + all - colon) < 2))
		return mc_fail(err, MC_EUSAGE, 0, "%.200s is no address of the form http://HOST:PORT/path", url);
	bool bracket = *p == '[';
	o->host = copy(p + bracket, host - (bracket ? 2 : 0));
	o->port = colon ? copy(colon + 1, (size_t)(p + all - colon) - 1) : copy("80", 2);
	size_t len = strcspn(p + all, "#");
	o->path = p[all] == '/' ? copy(p + all, len) : copy("/", 1);
	mc_buf_printf(&o->request, "GET %s HTTP/1.0\r\nHost: %.*s\r\nUser-Agent: memculprit\r\nAccept: text/plain;version=0.0.4\r\nConnection: close\r\n\r\n",
		o->path ? o->path : "/", (int)all, p);
	return o->host && o->port && o->path ? mc_buf_check(&o->request, err) : mc_nomem(err, "an address");
}

static void stop(struct source *o)
{
	if (o->fd >= 0)
		close(o->fd);
	o->fd = -1;
	mc_buf_release(&o->reply);
}

static void failed(struct source *o, int sys, const char *what)
{
	if (o->host)
		mc_fail(&o->err, MC_EIO, sys, "load from %.200s:%.20s: %s", o->host, o->port, what);
	else
		mc_fail(&o->err, MC_EIO, sys, "load from %.300s: %s", o->file, what);
	stop(o);
}

static bool resolve(struct source *o)
{
	struct addrinfo hint = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV}, *all = NULL;
	if (o->naddresses && !o->stale)
		return true;
	int64_t now = mc_mono_ns();
	bool here = strspn(o->host, "0123456789.") == strlen(o->host) || strchr(o->host, ':') || strcmp(o->host, "localhost") == 0;
	if (!here && o->resolved_ns && now - o->resolved_ns < ASK_AGAIN_NS)
		return o->naddresses > 0;
	o->resolved_ns = now;
	if (getaddrinfo(o->host, o->port, &hint, &all) != 0) {
		if (o->naddresses == 0)
			failed(o, 0, "no such host or port");
		return o->naddresses > 0;
	}
	o->naddresses = o->at = 0;
	o->stale = false;
	for (const struct addrinfo *a = all; a && o->naddresses < ADDRESSES; a = a->ai_next) {
		if (a->ai_addrlen > sizeof o->addresses->a)
			continue;
		memcpy(&o->addresses[o->naddresses].a, a->ai_addr, a->ai_addrlen);
		o->addresses[o->naddresses++].len = a->ai_addrlen;
	}
	freeaddrinfo(all);
	return o->naddresses > 0;
}

static int source_init(struct source *o, const struct mc_load_source *v, struct mc_error *err)
{
	o->fd = -1;
	o->reply.limit = PAGE_BYTES;
	o->metric = mc_strdup(v->metric ? v->metric : "");
	if (!o->metric || (v->file && !v->url && !(o->file = mc_strdup(v->file))))
		return mc_nomem(err, "a load source");
	if (v->url && !*o->metric)
		return mc_fail(err, MC_EUSAGE, 0, "load of %.200s: which metric is not said", v->url);
	int rc = v->url ? split(o, v->url, err) : 0;
	if (!rc && v->url)
		resolve(o); /* without success it is tried again */
	return rc;
}

int mc_loader_open(const struct mc_load_source *v, size_t n, struct mc_loader **ret, struct mc_error *err)
{
	struct mc_loader *l = calloc(1, sizeof *l);
	if (n > SOURCES) {
		free(l);
		return mc_fail(err, MC_ELIMIT, 0, "more than %d programs with load", SOURCES);
	}
	if (!l || !(l->v = calloc(n + 1, sizeof *l->v)) || !(l->polls = calloc(n + 1, sizeof *l->polls))) {
		mc_loader_close(l);
		return mc_nomem(err, "load sources");
	}
	int rc = 0;
	while (l->n < n && !rc) {
		l->n++;
		rc = source_init(&l->v[l->n - 1], &v[l->n - 1], err);
	}
	if (rc) {
		mc_loader_close(l);
		return rc;
	}
	*ret = l;
	return 0;
}

void mc_loader_close(struct mc_loader *l)
{
	if (!l)
		return;
	for (size_t i = 0; i < l->n; i++) {
		struct source *o = &l->v[i];
		stop(o);
		free(o->host);
		free(o->port);
		free(o->path);
		free(o->file);
		free(o->metric);
		mc_buf_release(&o->request);
	}
	free(l->v);
	free(l->polls);
	free(l);
}

/* ---- what came ---- */
static void got(struct source *o, double value)
{
	o->value = value;
	o->value_ms = o->asked_ms;
	o->value_round = o->round;
	o->err = (struct mc_error){0};
	stop(o);
}

/* Undoes chunks in place; the length of what they hold. A wrong one ends it. */
static size_t unchunk(char *s, size_t n)
{
	size_t out = 0;
	for (char *p = s, *end = s + n; p < end;) {
		size_t len = 0, digits = 0;
		for (; p < end; p++, digits++) {
			int d = *p >= '0' && *p <= '9' ? *p - '0' : (*p | 32) >= 'a' && (*p | 32) <= 'f' ? (*p | 32) - 'a' + 10 : -1;
			if (d < 0 || len > PAGE_BYTES)
				break;
			len = len * 16 + (size_t)d;
		}
		char *nl = memchr(p, '\n', (size_t)(end - p));
		if (!digits || !len || !nl || len > (size_t)(end - nl - 1))
			break;
		memmove(s + out, nl + 1, len);
		out += len;
		p = nl + 1 + len;
		while (p < end && (*p == '\r' || *p == '\n'))
			p++;
	}
	return out;
}

/* What stands behind "name:" in the head [head, head + n), which goes on for a byte at least; NULL: no such line. */
static const char *header(const char *head, size_t n, const char *name)
{
	size_t k = strlen(name);
	for (size_t i = 0; i + k < n; i++)
		if (head[i] == '\n' && strncasecmp(head + i + 1, name, k) == 0)
			return head + i + 1 + k + strspn(head + i + 1 + k, " \t");
	return NULL;
}

static bool is_chunked(const char *head, size_t n)
{
	const char *v = header(head, n, "transfer-encoding:");
	return v && strncasecmp(v, "chunked", 7) == 0;
}

/* Whether it is all there, of an answer that says how long it is: not every server closes the connection then. */
static bool is_whole(const struct source *o)
{
	const char *s = o->reply.data, *body = s ? memmem(s, o->reply.len, "\r\n\r\n", 4) : NULL;
	if (!body)
		return false;
	size_t head = (size_t)(body - s), len = o->reply.len - head - 4;
	uint64_t expected;
	if (is_chunked(s, head))
		return len >= 5 && memcmp(s + o->reply.len - 5, "0\r\n\r\n", 5) == 0 && (len == 5 || s[o->reply.len - 6] == '\n');
	const char *v = header(s, head, "content-length:");
	return v && mc_parse_u64(v, strspn(v, "0123456789"), &expected) && len >= expected;
}

static void answered(struct source *o)
{
	char *s = o->reply.data;
	size_t n = o->reply.len;
	double value;
	char *body = s ? memmem(s, n, "\r\n\r\n", 4) : NULL;
	if (!body || n < 12 || memcmp(s, "HTTP/1.", 7) != 0) {
		failed(o, 0, "no HTTP answer");
		return;
	}
	if (memcmp(s + 9, "200", 3) != 0) {
		char text[64];
		snprintf(text, sizeof text, "it answers %.3s", s + 9);
		failed(o, 0, text);
		return;
	}
	size_t head = (size_t)(body - s);
	body += 4;
	size_t len = n - head - 4;
	if (is_chunked(s, head))
		len = unchunk(body, len);
	if (mc_load_parse(body, len, o->metric, &value, &o->err) < 0)
		stop(o);
	else
		got(o, value);
}

static void read_source_file(struct source *o)
{
	double v;
	struct mc_error e = {0};
	int fd = open(o->file, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* a fifo must not hold us up */
	if (fd < 0) {
		failed(o, errno, "open");
		return;
	}
	char buf[16384];
	ssize_t n;
	while ((n = read(fd, buf, sizeof buf)) > 0)
		mc_buf_add(&o->reply, buf, (size_t)n);
	int sys = errno;
	close(fd);
	if (n < 0 || o->reply.failed) {
		failed(o, n < 0 ? sys : 0, n < 0 ? "read" : "over 8 MiB");
		return;
	}
	const char *s = mc_buf_text(&o->reply);
	size_t len = strspn(s, "0123456789.+-eE");
	if (*o->metric && mc_load_parse(s, o->reply.len, o->metric, &v, &e) < 0) {
		failed(o, 0, e.text);
		return;
	}
	if (!*o->metric && (!mc_parse_double(s, len, &v) || s[len + strspn(s + len, " \t\r\n")])) {
		failed(o, 0, "not one number");
		return;
	}
	got(o, v);
}

/* ---- a step ---- */
/* Begins to connect: to the first address from o->at on that does not refuse at once. e: what the one before said. */
static void reach(struct source *o, int e)
{
	for (; o->at < o->naddresses; o->at++) {
		const struct sockaddr *a = (const struct sockaddr *)&o->addresses[o->at].a;
		o->fd = socket(a->sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
		if (o->fd >= 0 && (connect(o->fd, a, o->addresses[o->at].len) == 0 || errno == EINPROGRESS))
			return;
		e = errno;
		stop(o);
	}
	o->at = 0;
	o->stale = true;
	failed(o, e, "connect");
}

static void begin(struct source *o, int64_t now_ms)
{
	o->round++;
	if (o->fd >= 0 && mc_mono_ns() - o->begun_ns < DEADLINE_MS * 1000000LL)
		return;
	if (o->fd >= 0) {
		if (!o->connected) /* the next one may be another way */
			o->at = (o->at + 1) % o->naddresses;
		failed(o, ETIMEDOUT, "no answer within 5 s");
	}
	o->asked_ms = now_ms;
	o->begun_ns = mc_mono_ns();
	o->sent = 0;
	o->connected = false;
	if (o->file) {
		read_source_file(o);
		return;
	}
	if (o->host && resolve(o))
		reach(o, 0);
}

static void advance(struct source *o, short events)
{
	char buf[16384];
	int e = 0;
	socklen_t k = sizeof e;
	if (!o->connected && (events & (POLLOUT | POLLERR | POLLHUP))) {
		if (getsockopt(o->fd, SOL_SOCKET, SO_ERROR, &e, &k) != 0 || e) {
			e = e ? e : errno;
			stop(o);
			o->at++;
			reach(o, e);
			return;
		}
		o->connected = true;
	}
	while (o->connected && o->sent < o->request.len) {
		ssize_t n = send(o->fd, o->request.data + o->sent, o->request.len - o->sent, MSG_NOSIGNAL);
		if (n < 0 && errno != EAGAIN)
			failed(o, errno, "send");
		if (n < 0)
			return;
		o->sent += (size_t)n;
	}
	for (ssize_t n; o->fd >= 0 && o->connected;) {
		n = recv(o->fd, buf, sizeof buf, 0);
		if (n > 0)
			mc_buf_add(&o->reply, buf, (size_t)n);
		if (n > 0 && !o->reply.failed)
			continue;
		if (n == 0 || (n < 0 && errno == EAGAIN && is_whole(o)))
			answered(o);
		else if (n > 0)
			failed(o, 0, "the page is over 8 MiB");
		else if (errno != EAGAIN)
			failed(o, errno, "read");
		return;
	}
}

void mc_loader_start(struct mc_loader *l, int64_t now_ms)
{
	for (size_t i = 0; i < l->n; i++)
		begin(&l->v[i], now_ms);
	mc_loader_finish(l, 0);
}

void mc_loader_finish(struct mc_loader *l, int wait_ms)
{
	int64_t end = mc_mono_ns() + (int64_t)wait_ms * 1000000;
	for (;;) {
		size_t open = 0;
		for (size_t i = 0; i < l->n; i++) {
			struct source *o = &l->v[i];
			l->polls[i] = (struct pollfd){.fd = o->fd,
						      .events = o->fd >= 0 && o->sent < o->request.len ? POLLOUT : POLLIN};
			open += o->fd >= 0;
		}
		int64_t left = (end - mc_mono_ns() + 999999) / 1000000;
		if (!open || poll(l->polls, l->n, left > 0 ? (int)left : 0) <= 0)
			return;
		for (size_t i = 0; i < l->n; i++)
			if (l->v[i].fd >= 0 && l->polls[i].revents)
				advance(&l->v[i], l->polls[i].revents);
	}
}

bool mc_loader_value(const struct mc_loader *l, size_t i, double *ret, int64_t *t_ms, const char **why)
{
	const struct source *o = &l->v[i];
	if (why)
		*why = o->err.text;
	if (!o->value_round || o->round - o->value_round > 1)
		return false;
	*ret = o->value;
	*t_ms = o->value_ms;
	return true;
}
