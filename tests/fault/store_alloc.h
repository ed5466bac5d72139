/* Makes the n-th allocation fail: ours (linked with --wrap=malloc,calloc,realloc) and SQLite's. */
#ifndef TESTS_FAULT_STORE_ALLOC_H
#define TESTS_FAULT_STORE_ALLOC_H

#include <stdbool.h>
#include <stdint.h>

extern volatile int64_t alloc_count, alloc_fail_at; /* so far while on; the one to fail, 0: none */
extern volatile bool alloc_for_good, alloc_on;      /* and all after it; whether any are counted */

int alloc_set_up(void); /* before SQLite is first used; 0 or -1 */

#endif
