/* plot PROGRAM: the memory curve with its deploys and the onset of growth, in the terminal or as SVG. */
#include "canvas.h"
#include "cli.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { LABELS = 10, ROWS = 14, PER_DOT = 4, MARKS_MAX = 52, WIDTH_MIN = 40, WIDTH_MAX = 200 };

/* From times and values to cells and dots. */
struct frame {
	struct canvas k;
	const struct mc_plot *p;
	const double *v;
	int64_t from, to;
	double lo, hi;
	bool count; /* not bytes */
	bool *on;   /* the deploys that get a letter */
	size_t left; /* deploys of this time that got none */
};

static size_t column_of(const struct frame *f, int64_t t, size_t columns)
{
	double x = f->to > f->from ? (double)(t - f->from) / (double)(f->to - f->from) : 0;
	size_t at = x <= 0 ? 0 : (size_t)(x * (double)columns);
	return at < columns ? at : columns - 1;
}

static size_t dot_of(const struct frame *f, double v)
{
	double y = (v - f->lo) / (f->hi - f->lo) * (double)(f->k.dots_y - 1);
	return y <= 0 ? 0 : (size_t)lround(y) < f->k.dots_y ? (size_t)lround(y) : f->k.dots_y - 1;
}

/* The range of values; from 0 where that costs less than half of the height. */
static void find_range(struct frame *f)
{
	f->lo = (double)INFINITY;
	f->hi = -(double)INFINITY;
	for (size_t i = 0; i < f->p->curves.n; i++)
		if (isfinite(f->v[i])) {
			f->lo = f->v[i] < f->lo ? f->v[i] : f->lo;
			f->hi = f->v[i] > f->hi ? f->v[i] : f->hi;
		}
	if (!isfinite(f->lo))
		f->lo = f->hi = 0;
	if (f->lo < f->hi / 2)
		f->lo = 0;
	double room = (f->hi - f->lo) * 0.05;
	f->hi += room > 0 ? room : f->hi > 0 ? f->hi / 10 : 1;
	f->lo = f->lo > room ? f->lo - room : 0;
}

/* Each column of dots holds the least and the largest of its instants, joined to the column before. */
static void draw_curve(struct frame *f)
{
	double last = (double)NAN;
	const size_t n = f->p->curves.n;
	for (size_t x = 0; x < f->k.dots_x; x++) {
		double lo = last, hi = last, end = (double)NAN;
		for (size_t i = x * n / f->k.dots_x; i < (x + 1) * n / f->k.dots_x && i < n; i++) {
			double v = f->v[i];
			if (!isfinite(v))
				continue;
			lo = v < lo || !isfinite(lo) ? v : lo;
			hi = v > hi || !isfinite(hi) ? v : hi;
			end = v;
		}
		last = end;
		if (isfinite(end))
			canvas_stroke(&f->k, x, dot_of(f, lo), dot_of(f, hi));
	}
}

static char letter_of(size_t i)
{
	return (char)(i < 26 ? 'a' + i : 'A' + (i - 26));
}

static bool matters(const struct mc_deploy_view *v)
{
	return v->culprit || v->fix || v->probability >= 0.001;
}

/* All deploys of the time shown; of too many those that the answer is about, then the newest. */
static int choose(struct frame *f, struct mc_error *err)
{
	const struct mc_deploys *d = &f->p->deploys;
	size_t n = 0, all = 0;
	if (!(f->on = calloc(d->n + 1, sizeof *f->on)))
		return mc_nomem(err, "a plot");
	for (int round = 0; round < 2; round++)
		for (size_t i = d->n; i-- > 0;) {
			const struct mc_deploy_view *v = &d->views[i];
			if (v->row.unix_ms < f->from || v->row.unix_ms > f->to || matters(v) != (round == 0))
				continue;
			all++;
			f->on[i] = n < MARKS_MAX;
			n += f->on[i];
		}
	f->left = all - n;
	return 0;
}

static const char *style_of(const struct mc_deploy_view *v)
{
	return v->culprit ? "1;31" : v->fix ? "1;32" : NULL;
}

/* Vertical lines, and a letter below each; deploys of one column share the letter of the last. */
static void draw_deploys(struct frame *f, char *letters, const char **styles)
{
	size_t n = 0;
	for (size_t i = 0; i < f->p->deploys.n; i++) {
		const struct mc_deploy_view *v = &f->p->deploys.views[i];
		if (!f->on[i])
			continue;
		size_t x = column_of(f, v->row.unix_ms, f->k.columns);
		while (x + 1 < f->k.columns && letters[x] != ' ')
			x++; /* beside the one that is there */
		letters[x] = letter_of(n++);
		styles[x] = style_of(v);
		f->k.lines[x] = f->k.ascii ? v->culprit ? "|" : ":" : v->culprit ? "┃" : "┊";
		f->k.styles[x] = v->culprit ? "31" : v->fix ? "32" : "2";
	}
}

static const char *value_text(const struct frame *f, double v, char out[MC_TIME_TEXT])
{
	if (!f->count)
		return mc_size_text(v, out);
	snprintf(out, MC_TIME_TEXT, "%.0f", v);
	return out;
}

static void put_rows(struct cli *c, struct frame *f)
{
	char text[MC_TIME_TEXT];
	for (size_t r = 0; r < f->k.rows; r++) {
		double v = f->hi - (f->hi - f->lo) * ((double)r + 0.5) / (double)f->k.rows;
		bool labelled = r == 0 || r == f->k.rows / 2 || r + 1 == f->k.rows;
		cli_put(c, NULL, "%*s ", LABELS - 1, labelled ? value_text(f, r == 0 ? f->hi : r + 1 == f->k.rows ? f->lo : v, text) : "");
		canvas_row(&f->k, r, c->color, &c->out);
		while (c->out.len && c->out.data[c->out.len - 1] == ' ')
			c->out.len--;
		cli_newline(c);
	}
}

/* One text line of `columns` cells behind the labels, trailing blanks cut. A blank has no style. */
static void put_cells(struct cli *c, const char *cells, const char *const *styles, size_t columns)
{
	while (columns > 0 && cells[columns - 1] == ' ')
		columns--;
	if (columns == 0)
		return;
	cli_put(c, NULL, "%*s", LABELS, "");
	for (size_t i = 0, n; i < columns; i += n) {
		for (n = 1; i + n < columns && styles[i + n] == styles[i];)
			n++;
		cli_put(c, styles[i], "%.*s", (int)n, cells + i);
	}
	cli_newline(c);
}

/* The interval in which growth began, as <--^--> under the curve. */
static void put_onset(struct cli *c, const struct frame *f, char *cells, const char **styles)
{
	static const char yellow[] = "33";
	const struct mc_plot *p = f->p;
	struct mc_buf t = { 0 };
	if (p->onset_ms == MC_NO_TIME || p->onset_ms < f->from || p->onset_ms > f->to)
		return;
	size_t w = f->k.columns, at = column_of(f, p->onset_ms, w);
	size_t lo = p->onset_lo_ms == MC_NO_TIME ? at : column_of(f, p->onset_lo_ms, w);
	size_t hi = p->onset_hi_ms == MC_NO_TIME ? at : column_of(f, p->onset_hi_ms, w);
	memset(cells, ' ', w);
	for (size_t i = lo; i <= hi && i < w; i++)
		cells[i] = '-';
	if (lo < at)
		cells[lo] = '<';
	if (hi > at)
		cells[hi] = '>';
	cells[at] = '^';
	for (size_t i = 0; i < w; i++)
		styles[i] = cells[i] == ' ' ? NULL : yellow;
	put_cells(c, cells, styles, w);
	mc_buf_str(&t, "growth began ");
	mc_interval_text(p->onset_ms, p->onset_lo_ms, p->onset_hi_ms, c->utc, &t);
	cli_put(c, NULL, "%*s", LABELS, "");
	cli_put(c, yellow, "^ ");

	cli_para(c, LABELS + 2, LABELS + 2, NULL, mc_buf_text(&t));
	cli_newline(c);
	mc_buf_release(&t);
}

static void put_axis(struct cli *c, const struct frame *f)
{
	char from[MC_TIME_TEXT], to[MC_TIME_TEXT];
	cli_when(c, f->from, from);
	cli_when(c, f->to, to);
	size_t used = strlen(from) + strlen(to), w = f->k.columns;
	cli_put(c, NULL, "%*s", LABELS, "");
	if (used + 2 <= w)
		cli_put(c, "2", "%s%*s%s", from, (int)(w - used), "", to);
	else
		cli_put(c, "2", "%s", from);
	cli_newline(c);
}

static void put_legend(struct cli *c, const struct frame *f)
{
	char when[MC_TIME_TEXT], size[MC_TIME_TEXT], rate[MC_TIME_TEXT], commit[MC_TIME_TEXT];
	size_t n = 0;
	for (size_t i = 0; i < f->p->deploys.n; i++) {
		const struct mc_deploy_view *v = &f->p->deploys.views[i];
		struct mc_buf t = { 0 };
		if (!f->on[i])
			continue;
		const char *name = cli_deploy_name(&v->row, commit);
		cli_put(c, style_of(v), "  %c ", letter_of(n++));
		mc_buf_printf(&t, "%.60s %s", name, cli_when(c, v->row.unix_ms, when));
		if (isfinite(v->memory_after))
			mc_buf_printf(&t, ", %s", cli_size(v->memory_after, size));
		if (isfinite(v->growth_after))
			mc_buf_printf(&t, ", %s", cli_growth(v->growth_after, v->growth_of_processes, rate));
		if (v->culprit)
			mc_buf_printf(&t, ": started the growth (%.0f %%)", 100 * v->probability);
		if (v->fix)
			mc_buf_str(&t, ": ended it");
		cli_para(c, 4, 4, style_of(v), mc_buf_text(&t));
		cli_newline(c);
		mc_buf_release(&t);
	}
	if (f->left)
		cli_line(c, 2, NULL, "and %zu more deploys without a letter; --since and --until show fewer", f->left);
}

static int draw(struct cli *c, struct frame *f, struct mc_error *err)
{
	static const char *const titles[] = { [MC_SIGNAL_NULL] = "private memory", [MC_SIGNAL_ANON] = "private memory, resident and swapped",
		[MC_SIGNAL_SHMEM] = "shared memory", [MC_SIGNAL_PROCESSES] = "processes" };
	const size_t w = f->k.columns;
	char *cells = malloc(w + 1);
	const char **styles = calloc(w, sizeof *styles);
	int rc = cells && styles ? choose(f, err) : mc_nomem(err, "a plot");
	if (rc == 0) {
		memset(cells, ' ', w);
		find_range(f);
		draw_curve(f);
		draw_deploys(f, cells, styles);
		cli_line(c, 0, "1", "%s: %s", f->p->program, titles[f->p->signal]);
		put_rows(c, f);
		put_cells(c, cells, styles, w);
		put_axis(c, f);
		put_onset(c, f, cells, styles);
		put_legend(c, f);
	}
	free(f->on);
	free(cells);
	free(styles);
	return rc;
}

static size_t width_of(const struct cli *c)
{
	size_t w = c->width ? c->width : 80;
	return w < WIDTH_MIN ? WIDTH_MIN : w > WIDTH_MAX ? WIDTH_MAX : w;
}

static int print(struct cli *c, const struct mc_plot *p, struct mc_error *err)
{
	struct frame f = { .p = p, .v = mc_plot_values(p), .from = p->curves.t_ms[0], .to = p->curves.t_ms[p->curves.n - 1],
		.count = p->signal == MC_SIGNAL_PROCESSES };
	if (c->json) {
		struct mc_json *j = mc_json_new();
		if (j)
			mc_plot_json(j, NULL, p);
		return cli_print_json(c, j, err);
	}
	int rc = canvas_open(&f.k, width_of(c) - LABELS, ROWS, c->ascii) ? draw(c, &f, err) : mc_nomem(err, "a plot");
	canvas_free(&f.k);
	return rc;
}

/* Written beside its name first, so that a full disk leaves what was there. "-": standard output. */
static int write_svg(struct cli *c, const struct mc_plot *p, const char *path, struct mc_error *err)
{
	struct mc_buf svg = { 0 }, temporary = { 0 };
	int rc = mc_plot_svg(p, c->utc, 1000, 320, &svg, err);
	if (rc == 0 && strcmp(path, "-") == 0) {
		mc_buf_add(&c->out, svg.data, svg.len);
		c->json = true; /* as it is, in every locale */
	} else if (rc == 0) {
		mc_buf_printf(&temporary, "%s.tmp", path);
		int fd = temporary.failed ? -1 : open(mc_buf_text(&temporary), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
		bool ok = fd >= 0 && write(fd, svg.data, svg.len) == (ssize_t)svg.len;
		int why = errno;
		if (fd >= 0 && close(fd) < 0 && ok) {
			ok = false;
			why = errno;
		}
		if (!ok || rename(mc_buf_text(&temporary), path) < 0) {
			rc = mc_fail(err, MC_EIO, ok ? errno : why ? why : ENOSPC, "%s", path);
			unlink(mc_buf_text(&temporary));
		}
	}
	if (rc == 0 && strcmp(path, "-") != 0)
		cli_line(c, 0, NULL, "Drawn into %s.", path);
	mc_buf_release(&svg);
	mc_buf_release(&temporary);
	return rc;
}

int cmd_plot(struct cli *c, struct mc_error *err)
{
	struct cli_db db;
	struct mc_plot p;
	const char *svg = cli_option(c, "svg");
	struct mc_plot_query q = { .program = c->operands[0], .since_ms = MC_NO_TIME, .until_ms = MC_NO_TIME,
		.n = svg ? 4000 : (width_of(c) - LABELS) * 2 * PER_DOT };
	int rc = cli_time(c, "since", &q.since_ms, err);
	if (rc >= 0)
		rc = cli_time(c, "until", &q.until_ms, err);
	if (rc < 0 || (rc = cli_db_open(c, MC_STORE_READ, &db, err)) < 0)
		return rc;
	cli_busy("reading", q.program);
	rc = mc_plot_read(db.store, &q, &p, err);
	cli_busy_end();
	if (rc == 0) {
		rc = svg ? write_svg(c, &p, svg, err) : print(c, &p, err);
		mc_plot_release(&p);
	}
	rc = cli_unknown_program(&db, q.program, rc, err);
	cli_db_close(&db);
	return rc;
}
