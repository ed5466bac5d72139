/* The configuration's keys: what each may hold, and where it goes. */
#include "config_parts.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

enum kind { DURATION, SIZE, COUNT, TEXT, PATH, PSS, BOOL, LISTEN };
struct field {
	const char *name;
	enum kind kind;
	size_t offset;
	uint64_t least, most; /* ms, bytes or number */
	const char *range;    /* how a message says it */
};
struct taker {
	struct mc_config *c;
	struct tree_report *r;
	struct mc_error *err;
};

_Static_assert(sizeof(size_t) == 8 && sizeof(int64_t) == 8, "numbers of a configuration are written as eight bytes");
#define AT(member) offsetof(struct mc_config, member)
#define DAY 86400000ULL
static const struct field sample_fields[] = {
	{ "interval", DURATION, AT(interval_ms), 50, 300000, "from 50ms to 5min" },
	{ "pss", PSS, AT(pss), 0, 0, NULL },
	{ "short_lives", BOOL, AT(short_lives), 0, 0, NULL },
	{ "max_programs", COUNT, AT(max_programs), 1, 10000, "from 1 to 10000" },
	{ "max_processes", COUNT, AT(max_processes), 1, 1000000, "from 1 to 1000000" },
	{ 0 },
};
static const struct field store_fields[] = {
	{ "path", PATH, AT(store_path), 0, 0, NULL },
	{ "keep", DURATION, AT(keep_ms), 3600000, 36525 * DAY, "from 1h to 100y" },
	{ "keep_hourly", DURATION, AT(keep_hourly_ms), 3600000, 36525 * DAY, "from 1h to 100y" },
	{ "quota", SIZE, AT(quota_bytes), 1 << 20, 1ULL << 50, "from 1MiB to 1024TiB" },
	{ 0 },
};
static const struct field web_fields[] = {
	{ "listen", LISTEN, 0, 0, 0, NULL },
	{ "socket", PATH, AT(socket), 0, 0, NULL },
	{ "per_process", BOOL, AT(per_process), 0, 0, NULL },
	{ 0 },
};
#undef AT
#define AT(member) offsetof(struct mc_program_config, member)
static const struct field match_fields[] = {
	{ "comm", TEXT, AT(match.comm), 0, 0, NULL }, { "exe", TEXT, AT(match.exe), 0, 0, NULL },
	{ "cmdline", TEXT, AT(match.cmdline), 0, 0, NULL }, { "user", TEXT, AT(match.user), 0, 0, NULL },
	{ "cgroup", TEXT, AT(match.cgroup), 0, 0, NULL }, { "unit", TEXT, AT(match.unit), 0, 0, NULL }, { 0 },
};
static const struct field load_fields[] = {
	{ "url", TEXT, AT(load_url), 0, 0, NULL }, { "file", PATH, AT(load_file), 0, 0, NULL },
	{ "metric", TEXT, AT(load_metric), 0, 0, NULL }, { 0 },
};
static const struct field program_fields[] = {
	{ "name", TEXT, AT(match.name), 0, 0, NULL }, { "repository", PATH, AT(repository), 0, 0, NULL },
	{ "tags", TEXT, AT(tags), 0, 0, NULL }, { 0 },
};

static void take_number(struct taker *t, const struct field *f, const struct tree_node *v, char *base)
{
	struct mc_error why;
	uint64_t n = 0;
	int64_t ms = 0;
	int rc = 0;
	if (f->kind == DURATION) {
		rc = mc_duration_parse(v->text, &ms, &why);
		n = ms < 0 ? 0 : (uint64_t)ms;
	} else if (f->kind == SIZE) {
		rc = mc_size_parse(v->text, &n, &why);
	} else if (!mc_parse_u64(v->text, strlen(v->text), &n)) {
		rc = mc_fail(&why, MC_EUSAGE, 0, "'%.60s' is not a whole number; give one %s", v->text, f->range);
	}
	if (rc < 0)
		tree_say(t->r, v->line, v->column, "%s: %s", f->name, why.text);
	else if (n < f->least || n > f->most)
		tree_say(t->r, v->line, v->column, "%s: %.60s is out of range; give one %s", f->name, v->text, f->range);
	else /* int64_t, uint64_t or size_t: all of eight bytes */
		memcpy(base + f->offset, &n, sizeof n);
}

/* YAML 1.1 has more words for true and false than one; as text in quotes they are no truth. */
static int truth(const struct tree_node *v)
{
	static const char *const yes[] = { "true", "True", "TRUE", "yes", "Yes", "YES", "on", "On", "ON" };
	static const char *const no[] = { "false", "False", "FALSE", "no", "No", "NO", "off", "Off", "OFF" };
	for (size_t i = 0; !v->quoted && i < sizeof yes / sizeof yes[0]; i++) {
		if (strcmp(v->text, yes[i]) == 0)
			return 1;
		if (strcmp(v->text, no[i]) == 0)
			return 0;
	}
	return -1;
}

static void take_pss(struct taker *t, const struct tree_node *v)
{
	int on = truth(v);
	if (strcmp(v->text, "auto") == 0)
		t->c->pss = MC_PSS_AUTO;
	else if (on == 1 || strcmp(v->text, "on") == 0)
		t->c->pss = MC_PSS_ON;
	else if (on == 0 || strcmp(v->text, "off") == 0)
		t->c->pss = MC_PSS_OFF;
	else
		tree_say(t->r, v->line, v->column, "pss: '%.60s' is not known; give auto, on or off", v->text);
}

/* "127.0.0.1:10187", "[::1]:0", ":10187", "localhost:http" is not one: the port is a number. */
static bool is_address(const char *s)
{
	uint64_t port;
	const char *colon = strrchr(s, ':');
	if (!colon || !mc_parse_u64(colon + 1, strlen(colon + 1), &port) || port > 65535 || strlen(s) > 280)
		return false;
	if (s[0] == '[')
		return colon > s + 2 && colon[-1] == ']';
	return memchr(s, ':', (size_t)(colon - s)) == NULL;
}

static int add_listen(struct taker *t, const struct tree_node *v)
{
	struct mc_config *c = t->c;
	if (v->kind != TREE_SCALAR || !is_address(v->text)) {
		tree_say(t->r, v->line, v->column, "listen: '%.80s' is no address; give host:port, as \"127.0.0.1:10187\", \"[::1]:10187\" or \":10187\"",
			v->kind == TREE_SCALAR ? v->text : "a list or map");
		return 0;
	}
	if (c->nlisten >= CONFIG_MAX_LISTEN) {
		tree_say(t->r, v->line, v->column, "listen: more than 16 addresses; take some out");
		return 0;
	}
	int rc = config_set(&c->listen[c->nlisten], v->text, t->err);
	c->nlisten += rc == 0;
	return rc;
}

static int take_listen(struct taker *t, const struct tree_node *v)
{
	struct mc_config *c = t->c;
	int rc = 0;
	for (size_t i = 0; i < c->nlisten; i++)
		free(c->listen[i]);
	free(c->listen);
	c->nlisten = 0;
	if (!(c->listen = calloc(CONFIG_MAX_LISTEN, sizeof(char *))))
		return mc_nomem(t->err, "the configuration");
	if (v->kind == TREE_SCALAR)
		return add_listen(t, v);
	if (v->kind == TREE_MAP || v->n == 0)
		tree_say(t->r, v->line, v->column, "listen: give a list of addresses: [\"127.0.0.1:10187\"]");
	for (size_t i = 0; v->kind == TREE_LIST && rc == 0 && i < v->n; i++)
		rc = add_listen(t, v->items[i]);
	return rc;
}

static int take_field(struct taker *t, const struct field *f, const struct tree_node *v, char *base)
{
	if (f->kind == LISTEN && !tree_is_null(v))
		return take_listen(t, v);
	if (v->kind != TREE_SCALAR) {
		tree_say(t->r, v->line, v->column, "%s: a %s stands here; give one value", f->name, v->kind == TREE_LIST ? "list" : "map");
		return 0;
	}
	if (tree_is_null(v)) /* "key:" with nothing after it leaves the default */
		return 0;
	char **text = (char **)(void *)(base + f->offset);
	if (f->kind == PSS) {
		take_pss(t, v);
	} else if (f->kind == BOOL) {
		int on = truth(v);
		if (on < 0)
			tree_say(t->r, v->line, v->column, "%s: '%.60s' is neither true nor false; give one of them", f->name, v->text);
		else
			*(bool *)(void *)(base + f->offset) = on == 1;
	} else if (f->kind == TEXT || f->kind == PATH) {
		if (v->text[0] == '\0') {
			tree_say(t->r, v->line, v->column, "%s: an empty text; fill it in, or remove the key", f->name);
			return 0;
		}
		return f->kind == TEXT ? config_set(text, v->text, t->err) : config_set_path(text, v->text, t->c->file, t->err);
	} else {
		take_number(t, f, v, base);
	}
	return 0;
}

static bool is_map(struct taker *t, const struct tree_node *v, const char *what)
{
	if (v->kind == TREE_MAP)
		return true;
	if (!tree_is_null(v))
		tree_say(t->r, v->line, v->column, "%s: here belongs a map, '%s: {key: value}'", what, what);
	return false;
}

static int take_fields(struct taker *t, const struct field *fields, const struct tree_node *map, char *base)
{
	int rc = 0;
	for (const struct field *f = fields; f->name && rc == 0; f++) {
		const struct tree_node *v = tree_get(map, f->name);
		if (v)
			rc = take_field(t, f, v, base);
	}
	return rc;
}

static int take_section(struct taker *t, const struct tree_node *root, const char *name, const struct field *fields)
{
	const struct tree_node *v = tree_get(root, name);
	const char *names[8] = { 0 };
	if (!v || !is_map(t, v, name))
		return 0;
	for (size_t i = 0; fields[i].name; i++)
		names[i] = fields[i].name;
	tree_check_keys(t->r, v, name, names);
	return take_fields(t, fields, v, (char *)t->c);
}

/* ---- programs ---- */
static int take_match(struct taker *t, const struct tree_node *v, struct mc_program_config *p)
{
	static const char *const names[] = { "comm", "exe", "cmdline", "user", "cgroup", "unit", NULL };
	if (!is_map(t, v, "match"))
		return 0;
	size_t before = t->r->count;
	tree_check_keys(t->r, v, "match", names);
	int rc = take_fields(t, match_fields, v, (char *)p);
	const struct mc_selector *m = &p->match;
	if (rc == 0 && t->r->count == before && !m->comm && !m->exe && !m->cmdline && !m->user && !m->cgroup && !m->unit)
		tree_say(t->r, v->line, v->column, "match: nothing is asked for, so every process would match; give comm, exe, cmdline, user, cgroup or unit");
	return rc;
}

static int take_load(struct taker *t, const struct tree_node *v, struct mc_program_config *p)
{
	static const char *const names[] = { "url", "file", "metric", NULL };
	if (!is_map(t, v, "load"))
		return 0;
	size_t before = t->r->count;
	tree_check_keys(t->r, v, "load", names);
	int rc = take_fields(t, load_fields, v, (char *)p);
	if (rc < 0 || t->r->count > before)
		return rc;
	const struct tree_node *url = tree_get(v, "url");
	if (p->load_url && strncmp(p->load_url, "http://", 7) != 0)
		tree_say(t->r, url->line, url->column, "url: '%.80s' is not supported; give a page on this host or net that begins with http://, or have the figure written to a file and name that with 'file:'", p->load_url);
	else if (p->load_url && p->load_file)
		tree_say(t->r, v->line, v->column, "load: both url and file; give one of them");
	else if (!p->load_url && !p->load_file)
		tree_say(t->r, v->line, v->column, "load: neither url nor file; say where the program's Prometheus page is");
	else if (!p->load_metric && p->load_url) /* a file may hold just the number */
		tree_say(t->r, v->line, v->column, "load: no metric; name the counter of requests, as 'metric: http_requests_total'");
	return 0;
}

/* Says the errors that the sampler would have with the selector, at the key they are about. */
static void check_selector(struct taker *t, const struct tree_node *match, const struct tree_node *name, const struct mc_program_config *p)
{
	struct mc_error why;
	struct mc_selector by_user = { .name = "x", .user = p->match.user }, by_text = { .name = "x", .cmdline = p->match.cmdline };
	struct mc_selector whole = { .name = p->match.name, .cmdline = p->match.cmdline };
	const struct tree_node *user = tree_get(match, "user"), *text = tree_get(match, "cmdline");
	if (user && p->match.user && mc_selector_check(&by_user, &why) == MC_EUSAGE)
		tree_say(t->r, user->line, user->column, "user: %s; correct it, or give the number", why.text);
	if (text && p->match.cmdline && mc_selector_check(&by_text, &why) == MC_EUSAGE)
		tree_say(t->r, text->line, text->column, "cmdline: %s", why.text);
	else if (name && p->match.name && mc_selector_check(&whole, &why) == MC_EUSAGE)
		tree_say(t->r, name->line, name->column, "name: %s", why.text);
}

static int take_program(struct taker *t, const struct tree_node *v, struct mc_program_config *p)
{
	static const char *const names[] = { "name", "match", "repository", "tags", "load", NULL };
	if (v->kind != TREE_MAP) {
		tree_say(t->r, v->line, v->column, "programs: an entry is a map: '- {name: NAME, match: {comm: NAME}}'");
		return 0;
	}
	tree_check_keys(t->r, v, "programs", names);
	int rc = take_fields(t, program_fields, v, (char *)p);
	const struct tree_node *match = tree_get(v, "match"), *load = tree_get(v, "load");
	if (!tree_get(v, "name"))
		tree_say(t->r, v->line, v->column, "programs: an entry without a name; add 'name: NAME'");
	if (!match || tree_is_null(match))
		tree_say(t->r, v->line, v->column, "programs: no 'match', so it is not known which processes it is; add 'match: {comm: NAME}'");
	else if (rc == 0)
		rc = take_match(t, match, p);
	if (rc == 0 && load)
		rc = take_load(t, load, p);
	if (rc == 0 && match)
		check_selector(t, match, tree_get(v, "name"), p);
	return rc;
}

static int take_programs(struct taker *t, const struct tree_node *root)
{
	const struct tree_node *v = tree_get(root, "programs");
	int rc = 0;
	if (!v || tree_is_null(v))
		return 0;
	if (v->kind != TREE_LIST) {
		tree_say(t->r, v->line, v->column, "programs: here belongs a list: '- name: NAME', one entry a program");
		return 0;
	}
	if (v->n > CONFIG_MAX_PROGRAMS) {
		tree_say(t->r, v->line, v->column, "programs: more than 1,000; one entry can name many by ${...}");
		return 0;
	}
	if (!(t->c->programs = calloc(v->n + 1, sizeof *t->c->programs)))
		return mc_nomem(t->err, "the configuration");
	for (size_t i = 0; rc == 0 && i < v->n; i++)
		rc = take_program(t, v->items[i], &t->c->programs[t->c->nprograms++]);
	return rc;
}

int config_take(struct mc_config *c, const struct tree *tree, struct tree_report *r, struct mc_error *err)
{
	static const char *const names[] = { "sample", "store", "web", "programs", NULL };
	struct taker t = { .c = c, .r = r, .err = err };
	const struct tree_node *root = tree->root;
	int rc;
	if (!root)
		return 0;
	if (root->kind != TREE_MAP) {
		tree_say(r, root->line, root->column, "here belong the keys sample, store, web and programs, as 'sample: {interval: 10s}'");
		return 0;
	}
	tree_check_keys(r, root, "configuration", names);
	if ((rc = take_section(&t, root, "sample", sample_fields)) < 0 || (rc = take_section(&t, root, "store", store_fields)) < 0 ||
		(rc = take_section(&t, root, "web", web_fields)) < 0)
		return rc;
	return take_programs(&t, root);
}
