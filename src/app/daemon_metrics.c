/* The metrics page, from the newest snapshot: made on a thread of the server, when somebody asks for it. */
#include <math.h>
#include <stdlib.h>
#include <unistd.h>

#include "config.h"
#include "daemon.h"

static double or_nan(int64_t ms)
{
	return ms > 0 ? (double)ms / 1000 : (double)NAN;
}

static double time_or_nan(int64_t ms)
{
	return ms == MC_NO_TIME ? (double)NAN : (double)ms / 1000;
}

struct page {
	struct mc_program_figures *programs;
	struct mc_version_figures *versions;
	struct mc_slot_figures *slots;
	size_t n, nversions, nslots;
};

static void page_release(struct page *g)
{
	free(g->programs);
	free(g->versions);
	free(g->slots);
}

static struct mc_program_figures figures_of(const struct snapshot_program *p)
{
	const struct snapshot_answer *a = &p->answer;
	return (struct mc_program_figures){
		.name = p->name, .first_seen_s = or_nan(p->first_seen_ms),
		.anon = p->anon, .file = p->file, .shmem = p->shmem, .swap = p->swap, .resident = p->rss, .proportional = p->pss, .unique = p->uss, .proportional_age_s = p->pss_age_s,
		.processes = p->processes, .restarts = p->restarts, .deploys = p->deploys,
		.requests = p->requests, .rx_bytes = p->rx_bytes, .tx_bytes = p->tx_bytes, .rx_packets = p->rx_packets,
		.tx_packets = p->tx_packets, .io_read = p->io_read, .io_write = p->io_write,
		.cpu_seconds = p->cpu_seconds, .page_faults = p->page_faults, .switches = p->switches, .sockets = p->sockets,
		.memory_pressure = p->memory_pressure, .oom_kills = p->oom_kills,
		.memory_limit = p->memory_limit, .short_lives = p->short_lives, .short_cpu_seconds = p->short_cpu_seconds,
		.short_peak = p->short_peak, .last_deploy_s = or_nan(p->last_deploy_ms),
		.growth = a->growth, .onset_s = time_or_nan(a->onset_ms), .exhaustion_s = time_or_nan(a->exhaustion_ms),
		.verdict = a->verdict, .state = a->state, .culprit_version = a->culprit_version, .culprit_commit = a->culprit_commit,
		.culprit_probability = a->culprit_version || a->culprit_commit ? a->probability : (double)NAN,
	};
}

/* A program that is gone takes its series along. */
static void add_program(struct page *g, const struct snapshot_program *p)
{
	struct mc_program_figures *f = &g->programs[g->n++];
	*f = figures_of(p);
	f->versions = &g->versions[g->nversions];
	f->nversions = p->nversions;
	f->slots = &g->slots[g->nslots];
	f->nslots = p->nslots;
	for (size_t i = 0; i < p->nversions; i++)
		g->versions[g->nversions++] = (struct mc_version_figures){ p->versions[i].version, p->versions[i].commit };
	for (size_t i = 0; i < p->nslots; i++)
		g->slots[g->nslots++] = (struct mc_slot_figures){ .slot = p->slots[i].slot, .anon = p->slots[i].anon,
			.file = p->slots[i].file, .shmem = p->slots[i].shmem, .swap = p->slots[i].swap };
}

static int page_make(const struct snapshot *s, struct page *g, struct mc_error *err)
{
	size_t alive = 0, versions = 0, slots = 0;
	for (size_t i = 0; i < s->nprograms; i++) {
		alive += s->programs[i].processes > 0;
		versions += s->programs[i].nversions;
		slots += s->programs[i].nslots;
	}
	g->programs = calloc(alive + 1, sizeof *g->programs);
	g->versions = calloc(versions + 1, sizeof *g->versions);
	g->slots = calloc(slots + 1, sizeof *g->slots);
	if (!g->programs || !g->versions || !g->slots)
		return mc_nomem(err, "metrics");
	for (size_t i = 0; i < s->nprograms; i++)
		if (s->programs[i].processes)
			add_program(g, &s->programs[i]);
	return 0;
}

static struct mc_host_figures host_figures(const struct mc_host *h)
{
	double page = (double)sysconf(_SC_PAGESIZE);
	return (struct mc_host_figures){
		.blocked = h->blocked, .running = h->running, .iowait_ratio = h->iowait_ratio, .swap_in_bytes = h->swapin_pages * page,
		.swap_out_bytes = h->swapout_pages * page, .memory_total = h->mem_total, .memory_available = h->mem_available,
		.swap_total = h->swap_total, .swap_used = h->swap_total - h->swap_free, .memory_some_s = h->psi_memory_some_seconds,
		.memory_full_s = h->psi_memory_full_seconds, .io_some_s = h->psi_io_some_seconds, .cpu_some_s = h->psi_cpu_some_seconds,
		.oom_kills = h->oom_kills, .context_switches = h->ctxt, .rx_bytes = h->net_rx_bytes, .tx_bytes = h->net_tx_bytes,
		.rx_packets = h->net_rx_packets, .tx_packets = h->net_tx_packets, .boot_s = or_nan(h->boot_ms),
	};
}

static void own_figures(const struct snapshot *t, const struct mc_server_stats *s, struct mc_metrics *m)
{
	struct mc_error_figures errors[AT_COUNT];
	for (size_t i = 0; i < AT_COUNT; i++)
		errors[i] = (struct mc_error_figures){ daemon_component((enum component)i), t->errors[i] };
	mc_metrics_daemon(m, &(struct mc_daemon_figures){
		.version = PACKAGE_VERSION, .commit = "", .sample_seconds = t->sample_seconds, .last_sample_s = (double)t->t_ms / 1000,
		.samples = t->samples, .interval_s = (double)t->interval_ms / 1000, .store_bytes = t->store_bytes,
		.dropped_for_age = t->dropped_for_age, .dropped_for_room = t->dropped_for_room,
		.programs_left_out = t->programs_left_out, .processes_left_out = t->processes_left_out,
		.short_lives = t->short_lives, .short_lost = t->short_lost,
		.http_requests = (double)s->requests, .http_errors = (double)s->errors, .http_dropped = (double)s->dropped,
		.nerrors = AT_COUNT, .errors = errors });
}

int daemon_metrics(void *user, const struct mc_server_stats *stats, struct mc_metrics *m, struct mc_error *err)
{
	struct page g = { 0 };
	const struct snapshot *s = snapshot_get(user);
	if (!s)
		return mc_fail(err, MC_EBUSY, 0, "nothing has been sampled yet");
	int rc = page_make(s, &g, err);
	if (rc == 0) {
		struct mc_host_figures host = host_figures(&s->host);
		mc_metrics_programs(m, g.programs, g.n);
		mc_metrics_host(m, &host);
		own_figures(s, stats, m);
		mc_metrics_process(m);
	}
	page_release(&g);
	snapshot_put(s);
	return rc;
}
