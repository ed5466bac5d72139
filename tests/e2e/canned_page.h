/* The incident as canned pages and series: the curve of logic_worker, its deploys, its culprit. */
#ifndef CANNED_PAGE_H
#define CANNED_PAGE_H

#include "memculprit/serve.h"

enum { CANNED_NAMES = 8 };
extern const char *const canned_names[CANNED_NAMES]; /* the first is the incident's, the others are hostile */

/* Makes curves of n points, 15 s apart, that end now. *begun_ms: their first. 0, or -1 without memory. */
int canned_fill(size_t n, int64_t *begun_ms);
int64_t canned_onset_ms(void);
int canned_index(struct mc_reply *reply);
int canned_program(const struct mc_request *rq, const char *name, struct mc_reply *reply);
int canned_series(const struct mc_request *rq, struct mc_reply *reply);

#endif
