/* SQLite's allocations fail as ours do. */
#include "store_alloc.h"

#include <sqlite3.h>
#include <stddef.h>

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
