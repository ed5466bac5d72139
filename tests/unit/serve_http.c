/* The server over real sockets, with canned answers. */
#include <errno.h>
#include <math.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
#include <zlib.h>
#include <cmocka.h>

#include "memculprit/serve.h"

static char dir[64], sock[96];

static _Atomic bool held, in_api;

static int api(void *user, const struct mc_request *rq, struct mc_reply *reply)
{
	(void)user;
	if (strcmp(rq->path, "/api/v1/fails") == 0)
		return MC_EIO;
	if (strcmp(rq->path, "/api/v1/slow") == 0) {
		in_api = true;
		while (held)
			usleep(1000);
		return MC_EIO;
	}
	if (strcmp(rq->path, "/api/v1/big") == 0) {
		reply->status = 200;
		reply->content_type = "application/json";
		for (int i = 0; i < 1000; i++)
			mc_buf_str(&reply->body, "[1,2,3]\n");
		return 0;
	}
	if (strncmp(rq->path, "/api/v1/echo", 12) == 0 || strcmp(rq->path, "/api/v1/deploys") == 0) {
		const char *x = rq->arg(rq->handle, "x");
		reply->status = 200;
		reply->content_type = "text/plain";
		mc_buf_printf(&reply->body, "%s %s x=%s trusted=%d body=%.*s", rq->method, rq->path, x ? x : "-", rq->trusted,
			(int)rq->body_len, rq->body);
		return 0;
	}
	return mc_reply_error(reply, 404, "no such path");
}

static _Atomic int page_value, pages_made;

static int make_page(void *user, const struct mc_server_stats *stats, struct mc_metrics *m, struct mc_error *err)
{
	(void)user;
	(void)stats;
	if (page_value < 0)
		return mc_nomem(err, "a test");
	pages_made++;
	mc_metrics_family(m, "x_total", MC_COUNTER, NULL, "X.");
	mc_metrics_sample(m, page_value, 0, NULL);
	return 0;
}

static struct mc_server *start(const char *address, bool with_socket)
{
	struct mc_server *s = NULL;
	struct mc_error err = { 0 };
	struct mc_serve_config c = { .listen = &address, .nlisten = 1, .socket = with_socket ? sock : NULL,
		.telemetry_path = "/metrics", .api = api, .metrics = make_page };
	if (mc_server_start(&c, &s, &err))
		fail_msg("%s", err.text);
	return s;
}

static int dial(struct mc_server *s)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons((uint16_t)mc_server_port(s, 0)),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	return fd;
}

static int dial_unix(void)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	snprintf(a.sun_path, sizeof(a.sun_path), "%s", sock);
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	return fd;
}

/* Sends a request and reads to the end of the connection. */
static char *talk(int fd, const char *request)
{
	struct mc_buf b = { 0 };
	char piece[4096];
	ssize_t n;
	assert_int_equal(send(fd, request, strlen(request), MSG_NOSIGNAL), (ssize_t)strlen(request));
	while ((n = read(fd, piece, sizeof(piece))) > 0)
		mc_buf_add(&b, piece, (size_t)n);
	close(fd);
	char *copy = malloc(b.len + 1);
	memcpy(copy, mc_buf_text(&b), b.len + 1);
	mc_buf_release(&b);
	return copy;
}

#define END " HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"

static void expect(char *reply, const char *status, const char *part)
{
	if (strncmp(reply, "HTTP/1.1 ", 9) != 0 || strncmp(reply + 9, status, 3) != 0 || (part && !strstr(reply, part)))
		fail_msg("expected %s and \"%s\" in: %s", status, part ? part : "", reply);
	free(reply);
}

static void set_page(struct mc_server *s, int value)
{
	page_value = value;
	mc_server_renew_metrics(s);
}

static void test_metrics(void **state)
{
	(void)state;
	struct mc_server *s = start("127.0.0.1:0", false);
	expect(talk(dial(s), "GET /metrics" END "\r\n"), "503", "nothing has been sampled");
	set_page(s, 7);
	expect(talk(dial(s), "GET /metrics" END "\r\n"), "200", "\nx_total 7\n");
	expect(talk(dial(s), "GET /metrics" END "Accept: application/openmetrics-text\r\n\r\n"), "200", "x_created");
	char *head = talk(dial(s), "HEAD /metrics" END "\r\n");
	assert_non_null(strstr(head, "Content-Length: "));
	assert_string_equal(strstr(head, "\r\n\r\n"), "\r\n\r\n");
	expect(head, "200", "X-Content-Type-Options: nosniff");
	/* made once for the two who asked for it in one format, and once for the other format */
	assert_int_equal(pages_made, 2);
	set_page(s, -1);
	expect(talk(dial(s), "GET /metrics" END "\r\n"), "503", NULL);
	set_page(s, 8);
	assert_int_equal(pages_made, 2);
	expect(talk(dial(s), "GET /metrics" END "\r\n"), "200", "\nx_total 8\n");
	mc_server_stop(s, -1);
}

/* The body of a gzipped reply, as text. */
static void check_gzip(struct mc_server *s, const char *path, const char *part)
{
	char request[256], out[32768];
	snprintf(request, sizeof(request), "GET %s HTTP/1.0\r\nAccept-Encoding: gzip\r\n\r\n", path);
	int fd = dial(s);
	struct mc_buf b = { 0 };
	char piece[4096];
	ssize_t n;
	assert_int_equal(write(fd, request, strlen(request)), (ssize_t)strlen(request));
	while ((n = read(fd, piece, sizeof(piece))) > 0)
		mc_buf_add(&b, piece, (size_t)n);
	close(fd);
	assert_non_null(strstr(mc_buf_text(&b), "Content-Encoding: gzip"));
	char *body = strstr(b.data, "\r\n\r\n") + 4;
	z_stream z = { .next_in = (Bytef *)body, .avail_in = (uInt)(b.len - (size_t)(body - b.data)),
		.next_out = (Bytef *)out, .avail_out = sizeof(out) - 1 };
	assert_int_equal(inflateInit2(&z, 15 + 16), Z_OK);
	assert_int_equal(inflate(&z, Z_FINISH), Z_STREAM_END);
	out[z.total_out] = '\0';
	inflateEnd(&z);
	assert_non_null(strstr(out, part));
	mc_buf_release(&b);
}

static void test_gzip(void **state)
{
	(void)state;
	struct mc_server *s = start("127.0.0.1:0", false);
	set_page(s, 9);
	check_gzip(s, "/metrics", "x_total 9\n");
	check_gzip(s, "/metrics", "x_total 9\n");
	check_gzip(s, "/api/v1/big", "[1,2,3]\n[1,2,3]\n");
	set_page(s, 10);
	check_gzip(s, "/metrics", "x_total 10\n");
	mc_server_stop(s, -1);
}

static void test_routes(void **state)
{
	(void)state;
	struct mc_server *s = start("127.0.0.1:0", false);
	expect(talk(dial(s), "GET /api/v1/echo/a%2Fb?x=1%202" END "\r\n"), "200", "GET /api/v1/echo/a/b x=1 2 trusted=0 body=");
	expect(talk(dial(s), "GET /nothing" END "\r\n"), "404", "\"status\"");
	expect(talk(dial(s), "GET /api/v1/fails" END "\r\n"), "500", "\"error\"");
	expect(talk(dial(s), "POST /metrics" END "Content-Length: 0\r\n\r\n"), "405", "Allow: GET, HEAD\r\n");
	expect(talk(dial(s), "DELETE /api/v1/deploys" END "\r\n"), "405", "Allow: GET, HEAD, POST\r\n");
	expect(talk(dial(s), "PUT /nothing" END "\r\n"), "404", NULL);
	expect(talk(dial(s), "POST /api/v1/deploys" END "Content-Length: 2\r\n\r\n{}"), "403", "only reads");
	expect(talk(dial(s), "POST /api/v1/deploys" END "Content-Length: 1000000000\r\n\r\n"), "403", NULL);
	expect(talk(dial(s), "GET /assets/page.css" END "\r\n"), "200", "ETag: \"");
	expect(talk(dial(s), "GET /assets/page.css" END "If-None-Match: *\r\n\r\n"), "304", "ETag: \"");
	expect(talk(dial(s), "GET /assets/../page.css" END "\r\n"), "404", NULL);
	expect(talk(dial(s), "GET / HTTP/1.1\r\nHost: evil.example.org\r\nConnection: close\r\n\r\n"), "421", NULL);
	expect(talk(dial(s), "GET / HTTP/1.1\r\nConnection: close\r\n\r\n"), "400", NULL);
	struct mc_server_stats st;
	mc_server_stats(s, &st);
	assert_int_equal(st.errors, 1);
	assert_true(st.requests >= 11);
	mc_server_stop(s, -1);
}

static void test_health(void **state)
{
	(void)state;
	struct mc_server *s = start("127.0.0.1:0", false);
	expect(talk(dial(s), "GET /-/healthy" END "\r\n"), "200", NULL);
	mc_server_set_ready(s, "the first sample is still to come");
	expect(talk(dial(s), "GET /-/ready" END "\r\n"), "503", "still to come");
	expect(talk(dial(s), "GET /-/healthy" END "\r\n"), "200", NULL);
	mc_server_set_ready(s, NULL);
	mc_server_set_healthy(s, "disk full");
	expect(talk(dial(s), "GET /-/healthy" END "\r\n"), "503", "disk full");
	expect(talk(dial(s), "GET /-/ready" END "\r\n"), "503", "disk full");
	mc_server_stop(s, -1);
}

static void test_socket(void **state)
{
	(void)state;
	mode_t old = umask(0);
	struct mc_server *s = start("127.0.0.1:0", true);
	umask(old);
	struct stat st;
	assert_int_equal(stat(sock, &st), 0);
	assert_true(S_ISSOCK(st.st_mode));
	assert_int_equal(st.st_mode & 0777, 0660);
	expect(talk(dial_unix(), "POST /api/v1/deploys" END "Content-Length: 2\r\n\r\n{}"), "200", "trusted=1 body={}");
	expect(talk(dial_unix(), "DELETE /api/v1/echo/7" END "\r\n"), "200", "DELETE /api/v1/echo/7");
	expect(talk(dial_unix(), "POST /api/v1/deploys" END "Content-Length: 99999999\r\n\r\n"), "413", NULL);

	const char *address = "127.0.0.1:0";
	struct mc_serve_config c = { .listen = &address, .nlisten = 1, .socket = sock, .api = api };
	struct mc_server *second = NULL;
	struct mc_error err = { 0 };
	assert_int_equal(mc_server_start(&c, &second, &err), MC_EBUSY);
	assert_non_null(strstr(err.text, sock));
	assert_int_equal(access(sock, F_OK), 0);
	mc_server_stop(s, -1);
	assert_int_equal(access(sock, F_OK), -1);
}

static void test_stale_socket(void **state)
{
	(void)state;
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	snprintf(a.sun_path, sizeof(a.sun_path), "%s", sock);
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	close(fd); /* nobody answers there */
	mc_server_stop(start("127.0.0.1:0", true), -1);

	FILE *f = fopen(sock, "w");
	fclose(f);
	struct mc_serve_config c = { .socket = sock, .api = api };
	struct mc_server *s = NULL;
	assert_int_equal(mc_server_start(&c, &s, NULL), MC_EEXIST);
	unlink(sock);
}

/* An answer that takes long does not keep the server from ending. */
static void test_stop_within(void **state)
{
	(void)state;
	struct mc_server *s = start("127.0.0.1:0", true);
	int fd = dial(s);
	held = true;
	in_api = false;
	const char *ask = "GET /api/v1/slow" END "\r\n";
	assert_int_equal(send(fd, ask, strlen(ask), MSG_NOSIGNAL), (ssize_t)strlen(ask));
	while (!in_api)
		usleep(1000);
	assert_false(mc_server_stop(s, 50));
	assert_int_equal(access(sock, F_OK), -1);
	held = false;
	assert_true(mc_server_stop(s, -1)); /* which only a test can wait for */
	close(fd);
}

static void test_busy_port(void **state)
{
	(void)state;
	struct mc_server *s = start("127.0.0.1:0", false), *second = NULL;
	char address[32];
	snprintf(address, sizeof(address), "127.0.0.1:%d", mc_server_port(s, 0));
	const char *list[] = { address };
	struct mc_serve_config c = { .listen = list, .nlisten = 1, .api = api };
	struct mc_error err = { 0 };
	assert_int_equal(mc_server_start(&c, &second, &err), MC_EBUSY);
	assert_non_null(strstr(err.text, address));
	mc_server_stop(s, -1);
	list[0] = "nonsense";
	assert_int_equal(mc_server_start(&c, &second, &err), MC_EUSAGE);
	list[0] = "::1:80";
	assert_int_equal(mc_server_start(&c, &second, &err), MC_EUSAGE);
	list[0] = "127.0.0.1:70000";
	assert_int_equal(mc_server_start(&c, &second, &err), MC_EUSAGE);
}

/* More unfinished heads than there are places: a whole request is answered all the same. */
static void test_slow_heads(void **state)
{
	(void)state;
	enum { SLOW = 400 };
	int fd[SLOW];
	struct mc_server *s = start("127.0.0.1:0", false);
	set_page(s, 1);
	for (int i = 0; i < SLOW; i++) {
		fd[i] = dial(s);
		assert_int_equal(send(fd[i], "GET /metrics HTTP/1.1\r\nX: ", 26, MSG_NOSIGNAL), 26);
	}
	expect(talk(dial(s), "GET /metrics" END "\r\n"), "200", "x_total 1");
	struct mc_server_stats st;
	mc_server_stats(s, &st);
	assert_true(st.dropped >= SLOW - 256);
	assert_true(st.connections <= 256);
	for (int i = 0; i < SLOW; i++)
		close(fd[i]);
	mc_server_stop(s, -1);
}

static void test_keep_alive(void **state)
{
	(void)state;
	struct mc_server *s = start("127.0.0.1:0", false);
	set_page(s, 1);
	/* Three in a row on one connection: the last ends it. */
	char *t = talk(dial(s), "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\nGET /api/v1/echo HTTP/1.1\r\nHost: x\r\n\r\nGET /-/ready" END "\r\n");
	const char *second = strstr(t + 9, "HTTP/1.1 200");
	assert_non_null(second);
	assert_non_null(strstr(second + 9, "HTTP/1.1 200"));
	free(t);
	mc_server_stop(s, -1);
}

static int setup(void **state)
{
	(void)state;
	snprintf(dir, sizeof(dir), "/tmp/mc-serve-XXXXXX");
	if (!mkdtemp(dir))
		return -1;
	snprintf(sock, sizeof(sock), "%s/s", dir);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	return rmdir(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_metrics),
		cmocka_unit_test(test_gzip),
		cmocka_unit_test(test_routes),
		cmocka_unit_test(test_health),
		cmocka_unit_test(test_socket),
		cmocka_unit_test(test_stale_socket),
		cmocka_unit_test(test_stop_within),
		cmocka_unit_test(test_busy_port),
		cmocka_unit_test(test_slow_heads),
		cmocka_unit_test(test_keep_alive),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
