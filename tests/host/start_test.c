/* SPDX-License-Identifier: MIT */
/*
 * Instants of a frame switch at which memory does not name the current frame, and a register does: bpf/start.bpf.h.
 * tests/live/test_truth.py has the switches of real interpreters, instruction by instruction.
 */
#include "tests/host/versions.h"
#include <string.h>

/* Include/internal/pycore_frame.h */
#define SUSPENDED             0xff /* -1; running is 0 */
#define OWNED_BY_FRAME_OBJECT 2

static void check_stack(struct world *p, const u64 *codes, u32 cnt)
{
	assert_int_equal(tick(p), ABI_OK);
	assert_int_equal(p->w->frame_cnt, cnt);
	for (u32 i = 0; i < cnt; i++)
		assert_int_equal(p->w->todo[i].addr, codes[cnt - 1 - i]);
}

/* A frame that runs: the evaluator has gone past its first instruction. */
static u64 running(struct world *p, u64 code)
{
	return world__push(p, code, 4, WORLD_THREAD);
}

static u64 three_frames(struct world *p, u64 *codes)
{
	call_chain(p, codes, 2);
	codes[2] = world__function(p, 2);
	return running(p, codes[2]);
}

/* As a generator that was suspended says of itself: it was the first frame of an invocation, each time that it ran. */
static u64 delegate(struct world *p, u64 code)
{
	p->entered = true;
	return world__push(p, code, 8, WORLD_GENERATOR);
}

/* DISPATCH_INLINED: the callee is current, and what its memory had before stands where its caller will. */
static void a_callee_that_is_not_linked_yet(void **state)
{
	struct world *p = *state;
	u64 codes[3], caller = three_frames(p, codes), dead = world__alloc(p, 256), callee;
	const u64 left_over[] = {0, dead, p->tstate, 0x1000, 0xdead0000};

	callee = world__push(p, world__function(p, 7), -2, WORLD_THREAD);
	for (size_t i = 0; i < ARRAY_SIZE(left_over); i++) {
		world__set_prev(p, callee, left_over[i]);
		host.registers[3] = callee;
		host.registers[8] = caller;
		check_stack(p, codes, 3);
		assert_int_equal(p->w->frames[0].lasti, 4);
		host.registers[8] = 0;
		assert_int_not_equal(tick(p), ABI_OK);
	}
}

/* FOR_ITER, SEND and YIELD_VALUE: a generator is current and has no caller, not yet or not any more. */
static void a_generator_without_its_caller(void **state)
{
	struct world *p = *state;
	u64 codes[3], caller = three_frames(p, codes), generator;

	generator = world__push(p, world__function(p, 7), 8, WORLD_GENERATOR);
	world__set_prev(p, generator, 0);
	if (p->l.gen_state_back)
		image__put_u8(p->m, generator - p->l.gen_state_back, SUSPENDED);
	host.registers[14] = caller;
	host.registers[0] = generator;
	check_stack(p, codes, 3);
	host.registers[14] = 0;
	assert_int_equal(tick(p), ABI_TORN);
}

/* 3.11 and 3.12: a cframe is current and empty, or has what another had left there. */
static u64 enter_evaluator(struct world *p, u64 frame_left, u64 previous_left)
{
	u64 cframe = p->cframe - 24;

	image__put_u64(p->m, cframe + p->l.cframe_frame_off, frame_left);
	image__put_u64(p->m, cframe + p->l.cframe_prev_off, previous_left);
	image__put_u64(p->m, p->tstate + p->l.ts_frame_off, cframe);
	return cframe;
}

static void an_evaluator_whose_caller_is_in_a_register(void **state)
{
	struct world *p = *state;
	u64 codes[3], caller = three_frames(p, codes), dead = world__alloc(p, 256);
	const u64 left_over[] = {0, dead, p->tstate, 0x1000, 0xdead0000, caller + 8};

	for (size_t i = 0; i < ARRAY_SIZE(left_over) * ARRAY_SIZE(left_over); i++) {
		enter_evaluator(p, left_over[i % ARRAY_SIZE(left_over)], left_over[i / ARRAY_SIZE(left_over)]);
		memset(host.registers, 0, sizeof(host.registers));
		host.registers[10] = p->cframe; /* the cframe before */
		check_stack(p, codes, 3);
		host.registers[10] = 0;
		host.registers[4] = caller; /* or its frame, read already */
		check_stack(p, codes, 3);
	}
}

/* The first frame of the invocation is linked, and the cframe is still to be written. */
static void an_evaluator_whose_frame_is_in_a_register(void **state)
{
	struct world *p = *state;
	u64 codes[4], frame;

	three_frames(p, codes);
	world__enter(p);
	codes[3] = world__function(p, 3);
	frame = world__push(p, codes[3], -2, WORLD_THREAD);
	enter_evaluator(p, 0, 0);
	host.registers[4] = frame;
	check_stack(p, codes, 4);
}

/* throw(): those that delegate are current in the invocation that it was called in, before the C evaluator is entered. */
static void generators_that_delegate(void **state)
{
	struct world *p = *state;
	u64 codes[7], none = world__alloc(p, 24), outer;

	three_frames(p, codes);
	for (u32 i = 3; i < 7; i++)
		codes[i] = world__function(p, i);
	image__put_u64(p->m, p->cframe + p->l.cframe_prev_off, none);
	delegate(p, codes[3]);
	check_stack(p, codes, 4);
	outer = delegate(p, codes[4]);
	check_stack(p, codes, 5);
	/* the same in an invocation that is not the first one */
	enter_evaluator(p, outer, p->cframe);
	p->cframe -= 24;
	p->entered = true;
	world__push(p, codes[5], 4, WORLD_THREAD);
	check_stack(p, codes, 6);
	delegate(p, codes[6]);
	check_stack(p, codes, 7);
}

/* A cframe that still names one of these is an old one, if a function of an invocation further out has called since. */
static void an_evaluator_that_names_a_generator_further_out(void **state)
{
	struct world *p = *state;
	u64 codes[3], generator, caller;

	call_chain(p, codes, 1);
	codes[1] = world__function(p, 1);
	codes[2] = world__function(p, 2);
	generator = delegate(p, codes[1]);
	caller = running(p, codes[2]);
	enter_evaluator(p, generator, p->cframe);
	check_stack(p, codes, 3);
	host.registers[4] = caller;
	check_stack(p, codes, 3);
}

/* What a generator calls lies where the frame below has called something before, to which that is linked still. */
static void a_callee_that_is_linked_to_another(void **state)
{
	struct world *p = *state;
	u64 codes[3], below, generator, callee;

	call_chain(p, codes, 2);
	below = p->leaf;
	world__enter(p);
	codes[2] = world__function(p, 2);
	generator = world__push(p, codes[2], 8, WORLD_GENERATOR);
	callee = world__push(p, world__function(p, 7), -2, WORLD_THREAD);
	world__set_prev(p, callee, below);
	image__put_u64(p->m, p->cframe + p->l.cframe_frame_off, below);
	enter_evaluator(p, callee, p->cframe);
	host.registers[8] = generator;
	check_stack(p, codes, 3);
	host.registers[8] = 0;
	check_stack(p, codes, 2);
}

/* A shim that is not told from a frame yet. */
static void half_a_shim(void **state)
{
	struct world *p = *state;
	u64 codes[3], caller = three_frames(p, codes), shim = p->cframe - 24 + 128;

	image__add(p->m, shim, 88);
	image__put_u64(p->m, shim + p->l.frame_code_off, world__function(p, 9));
	world__set_prev(p, shim, caller);
	enter_evaluator(p, shim, p->cframe);
	host.registers[0] = p->cframe;
	check_stack(p, codes, 3);
}

/* A frame that is gone, but still looks like one and leads to the root. */
static void frames_that_are_gone(void **state)
{
	struct world *p = *state;
	u64 codes[3], caller = three_frames(p, codes), gone = running(p, world__function(p, 7)), top = gone;

	for (u32 i = 0; i < 4; i++)
		running(p, world__function(p, 9));
	image__put_u64(p->m, p->tstate + p->l.ts_stack_off + 8, top);
	world__set_leaf(p, 0x1000);
	host.registers[2] = gone;
	assert_int_equal(tick(p), ABI_FAULT_FRAME);
	host.registers[3] = caller;
	check_stack(p, codes, 3);
}

/* What a traceback holds of a frame that has ended. */
static void frames_of_tracebacks(void **state)
{
	struct world *p = *state;
	u64 codes[3], caller = three_frames(p, codes), kept = delegate(p, world__function(p, 7));

	world__set_prev(p, kept, 0);
	image__put_u8(p->m, kept + p->l.frame_owner_off, OWNED_BY_FRAME_OBJECT);
	world__set_leaf(p, 0x1000);
	host.registers[2] = kept;
	assert_int_not_equal(tick(p), ABI_OK);
	host.registers[3] = caller;
	check_stack(p, codes, 3);
}

/* A code object in a frame's slots, or one in its first word, is not a frame. */
static void what_only_looks_like_a_frame(void **state)
{
	struct world *p = *state;
	u64 codes[3], caller = three_frames(p, codes), tuple = world__alloc(p, 128);

	for (u32 i = 0; i < 16; i++)
		image__put_u64(p->m, tuple + 8 * i, codes[0]);
	world__set_leaf(p, 0x1000);
	for (u32 i = 0; i < ARCH_USER_REGISTERS; i++)
		host.registers[i] = tuple + i;
	assert_int_equal(tick(p), ABI_FAULT_FRAME);
	host.registers[14] = caller;
	check_stack(p, codes, 3);
}

/* Registers are not asked where memory is right, whatever they hold. */
static void a_whole_stack_stays_as_it_is(void **state)
{
	struct world *p = *state;
	u64 codes[3], caller = three_frames(p, codes);

	for (u32 i = 0; i < ARCH_USER_REGISTERS; i++)
		host.registers[i] = image__u64(p->m, caller + p->l.frame_prev_off);
	check_stack(p, codes, 3);
}

static const struct version_test tests[] = {
	TEST_WITH(a_callee_that_is_not_linked_yet, ABI_MECH_IP_POINTER),
	TEST_WITH(a_generator_without_its_caller, ABI_MECH_IP_POINTER),
	TEST_WITH(an_evaluator_whose_caller_is_in_a_register, ABI_MECH_CFRAME),
	TEST_WITH(an_evaluator_whose_frame_is_in_a_register, ABI_MECH_CFRAME),
	TEST_WITH(generators_that_delegate, ABI_MECH_CFRAME | ABI_MECH_IS_ENTRY),
	TEST_WITH(an_evaluator_that_names_a_generator_further_out, ABI_MECH_CFRAME | ABI_MECH_IS_ENTRY),
	TEST_WITH(a_callee_that_is_linked_to_another, ABI_MECH_CFRAME),
	TEST_WITH(half_a_shim, ABI_MECH_CFRAME | ABI_MECH_OWNER),
	TEST_WITH(frames_that_are_gone, ABI_MECH_IP_POINTER),
	TEST_WITH(frames_of_tracebacks, ABI_MECH_IP_POINTER),
	TEST_WITH(what_only_looks_like_a_frame, ABI_MECH_IP_POINTER),
	TEST(a_whole_stack_stays_as_it_is),
};

int main(void)
{
	return run_each_version("start", tests, ARRAY_SIZE(tests));
}
