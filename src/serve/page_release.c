/* The release on the page: its commits with the places to read first, and the diff with those places marked. */
#include <stdlib.h>
#include <string.h>

#include "html.h"

/* ---- a walk over unified text: which file, which line of the new file ---- */
enum kind { LINE_FILE, LINE_HUNK, LINE_ADDED, LINE_REMOVED, LINE_SAME };
struct walk {
	const char *at;         /* what comes next */
	const char *line;
	size_t len;
	enum kind kind;
	const char *path;       /* after "+++ b/" */
	size_t path_len;
	bool in_hunk;
	int next, number;       /* the number of this line in the new file, 0: none */
};

static void walk_hunk_start(struct walk *w)
{
	const char *plus = memchr(w->line, '+', w->len);
	w->kind = LINE_HUNK;
	w->in_hunk = true;
	w->next = plus ? (int)strtol(plus + 1, NULL, 10) : 0;
}

static void walk_head_line(struct walk *w)
{
	w->kind = LINE_FILE;
	if (strncmp(w->line, "+++ b/", 6) == 0 && w->len > 6) {
		w->path = w->line + 6;
		w->path_len = w->len - 6;
	}
}

static bool walk_next(struct walk *w)
{
	if (!*w->at)
		return false;
	w->line = w->at;
	w->len = strcspn(w->at, "\n");
	w->at += w->len + (w->at[w->len] == '\n');
	w->number = 0;
	if (strncmp(w->line, "diff ", 5) == 0)
		w->in_hunk = false;
	if (strncmp(w->line, "@@", 2) == 0) {
		walk_hunk_start(w);
	} else if (!w->in_hunk) {
		walk_head_line(w);
	} else {
		w->kind = *w->line == '+' ? LINE_ADDED : *w->line == '-' ? LINE_REMOVED : LINE_SAME;
		if (w->kind != LINE_REMOVED && *w->line != '\\')
			w->number = w->next++;
	}
	return true;
}

/* ---- places ---- */

static bool is_at(const struct mc_page_place *p, const struct walk *w)
{
	return p->path && w->number > 0 && w->number == p->line && w->path && strlen(p->path) == w->path_len &&
		memcmp(p->path, w->path, w->path_len) == 0;
}

/* The place on this line of the diff, and its number among all; NULL: none. */
static const struct mc_page_place *place_here(const struct mc_page_detail *d, const struct walk *w, size_t *number)
{
	size_t n = 0;
	for (size_t i = 0; i < d->ncommits; i++)
		for (size_t k = 0; k < d->commits[i].nplaces; k++, n++)
			if (is_at(&d->commits[i].places[k], w)) {
				*number = n;
				return &d->commits[i].places[k];
			}
	return NULL;
}

static bool in_diff(const struct mc_page_detail *d, const struct mc_page_place *p)
{
	struct walk w = { .at = d->diff ? d->diff : "" };
	while (walk_next(&w))
		if (is_at(p, &w))
			return true;
	return false;
}

static void place(struct mc_buf *b, const struct mc_page_detail *d, const struct mc_page_place *p, size_t number)
{
	bool link = in_diff(d, p);
	mc_buf_str(b, "<li>");
	if (link)
		mc_buf_printf(b, "<a href=\"#place-%zu\">", number);
	mc_buf_str(b, "<code>");
	mc_h_text(b, p->path);
	mc_buf_printf(b, ":%d</code>%s", p->line, link ? "</a>" : "");
	if (p->function && p->function[0]) {
		mc_buf_str(b, " in <code>");
		mc_h_text(b, p->function);
		mc_buf_str(b, "</code>");
	}
	mc_buf_str(b, ": ");
	mc_h_text(b, p->reason);
	if (p->text && p->text[0]) {
		mc_buf_str(b, "<pre>");
		mc_h_text(b, p->text + strspn(p->text, " \t"));
		mc_buf_str(b, "</pre>");
	}
	mc_buf_str(b, "</li>\n");
}

static void commits(struct mc_buf *b, const struct mc_page_detail *d)
{
	size_t number = 0;
	if (d->ncommits == 0 && !d->commits_note)
		return;
	mc_buf_str(b, "<section class=\"wide\"><h2>Commits of the release</h2>\n");
	if (d->commits_note && d->commits_note[0]) {
		mc_buf_str(b, "<p class=\"note\">");
		mc_h_text(b, d->commits_note);
		mc_buf_str(b, "</p>\n");
	}
	if (d->ncommits)
		mc_buf_str(b, "<ol class=\"commits\">\n");
	for (size_t i = 0; i < d->ncommits; i++) {
		const struct mc_page_commit *c = &d->commits[i];
		mc_buf_printf(b, "<li%s><p><code>", c->nplaces ? " class=\"suspect\"" : "");
		mc_html_add(b, c->id ? c->id : "", c->id ? strnlen(c->id, 10) : 0);
		mc_buf_str(b, "</code> <strong>");
		mc_h_text(b, c->subject);
		mc_buf_str(b, "</strong> <small>");
		mc_h_text(b, c->author);
		if (c->files || c->added || c->removed)
			mc_buf_printf(b, ", %zu file%s, +%zu −%zu", c->files, c->files == 1 ? "" : "s", c->added, c->removed);
		mc_buf_str(b, "</small></p>\n");
		if (c->nplaces)
			mc_buf_str(b, "<ul class=\"places\">\n");
		for (size_t k = 0; k < c->nplaces; k++)
			place(b, d, &c->places[k], number++);
		mc_buf_str(b, c->nplaces ? "</ul></li>\n" : "</li>\n");
	}
	mc_buf_str(b, d->ncommits ? "</ol></section>\n" : "</section>\n");
}

/* ---- the diff ---- */

static void diff_line(struct mc_buf *b, const struct mc_page_detail *d, const struct walk *w)
{
	static const char *const class[] = { [LINE_FILE] = "file", [LINE_HUNK] = "hunk", [LINE_ADDED] = "add", [LINE_REMOVED] = "del" };
	size_t number = 0;
	const struct mc_page_place *p = w->number ? place_here(d, w, &number) : NULL;
	if (p) {
		mc_buf_printf(b, "<mark id=\"place-%zu\" title=\"", number);
		mc_h_text(b, p->reason);
		mc_buf_str(b, "\">");
	}
	if (w->kind != LINE_SAME)
		mc_buf_printf(b, "<span class=\"%s\">", class[w->kind]);
	mc_html_add(b, w->line, w->len);
	mc_buf_str(b, w->kind != LINE_SAME ? "</span>" : "");
	mc_buf_str(b, p ? "</mark>\n" : "\n");
}

/* The + and - stay, so that it reads without colour and copies as a diff. */
static void diff(struct mc_buf *b, const struct mc_page_detail *d)
{
	enum { OPEN_BYTES = 8192 };
	size_t len = strlen(d->diff);
	struct walk w = { .at = d->diff };
	mc_buf_printf(b, "<section class=\"wide\"><details class=\"diff\"%s><summary>The release's diff</summary>\n<pre>",
		len <= OPEN_BYTES && *mc_page_tone(&d->program) == 'b' ? " open" : "");
	while (walk_next(&w))
		diff_line(b, d, &w);
	mc_buf_str(b, "</pre></details></section>\n");
}

void mc_page_release(struct mc_buf *b, const struct mc_page_detail *d)
{
	commits(b, d);
	if (d->diff && d->diff[0])
		diff(b, d);
}
