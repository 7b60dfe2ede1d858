/* SPDX-License-Identifier: MIT */
/* What stands above a stack that waits for the GIL: that it does, and who holds it (bpf/abi.h: enum abi_frame_what). */
#pragma once
#include "user/resolve/codes.h"
#include "user/resolve/known.h"

#define GIL_FRAMES 2

/*
 * Frame ids, leaf first, of the entries that such a sample begins with; how many these are, 0: it is no such sample. Negative: the
 * names are not here yet, and `now` does not force it.
 */
int gil_frames(struct codes *c, const struct known *k, const struct abi_sample *rec, bool now,
	       uint32_t out[GIL_FRAMES]);
