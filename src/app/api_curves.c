/* The curves of one program for the screen: its memory, its processes, its load and the host beside it. */
#include "daemon.h"

#include "program.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { INSTANTS_PER_BUCKET = 40, INSTANTS_MAX = 100000, PAGE_BYTES = 4096, NAME = 48 };

/* Takes a block over, to be freed with the curves; false where it is NULL or there are too many. */
static bool keep(struct api_curves *c, void *block)
{
	bool room = c->nown < sizeof c->own / sizeof c->own[0];
	if (room && block)
		c->own[c->nown++] = block;
	else
		free(block);
	return room && block;
}

static void add(struct api_curves *c, struct mc_curve curve)
{
	bool any = false;
	for (size_t i = 0; i < curve.n && !any; i++)
		any = isfinite(curve.v[i]);
	if (any && c->n < API_CURVES_MAX)
		c->v[c->n++] = curve;
}

/* ---- memory ---- */

static int add_memory(struct api_curves *c, struct mc_store *s, const struct mc_program_row *p, int64_t interval_ms, struct mc_error *err)
{
	/* Each tick where that is not too many; else evenly spaced, and many to a bucket. */
	int64_t span = c->span.end_ms - c->span.start_ms, ticks = span / (interval_ms > 0 ? interval_ms : 10000) + 2;
	int64_t most = (int64_t)mc_span_buckets(&c->span) * INSTANTS_PER_BUCKET;
	most = most < 2 ? 2 : most > INSTANTS_MAX ? INSTANTS_MAX : most;
	int rc = mc_curves_read(s, p->id, c->span.start_ms, c->span.end_ms - 1, (size_t)(ticks < most ? ticks : most), &c->memory, err);
	if (rc < 0)
		return rc;
	const struct mc_curves *m = &c->memory;
	const struct mc_curve base = { .n = m->n, .t_ms = m->t_ms, .unit = "bytes", .group = "Memory" };
	const struct { const char *name, *label; const double *v; } kinds[] = {
		{ "private", "Private, swap included", m->priv }, { "shmem", "Shared", m->shmem }, { "swap", "Swapped out", m->swap }, { "rss", "Resident", m->rss } };
	for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
		struct mc_curve k = base;
		k.name = kinds[i].name;
		k.label = kinds[i].label;
		k.v = kinds[i].v;
		add(c, k);
	}
	return 0;
}

static void add_count_of_processes(struct api_curves *c)
{
	add(c, (struct mc_curve){ .name = "processes", .label = "Number of processes", .unit = "count", .n = c->memory.n, .t_ms = c->memory.t_ms, .v = c->memory.processes });
}

/* ---- single processes: those seen last, of them the oldest ---- */

static int newest_first(const void *x, const void *y)
{
	const struct mc_incarnation_row *a = x, *b = y;
	/* Ticks of one program differ by less than a second between its processes. */
	if (llabs(a->last_ms - b->last_ms) > 1000)
		return a->last_ms < b->last_ms ? 1 : -1;
	return (a->start_ms > b->start_ms) - (a->start_ms < b->start_ms);
}

static int add_process(struct api_curves *c, struct mc_store *s, const struct mc_incarnation_row *row, struct mc_error *err)
{
	struct mc_series series = { 0 };
	int rc = mc_store_series_of(s, row->id, c->span.start_ms, c->span.end_ms - 1, 1u << MC_F_ANON | 1u << MC_F_SWAP, &series, err);
	if (rc < 0)
		return rc;
	char *name = malloc((size_t)2 * NAME);
	double *v = mc_reallocarray(NULL, series.n + 1, sizeof *v);
	int64_t *t = series.t_ms;
	series.t_ms = NULL;
	bool kept = keep(c, name);
	kept = keep(c, v) && kept;
	kept = (keep(c, t) || series.n == 0) && kept;
	if (!kept) {
		/* NOLINTNEXTLINE(clang-analyzer-unix.Malloc): what was kept is c's, and freed with it */
		mc_series_release(&series);
		return mc_nomem(err, "a curve");
	}
	for (size_t i = 0; i < series.n; i++) {
		double anon = series.v[MC_F_ANON] ? series.v[MC_F_ANON][i] : (double)NAN, swap = series.v[MC_F_SWAP] ? series.v[MC_F_SWAP][i] : (double)NAN;
		v[i] = isfinite(swap) && isfinite(anon) ? anon + swap : anon;
	}
	snprintf(name, NAME, "process:%lld@%lld", (long long)row->pid, (long long)row->start_ms);
	snprintf(name + NAME, NAME, "%lld", (long long)row->pid);
	add(c, (struct mc_curve){ .name = name, .label = name + NAME, .unit = "bytes", .group = "Processes by pid", .last_only = true, .n = series.n, .t_ms = t, .v = v });
	mc_series_release(&series);
	return 0;
}

static int add_processes(struct api_curves *c, struct mc_store *s, int64_t program, size_t most, struct mc_error *err)
{
	struct mc_incarnation_row *rows = NULL;
	size_t n = 0;
	if (most == 0)
		return 0;
	int rc = mc_store_incarnations(s, program, c->span.start_ms, c->span.end_ms - 1, &rows, &n, err);
	if (rc == 0 && n)
		qsort(rows, n, sizeof *rows, newest_first);
	for (size_t i = 0; rc == 0 && i < n && i < most; i++)
		rc = add_process(c, s, &rows[i], err);
	mc_store_incarnations_free(rows, n);
	return rc;
}

/* ---- counters as rates ---- */

/* What a counter grew by a second since the value before; NaN at its first value and where it fell. */
static int add_rate(struct api_curves *c, const double *counter, size_t n, const int64_t *t, double scale, struct mc_curve curve, struct mc_error *err)
{
	if (!counter || n < 2)
		return 0;
	double *v = mc_reallocarray(NULL, n, sizeof *v);
	if (!keep(c, v))
		return mc_nomem(err, "a curve");
	size_t before = SIZE_MAX;
	for (size_t i = 0; i < n; i++) {
		v[i] = (double)NAN;
		if (!isfinite(counter[i]))
			continue;
		if (before != SIZE_MAX && counter[i] >= counter[before] && t[i] > t[before])
			v[i] = (counter[i] - counter[before]) * scale * 1000 / (double)(t[i] - t[before]);
		before = i;
	}
	curve.n = n;
	curve.t_ms = t;
	curve.v = v;
	add(c, curve);
	return 0;
}

struct rate {
	int field;
	double scale;
	const char *name, *label, *unit, *group;
};

static bool has(const struct api_curves *c, const char *name)
{
	for (size_t i = 0; i < c->n; i++)
		if (strcmp(c->v[i].name, name) == 0)
			return true;
	return false;
}

static int add_load(struct api_curves *c, struct mc_store *s, int64_t program, struct mc_error *err)
{
	static const struct rate rates[] = {
		{ MC_L_REQUESTS, 1, "requests", "Requests", "per_second", NULL },
		{ MC_L_RX_PACKETS, 1, "rx_packets", "Received", "per_second", "Packets" },
		{ MC_L_TX_PACKETS, 1, "tx_packets", "Sent", "per_second", "Packets" },
		{ MC_L_RX_BYTES, 1, "rx_bytes", "Received", "bytes_per_second", "Network" },
		{ MC_L_TX_BYTES, 1, "tx_bytes", "Sent", "bytes_per_second", "Network" },
		{ MC_L_IO_READ, 1, "io_read", "Read", "bytes_per_second", "Storage" },
		{ MC_L_IO_WRITE, 1, "io_write", "Written", "bytes_per_second", "Storage" },
		{ MC_L_CPU, 1, "cpu", "CPUs used", "count", NULL },
	};
	struct mc_load_series l = { 0 };
	int rc = mc_store_load_series(s, program, c->span.start_ms, c->span.end_ms - 1, &l, err);
	if (rc == 0 && l.n && !keep(c, l.t_ms)) {
		l.t_ms = NULL;
		rc = mc_nomem(err, "a curve");
	}
	for (size_t i = 0; rc == 0 && l.n && i < sizeof rates / sizeof rates[0]; i++) {
		const struct rate *r = &rates[i];
		rc = add_rate(c, l.v[r->field], l.n, l.t_ms, r->scale, (struct mc_curve){ .name = r->name, .label = r->label, .unit = r->unit, .group = r->group }, err);
	}
	if (l.n)
		l.t_ms = NULL; /* the curves' now */
	mc_load_series_release(&l);
	return rc;
}

/* ---- the host ---- */

/* Where the program has no network of its own the host's stands for it. */
static int add_host_rates(struct api_curves *c, const struct mc_host_series *h, struct mc_error *err)
{
	static const struct rate rates[] = {
		{ MC_H_PKT_RX, 1, "host_rx_packets", "Received", "per_second", "Host: packets" },
		{ MC_H_PKT_TX, 1, "host_tx_packets", "Sent", "per_second", "Host: packets" },
		{ MC_H_NET_RX, 1, "host_rx_bytes", "Received", "bytes_per_second", "Host: network" },
		{ MC_H_NET_TX, 1, "host_tx_bytes", "Sent", "bytes_per_second", "Host: network" },
		{ MC_H_SWAPIN, PAGE_BYTES, "host_swap_in", "In", "bytes_per_second", "Host: swap traffic" },
		{ MC_H_SWAPOUT, PAGE_BYTES, "host_swap_out", "Out", "bytes_per_second", "Host: swap traffic" },
	};
	int rc = 0;
	for (size_t i = 0; rc == 0 && i < sizeof rates / sizeof rates[0]; i++) {
		const struct rate *r = &rates[i];
		if (i < 4 && has(c, i < 2 ? "rx_packets" : "rx_bytes"))
			continue;
		rc = add_rate(c, h->v[r->field], h->n, h->t_ms, r->scale,
			(struct mc_curve){ .name = r->name, .label = r->label, .unit = r->unit, .group = r->group, .host = "host" }, err);
	}
	return rc;
}

static void take_over(struct api_curves *c, struct mc_host_series *h, int field, const char *name, const char *label, const char *unit, const char *group)
{
	if (!h->v[field])
		return;
	if (keep(c, h->v[field]))
		add(c, (struct mc_curve){ .name = name, .label = label, .unit = unit, .group = group, .host = "host", .n = h->n, .t_ms = h->t_ms, .v = h->v[field] });
	h->v[field] = NULL; /* kept or freed */
}

static int add_host(struct api_curves *c, struct mc_store *s, struct mc_error *err)
{
	struct mc_host_series h = { 0 };
	int rc = mc_store_host_series(s, c->span.start_ms, c->span.end_ms - 1, &h, err);
	if (rc < 0 || h.n == 0) {
		mc_host_series_release(&h);
		return rc;
	}
	rc = add_host_rates(c, &h, err);
	double *free_swap = h.v[MC_H_SWAP_FREE], *total_swap = h.v[MC_H_SWAP_TOTAL];
	for (size_t i = 0; free_swap && total_swap && i < h.n; i++)
		free_swap[i] = total_swap[i] - free_swap[i];
	take_over(c, &h, MC_H_BLOCKED, "host_blocked", "Wait for storage or swap", "count", "Host: processes");
	take_over(c, &h, MC_H_RUNNING, "host_running", "Run", "count", "Host: processes");
	take_over(c, &h, MC_H_IOWAIT, "host_iowait", "Host: CPU waits", "ratio", NULL);
	take_over(c, &h, MC_H_MEM_AVAILABLE, "host_available", "Available", "bytes", "Host: memory");
	if (free_swap && total_swap)
		take_over(c, &h, MC_H_SWAP_FREE, "host_swap_used", "Swap used", "bytes", "Host: memory");
	if (!keep(c, h.t_ms) && rc == 0)
		rc = mc_nomem(err, "a curve");
	h.t_ms = NULL;
	mc_host_series_release(&h);
	return rc;
}

/* ---- all together ---- */

int api_curves_read(struct api *a, const struct mc_request *rq, const char *program, size_t processes, struct api_curves *ret,
	struct mc_error *err)
{
	struct mc_store *s = NULL;
	struct mc_program_row p = { 0 };
	struct api_curves *c = ret;
	*c = (struct api_curves){ 0 };
	int rc = api_store(a, &s, err);
	if (rc == 0)
		rc = program_find(s, program, &p, err);
	if (rc == 0)
		rc = mc_span_read(rq, mc_now_ms(), p.first_ms, p.last_ms, &c->span, err);
	if (rc < 0)
		return rc;
	const struct snapshot *now = snapshot_get(a->shared);
	int64_t interval = now ? now->interval_ms : 0;
	snapshot_put(now);
	if ((rc = add_memory(c, s, &p, interval, err)) == 0 && (rc = add_processes(c, s, p.id, processes, err)) == 0) {
		add_count_of_processes(c);
		if ((rc = add_load(c, s, p.id, err)) == 0)
			rc = add_host(c, s, err);
	}
	if (rc < 0)
		api_curves_release(c);
	return rc;
}

void api_curves_release(struct api_curves *c)
{
	for (size_t i = 0; i < c->nown; i++)
		free(c->own[i]);
	mc_curves_release(&c->memory);
	*c = (struct api_curves){ 0 };
}

int api_series(struct api *a, const struct mc_request *rq, const char *program, struct mc_reply *reply)
{
	struct mc_error err = { 0 };
	struct api_curves c;
	uint64_t processes = 0;
	const char *many = api_arg(rq, "processes");
	if (many && (!mc_parse_u64(many, strlen(many), &processes) || processes > API_PROCESSES_MAX))
		return mc_reply_error(reply, 400, "processes: expected a number up to %d", API_PROCESSES_MAX);
	if (api_curves_read(a, rq, program, processes, &c, &err) < 0)
		return api_fail(reply, &err);
	struct mc_json *j = mc_json_new();
	int rc = j ? mc_series_json(j, program, &c.span, c.v, c.n, &err) : MC_ENOMEM;
	api_curves_release(&c);
	if (rc < 0) {
		mc_json_free(j);
		return rc;
	}
	return api_json(reply, j);
}
