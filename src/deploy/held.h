/* What becomes of memory that one call in a function acquires: released, handed on, or neither, and on
 * which exits. Works on blanked code; right for usual code, bounded for any. */
#ifndef MC_DEPLOY_HELD_H
#define MC_DEPLOY_HELD_H

#include "places.h"

struct mc_held {
	size_t at, after;         /* the call's name and the end of its arguments */
	const char *var;          /* "p" or "ctx->buf"; points into the code */
	size_t var_len;
	const char *result;       /* what the call's own result went to, where the memory comes by &var; may be NULL */
	size_t result_len;
	bool field;               /* of something that lives on, or a global */
};

struct mc_fate {
	unsigned released, handed, returned; /* how often */
	uint32_t exit_line;  /* an exit that leaves without either, 0: none */
	uint32_t added_exit; /* the same, an added one */
	uint32_t settled_line; /* the first release or hand-over */
};

/* Where the memory of a call goes. False: nowhere that can be followed. */
bool mc_held_of(const struct mc_source *s, const struct mc_function *f, const struct mc_call *c, bool out_arg, struct mc_held *ret);
int mc_fate(const struct mc_look *l, const struct mc_function *f, const struct mc_held *h, struct mc_fate *ret, struct mc_error *err);
/* Whether v (one word) is declared in the function before `at`, parameters included. */
bool mc_is_local(const struct mc_source *s, const struct mc_function *f, size_t at, const char *v, size_t len);

#endif
