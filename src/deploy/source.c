/* Blanking comments and strings, finding functions and calls. */
#include "source.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_FUNCTIONS = 20000, HEAD_MAX = 2000, ARGS_MAX = 4000 };

bool mc_ident_char(char c)
{
	return isalnum((unsigned char)c) || c == '_' || c == '$' || (c & 0x80);
}

enum mc_lang mc_lang_of(const char *path)
{
	static const struct {
		const char *ext;
		enum mc_lang lang;
	} table[] = { { "c", MC_LANG_C }, { "h", MC_LANG_C }, { "cc", MC_LANG_CPP }, { "cpp", MC_LANG_CPP }, { "cxx", MC_LANG_CPP },
		{ "hh", MC_LANG_CPP }, { "hpp", MC_LANG_CPP }, { "hxx", MC_LANG_CPP }, { "go", MC_LANG_GO }, { "rs", MC_LANG_RUST },
		{ "py", MC_LANG_PYTHON }, { "java", MC_LANG_JAVA }, { "kt", MC_LANG_JAVA }, { "js", MC_LANG_JS }, { "mjs", MC_LANG_JS },
		{ "cjs", MC_LANG_JS }, { "ts", MC_LANG_JS }, { "jsx", MC_LANG_JS }, { "tsx", MC_LANG_JS } };
	const char *dot = strrchr(path, '.');
	for (size_t i = 0; dot && i < sizeof table / sizeof *table; i++)
		if (strcmp(dot + 1, table[i].ext) == 0)
			return table[i].lang;
	return MC_LANG_NONE;
}

/* ---- blanking ---- */

/* Blanks [from, to) but for newlines. */
static void blank(char *code, size_t from, size_t to)
{
	for (size_t i = from; i < to; i++)
		if (code[i] != '\n')
			code[i] = ' ';
}

static size_t line_end(const char *s, size_t at, size_t len)
{
	const char *nl = memchr(s + at, '\n', len - at);
	return nl ? (size_t)(nl - s) : len;
}

/* Behind the closing quote q of a string that opens at `at`; it ends with its line unless `lines`. */
static size_t string_end(const char *s, size_t at, size_t len, char q, bool lines)
{
	size_t i = at + 1;
	for (; i < len; i++) {
		if (s[i] == '\\' && i + 1 < len && (lines || s[i + 1] != '\n'))
			i++;
		else if (s[i] == q)
			return i + 1;
		else if (s[i] == '\n' && !lines)
			return i;
	}
	return len;
}

static size_t skip_to(const char *s, size_t at, size_t len, const char *end)
{
	const char *p = at < len ? memmem(s + at, len - at, end, strlen(end)) : NULL;
	return p ? (size_t)(p - s) + strlen(end) : len;
}

/* 'x' is a character, 'a alone is Rust's lifetime; 1'000 is C++'s number. */
static bool quote_is_text(const struct mc_source *s, size_t at)
{
	if (s->lang == MC_LANG_RUST)
		return at + 2 < s->len && (s->text[at + 1] == '\\' || s->text[at + 2] == '\'' || (s->text[at + 1] & 0x80));
	return !(s->lang == MC_LANG_CPP && at > 0 && isalnum((unsigned char)s->text[at - 1]));
}

/* Where the comment or string that begins at `at` ends; `at` where there is none. */
static size_t not_code(const struct mc_source *s, size_t at, bool line_start)
{
	const char *t = s->text;
	size_t len = s->len;
	char c = t[at], d = '\0';
	if (at + 1 < len)
		d = t[at + 1];
	if (s->lang == MC_LANG_PYTHON) {
		if (c == '#')
			return line_end(t, at, len);
		if ((c == '"' || c == '\'') && at + 2 < len && d == c && t[at + 2] == c)
			return skip_to(t, at + 3, len, c == '"' ? "\"\"\"" : "'''");
		return c == '"' || c == '\'' ? string_end(t, at, len, c, false) : at;
	}
	if (c == '/' && d == '/')
		return line_end(t, at, len);
	if (c == '/' && d == '*')
		return skip_to(t, at + 2, len, "*/");
	if (c == '#' && line_start && (s->lang & (MC_LANG_C | MC_LANG_CPP))) {
		size_t e = line_end(t, at, len);
		while (e < len && e > 0 && t[e - 1] == '\\')
			e = line_end(t, e + 1, len);
		return e;
	}
	if (c == '"')
		return string_end(t, at, len, c, s->lang == MC_LANG_RUST);
	if (c == '`' && (s->lang & (MC_LANG_GO | MC_LANG_JS)))
		return s->lang == MC_LANG_GO ? skip_to(t, at + 1, len, "`") : string_end(t, at, len, c, true);
	return c == '\'' && quote_is_text(s, at) ? string_end(t, at, len, c, false) : at;
}

static void blank_all(struct mc_source *s)
{
	bool line_start = true;
	for (size_t i = 0; i < s->len;) {
		size_t e = not_code(s, i, line_start);
		if (e > i) {
			blank(s->code, i, e);
			/* an empty string stays an argument */
			if (s->text[i] == '"' || s->text[i] == '\'' || s->text[i] == '`')
				s->code[i] = '"';
			i = e;
			line_start = false;
			continue;
		}
		if (s->text[i] == '\n')
			line_start = true;
		else if (!isspace((unsigned char)s->text[i]))
			line_start = false;
		if (s->code[i] == '\0')
			s->code[i] = ' ';
		i++;
	}
}

static int split_lines(struct mc_source *s, struct mc_error *err)
{
	size_t n = 1;
	for (size_t i = 0; i < s->len; i++)
		n += s->text[i] == '\n';
	s->lines = mc_reallocarray(NULL, n + 1, sizeof *s->lines);
	if (!s->lines)
		return mc_nomem(err, "lines");
	s->lines[0] = 0;
	s->nlines = 1;
	for (size_t i = 0; i < s->len; i++)
		if (s->text[i] == '\n')
			s->lines[s->nlines++] = (uint32_t)i + 1;
	s->lines[s->nlines] = (uint32_t)s->len;
	return 0;
}

size_t mc_source_line(const struct mc_source *s, size_t offset)
{
	size_t lo = 0, hi = s->nlines;
	while (hi - lo > 1) {
		size_t mid = lo + (hi - lo) / 2;
		if (s->lines[mid] <= offset)
			lo = mid;
		else
			hi = mid;
	}
	return lo + 1;
}

/* ---- functions ---- */

static int add_function(struct mc_source *s, struct mc_function f, struct mc_error *err)
{
	if (s->nfunctions >= MOST_FUNCTIONS)
		return 0;
	int rc = mc_grow((void **)&s->functions, &s->cap_functions, s->nfunctions + 1, sizeof *s->functions, err);
	if (rc == 0)
		s->functions[s->nfunctions++] = f;
	return rc;
}

static bool word_is(const char *s, size_t len, const char *word)
{
	return strlen(word) == len && memcmp(s, word, len) == 0;
}

static bool is_control(const char *s, size_t len)
{
	static const char *const words[] = { "if", "for", "while", "switch", "catch", "else", "do", "try", "return", "sizeof", "defined",
		"synchronized", "match", "select", "case", "with", "elif", "assert", "typeof", "alignof", "__attribute__", "await", "in", "not",
		"and", "or", "func", "fn", "function", "unlikely", "likely", "new", "delete", "throw", "static_assert" };
	for (size_t i = 0; i < sizeof words / sizeof *words; i++)
		if (word_is(s, len, words[i]))
			return true;
	return false;
}

/* The identifier that ends before `at` (blanks skipped), not before from. */
static size_t ident_before(const char *c, size_t from, size_t at, size_t *len)
{
	while (at > from && isspace((unsigned char)c[at - 1]))
		at--;
	size_t end = at;
	while (at > from && mc_ident_char(c[at - 1]))
		at--;
	*len = end - at;
	return at;
}

/* `keyword NAME` in [from, to): the offset of NAME. */
static size_t named_after(const struct mc_source *s, size_t from, size_t to, const char *keyword, size_t *len)
{
	size_t k = mc_source_word(s, from, to, keyword, strlen(keyword));
	if (k == SIZE_MAX)
		return SIZE_MAX;
	k += strlen(keyword);
	while (k < to && isspace((unsigned char)s->code[k]))
		k++;
	if (k < to && s->code[k] == '(' && s->lang == MC_LANG_GO) { /* the receiver */
		while (k < to && s->code[k] != ')')
			k++;
		k++;
		while (k < to && isspace((unsigned char)s->code[k]))
			k++;
	}
	size_t e = k;
	while (e < to && mc_ident_char(s->code[e]))
		e++;
	*len = e - k;
	return e > k ? k : SIZE_MAX;
}

/* The name before the first '(' of a head such as "static int f(int x)"; not a control statement, not an
 * initialiser. */
static size_t name_of_head(const struct mc_source *s, size_t from, size_t to, size_t *len)
{
	const char *c = s->code;
	size_t open = from;
	while (open < to && c[open] != '(')
		if (c[open++] == '=' && s->lang != MC_LANG_JS)
			return SIZE_MAX;
	if (open >= to)
		return SIZE_MAX;
	size_t at = ident_before(c, from, open, len);
	if (*len > 0 && !is_control(c + at, *len) && !isdigit((unsigned char)c[at]))
		return at;
	/* x = function (…) and x = (…) =>: what it is assigned to or a property of */
	if (s->lang == MC_LANG_JS && (*len == 0 || word_is(c + at, *len, "function"))) {
		while (at > from && (isspace((unsigned char)c[at - 1]) || c[at - 1] == '=' || c[at - 1] == ':' || c[at - 1] == '(' || c[at - 1] == ','))
			at--;
		at = ident_before(c, from, at, len);
		if (word_is(c + at, *len, "async"))
			at = ident_before(c, from, at > from ? at - 1 : at, len);
		return *len > 0 && !is_control(c + at, *len) ? at : SIZE_MAX;
	}
	return SIZE_MAX;
}

static size_t function_name(const struct mc_source *s, size_t from, size_t to, size_t *len)
{
	if (to - from > HEAD_MAX)
		from = to - HEAD_MAX;
	if (s->lang == MC_LANG_GO)
		return named_after(s, from, to, "func", len);
	if (s->lang == MC_LANG_RUST)
		return named_after(s, from, to, "fn", len);
	return name_of_head(s, from, to, len);
}

/* Conditional compilation can leave braces unbalanced: in C a brace in the first column sets it right. */
static bool resync(const struct mc_source *s, size_t i)
{
	return (s->lang & (MC_LANG_C | MC_LANG_CPP)) && (i == 0 || s->code[i - 1] == '\n');
}

static int brace_functions(struct mc_source *s, struct mc_error *err)
{
	int depth = 0, inside = -1, rc = 0, parens = 0; /* inside: depth of the open function's body */
	size_t head = 0, len = 0;
	struct mc_function f = { 0 };
	for (size_t i = 0; rc == 0 && i < s->len; i++) {
		char c = s->code[i];
		if (c == '(')
			parens++;
		if (c == ')' && parens > 0)
			parens--;
		if (c == '{') {
			if (resync(s, i) && inside >= 0)
				inside = -1, depth = 0;
			size_t name = inside < 0 ? function_name(s, head, i, &len) : SIZE_MAX;
			if (name != SIZE_MAX) {
				f = (struct mc_function){ .first = (uint32_t)mc_source_line(s, name), .name = (uint32_t)name,
					.name_len = (uint32_t)len, .body = (uint32_t)i + 1 };
				inside = depth;
			}
			depth++;
			parens = 0;
		} else if (c == '}') {
			depth = resync(s, i) && s->lang == MC_LANG_C ? 0 : depth > 0 ? depth - 1 : 0;
			if (inside >= 0 && depth <= inside) {
				f.last = (uint32_t)mc_source_line(s, i);
				f.end = (uint32_t)i;
				rc = add_function(s, f, err);
				inside = -1;
			}
			parens = 0;
		}
		/* a ';' within parentheses belongs to a for */
		if (c == '{' || c == '}' || (c == ';' && parens == 0))
			head = i + 1;
	}
	return rc;
}

static size_t indent_of(const struct mc_source *s, size_t line, bool *empty)
{
	size_t a = s->lines[line - 1], e = line < s->nlines ? s->lines[line] : s->len, i = a;
	while (i < e && (s->code[i] == ' ' || s->code[i] == '\t'))
		i++;
	*empty = i >= e || s->code[i] == '\n' || s->code[i] == '\r';
	return i - a;
}

static int python_functions(struct mc_source *s, struct mc_error *err)
{
	int rc = 0;
	for (size_t line = 1; rc == 0 && line <= s->nlines; line++) {
		bool empty;
		size_t in = indent_of(s, line, &empty), at = s->lines[line - 1] + in, len = 0;
		size_t stop = line < s->nlines ? s->lines[line] : s->len;
		if (empty || !(strncmp(s->code + at, "def ", 4) == 0 || strncmp(s->code + at, "async def ", 10) == 0))
			continue;
		size_t name = named_after(s, at, stop, "def", &len);
		if (name == SIZE_MAX)
			continue;
		size_t last = line;
		for (size_t k = line + 1; k <= s->nlines; k++) {
			size_t deep = indent_of(s, k, &empty);
			if (!empty && deep <= in && s->code[s->lines[k - 1] + deep] != ')')
				break;
			if (!empty)
				last = k;
		}
		struct mc_function f = { .first = (uint32_t)line, .last = (uint32_t)last, .name = (uint32_t)name, .name_len = (uint32_t)len,
			.body = (uint32_t)(name + len), .end = (uint32_t)(last < s->nlines ? s->lines[last] : s->len) };
		rc = add_function(s, f, err);
		line = last;
	}
	return rc;
}

int mc_source_init(struct mc_source *s, const char *text, size_t len, enum mc_lang lang, struct mc_error *err)
{
	*s = (struct mc_source){ .lang = lang, .text = text, .len = len };
	if (len > MC_SOURCE_MAX)
		return mc_fail(err, MC_ELIMIT, 0, "a source file of %zu bytes", len);
	s->code = calloc(len + 1, 1);
	if (!s->code)
		return mc_nomem(err, "a source file");
	if (len > 0)
		memcpy(s->code, text, len);
	int rc = split_lines(s, err);
	if (rc == 0 && lang != MC_LANG_NONE) {
		blank_all(s);
		rc = lang == MC_LANG_PYTHON ? python_functions(s, err) : brace_functions(s, err);
	}
	if (rc < 0)
		mc_source_release(s);
	return rc;
}

void mc_source_release(struct mc_source *s)
{
	free(s->code);
	free(s->lines);
	free(s->functions);
	*s = (struct mc_source){ 0 };
}

const struct mc_function *mc_source_function(const struct mc_source *s, size_t line)
{
	for (size_t lo = 0, hi = s->nfunctions; lo < hi;) {
		size_t mid = lo + (hi - lo) / 2;
		const struct mc_function *f = &s->functions[mid];
		if (line < f->first)
			hi = mid;
		else if (line > f->last)
			lo = mid + 1;
		else
			return f;
	}
	return NULL;
}

/* ---- calls ---- */

size_t mc_source_word(const struct mc_source *s, size_t from, size_t to, const char *word, size_t len)
{
	if (to > s->len)
		to = s->len;
	while (len > 0 && from + len <= to) {
		const char *p = memmem(s->code + from, to - from, word, len);
		if (!p)
			return SIZE_MAX;
		size_t at = (size_t)(p - s->code);
		bool left = at == 0 || !mc_ident_char(s->code[at - 1]) || !mc_ident_char(word[0]);
		bool right = at + len >= s->len || !mc_ident_char(s->code[at + len]) || !mc_ident_char(word[len - 1]);
		if (left && right)
			return at;
		from = at + 1;
	}
	return SIZE_MAX;
}

/* The start of a->b.c[i]::d that ends before `at`. */
static size_t chain_start(const char *c, size_t at)
{
	size_t least = at > 200 ? at - 200 : 0;
	while (at > least) {
		char p = c[at - 1];
		if (mc_ident_char(p) || p == '.' || p == ':') {
			at--;
		} else if (p == '>' && at - 1 > least && c[at - 2] == '-') {
			at -= 2;
		} else if (p == ']') {
			size_t k = at - 1;
			while (k > least && c[k] != '[')
				k--;
			if (c[k] != '[')
				break;
			at = k;
		} else {
			break;
		}
	}
	return at;
}

/* What stands left of '=' before `at`, casts skipped. */
static void find_lhs(const struct mc_source *s, size_t at, struct mc_call *r)
{
	const char *c = s->code;
	for (;;) {
		while (at > 0 && isspace((unsigned char)c[at - 1]))
			at--;
		if (at > 0 && c[at - 1] == ')' && at > 1) { /* a cast */
			size_t k = at - 1, least = at > 100 ? at - 100 : 0;
			while (k > least && c[k] != '(')
				k--;
			if (c[k] != '(' || (k > 0 && mc_ident_char(c[k - 1])))
				return;
			at = k;
			continue;
		}
		if (at > 0 && (c[at - 1] == '(' || c[at - 1] == '&')) { /* if ((p = f())) */
			return;
		}
		break;
	}
	if (at >= 5 && strncmp(c + at - 5, "await", 5) == 0)
		at -= 5;
	while (at > 0 && isspace((unsigned char)c[at - 1]))
		at--;
	if (at < 2 || c[at - 1] != '=' || strchr("=!<>+*/%&|^-", c[at - 2]))
		return;
	at -= c[at - 2] == ':' ? 2 : 1;
	while (at > 0 && isspace((unsigned char)c[at - 1]))
		at--;
	size_t start = chain_start(c, at);
	/* Go's `x, err :=`: the first of them */
	size_t k = start;
	while (k > 0 && c[k - 1] == ' ')
		k--;
	if (s->lang == MC_LANG_GO && k > 0 && c[k - 1] == ',') {
		at = k - 1;
		start = chain_start(c, at);
	}
	r->lhs = (uint32_t)start;
	r->lhs_len = (uint32_t)(at - start);
}

static size_t args_end(const char *c, size_t at, size_t len)
{
	int depth = 1;
	size_t most = at + ARGS_MAX < len ? at + ARGS_MAX : len;
	for (size_t i = at; i < most; i++) {
		if (c[i] == '(')
			depth++;
		if (c[i] == ')' && --depth == 0)
			return i;
	}
	return most;
}

bool mc_source_call(const struct mc_source *s, size_t *at, size_t end, struct mc_call *ret)
{
	const char *c = s->code;
	if (end > s->len)
		end = s->len;
	for (size_t i = *at; i < end;) {
		if (!mc_ident_char(c[i]) || isdigit((unsigned char)c[i])) {
			/* a number's letters are not a name */
			if (isdigit((unsigned char)c[i]))
				while (i < end && mc_ident_char(c[i]))
					i++;
			else
				i++;
			continue;
		}
		size_t e = i;
		while (e < end && mc_ident_char(c[e]))
			e++;
		size_t p = e;
		while (p < end && (c[p] == ' ' || c[p] == '\t'))
			p++;
		bool made = e - i == 3 && memcmp(c + i, "new", 3) == 0 && (s->lang & (MC_LANG_CPP | MC_LANG_JAVA)) && p > e;
		if (p < s->len && ((c[p] == '(' && !is_control(c + i, e - i)) || made)) {
			size_t open = made ? e : p + 1;
			*ret = (struct mc_call){ .name = (uint32_t)i, .name_len = (uint32_t)(e - i), .chain = (uint32_t)chain_start(c, i),
				.args = (uint32_t)open, .args_end = (uint32_t)(made ? e : args_end(c, open, s->len)) };
			find_lhs(s, ret->chain, ret);
			*at = open;
			return true;
		}
		i = e;
	}
	*at = end;
	return false;
}
