/* The answer in words: the sentence, what follows from it, the evidence, the release, what to do next. */
#include "cli.h"

#include <math.h>
#include <string.h>

/* As it is read aloud. */
static const char *name_of(const struct mc_deploy_mark *d, char out[MC_TIME_TEXT])
{
	const char *name = mc_deploy_name(d);
	snprintf(out, MC_TIME_TEXT, "%.*s", mc_name_len(name, MC_TIME_TEXT - 1), name);
	return out;
}

static bool grows(const struct mc_answer *a)
{
	return a->verdict == MC_VERDICT_LEAK || a->verdict == MC_VERDICT_STEP;
}

static void say_end(struct cli *c, const struct mc_case *k, const struct mc_answer *a)
{
	struct mc_buf t = { 0 };
	char size[MC_TIME_TEXT], name[MC_TIME_TEXT];
	if (a->state == MC_STATE_FIXED) {
		if (a->fixed_by != MC_NO_DEPLOY)
			mc_buf_printf(&t, "%s ended it", name_of(&k->deploys[a->fixed_by], name));
		else
			mc_buf_str(&t, "It has ended, and no deploy is known that did it");
		if (a->stopped_ms != MC_NO_TIME) {
			mc_buf_str(&t, ": ");
			mc_interval_text(a->stopped_ms, a->stopped_lo_ms, a->stopped_hi_ms, c->utc, &t);
		}
		mc_buf_str(&t, ".");
	} else if (a->state == MC_STATE_ACTIVE && a->verdict == MC_VERDICT_LEAK) {
		mc_buf_str(&t, "No later deploy has ended it");
		if (isfinite(a->grown_bytes) && a->signal != MC_SIGNAL_PROCESSES)
			mc_buf_printf(&t, "; %s so far", mc_size_text(a->grown_bytes, size));
		mc_buf_str(&t, ".");
	}
	if (t.len)
		cli_line(c, 0, a->state == MC_STATE_FIXED ? "32" : NULL, "%s", mc_buf_text(&t));
	mc_buf_release(&t);
}

static void say_exhaustion(struct cli *c, const struct mc_answer *a)
{
	struct mc_buf t = { 0 };
	if (a->exhaustion_ms == MC_NO_TIME)
		return;
	mc_buf_str(&t, "If nothing is done, memory is used up ");
	mc_interval_text(a->exhaustion_ms, a->exhaustion_lo_ms, a->exhaustion_hi_ms, c->utc, &t);
	mc_buf_str(&t, ".");
	cli_line(c, 0, "1;31", "%s", mc_buf_text(&t));
	mc_buf_release(&t);
}

static void say_ambiguity(struct cli *c, const struct mc_answer *a)
{
	char when[MC_TIME_TEXT];
	if (!grows(a) || a->culprit != MC_NO_DEPLOY || a->ncandidates < 2 || a->candidates[0].probability + a->candidates[1].probability <= .5)
		return;
	if (a->ambiguous_until_ms != MC_NO_TIME)
		cli_line(c, 0, "33", "The data will tell them apart from about %s on.", cli_when(c, a->ambiguous_until_ms, when));
	else
		cli_line(c, 0, "33", "From memory alone they will not be told apart.");
}

static void label(struct cli *c, const char *text)
{
	cli_put(c, "1", "%-12s", text);
}

static void say_culprit(struct cli *c, const struct mc_case *k, const struct mc_answer *a)
{
	struct mc_buf t = { 0 };
	char text[MC_TIME_TEXT];
	const struct mc_candidate *x = &a->candidates[a->culprit];
	const struct mc_deploy_mark *d = &k->deploys[x->deploy];
	mc_buf_str(&t, name_of(d, text));
	if (d->commit[0])
		mc_buf_printf(&t, ", commit %s", cli_commit(d->commit, text));
	mc_buf_printf(&t, ", %s %s", d->source == MC_DEPLOY_MARK ? "marked" : "recognised", cli_when(c, d->unix_ms, text));
	if (x->first_seen_ms != MC_NO_TIME)
		mc_buf_printf(&t, ", first running %s", cli_when(c, x->first_seen_ms, text));
	label(c, "Culprit");
	cli_para(c, 12, 12, NULL, mc_buf_text(&t));
	cli_newline(c);
	mc_buf_release(&t);
}

static void add_share(struct mc_buf *t, const char *name, double p)
{
	if (p >= 0.001)
		mc_buf_printf(t, "%s%.60s %.*f %%", t->len ? ", " : "", name, p < 0.095 || (p > 0.99 && p < 0.9995) ? 1 : 0, 100 * p);
}

static void say_candidates(struct cli *c, const struct mc_case *k, const struct mc_answer *a)
{
	enum { SHOWN = 8 };
	char name[MC_TIME_TEXT];
	struct mc_buf t = { 0 };
	double rest = 0;
	for (size_t i = 0; i < a->ncandidates; i++)
		if (i < SHOWN)
			add_share(&t, name_of(&k->deploys[a->candidates[i].deploy], name), a->candidates[i].probability);
		else
			rest += a->candidates[i].probability;
	add_share(&t, "other deploys", rest);
	add_share(&t, "no deploy", a->not_a_deploy);
	add_share(&t, "no lasting change", a->no_change);
	label(c, "Candidates");
	cli_para(c, 12, 12, NULL, mc_buf_text(&t));
	cli_newline(c);
	mc_buf_release(&t);
}

static void say_growth(struct cli *c, const struct mc_answer *a)
{
	char before[MC_TIME_TEXT], after[MC_TIME_TEXT], each[MC_TIME_TEXT];
	struct mc_buf t = { 0 };
	if (!isfinite(a->slope_after) || a->signal == MC_SIGNAL_PROCESSES)
		return;
	mc_buf_printf(&t, "%s before, %s after", cli_rate(a->slope_before, before), cli_rate(a->slope_after, after));
	if (isfinite(a->bytes_per_request))
		mc_buf_printf(&t, ", %s a request", mc_size_text(a->bytes_per_request, each));
	label(c, "Growth");
	cli_para(c, 12, 12, NULL, mc_buf_text(&t));
	cli_newline(c);
	mc_buf_release(&t);
}

static void say_episodes(struct cli *c, const struct mc_case *k, const struct mc_answer *a)
{
	char when[MC_TIME_TEXT], name[MC_TIME_TEXT], each[MC_TIME_TEXT];
	if (a->nepisodes < 2)
		return;
	cli_heading(c, "Parts");
	for (size_t i = 0; i < a->nepisodes; i++) {
		const struct mc_episode *e = &a->episodes[i];
		struct mc_buf t = { 0 };
		mc_buf_printf(&t, "%s, %s", cli_when(c, e->onset_ms, when), mc_verdict_name(e->verdict));
		if (e->culprit != MC_NO_DEPLOY)
			mc_buf_printf(&t, ", begun by %s", name_of(&k->deploys[e->culprit], name));
		if (e->fixed_by != MC_NO_DEPLOY)
			mc_buf_printf(&t, ", %s by %s", e->reduced ? "reduced" : "ended", name_of(&k->deploys[e->fixed_by], name));
		else if (e->stopped_ms != MC_NO_TIME)
			mc_buf_printf(&t, ", ended %s", cli_when(c, e->stopped_ms, when));
		else
			mc_buf_str(&t, ", still growing");
		if (e->slope > 0 && a->signal != MC_SIGNAL_PROCESSES)
			mc_buf_printf(&t, ", %s/h a process", mc_size_text(e->slope * 3600, each));
		cli_line(c, 2, NULL, "%s", mc_buf_text(&t));
		mc_buf_release(&t);
	}
}

static void say_evidence(struct cli *c, const struct mc_answer *a, bool against, const char *title)
{
	bool any = false;
	for (size_t i = 0; i < a->nevidence; i++) {
		const struct mc_evidence *e = &a->evidence[i];
		if (e->against != against)
			continue;
		if (!any)
			cli_heading(c, title);
		any = true;
		cli_put(c, "36", "  %-10s", e->kind);
		cli_para(c, 12, 12, NULL, e->text ? e->text : "");
		cli_newline(c);
	}
}

static void say_place(struct cli *c, const struct mc_place *p)
{
	struct mc_buf head = { 0 }, rest = { 0 };
	bool named = p->function && p->function[0];
	mc_buf_printf(&head, "%s:%d%s", p->path, p->line, named ? "" : ":");
	mc_buf_printf(&rest, named ? " in %s: %s" : " %s%s", named ? p->function : "", p->reason ? p->reason : "");
	size_t at = cli_para(c, 0, 6, "36", mc_buf_text(&head));
	cli_para(c, at, 8, NULL, mc_buf_text(&rest));
	cli_newline(c);
	mc_buf_release(&head);
	mc_buf_release(&rest);
	if (p->text && p->text[0]) {
		const char *s = p->text + strspn(p->text, " \t");
		size_t room = c->width > 24 ? c->width - 10 : 200, len = 0, n;
		while (s[len] && mc_text_width(s, len) + 2 < room && (n = mc_utf8_len(s + len, strlen(s + len))) > 0)
			len += n;
		cli_put(c, "2", "        %.*s%s", (int)len, s, s[len] ? "…" : "");
		cli_newline(c);
	}
}

void cli_commits_text(struct cli *c, const struct mc_changes *ch)
{
	char text[MC_TIME_TEXT];
	for (size_t i = 0; i < ch->ncommits; i++) {
		const struct mc_commit *k = &ch->commits[i];
		size_t at = cli_para(c, 0, 2, "33", cli_commit(k->id, text));
		struct mc_buf t = { 0 };
		mc_buf_printf(&t, " %s (%s, %s; %zu file%s, +%zu -%zu)", k->subject, k->author, cli_when(c, k->author_ms, text), k->files,
			k->files == 1 ? "" : "s", k->added, k->removed);
		cli_para(c, at, at + 1, k->nplaces ? "1" : NULL, mc_buf_text(&t));
		cli_newline(c);
		mc_buf_release(&t);
		for (size_t p = 0; p < k->nplaces; p++)
			say_place(c, &k->places[p]);
	}
	if (ch->note && ch->note[0]) {
		cli_newline(c);
		cli_line(c, 0, "2", "%s", ch->note);
	}
}

static void say_release(struct cli *c, const struct mc_blame *b)
{
	char from[MC_TIME_TEXT], to[MC_TIME_TEXT], title[200];
	if (b->has_changes) {
		snprintf(title, sizeof title, "Commits of the release, suspects first (%s..%s, %zu commit%s)", cli_commit(b->changes.from, from),
			cli_commit(b->changes.to, to), b->changes.ncommits, b->changes.ncommits == 1 ? "" : "s");
		cli_heading(c, title);
		cli_commits_text(c, &b->changes);
	} else if (b->changes_note) {
		cli_heading(c, "Commits of the release");
		cli_line(c, 2, NULL, "%s", b->changes_note);
	}
}

/* As a shell takes it: quoted where it must be. */
static void add_word(struct mc_buf *t, const char *word)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-./:@%+,=";
	if (word[0] && strspn(word, plain) == strlen(word)) {
		mc_buf_str(t, word);
		return;
	}
	mc_buf_str(t, "'");
	for (; *word; word++)
		if (*word == '\'')
			mc_buf_str(t, "'\\''");
		else
			mc_buf_add(t, word, 1);
	mc_buf_str(t, "'");
}

static void say_command(struct cli *c, const char *command, const char *program, const char *rest, const char *why)
{
	struct mc_buf t = { 0 };
	mc_buf_printf(&t, "memculprit %s ", command);
	add_word(&t, program);
	mc_buf_str(&t, rest);
	/* the explanation beside it where there is room, else below */
	size_t at = cli_para(c, 0, 2, "1", mc_buf_text(&t)), column = 44;
	bool beside = c->width == 0 || (at < column && column + strlen(why) <= c->width);
	if (!beside) {
		cli_newline(c);
		at = 0;
	}
	cli_para(c, at, beside ? column : 6, NULL, why);
	cli_newline(c);
	mc_buf_release(&t);
}

static void say_next(struct cli *c, const struct mc_blame *b)
{
	const struct mc_answer *a = &b->answer;
	const char *program = b->scenario.c.program;
	cli_heading(c, "Next");
	if (grows(a) && b->has_changes)
		say_command(c, "diff", program, "", "read the release's diff, suspects first");
	if (grows(a))
		say_command(c, "plot", program, "", "see the curve with its deploys");
	if (grows(a) && !b->has_changes && b->scenario.c.ndeploys == 0)
		say_command(c, "mark", program, " REV", "tell which version began when");
	if (a->state == MC_STATE_ACTIVE && a->culprit != MC_NO_DEPLOY)
		cli_line(c, 2, NULL, "Roll back or mend it, and ask again: growth that ends is told with the deploy that ended it.");
	else if (a->verdict == MC_VERDICT_INSUFFICIENT)
		say_command(c, "blame", program, "", "ask again later");
	else if (!grows(a))
		say_command(c, "plot", program, "", "see for yourself");
}

void cli_blame_text(struct cli *c, const struct mc_blame *b, const struct mc_config *cfg)
{
	const struct mc_case *k = &b->scenario.c;
	const struct mc_answer *a = &b->answer;
	struct mc_buf sentence = { 0 };
	mc_answer_sentence(k, a, c->utc, &sentence);
	const char *style = a->state == MC_STATE_ACTIVE ? "1;31" : grows(a) ? "1;32" : "1";
	cli_para(c, 0, 0, style, mc_buf_text(&sentence));
	cli_newline(c);
	mc_buf_release(&sentence);
	say_end(c, k, a);
	say_exhaustion(c, a);
	if (cfg && !cli_option(c, "as-of"))
		cli_stale(c, a->as_of_ms, cfg->interval_ms, "It does not run, or is not sampled: what was seen last is of");
	say_ambiguity(c, a);
	if (grows(a) || a->ncandidates) {
		cli_newline(c);
		if (a->culprit != MC_NO_DEPLOY)
			say_culprit(c, k, a);
		say_candidates(c, k, a);
		say_growth(c, a);
	}
	say_episodes(c, k, a);
	say_evidence(c, a, false, "Evidence");
	say_evidence(c, a, true, "Ruled out");
	say_release(c, b);
	if (cfg)
		say_next(c, b);
}
