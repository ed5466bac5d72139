/* sample_farm N [NAMES]: N idle processes with a mix of memory, named svc000 up to NAMES of them. Prints
 * READY and waits until its standard input ends. sample_farm big MIB: one process that touches so much, then
 * maps and unmaps a page all the time; prints the longest time that took, in us, for each second.
 * sample_farm storm N: N processes that begin and end. */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { KIB = 1024, MIB = 1024 * 1024, SHARED = 4 * MIB };

static void *idle(void *unused)
{
	for (;;)
		pause();
	return unused;
}

static void touch(size_t bytes)
{
	volatile char *m = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	for (size_t i = 0; m != MAP_FAILED && i < bytes; i += 4096)
		m[i] = 1;
}

static void look(const char *m)
{
	volatile char sink = 0;
	for (size_t i = 0; i < SHARED; i += 4096)
		sink = (char)(sink + m[i]);
}

/* Every fourth has 2 MiB of heap, every eighth shared memory, another eighth a mapped file, some many
 * mappings, some 16 MiB, some threads. */
static void dress(int i, const char *shm, int file)
{
	touch(64 * KIB);
	if (i % 4 == 0)
		touch(2 * MIB);
	if (i % 64 == 5)
		touch(16 * MIB);
	if (i % 8 == 1)
		look(shm);
	if (i % 8 == 2)
		look(mmap(NULL, SHARED, PROT_READ, MAP_SHARED, file, 0));
	for (int j = 0; i % 16 == 3 && j < 40; j++) {
		char *m = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		if (m != MAP_FAILED) {
			m[0] = 1;
			mprotect(m + 4096, 4096, PROT_NONE);
		}
	}
	for (int j = 0; i % 32 == 7 && j < 3; j++) {
		pthread_t t;
		pthread_create(&t, NULL, idle, NULL);
	}
}

static int farm(int n, int names)
{
	int file = memfd_create("farm", MFD_CLOEXEC), ready[2];
	static char block[MIB];
	memset(block, 7, sizeof block);
	for (int i = 0; i < 4; i++)
		if (write(file, block, sizeof block) < 0)
			return 1;
	char *shm = mmap(NULL, SHARED, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	pid_t *child = calloc((size_t)n, sizeof *child);
	if (!child || shm == MAP_FAILED || pipe(ready) != 0)
		return 1;
	memset(shm, 1, SHARED);
	int made = 0;
	for (; made < n; made++) {
		pid_t pid = fork();
		if (pid == 0) {
			char name[16];
			prctl(PR_SET_PDEATHSIG, SIGKILL);
			snprintf(name, sizeof name, "svc%03d", made % names);
			prctl(PR_SET_NAME, name);
			dress(made, shm, file);
			if (write(ready[1], "", 1) < 0)
				_exit(1);
			idle(NULL);
		}
		if (pid < 0)
			break;
		child[made] = pid;
	}
	char buf[4096];
	for (ssize_t got = 0, r; got < made && (r = read(ready[0], buf, sizeof buf)) > 0; got += r)
		;
	printf("READY %d\n", made);
	fflush(stdout);
	while (read(0, buf, sizeof buf) > 0)
		;
	for (int i = 0; i < made; i++)
		kill(child[i], SIGKILL);
	while (wait(NULL) > 0)
		;
	free(child);
	return 0;
}

static double now_us(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static _Noreturn void big(size_t mib)
{
	touch(mib * MIB);
	printf("READY 1\n");
	fflush(stdout);
	for (double second = now_us(), longest = 0;;) {
		double begun = now_us();
		volatile char *m = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		if (m != MAP_FAILED) {
			m[0] = 1;
			munmap((char *)(uintptr_t)m, 4096);
		}
		double end = now_us();
		longest = end - begun > longest ? end - begun : longest;
		if (end - second >= 1e6) {
			printf("%.0f\n", longest);
			fflush(stdout);
			second = end;
			longest = 0;
		}
		usleep(100);
	}
}

/* N processes that begin and end, sixteen at a time; one in ten lives for 20 ms, some have names of their own. */
static int storm(long n)
{
	for (long i = 0; i < n; i++) {
		pid_t pid = fork();
		if (pid == 0) {
			if (i % 7 == 0)
				prctl(PR_SET_NAME, i % 2 ? "st\xffo\nrm" : "<storm>");
			usleep(i % 10 ? 300 : 20000);
			_exit(0);
		}
		if (pid < 0 || i % 16 == 15)
			while (wait(NULL) > 0)
				;
	}
	while (wait(NULL) > 0)
		;
	return 0;
}

int main(int argc, char **argv)
{
	if (argc == 3 && strcmp(argv[1], "storm") == 0)
		return storm(strtol(argv[2], NULL, 10));
	if (argc == 3 && strcmp(argv[1], "big") == 0)
		big(strtoul(argv[2], NULL, 10));
	int n = argc > 1 ? (int)strtol(argv[1], NULL, 10) : 10, names = argc > 2 ? (int)strtol(argv[2], NULL, 10) : 50;
	return n > 0 && names > 0 ? farm(n, names) : 2;
}
