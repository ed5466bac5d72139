/* What an ELF file says of itself: build-id, package note, Go's build information.
 * Every offset and length in the file is taken as hostile; nothing is mapped, only pread. */
#ifndef MC_DEPLOY_ELF_H
#define MC_DEPLOY_ELF_H

#include "memculprit/base.h"
#include "memculprit/deploy.h"

/* Where the bytes come from: a descriptor, or memory (tests and fuzzing) where fd is below 0. */
struct mc_elf {
	int fd;
	const uint8_t *mem;
	size_t mem_len;
	uint8_t head[4096]; /* the beginning, which nearly always holds the notes */
	size_t head_len;
	bool is64, big;
	uint64_t phoff, shoff;
	uint32_t phnum, shnum, shentsize, phentsize, shstrndx;
};

struct mc_elf_facts {
	char build_id[MC_BUILD_ID_TEXT]; /* "" none */
	char go_id[MC_BUILD_ID_TEXT];    /* Go's own id, hex of its last bytes, "" none */
	bool package_note;
	char version[MC_VERSION_TEXT]; /* of the package note */
	char commit[MC_COMMIT_TEXT];
};

/* MC_EFORMAT: not ELF, or its header makes no sense. A damaged note is left out, not an error. */
int mc_elf_open_fd(struct mc_elf *e, int fd, struct mc_error *err);
int mc_elf_open_mem(struct mc_elf *e, const void *mem, size_t len, struct mc_error *err);
int mc_elf_facts(struct mc_elf *e, struct mc_elf_facts *ret, struct mc_error *err);
/* Exactly len bytes at off, or false. */
bool mc_elf_read(const struct mc_elf *e, uint64_t off, void *dst, size_t len);
uint64_t mc_elf_int(const struct mc_elf *e, const uint8_t *at, size_t size);

struct mc_elf_segment {
	uint32_t type, flags;
	uint64_t off, vaddr, size, align;
};
/* Program header i, or false. */
bool mc_elf_segment(const struct mc_elf *e, uint32_t i, struct mc_elf_segment *ret);
/* The first section of that name: its place in the file, or false. */
bool mc_elf_section(const struct mc_elf *e, const char *name, uint64_t *off, uint64_t *size);

/* Go's build information: vcs.revision and the main module's version. 0, or 1: there is none. */
int mc_elf_go(struct mc_elf *e, char version[MC_VERSION_TEXT], char commit[MC_COMMIT_TEXT]);
/* The module text between Go's markers into version and commit. */
void mc_go_modinfo(const char *text, size_t len, char version[MC_VERSION_TEXT], char commit[MC_COMMIT_TEXT]);
/* The JSON of a package note into f. False: it is no object with a version or commit. */
bool mc_package_note(const char *text, size_t len, struct mc_elf_facts *f);

/* Copies a commit id (7 to 64 hex digits, made lower case) or leaves ret alone and returns false. */
bool mc_commit_text(const char *s, size_t len, char ret[MC_COMMIT_TEXT]);
/* Hostile bytes as valid UTF-8 without control characters, cut between characters to size - 1 bytes. */
void mc_clean_copy(char *ret, size_t size, const char *s, size_t len);
/* Copies a version: outer blanks dropped, valid UTF-8 without control characters, cut between characters. */
bool mc_version_text(const char *s, size_t len, char ret[MC_VERSION_TEXT]);

#endif
