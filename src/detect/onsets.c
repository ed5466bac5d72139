/* Growth that begins at a time of its own: a kink in the lives that are running then. */
#include "evidence.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* A release that nothing ran (a change of configuration) has no lives to begin to grow: the one before goes on. */
static size_t running_at(const struct mc_panel *p, double t)
{
	size_t r = 0;
	for (size_t i = 0; i < p->nlives; i++) {
		size_t k = p->life[i].release;
		if (k > r && p->release_t[k] <= t)
			r = k;
	}
	return r;
}

/* Gram of a life's columns 0..ne and the kink at `onset`. */
static void kinked(const struct mc_panel *p, size_t life, double onset, double *work, double *g)
{
	const struct panel_life *l = &p->life[life];
	size_t w = p->ne + 2, q = p->q;
	const double *whole = p->gram + life * q * q;
	memset(g, 0, w * w * sizeof *g);
	if (onset > l->start && onset < l->t[l->n - 1]) {
		for (size_t i = 0; i < l->n; i++) {
			memcpy(work + i * w, l->m + i * q, (w - 1) * sizeof *work);
			work[i * w + w - 1] = fmax(0, l->t[i] - onset);
		}
		panel_whiten(l, &p->noise, work, w, g);
		for (size_t k = 0; k < w * w; k++)
			g[k] /= l->var;
		panel_drop(g, w, p->il, 1 / pow(p->level_sd, 2));
		return;
	}
	/* begun later: the kink is the whole life's growth; ended before: it is nothing */
	for (size_t a = 0; a + 1 < w; a++)
		for (size_t b = 0; b + 1 < w; b++)
			g[a * w + b] = whole[a * q + b];
	if (onset <= l->start) {
		for (size_t a = 0; a + 1 < w; a++)
			g[a * w + w - 1] = g[(w - 1) * w + a] = whole[a * q + p->it];
		g[w * w - 1] = whole[p->it * q + p->it];
	}
}

enum { MOST_MATRICES = 700 };

static size_t lives_in(const struct mc_panel *p, size_t release)
{
	size_t n = 0;
	for (size_t i = 0; i < p->nlives; i++)
		n += p->life[i].release == release;
	return n;
}

/* Every onset, or every second, fourth, ... of those in crowded releases. */
static size_t choose(const struct mc_panel *p, struct onset_grams *o)
{
	for (size_t stride = 1;; stride *= 2) {
		size_t n = 0;
		for (size_t k = 0; k < p->nonsets; k++) {
			o->used[k] = k % stride == 0;
			n += o->used[k] ? lives_in(p, o->release[k]) : 0;
		}
		if (n <= MOST_MATRICES || stride > p->nonsets)
			return n;
	}
}

int onset_grams_new(const struct mc_panel *p, const double *curve, const double *share, struct onset_grams *ret, struct mc_error *err)
{
	size_t w = p->ne + 2, most = 0;
	double u[PANEL_MOST_COLUMNS] = { 0 };
	memcpy(u, share, (p->ne + 1) * sizeof *u);
	for (size_t i = 0; i < p->nlives; i++)
		most = p->life[i].n > most ? p->life[i].n : most;
	*ret = (struct onset_grams){ .w = w };
	double *work = mc_reallocarray(NULL, most * w + 1, sizeof *work);
	ret->release = calloc(p->nonsets + 1, sizeof *ret->release);
	ret->used = calloc(p->nonsets + 1, sizeof *ret->used);
	size_t n = 0;
	if (ret->release && ret->used) {
		for (size_t k = 0; k < p->nonsets; k++)
			ret->release[k] = running_at(p, p->onsets[k]);
		n = choose(p, ret);
	}
	ret->x = calloc(n * w * w + 1, sizeof *ret->x);
	ret->onset = calloc(n + 1, sizeof *ret->onset);
	ret->life = calloc(n + 1, sizeof *ret->life);
	if (!work || !ret->x || !ret->onset || !ret->life || !ret->release || !ret->used) {
		free(work);
		onset_grams_release(ret);
		return mc_nomem(err, "onsets");
	}
	for (size_t k = 0; k < p->nonsets; k++)
		for (size_t i = 0; ret->used[k] && i < p->nlives; i++) {
			if (p->life[i].release != ret->release[k] || ret->n == n)
				continue;
			double *g = ret->x + ret->n * w * w;
			kinked(p, i, p->onsets[k], work, g);
			evidence_less_curve(p, curve, g, w);
			evidence_drop_direction(g, w, u, 1 / (.3 * .3));
			ret->onset[ret->n] = k;
			ret->life[ret->n++] = i;
		}
	free(work);
	return 0;
}

void onset_grams_release(struct onset_grams *o)
{
	free(o->x);
	free(o->onset);
	free(o->life);
	free(o->release);
	free(o->used);
	*o = (struct onset_grams){ 0 };
}
