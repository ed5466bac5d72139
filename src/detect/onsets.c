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

/* How far the column of growth has come by a time within the life. */
static double grown_at(const struct panel_life *l, size_t q, size_t h, double t)
{
	size_t i = 0;
	while (i + 1 < l->n && l->t[i] < t)
		i++;
	double from = i ? l->t[i - 1] : l->start, before = i ? l->m[(i - 1) * q + h] : 0, to = l->m[i * q + h];
	return l->t[i] > from ? before + (to - before) * fmin(1, (t - from) / (l->t[i] - from)) : to;
}

/* What has come since the onset, as the mean over row i: part of the row may be before it. */
static double grown_since(const struct panel_life *l, size_t q, size_t h, size_t i, double onset, double before)
{
	double now = l->m[i * q + h], half = l->dur[i] / 2, after = l->t[i] + half - onset;
	if (i == 0 || fabs(l->t[i] - onset) >= half || !(l->gap[i] > 0))
		return fmax(0, now - before);
	double pace = (now - l->m[(i - 1) * q + h]) / l->gap[i];
	return fmax(0, pace * after * after / (4 * half));
}

/* Gram of a life's columns 0..ne and the kink at `onset` in the column of growth h. */
static void kinked(const struct mc_panel *p, size_t life, size_t h, double onset, double *work, double *g)
{
	const struct panel_life *l = &p->life[life];
	size_t w = p->ne + 2, q = p->q;
	const double *whole = p->gram + life * q * q;
	memset(g, 0, w * w * sizeof *g);
	if (onset > l->start && onset < l->t[l->n - 1]) {
		double before = grown_at(l, q, h, onset);
		for (size_t i = 0; i < l->n; i++) {
			memcpy(work + i * w, l->m + i * q, (w - 1) * sizeof *work);
			work[i * w + w - 1] = grown_since(l, q, h, i, onset, before);
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
			g[a * w + w - 1] = g[(w - 1) * w + a] = whole[a * q + h];
		g[w * w - 1] = whole[h * q + h];
	}
}

enum { MOST_MATRICES = 700 };

/* Is the life one of those about onset k? */
static bool about(const struct mc_panel *p, const struct onset_grams *o, size_t k, size_t life)
{
	size_t r = p->life[life].release;
	return o->late ? r >= o->release[k] : r == o->release[k];
}

static size_t lives_about(const struct mc_panel *p, const struct onset_grams *o, size_t k)
{
	size_t n = 0;
	for (size_t i = 0; i < p->nlives; i++)
		n += about(p, o, k, i);
	return n;
}

static size_t most_about(const struct mc_panel *p, const struct onset_grams *o)
{
	size_t most = 0;
	for (size_t k = 0; o->used && o->release && k < p->nonsets; k++) {
		size_t n = o->used[k] ? lives_about(p, o, k) : 0;
		most = n > most ? n : most;
	}
	return most;
}

/* Every onset, or every second, fourth, ... of those in crowded releases. */
static size_t choose(const struct mc_panel *p, struct onset_grams *o)
{
	for (size_t stride = 1;; stride *= 2) {
		size_t n = 0;
		for (size_t k = 0; k < p->nonsets; k++) {
			o->used[k] = k % stride == 0 || p->found[k];
			n += o->used[k] ? lives_about(p, o, k) : 0;
		}
		if (n <= MOST_MATRICES || stride > p->nonsets)
			return n;
	}
}

/* Those asked for, until there is no room; no deploy began what ran first. */
static size_t choose_asked(const struct mc_panel *p, struct onset_grams *o, const bool *asked)
{
	size_t n = 0;
	for (size_t k = 0; k < p->nonsets; k++) {
		size_t lives = asked[k] && o->release[k] > 0 ? lives_about(p, o, k) : 0;
		o->used[k] = lives > 0 && n + lives <= MOST_MATRICES;
		n += o->used[k] ? lives : 0;
	}
	return n;
}

/* Room for n onsets more. */
static int room_for(struct mc_panel *p, size_t n, struct mc_error *err)
{
	double *onsets = mc_reallocarray(p->onsets, p->nonsets + n + 1, sizeof *onsets);
	p->onsets = onsets ? onsets : p->onsets;
	bool *found = mc_reallocarray(p->found, p->nonsets + n + 1, sizeof *found);
	p->found = found ? found : p->found;
	return onsets && found ? 0 : mc_nomem(err, "onsets");
}

int mc_panel_add_onsets(struct mc_panel *p, const double *t, size_t n, struct mc_error *err)
{
	int rc = room_for(p, n, err);
	for (size_t i = 0; rc == 0 && i < n; i++) {
		size_t k = p->nonsets++;
		for (; k > 0 && p->onsets[k - 1] > t[i]; k--) {
			p->onsets[k] = p->onsets[k - 1];
			p->found[k] = p->found[k - 1];
		}
		p->onsets[k] = t[i];
		p->found[k] = true;
	}
	return rc;
}

struct making {
	const struct mc_panel *p;
	size_t h, room;
	const double *curve, *u;
	double *work;
};

static void one_life(const struct making *a, size_t k, size_t life, struct onset_grams *o)
{
	const struct mc_panel *p = a->p;
	size_t w = o->w;
	double *g = o->x + o->n * w * w, age = fmax(0, p->onsets[k] - p->release_t[o->release[k]]);
	if (o->n == a->room)
		return;
	kinked(p, life, a->h, o->late ? p->life[life].start + age : p->onsets[k], a->work, g);
	evidence_less_curve(p, a->curve, g, w);
	evidence_drop_direction(g, w, a->u, 1 / (.3 * .3));
	o->onset[o->n] = k;
	o->life[o->n++] = life;
}

static int make(const struct mc_panel *p, size_t h, const double *curve, const double *share, const bool *asked, struct onset_grams *ret,
	struct mc_error *err)
{
	size_t w = p->ne + 2, most = 0;
	double u[PANEL_MOST_COLUMNS] = { 0 };
	memcpy(u, share, (p->ne + 1) * sizeof *u);
	for (size_t i = 0; i < p->nlives; i++)
		most = p->life[i].n > most ? p->life[i].n : most;
	*ret = (struct onset_grams){ .w = w, .late = asked };
	struct making a = { .p = p, .h = h, .curve = curve, .u = u, .work = mc_reallocarray(NULL, most * w + 1, sizeof *a.work) };
	ret->release = calloc(p->nonsets + 1, sizeof *ret->release);
	ret->used = calloc(p->nonsets + 1, sizeof *ret->used);
	if (ret->release && ret->used) {
		for (size_t k = 0; k < p->nonsets; k++)
			ret->release[k] = running_at(p, p->onsets[k]);
		a.room = asked ? choose_asked(p, ret, asked) : choose(p, ret);
	}
	ret->x = calloc(a.room * w * w + 1, sizeof *ret->x);
	ret->onset = calloc(a.room + 1, sizeof *ret->onset);
	ret->life = calloc(a.room + 1, sizeof *ret->life);
	size_t crowd = most_about(p, ret);
	ret->loose = mc_reallocarray(NULL, crowd * w * w + 1, sizeof *ret->loose);
	ret->loose_logs = mc_reallocarray(NULL, crowd + 1, sizeof *ret->loose_logs);
	if (!a.work || !ret->x || !ret->onset || !ret->life || !ret->loose || !ret->loose_logs || !ret->release || !ret->used) {
		free(a.work);
		onset_grams_release(ret);
		return mc_nomem(err, "onsets");
	}
	for (size_t k = 0; k < p->nonsets; k++)
		for (size_t r = 0; ret->used[k] && r < p->nreleases; r++)
			for (size_t i = 0; i < p->nlives; i++)
				if (p->life[i].release == r && about(p, ret, k, i))
					one_life(&a, k, i, ret);
	free(a.work);
	return 0;
}

int onset_grams_new(const struct mc_panel *p, size_t h, const double *curve, const double *share, struct onset_grams *ret, struct mc_error *err)
{
	return make(p, h, curve, share, NULL, ret, err);
}

int onset_grams_late(const struct mc_panel *p, size_t h, const double *curve, const double *share, const bool *asked, struct onset_grams *ret,
	struct mc_error *err)
{
	return make(p, h, curve, share, asked, ret, err);
}

void onset_grams_release(struct onset_grams *o)
{
	free(o->x);
	free(o->onset);
	free(o->life);
	free(o->loose);
	free(o->loose_logs);
	free(o->release);
	free(o->used);
	*o = (struct onset_grams){ 0 };
}
