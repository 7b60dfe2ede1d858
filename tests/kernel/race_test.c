/* SPDX-License-Identifier: MIT */
/*
 * Races between a tick and whatever else happens to its process or its CPU: bpf/{target,sample,code,cold}.bpf.c, bpf/source/{cpu,life}.bpf.c.
 * At its end each test checks that no tick went missing (machine__shutdown()).
 */
#include "tests/host/versions.h"
#include "tests/kernel/machine.h"
#include <string.h>

#define A 100 /* process ids */
#define B 101

/* The process's last sample. */
static const struct abi_sample *last_sample(u32 tgid)
{
	const struct abi_sample *s = last_record(ABI_REC_SAMPLE, tgid);

	assert_non_null(s);
	return s;
}

/* `from`, `from + 1`, …: each calls the next one. */
static void call_functions(struct world *p, u32 from, u32 cnt)
{
	world__enter(p);
	for (u32 i = 0; i < cnt; i++)
		world__push(p, world__function(p, from + i), 4 * (s32)i, WORLD_THREAD);
}

/* Another image's memory, with other functions at the addresses of the first one's. */
static struct world *other_functions(const struct world *like)
{
	struct world *p = another_world(like);

	call_functions(p, 50, 3);
	return p;
}

/* Three functions deep, and sampled once. */
static struct task *boot(struct world *p)
{
	machine__boot();
	call_functions(p, 0, 3);
	return user__profile(A, p);
}

static void swap_out(const struct world *p)
{
	machine.cold_from = p->leaf & ~4095ull;
	machine.cold_to = machine.cold_from + 4096;
}

/* ---- as it should be ------------------------------------------------------------------------------------- */

static void a_process_is_walked_and_named(void **state)
{
	struct task *t = boot(*state);

	assert_int_equal(outcome_cnt(ABI_IDENTIFYING), 1);
	machine__tick(t);
	assert_int_equal(outcome_cnt(ABI_OK), 1);
	assert_int_equal(last_sample(A)->frame_cnt, 3);
	assert_int_equal(last_sample(A)->value, MACHINE_PERIOD_NS);
	assert_true(frame_is(last_sample(A), 0, "function_2"));
	assert_true(frame_is(last_sample(A), 2, "function_0"));
	machine__ticks(t, 10);
	assert_int_equal(record_cnt(ABI_REC_CODE), 3);
	assert_int_equal(record_cnt(ABI_REC_LINES), 3);
	machine__shutdown();
}

/* It is sent again where it is met again, once, and the others are not. */
static void code_that_user_space_forgot(void **state)
{
	struct task *t = boot(*state);
	u64 key;

	machine__ticks(t, 2);
	key = frames_of(last_sample(A))[1].code_key;
	user__forget(key);
	machine__ticks(t, 5);
	assert_int_equal(record_cnt(ABI_REC_CODE), 4);
	assert_int_equal(((const struct abi_code *)last_record(ABI_REC_CODE, A))->code_key, key);
	assert_int_equal(frames_of(last_sample(A))[1].code_key, key);
	assert_true(frame_is(last_sample(A), 1, "function_1"));
	machine__shutdown();
}

static u64 leaf_key;

static void forget_leaf(void)
{
	user__forget(leaf_key);
}

/* Whenever that is: before a walk looks whether it was sent, that walk sends it, else the next one does. */
static void code_that_is_forgotten_in_the_middle_of_a_walk(void **state)
{
	struct task *t = boot(*state);

	machine__ticks(t, 2);
	leaf_key = frames_of(last_sample(A))[0].code_key;
	for (u32 reads = 0; reads < 60; reads++) {
		u32 before = record_cnt(ABI_REC_CODE);

		machine.meanwhile = forget_leaf;
		machine.reads_until = reads;
		machine__ticks(t, 30);
		if (machine.meanwhile)
			break;
		assert_int_equal(record_cnt(ABI_REC_CODE), before + 1);
		assert_true(frame_is(last_sample(A), 0, "function_2"));
	}
	machine.meanwhile = NULL;
	machine__shutdown();
}

/* A code object that need not be read for a while is not sent meanwhile, but then. */
static void cached_code_that_user_space_forgot(void **state)
{
	struct task *t = boot(*state);

	cfg_cache_ns = cfg_cache_numbered_ns = ABI_CACHE_NS;
	machine__ticks(t, 400);
	assert_int_equal(record_cnt(ABI_REC_CODE), 3);
	user__forget(frames_of(last_sample(A))[0].code_key);
	machine__ticks(t, 4 * ABI_CACHE_NS / MACHINE_PERIOD_NS);
	assert_int_equal(record_cnt(ABI_REC_CODE), 4);
	machine__shutdown();
}

/* User space must get its chance to answer before it is asked again, and then ever more rarely. */
static void a_source_that_is_fast(void **state)
{
	struct task *t;

	machine__boot();
	call_functions(*state, 0, 3);
	t = task__new(A, *state);
	task__choose(t);
	for (u32 i = 0; i < 200; i++)
		machine__other_source(t);
	assert_in_range(proc_of(t)->misses, 1, 2);
	user__identify(t);
	machine__other_source(t);
	assert_int_equal(outcome_cnt(ABI_OK), 1);
	machine__shutdown();
}

/* Without task work the tick itself reads names, and what is swapped out stays unread. */
static void a_kernel_without_task_work(void **state)
{
	struct task *t = boot(*state);

	machine.no_task_work = true;
	t->stays_in_kernel = true;
	machine__tick(t);
	assert_int_equal(record_cnt(ABI_REC_CODE), 3);
	swap_out(*state);
	machine__tick(t);
	assert_int_equal(outcome_cnt(ABI_OK), 1);
	assert_true(last_sample(A)->cold_addr);
	machine__shutdown();
}

static void swapped_out_memory_is_brought_in(void **state)
{
	struct task *t = boot(*state);

	swap_out(*state);
	t->stays_in_kernel = true;
	machine__tick(t);
	assert_int_equal(outcome_cnt(ABI_DEFERRED), 1);
	assert_int_equal(record_cnt(ABI_REC_SAMPLE), 1);
	task__resume(t);
	assert_int_equal(outcome_cnt(ABI_OK), 1);
	assert_true(frame_is(last_sample(A), 0, "function_2"));
	machine__shutdown();
}

/* As memory gets short: what one read brought in is gone at the next. */
static void memory_that_is_swapped_out_again(void **state)
{
	struct task *t = boot(*state);

	machine__tick(t);
	swap_out(*state);
	machine.cold_again = 12;
	machine__tick(t);
	assert_int_equal(machine.cold_again, 0);
	assert_int_equal(outcome_cnt(ABI_OK), 2);
	assert_true(frame_is(last_sample(A), 2, "function_0"));
	machine__shutdown();
}

/* A program that answers for its own memory could keep the thread, and us, waiting for ever. */
static void memory_of_a_program_is_not_brought_in(void **state)
{
	struct task *t = boot(*state);

	swap_out(*state);
	machine.userfault = true;
	machine__ticks(t, 3);
	assert_int_equal(outcome_cnt(ABI_OK), 0);
	assert_int_not_equal(machine.cold_to, 0);
	assert_true(proc_of(t)->flags & ABI_PROC_SILENT);
	machine__shutdown();
}

/* ---- exec ------------------------------------------------------------------------------------------------ */

/* The work of a tick within execve() runs in the new image: names found there are not those of the old one's code. */
static void exec_between_tick_and_names(void **state)
{
	struct task *t = boot(*state);

	t->stays_in_kernel = true;
	machine__tick(t);
	assert_int_equal(outcome_cnt(ABI_OK), 1);
	task__exec(t, other_functions(*state));
	task__resume(t);
	assert_int_equal(record_cnt(ABI_REC_CODE), 0);
	machine__shutdown();
}

static void exec_between_tick_and_cold_walk(void **state)
{
	struct task *t = boot(*state);
	u32 before = proc_of(t)->image_id;

	swap_out(*state);
	t->stays_in_kernel = true;
	machine__tick(t);
	task__exec(t, other_functions(*state));
	machine.cold_to = 0;
	task__resume(t);
	assert_int_equal(last_sample(A)->image_id, before);
	assert_int_equal(last_sample(A)->frame_cnt, 0);
	assert_int_equal(outcome_cnt(ABI_OK), 0);
	assert_int_equal(record_cnt(ABI_REC_CODE), 0);
	machine__shutdown();
}

/* And when the new one is a Python that is known already. */
static void exec_of_a_known_python(void **state)
{
	struct task *t = boot(*state), *other = user__profile(B, other_functions(*state));
	u32 before = proc_of(t)->image_id;

	swap_out(*state);
	t->stays_in_kernel = true;
	machine__tick(t);
	task__exec(t, other_functions(*state));
	t->t.mm->exe_file = other->t.mm->exe_file;
	machine.cold_to = 0;
	machine__tick(t);
	assert_int_equal(last_sample(A)->frame_cnt, 3);
	task__resume(t);
	assert_int_equal(last_sample(A)->image_id, before);
	assert_int_equal(last_sample(A)->frame_cnt, 0);
	machine__shutdown();
}

/* What ends before user space has looked at it is what those before were. */
static void others_of_its_program_had_no_interpreter(void **state)
{
	const struct abi_program plain = {.layout_id = ABI_LAYOUT_NONE};
	const struct abi_proc_rec *r;
	struct task *t, *later;

	machine__boot();
	t = task__new(A, *state);
	task__choose(t);
	machine__tick(t);
	r = last_record(ABI_REC_PROC, A);
	bpf_map_update_elem(&programs, &r->program, &plain, BPF_ANY);
	later = task__fork(t, B, other_functions(*state));
	machine__tick(later);
	assert_int_equal(outcome_cnt(ABI_NOT_PYTHON), 1);
	assert_int_equal(outcome_cnt(ABI_IDENTIFYING), 1);
	user__identify(later);
	machine__tick(later);
	assert_int_equal(outcome_cnt(ABI_OK), 1);
	assert_true(proc_of(later)->flags & ABI_PROC_PLAIN);
	assert_null(last_record(ABI_REC_PROGRAM, B));
	task__exec(later, *state);
	assert_false(proc_of(later)->flags & ABI_PROC_PLAIN);
	machine__shutdown();
}

/* It may end at once: the record is there, and somebody is woken for it, before it has run. */
static void a_program_that_nobody_knows_is_shown_when_it_begins(void **state)
{
	const struct abi_program plain = {.layout_id = ABI_LAYOUT_NONE};
	const struct abi_program_rec *r;
	struct task *t, *child;
	u32 woken;

	machine__boot();
	t = task__new(A, *state);
	task__choose(t);
	child = task__fork(t, B, *state);
	woken = machine.woken;
	task__exec(child, other_functions(*state));
	r = last_record(ABI_REC_PROGRAM, B);
	assert_non_null(r);
	assert_int_equal(machine.woken, woken + 1);
	assert_null(last_record(ABI_REC_PROC, B));
	bpf_map_update_elem(&programs, &r->program, &plain, BPF_ANY);
	machine__tick(child);
	assert_int_equal(outcome_cnt(ABI_NOT_PYTHON), 1);
	assert_int_equal(outcome_cnt(ABI_IDENTIFYING), 0);
	task__exec_same(child);
	assert_int_equal(record_cnt(ABI_REC_PROGRAM), 1);
	machine__shutdown();
}

/* The memory is the new image's a little before anybody is told. */
static void a_tick_in_the_middle_of_exec(void **state)
{
	struct task *t = boot(*state);
	struct world *other = other_functions(*state);

	machine__tick(t);
	task__exec_memory(t, other);
	machine__tick(t);
	assert_int_equal(outcome_cnt(ABI_STARTING), 1);
	assert_int_equal(last_sample(A)->frame_cnt, 0);
	task__exec(t, other);
	machine__tick(t);
	assert_int_equal(outcome_cnt(ABI_IDENTIFYING), 2);
	machine__shutdown();
}

/* Same addresses, other functions: the new image is another one from its first tick on. */
static void exec_begins_a_new_image(void **state)
{
	struct task *t = boot(*state);
	const struct abi_exit *end;
	u32 before;

	machine__tick(t);
	before = last_sample(A)->image_id;
	task__exec(t, other_functions(*state));
	end = last_record(ABI_REC_EXIT, A);
	assert_non_null(end);
	assert_int_equal(end->image_id, before);
	machine__tick(t);
	assert_int_equal(last_sample(A)->frame_cnt, 0); /* its program is not known yet */
	user__identify(t);
	machine__tick(t);
	assert_int_not_equal(last_sample(A)->image_id, before);
	assert_true(frame_is(last_sample(A), 0, "function_52"));
	machine__shutdown();
}

/* A hint about the image before says nothing about this one. */
static void a_hint_that_comes_too_late(void **state)
{
	struct task *t = boot(*state);
	struct abi_hint hint = {.state = ABI_PROC_NOT_PYTHON};
	u32 image = proc_of(t)->image_id;

	task__exec(t, other_functions(*state));
	machine__ticks(t, 10); /* now it is not asked about at each tick any more */
	bpf_map_update_elem(&hints, &image, &hint, BPF_ANY);
	machine__tick(t);
	assert_int_equal(outcome_cnt(ABI_NOT_PYTHON), 0);
	image = proc_of(t)->image_id;
	bpf_map_update_elem(&hints, &image, &hint, BPF_ANY);
	machine__tick(t);
	assert_int_equal(outcome_cnt(ABI_NOT_PYTHON), 1);
	machine__shutdown();
}

/* ---- exit ------------------------------------------------------------------------------------------------ */

static struct task *ends_meanwhile;

static void end_it(void)
{
	machine.cpu = 1;
	task__exit(ends_meanwhile);
}

/* On another CPU, at any read of the walk: the process lives on with the thread that is walked. */
static void a_thread_ends_during_a_walk(void **state)
{
	for (u32 read = 0; read < 20; read++) {
		struct task *t = boot(another_world(*state));

		ends_meanwhile = task__thread(t, A + 50);
		machine.reads_until = read;
		machine.meanwhile = end_it;
		machine__tick(t);
		assert_null(machine.meanwhile);
		assert_int_equal(outcome_cnt(ABI_OK), 1);
		assert_int_equal(record_cnt(ABI_REC_EXIT), 0);
		assert_true(frame_is(last_sample(A), 0, "function_2"));
		assert_int_equal(targets_alive, 1);
		task__exit(t);
		assert_int_equal(record_cnt(ABI_REC_EXIT), 1);
		assert_int_equal(targets_alive, 0);
		machine__shutdown();
	}
}

/* Work that is left is run after the memory is gone, and the entry too. */
static void exit_between_tick_and_cold_walk(void **state)
{
	struct task *t = boot(*state);

	swap_out(*state);
	t->stays_in_kernel = true;
	machine__tick(t);
	task__exit(t);
	assert_null(proc_of(t));
	assert_int_equal(record_cnt(ABI_REC_SAMPLE), 2);
	assert_int_equal(last_sample(A)->frame_cnt, 0);
	machine__shutdown();
}

/* It does not come back to user mode, so the tick reads the names. */
static void names_of_a_process_that_is_being_killed(void **state)
{
	struct task *t = boot(*state);

	t->signal.flags = 4; /* include/linux/sched/signal.h: SIGNAL_GROUP_EXIT */
	t->stays_in_kernel = true;
	machine__tick(t);
	assert_int_equal(record_cnt(ABI_REC_CODE), 3);
	machine__shutdown();
}

static void a_tick_while_a_thread_ends(void **state)
{
	struct task *t = boot(*state), *thread = task__thread(t, A + 50);

	task__begin_exit(thread);
	machine__tick(thread);
	assert_int_equal(outcome_cnt(ABI_EXITING), 1);
	assert_int_equal(last_sample(A)->frame_cnt, 0);
	machine__tick(t);
	assert_int_equal(outcome_cnt(ABI_OK), 1);
	machine__shutdown();
}

/* A process that is not reaped yet still runs for a while in the kernel. */
static void ticks_of_what_has_ended(void **state)
{
	struct task *t = boot(*state);
	u32 image = proc_of(t)->image_id;
	const struct abi_cpu_rec *cpu;

	cfg_mode = TARGET_ALL;
	task__exit(t);
	machine__ticks(t, 2);
	assert_int_equal(outcome_cnt(ABI_EXITING), 2);
	assert_int_equal(maps__count(&procs), 0);
	task__reap(t);
	cpu = last_record(ABI_REC_CPU, A);
	assert_non_null(cpu);
	assert_int_equal(cpu->image_id, image);
	assert_int_equal(cpu->cpu_ns, 3 * MACHINE_PERIOD_NS);
	assert_int_equal(maps__count(&ended), 0);
	machine__shutdown();
}

static void a_pid_given_again(void **state)
{
	struct task *t = boot(*state), *other;
	const struct abi_sample *before;

	machine__tick(t);
	before = last_sample(A);
	task__exit(t);
	task__reap(t);
	other = user__profile(A, other_functions(*state));
	machine__tick(other);
	assert_true(frame_is(last_sample(A), 0, "function_52"));
	assert_int_not_equal(last_sample(A)->image_id, before->image_id);
	assert_true(last_sample(A)->thread_start_ns > before->thread_start_ns);
	assert_int_equal(record_cnt(ABI_REC_CODE), 6);
	machine__shutdown();
}

/* ---- fork ------------------------------------------------------------------------------------------------ */

/* After 2^31 births. */
static void numbers_of_images_go_round(void **state)
{
	struct task *t = boot(*state), *child;

	machine__tick(t);
	for (u32 from = 0; from < 2; from++) {
		next_image_id = from ? UINT32_MAX - 3 : ABI_OWN_IMAGES - 3;
		for (u32 tgid = B; tgid < B + 8; tgid++) {
			child = task__fork(t, tgid, NULL);
			assert_in_range(proc_of(child)->image_id, 1, ABI_OWN_IMAGES);
			task__exit(child);
			task__reap(child);
		}
	}
	machine__shutdown();
}

/* It has its parent's interpreter, so that its first tick is walked. */
static void a_child_from_its_first_tick_on(void **state)
{
	struct task *t = boot(*state), *child;

	machine__tick(t);
	child = task__fork(t, B, other_functions(*state));
	assert_int_equal(targets_alive, 2);
	machine__tick(child);
	assert_int_equal(outcome_cnt(ABI_OK), 2);
	assert_true(frame_is(last_sample(B), 0, "function_52"));
	assert_int_equal(((const struct abi_proc_rec *)last_record(ABI_REC_PROC, B))->ppid, A);
	machine__shutdown();
}

/* Its cgroup and the number that it has in its PID namespace, as user space could not learn them from one that is gone. */
static void what_a_process_is_in(void **state)
{
	struct {
		struct pid pid;
		struct upid more[2];
	} nested = {{.level = 2, .numbers = {{A}}}, {{77}, {7}}};
	struct task *t = boot(*state);
	const struct abi_proc_rec *r;

	t->cgroup_ids[0] = 10;
	t->cgroup_ids[1] = 11;
	t->t.thread_pid = &nested.pid;
	machine__tick(t);
	r = last_record(ABI_REC_PROC, A);
	assert_int_equal(r->cgroup_id, 11);
	assert_int_equal(r->inner_pid, 7);
	nested.pid.level = 0;
	task__exec_memory(t, other_functions(*state));
	task__exec(t, other_functions(*state));
	machine__tick(t);
	assert_int_equal(((const struct abi_proc_rec *)last_record(ABI_REC_PROC, A))->inner_pid, 0);
	machine__shutdown();
}

/* vfork(): its thread pointer is its parent's, so the stack found there would be its parent's. */
static void a_child_in_its_parents_memory(void **state)
{
	struct task *t = boot(*state), *child;

	machine__tick(t);
	child = task__fork(t, B, NULL);
	machine__ticks(child, 2);
	assert_int_equal(outcome_cnt(ABI_STARTING), 2);
	assert_int_equal(last_sample(B)->frame_cnt, 0);
	task__exec(child, other_functions(*state));
	machine__tick(child);
	user__identify(child);
	machine__tick(child);
	assert_true(frame_is(last_sample(B), 0, "function_52"));
	machine__shutdown();
}

static void fork_with_a_full_table(void **state)
{
	struct task *t, *child, *third;

	machine__boot();
	maps__resize(&procs, 2);
	call_functions(*state, 0, 3);
	t = user__profile(A, *state);
	child = task__fork(t, B, other_functions(*state));
	third = task__fork(t, B + 1, other_functions(*state));
	assert_int_equal(targets_alive, 3);
	machine__ticks(third, 3);
	assert_int_equal(outcome_cnt(ABI_PROC_TABLE_FULL), 3);
	assert_int_equal(last_sample(B + 1)->image_id, 0);
	task__exit(child);
	machine__tick(third); /* now there is room */
	assert_non_null(proc_of(third));
	assert_int_equal(outcome_cnt(ABI_PROC_TABLE_FULL), 3);
	assert_int_equal(targets_alive, 2);
	task__exit(third);
	task__reap(third);
	assert_int_equal(targets_alive, 1);
	machine__tick(task__new(B + 1, *state)); /* who has its pid now is not of the tree */
	assert_int_equal(outcome_cnt(ABI_NOT_TARGET), 1);
	machine__shutdown();
}

/* One that never had an entry, and its own children. */
static void unlisted_children(void **state)
{
	struct task *t, *child, *grandchild;

	machine__boot();
	maps__resize(&procs, 1);
	t = user__profile(A, *state);
	child = task__fork(t, B, other_functions(*state));
	grandchild = task__fork(child, B + 1, other_functions(*state));
	assert_int_equal(targets_alive, 3);
	machine__tick(grandchild);
	assert_int_equal(outcome_cnt(ABI_PROC_TABLE_FULL), 1);
	task__exit(child);
	task__exit(grandchild);
	assert_int_equal(targets_alive, 1);
	task__exit(t);
	assert_int_equal(targets_alive, 0);
	machine__shutdown();
}

#ifdef OLD_KERNEL
/* Another CPU counted up at the same time, read the same sum, and was first. */
static void a_number_that_is_taken(void **state)
{
	struct task *t = boot(*state);
	u64 sum = next_image_id + 1;
	u8 nothing = 0;

	bpf_map_update_elem(&claims, &sum, &nothing, BPF_ANY);
	machine__tick(task__fork(t, B, *state));
	assert_int_equal(last_sample(B)->image_id, sum + 1);
	machine__shutdown();
}
#endif

/* ---- a full ring ----------------------------------------------------------------------------------------- */

static void samples_without_room(void **state)
{
	struct task *t = boot(*state);
	struct abi_lost_key key = {.image_id = proc_of(t)->image_id, .outcome = ABI_RING_FULL};
	const struct abi_lost *l;

	ring__limit(0);
	machine__ticks(t, 3);
	assert_int_equal(outcome_cnt(ABI_RING_FULL), 3);
	l = bpf_map_lookup_elem(&lost, &key);
	assert_non_null(l);
	assert_int_equal(l->cnt, 3);
	assert_int_equal(l->value, 3 * MACHINE_PERIOD_NS);
	assert_int_equal(l->tgid, A);
	machine__shutdown();
}

/* However much of a code object's records there was room for, all of it comes at last, and once. */
static void names_without_room(void **state)
{
	static const char lines[400];
	const size_t sample = 8 + sizeof(struct abi_sample) + 4 * sizeof(struct abi_frame);

	for (size_t room = 0; room < 2048; room += 8) {
		struct world *p = another_world(*state);
		struct world_code longer = {"longer", "/app/module.py", 1, 4000, world__bytes(p, lines, sizeof(lines))};
		struct task *t = boot(p);

		world__push(p, world__code(p, &longer), 0, WORLD_THREAD);
		ring__drain();
		ring__limit(sample + room);
		machine__tick(t);
		ring__limit(RING_DEFAULT);
		machine__tick(t);
		assert_true(frame_is(last_sample(A), 0, "longer"));
		assert_true(frame_is(last_sample(A), 3, "function_0"));
		assert_int_equal(record_cnt(ABI_REC_LINES), 4);
		machine__tick(t);
		assert_int_equal(record_cnt(ABI_REC_LINES), 4);
		machine__shutdown();
	}
}

static void a_birth_without_room(void **state)
{
	struct task *t = boot(*state), *child;

	machine__tick(t);
	child = task__fork(t, B, other_functions(*state));
	ring__limit(0);
	machine__tick(child);
	assert_null(last_record(ABI_REC_PROC, B));
	ring__limit(RING_DEFAULT);
	machine__tick(child);
	assert_non_null(last_record(ABI_REC_PROC, B));
	machine__shutdown();
}

static void an_end_without_room(void **state)
{
	struct task *t = boot(*state);

	ring__limit(0);
	task__exec(t, other_functions(*state));
	assert_int_equal(exits_lost, 1);
	machine__tick(t); /* nor is there room to tell of the new image */
	assert_null(last_record(ABI_REC_EXIT, A));
	ring__limit(RING_DEFAULT);
	machine__tick(t);
	user__identify(t);
	machine__tick(t);
	assert_true(frame_is(last_sample(A), 0, "function_52"));
	assert_int_equal(last_sample(A)->image_id,
			 ((const struct abi_proc_rec *)last_record(ABI_REC_PROC, A))->image_id);
	ring__limit(0);
	task__exit(t);
	assert_int_equal(exits_lost, 2);
	machine__shutdown();
}

/* Cached, then another function takes the address: user space is told of it, or of how often it was not told. */
static void an_address_used_again(void **state)
{
	for (int full = 0; full < 2; full++) {
		struct world *p = another_world(*state);
		struct task *t;
		u64 key;

		machine__boot();
		cfg_cache_ns = cfg_cache_numbered_ns = ABI_CACHE_NS;
		call_functions(p, 0, 3);
		t = user__profile(A, p);
		machine__ticks(t, 220);
		assert_true(last_sample(A)->unverified);
		key = ((const struct abi_frame *)(last_sample(A) + 1))->code_key;
		image__put_u32(p->m, image__u64(p->m, p->leaf + p->l.frame_code_off) + p->l.code_firstlineno_off, 77);
		if (full)
			ring__limit(0);
		machine__ticks(t, 60);
		assert_int_equal(record_cnt(ABI_REC_INVALIDATE), !full);
		if (!full)
			assert_int_equal(((const struct abi_invalidate *)last_record(ABI_REC_INVALIDATE, A))->code_key,
					 key);
		assert_int_equal(invalidates_lost, full);
		ring__limit(RING_DEFAULT);
		machine__tick(t);
		assert_false(last_sample(A)->unverified); /* nothing of this process is cached for a while */
		machine__shutdown();
	}
}

/* ---- one hook inside another ----------------------------------------------------------------------------- */

static struct task *ticks_meanwhile;

static void tick_here(void)
{
	machine__tick(ticks_meanwhile);
}

static void tick_elsewhere(void)
{
	machine.cpu = !machine.cpu;
	machine__tick(ticks_meanwhile);
}

/* At any read, on this CPU or another: each source has its own scratch. */
static void a_timer_in_the_middle_of_another_source(void **state)
{
	void (*const hooks[])(void) = {tick_here, tick_elsewhere};

	for (u32 read = 0; read < 32; read++) {
		struct world *other = other_functions(*state);
		struct task *t = boot(another_world(*state)), *second = user__profile(B, other);

		machine.cpu = read % 2;
		machine__tick(t);
		machine__tick(second);
		ticks_meanwhile = read % 4 < 2 ? t : second;
		machine.reads_until = read / 4;
		machine.meanwhile = hooks[read % 4 >= 2];
		machine__other_source(t);
		assert_null(machine.meanwhile);
		assert_int_equal(outcome_cnt(ABI_OK), 4);
		assert_int_equal(last_sample(A)->frame_cnt, 3);
		assert_true(frame_is(last_sample(A), 0, "function_2"));
		assert_true(frame_is(last_sample(A), 2, "function_0"));
		assert_true(frame_is(last_sample(B), 0, "function_52"));
		machine__shutdown();
	}
}

/* A walk in task work, which has no scratch of a CPU's. */
static void a_timer_in_the_middle_of_task_work(void **state)
{
	for (u32 read = 0; read < 30; read++) {
		struct world *other = other_functions(*state);
		struct task *t = boot(another_world(*state)), *second = user__profile(B, other);

		swap_out(t->world);
		t->stays_in_kernel = true;
		machine__tick(t);
		ticks_meanwhile = second;
		machine.reads_until = read;
		machine.meanwhile = tick_here;
		task__resume(t);
		assert_null(machine.meanwhile);
		assert_int_equal(outcome_cnt(ABI_OK), 2);
		assert_true(frame_is(last_sample(A), 0, "function_2"));
		assert_true(frame_is(last_sample(B), 0, "function_52"));
		machine__shutdown();
	}
}

static u32 cold_walks(void)
{
	u32 cnt = 0;

	for (u32 i = 0; i < COLD_SLOTS; i++)
		cnt += ((struct cold_slot *)bpf_map_lookup_elem(&cold_slots, &i))->busy != 0;
	return cnt;
}

static void ticks_join(void)
{
	tick_here();
	assert_int_equal(cold_walks(), 1);
}

/* Ticks before and during a cold walk take part in it: if each asked for its own, a slow one would never let the thread go on. */
static void ticks_before_their_thread_is_back(void **state)
{
	struct task *t = boot(*state);

	swap_out(*state);
	t->stays_in_kernel = true;
	machine__tick(t);
	machine__tick(t);
	assert_int_equal(cold_walks(), 1);
	assert_int_equal(outcome_cnt(ABI_DEFERRED), 2);
	ticks_meanwhile = t;
	machine.meanwhile = ticks_join;
	task__resume(t);
	assert_int_equal(outcome_cnt(ABI_DEFERRED), 0);
	assert_int_equal(outcome_cnt(ABI_OK), 3);
	assert_int_equal(last_sample(A)->value, MACHINE_PERIOD_NS);
	assert_true(frame_is(last_sample(A), 0, "function_2"));
	machine__shutdown();
}

/* The kernel runs no program inside itself; the hook at the timer's expiry knows that there was one to run. */
static void a_tick_in_the_middle_of_a_tick(void **state)
{
	struct task *t = boot(*state);

	ticks_meanwhile = t;
	machine.meanwhile = tick_here;
	machine__tick(t);
	machine__tick(t);
	assert_int_equal(outcome_cnt(ABI_OK), 2);
	assert_int_equal(outcome_cnt(ABI_NOT_RUN), 1);
	machine__shutdown();
}

/* Names are read by the task, while ticks list more of them. */
static void a_tick_while_names_are_read(void **state)
{
	struct world *p = *state;
	struct task *t = boot(p);

	t->stays_in_kernel = true;
	machine__tick(t);
	ticks_meanwhile = t;
	machine.meanwhile = tick_here;
	machine.reads_until = 3;
	task__resume(t);
	assert_int_equal(outcome_cnt(ABI_OK), 2);
	assert_true(frame_is(last_sample(A), 0, "function_2"));
	assert_true(frame_is(last_sample(A), 2, "function_0"));
	machine__shutdown();
}

/* More ticks than there are slots, none of which has come back. */
static void no_slot_is_left(void **state)
{
	struct task *tasks[COLD_SLOTS + 8];

	machine__boot();
	call_functions(*state, 0, 3);
	for (u32 i = 0; i < ARRAY_SIZE(tasks); i++) {
		tasks[i] = user__profile(A + i, *state);
		tasks[i]->stays_in_kernel = true;
	}
	swap_out(*state);
	for (u32 i = 0; i < ARRAY_SIZE(tasks); i++)
		machine__tick(tasks[i]);
	assert_true(outcome_cnt(ABI_DEFERRED) > COLD_SLOTS / 2);
	assert_true(outcome_cnt(ABI_DEFERRED) <= COLD_SLOTS);
	machine__shutdown();
}

/* ---- the clock ------------------------------------------------------------------------------------------- */

static void ticks_that_never_came(void **state)
{
	struct task *t = boot(*state);

	machine__tick(t);
	machine__pause(7);
	machine__tick(t);
	assert_int_equal(outcome_cnt(ABI_LATE), 7);
	assert_int_equal(outcome_cnt(ABI_OK), 2);
	machine__shutdown();
}

/* Also those that never came: another task's are nobody's. */
static void others_are_not_sampled(void **state)
{
	struct task *other, *self;

	boot(*state);
	other = task__new(B, *state);
	self = task__new(MACHINE_SELF, *state);
	machine__ticks(other, 3);
	machine__pause(2);
	machine__tick(other);
	assert_int_equal(outcome_cnt(ABI_NOT_TARGET), 6);
	cfg_mode = TARGET_ALL;
	machine__ticks(self, 2);
	machine__pause(2);
	machine__tick(self);
	assert_int_equal(outcome_cnt(ABI_SELF), 3);
	assert_int_equal(outcome_cnt(ABI_NOT_TARGET), 8);
	assert_int_equal(maps__count(&procs), 1);
	assert_int_equal(record_cnt(ABI_REC_SAMPLE), 1);
	machine__shutdown();
}

static void cgroups_are_chosen(void **state)
{
	struct abi_cgroup_node way = {.node = 1}, chosen = {.node = 2, .chosen = 1};
	struct task *t;

	machine__boot();
	cfg_mode = TARGET_CGROUPS;
	t = task__new(A, *state);
	t->cgroup_ids[0] = 10;
	t->cgroup_ids[1] = 11;
	machine__tick(t);
	bpf_map_update_elem(&cgroups, &t->cgroup_ids[0], &way, BPF_ANY);
	machine__tick(t);
	assert_int_equal(outcome_cnt(ABI_NOT_TARGET), 2);
	bpf_map_update_elem(&cgroups, &t->cgroup_ids[1], &chosen, BPF_ANY);
	machine__tick(t);
	assert_int_equal(outcome_cnt(ABI_IDENTIFYING), 1);
	bpf_map_delete_elem(&cgroups, &t->cgroup_ids[1]);
	machine__tick(t);
	assert_int_equal(outcome_cnt(ABI_NOT_TARGET), 3);
	machine__shutdown();
}

static const struct version_test tests[] = {
	TEST(a_process_is_walked_and_named),
	TEST(others_of_its_program_had_no_interpreter),
	TEST(a_program_that_nobody_knows_is_shown_when_it_begins),
	TEST(code_that_user_space_forgot),
	TEST(code_that_is_forgotten_in_the_middle_of_a_walk),
	TEST(cached_code_that_user_space_forgot),
	TEST(a_source_that_is_fast),
	TEST(a_kernel_without_task_work),
	TEST(exec_between_tick_and_cold_walk),
	TEST(a_tick_in_the_middle_of_exec),
	TEST(exec_begins_a_new_image),
	TEST(a_hint_that_comes_too_late),
	TEST(a_thread_ends_during_a_walk),
	TEST(exit_between_tick_and_cold_walk),
	TEST(names_of_a_process_that_is_being_killed),
	TEST(a_tick_while_a_thread_ends),
	TEST(ticks_of_what_has_ended),
	TEST(a_pid_given_again),
	TEST(numbers_of_images_go_round),
	TEST(a_child_from_its_first_tick_on),
	TEST(what_a_process_is_in),
	TEST(a_child_in_its_parents_memory),
	TEST(fork_with_a_full_table),
	TEST(unlisted_children),
	TEST(samples_without_room),
	TEST(names_without_room),
	TEST(a_birth_without_room),
	TEST(an_end_without_room),
	TEST(an_address_used_again),
	TEST(a_timer_in_the_middle_of_another_source),
	TEST(a_tick_in_the_middle_of_a_tick),
	TEST(ticks_that_never_came),
	TEST(others_are_not_sampled),
	TEST(cgroups_are_chosen),
#ifdef OLD_KERNEL
	TEST(a_number_that_is_taken),
#endif
	/* what a tick leaves to the task */
	TEST(swapped_out_memory_is_brought_in),
	TEST(memory_that_is_swapped_out_again),
	TEST(memory_of_a_program_is_not_brought_in),
	TEST(exec_between_tick_and_names),
	TEST(exec_of_a_known_python),
	TEST(a_timer_in_the_middle_of_task_work),
	TEST(ticks_before_their_thread_is_back),
	TEST(a_tick_while_names_are_read),
	TEST(no_slot_is_left),
};
#define OF_TASK_WORK 9

int main(void)
{
	return run_each_version("race", tests, ARRAY_SIZE(tests) - (HAS_TASK_WORK ? 0 : OF_TASK_WORK));
}
