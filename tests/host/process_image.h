/* SPDX-License-Identifier: MIT */
/*
 * A real process as it was at one moment: where its interpreter is, the registers of its threads, the memory that the walk
 * reads, and what the interpreter itself said of its stacks then. Lines of text, of words between tabs, gzipped or not:
 *
 *     machine ELF-MACHINE
 *     python HEX-VERSION FREE-THREADED
 *     runtime ADDRESS CODE-TYPE-DELTA
 *     tls KIND GOT-DELTA OFFSET              bpf/abi.h: enum abi_tls, tls_got_delta, tls_off
 *     pthread SPECIFIC-FIRST SPECIFIC INLINE PER-BLOCK ENTRY-SIZE ENTRY-VALUE DTV DTV-ENTRY-SIZE BELOW
 *                                            of its C library: user/symbol/arch.h, struct arch_threads
 *     thread IDENT POINTER REGISTER…         the registers that bpf/arch.h counts
 *     frame FIRST-LINE LINE NAME FILE        of the thread before, leaf first, by the interpreter's own word
 *     block ADDRESS BYTES
 *
 * tests/host/host_walk.c writes all but the frames, tests/vm/check.py adds these; scripts/record-images.sh is how. What is
 * not here, layouts above all, comes from the version table of today.
 */
#pragma once
#include "tests/host/kernel.h"
#include "user/python/build.h"
#include "user/symbol/arch.h"

struct process_image_frame {
	char *name, *file;
	s32 first_line, line;
};

struct process_image_thread {
	u64 ident, pointer; /* pthread_self(), and what the processor has; they may differ */
	u64 registers[ARCH_USER_REGISTERS];
	struct process_image_frame *frames;
	size_t frame_cnt, frame_cap;
};

struct process_image {
	unsigned machine; /* ELF: e_machine */
	u32 version_hex;
	bool free_threaded;
	u64 runtime_addr;
	s64 code_type_delta, tls_got_delta;
	s32 tls_off;
	u8 tls;
	struct arch_threads libc; /* as far as a walk needs it */
	struct process_image_thread *threads;
	size_t thread_cnt, thread_cap;
	struct image *memory;
};

/* NULL when it cannot be read, or is none; that is said. */
struct process_image *process_image__read(const char *path);
void process_image__free(struct process_image *p);
/* Without frames. 0 or negative errno. */
int process_image__write(const struct process_image *p, const char *path);
/* Of a living process, as its files show it: all but threads and memory. */
void process_image__take_build(struct process_image *p, const struct py_build *build, u64 runtime_addr);
/* That build again, by the version table and by memory. NULL, or what is wrong. */
const char *process_image__build(const struct process_image *p, struct py_build *out);
