/* From summaries to the rows of a panel: one width of bins for all lives that suits the typical one. */
#include "history.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { TARGET_ROWS = 60, MOST_ROWS = 320, ALL_ROWS = 5200, LEAST_ROWS = 3, FREE_ONSETS = 60 };

static double pick_bin(const struct history *h, const struct history_life *l, size_t n, size_t role, double *work)
{
	size_t k = 0, others = 0;
	double longest = 0, all = 0;
	for (size_t i = 0; i < n; i++) {
		if (l[i].role != role)
			continue;
		others++;
		double len = l[i].works_until - l[i].first;
		longest = fmax(longest, len);
		all += len;
		if (l[i].n > 20)
			work[k++] = len;
	}
	for (size_t i = 0, m = 0; k == 0 && i < n; i++)
		if (l[i].role == role)
			work[m++] = l[i].works_until - l[i].first;
	double typical = mc_median(work, k ? k : others);
	double w = fmax(typical / TARGET_ROWS, fmin(longest / MOST_ROWS, 3 * typical / TARGET_ROWS));
	return fmax(fmax(w, all / ALL_ROWS), 2 * h->tick);
}

/* Width for one life: short ones get 12 rows where they have the samples, fewer where there are very many lives. */
static double width_of(const struct history *h, const struct history_life *l, double bin)
{
	double rows = fmax(5, fmin(12, (double)ALL_ROWS / (double)h->nlives));
	return fmax(fmin(bin, (l->works_until - l->first) / rows), fmin(bin, h->tick));
}

struct columns {
	double *t, *y, *n, *x[2], *requests, *seconds;
};

/* Joins the bins of a life into rows of at least `width`. Returns how many; writes nothing where c is NULL. What all lives
 * rose by at once is taken out. */
static size_t join_rows(const struct history_life *l, double width, double unit, const struct columns *c)
{
	size_t rows = 0;
	int64_t before = 0;
	double n = 0;
	for (size_t i = 0; i < l->sum.n; i++) {
		const struct mc_lifebin *b = &l->sum.bin[i];
		if (b->t > l->works_until)
			break;
		double less = l->jump > 0 && i >= l->jump_to ? l->jump : 0;
		if (l->jump > 0 && i >= l->jump_from && i < l->jump_to)
			continue;
		int64_t key = (int64_t)floor((b->t - l->first) / width);
		if (i == 0 || key != before) {
			rows++;
			n = 0;
			before = key;
		}
		if (!c)
			continue;
		double f = b->n / (n + b->n), y = (b->y - less) / unit;
		size_t r = rows - 1;
		c->t[r] = n > 0 ? c->t[r] + (b->t - c->t[r]) * f : b->t;
		c->y[r] = n > 0 ? c->y[r] + (y - c->y[r]) * f : y;
		for (size_t k = 0; k < 2; k++)
			c->x[k][r] = isfinite(b->x[k]) ? b->x[k] : 0;
		c->requests[r] = b->x[2];
		n += b->n;
		c->n[r] = n;
		c->seconds[r] = c->n[r] * l->hold;
	}
	return rows;
}

/* A covariate is of use where it moves within lives; threads also where they differ between lives (descriptors wander). */
static bool moves(const struct history_life *l, size_t n, size_t role, size_t k)
{
	double least = (double)INFINITY, most = 0;
	for (size_t i = 0; i < n; i++) {
		const struct history_sum *s = &l[i].sum;
		if (l[i].role != role || s->n <= 2 || !isfinite(s->bin[s->n / 8].x[k]) || !isfinite(s->bin[s->n - 1].x[k]))
			continue;
		if (s->bin[s->n - 1].x[k] > 1.05 * s->bin[s->n / 8].x[k])
			return true;
		least = fmin(least, s->bin[s->n - 1].x[k]);
		most = fmax(most, s->bin[s->n - 1].x[k]);
	}
	return k == 0 && most > 1.25 * least;
}

/* A life that counts its own requests, all of them in the unit of the program's mean. */
static bool counts_requests(const struct history_life *l, size_t n, size_t role)
{
	size_t with = 0, all = 0;
	for (size_t i = 0; i < n; i++) {
		if (l[i].role != role)
			continue;
		all++;
		const struct history_sum *s = &l[i].sum;
		with += s->n > 1 && isfinite(s->bin[0].x[2]) && isfinite(s->bin[s->n - 1].x[2]) && s->bin[s->n - 1].x[2] > s->bin[0].x[2];
	}
	return with > 0 && 10 * with >= 9 * all;
}

static int allocate(struct history_rows *r, size_t nlives, size_t rows, size_t nreleases, size_t nonsets, struct mc_error *err)
{
	r->block = mc_reallocarray(NULL, rows * 7 + 1, sizeof *r->block);
	r->life = calloc(nlives + 1, sizeof *r->life);
	r->of = calloc(nlives + 1, sizeof *r->of);
	r->release_t = calloc(nreleases + 1, sizeof *r->release_t);
	r->onsets = calloc(nonsets + 1, sizeof *r->onsets);
	return r->block && r->life && r->of && r->release_t && r->onsets ? 0 : mc_nomem(err, "the lives");
}

static int by_number(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return (x > y) - (x < y);
}

/* Evenly over the time seen, and at deploys that restarted nothing. */
static void set_onsets(const struct history *h, struct history_rows *r, double from, double to)
{
	for (size_t i = 1; i <= FREE_ONSETS; i++)
		r->onsets[r->nonsets++] = from + (to - from) * (double)i / (FREE_ONSETS + 1);
	/* a configuration may take hold a little before or after its mark */
	for (size_t k = 0; k < h->ndeploys; k++)
		for (int i = -1; i <= 2 && h->deploy[k].lives == 0; i++) {
			double t = h->deploy[k].mark + i * h->slack / 3;
			if (t > from && t < to)
				r->onsets[r->nonsets++] = t;
		}
	qsort(r->onsets, r->nonsets, sizeof *r->onsets, by_number);
}

static void scale_requests(struct history_rows *r)
{
	double all = 0, time = 0;
	for (size_t i = 0; i < r->nlives; i++) {
		const struct mc_panel_life *l = &r->life[i];
		double d = l->requests[l->n - 1] - l->requests[0];
		if (isfinite(d) && d > 0) {
			all += d;
			time += l->t[l->n - 1] - l->t[0];
		}
	}
	double *v = r->block + 5 * r->nrows;
	for (size_t i = 0; i < r->nrows && all > 0; i++)
		v[i] *= time / all;
	for (size_t i = 1; i < r->nrows; i++)
		if (!isfinite(v[i]))
			v[i] = v[i - 1];
}

static void fill(struct history *h, const struct history_life *l, size_t n, size_t role, double unit, struct history_rows *r)
{
	bool use[2] = { moves(l, n, role, 0), moves(l, n, role, 1) }, own = counts_requests(l, n, role);
	size_t at = 0, all = r->nrows;
	for (size_t i = 0; i < n; i++) {
		double w = width_of(h, &l[i], r->bin);
		size_t rows = join_rows(&l[i], w, unit, NULL);
		if (rows < LEAST_ROWS || l[i].role != role)
			continue;
		struct columns c = { r->block + at, r->block + all + at, r->block + 2 * all + at, { r->block + 3 * all + at, r->block + 4 * all + at },
			r->block + 5 * all + at, r->block + 6 * all + at };
		join_rows(&l[i], w, unit, &c);
		r->of[r->nlives] = i;
		r->life[r->nlives++] = (struct mc_panel_life){ .n = rows, .t = c.t, .y = c.y, .samples = c.n, .seconds = c.seconds,
			.x = { use[0] ? c.x[0] : NULL, use[1] ? c.x[1] : NULL }, .requests = own ? c.requests : NULL,
			.start = l[i].start, .release = l[i].release };
		at += rows;
	}
	if (own)
		scale_requests(r);
}

int history_panel(struct history *h, const struct history_life *l, size_t n, size_t role, double unit, struct history_rows *rows, struct mc_panel **ret,
	struct mc_error *err)
{
	struct history_rows r = { 0 };
	size_t total = 0, kept = 0;
	*ret = NULL;
	*rows = r;
	double *work = mc_reallocarray(NULL, n + 1, sizeof *work);
	if (!work)
		return mc_nomem(err, "the lives");
	r.bin = pick_bin(h, l, n, role, work);
	free(work);
	for (size_t i = 0; i < n; i++) {
		size_t k = join_rows(&l[i], width_of(h, &l[i], r.bin), unit, NULL);
		bool keep = k >= LEAST_ROWS && l[i].role == role;
		total += keep ? k : 0;
		kept += keep;
	}
	if (kept == 0 || total < 8 || !(r.bin > 0))
		return 0;
	r.nrows = total;
	int rc = allocate(&r, kept, total, h->ndeploys + 1, FREE_ONSETS + 4 * h->ndeploys, err);
	if (rc == 0) {
		fill(h, l, n, role, unit, &r);
		for (size_t k = 0; k < h->ndeploys; k++)
			r.release_t[k + 1] = h->deploy[k].begins;
		set_onsets(h, &r, 0, h->as_of); /* the same for every role */
		double page = unit > 1 ? 4096 / unit : 1;
		struct mc_panel_in in = { .nlives = r.nlives, .lives = r.life, .nreleases = h->ndeploys + 1, .release_t = r.release_t,
			.load = { h->nload, h->load_t, h->load_level }, .bin = r.bin, .quantum = page * page / 12, .nonsets = r.nonsets,
			.onsets = r.onsets };
		rc = mc_panel_new(&in, ret, err);
	}
	if (rc < 0) {
		history_rows_release(&r);
		return rc;
	}
	*rows = r;
	return 0;
}

int history_rows_add_onsets(struct history_rows *r, const double *t, size_t n, struct mc_error *err)
{
	double *more = mc_reallocarray(r->onsets, r->nonsets + n + 1, sizeof *more);
	r->onsets = more ? more : r->onsets;
	double *steep = mc_reallocarray(r->steep, r->nsteep + n + 1, sizeof *steep);
	r->steep = steep ? steep : r->steep;
	if (!more || !steep)
		return mc_nomem(err, "onsets");
	for (size_t i = 0; i < n; i++)
		r->steep[r->nsteep++] = r->onsets[r->nonsets++] = t[i];
	qsort(r->onsets, r->nonsets, sizeof *r->onsets, by_number);
	return 0;
}

void history_rows_release(struct history_rows *r)
{
	free(r->block);
	free(r->life);
	free(r->of);
	free(r->release_t);
	free(r->onsets);
	free(r->steep);
	*r = (struct history_rows){ 0 };
}
