/* Help texts from the tables of the commands; 80 columns. */
#include "cli.h"

#include <string.h>

enum { LEFT = 26, COLUMNS = 80 };

/* Text behind `indent` blanks, broken at blanks; a newline in it stays. The cursor is at column `at`. */
static void wrap(struct mc_buf *out, const char *text, size_t at, size_t indent)
{
	while (*text) {
		size_t len = strcspn(text, " \n");
		if (at > indent && at + 1 + len > COLUMNS) {
			mc_buf_str(out, "\n");
			at = 0;
		}
		for (; at < indent; at++)
			mc_buf_str(out, " ");
		if (at > indent) {
			mc_buf_str(out, " ");
			at++;
		}
		mc_buf_add(out, text, len);
		at += len;
		text += len;
		if (*text == '\n') {
			mc_buf_str(out, "\n");
			at = 0;
		}
		text += *text != '\0';
	}
	mc_buf_str(out, "\n");
}

static void row(struct mc_buf *out, const char *left, const char *text)
{
	mc_buf_printf(out, "  %s", left);
	size_t at = strlen(left) + 2;
	if (at + 2 > LEFT) {
		mc_buf_str(out, "\n");
		at = 0;
	}
	wrap(out, text, at, LEFT);
}

static void option_row(struct mc_buf *out, const struct cli_option *o)
{
	struct mc_buf left = { 0 };
	if (o->letter)
		mc_buf_printf(&left, "-%c, ", o->letter);
	mc_buf_printf(&left, "--%s%s%s", o->name, o->value ? "=" : "", o->value ? o->value : "");
	row(out, mc_buf_text(&left), o->text);
	mc_buf_release(&left);
}

static void option_rows(struct mc_buf *out, const struct cli_option *o)
{
	for (; o && o->name; o++)
		option_row(out, o);
}

static void usage_line(const struct cli_command *k, struct mc_buf *out)
{
	mc_buf_printf(out, "Usage: memculprit %s", k->name);
	if (k->options || k->json || k->utc)
		mc_buf_str(out, " [OPTION...]");
	for (const struct cli_operand *o = k->operands; o && o->name; o++)
		mc_buf_printf(out, o->optional ? " [%s%s]" : " %s%s", o->name, o->many ? "..." : "");
	mc_buf_str(out, "\n");
}

void cli_help(const struct cli_command *k, struct mc_buf *out)
{
	usage_line(k, out);
	mc_buf_str(out, "\n");
	wrap(out, k->about, 0, 0);
	mc_buf_str(out, "\nOptions:\n");
	option_rows(out, k->options);
	if (k->json)
		option_rows(out, cli_json_option);
	if (k->utc)
		option_rows(out, cli_utc_option);
	option_rows(out, cli_globals);
	option_row(out, cli_help_option);
	mc_buf_printf(out, "\nExamples:\n%s", k->examples);
}

void cli_help_all(struct mc_buf *out)
{
	mc_buf_str(out, "Usage: memculprit [--config FILE] [--db FILE] [--color WHEN] COMMAND [ARG...]\n\n"
					"Which deploy started the memory growth?\n\nCommands:\n");
	for (size_t i = 0; cli_commands[i]; i++)
		if (cli_commands[i]->summary)
			row(out, cli_commands[i]->name, cli_commands[i]->summary);
	mc_buf_str(out, "\nOptions, before or after the command:\n");
	option_rows(out, cli_globals);
	option_rows(out, cli_help_option);
	mc_buf_str(out,
		"\nExamples:\n"
		"  memculprit serve                     watch this machine\n"
		"  memculprit status                    what runs and what grows\n"
		"  memculprit blame logic_worker        which deploy started the growth\n"
		"  memculprit mark logic_worker v2.3    the last line of a deploy script\n"
		"\n'memculprit COMMAND --help' tells more; the manual is memculprit(1).\n");
}

int cmd_help(struct cli *c, struct mc_error *err)
{
	const struct cli_command *k = c->noperands ? cli_find_command(c->operands[0]) : NULL;
	if (c->noperands && !k)
		return cli_unknown_command(c->operands[0], err);
	if (k)
		cli_help(k, &c->out);
	else
		cli_help_all(&c->out);
	return CLI_DONE;
}
