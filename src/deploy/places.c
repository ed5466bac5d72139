/* The rules: what an added or removed line does with memory. Each finding names its lines. */
#include "places.h"
#include "held.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

/* In the order in which a reader should look. */
enum {
	RANK_NOT_RELEASED = 10, RANK_BY_PART = 13, RANK_EARLY_EXIT = 15, RANK_RELEASE_GONE = 18, RANK_OUT_UNKNOWN = 25, RANK_OWNER = 30,
	RANK_KEPT = 40, RANK_ONLY_ADDED = 45, RANK_RETURNED = 60, STARTUP = 30, PER_REQUEST = -2, TEST = MC_RANK_TEST
};
enum { MOST_SPOTS = 60, MOST_CALLS = 400 };

static int add(struct mc_spots *v, struct mc_spot s, struct mc_error *err)
{
	for (size_t i = 0; i < v->n; i++)
		if (v->v[i].line == s.line && v->v[i].removed == s.removed) { /* one line, one reason: the stronger */
			if (s.rank < v->v[i].rank)
				v->v[i] = s;
			return 0;
		}
	if (v->n >= MOST_SPOTS)
		return 0;
	int rc = mc_grow((void **)&v->v, &v->cap, v->n + 1, sizeof *v->v, err);
	if (rc == 0)
		v->v[v->n++] = s;
	return rc;
}

bool mc_path_is_test(const char *path)
{
	static const char *const dirs[] = { "test", "tests", "testing", "doc", "docs", "example", "examples", "bench", "benchmarks", "t",
		"unittest", "reg-tests", "contrib", "fuzz", "spec", "__tests__", "testdata" };
	for (const char *p = path; p; p = strchr(p, '/') ? strchr(p, '/') + 1 : NULL) {
		size_t len = strcspn(p, "/");
		if (p[len] == '/') {
			for (size_t i = 0; i < sizeof dirs / sizeof *dirs; i++)
				if (strlen(dirs[i]) == len && memcmp(dirs[i], p, len) == 0)
					return true;
		} else if (strncmp(p, "test_", 5) == 0 || strncmp(p, "test-", 5) == 0 || strstr(p, "_test.") || strstr(p, ".test.") || strstr(p, ".spec.")) {
			return true;
		}
	}
	return false;
}

/* ---- definitions ---- */

/* Whether v leaves the function behind `from`: "*out = v" where out is a parameter, or "return v". */
static enum mc_callee given_away(const struct mc_source *s, const struct mc_function *f, size_t from, const char *v, size_t len)
{
	for (size_t k = from; (k = mc_source_word(s, k, f->end, v, len)) != SIZE_MAX; k++) {
		size_t e = k;
		while (e > from && (s->code[e - 1] == ' ' || s->code[e - 1] == '='))
			e--;
		size_t n = e;
		while (n > from && mc_ident_char(s->code[n - 1]))
			n--;
		if (e < k && e - n == 6 && memcmp(s->code + n, "return", 6) == 0 && s->code[k + len] == ';')
			return MC_CALLEE_RETURNS;
		if (e < k && n > 0 && n < e && s->code[n - 1] == '*' && mc_source_word(s, f->name, f->body, s->code + n, e - n) != SIZE_MAX)
			return MC_CALLEE_OUT;
	}
	return MC_CALLEE_PLAIN;
}

/* "return p", "*out = p" or "return alloc()" for memory that call c acquired. */
static enum mc_callee hands_out(const struct mc_source *s, const struct mc_function *f, const struct mc_call *c, const struct mc_look *l)
{
	struct mc_held h;
	struct mc_fate fate;
	size_t b = c->chain;
	while (b > f->body && isspace((unsigned char)s->code[b - 1]))
		b--;
	if (b >= 6 && strncmp(s->code + b - 6, "return", 6) == 0)
		return MC_CALLEE_RETURNS;
	if (!mc_held_of(s, f, c, false, &h))
		return MC_CALLEE_PLAIN;
	size_t at = (size_t)(h.var - s->code);
	/* *out = malloc(…) where out is a parameter */
	if (at > 0 && s->code[at - 1] == '*' && mc_source_word(s, f->name, f->body, h.var, h.var_len) != SIZE_MAX)
		return MC_CALLEE_OUT;
	if (mc_fate(l, f, &h, &fate, NULL) < 0)
		return MC_CALLEE_PLAIN;
	if (fate.returned > 0)
		return MC_CALLEE_RETURNS;
	return given_away(s, f, h.after, h.var, h.var_len) == MC_CALLEE_OUT ? MC_CALLEE_OUT : MC_CALLEE_PLAIN;
}

/* What is freed on the way out of an error, and handed out where all goes well, is its caller's: a buffer that
 * other functions have filled, too. The argument of release call c is looked for. */
static enum mc_callee freed_or_given(const struct mc_source *s, const struct mc_function *f, const struct mc_call *c)
{
	size_t b = c->args, e = c->args_end;
	while (b < e && isspace((unsigned char)s->code[b]))
		b++;
	while (e > b && isspace((unsigned char)s->code[e - 1]))
		e--;
	for (size_t i = b; i < e; i++)
		if (!mc_ident_char(s->code[i]) && s->code[i] != '.' && s->code[i] != '-' && s->code[i] != '>')
			return MC_CALLEE_PLAIN;
	if (e <= b || !mc_ident_char(s->code[b]) || !mc_ident_char(s->code[e - 1]))
		return MC_CALLEE_PLAIN;
	return given_away(s, f, c->args_end, s->code + b, e - b);
}

enum mc_callee mc_definition(const struct mc_source *s, const struct mc_function *f)
{
	struct mc_call c;
	enum mc_token_how how;
	size_t at = f->body;
	enum mc_callee found = MC_CALLEE_PLAIN;
	bool *none = calloc(s->nlines + 1, sizeof *none);
	struct mc_look l = { .after = s, .added = none };
	for (int i = 0; none && found == MC_CALLEE_PLAIN && i < MOST_CALLS && mc_source_call(s, &at, f->end, &c); i++) {
		enum mc_token_kind k = mc_token(s->lang, s->code + c.name, c.name_len, &how);
		if (k == MC_TOKEN_ACQUIRE)
			found = hands_out(s, f, &c, &l);
	}
	/* a function that releases one of its own parameters, or else hands it out */
	at = f->body;
	for (int i = 0; none && found == MC_CALLEE_PLAIN && i < MOST_CALLS && mc_source_call(s, &at, f->end, &c); i++) {
		if (mc_token(s->lang, s->code + c.name, c.name_len, &how) != MC_TOKEN_RELEASE)
			continue;
		if ((found = freed_or_given(s, f, &c)) != MC_CALLEE_PLAIN)
			break;
		size_t b = c.args, e;
		while (b < c.args_end && !mc_ident_char(s->code[b]))
			b++;
		for (e = b; e < c.args_end && mc_ident_char(s->code[e]);)
			e++;
		bool whole = e >= c.args_end || s->code[e] == ')' || s->code[e] == ',';
		if (e > b && whole && mc_source_word(s, f->name + f->name_len, f->body, s->code + b, e - b) != SIZE_MAX)
			found = MC_CALLEE_RELEASES;
	}
	free(none);
	return found;
}

void mc_unknown_calls(const struct mc_look *l, void (*fn)(void *user, const char *name, size_t len), void *user)
{
	const struct mc_source *s = l->after;
	enum mc_token_how how;
	struct mc_call c;
	if (!(s->lang & (MC_LANG_C | MC_LANG_CPP)))
		return;
	for (size_t i = 0; i < s->nfunctions; i++) {
		const struct mc_function *f = &s->functions[i];
		bool touched = false;
		for (uint32_t line = f->first; !touched && line <= f->last; line++)
			touched = l->added[line - 1];
		size_t at = f->body;
		/* of a touched function every callee: what an older line acquires or releases counts too */
		for (int n = 0; touched && n < MOST_CALLS && mc_source_call(s, &at, f->end, &c); n++)
			if (mc_token(s->lang, s->code + c.name, c.name_len, &how) == MC_TOKEN_NONE)
				fn(user, s->code + c.name, c.name_len);
	}
}

/* ---- one function ---- */

static int base_rank(const struct mc_look *l, const struct mc_function *f, int rank)
{
	const char *name = l->after->text + f->name;
	if (mc_name_is_startup(name, f->name_len))
		rank += STARTUP;
	else if (mc_name_is_request(name, f->name_len))
		rank += PER_REQUEST;
	return rank + (l->is_test ? TEST : 0);
}

static const char *last_part(const struct mc_held *h, size_t *len)
{
	size_t b = h->var_len;
	while (b > 0 && mc_ident_char(h->var[b - 1]))
		b--;
	*len = h->var_len - b;
	return h->var + b;
}

struct acquired {
	struct mc_call c;
	struct mc_held h;
	int rank;
	const char *how; /* said in the reason: "", or what the callee was found to do */
	bool unknown;    /* a function that is not to be found, given the address of a pointer */
};

static bool smart(const struct mc_source *s, size_t line)
{
	static const char *const words[] = { "unique_ptr", "shared_ptr", "make_unique", "make_shared", "g_autofree", "g_autoptr",
		"_cleanup_", "__cleanup__", "RAII", "auto_ptr", "QPointer", "alloca" };
	size_t a = s->lines[line - 1], e = s->lines[line];
	for (size_t i = 0; i < sizeof words / sizeof *words; i++)
		if (memmem(s->code + a, e - a, words[i], strlen(words[i])))
			return true;
	/* Python's with, Java's try (…) and C++'s placement close by themselves */
	return (s->lang == MC_LANG_PYTHON && mc_source_word(s, a, e, "with", 4) != SIZE_MAX) ||
		(s->lang == MC_LANG_JAVA && (mc_source_word(s, a, e, "try", 3) != SIZE_MAX || mc_source_word(s, a, e, "new", 3) != SIZE_MAX));
}

/* Whether the call acquires something, by the tables or by what the repository says of it. */
static bool acquires(const struct mc_look *l, const struct mc_function *f, struct acquired *a)
{
	const struct mc_source *s = l->after;
	enum mc_token_how how;
	const char *name = s->code + a->c.name;
	enum mc_token_kind k = mc_token(s->lang, name, a->c.name_len, &how);
	a->rank = how == MC_BY_NAME ? RANK_NOT_RELEASED : RANK_BY_PART;
	a->how = "";
	a->unknown = false;
	if (smart(s, mc_source_line(s, a->c.name)))
		return false;
	if (k == MC_TOKEN_ACQUIRE)
		return mc_held_of(s, f, &a->c, false, &a->h);
	if (k == MC_TOKEN_ACQUIRE_OUT)
		return mc_held_of(s, f, &a->c, true, &a->h);
	if (k != MC_TOKEN_NONE || !(s->lang & (MC_LANG_C | MC_LANG_CPP)))
		return false;
	enum mc_callee is = l->callee ? l->callee(l->user, name, a->c.name_len) : MC_CALLEE_UNKNOWN;
	if (is == MC_CALLEE_RETURNS) {
		a->rank = RANK_NOT_RELEASED;
		a->how = ", whose definition allocates what it returns";
		return mc_held_of(s, f, &a->c, false, &a->h);
	}
	if (is == MC_CALLEE_OUT) {
		a->rank = RANK_NOT_RELEASED;
		a->how = ", whose definition allocates what its argument comes to point to";
		return mc_held_of(s, f, &a->c, true, &a->h);
	}
	a->unknown = is == MC_CALLEE_UNKNOWN;
	a->rank = RANK_OUT_UNKNOWN;
	a->how = ", a function from elsewhere that is given the pointer's address";
	return a->unknown && mc_held_of(s, f, &a->c, true, &a->h);
}

static void say(struct mc_spot *p, const struct mc_look *l, const struct acquired *a, const char *fate)
{
	const struct mc_source *s = l->after;
	snprintf(p->reason, sizeof p->reason, "%s: %.*s() at line %zu into %.*s%s", fate, (int)(a->c.name_len > 40 ? 40 : a->c.name_len),
		s->code + a->c.name, mc_source_line(s, a->c.name), (int)(a->h.var_len > 40 ? 40 : a->h.var_len), a->h.var, a->how);
	for (char *c = p->reason; *c; c++)
		if (*c == '\n' || *c == '\t')
			*c = ' ';
}

static int report_field(const struct mc_look *l, const struct mc_function *f, const struct acquired *a, uint32_t line, struct mc_spots *ret,
	struct mc_error *err)
{
	size_t n;
	const char *part = last_part(&a->h, &n);
	if (a->unknown || (l->released && n > 0 && l->released(l->user, part, n)))
		return 0;
	struct mc_spot p = { .line = line, .cause = line, .rank = base_rank(l, f, RANK_KEPT) };
	bool reload = mc_name_is_reload(l->after->text + f->name, f->name_len);
	if (reload)
		p.rank = base_rank(l, f, RANK_OWNER);
	say(&p, l, a, reload ? "memory acquired on a reload path and kept, no release of it in the changed files"
			     : "memory acquired and kept, no release of it in the changed files");
	return add(ret, p, err);
}

static int report(const struct mc_look *l, const struct mc_function *f, const struct acquired *a, struct mc_spots *ret, struct mc_error *err)
{
	const struct mc_source *s = l->after;
	uint32_t line = (uint32_t)mc_source_line(s, a->c.name);
	bool is_new = l->added[line - 1];
	struct mc_fate fate;
	int rc = mc_fate(l, f, &a->h, &fate, err);
	if (rc < 0)
		return rc;
	unsigned settled = fate.released + fate.handed + fate.returned;
	if (settled == 0 && a->h.field)
		return is_new ? report_field(l, f, a, line, ret, err) : 0;
	if (settled == 0 && is_new) {
		struct mc_spot p = { .line = line, .cause = line, .rank = base_rank(l, f, a->rank) };
		say(&p, l, a, "memory acquired, not released in the diff");
		return add(ret, p, err);
	}
	if (settled > 0 && !a->unknown && ((is_new && fate.exit_line) || fate.added_exit)) {
		uint32_t at = fate.added_exit ? fate.added_exit : fate.exit_line;
		struct mc_spot p = { .line = is_new ? line : at, .cause = fate.added_exit ? at : line, .rank = base_rank(l, f, RANK_EARLY_EXIT) };
		char what[80];
		snprintf(what, sizeof what, "early exit at line %u between acquire and release", at);
		say(&p, l, a, what);
		return add(ret, p, err);
	}
	if (is_new && fate.returned > 0 && !a->unknown) {
		struct mc_spot p = { .line = line, .cause = line, .rank = base_rank(l, f, RANK_RETURNED) };
		say(&p, l, a, "memory acquired and returned; its callers have to release it");
		return add(ret, p, err);
	}
	return 0;
}

static bool is_owner_word(const struct mc_source *s, const struct mc_call *c)
{
	enum mc_token_how how;
	return mc_token(s->lang, s->code + c->name, c->name_len, &how) == MC_TOKEN_OWNER;
}

/* x.push(…) on something that outlives the call, and nothing in the file takes out of x. */
static int only_added(const struct mc_look *l, const struct mc_function *f, const struct mc_call *c, struct mc_spots *ret, struct mc_error *err)
{
	const struct mc_source *s = l->after;
	enum mc_token_how how;
	const char *x = s->code + c->chain;
	size_t n = c->name - c->chain;
	if (s->lang == MC_LANG_GO && c->lhs_len > 0 && c->name_len == 6) { /* x = append(x, …) */
		x = s->code + c->lhs;
		n = c->lhs_len;
	}
	while (n > 0 && !mc_ident_char(x[n - 1]))
		n--;
	if (n == 0 || n > 100)
		return 0;
	size_t root = 0;
	while (root < n && mc_ident_char(x[root]))
		root++;
	bool self = (root == 4 && (memcmp(x, "self", 4) == 0 || memcmp(x, "this", 4) == 0));
	if (!self && mc_is_local(s, f, c->chain, x, root))
		return 0;
	size_t b = n;
	while (b > 0 && mc_ident_char(x[b - 1]))
		b--;
	struct mc_call t;
	size_t at = 0;
	for (int i = 0; i < 20000 && mc_source_call(s, &at, s->len, &t); i++)
		if (mc_token(s->lang, s->code + t.name, t.name_len, &how) == MC_TOKEN_TAKE &&
			(mc_source_word(s, t.chain, t.name, x + b, n - b) != SIZE_MAX || mc_source_word(s, t.args, t.args_end, x + b, n - b) != SIZE_MAX))
			return 0;
	/* "del x[k]" of Python is no call; a new value for x empties it */
	struct mc_spot p = { .line = (uint32_t)mc_source_line(s, c->name), .rank = base_rank(l, f, RANK_ONLY_ADDED) };
	p.cause = p.line;
	if (s->lang == MC_LANG_PYTHON && mc_source_word(s, 0, s->len, "del", 3) != SIZE_MAX)
		return 0;
	snprintf(p.reason, sizeof p.reason, "%.*s is added to, and nothing in this file takes out of it", (int)n, x);
	return add(ret, p, err);
}

static int look_at_function(const struct mc_look *l, const struct mc_function *f, struct mc_spots *ret, struct mc_error *err)
{
	const struct mc_source *s = l->after;
	struct acquired a;
	enum mc_token_how how;
	size_t at = f->body;
	int rc = 0;
	for (int n = 0; rc == 0 && n < MOST_CALLS && mc_source_call(s, &at, f->end, &a.c); n++) {
		size_t line = mc_source_line(s, a.c.name);
		bool is_new = l->added[line - 1];
		if (acquires(l, f, &a))
			rc = report(l, f, &a, ret, err);
		else if (is_new && is_owner_word(s, &a.c)) {
			struct mc_spot p = { .line = (uint32_t)line, .cause = (uint32_t)line, .rank = base_rank(l, f, RANK_OWNER) };
			snprintf(p.reason, sizeof p.reason, "ownership changes: %.*s() takes it out of the language's sight",
				(int)(a.c.name_len > 60 ? 60 : a.c.name_len), s->code + a.c.name);
			rc = add(ret, p, err);
		} else if (is_new && !(s->lang & MC_LANG_C) && mc_token(s->lang, s->code + a.c.name, a.c.name_len, &how) == MC_TOKEN_ADD && how == MC_BY_NAME) {
			rc = only_added(l, f, &a.c, ret, err);
		}
	}
	return rc;
}

/* ---- removed lines ---- */

static const struct mc_function *same_function(const struct mc_source *s, const struct mc_source *of, const struct mc_function *f)
{
	for (size_t i = 0; i < s->nfunctions; i++)
		if (s->functions[i].name_len == f->name_len && memcmp(s->text + s->functions[i].name, of->text + f->name, f->name_len) == 0)
			return &s->functions[i];
	return NULL;
}

/* Whether the function still releases v, by whatever name. */
static bool still_released(const struct mc_source *s, const struct mc_function *f, const char *v, size_t len, size_t *times)
{
	struct mc_call c;
	enum mc_token_how how;
	size_t at = f->body;
	*times = 0;
	for (int i = 0; i < MOST_CALLS && mc_source_call(s, &at, f->end, &c); i++)
		if (mc_token(s->lang, s->code + c.name, c.name_len, &how) == MC_TOKEN_RELEASE &&
			(mc_source_word(s, c.args, c.args_end, v, len) != SIZE_MAX || mc_source_word(s, c.chain, c.name, v, len) != SIZE_MAX))
			++*times;
	return *times > 0;
}

static int gone(const struct mc_look *l, const struct mc_function *was, const struct mc_call *c, size_t line, struct mc_spots *ret,
	struct mc_error *err)
{
	const struct mc_source *b = l->before, *s = l->after;
	const struct mc_function *f = same_function(s, b, was);
	size_t v = c->args, e, before = 0, after = 0;
	if (!f)
		return 0;
	/* what it releases: the last argument's last word, or the thing before ".close" */
	if (c->args_end > c->args) {
		while (v < c->args_end && !mc_ident_char(b->code[v]))
			v++;
		for (e = v; e < c->args_end && (mc_ident_char(b->code[e]) || b->code[e] == '.' || (b->code[e] == '-' && b->code[e + 1] == '>') || (b->code[e] == '>' && b->code[e - 1] == '-'));)
			e++;
	} else {
		v = c->chain;
		e = c->name;
		while (e > v && !mc_ident_char(b->code[e - 1]))
			e--;
	}
	if (e <= v || e - v > 100)
		return 0;
	size_t still = mc_source_word(s, f->body, f->end, b->code + v, e - v);
	still_released(b, was, b->code + v, e - v, &before);
	still_released(s, f, b->code + v, e - v, &after);
	if (still == SIZE_MAX || after >= before)
		return 0;
	struct mc_spot p = { .line = (uint32_t)mc_source_line(s, still), .removed = true, .cause = (uint32_t)line,
		.rank = base_rank(l, f, after == 0 ? RANK_RELEASE_GONE : RANK_RELEASE_GONE + 10) };
	snprintf(p.reason, sizeof p.reason, "release removed: %.*s() of %.*s is gone, the function still uses it",
		(int)(c->name_len > 60 ? 60 : c->name_len), b->code + c->name, (int)(e - v), b->code + v);
	return add(ret, p, err);
}

static int look_at_removed(const struct mc_look *l, struct mc_spots *ret, struct mc_error *err)
{
	const struct mc_source *b = l->before;
	enum mc_token_how how;
	int rc = 0, calls = 0;
	for (size_t line = 1; rc == 0 && line <= b->nlines && calls < MOST_CALLS; line++) {
		const struct mc_function *f = l->removed[line - 1] ? mc_source_function(b, line) : NULL;
		struct mc_call c;
		size_t at = b->lines[line - 1];
		while (f && rc == 0 && calls++ < MOST_CALLS && mc_source_call(b, &at, b->lines[line], &c))
			if (mc_token(b->lang, b->code + c.name, c.name_len, &how) == MC_TOKEN_RELEASE)
				rc = gone(l, f, &c, line, ret, err);
	}
	return rc;
}

int mc_places(const struct mc_look *l, struct mc_spots *ret, struct mc_error *err)
{
	const struct mc_source *s = l->after;
	int rc = 0;
	if (s->lang == MC_LANG_NONE)
		return 0;
	for (size_t i = 0; rc == 0 && i < s->nfunctions && ret->n < MOST_SPOTS; i++) {
		const struct mc_function *f = &s->functions[i];
		bool touched = false;
		for (uint32_t line = f->first; !touched && line <= f->last; line++)
			touched = l->added[line - 1];
		if (touched)
			rc = look_at_function(l, f, ret, err);
	}
	if (rc == 0 && l->before)
		rc = look_at_removed(l, ret, err);
	return rc;
}
