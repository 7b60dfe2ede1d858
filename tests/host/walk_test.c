/* SPDX-License-Identifier: MIT */
/* Frame chains and instructions, as bpf/pywalk.bpf.c reads them from made-up processes. */
#include "tests/host/versions.h"

static void frames_come_leaf_first(void **state)
{
	struct world *p = *state;
	u64 codes[5];

	call_chain(p, codes, 5);
	assert_int_equal(tick(p), ABI_OK);
	assert_int_equal(p->w->frame_cnt, 5);
	assert_int_equal(p->w->todo_cnt, 5);
	for (u32 i = 0; i < 5; i++) {
		const struct abi_frame *f = &p->w->frames[i];

		assert_int_equal(p->w->todo[i].addr, codes[4 - i]);
		assert_int_equal(f->code_key, p->w->todo[i].key);
		assert_int_equal(f->lasti, 4 * (4 - i));
		for (u32 k = 0; k < i; k++)
			assert_true(f->code_key != p->w->frames[k].code_key);
	}
}

static void the_same_again_is_not_new(void **state)
{
	struct world *p = *state;
	u64 codes[5], keys[5];

	call_chain(p, codes, 5);
	tick(p);
	see_all(p);
	for (u32 i = 0; i < 5; i++)
		keys[i] = p->w->frames[i].code_key;
	assert_int_equal(tick(p), ABI_OK);
	assert_int_equal(p->w->todo_cnt, 0);
	for (u32 i = 0; i < 5; i++)
		assert_int_equal(p->w->frames[i].code_key, keys[i]);
}

/* Python → C → Python: what stands for the C evaluator's invocations is no frame. */
static void invocations_are_no_frames(void **state)
{
	struct world *p = *state;
	u64 codes[3];

	call_chain(p, codes, 2);
	world__enter(p);
	world__push(p, codes[0], 0, WORLD_THREAD);
	world__push(p, codes[1], 0, WORLD_THREAD);
	assert_int_equal(tick(p), ABI_OK);
	assert_int_equal(p->w->frame_cnt, 4);
	for (u32 i = 0; i < 4; i++)
		assert_int_equal(p->w->frames[i].code_key, p->w->frames[i ^ 2].code_key);
}

/*
 * Up to 3.11 a resumed generator is in the chain like any callee; later C code's resuming adds a
 * shim.
 */
static void generators_are_walked(void **state)
{
	struct world *p = *state;
	u64 codes[2] = {0};

	call_chain(p, codes, 2);
	world__push(p, world__function(p, 8), 6, WORLD_GENERATOR);
	world__enter(p);
	world__push(p, world__function(p, 9), 2, WORLD_GENERATOR);
	assert_int_equal(tick(p), ABI_OK);
	assert_int_equal(p->w->frame_cnt, 4);
	assert_int_equal(p->w->frames[1].lasti, 6);
}

static void recursion_is_one_function(void **state)
{
	struct world *p = *state;
	u64 code = world__function(p, 1), codes[2] = {code, code};

	world__enter(p);
	world__recurse(p, codes, 200);
	assert_int_equal(tick(p), ABI_OK);
	assert_int_equal(p->w->frame_cnt, 200);
	assert_int_equal(p->w->todo_cnt, 1);
}

/* Two functions that call each other must not take the places of all others. */
static void mutual_recursion_leaves_room(void **state)
{
	struct world *p = *state;
	u64 codes[2] = {world__function(p, 1), world__function(p, 2)}, root;

	world__enter(p);
	root = world__function(p, 3);
	world__push(p, root, 0, WORLD_THREAD);
	world__recurse(p, codes, 300);
	assert_int_equal(tick(p), ABI_OK);
	assert_int_equal(p->w->frame_cnt, 301);
	assert_int_equal(p->w->todo_cnt, 3);
	assert_int_equal(p->w->todo[2].addr, root);
}

/* The walker's cache slot of a code object; each is for two. */
static u32 place(u64 addr)
{
	return (u32)(addr >> 4 ^ addr >> 13) % (CODE_MEMOS / 2);
}

/* More than a place has room for. */
static void functions_that_share_a_place(void **state)
{
	struct world *p = *state;
	u64 codes[3] = {world__function(p, 1)};

	world__enter(p);
	for (u32 i = 1, nr = 2; i < 3; nr++) {
		u64 code = world__function(p, nr);

		if (place(code) == place(codes[0]))
			codes[i++] = code;
		if (nr % 7 == 0) /* equal steps may pass it by for ever */
			world__alloc(p, 1);
	}
	for (u32 i = 0; i < 300; i++)
		world__push(p, codes[i % 3], 0, WORLD_THREAD);
	assert_int_equal(tick(p), ABI_OK);
	for (u32 i = 3; i < 300; i++)
		assert_int_equal(p->w->frames[i].code_key, p->w->frames[i - 3].code_key);
	assert_int_equal(p->w->todo[0].addr, codes[299 % 3]);
	assert_int_equal(p->w->todo[1].addr, codes[298 % 3]);
	assert_int_equal(p->w->todo[2].addr, codes[297 % 3]);
}

/* The process may be gone before the next tick. */
static void all_of_a_deep_stack_is_new(void **state)
{
	struct world *p = *state;
	u64 codes[400];

	call_chain(p, codes, 400);
	assert_int_equal(tick(p), ABI_OK);
	assert_int_equal(p->w->frame_cnt, 400);
	assert_int_equal(p->w->todo_cnt, 400);
	for (u32 i = 0; i < 400; i++)
		assert_int_equal(p->w->todo[i].key, p->w->frames[i].code_key);
	see_all(p);
	tick(p);
	assert_int_equal(p->w->todo_cnt, 0);
}

/* The code objects' keys, each met alone. */
static void learn_keys(struct world *p, const u64 *codes, u64 *keys, u32 cnt)
{
	for (u32 i = 0; i < cnt; i++) {
		world__set_leaf(p, 0);
		world__enter(p);
		world__push(p, codes[i], 0, WORLD_THREAD);
		assert_int_equal(tick(p), ABI_OK);
		keys[i] = p->w->frames[0].code_key;
		see_all(p);
	}
	world__set_leaf(p, 0);
}

/* Each frame's own instruction, over pages and chunks and what lies elsewhere. */
static void long_chains_are_right_in_every_frame(void **state)
{
	struct world *p = *state;
	u64 codes[100], keys_of[100];

	for (u32 i = 0; i < 100; i++)
		codes[i] = world__function(p, i);
	learn_keys(p, codes, keys_of, 100);
	world__enter(p);
	for (u32 i = 0; i < 1000; i++) {
		if (i % 97 == 96)
			world__enter(p);
		world__push(p, codes[i * 7 % 100], (s32)(2 * i), i % 53 == 52 ? WORLD_GENERATOR : WORLD_THREAD);
	}
	assert_int_equal(tick(p), ABI_OK);
	assert_int_equal(p->w->frame_cnt, 1000);
	assert_int_equal(p->w->todo_cnt, 0);
	for (u32 i = 0; i < 1000; i++) {
		assert_int_equal(p->w->frames[999 - i].code_key, keys_of[i * 7 % 100]);
		assert_int_equal(p->w->frames[999 - i].lasti, 2 * i);
	}
}

/* The last frame of a chunk of the data stack may end a word before the chunk does. */
static void a_frame_at_the_end_of_its_memory(void **state)
{
	struct world *p = *state;
	u64 codes[3];

	call_chain(p, codes, 3);
	p->chunk_next = p->chunk_end - 88;
	world__push(p, codes[0], 0, WORLD_THREAD);
	assert_int_equal(tick(p), ABI_OK);
	assert_int_equal(p->w->frame_cnt, 4);
}

/* ---- instructions --------------------------------------------------------------------- */

/* Frames are copied by the page within a walk; the next walk must see what is there then. */
static void nothing_is_kept_from_tick_to_tick(void **state)
{
	struct world *p = *state;
	u64 codes[2] = {world__function(p, 1), world__function(p, 2)};

	world__enter(p);
	for (s32 i = 0; i < 4; i++) {
		world__push(p, codes[0], 2 * i, WORLD_THREAD);
		assert_int_equal(tick(p), ABI_OK);
		assert_int_equal(p->w->frames[0].lasti, 2 * i);
		world__set_lasti(p, p->leaf, codes[0], 50 + 2 * i);
		assert_int_equal(tick(p), ABI_OK);
		assert_int_equal(p->w->frames[0].lasti, 50 + 2 * i);
	}
}

static s32 lasti_of(struct world *p, s32 lasti)
{
	world__push(p, world__function(p, 1), lasti, WORLD_THREAD);
	assert_int_equal(tick(p), ABI_OK);
	return p->w->frames[0].lasti;
}

static void instructions_as_byte_offsets(void **state)
{
	static const s32 offsets[] = {0, 2, 4, 254, 256, 65536, 0x7ffffe};
	struct world *p = *state;

	world__enter(p);
	for (size_t i = 0; i < ARRAY_SIZE(offsets); i++)
		assert_int_equal(lasti_of(p, offsets[i]), offsets[i]);
}

/* Not started: -1 as an index (up to 3.10), the unit before the first as a pointer (3.11, 3.12). */
static void not_started_is_negative(void **state)
{
	struct world *p = *state;

	world__enter(p);
	assert_int_equal(lasti_of(p, has(p, ABI_MECH_IP_POINTER) ? -2 : -1), -1);
}

/* Compiled by Nuitka: no evaluator at the root, nor between such frames. */
static void compiled_frames(void **state)
{
	struct world *p = *state;
	u64 inner;

	world__push_compiled(p, world__function(p, 1), 70);
	world__push_compiled(p, world__function(p, 2), 80);
	assert_int_equal(tick(p), ABI_OK);
	assert_int_equal(p->w->frame_cnt, 2);
	assert_int_equal(p->w->frames[0].lasti, abi_line(80));
	assert_int_equal(p->w->frames[1].lasti, abi_line(70));
	world__enter(p); /* which calls code that is not compiled, and that calls compiled code */
	inner = world__push(p, world__function(p, 3), 4, WORLD_THREAD);
	world__push_compiled(p, world__function(p, 4), 90);
	assert_int_equal(tick(p), ABI_OK);
	assert_int_equal(p->w->frame_cnt, 4);
	assert_int_equal(p->w->frames[0].lasti, abi_line(90));
	assert_int_equal(p->w->frames[1].lasti, 4);
	assert_int_equal(p->w->frames[3].lasti, abi_line(70));
	world__set_leaf(p, inner);
	assert_int_equal(tick(p), ABI_OK);
	assert_int_equal(p->w->frame_cnt, 3);
}

/* Before 3.11 such a frame is current before it has its caller, which cannot be told from a root by the chain. */
static void compiled_frames_half_pushed(void **state)
{
	struct world *p = *state;
	u64 frame;

	if (!p->l.frame_state_off)
		return;
	world__push_compiled(p, world__function(p, 1), 70);
	frame = world__push_compiled(p, world__function(p, 2), 80);
	world__set_prev(p, frame, 0);
	image__put_u8(p->m, frame + p->l.frame_state_off, !p->l.frame_running);
	assert_int_equal(tick(p), ABI_TORN);
}

/* An object that is not there, and a line that is none: the function is known all the same. */
static void compiled_frames_without_a_line(void **state)
{
	struct world *p = *state;
	u64 frame = world__push_compiled(p, world__function(p, 1), -5);

	assert_int_equal(tick(p), ABI_OK);
	assert_int_equal(p->w->frames[0].lasti, -1);
	if (!p->l.frame_object_off)
		return;
	image__put_u64(p->m, frame + p->l.frame_object_off, 0xdead0000);
	assert_int_equal(tick(p), ABI_OK);
	assert_int_equal(p->w->frames[0].lasti, -1);
}

static void wild_instructions(void **state)
{
	static const u64 wild[] = {~0ull, 1ull << 63, 0x7fffffff, 0x40000000, 0xffffffff00000000, 1};
	struct world *p = *state;
	u64 frame;

	world__enter(p);
	frame = world__push(p, world__function(p, 1), 0, WORLD_THREAD);
	for (size_t i = 0; i < ARRAY_SIZE(wild); i++) {
		if (has(p, ABI_MECH_IP_POINTER))
			image__put_u64(p->m, frame + p->l.frame_ip_off, wild[i]);
		else
			image__put_u32(p->m, frame + p->l.frame_ip_off, (u32)wild[i]);
		assert_int_equal(tick(p), ABI_OK);
		if (has(p, ABI_MECH_IP_POINTER))
			assert_int_equal(p->w->frames[0].lasti, -1);
	}
}

/* Each frame says which copy it runs; a thread starts a function on the code object's own, which it leaves at its RESUME. */
static void instructions_of_a_copy(void **state)
{
	struct world *p = *state;
	u64 frame, codes[2] = {world__function(p, 1), world__function(p, 2)};

	world__enter(p);
	for (u32 i = 0; i < 6; i++) {
		p->copy = i % 4;
		frame = world__push(p, codes[i % 2], (s32)(10 * i), WORLD_THREAD);
	}
	assert_int_equal(tick(p), ABI_OK);
	assert_int_equal(p->w->frame_cnt, 6);
	for (u32 i = 0; i < 6; i++)
		assert_int_equal(p->w->frames[i].lasti, 10 * (5 - i));
	image__put_u32(p->m, frame + p->l.frame_copy_off,
		       2); /* not made yet, or not the one that the pointer is into: … */
	assert_int_equal(tick(p), ABI_OK);
	assert_int_equal(p->w->frames[0].lasti, -1);
	image__put_u32(p->m, frame + p->l.frame_copy_off, ~0u);
	assert_int_equal(tick(p), ABI_OK);
	assert_int_equal(p->w->frames[0].lasti, -1);
	image__put_u32(p->m, frame + p->l.frame_copy_off, 1);
	image__put_u64(p->m, codes[1] + p->l.code_copies_off, 0xdead0000); /* … the function is known all the same */
	assert_int_equal(tick(p), ABI_OK);
	assert_int_equal(p->w->frames[0].lasti, -1);
	assert_int_equal(p->w->frame_cnt, 6);
}

static const struct version_test tests[] = {
	TEST_WITH(instructions_of_a_copy, ABI_MECH_COPIES),
	TEST(frames_come_leaf_first),
	TEST(the_same_again_is_not_new),
	TEST(invocations_are_no_frames),
	TEST(generators_are_walked),
	TEST(recursion_is_one_function),
	TEST(mutual_recursion_leaves_room),
	TEST(functions_that_share_a_place),
	TEST(all_of_a_deep_stack_is_new),
	TEST(long_chains_are_right_in_every_frame),
	TEST(a_frame_at_the_end_of_its_memory),
	TEST(nothing_is_kept_from_tick_to_tick),
	TEST(instructions_as_byte_offsets),
	TEST(not_started_is_negative),
	TEST(wild_instructions),
	TEST(compiled_frames),
	TEST(compiled_frames_half_pushed),
	TEST(compiled_frames_without_a_line),
};

int main(void)
{
	return run_each_version("walk", tests, ARRAY_SIZE(tests));
}
