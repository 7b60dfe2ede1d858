/* SPDX-License-Identifier: MIT */
/*
 * How to unwind the stack out of any place of one file: its .eh_frame, compiled to what the kernel side searches
 * (bpf/abi.h: abi_unwind_…). Files are hostile: whatever is wrong in them leads to fewer rows, never to more than the caps.
 */
#pragma once
#include "bpf/abi.h"
#include "user/symbol/elf.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define UNWIND_MAX_ROWS  (8u << 20)
#define UNWIND_MAX_PAGES (1u << 18) /* a gigabyte of code */
#define UNWIND_MAX_RULES 2048       /* of one file; the largest known have 600 */
#define UNWIND_MAX_PARTS 8

/*
 * A table owns its arrays. Its rows say numbers of its own rules, of which 0 is ABI_UNWIND_STOP; once it is adopted
 * (user/symbol/unwind_rules.h) those of all tables' rules.
 */
struct unwind_table {
	uint64_t first; /* address, as linked, of the first page */
	struct abi_unwind_page *pages;
	struct abi_unwind_row *rows;
	struct abi_unwind_rule *rules; /* NULL: adopted, and then … */
	uint16_t *numbers;             /* … these are the numbers of its own */
	uint32_t page_cnt, row_cnt, rule_cnt;
	struct elf_part parts[UNWIND_MAX_PARTS]; /* of the file that are code */
	uint32_t part_cnt;
};

/*
 * Code that .eh_frame says nothing of is read itself (user/symbol/code_rows.h). False: there is no .eh_frame and no code that can
 * be read; all zeros then.
 */
bool unwind_table__build(struct unwind_table *t, const struct elf_file *e);
void unwind_table__clear(struct unwind_table *t);
/* Its pages and rows are elsewhere now; all else of it stays. */
void unwind_table__shed(struct unwind_table *t);

/* The address, as linked, of what is at `offset` of the file; false: that is no code. */
bool unwind_table__vaddr(const struct unwind_table *t, uint64_t offset, uint64_t *vaddr);
/* The rule for an address as linked, as the kernel side finds it, of a table that is not adopted. Never NULL. */
const struct abi_unwind_rule *unwind_table__rule(const struct unwind_table *t, uint64_t vaddr);
/* The number of its rule, which is one of all tables' where it is adopted. */
uint16_t unwind_table__rule_number(const struct unwind_table *t, uint64_t vaddr);
/* Bytes that the kernel side needs of it. */
size_t unwind_table__bytes(const struct unwind_table *t);
