/* What a tick saw, for others: the metrics page, and the snapshot that other threads read. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config.h"
#include "daemon_builds.h"
#include "deploys.h"

enum { MAX_VERSIONS = 16, SHOWN_GONE_MS = 3600000 };

/* ---- versions that run ---- */

/* The distinct ones of a program's lives, at most MAX_VERSIONS. */
static size_t versions_of(const struct program *p, const struct build *ret[MAX_VERSIONS])
{
	size_t n = 0;
	for (size_t i = 0; i < p->nexecutables; i++)
		for (size_t k = 0; k < p->executables[i].n && n < MAX_VERSIONS; k++) {
			const struct build *b = &p->executables[i].builds[k];
			bool counts = p->executables[i].share >= 0.1 || p->nexecutables == 1;
			if (b->alive && counts && b->build_id)
				ret[n++] = b;
		}
	return n;
}

/* A build without a name is called by its id. */
static const char *version_label(const struct build *b, char out[32])
{
	if (b->version[0] || b->commit[0])
		return b->version;
	snprintf(out, 32, "build-%.12s", b->build_id);
	return out;
}

static double or_nan(int64_t ms)
{
	return ms > 0 ? (double)ms / 1000 : (double)NAN;
}

static double time_or_nan(int64_t ms)
{
	return ms == MC_NO_TIME ? (double)NAN : (double)ms / 1000;
}

/* ---- metrics ---- */

struct page {
	struct mc_program_figures *programs;
	struct mc_version_figures *versions;
	char (*labels)[32];
	struct mc_slot_figures *slots;
	size_t n, nversions, nslots, *first_slot;
};

static void page_release(struct page *g)
{
	free(g->programs);
	free(g->versions);
	free(g->labels);
	free(g->slots);
	free(g->first_slot);
}

static void version_figures(struct page *g, const struct program *p, struct mc_program_figures *f)
{
	const struct build *running[MAX_VERSIONS];
	size_t n = versions_of(p, running);
	f->versions = &g->versions[g->nversions];
	for (size_t i = 0; i < n; i++) {
		g->versions[g->nversions] = (struct mc_version_figures){ version_label(running[i], g->labels[g->nversions]), running[i]->commit };
		g->nversions++;
	}
	f->nversions = n;
}

static struct mc_program_figures figures_of(const struct program *p)
{
	const struct mc_program_name *n = p->totals;
	const struct answer_figures *a = &p->answer;
	return (struct mc_program_figures){
		.name = p->name, .first_seen_s = or_nan(p->first_seen_ms),
		.anon = p->anon, .file = p->file, .shmem = p->shmem, .swap = p->swap, .resident = p->rss,
		.proportional = p->has_pss ? p->pss : (double)NAN, .processes = p->alive, .restarts = p->restarts, .deploys = p->deploys,
		.requests = p->requests, .rx_bytes = n->net_rx_bytes, .tx_bytes = n->net_tx_bytes, .rx_packets = n->net_rx_packets,
		.tx_packets = n->net_tx_packets, .io_read = n->io_read_bytes, .io_write = n->io_write_bytes,
		.cpu_seconds = n->cpu_seconds, .page_faults = n->page_faults, .last_deploy_s = or_nan(p->last_deploy_ms),
		.growth = a->growth, .onset_s = time_or_nan(a->onset_ms), .exhaustion_s = time_or_nan(a->exhaustion_ms),
		.verdict = a->verdict, .state = a->state, .culprit_version = a->culprit_version, .culprit_commit = a->culprit_commit,
		.culprit_probability = a->culprit_version || a->culprit_commit ? a->probability : (double)NAN,
	};
}

/* Slots of all programs in one array, program by program. */
static void slot_figures(struct daemon *d, struct page *g)
{
	const struct mc_tick *t = d->tick;
	for (size_t i = 0; i < t->nprocesses; i++)
		g->first_slot[t->processes[i].program + 1]++;
	for (size_t i = 0; i < d->nprograms; i++)
		g->first_slot[i + 1] += g->first_slot[i];
	for (size_t i = 0; i < t->nprocesses; i++) {
		const struct mc_process *q = &t->processes[i];
		const struct life *l = lives_find(&d->lives, q->id);
		g->slots[g->first_slot[q->program]++] = (struct mc_slot_figures){ .slot = l ? l->slot : UINT32_MAX, .anon = (double)q->anon,
			.file = (double)q->file, .shmem = (double)q->shmem, .swap = (double)q->swap };
	}
}

static int page_make(struct daemon *d, struct page *g, struct mc_error *err)
{
	bool slots = d->config->c.per_process;
	const struct build *running[MAX_VERSIONS];
	size_t alive = 0, versions = 0;
	for (size_t i = 0; i < d->nprograms; i++)
		if (d->programs[i].alive) {
			alive++;
			versions += versions_of(&d->programs[i], running);
		}
	g->programs = calloc(alive + 1, sizeof *g->programs);
	g->versions = calloc(versions + 1, sizeof *g->versions);
	g->labels = calloc(versions + 1, sizeof *g->labels);
	g->first_slot = slots ? calloc(d->nprograms + 2, sizeof *g->first_slot) : NULL;
	g->slots = slots ? calloc(d->tick->nprocesses + 1, sizeof *g->slots) : NULL;
	if (!g->programs || !g->versions || !g->labels || (slots && (!g->slots || !g->first_slot)))
		return mc_nomem(err, "metrics");
	if (slots)
		slot_figures(d, g);
	for (size_t i = 0; i < d->nprograms; i++) {
		const struct program *p = &d->programs[i];
		if (!p->alive)
			continue; /* a program that is gone takes its series along */
		struct mc_program_figures *f = &g->programs[g->n++];
		*f = figures_of(p);
		version_figures(g, p, f);
		if (slots) { /* first_slot now has the end of each */
			size_t from = i ? g->first_slot[i - 1] : 0;
			f->slots = &g->slots[from];
			f->nslots = g->first_slot[i] - from;
		}
	}
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

static void own_figures(const struct daemon *d, struct mc_metrics *m)
{
	struct mc_error_figures errors[AT_COUNT];
	struct mc_server_stats s = { 0 };
	if (d->server)
		mc_server_stats(d->server, &s);
	for (size_t i = 0; i < AT_COUNT; i++)
		errors[i] = (struct mc_error_figures){ daemon_component((enum component)i), d->errors[i] };
	mc_metrics_daemon(m, &(struct mc_daemon_figures){
		.version = PACKAGE_VERSION, .commit = "", .sample_seconds = d->tick->duration_s, .last_sample_s = (double)d->last_ms / 1000,
		.samples = d->samples, .interval_s = (double)d->config->c.interval_ms / 1000, .store_bytes = d->store_bytes,
		.dropped_for_age = (double)d->dropped.for_age, .dropped_for_room = (double)d->dropped.for_room,
		.programs_left_out = (double)d->tick->left_out_programs, .processes_left_out = (double)d->tick->left_out_processes,
		.http_requests = (double)s.requests, .http_errors = (double)s.errors, .http_dropped = (double)s.dropped,
		.nerrors = AT_COUNT, .errors = errors });
}

int daemon_metrics(struct daemon *d, struct mc_error *err)
{
	struct page g = { 0 };
	if (!d->server)
		return 0;
	struct mc_metrics *m = mc_metrics_new();
	int rc = m ? page_make(d, &g, err) : mc_nomem(err, "metrics");
	if (rc == 0) {
		struct mc_host_figures host = host_figures(&d->tick->host);
		mc_metrics_programs(m, g.programs, g.n);
		mc_metrics_host(m, &host);
		own_figures(d, m);
		mc_metrics_process(m);
		rc = mc_server_set_metrics(d->server, m, err);
	}
	mc_metrics_free(m);
	page_release(&g);
	return rc;
}

/* ---- the snapshot: one block ---- */

struct block {
	char *at;
	size_t need;
};

/* Room for n bytes, or only counted in the first pass (at NULL). */
static void *take(struct block *b, size_t n)
{
	void *p = b->at;
	n = (n + 7) & ~(size_t)7;
	b->need += n;
	if (b->at)
		b->at += n;
	return p;
}

static const char *text(struct block *b, const char *s)
{
	size_t n = s ? strlen(s) + 1 : 0;
	char *p = s ? take(b, n) : NULL;
	if (p)
		memcpy(p, s, n);
	return p;
}

static void put_program(struct block *b, const struct program *p, struct snapshot_program *out)
{
	const struct build *running[MAX_VERSIONS];
	size_t n = versions_of(p, running);
	const struct answer_figures *a = &p->answer;
	struct snapshot_version *v = take(b, n * sizeof *v);
	const struct mc_program_name *t = p->totals;
	struct snapshot_program q = {
		.id = p->id, .name = text(b, p->name), .processes = p->alive, .anon = p->anon, .file = p->file, .shmem = p->shmem, .swap = p->swap,
		.rss = p->rss, .pss = p->has_pss ? p->pss : (double)NAN, .restarts = p->restarts, .deploys = p->deploys, .requests = p->requests,
		.rx_bytes = t->net_rx_bytes, .tx_bytes = t->net_tx_bytes, .rx_packets = t->net_rx_packets, .tx_packets = t->net_tx_packets,
		.io_read = t->io_read_bytes, .io_write = t->io_write_bytes, .cpu_seconds = t->cpu_seconds, .page_faults = t->page_faults,
		.first_seen_ms = p->first_seen_ms, .last_deploy_ms = p->last_deploy_ms, .nversions = n, .versions = v,
		.answer = { .as_of_ms = a->as_of_ms, .verdict = a->verdict, .state = a->state, .signal = a->signal, .growth = a->growth,
			.onset_ms = a->onset_ms, .exhaustion_ms = a->exhaustion_ms, .culprit_version = text(b, a->culprit_version),
			.culprit_commit = text(b, a->culprit_commit), .probability = a->probability },
	};
	for (size_t i = 0; i < n; i++) {
		char label[32];
		struct snapshot_version one = { text(b, version_label(running[i], label)), text(b, running[i]->commit), text(b, running[i]->build_id),
			running[i]->alive };
		if (v)
			v[i] = one;
	}
	if (out)
		*out = q;
}

static bool is_shown(const struct daemon *d, const struct program *p)
{
	return p->alive || (p->gone_ms && d->last_ms - p->gone_ms < SHOWN_GONE_MS);
}

static void put_all(struct daemon *d, struct block *b, const char *line, const char *notice, struct snapshot *out)
{
	size_t n = 0;
	for (size_t i = 0; i < d->nprograms; i++)
		n += is_shown(d, &d->programs[i]);
	struct snapshot_program *programs = take(b, n * sizeof *programs);
	const char *line_text = text(b, line), *notice_text = text(b, notice);
	n = 0;
	for (size_t i = 0; i < d->nprograms; i++)
		if (is_shown(d, &d->programs[i])) {
			put_program(b, &d->programs[i], programs ? &programs[n] : NULL);
			n++;
		}
	if (!out)
		return;
	atomic_init(&out->refs, 1);
	out->t_ms = d->last_ms;
	out->interval_ms = d->config->c.interval_ms;
	out->nprograms = n;
	out->programs = programs;
	out->host = d->tick->host;
	out->host_line = line_text;
	out->notice = notice_text;
	out->samples = d->samples;
	out->store_bytes = d->store_bytes;
}

static void notice_of(struct daemon *d, struct mc_buf *out)
{
	mc_sampler_notice(d->sampler, out);
	if (d->store_trouble[0])
		mc_buf_printf(out, "%s%s", out->len ? "\n" : "", d->store_trouble);
}

int daemon_snapshot(struct daemon *d, struct mc_error *err)
{
	struct mc_buf line = { 0 }, notice = { .limit = 8192 };
	double seconds = d->before_ms ? (double)(d->last_ms - d->before_ms) / 1000 : 0;
	mc_host_meaning(d->before_ms ? &d->host_before : NULL, &d->tick->host, seconds, daemon_requests_change(d), &line);
	notice_of(d, &notice);
	const char *said = notice.len ? mc_buf_text(&notice) : NULL;
	struct block count = { 0 };
	put_all(d, &count, mc_buf_text(&line), said, NULL);
	struct snapshot *s = calloc(1, sizeof *s + count.need);
	if (s) {
		struct block b = { .at = (char *)(s + 1) };
		put_all(d, &b, mc_buf_text(&line), said, s);
		daemon_share_snapshot(&d->shared, s);
	}
	mc_buf_release(&line);
	mc_buf_release(&notice);
	return s ? 0 : mc_nomem(err, "a snapshot");
}
