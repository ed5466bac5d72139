/* Repositories as they are met: bare, shallow, linked work trees, submodules, packed, moved, rewritten, damaged, with
 * more files than anybody wants, and with hooks and settings that must not run. Made by git itself. */
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "memculprit/deploy.h"
#include "process.h"
#include "repo_make.h"

static char dir[160];

/* Runs in the test's folder, with nobody's git configuration. */
static void sh(const char *script)
{
	char *command = NULL;
	int n = asprintf(&command, "cd '%s' && HOME='%s' GIT_CONFIG_NOSYSTEM=1 GIT_AUTHOR_NAME=a GIT_AUTHOR_EMAIL=a@b GIT_COMMITTER_NAME=a "
		"GIT_COMMITTER_EMAIL=a@b && export HOME GIT_CONFIG_NOSYSTEM GIT_AUTHOR_NAME GIT_AUTHOR_EMAIL GIT_COMMITTER_NAME GIT_COMMITTER_EMAIL; "
		"{ %s; } >>log 2>&1", dir, dir, script);
	assert_true(n > 0);
	if (system(command) != 0)
		fail_msg("%s", script);
	free(command);
}

static const char *below(const char *name)
{
	static char path[512];
	snprintf(path, sizeof path, "%s/%s", dir, name);
	return path;
}

static int set_up(void **state)
{
	(void)state;
	snprintf(dir, sizeof dir, "%s/mc-kinds-XXXXXX", getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp");
	if (!mkdtemp(dir))
		return -1;
	sh("git init -q repo && cd repo && git checkout -q -b main && for i in 1 2 3 4 5; do echo \"int v$i;\" >>a.c; git add a.c; git commit -qm \"commit $i\"; "
	   "git tag v$i; done && git tag -a -m note release v5");
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	char command[256];
	snprintf(command, sizeof command, "rm -rf '%s'", dir);
	return system(command);
}

static void counts(const char *name, const char *from, const char *to, size_t n)
{
	struct mc_repo *r = NULL;
	struct mc_changes c = { 0 };
	struct mc_error e;
	if (mc_repo_open(below(name), &r, &e) < 0 || mc_repo_changes(r, from, to, &c, &e) < 0)
		fail_msg("%s: %s", name, e.text);
	assert_int_equal(c.ncommits, n);
	mc_changes_release(&c);
	mc_repo_close(r);
}

static void bare_packed_linked_and_submodule(void **state)
{
	(void)state;
	uint64_t was = 0;
	sh("git clone -q --bare repo bare.git");
	counts("bare.git", "v1", "v5", 4);
	sh("cd repo && git worktree add -q ../linked v3 && git pack-refs --all && git gc -q --prune=now");
	counts("repo", "v2", "release", 3);
	counts("linked", "v1", "HEAD", 2);
	assert_int_equal(mc_repo_watch(below("linked"), &was, NULL), 1);
	assert_int_equal(mc_repo_watch(below("linked"), &was, NULL), 0);
	sh("cd repo && git tag later");
	assert_int_equal(mc_repo_watch(below("linked"), &was, NULL), 1); /* made in the other work tree */
	assert_int_equal(mc_repo_watch(below("linked"), &was, NULL), 0);
	sh("git init -q super && cd super && git -c protocol.file.allow=always submodule add -q ../bare.git sub && git commit -qm one && "
	   "git -C sub checkout -q v3 && git commit -qam 'sub to v3'");
	counts("super/sub", "v1", "v5", 4);
	counts("super", "HEAD~1", "HEAD", 1);
	assert_int_equal(mc_repo_watch(below("super/sub"), &was, NULL), 1);
}

static void shallow_says_what_to_do(void **state)
{
	(void)state;
	struct mc_repo *r = NULL;
	struct mc_revision v;
	struct mc_changes c;
	struct mc_error e;
	char full[MC_COMMIT_TEXT];
	assert_int_equal(mc_repo_open(below("repo"), &r, &e), 0);
	assert_int_equal(mc_repo_resolve(r, "v1", NULL, &v, &e), 0);
	memcpy(full, v.commit, sizeof full);
	mc_repo_close(r);
	sh("git clone -q --depth 2 --no-tags file://\"$PWD\"/repo shallow");
	assert_int_equal(mc_repo_open(below("shallow"), &r, &e), 0);
	assert_int_equal(mc_repo_changes(r, full, "HEAD", &c, &e), MC_ENOTFOUND);
	assert_non_null(strstr(e.text, "--unshallow"));
	if (mc_repo_changes(r, "HEAD~1", "HEAD", &c, &e) < 0)
		fail_msg("%s", e.text);
	assert_int_equal(c.ncommits, 1);
	mc_changes_release(&c);
	mc_repo_close(r);
	/* the tag is there, what lies between is not: not taken for a real divergence without a word */
	sh("cd shallow && git fetch -q --depth 1 origin tag v1");
	assert_int_equal(mc_repo_open(below("shallow"), &r, &e), 0);
	assert_int_equal(mc_repo_changes(r, "v1", "HEAD", &c, &e), 0);
	assert_non_null(strstr(c.note, "--unshallow"));
	mc_changes_release(&c);
	mc_repo_close(r);
}

/* Two lines of work that meet again, in a clone that is cut below them: each commit once, and none from before. */
static void shallow_merges(void **state)
{
	(void)state;
	struct mc_repo *r = NULL;
	struct mc_changes c;
	enum mc_relation rel;
	struct mc_error e;
	sh("git init -q -b main diamond && cd diamond && c() { echo $1 >$1 && git add $1 && git commit -q -m $1; } && c zero && c one && git tag x && "
		"c p && git checkout -q -b side && c a1 && c a2 && git checkout -q main && c b1 && git merge -q --no-ff -m m side && c last");
	sh("git clone -q --depth 5 file://\"$PWD\"/diamond cut && cd cut && test -f .git/shallow && git rev-parse -q --verify HEAD~4 && git tag y HEAD~4");
	assert_int_equal(mc_repo_open(below("cut"), &r, &e), 0);
	if (mc_repo_changes(r, "y", "HEAD", &c, &e) < 0)
		fail_msg("%s", e.text);
	assert_int_equal(c.ncommits, 6); /* p, a1, a2, b1, the merge, last */
	for (size_t i = 0; i < c.ncommits; i++)
		for (size_t k = 0; k < i; k++)
			assert_string_not_equal(c.commits[i].id, c.commits[k].id);
	assert_false(c.rollback || c.diverged);
	mc_changes_release(&c);
	assert_int_equal(mc_repo_relation(r, "HEAD", "y", &rel, &e), 0);
	assert_int_equal(rel, MC_REL_BACK);
	assert_int_equal(mc_repo_relation(r, "HEAD~1^2", "HEAD~1^1", &rel, &e), 0);
	assert_int_equal(rel, MC_REL_DIVERGED);
	assert_int_equal(mc_repo_changes(r, "HEAD~1^1", "HEAD", &c, &e), 0);
	assert_int_equal(c.ncommits, 4); /* the other side's, the merge and last */
	mc_changes_release(&c);
	mc_repo_close(r);
}

static void a_rewritten_branch_has_diverged(void **state)
{
	(void)state;
	struct mc_repo *r = NULL;
	struct mc_changes c;
	struct mc_error e;
	sh("cd repo && git checkout -q main && git commit -q --amend -m rewritten");
	assert_int_equal(mc_repo_open(below("repo"), &r, &e), 0);
	assert_int_equal(mc_repo_changes(r, "v5", "main", &c, &e), 0);
	assert_true(c.diverged);
	assert_int_equal(c.ncommits, 1);
	assert_string_equal(c.commits[0].subject, "rewritten");
	mc_changes_release(&c);
	mc_repo_close(r);
}

static void moved_deleted_and_damaged(void **state)
{
	(void)state;
	struct mc_repo *r = NULL;
	struct mc_changes c;
	struct mc_error e;
	assert_int_equal(mc_repo_open(below("repo"), &r, &e), 0);
	sh("mv repo elsewhere");
	if (mc_repo_changes(r, "v1", "v5", &c, &e) == 0) /* what is open already may still be read */
		mc_changes_release(&c);
	mc_repo_close(r);
	assert_int_equal(mc_repo_open(below("repo"), &r, &e), MC_ENOTFOUND);
	assert_non_null(strstr(e.text, "repo"));
	counts("elsewhere", "v1", "v5", 4);
	assert_int_equal(mc_repo_open(below("elsewhere"), &r, &e), 0);
	/* by ids: libgit2 1.5 loses a few bytes where a tag's object is gone */
	struct mc_revision a, b;
	assert_int_equal(mc_repo_resolve(r, "v1", NULL, &a, &e), 0);
	assert_int_equal(mc_repo_resolve(r, "v5", NULL, &b, &e), 0);
	mc_repo_close(r);
	assert_int_equal(mc_repo_open(below("elsewhere"), &r, &e), 0);
	sh("cd elsewhere && chmod -R u+w .git/objects && find .git/objects -type f -delete");
	assert_true(mc_repo_changes(r, a.commit, b.commit, &c, &e) < 0);
	assert_non_null(strstr(e.text, "elsewhere"));
	mc_repo_close(r);
	sh("cd elsewhere && for f in HEAD config; do echo garbage >.git/$f; done");
	if (mc_repo_open(below("elsewhere"), &r, &e) == 0)
		mc_repo_close(r);
	else
		assert_non_null(strstr(e.text, "elsewhere"));
}

static void nothing_of_it_is_run(void **state)
{
	(void)state;
	struct mc_repo *r = NULL;
	struct mc_revision v;
	struct mc_revision *tags = NULL;
	struct mc_buf out = { 0 };
	struct mc_error e;
	size_t n = 0;
	uint64_t was = 0;
	sh("printf '#!/bin/sh\\ntouch %s/ran\\n' \"$PWD\" >evil && chmod +x evil && cd repo && for h in post-checkout pre-commit post-index-change fsmonitor-watchman "
	   "reference-transaction; do cp ../evil .git/hooks/$h; done && echo '*.c filter=evil diff=evil' >.gitattributes && git -c core.hooksPath=/dev/null add "
	   ".gitattributes && git -c core.hooksPath=/dev/null commit -qm attributes && "
	   "git config core.fsmonitor ../evil && git config diff.external ../evil && git config diff.evil.textconv ../evil && "
	   "git config diff.evil.command ../evil && git config filter.evil.smudge ../evil && git config filter.evil.clean ../evil && "
	   "git config core.sshCommand ../evil && git config core.pager ../evil; rm -f ../ran");
	assert_int_equal(mc_repo_open(below("repo"), &r, &e), 0);
	assert_int_equal(mc_repo_resolve(r, "HEAD", NULL, &v, &e), 0);
	assert_int_equal(mc_repo_tags(r, NULL, &tags, &n, &e), 0);
	assert_int_equal(n, 6);
	free(tags);
	assert_int_equal(mc_repo_diff_text(r, "v1", "HEAD", 1 << 20, &out, &e), 0);
	assert_non_null(strstr(out.data, "+int v5;"));
	mc_buf_release(&out);
	mc_repo_close(r);
	counts("repo", "v1", "HEAD", 5);
	assert_int_equal(mc_repo_watch(below("repo"), &was, &e), 1);
	assert_int_equal(access(below("ran"), F_OK), -1);
}

/* 100,000 files in one commit: the limit holds, and is said. */
static void a_hundred_thousand_files(void **state)
{
	(void)state;
	struct made *m = made_new(true);
	struct mc_repo *r = NULL;
	struct mc_changes c;
	struct mc_buf out = { 0 };
	struct mc_error e;
	git_treebuilder *b = NULL;
	git_oid blob, sub, top, id;
	git_tree *tree = NULL;
	git_commit *parent = NULL;
	git_signature *who = NULL;
	char name[32];
	made_file(m, "a.c", "int a;\n");
	const char *old = made_commit(m, "A", "base");
	assert_int_equal(git_blob_create_from_buffer(&blob, m->git, "int x;\n", 7), 0);
	assert_int_equal(git_treebuilder_new(&b, m->git, NULL), 0);
	for (int i = 0; i < 1000; i++) {
		snprintf(name, sizeof name, "f%d.c", i);
		assert_int_equal(git_treebuilder_insert(NULL, b, name, &blob, GIT_FILEMODE_BLOB), 0);
	}
	assert_int_equal(git_treebuilder_write(&sub, b), 0);
	git_treebuilder_clear(b);
	for (int i = 0; i < 100; i++) { /* the same folder a hundred times */
		snprintf(name, sizeof name, "d%d", i);
		assert_int_equal(git_treebuilder_insert(NULL, b, name, &sub, GIT_FILEMODE_TREE), 0);
	}
	assert_int_equal(git_treebuilder_write(&top, b), 0);
	git_treebuilder_free(b);
	assert_int_equal(git_tree_lookup(&tree, m->git, &top), 0);
	assert_int_equal(git_commit_lookup(&parent, m->git, &m->head), 0);
	assert_int_equal(git_signature_new(&who, "A", "a@b", 1700001000, 0), 0);
	const git_commit *parents[] = { parent };
	assert_int_equal(git_commit_create(&id, m->git, "HEAD", who, who, NULL, "vendored", tree, 1, parents), 0);
	git_signature_free(who);
	git_commit_free(parent);
	git_tree_free(tree);
	assert_int_equal(mc_repo_open(m->dir, &r, &e), 0);
	char new[GIT_OID_HEXSZ + 1];
	git_oid_tostr(new, sizeof new, &id);
	if (mc_repo_changes(r, old, new, &c, &e) < 0)
		fail_msg("%s", e.text);
	assert_true(c.truncated);
	assert_int_equal(c.ncommits, 1);
	mc_changes_release(&c);
	assert_int_equal(mc_repo_diff_text(r, old, new, 100000, &out, &e), 0);
	assert_true(out.len <= 100000);
	assert_non_null(strstr(out.data, "cut at"));
	mc_buf_release(&out);
	mc_repo_close(r);
	made_free(m);
}

/* Whether a process that starts now, from that file, runs with local changes. */
static bool dirty(const char *script)
{
	static struct mc_process p;
	static struct mc_worktree w;
	char commit[MC_COMMIT_TEXT] = "";
	struct mc_error e;
	int procfd = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
	assert_true(procfd >= 0);
	pid_t child = fork();
	if (child == 0) {
		pause();
		_exit(0);
	}
	assert_true(child > 0);
	if (mc_process_open(&p, procfd, child, &e) < 0)
		fail_msg("%s", e.text);
	bool found = mc_worktree_head(&p, below(script), 0, commit, &w);
	mc_process_close(&p);
	close(procfd);
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	assert_true(found);
	assert_int_equal(strlen(commit), 40);
	return w.changed;
}

static void local_changes_are_seen(void **state)
{
	(void)state;
	sh("cd repo && printf 'one\\n' >b.py && printf 'x\\r\\n' >crlf.txt && ln -s b.py link && git add . && git commit -qm b");
	assert_false(dirty("repo/a.out"));
	sh("cd repo && touch -d '2 seconds ago' a.c b.py && touch new && rm link"); /* nothing but times, and what is not tracked */
	assert_false(dirty("repo/a.out"));
	sh("cd repo && printf 'y\\r\\n' >crlf.txt"); /* may be what a filter makes of it: not claimed */
	assert_false(dirty("repo/a.out"));
	for (int version = 2; version <= 4; version++) {
		char script[128];
		snprintf(script, sizeof script, "cd repo && git update-index --index-version %d && printf 'two\\n' >b.py", version);
		sh(script);
		assert_true(dirty("repo/a.out")); /* as long as before, other bytes */
		assert_true(dirty("repo/b.py"));
		sh("cd repo && git checkout -q b.py && printf 'longer\\n' >>a.c");
		assert_true(dirty("repo/a.out"));
		/* edited after the build: not in it */
		sh("cd repo && touch -d 'next hour' a.c");
		assert_false(dirty("repo/a.out"));
		sh("cd repo && git checkout -q a.c");
		assert_false(dirty("repo/a.out"));
	}
	sh("cd repo && git update-index --assume-unchanged b.py && printf 'three\\n' >b.py");
	assert_false(dirty("repo/a.out")); /* somebody has said so */
	sh("cd repo && git update-index --no-assume-unchanged b.py && git checkout -q b.py && mkdir many && cd many && "
	   "i=0; while [ $i -lt 300 ]; do echo $i >f$i; i=$((i+1)); done; git add . && git commit -qm many && printf 'longer\\n' >>f7");
	assert_false(dirty("repo/a.out")); /* of many only what runs is looked at */
	assert_true(dirty("repo/many/f7"));
	assert_false(dirty("repo/many/f8"));
	sh("cd repo && head -c 300 .git/index >cut && cp cut .git/index");
	assert_false(dirty("repo/many/f7")); /* what is damaged says nothing */
}

int main(void)
{
	if (system("git --version >/dev/null 2>&1") != 0)
		return 77;
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(bare_packed_linked_and_submodule, set_up, tear_down),
		cmocka_unit_test_setup_teardown(shallow_says_what_to_do, set_up, tear_down),
		cmocka_unit_test_setup_teardown(shallow_merges, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_rewritten_branch_has_diverged, set_up, tear_down),
		cmocka_unit_test_setup_teardown(moved_deleted_and_damaged, set_up, tear_down),
		cmocka_unit_test_setup_teardown(nothing_of_it_is_run, set_up, tear_down),
		cmocka_unit_test_setup_teardown(local_changes_are_seen, set_up, tear_down),
		cmocka_unit_test(a_hundred_thousand_files),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
