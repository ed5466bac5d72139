/* memculprit serve: the loop that samples and alone writes the database.
 *
 * main thread: poll() over a timer (the tick), signals, calls of other threads, the watchdog's timer.
 * Beside it: the analysis worker (daemon_worker.c), libmicrohttpd's threads and the API's (api.c). */
#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <math.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "daemon_builds.h"
#include "notify.h"
#include "web_config.h"

enum { API_WAIT_MS = 500, LOCK_TRIES = 20, LOCK_WAIT_MS = 100, DRAIN_MS = 200 };
struct loop {
	int ticks, signals, watchdog; /* watchdog -1: none */
	int64_t interval_ms;
};

/* ---- setting up ---- */

static int make_timer(int64_t ms, bool at_once, int *ret, struct mc_error *err)
{
	struct itimerspec t = { .it_interval = { .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000 } };
	t.it_value = t.it_interval;
	if (at_once)
		t.it_value = (struct timespec){ .tv_nsec = 1 };
	if (*ret < 0)
		*ret = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	if (*ret < 0 || timerfd_settime(*ret, 0, &t, NULL) < 0)
		return mc_fail(err, MC_EIO, errno, "a timer");
	return 0;
}

static int open_loop(struct loop *l, int64_t interval_ms, struct mc_error *err)
{
	sigset_t set;
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	/* a closed connection and a limit on a file's size are errors of a call, and no end */
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN);
	/* blocked before any thread is made, so that all of them leave signals to the loop */
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	l->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (l->signals < 0)
		return mc_fail(err, MC_EIO, errno, "signals");
	l->interval_ms = interval_ms;
	int64_t dog = notify_watchdog_ms();
	int rc = dog ? make_timer(dog, false, &l->watchdog, err) : 0;
	return rc < 0 ? rc : make_timer(interval_ms, true, &l->ticks, err);
}

static void close_loop(struct loop *l)
{
	if (l->ticks >= 0)
		close(l->ticks);
	if (l->signals >= 0)
		close(l->signals);
	if (l->watchdog >= 0)
		close(l->watchdog);
}

/* 'mark' without a daemon holds the lock for a moment: that is no second daemon. */
static int open_store_patiently(struct daemon *d, struct mc_error *err)
{
	int rc = daemon_open_store(d, err);
	for (int i = 0; rc == MC_EBUSY && i < LOCK_TRIES; i++) {
		usleep(LOCK_WAIT_MS * 1000);
		rc = daemon_open_store(d, err);
	}
	if (rc == MC_EBUSY) {
		char why[400];
		snprintf(why, sizeof why, "%.399s", err->text);
		return mc_fail(err, rc, 0, "%s; one daemon is enough, or give another database with --db FILE", why);
	}
	return rc;
}

static int absolute(const char *path, char **ret, struct mc_error *err)
{
	struct mc_buf b = { 0 };
	char *cwd = path[0] == '/' ? NULL : getcwd(NULL, 0);
	if (cwd)
		mc_buf_printf(&b, "%s/", cwd);
	mc_buf_str(&b, path);
	free(cwd);
	int rc = mc_buf_check(&b, err);
	if (rc < 0)
		mc_buf_release(&b);
	else
		*ret = b.data;
	return rc;
}

static int set_paths(struct daemon *d, struct mc_error *err)
{
	char *db = NULL, *socket = NULL;
	int rc = mc_config_db(&d->config->c, d->options->db, &db, err);
	if (rc == 0)
		rc = absolute(db, &d->db, err);
	if (rc == 0)
		rc = mc_config_socket(&d->config->c, d->db, &socket, err);
	if (rc == 0)
		rc = absolute(socket, &d->socket, err);
	free(db);
	free(socket);
	return rc;
}

static int open_shared(struct daemon *d, struct mc_error *err)
{
	struct mc_config c;
	struct daemon_shared *s = &d->shared;
	pthread_mutex_init(&s->lock, NULL);
	pthread_cond_init(&s->done, NULL);
	s->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	s->hurry = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (s->wake < 0 || s->hurry < 0)
		return mc_fail(err, MC_EIO, errno, "an event descriptor");
	int rc = mc_config_find(d->options->config_file, &c, err);
	if (rc < 0)
		return rc;
	if ((rc = daemon_root_paths(d, &c, err)) < 0 || (rc = daemon_share_config(s, &c, err)) < 0) {
		mc_config_release(&c);
		return rc;
	}
	d->config = (struct shared_config *)(uintptr_t)shared_config_get(s);
	return 0;
}

/* A socket that cannot be made costs 'mark' its way here, not the sampling. */
static void check_socket(struct daemon *d)
{
	char *slash = strrchr(d->socket, '/');
	if (slash && slash != d->socket) {
		*slash = '\0';
		mkdir(d->socket, 0755);
		*slash = '/';
	}
}

static int start_server(struct daemon *d, struct mc_error *err)
{
	const struct mc_daemon_options *o = d->options;
	const struct mc_config *c = &d->config->c;
	struct mc_web_config *web = NULL;
	int first = 0, inherited[16], rc = 0;
	size_t n = mc_serve_activated(&first);
	for (size_t i = 0; i < n; i++)
		inherited[i] = first + (int)i;
	if (o->web_config && (rc = web_config_read(o->web_config, &web, err)) < 0)
		return rc;
	check_socket(d);
	struct mc_serve_config sc = { .listen = o->nlisten ? o->listen : (const char *const *)c->listen, .nlisten = o->nlisten ? o->nlisten : c->nlisten,
		.socket = d->socket, .telemetry_path = o->telemetry_path ? o->telemetry_path : "/metrics", .web_config = o->web_config, .web = web,
		.inherited = inherited, .ninherited = n, .enable_mark = o->enable_mark, .api = api_answer, .user = &d->api, .metrics = daemon_metrics, .metrics_user = &d->shared };
	rc = mc_server_start(&sc, &d->server, err);
	if (rc < 0 && err && strncmp(err->text, "socket ", 7) == 0 && !c->socket) {
		mc_log(MC_LOG_WARN, "serve", "%s; 'mark' cannot come this way: set 'web: {socket: PATH}'", err->text);
		free(d->socket);
		d->socket = NULL;
		sc.socket = NULL;
		rc = mc_server_start(&sc, &d->server, err);
	}
	web_config_free(web);
	if (rc < 0)
		return rc;
	mc_server_set_ready(d->server, "the first tick is not over yet");
	for (size_t i = 0; !n && i < sc.nlisten; i++)
		mc_log(MC_LOG_INFO, "serve", "listening on %s (port %d)", sc.listen[i], mc_server_port(d->server, i));
	return 0;
}

static int open_rest(struct daemon *d, struct mc_error *err)
{
	const struct mc_daemon_options *o = d->options;
	const char *proc = o->procfs ? o->procfs : "/proc";
	d->procfd = open(proc, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (d->procfd < 0)
		return mc_fail(err, MC_EIO, errno, "%s", proc);
	d->identities = identity_cache_new();
	d->tracker = mc_tracker_new();
	d->library_cache = mc_library_cache_new();
	if (!d->identities || !d->tracker || !d->library_cache)
		return mc_nomem(err, "identities");
	gethostname(d->host, sizeof d->host - 1);
	int rc = set_paths(d, err);
	if (rc == 0)
		rc = daemon_configure(d, err);
	if (rc == 0)
		rc = open_store_patiently(d, err);
	d->shared.db = d->db;
	d->shared.telemetry_path = o->telemetry_path ? o->telemetry_path : "/metrics";
	d->api = (struct api){ .shared = &d->shared };
	if (rc == 0)
		rc = start_server(d, err);
	return rc == 0 ? worker_start(d, err) : rc;
}

/* ---- running ---- */

static void drain(int fd)
{
	uint64_t n;
	ssize_t got = read(fd, &n, sizeof n);
	(void)got; /* a count that nobody needs */
}

static void tell_systemd(const struct daemon *d)
{
	char text[700];
	snprintf(text, sizeof text, "STATUS=%zu processes in %zu programs%s%.500s", d->tick ? d->tick->nprocesses : 0, d->nprograms,
		d->store_trouble[0] ? "; " : "", d->store_trouble);
	notify_send(text);
}

static void one_tick(struct daemon *d)
{
	double before = d->samples;
	daemon_tick(d);
	if (before < 1 && d->samples > before) {
		if (!d->store_trouble[0])
			mc_server_set_ready(d->server, NULL);
		mc_log(MC_LOG_INFO, "sample", "%zu processes in %zu programs, every %.3g s", d->tick->nprocesses, d->nprograms,
			(double)d->config->c.interval_ms / 1000);
	}
	if (d->samples > before)
		daemon_say_notice(d);
	/* what thousands of processes took when they were met is given back */
	if (d->samples == 2 || (uint64_t)d->samples % 360 == 0)
		malloc_trim(0);
	if (d->samples == 1 || (uint64_t)d->samples % 60 == 0)
		tell_systemd(d);
}

static void reload(struct daemon *d, struct loop *l)
{
	struct mc_error err;
	char text[100];
	snprintf(text, sizeof text, "RELOADING=1\nMONOTONIC_USEC=%lld", (long long)(mc_mono_ns() / 1000));
	notify_send(text);
	daemon_reload(d);
	if (l->interval_ms != d->config->c.interval_ms && make_timer(d->config->c.interval_ms, true, &l->ticks, &err) == 0)
		l->interval_ms = d->config->c.interval_ms;
	notify_send("READY=1");
}

/* False: it is to end. */
static bool take_signals(struct daemon *d, struct loop *l)
{
	struct signalfd_siginfo s;
	bool on = true;
	while (read(l->signals, &s, sizeof s) == (ssize_t)sizeof s) {
		if (s.ssi_signo == SIGHUP)
			reload(d, l);
		else
			on = false;
	}
	return on;
}

static void run(struct daemon *d, struct loop *l)
{
	struct pollfd p[] = { { .fd = l->signals, .events = POLLIN }, { .fd = d->shared.wake, .events = POLLIN },
		{ .fd = l->ticks, .events = POLLIN }, { .fd = l->watchdog, .events = POLLIN } };
	notify_send("READY=1");
	for (;;) {
		/* the kernel holds only so many exits for us */
		if (poll(p, l->watchdog >= 0 ? 4 : 3, d->config->c.short_lives ? DRAIN_MS : -1) < 0 && errno != EINTR)
			return;
		mc_sampler_drain(d->sampler);
		if (p[0].revents && !take_signals(d, l))
			return;
		if (p[1].revents) {
			drain(p[1].fd);
			daemon_run_calls(&d->shared, d);
		}
		if (p[2].revents) {
			drain(p[2].fd);
			one_tick(d);
		}
		if (l->watchdog >= 0 && p[3].revents) {
			drain(p[3].fd);
			notify_send("WATCHDOG=1");
		}
	}
}

/* ---- ending ---- */

/* False: a thread still uses some of it. */
static bool stop_threads(struct daemon *d)
{
	if (!d->config)
		return true;
	daemon_run_calls(&d->shared, NULL);
	bool served = mc_server_stop(d->server, API_WAIT_MS);
	return worker_stop(d) && served;
}

static void release(struct daemon *d)
{
	for (size_t i = 0; i < d->programs_cap && d->programs && i < d->nprograms; i++)
		program_release(&d->programs[i]);
	free(d->programs);
	free(d->lives.v);
	free(d->rows);
	free(d->loads);
	free(d->sources);
	api_release(&d->api);
	mc_loader_close(d->loader);
	mc_sampler_close(d->sampler);
	identity_cache_free(d->identities);
	mc_tracker_free(d->tracker);
	mc_library_cache_free(d->library_cache);
	if (d->procfd >= 0)
		close(d->procfd);
	snapshot_put(d->shared.snapshot);
	shared_config_put(d->config);
	shared_config_put(d->shared.config);
	if (d->shared.wake >= 0)
		close(d->shared.wake);
	if (d->shared.hurry >= 0)
		close(d->shared.hurry);
	pthread_cond_destroy(&d->shared.done);
	pthread_mutex_destroy(&d->shared.lock);
	free(d->db);
	free(d->socket);
	free(d);
}

int mc_daemon_run(const struct mc_daemon_options *o, struct mc_error *err)
{
	struct loop l = { .ticks = -1, .signals = -1, .watchdog = -1 };
	struct daemon *d = calloc(1, sizeof *d);
	if (!d)
		return mc_nomem(err, "the daemon");
	d->options = o;
	d->procfd = d->shared.wake = d->shared.hurry = -1;
	mc_log_setup(o->log_level, o->log_format);
	/* few threads that allocate little: more arenas would only hold memory back */
	mallopt(M_ARENA_MAX, 2);
	mallopt(M_TRIM_THRESHOLD, 256 * 1024);
	mallopt(M_MMAP_THRESHOLD, 192 * 1024);
	int rc = open_shared(d, err);
	if (rc == 0)
		rc = open_loop(&l, d->config->c.interval_ms, err);
	if (rc == 0)
		rc = open_rest(d, err);
	if (rc == 0) {
		mc_log(MC_LOG_INFO, "serve", "database %s, socket %s", d->db, d->socket ? d->socket : "none");
		run(d, &l);
		notify_send("STOPPING=1");
	}
	bool ended = stop_threads(d);
	mc_store_close(d->store); /* seals */
	d->store = NULL;
	if (rc < 0) /* it never ran */
		daemon_undo_store(d);
	close_loop(&l);
	if (rc == 0)
		mc_log(MC_LOG_INFO, "serve", "ended");
	if (!ended) /* in the middle of an analysis that nobody waits for any more; all that is kept is written */
		_exit(rc == 0 ? 0 : 1);
	release(d);
	return rc;
}
