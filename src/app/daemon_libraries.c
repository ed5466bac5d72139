/* Updates of the libraries that a program has mapped: deploys of their own kind. Which library is another is the
 * deploy stage's affair (mc_tracker); here it is told of lives, and what it finds is written. */
#include <stdlib.h>
#include <string.h>

#include "daemon_builds.h"
#include "deploys.h"

enum { MAPPED_MAX = 256 };

static int write_library(struct daemon *d, struct program *p, struct build *b, const struct mc_library_update *r, struct mc_error *err)
{
	struct mc_deploy_row row = { .program = p->id, .unix_ms = r->first_seen_ms, .first_seen_ms = r->first_seen_ms };
	row.version = mc_strdup(r->version);
	row.commit = mc_strdup("");
	row.build_id = mc_strdup(r->build_id);
	row.host = mc_strdup(d->host);
	row.note = mc_strdup(r->note);
	row.source = mc_strdup(DEPLOYS_LIBRARY);
	int rc = row.version && row.commit && row.build_id && row.host && row.note && row.source ? 0 : mc_nomem(err, "a deploy");
	if (rc == 0)
		rc = mc_store_deploy_add(d->store, &row, err);
	if (rc == 0) {
		b->update = row.id;
		b->update_ms = row.unix_ms;
		p->deploys++;
		if (row.unix_ms > p->last_deploy_ms)
			p->last_deploy_ms = row.unix_ms;
		mc_log(MC_LOG_INFO, "deploy", "%s: %s", p->name, r->note);
	}
	deploys_row_release(&row);
	return rc;
}

static int look(struct daemon *d, const struct program *p, const struct life *l, const struct mc_process *q, struct mc_library_update *found,
	struct mc_error *err)
{
	struct mc_mapped_file files[MAPPED_MAX];
	struct mc_library_build *v = NULL;
	size_t n = 0;
	const struct mc_tracked_life life = { .program = p->name, .what = p->executables[l->executable].key, .build_id = builds_of(p, l)->build_id,
		.incarnation = q->id, .start_ms = q->start_ms };
	for (size_t i = 0; i < q->libraries->n && n < MAPPED_MAX; i++, n++)
		files[n] = (struct mc_mapped_file){ q->libraries->v[i].path, q->libraries->v[i].ino, q->libraries->v[i].deleted };
	size_t count = 0;
	int rc = mc_identify_libraries(d->library_cache, d->procfd, q->pid, files, n, &v, &count, err);
	if (rc == 0)
		rc = mc_tracker_libraries(d->tracker, &life, d->tick->t_ms, v, count, found, err);
	free(v);
	return rc;
}

/* Of many lives that begin at a time the one whose libraries were read first need not be the first. */
static int begins_earlier(struct daemon *d, const struct program *p, struct build *b, int64_t start_ms, struct mc_error *err)
{
	struct mc_deploy_row *rows = NULL;
	size_t n = 0;
	int rc = mc_store_deploys(d->store, p->id, &rows, &n, err);
	for (size_t i = 0; rc == 0 && i < n; i++)
		if (rows[i].id == b->update) {
			rows[i].unix_ms = rows[i].first_seen_ms = start_ms;
			rc = mc_store_deploy_update(d->store, &rows[i], err);
		}
	mc_store_deploys_free(rows, n);
	if (rc == 0)
		b->update_ms = start_ms;
	return rc;
}

void libraries_take(struct daemon *d, struct program *p, struct life *l, const struct mc_process *q)
{
	struct mc_library_update found;
	struct mc_error err;
	struct build *b = (struct build *)(uintptr_t)builds_of(p, l);
	if (!q->libraries || l->libraries_told)
		return;
	l->libraries_told = true;
	if (!b)
		return;
	if (b->libraries == q->libraries->id) { /* as another life of this build has: nothing can be new */
		if (b->update && q->start_ms < b->update_ms && d->store && begins_earlier(d, p, b, q->start_ms, &err) < 0)
			daemon_trouble(d, AT_DEPLOY, &err);
		return;
	}
	b->libraries = q->libraries->id;
	b->update = 0;
	p->tracked = true;
	int rc = look(d, p, l, q, &found, &err);
	if (rc == 1 && d->store && p->id)
		rc = write_library(d, p, b, &found, &err);
	if (rc == MC_ENOMEM || (rc < 0 && rc != MC_EPERM && rc != MC_ENOTFOUND))
		daemon_trouble(d, AT_DEPLOY, &err);
}

static void fact_name(const struct program *p, char out[64])
{
	snprintf(out, 64, "libraries/%lld", (long long)p->id);
}

void libraries_load(struct daemon *d, const struct program *p)
{
	char name[64];
	struct mc_buf text = { 0 };
	fact_name(p, name);
	if (mc_store_fact_get(d->store, name, &text, NULL) == 0)
		mc_tracker_load(d->tracker, p->name, mc_buf_text(&text), text.len, NULL);
	mc_buf_release(&text);
}

int libraries_save(struct daemon *d, struct program *p, struct mc_error *err)
{
	char name[64];
	struct mc_buf text = { 0 };
	bool tracked = p->tracked;
	p->tracked = false;
	if (!tracked || !mc_tracker_changed(d->tracker, p->name))
		return 0;
	fact_name(p, name);
	int rc = mc_tracker_save(d->tracker, p->name, &text, err);
	if (rc == 0)
		rc = mc_store_fact_put(d->store, name, mc_buf_text(&text), err);
	mc_buf_release(&text);
	return rc;
}
