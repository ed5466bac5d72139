/* What the daemon's threads hand each other. */
#include "daemon.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct daemon_call {
	daemon_fn fn;
	void *arg;
	struct mc_error *err;
	int rc;
	bool done;
	struct daemon_call *next;
};

const struct snapshot *snapshot_get(struct daemon_shared *s)
{
	pthread_mutex_lock(&s->lock);
	struct snapshot *p = s->snapshot;
	if (p)
		atomic_fetch_add(&p->refs, 1);
	pthread_mutex_unlock(&s->lock);
	return p;
}

void snapshot_put(const struct snapshot *p)
{
	struct snapshot *own = (struct snapshot *)(uintptr_t)p;
	if (own && atomic_fetch_sub(&own->refs, 1) == 1)
		free(own); /* one block holds all of it */
}

const struct snapshot_program *snapshot_find(const struct snapshot *p, const char *name)
{
	for (size_t i = 0; p && i < p->nprograms; i++)
		if (strcmp(p->programs[i].name, name) == 0)
			return &p->programs[i];
	return NULL;
}

const struct shared_config *shared_config_get(struct daemon_shared *s)
{
	pthread_mutex_lock(&s->lock);
	struct shared_config *c = s->config;
	atomic_fetch_add(&c->refs, 1);
	pthread_mutex_unlock(&s->lock);
	return c;
}

void shared_config_put(const struct shared_config *c)
{
	struct shared_config *own = (struct shared_config *)(uintptr_t)c;
	if (own && atomic_fetch_sub(&own->refs, 1) == 1) {
		mc_config_release(&own->c);
		free(own);
	}
}

static void ring(int fd)
{
	uint64_t one = 1;
	ssize_t n = write(fd, &one, sizeof one);
	(void)n; /* full means that it rings already */
}

int daemon_call(struct daemon_shared *s, daemon_fn fn, void *arg, struct mc_error *err)
{
	struct daemon_call call = { .fn = fn, .arg = arg, .err = err };
	pthread_mutex_lock(&s->lock);
	if (s->closing) {
		pthread_mutex_unlock(&s->lock);
		return mc_fail(err, MC_EBUSY, 0, "the daemon is ending; try again when it runs");
	}
	struct daemon_call **end = &s->queue;
	while (*end)
		end = &(*end)->next;
	*end = &call;
	ring(s->wake);
	while (!call.done)
		pthread_cond_wait(&s->done, &s->lock);
	pthread_mutex_unlock(&s->lock);
	return call.rc;
}

void daemon_run_calls(struct daemon_shared *s, struct daemon *d)
{
	pthread_mutex_lock(&s->lock);
	while (s->queue) {
		struct daemon_call *call = s->queue;
		s->queue = call->next;
		if (d) {
			pthread_mutex_unlock(&s->lock);
			call->rc = call->fn(d, call->arg, call->err);
			pthread_mutex_lock(&s->lock);
		} else {
			call->rc = mc_fail(call->err, MC_EBUSY, 0, "the daemon is ending; try again when it runs");
		}
		call->done = true;
		pthread_cond_broadcast(&s->done);
	}
	s->closing = !d;
	pthread_mutex_unlock(&s->lock);
}

void daemon_hurry(struct daemon_shared *s)
{
	ring(s->hurry);
}

void daemon_share_snapshot(struct daemon_shared *s, struct snapshot *p)
{
	pthread_mutex_lock(&s->lock);
	const struct snapshot *old = s->snapshot;
	s->snapshot = p;
	pthread_mutex_unlock(&s->lock);
	snapshot_put(old);
}

int daemon_share_config(struct daemon_shared *s, struct mc_config *c, struct mc_error *err)
{
	struct shared_config *own = calloc(1, sizeof *own);
	if (!own)
		return mc_nomem(err, "the configuration");
	own->c = *c;
	*c = (struct mc_config){ 0 };
	atomic_init(&own->refs, 1);
	pthread_mutex_lock(&s->lock);
	const struct shared_config *old = s->config;
	s->config = own;
	pthread_mutex_unlock(&s->lock);
	shared_config_put(old);
	return 0;
}
