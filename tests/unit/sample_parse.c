/* The parsers of the sample stage: texts of /proc and of cgroups, whole, cut and hostile. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <linux/genetlink.h>
#include <linux/netlink.h>
#include <linux/taskstats.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>

#include "exits.h"
#include "memculprit/sample.h"
#include "parse.h"

#define ID "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define LEN(s) (s), (sizeof(s) - 1)

static bool near(double a, double b)
{
	return fabs(a - b) < 1e-9;
}

static void stat_line(void **state)
{
	(void)state;
	struct sm_stat t;
	assert_true(sm_parse_stat(LEN("7 (a) (b\n) S 1 1 1 0 -1 4194304 1 2 3 4 5 6 7 8 20 0 9 0 99 4096 1 1 1 1 140721 0"), &t));
	assert_string_equal(t.comm, "a) (b\n");
	assert_true(t.state == 'S' && t.ppid == 1 && t.flags == 4194304 && t.minflt == 1 && t.majflt == 3 && t.utime == 5 && t.stime == 6);
	assert_true(t.threads == 9 && t.start == 99 && t.vsize == 4096 && t.stack == 140721);
	assert_false(sm_parse_stat(LEN("7 (cut"), &t));
	assert_false(sm_parse_stat(LEN("7 (cut) S 1 1"), &t));
	assert_false(sm_parse_stat(LEN(""), &t));
}

static void status_and_statm(void **state)
{
	(void)state;
	struct sm_status u;
	struct sm_statm m;
	assert_true(sm_parse_status(LEN("Name:\ta\\nb\\\\RssAnon\nUid:\t7\t0\nRssAnon:\t  12 kB\nRssAnonX:\t1 kB\n"), &u));
	assert_string_equal(u.comm, "a\nb\\RssAnon");
	assert_true(u.has_rss && u.anon == 12288 && u.uid == 7 && u.switches == UINT64_MAX);
	/* a name cannot play a field: its newline is escaped by the kernel */
	assert_true(sm_parse_status(LEN("Name:\tx\\nVmSwap:\t99\nVmSwap:\t1 kB\n"), &u));
	assert_true(u.swap == 1024 && !u.has_rss);
	assert_false(sm_parse_status(LEN("Nam"), &u));
	assert_true(sm_parse_statm(LEN("100 50 20 3 0 9 0\n"), &m));
	assert_true(m.size == 100 && m.resident == 50 && m.shared == 20 && m.text == 3);
	assert_false(sm_parse_statm(LEN("1 2"), &m));
	assert_false(sm_parse_statm(LEN("1 2 3 4"), &m)); /* more shared than resident */
	assert_false(sm_parse_statm(LEN("1 99999999999999999999999 3"), &m));
}

static void groups(void **state)
{
	(void)state;
	struct sm_cgroup c;
	char path[64], name[64], id[65], pod[40];
	static const char v1[] = "12:cpu,memory:/m\n5:cpu:/c\n4:memoryx:/no\n1:name=systemd:/s\n0::/\n";
	assert_true(sm_parse_cgroup(v1, sizeof v1 - 1, path, sizeof path));
	assert_string_equal(path, "/s");
	assert_true(sm_parse_cgroup_memory(v1, sizeof v1 - 1, &c) && c.version == 1);
	assert_string_equal(c.path, "/m");
	assert_true(sm_parse_cgroup_memory(LEN("0::/a/b\n"), &c) && c.version == 2);
	assert_string_equal(c.path, "/a/b");
	assert_false(sm_parse_cgroup_memory(LEN("1:name=systemd:/s\nrubbish\n"), &c));
	static const struct {
		const char *path, *name; /* NULL: none */
	} t[] = {
		{"/system.slice/logic.service", "logic"},
		{"/system.slice/logic@7.service", "logic@7"},
		{"/system.slice/logic.service/worker", "logic"},
		{"/system.slice/docker-" ID ".scope", NULL},
		{"/system.slice/containerd.service/kubepods-burstable-pod1:cri-containerd:" ID, NULL},
		{"/docker/" ID, NULL},
		{"/machine.slice/libpod-" ID ".scope/container", NULL},
		{"/user.slice/user-1000.slice/session-3.scope", NULL},
		{"/user.slice/user-1000.slice/user@1000.service/app.slice/app-firefox-123.scope", NULL},
		{"/user.slice/user-1000.slice/user@1000.service/app.slice/syncthing.service", "syncthing"},
		{"/lxc/web1", "web1"},
		{"/machine.slice/machine-db.scope", "machine-db"},
		{"/system.slice", NULL},
		{"/init.scope", NULL},
		{"/", NULL},
		{"", NULL},
		{"/123", NULL},
	};
	for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
		bool is = sm_group_name(t[i].path, name, sizeof name);
		assert_int_equal(is, t[i].name != NULL);
		if (is)
			assert_string_equal(name, t[i].name);
	}
	assert_true(sm_container("/docker/" ID, id));
	assert_string_equal(id, ID);
	assert_false(sm_container("/docker/" ID "0", id));
	assert_true(sm_pod("/kubepods/besteffort/pod8f2e5c1a-1b2c-4d3e-9f00-112233445566/" ID, pod));
	assert_string_equal(pod, "8f2e5c1a-1b2c-4d3e-9f00-112233445566");
	assert_false(sm_pod("/podman/x", pod));
	assert_true(sm_unit("/a.service/b.service/c", false, name, sizeof name));
	assert_string_equal(name, "b.service");
	assert_false(sm_unit("/a.service", true, name, 1));
}

static void figures(void **state)
{
	(void)state;
	double avg, total;
	struct sm_net net;
	uint64_t pss, uss;
	static const char psi[] = "some avg10=12.34 avg60=1.00 avg300=0.00 total=1500000\nfull avg10=0.10 avg60=0 avg300=0 total=7\n";
	sm_parse_pressure(psi, sizeof psi - 1, "some", &avg, &total);
	assert_true(near(avg, 0.1234) && near(total, 1.5));
	sm_parse_pressure(psi, sizeof psi - 1, "full", &avg, &total);
	assert_true(near(avg, 0.001) && near(total, 7e-6));
	sm_parse_pressure(LEN("full avg10="), "full", &avg, &total);
	assert_true(isnan(avg) && isnan(total));
	assert_true(sm_parse_net(LEN("Inter-|\n face |bytes\n    lo: 1 1 0 0 0 0 0 0 1 1 0\n  eth0:100 2 0 0 0 0 0 0 300 4 0\neth0:1: 1 1 0 0 0 0 0 0 1 1 0\n"), &net));
	assert_true(near(net.rx_bytes, 101) && near(net.rx_packets, 3) && near(net.tx_bytes, 301) && near(net.tx_packets, 5));
	assert_false(sm_parse_net(LEN("  eth0: 1 2 3\n"), &net));
	assert_true(sm_parse_rollup(LEN("5-6 ---p 0 0:0 0 [rollup]\nRss: 9 kB\nPss: 8 kB\nPss_Dirty: 1 kB\nPrivate_Clean: 2 kB\nPrivate_Dirty: 3 kB\n"), &pss, &uss));
	assert_true(pss == 8192 && uss == 5120);
	assert_false(sm_parse_rollup(LEN("Pss: 8 kB\n"), &pss, &uss));
}

static void mappings(void **state)
{
	(void)state;
	struct sm_mapping m;
	assert_true(sm_parse_mapping(LEN("7f00-7fff r-xp 00001000 fe:01 1234                       /usr/lib/a b.so (deleted)"), &m));
	assert_true(m.exec && m.deleted && m.ino == 1234 && m.dev == makedev(0xfe, 1));
	assert_int_equal(m.path_len, strlen("/usr/lib/a b.so"));
	assert_true(sm_parse_mapping(LEN("7f00-7fff r--p 00001000 fe:01 1234 /x"), &m));
	assert_true(!m.exec && !m.deleted);
	assert_false(sm_parse_mapping(LEN("7f00-7fff rw-p 00000000 00:00 0                          [heap]"), &m));
	assert_false(sm_parse_mapping(LEN("7f00-7fff rw-p 00000000 00:00 0 "), &m));
	assert_false(sm_parse_mapping(LEN("7f00-7fff rw"), &m));
	static const char mounts[] = "21 1 0:5 / / rw - ext4 /dev/x rw\n25 21 0:23 / /proc rw shared:5 - proc proc rw,gid=4,hidepid=invisible\n"
				     "26 21 0:24 / /procx rw - proc proc rw,hidepid=1\n";
	assert_int_equal(sm_parse_hidepid(mounts, sizeof mounts - 1, "/proc"), 2);
	assert_int_equal(sm_parse_hidepid(mounts, sizeof mounts - 1, "/procx"), 1);
	assert_int_equal(sm_parse_hidepid(mounts, sizeof mounts - 1, "/"), 0);
}

static char *put(char *at, uint16_t type, const void *data, size_t n)
{
	struct nlattr a = {.nla_type = type, .nla_len = (uint16_t)(NLA_HDRLEN + n)};
	memcpy(at, &a, sizeof a);
	memcpy(at + NLA_HDRLEN, data, n);
	return at + NLA_ALIGN(a.nla_len);
}

static void exit_record(void **state)
{
	(void)state;
	struct taskstats t = {.version = 12, .ac_pid = 77, .ac_tgid = 77, .ac_ppid = 5, .ac_uid = 3, .ac_etime = 2500000, .hiwater_rss = 2048,
			      .ac_utime = 1500000, .ac_stime = 500000, .ac_comm = "short"};
	char inner[1024], msg[1200] = {0}, *at;
	struct genlmsghdr g = {.cmd = TASKSTATS_CMD_NEW};
	uint32_t pid = 77;
	struct sm_exit e;
	at = put(inner, TASKSTATS_TYPE_PID, &pid, sizeof pid);
	at = put(at, TASKSTATS_TYPE_STATS, &t, sizeof t);
	memcpy(msg, &g, sizeof g);
	size_t n = (size_t)(put(msg + GENL_HDRLEN, TASKSTATS_TYPE_AGGR_PID, inner, (size_t)(at - inner)) - msg);
	assert_true(sm_parse_exit(msg, n, &e));
	assert_true(e.pid == 77 && e.ppid == 5 && e.uid == 3 && e.peak_bytes == 2048 * 1024 && near(e.cpu_seconds, 2));
	assert_string_equal(e.comm, "short");
	for (size_t i = 0; i < n; i += 3) { /* cut anywhere: never read past the end, never a record of zeros */
		char *cut = malloc(i + 1);
		assert_non_null(cut);
		memcpy(cut, msg, i);
		assert_false(sm_parse_exit(cut, i, &e));
		free(cut);
	}
	t.ac_tgid = 76; /* a thread of it */
	at = put(put(inner, TASKSTATS_TYPE_PID, &pid, sizeof pid), TASKSTATS_TYPE_STATS, &t, sizeof t);
	put(msg + GENL_HDRLEN, TASKSTATS_TYPE_AGGR_PID, inner, (size_t)(at - inner));
	assert_false(sm_parse_exit(msg, n, &e));
}

static const char *meaning(const struct mc_host *before, const struct mc_host *now, double requests)
{
	static char text[256];
	struct mc_buf b = {0};
	mc_host_meaning(before, now, 10, requests, &b);
	snprintf(text, sizeof text, "%s", mc_buf_text(&b));
	mc_buf_release(&b);
	return text;
}

static void host_sentences(void **state)
{
	(void)state;
	double none = (double)NAN;
	struct mc_host before = {.iowait_ratio = none, .psi_memory_some = none};
	struct mc_host now = {.blocked = 27, .swapin_pages = 1610, .iowait_ratio = 0.52, .psi_memory_some = none, .mem_total = 100, .mem_available = 50};
	assert_string_equal(meaning(&before, &now, none), "27 processes blocked, 644 KiB/s swapped in, iowait 52 %: memory is short");
	assert_string_equal(meaning(&before, &now, 0.03),
		"27 processes blocked, 644 KiB/s swapped in, iowait 52 %: memory is short; requests +3 %");
	now.swapin_pages = 0;
	assert_string_equal(meaning(&before, &now, -0.5), "27 processes blocked, iowait 52 %: waiting for disks, not for memory; requests -50 %");
	now.blocked = 1;
	now.iowait_ratio = 0.01;
	assert_string_equal(meaning(NULL, &now, none), "1 process blocked, iowait 1 %: memory is not short");
	now.swapout_pages = 1000; /* what nobody uses is swapped out, and there is memory */
	assert_string_equal(meaning(&before, &now, none), "1 process blocked, 400 KiB/s swapped out, iowait 1 %: memory is not short");
	now.mem_available = 3;
	assert_string_equal(meaning(&before, &now, none), "1 process blocked, 400 KiB/s swapped out, iowait 1 %, 97 % of memory in use: memory is short");
	now.oom_kills = 1;
	assert_non_null(strstr(meaning(&before, &now, none), "the kernel killed a process for want of memory"));
	now = (struct mc_host){.iowait_ratio = none, .psi_memory_some = none};
	assert_string_equal(meaning(NULL, &now, none), "0 processes blocked: how much memory there is is not known");
	now = (struct mc_host){.iowait_ratio = none, .psi_memory_some = 0.2, .mem_total = 100, .mem_available = 50};
	assert_string_equal(meaning(NULL, &now, none), "0 processes blocked: memory is short");
}

static void load_pages(void **state)
{
	(void)state;
	double v;
	static const char page[] = "# TYPE r counter\nr{a=\"}\"} 1 123\nr{b=\"\\\"\"} 2\nrr 9\nr x\nr NaN\n";
	assert_int_equal(mc_load_parse(page, sizeof page - 1, "r", &v, NULL), 0);
	assert_true(near(v, 3));
	assert_int_equal(mc_load_parse(page, sizeof page - 1, "q", &v, NULL), MC_ENOTFOUND);
	assert_int_equal(mc_load_parse(LEN("r{"), "r", &v, NULL), MC_ENOTFOUND);
	assert_int_equal(mc_load_parse(LEN("r 1"), "", &v, NULL), MC_ENOTFOUND);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(stat_line), cmocka_unit_test(status_and_statm), cmocka_unit_test(groups),
		cmocka_unit_test(figures),   cmocka_unit_test(mappings),         cmocka_unit_test(exit_record),
		cmocka_unit_test(host_sentences), cmocka_unit_test(load_pages),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
