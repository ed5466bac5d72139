/* Scenario folders: samples.csv, load.csv and deploys.csv into a case. */
#include "scenario_input.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { LIVES_MAX = 1000000, FILE_COLUMNS_MAX = 256, DIGITS_MAX = 15 };

/* The columns of samples.csv that are not fields of a sample. */
enum { C_TIME, C_KEY, C_PID, C_START, C_HOST, C_VERSION, C_COMMIT, C_FIXED };
static const char *const fixed_names[C_FIXED] = { "unix_ms", "process_key", "pid", "start_ms", "host", "version", "commit" };

/* What names a life, in the order in which its raw text has it. */
static const int key_columns[SCENARIO_KEYS] = { C_HOST, C_KEY, C_PID, C_START };

/* What a column of the file is, for the fast way. */
enum what { SKIP, TIME, LIFE_KEY, VERSION, COMMIT, VALUE };
struct step {
	enum what what;
	int index; /* of key_columns or of mc_field */
};

struct columns {
	int fixed[C_FIXED];
	int field[MC_F_COUNT];
	size_t nsteps; /* columns of the file; 0: too many for the fast way */
	struct step steps[FILE_COLUMNS_MAX];
};

/* The columns in the order of the file. */
static void plan(struct columns *k, size_t count)
{
	static const enum what of_fixed[C_FIXED] = { [C_TIME] = TIME, [C_VERSION] = VERSION, [C_COMMIT] = COMMIT };
	k->nsteps = count <= FILE_COLUMNS_MAX ? count : 0;
	for (size_t i = 0; i < k->nsteps; i++)
		k->steps[i] = (struct step){ SKIP, 0 };
	for (int i = 0; k->nsteps && i < C_FIXED; i++)
		if (k->fixed[i] != NO_COLUMN)
			k->steps[k->fixed[i]].what = of_fixed[i];
	for (int i = 0; k->nsteps && i < SCENARIO_KEYS; i++)
		if (k->fixed[key_columns[i]] != NO_COLUMN)
			k->steps[k->fixed[key_columns[i]]] = (struct step){ LIFE_KEY, i };
	for (int i = 0; k->nsteps && i < MC_F_COUNT; i++)
		if (k->field[i] != NO_COLUMN)
			k->steps[k->field[i]] = (struct step){ VALUE, i };
}

static int read_header(const struct mc_csv *c, struct columns *k, struct mc_error *err)
{
	static const enum mc_field needed[] = { MC_F_RSS, MC_F_ANON, MC_F_SHARED, MC_F_SWAP };
	int rc = 0;
	for (int i = 0; rc == 0 && i < C_FIXED; i++) {
		k->fixed[i] = input_column(c, fixed_names[i]);
		if (i <= C_START)
			rc = input_need_column(c, fixed_names[i], &k->fixed[i], err);
	}
	for (int i = 0; i < MC_F_COUNT; i++)
		k->field[i] = input_column(c, mc_field_name((enum mc_field)i));
	for (size_t i = 0; rc == 0 && i < sizeof needed / sizeof needed[0]; i++) {
		int column;
		rc = input_need_column(c, mc_field_name(needed[i]), &column, err);
	}
	if (rc == 0)
		plan(k, c->count);
	return rc;
}

/* host, process_key, pid, start_ms as they stand in the row: one compare tells whether it is the same life. */
static void raw_key(const struct mc_csv *c, const struct columns *k, struct mc_buf *b)
{
	b->len = 0;
	for (size_t i = 0; i < SCENARIO_KEYS; i++) {
		const struct mc_csv_field *f = input_cell(c, k->fixed[key_columns[i]]);
		mc_buf_add(b, f->s, f->len);
		mc_buf_add(b, "", 1);
	}
}

/* Finds the parts of l->raw. Where one holds what a row has in quotes only, the fast way is not for this life. */
static void find_parts(struct scenario_life *l)
{
	const char *p = l->raw;
	l->plain = true;
	for (size_t i = 0; i < SCENARIO_KEYS; i++) {
		l->part[i] = p;
		l->part_len[i] = strlen(p);
		l->plain = l->plain && !strpbrk(p, ",\"\r\n");
		p += l->part_len[i] + 1;
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
	find_parts(l);
	if ((rc = input_integer(c, k->fixed[C_PID], "pid", &l->pid, err)) == 0 &&
		(rc = input_time(c, k->fixed[C_START], "start_ms", &l->start_ms, err)) == 0 &&
		(rc = input_text(c, k->fixed[C_HOST], &l->host, err)) == 0 && (rc = input_text(c, k->fixed[C_KEY], &l->key, err)) == 0 &&
		(rc = input_text(c, k->fixed[C_VERSION], &l->version, err)) == 0)
		rc = input_text(c, k->fixed[C_COMMIT], &l->commit, err);
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
		if (k->field[i] == NO_COLUMN)
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
	if (input_cell(c, column)->len == 0 || (*text)[0] != '\0')
		return 0;
	free(*text);
	*text = NULL;
	return input_text(c, column, text, err);
}

/* A clock may be stepped, but not by years: such a time (mostly 1970, of a clock that was not set) is none, and all that was seen would be one moment beside it. */
static bool before_its_life(const struct scenario_life *l, int64_t t_ms)
{
	static const int64_t year = 365 * INT64_C(86400000);
	return l->start_ms - t_ms > year;
}

static int add_sample(struct scenario_life *l, const struct mc_csv *c, const struct columns *k, struct mc_error *err)
{
	int rc = make_room(l, k, err);
	if (rc == 0)
		rc = input_time(c, k->fixed[C_TIME], "unix_ms", &l->t_ms[l->n], err);
	if (rc == 0 && before_its_life(l, l->t_ms[l->n]))
		rc = mc_csv_fail(c, (size_t)k->fixed[C_TIME], "unix_ms", err, "more than a year before the process started (start_ms)");
	for (int i = 0; rc == 0 && i < MC_F_COUNT; i++)
		if (k->field[i] != NO_COLUMN)
			rc = input_value(c, k->field[i], mc_field_name((enum mc_field)i), &l->v[i][l->n], err);
	if (rc == 0 && (rc = late_text(c, k->fixed[C_VERSION], &l->version, err)) == 0)
		rc = late_text(c, k->fixed[C_COMMIT], &l->commit, err);
	l->n += rc == 0;
	return rc;
}

/* ---- the fast way: rows of plain numbers of the life that is expected; all else goes the general way ---- */

/* Digits up to the end of the cell, all of which a double holds exactly. NULL: something else. */
static const char *digits(const char *p, int64_t *ret)
{
	const char *from = p;
	int64_t v = 0;
	for (; *p >= '0' && *p <= '9' && p - from <= DIGITS_MAX; p++)
		v = v * 10 + (*p - '0');
	*ret = v;
	return p > from && p - from <= DIGITS_MAX ? p : NULL;
}

static const char *skip(const char *p)
{
	while (*p != ',' && *p != '\n' && *p != '\r' && *p != '"' && *p != '\0')
		p++;
	return p;
}

static const char *fast_cell(const char *p, const char *end, const struct step *s, struct scenario_life *l)
{
	int64_t v;
	size_t len;
	switch (s->what) {
	case VALUE:
		if (*p == ',' || *p == '\n') {
			l->v[s->index][l->n] = (double)NAN;
			return p;
		}
		if ((p = digits(p, &v)))
			l->v[s->index][l->n] = (double)v;
		return p;
	case TIME:
		p = digits(p, &l->t_ms[l->n]);
		return p && !before_its_life(l, l->t_ms[l->n]) ? p : NULL;
	case LIFE_KEY:
		len = l->part_len[s->index];
		return (size_t)(end - p) > len && memcmp(p, l->part[s->index], len) == 0 ? p + len : NULL;
	case VERSION:
		return *p == ',' || *p == '\n' || l->version[0] ? skip(p) : NULL;
	case COMMIT:
		return *p == ',' || *p == '\n' || l->commit[0] ? skip(p) : NULL;
	case SKIP:
	default:
		return skip(p);
	}
}

/* Reads the row at csv.at into the life that followed the last one before. False: nothing was done. */
static bool fast_row(struct mc_csv *c, const struct columns *k, struct finder *f, struct scenario_data *d)
{
	if (!d->nlives || !k->nsteps)
		return false;
	size_t guess = d->lives[f->last].next;
	struct scenario_life *l = &d->lives[guess];
	const char *p = c->at;
	if (!l->plain || l->n >= l->cap)
		return false;
	for (size_t i = 0; i < k->nsteps; i++) {
		p = fast_cell(p, c->end, &k->steps[i], l);
		if (!p || *p != (i + 1 < k->nsteps ? ',' : '\n'))
			return false;
		p++;
	}
	l->n++;
	f->last = guess;
	c->at = p;
	c->line++;
	return true;
}

static int read_row(struct input *in, const struct columns *k, struct finder *f, struct scenario_data *d, struct mc_error *err)
{
	int rc = input_fill(in, err);
	if (rc != 0)
		return rc;
	if (fast_row(&in->csv, k, f, d))
		return 0;
	if ((rc = input_next(in, err)) == 0 && (rc = find_life(f, d, &in->csv, k, err)) == 0)
		rc = add_sample(&d->lives[f->last], &in->csv, k, err);
	return rc;
}

static int read_samples(const char *dir, struct scenario_data *d, struct mc_error *err)
{
	struct input in = { .fd = -1 };
	struct columns k;
	struct finder f = { .map = mc_map_new() };
	int rc = f.map ? input_open(&in, dir, "samples.csv", err) : mc_nomem(err, "incarnations");
	if (rc == MC_ENOTFOUND)
		mc_fail(err, rc, 0, "%.300s/samples.csv is not there; a scenario folder has samples.csv and deploys.csv", dir);
	if (rc == 0)
		rc = read_header(&in.csv, &k, err);
	while (rc == 0)
		rc = read_row(&in, &k, &f, d, err);
	mc_map_free(f.map);
	mc_buf_release(&f.raw);
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
	else if ((rc = read_samples(dir, d, err)) == 0 && (rc = scenario_read_load(dir, d, err)) == 0 && (rc = scenario_read_deploys(dir, d, err)) == 0 &&
		(rc = scenario_make_deploys(d, err)) == 0)
		rc = scenario_view(&s, d, err);
	if (rc != 0) {
		scenario_data_free(d);
		return rc;
	}
	*ret = s;
	return 0;
}
