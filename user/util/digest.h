/* SPDX-License-Identifier: MIT */
/* 64 bits that stand for a text, where two that share them do no harm: FNV-1a. */
#pragma once
#include <stddef.h>
#include <stdint.h>

static inline uint64_t digest_of(const void *bytes, size_t len)
{
	const unsigned char *at = bytes;
	uint64_t h = 14695981039346656037u;

	for (size_t i = 0; i < len; i++)
		h = (h ^ at[i]) * 1099511628211u;
	return h;
}
