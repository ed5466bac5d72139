/* Walking (from, to] and comparing trees and files. Attributes and drivers of the repository are never
 * asked: files are compared as bare buffers, so that no .gitattributes can hide a change. */
#include "range.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_PARENTS = 16, RENAME_LIMIT = 400 };

uint64_t mc_path_hash(const char *path)
{
	uint64_t h = 14695981039346656037u;
	for (; *path; path++)
		h = (h ^ (unsigned char)*path) * 1099511628211u;
	return h ? h : 1;
}

void mc_range_release(struct mc_range *g)
{
	for (size_t i = 0; g->touched && i < g->n; i++)
		free(g->touched[i]);
	free(g->touched);
	free(g->ids);
	free(g->first_parent);
	free(g->parents);
	free(g->parent_ids);
	mc_map_free(g->index);
	*g = (struct mc_range){ 0 };
}

static int list_ids(struct mc_repo *r, const git_oid *from, const git_oid *to, size_t most, struct mc_range *g, struct mc_error *err)
{
	git_revwalk *w = NULL;
	int rc = 0, e = git_revwalk_new(&w, r->git);
	if (e == 0)
		e = git_revwalk_sorting(w, GIT_SORT_TOPOLOGICAL | GIT_SORT_TIME);
	if (e == 0)
		e = git_revwalk_push(w, to);
	if (e == 0 && from)
		e = git_revwalk_hide(w, from);
	git_oid id;
	while (rc == 0 && e == 0 && (e = git_revwalk_next(&id, w)) == 0) {
		if (g->n >= most) {
			g->truncated = true;
			break;
		}
		rc = mc_grow((void **)&g->ids, &g->cap, g->n + 1, sizeof *g->ids, err);
		if (rc == 0 && mc_map_set(g->index, (const char *)id.id, GIT_OID_RAWSZ, g->n) < 0)
			rc = mc_nomem(err, "a range of commits");
		if (rc == 0)
			g->ids[g->n++] = id;
	}
	if (rc == 0 && e < 0 && e != GIT_ITEROVER)
		rc = mc_git_fail(r, e, "walking its commits", err);
	git_revwalk_free(w);
	return rc;
}

static int list_parents(struct mc_repo *r, struct mc_range *g, struct mc_error *err)
{
	size_t cap = 0, cap_ids = 0;
	g->first_parent = calloc(g->n + 1, sizeof *g->first_parent);
	g->touched = calloc(g->n + 1, sizeof *g->touched);
	if (!g->first_parent || !g->touched)
		return mc_nomem(err, "a range of commits");
	for (size_t i = 0; i < g->n; i++) {
		git_commit *c = NULL;
		int e = git_commit_lookup(&c, r->git, &g->ids[i]), rc = 0;
		if (e < 0)
			return mc_git_fail(r, e, "a commit of the range", err);
		unsigned n = git_commit_parentcount(c);
		for (unsigned k = 0; rc == 0 && k < n && k < MOST_PARENTS; k++) {
			const git_oid *p = git_commit_parent_id(c, k);
			uint64_t at;
			if (mc_grow((void **)&g->parents, &cap, g->nparents + 1, sizeof *g->parents, err) < 0 ||
				mc_grow((void **)&g->parent_ids, &cap_ids, g->nparents + 1, sizeof *g->parent_ids, err) < 0) {
				rc = MC_ENOMEM;
				break;
			}
			g->parent_ids[g->nparents] = *p;
			g->parents[g->nparents++] = mc_map_get(g->index, (const char *)p->id, GIT_OID_RAWSZ, &at) ? (size_t)at : MC_OUTSIDE;
		}
		git_commit_free(c);
		if (rc < 0)
			return rc;
		g->first_parent[i + 1] = g->nparents;
	}
	return 0;
}

int mc_range_walk(struct mc_repo *r, const git_oid *from, const git_oid *to, size_t most, struct mc_range *ret, struct mc_error *err)
{
	struct mc_range g = { .index = mc_map_new() };
	int rc = 0;
	if (!g.index)
		rc = mc_nomem(err, "a range of commits");
	else if (git_repository_is_shallow(r->git) == 1)
		rc = mc_shallow_list(r, from, to, most, &g, err);
	else
		rc = list_ids(r, from, to, most, &g, err);
	if (rc == 0)
		rc = list_parents(r, &g, err);
	if (rc < 0) {
		mc_range_release(&g);
		return rc;
	}
	*ret = g;
	return 0;
}

int mc_range_touches(const struct mc_range *g, size_t commit, uint64_t hash)
{
	if (!g->touched[commit])
		return -1;
	for (const uint64_t *h = g->touched[commit]; *h; h++)
		if (*h == hash)
			return 1;
	return 0;
}

/* ---- files ---- */

git_blob *mc_file_blob(struct mc_repo *r, const git_oid *id, unsigned mode)
{
	git_blob *b = NULL;
	if (mode != GIT_FILEMODE_BLOB && mode != GIT_FILEMODE_BLOB_EXECUTABLE && mode != 0100664)
		return NULL;
	/* the size first: nobody should make us unpack gigabytes */
	git_odb *odb = NULL;
	size_t size = 0;
	git_object_t type;
	bool small = git_repository_odb(&odb, r->git) == 0 && git_odb_read_header(&size, &type, odb, id) == 0 && size <= MC_FILE_MAX;
	git_odb_free(odb);
	return small && git_blob_lookup(&b, r->git, id) == 0 ? b : NULL;
}

const char *mc_blob_text(const git_blob *b, size_t *len)
{
	*len = b ? (size_t)git_blob_rawsize(b) : 0;
	return *len ? git_blob_rawcontent(b) : "";
}

struct hunks {
	struct mc_hunk *v;
	size_t n, cap;
	bool failed;
};

static int take_hunk(const git_diff_delta *delta, const git_diff_hunk *h, void *user)
{
	struct hunks *k = user;
	(void)delta;
	if (mc_grow((void **)&k->v, &k->cap, k->n + 1, sizeof *k->v, NULL) < 0) {
		k->failed = true;
		return -1;
	}
	k->v[k->n++] = (struct mc_hunk){ (uint32_t)h->old_start, (uint32_t)h->old_lines, (uint32_t)h->new_start, (uint32_t)h->new_lines };
	return 0;
}

int mc_hunks(const char *old, size_t old_len, const char *new, size_t new_len, struct mc_hunk **ret, size_t *n, struct mc_error *err)
{
	struct hunks k = { 0 };
	git_diff_options o;
	if (old_len > MC_FILE_MAX || new_len > MC_FILE_MAX)
		return mc_fail(err, MC_ELIMIT, 0, "a file of %zu bytes", old_len > new_len ? old_len : new_len);
	git_diff_options_init(&o, GIT_DIFF_OPTIONS_VERSION);
	o.context_lines = 0;
	o.flags = GIT_DIFF_FORCE_TEXT | GIT_DIFF_INDENT_HEURISTIC;
	int e = git_diff_buffers(old, old_len, NULL, new, new_len, NULL, &o, NULL, NULL, take_hunk, NULL, &k);
	if (k.failed || e < 0) {
		free(k.v);
		return k.failed ? mc_nomem(err, "hunks") : mc_fail(err, MC_EIO, 0, "files could not be compared");
	}
	*ret = k.v;
	*n = k.n;
	return 0;
}

static int fill_hunks(struct mc_repo *r, struct mc_file *f, struct mc_error *err)
{
	git_blob *a = f->old_mode ? mc_file_blob(r, &f->old_id, f->old_mode) : NULL;
	git_blob *b = f->new_mode ? mc_file_blob(r, &f->new_id, f->new_mode) : NULL;
	int rc = 0;
	bool plain = f->old_mode != GIT_FILEMODE_COMMIT && f->new_mode != GIT_FILEMODE_COMMIT && f->old_mode != GIT_FILEMODE_LINK &&
		f->new_mode != GIT_FILEMODE_LINK;
	f->large = plain && ((f->old_mode && !a) || (f->new_mode && !b));
	f->binary = !plain || (a && git_blob_is_binary(a)) || (b && git_blob_is_binary(b));
	if (!f->large && !f->binary) {
		size_t la, lb;
		const char *ta = mc_blob_text(a, &la), *tb = mc_blob_text(b, &lb);
		rc = mc_hunks(ta, la, tb, lb, &f->hunks, &f->nhunks, err);
		for (size_t i = 0; rc == 0 && i < f->nhunks; i++) {
			f->added += f->hunks[i].new_lines;
			f->removed += f->hunks[i].old_lines;
		}
	}
	git_blob_free(a);
	git_blob_free(b);
	return rc;
}

void mc_release_release(struct mc_release *d)
{
	for (size_t i = 0; i < d->n; i++) {
		free(d->files[i].old_path);
		free(d->files[i].new_path);
		free(d->files[i].hunks);
	}
	free(d->files);
	*d = (struct mc_release){ 0 };
}

static int take_delta(struct mc_repo *r, const git_diff_delta *d, struct mc_release *ret, struct mc_error *err)
{
	int rc = mc_grow((void **)&ret->files, &ret->cap, ret->n + 1, sizeof *ret->files, err);
	if (rc < 0)
		return rc;
	struct mc_file *f = &ret->files[ret->n++];
	*f = (struct mc_file){ .old_path = mc_strdup(d->old_file.path), .new_path = mc_strdup(d->new_file.path), .old_id = d->old_file.id,
		.new_id = d->new_file.id, .old_mode = d->old_file.mode, .new_mode = d->new_file.mode, .rank = INT_MAX,
		.renamed = d->status == GIT_DELTA_RENAMED };
	if (!f->old_path || !f->new_path)
		return mc_nomem(err, "a file's name");
	return fill_hunks(r, f, err);
}

int mc_release_diff(struct mc_repo *r, git_tree *from, git_tree *to, bool renames, size_t most, struct mc_release *ret, struct mc_error *err)
{
	git_diff *diff = NULL;
	git_diff_options o;
	git_diff_find_options fo;
	struct mc_release d = { 0 };
	git_diff_options_init(&o, GIT_DIFF_OPTIONS_VERSION);
	git_diff_find_options_init(&fo, GIT_DIFF_FIND_OPTIONS_VERSION);
	o.flags = GIT_DIFF_SKIP_BINARY_CHECK | GIT_DIFF_INCLUDE_TYPECHANGE;
	fo.flags = GIT_DIFF_FIND_RENAMES | GIT_DIFF_FIND_IGNORE_WHITESPACE;
	fo.rename_limit = RENAME_LIMIT;
	int rc = 0, e = git_diff_tree_to_tree(&diff, r->git, from, to, &o);
	if (e == 0 && renames && git_diff_num_deltas(diff) <= 5000)
		e = git_diff_find_similar(diff, &fo);
	if (e < 0)
		rc = mc_git_fail(r, e, "comparing two commits", err);
	size_t n = rc == 0 ? git_diff_num_deltas(diff) : 0;
	d.truncated = n > most;
	for (size_t i = 0; rc == 0 && i < n && i < most; i++)
		rc = take_delta(r, git_diff_get_delta(diff, i), &d, err);
	git_diff_free(diff);
	if (rc < 0) {
		mc_release_release(&d);
		return rc;
	}
	*ret = d;
	return 0;
}
