#include "history.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_LIVES = 20000 };

static int by_start(const void *a, const void *b)
{
	const struct history_life *x = a, *y = b;
	return x->start != y->start ? (x->start > y->start) - (x->start < y->start) : (x->slot > y->slot) - (x->slot < y->slot);
}

/* Slot numbers: same host and key. */
static int slots(struct history *h, struct mc_error *err)
{
	struct mc_map *m = mc_map_new();
	struct mc_buf b = { 0 };
	int rc = m ? 0 : mc_nomem(err, "the slots");
	for (size_t i = 0; rc == 0 && i < h->nlives; i++) {
		const struct mc_life *l = h->life[i].from;
		uint64_t at = 0;
		b.len = 0;
		mc_buf_str(&b, l->host ? l->host : "");
		mc_buf_add(&b, "", 1);
		mc_buf_str(&b, l->key ? l->key : "");
		if ((rc = mc_buf_check(&b, err)) < 0)
			break;
		bool named = l->key && l->key[0];
		if (!named || !mc_map_get(m, b.data, b.len, &at)) {
			at = h->nslots++;
			if (named)
				rc = mc_map_set(m, b.data, b.len, at) < 0 ? mc_nomem(err, "the slots") : 0;
		}
		h->life[i].slot = at;
	}
	mc_buf_release(&b);
	mc_map_free(m);
	return rc;
}

/* A life out of what is kept of it and what came later; false: it has no sample yet. Times are seconds since its start, still. */
static bool digest(const struct mc_life *f, int64_t until, struct mc_digest *d)
{
	if (!f->digest || mc_digest_read(d, f->digest, f->digest_len, NULL) < 0)
		mc_digest_begin(d, f->start_ms);
	mc_digest_add(d, f, until);
	return d->first_ms != MC_NO_TIME && d->first_ms <= until;
}

static int take_sum(struct history_sum *to, struct mc_lifesum *s, struct mc_error *err)
{
	mc_lifesum_flush(s);
	*to = (struct history_sum){ .n = s->n, .bin = mc_reallocarray(NULL, s->n + 1, sizeof *s->bin) };
	if (!to->bin)
		return mc_nomem(err, "the lives");
	memcpy(to->bin, s->bin, s->n * sizeof *s->bin);
	to->teeth = s->teeth;
	to->open = mc_teeth_open(s, s->teeth.before_n, s->teeth.before_t, &to->open_n, &to->open_t);
	return 0;
}

static int take_life(struct history *h, const struct mc_life *f, int64_t until, struct mc_digest *d, struct mc_error *err)
{
	struct history_life *l = &h->life[h->nlives];
	if (!digest(f, until, d))
		return 0;
	*l = (struct history_life){ .from = f, .n = d->n };
	int rc = take_sum(&l->sum, &d->sum, err);
	if (rc < 0)
		return rc;
	h->nlives++;
	h->origin_ms = d->first_ms < h->origin_ms ? d->first_ms : h->origin_ms;
	h->last_ms = d->last_ms > h->last_ms ? d->last_ms : h->last_ms;
	l->start_ms = d->start_ms;
	l->first_ms = d->first_ms;
	l->last_ms = d->last_ms;
	return 0;
}

/* All lives on one axis, now that its origin is known. */
static void align(const struct history *h, struct history_life *l)
{
	double at = history_seconds(h, l->start_ms);
	l->first = history_seconds(h, l->first_ms);
	l->last = history_seconds(h, l->last_ms);
	l->start = fmin(at, l->first);
	l->hold = l->n > 1 ? (l->last - l->first) / (l->n - 1) : 0;
	for (size_t i = 0; i < l->sum.n; i++)
		l->sum.bin[i].t += at;
	l->sum.open_t += at;
	l->sum.teeth.since += at;
	l->sum.teeth.first.since += at;
	l->sum.teeth.first.until += at;
	for (size_t i = 0; i < MC_TEETH_KEPT; i++) {
		l->sum.teeth.tooth[i].since += at;
		l->sum.teeth.tooth[i].until += at;
	}
}

static int take_lives(struct history *h, int64_t until, struct mc_error *err)
{
	const struct mc_case *c = h->c;
	if (c->nlives > (size_t)MOST_LIVES * 10)
		return mc_fail(err, MC_ELIMIT, 0, "%zu lives are more than can be judged together; narrow the time", c->nlives);
	struct mc_digest *d = mc_digest_new();
	h->life = calloc(c->nlives + 1, sizeof *h->life);
	int rc = d && h->life ? 0 : mc_nomem(err, "the lives");
	h->origin_ms = INT64_MAX;
	h->last_ms = INT64_MIN;
	for (size_t i = 0; i < c->nlives && rc == 0; i++)
		rc = take_life(h, &c->lives[i], until, d, err);
	mc_digest_free(d);
	if (h->nlives == 0)
		h->origin_ms = 0;
	for (size_t i = 0; i < h->nlives; i++)
		align(h, &h->life[i]);
	if (rc == 0)
		rc = slots(h, err);
	if (h->nlives)
		qsort(h->life, h->nlives, sizeof *h->life, by_start);
	return rc;
}

static int typical_tick(struct history *h, struct mc_error *err)
{
	double *v = mc_reallocarray(NULL, h->nlives + 1, sizeof *v);
	size_t n = 0;
	if (!v)
		return mc_nomem(err, "the lives");
	for (size_t i = 0; i < h->nlives; i++)
		if (h->life[i].hold > 0)
			v[n++] = h->life[i].hold;
	h->tick = n ? mc_median(v, n) : 1;
	free(v);
	return 0;
}

int history_new(const struct mc_case *c, struct history *ret, struct mc_error *err)
{
	struct history h = { .c = c, .jump_by = MC_NO_DEPLOY };
	int rc = take_lives(&h, c->as_of_ms ? c->as_of_ms : INT64_MAX, err);
	/* after the last sample nothing is known: that it went on growing till then is no finding */
	int64_t until = c->as_of_ms && (c->as_of_ms < h.last_ms || !h.nlives) ? c->as_of_ms : h.last_ms;
	h.as_of = history_seconds(&h, until);
	h.slack = fmin(HISTORY_MARK_SLACK, h.as_of / 8);
	if (rc == 0)
		rc = history_deploys(&h, until, err);
	if (rc == 0)
		rc = typical_tick(&h, err);
	if (rc == 0)
		rc = history_load(&h, until, err);
	if (rc == 0)
		history_collector(&h);
	if (rc == 0)
		rc = history_releases(&h, err);
	if (rc == 0)
		rc = history_roles(&h, err);
	if (rc == 0)
		rc = history_jumps(&h, err);
	if (rc < 0) {
		history_release(&h);
		return rc;
	}
	*ret = h;
	return 0;
}

void history_release(struct history *h)
{
	for (size_t i = 0; i < h->nlives; i++)
		free(h->life[i].sum.bin);
	free(h->life);
	free(h->deploy);
	free(h->load_t);
	free(h->load_level);
	free(h->load_sum);
	*h = (struct history){ 0 };
}
