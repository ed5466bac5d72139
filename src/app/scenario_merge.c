/* A heap of streams: nothing is copied, and a million samples need no array of their own. */
#include "scenario_merge.h"

#include <stdlib.h>

static size_t rows_of(const struct merge *m, size_t stream)
{
	return stream == m->d->nlives ? m->d->nload : m->d->lives[stream].n;
}

static int64_t next_time(const struct merge *m, size_t stream)
{
	return stream == m->d->nlives ? m->d->load_ms[m->at[stream]] : m->d->lives[stream].t_ms[m->at[stream]];
}

static bool before(const struct merge *m, size_t a, size_t b)
{
	int64_t x = next_time(m, a), y = next_time(m, b);
	return x != y ? x < y : a < b;
}

static void sift_down(struct merge *m, size_t i)
{
	for (;;) {
		size_t least = i;
		for (size_t k = 2 * i + 1; k <= 2 * i + 2 && k < m->n; k++)
			if (before(m, m->heap[k], m->heap[least]))
				least = k;
		if (least == i)
			return;
		size_t swap = m->heap[i];
		m->heap[i] = m->heap[least];
		m->heap[least] = swap;
		i = least;
	}
}

int merge_open(struct merge *m, const struct scenario_data *d, bool load, struct mc_error *err)
{
	size_t streams = d->nlives + 1;
	*m = (struct merge){ .d = d, .heap = calloc(streams, sizeof(size_t)), .at = calloc(streams, sizeof(size_t)) };
	if (!m->heap || !m->at)
		return mc_nomem(err, "the order of samples");
	for (size_t i = 0; i < streams; i++)
		if (rows_of(m, i) && (load || i < d->nlives))
			m->heap[m->n++] = i;
	for (size_t i = m->n / 2; i-- > 0;)
		sift_down(m, i);
	return 0;
}

bool merge_next(struct merge *m, size_t *stream, size_t *row, int64_t *t_ms)
{
	if (m->n == 0)
		return false;
	*stream = m->heap[0];
	*t_ms = next_time(m, *stream);
	*row = m->at[*stream]++;
	if (m->at[*stream] == rows_of(m, *stream))
		m->heap[0] = m->heap[--m->n];
	sift_down(m, 0);
	return true;
}

void merge_release(struct merge *m)
{
	free(m->heap);
	free(m->at);
}
