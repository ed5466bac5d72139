/* Points in time and durations, in and out. */
#include "memculprit/base.h"

#include <ctype.h>
#include <math.h>
#include <string.h>
#include <time.h>

/* Takes exactly `digits` digits at *p. */
static bool take(const char **p, int digits, int *ret)
{
	int v = 0;
	for (int i = 0; i < digits; i++, (*p)++) {
		if (!isdigit((unsigned char)**p))
			return false;
		v = v * 10 + (**p - '0');
	}
	*ret = v;
	return true;
}

static bool take_char(const char **p, const char *any)
{
	if (**p == '\0' || !strchr(any, **p))
		return false;
	(*p)++;
	return true;
}

/* ".5" after the seconds, as milliseconds; nothing is 0. */
static int take_fraction(const char **p)
{
	int ms = 0, scale = 100;
	if (**p != '.' || !isdigit((unsigned char)(*p)[1]))
		return 0;
	for ((*p)++; isdigit((unsigned char)**p); (*p)++, scale /= 10)
		ms += (**p - '0') * scale;
	return ms;
}

/* "Z", "+01:00", "-0530"; false: neither. *offset in minutes, east positive. */
static bool take_zone(const char **p, int *offset)
{
	int h, m;
	if (take_char(p, "Zz")) {
		*offset = 0;
		return true;
	}
	int sign = **p == '-' ? -1 : 1;
	if (!take_char(p, "+-") || !take(p, 2, &h))
		return false;
	(void)take_char(p, ":");
	if (!take(p, 2, &m) || h > 23 || m > 59)
		return false;
	*offset = sign * (h * 60 + m);
	return true;
}

static bool days_fit(const struct tm *t)
{
	static const int days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
	int year = t->tm_year + 1900;
	bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
	return t->tm_mon >= 0 && t->tm_mon < 12 && t->tm_mday >= 1 && t->tm_mday <= days[t->tm_mon] + (t->tm_mon == 1 && leap) &&
	       t->tm_hour < 24 && t->tm_min < 60 && t->tm_sec <= 60;
}

static bool parse_calendar(const char *p, int64_t *ret)
{
	struct tm t = { .tm_isdst = -1 };
	int ms = 0, zone = 0;
	bool zoned = false;
	if (!take(&p, 4, &t.tm_year) || !take_char(&p, "-") || !take(&p, 2, &t.tm_mon) || !take_char(&p, "-") || !take(&p, 2, &t.tm_mday))
		return false;
	t.tm_year -= 1900;
	t.tm_mon -= 1;
	if (take_char(&p, "Tt ")) {
		if (!take(&p, 2, &t.tm_hour) || !take_char(&p, ":") || !take(&p, 2, &t.tm_min))
			return false;
		if (take_char(&p, ":") && !take(&p, 2, &t.tm_sec))
			return false;
		ms = take_fraction(&p);
		zoned = *p != '\0' && take_zone(&p, &zone);
	}
	if (*p != '\0' || !days_fit(&t))
		return false;
	time_t s = zoned ? timegm(&t) - (time_t)zone * 60 : mktime(&t);
	*ret = (int64_t)s * 1000 + ms;
	return true;
}

int mc_time_parse(const char *text, int64_t now_ms, int64_t *ret, struct mc_error *err)
{
	double seconds;
	int64_t ms = 0;
	if (strcmp(text, "now") == 0) {
		*ret = now_ms;
		return 0;
	}
	if (parse_calendar(text, ret))
		return 0;
	if ((text[0] == '-' || text[0] == '+') && mc_duration_parse(text + 1, &ms, NULL) == 0) {
		*ret = text[0] == '-' ? now_ms - ms : now_ms + ms;
		return 0;
	}
	if (isdigit((unsigned char)text[0]) && mc_parse_double(text, strlen(text), &seconds) && seconds < 1e11) {
		*ret = (int64_t)llround(seconds * 1000);
		return 0;
	}
	return mc_fail(err, MC_EUSAGE, 0,
		"'%.60s' is not a time; give now, -2h, 2026-02-03 14:00, 2026-02-03T14:00:00Z or Unix seconds", text);
}

const char *mc_time_text(int64_t ms, bool utc, char out[MC_TIME_TEXT])
{
	time_t s = (time_t)(ms / 1000 - (ms % 1000 < 0));
	struct tm t;
	if ((utc ? gmtime_r(&s, &t) : localtime_r(&s, &t)) == NULL || t.tm_year > 8099 || t.tm_year < -1900)
		snprintf(out, MC_TIME_TEXT, "%lld ms", (long long)ms);
	else
		strftime(out, MC_TIME_TEXT, utc ? "%Y-%m-%dT%H:%M:%SZ" : "%Y-%m-%d %H:%M:%S", &t);
	return out;
}

struct unit {
	const char *name;
	int64_t ms;
};
/* A year is 365.25 days, as systemd.time(7) has it. */
static const struct unit units[] = {
	{ "ms", 1 }, { "min", 60000 }, { "s", 1000 }, { "m", 60000 }, { "h", 3600000 }, { "d", 86400000 },
	{ "w", 604800000 }, { "y", 31557600000 },
};

static const struct unit *unit_at(const char *p)
{
	for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) {
		size_t n = strlen(units[i].name);
		if (strncmp(p, units[i].name, n) == 0 && !isalpha((unsigned char)p[n]))
			return &units[i];
	}
	return NULL;
}

int mc_duration_parse(const char *text, int64_t *ret, struct mc_error *err)
{
	double total = 0;
	const char *p = text;
	do {
		const char *digits = p;
		double v;
		while (isdigit((unsigned char)*p) || *p == '.')
			p++;
		if (!mc_parse_double(digits, (size_t)(p - digits), &v))
			goto bad;
		while (*p == ' ')
			p++;
		const struct unit *u = unit_at(p);
		if (!u)
			goto bad;
		total += v * (double)u->ms;
		p += strlen(u->name);
	} while (*p != '\0');
	if (!(total < 9e15))
		goto bad;
	*ret = (int64_t)llround(total);
	return 0;
bad:
	return mc_fail(err, MC_EUSAGE, 0, "'%.60s' is not a duration; give a number with a unit: 250ms, 10s, 5min, 2h, 30d, 2y", text);
}

const char *mc_duration_text(int64_t ms, char out[MC_TIME_TEXT])
{
	const char *sign = ms < 0 ? "-" : "";
	uint64_t v = ms < 0 ? 0 - (uint64_t)ms : (uint64_t)ms, s = v / 1000;
	if (v < 1000)
		snprintf(out, MC_TIME_TEXT, "%s%d ms", sign, (int)v);
	else if (s < 60)
		snprintf(out, MC_TIME_TEXT, "%s%d s", sign, (int)s);
	else if (s < 3600)
		snprintf(out, MC_TIME_TEXT, s % 60 ? "%s%d min %d s" : "%s%d min", sign, (int)(s / 60), (int)(s % 60));
	else if (s < 86400)
		snprintf(out, MC_TIME_TEXT, s / 60 % 60 ? "%s%d h %d min" : "%s%d h", sign, (int)(s / 3600), (int)(s / 60 % 60));
	else
		snprintf(out, MC_TIME_TEXT, s / 3600 % 24 ? "%s%lld d %d h" : "%s%lld d", sign, (long long)(s / 86400), (int)(s / 3600 % 24));
	return out;
}
