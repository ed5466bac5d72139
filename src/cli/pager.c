/* A pager as git has it: on a terminal only, $MEMCULPRIT_PAGER, $PAGER, else less, which ends by itself where
 * all fits on the screen. */
#include "cli.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static pid_t pager;

static const char *chosen(void)
{
	const char *p = getenv("MEMCULPRIT_PAGER");
	if (!p)
		p = getenv("PAGER");
	return p ? p : "less";
}

/* Whether the first word of the command can be run; a pager that is not there is no reason to show nothing. */
static bool can_run(const char *command)
{
	char name[256], path[4096];
	size_t len = strcspn(command, " \t|;&<>");
	const char *dirs = getenv("PATH");
	if (len == 0 || len >= sizeof name)
		return false;
	memcpy(name, command, len);
	name[len] = '\0';
	if (strchr(name, '/'))
		return access(name, X_OK) == 0;
	for (const char *d = dirs ? dirs : "/usr/bin:/bin"; *d; d += strcspn(d, ":"), d += *d == ':') {
		snprintf(path, sizeof path, "%.*s/%s", (int)strcspn(d, ":"), d, name);
		if (access(path, X_OK) == 0)
			return true;
	}
	return false;
}

static void child(const char *command, const int ends[2])
{
	dup2(ends[0], STDIN_FILENO);
	close(ends[0]);
	close(ends[1]);
	setenv("LESS", "FRX", 0);
	setenv("LV", "-c", 0);
	execl("/bin/sh", "sh", "-c", command, (char *)NULL);
	_exit(127);
}

void cli_page(struct cli *c)
{
	const char *command = chosen(), *term = getenv("TERM");
	int ends[2];
	if (c->json || !isatty(STDOUT_FILENO) || !term || strcmp(term, "dumb") == 0 || strcmp(command, "cat") == 0 || !can_run(command))
		return;
	if (pipe(ends) < 0)
		return;
	pager = fork();
	if (pager == 0)
		child(command, ends);
	close(ends[0]);
	if (pager > 0) {
		signal(SIGPIPE, SIG_IGN); /* the reader may have seen enough */
		dup2(ends[1], STDOUT_FILENO);
	}
	close(ends[1]);
}

bool cli_page_end(void)
{
	if (pager <= 0)
		return false;
	close(STDOUT_FILENO);
	while (waitpid(pager, NULL, 0) < 0 && errno == EINTR)
		;
	pager = 0;
	return true;
}
