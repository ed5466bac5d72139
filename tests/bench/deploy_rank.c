/* How well the order of a release's commits finds the guilty one, beside 'most lines added'.
 *   deploy_rank [--features] PAIRS.tsv DIR
 * PAIRS.tsv: repo, intro, intro_tag, prev_tag (further columns ignored), one header line. DIR holds the
 * clones: DIR/OWNER+NAME/repo. Prints a line a pair: repo, intro, commits, our place of the guilty commit,
 * its place by lines added (both from 1; 0: not listed), its places found, milliseconds. --features prints
 * every commit instead, for tuning. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "memculprit/deploy.h"

static size_t place_by_lines(const struct mc_changes *c, size_t guilty)
{
	size_t place = 1;
	for (size_t i = 0; i < c->ncommits; i++)
		place += c->commits[i].added > c->commits[guilty].added;
	return place;
}

static void features(const char *repo, const char *intro, const struct mc_changes *c)
{
	for (size_t i = 0; i < c->ncommits; i++) {
		const struct mc_commit *k = &c->commits[i];
		printf("%s\t%s\t%d\t%zu\t%zu\t%zu\t%zu\t", repo, intro, strncmp(k->id, intro, strlen(intro)) == 0, k->added, k->removed, k->files,
			k->code_added);
		for (size_t p = 0; p < k->nplaces; p++)
			printf("%s%d", p ? "," : "", k->places[p].rank);
		printf("\t%s\n", k->subject);
	}
}

static void pair(const char *dir, char *f[4], bool all)
{
	char path[4096];
	struct mc_repo *r = NULL;
	struct mc_changes c = { 0 };
	struct mc_error err = { 0 };
	snprintf(path, sizeof path, "%s/%s/repo", dir, f[0]);
	for (char *s = path + strlen(dir) + 1; *s && strcmp(s, "/repo") != 0; s++)
		if (*s == '/')
			*s = '+';
	int64_t t = mc_mono_ns();
	if (mc_repo_open(path, &r, &err) < 0 || mc_repo_changes(r, f[3], f[2], &c, &err) < 0) {
		fprintf(stderr, "%s %s: %s\n", f[0], f[1], err.text);
	} else if (all) {
		features(f[0], f[1], &c);
	} else {
		size_t g = 0;
		while (g < c.ncommits && strncmp(c.commits[g].id, f[1], strlen(f[1])) != 0)
			g++;
		bool there = g < c.ncommits;
		printf("%s\t%s\t%zu\t%zu\t%zu\t%zu\t%lld\n", f[0], f[1], c.ncommits, there ? g + 1 : 0, there ? place_by_lines(&c, g) : 0,
			there ? c.commits[g].nplaces : 0, (long long)((mc_mono_ns() - t) / 1000000));
	}
	fflush(stdout);
	mc_changes_release(&c);
	mc_repo_close(r);
}

int main(int argc, char **argv)
{
	bool all = argc > 1 && strcmp(argv[1], "--features") == 0;
	if (argc != 3 + all) {
		fputs("usage: deploy_rank [--features] PAIRS.tsv DIR\n", stderr);
		return 2;
	}
	FILE *in = fopen(argv[1 + all], "r");
	if (!in) {
		perror(argv[1 + all]);
		return 1;
	}
	char line[1024];
	for (int n = 0; fgets(line, sizeof line, in); n++) {
		char *f[4] = { 0 }, *save = NULL;
		for (int i = 0; i < 4; i++)
			f[i] = strtok_r(i ? NULL : line, "\t\n", &save);
		if (n > 0 && f[3])
			pair(argv[2 + all], f, all);
	}
	fclose(in);
	return 0;
}
