/* Programs and lives. Adding one gives out its id at once; it is written with the next transaction, so
 * that a thousand processes met in one tick cost one commit. */
#include "internal.h"

#include <stdlib.h>
#include <string.h>

enum { PENDING_KEPT = 256, PENDING_MANY = 8192, PENDING_MAX = 1 << 16 };

int st_catalog_load(struct mc_store *s, struct mc_error *err)
{
	sqlite3_stmt *st = NULL;
	mc_map_free(s->programs);
	mc_map_free(s->newest);
	s->programs = mc_map_new();
	s->newest = mc_map_new();
	s->next_program = s->next_life = 0;
	int rc = s->programs && s->newest ? 0 : mc_nomem(err, "the programs");
	if (rc == 0)
		rc = st_number(s, SQL_program_last_id, &s->next_program, err, 0);
	if (rc >= 0)
		rc = st_number(s, SQL_life_last_id, &s->next_life, err, 0);
	if (rc >= 0)
		rc = st_stmt(s, SQL_program_list, &st, err);
	if (rc < 0)
		return rc;
	while ((rc = st_step(s, st, err)) == ST_ROW) {
		const char *name = (const char *)sqlite3_column_text(st, 1);
		if (!name || mc_map_set(s->programs, name, strlen(name), (uint64_t)sqlite3_column_int64(st, 0)) < 0) {
			rc = mc_nomem(err, "the programs");
			break;
		}
	}
	sqlite3_reset(st);
	s->next_program++;
	s->next_life++;
	s->catalog_bad = rc < 0;
	return rc;
}

static void release(struct st_pending *p)
{
	free(p->name);
	free(p->host);
	free(p->key);
	free(p->exe);
	free(p->version);
	free(p->commit);
	free(p->build_id);
	free(p->how);
}

void st_pending_drop(struct mc_store *s)
{
	for (size_t i = 0; i < s->npending; i++)
		release(&s->pending[i]);
	s->npending = 0;
	free(s->place);
	s->place = NULL;
	s->nplace = 0;
	if (s->cappending > PENDING_KEPT) { /* a thousand at a time are met at the start only */
		free(s->pending);
		s->pending = NULL;
		s->cappending = 0;
	}
}

static size_t home(const struct mc_store *s, int64_t program, int64_t pid)
{
	return (size_t)(((uint64_t)program << 32 ^ (uint64_t)pid) * 0x9e3779b97f4a7c15ULL >> 32) & (s->nplace - 1);
}

static void take_place(struct mc_store *s, size_t number)
{
	size_t i = home(s, s->pending[number].program, s->pending[number].pid);
	while (s->place[i])
		i = (i + 1) & (s->nplace - 1);
	s->place[i] = (uint32_t)number + 1;
}

/* A place for the life that was added last. Thousands are met in a tick, and each is looked for first. */
static int find_place(struct mc_store *s, struct mc_error *err)
{
	if (s->nplace > 2 * s->npending) {
		take_place(s, s->npending - 1);
		return 0;
	}
	size_t n = s->nplace ? s->nplace * 2 : 64;
	while (n <= 2 * s->npending)
		n *= 2;
	uint32_t *place = calloc(n, sizeof *place);
	if (!place) {
		release(&s->pending[--s->npending]);
		return mc_nomem(err, "a process");
	}
	free(s->place);
	s->place = place;
	s->nplace = n;
	for (size_t i = 0; i < s->npending; i++)
		if (s->pending[i].what == ST_ADD_LIFE)
			take_place(s, i);
	return 0;
}

static int add_pending(struct mc_store *s, struct st_pending *p, struct mc_error *err)
{
	void *items = s->pending;
	int rc = s->npending < PENDING_MAX ? 0 : mc_fail(err, MC_ELIMIT, 0, "%s: too many processes wait to be written", s->path);
	if (rc == 0)
		rc = mc_grow(&items, &s->cappending, s->npending + 1, sizeof *s->pending, err);
	s->pending = items;
	if (rc < 0) {
		release(p);
		return rc;
	}
	s->pending[s->npending++] = *p;
	rc = p->what == ST_ADD_LIFE ? find_place(s, err) : 0;
	if (rc == 0 && s->npending >= PENDING_MANY)
		rc = st_pending_flush(s, err);
	return rc;
}

/* ---- writing them ---- */

static void bind_text(sqlite3_stmt *st, int at, const char *text)
{
	sqlite3_bind_text(st, at, text ? text : "", -1, SQLITE_STATIC);
}

static int name_id(struct mc_store *s, const char *name, int64_t *ret, struct mc_error *err)
{
	sqlite3_stmt *st = NULL;
	*ret = 0;
	if (!name || !*name)
		return 0;
	int rc = st_stmt(s, SQL_name_find, &st, err);
	if (rc < 0)
		return rc;
	bind_text(st, 1, name);
	rc = st_step(s, st, err);
	if (rc == ST_ROW)
		*ret = sqlite3_column_int64(st, 0);
	if (rc < 0 || rc == ST_ROW)
		return sqlite3_reset(st), rc < 0 ? rc : 0;
	rc = st_stmt(s, SQL_name_add, &st, err);
	if (rc < 0)
		return rc;
	bind_text(st, 1, name);
	rc = st_step(s, st, err);
	*ret = sqlite3_last_insert_rowid(s->db);
	return rc;
}

static int build_step(struct mc_store *s, enum sql_id id, const struct st_pending *p, int64_t *ret, struct mc_error *err)
{
	sqlite3_stmt *st = NULL;
	int rc = st_stmt(s, id, &st, err);
	if (rc < 0)
		return rc;
	bind_text(st, 1, p->exe);
	bind_text(st, 2, p->version);
	bind_text(st, 3, p->commit);
	bind_text(st, 4, p->build_id);
	bind_text(st, 5, p->how);
	rc = st_step(s, st, err);
	if (rc == ST_ROW)
		*ret = sqlite3_column_int64(st, 0);
	sqlite3_reset(st);
	return rc;
}

static bool same_build(const struct st_pending *a, const struct st_pending *b)
{
	return strcmp(a->exe, b->exe) == 0 && strcmp(a->version, b->version) == 0 && strcmp(a->commit, b->commit) == 0 &&
		strcmp(a->build_id, b->build_id) == 0 && strcmp(a->how, b->how) == 0;
}

static int build_id(struct mc_store *s, const struct st_pending *p, int64_t *ret, struct mc_error *err)
{
	int rc = build_step(s, SQL_build_find, p, ret, err);
	if (rc != ST_DONE)
		return rc < 0 ? rc : 0;
	rc = build_step(s, SQL_build_add, p, ret, err);
	*ret = sqlite3_last_insert_rowid(s->db);
	return rc;
}

/* Before it is committed: where that fails, more is looked for than would have to be. Without memory it is read anew. */
static void note_newest(struct mc_store *s, const struct st_pending *p)
{
	const char *key = (const char *)&p->program;
	uint64_t v;
	if (!mc_map_get(s->newest, key, sizeof p->program, &v) || st_unzigzag(v) >= p->start_ms)
		return;
	if (mc_map_set(s->newest, key, sizeof p->program, st_zigzag(p->start_ms)) < 0)
		mc_map_del(s->newest, key, sizeof p->program);
}

/* What the life before it had: of thousands that are met at once most run the same. */
struct before {
	const struct st_pending *life; /* NULL: none */
	int64_t build, host;
};

static int write_life(struct mc_store *s, const struct st_pending *p, struct before *before, struct mc_error *err)
{
	sqlite3_stmt *st = NULL;
	int64_t host = before->host, slot = 0, build = before->build;
	int rc = before->life && same_build(p, before->life) ? 0 : build_id(s, p, &build, err);
	if (rc == 0 && p->what == ST_ADD_LIFE && !(before->host && strcmp(p->host, before->life->host) == 0))
		rc = name_id(s, p->host, &host, err);
	if (rc == 0)
		*before = (struct before){ p, build, p->what == ST_ADD_LIFE ? host : 0 };
	if (rc == 0 && p->what == ST_ADD_LIFE)
		rc = name_id(s, p->key, &slot, err);
	if (rc == 0)
		rc = st_stmt(s, p->what == ST_ADD_LIFE ? SQL_life_add : SQL_life_set, &st, err);
	if (rc < 0)
		return rc;
	sqlite3_bind_int64(st, 1, p->id);
	if (p->what == ST_SET_LIFE) {
		if (p->end_ms)
			sqlite3_bind_int64(st, 2, p->end_ms);
		sqlite3_bind_int64(st, 3, build);
		return st_step(s, st, err);
	}
	note_newest(s, p);
	sqlite3_bind_int64(st, 2, p->program);
	sqlite3_bind_int64(st, 3, host);
	sqlite3_bind_int64(st, 4, slot);
	sqlite3_bind_int64(st, 5, p->pid);
	sqlite3_bind_int64(st, 6, p->start_ms);
	if (p->end_ms)
		sqlite3_bind_int64(st, 7, p->end_ms - p->start_ms);
	sqlite3_bind_int64(st, 8, build);
	return st_step(s, st, err);
}

int st_pending_write(struct mc_store *s, struct mc_error *err)
{
	int rc = 0;
	struct before before = { 0 };
	for (size_t i = 0; i < s->npending && rc == 0; i++) {
		const struct st_pending *p = &s->pending[i];
		sqlite3_stmt *st = NULL;
		if (p->what == ST_ADD_PROGRAM) {
			rc = st_stmt(s, SQL_program_add, &st, err);
			if (rc < 0)
				break;
			sqlite3_bind_int64(st, 1, p->id);
			bind_text(st, 2, p->name);
			rc = st_step(s, st, err);
		} else if (p->what == ST_END_LIFE)
			rc = st_run(s, SQL_life_end, err, 2, p->id, p->end_ms);
		else
			rc = write_life(s, p, &before, err);
	}
	return rc;
}

int st_pending_flush(struct mc_store *s, struct mc_error *err)
{
	if (s->npending == 0)
		return 0;
	int rc = s->full && !s->bulk ? st_make_room(s, err) : 0;
	if (rc == 0 && !s->bulk)
		rc = st_begin(s, err);
	if (rc < 0)
		return rc;
	rc = st_pending_write(s, err);
	if (rc == 0 && !s->bulk)
		rc = st_commit(s, err);
	if (rc < 0 && !s->bulk)
		st_rollback(s);
	if (rc == 0)
		st_pending_drop(s);
	return rc;
}

/* ---- finding or adding ---- */

int mc_store_program(struct mc_store *s, const char *name, int64_t *ret_id, struct mc_error *err)
{
	int rc = st_need_writer(s, err);
	if (rc == 0 && s->catalog_bad)
		rc = st_catalog_load(s, err);
	if (rc < 0)
		return rc;
	uint64_t id;
	if (mc_map_get(s->programs, name, strlen(name), &id)) {
		*ret_id = (int64_t)id;
		return 0;
	}
	struct st_pending p = { .what = ST_ADD_PROGRAM, .id = s->next_program, .name = mc_strdup(name) };
	if (!p.name || mc_map_set(s->programs, name, strlen(name), (uint64_t)p.id) < 0) {
		free(p.name);
		return mc_nomem(err, "a program");
	}
	s->next_program++;
	rc = add_pending(s, &p, err);
	if (rc < 0 && s->npending == 0)
		mc_map_del(s->programs, name, strlen(name));
	if (rc == 0)
		*ret_id = p.id;
	return rc;
}

static const char *given(const char *now, const char *before)
{
	return now && *now ? now : before ? before : "";
}

static bool same_life(const struct st_pending *p, const struct mc_incarnation *i, const char *host)
{
	int64_t apart = p->start_ms - i->start_ms;
	return p->what == ST_ADD_LIFE && p->program == i->program && p->pid == i->pid && apart >= -1500 && apart <= 1500 &&
		strcmp(p->host, host) == 0 && strcmp(p->key, i->key ? i->key : "") == 0;
}

static int fill(struct st_pending *p, const struct mc_incarnation *i, const char *host, struct mc_error *err)
{
	p->host = mc_strdup(host);
	p->key = mc_strdup(given(i->key, ""));
	p->exe = mc_strdup(given(i->exe, p->exe));
	p->version = mc_strdup(given(i->version, p->version));
	p->commit = mc_strdup(given(i->commit, p->commit));
	p->build_id = mc_strdup(given(i->build_id, p->build_id));
	p->how = mc_strdup(given(i->how, p->how));
	if (p->host && p->key && p->exe && p->version && p->commit && p->build_id && p->how)
		return 0;
	release(p);
	return mc_nomem(err, "a process");
}

static int add_life(struct mc_store *s, struct mc_incarnation *i, const char *host, struct mc_error *err)
{
	if (s->next_life >= 1 << 30)
		return mc_fail(err, MC_ELIMIT, 0, "%s: over a billion processes", s->path);
	struct st_pending p = { .what = ST_ADD_LIFE, .id = s->next_life, .program = i->program, .pid = i->pid,
		.start_ms = i->start_ms, .end_ms = i->end_ms };
	int rc = fill(&p, i, host, err);
	if (rc < 0)
		return rc;
	i->id = s->next_life++;
	return add_pending(s, &p, err);
}

static void mark_ended(struct mc_store *s, int64_t id)
{
	struct st_open *o = st_hot_find(&s->hot, (uint32_t)id << 2 | ST_LIFE);
	if (o)
		o->ended = true;
}

/* The row st is the life: what is given and differs is to be written. */
static int renew_life(struct mc_store *s, sqlite3_stmt *st, struct mc_incarnation *i, const char *host, struct mc_error *err)
{
	const char *was[5], *now[5] = { i->exe, i->version, i->commit, i->build_id, i->how };
	bool differs = i->end_ms && i->end_ms != sqlite3_column_int64(st, 2);
	for (int k = 0; k < 5; k++) {
		was[k] = (const char *)sqlite3_column_text(st, 3 + k);
		if (!was[k])
			return mc_nomem(err, "a process");
		bool name = i->named && (k == 1 || k == 2);
		differs = differs || strcmp(name ? given(now[k], "") : given(now[k], was[k]), was[k]) != 0;
	}
	i->id = sqlite3_column_int64(st, 0);
	if (!differs)
		return 0;
	struct mc_incarnation all = *i;
	all.exe = given(i->exe, was[0]);
	all.version = given(i->version, i->named ? "" : was[1]);
	all.commit = given(i->commit, i->named ? "" : was[2]);
	all.build_id = given(i->build_id, was[3]);
	all.how = given(i->how, was[4]);
	struct st_pending p = { .what = ST_SET_LIFE, .id = i->id, .start_ms = i->start_ms, .end_ms = i->end_ms };
	int rc = fill(&p, &all, host, err);
	if (rc == 0) {
		sqlite3_reset(st);
		rc = add_pending(s, &p, err);
	}
	if (rc == 0 && i->end_ms)
		mark_ended(s, i->id);
	return rc;
}

/* Whether it is among those that wait to be written. */
static bool is_pending(const struct mc_store *s, const struct mc_incarnation *life, const char *host)
{
	if (!s->nplace)
		return false;
	for (size_t i = home(s, life->program, life->pid); s->place[i]; i = (i + 1) & (s->nplace - 1))
		if (same_life(&s->pending[s->place[i] - 1], life, host))
			return true;
	return false;
}

/* When the newest life of the program began, of those in the file; INT64_MIN: there is none. */
static int newest_start(struct mc_store *s, int64_t program, int64_t *ret, struct mc_error *err)
{
	uint64_t v;
	if (mc_map_get(s->newest, (const char *)&program, sizeof program, &v)) {
		*ret = st_unzigzag(v);
		return 0;
	}
	*ret = INT64_MIN;
	int rc = st_number(s, SQL_life_newest, ret, err, 1, program);
	if (rc < 0)
		return rc;
	return mc_map_set(s->newest, (const char *)&program, sizeof program, st_zigzag(*ret)) < 0 ? mc_nomem(err, "a program") : 0;
}

int mc_store_incarnation(struct mc_store *s, struct mc_incarnation *i, struct mc_error *err)
{
	int rc = st_need_writer(s, err);
	const char *host = i->host ? i->host : s->host;
	if (rc == 0 && s->catalog_bad)
		rc = st_catalog_load(s, err);
	int64_t newest;
	if (rc == 0 && is_pending(s, i, host))
		rc = st_pending_flush(s, err);
	if (rc == 0)
		rc = newest_start(s, i->program, &newest, err);
	/* one that began after all that are written is none of them */
	if (rc == 0 && (newest == INT64_MIN || i->start_ms - 1500 > newest))
		return add_life(s, i, host, err);
	sqlite3_stmt *st = NULL;
	if (rc == 0)
		rc = st_stmt(s, SQL_life_find, &st, err);
	if (rc < 0)
		return rc;
	sqlite3_bind_int64(st, 1, i->program);
	sqlite3_bind_int64(st, 2, i->start_ms);
	sqlite3_bind_int64(st, 3, i->pid);
	bind_text(st, 4, host);
	bind_text(st, 5, i->key);
	rc = st_step(s, st, err);
	if (rc == ST_ROW)
		rc = renew_life(s, st, i, host, err);
	else if (rc == ST_DONE)
		rc = add_life(s, i, host, err);
	sqlite3_reset(st);
	sqlite3_clear_bindings(st);
	return rc;
}

int mc_store_incarnation_end(struct mc_store *s, int64_t id, int64_t end_ms, struct mc_error *err)
{
	int rc = st_need_writer(s, err);
	if (rc < 0)
		return rc;
	struct st_pending p = { .what = ST_END_LIFE, .id = id, .end_ms = end_ms };
	rc = add_pending(s, &p, err);
	if (rc == 0)
		mark_ended(s, id);
	return rc;
}

int st_host_id(struct mc_store *s, uint32_t *ret, struct mc_error *err)
{
	int64_t id = s->host_id;
	if (id == 0) {
		int rc = name_id(s, *s->host ? s->host : "localhost", &id, err);
		if (rc < 0)
			return rc;
		if (!s->bulk)
			s->host_id = id;
	}
	*ret = (uint32_t)id;
	return 0;
}
