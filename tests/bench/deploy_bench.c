/* What tests/bench/deploy.sh and tests/e2e/line_walk.sh measure and compare.
 *   deploy_bench identity PID N          us for each of N identifications of a process
 *   deploy_bench changes REPO FROM TO    CPU seconds, peak KiB, commits, places
 *   deploy_bench diff REPO FROM TO       the same for the text of the diff
 *   deploy_bench walk REPO FROM TO       reads "PATH<tab>LINE" lines, prints each with its commit ("-": from before),
 *                                        then "cpu SECONDS" */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "range.h"

static double cpu(void)
{
	struct timespec t;
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static int fail(const struct mc_error *e)
{
	fprintf(stderr, "deploy_bench: %s\n", e->text);
	return 1;
}

static int identity(int64_t pid, int times)
{
	struct mc_identity id = { 0 };
	struct mc_error e;
	int proc = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	double best = 1e9;
	for (int round = 0; round < 5; round++) { /* the best of five: others use this machine too */
		double t = cpu();
		for (int i = 0; i < times; i++)
			if (mc_identify_process(proc, pid, &id, &e) < 0)
				return fail(&e);
		t = (cpu() - t) / times;
		best = t < best ? t : best;
	}
	printf("%.1f\t%s\t%s\n", best * 1e6, mc_identity_source_name(id.source), id.commit[0] ? id.commit : id.version[0] ? id.version : id.build_id);
	close(proc);
	return 0;
}

static int changes(struct mc_repo *r, const char *from, const char *to, bool text)
{
	struct mc_changes c = { 0 };
	struct mc_buf b = { 0 };
	struct mc_error e;
	struct rusage u;
	double t = cpu();
	int rc = text ? mc_repo_diff_text(r, from, to, 16 << 20, &b, &e) : mc_repo_changes(r, from, to, &c, &e);
	if (rc < 0)
		return fail(&e);
	t = cpu() - t;
	size_t places = 0;
	for (size_t i = 0; i < c.ncommits; i++)
		places += c.commits[i].nplaces;
	getrusage(RUSAGE_SELF, &u);
	printf("%.3f\t%ld\t%zu\t%zu\n", t, u.ru_maxrss, text ? b.len : c.ncommits, places);
	mc_buf_release(&b);
	mc_changes_release(&c);
	return 0;
}

static int walk_file(struct mc_repo *r, const struct mc_range *g, const char *path, const uint32_t *lines, size_t n, double *spent)
{
	struct mc_error e;
	size_t *origin = calloc(n + 1, sizeof *origin);
	double t = cpu();
	if (!origin || mc_line_walk(r, g, path, lines, n, origin, &e) < 0)
		return origin ? fail(&e) : 1;
	*spent += cpu() - t;
	for (size_t i = 0; i < n; i++) {
		char hex[GIT_OID_HEXSZ + 1] = "-";
		if (origin[i] != MC_OUTSIDE)
			git_oid_tostr(hex, sizeof hex, &g->ids[origin[i]]);
		printf("%s\t%u\t%s\n", path, lines[i], hex);
	}
	free(origin);
	return 0;
}

static int walk(struct mc_repo *r, const char *from, const char *to)
{
	enum { MOST = 100000 };
	struct mc_revision a, b;
	struct mc_error e;
	struct mc_range g;
	git_oid ia, ib;
	double spent = 0, t;
	if (mc_repo_resolve(r, from, NULL, &a, &e) < 0 || mc_repo_resolve(r, to, NULL, &b, &e) < 0)
		return fail(&e);
	git_oid_fromstr(&ia, a.commit);
	git_oid_fromstr(&ib, b.commit);
	t = cpu();
	if (mc_range_walk(r, &ia, &ib, MOST, &g, &e) < 0)
		return fail(&e);
	double range = cpu() - t;
	static char line[8192], path[8192];
	uint32_t *lines = calloc(MOST, sizeof *lines);
	size_t n = 0;
	int rc = lines ? 0 : 1;
	while (rc == 0 && fgets(line, sizeof line, stdin)) {
		char *tab = strchr(line, '\t');
		if (!tab)
			continue;
		*tab = '\0';
		if (n > 0 && (strcmp(path, line) != 0 || n == MOST)) {
			rc = walk_file(r, &g, path, lines, n, &spent);
			n = 0;
		}
		snprintf(path, sizeof path, "%s", line);
		lines[n++] = (uint32_t)strtoul(tab + 1, NULL, 10);
	}
	if (rc == 0 && n > 0)
		rc = walk_file(r, &g, path, lines, n, &spent);
	printf("cpu\t%.3f\t%.3f\n", spent, range);
	free(lines);
	mc_range_release(&g);
	return rc;
}

int main(int argc, char **argv)
{
	struct mc_repo *r = NULL;
	struct mc_error e;
	if (argc == 4 && strcmp(argv[1], "identity") == 0)
		return identity(strtoll(argv[2], NULL, 10), (int)strtol(argv[3], NULL, 10));
	if (argc != 5) {
		fputs("usage: deploy_bench identity PID N | {changes|diff|walk} REPO FROM TO\n", stderr);
		return 2;
	}
	if (mc_repo_open(argv[2], &r, &e) < 0)
		return fail(&e);
	int rc = strcmp(argv[1], "walk") == 0 ? walk(r, argv[3], argv[4]) : changes(r, argv[3], argv[4], strcmp(argv[1], "diff") == 0);
	mc_repo_close(r);
	return rc;
}
