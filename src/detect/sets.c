/* Suppositions whose lives do not scatter about their growth, by prefix sums over releases; and which of very many are worth more than that. */
#include "work.h"

#include <math.h>
#include <string.h>

/* All ends of a growth in 85 releases are so many suppositions; of more than that, what is weighed. */
enum { WEIGH_ALL = 3700, WEIGHED = 1800 };

void sets_prefix(struct work *w, size_t h)
{
	size_t q = w->q, nc = w->nc;
	for (size_t r = 0; r < w->nr; r++) {
		const double *g = w->base + r * q * q;
		double u[LINALG_QP_MOST], num = g[h];
		for (size_t a = 0; a < nc; a++)
			u[a] = g[(1 + a) * q + h];
		linalg_forward(w->l, nc, nc, u, 1);
		for (size_t a = 0; a < nc; a++) {
			num -= u[a] * w->uy[a];
			w->pre_u[(r + 1) * nc + a] = w->pre_u[r * nc + a] + u[a];
		}
		w->pre_num[r + 1] = w->pre_num[r] + num;
		w->pre_info[r + 1] = w->pre_info[r] + g[h * q + h];
	}
}

void sets_plain(const struct work *w, const struct mc_supposition *s, struct mc_growth_fit *f)
{
	size_t nc = w->nc;
	struct score x = { .yy = w->yy, .num = sets_over(w->pre_num, s), .info_all = sets_over(w->pre_info, s), .logs = w->none_logs };
	bool again = s->again_until > s->again;
	x.info = x.info_all;
	for (size_t a = 0; a < nc; a++) {
		double u = w->pre_u[s->until * nc + a] - w->pre_u[s->from * nc + a];
		if (again)
			u += w->pre_u[s->again_until * nc + a] - w->pre_u[s->again * nc + a];
		x.info -= u * u;
	}
	evidence_finish(w->n, &x, f);
	f->log_evidence += w->log_weight;
}

size_t sets_bounded_terms(const struct mc_panel *p)
{
	size_t n = 0;
	while (n < p->ntau && (n == 0 || p->tau[n] < p->life_seconds))
		n++;
	return n;
}

size_t sets_bounded_column(const struct mc_panel *p, size_t term)
{
	return term < sets_bounded_terms(p) ? 1 + term : p->ig;
}

int sets_cut(const double *v, size_t n, size_t k, double *ret, struct mc_error *err)
{
	*ret = -(double)INFINITY;
	if (n <= k)
		return 0;
	double *x = mc_reallocarray(NULL, n, sizeof *x);
	if (!x)
		return mc_nomem(err, "the evidence");
	memcpy(x, v, n * sizeof *x);
	*ret = robust_kth(x, n, n - 1 - k);
	free(x);
	return 0;
}

bool sets_are_many(const struct work *w)
{
	return w->nsets > WEIGH_ALL;
}

void sets_glance_begin(struct work *w)
{
	for (size_t i = 0; i < w->nsets; i++)
		w->glance[i] = -(double)INFINITY;
}

static void glance_along(struct work *w, size_t column)
{
	struct mc_growth_fit f;
	sets_prefix(w, column);
	for (size_t i = 0; i < w->nsets; i++) {
		sets_plain(w, &w->sets[i], &f);
		if (f.log_evidence > w->glance[i])
			w->glance[i] = f.log_evidence;
	}
}

void sets_glance(struct work *w)
{
	for (size_t k = 0; k < KINDS; k++)
		if (k != MC_GROWTH_REQUESTS || w->p->has_requests)
			glance_along(w, work_growth_column(w->p, (enum mc_growth)k));
	for (size_t k = 0; k <= sets_bounded_terms(w->p); k++)
		glance_along(w, sets_bounded_column(w->p, k));
}

int sets_choose(struct work *w, struct mc_error *err)
{
	double cut;
	int rc = sets_cut(w->glance, w->nsets, WEIGHED, &cut, err);
	w->nlook = 0;
	for (size_t i = 0; rc == 0 && i < w->nsets; i++)
		if (w->glance[i] > cut || w->sets[i].until == w->nr)
			w->look[w->nlook++] = i;
	return rc;
}
