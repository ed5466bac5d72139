/* What the detector keeps of each life, and the samples of all lives of a program, a life at a time. */
#include "internal.h"

#include "crc32c.h"

#include <endian.h>
#include <stdlib.h>
#include <string.h>

enum { PAGE = 256, PIECE_MS = 100, FIRST_PIECE_MS = 3600000 };

/* ---- what is kept ---- */

/* A checksum goes before it. Rows of earlier versions have none, and begin with the detector's 'M'. */
enum { SEALED = 0xc5, SEAL = 5 };

bool st_life_data(sqlite3_stmt *st, int column, const void **data, size_t *len)
{
	const unsigned char *p = sqlite3_column_blob(st, column);
	*len = (size_t)sqlite3_column_bytes(st, column);
	*data = p;
	if (*len == 0 || p[0] != SEALED)
		return true;
	uint32_t crc = 0;
	if (*len < SEAL)
		return false;
	memcpy(&crc, p + 1, sizeof crc);
	*data = p + SEAL;
	*len -= SEAL;
	return le32toh(crc) == st_crc32c(0, p + SEAL, *len);
}

static int seal(struct mc_store *s, const struct mc_life_data *d, struct mc_error *err)
{
	const unsigned char mark = SEALED;
	const uint32_t crc = htole32(st_crc32c(0, d->len ? d->data : "", d->len));
	s->blob.len = 0;
	mc_buf_add(&s->blob, &mark, 1);
	mc_buf_add(&s->blob, &crc, sizeof crc);
	mc_buf_add(&s->blob, d->len ? d->data : "", d->len);
	return mc_buf_check(&s->blob, err);
}

static int put_one(struct mc_store *s, const struct mc_life_data *d, struct mc_error *err)
{
	sqlite3_stmt *st = NULL;
	int rc = seal(s, d, err);
	if (rc == 0)
		rc = st_stmt(s, SQL_life_data_put, &st, err);
	if (rc < 0)
		return rc;
	sqlite3_bind_int64(st, 1, d->incarnation);
	sqlite3_bind_int64(st, 2, d->until_ms);
	sqlite3_bind_blob64(st, 3, s->blob.data, s->blob.len, SQLITE_STATIC);
	rc = st_step(s, st, err);
	sqlite3_clear_bindings(st);
	return rc;
}

int mc_store_lives_put(struct mc_store *s, const struct mc_life_data *d, size_t n, struct mc_error *err)
{
	int rc = st_prepare_write(s, err);
	if (rc == 0 && n && !s->bulk)
		rc = st_begin(s, err);
	if (rc < 0 || n == 0)
		return rc;
	for (size_t i = 0; i < n && rc == 0; i++)
		rc = put_one(s, &d[i], err);
	if (rc == 0 && !s->bulk)
		rc = st_commit(s, err);
	if (rc < 0 && !s->bulk)
		st_rollback(s);
	return rc;
}

int mc_store_life_put(struct mc_store *s, int64_t incarnation, int64_t until_ms, const void *data, size_t len,
	struct mc_error *err)
{
	struct mc_life_data d = { .incarnation = incarnation, .until_ms = until_ms, .data = data, .len = len };
	return mc_store_lives_put(s, &d, 1, err);
}

int mc_store_life_get(struct mc_store *s, int64_t incarnation, int64_t *until_ms, struct mc_buf *ret, struct mc_error *err)
{
	sqlite3_stmt *st = NULL;
	int rc = st_stmt(s, SQL_life_data_get, &st, err);
	if (rc < 0)
		return rc;
	sqlite3_bind_int64(st, 1, incarnation);
	rc = st_step(s, st, err);
	if (rc == ST_ROW) {
		const void *data;
		size_t len;
		bool sound = st_life_data(st, 1, &data, &len);
		mc_buf_add(ret, data ? data : "", sound ? len : 0);
		rc = sound ? mc_buf_check(ret, err) : mc_fail(err, MC_ECORRUPT, 0, "what is kept of incarnation %lld is damaged", (long long)incarnation);
		if (rc == 0 && until_ms)
			*until_ms = sqlite3_column_int64(st, 0);
	} else if (rc == ST_DONE)
		rc = mc_fail(err, MC_ENOTFOUND, 0, "nothing is kept of incarnation %lld", (long long)incarnation);
	sqlite3_reset(st);
	return rc;
}

void mc_store_lives_free(struct mc_life_data *d, size_t n)
{
	for (size_t i = 0; i < n; i++)
		free((void *)(uintptr_t)d[i].data); /* const is for what goes in */
	free(d);
}

static int take_data(sqlite3_stmt *st, struct mc_life_data *d, struct mc_error *err)
{
	const void *data;
	*d = (struct mc_life_data){ .incarnation = sqlite3_column_int64(st, 0), .until_ms = sqlite3_column_int64(st, 1) };
	if (!st_life_data(st, 2, &data, &d->len))
		d->len = 0; /* what is damaged is nothing, and the samples are read again */
	void *copy = malloc(d->len ? d->len : 1);
	if (!copy || (d->len && !data)) {
		free(copy);
		return mc_nomem(err, "what is kept of a life");
	}
	if (d->len)
		memcpy(copy, data, d->len);
	d->data = copy;
	return 0;
}

int mc_store_lives_get(struct mc_store *s, int64_t program, struct mc_life_data **ret, size_t *ret_n, struct mc_error *err)
{
	struct mc_life_data *p = NULL;
	size_t n = 0, cap = 0;
	sqlite3_stmt *st = NULL;
	int rc = st_stmt(s, SQL_life_data_list, &st, err);
	if (rc < 0)
		return rc;
	sqlite3_bind_int64(st, 1, program);
	while ((rc = st_step(s, st, err)) == ST_ROW) {
		void *items = p;
		rc = mc_grow(&items, &cap, n + 1, sizeof *p, err);
		p = items;
		if (rc == 0)
			rc = take_data(st, &p[n], err);
		if (rc < 0)
			break;
		n++;
	}
	sqlite3_reset(st);
	if (rc < 0) {
		mc_store_lives_free(p, n);
		return rc;
	}
	*ret = p;
	*ret_n = n;
	return 0;
}

/* ---- a program's samples ---- */

struct walk {
	struct mc_store *s;
	int64_t program, since, until;
	uint32_t fields;
	bool kept;
	size_t most;
	int64_t last_hour; /* no hourly mean is newer; INT64_MIN: none, or none is asked for */
	mc_life_fn fn;
	void *user;
	struct st_cols cols;
	struct mc_incarnation_row *page;
	size_t n, cap;
	int64_t start, id; /* the last one of the page before */
	int64_t began_ns;  /* this piece's reading */
};

/* The next lives by start time; those without a sample in the span are left out. w->n is 0 at the end. */
static int next_page(struct walk *w, bool *end, struct mc_error *err)
{
	sqlite3_stmt *st = NULL;
	size_t seen = 0;
	for (size_t i = 0; i < w->n; i++)
		st_life_release(&w->page[i]);
	w->n = 0;
	int rc = st_stmt(w->s, SQL_life_page, &st, err);
	if (rc < 0)
		return rc;
	sqlite3_bind_int64(st, 1, w->program);
	sqlite3_bind_int64(st, 2, w->start);
	sqlite3_bind_int64(st, 3, w->id);
	sqlite3_bind_int64(st, 4, PAGE);
	while ((rc = st_step(w->s, st, err)) == ST_ROW) {
		struct mc_incarnation_row one;
		seen++;
		if (st_life_times(w->s, st, w->since, w->until, &one)) {
			void *items = w->page;
			rc = mc_grow(&items, &w->cap, w->n + 1, sizeof *w->page, err);
			w->page = items;
			if (rc == 0)
				rc = st_life_texts(st, &one, err);
			if (rc < 0)
				break;
			w->page[w->n++] = one;
		}
		w->start = one.start_ms;
		w->id = one.id;
	}
	sqlite3_reset(st);
	*end = seen < PAGE;
	return rc;
}

static int hand_samples(struct walk *w, struct mc_life_view *v, int64_t since, int64_t until, struct mc_error *err)
{
	st_cols_restart(&w->cols);
	int rc = 0;
	if (v->row->first_ms <= w->last_hour) /* of younger lives nothing was dropped */
		rc = st_read_hours(w->s, (uint32_t)v->row->id << 2 | ST_LIFE, since, until, &w->cols, err);
	const int64_t means_to = w->cols.n ? w->cols.t[w->cols.n - 1] : INT64_MIN;
	if (rc == 0 && since <= until && v->row->last_ms >= since)
		rc = st_read_life(w->s, v->row, since, until, &w->cols, err);
	if (rc < 0)
		return rc;
	v->hours = 0;
	while (means_to > INT64_MIN && v->hours < w->cols.n && w->cols.t[v->hours] <= means_to)
		v->hours++;
	v->series.n = w->cols.n;
	v->series.t_ms = w->cols.t;
	for (unsigned f = 0; f < MC_F_COUNT; f++)
		v->series.v[f] = w->cols.n && (w->fields >> f & 1) ? w->cols.v[f] : NULL;
	return w->fn(w->user, v);
}

/* Pieces by time; how much comes of one tells how long the next may be. */
static int hand_pieces(struct walk *w, struct mc_life_view *v, int64_t since, int64_t until, struct mc_error *err)
{
	int64_t piece = FIRST_PIECE_MS, end = until < v->row->last_ms ? until : v->row->last_ms;
	since = since < v->row->first_ms ? v->row->first_ms : since;
	for (;;) {
		bool last = end - since < piece;
		int rc = hand_samples(w, v, since, last ? until : since + piece - 1, err);
		if (rc != 0 || last)
			return rc;
		since += piece;
		if (w->cols.n > w->most)
			piece = piece / 4 + 1;
		else if (w->cols.n < w->most / 2)
			piece *= 2;
		v->data = NULL;
		v->len = 0;
	}
}

/* The samples of one life, behind what is kept of it. kept: its row, lent until reset; NULL: none. */
static int hand_life(struct walk *w, const struct mc_incarnation_row *row, sqlite3_stmt *kept, struct mc_error *err)
{
	struct mc_life_view v = { .row = row };
	int64_t since = w->since, until = w->until;
	const void *data;
	size_t len;
	if (kept && sqlite3_column_int64(kept, 0) <= until && st_life_data(kept, 1, &data, &len)) {
		v.data = data;
		v.len = len;
		v.until_ms = sqlite3_column_int64(kept, 0);
		since = v.until_ms >= since ? v.until_ms + 1 : since;
	}
	return w->most ? hand_pieces(w, &v, since, until, err) : hand_samples(w, &v, since, until, err);
}

static int walk_life(struct walk *w, const struct mc_incarnation_row *row, struct mc_error *err)
{
	sqlite3_stmt *st = NULL;
	int rc = 0;
	if (w->kept) {
		rc = st_stmt(w->s, SQL_life_data_get, &st, err);
		if (rc < 0)
			return rc;
		sqlite3_bind_int64(st, 1, row->id);
		rc = st_step(w->s, st, err);
	}
	if (rc >= 0)
		rc = hand_life(w, row, rc == ST_ROW ? st : NULL, err);
	if (st)
		sqlite3_reset(st);
	return rc;
}

/* A reader that stays keeps the log of the writer from being cut: it lets go now and then. 1: it did, and
 * the rest of the page may have changed. */
static int breathe(struct walk *w, struct mc_error *err)
{
	int64_t now = mc_mono_ns();
	if (now - w->began_ns < PIECE_MS * 1000000LL)
		return 0;
	st_read_end(w->s);
	w->began_ns = now;
	int rc = st_read_begin(w->s, err);
	return rc < 0 ? rc : 1;
}

static int walk_page(struct walk *w, bool *end, struct mc_error *err)
{
	int rc = next_page(w, end, err);
	for (size_t i = 0; i < w->n && rc == 0; i++) {
		rc = walk_life(w, &w->page[i], err);
		int let_go = rc == 0 && i + 1 < w->n ? breathe(w, err) : 0;
		if (let_go < 0)
			return let_go;
		if (let_go == 0)
			continue;
		w->start = w->page[i].start_ms;
		w->id = w->page[i].id;
		*end = false;
		break;
	}
	return rc;
}

int mc_store_program_series(struct mc_store *s, const struct mc_series_query *q, mc_life_fn fn, void *user,
	struct mc_error *err)
{
	uint32_t all = (1U << MC_F_COUNT) - 1;
	struct walk w = { .s = s, .program = q->program, .since = q->since_ms, .until = q->until_ms, .fields = q->fields & all,
		.kept = q->kept, .most = q->most, .last_hour = INT64_MIN, .fn = fn, .user = user, .start = INT64_MIN, .id = INT64_MIN, .began_ns = mc_mono_ns() };
	w.cols.want = w.fields;
	bool end = false;
	int rc = st_read_begin(s, err);
	if (rc < 0)
		return rc;
	if (q->hours && (rc = st_number(s, SQL_hourly_last, &w.last_hour, err, 0)) > 0)
		rc = 0;
	while (rc == 0 && !end)
		rc = walk_page(&w, &end, err);
	st_read_end(s);
	mc_store_incarnations_free(w.page, w.n);
	st_cols_release(&w.cols);
	return rc;
}
