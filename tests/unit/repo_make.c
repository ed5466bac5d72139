/* Repositories for tests, made through libgit2 so that no git configuration of the machine matters. */
#include "repo_make.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct made *made_new(bool bare)
{
	struct made *m = calloc(1, sizeof *m);
	assert(m);
	git_libgit2_init();
	snprintf(m->dir, sizeof m->dir, "%s/mc-repo-XXXXXX", getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp");
	if (!mkdtemp(m->dir) || git_repository_init(&m->git, m->dir, bare) < 0 || git_index_new(&m->index) < 0)
		abort();
	m->clock = 1700000000;
	return m;
}

void made_free(struct made *m)
{
	char command[256];
	git_index_free(m->index);
	git_repository_free(m->git);
	snprintf(command, sizeof command, "rm -rf '%s'", m->dir);
	if (system(command) != 0)
		abort();
	free(m);
	git_libgit2_shutdown();
}

void made_bytes(struct made *m, const char *path, const void *data, size_t len, unsigned mode)
{
	git_index_entry e = { .mode = mode, .path = path };
	if (mode == GIT_FILEMODE_COMMIT) {
		if (git_oid_fromstr(&e.id, data) < 0)
			abort();
	} else if (git_blob_create_from_buffer(&e.id, m->git, data, len) < 0) {
		abort();
	}
	if (git_index_add(m->index, &e) < 0)
		abort();
}

void made_file(struct made *m, const char *path, const char *text)
{
	made_bytes(m, path, text, strlen(text), GIT_FILEMODE_BLOB);
}

void made_remove(struct made *m, const char *path)
{
	if (git_index_remove(m->index, path, 0) < 0)
		abort();
}

static const char *commit(struct made *m, const char *author, const char *message, const git_commit *other)
{
	static char ids[64][GIT_OID_HEXSZ + 1];
	static unsigned next;
	git_oid tree_id, id;
	git_tree *tree = NULL;
	git_commit *head = NULL;
	git_signature *who = NULL;
	if (git_index_write_tree_to(&tree_id, m->index, m->git) < 0 || git_tree_lookup(&tree, m->git, &tree_id) < 0 ||
		git_signature_new(&who, author, "a@example.org", m->clock, 60) < 0 ||
		(m->has_head && git_commit_lookup(&head, m->git, &m->head) < 0))
		abort();
	const git_commit *parents[2] = { head, other };
	if (git_commit_create(&id, m->git, NULL, who, who, NULL, message, tree, !head ? 0 : other ? 2 : 1, parents) < 0)
		abort();
	git_signature_free(who);
	git_commit_free(head);
	git_tree_free(tree);
	m->head = id;
	m->has_head = true;
	m->clock += 60;
	git_reference *ref = NULL;
	git_reference_create(&ref, m->git, "refs/heads/master", &id, 1, "commit");
	git_reference_free(ref);
	return git_oid_tostr(ids[next++ % 64], GIT_OID_HEXSZ + 1, &id);
}

const char *made_commit(struct made *m, const char *author, const char *message)
{
	return commit(m, author, message, NULL);
}

const char *made_merge(struct made *m, const char *other, const char *message)
{
	git_oid id;
	git_commit *c = NULL;
	if (git_oid_fromstr(&id, other) < 0 || git_commit_lookup(&c, m->git, &id) < 0)
		abort();
	const char *made = commit(m, "Merger", message, c);
	git_commit_free(c);
	return made;
}

void made_checkout(struct made *m, const char *to)
{
	git_commit *c = NULL;
	git_tree *tree = NULL;
	if (git_oid_fromstr(&m->head, to) < 0 || git_commit_lookup(&c, m->git, &m->head) < 0 || git_commit_tree(&tree, c) < 0 ||
		git_index_read_tree(m->index, tree) < 0)
		abort();
	git_tree_free(tree);
	git_commit_free(c);
}

void made_tag(struct made *m, const char *name, const char *message)
{
	git_object *o = NULL;
	git_oid id;
	git_signature *who = NULL;
	if (git_object_lookup(&o, m->git, &m->head, GIT_OBJECT_COMMIT) < 0 || git_signature_new(&who, "Tagger", "t@example.org", m->clock, 0) < 0 ||
		(message ? git_tag_create(&id, m->git, name, o, who, message, 1) : git_tag_create_lightweight(&id, m->git, name, o, 1)) < 0)
		abort();
	git_signature_free(who);
	git_object_free(o);
}
