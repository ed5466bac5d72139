/* What else writes the database while the daemon runs: an import, and giving space back. Through the Unix socket only. */
#include "daemon_parts.h"

#include <string.h>

enum { BODY_MAX = 64 * 1024, PIECE = 40000 }; /* rows of an import at a time: some 50 ms */

struct care_job {
	const char *program; /* of an import */
	struct mc_import *import;
	bool done;
	struct mc_import_counts counts;
	const char *answer; /* the program's answer with what was imported */
	const struct mc_blame *from; /* its evidence: what is kept of lives */
};

static int no_store(const struct daemon *d, struct mc_error *err)
{
	return mc_fail(err, MC_EBUSY, 0, "nothing can be stored now: %s", d->store_trouble[0] ? d->store_trouble : "the database is being opened");
}

/* One piece: ticks go on in between. */
static int do_import(struct daemon *d, void *arg, struct mc_error *err)
{
	struct care_job *job = arg;
	int rc = d->store ? mc_import_some(d->store, job->import, PIECE, &job->counts, err) : no_store(d, err);
	job->done = rc > 0;
	return rc < 0 ? rc : 0;
}

static int do_answer(struct daemon *d, void *arg, struct mc_error *err)
{
	const struct care_job *job = arg;
	return d->store ? mc_answer_put(d->store, job->program, job->answer, job->from, err) : no_store(d, err);
}

/* Read and reckoned here, on the API's thread; the loop only writes. */
static int import(struct api *a, struct care_job *job, const char *dir, struct mc_error *err)
{
	struct mc_scenario sc;
	struct mc_store *reader = NULL;
	struct mc_buf text = { 0 };
	int rc = mc_scenario_read(dir, &sc, err);
	if (rc < 0)
		return rc;
	rc = mc_import_open(job->program, &sc, &job->import, err);
	while (rc == 0 && !job->done)
		rc = daemon_call(a->shared, do_import, job, err);
	mc_import_close(job->import);
	job->import = NULL;
	mc_scenario_release(&sc);
	struct mc_blame from;
	if (rc == 0 && (rc = api_store(a, &reader, err)) == 0 && (rc = mc_answer_anew(reader, job->program, &text, &from, err)) == 0) {
		job->answer = mc_buf_text(&text);
		job->from = &from;
		rc = daemon_call(a->shared, do_answer, job, err);
		job->from = NULL;
		mc_blame_release(&from);
	}
	mc_buf_release(&text);
	return rc;
}

static int do_compact(struct daemon *d, void *arg, struct mc_error *err)
{
	(void)arg;
	return d->store ? mc_store_compact(d->store, NULL, NULL, err) : no_store(d, err);
}

static int counts_reply(struct mc_reply *reply, const struct care_job *job)
{
	struct mc_json *j = mc_json_new();
	if (j)
		mc_import_json(j, job->program, &job->counts);
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
	const char *dir = mc_jsonv_str(mc_jsonv_get(root, "dir"));
	struct care_job job = { .program = mc_jsonv_str(mc_jsonv_get(root, "program")) };
	if (rc == 0 && (!job.program || !job.program[0] || !dir || dir[0] != '/'))
		rc = mc_fail(&err, MC_EUSAGE, 0, "the body has to be {\"program\": \"NAME\", \"dir\": \"/the/whole/path\"}");
	if (rc == 0)
		rc = import(a, &job, dir, &err);
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
