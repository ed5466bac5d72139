/* Random lives on a tree of files, against a model that knows what is there: who is alive, in which program,
 * with which memory, who was born and who ended; and counters that add up. Seeded. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../unit/sample_tree.h"

enum { PIDS = 12, TICKS = 60, NAMES = 4 };
/* of a hierarchy that names no program: what is read for it must not mix up */
static const char *const groups[3] = {"4:memory:/session-1\n", "4:memory:/session-2\n", "0::/session-3\n"};
static const char *const names[NAMES] = {"alpha", "beta", "ga)mma (", "d\xff"};

struct model {
	bool there, changed; /* changed: another life since the tick before */
	int start, name, anon, utime;
	uint64_t id;
};

static uint32_t seed;

static int pick(int n)
{
	seed = seed * 1664525 + 1013904223;
	return (int)((seed >> 16) % (uint32_t)n);
}

static void show(int pid, const struct model *m)
{
	if (!m->there) {
		tree_forget(pid);
		return;
	}
	tree_process(&(struct tree_process){.pid = pid, .start = m->start, .anon = m->anon, .file = 3, .utime = m->utime, .comm = names[m->name],
					    .cgroup = groups[m->start % 3]});
}

/* Death, birth under the same pid between two ticks, growth, a rename. */
static void step(struct model *m, int tick, double used[NAMES])
{
	m->changed = false;
	switch (pick(6)) {
	case 0:
		m->there = false;
		break;
	case 1: {
		int from = pick(50);
		*m = (struct model){.there = true, .changed = true, .start = (100000 + tick) * (int)sysconf(_SC_CLK_TCK) + pick(50), .name = pick(NAMES), .anon = 1 + pick(1000),
				    .utime = from, .id = m->id};
		used[m->name] += from + 60;
		break;
	}
	case 2:
		if (m->there && pick(8) == 0) {
			int was = m->name;
			m->name = pick(NAMES);
			m->changed = m->name != was;
		}
		break;
	default:
		if (m->there) {
			int more = pick(20);
			m->anon += pick(50);
			m->utime += more;
			used[m->name] += more;
		}
	}
}

static bool in(const uint64_t *v, size_t n, uint64_t id)
{
	for (size_t i = 0; i < n; i++)
		if (v[i] == id)
			return true;
	return false;
}

static void check(const struct mc_tick *t, struct model *m, int pid)
{
	const struct mc_process *p = tick_of(t, pid);
	assert_int_equal(p->pid, m->there ? pid : 0);
	if (m->id && (!m->there || m->changed))
		assert_true(in(t->gone, t->ngone, m->id));
	if (!m->there) {
		m->id = 0;
		return;
	}
	assert_int_equal(p->born, m->changed || !m->id);
	assert_true(m->changed ? p->id > m->id : !m->id || p->id == m->id);
	m->id = p->id;
	assert_true(p->anon == (uint64_t)m->anon * (uint64_t)sysconf(_SC_PAGESIZE));
	assert_string_equal(t->programs[p->program].name, names[m->name]);
	assert_true(p->group < t->ngroups && strstr(groups[m->start % 3], t->groups[p->group].path));
}

static void lives(void **state)
{
	(void)state;
	long rounds = getenv("MC_SHORT") ? 3 : 12;
	for (long r = 0; r < rounds; r++) {
		struct model m[PIDS] = {0};
		double used[NAMES] = {0};
		struct mc_sampler *s = NULL;
		const struct mc_tick *t;
		seed = (uint32_t)(4711 + r);
		tree_begin();
		assert_int_equal(mc_sampler_open(&(struct mc_sample_config){.procfs = tree_root}, &s, NULL), 0);
		assert_int_equal(mc_sampler_tick(s, 1000000, &t, NULL), 0);
		for (int tick = 1; tick < TICKS; tick++) {
			for (int i = 0; i < PIDS; i++) {
				step(&m[i], tick, used);
				show(100 + i, &m[i]);
			}
			assert_int_equal(mc_sampler_tick(s, 100000000 + tick * 1000, &t, NULL), 0);
			size_t alive = 0;
			for (int i = 0; i < PIDS; i++) {
				check(t, &m[i], 100 + i);
				alive += m[i].there;
			}
			assert_int_equal(t->nprocesses, alive);
			for (size_t i = 0; i < t->nprograms; i++)
				for (int k = 0; k < NAMES; k++)
					if (strcmp(t->programs[i].name, names[k]) == 0)
						assert_true(fabs(t->programs[i].cpu_seconds * (double)sysconf(_SC_CLK_TCK) - used[k]) < 1e-6);
		}
		mc_sampler_close(s);
		tree_end();
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(lives)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
