/* A source file made ready for looking at: its code with comments and strings blanked, its lines, its
 * functions, its calls. No parser: rules that are right for usual code and bounded for any bytes. */
#ifndef MC_DEPLOY_SOURCE_H
#define MC_DEPLOY_SOURCE_H

#include "memculprit/base.h"

enum mc_lang {
	MC_LANG_NONE = 0, MC_LANG_C = 1, MC_LANG_CPP = 2, MC_LANG_GO = 4, MC_LANG_RUST = 8, MC_LANG_PYTHON = 16,
	MC_LANG_JAVA = 32, MC_LANG_JS = 64
};
enum { MC_SOURCE_MAX = 2 << 20 };

struct mc_function {
	uint32_t first, last;    /* lines, from 1 */
	uint32_t name, name_len; /* offset into text */
	uint32_t body;           /* offset behind its '{' or ':' */
	uint32_t end;            /* offset of its '}' or of the line behind it */
};

struct mc_source {
	enum mc_lang lang;
	const char *text; /* borrowed, may hold any byte */
	size_t len;
	char *code;       /* as long as text; blanked */
	uint32_t *lines;  /* offset of line i+1; one more at the end */
	size_t nlines;
	struct mc_function *functions; /* in order, not nested */
	size_t nfunctions, cap_functions;
};

enum mc_lang mc_lang_of(const char *path);
/* MC_ELIMIT: more than MC_SOURCE_MAX bytes; MC_ENOMEM. */
int mc_source_init(struct mc_source *s, const char *text, size_t len, enum mc_lang lang, struct mc_error *err);
void mc_source_release(struct mc_source *s);
/* The function that holds the line, or NULL. */
const struct mc_function *mc_source_function(const struct mc_source *s, size_t line);
size_t mc_source_line(const struct mc_source *s, size_t offset);
bool mc_ident_char(char c);

/* One call in the code: name(args). All are offsets. */
struct mc_call {
	uint32_t name, name_len;   /* the last identifier: "push" of a->b.push( */
	uint32_t chain;            /* where the whole a->b.push begins */
	uint32_t args, args_end;   /* between the parentheses */
	uint32_t lhs, lhs_len;     /* what it is assigned to; lhs_len 0: nothing */
};
/* The next call at or behind *at and before end; *at goes behind its '('. C++ and Java's `new T` counts
 * as a call of "new", with empty args. */
bool mc_source_call(const struct mc_source *s, size_t *at, size_t end, struct mc_call *ret);
/* The word of len bytes, whole, within [from, to) of the code; its offset, or SIZE_MAX. */
size_t mc_source_word(const struct mc_source *s, size_t from, size_t to, const char *word, size_t len);

#endif
