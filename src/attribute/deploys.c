/* The deploys of a program in the order of time. One that went to several hosts, was marked and recognised, or was written down twice has several
 * rows, and is one deploy: rivals of the same name could never be told apart. */
#include "history.h"

#include <stdlib.h>
#include <string.h>

/* Rows so far apart are of one deploy; a roll-out over many hosts goes on from each to the next. */
static const int64_t APART_MS = INT64_C(30) * 60000;
/* Rows that are looked back at; more within half an hour are no deploys of one program. */
enum { LOOK_BACK = 512 };

static bool same_text(const char *a, const char *b)
{
	return a && b && a[0] && strcmp(a, b) == 0;
}

static bool same_version(const struct mc_deploy_mark *a, const struct mc_deploy_mark *b)
{
	if (a->commit && b->commit && a->commit[0] && b->commit[0])
		return strcmp(a->commit, b->commit) == 0;
	return same_text(a->version, b->version);
}

static bool is_named(const struct mc_deploy_mark *d)
{
	return (d->version && d->version[0]) || (d->commit && d->commit[0]);
}

/* May be two rows of one deploy. Of those without a name nothing tells but that they are of the same moment. */
static bool same_release(const struct mc_deploy_mark *a, const struct mc_deploy_mark *b)
{
	if ((a->source == MC_DEPLOY_LIBRARY) != (b->source == MC_DEPLOY_LIBRARY))
		return false;
	return is_named(a) || is_named(b) ? same_version(a, b) : a->unix_ms == b->unix_ms;
}

static bool hosts_meet(const struct mc_deploy_mark *a, const struct mc_deploy_mark *b)
{
	return !a->host || !b->host || !a->host[0] || !b->host[0] || strcmp(a->host, b->host) == 0;
}

/* A row on its way to its deploy. */
struct row {
	const struct mc_deploy_mark *mark;
	size_t index; /* of the caller */
	size_t first; /* the first row of its deploy, of those by time */
};

static int by_time(const void *a, const void *b)
{
	const struct row *x = a, *y = b;
	if (x->mark->unix_ms != y->mark->unix_ms)
		return x->mark->unix_ms > y->mark->unix_ms ? 1 : -1;
	return (x->index > y->index) - (x->index < y->index);
}

/* Did another release take the place of what was deployed in rows `first` and later, on this row's hosts, before row i? Then it comes back. */
static bool comes_back(const struct row *r, size_t first, size_t i)
{
	const struct mc_deploy_mark *d = r[i].mark;
	int64_t other_ms = MC_NO_TIME; /* of the newest of another release */
	for (size_t k = i; k-- > first && i - k <= LOOK_BACK;) {
		const struct mc_deploy_mark *e = r[k].mark;
		if (!hosts_meet(d, e))
			continue;
		if (same_release(d, e)) {
			if (other_ms > e->unix_ms)
				return true;
		} else if (other_ms == MC_NO_TIME && e->unix_ms < d->unix_ms && e->source != MC_DEPLOY_LIBRARY) {
			other_ms = e->unix_ms;
		}
	}
	return false;
}

/* The first row of the deploy that row i is of; i itself: it begins one. */
static size_t first_of(const struct row *r, size_t i)
{
	const struct mc_deploy_mark *d = r[i].mark;
	for (size_t k = i; k-- > 0 && i - k <= LOOK_BACK;) {
		int64_t gap;
		if (__builtin_sub_overflow(d->unix_ms, r[k].mark->unix_ms, &gap) || gap > APART_MS)
			break;
		if (same_release(d, r[k].mark))
			return comes_back(r, r[k].first, i) ? i : r[k].first;
	}
	return i;
}

int mc_deploys_join(const struct mc_deploy_mark *d, size_t n, int64_t until_ms, size_t *of, struct mc_error *err)
{
	struct row *r = calloc(n + 1, sizeof *r);
	size_t m = 0;
	if (!r)
		return mc_nomem(err, "the deploys");
	for (size_t i = 0; i < n; i++) {
		of[i] = MC_NO_DEPLOY;
		if (d[i].unix_ms <= until_ms)
			r[m++] = (struct row){ .mark = &d[i], .index = i };
	}
	qsort(r, m, sizeof *r, by_time);
	/* who marks knows best: the first mark stands for the others, where there is one */
	for (size_t i = 0; i < m; i++) {
		r[i].first = first_of(r, i);
		size_t *stands = &of[r[r[i].first].index];
		if (r[i].first == i || (d[*stands].source != MC_DEPLOY_MARK && r[i].mark->source == MC_DEPLOY_MARK))
			*stands = r[i].index;
	}
	for (size_t i = 0; i < m; i++)
		of[r[i].index] = of[r[r[i].first].index];
	free(r);
	return 0;
}

static int by_mark(const void *a, const void *b)
{
	const struct history_deploy *x = a, *y = b;
	return x->mark != y->mark ? (x->mark > y->mark) - (x->mark < y->mark) : (x->index > y->index) - (x->index < y->index);
}

static void number_versions(struct history *h)
{
	const struct mc_deploy_mark *d = h->c->deploys;
	for (size_t i = 0; i < h->ndeploys; i++) {
		h->deploy[i].identity = i + 1;
		for (size_t k = 0; k < i; k++)
			if (same_version(&d[h->deploy[k].index], &d[h->deploy[i].index])) {
				h->deploy[i].identity = h->deploy[k].identity;
				break;
			}
	}
}

/* The deploys, each once; at[index of a row that stands] is where its deploy is. */
static void take_rows(struct history *h, const size_t *of, size_t *at)
{
	const struct mc_deploy_mark *d = h->c->deploys;
	for (size_t i = 0; i < h->c->ndeploys; i++)
		if (of[i] == i) {
			at[i] = h->ndeploys;
			h->deploy[h->ndeploys++] = (struct history_deploy){ .index = i, .mark = history_seconds(h, d[i].unix_ms), .recognised = (double)NAN };
		}
	for (size_t i = 0; i < h->c->ndeploys; i++)
		if (of[i] != MC_NO_DEPLOY && d[i].source != MC_DEPLOY_MARK) {
			double *seen = &h->deploy[at[of[i]]].recognised;
			*seen = fmin(*seen, history_seconds(h, d[i].unix_ms)); /* of two numbers the one that is known */
		}
}

int history_deploys(struct history *h, int64_t until, struct mc_error *err)
{
	size_t n = h->c->ndeploys, *of = mc_reallocarray(NULL, 2 * n + 1, sizeof *of);
	h->deploy = calloc(n + 1, sizeof *h->deploy);
	int rc = of && h->deploy ? mc_deploys_join(h->c->deploys, n, until, of, err) : mc_nomem(err, "the deploys");
	if (rc == 0) {
		take_rows(h, of, of + n);
		qsort(h->deploy, h->ndeploys, sizeof *h->deploy, by_mark);
		if (h->ndeploys > HISTORY_MOST_DEPLOYS) {
			size_t skip = h->ndeploys - HISTORY_MOST_DEPLOYS; /* only the newest */
			memmove(h->deploy, h->deploy + skip, HISTORY_MOST_DEPLOYS * sizeof *h->deploy);
			h->ndeploys = HISTORY_MOST_DEPLOYS;
		}
		number_versions(h);
	}
	free(of);
	return rc;
}
