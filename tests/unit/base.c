/* Unit tests of base: what goes in and out of text. */
#include "memculprit/base.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

static void errors_name_the_thing(void **state)
{
	(void)state;
	struct mc_error e;
	assert_int_equal(mc_fail(&e, MC_EIO, ENOENT, "%s", "/x"), MC_EIO);
	assert_string_equal(e.text, "/x: No such file or directory");
	assert_int_equal(mc_fail(NULL, MC_ENOMEM, 0, "x"), MC_ENOMEM);
	char longest[2000];
	memset(longest, 'a', sizeof longest - 1);
	longest[sizeof longest - 1] = '\0';
	mc_fail(&e, MC_EIO, ENOENT, "%s", longest);
	assert_int_equal(strlen(e.text), sizeof e.text - 1);
}

static void buffers_grow_and_stop_at_their_limit(void **state)
{
	(void)state;
	struct mc_buf b = { .limit = 10 };
	assert_string_equal(mc_buf_text(&b), "");
	mc_buf_printf(&b, "%d-%s", 12, "ab");
	assert_string_equal(mc_buf_text(&b), "12-ab");
	assert_int_equal(mc_buf_check(&b, NULL), 0);
	mc_buf_str(&b, "123456");
	assert_int_equal(mc_buf_check(&b, NULL), MC_ENOMEM);
	assert_string_equal(mc_buf_text(&b), "12-ab");
	mc_buf_release(&b);
	assert_null(mc_reallocarray(NULL, SIZE_MAX / 2, 4));
}

static void files_have_a_limit(void **state)
{
	(void)state;
	struct mc_buf b = { 0 };
	struct mc_error e;
	assert_int_equal(mc_read_file(AT_FDCWD, "/nonexistent", 10, &b, &e), MC_ENOTFOUND);
	assert_int_equal(mc_read_file(AT_FDCWD, "/proc/self/status", 10, &b, &e), MC_ELIMIT);
	mc_buf_release(&b);
	assert_int_equal(mc_read_file(AT_FDCWD, "/proc/self/status", 1 << 20, &b, &e), 0);
	assert_non_null(strstr(mc_buf_text(&b), "VmRSS"));
	mc_buf_release(&b);
}

static int64_t parsed_time(const char *text)
{
	int64_t t = -1;
	struct mc_error e;
	assert_int_equal(mc_time_parse(text, 1000000000000, &t, &e), 0);
	return t;
}

static void times_are_read(void **state)
{
	(void)state;
	setenv("TZ", "Europe/Berlin", 1);
	tzset();
	assert_int_equal(parsed_time("now"), 1000000000000);
	assert_int_equal(parsed_time("-2h"), 1000000000000 - 7200000);
	assert_int_equal(parsed_time("2026-02-03T14:00:00Z"), 1770127200000);
	assert_int_equal(parsed_time("2026-02-03T14:00:00.25+01:00"), 1770127200000 - 3600000 + 250);
	assert_int_equal(parsed_time("2026-02-03 14:00"), 1770127200000 - 3600000);
	assert_int_equal(parsed_time("2026-07-03"), 1783029600000);
	assert_int_equal(parsed_time("1770127200.5"), 1770127200500);
	static const char *const bad[] = { "", "yesterday", "2026-02-30", "2026-13-01", "2026-02-03T25:00", "-2", "12:00", "2026-02-03 14:00 x", "1e300" };
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		int64_t t = 7;
		struct mc_error e;
		assert_int_equal(mc_time_parse(bad[i], 0, &t, &e), MC_EUSAGE);
		assert_non_null(strstr(e.text, "is not a time"));
	}
	char out[MC_TIME_TEXT];
	assert_string_equal(mc_time_text(1770127200999, true, out), "2026-02-03T14:00:00Z");
	assert_string_equal(mc_time_text(1770127200000, false, out), "2026-02-03 15:00:00");
	assert_string_equal(mc_time_text(-1, true, out), "1969-12-31T23:59:59Z");
	mc_time_text(INT64_MAX, true, out);
	mc_time_text(INT64_MIN, true, out);
}

static void durations_and_sizes(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		int64_t ms;
	} good[] = { { "250ms", 250 }, { "10s", 10000 }, { "5m", 300000 }, { "5min", 300000 }, { "1h30m", 5400000 }, { "0.05s", 50 },
		{ "30d", 2592000000 }, { "2y", 63115200000 }, { "2 h", 7200000 } };
	int64_t ms;
	for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
		assert_int_equal(mc_duration_parse(good[i].text, &ms, NULL), 0);
		assert_int_equal(ms, good[i].ms);
	}
	static const char *const bad[] = { "", "10", "s", "10x", "10mm", "1e9y", "-5s", "10s " };
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		assert_int_equal(mc_duration_parse(bad[i], &ms, NULL), MC_EUSAGE);
	char out[MC_TIME_TEXT];
	assert_string_equal(mc_duration_text(7500000, out), "2 h 5 min");
	assert_string_equal(mc_duration_text(-999, out), "-999 ms");
	assert_string_equal(mc_duration_text(270000000, out), "3 d 3 h");
	mc_duration_text(INT64_MIN, out);
	uint64_t v;
	assert_int_equal(mc_size_parse("1GiB", &v, NULL), 0);
	assert_int_equal(v, 1u << 30);
	assert_int_equal(mc_size_parse("1.5 MiB", &v, NULL), 0);
	assert_int_equal(v, 3u << 19);
	assert_int_equal(mc_size_parse("1XB", &v, NULL), MC_EUSAGE);
	assert_int_equal(mc_size_parse("", &v, NULL), MC_EUSAGE);
	assert_string_equal(mc_size_text(0, out), "0 B");
	assert_string_equal(mc_size_text(1234567, out), "1.18 MiB");
	assert_string_equal(mc_size_text(-46080, out), "-45.0 KiB");
	assert_string_equal(mc_size_text((double)NAN, out), "unknown");
}

static void numbers_are_whole_or_refused(void **state)
{
	(void)state;
	uint64_t u;
	int64_t i;
	double d;
	assert_true(mc_parse_u64("18446744073709551615", 20, &u) && u == UINT64_MAX);
	assert_false(mc_parse_u64("18446744073709551616", 20, &u));
	assert_false(mc_parse_u64("", 0, &u) || mc_parse_u64("-1", 2, &u) || mc_parse_u64("1 ", 2, &u));
	assert_true(mc_parse_i64("-9223372036854775808", 20, &i) && i == INT64_MIN);
	assert_false(mc_parse_i64("-9223372036854775809", 20, &i));
	assert_true(mc_parse_double("1.5e3", 5, &d) && d == 1500);
	assert_true(mc_parse_double("+Inf", 4, &d) && isinf(d));
	assert_true(mc_parse_double("NaN", 3, &d) && isnan(d));
	assert_false(mc_parse_double("0x10", 4, &d) || mc_parse_double("1,5", 3, &d) || mc_parse_double("", 0, &d) || mc_parse_double("e", 1, &d));
}

static void hostile_text_is_made_fit(void **state)
{
	(void)state;
	struct mc_buf b = { 0 };
	mc_utf8_add(&b, "a\xff\xc3\xa9\xed\xa0\x80z", 8);
	assert_string_equal(mc_buf_text(&b), "a\xef\xbf\xbd\xc3\xa9\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbdz");
	mc_buf_release(&b);
	mc_text_add(&b, "\x1b[31m\n\xc2\x9b\xe2\x80\xae" "x", 12);
	assert_string_equal(mc_buf_text(&b), "\\x1b[31m\\n\\x9b\\u202ex");
	mc_buf_release(&b);
	mc_html_add(&b, "<img src='x' onerror=\"a&b\">\x1b", 28);
	assert_string_equal(mc_buf_text(&b), "&lt;img src=&#39;x&#39; onerror=&quot;a&amp;b&quot;&gt;\xef\xbf\xbd");
	mc_buf_release(&b);
	assert_int_equal(mc_name_len("v2.3", 31), 4);
	assert_int_equal(mc_name_len("a-long-name", 5), 5);
	assert_int_equal(mc_name_len("0123456789abcdef0123456789abcdef01234567", 31), 12);
	assert_int_equal(mc_name_len("0123456789abcdef0123456789abcdef0123456x", 31), 31);
	assert_int_equal(mc_text_width("a\xc3\xa9\xe6\xbc\xa2", 6), 4);
	assert_int_equal(mc_utf8_len("\xc0\x80", 2), 0);
	assert_int_equal(mc_utf8_len("\xf4\x90\x80\x80", 4), 0);
	assert_int_equal(mc_utf8_len("\xe6\xbc", 2), 0);
}

static void maps_agree_with_a_plain_list(void **state)
{
	(void)state;
	enum { KEYS = 500, STEPS = 20000 };
	uint64_t truth[KEYS], v;
	bool there[KEYS] = { false };
	uint32_t r = 1;
	struct mc_map *m = mc_map_new();
	for (uint32_t s = 0; s < STEPS; s++) {
		r = r * 1664525u + 1013904223u;
		uint32_t k = (r >> 8) % KEYS;
		if (r >> 31) {
			assert_int_equal(mc_map_set(m, (const char *)&k, sizeof k, s), 0);
			truth[k] = s;
			there[k] = true;
		} else {
			mc_map_del(m, (const char *)&k, sizeof k);
			there[k] = false;
		}
	}
	size_t count = 0;
	for (uint32_t k = 0; k < KEYS; k++) {
		assert_int_equal(mc_map_get(m, (const char *)&k, sizeof k, &v), there[k]);
		if (there[k])
			assert_int_equal(v, truth[k]);
		count += there[k];
	}
	assert_int_equal(mc_map_count(m), count);
	mc_map_free(m);
	mc_map_free(NULL);
}

static void json_goes_out_and_in(void **state)
{
	(void)state;
	struct mc_json *j = mc_json_new();
	struct mc_buf b = { 0 };
	mc_json_object(j, NULL);
	mc_json_str(j, "s", "a\xff\"\n");
	mc_json_num(j, "nan", (double)NAN);
	mc_json_num(j, "third", 0.3);
	mc_json_int(j, "i", INT64_MAX);
	mc_json_array(j, "a");
	mc_json_bool(j, NULL, true);
	mc_json_str(j, NULL, NULL);
	mc_json_raw(j, NULL, "{\"x\": [1]}");
	mc_json_close(j);
	mc_json_close(j);
	assert_int_equal(mc_json_text(j, MC_JSON_COMPACT, &b, NULL), 0);
	assert_string_equal(mc_buf_text(&b),
		"{\"s\": \"a\xef\xbf\xbd\\\"\\n\", \"nan\": null, \"third\": 0.3, \"i\": 9223372036854775807, \"a\": [true, null, {\"x\": [1]}]}");
	struct mc_jsondoc *d;
	int64_t i;
	bool t;
	assert_int_equal(mc_jsondoc_parse(mc_buf_text(&b), b.len, 1000, &d, NULL), 0);
	const struct mc_jsonv *root = mc_jsondoc_root(d);
	assert_true(mc_jsonv_is_object(root) && mc_jsonv_int(mc_jsonv_get(root, "i"), &i) && i == INT64_MAX);
	assert_int_equal(mc_jsonv_count(mc_jsonv_get(root, "a")), 3);
	assert_true(mc_jsonv_bool(mc_jsonv_at(mc_jsonv_get(root, "a"), 0), &t) && t);
	assert_null(mc_jsonv_str(mc_jsonv_get(mc_jsonv_get(root, "no"), "where")));
	mc_jsondoc_free(d);
	struct mc_error e;
	assert_int_equal(mc_jsondoc_parse("{\"a\": 1,\n x}", 12, 1000, &d, &e), MC_EFORMAT);
	assert_non_null(strstr(e.text, "line 2"));
	assert_int_equal(mc_jsondoc_parse("[1]", 3, 2, &d, &e), MC_ELIMIT);
	mc_json_free(j);
	mc_buf_release(&b);
}

static void csv_rows_and_their_errors(void **state)
{
	(void)state;
	static const char text[] = "a,b\r\n\n\"x \"\"y\"\"\",2\n\"c\"\"d\",\"e\"\"f\"\n,\n";
	struct mc_csv c;
	struct mc_error e;
	mc_csv_init(&c, "f.csv", text, sizeof text - 1);
	assert_int_equal(mc_csv_next(&c, &e), 0);
	assert_int_equal(c.count, 2);
	assert_int_equal(mc_csv_next(&c, &e), 0);
	assert_int_equal(c.line, 3);
	assert_memory_equal(c.fields[0].s, "x \"y\"", c.fields[0].len);
	assert_int_equal(mc_csv_next(&c, &e), 0);
	assert_memory_equal(c.fields[0].s, "c\"d", 3);
	assert_memory_equal(c.fields[1].s, "e\"f", 3);
	assert_int_equal(mc_csv_next(&c, &e), 0);
	assert_int_equal(c.count, 2);
	assert_int_equal(c.fields[1].len, 0);
	mc_csv_fail(&c, 1, "pid", &e, "not a number");
	assert_string_equal(e.text, "f.csv:5:2: pid: not a number");
	assert_int_equal(mc_csv_next(&c, &e), MC_CSV_END);
	mc_csv_release(&c);
	static const char *const bad[] = { "\"abc\n", "\"a\"b,c\n", "a\0b,c\n" };
	for (size_t i = 0; i < 3; i++) {
		mc_csv_init(&c, "f.csv", bad[i], i == 2 ? 6 : strlen(bad[i]));
		assert_int_equal(mc_csv_next(&c, &e), MC_EFORMAT);
		assert_memory_equal(e.text, "f.csv:1:1: ", 11);
		mc_csv_release(&c);
	}
	struct mc_buf b = { 0 };
	mc_csv_add(&b, "a,\"b\"\n");
	assert_string_equal(mc_buf_text(&b), "\"a,\"\"b\"\" \"");
	mc_buf_release(&b);
}

static void tables_fit(void **state)
{
	(void)state;
	struct mc_table *t = mc_table_new();
	struct mc_buf b = { 0 };
	mc_table_column(t, "program", MC_LEFT);
	mc_table_column(t, "size", MC_RIGHT);
	mc_table_cell(t, "31", "%s", "evil\x1b[2J name of great length");
	mc_table_cell(t, NULL, "%d", 5);
	assert_int_equal(mc_table_print(t, 24, false, true, &b, NULL), 0);
	assert_string_equal(mc_buf_text(&b), "program             size\nevil\\x1b[2J name ~     5\n");
	mc_buf_release(&b);
	assert_int_equal(mc_table_print(t, 0, true, false, &b, NULL), 0);
	assert_non_null(strstr(mc_buf_text(&b), "\033[31m"));
	mc_buf_release(&b);
	mc_table_free(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(errors_name_the_thing),
		cmocka_unit_test(buffers_grow_and_stop_at_their_limit),
		cmocka_unit_test(files_have_a_limit),
		cmocka_unit_test(times_are_read),
		cmocka_unit_test(durations_and_sizes),
		cmocka_unit_test(numbers_are_whole_or_refused),
		cmocka_unit_test(hostile_text_is_made_fit),
		cmocka_unit_test(maps_agree_with_a_plain_list),
		cmocka_unit_test(json_goes_out_and_in),
		cmocka_unit_test(csv_rows_and_their_errors),
		cmocka_unit_test(tables_fit),
	};
	return cmocka_run_group_tests_name("base", tests, NULL, NULL);
}
