/* The program's load: its counters in bounded room, and the level that the panel is told of. */
#include "history.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { COUNTERS = 8, MOST_LEVEL = 40 };

struct mc_loadsum {
	size_t n, cap;
	int level;                   /* points share no stretch of MC_LOADSUM_TICK_MS << level */
	int64_t last_ms;
	double before[COUNTERS];     /* newest value of each, NaN: none yet */
	double sum[COUNTERS];        /* all rises */
	int64_t *t;
	double *v[COUNTERS];
};

static void counters_of(const struct mc_load *l, const double *v[COUNTERS])
{
	const double *all[COUNTERS] = { l->requests, l->rx_packets, l->rx_bytes, l->tx_bytes, l->io_read, l->cpu_seconds, l->tx_packets, l->io_write };
	memcpy(v, all, sizeof all);
}

struct mc_loadsum *mc_loadsum_new(void)
{
	struct mc_loadsum *s = calloc(1, sizeof *s);
	for (size_t k = 0; s && k < COUNTERS; k++)
		s->before[k] = (double)NAN;
	return s;
}

void mc_loadsum_free(struct mc_loadsum *s)
{
	if (!s)
		return;
	free(s->t);
	for (size_t k = 0; k < COUNTERS; k++)
		free(s->v[k]);
	free(s);
}

static int room(struct mc_loadsum *s, struct mc_error *err)
{
	if (s->n < s->cap)
		return 0;
	size_t cap = s->cap ? s->cap * 4 : 512;
	int64_t *t = mc_reallocarray(s->t, cap, sizeof *t);
	if (!t)
		return mc_nomem(err, "the load");
	s->t = t;
	for (size_t k = 0; k < COUNTERS; k++) {
		double *v = mc_reallocarray(s->v[k], cap, sizeof *v);
		if (!v)
			return mc_nomem(err, "the load");
		s->v[k] = v;
	}
	s->cap = cap;
	return 0;
}

static int64_t stretch(const struct mc_loadsum *s, int64_t t)
{
	int64_t w = (int64_t)MC_LOADSUM_TICK_MS << s->level;
	return t / w - (t % w < 0);
}

/* Of points in one stretch the last stays, since counters say all that was before; and the first of all. */
static void coarser(struct mc_loadsum *s)
{
	while (s->n >= MC_LOADSUM_POINTS && s->level < MOST_LEVEL) {
		size_t n = 1;
		s->level++;
		for (size_t i = 1; i < s->n; i++) {
			if (n > 1 && stretch(s, s->t[n - 1]) == stretch(s, s->t[i]))
				n--;
			s->t[n] = s->t[i];
			for (size_t k = 0; k < COUNTERS; k++)
				s->v[k][n] = s->v[k][i];
			n++;
		}
		s->n = n;
	}
}

/* Where a counter falls it has started again. */
static void count(struct mc_loadsum *s, size_t k, double v)
{
	if (!(fabs(v) < HISTORY_MOST_VALUE))
		return;
	if (isfinite(s->before[k]))
		s->sum[k] += v >= s->before[k] ? v - s->before[k] : fmax(v, 0);
	s->before[k] = v;
}

int mc_loadsum_add(struct mc_loadsum *s, const struct mc_load *l, int64_t until_ms, struct mc_error *err)
{
	const double *v[COUNTERS];
	counters_of(l, v);
	for (size_t i = 0; i < l->n && l->t_ms[i] <= until_ms; i++) {
		if (s->n && l->t_ms[i] <= s->last_ms)
			continue;
		for (size_t k = 0; k < COUNTERS; k++)
			count(s, k, v[k] ? v[k][i] : (double)NAN);
		s->last_ms = l->t_ms[i];
		bool again = s->n > 1 && stretch(s, s->t[s->n - 1]) == stretch(s, s->last_ms);
		if (!again && s->n >= MC_LOADSUM_POINTS) {
			coarser(s);
			again = s->n > 1 && stretch(s, s->t[s->n - 1]) == stretch(s, s->last_ms);
		}
		int rc = again ? 0 : room(s, err);
		if (rc < 0)
			return rc;
		s->n += !again;
		s->t[s->n - 1] = s->last_ms;
		for (size_t k = 0; k < COUNTERS; k++)
			s->v[k][s->n - 1] = s->sum[k];
	}
	return 0;
}

void mc_loadsum_view(const struct mc_loadsum *s, struct mc_load *ret)
{
	*ret = (struct mc_load){ .n = s->n, .t_ms = s->t, .requests = s->v[0], .rx_packets = s->v[1], .rx_bytes = s->v[2], .tx_bytes = s->v[3],
		.io_read = s->v[4], .cpu_seconds = s->v[5], .tx_packets = s->v[6], .io_write = s->v[7] };
}

/* level[i] holds from t[i] to t[i + 1]. */
static void set_levels(struct history *h, const struct mc_loadsum *s, const double *count)
{
	for (size_t i = 0; i < s->n; i++)
		h->load_t[i] = history_seconds(h, s->t[i]);
	h->load_mean = count[s->n - 1] / (h->load_t[s->n - 1] - h->load_t[0]);
	for (size_t i = 0; i < s->n; i++) {
		double dt = i + 1 < s->n ? h->load_t[i + 1] - h->load_t[i] : 0;
		h->load_level[i] = dt > 0 ? (count[i + 1] - count[i]) / dt / h->load_mean : i ? h->load_level[i - 1] : 1;
	}
	h->load_sum[0] = 0;
	for (size_t i = 0; i < s->n; i++)
		h->load_sum[i + 1] = h->load_sum[i] + h->load_level[i];
	h->nload = s->n;
}

static int take(struct history *h, const struct mc_loadsum *s, struct mc_error *err)
{
	static const char *const what[] = { "requests", "packets received", "bytes received", "bytes sent", "bytes read", "CPU time" };
	size_t k = 0, most = sizeof what / sizeof *what;
	while (k < most && !(s->n && s->v[k][s->n - 1] > 0))
		k++;
	if (s->n < 8 || k == most || !(history_seconds(h, s->t[s->n - 1]) > history_seconds(h, s->t[0])))
		return 0;
	h->load_t = mc_reallocarray(NULL, s->n, sizeof *h->load_t);
	h->load_level = mc_reallocarray(NULL, s->n, sizeof *h->load_level);
	h->load_sum = mc_reallocarray(NULL, s->n + 1, sizeof *h->load_sum);
	if (!h->load_t || !h->load_level || !h->load_sum)
		return mc_nomem(err, "the load");
	h->load_what = what[k];
	set_levels(h, s, s->v[k]);
	return 0;
}

int history_load(struct history *h, int64_t until_ms, struct mc_error *err)
{
	struct mc_loadsum *s = mc_loadsum_new();
	int rc = s ? mc_loadsum_add(s, &h->c->load, until_ms, err) : mc_nomem(err, "the load");
	if (rc == 0)
		rc = take(h, s, err);
	mc_loadsum_free(s);
	return rc;
}

double history_mean_load(const struct history *h, double from, double to)
{
	double sum = 0, time = 0;
	for (size_t i = 0; i + 1 < h->nload; i++) {
		double a = fmax(h->load_t[i], from), b = fmin(h->load_t[i + 1], to);
		if (b > a) {
			sum += h->load_level[i] * (b - a);
			time += b - a;
		}
	}
	return time > 0 ? sum / time : (double)NAN;
}

/* The first point of the load at t or later. */
static size_t first_from(const struct history *h, double t)
{
	size_t lo = 0, hi = h->nload;
	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		if (h->load_t[mid] < t)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

double history_usual_load(const struct history *h, double from, double to)
{
	size_t a = first_from(h, from), b = first_from(h, to);
	return b > a ? (h->load_sum[b] - h->load_sum[a]) / (double)(b - a) : 0;
}

void history_load_between(const struct history *h, double from, double to, double *most, double *mean)
{
	double window = fmax(h->as_of / 100, h->tick), sum = 0, all = 0;
	size_t n = 0, seen = 0;
	*most = 0;
	for (size_t i = 0; i < h->nload; i++) {
		bool in = h->load_t[i] >= from && h->load_t[i] < to;
		if (in) {
			sum += h->load_level[i];
			all += h->load_level[i];
			n++;
			seen++;
		}
		bool over = i + 1 == h->nload || floor(h->load_t[i + 1] / window) != floor(h->load_t[i] / window);
		if (over && n) {
			*most = fmax(*most, sum / (double)n);
			sum = 0;
			n = 0;
		}
	}
	*mean = seen ? all / (double)seen : 0;
}
