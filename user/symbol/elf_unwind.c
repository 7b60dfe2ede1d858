/* SPDX-License-Identifier: MIT */
/* Where a file has its .eh_frame: by its section, or else by the header that it is found by when a program runs. */
#include "user/symbol/elf_file.h"
#include <stdlib.h>
#include <string.h>

/* LSB 5.0, core generic, 10.6.2: version 1, encodings of the address of .eh_frame, of a count and of a table; the address */
struct header {
	uint8_t version, address, count, table;
	int32_t offset;
} __attribute__((packed));
#define RELATIVE_4 0x1b /* the one that all linkers use: signed, 4 bytes, from where it stands */

static bool by_header(const struct elf_file *e, uint64_t *vaddr, uint64_t *len)
{
	struct header h;

	if (!e->unwind_header || !elf_file__read(e, e->unwind_header, &h, sizeof(h)) || h.version != 1 ||
	    h.address != RELATIVE_4)
		return false;
	*vaddr = e->unwind_header + offsetof(struct header, offset) + (uint64_t)(int64_t)h.offset;
	for (size_t i = 0; i < e->load_count; i++) {
		const struct elf_load *l = &e->loads[i];

		/* its end is marked in itself */
		if (*vaddr >= l->vaddr && *vaddr - l->vaddr < l->file_bytes) {
			*len = l->file_bytes - (*vaddr - l->vaddr);
			return true;
		}
	}
	return false;
}

uint8_t *elf_file__unwind_bytes(const struct elf_file *e, uint64_t *vaddr, size_t *len)
{
	uint64_t bytes;
	uint8_t *copy;

	if (!elf_file__section(e, ".eh_frame", vaddr, &bytes) && !by_header(e, vaddr, &bytes))
		return NULL;
	copy = elf_file__blob_at(e, *vaddr, bytes);
	*len = copy ? bytes : 0;
	return copy;
}
