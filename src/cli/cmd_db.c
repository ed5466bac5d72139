/* db check, backup, compact, salvage: care of the database. */
#include "cli.h"

#include <string.h>

static int print_report(struct cli *c, const char *file, bool ok, const struct mc_buf *report, struct mc_error *err)
{
	const char *lines = mc_buf_text(report);
	struct mc_json *j = c->json ? mc_json_new() : NULL;
	if (c->json && !j)
		return mc_nomem(err, "JSON");
	if (j) {
		mc_json_object(j, NULL);
		mc_json_int(j, "schema", 1);
		mc_json_str(j, "file", file);
		mc_json_bool(j, "ok", ok);
		mc_json_array(j, "report");
	}
	while (*lines) {
		char line[1024];
		size_t len = strcspn(lines, "\n");
		snprintf(line, sizeof line, "%.*s", (int)len, lines);
		if (j)
			mc_json_str(j, NULL, line);
		else
			cli_line(c, 0, ok ? NULL : "31", "%s", line);
		lines += len + (lines[len] == '\n');
	}
	if (!j)
		return 0;
	mc_json_close(j);
	mc_json_close(j);
	return cli_print_json(c, j, err);
}

static int done(struct cli *c, const char *file, struct mc_error *err, const char *what)
{
	struct mc_buf none = { 0 };
	if (c->json)
		return print_report(c, file, true, &none, err);
	cli_line(c, 0, NULL, "%s", what);
	return 0;
}

static int check(struct cli *c, struct mc_error *err)
{
	struct cli_db db;
	struct mc_buf report = { 0 };
	struct mc_error why = { 0 };
	int rc = cli_db_open(c, MC_STORE_READ, &db, err);
	if (rc < 0)
		return rc;
	cli_busy("checking", db.path);
	rc = mc_store_check(db.store, cli_busy_part, NULL, &report, &why);
	cli_busy_end();
	int said = rc == 0 || rc == MC_ECORRUPT ? print_report(c, db.path, rc == 0, &report, err) : 0;
	if (rc == 0 && !c->json)
		cli_line(c, 0, "32", "%s is sound.", db.path);
	if (rc == MC_ECORRUPT)
		mc_fail(err, rc, 0, "%.200s is damaged; 'memculprit db salvage FILE' saves what can be read", db.path);
	else if (rc < 0)
		mc_fail(err, rc, 0, "%s", why.text);
	mc_buf_release(&report);
	cli_db_close(&db);
	return rc < 0 ? rc : said;
}

static int backup(struct cli *c, const char *target, struct mc_error *err)
{
	struct cli_db db;
	int rc = cli_db_open(c, MC_STORE_READ, &db, err);
	if (rc < 0)
		return rc;
	cli_busy("copying", db.path);
	rc = mc_store_backup(db.store, target, err);
	cli_busy_end();
	cli_db_close(&db);
	return rc < 0 ? rc : done(c, target, err, "Copied; the copy is a database of its own.");
}

static int compact_by_daemon(struct cli *c, struct mc_error *err)
{
	struct cli_db db;
	struct mc_buf reply = { 0 };
	int status = 0, rc = cli_db_find(c, &db, err);
	if (rc < 0)
		return rc;
	rc = mc_daemon_request(&db.cfg, db.path, "POST", "/api/v1/compact", "{}", &status, &reply, err);
	if (rc == 0) {
		struct mc_import_counts none;
		rc = cli_take_counts(&reply, status, &none, err);
	}
	if (rc == 0)
		rc = done(c, db.path, err, "Compacted, by the daemon.");
	mc_buf_release(&reply);
	cli_db_close(&db);
	return rc;
}

static int compact(struct cli *c, struct mc_error *err)
{
	struct cli_db db;
	char before[MC_TIME_TEXT], after[MC_TIME_TEXT], text[100];
	/* a database that is not there is not to be made for this */
	int rc = cli_db_open(c, MC_STORE_READ, &db, err);
	if (rc < 0 && rc != MC_EUNSUPPORTED) /* an older one is brought up to date by writing */
		return rc;
	if (rc == 0)
		cli_db_close(&db);
	rc = cli_db_open(c, MC_STORE_WRITE, &db, err);
	if (rc == MC_EBUSY)
		return compact_by_daemon(c, err);
	if (rc < 0)
		return rc;
	mc_size_text((double)mc_store_bytes(db.store), before);
	cli_busy("compacting", db.path);
	rc = mc_store_compact(db.store, cli_busy_part, NULL, err);
	cli_busy_end();
	mc_size_text((double)mc_store_bytes(db.store), after);
	snprintf(text, sizeof text, "Compacted: %s before, %s after.", before, after);
	if (rc == 0)
		rc = done(c, db.path, err, text);
	cli_db_close(&db);
	return rc;
}

static int salvage(struct cli *c, const char *target, struct mc_error *err)
{
	struct cli_db db;
	struct mc_buf report = { 0 };
	int rc = cli_db_find(c, &db, err);
	if (rc < 0)
		return rc;
	cli_busy("salvaging", db.path);
	rc = mc_store_salvage(db.path, target, cli_busy_part, NULL, &report, err);
	cli_busy_end();
	if (rc == 0)
		rc = print_report(c, target, true, &report, err);
	if (rc == 0 && !c->json)
		cli_line(c, 0, NULL, "What could be read of %s is in %s.", db.path, target);
	mc_buf_release(&report);
	cli_db_close(&db);
	return rc;
}

int cmd_db(struct cli *c, struct mc_error *err)
{
	static const char *const actions[] = { "check", "backup", "compact", "salvage", NULL };
	const char *action = c->operands[0], *file = c->noperands > 1 ? c->operands[1] : NULL;
	bool needs = strcmp(action, "backup") == 0 || strcmp(action, "salvage") == 0;
	if (needs && !file)
		return mc_fail(err, MC_EUSAGE, 0, "db %s needs FILE: the new database", action);
	if (strcmp(action, "backup") == 0)
		return backup(c, file, err);
	if (strcmp(action, "salvage") == 0)
		return salvage(c, file, err);
	if (strcmp(action, "check") != 0 && strcmp(action, "compact") != 0) {
		const char *near = cli_nearest(action, actions);
		return mc_fail(err, MC_EUSAGE, 0, "'db %.40s' is not known; %s%s", action, near ? "did you mean " : "there are check, backup, compact and salvage",
			near ? near : "");
	}
	if (file)
		return mc_fail(err, MC_EUSAGE, 0, "db %s takes no FILE; the database is named by --db", action);
	return strcmp(action, "check") == 0 ? check(c, err) : compact(c, err);
}
