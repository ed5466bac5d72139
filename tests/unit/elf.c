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
	write_file(t, "proc/7/stat", "7 (a) b) S 1 1 1 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 299900000 0\n", 62);
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
	/* what orchestrators tell: the image beside a version, its tag where nothing else tells one, a pod's template */
	static const char image[] = "A=1\0OTEL_RESOURCE_ATTRIBUTES=service.version=3.1,container.image.name=reg/app:9";
	write_file(t, "proc/7/environ", image, sizeof image);
	assert_int_equal(mc_identify_process(t->proc, 7, &id, NULL), 0);
	assert_string_equal(id.image, "reg/app:9");
	assert_non_null(strstr(id.text, ", image reg/app:9"));
	char exe[512];
	snprintf(exe, sizeof exe, "%s/proc/7/exe", t->dir);
	assert_int_equal(unlink(exe), 0);
	run_file(t, "app/bin/node", false);
	write_file(t, "app/main.js", "1\n", 2);
	char args[300];
	int n = snprintf(args, sizeof args, "node%c%s/app/main.js", 0, t->dir);
	write_file(t, "proc/7/cmdline", args, (size_t)n + 1);
	link_to(t, "proc/7/cwd", "/");
	static const char tag[] = "OTEL_RESOURCE_ATTRIBUTES=container.image.tag=v9";
	write_file(t, "proc/7/environ", tag, sizeof tag);
	assert_int_equal(mc_identify_process(t->proc, 7, &id, NULL), 0);
	assert_int_equal(id.source, MC_ID_CONTAINER);
	assert_string_equal(id.version, "v9");
	static const char pod[] = "KUBERNETES_SERVICE_HOST=10.0.0.1\0HOSTNAME=web-7d4b9c6f5d-x2z4q";
	write_file(t, "proc/7/environ", pod, sizeof pod);
	assert_int_equal(mc_identify_process(t->proc, 7, &id, NULL), 0);
	assert_int_equal(id.source, MC_ID_CONTAINER);
	assert_string_equal(id.version, "pod template 7d4b9c6f5d");
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
	/* the tracked files are older than what was built from them: then what was committed after it is it */
	static const char index[] = "DIRC\0\0\0\2\0\0\0\1" "\0\0\0\0\0\0\0\0" "\0\x14\x99\x70\0\0\0\0" "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"
		"aaaaaaaaaaaaaaaaaaaa" "\0\3" "a.c\0\0\0\0\0\0\0";
	write_file(t, "app/.git/index", index, sizeof index - 1);
	assert_int_equal(mc_identify_process(t->proc, 7, &id, NULL), 0);
	assert_int_equal(id.commit[0], '2');
	snprintf(path, sizeof path, "%s/app/.git/index", t->dir);
	assert_int_equal(unlink(path), 0);
	snprintf(path, sizeof path, "%s/app/bin/logic", t->dir);
	/* built before the first entry: what HEAD was then is not known, so nothing is claimed */
	const struct timespec before[2] = { { .tv_sec = 900000 }, { .tv_sec = 900000 } };
	assert_int_equal(utimensat(AT_FDCWD, path, before, 0), 0);
	assert_int_equal(mc_identify_process(t->proc, 7, &id, NULL), 0);
	assert_int_equal(id.source, MC_ID_BUILD_ID);
	assert_string_equal(id.commit, "");
}

static void names_without_what_a_release_changes(void **state)
{
	(void)state;
	char name[160], version[MC_VERSION_TEXT];
	static const char *const pairs[][2] = { { "/srv/releases/20261125/app.py", "/srv/releases/#/app.py" }, { "app-1.2.3", "app-#" }, { "nginx", "nginx" },
		{ "/o/0a1b2c3d4e/x", "/o/#/x" }, { "decade", "decade" }, { "a1.", "a#." }, { "", "" } };
	for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
		mc_release_name(pairs[i][0], name, sizeof name);
		assert_string_equal(name, pairs[i][1]);
	}
	char longest[5000];
	memset(longest, 'x', sizeof longest);
	longest[sizeof longest - 1] = '\0';
	longest[sizeof longest - 2] = 'y';
	mc_release_name(longest, name, sizeof name);
	assert_int_equal(strlen(name), sizeof name - 1);
	assert_int_equal(name[sizeof name - 2], 'y');
	assert_true(mc_pod_template("web-7d4b9c6f5d-x2z4q", 20, version));
	assert_string_equal(version, "pod template 7d4b9c6f5d");
	assert_false(mc_pod_template("web-production-abcde", 20, version));
	assert_false(mc_pod_template("x", 1, version));
	assert_true(mc_image_tag("registry:5000/a/b:v1.2@sha256:00", version));
	assert_string_equal(version, "v1.2");
	assert_true(mc_image_tag("a/b@sha256:00", version));
	assert_string_equal(version, "sha256:00");
	assert_false(mc_image_tag("registry:5000/a/b", version));
	assert_false(mc_image_tag("a:latest", version));
	version[0] = '\0';
	assert_true(mc_library_name("/usr/lib/libssl.so.3", name, version));
	assert_string_equal(name, "libssl");
	assert_string_equal(version, "3");
	version[0] = '\0';
	assert_true(mc_library_name("/lib/libc-2.31.so", name, version));
	assert_string_equal(name, "libc");
	assert_string_equal(version, "2.31");
	assert_false(mc_library_name("/usr/bin/nginx", name, version));
	assert_false(mc_library_name("/x/a.sold", name, version));
}

/* An index with every number wrong in turn is read within its bounds. */
static void damaged_indexes(void **state)
{
	(void)state;
	uint8_t data[120] = "DIRC\0\0\0\2\0\0\0\1", *tight;
	int64_t newest;
	for (uint8_t version = 0; version < 6; version++)
		for (uint8_t count = 0; count < 3; count++)
			for (size_t len = 0; len <= sizeof data; len++) {
				data[7] = version;
				data[11] = count;
				tight = malloc(len ? len : 1); /* so that ASan sees a byte too far */
				memcpy(tight, data, len);
				if (mc_index_newest(tight, len, &newest))
					assert_true(version >= 2 && version <= 4 && len >= 12 && newest == 0);
				free(tight);
			}
}

static void libraries_of_this_process(void **state)
{
	(void)state;
	struct mc_library_cache *c = mc_library_cache_new();
	struct mc_library_build *v = NULL, *again = NULL;
	size_t n = 0, m = 0;
	int proc = open("/proc", O_DIRECTORY | O_RDONLY | O_CLOEXEC);
	assert_non_null(c);
	assert_int_equal(mc_identify_libraries(c, proc, getpid(), NULL, 0, &v, &n, NULL), 0);
	assert_int_equal(mc_identify_libraries(c, proc, getpid(), NULL, 0, &again, &m, NULL), 0);
	assert_int_equal(n, m);
	bool libc = false;
	for (size_t i = 0; i < n; i++) {
		libc |= strcmp(v[i].name, "libc") == 0 && v[i].build_id[0];
		assert_memory_equal(&v[i], &again[i], sizeof *v);
	}
	assert_true(libc);
	/* as the sampler hands them over; one is gone from the disk, one is no library */
	struct stat st;
	assert_int_equal(stat(v[0].path, &st), 0);
	const struct mc_mapped_file given[] = { { v[0].path, st.st_ino, false }, { "/usr/lib/libgone.so.1", 1, true }, { "/usr/bin/env", 2, false },
		{ v[0].path, st.st_ino + 1, false } };
	free(again);
	assert_int_equal(mc_identify_libraries(c, proc, getpid(), given, 4, &again, &m, NULL), 0);
	assert_int_equal(m, 1);
	assert_memory_equal(&v[0], &again[0], sizeof *v);
	assert_int_equal(mc_identify_libraries(c, proc, INT32_MAX, NULL, 0, &v, &n, NULL), MC_ENOTFOUND);
	free(v);
	free(again);
	mc_library_cache_free(c);
	close(proc);
}

/* A script is told from another by its text, and is not its interpreter. */
static void contents_of_a_script(void **state)
{
	struct tree *t = *state;
	struct mc_identity a, b;
	char path[512];
	run_file(t, "app/bin/python3.11", false);
	write_file(t, "app/job.py", "print(1)\n", 9);
	snprintf(path, sizeof path, "python3%c%s/app/job.py%c", 0, t->dir, 0);
	write_file(t, "proc/7/cmdline", path, 8 + strlen(path + 8) + 1);
	link_to(t, "proc/7/cwd", "/");
	assert_int_equal(mc_identify_process(t->proc, 7, &a, NULL), 0);
	assert_true(a.interpreted);
	assert_int_equal(a.source, MC_ID_CONTENTS);
	assert_non_null(strstr(a.what, "job.py"));
	write_file(t, "app/job.py", "print(2)\n", 9);
	assert_int_equal(mc_identify_process(t->proc, 7, &b, NULL), 0);
	assert_string_equal(a.build_id, b.build_id);
	assert_string_not_equal(a.contents, b.contents);
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
		cmocka_unit_test_setup_teardown(contents_of_a_script, set_up, tear_down),
		cmocka_unit_test(names_without_what_a_release_changes),
		cmocka_unit_test(damaged_indexes),
		cmocka_unit_test(libraries_of_this_process),
		cmocka_unit_test(processes_of_this_machine),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
