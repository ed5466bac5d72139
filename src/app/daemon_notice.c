/* What the reader must know: what cannot be read, what is left out, whose requests are not known. In the log once, in
 * 'status' as long as it holds. */
#include <stdlib.h>
#include <string.h>

#include "daemon_parts.h"

enum { LOADS_SAID = 4, NOTICE_TICKS = 30, LOAD_LINES = 6, LOAD_LINES_MS = 600000 };

/* ---- load that is configured and does not come ---- */

/* A source that comes and goes with each tick shall not fill the log; `status` says how it is. */
static bool load_may_be_logged(const struct daemon *d, struct program *p)
{
	int64_t now = d->tick->t_ms;
	if (now < p->load_since_ms || now - p->load_since_ms >= LOAD_LINES_MS) {
		p->load_since_ms = now;
		p->load_lines = 0;
	}
	if (p->load_lines == LOAD_LINES)
		mc_log(MC_LOG_WARN, "load", "requests of %s come and go: no more of it for %d minutes", p->name, LOAD_LINES_MS / 60000);
	p->load_lines += p->load_lines <= LOAD_LINES;
	return p->load_lines <= LOAD_LINES;
}

void daemon_load_failed(struct daemon *d, struct program *p, const char *why)
{
	d->errors[AT_LOAD]++;
	if (p->load_said && strcmp(p->load_said, why) == 0)
		return;
	free(p->load_said);
	p->load_said = mc_strdup(why); /* without memory it is said again */
	d->notice_due = true;
	if (load_may_be_logged(d, p))
		mc_log(MC_LOG_WARN, "load", "requests of %s are not known: %s", p->name, why);
}

void daemon_load_came(struct daemon *d, struct program *p)
{
	if (!p->load_said)
		return;
	free(p->load_said);
	p->load_said = NULL;
	d->notice_due = true;
	if (load_may_be_logged(d, p))
		mc_log(MC_LOG_INFO, "load", "requests of %s are known again", p->name);
}

static void line(struct mc_buf *out)
{
	if (out->len && out->data[out->len - 1] != '\n')
		mc_buf_str(out, "\n");
}

static void loads(const struct daemon *d, struct mc_buf *out)
{
	size_t n = 0;
	for (size_t i = 0; i < d->nprograms; i++) {
		const struct program *p = &d->programs[i];
		if (!p->alive || !p->load_said || n++ >= LOADS_SAID)
			continue;
		line(out);
		mc_buf_str(out, "requests of ");
		mc_text_add(out, p->name, strlen(p->name));
		mc_buf_printf(out, " are not known: %s", p->load_said);
	}
	if (n > LOADS_SAID) {
		line(out);
		mc_buf_printf(out, "nor are those of %zu other programs: see the log", n - LOADS_SAID);
	}
}

/* ---- all of it ---- */

void daemon_notice(const struct daemon *d, struct mc_buf *out)
{
	mc_sampler_notice(d->sampler, out);
	loads(d, out);
}

/* What is wrong with load was logged when it was met. */
static void log_notice(const struct daemon *d)
{
	struct mc_buf text = { 0 };
	mc_sampler_notice(d->sampler, &text);
	for (const char *p = mc_buf_text(&text); *p; p += strspn(p, "\n")) {
		size_t len = strcspn(p, "\n");
		mc_log(MC_LOG_WARN, "sample", "%.*s", (int)len, p);
		p += len;
	}
	mc_buf_release(&text);
}

/* For 'status', which reads the database. Figures in it change each tick: not a write for each. */
void daemon_say_notice(struct daemon *d)
{
	struct mc_buf notice = { 0 }, shorts = { 0 };
	struct mc_error err;
	bool aloud = d->samples == 1;
	/* what is seen only between two samples is there from the second on */
	if (!aloud && !d->notice_due && d->samples != 3 && (uint64_t)d->samples % NOTICE_TICKS != 0)
		return;
	d->notice_due = false;
	daemon_notice(d, &notice);
	mc_sampler_short_text(d->sampler, &shorts);
	if (d->store && (mc_store_fact_put(d->store, "notice", mc_buf_text(&notice), &err) < 0 ||
			mc_store_fact_put(d->store, "short_lives", mc_buf_text(&shorts), &err) < 0))
		mc_log(MC_LOG_WARN, "store", "%s", err.text); /* only 'status' misses it */
	if (aloud)
		log_notice(d);
	mc_buf_release(&notice);
	mc_buf_release(&shorts);
}
