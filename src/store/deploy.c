/* Deploys, answers and facts: small rows, each change a transaction of its own. */
#include "internal.h"

#include <stdlib.h>
#include <string.h>

static void bind_text(sqlite3_stmt *st, int at, const char *text)
{
	sqlite3_bind_text(st, at, text ? text : "", -1, SQLITE_STATIC);
}

int st_prepare_write(struct mc_store *s, struct mc_error *err)
{
	int rc = st_need_writer(s, err);
	if (rc == 0 && s->full && !s->bulk)
		rc = st_make_room(s, err);
	if (rc == 0)
		rc = st_pending_flush(s, err);
	return rc;
}

static void bind_deploy(sqlite3_stmt *st, const struct mc_deploy_row *d)
{
	const int64_t numbers[] = { d->program, d->unix_ms, d->first_seen_ms, d->author_ms, d->commit_ms, d->tag_ms };
	for (int i = 0; i < 6; i++)
		sqlite3_bind_int64(st, i + 1, numbers[i]);
	const char *const texts[] = { d->version, d->commit, d->build_id, d->host, d->note, d->source };
	for (int i = 0; i < 6; i++)
		bind_text(st, i + 7, texts[i]);
}

int mc_store_deploy_add(struct mc_store *s, struct mc_deploy_row *d, struct mc_error *err)
{
	sqlite3_stmt *st = NULL;
	int rc = st_prepare_write(s, err);
	if (rc == 0)
		rc = st_stmt(s, SQL_deploy_add, &st, err);
	if (rc < 0)
		return rc;
	bind_deploy(st, d);
	rc = st_step(s, st, err);
	if (rc == 0)
		d->id = sqlite3_last_insert_rowid(s->db);
	return rc;
}

static int must_change(struct mc_store *s, int64_t id, struct mc_error *err)
{
	return sqlite3_changes(s->db) > 0 ? 0 : mc_fail(err, MC_ENOTFOUND, 0, "there is no deploy %lld", (long long)id);
}

int mc_store_deploy_update(struct mc_store *s, const struct mc_deploy_row *d, struct mc_error *err)
{
	sqlite3_stmt *st = NULL;
	int rc = st_prepare_write(s, err);
	if (rc == 0)
		rc = st_stmt(s, SQL_deploy_set, &st, err);
	if (rc < 0)
		return rc;
	bind_deploy(st, d);
	sqlite3_bind_int64(st, 13, d->id);
	rc = st_step(s, st, err);
	return rc < 0 ? rc : must_change(s, d->id, err);
}

int mc_store_deploy_delete(struct mc_store *s, int64_t id, struct mc_error *err)
{
	int rc = st_prepare_write(s, err);
	if (rc == 0)
		rc = st_run(s, SQL_deploy_drop, err, 1, id);
	return rc < 0 ? rc : must_change(s, id, err);
}

static void release(struct mc_deploy_row *d)
{
	free(d->version);
	free(d->commit);
	free(d->build_id);
	free(d->host);
	free(d->note);
	free(d->source);
}

void mc_store_deploys_free(struct mc_deploy_row *d, size_t n)
{
	for (size_t i = 0; i < n; i++)
		release(&d[i]);
	free(d);
}

static int read_deploy(sqlite3_stmt *st, struct mc_deploy_row *d, struct mc_error *err)
{
	*d = (struct mc_deploy_row){ .id = sqlite3_column_int64(st, 0), .program = sqlite3_column_int64(st, 1),
		.unix_ms = sqlite3_column_int64(st, 2), .first_seen_ms = sqlite3_column_int64(st, 3),
		.author_ms = sqlite3_column_int64(st, 4), .commit_ms = sqlite3_column_int64(st, 5),
		.tag_ms = sqlite3_column_int64(st, 6) };
	char **texts[] = { &d->version, &d->commit, &d->build_id, &d->host, &d->note, &d->source };
	bool all = true;
	for (int i = 0; i < 6; i++)
		all = (*texts[i] = st_text(st, 7 + i)) != NULL && all;
	if (all)
		return 0;
	release(d);
	return mc_nomem(err, "the deploys");
}

static int read_deploys(struct mc_store *s, int64_t program, struct mc_deploy_row **p, size_t *n, struct mc_error *err)
{
	sqlite3_stmt *st = NULL;
	size_t cap = 0;
	int rc = st_stmt(s, SQL_deploy_list, &st, err);
	if (rc < 0)
		return rc;
	sqlite3_bind_int64(st, 1, program);
	while ((rc = st_step(s, st, err)) == ST_ROW) {
		void *items = *p;
		rc = mc_grow(&items, &cap, *n + 1, sizeof **p, err);
		*p = items;
		if (rc == 0)
			rc = read_deploy(st, &(*p)[*n], err);
		if (rc < 0)
			break;
		(*n)++;
	}
	sqlite3_reset(st);
	return rc;
}

int mc_store_deploys(struct mc_store *s, int64_t program, struct mc_deploy_row **ret, size_t *ret_n, struct mc_error *err)
{
	struct mc_deploy_row *p = NULL;
	size_t n = 0;
	int rc = read_deploys(s, program, &p, &n, err);
	if (rc < 0) {
		mc_store_deploys_free(p, n);
		return rc;
	}
	*ret = p;
	*ret_n = n;
	return 0;
}

int mc_store_answer_put(struct mc_store *s, int64_t program, int64_t as_of_ms, const char *json, struct mc_error *err)
{
	sqlite3_stmt *st = NULL;
	int rc = st_prepare_write(s, err);
	if (rc == 0)
		rc = st_stmt(s, SQL_answer_put, &st, err);
	if (rc < 0)
		return rc;
	sqlite3_bind_int64(st, 1, program);
	sqlite3_bind_int64(st, 2, as_of_ms);
	bind_text(st, 3, json);
	rc = st_step(s, st, err);
	sqlite3_clear_bindings(st);
	return rc;
}

/* Appends a column's text to ret. */
static int take_text(sqlite3_stmt *st, int column, struct mc_buf *ret, struct mc_error *err)
{
	const void *text = sqlite3_column_text(st, column);
	if (!text)
		return mc_nomem(err, "a text");
	mc_buf_add(ret, text, (size_t)sqlite3_column_bytes(st, column));
	return mc_buf_check(ret, err);
}

int mc_store_answer_get(struct mc_store *s, int64_t program, int64_t *as_of_ms, struct mc_buf *ret, struct mc_error *err)
{
	sqlite3_stmt *st = NULL;
	int rc = st_stmt(s, SQL_answer_get, &st, err);
	if (rc < 0)
		return rc;
	sqlite3_bind_int64(st, 1, program);
	rc = st_step(s, st, err);
	if (rc == ST_ROW) {
		rc = take_text(st, 1, ret, err);
		if (rc == 0 && as_of_ms)
			*as_of_ms = sqlite3_column_int64(st, 0);
	} else if (rc == ST_DONE)
		rc = mc_fail(err, MC_ENOTFOUND, 0, "there is no answer yet");
	sqlite3_reset(st);
	return rc;
}

int st_fact_put(struct mc_store *s, const char *name, const char *value, struct mc_error *err)
{
	sqlite3_stmt *st = NULL;
	int rc = st_stmt(s, SQL_fact_put, &st, err);
	if (rc < 0)
		return rc;
	bind_text(st, 1, name);
	bind_text(st, 2, value);
	rc = st_step(s, st, err);
	sqlite3_clear_bindings(st);
	return rc;
}

int mc_store_fact_put(struct mc_store *s, const char *name, const char *value, struct mc_error *err)
{
	int rc = st_prepare_write(s, err);
	return rc < 0 ? rc : st_fact_put(s, name, value, err);
}

int mc_store_fact_get(struct mc_store *s, const char *name, struct mc_buf *ret, struct mc_error *err)
{
	sqlite3_stmt *st = NULL;
	int rc = st_stmt(s, SQL_fact_get, &st, err);
	if (rc < 0)
		return rc;
	bind_text(st, 1, name);
	rc = st_step(s, st, err);
	if (rc == ST_ROW)
		rc = take_text(st, 0, ret, err);
	else if (rc == ST_DONE)
		rc = mc_fail(err, MC_ENOTFOUND, 0, "there is no fact %s", name);
	sqlite3_reset(st);
	return rc;
}
