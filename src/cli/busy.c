/* A word on stderr for work that takes more than a second, with a bar where it is known how far it is; on a
 * terminal only. */
#include "cli.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

/* What the signal handler reads: set before the timer is armed. */
static char busy_text[200];
static size_t busy_len;
static volatile sig_atomic_t seconds, shown, percent;

static size_t add_number(char *to, int n)
{
	char digits[12];
	size_t k = 0;
	do
		digits[k++] = (char)('0' + n % 10);
	while ((n /= 10) > 0);
	for (size_t i = 0; i < k; i++)
		to[i] = digits[k - 1 - i];
	return k;
}

enum { BAR = 20 };

static void on_alarm(int sig)
{
	char line[320];
	size_t n = 1 + busy_len;
	(void)sig;
	seconds = seconds + 1;
	line[0] = '\r';
	memcpy(line + 1, busy_text, busy_len);
	if (percent >= 0) {
		line[n++] = '[';
		for (int i = 0; i < BAR; i++)
			line[n++] = i < percent * BAR / 100 ? '#' : '.';
		memcpy(line + n, "] ", 2);
		n += 2;
		n += add_number(line + n, percent);
		memcpy(line + n, " % ", 3);
		n += 3;
	}
	line[n++] = '(';
	n += add_number(line + n, seconds);
	memcpy(line + n, " s)", 3);
	n += 3;
	shown = 1;
	if (write(STDERR_FILENO, line, n) < 0)
		return; /* a terminal that is gone needs no progress */
}

static void timer(int every)
{
	struct itimerval t = { .it_interval = { every, 0 }, .it_value = { every, 0 } };
	setitimer(ITIMER_REAL, &t, NULL);
}

void cli_busy(const char *what, const char *name)
{
	const char *term = getenv("TERM");
	struct mc_buf clean = { 0 };
	if (!isatty(STDERR_FILENO) || !term || strcmp(term, "dumb") == 0)
		return;
	mc_buf_printf(&clean, "memculprit: %s ", what);
	if (name)
		mc_text_add(&clean, name, strlen(name) < 60 ? strlen(name) : 60);
	if (name)
		mc_buf_str(&clean, " ");
	busy_len = clean.len < sizeof busy_text ? clean.len : 0;
	memcpy(busy_text, mc_buf_text(&clean), busy_len);
	mc_buf_release(&clean);
	seconds = shown = 0;
	percent = -1;
	struct sigaction a = { .sa_handler = on_alarm, .sa_flags = SA_RESTART };
	sigaction(SIGALRM, &a, NULL);
	timer(1);
}

void cli_busy_part(void *user, double done, const char *what)
{
	(void)user;
	(void)what;
	percent = done > 1 ? 100 : (int)(done * 100);
}

void cli_busy_end(void)
{
	timer(0);
	if (shown && write(STDERR_FILENO, "\r\033[K", 4) < 0)
		return;
	shown = 0;
}
