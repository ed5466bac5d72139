/* cgroups: the leaf groups that tracked processes are in, version 1 and 2, read by key. */
#include "sampler.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct sm_group {
	struct mc_group g;
	size_t at;          /* in the table */
	uint32_t refs;      /* processes that are in it */
	bool known;         /* read at least once */
	double kills;       /* of oom_kill, those that were told of */
	uint64_t joined_at; /* tick + 1 in which it was said last who is in it, and who: one program, or several */
	uint32_t program;
	bool several;
	char *path, *unit, *container, *pod; /* one allocation, path first */
};

struct sm_groups {
	int v1, v2; /* the memory hierarchy's folder; -1: none */
	size_t n, cap, out_cap;
	struct sm_group **v;
	struct mc_group *out;
	struct mc_map *by_path; /* to the group itself: its place in v changes */
};

static int open_dir(const char *sysfs, const char *below)
{
	char path[4096];
	int n = snprintf(path, sizeof path, "%s/%s", sysfs, below);
	return n > 0 && (size_t)n < sizeof path ? open(path, O_PATH | O_DIRECTORY | O_CLOEXEC) : -1;
}

int sm_groups_new(const char *sysfs, struct sm_groups **ret, struct mc_error *err)
{
	struct sm_groups *g = calloc(1, sizeof *g);
	if (!g || !(g->by_path = mc_map_new())) {
		free(g);
		return mc_nomem(err, "cgroups");
	}
	g->v1 = open_dir(sysfs, "fs/cgroup/memory");
	g->v2 = open_dir(sysfs, "fs/cgroup");
	if (g->v2 >= 0 && faccessat(g->v2, "cgroup.controllers", F_OK, 0) != 0) { /* hybrid, or version 1 alone */
		close(g->v2);
		g->v2 = open_dir(sysfs, "fs/cgroup/unified");
	}
	*ret = g;
	return 0;
}

static void group_free(struct sm_group *o)
{
	free(o->path);
	free(o);
}

void sm_groups_free(struct sm_groups *g)
{
	if (!g)
		return;
	for (size_t i = 0; i < g->n; i++)
		group_free(g->v[i]);
	if (g->v1 >= 0)
		close(g->v1);
	if (g->v2 >= 0)
		close(g->v2);
	mc_map_free(g->by_path);
	free(g->v);
	free(g->out);
	free(g);
}

/* ---- which group ---- */
static struct sm_group *group_new(const struct sm_cgroup *c)
{
	struct sm_group *o = calloc(1, sizeof *o);
	char unit[256] = "", container[65] = "", pod[40] = "";
	sm_unit(c->path, false, unit, sizeof unit);
	sm_container(c->path, container);
	sm_pod(c->path, pod);
	size_t a = strlen(c->path) + 1, b = strlen(unit) + 1, d = strlen(container) + 1;
	char *text = o ? malloc(a + b + d + strlen(pod) + 1) : NULL;
	if (!text) {
		free(o);
		return NULL;
	}
	o->path = memcpy(text, c->path, a);
	o->unit = memcpy(text + a, unit, b);
	o->container = memcpy(text + a + b, container, d);
	o->pod = memcpy(text + a + b + d, pod, strlen(pod) + 1);
	double none = (double)NAN;
	o->kills = none;
	o->g = (struct mc_group){.path = o->path, .unit = o->unit, .container = o->container, .pod = o->pod, .version = c->version,
				 .current = none, .reclaimable = none, .max = none, .high = none, .swap_current = none,
				 .swap_max = none, .oom = none, .oom_kill = none, .limit_hits = none, .psi_some = none,
				 .psi_full = none};
	return o;
}

void sm_group_drop(struct sm_groups *g, struct sm_proc *p)
{
	struct sm_group *o = p->group;
	p->group = NULL;
	if (!o || --o->refs)
		return;
	char key[1100];
	int n = snprintf(key, sizeof key, "%d%s", o->g.version, o->path);
	mc_map_del(g->by_path, key, (size_t)n);
	g->v[o->at] = g->v[--g->n];
	g->v[o->at]->at = o->at;
	group_free(o);
}

int sm_group_set(struct sm_groups *g, struct sm_proc *p, const char *text, size_t n, struct mc_error *err)
{
	struct sm_cgroup c;
	char key[1100];
	uint64_t at;
	if (!sm_parse_cgroup_memory(text, n, &c)) {
		sm_group_drop(g, p);
		return 0;
	}
	if (p->group && p->group->g.version == c.version && strcmp(p->group->path, c.path) == 0)
		return 0;
	sm_group_drop(g, p);
	size_t k = (size_t)snprintf(key, sizeof key, "%d%s", c.version, c.path);
	if (mc_map_get(g->by_path, key, k, &at)) {
		p->group = (struct sm_group *)(uintptr_t)at;
		p->group->refs++;
		return 0;
	}
	struct sm_group *o = group_new(&c);
	int rc = o ? mc_grow((void **)&g->v, &g->cap, g->n + 1, sizeof *g->v, err) : mc_nomem(err, "a cgroup");
	if (!rc && mc_map_set(g->by_path, key, k, (uintptr_t)o))
		rc = mc_nomem(err, "a cgroup");
	if (rc) {
		if (o)
			group_free(o);
		return rc;
	}
	o->at = g->n;
	o->refs = 1;
	g->v[g->n++] = o;
	p->group = o;
	return 0;
}

/* ---- its figures ---- */
/* A file of one number or "max". NaN: not there. */
static double number_in(int dirfd, const char *file)
{
	char buf[64];
	uint64_t v;
	ssize_t n = sm_read_once(dirfd, file, buf, sizeof buf);
	while (n > 0 && (buf[n - 1] == '\n' || buf[n - 1] == ' '))
		n--;
	if (n == 3 && memcmp(buf, "max", 3) == 0)
		return (double)INFINITY;
	if (n <= 0 || !mc_parse_u64(buf, (size_t)n, &v))
		return (double)NAN;
	return v >> 62 ? (double)INFINITY : (double)v; /* version 1 writes the largest number of whole pages */
}

static double key_in(const char *s, ssize_t n, const char *key)
{
	uint64_t v;
	return n > 0 && sm_key(s, (size_t)n, key, &v) ? (double)v : (double)NAN;
}

static double smaller(double a, double b)
{
	return isnan(a) || b < a ? b : a;
}

/* The smallest limit from its folder up to the root. */
static double limit_above(int top, const char *path, const char *file)
{
	char at[1024];
	double min = (double)NAN;
	size_t n = strlen(path);
	memcpy(at, path, n + 1);
	while (n) {
		int fd = openat(top, at, O_PATH | O_DIRECTORY | O_CLOEXEC);
		if (fd >= 0) {
			min = smaller(min, number_in(fd, file));
			close(fd);
		}
		while (n && at[n - 1] != '/')
			n--;
		at[n ? --n : 0] = 0;
	}
	return min;
}

static void read_v2(struct sm_groups *g, struct sm_group *o, int fd, const char *path)
{
	char text[SM_TEXT];
	double unused;
	o->g.current = number_in(fd, "memory.current");
	o->g.high = number_in(fd, "memory.high");
	o->g.max = limit_above(g->v2, path, "memory.max");
	o->g.swap_current = number_in(fd, "memory.swap.current");
	o->g.swap_max = number_in(fd, "memory.swap.max");
	ssize_t n = sm_read_once(fd, "memory.events", text, sizeof text);
	o->g.oom = key_in(text, n, "oom");
	o->g.oom_kill = key_in(text, n, "oom_kill");
	o->g.limit_hits = key_in(text, n, "max");
	n = sm_read_once(fd, "memory.pressure", text, sizeof text);
	sm_parse_pressure(text, n > 0 ? (size_t)n : 0, "some", &o->g.psi_some, &unused);
	sm_parse_pressure(text, n > 0 ? (size_t)n : 0, "full", &o->g.psi_full, &unused);
	o->g.reclaimable = (double)NAN;
	if (isfinite(o->g.max)) { /* the kernel adds up all CPUs for it: only where there is a limit to hold it to */
		n = sm_read_once(fd, "memory.stat", text, sizeof text);
		o->g.reclaimable = key_in(text, n, "inactive_file") + key_in(text, n, "active_file");
	}
}

static void read_v1(struct sm_group *o, int fd)
{
	char text[SM_TEXT];
	o->g.current = number_in(fd, "memory.usage_in_bytes");
	o->g.high = number_in(fd, "memory.soft_limit_in_bytes");
	double memsw = number_in(fd, "memory.memsw.limit_in_bytes");
	o->g.limit_hits = number_in(fd, "memory.failcnt");
	ssize_t n = sm_read_once(fd, "memory.oom_control", text, sizeof text);
	o->g.oom_kill = key_in(text, n, "oom_kill");
	n = sm_read_once(fd, "memory.stat", text, sizeof text);
	double limit = key_in(text, n, "hierarchical_memory_limit");
	o->g.max = limit >= 0x1p62 ? (double)INFINITY : limit;
	if (isnan(o->g.max))
		o->g.max = number_in(fd, "memory.limit_in_bytes");
	o->g.swap_current = key_in(text, n, "total_swap");
	o->g.swap_max = isfinite(memsw) && isfinite(o->g.max) ? memsw - o->g.max : memsw;
	o->g.reclaimable = key_in(text, n, "total_inactive_file") + key_in(text, n, "total_active_file");
}

static bool outside(const char *path)
{
	for (const char *p = path; (p = strstr(p, "/..")); p += 3)
		if (!p[3] || p[3] == '/')
			return true;
	return path[0] != '/';
}

static void read_group(struct sm_groups *g, struct sm_group *o)
{
	int top = o->g.version == 1 ? g->v1 : g->v2;
	const char *path = o->path + strspn(o->path, "/");
	int fd = top < 0 || outside(o->path) ? -1 : openat(top, *path ? path : ".", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return;
	if (o->g.version == 1)
		read_v1(o, fd);
	else
		read_v2(g, o, fd, path);
	close(fd);
}

int sm_groups_read(struct sm_groups *g, uint64_t tick, struct mc_tick *t, struct mc_error *err)
{
	int rc = mc_grow((void **)&g->out, &g->out_cap, g->n + 1, sizeof *g->out, err);
	if (rc)
		return rc;
	for (size_t i = 0; i < g->n; i++) {
		struct sm_group *o = g->v[i];
		if (!o->known || (tick + i) % SM_ROTATION == 0)
			read_group(g, o);
		o->known = true;
		o->g.processes = o->refs;
		g->out[i] = o->g;
	}
	t->groups = g->out;
	t->ngroups = g->n;
	return 0;
}

const struct mc_group *sm_group_figures(const struct sm_group *g)
{
	return &g->g;
}

double sm_group_kills(struct sm_group *g)
{
	double now = g->g.oom_kill, before = g->kills;
	g->kills = now;
	return isnan(now) || (now > before) ? now - before : 0;
}

void sm_group_joined(struct sm_group *g, uint32_t program, uint64_t tick)
{
	if (g->joined_at != tick + 1) {
		g->several = strcmp(g->path, "/") == 0; /* which is everybody's */
		g->joined_at = tick + 1;
		g->program = program;
	}
	g->several |= g->program != program;
}

bool sm_group_shared(const struct sm_group *g)
{
	return g->several;
}

uint32_t sm_group_index(const struct sm_group *g)
{
	return (uint32_t)g->at;
}
