/* CSV as RFC 4180 has it, with LF or CRLF. Fields point into the text; only a field with doubled
 * quotes is copied. */
#include "memculprit/base.h"

#include <stdlib.h>
#include <string.h>

enum { FIELDS_MAX = 4096 };

void mc_csv_init(struct mc_csv *c, const char *file, const char *text, size_t len)
{
	*c = (struct mc_csv){ .file = file, .at = text, .end = text + len };
	if (len >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0)
		c->at += 3; /* a byte order mark, as spreadsheets write it */
}

int mc_csv_fail(const struct mc_csv *c, size_t field, const char *name, struct mc_error *err, const char *what)
{
	return mc_fail(err, MC_EFORMAT, 0, "%s:%u:%zu: %s%s%s", c->file, c->line, field + 1, name ? name : "", name ? ": " : "", what);
}

/* Finds the end of the quoted field that begins behind c->at, and undoubles its quotes. */
static int quoted(struct mc_csv *c, const char *line_end, struct mc_csv_field *f, struct mc_error *err)
{
	const char *from = c->at + 1, *p = from;
	size_t kept = c->quoted.len;
	bool doubled = false;
	for (;; p += 2) {
		p = memchr(p, '"', (size_t)(line_end - p));
		if (!p)
			return mc_csv_fail(c, c->count, NULL, err, "a quote that does not end on this line");
		if (p + 1 >= line_end || p[1] != '"')
			break;
		doubled = true;
	}
	*f = (struct mc_csv_field){ from, (size_t)(p - from) };
	c->at = p + 1;
	if (!doubled)
		return 0;
	for (const char *q = from; q < p; q += *q == '"' ? 2 : 1)
		mc_buf_add(&c->quoted, q, 1);
	f->s = NULL; /* the buffer may move: an offset until the row is complete */
	f->len = c->quoted.len - kept;
	return mc_buf_check(&c->quoted, err);
}

static void settle(struct mc_csv *c)
{
	const char *at = mc_buf_text(&c->quoted);
	for (size_t i = 0; i < c->count; i++)
		if (!c->fields[i].s) {
			c->fields[i].s = at;
			at += c->fields[i].len;
		}
}

static int add_field(struct mc_csv *c, struct mc_csv_field f, struct mc_error *err)
{
	void *items = c->fields;
	if (c->count >= FIELDS_MAX)
		return mc_csv_fail(c, c->count, NULL, err, "more than 4096 fields");
	int rc = mc_grow(&items, &c->cap, c->count + 1, sizeof *c->fields, err);
	c->fields = items;
	if (rc == 0)
		c->fields[c->count++] = f;
	return rc;
}

static int split(struct mc_csv *c, const char *line_end, struct mc_error *err)
{
	for (;;) {
		struct mc_csv_field f = { 0 };
		int rc = 0;
		if (c->at < line_end && *c->at == '"') {
			rc = quoted(c, line_end, &f, err);
			if (rc == 0 && c->at < line_end && *c->at != ',')
				return mc_csv_fail(c, c->count, NULL, err, "text behind a closing quote");
		} else {
			const char *comma = memchr(c->at, ',', (size_t)(line_end - c->at));
			const char *end = comma ? comma : line_end;
			f = (struct mc_csv_field){ c->at, (size_t)(end - c->at) };
			c->at = end;
		}
		if (rc < 0 || (rc = add_field(c, f, err)) < 0)
			return rc;
		if (c->at >= line_end)
			return 0;
		c->at++; /* the comma */
	}
}

int mc_csv_next(struct mc_csv *c, struct mc_error *err)
{
	c->count = 0;
	c->quoted.len = 0;
	while (c->at < c->end) {
		const char *nl = memchr(c->at, '\n', (size_t)(c->end - c->at));
		const char *next = nl ? nl + 1 : c->end, *line_end = nl ? nl : c->end;
		c->line++;
		if (line_end > c->at && line_end[-1] == '\r')
			line_end--;
		if (line_end == c->at) {
			c->at = next;
			continue;
		}
		if (memchr(c->at, '\0', (size_t)(line_end - c->at)))
			return mc_csv_fail(c, 0, NULL, err, "a NUL byte; this is not a CSV file");
		int rc = split(c, line_end, err);
		if (rc == 0)
			settle(c);
		c->at = next;
		return rc;
	}
	return MC_CSV_END;
}

void mc_csv_release(struct mc_csv *c)
{
	free(c->fields);
	mc_buf_release(&c->quoted);
	*c = (struct mc_csv){ 0 };
}

void mc_csv_add(struct mc_buf *b, const char *s)
{
	if (!strpbrk(s, ",\"\r\n")) {
		mc_buf_str(b, s);
		return;
	}
	mc_buf_str(b, "\"");
	for (; *s; s++) {
		/* our rows are lines: a newline inside a name becomes a blank */
		if (*s == '"')
			mc_buf_str(b, "\"\"");
		else
			mc_buf_add(b, *s == '\n' || *s == '\r' ? " " : s, 1);
	}
	mc_buf_str(b, "\"");
}
