/* Allocations of ours, and SQLite's, that fail. */
#include "store_alloc.h"
#include "store_vfs.h"

#include <sqlite3.h>
#include <stddef.h>

volatile int64_t alloc_count, alloc_fail_at; /* volatile: see vfs_inside */
volatile bool alloc_for_good, alloc_on;

static bool alloc_fails(void)
{
	if (!alloc_on || vfs_inside)
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

void *__wrap_malloc(size_t n)
{
	return alloc_fails() ? NULL : __real_malloc(n);
}

void *__wrap_calloc(size_t n, size_t size)
{
	return alloc_fails() ? NULL : __real_calloc(n, size);
}

void *__wrap_realloc(void *p, size_t n)
{
	return alloc_fails() ? NULL : __real_realloc(p, n);
}

static sqlite3_mem_methods plain;

static void *sqlite_malloc(int n)
{
	return alloc_fails() ? NULL : plain.xMalloc(n);
}

static void *sqlite_realloc(void *p, int n)
{
	return alloc_fails() ? NULL : plain.xRealloc(p, n);
}

int alloc_set_up(void)
{
	sqlite3_config(SQLITE_CONFIG_GETMALLOC, &plain);
	sqlite3_mem_methods ours = plain;
	ours.xMalloc = sqlite_malloc;
	ours.xRealloc = sqlite_realloc;
	return sqlite3_config(SQLITE_CONFIG_MALLOC, &ours) == SQLITE_OK ? 0 : -1;
}
