/* Runs a fuzz target over its corpus, for compilers without libFuzzer: tests/fuzz/fuzz_NAME reads
 * every file of tests/fuzz/corpus/NAME below $MC_SRC (or the files named on the command line). */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int replay(const char *path)
{
	FILE *f = fopen(path, "rbe");
	if (!f) {
		perror(path);
		return 1;
	}
	size_t cap = 1 << 20, n = 0;
	uint8_t *data = malloc(cap);
	if (!data)
		abort();
	n = fread(data, 1, cap, f);
	fclose(f);
	/* an allocation of exactly n bytes, so that reading past the end is seen */
	uint8_t *exact = malloc(n ? n : 1);
	if (!exact)
		abort();
	memcpy(exact, data, n);
	free(data);
	LLVMFuzzerTestOneInput(exact, n);
	free(exact);
	return 0;
}

static int replay_corpus(const char *dir, int *count)
{
	int failed = 0;
	char path[8192];
	DIR *d = opendir(dir);
	for (struct dirent *e; d && (e = readdir(d));) {
		if (e->d_name[0] == '.')
			continue;
		snprintf(path, sizeof path, "%s/%s", dir, e->d_name);
		failed |= replay(path);
		(*count)++;
	}
	if (d)
		closedir(d);
	return failed;
}

int main(int argc, char **argv)
{
	int failed = 0, count = 0;
	for (int i = 1; i < argc; i++, count++)
		failed |= replay(argv[i]);
	if (argc == 1) {
		const char *src = getenv("MC_SRC"), *name = strrchr(argv[0], '/');
		char dir[4096];
		name = name ? name + 1 : argv[0];
		snprintf(dir, sizeof dir, "%s/tests/fuzz/corpus/%s", src ? src : ".", strncmp(name, "fuzz_", 5) == 0 ? name + 5 : name);
		failed = replay_corpus(dir, &count);
	}
	/* an empty corpus would be a test that cannot fail */
	printf("1..1\n%s 1 - %d inputs replayed\n", failed || count == 0 ? "not ok" : "ok", count);
	return failed || count == 0;
}
