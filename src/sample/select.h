/* Which program a process belongs to: the selectors, first match wins. */
#ifndef SAMPLE_SELECT_H
#define SAMPLE_SELECT_H

#include "memculprit/sample.h"

struct sm_facts {
	const char *comm, *exe, *cmdline, *cgroup;
	uint32_t uid;
};
struct sm_selectors;
int sm_selectors_new(const struct mc_selector *v, size_t n, struct sm_selectors **ret, struct mc_error *err);
void sm_selectors_free(struct sm_selectors *s);
size_t sm_selectors_count(const struct sm_selectors *s);
/* True and the program's name in `out` (replaced) where a selector matches. */
bool sm_selectors_match(struct sm_selectors *s, const struct sm_facts *f, struct mc_buf *out);

#endif
