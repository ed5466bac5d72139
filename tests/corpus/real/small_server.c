/* A small HTTP server for recordings: a thread for each connection, a bounded cache, and one mistake on demand.
 * Not part of memculprit; tests/corpus/record.py compiles and runs it. Listens on 127.0.0.1 only.
 *
 *   small_server PORT WORKERS CACHE_ENTRIES MISTAKE PART
 * MISTAKE: none; reply (the reply's buffer is not freed for one of PART requests); error (not freed on the error
 * path); churn (no mistake: holds PART blocks of random size and replaces them at random, which fragments the heap).
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

struct entry {
	unsigned key;
	size_t len;
	char *body;
};

static struct entry *cache;
static size_t cache_entries, part = 1;
static char **held;
static const char *mistake = "none";
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static atomic_ulong count;

static char *build_body(unsigned key, size_t *len)
{
	*len = 400 + (key * 2654435761u) % 2600;
	char *b = malloc(*len + 1);
	if (b) {
		memset(b, 'a' + (int)(key % 26), *len);
		b[*len] = 0;
	}
	return b;
}

/* The body of a key, as a copy that the caller has to free. */
static char *look_up(unsigned key, size_t *len)
{
	if (!cache_entries)
		return build_body(key, len);
	struct entry *e = &cache[key % cache_entries];
	pthread_mutex_lock(&lock);
	if (!e->body || e->key != key) {
		free(e->body);
		e->body = build_body(key, &e->len);
		e->key = key;
	}
	char *copy = e->body ? malloc(e->len + 1) : NULL;
	if (copy) {
		memcpy(copy, e->body, e->len + 1);
		*len = e->len;
	}
	pthread_mutex_unlock(&lock);
	return copy;
}

static void churn(unsigned key)
{
	size_t i = (key * 40503u) % part, n = (size_t)16 << (key % 9);
	pthread_mutex_lock(&lock);
	free(held[i]);
	held[i] = malloc(n + key % 97);
	if (held[i])
		memset(held[i], 1, n);
	pthread_mutex_unlock(&lock);
}

static int answer(int fd, const char *line)
{
	unsigned key = (unsigned)strtoul(line + 5, NULL, 10);
	unsigned long n = atomic_fetch_add(&count, 1);
	int wrong = strstr(line, "bad") != NULL;
	size_t len = 0;
	char *body = look_up(key, &len), head[128];
	if (!body)
		return -1;
	if (held)
		churn(key ^ (unsigned)n);
	int h = snprintf(head, sizeof(head), "HTTP/1.1 %s\r\nContent-Length: %zu\r\n\r\n", wrong ? "400 Bad" : "200 OK", wrong ? 0 : len);
	int rc = send(fd, head, (size_t)h, MSG_NOSIGNAL) == h ? 0 : -1;
	if (!wrong && rc == 0)
		rc = send(fd, body, len, MSG_NOSIGNAL) == (ssize_t)len ? 0 : -1;
	int forget = (!strcmp(mistake, "reply") && n % part == 0) || (!strcmp(mistake, "error") && wrong);
	if (!forget)
		free(body);
	return rc;
}

static void *serve(void *arg)
{
	int fd = (int)(long)arg;
	char buf[2048];
	size_t have = 0;
	for (;;) {
		ssize_t r = recv(fd, buf + have, sizeof(buf) - 1 - have, 0);
		if (r <= 0)
			break;
		have += (size_t)r;
		buf[have] = 0;
		char *end = strstr(buf, "\r\n\r\n");
		if (end) {
			if (answer(fd, buf))
				break;
			have = 0;
		} else if (have >= sizeof(buf) - 1) {
			break;
		}
	}
	close(fd);
	return NULL;
}

static void work(int lfd)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (;;) {
		int fd = accept(lfd, NULL, NULL);
		pthread_t t;
		if (fd < 0)
			continue;
		if (pthread_create(&t, NULL, serve, (void *)(long)fd))
			close(fd);
		else
			pthread_detach(t);
	}
}

int main(int argc, char **argv)
{
	if (argc < 6)
		return 2;
	int workers = atoi(argv[2]);
	cache_entries = strtoul(argv[3], NULL, 10);
	mistake = argv[4];
	part = strtoul(argv[5], NULL, 10);
	part = part ? part : 1;
	cache = calloc(cache_entries + 1, sizeof(*cache));
	held = strcmp(mistake, "churn") ? NULL : calloc(part, sizeof(*held));
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons((unsigned short)atoi(argv[1])) };
	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	int one = 1, lfd = socket(AF_INET, SOCK_STREAM, 0);
	setsockopt(lfd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (!cache || bind(lfd, (struct sockaddr *)&a, sizeof(a)) || listen(lfd, 128)) {
		perror("small_server");
		return 1;
	}
	for (int i = 0; i < workers; i++)
		if (fork() == 0)
			work(lfd);
	while (wait(NULL) > 0)
		;
	return 0;
}
