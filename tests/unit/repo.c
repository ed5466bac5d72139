/* Unit tests of repositories: what a revision is, and which tags there are. */
#include "memculprit/deploy.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "repo_make.h"

static struct mc_repo *open_made(const struct made *m)
{
	struct mc_repo *r = NULL;
	struct mc_error e;
	if (mc_repo_open(m->dir, &r, &e) < 0)
		fail_msg("%s", e.text);
	return r;
}

static void revisions_are_resolved(void **state)
{
	(void)state;
	struct made *m = made_new(false);
	struct mc_revision v;
	struct mc_error e;
	made_file(m, "a.c", "1\n");
	const char *one = made_commit(m, "A", "one");
	made_tag(m, "v1.0", "first");
	made_tag(m, "nightly", NULL);
	made_file(m, "a.c", "2\n");
	const char *two = made_commit(m, "A", "two");
	made_tag(m, "light", NULL);
	struct mc_repo *r = open_made(m);
	assert_int_equal(mc_repo_resolve(r, "v1.0", NULL, &v, &e), 0);
	assert_string_equal(v.commit, one);
	assert_string_equal(v.version, "v1.0");
	assert_int_equal(v.commit_ms, 1700000000000);
	assert_int_equal(v.tag_ms, 1700000060000);
	assert_int_equal(mc_repo_resolve(r, "master", "v*", &v, &e), 0);
	assert_string_equal(v.commit, two);
	assert_string_equal(v.version, "");
	assert_int_equal(mc_repo_resolve(r, "nightly", NULL, &v, &e), 0);
	assert_string_equal(v.version, "nightly");
	assert_int_equal(mc_repo_resolve(r, "nightly", "v*", &v, &e), 0);
	assert_string_equal(v.version, "v1.0");
	assert_int_equal(mc_repo_resolve(r, "master~1", NULL, &v, &e), 0);
	assert_string_equal(v.commit, one);
	static const char *const none[] = { "v9", "", "-x", "0123456789abcdef0123456789abcdef01234567", "v1.0^{tree}", "\x1b[31m", "HEAD@{" };
	for (size_t i = 0; i < sizeof none / sizeof *none; i++) {
		assert_int_equal(mc_repo_resolve(r, none[i], NULL, &v, &e), MC_ENOTFOUND);
		assert_null(strchr(e.text, 27));
	}
	struct mc_revision *tags = NULL;
	size_t n = 0;
	assert_int_equal(mc_repo_tags(r, NULL, &tags, &n, &e), 0);
	assert_int_equal(n, 3);
	assert_string_equal(tags[0].version, "v1.0");
	assert_string_equal(tags[1].version, "nightly");
	assert_string_equal(tags[2].version, "light");
	free(tags);
	mc_repo_close(r);
	made_free(m);
}

static void short_ids_may_be_ambiguous(void **state)
{
	(void)state;
	struct made *m = made_new(true);
	struct mc_revision v;
	struct mc_error e;
	bool seen[65536] = { false };
	char same[5] = "";
	for (int i = 0; same[0] == '\0' && i < 4000; i++) {
		const char *id = made_commit(m, "A", "x");
		char head[5] = { id[0], id[1], id[2], id[3], '\0' };
		size_t k = strtoul(head, NULL, 16);
		if (seen[k])
			memcpy(same, head, sizeof same);
		seen[k] = true;
	}
	struct mc_repo *r = open_made(m);
	assert_int_equal(mc_repo_resolve(r, same, NULL, &v, &e), MC_EFORMAT);
	assert_non_null(strstr(e.text, "more than one"));
	mc_repo_close(r);
	made_free(m);
}

static void what_is_no_repository_is_said(void **state)
{
	(void)state;
	struct mc_repo *r = NULL;
	struct mc_error e;
	assert_int_equal(mc_repo_open("/nonexistent/x", &r, &e), MC_ENOTFOUND);
	assert_non_null(strstr(e.text, "/nonexistent/x"));
	assert_int_equal(mc_repo_open("/proc", &r, &e), MC_EFORMAT);
	assert_non_null(strstr(e.text, "not a git repository"));
	mc_repo_close(NULL);
}

static void somebody_elses_repository_opens(void **state)
{
	(void)state;
	if (geteuid() != 0)
		skip();
	struct made *m = made_new(false);
	char git[256];
	made_file(m, "a.c", "1\n");
	made_commit(m, "A", "one");
	snprintf(git, sizeof git, "%s/.git", m->dir);
	assert_int_equal(chown(m->dir, 12345, 12345), 0);
	assert_int_equal(chown(git, 12345, 12345), 0);
	struct mc_repo *r = open_made(m);
	mc_repo_close(r);
	made_free(m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(revisions_are_resolved),
		cmocka_unit_test(short_ids_may_be_ambiguous),
		cmocka_unit_test(what_is_no_repository_is_said),
		cmocka_unit_test(somebody_elses_repository_opens),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
