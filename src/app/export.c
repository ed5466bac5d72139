/* A program out of the store, as a scenario folder. */
#include "scenario_merge.h"

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

/* The optional fields of which there is anything. */
static void find_used(const struct scenario_data *d, bool used[MC_F_COUNT])
{
	for (int f = 0; f < MC_F_COUNT; f++) {
		used[f] = false;
		if (f == MC_F_RSS || f == MC_F_ANON || f == MC_F_SHARED || f == MC_F_SWAP)
			continue;
		for (size_t i = 0; i < d->nlives && !used[f]; i++)
			used[f] = d->lives[i].v[f] != NULL;
	}
}

static int write_samples(const struct scenario_data *d, const char *dir, struct mc_import_counts *counts, struct mc_error *err)
{
	struct out o = { .fd = -1 };
	struct merge m;
	bool used[MC_F_COUNT];
	size_t stream, row;
	int64_t t;
	int rc = merge_open(&m, d, false, err);
	find_used(d, used);
	if (rc == 0 && (rc = out_open(&o, dir, "samples.csv", err)) == 0) {
		mc_buf_str(&o.text, "unix_ms,process_key,pid,start_ms,rss_bytes,anon_bytes,shared_bytes,swap_bytes,host,version,commit");
		for (int f = 0; f < MC_F_COUNT; f++)
			if (used[f])
				mc_buf_printf(&o.text, ",%s", mc_field_name((enum mc_field)f));
		mc_buf_str(&o.text, "\n");
	}
	while (rc == 0 && merge_next(&m, &stream, &row, &t)) {
		put_sample(&o.text, &d->lives[stream], row, t, used);
		counts->samples++;
		if (o.text.len > PIECE)
			rc = out_flush(&o, err);
	}
	merge_release(&m);
	return out_close(&o, rc, err);
}

static int write_load(const struct scenario_data *d, const char *dir, struct mc_import_counts *counts, struct mc_error *err)
{
	struct out o;
	if (d->nload == 0)
		return 0;
	int rc = out_open(&o, dir, "load.csv", err);
	mc_buf_str(&o.text, "unix_ms");
	for (int f = 0; f < MC_L_COUNT; f++)
		if (d->load[f])
			mc_buf_printf(&o.text, ",%s", mc_load_field_name((enum mc_load_field)f));
	mc_buf_str(&o.text, "\n");
	for (size_t i = 0; rc == 0 && i < d->nload; i++) {
		mc_buf_printf(&o.text, "%lld", (long long)d->load_ms[i]);
		for (int f = 0; f < MC_L_COUNT; f++)
			if (d->load[f]) {
				mc_buf_str(&o.text, ",");
				put_number(&o.text, d->load[f][i]);
			}
		mc_buf_str(&o.text, "\n");
		counts->load++;
		if (o.text.len > PIECE)
			rc = out_flush(&o, err);
	}
	return out_close(&o, rc, err);
}

static int write_deploys(const struct scenario_data *d, const char *dir, struct mc_import_counts *counts, struct mc_error *err)
{
	struct out o;
	int rc = out_open(&o, dir, "deploys.csv", err);
	mc_buf_str(&o.text, "unix_ms,version,commit,host\n");
	for (size_t i = 0; i < d->ndeploys; i++) {
		mc_buf_printf(&o.text, "%lld,", (long long)d->deploys[i].unix_ms);
		mc_csv_add(&o.text, d->deploys[i].version);
		mc_buf_str(&o.text, ",");
		mc_csv_add(&o.text, d->deploys[i].commit);
		mc_buf_str(&o.text, ",");
		mc_csv_add(&o.text, d->deploys[i].host);
		mc_buf_str(&o.text, "\n");
		counts->deploys++;
	}
	return out_close(&o, rc, err);
}

int mc_export(struct mc_store *s, const char *program, const char *dir, struct mc_import_counts *ret, struct mc_error *err)
{
	struct mc_scenario sc = { 0 };
	struct mc_import_counts counts = { 0 };
	int rc = case_in_full(s, program, &sc, err);
	if (rc < 0)
		return rc;
	const struct scenario_data *d = scenario_data(&sc);
	counts.processes = d->nlives;
	if (mkdir(dir, 0777) < 0 && errno != EEXIST)
		rc = mc_fail(err, MC_EIO, errno, "%s", dir);
	if (rc == 0 && (rc = write_deploys(d, dir, &counts, err)) == 0 && (rc = write_load(d, dir, &counts, err)) == 0)
		rc = write_samples(d, dir, &counts, err);
	mc_scenario_release(&sc);
	if (rc == 0)
		*ret = counts;
	return rc;
}
