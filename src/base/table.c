/* Rows and columns for a terminal. */
#include "memculprit/base.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

struct column {
	char *title;
	enum mc_align align;
	size_t width;
};

struct cell {
	char *text;  /* clean UTF-8 */
	char *style; /* or NULL */
};

struct mc_table {
	struct column *columns;
	size_t ncolumns, columns_cap;
	struct cell *cells;
	size_t ncells, cells_cap;
	bool failed;
};

struct mc_table *mc_table_new(void)
{
	return calloc(1, sizeof(struct mc_table));
}

void mc_table_free(struct mc_table *t)
{
	if (!t)
		return;
	for (size_t i = 0; i < t->ncolumns; i++)
		free(t->columns[i].title);
	for (size_t i = 0; i < t->ncells; i++) {
		free(t->cells[i].text);
		free(t->cells[i].style);
	}
	free(t->columns);
	free(t->cells);
	free(t);
}

void mc_table_column(struct mc_table *t, const char *title, enum mc_align align)
{
	void *items = t->columns;
	char *copy = mc_strdup(title);
	if (!copy || mc_grow(&items, &t->columns_cap, t->ncolumns + 1, sizeof *t->columns, NULL) < 0) {
		free(copy);
		t->failed = true;
		return;
	}
	t->columns = items;
	t->columns[t->ncolumns++] = (struct column){ .title = copy, .align = align };
}

void mc_table_cell(struct mc_table *t, const char *style, const char *fmt, ...)
{
	struct mc_buf raw = { 0 }, clean = { 0 };
	va_list ap;
	va_start(ap, fmt);
	mc_buf_vprintf(&raw, fmt, ap);
	va_end(ap);
	mc_text_add(&clean, mc_buf_text(&raw), raw.len);
	mc_buf_add(&clean, "", 0);
	mc_buf_release(&raw);
	char *copy = mc_strdup(style);
	void *items = t->cells;
	if (clean.failed || (style && !copy) || mc_grow(&items, &t->cells_cap, t->ncells + 1, sizeof *t->cells, NULL) < 0) {
		mc_buf_release(&clean);
		free(copy);
		t->failed = true;
		return;
	}
	t->cells = items;
	t->cells[t->ncells++] = (struct cell){ .text = clean.data, .style = copy };
}

static void measure(struct mc_table *t, size_t limit)
{
	size_t total = 0, widest = SIZE_MAX;
	for (size_t i = 0; i < t->ncolumns; i++)
		t->columns[i].width = mc_text_width(t->columns[i].title, strlen(t->columns[i].title));
	for (size_t i = 0; i < t->ncells; i++) {
		struct column *c = &t->columns[i % t->ncolumns];
		size_t w = mc_text_width(t->cells[i].text, strlen(t->cells[i].text));
		c->width = w > c->width ? w : c->width;
	}
	for (size_t i = 0; i < t->ncolumns; i++) {
		total += t->columns[i].width + (i ? 2 : 0);
		if (t->columns[i].align == MC_LEFT && (widest == SIZE_MAX || t->columns[i].width > t->columns[widest].width))
			widest = i;
	}
	if (limit && total > limit && widest != SIZE_MAX) {
		size_t over = total - limit, w = t->columns[widest].width;
		t->columns[widest].width = w > over + 8 ? w - over : 8 < w ? 8 : w;
	}
}

static void blanks(struct mc_buf *b, size_t n)
{
	while (n-- > 0)
		mc_buf_add(b, " ", 1);
}

/* Appends text cut to `width` columns; returns the columns that it took. */
static size_t add_cut(struct mc_buf *b, const char *text, size_t width, bool ascii)
{
	size_t len = strlen(text), w = mc_text_width(text, len), i = 0;
	if (w <= width) {
		mc_buf_add(b, text, len);
		return w;
	}
	for (w = 0; i < len;) {
		size_t n = mc_utf8_len(text + i, len - i), c = mc_text_width(text + i, n ? n : 1);
		if (w + c + 1 > width)
			break;
		w += c;
		i += n ? n : 1;
	}
	mc_buf_add(b, text, i);
	mc_buf_str(b, ascii ? "~" : "…");
	return w + 1;
}

static void add_cell(struct mc_buf *out, const struct column *c, const char *text, const char *style, bool last, bool ascii)
{
	struct mc_buf cut = { 0 };
	size_t w = add_cut(&cut, text, c->width, ascii), pad = c->width > w ? c->width - w : 0;
	if (c->align == MC_RIGHT)
		blanks(out, pad);
	if (style)
		mc_buf_printf(out, "\033[%sm", style);
	mc_buf_add(out, mc_buf_text(&cut), cut.len);
	if (style)
		mc_buf_str(out, "\033[0m");
	if (c->align == MC_LEFT && !last)
		blanks(out, pad);
	if (!last)
		blanks(out, 2);
	out->failed |= cut.failed;
	mc_buf_release(&cut);
}

static void end_line(struct mc_buf *b)
{
	while (b->len > 0 && b->data[b->len - 1] == ' ')
		b->data[--b->len] = '\0';
	mc_buf_str(b, "\n");
}

int mc_table_print(struct mc_table *t, size_t width, bool color, bool ascii, struct mc_buf *out, struct mc_error *err)
{
	if (t->failed)
		return mc_nomem(err, "a table");
	const size_t n = t->ncolumns;
	assert(n > 0 && t->ncells % n == 0);
	measure(t, width);
	for (size_t i = 0; i < n; i++)
		add_cell(out, &t->columns[i], t->columns[i].title, color ? "1" : NULL, i + 1 == n, ascii);
	end_line(out);
	for (size_t i = 0; i < t->ncells; i++) {
		size_t k = i % n;
		const struct cell *cell = &t->cells[i];
		add_cell(out, &t->columns[k], cell->text, color ? cell->style : NULL, k + 1 == n, ascii);
		if (k + 1 == n)
			end_line(out);
	}
	return mc_buf_check(out, err);
}
