/* One thread that runs jobs in order, so that what is slow never runs on a thread that scrapes wait for. */
#include <stdlib.h>
#include <time.h>

#include "serve_priv.h"

struct mc_worker {
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t more;
	struct mc_job *first, **end;
	size_t n, limit;
	bool stop, joined;
};

static void *work(void *arg)
{
	struct mc_worker *w = arg;
	pthread_mutex_lock(&w->lock);
	for (;;) {
		while (!w->first && !w->stop)
			pthread_cond_wait(&w->more, &w->lock);
		struct mc_job *j = w->first;
		if (!j)
			break; /* told to stop, and nothing is left */
		w->first = j->next;
		if (!w->first)
			w->end = &w->first;
		w->n--;
		bool cancelled = w->stop;
		pthread_mutex_unlock(&w->lock);
		j->run(j, cancelled);
		pthread_mutex_lock(&w->lock);
	}
	pthread_mutex_unlock(&w->lock);
	return NULL;
}

struct mc_worker *mc_worker_new(size_t limit)
{
	struct mc_worker *w = calloc(1, sizeof(*w));
	if (!w)
		return NULL;
	w->end = &w->first;
	w->limit = limit;
	pthread_mutex_init(&w->lock, NULL);
	pthread_cond_init(&w->more, NULL);
	if (pthread_create(&w->thread, NULL, work, w)) {
		pthread_cond_destroy(&w->more);
		pthread_mutex_destroy(&w->lock);
		free(w);
		return NULL;
	}
	return w;
}

bool mc_worker_push(struct mc_worker *w, struct mc_job *j)
{
	pthread_mutex_lock(&w->lock);
	bool room = w->n < w->limit && !w->stop;
	if (room) {
		j->next = NULL;
		*w->end = j;
		w->end = &j->next;
		w->n++;
		pthread_cond_signal(&w->more);
	}
	pthread_mutex_unlock(&w->lock);
	return room;
}

bool mc_worker_stop(struct mc_worker *w, int wait_ms)
{
	struct timespec until;
	if (!w || w->joined)
		return true;
	pthread_mutex_lock(&w->lock);
	w->stop = true;
	pthread_cond_signal(&w->more);
	pthread_mutex_unlock(&w->lock);
	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += wait_ms / 1000;
	until.tv_nsec += wait_ms % 1000 * 1000000L;
	until.tv_sec += until.tv_nsec / 1000000000;
	until.tv_nsec %= 1000000000;
	if (wait_ms < 0)
		pthread_join(w->thread, NULL);
	else if (pthread_timedjoin_np(w->thread, NULL, &until) != 0)
		return false;
	w->joined = true;
	return true;
}

void mc_worker_free(struct mc_worker *w)
{
	if (!w)
		return;
	mc_worker_stop(w, -1);
	pthread_cond_destroy(&w->more);
	pthread_mutex_destroy(&w->lock);
	free(w);
}
