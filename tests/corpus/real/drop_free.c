/* LD_PRELOAD shim for recordings: forgets to free one of DROP_FREE blocks of DROP_MIN to DROP_MAX bytes.
 * A leak in a program that has none of its own. Does nothing where DROP_FREE is not set. */
#include <malloc.h>
#include <stdatomic.h>
#include <stdlib.h>

extern void __libc_free(void *);

static unsigned long every, least = 64, most = 65536;
static atomic_ulong count;

__attribute__((constructor)) static void read_environment(void)
{
	const char *s = getenv("DROP_FREE"), *a = getenv("DROP_MIN"), *b = getenv("DROP_MAX");
	every = s ? strtoul(s, NULL, 10) : 0;
	least = a ? strtoul(a, NULL, 10) : least;
	most = b ? strtoul(b, NULL, 10) : most;
}

void free(void *p)
{
	if (p && every) {
		size_t n = malloc_usable_size(p);
		if (n >= least && n <= most && atomic_fetch_add(&count, 1) % every == every - 1)
			return;
	}
	__libc_free(p);
}
