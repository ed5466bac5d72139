/* Dots on character cells. */
#include "canvas.h"

#include "memculprit/base.h"

#include <stdlib.h>

bool canvas_open(struct canvas *c, size_t columns, size_t rows, bool ascii)
{
	*c = (struct canvas){ .columns = columns, .rows = rows, .dots_x = columns * (ascii ? 1 : 2), .dots_y = rows * (ascii ? 2 : 4),
		.ascii = ascii, .cells = calloc(columns * rows, 1), .lines = calloc(columns, sizeof *c->lines),
		.styles = calloc(columns, sizeof *c->styles) };
	return c->cells && c->lines && c->styles;
}

/* Unicode 2800: bits 0-2 and 6 are the left column from the top, 3-5 and 7 the right one. */
static unsigned char bit_of(const struct canvas *c, size_t x, size_t from_top)
{
	static const unsigned char braille[2][4] = { { 1, 2, 4, 64 }, { 8, 16, 32, 128 } };
	return c->ascii ? (unsigned char)(1u << from_top) : braille[x][from_top];
}

void canvas_stroke(struct canvas *c, size_t x, size_t y0, size_t y1)
{
	const size_t w = c->ascii ? 1 : 2, h = c->ascii ? 2 : 4;
	for (size_t y = y0 < y1 ? y0 : y1; y <= (y0 < y1 ? y1 : y0) && y < c->dots_y && x < c->dots_x; y++) {
		size_t top = c->dots_y - 1 - y;
		c->cells[top / h * c->columns + x / w] |= bit_of(c, x % w, top % h);
	}
}

static void add_cell(const struct canvas *c, unsigned char bits, struct mc_buf *out)
{
	static const char *const ascii[] = { " ", "'", ".", ":" };
	if (c->ascii) {
		mc_buf_str(out, ascii[bits & 3]);
		return;
	}
	const unsigned code = 0x2800u + bits;
	const char text[3] = { (char)(0xe0 | code >> 12), (char)(0x80 | (code >> 6 & 63)), (char)(0x80 | (code & 63)) };
	mc_buf_add(out, text, 3);
}

static size_t last_used(const struct canvas *c, size_t r)
{
	size_t n = c->columns;
	while (n > 0 && !c->cells[r * c->columns + n - 1] && !c->lines[n - 1])
		n--;
	return n;
}

/* Changes the colour where it is another. */
static void wear(const char **worn, const char *style, struct mc_buf *out)
{
	if (*worn == style)
		return;
	if (*worn)
		mc_buf_str(out, "\033[0m");
	if (style)
		mc_buf_printf(out, "\033[%sm", style);
	*worn = style;
}

void canvas_row(const struct canvas *c, size_t r, bool color, struct mc_buf *out)
{
	static const char curve[] = "34";
	const char *worn = NULL;
	for (size_t i = 0, n = last_used(c, r); i < n; i++) {
		unsigned char bits = c->cells[r * c->columns + i];
		bool blank = !bits && !c->lines[i];
		wear(&worn, !color || blank ? NULL : bits ? curve : c->styles[i], out);
		if (bits)
			add_cell(c, bits, out);
		else
			mc_buf_str(out, blank ? " " : c->lines[i]);
	}
	wear(&worn, NULL, out);
}

void canvas_free(struct canvas *c)
{
	free(c->cells);
	free(c->lines);
	free(c->styles);
}
