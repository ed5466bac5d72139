/* One program's page: the answer in words, its curves, why, and the deploys. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "html.h"

/* ---- the answer ---- */

static void fact(struct mc_buf *b, const char *name)
{
	mc_buf_printf(b, "<div><dt>%s</dt><dd>", name);
}

static void fact_end(struct mc_buf *b)
{
	mc_buf_str(b, "</dd></div>\n");
}

/* A moment, how far off it is, and its interval. */
static void between(struct mc_buf *b, const struct mc_page *page, int64_t at, int64_t lo, int64_t hi)
{
	char text[MC_TIME_TEXT];
	bool utc = page->utc;
	if (page->now_ms > 0)
		mc_buf_printf(b, at > page->now_ms ? "in %s" : "%s ago", mc_duration_text(at > page->now_ms ? at - page->now_ms : page->now_ms - at, text));
	mc_buf_str(b, " <small>");
	mc_h_time(b, at, utc);
	if (lo != MC_PAGE_NO_TIME && hi != MC_PAGE_NO_TIME) {
		mc_buf_str(b, "<br>between ");
		mc_h_time(b, lo, utc);
		mc_buf_str(b, "<br>and ");
		mc_h_time(b, hi, utc);
	}
	mc_buf_str(b, "</small>");
}

static void facts(struct mc_buf *b, const struct mc_page_detail *d)
{
	const struct mc_page_program *p = &d->program;
	mc_buf_str(b, "<dl class=\"facts\">\n");
	fact(b, p->gone_ms ? "Private memory then" : "Private memory now"), mc_h_size(b, p->private_bytes), fact_end(b);
	fact(b, "Growth"), mc_h_growth(b, p->growth, p->growth_of_processes);
	if (isfinite(d->slope_lo) && isfinite(d->slope_hi)) {
		mc_buf_str(b, " <small>");
		mc_h_growth(b, d->slope_lo, p->growth_of_processes);
		mc_buf_str(b, " to ");
		mc_h_growth(b, d->slope_hi, p->growth_of_processes);
		mc_buf_str(b, "<br>before: ");
		mc_h_growth(b, d->slope_before, p->growth_of_processes);
		mc_buf_str(b, "</small>");
	}
	fact_end(b);
	if (isfinite(d->grown_bytes))
		fact(b, "Grown by"), mc_h_size(b, d->grown_bytes), fact_end(b);
	if (p->onset_ms != MC_PAGE_NO_TIME)
		fact(b, "Growth began"), between(b, &d->page, p->onset_ms, d->onset_lo_ms, d->onset_hi_ms), fact_end(b);
	if (d->stopped_ms != MC_PAGE_NO_TIME) {
		fact(b, "Growth stopped");
		between(b, &d->page, d->stopped_ms, d->stopped_lo_ms, d->stopped_hi_ms);
		if (d->fixed_by) {
			mc_buf_str(b, "<small>with ");
			mc_h_release(b, d->fixed_by);
			mc_buf_str(b, "</small>");
		}
		fact_end(b);
	}
	if (p->exhaustion_ms != MC_PAGE_NO_TIME)
		fact(b, "Memory runs out"), between(b, &d->page, p->exhaustion_ms, d->exhaustion_lo_ms, d->exhaustion_hi_ms), fact_end(b);
	if (d->ambiguous_until_ms != MC_PAGE_NO_TIME)
		fact(b, "Will be clear by"), between(b, &d->page, d->ambiguous_until_ms, MC_PAGE_NO_TIME, MC_PAGE_NO_TIME), fact_end(b);
	fact(b, "Processes"), mc_h_value(b, "count", p->processes), fact_end(b);
	fact(b, "Runs"), mc_h_release(b, p->gone_ms ? "nothing" : p->version && p->version[0] ? p->version : "version not known"), fact_end(b);
	mc_buf_str(b, "</dl>\n");
}

static void answer(struct mc_buf *b, const struct mc_page_detail *d)
{
	mc_buf_str(b, "<div id=\"answer\">\n<h1>");
	mc_h_text(b, d->program.name);
	mc_buf_str(b, " ");
	mc_page_verdict(b, &d->page, &d->program);
	mc_buf_str(b, "</h1>\n");
	if (d->program.gone_ms) {
		mc_buf_str(b, "<p class=\"notice stale\" role=\"status\">Not running. What follows is its last state, ");
		mc_h_ago(b, &d->page, d->program.gone_ms, " old");
		mc_buf_str(b, ".</p>\n");
	}
	mc_buf_printf(b, "<p class=\"answer %s\">", mc_page_tone(&d->program));
	mc_h_sentence(b, d->program.answer ? d->program.answer : "There is no answer yet.", d->page.utc);
	mc_buf_str(b, "</p>\n");
	if (d->next && d->next[0]) {
		mc_buf_str(b, "<p class=\"next\">Next: <code>");
		mc_h_text(b, d->next);
		mc_buf_str(b, "</code></p>\n");
	}
	facts(b, d);
	mc_buf_str(b, "</div>\n");
}

/* ---- curves ---- */

/* What the script draws the marks from: JSON in an attribute, for no script may stand in the page. */
static int marks_json(const struct mc_page_detail *d, struct mc_buf *b, struct mc_error *err)
{
	struct mc_json *j = mc_json_new();
	struct mc_buf text = { 0 };
	if (!j)
		return mc_nomem(err, "the page");
	mc_json_object(j, NULL);
	const int64_t times[] = { d->program.onset_ms, d->onset_lo_ms, d->onset_hi_ms };
	static const char *const names[] = { "onset_ms", "onset_lo_ms", "onset_hi_ms" };
	for (size_t i = 0; i < 3; i++)
		if (times[i] != MC_PAGE_NO_TIME)
			mc_json_int(j, names[i], times[i]);
	mc_json_array(j, "deploys");
	for (size_t i = 0; i < d->ndeploys; i++) {
		const struct mc_page_deploy *p = &d->deploys[i];
		int64_t ms = p->first_seen_ms != MC_PAGE_NO_TIME ? p->first_seen_ms : p->deployed_ms;
		if (ms == MC_PAGE_NO_TIME)
			continue;
		mc_json_object(j, NULL);
		mc_json_int(j, "ms", ms);
		mc_json_str(j, "name", p->version && p->version[0] ? p->version : p->commit);
		mc_json_bool(j, "culprit", p->culprit);
		mc_json_bool(j, "fix", p->fix);
		mc_json_close(j);
	}
	mc_json_close(j);
	mc_json_close(j);
	int rc = mc_json_text(j, MC_JSON_COMPACT, &text, err);
	mc_json_free(j);
	if (!rc)
		mc_html_add(b, mc_buf_text(&text), text.len);
	mc_buf_release(&text);
	return rc;
}

/* Links that work without script; with it they only load other figures. */
static void spans(struct mc_buf *b, const struct mc_page_detail *d)
{
	static const char *const span[][2] = { { NULL, "all" }, { "-30d", "30 d" }, { "-7d", "7 d" }, { "-24h", "24 h" }, { "-6h", "6 h" }, { "-1h", "1 h" } };
	mc_buf_str(b, "<nav class=\"spans\" aria-label=\"Time shown\">");
	for (size_t i = 0; i < sizeof(span) / sizeof(span[0]); i++) {
		bool here = d->since && span[i][0] ? strcmp(d->since, span[i][0]) == 0 : !d->since && !span[i][0];
		mc_buf_str(b, "<a href=\"/?program=");
		mc_h_query(b, d->program.name);
		if (span[i][0])
			mc_buf_printf(b, "&amp;since=%s", span[i][0]);
		mc_buf_printf(b, "\"%s>%s</a>", here ? " aria-current=\"true\"" : "", span[i][1]);
	}
	mc_buf_str(b, "</nav>\n");
}

static int curves(struct mc_buf *b, const struct mc_page_detail *d, struct mc_error *err)
{
	enum { WIDTH = 1120, HEIGHT = 320, SMALL = 150 };
	mc_buf_str(b, "<section id=\"curves\" aria-label=\"curves\" data-program=\"");
	mc_h_text(b, d->program.name);
	mc_buf_str(b, "\" data-marks=\"");
	int rc = marks_json(d, b, err);
	mc_buf_str(b, "\">\n<div class=\"bar\"><h2>Curves</h2>\n");
	spans(b, d);
	mc_buf_str(b, "</div>\n");
	for (size_t i = 0, n; i < d->nseries && !rc; i += n) {
		const struct mc_curve *c = &d->series[i];
		unsigned height = i ? SMALL : HEIGHT;
		n = mc_curve_group(c, d->nseries - i);
		mc_buf_str(b, "<figure class=\"still\"><figcaption>");
		mc_h_text(b, c->group ? c->group : c->label ? c->label : c->name);
		mc_buf_printf(b, "</figcaption><svg viewBox=\"0 0 %d %u\" role=\"img\" font-family=\"system-ui, sans-serif\" font-size=\"12\">\n", WIDTH,
			height);
		rc = mc_svg_body(d, c, n, WIDTH, height, b, err);
		mc_buf_str(b, "</svg></figure>\n");
	}
	if (d->nseries == 0)
		mc_buf_str(b, "<p>No samples yet.</p>\n");
	mc_buf_str(b, "</section>\n");
	return rc;
}

/* ---- why, and what else it could be ---- */

/* A bar as SVG: the page's policy allows no style attribute. */
static void odd(struct mc_buf *b, const char *class, const char *name, const char *what, double p)
{
	mc_buf_printf(b, "<li class=\"%s\"><span class=\"who\">", class);
	mc_h_release(b, name);
	if (what) {
		mc_buf_str(b, " <small>");
		mc_h_text(b, what);
		mc_buf_str(b, "</small>");
	}
	mc_buf_str(b, "</span><svg viewBox=\"0 0 100 8\" preserveAspectRatio=\"none\" aria-hidden=\"true\"><rect class=\"rest\" width=\"100\" height=\"8\"/>");
	mc_buf_printf(b, "<rect class=\"part\" width=\"%.1f\" height=\"8\"/></svg><span class=\"n\">", p < 0 ? 0 : p > 1 ? 100 : p * 100);
	mc_h_percent(b, p);
	mc_buf_str(b, "</span></li>\n");
}

static int by_probability(const void *a, const void *b)
{
	const struct mc_page_deploy *x = *(const struct mc_page_deploy *const *)a, *y = *(const struct mc_page_deploy *const *)b;
	return (y->probability > x->probability) - (y->probability < x->probability);
}

static int odds(struct mc_buf *b, const struct mc_page_detail *d, struct mc_error *err)
{
	enum { MOST = 6 };
	size_t n = 0;
	const struct mc_page_deploy **at = calloc(d->ndeploys + 1, sizeof(*at));
	if (!at)
		return mc_nomem(err, "the page");
	for (size_t i = 0; i < d->ndeploys; i++)
		if (isfinite(d->deploys[i].probability))
			at[n++] = &d->deploys[i];
	qsort(at, n, sizeof(*at), by_probability);
	if (n || isfinite(d->not_a_deploy) || isfinite(d->no_change)) {
		mc_buf_str(b, "<section><h2>What began it</h2>\n<ol class=\"odds\">\n");
		double others = 0;
		for (size_t i = 0; i < n; i++) {
			const struct mc_page_deploy *p = at[i];
			if (i < MOST)
				odd(b, p->culprit ? "bad" : "calm", p->version && p->version[0] ? p->version : p->commit, NULL, p->probability);
			else
				others += p->probability;
		}
		if (n > MOST)
			odd(b, "calm", "other deploys", NULL, others);
		if (isfinite(d->not_a_deploy))
			odd(b, "calm", "no deploy", "a lasting change, begun by something else", d->not_a_deploy);
		if (isfinite(d->no_change))
			odd(b, "calm", "no lasting change", "steady, load, warm-up", d->no_change);
		mc_buf_str(b, "</ol></section>\n");
	}
	free(at);
	return 0;
}

static void evidence(struct mc_buf *b, const struct mc_page_detail *d)
{
	static const char *const title[] = { "Evidence", "Ruled out" };
	bool open = false;
	for (int against = 0; against < 2; against++) {
		bool any = false;
		for (size_t i = 0; i < d->nevidence; i++) {
			const struct mc_page_evidence *e = &d->evidence[i];
			if (e->against != (against == 1))
				continue;
			if (!any)
				mc_buf_printf(b, "%s<h2>%s</h2>\n<ul class=\"evidence\">\n", open ? "" : "<section>", title[against]);
			any = open = true;
			mc_buf_str(b, "<li><span class=\"kind\">");
			mc_h_text(b, e->kind);
			mc_buf_str(b, "</span> ");
			mc_h_text(b, e->text);
			mc_buf_str(b, "</li>\n");
		}
		if (any)
			mc_buf_str(b, "</ul>\n");
	}
	if (open)
		mc_buf_str(b, "</section>\n");
}

/* ---- deploys ---- */

static void deploy_name(struct mc_buf *b, const struct mc_page_deploy *p)
{
	mc_buf_printf(b, "<tr class=\"%s\"><th scope=\"row\">", p->culprit ? "bad" : p->fix ? "good" : "calm");
	mc_h_release(b, p->version && p->version[0] ? p->version : p->commit && p->commit[0] ? p->commit : "version not known");
	mc_buf_str(b, p->culprit ? " <span class=\"tag bad\">began it</span>" : p->fix ? " <span class=\"tag good\">ended it</span>" : "");
	if (p->commit && p->commit[0] && p->version && p->version[0]) {
		mc_buf_str(b, " <code>");
		mc_html_add(b, p->commit, strnlen(p->commit, 10));
		mc_buf_str(b, "</code>");
	}
	mc_buf_str(b, "</th>");
}

static void deploys(struct mc_buf *b, const struct mc_page_detail *d)
{
	bool utc = d->page.utc;
	mc_buf_str(b, "<section class=\"wide\"><h2>Deploys</h2>\n");
	if (d->ndeploys == 0)
		mc_buf_str(b, "<p class=\"note\">None has been seen or marked. A new build-id is recognised by itself; "
			"<code>memculprit mark</code> tells what cannot be.</p>\n");
	else
		mc_buf_str(b, "<table class=\"deploys\">\n<thead><tr><th scope=\"col\">Version</th><th scope=\"col\">Deployed</th>"
			"<th scope=\"col\">First seen running</th><th scope=\"col\" class=\"n\">Memory after</th>"
			"<th scope=\"col\" class=\"n\">Growth after</th><th scope=\"col\">Recognised by</th></tr></thead>\n<tbody>\n");
	for (size_t i = d->ndeploys; i-- > 0;) { /* the newest first */
		const struct mc_page_deploy *p = &d->deploys[i];
		deploy_name(b, p);
		mc_buf_str(b, "<td data-label=\"Deployed\">");
		mc_h_time(b, p->deployed_ms, utc);
		mc_buf_str(b, "</td><td data-label=\"First seen running\">");
		mc_h_time(b, p->first_seen_ms, utc);
		mc_buf_str(b, "</td><td class=\"n\" data-label=\"Memory after\">");
		mc_h_size(b, p->memory_after);
		mc_buf_str(b, "</td><td class=\"n\" data-label=\"Growth after\">");
		mc_h_growth(b, p->growth_after, p->growth_of_processes);
		mc_buf_str(b, "</td><td data-label=\"Recognised by\">");
		mc_h_text(b, p->how);
		mc_buf_str(b, "</td></tr>\n");
	}
	mc_buf_str(b, d->ndeploys ? "</tbody></table>\n</section>\n" : "</section>\n");
}

int mc_page_program(const struct mc_page_detail *d, struct mc_reply *reply, struct mc_error *err)
{
	struct mc_buf *b = &reply->body;
	mc_page_begin(b, &d->page, d->program.name, true);
	mc_buf_str(b, "<p class=\"crumb\"><a href=\"/\">All programs</a></p>\n");
	answer(b, d);
	int rc = curves(b, d, err);
	if (rc)
		return rc;
	mc_buf_str(b, "<div id=\"reasons\">\n");
	rc = odds(b, d, err);
	if (rc)
		return rc;
	evidence(b, d);
	mc_page_release(b, d);
	deploys(b, d);
	mc_buf_str(b, "</div>\n");
	mc_page_end(b, &d->page);
	return mc_page_finish(reply, 200, err);
}
