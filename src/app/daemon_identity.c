/* What a new life runs: asked of the deploy stage once a file where the file alone decides. */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "daemon_builds.h"

enum { CACHE = 64, FORKS = 16 };

struct kept {
	struct mc_exe_id file;
	struct mc_identity identity;
};
/* What the children of one parent have from it: file, environment, work tree are all the parent's. */
struct kept_fork {
	uint64_t parent;
	struct mc_exe_id file;
	struct mc_identity identity;
};
struct identity_cache {
	size_t nforks, next_fork;
	struct kept_fork *forks;
	size_t n, next;
	struct kept *v; /* made one by one: most hosts run few that tell their version */
};

struct identity_cache *identity_cache_new(void)
{
	return calloc(1, sizeof(struct identity_cache));
}

void identity_cache_free(struct identity_cache *c)
{
	if (c) {
		free(c->v);
		free(c->forks);
	}
	free(c);
}

static bool same_file(const struct mc_exe_id *a, const struct mc_exe_id *b)
{
	return a->ino == b->ino && a->dev == b->dev && a->mtime_ns == b->mtime_ns && a->size == b->size;
}

static void keep(struct identity_cache *c, const struct mc_exe_id *file, const struct mc_identity *id)
{
	if (c->n < CACHE) {
		struct kept *v = mc_reallocarray(c->v, c->n + 1, sizeof *v);
		if (!v)
			return;
		c->v = v;
		c->n++;
	}
	c->v[c->next++ % c->n] = (struct kept){ *file, *id };
}

static void keep_fork(struct identity_cache *c, uint64_t parent, const struct mc_exe_id *file, const struct mc_identity *id)
{
	if (c->nforks < FORKS) {
		struct kept_fork *v = mc_reallocarray(c->forks, c->nforks + 1, sizeof *v);
		if (!v)
			return;
		c->forks = v;
		c->nforks++;
	}
	c->forks[c->next_fork++ % c->nforks] = (struct kept_fork){ parent, *file, *id };
}

/* What an environment, a work tree or a stamp says is of the process and not of the file. */
static bool of_file_alone(const struct mc_identity *id)
{
	return !id->interpreted && (id->source == MC_ID_PACKAGE_NOTE || id->source == MC_ID_GO);
}

/* The build of an interpreter says nothing of what it runs: then the script's contents are the build. */
static void settle_build(struct mc_identity *id)
{
	if (id->interpreted)
		snprintf(id->build_id, sizeof id->build_id, "%s%s", id->contents[0] ? "script-" : "", id->contents);
	else if (!id->build_id[0] && id->contents[0])
		snprintf(id->build_id, sizeof id->build_id, "file-%s", id->contents);
}

/* Whether it still runs the file that it was met with. One that ran exec since is another life at the next tick, and
 * what is read of it now must not be kept for the file before, which may be a shell's. */
static bool runs_it_still(const struct daemon *d, const struct mc_process *q)
{
	char path[48];
	struct stat st;
	snprintf(path, sizeof path, "%lld/exe", (long long)q->pid);
	return !q->exe_id.ino || (fstatat(d->procfd, path, &st, 0) == 0 && st.st_ino == q->exe_id.ino && st.st_dev == q->exe_id.dev);
}

void identity_find(struct daemon *d, const struct mc_process *q, uint64_t fork_of, struct mc_identity *ret)
{
	struct identity_cache *c = d->identities;
	*ret = (struct mc_identity){ 0 };
	for (size_t i = 0; q->exe_id.ino && i < c->n; i++)
		if (same_file(&c->v[i].file, &q->exe_id)) {
			*ret = c->v[i].identity;
			return;
		}
	for (size_t i = 0; fork_of && i < c->nforks; i++)
		if (c->forks[i].parent == fork_of && same_file(&c->forks[i].file, &q->exe_id)) {
			*ret = c->forks[i].identity;
			return;
		}
	if (mc_identify_process(d->procfd, q->pid, ret, NULL) != 0 || !runs_it_still(d, q)) {
		*ret = (struct mc_identity){ 0 };
		return;
	}
	settle_build(ret);
	if (fork_of && q->exe_id.ino && !ret->interpreted)
		keep_fork(c, fork_of, &q->exe_id, ret);
	if (of_file_alone(ret) && q->exe_id.ino)
		keep(c, &q->exe_id, ret);
}
