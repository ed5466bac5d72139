/* One program's case out of the store: lives, load and deploys as arrays. */
#include "scenario.h"

#include "deploys.h"

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
#define CASE_FIELDS (1u << MC_F_ANON | 1u << MC_F_SWAP | 1u << MC_F_SHMEM | 1u << MC_F_RSS | 1u << MC_F_MINFLT | 1u << MC_F_THREADS | \
	1u << MC_F_FDS | 1u << MC_F_REQUESTS)
enum { LIFE_SAMPLES = 20000 }; /* two days at 10 s; a life of weeks is known well enough by minutes */

/* One value for samples [from, to): the mean of a level, the last of a counter. */
static double one_of(const double *v, size_t from, size_t to, bool counter)
{
	double sum = 0, last = (double)NAN;
	size_t n = 0;
	for (size_t i = from; i < to; i++)
		if (isfinite(v[i])) {
			sum += v[i];
			last = v[i];
			n++;
		}
	return counter || n == 0 ? last : sum / (double)n;
}

/* Means of neighbours in place of a month's every sample: the daemon's memory does not grow with what it has
 * stored. */
static void thin(struct mc_series *s)
{
	size_t every = (s->n + LIFE_SAMPLES - 1) / LIFE_SAMPLES, n = 0;
	if (every < 2)
		return;
	for (size_t from = 0; from < s->n; from += every, n++) {
		size_t to = from + every < s->n ? from + every : s->n;
		for (int f = 0; f < MC_F_COUNT; f++)
			if (s->v[f])
				s->v[f][n] = one_of(s->v[f], from, to, f == MC_F_MINFLT || f == MC_F_REQUESTS);
		s->t_ms[n] = s->t_ms[from] + (s->t_ms[to - 1] - s->t_ms[from]) / 2;
	}
	s->n = n;
	for (int f = 0; f < MC_F_COUNT; f++) {
		double *less = s->v[f] ? mc_reallocarray(s->v[f], n, sizeof *less) : NULL;
		s->v[f] = less ? less : s->v[f];
	}
	int64_t *t = mc_reallocarray(s->t_ms, n, sizeof *t);
	s->t_ms = t ? t : s->t_ms;
}

static int add_life(struct mc_store *s, struct scenario_data *d, const struct mc_incarnation_row *row, int64_t until, struct mc_error *err)
{
	void *items = d->lives;
	struct mc_series series = { 0 };
	int rc = mc_grow(&items, &d->lives_cap, d->nlives + 1, sizeof *d->lives, err);
	if (rc < 0)
		return rc;
	d->lives = items;
	struct scenario_life *l = &d->lives[d->nlives];
	*l = (struct scenario_life){ .pid = row->pid, .start_ms = row->start_ms };
	d->nlives++;
	if ((rc = take_text(&l->host, row->host, err)) < 0 || (rc = take_text(&l->key, row->key, err)) < 0 ||
		(rc = take_text(&l->version, row->version, err)) < 0 || (rc = take_text(&l->commit, row->commit, err)) < 0 ||
		(rc = take_text(&l->build_id, row->build_id, err)) < 0)
		return rc;
	rc = mc_store_series_of(s, row->id, INT64_MIN, until, CASE_FIELDS, &series, err);
	if (rc < 0)
		return rc;
	thin(&series);
	l->n = l->cap = series.n;
	l->t_ms = series.t_ms;
	memcpy(l->v, series.v, sizeof l->v);
	return 0;
}

static int add_lives(struct mc_store *s, struct scenario_data *d, int64_t program, int64_t until, struct mc_error *err)
{
	struct mc_incarnation_row *rows = NULL;
	size_t n = 0;
	int rc = mc_store_incarnations(s, program, INT64_MIN, until, &rows, &n, err);
	for (size_t i = 0; rc == 0 && i < n; i++)
		rc = add_life(s, d, &rows[i], until, err);
	mc_store_incarnations_free(rows, n);
	return rc;
}

static int add_load(struct mc_store *s, struct scenario_data *d, int64_t program, int64_t until, struct mc_error *err)
{
	struct mc_load_series load = { 0 };
	int rc = mc_store_load_series(s, program, INT64_MIN, until, &load, err);
	if (rc < 0)
		return rc;
	d->nload = load.n;
	d->load_ms = load.t_ms;
	memcpy(d->load, load.v, sizeof d->load);
	return 0;
}

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

/* The id of the program of that name. */
static int find_program(struct mc_store *s, const char *name, int64_t *ret, struct mc_error *err)
{
	struct mc_program_row *rows = NULL;
	size_t n = 0;
	int rc = mc_store_programs(s, &rows, &n, err);
	if (rc < 0)
		return rc;
	rc = MC_ENOTFOUND;
	for (size_t i = 0; i < n && rc != 0; i++)
		if (strcmp(rows[i].name, name) == 0) {
			*ret = rows[i].id;
			rc = 0;
		}
	mc_store_programs_free(rows, n);
	if (rc != 0)
		return mc_fail(err, rc, 0, "no program '%.100s' in the database; 'memculprit status' lists those that are", name);
	return 0;
}

/* What the host had in all when it was last sampled: the limit of a program that has none of its own. */
static double host_limit(struct mc_store *s, int64_t until)
{
	struct mc_host_series h = { 0 };
	double limit = (double)NAN;
	int64_t since = until > 3600000 ? until - 3600000 : INT64_MIN;
	if (mc_store_host_series(s, since, until, &h, NULL) < 0)
		return limit;
	for (size_t i = h.n; i-- > 0 && !isfinite(limit);) {
		double total = h.v[MC_H_MEM_TOTAL] ? h.v[MC_H_MEM_TOTAL][i] : (double)NAN;
		double swap = h.v[MC_H_SWAP_TOTAL] ? h.v[MC_H_SWAP_TOTAL][i] : 0;
		limit = total + (isfinite(swap) ? swap : 0);
	}
	mc_host_series_release(&h);
	return limit;
}

static int64_t last_sample(const struct scenario_data *d)
{
	int64_t last = INT64_MIN;
	for (size_t i = 0; i < d->nlives; i++)
		if (d->lives[i].n && d->lives[i].t_ms[d->lives[i].n - 1] > last)
			last = d->lives[i].t_ms[d->lives[i].n - 1];
	return last;
}

int mc_case_from_store(struct mc_store *s, const char *program, int64_t as_of_ms, struct mc_scenario *ret, struct mc_error *err)
{
	int64_t id = 0, until = as_of_ms ? as_of_ms : INT64_MAX;
	struct mc_scenario out = { 0 };
	int rc = find_program(s, program, &id, err);
	if (rc < 0)
		return rc;
	struct scenario_data *d = calloc(1, sizeof *d);
	if (!d)
		return mc_nomem(err, "a case");
	if ((rc = take_text(&d->name, program, err)) == 0 && (rc = add_lives(s, d, id, until, err)) == 0 &&
		(rc = add_load(s, d, id, until, err)) == 0 && (rc = add_deploys(s, d, id, until, err)) == 0 &&
		(rc = scenario_name_libraries(d, err)) == 0)
		rc = scenario_view(&out, d, err);
	if (rc != 0) {
		scenario_data_free(d);
		return rc;
	}
	out.c.as_of_ms = as_of_ms;
	if (last_sample(d) > INT64_MIN) {
		double host = host_limit(s, last_sample(d)), own = daemon_limit_of(s, id);
		out.c.memory_limit = isnan(host) || own < host ? own : host;
	}
	*ret = out;
	return 0;
}
