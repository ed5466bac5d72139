/* Checked sizes and growing arrays. */
#include "memculprit/base.h"

#include <stdlib.h>
#include <string.h>

void *mc_reallocarray(void *old, size_t count, size_t size)
{
	size_t bytes;
	if (__builtin_mul_overflow(count, size, &bytes))
		return NULL;
	return realloc(old, bytes ? bytes : 1);
}

int mc_grow(void **items, size_t *cap, size_t need, size_t size, struct mc_error *err)
{
	if (need <= *cap)
		return 0;
	size_t want = *cap + *cap / 2 + 8;
	if (want < need)
		want = need;
	void *p = mc_reallocarray(*items, want, size);
	if (!p)
		return mc_nomem(err, "a larger array");
	*items = p;
	*cap = want;
	return 0;
}

char *mc_strdup(const char *s)
{
	return s ? strdup(s) : NULL;
}
