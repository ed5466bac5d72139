/* What GnuTLS has to be told: Go's names of versions, ciphers and curves as its priorities, whether a
 * certificate fits its key, and whether a client's certificate is good enough. */
#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include <stdlib.h>
#include <string.h>

#include "serve_priv.h"

static int version_of(const char *name, int otherwise, const char *key, int *ret, struct mc_error *err)
{
	static const char *const names[] = { "TLS10", "TLS11", "TLS12", "TLS13" };
	*ret = otherwise;
	if (!name || !name[0])
		return 0;
	for (int i = 0; i < 4; i++)
		if (strcmp(name, names[i]) == 0) {
			*ret = i;
			return 0;
		}
	return mc_fail(err, MC_EUSAGE, 0, "tls_server_config: %s: unknown TLS version \"%.50s\"", key, name);
}

/* Go's cipher suites in the parts that a priority string names. */
static const struct {
	const char *name, *kx, *cipher, *mac;
} suites[] = {
	{ "TLS_AES_128_GCM_SHA256", "", "AES-128-GCM", "AEAD" },
	{ "TLS_AES_256_GCM_SHA384", "", "AES-256-GCM", "AEAD" },
	{ "TLS_CHACHA20_POLY1305_SHA256", "", "CHACHA20-POLY1305", "AEAD" },
	{ "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256", "ECDHE-ECDSA", "AES-128-GCM", "AEAD" },
	{ "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384", "ECDHE-ECDSA", "AES-256-GCM", "AEAD" },
	{ "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256", "ECDHE-ECDSA", "CHACHA20-POLY1305", "AEAD" },
	{ "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305", "ECDHE-ECDSA", "CHACHA20-POLY1305", "AEAD" },
	{ "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA", "ECDHE-ECDSA", "AES-128-CBC", "SHA1" },
	{ "TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA", "ECDHE-ECDSA", "AES-256-CBC", "SHA1" },
	{ "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256", "ECDHE-RSA", "AES-128-GCM", "AEAD" },
	{ "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384", "ECDHE-RSA", "AES-256-GCM", "AEAD" },
	{ "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256", "ECDHE-RSA", "CHACHA20-POLY1305", "AEAD" },
	{ "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305", "ECDHE-RSA", "CHACHA20-POLY1305", "AEAD" },
	{ "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA", "ECDHE-RSA", "AES-128-CBC", "SHA1" },
	{ "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA", "ECDHE-RSA", "AES-256-CBC", "SHA1" },
	{ "TLS_RSA_WITH_AES_128_GCM_SHA256", "RSA", "AES-128-GCM", "AEAD" },
	{ "TLS_RSA_WITH_AES_256_GCM_SHA384", "RSA", "AES-256-GCM", "AEAD" },
	{ "TLS_RSA_WITH_AES_128_CBC_SHA", "RSA", "AES-128-CBC", "SHA1" },
	{ "TLS_RSA_WITH_AES_256_CBC_SHA", "RSA", "AES-256-CBC", "SHA1" },
};

static void add_once(struct mc_buf *b, const char *part)
{
	char key[64];
	snprintf(key, sizeof(key), ":+%s", part);
	size_t len = strlen(key);
	for (const char *p = mc_buf_text(b); (p = strstr(p, key)); p += len)
		if (p[len] == ':' || p[len] == '\0')
			return;
	mc_buf_str(b, key);
}

static int add_suites(struct mc_buf *b, const struct mc_web_config *c, bool tls13, struct mc_error *err)
{
	if (c->nciphers == 0)
		return 0;
	mc_buf_str(b, ":-CIPHER-ALL:-MAC-ALL:-KX-ALL");
	for (size_t i = 0; i < c->nciphers; i++) {
		size_t k = 0, n = sizeof(suites) / sizeof(suites[0]);
		while (k < n && strcmp(suites[k].name, c->ciphers[i]) != 0)
			k++;
		if (k == n)
			return mc_fail(err, strncmp(c->ciphers[i], "TLS_", 4) == 0 ? MC_EUNSUPPORTED : MC_EUSAGE, 0,
				"tls_server_config: cipher_suites: %s \"%.100s\"",
				strncmp(c->ciphers[i], "TLS_", 4) == 0 ? "not supported:" : "unknown cipher", c->ciphers[i]);
		add_once(b, suites[k].cipher);
		add_once(b, suites[k].mac);
		if (suites[k].kx[0])
			add_once(b, suites[k].kx);
	}
	/* As in Go the list does not touch TLS 1.3. */
	if (tls13) {
		add_once(b, "AES-128-GCM");
		add_once(b, "AES-256-GCM");
		add_once(b, "CHACHA20-POLY1305");
		add_once(b, "AEAD");
		add_once(b, "ECDHE-RSA");
		add_once(b, "ECDHE-ECDSA");
	}
	return 0;
}

static int add_curves(struct mc_buf *b, const struct mc_web_config *c, struct mc_error *err)
{
	static const char *const curves[][2] = {
		{ "CurveP256", "GROUP-SECP256R1" }, { "CurveP384", "GROUP-SECP384R1" }, { "CurveP521", "GROUP-SECP521R1" },
		{ "X25519", "GROUP-X25519" },
	};
	if (c->ncurves == 0)
		return 0;
	mc_buf_str(b, ":-GROUP-ALL");
	for (size_t i = 0; i < c->ncurves; i++) {
		size_t k = 0;
		while (k < 4 && strcmp(curves[k][0], c->curves[i]) != 0)
			k++;
		if (k == 4)
			return mc_fail(err, MC_EUSAGE, 0, "tls_server_config: curve_preferences: unknown curve \"%.100s\"", c->curves[i]);
		add_once(b, curves[k][1]);
	}
	return 0;
}

int mc_tls_priorities(const struct mc_web_config *c, char *out, size_t size, struct mc_error *err)
{
	static const char *const names[] = { "VERS-TLS1.0", "VERS-TLS1.1", "VERS-TLS1.2", "VERS-TLS1.3" };
	int least, most;
	int rc = version_of(c->min_version, 2, "min_version", &least, err);
	if (rc || (rc = version_of(c->max_version, 3, "max_version", &most, err)))
		return rc;
	if (least > most)
		return mc_fail(err, MC_EUSAGE, 0, "tls_server_config: min_version is above max_version");
	struct mc_buf b = { 0 };
	mc_buf_str(&b, "NORMAL:-VERS-ALL");
	for (int v = most; v >= least; v--) {
		mc_buf_str(&b, ":+");
		mc_buf_str(&b, names[v]);
	}
	rc = add_suites(&b, c, most == 3, err);
	if (!rc)
		rc = add_curves(&b, c, err);
	if (!rc && (b.failed || b.len >= size))
		rc = mc_fail(err, MC_ELIMIT, 0, "tls_server_config: too many ciphers");
	if (!rc)
		memcpy(out, b.data, b.len + 1);
	mc_buf_release(&b);
	return rc;
}

int mc_tls_check(const struct mc_web *w, struct mc_error *err)
{
	gnutls_certificate_credentials_t cred = NULL;
	gnutls_datum_t cert = { (unsigned char *)w->cert, (unsigned)strlen(w->cert) };
	gnutls_datum_t key = { (unsigned char *)w->key, (unsigned)strlen(w->key) };
	gnutls_priority_t priority = NULL;
	if (gnutls_certificate_allocate_credentials(&cred) < 0)
		return mc_nomem(err, "a certificate");
	int rc = 0, failed = gnutls_certificate_set_x509_key_mem(cred, &cert, &key, GNUTLS_X509_FMT_PEM);
	if (failed < 0)
		rc = mc_fail(err, MC_EFORMAT, 0, "%s and %s: %s", w->c.cert_file, w->c.key_file, gnutls_strerror(failed));
	if (!rc && w->ca) {
		gnutls_datum_t ca = { (unsigned char *)w->ca, (unsigned)strlen(w->ca) };
		failed = gnutls_certificate_set_x509_trust_mem(cred, &ca, GNUTLS_X509_FMT_PEM);
		if (failed <= 0)
			rc = mc_fail(err, MC_EFORMAT, 0, "%s: %s", w->c.client_ca_file, failed ? gnutls_strerror(failed) : "no certificate");
	}
	if (!rc && (failed = gnutls_priority_init(&priority, w->priorities, NULL)) < 0)
		rc = mc_fail(err, MC_EUNSUPPORTED, 0, "not supported: this choice of TLS versions and ciphers (%s)", gnutls_strerror(failed));
	if (priority)
		gnutls_priority_deinit(priority);
	gnutls_certificate_free_credentials(cred);
	return rc;
}

bool mc_tls_client_ok(void *gnutls_session, const struct mc_web *w)
{
	enum { ASK = 1, ANY = 2, IF_GIVEN = 3 };
	gnutls_session_t session = gnutls_session;
	unsigned n = 0, status = 0;
	bool given = session && gnutls_certificate_get_peers(session, &n) && n > 0;
	if (!given)
		return w->client_auth == ASK || w->client_auth == IF_GIVEN;
	if (w->client_auth == ASK || w->client_auth == ANY)
		return true;
	return gnutls_certificate_verify_peers2(session, &status) == 0 && status == 0;
}
