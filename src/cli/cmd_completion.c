/* completion bash|zsh: the completions of packaging/completions, made from the table of commands. */
#include "cli.h"

#include <string.h>

static void each_option(struct mc_buf *out, const struct cli_command *k, void (*put)(struct mc_buf *, const struct cli_option *))
{
	const struct cli_option *tables[] = { k ? k->options : NULL, k && k->json ? cli_json_option : NULL, k && k->utc ? cli_utc_option : NULL,
		cli_globals, cli_help_option };
	for (size_t i = 0; i < sizeof tables / sizeof tables[0]; i++)
		for (const struct cli_option *o = tables[i]; o && o->name; o++)
			put(out, o);
}

/* ---- bash ---- */

static void bash_word(struct mc_buf *out, const struct cli_option *o)
{
	mc_buf_printf(out, " --%s", o->name);
}

/* Names of the options that take a value, each once, as case patterns. */
static void bash_values(struct mc_buf *out)
{
	struct mc_buf seen = { 0 };
	for (size_t i = 0; cli_commands[i]; i++) {
		const struct cli_option *tables[] = { cli_globals, cli_commands[i]->options };
		for (size_t t = 0; t < 2; t++)
			for (const struct cli_option *o = tables[t]; o && o->name; o++) {
				char name[80];
				snprintf(name, sizeof name, "|%s|", o->name);
				if (!o->value || strstr(mc_buf_text(&seen), name))
					continue;
				mc_buf_str(&seen, name);
				mc_buf_printf(out, "	--%s) ", o->name);
				if (o->kind == CLI_ONE_OF)
					mc_buf_printf(out, "mapfile -t COMPREPLY < <(compgen -W '%s' -- \"$cur\")", o->words);
				else if (o->kind == CLI_FILE || o->kind == CLI_DIR)
					mc_buf_printf(out, "mapfile -t COMPREPLY < <(compgen -%c -- \"$cur\")", o->kind == CLI_FILE ? 'f' : 'd');
				else
					mc_buf_str(out, ":");
				mc_buf_str(out, "; return ;;\n");
			}
	}
	mc_buf_release(&seen);
}

static void bash_operands(struct mc_buf *out, const struct cli_command *k)
{
	size_t n = 0;
	for (const struct cli_operand *o = k->operands; o && o->name; o++, n++) {
		mc_buf_printf(out, o->many ? "		%s:*) " : "		%s:%zu) ", k->name, n);
		if (o->kind == CLI_PROGRAM)
			mc_buf_str(out, "words=$(_memculprit_programs) ;;\n");
		else if (o->kind == CLI_ONE_OF)
			mc_buf_printf(out, "words='%s' ;;\n", o->words);
		else if (o->kind == CLI_FILE || o->kind == CLI_DIR)
			mc_buf_printf(out, "mapfile -t COMPREPLY < <(compgen -%c -- \"$cur\"); return ;;\n", o->kind == CLI_FILE ? 'f' : 'd');
		else
			mc_buf_str(out, ";;\n");
	}
}

static void bash_commands(struct mc_buf *out)
{
	mc_buf_str(out, "	case $command in\n	'') options='");
	struct mc_buf words = { 0 };
	each_option(&words, NULL, bash_word);
	mc_buf_printf(out, "%s' ;;\n", mc_buf_text(&words) + 1);
	for (size_t i = 0; cli_commands[i]; i++) {
		mc_buf_release(&words);
		each_option(&words, cli_commands[i], bash_word);
		if (cli_commands[i]->summary)
			mc_buf_printf(out, "	%s) options='%s' ;;\n", cli_commands[i]->name, mc_buf_text(&words) + 1);
	}
	mc_buf_str(out, "	esac\n");
	mc_buf_release(&words);
}

static void bash(struct mc_buf *out)
{
	mc_buf_str(out,
		"# bash completion for memculprit; made by 'memculprit completion bash'\n"
		"_memculprit_programs() {\n"
		"	memculprit \"${globals[@]}\" status --json 2>/dev/null |\n"
		"		sed -n 's/^ *\"program\": *\"\\([^\"]*\\)\".*/\\1/p' | sort -u\n"
		"}\n\n"
		"_memculprit() {\n"
		"	local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]} command='' n=0 i words='' options=''\n"
		"	local -a globals=()\n"
		"	COMPREPLY=()\n"
		"	for ((i = 1; i < COMP_CWORD; i++)); do\n"
		"		case ${COMP_WORDS[i]} in\n"
		"		--config | --db) globals+=(\"${COMP_WORDS[i]}\" \"${COMP_WORDS[i + 1]}\"); ((i++)) ;;\n"
		"		--color) ((i++)) ;;\n"
		"		-*) ;;\n"
		"		*) if [ -z \"$command\" ]; then command=${COMP_WORDS[i]}; else n=$((n + 1)); fi ;;\n"
		"		esac\n"
		"	done\n"
		"	case $prev in\n");
	bash_values(out);
	mc_buf_str(out, "	esac\n");
	bash_commands(out);
	mc_buf_str(out, "	if [[ $cur != -* ]]; then\n		case $command:$n in\n		:*) words='");
	for (size_t i = 0, first = 1; cli_commands[i]; i++)
		if (cli_commands[i]->summary) {
			mc_buf_printf(out, "%s%s", first ? "" : " ", cli_commands[i]->name);
			first = 0;
		}
	mc_buf_str(out, "' ;;\n");
	for (size_t i = 0; cli_commands[i]; i++)
		if (cli_commands[i]->summary)
			bash_operands(out, cli_commands[i]);
	mc_buf_str(out, "		esac\n	fi\n"
		"	[ -n \"$words\" ] && [[ $cur != -* ]] || words=\"$words $options\"\n"
		"	mapfile -t COMPREPLY < <(compgen -W \"$words\" -- \"$cur\")\n"
		"}\n"
		"complete -F _memculprit memculprit\n");
}

/* ---- zsh ---- */

/* A text inside [...] of an _arguments specification, in single quotes. */
static void zsh_text(struct mc_buf *out, const char *s)
{
	for (; *s; s++) {
		if (*s == '[' || *s == ']' || *s == ':')
			mc_buf_str(out, "\\");
		if (*s == '\'')
			mc_buf_str(out, "'\\''");
		else
			mc_buf_add(out, s, 1);
	}
}

static void zsh_action(struct mc_buf *out, enum cli_kind kind, const char *words)
{
	if (kind == CLI_FILE || kind == CLI_DIR)
		mc_buf_str(out, kind == CLI_DIR ? "_files -/" : "_files");
	else if (kind == CLI_PROGRAM)
		mc_buf_str(out, "_memculprit_programs");
	else if (kind == CLI_ONE_OF)
		mc_buf_printf(out, "(%s)", words);
}

static void zsh_option(struct mc_buf *out, const struct cli_option *o)
{
	mc_buf_printf(out, " \\\n				'%s--%s%s[", o->many ? "*" : strcmp(o->name, "help") == 0 || strcmp(o->name, "version") == 0 ? "(- *)" : "",
		o->name, o->value ? "=" : "");
	zsh_text(out, o->text);
	mc_buf_str(out, "]");
	if (o->value) {
		mc_buf_printf(out, ":%s:", o->value);
		zsh_action(out, o->kind, o->words);
	}
	mc_buf_str(out, "'");
}

static void zsh_command(struct mc_buf *out, const struct cli_command *k)
{
	size_t n = 1;
	mc_buf_printf(out, "		%s)\n			_arguments", k->name);
	each_option(out, k, zsh_option);
	for (const struct cli_operand *o = k->operands; o && o->name; o++, n++) {
		if (o->many)
			mc_buf_printf(out, " \\\n				'*:%s:", o->name);
		else
			mc_buf_printf(out, " \\\n				'%zu:%s:", n, o->name);
		zsh_action(out, o->kind, o->words);
		mc_buf_str(out, "'");
	}
	mc_buf_str(out, "\n			;;\n");
}

static void zsh(struct mc_buf *out)
{
	mc_buf_str(out,
		"#compdef memculprit\n"
		"# zsh completion for memculprit; made by 'memculprit completion zsh'\n\n"
		"_memculprit_programs() {\n"
		"	local -a names\n"
		"	names=(${(f)\"$(memculprit ${(kv)opt_args[(I)--(config|db)]} status --json 2>/dev/null |\n"
		"		sed -n 's/^ *\"program\": *\"\\([^\"]*\\)\".*/\\1/p' | sort -u)\"})\n"
		"	_describe -t programs 'program' names\n"
		"}\n\n"
		"_memculprit() {\n"
		"	local -a commands\n"
		"	local curcontext=$curcontext state\n"
		"	typeset -A opt_args\n"
		"	commands=(\n");
	for (size_t i = 0; cli_commands[i]; i++)
		if (cli_commands[i]->summary) {
			mc_buf_printf(out, "		'%s:", cli_commands[i]->name);
			zsh_text(out, cli_commands[i]->summary);
			mc_buf_str(out, "'\n");
		}
	mc_buf_str(out, "	)\n	_arguments -C");
	each_option(out, NULL, zsh_option);
	mc_buf_str(out,
		" \\\n		'1:command:->command' '*::argument:->argument'\n"
		"	case $state in\n"
		"	command) _describe -t commands 'command' commands ;;\n"
		"	argument)\n"
		"		case $words[1] in\n");
	for (size_t i = 0; cli_commands[i]; i++)
		if (cli_commands[i]->summary)
			zsh_command(out, cli_commands[i]);
	mc_buf_str(out, "		esac\n		;;\n	esac\n}\n\n_memculprit \"$@\"\n");
}

int cmd_completion(struct cli *c, struct mc_error *err)
{
	c->json = true; /* as it is, in every locale */
	if (strcmp(c->operands[0], "bash") == 0)
		bash(&c->out);
	else if (strcmp(c->operands[0], "zsh") == 0)
		zsh(&c->out);
	else
		return mc_fail(err, MC_EUSAGE, 0, "completion of '%.40s' is not there; bash and zsh are", c->operands[0]);
	return CLI_DONE;
}
