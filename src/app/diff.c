/* The diff of the culprit's release, or between two revisions. */
#include "deploys.h"

#include <stdlib.h>
#include <string.h>

enum { DIFF_MAX = 64 << 20 };

static int open_repo(struct mc_store *s, const struct mc_config *cfg, const char *program, struct mc_repo **ret, struct mc_error *err)
{
	char *path = NULL;
	int rc = deploys_repository(s, cfg, program, &path, err);
	if (rc == 0)
		rc = mc_repo_open(path, ret, err);
	free(path);
	return rc;
}

/* Which release: what blame shows. */
static int find_release(struct mc_store *s, const struct mc_config *cfg, const char *program, struct mc_diff *d, struct mc_error *err)
{
	struct mc_blame b;
	int rc = mc_blame_program(s, cfg, program, 0, &b, err);
	if (rc < 0)
		return rc;
	if (b.has_changes) {
		d->changes = b.changes; /* handed over */
		b.changes = (struct mc_changes){ 0 };
		b.has_changes = false;
	} else {
		rc = mc_fail(err, MC_ENOTFOUND, 0, "%s", b.changes_note ? b.changes_note :
			"no deploy is blamed, so there is no release to show; name two with --from REV --to REV");
	}
	mc_blame_release(&b);
	return rc;
}

int mc_diff_program(struct mc_store *s, const struct mc_config *cfg, const char *program, const char *from, const char *to, struct mc_diff *ret,
	struct mc_error *err)
{
	struct mc_diff d = { 0 };
	struct mc_repo *repo = NULL;
	int rc = open_repo(s, cfg, program, &repo, err);
	if (rc < 0)
		return rc;
	rc = from && to ? mc_repo_changes(repo, from, to, &d.changes, err) : find_release(s, cfg, program, &d, err);
	if (rc == 0)
		rc = mc_repo_diff_text(repo, d.changes.from, d.changes.to, DIFF_MAX, &d.text, err);
	mc_repo_close(repo);
	if (rc < 0)
		mc_diff_release(&d);
	else
		*ret = d;
	return rc;
}

void mc_diff_release(struct mc_diff *d)
{
	mc_changes_release(&d->changes);
	mc_buf_release(&d->text);
}

void mc_diff_json(struct mc_json *j, const char *key, const char *program, const struct mc_diff *d)
{
	mc_json_object(j, key);
	mc_json_int(j, "schema", 1);
	mc_json_str(j, "program", program);
	mc_changes_json(j, &d->changes);
	mc_json_str(j, "diff", mc_buf_text(&d->text));
	mc_json_close(j);
}
