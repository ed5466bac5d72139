/* Every parser of the sample stage; the first byte chooses. */
#include "memculprit/sample.h"

#include <stdlib.h>
#include <string.h>

#include "exits.h"
#include "parse.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void groups(const char *s, size_t n)
{
	char path[64], out[64], id[65], pod[40];
	struct sm_cgroup c;
	if (sm_parse_cgroup(s, n, path, sizeof path)) {
		sm_unit(path, true, out, 16);
		sm_group_name(path, out, sizeof out);
	}
	if (sm_parse_cgroup_memory(s, n, &c)) {
		if (memchr(c.path, 0, sizeof c.path) == NULL)
			abort();
		sm_container(c.path, id);
		sm_pod(c.path, pod);
		sm_group_name(c.path, out, sizeof out);
	}
}

static void lines(const char *s, size_t n)
{
	struct sm_mapping m;
	for (const char *end = s + n; s < end;) {
		const char *nl = memchr(s, '\n', (size_t)(end - s));
		size_t k = (size_t)((nl ? nl : end) - s);
		if (sm_parse_mapping(s, k, &m) && (m.path < s || m.path + m.path_len > s + k))
			abort();
		s += k + 1;
	}
}

static void figures(const char *s, size_t n)
{
	double a, b;
	uint64_t x, y;
	struct sm_net net;
	sm_parse_pressure(s, n, "some", &a, &b);
	sm_parse_net(s, n, &net);
	sm_parse_rollup(s, n, &x, &y);
	sm_parse_hidepid(s, n, "/proc");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	union {
		struct sm_statm m;
		struct sm_status u;
		struct sm_stat t;
		struct sm_exit e;
		double v;
	} x;
	if (size == 0)
		return 0;
	/* an allocation of its own, so that what reads past the end is seen, and aligned as messages are */
	size_t n = size - 1;
	char *s = malloc(n ? n : 1);
	if (!s)
		return 0;
	memcpy(s, data + 1, n);
	switch (data[0] % 8) {
	case 0: sm_parse_statm(s, n, &x.m); break;
	case 1: sm_parse_status(s, n, &x.u); break;
	case 2: sm_parse_stat(s, n, &x.t); break;
	case 3: groups(s, n); break;
	case 4: mc_load_parse(s, n, "a", &x.v, NULL); break;
	case 5: lines(s, n); break;
	case 6: figures(s, n); break;
	default: sm_parse_exit(s, n, &x.e); break;
	}
	free(s);
	return 0;
}
