/* What a mark's revision is: what the configured repository says, or free text. */
#include "deploys.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

enum { REVISION_MAX = 250, NOTE_MAX = 4000 };

/* HEAD, a branch, what is reckoned from another revision: they name another commit tomorrow, so they are no
 * release's name. */
static bool moves(struct mc_repo *repo, const char *rev)
{
	static const char *const kinds[] = { "refs/heads/", "refs/remotes/" };
	char ref[REVISION_MAX + 16];
	struct mc_revision found;
	if (strpbrk(rev, "~^:@") || strncmp(rev, "refs/", 5) == 0 || strcmp(rev, "HEAD") == 0 || strcmp(rev, "FETCH_HEAD") == 0)
		return true;
	for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
		snprintf(ref, sizeof ref, "%s%s", kinds[i], rev);
		if (mc_repo_resolve(repo, ref, NULL, &found, NULL) == 0)
			return true;
	}
	return false;
}

static int ask_repository(const struct mc_program_config *p, const char *rev, struct mc_revision *ret, bool *moving, struct mc_error *err)
{
	struct mc_repo *repo = NULL;
	int rc = mc_repo_open(p->repository, &repo, err);
	if (rc == 0)
		rc = mc_repo_resolve(repo, rev, p->tags, ret, err);
	*moving = rc == 0 && !ret->version[0] && moves(repo, rev);
	mc_repo_close(repo);
	return rc;
}

void deploys_hold_against(const struct mc_config *cfg, const char *program, struct mc_identity *id)
{
	const struct mc_program_config *p = cfg ? mc_config_program(cfg, program) : NULL;
	struct mc_revision rev = { 0 };
	if (!p || !p->repository || !id->commit[0])
		return;
	struct mc_repo *repo = NULL;
	if (mc_repo_open(p->repository, &repo, NULL) < 0)
		return;
	int rc = mc_repo_resolve(repo, id->commit, p->tags, &rev, NULL);
	mc_repo_close(repo);
	if (rc == 0) {
		memcpy(id->commit, rev.commit, sizeof id->commit); /* it may be short, or an annotated tag's own id */
		if (!id->version[0])
			memcpy(id->version, rev.version, sizeof id->version);
	} else if (rc == MC_ENOTFOUND && id->source == MC_ID_GIT_WORKTREE) {
		id->commit[0] = id->version[0] = '\0';
		id->source = id->build_id[0] ? MC_ID_BUILD_ID : MC_ID_NONE;
		snprintf(id->text, sizeof id->text, "%s", id->build_id[0] ? "build-id of the executable" : "");
	}
}

/* A commit's id, whole or cut; digits alone are a date or a build's number. */
static bool is_hex(const char *s)
{
	size_t n = strlen(s), letters = 0;
	for (const char *p = s; *p; p++) {
		if (!isxdigit((unsigned char)*p))
			return false;
		letters += !isdigit((unsigned char)*p);
	}
	return n >= 7 && (letters > 0 || n == 40);
}

static bool has_text(const char *s)
{
	for (; s && *s; s++)
		if (!isspace((unsigned char)*s))
			return true;
	return false;
}

/* The text as valid UTF-8. */
static char *clean(const char *s)
{
	struct mc_buf b = { 0 };
	mc_utf8_add(&b, s ? s : "", s ? strlen(s) : 0);
	mc_buf_add(&b, "", 0);
	if (!b.failed)
		return b.data;
	mc_buf_release(&b);
	return NULL;
}

static int check(const struct mc_mark *m, int64_t now_ms, struct mc_error *err)
{
	if (!has_text(m->program))
		return mc_fail(err, MC_EUSAGE, 0, "no program is named; give the one that was deployed");
	if (!has_text(m->revision))
		return mc_fail(err, MC_EUSAGE, 0, "no revision is named; give a tag, a commit or any text that says which release it is");
	if (strlen(m->revision) > REVISION_MAX)
		return mc_fail(err, MC_EUSAGE, 0, "the revision has more than %d bytes; give a tag or a commit", REVISION_MAX);
	if ((m->note && strlen(m->note) > NOTE_MAX) || (m->host && strlen(m->host) > REVISION_MAX))
		return mc_fail(err, MC_EUSAGE, 0, "the note has more than %d bytes, or the host more than %d; shorten it", NOTE_MAX, REVISION_MAX);
	if (m->at_ms > now_ms + 86400000)
		return mc_fail(err, MC_EUSAGE, 0, "the time is more than a day ahead; mark a deploy when it happens");
	return 0;
}

int deploys_resolve(const struct mc_config *cfg, const struct mc_mark *m, int64_t now_ms, struct mc_deploy_row *ret, struct mc_error *err)
{
	struct mc_revision rev = { 0 };
	int rc = check(m, now_ms, err);
	if (rc < 0)
		return rc;
	const struct mc_program_config *p = cfg ? mc_config_program(cfg, m->program) : NULL;
	bool moving = false;
	if (p && p->repository && (rc = ask_repository(p, m->revision, &rev, &moving, err)) < 0)
		return rc;
	/* free text that looks like a commit is one */
	bool hex = is_hex(m->revision) && strlen(m->revision) < MC_COMMIT_TEXT;
	bool by_id = hex && (!rev.commit[0] || strncasecmp(rev.commit, m->revision, strlen(m->revision)) == 0);
	const char *version = rev.version[0] ? rev.version : by_id || moving ? "" : m->revision;
	struct mc_deploy_row d = { .unix_ms = m->at_ms ? m->at_ms : now_ms, .author_ms = rev.author_ms, .commit_ms = rev.commit_ms,
		.tag_ms = rev.tag_ms };
	d.version = clean(version);
	d.commit = clean(rev.commit[0] ? rev.commit : by_id ? m->revision : "");
	d.build_id = mc_strdup("");
	d.host = clean(m->host);
	d.note = clean(m->note);
	d.source = mc_strdup("mark");
	if (!d.version || !d.commit || !d.build_id || !d.host || !d.note || !d.source) {
		deploys_row_release(&d);
		return mc_nomem(err, "a mark");
	}
	*ret = d;
	return 0;
}
