/* From a thread to its state and its current frame, and who holds the GIL: bpf/tstate.bpf.c. */
#include "tests/host/versions.h"

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

static void empty_slots(void **state)
{
	const struct world *first = *state;

	for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
		struct world *p = world__new(first->row, keys[i]);

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
	p->l.mech &= ~(ABI_MECH_GIL_CURRENT | ABI_MECH_GIL_STATUS);
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

static const struct version_test tests[] = {
	TEST(every_slot),
	TEST(empty_slots),
	TEST(blocks_of_slots_that_are_not_there),
	TEST(the_key_is_read_once),
	TEST(before_the_interpreter_starts),
	TEST(no_python_function_runs),
	TEST(a_state_made_by_another_thread),
	TEST(after_the_interpreter_ended),
	TEST(another_interpreter_in_the_same_process),
	TEST(who_holds_the_gil),
	TEST_WITH(running_in_a_sub_interpreter, ABI_MECH_GIL_CURRENT),
};

int main(void)
{
	return run_each_version("tstate", tests, ARRAY_SIZE(tests));
}
