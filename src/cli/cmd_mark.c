/* mark PROGRAM REV: a deploy is told by hand, or by a deploy script. */
#include "cli.h"

#include <string.h>

static const char *text_of(const struct mc_jsonv *v, const char *key)
{
	const char *s = mc_jsonv_str(mc_jsonv_get(v, key));
	return s && s[0] ? s : NULL;
}

static int say(struct cli *c, const struct mc_mark *m, int outcome, const struct mc_buf *reply, struct mc_error *err)
{
	struct mc_jsondoc *doc = NULL;
	if (c->json) {
		mc_buf_add(&c->out, reply->data, reply->len);
		if (reply->len && reply->data[reply->len - 1] != '\n')
			cli_newline(c);
		return 0;
	}
	if (m->delete_id) {
		cli_line(c, 0, NULL, "Deploy %lld is taken out.", (long long)m->delete_id);
		return 0;
	}
	int rc = mc_jsondoc_parse(mc_buf_text(reply), reply->len, 1 << 20, &doc, err);
	if (rc < 0)
		return rc;
	const struct mc_jsonv *v = mc_jsondoc_root(doc), *inner = mc_jsonv_get(v, "deploy");
	char when[MC_TIME_TEXT], commit[MC_TIME_TEXT];
	int64_t at = 0, id = 0;
	v = inner ? inner : v;
	const char *name = text_of(v, "version"), *sha = text_of(v, "commit");
	(void)mc_jsonv_int(mc_jsonv_get(v, "deployed_ms"), &at);
	(void)mc_jsonv_int(mc_jsonv_get(v, "id"), &id);
	cli_line(c, 0, NULL, outcome == MC_MARK_KNOWN ? "%s runs %s%s%s already: deploy %lld, %s; nothing was changed." : "%s: %s%s%s, deploy %lld, %s.",
		m->program, name ? name : m->revision, sha ? ", commit " : "", sha ? cli_commit(sha, commit) : "", (long long)id, cli_when(c, at, when));
	mc_jsondoc_free(doc);
	return 0;
}

static int read_options(struct cli *c, struct mc_mark *m, struct mc_error *err)
{
	const char *id = cli_option(c, "delete");
	int rc = cli_time(c, "at", &m->at_ms, err);
	if (rc < 0)
		return rc;
	if (id && (!mc_parse_i64(id, strlen(id), &m->delete_id) || m->delete_id <= 0))
		return mc_fail(err, MC_EUSAGE, 0, "--delete=%.40s: the number of a deploy is needed; 'memculprit deploys' shows them", id);
	if (!id && c->noperands < 2)
		return mc_fail(err, MC_EUSAGE, 0, "mark needs PROGRAM and REV; see 'memculprit mark --help'");
	if (id && c->noperands > 1)
		return mc_fail(err, MC_EUSAGE, 0, "--delete takes no REV");
	return 0;
}

int cmd_mark(struct cli *c, struct mc_error *err)
{
	struct cli_db db;
	struct mc_buf reply = { 0 };
	struct mc_mark m = { .program = c->noperands ? c->operands[0] : NULL, .revision = c->noperands > 1 ? c->operands[1] : NULL,
		.host = cli_option(c, "host"), .note = cli_option(c, "note"), .url = cli_option(c, "url") };
	int rc = read_options(c, &m, err);
	if (rc < 0 || (rc = cli_db_find(c, &db, err)) < 0)
		return rc;
	rc = mc_mark_deploy(&db.cfg, db.path, &m, &reply, err);
	if (rc >= 0)
		rc = say(c, &m, rc, &reply, err);
	mc_buf_release(&reply);
	cli_db_close(&db);
	return rc;
}
