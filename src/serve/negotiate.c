/* What a client accepts, read from its headers as RFC 9110 has it. Garbage counts as absent. */
#include <string.h>
#include <strings.h>

#include "serve_priv.h"

struct span {
	const char *s;
	size_t len;
};

static struct span trimmed(const char *s, size_t len)
{
	while (len && (*s == ' ' || *s == '\t'))
		s++, len--;
	while (len && (s[len - 1] == ' ' || s[len - 1] == '\t'))
		len--;
	return (struct span){ s, len };
}

/* Cuts the next part off at `sep`, outside of quotes. False at the end. */
static bool next_part(const char **at, const char *end, char sep, struct span *ret)
{
	if (*at >= end)
		return false;
	const char *p = *at;
	bool quoted = false;
	for (; p < end && (quoted || *p != sep); p++)
		if (*p == '"')
			quoted = !quoted;
		else if (quoted && *p == '\\' && p + 1 < end)
			p++;
	*ret = trimmed(*at, (size_t)(p - *at));
	*at = p + 1;
	return true;
}

static bool is(struct span a, const char *b)
{
	return a.len == strlen(b) && strncasecmp(a.s, b, a.len) == 0;
}

/* The quality in thousandths; -1 where it is not a number from 0 to 1. */
static int quality(struct span v)
{
	double q;
	if (!mc_parse_double(v.s, v.len, &q) || !(q >= 0 && q <= 1))
		return -1;
	return (int)(q * 1000 + 0.5);
}

/* One element of an Accept header: type, quality, and the version asked for. */
struct range {
	struct span type, version;
	int q;
};

static bool parse_range(struct span element, struct range *ret)
{
	const char *at = element.s, *end = element.s + element.len;
	*ret = (struct range){ .q = 1000 };
	if (!next_part(&at, end, ';', &ret->type) || !ret->type.len)
		return false;
	struct span p;
	while (next_part(&at, end, ';', &p)) {
		const char *eq = memchr(p.s, '=', p.len);
		if (!eq)
			continue;
		struct span name = trimmed(p.s, (size_t)(eq - p.s));
		struct span value = trimmed(eq + 1, (size_t)(p.s + p.len - eq - 1));
		if (value.len >= 2 && value.s[0] == '"' && value.s[value.len - 1] == '"')
			value = (struct span){ value.s + 1, value.len - 2 };
		if (is(name, "q"))
			ret->q = quality(value);
		else if (is(name, "version"))
			ret->version = value;
	}
	return ret->q >= 0;
}

/* The most specific range that covers one of our two types decides its quality. */
struct offer {
	int specificity, q;
};

static void consider(struct offer *o, int specificity, int q)
{
	if (specificity > o->specificity || (specificity == o->specificity && q > o->q))
		*o = (struct offer){ specificity, q };
}

enum mc_format mc_accepted_format(const char *accept)
{
	if (!accept)
		return MC_FORMAT_TEXT;
	struct offer om = { 0, 0 }, text = { 0, 0 };
	const char *at = accept, *end = accept + strlen(accept);
	struct span element;
	while (next_part(&at, end, ',', &element)) {
		struct range r;
		if (!parse_range(element, &r))
			continue;
		if (is(r.type, "application/openmetrics-text")) {
			if (!r.version.len || is(r.version, "1.0.0"))
				consider(&om, r.version.len ? 4 : 3, r.q);
		} else if (is(r.type, "text/plain")) {
			if (!r.version.len || is(r.version, "0.0.4"))
				consider(&text, r.version.len ? 4 : 3, r.q);
		} else if (is(r.type, "application/*"))
			consider(&om, 2, r.q);
		else if (is(r.type, "text/*"))
			consider(&text, 2, r.q);
		else if (is(r.type, "*/*")) {
			consider(&om, 1, r.q);
			consider(&text, 1, r.q);
		}
	}
	/* A wildcard alone is a browser or curl: those read text better. */
	if (om.q == 0 || om.specificity < 3 || om.q < text.q)
		return MC_FORMAT_TEXT;
	return text.q > 0 ? MC_FORMAT_OPENMETRICS : MC_FORMAT_CREATED;
}

bool mc_accepts_gzip(const char *accept_encoding)
{
	if (!accept_encoding)
		return false;
	struct offer gz = { 0, 0 };
	const char *at = accept_encoding, *end = at + strlen(at);
	struct span element;
	while (next_part(&at, end, ',', &element)) {
		struct range r;
		if (!parse_range(element, &r))
			continue;
		if (is(r.type, "gzip") || is(r.type, "x-gzip"))
			consider(&gz, 2, r.q);
		else if (is(r.type, "*"))
			consider(&gz, 1, r.q);
	}
	return gz.q > 0;
}

bool mc_etag_matches(const char *if_none_match, const char *etag)
{
	if (!if_none_match)
		return false;
	const char *at = if_none_match, *end = at + strlen(at);
	struct span element;
	while (next_part(&at, end, ',', &element)) {
		if (element.len > 2 && element.s[0] == 'W' && element.s[1] == '/')
			element = (struct span){ element.s + 2, element.len - 2 };
		if (is(element, "*") || (element.len == strlen(etag) && memcmp(element.s, etag, element.len) == 0))
			return true;
	}
	return false;
}

static bool port_ok(const char *s)
{
	size_t digits = strspn(s, "0123456789");
	return digits <= 5 && s[digits] == '\0';
}

bool mc_host_ok(const char *host, bool loopback)
{
	static const char name_chars[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_";
	if (!host)
		return true; /* HTTP/1.0; the library refuses 1.1 without it */
	if (host[0] == '[') {
		size_t len = 1 + strspn(host + 1, "0123456789abcdefABCDEF:.");
		if (len < 3 || host[len] != ']')
			return false;
		return host[len + 1] == '\0' || (host[len + 1] == ':' && port_ok(host + len + 2));
	}
	size_t len = strspn(host, name_chars);
	if (len > 253 || !(host[len] == '\0' || (host[len] == ':' && port_ok(host + len + 1))))
		return false;
	if (!loopback || strspn(host, "0123456789.") == len || !memchr(host, '.', len))
		return true;
	static const char local[] = ".localhost";
	size_t n = sizeof(local) - 1;
	return len > n && strncasecmp(host + len - n, local, n) == 0;
}
