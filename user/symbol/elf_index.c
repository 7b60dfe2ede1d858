/* SPDX-License-Identifier: MIT */
/*
 * Symbols by name. A file may have millions of them, and ask for as many: so each is looked up in one step, whatever
 * names its author chose. The hash has a secret, so that nobody can make all of them fall together; names that occur
 * again are not kept again; and no name is longer than those that matter here.
 */
#include "user/symbol/elf_file.h"
#include "user/util/alloc.h"
#include <string.h>
#include <sys/random.h>

#define NAME_MAX_LEN 128

/* NULL: too long, or none. */
static const char *name_of(const struct elf_symtab *t, const Elf64_Sym *s)
{
	const char *name = t->names + s->st_name;
	size_t left = t->names_len - s->st_name; /* a NUL of our own is behind the last */

	return strnlen(name, left < NAME_MAX_LEN ? left + 1 : NAME_MAX_LEN) < NAME_MAX_LEN ? name : NULL;
}

static size_t first_slot(const struct elf_symtab *t, const char *name)
{
	uint64_t hash = t->secret;

	for (; *name; name++) {
		hash = (hash ^ (unsigned char)*name) * 0x9e3779b97f4a7c15ull;
		hash ^= hash >> 29;
	}
	return (hash ^ hash >> 32) & t->slot_mask;
}

/* The slot of the name, or the empty one where it would be. */
static uint32_t *find(const struct elf_symtab *t, const char *name)
{
	size_t i = first_slot(t, name);

	while (t->slots[i] && strcmp(t->names + t->symbols[t->slots[i] - 1].st_name, name))
		i = (i + 1) & t->slot_mask;
	return &t->slots[i];
}

void elf_index__build(struct elf_symtab *t)
{
	size_t size = 16;

	while (size < 2 * t->count)
		size *= 2;
	t->slots = xcalloc(size, sizeof(*t->slots));
	t->slot_mask = size - 1;
	if (getrandom(&t->secret, sizeof(t->secret), 0) < 0)
		t->secret = (uintptr_t)t->slots;
	for (size_t i = 0; i < t->count; i++) {
		const Elf64_Sym *s = &t->symbols[i];
		const char *name = NULL;
		uint32_t *slot;

		if (s->st_shndx != SHN_UNDEF && s->st_name && s->st_name < t->names_len)
			name = name_of(t, s);
		slot = name ? find(t, name) : NULL;
		if (slot && !*slot)
			*slot = (uint32_t)i + 1;
	}
}

const Elf64_Sym *elf_index__find(const struct elf_symtab *t, const char *name)
{
	uint32_t at;

	if (!t->slots || strnlen(name, NAME_MAX_LEN) == NAME_MAX_LEN)
		return NULL;
	at = *find(t, name);
	return at ? &t->symbols[at - 1] : NULL;
}
