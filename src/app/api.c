/* Which request of the API goes where. */
#include "daemon.h"
#include "program.h"

#include <malloc.h>
#include <stdlib.h>
#include <string.h>

int api_store(struct api *a, struct mc_store **ret, struct mc_error *err)
{
	int rc = 0;
	unsigned opened = atomic_load(&a->shared->opened);
	if (a->opened != opened) { /* the file that we have may not be there any more */
		mc_store_close(a->store);
		a->store = NULL;
		a->opened = opened;
	}
	if (!a->store)
		rc = mc_store_open(&(struct mc_store_config){ .path = a->shared->db, .mode = MC_STORE_READ, .cache_kib = READER_KIB }, &a->store, err);
	*ret = a->store;
	return rc;
}

int api_fail(struct mc_reply *reply, const struct mc_error *err)
{
	int status = 500;
	if (err->code == MC_ENOTFOUND)
		status = 404;
	else if (err->code == MC_EUSAGE || err->code == MC_EFORMAT)
		status = 400;
	else if (err->code == MC_EBUSY || err->code == MC_EFULL)
		status = 503;
	else if (err->code == MC_EPERM)
		status = 403;
	return mc_reply_error(reply, status, "%s", err->text);
}

int api_json(struct mc_reply *reply, struct mc_json *j)
{
	struct mc_buf out = { 0 };
	struct mc_error err;
	int rc = j ? mc_json_text(j, MC_JSON_COMPACT, &out, &err) : mc_nomem(&err, "an answer");
	mc_json_free(j);
	mc_buf_str(&out, "\n");
	if (rc == 0)
		rc = mc_buf_check(&out, &err);
	if (rc < 0) {
		mc_buf_release(&out);
		return rc;
	}
	*reply = (struct mc_reply){ .status = 200, .content_type = "application/json; charset=utf-8", .body = out };
	return 0;
}

/* The stored text is good enough while the last tick brought little news; an answer that takes long is
 * not asked for anew each time. */
static bool fresh_enough(struct api *a, int64_t as_of_ms)
{
	const struct snapshot *p = snapshot_get(a->shared);
	bool fresh = p && as_of_ms >= p->t_ms - 2 * p->interval_ms - 50 * a->cost_ms;
	snapshot_put(p);
	return fresh;
}

static int stored_answer(struct api *a, struct mc_store *s, const char *program, struct mc_buf *out, struct mc_error *err)
{
	const struct snapshot *p = snapshot_get(a->shared);
	const struct snapshot_program *found = snapshot_find(p, program);
	int64_t as_of = 0;
	int rc = found && found->id ? mc_store_answer_get(s, found->id, &as_of, out, err) : MC_ENOTFOUND;
	snapshot_put(p);
	if (rc == 0 && !fresh_enough(a, as_of)) {
		mc_buf_release(out);
		rc = MC_ENOTFOUND;
	}
	return rc;
}

/* What a reader is told now all others are told from now on. */
static void share_answer(struct api *a, struct mc_store *s, const char *program, const struct mc_blame *b)
{
	struct mc_error why;
	struct mc_program_row row; /* it may not run any more */
	const struct snapshot *p = snapshot_get(a->shared);
	struct new_answer n = { .blame = b, .store = true, .t_ms = p ? p->t_ms : 0 };
	snapshot_put(p);
	if (n.t_ms == 0 || program_find(s, program, &row, &why) < 0)
		return;
	n.program = row.id;
	answer_hand_over(a->shared, &n, NULL, &why); /* what storing met is said by the loop; the reader gets the answer */
}

static int new_answer(struct api *a, struct mc_store *s, const char *program, int64_t as_of_ms, struct mc_buf *out, struct mc_error *err)
{
	struct mc_blame b = { 0 };
	const struct shared_config *cfg = shared_config_get(a->shared);
	int64_t begun = mc_mono_ns();
	int rc = mc_blame_program(s, &cfg->c, program, as_of_ms, &b, err);
	a->cost_ms = (mc_mono_ns() - begun) / 1000000;
	shared_config_put(cfg);
	if (rc < 0)
		return rc;
	rc = answer_json(&b, out, err);
	if (rc == 0 && as_of_ms == 0)
		share_answer(a, s, program, &b);
	mc_blame_release(&b);
	malloc_trim(0); /* it took much for a moment */
	return rc;
}

const char *api_arg(const struct mc_request *rq, const char *name)
{
	const char *v = rq->arg ? rq->arg(rq->handle, name) : NULL;
	return v && v[0] ? v : NULL;
}

int api_answer_text(struct api *a, const char *program, const char *when, struct mc_buf *out, struct mc_error *err)
{
	struct mc_store *s = NULL;
	int64_t as_of = 0;
	int rc = api_store(a, &s, err);
	if (rc == 0 && when)
		rc = mc_time_parse(when, mc_now_ms(), &as_of, err);
	if (when && as_of == 0)
		as_of = 1; /* 0 is no moment, but all that is known */
	if (rc == 0 && (when || stored_answer(a, s, program, out, NULL) != 0))
		rc = new_answer(a, s, program, as_of, out, err);
	return rc;
}

static int blame(struct api *a, const struct mc_request *rq, const char *program, struct mc_reply *reply)
{
	struct mc_error err = { 0 };
	struct mc_buf out = { 0 };
	int rc = api_answer_text(a, program, api_arg(rq, "as_of"), &out, &err);
	if (rc < 0) {
		mc_buf_release(&out);
		return api_fail(reply, &err);
	}
	mc_buf_str(&out, "\n");
	*reply = (struct mc_reply){ .status = 200, .content_type = "application/json; charset=utf-8", .body = out };
	return 0;
}

/* /api/v1/programs/NAME, with /blame or /series behind it. A name may hold slashes, and may end as one of them does:
 * the ending then belongs to the path. */
static int get_program(struct api *a, const struct mc_request *rq, const char *rest, struct mc_reply *reply)
{
	static const char *const ends[] = { "/blame", "/series", "" };
	for (size_t i = 0; i < 3; i++) {
		size_t n = strlen(rest), end = strlen(ends[i]);
		if (n <= end || strcmp(rest + n - end, ends[i]) != 0)
			continue;
		char *name = strndup(rest, n - end);
		if (!name)
			return MC_ENOMEM;
		int rc = i == 0 ? blame(a, rq, name, reply) : i == 1 ? api_series(a, rq, name, reply) : api_program(a, name, reply);
		free(name);
		return rc;
	}
	return mc_reply_error(reply, 404, "no such path");
}

static int get(struct api *a, const struct mc_request *rq, struct mc_reply *reply)
{
	static const char programs[] = "/api/v1/programs";
	if (strcmp(rq->path, "/") == 0)
		return api_page(a, rq, reply);
	if (strcmp(rq->path, programs) == 0)
		return api_programs(a, reply);
	if (strcmp(rq->path, "/api/v1/deploys") == 0)
		return api_deploys(a, rq, reply);
	if (strncmp(rq->path, programs, sizeof programs - 1) == 0 && rq->path[sizeof programs - 1] == '/')
		return get_program(a, rq, rq->path + sizeof programs, reply);
	return mc_reply_error(reply, 404, "no such path");
}

void api_release(struct api *a)
{
	mc_store_close(a->store);
	a->store = NULL;
	mc_buf_release(&a->index);
	mc_buf_release(&a->diff);
	free(a->diff_key);
	a->diff_key = NULL;
}

int api_answer(void *user, const struct mc_request *rq, struct mc_reply *reply)
{
	static const char deploys[] = "/api/v1/deploys";
	struct api *a = user;
	if (strcmp(rq->method, "GET") == 0)
		return get(a, rq, reply);
	if (strcmp(rq->method, "POST") == 0 && strcmp(rq->path, deploys) == 0)
		return api_post_deploy(a, rq, reply);
	if (strcmp(rq->method, "POST") == 0 && strcmp(rq->path, "/api/v1/import") == 0)
		return api_post_import(a, rq, reply);
	if (strcmp(rq->method, "POST") == 0 && strcmp(rq->path, "/api/v1/compact") == 0)
		return api_post_compact(a, rq, reply);
	if (strcmp(rq->method, "DELETE") == 0 && strncmp(rq->path, deploys, sizeof deploys - 1) == 0)
		return api_delete_deploy(a, rq, rq->path + sizeof deploys - 1, reply);
	return mc_reply_error(reply, 405, "this method is not allowed here");
}
