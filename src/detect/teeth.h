/* A collector's saw-tooth inside one life, tooth by tooth. */
#ifndef MEMCULPRIT_DETECT_TEETH_H
#define MEMCULPRIT_DETECT_TEETH_H

#include "memculprit/detect.h"

#include <math.h>

/* What is kept of a bin's garbage. */
static inline double teeth_digits(double y)
{
	return fabs(y) < 1e38 ? (double)(float)y : y;
}

/* Looks at the sample that comes next, before it goes into a bin. Where a tooth is over, what was freed then is shared out among its bins. */
void teeth_add(struct mc_lifesum *s, double t, double y);
/* Numbers that teeth_add() could have made. */
bool teeth_plausible(const struct mc_teeth *h);

#endif
