/* From the libraries that processes have mapped to updates of them: each build of a program's file has its own, and what
 * lives of that build map in another build than those before is an update. The one hard question is when libraries that
 * were there before are a restart and when they are back: what counts as running decides it. Libraries count as running
 * while a process maps them; when the last process of all ends, those that lived last still do, so that a restart of
 * everything is no update; and what ran beside a newer set for long goes on doing so for a while. */
#include "elf_notes.h"
#include "tracker.h"

#include <stdlib.h>
#include <string.h>

struct mc_tracker *mc_tracker_new(void)
{
	struct mc_tracker *t = calloc(1, sizeof *t);
	if (t) {
		t->names = mc_map_new();
		t->index = mc_map_new();
	}
	if (t && (!t->names || !t->index)) {
		mc_tracker_free(t);
		return NULL;
	}
	return t;
}

void mc_thing_free(struct mc_thing *g)
{
	for (size_t i = 0; g && i < g->nlibs; i++)
		free(g->libs[i].v);
	if (g)
		free(g->v);
	free(g);
}

void mc_tracker_free(struct mc_tracker *t)
{
	if (!t)
		return;
	for (size_t i = 0; i < t->n; i++) {
		for (size_t k = 0; k < t->programs[i].n; k++)
			mc_thing_free(t->programs[i].things[k]);
		free(t->programs[i].name);
	}
	free(t->programs);
	free(t->alive);
	mc_map_free(t->names);
	mc_map_free(t->index);
	free(t);
}

struct mc_watched *mc_tracker_program(struct mc_tracker *t, const char *name, bool add)
{
	uint64_t at;
	if (mc_map_get(t->names, name, strlen(name), &at))
		return &t->programs[at];
	if (!add || t->n >= MC_MOST_PROGRAMS || mc_grow((void **)&t->programs, &t->cap, t->n + 1, sizeof *t->programs, NULL) < 0)
		return NULL;
	char *copy = mc_strdup(name);
	if (!copy || mc_map_set(t->names, name, strlen(name), t->n) < 0) {
		free(copy);
		return NULL;
	}
	t->programs[t->n] = (struct mc_watched){ .name = copy };
	return &t->programs[t->n++];
}

struct mc_thing *mc_tracker_thing(struct mc_watched *w, const char *what, bool add, size_t *at)
{
	for (*at = 0; *at < w->n; ++*at)
		if (strcmp(w->things[*at]->what, what) == 0)
			return w->things[*at];
	if (!add || w->n >= MC_MOST_FILES_RUN)
		return NULL;
	struct mc_thing *g = calloc(1, sizeof *g);
	if (!g)
		return NULL;
	snprintf(g->what, sizeof g->what, "%s", what);
	w->things[w->n++] = g;
	return g;
}

/* ---- what counts as running ---- */

static bool runs(const struct mc_running_set *v, int64_t now)
{
	return v->live > 0 || (v->runs && (v->until_ms == 0 || now < v->until_ms));
}

/* A process of v ends; `others`: one of other libraries still lives. */
static void one_gone(struct mc_running_set *v, bool others, int64_t now)
{
	v->last_ms = now;
	if (v->live > 0)
		v->live--;
	if (v->live > 0 || !others)
		return;
	bool settled = v->replaced_ms && now - v->replaced_ms > MC_SETTLED_MS;
	v->runs = settled;
	v->until_ms = settled ? now + MC_SETTLED_MS : 0;
}

/* Another than v begins. `known`: it counts as running itself, so this is a restart of several side by side. */
static void other_born(struct mc_running_set *v, bool known, int64_t now)
{
	if (v->live > 0) {
		if (!known && v->replaced_ms == 0)
			v->replaced_ms = now;
		return;
	}
	if (v->runs && known && v->until_ms == 0)
		v->until_ms = now + MC_SETTLED_MS;
	else if (!known)
		v->runs = false;
}

static void one_born(struct mc_running_set *v, bool known, int64_t now)
{
	if (!known)
		v->replaced_ms = 0;
	v->live++;
	v->runs = true;
	v->until_ms = 0;
	v->last_ms = now;
}

/* ---- lives ---- */

/* Room for one more: the oldest that no process has. SIZE_MAX: all of them live, or there is no memory. */
static size_t free_build(struct mc_thing *g)
{
	if (g->n < MC_MOST_FILE_BUILDS) {
		void *items = g->v;
		int rc = mc_grow(&items, &g->cap, g->n + 1, sizeof *g->v, NULL);
		g->v = items;
		return rc < 0 ? SIZE_MAX : g->n++;
	}
	size_t oldest = SIZE_MAX;
	for (size_t i = 0; i < g->n; i++)
		if (g->v[i].live == 0 && (oldest == SIZE_MAX || g->v[i].last_ms < g->v[oldest].last_ms))
			oldest = i;
	for (size_t i = 0; oldest != SIZE_MAX && i < g->nlibs; i++)
		if (g->libs[i].build == oldest)
			g->libs[i].build = SIZE_MAX;
	return oldest;
}

static size_t build_of(struct mc_thing *g, const char *build_id)
{
	for (size_t i = 0; i < g->n; i++)
		if (strcmp(g->v[i].build_id, build_id) == 0)
			return i;
	size_t i = free_build(g);
	if (i != SIZE_MAX) {
		g->v[i] = (struct mc_file_build){ 0 };
		snprintf(g->v[i].build_id, sizeof g->v[i].build_id, "%s", build_id);
	}
	return i;
}

static int take(struct mc_tracker *t, struct mc_alive a, struct mc_error *err)
{
	if (mc_grow((void **)&t->alive, &t->alive_cap, t->nalive + 1, sizeof *t->alive, err) < 0)
		return MC_ENOMEM;
	if (mc_map_set(t->index, (const char *)&a.id, sizeof a.id, t->nalive) < 0)
		return mc_nomem(err, "an incarnation");
	t->alive[t->nalive++] = a;
	return 0;
}

void mc_tracker_gone(struct mc_tracker *t, uint64_t incarnation, int64_t now_ms)
{
	uint64_t at;
	if (!mc_map_get(t->index, (const char *)&incarnation, sizeof incarnation, &at))
		return;
	struct mc_alive a = t->alive[at];
	struct mc_watched *w = &t->programs[a.program];
	struct mc_thing *g = w->things[a.thing];
	struct mc_running_set *v = &g->libs[a.libset].at;
	bool others = false, ran = v->runs;
	g->v[a.build].live--;
	g->v[a.build].last_ms = now_ms;
	for (size_t i = 0; i < g->nlibs; i++)
		others |= i != a.libset && g->libs[i].at.live > 0;
	one_gone(v, others, now_ms);
	w->changed |= v->runs != ran;
	mc_map_del(t->index, (const char *)&incarnation, sizeof incarnation);
	if (at + 1 < t->nalive) { /* the last one moves into its place; its key is there, so nothing is allocated */
		t->alive[at] = t->alive[t->nalive - 1];
		(void)mc_map_set(t->index, (const char *)&t->alive[at].id, sizeof t->alive[at].id, at);
	}
	t->nalive--;
}

bool mc_tracker_changed(struct mc_tracker *t, const char *program)
{
	struct mc_watched *w = mc_tracker_program(t, program, false);
	bool was = w && w->changed;
	if (w)
		w->changed = false;
	return was;
}

/* ---- its libraries ---- */

static bool same_library(const struct mc_library_build *a, const struct mc_library_build *b)
{
	if (a->build_id[0] && b->build_id[0])
		return strcmp(a->build_id, b->build_id) == 0;
	if (a->contents[0] && b->contents[0])
		return strcmp(a->contents, b->contents) == 0;
	return true; /* nothing to compare: no change is seen */
}

/* How s knows the library: 0 not at all, 1 as another, 2 the same. */
static int knows(const struct mc_libset *s, const struct mc_library_build *l)
{
	int best = 0;
	for (size_t i = 0; i < s->n; i++)
		if (strcmp(s->v[i].name, l->name) == 0)
			best = same_library(&s->v[i], l) ? 2 : best ? best : 1;
	return best;
}

/* Libraries of v that those who run have in another build. The first is in *which. */
static size_t changed_libraries(const struct mc_thing *g, size_t build, const struct mc_library_build *v, size_t n, int64_t now, size_t *which)
{
	size_t changed = 0;
	for (size_t k = 0; k < n; k++) {
		int best = 0;
		for (size_t i = 0; i < g->nlibs; i++)
			if (g->libs[i].build == build && runs(&g->libs[i].at, now)) {
				int how = knows(&g->libs[i], &v[k]);
				best = how > best ? how : best;
			}
		if (best == 1 && changed++ == 0)
			*which = k;
	}
	return changed;
}

static size_t same_libset(const struct mc_thing *g, size_t build, const struct mc_library_build *v, size_t n)
{
	for (size_t i = 0; i < g->nlibs; i++) {
		size_t k = 0;
		if (g->libs[i].build != build || g->libs[i].n != n)
			continue;
		while (k < n && knows(&g->libs[i], &v[k]) == 2)
			k++;
		if (k == n)
			return i;
	}
	return SIZE_MAX;
}

static size_t keep_libset(struct mc_thing *g, size_t build, const struct mc_library_build *v, size_t n, int64_t now)
{
	size_t at = g->nlibs;
	if (at >= MC_MOST_LIBSETS) {
		at = SIZE_MAX;
		for (size_t i = 0; i < g->nlibs; i++)
			if (g->libs[i].at.live == 0 && (at == SIZE_MAX || g->libs[i].at.last_ms < g->libs[at].at.last_ms))
				at = i;
	}
	struct mc_library_build *copy = at == SIZE_MAX ? NULL : mc_reallocarray(NULL, n ? n : 1, sizeof *copy);
	if (!copy)
		return SIZE_MAX;
	if (n > 0)
		memcpy(copy, v, n * sizeof *copy);
	if (at == g->nlibs)
		g->nlibs++;
	else
		free(g->libs[at].v);
	g->libs[at] = (struct mc_libset){ .at = { .first_ms = now }, .build = build, .n = n, .v = copy };
	return at;
}

static void say(struct mc_library_update *ret, const struct mc_library_build *l, size_t more, int64_t start_ms)
{
	*ret = (struct mc_library_update){ .first_seen_ms = start_ms };
	memcpy(ret->build_id, l->build_id, sizeof ret->build_id);
	struct mc_buf b = { 0 };
	/* what a file is called says less than its build: libssl.so.3 it is before and after */
	const char *which = l->build_id[0] ? l->build_id : l->contents;
	mc_buf_printf(&b, "%s%s%s, %s %.8s", l->name, l->version[0] ? " " : "", l->version, l->build_id[0] ? "build" : "contents", which);
	mc_clean_copy(ret->version, sizeof ret->version, mc_buf_text(&b), b.len);
	mc_buf_release(&b);
	mc_buf_printf(&b, "library update: %s", l->path);
	if (more > 0)
		mc_buf_printf(&b, " and %zu more", more);
	mc_buf_str(&b, "; the program is the same");
	mc_clean_copy(ret->note, sizeof ret->note, mc_buf_text(&b), b.len);
	mc_buf_release(&b);
}

int mc_tracker_libraries(struct mc_tracker *t, const struct mc_tracked_life *life, int64_t now_ms, const struct mc_library_build *v, size_t n,
	struct mc_library_update *ret, struct mc_error *err)
{
	size_t thing, build, which = 0;
	uint64_t old;
	if (!life->build_id[0] || !life->what[0] || mc_map_get(t->index, (const char *)&life->incarnation, sizeof life->incarnation, &old))
		return 0;
	struct mc_watched *w = mc_tracker_program(t, life->program, true);
	struct mc_thing *g = w ? mc_tracker_thing(w, life->what, true, &thing) : NULL;
	if (!g || (build = build_of(g, life->build_id)) == SIZE_MAX)
		return 0; /* at a limit: what is not remembered can't be told from what is new */
	if (n > MC_MOST_LIBRARIES)
		n = MC_MOST_LIBRARIES;
	size_t changed = changed_libraries(g, build, v, n, now_ms, &which), set = same_libset(g, build, v, n);
	bool known = set != SIZE_MAX && runs(&g->libs[set].at, now_ms);
	if (set == SIZE_MAX && (set = keep_libset(g, build, v, n, now_ms)) == SIZE_MAX)
		return 0; /* without memory for it, it is not compared */
	int rc = take(t, (struct mc_alive){ life->incarnation, (size_t)(w - t->programs), thing, build, set }, err);
	if (rc < 0)
		return rc;
	g->v[build].live++;
	w->changed |= !g->libs[set].at.runs;
	for (size_t i = 0; i < g->nlibs; i++)
		if (i != set && g->libs[i].build == build)
			other_born(&g->libs[i].at, known || changed == 0, now_ms);
	one_born(&g->libs[set].at, known || changed == 0, now_ms);
	if (changed == 0)
		return 0;
	say(ret, &v[which], changed - 1, life->start_ms);
	return 1;
}
