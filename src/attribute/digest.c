/* What is kept of a life's samples. All that is asked of them later is in here: bins of memory with their covariates, first and
 * last times, and how many there were. */
#include "history.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static double value(const double *v, size_t i)
{
	return v && fabs(v[i]) < HISTORY_MOST_VALUE ? v[i] : (double)NAN;
}

/* Private memory, what was swapped out of it included. */
static double private_bytes(const struct mc_life *l, size_t i)
{
	double a = value(l->anon, i), s = value(l->swap, i);
	if (!isfinite(a))
		a = value(l->rss, i);
	return isfinite(s) ? a + s : a;
}

struct mc_digest *mc_digest_new(void)
{
	struct mc_digest *d = malloc(sizeof *d);
	if (d)
		mc_digest_begin(d, 0);
	return d;
}

void mc_digest_free(struct mc_digest *d)
{
	free(d);
}

void mc_digest_begin(struct mc_digest *d, int64_t start_ms)
{
	*d = (struct mc_digest){ .start_ms = start_ms, .first_ms = MC_NO_TIME, .last_ms = MC_NO_TIME };
	mc_lifesum_init(&d->sum, 0);
}

/* Clocks may be wild, but not so that a time is no number of milliseconds any more. */
static double since_start(const struct mc_digest *d, int64_t ms)
{
	return fmax(-1e13, fmin(1e13, ((double)ms - (double)d->start_ms) / 1000));
}

static double raise(double *most, double v)
{
	if (!isfinite(v))
		return (double)NAN;
	*most = fmax(*most, v);
	return *most;
}

static size_t first_after(const struct mc_life *l, int64_t t)
{
	size_t lo = 0, hi = l->n;
	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		if (l->t_ms[mid] <= t)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

void mc_digest_add(struct mc_digest *d, const struct mc_life *l, int64_t until_ms)
{
	size_t i = d->last_ms == MC_NO_TIME ? 0 : first_after(l, d->last_ms);
	double x[MC_LIFESUM_COVARIATES];
	for (; i < l->n && l->t_ms[i] <= until_ms; i++) {
		if (d->first_ms == MC_NO_TIME) {
			/* a process can't be seen before it starts; start times run some ms early or late */
			d->first_ms = l->t_ms[i];
			mc_lifesum_init(&d->sum, fmin(0, since_start(d, d->first_ms)));
		}
		double y = private_bytes(l, i);
		/* largest so far: what a surge of connections took is not given back */
		x[HISTORY_X_THREADS] = raise(&d->threads, value(l->threads, i));
		x[HISTORY_X_FDS] = raise(&d->fds, value(l->fds, i));
		x[HISTORY_X_REQUESTS] = value(l->requests, i);
		x[HISTORY_X_SHMEM] = value(l->shmem, i);
		mc_lifesum_add(&d->sum, since_start(d, l->t_ms[i]), y, x);
		d->n += isfinite(y);
		d->last_ms = l->t_ms[i];
	}
}

int64_t mc_digest_last_ms(const struct mc_digest *d)
{
	return d->last_ms;
}

double mc_digest_samples(const struct mc_digest *d)
{
	return d->n;
}

static const char MAGIC[4] = { 'M', 'D', 1, sizeof(double) };

int mc_digest_write(const struct mc_digest *d, struct mc_buf *out, struct mc_error *err)
{
	mc_buf_add(out, MAGIC, sizeof MAGIC);
	mc_buf_add(out, d, offsetof(struct mc_digest, sum));
	return mc_lifesum_write(&d->sum, out, err);
}

int mc_digest_read(struct mc_digest *d, const void *data, size_t len, struct mc_error *err)
{
	const char *p = data;
	size_t head = sizeof MAGIC + offsetof(struct mc_digest, sum);
	if (len < head || memcmp(p, MAGIC, sizeof MAGIC) != 0)
		return mc_fail(err, MC_ECORRUPT, 0, "what is kept of a life is of another version");
	memcpy(d, p + sizeof MAGIC, offsetof(struct mc_digest, sum));
	int rc = mc_lifesum_read(&d->sum, p + head, len - head, err);
	bool some = d->first_ms != MC_NO_TIME && d->last_ms != MC_NO_TIME && d->first_ms <= d->last_ms;
	if (rc == 0 && (!(d->n >= 0) || !(d->threads >= 0) || !(d->fds >= 0) || (!some && d->sum.last_t > -(double)INFINITY)))
		rc = mc_fail(err, MC_ECORRUPT, 0, "what is kept of a life is damaged");
	return rc;
}
