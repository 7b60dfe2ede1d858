/* SPDX-License-Identifier: MIT */
/* Any bytes as the memory of a process: addresses are folded into them, so every pointer leads somewhere. */
#pragma once
#include "user/python/versions.h"
#include <errno.h>
#include <stddef.h>
#include <stdint.h>

struct folded_memory {
	const uint8_t *bytes;
	size_t len; /* not 0 */
};

static int folded_memory_read(void *ctx, uint64_t addr, void *out, size_t len)
{
	const struct folded_memory *m = ctx;
	size_t at = addr % m->len;

	if (addr % 61 == 0)
		return -EFAULT;
	for (size_t i = 0; i < len; i++)
		((uint8_t *)out)[i] = m->bytes[(at + i) % m->len];
	return 0;
}

/* Of a version that the first byte chooses. */
static inline struct py_build folded_memory_build(uint8_t choice)
{
	struct py_build build = {.supported = true};
	size_t cnt;
	const struct py_version *rows = py_versions(&cnt);

	py_version_apply(&rows[choice % cnt], &build);
	return build;
}
