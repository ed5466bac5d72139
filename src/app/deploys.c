/* How marks and what was recognised come together in the store. */
#include "deploys.h"

#include "json_put.h"
#include "program.h"

#include <stdlib.h>
#include <string.h>

enum { MARK_LATE_MS = 10 * 60 * 1000, BASELINE_LATE_MS = 2 * 60 * 1000, BASELINE_SOON_MS = 5000, REPLACED_MS = 2 * 60 * 1000 };

void deploys_row_release(struct mc_deploy_row *d)
{
	free(d->version);
	free(d->commit);
	free(d->build_id);
	free(d->host);
	free(d->note);
	free(d->source);
	*d = (struct mc_deploy_row){ 0 };
}

static const char *text(const char *s)
{
	return s ? s : "";
}

/* Commits may be cut short in one place and whole in another. */
static bool same_commit(const char *a, const char *b)
{
	size_t na = strlen(text(a)), nb = strlen(text(b)), n = na < nb ? na : nb;
	return n >= 7 ? strncasecmp(a, b, n) == 0 : n > 0 && na == nb && strcmp(a, b) == 0;
}

static bool same_version(const char *a, const char *b)
{
	return text(a)[0] && strcmp(text(a), text(b)) == 0;
}

/* "v2.3" and "2.3" are one version to everybody. */
static bool like_version(const char *a, const char *b)
{
	a = text(a);
	b = text(b);
	a += a[0] == 'v' && a[1] >= '0' && a[1] <= '9';
	b += b[0] == 'v' && b[1] >= '0' && b[1] <= '9';
	return same_version(a, b);
}

static bool same_release(const struct mc_deploy_row *a, const struct mc_deploy_row *b)
{
	if (text(a->commit)[0] && text(b->commit)[0])
		return same_commit(a->commit, b->commit);
	if (text(a->version)[0] && text(b->version)[0])
		return like_version(a->version, b->version);
	return same_commit(a->commit, b->version) || same_commit(a->version, b->commit);
}

static bool is_named(const struct mc_deploy_row *d)
{
	return text(d->version)[0] || text(d->commit)[0];
}

static bool is_mark(const struct mc_deploy_row *d)
{
	return strcmp(text(d->source), "mark") == 0 || strcmp(text(d->source), "import") == 0;
}

static bool is_baseline(const struct mc_deploy_row *d)
{
	return strcmp(text(d->source), DEPLOYS_BASELINE) == 0;
}

static int64_t apart(int64_t a, int64_t b)
{
	return a > b ? a - b : b - a;
}

static bool hosts_meet(const struct mc_deploy_row *a, const struct mc_deploy_row *b)
{
	return !text(a->host)[0] || !text(b->host)[0] || strcmp(a->host, b->host) == 0;
}

/* When the row was last told of: its mark, or its first life. */
static int64_t gap(const struct mc_deploy_row *row, int64_t t)
{
	int64_t a = apart(row->unix_ms, t), b = row->first_seen_ms ? apart(row->first_seen_ms, t) : a;
	return a < b ? a : b;
}

/* Whether the two, one marked and one recognised, are one deploy. One of which only the build is known
 * has no name to disagree with; but a mark soon after it may also announce the next restart, so it has less time,
 * and least where it is the first that was ever seen: only a mark at its very start is certainly its own, a later
 * one waits for another build (deploys_settle()). */
static bool joins(const struct mc_deploy_row *mark, const struct mc_deploy_row *seen)
{
	/* what has its lives already is not started again: the same release once more is another deploy */
	if (!hosts_meet(mark, seen) || mark->first_seen_ms)
		return false;
	if (is_named(seen))
		return same_release(mark, seen);
	int64_t late = mark->unix_ms - seen->first_seen_ms;
	return late <= (is_baseline(seen) ? BASELINE_SOON_MS : MARK_LATE_MS);
}

/* Whether another release has taken the place of what was recognised, minutes before the mark: then the mark says
 * that this one comes back, and the deploy that began it keeps its time. Shortly after, a mark may just be late; but for what
 * ran before anybody looked. */
static bool replaced_before(const struct mc_deploy_row *rows, size_t n, const struct mc_deploy_row *seen, int64_t mark_ms)
{
	int64_t late = is_baseline(seen) ? 0 : REPLACED_MS;
	for (size_t i = 0; i < n; i++) {
		const struct mc_deploy_row *r = &rows[i];
		if (r->first_seen_ms > seen->first_seen_ms && r->first_seen_ms <= mark_ms - late && hosts_meet(r, seen) &&
			is_named(r) && is_named(seen) && !same_release(r, seen) && strcmp(text(r->source), DEPLOYS_LIBRARY) != 0)
			return true;
	}
	return false;
}

/* The nearest row in time, within 30 minutes, that is one with d; those that were recognised where d is a
 * mark, and the other way round. A row of the same name wins over one without. */
static struct mc_deploy_row *partner(struct mc_deploy_row *rows, size_t n, const struct mc_deploy_row *d)
{
	struct mc_deploy_row *best = NULL;
	int64_t least = DEPLOYS_MERGE_MS + 1, t = is_mark(d) ? d->unix_ms : d->first_seen_ms;
	bool named = false;
	for (size_t i = 0; i < n; i++) {
		struct mc_deploy_row *r = &rows[i];
		if (is_mark(r) == is_mark(d))
			continue;
		const struct mc_deploy_row *mark = is_mark(d) ? d : r, *seen = is_mark(d) ? r : d;
		bool by_name = is_named(seen);
		if (!joins(mark, seen) || gap(r, t) > DEPLOYS_MERGE_MS || (named && !by_name))
			continue;
		if (is_mark(d) && replaced_before(rows, n, r, t))
			continue;
		if (gap(r, t) < least || (by_name && !named)) {
			best = r;
			least = gap(r, t);
			named = by_name;
		}
	}
	return best;
}

static int fill(char **to, const char *from, bool over, struct mc_error *err)
{
	if (!text(from)[0] || (!over && text(*to)[0]))
		return 0;
	char *copy = mc_strdup(from);
	if (!copy)
		return mc_nomem(err, "a deploy");
	free(*to);
	*to = copy;
	return 0;
}

/* What the mark knows goes into the row over what was there: who marks knows best. */
static int take_mark(struct mc_deploy_row *row, const struct mc_deploy_row *mark, struct mc_error *err)
{
	int rc;
	row->unix_ms = mark->unix_ms;
	row->author_ms = mark->author_ms ? mark->author_ms : row->author_ms;
	row->commit_ms = mark->commit_ms ? mark->commit_ms : row->commit_ms;
	row->tag_ms = mark->tag_ms ? mark->tag_ms : row->tag_ms;
	if ((rc = fill(&row->version, mark->version, true, err)) < 0 || (rc = fill(&row->commit, mark->commit, true, err)) < 0 ||
		(rc = fill(&row->note, mark->note, true, err)) < 0 || (rc = fill(&row->host, mark->host, true, err)) < 0)
		return rc;
	return fill(&row->source, mark->source, true, err);
}

/* What was seen running goes into the mark's row where that says nothing. */
static int take_seen(struct mc_deploy_row *row, const struct mc_deploy_row *seen, struct mc_error *err)
{
	int rc;
	if (!row->first_seen_ms || seen->first_seen_ms < row->first_seen_ms)
		row->first_seen_ms = seen->first_seen_ms;
	if ((rc = fill(&row->version, seen->version, false, err)) < 0 || (rc = fill(&row->commit, seen->commit, false, err)) < 0)
		return rc;
	return fill(&row->build_id, seen->build_id, false, err);
}

static int copy_row(struct mc_deploy_row *to, const struct mc_deploy_row *from, struct mc_error *err)
{
	struct mc_deploy_row d = *from;
	char **texts[] = { &d.version, &d.commit, &d.build_id, &d.host, &d.note, &d.source };
	bool all = true;
	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
		*texts[i] = mc_strdup(text(*texts[i]));
		all = all && *texts[i];
	}
	if (!all) {
		deploys_row_release(&d);
		return mc_nomem(err, "a deploy");
	}
	deploys_row_release(to);
	*to = d;
	return 0;
}

static const struct mc_deploy_row *newest(const struct mc_deploy_row *rows, size_t n, const struct mc_deploy_row *d)
{
	const struct mc_deploy_row *best = NULL;
	for (size_t i = 0; i < n; i++)
		if (hosts_meet(&rows[i], d) && (!best || rows[i].unix_ms >= best->unix_ms))
			best = &rows[i];
	return best;
}

int deploys_mark(struct mc_store *s, struct mc_deploy_row *d, struct mc_error *err)
{
	struct mc_deploy_row *rows = NULL;
	size_t n = 0;
	int rc = mc_store_deploys(s, d->program, &rows, &n, err);
	if (rc < 0)
		return rc;
	const struct mc_deploy_row *last = newest(rows, n, d);
	struct mc_deploy_row *row = partner(rows, n, d);
	if (last && is_mark(last) && same_release(last, d) && apart(last->unix_ms, d->unix_ms) <= DEPLOYS_KNOWN_MS) {
		rc = copy_row(d, last, err);
		rc = rc < 0 ? rc : MC_MARK_KNOWN;
	} else if (row) {
		if ((rc = take_mark(row, d, err)) == 0 && (rc = mc_store_deploy_update(s, row, err)) == 0)
			rc = copy_row(d, row, err);
	} else {
		rc = mc_store_deploy_add(s, d, err);
	}
	mc_store_deploys_free(rows, n);
	return rc;
}

int deploys_seen(struct mc_store *s, struct mc_deploy_row *d, struct mc_error *err)
{
	struct mc_deploy_row *rows = NULL;
	size_t n = 0;
	int rc = mc_store_deploys(s, d->program, &rows, &n, err);
	if (rc < 0)
		return rc;
	struct mc_deploy_row *row = partner(rows, n, d);
	if (row) {
		if ((rc = take_seen(row, d, err)) == 0 && (rc = mc_store_deploy_update(s, row, err)) == 0 && (rc = copy_row(d, row, err)) == 0)
			rc = DEPLOYS_JOINED;
	} else if (!is_baseline(d) || n == 0) {
		rc = mc_store_deploy_add(s, d, err);
	}
	mc_store_deploys_free(rows, n);
	return rc;
}

int64_t deploys_settle_at(const struct mc_deploy_row *d)
{
	return is_mark(d) && !d->first_seen_ms ? d->unix_ms + BASELINE_LATE_MS : 0;
}

/* The mark that no other build came for: it was the baseline's. */
static struct mc_deploy_row *waiting(struct mc_deploy_row *rows, size_t n, const struct mc_deploy_row *base, int64_t now_ms, const int64_t *taken,
	size_t ntaken)
{
	for (size_t i = 0; i < n; i++) {
		int64_t at = deploys_settle_at(&rows[i]), late = rows[i].unix_ms - base->first_seen_ms;
		bool free_one = true;
		for (size_t k = 0; k < ntaken; k++)
			free_one = free_one && taken[k] != rows[i].id;
		if (free_one && at && at <= now_ms && late >= 0 && late <= BASELINE_LATE_MS && hosts_meet(&rows[i], base))
			return &rows[i];
	}
	return NULL;
}

int deploys_settle(struct mc_store *s, int64_t program, int64_t now_ms, const int64_t *taken, size_t ntaken, struct mc_deploy_row *ret,
	struct mc_error *err)
{
	struct mc_deploy_row *rows = NULL, *mark = NULL, *base = NULL;
	size_t n = 0;
	int rc = mc_store_deploys(s, program, &rows, &n, err);
	for (size_t i = 0; i < n && !base; i++)
		base = is_baseline(&rows[i]) && !is_named(&rows[i]) ? &rows[i] : NULL;
	if (rc == 0 && base)
		mark = waiting(rows, n, base, now_ms, taken, ntaken);
	if (mark && (rc = take_seen(mark, base, err)) == 0 && (rc = mc_store_deploy_update(s, mark, err)) == 0 &&
		(rc = mc_store_deploy_delete(s, base->id, err)) == 0 && (rc = copy_row(ret, mark, err)) == 0)
		rc = DEPLOYS_SETTLED;
	mc_store_deploys_free(rows, n);
	return rc;
}

int deploys_program(struct mc_store *s, const struct mc_config *cfg, const char *name, bool add, int64_t *ret, struct mc_error *err)
{
	struct mc_program_row p;
	int rc = program_find(s, name, &p, err);
	if (rc < 0 && rc != MC_ENOTFOUND)
		return rc;
	if (rc < 0 && !add && !(cfg && mc_config_program(cfg, name)))
		return mc_fail(err, rc, 0, "no program '%.100s'; 'memculprit status' lists those that are, and the configuration can name more", name);
	int64_t id = rc == 0 ? p.id : 0;
	if (!id && (rc = mc_store_program(s, name, &id, err)) < 0)
		return rc;
	*ret = id;
	return 0;
}

int deploys_json(const struct mc_deploy_row *d, const char *program, bool known, struct mc_buf *out, struct mc_error *err)
{
	struct mc_json *j = mc_json_new();
	if (!j)
		return mc_nomem(err, "a deploy");
	mc_json_object(j, NULL);
	put_stored_deploy(j, program, d);
	mc_json_bool(j, "known", known);
	mc_json_close(j);
	int rc = mc_json_text(j, MC_JSON_COMPACT, out, err);
	mc_json_free(j);
	return rc;
}
