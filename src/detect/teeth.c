/* A program under a collector holds what is alive and what is not collected yet. The latter comes bit by bit as it is allocated, from nothing after one
 * collection to all that the next one frees, which the fall shows (Jones, Hosking and Moss, The Garbage Collection Handbook, 2012, chapter 1). So what
 * is alive is known from every sample, not only from the lowest: it is memory less a ramp from nothing to that fall. A minimum of n samples
 * would lie below the mean by an amount that depends on n and on the noise, and there is one a tooth. */
#include "teeth.h"

/* A fall is large beyond so many usual steps, and beyond so many usual rises (memory may come in large pieces, seldom). */
static const double STEPS = 5, RISES = 2.5;
/* It is a collection where so much of it, at least, came bit by bit since the last one, where not more than this came at once, and where it is so much of
 * what teeth free. A tooth that was none is forgotten: whatever is too small makes the usual one smaller by this. */
static const double GRADUAL = .5, AT_ONCE = .5, USUAL = .5, FORGET = .9;
/* Without a sample for so many intervals, and so much of a tooth, there may have been a collection. */
static const double GAP = 5, SHORT_GAP = .1;
enum { LEAST_RISES = 5, ENOUGH = 20, ONE_FALL = 3 };

size_t mc_teeth_open(const struct mc_lifesum *s, double before_n, double before_t, double *n, double *t)
{
	double in = s->teeth.n - before_n, sum = s->teeth.t - before_t;
	size_t i = s->n;
	while (i > 0 && in > s->bin[i - 1].n) {
		i--;
		in -= s->bin[i].n;
		sum -= s->bin[i].n * (s->bin[i].t - s->start);
	}
	*n = in;
	*t = s->start + sum / fmax(in, 1);
	return i > 0 ? i - 1 : 0;
}

/* What is freed rose evenly, from `begun` at `since` until the newest sample. The mean of a ramp is its value at the mean time. */
static void share_out(struct mc_lifesum *s, double before_n, double before_t, double since, double begun, double freed)
{
	double n, t, length = s->teeth.last_t - since;
	for (size_t i = mc_teeth_open(s, before_n, before_t, &n, &t); i < s->n && n > 0; i++) {
		struct mc_lifebin *b = &s->bin[i];
		double part = length > 0 ? fmax(0, fmin(1, (t - since) / length)) : 1;
		b->garbage = teeth_digits(b->garbage + (begun + (freed - begun) * part) * n / b->n);
		if (i + 1 < s->n) {
			n = s->bin[i + 1].n;
			t = s->bin[i + 1].t;
		}
	}
}

static struct mc_tooth *latest(struct mc_teeth *h)
{
	return &h->tooth[(size_t)fmod(fmax(h->count - 1, 0), MC_TEETH_KEPT)];
}

static void begin(struct mc_teeth *h, double t, double y)
{
	h->before_n = h->n;
	h->before_t = h->t;
	h->since = t;
	h->low = y;
	h->jumps = 0;
	h->unseen = false;
}

static void over(struct mc_lifesum *s, double begun, double freed)
{
	struct mc_teeth *h = &s->teeth;
	struct mc_tooth tooth = { h->since, h->last_t, freed };
	if (h->count > 0)
		share_out(s, h->before_n, h->before_t, h->since, begun, freed);
	else {
		h->first = tooth;
		h->first_n = h->n;
		h->first_t = h->t;
	}
	h->usual = h->count > 1 ? (h->usual + freed) / 2 : freed;
	h->count++;
	*latest(h) = tooth;
	h->old_n = h->before_n;
	h->old_t = h->before_t;
}

/* Memory falls once more where a collection was seen half-way. */
static void went_on(struct mc_lifesum *s, double by)
{
	struct mc_teeth *h = &s->teeth;
	if (h->count > 1)
		share_out(s, h->old_n, h->old_t, latest(h)->since, 0, by);
	else
		h->first.freed += by;
	latest(h)->freed += by;
	h->usual += by;
}

/* From the newest sample to this one memory fell by so much. */
static void fell(struct mc_lifesum *s, double t, double y, double by)
{
	struct mc_teeth *h = &s->teeth;
	double before = h->n - h->small_n < ONE_FALL ? h->small : 0, gradual = h->last_y - h->low - h->jumps;
	by += before; /* the same fall, seen half-way */
	bool small = h->count > 1 && by < USUAL * h->usual, known = h->count > 0 && !h->unseen;
	if (h->count > 0 && h->n - h->before_n <= ONE_FALL)
		went_on(s, by);
	else if (small || h->jumps + before > AT_ONCE * by || (known && gradual < GRADUAL * by)) {
		h->jumps -= by - before;
		h->small = by;
		h->small_n = h->n;
		h->usual *= small && !(before > 0) ? FORGET : 1;
		return;
	} else
		over(s, h->unseen ? fmax(0, by - gradual) : 0, by);
	h->small = 0;
	begin(h, t, y);
}

/* What had been filled when samples ceased is not known, but how fast the tooth before filled. */
static void went_unseen(struct mc_lifesum *s, double t, double y)
{
	struct mc_teeth *h = &s->teeth;
	const struct mc_tooth *k = latest(h);
	double length = fmax(k->until - k->since, 1e-9);
	if (t - h->last_t < SHORT_GAP * length)
		return;
	share_out(s, h->before_n, h->before_t, h->since, 0, k->freed * fmin(1, (h->last_t - h->since) / length));
	begin(h, t, y);
	h->unseen = true;
}

static void stepped(struct mc_lifesum *s, double t, double y)
{
	struct mc_teeth *h = &s->teeth;
	double d = y - h->last_y, large = fmax(STEPS * s->step, RISES * h->rise);
	bool gap = t - h->last_t > GAP * (h->last_t - h->begun) / fmax(h->n - 1, 1);
	if (gap && h->count > 0)
		went_unseen(s, t, y);
	else if (h->rises >= LEAST_RISES && d < -large)
		fell(s, t, y, -d);
	else if (h->rises >= LEAST_RISES && d > large && !gap)
		h->jumps += d;
	if (d > 0) {
		h->rises++;
		h->rise += ((h->rises > ENOUGH ? fmin(d, 4 * h->rise) : d) - h->rise) / h->rises;
	}
}

void teeth_add(struct mc_lifesum *s, double t, double y)
{
	struct mc_teeth *h = &s->teeth;
	if (h->n > 0)
		stepped(s, t, y);
	else {
		begin(h, t, y);
		h->begun = t;
	}
	h->n++;
	h->t += t - s->start;
	h->last_t = t;
	h->last_y = y;
}

static bool tooth_plausible(const struct mc_tooth *k)
{
	return isfinite(k->since) && isfinite(k->until) && k->freed >= 0 && isfinite(k->freed);
}

bool teeth_plausible(const struct mc_teeth *h)
{
	const double number[] = { h->t, h->begun, h->last_t, h->last_y, h->rise, h->usual, h->before_t, h->since, h->low, h->jumps, h->small, h->old_t, h->first_t };
	const double count[] = { h->n, h->rises, h->small_n, h->before_n, h->old_n, h->count, h->first_n };
	bool ok = tooth_plausible(&h->first);
	for (size_t i = 0; i < sizeof number / sizeof *number; i++)
		ok = ok && isfinite(number[i]);
	for (size_t i = 0; i < sizeof count / sizeof *count; i++)
		ok = ok && count[i] >= 0 && count[i] < 0x1p53;
	for (size_t i = 0; i < MC_TEETH_KEPT; i++)
		ok = ok && tooth_plausible(&h->tooth[i]);
	return ok;
}
