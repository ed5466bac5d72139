/* The YAML of the configuration and of the web configuration: any bytes give settings or errors with a place. */
#include "memculprit/app.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "config_parts.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct tree t;
	struct mc_error err = { 0 };
	struct mc_config c;
	struct mc_buf lines = { 0 };
	int rc = tree_read("f", (const char *)data, size, &t, &err);
	assert(rc == 0 || strncmp(err.text, "f:", 2) == 0);
	if (rc < 0)
		return 0;
	struct tree_report r = { .file = "f", .lines = &lines, .err = &err };
	if (mc_config_defaults(&c, NULL) == 0) {
		assert(config_take(&c, &t, &r, &err) == 0);
		assert((r.count == 0) == (lines.len == 0));
		mc_config_release(&c);
	}
	mc_buf_release(&lines);
	tree_release(&t);
	return 0;
}
