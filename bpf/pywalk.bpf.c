/*
 * The walker. It knows mechanisms and offsets, never a version. One block read per frame, one per code
 * object; the state of the loop lives in the map value, so the verifier sees each step only once.
 */
#include "bpf/pywalk.bpf.h"
#include "bpf/memo.bpf.h"
#include "bpf/start.bpf.h"

enum { WALK_GOES_ON, WALK_ROOT, WALK_TORN, WALK_DEPTH, WALK_TIME, WALK_FAULT };

/*
 * Shims may be piled up without a Python frame between them, and several starts be tried, so steps are counted
 * apart from frames.
 */
#define WALK_MAX_STEPS (4 * ABI_MAX_FRAMES)
#define WALK_TIME_EVERY 16
#define WALK_TIME_PARTS 8

static __always_inline const u8 *frame_block(const struct walk *w)
{
	u32 at = w->at;

	opaque(at);
	return (const u8 *)w->window + (at > WALK_WINDOW - ABI_FRAME_BLOCK ? 0 : at);
}

/* Brings the current frame's block into the window; false when it is not readable. */
static __always_inline bool load_frame(struct walk *w)
{
	u64 addr = w->frame_addr + w->layout.frame_base, at = addr - w->window_addr;
	u64 distance = w->last_frame_addr - w->frame_addr;
	u32 bytes;

	w->last_frame_addr = w->frame_addr;
	if (at <= WALK_WINDOW - ABI_FRAME_BLOCK && at + ABI_FRAME_BLOCK <= w->window_bytes) {
		w->at = (u32)at;
		return true;
	}
	w->at = distance <= WALK_NEIGHBOUR ? addr % WALK_PAGE : 0;
	w->window_addr = addr - w->at;
	bytes = w->at + ABI_FRAME_BLOCK;
	opaque(bytes);
	if (bytes > WALK_WINDOW)
		return false;
	w->window_bytes = read_user(w->window, bytes, w->window_addr) ? 0 : bytes;
	return w->window_bytes;
}

/* Byte offset of the instruction in the code object; what each layout's index or pointer means. */
static __always_inline s32 frame_lasti(const struct walk *w, const u8 *block, u64 code_addr)
{
	const struct abi_py_layout *l = &w->layout;
	u64 ip = masked_u64(block, w->frame_ip);

	if (l->mech & ABI_MECH_IP_POINTER) {
		s64 off = (s64)(ip - (code_addr + l->code_start_off));

		return off < -1 || off > 0x7fffffff ? -1 : (s32)off;
	}
	return (l->mech & ABI_MECH_IP_UNITS) && (s32)ip >= 0 ? (s32)((u32)ip * 2) : (s32)ip;
}

/* The C evaluator was entered between the last stored frame and the next one towards the root. */
static __always_inline void mark_boundary(struct walk *w)
{
	u32 last = w->frame_cnt - 1;

	opaque(last);
	if (last < ABI_MAX_FRAMES)
		w->frames[last].flags |= ABI_FRAME_SHIM_BELOW;
}

static __always_inline void note_fault(struct walk *w)
{
	if (!w->fault_addr)
		w->fault_addr = w->frame_addr;
}

/* False when its code object is not readable. */
static __always_inline bool store_frame(struct walk *w, const u8 *block)
{
	u64 code_addr = masked_u64(block, w->frame_code);
	u32 n = w->frame_cnt;
	struct abi_frame *f;

	opaque(n);
	if (n >= ABI_MAX_FRAMES)
		return true;
	f = &w->frames[n];
	f->code_key = code_key(w, code_addr);
	if (!f->code_key)
		note_fault(w);
	f->lasti = frame_lasti(w, block, code_addr);
	f->flags = f->code_key ? 0 : ABI_FRAME_UNREADABLE;
	if ((w->layout.mech & ABI_MECH_IS_ENTRY) && block[w->frame_is_entry & 0x7f])
		f->flags |= ABI_FRAME_SHIM_BELOW;
	w->frame_cnt = n + 1;
	frame_stored(n, w->frame_addr, code_addr);
	return f->code_key;
}

/*
 * greenlet takes the shims out of the chain of a stack that it leaves, and puts them back a little after it has
 * come back (its expose_frames()). A switch half done concerns the leaf alone: one whose caller is there, or a
 * function that runs already, was whole.
 */
static __always_inline bool is_bared(const struct walk *w, u8 owner)
{
	if (!(w->layout.mech & ABI_MECH_OWNER))
		return false;
	return w->visited > 1 || (owner == ABI_OWNER_THREAD && w->frames[0].lasti > 0);
}

/* Only where there are no shims may a chain end at a generator: C code without a Python caller resumed it. */
static __always_inline bool is_running_generator(const struct walk *w, u64 frame_addr)
{
	u8 back = w->layout.gen_state_back, state = 1;

	return back && !read_user(&state, 1, frame_addr - back) && !state;
}

/*
 * Root-ward of where the C evaluator was entered last stands the frame that ran then. If not, the cframe does not
 * name a frame of its invocation yet, or that one is not linked yet. Where nothing stands it may be the first of a greenlet,
 * whose cframe before is not its own.
 */
static __always_inline bool is_stale(struct walk *w, u8 owner, u8 is_entry)
{
	const struct abi_py_layout *l = &w->layout;
	bool entry = (l->mech & ABI_MECH_IS_ENTRY) ? is_entry : owner >= l->owner_shim;

	if (!w->entry_open || !entry || !w->frame_addr)
		return false;
	w->entry_open = w->frame_addr != w->entry_from;
	return w->entry_open;
}

/* This is not how a stack ends that is whole. Is there a better one to begin at? */
static __always_inline u32 start_over(struct walk *w, u32 stop)
{
	if (w->start == START_LAST)
		return stop;
	if (w->start == START_NAMED)
		user_registers(w->registers);
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

	if ((w->layout.mech & ABI_MECH_IS_ENTRY) && !block[w->frame_is_entry & 0x7f])
		return start_over(w, WALK_TORN);
	if (!(w->layout.torn_owners >> (owner & 7) & 1))
		return WALK_ROOT;
	return start_over(w, is_bared(w, owner) || is_running_generator(w, frame_addr) ? WALK_ROOT : WALK_TORN);
}

static __always_inline void start_at(struct walk *w, u32 how, u64 frame_addr)
{
	frames_forgotten(w->frame_cnt);
	w->frame_cnt = w->todo_cnt = w->visited = w->garbage = w->entry_open = 0;
	w->walk_cnt++; /* code objects are listed again */
	w->start = how;
	w->frame_addr = frame_addr;
}

/* Has what is said to be a frame of it the looks of one? Each register is asked about in each turn. */
static __always_inline bool fits_turn(struct walk *w, u32 turn)
{
	const u8 *block;
	u64 code_addr;

	if (!w->frame_addr || !load_frame(w))
		return false;
	block = frame_block(w);
	code_addr = masked_u64(block, w->frame_code);
	if (!is_surely_code(w, code_addr))
		return false;
	if (turn != TURN_CFRAME && (frame_lasti(w, block, code_addr) > 0) != (turn == TURN_RUNNING))
		return false;
	return !is_gone(w, w->frame_addr);
}

static __always_inline u32 seek_step(struct walk *w)
{
	u32 at = w->start_tries++, turn = at / USER_REGISTERS, i = at % USER_REGISTERS;

	if (turn >= TURNS) {
		start_at(w, START_LAST, w->last_resort);
		return WALK_GOES_ON;
	}
	opaque(i);
	if (i < USER_REGISTERS)
		w->frame_addr = start_frame(w, turn, w->registers[i]);
	if (fits_turn(w, turn))
		start_at(w, START_REGISTER, w->frame_addr);
	return WALK_GOES_ON;
}

/* Frames lie elsewhere, but a shim is in the C frame of its evaluator, where the cframe is too. */
static __always_inline bool is_half_a_shim(const struct walk *w, u8 owner)
{
	return (w->layout.mech & ABI_MECH_OWNER) && owner < w->layout.owner_shim && w->cframe_addr &&
	       w->frame_addr - w->cframe_addr + SHIM_NEAR < 2 * SHIM_NEAR;
}

static __always_inline bool is_shim(const struct walk *w, u8 owner)
{
	return (w->layout.mech & ABI_MECH_OWNER) && owner >= w->layout.owner_shim;
}

/*
 * A hypervisor may run something else in between, for milliseconds, and that is not the walk's time. So between two looks
 * no more counts than a part of the limit; where every read is slow, that many parts are soon used up.
 */
static __always_inline bool is_late(struct walk *w)
{
	u64 now = now_ns(), took = now - w->looked_ns, most = w->limit_ns / WALK_TIME_PARTS;

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
	block = frame_block(w);
	owner = block[w->frame_owner & 0x7f];
	if (is_half_a_shim(w, owner))
		return start_over(w, WALK_TORN);
	if (is_shim(w, owner))
		mark_boundary(w);
	else if (w->frame_cnt >= w->max_frames)
		return WALK_DEPTH;
	else if (!store_frame(w, block) && w->start != START_LAST)
		return start_over(w, WALK_TORN);
	if (w->garbage)
		return WALK_TORN;
	addr = w->frame_addr;
	w->frame_addr = masked_u64(block, w->frame_prev);
	if (is_stale(w, owner, block[w->frame_is_entry & 0x7f])) {
		w->last_resort = w->entry_from;
		return start_over(w, WALK_TORN);
	}
	return w->frame_addr ? WALK_GOES_ON : walk_end(w, addr, block);
}

#ifdef PYBPF_HOST
static void walk_loop(struct walk *w)
{
	for (u32 i = 0; i < WALK_MAX_STEPS && w->stop == WALK_GOES_ON; i++)
		w->stop = walk_step(w);
}
#else
struct walk_ctx {
	struct walk *w;
};

static long walk_callback(u32 i, struct walk_ctx *ctx)
{
	struct walk *w = ctx->w;

	w->stop = walk_step(w);
	return w->stop != WALK_GOES_ON;
}

static __always_inline void walk_loop(struct walk *w)
{
	struct walk_ctx ctx = {w};

	bpf_loop(WALK_MAX_STEPS, walk_callback, &ctx, 0);
}
#endif

__verified_once u32 pywalk(struct walk *w)
{
	if (!w)
		return ABI_INTERNAL;
	pywalk_prepare(w);
	w->window_bytes = 0;
	w->last_frame_addr = 0;
	w->spent_ns = 0;
	w->looked_ns = now_ns();
	w->stop = WALK_GOES_ON;
	w->start = START_NAMED;
	w->start_tries = 0;
	w->last_resort = w->frame_addr ? w->frame_addr : w->entry_from;
	w->walk_cnt++;
	w->frame_cnt = w->todo_cnt = w->visited = w->garbage = 0;
	walk_loop(w);
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
