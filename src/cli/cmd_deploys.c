/* deploys [PROGRAM]: when what was deployed, how we know, and what became of memory. */
#include "cli.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { WIDE = 110 }; /* what a table with its remarks needs */

static void columns(struct mc_table *t, bool program)
{
	mc_table_column(t, "ID", MC_RIGHT);
	if (program)
		mc_table_column(t, "PROGRAM", MC_LEFT);
	mc_table_column(t, "DEPLOYED", MC_LEFT);
	mc_table_column(t, "VERSION", MC_LEFT);
	mc_table_column(t, "COMMIT", MC_LEFT);
	mc_table_column(t, "RECOGNISED", MC_LEFT);
	mc_table_column(t, "PRIVATE", MC_RIGHT);
	mc_table_column(t, "GROWTH", MC_RIGHT);
	mc_table_column(t, "", MC_LEFT);
}

/* When it was written, committed, tagged and first seen running here are four times, and none of them the deploy's. */
static void times(const struct cli *c, const struct mc_deploy_row *d, struct mc_buf *out)
{
	char text[MC_TIME_TEXT];
	const struct {
		const char *what;
		int64_t ms;
	} table[] = { { "written", d->author_ms }, { "committed", d->commit_ms }, { "tagged", d->tag_ms },
		{ "first running", d->first_seen_ms == d->unix_ms ? 0 : d->first_seen_ms } };
	const size_t n = sizeof table / sizeof table[0];
	for (size_t i = 0, k; i < n; i = k) {
		for (k = i + 1; k < n && table[k].ms / 1000 == table[i].ms / 1000; k++)
			; /* at one time: said once */
		for (size_t j = i; table[i].ms > 0 && j < k; j++)
			mc_buf_printf(out, "%s%s", out->len ? ", " : "", table[j].what);
		if (table[i].ms > 0)
			mc_buf_printf(out, " %s", cli_when(c, table[i].ms, text));
	}
}

static void remark(const struct cli *c, const struct mc_deploy_view *v, struct mc_buf *out)
{
	if (v->culprit)
		mc_buf_printf(out, "started the growth (%.0f %%)", 100 * v->probability);
	else if (v->probability >= 0.01)
		mc_buf_printf(out, "may have started it (%.0f %%)", 100 * v->probability);
	if (v->unanswered)
		mc_buf_str(out, "not judged yet");
	if (v->fix)
		mc_buf_printf(out, "%sended it", out->len ? ", " : "");
	if (v->kind)
		mc_buf_printf(out, "%s%s", out->len ? ", " : "", v->kind);
	if (v->processes < v->processes_of)
		mc_buf_printf(out, "%scanary: %u of %u processes", out->len ? ", " : "", v->processes, v->processes_of);
	if (v->few_samples)
		mc_buf_printf(out, "%snot enough data yet for its growth", out->len ? ", " : "");
	if (v->row.host && v->row.host[0])
		mc_buf_printf(out, "%son %.60s", out->len ? ", " : "", v->row.host);
	times(c, &v->row, out);
	if (v->row.note && v->row.note[0])
		mc_buf_printf(out, "%s%.120s", out->len ? "; " : "", v->row.note);
}

static void row(const struct cli *c, struct mc_table *t, const struct mc_deploy_view *v, bool program)
{
	char text[MC_TIME_TEXT];
	struct mc_buf says = { 0 };
	const struct mc_deploy_row *d = &v->row;
	const char *style = v->culprit ? "1;31" : v->fix ? "1;32" : NULL;
	remark(c, v, &says);
	mc_table_cell(t, NULL, "%lld", (long long)d->id);
	if (program)
		mc_table_cell(t, NULL, "%s", v->program);
	mc_table_cell(t, NULL, "%s", cli_when(c, d->unix_ms, text));
	mc_table_cell(t, style, "%s", d->version && d->version[0] ? d->version : d->commit && d->commit[0] ? "-" : cli_deploy_name(d, text));
	mc_table_cell(t, "33", "%s", d->commit && d->commit[0] ? cli_commit(d->commit, text) : "-");
	mc_table_cell(t, NULL, "%s", d->source && d->source[0] ? d->source : "-");
	mc_table_cell(t, NULL, "%s", cli_size(v->memory_after, text));
	mc_table_cell(t, style, "%s", cli_growth(v->growth_after, v->growth_of_processes, text));
	mc_table_cell(t, style, "%s", mc_buf_text(&says));
	mc_buf_release(&says);
}

/* A deploy in two lines, for a terminal that has no room for the table. */
static void stacked_row(struct cli *c, const struct mc_deploy_view *v, bool program)
{
	char when[MC_TIME_TEXT], size[MC_TIME_TEXT], rate[MC_TIME_TEXT], commit[MC_TIME_TEXT];
	struct mc_buf says = { 0 };
	const struct mc_deploy_row *d = &v->row;
	const char *style = v->culprit ? "1;31" : v->fix ? "1;32" : NULL;
	remark(c, v, &says);
	cli_line(c, 0, "1", "%s%s%s, %s", program ? v->program : "", program ? " " : "",
		cli_deploy_name(d, commit), cli_when(c, d->unix_ms, when));
	cli_line(c, 2, NULL, "deploy %lld, %s; %s, %s", (long long)d->id, d->source, cli_size(v->memory_after, size), cli_growth(v->growth_after, v->growth_of_processes, rate));
	if (says.len)
		cli_line(c, 2, style, "%s", mc_buf_text(&says));
	mc_buf_release(&says);
}

static int print_table(struct cli *c, const struct mc_deploys *d, bool program, struct mc_error *err)
{
	if (c->width && c->width < WIDE) {
		for (size_t i = 0; i < d->n; i++)
			stacked_row(c, &d->views[i], program);
		return 0;
	}
	struct mc_table *t = mc_table_new();
	if (!t)
		return mc_nomem(err, "a table");
	columns(t, program);
	for (size_t i = 0; i < d->n; i++)
		row(c, t, &d->views[i], program);
	int rc = mc_table_print(t, c->width, c->color, c->ascii, &c->out, err);
	mc_table_free(t);
	return rc;
}

static int print(struct cli *c, const struct mc_deploys *d, struct mc_error *err)
{
	const char *program = c->noperands ? c->operands[0] : NULL;
	if (c->json) {
		struct mc_json *j = mc_json_new();
		if (j)
			mc_deploys_json(j, NULL, d);
		return cli_print_json(c, j, err);
	}
	if (d->n == 0) {
		cli_line(c, 0, NULL, "No deploy%s%s was seen yet; 'memculprit mark %s REV' marks one.", program ? " of " : "", program ? program : "",
			program ? program : "PROGRAM");
		return 0;
	}
	return print_table(c, d, !program, err);
}

int cmd_deploys(struct cli *c, struct mc_error *err)
{
	struct cli_db db;
	struct mc_deploys d;
	int rc = cli_db_open(c, MC_STORE_READ, &db, err);
	if (rc < 0)
		return rc;
	const char *program = c->noperands ? c->operands[0] : NULL;
	cli_busy("reading", program);
	rc = mc_deploys_read(db.store, &db.cfg, program, &d, err);
	cli_busy_end();
	if (rc == 0) {
		rc = print(c, &d, err);
		mc_deploys_release(&d);
	}
	rc = cli_unknown_program(&db, program, rc, err);
	cli_db_close(&db);
	return rc;
}
