/* The log of ticks, and what it adds up to. */
#include "hot.h"

#include "crc32c.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { VERSION = 1, RAW = 1 };
#define TIME_MAX (1LL << 53)

/* ---- the entities ---- */

static size_t place(struct st_hot *h, uint32_t entity)
{
	if (h->hint < h->n && h->open[h->hint]->entity == entity)
		return h->hint;
	size_t lo = 0, hi = h->n;
	while (lo < hi) {
		size_t mid = (lo + hi) / 2;
		if (h->open[mid]->entity < entity)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

struct st_open *st_hot_find(struct st_hot *h, uint32_t entity)
{
	size_t i = place(h, entity);
	h->hint = i + 1;
	return i < h->n && h->open[i]->entity == entity ? h->open[i] : NULL;
}

int st_hot_get(struct st_hot *h, uint32_t entity, struct st_open **ret, struct mc_error *err)
{
	struct st_open *o = st_hot_find(h, entity);
	if (o) {
		*ret = o;
		return 0;
	}
	unsigned width = st_kind_width(entity & 3);
	if (h->n >= ST_OPEN_MAX)
		return mc_fail(err, MC_ELIMIT, 0, "over %d processes at a time", ST_OPEN_MAX);
	void *items = h->open;
	int rc = mc_grow(&items, &h->cap, h->n + 1, sizeof *h->open, err);
	h->open = items;
	if (rc < 0)
		return rc;
	o = calloc(1, sizeof *o + width * sizeof *o->last);
	if (!o)
		return mc_nomem(err, "a process's samples");
	o->entity = entity;
	o->max_t = INT64_MIN;
	size_t i = place(h, entity);
	memmove(h->open + i + 1, h->open + i, (h->n - i) * sizeof *h->open);
	h->open[i] = o;
	h->n++;
	*ret = o;
	return 0;
}

void st_open_forget(struct st_open *o)
{
	if (o->known)
		st_cols_release(o->known);
	free(o->known);
	o->known = NULL;
}

static void free_open(struct st_open *o)
{
	st_open_forget(o);
	mc_buf_release(&o->rows);
	free(o);
}

void st_hot_sweep(struct st_hot *h)
{
	size_t n = 0;
	for (size_t i = 0; i < h->n; i++)
		if (h->open[i]->n)
			h->open[n++] = h->open[i];
		else
			free_open(h->open[i]);
	h->n = n;
}

void st_hot_release(struct st_hot *h)
{
	for (size_t i = 0; i < h->n; i++)
		free_open(h->open[i]);
	free(h->open);
	free(h->ticks.t);
	*h = (struct st_hot){ 0 };
}

void st_open_clear(struct st_open *o)
{
	mc_buf_release(&o->rows);
	o->n = 0;
	o->present = 0;
	o->step = 0;
	o->sealing = false;
	o->stored = true;
	o->bulk = false;
	o->older = false;
	memset(o->last, 0, st_kind_width(o->entity & 3) * sizeof *o->last);
}

/* ---- writing a tick ---- */

void st_tick_release(struct st_tick *k)
{
	mc_buf_release(&k->blob);
	mc_buf_release(&k->body);
}

static void restart(struct mc_buf *b)
{
	b->len = 0;
	b->failed = false;
}

static void put_entity(struct st_tick *k, uint32_t entity)
{
	st_put_signed(&k->blob, (int64_t)entity - k->last_entity);
	k->last_entity = entity;
}

void st_tick_begin(struct st_tick *k, const uint32_t *sealed, size_t nsealed, int64_t t)
{
	restart(&k->blob);
	unsigned char version = VERSION;
	mc_buf_add(&k->blob, &version, 1);
	st_put_varint(&k->blob, nsealed);
	k->last_entity = 0;
	for (size_t i = 0; i < nsealed; i++)
		put_entity(k, sealed[i]);
	k->last_entity = 0;
	st_put_signed(&k->blob, t);
}

static bool whole(double v, int64_t *ret)
{
	if (!(fabs(v) <= 9007199254740992.0))
		return false;
	*ret = (int64_t)v;
	return (double)*ret == v && (*ret != 0 || !signbit(v));
}

static size_t put_value(unsigned char *p, double before, double now)
{
	int64_t a, b;
	if (!whole(before, &a) || !whole(now, &b) || a == b) {
		*p = RAW;
		memcpy(p + 1, &now, sizeof now);
		return 9;
	}
	uint64_t v = (b - a) % 4096 == 0 ? st_zigzag((b - a) / 4096) << 1 | 1 : st_zigzag(b - a) << 1;
	size_t n = 0;
	for (; v >= 128; v >>= 7)
		p[n++] = (unsigned char)(v | 128);
	p[n++] = (unsigned char)v;
	return n;
}

static void put_body(struct mc_buf *b, const struct st_open *o, const double *v, bool afresh)
{
	static const double zeros[ST_WIDTH_MAX];
	const double *last = afresh ? zeros : o->last;
	unsigned width = st_kind_width(o->entity & 3);
	uint32_t present = 0, changed = 0;
	unsigned char bytes[ST_WIDTH_MAX * 10];
	size_t len = 0;
	for (unsigned f = 0; f < width; f++) {
		if (isnan(v[f]))
			continue;
		present |= 1U << f;
		if (st_bits(v[f]) != st_bits(last[f])) {
			changed |= 1U << f;
			len += put_value(bytes + len, last[f], v[f]);
		}
	}
	st_put_varint(b, present ^ (afresh ? 0 : o->present));
	st_put_varint(b, changed);
	mc_buf_add(b, bytes, len);
}

void st_tick_row(struct st_tick *k, const struct st_open *o, const double *v)
{
	restart(&k->body);
	put_body(&k->body, o, v, o->sealing || o->n == 0);
	put_entity(k, o->entity);
	st_put_varint(&k->blob, k->body.len);
	mc_buf_add(&k->blob, mc_buf_text(&k->body), k->body.len);
	if (k->body.failed)
		k->blob.failed = true;
}

int st_tick_end(struct st_tick *k, uint64_t id, struct mc_error *err)
{
	if (k->blob.failed)
		return mc_nomem(err, "a tick");
	uint32_t crc = st_crc32c(id, k->blob.data, k->blob.len);
	unsigned char bytes[] = { crc & 255, crc >> 8 & 255, crc >> 16 & 255, (unsigned char)(crc >> 24) };
	mc_buf_add(&k->blob, bytes, sizeof bytes);
	return mc_buf_check(&k->blob, err);
}

/* ---- reading ---- */

/* A body into the newest values. */
static void take_body(struct st_in *in, unsigned width, uint32_t *present, double *last)
{
	*present ^= (uint32_t)st_get_varint(in);
	uint64_t changed = st_get_varint(in);
	if (width < ST_WIDTH_MAX && (changed >> width || *present >> width))
		in->bad = true;
	for (unsigned f = 0; f < width && !in->bad; f++) {
		if (!(changed >> f & 1))
			continue;
		uint64_t v = st_get_varint(in);
		if (v == RAW) {
			const unsigned char *p = st_get_bytes(in, 8);
			if (p)
				memcpy(&last[f], p, 8);
			continue;
		}
		int64_t was;
		if (!whole(last[f], &was)) {
			in->bad = true;
			return;
		}
		int64_t by = st_unzigzag(v >> 1);
		last[f] = (double)(int64_t)((uint64_t)was + (uint64_t)by * (v & 1 ? 4096 : 1));
	}
}

/* The row as it is kept in memory: how far from the row before, twice that and one where nothing else has changed (most
 * processes sleep, and thousands of them wait here for up to ST_CHUNK_ROWS ticks), else the body behind it. */
static int add_row(struct st_hot *h, struct st_open *o, uint64_t id, int64_t t, const unsigned char *body, size_t len,
	struct mc_error *err)
{
	struct st_in in = { .p = body, .end = body + len };
	bool quiet = false;
	take_body(&in, st_kind_width(o->entity & 3), &o->present, o->last);
	if (in.bad || in.p != in.end || (o->n > 0 && t <= o->last_t) || o->n >= ST_CHUNK_ROWS_MAX)
		return mc_fail(err, MC_ECORRUPT, 0, "tick %llu is damaged", (unsigned long long)id);
	if (o->n == 0) {
		o->first_t = t;
		o->first_log = id;
		o->older = t <= o->max_t;
		o->step = 0;
	} else {
		quiet = len == 2 && body[0] == 0 && body[1] == 0;
		st_put_varint(&o->rows, st_zigzag((int64_t)((uint64_t)t - (uint64_t)o->last_t - (uint64_t)o->step)) << 1 | quiet);
		o->step = (int64_t)((uint64_t)t - (uint64_t)o->last_t);
	}
	if (!quiet)
		mc_buf_add(&o->rows, body, len);
	o->last_t = t;
	o->n++;
	if (t > o->max_t)
		o->max_t = t;
	if (t > h->last_t)
		h->last_t = t;
	return mc_buf_check(&o->rows, err);
}

int st_hot_append(struct st_hot *h, struct st_open *o, struct st_tick *k, int64_t t, const double *v,
	struct mc_error *err)
{
	restart(&k->body);
	put_body(&k->body, o, v, o->n == 0);
	int rc = mc_buf_check(&k->body, err);
	if (rc == 0)
		rc = add_row(h, o, 0, t, (const unsigned char *)mc_buf_text(&k->body), k->body.len, err);
	return rc;
}

static uint32_t get_entity(struct st_in *in, uint32_t *last)
{
	int64_t e = (int64_t)((uint64_t)*last + (uint64_t)st_get_signed(in));
	if (e < 0 || e > UINT32_MAX || st_kind_width((unsigned)e & 3) == 0) {
		in->bad = true;
		return 0;
	}
	return *last = (uint32_t)e;
}

static int damaged(uint64_t id, struct mc_error *err)
{
	return mc_fail(err, MC_ECORRUPT, 0, "tick %llu is damaged", (unsigned long long)id);
}

static int replay_rows(struct st_hot *h, uint64_t id, struct st_in *in, int64_t *ret_t, struct mc_error *err)
{
	uint32_t last = 0;
	uint64_t sealed = st_get_varint(in);
	for (uint64_t i = 0; i < sealed && !in->bad; i++) {
		uint32_t entity = get_entity(in, &last);
		struct st_open *o = in->bad ? NULL : st_hot_find(h, entity);
		int rc = !in->bad && !o && h->gap ? st_hot_get(h, entity, &o, err) : 0;
		if (rc < 0)
			return rc;
		if (o) {
			st_open_clear(o);
			o->epoch = h->gap;
		}
	}
	int64_t t = st_get_signed(in);
	if (t > TIME_MAX || t < -TIME_MAX)
		in->bad = true;
	*ret_t = t;
	last = 0;
	while (!in->bad && in->p < in->end) {
		uint32_t entity = get_entity(in, &last);
		uint64_t len = st_get_varint(in);
		const unsigned char *body = st_get_bytes(in, len);
		if (in->bad)
			break;
		struct st_open *o;
		int rc = st_hot_get(h, entity, &o, err);
		if (rc == 0 && o->epoch == h->gap)
			rc = add_row(h, o, id, t, body, len, err);
		if (rc < 0)
			return rc;
	}
	return in->bad ? damaged(id, err) : 0;
}

int st_ticks_add(struct st_ticks *k, uint64_t id, int64_t t, struct mc_error *err)
{
	uint64_t next = k->from + k->n;
	if (k->n && id < next)
		return 0;
	if (k->n == 0 || id - next > 4096) { /* rows of the log are missing: a file that was salvaged */
		k->n = 0;
		k->from = next = id;
	}
	void *items = k->t;
	int rc = mc_grow(&items, &k->cap, (size_t)(id - k->from) + 1, sizeof *k->t, err);
	k->t = items;
	if (rc < 0)
		return rc;
	for (; next < id; next++)
		k->t[next - k->from] = t;
	k->t[id - k->from] = t;
	k->n = (size_t)(id - k->from) + 1;
	return 0;
}

int st_hot_replay(struct st_hot *h, uint64_t id, const void *data, size_t len, struct mc_error *err)
{
	const unsigned char *p = data;
	if (!p || len < 8)
		return damaged(id, err);
	const unsigned char *e = p + len - 4;
	uint32_t crc = (uint32_t)e[0] | (uint32_t)e[1] << 8 | (uint32_t)e[2] << 16 | (uint32_t)e[3] << 24;
	if (crc != st_crc32c(id, p, len - 4))
		return damaged(id, err);
	struct st_in in = { .p = p, .end = e };
	if (st_get_byte(&in) != VERSION)
		return mc_fail(err, MC_EFOREIGN, 0, "tick %llu was written by a newer memculprit", (unsigned long long)id);
	int64_t t = 0;
	int rc = replay_rows(h, id, &in, &t, err);
	if (rc == 0)
		rc = st_ticks_add(&h->ticks, id, t, err);
	if (rc == 0)
		h->log_id = id;
	return rc;
}

int st_open_decode(const struct st_open *o, int64_t since, int64_t until, struct st_cols *c, struct mc_error *err)
{
	if (o->n == 0 || o->last_t < since || o->first_t > until)
		return 0;
	int rc = st_cols_room(c, o->n, err);
	if (rc < 0)
		return rc;
	unsigned width = st_kind_width(o->entity & 3);
	struct st_in in = { .p = (const unsigned char *)o->rows.data, .end = (const unsigned char *)o->rows.data + o->rows.len };
	double last[ST_WIDTH_MAX] = { 0 };
	uint32_t present = 0;
	int64_t t = o->first_t, step = 0;
	for (uint32_t i = 0; i < o->n; i++) {
		uint64_t head = i > 0 ? st_get_varint(&in) : 0;
		step += st_unzigzag(head >> 1);
		t += step;
		if (!(head & 1))
			take_body(&in, width, &present, last);
		if (in.bad)
			return mc_fail(err, MC_ECORRUPT, 0, "samples in memory are damaged");
		if (t < since || t > until)
			continue;
		for (unsigned f = 0; f < width; f++) {
			bool there = present >> f & 1;
			if (!(c->want >> f & 1) || (!there && !c->v[f]))
				continue;
			double *v = st_cols_column(c, f, err);
			if (!v)
				return MC_ENOMEM;
			v[c->n] = there ? last[f] : (double)NAN;
		}
		c->t[c->n++] = t;
	}
	return 0;
}
