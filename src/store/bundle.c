/* Short lives, many in one chunk: workers that are recycled each minute are thousands a day, and a row and a
 * checksum for each take more room than what was sampled of it.
 *
 * The chunk's id is round << 32 | number << 2 | 3; the number is never given twice, and the life's row has it.
 * A life is in at most one bundle, with its first samples; what follows goes into chunks of its own. */
#include "internal.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { ROWS_MAX = 120, ALL_MAX = 2048, SLOTS = 4, PAGE_FULL = 4050 };

bool st_bundle_fits(const struct st_open *o)
{
	return (o->entity & 3) == ST_LIFE && o->n > 0 && o->n <= ROWS_MAX && !o->stored && !o->late && !o->sealing;
}

/* ---- writing ---- */

/* Times of all parts as numbers of ticks. */
static bool ticks_of(struct mc_store *s, struct st_open *const *o, const struct st_parts *p, int64_t *ticks)
{
	for (size_t i = 0; i < p->n; i++) {
		struct st_cols part = { .n = p->begin[i + 1] - p->begin[i], .t = s->cols.t + p->begin[i] };
		if (o[i]->bulk || !st_ticks_of(&s->hot.ticks, o[i]->first_log, &part, ticks + p->begin[i]))
			return false;
	}
	return true;
}

/* Those of which nothing is in chunks yet, as far as there is room. *taken: looked at. */
static int gather(struct mc_store *s, struct st_open **o, size_t n, struct st_parts *p, size_t *taken, struct mc_error *err)
{
	size_t i;
	s->cols.want = UINT32_MAX;
	st_cols_restart(&s->cols);
	p->n = 0;
	p->begin[0] = 0;
	for (i = 0; i < n && p->n < ST_PARTS_MAX && s->cols.n + o[i]->n <= ALL_MAX; i++) {
		int64_t id = o[i]->entity >> 2, first;
		int rc = st_number(s, SQL_life_first, &first, err, 1, id);
		if (rc == ST_ROW) { /* after a restart the log alone is known */
			o[i]->stored = true;
			continue;
		}
		if (rc == 0)
			rc = st_open_decode(o[i], INT64_MIN, INT64_MAX, &s->cols, err);
		if (rc < 0)
			return rc;
		o[p->n] = o[i];
		p->id[p->n] = (uint32_t)id;
		p->begin[++p->n] = (uint16_t)s->cols.n;
	}
	*taken = i;
	return 0;
}

/* Encodes as many of the lives as fill a page of the file: a row of half a page leaves the other half empty. */
static int fit(struct mc_store *s, struct st_open *const *o, struct st_parts *p, uint64_t key, struct mc_error *err)
{
	int64_t ticks[ALL_MAX];
	bool ticked = ticks_of(s, o, p, ticks);
	for (;;) {
		s->cols.n = p->begin[p->n];
		s->blob.len = 0;
		s->blob.failed = false;
		int rc = st_bundle_encode(key, &s->cols, ticked ? ticks : NULL, p, &s->blob, err);
		if (rc < 0 || s->blob.len <= PAGE_FULL || p->n == 1)
			return rc;
		size_t less = p->n * PAGE_FULL / s->blob.len;
		p->n = less < 1 ? 1 : less < p->n ? less : p->n - 1;
	}
}

static int put(struct mc_store *s, uint64_t key, const struct st_parts *p, struct st_open *const *o, struct mc_error *err)
{
	int rc = st_run_blob(s, SQL_chunk_add, key, &s->blob, err);
	for (size_t i = 0; i < p->n && rc == 0; i++)
		rc = st_run(s, SQL_life_bundled, err, 4, (int64_t)p->id[i], o[i]->first_t, o[i]->last_t, s->next_bundle);
	return rc < 0 ? rc : st_run(s, SQL_bundle_next_put, err, 1, s->next_bundle + 1);
}

static int note_sealed(struct mc_store *s, struct st_open *const *o, size_t n, struct mc_error *err)
{
	void *items = s->sealed;
	int rc = mc_grow(&items, &s->capsealed, s->nsealed + n, sizeof *s->sealed, err);
	s->sealed = items;
	for (size_t i = 0; i < n && rc == 0; i++) {
		st_open_forget(o[i]);
		o[i]->sealing = true;
		if (!o[i]->bulk) /* what is in no log needs no word there */
			s->sealed[s->nsealed++] = o[i]->entity;
	}
	return rc;
}

/* Some of the first of n lives, ascending. *done: those that are sealed or left now; o is changed. */
static int seal_first(struct mc_store *s, struct st_open **o, size_t n, size_t *done, struct mc_error *err)
{
	struct st_parts p;
	size_t most;
	int rc = gather(s, o, n, &p, done, err);
	if (rc < 0 || p.n == 0)
		return rc;
	most = p.n;
	rc = st_round_take(s, o[0]->first_t, o[0]->last_t, err);
	uint64_t key = s->round.id << 32 | (uint64_t)s->next_bundle << 2 | ST_BUNDLE;
	if (rc == 0)
		rc = fit(s, o, &p, key, err);
	for (size_t i = 1; i < p.n && rc == 0; i++)
		rc = st_round_take(s, o[i]->first_t, o[i]->last_t, err);
	if (rc == 0)
		rc = put(s, key, &p, o, err);
	if (rc == 0)
		rc = note_sealed(s, o, p.n, err);
	s->next_bundle++; /* even where the transaction fails: a number is not used twice */
	for (size_t i = 0; i < p.n && rc == 0; i++)
		if (o[i]->bulk)
			st_open_clear(o[i]);
	/* those that had no room go to the front of what is left */
	*done -= most - p.n;
	memmove(o + *done, o + p.n, (most - p.n) * sizeof(struct st_open *));
	return rc;
}

int st_bundle_seal(struct mc_store *s, st_which_fn which, int64_t t, size_t most, struct mc_error *err)
{
	const struct st_hot *h = &s->hot;
	size_t n = 0, done = 0;
	bool whole = most == SIZE_MAX;
	struct st_open **o = mc_reallocarray(NULL, h->n + 1, sizeof(struct st_open *));
	int rc = o ? 0 : mc_nomem(err, "short-lived processes");
	for (size_t i = 0; i < h->n && rc == 0 && n < most; i++)
		if (st_bundle_fits(h->open[i]) && which(h->open[i], t))
			o[n++] = h->open[i];
	while (rc == 0 && done < n) {
		size_t some = 0;
		rc = seal_first(s, o + done, n - done, &some, err);
		done += some;
		/* the rest comes later, with others */
		if (rc == 0 && !whole && n - done < ST_PARTS_MAX / 2)
			break;
	}
	free(o);
	return rc;
}

/* ---- reading ---- */

struct st_bundle {
	uint64_t key;
	uint32_t want;
	struct st_cols cols;
	struct st_parts parts;
};

static int decode(struct mc_store *s, sqlite3_stmt *st, uint64_t key, uint32_t want, struct st_bundle *b, struct mc_error *err)
{
	struct st_clock clock = st_clock_of(s);
	st_cols_restart(&b->cols);
	b->key = 0;
	b->want = b->cols.want = want;
	int rc = st_bundle_decode(key, sqlite3_column_blob(st, 0), (size_t)sqlite3_column_bytes(st, 0), &clock, &b->cols,
		&b->parts, err);
	if (rc == 0)
		b->key = key;
	return rc;
}

/* NULL: it is not there. Lives that follow each other are in the same few bundles. */
static int fetch(struct mc_store *s, uint64_t key, uint32_t want, const struct st_bundle **ret, struct mc_error *err)
{
	struct st_bundle **at = &s->bundles[key >> 2 & (SLOTS - 1)], *b = *at;
	sqlite3_stmt *st = NULL;
	*ret = b;
	if (b && b->key == key && (b->want & want) == want)
		return 0;
	*ret = NULL;
	int rc = st_stmt(s, SQL_chunk_get, &st, err);
	if (rc < 0)
		return rc;
	sqlite3_bind_int64(st, 1, (int64_t)key);
	rc = st_step(s, st, err);
	if (rc != ST_ROW)
		return rc;
	if (!b)
		b = *at = calloc(1, sizeof *b);
	rc = b ? decode(s, st, key, want, b, err) : mc_nomem(err, "samples");
	sqlite3_reset(st);
	if (rc == 0)
		*ret = b;
	return rc;
}

/* Rows [from, to) of the bundle behind those of c. */
static int take(const struct st_cols *b, size_t from, size_t to, struct st_cols *c, struct mc_error *err)
{
	int rc = st_cols_room(c, to - from, err);
	for (unsigned f = 0; f < ST_WIDTH_MAX && rc == 0; f++) {
		const double *v = c->want >> f & 1 ? b->v[f] : NULL;
		size_t i = from;
		while (v && i < to && isnan(v[i]))
			i++;
		double *to_v = v && i < to ? st_cols_column(c, f, err) : c->v[f];
		if (!to_v && v && i < to)
			return MC_ENOMEM;
		for (i = from; to_v && i < to; i++)
			to_v[c->n + i - from] = v ? v[i] : (double)NAN;
	}
	for (size_t i = from; i < to && rc == 0; i++)
		c->t[c->n + i - from] = b->t[i];
	c->n += rc == 0 ? to - from : 0;
	return rc;
}

int st_bundle_read(struct mc_store *s, uint64_t key, uint32_t life, int64_t since, int64_t until, struct st_cols *c,
	struct mc_error *err)
{
	const struct st_bundle *b = NULL;
	int rc = fetch(s, key, c->want, &b, err);
	if (rc < 0 || !b)
		return rc;
	size_t lo = 0, hi = b->parts.n;
	while (lo < hi) {
		size_t mid = (lo + hi) / 2;
		if (b->parts.id[mid] < life)
			lo = mid + 1;
		else
			hi = mid;
	}
	if (lo == b->parts.n || b->parts.id[lo] != life)
		return 1;
	size_t from = b->parts.begin[lo], to = b->parts.begin[lo + 1];
	while (from < to && b->cols.t[from] < since)
		from++;
	while (to > from && b->cols.t[to - 1] > until)
		to--;
	rc = from < to ? take(&b->cols, from, to, c, err) : 0;
	return rc < 0 ? rc : 1;
}

void st_bundles_free(struct mc_store *s)
{
	for (size_t i = 0; i < SLOTS; i++) {
		if (s->bundles[i])
			st_cols_release(&s->bundles[i]->cols);
		free(s->bundles[i]);
		s->bundles[i] = NULL;
	}
}
