/* One thread that runs jobs in order, so that what is slow never runs on a thread that scrapes wait for. */
#include <stdlib.h>

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

void mc_worker_stop(struct mc_worker *w)
{
	if (!w || w->joined)
		return;
	pthread_mutex_lock(&w->lock);
	w->stop = true;
	pthread_cond_signal(&w->more);
	pthread_mutex_unlock(&w->lock);
	pthread_join(w->thread, NULL);
	w->joined = true;
}

void mc_worker_free(struct mc_worker *w)
{
	if (!w)
		return;
	mc_worker_stop(w);
	pthread_cond_destroy(&w->more);
	pthread_mutex_destroy(&w->lock);
	free(w);
}
