/* The words by which memory is acquired, released, kept and handed over, per language: tables only.
 * To teach it a library, add a line to tokens.c. */
#ifndef MC_DEPLOY_TOKENS_H
#define MC_DEPLOY_TOKENS_H

#include "source.h"

enum mc_token_kind {
	MC_TOKEN_NONE,
	MC_TOKEN_ACQUIRE,     /* its value is memory (or what holds some) that somebody has to release */
	MC_TOKEN_ACQUIRE_OUT, /* the same, through a pointer argument */
	MC_TOKEN_RELEASE,
	MC_TOKEN_ADD,         /* puts into a container */
	MC_TOKEN_TAKE,        /* takes out of one, or empties it */
	MC_TOKEN_OWNER,       /* moves or drops ownership out of the language's sight */
	MC_TOKEN_HARMLESS     /* known to allocate nothing that outlives it */
};
enum mc_token_how { MC_BY_NAME, MC_BY_PART };

/* What a call of this name is; *how: the whole name is known, or only a part of it ("alloc" in xalloc_row). */
enum mc_token_kind mc_token(enum mc_lang lang, const char *name, size_t len, enum mc_token_how *how);
/* What runs once (main, init, load_config …), and what runs for each request or turn of a loop. */
bool mc_name_is_startup(const char *name, size_t len);
bool mc_name_is_request(const char *name, size_t len);
bool mc_name_is_reload(const char *name, size_t len);

#endif
