/* SPDX-License-Identifier: MIT */
/* What page faults brought, bpf/source/faults.bpf.c: by the kernel's sum, which lags behind, falls and jumps. */
#include "tests/host/versions.h"
#include "tests/kernel/machine.h"

#define A     100
#define B     101
#define BATCH 32  /* lib/percpu_counter.c: pages that a CPU adds to the sum at a time */
#define HUGE  512 /* pages */

static u64 cnt_of(enum abi_outcome outcome)
{
	return maps__sum(&outcomes, ABI_SOURCE_FAULTS * ABI_OUTCOME_CNT + outcome);
}

/* In pages, of all samples so far. */
static u64 sampled(void)
{
	u64 sum = 0;
	const struct abi_hdr *h;

	for (size_t i = 0; (h = ring__record(i)); i++)
		if (h->kind == ABI_REC_SAMPLE && ((const struct abi_sample *)h)->source == ABI_SOURCE_FAULTS)
			sum += ((const struct abi_sample *)h)->value / cfg_page_bytes;
	return sum;
}

/* Of that address space no sample stands for so many yet. */
static u64 unsent(const struct task *t)
{
	u64 key = (u64)t->t.mm;
	const struct growth *g = bpf_map_lookup_elem(&growths, &key);

	assert_non_null(g);
	return g->unsent;
}

/* Its first fault only begins. */
static struct task *boot(struct world *p)
{
	struct task *t;

	machine__boot();
	maps__resize(&growths, 8);
	world__enter(p);
	world__push(p, world__function(p, 1), 0, WORLD_THREAD);
	t = user__profile(A, p);
	machine__fault(t, 1000);
	return t;
}

static void a_page_for_each_fault(void **state)
{
	struct task *t = boot(*state);

	for (u32 i = 1; i <= 1000; i++) {
		machine__fault(t, 1000 + i / BATCH * BATCH);
		assert_int_equal(sampled() + unsent(t), i);
	}
	assert_in_range(cnt_of(ABI_OK), 1000 / (cfg_growth_pages * 3 / 2 + 1), 1000 / (cfg_growth_pages / 2));
	machine__shutdown();
}

static void a_huge_page_is_the_fault_s_that_brought_it(void **state)
{
	struct task *t = boot(*state);

	machine__fault(t, 1000);
	machine__fault(t, 1000 + HUGE + 1);
	assert_int_equal(sampled(), HUGE + 1);
	assert_int_equal(unsent(t), 0);
	assert_int_equal(cnt_of(ABI_OK), 1);
	machine__shutdown();
}

static void what_is_given_back_is_not_subtracted(void **state)
{
	struct task *t = boot(*state);

	for (u32 i = 0; i < 4; i++) {
		machine__fault(t, 1000 + HUGE);
		machine__fault(t, 1000);
	}
	/* of the faults at which it was less, each may have brought one; the sum tells the next time */
	assert_in_range(sampled() + unsent(t), 4 * HUGE, 4 * HUGE + 4);
	machine__shutdown();
}

/* Pages that were only read, or shared with a parent. The sum may lag, so a few are believed. */
static void faults_that_bring_nothing(void **state)
{
	struct task *t = boot(*state);

	for (u32 i = 0; i < 1000; i++)
		machine__fault(t, 1000);
	assert_int_equal(sampled() + unsent(t), cfg_growth_ahead);
	for (u32 i = 1; i <= 1000; i++) /* and are set off when it grows */
		machine__fault(t, 1000 + i);
	assert_int_equal(sampled() + unsent(t), cfg_growth_ahead + 1000);
	machine__shutdown();
}

static void of_others_there_are_none(void **state)
{
	struct task *t = boot(*state), *other = task__new(B, another_world(*state));

	for (u32 i = 0; i < 100; i++)
		machine__fault(other, i * HUGE);
	assert_int_equal(cnt_of(ABI_NOT_TARGET), 100);
	assert_int_equal(sampled() + unsent(t), 0);
	machine__shutdown();
}

static const struct version_test tests[] = {
	TEST(a_page_for_each_fault),
	TEST(a_huge_page_is_the_fault_s_that_brought_it),
	TEST(what_is_given_back_is_not_subtracted),
	TEST(faults_that_bring_nothing),
	TEST(of_others_there_are_none),
};

int main(void)
{
	return run_each_version("growth", tests, ARRAY_SIZE(tests));
}
