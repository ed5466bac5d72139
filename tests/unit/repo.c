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
	/* the candidates are listed: both ids, in more digits */
	const char *first = strstr(e.text, same);
	first = first ? strstr(first + 4, same) : NULL;
	assert_non_null(first);
	assert_non_null(strstr(first + 4, same));
	mc_repo_close(r);
	made_free(m);
}

/* An id that is short for a commit and for a file: git takes the commit, and so do we. */
static void a_commit_among_other_objects_is_meant(void **state)
{
	(void)state;
	struct made *m = made_new(true);
	struct mc_revision v;
	struct mc_error e;
	made_file(m, "a", "1\n");
	const char *id = made_commit(m, "A", "one");
	char head[5] = { id[0], id[1], id[2], id[3], '\0' }, hex[5] = "";
	for (unsigned i = 0; strcmp(hex, head) != 0; i++) {
		char text[32];
		git_oid blob;
		snprintf(text, sizeof text, "%u\n", i);
		assert_int_equal(git_odb_hash(&blob, text, strlen(text), GIT_OBJECT_BLOB), 0);
		git_oid_tostr(hex, sizeof hex, &blob);
		if (strcmp(hex, head) == 0)
			assert_int_equal(git_blob_create_from_buffer(&blob, m->git, text, strlen(text)), 0);
	}
	struct mc_repo *r = open_made(m);
	assert_int_equal(mc_repo_resolve(r, head, NULL, &v, &e), 0);
	assert_string_equal(v.commit, id);
	mc_repo_close(r);
	made_free(m);
}

static void relations(void **state)
{
	(void)state;
	struct made *m = made_new(false);
	enum mc_relation how;
	made_file(m, "a", "1\n");
	const char *one = made_commit(m, "A", "one"), *two = made_commit(m, "A", "two");
	made_checkout(m, one);
	const char *side = made_commit(m, "A", "side");
	struct mc_repo *r = open_made(m);
	assert_int_equal(mc_repo_relation(r, one, one, &how, NULL), 0);
	assert_int_equal(how, MC_REL_SAME);
	assert_int_equal(mc_repo_relation(r, one, two, &how, NULL), 0);
	assert_int_equal(how, MC_REL_FORWARD);
	assert_int_equal(mc_repo_relation(r, two, one, &how, NULL), 0);
	assert_int_equal(how, MC_REL_BACK);
	assert_int_equal(mc_repo_relation(r, two, side, &how, NULL), 0);
	assert_int_equal(how, MC_REL_DIVERGED);
	assert_int_equal(mc_repo_relation(r, "v9", side, &how, NULL), MC_ENOTFOUND);
	mc_repo_close(r);
	made_free(m);
}

static void moved_refs_are_noticed(void **state)
{
	(void)state;
	struct made *m = made_new(false);
	uint64_t was = 0;
	struct mc_error e;
	made_file(m, "a", "1\n");
	made_commit(m, "A", "one");
	assert_int_equal(mc_repo_watch(m->dir, &was, &e), 1);
	for (int i = 0; i < 3; i++)
		assert_int_equal(mc_repo_watch(m->dir, &was, &e), 0);
	made_tag(m, "v1", "x");
	assert_int_equal(mc_repo_watch(m->dir, &was, &e), 1);
	made_tag(m, "deep/er/v2", NULL);
	assert_int_equal(mc_repo_watch(m->dir, &was, &e), 1);
	made_tag(m, "deep/er/v3", NULL);
	assert_int_equal(mc_repo_watch(m->dir, &was, &e), 1);
	usleep(20000); /* the clock of a file system ticks every few milliseconds */
	made_commit(m, "A", "two");
	assert_int_equal(mc_repo_watch(m->dir, &was, &e), 1);
	assert_int_equal(mc_repo_watch(m->dir, &was, &e), 0);
	char git[256], away[256];
	snprintf(git, sizeof git, "%s/.git", m->dir);
	snprintf(away, sizeof away, "%s/away", m->dir);
	assert_int_equal(rename(git, away), 0);
	assert_int_equal(mc_repo_watch(m->dir, &was, &e), MC_ENOTFOUND);
	assert_int_equal(rename(away, git), 0);
	assert_int_equal(mc_repo_watch("/nonexistent", &was, &e), MC_ENOTFOUND);
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
		cmocka_unit_test(a_commit_among_other_objects_is_meant),
		cmocka_unit_test(relations),
		cmocka_unit_test(moved_refs_are_noticed),
		cmocka_unit_test(what_is_no_repository_is_said),
		cmocka_unit_test(somebody_elses_repository_opens),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
