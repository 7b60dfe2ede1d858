/* Frame chain → abi frames. */
#pragma once
#include "bpf/maps.bpf.h"

/*
 * Follows the chain from w->frame_addr, leaf first, into w->frames and w->frame_cnt, driven by w->layout.
 * Code objects not seen before are listed in w->todo. Returns ABI_OK, one of ABI_CUT_… with the leaf
 * side kept, or ABI_FAULT_FRAME / ABI_NO_FRAME with nothing.
 */
u32 pywalk(struct walk *w);
