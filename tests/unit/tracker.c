/* Unit tests of the tracker: what is a deploy, and what looks like one and is none. Time is a number here. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "memculprit/deploy.h"

enum { MIN = 60000 };

static struct mc_tracker *t;
static struct mc_recognised seen;
static uint64_t next;
static int64_t now;

static int set_up(void **state)
{
	(void)state;
	t = mc_tracker_new();
	next = 1;
	now = 1000 * MIN;
	return t ? 0 : -1;
}

static int tear_down(void **state)
{
	(void)state;
	mc_tracker_free(t);
	return 0;
}

static struct mc_identity identity(const char *build, const char *version, const char *commit)
{
	struct mc_identity id = { .source = commit[0] ? MC_ID_PACKAGE_NOTE : version[0] ? MC_ID_ENVIRONMENT : MC_ID_BUILD_ID };
	snprintf(id.what, sizeof id.what, "logic");
	snprintf(id.build_id, sizeof id.build_id, "%s", build);
	snprintf(id.version, sizeof id.version, "%s", version);
	snprintf(id.commit, sizeof id.commit, "%s", commit);
	return id;
}

/* A process of that build begins a second later; `deploy` is what the tracker has to say. */
static uint64_t born(const char *build, int deploy)
{
	struct mc_identity id = identity(build, "", "");
	now += 1000;
	assert_int_equal(mc_tracker_born(t, "logic", next, now, now, &id, &seen, NULL), deploy);
	return next++;
}

static void gone(uint64_t i)
{
	now += 1000;
	mc_tracker_gone(t, i, now);
}

static void restarts_are_no_deploys(void **state)
{
	(void)state;
	uint64_t a = born("aa", 0), b = born("aa", 0);
	for (int i = 0; i < 1000; i++) {
		gone(a);
		if (i % 7 == 0) { /* at times all of them, and for long */
			gone(b);
			now += i * MIN;
			b = born("aa", 0);
		}
		a = born("aa", 0);
	}
}

static void a_new_build_is_one_deploy(void **state)
{
	(void)state;
	uint64_t v[4];
	for (int i = 0; i < 4; i++)
		v[i] = born("aa", 0);
	for (int i = 0; i < 4; i++) { /* rolling; one of the old ones crashes meanwhile */
		gone(v[i]);
		v[i] = born("bb", i == 0);
		if (i == 0) {
			assert_int_equal(seen.kind, MC_SEEN_VERSION);
			assert_true(seen.beside);
			assert_string_equal(seen.id.build_id, "bb");
			assert_int_equal(seen.first_seen_ms, now);
			assert_string_equal(seen.source, "build-id");
			assert_non_null(strstr(seen.note, "commit unknown"));
			gone(v[3]);
			v[3] = born("aa", 0);
		}
	}
	gone(v[0]);
	born("bb", 0);
}

static void rollback_and_reintroduction(void **state)
{
	(void)state;
	uint64_t a = born("aa", 0);
	gone(a);
	a = born("bb", 1);
	gone(a);
	a = born("aa", 1);
	assert_int_equal(seen.kind, MC_SEEN_BACK);
	assert_true(seen.ran_before_ms > 0 && seen.ran_before_ms < now);
	assert_false(seen.beside);
	gone(a);
	a = born("bb", 1);
	assert_int_equal(seen.kind, MC_SEEN_BACK);
	gone(a);
	a = born("bb", 0); /* the same version twice */
	gone(a);
	born("cc", 1);
	assert_int_equal(seen.kind, MC_SEEN_VERSION);
}

static void a_canary_withdrawn_and_brought_back(void **state)
{
	(void)state;
	uint64_t a = born("aa", 0), b = born("aa", 0), canary;
	gone(b);
	canary = born("bb", 1);
	assert_true(seen.beside);
	now += MIN;
	gone(canary);
	b = born("aa", 0); /* aa ran all the time: nothing came back */
	now += 60 * MIN;
	canary = born("bb", 1);
	assert_int_equal(seen.kind, MC_SEEN_BACK);
	gone(a), gone(b), gone(canary);
}

/* Two versions side by side for days: a restart of both at once deploys neither. */
static void side_by_side_for_long(void **state)
{
	(void)state;
	uint64_t a = born("aa", 0), b = born("bb", 1);
	for (int i = 0; i < 20; i++) {
		now += 100 * MIN;
		gone(a), gone(b);
		if (i % 2) {
			a = born("aa", 0), b = born("bb", 0);
		} else {
			b = born("bb", 0), a = born("aa", 0);
		}
	}
	gone(a); /* taken away at last; back after an hour it is a deploy again */
	now += 60 * MIN;
	born("aa", 1);
	assert_int_equal(seen.kind, MC_SEEN_BACK);
}

static int sees(const char *what, struct mc_identity id)
{
	snprintf(id.what, sizeof id.what, "%s", what);
	now += 1000;
	mc_tracker_gone(t, next - 1, now);
	return mc_tracker_born(t, "p", next++, now, now, &id, &seen, NULL);
}

static void what_counts_as_the_same(void **state)
{
	(void)state;
	const char *c1 = "1111111111111111111111111111111111111111", *c2 = "2222222222222222222222222222222222222222";
	/* a commit known in short and in full; the same commit built twice */
	assert_int_equal(sees("a", identity("aa", "", c1)), 0);
	assert_int_equal(sees("a", identity("aa", "", "11111111")), 0);
	assert_int_equal(sees("a", identity("bb", "", c1)), 0);
	assert_int_equal(sees("a", identity("bb", "", c2)), 1);
	assert_string_equal(seen.id.commit, c2);
	assert_non_null(strstr(seen.note, c1));
	/* the version of the environment changes while the file does not; and the other way round */
	assert_int_equal(sees("b", identity("aa", "v1", "")), 0);
	assert_int_equal(sees("b", identity("aa", "v2", "")), 1);
	assert_int_equal(sees("b", identity("bb", "v2", "")), 1);
	assert_non_null(strstr(seen.note, "another build of the same version"));
	/* once it is not permitted to read the environment: nothing is told, nothing is claimed */
	assert_int_equal(sees("b", identity("bb", "", "")), 0);
	/* a work tree whose HEAD moved without a build; a build without a commit */
	struct mc_identity tree = identity("aa", "", c1);
	tree.source = MC_ID_GIT_WORKTREE;
	assert_int_equal(sees("c", tree), 0);
	memcpy(tree.commit, c2, 41);
	assert_int_equal(sees("c", tree), 0);
	snprintf(tree.build_id, sizeof tree.build_id, "bb");
	assert_int_equal(sees("c", tree), 1);
	/* nothing known at all */
	assert_int_equal(sees("d", identity("", "", "")), 0);
	assert_int_equal(sees("", identity("aa", "", "")), 0);
	/* different files of one group are not versions of each other */
	assert_int_equal(sees("e", identity("aa", "", "")), 0);
	assert_int_equal(sees("f", identity("bb", "", "")), 0);
	assert_int_equal(sees("e", identity("aa", "", "")), 0);
}

static void the_interpreter_is_a_library(void **state)
{
	(void)state;
	struct mc_identity id = identity("aa", "", "1111111111111111111111111111111111111111");
	id.interpreted = true;
	assert_int_equal(sees("app.py", id), 0);
	snprintf(id.build_id, sizeof id.build_id, "bb");
	assert_int_equal(sees("app.py", id), 1);
	assert_int_equal(seen.kind, MC_SEEN_LIBRARY);
	id.commit[0] = '\0';
	id.source = MC_ID_CONTENTS;
	snprintf(id.contents, sizeof id.contents, "c1");
	assert_int_equal(sees("other.py", id), 0);
	snprintf(id.contents, sizeof id.contents, "c2");
	assert_int_equal(sees("other.py", id), 1);
	assert_int_equal(seen.kind, MC_SEEN_VERSION);
}

static struct mc_library_build library(const char *name, const char *build)
{
	struct mc_library_build l = { 0 };
	snprintf(l.name, sizeof l.name, "%s", name);
	snprintf(l.path, sizeof l.path, "/usr/lib/%s.so.1", name);
	snprintf(l.build_id, sizeof l.build_id, "%s", build);
	return l;
}

static int maps(uint64_t i, const char *ssl, const char *c, const char *plugin)
{
	struct mc_library_build v[3];
	size_t n = 0;
	if (c[0])
		v[n++] = library("libc", c);
	if (plugin[0])
		v[n++] = library("libplugin", plugin);
	if (ssl[0])
		v[n++] = library("libssl", ssl);
	return mc_tracker_libraries(t, i, now, v, n, &seen, NULL);
}

static void library_updates(void **state)
{
	(void)state;
	uint64_t a = born("aa", 0), b = born("aa", 0);
	assert_int_equal(maps(a, "s1", "c1", ""), 0);
	assert_int_equal(maps(a, "s2", "c1", ""), 0); /* told once only */
	assert_int_equal(maps(b, "s1", "c1", "p1"), 0); /* one more that it opened later */
	gone(a);
	a = born("aa", 0);
	assert_int_equal(maps(a, "s1", "c1", ""), 0);
	gone(a);
	a = born("aa", 0);
	assert_int_equal(maps(a, "s2", "c2", ""), 1);
	assert_int_equal(seen.kind, MC_SEEN_LIBRARY);
	assert_string_equal(seen.source, "library");
	assert_non_null(strstr(seen.id.version, "libc"));
	assert_non_null(strstr(seen.note, "and 1 more"));
	gone(b);
	b = born("aa", 0);
	assert_int_equal(maps(b, "s2", "c2", "p1"), 0); /* the same update reaches the others */
	/* the program changed too: that is the deploy, its libraries are not another one */
	gone(a), gone(b);
	a = born("bb", 1);
	assert_int_equal(maps(a, "s3", "c3", ""), 0);
	gone(a);
	a = born("bb", 0);
	assert_int_equal(maps(a, "s3", "c3", ""), 0);
	gone(a);
	a = born("bb", 0);
	assert_int_equal(maps(a, "s4", "c3", ""), 1);
	assert_int_equal(maps(a + 1, "s5", "c3", ""), 0);
}

static void remembered_over_a_restart_of_the_daemon(void **state)
{
	(void)state;
	struct mc_buf b = { 0 };
	uint64_t a = born("aa", 0);
	assert_int_equal(maps(a, "s1", "c1", ""), 0);
	gone(a);
	a = born("bb", 1);
	assert_int_equal(maps(a, "s1", "c1", ""), 0);
	assert_true(mc_tracker_changed(t, "logic"));
	assert_false(mc_tracker_changed(t, "logic"));
	gone(a);
	a = born("bb", 0);
	assert_false(mc_tracker_changed(t, "logic"));
	assert_int_equal(mc_tracker_save(t, "logic", &b, NULL), 0);
	for (int i = 0; i < 3; i++) {
		mc_tracker_free(t);
		t = mc_tracker_new();
		assert_non_null(t);
		assert_int_equal(mc_tracker_load(t, "logic", b.data, b.len, NULL), 0);
		a = born(i == 0 ? "bb" : i == 1 ? "cc" : "aa", i > 0); /* what runs still, what came meanwhile, what came back */
		if (i == 0) {
			gone(a);
			a = born("bb", 0);
			assert_int_equal(maps(a, "s2", "c1", ""), 1);
		}
		if (i == 2)
			assert_int_equal(seen.kind, MC_SEEN_BACK);
	}
	/* what is damaged or foreign says nothing, and harms nothing */
	for (size_t n = 0; n < b.len; n += 3) {
		struct mc_tracker *other = mc_tracker_new();
		assert_int_equal(mc_tracker_load(other, "x", b.data, n, NULL), 0);
		mc_tracker_free(other);
	}
	static const char *const bad[] = { "", "[]", "{\"format\":1,\"things\":[{\"what\":\"x\",\"newest\":99,\"variants\":[{}]}]}",
		"{\"format\":1,\"things\":[{\"what\":\"x\",\"variants\":[1],\"libraries\":[{\"variant\":7,\"v\":[[1,2]]},{\"v\":[[1,2]]}]}]}" };
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		assert_int_equal(mc_tracker_load(t, "y", bad[i], strlen(bad[i]), NULL), 0);
	mc_buf_release(&b);
}

static void limits_hold(void **state)
{
	(void)state;
	struct mc_identity id = identity("", "", "");
	/* more versions alive at once than are remembered: no more deploys, no crash */
	for (int i = 0; i < 100; i++) {
		snprintf(id.build_id, sizeof id.build_id, "%04x", i);
		assert_int_equal(mc_tracker_born(t, "many", next++, now, now, &id, &seen, NULL), i > 0 && i < 16);
	}
	for (int i = 0; i < 300; i++) {
		snprintf(id.what, sizeof id.what, "file%c%c", 'a' + i / 26, 'a' + i % 26);
		assert_int_equal(mc_tracker_born(t, "many", next++, now, now, &id, &seen, NULL), 0);
	}
	/* thousands one after the other are all deploys */
	for (int i = 0; i < 3000; i++) {
		char build[16];
		snprintf(build, sizeof build, "%06x", i);
		gone(born(build, i > 0));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(restarts_are_no_deploys, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_new_build_is_one_deploy, set_up, tear_down),
		cmocka_unit_test_setup_teardown(rollback_and_reintroduction, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_canary_withdrawn_and_brought_back, set_up, tear_down),
		cmocka_unit_test_setup_teardown(side_by_side_for_long, set_up, tear_down),
		cmocka_unit_test_setup_teardown(what_counts_as_the_same, set_up, tear_down),
		cmocka_unit_test_setup_teardown(the_interpreter_is_a_library, set_up, tear_down),
		cmocka_unit_test_setup_teardown(library_updates, set_up, tear_down),
		cmocka_unit_test_setup_teardown(remembered_over_a_restart_of_the_daemon, set_up, tear_down),
		cmocka_unit_test_setup_teardown(limits_hold, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
