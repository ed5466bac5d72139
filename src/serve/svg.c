/* One chart as SVG: for the page without script, for `plot --svg`, for reports. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "html.h"

struct frame {
	double x0, x1, y0, y1; /* of the drawing area; y0 is its lower edge */
	double lo, hi;         /* values at its edges */
	const struct mc_span *span;
	bool utc;
};

static double x_of(const struct frame *f, int64_t ms)
{
	double part = (double)(ms - f->span->start_ms) / (double)(f->span->end_ms - f->span->start_ms);
	return f->x0 + (part < 0 ? 0 : part > 1 ? 1 : part) * (f->x1 - f->x0);
}

static double y_of(const struct frame *f, double v)
{
	return f->y0 - (v - f->lo) / (f->hi - f->lo) * (f->y0 - f->y1);
}

/* A step of 1, 2 or 5 times a power of ten (of two for bytes) that gives at most `most` steps. */
static double value_step(double range, int most, bool binary)
{
	double step = binary ? 1 : pow(10, floor(log10(range / most)));
	for (int guard = 0; guard < 200; guard++) {
		static const double decimal[] = { 1, 2, 5 };
		if (binary && range / step <= most)
			return step;
		for (size_t i = 0; i < 3 && !binary; i++)
			if (range / (step * decimal[i]) <= most)
				return step * decimal[i];
		step *= binary ? 2 : 10;
	}
	return range;
}

static void value_axis(struct mc_buf *b, struct frame *f, const char *unit, double lo, double hi)
{
	bool bytes = unit && strncmp(unit, "bytes", 5) == 0;
	if (!(hi > lo)) {
		lo = lo > 0 ? 0 : lo - 1;
		hi = hi > 0 ? hi : hi + 1;
	}
	/* From zero: a leak is judged by how much it is of the whole. */
	if (lo > 0)
		lo = 0;
	double step = value_step(hi - lo, 6, bytes && hi - lo > 8);
	f->lo = floor(lo / step) * step;
	f->hi = ceil(hi / step) * step;
	for (int i = 0; i <= 8 && f->lo + i * step <= f->hi * (1 + 1e-9); i++) {
		double v = f->lo + i * step, y = y_of(f, v);
		mc_buf_printf(b, "<line class=\"grid\" x1=\"%.1f\" x2=\"%.1f\" y1=\"%.1f\" y2=\"%.1f\" stroke=\"#d8dde4\"/>", f->x0, f->x1, y, y);
		mc_buf_printf(b, "<text class=\"tick\" x=\"%.1f\" y=\"%.1f\" text-anchor=\"end\" fill=\"#5b6675\">", f->x0 - 6, y + 4);
		mc_h_value(b, unit, v);
		mc_buf_str(b, "</text>\n");
	}
}

static void time_axis(struct mc_buf *b, const struct frame *f)
{
	int64_t length = f->span->end_ms - f->span->start_ms;
	int most = (int)((f->x1 - f->x0) / 130);
	for (int i = 0; i <= most; i++) {
		char text[MC_TIME_TEXT];
		int64_t ms = f->span->start_ms + (most ? length / most * i : 0);
		mc_time_text(ms, f->utc, text);
		/* Seconds only where the whole span is short. */
		if (strlen(text) >= 16 && length > 600000)
			text[16] = '\0';
		if (text[10] == 'T')
			text[10] = ' ';
		mc_buf_printf(b, "<text class=\"tick\" x=\"%.1f\" y=\"%.1f\" text-anchor=\"%s\" fill=\"#5b6675\">%s</text>\n", x_of(f, ms),
			f->y0 + 18, i == 0 ? "start" : i == most ? "end" : "middle", text);
	}
}

static void onset_band(struct mc_buf *b, const struct frame *f, const struct mc_page_detail *d)
{
	int64_t lo = d->onset_lo_ms, hi = d->onset_hi_ms, at = d->program.onset_ms;
	if (lo != MC_PAGE_NO_TIME && hi != MC_PAGE_NO_TIME && hi >= f->span->start_ms && lo < f->span->end_ms) {
		double x = x_of(f, lo), w = x_of(f, hi) - x;
		mc_buf_printf(b, "<rect class=\"onset\" x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\" fill=\"#b3261e\" fill-opacity=\"0.15\">"
			"<title>growth began in here (95 %%)</title></rect>\n", x, f->y1, w < 2 ? 2 : w, f->y0 - f->y1);
	}
	if (at != MC_PAGE_NO_TIME && at >= f->span->start_ms && at < f->span->end_ms)
		mc_buf_printf(b, "<line class=\"onset-line\" x1=\"%.1f\" x2=\"%.1f\" y1=\"%.1f\" y2=\"%.1f\" stroke=\"#b3261e\"/>\n", x_of(f, at), x_of(f, at),
			f->y1, f->y0);
}

static void deploy_marks(struct mc_buf *b, const struct frame *f, const struct mc_page_detail *d)
{
	enum { MOST = 200 };
	double free_from = f->x0;
	for (size_t i = 0; i < d->ndeploys && i < MOST; i++) {
		const struct mc_page_deploy *p = &d->deploys[i];
		int64_t ms = p->first_seen_ms != MC_PAGE_NO_TIME ? p->first_seen_ms : p->deployed_ms;
		if (ms == MC_PAGE_NO_TIME || ms < f->span->start_ms || ms >= f->span->end_ms)
			continue;
		double x = x_of(f, ms);
		const char *color = p->culprit ? "#b3261e" : p->fix ? "#1b6e3c" : "#5b6675";
		mc_buf_printf(b, "<g class=\"deploy%s%s\"><line x1=\"%.1f\" x2=\"%.1f\" y1=\"%.1f\" y2=\"%.1f\" stroke=\"%s\" stroke-dasharray=\"4 3\"/>",
			p->culprit ? " culprit" : "", p->fix ? " fix" : "", x, x, f->y1 - 6, f->y0, color);
		const char *name = p->version && p->version[0] ? p->version : p->commit;
		char brief[13];
		snprintf(brief, sizeof(brief), "%s", name ? name : "");
		/* A label only where it does not run into the last one. */
		if (x >= free_from || p->culprit) {
			mc_buf_printf(b, "<text x=\"%.1f\" y=\"%.1f\" fill=\"%s\">", x + 3, f->y1 - 8, color);
			mc_h_text(b, brief);
			mc_buf_str(b, "</text>");
			free_from = x + 8 * (double)strlen(brief) + 10;
		}
		mc_buf_str(b, "<title>");
		mc_h_text(b, name);
		mc_buf_str(b, "</title></g>\n");
	}
}

/* The line through the last values, broken where nothing was seen for long, over a band of least to largest. */
static void draw_line(struct mc_buf *b, const struct frame *f, size_t index, const double *v, size_t n)
{
	enum { GAP = 10, COLORS = 4 };
	static const char *const color[COLORS] = { "#1f5fbf", "#7a3fb0", "#0f7b78", "#96640a" };
	const double *min = v, *max = v + n, *last = v + 2 * n;
	size_t seen = SIZE_MAX;
	mc_buf_printf(b, "<path class=\"line l%zu\" fill=\"none\" stroke=\"%s\" stroke-width=\"1.500\" d=\"", index % COLORS, color[index % COLORS]);
	for (size_t i = 0; i < n; i++) {
		if (isnan(last[i]))
			continue;
		double x = x_of(f, f->span->start_ms + (int64_t)i * f->span->step_ms + f->span->step_ms / 2);
		bool joined = seen != SIZE_MAX && i - seen <= GAP;
		if (y_of(f, min[i]) - y_of(f, max[i]) > 0.5) /* seen at all */
			mc_buf_printf(b, "%c%.1f %.1fL%.1f %.1fL%.1f %.1f", joined ? 'L' : 'M', x, y_of(f, min[i]), x, y_of(f, max[i]), x,
				y_of(f, last[i]));
		else
			mc_buf_printf(b, "%c%.1f %.1f", joined ? 'L' : 'M', x, y_of(f, last[i]));
		if (!joined)
			mc_buf_str(b, "h.1"); /* a lone point is seen too */
		seen = i;
	}
	mc_buf_str(b, "\"/>\n");
}

static void draw_chart(struct mc_buf *b, struct frame *f, const struct mc_page_detail *d, const struct mc_curve *c, size_t n, const double *v,
	size_t buckets)
{
	double lo = (double)INFINITY, hi = -(double)INFINITY;
	for (size_t k = 0; k < n; k++)
		for (size_t i = 0; i < buckets; i++) {
			const double *one = v + 3 * k * buckets;
			lo = one[i] < lo ? one[i] : lo;
			hi = one[buckets + i] > hi ? one[buckets + i] : hi;
		}
	if (!isfinite(lo) || !isfinite(hi)) {
		mc_buf_printf(b, "<text class=\"tick\" x=\"%.0f\" y=\"%.0f\" text-anchor=\"middle\" fill=\"#5b6675\">no samples in this span</text>\n",
			(f->x0 + f->x1) / 2, (f->y0 + f->y1) / 2);
		return;
	}
	value_axis(b, f, c->unit, lo, hi);
	time_axis(b, f);
	onset_band(b, f, d);
	for (size_t k = 0; k < n; k++)
		draw_line(b, f, k, v + 3 * k * buckets, buckets);
	deploy_marks(b, f, d);
}

int mc_svg_body(const struct mc_page_detail *d, const struct mc_curve *c, size_t n, unsigned width, unsigned height, struct mc_buf *b,
	struct mc_error *err)
{
	struct mc_span span = d->span;
	/* Half as many buckets as pixels for one chart, a third for a low one: each draws from its least to its largest value. */
	int64_t length = span.end_ms - span.start_ms, most = (int64_t)width / (height < 200 ? 3 : 2);
	if (length <= 0)
		return mc_fail(err, MC_EUSAGE, 0, "the span of the curve is empty");
	if (span.step_ms < length / most + 1)
		span.step_ms = length / most + 1;
	size_t buckets = mc_span_buckets(&span);
	double *v = mc_reallocarray(NULL, 3 * n * (buckets + 1), sizeof(*v));
	if (!v)
		return mc_nomem(err, "a curve");
	for (size_t k = 0; k < n; k++) {
		double *one = v + 3 * k * buckets;
		mc_downsample(&c[k], &span, one, one + buckets, one + 2 * buckets);
		if (c[k].last_only) {
			memcpy(one, one + 2 * buckets, buckets * sizeof(*v));
			memcpy(one + buckets, one + 2 * buckets, buckets * sizeof(*v));
		}
	}
	struct frame f = { .x0 = 80, .x1 = width - 10.0, .y0 = height - 26.0, .y1 = 26, .span = &span, .utc = d->page.utc };
	draw_chart(b, &f, d, c, n, v, buckets);
	free(v);
	return mc_buf_check(b, err);
}

int mc_svg_curve(const struct mc_page_detail *d, unsigned width, unsigned height, struct mc_buf *out, struct mc_error *err)
{
	if (width < 200 || height < 100 || width > 10000 || height > 10000)
		return mc_fail(err, MC_EUSAGE, 0, "a curve is 200x100 to 10000x10000 pixels");
	if (d->nseries == 0)
		return mc_fail(err, MC_ENOTFOUND, 0, "there is no series to draw");
	mc_buf_printf(out, "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %u %u\" width=\"%u\" height=\"%u\" role=\"img\" "
		"font-family=\"system-ui, sans-serif\" font-size=\"12\">\n<title>", width, height, width, height);
	mc_h_text(out, d->program.name);
	if (d->program.answer) {
		mc_buf_str(out, ": ");
		mc_h_text(out, d->program.answer);
	}
	mc_buf_str(out, "</title>\n<rect class=\"paper\" width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n");
	int rc = mc_svg_body(d, d->series, mc_curve_group(d->series, d->nseries), width, height, out, err);
	mc_buf_str(out, "</svg>\n");
	return rc ? rc : mc_buf_check(out, err);
}
