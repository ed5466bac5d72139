#include "attribute_world.h"
#include "random.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define T0 1760000000000LL
static const double MIB = 1048576;

static void *numbers(size_t n, size_t size)
{
	void *p = calloc(n + 1, size);
	if (!p)
		abort();
	return p;
}

/* What is on top of base and noise, in MiB, at this part of a release (0 to 1) that is `r`. */
static double effect(const struct world_plan *p, size_t r, double part, double load)
{
	bool after = r > p->culprit;
	if (p->kind == WORLD_LEAK || (p->kind == WORLD_FIXED && r <= p->culprit + 2))
		return after ? 12 * part : 0;
	if (p->kind == WORLD_STEP)
		return after ? 15 : 0;
	return p->kind == WORLD_LOAD ? 8 * load : 0;
}

static double load_at(double part)
{
	return 1 + .6 * sin(2 * M_PI * 2.3 * part);
}

static void life(struct world *w, const struct world_plan *p, size_t i, size_t r, size_t slot, double height)
{
	double length = (double)p->samples * p->interval, x = gauss(), rho = exp(-p->interval / (12 * p->interval));
	double start = (double)r * (length + p->interval) + (double)slot;
	size_t at = i * p->samples;
	w->lives[i] = (struct mc_life){ .host = "", .key = slot == 0 ? "app:0" : slot == 1 ? "app:1" : "", .pid = (int64_t)(100 + i),
		.start_ms = T0 + (int64_t)(start * 1000), .version = "", .commit = "", .build_id = "", .n = p->samples, .t_ms = w->t_ms + at,
		.anon = w->anon + at };
	for (size_t k = 0; k < p->samples; k++) {
		double part = (double)k / (double)p->samples, t = start + ((double)k + .5) * p->interval;
		x = rho * x + sqrt(1 - rho * rho) * gauss();
		double v = 40 + height + 3 * (1 - exp(-part / .03)) + .3 * x + .15 * gauss() +
			effect(p, r, part, load_at(t / ((double)(p->deploys + 1) * length)));
		w->t_ms[at + k] = T0 + (int64_t)(t * 1000);
		w->anon[at + k] = floor(v * 256) * 4096;
	}
}

static void load(struct world *w, const struct world_plan *p)
{
	size_t n = (p->deploys + 1) * p->samples;
	double all = 0, span = (double)(p->deploys + 1) * ((double)p->samples + 1) * p->interval;
	for (size_t i = 0; i < n; i++) {
		double t = span * (double)i / (double)n;
		w->load_t[i] = T0 + (int64_t)(t * 1000);
		w->requests[i] = floor(all);
		all += 50 * load_at(t / span) * exp(.1 * gauss()) * span / (double)n;
	}
	w->c.load = (struct mc_load){ .n = n, .t_ms = w->load_t, .requests = w->requests };
}

void world_make(struct world *w, const struct world_plan *p)
{
	size_t nlives = p->slots * (p->deploys + 1);
	*w = (struct world){ .nsamples = nlives * p->samples };
	seed = p->seed * 977 + 13;
	w->lives = numbers(nlives, sizeof *w->lives);
	w->deploys = numbers(p->deploys, sizeof *w->deploys);
	w->t_ms = numbers(w->nsamples, sizeof *w->t_ms);
	w->anon = numbers(w->nsamples, sizeof *w->anon);
	w->load_t = numbers((p->deploys + 1) * p->samples, sizeof *w->load_t);
	w->requests = numbers((p->deploys + 1) * p->samples, sizeof *w->requests);
	w->version = numbers(p->deploys, sizeof *w->version);
	for (size_t s = 0, i = 0; s < p->slots; s++) {
		double height = gauss();
		for (size_t r = 0; r <= p->deploys; r++, i++)
			life(w, p, i, r, s, height);
	}
	for (size_t k = 0; k < p->deploys; k++) {
		snprintf(w->version[k], sizeof w->version[k], "v%zu", k + 1);
		double at = (double)(k + 1) * ((double)p->samples + 1) * p->interval - 2;
		w->deploys[k] = (struct mc_deploy_mark){ .unix_ms = T0 + (int64_t)(at * 1000), .version = w->version[k], .commit = "", .host = "" };
	}
	w->c = (struct mc_case){ .program = "world", .nlives = nlives, .lives = w->lives, .ndeploys = p->deploys, .deploys = w->deploys,
		.memory_limit = 4096 * MIB };
	if (p->load)
		load(w, p);
}

void world_free(struct world *w)
{
	free(w->lives);
	free(w->deploys);
	free(w->t_ms);
	free(w->anon);
	free(w->load_t);
	free(w->requests);
	free(w->version);
}

/* ---- what every answer must hold ---- */
static bool probability(double p)
{
	return p >= 0 && p <= 1 + 1e-9;
}

static bool interval(int64_t lo, int64_t mid, int64_t hi)
{
	return mid == MC_NO_TIME ? true : (lo == MC_NO_TIME || lo <= mid) && (hi == MC_NO_TIME || mid <= hi);
}

static const char *numbers_wrong(const struct mc_answer *a)
{
	const double v[] = { a->slope_before, a->slope_after, a->slope_after_lo, a->slope_after_hi, a->bytes_per_request, a->grown_bytes, a->ceiling_bytes };
	for (size_t i = 0; i < sizeof v / sizeof *v; i++)
		if (isinf(v[i]))
			return "a number is infinite";
	if (a->slope_after_lo > a->slope_after || a->slope_after > a->slope_after_hi)
		return "the slope is outside its interval";
	if (!interval(a->onset_lo_ms, a->onset_ms, a->onset_hi_ms))
		return "the onset is outside its interval";
	if (!interval(a->stopped_lo_ms, a->stopped_ms, a->stopped_hi_ms))
		return "the end is outside its interval";
	if (!interval(a->exhaustion_lo_ms, a->exhaustion_ms, a->exhaustion_hi_ms))
		return "the exhaustion is outside its interval";
	bool grows = a->verdict == MC_VERDICT_LEAK || a->verdict == MC_VERDICT_STEP;
	if (grows && (a->onset_ms == MC_NO_TIME || isnan(a->grown_bytes)))
		return "a growth without onset or size";
	if (a->verdict == MC_VERDICT_LEAK && isnan(a->slope_after))
		return "a leak without a slope";
	/* the time at which two will be told apart is said of two that are likely, and where none is named */
	if (a->ambiguous_until_ms != MC_NO_TIME && (a->verdict != MC_VERDICT_LEAK || a->culprit != MC_NO_DEPLOY || a->ncandidates < 2 ||
		a->candidates[1].probability < .2 || a->ambiguous_until_ms <= a->onset_ms))
		return "a time until which nothing is ambiguous";
	return NULL;
}

const char *answer_wrong(const struct mc_case *c, const struct mc_answer *a)
{
	double sum = a->not_a_deploy + a->no_change;
	if (!mc_verdict_name(a->verdict))
		return "the verdict has no name";
	if (!probability(a->not_a_deploy) || !probability(a->no_change))
		return "a probability is none";
	for (size_t i = 0; i < a->ncandidates; i++) {
		sum += a->candidates[i].probability;
		if (!probability(a->candidates[i].probability) || a->candidates[i].probability < .001 || a->candidates[i].deploy >= c->ndeploys)
			return "a candidate is none";
		if (i && a->candidates[i].probability > a->candidates[i - 1].probability)
			return "candidates are not in order";
	}
	if (!(fabs(sum - 1) < .01))
		return "probabilities do not add up to 1";
	if (a->culprit != MC_NO_DEPLOY && (a->culprit >= a->ncandidates || a->candidates[a->culprit].probability <= .5))
		return "the culprit is no likely candidate";
	if (a->culprit == MC_NO_DEPLOY && a->ncandidates && a->candidates[0].probability > .5 &&
		(a->ncandidates < 2 || a->candidates[1].probability < 2. / 3 * a->candidates[0].probability))
		return "one deploy holds more than half, and is not named";
	if (a->culprit != MC_NO_DEPLOY && a->verdict != MC_VERDICT_LEAK && a->verdict != MC_VERDICT_STEP)
		return "a deploy is named where nothing changed for good";
	if (a->fixed_by != MC_NO_DEPLOY && a->fixed_by >= c->ndeploys)
		return "what ended it is no deploy";
	for (size_t i = 0; i < a->nepisodes; i++)
		if ((a->episodes[i].culprit != MC_NO_DEPLOY && a->episodes[i].culprit >= c->ndeploys) ||
			(a->episodes[i].fixed_by != MC_NO_DEPLOY && a->episodes[i].fixed_by >= c->ndeploys))
			return "an episode's deploy is none";
	for (size_t i = 0; i < a->nevidence; i++)
		if (!a->evidence[i].kind || !a->evidence[i].text || !a->evidence[i].text[0] || strstr(a->evidence[i].text, "nan") ||
			strstr(a->evidence[i].text, "inf "))
			return "a sentence is empty or holds no number";
	return numbers_wrong(a);
}
