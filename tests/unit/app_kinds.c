/* What kind of deploy each is: rollback, reintroduction, the same version twice, a library's update, a canary; and that
 * a few samples are not called growth. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon_builds.h"
#include "deploys.h"

#define TEXT(s) ((char *)(uintptr_t)(s))
static char folder[] = "/tmp/mc-kinds-XXXXXX";

static struct mc_deploy_view view(const char *version, const char *source)
{
	return (struct mc_deploy_view){ .row = { .version = TEXT(version), .commit = TEXT(""), .build_id = TEXT(""), .host = TEXT(""),
		.note = TEXT(""), .source = TEXT(source) } };
}

static void kinds(void **state)
{
	(void)state;
	struct mc_deploy_view v[] = { view("v1", DEPLOYS_BASELINE), view("v2", "build-id"), view("libx 1, build a", DEPLOYS_LIBRARY),
		view("v1", "build-id"), view("v2", "build-id"), view("v2", "mark"), view("v3", "build-id"), view("libx 1, build b", DEPLOYS_LIBRARY),
		view("libx 1, build a", DEPLOYS_LIBRARY), view("v2", "build-id"), view("", "build-id"), view("", "build-id") };
	static const char *const want[] = { NULL, NULL, "library update", "rollback", "reintroduced", "the same version again", NULL,
		"library update", "rollback", "rollback", NULL, NULL };
	deploys_name_kinds(v, sizeof v / sizeof *v);
	for (size_t i = 0; i < sizeof v / sizeof *v; i++) {
		if (!want[i] != !v[i].kind || (want[i] && strcmp(want[i], v[i].kind) != 0))
			fail_msg("deploy %zu (%s): %s and not %s", i, v[i].row.version, v[i].kind ? v[i].kind : "none", want[i] ? want[i] : "none");
	}
	/* of hosts apart, the one's first is not the other's second */
	v[1].row.host = TEXT("a");
	v[0].row.host = v[3].row.host = TEXT("b");
	for (size_t i = 0; i < 4; i++)
		v[i].kind = NULL;
	deploys_name_kinds(v, 4);
	assert_string_equal(v[3].kind, "the same version again");
}

/* Four processes of v1, of which one is replaced at 1,000; all of them at 2,000 by others. */
static void canary(void **state)
{
	(void)state;
	struct mc_deploy_view v[3] = { view("v1", DEPLOYS_BASELINE), view("v2", "build-id"), view("v3", "build-id") };
	struct deploys_life l[] = { { 0, 990, 0, "/srv/1/app" }, { 0, 1990, 0, "/srv/1/app" }, { 0, 1990, 0, "/srv/1/app" },
		{ 0, 1990, 0, "/srv/1/app" }, { 1000, 1990, 1, "/srv/2/app" }, { 0, 5000, SIZE_MAX, "/bin/sh" }, { 2000, 5000, 2, "/srv/3/app" },
		{ 2010, 5000, 2, "/srv/3/app" }, { 2020, 5000, 2, "/srv/3/app" }, { 2030, 5000, 2, "/srv/3/app" } };
	deploys_count_processes(v, 3, l, sizeof l / sizeof *l, 50);
	assert_int_equal(v[0].processes, 4);
	assert_int_equal(v[0].processes_of, 4);
	assert_int_equal(v[1].processes, 1);
	assert_int_equal(v[1].processes_of, 4);
	assert_int_equal(v[2].processes, 4); /* the shell that started them is no part of it */
	assert_int_equal(v[2].processes_of, 4);
	/* blue and green: for a moment there are twice as many */
	struct mc_deploy_view w[2] = { view("v1", DEPLOYS_BASELINE), view("v2", "build-id") };
	struct deploys_life twice[] = { { 0, 1020, 0, "app" }, { 0, 1020, 0, "app" }, { 1000, 9000, 1, "app" }, { 1000, 9000, 1, "app" } };
	deploys_count_processes(w, 2, twice, 4, 50);
	assert_int_equal(w[1].processes, 2);
	assert_int_equal(w[1].processes_of, 2);
}

/* Two releases, the second with `n` samples that grow. */
static void read_views(size_t n, struct mc_deploys *ret)
{
	enum { STEP = 10000 };
	char path[64];
	struct mc_store *s = NULL;
	struct mc_error err = { 0 };
	int64_t program = 0, t = 1700000000000;
	snprintf(path, sizeof path, "%s/%zu.db", folder, n);
	if (mc_store_open(&(struct mc_store_config){ .path = path, .mode = MC_STORE_WRITE, .host = "h" }, &s, &err) != 0)
		fail_msg("%s", err.text);
	assert_int_equal(mc_store_program(s, "p", &program, &err), 0);
	for (int release = 0; release < 2; release++) {
		const char *version = release ? "v2" : "v1";
		struct mc_incarnation i = { .program = program, .key = "", .pid = 7 + release, .start_ms = t, .exe = "p", .version = version,
			.commit = "", .build_id = "" };
		struct mc_deploy_row d = { .program = program, .unix_ms = t, .first_seen_ms = t, .version = TEXT(version), .commit = TEXT(""),
			.build_id = TEXT(""), .host = TEXT(""), .note = TEXT(""), .source = TEXT(release ? "package note" : DEPLOYS_BASELINE) };
		assert_int_equal(mc_store_incarnation(s, &i, &err), 0);
		assert_int_equal(mc_store_deploy_add(s, &d, &err), 0);
		struct mc_row r = { .incarnation = i.id };
		for (int f = 0; f < MC_F_COUNT; f++)
			r.v[f] = (double)NAN;
		for (size_t k = 0; k < (release ? n : 100); k++, t += STEP) {
			r.v[MC_F_ANON] = 1e6 + (release && n > 30 ? 4096.0 * (double)k : 0);
			r.v[MC_F_SWAP] = 0;
			assert_int_equal(mc_store_tick(s, t, &r, 1, NULL, 0, NULL, &err), 0);
		}
	}
	assert_int_equal(mc_deploys_read(s, NULL, "p", ret, &err), 0);
	assert_int_equal(ret->n, 2);
	mc_store_close(s);
}

static void few_samples_are_no_growth(void **state)
{
	(void)state;
	struct mc_deploys d;
	read_views(8, &d);
	assert_true(d.views[1].few_samples && isnan(d.views[1].growth_after));
	assert_false(d.views[0].few_samples);
	assert_true(fabs(d.views[0].growth_after) < 1);
	mc_deploys_release(&d);
	read_views(60, &d);
	assert_false(d.views[1].few_samples);
	assert_true(d.views[1].growth_after > 100 && d.views[1].growth_after < 500); /* 409.6, or what the answer makes of so few */
	assert_int_equal(d.views[1].processes, 1);
	assert_int_equal(d.views[1].processes_of, 1);
	mc_deploys_release(&d);
}

/* A program with a deploy that was recognised, in a file that has others. */
static int64_t add_program(struct mc_store *s, const char *name)
{
	struct mc_error err = { 0 };
	int64_t id = 0, t = 1700000000000;
	assert_int_equal(mc_store_program(s, name, &id, &err), 0);
	struct mc_incarnation i = { .program = id, .key = "", .pid = 7, .start_ms = t, .exe = "p", .version = "v2", .commit = "", .build_id = "" };
	struct mc_deploy_row d = { .program = id, .unix_ms = t, .first_seen_ms = t, .version = TEXT("v2"), .commit = TEXT(""), .build_id = TEXT(""),
		.host = TEXT(""), .note = TEXT(""), .source = TEXT("package note") };
	assert_int_equal(mc_store_incarnation(s, &i, &err), 0);
	assert_int_equal(mc_store_deploy_add(s, &d, &err), 0);
	struct mc_row r = { .incarnation = i.id };
	for (int f = 0; f < MC_F_COUNT; f++)
		r.v[f] = f == MC_F_ANON ? 1e6 : (double)NAN;
	for (size_t k = 0; k < 50; k++)
		assert_int_equal(mc_store_tick(s, t + 10000 * (int64_t)k, &r, 1, NULL, 0, NULL, &err), 0);
	return id;
}

/* A list of all programs says what stored answers say and reckons none: it is asked for again and again. */
static void a_list_is_not_reckoned(void **state)
{
	(void)state;
	static const char answer[] = "{\"schema\": 1, \"culprit\": {\"version\": \"v2\", \"commit\": \"\", \"deployed_ms\": 1700000000000}, "
		"\"candidates\": [{\"version\": \"v2\", \"commit\": \"\", \"deployed_ms\": 1700000000000, \"probability\": 0.75}], "
		"\"slope_bytes_per_second\": {\"after\": 1234.5}}";
	char path[64];
	struct mc_store *s = NULL;
	struct mc_error err = { 0 };
	struct mc_deploys d;
	struct mc_status st;
	snprintf(path, sizeof path, "%s/list.db", folder);
	assert_int_equal(mc_store_open(&(struct mc_store_config){ .path = path, .mode = MC_STORE_WRITE, .host = "h" }, &s, &err), 0);
	int64_t judged = add_program(s, "a");
	add_program(s, "b");
	assert_int_equal(mc_store_answer_put(s, judged, 1700000490000, answer, &err), 0);
	assert_int_equal(mc_deploys_read(s, NULL, NULL, &d, &err), 0);
	assert_int_equal(d.n, 2);
	assert_true(d.views[0].culprit && !d.views[0].unanswered && fabs(d.views[0].probability - .75) < 1e-9);
	assert_true(fabs(d.views[0].growth_after - 1234.5) < 1e-6);
	assert_true(d.views[1].unanswered && !d.views[1].culprit && isnan(d.views[1].probability));
	assert_true(fabs(d.views[1].growth_after) < 1 && fabs(d.views[1].memory_after - 1e6) < 1);
	mc_deploys_release(&d);
	assert_int_equal(mc_deploys_read(s, NULL, "b", &d, &err), 0);
	assert_false(d.views[0].unanswered); /* by its name it is */
	mc_deploys_release(&d);
	char name[] = "c";
	for (size_t i = 0; i < 6; i++, name[0]++)
		add_program(s, name);
	assert_int_equal(mc_status_read(s, NULL, NULL, &st, &err), 0);
	size_t known = 0;
	for (size_t i = 0; i < st.n; i++)
		known += st.programs[i].answer_ms != MC_NO_TIME;
	assert_int_equal(st.n, 8);
	assert_int_equal(known, 4); /* as many as are reckoned; the stored one of above does not say its time */
	mc_status_release(&st);
	mc_store_close(s);
}

/* The program of a life that begins now. */
static void begin_life(struct mc_store *s, const char *name, int64_t *program, struct mc_row *ret)
{
	struct mc_error err = { 0 };
	assert_int_equal(mc_store_program(s, name, program, &err), 0);
	struct mc_incarnation i = { .program = *program, .key = "", .pid = *program, .start_ms = 1700000000000, .exe = "p", .version = "", .commit = "", .build_id = "" };
	assert_int_equal(mc_store_incarnation(s, &i, &err), 0);
	ret->incarnation = i.id;
	for (int f = 0; f < MC_F_COUNT; f++)
		ret->v[f] = f == MC_F_ANON ? 1e6 : (double)NAN;
}

/* What ended with the tick before is not said to run, and requests are held against what is usual. */
static void status_is_of_the_last_tick(void **state)
{
	(void)state;
	enum { TICKS = 100, TICK_MS = 10000 };
	char path[64];
	struct mc_store *s = NULL;
	struct mc_error err = { 0 };
	struct mc_status st;
	struct mc_row rows[2];
	int64_t runs = 0, gone = 0;
	snprintf(path, sizeof path, "%s/now.db", folder);
	assert_int_equal(mc_store_open(&(struct mc_store_config){ .path = path, .mode = MC_STORE_WRITE, .host = "h" }, &s, &err), 0);
	begin_life(s, "runs", &runs, &rows[0]);
	begin_life(s, "gone", &gone, &rows[1]);
	double requests = 0, host[MC_H_COUNT];
	for (int f = 0; f < MC_H_COUNT; f++)
		host[f] = f == MC_H_MEM_TOTAL || f == MC_H_MEM_AVAILABLE ? 1e9 : 0;
	for (int k = 0; k < TICKS; k++) {
		struct mc_load_row l = { .program = runs };
		for (int f = 0; f < MC_L_COUNT; f++)
			l.v[f] = (double)NAN;
		l.v[MC_L_REQUESTS] = requests += k < TICKS - 6 ? 1000 : 2000;
		assert_int_equal(mc_store_tick(s, 1700000000000 + (int64_t)k * TICK_MS, rows, k < TICKS - 2 ? 2 : 1, &l, 1, host, &err), 0);
	}
	struct mc_program_config p = { .match = { .name = "runs" }, .load_file = TEXT("x") };
	struct mc_config cfg = { .nprograms = 1, .programs = &p };
	assert_int_equal(mc_status_read(s, &cfg, NULL, &st, &err), 0);
	assert_int_equal(st.n, 2);
	assert_string_equal(st.programs[0].name, "runs");
	assert_int_equal(st.programs[0].processes, 1);
	assert_int_equal(st.programs[1].processes, 0);
	/* 2,000 against (93 * 1,000 + 6 * 2,000) / 99 */
	assert_non_null(strstr(st.host.text, ": memory is not short; requests +89 %"));
	mc_status_release(&st);
	assert_int_equal(mc_status_read(s, NULL, NULL, &st, &err), 0);
	assert_null(strstr(st.host.text, "requests"));
	mc_status_release(&st);
	mc_store_close(s);
}

/* With ticks of a second the host has a sample each fifth: who ended is told all the same, and who runs too. */
static void status_of_short_ticks(void **state)
{
	(void)state;
	enum { TICKS = 104, TICK_MS = 1000 };
	char path[64];
	struct mc_store *s = NULL;
	struct mc_error err = { 0 };
	struct mc_row rows[2];
	int64_t runs = 0, gone = 0;
	double host[MC_H_COUNT] = { 0 };
	snprintf(path, sizeof path, "%s/short.db", folder);
	assert_int_equal(mc_store_open(&(struct mc_store_config){ .path = path, .mode = MC_STORE_WRITE, .host = "h" }, &s, &err), 0);
	begin_life(s, "runs", &runs, &rows[0]);
	begin_life(s, "gone", &gone, &rows[1]);
	for (int k = 0; k < TICKS; k++) {
		struct mc_config cfg = { .interval_ms = TICK_MS };
		struct mc_status st;
		assert_int_equal(mc_store_tick(s, 1700000000000 + (int64_t)k * TICK_MS, rows, k < TICKS - 3 ? 2 : 1, NULL, 0, k % 5 ? NULL : host, &err), 0);
		if (k < TICKS - 8)
			continue;
		assert_int_equal(mc_status_read(s, &cfg, NULL, &st, &err), 0);
		for (size_t i = 0; i < st.n; i++) {
			bool ended = st.programs[i].name[0] == 'g' && k > TICKS - 3; /* a tick and a half after the last sample */
			assert_int_equal(st.programs[i].processes, ended ? 0 : 1);
		}
		assert_int_equal(st.n, 2);
		mc_status_release(&st);
	}
	mc_store_close(s);
}

/* A process that ran exec after the sampler had met it: what it is now is not kept for the file it ran before. */
static void what_ran_exec_says_nothing_of_the_file_before(void **state)
{
	(void)state;
	struct stat own, other;
	struct mc_identity id;
	assert_int_equal(stat("/proc/self/exe", &own), 0);
	assert_int_equal(stat("/bin/sh", &other), 0);
	struct daemon d = { .procfd = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC), .identities = identity_cache_new() };
	assert_true(d.procfd >= 0 && d.identities);
	struct mc_process before = { .pid = getpid(), .exe_id = { .dev = other.st_dev, .ino = other.st_ino } }, now = before;
	now.exe_id = (struct mc_exe_id){ .dev = own.st_dev, .ino = own.st_ino };
	for (int i = 0; i < 2; i++) {
		identity_find(&d, &before, 7, &id);
		assert_string_equal(id.build_id, "");
		assert_int_equal(id.source, MC_ID_NONE);
		identity_find(&d, &now, 7, &id);
		assert_string_not_equal(id.build_id, "");
	}
	identity_cache_free(d.identities);
	close(d.procfd);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(kinds), cmocka_unit_test(what_ran_exec_says_nothing_of_the_file_before),
		cmocka_unit_test(canary), cmocka_unit_test(a_list_is_not_reckoned),
		cmocka_unit_test(few_samples_are_no_growth), cmocka_unit_test(status_is_of_the_last_tick),
		cmocka_unit_test(status_of_short_ticks) };
	char command[64];
	if (!mkdtemp(folder))
		return 1;
	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	snprintf(command, sizeof command, "rm -rf %s", folder);
	return system(command) || failed; /* NOLINT */
}
