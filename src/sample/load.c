/* One figure out of a program's Prometheus page. */
#include "memculprit/sample.h"

#include <math.h>
#include <string.h>

/* The end of a {label set}, braces in quotes skipped; NULL where it does not end. */
static const char *labels_end(const char *p, const char *end)
{
	for (bool quoted = false; p < end; p++) {
		if (quoted && *p == '\\')
			p++;
		else if (*p == '"')
			quoted = !quoted;
		else if (!quoted && *p == '}')
			return p + 1;
	}
	return NULL;
}

/* A sample's value, if the line is one of `metric`. */
static bool sample_of(const char *p, const char *end, const char *metric, size_t k, double *ret)
{
	while (p < end && (*p == ' ' || *p == '\t'))
		p++;
	if ((size_t)(end - p) <= k || memcmp(p, metric, k) != 0 || !strchr("{ \t", p[k]) || !p[k])
		return false;
	for (p += k; p < end && (*p == ' ' || *p == '\t');)
		p++;
	if (p < end && *p == '{' && !(p = labels_end(p, end)))
		return false;
	while (p < end && (*p == ' ' || *p == '\t'))
		p++;
	size_t n = 0;
	while (p + n < end && !strchr(" \t\r", p[n]))
		n++;
	return mc_parse_double(p, n, ret) && isfinite(*ret);
}

int mc_load_parse(const char *text, size_t len, const char *metric, double *ret, struct mc_error *err)
{
	size_t k = strlen(metric);
	bool found = false;
	double sum = 0;
	for (const char *p = text, *end = text + len; k && p < end;) {
		const char *nl = memchr(p, '\n', (size_t)(end - p));
		double v;
		if (sample_of(p, nl ? nl : end, metric, k, &v)) {
			sum += v;
			found = true;
		}
		p = nl ? nl + 1 : end;
	}
	if (!found)
		return mc_fail(err, MC_ENOTFOUND, 0, "no metric %.200s on the page", metric);
	*ret = sum;
	return 0;
}
