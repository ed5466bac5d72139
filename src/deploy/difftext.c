/* The release's diff as text that a terminal may be shown: files with suspects first, every byte that is
 * not plain made visible. Written by ourselves, so that no attribute, filter or driver takes part. */
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "range.h"
#include "suspects.h"

enum { MOST_FILES = 5000, LINE_MAX_SHOWN = 2000, CONTEXT = 3 };

static int by_rank(const void *a, const void *b)
{
	const struct mc_file *x = a, *y = b;
	if (x->rank != y->rank)
		return x->rank < y->rank ? -1 : 1;
	return strcmp(x->new_path, y->new_path);
}

/* Text with its tabs, the rest as mc_text_add has it. */
static void add_text(struct mc_buf *out, const char *s, size_t len)
{
	size_t shown = len > LINE_MAX_SHOWN ? LINE_MAX_SHOWN : len;
	for (size_t at = 0; at < shown;) {
		const char *tab = memchr(s + at, '\t', shown - at);
		size_t n = tab ? (size_t)(tab - (s + at)) : shown - at;
		mc_text_add(out, s + at, n);
		if (tab)
			mc_buf_str(out, "\t");
		at += n + (tab ? 1 : 0);
	}
	if (shown < len)
		mc_buf_printf(out, " … (%zu bytes in all)", len);
}

static void add_name(struct mc_buf *out, const char *before, const char *path)
{
	mc_buf_str(out, before);
	add_text(out, path, strlen(path));
	mc_buf_str(out, "\n");
}

static void head_of_file(struct mc_buf *out, const struct mc_file *f)
{
	mc_buf_str(out, "diff --git a/");
	add_text(out, f->old_path, strlen(f->old_path));
	add_name(out, " b/", f->new_path);
	if (f->old_mode == 0)
		mc_buf_printf(out, "new file mode %06o\n", f->new_mode);
	else if (f->new_mode == 0)
		mc_buf_printf(out, "deleted file mode %06o\n", f->old_mode);
	else if (f->old_mode != f->new_mode)
		mc_buf_printf(out, "old mode %06o\nnew mode %06o\n", f->old_mode, f->new_mode);
	if (f->renamed) {
		add_name(out, "rename from ", f->old_path);
		add_name(out, "rename to ", f->new_path);
	}
}

static void add_line(struct mc_buf *out, char sign, const struct mc_source *s, size_t line)
{
	size_t a = s->lines[line - 1], e = s->lines[line];
	bool ended = e > a && s->text[e - 1] == '\n';
	mc_buf_add(out, &sign, 1);
	add_text(out, s->text + a, e - a - ended);
	mc_buf_str(out, ended ? "\n" : "\n\\ No newline at end of file\n");
}

/* Lines that are there: a file's last newline begins no further one. */
static size_t count_lines(const struct mc_source *s)
{
	return s->nlines - (s->lines[s->nlines - 1] == s->len);
}

struct side {
	size_t start, count; /* from 1 */
};

static void hunk_head(struct mc_buf *out, struct side a, struct side b, const struct mc_source *after)
{
	mc_buf_printf(out, "@@ -%zu,%zu +%zu,%zu @@", a.count ? a.start : a.start - 1, a.count, b.count ? b.start : b.start - 1, b.count);
	const struct mc_function *f = mc_source_function(after, b.start);
	if (f) {
		mc_buf_str(out, " ");
		add_text(out, after->text + after->lines[f->first - 1], strcspn(after->text + after->lines[f->first - 1], "\r\n{"));
	}
	mc_buf_str(out, "\n");
}

/* Hunks i..k-1 together, with context around them. */
static void add_group(struct mc_buf *out, const struct mc_file *f, size_t i, size_t k, const struct mc_source *before, const struct mc_source *after)
{
	const struct mc_hunk *h = &f->hunks[i], *last = &f->hunks[k - 1];
	size_t first_old = h->old_lines ? h->old_start : h->old_start + 1, first_new = h->new_lines ? h->new_start : h->new_start + 1;
	size_t lead = first_old - 1 < CONTEXT ? first_old - 1 : CONTEXT;
	size_t end_old = (last->old_lines ? last->old_start : last->old_start + 1) + last->old_lines;
	size_t rest = count_lines(before) + 1 > end_old ? count_lines(before) + 1 - end_old : 0;
	size_t tail = rest < CONTEXT ? rest : CONTEXT;
	size_t end_new = (last->new_lines ? last->new_start : last->new_start + 1) + last->new_lines;
	struct side a = { first_old - lead, end_old - first_old + lead + tail }, b = { first_new - lead, end_new - first_new + lead + tail };
	hunk_head(out, a, b, after);
	size_t line = a.start;
	for (size_t n = i; n < k; n++) {
		h = &f->hunks[n];
		size_t at = h->old_lines ? h->old_start : h->old_start + 1;
		for (; line < at; line++)
			add_line(out, ' ', before, line);
		for (; line < at + h->old_lines; line++)
			add_line(out, '-', before, line);
		for (size_t p = 0; p < h->new_lines; p++)
			add_line(out, '+', after, h->new_start + p);
	}
	for (; line < end_old + tail; line++)
		add_line(out, ' ', before, line);
}

static int add_hunks(struct mc_repo *r, struct mc_buf *out, const struct mc_file *f, struct mc_error *err)
{
	git_blob *was = f->old_mode ? mc_file_blob(r, &f->old_id, f->old_mode) : NULL;
	git_blob *is = f->new_mode ? mc_file_blob(r, &f->new_id, f->new_mode) : NULL;
	struct mc_source before = { 0 }, after = { 0 };
	size_t len;
	const char *text = mc_blob_text(was, &len);
	int rc = mc_source_init(&before, text, len, MC_LANG_NONE, err);
	text = mc_blob_text(is, &len);
	if (rc == 0)
		rc = mc_source_init(&after, text, len, mc_lang_of(f->new_path), err);
	if (rc == 0) {
		add_name(out, f->old_mode ? "--- a/" : "--- ", f->old_mode ? f->old_path : "/dev/null");
		add_name(out, f->new_mode ? "+++ b/" : "+++ ", f->new_mode ? f->new_path : "/dev/null");
	}
	for (size_t i = 0, k; rc == 0 && i < f->nhunks && !out->failed; i = k) {
		for (k = i + 1; k < f->nhunks && f->hunks[k].old_start <= f->hunks[k - 1].old_start + f->hunks[k - 1].old_lines + 2 * CONTEXT;)
			k++;
		add_group(out, f, i, k, &before, &after);
	}
	mc_source_release(&before);
	mc_source_release(&after);
	git_blob_free(was);
	git_blob_free(is);
	return rc;
}

static int add_file(struct mc_repo *r, struct mc_buf *out, const struct mc_file *f, struct mc_error *err)
{
	char a[GIT_OID_HEXSZ + 1], b[GIT_OID_HEXSZ + 1];
	head_of_file(out, f);
	if (f->new_mode == GIT_FILEMODE_COMMIT || f->old_mode == GIT_FILEMODE_COMMIT) {
		git_oid_tostr(a, sizeof a, &f->old_id);
		git_oid_tostr(b, sizeof b, &f->new_id);
		mc_buf_printf(out, "Submodule %.12s -> %.12s\n", a, b);
		return 0;
	}
	if (f->large)
		mc_buf_printf(out, "Not compared: larger than %d bytes\n", MC_FILE_MAX);
	else if (f->binary)
		mc_buf_str(out, "Binary files or symbolic links differ\n");
	else if (f->nhunks > 0)
		return add_hunks(r, out, f, err);
	return 0;
}

/* Cuts at the last whole line that fits with the sentence that says so. */
static void cut(struct mc_buf *text, size_t limit, size_t files)
{
	char last[120];
	int n = snprintf(last, sizeof last, "… cut at %zu bytes; %zu files changed in all\n", limit, files);
	if ((size_t)n > limit)
		n = 0;
	size_t keep = limit - (size_t)n;
	if (keep > text->len)
		keep = text->len;
	while (keep > 0 && text->data[keep - 1] != '\n')
		keep--;
	text->len = keep;
	text->failed = false;
	mc_buf_add(text, last, (size_t)n);
}

int mc_repo_diff_text(struct mc_repo *r, const char *from, const char *to, size_t limit, struct mc_buf *out, struct mc_error *err)
{
	git_commit *a = NULL, *b = NULL;
	git_tree *ta = NULL, *tb = NULL;
	struct mc_release d = { 0 };
	struct mc_suspects s = { 0 };
	struct mc_buf text = { .limit = limit + 65536 };
	int rc = mc_git_commit(r, to, &b, err), g = 0;
	if (rc == 0 && from && from[0])
		rc = mc_git_commit(r, from, &a, err);
	else if (rc == 0 && git_commit_parentcount(b) > 0)
		g = git_commit_parent(&a, b, 0);
	if (rc == 0 && g == 0 && (!a || (g = git_commit_tree(&ta, a)) == 0))
		g = git_commit_tree(&tb, b);
	if (rc == 0 && g < 0)
		rc = mc_git_fail(r, g, "the trees of the two commits", err);
	if (rc == 0)
		rc = mc_release_diff(r, ta, tb, true, MOST_FILES, &d, err);
	if (rc == 0)
		rc = mc_suspects_find(r, &d, tb, &s, err);
	if (rc == 0 && d.n > 1)
		qsort(d.files, d.n, sizeof *d.files, by_rank);
	for (size_t i = 0; rc == 0 && i < d.n && !text.failed && text.len <= limit; i++)
		rc = add_file(r, &text, &d.files[i], err);
	if (rc == 0 && (text.len > limit || text.failed) && text.data)
		cut(&text, limit, d.n);
	if (rc == 0 && text.len > 0) {
		mc_buf_add(out, text.data, text.len);
		rc = mc_buf_check(out, err);
	}
	mc_buf_release(&text);
	mc_suspects_release(&s);
	mc_release_release(&d);
	git_tree_free(ta);
	git_tree_free(tb);
	git_commit_free(a);
	git_commit_free(b);
	return rc;
}
