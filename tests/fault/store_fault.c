/* The n-th allocation, write, sync, open, read fails, once and for good, for every n; the disk is full;
 * the power goes. Always: a clear error, no crash, nothing acknowledged lost, and it goes on after. */
#include "store_alloc.h"
#include "store_model.h"
#include "store_vfs.h"

#include <setjmp.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static int set_up(void **state)
{
	(void)state;
	return alloc_set_up() < 0 || vfs_register() != SQLITE_OK;
}

/* ---- what is done while things fail ---- */

static char dir[] = "/tmp/mc-fault-XXXXXX", path[64];

static int open_store(struct mc_store **ret, uint64_t quota, struct mc_error *err)
{
	/* the store asks the real file system whether it is there: to a reader it must be */
	struct mc_store_config c = { .path = path, .mode = MC_STORE_WRITE, .host = "h", .quota_bytes = quota };
	return mc_store_open(&c, ret, err);
}

struct course {
	int64_t next, acknowledged;
	int errors;
	int code; /* of the last error */
};

static void note(struct course *k, int rc, const struct mc_error *e)
{
	if (rc == 0)
		return;
	k->errors++;
	k->code = rc;
	if (rc > 0 || e->code != rc || e->text[0] == '\0')
		fail_msg("an error without code or text: %d, %d, \"%s\"", rc, e->code, e->text);
}

/* A day in the life: every step may fail; a tick is repeated until it is acknowledged, four times. */
static void live(struct course *k, int ticks)
{
	struct mc_store *s = NULL;
	struct model m;
	struct mc_error e = { 0 };
	int rc = open_store(&s, 0, &e);
	note(k, rc, &e);
	if (rc < 0)
		return;
	rc = model_begin(s, &m, &e);
	note(k, rc, &e);
	for (int i = 0; i < ticks && rc == 0; i++) {
		for (int attempt = 0; attempt < 4; attempt++) {
			e = (struct mc_error){ 0 };
			rc = model_tick(s, &m, k->next, &e);
			note(k, rc, &e);
			if (rc == 0)
				break;
		}
		if (rc == 0)
			k->acknowledged = ++k->next;
	}
	if (rc == 0) {
		note(k, mc_store_maintain(s, 0, &e), &e);
		note(k, mc_store_fact_put(s, "a", "b", &e), &e);
		char text[256];
		model_verify(s, 0, text); /* may fail; must not crash */
	}
	mc_store_close(s);
}

static void check_after(const struct course *k, const char *what, int64_t n)
{
	struct mc_store *s = NULL;
	struct mc_error e = { 0 };
	struct mc_buf report = { 0 };
	char text[256] = "";
	if (open_store(&s, 0, &e) < 0)
		fail_msg("%s %lld: opening after it: %s", what, (long long)n, e.text);
	if (model_verify(s, k->acknowledged, text) < 0)
		fail_msg("%s %lld: %s", what, (long long)n, text);
	if (mc_store_check(s, NULL, NULL, &report, &e) < 0)
		fail_msg("%s %lld: %s", what, (long long)n, mc_buf_text(&report));
	mc_buf_release(&report);
	mc_store_close(s);
}

/* ---- everything else that a daemon does with its database ---- */

enum { IMPORTS = 30, IMPORT_STEP = 700000, IMPORTED = 40 };
#define IMPORT_T0 (MODEL_T0 - 100LL * IMPORT_STEP)

static int64_t imported_life(struct mc_store *s, struct mc_error *e)
{
	int64_t program;
	if (mc_store_program(s, "zz-imported", &program, e) < 0)
		return 0;
	struct mc_incarnation life = { .program = program, .key = "", .pid = 7, .start_ms = IMPORT_T0 - 1 };
	return mc_store_incarnation(s, &life, e) < 0 ? 0 : life.id;
}

/* n ticks of the imported life, all or nothing. */
static int import_some(struct mc_store *s, int64_t life, int64_t from, int64_t n, struct mc_error *e)
{
	struct mc_row row = { .incarnation = life };
	int rc = mc_store_begin(s, e);
	if (rc < 0)
		return rc;
	for (int64_t t = from; t < from + n && rc == 0; t++) {
		for (unsigned f = 0; f < MC_F_COUNT; f++)
			row.v[f] = (double)(t * f);
		rc = mc_store_tick(s, IMPORT_T0 + t * IMPORT_STEP, &row, 1, NULL, 0, NULL, e);
	}
	if (rc == 0)
		return mc_store_commit(s, e);
	mc_store_rollback(s);
	return rc;
}

static int count_rows(void *user, const struct mc_life_view *v)
{
	*(size_t *)user += v->series.n;
	return 0;
}

static int read_some(struct mc_store *s, const struct model *m, struct mc_error *e)
{
	size_t n = 0;
	struct mc_buf b = { 0 };
	struct mc_life_data *kept = NULL;
	struct mc_deploy_row *d = NULL;
	struct mc_dropped dropped;
	struct mc_series_query q = { .program = m->program, .since_ms = INT64_MIN, .until_ms = INT64_MAX, .fields = 7, .kept = true };
	int rc = mc_store_program_series(s, &q, count_rows, &n, e);
	if (rc == 0)
		rc = mc_store_lives_get(s, m->program, &kept, &n, e);
	if (rc == 0)
		mc_store_lives_free(kept, n);
	if (rc == 0)
		rc = mc_store_deploys(s, 0, &d, &n, e);
	if (rc == 0)
		mc_store_deploys_free(d, n);
	if (rc == 0)
		rc = mc_store_answer_get(s, m->program, NULL, &b, e);
	mc_buf_release(&b);
	return rc < 0 ? rc : mc_store_dropped(s, &dropped, e);
}

static int write_some(struct mc_store *s, const struct model *m, struct mc_error *e)
{
	char v[] = "v1", none[] = "";
	struct mc_deploy_row d = { .program = m->program, .unix_ms = 5, .version = v, .commit = none, .build_id = none,
		.host = none, .note = none, .source = none };
	struct mc_life_data kept[2] = { { m->ids[0], MODEL_T0, "abc", 3 }, { m->ids[1], MODEL_T0, "", 0 } };
	int rc = mc_store_deploy_add(s, &d, e);
	d.first_seen_ms = 9;
	if (rc == 0)
		rc = mc_store_deploy_update(s, &d, e);
	if (rc == 0)
		rc = mc_store_answer_put(s, m->program, 5, "{}", e);
	if (rc == 0)
		rc = mc_store_lives_put(s, kept, 2, e);
	return rc < 0 ? rc : mc_store_deploy_delete(s, d.id, e);
}

/* What step of it fails is told and nothing else fails for it; *done: imported ticks that were acknowledged. */
static void live_fully(struct course *k, int64_t *done)
{
	struct mc_store *s = NULL;
	struct model m;
	struct mc_error e = { 0 };
	struct mc_buf report = { 0 };
	/* old samples are due: those of the imports, whose hourly means are kept */
	struct mc_store_config c = { .path = path, .mode = MC_STORE_WRITE, .host = "h", .keep_ms = 1000000, .keep_hourly_ms = 1LL << 50 };
	int rc = mc_store_open(&c, &s, &e);
	note(k, rc, &e);
	if (rc < 0)
		return;
	rc = model_begin(s, &m, &e);
	note(k, rc, &e);
	for (int i = 0; i < 3 && rc == 0; i++) {
		rc = model_tick(s, &m, k->next, &e);
		note(k, rc, &e);
		if (rc == 0)
			k->acknowledged = ++k->next;
	}
	if (rc == 0) {
		int64_t life = imported_life(s, &e);
		rc = life ? import_some(s, life, IMPORTS * 2, IMPORTED, &e) : e.code;
		note(k, rc, &e);
		*done = rc == 0 ? IMPORTED : 0;
		note(k, write_some(s, &m, &e), &e);
		rc = read_some(s, &m, &e);
		note(k, rc == MC_ENOTFOUND ? 0 : rc, &e); /* the answer was not written then */
		note(k, mc_store_maintain(s, MODEL_T0 + 500, &e), &e);
		note(k, mc_store_compact(s, NULL, NULL, &e), &e);
		mc_store_check(s, NULL, NULL, &report, &e); /* may find itself without memory; must not crash */
		mc_buf_release(&report);
	}
	mc_store_close(s);
}

static void begin_fully(struct course *k)
{
	struct mc_store *s = NULL;
	struct mc_error e = { 0 };
	vfs_clear();
	vfs_plan = (struct vfs_plan){ 0 };
	*k = (struct course){ 0 };
	live(k, 5);
	assert_int_equal(open_store(&s, 0, &e), 0);
	int64_t life = imported_life(s, &e);
	for (int i = 0; i < IMPORTS; i++) /* a round each, so that a batch of them is due */
		assert_int_equal(import_some(s, life, i * 2, 2, &e), 0);
	mc_store_close(s);
	assert_int_equal(k->errors, 0);
	vfs_plan = (struct vfs_plan){ 0 };
}

/* Of the import all is there or nothing. */
static void check_import(int64_t acknowledged, const char *what, int64_t n)
{
	struct mc_store *s = NULL;
	struct mc_error e = { 0 };
	struct mc_series r = { 0 };
	assert_int_equal(open_store(&s, 0, &e), 0);
	int64_t life = imported_life(s, &e);
	assert_int_equal(mc_store_series(s, life, IMPORT_T0 + IMPORTS * 2LL * IMPORT_STEP, INT64_MAX, &r, &e), 0);
	if ((int64_t)r.n != IMPORTED && (r.n != 0 || acknowledged))
		fail_msg("%s %lld: %zu of %d imported ticks", what, (long long)n, r.n, IMPORTED);
	mc_series_release(&r);
	mc_store_close(s);
}

static int64_t step_of(int64_t n, int64_t whole, int64_t then)
{
	if (getenv("MC_FAULT_ALL"))
		return 1;
	return getenv("MC_SHORT") ? 3 * then : n < whole ? 1 : then;
}

static void start_over(struct course *k)
{
	vfs_clear();
	vfs_plan = (struct vfs_plan){ 0 };
	*k = (struct course){ 0 };
	live(k, 20); /* something is there already */
	assert_int_equal(k->errors, 0);
	vfs_plan = (struct vfs_plan){ 0 };
}

static void each_allocation_fails(void **state)
{
	(void)state;
	for (int for_good = 0; for_good < 2; for_good++) {
		bool met = true;
		/* every one at first, then every 13th: there are thousands. All of them with MC_FAULT_ALL (./dev soak) */
		for (int64_t n = 1; met; n += step_of(n, 200, 13)) {
			struct course k;
			start_over(&k);
			alloc_fail_at = n;
			alloc_for_good = for_good;
			alloc_count = 0;
			alloc_on = true;
			live(&k, 12);
			alloc_on = false;
			met = alloc_count >= n;
			alloc_fail_at = 0;
			check_after(&k, for_good ? "all allocations from" : "allocation", n);
		}
	}
}

static void each_call_fails(void **state)
{
	(void)state;
	static const char *const names[] = { "write", "sync", "open", "read", "truncate" };
	for (int call = 0; call < VFS_CALLS; call++)
		for (int for_good = 0; for_good < 2; for_good++) {
			bool met = true;
			int errors = 0;
			for (int64_t n = 1; met; n += step_of(n, 80, 7)) {
				struct course k;
				start_over(&k);
				vfs_plan.fail_at[call] = n;
				vfs_plan.for_good = for_good;
				live(&k, 30);
				met = vfs_plan.calls[call] >= n;
				errors += k.errors;
				vfs_plan = (struct vfs_plan){ 0 };
				check_after(&k, names[call], n);
			}
			/* a truncate or sync of closing may be forgiven; but not all of them */
			if (call != VFS_TRUNCATE)
				assert_true(errors > 0);
		}
}

static void each_allocation_of_the_rest_fails(void **state)
{
	(void)state;
	for (int for_good = 0; for_good < 2; for_good++) {
		bool met = true;
		for (int64_t n = 1; met; n += step_of(n, 50, 41)) {
			struct course k;
			int64_t done = 0;
			begin_fully(&k);
			alloc_fail_at = n;
			alloc_for_good = for_good;
			alloc_count = 0;
			alloc_on = true;
			live_fully(&k, &done);
			alloc_on = false;
			met = alloc_count >= n;
			alloc_fail_at = 0;
			check_after(&k, "allocation of the rest", n);
			check_import(done, "allocation of the rest", n);
			if (!met)
				assert_int_equal(k.errors, 0);
		}
	}
}

static void each_call_of_the_rest_fails(void **state)
{
	(void)state;
	for (int call = 0; call < VFS_CALLS; call++)
		for (int for_good = 0; for_good < 2; for_good++) {
			bool met = true;
			for (int64_t n = 1; met; n += step_of(n, 20, 11)) {
				struct course k;
				int64_t done = 0;
				begin_fully(&k);
				vfs_plan.fail_at[call] = n;
				vfs_plan.for_good = for_good;
				live_fully(&k, &done);
				met = vfs_plan.calls[call] >= n;
				vfs_plan = (struct vfs_plan){ 0 };
				check_after(&k, "call of the rest", n);
				check_import(done, "call of the rest", n);
			}
		}
}

static void the_disk_is_full(void **state)
{
	(void)state;
	for (uint64_t room = 100000; room < 800000; room += 37777) {
		struct course k;
		model_may_drop = false;
		start_over(&k);
		model_may_drop = true;
		vfs_plan.room = room;
		live(&k, 300);
		bool was_full = k.errors > 0;
		if (was_full)
			assert_int_equal(k.code, MC_EFULL);
		vfs_plan.room = 0;
		live(&k, 10);
		check_after(&k, "room", (int64_t)room);
		if (room == 100000)
			assert_true(was_full);
	}
	model_may_drop = false;
}

/* With mc_store_maintain() in time no tick fails; without it one does, and the next goes on. */
static void fill_quota(bool maintained)
{
	vfs_clear();
	vfs_plan = (struct vfs_plan){ 0 };
	struct mc_store *s;
	struct model m;
	struct mc_error e;
	uint64_t quota = 50 * 4096; /* the log of 360 ticks alone takes some 20 */
	assert_int_equal(open_store(&s, quota, &e), 0);
	assert_int_equal(model_begin(s, &m, &e), 0);
	int failures = 0, in_a_row = 0;
	for (int64_t t = 0; t < 40000; t++) {
		int rc = model_tick(s, &m, t, &e);
		if (rc != 0 && rc != MC_EFULL)
			fail_msg("%d %s", rc, e.text);
		failures += rc != 0;
		in_a_row = rc ? in_a_row + 1 : 0;
		assert_true(in_a_row < 2);
		if (maintained && t % 100 == 0)
			assert_int_equal(mc_store_maintain(s, 0, &e), 0);
	}
	assert_int_equal(failures > 0, !maintained);
	struct mc_series r = { 0 };
	assert_int_equal(mc_store_series(s, m.ids[0], INT64_MIN, INT64_MAX, &r, &e), 0);
	if (r.n < 1500 || r.n >= 40000)
		fail_msg("%zu ticks are left", r.n);
	assert_int_equal(r.t_ms[r.n - 1], MODEL_T0 + 39999 * MODEL_STEP);
	mc_series_release(&r);
	/* every sample is there, or counted as dropped: those of lives, load and host */
	struct mc_dropped d = { 0 };
	size_t left = 0;
	assert_int_equal(mc_store_dropped(s, &d, &e), 0);
	struct mc_incarnation_row *lives;
	size_t nlives;
	assert_int_equal(mc_store_incarnations(s, m.program, INT64_MIN, INT64_MAX, &lives, &nlives, &e), 0);
	for (size_t i = 0; i < nlives; i++) {
		assert_int_equal(mc_store_series(s, lives[i].id, INT64_MIN, INT64_MAX, &r, &e), 0);
		left += r.n;
		mc_series_release(&r);
	}
	/* short lives go with their samples */
	assert_true(nlives < 12000 && d.lives > 1000);
	mc_store_incarnations_free(lives, nlives);
	struct mc_load_series l = { 0 };
	struct mc_host_series h = { 0 };
	assert_int_equal(mc_store_load_series(s, m.program, INT64_MIN, INT64_MAX, &l, &e), 0);
	assert_int_equal(mc_store_host_series(s, INT64_MIN, INT64_MAX, &h, &e), 0);
	left += l.n + h.n;
	mc_load_series_release(&l);
	mc_host_series_release(&h);
	assert_int_equal(d.for_room + left, (40000 - failures) * (MODEL_LIVES + 3));
	assert_int_equal(d.for_age, 0);
	assert_true(d.for_room_ms > MODEL_T0 && d.for_room_ms < MODEL_T0 + 39999LL * MODEL_STEP);
	mc_store_close(s);
}

static void the_quota_drops_the_oldest(void **state)
{
	(void)state;
	fill_quota(true);
	fill_quota(false);
}

static void the_power_goes(void **state)
{
	(void)state;
	int lost_nothing = 0;
	for (unsigned seed = 0; seed < 200; seed++) {
		struct course k;
		start_over(&k);
		vfs_plan.power_at = 1 + (int64_t)(seed * 7919U % 700);
		int64_t acknowledged = k.acknowledged;
		struct mc_store *s = NULL;
		struct model m;
		struct mc_error e;
		/* what is acknowledged before the power goes must be there; after it nothing counts */
		if (open_store(&s, 0, &e) == 0 && model_begin(s, &m, &e) == 0)
			for (int i = 0; i < 60; i++) {
				if (model_tick(s, &m, k.next, &e) < 0)
					break;
				k.next++;
				if (vfs_plan.changes <= vfs_plan.power_at)
					acknowledged = k.next;
			}
		/* the process ends with the machine: what it would still write is lost as well */
		vfs_plan.power_at = vfs_plan.power_at < vfs_plan.changes ? vfs_plan.power_at : vfs_plan.changes;
		mc_store_close(s);
		vfs_power_back(seed);
		k.acknowledged = acknowledged;
		check_after(&k, "power, seed", seed);
		lost_nothing++;
	}
	assert_int_equal(lost_nothing, 200);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_allocation_fails),
		cmocka_unit_test(each_call_fails),
		cmocka_unit_test(each_allocation_of_the_rest_fails),
		cmocka_unit_test(each_call_of_the_rest_fails),
		cmocka_unit_test(the_disk_is_full),
		cmocka_unit_test(the_quota_drops_the_oldest),
		cmocka_unit_test(the_power_goes),
	};
	if (!mkdtemp(dir))
		return 1;
	snprintf(path, sizeof path, "%s/a.db", dir);
	int rc = cmocka_run_group_tests_name("store faults", tests, set_up, NULL);
	vfs_clear();
	char lock[80];
	snprintf(lock, sizeof lock, "%s.lock", path);
	unlink(lock);
	rmdir(dir);
	return rc;
}
