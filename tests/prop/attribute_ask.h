/* Asking about a simulated program, for the tests of mc_attribute(). */
#ifndef TESTS_PROP_ATTRIBUTE_ASK_H
#define TESTS_PROP_ATTRIBUTE_ASK_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "attribute_world.h"

/* A small program of the kind seed % WORLD_KINDS; how many seeds to try. */
struct world_plan world_plan_of(uint64_t seed);
uint64_t world_rounds(void);
/* The answer, to be released; fails the test where there is none, or it does not hold together. */
struct mc_answer ask(const struct mc_case *c);
/* Probability of a deploy of the case; the deploy that is named, MC_NO_DEPLOY: none. */
double probability(const struct mc_answer *a, size_t deploy);
size_t culprit(const struct mc_answer *a);

#endif
