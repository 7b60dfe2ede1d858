/* SPDX-License-Identifier: MIT */
/*
 * Any bytes as a file with .eh_frame, and with symbols. Beyond memory safety: each row is in its page, rows ascend, and every rule
 * is one of the table's; a function that is found has the address, and its name ends. Seeds: any small ELF files.
 */
#include "user/symbol/demangle.h"
#include "user/symbol/symbols.h"
#include "user/symbol/unwind_table.h"
#include <sys/mman.h>
#include <stdlib.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const struct unwind_table *t)
{
	uint32_t row = 0;

	for (uint32_t i = 0; i < t->page_cnt; i++) {
		const struct abi_unwind_page *p = &t->pages[i];

		if (p->first_row != row || p->rule >= t->rule_cnt || p->row_cnt > t->row_cnt - row)
			__builtin_trap();
		for (uint32_t k = row; k < row + p->row_cnt; k++)
			if (t->rows[k].rule >= t->rule_cnt || (k > row && t->rows[k].at <= t->rows[k - 1].at))
				__builtin_trap();
		row += p->row_cnt;
	}
	if (row != t->row_cnt || t->rules[0].kind != ABI_UNWIND_STOP)
		__builtin_trap();
}

static void find_all(const struct elf_file *e, size_t size)
{
	struct symbols *s = symbols__read(e);

	for (uint64_t at = 0; at < 2 * size; at += 97) {
		struct symbols_found f = symbols__find(s, at);

		if ((f.name || f.start) && (f.start > at || f.end <= at))
			__builtin_trap();
		if (f.name)
			free(demangle(f.name));
	}
	symbols__free(s);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static int fd = -1;
	struct unwind_table t;
	struct elf_file *e;
	uint64_t vaddr;

	if (fd < 0)
		fd = memfd_create("unwind_table_fuzz", MFD_CLOEXEC);
	if (ftruncate(fd, 0) || pwrite(fd, data, size, 0) != (ssize_t)size)
		return 0;
	e = elf_file__open(fd);
	if (!e)
		return 0;
	if (unwind_table__build(&t, e)) {
		check(&t);
		for (uint64_t at = 0; at < size; at += 7)
			unwind_table__rule(&t, t.first + at);
		unwind_table__vaddr(&t, size / 2, &vaddr);
	}
	unwind_table__clear(&t);
	find_all(e, size);
	elf_file__free(e);
	return 0;
}
