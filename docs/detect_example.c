/* The detector by itself: lives whose truth is known, the release that began the growth, slopes with errors, the onset.
 *
 *   cc -Iinclude docs/detect_example.c build/libdetect.a build/libbase.a -lm
 *
 * Six releases run for four hours each, in three processes, seen every 15 s; releases 3 to 5 grow by 4 MiB an hour.
 * Sizes in MiB, times in seconds. Exits 0 where the answer is the truth; `make check` runs it. */
#include "memculprit/detect.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { RELEASES = 6, SLOTS = 3, LIVES = RELEASES * SLOTS, SUPPOSITIONS = RELEASES * (RELEASES + 1) / 2, ONSETS = 95, BAD = 3 };
static const double INTERVAL = 15, REIGN = 4 * 3600, TRUE_SLOPE = 4. / 3600, PAGE = 4096. / 1048576;

/* What a sampler would see: a level, a warm-up of ten minutes, noise that remembers some minutes, growth. */
static void watch(size_t release, struct mc_lifesum *s)
{
	double start = REIGN * (double)release, wander = 0;
	mc_lifesum_init(s, start);
	for (int i = 1; i * INTERVAL < REIGN; i++) {
		double age = i * INTERVAL;
		wander = .95 * wander + .2 * (rand() / (double)RAND_MAX - .5);
		double y = 100 + 8 * (1 - exp(-age / 600)) + wander + (release >= BAD ? TRUE_SLOPE * age : 0);
		mc_lifesum_add(s, start + age, y, NULL);
	}
	mc_lifesum_flush(s);
}

/* Each bin of a life is a row. */
static struct mc_panel_life rows(const struct mc_lifesum *s, size_t release, double *column)
{
	double *t = column, *y = t + MC_LIFESUM_BINS, *samples = y + MC_LIFESUM_BINS, *seconds = samples + MC_LIFESUM_BINS;
	for (size_t i = 0; i < s->n; i++) {
		t[i] = s->bin[i].t;
		y[i] = s->bin[i].y;
		samples[i] = s->bin[i].n;
		seconds[i] = s->bin[i].n * INTERVAL;
	}
	return (struct mc_panel_life){ .n = s->n, .t = t, .y = y, .samples = samples, .seconds = seconds, .start = s->start, .release = release };
}

/* The middle 95 % of where the growth may have begun, as fine as the onsets asked about. */
static void interval(const struct mc_growth_evidence *e, const double *onset, double *from, double *to)
{
	double all = -(double)INFINITY, sum = 0;
	for (size_t i = 0; i < e->nonsets; i++)
		all = mc_log_add(all, e->onset[i].log_evidence);
	*from = *to = (double)NAN;
	for (size_t i = 0; i < e->nonsets; i++) {
		sum += exp(e->onset[i].log_evidence - all);
		*from = isnan(*from) && sum >= .025 ? onset[i] : *from;
		*to = isnan(*to) && sum >= .975 ? onset[i] : *to;
	}
	*from -= (onset[1] - onset[0]) / 2;
	*to += (onset[1] - onset[0]) / 2;
}

static bool show(const struct mc_growth_evidence *e, const struct mc_supposition *s, const double *onset)
{
	size_t best = 0;
	double from, to;
	const struct mc_growth_fit *f = e->set[MC_GROWTH_TIME];
	for (size_t i = 0; i < e->n; i++)
		best = f[i].log_evidence > f[best].log_evidence ? i : best;
	double slope = f[best].slope * 3600, error = 1.96 * 3600 * f[best].slope_sd;
	printf("releases %zu to %zu grow by %.2f MiB/h (95 %%: %.2f to %.2f), log evidence %.1f over none\n", s[best].from, s[best].until - 1, slope, slope - error,
		slope + error, f[best].log_evidence - e->none);
	for (size_t r = 0; r < RELEASES; r++)
		printf("release %zu: %.2f +- %.2f MiB/h beside the common curve of age\n", r, 3600 * e->release_slope[r], 3600 * e->release_sd[r]);
	interval(e, onset, &from, &to);
	printf("growth began between %.1f h and %.1f h\n", from / 3600, to / 3600);
	return s[best].from == BAD && s[best].until == RELEASES && fabs(slope / 3600 - TRUE_SLOPE) < .1 * TRUE_SLOPE && f[best].log_evidence > e->none + 5 &&
	       from < BAD * REIGN + 3600 && to > BAD * REIGN - 3600 && to - from < REIGN;
}

int main(void)
{
	static struct mc_lifesum sum;
	static double column[LIVES][4 * MC_LIFESUM_BINS];
	double begins[RELEASES], onset[ONSETS];
	struct mc_panel_life life[LIVES];
	struct mc_supposition s[SUPPOSITIONS];
	size_t n = 0;
	for (size_t i = 0; i < LIVES; i++) {
		watch(i / SLOTS, &sum);
		life[i] = rows(&sum, i / SLOTS, column[i]);
	}
	for (size_t from = 0; from < RELEASES; from++) {
		begins[from] = REIGN * (double)from;
		for (size_t until = from + 1; until <= RELEASES; until++)
			s[n++] = (struct mc_supposition){ .from = from, .until = until };
	}
	for (size_t i = 0; i < ONSETS; i++)
		onset[i] = REIGN * RELEASES * (double)(i + 1) / (ONSETS + 1);
	struct mc_panel_in in = { .nlives = LIVES, .lives = life, .nreleases = RELEASES, .release_t = begins, .bin = 240, .quantum = PAGE * PAGE / 12,
		.nonsets = ONSETS, .onsets = onset };
	struct mc_panel *panel = NULL;
	struct mc_growth_evidence e;
	struct mc_error err;
	struct mc_noise noise;
	bool right = false;
	int rc = mc_panel_new(&in, &panel, &err);
	if (rc == 0) {
		mc_panel_noise(panel, &noise);
		printf("noise of a bin: %.2f MiB\n", sqrt(noise.var));
		rc = mc_panel_evidence(panel, s, n, &e, &err);
	}
	if (rc == 0) {
		right = show(&e, s, onset);
		mc_growth_evidence_release(&e);
	} else
		fprintf(stderr, "%s\n", err.text);
	mc_panel_free(panel);
	return right ? 0 : 1;
}
