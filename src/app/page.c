/* The page of all programs, and what both pages share. */
#include "page.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "config.h"

enum { STALE_MS = 60000, STALE_TICKS = 3, SPARK = 60, SPARK_SPAN_MS = 24 * 3600 * 1000 };

void page_base(const struct api *a, const struct snapshot *now, struct mc_page *ret)
{
	*ret = (struct mc_page){ .now_ms = mc_now_ms(), .version = PACKAGE_VERSION, .telemetry_path = a->shared->telemetry_path,
		.host_line = now ? now->host_line : NULL, .notice = now ? now->notice : NULL };
	int64_t late = now ? STALE_TICKS * now->interval_ms : 0;
	if (now && ret->now_ms - now->t_ms > (late > STALE_MS ? late : STALE_MS))
		ret->stale_ms = now->t_ms;
}

int page_fail(const struct mc_page *p, const struct mc_error *err, struct mc_reply *reply)
{
	int status = err->code == MC_ENOTFOUND ? 404 : err->code == MC_EUSAGE ? 400 : err->code == MC_EBUSY ? 503 : 500;
	return mc_page_error(p, status, err->text, reply, NULL);
}

void page_take_status(struct mc_page_program *p, const struct mc_program_status *st)
{
	const char *culprit = st->culprit_version && st->culprit_version[0] ? st->culprit_version : st->culprit_commit;
	const struct mc_running *runs = st->nrunning ? &st->running[0] : NULL;
	*p = (struct mc_page_program){ .name = st->name, .processes = (double)st->processes, .growth = st->growth, .verdict = st->verdict,
		.state = st->state, .culprit = culprit && culprit[0] ? culprit : NULL, .probability = st->culprit_probability,
		.growth_of_processes = st->signal && strcmp(st->signal, "processes") == 0, .onset_ms = st->onset_ms, .exhaustion_ms = st->exhaustion_ms };
	if (st->processes == 0) { /* nothing grows and nothing runs out any more */
		p->gone_ms = st->last_ms;
		p->exhaustion_ms = MC_PAGE_NO_TIME;
	}
	p->private_bytes = isfinite(st->anon) && isfinite(st->swap) ? st->anon + st->swap : st->anon;
	if (runs)
		p->version = runs->version[0] ? runs->version : runs->commit;
}

void page_take_last(struct mc_page_program *p, const struct mc_curves *c)
{
	for (size_t i = c->n; p->gone_ms && !isfinite(p->private_bytes) && i-- > 0;)
		p->private_bytes = c->priv[i];
}

/* ---- the index ---- */
struct extra { /* of one program, owned */
	struct mc_curves curves;
	struct mc_jsondoc *answer;
};

/* The sentence, of those that have something to say. */
static int take_answer(struct mc_store *s, const struct mc_program_status *st, struct extra *e, const char **ret, struct mc_error *err)
{
	struct mc_buf text = { 0 };
	int64_t as_of;
	if (!st->state)
		return 0;
	int rc = mc_store_answer_get(s, st->id, &as_of, &text, err);
	if (rc == 0)
		rc = mc_jsondoc_parse(mc_buf_text(&text), text.len, SIZE_MAX, &e->answer, err);
	mc_buf_release(&text);
	if (rc == 0)
		*ret = mc_jsonv_str(mc_jsonv_get(mc_jsondoc_root(e->answer), "text"));
	return rc == MC_ENOTFOUND ? 0 : rc;
}

static int take_spark(struct mc_store *s, const struct mc_program_status *st, struct extra *e, struct mc_page_program *p, struct mc_error *err)
{
	int64_t since = st->last_ms - SPARK_SPAN_MS;
	int rc = mc_curves_read(s, st->id, since < st->first_ms ? st->first_ms : since, st->last_ms, SPARK, &e->curves, err);
	if (rc == 0) {
		p->nspark = e->curves.n;
		p->spark = e->curves.priv;
		page_take_last(p, &e->curves);
	}
	return rc;
}

static int fill_index(struct mc_store *s, const struct mc_status *st, struct mc_page *page, struct extra *extra, struct mc_page_program *p,
	struct mc_reply *reply, struct mc_error *err)
{
	int rc = 0;
	for (size_t i = 0; rc == 0 && i < st->n; i++) {
		page_take_status(&p[i], &st->programs[i]);
		rc = take_answer(s, &st->programs[i], &extra[i], &p[i].answer, err);
		if (rc == 0)
			rc = take_spark(s, &st->programs[i], &extra[i], &p[i], err);
	}
	page->nprograms = st->n;
	page->programs = p;
	page->host_line = page->host_line ? page->host_line : st->host.text;
	page->notice = page->notice ? page->notice : st->notice;
	return rc < 0 ? rc : mc_page_index(page, reply, err);
}

static int make_index(struct api *a, struct mc_page *page, struct mc_reply *reply, struct mc_error *err)
{
	struct mc_store *s = NULL;
	struct mc_status st = { 0 };
	int rc = api_store(a, &s, err);
	const struct shared_config *cfg = shared_config_get(a->shared);
	if (rc == 0)
		rc = mc_status_read(s, &cfg->c, NULL, &st, err);
	shared_config_put(cfg);
	struct mc_page_program *p = rc == 0 ? calloc(st.n + 1, sizeof *p) : NULL;
	struct extra *extra = rc == 0 ? calloc(st.n + 1, sizeof *extra) : NULL;
	if (rc == 0)
		rc = p && extra ? fill_index(s, &st, page, extra, p, reply, err) : mc_nomem(err, "the page");
	for (size_t i = 0; extra && i < st.n; i++) {
		mc_curves_release(&extra[i].curves);
		mc_jsondoc_free(extra[i].answer);
	}
	free(extra);
	free(p);
	mc_status_release(&st);
	return rc;
}

/* Once a tick, however many look. */
static int index_page(struct api *a, const struct snapshot *now, struct mc_page *page, struct mc_reply *reply, struct mc_error *err)
{
	int64_t tick = now ? now->t_ms : 0;
	int rc = 0;
	if (!tick || a->index_ms != tick || page->stale_ms) {
		rc = make_index(a, page, reply, err);
		a->index_ms = 0;
		mc_buf_release(&a->index);
		if (rc == 0) {
			mc_buf_add(&a->index, reply->body.data, reply->body.len);
			a->index_ms = a->index.failed ? 0 : tick;
		}
		return rc;
	}
	mc_buf_add(&reply->body, a->index.data, a->index.len);
	reply->status = 200;
	reply->content_type = "text/html; charset=utf-8";
	return mc_buf_check(&reply->body, err);
}

int api_page(struct api *a, const struct mc_request *rq, struct mc_reply *reply)
{
	struct mc_error err = { 0 };
	const char *program = api_arg(rq, "program");
	if (program)
		return page_program(a, rq, program, reply);
	const struct snapshot *now = snapshot_get(a->shared);
	struct mc_page page;
	page_base(a, now, &page);
	int rc = index_page(a, now, &page, reply, &err);
	if (rc < 0) {
		mc_buf_release(&reply->body);
		rc = page_fail(&page, &err, reply);
	}
	snapshot_put(now);
	return rc;
}
