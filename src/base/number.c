/* Numbers out of text that is not terminated. */
#include "memculprit/base.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

bool mc_parse_u64(const char *s, size_t len, uint64_t *ret)
{
	uint64_t v = 0;
	if (len == 0 || len > 20)
		return false;
	if (len < 20) { /* cannot overflow */
		for (size_t i = 0; i < len; i++) {
			unsigned d = (unsigned)(unsigned char)s[i] - '0';
			if (d > 9)
				return false;
			v = v * 10 + d;
		}
		*ret = v;
		return true;
	}
	for (size_t i = 0; i < len; i++) {
		unsigned d = (unsigned)(unsigned char)s[i] - '0';
		if (d > 9 || __builtin_mul_overflow(v, (uint64_t)10, &v) || __builtin_add_overflow(v, (uint64_t)d, &v))
			return false;
	}
	*ret = v;
	return true;
}

bool mc_parse_i64(const char *s, size_t len, int64_t *ret)
{
	bool neg = len > 0 && s[0] == '-';
	uint64_t v;
	if (len > 0 && (s[0] == '-' || s[0] == '+')) {
		s++;
		len--;
	}
	if (!mc_parse_u64(s, len, &v) || v > (uint64_t)INT64_MAX + neg)
		return false;
	*ret = neg ? (int64_t)(0 - v) : (int64_t)v;
	return true;
}

static bool word(const char *s, size_t len, const char *w)
{
	return len == strlen(w) && strncasecmp(s, w, len) == 0;
}

static bool special(const char *s, size_t len, double *ret)
{
	bool neg = len > 0 && s[0] == '-';
	if (len > 0 && (s[0] == '-' || s[0] == '+')) {
		s++;
		len--;
	}
	if (word(s, len, "nan"))
		*ret = (double)NAN;
	else if (word(s, len, "inf") || word(s, len, "infinity"))
		*ret = neg ? -(double)INFINITY : (double)INFINITY;
	else
		return false;
	return true;
}

/* Plain decimals whose digits a double holds: one division then rounds correctly (Clinger 1990). */
static bool decimal(const char *s, size_t len, double *ret)
{
	static const double power[] = { 1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15 };
	const char *dot = memchr(s, '.', len);
	uint64_t whole = 0, part = 0;
	if (!dot || len > 16 || dot == s || dot == s + len - 1)
		return false;
	size_t before = (size_t)(dot - s), after = len - before - 1;
	if (!mc_parse_u64(s, before, &whole) || !mc_parse_u64(dot + 1, after, &part))
		return false;
	*ret = ((double)whole * power[after] + (double)part) / power[after];
	return true;
}

bool mc_parse_double(const char *s, size_t len, double *ret)
{
	int64_t whole;
	/* nearly every number that we read is a short integer */
	if (len <= 15 && mc_parse_i64(s, len, &whole)) {
		*ret = len > 1 && s[0] == '-' && whole == 0 ? -0.0 : (double)whole;
		return true;
	}
	if (decimal(s, len, ret))
		return true;
	char text[64];
	if (len == 0 || len >= sizeof text)
		return false;
	for (size_t i = 0; i < len; i++)
		if (!strchr("0123456789+-.eE", s[i]) || s[i] == '\0')
			return special(s, len, ret);
	memcpy(text, s, len);
	text[len] = '\0';
	char *end;
	double v = strtod(text, &end);
	if (end != text + len)
		return false;
	*ret = v;
	return true;
}
