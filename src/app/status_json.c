/* The status and the deploys as the objects of docs/schema; command line and HTTP both print these. */
#include "memculprit/app.h"

#include "json_put.h"

#include <math.h>

static double sum(double a, double b)
{
	return isfinite(a) && isfinite(b) ? a + b : isfinite(a) ? a : b;
}

static void put_running(struct mc_json *j, const struct mc_program_status *p)
{
	mc_json_array(j, "versions");
	for (size_t i = 0; i < p->nrunning; i++) {
		mc_json_object(j, NULL);
		put_release(j, p->running[i].version, p->running[i].commit);
		mc_json_int(j, "processes", (int64_t)p->running[i].processes);
		mc_json_close(j);
	}
	mc_json_close(j);
}

static void put_culprit(struct mc_json *j, const struct mc_program_status *p)
{
	if (!p->culprit_version && !p->culprit_commit) {
		mc_json_null(j, "culprit");
		return;
	}
	mc_json_object(j, "culprit");
	put_release(j, p->culprit_version, p->culprit_commit);
	mc_json_num(j, "probability", p->culprit_probability);
	mc_json_close(j);
}

void mc_program_status_json(struct mc_json *j, const char *key, const struct mc_program_status *p)
{
	mc_json_object(j, key);
	mc_json_str(j, "program", p->name);
	put_time(j, "first_sample_ms", p->first_ms);
	put_time(j, "last_sample_ms", p->last_ms);
	mc_json_int(j, "processes", (int64_t)p->processes);
	put_bytes(j, "private_bytes", sum(p->anon, p->swap));
	put_bytes(j, "anon_bytes", p->anon);
	put_bytes(j, "swap_bytes", p->swap);
	put_bytes(j, "shmem_bytes", p->shmem);
	put_bytes(j, "rss_bytes", p->rss);
	mc_json_num(j, "growth_bytes_per_second", p->growth);
	put_bytes(j, "grown_bytes", p->grown);
	put_running(j, p);
	put_time(j, "last_deploy_ms", p->last_deploy_ms);
	mc_json_str(j, "verdict", p->verdict);
	mc_json_str(j, "state", p->state);
	mc_json_str(j, "signal", p->signal);
	put_time(j, "answer_ms", p->answer_ms);
	put_time(j, "onset_ms", p->onset_ms);
	put_time(j, "exhaustion_ms", p->exhaustion_ms);
	put_culprit(j, p);
	mc_json_str(j, "fixed_by", p->fixed_by);
	mc_json_close(j);
}

static void put_host(struct mc_json *j, const struct mc_host_status *h)
{
	if (h->t_ms == MC_NO_TIME) {
		mc_json_null(j, "host");
		return;
	}
	mc_json_object(j, "host");
	put_time(j, "unix_ms", h->t_ms);
	mc_json_num(j, "blocked", h->blocked);
	mc_json_num(j, "running", h->running);
	mc_json_num(j, "iowait_ratio", h->iowait_ratio);
	mc_json_num(j, "swap_in_bytes_per_second", h->swap_in_bytes);
	mc_json_num(j, "swap_out_bytes_per_second", h->swap_out_bytes);
	put_bytes(j, "memory_total_bytes", h->memory_total);
	put_bytes(j, "memory_available_bytes", h->memory_available);
	put_bytes(j, "swap_total_bytes", h->swap_total);
	put_bytes(j, "swap_free_bytes", h->swap_free);
	mc_json_num(j, "memory_pressure_ratio", h->memory_pressure);
	mc_json_num(j, "io_pressure_ratio", h->io_pressure);
	mc_json_num(j, "cpu_pressure_ratio", h->cpu_pressure);
	mc_json_str(j, "text", h->text);
	mc_json_close(j);
}

void mc_status_json(struct mc_json *j, const char *key, const struct mc_status *st)
{
	mc_json_object(j, key);
	mc_json_int(j, "schema", 1);
	put_time(j, "as_of_ms", st->as_of_ms);
	put_host(j, &st->host);
	mc_json_array(j, "programs");
	for (size_t i = 0; i < st->n; i++)
		mc_program_status_json(j, NULL, &st->programs[i]);
	mc_json_close(j);
	mc_json_str(j, "short_lives", st->short_lives);
	mc_json_str(j, "notice", st->notice);
	mc_json_close(j);
}

static void put_count(struct mc_json *j, const char *key, uint32_t v, bool known)
{
	if (known)
		mc_json_int(j, key, v);
	else
		mc_json_null(j, key);
}

void mc_deploy_json(struct mc_json *j, const char *key, const struct mc_deploy_view *v)
{
	mc_json_object(j, key);
	put_stored_deploy(j, v->program, &v->row);
	put_time(j, "replaced_ms", v->until_ms);
	put_bytes(j, "private_bytes_after", v->memory_after);
	mc_json_num(j, "growth_bytes_per_second_after", v->growth_after);
	mc_json_num(j, "probability", v->probability);
	if (v->kind)
		mc_json_str(j, "kind", v->kind);
	else
		mc_json_null(j, "kind");
	put_count(j, "processes", v->processes, v->processes_of);
	put_count(j, "processes_of", v->processes_of, v->processes_of);
	mc_json_bool(j, "culprit", v->culprit);
	mc_json_bool(j, "fix", v->fix);
	mc_json_close(j);
}

void mc_deploys_json(struct mc_json *j, const char *key, const struct mc_deploys *d)
{
	mc_json_object(j, key);
	mc_json_int(j, "schema", 1);
	mc_json_array(j, "deploys");
	for (size_t i = 0; i < d->n; i++)
		mc_deploy_json(j, NULL, &d->views[i]);
	mc_json_close(j);
	mc_json_close(j);
}
