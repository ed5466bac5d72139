/* Lists of programs and lives, with what the log knows of them. */
#include "internal.h"

#include <stdlib.h>
#include <string.h>

void mc_store_programs_free(struct mc_program_row *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		free(p[i].name);
	free(p);
}

static void widen(int64_t *first, int64_t *last, int64_t from, int64_t to)
{
	if (*first == 0 || from < *first)
		*first = from;
	if (*last == 0 || to > *last)
		*last = to;
}

static struct mc_program_row *program_of(struct mc_program_row *p, size_t n, int64_t id)
{
	for (size_t i = 0; i < n; i++)
		if (p[i].id == id)
			return &p[i];
	return NULL;
}

static int read_names(struct mc_store *s, struct mc_program_row **p, size_t *n, struct mc_error *err)
{
	sqlite3_stmt *st = NULL;
	size_t cap = 0;
	int rc = st_stmt(s, SQL_program_list, &st, err);
	if (rc < 0)
		return rc;
	while ((rc = st_step(s, st, err)) == ST_ROW) {
		void *items = *p;
		rc = mc_grow(&items, &cap, *n + 1, sizeof **p, err);
		*p = items;
		if (rc < 0)
			break;
		(*p)[*n] = (struct mc_program_row){ .id = sqlite3_column_int64(st, 0), .name = st_text(st, 1) };
		if (!(*p)[(*n)++].name) {
			rc = mc_nomem(err, "the programs");
			break;
		}
	}
	sqlite3_reset(st);
	return rc;
}

static int read_sums(struct mc_store *s, struct mc_program_row *p, size_t n, struct mc_error *err)
{
	sqlite3_stmt *st = NULL;
	int rc = st_stmt(s, SQL_life_sums, &st, err);
	if (rc < 0)
		return rc;
	while ((rc = st_step(s, st, err)) == ST_ROW) {
		struct mc_program_row *one = program_of(p, n, sqlite3_column_int64(st, 0));
		if (!one)
			continue;
		one->incarnations = (uint64_t)sqlite3_column_int64(st, 1);
		one->alive = (uint64_t)sqlite3_column_int64(st, 2);
		if (sqlite3_column_type(st, 3) != SQLITE_NULL)
			widen(&one->first_ms, &one->last_ms, sqlite3_column_int64(st, 3), sqlite3_column_int64(st, 4));
	}
	return rc;
}

static int add_log(struct mc_store *s, struct mc_program_row *p, size_t n, struct mc_error *err)
{
	for (size_t i = 0; i < s->hot.n; i++) {
		const struct st_open *o = s->hot.open[i];
		int64_t id = 0;
		if (o->n == 0 || (o->entity & 3) != ST_LIFE)
			continue;
		int rc = st_number(s, SQL_life_program, &id, err, 1, (int64_t)(o->entity >> 2));
		if (rc < 0)
			return rc;
		struct mc_program_row *one = rc == ST_ROW ? program_of(p, n, id) : NULL;
		if (one)
			widen(&one->first_ms, &one->last_ms, o->first_t, o->last_t);
	}
	return 0;
}

int mc_store_programs(struct mc_store *s, struct mc_program_row **ret, size_t *ret_n, struct mc_error *err)
{
	struct mc_program_row *p = NULL;
	size_t n = 0;
	int rc = st_read_begin(s, err);
	if (rc < 0)
		return rc;
	rc = read_names(s, &p, &n, err);
	if (rc == 0)
		rc = read_sums(s, p, n, err);
	if (rc == 0)
		rc = add_log(s, p, n, err);
	st_read_end(s);
	if (rc < 0) {
		mc_store_programs_free(p, n);
		return rc;
	}
	*ret = p;
	*ret_n = n;
	return 0;
}

void st_life_release(struct mc_incarnation_row *i)
{
	free(i->host);
	free(i->key);
	free(i->exe);
	free(i->version);
	free(i->commit);
	free(i->build_id);
	free(i->how);
}

void mc_store_incarnations_free(struct mc_incarnation_row *i, size_t n)
{
	for (size_t k = 0; k < n; k++)
		st_life_release(&i[k]);
	free(i);
}

bool st_life_times(struct mc_store *s, sqlite3_stmt *st, int64_t since, int64_t until, struct mc_incarnation_row *i)
{
	*i = (struct mc_incarnation_row){ .id = sqlite3_column_int64(st, 0), .program = sqlite3_column_int64(st, 1),
		.pid = sqlite3_column_int64(st, 2), .start_ms = sqlite3_column_int64(st, 3), .end_ms = sqlite3_column_int64(st, 4) };
	bool any = sqlite3_column_type(st, 5) != SQLITE_NULL;
	int64_t first = sqlite3_column_int64(st, 5), last = sqlite3_column_int64(st, 6);
	const struct st_open *o = st_hot_find(&s->hot, (uint32_t)i->id << 2 | ST_LIFE);
	if (o && o->n) {
		first = any && first < o->first_t ? first : o->first_t;
		last = any && last > o->last_t ? last : o->last_t;
		any = true;
	}
	i->first_ms = first;
	i->last_ms = last;
	return any && last >= since && first <= until;
}

int st_life_texts(sqlite3_stmt *st, struct mc_incarnation_row *i, struct mc_error *err)
{
	char **text[] = { &i->host, &i->key, &i->exe, &i->version, &i->commit, &i->build_id, &i->how };
	bool all = true;
	for (int k = 0; k < 7; k++)
		all = (*text[k] = st_text(st, 7 + k)) != NULL && all;
	if (all)
		return 0;
	st_life_release(i);
	return mc_nomem(err, "the processes");
}

static int list_lives(struct mc_store *s, int64_t program, int64_t since, int64_t until, struct mc_incarnation_row **p,
	size_t *n, struct mc_error *err)
{
	sqlite3_stmt *st = NULL;
	size_t cap = 0;
	int rc = st_stmt(s, program ? SQL_life_list : SQL_life_list_all, &st, err);
	if (rc < 0)
		return rc;
	if (program)
		sqlite3_bind_int64(st, 1, program);
	while ((rc = st_step(s, st, err)) == ST_ROW) {
		struct mc_incarnation_row one;
		if (!st_life_times(s, st, since, until, &one))
			continue;
		void *items = *p;
		rc = mc_grow(&items, &cap, *n + 1, sizeof **p, err);
		*p = items;
		if (rc == 0)
			rc = st_life_texts(st, &one, err);
		if (rc < 0)
			break;
		(*p)[(*n)++] = one;
	}
	sqlite3_reset(st);
	return rc;
}

int mc_store_incarnations(struct mc_store *s, int64_t program, int64_t since_ms, int64_t until_ms,
	struct mc_incarnation_row **ret, size_t *ret_n, struct mc_error *err)
{
	struct mc_incarnation_row *p = NULL;
	size_t n = 0;
	int rc = st_read_begin(s, err);
	if (rc < 0)
		return rc;
	rc = list_lives(s, program, since_ms, until_ms, &p, &n, err);
	st_read_end(s);
	if (rc < 0) {
		mc_store_incarnations_free(p, n);
		return rc;
	}
	*ret = p;
	*ret_n = n;
	return 0;
}
