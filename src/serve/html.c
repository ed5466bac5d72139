/* Text, times and figures for the page. */
#include <math.h>
#include <string.h>

#include "html.h"

void mc_h_text(struct mc_buf *b, const char *s)
{
	if (s)
		mc_html_add(b, s, strlen(s));
}

void mc_h_release(struct mc_buf *b, const char *name)
{
	if (name)
		mc_html_add(b, name, (size_t)mc_name_len(name, 1000));
}

void mc_h_query(struct mc_buf *b, const char *s)
{
	static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.~";
	for (; s && *s; s++)
		if (strchr(plain, *s))
			mc_buf_add(b, s, 1);
		else
			mc_buf_printf(b, "%%%02X", (unsigned char)*s);
}

void mc_h_time(struct mc_buf *b, int64_t ms, bool utc)
{
	char text[MC_TIME_TEXT], machine[MC_TIME_TEXT];
	if (ms == MC_PAGE_NO_TIME) {
		mc_buf_str(b, "–");
		return;
	}
	mc_buf_printf(b, "<time datetime=\"%s\">%s</time>", mc_time_text(ms, true, machine), mc_time_text(ms, utc, text));
}

/* Does s begin like the pattern, in which 0 stands for a digit? */
static bool looks_like(const char *s, const char *pattern)
{
	for (; *pattern; s++, pattern++)
		if (*pattern == '0' ? *s < '0' || *s > '9' : *s != *pattern)
			return false;
	return true;
}

void mc_h_sentence(struct mc_buf *b, const char *s, bool utc)
{
	static const char whole[] = "0000-00-00T00:00:00Z", clock[] = "00:00:00Z";
	char day[sizeof(whole)] = "";
	while (s && *s) {
		size_t len = 1 + strcspn(s + 1, "0123456789");
		int64_t ms;
		bool is_whole = looks_like(s, whole), is_clock = !is_whole && day[0] && looks_like(s, clock);
		if (is_whole)
			memcpy(day, s, sizeof(whole) - 1);
		else if (is_clock)
			memcpy(day + 11, s, sizeof(clock) - 1);
		if ((is_whole || is_clock) && mc_time_parse(day, 0, &ms, NULL) == 0) {
			mc_h_time(b, ms, utc);
			s += is_whole ? sizeof(whole) - 1 : sizeof(clock) - 1;
			continue;
		}
		/* A run of digits goes as one: a time does not begin inside of it. */
		len = *s >= '0' && *s <= '9' ? strspn(s, "0123456789") : len;
		mc_html_add(b, s, len);
		s += len;
	}
}

void mc_h_size(struct mc_buf *b, double bytes)
{
	char text[MC_TIME_TEXT];
	mc_buf_str(b, isfinite(bytes) ? mc_size_text(bytes, text) : "–");
}

void mc_h_growth(struct mc_buf *b, double per_second, bool processes)
{
	char text[MC_TIME_TEXT];
	if (!isfinite(per_second))
		mc_buf_str(b, "–");
	else if (processes)
		mc_buf_printf(b, "%+.3g processes/h", per_second * 3600);
	else if (fabs(per_second) * 3600 < 0.5)
		mc_buf_str(b, "0 B/h");
	else
		mc_buf_printf(b, "%s%s/h", per_second > 0 ? "+" : "", mc_size_text(per_second * 3600, text));
}

void mc_h_percent(struct mc_buf *b, double ratio)
{
	if (!isfinite(ratio))
		mc_buf_str(b, "–");
	else if (ratio > 0 && ratio < 0.0005)
		mc_buf_str(b, "&lt;0.1 %");
	else if (ratio > 0.999 && ratio < 1)
		mc_buf_str(b, "&gt;99.9 %");
	else
		mc_buf_printf(b, ratio < 0.0995 || ratio > 0.99 ? "%.1f %%" : "%.0f %%", ratio * 100);
}

/* 1234567 as "1.23 M". */
static void add_count(struct mc_buf *b, double v)
{
	static const char *const prefix[] = { "", " k", " M", " G", " T" };
	size_t k = 0;
	while (fabs(v) >= 1000 && k < 4) {
		v /= 1000;
		k++;
	}
	mc_buf_printf(b, k || v != floor(v) ? "%.3g%s" : "%.0f%s", v, prefix[k]);
}

void mc_h_value(struct mc_buf *b, const char *unit, double v)
{
	if (!unit)
		unit = "";
	if (!isfinite(v))
		mc_buf_str(b, "–");
	else if (strcmp(unit, "bytes") == 0)
		mc_h_size(b, v);
	else if (strcmp(unit, "bytes_per_second") == 0) {
		mc_h_size(b, v);
		mc_buf_str(b, "/s");
	} else if (strcmp(unit, "ratio") == 0)
		mc_buf_printf(b, "%.3g %%", v * 100);
	else {
		add_count(b, v);
		if (strcmp(unit, "per_second") == 0)
			mc_buf_str(b, "/s");
	}
}
