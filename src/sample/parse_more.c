/* The longer texts of /proc: pressure, interfaces, mappings, mounts. */
#include "parse.h"

#include <math.h>
#include <string.h>
#include <sys/sysmacros.h>

static size_t line_len(const char *p, const char *end)
{
	const char *nl = memchr(p, '\n', (size_t)(end - p));
	return (size_t)((nl ? nl : end) - p);
}

/* The text after "key" in [p, p + n), up to a blank; NULL where it is not there. */
static const char *after(const char *p, size_t n, const char *key, size_t *len)
{
	const char *at = memmem(p, n, key, strlen(key));
	if (!at)
		return NULL;
	at += strlen(key);
	*len = 0;
	while (at + *len < p + n && at[*len] != ' ' && at[*len] != '\n')
		++*len;
	return at;
}

void sm_parse_pressure(const char *s, size_t n, const char *what, double *avg, double *seconds)
{
	size_t k = strlen(what), len;
	double v;
	uint64_t us;
	*avg = *seconds = (double)NAN;
	for (const char *p = s, *end = s + n; p < end;) {
		size_t line = line_len(p, end);
		if (line > k && memcmp(p, what, k) == 0 && p[k] == ' ') {
			const char *a = after(p, line, " avg10=", &len);
			if (a && mc_parse_double(a, len, &v) && v >= 0 && v <= 100)
				*avg = v / 100;
			a = after(p, line, " total=", &len);
			if (a && mc_parse_u64(a, len, &us))
				*seconds = (double)us / 1e6;
			return;
		}
		p += line + 1;
	}
}

/* Numbers between blanks from p on; as many as there are, at most max. */
static size_t numbers(const char *p, const char *end, uint64_t *f, size_t max)
{
	size_t k = 0;
	while (k < max) {
		while (p < end && *p == ' ')
			p++;
		size_t d = 0;
		while (p + d < end && p[d] >= '0' && p[d] <= '9')
			d++;
		if (!mc_parse_u64(p, d, &f[k]))
			return k;
		p += d;
		k++;
	}
	return k;
}

bool sm_parse_net(const char *s, size_t n, struct sm_net *ret)
{
	struct sm_net v = {0};
	bool found = false;
	for (const char *p = s, *end = s + n; p < end;) {
		size_t line = line_len(p, end);
		const char *name = p, *stop = p + line;
		while (name < stop && *name == ' ')
			name++;
		/* an interface may have a colon in its name: the last one in front of the figures */
		const char *colon = memrchr(p, ':', line);
		uint64_t f[10];
		if (colon && !(colon - name == 2 && memcmp(name, "lo", 2) == 0) && numbers(colon + 1, stop, f, 10) == 10) {
			v.rx_bytes += (double)f[0];
			v.rx_packets += (double)f[1];
			v.tx_bytes += (double)f[8];
			v.tx_packets += (double)f[9];
			found = true;
		}
		p += line + 1;
	}
	if (found)
		*ret = v;
	return found;
}

bool sm_parse_rollup(const char *s, size_t n, uint64_t *pss, uint64_t *uss)
{
	uint64_t p, clean = 0, dirty = 0, huge = 0;
	if (!sm_key(s, n, "Pss", &p) || !sm_key(s, n, "Private_Clean", &clean) || !sm_key(s, n, "Private_Dirty", &dirty))
		return false;
	sm_key(s, n, "Private_Hugetlb", &huge);
	if (p >> 50 || clean >> 50 || dirty >> 50 || huge >> 50)
		return false;
	*pss = p * 1024;
	*uss = (clean + dirty + huge) * 1024;
	return true;
}

static bool hex(const char **at, const char *end, char stop, uint64_t *ret)
{
	uint64_t v = 0;
	const char *p = *at;
	for (; p < end && *p != stop; p++) {
		int d = *p >= '0' && *p <= '9' ? *p - '0' : *p >= 'a' && *p <= 'f' ? *p - 'a' + 10 : -1;
		if (d < 0 || v >> 60)
			return false;
		v = v * 16 + (uint64_t)d;
	}
	if (p == *at || p == end)
		return false;
	*at = p + 1;
	*ret = v;
	return true;
}

/* "55e0-55e9 r-xp 00001000 fe:00 1234   /usr/lib/x.so (deleted)" */
bool sm_parse_mapping(const char *line, size_t n, struct sm_mapping *ret)
{
	static const char gone[] = " (deleted)";
	const char *p = line, *end = line + n;
	uint64_t from, to, offset, major, minor, ino;
	if (!hex(&p, end, '-', &from) || !hex(&p, end, ' ', &to) || end - p < 5 || p[4] != ' ')
		return false;
	bool exec = p[2] == 'x';
	p += 5;
	if (!hex(&p, end, ' ', &offset) || !hex(&p, end, ':', &major) || !hex(&p, end, ' ', &minor))
		return false;
	size_t d = 0;
	while (p + d < end && p[d] >= '0' && p[d] <= '9')
		d++;
	if (!mc_parse_u64(p, d, &ino) || !ino)
		return false;
	p += d;
	while (p < end && *p == ' ')
		p++;
	if (p >= end || *p != '/')
		return false;
	size_t len = (size_t)(end - p), k = sizeof gone - 1;
	bool deleted = len > k && memcmp(end - k, gone, k) == 0;
	*ret = (struct sm_mapping){.dev = makedev((unsigned)major, (unsigned)minor), .ino = ino, .exec = exec, .deleted = deleted,
				   .path = p, .path_len = len - (deleted ? k : 0)};
	return true;
}

/* "25 1 0:23 / /proc rw,relatime shared:5 - proc proc rw,hidepid=2" */
int sm_parse_hidepid(const char *s, size_t n, const char *mount)
{
	static const struct {
		const char *text;
		int v;
	} names[] = {{"1", 1}, {"noaccess", 1}, {"2", 2}, {"invisible", 2}, {"4", 4}, {"ptraceable", 4}};
	size_t k = strlen(mount), len;
	int found = 0;
	for (const char *p = s, *end = s + n; p < end;) {
		size_t line = line_len(p, end);
		const char *at = p;
		for (int i = 0; at && i < 4; i++) {
			at = memchr(at, ' ', (size_t)(p + line - at));
			at = at ? at + 1 : NULL;
		}
		if (at && (size_t)(p + line - at) > k && memcmp(at, mount, k) == 0 && at[k] == ' ' &&
		    memmem(p, line, " - proc ", 8)) {
			found = 0; /* a later line is mounted over an earlier one */
			const char *h = after(p, line, "hidepid=", &len);
			for (size_t i = 0; h && i < sizeof names / sizeof *names; i++) {
				size_t w = strlen(names[i].text);
				if (len >= w && memcmp(h, names[i].text, w) == 0 && (len == w || h[w] == ','))
					found = names[i].v;
			}
		}
		p += line + 1;
	}
	return found;
}
