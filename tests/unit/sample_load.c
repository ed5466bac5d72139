/* Load of programs: from servers that answer, that answer badly, slowly or not at all, and from files. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <netdb.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "memculprit/sample.h"

int __real_getaddrinfo(const char *host, const char *service, const struct addrinfo *hint, struct addrinfo **ret);
void __real_freeaddrinfo(struct addrinfo *a);
int __wrap_getaddrinfo(const char *host, const char *service, const struct addrinfo *hint, struct addrinfo **ret);
void __wrap_freeaddrinfo(struct addrinfo *a);

static int listener, port, lookups;
static pid_t child;

/* On loopback; 0: any port. */
static bool listen_at(int at)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons((uint16_t)at), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t n = sizeof a;
	int on = 1;
	listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (listener < 0 || setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) || bind(listener, (struct sockaddr *)&a, sizeof a) ||
	    listen(listener, 16) || getsockname(listener, (struct sockaddr *)&a, &n))
		return false;
	port = ntohs(a.sin_port);
	return true;
}

static int begin(void **state)
{
	(void)state;
	return listen_at(0) ? 0 : 1;
}

static int end(void **state)
{
	(void)state;
	close(listener);
	if (child > 0) {
		kill(child, SIGKILL);
		waitpid(child, NULL, 0);
	}
	child = 0;
	return 0;
}

/* A child that gives each connection the text, in two pieces. */
static bool keeps_open; /* the connection, once all is said */
static int wait_ms = 60000; /* a machine that is busy elsewhere is no failure */
static void serve(const char *text, size_t repeat)
{
	child = fork();
	assert_true(child >= 0);
	if (child)
		return;
	for (int fd; (fd = accept(listener, NULL, NULL)) >= 0; close(fd)) {
		char buf[4096];
		size_t half = strlen(text) / 2;
		ssize_t r = read(fd, buf, sizeof buf), w = write(fd, text, half);
		usleep(2000);
		for (size_t i = 0; i < repeat; i++)
			w = write(fd, text + half, strlen(text) - half);
		while (keeps_open)
			pause();
		(void)r;
		(void)w;
	}
	_exit(0);
}

static struct mc_loader *open_url(const char *path, const char *metric)
{
	char url[128];
	struct mc_loader *l = NULL;
	snprintf(url, sizeof url, "http://127.0.0.1:%d%s", port, path);
	assert_int_equal(mc_loader_open(&(struct mc_load_source){.url = url, .metric = metric}, 1, &l, NULL), 0);
	return l;
}

/* The value, NaN where there is none; *why is what is wrong. */
static double value_of(const char *text, size_t repeat, const char **why)
{
	static char said[600];
	double v = (double)NAN;
	int64_t at = 0;
	serve(text, repeat);
	struct mc_loader *l = open_url("/metrics?x=1", "r");
	mc_loader_start(l, 1000);
	mc_loader_finish(l, wait_ms);
	if (!mc_loader_value(l, 0, &v, &at, why))
		v = (double)NAN;
	else
		assert_int_equal(at, 1000);
	snprintf(said, sizeof said, "%s", *why);
	*why = said;
	mc_loader_close(l);
	return v;
}

static void answers(void **state)
{
	(void)state;
	const char *why;
	double v = value_of("HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\nr{a=\"1\"} 40\nr 2\n", 1, &why);
	assert_true(fabs(v - 42) < 1e-9);
	assert_string_equal(why, "");
}

static void chunks(void **state)
{
	(void)state;
	const char *why;
	double v = value_of("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nr 40\r\n3;x=y\r\n\nr \r\n2\r\n2\n\r\n0\r\n\r\n", 1, &why);
	assert_true(fabs(v - 42) < 1e-9);
}

/* A server that does not close the connection has said how long its answer is. */
static void stays_open(void **state)
{
	(void)state;
	const char *why;
	keeps_open = true;
	double v = value_of("HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nr 5\nr 6\n\n", 1, &why);
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	assert_true(fabs(v - 11) < 1e-9);
	v = value_of("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nr 7\n\r\n0\r\n\r\n", 1, &why);
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	assert_true(fabs(v - 7) < 1e-9);
	wait_ms = 1000; /* for what never comes */
	v = value_of("HTTP/1.1 200 OK\r\nContent-Length: 90\r\n\r\nr 5\n", 1, &why);
	wait_ms = 60000;
	keeps_open = false;
	assert_true(isnan(v)); /* not all of it is there */
}

static void other_status(void **state)
{
	(void)state;
	const char *why;
	assert_true(isnan(value_of("HTTP/1.1 503 Busy\r\n\r\nr 1\n", 1, &why)));
	assert_non_null(strstr(why, "it answers 503"));
}

static void no_http(void **state)
{
	(void)state;
	const char *why;
	assert_true(isnan(value_of("SSH-2.0-x\r\n", 1, &why)));
	assert_non_null(strstr(why, "no HTTP answer"));
}

static void no_metric(void **state)
{
	(void)state;
	const char *why;
	assert_true(isnan(value_of("HTTP/1.0 200 OK\r\n\r\nq 1\n", 1, &why)));
	assert_non_null(strstr(why, "no metric r"));
}

static void too_large(void **state)
{
	(void)state;
	static char text[200000];
	const char *why;
	memset(text, '#', sizeof text - 1);
	memcpy(text, "HTTP/1.0 200 OK\r\n\r\n", 19);
	assert_true(isnan(value_of(text, 100, &why)));
	assert_non_null(strstr(why, "over 8 MiB"));
}

/* One that accepts and says nothing holds nobody up, and its old value is not taken for a new one. */
static void silent(void **state)
{
	(void)state;
	double v;
	int64_t at;
	struct mc_loader *l = open_url("/", "r");
	for (int i = 0; i < 5; i++) {
		mc_loader_start(l, i);
		mc_loader_finish(l, 1);
		assert_false(mc_loader_value(l, 0, &v, &at, NULL));
	}
	mc_loader_close(l);
}

static void nobody(void **state)
{
	(void)state;
	double v;
	int64_t at;
	const char *why;
	close(listener);
	struct mc_loader *l = open_url("/", "r");
	for (int i = 0; i < 3; i++) {
		mc_loader_start(l, i);
		mc_loader_finish(l, wait_ms);
		assert_false(mc_loader_value(l, 0, &v, &at, &why));
		assert_non_null(strstr(why, "refused"));
	}
	mc_loader_close(l);
}

/* A name server that knows one name, with two addresses: nobody listens on the first. */
static struct sockaddr_in two[2];
static struct addrinfo found[2];
int __wrap_getaddrinfo(const char *host, const char *service, const struct addrinfo *hint, struct addrinfo **ret)
{
	if (strcmp(host, "two.test") != 0)
		return __real_getaddrinfo(host, service, hint, ret);
	lookups++;
	for (int i = 0; i < 2; i++) {
		two[i] = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK + !i)};
		found[i] = (struct addrinfo){.ai_family = AF_INET, .ai_socktype = SOCK_STREAM, .ai_addr = (struct sockaddr *)&two[i],
					     .ai_addrlen = sizeof two[i], .ai_next = i ? NULL : &found[1]};
	}
	*ret = found;
	return 0;
}

void __wrap_freeaddrinfo(struct addrinfo *a)
{
	if (a != found)
		__real_freeaddrinfo(a);
}

/* What the source of this test says now; NaN. */
static double ask_two(struct mc_loader *l)
{
	static int64_t now;
	double v;
	int64_t at;
	mc_loader_start(l, ++now);
	mc_loader_finish(l, wait_ms);
	return mc_loader_value(l, 0, &v, &at, NULL) && at == now ? v : (double)NAN;
}

/* The second address is asked where the first refuses, and a server that was away for a while is found again,
 * without another question to the name server. */
static void other_address(void **state)
{
	(void)state;
	char url[64];
	struct mc_loader *l = NULL;
	snprintf(url, sizeof url, "http://two.test:%d/", port);
	lookups = 0;
	assert_int_equal(mc_loader_open(&(struct mc_load_source){.url = url, .metric = "r"}, 1, &l, NULL), 0);
	serve("HTTP/1.0 200 OK\r\n\r\nr 3\n", 1);
	assert_true(fabs(ask_two(l) - 3) < 1e-9);
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	close(listener);
	assert_true(isnan(ask_two(l)));
	assert_true(isnan(ask_two(l)));
	assert_true(listen_at(port));
	serve("HTTP/1.0 200 OK\r\n\r\nr 5\n", 1);
	assert_true(fabs(ask_two(l) - 5) < 1e-9);
	assert_int_equal(lookups, 1);
	mc_loader_close(l);
}

static void addresses(void **state)
{
	(void)state;
	static const char *const wrong[] = {"https://h/", "http://", "http://:80/", "http://a b/", "http://h:/", "http://u@h/", "ftp://h", "http://[::1/", "http://h\n/"};
	static const char *const right[] = {"http://127.0.0.1", "http://127.0.0.1:80", "http://[::1]:8080/x?y", "http://127.0.0.1/a#b", "http://127.0.0.1?x"};
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
		struct mc_loader *l = NULL;
		struct mc_error err = {0};
		assert_int_equal(mc_loader_open(&(struct mc_load_source){.url = wrong[i], .metric = "r"}, 1, &l, &err), MC_EUSAGE);
		assert_null(l);
	}
	for (size_t i = 0; i < sizeof right / sizeof *right; i++) {
		struct mc_loader *l = NULL;
		assert_int_equal(mc_loader_open(&(struct mc_load_source){.url = right[i], .metric = "r"}, 1, &l, NULL), 0);
		mc_loader_close(l);
	}
}

static void file_says(const char *path, const char *text)
{
	FILE *f = fopen(path, "we");
	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

static void files(void **state)
{
	(void)state;
	char path[] = "/tmp/mc-load-XXXXXX";
	double v;
	int64_t at;
	const char *why;
	int fd = mkstemp(path);
	assert_true(fd >= 0);
	close(fd);
	struct mc_load_source v2[] = {{.file = path}, {.file = path, .metric = "r"}, {.file = "/nonexistent/x"}};
	struct mc_loader *l = NULL;
	assert_int_equal(mc_loader_open(v2, 3, &l, NULL), 0);
	file_says(path, "1234.5\n");
	mc_loader_start(l, 7);
	assert_true(mc_loader_value(l, 0, &v, &at, &why) && fabs(v - 1234.5) < 1e-9 && at == 7 && !*why);
	assert_false(mc_loader_value(l, 1, &v, &at, &why));
	assert_false(mc_loader_value(l, 2, &v, &at, &why));
	assert_non_null(strstr(why, "/nonexistent/x"));
	file_says(path, "# x\nr 5\n");
	mc_loader_start(l, 8); /* the value of the start before stands once */
	assert_true(mc_loader_value(l, 0, &v, &at, &why) && at == 7);
	assert_non_null(strstr(why, "not one number"));
	assert_true(mc_loader_value(l, 1, &v, &at, &why) && fabs(v - 5) < 1e-9 && at == 8);
	mc_loader_start(l, 9);
	assert_false(mc_loader_value(l, 0, &v, &at, &why));
	mc_loader_close(l);
	unlink(path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(answers, begin, end),  cmocka_unit_test_setup_teardown(chunks, begin, end),
		cmocka_unit_test_setup_teardown(other_status, begin, end), cmocka_unit_test_setup_teardown(stays_open, begin, end), cmocka_unit_test_setup_teardown(no_http, begin, end),
		cmocka_unit_test_setup_teardown(no_metric, begin, end), cmocka_unit_test_setup_teardown(too_large, begin, end),
		cmocka_unit_test_setup_teardown(silent, begin, end),   cmocka_unit_test_setup_teardown(nobody, begin, end),
		cmocka_unit_test_setup_teardown(other_address, begin, end), cmocka_unit_test(addresses), cmocka_unit_test(files),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
