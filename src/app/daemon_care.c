/* What else writes the database while the daemon runs: an import, and giving space back. Through the Unix socket only. */
#include "daemon_parts.h"

#include <string.h>

enum { BODY_MAX = 64 * 1024 };

struct care_job {
	const char *program, *dir; /* of an import */
	struct mc_import_counts counts;
};

static int no_store(const struct daemon *d, struct mc_error *err)
{
	return mc_fail(err, MC_EBUSY, 0, "nothing can be stored now: %s", d->store_trouble[0] ? d->store_trouble : "the database is being opened");
}

static int do_import(struct daemon *d, void *arg, struct mc_error *err)
{
	struct care_job *job = arg;
	if (!d->store)
		return no_store(d, err);
	return mc_import(d->store, job->program, job->dir, &job->counts, err);
}

static int do_compact(struct daemon *d, void *arg, struct mc_error *err)
{
	(void)arg;
	return d->store ? mc_store_compact(d->store, err) : no_store(d, err);
}

static int counts_reply(struct mc_reply *reply, const struct care_job *job)
{
	struct mc_json *j = mc_json_new();
	if (j) {
		mc_json_object(j, NULL);
		mc_json_int(j, "schema", 1);
		mc_json_str(j, "program", job->program);
		mc_json_int(j, "processes", (int64_t)job->counts.processes);
		mc_json_int(j, "samples", (int64_t)job->counts.samples);
		mc_json_int(j, "load", (int64_t)job->counts.load);
		mc_json_int(j, "deploys", (int64_t)job->counts.deploys);
		mc_json_close(j);
	}
	return api_json(reply, j);
}

static int refused(struct mc_reply *reply)
{
	return mc_reply_error(reply, 403, "this is allowed through the daemon's Unix socket only");
}

int api_post_import(struct api *a, const struct mc_request *rq, struct mc_reply *reply)
{
	struct mc_error err = { 0 };
	struct mc_jsondoc *doc = NULL;
	if (!rq->trusted)
		return refused(reply);
	int rc = mc_jsondoc_parse(rq->body, rq->body_len, BODY_MAX, &doc, &err);
	const struct mc_jsonv *root = rc == 0 ? mc_jsondoc_root(doc) : NULL;
	struct care_job job = { .program = mc_jsonv_str(mc_jsonv_get(root, "program")), .dir = mc_jsonv_str(mc_jsonv_get(root, "dir")) };
	if (rc == 0 && (!job.program || !job.program[0] || !job.dir || job.dir[0] != '/'))
		rc = mc_fail(&err, MC_EUSAGE, 0, "the body has to be {\"program\": \"NAME\", \"dir\": \"/the/whole/path\"}");
	if (rc == 0)
		rc = daemon_call(a->shared, do_import, &job, &err);
	int sent = rc < 0 ? api_fail(reply, &err) : counts_reply(reply, &job);
	mc_jsondoc_free(doc);
	return sent;
}

int api_post_compact(struct api *a, const struct mc_request *rq, struct mc_reply *reply)
{
	struct mc_error err = { 0 };
	struct care_job job = { .program = "" };
	if (!rq->trusted)
		return refused(reply);
	if (daemon_call(a->shared, do_compact, &job, &err) < 0)
		return api_fail(reply, &err);
	return counts_reply(reply, &job);
}
