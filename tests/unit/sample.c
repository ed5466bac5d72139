/* The sample stage: its parsers, and ticks over trees of files made here. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "memculprit/sample.h"
#include "parse.h"

static char root[] = "/tmp/mc-sample-XXXXXX";

static void put(const char *path, const char *text)
{
	char full[256];
	snprintf(full, sizeof full, "%s/%s", root, path);
	FILE *f = fopen(full, "we");
	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

static void put_process(int pid, int ppid, char state, int start, int anon_pages, const char *comm, const char *cgroup)
{
	char path[256], text[512];
	snprintf(path, sizeof path, "%s/%d", root, pid);
	mkdir(path, 0700);
	snprintf(path, sizeof path, "%d/stat", pid);
	snprintf(text, sizeof text, "%d (%s) %c %d 1 1 0 -1 4194304 7 0 2 0 50 60 0 0 20 0 3 0 %d 409600 9 1 1\n", pid, comm,
		 state, ppid, start);
	put(path, text);
	snprintf(path, sizeof path, "%d/statm", pid);
	snprintf(text, sizeof text, "100 %d 20 1 0 9 0\n", anon_pages + 20);
	put(path, text);
	long kb = sysconf(_SC_PAGESIZE) / 1024;
	snprintf(path, sizeof path, "%d/status", pid);
	snprintf(text, sizeof text,
		 "Name:\tx\nUid:\t1000\t1000\nVmHWM:\t9000 kB\nRssAnon:\t%ld kB\nRssFile:\t%ld kB\nRssShmem:\t%ld kB\nVmSwap:\t8 kB\n",
		 anon_pages * kb, 15 * kb, 5 * kb);
	put(path, text);
	snprintf(path, sizeof path, "%d/cgroup", pid);
	put(path, cgroup);
	snprintf(path, sizeof path, "%d/cmdline", pid);
	put(path, "/bin/w --role=mail");
}

static void forget(int pid)
{
	char cmd[300];
	snprintf(cmd, sizeof cmd, "rm -rf %s/%d", root, pid);
	assert_int_equal(system(cmd), 0); /* NOLINT */
}

static int begin(void **state)
{
	(void)state;
	strcpy(root, "/tmp/mc-sample-XXXXXX");
	assert_non_null(mkdtemp(root));
	put("stat", "cpu  10 0 10 70 10 0 0 0\nctxt 99\nbtime 1000\nprocs_running 2\nprocs_blocked 27\n");
	put("vmstat", "pswpin 5\npswpout 6\noom_kill 1\n");
	put("meminfo", "MemTotal:  1000 kB\nMemAvailable: 10 kB\n");
	return 0;
}

static int end(void **state)
{
	(void)state;
	char cmd[300];
	snprintf(cmd, sizeof cmd, "rm -rf %s", root);
	return system(cmd); /* NOLINT */
}

/* The process with this pid; one of zeros, pid too, where it was not seen. */
static const struct mc_process *of(const struct mc_tick *t, int64_t pid)
{
	for (size_t i = 0; i < t->nprocesses; i++)
		if (t->processes[i].pid == pid)
			return &t->processes[i];
	static const struct mc_process none;
	return &none;
}

static void kinds(void **state)
{
	(void)state;
	struct mc_sampler *s;
	const struct mc_tick *t;
	struct mc_error err = {0};
	put_process(10, 1, 'S', 500, 30, "a) R (\n\xff", "0::/system.slice/logic.service\n");
	put_process(11, 1, 'Z', 500, 30, "zombie", "0::/\n");
	put_process(12, 1, 'S', 600, 40, "plain", "4:memory:/\n");
	put_process(13, 1, 'S', 600, 40, "plain", "0::/\n");
	assert_int_equal(mc_sampler_open(&(struct mc_sample_config){.procfs = root}, &s, &err), 0);
	assert_int_equal(mc_sampler_tick(s, 5000, &t, &err), 0);
	assert_int_equal(t->nprocesses, 3);
	const struct mc_process *p = of(t, 10);
	uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE), id = p->id;
	assert_string_equal(p->comm, "a) R (\n\xff");
	assert_true(p->born && p->anon == 30 * page && p->file == 15 * page && p->shmem == 5 * page && p->swap == 8192);
	assert_true(p->rss == 50 * page && p->start_ms == 1000000 + 5000 && p->majflt == 2);
	assert_string_equal(t->programs[p->program].name, "logic");
	assert_int_equal(of(t, 12)->program, of(t, 13)->program);
	assert_true(t->host.blocked == 27 && isnan(t->host.iowait_ratio) && isnan(t->host.psi_io_some));
	put_process(10, 1, 'S', 900, 31, "again", "0::/system.slice/logic.service\n"); /* the pid came back */
	forget(12);
	put("stat", "cpu  20 0 20 70 90 0 0 0\nprocs_blocked 27\nbtime 1000\n");
	assert_int_equal(mc_sampler_tick(s, 6000, &t, &err), 0);
	assert_true(of(t, 10)->born && of(t, 10)->id > id && of(t, 10)->anon == 31 * page);
	assert_int_equal(t->ngone, 2);
	assert_true(fabs(t->host.iowait_ratio - 0.8) < 1e-9);
	assert_false(of(t, 13)->born);
	mc_sampler_close(s);
}

/* A cgroup that empties gives its place to the last one, which is found there from then on. */
static void cgroup_goes(void **state)
{
	(void)state;
	struct mc_sampler *s;
	const struct mc_tick *t;
	char group[64];
	assert_int_equal(mc_sampler_open(&(struct mc_sample_config){.procfs = root}, &s, NULL), 0);
	for (int i = 0; i < 4; i++) {
		snprintf(group, sizeof group, "0::/system.slice/g%d.service\n", i);
		put_process(20 + i, 1, 'S', 500, 30, "w", group);
	}
	assert_int_equal(mc_sampler_tick(s, 1000, &t, NULL), 0);
	forget(20);
	assert_int_equal(mc_sampler_tick(s, 2000, &t, NULL), 0);
	put_process(29, 1, 'S', 900, 30, "w", "0::/system.slice/new.service\n");
	assert_int_equal(mc_sampler_tick(s, 3000, &t, NULL), 0);
	put_process(30, 1, 'S', 900, 30, "w", group);
	assert_int_equal(mc_sampler_tick(s, 4000, &t, NULL), 0);
	assert_int_equal(t->ngroups, 4);
	assert_int_equal(of(t, 30)->group, of(t, 23)->group);
	assert_string_equal(t->groups[of(t, 30)->group].unit, "g3.service");
	mc_sampler_close(s);
}

static void selectors(void **state)
{
	(void)state;
	struct mc_sampler *s;
	const struct mc_tick *t;
	struct mc_error err = {0};
	struct mc_selector v[] = {{.name = "logic-${role}", .comm = "w", .cmdline = "--role=(?<role>\\w+)", .user = "1000"}};
	struct mc_sample_config c = {.procfs = root, .nselectors = 1, .selectors = v, .max_processes = 2};
	put_process(10, 1, 'S', 500, 30, "w", "0::/\n");
	put_process(11, 10, 'S', 500, 30, "child", "0::/\n");
	put_process(12, 11, 'S', 500, 30, "grandchild", "0::/\n");
	put_process(13, 1, 'S', 500, 30, "other", "0::/\n");
	assert_int_equal(mc_sampler_open(&c, &s, &err), 0);
	assert_int_equal(mc_sampler_tick(s, 0, &t, &err), 0);
	assert_int_equal(t->nprocesses, 2);
	assert_int_equal(t->left_out_processes, 1);
	assert_string_equal(t->programs[of(t, 11)->program].name, "logic-mail");
	forget(11);
	assert_int_equal(mc_sampler_tick(s, 0, &t, &err), 0);
	assert_int_equal(mc_sampler_tick(s, 0, &t, &err), 0);
	assert_int_equal(t->left_out_processes, 0);
	mc_sampler_close(s);
	v[0].cmdline = "(";
	assert_int_equal(mc_sampler_open(&c, &s, &err), MC_EUSAGE);
	assert_non_null(strstr(err.text, "("));
}

/* The limit is on programs that run, not on names ever seen. */
static void program_limit(void **state)
{
	(void)state;
	struct mc_sampler *s;
	const struct mc_tick *t;
	assert_int_equal(mc_sampler_open(&(struct mc_sample_config){.procfs = root, .max_programs = 1}, &s, NULL), 0);
	put_process(10, 1, 'S', 500, 30, "one", "0::/\n");
	put_process(11, 1, 'S', 500, 30, "two", "0::/\n");
	assert_int_equal(mc_sampler_tick(s, 0, &t, NULL), 0);
	assert_int_equal(t->nprocesses, 1);
	assert_int_equal(t->left_out_programs, 1);
	forget(10);
	assert_int_equal(mc_sampler_tick(s, 0, &t, NULL), 0);
	assert_int_equal(mc_sampler_tick(s, 0, &t, NULL), 0);
	assert_int_equal(of(t, 11)->pid, 11);
	assert_int_equal(t->left_out_programs, 0);
	mc_sampler_close(s);
}

static void real_proc(void **state)
{
	(void)state;
	struct mc_sampler *s;
	const struct mc_tick *t;
	assert_int_equal(mc_sampler_open(&(struct mc_sample_config){0}, &s, NULL), 0);
	for (int i = 0; i < 12; i++)
		assert_int_equal(mc_sampler_tick(s, 0, &t, NULL), 0);
	const struct mc_process *p = of(t, getpid());
	assert_int_equal(p->pid, getpid());
	assert_true(p->anon > 0 && p->anon + p->shared == p->rss && p->file + p->shmem == p->shared);
	mc_sampler_close(s);
}

/* A child that runs itself anew is another incarnation; one that only goes on is not. */
static void exec_again(void **state)
{
	(void)state;
	struct mc_sampler *s;
	const struct mc_tick *t;
	int go[2];
	char c = 0;
	assert_int_equal(pipe(go), 0);
	pid_t child = fork();
	if (child == 0) {
		if (read(go[0], &c, 1) == 1)
			execl("/bin/sleep", "sleep", "60", (char *)NULL);
		_exit(1);
	}
	assert_int_equal(mc_sampler_open(&(struct mc_sample_config){0}, &s, NULL), 0);
	assert_int_equal(mc_sampler_tick(s, 0, &t, NULL), 0);
	uint64_t id = of(t, child)->id;
	assert_true(id > 0);
	for (int i = 0; i < 12; i++) {
		assert_int_equal(mc_sampler_tick(s, 0, &t, NULL), 0);
		assert_true(of(t, child)->id == id && !of(t, child)->born);
	}
	assert_int_equal(write(go[1], &c, 1), 1);
	bool changed = false;
	for (int i = 0; i < 100 && !changed; i++) {
		usleep(20000);
		assert_int_equal(mc_sampler_tick(s, 0, &t, NULL), 0);
		changed = of(t, child)->born;
	}
	assert_true(changed && of(t, child)->id > id);
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	assert_int_equal(mc_sampler_tick(s, 0, &t, NULL), 0);
	assert_int_equal(of(t, child)->pid, 0);
	close(go[0]);
	close(go[1]);
	mc_sampler_close(s);
}

static void texts(void **state)
{
	(void)state;
	char path[64], c[65];
	double v;
	static const char page[] = "# TYPE r counter\nr{a=\"}\"} 1 123\nr{b=\"\\\"\"} 2\nrr 9\nr x\nr NaN\n";
	assert_int_equal(mc_load_parse(page, sizeof page - 1, "r", &v, NULL), 0);
	assert_true(v > 2.999 && v < 3.001);
	assert_int_equal(mc_load_parse(page, sizeof page - 1, "q", &v, NULL), MC_ENOTFOUND);
	static const char v1[] = "5:cpu:/c\n4:memory:/m\n1:name=systemd:/s\n0::/\n";
	assert_true(sm_parse_cgroup(v1, sizeof v1 - 1, path, sizeof path));
	assert_string_equal(path, "/s");
	assert_true(sm_container("/docker/0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef", c));
	assert_int_equal(strlen(c), 64);
	struct sm_statm m;
	assert_false(sm_parse_statm("1 2", 3, &m));
	struct mc_buf b = {0};
	struct mc_host h0 = {.iowait_ratio = (double)NAN}, h1 = {.blocked = 27, .swapin_pages = 1610, .iowait_ratio = 0.52};
	mc_host_sentence(&h0, &h1, 10, &b);
	assert_string_equal(mc_buf_text(&b), "27 processes blocked, 644 KiB/s swapped in, iowait 52 %: memory is short");
	mc_buf_release(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(kinds, begin, end),
		cmocka_unit_test_setup_teardown(cgroup_goes, begin, end),
		cmocka_unit_test_setup_teardown(selectors, begin, end),
		cmocka_unit_test_setup_teardown(program_limit, begin, end),
		cmocka_unit_test(real_proc),
		cmocka_unit_test(exec_again),
		cmocka_unit_test(texts),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
