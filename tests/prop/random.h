/* Random numbers for tests: the same on every machine from the same seed. */
#ifndef TESTS_PROP_RANDOM_H
#define TESTS_PROP_RANDOM_H

#include <stdint.h>

extern uint64_t seed; /* to be set before the first number */

double uniform(void); /* above 0, below 1 */
double gauss(void);   /* mean 0, variance 1 */

#endif
