/* The page: HTML from plain structs. It reads well without script or colour; every text is escaped. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "html.h"

void mc_h_ago(struct mc_buf *b, const struct mc_page *p, int64_t ms, const char *word)
{
	char text[MC_TIME_TEXT];
	mc_buf_printf(b, "<strong>%s%s</strong>, of ", mc_duration_text(p->now_ms > ms ? p->now_ms - ms : 0, text), word);
	mc_h_time(b, ms, p->utc);
}

void mc_page_begin(struct mc_buf *b, const struct mc_page *p, const char *title, bool live)
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
	mc_buf_str(b, "<div id=\"notices\">\n");
	if (p->stale_ms) {
		mc_buf_str(b, "<p class=\"notice stale\" role=\"status\">These figures are ");
		mc_h_ago(b, p, p->stale_ms, " old");
		mc_buf_str(b, ": nothing has been sampled since.</p>\n");
	}
	if (p->notice) {
		mc_buf_str(b, "<p class=\"notice\" role=\"status\">");
		mc_h_text(b, p->notice);
		mc_buf_str(b, "</p>\n");
	}
	mc_buf_str(b, "</div>\n<main id=\"main\">\n");
}

void mc_page_end(struct mc_buf *b, const struct mc_page *p)
{
	mc_buf_str(b, "</main>\n<footer><p><span id=\"asof\">");
	if (p->now_ms > 0) {
		mc_buf_str(b, "As of ");
		mc_h_time(b, p->now_ms, p->utc);
		mc_buf_printf(b, ", <span id=\"zone\">%s</span>. ", p->utc ? "UTC" : "the server's time");
	}
	mc_buf_str(b, "</span><a href=\"");
	mc_h_text(b, p->telemetry_path ? p->telemetry_path : "/metrics");
	mc_buf_str(b, "\">Metrics</a> · <a href=\"/api/v1/programs\">Programs as JSON</a> · <a href=\"/api/v1/deploys\">Deploys as JSON</a> · memculprit ");
	mc_h_text(b, p->version);
	mc_buf_str(b, "</p></footer>\n</body>\n</html>\n");
}

int mc_page_finish(struct mc_reply *reply, int status, struct mc_error *err)
{
	reply->status = status;
	reply->content_type = "text/html; charset=utf-8";
	return mc_buf_check(&reply->body, err);
}

/* ---- the index ---- */

/* "bad" is what somebody has to act on. The word says it too. */
const char *mc_page_tone(const struct mc_page_program *p)
{
	if (p->gone_ms)
		return "gone";
	bool stands = p->state && strcmp(p->state, "active") == 0;
	if (stands && p->verdict && (strcmp(p->verdict, "leak") == 0 || strcmp(p->verdict, "step") == 0))
		return "bad";
	if (p->state && strcmp(p->state, "fixed") == 0)
		return "good";
	return "calm";
}

void mc_page_verdict(struct mc_buf *b, const struct mc_page *page, const struct mc_page_program *p)
{
	static const char *const words[][2] = { { "insufficient_data", "not enough data yet" }, { "none", "no growth" },
		{ "load", "follows load" }, { "plateau", "levels off" } };
	const char *word = p->verdict ? p->verdict : "not looked at yet";
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (strcmp(word, words[i][0]) == 0)
			word = words[i][1];
	mc_buf_printf(b, "<span class=\"tag %s\">", mc_page_tone(p));
	mc_h_text(b, word);
	if (p->state) {
		mc_buf_str(b, ", ");
		mc_h_text(b, p->state);
	}
	mc_buf_str(b, "</span>");
	if (p->gone_ms) {
		mc_buf_str(b, " <span class=\"tag gone\">not running, last state is ");
		mc_h_ago(b, page, p->gone_ms, " old");
		mc_buf_str(b, "</span>");
	}
}

static void spark_path(struct mc_buf *b, const struct mc_page_program *p, double lo, double hi, bool area)
{
	bool joined = false;
	double x = 0;
	for (size_t i = 0; i < p->nspark; i++) {
		bool here = isfinite(p->spark[i]);
		if (!here && joined && area)
			mc_buf_printf(b, "V32Z");
		if (here) {
			x = 1 + 118.0 * (double)i / (double)(p->nspark - 1);
			double y = hi > lo ? 28 - 24 * (p->spark[i] - lo) / (hi - lo) : 16.0;
			if (!joined && area)
				mc_buf_printf(b, "M%.1f 32L%.1f %.1f", x, x, y);
			else
				mc_buf_printf(b, "%c%.1f %.1f", joined ? 'L' : 'M', x, y);
		}
		joined = here;
	}
	if (joined && area)
		mc_buf_str(b, "V32Z");
}

/* From zero, as the large curve: a wiggle of a percent must not look like a leak. */
static void spark(struct mc_buf *b, const struct mc_page_program *p)
{
	double hi = 0;
	bool any = false;
	for (size_t i = 0; i < p->nspark; i++) {
		hi = p->spark[i] > hi ? p->spark[i] : hi;
		any = any || isfinite(p->spark[i]);
	}
	if (p->nspark < 2 || !any || !isfinite(hi))
		return;
	mc_buf_str(b, "<svg class=\"spark\" viewBox=\"0 0 120 32\" width=\"120\" height=\"32\" aria-hidden=\"true\"><path class=\"area\" "
		"fill=\"#1f5fbf\" fill-opacity=\"0.12\" d=\"");
	spark_path(b, p, 0, hi, true);
	mc_buf_str(b, "\"/><path class=\"line\" fill=\"none\" stroke=\"#1f5fbf\" stroke-width=\"1.500\" d=\"");
	spark_path(b, p, 0, hi, false);
	mc_buf_str(b, "\"/></svg>");
}

static void program_row(struct mc_buf *b, const struct mc_page *page, const struct mc_page_program *p)
{
	char text[MC_TIME_TEXT];
	const char *tone = mc_page_tone(p);
	mc_buf_printf(b, "<tr class=\"%s\"><th scope=\"row\"><a href=\"/?program=", tone);
	mc_h_query(b, p->name);
	mc_buf_str(b, "\">");
	mc_h_text(b, p->name);
	mc_buf_str(b, "</a> ");
	mc_page_verdict(b, page, p);
	if (p->answer && *tone != 'c') {
		mc_buf_str(b, "<p class=\"words\">");
		mc_h_sentence(b, p->answer, page->utc);
		mc_buf_str(b, "</p>");
	}
	mc_buf_str(b, "</th><td class=\"curve\">");
	spark(b, p);
	mc_buf_str(b, "</td><td class=\"n\" data-label=\"Private memory\">");
	mc_h_size(b, p->private_bytes);
	mc_buf_str(b, "</td><td class=\"n\" data-label=\"Growth\">");
	mc_h_growth(b, p->growth, p->growth_of_processes);
	mc_buf_str(b, "</td><td class=\"name\" data-label=\"Began with\">");
	if (p->culprit) {
		mc_buf_str(b, "<strong>");
		mc_h_release(b, p->culprit);
		mc_buf_str(b, "</strong> <small>");
		mc_h_percent(b, p->probability);
		mc_buf_str(b, "</small>");
	} else
		mc_buf_str(b, "–");
	mc_buf_str(b, "</td><td data-label=\"Memory runs out\">");
	if (p->exhaustion_ms != MC_PAGE_NO_TIME && p->exhaustion_ms > page->now_ms)
		mc_buf_printf(b, "in %s", mc_duration_text(p->exhaustion_ms - page->now_ms, text));
	else
		mc_buf_str(b, "–");
	mc_buf_str(b, "</td><td class=\"name\" data-label=\"Runs\">");
	mc_h_release(b, p->version && p->version[0] ? p->version : "–");
	mc_buf_str(b, "</td><td class=\"n\" data-label=\"Processes\">");
	mc_h_value(b, "count", p->processes);
	mc_buf_str(b, "</td></tr>\n");
}

/* What has to be acted on first: growth that stands, the soonest to run out of memory before; then by memory; what does not run last. */
static int by_urgency(const void *a, const void *b)
{
	const struct mc_page_program *x = *(const struct mc_page_program *const *)a, *y = *(const struct mc_page_program *const *)b;
	bool bad_x = *mc_page_tone(x) == 'b', bad_y = *mc_page_tone(y) == 'b';
	if (bad_x != bad_y)
		return bad_x ? -1 : 1;
	if (!x->gone_ms != !y->gone_ms)
		return x->gone_ms ? 1 : -1;
	int64_t end_x = x->exhaustion_ms == MC_PAGE_NO_TIME || !bad_x ? INT64_MAX : x->exhaustion_ms;
	int64_t end_y = y->exhaustion_ms == MC_PAGE_NO_TIME || !bad_y ? INT64_MAX : y->exhaustion_ms;
	if (end_x != end_y)
		return end_x < end_y ? -1 : 1;
	double size_x = isfinite(x->private_bytes) ? x->private_bytes : -1, size_y = isfinite(y->private_bytes) ? y->private_bytes : -1;
	if (size_x < size_y || size_x > size_y)
		return size_x > size_y ? -1 : 1;
	return strcmp(x->name ? x->name : "", y->name ? y->name : "");
}

static void headline(struct mc_buf *b, const struct mc_page_program *const *sorted, size_t n)
{
	size_t bad = 0;
	while (bad < n && *mc_page_tone(sorted[bad]) == 'b')
		bad++;
	mc_buf_printf(b, "<p class=\"answer %s\">", bad ? "bad" : "calm");
	if (n == 0)
		mc_buf_str(b, "No program has been seen yet: the first sample is taken within one tick.");
	else if (bad == 0)
		mc_buf_printf(b, "%s: no growth stands in %zu program%s.", "Nothing to do", n, n == 1 ? "" : "s");
	else
		mc_buf_printf(b, "Memory of %zu of %zu program%s grows without load to explain it.", bad, n, n == 1 ? "" : "s");
	mc_buf_str(b, "</p>\n");
}

int mc_page_index(const struct mc_page *p, struct mc_reply *reply, struct mc_error *err)
{
	struct mc_buf *b = &reply->body;
	const struct mc_page_program **sorted = calloc(p->nprograms + 1, sizeof(*sorted));
	if (!sorted)
		return mc_nomem(err, "the page");
	for (size_t i = 0; i < p->nprograms; i++)
		sorted[i] = &p->programs[i];
	qsort(sorted, p->nprograms, sizeof(*sorted), by_urgency);
	mc_page_begin(b, p, NULL, true);
	mc_buf_str(b, "<div class=\"bar\" id=\"heading\"><h1>Programs</h1></div>\n");
	mc_buf_str(b, "<div id=\"programs\">\n");
	headline(b, sorted, p->nprograms);
	if (p->nprograms) {
		mc_buf_str(b, "<table class=\"programs\">\n<thead><tr><th scope=\"col\">Program</th><th scope=\"col\">Curve</th>"
			"<th scope=\"col\" class=\"n\">Private memory</th><th scope=\"col\" class=\"n\">Growth</th><th scope=\"col\">Began with</th>"
			"<th scope=\"col\">Memory runs out</th><th scope=\"col\">Runs</th><th scope=\"col\" class=\"n\">Processes</th></tr></thead>\n<tbody>\n");
		for (size_t i = 0; i < p->nprograms; i++)
			program_row(b, p, sorted[i]);
		mc_buf_str(b, "</tbody></table>\n");
	}
	mc_buf_str(b, "</div>\n");
	mc_page_end(b, p);
	free(sorted);
	return mc_page_finish(reply, 200, err);
}

int mc_page_error(const struct mc_page *p, int status, const char *text, struct mc_reply *reply, struct mc_error *err)
{
	struct mc_buf *b = &reply->body;
	mc_page_begin(b, p, text, false);
	mc_buf_printf(b, "<h1>%d</h1>\n<p>", status);
	mc_h_text(b, text);
	mc_buf_str(b, "</p>\n<p><a href=\"/\">All programs</a></p>\n");
	mc_page_end(b, p);
	return mc_page_finish(reply, status, err);
}
