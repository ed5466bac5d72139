/* Unit tests of the tracker: what is an update of a library, and what looks like one and is none. Time is a number here. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "memculprit/deploy.h"

enum { MIN = 60000 };

static struct mc_tracker *t;
static struct mc_library_update seen;
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

/* A process of that build begins a second later; what it maps is told by maps(). */
static const char *build_of[4000];

static uint64_t born(const char *build)
{
	now += 1000;
	build_of[next] = build;
	return next++;
}

static void gone(uint64_t i)
{
	now += 1000;
	mc_tracker_gone(t, i, now);
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
	const struct mc_tracked_life life = { "logic", "logic", build_of[i], i, now };
	return mc_tracker_libraries(t, &life, now, v, n, &seen, NULL);
}

static void library_updates(void **state)
{
	(void)state;
	uint64_t a = born("aa"), b = born("aa");
	assert_int_equal(maps(a, "s1", "c1", ""), 0);
	assert_int_equal(maps(a, "s2", "c1", ""), 0); /* told once only */
	assert_int_equal(maps(b, "s1", "c1", "p1"), 0); /* one more that it opened later */
	gone(a);
	a = born("aa");
	assert_int_equal(maps(a, "s1", "c1", ""), 0);
	gone(a);
	a = born("aa");
	assert_int_equal(maps(a, "s2", "c2", ""), 1);
	assert_non_null(strstr(seen.version, "libc"));
	assert_int_equal(seen.first_seen_ms, now);
	assert_non_null(strstr(seen.note, "and 1 more"));
	gone(b);
	b = born("aa");
	assert_int_equal(maps(b, "s2", "c2", "p1"), 0); /* the same update reaches the others */
	/* the program changed too: that is the deploy, its libraries are not another one */
	gone(a), gone(b);
	a = born("bb");
	assert_int_equal(maps(a, "s3", "c3", ""), 0);
	gone(a);
	a = born("bb");
	assert_int_equal(maps(a, "s3", "c3", ""), 0);
	gone(a);
	a = born("bb");
	assert_int_equal(maps(a, "s4", "c3", ""), 1);
}

/* Libraries that were there before and come again: back after an absence they are an update, a restart of all is none. */
static void back_and_side_by_side(void **state)
{
	(void)state;
	uint64_t a = born("aa"), b;
	assert_int_equal(maps(a, "s1", "", ""), 0);
	gone(a);
	now += 100 * MIN; /* stopped over a weekend */
	a = born("aa");
	assert_int_equal(maps(a, "s1", "", ""), 0);
	b = born("aa");
	assert_int_equal(maps(b, "s2", "", ""), 1);
	gone(a);
	a = born("aa");
	assert_int_equal(maps(a, "s2", "", ""), 0);
	gone(a), gone(b);
	a = born("aa");
	assert_int_equal(maps(a, "s1", "", ""), 1); /* the downgrade */
	/* beside each other for long: both are how it runs, and one that begins again is none */
	b = born("aa");
	assert_int_equal(maps(b, "s2", "", ""), 1);
	now += 30 * MIN;
	gone(a);
	a = born("aa");
	assert_int_equal(maps(a, "s1", "", ""), 0);
	/* another build has its own, and what of its file went then is no ground to compare with */
	uint64_t c = born("bb");
	assert_int_equal(maps(c, "s3", "", ""), 0);
	gone(c);
	c = born("");
	assert_int_equal(maps(c, "s9", "", ""), 0); /* of an unknown file nothing is compared */
	gone(c);
}

static void remembered_over_a_restart_of_the_daemon(void **state)
{
	(void)state;
	struct mc_buf b = { 0 };
	uint64_t a = born("aa");
	assert_int_equal(maps(a, "s1", "c1", ""), 0);
	gone(a);
	a = born("bb");
	assert_int_equal(maps(a, "s1", "c1", ""), 0);
	assert_true(mc_tracker_changed(t, "logic"));
	assert_false(mc_tracker_changed(t, "logic"));
	gone(a);
	a = born("bb");
	assert_int_equal(maps(a, "s1", "c1", ""), 0);
	assert_false(mc_tracker_changed(t, "logic"));
	assert_int_equal(mc_tracker_save(t, "logic", &b, NULL), 0);
	for (int i = 0; i < 3; i++) {
		mc_tracker_free(t);
		t = mc_tracker_new();
		assert_non_null(t);
		assert_int_equal(mc_tracker_load(t, "logic", b.data, b.len, NULL), 0);
		a = born(i == 1 ? "cc" : "bb"); /* what runs still; what came meanwhile; what was updated meanwhile */
		assert_int_equal(maps(a, i == 0 ? "s1" : "s2", "c1", ""), i == 2);
	}
	/* what is damaged or foreign says nothing, and harms nothing */
	for (size_t n = 0; n < b.len; n += 3) {
		struct mc_tracker *other = mc_tracker_new();
		assert_int_equal(mc_tracker_load(other, "x", b.data, n, NULL), 0);
		mc_tracker_free(other);
	}
	static const char *const bad[] = { "", "[]", "{\"format\":1,\"things\":[{\"what\":\"x\",\"variants\":[{}]}]}",
		"{\"format\":1,\"things\":[{\"what\":\"x\",\"variants\":[1],\"libraries\":[{\"variant\":7,\"v\":[[1,2]]},{\"v\":[[1,2]]}]}]}" };
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		assert_int_equal(mc_tracker_load(t, "y", bad[i], strlen(bad[i]), NULL), 0);
	mc_buf_release(&b);
}

static void limits_hold(void **state)
{
	(void)state;
	char build[100][8], what[16];
	const struct mc_library_build one = library("libssl", "s1"), two = library("libssl", "s2");
	struct mc_tracked_life life = { .program = "many", .what = "x", .start_ms = now };
	/* more builds alive at once than are remembered: no more updates, no crash */
	for (int i = 0; i < 100; i++) {
		snprintf(build[i], sizeof build[i], "%04x", i);
		life.build_id = build[i];
		life.incarnation = next++;
		assert_int_equal(mc_tracker_libraries(t, &life, now, &one, 1, &seen, NULL), 0);
	}
	life.incarnation = next++;
	assert_int_equal(mc_tracker_libraries(t, &life, now, &two, 1, &seen, NULL), 0);
	for (int i = 0; i < 300; i++) {
		snprintf(what, sizeof what, "file%c%c", 'a' + i / 26, 'a' + i % 26);
		life.what = what;
		life.incarnation = next++;
		assert_int_equal(mc_tracker_libraries(t, &life, now, &one, 1, &seen, NULL), 0);
	}
	/* an update after the other, and build after build: what is gone makes room */
	for (int i = 0; i < 3000; i++) {
		char id[16];
		snprintf(id, sizeof id, "%06x", i / 2);
		uint64_t a = born(id);
		assert_int_equal(maps(a, i % 2 ? "s2" : "s1", "", ""), i % 2);
		gone(a);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(library_updates, set_up, tear_down),
		cmocka_unit_test_setup_teardown(back_and_side_by_side, set_up, tear_down),
		cmocka_unit_test_setup_teardown(remembered_over_a_restart_of_the_daemon, set_up, tear_down),
		cmocka_unit_test_setup_teardown(limits_hold, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
