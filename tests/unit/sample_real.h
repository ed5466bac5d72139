/* What the tests over the processes of this machine share: a sampler, and children to look at. */
#ifndef TESTS_SAMPLE_REAL_H
#define TESTS_SAMPLE_REAL_H

#include <dirent.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sample_tree.h"

#define MAYBE __attribute__((unused)) /* not in each of them */

static const struct mc_tick *t;
static struct mc_sampler *s;
static struct mc_error err;
static int64_t now_ms;

MAYBE static int end(void **state)
{
	(void)state;
	mc_sampler_close(s);
	s = NULL;
	return 0;
}

MAYBE static void start(struct mc_sample_config c)
{
	c.interval_ms = 1000;
	if (!c.max_processes)
		c.max_processes = 20000;
	now_ms = mc_now_ms();
	assert_int_equal(mc_sampler_open(&c, &s, &err), 0);
}

MAYBE static void tick(void)
{
	now_ms += 1000;
	assert_int_equal(mc_sampler_tick(s, now_ms, &t, &err), 0);
}

MAYBE static pid_t sleeper(void)
{
	pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		for (;;)
			pause();
	}
	return pid;
}

MAYBE static void end_child(pid_t pid)
{
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

MAYBE static size_t open_fds(void)
{
	size_t n = 0;
	DIR *d = opendir("/proc/self/fd");
	assert_non_null(d);
	while (readdir(d))
		n++;
	closedir(d);
	return n;
}

#endif
