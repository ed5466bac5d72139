/* Lives that ended between two ticks: what polling never sees. */
#include "sampler.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* Which program it was: a selector's that asks for nothing but name and user, its parent's, or by its name. */
static bool program_of(struct mc_sampler *s, const struct sm_exit *e, uint32_t *ret)
{
	const struct sm_proc *parent = sm_find(s, e->ppid);
	uint64_t hash;
	bool has_parent = parent && parent->kind == SM_TRACKED;
	if (sm_selectors_count(s->sel)) {
		struct sm_facts f = {.comm = e->comm, .exe = "", .cmdline = "", .cgroup = "", .uid = e->uid};
		if (sm_selectors_match(s->sel, &f, &s->name) && !s->name.failed)
			return sm_program_index(s, s->name.data, s->name.len, &hash, ret);
		if (has_parent && parent->selected) {
			*ret = parent->p.program;
			return true;
		}
		return false;
	}
	/* its cgroup went with it: a parent with a name by cgroup, and not by its own, has it in the same */
	if (has_parent && strcmp(s->programs[parent->p.program].name, parent->comm) != 0) {
		*ret = parent->p.program;
		return true;
	}
	uint64_t at;
	/* only what polling knows of: a storm of names must not fill the table */
	if (!mc_map_get(s->by_name, e->comm, strlen(e->comm), &at))
		return false;
	*ret = (uint32_t)at;
	return true;
}

/* Keeps the largest of a tick. */
static void keep(struct mc_sampler *s, const struct mc_short_life *l)
{
	struct mc_short_life *v = s->shorts;
	size_t at = s->tick.nshort;
	if (at == SM_SHORTS) {
		at = 0;
		for (size_t i = 1; i < SM_SHORTS; i++)
			if (v[i].peak_bytes < v[at].peak_bytes)
				at = i;
		if (v[at].peak_bytes >= l->peak_bytes)
			return;
	} else {
		s->tick.nshort++;
	}
	v[at] = *l;
}

static void ended(void *user, const struct sm_exit *e)
{
	struct mc_sampler *s = user;
	const struct sm_proc *p = sm_find(s, e->pid);
	/* polled: its figures are known (a record of a second's precision cannot tell it from a later one) */
	if (p && p->kind != SM_NEW && p->kind != SM_DEAD)
		return;
	int64_t start = e->end_ms - e->elapsed_us / 1000;
	struct mc_short_life l = {.pid = e->pid, .ppid = e->ppid, .start_ms = start, .end_ms = e->end_ms,
				  .peak_bytes = e->peak_bytes, .cpu_seconds = e->cpu_seconds, .program = UINT32_MAX};
	memcpy(l.comm, e->comm, sizeof l.comm);
	s->tick.short_lives++;
	if (program_of(s, e, &l.program)) {
		struct mc_program_name *q = &s->programs[l.program];
		q->short_lives++;
		q->short_cpu_seconds += e->cpu_seconds;
		if ((double)e->peak_bytes > q->short_peak_bytes)
			q->short_peak_bytes = (double)e->peak_bytes;
	}
	keep(s, &l);
	if (l.peak_bytes > s->largest_short.peak_bytes)
		s->largest_short = l;
}

/* Another program in the same process, or another name: looked at in the next tick, whatever its turn. */
static void execed(void *user, int64_t pid)
{
	struct sm_proc *p = sm_find(user, pid);
	if (p)
		p->rematch = true;
}

void sm_short_ask(struct mc_sampler *s, bool asked)
{
	struct mc_error e = {0};
	s->short_asked = asked;
	if (!asked) {
		sm_exits_free(s->exits);
		s->exits = NULL;
	}
	s->exits_why[0] = 0;
	if (asked && !s->exits && sm_exits_new(&s->exits, &e) < 0)
		snprintf(s->exits_why, sizeof s->exits_why, "%.*s", (int)sizeof s->exits_why - 1, e.text);
	double from = s->exits ? 0 : (double)NAN;
	if (!s->exits || isnan(s->tick.short_lives))
		s->tick.short_lives = s->tick.short_lost = from;
}

static void without_end(struct mc_buf *out)
{
	if (out->len && out->data[out->len - 1] != '\n')
		mc_buf_str(out, "\n");
}

/* Whether those that nobody sees are so many that the notice speaks of them. */
bool sm_short_many(const struct mc_sampler *s)
{
	return !s->short_asked && s->unseen >= 5;
}

void mc_sampler_short_text(const struct mc_sampler *s, struct mc_buf *out)
{
	if ((s->short_asked && !s->exits) || sm_short_many(s)) /* the notice has it */
		return;
	without_end(out);
	if (!s->exits) {
		mc_buf_str(out, "short lives are not counted; 'sample: {short_lives: true}' counts processes that begin and end between two samples");
		return;
	}
	mc_buf_printf(out, "short lives: %.0f process%s began and ended between two samples", s->tick.short_lives,
		s->tick.short_lives > 0.5 && s->tick.short_lives < 1.5 ? "" : "es");
	if (!s->largest_short.peak_bytes)
		return;
	mc_buf_str(out, "; the largest, ");
	mc_text_add(out, s->largest_short.comm, strnlen(s->largest_short.comm, sizeof s->largest_short.comm));
	mc_buf_printf(out, ", held %.1f MiB", (double)s->largest_short.peak_bytes / 0x1p20);
}

void mc_sampler_drain(struct mc_sampler *s)
{
	if (!s->exits)
		return;
	if (s->shorts_done) { /* those of the tick before have been handed over */
		s->tick.nshort = 0;
		s->shorts_done = false;
	}
	if (!sm_exits_drain(s->exits, ended, execed, s))
		s->tick.short_lost++;
}

void sm_short_tick(struct mc_sampler *s)
{
	mc_sampler_drain(s);
	s->shorts_done = true;
	s->tick.shorts = s->shorts;
}
