/* What the daemon remembers of a program's builds over its own restart: one fact in the store, as JSON. */
#include <stdlib.h>
#include <string.h>

#include "daemon_builds.h"

enum { MEMORY_MAX = 256 * 1024 };

static void fact_name(const struct program *p, char out[64])
{
	snprintf(out, 64, "builds/%lld", (long long)p->id);
}

static void build_json(struct mc_json *j, const struct build *b)
{
	mc_json_object(j, NULL);
	mc_json_str(j, "version", b->version);
	mc_json_str(j, "commit", b->commit);
	mc_json_str(j, "build_id", b->build_id);
	mc_json_str(j, "how", b->how);
	mc_json_str(j, "source", b->source);
	mc_json_int(j, "last_ms", b->last_ms);
	if (b->mark_id) {
		mc_json_int(j, "since_ms", b->since_ms);
		mc_json_int(j, "mark_id", b->mark_id);
		mc_json_int(j, "mark_ms", b->mark_ms);
		mc_json_str(j, "said_version", b->said_version ? b->said_version : "");
		mc_json_str(j, "said_commit", b->said_commit ? b->said_commit : "");
	}
	mc_json_close(j);
}

static void executable_json(struct mc_json *j, const struct executable *e)
{
	mc_json_object(j, NULL);
	mc_json_str(j, "key", e->key);
	mc_json_num(j, "share", e->share);
	mc_json_array(j, "builds");
	/* the current one last; one that was never decided on is met anew */
	for (size_t k = 0; k < e->n; k++)
		if (e->builds[k].build_id && !e->builds[k].pending && k != e->current)
			build_json(j, &e->builds[k]);
	if (e->current < e->n)
		build_json(j, &e->builds[e->current]);
	mc_json_close(j);
	mc_json_close(j);
}

int builds_save(struct daemon *d, struct program *p, struct mc_error *err)
{
	char name[64];
	struct mc_buf text = { 0 };
	struct mc_json *j = mc_json_new();
	if (!j)
		return mc_nomem(err, "what builds there were");
	mc_json_object(j, NULL);
	mc_json_array(j, "executables");
	for (size_t i = 0; i < p->nexecutables; i++)
		if (p->executables[i].current != SIZE_MAX)
			executable_json(j, &p->executables[i]);
	mc_json_close(j);
	mc_json_close(j);
	int rc = mc_json_text(j, MC_JSON_COMPACT, &text, err);
	mc_json_free(j);
	fact_name(p, name);
	if (rc == 0)
		rc = mc_store_fact_put(d->store, name, mc_buf_text(&text), err);
	mc_buf_release(&text);
	if (rc == 0)
		p->changed = false;
	return rc;
}

static const char *text_of(const struct mc_jsonv *v, const char *key)
{
	const char *s = mc_jsonv_str(mc_jsonv_get(v, key));
	return s ? s : "";
}

/* What a mark called it, and since when. False: no memory. */
static bool take_naming(struct build *b, const struct mc_jsonv *v)
{
	if (!mc_jsonv_int(mc_jsonv_get(v, "mark_id"), &b->mark_id))
		return true;
	mc_jsonv_int(mc_jsonv_get(v, "since_ms"), &b->since_ms);
	mc_jsonv_int(mc_jsonv_get(v, "mark_ms"), &b->mark_ms);
	b->said_version = mc_strdup(text_of(v, "said_version"));
	b->said_commit = mc_strdup(text_of(v, "said_commit"));
	if (b->said_version && b->said_commit)
		return true;
	build_release(b);
	return false;
}

static struct build *known_build(struct executable *e, const struct mc_jsonv *v)
{
	int64_t mark_id = 0;
	mc_jsonv_int(mc_jsonv_get(v, "mark_id"), &mark_id);
	for (size_t k = 0; k < e->n; k++) {
		struct build *b = &e->builds[k];
		if (b->build_id && b->mark_id == mark_id && strcmp(b->build_id, text_of(v, "build_id")) == 0 && strcmp(b->version, text_of(v, "version")) == 0 &&
			strcmp(b->commit, text_of(v, "commit")) == 0)
			return b;
	}
	struct build *b = builds_add(e, text_of(v, "version"), text_of(v, "commit"), text_of(v, "build_id"), text_of(v, "how"), text_of(v, "source"));
	return b && take_naming(b, v) ? b : NULL;
}

/* What ran is the last of the list. Lives may have been met already, where the store could not be asked. */
static void load_executable(struct program *p, const struct mc_jsonv *v)
{
	const struct mc_jsonv *list = mc_jsonv_get(v, "builds");
	struct executable *e = builds_executable(p, text_of(v, "key"));
	struct build *b = NULL;
	if (!e || e->current != SIZE_MAX)
		return;
	for (size_t k = 0; k < mc_jsonv_count(list); k++) {
		if (!(b = known_build(e, mc_jsonv_at(list, k))))
			return;
		if (!b->last_ms)
			mc_jsonv_int(mc_jsonv_get(mc_jsonv_at(list, k), "last_ms"), &b->last_ms);
	}
	if (b) {
		e->current = (size_t)(b - e->builds);
		b->pending = false;
	}
	mc_jsonv_num(mc_jsonv_get(v, "share"), &e->share);
}

void builds_load(struct daemon *d, struct program *p)
{
	char name[64];
	struct mc_buf text = { 0 };
	struct mc_jsondoc *doc = NULL;
	fact_name(p, name);
	if (mc_store_fact_get(d->store, name, &text, NULL) == 0 &&
		mc_jsondoc_parse(mc_buf_text(&text), text.len, MEMORY_MAX, &doc, NULL) == 0) {
		const struct mc_jsonv *list = mc_jsonv_get(mc_jsondoc_root(doc), "executables");
		for (size_t i = 0; i < mc_jsonv_count(list); i++)
			load_executable(p, mc_jsonv_at(list, i));
	}
	mc_jsondoc_free(doc);
	mc_buf_release(&text);
}
