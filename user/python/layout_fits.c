/* SPDX-License-Identifier: MIT */
/* The kernel side reads each object in one block; user space sees to it that all of a layout's members lie in theirs. */
#include "user/python/versions.h"
#include "user/util/alloc.h"

static bool within(unsigned off, unsigned bytes, unsigned base, unsigned block)
{
	return off >= base && off + bytes <= base + block;
}

/* The frame says more than that it is collecting. */
static void complete_gc(struct py_build *b)
{
	const struct py_objects *o = &b->objects;
	struct abi_py_layout *l = &b->layout;

	l->mech &= ~(ABI_MECH_GC_RUNTIME | ABI_MECH_GC_FRAME);
	l->gc_off = 0;
	if (!o->runtime_gc && !o->interp_gc)
		return;
	l->gc_off = (uint16_t)(o->runtime_gc + o->interp_gc + (o->gc_frame ? o->gc_frame : o->gc_collecting));
	l->mech |= (o->runtime_gc ? ABI_MECH_GC_RUNTIME : 0) | (o->gc_frame ? ABI_MECH_GC_FRAME : 0);
}

void py_build_complete(struct py_build *b)
{
	struct abi_py_layout *l = &b->layout;
	const unsigned ends[] = {
		l->frame_prev_off + 8u,
		l->frame_code_off + 8u,
		l->frame_globals_off + 8u,
		l->frame_ip_off + (l->mech & ABI_MECH_IP_POINTER ? 8u : 4u),
		l->frame_owner_off + 1u,
		l->frame_is_entry_off + 1u,
		l->frame_object_off ? l->frame_object_off + 8u : 0,
		l->frame_object_off ? l->frame_func_off + 8u : 0,
		l->mech & ABI_MECH_COPIES ? l->frame_copy_off + 4u : 0,
	};
	unsigned end = 0;

	for (size_t i = 0; i < ARRAY_SIZE(ends); i++)
		if (ends[i] > end)
			end = ends[i];
	end = (end + 7) / 8 * 8; /* whole words */
	l->frame_bytes = (uint16_t)(end - l->frame_base);
	l->ts_interp_off = (uint16_t)b->objects.tstate_interp;
	l->interp_id_off = (uint16_t)b->objects.interp_id;
	l->interp_gil_off = (uint16_t)b->objects.interp_gil;
	l->rt_gil_off = (uint16_t)b->objects.runtime_gil;
	l->gil_holder_off = b->objects.gil_holder;
	l->gil_cond_off = b->objects.gil_cond;
	l->ts_native_id_off = (uint16_t)b->objects.tstate_native_id;
	complete_gc(b);
	l->code_flags_off = b->objects.code_flags;
}

static bool frame_fits(const struct abi_py_layout *l)
{
	unsigned base = l->frame_base, block = l->frame_bytes;

	return block <= ABI_FRAME_BLOCK && within(l->frame_prev_off, 8, base, block) &&
	       within(l->frame_code_off, 8, base, block) &&
	       within(l->frame_ip_off, l->mech & ABI_MECH_IP_POINTER ? 8 : 4, base, block) &&
	       within(l->frame_globals_off, 8, base, block) &&
	       (!l->frame_owner_off || within(l->frame_owner_off, 1, base, block)) &&
	       (!(l->mech & ABI_MECH_COPIES) || within(l->frame_copy_off, 4, base, block)) &&
	       (!(l->mech & ABI_MECH_IS_ENTRY) || within(l->frame_is_entry_off, 1, base, block)) &&
	       (!l->frame_object_off ||
		(within(l->frame_object_off, 8, base, block) && within(l->frame_func_off, 8, base, block)));
}

static bool code_fits(const struct abi_py_layout *l)
{
	unsigned base = l->code_base, block = ABI_CODE_BLOCK;

	return within(l->code_firstlineno_off, 4, base, block) &&
	       (!(l->mech & ABI_MECH_VERSION) || (within(l->code_version_off, 4, base, ABI_CODE_NUMBERED) &&
						  within(l->code_firstlineno_off, 4, base, ABI_CODE_NUMBERED))) &&
	       within(l->code_flags_off, 4, base, ABI_CODE_NUMBERED) && within(l->code_filename_off, 8, base, block) &&
	       within(l->code_name_off, 8, base, block) && within(l->code_lines_off, 8, base, block) &&
	       (!l->ts_stack_off ||
		(within(l->code_stacksize_off, 4, base, block) && within(l->code_nlocals_off, 4, base, block)));
}

static bool tstate_fits(const struct abi_py_layout *l)
{
	return within(l->ts_thread_id_off, 8, 0, ABI_TSTATE_BLOCK) && within(l->ts_frame_off, 8, 0, ABI_TSTATE_BLOCK) &&
	       within(l->ts_gil_off, 4, 0, ABI_TSTATE_BLOCK) && within(l->ts_interp_off, 8, 0, ABI_TSTATE_BLOCK);
}

bool py_layout_fits(const struct abi_py_layout *layout)
{
	return frame_fits(layout) && code_fits(layout) && tstate_fits(layout);
}
