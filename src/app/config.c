/* The configuration: its defaults, which file it is, and what follows from it. */
#include "config_parts.h"

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SYSTEM_DB "/var/lib/memculprit/memculprit.db"
#define SYSTEM_SOCKET "/run/memculprit/memculprit.sock"
#define SYSTEM_CONFIG "/etc/memculprit/memculprit.yml"

int config_set(char **to, const char *from, struct mc_error *err)
{
	char *copy = mc_strdup(from);
	if (from && !copy)
		return mc_nomem(err, "the configuration");
	free(*to);
	*to = copy;
	return 0;
}

int config_set_path(char **to, const char *path, const char *beside, struct mc_error *err)
{
	struct mc_buf b = { 0 };
	const char *slash = beside ? strrchr(beside, '/') : NULL;
	if (path[0] != '/' && slash)
		mc_buf_add(&b, beside, (size_t)(slash - beside) + 1);
	mc_buf_str(&b, path);
	int rc = mc_buf_check(&b, err);
	if (rc < 0) {
		mc_buf_release(&b);
		return rc;
	}
	free(*to);
	*to = b.data;
	return 0;
}

/* root and memculprit share the system's place; anybody else has a home. */
static bool is_system_user(void)
{
	struct passwd pw, *found = NULL;
	char buf[4096];
	uid_t uid = geteuid();
	return uid == 0 || (getpwuid_r(uid, &pw, buf, sizeof buf, &found) == 0 && found && strcmp(found->pw_name, "memculprit") == 0);
}

/* The database of this user, NULL where there is no home either. To free(). */
static int default_db(char **ret, struct mc_error *err)
{
	struct mc_buf b = { 0 };
	const char *state = getenv("XDG_STATE_HOME"), *home = getenv("HOME");
	if (is_system_user())
		mc_buf_str(&b, SYSTEM_DB);
	else if (state && state[0] == '/')
		mc_buf_printf(&b, "%s/memculprit/memculprit.db", state);
	else if (home && home[0] == '/')
		mc_buf_printf(&b, "%s/.local/state/memculprit/memculprit.db", home);
	int rc = mc_buf_check(&b, err);
	if (rc < 0)
		mc_buf_release(&b);
	*ret = b.data;
	return rc;
}

int mc_config_defaults(struct mc_config *ret, struct mc_error *err)
{
	struct mc_config c = {
		.interval_ms = 10000, .pss = MC_PSS_AUTO, .max_programs = 200, .max_processes = 2000,
		.keep_ms = 30 * 86400000LL, .keep_hourly_ms = 2 * 31557600000LL, .quota_bytes = 1ULL << 30,
	};
	int rc = default_db(&c.store_path, err);
	if (rc == 0 && !(c.listen = calloc(CONFIG_MAX_LISTEN, sizeof(char *))))
		rc = mc_nomem(err, "the configuration");
	if (rc == 0 && (rc = config_set(&c.listen[0], "127.0.0.1:10187", err)) == 0)
		c.nlisten = 1;
	if (rc < 0)
		mc_config_release(&c);
	else
		*ret = c;
	return rc;
}

static int parse(struct mc_config *c, const char *path, struct mc_buf *text, struct mc_buf *errors, struct mc_error *err)
{
	struct tree t;
	struct mc_error first = { 0 };
	struct tree_report r = { .file = path, .lines = errors, .err = &first };
	int rc = tree_read(path, mc_buf_text(text), text->len, &t, &first);
	if (rc == 0) {
		rc = config_take(c, &t, &r, err);
		tree_release(&t);
		if (rc < 0)
			return rc;
	} else if (errors && rc == MC_EUSAGE) {
		mc_text_add(errors, first.text, strlen(first.text));
		mc_buf_str(errors, "\n");
	}
	return first.code ? mc_fail(err, first.code, 0, "%s", first.text) : 0;
}

int mc_config_read(const char *path, struct mc_config *ret, struct mc_buf *errors, struct mc_error *err)
{
	struct mc_config c;
	struct mc_buf text = { 0 };
	int rc = mc_config_defaults(&c, err);
	if (rc < 0)
		return rc;
	rc = mc_read_file(AT_FDCWD, path, TREE_MAX_BYTES + 1, &text, err);
	if (rc == MC_ELIMIT) /* enough of it to be told so */
		rc = 0;
	else if (rc == MC_ENOTFOUND)
		rc = mc_fail(err, MC_ENOTFOUND, 0, "no configuration file %s; give another with --config, or none to run with the defaults", path);
	if (rc == 0)
		rc = config_set(&c.file, path, err);
	if (rc == 0)
		rc = parse(&c, path, &text, errors, err);
	mc_buf_release(&text);
	if (rc < 0)
		mc_config_release(&c);
	else
		*ret = c;
	return rc;
}

int mc_config_find(const char *given, struct mc_config *ret, struct mc_error *err)
{
	const char *env = getenv("MEMCULPRIT_CONFIG");
	if (given)
		return mc_config_read(given, ret, NULL, err);
	if (env && env[0])
		return mc_config_read(env, ret, NULL, err);
	if (access(SYSTEM_CONFIG, F_OK) == 0)
		return mc_config_read(SYSTEM_CONFIG, ret, NULL, err);
	return mc_config_defaults(ret, err);
}

static void free_const(const char *s)
{
	free((char *)(uintptr_t)s);
}

static void release_program(struct mc_program_config *p)
{
	free_const(p->match.name);
	free_const(p->match.comm);
	free_const(p->match.exe);
	free_const(p->match.cmdline);
	free_const(p->match.user);
	free_const(p->match.cgroup);
	free_const(p->match.unit);
	free(p->repository);
	free(p->tags);
	free(p->load_url);
	free(p->load_file);
	free(p->load_metric);
}

void mc_config_release(struct mc_config *c)
{
	for (size_t i = 0; i < c->nprograms; i++)
		release_program(&c->programs[i]);
	for (size_t i = 0; i < c->nlisten; i++)
		free(c->listen[i]);
	free(c->programs);
	free(c->listen);
	free(c->store_path);
	free(c->socket);
	free(c->file);
	*c = (struct mc_config){ 0 };
}

int mc_config_db(const struct mc_config *c, const char *given, char **ret, struct mc_error *err)
{
	char *path = NULL;
	const char *env = getenv("MEMCULPRIT_DB");
	int rc = config_set(&path, given ? given : env && env[0] ? env : c->store_path, err);
	if (rc == 0 && !path)
		rc = mc_fail(err, MC_EUSAGE, 0, "where the database should be is not known: no HOME; give it with --db FILE");
	if (rc == 0)
		*ret = path;
	return rc;
}

int mc_config_socket(const struct mc_config *c, const char *db, char **ret, struct mc_error *err)
{
	char *path = NULL;
	struct mc_buf b = { 0 };
	if (c->socket || strcmp(db, SYSTEM_DB) == 0) {
		int rc = config_set(&path, c->socket ? c->socket : SYSTEM_SOCKET, err);
		if (rc == 0)
			*ret = path;
		return rc;
	}
	mc_buf_printf(&b, "%s.sock", db);
	int rc = mc_buf_check(&b, err);
	if (rc < 0)
		mc_buf_release(&b);
	else
		*ret = b.data;
	return rc;
}

/* The bytes of a place that is filled in at p: ${...} or \1. 0: none. */
static size_t blank_at(const char *p)
{
	const char *close = p[0] == '$' && p[1] == '{' ? strchr(p, '}') : NULL;
	if (close)
		return (size_t)(close - p) + 1;
	return p[0] == '\\' && p[1] >= '0' && p[1] <= '9' ? 2 : 0;
}

/* True where `name` can be what the template was filled in to. Two pointers to go back to, as in a glob. */
static bool fits(const char *template, const char *name)
{
	const char *after = NULL, *from = NULL;
	while (*name) {
		size_t blank = blank_at(template);
		if (blank) {
			after = template += blank;
			from = name;
		} else if (*template == *name) {
			template++;
			name++;
		} else if (after) {
			template = after;
			name = ++from;
		} else {
			return false;
		}
	}
	for (size_t blank; (blank = blank_at(template)) > 0;)
		template += blank;
	return *template == '\0';
}

const struct mc_program_config *mc_config_program(const struct mc_config *c, const char *name)
{
	for (size_t i = 0; i < c->nprograms; i++)
		if (c->programs[i].match.name && strcmp(c->programs[i].match.name, name) == 0)
			return &c->programs[i];
	for (size_t i = 0; i < c->nprograms; i++)
		if (c->programs[i].match.name && fits(c->programs[i].match.name, name))
			return &c->programs[i];
	return NULL;
}
