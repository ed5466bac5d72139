/* Where the output goes: colour, width, the locale's characters, and a disk that is full. */
#include "cli.h"

#include <errno.h>
#include <langinfo.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

static size_t columns(void)
{
	const char *text = getenv("COLUMNS");
	struct winsize w;
	uint64_t n;
	if (text && mc_parse_u64(text, strlen(text), &n) && n > 0 && n < 10000)
		return (size_t)n;
	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &w) == 0)
		return w.ws_col ? w.ws_col : 80;
	return 0;
}

static bool set(const char *name)
{
	const char *v = getenv(name);
	return v && v[0];
}

void cli_terminal(struct cli *c, enum cli_when color)
{
	const char *term = getenv("TERM");
	bool able = isatty(STDOUT_FILENO) && !set("NO_COLOR") && term && term[0] && strcmp(term, "dumb") != 0;
	c->color = color == CLI_ALWAYS || (color == CLI_AUTO && able);
	c->ascii = strcmp(nl_langinfo(CODESET), "UTF-8") != 0;
	c->width = columns();
}

static const char *plain(const char *s, size_t len)
{
	static const struct {
		const char *from, *to;
	} known[] = { { "…", "~" }, { "–", "-" }, { "—", "-" }, { "±", "+-" }, { "→", "->" }, { "·", "." }, { "×", "x" }, { "≥", ">=" },
		{ "≤", "<=" } };
	for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
		if (strlen(known[i].from) == len && memcmp(known[i].from, s, len) == 0)
			return known[i].to;
	return "?";
}

static void to_ascii(const struct mc_buf *from, struct mc_buf *to)
{
	for (size_t i = 0; i < from->len;) {
		size_t n = mc_utf8_len(from->data + i, from->len - i);
		n = n ? n : 1;
		if (n == 1 && (unsigned char)from->data[i] < 0x80)
			mc_buf_add(to, from->data + i, 1);
		else
			mc_buf_str(to, plain(from->data + i, n));
		i += n;
	}
}

static int write_all(const struct mc_buf *b, struct mc_error *err)
{
	for (size_t done = 0; done < b->len;) {
		ssize_t n = write(STDOUT_FILENO, b->data + done, b->len - done);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return mc_fail(err, errno == ENOSPC ? MC_EFULL : MC_EIO, errno, "standard output");
		done += (size_t)n;
	}
	return 0;
}

int cli_flush(struct cli *c, struct mc_error *err)
{
	struct mc_buf text = { 0 };
	int rc = mc_buf_check(&c->out, err);
	if (rc == 0 && c->ascii && !c->json) {
		to_ascii(&c->out, &text);
		if ((rc = mc_buf_check(&text, err)) == 0)
			rc = write_all(&text, err);
	} else if (rc == 0) {
		rc = write_all(&c->out, err);
	}
	mc_buf_release(&text);
	mc_buf_release(&c->out);
	return rc;
}

void cli_put(struct cli *c, const char *sgr, const char *fmt, ...)
{
	struct mc_buf text = { 0 };
	va_list ap;
	va_start(ap, fmt);
	mc_buf_vprintf(&text, fmt, ap);
	va_end(ap);
	if (sgr && c->color)
		mc_buf_printf(&c->out, "\033[%sm", sgr);
	mc_text_add(&c->out, mc_buf_text(&text), text.len);
	if (sgr && c->color)
		mc_buf_str(&c->out, "\033[0m");
	c->out.failed = c->out.failed || text.failed;
	mc_buf_release(&text);
}

int cli_exit_code(int code)
{
	return code == MC_EUSAGE ? CLI_USAGE : code == MC_ENOTFOUND ? CLI_NOT_FOUND : CLI_FAILED;
}

void cli_say(const char *what)
{
	struct mc_buf text = { 0 }, ascii = { 0 };
	mc_buf_str(&text, "memculprit: ");
	mc_text_add(&text, what, strlen(what));
	mc_buf_str(&text, "\n");
	if (strcmp(nl_langinfo(CODESET), "UTF-8") != 0)
		to_ascii(&text, &ascii);
	fputs(mc_buf_text(ascii.len ? &ascii : &text), stderr);
	mc_buf_release(&text);
	mc_buf_release(&ascii);
}

/* What to do where the system refused; NULL: nothing that could be said in general. */
static const char *advice(const struct mc_error *err)
{
	switch (err->sys) {
	case ENOENT: case ENOTDIR:
		if (err->code == MC_ENOTFOUND) /* it was to be read */
			return "give the name of what is there";
		return "make the folder first, or name another place";
	case EACCES: case EPERM: return "call it as a user who may, or name another place";
	case EROFS: return "name a place that can be written to";
	case EISDIR: return "a file is needed here";
	case ENOSPC: case EDQUOT: return "make room, or name a place on another disk";
	case EADDRINUSE: return "end what has it, or give another with --web.listen-address";
	case EADDRNOTAVAIL: return "this host has no such address; 'ip addr' lists those it has";
	case EMFILE: case ENFILE: return "raise the limit of open files ('ulimit -n')";
	case ECONNREFUSED: return "is the daemon running?";
	default: return NULL;
	}
}

int cli_error(const struct mc_error *err)
{
	const char *todo = strchr(err->text, ';') ? NULL : advice(err);
	struct mc_buf text = { 0 };
	mc_buf_printf(&text, "%s%s%s", err->text, todo ? "; " : "", todo ? todo : "");
	cli_say(text.failed ? err->text : mc_buf_text(&text));
	mc_buf_release(&text);
	return cli_exit_code(err->code);
}
