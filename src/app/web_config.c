/* The web configuration as Prometheus' exporters have it. What the values mean is the server's affair; here it is
 * which keys there are. */
#include "web_config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "config_parts.h"

/* All texts in one list, so that they are freed together. */
struct owned {
	struct mc_web_config c; /* first: what is handed out is this */
	size_t n, cap;
	char **texts;
	const char **lists[2];
	struct mc_web_user *users;
	struct mc_web_header *headers;
};
struct taking {
	struct owned *o;
	struct tree_report *r;
	struct mc_error *err;
	const char *file;
	bool unsupported;
};

void web_config_free(struct mc_web_config *w)
{
	struct owned *o = (struct owned *)w;
	if (!o)
		return;
	for (size_t i = 0; i < o->n; i++)
		free(o->texts[i]);
	free(o->texts);
	free(o->lists[0]);
	free(o->lists[1]);
	free(o->users);
	free(o->headers);
	free(o);
}

/* A copy that o owns. */
static int keep(struct taking *t, const char *text, bool path, const char **ret)
{
	struct owned *o = t->o;
	void *items = o->texts;
	char *copy = NULL;
	int rc = mc_grow(&items, &o->cap, o->n + 1, sizeof *o->texts, t->err);
	o->texts = items;
	if (rc == 0)
		rc = path && text[0] ? config_set_path(&copy, text, t->file, t->err) : config_set(&copy, text, t->err);
	if (rc == 0)
		o->texts[o->n++] = copy;
	*ret = copy;
	return rc;
}

static int take_text(struct taking *t, const struct tree_node *map, const char *key, bool path, const char **ret)
{
	const struct tree_node *v = tree_get(map, key);
	if (!v || tree_is_null(v))
		return 0;
	if (v->kind != TREE_SCALAR) {
		tree_say(t->r, v->line, v->column, "%s: a %s stands here; give one value", key, v->kind == TREE_LIST ? "list" : "map");
		return 0;
	}
	return keep(t, v->text, path, ret);
}

static int take_list(struct taking *t, const struct tree_node *map, const char *key, const char ***list, size_t *n)
{
	const struct tree_node *v = tree_get(map, key);
	int rc = 0;
	if (!v || tree_is_null(v))
		return 0;
	if (v->kind != TREE_LIST) {
		tree_say(t->r, v->line, v->column, "%s: here belongs a list", key);
		return 0;
	}
	if (!(*list = calloc(v->n + 1, sizeof **list)))
		return mc_nomem(t->err, "the web configuration");
	for (size_t i = 0; rc == 0 && i < v->n; i++) {
		if (v->items[i]->kind != TREE_SCALAR)
			tree_say(t->r, v->items[i]->line, v->items[i]->column, "%s: here belongs a name", key);
		else if ((rc = keep(t, v->items[i]->text, false, &(*list)[*n])) == 0)
			(*n)++;
	}
	return rc;
}

static bool is_true(const struct tree_node *v)
{
	static const char *const words[] = { "true", "True", "TRUE", "yes", "Yes", "YES", "on", "On", "ON", "y", "Y" };
	for (size_t i = 0; v && v->kind == TREE_SCALAR && !v->quoted && i < sizeof words / sizeof words[0]; i++)
		if (strcmp(v->text, words[i]) == 0)
			return true;
	return false;
}

static bool is_false(const struct tree_node *v)
{
	static const char *const words[] = { "false", "False", "FALSE", "no", "No", "NO", "off", "Off", "OFF", "n", "N" };
	for (size_t i = 0; v && v->kind == TREE_SCALAR && !v->quoted && i < sizeof words / sizeof words[0]; i++)
		if (strcmp(v->text, words[i]) == 0)
			return true;
	return false;
}

/* A switch that changes nothing here: Go's server no longer heeds the one, this one speaks HTTP/1.1 only. */
static void check_switch(struct taking *t, const struct tree_node *map, const char *key)
{
	const struct tree_node *v = tree_get(map, key);
	if (v && !tree_is_null(v) && !is_true(v) && !is_false(v))
		tree_say(t->r, v->line, v->column, "%s: neither true nor false; give one of them", key);
}

static void refuse(struct taking *t, const struct tree_node *map, const char *key, const char *instead)
{
	const struct tree_node *v = tree_get(map, key);
	if (!v || tree_is_null(v) || (v->kind == TREE_SCALAR && v->text[0] == '\0') || (v->kind == TREE_LIST && v->n == 0))
		return;
	tree_say(t->r, v->line, v->column, "not supported: %s; %s", key, instead);
	t->unsupported = true;
}

static int take_tls(struct taking *t, const struct tree_node *v)
{
	static const char *const names[] = { "cert", "key", "cert_file", "key_file", "client_auth_type", "client_ca", "client_ca_file",
		"client_allowed_sans", "cipher_suites", "curve_preferences", "min_version", "max_version", "prefer_server_cipher_suites", NULL };
	struct mc_web_config *c = &t->o->c;
	int rc;
	tree_check_keys(t->r, v, "tls_server_config", names);
	if ((rc = take_text(t, v, "cert_file", true, &c->cert_file)) < 0 || (rc = take_text(t, v, "key_file", true, &c->key_file)) < 0 ||
		(rc = take_text(t, v, "client_ca_file", true, &c->client_ca_file)) < 0 ||
		(rc = take_text(t, v, "client_auth_type", false, &c->client_auth_type)) < 0 ||
		(rc = take_text(t, v, "min_version", false, &c->min_version)) < 0 || (rc = take_text(t, v, "max_version", false, &c->max_version)) < 0 ||
		(rc = take_list(t, v, "cipher_suites", &t->o->lists[0], &c->nciphers)) < 0 ||
		(rc = take_list(t, v, "curve_preferences", &t->o->lists[1], &c->ncurves)) < 0)
		return rc;
	c->ciphers = t->o->lists[0];
	c->curves = t->o->lists[1];
	refuse(t, v, "cert", "write it to a file and name that in cert_file");
	refuse(t, v, "key", "write it to a file and name that in key_file");
	refuse(t, v, "client_ca", "write it to a file and name that in client_ca_file");
	refuse(t, v, "client_allowed_sans", "a client certificate that client_ca_file vouches for is enough here");
	check_switch(t, v, "prefer_server_cipher_suites");
	return 0;
}

static bool header_may_be(const char *name, const char *value)
{
	if (strcmp(name, "X-Content-Type-Options") == 0)
		return strcmp(value, "nosniff") == 0;
	if (strcmp(name, "X-Frame-Options") == 0)
		return strcmp(value, "deny") == 0 || strcmp(value, "sameorigin") == 0;
	return true;
}

static int take_headers(struct taking *t, const struct tree_node *v)
{
	/* the ones that exporter-toolkit knows */
	static const char *const names[] = { "Content-Security-Policy", "X-Frame-Options", "X-Content-Type-Options", "X-XSS-Protection",
		"Strict-Transport-Security", NULL };
	struct mc_web_config *c = &t->o->c;
	int rc = 0;
	tree_check_keys(t->r, v, "headers", names);
	if (!(t->o->headers = calloc(v->n + 1, sizeof *t->o->headers)))
		return mc_nomem(t->err, "the web configuration");
	c->headers = t->o->headers;
	for (size_t i = 0; names[i] && rc == 0; i++) {
		const struct tree_node *value = tree_get(v, names[i]);
		struct mc_web_header *h = &t->o->headers[c->nheaders];
		if (!value || tree_is_null(value))
			continue;
		if (value->kind == TREE_SCALAR && !header_may_be(names[i], value->text))
			tree_say(t->r, value->line, value->column, "%s: '%.40s' is not one of its values; give %s", names[i], value->text,
				names[i][2] == 'C' ? "nosniff" : "deny or sameorigin");
		else if (value->kind != TREE_SCALAR || strpbrk(value->text, "\r\n"))
			tree_say(t->r, value->line, value->column, "%s: here belongs one line of text", names[i]);
		else if ((rc = keep(t, names[i], false, &h->name)) == 0 && (rc = keep(t, value->text, false, &h->value)) == 0)
			c->nheaders++;
	}
	return rc;
}

static bool is_map(struct taking *t, const struct tree_node *v, const char *what)
{
	if (v && v->kind != TREE_MAP && !tree_is_null(v))
		tree_say(t->r, v->line, v->column, "%s: here belongs a map of keys and values", what);
	return v && v->kind == TREE_MAP;
}

static int take_server(struct taking *t, const struct tree_node *v)
{
	static const char *const names[] = { "http2", "headers", NULL };
	const struct tree_node *headers = tree_get(v, "headers");
	tree_check_keys(t->r, v, "http_server_config", names);
	check_switch(t, v, "http2");
	return is_map(t, headers, "headers") ? take_headers(t, headers) : 0;
}

static int take_users(struct taking *t, const struct tree_node *v)
{
	struct mc_web_config *c = &t->o->c;
	int rc = 0;
	if (!(t->o->users = calloc(v->n + 1, sizeof *t->o->users)))
		return mc_nomem(t->err, "the web configuration");
	c->users = t->o->users;
	for (size_t i = 0; i < v->n && rc == 0; i++) {
		const struct tree_pair *p = &v->pairs[i];
		bool twice = false;
		for (size_t k = 0; k < i && !twice; k++)
			twice = strcmp(v->pairs[k].key, p->key) == 0;
		struct mc_web_user *u = &t->o->users[c->nusers];
		if (twice)
			tree_say(t->r, p->line, p->column, "basic_auth_users: '%.60s' is there twice; remove one", p->key);
		else if (p->value->kind != TREE_SCALAR)
			tree_say(t->r, p->value->line, p->value->column, "basic_auth_users: here belongs a bcrypt hash, as 'htpasswd -nBC 10 NAME' makes it");
		else if ((rc = keep(t, p->key, false, &u->name)) == 0 && (rc = keep(t, p->value->text, false, &u->hash)) == 0)
			c->nusers++;
	}
	return rc;
}

static int take_all(struct taking *t, const struct tree_node *root)
{
	static const char *const names[] = { "tls_server_config", "http_server_config", "basic_auth_users", "rate_limit", NULL };
	int rc = 0;
	if (!root)
		return 0;
	if (!is_map(t, root, "web configuration"))
		return 0;
	tree_check_keys(t->r, root, "web configuration", names);
	const struct tree_node *tls = tree_get(root, "tls_server_config"), *server = tree_get(root, "http_server_config"),
		*users = tree_get(root, "basic_auth_users");
	refuse(t, root, "rate_limit", "leave it to a proxy");
	if (is_map(t, tls, "tls_server_config"))
		rc = take_tls(t, tls);
	if (rc == 0 && is_map(t, server, "http_server_config"))
		rc = take_server(t, server);
	if (rc == 0 && is_map(t, users, "basic_auth_users"))
		rc = take_users(t, users);
	return rc;
}

int web_config_text(const char *file, const char *text, size_t len, struct mc_web_config **ret, struct mc_error *err)
{
	struct tree tree;
	struct mc_error first = { 0 };
	struct tree_report r = { .file = file, .err = &first };
	int rc = tree_read(file, text, len, &tree, err);
	if (rc < 0)
		return rc;
	struct taking t = { .r = &r, .err = err, .file = file, .o = calloc(1, sizeof *t.o) };
	rc = t.o ? take_all(&t, tree.root) : mc_nomem(err, "the web configuration");
	tree_release(&tree);
	if (rc == 0 && r.count)
		rc = mc_fail(err, t.unsupported && strstr(first.text, "not supported") ? MC_EUNSUPPORTED : MC_EUSAGE, 0, "%s", first.text);
	if (rc < 0)
		web_config_free(t.o ? &t.o->c : NULL);
	else
		*ret = &t.o->c;
	return rc;
}

int web_config_read(const char *path, struct mc_web_config **ret, struct mc_error *err)
{
	struct mc_buf text = { 0 };
	int rc = mc_read_file(AT_FDCWD, path, TREE_MAX_BYTES, &text, err);
	if (rc == 0)
		rc = web_config_text(path, mc_buf_text(&text), text.len, ret, err);
	mc_buf_release(&text);
	return rc;
}
