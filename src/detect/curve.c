/* The common curve of age and load, beside a free slope of each release: nobody's growth enters the curve.
 * Slow parts of the curve and the slopes are held non-negative. With both signs free a slow rise and a falling line
 * cancel, the curve's size is then arbitrary, and since departures from it are proportional to its size every
 * growth would be explained away. */
#include "evidence.h"
#include "linalg.h"

#include <math.h>
#include <string.h>

/* The curve given which releases have slopes above 0; slopes are eliminated. */
static void curve_given(const struct mc_panel *p, const double *sum, const double *total, size_t h, const bool *grows, double *c)
{
	size_t q = p->q, nc = panel_common(p);
	double a[LINALG_QP_MOST * LINALG_QP_MOST], g[LINALG_QP_MOST];
	bool bound[LINALG_QP_MOST] = { false };
	double prior = 1 / pow(.3 * p->height, 2), prior_slope = 1 / pow(.3 * p->height / p->life_seconds, 2);
	for (size_t i = 0; i < nc; i++) {
		g[i] = total[(1 + i) * q];
		for (size_t k = 0; k < nc; k++)
			a[i * nc + k] = total[(1 + i) * q + 1 + k];
		a[i * nc + i] += prior;
		bound[i] = i < p->ntau ? p->tau[i] >= .1 * p->life_seconds : i >= p->ntau + p->nload && i + 1 < nc;
	}
	for (size_t r = 0; r < p->nreleases; r++) {
		const double *s = sum + r * q * q;
		double d = s[h * q + h] + prior_slope;
		if (!grows[r])
			continue;
		for (size_t i = 0; i < nc; i++) {
			double f = s[(1 + i) * q + h] / d;
			g[i] -= f * s[h];
			for (size_t k = 0; k < nc; k++)
				a[i * nc + k] -= f * s[(1 + k) * q + h];
		}
	}
	linalg_bounded(a, g, nc, bound, c);
}

void curve_fit(const struct mc_panel *p, const double *sum, const double *total, size_t h, double *c, double *slope)
{
	size_t q = p->q, nc = panel_common(p);
	double prior_slope = 1 / pow(.3 * p->height / p->life_seconds, 2);
	bool grows[MC_PANEL_RELEASES];
	for (size_t r = 0; r < p->nreleases; r++)
		grows[r] = sum[r * q * q + h * q + h] > 0;
	for (int turn = 0; turn < 20; turn++) {
		bool changed = false;
		curve_given(p, sum, total, h, grows, c);
		for (size_t r = 0; r < p->nreleases; r++) {
			const double *s = sum + r * q * q;
			double v = s[h];
			for (size_t i = 0; i < nc; i++)
				v -= s[(1 + i) * q + h] * c[i];
			slope[r] = fmax(v, 0) / (s[h * q + h] + prior_slope);
			bool now = v > 0 && s[h * q + h] > 0;
			/* at last a release that was let go stays so: that ends */
			if (grows[r] && !now)
				changed = true, grows[r] = false;
			else if (!grows[r] && now && turn < 3)
				changed = true, grows[r] = true;
		}
		if (!changed)
			break;
	}
}
