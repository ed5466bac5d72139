/* memculprit: which deploy started the memory growth?
 *
 * table.c has the commands, each run by its own cmd_NAME.c; options.c reads the words of a call, help.c
 * prints the table, terminal.c and layout.c write. What commands do is in app. */
#include "cli.h"

#include "config.h"

#include <fcntl.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* A database must never become standard output: descriptors that came closed are taken. Standard output
 * then refuses to be written to, and that is reported. */
static void hold_standard_files(void)
{
	for (int fd = 0; fd <= 2; fd++)
		if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", fd == STDOUT_FILENO ? O_RDONLY : O_RDWR) != fd)
			_exit(CLI_FAILED);
}

static int color_option(const struct cli *c, enum cli_when *ret, struct mc_error *err)
{
	static const char *const words[] = { "auto", "always", "never" };
	const char *w = cli_option(c, "color");
	*ret = CLI_AUTO;
	if (!w)
		return 0;
	for (int i = 0; i < 3; i++)
		if (strcmp(words[i], w) == 0) {
			*ret = (enum cli_when)i;
			return 0;
		}
	return mc_fail(err, MC_EUSAGE, 0, "--color=%.40s: one of auto, always, never is needed", w);
}

static int run(struct cli *c, int argc, char **argv, struct mc_error *err)
{
	enum cli_when color;
	int rc = cli_parse(c, argc, argv, err);
	if (rc < 0)
		return rc;
	if (rc == CLI_HELP || rc == CLI_VERSION || !c->command) {
		if (rc == CLI_VERSION)
			mc_buf_str(&c->out, PACKAGE_NAME " " PACKAGE_VERSION "\n");
		else if (c->command)
			cli_help(c->command, &c->out);
		else
			cli_help_all(&c->out);
		return rc ? 0 : CLI_USAGE;
	}
	if ((rc = color_option(c, &color, err)) < 0)
		return rc;
	cli_terminal(c, color);
	c->config = cli_option(c, "config");
	c->db = cli_option(c, "db");
	c->json = cli_option(c, "json") != NULL;
	c->utc = cli_option(c, "utc") != NULL;
	return c->command->run(c, err);
}

int main(int argc, char **argv)
{
	struct mc_error err = { 0 };
	struct cli c = { .now_ms = mc_now_ms() };
	hold_standard_files();
	setlocale(LC_CTYPE, "");
	int rc = run(&c, argc, argv, &err);
	/* what was printed before a failure is still wanted */
	struct mc_error full = { 0 };
	int wrote = cli_flush(&c, &full);
	if (cli_page_end())
		wrote = 0; /* the reader saw what they wanted to see */
	if (rc < 0)
		rc = cli_error(&err);
	else if (wrote < 0)
		rc = cli_error(&full);
	free(c.operands);
	return rc;
}
