/* From a line of the new revision back to the commit of the range that brought it. libgit2's blame costs
 * seconds a line because it goes to the beginning of history; this stops at the range's edge and passes
 * commits in which the file is the same without opening anything. */
#include "range.h"

#include <stdlib.h>
#include <string.h>

struct want {
	size_t slot;
	uint32_t line;
};

/* Lines that were found to come from this commit, or from before it. */
struct work {
	size_t commit;
	char *path;
	struct want *w;
	size_t n;
};

struct walk {
	struct mc_repo *r;
	const struct mc_range *g;
	struct work *todo;
	size_t n, cap;
	size_t *ret;
};

static int push(struct walk *k, size_t commit, const char *path, struct want *w, size_t n, struct mc_error *err)
{
	int rc = mc_grow((void **)&k->todo, &k->cap, k->n + 1, sizeof *k->todo, err);
	char *copy = rc == 0 ? mc_strdup(path) : NULL;
	if (!copy) {
		free(w);
		return rc < 0 ? rc : mc_nomem(err, "a path");
	}
	k->todo[k->n++] = (struct work){ .commit = commit, .path = copy, .w = w, .n = n };
	return 0;
}

/* The file in the commit's tree. 0; 1: not there. */
static int file_in(struct walk *k, const git_oid *commit, const char *path, git_oid *id, unsigned *mode, struct mc_error *err)
{
	git_commit *c = NULL;
	git_tree *t = NULL;
	git_tree_entry *e = NULL;
	int g = git_commit_lookup(&c, k->r->git, commit);
	if (g == 0)
		g = git_commit_tree(&t, c);
	if (g == 0)
		g = git_tree_entry_bypath(&e, t, path);
	int rc = g == 0 ? 0 : g == GIT_ENOTFOUND && t ? 1 : mc_git_fail(k->r, g, "a commit of the range", err);
	if (rc == 0) {
		*id = *git_tree_entry_id(e);
		*mode = git_tree_entry_filemode(e);
	}
	git_tree_entry_free(e);
	git_tree_free(t);
	git_commit_free(c);
	return rc;
}

/* What the file was called in the parent. 0 with *was to free(); 1: it began here. */
static int renamed_from(struct walk *k, const git_oid *parent, const git_oid *child, const char *path, char **was, struct mc_error *err)
{
	git_commit *a = NULL, *b = NULL;
	git_tree *ta = NULL, *tb = NULL;
	git_diff *d = NULL;
	git_diff_find_options fo;
	git_diff_find_options_init(&fo, GIT_DIFF_FIND_OPTIONS_VERSION);
	fo.flags = GIT_DIFF_FIND_RENAMES;
	fo.rename_limit = 400;
	int rc = 1;
	if (git_commit_lookup(&a, k->r->git, parent) == 0 && git_commit_lookup(&b, k->r->git, child) == 0 && git_commit_tree(&ta, a) == 0 &&
		git_commit_tree(&tb, b) == 0 && git_diff_tree_to_tree(&d, k->r->git, ta, tb, NULL) == 0 && git_diff_num_deltas(d) <= 2000 &&
		git_diff_find_similar(d, &fo) == 0)
		for (size_t i = 0; i < git_diff_num_deltas(d) && rc == 1; i++) {
			const git_diff_delta *e = git_diff_get_delta(d, i);
			if (e->status == GIT_DELTA_RENAMED && strcmp(e->new_file.path, path) == 0) {
				*was = mc_strdup(e->old_file.path);
				rc = *was ? 0 : mc_nomem(err, "a path");
			}
		}
	git_diff_free(d);
	git_tree_free(ta);
	git_tree_free(tb);
	git_commit_free(a);
	git_commit_free(b);
	return rc;
}

/* Where the line was before the hunks, or 0 where one of them brought it. */
static uint32_t line_before(const struct mc_hunk *h, size_t n, uint32_t line)
{
	int64_t shift = 0;
	for (size_t i = 0; i < n; i++) {
		uint32_t start = h[i].new_lines ? h[i].new_start : h[i].new_start + 1;
		if (line < start)
			break;
		if (line < start + h[i].new_lines)
			return 0;
		shift += (int64_t)h[i].old_lines - (int64_t)h[i].new_lines;
	}
	return (uint32_t)(line + shift);
}

/* Gives the lines that parent p has already to it; those that stay are kept in job. */
static int pass_changed(struct walk *k, struct work *job, size_t p, const char *path, const git_oid *mine, unsigned mode, const git_oid *its,
	unsigned its_mode, struct mc_error *err)
{
	git_blob *a = mc_file_blob(k->r, its, its_mode), *b = mc_file_blob(k->r, mine, mode);
	struct mc_hunk *h = NULL;
	size_t n = 0, la, lb, given = 0, kept = 0;
	const char *ta = mc_blob_text(a, &la), *tb = mc_blob_text(b, &lb);
	int rc = a && b ? mc_hunks(ta, la, tb, lb, &h, &n, err) : 0;
	struct want *w = rc == 0 && a && b ? mc_reallocarray(NULL, job->n, sizeof *w) : NULL;
	if (rc == 0 && a && b && !w)
		rc = mc_nomem(err, "lines");
	if (rc == 0 && w) {
		for (size_t i = 0; i < job->n; i++) {
			uint32_t was = line_before(h, n, job->w[i].line);
			if (was)
				w[given++] = (struct want){ job->w[i].slot, was };
			else
				job->w[kept++] = job->w[i];
		}
		job->n = kept;
		if (given > 0 && k->g->parents[p] != MC_OUTSIDE) {
			rc = push(k, k->g->parents[p], path, w, given, err);
			w = NULL;
		}
	}
	free(w);
	free(h);
	git_blob_free(a);
	git_blob_free(b);
	return rc;
}

/* All of job's lines go to parent p, where the file is the same. */
static int pass_all(struct walk *k, struct work *job, size_t p, const char *path, struct mc_error *err)
{
	size_t n = job->n;
	struct want *w = job->w;
	job->n = 0;
	if (k->g->parents[p] == MC_OUTSIDE)
		return 0;
	job->w = NULL;
	return push(k, k->g->parents[p], path, w, n, err);
}

static int pass_to_parents(struct walk *k, struct work *job, struct mc_error *err)
{
	const struct mc_range *g = k->g;
	size_t first = g->first_parent[job->commit], end = g->first_parent[job->commit + 1];
	git_oid mine, its;
	unsigned mode = 0, its_mode = 0;
	if (end == first)
		return 0;
	if (end == first + 1 && mc_range_touches(g, job->commit, mc_path_hash(job->path)) == 0)
		return pass_all(k, job, first, job->path, err);
	int rc = file_in(k, &g->ids[job->commit], job->path, &mine, &mode, err);
	/* as git blame does: a parent with the very same file answers for all of it */
	for (size_t p = first; rc == 0 && p < end && job->n > 0; p++) {
		rc = file_in(k, &g->parent_ids[p], job->path, &its, &its_mode, err);
		if (rc == 0 && git_oid_equal(&mine, &its))
			rc = pass_all(k, job, p, job->path, err);
		rc = rc > 0 ? 0 : rc;
	}
	for (size_t p = first; rc == 0 && p < end && job->n > 0; p++) {
		char *was = NULL;
		rc = file_in(k, &g->parent_ids[p], job->path, &its, &its_mode, err);
		if (rc == 1) {
			rc = renamed_from(k, &g->parent_ids[p], &g->ids[job->commit], job->path, &was, err);
			if (rc == 0)
				rc = file_in(k, &g->parent_ids[p], was, &its, &its_mode, err);
		}
		if (rc == 0)
			rc = git_oid_equal(&mine, &its) ? pass_all(k, job, p, was ? was : job->path, err)
							: pass_changed(k, job, p, was ? was : job->path, &mine, mode, &its, its_mode, err);
		free(was);
		rc = rc > 0 ? 0 : rc;
	}
	return rc > 0 ? 0 : rc;
}

/* The job whose commit comes first: its children are done by then. */
static struct work take_next(struct walk *k)
{
	size_t best = 0;
	for (size_t i = 1; i < k->n; i++)
		if (k->todo[i].commit < k->todo[best].commit)
			best = i;
	struct work job = k->todo[best];
	k->todo[best] = k->todo[--k->n];
	return job;
}

int mc_line_walk(struct mc_repo *r, const struct mc_range *g, const char *path, const uint32_t *lines, size_t n, size_t *ret, struct mc_error *err)
{
	struct walk k = { .r = r, .g = g, .ret = ret };
	for (size_t i = 0; i < n; i++)
		ret[i] = MC_OUTSIDE;
	if (n == 0 || g->n == 0)
		return 0;
	struct want *w = mc_reallocarray(NULL, n, sizeof *w);
	if (!w)
		return mc_nomem(err, "lines");
	for (size_t i = 0; i < n; i++)
		w[i] = (struct want){ i, lines[i] };
	int rc = push(&k, 0, path, w, n, err);
	while (rc == 0 && k.n > 0) {
		struct work job = take_next(&k);
		rc = pass_to_parents(&k, &job, err);
		for (size_t i = 0; rc == 0 && i < job.n; i++)
			ret[job.w[i].slot] = job.commit;
		free(job.w);
		free(job.path);
	}
	for (size_t i = 0; i < k.n; i++) {
		free(k.todo[i].w);
		free(k.todo[i].path);
	}
	free(k.todo);
	return rc;
}

static bool removes(const char *a, size_t la, const struct mc_hunk *h, size_t n, const char *text, size_t len)
{
	size_t line = 1, at = 0, i = 0;
	while (at < la && i < n) {
		const char *nl = memchr(a + at, '\n', la - at);
		size_t l = nl ? (size_t)(nl - (a + at)) : la - at;
		while (i < n && line >= h[i].old_start + h[i].old_lines)
			i++;
		if (i < n && h[i].old_lines && line >= h[i].old_start && l == len && memcmp(a + at, text, len) == 0)
			return true;
		at += l + 1;
		line++;
	}
	return false;
}

int mc_line_removed(struct mc_repo *r, const struct mc_range *g, const char *path, const char *text, size_t len, size_t *ret,
	struct mc_error *err)
{
	struct walk k = { .r = r, .g = g };
	uint64_t hash = mc_path_hash(path);
	int rc = 0;
	*ret = MC_OUTSIDE;
	for (size_t c = 0; c < g->n && rc == 0; c++) {
		if (g->first_parent[c + 1] != g->first_parent[c] + 1 || mc_range_touches(g, c, hash) == 0)
			continue;
		git_oid mine, its;
		unsigned mode = 0, its_mode = 0;
		int a = file_in(&k, &g->ids[c], path, &mine, &mode, err);
		int b = a == 0 ? file_in(&k, &g->parent_ids[g->first_parent[c]], path, &its, &its_mode, err) : a;
		if (a < 0 || b < 0)
			return a < 0 ? a : b;
		if (a || b || git_oid_equal(&mine, &its))
			continue;
		git_blob *was = mc_file_blob(r, &its, its_mode), *is = mc_file_blob(r, &mine, mode);
		struct mc_hunk *h = NULL;
		size_t n = 0, lw, li;
		const char *tw = mc_blob_text(was, &lw), *ti = mc_blob_text(is, &li);
		rc = was && is ? mc_hunks(tw, lw, ti, li, &h, &n, err) : 0;
		bool found = rc == 0 && removes(tw, lw, h, n, text, len);
		free(h);
		git_blob_free(was);
		git_blob_free(is);
		if (found) {
			*ret = c;
			return 0;
		}
	}
	return rc;
}
