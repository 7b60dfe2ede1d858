/* SPDX-License-Identifier: MIT */
/* The rules of all tables in use, each once: their numbers are what the rows of the kernel side say. */
#pragma once
#include "user/symbol/unwind_table.h"

struct unwind_rules;

struct unwind_rules *unwind_rules__new(void);
void unwind_rules__free(struct unwind_rules *r);
/*
 * Gives the rules of a table the numbers of all, in its rows and pages as well: once for each table, which holds its rules
 * until unwind_rules__release(). Rules for which there is no room are 0 (ABI_UNWIND_STOP): false.
 */
bool unwind_rules__adopt(struct unwind_rules *r, struct unwind_table *t);
void unwind_rules__release(struct unwind_rules *r, const struct unwind_table *t);

/* All numbers up to `*cnt`, for the kernel side; those from `*changed` on may be new since the last call. */
const struct abi_unwind_rule *unwind_rules__all(struct unwind_rules *r, uint32_t *cnt, uint32_t *changed);
