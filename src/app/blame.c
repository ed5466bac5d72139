/* The one 'answer' use case: attribute the growth, then look into the culprit's release. */
#include "deploys.h"

#include <stdlib.h>
#include <string.h>

static int note(struct mc_blame *b, struct mc_error *err, const char *text)
{
	free(b->changes_note);
	b->changes_note = mc_strdup(text);
	return b->changes_note ? 0 : mc_nomem(err, "a note");
}

/* What ran before deploy k: the newest earlier deploy that is another version or commit. */
static const struct mc_deploy_mark *ran_before(const struct mc_case *c, size_t k)
{
	const struct mc_deploy_mark *d = &c->deploys[k];
	while (k-- > 0) {
		const struct mc_deploy_mark *p = &c->deploys[k];
		if (p->source != MC_DEPLOY_LIBRARY && (strcmp(p->commit, d->commit) != 0 || strcmp(p->version, d->version) != 0))
			return p;
	}
	return NULL;
}

static const char *revision_of(const char *commit, const char *version)
{
	return commit[0] ? commit : version;
}

/* Lives with an updated library have the update's name, which no repository knows. */
static bool names_library(const struct mc_case *c, const char *version)
{
	for (size_t i = 0; i < c->ndeploys; i++)
		if (c->deploys[i].source == MC_DEPLOY_LIBRARY && strcmp(c->deploys[i].version, version) == 0)
			return true;
	return false;
}

/* What runs before the first deploy was never deployed while we looked; its lives may tell. */
static const char *initial_revision(const struct mc_case *c, const struct mc_deploy_mark *first)
{
	for (size_t i = 0; i < c->nlives; i++) {
		const struct mc_life *l = &c->lives[i];
		const char *rev = revision_of(l->commit, l->version);
		if (l->start_ms < first->unix_ms && rev[0] && !names_library(c, rev) && strcmp(l->commit, first->commit) != 0 && strcmp(l->version, first->version) != 0)
			return rev;
	}
	return "";
}

/* The deploy whose release the reader should see: the culprit, else the likeliest where it leads at all. */
static size_t suspect(const struct mc_answer *a)
{
	if (a->culprit != MC_NO_DEPLOY)
		return a->candidates[a->culprit].deploy;
	bool growth = a->verdict == MC_VERDICT_LEAK || a->verdict == MC_VERDICT_STEP;
	return growth && a->ncandidates > 0 && a->candidates[0].probability >= 0.2 ? a->candidates[0].deploy : MC_NO_DEPLOY;
}

static int read_changes(struct mc_blame *b, const char *path, const char *from, const char *to, struct mc_error *err)
{
	struct mc_error why;
	struct mc_repo *repo = NULL;
	int rc = mc_repo_open(path, &repo, &why);
	if (rc == 0)
		rc = mc_repo_changes(repo, from, to, &b->changes, &why);
	mc_repo_close(repo);
	b->has_changes = rc == 0;
	if (rc == MC_ENOMEM)
		return mc_nomem(err, "the release's commits");
	/* an answer without its commits is still an answer */
	return rc < 0 ? note(b, err, why.text) : 0;
}

static int look_into_release(struct mc_blame *b, const char *path, size_t k, struct mc_error *err)
{
	const struct mc_case *c = &b->scenario.c;
	const struct mc_deploy_mark *before = ran_before(c, k), *d = &c->deploys[k];
	const char *from = before ? revision_of(before->commit, before->version) : initial_revision(c, d);
	const char *to = revision_of(d->commit, d->version);
	if (from[0] == '\0' && !before)
		return note(b, err, "what ran before this deploy is not known, so its range of commits is not known");
	if (from[0] == '\0' || to[0] == '\0')
		return note(b, err, "neither commit nor version of the release is known; 'memculprit mark PROGRAM REV' tells it");
	return read_changes(b, path, from, to, err);
}

static int look_into(struct mc_blame *b, struct mc_store *s, const struct mc_config *cfg, const char *program, size_t k, struct mc_error *err)
{
	struct mc_error why;
	char *path = NULL;
	if (b->scenario.c.deploys[k].source == MC_DEPLOY_LIBRARY)
		return note(b, err, "this is the update of a library: the program is the same, so none of its commits is to blame; "
			"see what changed in the library");
	int rc = deploys_repository(s, cfg, program, &path, &why);
	if (rc < 0)
		rc = rc == MC_ENOMEM ? mc_nomem(err, "a path") : note(b, err, why.text);
	else
		rc = look_into_release(b, path, k, err);
	free(path);
	return rc;
}

int mc_blame_program(struct mc_store *s, const struct mc_config *cfg, const char *program, int64_t as_of_ms, struct mc_blame *ret,
	struct mc_error *err)
{
	struct mc_blame b = { 0 };
	int rc = mc_case_from_store(s, program, as_of_ms, &b.scenario, err);
	if (rc == 0)
		rc = mc_attribute(&b.scenario.c, &b.answer, err);
	if (rc == 0 && cfg) {
		size_t k = suspect(&b.answer);
		if (k != MC_NO_DEPLOY)
			rc = look_into(&b, s, cfg, program, k, err);
	}
	if (rc < 0) {
		mc_blame_release(&b);
		return rc;
	}
	*ret = b;
	return 0;
}
