/* A program of the store by its name. */
#include "program.h"

#include <string.h>

int program_unknown(const char *name, struct mc_error *err)
{
	return mc_fail(err, MC_ENOTFOUND, 0, "no program '%.100s' in the database; 'memculprit status' lists those that are", name);
}

int program_find(struct mc_store *s, const char *name, struct mc_program_row *ret, struct mc_error *err)
{
	struct mc_program_row *rows = NULL;
	size_t n = 0, i = 0;
	int rc = mc_store_programs(s, &rows, &n, err);
	while (i < n && strcmp(rows[i].name, name) != 0)
		i++;
	if (rc == 0 && i == n)
		rc = program_unknown(name, err);
	if (rc == 0) {
		*ret = rows[i];
		ret->name = NULL; /* it was the list's */
	}
	mc_store_programs_free(rows, n);
	return rc;
}
