/* The command line: what is given, what is suggested, and what goes to the terminal. */
#include "canvas.h"
#include "cli.h"

#include <locale.h>
#include <math.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* ---- options ---- */

static int parse(struct cli *c, struct mc_error *e, const char *words)
{
	static char copy[1000];
	static char *argv[64];
	int argc = 0;
	*c = (struct cli){ .now_ms = 1770000000000 };
	*e = (struct mc_error){ 0 };
	snprintf(copy, sizeof copy, "memculprit %s", words);
	for (char *save, *w = strtok_r(copy, " ", &save); w; w = strtok_r(NULL, " ", &save))
		argv[argc++] = w;
	argv[argc] = NULL;
	return cli_parse(c, argc, argv, e);
}

static void options_stand_anywhere(void **state)
{
	(void)state;
	static const char *const ways[] = { "--db x.db blame --json worker --as-of -2h", "blame worker --json --as-of=-2h --db=x.db",
		"blame --db x.db --as-of -2h --js worker", "--db=x.db blame --as-of=-2h --json -- worker" };
	for (size_t i = 0; i < sizeof ways / sizeof ways[0]; i++) {
		struct cli c;
		struct mc_error e;
		int64_t t = 0;
		assert_int_equal(parse(&c, &e, ways[i]), 0);
		assert_string_equal(c.command->name, "blame");
		assert_string_equal(cli_option(&c, "db"), "x.db");
		assert_non_null(cli_option(&c, "json"));
		assert_null(cli_option(&c, "utc"));
		assert_int_equal(cli_time(&c, "as-of", &t, &e), 0);
		assert_true(t == 1770000000000 - 7200000);
		assert_int_equal(cli_as_of(&c, &t, &e), 0);
		assert_true(t == 1770000000000 - 7200000);
		assert_int_equal(c.noperands, 1);
		assert_string_equal(c.operands[0], "worker");
		free(c.operands);
	}
}

/* 1970 is a time, and not none; what was not given is. */
static void the_first_moment_of_all(void **state)
{
	(void)state;
	struct cli c;
	struct mc_error e;
	int64_t t = 7;
	assert_int_equal(parse(&c, &e, "analyze d --as-of 0"), 0);
	assert_int_equal(cli_as_of(&c, &t, &e), 0);
	assert_true(t == 1);
	free(c.operands);
	assert_int_equal(parse(&c, &e, "analyze d"), 0);
	t = 0;
	assert_true(cli_as_of(&c, &t, &e) > 0 && t == 0);
	free(c.operands);
}

static void repeated_short_and_dashed(void **state)
{
	(void)state;
	struct cli c;
	struct mc_error e;
	assert_int_equal(parse(&c, &e, "serve --web.listen-address=:1 --web.listen-address [::1]:2 --web.telemetry-path /m"), 0);
	assert_string_equal(cli_option_at(&c, "web.listen-address", 0), ":1");
	assert_string_equal(cli_option_at(&c, "web.listen-address", 1), "[::1]:2");
	assert_null(cli_option_at(&c, "web.listen-address", 2));
	free(c.operands);
	assert_int_equal(parse(&c, &e, "analyze -j4 a -j 3 b"), 0);
	assert_string_equal(cli_option(&c, "jobs"), "3");
	assert_int_equal(c.noperands, 2);
	free(c.operands);
	assert_int_equal(parse(&c, &e, "mark -- -x --note"), 0);
	assert_string_equal(c.operands[0], "-x");
	assert_string_equal(c.operands[1], "--note");
	free(c.operands);
	assert_int_equal(parse(&c, &e, "blame -h"), CLI_HELP);
	assert_string_equal(c.command->name, "blame");
	free(c.operands);
	assert_int_equal(parse(&c, &e, "-V"), CLI_VERSION);
	free(c.operands);
}

static void what_is_wrong_is_named(void **state)
{
	(void)state;
	static const struct {
		const char *words, *says;
	} bad[] = {
		{ "statsu", "'statsu' is no command; did you mean 'status'?" },
		{ "xyzzy", "'xyzzy' is no command; 'memculprit --help' lists them" },
		{ "blame w --jsn", "no option '--jsn'; did you mean '--json'?" },
		{ "blame w --exit=3", "option '--exit-code' takes no value" },
		{ "blame w --frobnicate", "no option '--frobnicate'; 'memculprit blame --help' lists them" },
		{ "serve --web", "option '--web' is ambiguous; 'memculprit serve --help' lists them" },
		{ "blame", "blame needs PROGRAM; see 'memculprit blame --help'" },
		{ "blame a b", "'b' is too much for blame; see 'memculprit blame --help'" },
		{ "blame w --as-of", "option '--as-of' needs a value: --as-of=TIME" },
		{ "analyze", "analyze needs DIR; see 'memculprit analyze --help'" },
		{ "blame w -x", "no option '-x'; 'memculprit blame --help' lists them" },
	};
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		struct cli c;
		struct mc_error e;
		assert_int_equal(parse(&c, &e, bad[i].words), MC_EUSAGE);
		assert_string_equal(e.text, bad[i].says);
		free(c.operands);
	}
}

static void every_help_fits_and_has_examples(void **state)
{
	(void)state;
	for (size_t i = 0; cli_commands[i]; i++) {
		struct mc_buf b = { 0 };
		cli_help(cli_commands[i], &b);
		assert_non_null(strstr(mc_buf_text(&b), "Usage: memculprit "));
		assert_non_null(strstr(mc_buf_text(&b), "\nExamples:\n  memculprit "));
		for (const char *p = mc_buf_text(&b); *p; p += strcspn(p, "\n"), p += *p == '\n') {
			size_t len = strcspn(p, "\n");
			if (len > 80 || (len && p[len - 1] == ' '))
				fail_msg("%s: '%.*s'", cli_commands[i]->name, (int)len, p);
		}
		mc_buf_release(&b);
	}
}

/* ---- words ---- */

#define HOST_NAME "evil\033[31m<b>\n\xff\"x"

/* An answer that has everything, about a program with a hostile name. */
static struct mc_life life = { .host = "", .key = "", .version = "", .commit = "", .build_id = "" };
static struct mc_deploy_mark deploys[] = {
	{ .unix_ms = 1770000000000, .version = "v2.2", .commit = "1111111111111111111111111111111111111111", .host = "" },
	{ .unix_ms = 1770100000000, .version = "v2.3\033]0;x\a", .commit = "2222222222222222222222222222222222222222", .host = "" },
	{ .unix_ms = 1770200000000, .version = "", .commit = "3333333333333333333333333333333333333333", .host = "" },
};
static struct mc_candidate candidates[] = { { 1, 1770100010000, 0.97 }, { 0, MC_NO_TIME, 0.02 } };
static char load_text[] = "requests +2 %, processes 24 \xe2\x86\x92 24", grow_text[] = "24 lives of the release grow\r\n by themselves";
static struct mc_evidence evidence[] = { { "growth", grow_text, false }, { "load", load_text, true } };
static struct mc_episode episodes[] = { { MC_VERDICT_LEAK, 1, 0, 1770100000000, 1770150000000, 2048, 50, true },
	{ MC_VERDICT_LEAK, 2, MC_NO_DEPLOY, 1770200000000, MC_NO_TIME, 1024, 50, false } };
static char path[] = "src/enc\033ode.c", function[] = "send_reply", reason[] = "memory acquired, not released in the diff", line_text[] = "\tif (Encode(&buf, &len, r) != 0)";
static struct mc_place place = { path, 42, function, reason, line_text, 0 };
static char subject[] = "encode: use the library's Encode()", author[] = "Wang \xe6\x98\x8e Wei", note[] = "Without a heap profile the guilty commit is among the first five in about half of the cases.";

static struct mc_blame blame_of(enum mc_verdict v, enum mc_state st, enum mc_signal s)
{
	static struct mc_commit commit;
	const int64_t t = 1770100000000;
	commit = (struct mc_commit){ .id = "2222222222222222222222222222222222222222", .subject = subject, .author = author, .author_ms = t, .files = 1,
		.added = 6, .removed = 4, .nplaces = 1, .places = &place };
	struct mc_blame b = { .has_changes = true };
	b.scenario.c = (struct mc_case){ .program = HOST_NAME, .nlives = 1, .lives = &life, .ndeploys = 3, .deploys = deploys };
	b.answer = (struct mc_answer){ .verdict = v, .state = st, .signal = s, .as_of_ms = t + 200000000, .onset_ms = t, .onset_lo_ms = t - 600000,
		.onset_hi_ms = t + 900000, .slope_before = 12.5, .slope_after = 12800, .slope_after_lo = 12000, .slope_after_hi = 13000, .slope_now = 12800,
		.bytes_per_request = 812, .grown_bytes = 5.6e9, .exhaustion_ms = t + 500000000, .exhaustion_lo_ms = t + 400000000,
		.exhaustion_hi_ms = t + 600000000, .culprit = 0, .ncandidates = 2, .candidates = candidates, .not_a_deploy = 0.008, .no_change = 0.002,
		.ambiguous_until_ms = t + 300000000, .fixed_by = st == MC_STATE_FIXED ? 2 : MC_NO_DEPLOY, .fixed_first_seen_ms = MC_NO_TIME,
		.stopped_ms = t + 100000000, .stopped_lo_ms = t + 100000000, .stopped_hi_ms = t + 101000000, .ceiling_bytes = 1e9,
		.look_again_ms = t + 700000000, .nepisodes = 2, .episodes = episodes, .nevidence = 2, .evidence = evidence };
	b.changes = (struct mc_changes){ .from = "1111111111111111111111111111111111111111", .to = "2222222222222222222222222222222222222222", .ncommits = 1,
		.commits = &commit, .note = note };
	return b;
}

/* No ESC, no control character, valid UTF-8, no blanks at the ends of lines, and within the width. */
static void check_text(const struct mc_buf *b, size_t width, bool color)
{
	const char *s = mc_buf_text(b);
	for (size_t i = 0; i < b->len;) {
		size_t n = mc_utf8_len(s + i, b->len - i);
		assert_true(n > 0);
		if ((unsigned char)s[i] < 0x20 && s[i] != '\n' && !(color && s[i] == '\033'))
			fail_msg("control character %d at %zu", s[i], i);
		i += n;
	}
	for (const char *p = s; *p; p += strcspn(p, "\n"), p += *p == '\n') {
		size_t len = strcspn(p, "\n");
		if (len && p[len - 1] == ' ')
			fail_msg("blank at the end: '%.*s'", (int)len, p);
		if (width && !color && mc_text_width(p, len) > width && strchr(p + strspn(p, " "), ' ') < p + len)
			fail_msg("%zu columns of %zu: '%.*s'", mc_text_width(p, len), width, (int)len, p);
	}
}

static void blame_is_fit_for_every_terminal(void **state)
{
	static const size_t widths[] = { 0, 40, 41, 60, 80, 133, 200 };
	(void)state;
	for (int v = 0; v <= MC_VERDICT_INSUFFICIENT; v++)
		for (int st = MC_STATE_NULL; st <= MC_STATE_FIXED; st++)
			for (int s = 0; s <= MC_SIGNAL_PROCESSES; s++)
				for (size_t w = 0; w < 2 * sizeof widths / sizeof widths[0]; w++) {
					struct mc_blame b = blame_of((enum mc_verdict)v, (enum mc_state)st, (enum mc_signal)s);
					struct cli c = { .width = widths[w / 2], .color = w & 1 };
					cli_blame_text(&c, &b, &(struct mc_config){ 0 });
					assert_false(c.out.failed);
					check_text(&c.out, c.width, c.color);
					mc_buf_release(&c.out);
				}
}

static void nothing_known_is_no_crash(void **state)
{
	(void)state;
	for (int v = 0; v <= MC_VERDICT_INSUFFICIENT; v++) {
		struct mc_blame b = blame_of((enum mc_verdict)v, MC_STATE_ACTIVE, MC_SIGNAL_NULL);
		struct mc_answer *a = &b.answer;
		a->onset_ms = a->onset_lo_ms = a->onset_hi_ms = a->exhaustion_ms = a->stopped_ms = a->look_again_ms = a->ambiguous_until_ms = MC_NO_TIME;
		a->slope_before = a->slope_after = a->slope_after_lo = a->slope_after_hi = a->slope_now = a->bytes_per_request = a->grown_bytes = a->ceiling_bytes = (double)NAN;
		a->culprit = MC_NO_DEPLOY;
		a->ncandidates = a->nepisodes = a->nevidence = 0;
		b.has_changes = false;
		struct cli c = { .width = 80 };
		cli_blame_text(&c, &b, &(struct mc_config){ 0 });
		check_text(&c.out, 80, false);
		assert_null(strstr(mc_buf_text(&c.out), "nan"));
		mc_buf_release(&c.out);
	}
}

static void the_first_line_is_the_answer(void **state)
{
	(void)state;
	struct mc_blame b = blame_of(MC_VERDICT_LEAK, MC_STATE_ACTIVE, MC_SIGNAL_ANON);
	struct mc_buf t = { 0 };
	b.scenario.c.program = "logic_worker";
	mc_answer_sentence(&b.scenario.c, &b.answer, true, &t);
	assert_string_equal(mc_buf_text(&t), "v2.3\\x1b]0;x\\x07 started it: private memory of logic_worker grows by 43.9 MiB/h (41.2 to 44.6) since "
		"2026-02-03T06:26:40Z (06:16:40Z to 06:41:40Z), with a probability of 97 %.");
	mc_buf_release(&t);
	b.answer.slope_now = 6400;
	mc_answer_sentence(&b.scenario.c, &b.answer, true, &t);
	assert_non_null(strstr(mc_buf_text(&t), "06:41:40Z), by 22.0 MiB/h now, with a probability of 97 %."));
	mc_buf_release(&t);
	b.answer.culprit = MC_NO_DEPLOY;
	mc_answer_sentence(&b.scenario.c, &b.answer, true, &t);
	assert_memory_equal(mc_buf_text(&t), "either v2.3\\x1b]0;x\\x07 or v2.2 started it: ", 40);
	mc_buf_release(&t);
	b.answer.ncandidates = 0;
	b.answer.not_a_deploy = 0.9;
	mc_answer_sentence(&b.scenario.c, &b.answer, true, &t);
	assert_memory_equal(mc_buf_text(&t), "no deploy started it: private memory of logic_worker grows", 58);
	mc_buf_release(&t);
}

/* What falls is neither steady nor at a height that it will keep; a number of processes has no bytes. */
static void what_is_said_of_a_rate_has_its_direction_and_unit(void **state)
{
	(void)state;
	char text[MC_TIME_TEXT];
	for (int v = 0; v < 2; v++) {
		struct mc_blame b = blame_of(v ? MC_VERDICT_PLATEAU : MC_VERDICT_NONE, MC_STATE_NULL, MC_SIGNAL_NULL);
		struct mc_buf t = { 0 };
		b.answer.falls = 2 * 1048576. / 3600;
		b.answer.ceiling_bytes = (double)NAN;
		mc_answer_sentence(&b.scenario.c, &b.answer, true, &t);
		assert_non_null(strstr(mc_buf_text(&t), &" falls by 2.00 MiB/h"[v ? 6 : 0]));
		assert_null(strstr(mc_buf_text(&t), "steady"));
		assert_null(strstr(mc_buf_text(&t), "levels off"));
		mc_buf_release(&t);
	}
	assert_string_equal(cli_growth(2.39 / 3600, true, text), "2.39 processes/h");
	assert_string_equal(cli_growth(2097152. / 3600, false, text), "2.00 MiB/h");
	assert_string_equal(cli_growth((double)NAN, true, text), "-");
}

/* A part that a deploy made smaller was not ended by it. */
static void parts_say_what_became_of_each(void **state)
{
	(void)state;
	struct mc_blame b = blame_of(MC_VERDICT_LEAK, MC_STATE_ACTIVE, MC_SIGNAL_ANON);
	struct cli c = { .width = 200 };
	cli_blame_text(&c, &b, &(struct mc_config){ 0 });
	assert_non_null(strstr(mc_buf_text(&c.out), ", reduced by v2.2, 7.03 MiB/h a process"));
	assert_non_null(strstr(mc_buf_text(&c.out), ", still growing, 3.52 MiB/h a process"));
	mc_buf_release(&c.out);
	episodes[0].reduced = false;
	cli_blame_text(&c, &b, &(struct mc_config){ 0 });
	assert_non_null(strstr(mc_buf_text(&c.out), ", ended by v2.2, 7.03 MiB/h a process"));
	mc_buf_release(&c.out);
	episodes[0].reduced = true;
}

static void rates_are_read_by_people(void **state)
{
	(void)state;
	char t[MC_TIME_TEXT];
	assert_string_equal(mc_rate_text(12800, t), "43.9 MiB/h");
	assert_string_equal(mc_rate_text(-12800, t), "-43.9 MiB/h");
	assert_string_equal(mc_rate_text(0, t), "0 B/d");
	assert_string_equal(mc_rate_text(40 * 1048576.0, t), "40.0 MiB/s");
	assert_string_equal(mc_rate_text(1048576.0, t), "60.0 MiB/min");
	assert_string_equal(mc_rate_text(12, t), "0.99 MiB/d");
}

/* ---- the canvas ---- */

static void dots_are_where_they_belong(void **state)
{
	(void)state;
	struct canvas k;
	struct mc_buf b = { 0 };
	assert_true(canvas_open(&k, 3, 2, false));
	canvas_stroke(&k, 0, 0, 0);    /* bottom left */
	canvas_stroke(&k, 3, 7, 4);    /* the right half of the upper middle cell */
	canvas_stroke(&k, 99, 0, 0);   /* outside: nothing */
	canvas_stroke(&k, 5, 6, 1000); /* only what is there */
	k.lines[2] = "|";
	canvas_row(&k, 0, false, &b);
	assert_string_equal(mc_buf_text(&b), " \xe2\xa2\xb8\xe2\xa0\x98");
	mc_buf_release(&b);
	canvas_row(&k, 1, false, &b);
	assert_string_equal(mc_buf_text(&b), "\xe2\xa1\x80 |");
	mc_buf_release(&b);
	canvas_free(&k);
	assert_true(canvas_open(&k, 2, 1, true));
	canvas_stroke(&k, 0, 0, 1);
	canvas_stroke(&k, 1, 0, 0);
	canvas_row(&k, 0, false, &b);
	assert_string_equal(mc_buf_text(&b), ":.");
	mc_buf_release(&b);
	canvas_free(&k);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(options_stand_anywhere),
		cmocka_unit_test(the_first_moment_of_all),
		cmocka_unit_test(repeated_short_and_dashed),
		cmocka_unit_test(what_is_wrong_is_named),
		cmocka_unit_test(every_help_fits_and_has_examples),
		cmocka_unit_test(blame_is_fit_for_every_terminal),
		cmocka_unit_test(nothing_known_is_no_crash),
		cmocka_unit_test(the_first_line_is_the_answer),
		cmocka_unit_test(what_is_said_of_a_rate_has_its_direction_and_unit),
		cmocka_unit_test(parts_say_what_became_of_each),
		cmocka_unit_test(rates_are_read_by_people),
		cmocka_unit_test(dots_are_where_they_belong),
	};
	setlocale(LC_CTYPE, "C.UTF-8");
	return cmocka_run_group_tests_name("cli", tests, NULL, NULL);
}
