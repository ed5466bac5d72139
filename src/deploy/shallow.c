/* Walking a shallow clone: libgit2 stops with an error where a parent is named but not there. Here such a commit
 * is where history begins. */
#include "range.h"

#include <stdlib.h>
#include <string.h>

enum { MOST_WALKED = 200000 };

struct ids {
	git_oid *v;
	size_t n, cap;
};

static int push(struct ids *s, const git_oid *id, struct mc_error *err)
{
	int rc = mc_grow((void **)&s->v, &s->cap, s->n + 1, sizeof *s->v, err);
	if (rc == 0)
		s->v[s->n++] = *id;
	return rc;
}

static bool in(const struct mc_map *m, const git_oid *id)
{
	uint64_t v;
	return mc_map_get(m, (const char *)id->id, GIT_OID_RAWSZ, &v);
}

/* What is reachable from `id` and not in `without` (may be NULL), parents that are not there left out: each into
 * the set with how many children it has there. */
static int reach(struct mc_repo *r, const git_oid *id, const struct mc_map *without, struct mc_map *set, struct mc_error *err)
{
	struct ids todo = { 0 };
	int rc = push(&todo, id, err);
	if (rc == 0 && mc_map_set(set, (const char *)id->id, GIT_OID_RAWSZ, 0) < 0)
		rc = mc_nomem(err, "a range of commits");
	while (rc == 0 && todo.n > 0) {
		git_oid at = todo.v[--todo.n];
		git_commit *c = NULL, *p = NULL;
		if (git_commit_lookup(&c, r->git, &at) < 0)
			continue;
		for (unsigned k = 0; rc == 0 && k < git_commit_parentcount(c); k++) {
			const git_oid *parent = git_commit_parent_id(c, k);
			uint64_t children = 0;
			bool seen = mc_map_get(set, (const char *)parent->id, GIT_OID_RAWSZ, &children);
			if ((without && in(without, parent)) || (!seen && git_commit_lookup(&p, r->git, parent) < 0))
				continue;
			git_commit_free(p);
			p = NULL;
			if (mc_map_set(set, (const char *)parent->id, GIT_OID_RAWSZ, children + 1) < 0 || mc_map_count(set) > MOST_WALKED)
				rc = mc_fail(err, MC_ELIMIT, 0, "%s: too many commits", r->path);
			else if (!seen)
				rc = push(&todo, parent, err);
		}
		git_commit_free(c);
	}
	free(todo.v);
	return rc;
}

int mc_shallow_reaches(struct mc_repo *r, const git_oid *from, const git_oid *id, bool *ret, struct mc_error *err)
{
	struct mc_map *set = mc_map_new();
	int rc = set ? reach(r, from, NULL, set, err) : mc_nomem(err, "a range of commits");
	if (rc == 0)
		*ret = in(set, id);
	mc_map_free(set);
	return rc;
}

/* Children before parents: a commit is listed when all of its children are. */
static int sort(struct mc_repo *r, const git_oid *to, struct mc_map *set, size_t most, struct mc_range *g, struct mc_error *err)
{
	struct ids ready = { 0 };
	int rc = push(&ready, to, err);
	while (rc == 0 && ready.n > 0) {
		git_oid at = ready.v[--ready.n];
		git_commit *c = NULL;
		if (g->n >= most) {
			g->truncated = true;
			break;
		}
		rc = mc_grow((void **)&g->ids, &g->cap, g->n + 1, sizeof *g->ids, err);
		if (rc == 0 && mc_map_set(g->index, (const char *)at.id, GIT_OID_RAWSZ, g->n) < 0)
			rc = mc_nomem(err, "a range of commits");
		if (rc < 0 || git_commit_lookup(&c, r->git, &at) < 0)
			break;
		g->ids[g->n++] = at;
		for (unsigned k = 0; rc == 0 && k < git_commit_parentcount(c); k++) {
			const git_oid *parent = git_commit_parent_id(c, k);
			uint64_t children;
			if (!mc_map_get(set, (const char *)parent->id, GIT_OID_RAWSZ, &children))
				continue;
			if (children > 1)
				(void)mc_map_set(set, (const char *)parent->id, GIT_OID_RAWSZ, children - 1);
			else
				rc = push(&ready, parent, err);
		}
		git_commit_free(c);
	}
	free(ready.v);
	return rc;
}

int mc_shallow_list(struct mc_repo *r, const git_oid *from, const git_oid *to, size_t most, struct mc_range *g, struct mc_error *err)
{
	struct mc_map *old = mc_map_new(), *set = mc_map_new();
	int rc = old && set ? 0 : mc_nomem(err, "a range of commits");
	if (rc == 0 && from)
		rc = reach(r, from, NULL, old, err);
	if (rc == 0 && !in(old, to))
		rc = reach(r, to, old, set, err);
	if (rc == 0 && !in(old, to))
		rc = sort(r, to, set, most, g, err);
	mc_map_free(old);
	mc_map_free(set);
	return rc;
}
