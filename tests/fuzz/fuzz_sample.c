/* Every parser of /proc texts and of Prometheus pages; the first byte chooses. */
#include "memculprit/sample.h"

#include <stdlib.h>
#include <string.h>

#include "parse.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	union {
		struct sm_statm m;
		struct sm_status u;
		struct sm_stat t;
		char path[64];
		double v;
	} x;
	char out[64];
	if (size == 0)
		return 0;
	const char *s = (const char *)data + 1;
	size_t n = size - 1;
	switch (data[0] % 5) {
	case 0: sm_parse_statm(s, n, &x.m); break;
	case 1: sm_parse_status(s, n, &x.u); break;
	case 2: sm_parse_stat(s, n, &x.t); break;
	case 3:
		if (sm_parse_cgroup(s, n, x.path, sizeof x.path)) {
			sm_unit(x.path, true, out, 16);
			sm_container(x.path, (char[65]){0});
		}
		break;
	default: mc_load_parse(s, n, "a", &x.v, NULL); break;
	}
	return 0;
}
