/* The sample stage: ticks over trees of files made here. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sample_tree.h"

static const struct mc_tick *t;
static struct mc_sampler *s;
static struct mc_error err;

static int begin(void **state)
{
	(void)state;
	tree_begin();
	return 0;
}

static int end(void **state)
{
	(void)state;
	mc_sampler_close(s);
	s = NULL;
	tree_end();
	return 0;
}

static void start(struct mc_sample_config c)
{
	c.procfs = tree_root;
	assert_int_equal(mc_sampler_open(&c, &s, &err), 0);
}

static void tick(int64_t ms)
{
	assert_int_equal(mc_sampler_tick(s, ms, &t, &err), 0);
}

static void kinds(void **state)
{
	(void)state;
	struct mc_sampler *none = NULL;
	tree_put("elsewhere/x", "");
	char elsewhere[96];
	snprintf(elsewhere, sizeof elsewhere, "%s/elsewhere", tree_root);
	assert_int_equal(mc_sampler_open(&(struct mc_sample_config){.procfs = elsewhere}, &none, &err), MC_EIO);
	assert_non_null(strstr(err.text, "is no procfs"));
	tree_process(&(struct tree_process){.pid = 10, .anon = 30, .file = 15, .shmem = 5, .swap_kb = 8, .comm = "a) R (\n\xff",
					    .cgroup = "0::/system.slice/logic.service\n"});
	tree_process(&(struct tree_process){.pid = 11, .state = 'Z', .anon = 30, .comm = "zombie"});
	tree_process(&(struct tree_process){.pid = 12, .start = 600, .anon = 40, .comm = "plain", .cgroup = "4:memory:/\n"});
	tree_process(&(struct tree_process){.pid = 13, .start = 600, .anon = 40, .comm = "plain"});
	tree_process(&(struct tree_process){.pid = 14, .flags = 0x00200040, .comm = "kworker/0:1"});
	start((struct mc_sample_config){0});
	tick(5000);
	assert_int_equal(t->nprocesses, 3);
	const struct mc_process *p = tick_of(t, 10);
	uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE), id = p->id;
	assert_string_equal(p->comm, "a) R (\n\xff");
	assert_true(p->born && p->anon == 30 * page && p->file == 15 * page && p->shmem == 5 * page && p->swap == 8192);
	assert_true(p->rss == 50 * page && p->start_ms == 1000000 + 5000 && p->majflt == 2 && p->switches == 13);
	assert_true(p->pss == MC_UNREAD && p->pss_age_ms == -1 && p->io_read == MC_UNREAD && p->fds == UINT32_MAX && !p->libraries);
	assert_string_equal(tick_program(t, 10), "logic");
	assert_int_equal(tick_of(t, 12)->program, tick_of(t, 13)->program);
	assert_true(t->host.blocked == 27 && isnan(t->host.iowait_ratio) && isnan(t->host.psi_io_some));
	/* the pid came back: another life, and not a byte of the one before */
	tree_process(&(struct tree_process){.pid = 10, .start = 900, .anon = 31, .comm = "again", .cgroup = "0::/system.slice/logic.service\n"});
	tree_forget(12);
	tree_put("stat", "cpu  20 0 20 70 90 0 0 0\nprocs_blocked 27\nbtime 1000\n");
	tick(6000);
	assert_true(tick_of(t, 10)->born && tick_of(t, 10)->id > id && tick_of(t, 10)->anon == 31 * page && tick_of(t, 10)->swap == 0);
	assert_int_equal(t->ngone, 2);
	assert_true(fabs(t->host.iowait_ratio - 0.8) < 1e-9);
	assert_false(tick_of(t, 13)->born);
	/* a zombie holds nothing: its life is over */
	tree_process(&(struct tree_process){.pid = 13, .start = 600, .state = 'Z'});
	tick(7000);
	assert_int_equal(t->ngone, 1);
	assert_int_equal(tick_of(t, 13)->pid, 0);
}

/* A cgroup that empties gives its place to the last one, which is found there from then on. */
/* Two processes in one group: what is killed there is counted once, and from the first look on. */
static void killed(void **state)
{
	(void)state;
	tree_put("fs/cgroup/cgroup.controllers", "memory\n");
	tree_put("fs/cgroup/a.service/memory.current", "4096\n");
	tree_put("fs/cgroup/a.service/memory.events", "max 0\noom 3\noom_kill 3\n");
	for (int i = 0; i < 2; i++)
		tree_process(&(struct tree_process){.pid = 20 + i, .anon = 30, .cgroup = "0::/a.service\n"});
	start((struct mc_sample_config){.sysfs = tree_root});
	tick(1000);
	assert_true(fabs(t->programs[tick_of(t, 20)->program].oom_kills) < 1e-9);
	tree_put("fs/cgroup/a.service/memory.events", "max 0\noom 5\noom_kill 5\n");
	for (int i = 0; i < 12; i++)
		tick(2000 + 1000 * i);
	assert_true(fabs(t->programs[tick_of(t, 20)->program].oom_kills - 2) < 1e-9);
	/* where another program is in it as well nobody knows whose it was */
	mc_sampler_close(s);
	struct mc_selector v[] = {{.name = "a", .comm = "a"}, {.name = "b", .comm = "b"}};
	for (int i = 0; i < 2; i++)
		tree_process(&(struct tree_process){.pid = 20 + i, .anon = 30, .comm = i ? "a" : "b", .cgroup = "0::/a.service\n"});
	start((struct mc_sample_config){.sysfs = tree_root, .nselectors = 2, .selectors = v});
	tick(1000);
	assert_true(isnan(t->programs[0].oom_kills) && isnan(t->programs[1].oom_kills));
}

static void cgroup_goes(void **state)
{
	(void)state;
	char group[64];
	start((struct mc_sample_config){0});
	for (int i = 0; i < 4; i++) {
		snprintf(group, sizeof group, "0::/system.slice/g%d.service\n", i);
		tree_process(&(struct tree_process){.pid = 20 + i, .anon = 30, .cgroup = group});
	}
	tick(1000);
	tree_forget(20);
	tick(2000);
	tree_process(&(struct tree_process){.pid = 29, .start = 900, .anon = 30, .cgroup = "0::/system.slice/new.service\n"});
	tick(3000);
	tree_process(&(struct tree_process){.pid = 30, .start = 900, .anon = 30, .cgroup = group});
	tick(4000);
	assert_int_equal(t->ngroups, 4);
	assert_true(isnan(t->programs[tick_of(t, 30)->program].oom_kills)); /* there is no hierarchy to ask */
	assert_int_equal(tick_of(t, 30)->group, tick_of(t, 23)->group);
	assert_string_equal(t->groups[tick_of(t, 30)->group].unit, "g3.service");
}

static void selectors(void **state)
{
	(void)state;
	struct mc_selector v[] = {{.name = "logic-${role}", .comm = "w", .cmdline = "--role=(?<role>\\w+)", .user = "1000"}};
	struct mc_sample_config c = {.procfs = tree_root, .nselectors = 1, .selectors = v, .max_processes = 2};
	tree_process(&(struct tree_process){.pid = 10, .anon = 30});
	tree_process(&(struct tree_process){.pid = 11, .ppid = 10, .anon = 30, .comm = "child"});
	tree_process(&(struct tree_process){.pid = 12, .ppid = 11, .anon = 30, .comm = "grandchild"});
	tree_process(&(struct tree_process){.pid = 13, .anon = 30, .comm = "other"});
	start(c);
	tick(0);
	assert_int_equal(t->nprocesses, 2);
	assert_int_equal(t->left_out_processes, 1);
	assert_string_equal(tick_program(t, 11), "logic-mail");
	c.max_processes = 1; /* a lower limit holds for those that are there */
	assert_int_equal(mc_sampler_reconfigure(s, &c, &err), 0);
	tick(0);
	assert_int_equal(t->nprocesses, 1);
	assert_int_equal(t->left_out_processes, 1);
	assert_int_equal(t->ngone, 1);
	c.max_processes = 2;
	assert_int_equal(mc_sampler_reconfigure(s, &c, &err), 0);
	tick(0);
	assert_int_equal(t->nprocesses, 2);
	tree_forget(11);
	tick(0);
	tick(0);
	assert_int_equal(t->left_out_processes, 0);
	v[0].cmdline = "(";
	struct mc_sampler *none = NULL;
	assert_int_equal(mc_sampler_open(&c, &none, &err), MC_EUSAGE);
	assert_non_null(strstr(err.text, "("));
}

/* First match wins; a child stays when its parent has gone; a parent may have the larger pid. */
static void families(void **state)
{
	(void)state;
	struct mc_selector v[] = {{.name = "long", .comm = "a-name-of-more-than-15"}, {.name = "first", .comm = "[vw]"}, {.name = "second", .user = "1000", .comm = "w"}, {.name = "u-${user}", .user = "4000123"},
				  {.name = "c-${container}-${pod}", .cgroup = "/kubepods*"}, {.name = "${exe}", .unit = "web*.service"}};
	tree_process(&(struct tree_process){.pid = 50});
	tree_process(&(struct tree_process){.pid = 20, .ppid = 50, .comm = "child"});
	tree_process(&(struct tree_process){.pid = 19, .ppid = 20, .comm = "grandchild"});
	tree_process(&(struct tree_process){.pid = 60, .comm = "x", .uid = 4000123});
	tree_process(&(struct tree_process){.pid = 70, .comm = "y", .cgroup = "0::/kubepods.slice/kubepods-pod01234567_89ab_cdef_0123_456789abcdef.slice/"
						    "cri-containerd-0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef.scope\n"});
	tree_process(&(struct tree_process){.pid = 80, .comm = "z", .cgroup = "0::/system.slice/web@1.service\n"});
	tree_process(&(struct tree_process){.pid = 90, .comm = "none"});
	tree_process(&(struct tree_process){.pid = 95, .comm = "a-name-of-more-"}); /* as the kernel cuts it */
	start((struct mc_sample_config){.nselectors = 6, .selectors = v});
	tick(0);
	assert_string_equal(tick_program(t, 95), "long");
	assert_string_equal(tick_program(t, 50), "first");
	assert_string_equal(tick_program(t, 20), "first");
	assert_string_equal(tick_program(t, 19), "first");
	assert_true(tick_of(t, 19)->born);
	assert_string_equal(tick_program(t, 60), "u-4000123");
	assert_string_equal(tick_program(t, 70), "c-0123456789ab-01234567-89ab-cdef-0123-456789abcdef");
	assert_string_equal(tick_program(t, 80), "z"); /* no exe in a tree of files: the name of a nameless one */
	assert_int_equal(tick_of(t, 90)->pid, 0);
	uint64_t id = tick_of(t, 20)->id;
	tree_forget(50);
	tree_process(&(struct tree_process){.pid = 20, .ppid = 1, .comm = "child"});
	for (int i = 0; i < 3; i++)
		tick(0);
	assert_int_equal(tick_of(t, 20)->id, id);
	/* a rename is matched again, and is another life in another program */
	tree_process(&(struct tree_process){.pid = 90, .comm = "w"});
	tree_process(&(struct tree_process){.pid = 60, .comm = "w", .uid = 4000123});
	tick(0);
	assert_string_equal(tick_program(t, 90), "first");
	assert_string_equal(tick_program(t, 60), "first");
	assert_true(tick_of(t, 60)->born);
	/* new selectors: matched again, and what has none left goes */
	struct mc_selector only = {.name = "only", .comm = "child"};
	assert_int_equal(mc_sampler_reconfigure(s, &(struct mc_sample_config){.nselectors = 1, .selectors = &only}, &err), 0);
	tick(0);
	assert_string_equal(tick_program(t, 20), "only");
	assert_int_equal(t->nprocesses, 2); /* and the grandchild */
}

/* The limit is on programs that run, not on names ever seen; an index is used again under another id. */
static void program_limit(void **state)
{
	(void)state;
	start((struct mc_sample_config){.max_programs = 1});
	tree_process(&(struct tree_process){.pid = 10, .anon = 30, .comm = "one"});
	tree_process(&(struct tree_process){.pid = 11, .anon = 30, .comm = "two"});
	tick(0);
	assert_int_equal(t->nprocesses, 1);
	assert_int_equal(t->left_out_programs, 1);
	struct mc_buf b = {0};
	mc_sampler_notice(s, &b);
	assert_non_null(strstr(mc_buf_text(&b), "1 programs (1 processes) are left out: sample.max_programs is 1"));
	mc_buf_release(&b);
	tree_forget(10);
	tick(0);
	tick(0);
	assert_int_equal(tick_of(t, 11)->pid, 11);
	assert_int_equal(t->left_out_programs, 0);
	tree_process(&(struct tree_process){.pid = 12, .anon = 30, .comm = "three"});
	tree_process(&(struct tree_process){.pid = 13, .anon = 30, .comm = "two"});
	struct mc_sample_config c = {.procfs = tree_root, .sysfs = tree_root, .max_programs = 2};
	assert_int_equal(mc_sampler_reconfigure(s, &c, &err), 0);
	tick(0);
	assert_int_equal(t->nprocesses, 3);
	c.max_programs = 1; /* a lower limit holds for those that are there */
	assert_int_equal(mc_sampler_reconfigure(s, &c, &err), 0);
	tick(0);
	assert_int_equal(t->nprocesses, 2);
	assert_int_equal(t->left_out_programs, 1);
	assert_string_equal(tick_program(t, 13), "two");
	tree_forget(12);
	tree_forget(13);
	tick(0);
	tick(0);
	uint64_t largest = 0;
	for (int i = 0; i < 40; i++) {
		char comm[16];
		snprintf(comm, sizeof comm, "name%d", i);
		tree_forget(11);
		tick(0);
		tick(0);
		tree_process(&(struct tree_process){.pid = 11, .anon = 30, .comm = comm, .start = 1000 + i});
		tick(0);
		assert_string_equal(tick_program(t, 11), comm);
		assert_true(t->programs[tick_of(t, 11)->program].id > largest);
		largest = t->programs[tick_of(t, 11)->program].id;
		assert_true(t->nprograms <= 16);
	}
}

/* exec shows by the size of the code where the stack may not be seen. */
static void other_code(void **state)
{
	(void)state;
	start((struct mc_sample_config){0});
	tree_process(&(struct tree_process){.pid = 10, .anon = 30});
	tick(1000);
	tick(2000);
	uint64_t id = tick_of(t, 10)->id;
	assert_false(tick_of(t, 10)->born);
	tree_put("10/statm", "100 30 0 77 0 9 0\n");
	tick(3000);
	assert_true(tick_of(t, 10)->born && tick_of(t, 10)->id > id && tick_of(t, 10)->start_ms == 3000);
	assert_int_equal(t->ngone, 1);
	tick(4000);
	assert_true(!tick_of(t, 10)->born && tick_of(t, 10)->start_ms == 3000);
}

/* A name that changes all the time is followed for a while only. */
static void renames(void **state)
{
	(void)state;
	start((struct mc_sample_config){0});
	uint64_t lives = 0;
	for (int i = 0; i < 40; i++) {
		tree_process(&(struct tree_process){.pid = 10, .comm = i % 2 ? "odd" : "even"});
		tick(i);
		lives += tick_of(t, 10)->born;
	}
	assert_int_equal((int)lives, 9);
}

static double cpu_of(int64_t pid)
{
	return t->programs[tick_of(t, pid)->program].cpu_seconds * (double)sysconf(_SC_CLK_TCK);
}

/* Counters begin with the sampler, take in what is born later whole, and do not fall when one ends. */
static void counters(void **state)
{
	(void)state;
	tree_process(&(struct tree_process){.pid = 10, .utime = 1000});
	start((struct mc_sample_config){0});
	tick(2000000);
	assert_true(fabs(cpu_of(10)) < 1e-9);
	tree_process(&(struct tree_process){.pid = 10, .utime = 1040});
	tree_process(&(struct tree_process){.pid = 11, .utime = 100, .start = (int)(1001 * sysconf(_SC_CLK_TCK))});
	tick(2010000);
	assert_true(fabs(cpu_of(10) - 40 - 160) < 1e-9); /* 60 of system time each */
	tree_forget(11);
	tick(2020000);
	assert_true(fabs(cpu_of(10) - 200) < 1e-9);
	const struct mc_program_name *p = &t->programs[tick_of(t, 10)->program];
	assert_true(isnan(p->io_read_bytes) && isnan(p->net_rx_bytes) && isnan(p->sockets));
	tree_put("10/io", "rchar: 1\nread_bytes: 4096\nwrite_bytes: 8192\n");
	tick(2030000);
	tree_put("10/io", "rchar: 1\nread_bytes: 8192\nwrite_bytes: 8192\n");
	tick(2040000);
	p = &t->programs[tick_of(t, 10)->program];
	assert_true(fabs(p->io_read_bytes - 4096) < 1e-9 && fabs(p->io_write_bytes) < 1e-9);
}

/* Swap that goes out is no fall of memory: it moves from one figure to the other in the same tick. */
static void swap_out(void **state)
{
	(void)state;
	uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
	tree_process(&(struct tree_process){.pid = 10, .anon = 300, .file = 10});
	start((struct mc_sample_config){0});
	tick(0);
	assert_true(tick_of(t, 10)->anon + tick_of(t, 10)->swap == 300 * page);
	tree_process(&(struct tree_process){.pid = 10, .anon = 100, .file = 10, .swap_kb = (int)(200 * page / 1024)});
	tree_put("vmstat", "pswpin 5\npswpout 206\noom_kill 1\n");
	tick(1000);
	assert_true(tick_of(t, 10)->anon == 100 * page && tick_of(t, 10)->anon + tick_of(t, 10)->swap == 300 * page);
}

/* The trees of tests/fixtures: a host with cgroup v2 and swap, and one with v1. */
static void open_fixture(const char *name)
{
	static char proc[512], sys[512];
	const char *dir = getenv("MC_FIXTURES");
	assert_non_null(dir);
	snprintf(proc, sizeof proc, "%s/sample/%s/proc", dir, name);
	snprintf(sys, sizeof sys, "%s/sample/%s/sys", dir, name);
	assert_int_equal(mc_sampler_open(&(struct mc_sample_config){.procfs = proc, .sysfs = sys}, &s, &err), 0);
}

static const struct mc_group *group_of(int64_t pid)
{
	const struct mc_process *p = tick_of(t, pid);
	assert_true(p->pid == pid && p->group < t->ngroups);
	return &t->groups[p->group];
}

static bool is(double a, double b)
{
	return fabs(a - b) < 1e-6;
}

static void cgroup2(void **state)
{
	(void)state;
	open_fixture("v2");
	tick(1770000000000);
	assert_int_equal(t->nprocesses, 4);
	assert_int_equal(t->ngroups, 3);
	const struct mc_group *g = group_of(101);
	assert_true(g->version == 2 && g->processes == 2 && is(g->current, 314572800) && is(g->swap_current, 10485760));
	assert_true(is(g->max, 536870912)); /* its own is "max", its slice's is not */
	assert_true(is(g->reclaimable, 41943040) && is(g->oom_kill, 1) && is(g->oom, 2) && is(g->limit_hits, 77) && is(g->psi_some, 0.1234));
	assert_string_equal(g->unit, "logic.service");
	assert_string_equal(tick_program(t, 101), "logic");
	assert_true(tick_of(t, 101)->group == tick_of(t, 102)->group);
	const struct mc_program_name *p = &t->programs[tick_of(t, 101)->program];
	assert_true(is(p->memory_limit, 536870912) && is(p->memory_room, 536870912 - 314572800 + 41943040));
	assert_int_equal(p->limit_group, tick_of(t, 101)->group);
	assert_true(is(p->memory_limit_total, 536870912));
	assert_true(is(p->memory_pressure, 0.1234) && is(p->oom_kills, 0)); /* what was killed before is not of this run */
	g = group_of(103);
	assert_string_equal(g->pod, "8f2e5c1a-1b2c-4d3e-9f00-112233445566");
	assert_string_equal(g->container, "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef");
	assert_true(is(g->max, 268435456) && is(g->swap_max, 0));
	assert_string_equal(tick_program(t, 103), "node"); /* an id ends with the container: the name is the program's */
	/* in the root's group nothing but the host limits it */
	p = &t->programs[tick_of(t, 104)->program];
	assert_true(is(p->memory_limit, (16429836.0 + 2097148.0) * 1024) && p->limit_group == MC_NO_GROUP);
	/* the incident's host, in a sentence */
	struct mc_host before = t->host;
	struct mc_buf b = {0};
	before.swapin_pages -= 1610;
	mc_host_meaning(&before, &t->host, 10, 0.03, &b);
	assert_string_equal(mc_buf_text(&b), "27 processes blocked, 644 KiB/s swapped in, 99 % of memory in use: memory is short; requests +3 %");
	mc_buf_release(&b);
}

static void cgroup1(void **state)
{
	(void)state;
	open_fixture("v1");
	tick(1770000000000);
	const struct mc_group *g = group_of(201);
	assert_true(g->version == 1 && is(g->current, 104857600) && is(g->max, 209715200) && is(g->limit_hits, 5) && is(g->oom_kill, 3));
	assert_true(is(g->reclaimable, 3000000) && is(g->swap_current, 4096) && is(g->swap_max, 104857600));
	assert_string_equal(tick_program(t, 201), "web"); /* systemd's hierarchy names it */
	g = group_of(202);
	assert_true(isinf(g->max) && isnan(g->psi_some));
	assert_string_equal(tick_program(t, 202), "guest1"); /* a container with a name */
	assert_int_equal(tick_of(t, 203)->group, MC_NO_GROUP);
}

/* A process with a proportional size and so many libraries. */
static void costly_process(int pid, const char *comm, int libraries)
{
	static char maps[64 * 1024];
	char path[64], exe[128];
	size_t n = 0;
	tree_process(&(struct tree_process){.pid = pid, .anon = 30, .comm = comm});
	snprintf(path, sizeof path, "%d/smaps_rollup", pid);
	tree_put(path, "5-6 ---p 0 0:0 0 [rollup]\nRss: 90 kB\nPss: 80 kB\nPss_Dirty: 1 kB\nPrivate_Clean: 2 kB\nPrivate_Dirty: 3 kB\n");
	for (int i = 0; i < libraries; i++)
		n += (size_t)snprintf(maps + n, sizeof maps - n, "7f%06x000-7f%06x000 r-xp 00000000 08:01 %d                /usr/lib/libsomething%d.so.1\n", 2 * i,
			2 * i + 1, 100000 * pid + i, i);
	snprintf(path, sizeof path, "%d/maps", pid);
	tree_put(path, maps);
	snprintf(exe, sizeof exe, "%s/%d/exe", tree_root, pid);
	assert_int_equal(symlink("stat", exe), 0);
}

static void in_namespace(int pid, const char *of)
{
	char from[128], path[128];
	tree_process(&(struct tree_process){.pid = pid, .comm = pid < 30 ? "inside" : "another"});
	snprintf(path, sizeof path, "%d/ns/x", pid);
	tree_put(path, "");
	snprintf(from, sizeof from, "%s/%s", tree_root, of);
	snprintf(path, sizeof path, "%s/%d/ns/net", tree_root, pid);
	assert_int_equal(link(from, path), 0);
}

static double sent_after(int bytes)
{
	tree_putf("20/net/dev", "  eth0: 5 1 0 0 0 0 0 0 %d 2 0 0 0 0 0 0\n", bytes);
	tick(0);
	return t->programs[tick_of(t, 20)->program].net_tx_bytes;
}

/* Traffic is a program's only while it is known that nobody else is in its namespace. */
static void namespaces(void **state)
{
	(void)state;
	tree_put("self/ns/net", "");
	tree_put("inner", "");
	in_namespace(20, "inner");
	in_namespace(30, "self/ns/net");
	start((struct mc_sample_config){0});
	assert_true(is(sent_after(1000), 0));
	assert_true(is(sent_after(1500), 500));
	tree_process(&(struct tree_process){.pid = 31, .comm = "another"}); /* which one it is in may not be read */
	assert_true(is(sent_after(1600), 500));
	tree_forget(31);
	assert_true(is(sent_after(1700), 700));
	in_namespace(32, "inner");
	assert_true(isnan(sent_after(1800)));
	tree_forget(32);
	assert_true(is(sent_after(1900), 0));
	in_namespace(21, "inner"); /* of the same program */
	tree_put("21/net/dev", "  eth0: 5 1 0 0 0 0 0 0 2000 2 0 0 0 0 0 0\n");
	assert_true(is(sent_after(2000), 100));
	mc_sampler_close(s);
	s = NULL;
	tree_process(&(struct tree_process){.pid = 31, .comm = "another"});
	start((struct mc_sample_config){0});
	assert_true(isnan(sent_after(2100)));
}

/* Libraries of hundreds of processes take all that may be spent for minutes; small programs have their proportional size
 * by then all the same, and a large one has not taken it from them. */
static void first_figures(void **state)
{
	(void)state;
	enum { MANY = 300, SMALL = 8 };
	char name[16];
	for (int i = 0; i < MANY; i++)
		costly_process(100 + i, "many", 250);
	for (int i = 0; i < SMALL; i++) {
		snprintf(name, sizeof name, "small%d", i);
		costly_process(1000 + i, name, 250);
	}
	start((struct mc_sample_config){.pss_cpu = 0.0001});
	int64_t now = 100000000;
	size_t libraries = 0;
	for (int i = 0; i < 7; i++)
		tick(now += 10000);
	for (int i = 0; i < SMALL; i++)
		assert_true(tick_of(t, 1000 + i)->pss == 80 * 1024);
	for (int i = 0; i < MANY; i++)
		libraries += tick_of(t, 100 + i)->libraries != NULL;
	assert_true(libraries < MANY); /* there was a choice to make */
	assert_true(libraries > 0);    /* and it was not all for one */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(kinds, begin, end),         cmocka_unit_test_setup_teardown(selectors, begin, end),
		cmocka_unit_test_setup_teardown(families, begin, end),      cmocka_unit_test_setup_teardown(program_limit, begin, end),
		cmocka_unit_test_setup_teardown(renames, begin, end),       cmocka_unit_test_setup_teardown(other_code, begin, end),
		      cmocka_unit_test_setup_teardown(counters, begin, end),
		cmocka_unit_test_setup_teardown(first_figures, begin, end), cmocka_unit_test_setup_teardown(namespaces, begin, end),
		cmocka_unit_test_setup_teardown(swap_out, begin, end),      cmocka_unit_test_setup_teardown(cgroup2, begin, end),
		cmocka_unit_test_setup_teardown(cgroup1, begin, end),       cmocka_unit_test_setup_teardown(cgroup_goes, begin, end), cmocka_unit_test_setup_teardown(killed, begin, end),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
