/* The sampler over processes of this machine that run exec, are replaced, or are met where descriptors are few. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "sample_real.h"

/* A child that runs itself anew is another incarnation; one that only goes on is not. */
static void exec_again(void **state)
{
	(void)state;
	int go[2];
	char c = 0;
	assert_int_equal(pipe(go), 0);
	pid_t child = fork();
	if (child == 0) {
		if (read(go[0], &c, 1) == 1)
			execl("/bin/sleep", "sleep", "60", (char *)NULL);
		_exit(1);
	}
	start((struct mc_sample_config){0});
	tick();
	uint64_t id = tick_of(t, child)->id;
	assert_true(id > 0);
	for (int i = 0; i < 12; i++) {
		tick();
		assert_true(tick_of(t, child)->id == id && !tick_of(t, child)->born);
	}
	assert_int_equal(write(go[1], &c, 1), 1);
	bool changed = false;
	for (int i = 0; i < 3000 && !changed; i++) {
		usleep(20000);
		tick();
		changed = tick_of(t, child)->born;
	}
	assert_true(changed && tick_of(t, child)->id > id && tick_of(t, child)->start_ms == now_ms);
	assert_string_equal(tick_program(t, child), "sleep");
	end_child(child);
	tick();
	assert_int_equal(tick_of(t, child)->pid, 0);
	close(go[0]);
	close(go[1]);
}

/* What this program does when it is run with arguments: waits for a byte, then runs itself anew; or holds memory. */
enum { HELD = 64 << 20 };
static int as_child(const char *what)
{
	char c;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (strcmp(what, "wait") == 0) {
		if (read(STDIN_FILENO, &c, 1) == 1)
			execl("/proc/self/exe", "sample_exec", "hold", (char *)NULL);
		return 1;
	}
	volatile char *m = mmap(NULL, HELD, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	for (size_t i = 0; m != MAP_FAILED && i < HELD; i += 4096)
		m[i] = 1;
	for (;;)
		pause();
}

static double resident_of(pid_t pid)
{
	char path[64], line[128] = "";
	snprintf(path, sizeof path, "/proc/%d/statm", pid);
	FILE *f = fopen(path, "re");
	bool got = f && fgets(line, sizeof line, f);
	if (f)
		fclose(f);
	const char *second = got ? strchr(line, ' ') : NULL;
	return second ? strtod(second, NULL) * (double)sysconf(_SC_PAGESIZE) : 0;
}

/* The same file under the same name with other arguments, and larger than before: what it holds is the new program's
 * from the first tick on, also where it has slept for long and is looked at seldom. */
static void exec_grows(void **state)
{
	(void)state;
	int go[2];
	if (getenv("MC_VALGRIND")) /* under which /proc/self/exe is valgrind */
		return;
	assert_int_equal(pipe(go), 0);
	pid_t pid = fork();
	if (pid == 0) {
		dup2(go[0], STDIN_FILENO);
		execl("/proc/self/exe", "sample_exec", "wait", (char *)NULL);
		_exit(1);
	}
	struct mc_selector v[] = {{.name = "waits", .cmdline = "^sample_exec wait$"}, {.name = "holds", .cmdline = "^sample_exec hold$"}};
	start((struct mc_sample_config){.nselectors = 2, .selectors = v});
	for (int i = 0; i < 45 || (i < 6000 && !tick_of(t, pid)->pid); i++) {
		usleep(i < 20 ? 5000 : i < 45 ? 0 : 10000);
		tick();
	}
	assert_string_equal(tick_program(t, pid), "waits");
	uint64_t id = tick_of(t, pid)->id;
	assert_int_equal(write(go[1], "x", 1), 1);
	for (int i = 0; i < 6000 && resident_of(pid) < HELD; i++)
		usleep(10000);
	tick();
	assert_true(tick_of(t, pid)->id > id && tick_of(t, pid)->rss >= HELD);
	assert_string_equal(tick_program(t, pid), "holds");
	end_child(pid);
	close(go[0]);
	close(go[1]);
}

/* One that runs exec all the time, and each time with another size: a life each time it is noticed, and never
 * the memory of the life before. */
static void exec_each_tick(void **state)
{
	(void)state;
	pid_t child = fork();
	if (child == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		execl("/bin/sh", "sh", "-c", "exec /bin/sh -c 'sleep 0.01; exec \"$0\" -c \"$1\" \"$0\" \"$1\"' /bin/sh 'sleep 0.01; exec \"$0\" -c \"$1\" \"$0\" \"$1\"'",
			(char *)NULL);
		_exit(1);
	}
	start((struct mc_sample_config){0});
	uint64_t last = 0;
	int lives = 0;
	for (int i = 0; i < 3000 && (i < 40 || lives < 3); i++) {
		usleep(12000);
		tick();
		const struct mc_process *p = tick_of(t, child);
		if (!p->pid)
			continue;
		assert_true(p->id >= last && p->born == (p->id != last));
		assert_true(p->anon < 64 << 20);
		lives += p->born;
		last = p->id;
	}
	assert_true(lives >= 3);
	end_child(child);
}

static void copy_file(const char *from, const char *to)
{
	char buf[65536];
	int in = open(from, O_RDONLY | O_CLOEXEC), out = open(to, O_WRONLY | O_CREAT | O_CLOEXEC, 0755);
	assert_true(in >= 0 && out >= 0);
	for (ssize_t n; (n = read(in, buf, sizeof buf)) > 0;)
		assert_int_equal(write(out, buf, (size_t)n), n);
	close(in);
	close(out);
}

static void first_argument(pid_t pid, char *ret, size_t size)
{
	char path[64];
	snprintf(path, sizeof path, "/proc/%d/cmdline", pid);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd >= 0 ? read(fd, ret, size - 1) : 0;
	if (fd >= 0)
		close(fd);
	ret[n > 0 ? n : 0] = 0;
}

/* A program that was upgraded in place and still runs is called by the path it was run from, its user by name, and
 * what a title leaves behind its arguments is no part of them. */
static void replaced(void **state)
{
	(void)state;
	char dir[] = "/tmp/mc-replaced-XXXXXX", path[64];
	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof path, "%s/napper", dir);
	copy_file("/bin/sh", path);
	int hold[2];
	assert_int_equal(pipe(hold), 0);
	pid_t pid = fork();
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		dup2(hold[0], STDIN_FILENO);
		execl(path, "napper", "-c", "read x", "", "", (char *)NULL);
		_exit(1);
	}
	char exe[64] = "", link[64], args[64] = "";
	snprintf(link, sizeof link, "/proc/%d/exe", pid);
	for (int i = 0; i < 6000 && (strncmp(exe, path, strlen(path)) != 0 || strcmp(args, "napper") != 0); i++) {
		usleep(10000);
		ssize_t n = readlink(link, exe, sizeof exe - 1);
		exe[n > 0 ? n : 0] = 0;
		first_argument(pid, args, sizeof args); /* which come a moment after the file */
	}
	unlink(path);
	rmdir(dir);
	const struct passwd *me = getpwuid(getuid());
	char expected[128];
	snprintf(expected, sizeof expected, "napper of %s", me ? me->pw_name : "?");
	struct mc_selector v = {.name = "${exe} of ${user}", .exe = path, .cmdline = "^napper -c read x$"};
	start((struct mc_sample_config){.nselectors = 1, .selectors = &v});
	tick();
	if (me)
		assert_string_equal(tick_program(t, pid), expected);
	end_child(pid);
	close(hold[0]);
	close(hold[1]);
}

/* Whether this process holds a descriptor of that one's statm. */
static bool kept(pid_t pid)
{
	char path[64], link[64], expected[64];
	bool found = false;
	snprintf(expected, sizeof expected, "/proc/%d/statm", pid);
	for (int fd = 3; fd < 64; fd++) {
		snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
		ssize_t n = readlink(path, link, sizeof link - 1);
		link[n > 0 ? n : 0] = 0;
		found |= strcmp(link, expected) == 0;
	}
	return found;
}

/* With few descriptors everything is seen all the same, and an end is noticed. */
static void few_descriptors(void **state)
{
	(void)state;
	struct rlimit old;
	if (getenv("MC_VALGRIND")) /* which needs some for itself */
		return;
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &old), 0);
	struct rlimit few = {.rlim_cur = 40, .rlim_max = 40};
	pid_t pid = fork();
	if (pid == 0) {
		if (setrlimit(RLIMIT_NOFILE, &few) != 0)
			_exit(0);
		char own[16]; /* what else runs on this machine would take some */
		snprintf(own, sizeof own, "few%d", getpid());
		prctl(PR_SET_NAME, own);
		struct mc_selector only = {.name = "few", .comm = own};
		pid_t child[50];
		for (int i = 0; i < 50; i++)
			child[i] = sleeper();
		start((struct mc_sample_config){.nselectors = 1, .selectors = &only});
		tick();
		uint64_t id = tick_of(t, child[49])->id, rss = tick_of(t, child[49])->rss;
		bool ok = id && rss;
		for (int i = 0; i < 12; i++) {
			tick();
			ok &= tick_of(t, child[49])->id == id && tick_of(t, child[49])->rss > 0;
		}
		for (int i = 0; i < 49; i++) /* of those that have one kept */
			end_child(child[i]);
		tick();
		tick();
		ok &= kept(child[49]) && tick_of(t, child[49])->id == id;
		end_child(child[49]);
		tick();
		struct mc_buf b = {0};
		mc_sampler_notice(s, &b);
		_exit(ok && tick_of(t, child[49])->pid == 0 && open_fds() < 40 ? 0 : 1);
	}
	int status;
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

/* Where descriptors run out (connections may take them all) nobody ends and nobody changes programs for it; one that
 * begins meanwhile is met as soon as there are some again. */
static void no_descriptors(void **state)
{
	(void)state;
	pid_t pid = getenv("MC_VALGRIND") ? -1 : fork();
	if (pid == 0) {
		struct rlimit few = {.rlim_cur = 40, .rlim_max = 40}, none = {.rlim_cur = 1, .rlim_max = 40};
		char own[16]; /* what else runs on this machine may end at any time */
		snprintf(own, sizeof own, "few%d", getpid());
		prctl(PR_SET_NAME, own);
		struct mc_selector all = {.name = "x-${comm}-\\0", .comm = own, .cmdline = "."};
		pid_t child[30];
		uint64_t id[30];
		bool ok = setrlimit(RLIMIT_NOFILE, &few) == 0;
		for (int i = 0; i < 30; i++)
			child[i] = sleeper();
		start((struct mc_sample_config){.nselectors = 1, .selectors = &all});
		tick();
		for (int i = 0; i < 30; i++)
			id[i] = tick_of(t, child[i])->id;
		ok &= setrlimit(RLIMIT_NOFILE, &none) == 0;
		pid_t late = sleeper();
		for (int k = 0; k < 12; k++) {
			if (k == 6)
				mc_sampler_reconfigure(s, &(struct mc_sample_config){.nselectors = 1, .selectors = &all}, NULL);
			tick();
			for (int i = 0; i < 30; i++)
				ok &= tick_of(t, child[i])->id == id[i] && tick_of(t, child[i])->rss > 0;
			ok &= t->ngone == 0;
		}
		struct mc_buf b = {0};
		mc_sampler_notice(s, &b);
		ok &= strstr(mc_buf_text(&b), "descriptors ran out") != NULL;
		ok &= setrlimit(RLIMIT_NOFILE, &few) == 0;
		tick();
		ok &= tick_of(t, late)->id > 0;
		for (int i = 0; i < 30; i++) {
			ok &= tick_of(t, child[i])->id == id[i];
			end_child(child[i]);
		}
		end_child(late);
		tick();
		_exit(ok && t->ngone >= 31 ? 0 : 1);
	}
	if (pid < 0)
		return;
	int status;
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(exec_again, end),      cmocka_unit_test_teardown(exec_grows, end),
		cmocka_unit_test_teardown(exec_each_tick, end),  cmocka_unit_test_teardown(replaced, end),
		cmocka_unit_test_teardown(few_descriptors, end), cmocka_unit_test_teardown(no_descriptors, end),
	};
	if (argc > 1)
		return as_child(argv[1]);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
