/* The table of commands: what each takes, says of itself, and is run by. */
#include "cli.h"

const struct cli_option cli_globals[] = {
	{ .name = "config", .value = "FILE", .text = "read this configuration", .kind = CLI_FILE },
	{ .name = "db", .value = "FILE", .text = "use this database", .kind = CLI_FILE },
	{ .name = "color", .value = "WHEN", .text = "auto, always or never", .kind = CLI_ONE_OF, .words = "auto always never" },
	{ 0 },
};
const struct cli_option cli_json_option[] = { { .name = "json", .text = "print JSON, whose fields are stable" }, { 0 } };
const struct cli_option cli_utc_option[] = { { .name = "utc", .text = "show times in UTC" }, { 0 } };
const struct cli_option cli_help_option[] = {
	{ .name = "help", .text = "print this text", .letter = 'h' },
	{ .name = "version", .text = "print the version", .letter = 'V' },
	{ 0 },
};

static const struct cli_operand a_program[] = { { .name = "PROGRAM", .kind = CLI_PROGRAM }, { 0 } };
static const struct cli_operand maybe_program[] = { { .name = "PROGRAM", .kind = CLI_PROGRAM, .optional = true }, { 0 } };
static const struct cli_operand folders[] = { { .name = "DIR", .kind = CLI_DIR, .many = true }, { 0 } };
static const struct cli_operand program_and_folder[] = { { .name = "PROGRAM", .kind = CLI_PROGRAM }, { .name = "DIR", .kind = CLI_DIR }, { 0 } };

static const struct cli_option serve_options[] = {
	{ .name = "web.listen-address", .value = "ADDRESS", .text = "listen here, as 127.0.0.1:10187; may be given more than once", .many = true },
	{ .name = "web.telemetry-path", .value = "PATH", .text = "where the metrics are; /metrics" },
	{ .name = "web.config.file", .value = "FILE", .text = "TLS and basic auth, as node_exporter has them", .kind = CLI_FILE },
	{ .name = "web.enable-mark", .text = "deploys may be marked by TCP, with basic auth" },
	{ .name = "path.procfs", .value = "DIR", .text = "/proc", .kind = CLI_DIR },
	{ .name = "path.sysfs", .value = "DIR", .text = "/sys", .kind = CLI_DIR },
	{ .name = "path.rootfs", .value = "DIR", .text = "what stands before the paths of repositories", .kind = CLI_DIR },
	{ .name = "log.level", .value = "LEVEL", .text = "debug, info, warn or error", .kind = CLI_ONE_OF, .words = "debug info warn error" },
	{ .name = "log.format", .value = "FORMAT", .text = "logfmt or json", .kind = CLI_ONE_OF, .words = "logfmt json" },
	{ 0 },
};
static const struct cli_command serve = {
	.name = "serve",
	.summary = "the daemon: sample, store, answer, serve",
	.about = "Samples every program, keeps what it saw in the database, and serves metrics, an API and a page. It needs no configuration. SIGHUP "
			 "reads the configuration again, SIGTERM ends it within two seconds.",
	.options = serve_options,
	.examples = "  memculprit serve\n"
				"  memculprit --config memculprit.yml serve --web.listen-address :10187\n",
	.run = cmd_serve,
};

static const struct cli_option status_options[] = { { .name = "watch", .text = "show it anew every two seconds" }, { 0 } };
static const struct cli_command status = {
	.name = "status",
	.summary = "what runs, what grows, and what the host's figures mean",
	.about = "A line for each program: processes, private memory now, growth, the version that runs, and what is known of its growth. "
			 "A line for the host says what its figures mean together.",
	.operands = maybe_program,
	.options = status_options,
	.examples = "  memculprit status\n"
				"  memculprit status logic_worker --json\n",
	.json = true,
	.utc = true,
	.run = cmd_status,
};

static const struct cli_option blame_options[] = {
	{ .name = "as-of", .value = "TIME", .text = "answer from only what was known then" },
	{ .name = "exit-code", .text = "10: active growth with a culprit, 11: active growth without one" },
	{ 0 },
};
static const struct cli_command blame = {
	.name = "blame",
	.summary = "which deploy started the growth",
	.about = "The first line is the answer. Then come the other candidates, the evidence, what was ruled out and by which figures, the "
			 "release's commits with suspects first, whether a later deploy ended it, and when memory is used up.\n\n"
			 "The exit code is 4 where there are too few data yet.",
	.operands = a_program,
	.options = blame_options,
	.examples = "  memculprit blame logic_worker\n"
				"  memculprit blame logic_worker --as-of -2h\n"
				"  memculprit blame logic_worker --as-of '2026-02-04 12:00' --json\n"
				"  memculprit blame logic_worker --exit-code\n",
	.json = true,
	.utc = true,
	.run = cmd_blame,
};

static const struct cli_option diff_options[] = {
	{ .name = "from", .value = "REV", .text = "from this revision, with --to" },
	{ .name = "to", .value = "REV", .text = "to this revision" },
	{ 0 },
};
static const struct cli_command diff = {
	.name = "diff",
	.summary = "the culprit release's diff, suspects first",
	.about = "The commits and the diff of the release that started the growth, or between two revisions; places worth reading come first, each "
			 "with its reason. Shown with $MEMCULPRIT_PAGER, $PAGER or less on a terminal.",
	.operands = a_program,
	.options = diff_options,
	.examples = "  memculprit diff logic_worker\n"
				"  memculprit diff logic_worker --from v2.2 --to v2.3\n",
	.json = true,
	.utc = true,
	.run = cmd_diff,
};

static const struct cli_command deploys = {
	.name = "deploys",
	.summary = "the deploys, and memory after each",
	.about = "Every deploy with how it was recognised, private memory at its end, and growth while it ran.",
	.operands = maybe_program,
	.examples = "  memculprit deploys\n"
				"  memculprit deploys logic_worker --json\n",
	.json = true,
	.utc = true,
	.run = cmd_deploys,
};

static const struct cli_operand mark_operands[] = {
	{ .name = "PROGRAM", .kind = CLI_PROGRAM, .optional = true },
	{ .name = "REV", .optional = true },
	{ 0 },
};
static const struct cli_option mark_options[] = {
	{ .name = "at", .value = "TIME", .text = "when it was deployed; now" },
	{ .name = "host", .value = "NAME", .text = "on this host only" },
	{ .name = "note", .value = "TEXT", .text = "a word to go with it" },
	{ .name = "delete", .value = "ID", .text = "take a mark back; deploys shows the numbers" },
	{ .name = "url", .value = "URL", .text = "of a daemon elsewhere: http://host:10187" },
	{ 0 },
};
static const struct cli_command mark = {
	.name = "mark",
	.summary = "mark a deploy",
	.about = "Tells that PROGRAM runs REV from now on: the last line of a deploy script. REV is anything that git resolves, or free text where "
			 "the program has no repository. What is already the newest deploy, within ten minutes, is not marked again.",
	.operands = mark_operands,
	.options = mark_options,
	.examples = "  memculprit mark logic_worker v2.3\n"
				"  memculprit mark logic_worker HEAD --note 'deploy 412'\n"
				"  memculprit mark logic_worker v2.3 --at '2026-02-03 14:00'\n"
				"  memculprit mark --delete 7\n",
	.json = true,
	.utc = true,
	.run = cmd_mark,
};

static const struct cli_option plot_options[] = {
	{ .name = "since", .value = "TIME", .text = "from here on" },
	{ .name = "until", .value = "TIME", .text = "up to here" },
	{ .name = "svg", .value = "FILE", .text = "draw it into FILE instead; - is standard output", .kind = CLI_FILE },
	{ 0 },
};
static const struct cli_command plot = {
	.name = "plot",
	.summary = "the memory curve with its deploys and the onset",
	.about = "Private memory over time, with a mark for each deploy and the interval in which growth began. Braille where the locale has UTF-8, "
			 "else ASCII.",
	.operands = a_program,
	.options = plot_options,
	.examples = "  memculprit plot logic_worker\n"
				"  memculprit plot logic_worker --since '2026-02-03 14:00' --until '2026-02-09'\n"
				"  memculprit plot logic_worker --svg curve.svg\n",
	.json = true,
	.utc = true,
	.run = cmd_plot,
};

static const struct cli_option analyze_options[] = {
	{ .name = "as-of", .value = "TIME", .text = "answer from only what was known then" },
	{ .name = "jobs", .value = "N", .text = "work on so many folders at a time", .letter = 'j' },
	{ 0 },
};
static const struct cli_command analyze = {
	.name = "analyze",
	.summary = "answer from scenario folders, without a database",
	.about = "Reads samples.csv, deploys.csv and load.csv of each folder and prints what 'blame' would, in the order given; with --json one object "
			 "a line. A folder that can't be read is told, and the exit code is 1 at the end.",
	.operands = folders,
	.options = analyze_options,
	.examples = "  memculprit analyze incident\n"
				"  memculprit analyze --json --jobs 2 incident week-2\n",
	.json = true,
	.utc = true,
	.run = cmd_analyze,
};

static const struct cli_command import = {
	.name = "import",
	.summary = "a scenario folder into the database",
	.about = "Reads samples.csv, deploys.csv and load.csv of a folder into the database. Importing twice changes nothing; a bad line stops it with "
			 "file, line and column, and nothing of the folder is kept.",
	.operands = program_and_folder,
	.examples = "  memculprit import logic_worker incident\n",
	.json = true,
	.run = cmd_import,
};

static const struct cli_command export = {
	.name = "export",
	.summary = "a program out of the database",
	.about = "Writes samples.csv, deploys.csv and load.csv into DIR, which is made where it is not there. Nothing is overwritten.",
	.operands = program_and_folder,
	.examples = "  memculprit export logic_worker copy-of-incident\n",
	.json = true,
	.run = cmd_export,
};

static const struct cli_operand a_file[] = { { .name = "FILE", .kind = CLI_FILE, .optional = true }, { 0 } };
static const struct cli_command check_config = {
	.name = "check-config",
	.summary = "every error of a configuration",
	.about = "Prints every error with file, line and column, and what to do. Without FILE, that of the daemon is checked.",
	.operands = a_file,
	.examples = "  memculprit check-config memculprit.yml\n",
	.json = true,
	.run = cmd_check_config,
};

static const struct cli_operand db_operands[] = {
	{ .name = "ACTION", .kind = CLI_ONE_OF, .words = "check backup compact salvage" },
	{ .name = "FILE", .kind = CLI_FILE, .optional = true },
	{ 0 },
};
static const struct cli_command db = {
	.name = "db",
	.summary = "check, backup, compact or salvage the database",
	.about = "check: its structure and every checksum.\n"
			 "backup FILE: a copy, while the daemon writes.\n"
			 "compact: gives space back.\n"
			 "salvage FILE: what can be read of a damaged database goes into a new one.",
	.operands = db_operands,
	.examples = "  memculprit db check\n"
				"  memculprit db backup copy.db\n"
				"  memculprit db compact\n"
				"  memculprit --db damaged.db db salvage saved.db\n",
	.json = true,
	.run = cmd_db,
};

static const struct cli_operand shells[] = { { .name = "SHELL", .kind = CLI_ONE_OF, .words = "bash zsh" }, { 0 } };
static const struct cli_command completion = {
	.name = "completion", /* no summary: for packaging/completions, not for people */
	.about = "Prints the completion of a shell.",
	.operands = shells,
	.examples = "  memculprit completion bash\n",
	.run = cmd_completion,
};

static const struct cli_operand a_command[] = { { .name = "COMMAND", .optional = true }, { 0 } };
static const struct cli_command help = {
	.name = "help", /* as git has it; --help says the same */
	.about = "Prints the help of a command, or of all.",
	.operands = a_command,
	.examples = "  memculprit help blame\n",
	.run = cmd_help,
};

const struct cli_command *const cli_commands[] = { &serve, &status, &blame, &diff, &deploys, &mark, &plot, &analyze, &import, &export,
	&check_config, &db, &completion, &help, NULL };
