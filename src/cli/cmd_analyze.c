/* analyze DIR...: what blame would say of scenario folders. Folders are worked on by --jobs threads; the
 * answers come out in the order given, each as soon as those before it are there. */
#include "cli.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { JOBS_MAX = 256 };

struct job {
	struct mc_buf text;
	struct mc_error why;
	int rc; /* below 0: why. An optional file that is missing leaves a text there as well */
	bool done;
};

struct work {
	pthread_mutex_t lock;
	pthread_cond_t finished;
	const struct cli *like;
	const char **dirs;
	size_t n, next;
	struct job *jobs;
	int64_t as_of_ms;
	bool stop;
};

/* One folder's answer as `like` prints it. */
static int answer(const struct cli *like, const char *dir, int64_t as_of_ms, struct mc_buf *out, struct mc_error *err)
{
	struct mc_blame b = { 0 };
	int rc = mc_blame_scenario(dir, as_of_ms, &b, err);
	if (rc < 0)
		return rc;
	if (like->json) {
		struct mc_json *j = mc_json_new();
		if (j)
			mc_blame_json(j, NULL, &b);
		rc = j ? mc_json_text(j, MC_JSON_COMPACT, out, err) : mc_nomem(err, "JSON");
		mc_buf_str(out, "\n");
		mc_json_free(j);
	} else {
		struct cli c = *like;
		c.out = (struct mc_buf){ 0 };
		cli_blame_text(&c, &b, NULL);
		*out = c.out;
	}
	mc_blame_release(&b);
	return rc;
}

static void *worker(void *arg)
{
	struct work *w = arg;
	pthread_mutex_lock(&w->lock);
	while (w->next < w->n && !w->stop) {
		size_t i = w->next++;
		struct job *k = &w->jobs[i];
		pthread_mutex_unlock(&w->lock);
		int rc = answer(w->like, w->dirs[i], w->as_of_ms, &k->text, &k->why);
		if (rc == 0)
			rc = mc_buf_check(&k->text, &k->why);
		pthread_mutex_lock(&w->lock);
		k->rc = rc;
		k->done = true;
		pthread_cond_signal(&w->finished);
	}
	pthread_mutex_unlock(&w->lock);
	return NULL;
}

static int put_json_error(struct cli *c, const char *dir, const struct mc_error *why, struct mc_error *err)
{
	struct mc_json *j = mc_json_new();
	if (!j)
		return mc_nomem(err, "JSON");
	mc_json_object(j, NULL);
	mc_json_str(j, "error", why->text);
	mc_json_str(j, "dir", dir);
	mc_json_close(j);
	int rc = mc_json_text(j, MC_JSON_COMPACT, &c->out, err);
	mc_buf_str(&c->out, "\n");
	mc_json_free(j);
	return rc;
}

/* The answer of one folder, or its error: on its line in JSON, else on stderr. */
static int put(struct cli *c, const struct work *w, size_t i, struct mc_error *err)
{
	const struct job *k = &w->jobs[i];
	if (k->rc < 0 && c->json)
		return put_json_error(c, w->dirs[i], &k->why, err);
	if (k->rc < 0) {
		cli_error(&k->why);
		return 0;
	}
	if (!c->json && w->n > 1) {
		if (i)
			cli_newline(c);
		cli_line(c, 0, "1", "%s:", w->dirs[i]);
	}
	mc_buf_add(&c->out, k->text.data, k->text.len);
	return 0;
}

/* Prints the answers as they come. Below 0, or whether a folder could not be read. */
static int print_all(struct cli *c, struct work *w, struct mc_error *err)
{
	int failed = 0, rc = 0;
	for (size_t i = 0; rc == 0 && i < w->n; i++) {
		struct job *k = &w->jobs[i];
		pthread_mutex_lock(&w->lock);
		while (!k->done)
			pthread_cond_wait(&w->finished, &w->lock);
		pthread_mutex_unlock(&w->lock);
		failed = k->rc < 0 ? 1 : failed;
		rc = put(c, w, i, err);
		mc_buf_release(&k->text);
		if (rc == 0)
			rc = cli_flush(c, err);
		cli_busy_part(NULL, (double)(i + 1) / (double)w->n, NULL);
	}
	return rc < 0 ? rc : failed;
}

static int jobs_option(const struct cli *c, size_t *ret, struct mc_error *err)
{
	const char *text = cli_option(c, "jobs");
	uint64_t n = 1;
	if (text && (!mc_parse_u64(text, strlen(text), &n) || n < 1 || n > JOBS_MAX))
		return mc_fail(err, MC_EUSAGE, 0, "--jobs=%.40s: a number from 1 to %d is needed", text, JOBS_MAX);
	*ret = n < c->noperands ? (size_t)n : c->noperands;
	return 0;
}

static int work_on(struct cli *c, struct work *w, size_t njobs, struct mc_error *err)
{
	pthread_t threads[JOBS_MAX];
	size_t n = 0;
	int rc = 0;
	while (n < njobs && pthread_create(&threads[n], NULL, worker, w) == 0)
		n++;
	if (n == 0)
		rc = mc_fail(err, MC_EIO, 0, "no thread could be started");
	else
		rc = print_all(c, w, err);
	pthread_mutex_lock(&w->lock);
	w->stop = true;
	pthread_mutex_unlock(&w->lock);
	for (size_t i = 0; i < n; i++)
		pthread_join(threads[i], NULL);
	return rc;
}

int cmd_analyze(struct cli *c, struct mc_error *err)
{
	struct work w = { .lock = PTHREAD_MUTEX_INITIALIZER, .finished = PTHREAD_COND_INITIALIZER, .like = c, .dirs = c->operands,
		.n = c->noperands };
	size_t njobs = 1;
	int rc = jobs_option(c, &njobs, err);
	if (rc == 0)
		rc = cli_as_of(c, &w.as_of_ms, err);
	if (rc < 0)
		return rc;
	w.jobs = calloc(w.n, sizeof *w.jobs);
	if (!w.jobs)
		return mc_nomem(err, "answers");
	if (!isatty(STDOUT_FILENO)) /* where answers go to the terminal they are the progress */
		cli_busy("analyzing", NULL);
	rc = work_on(c, &w, njobs, err);
	cli_busy_end();
	for (size_t i = 0; i < w.n; i++)
		mc_buf_release(&w.jobs[i].text);
	free(w.jobs);
	return rc < 0 ? rc : rc ? CLI_FAILED : CLI_DONE;
}
