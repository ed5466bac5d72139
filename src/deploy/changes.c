/* What a release changed: its commits, their places, the suspects first. Only commits of the range are
 * ever named, and a place is given to the commit that brought its line. */
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "range.h"
#include "suspects.h"

enum { MOST_COMMITS = 20000, MOST_COMPARED = 3000, MOST_FILES = 5000, MOST_PLACES = 20, MOST_PATHS = 2000 };

void mc_changes_release(struct mc_changes *c)
{
	for (size_t i = 0; c->commits && i < c->ncommits; i++) {
		struct mc_commit *k = &c->commits[i];
		for (size_t p = 0; p < k->nplaces; p++) {
			free(k->places[p].path);
			free(k->places[p].function);
			free(k->places[p].reason);
			free(k->places[p].text);
		}
		free(k->places);
		free(k->subject);
		free(k->author);
	}
	free(c->commits);
	free(c->note);
	*c = (struct mc_changes){ 0 };
}

/* How the two revisions lie to each other, and the range that follows from it. */
struct ends {
	git_commit *from, *to; /* from NULL: the beginning */
	git_tree *from_tree, *to_tree;
};

static void close_ends(struct ends *e)
{
	git_tree_free(e->from_tree);
	git_tree_free(e->to_tree);
	git_commit_free(e->from);
	git_commit_free(e->to);
}

static int open_ends(struct mc_repo *r, const char *from, const char *to, struct ends *e, struct mc_error *err)
{
	int rc = mc_git_commit(r, to, &e->to, err);
	if (rc == 0 && from && from[0])
		rc = mc_git_commit(r, from, &e->from, err);
	else if (rc == 0 && git_commit_parentcount(e->to) > 0 && git_commit_parent(&e->from, e->to, 0) < 0)
		e->from = NULL; /* nothing is known of what ran before: the commit alone */
	int g = rc == 0 ? git_commit_tree(&e->to_tree, e->to) : 0;
	if (rc == 0 && g == 0 && e->from)
		g = git_commit_tree(&e->from_tree, e->from);
	if (rc == 0 && g < 0)
		rc = mc_git_fail(r, g, "the tree of a commit", err);
	return rc;
}

static int relation(struct mc_repo *r, const struct ends *e, struct mc_changes *c, struct mc_error *err)
{
	enum mc_relation how = MC_REL_SAME;
	int rc = e->from ? mc_git_relation(r, git_commit_id(e->from), git_commit_id(e->to), &how, err) : 0;
	c->rollback = how == MC_REL_BACK;
	c->diverged = how == MC_REL_DIVERGED;
	return rc;
}

/* ---- the commits' own diffs ---- */

static int own_diff(struct mc_repo *r, struct mc_range *g, size_t i, git_commit *c, struct mc_commit *k, struct mc_error *err)
{
	git_commit *p = NULL;
	git_tree *a = NULL, *b = NULL;
	struct mc_release d = { 0 };
	int rc = 0, e = git_commit_tree(&b, c);
	if (e == 0 && git_commit_parentcount(c) == 1 && (e = git_commit_parent(&p, c, 0)) == 0)
		e = git_commit_tree(&a, p);
	/* the edge of a shallow clone: its parent is named but not there, its diff cannot be told */
	if (e == 0)
		rc = mc_release_diff(r, a, b, false, MOST_PATHS, &d, err);
	else if (e != GIT_ENOTFOUND)
		rc = mc_git_fail(r, e, "a commit of the range", err);
	uint64_t *touched = rc == 0 && e == 0 && !d.truncated ? calloc(2 * d.n + 1, sizeof *touched) : NULL;
	k->files = d.n;
	for (size_t f = 0, n = 0; f < d.n; f++) {
		k->added += d.files[f].added;
		k->removed += d.files[f].removed;
		if (mc_lang_of(d.files[f].new_path) != MC_LANG_NONE && !mc_path_is_test(d.files[f].new_path))
			k->code_added += d.files[f].added;
		if (touched) {
			touched[n++] = mc_path_hash(d.files[f].new_path);
			if (strcmp(d.files[f].new_path, d.files[f].old_path) != 0)
				touched[n++] = mc_path_hash(d.files[f].old_path);
		}
	}
	g->touched[i] = touched; /* NULL: looked up where it is needed */
	mc_release_release(&d);
	git_tree_free(a);
	git_tree_free(b);
	git_commit_free(p);
	return rc;
}

static char *first_line(const char *s, size_t most)
{
	while (*s == '\n' || *s == ' ')
		s++;
	return mc_git_text(s, strcspn(s, "\r\n"), most);
}

static int fill_commit(struct mc_repo *r, struct mc_range *g, size_t i, bool compare, struct mc_commit *k, struct mc_error *err)
{
	git_commit *c = NULL;
	int e = git_commit_lookup(&c, r->git, &g->ids[i]), rc = 0;
	if (e < 0)
		return mc_git_fail(r, e, "a commit of the range", err);
	const git_signature *who = git_commit_author(c);
	const char *message = git_commit_message_raw(c);
	git_oid_tostr(k->id, sizeof k->id, &g->ids[i]);
	k->subject = first_line(message ? message : "", 300);
	k->author = first_line(who && who->name ? who->name : "", 120);
	k->author_ms = who ? (int64_t)who->when.time * 1000 : 0;
	k->commit_ms = (int64_t)git_commit_time(c) * 1000;
	if (!k->subject || !k->author)
		rc = mc_nomem(err, "a commit");
	/* a merge's own diff is what none of its parents has: nearly always nothing */
	if (rc == 0 && compare && git_commit_parentcount(c) < 2)
		rc = own_diff(r, g, i, c, k, err);
	git_commit_free(c);
	return rc;
}

/* ---- places to their commits ---- */

static int add_place(struct mc_commit *k, const struct mc_file *f, const struct mc_suspect *s, struct mc_error *err)
{
	if (k->nplaces >= MOST_PLACES)
		return 0;
	struct mc_place *v = mc_reallocarray(k->places, k->nplaces + 1, sizeof *v);
	if (!v)
		return mc_nomem(err, "places");
	k->places = v;
	struct mc_place p = { .path = mc_git_text(f->new_path, strlen(f->new_path), 1000), .line = (int)s->spot.line, .function = mc_strdup(s->function),
		.reason = mc_git_text(s->spot.reason, strlen(s->spot.reason), sizeof s->spot.reason), .text = mc_strdup(s->text), .rank = s->spot.rank };
	v[k->nplaces++] = p;
	return p.path && p.function && p.reason && p.text ? 0 : mc_nomem(err, "places");
}

static size_t newest_touching(const struct mc_range *g, const char *path)
{
	uint64_t h = mc_path_hash(path);
	for (size_t i = 0; i < g->n; i++)
		if (mc_range_touches(g, i, h) == 1)
			return i;
	return MC_OUTSIDE;
}

/* The suspects [a, b) are all of one file. */
static int give_out(struct mc_repo *r, const struct mc_range *g, const struct mc_file *f, const struct mc_suspect *v, size_t n,
	struct mc_commit *commits, struct mc_error *err)
{
	uint32_t *lines = mc_reallocarray(NULL, n, sizeof *lines);
	size_t *origin = mc_reallocarray(NULL, n, sizeof *origin);
	int rc = lines && origin ? 0 : mc_nomem(err, "places");
	for (size_t i = 0; rc == 0 && i < n; i++)
		lines[i] = v[i].spot.cause;
	if (rc == 0 && f->new_mode == GIT_FILEMODE_COMMIT)
		origin[0] = newest_touching(g, f->new_path);
	else if (rc == 0)
		rc = mc_line_walk(r, g, f->new_path, lines, n, origin, err);
	for (size_t i = 0; rc == 0 && i < n; i++) {
		if (v[i].spot.removed)
			rc = mc_line_removed(r, g, f->new_path, v[i].cause, v[i].cause_len, &origin[i], err);
		/* a line that no commit of the range brought is not held against one */
		if (rc == 0 && origin[i] != MC_OUTSIDE)
			rc = add_place(&commits[origin[i]], f, &v[i], err);
	}
	free(lines);
	free(origin);
	return rc;
}

static int by_rank(const void *a, const void *b)
{
	const struct mc_place *x = a, *y = b;
	if (x->rank != y->rank)
		return x->rank < y->rank ? -1 : 1;
	int c = strcmp(x->path, y->path);
	return c ? c : (x->line > y->line) - (x->line < y->line);
}

/* Lines of code, weighed by the strongest reason to look at them. Only an order: it is never shown. Factors and what
 * they find are in docs/ranking.md; measure there before changing them. */
static uint64_t weight(const struct mc_commit *k)
{
	static const struct {
		int rank;
		unsigned factor;
	} table[] = { { 12, 200 }, { 20, 74 }, { 35, 27 }, { 69, 16 }, { INT_MAX, 10 } };
	size_t i = 0;
	while (k->nplaces && k->places[0].rank > table[i].rank)
		i++;
	return ((uint64_t)k->code_added + 1) * (k->nplaces ? table[i].factor : 10);
}

/* A place in a test is no suspect: tests do not run here. */
static bool is_suspect(const struct mc_commit *k)
{
	return k->nplaces > 0 && k->places[0].rank < MC_RANK_TEST;
}

static int by_suspicion(const void *a, const void *b)
{
	const struct mc_commit *x = a, *y = b;
	uint64_t wx = weight(x), wy = weight(y);
	if (is_suspect(x) != is_suspect(y))
		return is_suspect(x) ? -1 : 1;
	if (wx != wy)
		return wx > wy ? -1 : 1;
	if (x->added != y->added)
		return x->added > y->added ? -1 : 1;
	if (x->commit_ms != y->commit_ms)
		return x->commit_ms > y->commit_ms ? -1 : 1;
	return strcmp(x->id, y->id);
}

static int find_places(struct mc_repo *r, const struct mc_range *g, const struct ends *e, struct mc_changes *c, struct mc_error *err)
{
	struct mc_release d = { 0 };
	struct mc_suspects s = { 0 };
	int rc = mc_release_diff(r, e->from_tree, e->to_tree, true, MOST_FILES, &d, err);
	if (rc == 0) {
		c->truncated |= d.truncated;
		rc = mc_suspects_find(r, &d, e->to_tree, &s, err);
	}
	for (size_t a = 0, b; rc == 0 && a < s.n; a = b) {
		for (b = a + 1; b < s.n && s.v[b].file == s.v[a].file;)
			b++;
		rc = give_out(r, g, &d.files[s.v[a].file], &s.v[a], b - a, c->commits, err);
	}
	for (size_t i = 0; rc == 0 && i < c->ncommits; i++)
		if (c->commits[i].nplaces > 1)
			qsort(c->commits[i].places, c->commits[i].nplaces, sizeof *c->commits[i].places, by_rank);
	mc_suspects_release(&s);
	mc_release_release(&d);
	return rc;
}

/* What the old side has and the new one has not. */
static int other_side(struct mc_repo *r, const struct ends *e, struct mc_buf *b, struct mc_error *err)
{
	struct mc_range g = { 0 };
	int rc = mc_range_walk(r, git_commit_id(e->to), git_commit_id(e->from), MOST_COMMITS, &g, err);
	if (rc < 0)
		return rc;
	mc_buf_printf(b, "The two revisions have diverged: %zu commit%s of the old one %s not in the new one (", g.n, g.n == 1 ? "" : "s",
		g.n == 1 ? "is" : "are");
	for (size_t i = 0; i < g.n && i < 3; i++) {
		char hex[13];
		git_oid_tostr(hex, sizeof hex, &g.ids[i]);
		mc_buf_printf(b, "%s%s", i ? ", " : "", hex);
	}
	mc_buf_str(b, g.n > 3 ? ", ...); " : "); ");
	mc_buf_str(b, "listed are those that only the new one has. ");
	mc_range_release(&g);
	return 0;
}

static int write_note(struct mc_repo *r, struct mc_changes *c, const struct ends *e, bool given, bool cut, struct mc_error *err)
{
	struct mc_buf b = { 0 };
	int rc = 0;
	if (!given)
		mc_buf_str(&b, "What ran before is not known: these are the changes of this commit alone. ");
	if (e->from && git_oid_equal(git_commit_id(e->from), git_commit_id(e->to)))
		mc_buf_str(&b, "Both revisions are the same commit. ");
	if (c->rollback)
		mc_buf_printf(&b, "A rollback: it took back %zu commit%s, listed here. ", c->ncommits, c->ncommits == 1 ? "" : "s");
	bool shallow = git_repository_is_shallow(r->git) == 1;
	if (c->diverged && shallow)
		mc_buf_str(&b, "This clone is shallow and does not hold what joins the two revisions: commits of the release are missing here; "
			       "'git fetch --unshallow' brings them. ");
	else if (c->diverged)
		rc = other_side(r, e, &b, err);
	if (cut)
		mc_buf_printf(&b, "Only the newest %d commits of the range are listed. ", MOST_COMMITS);
	else if (c->ncommits > MOST_COMPARED)
		mc_buf_printf(&b, "Files and lines are counted for the newest %d commits only. ", MOST_COMPARED);
	if (c->ncommits > 5 && is_suspect(&c->commits[0]))
		mc_buf_printf(&b, "%s ", c->ncommits <= MC_HIT_RATE_COMMITS ? MC_HIT_RATE : MC_HIT_RATE_LARGE);
	if (b.len > 0)
		b.data[--b.len] = '\0';
	if (rc == 0)
		rc = mc_buf_check(&b, err);
	if (rc < 0) {
		mc_buf_release(&b);
		return rc;
	}
	c->note = b.data ? b.data : mc_strdup("");
	return c->note ? 0 : mc_nomem(err, "a note");
}

int mc_repo_changes(struct mc_repo *r, const char *from, const char *to, struct mc_changes *ret, struct mc_error *err)
{
	struct ends e = { 0 };
	struct mc_range g = { 0 };
	struct mc_changes c = { 0 };
	int rc = open_ends(r, from, to, &e, err);
	if (rc == 0)
		rc = relation(r, &e, &c, err);
	if (rc < 0)
		goto out;
	git_oid_tostr(c.to, sizeof c.to, git_commit_id(e.to));
	if (e.from)
		git_oid_tostr(c.from, sizeof c.from, git_commit_id(e.from));
	const git_oid *a = e.from ? git_commit_id(e.from) : NULL, *b = git_commit_id(e.to);
	rc = c.rollback ? mc_range_walk(r, b, a, MOST_COMMITS, &g, err) : mc_range_walk(r, a, b, MOST_COMMITS, &g, err);
	if (rc < 0)
		goto out;
	c.truncated = g.truncated || g.n > MOST_COMPARED;
	c.commits = calloc(g.n + 1, sizeof *c.commits);
	if (!c.commits) {
		rc = mc_nomem(err, "commits");
		goto out;
	}
	c.ncommits = g.n;
	for (size_t i = 0; rc == 0 && i < g.n; i++)
		rc = fill_commit(r, &g, i, i < MOST_COMPARED, &c.commits[i], err);
	/* what was taken back is not where a growth after the rollback can come from */
	if (rc == 0 && !c.rollback && g.n > 0)
		rc = find_places(r, &g, &e, &c, err);
	if (rc == 0 && c.ncommits > 1)
		qsort(c.commits, c.ncommits, sizeof *c.commits, by_suspicion);
	if (rc == 0)
		rc = write_note(r, &c, &e, from && from[0], g.truncated, err);
out:
	mc_range_release(&g);
	close_ends(&e);
	if (rc < 0) {
		mc_changes_release(&c);
		return rc;
	}
	*ret = c;
	return 0;
}
