/* What a plot of a program shows: its curve, its deploys, and when growth began. */
#include "memculprit/app.h"

#include "json_put.h"
#include "json_take.h"
#include "program.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static int read_answer(struct mc_store *s, const struct mc_program_row *row, struct mc_plot *p, struct mc_error *err)
{
	struct mc_buf text = { 0 };
	struct mc_jsondoc *doc = NULL;
	int rc = mc_answer_text(s, NULL, row, &text, err);
	if (rc == 0)
		rc = mc_jsondoc_parse(mc_buf_text(&text), text.len, SIZE_MAX, &doc, err);
	if (rc == 0) {
		const struct mc_jsonv *v = mc_jsondoc_root(doc);
		const char *signal = mc_jsonv_str(mc_jsonv_get(v, "signal")), *say = mc_jsonv_str(mc_jsonv_get(v, "text"));
		p->onset_ms = take_time(v, "onset_ms");
		p->onset_lo_ms = take_time(v, "onset_lo_ms");
		p->onset_hi_ms = take_time(v, "onset_hi_ms");
		p->signal = signal && strcmp(signal, "shmem") == 0 ? MC_SIGNAL_SHMEM : signal && strcmp(signal, "processes") == 0 ? MC_SIGNAL_PROCESSES :
			MC_SIGNAL_ANON;
		p->text = mc_strdup(say);
		if (say && !p->text)
			rc = mc_nomem(err, "an answer");
	}
	mc_jsondoc_free(doc);
	mc_buf_release(&text);
	return rc;
}

static int read_row(struct mc_store *s, const struct mc_program_row *row, const struct mc_plot_query *q, struct mc_plot *p, struct mc_error *err)
{
	p->program = mc_strdup(row->name);
	if (!p->program)
		return mc_nomem(err, "a name");
	if (row->incarnations == 0 || row->last_ms < row->first_ms)
		return mc_fail(err, MC_ENOTFOUND, 0, "no sample of %.100s is there yet", row->name);
	if (q->since_ms != MC_NO_TIME && q->since_ms > row->last_ms) {
		char since[MC_TIME_TEXT], last[MC_TIME_TEXT];
		return mc_fail(err, MC_ENOTFOUND, 0, "no sample of %.100s since %s; its last is of %s", row->name, mc_time_text(q->since_ms, false, since),
			mc_time_text(row->last_ms, false, last));
	}
	if (q->until_ms != MC_NO_TIME && q->until_ms < row->first_ms) {
		char until[MC_TIME_TEXT], first[MC_TIME_TEXT];
		return mc_fail(err, MC_ENOTFOUND, 0, "no sample of %.100s until %s; its first is of %s", row->name,
			mc_time_text(q->until_ms, false, until), mc_time_text(row->first_ms, false, first));
	}
	int rc = mc_curves_read(s, row->id, q->since_ms, q->until_ms, q->n, &p->curves, err);
	if (rc == 0)
		rc = mc_deploys_read(s, NULL, row->name, &p->deploys, err);
	return rc < 0 ? rc : read_answer(s, row, p, err);
}

int mc_plot_read(struct mc_store *s, const struct mc_plot_query *q, struct mc_plot *ret, struct mc_error *err)
{
	struct mc_program_row *rows = NULL;
	struct mc_plot p = { 0 };
	size_t n = 0, i = 0;
	int rc = mc_store_programs(s, &rows, &n, err);
	while (i < n && strcmp(rows[i].name, q->program) != 0)
		i++;
	if (rc == 0 && i == n)
		rc = program_unknown(q->program, err);
	if (rc == 0)
		rc = read_row(s, &rows[i], q, &p, err);
	mc_store_programs_free(rows, n);
	if (rc < 0)
		mc_plot_release(&p);
	else
		*ret = p;
	return rc;
}

void mc_plot_release(struct mc_plot *p)
{
	mc_curves_release(&p->curves);
	mc_deploys_release(&p->deploys);
	free(p->program);
	free(p->text);
	*p = (struct mc_plot){ 0 };
}

const double *mc_plot_values(const struct mc_plot *p)
{
	return p->signal == MC_SIGNAL_SHMEM ? p->curves.shmem : p->signal == MC_SIGNAL_PROCESSES ? p->curves.processes : p->curves.priv;
}

int mc_plot_svg(const struct mc_plot *p, bool utc, unsigned width, unsigned height, struct mc_buf *out, struct mc_error *err)
{
	const struct mc_curves *c = &p->curves;
	bool count = p->signal == MC_SIGNAL_PROCESSES;
	struct mc_page_deploy *marks = calloc(p->deploys.n + 1, sizeof *marks);
	if (!marks)
		return mc_nomem(err, "deploys");
	struct mc_curve curve = { .name = mc_signal_name(p->signal), .unit = count ? "count" : "bytes", .n = c->n, .t_ms = c->t_ms,
		.v = mc_plot_values(p) };
	size_t n = 0;
	for (size_t i = 0; i < p->deploys.n; i++) {
		const struct mc_deploy_view *v = &p->deploys.views[i];
		if (v->row.unix_ms < c->t_ms[0] || v->row.unix_ms > c->t_ms[c->n - 1])
			continue;
		marks[n++] = (struct mc_page_deploy){ .deployed_ms = v->row.unix_ms,
			.first_seen_ms = v->row.first_seen_ms ? v->row.first_seen_ms : MC_NO_TIME, .version = v->row.version, .commit = v->row.commit,
			.how = v->row.source, .probability = v->probability, .culprit = v->culprit, .fix = v->fix, .memory_after = v->memory_after,
			.growth_after = v->growth_after, .growth_of_processes = v->growth_of_processes };
	}
	int64_t step = (c->t_ms[c->n - 1] - c->t_ms[0]) / (int64_t)(c->n < 1000 ? c->n : 1000);
	struct mc_page_detail d = { .page = { .utc = utc }, .program = { .name = p->program, .answer = p->text, .onset_ms = p->onset_ms },
		.onset_lo_ms = p->onset_lo_ms, .onset_hi_ms = p->onset_hi_ms,
		.span = { .start_ms = c->t_ms[0], .end_ms = c->t_ms[c->n - 1] + 1, .step_ms = step > 0 ? step : 1 }, .nseries = 1, .series = &curve,
		.ndeploys = n, .deploys = marks };
	int rc = mc_svg_curve(&d, width, height, out, err);
	free(marks);
	return rc;
}

static void put_numbers(struct mc_json *j, const char *key, const double *v, size_t n)
{
	mc_json_array(j, key);
	for (size_t i = 0; i < n; i++)
		if (isfinite(v[i]))
			mc_json_int(j, NULL, (int64_t)llround(v[i]));
		else
			mc_json_null(j, NULL);
	mc_json_close(j);
}

void mc_plot_json(struct mc_json *j, const char *key, const struct mc_plot *p)
{
	const struct mc_curves *c = &p->curves;
	mc_json_object(j, key);
	mc_json_int(j, "schema", 1);
	mc_json_str(j, "program", p->program);
	mc_json_str(j, "signal", mc_signal_name(p->signal));
	put_time(j, "onset_ms", p->onset_ms);
	put_time(j, "onset_lo_ms", p->onset_lo_ms);
	put_time(j, "onset_hi_ms", p->onset_hi_ms);
	mc_json_array(j, "t_ms");
	for (size_t i = 0; i < c->n; i++)
		mc_json_int(j, NULL, c->t_ms[i]);
	mc_json_close(j);
	put_numbers(j, "private_bytes", c->priv, c->n);
	put_numbers(j, "shmem_bytes", c->shmem, c->n);
	put_numbers(j, "rss_bytes", c->rss, c->n);
	put_numbers(j, "processes", c->processes, c->n);
	mc_json_array(j, "deploys");
	for (size_t i = 0; i < p->deploys.n; i++)
		mc_deploy_json(j, NULL, &p->deploys.views[i]);
	mc_json_close(j);
	mc_json_close(j);
}
