/* The configuration: what is taken, and for everything wrong the line, the column and what to do. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "memculprit/app.h"

static char path[] = "/tmp/mc-config-XXXXXX";

static void put(const char *text, size_t len)
{
	FILE *f = fopen(path, "we");
	assert_non_null(f);
	assert_int_equal(fwrite(text, 1, len, f), len);
	fclose(f);
}

static struct mc_config read_ok(const char *text)
{
	struct mc_config c;
	struct mc_error err = { 0 };
	put(text, strlen(text));
	int rc = mc_config_read(path, &c, NULL, &err);
	if (rc != 0)
		fail_msg("%s: %s", text, err.text);
	return c;
}

/* Each line of `want` begins an error, in this order, after the file's name. */
static void expect(const char *text, size_t len, const char *want)
{
	struct mc_config c;
	struct mc_error err = { 0 };
	struct mc_buf errors = { 0 };
	put(text, len);
	assert_int_equal(mc_config_read(path, &c, &errors, &err), MC_EUSAGE);
	const char *got = mc_buf_text(&errors);
	assert_int_equal(strncmp(got, err.text, strlen(err.text)), 0);
	while (*want) {
		size_t n = strcspn(want, "\n"), m = strcspn(got, "\n"), skip = strlen(path) + 1;
		if (m < skip || strncmp(got, path, skip - 1) != 0 || strncmp(got + skip, want, n) != 0)
			fail_msg("want %.*s\ngot %.*s", (int)n, want, (int)m, got);
		want += n + (want[n] == '\n');
		got += m + (got[m] == '\n');
	}
	assert_string_equal(got, "");
	mc_buf_release(&errors);
}

static void bad(const char *text, const char *want)
{
	expect(text, strlen(text), want);
}

static void empty_is_defaults(void **state)
{
	static const char *const texts[] = { "", "# nothing\n", "---\n", "~", "sample:\nstore: ~\nweb: {}\nprograms: []\n", "sample: {interval: }\n" };
	(void)state;
	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
		struct mc_config c = read_ok(texts[i]);
		assert_int_equal(c.interval_ms, 10000);
		assert_int_equal(c.max_programs, 200);
		assert_int_equal(c.max_processes, 2000);
		assert_int_equal(c.keep_ms, 30LL * 86400000);
		assert_int_equal(c.quota_bytes, 1 << 30);
		assert_int_equal(c.nlisten, 1);
		assert_string_equal(c.listen[0], "127.0.0.1:10187");
		assert_int_equal(c.nprograms, 0);
		assert_null(c.socket);
		mc_config_release(&c);
	}
}

static void whole(void **state)
{
	(void)state;
	struct mc_config c = read_ok(
		"sample: {interval: 250ms, pss: off, max_programs: 7, max_processes: 9}\n"
		"store: {path: /x/m.db, keep: 10d, keep_hourly: 1y, quota: 64MiB}\n"
		"web: {listen: [\"127.0.0.1:1\", \"[::1]:0\", \":2\"], socket: sub/m.sock, per_process: yes}\n"
		"programs:\n"
		"  - name: logic-${role}\n"
		"    match: {comm: logic_worker, cmdline: \"--role=(?<role>\\\\w+)\", user: root, unit: \"logic@*.service\", exe: /srv/*, cgroup: /a*}\n"
		"    repository: /srv/git/logic\n"
		"    tags: \"v*\"\n"
		"    load: {url: \"http://127.0.0.1:8080/metrics\", metric: http_requests_total}\n"
		"  - {name: '10', match: {comm: ten}, load: {file: /run/ten.prom, metric: m}}\n");
	assert_string_equal(c.file, path);
	assert_int_equal(c.interval_ms, 250);
	assert_int_equal(c.pss, MC_PSS_OFF);
	assert_int_equal(c.max_programs, 7);
	assert_int_equal(c.max_processes, 9);
	assert_string_equal(c.store_path, "/x/m.db");
	assert_int_equal(c.keep_ms, 864000000);
	assert_int_equal(c.quota_bytes, 64 << 20);
	assert_int_equal(c.nlisten, 3);
	assert_string_equal(c.listen[1], "[::1]:0");
	assert_string_equal(c.socket, "/tmp/sub/m.sock"); /* relative to the file */
	assert_true(c.per_process);
	assert_int_equal(c.nprograms, 2);
	assert_string_equal(c.programs[0].match.cmdline, "--role=(?<role>\\w+)");
	assert_string_equal(c.programs[0].match.exe, "/srv/*");
	assert_string_equal(c.programs[0].tags, "v*");
	assert_string_equal(c.programs[0].load_metric, "http_requests_total");
	assert_string_equal(c.programs[1].load_file, "/run/ten.prom");
	assert_ptr_equal(mc_config_program(&c, "10"), &c.programs[1]);
	assert_ptr_equal(mc_config_program(&c, "logic-mail"), &c.programs[0]);
	assert_null(mc_config_program(&c, "logi"));
	mc_config_release(&c);
}

static void keys(void **state)
{
	(void)state;
	bad("sampel: {}\n", "1:1: configuration: unknown key 'sampel'; did you mean 'sample'?");
	bad("foo: 1\n", "1:1: configuration: unknown key 'foo'; there are: sample, store, web, programs");
	bad("sample:\n  intervall: 1s\n", "2:3: sample: unknown key 'intervall'; did you mean 'interval'?");
	bad("sample: {interval: 1s, interval: 2s}\n", "1:24: sample: 'interval' is there twice, first in line 1; remove one");
	bad("store: {keep: 1d}\nstore: {keep: 2d}\n", "2:1: configuration: 'store' is there twice, first in line 1");
	bad("- sample\n", "1:1: here belong the keys");
	bad("sample\n", "1:1: here belong the keys");
	bad("sample: [1]\n", "1:9: sample: here belongs a map");
	bad("? [a, b]\n: c\n", "1:3: a key has to be a name");
}

static void values(void **state)
{
	(void)state;
	bad("sample: {interval: 10}\n", "1:20: interval: '10' is not a duration; give a number with a unit");
	bad("sample: {interval: 1ms}\n", "1:20: interval: 1ms is out of range; give one from 50ms to 5min");
	bad("sample: {interval: 6m}\n", "1:20: interval: 6m is out of range");
	bad("sample: {max_programs: 0, max_processes: many}\n", "1:24: max_programs: 0 is out of range; give one from 1 to 10000\n"
		"1:42: max_processes: 'many' is not a whole number");
	bad("sample: {max_programs: -1}\n", "1:24: max_programs: '-1' is not a whole number");
	bad("sample: {pss: sometimes}\n", "1:15: pss: 'sometimes' is not known; give auto, on or off");
	bad("store: {quota: 1}\n", "1:16: quota: 1 is out of range; give one from 1MiB to 1024TiB");
	bad("store: {quota: big}\n", "1:16: quota: 'big' is not a size; give bytes");
	bad("store: {path: ''}\n", "1:15: path: an empty text");
	bad("store: {path: [a]}\n", "1:15: path: a list stands here; give one value");
	bad("web: {per_process: \"true\"}\n", "1:20: per_process: 'true' is neither true nor false");
	bad("web: {listen: []}\n", "1:15: listen: give a list of addresses");
	bad("web: {listen: {a: b}}\n", "1:15: listen: give a list of addresses");
	bad("web: {listen: [localhost]}\n", "1:16: listen: 'localhost' is no address; give host:port");
	bad("web: {listen: [\"::1:80\", \"a:70000\", \"[::1]:80\"]}\n", "1:16: listen: '::1:80'\n1:26: listen: 'a:70000'");
}

static void programs(void **state)
{
	(void)state;
	bad("programs: {name: x}\n", "1:11: programs: here belongs a list");
	bad("programs: [x]\n", "1:12: programs: an entry is a map");
	bad("programs:\n  - match: {comm: x}\n", "2:5: programs: an entry without a name");
	bad("programs:\n  - name: x\n", "2:5: programs: no 'match'");
	bad("programs:\n  - {name: x, match: {}}\n", "2:22: match: nothing is asked for");
	bad("programs:\n  - {name: x, match: {com: y}}\n", "2:23: match: unknown key 'com'; did you mean 'comm'?");
	bad("programs:\n  - name: x\n    match:\n      cmdline: '('\n", "4:16: cmdline: pattern (, at character");
	bad("programs:\n  - name: 'x-${rolle}'\n    match:\n      cmdline: '(?<role>a)'\n", "2:11: name: ${rolle} stands for nothing");
	bad("programs:\n  - name: 'x-\\2'\n    match:\n      cmdline: '(a)'\n", "2:11: name: \\2 stands for nothing: cmdline has 1 group");
	bad("programs:\n  - name: 'x-\\1'\n    match: {comm: x}\n", "2:11: name: \\1 stands for nothing: cmdline has 0 groups");
	bad("programs:\n  - {name: x, match: {user: nobody-has-this-name}}\n", "2:29: user: no user nobody-has-this-name on this host");
	bad("programs:\n  - {name: x, match: {comm: y}, load: {url: ftp://x, metric: m}}\n", "2:45: url: 'ftp://x' is not supported");
	bad("programs:\n  - {name: x, match: {comm: y}, load: {url: http://x}}\n", "2:39: load: no metric");
	bad("programs:\n  - {name: x, match: {comm: y}, load: {metric: m}}\n", "2:39: load: neither url nor file");
	bad("programs:\n  - {name: x, match: {comm: y}, load: {url: http://x, file: /x, metric: m}}\n", "2:39: load: both url and file");
}

static void syntax(void **state)
{
	(void)state;
	/* where the brace is that has no end, and where its end is missed */
	bad("sample: {interval: 10s\nstore: {}\n", "1:9: this '{' is not closed: put the '}', or a ',' that is missing, before line 2, column 6");
	bad("# a\nsample: {interval: 10s,\n\n", "2:9: this '{' is not closed: put the '}', or a ',' that is missing, before line 4, column 1");
	bad("web: {listen: [\"127.0.0.1:1\"}\n", "1:15: this '[' is not closed: put the ']'");
	bad("programs:\n  - name: \"x\n    match: {}\n", "2:11: this quote is not closed");
	bad("sample:\n\tinterval: 1s\n", "2:1: while scanning for the next token: found character that cannot start any token; a tab");
	bad("sample:\n  interval: 1s\n pss: on\n", "3:2: ");
	bad("a: b\n---\nc: d\n", "2:1: a second document");
	bad("sample: *none\n", "1:9: an alias of something");
	bad("a: &x [*x]\n", "1:8: an alias of something"); /* a ring */
	expect("store: {path: a\xff}\n", 18, "1:16: invalid leading UTF-8 octet; the file has to be UTF-8");
	expect("sam\0ple: 1\n", 11, "1:4: control characters are not allowed");
	bad("store: {path: \"a\\0b\"}\n", "1:15: a NUL byte in a text");
	bad("[[[[[[[[[[[[[[[[[[[[[[\n", "1:17: nested more than 16 deep");
	/* what an error repeats of the file is no raw control character */
	bad("\"\\e[31m\": 1\n", "1:1: configuration: unknown key '\\x1b[31m'; there are");
}

static void aliases(void **state)
{
	(void)state;
	struct mc_config c = read_ok("programs:\n- {name: a, match: &m {comm: x}}\n- {name: b, match: *m}\n");
	assert_string_equal(c.programs[1].match.comm, "x");
	mc_config_release(&c);
}

static void limits(void **state)
{
	(void)state;
	size_t n = (1 << 20) + 10;
	char *text = malloc(n);
	assert_non_null(text);
	memset(text, '#', n);
	expect(text, n, "1:1: larger than 1 MiB");
	memcpy(text, "a: [", 4);
	for (size_t i = 4; i < 120004; i += 2)
		memcpy(text + i, "b,", 2);
	expect(text, 120004, "1:100001: more than 50,000 values");
	free(text);
	/* all errors are said, up to a hundred */
	struct mc_buf many = { 0 }, errors = { 0 };
	struct mc_config c;
	for (int i = 0; i < 300; i++)
		mc_buf_printf(&many, "zzzzzz%d: 1\n", i);
	put(mc_buf_text(&many), many.len);
	assert_int_equal(mc_config_read(path, &c, &errors, NULL), MC_EUSAGE);
	size_t lines = 0;
	for (const char *p = mc_buf_text(&errors); *p; p++)
		lines += *p == '\n';
	assert_int_equal(lines, 100);
	mc_buf_release(&many);
	mc_buf_release(&errors);
}

static void which_file(void **state)
{
	struct mc_config c;
	struct mc_error err = { 0 };
	char *db = NULL, *sock = NULL;
	(void)state;
	assert_int_equal(mc_config_find("/nowhere/m.yml", &c, &err), MC_ENOTFOUND);
	assert_non_null(strstr(err.text, "/nowhere/m.yml"));
	assert_int_equal(mc_config_read("/tmp", &c, NULL, &err), MC_EIO);
	put("store: {path: /x/y.db}\n", 23);
	setenv("MEMCULPRIT_CONFIG", path, 1);
	assert_int_equal(mc_config_find(NULL, &c, &err), 0);
	unsetenv("MEMCULPRIT_CONFIG");
	unsetenv("MEMCULPRIT_DB");
	assert_int_equal(mc_config_db(&c, NULL, &db, &err), 0);
	assert_string_equal(db, "/x/y.db");
	assert_int_equal(mc_config_socket(&c, db, &sock, &err), 0);
	assert_string_equal(sock, "/x/y.db.sock");
	free(sock);
	free(db);
	setenv("MEMCULPRIT_DB", "/e.db", 1);
	assert_int_equal(mc_config_db(&c, NULL, &db, &err), 0);
	assert_string_equal(db, "/e.db");
	free(db);
	assert_int_equal(mc_config_db(&c, "/given.db", &db, &err), 0);
	assert_string_equal(db, "/given.db");
	free(db);
	unsetenv("MEMCULPRIT_DB");
	mc_config_release(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(empty_is_defaults), cmocka_unit_test(whole), cmocka_unit_test(keys), cmocka_unit_test(values),
		cmocka_unit_test(programs), cmocka_unit_test(syntax), cmocka_unit_test(aliases), cmocka_unit_test(limits),
		cmocka_unit_test(which_file),
	};
	close(mkstemp(path));
	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	unlink(path);
	return failed;
}
