/* Texts that name a version, hostile: the first byte chooses the parser, the rest is its text. */
#include <stdlib.h>
#include <string.h>

#include "elf_notes.h"
#include "process.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What is handed out ends inside its room, is UTF-8 and shows no control character. */
static void clean(const char *s, size_t room)
{
	size_t len = strnlen(s, room);
	if (len == room)
		abort();
	for (size_t n = 0, k; n < len; n += k) {
		k = mc_utf8_len(s + n, len - n);
		if (k == 0 || (unsigned char)s[n] < 32 || s[n] == 127)
			abort();
	}
}

static void tracked(const char *text, size_t len)
{
	struct mc_tracker *t = mc_tracker_new(), *again = mc_tracker_new();
	struct mc_buf a = { 0 }, b = { 0 };
	if (t && again && mc_tracker_load(t, "p", text, len, NULL) == 0 && mc_tracker_save(t, "p", &a, NULL) == 0 &&
		mc_tracker_load(again, "p", a.data, a.len, NULL) == 0 && mc_tracker_save(again, "p", &b, NULL) == 0 &&
		(a.len != b.len || memcmp(a.data, b.data, a.len) != 0))
		abort();
	mc_buf_release(&a);
	mc_buf_release(&b);
	mc_tracker_free(t);
	mc_tracker_free(again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct mc_elf_facts f = { 0 };
	char version[MC_VERSION_TEXT] = "", commit[MC_COMMIT_TEXT] = "", name[64] = "", what[160];
	int64_t newest;
	if (size == 0)
		return 0;
	const char *text = (const char *)data + 1;
	size_t len = size - 1;
	char *line = malloc(len + 1);
	if (!line)
		return 0;
	memcpy(line, text, len);
	line[len] = '\0';
	switch (data[0] % 6) {
	case 0:
		mc_package_note(text, len, &f);
		clean(f.version, sizeof f.version);
		clean(f.commit, sizeof f.commit);
		break;
	case 1: mc_go_modinfo(text, len, version, commit); break;
	case 2: mc_reflog_at(text, len, 1700000000, commit); break;
	case 3: (void)mc_index_newest((const uint8_t *)text, len, &newest); break;
	case 4: tracked(text, len); break;
	default:
		if (mc_library_name(line, name, version))
			clean(name, sizeof name);
		mc_release_name(line, what, sizeof what);
		clean(what, sizeof what);
		(void)mc_image_tag(line, version);
		(void)mc_pod_template(text, len, version);
		(void)mc_version_text(text, len, version);
	}
	clean(version, sizeof version);
	clean(commit, sizeof commit);
	free(line);
	return 0;
}
