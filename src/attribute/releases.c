/* Which release each life runs. What a life says of itself (version, commit) decides. Else its start does: a deploy restarts
 * most of a program's slots within a short time, and that wave, not the mark, is when the release begins: a mark
 * may come up to 20 minutes before or after it. A mark that no wave is near begins at its own time; so does a deploy that
 * was recognised: that is the start of its first life. */
#include "align.h"
#include "waves.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Starts that follow each other this many times faster than usual are at once. */
static const double AT_ONCE = 8;

/* Marks of deploys that were not recognised, each between those that were, and waves that nobody has; `of` and `wave_of` say which. */
static void offer(const struct history *h, const struct wave *w, size_t n, struct align_in *in, struct align_mark *marks, struct align_wave *waves, size_t *of,
	size_t *wave_of)
{
	double after = -(double)INFINITY, usual = h->as_of / fmax((double)h->nlives, 1);
	for (size_t k = 0; k < h->ndeploys; k++) {
		const struct history_deploy *d = &h->deploy[k];
		if (!isnan(d->begins)) {
			after = d->begins;
			for (size_t i = in->nmarks; i-- > 0 && marks[i].before > d->begins;)
				marks[i].before = d->begins;
			continue;
		}
		of[in->nmarks] = k;
		marks[in->nmarks++] = (struct align_mark){ d->mark, after, (double)INFINITY };
	}
	for (size_t i = 0, k = 0; i < n; i++) {
		if (w[i].taken)
			continue;
		bool all = w[i].slots > 1 && w[i].share >= .8, once = (w[i].to - w[i].from) / fmax((double)w[i].slots - 1, 1) < usual / AT_ONCE;
		enum align_look look = all && once ? ALIGN_AT_ONCE : all ? ALIGN_ALL : ALIGN_SOME;
		while (k < in->nmarks && marks[k].at < w[i].from - in->reach)
			k++;
		if (k == in->nmarks || marks[k].at > w[i].from + in->reach) {
			in->far[look]++;
			continue;
		}
		wave_of[in->nwaves] = i;
		waves[in->nwaves++] = (struct align_wave){ w[i].from, look };
	}
}

/* Whose the wave of deploy k may be: the likeliest few, of odds[mark * nwaves + wave]. */
static void whose(const struct align_in *in, const double *odds, size_t wave, const size_t *of, struct history_deploy *d)
{
	double sum = 0;
	for (size_t m = 0; m < in->nmarks; m++) {
		struct history_also new = { of[m], odds[m * in->nwaves + wave] };
		for (size_t i = 0; i < HISTORY_ALSO; i++)
			if (new.p > d->also[i].p) {
				struct history_also was = d->also[i];
				d->also[i] = new;
				new = was;
			}
	}
	for (size_t i = 0; i < HISTORY_ALSO; i++)
		sum += d->also[i].p;
	for (size_t i = 0; i < HISTORY_ALSO; i++)
		d->also[i].p = sum > 0 ? d->also[i].p / sum : 0;
}

/* Above this the alignment is taken for certain, to spare memory. */
enum { MOST_ODDS = 1 << 18 };

static int match(struct history *h, struct wave *w, size_t n, struct mc_error *err)
{
	size_t nd = h->ndeploys;
	struct align_mark *marks = calloc(nd + 1, sizeof *marks);
	struct align_wave *waves = calloc(n + 1, sizeof *waves);
	size_t *of = calloc(2 * nd + n + 1, sizeof *of);
	int rc = marks && waves && of ? 0 : mc_nomem(err, "waves of restarts");
	if (rc == 0) {
		size_t *wave_of = of + nd, *wave = wave_of + n;
		struct align_in in = { .marks = marks, .waves = waves, .reach = h->slack, .least = 2 * h->tick, .span = fmax(h->as_of, h->tick) };
		offer(h, w, n, &in, marks, waves, of, wave_of);
		size_t cells = in.nmarks * in.nwaves;
		double *odds = cells && cells <= MOST_ODDS ? mc_reallocarray(NULL, cells, sizeof *odds) : NULL;
		if (cells && cells <= MOST_ODDS && !odds)
			rc = mc_nomem(err, "waves of restarts");
		if (rc == 0)
			rc = align(&in, wave, odds, err);
		for (size_t k = 0; rc == 0 && k < in.nmarks; k++) {
			if (wave[k] == ALIGN_NONE)
				continue;
			h->deploy[of[k]].begins = w[wave_of[wave[k]]].from;
			if (odds)
				whose(&in, odds, wave[k], of, &h->deploy[of[k]]);
		}
		free(odds);
	}
	free(marks);
	free(waves);
	free(of);
	return rc;
}

size_t history_release_at(const struct history *h, double t)
{
	size_t r = 0;
	for (size_t k = 0; k < h->ndeploys; k++)
		if (h->deploy[k].begins <= t)
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
	/* what lives say of themselves is no guess */
	for (size_t i = 0; i < h->nlives; i++)
		if (h->life[i].release && by_name(h, &h->life[i]) <= h->ndeploys)
			memset(h->deploy[h->life[i].release - 1].also, 0, sizeof h->deploy[0].also);
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
	return !isnan(h->deploy[k].recognised);
}

/* Those begin when they say, and the waves that they began are nobody else's. */
static void place_recognised(struct history *h, struct wave *w, size_t n)
{
	for (size_t k = 0; k < h->ndeploys; k++) {
		double at = h->deploy[k].begins = h->deploy[k].recognised;
		for (size_t i = 0; i < n && is_exact(h, k); i++)
			w[i].taken = w[i].taken || (w[i].from >= at - h->tick && w[i].from <= at + h->tick);
	}
}

int history_releases(struct history *h, struct mc_error *err)
{
	struct wave *w = NULL;
	size_t n = 0;
	int rc = waves_find(h, &w, &n, err);
	if (rc < 0)
		return rc;
	place_recognised(h, w, n);
	rc = match(h, w, n, err);
	if (rc == 0)
		rc = history_drains(h, w, n, err);
	free(w);
	if (rc < 0)
		return rc;
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
		h->life[i].release = r <= h->ndeploys ? r : history_release_at(h, h->life[i].start);
	}
	for (size_t k = 0; k < h->ndeploys; k++)
		if (!is_exact(h, k))
			early_starters(h, k);
	count(h);
	return 0;
}
