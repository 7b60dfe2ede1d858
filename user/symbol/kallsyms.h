/* SPDX-License-Identifier: MIT */
/* Functions of the running kernel and of its modules, as /proc/kallsyms has them. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

struct kallsyms;

/* NULL: its addresses are hidden from us (all 0: kernel.kptr_restrict, or no CAP_SYSLOG). */
struct kallsyms *kallsyms__read(void);
/* The same from an open file. */
struct kallsyms *kallsyms__parse(FILE *f);
void kallsyms__free(struct kallsyms *k);

/* The function that has this address, and its module ("" for the kernel itself); NULL: none. */
const char *kallsyms__find(const struct kallsyms *k, uint64_t addr, uint64_t *start, const char **module);
