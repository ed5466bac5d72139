/* Unit tests of what an ELF file and a process say of their version. ELF files are made by hand here,
 * of both classes and byte orders; processes are folders of plain files. */
#include "elf_notes.h"
#include "process.h"

#include <elf.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static void put(struct mc_buf *b, uint64_t v, size_t size, bool big)
{
	for (size_t i = 0; i < size; i++) {
		size_t at = big ? size - 1 - i : i;
		char c = at < sizeof v ? (char)(v >> 8 * at) : 0;
		mc_buf_add(b, &c, 1);
	}
}

static void add_note(struct mc_buf *b, uint32_t type, const char *owner, size_t owner_len, const void *desc, size_t len, bool big)
{
	put(b, owner_len, 4, big);
	put(b, len, 4, big);
	put(b, type, 4, big);
	mc_buf_add(b, owner, owner_len);
	put(b, 0, (4 - owner_len % 4) % 4, big);
	mc_buf_add(b, desc, len);
	put(b, 0, (4 - len % 4) % 4, big);
}

static void header(struct mc_buf *b, bool is64, bool big, uint32_t phnum)
{
	size_t word = is64 ? 8 : 4;
	mc_buf_add(b, ELFMAG, 4);
	put(b, is64 ? ELFCLASS64 : ELFCLASS32, 1, big);
	put(b, big ? ELFDATA2MSB : ELFDATA2LSB, 1, big);
	put(b, 1, 1, big);
	for (int i = 0; i < 9; i++)
		put(b, 0, 1, big);
	put(b, 2, 2, big);
	put(b, 62, 2, big);
	put(b, 1, 4, big);
	put(b, 0, word, big);               /* entry */
	put(b, is64 ? 64 : 52, word, big);  /* phoff */
	put(b, 0, word, big);               /* shoff */
	put(b, 0, 4, big);
	put(b, is64 ? 64 : 52, 2, big);
	put(b, is64 ? 56 : 32, 2, big);
	put(b, phnum, 2, big);
	put(b, 0, 2, big);
	put(b, 0, 2, big);
	put(b, 0, 2, big);
}

static void segment(struct mc_buf *b, bool is64, bool big, uint32_t type, uint32_t flags, uint64_t off, uint64_t vaddr, uint64_t size)
{
	size_t word = is64 ? 8 : 4;
	put(b, type, 4, big);
	if (is64)
		put(b, flags, 4, big);
	put(b, off, word, big);
	put(b, vaddr, word, big);
	put(b, vaddr, word, big);
	put(b, size, word, big);
	put(b, size, word, big);
	if (!is64)
		put(b, flags, 4, big);
	put(b, 4, word, big);
}

/* An ELF file with one note segment. */
static void elf_with(struct mc_buf *b, bool is64, bool big, const struct mc_buf *notes)
{
	header(b, is64, big, 1);
	size_t at = is64 ? 64 + 56 : 52 + 32;
	segment(b, is64, big, PT_NOTE, PF_R, at, at, notes->len);
	mc_buf_add(b, notes->data, notes->len);
}

static const char note_json[] = "{\"type\":\"app\",\"name\":\"logic\",\"version\":\"v2.3\",\"commit\":\"ABCDEF0123456789abcdef0123456789abcdef01\"}";

static void usual_notes(struct mc_buf *n, bool big)
{
	add_note(n, 1, "GNU", 4, "\0\0\0\0", 4, big);
	add_note(n, NT_GNU_BUILD_ID, "GNU", 4, "\x01\x23\x45\x67\x89\xab\xcd\xef\xfe\xdc", 10, big);
	add_note(n, 0xcafe1a7e, "FDO", 4, note_json, sizeof note_json, big);
}

static void notes_of_every_class_and_order(void **state)
{
	(void)state;
	for (int k = 0; k < 4; k++) {
		struct mc_buf notes = { 0 }, file = { 0 };
		struct mc_elf e;
		struct mc_elf_facts f;
		usual_notes(&notes, k & 1);
		elf_with(&file, k & 2, k & 1, &notes);
		assert_int_equal(mc_elf_open_mem(&e, file.data, file.len, NULL), 0);
		assert_int_equal(mc_elf_facts(&e, &f, NULL), 0);
		assert_string_equal(f.build_id, "0123456789abcdeffedc");
		assert_true(f.package_note);
		assert_string_equal(f.version, "v2.3");
		assert_string_equal(f.commit, "abcdef0123456789abcdef0123456789abcdef01");
		mc_buf_release(&notes);
		mc_buf_release(&file);
	}
}

/* Whatever byte is wrong or missing, nothing is read past the end (ASan sees it) and nothing fails but cleanly. */
static void damaged_files_are_read_within_bounds(void **state)
{
	(void)state;
	struct mc_buf notes = { 0 }, file = { 0 };
	struct mc_elf e;
	struct mc_elf_facts f;
	usual_notes(&notes, false);
	elf_with(&file, true, false, &notes);
	for (size_t len = 0; len < file.len; len++) {
		char *cut = malloc(len ? len : 1);
		assert_non_null(cut);
		memcpy(cut, file.data, len);
		if (mc_elf_open_mem(&e, cut, len, NULL) == 0)
			assert_int_equal(mc_elf_facts(&e, &f, NULL), 0);
		else
			assert_true(len < 64);
		free(cut);
	}
	static const uint8_t bad[] = { 0, 1, 0x7f, 0x80, 0xff };
	for (size_t i = 4; i < file.len; i++)
		for (size_t k = 0; k < sizeof bad; k++) {
			char was = file.data[i];
			file.data[i] = (char)bad[k];
			if (mc_elf_open_mem(&e, file.data, file.len, NULL) == 0) {
				char version[MC_VERSION_TEXT] = "", commit[MC_COMMIT_TEXT] = "";
				assert_int_equal(mc_elf_facts(&e, &f, NULL), 0);
				mc_elf_go(&e, version, commit);
			}
			file.data[i] = was;
		}
	mc_buf_release(&notes);
	mc_buf_release(&file);
}

static void hostile_package_notes(void **state)
{
	(void)state;
	struct mc_elf_facts f = { 0 };
	static const char *const no[] = { "", "{", "[]", "{\"version\":3}", "{\"commit\":\"zzzzzzzz\"}", "{\"version\":\"\"}", "\"v1\"" };
	for (size_t i = 0; i < sizeof no / sizeof *no; i++)
		assert_false(mc_package_note(no[i], strlen(no[i]), &f));
	const char *esc = "{\"version\":\"v1\\u001b[31m\"}";
	assert_true(mc_package_note(esc, strlen(esc), &f));
	assert_null(strchr(f.version, 27));
	char longest[MC_VERSION_TEXT * 3], version[MC_VERSION_TEXT];
	memset(longest, 0, sizeof longest);
	for (size_t i = 0; i + 3 < sizeof longest; i += 3)
		memcpy(longest + i, "\xe2\x82\xac", 3);
	assert_true(mc_version_text(longest, strlen(longest), version));
	assert_int_equal(strlen(version) % 3, 0);
	assert_true(strlen(version) < sizeof version);
}

static void go_build_information(void **state)
{
	(void)state;
	static const char mod[] = "0123456789abcdef"
		"path\texample.org/logic\nmod\texample.org/logic\tv1.4.2\th1:abc=\nbuild\tvcs.revision=0123456789abcdef0123456789abcdef01234567\n"
		"build\tvcs.modified=false\n" "0123456789abcdef";
	struct mc_buf file = { 0 };
	struct mc_elf e;
	char version[MC_VERSION_TEXT] = "", commit[MC_COMMIT_TEXT] = "";
	header(&file, true, false, 1);
	segment(&file, true, false, PT_LOAD, PF_R | PF_W, 120, 0x500000, 600);
	mc_buf_add(&file, "\xff Go buildinf:\x08\x02", 16);
	put(&file, 0, 16, false);
	mc_buf_add(&file, "\x08go1.22.1", 9);
	put(&file, ((sizeof mod - 1) & 0x7f) | 0x80, 1, false);
	put(&file, (sizeof mod - 1) >> 7, 1, false);
	mc_buf_add(&file, mod, sizeof mod - 1);
	assert_int_equal(mc_elf_open_mem(&e, file.data, file.len, NULL), 0);
	assert_int_equal(mc_elf_go(&e, version, commit), 0);
	assert_string_equal(version, "v1.4.2");
	assert_string_equal(commit, "0123456789abcdef0123456789abcdef01234567");
	assert_int_equal(mc_elf_open_mem(&e, file.data, file.len - 1, NULL), 0);
	assert_int_equal(mc_elf_go(&e, version, commit), 1);
	version[0] = commit[0] = '\0';
	mc_go_modinfo("mod\tx\t(devel)\t", 14, version, commit);
	assert_string_equal(version, "");
	mc_buf_release(&file);
}

static void reflog_tells_what_head_was(void **state)
{
	(void)state;
	static const char log[] =
		"0000000000000000000000000000000000000000 1111111111111111111111111111111111111111 A > B <a@b> 100 +0100\tcommit (initial): > 5 x\n"
		"garbage\n"
		"1111111111111111111111111111111111111111 2222222222222222222222222222222222222222 A <a@b> 200 +0100\tcheckout: moving\n"
		"2222222222222222222222222222222222222222 333333333333333333333333333333333333333 A <a@b> 250 +0100\tshort\n"
		"2222222222222222222222222222222222222222 1111111111111111111111111111111111111111 A <a@b> 300 -0800";
	char id[MC_COMMIT_TEXT];
	assert_false(mc_reflog_at(log, sizeof log - 1, 99, id));
	assert_true(mc_reflog_at(log, sizeof log - 1, 199, id));
	assert_int_equal(id[0], '1');
	assert_true(mc_reflog_at(log, sizeof log - 1, 299, id));
	assert_int_equal(id[0], '2');
	assert_true(mc_reflog_at(log, sizeof log - 1, 300, id));
	assert_int_equal(id[0], '1');
	assert_false(mc_reflog_at("", 0, 300, id));
}

/* ---- processes: a folder that looks like /proc ---- */

struct tree {
	char dir[128];
	int proc;
};

static void write_file(const struct tree *t, const char *name, const void *data, size_t len)
{
	char path[512];
	snprintf(path, sizeof path, "%s/%s", t->dir, name);
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, data, len), len);
	close(fd);
}

static void make_dir(const struct tree *t, const char *name)
{
	char path[512];
	snprintf(path, sizeof path, "%s/%s", t->dir, name);
	assert_int_equal(mkdir(path, 0755), 0);
}

static void link_to(const struct tree *t, const char *name, const char *target)
{
	char path[512];
	snprintf(path, sizeof path, "%s/%s", t->dir, name);
	assert_int_equal(symlink(target, path), 0);
}

static int set_up(void **state)
{
	struct tree *t = calloc(1, sizeof *t);
	char path[512];
	assert_non_null(t);
	snprintf(t->dir, sizeof t->dir, "%s/mc-elf-XXXXXX", getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp");
	assert_non_null(mkdtemp(t->dir));
	make_dir(t, "proc");
	make_dir(t, "proc/7");
	make_dir(t, "app");
	make_dir(t, "app/bin");
	snprintf(path, sizeof path, "%s/proc", t->dir);
	t->proc = open(path, O_DIRECTORY | O_RDONLY | O_CLOEXEC);
	link_to(t, "proc/7/root", "/");
	write_file(t, "proc/stat", "cpu 1\nbtime 1000\n", 17);
	write_file(t, "proc/7/stat", "7 (a) b) S 1 1 1 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 5000 0\n", 57);
	*state = t;
	return 0;
}

static int tear_down(void **state)
{
	struct tree *t = *state;
	char command[256];
	close(t->proc);
	snprintf(command, sizeof command, "rm -rf '%s'", t->dir);
	int rc = system(command);
	free(t);
	return rc;
}

static void run_file(struct tree *t, const char *name, bool package_note)
{
	char path[512];
	struct mc_buf notes = { 0 }, file = { 0 };
	if (package_note)
		usual_notes(&notes, false);
	else
		add_note(&notes, NT_GNU_BUILD_ID, "GNU", 4, "\x42\x43", 2, false);
	elf_with(&file, true, false, &notes);
	write_file(t, name, file.data, file.len);
	snprintf(path, sizeof path, "%s/%s", t->dir, name);
	link_to(t, "proc/7/exe", path);
	mc_buf_release(&notes);
	mc_buf_release(&file);
}

static void package_note_of_a_process(void **state)
{
	struct tree *t = *state;
	struct mc_identity id;
	run_file(t, "app/bin/logic", true);
	write_file(t, "proc/7/environ", "GIT_COMMIT=9999999\0", 19);
	assert_int_equal(mc_identify_process(t->proc, 7, &id, NULL), 0);
	assert_int_equal(id.source, MC_ID_PACKAGE_NOTE);
	assert_string_equal(id.version, "v2.3");
	assert_string_equal(id.commit, "abcdef0123456789abcdef0123456789abcdef01");
	assert_non_null(strstr(id.text, "package note"));
	char path[512];
	snprintf(path, sizeof path, "%s/app/bin/logic", t->dir);
	assert_int_equal(mc_identify_file(path, &id, NULL), 0);
	assert_string_equal(id.version, "v2.3");
}

static void environment_names_are_an_allow_list(void **state)
{
	struct tree *t = *state;
	struct mc_identity id;
	run_file(t, "app/bin/logic", false);
	static const char env[] = "SECRET=abcdef12\0APP_VERSION=v7\0GIT_COMMIT=not hex\0SOURCE_COMMIT=ABCDEF12\0XGIT_COMMIT=1234567";
	write_file(t, "proc/7/environ", env, sizeof env);
	assert_int_equal(mc_identify_process(t->proc, 7, &id, NULL), 0);
	assert_int_equal(id.source, MC_ID_ENVIRONMENT);
	assert_string_equal(id.version, "v7");
	assert_string_equal(id.commit, "abcdef12");
	assert_string_equal(id.build_id, "4243");
	static const char otel[] = "A=1\0OTEL_RESOURCE_ATTRIBUTES=a=b,service.version=3.1,c=d";
	write_file(t, "proc/7/environ", otel, sizeof otel);
	assert_int_equal(mc_identify_process(t->proc, 7, &id, NULL), 0);
	assert_string_equal(id.version, "3.1");
}

static void stamp_file_beside_the_program(void **state)
{
	struct tree *t = *state;
	struct mc_identity id;
	run_file(t, "app/bin/logic", false);
	assert_int_equal(mc_identify_process(t->proc, 7, &id, NULL), 0);
	assert_int_equal(id.source, MC_ID_BUILD_ID);
	write_file(t, "app/VERSION", "this is prose\n", 14);
	assert_int_equal(mc_identify_process(t->proc, 7, &id, NULL), 0);
	assert_int_equal(id.source, MC_ID_BUILD_ID);
	write_file(t, "app/REVISION", "0123456789abcdef\n", 17);
	assert_int_equal(mc_identify_process(t->proc, 7, &id, NULL), 0);
	assert_int_equal(id.source, MC_ID_STAMP_FILE);
	assert_string_equal(id.commit, "0123456789abcdef");
}

static void work_tree_as_it_was_when_built(void **state)
{
	struct tree *t = *state;
	struct mc_identity id;
	char path[512];
	run_file(t, "app/bin/logic", false);
	make_dir(t, "app/.git");
	make_dir(t, "app/.git/logs");
	static const char log[] =
		"0000000000000000000000000000000000000000 1111111111111111111111111111111111111111 A <a@b> 1000000 +0000\tcommit\n"
		"1111111111111111111111111111111111111111 2222222222222222222222222222222222222222 A <a@b> 2000000 +0000\tcommit\n";
	write_file(t, "app/.git/logs/HEAD", log, sizeof log - 1);
	snprintf(path, sizeof path, "%s/app/bin/logic", t->dir);
	const struct timespec built[2] = { { .tv_sec = 1500000 }, { .tv_sec = 1500000 } };
	assert_int_equal(utimensat(AT_FDCWD, path, built, 0), 0);
	assert_int_equal(mc_identify_process(t->proc, 7, &id, NULL), 0);
	assert_int_equal(id.source, MC_ID_GIT_WORKTREE);
	assert_int_equal(id.commit[0], '1');
	/* built before the first entry: what HEAD was then is not known, so nothing is claimed */
	const struct timespec before[2] = { { .tv_sec = 900000 }, { .tv_sec = 900000 } };
	assert_int_equal(utimensat(AT_FDCWD, path, before, 0), 0);
	assert_int_equal(mc_identify_process(t->proc, 7, &id, NULL), 0);
	assert_int_equal(id.source, MC_ID_BUILD_ID);
	assert_string_equal(id.commit, "");
}

static void processes_of_this_machine(void **state)
{
	(void)state;
	struct mc_identity id;
	struct mc_error e;
	int proc = open("/proc", O_DIRECTORY | O_RDONLY | O_CLOEXEC);
	assert_int_equal(mc_identify_process(proc, getpid(), &id, &e), 0);
	assert_int_equal(mc_identify_process(proc, INT32_MAX, &id, &e), MC_ENOTFOUND);
	assert_int_equal(mc_identify_file("/etc/passwd", &id, &e), MC_EFORMAT);
	assert_int_equal(mc_identify_file("/nonexistent", &id, &e), MC_ENOTFOUND);
	assert_int_equal(mc_identify_file("/proc", &id, &e), MC_EFORMAT);
	close(proc);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(notes_of_every_class_and_order),
		cmocka_unit_test(damaged_files_are_read_within_bounds),
		cmocka_unit_test(hostile_package_notes),
		cmocka_unit_test(go_build_information),
		cmocka_unit_test(reflog_tells_what_head_was),
		cmocka_unit_test_setup_teardown(package_note_of_a_process, set_up, tear_down),
		cmocka_unit_test_setup_teardown(environment_names_are_an_allow_list, set_up, tear_down),
		cmocka_unit_test_setup_teardown(stamp_file_beside_the_program, set_up, tear_down),
		cmocka_unit_test_setup_teardown(work_tree_as_it_was_when_built, set_up, tear_down),
		cmocka_unit_test(processes_of_this_machine),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
