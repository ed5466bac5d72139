/* sample_bench tick N [INTERVAL_MS] [pss]: opens a sampler, runs N ticks one after the other (stamped
 * INTERVAL_MS apart, so that the budgets are those of that pace), and prints what they cost.
 * sample_bench pace N INTERVAL_MS: the same at that pace in fact.
 * sample_bench rss: how far RSS is from smaps_rollup's, over all processes that stand still.
 * sample_bench ask: for each port on standard input, scrapes /metrics there, with the request in one piece as every client
 * sends it; prints the status and memculprit_samples_total (or 0). */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "memculprit/sample.h"

static double cpu_us(void)
{
	struct timespec t;
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static double status_kib(const char *file, const char *key)
{
	char line[256];
	double v = -1;
	FILE *f = fopen(file, "re");
	while (f && fgets(line, sizeof line, f))
		if (strncmp(line, key, strlen(key)) == 0)
			v = strtod(line + strlen(key), NULL);
	if (f)
		fclose(f);
	return v;
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return (x > y) - (x < y);
}

static int ticks(size_t n, const struct mc_sample_config *c, bool wait)
{
	struct mc_sampler *s;
	struct mc_error err = {0};
	const struct mc_tick *t = NULL;
	double *cost = calloc(n + 1, sizeof *cost), begun = cpu_us(), sum = 0;
	if (!cost || mc_sampler_open(c, &s, &err) < 0 || mc_sampler_tick(s, mc_now_ms(), &t, &err) < 0) {
		fprintf(stderr, "%s\n", err.text);
		return 1;
	}
	printf("first_us %.0f\nprocesses %zu\n", cpu_us() - begun, t->nprocesses);
	/* what a start-up leaves to later ticks is over after twenty */
	for (size_t i = 0; !wait && i < 20; i++)
		if (mc_sampler_tick(s, t->t_ms + c->interval_ms, &t, &err) < 0)
			return 1;
	for (size_t i = 0; i < n; i++) {
		if (wait)
			nanosleep(&(struct timespec){.tv_sec = c->interval_ms / 1000, .tv_nsec = c->interval_ms % 1000 * 1000000}, NULL);
		begun = cpu_us();
		if (mc_sampler_tick(s, t->t_ms + c->interval_ms, &t, &err) < 0)
			return 1;
		cost[i] = cpu_us() - begun;
		sum += cost[i];
	}
	qsort(cost, n, sizeof *cost, by_value);
	size_t pss = 0, libs = 0;
	for (size_t i = 0; i < t->nprocesses; i++) {
		pss += t->processes[i]->pss != MC_UNREAD;
		libs += t->processes[i]->libraries != NULL;
	}
	printf("tick_us %.1f\nmedian_us %.1f\nworst_us %.1f\npss %zu\nlibraries %zu\nanon_kib %.0f\n", sum / (double)n, cost[n / 2],
		cost[n - 1], pss, libs, status_kib("/proc/self/status", "RssAnon:"));
	mc_sampler_close(s);
	free(cost);
	return 0;
}

static int rss(void)
{
	struct mc_sampler *s;
	const struct mc_tick *t;
	double worst = 0;
	size_t n = 0;
	if (mc_sampler_open(&(struct mc_sample_config){.max_processes = 10000}, &s, NULL) < 0 || mc_sampler_tick(s, mc_now_ms(), &t, NULL) < 0)
		return 1;
	for (size_t i = 0; i < t->nprocesses; i++) {
		const struct mc_process *p = t->processes[i];
		char path[64];
		if (strncmp(p->comm, "svc", 3) != 0)
			continue;
		snprintf(path, sizeof path, "/proc/%lld/smaps_rollup", (long long)p->pid);
		double kib = status_kib(path, "Rss:"), off = kib - (double)p->rss / 1024;
		off = off < 0 ? -off : off;
		n++;
		worst = kib >= 0 && off > worst ? off : worst;
	}
	printf("compared %zu\nworst_kib %.0f\n", n, worst);
	mc_sampler_close(s);
	return 0;
}

/* The page of the server on that port of this host, as it comes; "" where nobody answers. */
static void scrape(uint16_t port, char *page, size_t size)
{
	static const char request[] = "GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr = {htonl(INADDR_LOOPBACK)}};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	size_t n = 0;
	ssize_t got;
	if (fd >= 0 && connect(fd, (const struct sockaddr *)&a, sizeof a) == 0 && write(fd, request, sizeof request - 1) > 0)
		while (n < size - 1 && (got = read(fd, page + n, size - 1 - n)) > 0)
			n += (size_t)got;
	page[n] = 0;
	if (fd >= 0)
		close(fd);
}

static int ask(void)
{
	static char page[16 << 20];
	static const char name[] = "\nmemculprit_samples_total ";
	char line[32];
	while (fgets(line, sizeof line, stdin)) {
		scrape((uint16_t)strtoul(line, NULL, 10), page, sizeof page);
		const char *status = strchr(page, ' '), *samples = strstr(page, name);
		printf("%ld %ld\n", status ? strtol(status, NULL, 10) : 0, samples ? strtol(samples + sizeof name - 1, NULL, 10) : 0);
		fflush(stdout);
	}
	return 0;
}

int main(int argc, char **argv)
{
	struct mc_sample_config c = {.max_processes = 20000, .interval_ms = argc > 3 ? strtol(argv[3], NULL, 10) : 1000,
				     .pss = argc > 4 && strcmp(argv[4], "pss") == 0 ? MC_PSS_ON : MC_PSS_AUTO};
	if (argc > 4 && strcmp(argv[4], "off") == 0)
		c.pss = MC_PSS_OFF;
	bool pace = argc > 2 && strcmp(argv[1], "pace") == 0;
	if (pace || (argc > 2 && strcmp(argv[1], "tick") == 0))
		return ticks(strtoul(argv[2], NULL, 10), &c, pace);
	if (argc > 1 && strcmp(argv[1], "ask") == 0)
		return ask();
	return argc > 1 && strcmp(argv[1], "rss") == 0 ? rss() : 2;
}
