/* What a tick saw, for others: the snapshot that other threads read. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "daemon_builds.h"
#include "deploys.h"

enum { MAX_VERSIONS = 16, SHOWN_GONE_MS = 3600000 };

/* ---- versions that run ---- */

/* A mark may have called a build again what it was called before. */
static bool same_version(const struct build *a, const struct build *b)
{
	return a->build_id && b->build_id && strcmp(a->build_id, b->build_id) == 0 && strcmp(a->version, b->version) == 0 && strcmp(a->commit, b->commit) == 0;
}

static bool is_among(const struct build *b, const struct build *const v[], size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (same_version(v[i], b))
			return true;
	return false;
}

static uint32_t lives_of(const struct program *p, const struct build *b)
{
	uint32_t n = 0;
	for (size_t i = 0; i < p->nexecutables; i++)
		for (size_t k = 0; k < p->executables[i].n; k++)
			if (same_version(&p->executables[i].builds[k], b))
				n += p->executables[i].builds[k].alive;
	return n;
}

/* The distinct ones of a program's lives, at most MAX_VERSIONS. */
static size_t versions_of(const struct program *p, const struct build *ret[MAX_VERSIONS])
{
	size_t n = 0;
	for (size_t i = 0; i < p->nexecutables; i++)
		for (size_t k = 0; k < p->executables[i].n && n < MAX_VERSIONS; k++) {
			const struct build *b = &p->executables[i].builds[k];
			bool counts = p->executables[i].share >= 0.1 || p->nexecutables == 1;
			if (b->alive && counts && b->build_id && !is_among(b, ret, n))
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

/* Slots of all programs in one array, program by program; ends[i] is where those of program i end. */
static struct snapshot_slot *put_slots(struct daemon *d, struct block *b, size_t *ends)
{
	const struct mc_tick *t = d->tick;
	struct snapshot_slot *slots = take(b, t->nprocesses * sizeof *slots);
	for (size_t i = 0; slots && i < t->nprocesses; i++)
		ends[t->processes[i]->program + 1]++;
	for (size_t i = 0; slots && i < d->nprograms; i++)
		ends[i + 1] += ends[i];
	for (size_t i = 0; slots && i < t->nprocesses; i++) {
		const struct mc_process *q = t->processes[i];
		const struct life *l = lives_find(&d->lives, q->id);
		slots[ends[q->program]++] = (struct snapshot_slot){ .slot = l ? l->slot : UINT32_MAX, .anon = (double)q->anon,
			.file = (double)q->file, .shmem = (double)q->shmem, .swap = (double)q->swap };
	}
	return slots;
}

static void put_program(struct block *b, const struct program *p, bool listens, struct snapshot_program *out)
{
	const struct build *running[MAX_VERSIONS];
	size_t n = versions_of(p, running);
	const struct answer_figures *a = &p->answer;
	struct snapshot_version *v = take(b, n * sizeof *v);
	const struct mc_program_name *t = p->totals;
	const double none = (double)NAN;
	bool any = listens && t->short_lives > 0; /* a program without them needs no series that say so */
	struct snapshot_program q = {
		.id = p->id, .name = text(b, p->name), .processes = p->alive, .anon = p->anon, .file = p->file, .shmem = p->shmem, .swap = p->swap,
		.rss = p->rss, .pss = p->has_pss ? p->pss : none,
		.uss = p->has_pss ? p->uss : none, .pss_age_s = p->has_pss ? (double)p->pss_age_ms / 1000 : none, .restarts = p->restarts, .deploys = p->deploys, .requests = p->requests,
		.rx_bytes = t->net_rx_bytes, .tx_bytes = t->net_tx_bytes, .rx_packets = t->net_rx_packets, .tx_packets = t->net_tx_packets,
		.io_read = t->io_read_bytes, .io_write = t->io_write_bytes, .cpu_seconds = t->cpu_seconds, .page_faults = t->page_faults,
		.memory_pressure = t->memory_pressure, .oom_kills = t->oom_kills, .switches = t->switches, .sockets = t->sockets, .memory_limit = t->limit_group == MC_NO_GROUP ? none : t->memory_limit_total,
		.short_lives = any ? t->short_lives : none, .short_cpu_seconds = any ? t->short_cpu_seconds : none,
		.short_peak = any ? t->short_peak_bytes : none,
		.first_seen_ms = p->first_seen_ms, .last_deploy_ms = p->last_deploy_ms, .nversions = n, .versions = v,
		.answer = { .as_of_ms = a->as_of_ms, .verdict = a->verdict, .state = a->state, .signal = a->signal, .growth = a->growth,
			.onset_ms = a->onset_ms, .exhaustion_ms = a->exhaustion_ms, .culprit_version = text(b, a->culprit_version),
			.culprit_commit = text(b, a->culprit_commit), .probability = a->probability },
	};
	for (size_t i = 0; i < n; i++) {
		char label[32];
		struct snapshot_version one = { text(b, version_label(running[i], label)), text(b, running[i]->commit), text(b, running[i]->build_id),
			lives_of(p, running[i]) };
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

static void own_figures(const struct daemon *d, struct snapshot *out)
{
	out->samples = d->samples;
	out->sample_seconds = d->tick->duration_s;
	out->store_bytes = d->store_bytes;
	out->dropped_for_age = (double)d->dropped.for_age;
	out->dropped_for_room = (double)d->dropped.for_room;
	out->short_lives = d->tick->short_lives;
	out->short_lost = d->tick->short_lost;
	out->programs_left_out = (double)d->tick->left_out_programs;
	out->processes_left_out = (double)d->tick->left_out_processes;
	memcpy(out->errors, d->errors, sizeof out->errors);
}

static void put_all(struct daemon *d, struct block *b, const char *line, const char *notice, struct snapshot *out)
{
	size_t n = 0;
	bool per_process = d->config->c.per_process;
	size_t *ends = per_process ? take(b, (d->nprograms + 1) * sizeof *ends) : NULL;
	const struct snapshot_slot *slots = per_process ? put_slots(d, b, ends) : NULL;
	for (size_t i = 0; i < d->nprograms; i++)
		n += is_shown(d, &d->programs[i]);
	struct snapshot_program *programs = take(b, n * sizeof *programs);
	const char *line_text = text(b, line), *notice_text = text(b, notice);
	n = 0;
	for (size_t i = 0; i < d->nprograms; i++)
		if (is_shown(d, &d->programs[i])) {
			put_program(b, &d->programs[i], !isnan(d->tick->short_lives), programs ? &programs[n] : NULL);
			if (programs && slots) {
				size_t from = i ? ends[i - 1] : 0;
				programs[n].slots = &slots[from];
				programs[n].nslots = ends[i] - from;
			}
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
	own_figures(d, out);
}

static void notice_of(struct daemon *d, struct mc_buf *out)
{
	daemon_notice(d, out);
	if (d->store_trouble[0])
		mc_buf_printf(out, "%s%s", out->len ? "\n" : "", d->store_trouble);
}

int daemon_snapshot(struct daemon *d, struct mc_error *err)
{
	struct mc_buf line = { 0 }, notice = { .limit = 8192 };
	const struct mc_host *before = d->host_before.read_ms ? &d->host_before : NULL;
	double seconds = before ? (double)(d->tick->host.read_ms - before->read_ms) / 1000 : 0;
	mc_host_meaning(before, &d->tick->host, seconds, daemon_requests_change(d), &line);
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
