/* Marks that name lives, also where nothing that is recognised differs: a script whose modules change and not itself, a
 * program that reads what it does from elsewhere. The restart that a mark is of is the one before it, where one was seen in
 * the minutes before it, or the next one: lives from then on have the mark's name, those of before keep theirs. */
#include <stdlib.h>
#include <string.h>

#include "daemon_builds.h"
#include "deploys.h"

enum {
	LATE_MS = 10 * 60 * 1000,  /* a mark is no later than so, after the restart that it is of */
	GAP_MS = 2 * 60 * 1000,    /* starts of one restart are no further apart */
	SETTLED_MS = 2 * 60 * 1000, /* a mark that waits for a restart waits for no more than so */
	BEFORE_MS = 6 * 60 * 60 * 1000 /* so far back it is looked for what ran before */
};

void naming_due(struct program *p, const struct mc_deploy_row *mark)
{
	p->naming = (struct naming){ .id = mark->id, .at_ms = mark->unix_ms };
	snprintf(p->naming.version, sizeof p->naming.version, "%s", mark->version ? mark->version : "");
	snprintf(p->naming.commit, sizeof p->naming.commit, "%s", mark->commit ? mark->commit : "");
}

static bool is_mark(const struct mc_deploy_row *d)
{
	return d->source && strcmp(d->source, "mark") == 0;
}

void naming_remember(struct program *p, const struct mc_deploy_row *rows, size_t n)
{
	const struct mc_deploy_row *last = NULL;
	int64_t ids[64];
	size_t known = naming_marks(p, ids, sizeof ids / sizeof ids[0]);
	for (size_t i = 0; i < n; i++)
		if (!rows[i].source || (strcmp(rows[i].source, DEPLOYS_BASELINE) != 0 && strcmp(rows[i].source, DEPLOYS_LIBRARY) != 0))
			last = !last || rows[i].unix_ms >= last->unix_ms ? &rows[i] : last;
	if (!last || !is_mark(last) || last->first_seen_ms)
		return;
	for (size_t k = 0; k < known; k++)
		if (ids[k] == last->id)
			return;
	naming_due(p, last);
}

size_t naming_marks(const struct program *p, int64_t *ids, size_t most)
{
	size_t n = 0;
	for (size_t i = 0; i < p->nexecutables; i++)
		for (size_t k = 0; k < p->executables[i].n && n < most; k++)
			if (p->executables[i].builds[k].mark_id && p->executables[i].builds[k].last_ms)
				ids[n++] = p->executables[i].builds[k].mark_id;
	return n;
}

/* ---- the restart that a mark is of ---- */

struct past {
	const struct mc_incarnation_row *v; /* by start */
	size_t n;
	int64_t after_ms, t; /* lives of after the mark before this one; this one */
	int64_t known_ms, tick_ms; /* since when the program is known; how late an end may be known */
};

static bool ended_by(const struct mc_incarnation_row *l, int64_t t)
{
	return l->end_ms && l->end_ms <= t;
}

/* All that ran was replaced: the first start of what runs; or t. `now`: what ended by then is known to have. */
static int64_t whole_restart(const struct past *p, int64_t now)
{
	int64_t first = INT64_MAX;
	for (size_t i = 0; i < p->n; i++)
		if (p->v[i].start_ms <= p->t && !ended_by(&p->v[i], now) && p->v[i].start_ms < first)
			first = p->v[i].start_ms;
	if (first == INT64_MAX || first < p->t - LATE_MS || first <= p->after_ms)
		return p->t;
	bool any = p->known_ms && p->known_ms < first - START_MS;
	for (size_t i = 0; i < p->n && p->v[i].start_ms < first - START_MS; i++) {
		any = true;
		if (!ended_by(&p->v[i], first + GAP_MS / 2 + 2 * p->tick_ms))
			return p->t; /* workers that are recycled one after the other */
	}
	return any ? first : p->t;
}

/* Several started one after the other, most of what runs or just now, after a quiet time. */
static int64_t rolling_restart(const struct past *p, int64_t now)
{
	int64_t first = p->t, last = 0, before = 0;
	size_t in = 0, all = 0;
	for (size_t i = p->n; i-- > 0 && !before;) {
		int64_t start = p->v[i].start_ms;
		if (start > p->t)
			continue;
		if (start <= p->after_ms || first - start > (last ? GAP_MS : LATE_MS)) {
			before = start;
			break;
		}
		last = last ? last : start;
		first = start;
	}
	if (!last || !before || first < p->t - LATE_MS || first - before < LATE_MS)
		return p->t;
	for (size_t i = 0; i < p->n; i++)
		if (p->v[i].start_ms <= p->t && !ended_by(&p->v[i], now)) {
			all++;
			in += p->v[i].start_ms >= first;
		}
	return 2 * in >= all || p->t - last <= GAP_MS ? first : p->t;
}

/* From when on lives are the mark's. */
static int64_t begins(const struct daemon *d, const struct past *p)
{
	/* the end of a life is known at the tick after it */
	int64_t now = p->t + 3 * p->tick_ms > d->last_ms ? d->last_ms : p->t + p->tick_ms;
	int64_t first = whole_restart(p, now);
	return first < p->t ? first : rolling_restart(p, now);
}

/* ---- naming ---- */

static bool has_name(const struct build *b, const struct naming *m)
{
	if (m->commit[0] && b->commit[0])
		return strncmp(m->commit, b->commit, strlen(m->commit) < strlen(b->commit) ? strlen(m->commit) : strlen(b->commit)) == 0;
	return m->version[0] && strcmp(m->version, b->version) == 0;
}

/* Lives that run as build `from`, begun since then, are build `to`'s. */
static void move_lives(struct daemon *d, const struct program *p, struct executable *e, size_t from, size_t to, int64_t since_ms)
{
	struct build *a = &e->builds[from], *b = &e->builds[to];
	for (size_t i = 0; i < d->tick->nprocesses; i++) {
		const struct mc_process *q = d->tick->processes[i];
		struct life *l = lives_find(&d->lives, q->id);
		if (!l || &d->programs[l->program] != p || l->executable != (size_t)(e - p->executables) || l->build != from || q->start_ms + START_MS < since_ms)
			continue;
		l->build = (uint32_t)to;
		a->alive -= a->alive > 0;
		if (b->alive++ == 0 || q->start_ms < b->first_ms)
			b->first_ms = q->start_ms;
		b->last_ms = d->tick->t_ms;
		b->renamed = d->renamed = true;
	}
}

/* What of it has ended already is in the store only. */
static int name_ended(struct daemon *d, const struct mc_incarnation_row *l, const char *version, const char *commit, struct mc_error *err)
{
	struct mc_incarnation life = { .program = l->program, .host = l->host, .key = l->key, .pid = l->pid, .start_ms = l->start_ms,
		.end_ms = l->end_ms, .exe = l->exe, .version = version, .commit = commit, .build_id = l->build_id, .how = l->how, .named = true };
	return mc_store_incarnation(d->store, &life, err);
}

static int name_all_ended(struct daemon *d, const struct past *past, const struct build *was, const struct build *is, struct mc_error *err)
{
	int rc = 0;
	for (size_t i = 0; i < past->n && rc == 0; i++) {
		const struct mc_incarnation_row *l = &past->v[i];
		if (l->end_ms && l->start_ms + START_MS >= is->since_ms && l->start_ms > past->after_ms && strcmp(l->build_id, was->build_id) == 0 &&
			strcmp(l->version, was->version) == 0 && strcmp(l->commit, was->commit) == 0)
			rc = name_ended(d, l, is->version, is->commit, err);
	}
	return rc;
}

void naming_settled(struct daemon *d, const struct program *p, const struct mc_deploy_row *row)
{
	struct mc_error err;
	struct mc_incarnation_row *v = NULL;
	size_t n = 0;
	int rc = mc_store_incarnations(d->store, p->id, row->first_seen_ms - START_MS, INT64_MAX, &v, &n, &err);
	for (size_t i = 0; i < n && rc == 0; i++)
		if (v[i].end_ms && strcmp(v[i].build_id, row->build_id) == 0 && !v[i].version[0] && !v[i].commit[0])
			rc = name_ended(d, &v[i], row->version, row->commit, &err);
	mc_store_incarnations_free(v, n);
	if (rc < 0)
		daemon_trouble(d, AT_DEPLOY, &err);
}

/* What runs of e is called so from since_ms on, unless it is another build that says itself what it is. */
static int name_from(struct daemon *d, struct program *p, struct executable *e, const struct past *past, int64_t since_ms, struct mc_error *err)
{
	const struct naming *m = &p->naming;
	size_t k = e->current;
	if (k >= e->n || has_name(&e->builds[k], m))
		return 0;
	struct build was = e->builds[k];
	struct build *b = builds_add(e, m->version, m->commit, was.build_id, was.how, was.source);
	if (!b)
		return mc_nomem(err, "a build");
	b->said_version = mc_strdup(was.said_version ? was.said_version : was.version);
	b->said_commit = mc_strdup(was.said_commit ? was.said_commit : was.commit);
	b->since_ms = since_ms;
	b->mark_id = m->id;
	b->mark_ms = m->at_ms;
	b->ticks = was.ticks;
	b->interpreted = was.interpreted;
	b->libraries = was.libraries;
	b->update = was.update;
	b->update_ms = was.update_ms;
	if (!b->said_version || !b->said_commit) {
		build_release(b);
		return mc_nomem(err, "a build");
	}
	e->current = (size_t)(b - e->builds);
	p->changed = true;
	bool all = was.first_ms >= since_ms - START_MS;
	move_lives(d, p, e, k, e->current, since_ms);
	if (all && was.mark_id && e->builds[k].alive == 0)
		e->builds[k].last_ms = 0; /* the mark before never had a life */
	return name_all_ended(d, past, &e->builds[k], b, err);
}

/* When the mark before this one was made. */
static int mark_before(struct daemon *d, const struct program *p, int64_t *ret, struct mc_error *err)
{
	struct mc_deploy_row *rows = NULL;
	size_t n = 0;
	int rc = mc_store_deploys(d->store, p->id, &rows, &n, err);
	*ret = 0;
	for (size_t i = 0; rc == 0 && i < n; i++)
		if (is_mark(&rows[i]) && rows[i].id != p->naming.id && rows[i].unix_ms < p->naming.at_ms && rows[i].unix_ms > *ret)
			*ret = rows[i].unix_ms;
	mc_store_deploys_free(rows, n);
	return rc;
}

void naming_tick(struct daemon *d, struct program *p)
{
	struct mc_error err;
	struct mc_incarnation_row *rows = NULL;
	struct past past = { .t = p->naming.at_ms, .known_ms = p->first_seen_ms, .tick_ms = d->config->c.interval_ms };
	if (!p->naming.id || !p->known || !d->store)
		return;
	int rc = mark_before(d, p, &past.after_ms, &err);
	if (rc == 0)
		rc = mc_store_incarnations(d->store, p->id, past.t - BEFORE_MS, INT64_MAX, &rows, &past.n, &err);
	past.v = rows;
	int64_t since = rc == 0 ? begins(d, &past) : 0;
	for (size_t i = 0; rc == 0 && i < p->nexecutables; i++)
		rc = name_from(d, p, &p->executables[i], &past, since, &err);
	mc_store_incarnations_free(rows, past.n);
	if (rc < 0)
		daemon_trouble(d, AT_DEPLOY, &err);
	else if (past.after_ms && since < past.t)
		builds_settle(d, p, past.after_ms + SETTLED_MS); /* the mark before is none of this restart */
	p->naming.id = 0;
}

/* ---- and not ---- */

/* What it was called before. SIZE_MAX: nothing is known of it. */
static size_t called_before(const struct executable *e, const struct build *b)
{
	size_t best = SIZE_MAX;
	for (size_t k = 0; k < e->n; k++) {
		const struct build *o = &e->builds[k];
		if (o != b && o->build_id && strcmp(o->build_id, b->build_id) == 0 && o->since_ms < b->since_ms &&
			(best == SIZE_MAX || o->since_ms > e->builds[best].since_ms))
			best = k;
	}
	return best;
}

void naming_undo(struct daemon *d, struct program *p, const struct mc_deploy_row *row)
{
	for (size_t i = 0; i < p->nexecutables; i++)
		for (size_t k = 0; k < p->executables[i].n; k++) {
			struct executable *e = &p->executables[i];
			struct build *b = &e->builds[k];
			int64_t after = row->first_seen_ms - b->mark_ms;
			size_t was = b->build_id && b->mark_id == row->id && strcmp(b->build_id, row->build_id) != 0 ? called_before(e, b) : SIZE_MAX;
			/* what restarted nearer to the mark, before it, is the mark's */
			if (was == SIZE_MAX || after > (b->mark_ms - b->since_ms > GAP_MS ? b->mark_ms - b->since_ms : GAP_MS))
				continue;
			move_lives(d, p, e, k, was, INT64_MIN / 2);
			if (e->current == k)
				e->current = was;
			if (b->alive == 0)
				build_release(b);
			p->changed = true;
		}
}
