/* load.csv and deploys.csv of a scenario folder. */
#include "scenario_input.h"

#include <stdlib.h>

enum { DEPLOYS_MAX = 100000 };

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
		if (column[i] == NO_COLUMN)
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
		rc = input_time(c, time, "unix_ms", &d->load_ms[d->nload], err);
	for (int i = 0; rc == 0 && i < MC_L_COUNT; i++)
		if (column[i] != NO_COLUMN)
			rc = input_value(c, column[i], mc_load_field_name((enum mc_load_field)i), &d->load[i][d->nload], err);
	d->nload += rc == 0;
	return rc;
}

int scenario_read_load(const char *dir, struct scenario_data *d, struct mc_error *err)
{
	struct input in;
	size_t cap = 0;
	int time = NO_COLUMN, column[MC_L_COUNT];
	int rc = input_open(&in, dir, "load.csv", err);
	if (rc == 0)
		rc = input_need_column(&in.csv, "unix_ms", &time, err);
	else if (rc == MC_ENOTFOUND)
		rc = MC_CSV_END; /* it is optional */
	for (int i = 0; rc == 0 && i < MC_L_COUNT; i++)
		column[i] = input_column(&in.csv, mc_load_field_name((enum mc_load_field)i));
	while (rc == 0 && (rc = input_next(&in, err)) == 0)
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
	if ((rc = input_time(c, column[0], "unix_ms", &when, err)) == 0 && (rc = input_text(c, column[1], &version, err)) == 0 &&
		(rc = input_text(c, column[2], &commit, err)) == 0)
		rc = input_text(c, column[3], &host, err);
	if (rc < 0) {
		free(version);
		free(commit);
		return rc;
	}
	d->deploys[d->ndeploys++] =
		(struct mc_deploy_mark){ .unix_ms = when, .version = version, .commit = commit, .host = host, .source = MC_DEPLOY_MARK };
	return 0;
}

int scenario_read_deploys(const char *dir, struct scenario_data *d, struct mc_error *err)
{
	static const char *const names[] = { "unix_ms", "version", "commit", "host" };
	struct input in;
	int column[4], rc = input_open(&in, dir, "deploys.csv", err);
	if (rc == MC_ENOTFOUND)
		rc = MC_CSV_END; /* a program that was never deployed anew */
	for (int i = 0; rc == 0 && i < 4; i++) {
		column[i] = input_column(&in.csv, names[i]);
		if (i < 3)
			rc = input_need_column(&in.csv, names[i], &column[i], err);
	}
	while (rc == 0 && (rc = input_next(&in, err)) == 0)
		rc = add_deploy(d, &in.csv, column, err);
	input_release(&in);
	return rc == MC_CSV_END ? 0 : rc;
}
