/* What a cgroup's path says: hierarchy, systemd unit, container, pod, and a name for a program. */
#include "parse.h"

#include <ctype.h>
#include <string.h>

/* How good the line's hierarchy is for telling programs apart. */
static int rank(const char *p, size_t n)
{
	if (n == 0)
		return 4;
	if (n == 12 && memcmp(p, "name=systemd", 12) == 0)
		return 3;
	return memmem(p, n, "memory", 6) ? 2 : 1;
}

struct line {
	const char *controllers, *path;
	size_t ncontrollers, npath;
};

/* "4:memory:/path", the next one from *at on. */
static bool next_line(const char **at, const char *end, struct line *ret)
{
	while (*at < end) {
		const char *p = *at, *nl = memchr(p, '\n', (size_t)(end - p));
		nl = nl ? nl : end;
		*at = nl + 1;
		const char *a = memchr(p, ':', (size_t)(nl - p));
		const char *b = a ? memchr(a + 1, ':', (size_t)(nl - a - 1)) : NULL;
		if (!b)
			continue;
		*ret = (struct line){.controllers = a + 1, .ncontrollers = (size_t)(b - a - 1), .path = b + 1,
				     .npath = (size_t)(nl - b - 1)};
		if (!memchr(b + 1, 0, ret->npath))
			return true;
	}
	return false;
}

bool sm_parse_cgroup(const char *s, size_t n, char *path, size_t cap)
{
	int best = 0;
	struct line l;
	for (const char *at = s, *end = s + n; next_line(&at, end, &l);) {
		/* on a hybrid host v2's line is there and says only "/" */
		int r = l.npath <= 1 ? 1 : 1 + rank(l.controllers, l.ncontrollers);
		if (r > best && l.npath < cap) {
			best = r;
			memcpy(path, l.path, l.npath);
			path[l.npath] = 0;
		}
	}
	return best > 0;
}

/* "memory" as one of the controllers between commas. */
static bool has_memory(const struct line *l)
{
	for (const char *p = l->controllers, *end = p + l->ncontrollers; p < end;) {
		const char *comma = memchr(p, ',', (size_t)(end - p));
		comma = comma ? comma : end;
		if (comma - p == 6 && memcmp(p, "memory", 6) == 0)
			return true;
		p = comma + 1;
	}
	return false;
}

bool sm_parse_cgroup_memory(const char *s, size_t n, struct sm_cgroup *ret)
{
	struct line l;
	ret->version = 0;
	for (const char *at = s, *end = s + n; next_line(&at, end, &l);) {
		int v = has_memory(&l) ? 1 : l.ncontrollers == 0 ? 2 : 0;
		/* where version 1 has the controller, version 2 does not */
		if (!v || (ret->version == 1 && v == 2) || l.npath >= sizeof ret->path)
			continue;
		ret->version = v;
		memcpy(ret->path, l.path, l.npath);
		ret->path[l.npath] = 0;
	}
	return ret->version > 0;
}

/* The last component of [path, *end); *end moves before it. False at the root. */
static bool last_part(const char *path, const char **end, const char **at, size_t *len)
{
	while (*end > path) {
		const char *slash = memrchr(path, '/', (size_t)(*end - path));
		*at = slash ? slash + 1 : path;
		*len = (size_t)(*end - *at);
		*end = slash ? slash : path;
		if (*len)
			return true;
	}
	return false;
}

static bool ends_in(const char *at, size_t len, const char *suffix)
{
	size_t k = strlen(suffix);
	return len > k && memcmp(at + len - k, suffix, k) == 0;
}

static bool copy(const char *at, size_t len, char *out, size_t cap)
{
	if (len >= cap)
		return false;
	memcpy(out, at, len);
	out[len] = 0;
	return true;
}

bool sm_unit(const char *path, bool bare, char *out, size_t cap)
{
	const char *end = path + strlen(path), *at;
	size_t len;
	while (last_part(path, &end, &at, &len))
		if (ends_in(at, len, ".service"))
			return copy(at, len - (bare ? 8 : 0), out, cap);
	return false;
}

bool sm_container(const char *path, char out[65])
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
	return found && copy(found, 64, out, 65);
}

/* "pod" and a UUID, whose dashes systemd's driver writes as underscores; or a static pod's 32 digits. */
bool sm_pod(const char *path, char out[40])
{
	for (const char *p = path; (p = strstr(p, "pod")); p++) {
		size_t n = strspn(p + 3, "0123456789abcdef-_");
		if (p == path || !strchr("/-", p[-1]) || (n != 36 && n != 32) || (p[3 + n] && !strchr("/.:", p[3 + n])))
			continue;
		for (size_t i = 0; i < n; i++)
			{
			char c = p[3 + i];
			if (c == '_')
				c = '-';
			out[i] = c;
		}
		out[n] = 0;
		return true;
	}
	return false;
}

/* An id, a number or a session: another one at each start, so it joins nothing across a deploy. */
static bool passing(const char *at, size_t len)
{
	static const char *const prefix[] = {"session-", "run-", "app-", "init.scope", "pod", "user@", "crio-conmon-", "vte-spawn-"};
	size_t hex = 0;
	for (size_t i = 0; i < sizeof prefix / sizeof *prefix; i++)
		if (len >= strlen(prefix[i]) && memcmp(at, prefix[i], strlen(prefix[i])) == 0)
			return true;
	for (size_t i = 0; i < len; i++) {
		hex = isxdigit((unsigned char)at[i]) ? hex + 1 : 0;
		if (hex >= 16)
			return true;
	}
	return strspn(at, "0123456789") >= len;
}

bool sm_group_name(const char *path, char *out, size_t cap)
{
	const char *end = path + strlen(path), *at, *leaf = NULL;
	size_t len, leaf_len = 0;
	while (last_part(path, &end, &at, &len)) {
		if (passing(at, len))
			return false;
		if (ends_in(at, len, ".service")) /* folders below it are its own (supervisor, worker) */
			return copy(at, len - 8, out, cap);
		if (!leaf) {
			leaf = at;
			leaf_len = len;
		}
	}
	if (!leaf || ends_in(leaf, leaf_len, ".slice"))
		return false;
	return copy(leaf, leaf_len - (ends_in(leaf, leaf_len, ".scope") ? 6 : 0), out, cap);
}
