/* Reads the words of a call by the tables of cli.h. */
#include "cli.h"

#include <stdlib.h>
#include <string.h>

const struct cli_command *cli_find_command(const char *name)
{
	for (size_t i = 0; cli_commands[i]; i++)
		if (strcmp(cli_commands[i]->name, name) == 0)
			return cli_commands[i];
	return NULL;
}

/* The tables that hold for a call, the command's own first. */
enum { TABLES = 5 };
static size_t tables_of(const struct cli_command *k, const struct cli_option *t[TABLES])
{
	size_t n = 0;
	if (k && k->options)
		t[n++] = k->options;
	if (k && k->json)
		t[n++] = cli_json_option;
	if (k && k->utc)
		t[n++] = cli_utc_option;
	t[n++] = cli_globals;
	t[n++] = cli_help_option;
	return n;
}

/* The option of that name, or the only one that begins so. NULL: none, or (*several) more than one. */
static const struct cli_option *find_option(const struct cli_command *k, const char *name, size_t len, bool *several)
{
	const struct cli_option *t[TABLES], *begins = NULL;
	size_t n = tables_of(k, t);
	*several = false;
	for (size_t i = 0; i < n; i++)
		for (const struct cli_option *o = t[i]; o->name; o++) {
			if (strncmp(o->name, name, len) != 0)
				continue;
			if (o->name[len] == '\0')
				return o;
			*several = begins != NULL;
			begins = o;
		}
	return len > 0 && !*several ? begins : NULL;
}

static const struct cli_option *find_letter(const struct cli_command *k, char letter)
{
	const struct cli_option *t[TABLES];
	size_t n = tables_of(k, t);
	for (size_t i = 0; i < n; i++)
		for (const struct cli_option *o = t[i]; o->name; o++)
			if (o->letter && o->letter == letter)
				return o;
	return NULL;
}

static size_t min3(size_t a, size_t b, size_t c)
{
	size_t m = a < b ? a : b;
	return m < c ? m : c;
}

/* Edits between two words, a transposition being one. Words over 30 bytes are infinitely far. */
static size_t distance(const char *a, const char *b)
{
	enum { MOST = 30 };
	size_t d[MOST + 1][MOST + 1], n = strlen(a), m = strlen(b);
	if (n > MOST || m > MOST)
		return SIZE_MAX;
	for (size_t i = 0; i <= n; i++)
		for (size_t j = 0; j <= m; j++) {
			if (i == 0 || j == 0) {
				d[i][j] = i + j;
				continue;
			}
			d[i][j] = min3(d[i - 1][j] + 1, d[i][j - 1] + 1, d[i - 1][j - 1] + (a[i - 1] != b[j - 1]));
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] && d[i - 2][j - 2] + 1 < d[i][j])
				d[i][j] = d[i - 2][j - 2] + 1;
		}
	return d[n][m];
}

const char *cli_nearest(const char *typed, const char *const *words)
{
	const char *best = NULL;
	size_t least = strlen(typed) <= 3 ? 2 : 3; /* a short word is near to everything */
	for (; *words; words++) {
		size_t d = distance(typed, *words);
		if (strlen(typed) >= 3 && strncmp(*words, typed, strlen(typed)) == 0)
			d = 1;
		if (d < least) {
			least = d;
			best = *words;
		}
	}
	return best;
}

int cli_unknown_command(const char *typed, struct mc_error *err)
{
	const char *words[64];
	size_t n = 0;
	while (n < 63 && cli_commands[n]) {
		words[n] = cli_commands[n]->name;
		n++;
	}
	words[n] = NULL;
	const char *near = cli_nearest(typed, words);
	if (near)
		return mc_fail(err, MC_EUSAGE, 0, "'%.60s' is no command; did you mean '%s'?", typed, near);
	return mc_fail(err, MC_EUSAGE, 0, "'%.60s' is no command; 'memculprit --help' lists them", typed);
}

static int unknown_option(const struct cli_command *k, const char *typed, bool several, struct mc_error *err)
{
	const struct cli_option *t[TABLES];
	const char *words[128], *of = k ? k->name : "", *blank = k ? " " : "";
	size_t n = 0, ntables = tables_of(k, t), len = strcspn(typed, "=");
	char name[64];
	if (several)
		return mc_fail(err, MC_EUSAGE, 0, "option '%.60s' is ambiguous; 'memculprit %s%s--help' lists them", typed, of, blank);
	for (size_t i = 0; i < ntables; i++)
		for (const struct cli_option *o = t[i]; o->name && n < 127; o++)
			words[n++] = o->name;
	words[n] = NULL;
	len = len > 2 ? len - 2 : 0; /* without the dashes */
	snprintf(name, sizeof name, "%.*s", (int)(len < 60 ? len : 60), typed + (len ? 2 : 0));
	const char *near = len ? cli_nearest(name, words) : NULL;
	if (near)
		return mc_fail(err, MC_EUSAGE, 0, "no option '%.60s'; did you mean '--%s'?", typed, near);
	return mc_fail(err, MC_EUSAGE, 0, "no option '%.60s'; 'memculprit %s%s--help' lists them", typed, of, blank);
}

/* Where we are in the words. */
struct words {
	int argc, at;
	char **argv;
};

static int give(struct cli *c, struct words *w, const struct cli_option *o, const char *value, struct mc_error *err)
{
	if (o->value && !value) {
		if (w->at + 1 >= w->argc)
			return mc_fail(err, MC_EUSAGE, 0, "option '--%s' needs a value: --%s=%s", o->name, o->name, o->value);
		value = w->argv[++w->at];
	} else if (!o->value && value) {
		return mc_fail(err, MC_EUSAGE, 0, "option '--%s' takes no value", o->name);
	}
	if (c->ngiven >= CLI_GIVEN_MAX)
		return mc_fail(err, MC_EUSAGE, 0, "more than %d options", CLI_GIVEN_MAX);
	c->given[c->ngiven++] = (struct cli_given){ o, value };
	return 0;
}

static int long_option(struct cli *c, struct words *w, struct mc_error *err)
{
	const char *word = w->argv[w->at], *equals = strchr(word, '=');
	size_t len = equals ? (size_t)(equals - word) - 2 : strlen(word) - 2;
	bool several;
	const struct cli_option *o = find_option(c->command, word + 2, len, &several);
	if (!o)
		return unknown_option(c->command, word, several, err);
	return give(c, w, o, equals ? equals + 1 : NULL, err);
}

static int short_options(struct cli *c, struct words *w, struct mc_error *err)
{
	for (const char *p = w->argv[w->at] + 1; *p; p++) {
		const struct cli_option *o = find_letter(c->command, *p);
		if (!o)
			return unknown_option(c->command, w->argv[w->at], false, err);
		const char *rest = o->value && p[1] ? p + 1 : NULL;
		int rc = give(c, w, o, rest, err);
		if (rc < 0 || o->value)
			return rc;
	}
	return 0;
}

static int operand(struct cli *c, char *word, struct mc_error *err)
{
	if (c->command) {
		c->operands[c->noperands++] = word;
		return 0;
	}
	c->command = cli_find_command(word);
	return c->command ? 0 : cli_unknown_command(word, err);
}

static int check_operands(const struct cli *c, struct mc_error *err)
{
	const struct cli_command *k = c->command;
	size_t n = 0;
	bool many = false;
	for (const struct cli_operand *o = k->operands; o && o->name; o++, n++) {
		many = many || o->many;
		if (n >= c->noperands && !o->optional)
			return mc_fail(err, MC_EUSAGE, 0, "%s needs %s; see 'memculprit %s --help'", k->name, o->name, k->name);
	}
	if (c->noperands > n && !many)
		return mc_fail(err, MC_EUSAGE, 0, "'%.60s' is too much for %s; see 'memculprit %s --help'", c->operands[n], k->name, k->name);
	return 0;
}

int cli_parse(struct cli *c, int argc, char **argv, struct mc_error *err)
{
	struct words w = { argc, 1, argv };
	bool only_operands = false;
	c->operands = calloc((size_t)argc + 1, sizeof *c->operands);
	if (!c->operands)
		return mc_nomem(err, "operands");
	for (; w.at < argc; w.at++) {
		char *word = argv[w.at];
		int rc = 0;
		if (only_operands || word[0] != '-' || word[1] == '\0')
			rc = operand(c, word, err);
		else if (strcmp(word, "--") == 0)
			only_operands = true;
		else if (word[1] == '-')
			rc = long_option(c, &w, err);
		else
			rc = short_options(c, &w, err);
		if (rc < 0)
			return rc;
	}
	if (cli_option(c, "help"))
		return CLI_HELP;
	if (cli_option(c, "version"))
		return CLI_VERSION;
	return c->command ? check_operands(c, err) : 0;
}

const char *cli_option(const struct cli *c, const char *name)
{
	for (size_t i = c->ngiven; i-- > 0;)
		if (strcmp(c->given[i].option->name, name) == 0)
			return c->given[i].value ? c->given[i].value : name;
	return NULL;
}

const char *cli_option_at(const struct cli *c, const char *name, size_t i)
{
	for (size_t k = 0; k < c->ngiven; k++)
		if (strcmp(c->given[k].option->name, name) == 0 && i-- == 0)
			return c->given[k].value;
	return NULL;
}

int cli_time(const struct cli *c, const char *name, int64_t *ret, struct mc_error *err)
{
	struct mc_error why = { 0 };
	const char *text = cli_option(c, name);
	if (!text)
		return 1;
	int rc = mc_time_parse(text, c->now_ms, ret, &why);
	return rc < 0 ? mc_fail(err, MC_EUSAGE, 0, "--%s: %s", name, why.text) : 0;
}

/* To the stages no moment means all that is known, so the first millisecond of 1970 is the next one. */
int cli_as_of(const struct cli *c, int64_t *ret, struct mc_error *err)
{
	int rc = cli_time(c, "as-of", ret, err);
	if (rc == 0 && *ret == 0)
		*ret = 1;
	return rc;
}
