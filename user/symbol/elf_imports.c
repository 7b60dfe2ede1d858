/* SPDX-License-Identifier: MIT */
/* The slots of a program's global offset table, by its relocations. */
#include "user/symbol/arch.h"
#include "user/symbol/elf_file.h"
#include "user/util/alloc.h"
#include <string.h>

#define MAX_RELOCS 65536

bool elf_file__start_code(const struct elf_file *e, uint64_t *vaddr)
{
	bool found = false;

	for (size_t i = 0; i < e->load_count; i++) {
		if (!e->loads[i].exec || (found && e->loads[i].vaddr >= *vaddr))
			continue;
		*vaddr = e->loads[i].vaddr;
		found = true;
	}
	return found;
}

static bool is_address_slot(unsigned machine, uint32_t type)
{
	const struct arch *arch = arch_of(machine);

	return type == arch->imports[0] || type == arch->imports[1];
}

/*
 * An unbound slot of lazy binding holds an address inside the program. It is distinguished from a bound one by its
 * offset in the page, so a symbol with the same offset would not do.
 */
static bool tells_binding(const struct elf_file *e, uint64_t slot, uint64_t symbol)
{
	uint64_t unbound = 0;

	return !elf_file__read(e, slot, &unbound, sizeof(unbound)) || !unbound || (unbound - symbol) & 0xfff;
}

/* Include/: of CPython's own; Modules/main.c of 3.7: _Py_UnixMain() */
static bool is_of_python(const char *name)
{
	return name && !strncmp(name + (name[0] == '_'), "Py", 2);
}

static bool search(const struct elf_file *e, const struct elf_file *library, const struct elf_relocs *r,
		   uint64_t found[2])
{
	for (size_t i = 0; i < r->count && i < MAX_RELOCS; i++) {
		const Elf64_Rela *rela = &r->entries[i];
		const char *name = elf_file__dynamic_name(e, ELF64_R_SYM(rela->r_info));
		uint64_t symbol, size;

		if (!is_address_slot(e->machine, ELF64_R_TYPE(rela->r_info)) || !is_of_python(name) ||
		    !elf_file__symbol(library, name, &symbol, &size) || !symbol ||
		    !tells_binding(e, rela->r_offset, symbol))
			continue;
		found[0] = rela->r_offset;
		found[1] = symbol;
		return true;
	}
	return false;
}

bool elf_file__import(const struct elf_file *e, const struct elf_file *library, uint64_t *slot, uint64_t *symbol)
{
	uint64_t found[2];
	bool ok = false;

	for (int plt = 0; plt < 2 && !ok; plt++) {
		struct elf_relocs r = elf_file__relocs(e, plt);

		ok = search(e, library, &r, found);
		free(r.entries);
	}
	if (ok) {
		*slot = found[0];
		*symbol = found[1];
	}
	return ok;
}
