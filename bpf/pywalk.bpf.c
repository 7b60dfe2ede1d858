/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * The walker. It knows mechanisms and offsets, never a version. One block read per frame, one per code
 * object; the state of the loop lives in the map value, so the verifier sees each step only once.
 */
#include "bpf/pywalk.bpf.h"
#include "bpf/memo.bpf.h"
#include "bpf/native.bpf.h"
#include "bpf/start.bpf.h"

enum { WALK_GOES_ON, WALK_ROOT, WALK_TORN, WALK_DEPTH, WALK_TIME, WALK_FAULT };

/*
 * Shims may be piled up without a Python frame between them, and several starts be tried, so steps are counted
 * apart from frames.
 */
#define WALK_MAX_STEPS  (4 * ABI_MAX_FRAMES)
#define WALK_TIME_EVERY 16
#define WALK_TIME_PARTS 8
#define MAX_COPIES      (1u << 20) /* of a code object's instructions: as many as there ever were threads at once */

static __always_inline const u8 *frame_block(const struct walk *w)
{
	u32 at = w->at;

	opaque(at);
	return (const u8 *)w->buffer + (at > WALK_BUFFER - ABI_FRAME_BLOCK ? 0 : at);
}

/* Brings the current frame's block into the buffer; false when it is not readable. */
static __always_inline bool load_frame(struct walk *w)
{
	u64 addr = w->frame_addr + w->layout.frame_base, at = addr - w->buffer_addr;
	u64 distance = w->last_frame_addr - w->frame_addr;
	u32 bytes;

	w->last_frame_addr = w->frame_addr;
	if (at <= WALK_BUFFER - ABI_FRAME_BLOCK && at + w->frame_bytes <= w->buffer_bytes) {
		w->at = (u32)at;
		return true;
	}
	w->at = distance <= WALK_NEIGHBOUR ? addr % WALK_PAGE : 0;
	w->buffer_addr = addr - w->at;
	bytes = w->at + w->frame_bytes;
	opaque(bytes);
	if (bytes > WALK_BUFFER)
		return false;
	w->buffer_bytes = walk_read(w, w->buffer, bytes, w->buffer_addr) ? 0 : bytes;
	return w->buffer_bytes;
}

/* Include/cpython/code.h: PyCodeObject.co_tlbc, _PyCodeArray {Py_ssize_t size; char *entries[]}; 0: not readable. */
static __always_inline u64 copy_start(struct walk *w, u64 code_addr, u32 index)
{
	u64 copies = 0, start = 0;

	if (index >= MAX_COPIES || walk_read(w, &copies, 8, code_addr + w->layout.code_copies_off) ||
	    walk_read(w, &start, 8, copies + 8 + 8ull * index))
		return 0;
	return start;
}

static __always_inline u64 first_instruction(struct walk *w, const u8 *block, u64 code_addr)
{
	u32 index = w->layout.mech & ABI_MECH_COPIES ? masked_u32(block, w->frame_copy) : 0;

	return index ? copy_start(w, code_addr, index) : code_addr + w->layout.code_start_off;
}

/* Byte offset of the instruction in the code object; what each layout's index or pointer means. */
static __always_inline s32 frame_lasti(struct walk *w, const u8 *block, u64 code_addr)
{
	const struct abi_py_layout *l = &w->layout;
	u64 ip = masked_u64(block, w->frame_ip);

	if (l->mech & ABI_MECH_IP_POINTER) {
		s64 off = (s64)(ip - first_instruction(w, block, code_addr));

		return off < -1 || off > 0x7fffffff ? -1 : (s32)off;
	}
	if (l->mech & ABI_MECH_IP_UNITS)
		ip = (s32)ip < 0 ? ip : ip * 2;
	return (s32)ip < 0 ? -1 : (s32)ip;
}

/*
 * Compilers of Python (Nuitka) push frames of their own for tracebacks. No evaluator was entered for them, so they say nothing of
 * where one was; from 3.11 on they claim to be a generator's, but have no function, as every frame of CPython's own has.
 */
static __always_inline bool is_compiled(const struct walk *w, const u8 *block)
{
	return block[w->frame_owner & 0x7f] == ABI_OWNER_GENERATOR && !frame_object(block, w->frame_func) &&
	       masked_u64(block, w->frame_object);
}

/* The line that its frame object has instead of an instruction; before 3.11 a frame is one. */
static __always_inline s32 compiled_lasti(struct walk *w, const u8 *block, s32 lasti)
{
	u64 object = w->frame_addr;
	s32 line = 0;

	w->compiled = w->layout.frame_object_off ? is_compiled(w, block) : lasti < 0;
	if (!w->compiled)
		return lasti;
	if (w->layout.frame_object_off)
		object = masked_u64(block, w->frame_object);
	return !walk_read(w, &line, sizeof(line), object + w->layout.frame_line_off) && line > 0 ? abi_line(line)
												 : lasti;
}

/* Before 3.11 such a frame is current before it has its caller; then it is not said to run yet. */
static __always_inline bool is_whole(const struct walk *w, u64 frame_addr)
{
	u8 state = 0;

	if (!w->layout.frame_state_off)
		return true;
	return !walk_read(w, &state, 1, frame_addr + w->layout.frame_state_off) && state == w->layout.frame_running;
}

static __always_inline void note_fault(struct walk *w)
{
	if (!w->fault_addr)
		w->fault_addr = w->frame_addr;
}

/* A code object was listed: the globals of its frame name its module. */
static __always_inline void note_globals(struct walk *w, u32 at, const u8 *block)
{
	opaque(at);
	if (at < CODE_TODO_MAX)
		w->todo[at].globals_addr = masked_u64(block, w->frame_globals);
}

/* False when its code object is not readable. */
static __always_inline bool store_frame(struct walk *w, const u8 *block)
{
	u64 code_addr = frame_object(block, w->frame_code);
	u32 n = w->frame_cnt, listed = w->todo_cnt;
	struct abi_frame *f;

	opaque(n);
	if (n >= ABI_MAX_FRAMES)
		return true;
	f = &w->frames[n];
	f->code_key = code_key(w, code_addr);
	if (w->todo_cnt > listed)
		note_globals(w, listed, block);
	if (!f->code_key)
		note_fault(w);
	f->lasti = compiled_lasti(w, block, frame_lasti(w, block, code_addr));
	f->what = ABI_FRAME_PYTHON;
	w->frame_cnt = n + 1;
	frame_stored(w, n, w->frame_addr, code_addr);
	return f->code_key;
}

/*
 * greenlet takes the shims out of the chain of a stack that it leaves, and puts them back a little after it has
 * come back (its expose_frames()). A switch half done concerns the leaf alone: one whose caller is there, or a
 * function that runs already, was whole.
 */
static __always_inline bool shims_missing(const struct walk *w, u8 owner)
{
	if (!(w->layout.mech & ABI_MECH_OWNER))
		return false;
	return w->visited > 1 || (owner == ABI_OWNER_THREAD && w->frames[0].lasti > 0);
}

/* Only where there are no shims may a chain end at a generator: C code without a Python caller resumed it. */
static __always_inline bool is_running_generator(const struct walk *w, u64 frame_addr)
{
	u8 back = w->layout.gen_state_back, state = 1;

	return back && !walk_read(w, &state, 1, frame_addr - back) && !state;
}

/*
 * The frame before an invocation's first one must be the frame that ran when the C evaluator was entered. If it is
 * another, the cframe does not name a frame of its invocation yet, or that frame is not linked yet. If there is none, the
 * invocation may be the first of a greenlet, and then the cframe before is another greenlet's. Before any other frame of the
 * invocation it is as wrong: a generator's callee lies where that frame has called something before, and is not linked yet.
 *
 * A generator's frame need not be the first, although it says so: throw() makes each one that delegates current in the
 * invocation that called throw() (3.11: Objects/genobject.c, _gen_throw()). Then the first comes later.
 */
static __always_inline bool is_stale(struct walk *w, u8 owner, u8 is_entry)
{
	const struct abi_py_layout *l = &w->layout;
	bool entry = (l->mech & ABI_MECH_IS_ENTRY) ? is_entry : owner >= l->owner_shim;

	if (!w->entry_open)
		return false;
	if (!entry)
		return w->frame_addr && w->frame_addr == w->entry_from;
	if (!w->frame_addr)
		return w->entry_open == ENTRY_DELEGATED && w->entry_from;
	if (w->frame_addr == w->entry_from)
		w->entry_open = ENTRY_FOUND;
	else if (owner == ABI_OWNER_GENERATOR)
		w->entry_open = ENTRY_DELEGATED;
	else
		return true;
	return false;
}

/* This is not how a stack ends that is whole. Is there a better one to begin at? */
static __always_inline u32 start_over(struct walk *w, u32 stop)
{
	if (w->start == START_LAST || w->foreign)
		return stop;
	if (w->start == START_NAMED)
		user_registers(w);
	w->start = START_SOUGHT;
	return WALK_GOES_ON;
}

/*
 * For an instant a frame may be current and already cut from its caller, or not linked to it yet. Such a chain ends
 * where none can end: at a frame that the C evaluator was not entered with, or at a generator.
 */
static __always_inline u32 walk_end(struct walk *w, u64 frame_addr, const u8 *block)
{
	u8 owner = block[w->frame_owner & 0x7f];

	if (w->compiled)
		return is_whole(w, frame_addr) ? WALK_ROOT : start_over(w, WALK_TORN);
	if ((w->layout.mech & ABI_MECH_IS_ENTRY) && !block[w->frame_is_entry & 0x7f])
		return start_over(w, WALK_TORN);
	if (!(w->layout.torn_owners >> (owner & 7) & 1))
		return WALK_ROOT;
	return start_over(w, shims_missing(w, owner) || is_running_generator(w, frame_addr) ? WALK_ROOT : WALK_TORN);
}

static __always_inline void start_at(struct walk *w, u32 how, u64 frame_addr)
{
	frames_forgotten(w, w->frame_cnt);
	w->frame_cnt = w->todo_cnt = w->visited = w->garbage = 0;
	w->entry_open = ENTRY_FOUND;
	w->walk_cnt++; /* code objects are listed again */
	w->start = how;
	w->frame_addr = frame_addr;
	native_begin(w);
}

/* Has what is said to be a frame of it the looks of one? Each register is asked about in each turn. */
static __always_inline bool fits_turn(struct walk *w, u32 turn)
{
	const u8 *block;
	u64 code_addr;

	if (!w->frame_addr || !load_frame(w))
		return false;
	block = frame_block(w);
	code_addr = frame_object(block, w->frame_code);
	if (!is_surely_code(w, code_addr))
		return false;
	if (turn != TURN_CFRAME && (frame_lasti(w, block, code_addr) > 0) != (turn == TURN_RUNNING))
		return false;
	return !is_gone(w, w->frame_addr);
}

static __always_inline u32 seek_step(struct walk *w)
{
	u32 at = w->start_tries++, turn = at / ARCH_USER_REGISTERS, i = at % ARCH_USER_REGISTERS;

	if (turn >= TURNS) {
		start_at(w, START_LAST, w->last_resort);
		native_nowhere(w);
		return WALK_GOES_ON;
	}
	opaque(i);
	if (i < ARCH_USER_REGISTERS)
		w->frame_addr = start_frame(w, turn, w->registers[i]);
	if (fits_turn(w, turn)) {
		start_at(w, START_REGISTER, w->frame_addr);
		native_started(w, turn, i);
	}
	return WALK_GOES_ON;
}

/* Frames lie elsewhere, but a shim is in the C frame of its evaluator, where the cframe is too. */
static __always_inline bool is_half_a_shim(const struct walk *w, u8 owner)
{
	return (w->layout.mech & ABI_MECH_OWNER) && owner < w->layout.owner_shim && w->cframe_addr &&
	       w->frame_addr - w->cframe_addr + SHIM_NEAR < 2 * SHIM_NEAR;
}

/*
 * A hypervisor may run something else in between, for milliseconds, and that is not the walk's time. So between two looks
 * no more counts than a part of the limit; where every read is slow, that many parts are soon used up.
 */
static __always_inline bool is_late(struct walk *w)
{
	u64 now = bpf_ktime_get_ns(), took = now - w->looked_ns, most = w->limit_ns / WALK_TIME_PARTS;

	w->looked_ns = now;
	w->spent_ns += took < most ? took : most;
	return w->spent_ns >= w->limit_ns;
}

static __always_inline u32 walk_step(struct walk *w)
{
	const u8 *block;
	u64 addr;
	u8 owner;

	if (w->start == START_SOUGHT)
		return seek_step(w);
	if (!w->frame_addr)
		return start_over(w, WALK_ROOT);
	if (++w->visited % WALK_TIME_EVERY == 0 && is_late(w))
		return WALK_TIME;
	if (!load_frame(w)) {
		w->cold = 1;
		note_fault(w);
		if (w->entry_open && w->visited == 1)
			w->last_resort = w->entry_from;
		return start_over(w, WALK_FAULT);
	}
	w->compiled = 0;
	block = frame_block(w);
	owner = block[w->frame_owner & 0x7f];
	if (is_half_a_shim(w, owner))
		return start_over(w, WALK_TORN);
	if (!is_shim(w, owner)) {
		if (w->frame_cnt >= w->max_frames)
			return WALK_DEPTH;
		if (!store_frame(w, block) && w->start != START_LAST)
			return start_over(w, WALK_TORN);
	}
	if (w->garbage)
		return WALK_TORN;
	native_frame(w, owner, block);
	addr = w->frame_addr;
	w->frame_addr = masked_u64(block, w->frame_prev);
	if (is_stale(w, owner, block[w->frame_is_entry & 0x7f])) {
		w->last_resort = w->entry_from;
		return start_over(w, WALK_TORN);
	}
	return w->frame_addr ? WALK_GOES_ON : walk_end(w, addr, block);
}

static __always_inline u32 walk_on(u32 i, struct walk *w)
{
	w->stop = walk_step(w);
	return w->stop != WALK_GOES_ON;
}

SCRATCH_LOOP(walk_loop, struct walk, WALK_MAX_STEPS, walk_on)

__verified_once u32 pywalk(struct walk *w)
{
	if (!w)
		return ABI_INTERNAL;
	pywalk_prepare(w);
	w->buffer_bytes = 0;
	w->last_frame_addr = 0;
	w->spent_ns = 0;
	w->looked_ns = bpf_ktime_get_ns();
	w->stop = WALK_GOES_ON;
	w->start = START_NAMED;
	w->start_tries = 0;
	w->last_resort = w->frame_addr ? w->frame_addr : w->entry_from;
	w->walk_cnt++;
	w->frame_cnt = w->todo_cnt = w->visited = w->garbage = 0;
	native_begin(w);
	walk_loop(w);
	native_end(w, w->stop == WALK_ROOT);
	if (w->stop == WALK_ROOT)
		return w->frame_cnt ? ABI_OK : ABI_NO_FRAME;
	if (w->stop == WALK_TORN) {
		w->frame_cnt = w->todo_cnt = 0;
		return ABI_TORN;
	}
	if (!w->frame_cnt) /* a fault, or shims that lead nowhere */
		return ABI_FAULT_FRAME;
	if (w->stop == WALK_FAULT)
		return ABI_CUT_FAULT;
	return w->stop == WALK_TIME ? ABI_CUT_TIME : ABI_CUT_DEPTH;
}
