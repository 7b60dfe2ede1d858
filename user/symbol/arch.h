/* SPDX-License-Identifier: MIT */
/*
 * User space's part of a processor architecture: one file per architecture (arch_x86.c), all of which are in every build:
 * which of them applies to a file, its ELF header says. The kernel side's part is bpf/arch.h.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* How code comes to a thread-local variable of its own module (bpf/abi.h: enum abi_tls). */
struct arch_tls {
	enum { ARCH_TLS_OFFSET, ARCH_TLS_GOT_OFFSET, ARCH_TLS_MODULE, ARCH_TLS_DESCRIPTOR } kind;
	uint64_t got; /* address, as linked */
	int64_t off;
};

/* How one C library, in some of its versions, keeps what belongs to a thread; from pthread_self() on. */
struct arch_threads {
	uint16_t specific_first, specific, inline_cnt, per_block, entry_size, entry_value; /* bpf/abi.h: tss_… */
	uint32_t tid;                                                                      /* in struct pthread */
	int16_t dtv; /* from the thread pointer on */
	uint16_t dtv_entry_size;
	uint16_t below; /* size of struct pthread where it ends at the thread pointer; 0: it begins there */
	/* Who waits on a condition is in a list: where it begins, the next one, what each waits at. 0: at the condition itself */
	uint16_t cond_first, waiter_next, waiter_futex;
	uint8_t mutex_more; /* by how much a pthread_mutex_t is larger than that of x86-64 */
};

struct arch {
	const char *name;          /* as people say it: "x86-64" */
	const char *kernel;        /* as uname says it */
	const char *library_dirs;  /* of multiarch systems, ending in ':' */
	uint16_t machine;          /* ELF: e_machine */
	uint32_t relative;         /* ELF: relocation by the load address alone, … */
	uint32_t imports[2];       /* … and those that the loader puts a symbol's address for: of calls, of data */
	struct arch_threads glibc; /* as it is where the libc's own descriptors cannot be read */
	const struct arch_threads *musl; /* the newest first */
	size_t musl_cnt;
	unsigned glibc_mutex_bytes; /* sizeof(pthread_mutex_t); musl's are 40 */
	/* The next constant address that this code loads, from *at on, which then is behind it. */
	bool (*operand)(const uint8_t *code, size_t len, uint64_t vaddr, size_t *at, uint64_t *target);
	/* The variable of so many bytes (4 or 8) that this code loads first. */
	bool (*load)(const uint8_t *code, size_t len, uint64_t vaddr, unsigned bytes, uint64_t *variable);
	/* Is this the code of a function that returns such a variable, and nothing more? */
	bool (*tls)(const uint8_t *code, size_t len, uint64_t vaddr, struct arch_tls *out);
	/* Is this the code of musl's pthread_getspecific()? Then a thread has the address of its values so far from its pointer. */
	bool (*specific)(const uint8_t *code, size_t len, int32_t *off);
};

extern const struct arch arch_x86, arch_arm64;

/* That of a file, by its e_machine; one that knows no code and no relocation where it is none of those here. */
const struct arch *arch_of(unsigned machine);
/* That of this program, and so of all that it finds running. */
extern const struct arch *const arch_own;
