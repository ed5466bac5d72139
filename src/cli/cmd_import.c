/* import and export: scenario folders into and out of the database. */
#include "cli.h"

#include <stdlib.h>
#include <string.h>

/* The answer is reckoned here, so that status and deploys have it without a daemon. */
static int answer_anew(const struct cli_db *db, const char *program, struct mc_error *err)
{
	struct mc_buf text = { 0 };
	struct mc_blame from;
	int rc = mc_answer_anew(db->store, program, &text, &from, err);
	if (rc == 0) {
		rc = mc_answer_put(db->store, program, mc_buf_text(&text), &from, err);
		mc_blame_release(&from);
	}
	mc_buf_release(&text);
	return rc;
}

static int print(struct cli *c, const char *program, const struct mc_import_counts *n, const char *done, struct mc_error *err)
{
	if (c->json) {
		struct mc_json *j = mc_json_new();
		if (j)
			mc_import_json(j, program, n);
		return cli_print_json(c, j, err);
	}
	cli_line(c, 0, NULL, "%s: %s %llu samples of %llu processes, %llu rows of load, %llu deploys.", program, done,
		(unsigned long long)n->samples, (unsigned long long)n->processes, (unsigned long long)n->load, (unsigned long long)n->deploys);
	return 0;
}

/* What is older than is kept would be gone when somebody looks for it. */
static void say_what_goes(struct cli *c, const struct cli_db *found, const char *program)
{
	struct cli_db db = *found;
	struct mc_program_row *rows = NULL;
	struct mc_error err;
	size_t n = 0;
	char keep[MC_TIME_TEXT], text[300];
	struct mc_store_config k = { .path = db.path, .mode = MC_STORE_READ, .host = "" };
	if (db.cfg.keep_ms <= 0 || mc_store_open(&k, &db.store, &err) < 0)
		return;
	if (mc_store_programs(db.store, &rows, &n, &err) == 0)
		for (size_t i = 0; i < n; i++)
			if (strcmp(rows[i].name, program) == 0 && rows[i].first_ms && rows[i].first_ms < c->now_ms - db.cfg.keep_ms) {
				snprintf(text, sizeof text, "samples of %.100s are older than %s, and a daemon keeps only hourly means of such and what blame needs: "
					"'keep' below 'store:' in its configuration keeps them", program, mc_duration_text(db.cfg.keep_ms, keep));
				cli_say(text);
			}
	mc_store_programs_free(rows, n);
	mc_store_close(db.store);
}

/* The daemon has the database: it reads the folder, which it must be able to see. */
static int import_by_daemon(struct cli *c, const struct cli_db *db, const char *dir, struct mc_error *err)
{
	struct mc_buf body = { 0 }, reply = { 0 };
	struct mc_import_counts n;
	char *full = realpath(dir, NULL);
	struct mc_json *j = full ? mc_json_new() : NULL;
	int status = 0, rc = j ? 0 : full ? mc_nomem(err, "a request") : mc_fail(err, MC_ENOTFOUND, 0, "no folder %s", dir);
	if (rc == 0) {
		mc_json_object(j, NULL);
		mc_json_str(j, "program", c->operands[0]);
		mc_json_str(j, "dir", full);
		mc_json_close(j);
		rc = mc_json_text(j, MC_JSON_COMPACT, &body, err);
	}
	if (rc == 0)
		rc = mc_daemon_request(&db->cfg, db->path, "POST", "/api/v1/import", mc_buf_text(&body), &status, &reply, err);
	if (rc == 0)
		rc = cli_take_counts(&reply, status, &n, err);
	if (rc == 0)
		rc = print(c, c->operands[0], &n, "imported", err);
	if (rc == 0)
		say_what_goes(c, db, c->operands[0]);
	mc_json_free(j);
	free(full);
	mc_buf_release(&body);
	mc_buf_release(&reply);
	return rc;
}

static uint64_t count_of(const struct mc_jsonv *v, const char *key)
{
	int64_t n;
	return mc_jsonv_int(mc_jsonv_get(v, key), &n) && n > 0 ? (uint64_t)n : 0;
}

int cli_take_counts(const struct mc_buf *reply, int status, struct mc_import_counts *ret, struct mc_error *err)
{
	struct mc_jsondoc *doc = NULL;
	int rc = mc_jsondoc_parse(mc_buf_text(reply), reply->len, 1 << 20, &doc, err);
	if (rc < 0)
		return mc_fail(err, MC_EFORMAT, 0, "the daemon's answer can't be read");
	const struct mc_jsonv *v = mc_jsondoc_root(doc);
	const char *text = mc_jsonv_str(mc_jsonv_get(v, "error"));
	*ret = (struct mc_import_counts){ .processes = count_of(v, "processes"), .samples = count_of(v, "samples"), .load = count_of(v, "load"),
		.deploys = count_of(v, "deploys") };
	if (status != 200)
		rc = mc_fail(err, status == 404 ? MC_ENOTFOUND : MC_EFORMAT, 0, "%s", text ? text : "the daemon refused");
	mc_jsondoc_free(doc);
	return rc;
}

int cmd_import(struct cli *c, struct mc_error *err)
{
	struct cli_db db;
	struct mc_import_counts n;
	int rc = cli_db_open(c, MC_STORE_WRITE, &db, err);
	if (rc == MC_EBUSY) {
		if ((rc = cli_db_find(c, &db, err)) == 0) {
			cli_busy("importing", c->operands[1]);
			rc = import_by_daemon(c, &db, c->operands[1], err);
			cli_busy_end();
			cli_db_close(&db);
		}
		return rc;
	}
	if (rc < 0)
		return rc;
	cli_busy("importing", c->operands[1]);
	rc = mc_import(db.store, c->operands[0], c->operands[1], &n, err);
	if (rc == 0)
		rc = answer_anew(&db, c->operands[0], err);
	cli_busy_end();
	cli_db_close(&db);
	return rc < 0 ? rc : print(c, c->operands[0], &n, "imported", err);
}

int cmd_export(struct cli *c, struct mc_error *err)
{
	struct cli_db db;
	struct mc_import_counts n;
	int rc = cli_db_open(c, MC_STORE_READ, &db, err);
	if (rc < 0)
		return rc;
	cli_busy("exporting", c->operands[0]);
	rc = mc_export(db.store, c->operands[0], c->operands[1], &n, err);
	cli_busy_end();
	rc = cli_unknown_program(&db, c->operands[0], rc, err);
	cli_db_close(&db);
	return rc < 0 ? rc : print(c, c->operands[0], &n, "exported", err);
}
