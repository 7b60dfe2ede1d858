/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* Frame chain → abi frames. */
#pragma once
#include "bpf/maps.bpf.h"

static __always_inline u64 frame_object(const u8 *block, u32 off)
{
	return masked_u64(block, off) & ~ABI_REF_TAGS;
}

/* No function's: it marks where C code called. */
static __always_inline bool is_shim(const struct walk *w, u8 owner)
{
	return (w->layout.mech & ABI_MECH_OWNER) && owner >= w->layout.owner_shim;
}

/* Offsets from the blocks' starts; user space made sure that they fit (user/python/versions.c). */
static __always_inline void pywalk_prepare(struct walk *w)
{
	const struct abi_py_layout *l = &w->layout;

	w->frame_prev = l->frame_prev_off - l->frame_base;
	w->frame_code = l->frame_code_off - l->frame_base;
	w->frame_ip = l->frame_ip_off - l->frame_base;
	w->frame_owner = l->frame_owner_off - l->frame_base;
	w->frame_is_entry = l->frame_is_entry_off - l->frame_base;
	w->frame_globals = l->frame_globals_off - l->frame_base;
	w->frame_object = l->frame_object_off - l->frame_base;
	w->frame_func = l->frame_func_off - l->frame_base;
	w->frame_copy = l->frame_copy_off - l->frame_base;
	w->frame_bytes = l->frame_bytes < ABI_FRAME_BLOCK ? l->frame_bytes : ABI_FRAME_BLOCK;
	w->code_line = l->code_firstlineno_off - l->code_base;
	w->code_version = l->code_version_off - l->code_base;
	w->code_file = l->code_filename_off - l->code_base;
	w->code_name = l->code_name_off - l->code_base;
	w->code_lines = l->code_lines_off - l->code_base;
	w->code_flags = l->code_flags_off - l->code_base;
}

/*
 * Follows the chain from w->frame_addr, leaf first, into w->frames and w->frame_cnt, driven by w->layout.
 * Code objects not seen before are listed in w->todo. Returns ABI_OK, one of ABI_CUT_… with the leaf
 * side kept, or ABI_FAULT_FRAME / ABI_NO_FRAME with nothing.
 */
u32 pywalk(struct walk *w);
