/* SPDX-License-Identifier: MIT */
/* Windows of a stream: each stands by itself, and what is gone from the machine and from the window is forgotten. */
#include "tests/unit/resolve_world.h"
#include <unistd.h>

static struct profile_builder *next_window(void)
{
	struct profile_builder *last = builder;

	builder = profile_builder__new(true);
	resolve__begin_segment(resolve, profile_builder__sink(builder));
	return last;
}

static const char *root_command(const struct profile *p, size_t bucket)
{
	return p->processes[p->threads[p->buckets[bucket].thread].process].command;
}

/* Ids begin anew, and only what the window's samples refer to is in it. */
static void each_stands_by_itself(void **state)
{
	const struct abi_frame both[] = {{2, 2, 0}, {1, 0, 0}}, one[] = {{1, 4, 0}};
	struct profile *first, *second;

	(void)state;
	emit_process(1, PID(1), 0, "one");
	emit_process(2, PID(2), 0, "two");
	emit_function(1, 1, "f");
	emit_function(1, 2, "g");
	emit_function(2, 3, "h");
	tell_stack(1, 1, both, 2);
	tell_stack(2, 2, (struct abi_frame[]){{3, 0, 0}}, 1);
	flush(3);
	first = profile_builder__finish(next_window());
	tell_stack(1, SECOND, one, 1);
	second = finish();
	assert_int_equal(first->function_cnt, 3);
	assert_int_equal(first->process_cnt, 2);
	assert_int_equal(first->sample_cnt, 2);
	assert_stack(first, 0, "f:10;g:11");
	assert_int_equal(second->function_cnt, 1);
	assert_int_equal(second->stack_cnt, 1);
	assert_int_equal(second->process_cnt, 1);
	assert_int_equal(second->thread_cnt, 1);
	assert_int_equal(second->sample_cnt, 1);
	assert_stack(second, 0, "f:12");
	assert_string_equal(root_command(second, 0), "one");
	profile__free(first);
	profile__free(second);
}

/* A sample whose names are not here yet belongs to the window in which they come; a loss to the one it was in. */
static void what_waits_and_what_is_lost(void **state)
{
	const struct abi_frame stack[] = {{1, 0, 0}};
	struct profile *first, *second;

	(void)state;
	emit_process(1, PID(1), 0, "one");
	tell_stack(1, 1, stack, 1);
	tell_lost(1, ABI_RING_FULL, 7);
	first = profile_builder__finish(next_window());
	emit_function(1, 1, "f");
	tell_lost(1, ABI_RING_FULL, 5);
	second = finish();
	assert_int_equal(first->sample_cnt, 0);
	assert_int_equal(find_loss(first, 1, "ring_full")->count, 7);
	assert_int_equal(second->sample_cnt, 1);
	assert_stack(second, 0, "f:10");
	assert_int_equal(find_loss(second, 1, "ring_full")->count, 5);
	profile__free(first);
	profile__free(second);
}

static void tell_cpu(uint32_t image_id, uint64_t cpu_ns)
{
	struct abi_cpu_rec r = {.image_id = image_id, .cpu_ns = cpu_ns};

	resolve__cpu(resolve, &r);
}

/* The kernel's clock of a process that ended in the second window, of which the first had nothing to tell. */
static void clocks_are_the_windows(void **state)
{
	const struct abi_frame stack[] = {{1, 0, 0}};
	struct profile *first, *second;
	struct process *p;

	(void)state;
	tell_born(1, SECOND);
	emit_function(1, 1, "f");
	tell_stack(1, 1, stack, 1);
	flush(2);
	p = processes__find(processes, 1);
	p->cpu_ns = 3 * SECOND; /* as read from /proc at the end of the window */
	resolve__read_cpu(resolve, false);
	first = profile_builder__finish(next_window());
	tell_stack(1, SECOND, stack, 1);
	tell_exit(1);
	tell_cpu(1, 10 * SECOND);
	second = finish();
	assert_int_equal(first->processes[1].cpu_ns, 2 * SECOND);
	assert_int_equal(second->processes[1].cpu_ns, 7 * SECOND);
	profile__free(first);
	profile__free(second);
}

/* A name that was found out in one window is known in the next; one that is found out later reaches that one. */
static void names_of_threads(void **state)
{
	const struct abi_frame stack[] = {{1, 0, 0}};
	struct profile *first, *second;

	(void)state;
	emit_process(1, PID(1), 0, "one");
	emit_function(1, 1, "f");
	emit_sample(&(struct made_sample){.image_id = 1, .tid = 7, .frames = stack, .cnt = 1});
	tell_stack(1, 2, stack, 1);
	first = profile_builder__finish(next_window());
	tell_stack(1, 3, stack, 1);
	emit_sample(&(struct made_sample){.image_id = 1, .tid = 7, .at_ns = 4, .frames = stack, .cnt = 1});
	second = finish();
	assert_string_equal(first->threads[1].name, "python3");
	assert_string_equal(first->threads[2].name, "MainThread");
	assert_string_equal(second->threads[1].name, "MainThread");
	assert_string_equal(second->threads[2].name, "python3");
	assert_int_equal(second->threads[2].tid, 7);
	profile__free(first);
	profile__free(second);
}

/* ---- memory ------------------------------------------------------------------------------------------------- */

#define STORM 2000 /* processes a window */

/* Each with ten functions of its own, in one stack. */
static void live_and_die(uint32_t image_id)
{
	struct abi_frame stack[10];
	char name[32];

	emit_process(image_id, PID(image_id), 0, "storm");
	for (uint32_t f = 0; f < 10; f++) {
		uint64_t key = (uint64_t)image_id * 16 + f + 1;

		snprintf(name, sizeof(name), "f%u_%u", image_id, f);
		emit_function(image_id, key, name);
		stack[f] = (struct abi_frame){.code_key = key};
	}
	tell_stack(image_id, image_id, stack, 10);
	tell_exit(image_id);
	flush(image_id);
}

static size_t storm(uint32_t *image_id)
{
	struct profile *p;

	for (unsigned i = 0; i < STORM; i++)
		live_and_die(++*image_id);
	p = profile_builder__finish(next_window());
	assert_int_equal(p->sample_cnt, STORM);
	assert_int_equal(p->function_cnt, 10 * STORM);
	assert_int_equal(p->process_cnt, STORM);
	profile__free(p);
	return in_use();
}

static void the_gone_cost_nothing(void **state)
{
	uint32_t image_id = 0;
	size_t after_four, after_twenty;

	(void)state;
	for (int i = 0; i < 4; i++) /* till the hash tables are as wide as they get */
		after_four = storm(&image_id);
	for (int i = 0; i < 16; i++)
		after_twenty = storm(&image_id);
	assert_true(after_twenty < after_four + after_four / 50);
	profile__free(finish());
	assert_int_equal(image_id, 20 * STORM);
}

/* One process, and threads without end: no two at a time. */
static void threads_that_ended_cost_nothing(void **state)
{
	const struct abi_frame stack[] = {{1, 0, 0}};
	size_t early = 0;

	(void)state;
	emit_process(1, PID(1), 0, "one");
	emit_function(1, 1, "f");
	for (uint32_t tid = 10; tid < 100010; tid++) {
		emit_sample(&(struct made_sample){
			.image_id = 1, .tid = tid, .at_ns = tid * SECOND / 10, .frames = stack, .cnt = 1});
		if (tid % 10000 == 0) {
			profile__free(profile_builder__finish(next_window()));
			early = early ? early : in_use();
		}
	}
	assert_true(in_use() < 2 * early);
	profile__free(finish());
}

/* The summary is of all that there were, though not all can be told of. */
static void the_past_is_added_up(void **state)
{
	const struct processes_past *past;
	uint32_t image_id = 0;

	(void)state;
	storm(&image_id);
	past = processes__past(processes);
	assert_int_equal(past->python, STORM - 1000);
	assert_int_equal(past->version_cnt, 1);
	assert_string_equal(past->versions[0].version, "3.12.1");
	assert_int_equal(past->versions[0].cnt, STORM - 1000);
	profile__free(finish());
}

/* Without caches of freed pieces, what malloc says is in use is. */
static void without_caches(char **argv)
{
	if (getenv("GLIBC_TUNABLES"))
		return;
	setenv("GLIBC_TUNABLES", "glibc.malloc.tcache_count=0:glibc.malloc.mxfast=0", 1);
	execv("/proc/self/exe", argv);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(each_stands_by_itself, begin),
		cmocka_unit_test_setup(what_waits_and_what_is_lost, begin),
		cmocka_unit_test_setup(clocks_are_the_windows, begin),
		cmocka_unit_test_setup(names_of_threads, begin),
		cmocka_unit_test_setup(the_gone_cost_nothing, begin),
		cmocka_unit_test_setup(threads_that_ended_cost_nothing, begin),
		cmocka_unit_test_setup(the_past_is_added_up, begin),
	};

	(void)argc;
	without_caches(argv);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
