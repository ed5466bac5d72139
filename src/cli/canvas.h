/* A picture of dots on character cells: braille (2 x 4 dots a cell), or ASCII (1 x 2). */
#ifndef MEMCULPRIT_CLI_CANVAS_H
#define MEMCULPRIT_CLI_CANVAS_H

#include <stdbool.h>
#include <stddef.h>

struct mc_buf;

struct canvas {
	size_t columns, rows; /* cells */
	size_t dots_x, dots_y; /* dots in all */
	bool ascii;
	unsigned char *cells; /* bits of a cell */
	const char **lines;   /* a column's vertical line where no dot is, NULL: none; static text */
	const char **styles;  /* of that line */
};
/* False without memory; free it in any case. */
bool canvas_open(struct canvas *c, size_t columns, size_t rows, bool ascii);
/* Sets the dots of column x from y0 to y1 (0 is the bottom), both included. */
void canvas_stroke(struct canvas *c, size_t x, size_t y0, size_t y1);
/* Appends row r (0 is the top), styled where color is set. */
void canvas_row(const struct canvas *c, size_t r, bool color, struct mc_buf *out);
void canvas_free(struct canvas *c);

#endif
