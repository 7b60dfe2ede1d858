/* SPDX-License-Identifier: MIT */
/* What is told of a process's mappings: this one's. */
#include "user/target/native_spaces.h"
#include "user/util/alloc.h"
#include "user/util/clock.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>
#include <cmocka.h>

#define IMAGE 7

struct world {
	struct native_files *files;
	struct native_spaces *spaces;
	unsigned told, refusals;
	uint64_t now_ns;
};

static bool changed(void *ctx, struct native_space *s)
{
	struct world *w = ctx;

	assert_int_equal(s->image_id, IMAGE);
	assert_true(s->maps.cnt);
	return w->told++ >= w->refusals;
}

static void forget(void *ctx, struct native_space *s)
{
	(void)ctx;
	(void)s;
}

static void poll_spaces(struct world *w)
{
	static const struct native_spaces_ops ops = {changed, forget};

	w->now_ns += 1000000;
	native_spaces__poll(w->spaces, w->now_ns, &ops, w);
}

static int set_up(void **state)
{
	struct world *w = xcalloc(1, sizeof(*w));

	*state = w;
	w->files = native_files__new(&(struct native_files_calls){0});
	w->spaces = native_spaces__new(w->files);
	return 0;
}

static int tear_down(void **state)
{
	struct world *w = *state;

	native_spaces__free(w->spaces);
	native_files__free(w->files);
	free(w);
	return 0;
}

static void test_once(void **state)
{
	struct world *w = *state;

	native_spaces__want(w->spaces, IMAGE, getpid());
	for (int i = 0; i < 3; i++)
		poll_spaces(w);
	assert_int_equal(w->told, 1);
}

/* Who had no room for it is told again, until it has. */
static void test_refused(void **state)
{
	struct world *w = *state;

	w->refusals = 2;
	native_spaces__want(w->spaces, IMAGE, getpid());
	for (int i = 0; i < 6; i++)
		poll_spaces(w);
	assert_int_equal(w->told, 3);
}

static void test_refused_then_gone(void **state)
{
	struct world *w = *state;

	w->refusals = 100;
	native_spaces__want(w->spaces, IMAGE, getpid());
	poll_spaces(w);
	native_spaces__gone(w->spaces, IMAGE, w->now_ns);
	poll_spaces(w);
	assert_int_equal(w->told, 1);
}

static uint64_t map_code(void)
{
	void *at = mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	assert_ptr_not_equal(at, MAP_FAILED);
	return (uint64_t)(uintptr_t)at;
}

/* Is it known for what was there at that time? */
static bool is_known(const struct world *w, uint64_t addr, uint64_t time_ns)
{
	return native_space__find(native_spaces__find(w->spaces, IMAGE), addr, time_ns).known;
}

static uint64_t read_now(struct world *w)
{
	w->now_ns += 2000000000;
	native_spaces__want(w->spaces, IMAGE, getpid());
	poll_spaces(w);
	return clock_now_ns();
}

/* Stacks wait for their names: meanwhile code may be gone, or have come and gone. */
static void test_what_was_mapped_then(void **state)
{
	struct world *w = *state;
	uint64_t first = map_code(), then = read_now(w), later, second;

	munmap((void *)(uintptr_t)first, 4096);
	second = map_code();
	read_now(w);
	assert_true(is_known(w, first, then));
	munmap((void *)(uintptr_t)second, 4096);
	later = read_now(w);
	assert_true(is_known(w, first, then));
	assert_true(is_known(w, second, then));
	assert_false(is_known(w, second, later));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_once, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_refused, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_refused_then_gone, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_what_was_mapped_then, set_up, tear_down),
	};

	return cmocka_run_group_tests_name("native_spaces", tests, NULL, NULL);
}
