/* Paragraphs, headings and times on the terminal. */
#include "cli.h"

#include <math.h>
#include <string.h>

void cli_newline(struct cli *c)
{
	mc_buf_str(&c->out, "\n");
}

static void blanks(struct cli *c, size_t n)
{
	while (n-- > 0)
		mc_buf_add(&c->out, " ", 1);
}

/* Bytes of the next word; a number stays with its "%". */
static size_t word_len(const char *p)
{
	size_t len = strcspn(p, " ");
	while (len && p[len] == ' ' && p[len + 1] == '%')
		len += 1 + strcspn(p + len + 1, " ");
	return len;
}

/* Colour begins with the first word of a line and ends with its last, so that a line can be searched. */
struct pen {
	struct cli *c;
	const char *sgr; /* NULL: none */
	bool down;
};

static void pen_down(struct pen *p)
{
	if (p->sgr && !p->down)
		mc_buf_printf(&p->c->out, "\033[%sm", p->sgr);
	p->down = true;
}

static void pen_up(struct pen *p)
{
	if (p->sgr && p->down)
		mc_buf_str(&p->c->out, "\033[0m");
	p->down = false;
}

size_t cli_para(struct cli *c, size_t at, size_t indent, const char *sgr, const char *text)
{
	struct mc_buf clean = { 0 };
	struct pen pen = { c, c->color ? sgr : NULL, false };
	const size_t width = c->width == 0 ? SIZE_MAX : c->width < 20 ? 20 : c->width;
	bool first = text[0] != ' ';
	mc_text_add(&clean, text, strlen(text));
	const char *p = mc_buf_text(&clean) + !first;
	while (*p) {
		size_t len = word_len(p), w = mc_text_width(p, len);
		if (!first && at + 1 + w > width) {
			pen_up(&pen);
			cli_newline(c);
			at = 0;
			first = true;
		}
		if (first && at < indent) {
			blanks(c, indent - at);
			at = indent;
		} else if (!first && len) {
			blanks(c, 1);
			at++;
		}
		pen_down(&pen);
		mc_buf_add(&c->out, p, len);
		first = first && len == 0;
		at += w;
		p += len;
		p += *p == ' ';
	}
	pen_up(&pen);
	c->out.failed = c->out.failed || clean.failed;
	mc_buf_release(&clean);
	return at;
}

void cli_line(struct cli *c, size_t indent, const char *sgr, const char *fmt, ...)
{
	struct mc_buf text = { 0 };
	va_list ap;
	va_start(ap, fmt);
	mc_buf_vprintf(&text, fmt, ap);
	va_end(ap);
	cli_para(c, 0, indent, sgr, mc_buf_text(&text));
	cli_newline(c);
	c->out.failed = c->out.failed || text.failed;
	mc_buf_release(&text);
}

void cli_heading(struct cli *c, const char *text)
{
	cli_newline(c);
	cli_line(c, 0, "1", "%s", text);
}

static const char *dash(char out[MC_TIME_TEXT])
{
	out[0] = '-';
	out[1] = '\0';
	return out;
}

const char *cli_when(const struct cli *c, int64_t ms, char out[MC_TIME_TEXT])
{
	if (ms == MC_NO_TIME || ms == 0)
		return dash(out);
	mc_time_text(ms, c->utc, out);
	if (!c->utc)
		out[16] = '\0'; /* people read minutes; --json has the rest */
	return out;
}

void cli_stale(struct cli *c, int64_t ms, int64_t interval_ms, const char *what)
{
	enum { LEAST_MS = 60000, TICKS = 3 };
	char when[MC_TIME_TEXT], age[MC_TIME_TEXT];
	int64_t late = TICKS * interval_ms > LEAST_MS ? TICKS * interval_ms : LEAST_MS;
	if (ms != MC_NO_TIME && ms != 0 && c->now_ms - ms > late)
		cli_line(c, 0, "33", "%s %s, %s ago.", what, cli_when(c, ms, when), mc_duration_text(c->now_ms - ms, age));
}

const char *cli_size(double bytes, char out[MC_TIME_TEXT])
{
	if (!isfinite(bytes))
		return dash(out);
	return mc_size_text(bytes, out);
}

const char *cli_rate(double bytes_per_second, char out[MC_TIME_TEXT])
{
	return cli_growth(bytes_per_second, false, out);
}

const char *cli_growth(double per_second, bool processes, char out[MC_TIME_TEXT])
{
	if (!isfinite(per_second))
		return dash(out);
	return mc_growth_text(per_second, processes, out);
}

const char *cli_commit(const char *commit, char out[MC_TIME_TEXT])
{
	snprintf(out, MC_TIME_TEXT, "%.12s", commit);
	return out;
}

const char *cli_release(const char *version, const char *commit, char out[MC_TIME_TEXT])
{
	const char *name = version && version[0] ? version : commit ? commit : "";
	snprintf(out, MC_TIME_TEXT, "%.*s", mc_name_len(name, MC_TIME_TEXT - 1), name);
	return out;
}

const char *cli_deploy_name(const struct mc_deploy_row *d, char out[MC_TIME_TEXT])
{
	if ((d->version && d->version[0]) || (d->commit && d->commit[0]))
		cli_release(d->version, d->commit, out);
	else
		snprintf(out, MC_TIME_TEXT, d->build_id && d->build_id[0] ? "build %.8s" : "-", d->build_id);
	return out;
}

int cli_print_json(struct cli *c, struct mc_json *j, struct mc_error *err)
{
	if (!j)
		return mc_nomem(err, "JSON");
	int rc = mc_json_text(j, MC_JSON_INDENT, &c->out, err);
	mc_buf_str(&c->out, "\n");
	mc_json_free(j);
	return rc;
}
