/* Unit tests of what a release changed: its commits, the places in them, and who is named first. Every
 * repository is a real one, made by the test. */
#include "memculprit/deploy.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "repo_make.h"

static void changes_of(const struct made *m, const char *from, const char *to, struct mc_changes *c)
{
	struct mc_repo *r = NULL;
	struct mc_error e;
	if (mc_repo_open(m->dir, &r, &e) < 0 || mc_repo_changes(r, from, to, c, &e) < 0)
		fail_msg("%s", e.text);
	mc_repo_close(r);
}

static const struct mc_commit *commit_of(const struct mc_changes *c, const char *id)
{
	for (size_t i = 0; i < c->ncommits; i++)
		if (strcmp(c->commits[i].id, id) == 0)
			return &c->commits[i];
	fail_msg("%s is not in the range", id);
	return &c->commits[0];
}

static const char codec_h[] = "int Encode(const char *in, char **out, int *len);\n";
static const char codec_c[] = "#include \"codec.h\"\n"
	"#include <stdlib.h>\n\n"
	"int Encode(const char *in, char **out, int *len)\n{\n"
	"\tchar *p = malloc(4096);\n\tif (!p)\n\t\treturn -1;\n\t*len = fill(p, in);\n\t*out = p;\n\treturn 0;\n}\n";
/* The buffer is made elsewhere, as most libraries do it; only what happens to it here says whose it is. */
static const char codec_grown_c[] = "#include \"codec.h\"\n"
	"#include <stdlib.h>\n\nstruct message { char *data; int len, room; };\n\n"
	"static int grow(struct message *m, int more)\n{\n\tchar *d = realloc(m->data, m->room += more);\n\tif (!d)\n\t\treturn -1;\n"
	"\tm->data = d;\n\treturn 0;\n}\n\n"
	"int Encode(const char *in, char **out, int *len)\n{\n\tstruct message m = { 0 };\n\tif (grow(&m, 100)) {\n"
	"\t\tfree(m.data);\n\t\treturn -1;\n\t}\n\tfill(&m, in);\n\t*out = m.data;\n\t*len = m.len;\n\treturn 0;\n}\n";
static const char server_old[] = "#include \"server.h\"\n\nint send_reply(int fd, const char *text)\n{\n"
	"\tint n = (int)strlen(text);\n\tif (n == 0)\n\t\treturn -1;\n\tif (write(fd, text, n) != n)\n\t\treturn -2;\n\treturn 0;\n}\n";
static const char server_leak[] = "#include \"server.h\"\n\nint send_reply(int fd, const char *text)\n{\n"
	"\tchar *ptr;\n\tint len;\n\tif (Encode(text, &ptr, &len) != 0)\n\t\treturn -3;\n\tif (len == 0)\n\t\treturn -1;\n"
	"\tif (write(fd, ptr, len) != len)\n\t\treturn -2;\n\treturn 0;\n}\n";
static const char server_fixed[] = "#include \"server.h\"\n\nint send_reply(int fd, const char *text)\n{\n"
	"\tchar *ptr;\n\tint len, rc = 0;\n\tif (Encode(text, &ptr, &len) != 0)\n\t\treturn -3;\n\tif (len == 0) {\n\t\trc = -1;\n\t\tgoto out;\n\t}\n"
	"\tif (write(fd, ptr, len) != len)\n\t\trc = -2;\nout:\n\tfree(ptr);\n\treturn rc;\n}\n";
static const char cache_c[] = "static char *cache;\n\nint cache_init(int size)\n{\n\tcache = malloc(size);\n\treturn cache ? 0 : -1;\n}\n\n"
	"void cache_exit(void)\n{\n\tfree(cache);\n}\n";

/* The incident: one commit among others calls Encode(), and no path frees what it hands out. */
static void incident(const char *library)
{
	struct made *m = made_new(false);
	struct mc_changes c;
	if (library)
		made_file(m, "lib/codec.c", library);
	made_file(m, "lib/codec.h", codec_h);
	made_file(m, "src/server.c", server_old);
	const char *old = made_commit(m, "A", "release 2.2");
	made_file(m, "src/cache.c", cache_c);
	const char *benign = made_commit(m, "B", "a start-up cache\n\nlonger text");
	made_file(m, "README", "much\nmore\ntext\nthan\nbefore\nfor\nusers\n1\n2\n3\n4\n5\n6\n7\n8\n9\n10\n11\n12\n13\n14\n15\n16\n17\n18\n19\n20\n");
	made_commit(m, "C", "readme");
	made_file(m, "src/server.c", server_leak);
	const char *guilty = made_commit(m, "D", "encode replies");
	made_file(m, "Makefile", "CC = cc\n");
	const char *new = made_commit(m, "E", "makefile");
	changes_of(m, old, new, &c);
	assert_int_equal(c.ncommits, 4);
	assert_string_equal(c.commits[0].id, guilty);
	assert_string_equal(c.commits[0].subject, "encode replies");
	assert_string_equal(c.commits[0].author, "D");
	assert_true(c.commits[0].nplaces >= 1);
	const struct mc_place *p = &c.commits[0].places[0];
	assert_string_equal(p->path, "src/server.c");
	assert_int_equal(p->line, 7);
	assert_string_equal(p->function, "send_reply");
	assert_non_null(strstr(p->reason, "memory acquired, not released in the diff"));
	assert_non_null(strstr(p->reason, "Encode()"));
	assert_string_equal(p->text, "if (Encode(text, &ptr, &len) != 0)");
	assert_int_equal(commit_of(&c, benign)->nplaces, 0);
	assert_int_equal(commit_of(&c, benign)->added, 12);
	mc_changes_release(&c);
	/* the fix brings nothing that is worth reading */
	made_file(m, "src/server.c", server_fixed);
	const char *fix = made_commit(m, "D", "free the reply");
	changes_of(m, new, fix, &c);
	assert_int_equal(c.ncommits, 1);
	assert_int_equal(c.commits[0].nplaces, 0);
	mc_changes_release(&c);
	/* and over both, the leak is not there any more */
	changes_of(m, old, fix, &c);
	assert_int_equal(c.ncommits, 5);
	assert_int_equal(commit_of(&c, guilty)->nplaces, 0);
	mc_changes_release(&c);
	made_free(m);
}

static void the_incident_with_the_library_here(void **state)
{
	(void)state;
	incident(codec_c);
	incident(codec_grown_c);
}

static void the_incident_with_the_library_elsewhere(void **state)
{
	(void)state;
	incident(NULL);
}

/* The reason of the first place of a commit that turns `before` into `after`; "" none. Static. */
static const char *reason_of(const char *path, const char *before, const char *after, int *line)
{
	static char text[400];
	struct made *m = made_new(true);
	struct mc_changes c;
	if (before)
		made_file(m, path, before);
	made_file(m, "other", "x\n");
	const char *old = made_commit(m, "A", "before");
	made_file(m, path, after);
	const char *new = made_commit(m, "A", "after");
	changes_of(m, old, new, &c);
	text[0] = '\0';
	if (c.commits[0].nplaces > 0)
		snprintf(text, sizeof text, "%s", c.commits[0].places[0].reason);
	*line = c.commits[0].nplaces > 0 ? c.commits[0].places[0].line : 0;
	mc_changes_release(&c);
	made_free(m);
	return text;
}

struct example {
	const char *path, *before, *after, *says;
	int line;
};

static void rules_on_small_files(void **state)
{
	(void)state;
	static const struct example table[] = {
		/* early exit between acquire and release */
		{ "a.c", "int f(int x)\n{\n\tchar *p = malloc(9);\n\tuse(p, x);\n\tfree(p);\n\treturn 0;\n}\n",
			"int f(int x)\n{\n\tchar *p = malloc(9);\n\tif (x > 3)\n\t\treturn -1;\n\tuse(p, x);\n\tfree(p);\n\treturn 0;\n}\n", "early exit at line 5", 5 },
		{ "a.c", NULL, "int f(int x)\n{\n\tchar *p = malloc(9);\n\tif (!p)\n\t\treturn -2;\n\tif (x > 3) {\n\t\tfree(p);\n\t\treturn -1;\n\t}\n\tuse(p, x);\n\tfree(p);\n\treturn 0;\n}\n", "", 0 },
		{ "a.c", NULL, "int f(int x)\n{\n\tchar *p = malloc(9);\n\tint rc = -1;\n\tif (x > 3)\n\t\tgoto out;\n\trc = use(p, x);\nout:\n\tfree(p);\n\treturn rc;\n}\n", "", 0 },
		{ "a.c", NULL, "int f(int x)\n{\n\tchar *p = malloc(9);\n\tif (x > 3)\n\t\tgoto bad;\n\tfree(p);\n\treturn 0;\nbad:\n\treturn -1;\n}\n", "early exit at line 5", 3 },
		/* an early exit that is freed only on the error path */
		{ "a.c", NULL, "int f(int x)\n{\n\tchar *p = strdup(\"x\");\n\tif (x) {\n\t\tfree(p);\n\t\treturn -1;\n\t}\n\treturn use(x);\n}\n", "early exit at line 8", 3 },
		/* release removed */
		{ "a.c", "void f(void)\n{\n\tchar *p = get();\n\tuse(p);\n\tfree(p);\n}\n", "void f(void)\n{\n\tchar *p = get();\n\tuse(p);\n}\n", "release removed: free() of p", 3 },
		{ "a.c", "void f(void)\n{\n\tchar *p = get();\n\tuse(p);\n\tfree(p);\n}\n", "void f(void)\n{\n\tchar *p = get();\n\tuse(p);\n\tlog();\n\tfree(p);\n}\n", "", 0 },
		/* comments and strings are no code */
		{ "a.c", NULL, "void f(void)\n{\n\t/* p = malloc(3); */\n\tlog(\"p = malloc(3)\"); // p = malloc(3)\n}\n", "", 0 },
		/* a kept thing that nothing releases, and one that something does */
		{ "a.c", NULL, "void on_request(struct c *c)\n{\n\tc->buf = malloc(9);\n}\n", "memory acquired and kept", 3 },
		{ "a.c", NULL, "void on_request(struct c *c)\n{\n\tc->buf = malloc(9);\n}\nvoid done(struct c *c)\n{\n\tfree(c->buf);\n}\n", "", 0 },
		/* C++ */
		{ "a.cc", NULL, "void C::handle() {\n  auto *p = new Thing(1);\n  p->run();\n}\n", "memory acquired, not released", 2 },
		{ "a.cc", NULL, "void C::handle() {\n  std::unique_ptr<Thing> p(new Thing(1));\n  auto q = std::make_unique<Thing>(2);\n}\n", "", 0 },
		{ "a.cc", NULL, "void C::handle() {\n  auto *p = new Thing(1);\n  delete p;\n}\n", "", 0 },
		/* Go */
		{ "a.go", NULL, "package a\n\nfunc (s *S) Handle(u string) error {\n\tresp, err := client.Do(req)\n\tif err != nil {\n\t\treturn err\n\t}\n\treturn use(resp)\n}\n", "memory acquired", 4 },
		{ "a.go", NULL, "package a\n\nfunc (s *S) Handle(u string) error {\n\tresp, err := client.Do(req)\n\tif err != nil {\n\t\treturn err\n\t}\n\tdefer resp.Body.Close()\n\treturn nil\n}\n", "", 0 },
		{ "a.go", NULL, "package a\n\nvar seen []string\n\nfunc Handle(u string) {\n\tseen = append(seen, u)\n}\n", "seen is added to", 6 },
		/* Rust */
		{ "a.rs", NULL, "fn handle(x: &'static str) {\n    let p = Box::new(1);\n    Box::leak(p);\n}\n", "ownership changes: leak()", 3 },
		/* Python */
		{ "a.py", NULL, "cache = []\n\ndef handle(x):\n    cache.append(x)\n    return 1\n", "cache is added to", 4 },
		{ "a.py", NULL, "cache = []\n\ndef handle(x):\n    cache.append(x)\n    return 1\n\ndef trim():\n    cache.pop()\n", "", 0 },
		{ "a.py", NULL, "def handle(x):\n    own = []\n    own.append(x)\n    return own\n", "", 0 },
		/* Java */
		{ "A.java", NULL, "class A {\n  private final Map<String, X> seen = new HashMap<>();\n  void handle(X x) {\n    this.seen.put(x.id(), x);\n  }\n}\n", "seen is added to", 4 },
		/* JavaScript */
		{ "a.js", NULL, "const seen = new Map();\napp.get('/x', (req, res) => {\n  seen.set(req.id, req);\n});\n", "seen is added to", 3 },
		/* versions of libraries, allocators */
		{ "go.mod", "module a\nrequire b v1.2.3\n", "module a\nrequire b v1.3.0\n", "a library's version changes", 2 },
		{ "Makefile", "LIBS = -lm\n", "LIBS = -lm -ljemalloc\n", "the allocator changes", 1 },
	};
	for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
		int line;
		const char *says = reason_of(table[i].path, table[i].before, table[i].after, &line);
		if (table[i].says[0] ? strstr(says, table[i].says) == NULL : says[0] != '\0')
			fail_msg("example %zu (%s) says '%s', not '%s'", i, table[i].path, says, table[i].says);
		if (line != table[i].line)
			fail_msg("example %zu (%s): line %d, not %d", i, table[i].path, line, table[i].line);
	}
}

static void rollback_divergence_merge(void **state)
{
	(void)state;
	struct made *m = made_new(false);
	struct mc_changes c;
	made_file(m, "a.c", "int a;\n");
	const char *base = made_commit(m, "A", "base");
	made_file(m, "a.c", "int a;\nint b;\n");
	const char *one = made_commit(m, "A", "one");
	made_checkout(m, base);
	made_file(m, "b.c", "void f(void)\n{\n\tchar *p = malloc(3);\n\tuse(p);\n}\n");
	const char *side = made_commit(m, "A", "side");
	made_checkout(m, one);
	made_file(m, "b.c", "void f(void)\n{\n\tchar *p = malloc(3);\n\tuse(p);\n}\n");
	const char *merge = made_merge(m, side, "merge");
	changes_of(m, base, merge, &c);
	assert_int_equal(c.ncommits, 3);
	assert_string_equal(c.commits[0].id, side);
	assert_false(c.rollback || c.diverged);
	mc_changes_release(&c);
	changes_of(m, merge, base, &c);
	assert_true(c.rollback);
	assert_int_equal(c.ncommits, 3);
	assert_int_equal(c.commits[0].nplaces, 0);
	assert_non_null(strstr(c.note, "rollback"));
	mc_changes_release(&c);
	changes_of(m, one, side, &c);
	assert_true(c.diverged);
	char taken[13];
	snprintf(taken, sizeof taken, "%s", one);
	assert_non_null(strstr(c.note, "1 commit of the old one is not in the new one"));
	assert_non_null(strstr(c.note, taken));
	assert_int_equal(c.ncommits, 1);
	assert_string_equal(c.commits[0].id, side);
	mc_changes_release(&c);
	changes_of(m, side, side, &c);
	assert_int_equal(c.ncommits, 0);
	assert_non_null(strstr(c.note, "same commit"));
	mc_changes_release(&c);
	changes_of(m, "", side, &c);
	assert_int_equal(c.ncommits, 1);
	assert_non_null(strstr(c.note, "not known"));
	mc_changes_release(&c);
	made_free(m);
}

/* Suspects first, by lines of code and the strongest reason; the note says what that is worth. */
static void order_and_its_worth(void **state)
{
	(void)state;
	struct made *m = made_new(false);
	struct mc_changes c;
	char text[4096], name[32];
	made_file(m, "a.c", "int a;\n");
	char old[MC_COMMIT_TEXT], leak[MC_COMMIT_TEXT]; /* kept over more than 64 commits */
	snprintf(old, sizeof old, "%s", made_commit(m, "A", "base"));
	made_file(m, "leak.c", "void f(int n)\n{\n\tchar *p = malloc(n);\n\tuse(p);\n}\n");
	snprintf(leak, sizeof leak, "%s", made_commit(m, "A", "a small leak"));
	text[0] = '\0';
	for (int i = 0; i < 100; i++)
		sprintf(text + strlen(text), "int v%d;\n", i);
	made_file(m, "tests/test_big.c", "void f(int n)\n{\n\tchar *p = malloc(n);\n\tuse(p);\n}\n");
	const char *test = made_commit(m, "A", "a leak of a test");
	made_file(m, "big.c", text);
	const char *big = made_commit(m, "A", "many lines, no place");
	made_file(m, "big.txt", strcat(text, "text\n"));
	const char *prose = made_commit(m, "A", "many lines, no code");
	char many[4096] = "static struct list all;\nvoid g(int n)\n{\n\tall.head = malloc(n);\n}\n";
	for (int i = 0; i < 60; i++)
		sprintf(many + strlen(many), "int w%d;\n", i);
	made_file(m, "kept.c", many);
	const char *kept = made_commit(m, "A", "many lines, memory kept");
	changes_of(m, old, kept, &c);
	assert_int_equal(c.ncommits, 5);
	assert_string_equal(c.note, "");
	const char *want[] = { leak, kept, big };
	for (size_t i = 0; i < 3; i++)
		assert_string_equal(c.commits[i].id, want[i]);
	assert_true(strcmp(c.commits[3].id, prose) == 0 || strcmp(c.commits[3].id, test) == 0);
	mc_changes_release(&c);
	for (int i = 0; i < 400; i++) {
		snprintf(name, sizeof name, "small%d.c", i % 7);
		snprintf(text, sizeof text, "int x%d;\n", i);
		made_file(m, name, text);
		const char *head = made_commit(m, "A", "small");
		if (i != 0 && i != 399)
			continue;
		changes_of(m, old, head, &c);
		assert_string_equal(c.note, i ? MC_HIT_RATE_LARGE : MC_HIT_RATE);
		assert_string_equal(c.commits[0].id, leak);
		mc_changes_release(&c);
	}
	made_free(m);
}

/* Whatever a repository holds, text that comes out is valid UTF-8 and has no control characters. */
static void assert_plain(const char *s, size_t len)
{
	for (size_t i = 0, n; i < len; i += n) {
		n = mc_utf8_len(s + i, len - i);
		assert_true(n > 0);
		if (n == 1 && s[i] != '\n' && s[i] != '\t')
			assert_true((unsigned char)s[i] >= 32 && s[i] != 127);
	}
}

static void hostile_contents(void **state)
{
	(void)state;
	struct made *m = made_new(false);
	struct mc_changes c;
	struct mc_error e;
	size_t huge = 10 << 20;
	char *line = malloc(huge);
	assert_non_null(line);
	memset(line, 'x', huge);
	made_file(m, "a.c", "int a;\n");
	const char *old = made_commit(m, "A", "base");
	made_bytes(m, "long.c", line, huge, GIT_FILEMODE_BLOB);
	made_bytes(m, "half.c", line, 900000, GIT_FILEMODE_BLOB);
	free(line);
	made_file(m, ".gitattributes", "* -diff\n*.c filter=evil diff=evil binary\n");
	made_file(m, "evil\x1b[31m\xff\n<b>.c", "void f\x1b\xff(void)\n{\n\tchar *p = malloc(1); /* \x1b[2J \xfe */\n}\n");
	made_bytes(m, "binary.c", "a\0b\xff", 4, GIT_FILEMODE_BLOB);
	made_bytes(m, "link.c", "/etc/passwd", 11, GIT_FILEMODE_LINK);
	made_bytes(m, "sub", "0123456789abcdef0123456789abcdef01234567", 40, GIT_FILEMODE_COMMIT);
	made_file(m, "braces.c", "}}}}}{{{{((((\"'/*\n#if \\\n\n)))) f(f(f(f( {{ x = new \n");
	const char *new = made_commit(m, "evil\x1b[0m\xff&script", "subject\x1b]0;x\x07 \xff <b>\nbody");
	changes_of(m, old, new, &c);
	assert_int_equal(c.ncommits, 1);
	assert_plain(c.commits[0].subject, strlen(c.commits[0].subject));
	assert_plain(c.commits[0].author, strlen(c.commits[0].author));
	bool seen = false, moved = false;
	for (size_t i = 0; i < c.commits[0].nplaces; i++) {
		const struct mc_place *p = &c.commits[0].places[i];
		assert_plain(p->path, strlen(p->path));
		assert_plain(p->text, strlen(p->text));
		assert_plain(p->function, strlen(p->function));
		assert_plain(p->reason, strlen(p->reason));
		/* .gitattributes says it is binary; a leak is found all the same */
		seen |= strstr(p->path, "evil") && strstr(p->reason, "memory acquired");
		moved |= strstr(p->reason, "submodule moved") != NULL;
	}
	assert_true(seen && moved);
	mc_changes_release(&c);
	struct mc_repo *r = NULL;
	assert_int_equal(mc_repo_open(m->dir, &r, &e), 0);
	struct mc_buf out = { 0 };
	assert_int_equal(mc_repo_diff_text(r, old, new, 1 << 20, &out, &e), 0);
	assert_plain(out.data, out.len);
	assert_true(strncmp(out.data, "diff --git a/evil", 17) == 0);
	assert_non_null(strstr(out.data, "larger than"));
	mc_buf_release(&out);
	assert_int_equal(mc_repo_diff_text(r, old, new, 300, &out, &e), 0);
	assert_true(out.len <= 300);
	assert_non_null(strstr(out.data, "cut at 300 bytes"));
	assert_plain(out.data, out.len);
	mc_buf_release(&out);
	mc_repo_close(r);
	made_free(m);
}

/* git itself takes our text back: numbers and context are right. */
static void diff_text_applies(void **state)
{
	(void)state;
	struct made *m = made_new(false);
	struct mc_error e;
	char text[8192] = "", changed[8192] = "";
	for (int i = 1; i <= 60; i++) {
		sprintf(text + strlen(text), "line %d\n", i);
		if (i != 5 && i != 30)
			sprintf(changed + strlen(changed), i == 31 || i == 58 ? "other\t%d\nand more\n" : "line %d\n", i);
	}
	changed[strlen(changed) - 1] = '\0';
	made_file(m, "a.txt", text);
	made_file(m, "gone.txt", "x\n");
	made_file(m, "before.txt", "1\n2\n3\n4\n5\n6\n7\n8\n9\n10\n11\n12\n13\n14\n15\n16\n17\n18\n19\n20\n21\n22\n23\n24\n25\n26\n27\n28\n29\n30\n");
	const char *old = made_commit(m, "A", "old");
	made_file(m, "a.txt", changed);
	made_file(m, "new.txt", "fresh\n");
	made_remove(m, "gone.txt");
	made_remove(m, "before.txt");
	made_file(m, "after.txt", "1\n2\n3\n4\n5\n6\n7\n8\n9\n10\n11\n12\n13\n14\n15\n16\n17\n18\n19\n20\n21\n22\n23\n24\n25\n26\n27\n28\n29\nthirty\n");
	const char *new = made_commit(m, "A", "new");
	struct mc_repo *r = NULL;
	struct mc_buf out = { 0 };
	assert_int_equal(mc_repo_open(m->dir, &r, &e), 0);
	assert_int_equal(mc_repo_diff_text(r, old, new, 1 << 20, &out, &e), 0);
	assert_non_null(strstr(out.data, "rename from before.txt"));
	char path[256], command[1024];
	snprintf(path, sizeof path, "%s/patch", m->dir);
	FILE *f = fopen(path, "we");
	assert_non_null(f);
	fwrite(out.data, 1, out.len, f);
	fclose(f);
	snprintf(command, sizeof command,
		"cd '%s' && git read-tree %s && git apply --cached patch && test \"$(git write-tree)\" = \"$(git rev-parse %s^{tree})\"", m->dir, old, new);
	assert_int_equal(system(command), 0);
	mc_buf_release(&out);
	mc_repo_close(r);
	made_free(m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_incident_with_the_library_here),
		cmocka_unit_test(the_incident_with_the_library_elsewhere),
		cmocka_unit_test(rules_on_small_files),
		cmocka_unit_test(rollback_divergence_merge),
		cmocka_unit_test(order_and_its_worth),
		cmocka_unit_test(hostile_contents),
		cmocka_unit_test(diff_text_applies),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
