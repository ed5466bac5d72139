#include "work.h"

#include <math.h>
#include <string.h>

int work_new(struct work *w, const struct mc_panel *p, const struct mc_supposition *s, size_t n, struct mc_error *err)
{
	bool ok = true;
	size_t q = p->q, nr = p->nreleases;
	*w = (struct work){ .p = p, .q = q, .nr = nr, .nc = panel_common(p), .nsets = n, .sets = s, .n = (double)(p->rows - p->nlives) };
	w->life = work_numbers(p->nlives * q * q, &ok);
	w->loose = work_numbers(p->nlives * q * q, &ok);
	w->loose_logs = work_numbers(nr, &ok);
	w->sum = work_numbers(nr * q * q, &ok);
	w->base = work_numbers(nr * q * q, &ok);
	w->base_logs = work_numbers(nr, &ok);
	w->pre_base = work_numbers((nr + 1) * q * q, &ok);
	w->pre_base_logs = work_numbers(nr + 1, &ok);
	w->total = work_numbers(q * q, &ok);
	w->pre_u = work_numbers((nr + 1) * (w->nc + 1), &ok);
	w->pre_num = work_numbers(nr + 1, &ok);
	w->pre_info = work_numbers(nr + 1, &ok);
	w->pre_logs = work_numbers(nr + 1, &ok);
	for (size_t k = 0; k < 2; k++)
		w->slope[k] = work_numbers(nr, &ok);
	for (size_t k = 0; k < KINDS; k++) {
		w->first[k] = work_numbers(n, &ok);
		w->own[k] = work_numbers(nr + 1, &ok);
	}
	w->count = work_numbers(nr + 1, &ok);
	w->glance = work_numbers(n, &ok);
	w->look = calloc(n + 1, sizeof *w->look);
	ok = ok && w->look;
	for (; ok && w->nlook < n; w->nlook++)
		w->look[w->nlook] = w->nlook;
	for (size_t k = 0; k < MC_GROWTH_KINDS; k++)
		w->best[k] = work_numbers(n, &ok);
	w->best_onset = work_numbers(p->nonsets, &ok);
	w->best_late = work_numbers(p->nonsets, &ok);
	w->longest = work_numbers(nr, &ok);
	w->grown = work_numbers((nr + 1) * q * q, &ok);
	w->grown_logs = work_numbers(nr + 1, &ok);
	for (size_t k = 0; k < 2; k++) {
		w->warm_of[k] = calloc(nr + 1, sizeof *w->warm_of[k]);
		ok = ok && w->warm_of[k];
	}
	for (size_t i = 0; ok && i < p->nlives; i++)
		w->longest[p->life[i].release] = fmax(w->longest[p->life[i].release], p->life[i].seconds);
	for (size_t r = 0; ok && r < nr; r++)
		w->longest[r] = fmax(w->longest[r], p->bin);
	return ok ? 0 : mc_nomem(err, "the evidence");
}

void work_release(struct work *w)
{
	double *v[] = { w->pre_base, w->pre_base_logs, w->life, w->loose, w->loose_logs, w->sum, w->base, w->base_logs, w->total, w->pre_u, w->pre_num, w->pre_info, w->pre_logs, w->slope[0],
		w->slope[1], w->first[0], w->first[1], w->first[2], w->best[0], w->best[1], w->best[2], w->best[3], w->best_onset, w->best_late, w->longest, w->own[0], w->own[1], w->own[2],
		w->count, w->glance };
	for (size_t i = 0; i < sizeof v / sizeof *v; i++)
		free(v[i]);
	for (size_t k = 0; k < KINDS; k++)
		for (size_t i = 0; i < NSCATTER; i++) {
			free(w->scatter[k][i]);
			free(w->scatter_logs[k][i]);
			free(w->elim[k][i]);
			free(w->elim_logs[k][i]);
		}
	free(w->warm_of[0]);
	free(w->warm_of[1]);
	free(w->look);
	free(w->grown);
	free(w->grown_logs);
	onset_grams_release(&w->onsets);
	onset_grams_release(&w->late);
}

static void sum_releases(const struct mc_panel *p, const double *life, double *sum)
{
	size_t qq = p->q * p->q;
	memset(sum, 0, p->nreleases * qq * sizeof *sum);
	for (size_t i = 0; i < p->nlives; i++)
		linalg_less(sum + p->life[i].release * qq, life + i * qq, -1, qq);
}

/* Every life's own slope counts alike here: one that never moves must not outvote all others by its precision. */
static void own_slopes(struct work *w)
{
	size_t q = w->q, qq = q * q;
	for (size_t i = 0; i < w->p->nlives; i++) {
		size_t r = w->p->life[i].release + 1;
		const double *g = w->life + i * qq;
		w->count[r]++;
		for (size_t k = 0; k < KINDS; k++) {
			size_t h = work_growth_column(w->p, (enum mc_growth)k);
			w->own[k][r] += g[h * q + h] > 0 ? g[h] / g[h * q + h] : 0;
		}
	}
	for (size_t r = 1; r <= w->nr; r++) {
		w->count[r] += w->count[r - 1];
		for (size_t k = 0; k < KINDS; k++)
			w->own[k][r] += w->own[k][r - 1];
	}
}

/* Curve, slopes, each life's share of the load, and the classes of scatter. */
void work_prepare(struct work *w)
{
	const struct mc_panel *p = w->p;
	size_t q = w->q, qq = q * q;
	double sigma = sqrt(p->noise.var), unit = sigma / p->life_seconds;
	memcpy(w->life, p->gram, p->nlives * qq * sizeof *w->life);
	sum_releases(p, w->life, w->sum);
	for (size_t r = 0; r < w->nr; r++)
		for (size_t k = 0; k < qq; k++)
			w->total[k] += w->sum[r * qq + k];
	curve_fit(p, w->sum, w->total, p->it, w->curve[0], w->slope[0]);
	if (p->has_requests)
		curve_fit(p, w->sum, w->total, p->iq, w->curve[1], w->slope[1]);
	warm_shapes(p, w->curve[0], &w->warm);
	for (size_t i = 0; i < p->nload; i++)
		w->share[1 + p->ntau + i] = w->curve[0][p->ntau + i];
	for (size_t i = 0; i < p->nlives; i++) {
		evidence_less_curve(p, w->curve[0], w->life + i * qq, q);
		evidence_drop_direction(w->life + i * qq, q, w->share, 1 / (.3 * .3));
	}
	sum_releases(p, w->life, w->sum);
	own_slopes(w);
	for (size_t k = 0; k < KINDS; k++)
		for (size_t i = 0; i < NSCATTER; i++)
			w->scatter_sd[k][i] = .03 * unit * exp2(.5 * (double)i);
}

/* Sums with lives scattered about the growth by class i; made when first asked for at a grid point. */
int work_scattered(struct work *w, size_t kind, size_t i, struct mc_error *err)
{
	size_t q = w->q, qq = q * q, h = work_growth_column(w->p, (enum mc_growth)kind);
	double g[PANEL_MOST_COLUMNS * PANEL_MOST_COLUMNS], sd = w->scatter_sd[kind][i];
	bool ok = true;
	if (!w->scatter[kind][i]) {
		w->scatter[kind][i] = work_numbers(w->nr * qq, &ok);
		w->scatter_logs[kind][i] = work_numbers(w->nr, &ok);
		w->elim[kind][i] = work_numbers((w->nr + 1) * qq, &ok);
		w->elim_logs[kind][i] = work_numbers(w->nr + 1, &ok);
		if (!w->scatter_logs[kind][i] || !w->elim[kind][i] || !w->elim_logs[kind][i])
			return mc_nomem(err, "the evidence");
	}
	if (!ok || !w->scatter[kind][i])
		return mc_nomem(err, "the evidence");
	double *x = w->scatter[kind][i], *l = w->scatter_logs[kind][i];
	memset(x, 0, w->nr * qq * sizeof *x);
	memcpy(l, w->loose_logs, w->nr * sizeof *l);
	for (size_t j = 0; j < w->p->nlives; j++) {
		size_t r = w->p->life[j].release;
		memcpy(g, w->loose + j * qq, qq * sizeof *g);
		l[r] += panel_drop(g, q, h, 1 / (sd * sd));
		linalg_less(x + r * qq, g, -1, qq);
	}
	return 0;
}

/* The spread of one release: its slope may be off by what makes `slope` deviations at the end of its longest life. */
const struct spread *work_release_spread(const struct work *w, struct spread *s, size_t r)
{
	evidence_set_slopes(w->p, s, fmax(s->slope, 1e-9) * sqrt(w->p->noise.var / (w->longest[r] * w->p->life_seconds)));
	return s;
}

double work_eliminate(const struct work *w, struct spread *s, size_t r, bool grows, const double *in, size_t width, double *g)
{
	double half = evidence_eliminate_of(w->p->ne, width, in, work_release_spread(w, s, r), g);
	if (!(s->warm > 0))
		return half;
	const struct warm_of *own = &w->warm_of[grows][r];
	warm_less(g, width, own->mean, w->p->it);
	for (size_t k = 0; k < 2; k++)
		half += evidence_drop_direction(g, width, own->dir[k], 1);
	return half;
}

void work_set_spread(struct work *w, double curve, double warm, struct spread *s)
{
	const struct mc_panel *p = w->p;
	const double *c = w->curve[0];
	double sigma = sqrt(p->noise.var), load = 0;
	for (size_t i = 0; i < p->ntau; i++) {
		double v = fabs(c[i]), weight = 1;
		if (i > 0)
			v += .5 * fabs(c[i - 1]), weight += .5;
		if (i + 1 < p->ntau)
			v += .5 * fabs(c[i + 1]), weight += .5;
		s->sd[1 + i] = curve * (v / weight + .3 * sigma);
		w->precision[i] = 1 / pow(v / weight + sigma, 2);
	}
	s->warm = w->warm_sd = warm;
	for (size_t i = 0; i < p->nload; i++)
		load += fabs(c[p->ntau + i]);
	for (size_t i = 0; i < p->nx; i++)
	{
		double size = i < p->nload ? load / sqrt(3) : fabs(c[p->ntau + i]);
		s->sd[1 + p->ntau + i] = .3 * size + 1e-3 * sigma;
		w->precision[p->ntau + i] = 1 / pow(size + sigma, 2);
	}
	w->precision[p->il - 1] = 1 / pow(p->height, 2);
	s->sd[p->il] = p->level_sd;
}

/* Everything common taken out of the total: l, uy, yy. */
static void common(struct work *w)
{
	size_t q = w->q, nc = w->nc;
	for (size_t a = 0; a < nc; a++) {
		for (size_t b = 0; b <= a; b++)
			w->l[a * nc + b] = w->total[(1 + a) * q + 1 + b];
		w->l[a * nc + a] += w->precision[a];
		w->uy[a] = w->total[(1 + a) * q];
	}
	w->none_logs += linalg_cholesky(w->l, nc, nc);
	linalg_forward(w->l, nc, nc, w->uy, 1);
	w->yy = w->total[0];
	for (size_t a = 0; a < nc; a++)
		w->yy -= w->uy[a] * w->uy[a];
}

/* Every life may depart from its release a little, whether it grows or not: else only growth could explain what is its own. */
static void loosen(struct work *w, const struct spread *s)
{
	size_t qq = w->q * w->q;
	struct spread own = *s;
	memset(w->loose_logs, 0, w->nr * sizeof *w->loose_logs);
	for (size_t i = 0; i < w->p->nlives; i++) {
		const struct panel_life *l = &w->p->life[i];
		w->loose_logs[l->release] += evidence_eliminate(w->p, w->life + i * qq, evidence_life_spread(w->p, s, l, &own), w->loose + i * qq);
	}
	sum_releases(w->p, w->loose, w->sum);
}

/* The warm-ups of release r, and its part of w->grown. */
static void grown(struct work *w, struct spread *s, size_t r)
{
	size_t qq = w->q * w->q;
	double *g = w->grown + (r + 1) * qq, *base = w->base + r * qq;
	evidence_eliminate(w->p, w->sum + r * qq, work_release_spread(w, s, r), base);
	warm_find(w->p, &w->warm, base, s->warm, w->common_slope > 0, &w->warm_of[0][r]);
	warm_find(w->p, &w->warm, base, s->warm, true, &w->warm_of[1][r]);
	w->grown_logs[r + 1] = w->grown_logs[r] + w->loose_logs[r] + work_eliminate(w, s, r, true, w->sum + r * qq, w->q, g);
	for (size_t k = 0; k < qq; k++)
		g[k] += w->grown[r * qq + k];
}

/* Departures out of every release; their total; what is left without growth. */
void work_begin_spread(struct work *w, struct spread *s)
{
	size_t qq = w->q * w->q;
	w->none_logs = 0;
	memset(w->total, 0, qq * sizeof *w->total);
	memset(w->have, 0, sizeof w->have);
	loosen(w, s);
	for (size_t r = 0; r < w->nr; r++) {
		if (s->warm > 0)
			grown(w, s, r);
		w->base_logs[r] = w->loose_logs[r] + work_eliminate(w, s, r, false, w->sum + r * qq, w->q, w->base + r * qq);
		w->none_logs += w->base_logs[r];
		w->pre_base_logs[r + 1] = w->pre_base_logs[r] + w->base_logs[r];
		for (size_t k = 0; k < qq; k++) {
			w->total[k] += w->base[r * qq + k];
			w->pre_base[(r + 1) * qq + k] = w->total[k];
		}
	}
	common(w);
}
