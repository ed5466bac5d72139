/* The evidence in plain sentences: what speaks for the answer, and what was ruled out by which figures. */
#include "judge.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_EVIDENCE = 24 };
/* A deploy so much of the onset's interval away may be where it began. */
static const double AT_ONCE = .2;

static int say(struct mc_answer *a, const char *kind, bool against, struct mc_error *err, const char *fmt, ...)
	__attribute__((format(printf, 5, 6)));
static int say(struct mc_answer *a, const char *kind, bool against, struct mc_error *err, const char *fmt, ...)
{
	struct mc_buf b = { 0 };
	va_list ap;
	if (a->nevidence >= MOST_EVIDENCE)
		return 0;
	struct mc_evidence *e = mc_reallocarray(a->evidence, a->nevidence + 1, sizeof *e);
	if (!e)
		return mc_nomem(err, "the evidence");
	a->evidence = e;
	va_start(ap, fmt);
	mc_buf_vprintf(&b, fmt, ap);
	va_end(ap);
	if (mc_buf_check(&b, err) < 0) {
		mc_buf_release(&b);
		return MC_ENOMEM;
	}
	e[a->nevidence++] = (struct mc_evidence){ .kind = kind, .text = b.data, .against = against };
	return 0;
}

/* A rate or a size in the signal's unit. */
static const char *size(const struct judgement *j, double bytes, char out[MC_TIME_TEXT])
{
	if (j->signal != HISTORY_PROCESSES)
		return mc_size_text(bytes, out);
	snprintf(out, MC_TIME_TEXT, "%.3g processes", bytes);
	return out;
}

static const char *what_grows(const struct judgement *j)
{
	return j->signal == HISTORY_SHMEM ? "shared memory" : j->signal == HISTORY_PROCESSES ? "the number of processes" : "private memory of a process";
}

/* How a deploy is called. */
static const char *name(const struct history *h, size_t k)
{
	const struct mc_deploy_mark *d = &h->c->deploys[h->deploy[k].index];
	return d->version && d->version[0] ? d->version : d->commit && d->commit[0] ? d->commit : "a deploy without a version";
}

static size_t culprit_of(const struct history *h, const struct mc_answer *a)
{
	return a->culprit == MC_NO_DEPLOY ? MC_NO_DEPLOY : history_deploy_at(h, a->candidates[a->culprit].deploy);
}

static int growth_sentence(const struct history *h, const struct judgement *j, size_t k, struct mc_answer *a, struct mc_error *err)
{
	char s[4][MC_TIME_TEXT];
	double end = a->stopped_ms == MC_NO_TIME ? h->as_of : (double)(a->stopped_ms - h->origin_ms) / 1000;
	double hour = 3600 / lives_counted(h, j, end - 2 * h->tick);
	double lo = a->slope_after_lo * hour, hi = a->slope_after_hi * hour;
	if (!isfinite(a->slope_after))
		return 0;
	if (k == MC_NO_DEPLOY || !isfinite(a->slope_before))
		return say(a, "growth", false, err, "%s grows by %s an hour (95 %%: %s to %s)", what_grows(j), size(j, a->slope_after * hour, s[0]),
			size(j, lo, s[1]), size(j, hi, s[2]));
	return say(a, "growth", false, err, "%s grows by %s an hour in the release that %s began (95 %%: %s to %s), before it by %s an hour",
		what_grows(j), size(j, a->slope_after * hour, s[0]), name(h, k), size(j, lo, s[1]), size(j, hi, s[2]),
		size(j, a->slope_before * hour, s[3]));
}

/* All lives that ran rose at once. */
static int jump_sentence(const struct history *h, const struct judgement *j, size_t k, struct mc_answer *a, struct mc_error *err)
{
	char s[3][MC_TIME_TEXT], at[MC_TIME_TEXT], after[MC_TIME_TEXT];
	const struct mc_jump *m = &h->jump;
	double t = (m->from + m->to) / 2;
	mc_time_text(history_ms(h, t), true, at);
	size(j, m->height, s[0]);
	size(j, m->height - 1.96 * m->sd, s[1]);
	size(j, m->height + 1.96 * m->sd, s[2]);
	if (k == MC_NO_DEPLOY)
		return say(a, "step", false, err, "%s rose by %s (95 %%: %s to %s) at once at %s, in %zu %s, and stays there%s; no deploy is near", what_grows(j), s[0],
			s[1], s[2], at, m->lives, m->lives == 1 ? "process" : "processes together",
			a->state == MC_STATE_FIXED ? " until those end: what was started later stands no higher" : "");
	double late = t - h->deploy[k].mark;
	return say(a, "step", false, err, "%s rose by %s (95 %%: %s to %s) at once at %s, in %zu %s, %s %s %s, which restarted nobody", what_grows(j), s[0], s[1],
		s[2], at, m->lives, m->lives == 1 ? "process" : "processes together", mc_duration_text((int64_t)(fabs(late) * 1000), after),
		late < 0 ? "before" : "after", name(h, k));
}

/* Growth at a time of its own: how far the nearest deploy is. */
static int onset_sentence(const struct history *h, const struct judgement *j, struct mc_answer *a, struct mc_error *err)
{
	char far[MC_TIME_TEXT];
	size_t nearest = 0;
	if (a->verdict != MC_VERDICT_LEAK || a->not_a_deploy <= .5 || j->belief.free_onset <= j->belief.all + j->belief.before || h->ndeploys == 0)
		return 0;
	double onset = history_seconds(h, a->onset_ms);
	for (size_t k = 1; k < h->ndeploys; k++)
		if (fabs(h->deploy[k].begins - onset) < fabs(h->deploy[nearest].begins - onset))
			nearest = k;
	double away = onset - h->deploy[nearest].begins;
	if (fabs(away) < AT_ONCE * (history_seconds(h, a->onset_hi_ms) - history_seconds(h, a->onset_lo_ms)))
		return say(a, "onset", false, err, "%s lies within the interval of its beginning, but growth in the lives since then alone explains all lives less well",
			name(h, nearest));
	return say(a, "onset", false, err, "it began %s %s %s, and no deploy is nearer", mc_duration_text((int64_t)(fabs(away) * 1000), far),
		away < 0 ? "before" : "after", name(h, nearest));
}

/* How much higher one process stands, not the program. */
static int step_sentence(const struct history *h, const struct judgement *j, size_t k, struct mc_answer *a, struct mc_error *err)
{
	char s[3][MC_TIME_TEXT];
	size_t likeliest = 0;
	for (size_t i = 1; i < h->ndeploys; i++)
		if (j->steps.p[i] > j->steps.p[likeliest])
			likeliest = i;
	if (j->steps.free > .5 || (h->jump.lives && likeliest == h->jump_by))
		return jump_sentence(h, j, j->steps.free > .5 ? MC_NO_DEPLOY : likeliest, a, err);
	const struct mc_growth_fit *f = &j->steps.fit[likeliest];
	return say(a, "step", false, err, "%s stands %s higher (95 %%: %s to %s) since %s, at equal age and load", what_grows(j), size(j, f->slope * j->unit, s[0]),
		size(j, (f->slope - 1.96 * f->slope_sd) * j->unit, s[1]), size(j, (f->slope + 1.96 * f->slope_sd) * j->unit, s[2]),
		k == MC_NO_DEPLOY ? "then" : name(h, k));
}

static double longest_life(const struct judgement *j)
{
	double life = 0;
	for (size_t i = 0; i < j->nlives; i++)
		life = fmax(life, j->lives[i].last - fmax(j->lives[i].start, 0));
	return life;
}

/* Which releases' trends are told, tell[] of ndeploys + 1: all that ran, or where these are many those about the culprit and the fix, and the newest;
 * the newest dozen where nobody is blamed. Returns how many are left out. */
static size_t releases_told(const struct history *h, const struct judgement *j, const struct mc_answer *a, bool *tell)
{
	enum { MOST = 12 };
	size_t n = 0, told = 0, culprit = culprit_of(h, a), fix = history_deploy_at(h, a->fixed_by), before = h->ndeploys, newest = 0;
	bool ran[HISTORY_MOST_DEPLOYS + 1] = { false };
	for (size_t i = 0; i < j->rows.nlives; i++)
		ran[j->rows.life[i].release] = true;
	for (size_t r = 0; r <= h->ndeploys; r++) {
		n += ran[r];
		newest = ran[r] ? r : newest;
		before = ran[r] && culprit != MC_NO_DEPLOY && r <= culprit ? r : before;
	}
	for (size_t r = h->ndeploys + 1; r-- > 0;) {
		bool about = r == newest || r == before || r == culprit + 1 || (fix != MC_NO_DEPLOY && r == fix + 1);
		tell[r] = ran[r] && (n <= MOST || (culprit == MC_NO_DEPLOY ? told < MOST : about));
		told += tell[r];
	}
	return n - told;
}

/* Trend of each release by itself. */
static int release_sentence(const struct history *h, const struct judgement *j, struct mc_answer *a, struct mc_error *err)
{
	struct mc_buf b = { 0 };
	char s[2][MC_TIME_TEXT];
	bool tell[HISTORY_MOST_DEPLOYS + 1];
	size_t shown = 0, left_out = releases_told(h, j, a, tell);
	int rc = 0;
	bool loaded = false;
	double life = longest_life(j), load = h->load_what && j->signal == HISTORY_ANON ? mc_panel_load(j->panel) * j->unit : 0;
	for (size_t r = 0; rc == 0 && r <= h->ndeploys; r++) {
		double v, sd;
		if (!tell[r] || (rc = release_trend(j, r, &v, &sd, err)) != 0)
			rc = rc < 0 ? rc : 0;
		else {
			mc_buf_printf(&b, "%s%s%s%s/h +- %s", shown++ ? ", " : "", r ? name(h, r - 1) : h->ndeploys ? "before" : "", h->ndeploys ? " " : "", size(j, v * 3600, s[0]),
				size(j, sd * 3600, s[1]));
			loaded = loaded || load > sd * .6 * life;
		}
	}
	if (left_out > 0)
		mc_buf_printf(&b, "; %zu other%s left out", left_out, left_out == 1 ? " is" : "s are");
	if (rc == 0)
		rc = mc_buf_check(&b, err);
	if (rc == 0 && shown > 0 && loaded)
		rc = say(a, "releases", false, err, "trend of a life after its warm-up%s (what load explains, %s, is taken out): %s", h->ndeploys ? ", by release" : "",
			mc_size_text(load, s[0]), mc_buf_text(&b));
	else if (rc == 0 && shown > 0)
		rc = say(a, "releases", false, err, "trend of a life after its warm-up%s: %s", h->ndeploys ? ", by release" : "", mc_buf_text(&b));
	mc_buf_release(&b);
	return rc;
}

/* Standard deviation of the load's level about its mean, which is 1. */
static double load_spread(const struct history *h)
{
	double sum = 0, time = 0;
	for (size_t i = 0; i + 1 < h->nload; i++) {
		double d = h->load_t[i + 1] - h->load_t[i];
		sum += d * (h->load_level[i] - 1) * (h->load_level[i] - 1);
		time += d;
	}
	return time > 0 ? sqrt(sum / time) : 0;
}

static int load_sentence(const struct history *h, const struct judgement *j, struct mc_answer *a, struct mc_error *err)
{
	char s[MC_TIME_TEXT], each[MC_TIME_TEXT];
	double onset = a->onset_ms == MC_NO_TIME ? h->as_of / 2 : (double)(a->onset_ms - h->origin_ms) / 1000;
	double span = fmin(onset, h->as_of - onset), before = history_mean_load(h, onset - span, onset), after = history_mean_load(h, onset, onset + span);
	size_t was = lives_at(h, EVERY_ROLE, fmax(onset - 3 * h->tick, h->tick)), is = lives_at(h, EVERY_ROLE, h->as_of);
	char at[MC_TIME_TEXT], along[MC_TIME_TEXT];
	if (!h->load_what)
		return say(a, "load", false, err, "no counter of load is known, so that load can't be ruled out; processes %zu -> %zu", was, is);
	if (!isfinite(before) || !isfinite(after) || before <= 0)
		return 0;
	int rc = say(a, "load", a->verdict != MC_VERDICT_LOAD, err, "%s %+.0f %%, processes %zu -> %zu (the %s after %s against as long before)", h->load_what,
		100 * (after / before - 1), was, is, mc_duration_text((int64_t)(span * 1000), along), mc_time_text(history_ms(h, onset), true, at));
	if (rc < 0 || a->verdict == MC_VERDICT_LEAK)
		return rc;
	double moved = mc_panel_load(j->panel) * j->unit, spread = load_spread(h);
	if (a->verdict == MC_VERDICT_LOAD && strcmp(h->load_what, "requests") == 0 && spread > 0)
		return say(a, "load", false, err, "load moves a process's memory by %s (one standard deviation): about %s for each request a second", mc_size_text(moved, s),
			mc_size_text(moved / (spread * h->load_mean), each));
	return say(a, "load", a->verdict != MC_VERDICT_LOAD, err, "load moves a process's memory by %s (one standard deviation)", mc_size_text(moved, s));
}

static int curve_sentence(const struct judgement *j, struct mc_answer *a, struct mc_error *err)
{
	char s[2][MC_TIME_TEXT];
	double life = longest_life(j);
	double rise = mc_panel_curve(j->panel, 0, life) * j->unit, late = mc_panel_curve(j->panel, life / 4, life) * j->unit;
	if (j->signal != HISTORY_ANON || !(rise > 0))
		return 0;
	return say(a, "warm-up", a->verdict == MC_VERDICT_LEAK, err,
		"lives of all releases have in common that they rise by %s with age, %s of it after a quarter of their time; releases are compared at equal age", mc_size_text(rise, s[0]),
		mc_size_text(fmax(late, 0), s[1]));
}

/* The two that are named together are not ruled out: "either v2.3 or v2.4" (answer_text.c). */
static bool one_of_two(const struct mc_answer *a, size_t i)
{
	return i < 2 && a->culprit == MC_NO_DEPLOY && a->ncandidates > 1 && (a->verdict == MC_VERDICT_LEAK || a->verdict == MC_VERDICT_STEP) &&
	       a->candidates[0].probability + a->candidates[1].probability > .5;
}

static int rivals(const struct history *h, const struct judgement *j, struct mc_answer *a, struct mc_error *err)
{
	int rc = 0;
	/* part of what was kept for deploys (decide.c) comes out of it */
	double rest = j->belief.none + j->belief.bounded, bounded = rest > 0 ? a->no_change * (j->belief.bounded / rest) : 0;
	for (size_t i = 0, said = 0; rc == 0 && i < a->ncandidates && said < 3; i++) {
		size_t k = history_deploy_at(h, a->candidates[i].deploy);
		if (i == a->culprit || k == MC_NO_DEPLOY)
			continue;
		rc = say(a, "rival", !one_of_two(a, i), err, "%s began it: probability %.3f%s", name(h, k), a->candidates[i].probability,
			h->deploy[k].lives || belief_source(h, j->belief.deploy, k) != k ? "" : " (nothing restarted with it)");
		said++;
	}
	if (rc == 0 && (a->not_a_deploy >= .001 || a->verdict == MC_VERDICT_LEAK))
		rc = say(a, "rival", a->not_a_deploy <= .5, err, "no deploy began it: probability %.3f (growth since ever %.3f, at a time of its own %.3f)", a->not_a_deploy,
			j->belief.all + j->belief.before, j->belief.free_onset);
	if (rc == 0)
		rc = say(a, "rival", a->verdict == MC_VERDICT_LEAK || a->verdict == MC_VERDICT_STEP, err,
			"no lasting change: probability %.3f (of it growth that levels off, besides what lives of all releases have in common, %.3f)", a->no_change, bounded);
	return rc;
}

/* The probability of the deploy that is believed most is not the likelihood's alone. */
static int witness_sentence(const struct history *h, const struct judgement *j, struct mc_answer *a, struct mc_error *err)
{
	static const double least = .02;
	const struct witnessed *w = &j->witnessed;
	struct mc_buf b = { 0 };
	if (w->deploy == MC_NO_DEPLOY)
		return 0;
	double now = w->p * w->now / (w->p + w->near);
	if (fabs(now - w->p) < least)
		return 0;
	witness_reasons(w, &b);
	int rc = mc_buf_check(&b, err);
	if (rc == 0)
		rc = say(a, "witness", false, err, "what such answers turned out to be worth in programs whose truth is known takes %s from %.2f, by the likelihood, to %.2f%s%s",
			name(h, w->deploy), w->p, now, b.len ? ": " : "", mc_buf_text(&b));
	mc_buf_release(&b);
	return rc;
}

/* Did a life run for a while at the time of some life of the releases [from, to]? One that drained does nothing any more, and is left out. */
static bool beside(const struct history *h, const struct judgement *j, size_t life, size_t from, size_t to)
{
	const struct history_life *l = &j->lives[life];
	for (size_t i = 0; i < j->nlives; i++) {
		const struct history_life *x = &j->lives[i];
		if (x->release >= from && x->release <= to && fmin(l->works_until, x->works_until) - fmax(l->start, x->start) > 10 * h->tick)
			return true;
	}
	return false;
}

/* A build that grows whenever it runs, and only then. */
static int identity_sentence(const struct history *h, const struct judgement *j, size_t k, struct mc_answer *a, struct mc_error *err)
{
	size_t old = 0, new = 0;
	double until = 0;
	if (k == MC_NO_DEPLOY || j->signal != HISTORY_ANON)
		return 0;
	for (size_t i = 0; i < j->nlives; i++) {
		const struct history_life *l = &j->lives[i];
		if (l->release > k || !(l->works_until > h->deploy[k].begins) || !beside(h, j, i, k + 1, k + 1))
			continue;
		old++;
		until = fmax(until, l->works_until);
	}
	for (size_t i = 0; old && i < j->nlives; i++)
		new += j->lives[i].release == k + 1 && j->lives[i].start < until && beside(h, j, i, 0, k);
	if (old && new)
		return say(a, "canary", false, err, "%zu %s of earlier releases ran beside %zu of %s: they were compared at the same hours", old,
			old == 1 ? "life" : "lives", new, name(h, k));
	return 0;
}

/* Restarts that may be those of another deploy, since marks lie anyhow about theirs. */
static int marks_sentence(const struct history *h, size_t culprit, struct mc_answer *a, struct mc_error *err)
{
	for (size_t k = 0; culprit != MC_NO_DEPLOY && k < h->ndeploys; k++) {
		const struct history_also *o = h->deploy[k].also;
		char s[MC_TIME_TEXT];
		if (o[0].p > .95 || o[1].p <= 0 || (o[0].deploy != culprit && o[1].deploy != culprit))
			continue;
		return say(a, "marks", false, err, "the restarts from %s on are those of %s (probability %.2f) or of %s (%.2f): marks come early and late here",
			mc_time_text(history_ms(h, h->deploy[k].begins), true, s), name(h, o[0].deploy), o[0].p, name(h, o[1].deploy), o[1].p);
	}
	return 0;
}

/* Name of a deploy by its index in the case; NULL: none. */
static const char *name_at(const struct history *h, size_t index)
{
	size_t k = history_deploy_at(h, index);
	return k == MC_NO_DEPLOY ? NULL : name(h, k);
}

/* A part that begins where the one before ended, or beside it, goes on at another rate. */
static int rate_sentence(const struct history *h, const struct judgement *j, const struct mc_episode *e, struct mc_answer *a, struct mc_error *err)
{
	char now[MC_TIME_TEXT], before[MC_TIME_TEXT];
	const char *by = name_at(h, e[1].slope < e->slope ? e->fixed_by : e[1].culprit);
	size(j, e[1].slope * 3600, now);
	size(j, e->slope * 3600, before);
	return say(a, "growth", false, err, "since %s a process grows by %s/h where it grew by %s/h: %s", by ? by : "then", now, before,
		e[1].slope < e->slope ? "less, but not ended" : "another growth on top");
}

static int episodes_sentence(const struct history *h, const struct judgement *j, struct mc_answer *a, struct mc_error *err)
{
	int rc = 0;
	size_t back = 1;
	char s[MC_TIME_TEXT];
	for (size_t i = 0; rc == 0 && i < a->nepisodes; i++) {
		const struct mc_episode *e = &a->episodes[i];
		bool on = i + 1 < a->nepisodes && e[1].slope > 0;
		const char *by = name_at(h, e->fixed_by);
		if (on)
			rc = rate_sentence(h, j, e, a, err);
		else if (by)
			rc = say(a, "fix", false, err, "it stopped with %s at %s", by, mc_time_text(e->stopped_ms, true, s));
		back += i > 0 && !(e->slope > 0);
	}
	if (rc == 0 && back > 1)
		rc = say(a, "rollback", false, err, "it stopped and came back: it grew %zu times in all", back);
	return rc;
}

/* Which are workers is not known: only how many there are of each kind, at the last moment. */
static int roles_sentence(const struct history *h, struct mc_answer *a, struct mc_error *err)
{
	struct mc_buf b = { 0 };
	for (size_t r = 0; r < h->nroles; r++)
		mc_buf_printf(&b, "%s%zu", r == 0 ? "" : r + 1 < h->nroles ? ", " : " and ", lives_at(h, r, h->as_of));
	int rc = mc_buf_check(&b, err);
	if (rc == 0)
		rc = say(a, "data", false, err, "memory of some processes stands or moves by more than twice what that of others does, in every release: they were judged "
			"apart (%s that run)", mc_buf_text(&b));
	mc_buf_release(&b);
	return rc;
}

static int data_sentence(const struct history *h, const struct judgement *j, struct mc_answer *a, struct mc_error *err)
{
	char s[2][MC_TIME_TEXT];
	struct mc_noise n;
	double samples = 0;
	mc_panel_noise(j->panel, &n);
	for (size_t i = 0; i < h->nlives; i++)
		samples += h->life[i].n;
	int rc = say(a, "data", false, err, "%zu %s, %.0f samples over %s; noise of a life %s", h->nlives, h->nlives == 1 ? "life" : "lives", samples,
		mc_duration_text((int64_t)(h->as_of * 1000), s[0]), size(j, sqrt(n.var) * j->unit, s[1]));
	if (rc == 0 && h->sawtooth > 0)
		rc = say(a, "collector", false, err, "a collector runs about every %s: judged by what it leaves", mc_duration_text((int64_t)(h->sawtooth * 1000), s[0]));
	if (rc == 0 && h->nroles > 1)
		rc = roles_sentence(h, a, err);
	return rc;
}

int explain(const struct history *h, const struct judgement *j, struct mc_answer *a, struct mc_error *err)
{
	size_t k = culprit_of(h, a);
	int rc = 0;
	if (a->verdict == MC_VERDICT_LEAK)
		rc = growth_sentence(h, j, k, a, err);
	if (rc == 0)
		rc = onset_sentence(h, j, a, err);
	if (rc == 0 && a->verdict == MC_VERDICT_STEP)
		rc = step_sentence(h, j, k, a, err);
	else if (rc == 0 && h->jump.lives && j->signal == HISTORY_ANON)
		rc = jump_sentence(h, j, h->jump_by, a, err);
	if (rc == 0)
		rc = release_sentence(h, j, a, err);
	if (rc == 0)
		rc = load_sentence(h, j, a, err);
	if (rc == 0)
		rc = curve_sentence(j, a, err);
	if (rc == 0)
		rc = identity_sentence(h, j, k, a, err);
	if (rc == 0)
		rc = witness_sentence(h, j, a, err);
	if (rc == 0)
		rc = marks_sentence(h, a->ncandidates ? history_deploy_at(h, a->candidates[0].deploy) : MC_NO_DEPLOY, a, err);
	if (rc == 0)
		rc = episodes_sentence(h, j, a, err);
	if (rc == 0)
		rc = rivals(h, j, a, err);
	return rc < 0 ? rc : data_sentence(h, j, a, err);
}

/* Enough samples in number, but no curve can be made of them. */
static int explain_no_curve(const struct history *h, double samples, double seconds, struct mc_answer *a, struct mc_error *err)
{
	char span[MC_TIME_TEXT];
	double early = 0;
	for (size_t i = 0; i < h->nlives; i++)
		early += h->life[i].first_ms < h->life[i].start_ms ? h->life[i].n : 0;
	mc_duration_text((int64_t)(seconds * 1000), span);
	if (2 * early > samples)
		return say(a, "data", false, err, "not enough data: %.0f of %.0f samples are of processes that were sampled before they began: their start_ms, "
			"or a clock, is wrong", early, samples);
	return say(a, "data", false, err, "not enough data: %.0f samples of %zu process%s over %s are enough in number, but lie too close together for a curve: "
		"of one process some are needed in three parts of its life, each a quarter of a second or more and a twentieth of its age", samples, h->nlives,
		h->nlives == 1 ? "" : "es", span);
}

int explain_too_little(const struct history *h, struct mc_answer *a, struct mc_error *err)
{
	char span[MC_TIME_TEXT], more[MC_TIME_TEXT];
	double samples = 0, longest = 0, from = (double)INFINITY, to = -(double)INFINITY, missing;
	for (size_t i = 0; i < h->nlives; i++) {
		const struct history_life *l = &h->life[i];
		samples += l->n;
		longest = fmax(longest, l->n);
		from = fmin(from, l->first);
		to = fmax(to, l->last);
	}
	if (!(samples > 0))
		return say(a, "data", false, err, "not enough data: no sample yet; %d of one process are needed", LEAST_SAMPLES);
	if (longest >= LEAST_SAMPLES || samples >= LEAST_SAMPLES_IN_ALL)
		return explain_no_curve(h, samples, to - from, a, err);
	if (longest < 2)
		return say(a, "data", false, err, "not enough data: %.0f sample%s of %zu process%s; %d of one process are needed, or %d in all", samples,
			samples == 1 ? "" : "s", h->nlives, h->nlives == 1 ? "" : "es", LEAST_SAMPLES, LEAST_SAMPLES_IN_ALL);
	missing = fmax(1, LEAST_SAMPLES - longest) * h->tick;
	a->look_again_ms = history_ms(h, h->as_of + missing);
	return say(a, "data", false, err, "not enough data: %.0f sample%s of %zu process%s over %s; %d of one process are needed, in about %s, or %d in all",
		samples, samples == 1 ? "" : "s", h->nlives, h->nlives == 1 ? "" : "es", mc_duration_text((int64_t)((to - from) * 1000), span), LEAST_SAMPLES,
		mc_duration_text((int64_t)(missing * 1000), more), LEAST_SAMPLES_IN_ALL);
}
