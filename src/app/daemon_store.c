/* The database and its troubles: whatever it has, sampling and serving go on, and it is tried again. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon_parts.h"

enum { MAINTAIN_MS = 60000, DROPPED_MS = 5000, WRITER_KIB = 400 };

/* Ten ticks, between a second and half a minute. */
static int64_t retry_ms(const struct daemon *d)
{
	int64_t ms = 10 * d->config->c.interval_ms;
	return ms < 1000 ? 1000 : ms > 30000 ? 30000 : ms;
}

const char *daemon_component(enum component at)
{
	static const char *const names[] = { "sample", "store", "analysis", "deploy", "load", "config" };
	return names[at];
}

void daemon_trouble(struct daemon *d, enum component at, const struct mc_error *err)
{
	d->errors[at]++;
	if (strncmp(d->said[at], err->text, sizeof d->said[at] - 1) == 0)
		return;
	snprintf(d->said[at], sizeof d->said[at], "%.255s", err->text);
	mc_log(MC_LOG_ERROR, daemon_component(at), "%s", err->text);
}

void daemon_well(struct daemon *d, enum component at)
{
	if (!d->said[at][0])
		return;
	d->said[at][0] = '\0';
	mc_log(MC_LOG_INFO, daemon_component(at), "it works again");
}

/* Ids of another file, or of one that was closed, mean nothing any more. */
static void forget_ids(struct daemon *d)
{
	for (size_t i = 0; i < d->lives.cap; i++)
		d->lives.v[i].incarnation = 0;
	for (size_t i = 0; i < d->nprograms; i++) {
		d->programs[i].id = 0;
		d->programs[i].known = false;
	}
}

/* Its folder, as far as it is missing, where nobody chose it: the place that is usual. One that somebody named
 * and that is not there is a slip more often than a wish. Others need not look into it. */
static int make_folder(const struct daemon *d, struct mc_error *err)
{
	const char *path = d->db, *slash = strrchr(path, '/'), *env = getenv("MEMCULPRIT_DB");
	char part[4096];
	bool chosen = d->options->db || (env && env[0]);
	size_t n = strlen(path);
	for (size_t i = 1; i < n && i < sizeof part; i++) {
		if (path[i] != '/')
			continue;
		memcpy(part, path, i);
		part[i] = '\0';
		if (!chosen)
			mkdir(part, 0755); /* where that fails, opening the database says why */
		else if (path + i == slash && access(part, F_OK) < 0 && errno == ENOENT)
			return mc_fail(err, MC_ENOTFOUND, 0, "there is no folder %.300s for the database; make it, or give another FILE with --db", part);
	}
	return 0;
}

void daemon_undo_store(struct daemon *d)
{
	static const char *const suffixes[] = { "", "-wal", "-shm", ".lock" };
	for (size_t i = 0; i < sizeof suffixes / sizeof *suffixes && d->db_made; i++) {
		char name[4096];
		int len = snprintf(name, sizeof name, "%s%s", d->db, suffixes[i]);
		if (len > 0 && (size_t)len < sizeof name)
			unlink(name);
	}
}

/* What retention has dropped; for room is said, as nobody asked for it. */
static void look_at_dropped(struct daemon *d)
{
	struct mc_dropped now;
	char until[MC_TIME_TEXT];
	if (mc_store_dropped(d->store, &now, NULL) < 0)
		return;
	if (now.for_room > d->dropped.for_room && d->dropped_known)
		mc_log(MC_LOG_WARN, "store", "%llu samples up to %s were dropped to have room: the quota is reached or the disk is full",
			(unsigned long long)(now.for_room - d->dropped.for_room), mc_time_text(now.for_room_ms, true, until));
	d->dropped = now;
	d->dropped_ms = d->last_ms;
	d->dropped_known = true;
}

int daemon_open_store(struct daemon *d, struct mc_error *err)
{
	const struct mc_config *c = &d->config->c;
	struct stat st;
	int rc = make_folder(d, err);
	if (rc < 0)
		return rc;
	bool is_new = stat(d->db, &st) < 0 && errno == ENOENT;
	struct mc_store_config sc = { .path = d->db, .mode = MC_STORE_WRITE, .quota_bytes = c->quota_bytes, .keep_ms = c->keep_ms,
		.keep_hourly_ms = c->keep_hourly_ms, .host = d->host, .cache_kib = WRITER_KIB };
	rc = mc_store_open(&sc, &d->store, err);
	if (rc < 0 && rc != MC_EBUSY && is_new && access(d->db, F_OK) < 0) /* nothing came of it: the lock's file has no use */
		d->db_made = true;
	if (rc < 0)
		return rc;
	d->db_made = d->db_made || is_new;
	forget_ids(d);
	atomic_fetch_add(&d->shared.opened, 1);
	if (stat(d->db, &st) == 0) {
		d->db_dev = st.st_dev;
		d->db_ino = st.st_ino;
	}
	if (mc_store_notice(d->store))
		mc_log(MC_LOG_WARN, "store", "%s", mc_store_notice(d->store));
	d->dropped_known = false;
	look_at_dropped(d);
	if (d->socket && mc_store_fact_put(d->store, "socket", d->socket, err) < 0)
		daemon_trouble(d, AT_STORE, err); /* only 'mark' misses it, and knows another way */
	return 0;
}

static void say_not_ready(struct daemon *d, const char *why)
{
	char text[600] = "";
	if (why)
		snprintf(text, sizeof text, "nothing is stored: %.500s", why);
	if (strcmp(text, d->store_trouble) == 0)
		return;
	memcpy(d->store_trouble, text, sizeof text);
	if (d->server)
		mc_server_set_ready(d->server, text[0] ? text : NULL);
}

/* Somebody took the file away or put another in its place: what we write would be seen by nobody. */
static bool is_gone(const struct daemon *d)
{
	struct stat st;
	if (stat(d->db, &st) < 0)
		return errno == ENOENT;
	return (uint64_t)st.st_dev != d->db_dev || (uint64_t)st.st_ino != d->db_ino;
}

void daemon_reopen_store(struct daemon *d)
{
	struct mc_error err;
	if (d->last_ms && d->store_retry_ms > d->last_ms)
		return;
	d->store_retry_ms = d->last_ms + retry_ms(d);
	if (daemon_open_store(d, &err) < 0) {
		daemon_trouble(d, AT_STORE, &err);
		say_not_ready(d, err.text);
	}
}

static void close_store(struct daemon *d, int64_t retry_in)
{
	mc_store_close(d->store);
	d->store = NULL;
	d->store_retry_ms = d->last_ms + retry_in;
}

void daemon_stored(struct daemon *d, int rc, const struct mc_error *err)
{
	struct mc_error why;
	if (rc < 0) {
		daemon_trouble(d, AT_STORE, err);
		say_not_ready(d, err->text);
		/* a full disk is the store's own affair; of other troubles a fresh start may know the way out */
		if (rc != MC_EFULL && rc != MC_ENOMEM && rc != MC_EBUSY && ++d->store_failures >= 3) {
			d->store_failures = 0;
			close_store(d, retry_ms(d));
		}
		return;
	}
	d->store_failures = 0;
	bool again = d->store_trouble[0];
	daemon_well(d, AT_STORE);
	say_not_ready(d, NULL);
	if (is_gone(d)) {
		mc_log(MC_LOG_WARN, "store", "%s was taken away or replaced while it was written; opening it anew", d->db);
		close_store(d, 0);
		daemon_reopen_store(d);
	} else if (d->last_ms - d->maintained_ms >= MAINTAIN_MS || d->last_ms < d->maintained_ms) {
		d->maintained_ms = d->last_ms;
		if (mc_store_maintain(d->store, d->last_ms, &why) < 0)
			daemon_trouble(d, AT_STORE, &why);
		again = true;
	}
	if (d->store && (again || d->last_ms - d->dropped_ms >= DROPPED_MS || d->last_ms < d->dropped_ms)) {
		look_at_dropped(d);
		d->store_bytes = (double)mc_store_bytes(d->store);
	}
}
