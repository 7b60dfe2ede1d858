/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * The current thread's state comes from the "gilstate" slot, a pthread key or (3.15) a thread-local variable: it stays
 * set while the thread has released the GIL, so C code that runs without the GIL keeps its Python stack.
 */
#include "bpf/tstate.bpf.h"
#include "bpf/start.bpf.h"

static __always_inline long read_noting(struct walk *w, void *dst, u32 size, u64 addr)
{
	long err = walk_read(w, dst, size, addr);

	if (err)
		w->fault_addr = addr;
	return err;
}

/* Python/pystate.c, gilstate: autoTSSkey is a Py_tss_t {int _is_initialized; pthread_key_t _key}. */
static __always_inline u32 read_key(struct walk *w, u64 runtime_addr, u32 *tss_key)
{
	struct {
		u32 initialised, key;
	} tss = {};

	if (read_noting(w, &tss, sizeof(tss), runtime_addr + (s64)w->layout.rt_tss_off))
		return ABI_FAULT_RUNTIME;
	if (w->layout.tls == ABI_TLS_PLAIN_KEY) { /* 3.6: static int autoTLSkey = -1 */
		tss.key = tss.initialised;
		tss.initialised = tss.key != ~0u;
	}
	if (!tss.initialised)
		return ABI_STARTING;
	*tss_key = tss.key + 1;
	return ABI_OK;
}

static __always_inline u32 read_state_at(struct walk *w, u64 slot)
{
	if (read_noting(w, &w->tstate_addr, 8, slot))
		return ABI_FAULT_TSTATE;
	return w->tstate_addr ? ABI_OK : ABI_NO_TSTATE;
}

/*
 * pthread_getspecific. glibc (nptl/pthread_getspecific.c): the first block is inline in struct pthread; musl
 * (src/thread/pthread_getspecific.c): there is one block, and none inline.
 */
static __always_inline u32 read_slot(struct walk *w, u64 thread, u32 key)
{
	const struct abi_py_layout *l = &w->layout;
	u64 slot = thread + l->tss_first_off + key * l->tss_entry_size;
	u64 block = 0;

	if (l->tss_per_block && key >= l->tss_inline) {
		u64 table = thread + l->tss_table_off;

		if (read_noting(w, &block, 8, table + 8 * (u64)(key / l->tss_per_block)))
			return ABI_FAULT_TSTATE;
		if (!block)
			return ABI_NO_TSTATE;
		slot = block + (key % l->tss_per_block) * l->tss_entry_size;
	}
	return read_state_at(w, slot + l->tss_value_off);
}

/* The block of a module's variables (glibc: sysdeps/x86_64/dl-tls.h, dtv_t); it is made when a thread first uses one. */
static __always_inline u32 find_block(struct walk *w, u64 thread, u64 module, u64 *block)
{
	u64 dtv = 0;

	if (!module)
		return ABI_STARTING; /* not relocated yet */
	if (read_noting(w, &dtv, 8, thread + w->layout.dtv_off) ||
	    read_noting(w, block, 8, dtv + module * w->layout.dtv_entry_size))
		return ABI_FAULT_TSTATE;
	return *block && *block != ~0ull ? ABI_OK : ABI_NO_TSTATE;
}

/*
 * What a TLS descriptor's function is given (sysdeps/aarch64/dl-tlsdesc.h: struct tlsdesc, struct tlsdesc_dynamic_arg):
 * an offset from the thread pointer, or the address of what __tls_get_addr() is given. No memory lies as low as that.
 */
#define STATIC_TLS_BYTES (1ull << 20)

static __always_inline u32 follow_descriptor(struct walk *w, u64 got[2], bool *by_module)
{
	if (!got[0])
		return ABI_STARTING;
	*by_module = got[1] + STATIC_TLS_BYTES >= 2 * STATIC_TLS_BYTES;
	return *by_module && read_noting(w, got, 2 * sizeof(*got), got[1]) ? ABI_FAULT_RUNTIME : ABI_OK;
}

/* Python/pystate.c: _Py_tss_gilstate */
static __always_inline u32 read_variable(struct walk *w, u64 runtime_addr, u64 thread)
{
	const struct abi_py_layout *l = &w->layout;
	u64 got[2] = {}, base = thread + l->thread_below; /* module, offset; or the offset alone */
	bool by_module = l->tls == ABI_TLS_MODULE;
	u32 outcome = ABI_OK;

	if (l->tls != ABI_TLS_OFFSET && read_noting(w, got, sizeof(got), runtime_addr + l->tls_got_delta))
		return ABI_FAULT_RUNTIME;
	if (l->tls == ABI_TLS_DESCRIPTOR)
		outcome = follow_descriptor(w, got, &by_module);
	if (outcome == ABI_OK && by_module)
		outcome = find_block(w, thread, got[0], &base);
	if (outcome != ABI_OK)
		return outcome;
	base += l->tls == ABI_TLS_GOT_OFFSET ? got[0] : got[1]; /* none with OFFSET */
	return read_state_at(w, base + l->tls_off);
}

static __always_inline u64 tstate_u64(const struct walk *w, u32 off)
{
	return block_u64((const u8 *)w->tstate_block, ABI_TSTATE_BLOCK, off);
}

static __always_inline u32 read_tstate(struct walk *w)
{
	return read_noting(w, w->tstate_block, ABI_TSTATE_BLOCK, w->tstate_addr) ? ABI_FAULT_TSTATE : ABI_OK;
}

/*
 * Up to 3.11 the slot does not follow a thread into a sub-interpreter: it keeps the thread's first state, and has none when
 * that one was deleted (mod_wsgi does so). _PyRuntime.gilstate.tstate_current names the right one if it is this thread's.
 */
static __always_inline bool is_current_ours(struct walk *w, u64 current, u64 thread)
{
	u64 ident = 0;

	return current && !walk_read(w, &ident, 8, current + w->layout.ts_thread_id_off) && ident == thread;
}

static __always_inline void prefer_current(struct walk *w, u64 current, u64 thread)
{
	if (current == w->tstate_addr || !is_current_ours(w, current, thread))
		return;
	if (walk_read(w, w->tstate_block, ABI_TSTATE_BLOCK, current))
		return;
	w->tstate_addr = current;
}

/* Python/ceval_gil.c: struct _gil_runtime_state has its `enabled` first; importing an extension may switch it on. */
static __always_inline enum abi_gil find_switch(struct walk *w)
{
	u64 gil = 0;
	u32 enabled = 0;

	if (walk_read(w, &gil, 8, tstate_u64(w, w->layout.ts_interp_off) + w->layout.interp_gil_off) ||
	    walk_read(w, &enabled, sizeof(enabled), gil))
		return ABI_GIL_UNKNOWN;
	return enabled ? ABI_GIL_NOT_HELD : ABI_GIL_NONE;
}

static __always_inline u32 take_current(struct walk *w, u64 runtime_addr, u64 thread)
{
	u64 current = 0;

	if (!(w->layout.mech & ABI_MECH_GIL_CURRENT) ||
	    walk_read(w, &current, 8, runtime_addr + w->layout.rt_tstate_current_off) ||
	    !is_current_ours(w, current, thread))
		return ABI_NO_TSTATE;
	w->tstate_addr = current;
	return ABI_OK;
}

static __always_inline void find_gil(struct walk *w, u64 runtime_addr, u64 thread)
{
	const struct abi_py_layout *l = &w->layout;
	bool held = false;

	w->sample.gil = l->mech & ABI_MECH_GIL_SWITCH ? find_switch(w) : ABI_GIL_UNKNOWN;
	if (l->mech & ABI_MECH_GIL_SWITCH && w->sample.gil != ABI_GIL_NOT_HELD)
		return;
	if (l->mech & ABI_MECH_GIL_CURRENT) {
		u64 current = 0;

		if (walk_read(w, &current, 8, runtime_addr + l->rt_tstate_current_off))
			return;
		prefer_current(w, current, thread);
		held = current == w->tstate_addr;
	} else if (l->mech & ABI_MECH_GIL_STATUS) {
		held = block_u32((const u8 *)w->tstate_block, ABI_TSTATE_BLOCK, l->ts_gil_off) & l->gil_mask;
	} else {
		return;
	}
	w->sample.gil = held ? ABI_GIL_HELD : ABI_GIL_NOT_HELD;
}

/* Include/internal/pycore_interp.h: PyInterpreterState.id */
static __always_inline void find_interpreter(struct walk *w)
{
	const struct abi_py_layout *l = &w->layout;
	u64 id = 0;

	if (l->interp_id_off)
		walk_read(w, &id, 8, tstate_u64(w, l->ts_interp_off) + l->interp_id_off);
	w->sample.interp_id = (u32)id;
}

/*
 * Python 3.11 and 3.12: each invocation of the C evaluator has a cframe, which is current a little before it names
 * its first frame (Python/ceval.c: _PyEval_EvalFrameDefault). Till then it holds what was left on the C stack. The
 * thread state has one of its own, for when none runs.
 */
static __always_inline u32 read_cframe(struct walk *w, u64 cframe)
{
	const struct abi_py_layout *l = &w->layout;
	u64 before = 0;

	w->cframe_addr = cframe;
	if (read_noting(w, &w->frame_addr, 8, cframe + l->cframe_frame_off))
		return ABI_FAULT_TSTATE;
	if (!walk_read(w, &before, 8, cframe + l->cframe_prev_off) && before &&
	    !walk_read(w, &w->entry_from, 8, before + l->cframe_frame_off))
		w->entry_open = ENTRY_OPEN;
	return w->frame_addr || !is_in_tstate(w, cframe) ? ABI_OK : ABI_NO_FRAME;
}

/* The innermost frame, directly or through the cframe. */
static __always_inline u32 find_frame(struct walk *w)
{
	u64 addr = tstate_u64(w, w->layout.ts_frame_off);

	w->frame_addr = addr;
	w->entry_open = ENTRY_FOUND;
	w->entry_from = 0;
	w->cframe_addr = 0;
	if (!addr)
		return ABI_NO_FRAME;
	return w->layout.mech & ABI_MECH_CFRAME ? read_cframe(w, addr) : ABI_OK;
}

/*
 * Modules/gcmodule.c (3.12 on: Python/gc.c): struct _gc_runtime_state.collecting. The collector is C code that never gives the
 * GIL up, so while it collects who holds the GIL is the collector's thread, above its innermost frame. But it calls finalisers,
 * in which the frames are theirs, and other threads may get the GIL: only `frame`, of 3.15, tells these apart.
 */
static __always_inline void find_collector(struct walk *w, u64 runtime_addr)
{
	const struct abi_py_layout *l = &w->layout;
	u64 from = l->mech & ABI_MECH_GC_RUNTIME ? runtime_addr : tstate_u64(w, l->ts_interp_off), frame = 0;
	s32 collecting = 0;

	w->collecting = 0;
	if (!l->gc_off)
		return;
	if (l->mech & ABI_MECH_GC_FRAME)
		w->collecting =
			!walk_read(w, &frame, sizeof(frame), from + l->gc_off) && frame && frame == w->frame_addr;
	else if (w->sample.gil == ABI_GIL_HELD)
		w->collecting = !walk_read(w, &collecting, sizeof(collecting), from + l->gc_off) && collecting == 1;
}

static __always_inline bool is_ours(const struct walk *w, u64 thread)
{
	return !(w->layout.mech & ABI_MECH_THREAD_ID) || tstate_u64(w, w->layout.ts_thread_id_off) == thread;
}

/* The pointer to the thread's state; *key: 0 until it is known. */
static __always_inline u32 find_state(struct walk *w, u64 runtime_addr, u64 thread, u32 *key)
{
	u32 outcome = ABI_OK;

	if (w->layout.tls > ABI_TLS_PLAIN_KEY) {
		*key = 1;
		return read_variable(w, runtime_addr, thread);
	}
	if (!*key)
		outcome = read_key(w, runtime_addr, key);
	return outcome == ABI_OK ? read_slot(w, thread, *key - 1) : outcome;
}

/*
 * The key never changes while an interpreter lives, so it is read once; whatever then looks odd (no state,
 * no frame, another thread's state) makes the next tick read it again, which notices Py_Finalize.
 */
__verified_once u32 tstate_find(struct walk *w, u64 runtime_addr, u64 thread, u32 *tss_key)
{
	u32 key, outcome;

	if (!w || !tss_key)
		return ABI_INTERNAL;
	key = *tss_key;
	if (!thread)
		return ABI_STARTING;
	outcome = find_state(w, runtime_addr, thread, &key);
	if (outcome == ABI_NO_TSTATE)
		outcome = take_current(w, runtime_addr, thread);
	*tss_key = 0;
	if (outcome == ABI_OK)
		outcome = read_tstate(w);
	if (outcome != ABI_OK)
		return outcome;
	if (w->layout.tls <= ABI_TLS_PLAIN_KEY && !is_ours(w, thread)) {
		/*
		 * An embedding program may hand a state made by one thread to another. It is right all the
		 * same if the slot's key is still the interpreter's.
		 */
		u32 fresh = 0;

		outcome = read_key(w, runtime_addr, &fresh);
		if (outcome != ABI_OK)
			return outcome;
		if (fresh != key)
			return ABI_BAD_TSTATE;
	}
	find_gil(w, runtime_addr, thread);
	find_interpreter(w);
	outcome = find_frame(w);
	find_collector(w, runtime_addr);
	if (outcome == ABI_OK)
		*tss_key = key;
	return outcome;
}

__verified_once u32 tstate_take(struct walk *w, u64 runtime_addr, u64 tstate_addr)
{
	u32 outcome;

	if (!w)
		return ABI_INTERNAL;
	w->tstate_addr = tstate_addr;
	outcome = read_tstate(w);
	if (outcome != ABI_OK)
		return outcome;
	find_gil(w, runtime_addr, ~0ull); /* nobody's: this very state is wanted */
	find_interpreter(w);
	return find_frame(w);
}
