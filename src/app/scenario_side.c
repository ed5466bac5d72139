/* load.csv and deploys.csv of a scenario folder. */
#include "scenario_input.h"

#include "deploys.h"

#include <stdlib.h>
#include <string.h>

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

/* How it was recognised, where the folder came out of a database; else somebody wrote it down. */
static enum mc_deploy_source source_of(const char *text)
{
	if (strcmp(text, DEPLOYS_LIBRARY) == 0)
		return MC_DEPLOY_LIBRARY;
	return text[0] && strcmp(text, "mark") != 0 && strcmp(text, "import") != 0 ? MC_DEPLOY_RECOGNISED : MC_DEPLOY_MARK;
}

static int add_deploy(struct scenario_data *d, const struct mc_csv *c, const int column[5], struct mc_error *err)
{
	char *text[4] = { NULL };
	int64_t when = 0;
	if (d->ndeploys + d->nseen >= DEPLOYS_MAX)
		return mc_fail(err, MC_ELIMIT, 0, "%s:%u: more than %d deploys", c->file, c->line, DEPLOYS_MAX);
	int rc = input_time(c, column[0], "unix_ms", &when, err);
	for (int i = 0; i < 4 && rc == 0; i++)
		rc = input_text(c, column[i + 1], &text[i], err);
	bool seen = rc == 0 && strcmp(text[3], DEPLOYS_BASELINE) == 0;
	struct mc_deploy_mark **list = seen ? &d->seen : &d->deploys;
	size_t *n = seen ? &d->nseen : &d->ndeploys;
	void *items = *list;
	if (rc == 0) {
		rc = mc_grow(&items, seen ? &d->seen_cap : &d->deploys_cap, *n + 1, sizeof **list, err);
		*list = items;
	}
	if (rc == 0)
		(*list)[(*n)++] = (struct mc_deploy_mark){ .unix_ms = when, .version = text[0], .commit = text[1], .host = text[2],
			.source = source_of(text[3]) };
	for (int i = rc == 0 ? 3 : 0; i < 4; i++)
		free(text[i]);
	return rc;
}

int scenario_read_deploys(const char *dir, struct scenario_data *d, struct mc_error *err)
{
	static const char *const names[] = { "unix_ms", "version", "commit", "host", "source" };
	struct input in;
	int column[5], rc = input_open(&in, dir, "deploys.csv", err);
	if (rc == MC_ENOTFOUND)
		rc = MC_CSV_END; /* a program that was never deployed anew */
	for (int i = 0; rc == 0 && i < 5; i++) {
		column[i] = input_column(&in.csv, names[i]);
		if (i < 3)
			rc = input_need_column(&in.csv, names[i], &column[i], err);
	}
	d->watched = rc == 0 && column[4] != NO_COLUMN;
	while (rc == 0 && (rc = input_next(&in, err)) == 0)
		rc = add_deploy(d, &in.csv, column, err);
	input_release(&in);
	return rc == MC_CSV_END ? 0 : rc;
}
