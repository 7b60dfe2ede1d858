/* SPDX-License-Identifier: MIT */
/* Memory of a made-up process that holds anything at all, by numbers that are the same everywhere. */
#pragma once
#include <errno.h>
#include <stdint.h>
#include <string.h>

#define BASE  0x10000000ull /* address of the first word */
#define WORDS 0x1000

struct arena {
	uint64_t words[WORDS];
	uint64_t seed, reads;
};

/* xorshift64* */
static inline uint64_t draw(struct arena *a)
{
	a->seed ^= a->seed >> 12;
	a->seed ^= a->seed << 25;
	a->seed ^= a->seed >> 27;
	return a->seed * 0x2545f4914f6cdd1dull;
}

/* As others' memory is read; counts its calls. */
static inline int read_arena(void *ctx, uint64_t addr, void *out, size_t len)
{
	struct arena *a = ctx;

	a->reads++;
	if (addr < BASE || len > sizeof(a->words) || addr - BASE > sizeof(a->words) - len)
		return -EFAULT;
	memcpy(out, (char *)a->words + (addr - BASE), len);
	return 0;
}
