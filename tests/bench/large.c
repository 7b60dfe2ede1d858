/* SPDX-License-Identifier: MIT */
/*
 * A library as large as they come: 200 MB of code in 160,000 functions whose unwind information changes nine times each, about
 * as clang's own library has it.
 */
#include <stdint.h>
#include <time.h>

#define FUNCTIONS(cnt)                                                                                                 \
	__asm__(".text\n"                                                                                              \
		".rept " #cnt "\n"                                                                                     \
		".cfi_startproc\n"                                                                                     \
		"push %rbp\n.cfi_adjust_cfa_offset 8\n.cfi_rel_offset %rbp, 0\n"                                       \
		"push %rbx\n.cfi_adjust_cfa_offset 8\n"                                                                \
		"push %r12\n.cfi_adjust_cfa_offset 8\n"                                                                \
		"sub $24, %rsp\n.cfi_adjust_cfa_offset 24\n"                                                           \
		".fill 1200, 1, 0x90\n"                                                                                \
		"add $24, %rsp\n.cfi_adjust_cfa_offset -24\n"                                                          \
		"pop %r12\n.cfi_adjust_cfa_offset -8\n"                                                                \
		"pop %rbx\n.cfi_adjust_cfa_offset -8\n"                                                                \
		"pop %rbp\n.cfi_adjust_cfa_offset -8\n"                                                                \
		"ret\n"                                                                                                \
		".cfi_endproc\n"                                                                                       \
		".endr\n")

#ifdef __x86_64__ /* elsewhere there are no native frames */
FUNCTIONS(160000);
#endif

/* Until that time of CLOCK_MONOTONIC. */
__attribute__((noinline)) int64_t large_spin(int64_t end_ns)
{
	struct timespec t;
	int64_t rounds = 0;

	do {
		clock_gettime(CLOCK_MONOTONIC, &t);
		rounds++;
	} while (t.tv_sec * 1000000000ll + t.tv_nsec < end_ns);
	return rounds;
}
