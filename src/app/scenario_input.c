/* CSV files block by block, so that a large folder is not in memory twice. */
#include "scenario_input.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { BLOCK = 256 * 1024, LINE_MAX_BYTES = 16 * 1024 * 1024 };

int input_column(const struct mc_csv *c, const char *name)
{
	for (size_t i = 0; i < c->count; i++)
		if (c->fields[i].len == strlen(name) && memcmp(c->fields[i].s, name, c->fields[i].len) == 0)
			return (int)i;
	return NO_COLUMN;
}

int input_need_column(const struct mc_csv *c, const char *name, int *ret, struct mc_error *err)
{
	*ret = input_column(c, name);
	if (*ret == NO_COLUMN)
		return mc_fail(err, MC_EFORMAT, 0, "%s:%u:1: no column '%s' in the header line", c->file, c->line, name);
	return 0;
}

const struct mc_csv_field *input_cell(const struct mc_csv *c, int column)
{
	static const struct mc_csv_field empty = { "", 0 };
	return column >= 0 && (size_t)column < c->count ? &c->fields[column] : &empty;
}

int input_integer(const struct mc_csv *c, int column, const char *name, int64_t *ret, struct mc_error *err)
{
	const struct mc_csv_field *f = input_cell(c, column);
	if (!mc_parse_i64(f->s, f->len, ret))
		return mc_csv_fail(c, (size_t)column, name, err, f->len ? "not a whole number" : "empty; a whole number is needed");
	return 0;
}

/* Points in time: within what a date can say, so that differences never overflow. */
int input_time(const struct mc_csv *c, int column, const char *name, int64_t *ret, struct mc_error *err)
{
	const int64_t most = (int64_t)1 << 53;
	int rc = input_integer(c, column, name, ret, err);
	if (rc == 0 && (*ret > most || *ret < -most))
		return mc_csv_fail(c, (size_t)column, name, err, "not a time in Unix milliseconds");
	return rc;
}

/* A sampled value; empty is "not sampled". */
int input_value(const struct mc_csv *c, int column, const char *name, double *ret, struct mc_error *err)
{
	const struct mc_csv_field *f = input_cell(c, column);
	*ret = (double)NAN;
	if (f->len == 0 || mc_parse_double(f->s, f->len, ret))
		return 0;
	return mc_csv_fail(c, (size_t)column, name, err, "not a number");
}

int input_text(const struct mc_csv *c, int column, char **ret, struct mc_error *err)
{
	const struct mc_csv_field *f = input_cell(c, column);
	struct mc_buf b = { 0 };
	if (f->len > SCENARIO_TEXT_MAX)
		return mc_csv_fail(c, (size_t)column, NULL, err, "longer than 4096 bytes");
	mc_utf8_add(&b, f->s, f->len);
	mc_buf_add(&b, "", 0);
	if (mc_buf_check(&b, err) < 0) {
		mc_buf_release(&b);
		return MC_ENOMEM;
	}
	*ret = b.data;
	return 0;
}

/* Room for a block behind what is kept: a line longer than that makes it grow. */
static int room(struct input *in, struct mc_error *err)
{
	if (in->cap - in->kept > BLOCK / 2)
		return 0;
	if (in->kept > LINE_MAX_BYTES)
		return mc_fail(err, MC_ELIMIT, 0, "%s:%u:1: a line of more than 16 MiB", mc_buf_text(&in->path), in->csv.line + 1);
	size_t cap = in->cap + (in->cap > BLOCK ? in->cap : BLOCK);
	char *p = realloc(in->block, cap + 1);
	if (!p)
		return mc_nomem(err, "a block of a file");
	in->block = p;
	in->cap = cap;
	return 0;
}

static int read_some(struct input *in, size_t *got, struct mc_error *err)
{
	ssize_t n;
	do
		n = read(in->fd, in->block + in->kept, in->cap - in->kept);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return mc_fail(err, MC_EIO, errno, "%s", mc_buf_text(&in->path));
	*got = (size_t)n;
	in->ended = n == 0;
	return 0;
}

static void give(struct input *in, size_t len)
{
	in->csv.at = in->block;
	in->csv.end = in->block + len;
}

int input_fill(struct input *in, struct mc_error *err)
{
	if (in->csv.at < in->csv.end)
		return 0;
	if (in->kept)
		memmove(in->block, in->csv.end, in->kept);
	while (!in->ended) {
		size_t got = 0;
		int rc = room(in, err);
		if (rc == 0)
			rc = read_some(in, &got, err);
		if (rc < 0)
			return rc;
		size_t len = in->kept + got;
		const char *last = got ? memrchr(in->block + in->kept, '\n', got) : NULL;
		in->block[len] = '\0';
		in->kept = len;
		if (last) {
			give(in, (size_t)(last + 1 - in->block));
			in->kept = len - (size_t)(last + 1 - in->block);
			return 0;
		}
	}
	give(in, in->kept); /* the last line needs no newline */
	in->kept = 0;
	return in->csv.at < in->csv.end ? 0 : MC_CSV_END;
}

int input_next(struct input *in, struct mc_error *err)
{
	for (;;) {
		int rc = input_fill(in, err);
		if (rc == 0)
			rc = mc_csv_next(&in->csv, err);
		else
			return rc;
		if (rc != MC_CSV_END)
			return rc;
	}
}

int input_open(struct input *in, const char *dir, const char *name, struct mc_error *err)
{
	*in = (struct input){ .fd = -1 };
	mc_buf_printf(&in->path, "%s/%s", dir, name);
	if (mc_buf_check(&in->path, err) < 0)
		return MC_ENOMEM;
	const char *path = mc_buf_text(&in->path);
	in->fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK); /* a pipe that nobody writes to would hold us up for ever */
	struct stat st;
	if (in->fd >= 0 && fstat(in->fd, &st) == 0 && S_ISFIFO(st.st_mode))
		return mc_fail(err, MC_EFORMAT, 0, "%s is a pipe; a file is needed", path);
	if (in->fd < 0)
		return mc_fail(err, errno == ENOENT || errno == ENOTDIR ? MC_ENOTFOUND : MC_EIO, errno, "%s", path);
	mc_csv_init(&in->csv, path, "", 0);
	int rc = input_fill(in, err);
	if (rc == 0) {
		struct mc_csv first;
		mc_csv_init(&first, path, in->csv.at, (size_t)(in->csv.end - in->csv.at)); /* it skips a byte order mark */
		in->csv = first;
		rc = input_next(in, err);
	}
	if (rc == MC_CSV_END)
		return mc_fail(err, MC_EFORMAT, 0, "%s:1:1: empty; a header line is needed", path);
	return rc;
}

void input_release(struct input *in)
{
	if (in->fd >= 0)
		close(in->fd);
	mc_csv_release(&in->csv);
	mc_buf_release(&in->path);
	free(in->block);
}
