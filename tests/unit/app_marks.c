/* How marks and what was recognised come together: each row of the table is told in order, and what is stored is
 * counted. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "deploys.h"

#define MIN 60000
static char folder[] = "/tmp/mc-marks-XXXXXX";
static int64_t program;
static const int64_t start = 1700000000000;

static struct mc_store *open_store(void)
{
	char path[64];
	struct mc_store *s = NULL;
	struct mc_error err = { 0 };
	snprintf(path, sizeof path, "%s/m.db", folder);
	unlink(path);
	if (mc_store_open(&(struct mc_store_config){ .path = path, .mode = MC_STORE_WRITE, .host = "h" }, &s, &err) != 0)
		fail_msg("%s", err.text);
	assert_int_equal(deploys_program(s, NULL, "p", true, &program, &err), 0);
	return s;
}

static struct mc_deploy_row row(const char *source, int minute, const char *version, const char *build_id)
{
	bool mark = strcmp(source, "mark") == 0;
	return (struct mc_deploy_row){ .program = program, .unix_ms = start + minute * MIN, .first_seen_ms = mark ? 0 : start + minute * MIN,
		.version = mc_strdup(version), .commit = mc_strdup(""), .build_id = mc_strdup(build_id), .host = mc_strdup(""), .note = mc_strdup(""),
		.source = mc_strdup(source) };
}

static int mark(struct mc_store *s, int minute, const char *version)
{
	struct mc_error err = { 0 };
	struct mc_deploy_row d = row("mark", minute, version, "");
	int rc = deploys_mark(s, &d, &err);
	deploys_row_release(&d);
	return rc;
}

static void seen(struct mc_store *s, const char *source, int minute, const char *version, const char *build_id)
{
	struct mc_error err = { 0 };
	struct mc_deploy_row d = row(source, minute, version, build_id);
	assert_true(deploys_seen(s, &d, &err) >= 0);
	deploys_row_release(&d);
}

static void expect_settled(struct mc_store *s, int minute, int want)
{
	struct mc_error err = { 0 };
	struct mc_deploy_row d = { 0 };
	assert_int_equal(deploys_settle(s, program, start + minute * MIN, NULL, 0, &d, &err), want);
	deploys_row_release(&d);
}

/* "MINUTE/FIRST version build source, ..." of what is stored, oldest first. */
static void expect(struct mc_store *s, const char *want)
{
	struct mc_deploy_row *rows = NULL;
	size_t n = 0;
	struct mc_buf b = { 0 };
	assert_int_equal(mc_store_deploys(s, program, &rows, &n, NULL), 0);
	for (size_t i = 0; i < n; i++) {
		mc_buf_printf(&b, "%s%d/", i ? ", " : "", (int)((rows[i].unix_ms - start) / MIN));
		if (rows[i].first_seen_ms)
			mc_buf_printf(&b, "%d", (int)((rows[i].first_seen_ms - start) / MIN));
		mc_buf_printf(&b, " %s %s %s", rows[i].version, rows[i].build_id, rows[i].source);
	}
	assert_string_equal(mc_buf_text(&b), want);
	mc_buf_release(&b);
	mc_store_deploys_free(rows, n);
	mc_store_close(s);
}

static void same_version_is_one(void **state)
{
	(void)state;
	struct mc_store *s = open_store();
	seen(s, "package note", 0, "v1", "a");
	assert_int_equal(mark(s, 5, "v1"), 0);
	expect(s, "5/0 v1 a mark");
	s = open_store();
	assert_int_equal(mark(s, 0, "v1"), 0);
	seen(s, "package note", 29, "1", "a"); /* with and without the v */
	expect(s, "0/29 v1 a mark");
	s = open_store();
	assert_int_equal(mark(s, 0, "v1"), 0);
	seen(s, "package note", 31, "v1", "a");
	expect(s, "0/ v1  mark, 31/31 v1 a package note");
}

static void another_version_is_another(void **state)
{
	(void)state;
	struct mc_store *s = open_store();
	assert_int_equal(mark(s, 0, "v1"), 0);
	seen(s, "package note", 1, "v2", "a");
	expect(s, "0/ v1  mark, 1/1 v2 a package note");
}

static void a_build_without_a_name_is_the_nearest_mark(void **state)
{
	(void)state;
	struct mc_store *s = open_store();
	assert_int_equal(mark(s, 0, "v1"), 0);
	seen(s, "build-id", 1, "", "a");
	assert_int_equal(mark(s, 20, "v2"), 0);
	seen(s, "build-id", 22, "", "b");
	expect(s, "0/1 v1 a mark, 20/22 v2 b mark");
	s = open_store();
	seen(s, "build-id", 0, "", "a");
	assert_int_equal(mark(s, 9, "v1"), 0); /* CI says it a little later */
	expect(s, "9/0 v1 a mark");
	s = open_store();
	seen(s, "build-id", 0, "", "a"); /* nobody marked this one */
	assert_int_equal(mark(s, 11, "v2"), 0);
	seen(s, "build-id", 12, "", "b");
	expect(s, "0/0  a build-id, 11/12 v2 b mark");
}

static void a_baseline_is_no_deploy_that_was_just_marked(void **state)
{
	(void)state;
	struct mc_store *s = open_store();
	seen(s, DEPLOYS_BASELINE, 0, "", "a");
	assert_int_equal(mark(s, 5, "v2"), 0); /* announced, and restarted a minute later */
	seen(s, "build-id", 6, "", "b");
	expect(s, "0/0  a first seen, 5/6 v2 b mark");
	s = open_store();
	seen(s, DEPLOYS_BASELINE, 0, "", "a");
	assert_int_equal(mark(s, 0, "v1"), 0); /* started and marked by one script */
	expect(s, "0/0 v1 a mark");
	s = open_store();
	seen(s, DEPLOYS_BASELINE, 0, "", "a");
	assert_int_equal(mark(s, 1, "v2"), 0); /* deployed and marked while the first build was new */
	expect_settled(s, 2, 0);
	seen(s, "build-id", 2, "", "b");
	expect_settled(s, 60, 0);
	expect(s, "0/0  a first seen, 1/2 v2 b mark");
	s = open_store();
	seen(s, DEPLOYS_BASELINE, 0, "", "a");
	assert_int_equal(mark(s, 1, "v1"), 0); /* late for the first build: no other came */
	expect_settled(s, 3, DEPLOYS_SETTLED);
	expect_settled(s, 4, 0);
	expect(s, "1/0 v1 a mark");
	s = open_store();
	seen(s, DEPLOYS_BASELINE, 0, "", "a");
	assert_int_equal(mark(s, 5, "v2"), 0); /* too late for it */
	expect_settled(s, 60, 0);
	expect(s, "0/0  a first seen, 5/ v2  mark");
	s = open_store();
	assert_int_equal(mark(s, -600, "v1"), 0);
	seen(s, DEPLOYS_BASELINE, 0, "", "a"); /* something is known of it: no baseline is needed */
	expect(s, "-600/ v1  mark");
}

static void back_again_is_another_deploy(void **state)
{
	(void)state;
	struct mc_store *s = open_store();
	assert_int_equal(mark(s, 0, "v1"), 0);
	seen(s, "package note", 1, "v1", "a");
	seen(s, "package note", 5, "v2", "b");
	seen(s, "package note", 9, "v1", "a");
	expect(s, "0/1 v1 a mark, 5/5 v2 b package note, 9/9 v1 a package note");
}

static void a_rollback_that_is_marked_first_leaves_the_earlier_deploy_alone(void **state)
{
	(void)state;
	struct mc_store *s = open_store();
	seen(s, DEPLOYS_BASELINE, 0, "v1", "a");
	seen(s, "package note", 5, "v2", "b");
	assert_int_equal(mark(s, 10, "v1"), 0);
	seen(s, "package note", 11, "v1", "a");
	expect(s, "0/0 v1 a first seen, 5/5 v2 b package note, 10/11 v1 a mark");
	s = open_store();
	seen(s, DEPLOYS_BASELINE, 0, "v1", "a");
	seen(s, "package note", 2, "v2", "b");
	assert_int_equal(mark(s, 3, "v1"), 0);
	expect(s, "0/0 v1 a first seen, 2/2 v2 b package note, 3/ v1  mark");
	s = open_store();
	seen(s, "package note", 0, "v1", "a");
	seen(s, "package note", 2, "v2", "b");
	assert_int_equal(mark(s, 3, "v1"), 0); /* two quick deploys, marked a little late each */
	assert_int_equal(mark(s, 4, "v2"), 0);
	expect(s, "3/0 v1 a mark, 4/2 v2 b mark");
}

static void marking_twice(void **state)
{
	(void)state;
	struct mc_store *s = open_store();
	assert_int_equal(mark(s, 0, "v1"), 0);
	assert_int_equal(mark(s, 9, "v1"), MC_MARK_KNOWN);
	assert_int_equal(mark(s, 11, "v1"), 0);
	assert_int_equal(mark(s, 12, "v2"), 0);
	assert_int_equal(mark(s, 13, "v1"), 0); /* not the newest any more */
	expect(s, "0/ v1  mark, 11/ v1  mark, 12/ v2  mark, 13/ v1  mark");
}

static void revisions(void **state)
{
	(void)state;
	struct mc_error err = { 0 };
	struct mc_deploy_row d = { 0 };
	struct mc_mark m = { .program = "p", .revision = "0123abcdef0123abcdef0123abcdef0123abcdef" };
	assert_int_equal(deploys_resolve(NULL, &m, start, &d, &err), 0);
	assert_string_equal(d.commit, m.revision);
	assert_string_equal(d.version, "");
	deploys_row_release(&d);
	m.revision = "20260203"; /* a date, though of hex digits */
	m.note = "bad \xff";
	assert_int_equal(deploys_resolve(NULL, &m, start, &d, &err), 0);
	assert_string_equal(d.version, "20260203");
	assert_string_equal(d.commit, "");
	assert_string_equal(d.note, "bad \xef\xbf\xbd");
	assert_int_equal(d.unix_ms, start);
	deploys_row_release(&d);
	m.revision = " ";
	assert_int_equal(deploys_resolve(NULL, &m, start, &d, &err), MC_EUSAGE);
	m.revision = "v1";
	m.at_ms = start + 2 * 86400000;
	assert_int_equal(deploys_resolve(NULL, &m, start, &d, &err), MC_EUSAGE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(same_version_is_one), cmocka_unit_test(another_version_is_another),
		cmocka_unit_test(a_build_without_a_name_is_the_nearest_mark), cmocka_unit_test(a_baseline_is_no_deploy_that_was_just_marked),
		cmocka_unit_test(back_again_is_another_deploy),
		cmocka_unit_test(a_rollback_that_is_marked_first_leaves_the_earlier_deploy_alone), cmocka_unit_test(marking_twice), cmocka_unit_test(revisions),
	};
	if (!mkdtemp(folder))
		return 1;
	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	char command[64];
	snprintf(command, sizeof command, "rm -rf %s", folder);
	return system(command) || failed; /* NOLINT */
}
