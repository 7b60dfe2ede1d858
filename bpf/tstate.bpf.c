/*
 * The current thread's state comes from the "gilstate" slot, a pthread key: it stays set while the
 * thread has released the GIL, so C code that runs without the GIL keeps its Python stack.
 */
#include "bpf/tstate.bpf.h"
#include "bpf/start.bpf.h"

static __always_inline long read_noting(struct walk *w, void *dst, u32 size, u64 addr)
{
	long err = read_user(dst, size, addr);

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

	if (read_noting(w, &tss, sizeof(tss), runtime_addr + w->layout.rt_tss_off))
		return ABI_FAULT_RUNTIME;
	if (!tss.initialised)
		return ABI_STARTING;
	*tss_key = tss.key + 1;
	return ABI_OK;
}

/* pthread_getspecific: nptl/pthread_getspecific.c, first block inline in struct pthread. */
static __always_inline u32 read_slot(struct walk *w, u64 thread_pointer, u32 key)
{
	const struct abi_py_layout *l = &w->layout;
	u64 slot = thread_pointer + l->tss_first_off + key * l->tss_entry_size;
	u64 block = 0;

	if (l->tss_per_block && key >= l->tss_per_block) {
		u64 table = thread_pointer + l->tss_table_off;

		if (read_noting(w, &block, 8, table + 8 * (u64)(key / l->tss_per_block)))
			return ABI_FAULT_TSTATE;
		if (!block)
			return ABI_NO_TSTATE;
		slot = block + (key % l->tss_per_block) * l->tss_entry_size;
	}
	if (read_noting(w, &w->tstate_addr, 8, slot + l->tss_value_off))
		return ABI_FAULT_TSTATE;
	return w->tstate_addr ? ABI_OK : ABI_NO_TSTATE;
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
 * Python ≤ 3.11 keeps the thread's first state in the slot even while it runs in a sub-interpreter;
 * _PyRuntime.gilstate.tstate_current then names the right one if it is this thread's.
 */
static __always_inline void prefer_current(struct walk *w, u64 current, u64 thread_pointer)
{
	u64 ident = 0;

	if (!current || current == w->tstate_addr)
		return;
	if (read_user(&ident, 8, current + w->layout.ts_thread_id_off) || ident != thread_pointer)
		return;
	if (read_user(w->tstate_block, ABI_TSTATE_BLOCK, current))
		return;
	w->tstate_addr = current;
}

static __always_inline void find_gil(struct walk *w, u64 runtime_addr, u64 thread_pointer)
{
	const struct abi_py_layout *l = &w->layout;
	bool held = false;

	w->sample.gil = ABI_GIL_UNKNOWN;
	if (l->mech & ABI_MECH_GIL_CURRENT) {
		u64 current = 0;

		if (read_user(&current, 8, runtime_addr + l->rt_tstate_current_off))
			return;
		prefer_current(w, current, thread_pointer);
		held = current == w->tstate_addr;
	} else if (l->mech & ABI_MECH_GIL_STATUS) {
		held = block_u32((const u8 *)w->tstate_block, ABI_TSTATE_BLOCK, l->ts_gil_off) &
		       l->gil_mask;
	} else {
		return;
	}
	w->sample.gil = held ? ABI_GIL_HELD : ABI_GIL_NOT_HELD;
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
	w->entry_open = !read_user(&before, 8, cframe + l->cframe_prev_off) && before &&
			!read_user(&w->entry_from, 8, before + l->cframe_frame_off);
	return w->frame_addr || !is_in_tstate(w, cframe) ? ABI_OK : ABI_NO_FRAME;
}

/* The innermost frame, directly or through the cframe. */
static __always_inline u32 find_frame(struct walk *w)
{
	u64 addr = tstate_u64(w, w->layout.ts_frame_off);

	w->frame_addr = addr;
	w->entry_open = 0;
	w->entry_from = 0;
	w->cframe_addr = 0;
	if (!addr)
		return ABI_NO_FRAME;
	return w->layout.mech & ABI_MECH_CFRAME ? read_cframe(w, addr) : ABI_OK;
}

static __always_inline bool is_ours(const struct walk *w, u64 thread_pointer)
{
	return !(w->layout.mech & ABI_MECH_THREAD_ID) ||
	       tstate_u64(w, w->layout.ts_thread_id_off) == thread_pointer;
}

/*
 * The key never changes while an interpreter lives, so it is read once; whatever then looks odd (no state,
 * no frame, another thread's state) makes the next tick read it again, which notices Py_Finalize.
 */
__verified_once u32 tstate_find(struct walk *w, u64 runtime_addr, u64 thread_pointer, u32 *tss_key)
{
	u32 key, outcome = ABI_OK;

	if (!w || !tss_key)
		return ABI_INTERNAL;
	key = *tss_key;
	if (!thread_pointer)
		return ABI_STARTING;
	if (!key)
		outcome = read_key(w, runtime_addr, &key);
	*tss_key = 0;
	if (outcome == ABI_OK)
		outcome = read_slot(w, thread_pointer, key - 1);
	if (outcome == ABI_OK)
		outcome = read_tstate(w);
	if (outcome != ABI_OK)
		return outcome;
	if (!is_ours(w, thread_pointer)) {
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
	find_gil(w, runtime_addr, thread_pointer);
	outcome = find_frame(w);
	if (outcome == ABI_OK)
		*tss_key = key;
	return outcome;
}

#ifdef PYBPF_HOST
u32 tstate_take(struct walk *w, u64 runtime_addr, u64 tstate_addr)
{
	u32 outcome;

	w->tstate_addr = tstate_addr;
	outcome = read_tstate(w);
	if (outcome != ABI_OK)
		return outcome;
	find_gil(w, runtime_addr, ~0ull); /* nobody's thread pointer: this very state is wanted */
	return find_frame(w);
}
#endif
