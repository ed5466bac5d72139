/* Scenario folders: every way a row can be written gives the same case, and errors name their place. */
#include "memculprit/app.h"

#include <math.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static char dir[] = "/tmp/mc-scenario-XXXXXX";

static void put(const char *name, const char *text, size_t len)
{
	char path[256];
	snprintf(path, sizeof path, "%s/%s", dir, name);
	FILE *f = fopen(path, "w");
	assert_non_null(f);
	assert_int_equal(fwrite(text, 1, len, f), len);
	fclose(f);
}

static void put_buf(const char *name, struct mc_buf *b)
{
	assert_false(b->failed);
	put(name, mc_buf_text(b), b->len);
	mc_buf_release(b);
}

static int setup(void **state)
{
	(void)state;
	return mkdtemp(dir) ? 0 : -1;
}

static int teardown(void **state)
{
	static const char *const names[] = { "samples.csv", "load.csv", "deploys.csv" };
	(void)state;
	for (int i = 0; i < 3; i++) {
		char path[256];
		snprintf(path, sizeof path, "%s/%s", dir, names[i]);
		unlink(path);
	}
	return rmdir(dir);
}

/* Rows of a few lives that come and go; how = 0 plain, 1 all quoted, 2 CRLF, 3 some cells quoted. */
static void samples(struct mc_buf *b, int how)
{
	const char *eol = how == 2 ? "\r\n" : "\n";
	mc_buf_printf(b, "version,rss_bytes,anon_bytes,note,shared_bytes,swap_bytes,pid,unix_ms,start_ms,process_key,threads,anon_bytes%s", eol);
	for (int t = 0; t < 400; t++)
		for (int p = 0; p < 4; p++) {
			if ((t + p) % 37 == 0)
				continue; /* a gap */
			int life = (t + 50 * p) / 150;
			const char *q = how == 1 || (how == 3 && (t * 7 + p) % 5 == 0) ? "\"" : "";
			mc_buf_printf(b, "%sv%d%s,%d,%s%d%s,,%d,%s,%s%d%s,%lld,%lld,%sweb:%d%s,%s%d,7%s", q, life, q, 5000 + t * p, q, 1000 * t + p, q,
				4096 * p, t % 9 == 0 ? "" : "0", q, 100 + life, q, 1700000000000LL + 15000LL * t, 1700000000000LL + 15000LL * 150 * life - 1000LL * p, q, p, q,
				t % 11 == 0 ? "1.5e" : "", t % 100, eol);
		}
}

static void read_ok(struct mc_scenario *s)
{
	struct mc_error e = { 0 };
	if (mc_scenario_read(dir, s, &e) != 0)
		fail_msg("%s", e.text);
}

static void same_series(const double *a, const double *b, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (a[i] != b[i] && !(isnan(a[i]) && isnan(b[i])))
			fail_msg("%zu: %g, %g", i, a[i], b[i]);
}

static void every_way_of_writing_is_the_same(void **state)
{
	(void)state;
	struct mc_scenario first, s;
	struct mc_buf b = { 0 };
	samples(&b, 1);
	put_buf("samples.csv", &b);
	read_ok(&first);
	assert_int_equal(first.c.nlives, 13);
	for (int how = 0; how < 4; how++) {
		samples(&b, how);
		put_buf("samples.csv", &b);
		read_ok(&s);
		assert_int_equal(s.c.nlives, first.c.nlives);
		size_t rows = 0;
		for (size_t i = 0; i < s.c.nlives; i++) {
			const struct mc_life *x = &first.c.lives[i], *y = &s.c.lives[i];
			assert_int_equal(x->n, y->n);
			assert_string_equal(x->key, y->key);
			assert_string_equal(x->version, y->version);
			assert_int_equal(x->start_ms, y->start_ms);
			assert_int_equal(x->pid, y->pid);
			assert_memory_equal(x->t_ms, y->t_ms, x->n * sizeof *x->t_ms);
			same_series(x->anon, y->anon, x->n);
			same_series(x->swap, y->swap, x->n);
			same_series(x->rss, y->rss, x->n);
			same_series(x->threads, y->threads, x->n);
			assert_null(y->shmem);
			rows += y->n;
		}
		assert_int_equal(rows, 1559);
		mc_scenario_release(&s);
	}
	mc_scenario_release(&first);
}

#define HEAD "unix_ms,process_key,pid,start_ms,rss_bytes,anon_bytes,shared_bytes,swap_bytes\n"

static void errors_name_file_line_and_column(void **state)
{
	(void)state;
	static const struct {
		const char *text, *what;
	} bad[] = {
		{ "", "samples.csv:1:1: empty; a header line is needed" },
		{ "unix_ms,pid\n", "samples.csv:1:1: no column 'process_key' in the header line" },
		{ HEAD "1000,a,1,0,1,2,3,4\n2000,a,1,0,1,2,x,4\n", "samples.csv:3:7: shared_bytes: not a number" },
		{ HEAD "1000,a,1,0,1,2,3,4\n\n2000,a,1,0,1,2,3,4\n,a,1,0,1,2,3,4\n", "samples.csv:5:1: unix_ms: empty; a whole number is needed" },
		{ HEAD "100000000000,a,1,99999999000,1,2,3,4\n5000,a,1,99999999000,1,2,3,4\n", "samples.csv:3:1: unix_ms: more than a year before the process started (start_ms)" },
		{ HEAD "1000,a,1,0,1,2,3,4\n2000,a,1.5,0,1,2,3,4\n", "samples.csv:3:3: pid: not a whole number" },
		{ HEAD "1000,a,1,0,1,2,3,4\n99999999999999999,a,1,0,1,2,3,4\n", "samples.csv:3:1: unix_ms: not a time in Unix milliseconds" },
		{ HEAD "1000,a,1,0,1,2,3,4\n2000,\"a,1,0,1,2,3,4\n", "samples.csv:3:2: a quote that does not end on this line" },
	};
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		struct mc_scenario s;
		struct mc_error e = { 0 };
		put("samples.csv", bad[i].text, strlen(bad[i].text));
		assert_int_equal(mc_scenario_read(dir, &s, &e), MC_EFORMAT);
		if (!strstr(e.text, bad[i].what))
			fail_msg("'%s' and not '%s'", e.text, bad[i].what);
	}
}

static void nul_byte_in_any_cell(void **state)
{
	(void)state;
	static const char text[] = HEAD "1000,a,1,0,1,2,3,4\n2000,a,1,0,1,2,3\0,4\n";
	struct mc_scenario s;
	struct mc_error e = { 0 };
	put("samples.csv", text, sizeof text - 1);
	assert_int_equal(mc_scenario_read(dir, &s, &e), MC_EFORMAT);
	assert_non_null(strstr(e.text, "samples.csv:3:1: a NUL byte"));
}

/* A pipe that nobody writes to is refused, not waited for. */
static void a_pipe_is_no_file(void **state)
{
	static const char *const names[] = { "samples.csv", "load.csv", "deploys.csv" };
	static const char text[] = HEAD "1000,a,1,0,1,2,3,4\n";
	(void)state;
	for (int i = 0; i < 3; i++) {
		char path[256];
		struct mc_scenario s;
		struct mc_error e = { 0 };
		put("samples.csv", text, sizeof text - 1);
		snprintf(path, sizeof path, "%s/%s", dir, names[i]);
		unlink(path);
		assert_int_equal(mkfifo(path, 0600), 0);
		assert_int_equal(mc_scenario_read(dir, &s, &e), MC_EFORMAT);
		assert_non_null(strstr(e.text, "is a pipe"));
		unlink(path);
	}
}

/* Blocks of the reader end inside lines; lines longer than a block; a last line without newline. */
static void long_files(void **state)
{
	(void)state;
	struct mc_scenario s;
	struct mc_buf b = { 0 };
	mc_buf_str(&b, HEAD);
	for (int t = 0; t < 60000; t++) {
		mc_buf_printf(&b, "%d,a,1,0,1,%d,3,4", 1000 * t, t);
		for (int k = 0; k < (t == 30000 ? 400000 : 0); k++)
			mc_buf_str(&b, "y");
		mc_buf_str(&b, t == 30000 ? ",more\n" : t == 59999 ? "" : "\n");
	}
	put_buf("samples.csv", &b);
	struct mc_error e = { 0 };
	assert_int_equal(mc_scenario_read(dir, &s, &e), MC_EFORMAT); /* 4yyyy... is no number */
	assert_non_null(strstr(e.text, "samples.csv:30002:8: swap_bytes: not a number"));
	mc_buf_str(&b, HEAD);
	for (int t = 0; t < 60000; t++) {
		mc_buf_printf(&b, "%d,a,1,0,1,%d,3,4%s", 1000 * t, t, t == 59999 ? "" : "\n");
		for (int k = 0; t == 30000 && k < 300000; k++)
			mc_buf_str(&b, "\n");
	}
	put_buf("samples.csv", &b);
	read_ok(&s);
	assert_int_equal(s.c.nlives, 1);
	assert_int_equal(s.c.lives[0].n, 60000);
	for (size_t i = 0; i < 60000; i++)
		assert_true(s.c.lives[0].t_ms[i] == 1000 * (int64_t)i && s.c.lives[0].anon[i] == (double)i);
	mc_scenario_release(&s);
}

/* A key that needs quotes must not be taken for two plain cells. */
static void quoted_keys_stay_apart(void **state)
{
	(void)state;
	static const char text[] = HEAD "1000,\"a,1\",1,0,1,2,3,4\n2000,\"a,1\",1,0,1,2,3,4\n3000,a,1,1,0,1,2,3\n";
	struct mc_scenario s;
	put("samples.csv", text, sizeof text - 1);
	read_ok(&s);
	assert_int_equal(s.c.nlives, 2);
	assert_string_equal(s.c.lives[0].key, "a,1");
	assert_int_equal(s.c.lives[0].n, 2);
	assert_string_equal(s.c.lives[1].key, "a");
	assert_int_equal(s.c.lives[1].start_ms, 1);
	mc_scenario_release(&s);
}

static void side_files(void **state)
{
	(void)state;
	static const char load[] = "requests_total,unix_ms,cpu_seconds\n5,2000,0.25\n3,1000,0.1\n";
	static const char deploys[] = "unix_ms,version,commit,host\n5000,v2,c2,web-2\n1000,v1,,\n";
	struct mc_scenario s;
	put("samples.csv", HEAD "1000,a,1,0,1,2,3,4\n", sizeof HEAD - 1 + 19);
	put("load.csv", load, sizeof load - 1);
	put("deploys.csv", deploys, sizeof deploys - 1);
	read_ok(&s);
	assert_int_equal(s.c.load.n, 2);
	assert_true(s.c.load.t_ms[0] == 1000 && s.c.load.requests[0] == 3 && s.c.load.cpu_seconds[1] == 0.25);
	assert_true(s.c.load.cpu_seconds[0] == 0.1); /* as strtod has it, to the last bit */
	assert_null(s.c.load.rx_bytes);
	assert_int_equal(s.c.ndeploys, 2);
	assert_string_equal(s.c.deploys[0].version, "v1");
	assert_string_equal(s.c.deploys[1].host, "web-2");
	mc_scenario_release(&s);
}

/* ---- deploys that lives tell of ---- */
#define RUNS "unix_ms,process_key,pid,start_ms,rss_bytes,anon_bytes,shared_bytes,swap_bytes,version\n"
#define HOUR 3600000LL

/* A life of slot `key` from hour to hour, sampled each half hour. */
static void runs(struct mc_buf *b, int key, double from, double to, const char *version)
{
	int64_t start = 1700000000000LL + (int64_t)(from * (double)HOUR);
	for (int64_t t = start + 1000; t < 1700000000000LL + (int64_t)(to * (double)HOUR); t += HOUR / 2)
		mc_buf_printf(b, "%lld,w%d,%d,%lld,9,8,1,0,%s\n", (long long)t, key, 100 + key, (long long)start, version);
}

/* The deploys of the case, each as hour:version. */
static void deploys_are(const char *expected)
{
	struct mc_scenario s;
	struct mc_buf b = { 0 };
	read_ok(&s);
	for (size_t i = 0; i < s.c.ndeploys; i++) {
		const struct mc_deploy_mark *d = &s.c.deploys[i];
		mc_buf_printf(&b, "%s%g:%s%s", i ? " " : "", (double)(d->unix_ms - 1700000000000LL) / (double)HOUR, d->version,
			d->source == MC_DEPLOY_RECOGNISED ? "" : "*");
	}
	assert_string_equal(mc_buf_text(&b), expected);
	mc_buf_release(&b);
	mc_scenario_release(&s);
}

/* 1.0 runs, 1.1 comes to one of two, then to both; back to 1.0, then 1.2 on. */
static void put_versions(void)
{
	struct mc_buf b = { 0 };
	mc_buf_printf(&b, "%s", RUNS);
	runs(&b, 0, -.5, 4, "1.0");
	runs(&b, 1, 0, 2, "1.0");
	runs(&b, 1, 2, 5, "1.0"); /* a restart */
	runs(&b, 0, 4, 10, "1.1");
	runs(&b, 1, 5.1, 6, "1.0"); /* and another: it never went */
	runs(&b, 1, 6, 10, "1.1");
	runs(&b, 0, 10, 12, "1.0");
	runs(&b, 1, 10.01, 12, "1.0");
	runs(&b, 0, 12, 14, "1.2");
	put_buf("samples.csv", &b);
}

static void put_text(const char *name, const char *text)
{
	put(name, text, strlen(text));
}

static void another_version_is_a_deploy(void **state)
{
	(void)state;
	put_versions();
	put_text("deploys.csv", "unix_ms,version,commit\n");
	deploys_are("4:1.1 10:1.0 12:1.2");
	/* a row has the version, or announces it by another name; the third is too far from any start for that */
	put_text("deploys.csv", "unix_ms,version,commit\n1700014400000,1.1,\n1700043600000,release-12,\n1700050000000,far,\n");
	deploys_are("4:1.1* 10:1.0 12.1111:release-12* 13.8889:far*");
	/* what comes out of a database has all that was recognised */
	put_text("deploys.csv", "unix_ms,version,commit,source\n");
	deploys_are("");
}

/* What is another with every life is no release. */
static void too_many_versions_are_none(void **state)
{
	(void)state;
	struct mc_buf b = { 0 };
	put_text("deploys.csv", "unix_ms,version,commit\n");
	for (int most = 400; most <= 600; most += 200) {
		mc_buf_printf(&b, "%s", RUNS);
		for (int i = 0; i < most; i++) {
			char name[16];
			snprintf(name, sizeof name, "r%d", i);
			runs(&b, 0, i, i + .7, name);
		}
		put_buf("samples.csv", &b);
		struct mc_scenario s;
		read_ok(&s);
		assert_int_equal(s.c.ndeploys, most == 400 ? 399 : 0);
		mc_scenario_release(&s);
	}
}

static void decimals_are_what_strtod_says(void **state)
{
	(void)state;
	srand(7);
	for (int i = 0, n = getenv("MC_VALGRIND") ? 5000 : 200000; i < n; i++) {
		char text[40];
		double v = 0;
		snprintf(text, sizeof text, "%.*f", rand() % 12, (double)rand() / (1 + rand() % 100000));
		if (i % 3 == 0)
			snprintf(text, sizeof text, "%d.%0*d", rand() % 1000000, 1 + rand() % 9, rand());
		assert_true(mc_parse_double(text, strlen(text), &v));
		if (v != strtod(text, NULL))
			fail_msg("%s: %.17g", text, v);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_way_of_writing_is_the_same),
		cmocka_unit_test(errors_name_file_line_and_column),
		cmocka_unit_test(nul_byte_in_any_cell),
		cmocka_unit_test(long_files),
		cmocka_unit_test(a_pipe_is_no_file),
		cmocka_unit_test(quoted_keys_stay_apart),
		cmocka_unit_test(side_files),
		cmocka_unit_test(another_version_is_a_deploy),
		cmocka_unit_test(too_many_versions_are_none),
		cmocka_unit_test(decimals_are_what_strtod_says),
	};
	return cmocka_run_group_tests_name("scenario", tests, setup, teardown);
}
