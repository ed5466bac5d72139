/* Measures the store: store_bench fill|text|read|tick|lives ... prints NAME VALUE lines.
 * The same generated processes go into the store and, as OpenMetrics text, to whoever is compared. */
#include "memculprit/store.h"

#include <dirent.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

enum { FIELDS = 12 };
static const enum mc_field fields[FIELDS] = { MC_F_ANON, MC_F_FILE, MC_F_SHMEM, MC_F_SWAP, MC_F_VSIZE, MC_F_MINFLT,
	MC_F_MAJFLT, MC_F_UTIME, MC_F_STIME, MC_F_THREADS, MC_F_FDS, MC_F_RSS };

/* Which data: STORE_KIND = usual, quiet, busy, or a file that `record` wrote. */
static struct {
	int idle[3]; /* of a hundred ticks in which nothing happens: of half of the processes, of three tenths, of the rest */
	double *v;   /* what was recorded: [tick][process][FIELDS] */
	size_t n, ticks;
} kind = { { 85, 35, 5 }, NULL, 0, 0 };

struct process {
	uint64_t seed;
	size_t number, tick;
	int idle; /* of a hundred ticks in which nothing happens */
	double v[MC_F_COUNT];
};

static uint64_t next(uint64_t *seed)
{
	uint64_t z = *seed += 0x9e3779b97f4a7c15ULL;
	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ULL;
	z = (z ^ z >> 27) * 0x94d049bb133111ebULL;
	return z ^ z >> 31;
}

static unsigned below(struct process *p, unsigned n)
{
	return (unsigned)(next(&p->seed) >> 32) % n;
}

/* Where it was when the recording began. */
static void take_first(struct process *p)
{
	for (int f = 0; f < FIELDS; f++)
		p->v[fields[f]] = kind.v[p->number % kind.n * FIELDS + (size_t)f];
}

/* What one recorded tick changed, the same one for all processes: which is drawn by lot, as a recording that
 * is played again and again packs better than any process. Levels move back to where they were recorded. */
static void take_one(struct process *p)
{
	uint64_t seed = p->tick * 2654435761ULL + 99;
	size_t at = next(&seed) % (kind.ticks - 1), of = p->number % kind.n;
	const double *a = kind.v + (at * kind.n + of) * FIELDS, *b = a + kind.n * FIELDS, *first = kind.v + of * FIELDS;
	for (int f = 0; f < FIELDS - 1; f++) {
		double by = b[f] - a[f], *v = &p->v[fields[f]];
		bool counter = fields[f] >= MC_F_MINFLT && fields[f] <= MC_F_STIME, away = (*v - first[f]) * by > 0;
		*v += counter ? fabs(by) : away ? -by : by;
	}
	p->v[MC_F_RSS] = p->v[MC_F_ANON] + p->v[MC_F_FILE] + p->v[MC_F_SHMEM];
}

static void start(struct process *p, unsigned number)
{
	*p = (struct process){ .seed = number * 7919 + 1, .number = number };
	p->idle = kind.idle[number % 10 < 5 ? 0 : number % 10 < 8 ? 1 : 2];
	for (int f = 0; f < MC_F_COUNT; f++)
		p->v[f] = (double)NAN;
	p->v[MC_F_ANON] = 4096.0 * (1000 + below(p, 60000));
	p->v[MC_F_FILE] = 4096.0 * (500 + below(p, 9000));
	p->v[MC_F_SHMEM] = 4096.0 * below(p, 300);
	p->v[MC_F_SWAP] = 0;
	p->v[MC_F_VSIZE] = 4096.0 * (50000 + below(p, 90000));
	p->v[MC_F_MINFLT] = below(p, 100000);
	p->v[MC_F_MAJFLT] = below(p, 100);
	p->v[MC_F_UTIME] = below(p, 100000);
	p->v[MC_F_STIME] = below(p, 50000);
	p->v[MC_F_THREADS] = 1 + below(p, 16);
	p->v[MC_F_FDS] = 8 + below(p, 100);
	if (kind.v)
		take_first(p);
}

/* An idle tick changes nothing; a busy one moves memory by pages, counters by what was done. */
static void step(struct process *p)
{
	p->tick++;
	if (kind.v) {
		take_one(p);
		return;
	}
	if (below(p, 100) >= (unsigned)p->idle) {
		unsigned work = 1 + below(p, 40);
		p->v[MC_F_ANON] += 4096.0 * ((double)below(p, 129) - 64);
		if (p->v[MC_F_ANON] < 4096)
			p->v[MC_F_ANON] = 4096.0 * 50;
		if (below(p, 10) == 0)
			p->v[MC_F_FILE] += 4096.0 * ((double)below(p, 9) - 4);
		if (below(p, 200) == 0)
			p->v[MC_F_VSIZE] += 4096.0 * 33;
		p->v[MC_F_MINFLT] += below(p, work * 3);
		p->v[MC_F_MAJFLT] += below(p, 300) == 0;
		p->v[MC_F_UTIME] += work + below(p, 5);
		p->v[MC_F_STIME] += work / 4 + below(p, 3);
		if (below(p, 10) == 0)
			p->v[MC_F_FDS] += (double)below(p, 5) - 2;
	}
	p->v[MC_F_RSS] = p->v[MC_F_ANON] + p->v[MC_F_FILE] + p->v[MC_F_SHMEM];
}

static void die(const char *what, const struct mc_error *e);

static void choose_kind(void)
{
	const char *name = getenv("STORE_KIND");
	struct mc_error e = { 0 };
	struct mc_buf b = { 0 };
	if (!name || strcmp(name, "usual") == 0)
		return;
	if (strcmp(name, "quiet") == 0)
		memcpy(kind.idle, (int[]){ 99, 98, 85 }, sizeof kind.idle);
	else if (strcmp(name, "busy") == 0)
		memcpy(kind.idle, (int[]){ 5, 0, 0 }, sizeof kind.idle);
	else {
		uint64_t size[2];
		if (mc_read_file(-100, name, 1 << 28, &b, &e) < 0)
			die(name, &e);
		memcpy(size, b.data, sizeof size);
		kind.n = size[0];
		kind.ticks = size[1];
		kind.v = malloc(b.len - sizeof size);
		if (!kind.v || kind.n == 0 || kind.ticks < 2 || b.len != sizeof size + kind.n * kind.ticks * FIELDS * sizeof(double))
			abort();
		memcpy(kind.v, b.data + sizeof size, b.len - sizeof size);
		mc_buf_release(&b);
	}
}

static void die(const char *what, const struct mc_error *e)
{
	fprintf(stderr, "store_bench: %s: %s\n", what, e->text);
	exit(1);
}

static double cpu_seconds(void)
{
	struct rusage u;
	getrusage(RUSAGE_SELF, &u);
	return (double)u.ru_utime.tv_sec + (double)u.ru_stime.tv_sec + (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

/* Bytes that went to the disk, and anonymous memory. */
static double proc_number(const char *file, const char *key)
{
	struct mc_buf b = { 0 };
	struct mc_error e;
	if (mc_read_file(-100, file, 1 << 20, &b, &e) < 0)
		die(file, &e);
	const char *at = strstr(mc_buf_text(&b), key);
	double v = at ? strtod(at + strlen(key), NULL) : 0;
	mc_buf_release(&b);
	return v;
}

static struct mc_store *open_store(const char *path, enum mc_store_mode mode)
{
	struct mc_store_config c = { .path = path, .mode = mode, .host = "bench" };
	struct mc_store *s;
	struct mc_error e;
	if (mc_store_open(&c, &s, &e) < 0)
		die(path, &e);
	return s;
}

enum { T0 = 1700000000 }; /* seconds */

static int by_double(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return x < y ? -1 : x > y;
}

/* Real ticks are some ms late: by 0 to late - 1. */
static int64_t time_of(size_t t, int64_t every, int64_t late)
{
	uint64_t seed = t * 977 + 5;
	return T0 * 1000LL + (int64_t)t * every + (late ? (int64_t)(next(&seed) >> 32) % late : 0);
}

/* PATH PROCESSES TICKS STEP_MS import(0|1) LATE_MS: writes them tick by tick. */
static void fill(const char *path, size_t n, size_t ticks, int64_t every, bool import, int64_t late)
{
	struct process *p = calloc(n, sizeof *p);
	struct mc_row *rows = calloc(n, sizeof *rows);
	double *took = calloc(ticks, sizeof *took);
	struct mc_error e;
	struct mc_store *s = open_store(path, MC_STORE_WRITE);
	int64_t program;
	if (!p || !rows || !took || mc_store_program(s, "bench", &program, &e) < 0)
		abort();
	for (size_t i = 0; i < n; i++) {
		start(&p[i], (unsigned)i);
		struct mc_incarnation life = { .program = program, .key = "", .pid = (int64_t)i + 2, .start_ms = T0 * 1000LL };
		if (mc_store_incarnation(s, &life, &e) < 0)
			die("a life", &e);
		rows[i].incarnation = life.id;
	}
	if (import && mc_store_begin(s, &e) < 0)
		die("begin", &e);
	double cpu = 0, wrote = proc_number("/proc/self/io", "\nwrite_bytes:");
	for (size_t t = 0; t < ticks; t++) {
		for (size_t i = 0; i < n; i++) {
			step(&p[i]);
			memcpy(rows[i].v, p[i].v, sizeof rows[i].v);
		}
		double c0 = cpu_seconds();
		int64_t t0 = mc_mono_ns();
		if (mc_store_tick(s, time_of(t, every, late), rows, n, NULL, 0, NULL, &e) < 0)
			die("a tick", &e);
		took[t] = (double)(mc_mono_ns() - t0) / 1e6;
		cpu += cpu_seconds() - c0;
	}
	printf("anon_kib %.0f\n", proc_number("/proc/self/status", "RssAnon:"));
	double c0 = cpu_seconds();
	if (import && mc_store_commit(s, &e) < 0)
		die("commit", &e);
	mc_store_close(s);
	cpu += cpu_seconds() - c0;
	double values = (double)n * FIELDS * (double)ticks;
	printf("values %.0f\ncpu_us_per_value %.4f\n", values, cpu * 1e6 / values);
	printf("written_per_value %.3f\n", (proc_number("/proc/self/io", "\nwrite_bytes:") - wrote) / values);
	qsort(took, ticks, sizeof *took, by_double);
	printf("tick_ms_median %.2f\ntick_ms_p99 %.2f\ntick_ms_worst %.2f\n", took[ticks / 2], took[ticks * 99 / 100],
		took[ticks - 1]);
	s = open_store(path, MC_STORE_READ);
	printf("bytes_per_value %.4f\n", (double)mc_store_bytes(s) / values);
	mc_store_close(s);
	free(p);
	free(rows);
	free(took);
}

/* NAME PROCESSES TICKS STEP_MS: the same as OpenMetrics text, a series after the other. */
static void text(const char *name, size_t n, size_t ticks, int64_t every)
{
	for (int f = 0; f < FIELDS; f++) {
		printf("# TYPE %s_%s gauge\n", name, mc_field_name(fields[f]));
		for (size_t i = 0; i < n; i++) {
			struct process p;
			start(&p, (unsigned)i);
			for (size_t t = 0; t < ticks; t++) {
				step(&p);
				printf("%s_%s{pid=\"%zu\"} %.0f %.0f\n", name, mc_field_name(fields[f]), i + 2, p.v[fields[f]],
					T0 + (double)((int64_t)t * every) / 1000);
			}
		}
	}
	printf("# EOF\n");
}

/* FILES PROCESSES DIR: pages as a scrape would see them, one tick a file. */
static void pages(size_t files, size_t n, const char *dir)
{
	struct process *p = calloc(n, sizeof *p);
	if (!p)
		abort();
	for (size_t i = 0; i < n; i++)
		start(&p[i], (unsigned)i);
	for (size_t k = 0; k < files; k++) {
		char name[256];
		snprintf(name, sizeof name, "%s/%zu", dir, k);
		FILE *out = fopen(name, "we");
		if (!out)
			abort();
		for (size_t i = 0; i < n; i++)
			step(&p[i]);
		for (int f = 0; f < FIELDS; f++) {
			fprintf(out, "# TYPE bench_%s gauge\n", mc_field_name(fields[f]));
			for (size_t i = 0; i < n; i++)
				fprintf(out, "bench_%s{pid=\"%zu\"} %.0f\n", mc_field_name(fields[f]), i + 2, p[i].v[fields[f]]);
		}
		fclose(out);
	}
	free(p);
}

/* PATH SERIES: reads one column of so many lives from end to end, best of five. */
static void read_back(const char *path, size_t series)
{
	struct mc_error e;
	double one = INFINITY, all = INFINITY;
	size_t points = 0;
	for (int run = 0; run < 5; run++) {
		struct mc_store *s = open_store(path, MC_STORE_READ);
		struct mc_incarnation_row *lives;
		size_t n;
		if (mc_store_incarnations(s, 0, 0, INT64_MAX, &lives, &n, &e) < 0)
			die("the lives", &e);
		int64_t t0 = mc_mono_ns();
		for (size_t i = 0; i < series && i < n; i++) {
			struct mc_series r = { 0 };
			if (mc_store_series_of(s, lives[i].id, INT64_MIN, INT64_MAX, 1U << MC_F_ANON, &r, &e) < 0)
				die("a series", &e);
			points = r.n;
			mc_series_release(&r);
			double took = (double)(mc_mono_ns() - t0) / 1e6;
			if (i == 0 && took < one)
				one = took;
			if (i + 1 == series && took < all)
				all = took;
		}
		mc_store_incarnations_free(lives, n);
		mc_store_close(s);
	}
	printf("points %zu\none_series_ms %.2f\nall_series_ms %.1f\n", points, one, all);
}

static int add_up(void *user, const struct mc_life_view *v)
{
	size_t *values = user;
	*values += v->series.n * 3;
	return 0;
}

/* PATH: three columns of every life of the program, as the detector reads them, best of five. */
static void read_program(const char *path)
{
	struct mc_error e;
	double best = INFINITY;
	size_t values = 0;
	for (int run = 0; run < 5; run++) {
		struct mc_store *s = open_store(path, MC_STORE_READ);
		struct mc_series_query q = { .program = 1, .since_ms = INT64_MIN, .until_ms = INT64_MAX,
			.fields = 1U << MC_F_ANON | 1U << MC_F_SWAP | 1U << MC_F_SHMEM };
		values = 0;
		int64_t t0 = mc_mono_ns();
		if (mc_store_program_series(s, &q, add_up, &values, &e) < 0)
			die("the program", &e);
		double took = (double)(mc_mono_ns() - t0) / 1e6;
		best = took < best ? took : best;
		mc_store_close(s);
	}
	printf("program_values %zu\nprogram_ms %.1f\n", values, best);
}

/* PATH SLOTS MINUTES SAMPLES: workers that are replaced each minute. */
static void lives(const char *path, size_t slots, size_t minutes, size_t samples)
{
	struct mc_error e;
	struct mc_store *s = open_store(path, MC_STORE_WRITE);
	struct process *p = calloc(slots, sizeof *p);
	struct mc_row *rows = calloc(slots, sizeof *rows);
	int64_t program;
	if (!p || !rows || mc_store_program(s, "bench", &program, &e) < 0)
		abort();
	double worst = 0, c0 = cpu_seconds();
	for (size_t m = 0; m < minutes; m++) {
		int64_t now = (T0 + (int64_t)m * 60) * 1000;
		for (size_t i = 0; i < slots; i++) {
			if (m && mc_store_incarnation_end(s, rows[i].incarnation, now, &e) < 0)
				die("an end", &e);
			start(&p[i], (unsigned)i);
			p[i].seed += m;
			char key[32];
			snprintf(key, sizeof key, "w%zu", i);
			struct mc_incarnation life = { .program = program, .key = key, .pid = (int64_t)((m * slots + i) % 32768),
				.start_ms = now + (int64_t)i, .exe = "/usr/bin/worker", .build_id = "0123456789abcdef" };
			if (mc_store_incarnation(s, &life, &e) < 0)
				die("a life", &e);
			rows[i].incarnation = life.id;
		}
		for (size_t k = 0; k < samples; k++) {
			for (size_t i = 0; i < slots; i++) {
				step(&p[i]);
				memcpy(rows[i].v, p[i].v, sizeof rows[i].v);
			}
			int64_t t0 = mc_mono_ns();
			if (mc_store_tick(s, now + 1000 + (int64_t)(k * 60000 / samples), rows, slots, NULL, 0, NULL, &e) < 0)
				die("a tick", &e);
			double took = (double)(mc_mono_ns() - t0) / 1e6;
			worst = took > worst ? took : worst;
		}
	}
	mc_store_close(s);
	double values = (double)slots * (double)minutes * (double)samples * FIELDS, cpu = cpu_seconds() - c0;
	s = open_store(path, MC_STORE_READ);
	printf("lives %zu\nbytes_per_value %.3f\ncpu_us_per_value %.3f\ntick_ms_worst %.1f\n", slots * minutes,
		(double)mc_store_bytes(s) / values, cpu * 1e6 / values, worst);
	struct mc_incarnation_row *list;
	size_t n;
	int64_t t0 = mc_mono_ns();
	if (mc_store_incarnations(s, program, 0, INT64_MAX, &list, &n, &e) < 0)
		die("the lives", &e);
	for (size_t i = 0; i < n; i++) {
		struct mc_series r = { 0 };
		if (mc_store_series(s, list[i].id, list[i].first_ms, list[i].last_ms, &r, &e) < 0)
			die("a series", &e);
		mc_series_release(&r);
	}
	printf("read_us_per_life %.2f\n", (double)(mc_mono_ns() - t0) / 1e3 / (double)n);
	mc_store_incarnations_free(list, n);
	mc_store_close(s);
	free(p);
	free(rows);
}

/* ---- what this machine's processes really do ---- */

static bool read_text(int pid, const char *what, char *to, size_t size)
{
	char path[64];
	snprintf(path, sizeof path, "/proc/%d/%s", pid, what);
	FILE *f = fopen(path, "re");
	size_t n = f ? fread(to, 1, size - 1, f) : 0;
	to[n] = '\0';
	if (f)
		fclose(f);
	return n > 0;
}

static double kib(const char *status, const char *key)
{
	const char *at = strstr(status, key);
	return at ? strtod(at + strlen(key), NULL) * 1024 : 0;
}

static double count_fds(int pid)
{
	char path[64];
	double n = -2;
	snprintf(path, sizeof path, "/proc/%d/fd", pid);
	DIR *d = opendir(path);
	while (d && readdir(d))
		n++;
	if (d)
		closedir(d);
	return n < 0 ? 0 : n;
}

/* False: the process is gone. */
static bool look(int pid, double v[FIELDS])
{
	char status[8192], text[4096];
	if (!read_text(pid, "status", status, sizeof status) || !strstr(status, "RssAnon:") || !read_text(pid, "stat", text, sizeof text))
		return false;
	const char *rest = strrchr(text, ')');
	double stat[14] = { 0 };
	char *end = (char *)(uintptr_t)(rest ? rest + 4 : text); /* behind the state */
	for (int i = 0; rest && i < 14; i++)
		stat[i] = strtod(end, &end);
	const double now[FIELDS] = { kib(status, "RssAnon:"), kib(status, "RssFile:"), kib(status, "RssShmem:"), kib(status, "VmSwap:"),
		kib(status, "VmSize:"), stat[6], stat[8], stat[10], stat[11], kib(status, "Threads:") / 1024, count_fds(pid), 0 };
	memcpy(v, now, sizeof now);
	v[FIELDS - 1] = v[0] + v[1] + v[2];
	return true;
}

/* FILE PROCESSES TICKS MS: samples of processes of this machine; one that ends stays as it was. */
static void record(const char *file, size_t most, size_t ticks, size_t ms)
{
	int *pids = calloc(most, sizeof *pids);
	double *v = calloc(most * ticks * FIELDS, sizeof *v);
	DIR *d = opendir("/proc");
	size_t n = 0;
	if (!pids || !v || !d)
		abort();
	for (struct dirent *e; n < most && (e = readdir(d));) {
		int pid = (int)strtol(e->d_name, NULL, 10);
		if (pid > 0 && pid != getpid() && look(pid, v))
			pids[n++] = pid;
	}
	closedir(d);
	for (size_t t = 0; t < ticks; t++) {
		for (size_t i = 0; i < n; i++) {
			double *to = v + (t * n + i) * FIELDS;
			if (!look(pids[i], to) && t)
				memcpy(to, to - n * FIELDS, FIELDS * sizeof *to);
		}
		usleep((useconds_t)ms * 1000);
	}
	uint64_t size[2] = { n, ticks };
	FILE *f = fopen(file, "we");
	if (!f || fwrite(size, sizeof size, 1, f) != 1 || fwrite(v, sizeof *v * FIELDS, n * ticks, f) != n * ticks || fclose(f) != 0)
		abort();
	printf("recorded %zu\n", n);
	free(pids);
	free(v);
}

static size_t number(const char *text)
{
	uint64_t v;
	if (!mc_parse_u64(text, strlen(text), &v))
		exit(2);
	return v;
}

int main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "";
	choose_kind();
	if (argc == 8 && strcmp(what, "fill") == 0)
		fill(argv[2], number(argv[3]), number(argv[4]), (int64_t)number(argv[5]), number(argv[6]) != 0,
			(int64_t)number(argv[7]));
	else if (argc == 6 && strcmp(what, "text") == 0)
		text(argv[2], number(argv[3]), number(argv[4]), (int64_t)number(argv[5]));
	else if (argc == 5 && strcmp(what, "pages") == 0)
		pages(number(argv[2]), number(argv[3]), argv[4]);
	else if (argc == 4 && strcmp(what, "read") == 0)
		read_back(argv[2], number(argv[3]));
	else if (argc == 3 && strcmp(what, "program") == 0)
		read_program(argv[2]);
	else if (argc == 6 && strcmp(what, "record") == 0)
		record(argv[2], number(argv[3]), number(argv[4]), number(argv[5]));
	else if (argc == 6 && strcmp(what, "lives") == 0)
		lives(argv[2], number(argv[3]), number(argv[4]), number(argv[5]));
	else {
		fprintf(stderr, "usage: store_bench fill PATH PROCESSES TICKS STEP_MS 0|1 LATE_MS | text NAME PROCESSES TICKS STEP_MS |\n"
			"  pages FILES PROCESSES DIR | read PATH SERIES | program PATH |\n  lives PATH SLOTS MINUTES SAMPLES | record FILE PROCESSES TICKS MS\nSTORE_KIND=usual|quiet|busy|FILE: the data\n");
		return 2;
	}
	return 0;
}
