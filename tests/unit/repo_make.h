/* Makes git repositories for tests: commits out of file contents, with fixed authors and times. */
#ifndef REPO_MAKE_H
#define REPO_MAKE_H

#include <git2.h>
#include <stdbool.h>
#include <stddef.h>

struct made {
	char dir[160];
	git_repository *git;
	git_index *index; /* the files of the commit to come */
	int64_t clock;    /* Unix seconds of the next commit */
	git_oid head;
	bool has_head;
};
struct made *made_new(bool bare);
void made_free(struct made *m); /* removes the folder */
void made_file(struct made *m, const char *path, const char *text);
void made_bytes(struct made *m, const char *path, const void *data, size_t len, unsigned mode);
void made_remove(struct made *m, const char *path);
/* Commits the index on top of head; the id stays valid until 64 calls later. */
const char *made_commit(struct made *m, const char *author, const char *message);
/* A merge of `other` into head. */
const char *made_merge(struct made *m, const char *other, const char *message);
/* Goes to another commit: the index and head become its. */
void made_checkout(struct made *m, const char *commit);
void made_tag(struct made *m, const char *name, const char *message); /* message NULL: a light one */

#endif
