/* Makes the n-th allocation of ours fail, once or from then on. Linked with
 * -Wl,--wrap=malloc,--wrap=calloc,--wrap=realloc. */
#ifndef TESTS_FAULT_ALLOC_H
#define TESTS_FAULT_ALLOC_H

#include <stdbool.h>
#include <stdint.h>

/* volatile: the compiler knows that malloc reads no globals */
extern volatile int64_t alloc_count, alloc_fail_at; /* so far while on; the one to fail, 0: none */
extern volatile bool alloc_for_good, alloc_on;      /* and all after it; whether any are counted */
extern volatile int64_t alloc_new;                  /* blocks handed out while on */
extern volatile int alloc_spared;                   /* above 0: what a test allocates for itself does not fail */

/* Counts an allocation, and says whether it is to fail. */
bool alloc_fails(void);

#endif
