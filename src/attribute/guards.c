/* Looks at the trends of the lives themselves, without a model, at what the model believes. A belief that they speak against is growth that
 * levels off. */
#include "trends.h"

#include <math.h>
#include <stdlib.h>

/* Slower in the second half by this: it levels off. The same where no older life was ever seen young. */
static const double SLOWER = .65, MUCH_SLOWER = .45;
/* A life that began to grow rises faster than one before it: this often, or the fastest of them by so much. */
static const double OFTEN = .6, FASTER = 1.5;
/* Growth of so many times what trends of lives scatter by is plain to see. */
static const double PLAIN = 3;
/* A release that rises by less than this part of what later ones rise by more than earlier ones does not rise yet. */
static const double NOT_YET = .2;
/* Lives that rise by less than this part of what they are said to grow by do not grow. */
static const double NOT_SEEN = 1. / 3;
/* What is left of a probability where a guard speaks against it. */
static const double LEFT = .1;
/* Load that is beyond what earlier releases had: the largest by so much, the mean by so little. */
static const double MORE_LOAD = 1.4, LESS_LOAD = .45;

/* Growth in the last part of a life that is less than so much of what is claimed has ceased, where the claim is so many deviations. */
static const double CEASED = .25, SHOWS = 2;
/* How many pairs of lives say something; a life that gains more than any older one by so much of what is claimed grows. */
enum { LEAST_PAIRS = 4 };
static const double HALF = .5, SEEN = .45;
/* What lives gain while they are warm differs by so much of it from release to release anyway. */
static const double WARM = .4;

/* Do the lives of s (NULL: all) grow more slowly as they get older? Growth that all share is a leak only while it does not slow down: caches,
 * arenas and code paths touched for the first time all begin fast. `work` has two numbers a life. */
static bool slower(const struct judgement *j, const struct trend *t, const struct mc_supposition *s, double *work)
{
	double *early = work, *late = work + j->rows.nlives;
	size_t k = 0;
	for (size_t i = 0; i < j->rows.nlives; i++) {
		if (!isfinite(t[i].early) || !isfinite(t[i].late) || (s && !supposed_to_grow(s, j->rows.life[i].release)))
			continue;
		early[k] = t[i].early;
		late[k++] = t[i].late;
	}
	return k > 0 && mc_median(late, k) < SLOWER * mc_median(early, k);
}

static bool slows_down(const struct judgement *j, const struct trend *t, double *work)
{
	const struct mc_growth_fit *f = &j->evidence.all[MC_GROWTH_TIME], *q = &j->evidence.all[MC_GROWTH_REQUESTS];
	const struct mc_growth_fit *best = q->log_evidence > f->log_evidence ? q : f;
	/* lives that differ without rising on the whole are no growth either */
	bool unsure = best->slope < 1.96 * best->slope_sd && !(j->evidence.since_ever > best->log_evidence);
	return unsure || slower(j, t, NULL, work);
}

/* Growth that no deploy began, of lives that all end long before the time seen does, is bounded by their end (a compiler, a worker
 * that is recycled). */
static void short_lives(const struct history *h, struct judgement *j)
{
	double deploys = 0, longest = 0;
	for (size_t k = 0; k < h->ndeploys; k++)
		deploys += j->belief.deploy[k];
	for (size_t i = 0; i < j->nlives; i++)
		longest = fmax(longest, j->lives[i].last - j->lives[i].first);
	if (j->signal != HISTORY_ANON || longest >= h->as_of / 5 || deploys > judged_no_deploy(j))
		return;
	j->belief.bounded += (1 - LEFT) * j->belief.all;
	j->belief.all *= LEFT;
	if (h->ndeploys > 0)
		return; /* since some day every life grows: that is worth a look */
	j->belief.bounded += (1 - LEFT) * j->belief.free_onset;
	j->belief.free_onset *= LEFT;
	for (size_t i = 0; i < j->evidence.nonsets; i++)
		j->belief.onset_weight[i] *= LEFT;
}

/* The likeliest supposition that deploy k began a growth; MC_NO_DEPLOY: that of an onset within lives is likelier. */
static size_t likeliest_set(const struct judgement *j, size_t k)
{
	size_t set = best_set(j, k), onset = best_onset(j, k);
	return set != MC_NO_DEPLOY && onset != MC_NO_DEPLOY && j->belief.onset_weight[onset] > j->belief.weight[set] ? MC_NO_DEPLOY : set;
}

/* No life of those that are said to grow rises faster than those before did, neither mostly nor at most, though growth that quick would
 * show in them. `work` has two numbers a life. */
static bool none_faster(const struct judgement *j, const struct trend *t, const struct mc_supposition *s, double claimed, double *work)
{
	double above = 0, pairs = 0, most = -(double)INFINITY, before = -(double)INFINITY;
	size_t in = 0, out = 0;
	for (size_t i = 0; i < j->rows.nlives; i++) {
		size_t r = j->rows.life[i].release;
		if (!isfinite(t[i].settled))
			continue;
		if (supposed_beside(s, r)) {
			work[out++] = t[i].settled;
			before = fmax(before, t[i].settled);
		}
		if (!supposed_to_grow(s, r))
			continue;
		in++;
		most = fmax(most, t[i].settled);
		for (size_t o = 0; o < j->rows.nlives; o++) {
			if (!supposed_beside(s, j->rows.life[o].release) || !isfinite(t[o].settled))
				continue;
			above += t[i].settled > t[o].settled ? 1 : t[i].settled == t[o].settled ? .5 : 0;
			pairs++;
		}
	}
	if (in < 2 || out < 2)
		return false;
	double usual = mc_median(work, out), scatter = mc_mad(work, out, usual, work + j->rows.nlives);
	return claimed > PLAIN * scatter && above < OFTEN * pairs && most < FASTER * before;
}

/* The growing lives slow down, and no life before was seen at the age of theirs at which they rose: what they do may be what the
 * young always did. `work` has a number a life. */
static bool may_be_youth(const struct judgement *j, const struct trend *t, const struct mc_supposition *s, double *work)
{
	size_t n = j->rows.nlives, k = 0;
	double early = 0, late = 0, seen = 0;
	for (size_t i = 0; i < n; i++) {
		const struct mc_panel_life *l = &j->rows.life[i];
		if (supposed_to_grow(s, l->release))
			work[k++] = l->t[l->n - 1] - l->start;
	}
	if (k == 0)
		return false;
	double age = mc_median(work, k), from = .1 * age;
	for (size_t i = 0; i < n; i++) {
		const struct mc_panel_life *l = &j->rows.life[i];
		if (l->release < s->from)
			seen = fmax(seen, (fmin(l->t[l->n - 1] - l->start, age) - fmax(l->t[0] - l->start, from)) / (age - from));
		if (!supposed_to_grow(s, l->release) || !isfinite(t[i].early) || !isfinite(t[i].late) || l->t[l->n - 1] - l->start < .4 * age)
			continue;
		early += fmax(t[i].early, 0);
		late += fmax(t[i].late, 0);
	}
	return seen < .5 && late < MUCH_SLOWER * early;
}

/* Does no life that is said to grow gain more than those before did at the same age, neither mostly nor at most, though growth as claimed would
 * show beside noise, load and the usual differences between warm-ups? */
static bool gains_no_more(const struct history *h, const struct judgement *j, size_t set)
{
	const struct mc_supposition *s = &j->sets.s[set];
	struct mc_noise noise;
	double above = 0, pairs = 0, lived = 0, compared = 0, claims = 0, usual = 0;
	mc_panel_noise(j->panel, &noise);
	double shows = SHOWS * hypot(sqrt(noise.var), mc_panel_load(j->panel));
	size_t every = 1 + j->rows.nlives / TREND_MOST_COMPARED;
	for (size_t i = 0; i < j->rows.nlives; i += every) {
		const struct mc_panel_life *l = &j->rows.life[i];
		double last = l->t[l->n - 1], excess = (double)INFINITY, claim = 0, longest = 0;
		for (size_t k = 0; supposed_to_grow(s, l->release) && k < j->rows.nlives; k += every) {
			const struct mc_panel_life *o = &j->rows.life[k];
			double from = fmax(l->t[0] - l->start, o->t[0] - o->start), to = fmin(last - l->start, o->t[o->n - 1] - o->start), gain[2];
			if (!supposed_beside(s, o->release) || to - from < .5 * (last - l->start) || !trend_gain(l, from, to, &gain[0]) || !trend_gain(o, from, to, &gain[1]))
				continue;
			double brings = trend_expected(h, &j->evidence, set, l, l->start + from, l->start + to);
			if (brings < shows)
				continue;
			claim = fmax(claim, brings);
			longest = fmax(longest, to - from);
			excess = fmin(excess, gain[0] - gain[1]);
			above += gain[0] > gain[1];
			claims += brings;
			usual += gain[1];
			pairs++;
		}
		if (isfinite(excess) && excess > HALF * claim)
			return false;
		lived += supposed_to_grow(s, l->release) ? last - fmax(l->t[0], l->start) : 0;
		compared += longest;
	}
	return pairs >= LEAST_PAIRS && above < HALF * pairs && compared > SEEN * lived && claims > WARM * usual;
}

/* Have the lives that are said to grow ceased to, though growth as claimed would show beside noise and load? */
static bool ceased(const struct history *h, const struct judgement *j, size_t set)
{
	struct mc_noise noise;
	double claim, rise, lives = (double)trend_tail(h, j, set, &rise, &claim);
	mc_panel_noise(j->panel, &noise);
	return lives > 0 && claim > lives * SHOWS * hypot(sqrt(noise.var), mc_panel_load(j->panel)) && rise < CEASED * claim;
}

static void look_at_deploys(const struct history *h, struct judgement *j, const struct trend *t, double *work)
{
	struct belief *b = &j->belief;
	for (size_t k = 0; k < h->ndeploys && j->signal == HISTORY_ANON; k++) {
		size_t set = b->deploy[k] > .05 ? likeliest_set(j, k) : MC_NO_DEPLOY;
		if (set == MC_NO_DEPLOY)
			continue;
		const struct mc_supposition *s = &j->sets.s[set];
		if (!none_faster(j, t, s, trend_claimed(&j->evidence, set), work) && !may_be_youth(j, t, s, work) && !ceased(h, j, set) && !gains_no_more(h, j, set))
			continue;
		b->bounded += (1 - LEFT) * b->deploy[k];
		b->deploy[k] *= LEFT;
		for (size_t i = 0; i < j->sets.n; i++)
			b->weight[i] *= j->sets.s[i].from == k + 1 ? LEFT : 1;
	}
}

/* release_trend(); its error has that of the load, which is not known to the last byte. */
static int rises_by(const struct judgement *j, size_t release, double *v, double *sd, struct mc_error *err)
{
	int rc = release_trend(j, release, v, sd, err);
	if (rc == 0)
		*sd = hypot(*sd, .3 * mc_panel_load_trend(j->panel, release) * j->unit);
	return rc;
}

/* Did the lives of s all end by themselves, long before the deploy that is said to have ended their growth? */
static bool ended_before(const struct history *h, const struct judgement *j, const struct mc_supposition *s)
{
	double longest = 0;
	for (size_t i = 0; i < j->nlives; i++)
		longest = fmax(longest, supposed_to_grow(s, j->lives[i].release) ? j->lives[i].last - j->lives[i].first : 0);
	return j->signal == HISTORY_ANON && longest < h->deploy[s->until - 1].begins / 5;
}

/* Do later releases rise by much of what those before the first deploy did? 0 or 1; MC_ENOMEM. */
static int goes_on(const struct history *h, const struct judgement *j, size_t until, double was, struct mc_error *err)
{
	double is, sd;
	int rc = 0;
	bool on = false;
	for (size_t r = until; rc >= 0 && !on && r <= h->ndeploys; r++) {
		rc = rises_by(j, r, &is, &sd, err);
		on = rc == 0 && is > NOT_SEEN * was && is > 1.96 * sd;
	}
	return rc < 0 ? rc : on;
}

/* Growth of what ran before the first deploy, said to have ended with one. Lives that ran before are few, and often seen once: it has to be plain in their own
 * trend, and not to slow down, or it is a warm-up or a cache. Where later lives have as much of it, it did not end, or it came again. All that is to be judged
 * as if this had not been supposed. */
static int look_at_before(const struct history *h, struct judgement *j, const struct trend *t, double *work, struct mc_error *err)
{
	size_t set = j->belief.before > .01 ? best_set(j, MC_NO_DEPLOY) : MC_NO_DEPLOY;
	double was = 0, sd = 0;
	if (set == MC_NO_DEPLOY)
		return 0;
	const struct mc_supposition *s = &j->sets.s[set];
	int rc = rises_by(j, 0, &was, &sd, err), on = rc < 0 ? rc : goes_on(h, j, s->until, was, err);
	if (on < 0)
		return on;
	bool plain = rc == 0 && was > 1.96 * sd && !ended_before(h, j, s);
	if (on || !plain || slower(j, t, s, work) || ceased(h, j, set) || none_faster(j, t, s, trend_claimed(&j->evidence, set), work) || gains_no_more(h, j, set))
		belief_without_before(&j->belief, &j->sets, j->evidence.nonsets);
	return 0;
}

/* Do the lives of the release that a growth is said to begin with rise no faster than those before, though those of the later ones do? Plain in their own
 * trends and in the model's slopes alike. `work` has two numbers a life. */
static bool rises_later(const struct judgement *j, const struct trend *t, const struct mc_supposition *s, double *work)
{
	const struct mc_growth_evidence *e = &j->evidence;
	double *after = work + j->rows.nlives, most = -(double)INFINITY, mean = 0, weight = 0;
	size_t nb = 0, na = 0, nk = 0;
	for (size_t i = 0; i < j->rows.nlives; i++) {
		size_t r = j->rows.life[i].release;
		if (!isfinite(t[i].settled))
			continue;
		if (r < s->from)
			work[nb++] = t[i].settled;
		else if (r == s->from) {
			most = fmax(most, fmax(t[i].settled, isfinite(t[i].late) ? t[i].late : t[i].settled));
			nk++;
		} else if (supposed_to_grow(s, r))
			after[na++] = t[i].settled;
	}
	for (size_t r = s->from + 1; r < s->until; r++)
		if (isfinite(e->release_slope[r]) && e->release_sd[r] > 0) {
			mean += e->release_slope[r] / pow(e->release_sd[r], 2);
			weight += 1 / pow(e->release_sd[r], 2);
		}
	if (nk < 2 || nb == 0 || na < 3 || !(weight > 0))
		return false;
	double b = mc_median(work, nb), a = mc_median(after, na), sd = sqrt(pow(e->release_sd[s->from], 2) + 1 / weight);
	return most < b + NOT_YET * (a - b) && mean / weight - e->release_slope[s->from] > 2 * PLAIN * sd;
}

/* What was believed of a deploy whose lives do not rise yet goes to later ones whose lives do, in proportion. `work` as above. */
static void look_at_first(struct judgement *j, const struct trend *t, size_t k, double *work)
{
	struct belief *b = &j->belief;
	double later = 0, moved = (1 - LEFT) * b->deploy[k];
	bool takes[HISTORY_MOST_DEPLOYS] = { false };
	for (size_t to = k + 1; to < b->ndeploys; to++) {
		size_t set = likeliest_set(j, to);
		takes[to] = set != MC_NO_DEPLOY && b->deploy[to] > 0 && !rises_later(j, t, &j->sets.s[set], work);
		later += takes[to] ? b->deploy[to] : 0;
	}
	if (!(later > 0))
		return;
	b->deploy[k] -= moved;
	for (size_t to = k + 1; to < b->ndeploys; to++)
		b->deploy[to] *= takes[to] ? 1 + moved / later : 1;
	for (size_t i = 0; i < j->sets.n; i++) {
		size_t from = supposed_deploy(&j->sets.s[i]);
		b->weight[i] *= from == k ? LEFT : from != MC_NO_DEPLOY && takes[from] ? 1 + moved / later : 1;
	}
	for (size_t i = 0; i < j->evidence.nonsets; i++)
		if (b->onset_of[i] != MC_NO_DEPLOY)
			b->onset_weight[i] *= b->onset_of[i] == k ? LEFT : takes[b->onset_of[i]] ? 1 + moved / later : 1;
}

static void look_at_firsts(struct judgement *j, const struct trend *t, double *work)
{
	for (size_t k = 0; k + 1 < j->belief.ndeploys && j->signal == HISTORY_ANON; k++) {
		size_t set = j->belief.deploy[k] > .05 ? likeliest_set(j, k) : MC_NO_DEPLOY;
		if (set != MC_NO_DEPLOY && rises_later(j, t, &j->sets.s[set], work))
			look_at_first(j, t, k, work);
	}
}

/* The newest release that a life had begun to run by a time. */
static size_t begun_by(const struct judgement *j, double t)
{
	size_t release = 0;
	for (size_t i = 0; i < j->rows.nlives; i++)
		if (j->rows.life[i].start <= t && j->rows.life[i].release > release)
			release = j->rows.life[i].release;
	return release;
}

/* Growth since a time of its own that lives of all later releases ought to show, and mostly do not: it levelled off, or was a spike's tail. `work`
 * has two numbers a life. */
static bool not_seen_later(const struct judgement *j, const struct trend *t, double onset, double claimed, double *work)
{
	size_t n = j->rows.nlives, k = 0, release = begun_by(j, onset);
	for (size_t i = 0; i < n; i++)
		if (j->rows.life[i].release > release && isfinite(t[i].settled))
			work[k++] = t[i].settled;
	if (k < 3)
		return false;
	double usual = mc_median(work, k), scatter = mc_mad(work, k, usual, work + n);
	return usual < NOT_SEEN * claimed && claimed > PLAIN * scatter / sqrt((double)k);
}

/* Lives of later releases that rise hardly more than those of the last release before an onset did: they grew before. `work` as above. */
static bool grew_before(const struct judgement *j, const struct trend *t, double onset, double claimed, double *work)
{
	size_t n = j->rows.nlives, in = 0, out = 0, release = begun_by(j, onset), before = 0;
	double *earlier = work + n;
	for (size_t i = 0; i < n; i++)
		if (j->rows.life[i].release < release && j->rows.life[i].release > before)
			before = j->rows.life[i].release;
	for (size_t i = 0; i < n && release > 0; i++) {
		if (!isfinite(t[i].settled))
			continue;
		if (j->rows.life[i].release > release)
			work[in++] = t[i].settled;
		else if (j->rows.life[i].release == before)
			earlier[out++] = t[i].settled;
	}
	if (in < 2 || out < 2)
		return false;
	double was = mc_median(earlier, out);
	return was > NOT_SEEN * claimed && mc_median(work, in) < was + NOT_SEEN * claimed;
}

/* Growth since a time of its own goes on in the lives that start next. Do those (of the first later releases, two lives and more) not rise yet, though it would
 * show in each of them beside noise and load? Then it began later. */
static bool not_in_the_next(const struct judgement *j, const struct trend *t, double onset, double claimed)
{
	size_t n = j->rows.nlives, release = begun_by(j, onset), seen = 0, last = release;
	struct mc_noise noise;
	mc_panel_noise(j->panel, &noise);
	double shows = SHOWS * hypot(sqrt(noise.var), mc_panel_load(j->panel)), most = -(double)INFINITY;
	while (seen < 2) {
		size_t next = SIZE_MAX;
		for (size_t i = 0; i < n; i++)
			if (j->rows.life[i].release > last && j->rows.life[i].release < next)
				next = j->rows.life[i].release;
		if (next == SIZE_MAX)
			return false;
		for (size_t i = 0; i < n; i++) {
			const struct mc_panel_life *l = &j->rows.life[i];
			if (l->release != next || !isfinite(t[i].settled) || !(.7 * claimed * (l->t[l->n - 1] - l->t[0]) > shows))
				continue;
			most = fmax(most, fmax(t[i].settled, t[i].late));
			seen++;
		}
		last = next;
	}
	return most < NOT_YET * claimed;
}

/* An onset at which lives themselves are seen to begin to rise steeply: they did not before. */
static bool is_steep(const struct history_rows *r, double onset)
{
	for (size_t i = 0; i < r->nsteep; i++)
		if (fabs(r->steep[i] - onset) < .5)
			return true;
	return false;
}

static void look_at_onsets(struct judgement *j, const struct trend *t, double *work)
{
	struct belief *b = &j->belief;
	double grew = 0;
	for (size_t i = 0; i < j->evidence.nonsets && j->signal == HISTORY_ANON; i++) {
		double claimed = j->evidence.onset[i].slope, taken = (1 - LEFT) * b->onset_weight[i];
		if (b->onset_of[i] != MC_NO_DEPLOY || b->onset_weight[i] < .01)
			continue;
		bool seen = !not_seen_later(j, t, j->rows.onsets[i], claimed, work), steep = is_steep(&j->rows, j->rows.onsets[i]);
		bool before = seen && ((!steep && grew_before(j, t, j->rows.onsets[i], claimed, work)) || not_in_the_next(j, t, j->rows.onsets[i], claimed));
		if (seen && !before)
			continue;
		b->onset_weight[i] -= taken;
		b->free_onset -= taken;
		b->bounded += before ? 0 : taken;
		grew += before ? taken : 0;
	}
	if (grew > 0)
		belief_give(b, j->sets.n, j->evidence.nonsets, grew, false);
}

int guards(const struct history *h, struct judgement *j, struct mc_error *err)
{
	size_t n = j->rows.nlives;
	struct trend *t = calloc(n + 1, sizeof *t);
	double *work = mc_reallocarray(NULL, 2 * n + 1, sizeof *work);
	int rc = t && work ? 0 : mc_nomem(err, "the trends");
	for (size_t i = 0; rc == 0 && i < n; i++)
		rc = trend_of(&j->rows.life[i], &t[i], err);
	if (rc == 0)
		rc = look_at_before(h, j, t, work, err);
	if (rc == 0 && j->belief.all > .01 && slows_down(j, t, work)) {
		j->belief.bounded += (1 - LEFT) * j->belief.all;
		j->belief.all *= LEFT;
	}
	if (rc == 0) {
		short_lives(h, j);
		look_at_deploys(h, j, t, work);
		look_at_onsets(j, t, work);
		look_at_firsts(j, t, work);
	}
	free(t);
	free(work);
	return rc;
}

/* When a window of the load first is beyond those limits, between two times; INFINITY: none is. */
static double load_leaves(const struct history *h, double from, double to, double most, double least)
{
	double window = fmax(h->as_of / 100, h->tick), sum = 0, start = from;
	size_t n = 0;
	for (size_t i = 0; i < h->nload; i++) {
		if (h->load_t[i] < from || h->load_t[i] >= to)
			continue;
		if (n == 0)
			start = h->load_t[i];
		sum += h->load_level[i];
		n++;
		bool over = i + 1 == h->nload || floor(h->load_t[i + 1] / window) != floor(h->load_t[i] / window);
		if (over && (sum > most * (double)n || sum < least * (double)n))
			return start;
		if (over) {
			sum = 0;
			n = 0;
		}
	}
	return (double)INFINITY;
}

double step_load_leaves(const struct history *h, const struct judgement *j, size_t k)
{
	double most[2], mean[2];
	size_t until = j->steps.until[k];
	double begins = h->deploy[k].begins, end = until != SIZE_MAX && until > 0 ? h->deploy[until - 1].begins : (double)INFINITY;
	history_load_between(h, -(double)INFINITY, begins, &most[0], &mean[0]);
	history_load_between(h, begins, end, &most[1], &mean[1]);
	bool more = most[1] >= MORE_LOAD * most[0], less = mean[1] <= LESS_LOAD * mean[0];
	if (!(mean[0] > 0) || !(mean[1] > 0) || !(more || less))
		return (double)INFINITY;
	return load_leaves(h, begins, end, more ? MORE_LOAD * most[0] : (double)INFINITY, less ? LESS_LOAD * mean[0] : 0);
}
