/* ELF files out of hostile bytes: both classes, both byte orders, every offset and length wrong. */
#include <stdlib.h>
#include <string.h>

#include "elf_notes.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct mc_elf e;
	struct mc_elf_facts f;
	char version[MC_VERSION_TEXT] = "", commit[MC_COMMIT_TEXT] = "";
	if (mc_elf_open_mem(&e, data, size, NULL) < 0 || mc_elf_facts(&e, &f, NULL) < 0)
		return 0;
	if (strnlen(f.build_id, sizeof f.build_id) == sizeof f.build_id || strspn(f.build_id, "0123456789abcdef") != strlen(f.build_id))
		abort();
	if (strspn(f.commit, "0123456789abcdef") != strlen(f.commit) || strnlen(f.version, sizeof f.version) == sizeof f.version)
		abort();
	(void)mc_elf_go(&e, version, commit);
	if (strspn(commit, "0123456789abcdef") != strlen(commit))
		abort();
	return 0;
}
