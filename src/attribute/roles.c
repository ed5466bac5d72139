/* Processes of one program play different parts: a master that does nothing, workers, a collector of statistics. Put into one
 * panel the master's flat line would be evidence against everything that the workers do. Slots whose memory moves by
 * other orders of magnitude, or stands at another height, in every release alike, are roles of their own. */
#include "history.h"

#include <math.h>
#include <stdlib.h>

/* Gaps between neighbours that part roles: in how much lives move, and in their height. */
static const double RANGE_GAP = 1.2, LEVEL_GAP = 0.9; /* natural logs: three times and more, two and a half times */

struct slot {
	size_t id;
	double value;
};

static int by_value(const void *a, const void *b)
{
	const struct slot *x = a, *y = b;
	return (x->value > y->value) - (x->value < y->value);
}

static int by_number(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return (x > y) - (x < y);
}

/* Log of how much a life's memory moves (the middle four fifths of it), or of its height. */
static double feature(const struct history_life *l, bool range, double *work)
{
	const struct history_sum *s = &l->sum;
	for (size_t i = 0; i < s->n; i++)
		work[i] = s->bin[i].y;
	qsort(work, s->n, sizeof *work, by_number);
	double mid = mc_median(work, s->n), lo = work[s->n / 10], hi = work[s->n - 1 - s->n / 10];
	return range ? log(hi - lo + .002 * fabs(mid) + 16384) : log(fabs(mid) + 16384);
}

/* Median of the feature over each slot's lives. */
static size_t measure(const struct history *h, size_t role, bool range, struct slot *slots, double *work)
{
	size_t n = 0;
	for (size_t s = 0; s < h->nslots; s++) {
		double *v = work + MC_LIFESUM_BINS;
		size_t k = 0;
		for (size_t i = 0; i < h->nlives; i++)
			if (h->life[i].slot == s && h->life[i].role == role && h->life[i].sum.n >= 6)
				v[k++] = feature(&h->life[i], range, work);
		if (k)
			slots[n++] = (struct slot){ s, mc_median(v, k) };
	}
	return n;
}

/* Both sides are there in every release that has two lives: what came with a release is no role. */
static bool in_every_release(const struct history *h, size_t role, const bool *upper)
{
	size_t both = 0, one = 0;
	for (size_t r = 0; r <= h->ndeploys; r++) {
		size_t n[2] = { 0 };
		for (size_t i = 0; i < h->nlives; i++)
			if (h->life[i].release == r && h->life[i].role == role)
				n[upper[h->life[i].slot]]++;
		both += n[0] && n[1];
		one += n[0] + n[1] >= 2 && !(n[0] && n[1]);
	}
	return both >= 2 && one == 0;
}

static int split(struct history *h, size_t role, bool range, struct mc_error *err)
{
	struct slot *slots = calloc(h->nslots + 1, sizeof *slots);
	double *work = mc_reallocarray(NULL, h->nlives + MC_LIFESUM_BINS, sizeof *work);
	bool *upper = calloc(h->nslots + 1, sizeof *upper);
	int rc = slots && work && upper ? 0 : mc_nomem(err, "the roles");
	if (rc == 0) {
		size_t n = measure(h, role, range, slots, work), at = 0;
		double most = range ? RANGE_GAP : LEVEL_GAP;
		qsort(slots, n, sizeof *slots, by_value);
		for (size_t i = 1; i < n; i++)
			if (slots[i].value - slots[i - 1].value > most) {
				most = slots[i].value - slots[i - 1].value;
				at = i;
			}
		for (size_t i = at; i < n; i++)
			upper[slots[i].id] = true;
		if (at > 0 && in_every_release(h, role, upper)) {
			for (size_t i = 0; i < h->nlives; i++)
				if (h->life[i].role == role && !upper[h->life[i].slot])
					h->life[i].role = h->nroles;
			h->nroles++;
		}
	}
	free(slots);
	free(work);
	free(upper);
	return rc;
}

int history_roles(struct history *h, struct mc_error *err)
{
	enum { MOST_SLOTS = 2000 };
	h->nroles = 1;
	if (h->nslots > MOST_SLOTS || h->nslots < 2 || h->ndeploys == 0)
		return 0;
	int rc = split(h, 0, true, err);
	return rc < 0 ? rc : split(h, 0, false, err);
}
