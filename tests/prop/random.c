#include "random.h"

#include <math.h>

uint64_t seed;

double uniform(void)
{
	seed = seed * 6364136223846793005u + 1442695040888963407u;
	return ((double)(seed >> 11) + .5) * 0x1p-53;
}

double gauss(void)
{
	double r = sqrt(-2 * log(uniform()));
	return r * cos(2 * M_PI * uniform());
}
