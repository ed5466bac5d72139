/* libyaml's events made into a tree. Own walker: libyaml's document loader knows no limit on depth
 * and hides keys that are there twice. */
#include "yaml_tree.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

struct reader {
	const char *file;
	const char *text;
	size_t len;
	yaml_parser_t parser;
	struct tree *tree;
	struct mc_error *err;
};

static int fail_at(struct reader *r, yaml_mark_t at, const char *what)
{
	return mc_fail(r->err, MC_EUSAGE, 0, "%s:%zu:%zu: %s", r->file, at.line + 1, at.column + 1, what);
}

/* Bytes that are no text have an offset only. */
static yaml_mark_t mark_of(const struct reader *r, size_t offset)
{
	yaml_mark_t m = { 0 };
	for (size_t i = 0; i < offset && i < r->len; i++) {
		m.column++;
		if (r->text[i] == '\n') {
			m.line++;
			m.column = 0;
		}
	}
	return m;
}

/* The brackets or braces around the place of an error that are not closed there, or NULL. */
static const struct tree_node *unclosed(const struct reader *r)
{
	for (const struct tree_node *n = r->tree->all; n; n = n->older)
		if (n->open)
			return n->flow ? n : NULL;
	return NULL;
}

/* libyaml says where it gave up, which may be lines below; what is to be mended is where it began. */
static int never_closed(struct reader *r, const struct tree_node *n, yaml_mark_t at)
{
	char what[200];
	bool map = n->kind == TREE_MAP;
	snprintf(what, sizeof what, "this '%c' is not closed: put the '%c', or a ',' that is missing, before line %zu, column %zu", map ? '{' : '[',
		map ? '}' : ']', at.line + 1, at.column + 1);
	return fail_at(r, (yaml_mark_t){ .line = n->line - 1, .column = n->column - 1 }, what);
}

static int syntax_error(struct reader *r)
{
	char what[300];
	const yaml_parser_t *p = &r->parser;
	if (p->error == YAML_MEMORY_ERROR)
		return mc_nomem(r->err, "the configuration");
	if (p->error == YAML_READER_ERROR) {
		snprintf(what, sizeof what, "%s; the file has to be UTF-8 text", p->problem ? p->problem : "not text");
		return fail_at(r, mark_of(r, p->problem_offset), what);
	}
	const struct tree_node *open = unclosed(r);
	if (p->error == YAML_PARSER_ERROR && open)
		return never_closed(r, open, p->problem_mark);
	if (p->context && strcmp(p->context, "while scanning a quoted scalar") == 0)
		return fail_at(r, p->context_mark, "this quote is not closed; put another at the end of the text");
	const char *tab = p->problem && strstr(p->problem, "cannot start any token") ? "; a tab, @, ` or % here has to be in quotes, and indentation is blanks" :
		"; mind the indentation, and quote text that has a ':' or '#' in it";
	snprintf(what, sizeof what, "%s%s%s%s", p->context ? p->context : "", p->context ? ": " : "", p->problem ? p->problem : "not YAML", tab);
	return fail_at(r, p->problem_mark, what);
}

static int next_event(struct reader *r, yaml_event_t *e)
{
	return yaml_parser_parse(&r->parser, e) ? 0 : syntax_error(r);
}

static int new_node(struct reader *r, const yaml_event_t *e, enum tree_kind kind, const yaml_char_t *anchor, struct tree_node **ret)
{
	if (r->tree->count >= TREE_MAX_NODES)
		return fail_at(r, e->start_mark, "more than 50,000 values; a configuration has to be smaller");
	struct tree_node *n = calloc(1, sizeof *n);
	if (!n)
		return mc_nomem(r->err, "the configuration");
	n->kind = kind;
	n->line = e->start_mark.line + 1;
	n->column = e->start_mark.column + 1;
	n->older = r->tree->all;
	r->tree->all = n;
	r->tree->count++;
	*ret = n;
	if (anchor && !(n->anchor = mc_strdup((const char *)anchor)))
		return mc_nomem(r->err, "the configuration");
	return 0;
}

static int take_text(struct reader *r, const yaml_event_t *e, char **ret)
{
	const char *s = (const char *)e->data.scalar.value;
	if (memchr(s, 0, e->data.scalar.length))
		return fail_at(r, e->start_mark, "a NUL byte in a text; take it out");
	*ret = mc_strdup(s);
	return *ret ? 0 : mc_nomem(r->err, "the configuration");
}

static int alias_of(struct reader *r, const yaml_event_t *e, struct tree_node **ret)
{
	for (struct tree_node *n = r->tree->all; n; n = n->older)
		if (n->anchor && strcmp(n->anchor, (const char *)e->data.alias.anchor) == 0 && !n->open) {
			*ret = n;
			return 0;
		}
	return fail_at(r, e->start_mark, "an alias of something that was not named before; define '&name' above it");
}

static int read_value(struct reader *r, yaml_event_t *e, int depth, struct tree_node **ret);

static int read_list(struct reader *r, struct tree_node *list, int depth)
{
	yaml_event_t e;
	int rc;
	while ((rc = next_event(r, &e)) == 0 && e.type != YAML_SEQUENCE_END_EVENT) {
		struct tree_node *item = NULL;
		if ((rc = read_value(r, &e, depth, &item)) < 0)
			return rc;
		if ((list->n & (list->n - 1)) == 0) { /* room doubles */
			void *items = mc_reallocarray(list->items, list->n ? list->n * 2 : 1, sizeof(void *));
			if (!items)
				return mc_nomem(r->err, "the configuration");
			list->items = items;
		}
		list->items[list->n++] = item;
	}
	if (rc == 0)
		yaml_event_delete(&e);
	return rc;
}

static int read_map(struct reader *r, struct tree_node *map, int depth)
{
	yaml_event_t e;
	int rc;
	while ((rc = next_event(r, &e)) == 0 && e.type != YAML_MAPPING_END_EVENT) {
		struct tree_pair pair = { .line = e.start_mark.line + 1, .column = e.start_mark.column + 1 };
		if (e.type != YAML_SCALAR_EVENT)
			rc = fail_at(r, e.start_mark, "a key has to be a name");
		else
			rc = take_text(r, &e, &pair.key);
		yaml_event_delete(&e);
		if (rc == 0 && (rc = next_event(r, &e)) == 0)
			rc = read_value(r, &e, depth, &pair.value);
		if (rc == 0 && (map->n & (map->n - 1)) == 0) {
			void *pairs = mc_reallocarray(map->pairs, map->n ? map->n * 2 : 1, sizeof *map->pairs);
			if (pairs)
				map->pairs = pairs;
			else
				rc = mc_nomem(r->err, "the configuration");
		}
		if (rc < 0) {
			free(pair.key);
			return rc;
		}
		assert(map->pairs); /* made for the first pair, larger whenever their number is a power of two */
		map->pairs[map->n++] = pair;
	}
	if (rc == 0)
		yaml_event_delete(&e);
	return rc;
}

/* The value that begins with e, which is deleted here. A list or map is open until its end, so that an
 * alias cannot make a ring. */
static int read_value(struct reader *r, yaml_event_t *e, int depth, struct tree_node **ret)
{
	int rc;
	struct tree_node *n = NULL;
	yaml_event_type_t type = e->type;
	bool flow = (type == YAML_SEQUENCE_START_EVENT && e->data.sequence_start.style == YAML_FLOW_SEQUENCE_STYLE) ||
		(type == YAML_MAPPING_START_EVENT && e->data.mapping_start.style == YAML_FLOW_MAPPING_STYLE);
	if (depth >= TREE_MAX_DEPTH)
		rc = fail_at(r, e->start_mark, "nested more than 16 deep; a configuration needs 4");
	else if (type == YAML_ALIAS_EVENT)
		rc = alias_of(r, e, &n);
	else if (type == YAML_SCALAR_EVENT) {
		rc = new_node(r, e, TREE_SCALAR, e->data.scalar.anchor, &n);
		if (rc == 0)
			rc = take_text(r, e, &n->text);
		if (rc == 0)
			n->quoted = e->data.scalar.style != YAML_PLAIN_SCALAR_STYLE;
	} else if (type == YAML_SEQUENCE_START_EVENT)
		rc = new_node(r, e, TREE_LIST, e->data.sequence_start.anchor, &n);
	else
		rc = new_node(r, e, TREE_MAP, e->data.mapping_start.anchor, &n);
	if (rc == 0)
		n->flow = flow;
	yaml_event_delete(e);
	if (rc == 0 && (type == YAML_SEQUENCE_START_EVENT || type == YAML_MAPPING_START_EVENT)) {
		n->open = true;
		rc = type == YAML_SEQUENCE_START_EVENT ? read_list(r, n, depth + 1) : read_map(r, n, depth + 1);
		n->open = false;
	}
	*ret = n;
	return rc;
}

/* Stream start, one document or none, stream end. */
static int read_stream(struct reader *r)
{
	size_t documents = 0;
	for (;;) {
		yaml_event_t e;
		int rc = next_event(r, &e);
		if (rc < 0)
			return rc;
		yaml_event_type_t type = e.type;
		if (type == YAML_DOCUMENT_START_EVENT && documents++ > 0)
			rc = fail_at(r, e.start_mark, "a second document; put all of it into one");
		if (rc < 0 || type == YAML_STREAM_END_EVENT || type == YAML_NO_EVENT || type == YAML_STREAM_START_EVENT ||
			type == YAML_DOCUMENT_START_EVENT || type == YAML_DOCUMENT_END_EVENT)
			yaml_event_delete(&e);
		else
			rc = read_value(r, &e, 0, &r->tree->root);
		if (rc < 0 || type == YAML_STREAM_END_EVENT || type == YAML_NO_EVENT)
			return rc;
	}
}

int tree_read(const char *file, const char *text, size_t len, struct tree *ret, struct mc_error *err)
{
	struct tree t = { 0 };
	struct reader r = { .file = file, .text = text, .len = len, .tree = &t, .err = err };
	if (len > TREE_MAX_BYTES)
		return mc_fail(err, MC_EUSAGE, 0, "%s:1:1: larger than 1 MiB; a configuration has to be smaller", file);
	if (!yaml_parser_initialize(&r.parser))
		return mc_nomem(err, "the configuration");
	yaml_parser_set_encoding(&r.parser, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(&r.parser, (const unsigned char *)text, len);
	int rc = read_stream(&r);
	yaml_parser_delete(&r.parser);
	if (rc < 0) {
		tree_release(&t);
		return rc;
	}
	if (t.root && tree_is_null(t.root))
		t.root = NULL;
	*ret = t;
	return 0;
}

void tree_release(struct tree *t)
{
	for (struct tree_node *n = t->all, *older; n; n = older) {
		older = n->older;
		for (size_t i = 0; n->kind == TREE_MAP && i < n->n; i++)
			free(n->pairs[i].key);
		free(n->pairs);
		free(n->items);
		free(n->text);
		free(n->anchor);
		free(n);
	}
	*t = (struct tree){ 0 };
}

bool tree_is_null(const struct tree_node *n)
{
	static const char *const words[] = { "", "~", "null", "Null", "NULL" };
	for (size_t i = 0; n->kind == TREE_SCALAR && !n->quoted && i < sizeof words / sizeof words[0]; i++)
		if (strcmp(n->text, words[i]) == 0)
			return true;
	return false;
}
