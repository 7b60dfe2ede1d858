/* SPDX-License-Identifier: MIT */
/*
 * Symbols, needed libraries and relocations of an ELF file. Dynamic symbols are found through PT_DYNAMIC,
 * as the loader does it: that works with and without section headers. The full table (.symtab) exists
 * only as a section. Tables are read once, at first use.
 */
#include "user/symbol/arch.h"
#include "user/symbol/elf_file.h"
#include "user/util/alloc.h"
#include <string.h>

#define MAX_DYNAMIC 4096
#define MAX_SYMBOLS (ELF_MAX_BLOB / sizeof(Elf64_Sym))
#define MAX_CHAIN   65536 /* of one hash bucket */

struct dynamic {
	Elf64_Dyn *entries;
	size_t count;
};

static void cleanup_dynamic(struct dynamic *d)
{
	free(d->entries);
}

static struct dynamic read_dynamic(const struct elf_file *e)
{
	struct dynamic d = {NULL, e->dynamic_bytes / sizeof(Elf64_Dyn)};

	if (d.count > MAX_DYNAMIC)
		d.count = MAX_DYNAMIC;
	d.entries = elf_file__blob_at(e, e->dynamic_vaddr, d.count * sizeof(Elf64_Dyn));
	if (!d.entries)
		d.count = 0;
	for (size_t i = 0; i < d.count; i++) {
		if (d.entries[i].d_tag == DT_NULL)
			d.count = i;
	}
	return d;
}

static bool dynamic_value(const struct dynamic *d, Elf64_Sxword tag, uint64_t *value)
{
	for (size_t i = 0; i < d->count; i++) {
		if (d->entries[i].d_tag == tag) {
			*value = d->entries[i].d_un.d_val;
			return true;
		}
	}
	return false;
}

/* The last entry of the longest-reaching chain is the last symbol. */
static size_t gnu_hash_count(const struct elf_file *e, uint64_t table)
{
	uint32_t head[4], last = 0, link = 0;
	__cleanup_free uint32_t *buckets = NULL;
	uint64_t chains;

	if (!elf_file__read(e, table, head, sizeof(head)))
		return 0;
	/* head: bucket count, first hashed symbol, bloom words, bloom shift */
	table += sizeof(head) + 8ull * head[2];
	chains = table + 4ull * head[0];
	buckets = elf_file__blob_at(e, table, 4ull * head[0]);
	if (!buckets)
		return 0;
	for (uint32_t i = 0; i < head[0]; i++) {
		if (buckets[i] > last)
			last = buckets[i];
	}
	if (last < head[1])
		return head[1];
	for (int i = 0; i < MAX_CHAIN; i++, last++) {
		if (!elf_file__read(e, chains + 4ull * (last - head[1]), &link, sizeof(link)))
			return 0;
		if (link & 1)
			return (size_t)last + 1;
	}
	return 0;
}

static size_t dynsym_count(const struct elf_file *e, const struct dynamic *d)
{
	uint32_t head[2]; /* DT_HASH: bucket count, chain count = symbol count */
	uint64_t table;

	if (dynamic_value(d, DT_HASH, &table) && elf_file__read(e, table, head, sizeof(head)))
		return head[1];
	return dynamic_value(d, DT_GNU_HASH, &table) ? gnu_hash_count(e, table) : 0;
}

static void load_dynsym(const struct elf_file *e, struct elf_symtab *t)
{
	__attribute__((cleanup(cleanup_dynamic))) struct dynamic d = read_dynamic(e);
	uint64_t symbols = 0, names, names_len;

	if (!dynamic_value(&d, DT_STRTAB, &names) || !dynamic_value(&d, DT_STRSZ, &names_len))
		return;
	t->names = elf_file__blob_at(e, names, names_len);
	t->names_len = t->names ? names_len : 0;
	t->count = dynsym_count(e, &d);
	if (t->count > MAX_SYMBOLS || !dynamic_value(&d, DT_SYMTAB, &symbols))
		t->count = 0;
	t->symbols = elf_file__blob_at(e, symbols, t->count * sizeof(Elf64_Sym));
	if (!t->symbols)
		t->count = 0;
}

static void load_symtab(const struct elf_file *e, struct elf_symtab *t)
{
	const Elf64_Shdr *s = NULL, *names;

	for (size_t i = 0; i < e->section_count && !s; i++) {
		if (e->sections[i].sh_type == SHT_SYMTAB)
			s = &e->sections[i];
	}
	if (!s || s->sh_link >= e->section_count)
		return;
	names = &e->sections[s->sh_link];
	t->symbols = elf_file__blob(e, s->sh_offset, s->sh_size);
	t->names = elf_file__blob(e, names->sh_offset, names->sh_size);
	t->names_len = t->names ? names->sh_size : 0;
	t->count = t->symbols ? s->sh_size / sizeof(Elf64_Sym) : 0;
}

/* No struct elf_file is made as a constant: those of elf_file__open() are on the heap. */
static struct elf_file *writable(const struct elf_file *e)
{
	return (struct elf_file *)e;
}

static const struct elf_symtab *table_of(const struct elf_file *e, bool dynamic)
{
	struct elf_symtab *t = dynamic ? &writable(e)->dynsym : &writable(e)->symtab;

	if (!t->tried) {
		t->tried = true;
		(dynamic ? load_dynsym : load_symtab)(e, t);
	}
	return t;
}

static const Elf64_Sym *find_symbol(const struct elf_file *e, bool dynamic, const char *name)
{
	struct elf_symtab *t = (struct elf_symtab *)table_of(e, dynamic);

	if (t->names && !t->slots)
		elf_index__build(t);
	return elf_index__find(t, name);
}

bool elf_file__each_symbol(const struct elf_file *e, bool dynamic, elf_symbol_fn fn, void *ctx)
{
	const struct elf_symtab *t = table_of(e, dynamic);

	for (size_t i = 0; t->names && i < t->count; i++) {
		const Elf64_Sym *s = &t->symbols[i];

		if (s->st_name && s->st_name < t->names_len && !fn(ctx, s, t->names + s->st_name))
			break;
	}
	return t->names && t->count;
}

bool elf_file__symbol(const struct elf_file *e, const char *name, uint64_t *vaddr, uint64_t *size)
{
	const Elf64_Sym *s = find_symbol(e, true, name);

	if (!s)
		s = find_symbol(e, false, name);
	if (!s)
		return false;
	*vaddr = s->st_value;
	*size = s->st_size;
	return true;
}

size_t elf_file__code(const struct elf_file *e, const char *name, uint8_t *code, size_t max, uint64_t *vaddr)
{
	uint64_t size;

	if (!elf_file__symbol(e, name, vaddr, &size))
		return 0;
	if (!size || size > max) /* 0: not said */
		size = max;
	return elf_file__read(e, *vaddr, code, size) ? size : 0;
}

char *elf_file__needed(const struct elf_file *e, const char *beginning)
{
	__attribute__((cleanup(cleanup_dynamic))) struct dynamic d = read_dynamic(e);
	const struct elf_symtab *t = table_of(e, true);

	for (size_t i = 0; i < d.count; i++) {
		if (d.entries[i].d_tag == DT_NEEDED && d.entries[i].d_un.d_val < t->names_len &&
		    !strncmp(t->names + d.entries[i].d_un.d_val, beginning, strlen(beginning)))
			return xstrdup(t->names + d.entries[i].d_un.d_val);
	}
	return NULL;
}

bool elf_file__is_static(const struct elf_file *e)
{
	__attribute__((cleanup(cleanup_dynamic))) struct dynamic d = read_dynamic(e);
	uint64_t needed;

	return !e->has_loader && !dynamic_value(&d, DT_NEEDED, &needed);
}

char *elf_file__run_path(const struct elf_file *e)
{
	__attribute__((cleanup(cleanup_dynamic))) struct dynamic d = read_dynamic(e);
	const struct elf_symtab *t = table_of(e, true);
	uint64_t at;

	if ((!dynamic_value(&d, DT_RUNPATH, &at) && !dynamic_value(&d, DT_RPATH, &at)) || at >= t->names_len)
		return NULL;
	return xstrdup(t->names + at);
}

struct elf_relocs elf_file__relocs(const struct elf_file *e, bool functions)
{
	__attribute__((cleanup(cleanup_dynamic))) struct dynamic d = read_dynamic(e);
	struct elf_relocs r = {0};
	uint64_t table, bytes;

	if (!dynamic_value(&d, functions ? DT_JMPREL : DT_RELA, &table) ||
	    !dynamic_value(&d, functions ? DT_PLTRELSZ : DT_RELASZ, &bytes))
		return r;
	r.entries = elf_file__blob_at(e, table, bytes);
	r.count = r.entries ? bytes / sizeof(Elf64_Rela) : 0;
	return r;
}

const char *elf_file__dynamic_name(const struct elf_file *e, size_t index)
{
	const struct elf_symtab *t = table_of(e, true);

	if (index >= t->count || t->symbols[index].st_name >= t->names_len)
		return NULL;
	return t->names + t->symbols[index].st_name;
}

static void load_relocs(struct elf_file *e)
{
	struct elf_relocs r = elf_file__relocs(e, false);

	e->relocs_tried = true;
	e->relocs = r.entries;
	e->reloc_count = r.count;
}

/*
 * DT_RELA keeps the value in its table; with DT_RELR, and in files linked at fixed addresses, it is in
 * place. Pointers to things that are static in their C file need no other kind of relocation.
 */
bool elf_file__read_pointer(const struct elf_file *e, uint64_t vaddr, uint64_t *value)
{
	uint32_t relative = arch_of(e->machine)->relative;

	if (!elf_file__read(e, vaddr, value, sizeof(*value)))
		return false;
	if (!e->relocs_tried)
		load_relocs(writable(e));
	for (size_t i = 0; i < e->reloc_count; i++) {
		const Elf64_Rela *r = &e->relocs[i];

		if (r->r_offset == vaddr && ELF64_R_TYPE(r->r_info) == relative) {
			*value = (uint64_t)r->r_addend;
			return true;
		}
	}
	return true;
}
