/* samples.csv, load.csv and deploys.csv of any bytes, with form feeds between: a case or an error with its place, and the
 * same case where every row has to go the general way (CRLF does that). */
#include "memculprit/app.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { FILES = 3 };
static char dir[] = "/tmp/mc-fuzz-XXXXXX", path[FILES][64];

static void clean(void)
{
	for (int i = 0; i < FILES; i++)
		unlink(path[i]);
	rmdir(dir);
}

static void begin(void)
{
	static const char *const names[FILES] = { "samples.csv", "load.csv", "deploys.csv" };
	if (!mkdtemp(dir))
		abort();
	for (int i = 0; i < FILES; i++)
		snprintf(path[i], sizeof path[i], "%s/%s", dir, names[i]);
	atexit(clean);
}

/* data NULL: the file is not there. */
static void put_file(const char *name, const uint8_t *data, size_t size, bool crlf)
{
	if (!data) {
		unlink(name);
		return;
	}
	FILE *f = fopen(name, "w");
	assert(f);
	for (size_t i = 0; i < size; i++) {
		if (crlf && data[i] == '\n')
			fputc('\r', f);
		fputc(data[i], f);
	}
	fclose(f);
}

static void put(const uint8_t *data, size_t size, bool crlf)
{
	if (!path[0][0])
		begin();
	for (int i = 0; i < FILES; i++) {
		const uint8_t *cut = data && i + 1 < FILES ? memchr(data, '\f', size) : NULL;
		size_t n = cut ? (size_t)(cut - data) : size;
		put_file(path[i], data, n, crlf);
		data = cut ? cut + 1 : NULL;
		size -= cut ? n + 1 : n;
	}
}

static bool same(const double *a, const double *b, size_t n)
{
	return (!a && !b) || (a && b && memcmp(a, b, n * sizeof *a) == 0);
}

static void compare_sides(const struct mc_case *a, const struct mc_case *b)
{
	const struct mc_load *x = &a->load, *y = &b->load;
	assert(x->n == y->n && a->ndeploys == b->ndeploys);
	assert(x->n == 0 || memcmp(x->t_ms, y->t_ms, x->n * sizeof *x->t_ms) == 0);
	assert(same(x->requests, y->requests, x->n) && same(x->rx_bytes, y->rx_bytes, x->n) && same(x->cpu_seconds, y->cpu_seconds, x->n));
	for (size_t i = 0; i < a->ndeploys; i++) {
		const struct mc_deploy_mark *d = &a->deploys[i], *e = &b->deploys[i];
		assert(d->unix_ms == e->unix_ms && d->source == e->source && strcmp(d->version, e->version) == 0);
		assert(strcmp(d->commit, e->commit) == 0 && strcmp(d->host, e->host) == 0);
	}
}

static void compare(const struct mc_case *a, const struct mc_case *b)
{
	compare_sides(a, b);
	assert(a->nlives == b->nlives);
	for (size_t i = 0; i < a->nlives; i++) {
		const struct mc_life *x = &a->lives[i], *y = &b->lives[i];
		assert(x->n == y->n && x->pid == y->pid && x->start_ms == y->start_ms);
		assert(strcmp(x->key, y->key) == 0 && strcmp(x->version, y->version) == 0);
		assert(x->n == 0 || memcmp(x->t_ms, y->t_ms, x->n * sizeof *x->t_ms) == 0);
		assert(same(x->anon, y->anon, x->n) && same(x->swap, y->swap, x->n) && same(x->rss, y->rss, x->n));
		for (size_t k = 1; k < x->n; k++)
			assert(x->t_ms[k] > x->t_ms[k - 1]);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct mc_scenario plain, general;
	struct mc_error err = { 0 }, err2 = { 0 };
	put(data, size, false);
	int rc = mc_scenario_read(dir, &plain, &err);
	assert(rc == 0 || (rc < 0 && strncmp(err.text, dir, strlen(dir)) == 0));
	if (memchr(data, '\r', size) || size == 0) {
		if (rc == 0)
			mc_scenario_release(&plain);
		return 0;
	}
	put(data, size, true);
	int rc2 = mc_scenario_read(dir, &general, &err2);
	assert(rc == rc2 && (rc == 0 || strcmp(err.text, err2.text) == 0));
	if (rc < 0)
		return 0;
	compare(&plain.c, &general.c);
	mc_scenario_release(&plain);
	mc_scenario_release(&general);
	return 0;
}
