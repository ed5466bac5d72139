#include "store_world.h"

#include <stdlib.h>
#include <string.h>

char dir[64], path[96];

int new_dir(void **state)
{
	(void)state;
	strcpy(dir, "/tmp/mc-store-XXXXXX");
	if (!mkdtemp(dir))
		return -1;
	snprintf(path, sizeof path, "%s/a.db", dir);
	return 0;
}

int remove_dir(void **state)
{
	(void)state;
	char command[128];
	snprintf(command, sizeof command, "rm -rf %s", dir);
	return system(command);
}

struct mc_store *open_as(const char *file, enum mc_store_mode mode)
{
	struct mc_store *s = NULL;
	struct mc_store_config c = { .path = file, .mode = mode, .host = mode == MC_STORE_WRITE ? "web-1" : NULL };
	OK(mc_store_open(&c, &s, E));
	return s;
}

void sql(const char *text)
{
	sqlite3 *db;
	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	if (sqlite3_exec(db, text, NULL, NULL, NULL) != SQLITE_OK)
		fail_msg("%s: %s", text, sqlite3_errmsg(db));
	sqlite3_close(db);
}
