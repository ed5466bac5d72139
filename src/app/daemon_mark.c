/* Deploys marked through the API: understood on the API's thread, written by the sampling loop. */
#include "daemon_builds.h"

#include <stdlib.h>
#include <string.h>

#include "deploys.h"

enum { BODY_MAX = 64 * 1024 };

struct mark_job {
	const struct mc_config *cfg;
	const char *program;
	struct mc_deploy_row row;
	int64_t id; /* to delete */
};

static struct program *find_program(struct daemon *d, int64_t id)
{
	for (size_t i = 0; i < d->nprograms; i++)
		if (d->programs[i].id == id)
			return &d->programs[i];
	return NULL;
}

static int write_mark(struct daemon *d, void *arg, struct mc_error *err)
{
	struct mark_job *job = arg;
	if (!d->store)
		return mc_fail(err, MC_EBUSY, 0, "nothing can be stored now: %s", d->store_trouble);
	int rc = deploys_program(d->store, job->cfg, job->program, false, &job->row.program, err);
	if (rc == 0)
		rc = deploys_mark(d->store, &job->row, err);
	struct program *p = rc == 0 ? find_program(d, job->row.program) : NULL;
	if (p) {
		bool joined = job->row.first_seen_ms != 0; /* with what was counted as it was recognised */
		p->deploys += !joined;
		if (job->row.unix_ms > p->last_deploy_ms)
			p->last_deploy_ms = job->row.unix_ms;
		builds_name(d, p, &job->row);
		if (deploys_settle_at(&job->row))
			p->settle_ms = deploys_settle_at(&job->row);
		if (!joined)
			naming_due(p, &job->row);
	}
	return rc;
}

static int delete_deploy(struct daemon *d, void *arg, struct mc_error *err)
{
	const struct mark_job *job = arg;
	if (!d->store)
		return mc_fail(err, MC_EBUSY, 0, "nothing can be stored now: %s", d->store_trouble);
	return mc_store_deploy_delete(d->store, job->id, err);
}

/* The text at key, NULL where there is none. MC_EUSAGE: something else stands there. */
static int text_of(const struct mc_jsonv *root, const char *key, const char **ret, struct mc_error *err)
{
	const struct mc_jsonv *v = mc_jsonv_get(root, key);
	*ret = v ? mc_jsonv_str(v) : NULL;
	if (v && !*ret)
		return mc_fail(err, MC_EUSAGE, 0, "\"%s\" has to be a string", key);
	return 0;
}

static int read_mark(const struct mc_jsonv *root, struct mc_mark *m, int64_t now_ms, struct mc_error *err)
{
	int rc;
	int64_t at;
	const char *when = NULL;
	if (!mc_jsonv_is_object(root))
		return mc_fail(err, MC_EUSAGE, 0, "the body has to be an object: {\"program\": \"…\", \"revision\": \"…\"}");
	if ((rc = text_of(root, "program", &m->program, err)) < 0 || (rc = text_of(root, "revision", &m->revision, err)) < 0 ||
		(rc = text_of(root, "host", &m->host, err)) < 0 || (rc = text_of(root, "note", &m->note, err)) < 0)
		return rc;
	const struct mc_jsonv *time = mc_jsonv_get(root, "time");
	if (mc_jsonv_int(time, &at)) { /* Unix seconds as a number */
		m->at_ms = at * 1000;
		return at > 0 && at < 1LL << 40 ? 0 : mc_fail(err, MC_EUSAGE, 0, "\"time\" is no time in Unix seconds");
	}
	rc = text_of(root, "time", &when, err);
	return rc == 0 && when ? mc_time_parse(when, now_ms, &m->at_ms, err) : rc;
}

static int reply_with(struct mc_reply *reply, const struct mark_job *job, int rc)
{
	struct mc_buf out = { 0 };
	struct mc_error err;
	int made = deploys_json(&job->row, job->program, rc == MC_MARK_KNOWN, &out, &err);
	if (made < 0) {
		mc_buf_release(&out);
		return made;
	}
	mc_buf_str(&out, "\n");
	*reply = (struct mc_reply){ .status = rc == MC_MARK_KNOWN ? 200 : 201, .content_type = "application/json", .body = out };
	return 0;
}

int api_post_deploy(struct api *a, const struct mc_request *rq, struct mc_reply *reply)
{
	struct mc_error err = { 0 };
	struct mc_jsondoc *doc = NULL;
	struct mc_mark m = { 0 };
	int64_t now = mc_now_ms();
	if (!rq->trusted)
		return mc_reply_error(reply, 403, "marking is not allowed here; use the daemon's Unix socket, or --web.enable-mark with basic auth");
	int rc = mc_jsondoc_parse(rq->body, rq->body_len, BODY_MAX, &doc, &err);
	if (rc == 0)
		rc = read_mark(mc_jsondoc_root(doc), &m, now, &err);
	const struct shared_config *cfg = shared_config_get(a->shared);
	struct mark_job job = { .cfg = &cfg->c, .program = m.program };
	if (rc == 0)
		rc = deploys_resolve(&cfg->c, &m, now, &job.row, &err);
	if (rc == 0)
		rc = daemon_call(a->shared, write_mark, &job, &err);
	if (rc == 0)
		daemon_hurry(a->shared);
	int sent = rc < 0 ? api_fail(reply, &err) : reply_with(reply, &job, rc);
	deploys_row_release(&job.row);
	shared_config_put(cfg);
	mc_jsondoc_free(doc);
	return sent;
}

int api_delete_deploy(struct api *a, const struct mc_request *rq, const char *rest, struct mc_reply *reply)
{
	struct mc_error err = { 0 };
	struct mark_job job = { 0 };
	const char *id = rest[0] == '/' ? rest + 1 : rq->arg ? rq->arg(rq->handle, "id") : NULL;
	if (!rq->trusted)
		return mc_reply_error(reply, 403, "this is allowed through the daemon's Unix socket only");
	if ((rest[0] && rest[0] != '/') || !id || !mc_parse_i64(id, strlen(id), &job.id) || job.id < 1)
		return mc_reply_error(reply, 404, "which deploy: /api/v1/deploys/ID, with the number that 'memculprit deploys' shows");
	if (daemon_call(a->shared, delete_deploy, &job, &err) < 0)
		return api_fail(reply, &err);
	daemon_hurry(a->shared);
	struct mc_json *j = mc_json_new();
	if (j) {
		mc_json_object(j, NULL);
		mc_json_int(j, "deleted", job.id);
		mc_json_close(j);
	}
	return api_json(reply, j);
}
