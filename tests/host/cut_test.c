/* SPDX-License-Identifier: MIT */
/* Stacks that do not end well: unreadable, too deep, too long, caught half-changed. */
#include "tests/host/versions.h"

static void leaf_frame_unreadable(void **state)
{
	struct world *p = *state;

	world__set_leaf(p, 0x1000);
	assert_int_equal(tick(p), ABI_FAULT_FRAME);
}

static void root_side_unreadable(void **state)
{
	struct world *p = *state;
	u64 codes[6], third;

	call_chain(p, codes, 3);
	third = p->leaf;
	for (u32 i = 3; i < 6; i++) {
		codes[i] = world__function(p, i);
		world__push(p, codes[i], 4 * (s32)i, WORLD_THREAD);
	}
	world__set_prev(p, third, 0xdead0000);
	assert_int_equal(tick(p), ABI_CUT_FAULT);
	assert_int_equal(p->w->frame_cnt, 4);
	for (u32 i = 0; i < 4; i++) {
		assert_int_equal(p->w->todo[i].addr, codes[i ? 6 - i - 1 : 5]);
		assert_int_equal(p->w->frames[i].lasti, i == 3 ? 8 : 4 * (5 - (s32)i));
	}
}

static void deeper_than_the_limit(void **state)
{
	struct world *p = *state;
	u64 code = world__function(p, 1), codes[2] = {code, world__function(p, 2)};

	world__enter(p);
	world__recurse(p, codes, 1024);
	assert_int_equal(tick(p), ABI_OK);
	assert_int_equal(p->w->frame_cnt, 1024);
	world__recurse(p, codes, 976); /* 2,000 */
	assert_int_equal(tick(p), ABI_CUT_DEPTH);
	assert_int_equal(p->w->frame_cnt, 1024);
	assert_int_equal(p->w->frames[0].lasti, 2 * (975 % 8)); /* the leaf side */
	for (u32 limit = 1; limit <= 64; limit *= 4) {
		p->w->max_frames = limit;
		assert_int_equal(tick(p), ABI_CUT_DEPTH);
		assert_int_equal(p->w->frame_cnt, limit);
	}
}

/* A walk of `depth` frames, each look of which at the clock comes so much later than the last. */
static enum abi_outcome slow_tick(struct world *p, u32 depth, u64 look_ns)
{
	u64 codes[2] = {world__function(p, 1), world__function(p, 2)};
	enum abi_outcome outcome;

	world__enter(p);
	world__recurse(p, codes, depth);
	host.look_ns = look_ns;
	outcome = tick(p);
	host.look_ns = 0;
	return outcome;
}

static void takes_too_long(void **state)
{
	struct world *p = *state;

	assert_int_equal(slow_tick(p, 500, 150000), ABI_CUT_TIME); /* a millisecond after seven looks */
	assert_in_range(p->w->frame_cnt, 2, 499);
	assert_int_equal(tick(p), ABI_OK);
	assert_int_equal(p->w->frame_cnt, 500);
}

/* Four of eight looks come after the hypervisor had the CPU. */
static void time_of_others_is_not_its_own(void **state)
{
	assert_int_equal(slow_tick(*state, 64, 5000000), ABI_OK);
}

/* Just then a limit is needed: each look comes after a long time. */
static void the_limit_holds_when_reads_are_slow(void **state)
{
	struct world *p = *state;

	assert_int_equal(slow_tick(p, 500, 5000000), ABI_CUT_TIME);
	assert_in_range(p->w->frame_cnt, 2, 130);
}

#define FRAME_SUSPENDED 0xff /* Include/internal/pycore_frame.h: -1; running is 0 */

static void set_generator_state(struct world *p, u64 frame, u8 value)
{
	if (p->l.gen_state_back)
		image__put_u8(p->m, frame - p->l.gen_state_back, value);
}

/* For an instant a generator is current and already cut from its caller. */
static void a_chain_that_ends_at_a_generator(void **state)
{
	struct world *p = *state;
	u64 codes[2], generator;

	call_chain(p, codes, 2);
	world__enter(p);
	generator = world__push(p, world__function(p, 5), 0, WORLD_GENERATOR);
	world__set_prev(p, generator, 0);
	set_generator_state(p, generator, FRAME_SUSPENDED);
	assert_int_equal(tick(p), ABI_TORN);
	assert_int_equal(p->w->frame_cnt, 0);
}

/* Resumed by C code that no Python function called. From 3.12 on there is a shim below it. */
static void a_generator_at_the_root(void **state)
{
	struct world *p = *state;

	world__enter(p);
	set_generator_state(p, world__push(p, world__function(p, 5), 0, WORLD_GENERATOR), 0);
	assert_int_equal(tick(p), ABI_OK);
	assert_int_equal(p->w->frame_cnt, 1);
	world__push(p, world__function(p, 6), 2, WORLD_THREAD);
	assert_int_equal(tick(p), ABI_OK);
	assert_int_equal(p->w->frame_cnt, 2);
}

static void a_chain_that_ends_without_a_shim(void **state)
{
	struct world *p = *state;

	world__push(p, world__function(p, 5), 0, WORLD_THREAD);
	assert_int_equal(tick(p), has(p, ABI_MECH_OWNER | ABI_MECH_IS_ENTRY) ? ABI_TORN : ABI_OK);
}

/* greenlet takes the shims out of stacks that it leaves, and is seen to come back to one before they are there again. */
static void a_stack_of_a_greenlet(void **state)
{
	struct world *p = *state;

	world__push(p, world__function(p, 5), 4, WORLD_THREAD); /* it runs: it is not just being linked */
	assert_int_equal(tick(p), ABI_OK);
	assert_int_equal(p->w->frame_cnt, 1);
	world__push(p, world__function(p, 6), 0, WORLD_THREAD);
	assert_int_equal(tick(p), ABI_OK);
	assert_int_equal(p->w->frame_cnt, 2);
	world__push(p, world__function(p, 7), 0, WORLD_GENERATOR);
	assert_int_equal(tick(p), ABI_OK);
	assert_int_equal(p->w->frame_cnt, 3);
}

/*
 * An invocation of the C evaluator whose cframe does not name a frame of its own yet, but one that ran long ago at
 * this place of the C stack, called by another; or nothing at all.
 */
static void an_evaluator_that_was_just_entered(void **state)
{
	struct world *p = *state;
	u64 codes[2], caller, entry, stale, cframe = world__alloc(p, sizeof(u64) * 3);

	call_chain(p, codes, 2);
	caller = p->leaf;
	world__push(p, world__function(p, 5), 4, WORLD_THREAD);
	world__enter(p);
	entry = p->leaf;
	stale = world__push(p, world__function(p, 6), 4, WORLD_THREAD);
	world__set_leaf(p, caller);
	image__put_u64(p->m, cframe + p->l.cframe_prev_off, p->cframe);
	image__put_u64(p->m, p->tstate + p->l.ts_frame_off, cframe);
	for (u64 left_over = 0; left_over < 3; left_over++) {
		const u64 found[] = {stale, 0x1000, 0};

		image__put_u64(p->m, cframe + p->l.cframe_frame_off, found[left_over]);
		assert_int_equal(tick(p), ABI_OK);
		assert_int_equal(p->w->frame_cnt, 2);
		assert_int_equal(p->w->todo[0].addr, codes[1]);
	}
	/* Now it has one. */
	image__put_u64(p->m, cframe + p->l.cframe_frame_off, stale);
	world__set_prev(p, has(p, ABI_MECH_OWNER) ? entry : stale, caller);
	assert_int_equal(tick(p), ABI_OK);
	assert_int_equal(p->w->frame_cnt, 3);
}

/* Left-over memory where a frame's code should be. */
static void something_that_is_no_code_object(void **state)
{
	struct world *p = *state;
	u64 codes[3], caller;

	call_chain(p, codes, 2);
	caller = p->leaf;
	world__push(p, world__function(p, 7), 0, WORLD_THREAD);
	image__put_u64(p->m, caller + p->l.frame_code_off, p->tstate);
	assert_int_equal(tick(p), ABI_TORN);
	image__put_u64(p->m, caller + p->l.frame_code_off, codes[1]);
	assert_int_equal(tick(p), ABI_OK);
	see_all(p);
	image__put_u64(p->m, codes[1] + p->l.type_off, 0x1234);
	assert_int_equal(tick(p), ABI_OK); /* asked only at first sight */
	host_forget_seen();
	assert_int_equal(tick(p), ABI_TORN);
	p->code_type = 0; /* nothing to compare with */
	assert_int_equal(tick(p), ABI_OK);
}

static void code_objects_that_cannot_be_read(void **state)
{
	struct world *p = *state;
	u64 codes[3], caller;

	call_chain(p, codes, 2);
	caller = p->leaf;
	codes[2] = world__function(p, 2);
	world__push(p, codes[2], 0, WORLD_THREAD);
	image__put_u64(p->m, caller + p->l.frame_code_off, 0xdead0000); /* paged out, perhaps */
	assert_int_equal(tick(p), ABI_OK);
	assert_int_equal(p->w->frame_cnt, 3);
	assert_int_equal(p->w->frames[1].code_key, 0);
	assert_int_equal(p->w->todo_cnt, 2);
	image__put_u64(p->m, p->leaf + p->l.frame_code_off, 0); /* but what runs is in memory */
	assert_int_equal(tick(p), ABI_TORN);
}

static void chains_that_lead_back(void **state)
{
	struct world *p = *state;
	u64 codes[2], first;

	call_chain(p, codes, 1);
	first = p->leaf;
	world__set_prev(p, first, first);
	assert_int_equal(tick(p), ABI_CUT_DEPTH);
	assert_int_equal(p->w->frame_cnt, ABI_MAX_FRAMES);
	world__push(p, codes[0], 8, WORLD_THREAD);
	world__set_prev(p, first, p->leaf);
	assert_int_equal(tick(p), ABI_CUT_DEPTH);
	assert_int_equal(p->w->frame_cnt, ABI_MAX_FRAMES);
	assert_int_equal(p->w->todo_cnt, 1);
}

static void shims_that_lead_back(void **state)
{
	struct world *p = *state;
	u64 codes[1], shim;

	world__enter(p);
	shim = p->leaf;
	world__set_prev(p, shim, shim);
	assert_int_equal(tick(p), ABI_FAULT_FRAME);
	world__set_prev(p, shim, 0);
	world__push(p, world__function(p, 1), 0, WORLD_THREAD);
	world__set_prev(p, shim, shim);
	assert_int_equal(tick(p), ABI_CUT_DEPTH);
	assert_int_equal(p->w->frame_cnt, 1);
	call_chain(p, codes, 1);
}

static const struct version_test tests[] = {
	TEST(leaf_frame_unreadable),
	TEST(root_side_unreadable),
	TEST(deeper_than_the_limit),
	TEST(takes_too_long),
	TEST(the_limit_holds_when_reads_are_slow),
	TEST(time_of_others_is_not_its_own),
	TEST_WITH(a_chain_that_ends_at_a_generator, ABI_MECH_IP_POINTER),
	TEST(a_generator_at_the_root),
	TEST(a_chain_that_ends_without_a_shim),
	TEST_WITH(a_stack_of_a_greenlet, ABI_MECH_OWNER),
	TEST_WITH(an_evaluator_that_was_just_entered, ABI_MECH_CFRAME),
	TEST(something_that_is_no_code_object),
	TEST(code_objects_that_cannot_be_read),
	TEST(chains_that_lead_back),
	TEST_WITH(shims_that_lead_back, ABI_MECH_OWNER),
};

int main(void)
{
	return run_each_version("cut", tests, ARRAY_SIZE(tests));
}
