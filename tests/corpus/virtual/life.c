/* One life of a server process under virtual time: real heap work on whatever allocator is loaded, sampled from the
 * kernel's own figures. Arguments are name=value (see table[]); each line of standard input is a tick: requests,
 * concurrency, errors, an event's letter, how much the leak weighs now. Each tick answers a line: private pages, file
 * pages, virtual pages, minor faults, threads, descriptors, chances the leak has had so far (weighted).
 * Nothing here is drawn by formula but the requests: levels, noise, fragmentation and plateaus are the allocator's. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <malloc.h>
#include <math.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/resource.h>
#include <unistd.h>

enum { MAX_FLIGHT = 512, STATEMENTS = 12, PARTS = 3, MAX_THREADS = 48 };

/* What the process is made of: bytes and counts; 0 switches a part off. */
#define PARTS_OF(X) \
	X(seed) X(base) X(baseobj) X(ramp)		/* tables read at start: bytes, an object's bytes, ticks */ \
	X(msg) X(spread)				/* buffers of a request: median bytes, how they scatter */ \
	X(ttl) X(newsess) X(sess)			/* sessions: ticks, chance a request, bytes */ \
	X(keys) X(bend) X(item) X(bound) X(entries)	/* cache: keys and how unequal, bytes, limits */ \
	X(conn) X(churn) X(stmt)			/* connections: buffer, chance to close, bytes a statement */ \
	X(logcap) X(logline) X(logfree)			/* write buffer */ \
	X(garbage) X(nursery) X(survive) X(dies) X(factor) /* collected heap */ \
	X(names) X(name)				/* interned strings: how many there are, bytes */ \
	X(batch) X(pinned) X(hold)			/* batch job: bytes, share that outlives it, ticks */ \
	X(frags) X(frag) X(fragchurn)			/* population of objects that are replaced */ \
	X(block) X(threads) X(trim) X(step)		/* pool; threads; ticks between trims; a step's bytes */ \
	X(where) X(bytes)				/* the leak */
#define FIELD(x) double x;
#define NAME(x) {#x, &c.x},
static struct {
	PARTS_OF(FIELD)
} c;
static const struct {
	const char *name;
	double *value;
} table[] = {PARTS_OF(NAME)};

enum where { NOWHERE, REQUEST, SESSION, ERROR, TIMER, RELOAD, NEWKEY, CONNECTION, EVICTION, BATCH };

static uint64_t state;
static double weight, chances; /* of the leak: now, and in total */
static long now;	       /* tick */
static void *volatile lost;

static double uniform(void)
{
	state ^= state >> 12, state ^= state << 25, state ^= state >> 27;
	return (double)((state * 2685821657736338717ULL) >> 11) / 9007199254740992.0;
}

static size_t below(double n)
{
	return (size_t)(uniform() * n);
}

/* Log-normal about a median, at least 16 and at most 64 times the median: messages are mostly small. */
static size_t some(double median, double spread)
{
	double z = sqrt(-2 * log(uniform() + 1e-12)) * cos(6.283185307 * uniform());
	double n = median * exp(spread * z);
	return (size_t)fmax(16, fmin(n, 64 * median));
}

/* Memory that is used: every byte is written. */
static void *used(size_t n)
{
	void *p = malloc(n);
	if (!p)
		exit(3);
	memset(p, (int)n & 255, n);
	return p;
}

static void *resized(void *p, size_t n)
{
	p = realloc(p, n);
	if (!p)
		exit(3);
	return p;
}

/* The leak, wherever the plan put it: the block is written and forgotten. */
static void forget(enum where here)
{
	if ((int)c.where != (int)here || weight <= 0)
		return;
	chances += weight;
	double n = c.bytes * weight * (.5 + uniform());
	for (; n >= 24; n -= 65536)
		lost = used((size_t)fmin(n, 65536));
	if (n > 0 && uniform() * 24 < n)
		lost = used(24);
}

/* ---- tables read at start, objects of many sizes, over a few ticks ---- */
static void base(void)
{
	static double have;
	double want = c.base * fmin(1, (double)(now + 1) / fmax(1, c.ramp));
	void *scratch[32] = {0};
	for (size_t i = 0; have < want; i++) {
		size_t n = some(c.baseobj, 1);
		lost = used(n); /* held for good */
		have += (double)n;
		free(scratch[i % 32]);
		scratch[i % 32] = used(some(c.baseobj / 2, 1));
	}
	for (size_t i = 0; i < 32; i++)
		free(scratch[i]);
}

/* ---- requests in flight: buffers that live until their place is needed again ---- */
static void *flight[MAX_FLIGHT][PARTS], *pool[MAX_FLIGHT];
static size_t in_flight = 1;

static void request_buffers(void)
{
	size_t i = below((double)in_flight);
	for (size_t k = 0; k < PARTS; k++) {
		free(flight[i][k]);
		flight[i][k] = c.msg && uniform() < .7 ? used(some(c.msg, c.spread)) : NULL;
	}
	if (c.block && !pool[i])
		pool[i] = used((size_t)c.block); /* never goes back */
}

/* ---- connections: a buffer as large as the largest message so far, statements prepared on it ---- */
static struct connection {
	char *buffer;
	size_t room;
	void *statements[STATEMENTS];
} connections[MAX_FLIGHT];

static void hang_up(struct connection *x)
{
	if (!x->buffer)
		return;
	free(x->buffer);
	for (size_t k = 0; k < STATEMENTS; k++)
		free(x->statements[k]);
	*x = (struct connection){0};
	forget(CONNECTION);
}

static void talk(void)
{
	if (!c.conn)
		return;
	struct connection *x = &connections[below((double)in_flight)];
	if (uniform() < c.churn)
		hang_up(x);
	size_t need = some(c.conn, c.spread), k = below(STATEMENTS * uniform());
	if (need > x->room) {
		x->buffer = resized(x->buffer, need);
		memset(x->buffer + x->room, 1, need - x->room);
		x->room = need;
	}
	if (c.stmt && !x->statements[k])
		x->statements[k] = used(some(c.stmt, .5));
}

/* Fewer at once: what is above the mark is closed and freed. */
static void crowd(size_t n)
{
	n = n < 1 ? 1 : n > MAX_FLIGHT ? MAX_FLIGHT : n;
	for (size_t i = n; i < in_flight; i++) {
		hang_up(&connections[i]);
		for (size_t k = 0; k < PARTS; k++)
			free(flight[i][k]), flight[i][k] = NULL;
	}
	in_flight = n;
}

/* ---- sessions, by the tick at which they end ---- */
struct session {
	SLIST_ENTRY(session) next;
	void *data;
};
static SLIST_HEAD(ending, session) *ends;

static void session(void)
{
	if (!c.ttl || uniform() >= c.newsess)
		return;
	struct session *s = used(sizeof *s);
	s->data = used(some(c.sess, .8));
	SLIST_INSERT_HEAD(&ends[(now + (long)c.ttl) % ((long)c.ttl + 1)], s, next);
}

static void end_sessions(void)
{
	struct session *s;
	while ((s = SLIST_FIRST(&ends[now % ((long)c.ttl + 1)]))) {
		SLIST_REMOVE_HEAD(&ends[now % ((long)c.ttl + 1)], next);
		free(s->data);
		free(s);
		forget(SESSION);
	}
}

/* ---- cache: chained hash, evicted by last use ---- */
struct entry {
	LIST_ENTRY(entry) chain;
	TAILQ_ENTRY(entry) use;
	size_t key, size;
	void *value;
};
static LIST_HEAD(chain, entry) *buckets;
static TAILQ_HEAD(uses, entry) uses = TAILQ_HEAD_INITIALIZER(uses);
static size_t bucket_count;
static double cached, cached_bytes;

static void evict(void)
{
	struct entry *e = TAILQ_LAST(&uses, uses);
	LIST_REMOVE(e, chain);
	TAILQ_REMOVE(&uses, e, use);
	cached--, cached_bytes -= (double)e->size;
	free(e->value);
	free(e);
	forget(EVICTION);
}

static void cache(void)
{
	if (!c.keys)
		return;
	size_t key = (size_t)(c.keys * pow(uniform(), c.bend));
	struct entry *e = LIST_FIRST(&buckets[key % bucket_count]);
	while (e && e->key != key)
		e = LIST_NEXT(e, chain);
	if (e) {
		TAILQ_REMOVE(&uses, e, use);
		TAILQ_INSERT_HEAD(&uses, e, use);
		return;
	}
	e = used(sizeof *e);
	e->key = key;
	e->size = (size_t)(c.item * (.3 + 1.4 * (double)(key * 2654435761u % 1000) / 1000));
	e->value = used(e->size);
	LIST_INSERT_HEAD(&buckets[key % bucket_count], e, chain);
	TAILQ_INSERT_HEAD(&uses, e, use);
	cached++, cached_bytes += (double)e->size;
	forget(NEWKEY);
	while ((c.bound && cached_bytes > c.bound) || (c.entries && cached > c.entries))
		evict();
}

/* ---- write buffer: grows as a vector does, is emptied when full ---- */
static void log_line(void)
{
	static char *buffer;
	static size_t length, room;
	if (!c.logcap)
		return;
	size_t n = some(c.logline, .6);
	if (length + n > room) {
		room = (room + n) * 3 / 2;
		buffer = resized(buffer, room);
	}
	memset(buffer + length, 'x', n);
	length += n;
	if ((double)length < c.logcap)
		return;
	length = 0;
	if (c.logfree)
		free(buffer), buffer = NULL, room = 0;
}

/* ---- a collected heap: garbage, survivors, sweeps when enough was allocated ---- */
struct vector {
	void **at;
	size_t n, room;
	double bytes;
};
static struct vector young, old, job;

static void push(struct vector *v, void *p, double bytes)
{
	if (v->n == v->room) {
		v->room = v->room * 2 + 64;
		v->at = resized(v->at, v->room * sizeof *v->at);
	}
	v->at[v->n++] = p;
	v->bytes += bytes;
}

/* Frees what is not lucky enough to be kept, in the order of its making. */
static void sweep(struct vector *v, double keep)
{
	size_t kept = 0;
	for (size_t i = 0; i < v->n; i++) {
		if (uniform() < keep)
			v->at[kept++] = v->at[i];
		else
			free(v->at[i]);
	}
	v->bytes *= v->n ? (double)kept / (double)v->n : 0;
	v->n = kept;
}

static void collect(void)
{
	sweep(&old, 1 - c.dies);
	sweep(&young, c.survive);
	for (size_t i = 0; i < young.n; i++)
		push(&old, young.at[i], young.bytes / (double)young.n);
	young.n = 0, young.bytes = 0;
}

static void allocate_garbage(void)
{
	for (double n = c.garbage * (.5 + uniform()); n > 0;) {
		size_t size = some(fmin(c.garbage / 4 + 32, 2048), 1);
		push(&young, used(size), (double)size);
		n -= (double)size;
	}
	if (c.garbage && young.bytes > fmax(c.nursery, old.bytes * c.factor))
		collect();
}

/* ---- strings met for the first time: code paths, names of metrics, templates ---- */
static void intern(void)
{
	static unsigned char *known;
	if (!c.names)
		return;
	if (!known && !(known = calloc((size_t)c.names, 1)))
		exit(3);
	size_t key = (size_t)(floor(c.names) * pow(uniform(), c.bend));
	if (!known[key])
		lost = used(some(c.name, 1));
	known[key] = 1;
}

/* ---- fragmentation: a population of objects that are replaced one by one by others of other sizes ---- */
static void replace(void)
{
	static void **population;
	if (!c.frags)
		return;
	if (!population && !(population = calloc((size_t)c.frags, sizeof *population)))
		exit(3);
	for (double n = c.fragchurn; n > 0 && (n >= 1 || uniform() < n); n--) {
		size_t i = below(floor(c.frags));
		free(population[i]);
		population[i] = used(some(c.frag, 1.2));
	}
}

/* ---- a batch job: many objects at once, most of them freed at its end, the rest by the next job ---- */
static void start_job(void)
{
	sweep(&job, 0);
	for (double left = c.batch * (.8 + .4 * uniform()); left > 0;) {
		size_t n = some(600, 1.3);
		push(&job, used(n), (double)n);
		left -= (double)n;
	}
	forget(BATCH);
}

static long happen(char event, long job_ends)
{
	if (event == 'b')
		start_job(), job_ends = now + (long)c.hold;
	else if (event == 'r')
		forget(RELOAD);
	else if (event == 't')
		malloc_trim(0);
	else if (event == 's')
		lost = used((size_t)c.step);
	else if (event == 'd')
		while (!TAILQ_EMPTY(&uses))
			evict();
	return job_ends;
}

/* ---- work, on the main thread or on a pool of threads that take turns ---- */
static struct worker {
	pthread_t thread;
	sem_t go;
	size_t requests;
} workers[MAX_THREADS];
static size_t worker_count;
static sem_t finished;

static void serve(size_t requests)
{
	for (size_t i = 0; i < requests; i++) {
		request_buffers();
		talk();
		session();
		cache();
		log_line();
		allocate_garbage();
		intern();
		replace();
		forget(REQUEST);
	}
}

static void *work(void *arg)
{
	struct worker *w = arg;
	volatile char stack[24576];
	for (size_t i = 0; i < sizeof stack; i += 1024)
		stack[i] = 1;
	for (;;) {
		sem_wait(&w->go);
		serve(w->requests);
		sem_post(&finished);
	}
	return NULL;
}

static void spread_work(size_t requests)
{
	size_t want = (size_t)fmin(fmin(c.threads, MAX_THREADS), (double)in_flight);
	if (!c.threads) {
		serve(requests);
		return;
	}
	for (; worker_count < want; worker_count++) {
		struct worker *w = &workers[worker_count];
		if (sem_init(&w->go, 0, 0) || pthread_create(&w->thread, NULL, work, w))
			exit(3);
	}
	for (size_t i = 0; i < worker_count; i++) {
		workers[i].requests = requests / worker_count + (i < requests % worker_count);
		if (!workers[i].requests)
			continue;
		sem_post(&workers[i].go);
		sem_wait(&finished);
	}
}

/* ---- what a sampler sees ---- */
static void sample(int statm)
{
	char text[128] = "";
	struct rusage use;
	if (pread(statm, text, sizeof text - 1, 0) < 0)
		exit(3);
	char *at = text;
	long size = strtol(at, &at, 10), resident = strtol(at, &at, 10), file = strtol(at, &at, 10);
	getrusage(RUSAGE_SELF, &use);
	printf("%ld %ld %ld %ld %zu %zu %.6g\n", resident - file, file, size, use.ru_minflt, worker_count + 1, in_flight + 8, chances);
}

static void read_program(int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		char *is = strchr(argv[i], '=');
		size_t k = 0;
		for (; is && k < sizeof table / sizeof *table; k++)
			if (strlen(table[k].name) == (size_t)(is - argv[i]) && !strncmp(table[k].name, argv[i], strlen(table[k].name)))
				break;
		if (!is || k == sizeof table / sizeof *table) {
			fprintf(stderr, "life: unknown part: %s\n", argv[i]);
			exit(2);
		}
		*table[k].value = strtod(is + 1, NULL);
	}
	state = (uint64_t)c.seed * 0x9E3779B97F4A7C15ULL + 1;
	bucket_count = (size_t)fmax(64, fmin(c.keys, 65536));
	buckets = calloc(bucket_count, sizeof *buckets);
	ends = calloc((size_t)c.ttl + 1, sizeof *ends);
	if (!buckets || !ends || sem_init(&finished, 0, 0))
		exit(3);
}

int main(int argc, char **argv)
{
	static char in[8192], out[32768];
	char line[160];
	long job_ends = -1;
	int statm = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
	setvbuf(stdin, in, _IOFBF, sizeof in);
	setvbuf(stdout, out, _IOFBF, sizeof out);
	read_program(argc, argv);
	for (; fgets(line, sizeof line, stdin); now++) {
		char *at = line;
		size_t requests = strtoul(at, &at, 10), concurrency = strtoul(at, &at, 10), errors = strtoul(at, &at, 10);
		char event = at[1];
		weight = strtod(at + 2, NULL);
		base();
		crowd(concurrency);
		end_sessions();
		forget(TIMER);
		for (size_t i = 0; i < errors; i++)
			forget(ERROR);
		job_ends = happen(event, job_ends);
		if (now == job_ends)
			sweep(&job, c.pinned);
		if (c.trim && now % (long)c.trim == 0)
			malloc_trim(0);
		spread_work(requests);
		sample(statm);
	}
	fflush(stdout);
	_exit(0);
}
