/* Noise of a life: white + two Ornstein-Uhlenbeck processes, as a state-space model, so a life costs linear time
 * and may have gaps (Durbin and Koopman, Time Series Analysis by State Space Methods, 2012, chapters 4 and 7).
 * Its shape is found by restricted likelihood (Patterson and Thompson, 1971) on a small grid. */
#include "linalg.h"
#include "panel.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { FIT_LIVES = 32 };

struct filter {
	double x1[PANEL_MOST_COLUMNS + 1], x2[PANEL_MOST_COLUMNS + 1]; /* predicted fast and slow state a column */
	double p11, p12, p22;
	double f1, f2, gap; /* decay over the gap last seen */
};

/* Moves the state over a gap. */
static void predict(struct filter *f, const struct mc_noise *noise, double gap, double v1, double v2, size_t q)
{
	if (gap != f->gap) {
		f->f1 = exp(-gap / noise->tau_fast);
		f->f2 = noise->slow > 0 ? exp(-gap / noise->tau_slow) : 0;
		f->gap = gap;
	}
	double f1 = f->f1, f2 = f->f2;
	f->p11 = f1 * f1 * f->p11 + v1 * (1 - f1 * f1);
	f->p12 *= f1 * f2;
	f->p22 = f2 * f2 * f->p22 + v2 * (1 - f2 * f2);
	for (size_t c = 0; c < q; c++) {
		f->x1[c] *= f1;
		f->x2[c] *= f2;
	}
}

/* Own level out of the Gram matrix of q columns and, last, the constant. */
static double take_level(const double *full, size_t q, double *g)
{
	size_t w = q + 1;
	double cc = full[q * w + q];
	for (size_t a = 0; a < q; a++)
		for (size_t b = 0; b <= a; b++) {
			double v = full[a * w + b] - full[q * w + a] * full[q * w + b] / cc;
			g[a * q + b] += v;
			if (a != b)
				g[b * q + a] += v;
		}
	return .5 * log(cc);
}

double panel_whiten(const struct panel_life *l, const struct mc_noise *noise, const double *columns, size_t q, double *g)
{
	double full[(PANEL_MOST_COLUMNS + 1) * (PANEL_MOST_COLUMNS + 1)] = { 0 }, e[PANEL_MOST_COLUMNS + 1];
	double v1 = (1 - noise->white) * (1 - noise->slow), v2 = (1 - noise->white) * noise->slow, logs = 0;
	struct filter f = { .p11 = v1, .p22 = v2, .gap = -1 };
	size_t w = q + 1;
	for (size_t i = 0; i < l->n; i++) {
		if (i)
			predict(&f, noise, l->gap[i], v1, v2, w);
		double var = f.p11 + 2 * f.p12 + f.p22 + noise->white * l->white[i] + 1e-6;
		double k1 = (f.p11 + f.p12) / var, k2 = (f.p12 + f.p22) / var, scale = 1 / sqrt(var);
		const double *m = columns + i * q;
		for (size_t c = 0; c < q; c++)
			e[c] = m[c] - f.x1[c] - f.x2[c];
		e[q] = 1 - f.x1[q] - f.x2[q];
		for (size_t c = 0; c < w; c++) {
			f.x1[c] += k1 * e[c];
			f.x2[c] += k2 * e[c];
			e[c] *= scale;
		}
		f.p11 -= k1 * k1 * var;
		f.p12 -= k1 * k2 * var;
		f.p22 -= k2 * k2 * var;
		logs += .5 * log(var);
		for (size_t a = 0; a < w; a++)
			for (size_t b = 0; b <= a; b++)
				full[a * w + b] += e[a] * e[b];
	}
	return logs + take_level(full, q, g);
}

double panel_drop(double *g, size_t q, size_t u, double precision)
{
	double gu[PANEL_MOST_COLUMNS], v = g[u * q + u], inv = 1 / (v + precision);
	for (size_t a = 0; a < q; a++)
		gu[a] = g[a * q + u];
	for (size_t a = 0; a < q; a++) {
		double k = gu[a] * inv;
		for (size_t b = 0; b < q; b++)
			g[a * q + b] -= k * gu[b];
	}
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
	double var;                 /* start value, carried from one setting to the next */
};

static int longer(const void *a, const void *b)
{
	const struct panel_life *x = *(const struct panel_life *const *)a, *y = *(const struct panel_life *const *)b;
	return x->seconds != y->seconds ? (x->seconds < y->seconds) - (x->seconds > y->seconds) : (x > y) - (x < y);
}

static int fit_start(struct fit *f, const struct mc_panel *p, struct mc_error *err)
{
	*f = (struct fit){ .p = p, .q = p->is };
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
		for (size_t k = 0; k < f->life[i]->n; k++, at += f->q)
			memcpy(at, f->life[i]->m + k * p->q, f->q * sizeof *at);
	return 0;
}

static void fit_end(struct fit *f)
{
	free(f->life);
	free(f->columns);
	free(f->gram);
}

/* Minus twice nothing: the restricted log likelihood at this shape, with the variance `var`; *quad its quadratic form. */
static double at_variance(struct fit *f, double var, double half_logs, double *quad, size_t *nreleases)
{
	const struct mc_panel *p = f->p;
	size_t q = f->q, nb = panel_common(p);
	double life = fmax(p->life_seconds, p->bin), prior_slope = 1 / pow(.3 * p->level / life, 2), prior = 1 / pow(.3 * p->level, 2);
	double logs = half_logs, m = (double)(f->rows - f->nlives), qf = 0;
	double g[PANEL_MOST_COLUMNS * PANEL_MOST_COLUMNS], h[PANEL_MOST_COLUMNS * PANEL_MOST_COLUMNS], u[PANEL_MOST_COLUMNS];
	memset(f->sum, 0, p->nreleases * q * q * sizeof *f->sum);
	for (size_t i = 0; i < f->nlives; i++) {
		double *sum = f->sum + f->life[i]->release * q * q;
		for (size_t k = 0; k < q * q; k++)
			g[k] = f->gram[i * q * q + k] / var;
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
		for (size_t a = 0; a < nb; a++) {
			u[a] = sum[(1 + a) * q];
			for (size_t b = 0; b < nb; b++)
				h[a * nb + b] = sum[(1 + a) * q + 1 + b];
			h[a * nb + a] += prior;
		}
		logs += linalg_cholesky(h, nb, nb);
		linalg_forward(h, nb, nb, u, 1);
		qf += sum[0];
		for (size_t a = 0; a < nb; a++)
			qf -= u[a] * u[a];
	}
	*quad = qf;
	return -.5 * qf - .5 * m * log(var) - logs;
}

static double likelihood(struct fit *f, struct mc_noise *noise)
{
	double half_logs = 0, var = f->var, ll = 0;
	size_t q = f->q;
	const double *at = f->columns;
	memset(f->gram, 0, f->nlives * q * q * sizeof *f->gram);
	for (size_t i = 0; i < f->nlives; i++) {
		half_logs += panel_whiten(f->life[i], noise, at, q, f->gram + i * q * q);
		at += f->life[i]->n * q;
	}
	if (var <= 0) {
		double v[FIT_LIVES];
		for (size_t i = 0; i < f->nlives; i++)
			v[i] = f->gram[i * q * q];
		var = mc_median(v, f->nlives) / fmax(1, (double)f->rows / (double)f->nlives);
	}
	var = fmax(var, f->p->quantum);
	for (int turn = 0; turn < 2; turn++) {
		double quad;
		size_t nr;
		ll = at_variance(f, var, half_logs, &quad, &nr);
		double m = (double)(f->rows - f->nlives);
		double dof = fmax(m - 2 * (double)f->nlives - .7 * (double)(nr * panel_common(f->p)), .3 * m);
		var = fmax(var * fmax(quad, 1e-9) / fmax(dof, 1), f->p->quantum);
	}
	f->var = var;
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
	double fast[] = { 1.5 * bin, 4.5 * bin, 13.5 * bin, 40 * bin };
	double slow[] = { fmax(longest / 8, 8 * bin), fmax(longest / 2.5, 10 * bin), fmax(longest, 12 * bin) };
	double share[] = { 0, .15, .35, .6 }, white[] = { 0, .15, .4 };
	*best = (struct mc_noise){ .tau_fast = fast[1], .tau_slow = slow[1], .slow = share[1], .white = white[1] };
	double ll = likelihood(f, best);
	for (int sweep = 0; sweep < 2; sweep++) {
		bool moved = try_values(f, best, &ll, offsetof(struct mc_noise, tau_fast), fast, 4);
		moved |= try_values(f, best, &ll, offsetof(struct mc_noise, slow), share, 4);
		if (best->slow > 0)
			moved |= try_values(f, best, &ll, offsetof(struct mc_noise, tau_slow), slow, 3);
		moved |= try_values(f, best, &ll, offsetof(struct mc_noise, white), white, 3);
		if (!moved)
			break;
	}
}

int panel_fit_noise(struct mc_panel *p, struct mc_error *err)
{
	struct fit f;
	int rc = fit_start(&f, p, err);
	if (rc == 0) {
		search(&f, &p->noise);
		for (size_t i = 0; i < p->nlives; i++) {
			double *g = p->gram + i * p->q * p->q;
			panel_whiten(&p->life[i], &p->noise, p->life[i].m, p->q, g);
			for (size_t k = 0; k < p->q * p->q; k++)
				g[k] /= p->noise.var;
		}
	}
	fit_end(&f);
	return rc;
}

void panel_level(const struct mc_panel *p, const struct panel_life *l, const double *rest, double *level, double *var)
{
	const struct mc_noise *noise = &p->noise;
	double v1 = (1 - noise->white) * (1 - noise->slow), v2 = (1 - noise->white) * noise->slow, cy = 0, cc = 0;
	struct filter f = { .p11 = v1, .p22 = v2, .gap = -1 };
	for (size_t i = 0; i < l->n; i++) {
		if (i)
			predict(&f, noise, l->gap[i], v1, v2, 2);
		double v = f.p11 + 2 * f.p12 + f.p22 + noise->white * l->white[i] + 1e-6;
		double k1 = (f.p11 + f.p12) / v, k2 = (f.p12 + f.p22) / v;
		double e = rest[i] - f.x1[0] - f.x2[0], one = 1 - f.x1[1] - f.x2[1];
		f.x1[0] += k1 * e;
		f.x2[0] += k2 * e;
		f.x1[1] += k1 * one;
		f.x2[1] += k2 * one;
		f.p11 -= k1 * k1 * v;
		f.p12 -= k1 * k2 * v;
		f.p22 -= k2 * k2 * v;
		cy += e * one / v;
		cc += one * one / v;
	}
	*level = cy / cc;
	*var = noise->var / cc;
}
