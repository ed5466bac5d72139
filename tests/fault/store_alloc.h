/* Makes the n-th allocation fail: ours (alloc.h) and SQLite's. */
#ifndef TESTS_FAULT_STORE_ALLOC_H
#define TESTS_FAULT_STORE_ALLOC_H

#include "alloc.h"

int alloc_set_up(void); /* before SQLite is first used; 0 or -1 */

#endif
