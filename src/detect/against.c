/* One growth against everything common: the small linear algebra of evidence.c. */
#include "work.h"

#include <string.h>

void against_nothing(struct against *g, size_t n)
{
	g->n = n;
	g->info = 0;
	memset(g->m, 0, n * n * sizeof *g->m);
	memset(g->x, 0, n * sizeof *g->x);
}

void against_add(struct against *g, const double *from, size_t q, double f)
{
	for (size_t a = 0; a < g->n; a++)
		linalg_less(g->m + a * g->n, from + a * q, -f, a + 1);
}

void against_add_column(struct against *g, const double *from, size_t q, size_t col, double f)
{
	for (size_t a = 0; a < g->n; a++)
		g->x[a] += f * from[a * q + col];
	g->info += f * from[col * q + col];
}

void against_weigh(const struct work *w, struct against *g, double logs, struct mc_growth_fit *f)
{
	size_t nc = w->nc;
	double l[LINALG_QP_MOST * LINALG_QP_MOST], u[LINALG_QP_MOST * 2];
	for (size_t a = 0; a < nc; a++) {
		memcpy(l + a * nc, g->m + (1 + a) * g->n + 1, (a + 1) * sizeof *l);
		l[a * nc + a] += w->precision[a];
		u[2 * a] = g->m[(1 + a) * g->n];
		u[2 * a + 1] = g->x[1 + a];
	}
	logs += linalg_cholesky(l, nc, nc);
	linalg_forward(l, nc, nc, u, 2);
	struct score s = { .yy = g->m[0], .num = g->x[0], .info = g->info, .info_all = g->info, .logs = logs };
	for (size_t a = 0; a < nc; a++) {
		s.yy -= u[2 * a] * u[2 * a];
		s.num -= u[2 * a] * u[2 * a + 1];
		s.info -= u[2 * a + 1] * u[2 * a + 1];
	}
	evidence_finish(w->n, &s, f);
	f->log_evidence += w->log_weight;
}
