/* By how much requests differ from what is usual, from what is stored: for the sentence on the host. */
#include <math.h>

#include "program.h"

#define NOW_MS 60000        /* requests "now" are those of the last minute, */
#define USUAL_MS 21600000   /* held against the last hours, */
#define EARLY_MS 600000     /* of which there must be so much */

struct rates {
	double now, usual; /* a second */
};

/* Adds what a counter grew by; one that fell began anew. */
static void add_series(const struct mc_load_series *l, int64_t as_of, struct rates *r)
{
	const double *v = l->v[MC_L_REQUESTS];
	double recent = 0, all = 0, recent_ms = 0, all_ms = 0;
	for (size_t i = 1; v && i < l->n; i++) {
		double ms = (double)(l->t_ms[i] - l->t_ms[i - 1]);
		if (!isfinite(v[i]) || !isfinite(v[i - 1]) || v[i] < v[i - 1])
			continue;
		all += v[i] - v[i - 1];
		all_ms += ms;
		if (l->t_ms[i] <= as_of - NOW_MS)
			continue;
		recent += v[i] - v[i - 1];
		recent_ms += ms;
	}
	if (all_ms < EARLY_MS || recent_ms <= 0)
		return;
	r->now += recent * 1000 / recent_ms;
	r->usual += all * 1000 / all_ms;
}

int requests_change(struct mc_store *s, const struct mc_config *cfg, const struct mc_program_row *rows, size_t n, int64_t as_of, double *ret,
	struct mc_error *err)
{
	struct rates r = { 0 };
	int rc = 0;
	for (size_t i = 0; cfg && rc == 0 && i < n; i++) {
		const struct mc_program_config *c = mc_config_program(cfg, rows[i].name);
		struct mc_load_series l = { 0 };
		if (!c || (!c->load_url && !c->load_file) || rows[i].last_ms < as_of - NOW_MS)
			continue;
		rc = mc_store_load_series(s, rows[i].id, as_of - USUAL_MS, as_of, &l, err);
		if (rc == 0)
			add_series(&l, as_of, &r);
		mc_load_series_release(&l);
	}
	if (rc == 0)
		*ret = r.usual > 0 ? r.now / r.usual - 1 : (double)NAN;
	return rc;
}
