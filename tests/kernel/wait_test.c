/* SPDX-License-Identifier: MIT */
/* Waits, bpf/source/offcpu.bpf.c: what each stands for and why, and that none goes missing (machine__shutdown()). */
#include "tests/host/versions.h"
#include "tests/kernel/machine.h"

#define A        100 /* process ids */
#define B        101
#define SLEEPS   1 /* include/linux/sched.h: TASK_INTERRUPTIBLE … */
#define STOPS    4
#define DEAD     128
#define T        ((u64)MACHINE_WAIT_NS)
#define SLACK_NS 10000 /* that the machine's own looks at the clock take */
#define A_CALL   230

static struct task *boot(struct world *p)
{
	machine__boot();
	world__enter(p);
	world__push(p, world__function(p, 1), 0, WORLD_THREAD);
	return user__profile(A, p);
}

/* It sleeps so long, then goes on in user mode. */
static void wait_for(struct task *t, u64 ns)
{
	t->t.__state = SLEEPS;
	machine__switch(t, NULL, 0);
	machine__switch(NULL, t, ns);
	t->t.__state = 0;
	task__resume(t);
}

static const struct abi_sample *last_sample(void)
{
	const struct abi_sample *s = last_record(ABI_REC_SAMPLE, A);

	assert_non_null(s);
	return s;
}

static void a_long_wait_stands_for_itself(void **state)
{
	struct task *t = boot(*state);

	task__call(t, A_CALL, 7, 8);
	wait_for(t, 50 * T);
	assert_int_equal(wait_outcome_cnt(ABI_OK), 1);
	assert_in_range(last_sample()->value, 50 * T, 50 * T + SLACK_NS);
	assert_int_equal(last_sample()->source, ABI_SOURCE_OFFCPU);
	assert_int_equal(last_sample()->why.wait, ABI_WAIT_CALL);
	assert_int_equal(last_sample()->why.call, A_CALL);
	assert_true(frame_is(last_sample(), 0, "function_1"));
	machine__shutdown();
}

/* Many short ones: their samples add up to what they took, within chance (4.5 deviations of a binomial draw). */
static void short_waits_add_up(void **state)
{
	struct task *t = boot(*state);
	u64 cnt = 20000, before = record_cnt(ABI_REC_SAMPLE), kept;

	ring__limit(64 << 20);
	for (u64 i = 0; i < cnt; i++)
		wait_for(t, T / 10);
	kept = record_cnt(ABI_REC_SAMPLE) - before;
	assert_int_equal(last_sample()->value, T);
	assert_in_range(kept * T, wait_counted().ended_ns - 191 * T, wait_counted().ended_ns + 191 * T);
	assert_int_equal(wait_outcome_cnt(ABI_STOOD_FOR), cnt - kept);
	machine__shutdown();
}

/* In one system call the stack stays the same, so one sample has the time of all. */
static void waits_before_the_thread_is_back(void **state)
{
	struct task *t = boot(*state);

	t->t.__state = SLEEPS;
	task__call(t, A_CALL, 7, 8);
	for (u32 i = 0; i < 3; i++) {
		machine__switch(t, NULL, 0);
		machine__switch(NULL, t, 2 * T);
	}
	assert_int_equal(wait_outcome_cnt(ABI_DEFERRED), 1);
	task__resume(t);
	assert_int_equal(wait_outcome_cnt(ABI_OK), 1);
	assert_int_equal(wait_outcome_cnt(ABI_STOOD_FOR), 2);
	assert_in_range(last_sample()->value, 6 * T, 6 * T + SLACK_NS);
	machine__shutdown();
}

/* Preempted in the same call: the same stack, but another reason. */
static void another_reason_before_the_thread_is_back(void **state)
{
	struct task *t = boot(*state);

	t->t.__state = SLEEPS;
	task__call(t, A_CALL, 7, 8);
	machine__switch(t, NULL, 0);
	machine__switch(NULL, t, 2 * T);
	t->t.__state = 0;
	machine__switch(t, NULL, 0);
	machine__switch(NULL, t, 3 * T);
	assert_int_equal(wait_outcome_cnt(ABI_DEFERRED), 2);
	task__resume(t);
	assert_int_equal(wait_outcome_cnt(ABI_OK), 2);
	machine__shutdown();
}

static u32 reason(struct task *t, u32 task_state)
{
	t->t.__state = task_state;
	machine__switch(t, NULL, 0);
	machine__switch(NULL, t, 2 * T);
	task__resume(t);
	return last_sample()->why.wait;
}

static void reasons(void **state)
{
	struct task *t = boot(*state);
	struct cfs_rq queue = {.throttle_count = 1};

	task__call(t, -1, 0, 0);
	assert_int_equal(reason(t, 0), ABI_WAIT_CPU);
	assert_int_equal(reason(t, SLEEPS), ABI_WAIT_FAULT);
	assert_int_equal(reason(t, STOPS), ABI_WAIT_STOPPED);
	task__call(t, A_CALL, 0, 0);
	assert_int_equal(reason(t, SLEEPS), ABI_WAIT_CALL);
	t->t.jobctl = 1 << 23; /* include/linux/sched/jobctl.h: JOBCTL_TRAP_FREEZE */
	assert_int_equal(reason(t, SLEEPS), ABI_WAIT_FROZEN);
	t->t.jobctl = 0;
	t->t.throttled = true;
	t->t.se.cfs_rq = &queue;
	assert_int_equal(reason(t, 0), ABI_WAIT_QUOTA);
	assert_int_equal(reason(t, SLEEPS), ABI_WAIT_CALL);
	machine__shutdown();
}

static void the_file_that_is_waited_for(void **state)
{
	struct task *t = boot(*state);
	struct inode pipe = {.i_mode = 0010600}, end = {.i_mode = 0140777}; /* include/uapi/linux/stat.h */
	struct sock sock = {.__sk_common = {.skc_family = 2, .skc_dport = __builtin_bswap16(5432)}};
	struct socket socket = {.sk = &sock};
	struct file files[] = {{.f_inode = &pipe}, {.f_inode = &end, .private_data = &socket}};
	struct file *fds[] = {&files[0], &files[1]};
	struct fdtable table = {.max_fds = 2, .fd = fds};

	t->t.files->fdt = &table;
	task__call(t, A_CALL, 0, 8);
	wait_for(t, 2 * T);
	assert_int_equal(last_sample()->why.fd, ABI_FD_PIPE);
	task__call(t, A_CALL, 1, 8);
	wait_for(t, 2 * T);
	assert_int_equal(last_sample()->why.fd, ABI_FD_SOCKET);
	assert_int_equal(last_sample()->why.port, 5432);
	task__call(t, A_CALL, 2, 8);
	wait_for(t, 2 * T);
	assert_int_equal(last_sample()->why.fd, ABI_FD_OTHER);
	task__call(t, A_CALL, 0, 0);
	wait_for(t, 2 * T);
	assert_int_equal(last_sample()->why.fd, ABI_FD_NONE);
	machine__shutdown();
}

/* Not a wait: it never comes back. A later thread of that number begins anew. */
static void a_thread_that_ends(void **state)
{
	struct task *t = boot(*state), *thread = task__thread(t, A + 1);
	struct abi_wait_counts before;

	wait_for(thread, 2 * T);
	assert_int_equal(maps__count(&waits), 1);
	before = wait_counted();
	task__exit(thread);
	thread->t.__state = DEAD;
	machine__switch(thread, t, 0);
	assert_int_equal(wait_counted().begun, before.begun);
	assert_int_equal(maps__count(&waits), 0);
	machine__shutdown();
}

/* Killed while it waits: it comes in once more, to end. */
static void a_thread_that_is_killed(void **state)
{
	struct task *t = boot(*state), *thread = task__thread(t, A + 1);

	thread->t.__state = SLEEPS;
	machine__switch(thread, NULL, 0);
	machine__switch(NULL, thread, 2 * T);
	task__exit(thread);
	assert_int_equal(wait_outcome_cnt(ABI_EXITING), 1);
	machine__shutdown();
}

/* The kernel has not told of the switch back: what the thread ran for since is known. */
static void a_switch_that_nobody_told_of(void **state)
{
	struct task *t = boot(*state);

	t->t.__state = SLEEPS;
	machine__switch(t, NULL, 0);
	t->t.se.sum_exec_runtime += 3 * T;
	machine__switch(t, NULL, 10 * T);
	assert_int_equal(wait_outcome_cnt(ABI_UNSEEN), 1);
	assert_in_range(wait_counted().ended_ns, 7 * T, 7 * T + SLACK_NS);
	machine__shutdown();
}

static void others_are_not_followed(void **state)
{
	struct task *t = boot(*state), *other = task__new(B, *state);

	wait_for(other, 2 * T);
	assert_int_equal(wait_counted().begun, 0);
	machine__switch(t, other, 0);
	machine__switch(other, t, 2 * T);
	assert_int_equal(wait_counted().begun, 1);
	assert_int_equal(wait_counted().ended, 1);
	machine__shutdown();
}

/* What waits while nobody has room for it is known to be lost. */
static void no_slot_is_left(void **state)
{
	struct task *t = boot(*state);

	for (u32 i = 0; i < WAIT_SLOTS; i++)
		((struct wait_slot *)bpf_map_lookup_elem(&wait_slots, &i))->busy = B;
	wait_for(t, 2 * T);
	for (u32 i = 0; i < WAIT_SCRATCHES; i++)
		((struct wait_scratch *)bpf_map_lookup_elem(&wait_scratches, &i))->busy = B;
	for (u32 i = 0; i < WAIT_SLOTS; i++)
		((struct wait_slot *)bpf_map_lookup_elem(&wait_slots, &i))->busy = 0;
	wait_for(t, 2 * T);
	for (u32 i = 0; i < WAIT_SCRATCHES; i++)
		((struct wait_scratch *)bpf_map_lookup_elem(&wait_scratches, &i))->busy = 0;
	assert_int_equal(wait_outcome_cnt(ABI_NO_SLOT), 2);
	machine__shutdown();
}

static void more_threads_than_there_is_room_for(void **state)
{
	struct task *t = boot(*state);

	for (u32 i = 1; i <= 70; i++)
		wait_for(task__thread(t, A + i), 2 * T);
	assert_int_equal(wait_outcome_cnt(ABI_OK) + wait_outcome_cnt(ABI_NO_TSTATE), 64);
	assert_int_equal(wait_outcome_cnt(ABI_NO_SLOT), 6);
	machine__shutdown();
}

/* ---- without task work: the stack is that of the wait's beginning -------------------------------------------- */

static u32 kept_cnt(void)
{
	u32 cnt = 0;

	for (u32 i = 0; i < KEPT_WAITS; i++)
		cnt += ((struct kept_wait *)bpf_map_lookup_elem(&kept_waits, &i))->busy != 0;
	return cnt;
}

static struct task *boot_to_keep(struct world *p)
{
	struct task *t = boot(p);

	cfg_keep_waits = machine.no_task_work = true;
	return t;
}

static void a_stack_is_kept(void **state)
{
	struct task *t = boot_to_keep(*state);

	t->t.__state = SLEEPS;
	task__call(t, A_CALL, 7, 8);
	machine__switch(t, NULL, 0);
	assert_int_equal(record_cnt(ABI_REC_SAMPLE), 1); /* from before it was identified */
	world__push(*state, world__function(*state, 2), 0, WORLD_THREAD);
	machine__switch(NULL, t, 3 * T);
	assert_int_equal(wait_outcome_cnt(ABI_OK), 1);
	assert_in_range(last_sample()->value, 3 * T, 3 * T + SLACK_NS);
	assert_int_equal(last_sample()->frame_cnt, 1);
	assert_true(frame_is(last_sample(), 0, "function_1"));
	machine__shutdown();
}

static void what_is_kept_is_given_back(void **state)
{
	struct task *t = boot_to_keep(*state), *thread = task__thread(t, A + 1);

	wait_for(thread, 2 * T);
	assert_int_equal(kept_cnt(), 1);
	wait_for(thread, 2 * T);
	assert_int_equal(kept_cnt(), 1);
	task__exit(thread);
	thread->t.__state = DEAD;
	machine__switch(thread, t, 0);
	assert_int_equal(kept_cnt(), 0);
	machine__shutdown();
}

static void nothing_can_be_kept(void **state)
{
	struct task *t = boot_to_keep(*state);

	for (u32 i = 0; i < KEPT_WAITS; i++)
		((struct kept_wait *)bpf_map_lookup_elem(&kept_waits, &i))->busy = B;
	wait_for(t, 2 * T);
	wait_for(t, 2 * T);
	assert_int_equal(wait_outcome_cnt(ABI_NO_SLOT), 2);
	machine__shutdown();
}

static void no_room_for_what_was_kept(void **state)
{
	struct task *t = boot_to_keep(*state);

	wait_for(t, 2 * T);
	ring__limit(0);
	wait_for(t, 2 * T);
	assert_int_equal(wait_outcome_cnt(ABI_RING_FULL), 1);
	assert_int_equal(wait_outcome_cnt(ABI_OK), 1);
	machine__shutdown();
}

/* One that --gil leaves out, or of another kind, has no record. */
static void nothing_to_be_kept(void **state)
{
	struct task *t = boot_to_keep(*state);

	cfg_gil_only = true;
	wait_for(t, 2 * T);
	cfg_gil_only = false;
	assert_int_equal(wait_outcome_cnt(ABI_NO_GIL) + wait_outcome_cnt(ABI_GILLESS) + wait_outcome_cnt(ABI_OK), 1);
	machine__shutdown();
}

static const struct version_test tests[] = {
	TEST(others_are_not_followed),
	TEST(a_thread_that_ends),
	TEST(a_switch_that_nobody_told_of),
	TEST(a_long_wait_stands_for_itself),
	TEST(short_waits_add_up),
	TEST(reasons),
	TEST(the_file_that_is_waited_for),
	TEST(more_threads_than_there_is_room_for),
	TEST(a_stack_is_kept),
	TEST(what_is_kept_is_given_back),
	TEST(nothing_can_be_kept),
	TEST(no_room_for_what_was_kept),
	TEST(nothing_to_be_kept),
	/* what a wait leaves to the thread */
	TEST(waits_before_the_thread_is_back),
	TEST(another_reason_before_the_thread_is_back),
	TEST(a_thread_that_is_killed),
	TEST(no_slot_is_left),
};
#define OF_TASK_WORK 4

int main(void)
{
	return run_each_version("wait", tests, ARRAY_SIZE(tests) - (HAS_TASK_WORK ? 0 : OF_TASK_WORK));
}
