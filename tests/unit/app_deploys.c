/* What a process was found to run, held against the repository that the configuration names for its program. */
#include "deploys.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "repo_make.h"

static struct mc_config with_repository(const char *dir)
{
	char path[] = "/tmp/memculprit-deploys-XXXXXX", text[300];
	struct mc_config c;
	struct mc_error e;
	struct mc_buf errors = { 0 };
	int n = snprintf(text, sizeof text, "programs:\n  - {name: logic, match: {comm: logic}, repository: '%s', tags: 'v*'}\n", dir);
	int fd = mkstemp(path);
	assert_true(fd >= 0 && n > 0 && write(fd, text, (size_t)n) == n);
	close(fd);
	if (mc_config_read(path, &c, &errors, &e) < 0)
		fail_msg("%s", mc_buf_text(&errors));
	unlink(path);
	mc_buf_release(&errors);
	return c;
}

static struct mc_identity found(enum mc_identity_source source, const char *commit)
{
	struct mc_identity id = { .source = source, .build_id = "b1" };
	snprintf(id.commit, sizeof id.commit, "%s", commit);
	snprintf(id.text, sizeof id.text, "as it was");
	return id;
}

static void another_projects_work_tree_says_nothing(void **state)
{
	static const char other[] = "0123456789012345678901234567890123456789";
	(void)state;
	struct made *m = made_new(true);
	made_file(m, "a.c", "1\n");
	char commit[64];
	snprintf(commit, sizeof commit, "%s", made_commit(m, "A", "one"));
	made_tag(m, "v1", NULL);
	struct mc_config c = with_repository(m->dir);

	struct mc_identity id = found(MC_ID_GIT_WORKTREE, other);
	deploys_hold_against(&c, "logic", &id);
	assert_string_equal(id.commit, "");
	assert_int_equal(id.source, MC_ID_BUILD_ID);
	assert_string_equal(id.build_id, "b1");
	assert_string_not_equal(id.text, "as it was");

	/* what the environment says is of the process, known to this clone or not */
	id = found(MC_ID_ENVIRONMENT, other);
	deploys_hold_against(&c, "logic", &id);
	assert_string_equal(id.commit, other);

	/* its own: the tag names the version */
	id = found(MC_ID_GIT_WORKTREE, commit);
	deploys_hold_against(&c, "logic", &id);
	assert_string_equal(id.commit, commit);
	assert_string_equal(id.version, "v1");
	assert_int_equal(id.source, MC_ID_GIT_WORKTREE);

	/* a program without a repository: nobody knows better */
	id = found(MC_ID_GIT_WORKTREE, other);
	deploys_hold_against(&c, "somebody", &id);
	assert_string_equal(id.commit, other);
	assert_string_equal(id.text, "as it was");
	mc_config_release(&c);
	made_free(m);
}

static void a_repository_that_is_gone_takes_nothing_back(void **state)
{
	(void)state;
	struct mc_config c = with_repository("/nonexistent/repository");
	struct mc_identity id = found(MC_ID_GIT_WORKTREE, "0123456789012345678901234567890123456789");
	deploys_hold_against(&c, "logic", &id);
	assert_true(id.commit[0] != '\0');
	mc_config_release(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(another_projects_work_tree_says_nothing),
		cmocka_unit_test(a_repository_that_is_gone_takes_nothing_back),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
