/* The answer in one sentence, for the terminal, the page and whoever is on call. */
#include "memculprit/app.h"

#include <math.h>
#include <string.h>

const char *mc_rate_text(double bytes_per_second, char out[MC_TIME_TEXT])
{
	static const struct {
		const char *unit;
		double seconds;
	} units[] = { { "s", 1 }, { "min", 60 }, { "h", 3600 }, { "d", 86400 } };
	/* the unit of time in which a person sees a figure between a MiB and a GiB */
	size_t i = 0;
	while (i + 1 < sizeof units / sizeof units[0] && fabs(bytes_per_second) * units[i].seconds < (i == 2 ? 262144 : 10 * 1048576.0))
		i++;
	char size[MC_TIME_TEXT];
	if (fabs(bytes_per_second) * units[i].seconds < 0.5)
		bytes_per_second = 0; /* no "-0 B/d" */
	snprintf(out, MC_TIME_TEXT, "%s/%s", mc_size_text(bytes_per_second * units[i].seconds, size), units[i].unit);
	return out;
}

const char *mc_growth_text(double per_second, bool processes, char out[MC_TIME_TEXT])
{
	if (!processes)
		return mc_rate_text(per_second, out);
	snprintf(out, MC_TIME_TEXT, "%.3g processes/h", per_second * 3600);
	return out;
}

/* "44.0 MiB/h (41.2 to 46.9)"; the units of the ends where they differ. */
static void add_rate(struct mc_buf *out, const struct mc_answer *a)
{
	char rate[MC_TIME_TEXT], lo[MC_TIME_TEXT], hi[MC_TIME_TEXT];
	mc_buf_printf(out, "%s", mc_rate_text(a->slope_after, rate));
	if (!isfinite(a->slope_after_lo) || !isfinite(a->slope_after_hi))
		return;
	mc_rate_text(a->slope_after_lo, lo);
	mc_rate_text(a->slope_after_hi, hi);
	const char *unit = strchr(rate, ' '), *of_lo = strchr(lo, ' '), *of_hi = strchr(hi, ' ');
	if (unit && of_lo && of_hi && strcmp(unit, of_lo) == 0 && strcmp(unit, of_hi) == 0)
		mc_buf_printf(out, " (%.*s to %.*s)", (int)(of_lo - lo), lo, (int)(of_hi - hi), hi);
	else
		mc_buf_printf(out, " (%s to %s)", lo, hi);
}

static const char *no_seconds(char *text, bool utc)
{
	if (!utc)
		text[16] = '\0';
	return text;
}

void mc_interval_text(int64_t at, int64_t lo, int64_t hi, bool utc, struct mc_buf *out)
{
	char t[MC_TIME_TEXT], l[MC_TIME_TEXT], h[MC_TIME_TEXT];
	mc_buf_str(out, no_seconds((mc_time_text(at, utc, t), t), utc));
	if (lo == MC_NO_TIME || hi == MC_NO_TIME || hi - lo < 1000)
		return;
	mc_time_text(lo, utc, l);
	mc_time_text(hi, utc, h);
	if (hi - lo >= 600000) {
		no_seconds(l, utc);
		no_seconds(h, utc);
	}
	bool day = strncmp(l, h, 10) == 0 && strncmp(l, t, 10) == 0;
	mc_buf_printf(out, " (%s to %s)", day ? l + 11 : l, day ? h + 11 : h);
}

static const char *signal_text(enum mc_signal s)
{
	return s == MC_SIGNAL_SHMEM ? "shared memory" : s == MC_SIGNAL_PROCESSES ? "the number of processes" : "private memory";
}

const char *mc_deploy_name(const struct mc_deploy_mark *d)
{
	return d->version && d->version[0] ? d->version : d->commit && d->commit[0] ? d->commit : "a deploy of unknown version";
}

static void add_name(struct mc_buf *out, const char *name)
{
	mc_text_add(out, name, (size_t)mc_name_len(name, 1000));
}

/* Who: "v2.3 started it: ", or why nobody is named. */
static void add_culprit(struct mc_buf *out, const struct mc_case *c, const struct mc_answer *a)
{
	const struct mc_candidate *k = a->candidates;
	if (a->culprit != MC_NO_DEPLOY) {
		add_name(out, mc_deploy_name(&c->deploys[k[a->culprit].deploy]));
		mc_buf_str(out, " started it: ");
	} else if (a->ncandidates > 1 && k[0].probability + k[1].probability > 0.5) {
		mc_buf_str(out, "either ");
		add_name(out, mc_deploy_name(&c->deploys[k[0].deploy]));
		mc_buf_str(out, " or ");
		add_name(out, mc_deploy_name(&c->deploys[k[1].deploy]));
		mc_buf_str(out, " started it: ");
	} else if (a->not_a_deploy > 0.5) {
		mc_buf_str(out, "no deploy started it: ");
	} else {
		mc_buf_str(out, "which deploy started it can't be told yet: ");
	}
}

static void add_probability(struct mc_buf *out, const struct mc_answer *a)
{
	double p = a->culprit != MC_NO_DEPLOY ? a->candidates[a->culprit].probability : (double)NAN;
	if (p > 0.995)
		mc_buf_str(out, ", with a probability of over 99 %");
	else if (isfinite(p))
		mc_buf_printf(out, ", with a probability of %.0f %%", 100 * p);
}

/* Where later releases grow at another rate than the culprit's. */
static void add_now(struct mc_buf *out, const struct mc_answer *a)
{
	char rate[MC_TIME_TEXT];
	if (!isfinite(a->slope_now) || fabs(a->slope_now - a->slope_after) < .01 * a->slope_after)
		return;
	if (a->signal == MC_SIGNAL_PROCESSES)
		mc_buf_printf(out, ", by %.3g an hour now", a->slope_now * 3600);
	else
		mc_buf_printf(out, ", by %s now", mc_rate_text(a->slope_now, rate));
}

static void leak_sentence(struct mc_buf *out, const struct mc_case *c, const struct mc_answer *a, bool utc)
{
	bool fixed = a->state == MC_STATE_FIXED;
	add_culprit(out, c, a);
	mc_buf_printf(out, "%s of ", signal_text(a->signal));
	mc_text_add(out, c->program, strlen(c->program));
	mc_buf_str(out, fixed ? " grew" : " grows");
	if (isfinite(a->slope_after) && a->signal == MC_SIGNAL_PROCESSES)
		mc_buf_printf(out, " by %.3g an hour (%.3g to %.3g)", a->slope_after * 3600, a->slope_after_lo * 3600, a->slope_after_hi * 3600);
	else if (isfinite(a->slope_after)) {
		mc_buf_str(out, " by ");
		add_rate(out, a);
	}
	if (a->onset_ms != MC_NO_TIME) {
		mc_buf_str(out, fixed ? " from " : " since ");
		mc_interval_text(a->onset_ms, a->onset_lo_ms, a->onset_hi_ms, utc, out);
	}
	add_now(out, a);
	add_probability(out, a);
	mc_buf_str(out, ".");
}

static void step_sentence(struct mc_buf *out, const struct mc_case *c, const struct mc_answer *a, bool utc)
{
	char size[MC_TIME_TEXT];
	add_culprit(out, c, a);
	mc_buf_printf(out, "%s of ", signal_text(a->signal));
	mc_text_add(out, c->program, strlen(c->program));
	mc_buf_str(out, " rose once");
	if (isfinite(a->grown_bytes) && a->signal == MC_SIGNAL_PROCESSES)
		mc_buf_printf(out, " by %.3g", a->grown_bytes);
	else if (isfinite(a->grown_bytes))
		mc_buf_printf(out, " by %s", mc_size_text(a->grown_bytes, size));
	if (a->onset_ms != MC_NO_TIME) {
		mc_buf_str(out, ", ");
		mc_interval_text(a->onset_ms, a->onset_lo_ms, a->onset_hi_ms, utc, out);
	}
	mc_buf_str(out, a->state == MC_STATE_FIXED ? ", and came down again" : ", and stays there");
	add_probability(out, a);
	mc_buf_str(out, ".");
}

static void plateau_sentence(struct mc_buf *out, const struct mc_case *c, const struct mc_answer *a, bool utc)
{
	char size[MC_TIME_TEXT], when[MC_TIME_TEXT];
	mc_buf_str(out, "no leak: memory of ");
	mc_text_add(out, c->program, strlen(c->program));
	if (isfinite(a->ceiling_bytes))
		mc_buf_printf(out, " levels off at about %s, as a warm-up or a bounded cache does", mc_size_text(a->ceiling_bytes, size));
	else
		mc_buf_printf(out, " rises after a start, and no further: it falls by %s now", mc_rate_text(a->falls, size));
	if (a->look_again_ms != MC_NO_TIME)
		mc_buf_printf(out, "; to be looked at again %s", mc_time_text(a->look_again_ms, utc, when));
	mc_buf_str(out, ".");
}

static void load_sentence(struct mc_buf *out, const struct mc_case *c, const struct mc_answer *a, bool utc)
{
	char size[MC_TIME_TEXT], when[MC_TIME_TEXT];
	mc_buf_str(out, "no leak: memory of ");
	mc_text_add(out, c->program, strlen(c->program));
	mc_buf_str(out, " follows its load");
	if (isfinite(a->bytes_per_request))
		mc_buf_printf(out, ", %s a request", mc_size_text(a->bytes_per_request, size));
	if (a->look_again_ms != MC_NO_TIME)
		mc_buf_printf(out, "; a whole day of it is to be seen: look again %s", mc_time_text(a->look_again_ms, utc, when));
	mc_buf_str(out, ".");
}

void mc_answer_sentence(const struct mc_case *c, const struct mc_answer *a, bool utc, struct mc_buf *out)
{
	char when[MC_TIME_TEXT];
	switch (a->verdict) {
	case MC_VERDICT_LEAK:
		leak_sentence(out, c, a, utc);
		break;
	case MC_VERDICT_STEP:
		step_sentence(out, c, a, utc);
		break;
	case MC_VERDICT_LOAD:
		load_sentence(out, c, a, utc);
		break;
	case MC_VERDICT_PLATEAU:
		plateau_sentence(out, c, a, utc);
		break;
	case MC_VERDICT_NONE:
		mc_buf_str(out, "no growth: memory of ");
		mc_text_add(out, c->program, strlen(c->program));
		if (a->falls > 0)
			mc_buf_printf(out, " falls by %s.", mc_rate_text(a->falls, when));
		else
			mc_buf_str(out, " is steady.");
		break;
	case MC_VERDICT_INSUFFICIENT:
	default:
		mc_buf_str(out, "not enough data yet about ");
		mc_text_add(out, c->program, strlen(c->program));
		if (a->look_again_ms != MC_NO_TIME)
			mc_buf_printf(out, "; look again %s", mc_time_text(a->look_again_ms, utc, when));
		mc_buf_str(out, ".");
	}
}
