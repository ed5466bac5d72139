/* Parts of the objects of docs/schema that were written before. */
#include "json_take.h"

#include <math.h>

int64_t take_time(const struct mc_jsonv *v, const char *key)
{
	int64_t t;
	return mc_jsonv_int(mc_jsonv_get(v, key), &t) ? t : MC_NO_TIME;
}

double take_number(const struct mc_jsonv *v, const char *key)
{
	double d;
	return mc_jsonv_num(mc_jsonv_get(v, key), &d) ? d : (double)NAN;
}

double take_growth(const struct mc_jsonv *answer)
{
	const struct mc_jsonv *slope = mc_jsonv_get(answer, "slope_bytes_per_second");
	return mc_jsonv_get(slope, "now") ? take_number(slope, "now") : take_number(slope, "after");
}
