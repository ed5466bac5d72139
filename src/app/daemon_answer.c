/* New answers, from the analysis worker or a reader that asked: the loop stores them, with what the store should keep of lives, and
 * tells the snapshot, the metrics and the sampler. So what one shows all show. */
#include "daemon_parts.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "json_take.h"
#include "scenario.h"

enum { MAX_SUSPECTS = 64, KEEP_AT_ONCE = 64 };

struct news {
	const struct new_answer *from;
	struct answer_batch *waiting; /* comes first */
	struct answer_figures figures;
	const char *json;
	const struct mc_life_data *keep;
	size_t nkeep;
};

bool answer_is_suspect(const char *verdict, const char *state)
{
	bool growth = verdict && (strcmp(verdict, "leak") == 0 || strcmp(verdict, "step") == 0);
	return growth && !(state && strcmp(state, "fixed") == 0);
}

/* The sampler reads more of what grows. */
static void tell_suspects(struct daemon *d)
{
	const char *names[MAX_SUSPECTS];
	struct mc_error err;
	size_t n = 0;
	for (size_t i = 0; i < d->nprograms && n < MAX_SUSPECTS; i++) {
		const struct answer_figures *a = &d->programs[i].answer;
		if (d->programs[i].alive && a->verdict && strcmp(a->verdict, "leak") == 0 && a->state && strcmp(a->state, "active") == 0)
			names[n++] = d->programs[i].name;
	}
	if (n == 0 && d->nsuspects == 0)
		return;
	if (mc_sampler_suspects(d->sampler, names, n, &err) < 0)
		daemon_trouble(d, AT_SAMPLE, &err);
	d->nsuspects = n;
}

static void take_figures(struct program *p, struct answer_figures *f)
{
	free(p->answer.culprit_version);
	free(p->answer.culprit_commit);
	p->answer = *f;
	f->culprit_version = f->culprit_commit = NULL;
}

static void take_answer(struct daemon *d, int64_t program, struct answer_figures *f)
{
	for (size_t i = 0; i < d->nprograms; i++)
		if (d->programs[i].id == program && d->programs[i].name) {
			take_figures(&d->programs[i], f);
			return;
		}
}

static void take_waiting(struct daemon *d, struct answer_batch *b)
{
	for (size_t i = 0; b && i < b->n; i++)
		take_answer(d, b->v[i].program, &b->v[i].figures);
}

static int take_batch(struct daemon *d, void *arg, struct mc_error *err)
{
	(void)err;
	daemon_well(d, AT_ANALYSIS);
	take_waiting(d, arg);
	tell_suspects(d);
	return 0;
}

static int take_news(struct daemon *d, void *arg, struct mc_error *err)
{
	struct news *n = arg;
	daemon_well(d, AT_ANALYSIS);
	take_waiting(d, n->waiting);
	take_answer(d, n->from->program, &n->figures);
	tell_suspects(d);
	int rc = n->json && d->store ? mc_store_answer_put(d->store, n->from->program, n->from->t_ms, n->json, err) : 0;
	if (rc == 0 && n->nkeep && d->store)
		rc = mc_store_lives_put(d->store, n->keep, n->nkeep, err);
	if (rc < 0)
		daemon_trouble(d, AT_STORE, err);
	return rc;
}

static int take_failure(struct daemon *d, void *arg, struct mc_error *err)
{
	(void)err;
	daemon_trouble(d, AT_ANALYSIS, arg);
	return 0;
}

void answer_failed(struct daemon_shared *s, struct mc_error *why)
{
	struct mc_error err;
	daemon_call(s, take_failure, why, &err);
}

static int figures_of(const struct mc_blame *b, int64_t t, struct answer_figures *ret, struct mc_error *err)
{
	const struct mc_answer *a = &b->answer;
	bool growth = a->verdict == MC_VERDICT_LEAK || a->verdict == MC_VERDICT_STEP;
	*ret = (struct answer_figures){ .as_of_ms = t, .onset_ms = a->onset_ms, .exhaustion_ms = a->exhaustion_ms,
		.verdict = mc_verdict_name(a->verdict), .state = mc_state_name(a->state), .signal = mc_signal_name(a->signal),
		.growth = growth ? (isfinite(a->slope_now) ? a->slope_now : a->slope_after) : (double)NAN, .probability = (double)NAN };
	if (a->culprit == MC_NO_DEPLOY)
		return 0;
	const struct mc_candidate *c = &a->candidates[a->culprit];
	const struct mc_deploy_mark *m = &b->scenario.c.deploys[c->deploy];
	ret->probability = c->probability;
	ret->culprit_version = mc_strdup(m->version);
	ret->culprit_commit = mc_strdup(m->commit);
	if (ret->culprit_version && ret->culprit_commit)
		return 0;
	free(ret->culprit_version);
	free(ret->culprit_commit);
	ret->culprit_version = ret->culprit_commit = NULL;
	return mc_nomem(err, "an answer");
}

int answer_json(const struct mc_blame *b, struct mc_buf *out, struct mc_error *err)
{
	struct mc_json *j = mc_json_new();
	if (!j)
		return mc_nomem(err, "an answer");
	mc_blame_json(j, NULL, b);
	int rc = mc_json_text(j, MC_JSON_COMPACT, out, err);
	mc_json_free(j);
	return rc;
}

static void release_figures(struct answer_figures *f)
{
	free(f->culprit_version);
	free(f->culprit_commit);
	f->culprit_version = f->culprit_commit = NULL;
}

/* What the loop did not take. */
static void empty(struct answer_batch *b)
{
	for (size_t i = 0; b && i < b->n; i++)
		release_figures(&b->v[i].figures);
	if (b)
		b->n = 0;
}

void answer_flush(struct daemon_shared *s, struct answer_batch *batch)
{
	struct mc_error err;
	if (batch->n)
		daemon_call(s, take_batch, batch, &err);
	empty(batch);
}

int answer_hand_over(struct daemon_shared *s, const struct new_answer *a, struct answer_batch *batch, struct mc_error *err)
{
	struct mc_life_data keep[KEEP_AT_ONCE];
	struct mc_buf json = { 0 };
	struct news n = { .from = a, .waiting = batch, .keep = keep, .nkeep = case_to_keep(&a->blame->scenario, keep, KEEP_AT_ONCE) };
	int rc = figures_of(a->blame, a->t_ms, &n.figures, err);
	if (rc == 0 && batch && !a->store && !n.nkeep && batch->n < ANSWERS_WAIT) {
		batch->v[batch->n++] = (struct waiting_answer){ a->program, n.figures };
		return 0;
	}
	if (rc == 0 && a->store)
		rc = answer_json(a->blame, &json, err);
	n.json = a->store ? mc_buf_text(&json) : NULL;
	if (rc == 0) {
		rc = daemon_call(s, take_news, &n, err);
		empty(batch); /* taken, whatever storing met */
	}
	release_figures(&n.figures);
	mc_buf_release(&json);
	return rc;
}

/* ---- what the daemon before this one found ---- */

static const char *name_of(const struct mc_jsonv *v, const char *key, const char *(*name)(int), int n)
{
	const char *s = mc_jsonv_str(mc_jsonv_get(v, key));
	for (int i = 0; s && i < n; i++)
		if (name(i) && strcmp(name(i), s) == 0)
			return name(i);
	return NULL;
}

static const char *verdict(int i)
{
	return mc_verdict_name((enum mc_verdict)i);
}

static const char *state(int i)
{
	return mc_state_name((enum mc_state)i);
}

static const char *signal_(int i)
{
	return mc_signal_name((enum mc_signal)i);
}

static void figures_from(const struct mc_jsonv *v, int64_t as_of, struct answer_figures *ret)
{
	const struct mc_jsonv *culprit = mc_jsonv_get(v, "culprit");
	const char *version = mc_jsonv_str(mc_jsonv_get(culprit, "version")), *commit = mc_jsonv_str(mc_jsonv_get(culprit, "commit"));
	*ret = (struct answer_figures){ .as_of_ms = as_of, .onset_ms = take_time(v, "onset_ms"), .exhaustion_ms = take_time(v, "exhaustion_ms"),
		.verdict = name_of(v, "verdict", verdict, MC_VERDICT_INSUFFICIENT + 1), .state = name_of(v, "state", state, MC_STATE_FIXED + 1),
		.signal = name_of(v, "signal", signal_, MC_SIGNAL_PROCESSES + 1), .probability = take_number(culprit, "probability"),
		.growth = take_growth(v) };
	if (version || commit) {
		ret->culprit_version = mc_strdup(version ? version : "");
		ret->culprit_commit = mc_strdup(commit ? commit : "");
	}
	bool growth = ret->verdict && (strcmp(ret->verdict, "leak") == 0 || strcmp(ret->verdict, "step") == 0);
	ret->growth = growth ? ret->growth : (double)NAN;
}

void answer_remember(struct daemon *d, struct program *p)
{
	struct mc_buf text = { 0 };
	struct mc_jsondoc *doc = NULL;
	struct answer_figures f;
	int64_t as_of = 0;
	if (mc_store_answer_get(d->store, p->id, &as_of, &text, NULL) == 0 &&
		mc_jsondoc_parse(mc_buf_text(&text), text.len, SIZE_MAX, &doc, NULL) == 0) {
		figures_from(mc_jsondoc_root(doc), as_of, &f);
		if (f.verdict)
			take_figures(p, &f);
		free(f.culprit_version);
		free(f.culprit_commit);
	}
	mc_jsondoc_free(doc);
	mc_buf_release(&text);
}
