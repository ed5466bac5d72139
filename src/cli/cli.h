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

/* Narrower than this, rows of a table become two lines each. */
enum { CLI_NARROW = 72 };

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
/* The same of --as-of, never 0, which would be no moment. */
int cli_as_of(const struct cli *c, int64_t *ret, struct mc_error *err);
/* MC_EUSAGE with the name and what is near to it. */
int cli_unknown_command(const char *typed, struct mc_error *err);
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
/* A line on stderr, clean of control characters. */
void cli_say(const char *what);

/* ---- layout ---- */
void cli_newline(struct cli *c);
/* Words of text, wrapped at the width; the cursor is at column `at`, lines begin at `indent`. A blank before the
 * first word parts it from what is there. Returns the cursor's column; no newline at the end. */
size_t cli_para(struct cli *c, size_t at, size_t indent, const char *sgr, const char *text);
/* A paragraph with its newline. */
void cli_line(struct cli *c, size_t indent, const char *sgr, const char *fmt, ...) __attribute__((format(printf, 4, 5)));
void cli_heading(struct cli *c, const char *text);
/* To the minute, local or UTC; "-" for 0 and MC_NO_TIME. These return out. */
const char *cli_when(const struct cli *c, int64_t ms, char out[MC_TIME_TEXT]);
/* Says in yellow that nothing is known since ms, where that is longer ago than a few ticks of c's configuration. */
void cli_stale(struct cli *c, int64_t ms, int64_t interval_ms, const char *what);
const char *cli_size(double bytes, char out[MC_TIME_TEXT]);  /* "-" for NaN */
const char *cli_rate(double bytes_per_second, char out[MC_TIME_TEXT]);
const char *cli_growth(double per_second, bool processes, char out[MC_TIME_TEXT]); /* of the number of processes, or bytes */
const char *cli_commit(const char *commit, char out[MC_TIME_TEXT]); /* its first 12 digits */
/* A version, else a commit; of a whole commit 12 digits, wherever it stands. */
const char *cli_release(const char *version, const char *commit, char out[MC_TIME_TEXT]);
/* Its version, else commit, else build-id, else "-". */
const char *cli_deploy_name(const struct mc_deploy_row *d, char out[MC_TIME_TEXT]);
/* Appends j to c->out and frees it. */
int cli_print_json(struct cli *c, struct mc_json *j, struct mc_error *err);

/* What blame says in words; with how old it is and what to do next, where cfg is not NULL. */
void cli_blame_text(struct cli *c, const struct mc_blame *b, const struct mc_config *cfg);
/* The commits of a release with their places. */
void cli_commits_text(struct cli *c, const struct mc_changes *ch);

/* ---- the database ---- */
struct cli_db {
	struct mc_config cfg;
	char *path;
	struct mc_store *store; /* NULL after cli_db_find() */
};
int cli_db_find(struct cli *c, struct cli_db *ret, struct mc_error *err);
int cli_db_open(struct cli *c, enum mc_store_mode mode, struct cli_db *ret, struct mc_error *err);
void cli_db_close(struct cli_db *d);
/* Returns rc; where that is MC_ENOTFOUND for want of the program, err names the one that is near to it. */
int cli_unknown_program(const struct cli_db *db, const char *program, int rc, struct mc_error *err);

/* What the daemon answered to an import; its error, where it refused. */
int cli_take_counts(const struct mc_buf *reply, int status, struct mc_import_counts *ret, struct mc_error *err);

/* ---- long work ---- */
/* From a second on, "memculprit: WHAT NAME (3 s)" on stderr where that is a terminal. name may be NULL. */
void cli_busy(const char *what, const char *name);
void cli_busy_part(void *user, double done, const char *what); /* an mc_progress_fn */
void cli_busy_end(void);
/* From here on stdout goes through a pager where it is a terminal. */
void cli_page(struct cli *c);
/* Closes stdout and waits for the pager. False: there was none, and nothing was done. */
bool cli_page_end(void);

/* ---- the commands ---- */
int cmd_analyze(struct cli *c, struct mc_error *err);
int cmd_blame(struct cli *c, struct mc_error *err);
int cmd_check_config(struct cli *c, struct mc_error *err);
int cmd_completion(struct cli *c, struct mc_error *err);
int cmd_db(struct cli *c, struct mc_error *err);
int cmd_deploys(struct cli *c, struct mc_error *err);
int cmd_diff(struct cli *c, struct mc_error *err);
int cmd_export(struct cli *c, struct mc_error *err);
int cmd_help(struct cli *c, struct mc_error *err);
int cmd_import(struct cli *c, struct mc_error *err);
int cmd_mark(struct cli *c, struct mc_error *err);
int cmd_plot(struct cli *c, struct mc_error *err);
int cmd_serve(struct cli *c, struct mc_error *err);
int cmd_status(struct cli *c, struct mc_error *err);

#endif
