/* status [PROGRAM]: what runs, what grows, and what the host's figures mean. */
#include "cli.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static bool is(const char *text, const char *what)
{
	return text && strcmp(text, what) == 0;
}

static void state_of_growth(const struct cli *c, const struct mc_program_status *p, struct mc_buf *out)
{
	char text[MC_TIME_TEXT];
	mc_buf_str(out, is(p->state, "fixed") ? "fixed" : is(p->verdict, "step") ? "step" : "leak");
	if (is(p->state, "fixed") && p->fixed_by)
		mc_buf_printf(out, " by %s", cli_release(p->fixed_by, NULL, text));
	if (p->culprit_version || p->culprit_commit)
		mc_buf_printf(out, is(p->state, "fixed") ? ", begun by %s" : " since %s",
			cli_release(p->culprit_version, p->culprit_commit, text));
	else if (p->onset_ms != MC_NO_TIME)
		mc_buf_printf(out, " since %s", cli_when(c, p->onset_ms, text));
	if (isfinite(p->culprit_probability))
		mc_buf_printf(out, " (%.0f %%)", 100 * p->culprit_probability);
	if (p->exhaustion_ms != MC_NO_TIME && is(p->state, "active"))
		mc_buf_printf(out, ", memory gone %s", cli_when(c, p->exhaustion_ms, text));
}

static const char *state_style(const struct mc_program_status *p)
{
	if (is(p->state, "active"))
		return is(p->verdict, "leak") ? "1;31" : "33";
	if (is(p->state, "fixed"))
		return "32";
	return p->processes == 0 ? "2" : NULL;
}

static void state_text(const struct cli *c, const struct mc_program_status *p, struct mc_buf *out)
{
	char text[MC_TIME_TEXT];
	if (p->processes == 0)
		mc_buf_printf(out, "not running since %s%s", cli_when(c, p->last_ms, text), is(p->verdict, "leak") ? "; " : "");
	if (is(p->verdict, "leak") || is(p->verdict, "step"))
		state_of_growth(c, p, out);
	else if (p->processes == 0)
		return;
	else if (is(p->verdict, "load"))
		mc_buf_str(out, "follows its load");
	else if (is(p->verdict, "plateau"))
		mc_buf_str(out, "levels off");
	else if (is(p->verdict, "none"))
		mc_buf_str(out, "steady");
	else
		mc_buf_str(out, "too early to tell");
}

static void version_text(const struct mc_program_status *p, struct mc_buf *out)
{
	if (p->nrunning == 0) {
		mc_buf_str(out, "-");
		return;
	}
	char text[MC_TIME_TEXT];
	const struct mc_running *r = p->running;
	if (!r->version[0] && !r->commit[0] && p->nrunning > 1) {
		mc_buf_printf(out, "%zu builds", p->nrunning);
		return;
	}
	mc_buf_str(out, cli_release(r->version, r->commit[0] ? r->commit : "-", text));
	if (p->nrunning > 1)
		mc_buf_printf(out, " +%zu", p->nrunning - 1);
}

static void program_row(const struct cli *c, struct mc_table *t, const struct mc_program_status *p)
{
	char size[MC_TIME_TEXT], rate[MC_TIME_TEXT];
	struct mc_buf version = { 0 }, state = { 0 };
	double priv = isfinite(p->swap) ? p->anon + p->swap : p->anon;
	version_text(p, &version);
	state_text(c, p, &state);
	mc_table_cell(t, NULL, "%s", p->name);
	mc_table_cell(t, NULL, "%zu", p->processes);
	mc_table_cell(t, NULL, "%s", p->processes ? cli_size(priv, size) : "-");
	mc_table_cell(t, is(p->state, "active") ? "1;31" : NULL, "%s", cli_growth(p->growth, is(p->signal, "processes"), rate));
	mc_table_cell(t, NULL, "%s", mc_buf_text(&version));
	mc_table_cell(t, state_style(p), "%s", mc_buf_text(&state));
	mc_buf_release(&version);
	mc_buf_release(&state);
}

/* A program in two lines, for a narrow terminal. */
static void stacked_row(struct cli *c, const struct mc_program_status *p)
{
	char size[MC_TIME_TEXT], rate[MC_TIME_TEXT];
	struct mc_buf version = { 0 }, state = { 0 };
	double priv = isfinite(p->swap) ? p->anon + p->swap : p->anon;
	version_text(p, &version);
	state_text(c, p, &state);
	cli_line(c, 0, "1", "%s", p->name);
	cli_line(c, 2, NULL, "%s in %zu process%s, version %s", cli_size(p->processes ? priv : (double)NAN, size), p->processes,
		p->processes == 1 ? "" : "es", mc_buf_text(&version));
	if (isfinite(p->growth))
		mc_buf_printf(&state, ", %s", cli_growth(p->growth, is(p->signal, "processes"), rate));
	cli_line(c, 2, state_style(p), "%s", mc_buf_text(&state));
	mc_buf_release(&version);
	mc_buf_release(&state);
}

static int print_table(struct cli *c, const struct mc_status *st, struct mc_error *err)
{
	if (c->width && c->width < CLI_NARROW) {
		for (size_t i = 0; i < st->n; i++)
			stacked_row(c, &st->programs[i]);
		return 0;
	}
	struct mc_table *t = mc_table_new();
	if (!t)
		return mc_nomem(err, "a table");
	mc_table_column(t, "PROGRAM", MC_LEFT);
	mc_table_column(t, "PROCESSES", MC_RIGHT);
	mc_table_column(t, "PRIVATE", MC_RIGHT);
	mc_table_column(t, "GROWTH", MC_RIGHT);
	mc_table_column(t, "VERSION", MC_LEFT);
	mc_table_column(t, "STATE", MC_LEFT);
	for (size_t i = 0; i < st->n; i++)
		program_row(c, t, &st->programs[i]);
	int rc = mc_table_print(t, c->width, c->color, c->ascii, &c->out, err);
	mc_table_free(t);
	return rc;
}

static void print_host(struct cli *c, const struct mc_status *st)
{
	char when[MC_TIME_TEXT], size[MC_TIME_TEXT], total[MC_TIME_TEXT];
	const struct mc_host_status *h = &st->host;
	if (h->t_ms == MC_NO_TIME)
		return;
	bool short_of = h->text && strstr(h->text, "memory is") && !strstr(h->text, "not short");
	if (h->memory_total > 0)
		cli_line(c, 0, short_of ? "31" : NULL, "Host, %s: %s; %s of %s available.", cli_when(c, h->t_ms, when), h->text ? h->text : "",
			cli_size(h->memory_available, size), cli_size(h->memory_total, total));
	else
		cli_line(c, 0, NULL, "Host, %s: %s.", cli_when(c, h->t_ms, when), h->text ? h->text : "");
	cli_newline(c);
}

/* What could not be read, and what that costs. */
static void print_notice(struct cli *c, const char *lines)
{
	if (lines && *lines)
		cli_newline(c);
	while (lines && *lines) {
		size_t len = strcspn(lines, "\n");
		char line[1024];
		snprintf(line, sizeof line, "%.*s", (int)(len < sizeof line ? len : sizeof line - 1), lines);
		cli_line(c, 0, "33", "%s", line);
		lines += len + (lines[len] == '\n');
	}
}

/* What to do next: about the first program that grows. */
static void print_next(struct cli *c, const struct mc_status *st)
{
	for (size_t i = 0; i < st->n; i++)
		if (is(st->programs[i].state, "active")) {
			cli_newline(c);
			cli_line(c, 0, NULL, "Which deploy, and why: memculprit blame %s", st->programs[i].name);
			return;
		}
}

static int print(struct cli *c, const struct mc_status *st, int64_t interval_ms, struct mc_error *err)
{
	if (c->json) {
		struct mc_json *j = mc_json_new();
		if (j)
			mc_status_json(j, NULL, st);
		return cli_print_json(c, j, err);
	}
	print_host(c, st);
	cli_stale(c, st->as_of_ms, interval_ms, "Nothing is sampled now ('memculprit serve' does): this is the state of");
	if (st->n == 0) {
		cli_line(c, 0, NULL, "No program was sampled yet; 'memculprit serve' samples, and the first figures are there after its first tick.");
		print_notice(c, st->notice);
		return 0;
	}
	int rc = print_table(c, st, err);
	print_notice(c, st->notice);
	if (st->short_lives && !c->noperands) {
		cli_newline(c);
		cli_line(c, 0, "2", "%s", st->short_lives);
	}
	print_next(c, st);
	return rc;
}

static int once(struct cli *c, struct mc_error *err)
{
	struct cli_db db;
	struct mc_status st;
	int rc = cli_db_open(c, MC_STORE_READ, &db, err);
	if (rc < 0)
		return rc;
	cli_busy("reading", NULL);
	rc = mc_status_read(db.store, &db.cfg, c->noperands ? c->operands[0] : NULL, &st, err);
	cli_busy_end();
	if (rc == 0) {
		rc = print(c, &st, db.cfg.interval_ms, err);
		mc_status_release(&st);
	}
	rc = cli_unknown_program(&db, c->noperands ? c->operands[0] : NULL, rc, err);
	cli_db_close(&db);
	return rc;
}

/* Anew every two seconds until it is interrupted: on a terminal in the same place, else one after the other. */
static int watch(struct cli *c, struct mc_error *err)
{
	const char *term = getenv("TERM");
	bool place = isatty(STDOUT_FILENO) && term && strcmp(term, "dumb") != 0;
	for (;;) {
		if (place)
			mc_buf_str(&c->out, "\033[H\033[J");
		int rc = once(c, err);
		if (rc == 0 && !place)
			cli_newline(c);
		if (rc == 0)
			rc = cli_flush(c, err);
		if (rc < 0)
			return rc;
		nanosleep(&(struct timespec){ .tv_sec = 2 }, NULL);
	}
}

int cmd_status(struct cli *c, struct mc_error *err)
{
	return cli_option(c, "watch") ? watch(c, err) : once(c, err);
}
