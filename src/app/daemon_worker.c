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
	WATCH_TICKS = 6, WATCH_MOST_MS = 60000, /* between two looks at the repositories' refs */
	FIRST_TICKS = 6,     /* before them there is nothing to say */
	SUSPECT_TICKS = 6,   /* between two answers on a program that grows or was just deployed */
	CALM_TICKS = 12,     /* at least; with nothing new the next answer waits until there is twice as much to see */
	FRESH_MS = 7200000,  /* a deploy is fresh for so long */
	STORE_EVERY_MS = 300000,
	CALM_MOST_MS = 6 * 3600000,
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
	uint64_t refs;       /* of it, as mc_repo_watch() has them */
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
	int64_t watched_ms; /* when the repositories were looked at */
	struct answer_batch batch;
};

/* ---- answering ---- */

static bool same_text(const char *a, const char *b)
{
	return strcmp(a ? a : "", b ? b : "") == 0;
}

static int64_t culprit_of(const struct mc_blame *b)
{
	const struct mc_answer *a = &b->answer;
	return a->culprit == MC_NO_DEPLOY ? MC_NO_TIME : b->scenario.c.deploys[a->candidates[a->culprit].deploy].unix_ms;
}

/* A change of mind is stored at once, the rest now and then: others reckon anew what is old. */
static bool worth_storing(const struct subject *s, const struct snapshot_program *p, const struct mc_blame *b, int64_t t)
{
	const struct mc_answer *a = &b->answer;
	const struct snapshot_answer *old = p ? &p->answer : NULL;
	if (!old || t - s->stored_ms >= STORE_EVERY_MS || t < s->stored_ms || culprit_of(b) != s->culprit_ms)
		return true;
	double probability = a->culprit == MC_NO_DEPLOY ? 0 : a->candidates[a->culprit].probability;
	return !same_text(old->verdict, mc_verdict_name(a->verdict)) || !same_text(old->state, mc_state_name(a->state)) ||
		!(fabs((isfinite(old->probability) ? old->probability : 0) - probability) < .05);
}

static int answer(struct worker *w, struct subject *s, const struct snapshot_program *p, int64_t t, struct mc_error *err)
{
	struct mc_blame b = { 0 };
	struct mc_error why;
	const struct shared_config *cfg = shared_config_get(w->shared);
	tags_ask(w->shared, w->store, mc_config_program(&cfg->c, s->name), s->id, &s->asked_id);
	int rc = mc_blame_program(w->store, &cfg->c, s->name, 0, &b, err);
	shared_config_put(cfg);
	if (rc < 0)
		return rc;
	struct new_answer n = { .program = s->id, .t_ms = t, .blame = &b, .store = worth_storing(s, p, &b, t) };
	s->suspect = answer_is_suspect(mc_verdict_name(b.answer.verdict), mc_state_name(b.answer.state));
	s->verdict = mc_verdict_name(b.answer.verdict);
	if (answer_hand_over(w->shared, &n, &w->batch, &why) == 0 && n.store) {
		s->stored_ms = t;
		s->culprit_ms = culprit_of(&b);
	}
	mc_blame_release(&b);
	return 0;
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

/* An answer that somebody else found: a reader that asked, or the daemon that ran before. */
static void adopt(struct subject *s, const struct snapshot_program *p)
{
	const struct snapshot_answer *a = &p->answer;
	if (a->as_of_ms <= s->done_ms)
		return;
	if (s->done_ms == 0) { /* from before the start: as if it had been met when it was first seen */
		s->met_ms = p->first_seen_ms && p->first_seen_ms < a->as_of_ms ? p->first_seen_ms : a->as_of_ms;
		s->deploy_ms = a->as_of_ms < p->last_deploy_ms ? 0 : p->last_deploy_ms;
	}
	s->done_ms = s->stored_ms = a->as_of_ms;
	s->memory = p->anon + p->swap;
	s->processes = p->processes;
	s->suspect = answer_is_suspect(a->verdict, a->state);
	s->verdict = a->verdict;
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
		adopt(s, p);
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
	struct mc_error why;
	int64_t begun = cpu_ns();
	s->done_ms = shot->t_ms;
	s->deploy_ms = p ? p->last_deploy_ms : 0;
	s->memory = p ? p->anon + p->swap : 0;
	s->processes = p ? p->processes : 0;
	int rc = answer(w, s, p, shot->t_ms, &why);
	bool failed = rc < 0 && rc != MC_EBUSY;
	if (failed) {
		answer_failed(w->shared, &why);
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

static bool watch_due(const struct worker *w, const struct snapshot *shot)
{
	int64_t pace = shot->interval_ms * WATCH_TICKS < WATCH_MOST_MS ? shot->interval_ms * WATCH_TICKS : WATCH_MOST_MS;
	return shot->t_ms < w->watched_ms || shot->t_ms - w->watched_ms >= pace;
}

/* At a slow pace: new tags and branches name deploys that were known by their commit alone. */
static void watch_repositories(struct worker *w, const struct snapshot *shot)
{
	if (!w->store || !watch_due(w, shot))
		return;
	w->watched_ms = shot->t_ms;
	const struct shared_config *cfg = shared_config_get(w->shared);
	for (size_t i = 0; i < w->n; i++) {
		struct subject *s = &w->v[i];
		const struct mc_program_config *p = mc_config_program(&cfg->c, s->name);
		if (!s->id || !tags_moved(p, &s->refs))
			continue;
		s->asked_id = 0;
		tags_ask(w->shared, w->store, p, s->id, &s->asked_id);
	}
	shared_config_put(cfg);
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
	if (!w->store && (s || watch_due(w, shot)) && mc_store_open(&(struct mc_store_config){ .path = w->shared->db, .mode = MC_STORE_READ, .cache_kib = READER_KIB }, &w->store, &err) < 0)
		goto out; /* the loop says what is wrong with it */
	watch_repositories(w, shot);
	if (s && answer_one(w, s, urgent, shot))
		wait = 0;
	else
		answer_flush(w->shared, &w->batch);
	if (!s && w->worked)
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
	answer_flush(w->shared, &w->batch);
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
