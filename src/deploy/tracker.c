/* From the identities of incarnations to deploys. The one hard question is when a version that ran before
 * is a restart and when a rollback: what counts as running decides it. A version counts as running while a
 * process of it lives; when the last process of all ends, those that lived last still do, so that a restart
 * of everything is no deploy; and a version that ran beside a newer one for long goes on doing so for a while. */
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

int mc_thing_room(struct mc_thing *g, size_t n)
{
	if (n <= g->cap)
		return 0;
	struct mc_version *v = mc_reallocarray(g->v, n, sizeof *v);
	if (!v)
		return MC_ENOMEM;
	memset(v + g->cap, 0, (n - g->cap) * sizeof *v);
	g->v = v;
	g->cap = n;
	return 0;
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

static bool runs(const struct mc_variant *v, int64_t now)
{
	return v->live > 0 || (v->runs && (v->until_ms == 0 || now < v->until_ms));
}

/* A process of v ends; `others`: something else of the thing still lives. */
static void one_gone(struct mc_variant *v, bool others, int64_t now)
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
static void other_born(struct mc_variant *v, bool known, int64_t now)
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

static void one_born(struct mc_variant *v, bool known, int64_t now)
{
	if (!known)
		v->replaced_ms = 0;
	v->live++;
	v->runs = true;
	v->until_ms = 0;
	v->last_ms = now;
}

/* ---- the executable ---- */

static void reason(struct mc_recognised *r, const struct mc_identity *was, enum mc_sameness how)
{
	struct mc_buf b = { 0 };
	const char *old = was->version[0] ? was->version : was->commit;
	char when[MC_TIME_TEXT];
	if (r->kind == MC_SEEN_BACK)
		mc_buf_printf(&b, "ran here before, last seen %s; ", mc_time_text(r->ran_before_ms, true, when));
	else if (r->kind == MC_SEEN_LIBRARY)
		mc_buf_str(&b, "the interpreter is another one, the application the same; ");
	else if (how == MC_OTHER_BUILD)
		mc_buf_str(&b, "another build of the same version; ");
	if (old[0] && how != MC_OTHER_BUILD && r->kind != MC_SEEN_LIBRARY)
		mc_buf_printf(&b, "before it %.60s; ", old);
	if (r->id.version[0] == '\0' && r->id.commit[0] == '\0')
		mc_buf_printf(&b, "%s changed, commit unknown; ", r->id.build_id[0] && !r->id.interpreted ? "build-id" : "the file");
	if (r->beside)
		mc_buf_str(&b, "processes of the version before still ran; ");
	mc_clean_copy(r->note, sizeof r->note, mc_buf_text(&b), b.len >= 2 ? b.len - 2 : 0);
	mc_buf_release(&b);
}

/* The variant that id is, those that run first; SIZE_MAX none. *nearest: how it differs from the newest. */
static size_t find_variant(const struct mc_thing *g, const struct mc_identity *id, int64_t now, enum mc_sameness *nearest)
{
	size_t found = SIZE_MAX;
	*nearest = g->n ? mc_compare_identities(&g->v[g->newest].id, id) : MC_OTHER;
	for (size_t i = 0; i < g->n; i++) {
		if (mc_compare_identities(&g->v[i].id, id) != MC_SAME)
			continue;
		if (runs(&g->v[i].at, now))
			return i;
		if (found == SIZE_MAX || i == g->newest)
			found = i;
	}
	return found;
}

/* Room for one more: the oldest that no process has. SIZE_MAX: all of them live, or there is no memory. */
static size_t free_variant(struct mc_thing *g)
{
	if (g->n < MC_MOST_VARIANTS)
		return mc_thing_room(g, g->n + 1) < 0 ? SIZE_MAX : g->n++;
	size_t oldest = SIZE_MAX;
	for (size_t i = 0; i < g->n; i++)
		if (g->v[i].at.live == 0 && i != g->newest && (oldest == SIZE_MAX || g->v[i].at.last_ms < g->v[oldest].at.last_ms))
			oldest = i;
	for (size_t i = 0; oldest != SIZE_MAX && i < g->nlibs; i++)
		if (g->libs[i].variant == oldest)
			g->libs[i].variant = SIZE_MAX;
	return oldest;
}

/* What an earlier sight of the same version did not tell. */
static void learn(struct mc_identity *known, const struct mc_identity *id)
{
	if (known->commit[0] == '\0' && id->commit[0])
		memcpy(known->commit, id->commit, sizeof known->commit);
	if (known->version[0] == '\0' && id->version[0])
		memcpy(known->version, id->version, sizeof known->version);
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

/* Whether variant i, known before, is a deploy now. */
static bool is_back(const struct mc_thing *g, size_t i, int64_t now)
{
	const struct mc_variant *v = &g->v[i].at;
	if (runs(v, now))
		return false;
	/* the newest, begun again after a crash; long gone while another ran on, it comes back */
	return i != g->newest || now - v->last_ms > MC_SETTLED_MS;
}

static bool others_live(const struct mc_thing *g, size_t i)
{
	for (size_t k = 0; k < g->n; k++)
		if (k != i && g->v[k].at.live > 0)
			return true;
	return false;
}

/* The birth, decided: variant i of g. 1 where it is a deploy. */
static int decide(struct mc_thing *g, size_t i, bool fresh, enum mc_sameness how, int64_t start_ms, int64_t now, const struct mc_identity *id,
	struct mc_recognised *ret)
{
	bool first = g->n == 1 && fresh, back = !fresh && is_back(g, i, now), known = !fresh && runs(&g->v[i].at, now);
	bool deploy = !first && (fresh || back);
	if (deploy) {
		struct mc_identity was = g->v[g->newest].id;
		*ret = (struct mc_recognised){ .kind = back ? MC_SEEN_BACK : how == MC_OTHER_INTERPRETER ? MC_SEEN_LIBRARY : MC_SEEN_VERSION,
			.id = *id, .first_seen_ms = start_ms, .ran_before_ms = back ? g->v[i].at.last_ms : 0, .beside = others_live(g, i) };
		snprintf(ret->source, sizeof ret->source, "%s", ret->kind == MC_SEEN_LIBRARY ? "library" : mc_identity_source_name(id->source));
		reason(ret, &was, how);
		g->newest = i;
	}
	for (size_t k = 0; k < g->n; k++)
		if (k != i)
			other_born(&g->v[k].at, known, now);
	one_born(&g->v[i].at, known, now);
	return deploy;
}

int mc_tracker_born(struct mc_tracker *t, const char *program, uint64_t incarnation, int64_t start_ms, int64_t now_ms,
	const struct mc_identity *id, struct mc_recognised *ret, struct mc_error *err)
{
	size_t thing, i;
	uint64_t old;
	enum mc_sameness how;
	bool tells = id->commit[0] || id->version[0] || id->build_id[0] || id->contents[0];
	if (!tells || id->what[0] == '\0' || mc_map_get(t->index, (const char *)&incarnation, sizeof incarnation, &old))
		return 0;
	struct mc_watched *w = mc_tracker_program(t, program, true);
	struct mc_thing *g = w ? mc_tracker_thing(w, id->what, true, &thing) : NULL;
	if (!g)
		return 0; /* at a limit: what is not remembered can't be told from what is new */
	i = find_variant(g, id, now_ms, &how);
	bool fresh = i == SIZE_MAX;
	if (fresh && (i = free_variant(g)) == SIZE_MAX)
		return 0;
	struct mc_alive a = { incarnation, (size_t)(w - t->programs), thing, i, SIZE_MAX, start_ms };
	if (fresh) {
		g->v[i].id = *id;
		g->v[i].at = (struct mc_variant){ .first_ms = start_ms };
	} else {
		learn(&g->v[i].id, id);
	}
	int rc = take(t, a, err);
	if (rc < 0) {
		if (fresh && i + 1 == g->n)
			g->n--;
		return rc;
	}
	w->changed |= fresh || !g->v[i].at.runs;
	return decide(g, i, fresh, how, start_ms, now_ms, id, ret);
}

void mc_tracker_gone(struct mc_tracker *t, uint64_t incarnation, int64_t now_ms)
{
	uint64_t at;
	if (!mc_map_get(t->index, (const char *)&incarnation, sizeof incarnation, &at))
		return;
	struct mc_alive a = t->alive[at];
	struct mc_watched *w = &t->programs[a.program];
	struct mc_thing *g = w->things[a.thing];
	struct mc_variant *v = &g->v[a.variant].at;
	bool ran = v->runs;
	one_gone(v, others_live(g, a.variant), now_ms);
	w->changed |= v->runs != ran;
	if (a.libset != SIZE_MAX) {
		bool others = false;
		for (size_t i = 0; i < g->nlibs; i++)
			others |= i != a.libset && g->libs[i].at.live > 0;
		one_gone(&g->libs[a.libset].at, others, now_ms);
	}
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
static size_t changed_libraries(const struct mc_thing *g, size_t variant, const struct mc_library_build *v, size_t n, int64_t now, size_t *which)
{
	size_t changed = 0;
	for (size_t k = 0; k < n; k++) {
		int best = 0;
		for (size_t i = 0; i < g->nlibs; i++)
			if (g->libs[i].variant == variant && runs(&g->libs[i].at, now)) {
				int how = knows(&g->libs[i], &v[k]);
				best = how > best ? how : best;
			}
		if (best == 1 && changed++ == 0)
			*which = k;
	}
	return changed;
}

static size_t same_libset(const struct mc_thing *g, size_t variant, const struct mc_library_build *v, size_t n)
{
	for (size_t i = 0; i < g->nlibs; i++) {
		size_t k = 0;
		if (g->libs[i].variant != variant || g->libs[i].n != n)
			continue;
		while (k < n && knows(&g->libs[i], &v[k]) == 2)
			k++;
		if (k == n)
			return i;
	}
	return SIZE_MAX;
}

static size_t keep_libset(struct mc_thing *g, size_t variant, const struct mc_library_build *v, size_t n, int64_t now)
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
	g->libs[at] = (struct mc_libset){ .at = { .first_ms = now }, .variant = variant, .n = n, .v = copy };
	return at;
}

static void library_deploy(struct mc_recognised *ret, const struct mc_identity *id, const struct mc_library_build *l, size_t more, int64_t start_ms)
{
	*ret = (struct mc_recognised){ .kind = MC_SEEN_LIBRARY, .id = *id, .first_seen_ms = start_ms };
	memcpy(ret->id.build_id, l->build_id, sizeof ret->id.build_id);
	ret->id.commit[0] = '\0'; /* the program's own did not change */
	snprintf(ret->source, sizeof ret->source, "library");
	struct mc_buf b = { 0 };
	/* what a file is called says less than its build: libssl.so.3 it is before and after */
	const char *which = l->build_id[0] ? l->build_id : l->contents;
	mc_buf_printf(&b, "%s%s%s, %s %.8s", l->name, l->version[0] ? " " : "", l->version, l->build_id[0] ? "build" : "contents", which);
	mc_clean_copy(ret->id.version, sizeof ret->id.version, mc_buf_text(&b), b.len);
	mc_buf_release(&b);
	mc_buf_printf(&b, "library update: %s", l->path);
	if (more > 0)
		mc_buf_printf(&b, " and %zu more", more);
	mc_buf_str(&b, "; the program is the same");
	mc_clean_copy(ret->note, sizeof ret->note, mc_buf_text(&b), b.len);
	mc_buf_release(&b);
}

int mc_tracker_libraries(struct mc_tracker *t, uint64_t incarnation, int64_t now_ms, const struct mc_library_build *v, size_t n,
	struct mc_recognised *ret, struct mc_error *err)
{
	uint64_t at;
	(void)err;
	if (!mc_map_get(t->index, (const char *)&incarnation, sizeof incarnation, &at) || t->alive[at].libset != SIZE_MAX)
		return 0;
	struct mc_alive *a = &t->alive[at];
	struct mc_watched *w = &t->programs[a->program];
	struct mc_thing *g = w->things[a->thing];
	if (n > MC_MOST_LIBRARIES)
		n = MC_MOST_LIBRARIES;
	size_t which = 0, changed = changed_libraries(g, a->variant, v, n, now_ms, &which), set = same_libset(g, a->variant, v, n);
	bool known = set != SIZE_MAX && runs(&g->libs[set].at, now_ms);
	if (set == SIZE_MAX && (set = keep_libset(g, a->variant, v, n, now_ms)) == SIZE_MAX)
		return 0; /* without memory for it, it is not compared */
	w->changed |= !g->libs[set].at.runs;
	for (size_t i = 0; i < g->nlibs; i++)
		if (i != set && g->libs[i].variant == a->variant)
			other_born(&g->libs[i].at, known || changed == 0, now_ms);
	one_born(&g->libs[set].at, known || changed == 0, now_ms);
	a->libset = set;
	if (changed == 0)
		return 0;
	library_deploy(ret, &g->v[a->variant].id, &v[which], changed - 1, a->start_ms);
	return 1;
}
