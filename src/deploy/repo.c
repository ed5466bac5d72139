/* Opening a repository, and what a revision of it is. Nothing here runs a hook, a filter or a helper:
 * only objects and refs are read, and the user's own git configuration is not looked at. */
#include "elf_notes.h"
#include "range.h"

#include <dirent.h>
#include <errno.h>
#include <fnmatch.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { MOST_TAGS = 50000, BLOB_CACHED = 512 << 10, CACHE = 48 << 20 };

char *mc_git_text(const char *s, size_t len, size_t most)
{
	struct mc_buf b = { 0 };
	mc_text_add(&b, s, len > most ? most : len);
	if (b.failed) {
		mc_buf_release(&b);
		return NULL;
	}
	return b.data ? b.data : mc_strdup("");
}

int mc_git_fail(struct mc_repo *r, int rc, const char *what, struct mc_error *err)
{
	const git_error *e = git_error_last();
	const char *why = e && e->message ? e->message : "unknown error";
	char *clean = mc_git_text(why, strlen(why), 300);
	int code = rc == GIT_ENOTFOUND ? MC_ENOTFOUND : rc == GIT_EAMBIGUOUS ? MC_EFORMAT : MC_EIO;
	if (e && e->klass == GIT_ERROR_NOMEMORY)
		code = MC_ENOMEM;
	code = mc_fail(err, code, 0, "%s: %s: %s", r->path, what, clean ? clean : "no memory");
	free(clean);
	return code;
}

static bool git_started;

/* Once for the whole process, and never ended: libgit2's options are plain globals, so two threads that set
 * them at a time free the same text twice, and an end in one thread leaves what the other has. */
static void set_up_git(void)
{
	if (git_libgit2_init() < 0)
		return;
	/* Its configuration is the administrator's to name: who owns the files is not held against it. */
	git_libgit2_opts(GIT_OPT_SET_OWNER_VALIDATION, 0);
	for (int level = GIT_CONFIG_LEVEL_PROGRAMDATA; level <= GIT_CONFIG_LEVEL_GLOBAL; level++)
		git_libgit2_opts(GIT_OPT_SET_SEARCH_PATH, level, "");
	/* The next commit's old file is this one's new file: without a cache each is unpacked twice. */
	git_libgit2_opts(GIT_OPT_SET_CACHE_OBJECT_LIMIT, GIT_OBJECT_BLOB, (size_t)BLOB_CACHED);
	git_libgit2_opts(GIT_OPT_SET_CACHE_MAX_SIZE, (ssize_t)CACHE);
	/* Hashing every object again costs more than all else; a damaged one fails in zlib's checksum. */
	git_libgit2_opts(GIT_OPT_ENABLE_STRICT_HASH_VERIFICATION, 0);
	git_started = true;
}

int mc_git_start(struct mc_error *err)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	pthread_once(&once, set_up_git);
	return git_started ? 0 : mc_fail(err, MC_EIO, 0, "libgit2 does not start");
}

/* Why it could not be opened, in words that say what to do; libgit2's own are misleading here. */
static int open_failed(struct mc_repo *r, const char *path, int rc, struct mc_error *err)
{
	struct stat st;
	if (stat(path, &st) < 0)
		return mc_fail(err, errno == ENOENT || errno == ENOTDIR ? MC_ENOTFOUND : errno == EACCES ? MC_EPERM : MC_EIO, errno,
			"repository %s", r->path);
	DIR *d = opendir(path);
	if (!d && errno == EACCES)
		return mc_fail(err, MC_EPERM, errno, "repository %s belongs to user %u; let this user read it", r->path, st.st_uid);
	if (d)
		closedir(d);
	if (rc == GIT_ENOTFOUND)
		return mc_fail(err, MC_EFORMAT, 0,
			"%s is not a git repository; name the work tree (with .git in it) or the bare repository itself", r->path);
	return mc_git_fail(r, rc, "opening", err);
}

int mc_repo_open(const char *path, struct mc_repo **ret, struct mc_error *err)
{
	if (mc_git_start(err) < 0)
		return MC_EIO;
	struct mc_repo *r = calloc(1, sizeof *r);
	int rc = 0;
	if (!r || !(r->path = mc_git_text(path, strlen(path), 200))) {
		rc = mc_nomem(err, "a repository");
		goto out;
	}
	int g = git_repository_open_ext(&r->git, path, GIT_REPOSITORY_OPEN_NO_SEARCH, NULL);
	if (g < 0)
		rc = open_failed(r, path, g, err);
out:
	if (rc < 0) {
		if (r)
			free(r->path);
		free(r);
		return rc;
	}
	*ret = r;
	return 0;
}

void mc_repo_close(struct mc_repo *r)
{
	if (!r)
		return;
	git_repository_free(r->git);
	free(r->path);
	free(r);
}

/* ---- a short id that is short for more than one object ---- */

enum { MOST_CANDIDATES = 6 };

struct candidates {
	struct mc_repo *r;
	git_oid prefix;
	size_t digits, n, commits;
	git_oid ids[MOST_CANDIDATES]; /* commits only */
};

static int take_candidate(const git_oid *id, void *user)
{
	struct candidates *k = user;
	git_odb *odb = NULL;
	size_t size;
	git_object_t type = GIT_OBJECT_INVALID;
	if (git_oid_ncmp(id, &k->prefix, k->digits) != 0)
		return 0;
	for (size_t i = 0; i < k->commits && i < MOST_CANDIDATES; i++) /* in two packs */
		if (git_oid_equal(&k->ids[i], id))
			return 0;
	if (git_repository_odb(&odb, k->r->git) == 0)
		(void)git_odb_read_header(&size, &type, odb, id);
	git_odb_free(odb);
	if (type == GIT_OBJECT_COMMIT && k->commits < MOST_CANDIDATES)
		k->ids[k->commits++] = *id;
	return ++k->n > 1000;
}

static void list_candidate(struct mc_repo *r, const git_oid *id, struct mc_buf *out)
{
	git_commit *c = NULL;
	char hex[13];
	if (git_commit_lookup(&c, r->git, id) < 0)
		return;
	const char *m = git_commit_message_raw(c);
	char *subject = mc_git_text(m ? m : "", m ? strcspn(m, "\r\n") : 0, 40);
	git_oid_tostr(hex, sizeof hex, id);
	mc_buf_printf(out, "%s%s '%s'", out->len ? ", " : "", hex, subject ? subject : "");
	free(subject);
	git_commit_free(c);
}

/* As git does: of the objects that begin so the commit is meant, where there is one only. Else MC_EFORMAT. */
static int disambiguate(struct mc_repo *r, const char *rev, const char *name, git_object **ret, struct mc_error *err)
{
	struct candidates k = { .r = r, .digits = strlen(rev) };
	git_odb *odb = NULL;
	struct mc_buf b = { .limit = 300 };
	if (k.digits < GIT_OID_HEXSZ && git_oid_fromstrn(&k.prefix, rev, k.digits) == 0 && git_repository_odb(&odb, r->git) == 0)
		(void)git_odb_foreach(odb, take_candidate, &k);
	git_odb_free(odb);
	if (k.commits == 1 && git_object_lookup(ret, r->git, &k.ids[0], GIT_OBJECT_COMMIT) == 0)
		return 0;
	for (size_t i = 0; i < k.commits && i < MOST_CANDIDATES - 1; i++)
		list_candidate(r, &k.ids[i], &b);
	if (k.commits >= MOST_CANDIDATES)
		mc_buf_str(&b, ", ...");
	int rc = mc_fail(err, MC_EFORMAT, 0, "%s: '%s' is short for more than one commit%s%s; give more digits", r->path, name, b.len ? ": " : "",
		mc_buf_text(&b));
	mc_buf_release(&b);
	return rc;
}

int mc_git_commit(struct mc_repo *r, const char *rev, git_commit **ret, struct mc_error *err)
{
	git_object *o = NULL, *c = NULL;
	char *clean = mc_git_text(rev, strlen(rev), 120);
	const char *name = clean ? clean : "?";
	int rc = 0, g = rev[0] == '\0' || rev[0] == '-' ? GIT_EINVALIDSPEC : git_revparse_single(&o, r->git, rev);
	if (g == GIT_EAMBIGUOUS && (rc = disambiguate(r, rev, name, &o, err)) == 0)
		g = 0;
	if (rc < 0)
		(void)0; /* said already */
	else if (g == GIT_ENOTFOUND || g == GIT_EINVALIDSPEC)
		rc = mc_fail(err, MC_ENOTFOUND, 0, "%s: there is no revision '%s'%s", r->path, name,
			git_repository_is_shallow(r->git) == 1 ? " in this shallow clone; 'git fetch --unshallow' brings it" : "; is the clone up to date?");
	else if (g < 0)
		rc = mc_git_fail(r, g, name, err);
	else if (git_object_peel(&c, o, GIT_OBJECT_COMMIT) < 0)
		rc = mc_fail(err, MC_ENOTFOUND, 0, "%s: '%s' names no commit", r->path, name);
	git_object_free(o);
	free(clean);
	if (rc == 0)
		*ret = (git_commit *)c;
	return rc;
}

int mc_repo_relation(struct mc_repo *r, const char *from, const char *to, enum mc_relation *ret, struct mc_error *err)
{
	git_commit *a = NULL, *b = NULL;
	int rc = mc_git_commit(r, from, &a, err);
	if (rc == 0)
		rc = mc_git_commit(r, to, &b, err);
	if (rc == 0)
		rc = mc_git_relation(r, git_commit_id(a), git_commit_id(b), ret, err);
	git_commit_free(a);
	git_commit_free(b);
	return rc;
}

int mc_git_relation(struct mc_repo *r, const git_oid *from, const git_oid *to, enum mc_relation *ret, struct mc_error *err)
{
	if (git_oid_equal(from, to)) {
		*ret = MC_REL_SAME;
		return 0;
	}
	if (git_repository_is_shallow(r->git) == 1) {
		bool forward = false, back = false;
		int rc = mc_shallow_reaches(r, to, from, &forward, err);
		if (rc == 0 && !forward)
			rc = mc_shallow_reaches(r, from, to, &back, err);
		if (rc == 0)
			*ret = forward ? MC_REL_FORWARD : back ? MC_REL_BACK : MC_REL_DIVERGED;
		return rc;
	}
	int forward = git_graph_descendant_of(r->git, to, from);
	int back = forward == 0 ? git_graph_descendant_of(r->git, from, to) : 0;
	if (forward < 0 || back < 0)
		return mc_git_fail(r, forward < 0 ? forward : back, "history of the two revisions", err);
	*ret = forward ? MC_REL_FORWARD : back ? MC_REL_BACK : MC_REL_DIVERGED;
	return 0;
}

static void fill(git_commit *c, struct mc_revision *v)
{
	git_oid_tostr(v->commit, sizeof v->commit, git_commit_id(c));
	v->author_ms = git_commit_author(c) ? (int64_t)git_commit_author(c)->when.time * 1000 : 0;
	v->commit_ms = (int64_t)git_commit_time(c) * 1000;
}

/* ---- tags ---- */

struct tags {
	struct mc_repo *r;
	const char *pattern;
	git_odb *odb;
	const git_oid *only; /* NULL: all */
	struct mc_revision *v;
	size_t n, cap;
	bool failed;
};

static int take_tag(const char *ref, git_oid *oid, void *user)
{
	struct tags *t = user;
	if (!git_odb_exists(t->odb, oid)) /* looked up all the same, libgit2 1.5 loses some 800 bytes each time */
		return 0;
	git_object *o = NULL, *c = NULL;
	const char *name = strncmp(ref, "refs/tags/", 10) == 0 ? ref + 10 : ref;
	if (t->n >= MOST_TAGS)
		return 1;
	if (t->pattern && t->pattern[0] && fnmatch(t->pattern, name, 0) != 0)
		return 0;
	struct mc_revision v = { 0 };
	/* a tag whose object is gone, or that names a file, says nothing of a release */
	if (git_object_lookup(&o, t->r->git, oid, GIT_OBJECT_ANY) == 0 && git_object_peel(&c, o, GIT_OBJECT_COMMIT) == 0 &&
		(!t->only || git_oid_equal(git_object_id(c), t->only)) && mc_version_text(name, strlen(name), v.version)) {
		fill((git_commit *)c, &v);
		if (git_object_type(o) == GIT_OBJECT_TAG && git_tag_tagger((git_tag *)o))
			v.tag_ms = (int64_t)git_tag_tagger((git_tag *)o)->when.time * 1000;
		if (mc_grow((void **)&t->v, &t->cap, t->n + 1, sizeof *t->v, NULL) == 0)
			t->v[t->n++] = v;
		else
			t->failed = true;
	}
	git_object_free(c);
	git_object_free(o);
	return t->failed;
}

/* Oldest commit first; of one commit's the annotated, then the older tag, then by name. */
static int by_age(const void *a, const void *b)
{
	const struct mc_revision *x = a, *y = b;
	if (x->commit_ms != y->commit_ms)
		return x->commit_ms < y->commit_ms ? -1 : 1;
	if ((x->tag_ms == 0) != (y->tag_ms == 0))
		return x->tag_ms ? -1 : 1;
	if (x->tag_ms != y->tag_ms)
		return x->tag_ms < y->tag_ms ? -1 : 1;
	return strcmp(x->version, y->version);
}

static int list_tags(struct tags *t, struct mc_error *err)
{
	int g = git_repository_odb(&t->odb, t->r->git);
	if (g == 0)
		g = git_tag_foreach(t->r->git, take_tag, t);
	git_odb_free(t->odb);
	if (t->failed || g < 0) {
		free(t->v);
		t->v = NULL;
		return t->failed ? mc_nomem(err, "tags") : mc_git_fail(t->r, g, "tags", err);
	}
	if (t->n > 1)
		qsort(t->v, t->n, sizeof *t->v, by_age);
	return 0;
}

int mc_repo_tags(struct mc_repo *r, const char *pattern, struct mc_revision **ret, size_t *n, struct mc_error *err)
{
	struct tags t = { .r = r, .pattern = pattern };
	int rc = list_tags(&t, err);
	if (rc < 0)
		return rc;
	*ret = t.v;
	*n = t.n;
	return 0;
}

int mc_repo_resolve(struct mc_repo *r, const char *rev, const char *tag_pattern, struct mc_revision *ret, struct mc_error *err)
{
	git_commit *c = NULL;
	int rc = mc_git_commit(r, rev, &c, err);
	if (rc < 0)
		return rc;
	struct mc_revision v = { 0 };
	fill(c, &v);
	struct tags t = { .r = r, .pattern = tag_pattern, .only = git_commit_id(c) };
	rc = list_tags(&t, err);
	if (rc == 0) {
		for (size_t i = 0; t.v && i < t.n; i++) /* the tag that was asked for, if it is one, else the first */
			if (i == 0 || strcmp(t.v[i].version, rev) == 0) {
				memcpy(v.version, t.v[i].version, sizeof v.version);
				v.tag_ms = t.v[i].tag_ms;
			}
		*ret = v;
	}
	free(t.v);
	git_commit_free(c);
	return rc;
}
