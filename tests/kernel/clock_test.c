/* SPDX-License-Identifier: MIT */
/* The sampling clock, bpf/source/cpu.bpf.c: what an expiry stands for, and what became of those that did not come. */
#include "tests/host/versions.h"
#include "tests/kernel/machine.h"

#define A 100
#define P ((u64)MACHINE_PERIOD_NS)

static struct abi_clock *this_clock(void)
{
	return bpf_map_lookup_elem(&clocks, &machine.cpu);
}

static u64 last_value(void)
{
	const struct abi_sample *s = last_record(ABI_REC_SAMPLE, A);

	assert_non_null(s);
	return s->value;
}

static struct task *boot(struct world *p)
{
	struct task *t;

	machine__boot();
	world__enter(p);
	world__push(p, world__function(p, 1), 0, WORLD_THREAD);
	t = user__profile(A, p);
	machine__tick(t);
	return t;
}

static void expiries_on_the_grid(void **state)
{
	struct task *t = boot(*state);

	machine__ticks(t, 5);
	assert_int_equal(last_value(), P);
	assert_int_equal(this_clock()->timer_cnt, 7);
	assert_int_equal(this_clock()->timer_ns, 7 * P);
	assert_int_equal(this_clock()->value_ns, 7 * P);
	machine__shutdown();
}

static void other_timers_are_not_ours(void **state)
{
	struct task *t = boot(*state);

	machine__other_timer(t);
	machine__tick(t);
	assert_int_equal(this_clock()->timer_cnt, 3);
	machine__shutdown();
}

/* Their time is known, but nobody ran. */
static void expiries_while_idle(void **state)
{
	struct task *t = boot(*state);

	machine__tick_after(NULL, P);
	machine__tick_after(NULL, P);
	machine__tick(t);
	assert_int_equal(this_clock()->timer_cnt, 3);
	assert_int_equal(this_clock()->timer_ns, 5 * P);
	assert_int_equal(this_clock()->value_ns, 3 * P);
	machine__shutdown();
}

/* The kernel starts a new period at once: the tick stands for the part of the old one, too. */
static void a_redrawn_period(void **state)
{
	struct task *t = boot(*state);

	this_clock()->next_period_ns = 2 * P;
	machine__tick_after(t, P / 4 + 2 * P);
	assert_int_equal(last_value(), P / 4 + 2 * P);
	machine__tick_after(t, 2 * P);
	assert_int_equal(last_value(), 2 * P);
	assert_int_equal(this_clock()->timer_ns, 6 * P + P / 4);
	machine.missed = 2;
	machine__tick_after(t, 6 * P + P / 2); /* not another redraw */
	assert_int_equal(outcome_cnt(ABI_THROTTLED), 2);
	machine__shutdown();
}

/* After it was throttled the timer starts anew, off the grid. */
static void a_throttled_timer(void **state)
{
	struct task *t = boot(*state);

	machine.missed = 4;
	machine__tick_after(t, 5 * P + P / 4);
	assert_int_equal(outcome_cnt(ABI_THROTTLED), 4);
	assert_int_equal(outcome_cnt(ABI_LATE), 0);
	assert_int_equal(last_value(), P);
	assert_int_equal(this_clock()->timer_ns, 7 * P + P / 4);
	machine__shutdown();
}

/* It stops and goes on with its cgroup, so gaps say nothing; user space adds what redraws have thrown away. */
static void a_timer_of_a_cgroup(void **state)
{
	struct task *t;

	machine__boot();
	cfg_scoped = true;
	t = user__profile(A, *state);
	machine__tick_after(t, 9 * P + 7);
	assert_int_equal(last_value(), P);
	this_clock()->carry_ns = P / 2;
	this_clock()->next_period_ns = 3 * P;
	machine__tick_after(t, 5 * P);
	assert_int_equal(last_value(), 3 * P + P / 2);
	machine__tick_after(t, P);
	assert_int_equal(last_value(), 3 * P);
	assert_int_equal(outcome_cnt(ABI_LATE) + outcome_cnt(ABI_THROTTLED), 0);
	machine__shutdown();
}

static const struct version_test tests[] = {
	TEST(expiries_on_the_grid), TEST(other_timers_are_not_ours), TEST(expiries_while_idle),
	TEST(a_redrawn_period),     TEST(a_throttled_timer),         TEST(a_timer_of_a_cgroup),
};

int main(void)
{
	return run_each_version("clock", tests, ARRAY_SIZE(tests));
}
