/* samples.csv of any bytes: a case or an error with its place, and the same case where every row has to go the
 * general way (CRLF does that). */
#include "memculprit/app.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char dir[] = "/tmp/mc-fuzz-XXXXXX", path[64];

static void clean(void)
{
	unlink(path);
	rmdir(dir);
}

static void put(const uint8_t *data, size_t size, bool crlf)
{
	if (!path[0]) {
		if (!mkdtemp(dir))
			abort();
		snprintf(path, sizeof path, "%s/samples.csv", dir);
		atexit(clean);
	}
	FILE *f = fopen(path, "w");
	assert(f);
	for (size_t i = 0; i < size; i++) {
		if (crlf && data[i] == '\n')
			fputc('\r', f);
		fputc(data[i], f);
	}
	fclose(f);
}

static bool same(const double *a, const double *b, size_t n)
{
	return (!a && !b) || (a && b && memcmp(a, b, n * sizeof *a) == 0);
}

static void compare(const struct mc_case *a, const struct mc_case *b)
{
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
