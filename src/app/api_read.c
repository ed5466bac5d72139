/* What there is, as JSON: programs, one program, deploys. */
#include "daemon.h"

/* The status of one program, or of all. */
static int read_status(struct api *a, const char *program, struct mc_status *ret, struct mc_error *err)
{
	struct mc_store *s = NULL;
	int rc = api_store(a, &s, err);
	if (rc < 0)
		return rc;
	const struct shared_config *cfg = shared_config_get(a->shared);
	rc = mc_status_read(s, &cfg->c, program, ret, err);
	shared_config_put(cfg);
	return rc;
}

int api_programs(struct api *a, struct mc_reply *reply)
{
	struct mc_error err = { 0 };
	struct mc_status st = { 0 };
	if (read_status(a, NULL, &st, &err) < 0)
		return api_fail(reply, &err);
	struct mc_json *j = mc_json_new();
	if (j)
		mc_status_json(j, NULL, &st);
	mc_status_release(&st);
	return api_json(reply, j);
}

int api_program(struct api *a, const char *program, struct mc_reply *reply)
{
	struct mc_error err = { 0 };
	struct mc_status st = { 0 };
	if (read_status(a, program, &st, &err) < 0)
		return api_fail(reply, &err);
	struct mc_json *j = mc_json_new();
	if (j)
		mc_program_status_json(j, NULL, &st.programs[0]);
	mc_status_release(&st);
	return api_json(reply, j);
}

int api_deploys(struct api *a, const struct mc_request *rq, struct mc_reply *reply)
{
	struct mc_error err = { 0 };
	struct mc_store *s = NULL;
	struct mc_deploys d = { 0 };
	int rc = api_store(a, &s, &err);
	if (rc == 0) {
		const struct shared_config *cfg = shared_config_get(a->shared);
		rc = mc_deploys_read(s, &cfg->c, api_arg(rq, "program"), &d, &err);
		shared_config_put(cfg);
	}
	if (rc < 0)
		return api_fail(reply, &err);
	struct mc_json *j = mc_json_new();
	if (j)
		mc_deploys_json(j, NULL, &d);
	mc_deploys_release(&d);
	return api_json(reply, j);
}
