/* Every open connection with what it is busy with since when. libmicrohttpd's own timeout starts again
 * with each byte and its limit shuts out whoever comes last; here the oldest that has not sent its
 * request goes first, by the clock and where there are too many. Giving one up is a shutdown(2):
 * its thread then sees the end of the stream and closes it. */
#include <linux/tcp.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "serve_priv.h"

#define SECOND INT64_C(1000000000)
/* A client that has begun its request sends it in one go; one that has not may be a browser's spare connection. */
enum { BEGUN_SECONDS = 3, SILENT_SECONDS = 10, BUSY_SECONDS = 60 };
enum { SWEEP_MS = 500 };

struct mc_conn {
	struct mc_conn *prev, *next;
	int fd;
	enum mc_conn_state state;
	bool given_up;
	int64_t since_ns;
	uint64_t received;   /* bytes received when it went idle */
	unsigned char peer[16];
	bool tcp;
};

size_t mc_conns_most(void)
{
	struct rlimit r;
	if (getrlimit(RLIMIT_NOFILE, &r) != 0 || r.rlim_cur / 8 >= MC_CONNS_MAX)
		return MC_CONNS_MAX;
	return r.rlim_cur / 8 > MC_CONNS_LEAST ? r.rlim_cur / 8 : MC_CONNS_LEAST;
}

void mc_conns_init(struct mc_conns *cs)
{
	*cs = (struct mc_conns){ .max = mc_conns_most(), .timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC) };
	pthread_mutex_init(&cs->lock, NULL);
}

/* A scrape that is over in a moment wakes nobody: the timer is set and taken back. */
static void watch(struct mc_conns *cs, int by)
{
	bool before = cs->watched > 0;
	cs->watched += (size_t)by;
	if (before == (cs->watched > 0) || cs->timer < 0)
		return;
	struct timespec every = { .tv_nsec = cs->watched ? SWEEP_MS * 1000000L : 0 };
	timerfd_settime(cs->timer, 0, &(struct itimerspec){ every, every }, NULL);
}

void mc_conns_watch(struct mc_conns *cs, int by)
{
	pthread_mutex_lock(&cs->lock);
	watch(cs, by);
	pthread_mutex_unlock(&cs->lock);
}

void mc_conns_release(struct mc_conns *cs)
{
	while (cs->first) {
		struct mc_conn *c = cs->first;
		cs->first = c->next;
		free(c);
	}
	if (cs->timer >= 0)
		close(cs->timer);
	pthread_mutex_destroy(&cs->lock);
}

static void unlink_conn(struct mc_conns *cs, struct mc_conn *c)
{
	*(c->prev ? &c->prev->next : &cs->first) = c->next;
	*(c->next ? &c->next->prev : &cs->last) = c->prev;
}

static void append_conn(struct mc_conns *cs, struct mc_conn *c)
{
	c->next = NULL;
	c->prev = cs->last;
	*(cs->last ? &cs->last->next : &cs->first) = c;
	cs->last = c;
}

static void give_up(struct mc_conns *cs, struct mc_conn *c)
{
	shutdown(c->fd, SHUT_RDWR);
	c->given_up = true;
	cs->n--;
	cs->dropped++;
}

static void peer_of(const struct sockaddr *addr, struct mc_conn *c)
{
	if (addr && addr->sa_family == AF_INET) {
		struct sockaddr_in in;
		memcpy(&in, addr, sizeof(in));
		memcpy(c->peer, &in.sin_addr, sizeof(in.sin_addr));
		c->tcp = true;
	} else if (addr && addr->sa_family == AF_INET6) {
		struct sockaddr_in6 in;
		memcpy(&in, addr, sizeof(in));
		memcpy(c->peer, &in.sin6_addr, 8); /* one customer has a /64 */
		c->tcp = true;
	}
}

/* The oldest without a complete request; those that idle between two requests come after. */
static struct mc_conn *victim(const struct mc_conns *cs, const struct mc_conn *like)
{
	struct mc_conn *idle = NULL;
	for (struct mc_conn *c = cs->first; c; c = c->next) {
		if (c->given_up || (like && memcmp(c->peer, like->peer, sizeof(c->peer)) != 0))
			continue;
		if (c->state == MC_CONN_HEAD)
			return c;
		if (c->state == MC_CONN_IDLE && !idle)
			idle = c;
	}
	return idle;
}

static size_t count_like(const struct mc_conns *cs, const struct mc_conn *like)
{
	size_t n = 0;
	for (const struct mc_conn *c = cs->first; c; c = c->next)
		n += !c->given_up && memcmp(c->peer, like->peer, sizeof(c->peer)) == 0;
	return n;
}

struct mc_conn *mc_conns_open(struct mc_conns *cs, int fd, const struct sockaddr *addr)
{
	struct mc_conn *c = calloc(1, sizeof(*c));
	if (!c)
		return NULL;
	c->fd = fd;
	c->since_ns = mc_mono_ns();
	peer_of(addr, c);
	pthread_mutex_lock(&cs->lock);
	struct mc_conn *out = NULL;
	if (count_like(cs, c) >= cs->max / 2)
		out = victim(cs, c);
	else if (cs->n >= cs->max)
		out = victim(cs, NULL);
	if (out)
		give_up(cs, out);
	append_conn(cs, c);
	cs->n++;
	watch(cs, 1);
	pthread_mutex_unlock(&cs->lock);
	return c;
}

void mc_conns_close(struct mc_conns *cs, struct mc_conn *c)
{
	if (!c)
		return;
	pthread_mutex_lock(&cs->lock);
	unlink_conn(cs, c);
	if (!c->given_up)
		cs->n--;
	watch(cs, -1);
	pthread_mutex_unlock(&cs->lock);
	free(c);
}

/* Bytes that the peer has sent: the kernel counts them, the library does not tell. */
static uint64_t received(const struct mc_conn *c)
{
	struct tcp_info info = { 0 };
	socklen_t len = sizeof(info);
	if (!c->tcp || getsockopt(c->fd, IPPROTO_TCP, TCP_INFO, &info, &len))
		return 0;
	return info.tcpi_bytes_received;
}

static void enter(struct mc_conns *cs, struct mc_conn *c, enum mc_conn_state state, int64_t now_ns)
{
	c->state = state;
	c->since_ns = now_ns;
	if (state == MC_CONN_IDLE)
		c->received = received(c);
	unlink_conn(cs, c);
	append_conn(cs, c);
}

void mc_conns_state(struct mc_conns *cs, struct mc_conn *c, enum mc_conn_state state)
{
	if (!c)
		return;
	pthread_mutex_lock(&cs->lock);
	enter(cs, c, state, mc_mono_ns());
	pthread_mutex_unlock(&cs->lock);
}

void mc_conns_sweep(struct mc_conns *cs, int64_t now_ns)
{
	pthread_mutex_lock(&cs->lock);
	struct mc_conn *next;
	for (struct mc_conn *c = cs->first; c; c = next) {
		next = c->next;
		int64_t age = now_ns - c->since_ns;
		if (c->given_up)
			continue;
		if (c->state == MC_CONN_HEAD && age > BEGUN_SECONDS * SECOND) {
			if (age > SILENT_SECONDS * SECOND || received(c))
				give_up(cs, c);
		} else if (c->state == MC_CONN_BUSY && age > BUSY_SECONDS * SECOND)
			give_up(cs, c);
		else if (c->state == MC_CONN_IDLE && received(c) != c->received)
			enter(cs, c, MC_CONN_HEAD, now_ns); /* the next request has begun */
	}
	pthread_mutex_unlock(&cs->lock);
}
