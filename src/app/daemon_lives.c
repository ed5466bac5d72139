/* Lives by the sampler's id, in a table that is never larger than twice what it holds. */
#include "daemon_parts.h"

#include <stdlib.h>

enum { LEAST = 64 };

static size_t home(const struct lives *l, uint64_t id)
{
	return (size_t)(id * 0x9e3779b97f4a7c15ULL >> 20) & (l->cap - 1);
}

struct life *lives_find(struct lives *l, uint64_t id)
{
	for (size_t i = l->cap ? home(l, id) : 0; l->cap && l->v[i].id; i = (i + 1) & (l->cap - 1))
		if (l->v[i].id == id)
			return &l->v[i];
	return NULL;
}

static bool resize(struct lives *l, size_t cap)
{
	struct lives bigger = { .cap = cap, .n = l->n };
	bigger.v = calloc(cap, sizeof *bigger.v);
	if (!bigger.v)
		return false;
	for (size_t i = 0; i < l->cap; i++) {
		if (!l->v[i].id)
			continue;
		size_t k = home(&bigger, l->v[i].id);
		while (bigger.v[k].id)
			k = (k + 1) & (cap - 1);
		bigger.v[k] = l->v[i];
	}
	free(l->v);
	*l = bigger;
	return true;
}

struct life *lives_get(struct lives *l, uint64_t id)
{
	struct life *found = lives_find(l, id);
	if (found)
		return found;
	if ((l->n + 1) * 4 > l->cap * 3 && !resize(l, l->cap ? l->cap * 2 : LEAST))
		return NULL;
	size_t i = home(l, id);
	while (l->v[i].id)
		i = (i + 1) & (l->cap - 1);
	l->v[i] = (struct life){ .id = id, .executable = UINT32_MAX, .build = UINT32_MAX };
	l->n++;
	return &l->v[i];
}

/* What follows moves up, so that no gap stands between a life and its home. */
void lives_remove(struct lives *l, uint64_t id)
{
	struct life *found = lives_find(l, id);
	if (!found)
		return;
	size_t gap = (size_t)(found - l->v), mask = l->cap - 1;
	for (size_t i = (gap + 1) & mask; l->v[i].id; i = (i + 1) & mask)
		if (((i - home(l, l->v[i].id)) & mask) >= ((i - gap) & mask)) {
			l->v[gap] = l->v[i];
			gap = i;
		}
	l->v[gap] = (struct life){ 0 };
	l->n--;
	if (l->cap > LEAST && l->n * 8 < l->cap)
		resize(l, l->cap / 4 < LEAST ? LEAST : l->cap / 4); /* without memory it stays as it is */
}
