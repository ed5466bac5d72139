/* Series cut to what a screen can show: buckets with least, largest and last value. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "serve_priv.h"

enum { DEFAULT_BUCKETS = 600 };

/* The next step from `ms` up that people read easily. */
static int64_t nice_step(int64_t ms)
{
	static const int64_t steps[] = { 1000, 2000, 5000, 10000, 15000, 30000, 60000, 120000, 300000, 600000, 900000, 1800000,
		3600000, 7200000, 10800000, 21600000, 43200000, 86400000 };
	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++)
		if (steps[i] >= ms)
			return steps[i];
	return (ms + 86399999) / 86400000 * 86400000;
}

static int read_step(const char *text, int64_t *ret, struct mc_error *err)
{
	double seconds;
	if (mc_parse_double(text, strlen(text), &seconds) && seconds >= 0.001 && seconds <= 1e9)
		*ret = (int64_t)(seconds * 1000 + 0.5);
	else if (mc_duration_parse(text, ret, NULL) || *ret <= 0)
		return mc_fail(err, MC_EUSAGE, 0, "step \"%.100s\": expected seconds or a duration such as 5m", text);
	return 0;
}

static bool given(const char *s)
{
	return s && s[0];
}

int mc_span_read(const struct mc_request *rq, int64_t now_ms, int64_t first_ms, int64_t last_ms, struct mc_span *ret,
	struct mc_error *err)
{
	const char *start = rq->arg(rq->handle, "start"), *end = rq->arg(rq->handle, "end"), *step = rq->arg(rq->handle, "step");
	struct mc_span sp = { first_ms, last_ms + 1, 0 };
	int rc;
	if (given(start) && (rc = mc_time_parse(start, now_ms, &sp.start_ms, err)))
		return rc;
	if (given(end) && (rc = mc_time_parse(end, now_ms, &sp.end_ms, err)))
		return rc;
	/* Nothing outside of a span that any clock shows: the differences below cannot overflow. */
	static const int64_t most = INT64_C(1) << 60;
	if (sp.start_ms < -most || sp.end_ms > most || sp.end_ms <= sp.start_ms)
		return mc_fail(err, MC_EUSAGE, 0, "the start of the span is not before its end");
	int64_t length = sp.end_ms - sp.start_ms;
	if (!given(step))
		sp.step_ms = nice_step((length + DEFAULT_BUCKETS - 1) / DEFAULT_BUCKETS);
	else if ((rc = read_step(step, &sp.step_ms, err)))
		return rc;
	if ((length - 1) / sp.step_ms >= MC_SERIES_POINTS) {
		double least = (double)nice_step((length + MC_SERIES_POINTS - 1) / MC_SERIES_POINTS) / 1000;
		return mc_fail(err, MC_EUSAGE, 0, "more than %d points: a step of %.0f s would do", MC_SERIES_POINTS, least);
	}
	*ret = sp;
	return 0;
}

size_t mc_span_buckets(const struct mc_span *sp)
{
	if (sp->step_ms <= 0 || sp->end_ms <= sp->start_ms)
		return 0;
	int64_t n = (sp->end_ms - sp->start_ms - 1) / sp->step_ms + 1;
	return n > MC_SERIES_POINTS ? (size_t)MC_SERIES_POINTS : (size_t)n;
}

void mc_downsample(const struct mc_curve *s, const struct mc_span *sp, double *min, double *max, double *last)
{
	size_t n = mc_span_buckets(sp);
	for (size_t i = 0; i < n; i++)
		min[i] = max[i] = last[i] = (double)NAN;
	for (size_t i = 0; i < s->n; i++) {
		double v = s->v[i];
		if (s->t_ms[i] < sp->start_ms || s->t_ms[i] >= sp->end_ms || isnan(v))
			continue;
		size_t k = (size_t)((s->t_ms[i] - sp->start_ms) / sp->step_ms);
		if (k >= n)
			break;
		if (!(min[k] <= v))
			min[k] = v;
		if (!(max[k] >= v))
			max[k] = v;
		last[k] = v;
	}
}

/* Whole numbers go without a fraction, and bytes are whole; the others with six digits: it is for the eye. */
static void put_values(struct mc_json *j, const char *key, const double *v, size_t n, bool bytes)
{
	mc_json_array(j, key);
	for (size_t i = 0; i < n; i++) {
		double x = bytes ? round(v[i]) : v[i];
		if (isfinite(x) && x == floor(x) && fabs(x) < 9e15) {
			mc_json_int(j, NULL, (int64_t)x);
			continue;
		}
		double unit = isfinite(x) ? pow(10, 5 - floor(log10(fabs(x)))) : 1;
		mc_json_num(j, NULL, isfinite(unit) ? round(x * unit) / unit : x);
	}
	mc_json_close(j);
}

size_t mc_curve_group(const struct mc_curve *c, size_t n)
{
	size_t k = 1;
	while (k < n && c[0].group && c[k].group && strcmp(c[0].group, c[k].group) == 0)
		k++;
	return k;
}

int mc_series_json(struct mc_json *j, const char *program, const struct mc_span *sp, const struct mc_curve *s, size_t n,
	struct mc_error *err)
{
	size_t buckets = mc_span_buckets(sp);
	double *v = mc_reallocarray(NULL, 3 * (buckets + 1), sizeof(*v));
	if (!v)
		return mc_nomem(err, "a series");
	double *min = v, *max = v + buckets, *last = v + 2 * buckets;
	mc_json_object(j, NULL);
	mc_json_int(j, "schema", 1);
	mc_json_str(j, "program", program);
	mc_json_int(j, "start_ms", sp->start_ms);
	mc_json_int(j, "end_ms", sp->end_ms);
	mc_json_int(j, "step_ms", sp->step_ms);
	mc_json_array(j, "t_ms");
	for (size_t i = 0; i < buckets; i++)
		mc_json_int(j, NULL, sp->start_ms + (int64_t)i * sp->step_ms);
	mc_json_close(j);
	mc_json_object(j, "series");
	for (size_t i = 0; i < n; i++) {
		bool bytes = s[i].unit && strncmp(s[i].unit, "bytes", 5) == 0;
		mc_downsample(&s[i], sp, min, max, last);
		mc_json_object(j, s[i].name);
		mc_json_str(j, "unit", s[i].unit);
		mc_json_str(j, "label", s[i].label ? s[i].label : s[i].name);
		if (s[i].host && s[i].host[0])
			mc_json_str(j, "host", s[i].host);
		if (s[i].group)
			mc_json_str(j, "group", s[i].group);
		if (!s[i].last_only) {
			put_values(j, "min", min, buckets, bytes);
			put_values(j, "max", max, buckets, bytes);
		}
		put_values(j, "last", last, buckets, bytes);
		mc_json_close(j);
	}
	mc_json_close(j);
	mc_json_close(j);
	free(v);
	return 0;
}
