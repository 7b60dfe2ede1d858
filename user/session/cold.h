/*
 * Where the sampled task cannot bring in swapped-out memory itself (no task work), reading it from outside does: the next
 * tick walks. A thread of its own reads, because memory may lie on a file system that does not answer.
 */
#pragma once
#include "bpf/abi.h"
#include <sys/types.h>

struct cold;

/* NULL when no thread can be had; legal to pass on below. */
struct cold *cold__new(void);
/* A reader that hangs in a read is left behind. */
void cold__free(struct cold *c);
/* Has it read what this sample missed; forgotten when much waits already. Copies what it needs. */
void cold__ask(struct cold *c, const struct abi_sample *rec, const struct abi_py_layout *layout);
