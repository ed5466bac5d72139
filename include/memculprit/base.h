/* What every stage stands on: errors, buffers, times, numbers as text, JSON, CSV, tables.
 * It knows nothing of memory, processes, SQL or HTTP. */
#ifndef MEMCULPRIT_BASE_H
#define MEMCULPRIT_BASE_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* ---- errors ----
 * A function that can fail returns int: 0 done; below 0 one of these, to be passed up
 * unchanged; above 0 an outcome that its comment names. Its last argument is a
 * struct mc_error, which may be NULL. Filling it never allocates. */
enum mc_code {
	MC_ENOMEM = -1,       /* no memory */
	MC_EIO = -2,          /* the system refused; `sys` holds errno */
	MC_EFORMAT = -3,      /* input is not what it should be */
	MC_ENOTFOUND = -4,    /* the program, revision or file named does not exist */
	MC_EEXIST = -5,       /* it is there already */
	MC_EUSAGE = -6,       /* wrong usage or configuration */
	MC_EBUSY = -7,        /* somebody else holds it */
	MC_ELIMIT = -8,       /* larger than a limit of ours */
	MC_EPERM = -9,        /* not allowed */
	MC_ECORRUPT = -10,    /* stored data is damaged */
	MC_EFOREIGN = -11,    /* a file of another program, or of a newer version */
	MC_EFULL = -12,       /* no room on the disk, or the quota is reached */
	MC_EUNSUPPORTED = -13 /* correct, but not supported */
};

struct mc_error {
	int code;       /* enum mc_code; 0: none */
	int sys;        /* errno, or 0 */
	char text[512]; /* one line, UTF-8, names the thing; no trailing newline */
};

/* Fills err (may be NULL) and returns code. With sys != 0, ": strerror(sys)" is appended. */
int mc_fail(struct mc_error *err, int code, int sys, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));
/* mc_fail with MC_ENOMEM. `what` names what was to be allocated. */
int mc_nomem(struct mc_error *err, const char *what);
#ifdef __clang_analyzer__ /* which cannot see into another file that a failure is below 0 */
#define mc_fail(err, code, ...) ((void)(mc_fail)(err, code, __VA_ARGS__), (int)(code))
#define mc_nomem(err, what) ((void)(mc_nomem)(err, what), (int)MC_ENOMEM)
#endif

/* ---- memory ---- */
/* Like realloc for count * size bytes; NULL (old block kept) where the product overflows. */
void *mc_reallocarray(void *old, size_t count, size_t size);
/* Makes room for `need` elements: *items grows by half or more, *cap is set. 0 or MC_ENOMEM. */
int mc_grow(void **items, size_t *cap, size_t need, size_t size, struct mc_error *err);
/* A copy to free(); NULL without memory, and for NULL. */
char *mc_strdup(const char *s);

/* ---- buffers ----
 * A growing run of bytes, always NUL-terminated once written. Appending after a failed
 * allocation does nothing, so a whole text can be built and checked once at its end. */
struct mc_buf {
	char *data; /* NULL until the first append */
	size_t len; /* bytes, without the NUL */
	size_t cap;
	bool failed; /* an allocation failed or `limit` was reached */
	size_t limit; /* most bytes; 0: no limit */
};
void mc_buf_add(struct mc_buf *b, const void *data, size_t len);
void mc_buf_str(struct mc_buf *b, const char *s);
void mc_buf_printf(struct mc_buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void mc_buf_vprintf(struct mc_buf *b, const char *fmt, va_list ap) __attribute__((format(printf, 2, 0)));
/* Room for `more` bytes behind the text, to be written there and added to b->len (with its NUL) by who asked. NULL: as
 * an append that failed. */
char *mc_buf_room(struct mc_buf *b, size_t more);
/* The text so far, never NULL. Borrowed until the next append. */
const char *mc_buf_text(const struct mc_buf *b);
/* 0, or MC_ENOMEM where an append failed. */
int mc_buf_check(const struct mc_buf *b, struct mc_error *err);
/* Frees the contents; b can be used anew (limit kept). */
void mc_buf_release(struct mc_buf *b);
/* Appends the file's contents. More than `limit` bytes: MC_ELIMIT. dirfd may be AT_FDCWD. */
int mc_read_file(int dirfd, const char *path, size_t limit, struct mc_buf *b, struct mc_error *err);

/* ---- clock ---- */
int64_t mc_now_ms(void);  /* wall clock, Unix milliseconds */
int64_t mc_mono_ns(void); /* CLOCK_MONOTONIC, nanoseconds */

/* ---- times, durations, sizes as text: the one parser and the one printer of each ---- */
/* "now", "-2h", "2026-02-03", "2026-02-03 14:00[:05]" (local time), RFC 3339, or Unix seconds
 * with fraction. `now_ms` is what "now" and "-2h" refer to. 0 and *ret in Unix ms, or MC_EUSAGE. */
int mc_time_parse(const char *text, int64_t now_ms, int64_t *ret, struct mc_error *err);
enum { MC_TIME_TEXT = 32 };
/* "2026-02-03 14:00:05" in local time, or "2026-02-03T14:00:05Z" with utc. Returns out. */
const char *mc_time_text(int64_t ms, bool utc, char out[MC_TIME_TEXT]);
/* "250ms", "10s", "5m" or "5min", "2h", "30d", "2w", "2y"; also sums as "1h30m". A bare number
 * is refused. 0 and *ret in ms, or MC_EUSAGE. */
int mc_duration_parse(const char *text, int64_t *ret, struct mc_error *err);
/* The two largest units: "2 h 5 min", "3 d 4 h", "12 s". Returns out. */
const char *mc_duration_text(int64_t ms, char out[MC_TIME_TEXT]);
/* "512", "64KiB", "1GiB", "10MB". 0 and *ret in bytes, or MC_EUSAGE. */
int mc_size_parse(const char *text, uint64_t *ret, struct mc_error *err);
/* Binary units with three digits: "1.23 MiB", "-45.0 KiB", "0 B". Returns out. */
const char *mc_size_text(double bytes, char out[MC_TIME_TEXT]);

/* ---- numbers ---- */
/* The whole of [s, s+len) as a number, or false. Decimal, no leading blank, sign for i64 and
 * double only; a double also takes "nan" and "inf" as Prometheus writes them (NaN, +Inf). */
bool mc_parse_u64(const char *s, size_t len, uint64_t *ret);
bool mc_parse_i64(const char *s, size_t len, int64_t *ret);
bool mc_parse_double(const char *s, size_t len, double *ret);

/* ---- hostile text ---- */
/* Bytes of the valid UTF-8 character at s (1 to 4), 0 where there is none. */
size_t mc_utf8_len(const char *s, size_t len);
/* Appends [s, s+len) as valid UTF-8: what is invalid becomes U+FFFD. NUL included. */
void mc_utf8_add(struct mc_buf *b, const char *s, size_t len);
/* As mc_utf8_add, for a terminal or a log line: control characters (C0, DEL, C1, bidi
 * overrides) become \n, \t, \xNN, \u202e; a backslash stays. */
void mc_text_add(struct mc_buf *b, const char *s, size_t len);
/* How much of a release's name is for people: 12 digits of a whole commit id, else at most `most` bytes. For "%.*s". */
int mc_name_len(const char *name, int most);
/* As mc_utf8_add, with & < > " ' as entities and control characters but \n, \t as U+FFFD. */
void mc_html_add(struct mc_buf *b, const char *s, size_t len);
/* Columns that the valid UTF-8 text takes in a terminal. */
size_t mc_text_width(const char *s, size_t len);

/* ---- a map from text to number ---- */
struct mc_map; /* keys are copied */
struct mc_map *mc_map_new(void); /* NULL without memory */
void mc_map_free(struct mc_map *m);
/* Sets key (len bytes, any byte) to value. 0 or MC_ENOMEM. */
int mc_map_set(struct mc_map *m, const char *key, size_t len, uint64_t value);
/* True and *ret where the key is there. */
bool mc_map_get(const struct mc_map *m, const char *key, size_t len, uint64_t *ret);
void mc_map_del(struct mc_map *m, const char *key, size_t len);
size_t mc_map_count(const struct mc_map *m);

/* ---- JSON: the one writer and the one reader ----
 * The writer takes values in the order of the text. Between objects' braces `key` is needed,
 * in arrays it is NULL. Text is cleaned to valid UTF-8. A number that is not finite is null. */
struct mc_json;
struct mc_json *mc_json_new(void); /* NULL without memory */
void mc_json_free(struct mc_json *j);
void mc_json_object(struct mc_json *j, const char *key); /* opens one */
void mc_json_array(struct mc_json *j, const char *key);  /* opens one */
void mc_json_close(struct mc_json *j);                   /* closes the innermost */
void mc_json_str(struct mc_json *j, const char *key, const char *s); /* NULL: null */
void mc_json_int(struct mc_json *j, const char *key, int64_t v);
void mc_json_num(struct mc_json *j, const char *key, double v);
void mc_json_bool(struct mc_json *j, const char *key, bool v);
void mc_json_null(struct mc_json *j, const char *key);
/* Splices a whole JSON text that this writer made earlier. */
void mc_json_raw(struct mc_json *j, const char *key, const char *text);
enum { MC_JSON_COMPACT = 0, MC_JSON_INDENT = 1 };
/* Appends the text. 0, MC_ENOMEM; unbalanced use is an assertion. */
int mc_json_text(struct mc_json *j, int how, struct mc_buf *out, struct mc_error *err);

struct mc_jsonv; /* a value that was read; borrowed from its document */
struct mc_jsondoc;
/* Reads a text of at most `limit` bytes. MC_EFORMAT says line and column. */
int mc_jsondoc_parse(const char *text, size_t len, size_t limit, struct mc_jsondoc **ret, struct mc_error *err);
void mc_jsondoc_free(struct mc_jsondoc *d);
const struct mc_jsonv *mc_jsondoc_root(const struct mc_jsondoc *d);
const struct mc_jsonv *mc_jsonv_get(const struct mc_jsonv *v, const char *key); /* NULL: absent or not an object */
const struct mc_jsonv *mc_jsonv_at(const struct mc_jsonv *v, size_t i);         /* NULL: absent or not an array */
size_t mc_jsonv_count(const struct mc_jsonv *v);           /* of an array or object; else 0 */
const char *mc_jsonv_str(const struct mc_jsonv *v);        /* NULL: not a string */
bool mc_jsonv_num(const struct mc_jsonv *v, double *ret);  /* false: not a number */
bool mc_jsonv_int(const struct mc_jsonv *v, int64_t *ret); /* false: not an integer */
bool mc_jsonv_bool(const struct mc_jsonv *v, bool *ret);
bool mc_jsonv_is_object(const struct mc_jsonv *v);

/* ---- CSV: comma, header line, optional quotes, LF or CRLF ---- */
struct mc_csv_field {
	const char *s; /* not terminated */
	size_t len;
};
struct mc_csv {
	const char *file;     /* for messages; borrowed */
	const char *at, *end; /* text not read yet */
	uint32_t line;        /* of the row last read, from 1 */
	size_t count;         /* its fields */
	struct mc_csv_field *fields;
	size_t cap;
	struct mc_buf quoted; /* where fields with doubled quotes are kept */
};
/* Sets up reading [text, text+len); both are borrowed. */
void mc_csv_init(struct mc_csv *c, const char *file, const char *text, size_t len);
enum { MC_CSV_END = 1 };
/* The next row into c->fields (borrowed until the next call). 0, MC_CSV_END, MC_EFORMAT (a quote
 * without end, a NUL, over 4,096 fields), MC_ENOMEM. Empty lines are skipped. */
int mc_csv_next(struct mc_csv *c, struct mc_error *err);
void mc_csv_release(struct mc_csv *c);
/* MC_EFORMAT with "FILE:LINE:COLUMN: what", column being the 1-based number of field i. */
int mc_csv_fail(const struct mc_csv *c, size_t field, const char *name, struct mc_error *err, const char *what);
/* Appends s as a field, quoted where it must be. */
void mc_csv_add(struct mc_buf *b, const char *s);

/* ---- tables in the terminal ---- */
enum mc_align { MC_LEFT, MC_RIGHT };
struct mc_table;
struct mc_table *mc_table_new(void); /* NULL without memory */
void mc_table_free(struct mc_table *t);
void mc_table_column(struct mc_table *t, const char *title, enum mc_align align);
/* Adds a cell; a row is full when it has as many cells as there are columns. `style` is an SGR
 * parameter such as "1;31", or NULL; it is used only where mc_table_print is told colour. */
void mc_table_cell(struct mc_table *t, const char *style, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/* Appends the table, two blanks between columns, no trailing blanks. `width` columns at most: the
 * widest left-aligned column is cut with "…" ("~" with ascii) where it does not fit; 0: no limit. */
int mc_table_print(struct mc_table *t, size_t width, bool color, bool ascii, struct mc_buf *out, struct mc_error *err);

/* ---- log: only app and cli call it; a stage never does ---- */
enum mc_log_level { MC_LOG_DEBUG, MC_LOG_INFO, MC_LOG_WARN, MC_LOG_ERROR };
enum mc_log_format { MC_LOG_LOGFMT, MC_LOG_JSON };
void mc_log_setup(enum mc_log_level least, enum mc_log_format format);
/* One line on stderr: time, level, component, message; cleaned of control characters. */
void mc_log(enum mc_log_level level, const char *component, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

#endif
