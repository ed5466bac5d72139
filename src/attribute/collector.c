/* A program under a collector: what is alive counts, not what it has not collected yet. Teeth that are over are known from their ends
 * (src/detect/teeth.c). The last one of a life is reckoned from how fast those before it filled, by requests or in time, whichever they kept to; and the
 * first one, which nobody saw begin, backwards from its end. */
#include "history.h"

/* A saw-tooth is so many teeth, in most of the time of all lives. Those of one life free alike, and as much as was worked for it: standard deviations of the
 * logarithms (a heap that is given back by chance is full by chance; the time between chances departs by 1.3). */
enum { LEAST_TEETH = 10, LEAST_PAIRS = 5 };
static const double MOST_OF_TIME = .6, ALIKE = .25, EVEN = .6;
/* A last tooth of more work than so many is none. */
static const double LONGEST = 2.5;

/* Sums over teeth: what was freed, and what was worked for it. */
struct pace {
	double freed, worked, teeth;
};

/* What fills a tooth: requests, or time. */
static double work(const struct history *h, double since, double until, bool load)
{
	return (until - since) * (load ? history_usual_load(h, since, until) : 1);
}

/* Work of tooth k of those that are kept, its number among all being at least 1: of the first it is not known how full it began. */
static double work_of(const struct history *h, const struct history_life *l, size_t k, bool load)
{
	const struct mc_tooth *x = &l->sum.teeth.tooth[k % MC_TEETH_KEPT];
	return work(h, x->since, x->until, load);
}

static size_t first_kept(const struct mc_teeth *k)
{
	return (size_t)fmax(1, k->count - MC_TEETH_KEPT);
}

static struct pace pace_of(const struct history *h, const struct history_life *l, bool load)
{
	const struct mc_teeth *k = &l->sum.teeth;
	struct pace p = { .freed = 0 };
	for (size_t i = first_kept(k); (double)i < k->count; i++) {
		double w = work_of(h, l, i, load);
		if (!(w > 0))
			continue;
		p.freed += k->tooth[i % MC_TEETH_KEPT].freed;
		p.worked += w;
		p.teeth++;
	}
	return p;
}

/* By how much the logarithms of what a life's teeth freed for their work depart from their mean: squares, *dof of them independent. */
static double departs(const struct history *h, const struct history_life *l, bool load, double *dof)
{
	const struct mc_teeth *k = &l->sum.teeth;
	double sum = 0, square = 0, n = 0;
	for (size_t i = first_kept(k); (double)i < k->count; i++) {
		double w = work_of(h, l, i, load), v = log(k->tooth[i % MC_TEETH_KEPT].freed / w);
		if (!(w > 0) || !isfinite(v))
			continue;
		sum += v;
		square += v * v;
		n++;
	}
	*dof += fmax(n - 1, 0);
	return n > 1 ? square - sum * sum / n : 0;
}

/* The same of all lives, as a standard deviation; *all: their teeth together. */
static double uneven(const struct history *h, bool load, struct pace *all)
{
	double square = 0, dof = 0;
	*all = (struct pace){ .freed = 0 };
	for (size_t i = 0; i < h->nlives; i++) {
		struct pace p = pace_of(h, &h->life[i], load);
		all->freed += p.freed;
		all->worked += p.worked;
		all->teeth += p.teeth;
		square += departs(h, &h->life[i], load, &dof);
	}
	return dof > 0 ? sqrt(square / dof) : (double)INFINITY;
}

/* By how much the logarithms of what a life's teeth freed differ, in squares. */
static double differ(const struct mc_teeth *k, double *dof)
{
	double sum = 0, square = 0, n = fmin(k->count, MC_TEETH_KEPT);
	for (size_t i = 0; (double)i < n; i++) {
		double v = log(k->tooth[i].freed);
		sum += v;
		square += v * v;
	}
	*dof += fmax(n - 1, 0);
	return n > 1 ? square - sum * sum / n : 0;
}

/* Seconds between collections; 0: there are none. */
static double period(const struct history *h)
{
	double teeth = 0, toothed = 0, time = 0, square = 0, dof = 0, all = 0;
	for (size_t i = 0; i < h->nlives; i++) {
		const struct history_life *l = &h->life[i];
		const struct mc_teeth *k = &l->sum.teeth;
		all += l->last - l->first;
		if (!(k->count > 0))
			continue;
		teeth += k->count;
		square += differ(k, &dof);
		toothed += l->last - l->first;
		time += k->since - l->first;
	}
	return teeth >= LEAST_TEETH && time >= MOST_OF_TIME * all && dof >= LEAST_PAIRS && square <= ALIKE * ALIKE * dof ? toothed / teeth : 0;
}

/* What is left of the first tooth at each of its bins. */
static void take_first(const struct history *h, struct history_life *l, double rate, bool load)
{
	struct history_sum *s = &l->sum;
	const struct mc_teeth *k = &s->teeth;
	double in = k->count > 0 ? k->first_n : 0, sum = k->first_t;
	for (size_t i = 0; i < s->n && in > 0; i++) {
		struct mc_lifebin *b = &s->bin[i];
		double n = fmin(in, b->n), t = n < b->n ? l->start + sum / n : b->t;
		b->y -= fmax(0, k->first.freed - rate * work(h, t, k->first.until, load)) * n / b->n;
		in -= n;
		sum -= n * (t - l->start);
	}
}

/* The last one, which is not over. */
static void take_last(const struct history *h, struct history_life *l, double rate, bool load)
{
	struct history_sum *s = &l->sum;
	double n = s->open_n, t = s->open_t, since = s->teeth.since;
	for (size_t i = s->open; i < s->n && n > 0; i++) {
		struct mc_lifebin *b = &s->bin[i];
		b->y -= rate * work(h, since, fmax(t, since), load) * n / b->n;
		if (i + 1 < s->n) {
			n = s->bin[i + 1].n;
			t = s->bin[i + 1].t;
		}
	}
}

static void take_out(const struct history *h, struct history_life *l, const struct pace *all, bool load)
{
	struct pace p = pace_of(h, l, load);
	/* a life's own teeth, and one as all have it */
	double freed = p.freed + all->freed / all->teeth, worked = p.worked + all->worked / all->teeth;
	for (size_t i = 0; i < l->sum.n; i++)
		l->sum.bin[i].y -= l->sum.bin[i].garbage;
	take_first(h, l, freed / worked, load);
	if (work(h, l->sum.teeth.since, l->last, load) <= LONGEST * worked / (p.teeth + 1))
		take_last(h, l, freed / worked, load);
}

void history_collector(struct history *h)
{
	struct pace by_time, by_load = { .freed = 0 };
	double between = period(h);
	if (!(between > 0))
		return;
	double time = uneven(h, false, &by_time), requests = h->nload ? uneven(h, true, &by_load) : (double)INFINITY;
	bool load = requests < time;
	const struct pace *all = load ? &by_load : &by_time;
	if (!(all->worked > 0) || fmin(time, requests) > EVEN)
		return;
	h->sawtooth = between;
	for (size_t i = 0; i < h->nlives; i++)
		take_out(h, &h->life[i], all, load);
}
