/* A hostile diff through hunks, functions, rules and manifests: a byte for the language, then the file before
 * and the file after, with a line "=====" between them. */
#include <stdlib.h>
#include <string.h>

#include "places.h"
#include "range.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static enum mc_callee callee(void *user, const char *name, size_t len)
{
	(void)user;
	return (enum mc_callee)((len + (unsigned char)name[0]) % 5);
}

static bool released(void *user, const char *name, size_t len)
{
	(void)user, (void)name;
	return len % 2;
}

static void called(void *user, const char *name, size_t len)
{
	const struct mc_source *s = user;
	if (len == 0 || name < s->code || name + len > s->code + s->len)
		abort();
}

static void mark(bool *lines, size_t n, uint32_t start, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++) {
		if (start < 1 || start - 1 + i >= n)
			abort(); /* a hunk outside of its file */
		lines[start - 1 + i] = true;
	}
}

static void look(const struct mc_source *a, const struct mc_source *b, const struct mc_hunk *h, size_t n)
{
	struct mc_spots v = { 0 };
	bool *added = calloc(b->nlines + 1, 1), *removed = calloc(a->nlines + 1, 1);
	if (added && removed) {
		for (size_t i = 0; i < n; i++) {
			mark(added, b->nlines, h[i].new_start, h[i].new_lines);
			mark(removed, a->nlines, h[i].old_start, h[i].old_lines);
		}
		struct mc_look l = { .before = a, .after = b, .added = added, .removed = removed, .callee = callee, .released = released };
		if (mc_places(&l, &v, NULL) < 0 || mc_manifest_places(&l, &v, NULL) < 0 || mc_build_places(&l, &v, NULL) < 0)
			abort();
		mc_unknown_calls(&l, called, (void *)(uintptr_t)b);
		for (size_t i = 0; i < v.n; i++)
			if (v.v[i].line < 1 || v.v[i].line > b->nlines || v.v[i].cause < 1 || v.v[i].cause > (v.v[i].removed ? a->nlines : b->nlines) ||
				strnlen(v.v[i].reason, sizeof v.v[i].reason) == sizeof v.v[i].reason)
				abort();
		for (size_t i = 0; i < b->nfunctions; i++)
			(void)mc_definition(b, &b->functions[i]);
	}
	free(added);
	free(removed);
	free(v.v);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const enum mc_lang langs[] = { MC_LANG_C, MC_LANG_CPP, MC_LANG_GO, MC_LANG_RUST, MC_LANG_PYTHON, MC_LANG_JAVA, MC_LANG_JS, MC_LANG_NONE };
	struct mc_source a, b;
	struct mc_hunk *h = NULL;
	size_t n = 0;
	if (size == 0 || size > 65536)
		return 0;
	const char *was = (const char *)data + 1, *mid = memmem(was, size - 1, "=====\n", 6);
	size_t was_len = mid ? (size_t)(mid - was) : 0;
	const char *is = mid ? mid + 6 : was;
	size_t is_len = size - 1 - (size_t)(is - was);
	enum mc_lang lang = langs[data[0] % 8];
	if (mc_source_init(&a, was, was_len, lang, NULL) < 0)
		return 0;
	if (mc_source_init(&b, is, is_len, lang, NULL) == 0) {
		if (mc_hunks(was, was_len, is, is_len, &h, &n, NULL) == 0)
			look(&a, &b, h, n);
		mc_source_release(&b);
	}
	mc_source_release(&a);
	free(h);
	return 0;
}
