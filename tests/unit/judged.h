/* A judgement made by hand: four lives before a deploy, four after it; all of them sampled each minute. */
#ifndef TESTS_UNIT_JUDGED_H
#define TESTS_UNIT_JUDGED_H

#include "judge.h"

enum { ROWS = 40, LIVES = 8 };

struct world {
	struct history h;
	struct judgement j;
	struct mc_panel_life life[LIVES];
	struct history_life seen[LIVES];
	double t[LIVES][ROWS], y[LIVES][ROWS], one[LIVES][ROWS], minute[LIVES][ROWS];
	struct mc_supposition set;
	struct mc_growth_fit fit[MC_GROWTH_KINDS];
	double deploy, weight;
};

/* The lives before the deploy have first_age at their first row. Memory is what before() and after() say, times `unit`; .9 is believed of the
 * deploy, by a growth of .01 units a second. The panel is the caller's. */
void make_in(double unit, struct world *w, double first_age, double (*before)(double age, size_t life), double (*after)(double age, size_t life));
void make(struct world *w, double first_age, double (*before)(double age, size_t life), double (*after)(double age, size_t life));

/* What lives do, by their age. */
double level(double age, size_t life);
double fills(double age, size_t life);
double rises(double age, size_t life);
double slows(double age, size_t life);

#endif
