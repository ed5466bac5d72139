/* From the configuration to a sampler, load sources and a web server; again at SIGHUP. */
#include <stdlib.h>
#include <string.h>

#include "daemon_parts.h"
#include "web_config.h"

static int open_sampler(struct daemon *d, struct mc_error *err)
{
	const struct mc_config *c = &d->config->c;
	struct mc_selector *v = calloc(c->nprograms + 1, sizeof *v);
	if (!v)
		return mc_nomem(err, "selectors");
	for (size_t i = 0; i < c->nprograms; i++)
		v[i] = c->programs[i].match;
	struct mc_sample_config sc = { .procfs = d->options->procfs, .sysfs = d->options->sysfs, .max_programs = c->max_programs,
		.max_processes = c->max_processes, .interval_ms = c->interval_ms, .nselectors = c->nprograms, .selectors = v, .pss = c->pss,
		.short_lives = c->short_lives };
	int rc = d->sampler ? mc_sampler_reconfigure(d->sampler, &sc, err) : mc_sampler_open(&sc, &d->sampler, err);
	free(v);
	return rc;
}

static bool has_load(const struct mc_program_config *p)
{
	return p->load_url || p->load_file;
}

static int open_loader(struct daemon *d, struct mc_error *err)
{
	const struct mc_config *c = &d->config->c;
	struct mc_load_source *v = calloc(c->nprograms + 1, sizeof *v);
	size_t *sources = calloc(c->nprograms + 1, sizeof *sources), n = 0;
	struct mc_loader *loader = NULL;
	int rc = v && sources ? 0 : mc_nomem(err, "load sources");
	for (size_t i = 0; rc == 0 && i < c->nprograms; i++) {
		const struct mc_program_config *p = &c->programs[i];
		sources[i] = has_load(p) ? n : SIZE_MAX;
		if (has_load(p))
			v[n++] = (struct mc_load_source){ p->load_url, p->load_file, p->load_metric };
	}
	if (rc == 0 && n)
		rc = mc_loader_open(v, n, &loader, err);
	free(v);
	if (rc < 0) {
		free(sources);
		return rc;
	}
	mc_loader_close(d->loader);
	free(d->sources);
	d->notice_due = true;
	d->loader = loader;
	d->sources = sources;
	for (size_t i = 0; i < d->nprograms; i++) {
		const struct mc_program_config *p = d->programs[i].name ? mc_config_program(c, d->programs[i].name) : NULL;
		d->programs[i].source = p ? sources[p - c->programs] : SIZE_MAX;
		free(d->programs[i].load_said);
		d->programs[i].load_said = NULL;
	}
	return 0;
}

int daemon_configure(struct daemon *d, struct mc_error *err)
{
	int rc = open_sampler(d, err);
	return rc < 0 ? rc : open_loader(d, err);
}

static bool same_listen(const struct mc_config *a, const struct mc_config *b)
{
	bool same = a->nlisten == b->nlisten;
	for (size_t i = 0; same && i < a->nlisten; i++)
		same = strcmp(a->listen[i], b->listen[i]) == 0;
	return same;
}

static bool same_text(const char *a, const char *b)
{
	return a && b ? strcmp(a, b) == 0 : a == b;
}

/* What cannot change while it runs is said; limits of the store take a new opening. */
static void compare(struct daemon *d, const struct mc_config *old, const struct mc_config *c)
{
	if ((!d->options->nlisten && !same_listen(old, c)) || !same_text(old->socket, c->socket))
		mc_log(MC_LOG_WARN, "config", "other addresses or another socket take a restart: systemctl restart memculprit");
	if (!same_text(old->store_path, c->store_path))
		mc_log(MC_LOG_WARN, "config", "another database takes a restart: systemctl restart memculprit");
	if (d->store && (old->keep_ms != c->keep_ms || old->keep_hourly_ms != c->keep_hourly_ms || old->quota_bytes != c->quota_bytes)) {
		mc_store_close(d->store);
		d->store = NULL;
		d->store_retry_ms = 0;
	}
}

/* What the configuration names on the host is below rootfs where we run in a container. */
int daemon_root_paths(const struct daemon *d, struct mc_config *c, struct mc_error *err)
{
	const char *root = d->options->rootfs;
	if (!root || strcmp(root, "/") == 0 || !root[0])
		return 0;
	for (size_t i = 0; i < c->nprograms; i++) {
		char **paths[] = { &c->programs[i].repository, &c->programs[i].load_file };
		for (size_t k = 0; k < 2; k++) {
			struct mc_buf b = { 0 };
			if (!*paths[k] || (*paths[k])[0] != '/')
				continue;
			mc_buf_printf(&b, "%s%s", root, *paths[k]);
			if (b.failed) {
				mc_buf_release(&b);
				return mc_nomem(err, "the configuration");
			}
			free(*paths[k]);
			*paths[k] = b.data;
		}
	}
	return 0;
}

static void say_errors(const struct mc_buf *errors)
{
	for (const char *p = mc_buf_text(errors), *end; (end = strchr(p, '\n')); p = end + 1)
		mc_log(MC_LOG_ERROR, "config", "%.*s", (int)(end - p), p);
}

static int take_config(struct daemon *d, struct mc_error *err)
{
	struct mc_config c;
	struct mc_buf errors = { 0 };
	const char *file = d->config->c.file;
	int rc = file ? mc_config_read(file, &c, &errors, err) : mc_config_find(d->options->config_file, &c, err);
	if (rc == MC_EUSAGE && errors.len) {
		say_errors(&errors);
		mc_fail(err, rc, 0, "%s is wrong, as said above; what was in force stays", file ? file : "the configuration");
	}
	mc_buf_release(&errors);
	if (rc < 0)
		return rc;
	struct shared_config *old = d->config;
	compare(d, &old->c, &c);
	if ((rc = daemon_root_paths(d, &c, err)) < 0 || (rc = daemon_share_config(&d->shared, &c, err)) < 0) {
		mc_config_release(&c);
		return rc;
	}
	d->config = (struct shared_config *)(uintptr_t)shared_config_get(&d->shared);
	shared_config_put(old);
	return daemon_configure(d, err);
}

void daemon_reload(struct daemon *d)
{
	struct mc_error err;
	struct mc_web_config *web = NULL;
	int rc = take_config(d, &err);
	if (rc < 0)
		daemon_trouble(d, AT_CONFIG, &err);
	else
		mc_log(MC_LOG_INFO, "config", "read again: %s", d->config->c.file ? d->config->c.file : "no file, the defaults");
	if (d->options->web_config) {
		rc = web_config_read(d->options->web_config, &web, &err);
		if (rc == 0)
			rc = mc_server_set_web(d->server, web, &err);
		web_config_free(web);
		if (rc < 0)
			daemon_trouble(d, AT_CONFIG, &err);
	}
	if (rc == 0)
		d->said[AT_CONFIG][0] = '\0';
}
