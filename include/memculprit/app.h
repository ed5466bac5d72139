/* The wiring: configuration, the daemon, and the use cases that the command line and HTTP share.
 * It knows every stage; no stage knows it. */
#ifndef MEMCULPRIT_APP_H
#define MEMCULPRIT_APP_H

#include "memculprit/attribute.h"
#include "memculprit/base.h"
#include "memculprit/deploy.h"
#include "memculprit/sample.h"
#include "memculprit/serve.h"
#include "memculprit/store.h"

/* ---- configuration ---- */
struct mc_program_config {
	struct mc_selector match; /* name is the program's */
	char *repository;         /* path, NULL: none */
	char *tags;               /* glob, NULL: all tags */
	char *load_url, *load_file, *load_metric;
};
struct mc_config {
	char *file; /* where it was read from, NULL: none */
	int64_t interval_ms;
	enum mc_pss pss;
	size_t max_programs, max_processes;
	char *store_path;
	int64_t keep_ms, keep_hourly_ms;
	uint64_t quota_bytes;
	char **listen;
	size_t nlisten;
	char *socket;             /* NULL: not given, see mc_config_socket() */
	bool short_lives;         /* exits that polling misses are counted (CAP_NET_ADMIN) */
	bool per_process;         /* memculprit_process_memory_bytes */
	size_t nprograms;
	struct mc_program_config *programs;
};
/* Defaults of INTERFACE for this user. */
int mc_config_defaults(struct mc_config *ret, struct mc_error *err);
/* Reads the YAML file over the defaults. MC_EUSAGE: errors, each "FILE:LINE:COLUMN: what; what to do" on a
 * line of `errors` (may be NULL; err has the first); MC_ENOTFOUND; MC_EIO. */
int mc_config_read(const char *path, struct mc_config *ret, struct mc_buf *errors, struct mc_error *err);
/* --config, $MEMCULPRIT_CONFIG, /etc/memculprit/memculprit.yml if there, else defaults. `given` may be NULL. */
int mc_config_find(const char *given, struct mc_config *ret, struct mc_error *err);
void mc_config_release(struct mc_config *c);
/* --db, $MEMCULPRIT_DB, the configuration's, else the default of this user. To free(). */
int mc_config_db(const struct mc_config *c, const char *given, char **ret, struct mc_error *err);
/* The daemon's Unix socket: the configuration's, else /run/memculprit/memculprit.sock for the default
 * database of root and memculprit, else beside the database `db`. To free(). */
int mc_config_socket(const struct mc_config *c, const char *db, char **ret, struct mc_error *err);
/* The first entry of that name, or whose name with ${...} or \1 can be that, or NULL. */
const struct mc_program_config *mc_config_program(const struct mc_config *c, const char *name);

/* ---- scenario folders ---- */
/* A case that owns its arrays; lives, deploys and load point into it. */
struct mc_scenario {
	struct mc_case c;
	void *own;
};
/* Reads samples.csv, load.csv, deploys.csv of dir. MC_EFORMAT: "FILE:LINE:COLUMN: field: what". */
int mc_scenario_read(const char *dir, struct mc_scenario *ret, struct mc_error *err);
void mc_scenario_release(struct mc_scenario *s);

/* ---- the answer ---- */
/* One program's case from the store, up to as_of (0: all). MC_ENOTFOUND: no such program. */
int mc_case_from_store(struct mc_store *s, const char *program, int64_t as_of_ms, struct mc_scenario *ret, struct mc_error *err);
/* The one 'answer' use case: attribute, then the culprit's commits where there is a repository. */
struct mc_blame {
	struct mc_scenario scenario;
	struct mc_answer answer;
	struct mc_changes changes; /* of the culprit's release */
	bool has_changes;
	char *changes_note;        /* why there are none, or NULL */
};
int mc_blame_program(struct mc_store *s, const struct mc_config *cfg, const char *program, int64_t as_of_ms,
	struct mc_blame *ret, struct mc_error *err);
/* The same for a scenario folder, as of its last sample where as_of_ms is 0. */
int mc_blame_scenario(const char *dir, int64_t as_of_ms, struct mc_blame *ret, struct mc_error *err);
void mc_blame_release(struct mc_blame *b);
/* "commits", "from_commit", "to_commit", "commits_note" of an open object. */
void mc_changes_json(struct mc_json *j, const struct mc_changes *c);

/* What changed in a release. */
struct mc_diff {
	struct mc_changes changes;
	struct mc_buf text; /* unified, clean for a terminal */
};
/* Between two revisions, or (both NULL) of the release that blame shows; s may be NULL where they are given.
 * MC_EUSAGE: no repository is configured; MC_ENOTFOUND: a revision, the program, or nobody is blamed. */
int mc_diff_program(struct mc_store *s, const struct mc_config *cfg, const char *program, const char *from, const char *to, struct mc_diff *ret,
	struct mc_error *err);
void mc_diff_release(struct mc_diff *d);
void mc_diff_json(struct mc_json *j, const char *key, const char *program, const struct mc_diff *d);
/* The object of INTERFACE ("schema": 1, ...). */
void mc_blame_json(struct mc_json *j, const char *key, const struct mc_blame *b);

/* The answer in one sentence, clean of control characters: "v2.3 started it: private memory of logic_worker
 * grows by 44.0 MiB/h (41.2 MiB/h to 46.9 MiB/h) since 2026-02-03 14:02 (13:58 to 14:07), with a probability of
 * 97 %." Appended to out. */
void mc_answer_sentence(const struct mc_case *c, const struct mc_answer *a, bool utc, struct mc_buf *out);
/* "2026-02-03 14:02 (13:58 to 14:07)"; the interval is left out where it is not known. */
void mc_interval_text(int64_t at_ms, int64_t lo_ms, int64_t hi_ms, bool utc, struct mc_buf *out);
/* Bytes per second as a person reads them: "44.0 MiB/h", "1.20 GiB/min". Returns out. */
const char *mc_rate_text(double bytes_per_second, char out[MC_TIME_TEXT]);
/* The same, or "2.39 processes/h" where it is their number that grows. */
const char *mc_growth_text(double per_second, bool processes, char out[MC_TIME_TEXT]);
/* Its version, else commit, else words. Borrowed or static. */
const char *mc_deploy_name(const struct mc_deploy_mark *d);

/* ---- what there is, for the terminal, the API and the page ---- */
struct mc_running {
	char *version, *commit; /* "" not known */
	size_t processes;
};
/* A program now. NaN, MC_NO_TIME and NULL: not known. Texts are valid UTF-8. */
struct mc_program_status {
	char *name;
	int64_t id;
	int64_t first_ms, last_ms;      /* of its samples */
	size_t processes;               /* alive at the last sample; 0: the program is gone */
	double anon, swap, shmem, rss;  /* bytes, of those alive */
	size_t nrunning;
	struct mc_running *running;     /* most processes first */
	int64_t last_deploy_ms;
	/* of its newest answer */
	char *verdict, *state, *signal;
	int64_t answer_ms, onset_ms, exhaustion_ms;
	double growth;                  /* bytes per second, NULL verdict or no growth: NaN */
	double grown;                   /* bytes */
	char *culprit_version, *culprit_commit; /* NULL: none */
	double culprit_probability;
	char *fixed_by;                 /* version or commit */
};
/* The host at its last sample; rates over the minute before. */
struct mc_host_status {
	int64_t t_ms; /* MC_NO_TIME: never sampled, and nothing else is known */
	int64_t gap_ms; /* since the sample before, 0: none */
	double blocked, running, iowait_ratio, swap_in_bytes, swap_out_bytes; /* bytes per second */
	double memory_total, memory_available, swap_total, swap_free;
	double memory_pressure, io_pressure, cpu_pressure; /* ratio of time that some waited */
	char *text; /* one sentence: what the figures mean together */
};
struct mc_status {
	int64_t as_of_ms; /* the last sample of all */
	struct mc_host_status host;
	size_t n;
	struct mc_program_status *programs; /* active growth first, then by memory */
	char *short_lives; /* of processes that no sample saw, a sentence; NULL: the notice speaks of them, or nobody samples */
	char *notice; /* what was met at opening or can't be read, a sentence a line, NULL: nothing */
};
/* Of one program, or of all (NULL). Where no answer is stored it is reckoned here, of up to four programs: of a whole
 * host's that takes seconds, and verdict is NULL then. MC_ENOTFOUND. */
int mc_status_read(struct mc_store *s, const struct mc_config *cfg, const char *program, struct mc_status *ret, struct mc_error *err);
void mc_status_release(struct mc_status *st);
/* {"schema": 1, "as_of_ms", "host": {...}, "programs": [...], "short_lives", "notice"}: docs/schema/status.json. */
void mc_status_json(struct mc_json *j, const char *key, const struct mc_status *st);
/* One of its programs. */
void mc_program_status_json(struct mc_json *j, const char *key, const struct mc_program_status *p);

/* A program's figures at n instants, (until - since) / (n - 1) apart: sums over the processes alive. */
struct mc_curves {
	size_t n;
	int64_t *t_ms;
	double *priv;      /* bytes: private resident and swapped; NaN: nothing was seen */
	double *shmem, *rss, *swap;
	double *processes;
};
/* since or until MC_NO_TIME: from the first, to the last sample. At most 100,000 instants. What is too old to be there in full
 * comes as hourly means. */
int mc_curves_read(struct mc_store *s, int64_t program, int64_t since_ms, int64_t until_ms, size_t n, struct mc_curves *ret, struct mc_error *err);
void mc_curves_release(struct mc_curves *c);

/* A deploy with what became of memory. */
struct mc_deploy_view {
	struct mc_deploy_row row; /* borrowed texts below are in here */
	char *program;
	double memory_after;      /* bytes: private memory at the end of what it began */
	double growth_after;      /* bytes per second of it, the whole program */
	bool growth_of_processes; /* growth_after is of their number: the culprit's, where that is what grows */
	double probability;       /* that it began the growth; NaN: not a candidate */
	bool culprit, fix;
	bool unanswered;          /* no answer is stored yet that could say so: only in a list of all programs */
	bool few_samples;         /* too few to say how it grows: growth_after is NaN */
	const char *kind;         /* "rollback", "reintroduced", "the same version again", "library update"; NULL: a new version */
	uint32_t processes, processes_of; /* it came to run on so many of so many; of 0: not known; fewer: a canary */
	int64_t until_ms;         /* when the next one replaced it, MC_NO_TIME: it runs */
};
struct mc_deploys {
	size_t n;
	struct mc_deploy_view *views; /* by program, oldest first */
};
/* Of one program, or of all (NULL): then with what stored answers say only. MC_ENOTFOUND: no such program. */
int mc_deploys_read(struct mc_store *s, const struct mc_config *cfg, const char *program, struct mc_deploys *ret, struct mc_error *err);
void mc_deploys_release(struct mc_deploys *d);
/* {"schema": 1, "deploys": [...]}: docs/schema/deploys.json. */
void mc_deploys_json(struct mc_json *j, const char *key, const struct mc_deploys *d);

/* One of them. */
void mc_deploy_json(struct mc_json *j, const char *key, const struct mc_deploy_view *v);

/* What `plot` draws. */
struct mc_plot_query {
	const char *program;
	int64_t since_ms, until_ms; /* MC_NO_TIME: from the first, to the last sample */
	size_t n;                   /* instants */
};
struct mc_plot {
	char *program, *text; /* text: the answer in one sentence, NULL: none */
	struct mc_curves curves;
	struct mc_deploys deploys; /* all of the program */
	enum mc_signal signal;     /* which curve it is about */
	int64_t onset_ms, onset_lo_ms, onset_hi_ms;
};
/* MC_ENOTFOUND: no such program, or no sample of it. */
int mc_plot_read(struct mc_store *s, const struct mc_plot_query *q, struct mc_plot *ret, struct mc_error *err);
void mc_plot_release(struct mc_plot *p);
const double *mc_plot_values(const struct mc_plot *p); /* the curve of its signal */
int mc_plot_svg(const struct mc_plot *p, bool utc, unsigned width, unsigned height, struct mc_buf *out, struct mc_error *err);
/* docs/schema/plot.json */
void mc_plot_json(struct mc_json *j, const char *key, const struct mc_plot *p);

/* The newest answer's JSON of a program into ret: the stored one, else reckoned here (and not stored). */
int mc_answer_text(struct mc_store *s, const struct mc_config *cfg, const struct mc_program_row *p, struct mc_buf *ret, struct mc_error *err);

/* ---- scenario folders in and out of the store ---- */
struct mc_import_counts {
	uint64_t processes, samples, load, deploys; /* found in the folder */
	uint64_t new_deploys;
};
/* All or nothing; what is there already stays as it is. s is a writer. The caller stores a new answer.
 * MC_EFORMAT: "FILE:LINE:COLUMN: what". */
int mc_import(struct mc_store *s, const char *program, const char *dir, struct mc_import_counts *ret, struct mc_error *err);
/* The same of a folder that was read already. */
int mc_import_scenario(struct mc_store *s, const char *program, const struct mc_scenario *sc, struct mc_import_counts *ret, struct mc_error *err);
/* And in pieces, each a transaction of its own, for a writer that has something else to do in between: after an
 * error what was imported so far stays, and importing again adds the rest. program and sc are borrowed until
 * mc_import_close(), which takes NULL. */
struct mc_import;
int mc_import_open(const char *program, const struct mc_scenario *sc, struct mc_import **ret, struct mc_error *err);
/* About `most` rows more. 1: that was all, and *ret is set; 0: there is more. */
int mc_import_some(struct mc_store *s, struct mc_import *im, size_t most, struct mc_import_counts *ret, struct mc_error *err);
void mc_import_close(struct mc_import *im);
/* {"schema": 1, "program", "processes", "samples", "load", "deploys"}: docs/schema/import.json. */
void mc_import_json(struct mc_json *j, const char *program, const struct mc_import_counts *n);
/* Reckons a program's answer without its commits, as the store keeps one: ret, of which *from is the evidence, that the
 * caller releases. And lets the store keep it (a writer), with the statistics of lives whose samples go for their age. */
int mc_answer_anew(struct mc_store *s, const char *program, struct mc_buf *ret, struct mc_blame *from, struct mc_error *err);
int mc_answer_put(struct mc_store *s, const char *program, const char *json, const struct mc_blame *from, struct mc_error *err);
/* Of when the answer is that status, deploys and the page show, after the daemon of `db` looked whether it is still good: blame as of
 * then says the same. MC_ENOTFOUND: no daemon, or no such program. */
int mc_answer_agreed(const struct mc_config *cfg, const char *db, const char *program, int64_t *as_of_ms, struct mc_error *err);
/* Writes samples.csv, load.csv and deploys.csv into dir, which is made where it is not there.
 * MC_EEXIST: one of them is there already; MC_ENOTFOUND: no such program. */
int mc_export(struct mc_store *s, const char *program, const char *dir, struct mc_import_counts *ret, struct mc_error *err);

/* ---- the daemon ---- */
struct mc_daemon_options {
	const char *config_file; /* as given, or NULL */
	const char *db;          /* as given, or NULL */
	const char *const *listen;
	size_t nlisten;
	const char *telemetry_path, *web_config, *procfs, *sysfs, *rootfs;
	bool enable_mark;
	enum mc_log_level log_level;
	enum mc_log_format log_format;
};
/* Runs until SIGTERM or SIGINT. 0 ended cleanly. */
int mc_daemon_run(const struct mc_daemon_options *o, struct mc_error *err);

/* ---- marking a deploy ---- */
struct mc_mark {
	const char *program, *revision, *host, *note;
	int64_t at_ms;     /* 0: now */
	int64_t delete_id; /* not 0: this deploy of the program is taken out instead (program may be NULL) */
	const char *url;   /* of a daemon elsewhere, "http://[user:password@]host:port"; NULL: the one of `db` */
};
enum { MC_MARK_KNOWN = 1 }; /* it is the newest deploy already, within ten minutes: nothing changed */
/* Through the daemon's socket where one runs, else by the store's lock. ret (may be NULL) is the deploy's
 * JSON. MC_ENOTFOUND: program, revision or id. */
int mc_mark_deploy(const struct mc_config *cfg, const char *db, const struct mc_mark *m, struct mc_buf *ret, struct mc_error *err);
/* A request to the daemon of `db` by its Unix socket. MC_ENOTFOUND: none runs there. *status is HTTP's. */
int mc_daemon_request(const struct mc_config *cfg, const char *db, const char *method, const char *path, const char *body,
	int *status, struct mc_buf *ret, struct mc_error *err);

#endif
