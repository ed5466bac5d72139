/* The configuration and the database that a command works on. */
#include "cli.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int cli_db_find(struct cli *c, struct cli_db *ret, struct mc_error *err)
{
	struct cli_db d = { 0 };
	int rc = mc_config_find(c->config, &d.cfg, err);
	if (rc < 0)
		return rc;
	rc = mc_config_db(&d.cfg, c->db, &d.path, err);
	if (rc < 0)
		cli_db_close(&d);
	else
		*ret = d;
	return rc;
}

static int open_store(struct cli_db *d, enum mc_store_mode mode, struct mc_error *err)
{
	char host[256] = "";
	gethostname(host, sizeof host - 1);
	struct mc_store_config k = { .path = d->path, .mode = mode, .quota_bytes = d->cfg.quota_bytes, .keep_ms = d->cfg.keep_ms,
		.keep_hourly_ms = d->cfg.keep_hourly_ms, .host = host };
	struct mc_error why = { 0 };
	int rc = mc_store_open(&k, &d->store, &why);
	if (rc == MC_ENOTFOUND)
		return mc_fail(err, rc, 0, "no database %s; 'memculprit serve' makes it, --db names another", d->path);
	return rc < 0 ? mc_fail(err, rc, 0, "%s", why.text) : 0;
}

int cli_db_open(struct cli *c, enum mc_store_mode mode, struct cli_db *ret, struct mc_error *err)
{
	struct cli_db d;
	int rc = cli_db_find(c, &d, err);
	if (rc < 0)
		return rc;
	rc = open_store(&d, mode, err);
	if (rc < 0) {
		cli_db_close(&d);
		return rc;
	}
	if (mc_store_notice(d.store) && strcmp(c->command->name, "status") != 0) /* which shows it itself */
		cli_say(mc_store_notice(d.store));
	*ret = d;
	return 0;
}

void cli_db_close(struct cli_db *d)
{
	if (d->store && mc_store_damaged(d->store) && mc_store_notice(d->store)) /* met while reading */
		cli_say(mc_store_notice(d->store));
	mc_store_close(d->store);
	free(d->path);
	mc_config_release(&d->cfg);
	*d = (struct cli_db){ 0 };
}

int cli_unknown_program(const struct cli_db *db, const char *program, int rc, struct mc_error *err)
{
	enum { MOST = 1000 };
	const char *names[MOST + 1], *near = NULL;
	struct mc_program_row *rows = NULL;
	size_t n = 0, kept = 0;
	if (rc != MC_ENOTFOUND || !program || !db->store || mc_store_programs(db->store, &rows, &n, NULL) < 0)
		return rc;
	bool there = false;
	for (size_t i = 0; i < n; i++) {
		there = there || strcmp(rows[i].name, program) == 0;
		if (kept < MOST)
			names[kept++] = rows[i].name;
	}
	names[kept] = NULL;
	if (!there && (near = cli_nearest(program, names)))
		mc_fail(err, rc, 0, "no program '%.100s' in the database; did you mean '%.100s'?", program, near);
	mc_store_programs_free(rows, n);
	return rc;
}
