/* What runs now: the programs of the store at their last sample, with what their newest answers say. */
#include "memculprit/app.h"

#include "json_take.h"
#include "program.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
	RECENT_MS = 900000,  /* three ticks of the slowest configuration */
	GONE_MS = 60000,     /* at most; else a tick and a half */
	HOST_PACE_MS = 6000, /* the host is sampled each 5 s, where ticks are shorter */
	RECKONED = 4         /* programs of a list, where no answer is stored */
};

/* ---- the processes alive ---- */

static double last_finite(const struct mc_series *s, enum mc_field f)
{
	for (size_t i = s->n; s->v[f] && i-- > 0;)
		if (isfinite(s->v[f][i]))
			return s->v[f][i];
	return (double)NAN;
}

static void add(double *sum, double v)
{
	if (isfinite(v))
		*sum = isfinite(*sum) ? *sum + v : v;
}

static int add_running(struct mc_program_status *p, const struct mc_incarnation_row *row, struct mc_error *err)
{
	const char *version = row->version ? row->version : "", *commit = row->commit ? row->commit : "";
	for (size_t i = 0; i < p->nrunning; i++)
		if (strcmp(p->running[i].version, version) == 0 && strcmp(p->running[i].commit, commit) == 0) {
			p->running[i].processes++;
			return 0;
		}
	struct mc_running *r = mc_reallocarray(p->running, p->nrunning + 1, sizeof *r);
	if (!r)
		return mc_nomem(err, "versions");
	p->running = r;
	r += p->nrunning++;
	*r = (struct mc_running){ .version = mc_strdup(version), .commit = mc_strdup(commit), .processes = 1 };
	return r->version && r->commit ? 0 : mc_nomem(err, "versions");
}

/* A life of the last minutes: alive where it was sampled with the program's last tick. Shared memory is mostly the
 * same for all, so the largest stands for it. */
static int look_at_life(struct mc_store *s, struct mc_program_status *p, const struct mc_incarnation_row *row, struct mc_error *err)
{
	const uint32_t fields = 1u << MC_F_ANON | 1u << MC_F_SWAP | 1u << MC_F_SHMEM | 1u << MC_F_RSS;
	struct mc_series series = { 0 };
	if (row->end_ms && row->end_ms < p->last_ms)
		return 0;
	int rc = mc_store_series_of(s, row->id, p->last_ms - RECENT_MS, p->last_ms, fields, &series, err);
	if (rc < 0)
		return rc;
	size_t n = series.n;
	int64_t gap = n > 1 ? series.t_ms[n - 1] - series.t_ms[n - 2] : 1;
	if (n && series.t_ms[n - 1] > p->last_ms - gap * 9 / 10 - 1) {
		double shmem = last_finite(&series, MC_F_SHMEM);
		p->processes++;
		add(&p->anon, last_finite(&series, MC_F_ANON));
		add(&p->swap, last_finite(&series, MC_F_SWAP));
		add(&p->rss, last_finite(&series, MC_F_RSS));
		if (isfinite(shmem) && !(shmem <= p->shmem))
			p->shmem = shmem;
		rc = add_running(p, row, err);
	}
	mc_series_release(&series);
	return rc;
}

static int by_processes(const void *a, const void *b)
{
	const struct mc_running *x = a, *y = b;
	return (x->processes < y->processes) - (x->processes > y->processes);
}

static int look_at_lives(struct mc_store *s, struct mc_program_status *p, struct mc_error *err)
{
	struct mc_incarnation_row *rows = NULL;
	size_t n = 0;
	int rc = mc_store_incarnations(s, p->id, p->last_ms - RECENT_MS, p->last_ms, &rows, &n, err);
	for (size_t i = 0; rc == 0 && i < n; i++)
		rc = look_at_life(s, p, &rows[i], err);
	mc_store_incarnations_free(rows, n);
	if (p->nrunning)
		qsort(p->running, p->nrunning, sizeof *p->running, by_processes);
	return rc;
}

/* Processes that don't say what they run: what was deployed last. */
static int name_running(struct mc_program_status *p, const struct mc_deploy_row *last, struct mc_error *err)
{
	if (p->nrunning != 1 || p->running->version[0] || p->running->commit[0] || last->host[0])
		return 0;
	char *version = mc_strdup(last->version), *commit = mc_strdup(last->commit);
	if (!version || !commit) {
		free(version);
		free(commit);
		return mc_nomem(err, "versions");
	}
	free(p->running->version);
	free(p->running->commit);
	p->running->version = version;
	p->running->commit = commit;
	return 0;
}

static int look_at_deploys(struct mc_store *s, struct mc_program_status *p, struct mc_error *err)
{
	struct mc_deploy_row *rows = NULL;
	size_t n = 0;
	int rc = mc_store_deploys(s, p->id, &rows, &n, err);
	if (rc == 0 && n) {
		p->last_deploy_ms = rows[n - 1].unix_ms;
		rc = name_running(p, &rows[n - 1], err);
	}
	mc_store_deploys_free(rows, n);
	return rc;
}

/* ---- its newest answer ---- */

int mc_answer_text(struct mc_store *s, const struct mc_config *cfg, const struct mc_program_row *p, struct mc_buf *ret, struct mc_error *err)
{
	int64_t as_of;
	struct mc_blame b = { 0 };
	int rc = mc_store_answer_get(s, p->id, &as_of, ret, err);
	if (rc != MC_ENOTFOUND)
		return rc;
	rc = mc_blame_program(s, cfg, p->name, 0, &b, err);
	if (rc < 0)
		return rc;
	struct mc_json *j = mc_json_new();
	if (j) {
		mc_blame_json(j, NULL, &b);
		rc = mc_json_text(j, MC_JSON_COMPACT, ret, err);
	} else {
		rc = mc_nomem(err, "an answer");
	}
	mc_json_free(j);
	mc_blame_release(&b);
	return rc;
}

static int copy_text(const struct mc_jsonv *v, const char *key, char **ret, struct mc_error *err)
{
	const char *s = mc_jsonv_str(mc_jsonv_get(v, key));
	*ret = mc_strdup(s);
	return s && !*ret ? mc_nomem(err, "an answer") : 0;
}

/* Growth now: none where it was stopped. */
static double growth_of(const struct mc_jsonv *v, const char *state)
{
	if (state && strcmp(state, "fixed") == 0)
		return (double)NAN;
	return take_growth(v);
}

static int take_answer(struct mc_program_status *p, const struct mc_jsonv *v, struct mc_error *err)
{
	const struct mc_jsonv *culprit = mc_jsonv_get(v, "culprit"), *fix = mc_jsonv_get(v, "fixed_by");
	const char *version = mc_jsonv_str(mc_jsonv_get(fix, "version"));
	int rc = copy_text(v, "verdict", &p->verdict, err);
	if (rc == 0 && (rc = copy_text(v, "state", &p->state, err)) == 0 && (rc = copy_text(v, "signal", &p->signal, err)) == 0 &&
		(rc = copy_text(culprit, "version", &p->culprit_version, err)) == 0 &&
		(rc = copy_text(culprit, "commit", &p->culprit_commit, err)) == 0)
		rc = copy_text(fix, version && version[0] ? "version" : "commit", &p->fixed_by, err);
	p->answer_ms = take_time(v, "as_of_ms");
	p->onset_ms = take_time(v, "onset_ms");
	p->exhaustion_ms = take_time(v, "exhaustion_ms");
	p->growth = growth_of(v, p->state);
	p->grown = take_number(v, "grown_bytes");
	p->culprit_probability = take_number(culprit, "probability");
	return rc;
}

/* *left: how many may still be reckoned where none is stored. */
static int look_at_answer(struct mc_store *s, struct mc_program_status *p, const struct mc_program_row *row, size_t *left, struct mc_error *err)
{
	struct mc_buf text = { 0 };
	struct mc_jsondoc *doc = NULL;
	int64_t as_of;
	int rc = mc_store_answer_get(s, row->id, &as_of, &text, err);
	if (rc == MC_ENOTFOUND && *left == 0)
		return 0;
	if (rc == MC_ENOTFOUND) {
		--*left;
		rc = mc_answer_text(s, NULL, row, &text, err);
	}
	if (rc == 0)
		rc = mc_jsondoc_parse(mc_buf_text(&text), text.len, SIZE_MAX, &doc, err);
	if (rc == 0)
		rc = take_answer(p, mc_jsondoc_root(doc), err);
	mc_jsondoc_free(doc);
	mc_buf_release(&text);
	return rc;
}

/* Who was sampled after this runs: in the last tick, or the one before where that was stored while we read. With ticks
 * of less than 5 s the host has fewer samples than who runs on it. */
static int64_t running_after(const struct mc_status *st, const struct mc_config *cfg)
{
	const struct mc_host_status *h = &st->host;
	int64_t gap = h->gap_ms, newest = h->t_ms;
	if (newest == MC_NO_TIME)
		return INT64_MIN;
	if (st->as_of_ms > newest && st->as_of_ms - newest <= gap)
		newest = st->as_of_ms;
	if (cfg && cfg->interval_ms > 0 && cfg->interval_ms < gap && gap <= HOST_PACE_MS)
		gap = cfg->interval_ms;
	return newest - (gap > 0 && gap * 3 / 2 < GONE_MS ? gap * 3 / 2 : GONE_MS);
}

static int read_program(struct mc_store *s, const struct mc_program_row *row, int64_t after, size_t *reckon, struct mc_program_status *p,
	struct mc_error *err)
{
	const double none = (double)NAN;
	*p = (struct mc_program_status){ .name = mc_strdup(row->name), .id = row->id, .first_ms = row->first_ms, .last_ms = row->last_ms,
		.anon = none, .swap = none, .shmem = none, .rss = none, .last_deploy_ms = MC_NO_TIME, .answer_ms = MC_NO_TIME,
		.onset_ms = MC_NO_TIME, .exhaustion_ms = MC_NO_TIME, .growth = none, .grown = none, .culprit_probability = none };
	if (!p->name)
		return mc_nomem(err, "a program");
	int rc = 0;
	if (row->last_ms > after)
		rc = look_at_lives(s, p, err);
	if (rc == 0)
		rc = look_at_deploys(s, p, err);
	rc = rc < 0 ? rc : look_at_answer(s, p, row, reckon, err);
	if (p->processes == 0)
		p->exhaustion_ms = MC_NO_TIME; /* what does not run uses nothing up, whatever was said while it ran */
	return rc;
}

/* ---- the host ---- */

static double last_of(const struct mc_host_series *h, enum mc_host_field f)
{
	return h->v[f] && h->n ? h->v[f][h->n - 1] : (double)NAN;
}

/* Per second, over the minute before the last sample. */
static double rate_of(const struct mc_host_series *h, enum mc_host_field f, size_t from)
{
	double seconds = (double)(h->t_ms[h->n - 1] - h->t_ms[from]) / 1000;
	if (!h->v[f] || seconds <= 0 || !(h->v[f][h->n - 1] >= h->v[f][from]))
		return (double)NAN;
	return (h->v[f][h->n - 1] - h->v[f][from]) / seconds;
}

static struct mc_host plain_host(const struct mc_host_series *h, size_t i)
{
	const double none = (double)NAN;
	struct mc_host out = { .blocked = none, .running = none, .iowait_ratio = none, .psi_memory_some = none };
#define AT(f) (h->v[f] ? h->v[f][i] : none)
	out.blocked = AT(MC_H_BLOCKED);
	out.iowait_ratio = AT(MC_H_IOWAIT);
	out.swapin_pages = AT(MC_H_SWAPIN);
	out.swapout_pages = AT(MC_H_SWAPOUT);
	out.mem_total = AT(MC_H_MEM_TOTAL);
	out.mem_available = AT(MC_H_MEM_AVAILABLE);
	out.psi_memory_some = AT(MC_H_PSI_MEM_SOME);
#undef AT
	return out;
}

static int describe_host(const struct mc_host_series *h, size_t from, double requests, struct mc_host_status *ret, struct mc_error *err)
{
	struct mc_host before = plain_host(h, from), now = plain_host(h, h->n - 1);
	struct mc_buf text = { 0 };
	double seconds = (double)(h->t_ms[h->n - 1] - h->t_ms[from]) / 1000;
	mc_host_meaning(seconds > 0 ? &before : NULL, &now, seconds, requests, &text);
	mc_buf_add(&text, "", 0);
	int rc = mc_buf_check(&text, err);
	if (rc < 0)
		mc_buf_release(&text);
	ret->text = text.data;
	return rc;
}

static int read_host(struct mc_store *s, int64_t last, double requests, struct mc_host_status *ret, struct mc_error *err)
{
	const double page = (double)sysconf(_SC_PAGESIZE);
	struct mc_host_series h = { 0 };
	int rc = mc_store_host_series(s, last == INT64_MIN ? last : last - RECENT_MS, INT64_MAX, &h, err);
	*ret = (struct mc_host_status){ .t_ms = MC_NO_TIME };
	if (rc == 0 && h.n) {
		size_t from = h.n - 1;
		while (from > 0 && h.t_ms[from] > h.t_ms[h.n - 1] - 60000)
			from--;
		*ret = (struct mc_host_status){ .t_ms = h.t_ms[h.n - 1], .gap_ms = h.n > 1 ? h.t_ms[h.n - 1] - h.t_ms[h.n - 2] : 0,
			.blocked = last_of(&h, MC_H_BLOCKED), .running = last_of(&h, MC_H_RUNNING),
			.iowait_ratio = last_of(&h, MC_H_IOWAIT), .swap_in_bytes = rate_of(&h, MC_H_SWAPIN, from) * page,
			.swap_out_bytes = rate_of(&h, MC_H_SWAPOUT, from) * page, .memory_total = last_of(&h, MC_H_MEM_TOTAL),
			.memory_available = last_of(&h, MC_H_MEM_AVAILABLE), .swap_total = last_of(&h, MC_H_SWAP_TOTAL),
			.swap_free = last_of(&h, MC_H_SWAP_FREE), .memory_pressure = last_of(&h, MC_H_PSI_MEM_SOME),
			.io_pressure = last_of(&h, MC_H_PSI_IO_SOME), .cpu_pressure = last_of(&h, MC_H_PSI_CPU_SOME) };
		rc = describe_host(&h, from, requests, ret, err);
	}
	mc_host_series_release(&h);
	return rc;
}

/* ---- all together ---- */

static bool is_active(const struct mc_program_status *p)
{
	return p->state && strcmp(p->state, "active") == 0;
}

static double memory_of(const struct mc_program_status *p)
{
	double sum = 0;
	add(&sum, p->anon);
	add(&sum, p->swap);
	return sum;
}

static int by_interest(const void *a, const void *b)
{
	const struct mc_program_status *x = a, *y = b;
	if (is_active(x) != is_active(y))
		return is_active(y) - is_active(x);
	if ((x->processes == 0) != (y->processes == 0))
		return (x->processes == 0) - (y->processes == 0);
	double mx = memory_of(x), my = memory_of(y);
	return mx != my ? (mx < my) - (mx > my) : strcmp(x->name, y->name);
}

static int read_programs(struct mc_store *s, const struct mc_config *cfg, const char *only, const struct mc_program_row *rows, size_t n, struct mc_status *st,
	struct mc_error *err)
{
	st->programs = calloc(n + 1, sizeof *st->programs);
	if (!st->programs)
		return mc_nomem(err, "programs");
	int rc = 0;
	size_t reckon = RECKONED;
	int64_t after = running_after(st, cfg);
	for (size_t i = 0; rc == 0 && i < n; i++)
		if (!only || strcmp(rows[i].name, only) == 0)
			rc = read_program(s, &rows[i], after, &reckon, &st->programs[st->n++], err);
	if (rc == 0 && only && st->n == 0)
		rc = program_unknown(only, err);
	if (st->n)
		qsort(st->programs, st->n, sizeof *st->programs, by_interest);
	return rc;
}

/* What the daemon wrote down of itself; NULL: nothing. */
static int read_fact(struct mc_store *s, const char *name, char **ret, struct mc_error *err)
{
	struct mc_buf text = { 0 };
	int rc = mc_store_fact_get(s, name, &text, err);
	if (rc < 0 || text.len == 0)
		mc_buf_release(&text);
	*ret = text.data;
	return rc == MC_ENOTFOUND ? 0 : rc;
}

/* What the daemon could not read, and what the store has to say. */
static int read_notice(struct mc_store *s, char **ret, struct mc_error *err)
{
	struct mc_buf text = { 0 };
	const char *of_store = mc_store_notice(s);
	int rc = mc_store_fact_get(s, "notice", &text, err);
	rc = rc == MC_ENOTFOUND ? 0 : rc;
	if (of_store)
		mc_buf_printf(&text, "%s%s", text.len ? "\n" : "", of_store);
	if (rc == 0)
		rc = mc_buf_check(&text, err);
	if (rc < 0 || text.len == 0)
		mc_buf_release(&text);
	*ret = text.data;
	return rc;
}

int mc_status_read(struct mc_store *s, const struct mc_config *cfg, const char *program, struct mc_status *ret, struct mc_error *err)
{
	struct mc_program_row *rows = NULL;
	size_t n = 0;
	struct mc_status st = { .as_of_ms = INT64_MIN };
	double requests = (double)NAN;
	int rc = mc_store_programs(s, &rows, &n, err);
	for (size_t i = 0; i < n; i++)
		st.as_of_ms = rows[i].last_ms > st.as_of_ms ? rows[i].last_ms : st.as_of_ms;
	if (rc == 0)
		rc = requests_change(s, cfg, rows, n, st.as_of_ms, &requests, err);
	if (rc == 0)
		rc = read_host(s, st.as_of_ms, requests, &st.host, err);
	if (rc == 0)
		rc = read_programs(s, cfg, program, rows, n, &st, err);
	if (rc == 0)
		rc = read_fact(s, "short_lives", &st.short_lives, err);
	if (rc == 0)
		rc = read_notice(s, &st.notice, err);
	st.as_of_ms = st.host.t_ms > st.as_of_ms ? st.host.t_ms : st.as_of_ms;
	st.as_of_ms = st.as_of_ms == INT64_MIN ? MC_NO_TIME : st.as_of_ms;
	mc_store_programs_free(rows, n);
	if (rc < 0)
		mc_status_release(&st);
	else
		*ret = st;
	return rc;
}

static void release_program(struct mc_program_status *p)
{
	for (size_t i = 0; i < p->nrunning; i++) {
		free(p->running[i].version);
		free(p->running[i].commit);
	}
	free(p->running);
	free(p->name);
	free(p->verdict);
	free(p->state);
	free(p->signal);
	free(p->culprit_version);
	free(p->culprit_commit);
	free(p->fixed_by);
}

void mc_status_release(struct mc_status *st)
{
	for (size_t i = 0; i < st->n; i++)
		release_program(&st->programs[i]);
	free(st->programs);
	free(st->host.text);
	free(st->short_lives);
	free(st->notice);
	*st = (struct mc_status){ 0 };
}
