/* SPDX-License-Identifier: MIT */
/*
 * Without task work the sampled task cannot bring in swapped-out memory itself. Then we read it from outside, and the next
 * tick can walk. A child process reads, because memory may lie on a file system that does not answer (user/os/worker.h).
 */
#pragma once
#include "bpf/abi.h"
#include <sys/types.h>

struct cold;

struct cold *cold__new(void);
void cold__free(struct cold *c);
/* Has it read what this sample missed; forgotten when much waits already. Copies what it needs. */
void cold__ask(struct cold *c, const struct abi_sample *rec, const struct abi_py_layout *layout);
