/* Deploys that nobody wrote down, but that the lives of a scenario folder tell of: a deploy is a program starting to run another version. The daemon
 * recognises them as it watches; here they are recognised from what the samples say that each life runs. */
#include "scenario.h"

#include <stdlib.h>
#include <string.h>

/* So long before and after a mark lives may start that it announces. */
static const int64_t SLOPPY_MS = INT64_C(20) * 60000;
/* What comes up again sooner is a restart, or never went; or within so many samples. */
static const int64_t ABSENT_MS = INT64_C(5) * 60000, ABSENT_TICKS = 3;
/* More than these are no releases of one program. */
enum { MADE_MAX = 500 };

/* A version that lives say they run. */
struct version {
	const struct scenario_life *life; /* the first of its lives */
	bool written;    /* a row of deploys.csv has it */
	int64_t up_ms;   /* when it came up last */
	int64_t last_ms; /* the newest sample of its lives so far */
};

struct versions {
	struct mc_map *map;
	struct version *of;
	size_t n;
	int64_t begin_ms, absent_ms; /* the first sample of all; what is longer is an absence */
	int64_t newest_ms; /* when any came up last */
	struct version **came; /* what came up, and when */
	int64_t *came_ms;
	size_t ncame;
};

static bool says(const struct scenario_life *l)
{
	return l->n && (l->version[0] || l->commit[0]);
}

static bool same_release(const struct scenario_life *l, const struct mc_deploy_mark *d)
{
	if (l->commit[0] && d->commit[0])
		return strcmp(l->commit, d->commit) == 0;
	return l->version[0] && strcmp(l->version, d->version) == 0;
}

static bool is_written(const struct scenario_data *d, const struct scenario_life *l)
{
	for (size_t i = 0; i < d->ndeploys; i++)
		if (same_release(l, &d->deploys[i]))
			return true;
	return false;
}

/* The commit tells versions apart, where it is known. Above the limit *ret is NULL. */
static int find(struct versions *v, const struct scenario_data *d, const struct scenario_life *l, struct version **ret, struct mc_error *err)
{
	const char *name = l->commit[0] ? l->commit : l->version;
	uint64_t at;
	*ret = NULL;
	if (!mc_map_get(v->map, name, strlen(name), &at)) {
		if ((at = v->n) == MADE_MAX)
			return 0;
		v->of[v->n++] = (struct version){ .life = l, .written = is_written(d, l), .up_ms = MC_NO_TIME, .last_ms = MC_NO_TIME };
		if (mc_map_set(v->map, name, strlen(name), at) < 0)
			return mc_nomem(err, "versions");
	}
	*ret = &v->of[at];
	return 0;
}

static int64_t first_sample(const struct scenario_life *l)
{
	int64_t t = l->t_ms[0];
	for (size_t i = 1; i < l->n; i++)
		t = l->t_ms[i] < t ? l->t_ms[i] : t;
	return t;
}

static int64_t last_sample(const struct scenario_life *l)
{
	int64_t t = l->t_ms[0];
	for (size_t i = 1; i < l->n; i++)
		t = l->t_ms[i] > t ? l->t_ms[i] : t;
	return t;
}

/* A row that no life says it runs, about then: it announces these lives by another name. */
static bool is_announced(const struct versions *v, const struct scenario_data *d, int64_t t)
{
	for (size_t i = 0; i < d->ndeploys; i++) {
		const struct mc_deploy_mark *k = &d->deploys[i];
		bool said = k->unix_ms < t - SLOPPY_MS || k->unix_ms > t + SLOPPY_MS;
		for (size_t o = 0; o < v->n && !said; o++)
			said = same_release(v->of[o].life, k);
		if (!said)
			return true;
	}
	return false;
}

/* The next life by its start. What ran already at the first sample was deployed by nobody; what comes back after another version, once all of it
 * had gone, is deployed again. */
static void follow(struct versions *v, struct version *k, const struct scenario_life *l)
{
	bool first = k->last_ms == MC_NO_TIME, back = !first && v->newest_ms > k->up_ms && l->start_ms > k->last_ms + v->absent_ms;
	int64_t last = last_sample(l);
	if (first || back) {
		k->up_ms = v->newest_ms = l->start_ms;
		if (!k->written && (back || l->start_ms > v->begin_ms)) {
			v->came[v->ncame] = k;
			v->came_ms[v->ncame++] = l->start_ms;
		}
	}
	k->last_ms = last > k->last_ms ? last : k->last_ms;
}

static int by_start(const void *a, const void *b)
{
	const struct scenario_life *x = *(const struct scenario_life *const *)a, *y = *(const struct scenario_life *const *)b;
	if (x->start_ms != y->start_ms)
		return x->start_ms > y->start_ms ? 1 : -1;
	return (x > y) - (x < y);
}

static int add(struct scenario_data *d, const struct scenario_life *l, int64_t t, struct mc_error *err)
{
	void *items = d->deploys;
	int rc = mc_grow(&items, &d->deploys_cap, d->ndeploys + 1, sizeof *d->deploys, err);
	if (rc < 0)
		return rc;
	d->deploys = items;
	struct mc_deploy_mark *m = &d->deploys[d->ndeploys];
	*m = (struct mc_deploy_mark){ .unix_ms = t, .version = mc_strdup(l->version), .commit = mc_strdup(l->commit), .host = mc_strdup(""),
		.source = MC_DEPLOY_RECOGNISED };
	d->ndeploys++; /* what there is of its texts is released with the others */
	return m->version && m->commit && m->host ? 0 : mc_nomem(err, "a deploy");
}

/* When samples begin, and how long is an absence. */
static void look(struct versions *v, const struct scenario_data *d)
{
	int64_t span = 0, gaps = 1;
	v->begin_ms = INT64_MAX;
	for (size_t i = 0; i < d->nlives; i++) {
		const struct scenario_life *l = &d->lives[i];
		if (l->n == 0)
			continue;
		int64_t first = first_sample(l);
		v->begin_ms = first < v->begin_ms ? first : v->begin_ms;
		span += (last_sample(l) - first) / 1000;
		gaps += (int64_t)l->n - 1;
	}
	int64_t ticks = ABSENT_TICKS * (span / gaps) * 1000;
	v->absent_ms = ticks > ABSENT_MS ? ticks : ABSENT_MS;
}

/* Follows the lives that say what they run, `by` their start. *most: there are more versions, or changes, than releases can be. */
static int follow_all(struct versions *v, const struct scenario_data *d, const struct scenario_life **by, size_t n, bool *most, struct mc_error *err)
{
	look(v, d);
	for (size_t i = 0; i < n && !*most; i++) {
		struct version *k;
		int rc = find(v, d, by[i], &k, err);
		if (rc < 0)
			return rc;
		if (k)
			follow(v, k, by[i]);
		*most = !k || v->ncame == MADE_MAX;
	}
	return 0;
}

static int make(struct scenario_data *d, const struct scenario_life **by, size_t n, struct mc_error *err)
{
	struct versions v = { .map = mc_map_new(), .of = calloc(MADE_MAX, sizeof *v.of), .newest_ms = MC_NO_TIME };
	bool most = false;
	v.came = calloc(MADE_MAX, sizeof *v.came);
	v.came_ms = calloc(MADE_MAX, sizeof *v.came_ms);
	int rc = v.map && v.of && v.came && v.came_ms ? follow_all(&v, d, by, n, &most, err) : mc_nomem(err, "versions");
	size_t left = 0;
	for (size_t i = 0; rc == 0 && i < v.ncame && !most; i++)
		if (!is_announced(&v, d, v.came_ms[i])) {
			v.came[left] = v.came[i];
			v.came_ms[left++] = v.came_ms[i];
		}
	for (size_t i = 0; rc == 0 && i < left; i++)
		rc = add(d, v.came[i]->life, v.came_ms[i], err);
	mc_map_free(v.map);
	free(v.of);
	free(v.came);
	free(v.came_ms);
	return rc;
}

int scenario_make_deploys(struct scenario_data *d, struct mc_error *err)
{
	size_t n = 0;
	if (d->watched)
		return 0;
	const struct scenario_life **by = mc_reallocarray(NULL, d->nlives + 1, sizeof *by);
	if (!by)
		return mc_nomem(err, "versions");
	for (size_t i = 0; i < d->nlives; i++)
		if (says(&d->lives[i]))
			by[n++] = &d->lives[i];
	if (n)
		qsort(by, n, sizeof *by, by_start);
	int rc = n ? make(d, by, n, err) : 0;
	free(by);
	return rc;
}
