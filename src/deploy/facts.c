/* Texts that name a version: commit ids, versions, the package note's JSON, Go's module text. */
#include "elf_notes.h"

#include <ctype.h>
#include <elf.h>
#include <stdlib.h>
#include <string.h>

enum { GO_TEXT_MAX = 1 << 20, PACKAGE_NOTE_MAX = 16384 };

bool mc_commit_text(const char *s, size_t len, char ret[MC_COMMIT_TEXT])
{
	if (len < 7 || len > 64)
		return false;
	for (size_t i = 0; i < len; i++)
		if (!isxdigit((unsigned char)s[i]))
			return false;
	for (size_t i = 0; i < len; i++)
		ret[i] = (char)tolower((unsigned char)s[i]);
	ret[len] = '\0';
	return true;
}

void mc_clean_copy(char *ret, size_t size, const char *s, size_t len)
{
	struct mc_buf b = { 0 };
	mc_text_add(&b, s, len < 4 * size ? len : 4 * size);
	size_t n = 0;
	for (size_t k; n < b.len && (k = mc_utf8_len(b.data + n, b.len - n)) > 0 && n + k < size;)
		n += k;
	if (n > 0)
		memcpy(ret, b.data, n);
	ret[n] = '\0';
	mc_buf_release(&b);
}

bool mc_version_text(const char *s, size_t len, char ret[MC_VERSION_TEXT])
{
	while (len > 0 && (s[0] == ' ' || s[0] == '\t' || s[0] == '\n' || s[0] == '\r'))
		s++, len--;
	while (len > 0 && (s[len - 1] == ' ' || s[len - 1] == '\t' || s[len - 1] == '\n' || s[len - 1] == '\r'))
		len--;
	if (len == 0)
		return false;
	mc_clean_copy(ret, MC_VERSION_TEXT, s, len);
	return ret[0] != '\0';
}

bool mc_package_note(const char *text, size_t len, struct mc_elf_facts *f)
{
	static const char *const versions[] = { "version", "appVersion", "packageVersion" };
	static const char *const commits[] = { "commit", "gitCommit", "git_commit", "vcs_revision", "revision", "vcsRef" };
	struct mc_jsondoc *d = NULL;
	if (mc_jsondoc_parse(text, len, PACKAGE_NOTE_MAX, &d, NULL) < 0)
		return false;
	const struct mc_jsonv *root = mc_jsondoc_root(d);
	bool found = false;
	for (size_t i = 0; i < sizeof versions / sizeof *versions && f->version[0] == '\0'; i++) {
		const char *s = mc_jsonv_str(mc_jsonv_get(root, versions[i]));
		found |= s && mc_version_text(s, strlen(s), f->version);
	}
	for (size_t i = 0; i < sizeof commits / sizeof *commits && f->commit[0] == '\0'; i++) {
		const char *s = mc_jsonv_str(mc_jsonv_get(root, commits[i]));
		found |= s && mc_commit_text(s, strlen(s), f->commit);
	}
	mc_jsondoc_free(d);
	return found;
}

static bool starts(const char *s, size_t len, const char *with, size_t *n)
{
	*n = strlen(with);
	return len >= *n && memcmp(s, with, *n) == 0;
}

void mc_go_modinfo(const char *text, size_t len, char version[MC_VERSION_TEXT], char commit[MC_COMMIT_TEXT])
{
	while (len > 0) {
		const char *nl = memchr(text, '\n', len);
		size_t line = nl ? (size_t)(nl - text) : len, n;
		if (starts(text, line, "build\tvcs.revision=", &n)) {
			mc_commit_text(text + n, line - n, commit);
		} else if (starts(text, line, "mod\t", &n)) {
			const char *v = memchr(text + n, '\t', line - n);
			const char *end = v ? memchr(v + 1, '\t', line - (size_t)(v + 1 - text)) : NULL;
			if (v) {
				size_t vlen = (size_t)((end ? end : text + line) - (v + 1));
				/* "(devel)" says only that nobody gave it a version */
				if (!(vlen == 7 && memcmp(v + 1, "(devel)", 7) == 0))
					mc_version_text(v + 1, vlen, version);
			}
		}
		if (!nl)
			return;
		len -= line + 1;
		text = nl + 1;
	}
}

/* Go 1.18 and later: two strings follow the 32-byte header, each with its length as a varint. */
static bool inline_string(const struct mc_elf *e, uint64_t *at, uint64_t *start, uint64_t *len)
{
	uint64_t v = 0;
	for (unsigned shift = 0; shift < 63; shift += 7) {
		uint8_t b;
		if (!mc_elf_read(e, (*at)++, &b, 1))
			return false;
		v |= (uint64_t)(b & 0x7f) << shift;
		if (b & 0x80)
			continue;
		*start = *at;
		*len = v;
		if (v > GO_TEXT_MAX)
			return false;
		*at += v;
		return true;
	}
	return false;
}

/* A file offset for an address, or UINT64_MAX. */
static uint64_t offset_of(const struct mc_elf *e, uint64_t vaddr)
{
	struct mc_elf_segment s;
	for (uint32_t i = 0; i < e->phnum && mc_elf_segment(e, i, &s); i++)
		if (s.type == PT_LOAD && vaddr >= s.vaddr && vaddr - s.vaddr < s.size && s.off <= INT64_MAX - (vaddr - s.vaddr))
			return s.off + (vaddr - s.vaddr);
	return UINT64_MAX;
}

/* Before Go 1.18: a pointer to a string header {pointer, length}. */
static bool pointed_string(const struct mc_elf *e, uint64_t at, size_t word, uint64_t *start, uint64_t *len)
{
	uint8_t b[16];
	if (!mc_elf_read(e, at, b, word))
		return false;
	uint64_t header = offset_of(e, mc_elf_int(e, b, word));
	if (header == UINT64_MAX || !mc_elf_read(e, header, b, 2 * word))
		return false;
	*start = offset_of(e, mc_elf_int(e, b, word));
	*len = mc_elf_int(e, b + word, word);
	return *start != UINT64_MAX && *len <= GO_TEXT_MAX;
}

static bool go_text_at(const struct mc_elf *e, uint64_t off, uint64_t *start, uint64_t *len)
{
	uint8_t h[16];
	if (!mc_elf_read(e, off, h, sizeof h) || memcmp(h, "\xff Go buildinf:", 14) != 0)
		return false;
	if (h[15] & 2) {
		uint64_t at = off + 32;
		return inline_string(e, &at, start, len) && inline_string(e, &at, start, len);
	}
	size_t word = h[14];
	struct mc_elf as = *e;
	as.big = (h[15] & 1) != 0;
	return (word == 4 || word == 8) && pointed_string(&as, off + 16 + word, word, start, len);
}

int mc_elf_go(struct mc_elf *e, char version[MC_VERSION_TEXT], char commit[MC_COMMIT_TEXT])
{
	uint64_t off, size, start = 0, len = 0;
	struct mc_elf_segment s;
	bool found = mc_elf_section(e, ".go.buildinfo", &off, &size) && go_text_at(e, off, &start, &len);
	/* a stripped file: it begins the first writable segment */
	for (uint32_t i = 0; !found && i < e->phnum && mc_elf_segment(e, i, &s); i++)
		if (s.type == PT_LOAD && (s.flags & (PF_W | PF_X)) == PF_W)
			found = go_text_at(e, s.off, &start, &len);
	/* the text stands between two markers of 16 bytes */
	if (!found || len < 33)
		return 1;
	char *text = malloc((size_t)len);
	if (!text)
		return 1; /* as if there were none: the build-id still tells builds apart */
	bool read = mc_elf_read(e, start, text, (size_t)len);
	if (read)
		mc_go_modinfo(text + 16, (size_t)len - 32, version, commit);
	free(text);
	return read ? 0 : 1;
}
