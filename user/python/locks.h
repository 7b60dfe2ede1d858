/* SPDX-License-Identifier: MIT */
/*
 * Which lock does a thread sleep on, and who holds it, where the interpreter knows: threading.RLock and the locks of
 * imports have an owner; a plain Lock has none. The lock is sure: the address that the thread sleeps on is that lock's.
 */
#pragma once
#include "user/os/memory.h"
#include "user/python/build.h"

struct py_lock_wait {
	const char *kind; /* "RLock", "import lock"; NULL: nothing is known */
	char *name;       /* of the module that is imported; NULL: none */
	uint64_t owner;   /* ident of a thread */
};

struct py_locks_reader {
	const struct py_build *build;
	memory_read_fn read;
	void *ctx;
};

/*
 * What a thread waits for that sleeps on this futex in what its running function called; `frame_addr` is of that. The
 * caller frees the name.
 */
void py_lock_find(const struct py_locks_reader *from, uint64_t frame_addr, uint64_t futex, struct py_lock_wait *out);
