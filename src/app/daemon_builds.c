/* When another build of a program is a deploy. The rules:
 * - builds are compared within one executable of the program, so that a shell beside a server is no deploy;
 * - a build counts once it was seen in two ticks, and where its executable holds a tenth of the memory;
 * - the first one ever is the baseline; the one that ran already coming up again is a restart;
 * - one that never went, and whose processes take the place of its successor's last ones, is a rollback as well: of
 *   a canary;
 * - one that ran beside its successor for long and comes up after a short absence is a restart too (two
 *   programs under one name); after a longer absence it is a rollback. */
#include "daemon_builds.h"

#include <stdlib.h>
#include <string.h>

#include "deploys.h"

enum { MAX_BUILDS = 32, MAX_EXECUTABLES = 16, MIN_TICKS = 2 };
#define SHARE_COUNTS 0.1
#define TOGETHER_MS 600000 /* beside each other for so long: both are meant to stay */
#define ABSENT_MS 300000
#define RESTLESS_MS 600000

void build_release(struct build *b)
{
	free(b->said_version);
	free(b->said_commit);
	free(b->version);
	free(b->commit);
	free(b->build_id);
	free(b->how);
	free(b->source);
	*b = (struct build){ 0 };
}

void builds_release(struct program *p)
{
	for (size_t i = 0; i < p->nexecutables; i++) {
		for (size_t k = 0; k < p->executables[i].n; k++)
			build_release(&p->executables[i].builds[k]);
		free(p->executables[i].builds);
		free(p->executables[i].key);
	}
	free(p->executables);
	p->executables = NULL;
	p->nexecutables = 0;
}

const struct build *builds_of(const struct program *p, const struct life *l)
{
	if (l->executable >= p->nexecutables || l->build >= p->executables[l->executable].n)
		return NULL;
	return &p->executables[l->executable].builds[l->build];
}

/* ---- finding and adding ---- */

struct executable *builds_executable(struct program *p, const char *key)
{
	for (size_t i = 0; i < p->nexecutables; i++)
		if (strcmp(p->executables[i].key, key) == 0)
			return &p->executables[i];
	if (p->nexecutables >= MAX_EXECUTABLES)
		return NULL;
	struct executable *v = mc_reallocarray(p->executables, p->nexecutables + 1, sizeof *v);
	if (!v)
		return NULL;
	p->executables = v;
	char *copy = mc_strdup(key);
	if (!copy)
		return NULL;
	v += p->nexecutables++;
	*v = (struct executable){ .key = copy, .current = SIZE_MAX };
	return v;
}

/* Room for one more: the build that has been gone for longest makes it. Indices of those alive stay. */
static struct build *room_for_build(struct executable *e)
{
	if (e->n < MAX_BUILDS) {
		void *items = e->builds;
		if (mc_grow(&items, &e->cap, e->n + 1, sizeof *e->builds, NULL) < 0)
			return NULL;
		e->builds = items;
		e->builds[e->n] = (struct build){ 0 };
		return &e->builds[e->n++];
	}
	struct build *oldest = NULL;
	for (size_t i = 0; i < e->n; i++) {
		struct build *b = &e->builds[i];
		if (b->alive == 0 && i != e->current && (!oldest || b->last_ms < oldest->last_ms))
			oldest = b;
	}
	if (oldest)
		build_release(oldest);
	return oldest;
}

struct build *builds_add(struct executable *e, const char *version, const char *commit, const char *build_id, const char *how, const char *source)
{
	struct build *b = room_for_build(e);
	if (!b)
		return NULL;
	*b = (struct build){ .version = mc_strdup(version), .commit = mc_strdup(commit), .build_id = mc_strdup(build_id), .how = mc_strdup(how),
		.source = mc_strdup(source) };
	if (b->version && b->commit && b->build_id && b->how && b->source)
		return b;
	build_release(b); /* an empty one: it matches nothing, and makes room again */
	return NULL;
}

static bool meets(const char *a, const char *b)
{
	return !a[0] || !b[0] || strcmp(a, b) == 0;
}

/* Either may be cut short, to seven digits at least. */
static bool commits_meet(const char *a, const char *b)
{
	size_t na = strlen(a), nb = strlen(b), n = na < nb ? na : nb;
	return n == 0 || (n >= 7 ? strncmp(a, b, n) == 0 : strcmp(a, b) == 0);
}

/* What is recognised of it, whatever a mark calls it. */
static const char *own_version(const struct build *b)
{
	return b->said_version ? b->said_version : b->version;
}

static const char *own_commit(const struct build *b)
{
	return b->said_commit ? b->said_commit : b->commit;
}

/* What the surroundings say (a name of the environment, a stamp file), and said otherwise before. */
static bool surroundings_differ(const struct build *b, const struct mc_identity *id)
{
	if ((id->source != MC_ID_ENVIRONMENT && id->source != MC_ID_STAMP_FILE) || strcmp(b->source, mc_identity_source_name(id->source)) != 0)
		return false;
	return !commits_meet(own_commit(b), id->commit) || !meets(own_version(b), id->version);
}

/* The same build-id is the same build, unless its surroundings name another version now. A script is known by its version or commit
 * first: its contents are the build, but say little. */
static bool same_build(const struct build *b, const struct mc_identity *id)
{
	if (!b->build_id)
		return false;
	if (id->interpreted && own_commit(b)[0] && id->commit[0])
		return commits_meet(own_commit(b), id->commit);
	if (id->interpreted && own_version(b)[0] && id->version[0])
		return strcmp(own_version(b), id->version) == 0;
	if (b->build_id[0] && id->build_id[0])
		return strcmp(b->build_id, id->build_id) == 0 && !surroundings_differ(b, id);
	if (own_commit(b)[0] && id->commit[0])
		return commits_meet(own_commit(b), id->commit);
	return strcmp(b->build_id, id->build_id) == 0 && meets(own_version(b), id->version) &&
		(own_version(b)[0] || own_commit(b)[0] || !(id->version[0] || id->commit[0]));
}

/* The build of a life that began at start_ms: what marks called by several names is the one in force then. */
static struct build *find_build(struct executable *e, const struct mc_identity *id, int64_t start_ms)
{
	struct build *best = NULL;
	for (size_t i = 0; i < e->n; i++) {
		struct build *b = &e->builds[i];
		if (!same_build(b, id))
			continue;
		bool later = b->since_ms > start_ms + START_MS, best_later = best && best->since_ms > start_ms + START_MS;
		if (!best || (best_later ? b->since_ms < best->since_ms : !later && b->since_ms > best->since_ms))
			best = b;
	}
	return best;
}

/* Holds id against the repository, and looks for the build again. A tag it gets there is none that the program told: of
 * two tags on one commit either may be the build's. */
static struct build *ask_repository(const struct daemon *d, const struct program *p, struct executable *e, struct mc_identity *id, int64_t start_ms)
{
	bool told = id->version[0];
	deploys_hold_against(&d->config->c, p->name, id);
	struct mc_identity as_told = *id;
	if (!told)
		as_told.version[0] = '\0';
	return find_build(e, &as_told, start_ms);
}

/* ---- lives ---- */

/* What runs, called so by another mark. */
static bool is_current(const struct executable *e, const struct build *b)
{
	const struct build *is = e->current < e->n ? &e->builds[e->current] : NULL;
	return is && (is == b || ((is->mark_id || b->mark_id) && is->build_id && b->build_id && strcmp(is->build_id, b->build_id) == 0));
}

static void count_life(struct executable *e, struct build *b, struct life *l, const struct program *p, const struct mc_process *q)
{
	l->executable = (uint32_t)(e - p->executables);
	l->build = (uint32_t)(b - e->builds);
	if (b->alive++ == 0) {
		b->pending = !is_current(e, b);
		b->ticks = 0;
		b->first_ms = q->start_ms;
		b->absent_ms = b->last_ms ? q->start_ms - b->last_ms : 0;
	} else if (q->start_ms < b->first_ms) {
		b->first_ms = q->start_ms;
	}
	if (e->current < e->n && &e->builds[e->current] != b && !e->builds[e->current].alive && !b->instead_ms)
		b->instead_ms = q->start_ms;
}

void builds_born(struct daemon *d, struct program *p, struct life *l, const struct mc_process *q, const struct life *parent, bool same_file)
{
	struct mc_identity id;
	const struct build *its = parent && same_file && parent->program == l->program ? builds_of(p, parent) : NULL;
	/* a worker of a master of the same file, which has what it runs from it */
	if (its && !its->interpreted) {
		struct executable *e = &p->executables[parent->executable];
		count_life(e, &e->builds[parent->build], l, p, q);
		return;
	}
	identity_find(d, q, parent && same_file ? parent->id : 0, &id);
	if (!id.build_id[0] && !id.version[0] && !id.commit[0])
		return;
	struct executable *e = builds_executable(p, id.what[0] ? id.what : q->comm);
	struct build *b = e ? find_build(e, &id, q->start_ms) : NULL;
	if (e && !b) { /* the repository is asked of what is new only */
		b = ask_repository(d, p, e, &id, q->start_ms);
		if (!id.build_id[0] && !id.version[0] && !id.commit[0])
			return;
	}
	if (e && !b)
		b = builds_add(e, id.version, id.commit, id.build_id, id.text, mc_identity_source_name(id.source));
	if (!b)
		return;
	b->interpreted = id.interpreted;
	count_life(e, b, l, p, q);
}

void builds_gone(struct program *p, const struct life *l)
{
	struct build *b = (struct build *)(uintptr_t)builds_of(p, l);
	if (b && b->alive)
		b->alive--;
}

/* ---- deploys ---- */

static bool is_restless(struct executable *e, int64_t t)
{
	size_t n = sizeof e->recent / sizeof e->recent[0];
	int64_t oldest = e->recent[e->nrecent % n];
	return oldest && t - oldest < RESTLESS_MS;
}

static void remember_deploy(struct executable *e, int64_t t)
{
	e->recent[e->nrecent++ % (sizeof e->recent / sizeof e->recent[0])] = t;
}

/* A program under whose name two things run: what comes up again after a moment is no deploy. */
static bool runs_beside(const struct daemon *d, const struct build *b)
{
	int64_t absent = 3 * d->config->c.interval_ms > ABSENT_MS ? 3 * d->config->c.interval_ms : ABSENT_MS;
	return b->together_ms >= TOGETHER_MS && b->absent_ms < absent;
}

/* How it was recognised, and whether it is a rollback or a version brought back. To free(); NULL without memory. */
static char *told_how(const struct build *b, bool baseline)
{
	struct mc_buf text = { 0 };
	mc_buf_printf(&text, "%s%s", !baseline && b->absent_ms > 0 ? "ran here before; " : "", b->how);
	char *copy = text.failed ? NULL : mc_strdup(mc_buf_text(&text));
	mc_buf_release(&text);
	return copy;
}

/* 0, or DEPLOYS_JOINED: a mark said so, and was counted. */
static int write_deploy(struct daemon *d, struct program *p, struct build *b, bool baseline, struct mc_error *err)
{
	struct mc_deploy_row row = { .program = p->id, .unix_ms = b->first_ms, .first_seen_ms = b->first_ms };
	row.version = mc_strdup(b->version);
	row.commit = mc_strdup(b->commit);
	row.build_id = mc_strdup(b->build_id);
	row.host = mc_strdup(d->host);
	row.note = told_how(b, baseline);
	row.source = mc_strdup(baseline ? DEPLOYS_BASELINE : b->source);
	int rc = row.version && row.commit && row.build_id && row.host && row.note && row.source ? 0 : mc_nomem(err, "a deploy");
	if (rc == 0)
		rc = deploys_seen(d->store, &row, err);
	if (rc == DEPLOYS_JOINED)
		naming_undo(d, p, &row);
	if (rc >= 0) {
		builds_name(d, p, &row); /* a mark may have named it */
		if (strcmp(row.source, DEPLOYS_BASELINE) != 0 && row.unix_ms > p->last_deploy_ms)
			p->last_deploy_ms = row.unix_ms;
	}
	deploys_row_release(&row);
	return rc;
}

static bool has_baseline(const struct program *p)
{
	for (size_t i = 0; i < p->nexecutables; i++)
		if (p->executables[i].current != SIZE_MAX)
			return true;
	return false;
}

/* Decides what a build that came up is. 0, or below: it could not be written, and is looked at again. */
static int decide(struct daemon *d, struct program *p, struct executable *e, size_t k, int64_t t, struct mc_error *err)
{
	struct build *b = &e->builds[k];
	int rc = 0;
	if (e->current == SIZE_MAX) {
		if (!has_baseline(p))
			rc = write_deploy(d, p, b, true, err);
	} else if (runs_beside(d, b) || (e->share < SHARE_COUNTS && p->nexecutables > 1)) {
		b->pending = false;
		return 0;
	} else if (is_restless(e, t)) {
		if (!e->restless)
			mc_log(MC_LOG_WARN, "deploy", "%s: %s is another build every moment; its deploys are not recorded until it rests", p->name, e->key);
		e->restless = true;
		remember_deploy(e, t);
	} else {
		rc = write_deploy(d, p, b, false, err);
		if (rc >= 0) {
			p->deploys += rc != DEPLOYS_JOINED;
			e->restless = false;
			remember_deploy(e, t);
			mc_log(MC_LOG_INFO, "deploy", "%s: %s%s%s (%s)", p->name, b->version[0] ? b->version : "another build", b->commit[0] ? " " : "", b->commit, b->how);
		}
	}
	if (rc < 0)
		return rc;
	b->pending = false;
	e->current = k;
	p->changed = true;
	for (size_t i = 0; i < e->n; i++)
		e->builds[i].together_ms = 0;
	return 0;
}

/* A canary that was taken back, and for long enough that it did not only crash. 0, or below as decide(). */
static int take_back(struct daemon *d, struct program *p, struct executable *e, int64_t t, struct mc_error *err)
{
	const struct build *gone = &e->builds[e->current];
	int64_t patience = 30 * d->config->c.interval_ms < ABSENT_MS ? 30 * d->config->c.interval_ms : ABSENT_MS;
	if (gone->alive || !gone->last_ms || t - gone->last_ms < patience)
		return 0;
	for (size_t k = 0; k < e->n; k++) {
		struct build *b = &e->builds[k];
		/* in its place: begun when it ended, as far as ticks tell, and not long before or after */
		int64_t after = b->instead_ms - gone->last_ms;
		if (k == e->current || !b->alive || b->pending || (gone->since_ms && strcmp(b->build_id, gone->build_id) == 0) || !b->instead_ms || after < -2 * d->config->c.interval_ms - START_MS || after > patience)
			continue;
		b->first_ms = b->instead_ms;
		b->absent_ms = 1; /* as what it is told: it ran here before */
		int rc = write_deploy(d, p, b, false, err);
		if (rc < 0)
			return rc;
		p->deploys += rc != DEPLOYS_JOINED;
		mc_log(MC_LOG_INFO, "deploy", "%s: back to %s (%s)", p->name, b->version[0] ? b->version : "the build before", b->how);
		e->current = k;
		p->changed = true;
		break;
	}
	return 0;
}

static void share_of(struct executable *e, const struct program *p)
{
	double share = p->anon > 0 ? e->anon / p->anon : 0;
	e->share *= 0.999;
	if (share > e->share)
		e->share = share;
	e->anon = 0;
}

/* A mark that waited for another build, which did not come, names the first one. */
void builds_settle(struct daemon *d, struct program *p, int64_t t)
{
	struct mc_error err;
	struct mc_deploy_row row = { 0 };
	int64_t taken[64];
	size_t n = naming_marks(p, taken, sizeof taken / sizeof taken[0]);
	int rc = deploys_settle(d->store, p->id, t, taken, n, &row, &err);
	if (rc < 0)
		daemon_trouble(d, AT_DEPLOY, &err);
	else
		p->settle_ms = p->settle_ms > t ? p->settle_ms : 0;
	if (rc == DEPLOYS_SETTLED) {
		naming_settled(d, p, &row);
		builds_name(d, p, &row);
	}
	deploys_row_release(&row);
}

void builds_tick(struct daemon *d, struct program *p, int64_t t)
{
	struct mc_error err;
	if (p->settle_ms && t >= p->settle_ms && p->known && d->store)
		builds_settle(d, p, t);
	int64_t since = d->before_ms ? t - d->before_ms : 0;
	for (size_t i = 0; i < p->nexecutables; i++) {
		struct executable *e = &p->executables[i];
		bool current_runs = e->current < e->n && e->builds[e->current].alive;
		if (e->current < e->n && p->known && d->store && take_back(d, p, e, t, &err) < 0)
			daemon_trouble(d, AT_DEPLOY, &err); /* and again at the next tick */
		share_of(e, p);
		for (size_t k = 0; k < e->n; k++) {
			struct build *b = &e->builds[k];
			if (!b->alive)
				continue;
			b->last_ms = t;
			if (current_runs)
				b->instead_ms = 0;
			b->ticks++;
			if (current_runs && k != e->current)
				b->together_ms += since;
			if (b->pending && b->ticks >= MIN_TICKS && p->known && d->store && decide(d, p, e, k, t, &err) < 0) {
				daemon_trouble(d, AT_DEPLOY, &err);
				return; /* it stays pending */
			}
		}
	}
}

void builds_name(struct daemon *d, struct program *p, const struct mc_deploy_row *row)
{
	if (!row->build_id || !row->build_id[0] || !row->version || !row->commit)
		return;
	for (size_t i = 0; i < p->nexecutables; i++)
		for (size_t k = 0; k < p->executables[i].n; k++) {
			struct build *b = &p->executables[i].builds[k];
			if (!b->build_id || strcmp(b->build_id, row->build_id) != 0 || (b->version[0] && b->commit[0]) || (b->mark_id && b->mark_id != row->id))
				continue;
			char *version = b->version[0] ? NULL : mc_strdup(row->version), *commit = b->commit[0] ? NULL : mc_strdup(row->commit);
			if (version) {
				free(b->version);
				b->version = version;
			}
			if (commit) {
				free(b->commit);
				b->commit = commit;
			}
			b->renamed = true;
			p->changed = true;
		}
	d->renamed = true;
}

void builds_named(struct daemon *d)
{
	for (size_t i = 0; i < d->nprograms; i++)
		for (size_t e = 0; e < d->programs[i].nexecutables; e++)
			for (size_t k = 0; k < d->programs[i].executables[e].n; k++)
				d->programs[i].executables[e].builds[k].renamed = false;
}
