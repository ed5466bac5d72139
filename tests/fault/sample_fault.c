/* The n-th allocation fails, once and then for good, for every n, while ticks go over a tree of files: a clear
 * error or a tick with less, no crash, no leak, and each life begins and ends once for whoever listens. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "../unit/sample_tree.h"
#include "alloc.h"

enum { LIVES = 256 };
static uint8_t life[LIVES]; /* 1 alive, 2 ended */

static void listen(const struct mc_tick *t)
{
	for (size_t i = 0; i < t->ngone; i++) {
		if (t->gone[i] < LIVES && life[t->gone[i]])
			assert_int_equal(life[t->gone[i]], 1);
		if (t->gone[i] < LIVES)
			life[t->gone[i]] = 2;
	}
	for (size_t i = 0; i < t->nprocesses; i++) {
		const struct mc_process *p = t->processes[i];
		assert_true(p->id && p->id < LIVES && life[p->id] != 2);
		assert_true(p->program < t->nprograms && t->programs[p->program].name);
		assert_true(p->group == MC_NO_GROUP || p->group < t->ngroups);
		life[p->id] = 1;
	}
}

static void processes(int round)
{
	static const char *const groups[] = {"0::/a/x.service\n", "0::/lxc/b\n", "5:memory:/m\n0::/\n"};
	tree_forget(20 + round % 3);
	for (int i = 0; i < 6; i++)
		if (i != round % 3)
			tree_process(&(struct tree_process){.pid = 20 + i, .ppid = i ? 20 : 1, .start = 500 + (i == 5 ? round : 0), .anon = 10 * round,
							    .comm = i % 2 ? "w" : "child", .cgroup = groups[(i + round) % 3]});
}

/* 0 where all went well. */
static int run(bool selectors)
{
	struct mc_selector v[] = {{.name = "logic-${role}", .comm = "w", .cmdline = "--role=(?<role>\\w+)"}, {.name = "u", .user = "77"}};
	struct mc_sample_config c = {.procfs = tree_root, .sysfs = tree_root, .nselectors = selectors ? 2 : 0, .selectors = v, .max_programs = 2};
	struct mc_sampler *s = NULL;
	struct mc_error err = {0};
	const struct mc_tick *t;
	memset(life, 0, sizeof life);
	int rc = mc_sampler_open(&c, &s, &err);
	if (rc) {
		assert_true(rc < 0 && err.code == rc && err.text[0]);
		return rc;
	}
	int worst = 0;
	for (int round = 0; round < 4; round++) {
		alloc_on = false;
		processes(round);
		alloc_on = true;
		rc = mc_sampler_tick(s, 1000 * round, &t, &err);
		if (rc) {
			assert_true(rc < 0 && err.text[0]);
			worst = rc;
			continue;
		}
		alloc_on = false; /* cmocka allocates */
		listen(t);
		alloc_on = true;
		const char *name = t->nprograms ? t->programs[0].name : "none";
		mc_sampler_suspects(s, &name, 1, &err);
		rc = round == 2 ? mc_sampler_reconfigure(s, &c, &err) : 0;
		worst = rc ? rc : worst;
	}
	mc_sampler_close(s);
	return worst;
}

static void each_allocation(bool selectors, bool good)
{
	int64_t step = getenv("MC_SHORT") ? 5 : 1;
	alloc_for_good = good;
	for (alloc_fail_at = 1;; alloc_fail_at += step) {
		alloc_count = 0;
		alloc_on = true;
		run(selectors);
		alloc_on = false;
		if (alloc_count < alloc_fail_at)
			break; /* all of it ran without meeting the failure */
	}
	assert_true(alloc_fail_at > 20);
	alloc_fail_at = 0;
}

static void once(void **state)
{
	(void)state;
	each_allocation(false, false);
	each_allocation(true, false);
}

static void good(void **state)
{
	(void)state;
	each_allocation(false, true);
	each_allocation(true, true);
}

static void load(void **state)
{
	(void)state;
	struct mc_load_source v[] = {{.url = "http://127.0.0.1:9/x", .metric = "r"}, {.file = "/proc/self/statm"}};
	for (int k = 0; k < 2; k++) {
		alloc_for_good = k;
		for (alloc_fail_at = 1;; alloc_fail_at++) {
			struct mc_loader *l = NULL;
			alloc_count = 0;
			alloc_on = true;
			if (mc_loader_open(v, 2, &l, NULL) == 0) {
				mc_loader_start(l, 1);
				mc_loader_finish(l, 0);
				mc_loader_close(l);
			}
			alloc_on = false;
			if (alloc_count < alloc_fail_at)
				break;
		}
		alloc_fail_at = 0;
	}
}

static int begin(void **state)
{
	(void)state;
	tree_begin();
	return 0;
}

static int end(void **state)
{
	(void)state;
	tree_end();
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(once, begin, end),
		cmocka_unit_test_setup_teardown(good, begin, end),
		cmocka_unit_test(load),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
