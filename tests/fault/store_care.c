/* Bringing an old file up to date, copying and salvaging while the n-th allocation fails: the file is as it was
 * or as it is to be, and no half of a copy is left. On real files. */
#include "memculprit/store.h"
#include "store_alloc.h"
#include "store_vfs.h"

#include <setjmp.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

struct vfs_plan vfs_plan;
static char dir[64], path[96], other[96];

static int set_up(void **state)
{
	(void)state;
	return alloc_set_up();
}

static void start_over(void)
{
	char command[900];
	const char *fixtures = getenv("MC_FIXTURES");
	snprintf(command, sizeof command, "rm -rf %s/* && cp '%s/store/v1.db' %s && chmod u+w %s", dir,
		fixtures ? fixtures : "tests/fixtures", path, path);
	assert_int_equal(system(command), 0);
}

static int open_store(enum mc_store_mode mode, struct mc_store **ret, struct mc_error *e)
{
	struct mc_store_config c = { .path = path, .mode = mode, .host = "web-1" };
	return mc_store_open(&c, ret, e);
}

static int bring_up_to_date(struct mc_error *e)
{
	struct mc_store *s = NULL;
	int rc = open_store(MC_STORE_WRITE, &s, e);
	mc_store_close(s);
	return rc;
}

static int copy(struct mc_error *e)
{
	struct mc_store *s = NULL;
	int rc = bring_up_to_date(e);
	if (rc == 0)
		rc = open_store(MC_STORE_READ, &s, e);
	if (rc == 0)
		rc = mc_store_backup(s, other, e);
	mc_store_close(s);
	return rc;
}

static int salvage(struct mc_error *e)
{
	struct mc_buf report = { 0 };
	int rc = mc_store_salvage(path, other, NULL, NULL, &report, e);
	mc_buf_release(&report);
	return rc;
}

/* All of it is there and sound, whatever happened. */
static void expect_whole(const char *file, const char *what, int64_t n)
{
	struct mc_store_config c = { .path = file, .mode = MC_STORE_WRITE, .host = "web-1" };
	struct mc_store *s = NULL;
	struct mc_error e = { 0 };
	struct mc_buf report = { 0 };
	struct mc_series r = { 0 };
	if (mc_store_open(&c, &s, &e) < 0 || mc_store_check(s, NULL, NULL, &report, &e) < 0 ||
		mc_store_series(s, 1, INT64_MIN, INT64_MAX, &r, &e) < 0)
		fail_msg("%s, allocation %lld: %s: %s", what, (long long)n, e.text, mc_buf_text(&report));
	assert_int_equal(r.n, 700);
	mc_series_release(&r);
	mc_buf_release(&report);
	mc_store_close(s);
}

static void each_allocation(int (*call)(struct mc_error *e), const char *what, int64_t then)
{
	for (int for_good = 0; for_good < 2; for_good++) {
		bool met = true;
		int failed = 0;
		for (int64_t n = 1; met; n += getenv("MC_FAULT_ALL") ? 1 : then) {
			struct mc_error e = { 0 };
			start_over();
			alloc_fail_at = n;
			alloc_for_good = for_good;
			alloc_count = 0;
			alloc_on = true;
			int rc = call(&e);
			alloc_on = false;
			met = alloc_count >= n;
			alloc_fail_at = 0;
			failed += rc < 0;
			if (rc < 0 && (e.code != rc || !e.text[0]))
				fail_msg("%s, allocation %lld: no text", what, (long long)n);
			if (!met)
				assert_int_equal(rc, 0);
			if (call != bring_up_to_date && rc < 0)
				assert_int_not_equal(access(other, F_OK), 0);
			if (call != bring_up_to_date && rc == 0)
				expect_whole(other, what, n);
			expect_whole(path, what, n);
		}
		assert_true(failed > 3);
	}
}

static void an_upgrade_is_done_or_not(void **state)
{
	(void)state;
	each_allocation(bring_up_to_date, "upgrade", 61);
}

static void a_copy_is_whole_or_not_there(void **state)
{
	(void)state;
	each_allocation(copy, "copy", 211);
}

static void what_is_salvaged_is_whole_or_not_there(void **state)
{
	(void)state;
	each_allocation(salvage, "salvage", 211);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_upgrade_is_done_or_not),
		cmocka_unit_test(a_copy_is_whole_or_not_there),
		cmocka_unit_test(what_is_salvaged_is_whole_or_not_there),
	};
	/* in memory where that is: thousands of syncs */
	snprintf(dir, sizeof dir, "%s/mc-care-XXXXXX", access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
	if (!mkdtemp(dir))
		return 1;
	snprintf(path, sizeof path, "%s/a.db", dir);
	snprintf(other, sizeof other, "%s/b.db", dir);
	int rc = cmocka_run_group_tests_name("store care", tests, set_up, NULL);
	char command[96];
	snprintf(command, sizeof command, "rm -rf %s", dir);
	return system(command) == 0 ? rc : 1;
}
