#define PCRE2_CODE_UNIT_WIDTH 8
#include "select.h"

#include <fnmatch.h>
#include <pcre2.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>

#include "parse.h"

struct one {
	char *name, *comm, *exe, *cgroup, *unit;
	pcre2_code *re;
	pcre2_match_data *md;
	bool by_user;
	uint32_t uid;
};
enum { USERS = 16 }; /* names that are remembered: asking for one may take a question over the network */
struct user {
	uint32_t uid;
	char name[40]; /* "": not in use */
};
struct sm_selectors {
	size_t n;
	struct one *v;
	pcre2_match_context *mc;
	struct user users[USERS];
	size_t next_user;
};

static int copy(char **to, const char *from, struct mc_error *err)
{
	*to = mc_strdup(from);
	return from && !*to ? mc_nomem(err, "a selector") : 0;
}

static int user_of(const char *user, uint32_t *ret, struct mc_error *err)
{
	uint64_t v;
	if (mc_parse_u64(user, strlen(user), &v) && v < UINT32_MAX) {
		*ret = (uint32_t)v;
		return 0;
	}
	const struct passwd *pw = getpwnam(user);
	if (!pw)
		return mc_fail(err, MC_EUSAGE, 0, "no user %.100s on this host", user);
	*ret = pw->pw_uid;
	return 0;
}

static int compile(struct one *o, const char *pattern, struct mc_error *err)
{
	int code;
	PCRE2_SIZE at;
	o->re = pcre2_compile((PCRE2_SPTR)pattern, PCRE2_ZERO_TERMINATED, 0, &code, &at, NULL);
	if (!o->re) {
		PCRE2_UCHAR why[160] = "";
		pcre2_get_error_message(code, why, sizeof why);
		return mc_fail(err, MC_EUSAGE, 0, "pattern %.150s, at character %zu: %s", pattern, (size_t)at + 1,
			       (const char *)why);
	}
	o->md = pcre2_match_data_create_from_pattern(o->re, NULL);
	return o->md ? 0 : mc_nomem(err, "a pattern");
}

enum { COMM = 15, KEY = 65 }; /* what the kernel keeps of a name; of ${key} */

/* The place that is filled in at p: its bytes, and in key what stands between the braces, or "" for \1. 0: none. */
static size_t place_at(const char *p, char key[KEY])
{
	key[0] = 0;
	if (p[0] == '\\' && p[1] >= '0' && p[1] <= '9')
		return 2;
	const char *close = p[0] == '$' && p[1] == '{' ? strchr(p, '}') : NULL;
	size_t n = close ? (size_t)(close - p) - 2 : KEY;
	if (n >= KEY)
		return 0;
	memcpy(key, p + 2, n);
	key[n] = 0;
	return n + 3;
}

static bool is_field(const char *key)
{
	static const char *const fields[] = {"comm", "exe", "cgroup", "user", "unit", "pod", "container"};
	for (size_t i = 0; i < sizeof fields / sizeof *fields; i++)
		if (strcmp(key, fields[i]) == 0)
			return true;
	return false;
}

/* A slip in a name would make one program of many. */
static int check_name(const struct one *o, struct mc_error *err)
{
	uint32_t groups = 0;
	char key[KEY];
	if (o->re)
		pcre2_pattern_info(o->re, PCRE2_INFO_CAPTURECOUNT, &groups);
	for (const char *p = o->name; *p; p++) {
		size_t n = place_at(p, key);
		if (!n)
			continue;
		if (!key[0] && p[0] == '\\' && (!o->re || (uint32_t)(p[1] - '0') > groups))
			return mc_fail(err, MC_EUSAGE, 0, "\\%c stands for nothing: cmdline has %u group%s", p[1], groups, groups == 1 ? "" : "s");
		if (p[0] == '$' && !is_field(key) && (!o->re || pcre2_substring_number_from_name(o->re, (PCRE2_SPTR)key) == PCRE2_ERROR_NOSUBSTRING))
			return mc_fail(err, MC_EUSAGE, 0,
				"${%.64s} stands for nothing: it is none of comm, exe, user, unit, cgroup, container, pod, and cmdline has no group of that name",
				key);
		p += n - 1;
	}
	return 0;
}

static int one_init(struct one *o, const struct mc_selector *v, struct mc_error *err)
{
	int rc = copy(&o->name, v->name ? v->name : "${comm}", err);
	rc = rc ? rc : copy(&o->comm, v->comm, err);
	rc = rc ? rc : copy(&o->exe, v->exe, err);
	rc = rc ? rc : copy(&o->cgroup, v->cgroup, err);
	rc = rc ? rc : copy(&o->unit, v->unit, err);
	if (!rc && v->user) {
		o->by_user = true;
		rc = user_of(v->user, &o->uid, err);
	}
	/* the kernel keeps the first 15 bytes of a name: nobody has a longer one */
	if (!rc && o->comm && strlen(o->comm) > COMM && !strpbrk(o->comm, "*?[\\"))
		o->comm[COMM] = 0;
	if (!rc && v->cmdline)
		rc = compile(o, v->cmdline, err);
	return rc ? rc : check_name(o, err);
}

int sm_selectors_new(const struct mc_selector *v, size_t n, struct sm_selectors **ret, struct mc_error *err)
{
	struct sm_selectors *s = calloc(1, sizeof *s);
	int rc = 0;
	if (!s || !(s->v = calloc(n ? n : 1, sizeof *s->v)) || !(s->mc = pcre2_match_context_create(NULL))) {
		sm_selectors_free(s);
		return mc_nomem(err, "selectors");
	}
	/* a pattern that backtracks without end must not hold up a tick */
	pcre2_set_match_limit(s->mc, 20000);
	for (; s->n < n && !rc; s->n++)
		rc = one_init(&s->v[s->n], &v[s->n], err);
	if (rc) {
		sm_selectors_free(s);
		return rc;
	}
	*ret = s;
	return 0;
}

void sm_selectors_free(struct sm_selectors *s)
{
	if (!s)
		return;
	for (size_t i = 0; i < s->n; i++) {
		struct one *o = &s->v[i];
		free(o->name);
		free(o->comm);
		free(o->exe);
		free(o->cgroup);
		free(o->unit);
		pcre2_match_data_free(o->md);
		pcre2_code_free(o->re);
	}
	pcre2_match_context_free(s->mc);
	free(s->v);
	free(s);
}

int mc_selector_check(const struct mc_selector *v, struct mc_error *err)
{
	struct sm_selectors *s = NULL;
	int rc = sm_selectors_new(v, 1, &s, err);
	sm_selectors_free(s);
	return rc;
}

size_t sm_selectors_count(const struct sm_selectors *s)
{
	return s->n;
}

static void add_group(const struct one *o, int groups, uint32_t g, const char *subject, struct mc_buf *out)
{
	if (!o->re || g >= (uint32_t)groups)
		return;
	const PCRE2_SIZE *ov = pcre2_get_ovector_pointer(o->md);
	size_t a = ov[(size_t)2 * g], b = ov[(size_t)2 * g + 1];
	if (a != PCRE2_UNSET && b > a)
		mc_buf_add(out, subject + a, b - a);
}

/* The user's name; its number where the host knows none. Borrowed until the next call. */
static const char *user_name(struct sm_selectors *s, uint32_t uid)
{
	for (size_t i = 0; i < USERS; i++)
		if (s->users[i].name[0] && s->users[i].uid == uid)
			return s->users[i].name;
	const struct passwd *pw = getpwuid(uid);
	struct user *u = &s->users[s->next_user++ % USERS];
	u->uid = uid;
	snprintf(u->name, sizeof u->name, "%u", uid);
	if (pw && pw->pw_name[0] && strlen(pw->pw_name) < sizeof u->name)
		memcpy(u->name, pw->pw_name, strlen(pw->pw_name) + 1);
	return u->name;
}

static void add_named(struct sm_selectors *s, const struct one *o, int groups, const char *key, const struct sm_facts *f, struct mc_buf *out)
{
	char text[256];
	if (strcmp(key, "comm") == 0)
		mc_buf_str(out, f->comm);
	else if (strcmp(key, "exe") == 0)
		mc_buf_str(out, strrchr(f->exe, '/') ? strrchr(f->exe, '/') + 1 : f->exe);
	else if (strcmp(key, "cgroup") == 0)
		mc_buf_str(out, f->cgroup);
	else if (strcmp(key, "user") == 0)
		mc_buf_str(out, user_name(s, f->uid));
	else if ((strcmp(key, "unit") == 0 && sm_unit(f->cgroup, true, text, sizeof text)) ||
		 (strcmp(key, "pod") == 0 && sm_pod(f->cgroup, text)))
		mc_buf_str(out, text);
	else if (strcmp(key, "container") == 0 && sm_container(f->cgroup, text))
		mc_buf_add(out, text, 12);
	else if (o->re) {
		int g = pcre2_substring_number_from_name(o->re, (PCRE2_SPTR)key);
		if (g > 0)
			add_group(o, groups, (uint32_t)g, f->cmdline, out);
	}
}

static void expand(struct sm_selectors *s, const struct one *o, int groups, const struct sm_facts *f, struct mc_buf *out)
{
	char key[KEY];
	for (const char *p = o->name; *p; p++) {
		size_t n = place_at(p, key);
		if (!n)
			mc_buf_add(out, p, 1);
		else if (*p == '$')
			add_named(s, o, groups, key, f, out);
		else
			add_group(o, groups, (uint32_t)(p[1] - '0'), f->cmdline, out);
		p += n ? n - 1 : 0;
	}
}

bool sm_selectors_match(struct sm_selectors *s, const struct sm_facts *f, struct mc_buf *out)
{
	char unit[256] = "";
	sm_unit(f->cgroup, false, unit, sizeof unit);
	for (size_t i = 0; i < s->n; i++) {
		const struct one *o = &s->v[i];
		int groups = 0;
		if ((o->comm && strcmp(o->comm, f->comm) != 0 && fnmatch(o->comm, f->comm, 0) != 0) || (o->by_user && o->uid != f->uid) ||
		    (o->exe && fnmatch(o->exe, f->exe, 0) != 0) || (o->cgroup && fnmatch(o->cgroup, f->cgroup, 0) != 0) ||
		    (o->unit && fnmatch(o->unit, unit, 0) != 0))
			continue;
		if (o->re && (groups = pcre2_match(o->re, (PCRE2_SPTR)f->cmdline, strlen(f->cmdline), 0, 0, o->md, s->mc)) <= 0)
			continue;
		out->len = 0;
		expand(s, o, groups, f, out);
		if (out->len == 0) /* a name of empty captures only */
			mc_buf_str(out, f->comm);
		return true;
	}
	return false;
}
