/* The sampler over the processes of this machine: what is born, runs exec, ends, is named badly, in storms. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <dirent.h>
#include <fcntl.h>
#include <math.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sample_real.h"

/* what may be held in the end: sanitizers keep freed memory for a while */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SLACK_KIB 65536
#elif defined(__has_feature)
#define SLACK_KIB 65536 /* clang says it its own way, and is used for sanitizers here */
#else
#define SLACK_KIB 1024
#endif

static double rollup_kb(pid_t pid, const char *key)
{
	char path[64], line[256];
	double v = -1;
	snprintf(path, sizeof path, "/proc/%d/smaps_rollup", (int)pid);
	FILE *f = fopen(path, "re");
	while (f && fgets(line, sizeof line, f))
		if (strncmp(line, key, strlen(key)) == 0)
			v = strtod(line + strlen(key), NULL);
	if (f)
		fclose(f);
	return v;
}

static void oneself(void **state)
{
	(void)state;
	start((struct mc_sample_config){0});
	for (int i = 0; i < 12; i++)
		tick();
	const struct mc_process *p = tick_of(t, getpid());
	assert_int_equal(p->pid, getpid());
	assert_true(p->anon > 0 && p->anon + p->shared == p->rss && p->file + p->shmem == p->shared);
	assert_true(p->exe[0] && p->exe_id.ino && p->fds > 3 && p->switches != MC_UNREAD);
	assert_true(t->host.mem_total > 0 && t->host.boot_id[0] && t->host.load_processes >= (double)t->nprocesses);
}

static bool in_trouble(const struct mc_host *h)
{
	return h->blocked >= 2 || h->psi_memory_some >= 0.01 || h->iowait_ratio >= 0.2 || h->swap_total > 0;
}

/* The host is read in the first ticks, and then as often as it has to: what stands is never 5 s old. */
static void host_pace(void **state)
{
	(void)state;
	start((struct mc_sample_config){0});
	int64_t read_ms = 0;
	size_t reads = 0;
	for (int i = 0; i < 30; i++) {
		bool calm = i > 1 && !in_trouble(&t->host) && now_ms + 1000 - read_ms < 5000;
		tick();
		assert_true(t->host.read_ms <= now_ms && now_ms - t->host.read_ms < 5000);
		if (i < 2 || calm)
			assert_true((t->host.read_ms == now_ms) == (i < 2));
		assert_true(t->host.mem_total > 0 && t->host.load_processes >= (double)t->nprocesses);
		reads += t->host.read_ms != read_ms;
		read_ms = t->host.read_ms;
	}
	assert_true(reads >= 7);
	now_ms -= 3600000; /* the clock was set back */
	tick();
	assert_true(t->host.read_ms == now_ms);
}

/* Without a new process nothing is listed; one that begins or ends is told in the same tick all the same. */
static void quiet(void **state)
{
	(void)state;
	pid_t pid = sleeper(), other = 0;
	start((struct mc_sample_config){0});
	for (int i = 0; i < 25; i++) {
		tick();
		assert_true(tick_of(t, pid)->pid == pid);
		if (i == 3) {
			other = sleeper();
		} else if (i == 4) {
			assert_true(tick_of(t, other)->pid == other && tick_of(t, other)->born);
		} else if (i == 17) {
			uint64_t id = tick_of(t, other)->id;
			bool gone = false;
			end_child(other);
			tick();
			for (size_t k = 0; k < t->ngone; k++)
				gone |= t->gone[k] == id;
			assert_true(gone);
			for (size_t k = 0; k < t->nprocesses; k++)
				assert_true(t->processes[k]->pid != other);
		}
	}
	end_child(pid);
}

static bool copied(const char *from, const char *to)
{
	struct mc_buf b = {0};
	int fd = open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0755);
	bool ok = fd >= 0 && mc_read_file(AT_FDCWD, from, 64 << 20, &b, NULL) == 0 && write(fd, b.data, b.len) == (ssize_t)b.len;
	mc_buf_release(&b);
	if (fd >= 0)
		close(fd);
	return ok;
}

/* Its own name is told of a file that has two, also where its parent runs the same by the other one. */
static void two_names(void **state)
{
	(void)state;
	char dir[] = "/tmp/mc-names-XXXXXX", one[64], two[64], script[160];
	int in[2];
	assert_non_null(mkdtemp(dir));
	snprintf(one, sizeof one, "%s/one", dir);
	snprintf(two, sizeof two, "%s/two", dir);
	snprintf(script, sizeof script, "%s -c 'read x; :'; :", two);
	assert_true(copied("/bin/sh", one) && link(one, two) == 0 && pipe2(in, O_CLOEXEC) == 0);
	pid_t pid = fork();
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		dup2(in[0], 0);
		execl(one, one, "-c", script, (char *)NULL);
		_exit(1);
	}
	start((struct mc_sample_config){0});
	const struct mc_process *child = NULL;
	for (int i = 0; i < 6000 && !(child && strcmp(child->exe, two) == 0); i++) {
		mc_sampler_close(s); /* both are met at once */
		usleep(10000);
		start((struct mc_sample_config){0});
		tick();
		child = NULL;
		for (size_t k = 0; k < t->nprocesses; k++)
			if (t->processes[k]->ppid == pid)
				child = t->processes[k];
	}
	assert_true(child && strcmp(child->exe, two) == 0 && child->anon > 0 && child->vsize > child->rss);
	assert_string_equal(tick_of(t, pid)->exe, one);
	assert_true(tick_of(t, pid)->exe_id.ino == child->exe_id.ino);
	close(in[0]);
	close(in[1]);
	waitpid(pid, NULL, 0);
	unlink(one);
	unlink(two);
	rmdir(dir);
}

/* To the page, whatever it maps; a sleeper's figures do not move between the two readings. */
static void exact(void **state)
{
	(void)state;
	uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
	volatile char *shared = mmap(NULL, 50 * page, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	assert_true(shared != MAP_FAILED);
	int up[2];
	char c;
	assert_int_equal(pipe(up), 0);
	pid_t pid = fork();
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		volatile char *own = mmap(NULL, 333 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		for (size_t i = 0; own != MAP_FAILED && i < 333 * page; i += page)
			own[i] = 1;
		for (size_t i = 0; i < 50 * page; i += page)
			shared[i] = 1;
		ssize_t w = write(up[1], "", 1);
		(void)w;
		for (;;)
			pause();
	}
	close(up[1]);
	assert_int_equal(read(up[0], &c, 1), 1);
	close(up[0]);
	double kb = 0;
	for (int i = 0; i < 200 && (i < 10 || kb <= 0 || fabs(rollup_kb(pid, "Rss:") - kb) > 0.5); i++) {
		kb = rollup_kb(pid, "Rss:");
		usleep(10000);
	}
	if (kb > 0) { /* else no right to see it */
		start((struct mc_sample_config){.pss = MC_PSS_ON, .pss_cpu = 1});
		for (int i = 0; i < 50 && (i < 2 || tick_of(t, pid)->pss == MC_UNREAD); i++)
			tick();
		const struct mc_process *p = tick_of(t, pid);
		assert_true(fabs((double)p->rss / 1024 - kb) < 0.5);
		assert_true(p->shmem >= 50 * page && p->anon >= 333 * page);
		/* others come and go that share libc with it */
		assert_true(p->pss != MC_UNREAD && fabs((double)p->pss / 1024 - rollup_kb(pid, "Pss:")) < 300);
		assert_true(p->uss >= 333 * page && p->uss <= p->pss && p->pss <= p->rss && p->pss_age_ms >= 0);
	}
	end_child(pid);
	munmap((void *)(uintptr_t)shared, 50 * page);
}

static void hostile_names(void **state)
{
	(void)state;
	static const char *const names[] = {"a) R 1 (b", "\xff\xfe\xfd", "new\nline", "\x1b[31mred", "\"quoted\\", "<img src=x>", " ", "..", "%s%n%s", "\xe2\x82", ""};
	enum { N = sizeof names / sizeof *names };
	pid_t pid[N];
	int up[2];
	char c;
	assert_int_equal(pipe(up), 0);
	for (size_t i = 0; i < N; i++) {
		pid[i] = fork();
		if (pid[i] == 0) {
			prctl(PR_SET_PDEATHSIG, SIGKILL);
			prctl(PR_SET_NAME, names[i]);
			ssize_t w = write(up[1], "", 1);
			(void)w;
			for (;;)
				pause();
		}
	}
	for (size_t i = 0; i < N; i++)
		assert_int_equal(read(up[0], &c, 1), 1);
	start((struct mc_sample_config){0});
	tick();
	for (size_t i = 0; i < N; i++) {
		assert_string_equal(tick_of(t, pid[i])->comm, names[i]);
		assert_true(tick_of(t, pid[i])->rss > 0);
	}
	for (size_t i = 0; i < N; i++)
		end_child(pid[i]);
	close(up[0]);
	close(up[1]);
}

/* Libraries: shared sets, and the executable is not among them. */
static void libraries(void **state)
{
	(void)state;
	pid_t a = sleeper(), b = sleeper();
	start((struct mc_sample_config){.pss_cpu = 1});
	tick();
	for (int i = 0; i < 100 && (!tick_of(t, a)->libraries || !tick_of(t, b)->libraries); i++)
		tick();
	const struct mc_libraries *l = tick_of(t, a)->libraries;
	assert_non_null(l);
	assert_true(l == tick_of(t, b)->libraries && l->id && l->n > 0);
	bool libc = false;
	for (size_t i = 0; i < l->n; i++) {
		assert_true(l->v[i].path[0] == '/' && l->v[i].ino && !l->v[i].deleted);
		assert_string_not_equal(l->v[i].path, tick_of(t, a)->exe);
		libc |= strstr(l->v[i].path, "libc.so") != NULL;
	}
	assert_true(libc);
	end_child(a);
	end_child(b);
	tick();
}

/* Connections are counted, of those whose descriptors are not too many. */
static void sockets(void **state)
{
	(void)state;
	int pair[2];
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	char comm[32] = ""; /* under valgrind it is not the file's */
	FILE *f = fopen("/proc/self/comm", "r");
	assert_non_null(f);
	assert_non_null(fgets(comm, sizeof comm, f));
	fclose(f);
	comm[strcspn(comm, "\n")] = 0;
	struct mc_selector only = {.name = "me", .comm = comm}; /* not of all that runs here */
	start((struct mc_sample_config){.pss_cpu = 1, .nselectors = 1, .selectors = &only});
	tick();
	for (int i = 0; i < 100 && (i < 2 || tick_of(t, getpid())->sockets == UINT32_MAX); i++)
		tick();
	const struct mc_process *p = tick_of(t, getpid());
	assert_true(p->sockets >= 2 && p->sockets <= p->fds);
	assert_true(t->programs[p->program].sockets >= 2);
	close(pair[0]);
	close(pair[1]);
}

static double anon_kib(void)
{
	char line[256];
	double v = 0;
	FILE *f = fopen("/proc/self/status", "re");
	while (f && fgets(line, sizeof line, f))
		if (strncmp(line, "RssAnon:", 8) == 0)
			v = strtod(line + 8, NULL);
	if (f)
		fclose(f);
	return v;
}

/* Each life begins once and ends once, and is there in between. */
static void follow(void)
{
	enum { SEEN = 1 << 16 };
	static uint8_t seen[SEEN]; /* by id: 1 alive, 2 ended */
	for (size_t k = 0; k < t->ngone; k++) {
		uint64_t id = t->gone[k];
		if (id < SEEN) {
			assert_int_equal(seen[id], 1);
			seen[id] = 2;
		}
	}
	for (size_t k = 0; k < t->nprocesses; k++) {
		const struct mc_process *p = t->processes[k];
		if (p->id < SEEN) {
			assert_int_equal(seen[p->id], p->born ? 0 : 1);
			seen[p->id] = 1;
		}
	}
}

/* Processes that fork and die by thousands: nothing leaks, nothing grows, each life ends once. Exits that
 * polling missed are counted where the kernel tells of them. */
static void storm(void **state)
{
	(void)state;
	long total = getenv("MC_VALGRIND") ? 300 : getenv("MC_SHORT") ? 2000 : 20000, made = 0;
	size_t fds = open_fds();
	start((struct mc_sample_config){.short_lives = true});
	tick();
	follow();
	double anon = 0;
	for (int i = 0; made < total; i++) {
		pid_t pid[100];
		for (int k = 0; k < 100; k++, made++) {
			pid[k] = fork();
			if (pid[k] == 0) {
				if (made % 3 == 0)
					prctl(PR_SET_NAME, made % 2 ? "st\norm\xff" : "storm");
				if (k % 10 == 0)
					usleep(3000);
				_exit(0);
			}
		}
		tick();
		follow();
		for (int k = 0; k < 100; k++)
			if (pid[k] > 0)
				waitpid(pid[k], NULL, 0);
		if (made == total / 2) {
			tick();
			follow();
			anon = anon_kib();
		}
	}
	tick();
	assert_true(getenv("MC_VALGRIND") || anon_kib() < anon + SLACK_KIB);
	struct mc_buf b = {0};
	mc_sampler_notice(s, &b);
	if (!strstr(mc_buf_text(&b), "short lives are not seen"))
		assert_true(t->short_lives + t->short_lost > 0);
	mc_buf_release(&b);
	mc_sampler_close(s);
	s = NULL;
	assert_int_equal(open_fds(), fds);
}

/* What polling never sees: its peak and its program, from its exit. Skipped without the right. */
static void short_life(void **state)
{
	(void)state;
	start((struct mc_sample_config){.short_lives = true});
	tick();
	struct mc_buf b = {0};
	mc_sampler_notice(s, &b);
	bool allowed = !strstr(mc_buf_text(&b), "short lives are not seen");
	mc_buf_release(&b);
	if (!allowed)
		return; /* the notice is what was asked for */
	pid_t pid = fork();
	if (pid == 0) {
		volatile char *m = mmap(NULL, 32 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		for (size_t i = 0; m != MAP_FAILED && i < 32 << 20; i += 4096)
			m[i] = 1;
		_exit(0);
	}
	waitpid(pid, NULL, 0);
	mc_sampler_drain(s);
	tick();
	struct mc_short_life found = {0}, *l = &found;
	for (size_t i = 0; i < t->nshort; i++)
		if (t->shorts[i].pid == pid)
			found = t->shorts[i];
	assert_int_equal(l->pid, pid);
	assert_true(l->peak_bytes >= 32 << 20 && l->ppid == getpid());
	assert_int_equal(l->program, tick_of(t, getpid())->program);
	assert_true(t->programs[l->program].short_lives >= 1 && t->programs[l->program].short_peak_bytes >= 32 << 20);
	tick();
	for (size_t i = 0; i < t->nshort; i++)
		assert_true(t->shorts[i].pid != pid); /* said once */
	double seen = t->short_lives;
	mc_sampler_short_text(s, &b);
	assert_non_null(strstr(mc_buf_text(&b), "began and ended between two samples; the largest, "));
	mc_buf_release(&b);
	/* off and on again by the configuration alone */
	struct mc_sample_config c = {.short_lives = false};
	assert_int_equal(mc_sampler_reconfigure(s, &c, NULL), 0);
	tick();
	assert_true(seen >= 1 && isnan(t->short_lives));
	mc_sampler_short_text(s, &b);
	mc_sampler_notice(s, &b); /* one or the other says that nobody counts them */
	assert_non_null(strstr(mc_buf_text(&b), "'sample: {short_lives: true}' counts"));
	mc_buf_release(&b);
	c.short_lives = true;
	assert_int_equal(mc_sampler_reconfigure(s, &c, NULL), 0);
	tick();
	assert_true(t->short_lives >= 0);
}

/* The budget holds, and suspects come first. */
static void budget(void **state)
{
	(void)state;
	pid_t pid[20];
	for (int i = 0; i < 20; i++)
		pid[i] = sleeper();
	start((struct mc_sample_config){.pss = MC_PSS_AUTO, .pss_cpu = 1e-9});
	for (int i = 0; i < 3; i++)
		tick();
	for (int i = 0; i < 20; i++)
		assert_true(tick_of(t, pid[i])->pss == MC_UNREAD && tick_of(t, pid[i])->pss_age_ms == -1);
	mc_sampler_close(s);
	start((struct mc_sample_config){.pss = MC_PSS_OFF, .pss_cpu = 1});
	tick();
	tick();
	assert_true(tick_of(t, pid[0])->pss == MC_UNREAD);
	mc_sampler_close(s);
	/* over the size limit: only where it is asked for */
	start((struct mc_sample_config){.pss = MC_PSS_AUTO, .pss_cpu = 1, .pss_limit = 4096});
	tick();
	const char *name = tick_program(t, pid[0]);
	assert_int_equal(mc_sampler_suspects(s, &name, 1, &err), 0);
	tick();
	assert_true(tick_of(t, pid[0])->pss == MC_UNREAD);
	for (int i = 0; i < 20; i++)
		end_child(pid[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(oneself, end),       cmocka_unit_test_teardown(host_pace, end),
		cmocka_unit_test_teardown(two_names, end),     cmocka_unit_test_teardown(exact, end),
		cmocka_unit_test_teardown(quiet, end),
		cmocka_unit_test_teardown(hostile_names, end), cmocka_unit_test_teardown(libraries, end),
		cmocka_unit_test_teardown(sockets, end),
		cmocka_unit_test_teardown(budget, end),        cmocka_unit_test_teardown(short_life, end),
		cmocka_unit_test_teardown(storm, end),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
