/* Allocations of ours that fail. */
#include "alloc.h"

#include <stddef.h>

volatile int64_t alloc_count, alloc_fail_at, alloc_new;
volatile bool alloc_for_good, alloc_on;
volatile int alloc_spared;

bool alloc_fails(void)
{
	if (!alloc_on || alloc_spared)
		return false;
	alloc_count++;
	return alloc_fail_at && (alloc_count == alloc_fail_at || (alloc_for_good && alloc_count > alloc_fail_at));
}

void *__real_malloc(size_t n);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *p, size_t n);
void *__wrap_malloc(size_t n);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *p, size_t n);

static void *got(void *p)
{
	alloc_new += alloc_on && p;
	return p;
}

void *__wrap_malloc(size_t n)
{
	return alloc_fails() ? NULL : got(__real_malloc(n));
}

void *__wrap_calloc(size_t n, size_t size)
{
	return alloc_fails() ? NULL : got(__real_calloc(n, size));
}

void *__wrap_realloc(void *p, size_t n)
{
	if (alloc_fails())
		return NULL;
	void *r = __real_realloc(p, n);
	return p ? r : got(r);
}
