/* The metrics page: both formats, escaping, no duplicates. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "serve_priv.h"

static char *text_of(const struct mc_metrics *m, bool om)
{
	struct mc_buf b = { 0 };
	assert_int_equal(mc_metrics_text(m, om, &b, NULL), 0);
	char *copy = mc_strdup(mc_buf_text(&b));
	mc_buf_release(&b);
	return copy;
}

static struct mc_metrics *sample_page(void)
{
	struct mc_metrics *m = mc_metrics_new();
	mc_metrics_family(m, "x_restarts_total", MC_COUNTER, NULL, "Restarts.");
	mc_metrics_created(m, 1700000000.5);
	mc_metrics_sample(m, 3, 1, (const char *[]){ "program", "a" });
	mc_metrics_created(m, (double)NAN);
	mc_metrics_family(m, "x_memory_bytes", MC_GAUGE, "bytes", "Memory, \"private\".");
	mc_metrics_sample(m, 1.5e9, 2, (const char *[]){ "program", "a", "kind", "anon" });
	mc_metrics_family(m, "x_build_info", MC_INFO, NULL, "Build.");
	mc_metrics_sample(m, 1, 1, (const char *[]){ "version", "1" });
	mc_metrics_family(m, "x_empty", MC_GAUGE, NULL, "None.");
	return m;
}

static void test_text(void **state)
{
	(void)state;
	struct mc_metrics *m = sample_page();
	char *t = text_of(m, false);
	assert_string_equal(t,
		"# HELP x_restarts_total Restarts.\n# TYPE x_restarts_total counter\nx_restarts_total{program=\"a\"} 3\n"
		"# HELP x_memory_bytes Memory, \"private\".\n# TYPE x_memory_bytes gauge\n"
		"x_memory_bytes{program=\"a\",kind=\"anon\"} 1500000000\n"
		"# HELP x_build_info Build.\n# TYPE x_build_info gauge\nx_build_info{version=\"1\"} 1\n");
	free(t);
	mc_metrics_free(m);
}

static void test_openmetrics(void **state)
{
	(void)state;
	struct mc_metrics *m = sample_page();
	char *t = text_of(m, true);
	assert_string_equal(t,
		"# HELP x_restarts Restarts.\n# TYPE x_restarts counter\nx_restarts_total{program=\"a\"} 3\n"
		"x_restarts_created{program=\"a\"} 1700000000.5\n"
		"# HELP x_memory_bytes Memory, \\\"private\\\".\n# TYPE x_memory_bytes gauge\n# UNIT x_memory_bytes bytes\n"
		"x_memory_bytes{program=\"a\",kind=\"anon\"} 1500000000\n"
		"# HELP x_build Build.\n# TYPE x_build info\nx_build_info{version=\"1\"} 1\n# EOF\n");
	free(t);
	mc_metrics_free(m);
}

static void check_label(const char *in, const char *want)
{
	struct mc_metrics *m = mc_metrics_new();
	char line[256];
	mc_metrics_family(m, "x", MC_GAUGE, NULL, "X.");
	mc_metrics_sample(m, 1, 1, (const char *[]){ "l", in });
	char *t = text_of(m, false);
	snprintf(line, sizeof(line), "\nx{l=\"%s\"} 1\n", want);
	if (!strstr(t, line))
		fail_msg("%s is not in %s", line, t);
	free(t);
	mc_metrics_free(m);
}

static void test_labels(void **state)
{
	(void)state;
	check_label("a\\b\"c\nd", "a\\\\b\\\"c\\nd");
	check_label("\xff" "a\xc3", "\xef\xbf\xbd" "a\xef\xbf\xbd");
	check_label("tab\there", "tab\there");
	check_label("cr\rthere\x1b[31m", "cr\xef\xbf\xbdthere\xef\xbf\xbd[31m");
	check_label("h\xc3\xa9", "h\xc3\xa9");
	check_label("", "");
}

static void check_number(double v, const char *want)
{
	struct mc_metrics *m = mc_metrics_new();
	char line[64];
	mc_metrics_family(m, "x", MC_GAUGE, NULL, "X.");
	mc_metrics_sample(m, v, 0, NULL);
	char *t = text_of(m, false);
	snprintf(line, sizeof(line), "\nx %s\n", want);
	if (!strstr(t, line))
		fail_msg("%s is not in %s", line, t);
	free(t);
	mc_metrics_free(m);
}

static void test_numbers(void **state)
{
	(void)state;
	check_number(0, "0");
	check_number(-0.0, "0");
	check_number(0.1, "0.1");
	check_number(1.0 / 3, "0.3333333333333333");
	check_number(1e300, "1e+300");
	check_number((double)NAN, "NaN");
	check_number((double)INFINITY, "+Inf");
	check_number(-(double)INFINITY, "-Inf");
	check_number(9007199254740993.0, "9007199254740992");
	check_number(-12345678901.0, "-12345678901");
}

static void test_duplicates(void **state)
{
	(void)state;
	struct mc_metrics *m = mc_metrics_new();
	mc_metrics_family(m, "x", MC_GAUGE, NULL, "X.");
	mc_metrics_sample(m, 1, 1, (const char *[]){ "l", "\xff" });
	mc_metrics_sample(m, 2, 1, (const char *[]){ "l", "\xfe" }); /* the same once cleaned */
	mc_metrics_family(m, "y", MC_GAUGE, NULL, "Y.");
	mc_metrics_sample(m, 3, 1, (const char *[]){ "l", "\xff" });
	mc_metrics_family(m, "x", MC_GAUGE, NULL, "X."); /* comes again: one block all the same */
	mc_metrics_sample(m, 4, 1, (const char *[]){ "l", "a" });
	assert_int_equal(mc_metrics_dropped(m), 1);
	char *t = text_of(m, false);
	assert_string_equal(t, "# HELP x X.\n# TYPE x gauge\nx{l=\"\xef\xbf\xbd\"} 1\nx{l=\"a\"} 4\n"
		"# HELP y Y.\n# TYPE y gauge\ny{l=\"\xef\xbf\xbd\"} 3\n");
	free(t);
	mc_metrics_free(m);
}

static size_t count(const char *text, const char *what)
{
	size_t n = 0;
	for (const char *p = text; (p = strstr(p, what)); p += strlen(what))
		n++;
	return n;
}

/* Two names that are one once they are cleaned: one series in each family, also where the first lacks the figure. */
static void test_same_names(void **state)
{
	(void)state;
	double none = (double)NAN;
	struct mc_program_figures p[] = { { .name = "a", .resident = 1, .processes = 1 }, { .name = "\xff", .resident = none, .processes = 2 },
		{ .name = "\xfe", .resident = 3, .processes = 3 }, { .name = "b", .resident = 4, .processes = 4 } };
	struct mc_metrics *m = mc_metrics_new();
	mc_metrics_programs(m, p, 4);
	char *t = text_of(m, false);
	assert_int_equal(count(t, "\nmemculprit_program_processes{program=\"\xef\xbf\xbd\"} "), 1);
	assert_non_null(strstr(t, "\nmemculprit_program_processes{program=\"\xef\xbf\xbd\"} 2\n"));
	assert_non_null(strstr(t, "\nmemculprit_program_resident_memory_bytes{program=\"\xef\xbf\xbd\"} 3\n"));
	assert_int_equal(count(t, "\nmemculprit_program_resident_memory_bytes{"), 3);
	assert_int_equal(count(t, "\nmemculprit_program_processes{"), 3);
	free(t);
	mc_metrics_free(m);
}

/* A page that is made in the place of another holds nothing of it. */
static void test_again(void **state)
{
	(void)state;
	const struct mc_program_figures before[] = { { .name = "gone", .resident = 1, .processes = 1 }, { .name = "b", .verdict = "leak" } },
		now[] = { { .name = "b", .resident = 2, .processes = 3 }, { .name = "b", .resident = 4 } };
	struct mc_metrics *m = mc_metrics_new(), *fresh = mc_metrics_new();
	mc_metrics_created(m, 5);
	mc_metrics_programs(m, before, 2);
	mc_metrics_clear(m);
	mc_metrics_programs(m, now, 2);
	mc_metrics_programs(fresh, now, 2);
	char *a = text_of(m, true), *b = text_of(fresh, true);
	assert_string_equal(a, b);
	assert_null(strstr(a, "gone"));
	assert_int_equal(mc_metrics_dropped(m), mc_metrics_dropped(fresh));
	free(a);
	free(b);
	mc_metrics_free(m);
	mc_metrics_free(fresh);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_text),
		cmocka_unit_test(test_openmetrics),
		cmocka_unit_test(test_labels),
		cmocka_unit_test(test_numbers),
		cmocka_unit_test(test_duplicates),
		cmocka_unit_test(test_same_names),
		cmocka_unit_test(test_again),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
