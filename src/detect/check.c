/* What the arithmetic of a panel cannot bear is refused at the door, by name: it would come out as NaN, or reach beyond an array. Squares of
 * squares have to fit a double, and any memory that there is, in any unit, is far below that. */
#include "evidence.h"

#include <math.h>

static const double MOST_SECONDS = 1e17, MOST_Y = 1e50, MOST_LEVEL = 1e20;

static bool within(double v, double most)
{
	return fabs(v) <= most;
}

static int bad_life(size_t life, const char *what, struct mc_error *err)
{
	return mc_fail(err, MC_EFORMAT, 0, "life %zu: %s", life, what);
}

static int check_row(const struct mc_panel_life *l, size_t life, size_t i, struct mc_error *err)
{
	if (!within(l->t[i], MOST_SECONDS) || (i && l->t[i] < l->t[i - 1]))
		return bad_life(life, "a time is not finite, or before the one before it", err);
	if (!within(l->y[i], MOST_Y))
		return bad_life(life, "a value is not finite", err);
	if (!(l->samples[i] >= 0) || !within(l->samples[i], MOST_Y) || !(l->seconds[i] >= 0) || !within(l->seconds[i], MOST_SECONDS))
		return bad_life(life, "a number of samples or of seconds is below 0 or not finite", err);
	for (size_t k = 0; k < 2; k++)
		if (l->x[k] && !within(l->x[k][i], MOST_Y))
			return bad_life(life, "a covariate is not finite", err);
	return l->requests && !within(l->requests[i], MOST_Y) ? bad_life(life, "its requests are not finite", err) : 0;
}

static int check_lives(const struct mc_panel_in *in, struct mc_error *err)
{
	size_t more = 0;
	for (size_t i = 0; i < in->nlives; i++) {
		const struct mc_panel_life *l = &in->lives[i];
		int rc = 0;
		if (l->n == 0)
			return bad_life(i, "it has no rows", err);
		if (l->release >= in->nreleases)
			return bad_life(i, "its release is none of those", err);
		if (!within(l->start, MOST_SECONDS))
			return bad_life(i, "its start is not finite", err);
		for (size_t k = 0; k < l->n && rc == 0; k++)
			rc = check_row(l, i, k, err);
		if (rc < 0)
			return rc;
		more += l->n - 1;
	}
	return more ? 0 : mc_fail(err, MC_EFORMAT, 0, "no life has two rows: there is nothing to tell a trend by");
}

int panel_check(const struct mc_panel_in *in, struct mc_error *err)
{
	if (in->nreleases == 0)
		return mc_fail(err, MC_EFORMAT, 0, "there has to be one release at least");
	if (in->nreleases > MC_PANEL_RELEASES)
		return mc_fail(err, MC_ELIMIT, 0, "%zu releases are more than %d", in->nreleases, MC_PANEL_RELEASES);
	if (!(in->bin > 0) || !within(in->bin, MOST_SECONDS))
		return mc_fail(err, MC_EFORMAT, 0, "the width of a bin has to be above 0 and finite");
	if (!(in->quantum > 0) || !within(in->quantum, MOST_Y))
		return mc_fail(err, MC_EFORMAT, 0, "the quantum has to be above 0 and finite");
	for (size_t r = 1; r < in->nreleases; r++)
		if (isnan(in->release_t[r]))
			return mc_fail(err, MC_EFORMAT, 0, "release %zu begins at no time", r);
	for (size_t i = 0; i < in->load.n; i++)
		if (!within(in->load.t[i], MOST_SECONDS) || (i && in->load.t[i] < in->load.t[i - 1]) || !within(in->load.level[i], MOST_LEVEL))
			return mc_fail(err, MC_EFORMAT, 0, "load %zu: not finite, or before the one before it", i);
	for (size_t i = 0; i < in->nonsets; i++)
		if (!within(in->onsets[i], MOST_SECONDS) || (i && in->onsets[i] < in->onsets[i - 1]))
			return mc_fail(err, MC_EFORMAT, 0, "onset %zu: not finite, or before the one before it", i);
	return check_lives(in, err);
}

int panel_check_suppositions(const struct mc_panel *p, const struct mc_supposition *s, size_t n, struct mc_error *err)
{
	for (size_t i = 0; i < n; i++) {
		bool again = s[i].again < s[i].again_until;
		if (s[i].from >= s[i].until || s[i].until > p->nreleases || (again && (s[i].again < s[i].until || s[i].again_until > p->nreleases)))
			return mc_fail(err, MC_EFORMAT, 0, "supposition %zu: no releases, or some that are not there", i);
	}
	return 0;
}
