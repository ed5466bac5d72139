/* Heights of releases at equal age and load, and how far they are known. What a release's warm-up and load do otherwise
 * than usual must not be taken for its height, so both are random effects of the release and, by half, of each life. There are
 * two ways for releases to differ in warm-up: all begin at their height and end at another, or the other way round; which
 * of the two, and how much they differ at all, the likelihood decides. */
#include "evidence.h"
#include "linalg.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* What load and covariates explain is known to about a half, and wrong in all releases alike. */
static const double DOUBT[MC_HEIGHT_SHARED] = { .5, .5 };
/* Share of what was not seen of a curve by which it may be wrong, at least. */
static const double LEAST_GUESS = .1;
/* Lives depart from their release by this share of what releases do; trends of both by so many deviations of the noise. */
static const double LIFE_SHARE = .15, TREND = 3;

struct mc_heights {
	const struct mc_panel *p;
	/* columns: what is left of y, the curve's parts, load and covariates, curve larger, curve slower, trend, level; what load explains, and
	 * covariates */
	size_t w, larger, slower, trend, level, shared;
	const struct mc_youth *youth;
	const double *offset; /* NaN: left out */
	double until;         /* later rows are left out */
	size_t rows;          /* that are looked at */
	double life_sd;
	double *settled, *birth; /* w x w a life: the curve's columns are 0 at full age; at birth */
};

/* Columns of the curve are 0 at full age; with the level added they are 0 at birth. */
static void from_birth(const struct mc_heights *h, double *g)
{
	const struct mc_panel *p = h->p;
	size_t w = h->w, il = h->level;
	double f[PANEL_MOST_COLUMNS] = { 0 };
	for (size_t k = 0; k < p->ntau; k++) {
		f[1 + k] = 1;
		f[h->larger] += p->curve[k];
	}
	for (size_t k = 1; k < w; k++)
		for (size_t a = 0; a < w; a++)
			g[k * w + a] += f[k] * g[il * w + a];
	for (size_t k = 1; k < w; k++)
		for (size_t a = 0; a < w; a++)
			g[a * w + k] += f[k] * g[a * w + il];
}

/* A life with one more row in front: its youth. The arrays are of most + 1 numbers. */
struct with_youth {
	struct panel_life l;
	double *work, *gap, *dur, *white;
};

/* One row: what is left of y without the common curve, and the columns, for a row m of the panel. */
static void fill_row(const struct mc_heights *h, const double *m, double middle, double *to)
{
	const struct mc_panel *p = h->p;
	size_t nc = panel_common(p);
	memcpy(to, m, h->larger * sizeof *to);
	to[0] -= p->curve[nc - 1];
	to[h->larger] = to[h->slower] = 0;
	to[h->trend] = m[p->it] - middle;
	to[h->level] = 1;
	to[h->shared] = to[h->shared + 1] = 0;
	for (size_t c = 0; c + 1 < nc; c++) {
		double v = p->curve[c] * m[1 + c];
		to[0] -= v;
		if (c >= p->ntau)
			to[h->shared + (c >= p->ntau + p->nload)] += v;
	}
	for (size_t c = 0; c < p->ntau; c++) {
		to[h->larger] += p->curve[c] * m[1 + c];
		to[h->slower] -= m[1 + c] < 0 ? p->curve[c] * m[1 + c] * log(-m[1 + c]) : 0;
	}
}

/* Puts the youth before the other rows: bins may be longer than the warm-up takes. */
static void add_youth(const struct mc_heights *h, const struct panel_life *l, const struct mc_youth *young, double middle, struct with_youth *y)
{
	const struct mc_panel *p = h->p;
	double m[PANEL_MOST_COLUMNS];
	memcpy(m, l->m, p->q * sizeof *m);
	m[0] = young->y - p->level;
	for (size_t k = 0; k < p->ntau; k++)
		m[1 + k] = -exp(-young->age / p->tau[k]);
	m[p->it] = l->m[p->it] - l->dur[0] / 2;
	fill_row(h, m, middle, y->work);
	memcpy(y->gap + 1, l->gap, l->n * sizeof *y->gap);
	memcpy(y->dur + 1, l->dur, l->n * sizeof *y->dur);
	memcpy(y->white + 1, l->white, l->n * sizeof *y->white);
	y->gap[0] = 0;
	y->gap[1] = fmax(l->dur[0] / 2, 1e-9);
	y->dur[0] = young->seconds;
	y->white[0] = 2;
	y->l.n++;
	y->l.gap = y->gap;
	y->l.dur = y->dur;
	y->l.white = y->white;
}

/* First rows of a life that was there before all that was seen: what load led up to them is not known. At most a quarter. */
static size_t without_load(const struct mc_panel *p, const struct panel_life *l)
{
	size_t k = 0;
	while (p->nload && k < l->n / 4 && l->t[k] < p->t0 + 4 * p->bin)
		k++;
	return k;
}

/* Rows of a life that are looked at. */
static size_t rows_of(const struct mc_heights *h, size_t i)
{
	const struct panel_life *l = &h->p->life[i];
	size_t n = l->n;
	while (n > 0 && l->t[n - 1] >= h->until)
		n--;
	return n;
}

static bool looked_at(const struct mc_heights *h, size_t i)
{
	return isfinite(h->offset[i]) && rows_of(h, i) > 0;
}

static void life_gram(struct mc_heights *h, size_t i, double offset, const struct mc_youth *young, struct with_youth *y)
{
	const struct panel_life *l = &h->p->life[i];
	size_t w = h->w, first = isfinite(young->y), n = rows_of(h, i);
	double *settled = h->settled + i * w * w, *birth = h->birth + i * w * w;
	double middle = (l->m[h->p->it] + l->m[(n - 1) * h->p->q + h->p->it]) / 2;
	y->l = *l;
	y->l.n = n;
	size_t skip = first ? 0 : without_load(h->p, &y->l);
	if (first)
		add_youth(h, l, young, middle, y);
	y->l.n -= skip;
	h->rows += y->l.n;
	y->l.gap += skip;
	y->l.dur += skip;
	y->l.white += skip;
	for (size_t k = skip; k < n; k++)
		fill_row(h, l->m + k * h->p->q, middle, y->work + (k - skip + first) * w);
	for (size_t k = 0; k < y->l.n; k++)
		y->work[k * w] -= offset;
	panel_whiten(&y->l, &h->p->noise, y->work, w, settled);
	for (size_t k = 0; k < w * w; k++)
		settled[k] /= l->var;
	memcpy(birth, settled, w * w * sizeof *birth);
	from_birth(h, birth);
}

int mc_heights_new(const struct mc_panel *p, const double *offset, const struct mc_youth *youth, double life_sd, double until, struct mc_heights **ret,
	struct mc_error *err)
{
	struct mc_heights *h = calloc(1, sizeof *h);
	size_t most = 1;
	if (!h)
		return mc_nomem(err, "the heights");
	*h = (struct mc_heights){ .p = p, .w = p->il + 4 + MC_HEIGHT_SHARED, .larger = p->il, .slower = p->il + 1, .trend = p->il + 2, .level = p->il + 3,
		.shared = p->il + 4, .youth = youth, .offset = offset, .until = until, .life_sd = fmax(life_sd, 1e-3 * sqrt(p->noise.var)) };
	for (size_t i = 0; i < p->nlives; i++)
		most = p->life[i].n + 1 > most ? p->life[i].n + 1 : most;
	double *work = mc_reallocarray(NULL, most * (h->w + 3), sizeof *work);
	h->settled = calloc(2 * p->nlives * h->w * h->w + 1, sizeof *h->settled);
	if (!work || !h->settled) {
		free(work);
		mc_heights_free(h);
		return mc_nomem(err, "the heights");
	}
	h->birth = h->settled + p->nlives * h->w * h->w;
	struct with_youth y = { .work = work, .gap = work + most * h->w, .dur = work + most * (h->w + 1), .white = work + most * (h->w + 2) };
	for (size_t i = 0; i < p->nlives; i++)
		if (looked_at(h, i))
			life_gram(h, i, offset[i], &youth[i], &y);
	free(work);
	*ret = h;
	return 0;
}

void mc_heights_free(struct mc_heights *h)
{
	if (!h)
		return;
	free(h->settled);
	free(h);
}

/* One standard deviation of a release's departure from the common curve and load. */
static void set_spread(const struct mc_heights *h, double curve, struct spread *s)
{
	const struct mc_panel *p = h->p;
	double sigma = sqrt(p->noise.var), load = 0;
	for (size_t i = 0; i < p->ntau; i++) {
		double v = fabs(p->curve[i]), weight = 1;
		if (i > 0)
			v += .5 * fabs(p->curve[i - 1]), weight += .5;
		if (i + 1 < p->ntau)
			v += .5 * fabs(p->curve[i + 1]), weight += .5;
		s->sd[1 + i] = curve * (.3 * v / weight + .3 * sigma);
	}
	for (size_t i = 0; i < p->nload; i++)
		load += fabs(p->curve[p->ntau + i]);
	for (size_t i = 0; i + 1 < p->nx; i++)
		s->sd[1 + p->ntau + i] = .3 * (i < p->nload ? load / sqrt(3) : fabs(p->curve[p->ntau + i])) + 1e-3 * sigma;
	s->sd[h->larger] = s->sd[h->slower] = curve;
	s->sd[h->trend] = TREND * sigma / p->life_seconds;
}

/* How much of the curve the release did not show: before its lives were first seen (heights at birth), or after the oldest row. */
static double unseen(const struct mc_heights *h, size_t r, enum mc_height kind)
{
	const struct mc_panel *p = h->p;
	double young = (double)INFINITY, old = 0, tau = p->tau[p->ntau - 1];
	for (size_t i = 0; i < p->nlives; i++) {
		const struct panel_life *l = &p->life[i];
		if (l->release != r || !looked_at(h, i))
			continue;
		/* the column of the slowest scale is -exp(-age / tau) */
		young = fmin(young, isfinite(h->youth[i].y) ? h->youth[i].age : -tau * log(-l->m[p->ntau]));
		old = fmax(old, -tau * log(-l->m[(rows_of(h, i) - 1) * p->q + p->ntau]));
	}
	return kind == MC_HEIGHT_BIRTH ? mc_panel_curve(p, 0, young) : mc_panel_curve(p, old, (double)INFINITY);
}

/* What covariates explain of the release's height, beyond what they do of the lowest: what a thread brings is known to
 * a half or so, and not the same in every release. */
static double explained(const struct mc_heights *h, size_t r)
{
	const struct mc_panel *p = h->p;
	double least = (double)INFINITY, sum = 0, n = 0;
	for (size_t i = 0; i < p->nlives; i++) {
		const struct panel_life *l = &p->life[i];
		double v = 0;
		for (size_t c = p->ntau + p->nload; c + 1 < panel_common(p); c++)
			v += p->curve[c] * l->m[(l->n - 1) * p->q + 1 + c];
		least = fmin(least, v);
		if (l->release == r) {
			sum += v;
			n++;
		}
	}
	return n > 0 ? sum / n - least : 0;
}

/* Sum over the release's lives with what is their own taken out; how many there are. */
static size_t sum_lives(const struct mc_heights *h, size_t r, const double *gram, const struct spread *of_release, double *sum, double *ll)
{
	const struct mc_panel *p = h->p;
	size_t w = h->w, ww = w * w, n = 0;
	double g[PANEL_MOST_COLUMNS * PANEL_MOST_COLUMNS];
	struct spread own = *of_release;
	for (size_t c = 1; c < h->level; c++)
		own.sd[c] *= c <= p->ntau || c >= h->larger ? LIFE_SHARE : 1;
	own.sd[h->level] = h->life_sd;
	memset(sum, 0, ww * sizeof *sum);
	for (size_t i = 0; i < p->nlives; i++) {
		if (p->life[i].release != r || !looked_at(h, i))
			continue;
		own.sd[h->trend] = TREND * sqrt(p->noise.var) / p->life[i].seconds;
		*ll -= evidence_eliminate_of(h->level, w, gram + i * ww, &own, g);
		for (size_t k = 0; k < ww; k++)
			sum[k] += g[k];
		n++;
	}
	return n;
}

/* Exchanges two columns of a w x w matrix. */
static void swap_columns(double *g, size_t w, size_t a, size_t b)
{
	for (size_t k = 0; k < w; k++) {
		double x = g[a * w + k];
		g[a * w + k] = g[b * w + k];
		g[b * w + k] = x;
	}
	for (size_t k = 0; k < w; k++) {
		double x = g[k * w + a];
		g[k * w + a] = g[k * w + b];
		g[k * w + b] = x;
	}
}

/* What all releases say of the shared errors, beside their heights: score and information; what is known beforehand included. */
struct doubt {
	double score[MC_HEIGHT_SHARED], info[MC_HEIGHT_SHARED * MC_HEIGHT_SHARED];
};

/* One release's height, its variance, how the shared errors move it; what they say of it besides is added to d, what no term explains to rest.
 * Log likelihood. */
static double one_height(const struct mc_heights *h, const double *g, double unit, double *level, double *var, double *move, struct doubt *d, double *rest)
{
	size_t w = h->w, il = h->level;
	double info = fmax(g[il * w + il], 1e-12), y = g[il];
	*level = y / info * unit;
	*var = unit * unit / info;
	for (size_t k = 0; k < MC_HEIGHT_SHARED; k++) {
		const double *u = g + (h->shared + k) * w;
		move[k] = -u[il] / info * unit * DOUBT[k];
		d->score[k] += (u[0] - u[il] * y / info) * DOUBT[k];
		for (size_t m = 0; m < MC_HEIGHT_SHARED; m++)
			d->info[k * MC_HEIGHT_SHARED + m] += (u[h->shared + m] - u[il] * g[(h->shared + m) * w + il] / info) * DOUBT[k] * DOUBT[m];
	}
	*rest += g[0] - y * y / info;
	return -.5 * (g[0] - y * y / info) + .5 * log(*var);
}

/* Heights with the likeliest shared errors, and how one standard deviation of what is left of each moves them. Log likelihood. */
static double settle_doubt(const struct mc_panel *p, struct doubt *d, double *level, double *shared)
{
	double ll = -linalg_cholesky(d->info, MC_HEIGHT_SHARED, MC_HEIGHT_SHARED), *b = d->score;
	linalg_forward(d->info, MC_HEIGHT_SHARED, MC_HEIGHT_SHARED, b, 1);
	for (size_t k = 0; k < MC_HEIGHT_SHARED; k++)
		ll += .5 * b[k] * b[k];
	for (size_t r = 0; r < p->nreleases; r++) {
		double *move = shared + r * MC_HEIGHT_SHARED;
		linalg_forward(d->info, MC_HEIGHT_SHARED, MC_HEIGHT_SHARED, move, 1);
		for (size_t k = 0; k < MC_HEIGHT_SHARED; k++)
			level[r] += move[k] * b[k];
	}
	return ll;
}

double mc_heights_of(const struct mc_heights *h, enum mc_height kind, double spread, double *level, double *var, double *shared, double *rest)
{
	const struct mc_panel *p = h->p;
	size_t w = h->w;
	double g[PANEL_MOST_COLUMNS * PANEL_MOST_COLUMNS], sum[PANEL_MOST_COLUMNS * PANEL_MOST_COLUMNS], ll = 0;
	double unit = kind == MC_HEIGHT_RISE ? fmax(mc_panel_curve(p, 0, (double)INFINITY), 1e-6 * sqrt(p->noise.var)) : 1;
	struct spread s = { .sd = { 1 } };
	struct doubt d = { .info = { 1, 0, 0, 1 } };
	set_spread(h, spread, &s);
	struct spread left = s; /* what is taken out besides */
	if (kind == MC_HEIGHT_RISE)
		left.sd[h->larger] = sqrt(p->noise.var); /* where the level stands then */
	*rest = 0;
	memset(shared, 0, p->nreleases * MC_HEIGHT_SHARED * sizeof *shared);
	for (size_t r = 0; r < p->nreleases; r++) {
		level[r] = (double)NAN;
		var[r] = (double)INFINITY;
		if (sum_lives(h, r, kind == MC_HEIGHT_SETTLED ? h->settled : h->birth, &s, sum, &ll) == 0)
			continue;
		if (kind == MC_HEIGHT_RISE)
			swap_columns(sum, w, h->larger, h->level);
		ll -= evidence_eliminate_of(h->level - 1, w, sum, &left, g);
		ll += one_height(h, g, unit, &level[r], &var[r], shared + r * MC_HEIGHT_SHARED, &d, rest);
		/* a curve reckoned to where nothing was seen is a guess; `spread` of it is in the variance already */
		var[r] += fmax(LEAST_GUESS * LEAST_GUESS - spread * spread, 0) * pow(unseen(h, r, kind), 2) + pow(.5 * explained(h, r), 2);
	}
	*rest /= (double)h->rows;
	return ll + settle_doubt(p, &d, level, shared);
}

void mc_heights_noisier(struct mc_heights *h, double factor)
{
	size_t n = 2 * h->p->nlives * h->w * h->w;
	for (size_t i = 0; i < n; i++)
		h->settled[i] /= factor;
}
