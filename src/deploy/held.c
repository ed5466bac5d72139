/* Following one variable through one function. */
#include "held.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

enum { BODY_MAX = 32768, MOST_EVENTS = 96 };

struct event {
	size_t at, reach; /* its block ends at reach */
	bool exits;       /* that block leaves the function */
};

struct follow {
	const struct mc_look *l;
	const struct mc_source *s;
	const struct mc_function *f;
	const struct mc_held *h;
	size_t begin, end;
	int16_t *depth; /* of each byte of [begin, end) */
	struct event settled[MOST_EVENTS];
	size_t nsettled;
	size_t exits[MOST_EVENTS];
	size_t nexits;
};

static size_t skip_back(const char *c, size_t at, size_t least)
{
	while (at > least && isspace((unsigned char)c[at - 1]))
		at--;
	return at;
}

static bool is_simple(const char *s, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (!mc_ident_char(s[i]))
			return false;
	return len > 0;
}

bool mc_is_local(const struct mc_source *s, const struct mc_function *f, size_t at, const char *v, size_t len)
{
	/* "T *v", "T v", "const v :=", "let v", "var v": a word or a star stands right before it */
	for (size_t k = f->name; (k = mc_source_word(s, k, at + len, v, len)) != SIZE_MAX; k++) {
		size_t b = skip_back(s->code, k, f->name);
		const char *p = s->code + b;
		if (b > f->name && (p[-1] == '*' || p[-1] == '&')) {
			size_t t = b;
			while (t > f->name && (s->code[t - 1] == '*' || s->code[t - 1] == '&' || s->code[t - 1] == ' '))
				t--;
			/* a type before the star, and not the start of a statement such as "*v = 1" */
			if (t > f->name && (mc_ident_char(s->code[t - 1]) || s->code[t - 1] == ',' || s->code[t - 1] == '>'))
				return !(t >= 6 && strncmp(s->code + t - 6, "return", 6) == 0);
		}
		if (b > f->name && b < k && mc_ident_char(p[-1]) && !(b >= 6 && strncmp(p - 6, "return", 6) == 0))
			return true;
		if (k + len + 2 < s->len && (s->lang & (MC_LANG_GO | MC_LANG_PYTHON))) {
			size_t e = k + len;
			while (e < s->len && s->code[e] == ' ')
				e++;
			if (strncmp(s->code + e, ":=", 2) == 0 || (s->lang == MC_LANG_PYTHON && s->code[e] == '='))
				return true;
		}
	}
	return false;
}

/* The first &x among the arguments whose x is declared as a pointer: "T *x" or "T **x". */
static bool out_argument(const struct mc_source *s, const struct mc_function *f, const struct mc_call *c, struct mc_held *h)
{
	for (size_t i = c->args; i < c->args_end; i++) {
		if (s->code[i] != '&' || (i > 0 && mc_ident_char(s->code[skip_back(s->code, i, c->args)])))
			continue;
		size_t v = i + 1, e;
		while (v < c->args_end && s->code[v] == ' ')
			v++;
		for (e = v; e < c->args_end && (mc_ident_char(s->code[e]) || s->code[e] == '.' || (s->code[e] == '-' && s->code[e + 1] == '>') ||
			(s->code[e] == '>' && s->code[e - 1] == '-'));)
			e++;
		if (e == v || (e < c->args_end && s->code[e] == '['))
			continue;
		if (is_simple(s->code + v, e - v)) {
			bool pointer = false;
			for (size_t k = f->name; !pointer && (k = mc_source_word(s, k, c->name, s->code + v, e - v)) != SIZE_MAX; k++) {
				size_t b = skip_back(s->code, k, f->name);
				pointer = b > f->name && s->code[b - 1] == '*' && mc_is_local(s, f, k, s->code + v, e - v);
			}
			if (!pointer)
				continue;
		}
		h->var = s->code + v;
		h->var_len = e - v;
		return true;
	}
	return false;
}

bool mc_held_of(const struct mc_source *s, const struct mc_function *f, const struct mc_call *c, bool out_arg, struct mc_held *ret)
{
	*ret = (struct mc_held){ .at = c->name, .after = c->args_end };
	if (out_arg) {
		if (!out_argument(s, f, c, ret))
			return false;
		ret->result = c->lhs_len ? s->code + c->lhs : NULL;
		ret->result_len = c->lhs_len;
	} else if (c->lhs_len > 0) {
		ret->var = s->code + c->lhs;
		ret->var_len = c->lhs_len;
	} else {
		return false;
	}
	if (ret->var_len > 200)
		return false;
	size_t at = (size_t)(ret->var - s->code);
	bool star = !out_arg && at > 0 && s->code[at - 1] == '*' && !mc_is_local(s, f, at + 1, ret->var, ret->var_len);
	ret->field = star || !is_simple(ret->var, ret->var_len) || !mc_is_local(s, f, c->name, ret->var, ret->var_len);
	return true;
}

static int find_depths(struct follow *w, struct mc_error *err)
{
	size_t n = w->end - w->begin;
	w->depth = mc_reallocarray(NULL, n + 1, sizeof *w->depth);
	if (!w->depth)
		return mc_nomem(err, "a function");
	int d = 0;
	bool python = w->s->lang == MC_LANG_PYTHON;
	for (size_t i = 0; i < n; i++) {
		size_t at = w->begin + i;
		char c = w->s->code[at];
		if (python && (i == 0 || w->s->code[at - 1] == '\n')) { /* indentation is its brace */
			size_t k = at;
			while (k < w->end && (w->s->code[k] == ' ' || w->s->code[k] == '\t'))
				k++;
			if (k < w->end && w->s->code[k] != '\n')
				d = (int)(k - at > 1000 ? 1000 : k - at);
		}
		if (!python && c == '}' && d > -1000)
			d--;
		w->depth[i] = (int16_t)d;
		if (!python && c == '{' && d < 1000)
			d++;
	}
	w->depth[n] = -2000;
	return 0;
}

static int depth_at(const struct follow *w, size_t at)
{
	return w->depth[at - w->begin];
}

static size_t statement_start(const struct follow *w, size_t at)
{
	while (at > w->begin && !strchr(";{}", w->s->code[at - 1])) {
		if (w->s->lang == MC_LANG_PYTHON && w->s->code[at - 1] == '\n')
			break;
		at--;
	}
	return at;
}

static size_t statement_end(const struct follow *w, size_t at)
{
	while (at < w->end && w->s->code[at] != ';' && w->s->code[at] != '}' &&
		!(w->s->code[at] == '\n' && !(w->s->lang & (MC_LANG_C | MC_LANG_CPP | MC_LANG_JAVA))))
		at++;
	return at;
}

/* The call in whose arguments `at` stands: its name. False: in none. */
static bool enclosing_call(const struct follow *w, size_t at, size_t *name, size_t *len)
{
	int open = 0;
	size_t least = statement_start(w, at);
	while (at > least) {
		char c = w->s->code[--at];
		if (c == ')')
			open++;
		if (c != '(' || open-- > 0)
			continue;
		open = 0;
		size_t e = skip_back(w->s->code, at, least), b = e;
		while (b > least && mc_ident_char(w->s->code[b - 1]))
			b--;
		if (e > b && !(e - b == 2 && memcmp(w->s->code + b, "if", 2) == 0) && !(e - b == 6 && memcmp(w->s->code + b, "return", 6) == 0)) {
			*name = b;
			*len = e - b;
			return true;
		}
	}
	return false;
}

static bool starts_word(const struct follow *w, size_t at, const char *word)
{
	size_t n = strlen(word);
	while (at < w->end && isspace((unsigned char)w->s->code[at]))
		at++;
	return at + n <= w->end && memcmp(w->s->code + at, word, n) == 0 && !mc_ident_char(w->s->code[at + n]);
}

enum use { USE_NONE, USE_RELEASED, USE_HANDED, USE_RETURNED };

/* p->close(), p.Close(): a release by the thing's own method. */
static enum use own_method(const struct follow *w, size_t e)
{
	enum mc_token_how how;
	if (w->s->code[e] == '-' || w->s->code[e] == '.' || w->s->code[e] == '?') {
		while (e < w->end && !mc_ident_char(w->s->code[e]))
			e++;
		size_t b = e;
		while (e < w->end && mc_ident_char(w->s->code[e]))
			e++;
		if (w->s->code[e] == '(' && mc_token(w->s->lang, w->s->code + b, e - b, &how) == MC_TOKEN_RELEASE)
			return USE_RELEASED;
		/* resp.Body.Close() */
		if (w->s->code[e] == '.')
			return own_method(w, e);
	}
	return USE_NONE;
}

/* What one mention of the variable does with it. */
static enum use use_of(const struct follow *w, size_t at)
{
	const char *c = w->s->code;
	size_t e = at + w->h->var_len, name, len, least = statement_start(w, at), b = skip_back(c, at, least);
	bool member = (c[e] == '-' && c[e + 1] == '>') || c[e] == '.' || c[e] == '[';
	enum mc_token_how how;
	if (member && own_method(w, e) == USE_RELEASED)
		return USE_RELEASED;
	bool address = b > least && c[b - 1] == '&';
	if (enclosing_call(w, at, &name, &len)) {
		enum mc_token_kind k = mc_token(w->s->lang, c + name, len, &how);
		if (k == MC_TOKEN_ADD && (!member || address))
			return USE_HANDED;
		if (!member && (k == MC_TOKEN_RELEASE || (k != MC_TOKEN_HARMLESS && w->l->callee &&
			w->l->callee(w->l->user, c + name, len) == MC_CALLEE_RELEASES)))
			return USE_RELEASED;
		if (starts_word(w, least, "return") && !member && k == MC_TOKEN_ACQUIRE)
			return USE_RETURNED;
		return USE_NONE;
	}
	if (member)
		return USE_NONE;
	if (b >= 6 && ((b >= 6 && strncmp(c + b - 6, "delete", 6) == 0) || strncmp(c + b - 2, "[]", 2) == 0))
		return USE_RELEASED;
	/* "return p ? 0 : -1" hands nothing on */
	while (c[e] == ' ')
		e++;
	if (e < w->end && strchr("?=!<>&|+-*/", c[e]))
		return USE_NONE;
	if (starts_word(w, least, "return") || (b >= 6 && strncmp(c + b - 6, "return", 6) == 0))
		return USE_RETURNED;
	/* a plain copy somewhere else: whoever has that answers for it */
	if (b > least && (c[b - 1] == '=' || c[b - 1] == ')') && b - 1 > least && !strchr("=!<>", c[b - 2])) {
		size_t q = b;
		while (q > least && c[q - 1] != '=')
			q--;
		if (q > least + 1 && !strchr("=!<>", c[q - 2]) && c[q] != '=')
			return USE_HANDED;
	}
	return USE_NONE;
}

static bool mentions(const struct mc_source *s, size_t from, size_t to, const char *v, size_t len)
{
	return len > 0 && mc_source_word(s, from, to, v, len) != SIZE_MAX;
}

/* "if (p) { free(p); }" counts as if it stood outside of the block. */
static void set_reach(struct follow *w, struct event *ev)
{
	int d = depth_at(w, ev->at);
	for (int round = 0; round < 3; round++) {
		size_t open = ev->at;
		while (open > w->begin && depth_at(w, open) >= d)
			open--;
		size_t head = statement_start(w, open);
		if (open <= w->h->after || !mentions(w->s, head, open, w->h->var, w->h->var_len))
			break;
		d = depth_at(w, open);
	}
	size_t r = ev->at;
	while (r < w->end && depth_at(w, r) >= d)
		r++;
	ev->reach = r;
}

static void find_settled(struct follow *w, struct mc_fate *fate)
{
	for (size_t at = w->h->after; w->nsettled < MOST_EVENTS; at++) {
		at = mc_source_word(w->s, at, w->end, w->h->var, w->h->var_len);
		if (at == SIZE_MAX)
			return;
		enum use u = use_of(w, at);
		if (u == USE_NONE)
			continue;
		fate->released += u == USE_RELEASED;
		fate->handed += u == USE_HANDED;
		fate->returned += u == USE_RETURNED;
		if (w->nsettled == 0)
			fate->settled_line = (uint32_t)mc_source_line(w->s, at);
		struct event *ev = &w->settled[w->nsettled++];
		ev->at = at;
		set_reach(w, ev);
	}
}

static void find_exits(struct follow *w)
{
	static const char *const words[] = { "return", "goto", "throw", "raise" };
	for (size_t k = 0; k < sizeof words / sizeof *words; k++)
		for (size_t at = w->h->after; w->nexits < MOST_EVENTS; at++) {
			at = mc_source_word(w->s, at, w->end, words[k], strlen(words[k]));
			if (at == SIZE_MAX)
				break;
			w->exits[w->nexits++] = at;
		}
	for (size_t i = 0; i < w->nsettled; i++) {
		struct event *ev = &w->settled[i];
		for (size_t k = 0; k < w->nexits; k++)
			ev->exits |= w->exits[k] > ev->at && w->exits[k] < ev->reach && depth_at(w, w->exits[k]) <= depth_at(w, ev->at);
	}
}

/* Whether the condition in [from, to) asks if the acquisition itself has failed. */
static bool asks_for_failure(const struct follow *w, size_t from, size_t to)
{
	const struct mc_held *h = w->h;
	if (h->at >= from && h->at < to)
		return true;
	if (h->result_len > 0 && mentions(w->s, from, to, h->result, h->result_len)) {
		/* unless it has got another value since */
		for (size_t k = h->after; (k = mc_source_word(w->s, k, from, h->result, h->result_len)) != SIZE_MAX; k++) {
			size_t e = k + h->result_len;
			while (e < w->end && w->s->code[e] == ' ')
				e++;
			if (w->s->code[e] == '=' && w->s->code[e + 1] != '=')
				return false;
		}
		return true;
	}
	for (size_t k = from; (k = mc_source_word(w->s, k, to, h->var, h->var_len)) != SIZE_MAX; k++) {
		size_t b = skip_back(w->s->code, k, from), e = k + h->var_len;
		while (e < to && w->s->code[e] == ' ')
			e++;
		if ((b > from && w->s->code[b - 1] == '!') || strncmp(w->s->code + e, "==", 2) == 0 || strncmp(w->s->code + e, "is None", 7) == 0 ||
			(b > from + 1 && strncmp(w->s->code + b - 2, "==", 2) == 0) || w->s->code[e] == '<')
			return true;
	}
	/* Go: if err != nil right behind it */
	return w->s->lang == MC_LANG_GO && mentions(w->s, from, to, "err", 3) && mc_source_line(w->s, to) <= mc_source_line(w->s, h->after) + 2;
}

static bool guarded(const struct follow *w, size_t exit_at)
{
	size_t head = statement_start(w, exit_at);
	if (asks_for_failure(w, head, exit_at))
		return true;
	size_t open = exit_at;
	int d = depth_at(w, exit_at);
	while (open > w->h->at && open > w->begin && depth_at(w, open) >= d)
		open--;
	return open > w->begin && d > 0 && asks_for_failure(w, statement_start(w, open), open);
}

/* `goto out`, where something behind `out:` settles it. */
static bool goto_settles(const struct follow *w, size_t exit_at)
{
	size_t b = exit_at + 4, e;
	while (b < w->end && isspace((unsigned char)w->s->code[b]))
		b++;
	for (e = b; e < w->end && mc_ident_char(w->s->code[e]);)
		e++;
	for (size_t k = w->begin; (k = mc_source_word(w->s, k, w->end, w->s->code + b, e - b)) != SIZE_MAX; k++) {
		if (w->s->code[k + (e - b)] != ':')
			continue;
		for (size_t i = 0; i < w->nsettled; i++)
			if (w->settled[i].at > k)
				return true;
		return k < w->h->at; /* backwards, "again:" : no exit at all */
	}
	return false;
}

static bool covered(const struct follow *w, size_t exit_at)
{
	size_t stop = statement_end(w, exit_at);
	for (size_t i = 0; i < w->nsettled; i++) {
		const struct event *ev = &w->settled[i];
		if (ev->at > exit_at && ev->at <= stop)
			return true;
		if (ev->at < exit_at && (exit_at < ev->reach || !ev->exits))
			return true;
	}
	return guarded(w, exit_at) || (w->s->code[exit_at] == 'g' && goto_settles(w, exit_at));
}

int mc_fate(const struct mc_look *l, const struct mc_function *f, const struct mc_held *h, struct mc_fate *ret, struct mc_error *err)
{
	*ret = (struct mc_fate){ 0 };
	struct follow *w = calloc(1, sizeof *w);
	if (!w)
		return mc_nomem(err, "a function");
	*w = (struct follow){ .l = l, .s = l->after, .f = f, .h = h, .begin = f->body, .end = f->end };
	if (w->end > l->after->len)
		w->end = l->after->len;
	if (w->end > h->after + BODY_MAX)
		w->end = h->after + BODY_MAX;
	if (h->at > w->begin + BODY_MAX)
		w->begin = h->at - BODY_MAX;
	int rc = h->after >= w->end || h->at < w->begin ? 0 : find_depths(w, err);
	if (rc == 0 && w->depth) {
		find_settled(w, ret);
		find_exits(w);
		for (size_t i = 0; i < w->nexits && w->nsettled > 0; i++) {
			if (covered(w, w->exits[i]))
				continue;
			uint32_t line = (uint32_t)mc_source_line(w->s, w->exits[i]);
			ret->exit_line = ret->exit_line ? ret->exit_line : line;
			if (l->added[line - 1] && !ret->added_exit)
				ret->added_exit = line;
		}
	}
	free(w->depth);
	free(w);
	return rc;
}
