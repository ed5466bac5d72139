/* Inside of the deploy stage: an open repository and what its files share. */
#ifndef MC_DEPLOY_REPO_H
#define MC_DEPLOY_REPO_H

#include <git2.h>

#include "memculprit/base.h"
#include "memculprit/deploy.h"

struct mc_repo {
	git_repository *git;
	char *path; /* as it was named, clean text for messages */
};

/* mc_fail with what libgit2 says and the repository's path. `rc` is libgit2's. */
int mc_git_fail(struct mc_repo *r, int rc, const char *what, struct mc_error *err);
/* The commit that rev names; to git_commit_free(). MC_ENOTFOUND, MC_EFORMAT (ambiguous). */
int mc_git_commit(struct mc_repo *r, const char *rev, git_commit **ret, struct mc_error *err);
int mc_git_relation(struct mc_repo *r, const git_oid *from, const git_oid *to, enum mc_relation *ret, struct mc_error *err);
/* A copy of hostile bytes as valid UTF-8 without control characters, at most `most` bytes; to free(). */
char *mc_git_text(const char *s, size_t len, size_t most);

/* Sets libgit2 up, once for the whole process; before any other call of it. 0, MC_ENOMEM. */
int mc_git_start(struct mc_error *err);

#endif
