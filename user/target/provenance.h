/* SPDX-License-Identifier: MIT */
/*
 * Which files a process's code can have come from: below which root, by whose rights, how old. Learnt while it lives,
 * for who reads source texts later (user/cmd/sources.c).
 */
#pragma once
#include "user/target/processes.h"

void provenance_set(const struct processes *t, struct process *p, const struct abi_proc_rec *rec);
/* Servers give up root's rights once they have forked their workers. True when something is known better now. */
bool provenance_refresh(struct process *p);
