/* Parts of the objects of docs/schema. */
#include "json_put.h"

#include <math.h>

void put_time(struct mc_json *j, const char *key, int64_t ms)
{
	if (ms == MC_NO_TIME)
		mc_json_null(j, key);
	else
		mc_json_int(j, key, ms);
}

/* Times of the store are 0 where not known. */
static void put_stored_time(struct mc_json *j, const char *key, int64_t ms)
{
	put_time(j, key, ms ? ms : MC_NO_TIME);
}

void put_bytes(struct mc_json *j, const char *key, double v)
{
	if (isfinite(v) && fabs(v) < 9e15)
		mc_json_int(j, key, (int64_t)llround(v));
	else
		mc_json_null(j, key);
}

static const char *text(const char *s)
{
	return s ? s : "";
}

void put_release(struct mc_json *j, const char *version, const char *commit)
{
	mc_json_str(j, "version", text(version));
	mc_json_str(j, "commit", text(commit));
}

void put_stored_deploy(struct mc_json *j, const char *program, const struct mc_deploy_row *d)
{
	mc_json_int(j, "id", d->id);
	mc_json_str(j, "program", program);
	put_release(j, d->version, d->commit);
	mc_json_str(j, "build_id", text(d->build_id));
	mc_json_str(j, "host", text(d->host));
	mc_json_str(j, "source", text(d->source));
	mc_json_str(j, "note", text(d->note));
	put_time(j, "deployed_ms", d->unix_ms);
	put_stored_time(j, "first_seen_ms", d->first_seen_ms);
	put_stored_time(j, "author_ms", d->author_ms);
	put_stored_time(j, "commit_ms", d->commit_ms);
	put_stored_time(j, "tag_ms", d->tag_ms);
}
