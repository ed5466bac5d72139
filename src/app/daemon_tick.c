/* One tick: from /proc into the store, and what it means for programs and their builds. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "daemon_builds.h"
#include "deploys.h"

enum { LOAD_WAIT_MS = 20, ROWS_KEPT = 512 };

void program_release(struct program *p)
{
	builds_release(p);
	free(p->slots);
	free(p->load_said);
	free(p->answer.culprit_version);
	free(p->answer.culprit_commit);
	*p = (struct program){ 0 };
}

/* ---- time ---- */

/* Stamps never go back within what a clock is set by in passing: they go on by the time that really went by until
 * the clock is past them. A clock that is set back by more was wrong before, and is followed. */
static int64_t stamp(struct daemon *d)
{
	enum { STEP_MS = 600000 };
	int64_t now = mc_now_ms(), mono = mc_mono_ns();
	if (d->last_ms && now <= d->last_ms) {
		int64_t gone = (mono - d->mono_ns) / 1000000;
		if (d->last_ms - now < STEP_MS)
			now = d->last_ms + (gone > 0 ? gone : 1);
		else
			mc_log(MC_LOG_WARN, "sample", "the clock was set back by %lld s; samples from now on have the new time", (long long)((d->last_ms - now) / 1000));
	}
	d->mono_ns = mono;
	return now;
}

/* ---- programs ---- */

static void new_program(struct daemon *d, struct program *p, const struct mc_program_name *n)
{
	program_release(p);
	*p = (struct program){ .sampler_id = n->id, .name = n->name, .requests = (double)NAN, .requests_before = (double)NAN,
		.limit = -1, .source = SIZE_MAX,
		.answer = { .onset_ms = MC_NO_TIME, .exhaustion_ms = MC_NO_TIME, .growth = (double)NAN, .probability = (double)NAN } };
	const struct mc_program_config *c = mc_config_program(&d->config->c, n->name);
	if (c && d->sources)
		p->source = d->sources[c - d->config->c.programs];
}

static int sync_programs(struct daemon *d, struct mc_error *err)
{
	const struct mc_tick *t = d->tick;
	void *items = d->programs;
	int rc = mc_grow(&items, &d->programs_cap, t->nprograms ? t->nprograms : 1, sizeof *d->programs, err);
	if (rc < 0)
		return rc;
	d->programs = items;
	if (d->nprograms < t->nprograms)
		memset(&d->programs[d->nprograms], 0, (t->nprograms - d->nprograms) * sizeof *d->programs);
	d->nprograms = t->nprograms;
	for (size_t i = 0; i < t->nprograms; i++) {
		struct program *p = &d->programs[i];
		if (p->sampler_id != t->programs[i].id || !p->name)
			new_program(d, p, &t->programs[i]);
		p->name = t->programs[i].name;
		p->totals = &t->programs[i];
		if (p->alive && !t->programs[i].processes)
			p->gone_ms = t->t_ms;
		p->alive = t->programs[i].processes;
		p->anon = p->file = p->shmem = p->swap = p->rss = p->pss = p->uss = 0;
		p->pss_age_ms = 0;
		p->has_pss = p->alive > 0;
	}
	return 0;
}

/* Its id, and what is remembered of it. */
static int know_program(struct daemon *d, struct program *p, struct mc_error *err)
{
	struct mc_deploy_row *rows = NULL;
	size_t n = 0;
	int rc = mc_store_program(d->store, p->name, &p->id, err);
	if (rc == 0)
		rc = mc_store_deploys(d->store, p->id, &rows, &n, err);
	if (rc < 0)
		return rc;
	for (size_t i = 0; i < n; i++) {
		if (strcmp(rows[i].source, DEPLOYS_BASELINE) != 0 && rows[i].unix_ms > p->last_deploy_ms)
			p->last_deploy_ms = rows[i].unix_ms;
		if (deploys_settle_at(&rows[i]) > p->settle_ms)
			p->settle_ms = deploys_settle_at(&rows[i]);
	}
	builds_load(d, p);
	naming_remember(p, rows, n);
	mc_store_deploys_free(rows, n);
	libraries_load(d, p);
	answer_remember(d, p);
	p->known = true;
	return 0;
}

/* ---- lives ---- */

static uint32_t take_slot(struct program *p)
{
	return p->nslots ? p->slots[--p->nslots] : p->next_slot++;
}

static void give_slot(struct program *p, uint32_t slot)
{
	void *items = p->slots;
	if (mc_grow(&items, &p->slots_cap, p->nslots + 1, sizeof *p->slots, NULL) < 0)
		return; /* a number less to use again */
	p->slots = items;
	p->slots[p->nslots++] = slot;
}

static void end_life(struct daemon *d, uint64_t id)
{
	struct mc_error err;
	struct life *l = lives_find(&d->lives, id);
	if (!l)
		return;
	if (l->program < d->nprograms) {
		struct program *p = &d->programs[l->program];
		builds_gone(p, l);
		mc_tracker_gone(d->tracker, id, d->tick->t_ms);
		p->tracked = true;
		give_slot(p, l->slot);
		p->ended++;
	}
	if (l->incarnation && d->store && mc_store_incarnation_end(d->store, l->incarnation, d->tick->t_ms, &err) < 0)
		daemon_trouble(d, AT_STORE, &err);
	lives_remove(&d->lives, id);
}

/* Processes are in the order of their pids. */
static const struct mc_process *by_pid(const struct mc_tick *t, int64_t pid)
{
	size_t lo = 0, hi = t->nprocesses;
	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		if (t->processes[mid]->pid == pid)
			return t->processes[mid];
		if (t->processes[mid]->pid < pid)
			lo = mid + 1;
		else
			hi = mid;
	}
	return NULL;
}

static bool same_file(const struct mc_process *a, const struct mc_process *b)
{
	return a->exe_id.ino && a->exe_id.ino == b->exe_id.ino && a->exe_id.dev == b->exe_id.dev;
}

static void begin_life(struct daemon *d, struct program *p, struct life *l, const struct mc_process *q)
{
	const struct mc_process *parent = by_pid(d->tick, q->ppid);
	const struct life *its = parent ? lives_find(&d->lives, parent->id) : NULL;
	l->program = q->program;
	l->slot = take_slot(p);
	if (p->ended) {
		p->ended--;
		p->restarts++;
	}
	if (!p->first_seen_ms || q->start_ms < p->first_seen_ms)
		p->first_seen_ms = q->start_ms;
	builds_born(d, p, l, q, its, parent && same_file(parent, q));
}

static int store_life(struct daemon *d, struct program *p, struct life *l, const struct mc_process *q, struct mc_error *err)
{
	const struct build *b = builds_of(p, l);
	struct mc_incarnation i = { .program = p->id, .key = "", .pid = q->pid, .start_ms = q->start_ms, .exe = q->exe,
		.version = b ? b->version : "", .commit = b ? b->commit : "", .build_id = b ? b->build_id : "", .how = b ? b->how : "",
		.named = b && (b->renamed || b->version[0] || b->commit[0]) };
	int rc = mc_store_incarnation(d->store, &i, err);
	if (rc == 0)
		l->incarnation = i.id;
	return rc;
}

/* ---- rows ---- */

static void fill_row(const struct daemon *d, const struct mc_process *q, int64_t incarnation, struct mc_row *r)
{
	r->incarnation = incarnation;
	double *v = r->v;
	v[MC_F_ANON] = (double)q->anon;
	v[MC_F_FILE] = (double)q->file;
	v[MC_F_SHMEM] = (double)q->shmem;
	v[MC_F_SWAP] = (double)q->swap;
	v[MC_F_VSIZE] = (double)q->vsize;
	v[MC_F_MINFLT] = (double)q->minflt;
	v[MC_F_MAJFLT] = (double)q->majflt;
	v[MC_F_UTIME] = (double)q->utime_ticks;
	v[MC_F_STIME] = (double)q->stime_ticks;
	v[MC_F_THREADS] = q->threads;
	v[MC_F_FDS] = q->fds == UINT32_MAX ? (double)NAN : q->fds;
	/* a figure of an earlier tick is not this tick's */
	v[MC_F_PSS] = q->pss == MC_UNREAD || q->pss_age_ms > d->config->c.interval_ms / 2 ? (double)NAN : (double)q->pss;
	v[MC_F_SHARED] = (double)q->shared;
	v[MC_F_RSS] = (double)q->rss;
	v[MC_F_REQUESTS] = (double)NAN;
}

static void add_to_program(struct program *p, const struct life *l, const struct mc_process *q)
{
	p->anon += (double)q->anon;
	p->file += (double)q->file;
	/* the same segment is in every process that maps it */
	p->shmem += (double)q->shmem;
	p->swap += (double)q->swap;
	p->rss += (double)q->rss;
	p->has_pss = p->has_pss && q->pss != MC_UNREAD;
	if (q->pss != MC_UNREAD) {
		p->pss += (double)q->pss;
		p->uss += (double)q->uss;
		p->pss_age_ms = q->pss_age_ms > p->pss_age_ms ? q->pss_age_ms : p->pss_age_ms;
	}
	if (l->executable < p->nexecutables)
		p->executables[l->executable].anon += (double)q->anon;
}

/* Lives of the tick as rows. Where the store refuses, the rest of them wait for the next tick. */
static size_t take_processes(struct daemon *d, struct mc_error *err, int *rc)
{
	const struct mc_tick *t = d->tick;
	size_t n = 0;
	bool store = d->store != NULL;
	for (size_t i = 0; i < t->nprocesses; i++) {
		const struct mc_process *q = t->processes[i];
		struct program *p = &d->programs[q->program];
		struct life *l = q->born ? NULL : lives_find(&d->lives, q->id);
		/* first what is remembered of it: against that its lives are held */
		if (store && !p->known)
			store = (*rc = know_program(d, p, err)) == 0;
		if (!l && (l = lives_get(&d->lives, q->id)))
			begin_life(d, p, l, q);
		if (!l) {
			*rc = mc_nomem(err, "a process");
			continue;
		}
		add_to_program(p, l, q);
		if (store && !l->incarnation)
			store = (*rc = store_life(d, p, l, q, err)) == 0;
		libraries_take(d, p, l, q);
		if (l->incarnation)
			fill_row(d, q, l->incarnation, &d->rows[n++]);
	}
	return n;
}

static void fill_load(struct mc_load_row *r, const struct program *p)
{
	const struct mc_program_name *n = p->totals;
	r->program = p->id;
	r->v[MC_L_REQUESTS] = p->requests;
	r->v[MC_L_RX_BYTES] = n->net_rx_bytes;
	r->v[MC_L_TX_BYTES] = n->net_tx_bytes;
	r->v[MC_L_RX_PACKETS] = n->net_rx_packets;
	r->v[MC_L_TX_PACKETS] = n->net_tx_packets;
	r->v[MC_L_IO_READ] = n->io_read_bytes;
	r->v[MC_L_IO_WRITE] = n->io_write_bytes;
	r->v[MC_L_CPU] = n->cpu_seconds;
}

static size_t take_load(struct daemon *d)
{
	size_t n = 0;
	if (d->loader)
		mc_loader_finish(d->loader, LOAD_WAIT_MS);
	for (size_t i = 0; i < d->nprograms; i++) {
		struct program *p = &d->programs[i];
		const char *why = "";
		double v;
		int64_t when;
		p->requests = (double)NAN;
		if (p->source != SIZE_MAX && mc_loader_value(d->loader, p->source, &v, &when, &why)) {
			p->requests = v;
			daemon_load_came(d, p);
		} else if (p->source != SIZE_MAX && p->alive && why[0]) {
			daemon_load_failed(d, p, why);
		}
		if (p->alive && p->id)
			fill_load(&d->loads[n++], p);
	}
	return n;
}

static void fill_host(const struct mc_host *h, double v[MC_H_COUNT])
{
	v[MC_H_BLOCKED] = h->blocked;
	v[MC_H_RUNNING] = h->running;
	v[MC_H_IOWAIT] = h->iowait_ratio;
	v[MC_H_SWAPIN] = h->swapin_pages;
	v[MC_H_SWAPOUT] = h->swapout_pages;
	v[MC_H_MEM_TOTAL] = h->mem_total;
	v[MC_H_MEM_AVAILABLE] = h->mem_available;
	v[MC_H_SWAP_TOTAL] = h->swap_total;
	v[MC_H_SWAP_FREE] = h->swap_free;
	v[MC_H_PSI_MEM_SOME] = h->psi_memory_some;
	v[MC_H_PSI_MEM_FULL] = h->psi_memory_full;
	v[MC_H_PSI_IO_SOME] = h->psi_io_some;
	v[MC_H_PSI_CPU_SOME] = h->psi_cpu_some;
	v[MC_H_NET_RX] = h->net_rx_bytes;
	v[MC_H_NET_TX] = h->net_tx_bytes;
	v[MC_H_PKT_RX] = h->net_rx_packets;
	v[MC_H_PKT_TX] = h->net_tx_packets;
}

static int make_room(struct daemon *d, struct mc_error *err)
{
	void *rows = d->rows, *loads = d->loads;
	int rc = 0;
	rc = mc_grow(&rows, &d->rows_cap, d->tick->nprocesses + 1, sizeof *d->rows, err);
	d->rows = rows;
	if (rc == 0)
		rc = mc_grow(&loads, &d->loads_cap, d->tick->nprograms + 1, sizeof *d->loads, err);
	d->loads = loads;
	return rc;
}

/* Many rows are the largest thing of a tick, and only of use within it. */
static void give_room_back(struct daemon *d)
{
	if (d->rows_cap <= ROWS_KEPT)
		return;
	free(d->rows);
	d->rows = NULL;
	d->rows_cap = 0;
}

/* A mark named builds: their lives that run get the name too. */
static void rename_lives(struct daemon *d)
{
	struct mc_error err;
	d->renamed = false;
	for (size_t i = 0; d->store && i < d->tick->nprocesses; i++) {
		const struct mc_process *q = d->tick->processes[i];
		struct program *p = &d->programs[q->program];
		struct life *l = lives_find(&d->lives, q->id);
		const struct build *b = l ? builds_of(p, l) : NULL;
		if (b && b->renamed && l->incarnation && store_life(d, p, l, q, &err) < 0) {
			daemon_trouble(d, AT_STORE, &err);
			return;
		}
	}
	builds_named(d);
}

static void take_builds(struct daemon *d)
{
	struct mc_error err;
	for (size_t i = 0; i < d->nprograms; i++) {
		struct program *p = &d->programs[i];
		if (!p->nexecutables)
			continue;
		builds_tick(d, p, d->tick->t_ms);
		naming_tick(d, p);
		if (p->changed && p->known && d->store && builds_save(d, p, &err) < 0)
			daemon_trouble(d, AT_STORE, &err);
		if (p->known && d->store && libraries_save(d, p, &err) < 0)
			daemon_trouble(d, AT_STORE, &err);
	}
	if (d->renamed)
		rename_lives(d);
}

static int sample(struct daemon *d, struct mc_error *err)
{
	int64_t now = stamp(d);
	d->before_ms = d->last_ms;
	if (d->loader)
		mc_loader_start(d->loader, now);
	struct mc_host host = { 0 };
	if (d->tick)
		host = d->tick->host;
	int rc = mc_sampler_tick(d->sampler, now, &d->tick, err);
	if (rc < 0)
		return rc;
	if (d->tick->host.read_ms != host.read_ms)
		d->host_before = host;
	d->last_ms = now;
	d->samples++;
	if ((rc = sync_programs(d, err)) < 0)
		return rc;
	for (size_t i = 0; i < d->tick->ngone; i++)
		end_life(d, d->tick->gone[i]);
	return make_room(d, err);
}

/* CPU time of the loop's thread, for whoever wants to know what a tick costs. */
static double cpu_ms(void)
{
	struct timespec t;
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static void write_tick(struct daemon *d)
{
	struct mc_error err;
	double host[MC_H_COUNT];
	int rc = 0;
	size_t n = take_processes(d, &err, &rc), loads = take_load(d);
	bool read = d->tick->host.read_ms == d->last_ms; /* figures of an earlier tick are not this one's */
	fill_host(&d->tick->host, host);
	if (rc == 0 && d->store)
		rc = mc_store_tick(d->store, d->last_ms, d->rows, n, d->loads, loads, read ? host : NULL, &err);
	daemon_requests(d);
	if (rc == 0 && d->store) {
		take_builds(d);
		daemon_limits(d);
	}
	if (d->store)
		daemon_stored(d, rc, &err);
	give_room_back(d);
}

void daemon_tick(struct daemon *d)
{
	struct mc_error err;
	double begun = cpu_ms();
	if (!d->store)
		daemon_reopen_store(d);
	if (sample(d, &err) < 0) {
		daemon_trouble(d, AT_SAMPLE, &err);
		return;
	}
	daemon_well(d, AT_SAMPLE);
	double sampled = cpu_ms();
	write_tick(d);
	double stored = cpu_ms();
	if (daemon_snapshot(d, &err) < 0)
		daemon_trouble(d, AT_SAMPLE, &err);
	else if (d->server)
		mc_server_renew_metrics(d->server);
	mc_log(MC_LOG_DEBUG, "sample", "tick of %zu processes in %zu programs: CPU ms: sampling %.2f, storing %.2f, showing %.2f", d->tick->nprocesses,
		d->nprograms, sampled - begun, stored - sampled, cpu_ms() - stored);
}
