/* SPDX-License-Identifier: MIT */
/* From a thread to its state and its current frame, and who holds the GIL: bpf/tstate.bpf.c. */
#include "tests/host/versions.h"

#define MUSL_KEYS 128 /* include/limits.h: PTHREAD_KEYS_MAX */

static const u32 keys[] = {0, 1, 31, 32, 33, 63, 64, 500, 1023};

/* glibc has the first 32 slots in struct pthread and the others in blocks of their own. */
static void every_slot(void **state)
{
	const struct world *first = *state;

	for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
		struct world *p = world__new(first->row, keys[i]);
		u64 codes[2];

		call_chain(p, codes, 2);
		assert_int_equal(tick(p), ABI_OK);
		assert_int_equal(p->tss_key, keys[i] + 1);
		assert_int_equal(p->w->tstate_addr, p->tstate);
		world__free(p);
	}
}

/* musl has all of them in an array of its own, which a thread leads to: src/internal/pthread_impl.h, struct pthread.tsd */
static void every_slot_of_musl(void **state)
{
	const struct world *first = *state;

	for (size_t i = 0; i < world_arch->musl_cnt * MUSL_KEYS; i++) {
		const struct arch_threads *libc = &world_arch->musl[i / MUSL_KEYS];
		u32 key = (u32)(i % MUSL_KEYS);
		struct world *p = world__new_on(first->row, libc, key);
		u64 codes[2];

		assert_int_equal(libc->per_block, MUSL_KEYS);
		call_chain(p, codes, 2);
		assert_int_equal(image__u64(p->m, image__u64(p->m, p->thread + libc->specific) + 8 * key), p->tstate);
		assert_int_equal(tick(p), ABI_OK);
		assert_int_equal(p->w->tstate_addr, p->tstate);
		world__hold_gil(p, false);
		world__set_slot(p, key, 0);
		assert_int_equal(tick(p), ABI_NO_TSTATE);
		image__put_u64(p->m, p->thread + libc->specific, 0); /* a thread that has had none yet */
		p->tss_key = key + 1;
		assert_int_equal(tick(p), ABI_NO_TSTATE);
		world__free(p);
	}
}

static void empty_slots(void **state)
{
	const struct world *first = *state;

	for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
		struct world *p = world__new(first->row, keys[i]);

		world__hold_gil(p, false); /* else it is known all the same */
		world__set_slot(p, keys[i], 0);
		assert_int_equal(tick(p), ABI_NO_TSTATE);
		assert_int_equal(p->tss_key, 0);
		world__free(p);
	}
}

static void blocks_of_slots_that_are_not_there(void **state)
{
	const struct world *first = *state;
	struct world *p = world__new(first->row, 40);
	u64 entry = p->thread + p->l.tss_table_off + 8;

	world__hold_gil(p, false);
	image__put_u64(p->m, entry, 0);
	assert_int_equal(tick(p), ABI_NO_TSTATE);
	image__put_u64(p->m, entry, 0x1000);
	assert_int_equal(tick(p), ABI_FAULT_TSTATE);
	image__remove(p->m, p->thread);
	assert_int_equal(tick(p), ABI_FAULT_TSTATE);
	world__free(p);
}

static void the_key_is_read_once(void **state)
{
	struct world *p = *state;
	u64 codes[1], reads;

	call_chain(p, codes, 1);
	assert_int_equal(tick(p), ABI_OK);
	see_all(p);
	reads = host.reads;
	world__set_key(p, true, 99);
	assert_int_equal(tick(p), ABI_OK);
	assert_true(host.reads < reads);
}

static void before_the_interpreter_starts(void **state)
{
	struct world *p = *state;
	u64 thread = p->thread;

	world__set_key(p, false, 0);
	assert_int_equal(tick(p), ABI_STARTING);
	world__set_key(p, true, p->key);
	p->thread = 0; /* a task whose libc has not set up its thread */
	assert_int_equal(tick(p), ABI_STARTING);
	p->thread = thread;
	assert_int_equal(tick(p), ABI_NO_FRAME);
	image__remove(p->m, p->runtime);
	assert_int_equal(tick(p), ABI_FAULT_RUNTIME);
}

static void no_python_function_runs(void **state)
{
	struct world *p = *state;
	u64 codes[1];

	assert_int_equal(tick(p), ABI_NO_FRAME);
	world__enter(p);
	assert_int_equal(tick(p), ABI_NO_FRAME); /* nothing but a shim */
	if (has(p, ABI_MECH_CFRAME)) {
		image__put_u64(p->m, p->tstate + p->l.ts_frame_off, 0);
		assert_int_equal(tick(p), ABI_NO_FRAME);
		image__put_u64(p->m, p->tstate + p->l.ts_frame_off, 0x1000);
		assert_int_equal(tick(p), ABI_FAULT_TSTATE);
		image__put_u64(p->m, p->tstate + p->l.ts_frame_off, p->cframe);
	}
	call_chain(p, codes, 1);
	assert_int_equal(tick(p), ABI_OK);
	image__remove(p->m, p->tstate);
	assert_int_equal(tick(p), ABI_FAULT_TSTATE);
	assert_int_equal(p->tss_key, 0);
}

/* An embedding program may make a state in one thread and use it in another. */
static void a_state_made_by_another_thread(void **state)
{
	struct world *p = *state;
	u64 codes[2];

	call_chain(p, codes, 2);
	image__put_u64(p->m, p->tstate + p->l.ts_thread_id_off, p->thread + 0x1000);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(tick(p), ABI_OK);
		assert_int_equal(p->w->frame_cnt, 2);
	}
}

/* Py_Finalize: the key is given back, slots keep what they had, the memory may go or be used again.
 */
static void after_the_interpreter_ended(void **state)
{
	struct world *p = *state;
	u64 codes[1];

	call_chain(p, codes, 1);
	assert_int_equal(tick(p), ABI_OK);
	world__set_key(p, false, 0);
	world__set_leaf(p, 0);
	assert_int_equal(tick(p), ABI_NO_FRAME); /* by the key of before */
	assert_int_equal(tick(p), ABI_STARTING);
	p->tss_key = p->key + 1;
	image__put_u64(p->m, p->tstate + p->l.ts_thread_id_off, 0x2e2e2e2e);
	assert_int_equal(tick(p), ABI_STARTING); /* used again */
	p->tss_key = p->key + 1;
	image__remove(p->m, p->tstate);
	assert_int_equal(tick(p), ABI_FAULT_TSTATE); /* gone */
	assert_int_equal(tick(p), ABI_STARTING);
}

/* Py_Initialize after that: another key, another state; the old slot is not looked at for long. */
static void another_interpreter_in_the_same_process(void **state)
{
	struct world *p = *state;
	u64 codes[1], old = p->tstate;

	call_chain(p, codes, 1);
	assert_int_equal(tick(p), ABI_OK);
	image__put_u64(p->m, old + p->l.ts_thread_id_off, 0x2e2e2e2e);
	p->tstate = world__tstate(p, p->thread);
	if (has(p, ABI_MECH_CFRAME))
		image__put_u64(p->m, p->tstate + p->l.ts_frame_off, p->cframe);
	world__set_leaf(p, p->leaf);
	world__set_key(p, true, p->key + 1);
	world__set_slot(p, p->key + 1, p->tstate);
	world__hold_gil(p, true);
	assert_int_equal(tick(p), ABI_BAD_TSTATE);
	assert_int_equal(tick(p), ABI_OK);
	assert_int_equal(p->w->tstate_addr, p->tstate);
}

/* ---- the GIL -------------------------------------------------------------------------- */

static void who_holds_the_gil(void **state)
{
	struct world *p = *state;
	u64 codes[1];

	call_chain(p, codes, 1);
	for (int i = 0; i < 4; i++) {
		world__hold_gil(p, i % 2);
		assert_int_equal(tick(p), ABI_OK);
		assert_int_equal(p->w->sample.gil, i % 2 ? ABI_GIL_HELD : ABI_GIL_NOT_HELD);
	}
	if (has(p, ABI_MECH_GIL_CURRENT)) {
		image__put_u64(p->m, p->runtime + p->l.rt_tstate_current_off, 0); /* nobody */
		assert_int_equal(tick(p), ABI_OK);
		assert_int_equal(p->w->sample.gil, ABI_GIL_NOT_HELD);
		p->tss_key = p->key + 1;
		image__remove(p->m, p->runtime);
		assert_int_equal(tick(p), ABI_OK);
		assert_int_equal(p->w->sample.gil, ABI_GIL_UNKNOWN);
	}
	p->l.mech &= ~(ABI_MECH_GIL_CURRENT | ABI_MECH_GIL_STATUS | ABI_MECH_GIL_SWITCH);
	assert_int_equal(tick(p), ABI_OK);
	assert_int_equal(p->w->sample.gil, ABI_GIL_UNKNOWN);
}

/* Free-threaded builds may run with a GIL, and then it is held as ever. */
static void whether_there_is_a_gil(void **state)
{
	struct world *p = *state;
	u64 codes[1];

	call_chain(p, codes, 1);
	for (u32 i = 0; i < 4; i++) {
		world__switch_gil(p, i & 1);
		world__hold_gil(p, i & 2);
		assert_int_equal(tick(p), ABI_OK);
		assert_int_equal(p->w->sample.gil, !(i & 1) ? ABI_GIL_NONE : i & 2 ? ABI_GIL_HELD : ABI_GIL_NOT_HELD);
	}
	image__remove(p->m, p->gil);
	assert_int_equal(tick(p), ABI_OK);
	assert_int_equal(p->w->sample.gil, ABI_GIL_UNKNOWN);
	image__put_u64(p->m, p->tstate + p->l.ts_interp_off, 0xdead0000);
	assert_int_equal(tick(p), ABI_OK);
	assert_int_equal(p->w->sample.gil, ABI_GIL_UNKNOWN);
}

/*
 * Up to 3.11 the slot keeps the thread's first state while it runs in a sub-interpreter; who holds
 * the GIL tells the right one.
 */
static void running_in_a_sub_interpreter(void **state)
{
	struct world *p = *state;
	u64 codes[1], outer = p->tstate, inner;

	call_chain(p, codes, 1);
	inner = p->tstate = world__tstate(p, p->thread);
	if (has(p, ABI_MECH_CFRAME)) {
		p->cframe = world__alloc(p, p->l.cframe_frame_off + 8u);
		image__put_u64(p->m, inner + p->l.ts_frame_off, p->cframe);
	}
	world__set_leaf(p, 0);
	call_chain(p, codes, 1);
	world__push(p, codes[0], 2, WORLD_THREAD);
	world__hold_gil(p, true);
	assert_int_equal(tick(p), ABI_OK);
	assert_int_equal(p->w->frame_cnt, 2);
	assert_int_equal(p->w->tstate_addr, inner);
	assert_int_equal(p->w->sample.gil, ABI_GIL_HELD);
	world__hold_gil(p, false); /* another thread's state is none of ours */
	assert_int_equal(tick(p), ABI_OK);
	assert_int_equal(p->w->frame_cnt, 1);
	assert_int_equal(p->w->tstate_addr, outer);
	assert_int_equal(p->w->sample.gil, ABI_GIL_NOT_HELD);
}

static void which_interpreter(void **state)
{
	struct world *p = *state;
	u64 codes[1], interp = world__alloc(p, p->l.interp_id_off + 8u);

	call_chain(p, codes, 1);
	image__put_u64(p->m, p->tstate + p->l.ts_interp_off, interp);
	if (p->l.interp_id_off)
		image__put_u64(p->m, interp + p->l.interp_id_off, 7);
	assert_int_equal(tick(p), ABI_OK);
	assert_int_equal(p->w->sample.interp_id, p->l.interp_id_off ? 7 : 0);
	image__remove(p->m, interp); /* a stack all the same */
	p->w->sample.interp_id = 7;
	assert_int_equal(tick(p), ABI_OK);
	assert_int_equal(p->w->sample.interp_id, 0);
}

/* Up to 3.14 who holds the GIL meanwhile; then the frame above which the collector runs says it. */
static void a_thread_that_collects(void **state)
{
	struct world *p = *state;
	bool by_frame = has(p, ABI_MECH_GC_FRAME);
	u64 codes[1], from = has(p, ABI_MECH_GC_RUNTIME) ? p->runtime : world__alloc(p, p->l.gc_off + 8u);

	call_chain(p, codes, 1);
	if (!p->l.gc_off)
		return; /* not known of 3.6 */
	if (has(p, ABI_MECH_GIL_SWITCH))
		image__put_u64(p->m, from + p->l.interp_gil_off, p->gil);
	if (!has(p, ABI_MECH_GC_RUNTIME))
		image__put_u64(p->m, p->tstate + p->l.ts_interp_off, from);
	for (int i = 0; i < 4; i++) {
		bool collects = i & 1, held = i & 2;

		image__put_u64(p->m, from + p->l.gc_off, !collects ? 0 : by_frame ? p->leaf : 1);
		world__hold_gil(p, held);
		assert_int_equal(tick(p), ABI_OK);
		assert_int_equal(p->w->collecting, collects && (held || by_frame));
	}
	image__put_u64(p->m, from + p->l.gc_off, by_frame ? p->leaf - 8 : 2); /* another frame; no such value */
	assert_int_equal(tick(p), ABI_OK);
	assert_int_equal(p->w->collecting, 0);
}

/* … and has none, when the first one was deleted meanwhile. */
static void running_in_a_sub_interpreter_alone(void **state)
{
	struct world *p = *state;
	u64 codes[2];

	call_chain(p, codes, 2);
	world__set_slot(p, p->key, 0);
	world__hold_gil(p, true);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(tick(p), ABI_OK);
		assert_int_equal(p->w->frame_cnt, 2);
		assert_int_equal(p->w->sample.gil, ABI_GIL_HELD);
	}
	world__hold_gil(p, false); /* it cannot be known any more */
	assert_int_equal(tick(p), ABI_NO_TSTATE);
	image__put_u64(p->m, p->runtime + p->l.rt_tstate_current_off, 0);
	assert_int_equal(tick(p), ABI_NO_TSTATE);
	image__remove(p->m, p->runtime);
	p->tss_key = p->key + 1;
	assert_int_equal(tick(p), ABI_NO_TSTATE);
}

/* ---- a variable of a library, as the loader has relocated its GOT ------------------------------------------ */

struct library {
	u64 got, dtv, block;
};

static struct library load_library(struct world *p, enum abi_tls tls)
{
	struct library l = {world__alloc(p, 16), world__alloc(p, 64u * p->l.dtv_entry_size), world__alloc(p, 128)};

	p->l.tls = tls;
	p->l.tls_off = 8;
	p->l.tls_got_delta = (s64)(l.got - p->runtime);
	image__put_u64(p->m, p->thread + p->l.dtv_off, l.dtv);
	return l;
}

static void a_variable_by_module_and_offset(void **state)
{
	struct world *p = *state;
	struct library l = load_library(p, ABI_TLS_MODULE);
	u64 codes[2];

	call_chain(p, codes, 2);
	image__put_u64(p->m, l.got + 8, 16);
	assert_int_equal(tick(p), ABI_STARTING); /* not relocated yet */
	image__put_u64(p->m, l.got, 5);
	assert_int_equal(tick(p), ABI_NO_TSTATE);                     /* this thread has not used it yet */
	image__put_u64(p->m, l.dtv + 5 * p->l.dtv_entry_size, ~0ull); /* TLS_DTV_UNALLOCATED */
	assert_int_equal(tick(p), ABI_NO_TSTATE);
	image__put_u64(p->m, l.dtv + 5 * p->l.dtv_entry_size, l.block);
	assert_int_equal(tick(p), ABI_NO_TSTATE);
	image__put_u64(p->m, l.block + 16 + 8, p->tstate);
	assert_int_equal(tick(p), ABI_OK);
	assert_int_equal(p->w->frame_cnt, 2);
}

/* musl: src/thread/__tls_get_addr.c, dtv[module] + offset; every thread has all blocks from its start on */
static void a_variable_on_musl(void **state)
{
	const struct world *first = *state;

	for (size_t i = 0; i < world_arch->musl_cnt; i++) {
		struct world *p = world__new_on(first->row, &world_arch->musl[i], 0);
		struct library l = load_library(p, ABI_TLS_MODULE);
		u64 codes[2];

		call_chain(p, codes, 2);
		image__put_u64(p->m, l.got, 3);
		image__put_u64(p->m, l.got + 8, 16);
		image__put_u64(p->m, l.dtv + 3 * sizeof(u64), l.block);
		image__put_u64(p->m, l.block + 16 + 8, p->tstate);
		assert_int_equal(tick(p), ABI_OK);
		assert_int_equal(p->w->frame_cnt, 2);
		world__free(p);
	}
}

/* Of the library, where the loader had room left: at this offset from the thread pointer. */
static void expect_variable_at(struct world *p, u64 off)
{
	image__put_u64(p->m, world__thread_pointer(p) + off + 8, 0);
	assert_int_equal(tick(p), ABI_NO_TSTATE);
	image__put_u64(p->m, world__thread_pointer(p) + off + 8, p->tstate);
	assert_int_equal(tick(p), ABI_OK);
	assert_int_equal(p->w->frame_cnt, 2);
}

static void a_variable_by_offset(void **state)
{
	struct world *p = *state;
	struct library l = load_library(p, ABI_TLS_GOT_OFFSET);
	u64 codes[2];

	call_chain(p, codes, 2);
	image__put_u64(p->m, l.got, -48ull);
	expect_variable_at(p, -48ull);
}

static void a_variable_by_descriptor(void **state)
{
	struct world *p = *state;
	struct library l = load_library(p, ABI_TLS_DESCRIPTOR);
	u64 codes[2];

	call_chain(p, codes, 2);
	assert_int_equal(tick(p), ABI_STARTING); /* not relocated yet */
	image__put_u64(p->m, l.got, 0x7f3000001000);
	image__put_u64(p->m, l.got + 8, -48ull);
	expect_variable_at(p, -48ull);
	image__put_u64(p->m, l.got + 8, 24);
	expect_variable_at(p, 24);
}

/* sysdeps/aarch64/dl-tlsdesc.h: struct tlsdesc_dynamic_arg */
static void a_variable_by_descriptor_and_module(void **state)
{
	struct world *p = *state;
	struct library l = load_library(p, ABI_TLS_DESCRIPTOR);
	u64 codes[2], argument = world__alloc(p, 24);

	call_chain(p, codes, 2);
	image__put_u64(p->m, l.got, 0x7f3000001000);
	image__put_u64(p->m, l.got + 8, argument);
	image__put_u64(p->m, argument, 5);
	image__put_u64(p->m, argument + 8, 16);
	assert_int_equal(tick(p), ABI_NO_TSTATE);
	image__put_u64(p->m, l.dtv + 5 * p->l.dtv_entry_size, l.block);
	image__put_u64(p->m, l.block + 16 + 8, p->tstate);
	assert_int_equal(tick(p), ABI_OK);
	assert_int_equal(p->w->frame_cnt, 2);
	image__remove(p->m, argument);
	assert_int_equal(tick(p), ABI_FAULT_RUNTIME);
}

static const struct version_test tests[] = {
	TEST_STATE(a_variable_by_module_and_offset, STATE_IN_VARIABLE),
	TEST_STATE(a_variable_on_musl, STATE_IN_VARIABLE),
	TEST_STATE(a_variable_by_offset, STATE_IN_VARIABLE),
	TEST_STATE(a_variable_by_descriptor, STATE_IN_VARIABLE),
	TEST_STATE(a_variable_by_descriptor_and_module, STATE_IN_VARIABLE),
	TEST_STATE(every_slot, STATE_BY_KEY),
	TEST_STATE(every_slot_of_musl, STATE_BY_KEY),
	TEST(empty_slots),
	TEST_STATE(blocks_of_slots_that_are_not_there, STATE_BY_KEY),
	TEST(the_key_is_read_once),
	TEST_STATE(before_the_interpreter_starts, STATE_BY_KEY),
	TEST(no_python_function_runs),
	TEST(a_state_made_by_another_thread),
	TEST_STATE(after_the_interpreter_ended, STATE_BY_KEY),
	TEST_STATE(another_interpreter_in_the_same_process, STATE_BY_KEY),
	TEST(who_holds_the_gil),
	TEST_WITH(whether_there_is_a_gil, ABI_MECH_GIL_SWITCH),
	TEST_WITH(running_in_a_sub_interpreter, ABI_MECH_GIL_CURRENT),
	TEST(which_interpreter),
	TEST(a_thread_that_collects),
	TEST_WITH(running_in_a_sub_interpreter_alone, ABI_MECH_GIL_CURRENT),
};

int main(void)
{
	return run_each_version("tstate", tests, ARRAY_SIZE(tests));
}
