#include "canned_page.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { STEP_MS = 15000, PROCESSES = 8, SPARK = 60, CURVES = 16 };
static size_t npoints, onset;
static int64_t *times;
static double *anon, *shared, *swapped, *requests, *packets, *processes, *blocked, *iowait, *swap_in, *each[PROCESSES];
static double spark[SPARK], flat[SPARK];

static double *column(void)
{
	return calloc(npoints, sizeof(double));
}

/* A small wiggle that is the same at every run. */
static double wiggle(size_t i, double period)
{
	return sin((double)i / period) + 0.4 * sin((double)i / (period * 0.13) + 1);
}

static void fill_point(size_t i, int64_t begun)
{
	double day = 86400.0 * 1000 / STEP_MS, grown = i > onset ? (double)(i - onset) / (double)(npoints - onset) : 0;
	times[i] = begun + (int64_t)i * STEP_MS;
	processes[i] = 24;
	anon[i] = 9e8 + 8e6 * wiggle(i, day / 6.3) + 4.4e9 * grown;
	shared[i] = 34.0 * 1048576 + 2e5 * wiggle(i, 40);
	swapped[i] = grown > 0.85 ? (grown - 0.85) * 6e9 : 0;
	requests[i] = 220 + 60 * wiggle(i, day / 6.3);
	packets[i] = 6 * requests[i] + 40 * wiggle(i, 17);
	blocked[i] = grown > 0.85 ? 19 + 6 * fabs(wiggle(i, 9)) : (i % 97 == 0);
	iowait[i] = grown > 0.85 ? 0.45 + 0.1 * wiggle(i, 11) : 0.01;
	swap_in[i] = grown > 0.85 ? 6e5 + 3e4 * wiggle(i, 7) : 0;
	for (size_t k = 0; k < PROCESSES; k++)
		each[k][i] = anon[i] / 24 * (1 + 0.03 * sin((double)(k * 7))) + 3e5 * wiggle(i + 50 * k, 30);
}

int canned_fill(size_t n, int64_t *begun_ms)
{
	npoints = n < 200 ? 200 : n;
	onset = npoints * 45 / 100;
	double **const all[] = { &anon, &shared, &swapped, &requests, &packets, &processes, &blocked, &iowait, &swap_in };
	bool ok = (times = calloc(npoints, sizeof(*times))) != NULL;
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		ok = (*all[i] = column()) && ok;
	for (size_t k = 0; k < PROCESSES; k++)
		ok = (each[k] = column()) && ok;
	if (!ok)
		return -1;
	*begun_ms = mc_now_ms() - (int64_t)npoints * STEP_MS;
	for (size_t i = 0; i < npoints; i++)
		fill_point(i, *begun_ms);
	for (size_t i = 0; i < SPARK; i++) {
		spark[i] = anon[i * npoints / SPARK];
		flat[i] = 2e8 + 4e6 * wiggle(i, 5);
	}
	return 0;
}

int64_t canned_onset_ms(void)
{
	return times[onset];
}

static struct mc_page page(const struct mc_page_program *p, size_t n)
{
	return (struct mc_page){ .now_ms = times[npoints - 1], .version = "0.1.0", .telemetry_path = "/metrics", .nprograms = n, .programs = p,
		.host_line = "web-1: 23 processes wait for storage, the CPU waits 45 % of its time, 586 KiB/s come back from swap: memory is short, it is "
			"no surge of requests." };
}

static struct mc_page_program program(const char *name)
{
	return (struct mc_page_program){ .name = name, .processes = 24, .private_bytes = anon[npoints - 1] + swapped[npoints - 1],
		.growth = 4.4e9 / ((double)(npoints - onset) * STEP_MS / 1000), .version = "v2.3", .verdict = "leak", .state = "active", .culprit = "v2.3",
		.probability = 0.97, .answer = "v2.3 began the growth: 24 processes have grown by 4.1 GiB since it was deployed, and load does not explain "
			"it; memory runs out in 2 days.",
		.onset_ms = times[onset], .exhaustion_ms = times[npoints - 1] + 172800000, .nspark = SPARK, .spark = spark };
}

int canned_index(struct mc_reply *reply)
{
	static const struct { const char *verdict, *state, *answer; double bytes; } other[CANNED_NAMES] = {
		{ 0 }, { "leak", "fixed", "v4 began the growth; v5 ended it 3 days ago.", 2e8 }, { "none", NULL, "No lasting growth in 12 days.", 2.1e8 },
		{ "load", NULL, "Memory follows the requests.", 9e8 }, { "plateau", NULL, "A cache that fills up.", 4e8 },
		{ "insufficient_data", NULL, "Seen for 4 minutes.", 1e6 }, { "none", NULL, "No lasting growth in 2 days.", 3e7 }, { NULL, NULL, NULL, 1e7 } };
	struct mc_page_program p[CANNED_NAMES];
	for (size_t i = 0; i < CANNED_NAMES; i++) {
		p[i] = program(canned_names[i]);
		if (i == 0)
			continue;
		p[i].verdict = other[i].verdict, p[i].state = other[i].state, p[i].answer = other[i].answer, p[i].private_bytes = other[i].bytes;
		p[i].culprit = i == 1 ? "v4" : NULL;
		p[i].spark = flat;
		if (i == 2) /* free text is as long as somebody likes */
			p[i].version = "release-of-the-second-of-february-with-all-that-was-asked-for-in-January-and-more-0123456789abcdef0123456789abcdef01234567";
		p[i].growth = i == 1 ? 0 : (double)NAN;
		p[i].onset_ms = p[i].exhaustion_ms = MC_PAGE_NO_TIME;
	}
	struct mc_page index = page(p, CANNED_NAMES);
	return mc_page_index(&index, reply, NULL);
}

static size_t curves(struct mc_curve c[CURVES], bool with_processes)
{
	static const char *const names[PROCESSES] = { "process:0", "process:1", "process:2", "process:3", "process:4", "process:5", "process:6", "process:7" };
	const struct mc_curve most[] = {
		{ .name = "private", .unit = "bytes", .label = "Private, swap included", .group = "Memory", .v = anon },
		{ .name = "shared", .unit = "bytes", .label = "Shared", .group = "Memory", .v = shared },
		{ .name = "swap", .unit = "bytes", .label = "Swapped out", .group = "Memory", .v = swapped },
		{ .name = "processes", .unit = "count", .label = "Processes", .v = processes },
		{ .name = "requests", .unit = "per_second", .label = "Requests", .v = requests },
		{ .name = "packets", .unit = "per_second", .label = "Packets received", .v = packets },
		{ .name = "host_blocked", .unit = "count", .label = "Host: processes that wait", .host = "web-1", .v = blocked },
		{ .name = "host_swap_in", .unit = "bytes_per_second", .label = "Host: swap-in", .host = "web-1", .v = swap_in },
	};
	size_t n = 0;
	for (size_t i = 0; i < sizeof(most) / sizeof(most[0]); i++) {
		if (i == 3)
			for (size_t k = 0; k < PROCESSES && with_processes; k++)
				c[n++] = (struct mc_curve){ .name = names[k], .unit = "bytes", .label = names[k] + 8, .group = "Each process", .last_only = true, .v = each[k] };
		c[n++] = most[i];
	}
	for (size_t i = 0; i < n; i++) {
		c[i].n = npoints;
		c[i].t_ms = times;
	}
	return n;
}

static const char canned_diff[] = "diff --git a/src/encode.c b/src/encode.c\n--- a/src/encode.c\n+++ b/src/encode.c\n@@ -38,5 +38,9 @@ int send_reply(struct conn *c)\n"
	" \tstruct reply *r = c->reply;\n \tchar *text = r->text;\n-\treturn write_all(c->fd, text, r->len);\n+\tunsigned char *ptr;\n+\tint len;\n"
	"+\tEncode(&ptr, &len, text, r->len);\n+\tif (len > c->limit)\n+\t\treturn -1;\n+\treturn write_all(c->fd, ptr, len);\n }\n";

static int whole_program(const char *name, const struct mc_span *span, const char *since, struct mc_reply *reply)
{
	struct mc_curve c[CURVES];
	size_t a = npoints / 10, z = npoints - 1;
	const struct mc_page_deploy deploys[] = {
		{ times[a], times[a + 2], "v2.1", "5be0a1", "marked", 0.002, false, false, 8.9e8, 0, false },
		{ times[2 * a], times[2 * a + 2], "v2.2", "77aa30cc91", "ELF package note", 0.01, false, false, 9e8, 0, false },
		{ times[onset - 1], times[onset], "v2.3", "12ab34cd56ef", "ELF package note", 0.97, true, false, 1.3e9, program(name).growth, false },
	};
	const struct mc_page_evidence evidence[] = {
		{ "growth", "Private memory rises in all of 24 processes, from the first hour after v2.3 first ran; before it was level.", false },
		{ "restarts", "Each restart begins at 38 MiB and rises again at the same pace.", false },
		{ "load", "Requests +2 %, packets +1 %, processes 24 to 24: load does not explain it.", true },
		{ "warm-up", "It has not slowed down in 3 days, as a cache that fills would.", true },
	};
	const struct mc_page_place place = { "src/encode.c", "send_reply", "memory acquired, not released in the diff",
		"\tEncode(&ptr, &len, text, r->len);", 42 };
	const struct mc_page_commit commits[] = { { "12ab34cd56ef", "Encode replies with the vendor's library", "A. Author", 2, 40, 3, 1, &place },
		{ "9d0c11aa02", "Log the client's address", "B. Author", 1, 4, 1, 0, NULL } };
	struct mc_page_detail d = { .page = page(NULL, 0), .program = program(name), .as_of_ms = times[z], .signal = "anon",
		.onset_lo_ms = times[onset - npoints / 200], .onset_hi_ms = times[onset + npoints / 150], .slope_before = 10,
		.slope_lo = program(name).growth * 0.97, .slope_hi = program(name).growth * 1.03, .grown_bytes = 4.4e9, .stopped_ms = MC_PAGE_NO_TIME,
		.stopped_lo_ms = MC_PAGE_NO_TIME, .stopped_hi_ms = MC_PAGE_NO_TIME, .exhaustion_lo_ms = times[z] + 160000000,
		.exhaustion_hi_ms = times[z] + 190000000, .ambiguous_until_ms = MC_PAGE_NO_TIME, .not_a_deploy = 0.015, .no_change = 0.003,
		.span = *span, .since = since, .nseries = curves(c, true), .series = c, .ndeploys = 3, .deploys = deploys, .nevidence = 4,
		.evidence = evidence, .ncommits = 2, .commits = commits, .diff = canned_diff, .next = "memculprit diff logic_worker" };
	return mc_page_program(&d, reply, NULL);
}

/* since and until of the page are start and end of the series. */
static const char *page_arg(const void *handle, const char *name)
{
	const struct mc_request *rq = handle;
	return rq->arg(rq->handle, strcmp(name, "start") == 0 ? "since" : strcmp(name, "end") == 0 ? "until" : name);
}

int canned_program(const struct mc_request *rq, const char *name, struct mc_reply *reply)
{
	struct mc_span sp;
	struct mc_error err;
	const struct mc_request page_rq = { .handle = rq, .arg = page_arg };
	if (mc_span_read(&page_rq, times[npoints - 1], times[0], times[npoints - 1], &sp, &err))
		return mc_reply_error(reply, 400, "%s", err.text);
	return whole_program(name, &sp, rq->arg(rq->handle, "since"), reply);
}

int canned_series(const struct mc_request *rq, struct mc_reply *reply)
{
	struct mc_curve c[CURVES];
	struct mc_span sp;
	struct mc_error err;
	if (mc_span_read(rq, times[npoints - 1], times[0], times[npoints - 1], &sp, &err))
		return mc_reply_error(reply, 400, "%s", err.text);
	struct mc_json *j = mc_json_new();
	if (!j)
		return MC_ENOMEM;
	int rc = mc_series_json(j, "logic_worker", &sp, c, curves(c, rq->arg(rq->handle, "processes") != NULL), NULL);
	reply->status = 200;
	reply->content_type = "application/json; charset=utf-8";
	if (!rc)
		rc = mc_json_text(j, MC_JSON_COMPACT, &reply->body, NULL);
	mc_json_free(j);
	return rc;
}
