/* One measurement of mc_attribute() or of the PELT on the same data: detect_bench attribute|pelt SAMPLES LIVES DEPLOYS
 * prints CPU seconds, the most memory that was held on top of the data, and what was found. */
#include "../prop/attribute_world.h"
#include "memculprit/detect.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

static double cpu(void)
{
	struct timespec t;
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static long most_kib(void)
{
	struct rusage u;
	getrusage(RUSAGE_SELF, &u);
	return u.ru_maxrss;
}

/* A first difference has the noise of one sample twice over: its median size, scaled, makes the variance 1. */
static int pelt_of(const struct world *w, size_t *found, struct mc_error *err)
{
	size_t n = w->nsamples;
	double *d = malloc(n * sizeof *d);
	if (!d)
		return mc_nomem(err, "differences");
	for (size_t i = 1; i < n; i++)
		d[i - 1] = fabs(w->anon[i] - w->anon[i - 1]);
	double sd = fmax(1.4826 * mc_median(d, n - 1) / sqrt(2), 1);
	for (size_t i = 0; i < n; i++)
		d[i] = w->anon[i] / sd;
	size_t *cut = NULL;
	int rc = mc_pelt_mean(d, n, 3 * log((double)n), 2, &cut, found, err);
	free(cut);
	free(d);
	return rc;
}

int main(int argc, char **argv)
{
	if (argc != 5)
		return 2;
	size_t samples = strtoull(argv[2], NULL, 10), lives = strtoull(argv[3], NULL, 10), deploys = strtoull(argv[4], NULL, 10);
	size_t slots = lives / (deploys + 1) ? lives / (deploys + 1) : 1;
	struct world_plan p = { .seed = 1, .kind = WORLD_LEAK, .slots = slots, .deploys = deploys, .samples = samples, .interval = 15,
		.culprit = deploys / 2, .load = true };
	struct world w;
	struct mc_error err = { 0 };
	size_t found = 0;
	int rc;
	world_make(&w, &p);
	long before = most_kib();
	double start = cpu();
	const char *what = "";
	if (strcmp(argv[1], "pelt") == 0) {
		rc = pelt_of(&w, &found, &err);
	} else {
		struct mc_answer a;
		rc = mc_attribute(&w.c, &a, &err);
		if (rc == 0) {
			found = a.ncandidates;
			what = mc_verdict_name(a.verdict);
			mc_answer_release(&a);
		}
	}
	double used = cpu() - start;
	if (rc < 0) {
		fprintf(stderr, "detect_bench: %s\n", err.text);
		return 1;
	}
	printf("%.4f %ld %zu %zu %s\n", used, most_kib() - before, w.nsamples, found, what);
	world_free(&w);
	return 0;
}
