/* What the daemon makes of load and limits: by how much requests changed, and what a program may have. */
#include <math.h>
#include <string.h>

#include "daemon_parts.h"
#include "scenario.h"

#define NOW_S 60.0      /* requests "now" are those of the last minute, */
#define USUAL_S 21600.0 /* held against the last hours */

static double towards(double was, double rate, double seconds, double over)
{
	return isnan(was) ? rate : was + (rate - was) * (seconds < over ? seconds / over : 1);
}

double daemon_requests_change(const struct daemon *d)
{
	if (!(d->requests_usual > 0) || d->requests_s < 10 * NOW_S)
		return (double)NAN; /* too early to know what is usual */
	return d->requests_now / d->requests_usual - 1;
}

void daemon_requests(struct daemon *d)
{
	double sum = 0, seconds = d->before_ms ? (double)(d->last_ms - d->before_ms) / 1000 : 0;
	bool any = false;
	for (size_t i = 0; i < d->nprograms; i++) {
		struct program *p = &d->programs[i];
		/* a counter that fell began anew */
		if (p->requests >= p->requests_before) {
			sum += p->requests - p->requests_before;
			any = true;
		}
		p->requests_before = p->requests;
	}
	if (!any || seconds <= 0)
		return;
	if (d->requests_s == 0)
		d->requests_now = d->requests_usual = (double)NAN;
	d->requests_s += seconds;
	d->requests_now = towards(d->requests_now, sum / seconds, seconds, NOW_S);
	/* at first the mean of what there is */
	d->requests_usual = towards(d->requests_usual, sum / seconds, seconds, d->requests_s < USUAL_S ? d->requests_s : USUAL_S);
}

static void limit_fact(int64_t program, char out[64])
{
	snprintf(out, 64, "limit/%lld", (long long)program);
}

void daemon_limits(struct daemon *d)
{
	struct mc_error err;
	char name[64], text[32];
	for (size_t i = 0; d->store && i < d->nprograms; i++) {
		struct program *p = &d->programs[i];
		double limit = p->totals->limit_group == MC_NO_GROUP ? 0 : p->totals->memory_limit_total;
		if (!p->alive || !p->id || fabs(limit - p->limit) < 1)
			continue;
		limit_fact(p->id, name);
		snprintf(text, sizeof text, "%.0f", limit);
		if (mc_store_fact_put(d->store, name, text, &err) < 0) {
			daemon_trouble(d, AT_STORE, &err);
			return;
		}
		p->limit = limit;
	}
}

double daemon_limit_of(struct mc_store *s, int64_t program)
{
	struct mc_buf text = { 0 };
	char name[64];
	double v = 0;
	limit_fact(program, name);
	if (mc_store_fact_get(s, name, &text, NULL) < 0 || !mc_parse_double(mc_buf_text(&text), text.len, &v) || !(v > 0))
		v = (double)NAN;
	mc_buf_release(&text);
	return v;
}
