/* Marking from the command line: through the daemon where one runs, else with the store's lock. */
#include "deploys.h"
#include "http_client.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { REPLY_MAX = 8 << 20, WAIT_MS = 30000, LONG_WAIT_MS = 600000, ASK_MS = 5000, SOCKET_NAME_MAX = 107 };

/* ---- asking a daemon ---- */

/* The socket that the daemon of this database said it has, else the one it would have. */
static int find_socket(const struct mc_config *cfg, const char *db, char **ret, struct mc_error *err)
{
	struct mc_store *s = NULL;
	struct mc_buf b = { 0 };
	int rc = mc_store_open(&(struct mc_store_config){ .path = db, .mode = MC_STORE_READ }, &s, NULL);
	if (rc == 0)
		rc = mc_store_fact_get(s, "socket", &b, NULL);
	mc_store_close(s);
	if (rc == 0 && b.len > 0 && access(b.data, F_OK) == 0) {
		*ret = b.data;
		return 0;
	}
	mc_buf_release(&b);
	return mc_config_socket(cfg, db, ret, err);
}

/* A socket's address has room for 107 bytes: from its own folder a longer path is short. */
static int ask_socket(const char *path, struct http_call *call, int *status, struct mc_buf *ret, struct mc_error *err)
{
	struct http_client *c = NULL;
	int rc;
	if (strlen(path) > SOCKET_NAME_MAX)
		return mc_fail(err, MC_ENOTFOUND, 0, "socket %.200s: the path is longer than %d bytes; set a shorter 'web: {socket: PATH}'", path, SOCKET_NAME_MAX);
	if (access(path, F_OK) < 0)
		return mc_fail(err, MC_ENOTFOUND, errno, "socket %.300s", path);
	if (access(path, W_OK) < 0)
		return mc_fail(err, MC_EPERM, errno, "socket %.300s", path);
	if ((rc = http_client_new(&c, err)) < 0)
		return rc;
	call->socket = path;
	rc = http_client_run(c, call, status, ret, err);
	http_client_free(c);
	return rc;
}

int mc_daemon_request(const struct mc_config *cfg, const char *db, const char *method, const char *path, const char *body, int *status,
	struct mc_buf *ret, struct mc_error *err)
{
	char *socket = NULL;
	struct mc_buf url = { 0 };
	/* an import takes its time; whoever only asks can do without */
	bool mark = strncmp(path, "/api/v1/deploys", 15) == 0, asks = strcmp(method, "GET") == 0;
	struct http_call call = { .method = method, .body = body, .limit = REPLY_MAX, .timeout_ms = asks ? ASK_MS : mark ? WAIT_MS : LONG_WAIT_MS };
	int rc = find_socket(cfg, db, &socket, err);
	mc_buf_printf(&url, "http://localhost%s", path);
	if (rc == 0)
		rc = mc_buf_check(&url, err);
	call.url = url.data;
	if (rc == 0)
		rc = ask_socket(socket, &call, status, ret, err);
	free(socket);
	mc_buf_release(&url);
	return rc;
}

/* As a part of a path. */
static void add_path(struct mc_buf *b, const char *s)
{
	for (; *s; s++)
		if (strchr("/-_.~", *s) || (*s >= '0' && *s <= '9') || (*s >= 'a' && *s <= 'z') || (*s >= 'A' && *s <= 'Z'))
			mc_buf_add(b, s, 1);
		else
			mc_buf_printf(b, "%%%02X", (unsigned)(unsigned char)*s);
}

int mc_answer_agreed(const struct mc_config *cfg, const char *db, const char *program, int64_t *as_of_ms, struct mc_error *err)
{
	struct mc_buf path = { 0 }, reply = { 0 };
	struct mc_jsondoc *doc = NULL;
	int status = 0;
	mc_buf_str(&path, "/api/v1/programs/");
	add_path(&path, program);
	mc_buf_str(&path, "/blame");
	int rc = mc_buf_check(&path, err);
	if (rc == 0)
		rc = mc_daemon_request(cfg, db, "GET", mc_buf_text(&path), NULL, &status, &reply, err);
	if (rc == 0)
		rc = mc_jsondoc_parse(mc_buf_text(&reply), reply.len, SIZE_MAX, &doc, err);
	if (rc == 0 && !mc_jsonv_int(mc_jsonv_get(mc_jsondoc_root(doc), "as_of_ms"), as_of_ms))
		rc = mc_fail(err, MC_ENOTFOUND, 0, "the daemon has no answer");
	mc_jsondoc_free(doc);
	mc_buf_release(&path);
	mc_buf_release(&reply);
	return rc;
}

static int ask_url(const struct mc_mark *m, const char *method, const char *path, const char *body, int *status, struct mc_buf *ret, struct mc_error *err)
{
	struct http_client *c = NULL;
	struct mc_buf url = { 0 };
	struct http_call call = { .method = method, .body = body, .limit = REPLY_MAX, .timeout_ms = WAIT_MS };
	size_t n = strlen(m->url);
	if (strncmp(m->url, "http://", 7) != 0 && strncmp(m->url, "https://", 8) != 0)
		return mc_fail(err, MC_EUSAGE, 0, "--url %.200s: it has to begin with http:// or https://", m->url);
	while (n > 8 && m->url[n - 1] == '/')
		n--;
	mc_buf_add(&url, m->url, n);
	mc_buf_str(&url, path);
	int rc = mc_buf_check(&url, err);
	call.url = url.data;
	if (rc == 0 && (rc = http_client_new(&c, err)) == 0)
		rc = http_client_run(c, &call, status, ret, err);
	http_client_free(c);
	mc_buf_release(&url);
	/* nobody there is a failure: neither program nor revision is unknown */
	if (rc == MC_ENOTFOUND && err)
		err->code = MC_EIO;
	return rc == MC_ENOTFOUND ? MC_EIO : rc;
}

/* ---- what it answers ---- */

static int code_of(int status)
{
	switch (status) {
	case 400: case 413: case 415: return MC_EUSAGE;
	case 401: case 403: case 405: case 421: return MC_EPERM;
	case 404: return MC_ENOTFOUND;
	case 503: return MC_EBUSY;
	default: return MC_EIO;
	}
}

static int understand(int status, const struct mc_buf *reply, struct mc_error *err)
{
	struct mc_jsondoc *doc = NULL;
	bool known = false;
	int rc = 0;
	const char *why = NULL;
	if (mc_jsondoc_parse(mc_buf_text(reply), reply->len, REPLY_MAX, &doc, NULL) == 0) {
		why = mc_jsonv_str(mc_jsonv_get(mc_jsondoc_root(doc), "error"));
		mc_jsonv_bool(mc_jsonv_get(mc_jsondoc_root(doc), "known"), &known);
	}
	if (status < 200 || status > 299)
		rc = mc_fail(err, code_of(status), 0, "%.300s%s", why ? why : "the daemon answered with status ", why ? "" : status == 401 ? "401" : "of an error");
	else if (!doc)
		rc = mc_fail(err, MC_EFORMAT, 0, "what answered is no daemon of memculprit; check the address");
	else if (known)
		rc = MC_MARK_KNOWN;
	mc_jsondoc_free(doc);
	return rc;
}

static int request_text(const struct mc_mark *m, struct mc_buf *out, struct mc_error *err)
{
	struct mc_json *j = mc_json_new();
	char when[MC_TIME_TEXT];
	if (!j)
		return mc_nomem(err, "a mark");
	mc_json_object(j, NULL);
	mc_json_str(j, "program", m->program);
	mc_json_str(j, "revision", m->revision);
	if (m->at_ms) {
		snprintf(when, sizeof when, "%lld.%03d", (long long)(m->at_ms / 1000), (int)(m->at_ms % 1000));
		mc_json_str(j, "time", when);
	}
	if (m->host)
		mc_json_str(j, "host", m->host);
	if (m->note)
		mc_json_str(j, "note", m->note);
	mc_json_close(j);
	int rc = mc_json_text(j, MC_JSON_COMPACT, out, err);
	mc_json_free(j);
	return rc;
}

/* *reached: it was the daemon that answered, rather than nobody. */
static int by_daemon(const struct mc_config *cfg, const char *db, const struct mc_mark *m, struct mc_buf *ret, bool *reached, struct mc_error *err)
{
	char path[64];
	int status = 0, rc = 0;
	struct mc_buf body = { 0 }, reply = { 0 };
	const char *method = m->delete_id ? "DELETE" : "POST";
	snprintf(path, sizeof path, m->delete_id ? "/api/v1/deploys/%lld" : "/api/v1/deploys", (long long)m->delete_id);
	if (!m->delete_id)
		rc = request_text(m, &body, err);
	const char *text = m->delete_id ? NULL : mc_buf_text(&body);
	if (rc == 0)
		rc = m->url ? ask_url(m, method, path, text, &status, &reply, err) : mc_daemon_request(cfg, db, method, path, text, &status, &reply, err);
	*reached = rc == 0;
	if (rc == 0)
		rc = understand(status, &reply, err);
	if (rc >= 0 && ret)
		mc_buf_add(ret, mc_buf_text(&reply), reply.len && reply.data[reply.len - 1] == '\n' ? reply.len - 1 : reply.len);
	mc_buf_release(&body);
	mc_buf_release(&reply);
	return rc;
}

/* ---- without a daemon ---- */

static int deleted_json(int64_t id, struct mc_buf *ret)
{
	mc_buf_printf(ret, "{\"deleted\":%lld}", (long long)id);
	return mc_buf_check(ret, NULL);
}

static int write_here(struct mc_store *s, const struct mc_config *cfg, const struct mc_mark *m, struct mc_buf *ret, struct mc_error *err)
{
	struct mc_deploy_row d = { 0 };
	if (m->delete_id) {
		int rc = mc_store_deploy_delete(s, m->delete_id, err);
		return rc == 0 && ret ? deleted_json(m->delete_id, ret) : rc;
	}
	int64_t program = 0;
	int rc = deploys_program(s, cfg, m->program, false, &program, err);
	if (rc == 0 && (rc = deploys_resolve(cfg, m, mc_now_ms(), &d, err)) == 0) {
		d.program = program;
		rc = deploys_mark(s, &d, err);
	}
	if (rc >= 0 && ret) {
		int made = deploys_json(&d, m->program, rc == MC_MARK_KNOWN, ret, err);
		rc = made < 0 ? made : rc;
	}
	deploys_row_release(&d);
	return rc;
}

static int open_writer(const struct mc_config *cfg, const char *db, const struct mc_mark *m, struct mc_store **ret, struct mc_error *err)
{
	struct stat st;
	char host[256] = "";
	gethostname(host, sizeof host - 1);
	bool named = m->program && mc_config_program(cfg, m->program);
	if (stat(db, &st) < 0 && errno == ENOENT && !named)
		return mc_fail(err, MC_ENOTFOUND, 0, "no database at %.200s, and no such program in the configuration; start 'memculprit serve' first", db);
	struct mc_store_config c = { .path = db, .mode = MC_STORE_WRITE, .quota_bytes = cfg->quota_bytes, .keep_ms = cfg->keep_ms,
		.keep_hourly_ms = cfg->keep_hourly_ms, .host = host };
	return mc_store_open(&c, ret, err);
}

int mc_mark_deploy(const struct mc_config *cfg, const char *db, const struct mc_mark *m, struct mc_buf *ret, struct mc_error *err)
{
	struct mc_store *s = NULL;
	struct mc_error own, other;
	bool reached = false;
	if (m->url)
		return by_daemon(cfg, db, m, ret, &reached, err);
	int rc = open_writer(cfg, db, m, &s, &own);
	if (rc == 0) {
		rc = write_here(s, cfg, m, ret, err);
		mc_store_close(s);
		return rc;
	}
	/* a daemon holds it, or it is another user's: then its socket may let us in */
	if (rc == MC_EBUSY || rc == MC_EPERM) {
		int answered = by_daemon(cfg, db, m, ret, &reached, &other);
		if (reached)
			return answered < 0 ? mc_fail(err, answered, 0, "%s", other.text) : answered;
		if (rc == MC_EBUSY)
			return mc_fail(err, rc, 0, "%.200s, but its socket does not answer (%.200s)", own.text, other.text);
	}
	return mc_fail(err, rc, 0, "%s", own.text);
}
