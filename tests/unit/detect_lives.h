/* Lives with known truth, and the panel made of them: for the tests of the detector. */
#ifndef TESTS_UNIT_DETECT_LIVES_H
#define TESTS_UNIT_DETECT_LIVES_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "memculprit/detect.h"

/* Fails the test where `got` is further off than `tolerance`, or NaN. */
void near(double got, double want, double tolerance);

enum { LIVES = 8, BINS = 60, RELEASES = 4 };
struct lives {
	struct mc_panel_life life[LIVES];
	double t[LIVES][BINS], y[LIVES][BINS], samples[LIVES][BINS], seconds[LIVES][BINS], release_t[RELEASES];
};

/* LIVES / RELEASES lives a release; noise sampled at 1 s, seen as means over bins of 10 s. Growth from release 2 on. */
void simulate(struct lives *w, double sd, double tau, double white, double slope);

/* The lives' panel, in bins of 10 s, for mc_panel_free(). It refers to `w`. */
struct mc_panel *panel_of(struct lives *w, double quantum, const double *onsets, size_t nonsets);

#endif
