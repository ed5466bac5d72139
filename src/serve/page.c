/* The page: HTML from plain structs. It reads well without script or colour; every text is escaped. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "html.h"

static void begin(struct mc_buf *b, const struct mc_page *p, const char *title, bool live)
{
	mc_buf_str(b, "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
		"<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>");
	if (title) {
		mc_h_text(b, title);
		mc_buf_str(b, " – ");
	}
	mc_buf_str(b, "memculprit</title>\n<link rel=\"icon\" href=\"/assets/favicon.svg\">\n"
		"<link rel=\"stylesheet\" href=\"/assets/page.css\">\n");
	if (live)
		for (size_t i = 0; i < mc_nassets; i++) {
			if (strcmp(mc_assets[i].name, "uPlot.min.css") == 0)
				mc_buf_str(b, "<link rel=\"stylesheet\" href=\"/assets/uPlot.min.css\">\n");
			if (strcmp(mc_assets[i].name, "uPlot.iife.min.js") == 0)
				mc_buf_str(b, "<script src=\"/assets/uPlot.iife.min.js\" defer></script>\n");
			if (strcmp(mc_assets[i].name, "page.js") == 0)
				mc_buf_str(b, "<script src=\"/assets/page.js\" defer></script>\n");
		}
	mc_buf_str(b, "</head>\n<body>\n<header>\n<p class=\"brand\"><a href=\"/\">memculprit</a></p>\n<p class=\"host\" id=\"host\">");
	mc_h_text(b, p->host_line);
	mc_buf_str(b, "</p>\n</header>\n");
	if (p->notice) {
		mc_buf_str(b, "<p class=\"notice\" role=\"status\">");
		mc_h_text(b, p->notice);
		mc_buf_str(b, "</p>\n");
	}
	mc_buf_str(b, "<main id=\"main\">\n");
}

static void end(struct mc_buf *b, const struct mc_page *p)
{
	mc_buf_str(b, "</main>\n<footer><p>");
	if (p->now_ms > 0) {
		mc_buf_str(b, "As of ");
		mc_h_time(b, p->now_ms, p->utc);
		mc_buf_str(b, ". ");
	}
	mc_buf_str(b, "<a href=\"");
	mc_h_text(b, p->telemetry_path ? p->telemetry_path : "/metrics");
	mc_buf_str(b, "\">Metrics</a> · <a href=\"/api/v1/programs\">Programs as JSON</a> · <a href=\"/api/v1/deploys\">Deploys as JSON</a> · memculprit ");
	mc_h_text(b, p->version);
	mc_buf_str(b, "</p></footer>\n</body>\n</html>\n");
}

static int finish(struct mc_reply *reply, int status, struct mc_error *err)
{
	reply->status = status;
	reply->content_type = "text/html; charset=utf-8";
	return mc_buf_check(&reply->body, err);
}

/* ---- the index ---- */

/* "bad" is what somebody has to act on. The word says it too. */
static const char *tone(const struct mc_page_program *p)
{
	bool stands = p->state && strcmp(p->state, "active") == 0;
	if (stands && p->verdict && (strcmp(p->verdict, "leak") == 0 || strcmp(p->verdict, "step") == 0))
		return "bad";
	if (p->state && strcmp(p->state, "fixed") == 0)
		return "good";
	return "calm";
}

static void verdict_words(struct mc_buf *b, const struct mc_page_program *p)
{
	static const char *const words[][2] = { { "insufficient_data", "not enough data yet" }, { "none", "no growth" },
		{ "load", "follows load" } };
	const char *word = p->verdict ? p->verdict : "not looked at yet";
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (strcmp(word, words[i][0]) == 0)
			word = words[i][1];
	mc_buf_printf(b, "<span class=\"tag %s\">", tone(p));
	mc_h_text(b, word);
	if (p->state) {
		mc_buf_str(b, ", ");
		mc_h_text(b, p->state);
	}
	mc_buf_str(b, "</span>");
}

static void spark(struct mc_buf *b, const struct mc_page_program *p)
{
	double lo = (double)INFINITY, hi = -(double)INFINITY;
	for (size_t i = 0; i < p->nspark; i++) {
		lo = p->spark[i] < lo ? p->spark[i] : lo;
		hi = p->spark[i] > hi ? p->spark[i] : hi;
	}
	if (p->nspark < 2 || !isfinite(lo) || !isfinite(hi))
		return;
	mc_buf_str(b, "<svg class=\"spark\" viewBox=\"0 0 120 28\" width=\"120\" height=\"28\" aria-hidden=\"true\"><path class=\"line\" "
		"fill=\"none\" stroke=\"#1f5fbf\" stroke-width=\"1.500\" d=\"");
	bool joined = false;
	for (size_t i = 0; i < p->nspark; i++) {
		bool here = isfinite(p->spark[i]);
		if (here)
			mc_buf_printf(b, "%c%.1f %.1f", joined ? 'L' : 'M', 1 + 118.0 * (double)i / (double)(p->nspark - 1),
				hi > lo ? 26 - 24 * (p->spark[i] - lo) / (hi - lo) : 14.0);
		joined = here;
	}
	mc_buf_str(b, "\"/></svg>");
}

static void program_row(struct mc_buf *b, const struct mc_page *page, const struct mc_page_program *p)
{
	char text[MC_TIME_TEXT];
	mc_buf_printf(b, "<tr class=\"%s\"><th scope=\"row\"><a href=\"/?program=", tone(p));
	mc_h_query(b, p->name);
	mc_buf_str(b, "\">");
	mc_h_text(b, p->name);
	mc_buf_str(b, "</a></th><td data-label=\"Verdict\">");
	verdict_words(b, p);
	mc_buf_str(b, "</td><td class=\"n\" data-label=\"Private memory\">");
	mc_h_size(b, p->private_bytes);
	mc_buf_str(b, "</td><td class=\"n\" data-label=\"Growth\">");
	mc_h_growth(b, p->growth);
	mc_buf_str(b, "</td><td class=\"n\" data-label=\"Processes\">");
	mc_h_value(b, "count", p->processes);
	mc_buf_str(b, "</td><td data-label=\"Runs\">");
	mc_h_text(b, p->version && p->version[0] ? p->version : "–");
	mc_buf_str(b, "</td><td data-label=\"Began with\">");
	if (p->culprit) {
		mc_buf_str(b, "<strong>");
		mc_h_text(b, p->culprit);
		mc_buf_str(b, "</strong> ");
		mc_h_percent(b, p->probability);
	} else
		mc_buf_str(b, "–");
	mc_buf_str(b, "</td><td data-label=\"Memory runs out\">");
	if (p->exhaustion_ms != MC_PAGE_NO_TIME && p->exhaustion_ms > page->now_ms)
		mc_buf_printf(b, "in %s", mc_duration_text(p->exhaustion_ms - page->now_ms, text));
	else
		mc_buf_str(b, "–");
	mc_buf_str(b, "</td><td class=\"curve\">");
	spark(b, p);
	mc_buf_str(b, "</td></tr>\n");
	if (p->answer) {
		mc_buf_printf(b, "<tr class=\"words %s\"><td colspan=\"9\">", tone(p));
		mc_h_text(b, p->answer);
		mc_buf_str(b, "</td></tr>\n");
	}
}

int mc_page_index(const struct mc_page *p, struct mc_reply *reply, struct mc_error *err)
{
	struct mc_buf *b = &reply->body;
	begin(b, p, NULL, true);
	mc_buf_str(b, "<h1>Programs</h1>\n");
	if (p->nprograms == 0)
		mc_buf_str(b, "<p>No program has been seen yet: the first sample is taken within one tick.</p>\n");
	else {
		mc_buf_str(b, "<table class=\"programs\">\n<thead><tr><th scope=\"col\">Program</th><th scope=\"col\">Verdict</th>"
			"<th scope=\"col\" class=\"n\">Private memory</th><th scope=\"col\" class=\"n\">Growth</th>"
			"<th scope=\"col\" class=\"n\">Processes</th><th scope=\"col\">Runs</th><th scope=\"col\">Began with</th>"
			"<th scope=\"col\">Memory runs out</th><th scope=\"col\">Curve</th></tr></thead>\n<tbody>\n");
		for (size_t i = 0; i < p->nprograms; i++)
			program_row(b, p, &p->programs[i]);
		mc_buf_str(b, "</tbody></table>\n");
	}
	end(b, p);
	return finish(reply, 200, err);
}

int mc_page_error(const struct mc_page *p, int status, const char *text, struct mc_reply *reply, struct mc_error *err)
{
	struct mc_buf *b = &reply->body;
	begin(b, p, text, false);
	mc_buf_printf(b, "<h1>%d</h1>\n<p>", status);
	mc_h_text(b, text);
	mc_buf_str(b, "</p>\n<p><a href=\"/\">All programs</a></p>\n");
	end(b, p);
	return finish(reply, status, err);
}

/* ---- one program ---- */

static void fact(struct mc_buf *b, const char *name)
{
	mc_buf_printf(b, "<div><dt>%s</dt><dd>", name);
}

static void fact_end(struct mc_buf *b)
{
	mc_buf_str(b, "</dd></div>\n");
}

static void between(struct mc_buf *b, int64_t at, int64_t lo, int64_t hi, bool utc)
{
	mc_h_time(b, at, utc);
	if (lo != MC_PAGE_NO_TIME && hi != MC_PAGE_NO_TIME) {
		mc_buf_str(b, " <small>between ");
		mc_h_time(b, lo, utc);
		mc_buf_str(b, " and ");
		mc_h_time(b, hi, utc);
		mc_buf_str(b, "</small>");
	}
}

static void facts(struct mc_buf *b, const struct mc_page_detail *d)
{
	const struct mc_page_program *p = &d->program;
	bool utc = d->page.utc;
	mc_buf_str(b, "<dl class=\"facts\">\n");
	fact(b, "Private memory now"), mc_h_size(b, p->private_bytes), fact_end(b);
	fact(b, "Growth"), mc_h_growth(b, p->growth);
	if (isfinite(d->slope_lo) && isfinite(d->slope_hi)) {
		mc_buf_str(b, " <small>");
		mc_h_growth(b, d->slope_lo);
		mc_buf_str(b, " to ");
		mc_h_growth(b, d->slope_hi);
		mc_buf_str(b, ", before: ");
		mc_h_growth(b, d->slope_before);
		mc_buf_str(b, "</small>");
	}
	fact_end(b);
	if (isfinite(d->grown_bytes))
		fact(b, "Grown by"), mc_h_size(b, d->grown_bytes), fact_end(b);
	if (p->onset_ms != MC_PAGE_NO_TIME)
		fact(b, "Growth began"), between(b, p->onset_ms, d->onset_lo_ms, d->onset_hi_ms, utc), fact_end(b);
	if (d->stopped_ms != MC_PAGE_NO_TIME) {
		fact(b, "Growth stopped");
		between(b, d->stopped_ms, d->stopped_lo_ms, d->stopped_hi_ms, utc);
		if (d->fixed_by) {
			mc_buf_str(b, " with ");
			mc_h_text(b, d->fixed_by);
		}
		fact_end(b);
	}
	if (p->exhaustion_ms != MC_PAGE_NO_TIME)
		fact(b, "Memory runs out"), between(b, p->exhaustion_ms, d->exhaustion_lo_ms, d->exhaustion_hi_ms, utc), fact_end(b);
	if (d->ambiguous_until_ms != MC_PAGE_NO_TIME)
		fact(b, "Will be clear by"), mc_h_time(b, d->ambiguous_until_ms, utc), fact_end(b);
	fact(b, "Processes"), mc_h_value(b, "count", p->processes), fact_end(b);
	fact(b, "Runs"), mc_h_text(b, p->version && p->version[0] ? p->version : "version not known"), fact_end(b);
	mc_buf_str(b, "</dl>\n");
}

/* What the script draws the marks from: JSON in an attribute, for no script may stand in the page. */
static int marks_json(const struct mc_page_detail *d, struct mc_buf *b, struct mc_error *err)
{
	struct mc_json *j = mc_json_new();
	struct mc_buf text = { 0 };
	if (!j)
		return mc_nomem(err, "the page");
	mc_json_object(j, NULL);
	mc_json_int(j, "start_ms", d->span.start_ms);
	mc_json_int(j, "end_ms", d->span.end_ms);
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

static int curves(struct mc_buf *b, const struct mc_page_detail *d, struct mc_error *err)
{
	enum { WIDTH = 960, HEIGHT = 300, SMALL = 160 };
	mc_buf_str(b, "<section id=\"curves\" aria-label=\"curves\" data-program=\"");
	mc_h_text(b, d->program.name);
	mc_buf_str(b, "\" data-marks=\"");
	int rc = marks_json(d, b, err);
	mc_buf_str(b, "\">\n<h2>Curves</h2>\n");
	for (size_t i = 0; i < d->nseries && !rc; i++) {
		unsigned height = i ? SMALL : HEIGHT;
		mc_buf_str(b, "<figure class=\"still\"><figcaption>");
		mc_h_text(b, d->series[i].label ? d->series[i].label : d->series[i].name);
		mc_buf_printf(b, "</figcaption><svg viewBox=\"0 0 %d %u\" role=\"img\" font-family=\"system-ui, sans-serif\" font-size=\"12\">\n", WIDTH,
			height);
		rc = mc_svg_body(d, &d->series[i], WIDTH, height, b, err);
		mc_buf_str(b, "</svg></figure>\n");
	}
	if (d->nseries == 0)
		mc_buf_str(b, "<p>No samples yet.</p>\n");
	mc_buf_str(b, "</section>\n");
	return rc;
}

static void evidence(struct mc_buf *b, const struct mc_page_detail *d)
{
	static const char *const title[] = { "Evidence", "Ruled out" };
	for (int against = 0; against < 2; against++) {
		bool any = false;
		for (size_t i = 0; i < d->nevidence; i++) {
			const struct mc_page_evidence *e = &d->evidence[i];
			if (e->against != (against == 1))
				continue;
			if (!any)
				mc_buf_printf(b, "<section><h2>%s</h2>\n<ul class=\"evidence\">\n", title[against]);
			any = true;
			mc_buf_str(b, "<li><span class=\"kind\">");
			mc_h_text(b, e->kind);
			mc_buf_str(b, "</span> ");
			mc_h_text(b, e->text);
			mc_buf_str(b, "</li>\n");
		}
		if (any)
			mc_buf_str(b, "</ul></section>\n");
	}
}

static void deploys(struct mc_buf *b, const struct mc_page_detail *d)
{
	bool utc = d->page.utc;
	mc_buf_str(b, "<section><h2>Deploys</h2>\n");
	if (d->ndeploys == 0)
		mc_buf_str(b, "<p>None has been seen or marked.</p>\n");
	else
		mc_buf_str(b, "<table class=\"deploys\">\n<thead><tr><th scope=\"col\">Version</th><th scope=\"col\">Deployed</th>"
			"<th scope=\"col\">First seen running</th><th scope=\"col\" class=\"n\">Began the growth</th>"
			"<th scope=\"col\" class=\"n\">Memory after</th><th scope=\"col\" class=\"n\">Growth after</th>"
			"<th scope=\"col\">Recognised by</th></tr></thead>\n<tbody>\n");
	for (size_t i = d->ndeploys; i-- > 0;) { /* the newest first */
		const struct mc_page_deploy *p = &d->deploys[i];
		mc_buf_printf(b, "<tr class=\"%s\"><th scope=\"row\">", p->culprit ? "bad" : p->fix ? "good" : "calm");
		mc_h_text(b, p->version && p->version[0] ? p->version : p->commit && p->commit[0] ? p->commit : "version not known");
		mc_buf_str(b, p->culprit ? " <span class=\"tag bad\">began it</span>" : p->fix ? " <span class=\"tag good\">ended it</span>" : "");
		if (p->commit && p->commit[0] && p->version && p->version[0]) {
			mc_buf_str(b, " <code>");
			mc_html_add(b, p->commit, strnlen(p->commit, 10));
			mc_buf_str(b, "</code>");
		}
		mc_buf_str(b, "</th><td data-label=\"Deployed\">");
		mc_h_time(b, p->deployed_ms, utc);
		mc_buf_str(b, "</td><td data-label=\"First seen running\">");
		mc_h_time(b, p->first_seen_ms, utc);
		mc_buf_str(b, "</td><td class=\"n\" data-label=\"Began the growth\">");
		mc_h_percent(b, p->probability);
		mc_buf_str(b, "</td><td class=\"n\" data-label=\"Memory after\">");
		mc_h_size(b, p->memory_after);
		mc_buf_str(b, "</td><td class=\"n\" data-label=\"Growth after\">");
		mc_h_growth(b, p->growth_after);
		mc_buf_str(b, "</td><td data-label=\"Recognised by\">");
		mc_h_text(b, p->how);
		mc_buf_str(b, "</td></tr>\n");
	}
	if (d->ndeploys)
		mc_buf_str(b, "</tbody></table>\n");
	if (isfinite(d->not_a_deploy) || isfinite(d->no_change)) {
		mc_buf_str(b, "<p>No deploy began it: ");
		mc_h_percent(b, d->not_a_deploy);
		mc_buf_str(b, ". No lasting change: ");
		mc_h_percent(b, d->no_change);
		mc_buf_str(b, ".</p>\n");
	}
	mc_buf_str(b, "</section>\n");
}

static void place(struct mc_buf *b, const struct mc_page_place *p)
{
	mc_buf_str(b, "<li><code>");
	mc_h_text(b, p->path);
	mc_buf_printf(b, ":%d</code>", p->line);
	if (p->function && p->function[0]) {
		mc_buf_str(b, " in <code>");
		mc_h_text(b, p->function);
		mc_buf_str(b, "</code>");
	}
	mc_buf_str(b, ": ");
	mc_h_text(b, p->reason);
	if (p->text && p->text[0]) {
		mc_buf_str(b, "<pre>");
		mc_h_text(b, p->text);
		mc_buf_str(b, "</pre>");
	}
	mc_buf_str(b, "</li>\n");
}

static void commits(struct mc_buf *b, const struct mc_page_detail *d)
{
	if (d->ncommits == 0 && !d->commits_note)
		return;
	mc_buf_str(b, "<section><h2>Commits of the release</h2>\n");
	if (d->commits_note && d->commits_note[0]) {
		mc_buf_str(b, "<p>");
		mc_h_text(b, d->commits_note);
		mc_buf_str(b, "</p>\n");
	}
	if (d->ncommits)
		mc_buf_str(b, "<ol class=\"commits\">\n");
	for (size_t i = 0; i < d->ncommits; i++) {
		const struct mc_page_commit *c = &d->commits[i];
		mc_buf_str(b, "<li><p><code>");
		mc_html_add(b, c->id ? c->id : "", c->id ? strnlen(c->id, 10) : 0);
		mc_buf_str(b, "</code> ");
		mc_h_text(b, c->subject);
		mc_buf_str(b, " <small>");
		mc_h_text(b, c->author);
		mc_buf_printf(b, ", %zu file%s, +%zu −%zu</small></p>\n", c->files, c->files == 1 ? "" : "s", c->added, c->removed);
		if (c->nplaces)
			mc_buf_str(b, "<ul class=\"places\">\n");
		for (size_t k = 0; k < c->nplaces; k++)
			place(b, &c->places[k]);
		mc_buf_str(b, c->nplaces ? "</ul></li>\n" : "</li>\n");
	}
	mc_buf_str(b, d->ncommits ? "</ol></section>\n" : "</section>\n");
}

/* The + and - stay, so that it reads without colour and copies as a diff. */
static void diff(struct mc_buf *b, const char *text)
{
	mc_buf_str(b, "<details class=\"diff\"><summary>The release's diff</summary>\n<pre>");
	while (*text) {
		size_t len = strcspn(text, "\n");
		const char *class = strncmp(text, "+++", 3) == 0 || strncmp(text, "---", 3) == 0 || strncmp(text, "diff", 4) == 0 ? "file"
			: *text == '+' ? "add" : *text == '-' ? "del" : *text == '@' ? "hunk" : NULL;
		if (class)
			mc_buf_printf(b, "<span class=\"%s\">", class);
		mc_html_add(b, text, len);
		mc_buf_str(b, class ? "</span>\n" : "\n");
		text += len;
		text += *text == '\n';
	}
	mc_buf_str(b, "</pre></details>\n");
}

int mc_page_program(const struct mc_page_detail *d, struct mc_reply *reply, struct mc_error *err)
{
	struct mc_buf *b = &reply->body;
	begin(b, &d->page, d->program.name, true);
	mc_buf_str(b, "<p class=\"crumb\"><a href=\"/\">All programs</a></p>\n<div id=\"answer\">\n<h1>");
	mc_h_text(b, d->program.name);
	mc_buf_str(b, " ");
	verdict_words(b, &d->program);
	mc_buf_printf(b, "</h1>\n<p class=\"answer %s\">", tone(&d->program));
	mc_h_text(b, d->program.answer ? d->program.answer : "There is no answer yet.");
	mc_buf_str(b, "</p>\n");
	facts(b, d);
	mc_buf_str(b, "</div>\n");
	int rc = curves(b, d, err);
	if (rc)
		return rc;
	mc_buf_str(b, "<div id=\"reasons\">\n");
	evidence(b, d);
	deploys(b, d);
	commits(b, d);
	if (d->diff && d->diff[0])
		diff(b, d->diff);
	if (d->next) {
		mc_buf_str(b, "<section><h2>Next</h2>\n<p><code>");
		mc_h_text(b, d->next);
		mc_buf_str(b, "</code></p></section>\n");
	}
	mc_buf_str(b, "</div>\n");
	end(b, &d->page);
	return finish(reply, 200, err);
}
