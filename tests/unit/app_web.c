/* The web configuration file: the same fields as node_exporter's, each refused with its place. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "web_config.h"

static void bad(const char *text, int code, const char *want)
{
	struct mc_web_config *w = NULL;
	struct mc_error err = { 0 };
	assert_int_equal(web_config_text("w.yml", text, strlen(text), &w, &err), code);
	assert_null(w);
	if (!strstr(err.text, want))
		fail_msg("%s\nwant %s\ngot %s", text, want, err.text);
}

static struct mc_web_config *ok(const char *text)
{
	struct mc_web_config *w = NULL;
	struct mc_error err = { 0 };
	if (web_config_text("/etc/m/w.yml", text, strlen(text), &w, &err) != 0)
		fail_msg("%s: %s", text, err.text);
	return w;
}

static void whole(void **state)
{
	(void)state;
	struct mc_web_config *w = ok(
		"tls_server_config:\n"
		"  cert_file: server.crt\n"
		"  key_file: /k/server.key\n"
		"  client_auth_type: RequireAndVerifyClientCert\n"
		"  client_ca_file: ca.crt\n"
		"  min_version: TLS12\n"
		"  max_version: TLS13\n"
		"  cipher_suites: [TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256, TLS_RSA_WITH_AES_128_CBC_SHA]\n"
		"  curve_preferences:\n  - X25519\n"
		"  prefer_server_cipher_suites: true\n"
		"http_server_config:\n"
		"  http2: false\n"
		"  headers: {X-Frame-Options: deny, Strict-Transport-Security: max-age=1}\n"
		"basic_auth_users:\n  anna: $2y$05$abc\n  'b: c': \"$2b$05$def\"\n");
	assert_string_equal(w->cert_file, "/etc/m/server.crt"); /* relative to the file */
	assert_string_equal(w->key_file, "/k/server.key");
	assert_string_equal(w->client_auth_type, "RequireAndVerifyClientCert");
	assert_string_equal(w->client_ca_file, "/etc/m/ca.crt");
	assert_int_equal(w->nciphers, 2);
	assert_string_equal(w->ciphers[1], "TLS_RSA_WITH_AES_128_CBC_SHA");
	assert_int_equal(w->ncurves, 1);
	assert_string_equal(w->curves[0], "X25519");
	assert_int_equal(w->nusers, 2);
	assert_string_equal(w->users[1].name, "b: c");
	assert_string_equal(w->users[1].hash, "$2b$05$def");
	assert_int_equal(w->nheaders, 2);
	web_config_free(w);
}

static void empty(void **state)
{
	(void)state;
	static const char *const texts[] = { "", "{}", "tls_server_config:\nbasic_auth_users: {}\n", "http_server_config: {headers: }\n" };
	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
		struct mc_web_config *w = ok(texts[i]);
		assert_null(w->cert_file);
		assert_int_equal(w->nusers, 0);
		web_config_free(w);
	}
	web_config_free(NULL);
}

static void refused(void **state)
{
	(void)state;
	bad("tls_config: {}\n", MC_EUSAGE, "w.yml:1:1: web configuration: unknown key 'tls_config'");
	bad("tls_server_config:\n  cert_fil: x\n", MC_EUSAGE, "w.yml:2:3: tls_server_config: unknown key 'cert_fil'; did you mean 'cert_file'?");
	bad("tls_server_config: {cert_file: [x]}\n", MC_EUSAGE, "w.yml:1:32: cert_file: a list stands here");
	bad("tls_server_config: {cipher_suites: x}\n", MC_EUSAGE, "w.yml:1:36: cipher_suites: here belongs a list");
	bad("tls_server_config: {client_allowed_sans: [x]}\n", MC_EUNSUPPORTED, "not supported: client_allowed_sans");
	bad("tls_server_config: {cert: x}\n", MC_EUNSUPPORTED, "not supported: cert;");
	bad("tls_server_config: {prefer_server_cipher_suites: maybe}\n", MC_EUSAGE, "neither true nor false");
	bad("http_server_config: {http2: 2}\n", MC_EUSAGE, "w.yml:1:29: http2");
	bad("http_server_config: {headers: {X-Other: a}}\n", MC_EUSAGE, "headers: unknown key 'X-Other'");
	bad("http_server_config: {headers: {X-Frame-Options: maybe}}\n", MC_EUSAGE, "give deny or sameorigin");
	bad("http_server_config: {headers: {X-Content-Type-Options: sniff}}\n", MC_EUSAGE, "give nosniff");
	bad("http_server_config: {headers: {X-XSS-Protection: \"a\\r\\nb: c\"}}\n", MC_EUSAGE, "one line of text");
	bad("rate_limit: {burst: 1}\n", MC_EUNSUPPORTED, "rate_limit");
	bad("basic_auth_users: [anna]\n", MC_EUSAGE, "w.yml:1:19: basic_auth_users: here belongs a map");
	bad("basic_auth_users: {anna: x, anna: y}\n", MC_EUSAGE, "w.yml:1:29: basic_auth_users: 'anna' is there twice");
	bad("basic_auth_users: {anna: {}}\n", MC_EUSAGE, "bcrypt hash");
	bad("a: [\n", MC_EUSAGE, "w.yml:1:4: this '[' is not closed");
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(whole), cmocka_unit_test(empty), cmocka_unit_test(refused) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
