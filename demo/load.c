/* The clients of the demo: requests over loopback at a steady rate with waves, tried again where they fail.
 * Open loop: what is due is due, however slow the server. SIGUSR1 begins or ends a surge (twice the rate and
 * three times the connections), SIGTERM prints what was done. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { CLIENTS = 16, SURGE_CLIENTS = 48, BACKLOG = 512, REQUESTS_A_CONNECTION = 40 };

struct client {
	int fd;             /* -1: not connected */
	bool busy;
	bool impatient;     /* hangs up before the answer comes */
	unsigned user;
	int tries, served;
	long long length;   /* of the answer: -1 head not complete yet */
	size_t filled;
	char head[64];
};
struct retry {
	unsigned user;
	int tries;
	double at;
};

static struct client clients[SURGE_CLIENTS];
static struct retry backlog[BACKLOG];
static size_t nbacklog;
static unsigned long long sent, answered, refused, retries, given_up;
static volatile sig_atomic_t surge, over;

static void on_signal(int sig)
{
	if (sig == SIGUSR1)
		surge = !surge;
	else
		over = 1;
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static double chance(void)
{
	return (double)rand() / ((double)RAND_MAX + 1);
}

static void hang_up(struct client *c)
{
	if (c->fd >= 0)
		close(c->fd);
	*c = (struct client){ .fd = -1 };
}

/* A request that went wrong comes again after a moment, three times at most. */
static void again(unsigned user, int tries)
{
	if (tries >= 3 || nbacklog == BACKLOG) {
		given_up++;
		return;
	}
	retries++;
	backlog[nbacklog++] = (struct retry){ .user = user, .tries = tries + 1, .at = now() + 0.1 + 0.1 * chance() };
}

static void failed(struct client *c)
{
	unsigned user = c->user;
	int tries = c->tries;

	hang_up(c);
	refused++;
	again(user, tries);
}

static int reach(int port)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	/* From another address of this machine: while the server restarts, a client on 127.0.0.1 can be given the very
	 * port that it asks for as its own, be connected to itself, and keep the server from listening. */
	struct sockaddr_in from = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK + 1) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), late = 1;

	if (fd < 0)
		return -1;
	setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &late, sizeof(late));
	if (bind(fd, (struct sockaddr *)&from, sizeof(from)) || connect(fd, (struct sockaddr *)&a, sizeof(a)) || fcntl(fd, F_SETFL, O_NONBLOCK)) {
		close(fd);
		return -1;
	}
	return fd;
}

/* Some ask with room for less than the answer, some hang up early: that is what clients do. */
static void ask(struct client *c, int port, unsigned user, int tries)
{
	char line[64];
	size_t room = tries == 0 && chance() < 0.04 ? 1000 : 65536;
	int n = snprintf(line, sizeof(line), "REQ %u %zu\n", user, room);

	if (c->fd >= 0 && c->served >= REQUESTS_A_CONNECTION)
		hang_up(c);
	if (c->fd < 0)
		c->fd = reach(port);
	c->user = user;
	c->tries = tries;
	sent++;
	if (c->fd < 0 || write(c->fd, line, (size_t)n) != n) {
		failed(c);
		return;
	}
	c->busy = true;
	c->impatient = chance() < 0.01;
	c->length = -1;
	c->filled = 0;
	if (c->impatient) {
		struct linger hard = { .l_onoff = 1 };

		setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &hard, sizeof(hard));
		hang_up(c);
		again(user, tries);
	}
}

/* The head is "OK length\n" or "ERR reason\n"; then so many bytes. */
static void read_head(struct client *c, const char *data, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (c->length >= 0) {
			c->length -= (long long)(n - i);
			return;
		}
		if (c->filled == sizeof(c->head) - 1) {
			c->length = -2;
			return;
		}
		c->head[c->filled++] = data[i];
		if (data[i] != '\n')
			continue;
		c->head[c->filled] = 0;
		c->length = strncmp(c->head, "OK ", 3) ? -2 : strtoll(c->head + 3, NULL, 10);
		if (c->length == -2)
			return;
	}
}

static void hear(struct client *c)
{
	char data[16384];
	ssize_t n = read(c->fd, data, sizeof(data));

	if (n < 0 && errno == EAGAIN)
		return;
	if (n <= 0) {
		failed(c);
		return;
	}
	if (c->length < 0)
		read_head(c, data, (size_t)n);
	else
		c->length -= n;
	if (c->length == -2) { /* an error: the connection is good, the request comes again */
		refused++;
		c->busy = false;
		again(c->user, c->tries);
	} else if (c->length == 0) {
		answered++;
		c->busy = false;
		c->served++;
	}
}

static struct client *idle(void)
{
	int n = surge ? SURGE_CLIENTS : CLIENTS;

	for (int i = 0; i < n; i++)
		if (!clients[i].busy)
			return &clients[i];
	return NULL;
}

/* Four in five requests are about the users who play today. */
static unsigned some_user(void)
{
	return (unsigned)(chance() < 0.8 ? chance() * 2000 : chance() * 34000);
}

static void send_due(int port, double *due, double t)
{
	struct client *c;

	for (size_t i = 0; i < nbacklog && (c = idle());) {
		struct retry r = backlog[i];

		if (r.at > t) {
			i++;
			continue;
		}
		backlog[i] = backlog[--nbacklog];
		ask(c, port, r.user, r.tries);
	}
	while (*due >= 1 && (c = idle())) {
		*due -= 1;
		ask(c, port, some_user(), 0);
	}
	if (*due > 500) /* nobody waits for ever */
		*due = 500;
}

static void wait_and_hear(void)
{
	struct pollfd p[SURGE_CLIENTS];

	for (int i = 0; i < SURGE_CLIENTS; i++)
		p[i] = (struct pollfd){ .fd = clients[i].busy ? clients[i].fd : -1, .events = POLLIN };
	if (poll(p, SURGE_CLIENTS, 2) <= 0)
		return;
	for (int i = 0; i < SURGE_CLIENTS; i++)
		if (p[i].revents && clients[i].busy)
			hear(&clients[i]);
}

int main(int argc, char **argv)
{
	if (argc != 3) {
		fprintf(stderr, "usage: load PORT REQUESTS_A_SECOND\n");
		return 2;
	}
	int port = (int)strtol(argv[1], NULL, 10);
	double rate = strtod(argv[2], NULL), start = now(), last = start, due = 0;
	struct sigaction sa = { .sa_handler = on_signal };

	sigaction(SIGUSR1, &sa, NULL);
	sigaction(SIGTERM, &sa, NULL);
	sigaction(SIGINT, &sa, NULL);
	signal(SIGPIPE, SIG_IGN);
	for (int i = 0; i < SURGE_CLIENTS; i++)
		clients[i].fd = -1;
	while (!over) {
		double t = now(), wave = 1 + 0.25 * sin((t - start) * 2 * 3.14159265358979 / 11);

		due += (t - last) * rate * wave * (surge ? 2 : 1);
		last = t;
		send_due(port, &due, t);
		wait_and_hear();
	}
	printf("%llu requests in %.0f s, %llu answered, %llu refused or failed, %llu tried again, %llu given up\n", sent,
		now() - start, answered, refused, retries, given_up);
	return 0;
}
