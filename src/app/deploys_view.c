/* The deploys, each with what became of memory after it and what the newest answer says of it. */
#include "deploys.h"

#include "program.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { INSTANTS = 2000, SLACK_MS = 60000, LONG_LIFE = 30, MANY_SAMPLES = 300 }; /* a life may start a little before its mark */

/* Growth within the lives of a release, pooled: sums about each life's means. */
struct pooled {
	double sxx, sxy;
	size_t longest, samples; /* of a life, of all */
};

struct release_sums {
	struct mc_deploy_view *views;
	size_t n;
	struct mc_curves curves;
	struct pooled *sums;
	struct deploys_life *lives;
	size_t nlives, cap;
	struct mc_error *err;
};

static bool same_text(const char *a, const char *b)
{
	return a && b && a[0] && strcmp(a, b) == 0;
}

/* The update of a library under which a life of release `named` began, or `named`: what it says of itself is the program's
 * version alone. */
static size_t updated(const struct release_sums *r, size_t named, size_t last)
{
	size_t program = last;
	while (program != SIZE_MAX && strcmp(r->views[program].row.source, DEPLOYS_LIBRARY) == 0)
		program = program ? program - 1 : SIZE_MAX;
	return last != program && (program == named || named == SIZE_MAX) ? last : named;
}

/* The deploy whose release a life runs: what it says of itself decides, else the last deploy before its start. */
static size_t release_of(const struct release_sums *r, const struct mc_incarnation_row *life)
{
	size_t last = SIZE_MAX, named = SIZE_MAX;
	for (size_t i = 0; i < r->n; i++) {
		const struct mc_deploy_row *d = &r->views[i].row;
		if (d->host && d->host[0] && life->host && life->host[0] && strcmp(d->host, life->host) != 0)
			continue;
		bool before = d->unix_ms <= life->start_ms + SLACK_MS;
		if (before)
			last = i;
		bool same = same_text(life->commit, d->commit) || same_text(life->version, d->version) || same_text(life->build_id, d->build_id);
		if (same && (before || named == SIZE_MAX))
			named = i;
	}
	if (last != SIZE_MAX)
		named = updated(r, named, last);
	return named != SIZE_MAX ? named : last;
}

static int keep_life(struct release_sums *r, const struct mc_incarnation_row *row, size_t release)
{
	void *items = r->lives;
	int rc = mc_grow(&items, &r->cap, r->nlives + 1, sizeof *r->lives, r->err);
	r->lives = items;
	char *exe = rc == 0 ? mc_strdup(row->exe ? row->exe : "") : NULL;
	if (!exe)
		return mc_nomem(r->err, "deploys");
	r->lives[r->nlives++] = (struct deploys_life){ row->first_ms, row->last_ms, release, exe };
	return 0;
}

/* A life's slope against time, in sums; its first tenth is warm-up. */
static int add_life(void *user, const struct mc_life_view *life)
{
	struct release_sums *r = user;
	const struct mc_series *s = &life->series;
	size_t k = release_of(r, life->row), from = s->n / 10, m = 0;
	double st = 0, sv = 0, stt = 0, stv = 0;
	curves_add(&r->curves, life);
	int rc = keep_life(r, life->row, k);
	if (rc < 0 || k == SIZE_MAX)
		return rc;
	for (size_t i = from; i < s->n; i++) {
		double v = (s->v[MC_F_ANON] ? s->v[MC_F_ANON][i] : (double)NAN) + (s->v[MC_F_SWAP] && isfinite(s->v[MC_F_SWAP][i]) ? s->v[MC_F_SWAP][i] : 0);
		double t = (double)(s->t_ms[i] - s->t_ms[from]) / 1000;
		if (!isfinite(v))
			continue;
		m++;
		st += t;
		sv += v;
		stt += t * t;
		stv += t * v;
	}
	if (m < 3)
		return 0;
	r->sums[k].samples += s->n;
	if (s->n > r->sums[k].longest)
		r->sums[k].longest = s->n;
	r->sums[k].sxx += stt - st * st / (double)m;
	r->sums[k].sxy += stv - st * sv / (double)m;
	return 0;
}

static int compare_doubles(const void *a, const void *b)
{
	const double *x = a, *y = b;
	return (*x > *y) - (*x < *y);
}

/* The median of v over [from, to], NaN where nothing was seen. */
static double median_in(const struct mc_curves *c, const double *v, int64_t from, int64_t to, double *scratch)
{
	size_t n = 0;
	for (size_t i = 0; i < c->n; i++)
		if (c->t_ms[i] >= from && c->t_ms[i] <= to && isfinite(v[i]))
			scratch[n++] = v[i];
	if (n == 0)
		return (double)NAN;
	qsort(scratch, n, sizeof *scratch, compare_doubles);
	return scratch[n / 2];
}

static void take_figures(struct release_sums *r, double *scratch)
{
	const struct mc_curves *c = &r->curves;
	for (size_t i = 0; i < r->n; i++) {
		struct mc_deploy_view *v = &r->views[i];
		int64_t from = v->row.unix_ms, to = v->until_ms == MC_NO_TIME ? c->t_ms[c->n - 1] : v->until_ms;
		double processes = median_in(c, c->processes, from, to, scratch);
		v->memory_after = median_in(c, c->priv, to - (to - from) / 10, to, scratch);
		/* as for an answer: a few samples say nothing */
		v->few_samples = r->sums[i].longest < LONG_LIFE && r->sums[i].samples < MANY_SAMPLES;
		if (r->sums[i].sxx > 0 && !v->few_samples)
			v->growth_after = r->sums[i].sxy / r->sums[i].sxx * processes;
	}
}

/* A minute, or a few ticks where those are short. */
static int64_t settled(const struct mc_curves *c)
{
	int64_t span = c->n > 1 ? c->t_ms[c->n - 1] - c->t_ms[0] : 0;
	return span / 100 < SLACK_MS ? span / 100 : SLACK_MS;
}

/* All of it from one reading of the program's samples. */
static int figures(struct mc_store *s, const struct mc_program_row *p, struct mc_deploy_view *views, size_t n, struct mc_error *err)
{
	struct release_sums r = { .views = views, .n = n, .sums = calloc(n, sizeof *r.sums), .err = err };
	struct mc_series_query q = { .program = p->id, .since_ms = INT64_MIN, .until_ms = INT64_MAX, .fields = 1u << MC_F_ANON | 1u << MC_F_SWAP };
	double *scratch = mc_reallocarray(NULL, INSTANTS, sizeof *scratch);
	int rc = r.sums && scratch ? curves_begin(p->first_ms, p->last_ms, INSTANTS, &r.curves, err) : mc_nomem(err, "deploys");
	if (rc == 0)
		rc = mc_store_program_series(s, &q, add_life, &r, err);
	if (rc == 0) {
		take_figures(&r, scratch);
		deploys_count_processes(views, n, r.lives, r.nlives, settled(&r.curves));
	}
	for (size_t i = 0; i < r.nlives; i++)
		free((char *)(uintptr_t)r.lives[i].exe);
	free(r.lives);
	mc_curves_release(&r.curves);
	free(scratch);
	free(r.sums);
	return rc;
}

/* The newest answer is about the deploy of that time and version; its time may have been put right a little since. */
static bool is_about(const struct mc_jsonv *v, const struct mc_deploy_row *d)
{
	int64_t ms;
	const char *version = mc_jsonv_str(mc_jsonv_get(v, "version")), *commit = mc_jsonv_str(mc_jsonv_get(v, "commit"));
	return mc_jsonv_int(mc_jsonv_get(v, "deployed_ms"), &ms) && llabs(ms - d->unix_ms) <= SLACK_MS && version && strcmp(version, d->version) == 0 && commit &&
		strcmp(commit, d->commit) == 0;
}

static void take_answer(struct mc_deploy_view *v, const struct mc_jsonv *a)
{
	const struct mc_jsonv *candidates = mc_jsonv_get(a, "candidates");
	for (size_t i = 0; i < mc_jsonv_count(candidates); i++) {
		const struct mc_jsonv *k = mc_jsonv_at(candidates, i);
		if (is_about(k, &v->row))
			(void)mc_jsonv_num(mc_jsonv_get(k, "probability"), &v->probability);
	}
	v->culprit = is_about(mc_jsonv_get(a, "culprit"), &v->row);
	v->fix = is_about(mc_jsonv_get(a, "fixed_by"), &v->row);
	double slope;
	if (v->culprit && mc_jsonv_num(mc_jsonv_get(mc_jsonv_get(a, "slope_bytes_per_second"), "after"), &slope)) {
		const char *signal = mc_jsonv_str(mc_jsonv_get(a, "signal"));
		v->growth_after = slope; /* of one release there are not two figures */
		v->growth_of_processes = signal && strcmp(signal, "processes") == 0;
		v->few_samples = false;
	}
}

/* Only these can be blamed, or have ended anything. */
static bool any_deployed(const struct mc_deploy_view *views, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(views[i].row.source, DEPLOYS_BASELINE) != 0)
			return true;
	return false;
}

/* What the newest answer says of them. Where none is stored, one is reckoned of a program that was asked for by its
 * name; in a list of all it is left out: a host's programs would take seconds. */
static int answers(struct mc_store *s, const struct mc_program_row *p, bool reckon, struct mc_deploy_view *views, size_t n, struct mc_error *err)
{
	struct mc_buf text = { 0 };
	struct mc_jsondoc *doc = NULL;
	int64_t as_of;
	if (!any_deployed(views, n))
		return 0;
	int rc = reckon ? mc_answer_text(s, NULL, p, &text, err) : mc_store_answer_get(s, p->id, &as_of, &text, err);
	if (rc == MC_ENOTFOUND && !reckon) {
		for (size_t i = 0; i < n; i++)
			views[i].unanswered = strcmp(views[i].row.source, DEPLOYS_BASELINE) != 0;
		return 0;
	}
	if (rc == 0)
		rc = mc_jsondoc_parse(mc_buf_text(&text), text.len, SIZE_MAX, &doc, err);
	for (size_t i = 0; rc == 0 && i < n; i++)
		take_answer(&views[i], mc_jsondoc_root(doc));
	mc_jsondoc_free(doc);
	mc_buf_release(&text);
	return rc;
}

/* When the next deploy of the same hosts came. */
static int64_t replaced(const struct mc_deploy_row *rows, size_t n, size_t i)
{
	for (size_t k = i + 1; k < n; k++)
		if (rows[k].host[0] == '\0' || rows[i].host[0] == '\0' || strcmp(rows[k].host, rows[i].host) == 0)
			return rows[k].unix_ms;
	return MC_NO_TIME;
}

static int add_program(struct mc_store *s, const struct mc_program_row *p, bool reckon, struct mc_deploys *d, struct mc_error *err)
{
	struct mc_deploy_row *rows = NULL;
	size_t n = 0, first = d->n;
	int rc = mc_store_deploys(s, p->id, &rows, &n, err);
	if (rc < 0 || n == 0)
		return rc;
	struct mc_deploy_view *views = mc_reallocarray(d->views, first + n, sizeof *views);
	if (!views) {
		mc_store_deploys_free(rows, n);
		return mc_nomem(err, "deploys");
	}
	d->views = views;
	for (size_t i = 0; i < n; i++) /* the rows' texts are the views' from here on */
		views[first + i] = (struct mc_deploy_view){ .row = rows[i], .memory_after = (double)NAN, .growth_after = (double)NAN,
			.probability = (double)NAN, .until_ms = replaced(rows, n, i) };
	free(rows);
	d->n += n;
	deploys_name_kinds(&views[first], n);
	for (size_t i = first; i < d->n; i++)
		if (!(views[i].program = mc_strdup(p->name)))
			return mc_nomem(err, "deploys");
	if (p->incarnations && (rc = figures(s, p, &views[first], n, err)) == 0)
		rc = answers(s, p, reckon, &views[first], n, err);
	return rc;
}

int mc_deploys_read(struct mc_store *s, const struct mc_config *cfg, const char *program, struct mc_deploys *ret, struct mc_error *err)
{
	struct mc_program_row *rows = NULL;
	struct mc_deploys d = { 0 };
	size_t n = 0;
	bool found = !program;
	(void)cfg;
	int rc = mc_store_programs(s, &rows, &n, err);
	for (size_t i = 0; rc == 0 && i < n; i++)
		if (!program || strcmp(rows[i].name, program) == 0) {
			found = true;
			rc = add_program(s, &rows[i], program != NULL, &d, err);
		}
	if (rc == 0 && !found)
		rc = program_unknown(program, err);
	mc_store_programs_free(rows, n);
	if (rc < 0)
		mc_deploys_release(&d);
	else
		*ret = d;
	return rc;
}

void mc_deploys_release(struct mc_deploys *d)
{
	for (size_t i = 0; i < d->n; i++) {
		struct mc_deploy_row *r = &d->views[i].row;
		char *texts[] = { r->version, r->commit, r->build_id, r->host, r->note, r->source, d->views[i].program };
		for (size_t k = 0; k < sizeof texts / sizeof texts[0]; k++)
			free(texts[k]);
	}
	free(d->views);
	*d = (struct mc_deploys){ 0 };
}
