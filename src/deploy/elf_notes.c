/* Reading ELF notes of both classes and both byte orders by pread, never past a bound. */
#include "elf_notes.h"

#include <elf.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

enum {
	MOST_SEGMENTS = 512,
	MOST_SECTIONS = 20000,
	NOTES_MAX = 65536, /* of one segment; the kernel itself refuses more than 64 KiB of headers */
	NT_PACKAGE = 0xcafe1a7e,
	NT_GO_BUILD_ID = 4
};

bool mc_elf_read(const struct mc_elf *e, uint64_t off, void *dst, size_t len)
{
	if (off > INT64_MAX || len > INT64_MAX - off)
		return false;
	if (off + len <= e->head_len) {
		memcpy(dst, e->head + off, len);
		return true;
	}
	if (e->fd < 0) {
		if (off > e->mem_len || len > e->mem_len - off)
			return false;
		memcpy(dst, e->mem + off, len);
		return true;
	}
	for (size_t done = 0; done < len;) {
		ssize_t n = pread(e->fd, (char *)dst + done, len - done, (off_t)(off + done));
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		done += (size_t)n;
	}
	return true;
}

uint64_t mc_elf_int(const struct mc_elf *e, const uint8_t *at, size_t size)
{
	uint64_t v = 0;
	for (size_t i = 0; i < size; i++)
		v = v << 8 | at[e->big ? i : size - 1 - i];
	return v;
}

static uint32_t int32_at(const struct mc_elf *e, const uint8_t *at)
{
	return (uint32_t)mc_elf_int(e, at, 4);
}

static int read_header(struct mc_elf *e, struct mc_error *err)
{
	const uint8_t *h = e->head;
	if (e->head_len < sizeof(Elf32_Ehdr) || memcmp(h, ELFMAG, SELFMAG) != 0)
		return mc_fail(err, MC_EFORMAT, 0, "not an ELF file");
	e->is64 = h[EI_CLASS] == ELFCLASS64;
	e->big = h[EI_DATA] == ELFDATA2MSB;
	if ((!e->is64 && h[EI_CLASS] != ELFCLASS32) || (e->is64 && e->head_len < sizeof(Elf64_Ehdr)))
		return mc_fail(err, MC_EFORMAT, 0, "ELF of an unknown class");
	size_t at = e->is64 ? offsetof(Elf64_Ehdr, e_phentsize) : offsetof(Elf32_Ehdr, e_phentsize);
	size_t word = e->is64 ? 8 : 4;
	e->phoff = mc_elf_int(e, h + (e->is64 ? offsetof(Elf64_Ehdr, e_phoff) : offsetof(Elf32_Ehdr, e_phoff)), word);
	e->shoff = mc_elf_int(e, h + (e->is64 ? offsetof(Elf64_Ehdr, e_shoff) : offsetof(Elf32_Ehdr, e_shoff)), word);
	e->phentsize = (uint32_t)mc_elf_int(e, h + at, 2);
	e->phnum = (uint32_t)mc_elf_int(e, h + at + 2, 2);
	e->shentsize = (uint32_t)mc_elf_int(e, h + at + 4, 2);
	e->shnum = (uint32_t)mc_elf_int(e, h + at + 6, 2);
	e->shstrndx = (uint32_t)mc_elf_int(e, h + at + 8, 2);
	if (e->phentsize < (e->is64 ? sizeof(Elf64_Phdr) : sizeof(Elf32_Phdr)))
		e->phnum = 0;
	if (e->shentsize < (e->is64 ? sizeof(Elf64_Shdr) : sizeof(Elf32_Shdr)))
		e->shnum = 0;
	if (e->phnum > MOST_SEGMENTS)
		e->phnum = MOST_SEGMENTS;
	if (e->shnum > MOST_SECTIONS)
		e->shnum = MOST_SECTIONS;
	return 0;
}

int mc_elf_open_fd(struct mc_elf *e, int fd, struct mc_error *err)
{
	e->fd = fd;
	e->mem = NULL;
	e->mem_len = e->head_len = 0;
	ssize_t n;
	do
		n = pread(fd, e->head, sizeof e->head, 0);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return mc_fail(err, MC_EIO, errno, "executable");
	e->head_len = (size_t)n;
	return read_header(e, err);
}

int mc_elf_open_mem(struct mc_elf *e, const void *mem, size_t len, struct mc_error *err)
{
	e->fd = -1;
	e->mem = mem;
	e->mem_len = len;
	e->head_len = len < sizeof e->head ? len : sizeof e->head;
	if (e->head_len > 0)
		memcpy(e->head, mem, e->head_len);
	return read_header(e, err);
}

bool mc_elf_segment(const struct mc_elf *e, uint32_t i, struct mc_elf_segment *ret)
{
	uint8_t b[sizeof(Elf64_Phdr)];
	size_t size = e->is64 ? sizeof(Elf64_Phdr) : sizeof(Elf32_Phdr);
	if (i >= e->phnum || e->phoff > INT64_MAX - (uint64_t)i * e->phentsize ||
		!mc_elf_read(e, e->phoff + (uint64_t)i * e->phentsize, b, size))
		return false;
	ret->type = int32_at(e, b);
	if (e->is64) {
		ret->flags = int32_at(e, b + offsetof(Elf64_Phdr, p_flags));
		ret->off = mc_elf_int(e, b + offsetof(Elf64_Phdr, p_offset), 8);
		ret->vaddr = mc_elf_int(e, b + offsetof(Elf64_Phdr, p_vaddr), 8);
		ret->size = mc_elf_int(e, b + offsetof(Elf64_Phdr, p_filesz), 8);
		ret->align = mc_elf_int(e, b + offsetof(Elf64_Phdr, p_align), 8);
	} else {
		ret->flags = int32_at(e, b + offsetof(Elf32_Phdr, p_flags));
		ret->off = mc_elf_int(e, b + offsetof(Elf32_Phdr, p_offset), 4);
		ret->vaddr = mc_elf_int(e, b + offsetof(Elf32_Phdr, p_vaddr), 4);
		ret->size = mc_elf_int(e, b + offsetof(Elf32_Phdr, p_filesz), 4);
		ret->align = mc_elf_int(e, b + offsetof(Elf32_Phdr, p_align), 4);
	}
	return true;
}

struct section {
	uint32_t name;
	uint64_t off, size;
};

static bool read_section(const struct mc_elf *e, uint32_t i, struct section *ret)
{
	uint8_t b[sizeof(Elf64_Shdr)];
	size_t size = e->is64 ? sizeof(Elf64_Shdr) : sizeof(Elf32_Shdr), word = e->is64 ? 8 : 4;
	if (i >= e->shnum || e->shoff > INT64_MAX - (uint64_t)i * e->shentsize ||
		!mc_elf_read(e, e->shoff + (uint64_t)i * e->shentsize, b, size))
		return false;
	ret->name = int32_at(e, b);
	ret->off = mc_elf_int(e, b + (e->is64 ? offsetof(Elf64_Shdr, sh_offset) : offsetof(Elf32_Shdr, sh_offset)), word);
	ret->size = mc_elf_int(e, b + (e->is64 ? offsetof(Elf64_Shdr, sh_size) : offsetof(Elf32_Shdr, sh_size)), word);
	return true;
}

bool mc_elf_section(const struct mc_elf *e, const char *name, uint64_t *off, uint64_t *size)
{
	struct section names, s;
	char text[64];
	size_t len = strlen(name) + 1;
	if (len > sizeof text || !read_section(e, e->shstrndx, &names))
		return false;
	for (uint32_t i = 0; i < e->shnum; i++) {
		if (!read_section(e, i, &s))
			return false;
		if (s.name >= names.size || names.size - s.name < len || names.off > INT64_MAX - (uint64_t)s.name)
			continue;
		if (mc_elf_read(e, names.off + s.name, text, len) && memcmp(text, name, len) == 0) {
			*off = s.off;
			*size = s.size;
			return true;
		}
	}
	return false;
}

static void hex(const uint8_t *b, size_t len, char out[MC_BUILD_ID_TEXT])
{
	static const char digit[] = "0123456789abcdef";
	if (len > (MC_BUILD_ID_TEXT - 1) / 2)
		len = (MC_BUILD_ID_TEXT - 1) / 2;
	for (size_t i = 0; i < len; i++) {
		out[2 * i] = digit[b[i] >> 4];
		out[2 * i + 1] = digit[b[i] & 15];
	}
	out[2 * len] = '\0';
}

static void take_note(struct mc_elf_facts *f, uint32_t type, const char *owner, size_t owner_len, const uint8_t *desc, size_t len)
{
	bool gnu = owner_len == 4 && memcmp(owner, "GNU", 4) == 0;
	if (gnu && type == NT_GNU_BUILD_ID && len > 0 && f->build_id[0] == '\0') {
		hex(desc, len, f->build_id);
	} else if (owner_len == 4 && memcmp(owner, "FDO", 4) == 0 && type == NT_PACKAGE && !f->package_note) {
		f->package_note = mc_package_note((const char *)desc, strnlen((const char *)desc, len), f);
	} else if (owner_len == 4 && memcmp(owner, "Go\0", 4) == 0 && type == NT_GO_BUILD_ID && len > 0) {
		/* longer than what build_id holds: its end is the hash of the contents */
		size_t most = 60;
		hex(len > most ? desc + (len - most) : desc, len > most ? most : len, f->go_id);
	}
}

/* Walks the notes in [p, p+len). align is 4, or 8 where the segment says so. */
static void walk_notes(const struct mc_elf *e, const uint8_t *p, size_t len, size_t align, struct mc_elf_facts *f)
{
	while (len >= 12) {
		size_t name = int32_at(e, p), desc = int32_at(e, p + 4);
		uint32_t type = int32_at(e, p + 8);
		p += 12;
		len -= 12;
		if (name > len)
			return;
		/* header and name together are padded: with 8-byte alignment the 12 header bytes count */
		size_t step = align == 8 ? ((12 + name + 7) & ~(size_t)7) - 12 : (name + 3) & ~(size_t)3;
		if (step > len || desc > len - step)
			return;
		take_note(f, type, (const char *)p, name, p + step, desc);
		size_t next = step + ((desc + align - 1) & ~(align - 1));
		if (next >= len)
			return;
		p += next;
		len -= next;
	}
}

static int notes_at(const struct mc_elf *e, uint64_t off, uint64_t size, uint64_t align, struct mc_elf_facts *f, struct mc_error *err)
{
	struct mc_buf b = { 0 };
	uint8_t few[2048];
	if (size > NOTES_MAX)
		size = NOTES_MAX;
	if (size <= sizeof few) {
		if (mc_elf_read(e, off, few, (size_t)size))
			walk_notes(e, few, (size_t)size, align == 8 ? 8 : 4, f);
		return 0;
	}
	for (size_t left = (size_t)size; left > 0;) { /* room first: sizes of hostile files are limited above */
		size_t n = left < sizeof few ? left : sizeof few;
		if (!mc_elf_read(e, off + (size - left), few, n))
			break;
		mc_buf_add(&b, few, n);
		left -= n;
	}
	int rc = mc_buf_check(&b, err);
	if (rc == 0 && b.len > 0)
		walk_notes(e, (const uint8_t *)b.data, b.len, align == 8 ? 8 : 4, f);
	mc_buf_release(&b);
	return rc;
}

int mc_elf_facts(struct mc_elf *e, struct mc_elf_facts *ret, struct mc_error *err)
{
	struct mc_elf_facts f = { 0 };
	struct mc_elf_segment s;
	int rc = 0;
	for (uint32_t i = 0; rc == 0 && i < e->phnum && mc_elf_segment(e, i, &s); i++)
		if (s.type == PT_NOTE)
			rc = notes_at(e, s.off, s.size, s.align, &f, err);
	/* without program headers (objects, files of debug symbols) the sections have the notes */
	uint64_t off = 0, size = 0;
	if (rc == 0 && e->phnum == 0 && mc_elf_section(e, ".note.gnu.build-id", &off, &size))
		rc = notes_at(e, off, size, 4, &f, err);
	if (rc == 0 && e->phnum == 0 && mc_elf_section(e, ".note.package", &off, &size))
		rc = notes_at(e, off, size, 4, &f, err);
	if (rc == 0)
		*ret = f;
	return rc;
}
