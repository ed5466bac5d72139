/* diff PROGRAM: the culprit release's commits and diff, suspects first, coloured and paged as git does. */
#include "cli.h"

#include <string.h>

static const char *style_of(const char *line, bool *header)
{
	if (strncmp(line, "diff ", 5) == 0)
		*header = true;
	if (strncmp(line, "@@", 2) == 0) {
		*header = false;
		return "36";
	}
	if (*header)
		return "1";
	return *line == '+' ? "32" : *line == '-' ? "31" : NULL;
}

/* The text is clean already: valid UTF-8, control characters made visible. */
static void put_diff(struct cli *c, const char *text)
{
	bool header = false;
	if (!c->color) {
		mc_buf_str(&c->out, text);
		return;
	}
	while (*text) {
		size_t len = strcspn(text, "\n");
		const char *style = style_of(text, &header);
		if (style)
			mc_buf_printf(&c->out, "\033[%sm", style);
		mc_buf_add(&c->out, text, len);
		if (style)
			mc_buf_str(&c->out, "\033[0m");
		cli_newline(c);
		text += len + (text[len] == '\n');
	}
}

static int print(struct cli *c, const struct mc_diff *d, struct mc_error *err)
{
	char from[MC_TIME_TEXT], to[MC_TIME_TEXT];
	if (c->json) {
		struct mc_json *j = mc_json_new();
		if (j)
			mc_diff_json(j, NULL, c->operands[0], d);
		return cli_print_json(c, j, err);
	}
	cli_page(c);
	cli_line(c, 0, "1", "%s: %s..%s, %zu commit%s, suspects first", c->operands[0], cli_commit(d->changes.from, from),
		cli_commit(d->changes.to, to), d->changes.ncommits, d->changes.ncommits == 1 ? "" : "s");
	cli_newline(c);
	cli_commits_text(c, &d->changes);
	cli_newline(c);
	put_diff(c, mc_buf_text(&d->text));
	return 0;
}

int cmd_diff(struct cli *c, struct mc_error *err)
{
	struct cli_db db;
	struct mc_diff d;
	const char *from = cli_option(c, "from"), *to = cli_option(c, "to");
	if (!from != !to)
		return mc_fail(err, MC_EUSAGE, 0, "--from and --to are given together, or neither: then it is the culprit's release");
	if ((from && !from[0]) || (to && !to[0])) /* a script's variable that was not set: git would take it for HEAD */
		return mc_fail(err, MC_EUSAGE, 0, "%s is empty; give a tag, a commit or whatever git resolves", from[0] ? "--to" : "--from");
	int rc = cli_db_find(c, &db, err);
	/* between two revisions no database is needed, where the configuration knows the repository */
	const struct mc_program_config *p = rc == 0 ? mc_config_program(&db.cfg, c->operands[0]) : NULL;
	if (rc == 0 && !(from && p && p->repository)) {
		cli_db_close(&db);
		rc = cli_db_open(c, MC_STORE_READ, &db, err);
	}
	if (rc < 0)
		return rc;
	cli_busy("comparing releases of", c->operands[0]);
	rc = mc_diff_program(db.store, &db.cfg, c->operands[0], from, to, &d, err);
	cli_busy_end();
	if (rc == 0) {
		rc = print(c, &d, err);
		mc_diff_release(&d);
	}
	rc = cli_unknown_program(&db, c->operands[0], rc, err);
	cli_db_close(&db);
	return rc;
}
