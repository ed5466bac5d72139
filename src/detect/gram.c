/* What is done to Gram matrices of whitened columns: taking Gaussian effects out, and weighing one coefficient. */
#include "evidence.h"
#include "linalg.h"

#include <math.h>
#include <string.h>

double evidence_drop_direction(double *g, size_t q, const double *u, double precision)
{
	double gu[PANEL_MOST_COLUMNS], v = 0;
	for (size_t a = 0; a < q; a++) {
		gu[a] = 0;
		for (size_t b = 0; b < q; b++)
			gu[a] += g[a * q + b] * u[b];
		v += gu[a] * u[a];
	}
	double inv = 1 / (v + precision);
	for (size_t a = 0; a < q; a++)
		linalg_less(g + a * q, gu, gu[a] * inv, q);
	return .5 * log1p(v / precision);
}

void evidence_less_curve(const struct mc_panel *p, const double *curve, double *g, size_t w)
{
	size_t nc = panel_common(p);
	double yy = g[0];
	for (size_t a = 0; a < nc; a++) {
		yy -= 2 * curve[a] * g[1 + a];
		for (size_t b = 0; b < nc; b++)
			yy += curve[a] * curve[b] * g[(1 + a) * w + 1 + b];
	}
	for (size_t k = 1; k < w; k++) {
		double v = g[k];
		for (size_t a = 0; a < nc; a++)
			v -= curve[a] * g[(1 + a) * w + k];
		g[k] = g[k * w] = v;
	}
	g[0] = yy;
}

/* The same for any width: columns 1..ne of a w x w matrix. */
double evidence_eliminate_of(size_t ne, size_t w, const double *in, const struct spread *s, double *g)
{
	double l[PANEL_MOST_COLUMNS * PANEL_MOST_COLUMNS], y[PANEL_MOST_COLUMNS * PANEL_MOST_COLUMNS];
	struct linalg_logs logs = LINALG_NO_LOGS;
	for (size_t a = 0; a < ne; a++) {
		for (size_t b = 0; b <= a; b++)
			l[a * ne + b] = in[(1 + a) * w + 1 + b];
		l[a * ne + a] += 1 / (s->sd[1 + a] * s->sd[1 + a]);
		linalg_add_log(&logs, s->sd[1 + a]);
		memcpy(y + a * w, in + (1 + a) * w, w * sizeof *y);
	}
	double half = linalg_cholesky(l, ne, ne) + linalg_sum(&logs);
	linalg_forward(l, ne, ne, y, w);
	if (g != in)
		memcpy(g, in, w * w * sizeof *g);
	for (size_t k = 0; k < ne; k++)
		for (size_t a = 0; a < w; a++)
			linalg_less(g + a * w, y + k * w, y[k * w + a], a + 1);
	for (size_t a = 0; a < w; a++)
		for (size_t b = 0; b < a; b++)
			g[b * w + a] = g[a * w + b];
	return half;
}

double evidence_eliminate(const struct mc_panel *p, const double *in, const struct spread *s, double *g)
{
	return evidence_eliminate_of(p->ne, p->q, in, s, g);
}

void evidence_set_slopes(const struct mc_panel *p, struct spread *s, double sd)
{
	s->sd[p->iq] = s->sd[p->it] = sd;
}

const struct spread *evidence_life_spread(const struct mc_panel *p, const struct spread *s, const struct panel_life *l, struct spread *out)
{
	double sigma = sqrt(p->noise.var);
	for (size_t c = 1; c < p->it; c++)
		out->sd[c] = c <= p->ntau ? .5 * s->sd[c] : 1e-3 * sigma; /* load has its share taken out, the level its own spread */
	evidence_set_slopes(p, out, hypot(fmax(s->life, 1e-9) * sigma / l->seconds, s->own));
	return out;
}

void evidence_finish(double n, const struct score *s, struct mc_growth_fit *ret)
{
	*ret = (struct mc_growth_fit){ .log_evidence = -(double)INFINITY };
	if (!(s->info > 1e-9 * s->info_all) || !(s->num > 0) || !(s->info > 0))
		return;
	double z2 = s->num * s->num / s->info;
	/* of what is left the noise makes about n; much less is lost digits */
	double rest = fmax(s->yy - z2, .1 * n), z = sqrt(z2 / (rest / n));
	ret->slope = s->num / s->info;
	ret->slope_sd = sqrt(rest / n / s->info);
	ret->z = z;
	/* a prior that is flat in the log of the slope over e^8 has, at its peak, this Laplace integral */
	if (z > 1)
		ret->log_evidence = -.5 * n * log(rest / n) - s->logs - log(z) - 1.16;
}
