/* Every changed file of a release through the rules: once to note what is called and released, then,
 * with the definitions at hand, for the places. */
#include "suspects.h"

#include <stdlib.h>
#include <string.h>

#include "callees.h"

enum { MOST_SUSPECTS = 400, LINE_SHOWN = 200, MOST_FILES = 1500 };

/* One changed file, opened on both sides. */
struct open_file {
	git_blob *was, *is;
	struct mc_source before, after;
	bool *added, *removed;
	struct mc_look look;
};

static void close_file(struct open_file *o)
{
	mc_source_release(&o->before);
	mc_source_release(&o->after);
	free(o->added);
	free(o->removed);
	git_blob_free(o->was);
	git_blob_free(o->is);
	*o = (struct open_file){ 0 };
}

static void mark(bool *lines, size_t n, uint32_t start, uint32_t count)
{
	for (uint32_t i = 0; i < count && start >= 1 && start - 1 + i < n; i++)
		lines[start - 1 + i] = true;
}

static int open_file(struct mc_repo *r, const struct mc_file *f, struct mc_callees *c, struct open_file *o, struct mc_error *err)
{
	size_t len;
	*o = (struct open_file){ 0 };
	enum mc_lang lang = mc_lang_of(f->new_path);
	o->was = f->old_mode ? mc_file_blob(r, &f->old_id, f->old_mode) : NULL;
	o->is = mc_file_blob(r, &f->new_id, f->new_mode);
	const char *text = mc_blob_text(o->is, &len);
	int rc = mc_source_init(&o->after, text, len, lang, err);
	text = mc_blob_text(o->was, &len);
	if (rc == 0)
		rc = mc_source_init(&o->before, text, len, lang, err);
	if (rc == 0) {
		o->added = calloc(o->after.nlines + 1, 1);
		o->removed = calloc(o->before.nlines + 1, 1);
		if (!o->added || !o->removed)
			rc = mc_nomem(err, "lines");
	}
	if (rc < 0) {
		close_file(o);
		return rc;
	}
	for (size_t i = 0; i < f->nhunks; i++) {
		mark(o->added, o->after.nlines, f->hunks[i].new_start, f->hunks[i].new_lines);
		mark(o->removed, o->before.nlines, f->hunks[i].old_start, f->hunks[i].old_lines);
	}
	o->look = (struct mc_look){ .before = o->was ? &o->before : NULL, .after = &o->after, .added = o->added, .removed = o->removed,
		.is_test = mc_path_is_test(f->new_path), .callee = mc_callees_get, .released = mc_callees_released, .user = c };
	return 0;
}

static bool worth_opening(const struct mc_file *f)
{
	return f->new_mode && !f->binary && !f->large && f->nhunks > 0;
}

static char *line_text(const struct mc_source *s, size_t line, size_t most)
{
	const char *t = s->text + s->lines[line - 1];
	size_t len = s->lines[line] - s->lines[line - 1];
	while (len > 0 && (t[len - 1] == '\n' || t[len - 1] == '\r'))
		len--;
	while (len > 0 && (*t == ' ' || *t == '\t'))
		t++, len--;
	char *shown = mc_git_text(t, len, most);
	/* cleaning makes it longer */
	for (size_t n = 0, k; shown && (k = mc_utf8_len(shown + n, strlen(shown + n))) > 0; n += k)
		if (n + k > most) {
			shown[n] = '\0';
			break;
		}
	return shown;
}

static int add_suspect(struct mc_suspects *v, size_t file, const struct open_file *o, const struct mc_spot *p, struct mc_error *err)
{
	const struct mc_source *s = &o->after;
	if (v->n >= MOST_SUSPECTS || p->line < 1 || p->line > s->nlines)
		return 0;
	int rc = mc_grow((void **)&v->v, &v->cap, v->n + 1, sizeof *v->v, err);
	if (rc < 0)
		return rc;
	const struct mc_function *f = mc_source_function(s, p->line);
	struct mc_suspect q = { .file = file, .spot = *p, .text = line_text(s, p->line, LINE_SHOWN),
		.function = f ? mc_git_text(s->text + f->name, f->name_len, 100) : mc_strdup("") };
	if (p->removed && p->cause >= 1 && p->cause <= o->before.nlines) {
		const char *t = o->before.text + o->before.lines[p->cause - 1];
		q.cause_len = o->before.lines[p->cause] - o->before.lines[p->cause - 1];
		while (q.cause_len > 0 && t[q.cause_len - 1] == '\n')
			q.cause_len--;
		q.cause = malloc(q.cause_len + 1);
		if (q.cause)
			memcpy(q.cause, t, q.cause_len);
	}
	v->v[v->n++] = q;
	return q.text && q.function && (q.cause || !p->removed) ? 0 : mc_nomem(err, "places");
}

static int submodule(struct mc_suspects *v, size_t file, struct mc_file *f, struct mc_error *err)
{
	char a[GIT_OID_HEXSZ + 1], b[GIT_OID_HEXSZ + 1];
	int rc = mc_grow((void **)&v->v, &v->cap, v->n + 1, sizeof *v->v, err);
	if (rc < 0)
		return rc;
	struct mc_suspect q = { .file = file, .spot = { .line = 1, .cause = 1, .rank = 50 }, .text = mc_strdup(""), .function = mc_strdup("") };
	git_oid_tostr(a, sizeof a, &f->old_id);
	git_oid_tostr(b, sizeof b, &f->new_id);
	snprintf(q.spot.reason, sizeof q.spot.reason, "submodule moved: %.12s -> %.12s", f->old_mode == GIT_FILEMODE_COMMIT ? a : "(new)", b);
	v->v[v->n++] = q;
	f->rank = 50;
	return q.text && q.function ? 0 : mc_nomem(err, "places");
}

static int places_of(struct mc_repo *r, struct mc_release *d, size_t i, struct mc_callees *c, struct mc_suspects *v, struct mc_error *err)
{
	struct open_file o;
	struct mc_spots spots = { 0 };
	struct mc_file *f = &d->files[i];
	int rc = open_file(r, f, c, &o, err);
	if (rc < 0)
		return rc;
	if (mc_path_is_manifest(f->new_path))
		rc = mc_manifest_places(&o.look, &spots, err);
	else if (o.after.lang != MC_LANG_NONE)
		rc = mc_places(&o.look, &spots, err);
	else if (!o.look.is_test)
		rc = mc_build_places(&o.look, &spots, err);
	for (size_t k = 0; rc == 0 && k < spots.n; k++) {
		rc = add_suspect(v, i, &o, &spots.v[k], err);
		if (spots.v[k].rank < f->rank)
			f->rank = spots.v[k].rank;
	}
	free(spots.v);
	close_file(&o);
	return rc;
}

void mc_suspects_release(struct mc_suspects *s)
{
	for (size_t i = 0; i < s->n; i++) {
		free(s->v[i].function);
		free(s->v[i].text);
		free(s->v[i].cause);
	}
	free(s->v);
	*s = (struct mc_suspects){ 0 };
}

int mc_suspects_find(struct mc_repo *r, struct mc_release *d, git_tree *to, struct mc_suspects *ret, struct mc_error *err)
{
	struct mc_callees c;
	struct mc_suspects v = { 0 };
	struct open_file o;
	size_t most = d->n < MOST_FILES ? d->n : MOST_FILES;
	int rc = mc_callees_init(&c, err);
	if (rc < 0)
		return rc;
	for (size_t i = 0; rc == 0 && i < most; i++)
		if (worth_opening(&d->files[i]) && mc_lang_of(d->files[i].new_path) != MC_LANG_NONE) {
			rc = open_file(r, &d->files[i], &c, &o, err);
			if (rc == 0) {
				mc_callees_note(&c, &o.look);
				close_file(&o);
			}
		}
	if (rc == 0)
		rc = mc_callees_look_up(&c, r, to, err);
	for (size_t i = 0; rc == 0 && i < most; i++) {
		if (d->files[i].new_mode == GIT_FILEMODE_COMMIT)
			rc = submodule(&v, i, &d->files[i], err);
		else if (worth_opening(&d->files[i]))
			rc = places_of(r, d, i, &c, &v, err);
	}
	mc_callees_release(&c);
	if (rc < 0) {
		mc_suspects_release(&v);
		return rc;
	}
	*ret = v;
	return 0;
}
