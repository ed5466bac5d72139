/* The page and its curves, from structs: hostile text stays text, nothing known is a dash, series keep their ends. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "memculprit/serve.h"

#define NONE MC_PAGE_NO_TIME
#define NOT ((double)NAN)
static const char evil[] = "<img src=x onerror=alert(1)>\"'\xff\x1b[31m";

static const char *from_list(const void *handle, const char *name)
{
	for (const char *const *p = handle; *p; p += 2)
		if (strcmp(*p, name) == 0)
			return p[1];
	return NULL;
}

static int read_span(const char *const *args, struct mc_span *sp, struct mc_error *err)
{
	struct mc_request rq = { .handle = args, .arg = from_list };
	return mc_span_read(&rq, 2000000000000, 1000000000000, 1000000999999, sp, err);
}

static void test_span(void **state)
{
	(void)state;
	struct mc_span sp;
	struct mc_error err = { 0 };
	assert_int_equal(read_span((const char *[]){ NULL }, &sp, NULL), 0);
	assert_true(sp.start_ms == 1000000000000 && sp.end_ms == 1000001000000 && sp.step_ms == 2000);
	assert_int_equal(mc_span_buckets(&sp), 500);
	assert_int_equal(read_span((const char *[]){ "start", "1000000100", "end", "1000000200", "step", "7", NULL }, &sp, NULL), 0);
	assert_true(sp.start_ms == 1000000100000 && sp.end_ms == 1000000200000 && sp.step_ms == 7000);
	assert_int_equal(mc_span_buckets(&sp), 15);
	assert_int_equal(read_span((const char *[]){ "step", "1m", NULL }, &sp, NULL), 0);
	assert_true(sp.step_ms == 60000);
	assert_int_equal(read_span((const char *[]){ "start", "5", "end", "5", NULL }, &sp, &err), MC_EUSAGE);
	assert_int_equal(read_span((const char *[]){ "step", "0.1", NULL }, &sp, &err), MC_EUSAGE);
	assert_non_null(strstr(err.text, "a step of 1 s would do"));
	assert_int_equal(read_span((const char *[]){ "step", "-1", NULL }, &sp, &err), MC_EUSAGE);
	assert_int_equal(read_span((const char *[]){ "step", "nan", NULL }, &sp, &err), MC_EUSAGE);
	assert_int_equal(read_span((const char *[]){ "start", "rubbish", NULL }, &sp, &err), MC_EUSAGE);
}

static void test_downsample(void **state)
{
	(void)state;
	const int64_t t[] = { 5, 10, 11, 12, 19, 30, 39, 40 };
	const double v[] = { 9, 1, 3, 0, 2, NOT, 7, 8 };
	const struct mc_curve c = { .name = "x", .n = 8, .t_ms = t, .v = v };
	const struct mc_span sp = { 10, 40, 10 };
	double min[3], max[3], last[3];
	assert_int_equal(mc_span_buckets(&sp), 3);
	mc_downsample(&c, &sp, min, max, last);
	assert_true(min[0] == 0 && max[0] == 3 && last[0] == 2);
	assert_true(isnan(min[1]) && isnan(max[1]) && isnan(last[1]));
	assert_true(min[2] == 7 && max[2] == 7 && last[2] == 7);

	struct mc_json *j = mc_json_new();
	struct mc_buf b = { 0 };
	assert_int_equal(mc_series_json(j, "p", &sp, &c, 1, NULL), 0);
	assert_int_equal(mc_json_text(j, MC_JSON_COMPACT, &b, NULL), 0);
	assert_non_null(strstr(b.data, "\"t_ms\": [10, 20, 30]"));
	assert_non_null(strstr(b.data, "\"min\": [0, null, 7], \"max\": [3, null, 7], \"last\": [2, null, 7]"));
	mc_json_free(j);
	mc_buf_release(&b);
}

static struct mc_page_program hostile_program(void)
{
	static const double values[] = { 1, 2, (double)NAN, 3 };
	return (struct mc_page_program){ .name = evil, .processes = 3, .private_bytes = 1048576, .growth = 1, .version = evil,
		.verdict = "leak", .state = "active", .answer = evil, .culprit = evil, .probability = 0.97, .onset_ms = 1000,
		.exhaustion_ms = NONE, .nspark = 4, .spark = values };
}

static void check_html(struct mc_reply *r, int status)
{
	assert_int_equal(r->status, status);
	assert_null(strstr(r->body.data, "<img"));
	assert_null(strchr(r->body.data, '\x1b'));
	assert_null(strchr(r->body.data, '\xff'));
	assert_null(strstr(r->body.data, "<script>"));
	assert_null(strstr(r->body.data, " style="));
	assert_null(strstr(r->body.data, "nan"));
	assert_non_null(strstr(r->body.data, "</html>"));
	mc_buf_release(&r->body);
}

static void test_index(void **state)
{
	(void)state;
	struct mc_page_program p = hostile_program();
	struct mc_page page = { .now_ms = 2000, .version = evil, .host_line = evil, .notice = evil, .telemetry_path = evil,
		.nprograms = 1, .programs = &p };
	struct mc_reply r = { 0 };
	assert_int_equal(mc_page_index(&page, &r, NULL), 0);
	assert_non_null(strstr(r.body.data, "&lt;img src=x onerror=alert(1)&gt;"));
	assert_non_null(strstr(r.body.data, "href=\"/?program=%3Cimg%20src%3Dx%20onerror%3Dalert%281%29%3E%22%27%FF%1B%5B31m\""));
	assert_non_null(strstr(r.body.data, "1.00 MiB"));
	check_html(&r, 200);
	page = (struct mc_page){ 0 };
	assert_int_equal(mc_page_index(&page, &r, NULL), 0);
	check_html(&r, 200);
	assert_int_equal(mc_page_error(&page, 404, evil, &r, NULL), 0);
	check_html(&r, 404);
}

static struct mc_page_detail empty_detail(void)
{
	return (struct mc_page_detail){ .program = { .processes = NOT, .private_bytes = NOT, .growth = NOT, .onset_ms = NONE,
		.exhaustion_ms = NONE }, .onset_lo_ms = NONE, .onset_hi_ms = NONE, .slope_before = NOT, .slope_lo = NOT, .slope_hi = NOT,
		.grown_bytes = NOT, .stopped_ms = NONE, .stopped_lo_ms = NONE, .stopped_hi_ms = NONE, .exhaustion_lo_ms = NONE,
		.exhaustion_hi_ms = NONE, .ambiguous_until_ms = NONE, .not_a_deploy = NOT, .no_change = NOT };
}

/* A number of processes that grows is no number of bytes. */
static void test_unit_of_growth(void **state)
{
	(void)state;
	struct mc_page_program p = { .name = "x", .private_bytes = 1048576, .growth = 2.39 / 3600, .probability = NOT, .onset_ms = NONE, .exhaustion_ms = NONE,
		.verdict = "leak", .state = "active", .growth_of_processes = true };
	struct mc_page page = { .now_ms = 7200000, .utc = true, .nprograms = 1, .programs = &p };
	struct mc_reply r = { 0 };
	assert_int_equal(mc_page_index(&page, &r, NULL), 0);
	assert_non_null(strstr(r.body.data, ">+2.39 processes/h<"));
	check_html(&r, 200);
}

/* What is not now says so, with its age and the time. */
static void test_age(void **state)
{
	(void)state;
	struct mc_page_program p = { .name = "x", .private_bytes = 1048576, .growth = NOT, .probability = NOT, .onset_ms = NONE, .exhaustion_ms = NONE,
		.verdict = "leak", .state = "active", .answer = "it grows" };
	struct mc_page page = { .now_ms = 7200000, .utc = true, .nprograms = 1, .programs = &p };
	struct mc_reply r = { 0 };
	assert_int_equal(mc_page_index(&page, &r, NULL), 0);
	assert_null(strstr(r.body.data, "stale"));
	assert_null(strstr(r.body.data, "gone"));
	assert_non_null(strstr(r.body.data, "Memory of 1 of 1 program grows"));
	check_html(&r, 200);
	page.stale_ms = 3600000;
	p.gone_ms = 1800000;
	assert_int_equal(mc_page_index(&page, &r, NULL), 0);
	assert_non_null(strstr(r.body.data, "<p class=\"notice stale\" role=\"status\">These figures are <strong>1 h old</strong>, of "
		"<time datetime=\"1970-01-01T01:00:00Z\">"));
	assert_non_null(strstr(r.body.data, "<tr class=\"gone\">"));
	assert_non_null(strstr(r.body.data, "not running, last state is <strong>1 h 30 min old</strong>, of <time"));
	assert_non_null(strstr(r.body.data, "it grows"));
	assert_null(strstr(r.body.data, "Memory of 1 of 1 program grows"));
	check_html(&r, 200);
	struct mc_page_detail d = empty_detail();
	d.page = page;
	d.program = p;
	assert_int_equal(mc_page_program(&d, &r, NULL), 0);
	assert_non_null(strstr(r.body.data, "Not running. What follows is its last state, <strong>1 h 30 min old</strong>"));
	assert_non_null(strstr(r.body.data, "Private memory then"));
	check_html(&r, 200);
}

static void test_program(void **state)
{
	(void)state;
	struct mc_reply r = { 0 };
	struct mc_page_detail d = empty_detail();
	assert_int_equal(mc_page_program(&d, &r, NULL), 0);
	check_html(&r, 200);

	const int64_t t[] = { 1000, 2000, 3000 };
	const double v[] = { 10, NOT, 1e9 }, flat[] = { 0, 0, 0 };
	const struct mc_curve c[] = { { .name = evil, .unit = "bytes", .n = 3, .t_ms = t, .v = v },
		{ .name = "requests", .unit = "per_second", .n = 3, .t_ms = t, .v = flat, .label = evil } };
	const struct mc_page_deploy dep = { 1500, 1600, evil, evil, evil, 0.9, true, false, 1e6, 12, false };
	const struct mc_page_evidence ev[] = { { evil, evil, false }, { "load", evil, true } };
	const struct mc_page_place pl = { evil, evil, evil, evil, 42 };
	const struct mc_page_commit co = { evil, evil, evil, 1, 2, 3, 1, &pl };
	d.program = hostile_program();
	d.span = (struct mc_span){ 0, 4000, 100 };
	d.nseries = 2, d.series = c;
	d.ndeploys = 1, d.deploys = &dep;
	d.nevidence = 2, d.evidence = ev;
	d.ncommits = 1, d.commits = &co;
	d.program.answer = "v2 began it since 2026-02-03T14:02:05Z (13:58:00Z to 14:07:59Z), 99:99:99Z <b>";
	d.page.utc = true;
	d.commits_note = d.diff = d.next = d.fixed_by = evil;
	d.onset_lo_ms = 500, d.onset_hi_ms = 1500;
	assert_int_equal(mc_page_program(&d, &r, NULL), 0);
	assert_non_null(strstr(r.body.data, ":42</code>"));
	assert_non_null(strstr(r.body.data, "class=\"onset\""));
	assert_non_null(strstr(r.body.data, "Ruled out"));
	assert_non_null(strstr(r.body.data, "since <time datetime=\"2026-02-03T14:02:05Z\">2026-02-03T14:02:05Z</time> "
		"(<time datetime=\"2026-02-03T13:58:00Z\">2026-02-03T13:58:00Z</time> to <time"));
	assert_non_null(strstr(r.body.data, "</time>), 99:99:99Z &lt;b&gt;"));
	check_html(&r, 200);

	struct mc_buf svg = { 0 };
	assert_int_equal(mc_svg_curve(&d, 800, 300, &svg, NULL), 0);
	assert_null(strstr(svg.data, "<img"));
	assert_non_null(strstr(svg.data, "class=\"deploy culprit\""));
	mc_buf_release(&svg);
	d.nseries = 0;
	assert_int_equal(mc_svg_curve(&d, 800, 300, &svg, NULL), MC_ENOTFOUND);
}

/* What has to be acted on comes first, the soonest to run out before; then the largest. */
static void test_order(void **state)
{
	(void)state;
	struct mc_page_program p[5];
	static const char *const names[] = { "small", "large", "later", "sooner", "ended" };
	for (size_t i = 0; i < 5; i++)
		p[i] = (struct mc_page_program){ .name = names[i], .private_bytes = i == 1 ? 2e9 : 1e6, .growth = NOT, .processes = 1, .probability = NOT,
			.verdict = i < 2 ? "none" : "leak", .state = i < 2 ? NULL : "active", .onset_ms = NONE, .exhaustion_ms = i < 2 ? NONE : i == 2 ? 9000 : 8000 };
	struct mc_page page = { .now_ms = 2000, .nprograms = 5, .programs = p };
	p[4].gone_ms = 1000;
	struct mc_reply r = { 0 };
	assert_int_equal(mc_page_index(&page, &r, NULL), 0);
	const char *at = r.body.data;
	static const char *const order[] = { "2 of 5 programs grows", ">sooner<", ">later<", ">large<", ">small<", ">ended<" };
	for (size_t i = 0; i < 6; i++) {
		at = strstr(at, order[i]);
		assert_non_null(at);
	}
	check_html(&r, 200);
}

/* A place leads to its line of the diff by the new file's numbers; one that is not in it leads nowhere. */
static void test_diff_marks(void **state)
{
	(void)state;
	struct mc_page_detail d = empty_detail();
	const struct mc_page_place places[] = { { "a.c", "f", "acquired", "x", 12 }, { "a.c", "f", "elsewhere", "y", 40 }, { "b.c", "", "other file", "z", 11 } };
	const struct mc_page_commit c = { "abc", "s", "a", 1, 1, 1, 3, places };
	d.program.name = "p", d.program.verdict = "leak", d.program.state = "active";
	d.ncommits = 1, d.commits = &c;
	d.diff = "diff --git a/a.c b/a.c\n--- a/a.c\n+++ b/a.c\n@@ -10,2 +10,3 @@ f\n same\n-gone\n+ one\n+++ two\ndiff --git a/b.c b/b.c\n+++ b/b.c\n@@ -1 +1 @@\n+z\n";
	struct mc_reply r = { 0 };
	assert_int_equal(mc_page_program(&d, &r, NULL), 0);
	assert_non_null(strstr(r.body.data, "<a href=\"#place-0\"><code>a.c:12</code></a>"));
	assert_non_null(strstr(r.body.data, "<mark id=\"place-0\" title=\"acquired\"><span class=\"add\">+++ two</span></mark>"));
	assert_null(strstr(r.body.data, "#place-1"));
	assert_null(strstr(r.body.data, "place-2"));
	assert_non_null(strstr(r.body.data, "<details class=\"diff\" open>"));
	check_html(&r, 200);
}

static void test_groups(void **state)
{
	(void)state;
	const int64_t t[] = { 0 };
	const double v[] = { 1.0 / 3 };
	const struct mc_curve c[] = { { .name = "a", .unit = "bytes", .group = "g", .n = 1, .t_ms = t, .v = v },
		{ .name = "b", .unit = "ratio", .group = "g", .n = 1, .t_ms = t, .v = v, .last_only = true }, { .name = "c", .n = 1, .t_ms = t, .v = v } };
	assert_int_equal(mc_curve_group(c, 3), 2);
	assert_int_equal(mc_curve_group(c + 2, 1), 1);
	struct mc_span sp = { 0, 10, 10 };
	struct mc_json *j = mc_json_new();
	struct mc_buf b = { 0 };
	assert_int_equal(mc_series_json(j, "p", &sp, c, 2, NULL), 0);
	assert_int_equal(mc_json_text(j, MC_JSON_COMPACT, &b, NULL), 0);
	assert_non_null(strstr(b.data, "\"a\": {\"unit\": \"bytes\", \"label\": \"a\", \"group\": \"g\", \"min\": [0], \"max\": [0], \"last\": [0]}"));
	assert_non_null(strstr(b.data, "\"b\": {\"unit\": \"ratio\", \"label\": \"b\", \"group\": \"g\", \"last\": [0.333333]}"));
	mc_json_free(j);
	mc_buf_release(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_span),
		cmocka_unit_test(test_downsample),
		cmocka_unit_test(test_index), cmocka_unit_test(test_unit_of_growth), cmocka_unit_test(test_age),
		cmocka_unit_test(test_program),
		cmocka_unit_test(test_order),
		cmocka_unit_test(test_diff_marks),
		cmocka_unit_test(test_groups),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
