/* A program out of the store, as a scenario folder. */
#include "scenario_merge.h"

#include "program.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PIECE = 1 << 18 };

/* A file that is being written; nothing that was there is overwritten. */
struct out {
	struct mc_buf path, text;
	int fd;
	bool made;
};

static int out_open(struct out *o, const char *dir, const char *name, struct mc_error *err)
{
	*o = (struct out){ .fd = -1 };
	mc_buf_printf(&o->path, "%s/%s", dir, name);
	if (mc_buf_check(&o->path, err) < 0)
		return MC_ENOMEM;
	o->fd = open(mc_buf_text(&o->path), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
	if (o->fd < 0 && errno == EEXIST)
		return mc_fail(err, MC_EEXIST, 0, "%s is there already; export into an empty folder", mc_buf_text(&o->path));
	if (o->fd < 0)
		return mc_fail(err, MC_EIO, errno, "%s", mc_buf_text(&o->path));
	o->made = true;
	return 0;
}

static int out_flush(struct out *o, struct mc_error *err)
{
	int rc = mc_buf_check(&o->text, err);
	for (size_t done = 0; rc == 0 && done < o->text.len;) {
		ssize_t n = write(o->fd, o->text.data + done, o->text.len - done);
		if (n < 0 && errno != EINTR)
			rc = mc_fail(err, errno == ENOSPC || errno == EDQUOT ? MC_EFULL : MC_EIO, errno, "%s", mc_buf_text(&o->path));
		done += n > 0 ? (size_t)n : 0;
	}
	o->text.len = 0;
	return rc;
}

/* Half a folder is no folder: a file that could not be written in full goes. */
static int out_close(struct out *o, int rc, struct mc_error *err)
{
	if (rc == 0)
		rc = out_flush(o, err);
	if (o->fd >= 0 && close(o->fd) < 0 && rc == 0)
		rc = mc_fail(err, MC_EIO, errno, "%s", mc_buf_text(&o->path));
	if (rc < 0 && o->made)
		unlink(mc_buf_text(&o->path));
	mc_buf_release(&o->path);
	mc_buf_release(&o->text);
	return rc;
}

static void put_number(struct mc_buf *b, double v)
{
	if (!isfinite(v))
		return; /* not sampled */
	if (v == nearbyint(v) && fabs(v) < 1e15)
		mc_buf_printf(b, "%lld", (long long)v);
	else
		mc_buf_printf(b, "%.17g", v);
}

static double value_of(const struct scenario_life *l, int f, size_t row)
{
	return l->v[f] ? l->v[f][row] : (double)NAN;
}

/* The daemon samples what is shared in two parts. */
static double shared_of(const struct scenario_life *l, size_t row)
{
	double shared = value_of(l, MC_F_SHARED, row);
	return isfinite(shared) ? shared : value_of(l, MC_F_FILE, row) + value_of(l, MC_F_SHMEM, row);
}

static void put_sample(struct mc_buf *b, const struct scenario_life *l, size_t row, int64_t t, const bool used[MC_F_COUNT])
{
	mc_buf_printf(b, "%lld,", (long long)t);
	mc_csv_add(b, l->key);
	mc_buf_printf(b, ",%lld,%lld,", (long long)l->pid, (long long)l->start_ms);
	put_number(b, value_of(l, MC_F_RSS, row));
	mc_buf_str(b, ",");
	put_number(b, value_of(l, MC_F_ANON, row));
	mc_buf_str(b, ",");
	put_number(b, shared_of(l, row));
	mc_buf_str(b, ",");
	put_number(b, value_of(l, MC_F_SWAP, row));
	for (const char *const *p = (const char *const[]){ l->host, l->version, l->commit, NULL }; *p; p++) {
		mc_buf_str(b, ",");
		mc_csv_add(b, *p);
	}
	for (int f = 0; f < MC_F_COUNT; f++)
		if (used[f]) {
			mc_buf_str(b, ",");
			put_number(b, value_of(l, f, row));
		}
	mc_buf_str(b, "\n");
}

/* What there is of a program: optional fields, and how much in which time. */
struct extent {
	bool used[MC_F_COUNT];
	size_t lives, samples;
	int64_t first, last;
};

static int look_at(void *user, const struct mc_life_view *v)
{
	struct extent *x = user;
	const struct mc_series *s = &v->series;
	for (int f = 0; f < MC_F_COUNT; f++)
		if (f != MC_F_RSS && f != MC_F_ANON && f != MC_F_SHARED && f != MC_F_SWAP)
			x->used[f] = x->used[f] || s->v[f];
	x->lives += s->n > 0;
	x->samples += s->n;
	if (s->n && (x->samples == s->n || s->t_ms[0] < x->first))
		x->first = s->t_ms[0];
	if (s->n && (x->samples == s->n || s->t_ms[s->n - 1] > x->last))
		x->last = s->t_ms[s->n - 1];
	return 0;
}

static int put_rows(struct out *o, const struct scenario_data *d, const struct extent *x, struct mc_import_counts *counts, struct mc_error *err)
{
	struct merge m;
	size_t stream, row;
	int64_t t;
	int rc = merge_open(&m, d, false, err);
	while (rc == 0 && merge_next(&m, &stream, &row, &t)) {
		put_sample(&o->text, &d->lives[stream], row, t, x->used);
		counts->samples++;
		if (o->text.len > PIECE)
			rc = out_flush(o, err);
	}
	merge_release(&m);
	return rc;
}

/* Some days at a time, so that memory does not grow with what is stored. */
static int put_pieces(struct mc_store *s, int64_t program, struct out *o, const struct extent *x, struct mc_import_counts *counts, struct mc_error *err)
{
	enum { SAMPLES = 500000 };
	int64_t pieces = (int64_t)(x->samples / SAMPLES) + 1, span = (x->last - x->first) / pieces + 1;
	int rc = 0;
	for (int64_t from = x->first; rc == 0 && x->samples && from <= x->last; from += span) {
		struct scenario_data *d = calloc(1, sizeof *d);
		rc = d ? scenario_add_stored(s, d, program, from, from + span - 1, err) : mc_nomem(err, "samples");
		if (rc == 0)
			rc = put_rows(o, d, x, counts, err);
		scenario_data_free(d);
	}
	return rc;
}

static int write_samples(struct mc_store *s, int64_t program, const char *dir, struct mc_import_counts *counts, struct mc_error *err)
{
	struct out o = { .fd = -1 };
	struct extent x = { 0 };
	struct mc_series_query q = { .program = program, .since_ms = INT64_MIN, .until_ms = INT64_MAX, .fields = UINT32_MAX };
	int rc = mc_store_program_series(s, &q, look_at, &x, err);
	counts->processes = x.lives;
	if (rc == 0 && (rc = out_open(&o, dir, "samples.csv", err)) == 0) {
		mc_buf_str(&o.text, "unix_ms,process_key,pid,start_ms,rss_bytes,anon_bytes,shared_bytes,swap_bytes,host,version,commit");
		for (int f = 0; f < MC_F_COUNT; f++)
			if (x.used[f])
				mc_buf_printf(&o.text, ",%s", mc_field_name((enum mc_field)f));
		mc_buf_str(&o.text, "\n");
		rc = put_pieces(s, program, &o, &x, counts, err);
	}
	return out_close(&o, rc, err);
}

static int write_load(struct mc_store *s, int64_t program, const char *dir, struct mc_import_counts *counts, struct mc_error *err)
{
	struct out o = { .fd = -1 };
	struct mc_load_series load = { 0 };
	int rc = mc_store_load_series(s, program, INT64_MIN, INT64_MAX, &load, err);
	if (rc < 0 || load.n == 0)
		return rc;
	rc = out_open(&o, dir, "load.csv", err);
	mc_buf_str(&o.text, "unix_ms");
	for (int f = 0; f < MC_L_COUNT; f++)
		if (load.v[f])
			mc_buf_printf(&o.text, ",%s", mc_load_field_name((enum mc_load_field)f));
	mc_buf_str(&o.text, "\n");
	for (size_t i = 0; rc == 0 && i < load.n; i++) {
		mc_buf_printf(&o.text, "%lld", (long long)load.t_ms[i]);
		for (int f = 0; f < MC_L_COUNT; f++)
			if (load.v[f]) {
				mc_buf_str(&o.text, ",");
				put_number(&o.text, load.v[f][i]);
			}
		mc_buf_str(&o.text, "\n");
		counts->load++;
		if (o.text.len > PIECE)
			rc = out_flush(&o, err);
	}
	mc_load_series_release(&load);
	return out_close(&o, rc, err);
}

/* Bytes that are no text become marks of that, as in the samples. */
static void put_text(struct mc_buf *b, const char *raw)
{
	struct mc_buf clean = { 0 };
	mc_utf8_add(&clean, raw ? raw : "", raw ? strlen(raw) : 0);
	b->failed = b->failed || clean.failed;
	mc_csv_add(b, mc_buf_text(&clean));
	mc_buf_release(&clean);
}

/* All of them, those too that ran when somebody first looked: how each was recognised says which is which. */
static int write_deploys(struct mc_store *s, int64_t program, const char *dir, struct mc_import_counts *counts, struct mc_error *err)
{
	struct out o = { .fd = -1 };
	struct mc_deploy_row *rows = NULL;
	size_t n = 0;
	int rc = mc_store_deploys(s, program, &rows, &n, err);
	if (rc == 0 && (rc = out_open(&o, dir, "deploys.csv", err)) == 0)
		mc_buf_str(&o.text, "unix_ms,version,commit,host,source\n");
	for (size_t i = 0; rc == 0 && i < n; i++) {
		mc_buf_printf(&o.text, "%lld", (long long)rows[i].unix_ms);
		for (char *const *p = (char *const[]){ rows[i].version, rows[i].commit, rows[i].host, rows[i].source, NULL }; *p; p++) {
			mc_buf_str(&o.text, ",");
			put_text(&o.text, *p);
		}
		mc_buf_str(&o.text, "\n");
		counts->deploys++;
	}
	mc_store_deploys_free(rows, n);
	return out_close(&o, rc, err);
}

int mc_export(struct mc_store *s, const char *program, const char *dir, struct mc_import_counts *ret, struct mc_error *err)
{
	struct mc_import_counts counts = { 0 };
	struct mc_program_row row = { 0 };
	int rc = program_find(s, program, &row, err);
	int64_t id = row.id;
	if (rc == 0 && mkdir(dir, 0777) < 0 && errno != EEXIST)
		rc = mc_fail(err, MC_EIO, errno, "%s", dir);
	if (rc == 0 && (rc = write_deploys(s, id, dir, &counts, err)) == 0 && (rc = write_load(s, id, dir, &counts, err)) == 0)
		rc = write_samples(s, id, dir, &counts, err);
	if (rc == 0)
		*ret = counts;
	return rc;
}
