/* What is told of a process's mappings: this one's. */
#include "user/target/native_spaces.h"
#include "user/util/alloc.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_once, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_refused, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_refused_then_gone, set_up, tear_down),
	};

	return cmocka_run_group_tests_name("native_spaces", tests, NULL, NULL);
}
