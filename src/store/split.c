/* Runs that begin anew with each part. */
#include "split.h"

void st_split_find(const struct st_parts *p, const int64_t *at, size_t n, struct st_split *ret)
{
	size_t part = 0;
	ret->n = 0;
	for (size_t i = 0; i < n && part < p->n; i++) {
		size_t row = at ? (size_t)at[i] : i;
		if (row < p->begin[part])
			continue;
		ret->at[ret->n++] = (uint16_t)i;
		while (part < p->n && row >= p->begin[part])
			part++;
	}
}

void st_parts_of_some(const struct st_parts *p, const uint64_t *bits, struct st_parts *ret)
{
	size_t row = 0, stored = 0;
	ret->n = p->n;
	for (size_t i = 0; i <= p->n; i++) {
		for (; row < p->begin[i]; row++)
			stored += bits[row / 64] >> row % 64 & 1;
		ret->begin[i] = (uint16_t)stored;
		if (i < p->n)
			ret->id[i] = p->id[i];
	}
}

void st_put_split(struct mc_buf *b, unsigned mark, const int64_t *x, size_t n, const struct st_split *s)
{
	int64_t first[ST_PARTS_MAX] = { 0 }, rest[ST_RUN_MAX];
	size_t m = 0, k = 1;
	if (s->n == 0) {
		st_put_run(b, mark, x, n);
		return;
	}
	rest[0] = 0;
	for (size_t i = 0; i < n; i++)
		if (m < s->n && s->at[m] == i)
			first[m++] = x[i];
		else {
			rest[k] = rest[k - 1] + (x[i] - x[i - 1]);
			k++;
		}
	st_put_run(b, mark, first, m);
	if (k > 1)
		st_put_run(b, 0, rest, k);
}

void st_get_split(struct st_in *in, unsigned head, int64_t *x, size_t n, const struct st_split *s)
{
	int64_t first[ST_PARTS_MAX] = { 0 }, rest[ST_RUN_MAX];
	size_t m = 0, k = 1;
	if (s->n == 0) {
		st_get_run(in, head, x, n);
		return;
	}
	st_get_run(in, head, first, s->n);
	memset(rest, 0, (n - (n > s->n ? s->n : n) + 1) * sizeof *rest);
	if (n > s->n) {
		unsigned how = st_get_byte(in);
		st_get_run(in, how, rest, n - s->n + 1);
	}
	if (in->bad) {
		memset(x, 0, n * sizeof *x);
		return;
	}
	for (size_t i = 0; i < n; i++)
		if (m < s->n && s->at[m] == i)
			x[i] = first[m++];
		else {
			x[i] = (int64_t)((uint64_t)x[i - 1] + (uint64_t)rest[k] - (uint64_t)rest[k - 1]);
			k++;
		}
}

void st_skip_split(struct st_in *in, unsigned head, size_t n, const struct st_split *s)
{
	st_skip_run(in, head, s->n ? s->n : n);
	if (s->n && n > s->n) {
		unsigned how = st_get_byte(in);
		st_skip_run(in, how, n - s->n + 1);
	}
}

void st_put_parts(struct mc_buf *b, const struct st_parts *p)
{
	int64_t id[ST_PARTS_MAX], size[ST_PARTS_MAX];
	for (size_t i = 0; i < p->n; i++) {
		id[i] = p->id[i];
		size[i] = p->begin[i + 1] - p->begin[i];
	}
	st_put_varint(b, p->n);
	st_put_run(b, 0, id, p->n);
	st_put_run(b, 0, size, p->n);
}

bool st_get_parts(struct st_in *in, struct st_parts *p, size_t rows)
{
	int64_t id[ST_PARTS_MAX], size[ST_PARTS_MAX];
	uint64_t n = st_get_varint(in), all = 0;
	if (in->bad || n < 1 || n > ST_PARTS_MAX)
		return false;
	unsigned head = st_get_byte(in);
	st_get_run(in, head, id, n);
	head = st_get_byte(in);
	st_get_run(in, head, size, n);
	if (in->bad)
		return false;
	p->n = n;
	for (size_t i = 0; i < n; i++) {
		if (id[i] < 1 || id[i] >= 1 << 30 || (i && id[i] <= id[i - 1]) || size[i] < 1 || (uint64_t)size[i] > rows - all)
			return false;
		p->id[i] = (uint32_t)id[i];
		p->begin[i] = (uint16_t)all;
		all += (uint64_t)size[i];
	}
	p->begin[n] = (uint16_t)all;
	return all == rows;
}
