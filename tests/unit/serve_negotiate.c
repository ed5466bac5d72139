/* What clients accept, and which Host names are ours. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "serve_priv.h"

#define OM "application/openmetrics-text"

static void test_openmetrics(void **state)
{
	(void)state;
	assert_int_equal(mc_accepted_format(NULL), MC_FORMAT_TEXT);
	assert_int_equal(mc_accepted_format(""), MC_FORMAT_TEXT);
	assert_int_equal(mc_accepted_format("*/*"), MC_FORMAT_TEXT);
	assert_int_equal(mc_accepted_format("text/html,application/*;q=0.9"), MC_FORMAT_TEXT);
	assert_int_equal(mc_accepted_format(OM ";version=0.0.1"), MC_FORMAT_TEXT);
	assert_int_equal(mc_accepted_format(OM ";q=0,text/plain"), MC_FORMAT_TEXT);
	assert_int_equal(mc_accepted_format(OM ";q=0.1,text/plain;version=0.0.4;q=0.9"), MC_FORMAT_TEXT);
	assert_int_equal(mc_accepted_format(OM ";q=zz"), MC_FORMAT_TEXT);
	assert_int_equal(mc_accepted_format(OM ";q=2"), MC_FORMAT_TEXT);
	assert_int_equal(mc_accepted_format(OM), MC_FORMAT_CREATED);
	assert_int_equal(mc_accepted_format(" Application/OpenMetrics-Text ; Version=\"1.0.0\" ; Q=0.5 , */*;q=0.1"), MC_FORMAT_OPENMETRICS);
	assert_int_equal(mc_accepted_format(OM ";version=1.0.0;escaping=allow-utf-8;q=0.5," OM ";version=0.0.1;q=0.4,"
		"text/plain;version=0.0.4;q=0.2,*/*;q=0.1"), MC_FORMAT_OPENMETRICS);
	assert_int_equal(mc_accepted_format(OM ";version=1.0.0;q=0.75," OM ";version=0.0.1;q=0.5;,text/plain;q=0.5"), MC_FORMAT_OPENMETRICS);
	assert_int_equal(mc_accepted_format(";;;,q=zz,\x7f/="), MC_FORMAT_TEXT);
}

static void test_gzip(void **state)
{
	(void)state;
	assert_false(mc_accepts_gzip(NULL));
	assert_false(mc_accepts_gzip("identity"));
	assert_false(mc_accepts_gzip("gzip;q=0"));
	assert_false(mc_accepts_gzip("gzip;q=0, *"));
	assert_false(mc_accepts_gzip("gzipped"));
	assert_true(mc_accepts_gzip("gzip"));
	assert_true(mc_accepts_gzip("deflate, GZip;q=0.1"));
	assert_true(mc_accepts_gzip("*"));
}

static void test_etag(void **state)
{
	(void)state;
	assert_false(mc_etag_matches(NULL, "\"a\""));
	assert_false(mc_etag_matches("\"b\", \"ab\"", "\"a\""));
	assert_true(mc_etag_matches("\"b\", W/\"a\"", "\"a\""));
	assert_true(mc_etag_matches("*", "\"a\""));
}

static void test_host(void **state)
{
	(void)state;
	static const char *const both[] = { "localhost", "localhost:10187", "127.0.0.1:1", "[::1]:80", "[::1]", "web-1:10187", "x.localhost" };
	static const char *const never[] = { "", ":80", "a b", "a/b", "[::1", "[]", "a:b", "a:123456", "<img>", "\xff" };
	for (size_t i = 0; i < sizeof(both) / sizeof(both[0]); i++)
		assert_true(mc_host_ok(both[i], true) && mc_host_ok(both[i], false));
	for (size_t i = 2; i < sizeof(never) / sizeof(never[0]); i++)
		assert_false(mc_host_ok(never[i], false));
	assert_true(mc_host_ok("db.example.org:10187", false));
	assert_false(mc_host_ok("evil.example.org", true));
	assert_true(mc_host_ok(NULL, true));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_openmetrics),
		cmocka_unit_test(test_gzip),
		cmocka_unit_test(test_etag),
		cmocka_unit_test(test_host),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
