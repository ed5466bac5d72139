/* What the repository, the configured one or the work tree it runs from, knows of a deploy that was recognised: its tag
 * where a commit is known, its commit where a version is, and when both were made. Asked by the worker, once a deploy; written by the loop. */
#include "daemon_tags.h"

#include <stdlib.h>
#include <string.h>

#include "daemon_builds.h"
#include "deploys.h"

struct found {
	int64_t program, id;
	struct mc_revision rev;
};

static int fill(char **to, const char *from, bool *changed, struct mc_error *err)
{
	if (!from[0] || (*to && (*to)[0]))
		return 0;
	char *copy = mc_strdup(from);
	if (!copy)
		return mc_nomem(err, "a deploy");
	free(*to);
	*to = copy;
	*changed = true;
	return 0;
}

/* Only blanks are filled: a mark may have come meanwhile, and knows best. */
static int fill_row(struct mc_deploy_row *row, const struct mc_revision *rev, bool *changed, struct mc_error *err)
{
	int rc = fill(&row->version, rev->version, changed, err);
	if (rc == 0)
		rc = fill(&row->commit, rev->commit, changed, err);
	/* a tag that was made after the first look */
	if (rc == 0 && *changed && !row->tag_ms && row->version && strcmp(row->version, rev->version) == 0)
		row->tag_ms = rev->tag_ms;
	/* times are those of the commit that runs, not of another that a moved tag names now */
	if (rc == 0 && !row->commit_ms && row->commit && strncmp(row->commit, rev->commit, strlen(row->commit)) == 0) {
		row->author_ms = rev->author_ms;
		row->commit_ms = rev->commit_ms;
		row->tag_ms = rev->tag_ms;
		*changed = true;
	}
	return rc;
}

static int write_found(struct daemon *d, void *arg, struct mc_error *err)
{
	const struct found *f = arg;
	struct mc_deploy_row *rows = NULL;
	size_t n = 0;
	bool changed = false;
	int rc = d->store ? mc_store_deploys(d->store, f->program, &rows, &n, err) : 0;
	for (size_t i = 0; rc == 0 && i < n; i++) {
		if (rows[i].id != f->id || (rc = fill_row(&rows[i], &f->rev, &changed, err)) < 0 || !changed)
			continue;
		rc = mc_store_deploy_update(d->store, &rows[i], err);
		for (size_t k = 0; rc == 0 && k < d->nprograms; k++)
			if (d->programs[k].id == f->program && d->programs[k].name)
				builds_name(d, &d->programs[k], &rows[i]);
	}
	mc_store_deploys_free(rows, n);
	return rc;
}

static bool is_open_question(const struct mc_deploy_row *row, int64_t asked_id)
{
	bool version = row->version && row->version[0], named = version || (row->commit && row->commit[0]);
	return row->id > asked_id && named && strcmp(row->source ? row->source : "", DEPLOYS_LIBRARY) != 0 && (!row->commit_ms || !version);
}

bool tags_moved(const struct mc_program_config *p, uint64_t *refs)
{
	bool first = *refs == 0;
	/* one that is gone is said where the release is looked into */
	return p && p->repository && mc_repo_watch(p->repository, refs, NULL) == 1 && !first;
}

/* The repository to ask of the row; *repo is the one of the row before, or NULL. False: there is none. */
static bool open_for(const struct mc_program_config *p, const struct mc_deploy_row *row, struct mc_repo **repo)
{
	char *path = NULL;
	bool configured = p && p->repository;
	if (configured && *repo)
		return true;
	mc_repo_close(*repo);
	*repo = NULL;
	if (!configured && deploys_own_worktree(row, &path, NULL) < 0)
		return false;
	/* one that cannot be opened is said where the release is looked into */
	bool open = (configured || path) && mc_repo_open(configured ? p->repository : path, repo, NULL) == 0;
	free(path);
	return open;
}

void tags_ask(struct daemon_shared *shared, struct mc_store *s, const struct mc_program_config *p, int64_t program, int64_t *asked_id)
{
	struct mc_deploy_row *rows = NULL;
	struct mc_repo *repo = NULL;
	size_t n = 0;
	if (mc_store_deploys(s, program, &rows, &n, NULL) < 0)
		return;
	int64_t newest = *asked_id;
	for (size_t i = 0; i < n; i++) {
		const struct mc_deploy_row *row = &rows[i];
		struct found f = { .program = program, .id = row->id };
		if (!is_open_question(row, *asked_id))
			continue;
		if (row->id > newest)
			newest = row->id;
		if (open_for(p, row, &repo) &&
			mc_repo_resolve(repo, row->commit && row->commit[0] ? row->commit : row->version, p ? p->tags : NULL, &f.rev, NULL) == 0)
			daemon_call(shared, write_found, &f, NULL);
	}
	*asked_id = newest;
	mc_repo_close(repo);
	mc_store_deploys_free(rows, n);
}
