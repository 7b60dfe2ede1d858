/* SPDX-License-Identifier: MIT */
/* Waits for the GIL, bpf/gil.bpf.c and bpf/source/gil.bpf.c: which waits are, what they stand for, who held it. */
#include "tests/host/versions.h"
#include "tests/kernel/machine.h"
#include "tests/kernel/maps.h"

#define A         100
#define B         101
#define MS        1000000ull
#define LOCKED    8 /* from last_holder to locked */
#define GIL_BYTES 256
#define FRAMES    2     /* that come before the waiter's */
#define B_SELF    0x700 /* pthread_self() */

enum { WAIT, HELD };

/* A process of two threads: A waits in f1, called by f0; B holds the GIL in f3, called by f2. */
struct fight {
	struct world *p;
	struct task *a, *b;
	u64 b_state, cond;
};

/* The world's own interpreter has no more of it than its switch. */
static void make_gil(struct world *p)
{
	if (p->l.rt_gil_off) {
		p->gil = p->runtime + p->l.rt_gil_off;
		return;
	}
	p->gil = world__alloc(p, GIL_BYTES);
	world__switch_gil(p, true);
	if (!p->interp)
		p->interp = world__alloc(p, p->l.interp_gil_off + 8u);
	image__put_u64(p->m, p->interp + p->l.interp_gil_off, p->gil);
	image__put_u64(p->m, p->tstate + p->l.ts_interp_off, p->interp);
}

static void set_holder(const struct fight *f, u64 tstate, u32 locked)
{
	image__put_u64(f->p->m, f->p->gil + f->p->l.gil_holder_off, tstate);
	image__put_u32(f->p->m, f->p->gil + f->p->l.gil_holder_off + LOCKED, locked);
}

/* All that it takes of another thread: its state, with a chain of its own. */
static u64 make_holder(struct world *p)
{
	u64 state = world__tstate(p, B_SELF), own = p->tstate, leaf = p->leaf, cframe = p->cframe;

	p->tstate = state;
	p->leaf = 0;
	if (has(p, ABI_MECH_CFRAME))
		p->cframe = world__alloc(p, 64) + 24;
	world__enter(p);
	world__push(p, world__function(p, 2), 2, WORLD_THREAD);
	world__push(p, world__function(p, 3), 0, WORLD_THREAD);
	if (p->l.ts_native_id_off)
		image__put_u64(p->m, state + p->l.ts_native_id_off, B);
	p->tstate = own;
	p->leaf = leaf;
	p->cframe = cframe;
	return state;
}

static bool begin(struct fight *f, struct world *p)
{
	u64 codes[2];

	if (!p->l.gil_switch_off || !has_new_kernel) /* 3.6; user/source/gil.c */
		return false;
	make_gil(p);
	*f = (struct fight){.p = p, .cond = p->gil + p->l.gil_cond_off};
	call_chain(p, codes, 2);
	machine__boot();
	f->a = user__profile(A, p);
	f->b = task__thread(f->a, B);
	machine__tick(f->a);
	f->b_state = make_holder(p);
	set_holder(f, f->b_state, 1);
	image__put_u64(p->m, p->gil + p->l.gil_holder_off - 8, 5000);
	return true;
}

static void begin_wait(const struct fight *f, u64 futex)
{
	task__call(f->a, ARCH_CALL_FUTEX, futex, 0);
	machine__gil_switch(f->a, f->b, true);
}

static void wait_for(const struct fight *f, u64 futex, u64 ns)
{
	begin_wait(f, futex);
	machine__pass(ns);
	machine__gil_switch(f->b, f->a, false);
}

/* The last sample of that type; NULL: none. */
static const struct abi_sample *last_of(u32 type)
{
	const struct abi_sample *last = NULL;
	const struct abi_hdr *r;

	for (size_t i = 0; (r = ring__record(i)); i++) {
		const struct abi_sample *s = (const struct abi_sample *)r;

		if (r->kind == ABI_REC_SAMPLE && s->source == ABI_SOURCE_GIL && s->type == type)
			last = s;
	}
	return last;
}

static void who_waits_and_who_holds_it(void **state)
{
	const struct abi_sample *wait, *held;
	struct fight f;

	if (!begin(&f, *state))
		return;
	wait_for(&f, f.cond + 4, 3 * MS);
	task__resume(f.a);
	wait = last_of(WAIT);
	held = last_of(HELD);
	assert_non_null(wait);
	assert_non_null(held);
	assert_int_equal(wait->frame_cnt, FRAMES + 2);
	assert_true(frame_is(wait, FRAMES, "function_1") && frame_is(wait, FRAMES + 1, "function_0"));
	assert_int_equal(wait->hdr.tid, A);
	assert_int_equal(frames_of(wait)[0].what, ABI_FRAME_GIL_FUNCTION);
	assert_int_equal(frames_of(wait)[0].code_key, frames_of(held)[0].code_key);
	assert_int_equal(frames_of(wait)[1].what, ABI_FRAME_GIL_THREAD);
	assert_int_equal(frames_of(wait)[1].code_key, B_SELF);
	assert_int_equal(held->frame_cnt, 2);
	assert_true(frame_is(held, 0, "function_3") && frame_is(held, 1, "function_2"));
	assert_int_equal(held->thread_ident, B_SELF);
	assert_true(wait->value >= 3 * MS && wait->value < 3 * MS + MS / 10);
	assert_int_equal(held->value, wait->value);
	assert_int_equal(gil_due, 2);
	assert_int_equal(gil_due_ns, 2 * wait->value);
	machine__shutdown();
}

/* With --native that of who waits is there, under the frames that say what for; nobody else can unwind who holds it. */
static void native_frames(void **state)
{
	const struct abi_sample *wait;
	const struct abi_native *n;
	struct fight f;

	if (!begin(&f, *state))
		return;
	cfg_native = cfg_kernel = true;
	maps__resize(&natives, MACHINE_SLOTS);
	maps__resize(&kept_natives, ABI_GIL_SLOTS);
	wait_for(&f, f.cond + 4, 3 * MS);
	task__resume(f.a);
	wait = last_of(WAIT);
	n = abi_native_of(wait);
	assert_non_null(n);
	assert_int_equal(wait->hdr.size,
			 sizeof(*wait) + (FRAMES + 2) * sizeof(struct abi_frame) + sizeof(*n) + abi_native_bytes(n));
	assert_true(frame_is(wait, FRAMES, "function_1") && frame_is(wait, FRAMES + 1, "function_0"));
	assert_int_equal(n->end, ABI_NATIVE_NO_MAPS); /* nobody has read them */
	assert_int_equal(n->kernel_cnt, 0);
	assert_int_equal(n->run_cnt, has(f.p, ABI_MECH_OWNER | ABI_MECH_IS_ENTRY));
	if (n->run_cnt)
		assert_int_equal(abi_native_runs(n)[0].frame_cnt, 2);
	assert_null(abi_native_of(last_of(HELD)));
	assert_true(frame_is(last_of(HELD), 0, "function_3"));
	machine__shutdown();
}

/* Futexes at every word of its struct, and around it. */
static void nothing_else_is_one(void **state)
{
	const struct abi_py_layout *l;
	struct fight f;
	u64 size;

	if (!begin(&f, *state))
		return;
	l = &f.p->l;
	size = 2u * (l->gil_switch_off - l->gil_cond_off);
	for (u64 at = f.cond - 32; at < f.cond + size + 32; at += 4) {
		u64 before = gil_due;
		bool is_one = at >= f.cond && at < f.cond + size;

		wait_for(&f, at, 3 * MS);
		assert_int_equal(gil_due - before, is_one ? 2 : 0);
	}
	assert_int_equal(gil_open, 0);
	machine__shutdown();
}

static void what_short_waits_stand_for(void **state)
{
	struct fight f;
	u32 cnt = 4000;
	double mean;

	if (!begin(&f, *state))
		return;
	cfg_gil_period_ns = 10 * MS;
	for (u32 i = 0; i < cnt; i++) {
		machine__pass(MS);
		wait_for(&f, f.cond, MS);
	}
	mean = (double)gil_due_ns / 2 / cnt;
	assert_true(mean > 0.85 * (double)MS && mean < 1.15 * (double)MS); /* 3 standard deviations: 14 % */
	assert_true(gil_due / 2 > cnt / 20 && gil_due / 2 < cnt / 5);
	machine__shutdown();
}

/* A CPU with more waits than it can look at; nor may these be lost. */
static void waits_in_great_numbers(void **state)
{
	struct fight f;
	u32 cnt = 8000;
	double mean;

	if (!begin(&f, *state))
		return;
	cfg_gil_period_ns = 1;
	for (u32 i = 0; i < cnt; i++)
		wait_for(&f, f.cond, MS / 50);
	mean = (double)gil_due_ns / 2 / cnt;
	assert_true(gil_due / 2 < cnt / 3);
	assert_true(mean > 0.8 * (double)MS / 50 && mean < 1.2 * (double)MS / 50);
	machine__shutdown();
}

/* After an interval it waits on; what was held for is what is run then. */
static void the_holder_is_asked_again(void **state)
{
	const struct abi_sample *held;
	struct fight f;
	u64 own;

	if (!begin(&f, *state))
		return;
	wait_for(&f, f.cond, 5 * MS);
	assert_null(last_of(HELD)); /* not yet */
	own = image__u64(f.p->m, f.b_state + f.p->l.ts_frame_off);
	if (has(f.p, ABI_MECH_CFRAME))
		image__put_u64(
			f.p->m, own + f.p->l.cframe_frame_off,
			image__u64(f.p->m, image__u64(f.p->m, own + f.p->l.cframe_frame_off) + f.p->l.frame_prev_off));
	else
		image__put_u64(f.p->m, f.b_state + f.p->l.ts_frame_off,
			       image__u64(f.p->m, own + f.p->l.frame_prev_off));
	begin_wait(&f, f.cond);
	held = last_of(HELD);
	assert_non_null(held);
	assert_int_equal(held->frame_cnt, 1);
	assert_true(held->value >= 5 * MS && held->value < 5 * MS + MS / 10);
	machine__pass(MS);
	machine__gil_switch(f.b, f.a, false);
	assert_int_equal(gil_due, 4);
	machine__shutdown();
}

/* It got it when it asked: its last wait counts as soon as it is known that no other follows. */
static void the_last_wait_of_a_row(void **state)
{
	struct fight f;

	if (!begin(&f, *state))
		return;
	wait_for(&f, f.cond, 5 * MS);
	machine__pass(20 * MS);
	assert_int_equal(gil_due, 0);
	task__call(f.a, -1, 0, 0);
	machine__gil_switch(f.a, f.b, false);
	assert_int_equal(gil_due, 2);
	assert_true(last_of(WAIT)->value < 6 * MS);
	assert_int_equal(gil_open, 0);
	machine__shutdown();
}

static void nobody_holds_it(void **state)
{
	struct fight f;
	u64 holders[][2] = {{0, 0}, {0, 1}, {1, 0}};

	if (!begin(&f, *state))
		return;
	holders[2][0] = f.p->tstate; /* itself: given up on request */
	holders[2][1] = 1;
	for (size_t i = 0; i < ARRAY_SIZE(holders); i++) {
		u64 before = gil_due;

		set_holder(&f, holders[i][0], (u32)holders[i][1]);
		wait_for(&f, f.p->gil + f.p->l.gil_switch_off, 3 * MS);
		assert_int_equal(gil_due - before, 1);
		assert_int_equal(frames_of(last_of(WAIT))[1].code_key, 0);
	}
	machine__shutdown();
}

/* ---- by ticks: what it is held for --------------------------------------------------------------------------- */

static s32 waiting(const struct fight *f)
{
	const struct gil_key key = {.gil_addr = f->p->gil, .tgid = A};
	const s32 *cnt = bpf_map_lookup_elem(&gil_waiters, &key);

	return cnt ? *cnt : 0;
}

/* So many others wait for what A holds. */
static bool begin_with_others(struct fight *f, struct world *p, s32 others)
{
	struct gil_key key = {.tgid = A};

	if (!begin(f, p))
		return false;
	cfg_gil_apart = cfg_gil_ticks = true;
	cfg_gil_period_ns = 1;
	key.gil_addr = f->p->gil;
	bpf_map_update_elem(&gil_waiters, &key, &others, BPF_ANY);
	gil_open = others;
	return true;
}

static void who_waits_is_counted(void **state)
{
	struct fight f;

	if (!begin_with_others(&f, *state, 0))
		return;
	world__hold_gil(f.p, false);
	begin_wait(&f, f.cond);
	assert_int_equal(waiting(&f), 1);
	machine__pass(5 * MS);
	machine__gil_switch(f.b, f.a, false);
	assert_int_equal(waiting(&f), 0);
	machine__pass(MS / 10);
	begin_wait(&f, f.cond);
	assert_int_equal(waiting(&f), 1);
	machine__pass(MS);
	machine__gil_switch(f.b, f.a, false);
	assert_int_equal(waiting(&f), 0);
	assert_null(last_of(HELD)); /* of what the waiter saw, nothing */
	assert_non_null(last_of(WAIT));
	machine__shutdown();
}

static void ticks_say_what_it_is_held_for(void **state)
{
	struct fight f;
	u64 cpu = 0;

	if (!begin_with_others(&f, *state, 2))
		return;
	cpu = maps__sum(&outcomes, ABI_OK);
	machine__tick(f.a);
	assert_int_equal(maps__sum(&outcomes, ABI_OK), cpu + 1);
	assert_non_null(last_of(HELD));
	assert_int_equal(last_of(HELD)->value, 2 * MACHINE_PERIOD_NS);
	assert_int_equal(gil_due_ns, 2 * MACHINE_PERIOD_NS);
	assert_int_equal(last_of(HELD)->frame_cnt, 2);
	assert_true(frame_is(last_of(HELD), 0, "function_1"));
	world__hold_gil(f.p, false);
	machine__tick(f.a);
	assert_int_equal(gil_due, 1);
	gil_open = 0;
	machine__shutdown();
}

/* No tick comes while it is off the CPU, with the GIL. */
static void who_holds_it_is_off_the_cpu(void **state)
{
	struct fight f;

	if (!begin_with_others(&f, *state, 2))
		return;
	task__call(f.a, 0, 1, 0);
	machine__gil_switch(f.a, f.b, true);
	machine__pass(3 * MS);
	world__hold_gil(f.p, false); /* B is not to be taken for its holder */
	machine__gil_switch(f.b, f.a, false);
	assert_non_null(last_of(HELD));
	assert_in_range(last_of(HELD)->value, 6 * MS, 6 * MS + MS / 10);
	assert_true(frame_is(last_of(HELD), 0, "function_1"));
	assert_int_equal(last_of(HELD)->hdr.tid, A);
	assert_null(last_of(WAIT));
	machine__gil_switch(f.a, f.b, true);
	machine__pass(3 * MS);
	machine__gil_switch(f.b, f.a, false);
	assert_int_equal(gil_due, 1);
	gil_open = 0;
	machine__shutdown();
}

/* Its registers are those of another thread, and so say nothing of the holder. */
static void a_holder_between_two_frames(void **state)
{
	struct fight f;
	u64 before = 0;

	if (!has(*state, ABI_MECH_OWNER) || has(*state, ABI_MECH_CFRAME) || !begin(&f, *state))
		return;
	world__set_prev(f.p, image__u64(f.p->m, f.b_state + f.p->l.ts_frame_off), 0); /* cut from its caller */
	host.registers[0] = f.p->leaf;
	before = outcome_cnt(ABI_TORN);
	wait_for(&f, f.cond, 3 * MS);
	assert_int_equal(outcome_cnt(ABI_TORN), before + 1);
	assert_int_equal(last_of(HELD)->outcome, ABI_TORN);
	assert_int_equal(last_of(HELD)->frame_cnt, 0);
	assert_int_equal(last_of(WAIT)->outcome, ABI_OK);
	assert_int_equal(frames_of(last_of(WAIT))[0].code_key, 0);
	assert_int_equal(frames_of(last_of(WAIT))[1].code_key, B_SELF);
	host.registers[0] = 0;
	machine__shutdown();
}

/* It has been woken, and is switched away from as it returns from the call. */
static void a_wait_for_a_cpu(void **state)
{
	struct fight f;

	if (!begin(&f, *state))
		return;
	task__call(f.a, ARCH_CALL_FUTEX, f.cond, 0);
	machine__gil_switch(f.a, f.b, false);
	machine__pass(3 * MS);
	machine__gil_switch(f.b, f.a, false);
	assert_int_equal(gil_due, 0);
	assert_int_equal(gil_open, 0);
	machine__shutdown();
}

/* The kernel has not told that it had its CPU again. */
static void a_switch_that_nobody_told_of(void **state)
{
	struct fight f;

	if (!begin(&f, *state))
		return;
	begin_wait(&f, f.cond);
	machine__pass(3 * MS);
	f.a->t.se.sum_exec_runtime += MS;
	begin_wait(&f, f.cond);
	assert_int_equal(outcome_cnt(ABI_UNSEEN), 1);
	assert_int_equal(gil_due, 1);
	assert_in_range(gil_due_ns, 2 * MS, 2 * MS + MS / 10);
	machine__gil_switch(f.b, f.a, false);
	machine__shutdown();
}

static void a_gil_that_is_off(void **state)
{
	struct fight f;

	if (!begin(&f, *state))
		return;
	world__switch_gil(f.p, false);
	wait_for(&f, f.cond, 3 * MS);
	assert_int_equal(gil_due, 0);
	machine__shutdown();
}

int main(void)
{
	static const struct version_test tests[] = {
		TEST(who_waits_and_who_holds_it),
		TEST(native_frames),
		TEST(nothing_else_is_one),
		TEST(what_short_waits_stand_for),
		TEST(waits_in_great_numbers),
		TEST(the_holder_is_asked_again),
		TEST(the_last_wait_of_a_row),
		TEST(nobody_holds_it),
		TEST(who_waits_is_counted),
		TEST(ticks_say_what_it_is_held_for),
		TEST(who_holds_it_is_off_the_cpu),
		TEST(a_holder_between_two_frames),
		TEST(a_wait_for_a_cpu),
		TEST(a_switch_that_nobody_told_of),
		TEST_WITH(a_gil_that_is_off, ABI_MECH_GIL_SWITCH),
	};

	return run_each_version("gil", tests, ARRAY_SIZE(tests));
}
