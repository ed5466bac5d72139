/* The serve stage with canned data, for tests from outside: prints its port, ends with its standard input. SIGHUP
 * reads certificates again.
 * serve_canned [--tls CERT KEY] [--ca FILE TYPE] [--user NAME HASH] [--socket PATH] [--mark] [--programs N] */
#include <math.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "memculprit/serve.h"

enum { POINTS = 2000 };
static int64_t times[POINTS];
static double anon[POINTS], requests[POINTS], processes[POINTS], spark[60];
static int64_t begun;
static volatile sig_atomic_t hup;
static const char *const hostile[] = { "logic_worker", "<img src=x onerror=alert(1)>", "caf\xc3", "a\"b\\c", "new\nline",
	"esc\x1b[31m", "\xff\xfe", "cr\rlf" };

static void on_hup(int sig)
{
	(void)sig;
	hup = 1;
}

static void fill(void)
{
	begun = mc_now_ms() - 10000 * (int64_t)POINTS;
	for (int i = 0; i < POINTS; i++) {
		times[i] = begun + i * 10000;
		anon[i] = 9e8 + (i % 17) * 1e5 + (i > 900 ? (i - 900) * 4e5 : 0);
		requests[i] = 100 + 10 * sin(i / 50.0);
		processes[i] = 24;
	}
	for (int i = 0; i < 60; i++)
		spark[i] = anon[i * POINTS / 60];
}

static struct mc_page page(const struct mc_page_program *p, size_t n)
{
	return (struct mc_page){ .now_ms = times[POINTS - 1], .version = "test", .telemetry_path = "/metrics",
		.host_line = "2 CPUs, 3 processes blocked, no swapping: memory is not short.", .nprograms = n, .programs = p };
}

static struct mc_page_program program(const char *name)
{
	return (struct mc_page_program){ .name = name, .processes = 24, .private_bytes = anon[POINTS - 1], .growth = 4e4,
		.version = "v2.3", .verdict = "leak", .state = "active", .culprit = "v2.3", .probability = 0.97,
		.answer = "v2.3 began the growth: +137 MiB/h since it was deployed; memory runs out in 2 days.",
		.onset_ms = times[900], .exhaustion_ms = times[POINTS - 1] + 172800000, .nspark = 60, .spark = spark };
}

static int one_program(const char *name, struct mc_reply *reply)
{
	const struct mc_curve curves[] = {
		{ .name = "anon", .unit = "bytes", .label = "Private memory", .n = POINTS, .t_ms = times, .v = anon },
		{ .name = "processes", .unit = "count", .label = "Processes", .n = POINTS, .t_ms = times, .v = processes },
		{ .name = "requests", .unit = "per_second", .label = "Requests", .n = POINTS, .t_ms = times, .v = requests },
	};
	const struct mc_page_deploy deploys[] = {
		{ times[200], times[202], "v2.2", "77aa", "marked", 0.01, false, false, 9e8, 0 },
		{ times[899], times[900], "v2.3", "12ab34cd56", "ELF package note", 0.97, true, false, 1.3e9, 4e4 },
	};
	const struct mc_page_evidence evidence[] = {
		{ "growth", "Private memory rises in all of 24 processes, from the first hour after the deploy on.", false },
		{ "load", "Requests +2 %, processes 24 to 24: load does not explain it.", true },
	};
	const struct mc_page_place place = { "src/encode.c", "send_reply", "memory acquired, not released in the diff",
		"\tptr = Encode(ptr, len);", 42 };
	const struct mc_page_commit commit = { "12ab34cd56", "Encode replies", "A. Author", 2, 40, 3, 1, &place };
	struct mc_page_detail d = { .page = page(NULL, 0), .program = program(name), .as_of_ms = times[POINTS - 1], .signal = "anon",
		.onset_lo_ms = times[890], .onset_hi_ms = times[915], .slope_before = 10, .slope_lo = 3.8e4, .slope_hi = 4.2e4,
		.grown_bytes = 4.4e8, .stopped_ms = MC_PAGE_NO_TIME, .stopped_lo_ms = MC_PAGE_NO_TIME, .stopped_hi_ms = MC_PAGE_NO_TIME,
		.exhaustion_lo_ms = MC_PAGE_NO_TIME, .exhaustion_hi_ms = MC_PAGE_NO_TIME, .ambiguous_until_ms = MC_PAGE_NO_TIME,
		.not_a_deploy = 0.015, .no_change = 0.005, .span = { times[0], times[POINTS - 1] + 1, 20000 },
		.nseries = 3, .series = curves, .ndeploys = 2, .deploys = deploys, .nevidence = 2, .evidence = evidence,
		.ncommits = 1, .commits = &commit, .diff = "diff --git a/src/encode.c b/src/encode.c\n@@ -40,2 +40,3 @@\n-old\n+new\n",
		.next = "memculprit diff logic_worker" };
	return mc_page_program(&d, reply, NULL);
}

static int series(const struct mc_request *rq, struct mc_reply *reply)
{
	const struct mc_curve curves[] = {
		{ .name = "anon", .unit = "bytes", .label = "Private memory", .n = POINTS, .t_ms = times, .v = anon },
		{ .name = "processes", .unit = "count", .label = "Processes", .n = POINTS, .t_ms = times, .v = processes },
		{ .name = "requests", .unit = "per_second", .label = "Requests", .n = POINTS, .t_ms = times, .v = requests },
	};
	struct mc_span sp;
	struct mc_error err;
	if (mc_span_read(rq, mc_now_ms(), times[0], times[POINTS - 1], &sp, &err))
		return mc_reply_error(reply, 400, "%s", err.text);
	struct mc_json *j = mc_json_new();
	if (!j)
		return MC_ENOMEM;
	int rc = mc_series_json(j, "logic_worker", &sp, curves, 3, NULL);
	reply->status = 200;
	reply->content_type = "application/json; charset=utf-8";
	if (!rc)
		rc = mc_json_text(j, MC_JSON_COMPACT, &reply->body, NULL);
	mc_json_free(j);
	return rc;
}

static int api(void *user, const struct mc_request *rq, struct mc_reply *reply)
{
	(void)user;
	size_t len = strlen(rq->path);
	if (strcmp(rq->path, "/") == 0) {
		const char *name = rq->arg(rq->handle, "program");
		if (name)
			return one_program(name, reply);
		struct mc_page_program p[8];
		for (size_t i = 0; i < 8; i++)
			p[i] = program(hostile[i]);
		struct mc_page index = page(p, 8);
		return mc_page_index(&index, reply, NULL);
	}
	if (len > 7 && strcmp(rq->path + len - 7, "/series") == 0)
		return series(rq, reply);
	if (strcmp(rq->path, "/api/v1/deploys") == 0) {
		reply->status = 200;
		reply->content_type = "application/json";
		mc_buf_printf(&reply->body, "{\"trusted\": %s, \"method\": \"%s\"}\n", rq->trusted ? "true" : "false", rq->method);
		return 0;
	}
	return mc_reply_error(reply, 404, "no such path");
}

static struct mc_program_figures figures(const char *name, size_t i, double seconds)
{
	static const struct mc_version_figures versions[] = { { "v2.3", "12ab34cd56" }, { "v2.2", "77aa" } };
	static const struct mc_slot_figures slots[] = { { 0, 3e7, 2e6, 1e6, 0 }, { 1, 3.1e7, 2e6, 1e6, 0 } };
	double n = (double)i;
	return (struct mc_program_figures){ .name = name, .first_seen_s = (double)begun / 1000, .anon = 9e8 + seconds * 4e4, .file = 2e6,
		.shmem = 1e6, .swap = n * 1e5, .resident = 9.1e8 + n, .proportional = 9e8, .processes = 24, .restarts = 24 + n, .deploys = 2,
		.requests = seconds * 100, .rx_bytes = seconds * 1e4, .tx_bytes = seconds * 1e5, .rx_packets = seconds * 10,
		.tx_packets = seconds * 20, .io_read = seconds * 1e3, .io_write = seconds * 2e3, .cpu_seconds = seconds * 0.4,
		.page_faults = seconds * 50, .last_deploy_s = (double)times[900] / 1000, .growth = 4e4, .onset_s = (double)times[900] / 1000,
		.exhaustion_s = (double)times[POINTS - 1] / 1000 + 36000, .verdict = "leak", .state = "active", .culprit_version = "v2.3",
		.culprit_commit = "12ab34cd56", .culprit_probability = 0.97, .nversions = i % 2 ? 2 : 1, .versions = versions, .nslots = 2,
		.slots = slots };
}

static int update(struct mc_server *s, size_t programs, int tick)
{
	struct mc_metrics *m = mc_metrics_new();
	struct mc_program_figures *p = calloc(programs + 1, sizeof(*p));
	char (*names)[32] = calloc(programs + 1, sizeof(*names));
	struct mc_server_stats st;
	double now = (double)mc_now_ms() / 1000, seconds = now - (double)begun / 1000;
	int rc = -1;
	if (!m || !p || !names)
		goto out;
	mc_server_stats(s, &st);
	for (size_t i = 0; i < programs; i++) {
		snprintf(names[i], sizeof(names[i]), "program_%zu", i);
		/* Hostile names come and go; the first stays. */
		p[i] = figures(i == 0 || (i < 8 && (tick / 20 + (int)i) % 2) ? hostile[i] : names[i], i, seconds);
	}
	const struct mc_error_figures errors[] = { { "sample", 0 }, { "store", 1 } };
	mc_metrics_daemon(m, &(struct mc_daemon_figures){ .version = "test", .commit = "", .sample_seconds = 0.001, .last_sample_s = now,
		.samples = tick, .interval_s = 0.1, .store_bytes = 1e6, .http_requests = (double)st.requests, .http_errors = (double)st.errors,
		.http_dropped = (double)st.dropped, .nerrors = 2, .errors = errors });
	mc_metrics_programs(m, p, programs);
	mc_metrics_host(m, &(struct mc_host_figures){ .blocked = 3, .running = 2, .iowait_ratio = 0.05, .swap_in_bytes = seconds * 1000,
		.swap_out_bytes = seconds, .memory_total = 16e9, .memory_available = 8e9, .swap_total = 2e9, .swap_used = 1e8,
		.memory_some_s = seconds * 0.01, .memory_full_s = seconds * 0.005, .io_some_s = seconds * 0.1, .cpu_some_s = seconds * 0.2,
		.oom_kills = 0, .context_switches = seconds * 15000, .rx_bytes = seconds * 1e5, .tx_bytes = seconds * 2e5,
		.rx_packets = seconds * 100, .tx_packets = seconds * 200, .boot_s = (double)begun / 1000 });
	mc_metrics_process(m);
	rc = mc_server_set_metrics(s, m, NULL);
out:
	mc_metrics_free(m);
	free(p);
	free(names);
	return rc;
}

int main(int argc, char **argv)
{
	const char *address = "127.0.0.1:0";
	struct mc_web_config web = { 0 };
	struct mc_web_user users[4];
	size_t programs = 8;
	bool with_web = false;
	struct mc_serve_config c = { .listen = &address, .nlisten = 1, .telemetry_path = "/metrics", .api = api };
	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--tls") == 0 && i + 2 < argc)
			web.cert_file = argv[i + 1], web.key_file = argv[i + 2], i += 2, with_web = true;
		else if (strcmp(argv[i], "--ca") == 0 && i + 2 < argc)
			web.client_ca_file = argv[i + 1], web.client_auth_type = argv[i + 2], i += 2;
		else if (strcmp(argv[i], "--user") == 0 && i + 2 < argc && web.nusers < 4)
			users[web.nusers++] = (struct mc_web_user){ argv[i + 1], argv[i + 2] }, i += 2, with_web = true;
		else if (strcmp(argv[i], "--socket") == 0 && i + 1 < argc)
			c.socket = argv[++i];
		else if (strcmp(argv[i], "--programs") == 0 && i + 1 < argc)
			programs = strtoul(argv[++i], NULL, 10);
		else if (strcmp(argv[i], "--listen") == 0 && i + 1 < argc)
			address = argv[++i];
		else if (strcmp(argv[i], "--mark") == 0)
			c.enable_mark = true;
		else
			return 2;
	}
	web.users = users;
	c.web = with_web ? &web : NULL;
	struct mc_server *s;
	struct mc_error err = { 0 };
	fill();
	if (mc_server_start(&c, &s, &err)) {
		fprintf(stderr, "serve_canned: %s\n", err.text);
		return 1;
	}
	signal(SIGHUP, on_hup);
	int tick = 0, rc = update(s, programs, tick);
	printf("%d\n", mc_server_port(s, 0));
	fflush(stdout);
	struct pollfd in = { .fd = STDIN_FILENO, .events = POLLIN };
	while (rc == 0 && poll(&in, 1, 100) <= 0) {
		if (hup) {
			hup = 0;
			int failed = mc_server_reload(s, &err);
			printf("reload %s\n", failed ? err.text : "done");
			fflush(stdout);
		}
		rc = update(s, programs, ++tick);
	}
	mc_server_stop(s);
	return rc ? 1 : 0;
}
