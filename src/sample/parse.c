#include "parse.h"

#include <ctype.h>
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
	/* no process has 2^48 pages; keeps the product with the page size in range */
	if (v.size >> 48 || v.resident >> 48 || v.shared > v.resident)
		return false;
	*ret = v;
	return true;
}

bool sm_key(const char *s, size_t n, const char *key, uint64_t *ret)
{
	size_t k = strlen(key);
	for (const char *p = s, *end = s + n; p && p < end;) {
		const char *at = p + k;
		if ((size_t)(end - p) > k && memcmp(p, key, k) == 0 && strchr(": \t", *at) && *at)
			return number(&at, end, ret);
		p = memchr(p, '\n', (size_t)(end - p));
		if (p)
			p++;
	}
	return false;
}

static uint64_t kib(const char *s, size_t n, const char *key)
{
	uint64_t v = 0;
	return sm_key(s, n, key, &v) && v < UINT64_MAX / 2048 ? v * 1024 : 0;
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
	v.has_rss = sm_key(s, n, "RssAnon", &x);
	v.anon = kib(s, n, "RssAnon");
	v.file = kib(s, n, "RssFile");
	v.shmem = kib(s, n, "RssShmem");
	v.swap = kib(s, n, "VmSwap");
	v.hwm = kib(s, n, "VmHWM");
	v.size = kib(s, n, "VmSize");
	if (sm_key(s, n, "Threads", &x))
		v.threads = x;
	v.uid = sm_key(s, n, "Uid", &x) ? (uint32_t)x : UINT32_MAX;
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

/* How good the line's hierarchy is for telling programs apart. */
static int rank(const char *p, const char *colon)
{
	size_t n = (size_t)(colon - p);
	if (n == 0)
		return 4;
	if (n == 12 && memcmp(p, "name=systemd", 12) == 0)
		return 3;
	return memmem(p, n, "memory", 6) ? 2 : 1;
}

bool sm_parse_cgroup(const char *s, size_t n, char *path, size_t cap)
{
	int best = 0;
	for (const char *p = s, *end = s + n; p < end;) {
		const char *nl = memchr(p, '\n', (size_t)(end - p));
		nl = nl ? nl : end;
		const char *a = memchr(p, ':', (size_t)(nl - p));
		const char *b = a ? memchr(a + 1, ':', (size_t)(nl - a - 1)) : NULL;
		if (b) {
			size_t len = (size_t)(nl - b - 1);
			/* on a hybrid host v2's line is there and says only "/" */
			int r = len <= 1 ? 1 : 1 + rank(a + 1, b);
			if (r > best && len < cap) {
				best = r;
				memcpy(path, b + 1, len);
				path[len] = 0;
			}
		}
		p = nl + 1;
	}
	return best > 0;
}

bool sm_unit(const char *path, bool bare, char *out, size_t cap)
{
	static const char suffix[] = ".service";
	size_t k = sizeof suffix - 1;
	for (const char *end = path + strlen(path); end > path;) {
		const char *slash = memrchr(path, '/', (size_t)(end - path));
		const char *at = slash ? slash + 1 : path;
		size_t len = (size_t)(end - at);
		if (len > k && memcmp(end - k, suffix, k) == 0) {
			len -= bare ? k : 0;
			if (len >= cap)
				return false;
			memcpy(out, at, len);
			out[len] = 0;
			return true;
		}
		end = slash ? slash : path;
	}
	return false;
}

bool sm_container(const char *path, char out[16])
{
	size_t run = 0;
	const char *found = NULL;
	for (const char *p = path;; p++) {
		if (isdigit((unsigned char)*p) || (*p >= 'a' && *p <= 'f')) {
			run++;
			continue;
		}
		if (run == 64)
			found = p - 64;
		run = 0;
		if (!*p)
			break;
	}
	if (!found)
		return false;
	memcpy(out, found, 12);
	out[12] = 0;
	return true;
}
