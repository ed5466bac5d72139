/* One program's case out of the store: what is left of each life's samples, of the load, and the deploys. What the store keeps of a life
 * is not read again. */
#include "scenario.h"

#include "deploys.h"
#include "program.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* A reader hands text over that is the caller's; NULL becomes "". */
static int take_text(char **to, const char *from, struct mc_error *err)
{
	struct mc_buf b = { 0 };
	mc_utf8_add(&b, from ? from : "", from ? strlen(from) : 0);
	mc_buf_add(&b, "", 0);
	if (mc_buf_check(&b, err) < 0) {
		mc_buf_release(&b);
		return MC_ENOMEM;
	}
	*to = b.data;
	return 0;
}

/* What a case looks at; the rest stays in the file. */
#define CASE_FIELDS (1u << MC_F_ANON | 1u << MC_F_SWAP | 1u << MC_F_SHMEM | 1u << MC_F_RSS | 1u << MC_F_THREADS | 1u << MC_F_FDS | \
	1u << MC_F_REQUESTS)
enum {
	AT_ONCE = 4000,      /* samples of a life, or of the load */
	KEEP_LEAST = 6000,   /* samples of a life: reading fewer again is cheaper than the room of a digest */
	KEEP_RUNNING = 2000, /* fresh ones that are worth a new digest of a running life */
	KEEP_ENDED = 500,    /* of one that ended */
	FIRST_SPAN_MS = 6 * 3600000,
	KEEP_OLD = 30,       /* of one that nobody will sample again */
	KEEP_OLD_LIVES = 500,
	HOURLY_LIVES = 5000,
	OLD_MS = 7 * 86400000
};

/* ---- lives ---- */

struct reader {
	struct mc_store *store;
	struct scenario_data *d;
	struct mc_digest *digest;
	struct scenario_life *life; /* whose samples are coming */
	size_t *damaged, ndamaged, damaged_cap; /* lives whose digest could not be read */
	struct mc_error *err;
};

static int new_life(struct scenario_data *d, const struct mc_incarnation_row *row, struct scenario_life **ret, struct mc_error *err)
{
	void *items = d->lives;
	int rc = mc_grow(&items, &d->lives_cap, d->nlives + 1, sizeof *d->lives, err);
	if (rc < 0)
		return rc;
	d->lives = items;
	struct scenario_life *l = &d->lives[d->nlives++];
	*l = (struct scenario_life){ .pid = row->pid, .start_ms = row->start_ms, .incarnation = row->id, .last_ms = row->last_ms,
		.ended = row->end_ms != 0 };
	if ((rc = take_text(&l->host, row->host, err)) < 0 || (rc = take_text(&l->key, row->key, err)) < 0 ||
		(rc = take_text(&l->version, row->version, err)) < 0 || (rc = take_text(&l->commit, row->commit, err)) < 0 ||
		(rc = take_text(&l->build_id, row->build_id, err)) < 0)
		return rc;
	*ret = l;
	return 0;
}

/* The samples of a life are all there. */
static int finish(struct reader *r)
{
	struct scenario_life *l = r->life;
	r->life = NULL;
	if (!l || l->fresh == 0)
		return 0; /* what was kept is all there is */
	l->digest.len = 0;
	l->last_ms = mc_digest_last_ms(r->digest);
	l->samples = mc_digest_samples(r->digest);
	return mc_digest_write(r->digest, &l->digest, r->err);
}

static int mark_damaged(struct reader *r)
{
	void *items = r->damaged;
	int rc = mc_grow(&items, &r->damaged_cap, r->ndamaged + 1, sizeof *r->damaged, r->err);
	if (rc < 0)
		return rc;
	r->damaged = items;
	r->damaged[r->ndamaged++] = r->d->nlives - 1;
	return 0;
}

static int begin(struct reader *r, const struct mc_life_view *v)
{
	int rc = finish(r);
	if (rc < 0 || (rc = new_life(r->d, v->row, &r->life, r->err)) < 0)
		return rc;
	mc_digest_begin(r->digest, v->row->start_ms);
	if (!v->data)
		return 0;
	if (mc_digest_read(r->digest, v->data, v->len, NULL) < 0)
		return mark_damaged(r);
	mc_buf_add(&r->life->digest, v->data, v->len);
	return mc_buf_check(&r->life->digest, r->err);
}

static void feed(struct reader *r, const struct mc_series *s)
{
	mc_digest_add(r->digest, &(struct mc_life){ .n = s->n, .t_ms = s->t_ms, .anon = s->v[MC_F_ANON], .swap = s->v[MC_F_SWAP],
		.shmem = s->v[MC_F_SHMEM], .rss = s->v[MC_F_RSS], .threads = s->v[MC_F_THREADS], .fds = s->v[MC_F_FDS],
		.requests = s->v[MC_F_REQUESTS] }, INT64_MAX);
	r->life->fresh += s->n;
}

static int take_piece(void *user, const struct mc_life_view *v)
{
	struct reader *r = user;
	int rc = r->life && r->life->incarnation == v->row->id ? 0 : begin(r, v);
	if (rc == 0)
		feed(r, &v->series);
	return rc;
}

/* Begins this life anew with s, which is released. */
static void feed_anew(struct reader *r, struct scenario_life *l, struct mc_series *s)
{
	r->life = l;
	l->fresh = 0;
	mc_digest_begin(r->digest, l->start_ms);
	feed(r, s);
	mc_series_release(s);
}

/* A life whose digest is of another version, or damaged: all its samples. */
static int read_again(struct reader *r, struct scenario_life *l, int64_t until)
{
	struct mc_series s = { 0 };
	int rc = mc_store_series_of(r->store, l->incarnation, INT64_MIN, until, CASE_FIELDS, &s, r->err);
	if (rc < 0)
		return rc;
	feed_anew(r, l, &s);
	return finish(r);
}

static int64_t last_sample(const struct scenario_data *d)
{
	int64_t last = INT64_MIN;
	for (size_t i = 0; i < d->nlives; i++)
		last = d->lives[i].last_ms > last ? d->lives[i].last_ms : last;
	return last;
}

static bool samples_are_left(const struct scenario_data *d)
{
	for (size_t i = 0; i < d->nlives; i++)
		if (d->lives[i].digest.len)
			return true;
	return false;
}

static bool is_old(const struct scenario_data *d)
{
	return last_sample(d) < mc_now_ms() - OLD_MS;
}

/* What is too old to be there in full, and was not kept, in hourly means; then what is left. */
static int read_hours(struct reader *r, struct scenario_life *l, int64_t until)
{
	struct mc_series s = { 0 };
	int rc = mc_store_hourly(r->store, l->incarnation, INT64_MIN, until, &s, r->err);
	if (rc < 0 || s.n == 0)
		return rc;
	feed_anew(r, l, &s);
	rc = mc_store_series_of(r->store, l->incarnation, INT64_MIN, until, CASE_FIELDS, &s, r->err);
	if (rc < 0)
		return rc;
	feed(r, &s);
	mc_series_release(&s);
	return finish(r);
}

/* An incident of long ago is looked at when its samples are too old to be kept. Of what still runs the last weeks tell more. */
static int read_old(struct reader *r, int64_t until)
{
	const struct scenario_data *d = r->d;
	int rc = 0;
	if (samples_are_left(d) && !is_old(d))
		return 0;
	for (size_t i = 0; rc == 0 && i < d->nlives && i < (size_t)HOURLY_LIVES; i++) {
		struct scenario_life *l = &d->lives[i];
		if (l->digest.len == 0 || (l->fresh > 0 && l->samples <= (double)l->fresh)) /* nothing was kept of it */
			rc = read_hours(r, l, until);
	}
	return rc;
}

static int add_lives(struct mc_store *s, struct scenario_data *d, int64_t program, int64_t until, struct mc_error *err)
{
	struct reader r = { .store = s, .d = d, .digest = mc_digest_new(), .err = err };
	struct mc_series_query q = { .program = program, .since_ms = INT64_MIN, .until_ms = until, .fields = CASE_FIELDS, .kept = true, .most = AT_ONCE };
	int rc = r.digest ? mc_store_program_series(s, &q, take_piece, &r, err) : mc_nomem(err, "a case");
	if (rc == 0)
		rc = finish(&r);
	for (size_t i = 0; rc == 0 && i < r.ndamaged; i++)
		rc = read_again(&r, &d->lives[r.damaged[i]], until);
	if (rc == 0)
		rc = read_old(&r, until);
	mc_digest_free(r.digest);
	free(r.damaged);
	return rc;
}

size_t case_to_keep(const struct mc_scenario *s, struct mc_life_data *ret, size_t cap)
{
	const struct scenario_data *d = scenario_data(s);
	/* soon samples of long ago go for their age */
	const bool old = is_old(d);
	size_t n = 0;
	for (size_t i = 0; i < d->nlives && n < cap; i++) {
		const struct scenario_life *l = &d->lives[i];
		const size_t news = old ? 1 : l->ended ? KEEP_ENDED : KEEP_RUNNING;
		/* of thousands of lives that would be more than their samples are */
		bool cheap = d->nlives <= KEEP_OLD_LIVES || (double)l->digest.len <= 4 * l->samples;
		if (l->samples >= (old && cheap ? KEEP_OLD : KEEP_LEAST) && l->fresh >= news)
			ret[n++] = (struct mc_life_data){ .incarnation = l->incarnation, .until_ms = l->last_ms, .data = l->digest.data, .len = l->digest.len };
	}
	return n;
}

/* ---- the load ---- */

/* Piece by piece: how much comes of one tells how long the next may be. */
static int add_load(struct mc_store *s, struct scenario_data *d, const struct mc_program_row *p, int64_t until, struct mc_error *err)
{
	int64_t since = INT64_MIN, span = FIRST_SPAN_MS, to = p->first_ms;
	d->loadsum = mc_loadsum_new();
	int rc = d->loadsum ? 0 : mc_nomem(err, "the load");
	while (rc == 0 && since < until) {
		struct mc_load_series v = { 0 };
		to = to >= p->last_ms || p->last_ms - to < span ? until : to + span;
		to = to < until ? to : until;
		rc = mc_store_load_series(s, p->id, since, to, &v, err);
		if (rc < 0)
			return rc;
		rc = mc_loadsum_add(d->loadsum, &(struct mc_load){ .n = v.n, .t_ms = v.t_ms, .requests = v.v[MC_L_REQUESTS], .rx_bytes = v.v[MC_L_RX_BYTES],
			.tx_bytes = v.v[MC_L_TX_BYTES], .rx_packets = v.v[MC_L_RX_PACKETS], .tx_packets = v.v[MC_L_TX_PACKETS],
			.io_read = v.v[MC_L_IO_READ], .io_write = v.v[MC_L_IO_WRITE], .cpu_seconds = v.v[MC_L_CPU] }, INT64_MAX, err);
		span = v.n > AT_ONCE ? span / 4 + 1 : v.n < AT_ONCE / 2 ? span * 2 : span;
		mc_load_series_release(&v);
		since = to == INT64_MAX ? to : to + 1;
	}
	return rc;
}

/* ---- deploys ---- */

static int add_deploy(struct scenario_data *d, const struct mc_deploy_row *row, struct mc_error *err)
{
	void *items = d->deploys;
	char *version = NULL, *commit = NULL, *host = NULL;
	int rc = mc_grow(&items, &d->deploys_cap, d->ndeploys + 1, sizeof *d->deploys, err);
	if (rc < 0)
		return rc;
	d->deploys = items;
	if ((rc = take_text(&version, row->version, err)) < 0 || (rc = take_text(&commit, row->commit, err)) < 0 ||
		(rc = take_text(&host, row->host, err)) < 0) {
		free(version);
		free(commit);
		return rc;
	}
	const char *source = row->source ? row->source : "";
	bool marked = strcmp(source, "mark") == 0 || strcmp(source, "import") == 0;
	d->deploys[d->ndeploys++] = (struct mc_deploy_mark){ .unix_ms = row->unix_ms, .version = version, .commit = commit, .host = host,
		.source = marked ? MC_DEPLOY_MARK : strcmp(source, DEPLOYS_LIBRARY) == 0 ? MC_DEPLOY_LIBRARY : MC_DEPLOY_RECOGNISED };
	return 0;
}

static int add_deploys(struct mc_store *s, struct scenario_data *d, int64_t program, int64_t until, struct mc_error *err)
{
	struct mc_deploy_row *rows = NULL;
	size_t n = 0;
	int rc = mc_store_deploys(s, program, &rows, &n, err);
	for (size_t i = 0; rc == 0 && i < n; i++)
		/* what ran already when somebody first looked was deployed by nobody that could be named */
		if (rows[i].unix_ms <= until && strcmp(rows[i].source ? rows[i].source : "", DEPLOYS_BASELINE) != 0)
			rc = add_deploy(d, &rows[i], err);
	mc_store_deploys_free(rows, n);
	return rc;
}

/* Memory and swap of a row, or memory alone. */
static double with_swap(const struct mc_host_series *h, enum mc_host_field memory, enum mc_host_field swap, size_t i)
{
	double m = h->v[memory] ? h->v[memory][i] : (double)NAN, s = h->v[swap] ? h->v[swap][i] : 0;
	return m + (isfinite(s) ? s : 0);
}

/* What the host had in all when it was last sampled, the limit of a program that has none of its own; and what it had left, since others
 * have memory too. */
static double host_limit(struct mc_store *s, int64_t until, double *room)
{
	struct mc_host_series h = { 0 };
	double limit = (double)NAN;
	int64_t since = until > 3600000 ? until - 3600000 : INT64_MIN;
	if (mc_store_host_series(s, since, until, &h, NULL) < 0)
		return limit;
	for (size_t i = h.n; i-- > 0 && !isfinite(limit);) {
		limit = with_swap(&h, MC_H_MEM_TOTAL, MC_H_SWAP_TOTAL, i);
		double left = with_swap(&h, MC_H_MEM_AVAILABLE, MC_H_SWAP_FREE, i);
		*room = isfinite(left) ? fmax(left, 1) : 0;
	}
	mc_host_series_release(&h);
	return limit;
}

/* It was not seen any more when the host was, twice: it does not run, and nothing runs out. */
static bool is_gone(struct mc_store *s, int64_t last, int64_t until)
{
	enum { GONE_MS = 60000, SPAN_MS = 1800000 }; /* as for `status`; more than two ticks of the slowest configuration */
	struct mc_host_series h = { 0 };
	size_t later = 0;
	if (mc_store_host_series(s, last, until - SPAN_MS < last ? until : last + SPAN_MS, &h, NULL) < 0)
		return false;
	for (size_t i = 0; i < h.n; i++)
		later += h.t_ms[i] > last + GONE_MS;
	mc_host_series_release(&h);
	return later >= 2;
}

static int begin_case(struct mc_store *s, const char *program, struct mc_program_row *row, struct scenario_data **ret, struct mc_error *err)
{
	int rc = program_find(s, program, row, err);
	if (rc < 0)
		return rc;
	struct scenario_data *d = calloc(1, sizeof *d);
	rc = d ? take_text(&d->name, program, err) : mc_nomem(err, "a case");
	if (rc < 0)
		scenario_data_free(d);
	else
		*ret = d;
	return rc;
}

int mc_case_from_store(struct mc_store *s, const char *program, int64_t as_of_ms, struct mc_scenario *ret, struct mc_error *err)
{
	int64_t until = as_of_ms ? as_of_ms : INT64_MAX;
	struct mc_scenario out = { 0 };
	struct mc_program_row row = { 0 };
	struct scenario_data *d = NULL;
	int rc = begin_case(s, program, &row, &d, err);
	if (rc < 0)
		return rc;
	if ((rc = add_lives(s, d, row.id, until, err)) == 0 && (rc = add_load(s, d, &row, until, err)) == 0 &&
		(rc = add_deploys(s, d, row.id, until, err)) == 0 && (rc = scenario_name_libraries(d, err)) == 0)
		rc = scenario_view(&out, d, err);
	if (rc != 0) {
		scenario_data_free(d);
		return rc;
	}
	/* where no sample is left, what was seen last is still known */
	out.c.as_of_ms = as_of_ms || samples_are_left(d) || last_sample(d) == INT64_MIN ? as_of_ms : last_sample(d);
	if (last_sample(d) > INT64_MIN && !is_gone(s, last_sample(d), until)) {
		double host = host_limit(s, last_sample(d), &out.c.memory_room), own = daemon_limit_of(s, row.id);
		out.c.memory_limit = isnan(host) || own < host ? own : host;
	}
	*ret = out;
	return 0;
}

/* ---- as they are stored ---- */

struct copier {
	struct scenario_data *d;
	struct mc_error *err;
};

static int copy_life(void *user, const struct mc_life_view *v)
{
	struct copier *c = user;
	struct scenario_life *l = NULL;
	int rc = new_life(c->d, v->row, &l, c->err);
	size_t n = v->series.n;
	if (rc < 0 || n == 0)
		return rc;
	l->t_ms = mc_reallocarray(NULL, n, sizeof *l->t_ms);
	bool all = l->t_ms != NULL;
	for (int f = 0; f < MC_F_COUNT && all; f++)
		if (v->series.v[f]) {
			l->v[f] = mc_reallocarray(NULL, n, sizeof *l->v[f]);
			all = l->v[f] != NULL;
			if (all)
				memcpy(l->v[f], v->series.v[f], n * sizeof *l->v[f]);
		}
	if (!all)
		return mc_nomem(c->err, "the samples");
	memcpy(l->t_ms, v->series.t_ms, n * sizeof *l->t_ms);
	l->n = l->cap = n;
	return 0;
}

int scenario_add_stored(struct mc_store *s, struct scenario_data *d, int64_t program, int64_t since, int64_t until, struct mc_error *err)
{
	struct copier c = { d, err };
	struct mc_series_query q = { .program = program, .since_ms = since, .until_ms = until, .fields = UINT32_MAX };
	return mc_store_program_series(s, &q, copy_life, &c, err);
}
