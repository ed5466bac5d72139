/* The analysis worker: answers programs one after the other on a database connection of its own, at a pace that
 * keeps it below a hundredth of a core, and hands the answers to the loop. */
#include <errno.h>
#include <malloc.h>
#include <math.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "daemon_parts.h"
#include "daemon_tags.h"

/* How much of a core: for what grows or was just deployed, and for the rest, where ticks are seconds apart; a
 * demonstration or a test at a fraction of a second wants its answers soon. What is not used is saved, up to
 * BURST: so first answers come soon after the start. */
#define SHARE_URGENT 0.006
#define SHARE_CALM 0.0015
#define SHARE_FAST 0.05
enum {
	FAST_MS = 1000,
	BURST_NS = 500000000,
	FIRST_TICKS = 6,     /* before them there is nothing to say */
	SUSPECT_TICKS = 6,   /* between two answers on a program that grows or was just deployed */
	CALM_TICKS = 12,     /* at least; with nothing new the next answer waits until there is twice as much to see */
	FRESH_MS = 7200000,  /* a deploy is fresh for so long */
	STORE_EVERY_MS = 300000,
	CALM_MOST_MS = 6 * 3600000,
	MAX_SUSPECTS = 64,
};
/* Memory that is higher by so much than at the last answer is something new. */
#define RISEN(now, then) ((now) > (then) * 1.03 + 262144)

struct subject {
	char *name;
	int64_t id, done_ms; /* the answer's newest tick; 0: none yet */
	int64_t stored_ms;
	int64_t deploy_ms;   /* the last deploy that an answer knew of */
	int64_t met_ms;      /* when it was met */
	double memory;       /* private, at the last answer */
	uint32_t processes;
	int64_t asked_id;    /* deploys up to this were looked up in the repository */
	const char *verdict; /* static */
	int64_t culprit_ms;  /* when it was deployed, by the answer that is stored; MC_NO_TIME: none */
	bool suspect, seen;
};
struct worker {
	pthread_t thread;
	struct daemon_shared *shared;
	atomic_bool stop;
	struct mc_store *store;
	struct subject *v;
	size_t n, cap;
	double urgent_ns, calm_ns; /* CPU time that may be spent */
	int64_t credited_ns;
	unsigned opened; /* daemon_shared's number when its reader was opened */
	bool worked; /* the last time round */
};

/* ---- handing over ---- */

struct news {
	struct subject *subject;
	struct answer_figures figures;
	const char *json;
	bool store;
	bool failed;
	struct mc_error why;
};

/* The sampler reads more of what grows. */
static void tell_suspects(struct daemon *d)
{
	const char *names[MAX_SUSPECTS];
	struct mc_error err;
	size_t n = 0;
	for (size_t i = 0; i < d->nprograms && n < MAX_SUSPECTS; i++) {
		const struct answer_figures *a = &d->programs[i].answer;
		if (d->programs[i].alive && a->verdict && strcmp(a->verdict, "leak") == 0 && a->state && strcmp(a->state, "active") == 0)
			names[n++] = d->programs[i].name;
	}
	if (n == 0 && d->nsuspects == 0)
		return;
	if (mc_sampler_suspects(d->sampler, names, n, &err) < 0)
		daemon_trouble(d, AT_SAMPLE, &err);
	d->nsuspects = n;
}

static int take_news(struct daemon *d, void *arg, struct mc_error *err)
{
	struct news *n = arg;
	if (n->failed) {
		daemon_trouble(d, AT_ANALYSIS, &n->why);
		return 0;
	}
	daemon_well(d, AT_ANALYSIS);
	for (size_t i = 0; i < d->nprograms; i++) {
		struct program *p = &d->programs[i];
		if (p->id != n->subject->id || !p->name)
			continue;
		free(p->answer.culprit_version);
		free(p->answer.culprit_commit);
		p->answer = n->figures;
		n->figures.culprit_version = n->figures.culprit_commit = NULL;
		break;
	}
	tell_suspects(d);
	int rc = n->store && d->store ? mc_store_answer_put(d->store, n->subject->id, n->figures.as_of_ms, n->json, err) : 0;
	if (rc < 0)
		daemon_trouble(d, AT_STORE, err);
	return rc;
}

static bool is_growth(const struct mc_answer *a)
{
	return a->verdict == MC_VERDICT_LEAK || a->verdict == MC_VERDICT_STEP;
}

static int figures_of(const struct mc_blame *b, int64_t t, struct answer_figures *ret, struct mc_error *err)
{
	const struct mc_answer *a = &b->answer;
	*ret = (struct answer_figures){ .as_of_ms = t, .onset_ms = a->onset_ms, .exhaustion_ms = a->exhaustion_ms,
		.verdict = mc_verdict_name(a->verdict), .state = mc_state_name(a->state), .signal = mc_signal_name(a->signal),
		.growth = is_growth(a) ? a->slope_after : (double)NAN, .probability = (double)NAN };
	if (a->culprit == MC_NO_DEPLOY)
		return 0;
	const struct mc_candidate *c = &a->candidates[a->culprit];
	const struct mc_deploy_mark *m = &b->scenario.c.deploys[c->deploy];
	ret->probability = c->probability;
	ret->culprit_version = mc_strdup(m->version);
	ret->culprit_commit = mc_strdup(m->commit);
	if (ret->culprit_version && ret->culprit_commit)
		return 0;
	free(ret->culprit_version);
	free(ret->culprit_commit);
	return mc_nomem(err, "an answer");
}

static int text_of(const struct mc_blame *b, struct mc_buf *out, struct mc_error *err)
{
	struct mc_json *j = mc_json_new();
	if (!j)
		return mc_nomem(err, "an answer");
	mc_blame_json(j, NULL, b);
	int rc = mc_json_text(j, MC_JSON_COMPACT, out, err);
	mc_json_free(j);
	return rc;
}

static int64_t culprit_of(const struct mc_blame *b)
{
	const struct mc_answer *a = &b->answer;
	return a->culprit == MC_NO_DEPLOY ? MC_NO_TIME : b->scenario.c.deploys[a->candidates[a->culprit].deploy].unix_ms;
}

static int answer(struct worker *w, struct subject *s, int64_t t, struct news *n, struct mc_error *err)
{
	struct mc_blame b = { 0 };
	struct mc_buf json = { 0 };
	const struct shared_config *cfg = shared_config_get(w->shared);
	tags_ask(w->shared, w->store, mc_config_program(&cfg->c, s->name), s->id, &s->asked_id);
	int rc = mc_blame_program(w->store, &cfg->c, s->name, 0, &b, err);
	shared_config_put(cfg);
	if (rc < 0)
		return rc;
	bool suspect = is_growth(&b.answer) && b.answer.state != MC_STATE_FIXED;
	int64_t culprit_ms = culprit_of(&b);
	/* a change of mind is stored at once, the rest now and then: others reckon anew what is old */
	n->store = suspect != s->suspect || culprit_ms != s->culprit_ms || t - s->stored_ms >= STORE_EVERY_MS || t < s->stored_ms;
	if ((rc = figures_of(&b, t, &n->figures, err)) == 0 && n->store)
		rc = text_of(&b, &json, err);
	mc_blame_release(&b);
	if (rc == 0) {
		s->suspect = suspect;
		s->verdict = n->figures.verdict;
		n->json = mc_buf_text(&json);
		if (daemon_call(w->shared, take_news, n, err) == 0 && n->store) {
			s->stored_ms = t;
			s->culprit_ms = culprit_ms;
		}
		free(n->figures.culprit_version);
		free(n->figures.culprit_commit);
	}
	mc_buf_release(&json);
	return rc;
}

/* ---- whose turn it is ---- */

static struct subject *subject_of(struct worker *w, const struct snapshot_program *p)
{
	for (size_t i = 0; i < w->n; i++)
		if (strcmp(w->v[i].name, p->name) == 0)
			return &w->v[i];
	void *items = w->v;
	if (mc_grow(&items, &w->cap, w->n + 1, sizeof *w->v, NULL) < 0 || !items)
		return NULL;
	w->v = items;
	char *name = mc_strdup(p->name);
	if (!name)
		return NULL;
	w->v[w->n] = (struct subject){ .name = name };
	return &w->v[w->n++];
}

static void forget_unseen(struct worker *w)
{
	for (size_t i = 0; w->v && i < w->n;) {
		if (w->v[i].seen) {
			w->v[i++].seen = false;
			continue;
		}
		free(w->v[i].name);
		w->v[i] = w->v[--w->n];
	}
}

static bool is_urgent(const struct subject *s, const struct snapshot_program *p, const struct snapshot *shot)
{
	bool fresh = p->last_deploy_ms && shot->t_ms - p->last_deploy_ms < FRESH_MS;
	return s->suspect || fresh || p->last_deploy_ms > s->deploy_ms;
}

static int64_t period_of(const struct subject *s, const struct snapshot_program *p, const struct snapshot *shot)
{
	if (p->last_deploy_ms > s->deploy_ms)
		return shot->interval_ms * 2;
	if (is_urgent(s, p, shot))
		return shot->interval_ms * SUSPECT_TICKS;
	int64_t period = shot->interval_ms * CALM_TICKS, age = s->done_ms - s->met_ms;
	bool news = RISEN(p->anon + p->swap, s->memory) || p->processes > s->processes + s->processes / 4 + 1;
	if (!news && age > period)
		period = age < CALM_MOST_MS ? age : CALM_MOST_MS;
	return period;
}

/* How overdue an answer is, in parts of its period; below 1: it is not due. */
static double overdue(const struct subject *s, const struct snapshot_program *p, const struct snapshot *shot)
{
	int64_t since = shot->t_ms - (s->done_ms ? s->done_ms : s->met_ms);
	if (since < 0)
		return 1000; /* the clock was set back */
	if (!s->done_ms && !is_urgent(s, p, shot))
		return (double)since / (double)(shot->interval_ms * FIRST_TICKS);
	return (double)since / (double)period_of(s, p, shot);
}

static struct subject *next_subject(struct worker *w, const struct snapshot *shot, bool *urgent)
{
	size_t best = SIZE_MAX;
	double most = 0;
	for (size_t i = 0; i < shot->nprograms; i++) {
		const struct snapshot_program *p = &shot->programs[i];
		struct subject *s = p->id && p->processes ? subject_of(w, p) : NULL;
		if (!s)
			continue;
		if (!s->met_ms)
			s->met_ms = shot->t_ms;
		s->id = p->id;
		s->seen = true;
		double due = overdue(s, p, shot);
		bool now = is_urgent(s, p, shot);
		if (due < 1 || due < most || (now ? w->urgent_ns : w->calm_ns) <= 0)
			continue;
		most = due;
		*urgent = now;
		best = (size_t)(s - w->v);
	}
	struct subject *s = best == SIZE_MAX ? NULL : &w->v[best];
	if (!s)
		forget_unseen(w); /* moves them: only where none is handed out */
	return s;
}

/* ---- the pace ---- */

static int64_t cpu_ns(void)
{
	struct timespec t;
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return t.tv_sec * 1000000000LL + t.tv_nsec;
}

static double saved(double credit, double more)
{
	return credit + more > BURST_NS ? BURST_NS : credit + more;
}

static void add_credit(struct worker *w, int64_t interval_ms)
{
	int64_t now = mc_mono_ns();
	double gone = (double)(now - w->credited_ns);
	bool fast = interval_ms < FAST_MS;
	w->urgent_ns = saved(w->urgent_ns, gone * (fast ? SHARE_FAST : SHARE_URGENT));
	w->calm_ns = saved(w->calm_ns, gone * (fast ? SHARE_FAST / 5 : SHARE_CALM));
	w->credited_ns = now;
}

/* Answers one program. False: it failed, and the database is opened anew. */
static bool answer_one(struct worker *w, struct subject *s, bool urgent, const struct snapshot *shot)
{
	const struct snapshot_program *p = snapshot_find(shot, s->name);
	struct news n = { .subject = s };
	struct mc_error err;
	int64_t begun = cpu_ns();
	s->done_ms = shot->t_ms;
	s->deploy_ms = p ? p->last_deploy_ms : 0;
	s->memory = p ? p->anon + p->swap : 0;
	s->processes = p ? p->processes : 0;
	int rc = answer(w, s, shot->t_ms, &n, &n.why);
	bool failed = rc < 0 && rc != MC_EBUSY;
	if (failed) {
		n.failed = true;
		daemon_call(w->shared, take_news, &n, &err);
		mc_store_close(w->store); /* the file may be another by now */
		w->store = NULL;
	}
	int64_t cost = cpu_ns() - begun;
	*(urgent ? &w->urgent_ns : &w->calm_ns) -= (double)cost;
	mc_log(MC_LOG_DEBUG, "analysis", "%s: %s, %.2f ms of CPU", s->name, s->verdict ? s->verdict : "no answer", (double)cost / 1e6);
	return !failed;
}

/* After the last of a row what they took is given back; a reader also holds all that is not sealed yet, which is
 * read again in milliseconds. */
static void rest(struct worker *w, const struct snapshot *shot)
{
	if (shot->interval_ms >= FAST_MS) {
		mc_store_close(w->store);
		w->store = NULL;
	}
	malloc_trim(0);
}

/* Answers what is due and can be paid for. How long to wait then, in ms. */
static int work(struct worker *w)
{
	const struct snapshot *shot = snapshot_get(w->shared);
	struct mc_error err;
	struct subject *s = NULL;
	bool urgent = false;
	int wait = 1000;
	if (!shot)
		goto out;
	add_credit(w, shot->interval_ms);
	wait = shot->interval_ms < 1000 ? (int)shot->interval_ms : 1000;
	s = next_subject(w, shot, &urgent);
	unsigned opened = atomic_load(&w->shared->opened);
	if (w->opened != opened) { /* the file that we have may not be there any more */
		mc_store_close(w->store);
		w->store = NULL;
		w->opened = opened;
	}
	if (s && !w->store && mc_store_open(&(struct mc_store_config){ .path = w->shared->db, .mode = MC_STORE_READ, .cache_kib = READER_KIB }, &w->store, &err) < 0)
		goto out; /* the loop says what is wrong with it */
	if (s && answer_one(w, s, urgent, shot))
		wait = 0;
	else if (!s && w->worked)
		rest(w, shot);
	w->worked = s != NULL;
out:
	snapshot_put(shot);
	return wait;
}

static void *run(void *arg)
{
	struct worker *w = arg;
	uint64_t rung;
	pthread_setname_np(pthread_self(), "mc-analysis");
	struct pollfd p = { .fd = w->shared->hurry, .events = POLLIN };
	while (!atomic_load(&w->stop)) {
		int wait = work(w);
		if (poll(&p, 1, wait) > 0 && read(p.fd, &rung, sizeof rung) < 0 && errno != EAGAIN)
			break;
	}
	mc_store_close(w->store);
	return NULL;
}

int worker_start(struct daemon *d, struct mc_error *err)
{
	struct worker *w = calloc(1, sizeof *w);
	if (!w)
		return mc_nomem(err, "the analysis");
	w->shared = &d->shared;
	w->urgent_ns = w->calm_ns = BURST_NS;
	w->credited_ns = mc_mono_ns();
	int rc = pthread_create(&w->thread, NULL, run, w);
	if (rc) {
		free(w);
		return mc_fail(err, MC_EIO, rc, "a thread for the analysis");
	}
	d->worker = w;
	return 0;
}

bool worker_stop(struct daemon *d)
{
	struct worker *w = d->worker;
	struct timespec until;
	if (!w)
		return true;
	atomic_store(&w->stop, true);
	daemon_hurry(&d->shared);
	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec++;
	if (pthread_timedjoin_np(w->thread, NULL, &until) != 0)
		return false; /* in the middle of a large repository: it only reads, and ends with the process */
	for (size_t i = 0; i < w->n; i++)
		free(w->v[i].name);
	free(w->v);
	free(w);
	d->worker = NULL;
	return true;
}
