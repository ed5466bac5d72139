/* A lasting step: the lives of later releases stand higher at equal age than those before. */
#include "judge.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* About one in six programs that are watched gets a higher level by some release. */
static const double PRIOR_STEP = .16;
/* Most stay. One release that stands out, and the next does not, is rather one of the oddities that programs have: so many nats. */
static const double STAYS = .85, ONE_RELEASE = 1.5;
/* A height at birth that shorter warm-ups take back, so that later releases stand lower by this many errors, is hardly a step: so many nats. */
static const double LOWER = 1.5, TAKEN_BACK = 3;
/* By how much of their size warm-ups may differ from release to release. */
enum { NSPREAD = 4 };
static const double SPREAD[NSPREAD] = { .03, .12, .4, 1.2 };
/* What is needed to start is mostly the same; what fills up later differs, and that it lastingly becomes more is less common. That warm-ups
 * differ by more than their size is seldom, and that they differ much and yet all end at one height is as well. */
static const double KIND[MC_HEIGHT_KINDS][NSPREAD] = { { .5, .5, .5, .1 }, { .07, .07, .07, .014 }, { .15, .15, .03, .006 } };
/* How much heights of releases differ anyway, in deviations of the noise; how much their warm-ups do, in parts of them. */
static const struct mc_drift OF_LEVELS = { { .25, .5, 1, 2, 4 }, { .25, .35, .25, .12, .03 } }, OF_RISES = { { .02, .06, .18, .4, .7 }, { .2, .2, .25, .25, .1 } };
/* Even a program without noise has this much of its height more or less in another release. */
static const double LEAST_DRIFT = .008;
/* The same where every release has one life only, so that nothing tells how much lives differ; and in parts of the noise. */
static const double LONE_DRIFT = .02, LONE_NOISE = 2;
/* What is left of a step that the load may explain; what is less likely is not looked at. */
static const double LEFT = .1, LEAST_DOUBTED = .01, MOST_OF = .5;
/* More than this is left without a term: the noise is taken for as much more, and all is reckoned again. */
static const double MISFIT = 1.2;
enum { NOISIER = 3 };
/* A jump of all lives at once is a step, and by a row that restarted nobody where there is one. */
static const double JUMP = .9;
/* With more releases than this only the likeliest ends of a step are looked at under every model of warm-up. */
enum { ALL_ENDS_MOST = 60, ENDS_LOOKED_AT = 9 };

/* Releases that have lives, with their heights under one model of how warm-ups differ. */
struct heights {
	size_t n, *release;
	double *level, *var, *shared;
	double sigma, rise, ll;
};

/* What a slot always stands higher by than its neighbours says nothing of a release: of each life, how far it is above its release's
 * median; of its slot, the median of that. *life_sd is how much lives differ besides; NaN: no release has lives to compare.
 * `work` has 2 numbers a life. */
static void slot_offsets(const struct judgement *j, const double *level, const double *var, double *offset, double *life_sd, double *work)
{
	size_t n = j->rows.nlives;
	double *above = work, *v = work + n, square = 0, known = 0, dof = 0;
	for (size_t i = 0; i < n; i++) {
		size_t k = 0;
		for (size_t o = 0; o < n; o++)
			if (j->rows.life[o].release == j->rows.life[i].release)
				v[k++] = level[o];
		above[i] = k > 1 ? level[i] - mc_median(v, k) : (double)NAN;
	}
	for (size_t i = 0; i < n; i++) {
		size_t slot = j->lives[j->rows.of[i]].slot, k = 0;
		for (size_t o = 0; o < n; o++)
			if (j->lives[j->rows.of[o]].slot == slot && isfinite(above[o]))
				v[k++] = above[o];
		offset[i] = k ? mc_median(v, k) * (double)k / (double)(k + 1) : 0;
		if (k > 1 && isfinite(above[i])) {
			square += pow(above[i] - offset[i], 2);
			known += var[i];
			dof += 1 - 1 / (double)k;
		}
	}
	*life_sd = dof > 0 ? sqrt(fmax(square / dof - known / dof * .5, 0)) : (double)NAN;
}

/* First moments of each life that was seen from its start, by the median of three samples: the very first may be taken while it is
 * still being set up. What all have in common beside the curve (a warm-up faster than a row) is taken out. `work` has a number a life. */
static void young(const struct history *h, const struct judgement *j, const double *level, struct mc_youth *youth, double *work)
{
	size_t n = 0;
	struct mc_noise noise;
	mc_panel_noise(j->panel, &noise);
	double sigma = sqrt(noise.var);
	for (size_t i = 0; i < j->rows.nlives; i++) {
		const struct history_life *l = &j->lives[j->rows.of[i]];
		const struct mc_lifebin *b = l->sum.bin;
		youth[i] = (struct mc_youth){ .y = (double)NAN };
		if (!l->from || h->sawtooth > 0 || l->sum.n < 6 || l->first - l->start > 2 * h->tick + 1)
			continue;
		double v[3] = { b[0].y, b[1].y, b[2].y };
		youth[i] = (struct mc_youth){ .y = mc_median(v, 3) / j->unit, .age = b[1].t - l->start, .seconds = l->hold };
		work[n++] = youth[i].y - level[i] + mc_panel_curve(j->panel, youth[i].age, (double)INFINITY);
	}
	double usual = n ? mc_median(work, n) : 0, most = 1.5 * fabs(mc_panel_curve(j->panel, 0, (double)INFINITY)) + 4 * sigma;
	for (size_t i = 0; i < j->rows.nlives; i++) {
		double from_curve = youth[i].y - level[i] + mc_panel_curve(j->panel, youth[i].age, (double)INFINITY) - usual;
		/* a start-up that takes far more or less than the others is no warm-up */
		youth[i].y = fabs(from_curve) < most && youth[i].y < level[i] + 4 * sigma ? youth[i].y - usual : (double)NAN;
	}
}

/* All that a supposition adds up over the models of warm-up. */
struct model {
	struct heights x;
	struct mc_steps *steps;
};

static double over_models(const struct model *m, size_t n, int sign, size_t from, size_t until, struct mc_growth_fit *ret)
{
	double sum = -(double)INFINITY, best = -(double)INFINITY;
	for (size_t i = 0; i < n; i++) {
		struct mc_growth_fit f;
		/* a warm-up that is larger for a while is what warm-ups do anyway */
		if (i / NSPREAD == MC_HEIGHT_RISE && from < until && until < m[i].x.n)
			continue;
		double v = m[i].x.ll + mc_steps_shift(m[i].steps, sign, from, until, &f);
		sum = mc_log_add(sum, v);
		if (ret && v > best) {
			best = v;
			*ret = f;
		}
	}
	return sum;
}

/* Do the releases from this one on stand lower once they have warmed up, as the likeliest model of heights at full age has it? */
static bool lower_at_last(const struct model *m, size_t nmodels, size_t from)
{
	size_t best = nmodels;
	struct mc_growth_fit f;
	for (size_t i = 0; i < nmodels; i++)
		if (i / NSPREAD == MC_HEIGHT_SETTLED && (best == nmodels || m[i].x.ll > m[best].x.ll))
			best = i;
	return best < nmodels && isfinite(mc_steps_shift(m[best].steps, -1, from, m[best].x.n, &f)) && -f.z > LOWER;
}

/* Which ends of a step from a release on are looked at, where they are very many: ends[until], of m->x.n + 1, by what the likeliest model says of each. */
static void choose_ends(const struct model *m, size_t nmodels, size_t from, double *v, bool *ends)
{
	size_t n = m->x.n, best = 0;
	for (size_t i = 1; i < nmodels; i++)
		best = m[i].x.ll > m[best].x.ll ? i : best;
	for (size_t until = from + 1; until <= n; until++) {
		v[until] = n > ALL_ENDS_MOST ? mc_steps_shift(m[best].steps, 1, from, until, NULL) : 0;
		ends[until] = n <= ALL_ENDS_MOST || until == n;
	}
	for (size_t k = 0; k < ENDS_LOOKED_AT && n > ALL_ENDS_MOST; k++) {
		size_t most = n;
		for (size_t until = from + 1; until < n; until++)
			if (!ends[until] && (most == n || v[until] > v[most]))
				most = until;
		ends[most] = true;
	}
}

/* The evidence of every step; a lasting fall is a change too, and must not be taken for a rise before it. */
static void weigh(struct steps *out, const struct model *m, size_t nmodels, double *work, bool *ends)
{
	size_t n = m->x.n;
	const size_t *release = m->x.release;
	double none = over_models(m, nmodels, 1, 0, 0, NULL), quiet = log(1 - 2 * PRIOR_STEP), sum;
	double share = log(PRIOR_STEP) - log(fmax((double)n - 1, 1));
	for (size_t from = 1; from < n; from++)
		quiet = mc_log_add(quiet, share + over_models(m, nmodels, -1, from, n, NULL) - none);
	sum = quiet;
	for (size_t from = 1; from < n; from++) {
		size_t k = release[from] - 1;
		double all = -(double)INFINITY, best = -(double)INFINITY;
		bool lower = lower_at_last(m, nmodels, from);
		choose_ends(m, nmodels, from, work, ends);
		for (size_t until = from + 1; until <= n; until++) {
			struct mc_growth_fit f = { 0 };
			if (!ends[until])
				continue;
			double prior = until == n ? log(STAYS) : log((1 - STAYS) / (double)(n - from)) - (until == from + 1 ? ONE_RELEASE : 0);
			double v = share + prior + over_models(m, nmodels, 1, from, until, &f) - none - (until == n && lower ? TAKEN_BACK : 0);
			if (v > best) {
				best = v;
				out->fit[k] = f;
				out->until[k] = until < n ? release[until] : SIZE_MAX;
			}
			all = mc_log_add(all, v);
		}
		out->p[k] = all;
		sum = mc_log_add(sum, all);
	}
	out->none = exp(quiet - sum);
	for (size_t from = 1; from < n; from++)
		out->p[release[from] - 1] = exp(out->p[release[from] - 1] - sum);
}

/* Heights under one model; only releases that have lives are kept. What is left without a term in *rest. */
static void heights_of(const struct mc_heights *heights, size_t nr, size_t i, struct heights *x, double *rest)
{
	enum mc_height kind = (enum mc_height)(i / NSPREAD);
	/* where lives gain less than the noise, their gain tells nothing */
	double prior = kind == MC_HEIGHT_RISE && !(x->rise > x->sigma) ? -(double)INFINITY : log(KIND[kind][i % NSPREAD]);
	x->n = 0;
	x->ll = prior + mc_heights_of(heights, kind, SPREAD[i % NSPREAD], x->level, x->var, x->shared, rest);
	for (size_t r = 0; r < nr; r++)
		if (isfinite(x->level[r])) {
			x->level[x->n] = x->level[r];
			x->var[x->n] = x->var[r];
			memmove(x->shared + x->n * MC_HEIGHT_SHARED, x->shared + r * MC_HEIGHT_SHARED, MC_HEIGHT_SHARED * sizeof *x->shared);
			x->release[x->n++] = r;
		}
}

static int one_model(const struct mc_heights *heights, size_t nr, size_t i, struct model *m, double *rest, struct mc_error *err)
{
	struct heights *x = &m->x;
	bool rise = i / NSPREAD == MC_HEIGHT_RISE;
	struct mc_drift drift = rise ? OF_RISES : OF_LEVELS;
	for (size_t d = 0; d < MC_STEPS_DRIFTS; d++)
		drift.sd[d] *= rise ? x->rise : x->sigma;
	heights_of(heights, nr, i, x, rest);
	return mc_steps_new(x->level, x->var, x->shared, x->n, &drift, &m->steps, err);
}

/* What is known of each life, and room for what is reckoned of it. */
struct known {
	double *level, *var, *offset, *work; /* work: 2 numbers a life */
	struct mc_youth *youth;
	double life_sd;  /* NaN: no release has lives to compare */
	double *heights; /* 2 + MC_HEIGHT_SHARED numbers a release */
	size_t *release;
	double *ends_of; /* a number a release and one more */
	bool *ends;      /* likewise */
};

static int all_models(struct mc_heights *heights, const struct judgement *j, size_t nr, const struct known *x, struct steps *out, struct mc_error *err)
{
	struct model m[NSPREAD * MC_HEIGHT_KINDS] = { 0 };
	size_t n = sizeof m / sizeof *m;
	struct mc_noise noise;
	int rc = 0;
	mc_panel_noise(j->panel, &noise);
	memcpy(x->work, x->level, j->rows.nlives * sizeof *x->work);
	double usual = mc_median(x->work, j->rows.nlives), rise = mc_panel_curve(j->panel, 0, (double)INFINITY);
	double sigma = sqrt(noise.var + pow(LEAST_DRIFT * usual, 2));
	if (!isfinite(x->life_sd))
		sigma = sqrt(LONE_NOISE * LONE_NOISE * noise.var + pow(LONE_DRIFT * usual, 2));
	rise = fmax(rise, sigma);
	/* what the best of the models leaves without a term is noise that is not in the noise's shape */
	for (size_t turn = 0; rc == 0 && turn < NOISIER; turn++) {
		double least = (double)INFINITY, rest;
		for (size_t i = 0; rc == 0 && i < n; i++) {
			double *v = x->heights;
			mc_steps_free(m[i].steps);
			m[i] = (struct model){ .x = { .release = x->release, .level = v, .var = v + nr, .shared = v + 2 * nr, .sigma = sigma, .rise = rise } };
			rc = one_model(heights, nr, i, &m[i], &rest, err);
			least = fmin(least, rest);
		}
		if (!(least > MISFIT))
			break;
		mc_heights_noisier(heights, least);
	}
	/* beyond what numbers hold a height is none under some models: then nothing is said of steps */
	bool alike = rc == 0;
	for (size_t i = 0; i < n && alike; i++)
		alike = m[i].x.n == m->x.n;
	if (alike && m->x.n > 1)
		weigh(out, m, n, x->ends_of, x->ends);
	for (size_t i = 0; i < n; i++)
		mc_steps_free(m[i].steps);
	return rc;
}

/* Steps by all that was seen up to a time. */
static int up_to(const struct judgement *j, size_t nr, const struct known *x, double until, struct steps *out, struct mc_error *err)
{
	struct mc_heights *heights = NULL;
	memset(out->p, 0, nr * sizeof *out->p);
	out->none = 1;
	int rc = mc_heights_new(j->panel, x->offset, x->youth, isfinite(x->life_sd) ? x->life_sd : 0, until, &heights, err);
	if (rc == 0)
		rc = all_models(heights, j, nr, x, out, err);
	mc_heights_free(heights);
	return rc;
}

static int steps_new(size_t nr, struct steps *ret, struct mc_error *err)
{
	*ret = (struct steps){ .p = calloc(nr, sizeof *ret->p), .none = 1, .fit = calloc(nr, sizeof *ret->fit), .until = calloc(nr, sizeof *ret->until) };
	return ret->p && ret->fit && ret->until ? 0 : mc_nomem(err, "the steps");
}

void steps_release(struct steps *s)
{
	free(s->p);
	free(s->fit);
	free(s->until);
	*s = (struct steps){ 0 };
}

/* How much higher lives stand up to a time since a release than those before did, the median one after two fifths of its rows: no model of warm-up is
 * in it. NaN: there are none. */
static double plainly_higher(const struct judgement *j, size_t release, double until, double *level, double *work)
{
	size_t n[2] = { 0 }, all = j->rows.nlives;
	double *v[2] = { work, work + all };
	for (size_t i = 0; i < all; i++) {
		const struct mc_panel_life *l = &j->rows.life[i];
		size_t k = 0, rows = 0;
		while (rows < l->n && l->t[rows] < until)
			rows++;
		for (size_t m = 2 * rows / 5; m < rows; m++)
			level[k++] = l->y[m];
		if (k > 0)
			v[l->release >= release][n[l->release >= release]++] = mc_median(level, k);
	}
	return n[0] && n[1] ? mc_median(v[1], n[1]) - mc_median(v[0], n[0]) : (double)NAN;
}

/* What the load may explain from some time on has to show before that, most of it and without a model; else a tenth of its probability is left. */
static int doubt_surges(const struct history *h, struct judgement *j, const struct known *x, struct mc_error *err)
{
	size_t nr = h->ndeploys + 1;
	struct steps before;
	double *level = mc_reallocarray(NULL, j->rows.nrows + 1, sizeof *level);
	int rc = level ? 0 : mc_nomem(err, "the steps"), rc2 = steps_new(nr, &before, err);
	rc = rc < 0 ? rc : rc2;
	for (size_t k = 0; rc == 0 && k < h->ndeploys; k++) {
		double *p = &j->steps.p[k], leaves = *p < LEAST_DOUBTED ? (double)INFINITY : step_load_leaves(h, j, k), left = LEFT * *p;
		if (!isfinite(leaves))
			continue;
		double most = MOST_OF * j->steps.fit[k].slope;
		if (plainly_higher(j, k + 1, leaves, level, x->work) > most) {
			rc = up_to(j, nr, x, leaves, &before, err);
			if (before.fit[k].slope > most)
				left = fmin(*p, fmax(left, before.p[k]));
		}
		j->steps.none += *p - left;
		*p = left;
	}
	steps_release(&before);
	free(level);
	return rc;
}

/* A level that changed inside lives, of all at once, leaves little to any other deploy. */
static void tell_jump(const struct history *h, struct judgement *j)
{
	struct steps *s = &j->steps;
	for (size_t k = 0; k < h->ndeploys; k++)
		s->p[k] *= 1 - JUMP;
	s->none *= 1 - JUMP;
	s->free = h->jump_by == MC_NO_DEPLOY ? JUMP : 0;
	if (h->jump_by == MC_NO_DEPLOY)
		return;
	s->p[h->jump_by] += JUMP;
	s->until[h->jump_by] = SIZE_MAX;
	s->fit[h->jump_by] = (struct mc_growth_fit){ .slope = h->jump.height / j->unit, .slope_sd = h->jump.sd / j->unit, .z = h->jump.height / h->jump.sd };
}

/* One block of numbers. */
static int known_new(size_t nlives, size_t nr, struct known *ret, struct mc_error *err)
{
	double *v = mc_reallocarray(NULL, 5 * nlives + (3 + MC_HEIGHT_SHARED) * nr + 1, sizeof *v);
	*ret = (struct known){ .level = v, .youth = calloc(nlives + 1, sizeof *ret->youth), .release = calloc(nr, sizeof *ret->release),
		.ends = calloc(nr + 1, sizeof *ret->ends) };
	if (!v || !ret->youth || !ret->release || !ret->ends)
		return mc_nomem(err, "the levels");
	ret->var = v + nlives;
	ret->offset = v + 2 * nlives;
	ret->work = v + 3 * nlives;
	ret->heights = v + 5 * nlives;
	ret->ends_of = ret->heights + (2 + MC_HEIGHT_SHARED) * nr;
	return 0;
}

static void known_release(struct known *x)
{
	free(x->level);
	free(x->youth);
	free(x->release);
	free(x->ends);
}

int judge_steps(const struct history *h, struct judgement *j, struct mc_error *err)
{
	size_t n = j->rows.nlives, nr = h->ndeploys + 1;
	struct known x;
	int rc = steps_new(nr, &j->steps, err), rc2 = known_new(n, nr, &x, err);
	rc = rc < 0 ? rc : rc2;
	if (rc == 0)
		rc = mc_panel_levels(j->panel, x.level, x.var, err);
	if (rc == 0) {
		slot_offsets(j, x.level, x.var, x.offset, &x.life_sd, x.work);
		young(h, j, x.level, x.youth, x.work);
		rc = up_to(j, nr, &x, (double)INFINITY, &j->steps, err);
	}
	if (rc == 0)
		rc = doubt_surges(h, j, &x, err);
	if (rc == 0 && j->signal == HISTORY_ANON && h->jump.lives)
		tell_jump(h, j);
	j->changed = 1 - j->steps.none;
	known_release(&x);
	return rc;
}
