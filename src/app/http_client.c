/* libcurl, asked for little: HTTP and HTTPS only, no redirects, no proxy on the way to a socket. */
#include "http_client.h"

#include <curl/curl.h>
#include <stdlib.h>
#include <string.h>

struct http_client {
	CURL *curl;
	char why[CURL_ERROR_SIZE];
};
struct sink {
	struct mc_buf *body;
	size_t left;
	bool over;
};

int http_client_new(struct http_client **ret, struct mc_error *err)
{
	struct http_client *c = calloc(1, sizeof *c);
	/* counted by libcurl; the first caller is single-threaded or the only user */
	if (!c || curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
		free(c);
		return mc_nomem(err, "an HTTP client");
	}
	c->curl = curl_easy_init();
	if (!c->curl) {
		http_client_free(c);
		return mc_nomem(err, "an HTTP client");
	}
	*ret = c;
	return 0;
}

void http_client_free(struct http_client *c)
{
	if (!c)
		return;
	curl_easy_cleanup(c->curl);
	curl_global_cleanup();
	free(c);
}

static size_t take(char *data, size_t size, size_t n, void *user)
{
	struct sink *s = user;
	size_t len = size * n;
	if (len > s->left) {
		s->over = true;
		return 0;
	}
	s->left -= len;
	mc_buf_add(s->body, data, len);
	return s->body->failed ? 0 : len;
}

static int said(const struct http_client *c, CURLcode rc, const struct http_call *call, const struct sink *s, struct mc_error *err)
{
	const char *why = c->why[0] ? c->why : curl_easy_strerror(rc), *where = call->socket ? call->socket : call->url;
	if (s->over)
		return mc_fail(err, MC_ELIMIT, 0, "%.200s: the answer has more than %zu bytes", where, call->limit);
	if (rc == CURLE_COULDNT_CONNECT || rc == CURLE_COULDNT_RESOLVE_HOST)
		return mc_fail(err, MC_ENOTFOUND, 0, "%.200s: %.200s; is the daemon running there?", where, why);
	if (rc == CURLE_OUT_OF_MEMORY)
		return mc_nomem(err, "an answer");
	return mc_fail(err, rc == CURLE_URL_MALFORMAT || rc == CURLE_UNSUPPORTED_PROTOCOL ? MC_EUSAGE : MC_EIO, 0, "%.200s: %.200s", where, why);
}

static CURLcode set_up(struct http_client *c, const struct http_call *call, struct curl_slist *headers, struct sink *s)
{
	CURL *h = c->curl;
	curl_easy_reset(h);
	c->why[0] = '\0';
	curl_easy_setopt(h, CURLOPT_ERRORBUFFER, c->why);
	curl_easy_setopt(h, CURLOPT_NOSIGNAL, 1L);
#if LIBCURL_VERSION_NUM >= 0x075500
	curl_easy_setopt(h, CURLOPT_PROTOCOLS_STR, "http,https");
#else
	curl_easy_setopt(h, CURLOPT_PROTOCOLS, (long)(CURLPROTO_HTTP | CURLPROTO_HTTPS));
#endif
	curl_easy_setopt(h, CURLOPT_TIMEOUT_MS, call->timeout_ms);
	curl_easy_setopt(h, CURLOPT_CONNECTTIMEOUT_MS, call->timeout_ms);
	curl_easy_setopt(h, CURLOPT_BUFFERSIZE, 16384L);
	curl_easy_setopt(h, CURLOPT_USERAGENT, "memculprit");
	curl_easy_setopt(h, CURLOPT_WRITEFUNCTION, take);
	curl_easy_setopt(h, CURLOPT_WRITEDATA, s);
	curl_easy_setopt(h, CURLOPT_CUSTOMREQUEST, call->method);
	curl_easy_setopt(h, CURLOPT_HTTPHEADER, headers);
	if (call->body) {
		curl_easy_setopt(h, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)strlen(call->body));
		curl_easy_setopt(h, CURLOPT_POSTFIELDS, call->body);
	}
	if (call->socket) {
		curl_easy_setopt(h, CURLOPT_NOPROXY, "*");
		curl_easy_setopt(h, CURLOPT_UNIX_SOCKET_PATH, call->socket);
	}
	return curl_easy_setopt(h, CURLOPT_URL, call->url);
}

int http_client_run(struct http_client *c, const struct http_call *call, int *status, struct mc_buf *body, struct mc_error *err)
{
	struct sink s = { .body = body, .left = call->limit };
	/* no Expect: a small body goes at once */
	struct curl_slist *headers = curl_slist_append(NULL, "Expect:"), *more = NULL;
	if (headers && call->body)
		more = curl_slist_append(headers, "Content-Type: application/json");
	CURLcode rc = !headers || (call->body && !more) ? CURLE_OUT_OF_MEMORY : set_up(c, call, headers, &s);
	if (rc == CURLE_OK)
		rc = curl_easy_perform(c->curl);
	curl_slist_free_all(headers);
	curl_easy_setopt(c->curl, CURLOPT_HTTPHEADER, NULL);
	if (rc != CURLE_OK)
		return said(c, rc, call, &s, err);
	long code = 0;
	curl_easy_getinfo(c->curl, CURLINFO_RESPONSE_CODE, &code);
	*status = (int)code;
	return 0;
}
