/*
 * bpf/tstate.bpf.c and bpf/pywalk.bpf.c, compiled as ordinary C, over made-up processes of every
 * supported Python. Each test runs once per row of the version table; see world.h for what a world
 * is.
 */
#include "tests/host/world.h"
#include "user/util/alloc.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <cmocka.h>

static bool has(const struct world *p, u32 mech)
{
	return p->l.mech & mech;
}

/* Are chains checked for where they end? Shims end them all from 3.12 on. */
static bool ends_at_shim(const struct world *p)
{
	return has(p, ABI_MECH_OWNER);
}

static u32 tick(struct world *p)
{
	u32 outcome = world__tick(p);

	world__check(p, outcome);
	return outcome;
}

static void see_all(const struct world *p)
{
	for (u32 i = 0; i < p->w->todo_cnt; i++)
		host_mark_seen(p->w->todo[i].key);
}

/* A thread that runs f(0) → f(1) → … → f(depth - 1); their code objects. */
static void call_chain(struct world *p, u64 *codes, u32 depth)
{
	world__enter(p);
	for (u32 i = 0; i < depth; i++) {
		codes[i] = world__function(p, i);
		world__push(p, codes[i], (s32)(4 * i), WORLD_THREAD);
	}
}

/* ---- chains
 * ------------------------------------------------------------------------------------------- */

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

/* Python → C → Python: which frame was the first of its invocation of the C evaluator. */
static void boundaries_are_marked(void **state)
{
	struct world *p = *state;
	u32 mechs = ABI_MECH_OWNER | ABI_MECH_IS_ENTRY;
	u64 codes[3];

	call_chain(p, codes, 2);
	world__enter(p);
	world__push(p, codes[0], 0, WORLD_THREAD);
	world__push(p, codes[1], 0, WORLD_THREAD);
	assert_int_equal(tick(p), ABI_OK);
	assert_int_equal(p->w->frame_cnt, 4);
	for (u32 i = 0; i < 4; i++)
		assert_int_equal(p->w->frames[i].flags,
				 has(p, mechs) && i % 2 ? ABI_FRAME_SHIM_BELOW : 0);
}

/* Up to 3.11 a resumed generator is in the chain like any callee; later C code's resuming adds a
 * shim. */
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

static void more_new_names_than_fit(void **state)
{
	struct world *p = *state;
	u64 codes[150];

	call_chain(p, codes, 150);
	assert_int_equal(tick(p), ABI_OK);
	assert_int_equal(p->w->frame_cnt, 150);
	assert_int_equal(p->w->todo_cnt, CODE_TODO_MAX);
	see_all(p);
	tick(p);
	assert_int_equal(p->w->todo_cnt, CODE_TODO_MAX);
	see_all(p);
	tick(p);
	assert_int_equal(p->w->todo_cnt, 150 - 2 * CODE_TODO_MAX);
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
		world__push(p, codes[i * 7 % 100], (s32)(2 * i),
			    i % 53 == 52 ? WORLD_GENERATOR : WORLD_THREAD);
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

/* ---- instructions
 * ------------------------------------------------------------------------------------- */

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

static void wild_instructions(void **state)
{
	static const u64 wild[] = {~0ull,      1ull << 63,         0x7fffffff,
				   0x40000000, 0xffffffff00000000, 1};
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

/* ---- identity of code objects
 * --------------------------------------------------------------------------- */

static u64 key_now(struct world *p)
{
	assert_int_equal(tick(p), ABI_OK);
	assert_true(p->w->frames[0].code_key != 0);
	return p->w->frames[0].code_key;
}

/* One function whose line table has `len` bytes. */
static u64 one_function(struct world *p, size_t len, u64 *lines)
{
	unsigned char table[256];
	struct world_code c = {"f", "/app/f.py", 3, 77, 0};
	u64 code;

	for (size_t i = 0; i < len; i++)
		table[i] = (unsigned char)(i * 7 + 1);
	*lines = c.lines = world__bytes(p, table, len);
	code = world__code(p, &c);
	world__enter(p);
	world__push(p, code, 0, WORLD_THREAD);
	return code;
}

static void flip(struct world *p, u64 addr)
{
	*(u8 *)image__at(p->m, addr, 1) ^= 0x10;
}

/* Another object at the same address: what tells it from the one before. */
static void another_object_another_key(void **state)
{
	struct world *p = *state;
	u64 lines, code = one_function(p, 20, &lines), key = key_now(p);
	const u64 fields[] = {p->l.code_firstlineno_off, p->l.code_filename_off, p->l.code_name_off,
			      p->l.code_lines_off};

	for (size_t i = 0; i < ARRAY_SIZE(fields); i++) {
		flip(p, code + fields[i]);
		assert_true(key_now(p) != key);
		flip(p, code + fields[i]);
		assert_int_equal(key_now(p), key);
	}
	p->w->image_id++;
	assert_true(key_now(p) != key);
}

static void numbered_objects_by_their_number(void **state)
{
	struct world *p = *state;
	u64 lines, code = one_function(p, 20, &lines), key = key_now(p);

	flip(p, code + p->l.code_version_off);
	assert_true(key_now(p) != key);
	flip(p, code + p->l.code_version_off);
	flip(p, lines + p->l.bytes_data_off); /* is not even read */
	assert_int_equal(key_now(p), key);
}

/* Others by the content of their line table, as far as ABI_LINES_PREFIX, and by its size. */
static void unnumbered_objects_by_their_lines(void **state)
{
	static const size_t sizes[] = {1, 7, 8, 9, 20, 47, 48, 49, 100};
	struct world *p = *state;

	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		size_t len = sizes[i];
		u64 lines, key, data;

		one_function(p, len, &lines);
		key = key_now(p);
		data = lines + p->l.bytes_data_off;
		for (size_t at = 0; at < len; at++) {
			flip(p, data + at);
			assert_int_equal(key_now(p) != key, at < ABI_LINES_PREFIX);
			flip(p, data + at);
		}
		/* not the table: what lies behind it, and its hash, which is made when somebody
		 * asks */
		for (size_t at = len; at < len + 8; at++)
			flip(p, data + at);
		flip(p, data - 8);
		assert_int_equal(key_now(p), key);
		image__put_u64(p->m, lines + p->l.bytes_size_off, len + 1);
		assert_true(key_now(p) != key);
	}
}

static void what_runs_does_not_change_the_key(void **state)
{
	struct world *p = *state;
	u64 lines, code = one_function(p, 20, &lines), key = key_now(p);

	world__push(p, code, 40, WORLD_THREAD);
	assert_int_equal(key_now(p), key);
	flip(p, code + p->row->code_basicsize); /* a specialised instruction */
	world__hold_gil(p, false);
	assert_int_equal(key_now(p), key);
}

/* ---- the thread's state
 * --------------------------------------------------------------------------------- */

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

/* ---- the GIL
 * ------------------------------------------------------------------------------------------ */

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

/* ---- what does not end well
 * --------------------------------------------------------------------------- */

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

static void takes_too_long(void **state)
{
	struct world *p = *state;
	u64 codes[2] = {world__function(p, 1), world__function(p, 2)};

	world__enter(p);
	world__recurse(p, codes, 500);
	host.look_ns = 400000; /* a millisecond after three looks */
	assert_int_equal(tick(p), ABI_CUT_TIME);
	assert_in_range(p->w->frame_cnt, 2, 499);
	host.look_ns = 0;
	assert_int_equal(tick(p), ABI_OK);
	assert_int_equal(p->w->frame_cnt, 500);
}

/* For an instant a generator is current and already cut from its caller. */
static void a_chain_that_ends_at_a_generator(void **state)
{
	struct world *p = *state;
	u64 codes[2], generator;

	call_chain(p, codes, 2);
	generator = world__push(p, world__function(p, 5), 0, WORLD_GENERATOR);
	world__set_prev(p, generator, 0);
	assert_int_equal(tick(p), ABI_TORN);
	assert_int_equal(p->w->frame_cnt, 0);
}

static void a_chain_that_ends_without_a_shim(void **state)
{
	struct world *p = *state;

	world__push(p, world__function(p, 5), 0, WORLD_THREAD);
	assert_int_equal(tick(p), ends_at_shim(p) ? ABI_TORN : ABI_OK);
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
	assert_int_equal(p->w->frames[1].flags & ABI_FRAME_UNREADABLE, ABI_FRAME_UNREADABLE);
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

/* ---- anything in memory
 * --------------------------------------------------------------------------------- */

/* A world with all kinds of frames: the more there is to be led astray by, the better. */
static void busy_world(struct world *p)
{
	u64 codes[4];

	call_chain(p, codes, 4);
	world__push(p, codes[1], 12, WORLD_GENERATOR);
	world__enter(p);
	world__push(p, codes[2], 14, WORLD_THREAD);
	world__push(p, codes[0], 0, WORLD_GENERATOR);
}

static void every_word_wild(void **state)
{
	struct world *p = *state;
	const u64 wild[] = {0,
			    1,
			    7,
			    0x1000,
			    ~0ull,
			    ~7ull,
			    1ull << 63,
			    0x7fffffffffff,
			    0x7ffffffffff8,
			    0xffffffff80000000,
			    0x4141414141414141,
			    0xffffffff,
			    p->tstate,
			    p->runtime};
	u32 good = 0, all = 0;

	busy_world(p);
	for (size_t r = 0; r < p->m->cnt; r++) {
		struct image_region *region = &p->m->regions[r];

		for (u64 at = region->addr; at + 8 <= region->addr + region->size; at += 8) {
			u64 before = image__u64(p->m, at);

			for (size_t i = 0; i < ARRAY_SIZE(wild); i++) {
				image__put_u64(p->m, at, wild[i]);
				p->tss_key = i % 2 ? p->key + 1 : 0;
				good += tick(p) == ABI_OK;
				all++;
			}
			image__put_u64(p->m, at, before);
		}
	}
	/* both happen, or this test has tried nothing */
	assert_in_range(good, 1, all - 1);
}

/* xorshift64*: the same numbers everywhere, so that a failure can be seen again */
static u64 draw(u64 *s)
{
	*s ^= *s >> 12;
	*s ^= *s << 25;
	*s ^= *s >> 27;
	return *s * 0x2545f4914f6cdd1dull;
}

static u64 draw_value(const struct world *p, u64 *seed)
{
	const struct image_region *r = &p->m->regions[draw(seed) % p->m->cnt];

	switch (draw(seed) % 4) {
	case 0:
		return draw(seed);
	case 1:
		return draw(seed) % 4096;
	default:
		return r->addr + draw(seed) % (r->size + 64) - 32;
	}
}

static void damage(struct world *p, u64 *seed)
{
	struct image_region *r = &p->m->regions[draw(seed) % p->m->cnt];
	u64 value = draw_value(p, seed);
	size_t at = draw(seed) % r->size, n = draw(seed) % 2 ? 8 : 1;

	if (n == 8)
		at &= ~7ull;
	for (size_t i = 0; i < n && at + i < r->size; i++)
		r->bytes[at + i] = (unsigned char)(value >> (8 * i));
}

static void any_bytes_changed(void **state)
{
	const struct world *first = *state;
	u64 seed = 0x9e3779b97f4a7c15ull + first->row->minor;
	u32 outcomes[ABI_OUTCOME_CNT] = {0};

	for (int i = 0; i < 4000; i++) {
		struct world *p = world__new(first->row, draw(&seed) % 64);

		busy_world(p);
		host.look_ns = draw(&seed) % 8 ? 0 : 300000;
		for (int k = 0; k < 12; k++) {
			damage(p, &seed);
			outcomes[tick(p)]++;
		}
		world__free(p);
	}
	for (u32 i = 0; i < ABI_OUTCOME_CNT; i++)
		if (outcomes[i])
			print_message("    outcome %u: %u times\n", i, outcomes[i]);
	assert_true(outcomes[ABI_OK] && outcomes[ABI_CUT_FAULT] && outcomes[ABI_FAULT_TSTATE]);
	host.memory = first->m;
}

/* ---- all of it, for each version
 * ------------------------------------------------------------------------ */

#define TEST(f)                                                                                    \
	{                                                                                          \
#f, f, 0, 0                                                                        \
	}
#define TEST_WITH(f, mech)                                                                         \
	{                                                                                          \
#f, f, mech, 0                                                                     \
	}
#define TEST_WITHOUT(f, mech)                                                                      \
	{                                                                                          \
#f, f, 0, mech                                                                     \
	}
static const struct {
	const char *name;
	CMUnitTestFunction run;
	u32 with, without; /* mechanisms that it is about */
} tests[] = {
	TEST(frames_come_leaf_first),
	TEST(the_same_again_is_not_new),
	TEST(boundaries_are_marked),
	TEST(generators_are_walked),
	TEST(recursion_is_one_function),
	TEST(mutual_recursion_leaves_room),
	TEST(more_new_names_than_fit),
	TEST(long_chains_are_right_in_every_frame),
	TEST(a_frame_at_the_end_of_its_memory),
	TEST(instructions_as_byte_offsets),
	TEST(not_started_is_negative),
	TEST(wild_instructions),
	TEST(another_object_another_key),
	TEST_WITH(numbered_objects_by_their_number, ABI_MECH_VERSION),
	TEST_WITHOUT(unnumbered_objects_by_their_lines, ABI_MECH_VERSION),
	TEST(what_runs_does_not_change_the_key),
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
	TEST(leaf_frame_unreadable),
	TEST(root_side_unreadable),
	TEST(deeper_than_the_limit),
	TEST(takes_too_long),
	TEST_WITH(a_chain_that_ends_at_a_generator, ABI_MECH_IP_POINTER),
	TEST(a_chain_that_ends_without_a_shim),
	TEST(something_that_is_no_code_object),
	TEST(code_objects_that_cannot_be_read),
	TEST(chains_that_lead_back),
	TEST_WITH(shims_that_lead_back, ABI_MECH_OWNER),
	TEST(every_word_wild),
	TEST(any_bytes_changed),
};

static int make_world(void **state)
{
	*state = world__new(*state, 0);
	return 0;
}

static int free_world(void **state)
{
	world__free(*state);
	return 0;
}

#define ROWS (PY_VERSION_NEWEST - PY_VERSION_OLDEST + 1)

static size_t add_tests(const struct py_version *row, struct CMUnitTest *to)
{
	size_t n = 0;

	for (size_t i = 0; i < ARRAY_SIZE(tests); i++) {
		if ((row->layout.mech & tests[i].with) != tests[i].with ||
		    row->layout.mech & tests[i].without)
			continue;
		to[n++] = (struct CMUnitTest){
			.name = xasprintf("3.%u %s", row->minor, tests[i].name),
			.test_func = tests[i].run,
			.setup_func = make_world,
			.teardown_func = free_world,
			.initial_state = (void *)row,
		};
	}
	return n;
}

int main(void)
{
	struct CMUnitTest all[ROWS * ARRAY_SIZE(tests)];
	size_t n = 0;
	int failed;

	for (u32 minor = PY_VERSION_OLDEST; minor <= PY_VERSION_NEWEST; minor++)
		n += add_tests(py_version_find(minor), all + n);
	failed = _cmocka_run_group_tests("walk", all, n, NULL, NULL);
	for (size_t i = 0; i < n; i++)
		free((char *)all[i].name);
	return failed;
}
