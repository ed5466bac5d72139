/* A scenario folder into the store: read in full first, then one transaction. */
#include "scenario_merge.h"

#include "deploys.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* One tick that is being put together. */
struct tick {
	int64_t program, t_ms;
	int64_t *ids; /* incarnation of each life */
	size_t n;
	struct mc_row *rows;
	bool has_load;
	struct mc_load_row load;
};

/* Lives [from, to). */
static int add_lives(struct mc_store *s, const struct scenario_data *d, struct tick *k, size_t from, size_t to, struct mc_error *err)
{
	int rc = 0;
	for (size_t i = from; rc == 0 && i < to; i++) {
		const struct scenario_life *l = &d->lives[i];
		bool known = l->version[0] || l->commit[0];
		struct mc_incarnation inc = { .program = k->program, .host = l->host, .key = l->key, .pid = l->pid, .start_ms = l->start_ms,
			.exe = "", .version = l->version, .commit = l->commit, .build_id = "", .how = known ? "import" : "" };
		rc = mc_store_incarnation(s, &inc, err);
		k->ids[i] = inc.id;
	}
	return rc;
}

/* An import under way. */
struct mc_import {
	const char *program;
	const struct scenario_data *d;
	struct tick tick;
	struct merge merge;
	size_t lives;  /* that were added */
	bool ahead;    /* the row below is yet to be taken */
	size_t stream, row;
	int64_t t_ms;
	struct mc_import_counts counts;
};

static int flush(struct mc_store *s, struct tick *k, struct mc_error *err)
{
	int rc = k->n || k->has_load ? mc_store_tick(s, k->t_ms, k->rows, k->n, &k->load, k->has_load ? 1 : 0, NULL, err) : 0;
	k->n = 0;
	k->has_load = false;
	return rc;
}

static void take(const struct scenario_data *d, struct tick *k, size_t stream, size_t row)
{
	if (stream == d->nlives) {
		k->has_load = true;
		k->load.program = k->program;
		for (int i = 0; i < MC_L_COUNT; i++)
			k->load.v[i] = d->load[i] ? d->load[i][row] : (double)NAN;
		return;
	}
	struct mc_row *r = &k->rows[k->n++];
	r->incarnation = k->ids[stream];
	for (int i = 0; i < MC_F_COUNT; i++)
		r->v[i] = d->lives[stream].v[i] ? d->lives[stream].v[i][row] : (double)NAN;
}

/* Whole ticks, until there are about `most` rows. *end: that was all. */
static int add_samples(struct mc_store *s, struct mc_import *im, size_t most, bool *end, struct mc_error *err)
{
	struct tick *k = &im->tick;
	size_t rows = 0;
	int rc = 0;
	while (rc == 0) {
		bool more = im->ahead || merge_next(&im->merge, &im->stream, &im->row, &im->t_ms);
		im->ahead = more;
		if (!more || im->t_ms != k->t_ms)
			rc = flush(s, k, err);
		if (rc < 0 || !more || (rows >= most && im->t_ms != k->t_ms)) {
			*end = !more;
			return rc;
		}
		k->t_ms = im->t_ms;
		take(im->d, k, im->stream, im->row);
		im->ahead = false;
		rows++;
	}
	return rc;
}

/* The first life that says it runs this deploy's version or commit, 0: none does. */
static int64_t first_seen(const struct scenario_data *d, const struct mc_deploy_mark *m)
{
	int64_t first = 0;
	for (size_t i = 0; i < d->nlives; i++) {
		const struct scenario_life *l = &d->lives[i];
		bool same = m->commit[0] && l->commit[0] ? strcmp(l->commit, m->commit) == 0 : m->version[0] && strcmp(l->version, m->version) == 0;
		if (same && l->start_ms >= m->unix_ms - (int64_t)20 * 60000 && (first == 0 || l->start_ms < first))
			first = l->start_ms;
	}
	return first;
}

static bool is_there(const struct mc_deploy_row *rows, size_t n, const struct mc_deploy_mark *m)
{
	for (size_t i = 0; i < n; i++)
		if (rows[i].unix_ms == m->unix_ms && strcmp(rows[i].version, m->version) == 0 && strcmp(rows[i].commit, m->commit) == 0 &&
			strcmp(rows[i].host, m->host) == 0)
			return true;
	return false;
}

static const char *source_text(enum mc_deploy_source source)
{
	return source == MC_DEPLOY_MARK ? "import" : source == MC_DEPLOY_LIBRARY ? DEPLOYS_LIBRARY : "recognised";
}

static int add_deploy(struct mc_store *s, int64_t program, const struct scenario_data *d, const struct mc_deploy_mark *m, const char *source,
	struct mc_error *err)
{
	struct mc_deploy_row row = { .program = program, .unix_ms = m->unix_ms, .first_seen_ms = first_seen(d, m), .version = mc_strdup(m->version),
		.commit = mc_strdup(m->commit), .build_id = mc_strdup(""), .host = mc_strdup(m->host), .note = mc_strdup(""),
		.source = mc_strdup(source) };
	char *texts[] = { row.version, row.commit, row.build_id, row.host, row.note, row.source };
	int rc = 0;
	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
		rc = texts[i] ? rc : mc_nomem(err, "a deploy");
	if (rc == 0)
		rc = mc_store_deploy_add(s, &row, err);
	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
		free(texts[i]);
	return rc;
}

static int add_deploys(struct mc_store *s, int64_t program, const struct scenario_data *d, struct mc_import_counts *counts, struct mc_error *err)
{
	struct mc_deploy_row *rows = NULL;
	size_t n = 0;
	int rc = mc_store_deploys(s, program, &rows, &n, err);
	for (size_t i = 0; rc == 0 && i < d->ndeploys; i++)
		if (!is_there(rows, n, &d->deploys[i])) {
			rc = add_deploy(s, program, d, &d->deploys[i], source_text(d->deploys[i].source), err);
			counts->new_deploys++;
		}
	for (size_t i = 0; rc == 0 && i < d->nseen; i++)
		if (!is_there(rows, n, &d->seen[i]))
			rc = add_deploy(s, program, d, &d->seen[i], DEPLOYS_BASELINE, err);
	mc_store_deploys_free(rows, n);
	return rc;
}

int mc_import_open(const char *program, const struct mc_scenario *sc, struct mc_import **ret, struct mc_error *err)
{
	const struct scenario_data *d = scenario_data(sc);
	struct mc_import *im = calloc(1, sizeof *im);
	if (!im)
		return mc_nomem(err, "an import");
	*im = (struct mc_import){ .program = program, .d = d, .counts = { .processes = d->nlives, .load = d->nload, .deploys = d->ndeploys + d->nseen },
		.tick = { .t_ms = INT64_MIN, .ids = calloc(d->nlives + 1, sizeof *im->tick.ids), .rows = calloc(d->nlives + 1, sizeof *im->tick.rows) } };
	for (size_t i = 0; i < d->nlives; i++)
		im->counts.samples += d->lives[i].n;
	int rc = im->tick.ids && im->tick.rows ? merge_open(&im->merge, d, true, err) : mc_nomem(err, "a tick");
	if (rc < 0)
		mc_import_close(im);
	else
		*ret = im;
	return rc;
}

void mc_import_close(struct mc_import *im)
{
	if (!im)
		return;
	merge_release(&im->merge);
	free(im->tick.ids);
	free(im->tick.rows);
	free(im);
}

static int write_some(struct mc_store *s, struct mc_import *im, size_t most, bool *end, struct mc_error *err)
{
	size_t to = im->d->nlives - im->lives < most ? im->d->nlives : im->lives + most;
	int rc = mc_store_program(s, im->program, &im->tick.program, err);
	if (rc == 0 && im->lives < to)
		rc = add_lives(s, im->d, &im->tick, im->lives, to, err);
	bool some = im->lives < to && most < SIZE_MAX;
	im->lives = to;
	if (rc < 0 || some)
		return rc;
	rc = add_samples(s, im, most, end, err);
	return rc == 0 && *end ? add_deploys(s, im->tick.program, im->d, &im->counts, err) : rc;
}

int mc_import_some(struct mc_store *s, struct mc_import *im, size_t most, struct mc_import_counts *ret, struct mc_error *err)
{
	bool end = false;
	int rc = mc_store_begin(s, err);
	if (rc < 0)
		return rc;
	rc = write_some(s, im, most, &end, err);
	if (rc == 0)
		rc = mc_store_commit(s, err);
	else
		mc_store_rollback(s);
	if (rc == 0 && end)
		*ret = im->counts;
	return rc < 0 ? rc : end;
}

int mc_import_scenario(struct mc_store *s, const char *program, const struct mc_scenario *sc, struct mc_import_counts *ret, struct mc_error *err)
{
	struct mc_import *im = NULL;
	int rc = mc_import_open(program, sc, &im, err);
	if (rc == 0)
		rc = mc_import_some(s, im, SIZE_MAX, ret, err);
	mc_import_close(im);
	return rc < 0 ? rc : 0;
}

int mc_import(struct mc_store *s, const char *program, const char *dir, struct mc_import_counts *ret, struct mc_error *err)
{
	struct mc_scenario sc;
	int rc = mc_scenario_read(dir, &sc, err);
	if (rc < 0)
		return rc;
	rc = mc_import_scenario(s, program, &sc, ret, err);
	mc_scenario_release(&sc);
	return rc;
}

void mc_import_json(struct mc_json *j, const char *program, const struct mc_import_counts *n)
{
	mc_json_object(j, NULL);
	mc_json_int(j, "schema", 1);
	mc_json_str(j, "program", program);
	mc_json_int(j, "processes", (int64_t)n->processes);
	mc_json_int(j, "samples", (int64_t)n->samples);
	mc_json_int(j, "load", (int64_t)n->load);
	mc_json_int(j, "deploys", (int64_t)n->deploys);
	mc_json_close(j);
}

int mc_answer_put(struct mc_store *s, const char *program, const char *json, const struct mc_blame *from, struct mc_error *err)
{
	int64_t id;
	size_t n = from->scenario.c.nlives;
	struct mc_life_data *keep = calloc(n + 1, sizeof *keep);
	int rc = keep ? mc_store_program(s, program, &id, err) : mc_nomem(err, "an answer");
	if (rc == 0)
		rc = mc_store_answer_put(s, id, from->answer.as_of_ms, json, err);
	if (rc == 0) /* last: nothing else is lost with it */
		rc = mc_store_lives_put(s, keep, case_to_keep(&from->scenario, keep, n), err);
	free(keep);
	return rc == MC_EFULL ? 0 : rc; /* at the quota it is done without */
}

int mc_answer_anew(struct mc_store *s, const char *program, struct mc_buf *ret, struct mc_blame *from, struct mc_error *err)
{
	struct mc_blame b;
	int rc = mc_blame_program(s, NULL, program, 0, &b, err);
	if (rc < 0)
		return rc;
	struct mc_json *j = mc_json_new();
	if (j)
		mc_blame_json(j, NULL, &b);
	rc = j ? mc_json_text(j, MC_JSON_COMPACT, ret, err) : mc_nomem(err, "an answer");
	mc_json_free(j);
	if (rc < 0)
		mc_blame_release(&b);
	else
		*from = b;
	return rc;
}
