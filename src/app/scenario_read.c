/* Scenario folders: samples.csv, load.csv and deploys.csv into a case. */
#include "scenario.h"

#include <assert.h>
#include <fcntl.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { LIVES_MAX = 1000000, DEPLOYS_MAX = 100000, TEXT_MAX = 4096, NONE = -1 };
#define FILE_MAX ((size_t)8 << 30)

/* The columns of samples.csv that are not fields of a sample. */
enum { C_TIME, C_KEY, C_PID, C_START, C_HOST, C_VERSION, C_COMMIT, C_FIXED };
static const char *const fixed_names[C_FIXED] = { "unix_ms", "process_key", "pid", "start_ms", "host", "version", "commit" };

struct columns {
	int fixed[C_FIXED];
	int field[MC_F_COUNT];
};

/* A CSV file that is being read, with what it owns. */
struct input {
	struct mc_buf path, text;
	struct mc_csv csv;
};

static int find_column(const struct mc_csv *c, const char *name)
{
	for (size_t i = 0; i < c->count; i++)
		if (c->fields[i].len == strlen(name) && memcmp(c->fields[i].s, name, c->fields[i].len) == 0)
			return (int)i;
	return NONE;
}

static int need_column(const struct mc_csv *c, const char *name, int *ret, struct mc_error *err)
{
	*ret = find_column(c, name);
	if (*ret == NONE)
		return mc_fail(err, MC_EFORMAT, 0, "%s:%u:1: no column '%s' in the header line", c->file, c->line, name);
	return 0;
}

static const struct mc_csv_field *field_at(const struct mc_csv *c, int column)
{
	static const struct mc_csv_field empty = { "", 0 };
	return column >= 0 && (size_t)column < c->count ? &c->fields[column] : &empty;
}

static int integer_at(const struct mc_csv *c, int column, const char *name, int64_t *ret, struct mc_error *err)
{
	const struct mc_csv_field *f = field_at(c, column);
	if (!mc_parse_i64(f->s, f->len, ret))
		return mc_csv_fail(c, (size_t)column, name, err, f->len ? "not a whole number" : "empty; a whole number is needed");
	return 0;
}

/* Points in time: within what a date can say, so that differences never overflow. */
static int time_at(const struct mc_csv *c, int column, const char *name, int64_t *ret, struct mc_error *err)
{
	const int64_t most = (int64_t)1 << 53;
	int rc = integer_at(c, column, name, ret, err);
	if (rc == 0 && (*ret > most || *ret < -most))
		return mc_csv_fail(c, (size_t)column, name, err, "not a time in Unix milliseconds");
	return rc;
}

/* A sampled value; empty is "not sampled". */
static int value_at(const struct mc_csv *c, int column, const char *name, double *ret, struct mc_error *err)
{
	const struct mc_csv_field *f = field_at(c, column);
	*ret = (double)NAN;
	if (f->len == 0 || mc_parse_double(f->s, f->len, ret))
		return 0;
	return mc_csv_fail(c, (size_t)column, name, err, "not a number");
}

static int text_at(const struct mc_csv *c, int column, char **ret, struct mc_error *err)
{
	const struct mc_csv_field *f = field_at(c, column);
	struct mc_buf b = { 0 };
	if (f->len > TEXT_MAX)
		return mc_csv_fail(c, (size_t)column, NULL, err, "longer than 4096 bytes");
	mc_utf8_add(&b, f->s, f->len);
	mc_buf_add(&b, "", 0);
	if (mc_buf_check(&b, err) < 0) {
		mc_buf_release(&b);
		return MC_ENOMEM;
	}
	*ret = b.data;
	return 0;
}

static int input_open(struct input *in, const char *dir, const char *name, struct mc_error *err)
{
	mc_buf_printf(&in->path, "%s/%s", dir, name);
	if (mc_buf_check(&in->path, err) < 0)
		return MC_ENOMEM;
	int rc = mc_read_file(AT_FDCWD, mc_buf_text(&in->path), FILE_MAX, &in->text, err);
	if (rc < 0)
		return rc;
	mc_csv_init(&in->csv, mc_buf_text(&in->path), mc_buf_text(&in->text), in->text.len);
	rc = mc_csv_next(&in->csv, err);
	if (rc == MC_CSV_END)
		return mc_fail(err, MC_EFORMAT, 0, "%s:1:1: empty; a header line is needed", mc_buf_text(&in->path));
	return rc;
}

static void input_release(struct input *in)
{
	mc_csv_release(&in->csv);
	mc_buf_release(&in->text);
	mc_buf_release(&in->path);
}

/* ---- samples.csv ---- */

static int read_header(const struct mc_csv *c, struct columns *k, struct mc_error *err)
{
	static const enum mc_field needed[] = { MC_F_RSS, MC_F_ANON, MC_F_SHARED, MC_F_SWAP };
	int rc = 0;
	for (int i = 0; rc == 0 && i < C_FIXED; i++) {
		k->fixed[i] = find_column(c, fixed_names[i]);
		if (i <= C_START)
			rc = need_column(c, fixed_names[i], &k->fixed[i], err);
	}
	for (int i = 0; i < MC_F_COUNT; i++)
		k->field[i] = find_column(c, mc_field_name((enum mc_field)i));
	for (size_t i = 0; rc == 0 && i < sizeof needed / sizeof needed[0]; i++) {
		int column;
		rc = need_column(c, mc_field_name(needed[i]), &column, err);
	}
	return rc;
}

/* host, process_key, pid, start_ms as they stand in the row: one compare tells whether it is the same life. */
static void raw_key(const struct mc_csv *c, const struct columns *k, struct mc_buf *b)
{
	static const int parts[] = { C_HOST, C_KEY, C_PID, C_START };
	b->len = 0;
	for (size_t i = 0; i < 4; i++) {
		const struct mc_csv_field *f = field_at(c, k->fixed[parts[i]]);
		mc_buf_add(b, f->s, f->len);
		mc_buf_add(b, "", 1);
	}
}

static int new_life(struct scenario_data *d, const struct mc_csv *c, const struct columns *k, const struct mc_buf *raw, struct mc_error *err)
{
	void *items = d->lives;
	if (d->nlives >= LIVES_MAX)
		return mc_fail(err, MC_ELIMIT, 0, "%s:%u: more than %d incarnations", c->file, c->line, LIVES_MAX);
	int rc = mc_grow(&items, &d->lives_cap, d->nlives + 1, sizeof *d->lives, err);
	if (rc < 0)
		return rc;
	d->lives = items;
	struct scenario_life *l = &d->lives[d->nlives];
	*l = (struct scenario_life){ .raw_len = raw->len, .next = d->nlives };
	d->nlives++;
	assert(raw->len > 0); /* four fields, each with its end */
	l->raw = malloc(raw->len);
	if (!l->raw)
		return mc_nomem(err, "an incarnation");
	memcpy(l->raw, raw->data, raw->len);
	if ((rc = integer_at(c, k->fixed[C_PID], "pid", &l->pid, err)) == 0 &&
		(rc = time_at(c, k->fixed[C_START], "start_ms", &l->start_ms, err)) == 0 &&
		(rc = text_at(c, k->fixed[C_HOST], &l->host, err)) == 0 && (rc = text_at(c, k->fixed[C_KEY], &l->key, err)) == 0 &&
		(rc = text_at(c, k->fixed[C_VERSION], &l->version, err)) == 0)
		rc = text_at(c, k->fixed[C_COMMIT], &l->commit, err);
	return rc;
}

struct finder {
	struct mc_map *map;
	struct mc_buf raw;
	size_t last; /* life of the row before */
};

/* The row's life, in f->last. Rows come process after process, tick after tick, so the life that followed
 * this one last time is nearly always right; else the map knows. */
static int find_life(struct finder *f, struct scenario_data *d, const struct mc_csv *c, const struct columns *k, struct mc_error *err)
{
	uint64_t found = SIZE_MAX;
	raw_key(c, k, &f->raw);
	if (mc_buf_check(&f->raw, err) < 0)
		return MC_ENOMEM;
	if (d->nlives) {
		size_t guess = d->lives[f->last].next;
		const struct scenario_life *g = &d->lives[guess];
		if (g->raw_len == f->raw.len && memcmp(g->raw, f->raw.data, f->raw.len) == 0)
			found = guess;
	}
	if (found == SIZE_MAX && !mc_map_get(f->map, f->raw.data, f->raw.len, &found)) {
		found = d->nlives;
		int rc = new_life(d, c, k, &f->raw, err);
		if (rc < 0)
			return rc;
		if (mc_map_set(f->map, f->raw.data, f->raw.len, found) < 0)
			return mc_nomem(err, "incarnations");
	}
	assert(d->lives && found < d->nlives); /* it was there, or was made */
	d->lives[f->last].next = (size_t)found;
	f->last = (size_t)found;
	return 0;
}

static int make_room(struct scenario_life *l, const struct columns *k, struct mc_error *err)
{
	if (l->n < l->cap)
		return 0;
	size_t cap = l->cap ? l->cap * 2 : 16;
	void *p = mc_reallocarray(l->t_ms, cap, sizeof *l->t_ms);
	if (!p)
		return mc_nomem(err, "samples");
	l->t_ms = p;
	for (int i = 0; i < MC_F_COUNT; i++) {
		if (k->field[i] == NONE)
			continue;
		if (!(p = mc_reallocarray(l->v[i], cap, sizeof *l->v[i])))
			return mc_nomem(err, "samples");
		l->v[i] = p;
	}
	l->cap = cap;
	return 0;
}

/* What later rows of a life tell that the first did not. */
static int late_text(const struct mc_csv *c, int column, char **text, struct mc_error *err)
{
	if (field_at(c, column)->len == 0 || (*text)[0] != '\0')
		return 0;
	free(*text);
	*text = NULL;
	return text_at(c, column, text, err);
}

static int add_sample(struct scenario_life *l, const struct mc_csv *c, const struct columns *k, struct mc_error *err)
{
	int rc = make_room(l, k, err);
	if (rc == 0)
		rc = time_at(c, k->fixed[C_TIME], "unix_ms", &l->t_ms[l->n], err);
	for (int i = 0; rc == 0 && i < MC_F_COUNT; i++)
		if (k->field[i] != NONE)
			rc = value_at(c, k->field[i], mc_field_name((enum mc_field)i), &l->v[i][l->n], err);
	if (rc == 0 && (rc = late_text(c, k->fixed[C_VERSION], &l->version, err)) == 0)
		rc = late_text(c, k->fixed[C_COMMIT], &l->commit, err);
	l->n += rc == 0;
	return rc;
}

static int read_samples(const char *dir, struct scenario_data *d, struct mc_error *err)
{
	struct input in = { 0 };
	struct columns k;
	struct finder f = { .map = mc_map_new() };
	int rc = f.map ? input_open(&in, dir, "samples.csv", err) : mc_nomem(err, "incarnations");
	if (rc == 0)
		rc = read_header(&in.csv, &k, err);
	while (rc == 0 && (rc = mc_csv_next(&in.csv, err)) == 0) {
		rc = find_life(&f, d, &in.csv, &k, err);
		if (rc == 0)
			rc = add_sample(&d->lives[f.last], &in.csv, &k, err);
	}
	mc_map_free(f.map);
	mc_buf_release(&f.raw);
	input_release(&in);
	return rc == MC_CSV_END ? 0 : rc;
}

/* ---- load.csv and deploys.csv ---- */

static int load_room(struct scenario_data *d, size_t *cap, const int column[MC_L_COUNT], struct mc_error *err)
{
	if (d->nload < *cap)
		return 0;
	size_t want = *cap ? *cap * 2 : 1024;
	void *p = mc_reallocarray(d->load_ms, want, sizeof *d->load_ms);
	if (!p)
		return mc_nomem(err, "load");
	d->load_ms = p;
	for (int i = 0; i < MC_L_COUNT; i++) {
		if (column[i] == NONE)
			continue;
		if (!(p = mc_reallocarray(d->load[i], want, sizeof *d->load[i])))
			return mc_nomem(err, "load");
		d->load[i] = p;
	}
	*cap = want;
	return 0;
}

static int add_load(struct scenario_data *d, size_t *cap, const struct mc_csv *c, int time, const int column[MC_L_COUNT], struct mc_error *err)
{
	int rc = load_room(d, cap, column, err);
	if (rc == 0)
		rc = time_at(c, time, "unix_ms", &d->load_ms[d->nload], err);
	for (int i = 0; rc == 0 && i < MC_L_COUNT; i++)
		if (column[i] != NONE)
			rc = value_at(c, column[i], mc_load_field_name((enum mc_load_field)i), &d->load[i][d->nload], err);
	d->nload += rc == 0;
	return rc;
}

static int read_load(const char *dir, struct scenario_data *d, struct mc_error *err)
{
	struct input in = { 0 };
	size_t cap = 0;
	int time = NONE, column[MC_L_COUNT];
	int rc = input_open(&in, dir, "load.csv", err);
	if (rc == 0)
		rc = need_column(&in.csv, "unix_ms", &time, err);
	else if (rc == MC_ENOTFOUND)
		rc = MC_CSV_END; /* it is optional */
	for (int i = 0; rc == 0 && i < MC_L_COUNT; i++)
		column[i] = find_column(&in.csv, mc_load_field_name((enum mc_load_field)i));
	while (rc == 0 && (rc = mc_csv_next(&in.csv, err)) == 0)
		rc = add_load(d, &cap, &in.csv, time, column, err);
	input_release(&in);
	return rc == MC_CSV_END ? 0 : rc;
}

static int add_deploy(struct scenario_data *d, const struct mc_csv *c, const int column[4], struct mc_error *err)
{
	void *items = d->deploys;
	char *version = NULL, *commit = NULL, *host = NULL;
	int64_t when = 0;
	if (d->ndeploys >= DEPLOYS_MAX)
		return mc_fail(err, MC_ELIMIT, 0, "%s:%u: more than %d deploys", c->file, c->line, DEPLOYS_MAX);
	int rc = mc_grow(&items, &d->deploys_cap, d->ndeploys + 1, sizeof *d->deploys, err);
	if (rc < 0)
		return rc;
	d->deploys = items;
	if ((rc = time_at(c, column[0], "unix_ms", &when, err)) == 0 && (rc = text_at(c, column[1], &version, err)) == 0 &&
		(rc = text_at(c, column[2], &commit, err)) == 0)
		rc = text_at(c, column[3], &host, err);
	if (rc < 0) {
		free(version);
		free(commit);
		return rc;
	}
	d->deploys[d->ndeploys++] =
		(struct mc_deploy_mark){ .unix_ms = when, .version = version, .commit = commit, .host = host, .source = MC_DEPLOY_MARK };
	return 0;
}

static int read_deploys(const char *dir, struct scenario_data *d, struct mc_error *err)
{
	static const char *const names[] = { "unix_ms", "version", "commit", "host" };
	struct input in = { 0 };
	int column[4], rc = input_open(&in, dir, "deploys.csv", err);
	if (rc == MC_ENOTFOUND)
		rc = MC_CSV_END; /* a program that was never deployed anew */
	for (int i = 0; rc == 0 && i < 4; i++) {
		column[i] = find_column(&in.csv, names[i]);
		if (i < 3)
			rc = need_column(&in.csv, names[i], &column[i], err);
	}
	while (rc == 0 && (rc = mc_csv_next(&in.csv, err)) == 0)
		rc = add_deploy(d, &in.csv, column, err);
	input_release(&in);
	return rc == MC_CSV_END ? 0 : rc;
}

/* The folder's own name, for "." too. */
static char *folder_name(const char *dir)
{
	char *full = realpath(dir, NULL);
	const char *slash = full ? strrchr(full, '/') : NULL;
	char *name = mc_strdup(slash && slash[1] ? slash + 1 : dir);
	free(full);
	return name;
}

int mc_scenario_read(const char *dir, struct mc_scenario *ret, struct mc_error *err)
{
	struct scenario_data *d = calloc(1, sizeof *d);
	struct mc_scenario s = { 0 };
	int rc;
	if (!d)
		return mc_nomem(err, "a scenario");
	d->name = folder_name(dir);
	if (!d->name)
		rc = mc_nomem(err, "a name");
	else if ((rc = read_samples(dir, d, err)) == 0 && (rc = read_load(dir, d, err)) == 0 && (rc = read_deploys(dir, d, err)) == 0)
		rc = scenario_view(&s, d, err);
	if (rc != 0) {
		scenario_data_free(d);
		return rc;
	}
	*ret = s;
	return 0;
}
