/* A CSV file of a scenario folder, read block by block, and its cells. App only. */
#ifndef MEMCULPRIT_APP_SCENARIO_INPUT_H
#define MEMCULPRIT_APP_SCENARIO_INPUT_H

#include "scenario.h"

enum { NO_COLUMN = -1, SCENARIO_TEXT_MAX = 4096 };

/* csv holds whole lines: [csv.at, csv.end) ends behind a newline, but at the end of the file, and a NUL follows. */
struct input {
	int fd;
	bool ended; /* the file has been read */
	struct mc_buf path;
	char *block;
	size_t cap, kept; /* kept: bytes of a line that is not complete, at block */
	struct mc_csv csv;
};

/* Opens DIR/NAME and reads its header line. MC_ENOTFOUND, MC_EIO, MC_EFORMAT; release it in any case. */
int input_open(struct input *in, const char *dir, const char *name, struct mc_error *err);
/* As mc_csv_next(). */
int input_next(struct input *in, struct mc_error *err);
/* Lets csv have whole lines where it has none left. 0 or MC_CSV_END, MC_EIO, MC_ELIMIT. */
int input_fill(struct input *in, struct mc_error *err);
void input_release(struct input *in);

/* The column of that name in the row that was read, or NO_COLUMN. */
int input_column(const struct mc_csv *c, const char *name);
int input_need_column(const struct mc_csv *c, const char *name, int *ret, struct mc_error *err);
/* A cell of the row; an empty one where the row is too short or column is NO_COLUMN. */
const struct mc_csv_field *input_cell(const struct mc_csv *c, int column);
int input_integer(const struct mc_csv *c, int column, const char *name, int64_t *ret, struct mc_error *err);
int input_time(const struct mc_csv *c, int column, const char *name, int64_t *ret, struct mc_error *err);
/* NaN for an empty cell. */
int input_value(const struct mc_csv *c, int column, const char *name, double *ret, struct mc_error *err);
/* Valid UTF-8 to free(). */
int input_text(const struct mc_csv *c, int column, char **ret, struct mc_error *err);

/* load.csv and deploys.csv into d; a folder may have neither. */
int scenario_read_load(const char *dir, struct scenario_data *d, struct mc_error *err);
int scenario_read_deploys(const char *dir, struct scenario_data *d, struct mc_error *err);

#endif
