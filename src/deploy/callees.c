/* Which called functions acquire or release memory, by their definitions. */
#include "callees.h"

#include <stdlib.h>
#include <string.h>

enum { MOST_NAMES = 4000, MOST_FILES = 6000, MOST_BYTES = 96 << 20, FILE_BYTES = 512 << 10 };

int mc_callees_init(struct mc_callees *c, struct mc_error *err)
{
	*c = (struct mc_callees){ .names = mc_map_new(), .released = mc_map_new() };
	if (c->names && c->released)
		return 0;
	mc_callees_release(c);
	return mc_nomem(err, "names of functions");
}

void mc_callees_release(struct mc_callees *c)
{
	mc_map_free(c->names);
	mc_map_free(c->released);
	*c = (struct mc_callees){ 0 };
}

/* A name that finds no room is not looked up: the reader misses a reason, not the answer. */
static void want(void *user, const char *name, size_t len)
{
	struct mc_callees *c = user;
	uint64_t v;
	if (len < 200 && mc_map_count(c->names) < MOST_NAMES && !mc_map_get(c->names, name, len, &v))
		(void)mc_map_set(c->names, name, len, MC_CALLEE_UNKNOWN);
}

static void note_releases(struct mc_callees *c, const struct mc_source *s)
{
	struct mc_call k;
	enum mc_token_how how;
	size_t at = 0;
	for (int i = 0; i < 50000 && mc_source_call(s, &at, s->len, &k); i++) {
		if (mc_token(s->lang, s->code + k.name, k.name_len, &how) != MC_TOKEN_RELEASE)
			continue;
		size_t from = k.chain, to = k.args_end < k.chain + 300 ? k.args_end : k.chain + 300;
		for (size_t b = from, e; b < to; b = e + 1) {
			for (e = b; e < to && mc_ident_char(s->code[e]);)
				e++;
			if (e > b && mc_map_count(c->released) < 20000)
				(void)mc_map_set(c->released, s->code + b, e - b, 1);
		}
	}
}

void mc_callees_note(struct mc_callees *c, const struct mc_look *l)
{
	mc_unknown_calls(l, want, c);
	note_releases(c, l->after);
}

struct scan {
	struct mc_callees *c;
	struct mc_repo *r;
	size_t files, bytes;
	int rc;
	struct mc_error *err;
};

static void learn(struct mc_callees *c, const struct mc_source *s)
{
	uint64_t v;
	for (size_t i = 0; i < s->nfunctions; i++) {
		const struct mc_function *f = &s->functions[i];
		const char *name = s->text + f->name;
		if (!mc_map_get(c->names, name, f->name_len, &v) || v > MC_CALLEE_PLAIN)
			continue;
		(void)mc_map_set(c->names, name, f->name_len, mc_definition(s, f));
	}
}

static int scan_entry(const char *root, const git_tree_entry *e, void *user)
{
	struct scan *k = user;
	(void)root;
	if (git_tree_entry_type(e) != GIT_OBJECT_BLOB || !(mc_lang_of(git_tree_entry_name(e)) & (MC_LANG_C | MC_LANG_CPP)))
		return 0;
	if (++k->files > MOST_FILES || k->bytes > MOST_BYTES)
		return -1;
	git_blob *b = mc_file_blob(k->r, git_tree_entry_id(e), git_tree_entry_filemode(e));
	size_t len;
	const char *text = mc_blob_text(b, &len);
	struct mc_source s;
	k->bytes += len;
	if (b && len <= FILE_BYTES && !git_blob_is_binary(b)) {
		k->rc = mc_source_init(&s, text, len, mc_lang_of(git_tree_entry_name(e)), k->err);
		if (k->rc == 0) {
			learn(k->c, &s);
			mc_source_release(&s);
		}
	}
	git_blob_free(b);
	return k->rc < 0 ? -1 : 0;
}

int mc_callees_look_up(struct mc_callees *c, struct mc_repo *r, git_tree *tree, struct mc_error *err)
{
	struct scan k = { .c = c, .r = r, .err = err };
	if (mc_map_count(c->names) > 0)
		git_tree_walk(tree, GIT_TREEWALK_PRE, scan_entry, &k);
	return k.rc;
}

enum mc_callee mc_callees_get(void *user, const char *name, size_t len)
{
	const struct mc_callees *c = user;
	uint64_t v;
	return mc_map_get(c->names, name, len, &v) ? (enum mc_callee)v : MC_CALLEE_UNKNOWN;
}

bool mc_callees_released(void *user, const char *name, size_t len)
{
	const struct mc_callees *c = user;
	uint64_t v;
	return mc_map_get(c->released, name, len, &v);
}
