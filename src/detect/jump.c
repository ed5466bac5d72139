/* A jump inside lives: all that run rise at once, from one bin to the next, and stay there. A level that changes so is no growth, and no curve of
 * age or wander of the noise does it. Several jumps are a staircase, which is growth: then there is none here. */
#include "memculprit/detect.h"

#include <math.h>
#include <stdlib.h>

/* Bins on either side whose medians are compared; fewer than so many tell nothing. */
enum { SIDE = 6, LEAST_SIDE = 4, MOST_OF_LIFE = 8, MOST_IN_ALL = 1000 };
/* What is looked at; what is a jump where three lives and more do it, and where fewer do: in what such differences usually are. */
static const double LOOK = 4, MANY = 5, FEW = 8;
/* No program is quieter than by this share of its height. */
static const double QUIET = .002;
/* Of the rise, what has to come from one bin to the next; with a bin between. */
static const double AT_ONCE = .8, ABOUT = .7;
/* The time between bins in that between others, at most; what the four bins on either side may rise by, in the jump. */
static const double GAP = 1.7, BESIDE = .5;
/* Youth, as a share of a life: there everything rises. */
static const double YOUNG = .1;
/* Share of those running that do it; of bins that stay beyond the middle; of the size that makes another jump one like it; of
 * what the same lives may rise by at other times. */
static const double ALL = .8, STAY = .9, LIKE = .6, BESIDES = .5;

struct rise {
	size_t life, last, first; /* last bin before, first after */
	double from, to, size, scale; /* scale: of what such differences usually are */
};

static double half_width(const struct mc_jump_life *l, size_t i)
{
	size_t a = i > 0 ? i - 1 : 0, b = i + 1 < l->n ? i + 1 : i;
	return b > a ? (l->bin[b].t - l->bin[a].t) / (double)(2 * (b - a)) : 0;
}

static double side(const struct mc_jump_life *l, size_t from, size_t n)
{
	double v[SIDE];
	for (size_t i = 0; i < n; i++)
		v[i] = l->bin[from + i].y;
	return mc_median(v, n);
}

/* How much higher the bins from `first` on are than those up to `last`; NaN: too few. */
static double between(const struct mc_jump_life *l, size_t last, size_t first)
{
	size_t before = last + 1 < SIDE ? last + 1 : SIDE, after = l->n < first + SIDE ? l->n > first ? l->n - first : 0 : SIDE;
	if (before < LEAST_SIDE || after < LEAST_SIDE)
		return (double)NAN;
	return side(l, first, after) - side(l, last + 1 - before, before);
}

static size_t grown_up(const struct mc_jump_life *l)
{
	size_t i = 0;
	double from = l->n ? l->start + YOUNG * (l->bin[l->n - 1].t - l->start) : 0;
	while (i < l->n && l->bin[i].t < from)
		i++;
	return i;
}

/* What differences between neighbouring sides usually are. `work` has a number a bin. */
static double usual(const struct mc_jump_life *l, double quantum, double *work)
{
	size_t k = 0;
	for (size_t i = grown_up(l); i + 1 < l->n; i++) {
		double v = between(l, i, i + 1);
		if (isfinite(v))
			work[k++] = fabs(v);
	}
	double wander = k ? 1.4826 * mc_median(work, k) : (double)INFINITY;
	return fmax(wander, quantum + QUIET * fabs(l->bin[l->n / 2].y));
}

/* Do the bins before and after stay on their side of the middle? */
static bool stays(const struct mc_jump_life *l, const struct rise *r)
{
	size_t from = grown_up(l), low = 0, high = 0, before = 0, after = 0;
	size_t n = r->last + 1 < SIDE ? r->last + 1 : SIDE;
	double middle = side(l, r->last + 1 - n, n) + r->size / 2;
	for (size_t i = from; i <= r->last; i++, before++)
		low += l->bin[i].y < middle;
	for (size_t i = r->first; i < l->n; i++, after++)
		high += l->bin[i].y > middle;
	return (double)low >= STAY * (double)before && (double)high >= STAY * (double)after;
}

/* Samples may be missing between: then nothing says that it was at once. */
static bool without_gap(const struct mc_jump_life *l, size_t i, size_t gap)
{
	double before = l->bin[i].t - l->bin[i - 1].t, after = l->bin[i + gap + 1].t - l->bin[i + gap].t;
	return l->bin[i + gap].t - l->bin[i].t < GAP * (double)gap * fmax(before, after);
}

/* What the sides rise by themselves is little beside it. */
static bool flat_beside(const struct mc_jump_life *l, size_t i, size_t gap, double size)
{
	double before = l->bin[i].y - l->bin[i + 1 - LEAST_SIDE].y, after = l->bin[i + gap + LEAST_SIDE - 1].y - l->bin[i + gap].y;
	return fabs(before) + fabs(after) < BESIDE * size;
}

/* A rise between bin i and the next but `gap` - 1; false: none. */
static bool rise_at(const struct mc_jump_life *l, size_t life, size_t i, size_t gap, double scale, struct rise *r)
{
	double least = gap == 1 ? AT_ONCE : ABOUT, step = i + gap < l->n ? l->bin[i + gap].y - l->bin[i].y : (double)NAN;
	if (!(step > least * LOOK * scale)) /* most bins are done with here */
		return false;
	double size = between(l, i, i + gap);
	if (!(size > LOOK * scale) || step < least * size || !without_gap(l, i, gap) ||
		!flat_beside(l, i, gap, size))
		return false;
	*r = (struct rise){ life, i, i + gap, l->bin[i].t + half_width(l, i), l->bin[i + gap].t - half_width(l, i + gap), size, scale };
	r->to = fmax(r->from, r->to);
	return true;
}

/* The largest rises of one life, apart from each other. */
static size_t rises_of(const struct mc_jump_life *l, size_t life, double scale, struct rise *out)
{
	size_t n = 0;
	for (size_t i = grown_up(l); i + 1 < l->n && n < MOST_OF_LIFE; i++) {
		struct rise r;
		if (!rise_at(l, life, i, 1, scale, &r) && !rise_at(l, life, i, 2, scale, &r))
			continue;
		if (n && r.last <= out[n - 1].first) {
			if (r.size > out[n - 1].size)
				out[n - 1] = r;
		} else
			out[n++] = r;
	}
	return n;
}

static bool together(const struct mc_jump_life *l, const struct rise *a, const struct rise *b)
{
	double slack = half_width(&l[a->life], a->last) + half_width(&l[b->life], b->last);
	return a->from <= b->to + slack && b->from <= a->to + slack;
}

/* Lives that could have shown it: grown up then, with bins on either side. */
static size_t could_show(const struct mc_jump_life *l, size_t n, const struct rise *r)
{
	size_t k = 0;
	for (size_t i = 0; i < n; i++) {
		size_t at = 0, from = grown_up(&l[i]);
		while (at < l[i].n && l[i].bin[at].t < r->to)
			at++;
		k += at >= LEAST_SIDE && at > from + 1 && l[i].n >= at + LEAST_SIDE + 1;
	}
	return k;
}

/* Is the jump one of several? Others that last, of about its size anywhere, or of half of it together in the same lives. */
static bool one_of_several(const struct mc_jump_life *l, const struct rise *r, size_t nrises, const struct rise *at, const struct mc_jump *j)
{
	size_t like = 0;
	double besides = 0;
	for (size_t i = 0; i < nrises; i++) {
		if (together(l, at, &r[i]) || !stays(&l[r[i].life], &r[i]))
			continue;
		like += r[i].size > LIKE * j->height;
		for (size_t o = 0; o < nrises; o++)
			besides += r[o].life == r[i].life && together(l, at, &r[o]) ? r[i].size : 0;
	}
	return 5 * like > j->lives || besides > BESIDES * j->height * (double)j->lives;
}

/* Judges the jump at `at`, the one that most lives share. `work` has 2 numbers a rise. */
static int weigh(const struct mc_jump_life *l, size_t n, const struct rise *r, size_t nrises, const struct rise *at, double *work, struct mc_jump *ret)
{
	size_t k = 0, lasting = 0;
	double *size = work, *ratio = work + nrises;
	*ret = (struct mc_jump){ .from = at->from, .to = at->to };
	for (size_t i = 0; i < nrises; i++)
		if (together(l, at, &r[i])) {
			size[k] = r[i].size;
			ratio[k++] = r[i].size / r[i].scale;
			lasting += stays(&l[r[i].life], &r[i]);
			if (r[i].to - r[i].from < ret->to - ret->from) {
				ret->from = r[i].from;
				ret->to = r[i].to;
			}
		}
	ret->height = mc_median(size, k);
	double clear = mc_median(ratio, k);
	ret->sd = fmax(ret->height / clear, mc_mad(size, k, ret->height, ratio)) / sqrt((double)k);
	ret->lives = k;
	if (clear < (k > 2 ? MANY : FEW) || (double)lasting < ALL * (double)k || (double)k < ALL * (double)could_show(l, n, at))
		return 1;
	return one_of_several(l, r, nrises, at, ret);
}

int mc_find_jump(const struct mc_jump_life *l, size_t n, double quantum, struct mc_jump *ret, struct mc_error *err)
{
	size_t most = 1, nrises = 0, best = 0, shared = 0;
	for (size_t i = 0; i < n; i++)
		most = l[i].n > most ? l[i].n : most;
	struct rise *r = calloc(MOST_IN_ALL + MOST_OF_LIFE, sizeof *r);
	double *work = mc_reallocarray(NULL, most + (size_t)2 * (MOST_IN_ALL + MOST_OF_LIFE), sizeof *work);
	if (!r || !work) {
		free(r);
		free(work);
		return mc_nomem(err, "the jumps");
	}
	for (size_t i = 0; i < n && nrises < MOST_IN_ALL; i++)
		if (l[i].n > (size_t)2 * LEAST_SIDE)
			nrises += rises_of(&l[i], i, usual(&l[i], quantum, work), r + nrises);
	for (size_t i = 0; i < nrises; i++) {
		size_t k = 0;
		for (size_t o = 0; o < nrises; o++)
			k += together(l, &r[i], &r[o]);
		if (k > shared || (k == shared && r[i].size > r[best].size)) {
			shared = k;
			best = i;
		}
	}
	int rc = nrises && nrises < MOST_IN_ALL ? weigh(l, n, r, nrises, &r[best], work, ret) : 1;
	free(r);
	free(work);
	return rc;
}

size_t mc_jump_bins(const struct mc_jump_life *l, const struct mc_jump *j, size_t *first, double *size)
{
	size_t last = 0;
	while (last < l->n && l->bin[last].t + half_width(l, last) <= j->from + 1e-9)
		last++;
	*first = last;
	while (*first < l->n && l->bin[*first].t - half_width(l, *first) < j->to - 1e-9)
		++*first;
	*size = last > 0 && *first < l->n ? between(l, last - 1, *first) : (double)NAN;
	return last;
}
