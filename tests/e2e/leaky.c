/* A server with one fault: leaky WORKERS BYTES. Each worker holds 4 MiB and takes BYTES more every 20 ms, which it
 * never gives back. They end with it. It is built twice, for two releases. */
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#ifndef RELEASE
#define RELEASE "v2.2"
#endif
const char release[] = RELEASE; /* so that the two differ */

/* Where a compiler must take it that somebody looks at the memory. */
static char *volatile seen;

static void work(size_t bytes)
{
	enum { HELD = 4 << 20 };
	char *held = malloc(HELD);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (held)
		memset(held, release[1], HELD);
	seen = held;
	for (;;) {
		char *lost = bytes ? malloc(bytes) : NULL;
		if (lost)
			memset(lost, 1, bytes);
		seen = lost;
		poll(NULL, 0, 20);
	}
}

int main(int argc, char **argv)
{
	int workers = argc > 1 ? atoi(argv[1]) : 1;
	size_t bytes = argc > 2 ? strtoul(argv[2], NULL, 10) : 0;
	for (int i = 0; i < workers && i < 64; i++)
		if (fork() == 0)
			work(bytes);
	for (;;)
		pause();
}
