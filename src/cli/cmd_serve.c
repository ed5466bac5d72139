/* serve: the daemon, with node_exporter's flags. */
#include "cli.h"

#include <stdlib.h>
#include <string.h>

static int one_of(const struct cli *c, const char *option, const char *const *words, int *ret, struct mc_error *err)
{
	const char *given = cli_option(c, option);
	if (!given)
		return 0;
	for (int i = 0; words[i]; i++)
		if (strcmp(words[i], given) == 0) {
			*ret = i;
			return 0;
		}
	struct mc_buf all = { 0 };
	for (int i = 0; words[i]; i++)
		mc_buf_printf(&all, "%s%s", i ? ", " : "", words[i]);
	int rc = mc_fail(err, MC_EUSAGE, 0, "--%s=%.40s: one of %s is needed", option, given, mc_buf_text(&all));
	mc_buf_release(&all);
	return rc;
}

int cmd_serve(struct cli *c, struct mc_error *err)
{
	static const char *const levels[] = { "debug", "info", "warn", "error", NULL }, *const formats[] = { "logfmt", "json", NULL };
	const char *listen[CLI_GIVEN_MAX];
	int level = MC_LOG_INFO, format = MC_LOG_LOGFMT;
	struct mc_daemon_options o = { .config_file = c->config, .db = c->db, .listen = listen,
		.telemetry_path = cli_option(c, "web.telemetry-path"), .web_config = cli_option(c, "web.config.file"),
		.procfs = cli_option(c, "path.procfs"), .sysfs = cli_option(c, "path.sysfs"), .rootfs = cli_option(c, "path.rootfs"),
		.enable_mark = cli_option(c, "web.enable-mark") != NULL };
	while ((listen[o.nlisten] = cli_option_at(c, "web.listen-address", o.nlisten)))
		o.nlisten++;
	int rc = one_of(c, "log.level", levels, &level, err);
	if (rc == 0)
		rc = one_of(c, "log.format", formats, &format, err);
	if (rc < 0)
		return rc;
	o.log_level = (enum mc_log_level)level;
	o.log_format = (enum mc_log_format)format;
	return mc_daemon_run(&o, err);
}
