/* From curves and deploys to an answer: which deploy began the growth, with which probability,
 * since when, whether it was ended and by which deploy, when memory runs out, and why.
 * It knows no SQL, HTTP, git, clock or file: arrays in, an answer out. */
#ifndef MEMCULPRIT_ATTRIBUTE_H
#define MEMCULPRIT_ATTRIBUTE_H

#include "memculprit/base.h"

/* ---- what was seen ---- */

/* One incarnation: one life of a process. All pointers are borrowed from the caller, who keeps
 * them until mc_attribute() returns. A series may be NULL (not sampled); a value may be NaN. */
struct mc_life {
	const char *host;    /* "" where there is one host only */
	const char *key;     /* process_key: a slot that may outlive restarts, or "" */
	int64_t pid;
	int64_t start_ms;    /* when the process started, Unix ms */
	const char *version; /* what it runs, "" where not known */
	const char *commit;
	const char *build_id;
	size_t n;            /* samples, in the order of time */
	const int64_t *t_ms;
	const double *anon;   /* bytes: private resident memory (RssAnon) */
	const double *swap;   /* bytes swapped out */
	const double *shmem;  /* bytes of shared memory resident in it (RssShmem) */
	const double *rss;    /* bytes resident */
	const double *minflt; /* counters of the life and levels, each optional */
	const double *threads;
	const double *fds;
	const double *requests; /* requests served by this life, where its server counts them */
	const void *digest;     /* NULL, or what mc_digest_write() made of its samples so far: only later ones of the arrays count */
	size_t digest_len;
};

/* What the answer needs of a life's samples, in bounded room however many they are: made by the same steps whether they come at once
 * or over weeks with restarts between, so the answer is the same. */
struct mc_digest;
struct mc_digest *mc_digest_new(void); /* NULL: no memory */
void mc_digest_free(struct mc_digest *d); /* takes NULL */
/* Begins a life; what was in d is forgotten. */
void mc_digest_begin(struct mc_digest *d, int64_t start_ms);
/* Takes in those samples of l that are later than what is in it, up to until_ms. */
void mc_digest_add(struct mc_digest *d, const struct mc_life *l, int64_t until_ms);
/* Time of the newest sample in it, MC_NO_TIME: none. */
int64_t mc_digest_last_ms(const struct mc_digest *d);
/* How many samples of memory are in it. */
double mc_digest_samples(const struct mc_digest *d);
/* Bytes to keep on this machine (a few KiB), appended, and back. MC_ECORRUPT: not ours, or of another version. */
int mc_digest_write(const struct mc_digest *d, struct mc_buf *out, struct mc_error *err);
int mc_digest_read(struct mc_digest *d, const void *data, size_t len, struct mc_error *err);

/* Counters of the whole program, cumulative; a value that falls has started again. */
struct mc_load {
	size_t n;
	const int64_t *t_ms;
	const double *requests, *rx_bytes, *tx_bytes, *rx_packets, *tx_packets;
	const double *io_read, *io_write, *cpu_seconds; /* each may be NULL */
};

/* The same in bounded room however long it is: counters that only rise, at times at least MC_LOADSUM_TICK_MS apart and coarser the longer it
 * gets, by the same steps however it is fed. Summing up what came out changes nothing. */
enum { MC_LOADSUM_POINTS = 8192, MC_LOADSUM_TICK_MS = 250 };
struct mc_loadsum;
struct mc_loadsum *mc_loadsum_new(void); /* NULL: no memory */
void mc_loadsum_free(struct mc_loadsum *s); /* takes NULL */
/* Takes in what is later than what is in it, up to until_ms. */
int mc_loadsum_add(struct mc_loadsum *s, const struct mc_load *l, int64_t until_ms, struct mc_error *err);
/* What is in it; borrowed from s. */
void mc_loadsum_view(const struct mc_loadsum *s, struct mc_load *ret);

enum mc_deploy_source {
	MC_DEPLOY_MARK, MC_DEPLOY_RECOGNISED,
	MC_DEPLOY_LIBRARY /* recognised: a library was replaced, the program is the same */
};

struct mc_deploy_mark {
	int64_t unix_ms;     /* the mark's time, else the first sight of the tag or build */
	const char *version; /* "" where not known */
	const char *commit;
	const char *host;    /* "" : every host */
	enum mc_deploy_source source;
};

struct mc_case {
	const char *program;
	size_t nlives;
	const struct mc_life *lives; /* in any order */
	size_t ndeploys;
	const struct mc_deploy_mark *deploys; /* in any order */
	struct mc_load load;
	int64_t as_of_ms;    /* nothing later is looked at; 0: the last sample */
	double memory_limit; /* bytes this program may have in all (cgroup or host, swap included), NaN: not known */
	double memory_room;  /* bytes that it may have besides what it has, since nobody else has them (swap included), 0: not known */
};

/* ---- the answer ---- */

enum mc_verdict { MC_VERDICT_NONE, MC_VERDICT_LEAK, MC_VERDICT_STEP, MC_VERDICT_LOAD, MC_VERDICT_PLATEAU, MC_VERDICT_INSUFFICIENT };
enum mc_state { MC_STATE_NULL, MC_STATE_ACTIVE, MC_STATE_FIXED };
enum mc_signal { MC_SIGNAL_NULL, MC_SIGNAL_ANON, MC_SIGNAL_SHMEM, MC_SIGNAL_PROCESSES };

/* MC_NO_TIME stands for null in every _ms field, NaN in every number, MC_NO_DEPLOY in every deploy index. */
#define MC_NO_TIME INT64_MIN
#define MC_NO_DEPLOY SIZE_MAX

struct mc_candidate {
	size_t deploy;         /* index into mc_case.deploys */
	int64_t first_seen_ms; /* first incarnation with it, or MC_NO_TIME */
	double probability;
};

struct mc_episode {
	enum mc_verdict verdict;
	size_t culprit;  /* deploy index or MC_NO_DEPLOY */
	size_t fixed_by; /* deploy index or MC_NO_DEPLOY */
	int64_t onset_ms, stopped_ms;
	double slope;    /* of one process, where the parts differ in it: bytes per second, or a second at mean load; 0: not told */
	double slope_sd; /* its standard error */
	bool reduced;    /* fixed_by took a part of it away, and the next part is what is left */
};

struct mc_evidence {
	const char *kind; /* static: "growth", "load", "warm-up", "identity", "rollback", "canary", "data", ... */
	char *text;       /* one plain sentence with its figures */
	bool against;     /* speaks for what was ruled out, rather than for the answer */
};

struct mc_answer {
	enum mc_verdict verdict;
	enum mc_state state;
	enum mc_signal signal;
	int64_t as_of_ms;
	int64_t onset_ms, onset_lo_ms, onset_hi_ms;
	double slope_before, slope_after, slope_after_lo, slope_after_hi; /* bytes/s, whole program, before and in the culprit's release */
	double slope_now, slope_now_lo, slope_now_hi; /* of the last part of it; NaN: it has ended */
	double bytes_per_request;
	double grown_bytes;
	int64_t exhaustion_ms, exhaustion_lo_ms, exhaustion_hi_ms;
	size_t culprit;                /* index into candidates, or MC_NO_DEPLOY */
	size_t ncandidates;            /* most probable first, each >= 0.001 */
	struct mc_candidate *candidates;
	double not_a_deploy, no_change; /* with the candidates they add up to 1 */
	int64_t ambiguous_until_ms;
	size_t fixed_by; /* deploy index or MC_NO_DEPLOY */
	int64_t fixed_first_seen_ms;
	int64_t stopped_ms, stopped_lo_ms, stopped_hi_ms;
	double ceiling_bytes;     /* plateau: where it levels off, whole program; else NaN */
	double falls;             /* none, plateau: bytes/s, by which memory of the whole program falls now; 0: it does not */
	int64_t look_again_ms;    /* when to look again: end of a plateau's rise, enough data; or MC_NO_TIME */
	size_t nepisodes;
	struct mc_episode *episodes; /* oldest first */
	size_t nevidence;
	struct mc_evidence *evidence;
};

/* Answers for one program. 0 and *ret (mc_answer_release() it); MC_ENOMEM; MC_ELIMIT. Any finite or
 * non-finite input is answered: too little or none of it gives MC_VERDICT_INSUFFICIENT. */
int mc_attribute(const struct mc_case *c, struct mc_answer *ret, struct mc_error *err);
void mc_answer_release(struct mc_answer *a);

/* Several rows may be of one deploy: of the same version or commit, each within 30 minutes of another (as when it goes to several hosts, is
 * marked and recognised, or was written down twice), without another release on the same host in between. of[i] becomes the row that stands for row
 * i (the first mark, else the first), MC_NO_DEPLOY for one later than until_ms. 0, MC_ENOMEM. */
int mc_deploys_join(const struct mc_deploy_mark *d, size_t n, int64_t until_ms, size_t *of, struct mc_error *err);

/* "leak", "step", ...; "active", ...; NULL for the _NULL values. Static. */
const char *mc_verdict_name(enum mc_verdict v);
const char *mc_state_name(enum mc_state s);
const char *mc_signal_name(enum mc_signal s);

#endif
