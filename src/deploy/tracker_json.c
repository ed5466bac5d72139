/* What the tracker knows of a program, as text that outlives the daemon. A file's builds are its "variants". */
#include "tracker.h"

#include <stdlib.h>
#include <string.h>

enum { FORMAT = 1, TEXT_MAX = 4 << 20 };

static void put_times(struct mc_json *j, const struct mc_running_set *v)
{
	mc_json_int(j, "first_ms", v->first_ms);
	mc_json_int(j, "last_ms", v->last_ms);
	mc_json_int(j, "until_ms", v->until_ms);
	mc_json_int(j, "replaced_ms", v->replaced_ms);
	mc_json_bool(j, "runs", v->runs || v->live > 0);
}

static void put_libset(struct mc_json *j, const struct mc_libset *s)
{
	mc_json_object(j, NULL);
	mc_json_int(j, "variant", (int64_t)s->build);
	put_times(j, &s->at);
	mc_json_array(j, "v");
	for (size_t i = 0; i < s->n; i++) {
		mc_json_array(j, NULL);
		mc_json_str(j, NULL, s->v[i].name);
		mc_json_str(j, NULL, s->v[i].build_id);
		mc_json_str(j, NULL, s->v[i].contents);
		mc_json_str(j, NULL, s->v[i].version);
		mc_json_close(j);
	}
	mc_json_close(j);
	mc_json_close(j);
}

static void put_thing(struct mc_json *j, const struct mc_thing *g)
{
	mc_json_object(j, NULL);
	mc_json_str(j, "what", g->what);
	mc_json_array(j, "variants");
	for (size_t i = 0; i < g->n; i++) {
		mc_json_object(j, NULL);
		mc_json_str(j, "build_id", g->v[i].build_id);
		mc_json_int(j, "last_ms", g->v[i].last_ms);
		mc_json_close(j);
	}
	mc_json_close(j);
	mc_json_array(j, "libraries");
	for (size_t i = 0; i < g->nlibs; i++)
		if (g->libs[i].build < g->n && (g->libs[i].at.runs || g->libs[i].at.live > 0))
			put_libset(j, &g->libs[i]);
	mc_json_close(j);
	mc_json_close(j);
}

int mc_tracker_save(struct mc_tracker *t, const char *program, struct mc_buf *out, struct mc_error *err)
{
	const struct mc_watched *w = mc_tracker_program(t, program, false);
	struct mc_json *j = mc_json_new();
	if (!j)
		return mc_nomem(err, "what ran of a program");
	mc_json_object(j, NULL);
	mc_json_int(j, "format", FORMAT);
	mc_json_array(j, "things");
	for (size_t i = 0; w && i < w->n; i++)
		put_thing(j, w->things[i]);
	mc_json_close(j);
	mc_json_close(j);
	int rc = mc_json_text(j, MC_JSON_COMPACT, out, err);
	mc_json_free(j);
	return rc;
}

/* ---- back ---- */

static void get_text(const struct mc_jsonv *v, char *ret, size_t size)
{
	const char *s = mc_jsonv_str(v);
	if (s && strlen(s) < size)
		memcpy(ret, s, strlen(s) + 1);
}

static int64_t get_int(const struct mc_jsonv *o, const char *key)
{
	int64_t v = 0;
	return mc_jsonv_int(mc_jsonv_get(o, key), &v) && v > 0 ? v : 0;
}

static void get_times(const struct mc_jsonv *o, struct mc_running_set *v)
{
	*v = (struct mc_running_set){ .first_ms = get_int(o, "first_ms"), .last_ms = get_int(o, "last_ms"), .until_ms = get_int(o, "until_ms"),
		.replaced_ms = get_int(o, "replaced_ms") };
	(void)mc_jsonv_bool(mc_jsonv_get(o, "runs"), &v->runs);
}

static int get_libset(const struct mc_jsonv *o, struct mc_thing *g, struct mc_error *err)
{
	const struct mc_jsonv *v = mc_jsonv_get(o, "v");
	size_t n = mc_jsonv_count(v), build = (size_t)get_int(o, "variant");
	if (g->nlibs >= MC_MOST_LIBSETS || n > MC_MOST_LIBRARIES || build >= g->n)
		return 0;
	struct mc_libset s = { .build = build, .n = n, .v = calloc(n + 1, sizeof *s.v) };
	if (!s.v)
		return mc_nomem(err, "libraries");
	get_times(o, &s.at);
	for (size_t i = 0; i < n; i++) {
		const struct mc_jsonv *l = mc_jsonv_at(v, i);
		get_text(mc_jsonv_at(l, 0), s.v[i].name, sizeof s.v[i].name);
		get_text(mc_jsonv_at(l, 1), s.v[i].build_id, sizeof s.v[i].build_id);
		get_text(mc_jsonv_at(l, 2), s.v[i].contents, sizeof s.v[i].contents);
		get_text(mc_jsonv_at(l, 3), s.v[i].version, sizeof s.v[i].version);
	}
	g->libs[g->nlibs++] = s;
	return 0;
}

static int get_thing(const struct mc_jsonv *o, struct mc_watched *w, struct mc_error *err)
{
	const char *what = mc_jsonv_str(mc_jsonv_get(o, "what"));
	const struct mc_jsonv *v = mc_jsonv_get(o, "variants"), *l = mc_jsonv_get(o, "libraries");
	size_t at, n = mc_jsonv_count(v);
	if (!what || !what[0] || n == 0 || n > MC_MOST_FILE_BUILDS || mc_tracker_thing(w, what, false, &at))
		return 0;
	struct mc_thing *g = mc_tracker_thing(w, what, true, &at);
	if (!g)
		return w->n < MC_MOST_FILES_RUN ? mc_nomem(err, "what ran of a program") : 0;
	g->v = calloc(n, sizeof *g->v);
	if (!g->v)
		return mc_nomem(err, "what ran of a program");
	g->n = g->cap = n;
	for (size_t i = 0; i < n; i++) {
		get_text(mc_jsonv_get(mc_jsonv_at(v, i), "build_id"), g->v[i].build_id, sizeof g->v[i].build_id);
		g->v[i].last_ms = get_int(mc_jsonv_at(v, i), "last_ms");
	}
	int rc = 0;
	for (size_t i = 0; rc == 0 && i < mc_jsonv_count(l); i++)
		rc = get_libset(mc_jsonv_at(l, i), g, err);
	return rc;
}

int mc_tracker_load(struct mc_tracker *t, const char *program, const char *text, size_t len, struct mc_error *err)
{
	struct mc_jsondoc *d = NULL;
	if (mc_jsondoc_parse(text, len, TEXT_MAX, &d, NULL) < 0)
		return 0; /* damaged, or of another version: what runs is learned anew */
	const struct mc_jsonv *root = mc_jsondoc_root(d), *things = mc_jsonv_get(root, "things");
	struct mc_watched *w = get_int(root, "format") == FORMAT ? mc_tracker_program(t, program, true) : NULL;
	int rc = 0;
	for (size_t i = 0; w && rc == 0 && i < mc_jsonv_count(things) && i < MC_MOST_FILES_RUN; i++)
		rc = get_thing(mc_jsonv_at(things, i), w, err);
	mc_jsondoc_free(d);
	return rc;
}
