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
	enum { MC_PSS_AUTO, MC_PSS_OFF, MC_PSS_ON } pss;
	size_t max_programs, max_processes;
	char *store_path;
	int64_t keep_ms, keep_hourly_ms;
	uint64_t quota_bytes;
	char **listen;
	size_t nlisten;
	char *socket;             /* NULL: not given, see mc_config_socket() */
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
/* The object of INTERFACE ("schema": 1, ...). */
void mc_blame_json(struct mc_json *j, const char *key, const struct mc_blame *b);

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
