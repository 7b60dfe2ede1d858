/* SPDX-License-Identifier: MIT */
/*
 * ELF headers, segments and sections. Everything is read with pread into our own memory: a file that is
 * truncated meanwhile gives a short read, where a mapping would give SIGBUS; and a sparse file of a
 * terabyte cannot make us allocate what its headers claim (libelf would believe e_shnum and sh_size).
 */
#include "user/symbol/elf_file.h"
#include "user/util/alloc.h"
#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#define MAX_SEGMENTS 512
#define MAX_NOTES    4096

static bool read_at(const struct elf_file *e, uint64_t offset, void *out, size_t len)
{
	char *to = out;

	if (offset > e->file_size || len > e->file_size - offset)
		return false;
	while (len) {
		ssize_t got = pread(e->fd, to, len, (off_t)offset);

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return false;
		to += got;
		offset += (uint64_t)got;
		len -= (size_t)got;
	}
	return true;
}

typedef bool (*read_fn)(const struct elf_file *e, uint64_t at, void *out, size_t len);

static void *copy(const struct elf_file *e, read_fn read, uint64_t at, uint64_t len)
{
	char *bytes;

	if (!len || len > ELF_MAX_BLOB || len > e->file_size)
		return NULL;
	bytes = xmalloc(len + 1);
	if (!read(e, at, bytes, len)) {
		free(bytes);
		return NULL;
	}
	bytes[len] = 0;
	return bytes;
}

void *elf_file__blob(const struct elf_file *e, uint64_t offset, uint64_t len)
{
	return copy(e, read_at, offset, len);
}

void *elf_file__blob_at(const struct elf_file *e, uint64_t vaddr, uint64_t len)
{
	return copy(e, elf_file__read, vaddr, len);
}

static bool header_usable(const Elf64_Ehdr *h)
{
	return !memcmp(h->e_ident, ELFMAG, SELFMAG) && h->e_ident[EI_CLASS] == ELFCLASS64 &&
	       h->e_ident[EI_DATA] == ELFDATA2LSB && h->e_version == EV_CURRENT &&
	       (h->e_type == ET_EXEC || h->e_type == ET_DYN) && h->e_phentsize == sizeof(Elf64_Phdr) && h->e_phnum &&
	       h->e_phnum <= MAX_SEGMENTS;
}

static void add_load(struct elf_file *e, const Elf64_Phdr *p)
{
	bool wraps = p->p_vaddr + p->p_memsz < p->p_vaddr || p->p_offset + p->p_filesz < p->p_offset;

	if (wraps || p->p_filesz > p->p_memsz || e->load_count == ELF_MAX_LOADS)
		return;
	e->loads[e->load_count++] =
		(struct elf_load){p->p_vaddr, p->p_offset, p->p_filesz, p->p_memsz, (p->p_flags & PF_X) != 0};
}

/* Notes of any maker: {bytes of its name, bytes of what it says, kind}, then both. Is one NT_GNU_ABI_TAG of "GNU"? */
static bool has_abi_note(const struct elf_file *e, const Elf64_Phdr *p)
{
	__cleanup_free char *notes = p->p_filesz <= MAX_NOTES ? elf_file__blob(e, p->p_offset, p->p_filesz) : NULL;
	uint64_t align = p->p_align == 8 ? 8 : 4, at = 0;
	Elf64_Nhdr n;

	while (notes && at + sizeof(n) + sizeof(ELF_NOTE_GNU) <= p->p_filesz) {
		memcpy(&n, notes + at, sizeof(n));
		at += sizeof(n);
		if (n.n_type == NT_GNU_ABI_TAG && n.n_namesz == sizeof(ELF_NOTE_GNU) &&
		    !memcmp(notes + at, ELF_NOTE_GNU, sizeof(ELF_NOTE_GNU)))
			return true;
		at += ((uint64_t)n.n_namesz + align - 1) / align * align;
		at += ((uint64_t)n.n_descsz + align - 1) / align * align;
	}
	return false;
}

static bool read_segments(struct elf_file *e, const Elf64_Ehdr *h)
{
	__cleanup_free Elf64_Phdr *p = elf_file__blob(e, h->e_phoff, h->e_phnum * sizeof(*p));

	if (!p)
		return false;
	for (unsigned i = 0; i < h->e_phnum; i++) {
		if (p[i].p_type == PT_LOAD) {
			add_load(e, &p[i]);
		} else if (p[i].p_type == PT_DYNAMIC) {
			e->dynamic_vaddr = p[i].p_vaddr;
			e->dynamic_bytes = p[i].p_filesz;
		} else if (p[i].p_type == PT_INTERP) {
			e->has_loader = true;
		} else if (p[i].p_type == PT_GNU_EH_FRAME) {
			e->unwind_header = p[i].p_vaddr;
		} else if (p[i].p_type == PT_NOTE) {
			e->is_gnu |= has_abi_note(e, &p[i]);
		}
	}
	return e->load_count > 0;
}

/* Section headers are a bonus: a file stripped of them is as good without. */
static void read_sections(struct elf_file *e, const Elf64_Ehdr *h)
{
	const Elf64_Shdr *names;

	if (h->e_shentsize != sizeof(Elf64_Shdr) || h->e_shnum > ELF_MAX_SECTIONS || h->e_shstrndx >= h->e_shnum)
		return;
	e->sections = elf_file__blob(e, h->e_shoff, h->e_shnum * sizeof(Elf64_Shdr));
	if (!e->sections)
		return;
	e->section_count = h->e_shnum;
	names = &e->sections[h->e_shstrndx];
	e->section_names = elf_file__blob(e, names->sh_offset, names->sh_size);
	e->section_names_len = e->section_names ? names->sh_size : 0;
}

struct elf_file *elf_file__open(int fd)
{
	struct elf_file *e;
	Elf64_Ehdr header;
	struct stat st;

	if (fstat(fd, &st) || !S_ISREG(st.st_mode))
		return NULL;
	e = xcalloc(1, sizeof(*e));
	e->fd = fd;
	e->file_size = (uint64_t)st.st_size;
	if (!read_at(e, 0, &header, sizeof(header)) || !header_usable(&header) || !read_segments(e, &header)) {
		elf_file__free(e);
		return NULL;
	}
	e->machine = header.e_machine;
	e->entry = header.e_entry;
	read_sections(e, &header);
	return e;
}

static void free_symtab(struct elf_symtab *t)
{
	free(t->symbols);
	free(t->names);
	free(t->slots);
}

void elf_file__free(struct elf_file *e)
{
	if (!e)
		return;
	free_symtab(&e->dynsym);
	free_symtab(&e->symtab);
	free(e->relocs);
	free(e->sections);
	free(e->section_names);
	free(e);
}

unsigned elf_file__machine(const struct elf_file *e)
{
	return e->machine;
}

uint64_t elf_file__entry(const struct elf_file *e)
{
	return e->entry;
}

bool elf_file__has_abi_note(const struct elf_file *e)
{
	return e->is_gnu;
}

bool elf_file__part(const struct elf_file *e, size_t number, struct elf_part *out)
{
	if (number >= e->load_count)
		return false;
	*out = (struct elf_part){e->loads[number].vaddr, e->loads[number].offset, e->loads[number].file_bytes,
				 e->loads[number].exec};
	return true;
}

static const Elf64_Shdr *section_of(const struct elf_file *e, const char *name)
{
	for (size_t i = 0; i < e->section_count; i++) {
		const Elf64_Shdr *s = &e->sections[i];

		if (s->sh_name < e->section_names_len && !strcmp(e->section_names + s->sh_name, name))
			return s;
	}
	return NULL;
}

bool elf_file__section(const struct elf_file *e, const char *name, uint64_t *vaddr, uint64_t *size)
{
	const Elf64_Shdr *s = section_of(e, name);

	if (!s)
		return false;
	*vaddr = s->sh_addr;
	*size = s->sh_size;
	return true;
}

void *elf_file__section_blob(const struct elf_file *e, const char *name, size_t *len)
{
	const Elf64_Shdr *s = section_of(e, name);
	void *bytes = s && s->sh_type != SHT_NOBITS ? elf_file__blob(e, s->sh_offset, s->sh_size) : NULL;

	*len = bytes ? s->sh_size : 0;
	return bytes;
}

static const struct elf_load *load_of(const struct elf_file *e, uint64_t vaddr)
{
	for (size_t i = 0; i < e->load_count; i++) {
		const struct elf_load *l = &e->loads[i];

		if (vaddr >= l->vaddr && vaddr - l->vaddr < l->mem_bytes)
			return l;
	}
	return NULL;
}

/* Reads what one segment has of [vaddr, vaddr + len); the number of bytes, 0 on failure. */
static size_t read_piece(const struct elf_file *e, uint64_t vaddr, void *out, size_t len)
{
	const struct elf_load *l = load_of(e, vaddr);
	uint64_t at, left;

	if (!l)
		return 0;
	at = vaddr - l->vaddr;
	left = l->mem_bytes - at;
	if (at < l->file_bytes)
		left = l->file_bytes - at;
	if (len > left)
		len = left;
	if (at >= l->file_bytes)
		memset(out, 0, len);
	else if (!read_at(e, l->offset + at, out, len))
		return 0;
	return len;
}

bool elf_file__read(const struct elf_file *e, uint64_t vaddr, void *out, size_t len)
{
	char *to = out;

	while (len) {
		size_t got = read_piece(e, vaddr, to, len);

		if (!got)
			return false;
		vaddr += got;
		to += got;
		len -= got;
	}
	return true;
}
