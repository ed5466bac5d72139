/* One line a message on stderr, in logfmt or JSON. */
#include "memculprit/base.h"

#include <string.h>
#include <unistd.h>

static enum mc_log_level least_level = MC_LOG_INFO;
static enum mc_log_format line_format = MC_LOG_LOGFMT;

void mc_log_setup(enum mc_log_level least, enum mc_log_format format)
{
	least_level = least;
	line_format = format;
}

static const char *level_name(enum mc_log_level l)
{
	static const char *const names[] = { "debug", "info", "warn", "error" };
	return names[l];
}

static void logfmt_line(struct mc_buf *b, const char *when, enum mc_log_level level, const char *component, const char *msg)
{
	mc_buf_printf(b, "ts=%s level=%s component=%s msg=\"", when, level_name(level), component);
	for (const char *p = msg; *p; p++) {
		if (*p == '"' || *p == '\\')
			mc_buf_add(b, "\\", 1);
		mc_buf_add(b, p, 1);
	}
	mc_buf_str(b, "\"");
}

static void json_line(struct mc_buf *b, const char *when, enum mc_log_level level, const char *component, const char *msg)
{
	struct mc_json *j = mc_json_new();
	if (!j)
		return;
	mc_json_object(j, NULL);
	mc_json_str(j, "ts", when);
	mc_json_str(j, "level", level_name(level));
	mc_json_str(j, "component", component);
	mc_json_str(j, "msg", msg);
	mc_json_close(j);
	mc_json_text(j, MC_JSON_COMPACT, b, NULL);
	mc_json_free(j);
}

void mc_log(enum mc_log_level level, const char *component, const char *fmt, ...)
{
	if (level < least_level)
		return;
	struct mc_buf raw = { .limit = 8192 }, clean = { 0 }, line = { 0 };
	va_list ap;
	va_start(ap, fmt);
	mc_buf_vprintf(&raw, fmt, ap);
	va_end(ap);
	mc_text_add(&clean, mc_buf_text(&raw), raw.len);
	char when[MC_TIME_TEXT];
	mc_time_text(mc_now_ms(), true, when);
	if (line_format == MC_LOG_JSON)
		json_line(&line, when, level, component, mc_buf_text(&clean));
	else
		logfmt_line(&line, when, level, component, mc_buf_text(&clean));
	mc_buf_str(&line, "\n");
	/* one write a line, so that lines of several threads do not mix */
	ssize_t n = write(STDERR_FILENO, mc_buf_text(&line), line.len);
	(void)n;
	mc_buf_release(&raw);
	mc_buf_release(&clean);
	mc_buf_release(&line);
}
