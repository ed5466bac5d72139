/* The web configuration: a copy that requests may hold on to while a new one takes its place. */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "serve_priv.h"

enum { MAX_PEM = 1 << 20, MAX_USERS = 1000, MAX_LIST = 100 };

static void free_list(size_t n, const char *const *list)
{
	for (size_t i = 0; i < n && list; i++)
		free((char *)(uintptr_t)list[i]);
	free((void *)(uintptr_t)list);
}

static void free_web(struct mc_web *w)
{
	struct mc_web_config *c = &w->c;
	const char *const text[] = { c->cert_file, c->key_file, c->client_auth_type, c->client_ca_file, c->min_version, c->max_version };
	for (size_t i = 0; i < sizeof(text) / sizeof(text[0]); i++)
		free((char *)(uintptr_t)text[i]);
	free_list(c->nciphers, c->ciphers);
	free_list(c->ncurves, c->curves);
	for (size_t i = 0; i < c->nusers && c->users; i++) {
		free((char *)(uintptr_t)c->users[i].name);
		free((char *)(uintptr_t)c->users[i].hash);
	}
	free((void *)(uintptr_t)c->users);
	for (size_t i = 0; i < c->nheaders && c->headers; i++) {
		free((char *)(uintptr_t)c->headers[i].name);
		free((char *)(uintptr_t)c->headers[i].value);
	}
	free((void *)(uintptr_t)c->headers);
	if (w->key)
		explicit_bzero(w->key, strlen(w->key));
	free(w->key);
	free(w->cert);
	free(w->ca);
	free(w);
}

struct mc_web *mc_web_ref(struct mc_web *w)
{
	if (w)
		atomic_fetch_add(&w->refs, 1);
	return w;
}

void mc_web_unref(struct mc_web *w)
{
	if (w && atomic_fetch_sub(&w->refs, 1) == 1)
		free_web(w);
}

static bool copy_text(const char **to, const char *from)
{
	*to = mc_strdup(from);
	return *to || !from;
}

static bool copy_list(const char *const **to, size_t *nto, const char *const *from, size_t n)
{
	const char **list = calloc(n + 1, sizeof(*list));
	*to = list;
	*nto = n;
	bool ok = list;
	for (size_t i = 0; i < n && ok; i++)
		ok = copy_text(&list[i], from[i]);
	return ok;
}

static bool copy_pairs(struct mc_web_config *to, const struct mc_web_config *from)
{
	struct mc_web_user *users = calloc(from->nusers + 1, sizeof(*users));
	struct mc_web_header *headers = calloc(from->nheaders + 1, sizeof(*headers));
	bool ok = users && headers;
	to->users = users;
	to->headers = headers;
	for (size_t i = 0; i < from->nusers && ok; i++) {
		to->nusers = i + 1;
		ok = copy_text(&users[i].name, from->users[i].name) && copy_text(&users[i].hash, from->users[i].hash);
	}
	for (size_t i = 0; i < from->nheaders && ok; i++) {
		to->nheaders = i + 1;
		ok = copy_text(&headers[i].name, from->headers[i].name) && copy_text(&headers[i].value, from->headers[i].value);
	}
	return ok;
}

static bool copy_config(struct mc_web_config *to, const struct mc_web_config *from)
{
	return copy_text(&to->cert_file, from->cert_file) && copy_text(&to->key_file, from->key_file) &&
		copy_text(&to->client_auth_type, from->client_auth_type) && copy_text(&to->client_ca_file, from->client_ca_file) &&
		copy_text(&to->min_version, from->min_version) && copy_text(&to->max_version, from->max_version) &&
		copy_list(&to->ciphers, &to->nciphers, from->ciphers, from->nciphers) &&
		copy_list(&to->curves, &to->ncurves, from->curves, from->ncurves) && copy_pairs(to, from);
}

static int read_pem(const char *path, char **ret, struct mc_error *err)
{
	struct mc_buf b = { 0 };
	int rc = mc_read_file(AT_FDCWD, path, MAX_PEM, &b, err);
	if (!rc && b.len == 0)
		rc = mc_fail(err, MC_EFORMAT, 0, "%s is empty", path);
	if (rc) {
		mc_buf_release(&b);
		return rc;
	}
	*ret = b.data;
	return 0;
}

static int client_auth(const struct mc_web_config *c, int *ret, struct mc_error *err)
{
	static const char *const names[] = {
		"NoClientCert", "RequestClientCert", "RequireAnyClientCert", "VerifyClientCertIfGiven", "RequireAndVerifyClientCert"
	};
	*ret = 0;
	if (!c->client_auth_type || !c->client_auth_type[0])
		return 0;
	for (int i = 0; i < 5; i++)
		if (strcmp(c->client_auth_type, names[i]) == 0) {
			*ret = i;
			return 0;
		}
	return mc_fail(err, MC_EUSAGE, 0, "client_auth_type: \"%.100s\" is not known", c->client_auth_type);
}

static int load_tls(struct mc_web *w, struct mc_error *err)
{
	const struct mc_web_config *c = &w->c;
	bool cert = c->cert_file && c->cert_file[0], key = c->key_file && c->key_file[0];
	bool ca = c->client_ca_file && c->client_ca_file[0];
	int rc = client_auth(c, &w->client_auth, err);
	if (rc)
		return rc;
	if (cert != key)
		return mc_fail(err, MC_EUSAGE, 0, "tls_server_config: missing %s_file", cert ? "key" : "cert");
	if (!cert && (ca || w->client_auth))
		return mc_fail(err, MC_EUSAGE, 0, "tls_server_config: client certificates need cert_file and key_file");
	if (!cert)
		return 0;
	if (ca && !w->client_auth)
		return mc_fail(err, MC_EUSAGE, 0, "tls_server_config: client_ca_file is given, but client_auth_type asks for no certificate");
	if (w->client_auth >= 3 && !ca)
		return mc_fail(err, MC_EUSAGE, 0, "tls_server_config: client_auth_type %s needs client_ca_file", c->client_auth_type);
	if ((w->client_auth == 1 || w->client_auth == 2) && !ca)
		return mc_fail(err, MC_EUNSUPPORTED, 0, "not supported: client_auth_type %s without client_ca_file", c->client_auth_type);
	if ((rc = mc_tls_priorities(c, w->priorities, sizeof(w->priorities), err)) || (rc = read_pem(c->cert_file, &w->cert, err)) ||
	    (rc = read_pem(c->key_file, &w->key, err)) || (ca && (rc = read_pem(c->client_ca_file, &w->ca, err))))
		return rc;
	return mc_tls_check(w, err);
}

static int check_users(const struct mc_web_config *c, struct mc_error *err)
{
	for (size_t i = 0; i < c->nusers; i++) {
		const char *h = c->users[i].hash;
		size_t len = h ? strlen(h) : 0;
		if (len != 60 || h[0] != '$' || h[1] != '2' || !strchr("abxy", h[2]) || h[3] != '$')
			return mc_fail(err, MC_EUSAGE, 0, "basic_auth_users: the password of \"%.100s\" is not a bcrypt hash",
				c->users[i].name);
	}
	return 0;
}

static bool header_text_ok(const struct mc_web_header *h)
{
	if (!h->name || !h->name[0] || !h->value)
		return false;
	for (const char *p = h->name; *p; p++)
		if (*p <= ' ' || *p == ':' || *p > '~')
			return false;
	return strpbrk(h->value, "\r\n") == NULL;
}

int mc_web_load(const struct mc_web_config *c, struct mc_web **ret, struct mc_error *err)
{
	if (c->nusers > MAX_USERS || c->nheaders > MAX_LIST || c->nciphers > MAX_LIST || c->ncurves > MAX_LIST)
		return mc_fail(err, MC_ELIMIT, 0, "web configuration: too many users, headers or ciphers");
	struct mc_web *w = calloc(1, sizeof(*w));
	if (!w)
		return mc_nomem(err, "web configuration");
	atomic_init(&w->refs, 1);
	int rc = copy_config(&w->c, c) ? 0 : mc_nomem(err, "web configuration");
	if (!rc)
		rc = check_users(&w->c, err);
	for (size_t i = 0; i < w->c.nheaders && !rc; i++)
		if (!header_text_ok(&w->c.headers[i]))
			rc = mc_fail(err, MC_EUSAGE, 0, "http_server_config: header %zu is not one", i + 1);
	if (!rc)
		rc = load_tls(w, err);
	if (rc) {
		free_web(w);
		return rc;
	}
	*ret = w;
	return 0;
}
