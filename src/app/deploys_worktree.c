/* The git work tree that a program was seen to run from, where the configuration names no repository. It is read as git
 * itself would read it: only where it belongs to the user who asks, as nobody has named it to us. */
#include "deploys.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* The path at the end of "HEAD of the git work tree, [with local changes, ]when it started, in PATH"; *n its length. */
static const char *path_in(const char *note, size_t *n)
{
	static const char *const when[] = { "when it started, in /", "when the file was built, in /" };
	const char *tree = note ? strstr(note, "HEAD of the git work tree, ") : NULL;
	for (size_t i = 0; tree && i < sizeof when / sizeof when[0]; i++) {
		const char *at = strstr(tree, when[i]);
		if (!at)
			continue;
		at += strlen(when[i]) - 1;
		const char *image = strstr(at, ", image ");
		*n = image ? (size_t)(image - at) : strlen(at);
		return at;
	}
	return NULL;
}

/* Whether path, and the .git in it, are there and this user's. *owner: the first other's, else (uid_t)-1. */
static bool is_own(const char *path, uid_t *owner)
{
	struct stat top, git;
	char below[PATH_MAX];
	int n = snprintf(below, sizeof below, "%s/.git", path);
	*owner = (uid_t)-1;
	if (n >= (int)sizeof below || lstat(path, &top) < 0 || lstat(below, &git) < 0 || !S_ISDIR(top.st_mode))
		return false;
	if (top.st_uid != geteuid())
		*owner = top.st_uid;
	else if (git.st_uid != geteuid())
		*owner = git.st_uid;
	return *owner == (uid_t)-1;
}

int deploys_own_worktree(const struct mc_deploy_row *row, char **ret, struct mc_error *err)
{
	size_t len = 0;
	uid_t owner;
	const char *at = path_in(row->note, &len);
	char *path = at ? mc_strdup(at) : NULL;
	if (at && !path)
		return mc_nomem(err, "a path");
	if (path) {
		path[len] = '\0';
		if (!is_own(path, &owner)) {
			free(path);
			path = NULL;
		}
	}
	*ret = path;
	return 0;
}

static int find(struct mc_store *s, const char *program, char **ret, struct mc_error *err)
{
	struct mc_deploy_row *rows = NULL;
	size_t n = 0, len = 0;
	int64_t id;
	const char *path = NULL;
	int rc = deploys_program(s, NULL, program, false, &id, err);
	if (rc == 0)
		rc = mc_store_deploys(s, id, &rows, &n, err);
	for (size_t i = n; rc == 0 && i-- > 0 && !path;)
		path = path_in(rows[i].note, &len);
	if (path && !(*ret = mc_strdup(path)))
		rc = mc_nomem(err, "a path");
	else if (path)
		(*ret)[len] = '\0';
	mc_store_deploys_free(rows, n);
	return rc;
}

int deploys_repository(struct mc_store *s, const struct mc_config *cfg, const char *program, char **ret, struct mc_error *err)
{
	const struct mc_program_config *p = cfg ? mc_config_program(cfg, program) : NULL;
	char *path = NULL;
	uid_t owner = (uid_t)-1;
	int rc = 0;
	if (p && p->repository)
		path = mc_strdup(p->repository);
	else if (s)
		rc = find(s, program, &path, err);
	if (rc == MC_ENOTFOUND && p) /* one that has not run yet */
		rc = 0;
	if (rc == 0 && path && !(p && p->repository) && !is_own(path, &owner)) {
		rc = owner == (uid_t)-1 ?
			mc_fail(err, MC_EUSAGE, 0, "the git work tree %.200s, from which %.100s ran, is not there any more; "
				"set a clone of it as 'repository:' of the program in the configuration", path, program) :
			mc_fail(err, MC_EUSAGE, 0, "%.100s runs from the git work tree %.200s, which is user %u's; if it is to be read, "
				"set it as 'repository:' of the program in the configuration", program, path, (unsigned)owner);
		free(path);
		path = NULL;
	}
	if (rc == 0 && !path)
		rc = p && p->repository ? mc_nomem(err, "a path") : mc_fail(err, MC_EUSAGE, 0,
			"no repository is configured for %.100s; set 'repository:' of the program in the configuration", program);
	*ret = path;
	return rc;
}
