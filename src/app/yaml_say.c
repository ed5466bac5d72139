/* What is wrong with a configuration, said with its place: all errors, not only the first. */
#include "yaml_tree.h"

#include <string.h>

enum { MOST_ERRORS = 100, LONGEST_WORD = 40 };

void tree_say(struct tree_report *r, size_t line, size_t column, const char *fmt, ...)
{
	struct mc_buf raw = { .limit = 4096 }, clean = { 0 };
	va_list ap;
	if (++r->count > MOST_ERRORS)
		return;
	mc_buf_printf(&raw, "%s:%zu:%zu: ", r->file, line, column);
	va_start(ap, fmt);
	mc_buf_vprintf(&raw, fmt, ap);
	va_end(ap);
	mc_text_add(&clean, mc_buf_text(&raw), raw.len);
	if (r->count == 1)
		mc_fail(r->err, MC_EUSAGE, 0, "%s", mc_buf_text(&clean));
	if (r->lines) {
		mc_buf_str(r->lines, mc_buf_text(&clean));
		mc_buf_str(r->lines, "\n");
	}
	mc_buf_release(&raw);
	mc_buf_release(&clean);
}

static size_t least3(size_t a, size_t b, size_t c)
{
	size_t m = a < b ? a : b;
	return m < c ? m : c;
}

/* Letters to change, add, drop or swap with their neighbour until a is b. */
static size_t edits(const char *a, const char *b)
{
	size_t na = strlen(a), nb = strlen(b), d[3][LONGEST_WORD + 1];
	if (na > LONGEST_WORD || nb > LONGEST_WORD)
		return LONGEST_WORD;
	for (size_t j = 0; j <= nb; j++)
		d[0][j] = j;
	for (size_t i = 1; i <= na; i++) {
		size_t *now = d[i % 3], *above = d[(i + 2) % 3], *two = d[(i + 1) % 3];
		now[0] = i;
		for (size_t j = 1; j <= nb; j++) {
			now[j] = least3(above[j] + 1, now[j - 1] + 1, above[j - 1] + (a[i - 1] != b[j - 1]));
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] && two[j - 2] + 1 < now[j])
				now[j] = two[j - 2] + 1;
		}
	}
	return d[na % 3][nb];
}

const char *tree_near(const char *word, const char *const *names)
{
	const char *best = NULL;
	size_t least = 3;
	for (; *names; names++) {
		size_t e = edits(word, *names), n = strlen(*names);
		if (e < least && e * 2 < n) {
			least = e;
			best = *names;
		}
	}
	return best;
}

static bool listed(const char *word, const char *const *names)
{
	for (; *names; names++)
		if (strcmp(word, *names) == 0)
			return true;
	return false;
}

static void say_unknown(struct tree_report *r, const struct tree_pair *p, const char *what, const char *const *names)
{
	const char *near = tree_near(p->key, names);
	if (near) {
		tree_say(r, p->line, p->column, "%s: unknown key '%.60s'; did you mean '%s'?", what, p->key, near);
		return;
	}
	struct mc_buf all = { 0 };
	for (size_t i = 0; names[i]; i++)
		mc_buf_printf(&all, "%s%s", i ? ", " : "", names[i]);
	tree_say(r, p->line, p->column, "%s: unknown key '%.60s'; there are: %s", what, p->key, mc_buf_text(&all));
	mc_buf_release(&all);
}

void tree_check_keys(struct tree_report *r, const struct tree_node *map, const char *what, const char *const *names)
{
	for (size_t i = 0; i < map->n; i++) {
		const struct tree_pair *p = &map->pairs[i];
		if (!listed(p->key, names)) {
			say_unknown(r, p, what, names);
			continue;
		}
		const struct tree_pair *first = map->pairs;
		while (strcmp(first->key, p->key) != 0)
			first++;
		if (first != p)
			tree_say(r, p->line, p->column, "%s: '%s' is there twice, first in line %zu; remove one", what, p->key, first->line);
	}
}

const struct tree_node *tree_get(const struct tree_node *map, const char *key)
{
	for (size_t i = 0; map && map->kind == TREE_MAP && i < map->n; i++)
		if (strcmp(map->pairs[i].key, key) == 0)
			return map->pairs[i].value;
	return NULL;
}
