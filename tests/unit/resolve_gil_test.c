/* SPDX-License-Identifier: MIT */
/* Waits for the GIL: what stands above the stack that waits, whose a stack is that another thread read, and their table. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include "tests/unit/resolve_world.h"
#include "user/profile/gil_waits.h"

#define WAITER 7
#define HOLDER 8

enum { WAITS, HOLDS }; /* functions, too */

static const struct profile_value_type types[] = {
	{.name = "gil", .label = "GIL wait", .sentence = "", .unit = PROFILE_NANOSECONDS},
	{.name = "gil_held", .label = "GIL held", .sentence = "", .unit = PROFILE_NANOSECONDS},
};

static int begin_gil(void **state)
{
	begin(state);
	resolve__add_source(resolve, ABI_SOURCE_GIL, &(struct resolve_source){.types = types, .type_cnt = 2});
	emit_function(1, 1 + WAITS, "waits");
	emit_function(1, 1 + HOLDS, "holds");
	return 0;
}

static void tell(const struct abi_frame *frames, uint32_t cnt, uint32_t tid, uint8_t type)
{
	struct abi_sample *r = sample_record(1, ABI_OK, frames, cnt);

	r->hdr.tgid = PID(1);
	r->hdr.tid = tid;
	r->hdr.time_ns = START;
	r->thread_ident = tid;
	r->thread_start_ns = type == HOLDS ? 0 : tid * SECOND;
	r->flags = type == HOLDS ? ABI_SAMPLE_FOREIGN : 0;
	r->source = ABI_SOURCE_GIL;
	r->type = type;
	r->value = PERIOD;
	strcpy(r->comm, "python3");
	resolve__sample(resolve, r);
	free(r);
}

/* `function`, `holder` 0: not known. */
static void tell_wait(uint64_t function, uint64_t holder)
{
	const struct abi_frame frames[] = {{function, 0, ABI_FRAME_GIL_FUNCTION},
					   {holder, (int32_t)holder, ABI_FRAME_GIL_THREAD},
					   {1 + WAITS, 0, ABI_FRAME_PYTHON}};

	tell(frames, 3, WAITER, WAITS);
}

static void tell_held(void)
{
	const struct abi_frame frame = {1 + HOLDS, 0, ABI_FRAME_PYTHON};

	tell(&frame, 1, HOLDER, HOLDS);
}

static const char *name_at(const struct profile *p, uint32_t stack, uint32_t above)
{
	while (above--)
		stack = p->stacks[stack].parent;
	return stack ? p->functions[p->frames[p->stacks[stack].frame].function].name : "";
}

static uint32_t stack_of_wait(const struct profile *p)
{
	for (size_t i = 0; i < p->bucket_cnt; i++)
		if (p->buckets[i].type == WAITS)
			return p->buckets[i].stack;
	return 0;
}

static void check_wait(const char *held_by)
{
	struct profile *p = finish();
	uint32_t stack = stack_of_wait(p);

	assert_string_equal(name_at(p, stack, 0), held_by);
	assert_string_equal(name_at(p, stack, 1), GIL_WAIT_NAME);
	assert_string_equal(name_at(p, stack, 2), "waits");
	assert_int_equal(p->stacks[p->stacks[p->stacks[stack].parent].parent].parent, 0);
	profile__free(p);
}

static void thread_and_function(void **state)
{
	(void)state;
	tell_held();
	tell_wait(1 + HOLDS, HOLDER);
	check_wait("[held by python3 in holds (m.py)]");
}

static void the_function_is_not_known(void **state)
{
	(void)state;
	tell_held();
	tell_wait(0, HOLDER);
	check_wait("[held by python3]");
}

static void nobody(void **state)
{
	(void)state;
	tell_wait(0, 0);
	check_wait(GIL_NOBODY);
}

static void a_thread_without_samples(void **state)
{
	(void)state;
	tell_wait(1 + HOLDS, HOLDER);
	check_wait("[held by another thread in holds (m.py)]");
}

/* Before or after it has had samples of its own, it is one thread. */
static void one_thread(void **state)
{
	const struct abi_frame frame = {1 + WAITS, 0, ABI_FRAME_PYTHON};
	struct profile *p;

	(void)state;
	tell_held();
	tell(&frame, 1, HOLDER, WAITS);
	tell_held();
	tell(&frame, 1, HOLDER, WAITS);
	p = finish();
	assert_int_equal(p->thread_cnt, 1);
	assert_int_equal(p->threads[1].tid, HOLDER);
	profile__free(p);
}

static void the_table(void **state)
{
	struct gil_wait all, *waits;
	struct profile *p;
	char *holder;
	size_t cnt;

	(void)state;
	tell_held();
	for (int i = 0; i < 3; i++)
		tell_wait(1 + HOLDS, HOLDER);
	tell_wait(0, 0);
	p = finish();
	waits = gil_waits_of(p, &cnt, &all);
	assert_int_equal(cnt, 2);
	assert_int_equal(all.value, 4 * PERIOD);
	assert_int_equal(waits[0].value, 3 * PERIOD);
	assert_int_equal(waits[0].samples, 3);
	assert_int_equal(p->threads[waits[0].thread].tid, WAITER);
	holder = gil_wait_holder(p, &waits[0]);
	assert_string_equal(holder, "python3 in holds (m.py)");
	free(holder);
	free(waits);
	profile__free(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(thread_and_function, begin_gil),
		cmocka_unit_test_setup(the_function_is_not_known, begin_gil),
		cmocka_unit_test_setup(nobody, begin_gil),
		cmocka_unit_test_setup(a_thread_without_samples, begin_gil),
		cmocka_unit_test_setup(one_thread, begin_gil),
		cmocka_unit_test_setup(the_table, begin_gil),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
