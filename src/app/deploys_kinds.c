/* What kind of deploy each is, and on how many of the program's processes it came to run. */
#include "deploys.h"

#include <stdlib.h>
#include <string.h>

enum { LOOKS = 50 }; /* at so many lives of a release; of one that has thousands each is like the others */

static bool same_name(const struct mc_deploy_row *a, const struct mc_deploy_row *b)
{
	if (a->commit[0] && b->commit[0])
		return strcmp(a->commit, b->commit) == 0;
	if (a->version[0] || b->version[0])
		return strcmp(a->version, b->version) == 0;
	return a->build_id[0] && strcmp(a->build_id, b->build_id) == 0;
}

static bool is_library(const struct mc_deploy_row *d)
{
	return strcmp(d->source, DEPLOYS_LIBRARY) == 0;
}

static bool hosts_meet(const struct mc_deploy_row *a, const struct mc_deploy_row *b)
{
	return !a->host[0] || !b->host[0] || strcmp(a->host, b->host) == 0;
}

/* The first deploy of what `i` names, of programs and libraries apart. */
static size_t first_of(const struct mc_deploy_view *v, size_t i)
{
	for (size_t k = 0; k < i; k++)
		if (is_library(&v[k].row) == is_library(&v[i].row) && hosts_meet(&v[k].row, &v[i].row) && same_name(&v[k].row, &v[i].row))
			return k;
	return i;
}

void deploys_name_kinds(struct mc_deploy_view *v, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		size_t before = i, first = first_of(v, i);
		while (before > 0 && (is_library(&v[before - 1].row) != is_library(&v[i].row) || !hosts_meet(&v[before - 1].row, &v[i].row)))
			before--;
		if (is_library(&v[i].row))
			v[i].kind = "library update";
		if (first == i || before == 0)
			continue;
		size_t was = first_of(v, before - 1);
		/* an older one than what ran is gone back to; a newer one, which had been gone back from, comes again */
		v[i].kind = first == was ? "the same version again" : first < was ? "rollback" : "reintroduced";
	}
}

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');
	return slash ? slash + 1 : path;
}

/* How many lives run at t, of the release and of all that have the same file's name. */
static void count_at(const struct deploys_life *lives, size_t n, const struct deploys_life *own, int64_t t, uint32_t *of_it, uint32_t *all)
{
	*of_it = *all = 0;
	for (size_t i = 0; i < n; i++) {
		if (lives[i].start_ms > t || lives[i].last_ms < t || strcmp(base_name(lives[i].exe), base_name(own->exe)) != 0)
			continue;
		++*all;
		*of_it += lives[i].release == own->release;
	}
}

/* Where it came to run on a larger part of them than was known. */
static void take_part(struct mc_deploy_view *v, const struct deploys_life *lives, size_t n, const struct deploys_life *own, int64_t t)
{
	uint32_t of_it, all;
	count_at(lives, n, own, t, &of_it, &all);
	if (all == 0 || (v->processes_of && (double)of_it / all <= (double)v->processes / v->processes_of))
		return;
	v->processes = of_it;
	v->processes_of = all;
}

void deploys_count_processes(struct mc_deploy_view *v, size_t n, const struct deploys_life *lives, size_t nlives, int64_t settle_ms)
{
	size_t *left = calloc(n + 1, sizeof *left);
	for (size_t i = 0; left && i < nlives; i++) {
		const struct deploys_life *l = &lives[i];
		if (l->release >= n || left[l->release]++ >= LOOKS)
			continue;
		/* once those that it replaces have had the time to end, and when it ends itself */
		int64_t later = l->start_ms + settle_ms;
		take_part(&v[l->release], lives, nlives, l, later < l->last_ms ? later : l->last_ms);
		take_part(&v[l->release], lives, nlives, l, l->last_ms);
	}
	free(left); /* without memory it stays unknown */
}
