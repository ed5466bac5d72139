/* Small helpers of the page and the curve. NULL text is nothing; a time or number not known is a dash. */
#ifndef MEMCULPRIT_HTML_H
#define MEMCULPRIT_HTML_H

#include "serve_priv.h"

void mc_h_text(struct mc_buf *b, const char *s);
/* The name of a release: of a whole commit id its first 12 digits. */
void mc_h_release(struct mc_buf *b, const char *name);
/* A sentence of the answer: its RFC 3339 times in UTC, and "14:07:00Z" of the same day behind one, become <time>. */
void mc_h_sentence(struct mc_buf *b, const char *s, bool utc);
/* Percent-encoded for a query string. */
void mc_h_query(struct mc_buf *b, const char *s);
void mc_h_time(struct mc_buf *b, int64_t ms, bool utc);
void mc_h_size(struct mc_buf *b, double bytes);
/* "+1.2 MiB/h" */
void mc_h_growth(struct mc_buf *b, double per_second, bool processes);
void mc_h_percent(struct mc_buf *b, double ratio);
/* A value of a curve with the unit that mc_curve names. */
void mc_h_value(struct mc_buf *b, const char *unit, double v);
/* Axis, marks, band and the n curves of one chart (one unit), as the content of an <svg> element of that size. */
int mc_svg_body(const struct mc_page_detail *d, const struct mc_curve *c, size_t n, unsigned width, unsigned height, struct mc_buf *b,
	struct mc_error *err);

/* ---- page.c: what every page has ---- */
void mc_page_begin(struct mc_buf *b, const struct mc_page *p, const char *title, bool live);
void mc_page_end(struct mc_buf *b, const struct mc_page *p);
int mc_page_finish(struct mc_reply *reply, int status, struct mc_error *err);
/* "<strong>15 min old</strong>, of TIME", with that word behind the duration. */
void mc_h_ago(struct mc_buf *b, const struct mc_page *p, int64_t ms, const char *word);
/* "bad", "good", "calm", or "gone": it does not run. */
const char *mc_page_tone(const struct mc_page_program *p);
void mc_page_verdict(struct mc_buf *b, const struct mc_page *page, const struct mc_page_program *p);

/* ---- page_release.c: commits, places and the diff of the release ---- */
void mc_page_release(struct mc_buf *b, const struct mc_page_detail *d);

#endif
