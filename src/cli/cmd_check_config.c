/* check-config [FILE]: every error with file, line and column. */
#include "cli.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The file that the daemon would read; NULL: none. */
static const char *which(const struct cli *c)
{
	const char *env = getenv("MEMCULPRIT_CONFIG");
	if (c->noperands)
		return c->operands[0];
	if (c->config)
		return c->config;
	if (env && env[0])
		return env;
	return access("/etc/memculprit/memculprit.yml", F_OK) == 0 ? "/etc/memculprit/memculprit.yml" : NULL;
}

static void put_errors(struct mc_json *j, const char *path, const char *lines)
{
	mc_json_object(j, NULL);
	mc_json_int(j, "schema", 1);
	mc_json_str(j, "file", path);
	mc_json_bool(j, "ok", *lines == '\0');
	mc_json_array(j, "errors");
	while (*lines) {
		size_t len = strcspn(lines, "\n");
		char *one = strndup(lines, len);
		if (one)
			mc_json_str(j, NULL, one);
		free(one);
		lines += len + (lines[len] == '\n');
	}
	mc_json_close(j);
	mc_json_close(j);
}

static int print_errors(struct cli *c, const char *path, const struct mc_buf *errors, struct mc_error *err)
{
	if (c->json) {
		struct mc_json *j = mc_json_new();
		if (j)
			put_errors(j, path, mc_buf_text(errors));
		int rc = cli_print_json(c, j, err);
		return rc < 0 ? rc : errors->len ? CLI_USAGE : CLI_DONE;
	}
	if (errors->len == 0) {
		cli_line(c, 0, NULL, "%s is in order.", path);
		return CLI_DONE;
	}
	if (cli_flush(c, err) < 0)
		return err->code;
	fputs(mc_buf_text(errors), stderr);
	return CLI_USAGE;
}

int cmd_check_config(struct cli *c, struct mc_error *err)
{
	struct mc_config cfg;
	struct mc_buf errors = { 0 };
	const char *path = which(c);
	if (!path) {
		if (!c->json)
			cli_line(c, 0, NULL, "There is no configuration; the defaults hold.");
		else
			mc_buf_str(&c->out, "{\"schema\": 1, \"file\": null, \"ok\": true, \"errors\": []}\n");
		return CLI_DONE;
	}
	int rc = mc_config_read(path, &cfg, &errors, err);
	if (rc == 0)
		mc_config_release(&cfg);
	if (rc == 0 || (rc == MC_EUSAGE && errors.len))
		rc = print_errors(c, path, &errors, err);
	mc_buf_release(&errors);
	return rc;
}
