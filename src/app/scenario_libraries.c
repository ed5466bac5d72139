/* Lives that run with an updated library. What a life says of itself is the program's version, and that is the same
 * as before; so the lives from the update on take the update's name, up to the program's next deploy. */
#include "scenario.h"

#include <stdlib.h>
#include <string.h>

static bool hosts_meet(const struct scenario_life *l, const struct mc_deploy_mark *d)
{
	return !d->host[0] || !l->host[0] || strcmp(l->host, d->host) == 0;
}

static bool is_named(const char *version, const char *commit)
{
	return version[0] || commit[0];
}

static bool same_release(const struct scenario_life *l, const struct mc_deploy_mark *d)
{
	if (l->commit[0] && d->commit[0])
		return strcmp(l->commit, d->commit) == 0;
	return l->version[0] && strcmp(l->version, d->version) == 0;
}

/* The newest deploy that the life started after, of libraries or of the program; NULL none. */
static const struct mc_deploy_mark *newest(const struct scenario_data *d, const struct scenario_life *l, bool library)
{
	const struct mc_deploy_mark *best = NULL;
	for (size_t i = 0; i < d->ndeploys; i++) {
		const struct mc_deploy_mark *k = &d->deploys[i];
		if ((k->source == MC_DEPLOY_LIBRARY) == library && k->unix_ms <= l->start_ms && hosts_meet(l, k) && (!best || k->unix_ms >= best->unix_ms))
			best = k;
	}
	return best;
}

/* A deploy of what the life says it runs, marked after its start. */
static bool announced_later(const struct scenario_data *d, const struct scenario_life *l)
{
	for (size_t i = 0; i < d->ndeploys; i++)
		if (d->deploys[i].source != MC_DEPLOY_LIBRARY && d->deploys[i].unix_ms > l->start_ms && same_release(l, &d->deploys[i]))
			return true;
	return false;
}

/* The update under which the life began, or NULL. */
static const struct mc_deploy_mark *update_of(const struct scenario_data *d, const struct scenario_life *l)
{
	const struct mc_deploy_mark *library = newest(d, l, true), *program = newest(d, l, false);
	if (!library || (program && program->unix_ms > library->unix_ms))
		return NULL;
	/* it may run another version than that whose libraries were updated */
	if (program && is_named(program->version, program->commit) && is_named(l->version, l->commit))
		return same_release(l, program) ? library : NULL;
	return announced_later(d, l) ? NULL : library;
}

int scenario_name_libraries(struct scenario_data *d, struct mc_error *err)
{
	bool any = false;
	for (size_t i = 0; i < d->ndeploys; i++)
		any |= d->deploys[i].source == MC_DEPLOY_LIBRARY;
	for (size_t i = 0; any && i < d->nlives; i++) {
		struct scenario_life *l = &d->lives[i];
		const struct mc_deploy_mark *update = update_of(d, l);
		if (!update)
			continue;
		char *version = mc_strdup(update->version);
		if (!version)
			return mc_nomem(err, "a life");
		free(l->version);
		l->version = version;
		l->commit[0] = '\0';
	}
	return 0;
}
