#include "parse.h"

#include <string.h>

/* The next run of digits after blanks; *at moves behind it. A value past 2^64 stays at the top. */
static bool number(const char **at, const char *end, uint64_t *ret)
{
	const char *p = *at;
	while (p < end && (*p == ' ' || *p == '\t' || *p == ':'))
		p++;
	bool minus = p < end && *p == '-'; /* a field such as tpgid may be -1: read as 0 */
	if (minus)
		p++;
	if (p >= end || *p < '0' || *p > '9')
		return false;
	uint64_t v = 0;
	for (; p < end && *p >= '0' && *p <= '9'; p++)
		if (__builtin_mul_overflow(v, 10U, &v) || __builtin_add_overflow(v, (uint64_t)(*p - '0'), &v))
			v = UINT64_MAX / 16;
	*at = p;
	*ret = minus ? 0 : v;
	return true;
}

bool sm_parse_statm(const char *s, size_t n, struct sm_statm *ret)
{
	const char *at = s, *end = s + n;
	struct sm_statm v;
	if (!number(&at, end, &v.size) || !number(&at, end, &v.resident) || !number(&at, end, &v.shared))
		return false;
	v.text = 0;
	number(&at, end, &v.text);
	/* no process has 2^48 pages; keeps the product with the page size in range */
	if (v.size >> 48 || v.resident >> 48 || v.shared > v.resident)
		return false;
	*ret = v;
	return true;
}

/* As sm_key, from *from on, which is then where the key was found. */
static bool key_from(const char *s, size_t n, size_t *from, const char *key, uint64_t *ret)
{
	size_t k = strlen(key);
	for (const char *p = s + *from, *end = s + n; p && p < end;) {
		const char *at = p + k;
		if ((size_t)(end - p) > k && memcmp(p, key, k) == 0 && strchr(": \t", *at) && *at) {
			*from = (size_t)(p - s);
			return number(&at, end, ret);
		}
		p = memchr(p, '\n', (size_t)(end - p));
		if (p)
			p++;
	}
	return false;
}

bool sm_key(const char *s, size_t n, const char *key, uint64_t *ret)
{
	size_t from = 0;
	return key_from(s, n, &from, key, ret);
}

/* Keys that are asked for in the order in which they stand cost one pass over the text; others are found all the same. */
static bool next_key(const char *s, size_t n, size_t *at, const char *key, uint64_t *ret)
{
	size_t from = *at;
	if (key_from(s, n, &from, key, ret)) {
		*at = from;
		return true;
	}
	return *at > 0 && sm_key(s, *at, key, ret);
}

static uint64_t kib(const char *s, size_t n, size_t *at, const char *key)
{
	uint64_t v = 0;
	return next_key(s, n, at, key, &v) && v < UINT64_MAX / 2048 ? v * 1024 : 0;
}

bool sm_parse_status(const char *s, size_t n, struct sm_status *ret)
{
	struct sm_status v = {0};
	uint64_t x = 0;
	if (n < 6 || memcmp(s, "Name:\t", 6) != 0)
		return false;
	/* newline and backslash are escaped by the kernel in Name, and in nothing else */
	size_t o = 0;
	for (size_t i = 6; i < n && s[i] != '\n' && o < sizeof v.comm - 1; i++) {
		char c = s[i];
		if (c == '\\' && i + 1 < n && (s[i + 1] == 'n' || s[i + 1] == '\\'))
			c = s[++i] == 'n' ? '\n' : '\\';
		v.comm[o++] = c;
	}
	size_t at = 0;
	v.uid = next_key(s, n, &at, "Uid", &x) ? (uint32_t)x : UINT32_MAX;
	v.size = kib(s, n, &at, "VmSize");
	v.hwm = kib(s, n, &at, "VmHWM");
	v.has_rss = next_key(s, n, &at, "RssAnon", &x);
	v.anon = kib(s, n, &at, "RssAnon");
	v.file = kib(s, n, &at, "RssFile");
	v.shmem = kib(s, n, &at, "RssShmem");
	v.swap = kib(s, n, &at, "VmSwap");
	if (next_key(s, n, &at, "Threads", &x))
		v.threads = x;
	v.switches = UINT64_MAX;
	uint64_t y = 0;
	if (next_key(s, n, &at, "voluntary_ctxt_switches", &x) && next_key(s, n, &at, "nonvoluntary_ctxt_switches", &y))
		v.switches = x + y;
	*ret = v;
	return true;
}

bool sm_parse_stat(const char *s, size_t n, struct sm_stat *ret)
{
	const char *end = s + n, *open = memchr(s, '(', n), *close = memrchr(s, ')', n);
	if (!open || !close || close < open || end - close < 4 || close[1] != ' ')
		return false; /* the name itself may hold both parentheses: only the last one closes it */
	struct sm_stat v = {.state = close[2]};
	size_t len = (size_t)(close - open - 1);
	memcpy(v.comm, open + 1, len < sizeof v.comm - 1 ? len : sizeof v.comm - 1);
	uint64_t f[29] = {0};
	const char *at = close + 3;
	for (size_t i = 4; i <= 28; i++)
		if (!number(&at, end, &f[i]) && i <= 23)
			return false;
	v.ppid = f[4];
	v.flags = f[9];
	v.minflt = f[10];
	v.majflt = f[12];
	v.utime = f[14];
	v.stime = f[15];
	v.threads = f[20];
	v.start = f[22];
	v.vsize = f[23];
	v.stack = f[28];
	*ret = v;
	return true;
}
