/* The serve stage with canned data, for tests from outside: prints its port, ends with its standard input. SIGHUP
 * reads certificates again.
 * serve_canned [--tls CERT KEY] [--ca FILE TYPE] [--user NAME HASH] [--socket PATH] [--mark] [--programs N]
 * [--points N] */
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "memculprit/serve.h"

#include "canned_page.h"

static int64_t begun;
static size_t points = 2000;
static volatile sig_atomic_t hup;
const char *const canned_names[CANNED_NAMES] = { "logic_worker", "<img src=x onerror=alert(1)>", "caf\xc3", "a\"b\\c", "new\nline",
	"esc\x1b[31m", "\xff\xfe", "cr\rlf" };

static void on_hup(int sig)
{
	(void)sig;
	hup = 1;
}

static int api(void *user, const struct mc_request *rq, struct mc_reply *reply)
{
	(void)user;
	size_t len = strlen(rq->path);
	if (strcmp(rq->path, "/") == 0) {
		const char *name = rq->arg(rq->handle, "program");
		return name ? canned_program(rq, name, reply) : canned_index(reply);
	}
	if (len > 7 && strcmp(rq->path + len - 7, "/series") == 0)
		return canned_series(rq, reply);
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
	double n = (double)i, onset = (double)canned_onset_ms() / 1000, now_s = (double)begun / 1000 + seconds;
	return (struct mc_program_figures){ .name = name, .first_seen_s = (double)begun / 1000, .anon = 9e8 + seconds * 4e4, .file = 2e6,
		.shmem = 1e6, .swap = n * 1e5, .resident = 9.1e8 + n, .proportional = 9e8, .processes = 24, .restarts = 24 + n, .deploys = 2,
		.requests = seconds * 100, .rx_bytes = seconds * 1e4, .tx_bytes = seconds * 1e5, .rx_packets = seconds * 10,
		.tx_packets = seconds * 20, .io_read = seconds * 1e3, .io_write = seconds * 2e3, .cpu_seconds = seconds * 0.4,
		.page_faults = seconds * 50, .last_deploy_s = onset, .growth = 4e4, .onset_s = onset,
		.exhaustion_s = now_s + 36000, .verdict = "leak", .state = "active", .culprit_version = "v2.3",
		.culprit_commit = "12ab34cd56", .culprit_probability = 0.97, .nversions = i % 2 ? 2 : 1, .versions = versions, .nslots = 2,
		.slots = slots };
}

static size_t programs = 8;
static _Atomic int tick;

static int metrics(void *user, const struct mc_server_stats *st, struct mc_metrics *m, struct mc_error *err)
{
	struct mc_program_figures *p = calloc(programs + 1, sizeof(*p));
	char (*names)[32] = calloc(programs + 1, sizeof(*names));
	double now = (double)mc_now_ms() / 1000, seconds = now - (double)begun / 1000;
	int rc = p && names ? 0 : mc_nomem(err, "the canned page"), t = tick;
	(void)user;
	if (rc)
		goto out;
	for (size_t i = 0; i < programs; i++) {
		snprintf(names[i], sizeof(names[i]), "program_%zu", i);
		/* Hostile names come and go; the first stays. */
		p[i] = figures(i == 0 || (i < 8 && (t / 20 + (int)i) % 2) ? canned_names[i] : names[i], i, seconds);
	}
	const struct mc_error_figures errors[] = { { "sample", 0 }, { "store", 1 } };
	mc_metrics_daemon(m, &(struct mc_daemon_figures){ .version = "test", .commit = "", .sample_seconds = 0.001, .last_sample_s = now,
		.samples = t, .interval_s = 0.1, .store_bytes = 1e6, .dropped_for_age = 5, .dropped_for_room = 7, .http_requests = (double)st->requests, .http_errors = (double)st->errors,
		.http_dropped = (double)st->dropped, .nerrors = 2, .errors = errors });
	mc_metrics_programs(m, p, programs);
	mc_metrics_host(m, &(struct mc_host_figures){ .blocked = 3, .running = 2, .iowait_ratio = 0.05, .swap_in_bytes = seconds * 1000,
		.swap_out_bytes = seconds, .memory_total = 16e9, .memory_available = 8e9, .swap_total = 2e9, .swap_used = 1e8,
		.memory_some_s = seconds * 0.01, .memory_full_s = seconds * 0.005, .io_some_s = seconds * 0.1, .cpu_some_s = seconds * 0.2,
		.oom_kills = 0, .context_switches = seconds * 15000, .rx_bytes = seconds * 1e5, .tx_bytes = seconds * 2e5,
		.rx_packets = seconds * 100, .tx_packets = seconds * 200, .boot_s = (double)begun / 1000 });
	mc_metrics_process(m);
out:
	free(p);
	free(names);
	return rc;
}

int main(int argc, char **argv)
{
	const char *address = "127.0.0.1:0";
	struct mc_web_config web = { 0 };
	struct mc_web_user users[4];
	bool with_web = false;
	struct mc_serve_config c = { .listen = &address, .nlisten = 1, .telemetry_path = "/metrics", .api = api, .metrics = metrics };
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
		else if (strcmp(argv[i], "--points") == 0 && i + 1 < argc)
			points = strtoul(argv[++i], NULL, 10);
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
	if (canned_fill(points, &begun))
		return 1;
	if (mc_server_start(&c, &s, &err)) {
		fprintf(stderr, "serve_canned: %s\n", err.text);
		return 1;
	}
	signal(SIGHUP, on_hup);
	mc_server_renew_metrics(s);
	printf("%d\n", mc_server_port(s, 0));
	fflush(stdout);
	struct pollfd in = { .fd = STDIN_FILENO, .events = POLLIN };
	while (poll(&in, 1, 100) <= 0) {
		if (hup) {
			hup = 0;
			int failed = mc_server_reload(s, &err);
			printf("reload %s\n", failed ? err.text : "done");
			fflush(stdout);
		}
		tick++;
		mc_server_renew_metrics(s);
	}
	mc_server_stop(s, -1);
	return 0;
}
