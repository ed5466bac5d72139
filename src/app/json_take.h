/* What the objects of docs/schema have in common, for those who read them back. App only. */
#ifndef MEMCULPRIT_APP_JSON_TAKE_H
#define MEMCULPRIT_APP_JSON_TAKE_H

#include "memculprit/app.h"

/* MC_NO_TIME where it is null, no integer or not there. */
int64_t take_time(const struct mc_jsonv *v, const char *key);
/* NaN where it is null, no number or not there. */
double take_number(const struct mc_jsonv *v, const char *key);
/* Growth of an answer as of now, bytes per second; answers kept by earlier versions have one slope only. NaN as above. */
double take_growth(const struct mc_jsonv *answer);

#endif
