/* A YAML text as a tree in which every node knows its line and column, for messages. It knows
 * nothing of what the keys mean. App only. */
#ifndef MEMCULPRIT_APP_YAML_TREE_H
#define MEMCULPRIT_APP_YAML_TREE_H

#include "memculprit/base.h"

enum tree_kind { TREE_SCALAR, TREE_LIST, TREE_MAP };

struct tree_node;
struct tree_pair {
	char *key;
	size_t line, column; /* of the key, from 1 */
	struct tree_node *value;
};
struct tree_node {
	enum tree_kind kind;
	size_t line, column; /* from 1 */
	char *text;          /* scalar: valid UTF-8 without NUL */
	bool quoted;         /* scalar: it stood in quotes or is a block, so it is text even where it looks like null */
	size_t n;            /* of a list or map */
	bool open;           /* its end was not read yet */
	bool flow;           /* list or map: it stands in brackets or braces */
	struct tree_node **items;
	struct tree_pair *pairs; /* in the order of the file; a key twice is in it twice */
	char *anchor;
	struct tree_node *older; /* all nodes, to free them */
};
struct tree {
	struct tree_node *root; /* NULL: the file says nothing */
	struct tree_node *all;
	size_t count;
};

enum { TREE_MAX_BYTES = 1 << 20, TREE_MAX_DEPTH = 16, TREE_MAX_NODES = 50000 };

/* Reads the text. MC_EUSAGE: "FILE:LINE:COLUMN: what; what to do". The caller tree_release()s *ret. */
int tree_read(const char *file, const char *text, size_t len, struct tree *ret, struct mc_error *err);
void tree_release(struct tree *t);
/* True for a scalar that YAML takes for null: nothing, ~, null. */
bool tree_is_null(const struct tree_node *n);

/* ---- saying what is wrong, all of it ---- */
struct tree_report {
	const char *file;
	struct mc_buf *lines;  /* may be NULL */
	struct mc_error *err;  /* gets the first */
	size_t count;
};
/* Notes "FILE:LINE:COLUMN: text". */
void tree_say(struct tree_report *r, size_t line, size_t column, const char *fmt, ...) __attribute__((format(printf, 4, 5)));
/* The name of the NULL-terminated list that `word` was probably meant to be, or NULL. */
const char *tree_near(const char *word, const char *const *names);
/* Says which keys of the map are not in `names` or are there twice. */
void tree_check_keys(struct tree_report *r, const struct tree_node *map, const char *what, const char *const *names);
/* The value of a key (the first), or NULL. */
const struct tree_node *tree_get(const struct tree_node *map, const char *key);

#endif
