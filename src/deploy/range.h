/* Inside of the deploy stage: a range of commits, the release's diff, and which commit brought a line. */
#ifndef MC_DEPLOY_RANGE_H
#define MC_DEPLOY_RANGE_H

#include "repo.h"

#define MC_OUTSIDE SIZE_MAX /* a parent, or an origin, that is not of the range */

/* Commits in (from, to], children before parents. */
struct mc_range {
	size_t n, cap;
	git_oid *ids;
	struct mc_map *index; /* raw id -> place in ids */
	size_t *first_parent; /* [n + 1]: where its parents begin */
	size_t *parents;      /* places in ids, or MC_OUTSIDE */
	git_oid *parent_ids;
	size_t nparents;
	uint64_t **touched;   /* [n]: hashes of the paths that its own diff touches, ended by 0; NULL: not known */
	bool truncated;
};
int mc_range_walk(struct mc_repo *r, const git_oid *from, const git_oid *to, size_t most, struct mc_range *ret, struct mc_error *err);
/* For shallow clones (shallow.c): whether id is `from` or an ancestor of it, as far as is there; and the ids of
 * (from, to] into g. */
int mc_shallow_reaches(struct mc_repo *r, const git_oid *from, const git_oid *id, bool *ret, struct mc_error *err);
int mc_shallow_list(struct mc_repo *r, const git_oid *from, const git_oid *to, size_t most, struct mc_range *g, struct mc_error *err);
void mc_range_release(struct mc_range *g);
uint64_t mc_path_hash(const char *path);
/* Whether the commit's own diff touches the path: 1, 0, or -1 where that is not known. */
int mc_range_touches(const struct mc_range *g, size_t commit, uint64_t hash);

/* Lines that differ, without context. Counts from 1; with no lines on a side, start is the line before. */
struct mc_hunk {
	uint32_t old_start, old_lines, new_start, new_lines;
};
enum { MC_FILE_MAX = 1 << 20 };
/* To free(). Texts longer than MC_FILE_MAX are not compared: MC_ELIMIT. */
int mc_hunks(const char *old, size_t old_len, const char *new, size_t new_len, struct mc_hunk **ret, size_t *n, struct mc_error *err);

struct mc_file {
	char *old_path, *new_path; /* raw bytes */
	git_oid old_id, new_id;
	unsigned old_mode, new_mode; /* 0: not there */
	bool renamed, binary, large;
	struct mc_hunk *hunks; /* NULL where binary or large */
	size_t nhunks, added, removed;
	int rank; /* of its first place; INT_MAX none */
};
struct mc_release {
	struct mc_file *files;
	size_t n, cap;
	bool truncated;
};
/* The diff between two trees (either may be NULL: empty) with renames if asked; hunks are filled in. */
int mc_release_diff(struct mc_repo *r, git_tree *from, git_tree *to, bool renames, size_t most, struct mc_release *ret, struct mc_error *err);
void mc_release_release(struct mc_release *d);
/* The bytes of a file, or NULL where it is absent, no file, or too large; to git_blob_free(). */
git_blob *mc_file_blob(struct mc_repo *r, const git_oid *id, unsigned mode);
const char *mc_blob_text(const git_blob *b, size_t *len); /* takes NULL */

/* Which commit of the range brought each of the lines of `path`, a file of the range's newest commit:
 * places in ids, or MC_OUTSIDE. */
int mc_line_walk(struct mc_repo *r, const struct mc_range *g, const char *path, const uint32_t *lines, size_t n, size_t *ret, struct mc_error *err);
/* The newest commit of the range that removed a line of this text from path; MC_OUTSIDE: none. */
int mc_line_removed(struct mc_repo *r, const struct mc_range *g, const char *path, const char *text, size_t len, size_t *ret,
	struct mc_error *err);

#endif
