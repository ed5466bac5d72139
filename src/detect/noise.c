/* Noise of a life: white + two Ornstein-Uhlenbeck processes, as a state-space model, so a life costs linear time
 * and may have gaps (Durbin and Koopman, Time Series Analysis by State Space Methods, 2012, chapters 4 and 7).
 * Its shape is found by restricted likelihood (Patterson and Thompson, 1971) on a small grid. */
#include "linalg.h"
#include "panel.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { FIT_LIVES = 32 };
/* A life of fewer rows than this for each column can't be measured by itself; how much is known beforehand of the noise of a release, in rows. */
enum { SHORT = 2 };
static const double SURE = 10;

/* One fast and one slow process, seen through means over bins. x1: the fast one at the end of the bin before. */
struct filter {
	double x1[PANEL_MOST_COLUMNS], x2[PANEL_MOST_COLUMNS]; /* a column */
	double p11, p12, p22;      /* their covariance */
	double k1, k2, a, scale, var; /* gains of this bin; weight of x1 in its mean; 1/sqrt(var) */
	double f2, gap2, f1, g, dur; /* what was worked out for the gap and duration last seen */
};

static void filter_start(struct filter *f, const struct mc_noise *noise)
{
	*f = (struct filter){ .p11 = (1 - noise->white) * (1 - noise->slow), .p22 = (1 - noise->white) * noise->slow, .gap2 = -1, .dur = -1 };
}

/* Lets time pass without a sample. */
static void decay(struct filter *f, const struct mc_noise *noise, double gap, double v1, size_t q)
{
	double f1 = exp(-gap / noise->tau_fast);
	f->p11 = f1 * f1 * f->p11 + v1 * (1 - f1 * f1);
	f->p12 *= f1;
	for (size_t c = 0; c < q; c++)
		f->x1[c] *= f1;
}

/* Moves to the next bin, and gets its gains. The mean of an Ornstein-Uhlenbeck process over a bin of length d is a x + e with
 * a = tau (1 - f) / d, f = exp(-d / tau); its stationary variance is V g, g = 2 (tau / d)^2 (d / tau - 1 + f), its covariance with
 * the process at the bin's end V a (integrate the covariance function). Means are smoother than samples: an AR(1) fitted
 * to them takes that for long memory. */
static void advance(struct filter *f, const struct mc_noise *noise, const struct panel_life *l, size_t i, size_t q)
{
	double v1 = (1 - noise->white) * (1 - noise->slow), v2 = (1 - noise->white) * noise->slow, d = fmax(l->dur[i], 1e-9);
	if (i) {
		double hole = l->gap[i] - (l->dur[i] + l->dur[i - 1]) / 2;
		if (hole > .05 * d)
			decay(f, noise, hole, v1, q);
		if (l->gap[i] != f->gap2) {
			f->f2 = v2 > 0 ? exp(-l->gap[i] / noise->tau_slow) : 0;
			f->gap2 = l->gap[i];
		}
	}
	if (d != f->dur) {
		double x = d / noise->tau_fast;
		f->dur = d;
		f->f1 = exp(-x);
		f->a = x > 1e-6 ? -expm1(-x) / x : 1;
		f->g = x > 1e-3 ? 2 * (x + expm1(-x)) / (x * x) : 1 - x / 3;
	}
	double f1 = f->f1, f2 = i ? f->f2 : 1, a = f->a;
	double mean = a * a * f->p11 + v1 * (f->g - a * a), end_mean = f1 * a * f->p11 + v1 * a * (1 - f1);
	double end = f1 * f1 * f->p11 + v1 * (1 - f1 * f1), slow = f2 * f2 * f->p22 + v2 * (1 - f2 * f2);
	double end_slow = f1 * f2 * f->p12, mean_slow = a * f2 * f->p12;
	f->var = mean + 2 * mean_slow + slow + noise->white * l->white[i] + 1e-6;
	f->k1 = (end_mean + end_slow) / f->var;
	f->k2 = (mean_slow + slow) / f->var;
	f->scale = 1 / sqrt(f->var);
	f->p11 = end - f->k1 * f->k1 * f->var;
	f->p12 = end_slow - f->k1 * f->k2 * f->var;
	f->p22 = slow - f->k2 * f->k2 * f->var;
	f->f2 = i ? f->f2 : 1;
}

/* Innovation of one bin's columns, in standard deviations; the state takes it in. */
static void innovate(struct filter *f, bool first, const double *m, size_t q, double *e)
{
	double f2 = first ? 1 : f->f2;
	for (size_t c = 0; c < q; c++) {
		double slow = f2 * f->x2[c], v = m[c] - f->a * f->x1[c] - slow;
		f->x1[c] = f->f1 * f->x1[c] + f->k1 * v;
		f->x2[c] = slow + f->k2 * v;
		e[c] = v * f->scale;
	}
}

double panel_whiten(const struct panel_life *l, const struct mc_noise *noise, const double *columns, size_t q, double *g)
{
	double e[PANEL_MOST_COLUMNS];
	struct linalg_logs logs = LINALG_NO_LOGS;
	struct filter f;
	filter_start(&f, noise);
	for (size_t i = 0; i < l->n; i++) {
		advance(&f, noise, l, i, q);
		innovate(&f, i == 0, columns + i * q, q, e);
		linalg_add_log(&logs, f.var);
		for (size_t a = 0; a < q; a++)
			linalg_less(g + a * q, e, -e[a], a + 1);
	}
	for (size_t a = 0; a < q; a++)
		for (size_t b = 0; b < a; b++)
			g[b * q + a] = g[a * q + b];
	return .5 * linalg_sum(&logs);
}

double panel_drop(double *g, size_t q, size_t u, double precision)
{
	double gu[PANEL_MOST_COLUMNS], v = g[u * q + u], inv = 1 / (v + precision);
	for (size_t a = 0; a < q; a++)
		gu[a] = g[a * q + u];
	for (size_t a = 0; a < q; a++)
		linalg_less(g + a * q, gu, gu[a] * inv, q);
	return .5 * log1p(v / precision);
}

/* ---- restricted likelihood ---- */
struct fit {
	const struct mc_panel *p;
	size_t nlives, q;           /* lives used; columns: y, curve and load, time, requests */
	const struct panel_life **life;
	double *columns;            /* of all lives used, n x q each */
	double *gram, *sum;         /* q x q a life; a release */
	size_t rows;
	double factor[FIT_LIVES];   /* of a life's variance: some are noisier than the rest */
};

static int longer(const void *a, const void *b)
{
	const struct panel_life *x = *(const struct panel_life *const *)a, *y = *(const struct panel_life *const *)b;
	return x->seconds != y->seconds ? (x->seconds < y->seconds) - (x->seconds > y->seconds) : (x > y) - (x < y);
}

static int fit_start(struct fit *f, const struct mc_panel *p, struct mc_error *err)
{
	*f = (struct fit){ .p = p, .q = p->if_ };
	f->life = mc_reallocarray(NULL, p->nlives + 1, sizeof *f->life);
	if (!f->life)
		return mc_nomem(err, "the noise");
	for (size_t i = 0; i < p->nlives; i++)
		f->life[i] = &p->life[i];
	qsort(f->life, p->nlives, sizeof *f->life, longer);
	f->nlives = p->nlives < FIT_LIVES ? p->nlives : FIT_LIVES;
	for (size_t i = 0; i < f->nlives; i++)
		f->rows += f->life[i]->n;
	f->columns = mc_reallocarray(NULL, f->rows * f->q + 1, sizeof *f->columns);
	f->gram = mc_reallocarray(NULL, (f->nlives + p->nreleases) * f->q * f->q + 1, sizeof *f->gram);
	if (!f->columns || !f->gram)
		return mc_nomem(err, "the noise");
	f->sum = f->gram + f->nlives * f->q * f->q;
	double *at = f->columns;
	for (size_t i = 0; i < f->nlives; i++)
		for (size_t k = 0; k < f->life[i]->n; k++, at += f->q) {
			memcpy(at, f->life[i]->m + k * p->q, f->q * sizeof *at);
			*at -= f->life[i]->late[k];
		}
	return 0;
}

static void fit_end(struct fit *f)
{
	free(f->life);
	free(f->columns);
	free(f->gram);
}

/* What is left of y once columns 1..nb of a q x q Gram matrix are fitted, each with a Gaussian prior; adds half the log determinant. */
static double without(const double *g, size_t q, size_t nb, double prior, double *logs)
{
	double h[PANEL_MOST_COLUMNS * PANEL_MOST_COLUMNS], u[PANEL_MOST_COLUMNS], rest = g[0];
	for (size_t a = 0; a < nb; a++) {
		u[a] = g[(1 + a) * q];
		for (size_t b = 0; b < nb; b++)
			h[a * nb + b] = g[(1 + a) * q + 1 + b];
		h[a * nb + a] += prior;
	}
	*logs += linalg_cholesky(h, nb, nb);
	linalg_forward(h, nb, nb, u, 1);
	for (size_t a = 0; a < nb; a++)
		rest -= u[a] * u[a];
	return rest;
}

/* The restricted log likelihood at this shape, with the variance `var`; *quad its quadratic form. Levels and slopes are Gaussian effects with
 * determinants of their own, so every row counts in that of the noise: with one less a life, shapes of more variance would be preferred. */
static double at_variance(struct fit *f, double var, double half_logs, double *quad, size_t *nreleases)
{
	const struct mc_panel *p = f->p;
	size_t q = f->q, nb = panel_common(p);
	double life = fmax(p->life_seconds, p->bin), prior_slope = 1 / pow(.3 * p->height / life, 2), prior = 1 / pow(.3 * p->height, 2);
	double logs = half_logs, qf = 0;
	double g[PANEL_MOST_COLUMNS * PANEL_MOST_COLUMNS];
	memset(f->sum, 0, p->nreleases * q * q * sizeof *f->sum);
	for (size_t i = 0; i < f->nlives; i++) {
		double *sum = f->sum + f->life[i]->release * q * q;
		for (size_t k = 0; k < q * q; k++)
			g[k] = f->gram[i * q * q + k] / (var * f->factor[i]);
		logs += .5 * (double)f->life[i]->n * log(f->factor[i]);
		logs += panel_drop(g, q, p->il, 1 / pow(p->height, 2));
		logs += panel_drop(g, q, p->it, prior_slope);
		if (p->has_requests)
			logs += panel_drop(g, q, p->iq, prior_slope);
		for (size_t k = 0; k < q * q; k++)
			sum[k] += g[k];
	}
	*nreleases = 0;
	for (size_t r = 0; r < p->nreleases; r++) {
		const double *sum = f->sum + r * q * q;
		if (sum[0] <= 0)
			continue;
		++*nreleases;
		qf += without(sum, q, nb, prior, &logs);
	}
	*quad = qf;
	return -.5 * qf - .5 * (double)f->rows * log(var) - logs;
}

/* Variance of what is left of one life by itself: own level, curve, load and growth taken out. */
static double own_variance(const struct fit *f, size_t i)
{
	size_t q = f->q, nx = q - 1;
	double h[PANEL_MOST_COLUMNS * PANEL_MOST_COLUMNS], u[PANEL_MOST_COLUMNS];
	const double *g = f->gram + i * q * q;
	double yy = g[0], dof = (double)f->life[i]->n - 2;
	for (size_t a = 0; a < nx; a++) {
		u[a] = g[1 + a];
		for (size_t b = 0; b < nx; b++)
			h[a * nx + b] = g[(1 + a) * q + 1 + b];
		h[a * nx + a] += 1e-7 * h[a * nx + a] + 1e-12; /* columns may be alike */
	}
	linalg_cholesky(h, nx, nx);
	linalg_forward(h, nx, nx, u, 1);
	for (size_t a = 0; a < nx; a++)
		yy -= u[a] * u[a];
	return fmax(yy, 0) / fmax(dof - .6 * (double)(nx - 2), .3 * dof + 1);
}

/* The usual life sets the variance; noisier ones count for less, so one bad life does not hide growth in the others. */
static double set_factors(struct fit *f)
{
	double v[FIT_LIVES], s[FIT_LIVES];
	for (size_t i = 0; i < f->nlives; i++)
		s[i] = v[i] = own_variance(f, i);
	double mid = fmax(mc_median(s, f->nlives), f->p->quantum);
	for (size_t i = 0; i < f->nlives; i++)
		f->factor[i] = v[i] > 2 * mid ? v[i] / mid / 1.5 : 1;
	return mid;
}

static double likelihood(struct fit *f, struct mc_noise *noise)
{
	double half_logs = 0, ll = 0;
	size_t q = f->q;
	const double *at = f->columns;
	memset(f->gram, 0, f->nlives * q * q * sizeof *f->gram);
	for (size_t i = 0; i < f->nlives; i++) {
		half_logs += panel_whiten(f->life[i], noise, at, q, f->gram + i * q * q);
		at += f->life[i]->n * q;
	}
	double var = set_factors(f);
	for (int turn = 0; turn < 2; turn++) {
		double quad;
		size_t nr;
		ll = at_variance(f, var, half_logs, &quad, &nr);
		double m = (double)(f->rows - f->nlives);
		double dof = fmax(m - 2 * (double)f->nlives - .7 * (double)(nr * panel_common(f->p)), .3 * m);
		var = fmax(var * fmax(quad, 1e-9) / fmax(dof, 1), f->p->quantum);
	}
	noise->var = var;
	return ll;
}

/* Tries each of the values for the parameter at `at`, the others as they are; keeps the best. True where it moved. */
static bool try_values(struct fit *f, struct mc_noise *best, double *best_ll, size_t offset, const double *values, size_t n)
{
	bool moved = false;
	for (size_t i = 0; i < n; i++) {
		struct mc_noise x = *best;
		double *v = (double *)(void *)((char *)&x + offset);
		if (*v == values[i])
			continue;
		*v = values[i];
		double ll = likelihood(f, &x);
		if (ll > *best_ll) {
			*best_ll = ll;
			*best = x;
			moved = true;
		}
	}
	return moved;
}

static void search(struct fit *f, struct mc_noise *best)
{
	double bin = f->p->bin, longest = f->life[0]->seconds;
	double fast[] = { .5 * bin, 1.5 * bin, 4.5 * bin, 13.5 * bin, 40 * bin };
	double slow[] = { fmax(longest / 8, 8 * bin), fmax(longest / 2.5, 10 * bin), fmax(longest, 12 * bin) };
	double share[] = { 0, .15, .35, .6 }, white[] = { 0, .005, .03, .12, .4 };
	*best = (struct mc_noise){ .tau_fast = fast[2], .tau_slow = slow[1], .slow = share[1], .white = white[2] };
	double ll = likelihood(f, best);
	for (int sweep = 0; sweep < 2; sweep++) {
		bool moved = try_values(f, best, &ll, offsetof(struct mc_noise, tau_fast), fast, 5);
		moved |= try_values(f, best, &ll, offsetof(struct mc_noise, slow), share, 4);
		if (best->slow > 0)
			moved |= try_values(f, best, &ll, offsetof(struct mc_noise, tau_slow), slow, 3);
		moved |= try_values(f, best, &ll, offsetof(struct mc_noise, white), white, 5);
		if (!moved)
			break;
	}
}

/* How much noisier than usual a life is; lives that were not used for the fit are measured the same way. */
static double factor_of(const struct mc_panel *p, const double *g, size_t n)
{
	struct fit one = { .p = p, .nlives = 1, .q = p->if_ };
	struct panel_life l = { .n = n };
	const struct panel_life *life = &l;
	double small[PANEL_MOST_COLUMNS * PANEL_MOST_COLUMNS] = { 0 };
	for (size_t a = 0; a < one.q; a++)
		memcpy(small + a * one.q, g + a * p->q, one.q * sizeof *small);
	one.life = &life;
	one.gram = small;
	double k = own_variance(&one, 0) / p->noise.var;
	return k > 2 && n >= 12 ? k / 1.5 : 1;
}

/* How much noisier than usual the short lives of a release are, by what is left of them about a curve of their own, each with its own level
 * and slopes: too short to be measured one by one. */
static double short_lives_factor(const struct mc_panel *p, size_t release)
{
	size_t q = p->if_, nb = panel_common(p), rows = 0, lives = 0;
	double life = fmax(p->life_seconds, p->bin), prior_slope = 1 / pow(.3 * p->height / life, 2), prior = 1 / pow(.3 * p->height, 2);
	double sum[PANEL_MOST_COLUMNS * PANEL_MOST_COLUMNS] = { 0 }, g[PANEL_MOST_COLUMNS * PANEL_MOST_COLUMNS];
	for (size_t i = 0; i < p->nlives; i++) {
		if (p->life[i].release != release || p->life[i].n > SHORT * q)
			continue;
		for (size_t a = 0; a < q; a++)
			for (size_t b = 0; b < q; b++)
				g[a * q + b] = p->gram[i * p->q * p->q + a * p->q + b] / p->noise.var;
		panel_drop(g, q, p->il, 1 / pow(p->height, 2));
		panel_drop(g, q, p->it, prior_slope);
		if (p->has_requests)
			panel_drop(g, q, p->iq, prior_slope);
		for (size_t k = 0; k < q * q; k++)
			sum[k] += g[k];
		rows += p->life[i].n;
		lives++;
	}
	double dof = (double)rows - (p->has_requests ? 3 : 2) * (double)lives - .7 * (double)nb, logs = 0;
	if (dof < 8)
		return 1;
	double rest = without(sum, q, nb, prior, &logs);
	double k = (fmax(rest, 0) + SURE) / (dof + SURE);
	return k > 2 ? k / 1.5 : 1;
}

/* The Gram matrix of a life. sign -1: without what rises at its end, until it is called with 1. */
static void gram_of(struct mc_panel *p, size_t i, double sign)
{
	struct panel_life *l = &p->life[i];
	double *g = p->gram + i * p->q * p->q;
	bool rises = isfinite(l->hinge);
	for (size_t k = 0; rises && k < l->n; k++)
		l->m[k * p->q] += sign * l->late[k];
	if (!rises && sign > 0)
		return;
	memset(g, 0, p->q * p->q * sizeof *g);
	panel_whiten(l, &p->noise, l->m, p->q, g);
}

int panel_fit_noise(struct mc_panel *p, struct mc_error *err)
{
	struct fit f;
	int rc = fit_start(&f, p, err);
	if (rc == 0) {
		search(&f, &p->noise);
		p->level_sd = .1 * p->height + 3 * sqrt(p->noise.var);
		for (size_t i = 0; i < p->nlives; i++) {
			gram_of(p, i, -1);
			p->life[i].var = p->noise.var * factor_of(p, p->gram + i * p->q * p->q, p->life[i].n);
		}
		for (size_t r = 0; r < p->nreleases; r++) {
			double k = short_lives_factor(p, r);
			for (size_t i = 0; i < p->nlives; i++)
				if (p->life[i].release == r && p->life[i].n <= SHORT * p->if_)
					p->life[i].var = fmax(p->life[i].var, k * p->noise.var);
		}
		for (size_t i = 0; i < p->nlives; i++) {
			double *g = p->gram + i * p->q * p->q;
			gram_of(p, i, 1);
			for (size_t k = 0; k < p->q * p->q; k++)
				g[k] /= p->life[i].var;
			panel_drop(g, p->q, p->il, 1 / pow(p->level_sd, 2));
		}
	}
	fit_end(&f);
	return rc;
}

void panel_level(const struct mc_panel *p, const struct panel_life *l, const double *rest, double *level, double *var)
{
	struct filter f;
	double cy = 0, cc = 0, e[2];
	filter_start(&f, &p->noise);
	for (size_t i = 0; i < l->n; i++) {
		advance(&f, &p->noise, l, i, 2);
		innovate(&f, i == 0, (const double[]){ rest[i], 1 }, 2, e);
		cy += e[0] * e[1];
		cc += e[1] * e[1];
	}
	*level = cy / cc;
	*var = l->var / cc;
}
