#include "detect_lives.h"
#include "../prop/random.h"

#include <math.h>

void near(double got, double want, double tolerance)
{
	if (!(fabs(got - want) <= tolerance))
		fail_msg("%.12g is not %.12g within %g", got, want, tolerance);
}

void simulate(struct lives *w, double sd, double tau, double white, double slope)
{
	for (size_t i = 0; i < LIVES; i++) {
		size_t r = i / (LIVES / RELEASES);
		double start = 600.0 * (double)r, x = gauss(), rho = exp(-1 / tau), level = 100 + 3 * gauss();
		w->release_t[r] = start;
		for (size_t k = 0; k < BINS; k++) {
			double sum = 0;
			for (int s = 0; s < 10; s++) {
				x = rho * x + sqrt(1 - rho * rho) * gauss();
				sum += sd * x + white * gauss();
			}
			double age = 10 * (double)k + 5;
			w->t[i][k] = start + age;
			w->y[i][k] = level + 2 * (1 - exp(-age / 40)) + sum / 10 + (r >= 2 ? slope * age : 0);
			w->samples[i][k] = 10;
			w->seconds[i][k] = 10;
		}
		w->life[i] = (struct mc_panel_life){ .n = BINS, .t = w->t[i], .y = w->y[i], .samples = w->samples[i], .seconds = w->seconds[i],
			.start = start, .release = r };
	}
}

struct mc_panel *panel_of(struct lives *w, double quantum, const double *onsets, size_t nonsets)
{
	struct mc_panel_in in = { .nlives = LIVES, .lives = w->life, .nreleases = RELEASES, .release_t = w->release_t, .bin = 10,
		.quantum = quantum, .nonsets = nonsets, .onsets = onsets };
	struct mc_panel *p = NULL;
	assert_int_equal(mc_panel_new(&in, &p, NULL), 0);
	return p;
}
