/* The command line: one table of commands, each with its options, from which parsing, help, suggestions and
 * completions are made; and the way to the terminal. It knows app and base, no stage's inside. */
#ifndef MEMCULPRIT_CLI_H
#define MEMCULPRIT_CLI_H

#include "memculprit/app.h"
#include "memculprit/base.h"

/* Exit codes of INTERFACE. */
enum { CLI_DONE = 0, CLI_FAILED = 1, CLI_USAGE = 2, CLI_NOT_FOUND = 3, CLI_TOO_FEW = 4, CLI_CULPRIT = 10, CLI_GROWTH = 11 };

/* What an operand or an option's value is, for completion. */
enum cli_kind { CLI_WORD, CLI_FILE, CLI_DIR, CLI_PROGRAM, CLI_ONE_OF };

struct cli_option {
	const char *name;  /* without dashes; NULL ends a table */
	const char *value; /* "FILE"; NULL: takes none */
	const char *text;  /* one line */
	enum cli_kind kind;
	const char *words; /* CLI_ONE_OF: "auto always never" */
	bool many;         /* may be given more than once; else the last counts */
	char letter;       /* short form, 0: none */
};

struct cli_operand {
	const char *name; /* "PROGRAM"; NULL ends a table */
	enum cli_kind kind;
	const char *words;
	bool optional, many;
};

enum { CLI_GIVEN_MAX = 256 };
struct cli_given {
	const struct cli_option *option;
	const char *value; /* borrowed from argv; NULL: takes none */
};

enum cli_when { CLI_AUTO, CLI_ALWAYS, CLI_NEVER };

/* A call: what was given, and how to print. */
struct cli {
	const struct cli_command *command;
	size_t ngiven;
	struct cli_given given[CLI_GIVEN_MAX];
	size_t noperands;
	const char **operands; /* borrowed from argv */
	const char *config, *db;
	bool json, utc;
	bool color; /* on stdout */
	bool ascii; /* the locale has no UTF-8 */
	size_t width; /* columns of the terminal, 0: stdout is none and COLUMNS is not set */
	int64_t now_ms;
	struct mc_buf out; /* what goes to stdout at the end, or earlier with cli_flush() */
};

struct cli_command {
	const char *name;
	const char *summary; /* one line, no full stop */
	const char *about;   /* paragraphs below the usage */
	const struct cli_operand *operands;
	const struct cli_option *options; /* its own; --json, --utc and the global ones come by themselves */
	const char *examples;             /* lines */
	bool json, utc;                   /* has --json, --utc */
	int (*run)(struct cli *c, struct mc_error *err); /* an exit code, or below 0 with err */
};

extern const struct cli_command *const cli_commands[]; /* NULL ends it */
extern const struct cli_option cli_globals[], cli_json_option[], cli_utc_option[], cli_help_option[];
/* NULL: no such command. */
const struct cli_command *cli_find_command(const char *name);

/* ---- parsing ---- */
/* Reads argv behind the program's name into c: options anywhere, `--` ends them. Sets c->command where one
 * is named. 0; 1: help was asked for; 2: the version was; MC_EUSAGE. c->operands is to be freed. */
enum { CLI_HELP = 1, CLI_VERSION = 2 };
int cli_parse(struct cli *c, int argc, char **argv, struct mc_error *err);
/* The last value of an option, its name where it takes none; NULL: not given. */
const char *cli_option(const struct cli *c, const char *name);
/* Its i-th value, NULL behind the last. */
const char *cli_option_at(const struct cli *c, const char *name, size_t i);
/* The time an option gives. 0 and *ret, 1: not given, MC_EUSAGE. */
int cli_time(const struct cli *c, const char *name, int64_t *ret, struct mc_error *err);
/* The word of `words` (NULL ends it) nearest to what was mistyped, or NULL. */
const char *cli_nearest(const char *typed, const char *const *words);

/* ---- help ---- */
void cli_help_all(struct mc_buf *out);
void cli_help(const struct cli_command *k, struct mc_buf *out);

/* ---- the terminal ---- */
void cli_terminal(struct cli *c, enum cli_when color);
/* Writes c->out to stdout and empties it: as ASCII where the locale is (but not JSON). MC_EIO. */
int cli_flush(struct cli *c, struct mc_error *err);
/* Appends what is printed, marked with an SGR parameter ("1;31") where c has colour. Cleaned of control characters. */
void cli_put(struct cli *c, const char *sgr, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
/* The exit code for an error, which goes to stderr as `memculprit: what; what to do`. */
int cli_error(const struct mc_error *err);
int cli_exit_code(int code);

/* ---- the commands ---- */
int cmd_analyze(struct cli *c, struct mc_error *err);

#endif
