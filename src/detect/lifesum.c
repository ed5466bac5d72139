/* A life as a bounded number of bins. A bin covers a stretch of age [k*w, (k+1)*w), w = MC_LIFESUM_TICK * 2^e. Young ages
 * have narrow ones: e is the largest with 16 * w <= age, never above `level`. When there are too many bins, level rises by
 * one and neighbours in the coarsest ones join. Widths are nested, so what came first and what was joined when is the same. */
#include "teeth.h"

#include <math.h>
#include <string.h>

enum { YOUNG = 16, MOST_LEVEL = 46, WINDOW = 5 };

void mc_lifesum_init(struct mc_lifesum *s, double start)
{
	memset(s, 0, sizeof *s);
	s->start = start;
	s->last_t = -(double)INFINITY;
}

/* Exponent and index of the bin that covers this age, in one number. */
static int64_t key_of(double age, int level)
{
	int e = 0;
	double a = (age > 0 ? age : 0) / MC_LIFESUM_TICK;
	if (a >= 2.0 * YOUNG) {
		frexp(a / YOUNG, &e);
		e -= 1;
	}
	e = e < level ? e : level;
	return (int64_t)e * ((int64_t)1 << 56) + (int64_t)fmin(ldexp(a, -e), 0x1p55);
}

static void join(struct mc_lifebin *a, const struct mc_lifebin *b)
{
	double n = a->n + b->n;
	a->t += (b->t - a->t) * b->n / n;
	a->y += (b->y - a->y) * b->n / n;
	a->garbage = teeth_digits(a->garbage + (b->garbage - a->garbage) * b->n / n);
	for (size_t i = 0; i < MC_LIFESUM_COVARIATES; i++)
		a->x[i] = isfinite(b->x[i]) ? (isfinite(a->x[i]) ? a->x[i] + (b->x[i] - a->x[i]) * b->n / n : b->x[i]) : a->x[i];
	a->n = n;
}

static void coarser(struct mc_lifesum *s)
{
	while (s->n >= MC_LIFESUM_BINS && s->level < MOST_LEVEL) {
		size_t k = 0;
		s->level++;
		for (size_t i = 0; i < s->n; i++) {
			struct mc_lifebin b = s->bin[i];
			b.key = key_of(b.t - s->start, s->level);
			if (k > 0 && s->bin[k - 1].key == b.key)
				join(&s->bin[k - 1], &b);
			else
				s->bin[k++] = b;
		}
		s->n = k;
	}
}

/* The mean size of steps, of which each counts for 4 usual ones at most. Memory comes in quanta, so a median would often be 0. */
static void count_step(struct mc_lifesum *s, double y)
{
	if (s->n > 0) {
		double d = y - s->last_y, size = fabs(d);
		if (s->steps >= 20)
			size = fmin(size, 4 * s->step + 1e-9 * fabs(y));
		s->steps++;
		s->step += (size - s->step) / s->steps;
	}
	s->last_y = y;
}

/* One sample, the median of five about it and that of three. Only what stands far out is replaced by that: a median of all would be smoother than the
 * noise is, and the noise model would take that for a long memory. */
static void put(struct mc_lifesum *s, double t, double median, double three, double raw, const double *x)
{
	double y = s->steps < 20 || fabs(raw - median) > 2.5 * s->step ? median : raw;
	/* a median of five would cut the edges of the first tooth */
	teeth_add(s, t, s->steps < 20 ? three : y);
	count_step(s, raw);
	struct mc_lifebin b = { .t = t, .y = y, .n = 1, .key = key_of(t - s->start, s->level) };
	memcpy(b.x, x, sizeof b.x);
	if (s->n == MC_LIFESUM_BINS && s->bin[s->n - 1].key != b.key) {
		coarser(s);
		b.key = key_of(t - s->start, s->level);
	}
	if (s->n > 0 && s->bin[s->n - 1].key == b.key)
		join(&s->bin[s->n - 1], &b);
	else if (s->n < MC_LIFESUM_BINS)
		s->bin[s->n++] = b;
}

static double median_of(const double *v, unsigned n)
{
	double w[WINDOW];
	for (unsigned i = 0; i < n; i++) {
		unsigned k = i;
		for (; k > 0 && w[k - 1] > v[i]; k--)
			w[k] = w[k - 1];
		w[k] = v[i];
	}
	return n % 2 ? w[n / 2] : (w[n / 2 - 1] + w[n / 2]) / 2;
}

void mc_lifesum_add(struct mc_lifesum *s, double t, double y, const double *x)
{
	if (!isfinite(t) || !isfinite(y) || t <= s->last_t || s->flushed)
		return;
	s->last_t = t;
	if (s->ntail == WINDOW) {
		memmove(s->tail_t, s->tail_t + 1, (WINDOW - 1) * sizeof *s->tail_t);
		memmove(s->tail_y, s->tail_y + 1, (WINDOW - 1) * sizeof *s->tail_y);
		memmove(s->tail_x, s->tail_x + 1, (WINDOW - 1) * sizeof *s->tail_x);
		s->ntail--;
	}
	s->tail_t[s->ntail] = t;
	s->tail_y[s->ntail] = y;
	for (size_t i = 0; i < MC_LIFESUM_COVARIATES; i++)
		s->tail_x[s->ntail][i] = x ? x[i] : (double)NAN;
	s->ntail++;
	/* the middle of the window goes in; a life's first two samples with the window that they have */
	if (s->ntail == 3 && s->n == 0)
		put(s, s->tail_t[0], median_of(s->tail_y, 3), s->tail_y[0], s->tail_y[0], s->tail_x[0]);
	else if (s->ntail == 4)
		put(s, s->tail_t[1], median_of(s->tail_y, 4), median_of(s->tail_y, 3), s->tail_y[1], s->tail_x[1]);
	else if (s->ntail == WINDOW)
		put(s, s->tail_t[2], median_of(s->tail_y, WINDOW), median_of(s->tail_y + 1, 3), s->tail_y[2], s->tail_x[2]);
}

void mc_lifesum_flush(struct mc_lifesum *s)
{
	if (s->flushed)
		return;
	s->flushed = true;
	unsigned n = s->ntail, from = n < 3 ? 0 : n - 2;
	double m = n ? median_of(s->tail_y + (n < 3 ? 0 : n - 3), n < 3 ? n : 3) : 0;
	for (unsigned i = from; i < n; i++)
		put(s, s->tail_t[i], m, m, s->tail_y[i], s->tail_x[i]);
}

/* Kept as: the struct as it is up to its bins, then a bin after the other, without what can be told from the bin before. The number of
 * the stretch is told by the time. */
enum { VERSION = 3, HEAD = 8, ONE = 1, GARBAGE = 2, COVARIATE = 4 };

static void put_count(struct mc_buf *out, double n)
{
	uint64_t v = (uint64_t)n;
	do {
		unsigned char c = (unsigned char)((v & 0x7f) | (v > 0x7f ? 0x80 : 0));
		mc_buf_add(out, &c, 1);
	} while (v >>= 7);
}

/* To the last bit, so that what is read is what was written. */
static bool same_bits(double a, double b)
{
	uint64_t x, y;
	memcpy(&x, &a, sizeof x);
	memcpy(&y, &b, sizeof y);
	return x == y;
}

static void put_bin(struct mc_buf *out, const struct mc_lifebin *b, const struct mc_lifebin *before)
{
	unsigned char flags = 0;
	size_t at = out->len;
	float garbage = (float)b->garbage; /* it is one already */
	mc_buf_add(out, &flags, 1);
	mc_buf_add(out, &b->t, sizeof b->t);
	mc_buf_add(out, &b->y, sizeof b->y);
	if (b->n == 1)
		flags |= ONE;
	else
		put_count(out, b->n);
	if (b->garbage != 0) {
		flags |= GARBAGE;
		mc_buf_add(out, &garbage, sizeof garbage);
	}
	for (size_t i = 0; i < MC_LIFESUM_COVARIATES; i++)
		if (!before || !same_bits(b->x[i], before->x[i])) {
			flags |= (unsigned char)(COVARIATE << i);
			mc_buf_add(out, &b->x[i], sizeof b->x[i]);
		}
	if (!out->failed)
		out->data[at] = (char)flags;
}

int mc_lifesum_write(const struct mc_lifesum *s, struct mc_buf *out, struct mc_error *err)
{
	unsigned char head[HEAD] = { 'L', 'S', VERSION, sizeof(double) };
	uint32_t n = (uint32_t)s->n;
	memcpy(head + 4, &n, sizeof n);
	mc_buf_add(out, head, sizeof head);
	mc_buf_add(out, s, offsetof(struct mc_lifesum, bin));
	for (size_t i = 0; i < s->n; i++)
		put_bin(out, &s->bin[i], i ? &s->bin[i - 1] : NULL);
	return mc_buf_check(out, err);
}

/* Numbers that mc_lifesum_add() could have made. */
static bool plausible(const struct mc_lifesum *s)
{
	bool ok = isfinite(s->start) && !isnan(s->last_t) && teeth_plausible(&s->teeth);
	for (size_t i = 0; ok && i < s->n; i++) {
		const struct mc_lifebin *b = &s->bin[i];
		ok = isfinite(b->t) && isfinite(b->y) && isfinite(b->garbage) && b->n >= 1 && b->n < 0x1p53 && (i == 0 || b->t > s->bin[i - 1].t);
	}
	for (unsigned i = 0; ok && i < s->ntail; i++)
		ok = isfinite(s->tail_t[i]) && isfinite(s->tail_y[i]);
	return ok;
}

struct bytes {
	const unsigned char *at, *end;
	bool short_;
};

static void take(struct bytes *in, void *to, size_t n)
{
	if ((size_t)(in->end - in->at) < n) {
		in->short_ = true;
		memset(to, 0, n);
		return;
	}
	memcpy(to, in->at, n);
	in->at += n;
}

static double take_count(struct bytes *in)
{
	uint64_t v = 0;
	unsigned char c = 0x80;
	for (unsigned shift = 0; c & 0x80 && shift < 56; shift += 7) {
		take(in, &c, 1);
		v |= (uint64_t)(c & 0x7f) << shift;
	}
	return (double)v;
}

static void take_bin(struct bytes *in, struct mc_lifebin *b, const struct mc_lifebin *before)
{
	unsigned char flags;
	take(in, &flags, 1);
	take(in, &b->t, sizeof b->t);
	take(in, &b->y, sizeof b->y);
	b->n = flags & ONE ? 1 : take_count(in);
	float garbage = 0;
	if (flags & GARBAGE)
		take(in, &garbage, sizeof garbage);
	b->garbage = (double)garbage;
	for (size_t i = 0; i < MC_LIFESUM_COVARIATES; i++) {
		if (flags & (unsigned)COVARIATE << i || !before)
			take(in, &b->x[i], sizeof b->x[i]);
		else
			b->x[i] = before->x[i];
	}
}

int mc_lifesum_read(struct mc_lifesum *s, const void *data, size_t len, struct mc_error *err)
{
	const unsigned char *p = data;
	uint32_t n = 0;
	size_t fixed = offsetof(struct mc_lifesum, bin);
	if (len < HEAD + fixed || p[0] != 'L' || p[1] != 'S' || p[2] != VERSION || p[3] != sizeof(double))
		return mc_fail(err, MC_ECORRUPT, 0, "a life's summary is of another version");
	memcpy(&n, p + 4, sizeof n);
	if (n > MC_LIFESUM_BINS)
		return mc_fail(err, MC_ECORRUPT, 0, "a life's summary is cut off");
	if (p[HEAD + offsetof(struct mc_lifesum, flushed)] > 1 || p[HEAD + offsetof(struct mc_lifesum, teeth.unseen)] > 1)
		return mc_fail(err, MC_ECORRUPT, 0, "a life's summary is damaged");
	struct bytes in = { .at = p + HEAD + fixed, .end = p + len };
	memcpy(s, p + HEAD, fixed);
	for (size_t i = 0; i < n; i++)
		take_bin(&in, &s->bin[i], i ? &s->bin[i - 1] : NULL);
	if (in.short_ || in.at != in.end)
		return mc_fail(err, MC_ECORRUPT, 0, "a life's summary is cut off");
	if (s->n != n || s->ntail > WINDOW || s->level < 0 || s->level > MOST_LEVEL || !plausible(s))
		return mc_fail(err, MC_ECORRUPT, 0, "a life's summary is damaged");
	for (size_t i = 0; i < n; i++)
		s->bin[i].key = key_of(s->bin[i].t - s->start, s->level);
	return 0;
}
