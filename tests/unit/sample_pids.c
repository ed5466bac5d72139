/* The listing of pids: whole whatever comes between, and from the least pid on. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <grp.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/time.h>

#include "sample_real.h"

#include "sampler.h"

enum { SLEEPERS = 40, NOBODY = 65534, HIGH = 400, LOW = 350, NOT_POSSIBLE = 77 };

static void rung(int sig)
{
	(void)sig;
}

static void ring(int us)
{
	struct timeval every = {.tv_usec = us};
	setitimer(ITIMER_REAL, &(struct itimerval){every, every}, NULL);
}

/* A signal in the middle of the listing cuts a piece of it short: nobody has ended for that. */
static void interrupted(void **state)
{
	(void)state;
	if (getenv("MC_VALGRIND")) /* which takes longer over a signal than the next one takes to come */
		skip();
	pid_t pid[SLEEPERS];
	struct sigaction was, now = {.sa_handler = rung, .sa_flags = SA_RESTART};
	uint64_t id[SLEEPERS];
	bool same = true;
	for (int i = 0; i < SLEEPERS; i++)
		pid[i] = sleeper();
	start((struct mc_sample_config){.pss = MC_PSS_OFF});
	tick();
	for (int i = 0; i < SLEEPERS; i++)
		id[i] = tick_of(t, pid[i])->id;
	sigaction(SIGALRM, &now, &was);
	for (int k = 0; k < 300 && same; k++) {
		s->last_pid = 0; /* all are listed */
		ring(20 + k % 100);
		int rc = mc_sampler_tick(s, now_ms += 1000, &t, &err);
		ring(0);
		same = rc == 0;
		for (size_t g = 0; g < t->ngone && same; g++)
			for (int i = 0; i < SLEEPERS; i++)
				same &= t->gone[g] != id[i];
	}
	sigaction(SIGALRM, &was, NULL);
	for (int i = 0; i < SLEEPERS; i++)
		end_child(pid[i]);
	assert_true(same);
}

/* A pid that was given out is listed a moment later: not at the first listing, it may be, but at the next. */
static void settles(void **state)
{
	(void)state;
	start((struct mc_sample_config){.pss = MC_PSS_OFF});
	tick();
	if (s->loadavg < 0)
		skip();
	assert_false(s->settled); /* listed once: it may lack somebody */
	pid_t pid = sleeper();
	tick();
	assert_false(s->settled);
	end_child(pid);
	for (int i = 0; i < 60000 && !s->settled; i++) { /* others may begin all the time */
		tick();
		usleep(i < 1000 ? 0 : 1000);
	}
	assert_true(s->settled);
}

/* ---- a host on which others' processes are hidden, and the pids have begun anew ---- */
static bool be_nobody(void)
{
	return setgroups(0, NULL) == 0 && setgid(NOBODY) == 0 && setuid(NOBODY) == 0 && prctl(PR_SET_DUMPABLE, 1, 0, 0, 0) == 0;
}

static bool next_pid(int pid)
{
	int fd = open("/proc/sys/kernel/ns_last_pid", O_WRONLY | O_CLOEXEC);
	bool ok = fd >= 0 && dprintf(fd, "%d", pid - 1) > 0;
	if (fd >= 0)
		close(fd);
	return ok;
}

static bool has(int64_t pid)
{
	for (size_t i = 0; i < t->nprocesses; i++)
		if (t->processes[i]->pid == pid)
			return true;
	return false;
}

/* The exit code of the one who samples: 0 where it sees the lower pid. */
static int look(int in, int out)
{
	struct mc_sample_config c = {.interval_ms = 1000, .max_processes = 100};
	char byte = 0;
	if (!be_nobody() || getpid() != HIGH || mc_sampler_open(&c, &s, &err) || mc_sampler_tick(s, 1000, &t, &err))
		return NOT_POSSIBLE;
	if (has(1) || !has(HIGH) || write(out, &byte, 1) != 1 || read(in, &byte, 1) != 1)
		return NOT_POSSIBLE;
	return mc_sampler_tick(s, 2000, &t, &err) == 0 && has(LOW) ? 0 : 1;
}

/* As pid 1 of a namespace. */
static int host(void)
{
	int to[2], from[2], status = 0;
	char byte = 0;
	if (mount("proc", "/proc", "proc", 0, "hidepid=2") || pipe2(to, O_CLOEXEC) || pipe2(from, O_CLOEXEC) || !next_pid(HIGH))
		return NOT_POSSIBLE;
	pid_t looks = fork();
	if (looks == 0) {
		close(to[1]);
		close(from[0]);
		_exit(look(to[0], from[1]));
	}
	close(from[1]);
	if (read(from[0], &byte, 1) == 1 && next_pid(LOW)) {
		pid_t low = fork();
		if (low == 0) {
			if (be_nobody() && write(to[1], &byte, 1) == 1)
				pause();
			_exit(1);
		}
		if (low != LOW)
			return NOT_POSSIBLE;
	}
	close(to[1]);
	return waitpid(looks, &status, 0) == looks && WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}

static void anew(void **state)
{
	(void)state;
	int status = 0;
	pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		if (unshare(CLONE_NEWNS | CLONE_NEWPID) || mount("none", "/", "none", MS_REC | MS_PRIVATE, NULL))
			_exit(NOT_POSSIBLE);
		pid_t first = fork();
		if (first == 0)
			_exit(host());
		_exit(waitpid(first, &status, 0) == first && WIFEXITED(status) ? WEXITSTATUS(status) : 1);
	}
	assert_true(waitpid(pid, &status, 0) == pid && WIFEXITED(status));
	if (WEXITSTATUS(status) == NOT_POSSIBLE)
		skip();
	assert_int_equal(WEXITSTATUS(status), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(interrupted, end),
		cmocka_unit_test_teardown(settles, end),
		cmocka_unit_test_teardown(anew, end),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
