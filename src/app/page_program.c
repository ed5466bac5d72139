/* The page of one program: its answer as JSON, its curves and its deploys, as plain structs for the page. */
#include "deploys.h"
#include "page.h"

#include "json_take.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { PROCESSES = 8, EVIDENCE_MAX = 100, COMMITS_MAX = 200, PLACES_MAX = 400, DEPLOYS_MAX = 200, DIFF_MAX = 65536 };

/* All that the page points into. */
struct parts {
	struct mc_page_detail d;
	struct mc_jsondoc *answer;
	struct api_curves curves;
	struct mc_status status;
	struct mc_deploys deploys;
	struct mc_page_evidence evidence[EVIDENCE_MAX];
	struct mc_page_commit commits[COMMITS_MAX];
	struct mc_page_place places[PLACES_MAX];
	struct mc_page_deploy shown[DEPLOYS_MAX];
	char next[300];
};

_Static_assert(MC_PAGE_NO_TIME == MC_NO_TIME, "times are handed on as they are");

static const char *text_of(const struct mc_jsonv *v, const char *key)
{
	return mc_jsonv_str(mc_jsonv_get(v, key));
}

static const char *name_of(const struct mc_jsonv *deploy)
{
	const char *version = text_of(deploy, "version"), *commit = text_of(deploy, "commit");
	return version && version[0] ? version : commit && commit[0] ? commit : NULL;
}

/* ---- the answer ---- */

static void take_figures(struct parts *p, const struct mc_jsonv *v)
{
	struct mc_page_detail *d = &p->d;
	const struct mc_jsonv *slope = mc_jsonv_get(v, "slope_bytes_per_second"), *culprit = mc_jsonv_get(v, "culprit");
	const char *state = text_of(v, "state");
	bool fixed = state && strcmp(state, "fixed") == 0;
	d->as_of_ms = take_time(v, "as_of_ms");
	d->signal = text_of(v, "signal");
	d->onset_lo_ms = take_time(v, "onset_lo_ms");
	d->onset_hi_ms = take_time(v, "onset_hi_ms");
	d->slope_before = take_number(slope, "before");
	/* the interval is of the culprit's release, and shown beside what grows now */
	double after = take_number(slope, "after");
	bool another = fixed || fabs(take_growth(v) - after) > .01 * after;
	d->slope_lo = another ? (double)NAN : take_number(slope, "after_lo");
	d->slope_hi = another ? (double)NAN : take_number(slope, "after_hi");
	d->grown_bytes = take_number(v, "grown_bytes");
	d->stopped_ms = take_time(v, "stopped_ms");
	d->stopped_lo_ms = take_time(v, "stopped_lo_ms");
	d->stopped_hi_ms = take_time(v, "stopped_hi_ms");
	d->fixed_by = name_of(mc_jsonv_get(v, "fixed_by"));
	d->exhaustion_lo_ms = take_time(v, "exhaustion_lo_ms");
	d->exhaustion_hi_ms = take_time(v, "exhaustion_hi_ms");
	d->ambiguous_until_ms = take_time(v, "ambiguous_until_ms");
	d->not_a_deploy = take_number(v, "not_a_deploy_probability");
	d->no_change = take_number(v, "no_change_probability");
	d->program.answer = text_of(v, "text");
	d->program.verdict = text_of(v, "verdict");
	d->program.state = state;
	d->program.onset_ms = take_time(v, "onset_ms");
	d->program.exhaustion_ms = d->program.gone_ms ? MC_PAGE_NO_TIME : take_time(v, "exhaustion_ms");
	d->program.growth = fixed ? (double)NAN : take_growth(v);
	d->program.growth_of_processes = d->signal && strcmp(d->signal, "processes") == 0;
	d->program.culprit = name_of(culprit);
	d->program.probability = take_number(culprit, "probability");
}

static void take_evidence(struct parts *p, const struct mc_jsonv *list)
{
	for (size_t i = 0; i < mc_jsonv_count(list) && i < EVIDENCE_MAX; i++) {
		const struct mc_jsonv *e = mc_jsonv_at(list, i);
		p->evidence[i] = (struct mc_page_evidence){ .kind = text_of(e, "kind"), .text = text_of(e, "text") };
		(void)mc_jsonv_bool(mc_jsonv_get(e, "ruled_out"), &p->evidence[i].against);
		p->d.nevidence = i + 1;
	}
	p->d.evidence = p->evidence;
}

static size_t count_of(const struct mc_jsonv *v, const char *key)
{
	int64_t n;
	return mc_jsonv_int(mc_jsonv_get(v, key), &n) && n > 0 ? (size_t)n : 0;
}

static void take_commits(struct parts *p, const struct mc_jsonv *v)
{
	const struct mc_jsonv *list = mc_jsonv_get(v, "commits");
	size_t used = 0;
	for (size_t i = 0; i < mc_jsonv_count(list) && i < COMMITS_MAX; i++) {
		const struct mc_jsonv *k = mc_jsonv_at(list, i), *places = mc_jsonv_get(k, "places");
		struct mc_page_commit *c = &p->commits[i];
		*c = (struct mc_page_commit){ .id = text_of(k, "commit"), .subject = text_of(k, "subject"), .author = text_of(k, "author"),
			.files = count_of(k, "files"), .added = count_of(k, "added"), .removed = count_of(k, "removed"), .places = &p->places[used] };
		for (size_t m = 0; m < mc_jsonv_count(places) && used < PLACES_MAX; m++, used++) {
			const struct mc_jsonv *at = mc_jsonv_at(places, m);
			p->places[used] = (struct mc_page_place){ .path = text_of(at, "path"), .function = text_of(at, "function"), .reason = text_of(at, "reason"),
				.text = text_of(at, "text"), .line = (int)count_of(at, "line") };
			c->nplaces++;
		}
		p->d.ncommits = i + 1;
	}
	p->d.commits = p->commits;
	p->d.commits_note = text_of(v, "commits_note");
}

/* Only names that a shell takes as they stand are pasted. */
static void say_next(struct parts *p)
{
	const struct mc_page_detail *d = &p->d;
	const char *name = d->program.name, *what = NULL;
	bool active = d->program.state && strcmp(d->program.state, "active") == 0;
	if (!name[0] || strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.@:/+-") != strlen(name) || name[0] == '-')
		return;
	if (active && d->ncommits)
		what = "diff";
	else if (active)
		what = "deploys";
	if (what)
		snprintf(p->next, sizeof p->next, "memculprit %s %.200s", what, name);
	p->d.next = what ? p->next : NULL;
}

/* ---- deploys ---- */

static bool is_about(const struct mc_jsonv *v, const struct mc_deploy_row *d)
{
	const char *version = text_of(v, "version"), *commit = text_of(v, "commit");
	return take_time(v, "deployed_ms") == d->unix_ms && version && strcmp(version, d->version) == 0 && commit && strcmp(commit, d->commit) == 0;
}

/* The list was held against the stored answer; the one on the page may be newer. */
static void mark_deploy(struct mc_page_deploy *shown, const struct mc_deploy_row *row, const struct mc_jsonv *answer)
{
	const struct mc_jsonv *candidates = mc_jsonv_get(answer, "candidates");
	shown->probability = (double)NAN;
	for (size_t i = 0; i < mc_jsonv_count(candidates); i++)
		if (is_about(mc_jsonv_at(candidates, i), row))
			shown->probability = take_number(mc_jsonv_at(candidates, i), "probability");
	shown->culprit = is_about(mc_jsonv_get(answer, "culprit"), row);
	shown->fix = is_about(mc_jsonv_get(answer, "fixed_by"), row);
}

static void take_deploys(struct parts *p, const struct mc_jsonv *answer)
{
	const struct mc_deploys *all = &p->deploys;
	size_t first = all->n > DEPLOYS_MAX ? all->n - DEPLOYS_MAX : 0;
	for (size_t i = first; i < all->n; i++) {
		const struct mc_deploy_view *v = &all->views[i];
		p->shown[i - first] = (struct mc_page_deploy){ .deployed_ms = v->row.unix_ms,
			.first_seen_ms = v->row.first_seen_ms ? v->row.first_seen_ms : MC_PAGE_NO_TIME, .version = v->row.version, .commit = v->row.commit,
			.how = v->row.source, .memory_after = v->memory_after, .growth_after = v->growth_after, .growth_of_processes = v->growth_of_processes };
		mark_deploy(&p->shown[i - first], &v->row, answer);
	}
	p->d.ndeploys = all->n - first;
	p->d.deploys = p->shown;
}

/* ---- the diff, kept: it takes a while and is asked for every ten seconds ---- */

static int read_diff(struct api *a, const char *repository, const char *from, const char *to)
{
	struct mc_repo *repo = NULL;
	int rc = mc_repo_open(repository, &repo, NULL);
	if (rc == 0)
		rc = mc_repo_diff_text(repo, from, to, DIFF_MAX, &a->diff, NULL);
	mc_repo_close(repo);
	return rc;
}

/* The page is complete without it, so what goes wrong is not said here: the note of the commits says it. */
static void take_diff(struct api *a, struct parts *p, const struct mc_jsonv *v)
{
	const char *from = text_of(v, "from_commit"), *to = text_of(v, "to_commit");
	const struct shared_config *cfg = shared_config_get(a->shared);
	struct mc_store *s = NULL;
	struct mc_buf key = { 0 };
	char *repository = NULL;
	if (from && to && api_store(a, &s, NULL) == 0 && deploys_repository(s, &cfg->c, p->d.program.name, &repository, NULL) == 0) {
		mc_buf_printf(&key, "%s %s %s", repository, from, to);
		if (!a->diff_key || strcmp(a->diff_key, mc_buf_text(&key)) != 0) {
			mc_buf_release(&a->diff);
			free(a->diff_key);
			a->diff_key = read_diff(a, repository, from, to) == 0 ? mc_strdup(mc_buf_text(&key)) : NULL;
		}
		p->d.diff = a->diff_key ? mc_buf_text(&a->diff) : NULL;
	}
	mc_buf_release(&key);
	free(repository);
	shared_config_put(cfg);
}

/* ---- all together ---- */

/* since and until of the page are start and end of the series. */
static const char *page_arg(const void *handle, const char *name)
{
	const struct mc_request *rq = handle;
	return api_arg(rq, strcmp(name, "start") == 0 ? "since" : strcmp(name, "end") == 0 ? "until" : name);
}

static int read_answer(struct api *a, const struct mc_request *rq, struct parts *p, const char *program, struct mc_error *err)
{
	struct mc_buf text = { 0 };
	int rc = api_answer_text(a, program, api_arg(rq, "as_of"), &text, err);
	if (rc == 0)
		rc = mc_jsondoc_parse(mc_buf_text(&text), text.len, SIZE_MAX, &p->answer, err);
	mc_buf_release(&text);
	return rc;
}

static int read_parts(struct api *a, const struct mc_request *rq, struct parts *p, const char *program, struct mc_error *err)
{
	struct mc_store *s = NULL;
	const struct mc_request spans = { .handle = rq, .arg = page_arg };
	int rc = api_store(a, &s, err);
	const struct shared_config *cfg = shared_config_get(a->shared);
	if (rc == 0 && (rc = mc_status_read(s, &cfg->c, program, &p->status, err)) == 0)
		rc = mc_deploys_read(s, &cfg->c, program, &p->deploys, err);
	shared_config_put(cfg);
	if (rc == 0 && (rc = read_answer(a, rq, p, program, err)) == 0)
		rc = api_curves_read(a, &spans, program, PROCESSES, &p->curves, err);
	return rc;
}

static int make_page(struct api *a, const struct mc_request *rq, struct parts *p, const char *program, struct mc_reply *reply, struct mc_error *err)
{
	int rc = read_parts(a, rq, p, program, err);
	if (rc < 0)
		return rc;
	const struct mc_jsonv *answer = mc_jsondoc_root(p->answer);
	page_take_status(&p->d.program, &p->status.programs[0]);
	p->d.page.host_line = p->d.page.host_line ? p->d.page.host_line : p->status.host.text;
	page_take_last(&p->d.program, &p->curves.memory);
	take_figures(p, answer);
	take_evidence(p, mc_jsonv_get(answer, "evidence"));
	take_commits(p, answer);
	take_deploys(p, answer);
	take_diff(a, p, answer);
	say_next(p);
	p->d.span = p->curves.span;
	p->d.since = api_arg(rq, "since");
	p->d.nseries = p->curves.n;
	p->d.series = p->curves.v;
	return mc_page_program(&p->d, reply, err);
}

int page_program(struct api *a, const struct mc_request *rq, const char *program, struct mc_reply *reply)
{
	struct mc_error err = { 0 };
	const struct snapshot *now = snapshot_get(a->shared);
	struct parts *p = calloc(1, sizeof *p);
	int rc = MC_ENOMEM;
	if (p) {
		page_base(a, now, &p->d.page);
		rc = make_page(a, rq, p, program, reply, &err);
		if (rc < 0) {
			mc_buf_release(&reply->body);
			rc = page_fail(&p->d.page, &err, reply);
		}
		mc_jsondoc_free(p->answer);
		api_curves_release(&p->curves);
		mc_status_release(&p->status);
		mc_deploys_release(&p->deploys);
		free(p);
	}
	snapshot_put(now);
	return rc;
}
