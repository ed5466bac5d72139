/* Which program a process belongs to, and what the programs have used. */
#include "sampler.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static uint64_t hash_of(const char *s, size_t n)
{
	uint64_t h = 14695981039346656037ULL;
	for (size_t i = 0; i < n; i++)
		h = (h ^ (unsigned char)s[i]) * 1099511628211ULL;
	return h;
}

/* The index of the program that has been gone longest, and that the caller has seen with no process. */
static bool longest_gone(const struct mc_sampler *s, size_t *ret)
{
	bool found = false;
	for (size_t i = 0; i < s->tick.nprograms; i++) {
		uint64_t seen = s->program_state[i].last_seen;
		if (s->programs[i].processes || seen + 2 > s->ticks || (found && seen >= s->program_state[*ret].last_seen))
			continue;
		found = true;
		*ret = i;
	}
	return found;
}

static bool room_for(struct mc_sampler *s, size_t *ret)
{
	size_t n = s->tick.nprograms;
	if (n >= SM_NAMES_PER_PROGRAM * s->max_programs)
		return longest_gone(s, ret);
	if (mc_grow((void **)&s->programs, &s->programs_cap, n + 1, sizeof *s->programs, NULL) ||
	    mc_grow((void **)&s->program_state, &s->state_cap, n + 1, sizeof *s->program_state, NULL))
		return false;
	s->programs[n] = (struct mc_program_name){0};
	*ret = n;
	return true;
}

static bool add_program(struct mc_sampler *s, const char *name, size_t len, uint32_t *ret)
{
	size_t at = 0;
	char *text = malloc(len + 1);
	if (!text || !room_for(s, &at) || mc_map_set(s->by_name, name, len, at)) {
		free(text);
		return false;
	}
	memcpy(text, name, len);
	text[len] = 0;
	if (s->programs[at].name) {
		mc_map_del(s->by_name, s->programs[at].name, strlen(s->programs[at].name));
		free(s->programs[at].name);
	}
	double none = (double)NAN;
	s->programs[at] = (struct mc_program_name){
		.name = text, .id = ++s->next_program, .net_rx_bytes = none, .net_tx_bytes = none, .net_rx_packets = none,
		.net_tx_packets = none, .io_read_bytes = none, .io_write_bytes = none, .switches = none, .sockets = none, .memory_pressure = none, .oom_kills = none,
		.limit_group = MC_NO_GROUP};
	s->program_state[at] = (struct sm_program){.last_seen = s->ticks};
	if (at == s->tick.nprograms)
		s->tick.nprograms++;
	*ret = (uint32_t)at;
	return true;
}

bool sm_program_index(struct mc_sampler *s, const char *name, size_t len, uint64_t *hash, uint32_t *ret)
{
	uint64_t at;
	len = strnlen(name, len < SM_NAME_BYTES ? len : SM_NAME_BYTES);
	*hash = hash_of(name, len);
	bool known = mc_map_get(s->by_name, name, len, &at);
	if (known)
		*ret = (uint32_t)at;
	else if (s->live >= s->max_programs || !add_program(s, name, len, ret))
		return false;
	if (s->programs[*ret].processes)
		return true;
	if (s->live >= s->max_programs)
		return false;
	s->live++;
	s->programs[*ret].processes = 1; /* counted anew at the tick's end */
	return true;
}

/* One whose matching failed for its name alone joins the program that its parent is in. */
static bool join(struct mc_sampler *s, struct sm_proc *p)
{
	const struct sm_proc *parent = sm_find(s, p->p.ppid);
	if (!parent || parent->kind != SM_TRACKED || !parent->selected)
		return false;
	p->kind = SM_TRACKED;
	p->waits = false;
	p->selected = p->joined = true;
	p->p.program = parent->p.program;
	return true;
}

bool sm_join(struct mc_sampler *s, struct sm_proc *p)
{
	if (p->kind != SM_IGNORED || !join(s, p))
		return false;
	p->waits = false;
	return true;
}

static int take_name(struct mc_sampler *s, struct sm_proc *p, struct mc_error *err)
{
	int rc = mc_buf_check(&s->name, err);
	uint32_t before = p->p.program;
	if (rc) {
		mc_buf_release(&s->name);
		return rc;
	}
	p->kind = SM_TRACKED;
	if (!sm_program_index(s, s->name.data, s->name.len, &p->name_hash, &p->p.program))
		p->kind = SM_LEFT_PROGRAM;
	/* an incarnation has one program: in another one it is another */
	return before != p->p.program || p->kind != SM_TRACKED ? sm_gone(s, p, err) : 0;
}

/* The path it was run from: one that was replaced since, by an upgrade, is still the same program. */
static void path_of(const char *exe, char *out, size_t cap)
{
	static const char gone[] = " (deleted)";
	size_t n = exe ? strnlen(exe, cap - 1) : 0, k = sizeof gone - 1;
	if (n > k && memcmp(exe + n - k, gone, k) == 0)
		n -= k;
	if (n)
		memcpy(out, exe, n);
	out[n] = 0;
}

static int by_selectors(struct mc_sampler *s, struct sm_proc *p, int dirfd, const char *cgroup, struct mc_error *err)
{
	char cmdline[4096] = "";
	ssize_t n = sm_read_once(dirfd, "cmdline", cmdline, sizeof cmdline);
	if (sm_starved(n)) {
		p->rematch = true; /* in the next tick */
		return 0;
	}
	/* one that has written a title over its arguments leaves NULs behind it: they are no part of it */
	while (n > 0 && !cmdline[n - 1])
		n--;
	for (ssize_t i = 0; i < n; i++)
		if (!cmdline[i])
			cmdline[i] = ' ';
	char exe[512];
	path_of(p->exe, exe, sizeof exe);
	struct sm_facts f = {.comm = p->comm, .exe = exe, .cmdline = cmdline, .cgroup = cgroup, .uid = p->uid};
	if (sm_selectors_match(s->sel, &f, &s->name)) {
		p->selected = true;
		p->joined = false;
		return take_name(s, p, err);
	}
	/* one that joined stays, also when its parent has gone */
	uint32_t before = p->p.program;
	if (p->joined && p->kind == SM_TRACKED)
		return 0;
	if (join(s, p))
		return before != p->p.program ? sm_gone(s, p, err) : 0;
	const struct sm_proc *parent = sm_find(s, p->p.ppid);
	p->waits = parent && parent->kind == SM_NEW; /* looked at after its child in this tick */
	p->selected = p->joined = false;
	p->kind = SM_IGNORED;
	return 0;
}

int sm_assign(struct mc_sampler *s, struct sm_proc *p, int dirfd, struct mc_error *err)
{
	char text[SM_TEXT], cgroup[1024] = "", name[256];
	ssize_t n = sm_read_once(dirfd, "cgroup", text, sizeof text);
	if (sm_starved(n)) {
		p->rematch = true; /* in the next tick */
		return 0;
	}
	if (n > 0)
		sm_parse_cgroup(text, (size_t)n, cgroup, sizeof cgroup);
	int rc = sm_group_set(s->groups, p, text, n > 0 ? (size_t)n : 0, err);
	if (rc)
		return rc;
	if (sm_selectors_count(s->sel))
		return by_selectors(s, p, dirfd, cgroup, err);
	p->selected = false;
	s->name.len = 0;
	mc_buf_str(&s->name, sm_group_name(cgroup, name, sizeof name) ? name : p->comm[0] ? p->comm : "?");
	return take_name(s, p, err);
}

/* ---- counters ---- */
static void add(double *to, uint64_t now, uint64_t *counted)
{
	if (now == MC_UNREAD)
		return;
	if (*counted == MC_UNREAD) /* seen for the first time, of a process that is older than we are */
		*counted = now;
	if (isnan(*to))
		*to = 0;
	if (now > *counted)
		*to += (double)(now - *counted);
	*counted = now;
}

/* What it used before the sampler began is no part of the counters. */
static void begin_counting(const struct mc_sampler *s, struct sm_proc *p)
{
	bool ours = p->p.start_ms >= s->begun_ms;
	uint64_t from = ours ? 0 : MC_UNREAD;
	p->counted = (struct sm_counted){.ticks = from, .faults = from, .io_read = from, .io_write = from, .switches = from};
	p->counting = true;
}

static void count_one(struct mc_sampler *s, struct sm_proc *p)
{
	struct mc_program_name *q = &s->programs[p->p.program];
	double ticks = 0;
	if (!p->counting)
		begin_counting(s, p);
	add(&ticks, p->p.utime_ticks + p->p.stime_ticks, &p->counted.ticks);
	q->cpu_seconds += ticks / s->hz;
	add(&q->page_faults, p->p.minflt + p->p.majflt, &p->counted.faults);
	if (p->slow_done) {
		add(&q->io_read_bytes, p->p.io_read, &p->counted.io_read);
		add(&q->io_write_bytes, p->p.io_write, &p->counted.io_write);
	}
	add(&q->switches, p->p.switches, &p->counted.switches);
}

/* What a group says is a program's where no other one is in it. */
static void group_says(struct mc_program_name *q, struct sm_group *g)
{
	const struct mc_group *f = sm_group_figures(g);
	double killed = sm_group_kills(g);
	if (sm_group_shared(g))
		return;
	if (!isnan(f->psi_some) && !(f->psi_some <= q->memory_pressure))
		q->memory_pressure = f->psi_some;
	if (!isnan(killed))
		q->oom_kills = (isnan(q->oom_kills) ? 0 : q->oom_kills) + killed;
}

/* The smallest limit that one of its processes is under. */
static void limit_one(struct mc_sampler *s, const struct sm_proc *p)
{
	const struct mc_group *g = p->group ? sm_group_figures(p->group) : NULL;
	struct mc_program_name *q = &s->programs[p->p.program];
	if (!g || !isfinite(g->max) || g->max >= q->memory_limit)
		return;
	q->memory_limit = g->max;
	q->limit_group = p->p.group;
	double used = isfinite(g->current) ? g->current - (isfinite(g->reclaimable) ? g->reclaimable : 0) : (double)NAN;
	q->memory_room = used < g->max ? g->max - used : isnan(used) ? used : 0;
}

/* A program in ten containers of a GiB each may have ten GiB. */
static void limits_in_all(struct mc_sampler *s)
{
	for (size_t i = 0; i < s->tick.nprograms; i++)
		s->program_state[i].limited = 0;
	for (size_t i = 0; i < s->n; i++) {
		const struct sm_proc *p = s->v[i];
		if (p->kind != SM_TRACKED || p->p.group == MC_NO_GROUP)
			continue;
		s->program_state[p->p.program].limited += p->p.group == s->programs[p->p.program].limit_group;
		group_says(&s->programs[p->p.program], p->group);
	}
	for (size_t i = 0; i < s->tick.nprograms; i++) {
		struct mc_program_name *q = &s->programs[i];
		uint32_t in = s->program_state[i].limited;
		q->memory_limit_total = in ? q->memory_limit / in * q->processes : q->memory_limit;
	}
}

void sm_count(struct mc_sampler *s)
{
	const struct mc_host *h = &s->tick.host;
	for (size_t i = 0; i < s->tick.nprograms; i++) {
		struct mc_program_name *q = &s->programs[i];
		q->processes = 0;
		q->sockets = q->memory_pressure = (double)NAN;
		q->memory_limit = h->mem_total + h->swap_total;
		q->memory_room = h->mem_available + h->swap_free;
		q->limit_group = MC_NO_GROUP;
	}
	for (size_t i = 0; i < s->n; i++) {
		struct sm_proc *p = s->v[i];
		if (p->kind != SM_TRACKED)
			continue;
		struct mc_program_name *q = &s->programs[p->p.program];
		q->processes++;
		s->program_state[p->p.program].last_seen = s->ticks;
		p->p.group = p->group ? sm_group_index(p->group) : MC_NO_GROUP;
		count_one(s, p);
		if (p->group)
			sm_group_joined(p->group, p->p.program, s->ticks);
		limit_one(s, p);
		if (p->p.sockets != UINT32_MAX)
			q->sockets = (isnan(q->sockets) ? 0 : q->sockets) + p->p.sockets;
	}
	limits_in_all(s);
	s->live = 0;
	for (size_t i = 0; i < s->tick.nprograms; i++)
		s->live += s->programs[i].processes > 0;
}
