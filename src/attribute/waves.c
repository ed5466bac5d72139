/* Which release each life runs. What a life says of itself (version, commit) decides. Else its start does: a deploy restarts
 * most of a program's slots within a short time, and that wave, not the mark, is when the release begins: a mark
 * may come up to 20 minutes before or after it. A mark that no wave is near begins at its own time; so does a deploy that
 * was recognised: that is the start of its first life. */
#include "history.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

struct wave {
	double from, to;
	double share;   /* of what ran that it renewed, at most 1 */
	bool taken;
};

/* Lives at time t; each goes on for up to a tick after its last sample. */
static size_t alive_at(const struct history *h, double t)
{
	size_t n = 0;
	for (size_t i = 0; i < h->nlives && h->life[i].start <= t; i++)
		n += h->life[i].last >= t - h->tick;
	return n;
}

/* Groups starts with at most `gap` between neighbours, each slot once: a slot that starts again begins the next group. Only
 * groups that renew at least half of what ran are waves. */
static int find_waves(const struct history *h, double gap, struct wave **ret, size_t *n, struct mc_error *err)
{
	struct wave *w = calloc(h->nlives + 1, sizeof *w);
	size_t *seen = calloc(h->nslots + 1, sizeof *seen), mark = 0;
	*n = 0;
	if (!w || !seen) {
		free(w);
		free(seen);
		return mc_nomem(err, "waves of restarts");
	}
	for (size_t i = 0; i < h->nlives;) {
		size_t k = i, slots = 0;
		mark++;
		for (; k < h->nlives && (k == i || h->life[k].start - h->life[k - 1].start <= gap) && seen[h->life[k].slot] != mark; k++) {
			seen[h->life[k].slot] = mark;
			slots++;
		}
		size_t before = alive_at(h, h->life[i].start - h->tick);
		bool first = h->life[i].start <= 0;
		if (!first && 2 * slots >= before)
			w[(*n)++] = (struct wave){ .from = h->life[i].start, .to = h->life[k - 1].start, .share = fmin(1, (double)slots / fmax((double)before, 1)) };
		i = k;
	}
	free(seen);
	*ret = w;
	return 0;
}

/* How far a wave lies from where a mark expects it: after it costs less than before it, all less than a part. */
static double distance(const struct history *h, const struct wave *w, double mark)
{
	double d = w->from - mark, partial = (1 - w->share) * h->slack / 2;
	return partial + (d >= -1.5 * h->tick - 1 ? fabs(d) : -d * 2 + 4 * h->tick);
}

/* Gives each mark the nearest wave within reach that no other mark is nearer to. */
static void match(struct history *h, struct wave *w, size_t n)
{
	for (size_t round = 0; round < h->ndeploys; round++) {
		double best = (double)INFINITY;
		size_t bd = 0, bw = 0;
		for (size_t k = 0; k < h->ndeploys; k++) {
			struct history_deploy *d = &h->deploy[k];
			if (!isnan(d->begins))
				continue;
			for (size_t i = 0; i < n; i++) {
				double far = distance(h, &w[i], d->mark);
				bool reach = fabs(w[i].from - d->mark) <= h->slack && !w[i].taken;
				/* order is kept: what an earlier mark has is not for a later one, nor the other way */
				for (size_t o = 0; o < h->ndeploys && reach; o++)
					if (!isnan(h->deploy[o].begins) && ((o < k && h->deploy[o].begins >= w[i].from) || (o > k && h->deploy[o].begins <= w[i].from)))
						reach = false;
				if (reach && far < best) {
					best = far;
					bd = k;
					bw = i;
				}
			}
		}
		if (!isfinite(best))
			return;
		w[bw].taken = true;
		h->deploy[bd].begins = w[bw].from;
	}
}

static size_t at_time(const struct history *h, double start)
{
	size_t r = 0;
	for (size_t k = 0; k < h->ndeploys; k++)
		if (h->deploy[k].begins <= start)
			r = k + 1;
	return r;
}

/* The deploy whose version or commit the life says it runs, nearest before its start; ndeploys + 1: it says nothing. */
static size_t by_name(const struct history *h, const struct history_life *l)
{
	const struct mc_life *f = l->from;
	size_t found = h->ndeploys + 1;
	bool says = (f->version && f->version[0]) || (f->commit && f->commit[0]), known = false;
	if (!says)
		return found;
	for (size_t k = 0; k < h->ndeploys; k++) {
		const struct mc_deploy_mark *d = &h->c->deploys[h->deploy[k].index];
		bool commit = f->commit && f->commit[0] && d->commit && d->commit[0];
		bool same = commit ? strcmp(f->commit, d->commit) == 0 :
			f->version && f->version[0] && d->version && strcmp(f->version, d->version) == 0;
		if (!same)
			continue;
		if (!known || fmin(h->deploy[k].mark, h->deploy[k].begins) - h->slack <= l->start)
			found = k + 1;
		known = true;
	}
	/* an unknown version before all deploys is what ran first; one later keeps to its time */
	if (!known && h->ndeploys && l->start < h->deploy[0].begins)
		return 0;
	return found;
}

/* A slot that did not restart after the mark, though others did, but shortly before it: that restart was this deploy's. */
static void early_starters(struct history *h, size_t k)
{
	double from = h->deploy[k].begins, to = k + 1 < h->ndeploys ? h->deploy[k + 1].begins : (double)INFINITY;
	for (size_t i = 0; i < h->nlives; i++) {
		struct history_life *l = &h->life[i];
		bool again = false, others = false;
		if (l->release != k || l->start >= from || l->start < from - h->slack || l->start <= 0 || l->last < from)
			continue;
		if (k > 0 && l->start - h->deploy[k - 1].begins < from - l->start)
			continue; /* nearer to the deploy before */
		if (l->last < fmin(from + h->slack, h->as_of - 2 * h->tick))
			continue; /* it went soon: one of the old release, which drained beside the new one */
		for (size_t o = i + 1; o < h->nlives; o++) {
			bool within = h->life[o].start >= from && h->life[o].start < fmin(to, from + 12 * h->slack);
			again = again || (within && h->life[o].slot == l->slot);
			others = others || (within && h->life[o].slot != l->slot);
		}
		if (!again && others)
			l->release = k + 1;
	}
}

static void count(struct history *h)
{
	for (size_t k = 0; k < h->ndeploys; k++)
		h->deploy[k].first_seen = (double)NAN;
	for (size_t i = 0; i < h->nlives; i++) {
		size_t r = h->life[i].release;
		if (r == 0)
			continue;
		struct history_deploy *d = &h->deploy[r - 1];
		if (d->lives++ == 0 || h->life[i].start < d->first_seen)
			d->first_seen = h->life[i].start;
	}
}

static bool is_exact(const struct history *h, size_t k)
{
	return h->c->deploys[h->deploy[k].index].source != MC_DEPLOY_MARK;
}

/* Those begin when they say, and the waves that they began are nobody else's. */
static void place_recognised(struct history *h, struct wave *w, size_t n)
{
	for (size_t k = 0; k < h->ndeploys; k++) {
		h->deploy[k].begins = is_exact(h, k) ? h->deploy[k].mark : (double)NAN;
		for (size_t i = 0; i < n && is_exact(h, k); i++)
			w[i].taken = w[i].taken || (w[i].from >= h->deploy[k].mark - h->tick && w[i].from <= h->deploy[k].mark + h->tick);
	}
}

int history_releases(struct history *h, struct mc_error *err)
{
	struct wave *w = NULL;
	size_t n = 0;
	double gap = fmax(fmin(h->as_of / 20, 120), 4 * h->tick);
	int rc = find_waves(h, gap, &w, &n, err);
	if (rc < 0)
		return rc;
	place_recognised(h, w, n);
	match(h, w, n);
	free(w);
	bool matched[512] = { false };
	for (size_t k = 0; k < h->ndeploys; k++) {
		matched[k] = !isnan(h->deploy[k].begins);
		if (!matched[k])
			h->deploy[k].begins = h->deploy[k].mark;
	}
	for (size_t k = 0; k < h->ndeploys; k++)
		h->deploy[k].begins -= matched[k] ? .01 : 1.1 * h->tick;
	for (size_t k = 1; k < h->ndeploys; k++)
		h->deploy[k].begins = fmax(h->deploy[k].begins, h->deploy[k - 1].begins);
	for (size_t i = 0; i < h->nlives; i++) {
		size_t r = by_name(h, &h->life[i]);
		h->life[i].release = r <= h->ndeploys ? r : at_time(h, h->life[i].start);
	}
	for (size_t k = 0; k < h->ndeploys; k++)
		if (!is_exact(h, k))
			early_starters(h, k);
	count(h);
	return 0;
}
