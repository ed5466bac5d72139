/* What single lives do by themselves, without a model: for guards.c and witness.c, which hold it against what the model believes. */
#ifndef MEMCULPRIT_ATTRIBUTE_TRENDS_H
#define MEMCULPRIT_ATTRIBUTE_TRENDS_H

#include "judge.h"

/* Trends of one life of the panel: of its second to fourth eighth, its second half, and from a third on; units of the panel a second. NaN: too few rows. */
struct trend {
	double early, late, settled;
};
/* 0, MC_ENOMEM. */
int trend_of(const struct mc_panel_life *l, struct trend *t, struct mc_error *err);
/* The slope that a supposition claims, by the likelier of growth with time and with requests. */
double trend_claimed(const struct mc_growth_evidence *e, size_t set);
/* The likeliest of growth in time, with requests and faster and faster; all in bytes per second at mean load. */
const struct mc_growth_fit *trend_fit(const struct mc_growth_evidence *e, size_t set);
/* What growth as claimed by the likelier of its kinds brings to a life from one time to another, in the panel's unit. */
double trend_expected(const struct history *h, const struct mc_growth_evidence *e, size_t set, const struct mc_panel_life *l, double from, double to);
/* What the lives that are said to grow rise by in the last two fifths of their time, all together, and what is claimed of that, in the panel's unit.
 * Returns how many they are; those of too few rows are left out. */
size_t trend_tail(const struct history *h, const struct judgement *j, size_t set, double *rise, double *claim);
/* What a life gains between two ages, from the means of its rows near each; false: it was not seen then. */
bool trend_gain(const struct mc_panel_life *l, double from, double to, double *ret);
/* Lives that are compared one by one, at most. */
enum { TREND_MOST_COMPARED = 60 };

#endif
