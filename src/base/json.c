/* The one JSON writer and reader, on jansson. */
#include "memculprit/base.h"

#include <assert.h>
#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { DEPTH_MAX = 32 };

struct mc_json {
	json_t *open[DEPTH_MAX]; /* the containers from the root inwards; only [0] is owned */
	int depth;
	json_t *root;
	bool failed;
};

struct mc_json *mc_json_new(void)
{
	return calloc(1, sizeof(struct mc_json));
}

void mc_json_free(struct mc_json *j)
{
	if (!j)
		return;
	json_decref(j->root);
	free(j);
}

/* Hands v over to the innermost container. */
static void put(struct mc_json *j, const char *key, json_t *v)
{
	if (!v || j->failed) {
		json_decref(v);
		j->failed = true;
		return;
	}
	if (j->depth == 0) {
		assert(!j->root && !key);
		j->root = v;
		return;
	}
	json_t *in = j->open[j->depth - 1];
	assert(json_is_object(in) == (key != NULL));
	int rc = key ? json_object_set_new(in, key, v) : json_array_append_new(in, v);
	if (rc < 0)
		j->failed = true;
}

static void open_container(struct mc_json *j, const char *key, json_t *v)
{
	put(j, key, v);
	assert(j->depth < DEPTH_MAX);
	j->open[j->depth++] = v;
}

void mc_json_object(struct mc_json *j, const char *key)
{
	open_container(j, key, json_object());
}

void mc_json_array(struct mc_json *j, const char *key)
{
	open_container(j, key, json_array());
}

void mc_json_close(struct mc_json *j)
{
	assert(j->depth > 0);
	j->depth--;
}

void mc_json_str(struct mc_json *j, const char *key, const char *s)
{
	if (!s) {
		mc_json_null(j, key);
		return;
	}
	json_t *v = json_string(s); /* NULL where it is not valid UTF-8 */
	if (!v) {
		struct mc_buf clean = { 0 };
		mc_utf8_add(&clean, s, strlen(s));
		v = json_string(mc_buf_text(&clean));
		mc_buf_release(&clean);
	}
	put(j, key, v);
}

void mc_json_int(struct mc_json *j, const char *key, int64_t v)
{
	put(j, key, json_integer(v));
}

void mc_json_num(struct mc_json *j, const char *key, double v)
{
	put(j, key, isfinite(v) ? json_real(v) : json_null());
}

void mc_json_bool(struct mc_json *j, const char *key, bool v)
{
	put(j, key, json_boolean(v));
}

void mc_json_null(struct mc_json *j, const char *key)
{
	put(j, key, json_null());
}

void mc_json_raw(struct mc_json *j, const char *key, const char *text)
{
	put(j, key, json_loads(text, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL));
}

static int add_part(const char *part, size_t size, void *out)
{
	struct mc_buf *b = out;
	mc_buf_add(b, part, size);
	return b->failed ? -1 : 0;
}

int mc_json_text(struct mc_json *j, int how, struct mc_buf *out, struct mc_error *err)
{
	assert(j->failed || (j->depth == 0 && j->root));
	/* 10 digits: no figure of ours is better known, and 0.3 stays 0.3 */
	size_t flags = JSON_ENCODE_ANY | JSON_REAL_PRECISION(10) | (how == MC_JSON_INDENT ? JSON_INDENT(2) : 0);
	if (j->failed || json_dump_callback(j->root, add_part, out, flags) < 0)
		return mc_nomem(err, "a JSON text");
	return 0;
}

/* ---- reading ---- */

struct mc_jsondoc {
	json_t *root;
};

int mc_jsondoc_parse(const char *text, size_t len, size_t limit, struct mc_jsondoc **ret, struct mc_error *err)
{
	json_error_t at;
	if (len > limit)
		return mc_fail(err, MC_ELIMIT, 0, "a JSON text of %zu bytes; at most %zu are taken", len, limit);
	struct mc_jsondoc *d = calloc(1, sizeof *d);
	if (!d)
		return mc_nomem(err, "a JSON document");
	d->root = json_loadb(text, len, JSON_DECODE_ANY | JSON_REJECT_DUPLICATES, &at);
	if (!d->root) {
		free(d);
		return mc_fail(err, MC_EFORMAT, 0, "JSON, line %d, column %d: %s", at.line, at.column, at.text);
	}
	*ret = d;
	return 0;
}

void mc_jsondoc_free(struct mc_jsondoc *d)
{
	if (!d)
		return;
	json_decref(d->root);
	free(d);
}

static const struct mc_jsonv *wrap(const json_t *v)
{
	return (const struct mc_jsonv *)(const void *)v;
}

static const json_t *unwrap(const struct mc_jsonv *v)
{
	return (const json_t *)(const void *)v;
}

const struct mc_jsonv *mc_jsondoc_root(const struct mc_jsondoc *d)
{
	return wrap(d->root);
}

const struct mc_jsonv *mc_jsonv_get(const struct mc_jsonv *v, const char *key)
{
	return v ? wrap(json_object_get(unwrap(v), key)) : NULL;
}

const struct mc_jsonv *mc_jsonv_at(const struct mc_jsonv *v, size_t i)
{
	return v ? wrap(json_array_get(unwrap(v), i)) : NULL;
}

size_t mc_jsonv_count(const struct mc_jsonv *v)
{
	const json_t *x = unwrap(v);
	return !x ? 0 : json_is_array(x) ? json_array_size(x) : json_object_size(x);
}

const char *mc_jsonv_str(const struct mc_jsonv *v)
{
	return v ? json_string_value(unwrap(v)) : NULL;
}

bool mc_jsonv_num(const struct mc_jsonv *v, double *ret)
{
	if (!v || !json_is_number(unwrap(v)))
		return false;
	*ret = json_number_value(unwrap(v));
	return true;
}

bool mc_jsonv_int(const struct mc_jsonv *v, int64_t *ret)
{
	if (!v || !json_is_integer(unwrap(v)))
		return false;
	*ret = json_integer_value(unwrap(v));
	return true;
}

bool mc_jsonv_bool(const struct mc_jsonv *v, bool *ret)
{
	if (!v || !json_is_boolean(unwrap(v)))
		return false;
	*ret = json_is_true(unwrap(v));
	return true;
}

bool mc_jsonv_is_object(const struct mc_jsonv *v)
{
	return v && json_is_object(unwrap(v));
}
