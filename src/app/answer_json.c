/* The answer as the object of docs/schema/blame.json; command line and HTTP both print this. */
#include "memculprit/app.h"

#include "json_put.h"

#include <math.h>
#include <string.h>

static void put_deploy_fields(struct mc_json *j, const struct mc_case *c, size_t deploy, int64_t first_seen)
{
	const struct mc_deploy_mark *d = &c->deploys[deploy];
	put_release(j, d->version, d->commit);
	mc_json_int(j, "deployed_ms", d->unix_ms);
	put_time(j, "first_seen_ms", first_seen);
}

static void put_candidate(struct mc_json *j, const char *key, const struct mc_case *c, const struct mc_candidate *k)
{
	mc_json_object(j, key);
	put_deploy_fields(j, c, k->deploy, k->first_seen_ms);
	mc_json_num(j, "probability", k->probability);
	mc_json_close(j);
}

static void put_deploy(struct mc_json *j, const char *key, const struct mc_case *c, size_t deploy, int64_t first_seen)
{
	if (deploy == MC_NO_DEPLOY) {
		mc_json_null(j, key);
		return;
	}
	mc_json_object(j, key);
	put_deploy_fields(j, c, deploy, first_seen);
	mc_json_close(j);
}

static bool seen_before(const struct mc_case *c, size_t i)
{
	for (size_t k = 0; k < i; k++)
		if (strcmp(c->lives[k].host, c->lives[i].host) == 0)
			return true;
	return false;
}

static void put_hosts(struct mc_json *j, const struct mc_case *c)
{
	enum { HOSTS_MAX = 100 };
	size_t n = 0;
	mc_json_array(j, "hosts");
	for (size_t i = 0; i < c->nlives && n < HOSTS_MAX; i++) {
		/* lives of one host mostly follow each other */
		if (c->lives[i].host[0] == '\0' || (i > 0 && strcmp(c->lives[i].host, c->lives[i - 1].host) == 0) || seen_before(c, i))
			continue;
		mc_json_str(j, NULL, c->lives[i].host);
		n++;
	}
	mc_json_close(j);
}

static void put_growth(struct mc_json *j, const struct mc_answer *a)
{
	put_time(j, "onset_ms", a->onset_ms);
	put_time(j, "onset_lo_ms", a->onset_lo_ms);
	put_time(j, "onset_hi_ms", a->onset_hi_ms);
	mc_json_object(j, "slope_bytes_per_second");
	mc_json_num(j, "before", a->slope_before);
	mc_json_num(j, "after", a->slope_after);
	mc_json_num(j, "after_lo", a->slope_after_lo);
	mc_json_num(j, "after_hi", a->slope_after_hi);
	mc_json_num(j, "now", a->slope_now);
	mc_json_close(j);
	mc_json_num(j, "bytes_per_request", a->bytes_per_request);
	put_bytes(j, "grown_bytes", a->grown_bytes);
	put_time(j, "exhaustion_ms", a->exhaustion_ms);
	put_time(j, "exhaustion_lo_ms", a->exhaustion_lo_ms);
	put_time(j, "exhaustion_hi_ms", a->exhaustion_hi_ms);
	put_bytes(j, "ceiling_bytes", a->ceiling_bytes);
	put_time(j, "look_again_ms", a->look_again_ms);
}

static void put_candidates(struct mc_json *j, const struct mc_case *c, const struct mc_answer *a)
{
	if (a->culprit == MC_NO_DEPLOY)
		mc_json_null(j, "culprit");
	else
		put_candidate(j, "culprit", c, &a->candidates[a->culprit]);
	mc_json_array(j, "candidates");
	for (size_t i = 0; i < a->ncandidates; i++)
		put_candidate(j, NULL, c, &a->candidates[i]);
	mc_json_close(j);
	mc_json_num(j, "not_a_deploy_probability", a->not_a_deploy);
	mc_json_num(j, "no_change_probability", a->no_change);
	put_time(j, "ambiguous_until_ms", a->ambiguous_until_ms);
}

static void put_end(struct mc_json *j, const struct mc_case *c, const struct mc_answer *a)
{
	put_deploy(j, "fixed_by", c, a->fixed_by, a->fixed_first_seen_ms);
	put_time(j, "stopped_ms", a->stopped_ms);
	put_time(j, "stopped_lo_ms", a->stopped_lo_ms);
	put_time(j, "stopped_hi_ms", a->stopped_hi_ms);
	mc_json_array(j, "episodes");
	for (size_t i = 0; i < a->nepisodes; i++) {
		const struct mc_episode *e = &a->episodes[i];
		mc_json_object(j, NULL);
		mc_json_str(j, "verdict", mc_verdict_name(e->verdict));
		put_deploy(j, "culprit", c, e->culprit, MC_NO_TIME);
		put_time(j, "onset_ms", e->onset_ms);
		put_time(j, "stopped_ms", e->stopped_ms);
		put_deploy(j, "fixed_by", c, e->fixed_by, MC_NO_TIME);
		mc_json_bool(j, "reduced", e->reduced);
		mc_json_num(j, "process_bytes_per_second", e->slope > 0 ? e->slope : (double)NAN);
		mc_json_close(j);
	}
	mc_json_close(j);
}

static void put_evidence(struct mc_json *j, const struct mc_answer *a)
{
	mc_json_array(j, "evidence");
	for (size_t i = 0; i < a->nevidence; i++) {
		mc_json_object(j, NULL);
		mc_json_str(j, "kind", a->evidence[i].kind);
		mc_json_str(j, "text", a->evidence[i].text);
		mc_json_bool(j, "ruled_out", a->evidence[i].against);
		mc_json_close(j);
	}
	mc_json_close(j);
}

static void put_places(struct mc_json *j, const struct mc_commit *k)
{
	mc_json_array(j, "places");
	for (size_t i = 0; i < k->nplaces; i++) {
		const struct mc_place *p = &k->places[i];
		mc_json_object(j, NULL);
		mc_json_str(j, "path", p->path);
		mc_json_int(j, "line", p->line);
		mc_json_str(j, "function", p->function);
		mc_json_str(j, "reason", p->reason);
		mc_json_str(j, "text", p->text);
		mc_json_close(j);
	}
	mc_json_close(j);
}

void mc_changes_json(struct mc_json *j, const struct mc_changes *c)
{
	mc_json_array(j, "commits");
	for (size_t i = 0; i < c->ncommits; i++) {
		const struct mc_commit *k = &c->commits[i];
		mc_json_object(j, NULL);
		mc_json_str(j, "commit", k->id);
		mc_json_str(j, "subject", k->subject);
		mc_json_str(j, "author", k->author);
		put_time(j, "author_ms", k->author_ms);
		put_time(j, "commit_ms", k->commit_ms);
		mc_json_int(j, "files", (int64_t)k->files);
		mc_json_int(j, "added", (int64_t)k->added);
		mc_json_int(j, "removed", (int64_t)k->removed);
		put_places(j, k);
		mc_json_close(j);
	}
	mc_json_close(j);
	mc_json_str(j, "from_commit", c->from);
	mc_json_str(j, "to_commit", c->to);
	mc_json_str(j, "commits_note", c->note && c->note[0] ? c->note : NULL);
}

static void put_commits(struct mc_json *j, const struct mc_blame *b)
{
	if (b->has_changes) {
		mc_changes_json(j, &b->changes);
		return;
	}
	mc_json_null(j, "commits");
	mc_json_null(j, "from_commit");
	mc_json_null(j, "to_commit");
	mc_json_str(j, "commits_note", b->changes_note);
}

/* The same in one sentence, times in UTC. */
static void put_text(struct mc_json *j, const struct mc_case *c, const struct mc_answer *a)
{
	struct mc_buf text = { 0 };
	mc_answer_sentence(c, a, true, &text);
	mc_json_str(j, "text", text.failed ? NULL : mc_buf_text(&text));
	mc_buf_release(&text);
}

void mc_blame_json(struct mc_json *j, const char *key, const struct mc_blame *b)
{
	const struct mc_case *c = &b->scenario.c;
	const struct mc_answer *a = &b->answer;
	mc_json_object(j, key);
	mc_json_int(j, "schema", 1);
	mc_json_str(j, "program", c->program);
	put_hosts(j, c);
	mc_json_int(j, "as_of_ms", a->as_of_ms);
	mc_json_str(j, "verdict", mc_verdict_name(a->verdict));
	mc_json_str(j, "state", mc_state_name(a->state));
	mc_json_str(j, "signal", mc_signal_name(a->signal));
	put_growth(j, a);
	put_candidates(j, c, a);
	put_end(j, c, a);
	put_evidence(j, a);
	put_text(j, c, a);
	put_commits(j, b);
	mc_json_close(j);
}
