/* The parts of a growth: it stopped and came back, half of it was mended, another came on top. */
#include "judge.h"

#include <math.h>
#include <stdlib.h>

/* A release grows at another rate than those before it where they differ by so many standard errors, and by half or more. The last release
 * has none after it that would confirm it. */
static const double SURE = 4, SURE_LAST = 6, OTHER_RATE = 1.5;
/* Rates of a release are known no better than to this part. */
static const double LEAST_ERROR = .1;
enum { MOST_PARTS = 16 };

int episode_add(struct mc_answer *a, struct mc_episode e, struct mc_error *err)
{
	struct mc_episode *v = mc_reallocarray(a->episodes, a->nepisodes + 1, sizeof *v);
	if (!v)
		return mc_nomem(err, "the episodes");
	a->episodes = v;
	v[a->nepisodes++] = e;
	return 0;
}

/* What a life of a release grows by: bytes a second, or where growth goes with requests, a second at mean load. */
struct rate {
	double value, error;
};

static int rate_of(const struct history *h, const struct judgement *j, size_t release, bool by_requests, struct rate *r, struct mc_error *err)
{
	int rc = release_trend(j, release, &r->value, &r->error, err);
	if (rc != 0)
		return rc;
	/* what a cycle of the load brings is taken out, but is not known to the last byte */
	r->error = hypot(r->error, .3 * mc_panel_load_trend(j->panel, release) * j->unit);
	double end = release < h->ndeploys ? h->deploy[release].begins : (double)INFINITY, most, mean;
	if (by_requests && release > 0) {
		history_load_between(h, h->deploy[release - 1].begins, end, &most, &mean);
		if (!(mean > 0))
			return 1;
		r->value /= mean;
		r->error /= mean;
	}
	r->error = hypot(r->error, LEAST_ERROR * r->value);
	return 0;
}

static bool differs(const struct rate *now, const struct rate *before, double sure)
{
	double more = fmax(now->value, before->value), less = fmin(now->value, before->value);
	return less > 0 && more > OTHER_RATE * less && more - less > sure * hypot(now->error, before->error);
}

static struct rate pooled(const struct rate *a, const struct rate *b)
{
	double wa = 1 / (a->error * a->error), wb = 1 / (b->error * b->error);
	return (struct rate){ (wa * a->value + wb * b->value) / (wa + wb), 1 / sqrt(wa + wb) };
}

/* From release k on the growth goes on at another rate: less of it, or another growth on top. */
static int another_rate(const struct history *h, size_t k, const struct rate *now, const struct rate *before, struct mc_answer *a, struct mc_error *err)
{
	const struct history_deploy *d = &h->deploy[k - 1];
	struct mc_episode *open = &a->episodes[a->nepisodes - 1], next = *open;
	next.onset_ms = history_ms(h, d->begins);
	next.slope = now->value;
	next.slope_sd = now->error;
	if (!(open->slope > 0)) {
		open->slope = before->value;
		open->slope_sd = before->error;
	}
	if (now->value < before->value) {
		open->reduced = true;
		open->fixed_by = d->index;
		open->stopped_ms = next.onset_ms;
	} else
		next.culprit = d->index;
	return episode_add(a, next, err);
}

/* Every release of the growth that has lives long enough is held against those before it at the same rate. */
static int rates(const struct history *h, const struct judgement *j, const struct mc_supposition *s, bool by_requests, struct mc_answer *a, struct mc_error *err)
{
	struct rate before = { 0 }, waiting = { 0 }, now;
	size_t first = 0; /* release that began to differ and waits for the next to confirm it */
	bool any = false;
	for (size_t r = s->from; r < s->until && a->nepisodes < MOST_PARTS; r++) {
		int rc = rate_of(h, j, r, by_requests, &now, err);
		if (rc < 0)
			return rc;
		if (rc > 0)
			continue;
		if (!any) {
			before = now;
			any = true;
		} else if (first && differs(&now, &before, SURE / 2) && (now.value > before.value) == (waiting.value > before.value)) {
			waiting = pooled(&waiting, &now);
			rc = another_rate(h, first, &waiting, &before, a, err);
			before = waiting;
			first = 0;
		} else if (differs(&now, &before, SURE)) {
			first = first ? first : r;
			waiting = now;
		} else {
			before = pooled(&before, &now);
			first = 0;
		}
		if (rc < 0)
			return rc;
	}
	return first && differs(&waiting, &before, SURE_LAST) ? another_rate(h, first, &waiting, &before, a, err) : 0;
}

int leak_episodes(const struct history *h, const struct judgement *j, size_t culprit, const struct mc_supposition *s, bool by_requests, struct mc_answer *a,
	struct mc_error *err)
{
	struct mc_episode e = { .verdict = MC_VERDICT_LEAK, .culprit = culprit, .fixed_by = a->fixed_by, .onset_ms = a->onset_ms, .stopped_ms = a->stopped_ms };
	if (!s || s->again_until <= s->again) {
		int rc = episode_add(a, e, err);
		return rc == 0 && s && culprit != MC_NO_DEPLOY ? rates(h, j, s, by_requests, a, err) : rc;
	}
	const struct history_deploy *stop = &h->deploy[s->until - 1], *back = &h->deploy[s->again - 1];
	e.fixed_by = stop->index;
	e.stopped_ms = history_ms(h, stop->begins);
	int rc = episode_add(a, e, err);
	e = (struct mc_episode){ .verdict = MC_VERDICT_LEAK, .culprit = back->index, .fixed_by = a->fixed_by, .onset_ms = history_ms(h, back->begins),
		.stopped_ms = a->stopped_ms };
	return rc < 0 ? rc : episode_add(a, e, err);
}
