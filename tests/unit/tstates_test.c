/* SPDX-License-Identifier: MIT */
/* Lists of interpreters and thread states as a process may show them: whole, changing, broken, in circles. */
#include "user/python/tstates.h"
#include "user/python/versions.h"
#include "user/util/alloc.h"
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>

#define BASE      0x10000000ull
#define BYTES     0x40000
#define RUNTIME   BASE
#define INTERP(i) (BASE + 0x10000 + 0x8000 * (uint64_t)(i)) /* newest is the highest */
#define THREAD(i) (BASE + 0x30000 + 0x200 * (uint64_t)(i))
#define IDENT(i)  (BASE + 0x38000 + 0x800 * (uint64_t)(i))

struct process {
	unsigned char bytes[BYTES];
	struct py_build build;
	uint64_t toggled; /* a word that is another one at each read; 0: none */
};

static void put(struct process *p, uint64_t addr, uint64_t value)
{
	memcpy(p->bytes + (addr - BASE), &value, sizeof(value));
}

static int read_memory(void *ctx, uint64_t addr, void *out, size_t len)
{
	struct process *p = ctx;

	if (addr < BASE || addr - BASE > BYTES - len)
		return -EFAULT;
	memcpy(out, p->bytes + (addr - BASE), len);
	if (addr == p->toggled)
		put(p, addr, *(uint64_t *)out ? 0 : THREAD(1));
	return 0;
}

/* Interpreter 0 with the threads 0 and 1, interpreter 1 with thread 2; born in this order. */
static void fill(struct process *p)
{
	const struct py_objects *o = &p->build.objects;
	static const unsigned interp_of[] = {0, 0, 1};

	put(p, RUNTIME + o->runtime_interp_head, INTERP(1));
	put(p, INTERP(1) + o->interp_next, INTERP(0));
	if (o->interp_id)
		put(p, INTERP(1) + o->interp_id, 1);
	put(p, INTERP(0) + o->interp_threads_head, THREAD(1));
	put(p, INTERP(1) + o->interp_threads_head, THREAD(2));
	put(p, THREAD(1) + o->tstate_next, THREAD(0));
	for (unsigned i = 0; i < 3; i++) {
		put(p, THREAD(i) + o->tstate_interp, INTERP(interp_of[i]));
		put(p, THREAD(i) + p->build.layout.ts_thread_id_off, IDENT(i));
		put(p, IDENT(i) + p->build.pthread_tid, 100 + i);
		if (o->interp_gil && i < 2)
			put(p, INTERP(i) + o->interp_gil, BASE + 8 * i);
	}
}

static struct process *make(const struct py_version *row)
{
	struct process *p = xcalloc(1, sizeof(*p));

	py_version_apply(row, &p->build);
	p->build.supported = true;
	fill(p);
	return p;
}

static int read_all(struct process *p, struct py_tstates *out)
{
	return py_tstates_read(&p->build, RUNTIME, read_memory, p, out);
}

static void assert_fails(struct process *p, int err)
{
	struct py_tstates found;

	assert_int_equal(read_all(p, &found), err);
	free(found.items);
	fill(p);
}

static void test_whole_lists(void **state)
{
	size_t cnt;
	const struct py_version *rows = py_versions(&cnt);

	(void)state;
	for (size_t v = 0; v < cnt; v++) {
		struct process *p = make(&rows[v]);
		const struct py_objects *o = &p->build.objects;
		struct py_tstates all;
		const struct py_tstate *t;

		assert_int_equal(read_all(p, &all), 0);
		assert_int_equal(all.cnt, 3);
		t = all.items;
		for (size_t i = 0; i < all.cnt; i++) {
			assert_int_equal(t[i].addr, THREAD(i));
			assert_int_equal(t[i].ident, IDENT(i));
			assert_int_equal(t[i].inner_tid, 100 + i);
			assert_int_equal(t[i].interp_id, i == 2);
			assert_int_equal(t[i].interp_addr, INTERP(i == 2));
		}
		/* one GIL for all up to 3.11, in 3.6 nowhere that is known; then one for each */
		assert_int_equal(t[2].gil_addr, o->interp_gil    ? BASE + 8
						: o->runtime_gil ? RUNTIME + o->runtime_gil
								 : 0);
		free(all.items);
		free(p);
	}
}

/* Where the C library's memory is gone, Python's own number counts; where both are, nothing does. */
static void test_numbers_of_threads(void **state)
{
	struct process *p = make(py_version_find(12, false));
	const struct py_objects *o = &p->build.objects;
	struct py_tstates all;

	(void)state;
	put(p, THREAD(0) + p->build.layout.ts_thread_id_off, 0x5000);
	put(p, THREAD(0) + o->tstate_native_id, 4711);
	put(p, IDENT(1) + p->build.pthread_tid, 0xffffffffull); /* what glibc leaves of a thread that has ended */
	put(p, THREAD(2) + p->build.layout.ts_thread_id_off, 0);
	assert_int_equal(read_all(p, &all), 0);
	assert_int_equal(all.items[0].inner_tid, 4711);
	assert_int_equal(all.items[1].inner_tid, 0);
	assert_int_equal(all.items[2].inner_tid, 0);
	free(all.items);
	free(p);
}

static void test_broken_lists(void **state)
{
	struct process *p = make(py_version_find(13, false));
	const struct py_objects *o = &p->build.objects;

	(void)state;
	put(p, RUNTIME + o->runtime_interp_head, 0);
	assert_fails(p, -ESRCH);
	put(p, INTERP(0) + o->interp_threads_head, 0);
	put(p, INTERP(1) + o->interp_threads_head, 0);
	assert_fails(p, -ESRCH);
	put(p, THREAD(1) + o->tstate_next, 0x4141414141414141);
	assert_fails(p, -EFAULT);
	/* a state that was freed and is something else now */
	put(p, THREAD(0) + o->tstate_interp, INTERP(1));
	assert_fails(p, -EFAULT);
	/* circles end */
	put(p, THREAD(0) + o->tstate_next, THREAD(1));
	assert_fails(p, -EFAULT);
	free(p);
}

static void test_lists_that_change(void **state)
{
	struct process *p = make(py_version_find(9, false));

	(void)state;
	p->toggled = INTERP(0) + p->build.objects.interp_threads_head;
	assert_fails(p, -EAGAIN);
	free(p);
}

/* Up to 3.11 a new thread's state is its creator's until it runs; the memory of an old one is another's. */
static void test_states_that_change_hands(void **state)
{
	struct process *p = make(py_version_find(11, false));
	const struct py_objects *o = &p->build.objects;
	struct py_tstates all;

	(void)state;
	assert_int_equal(read_all(p, &all), 0);
	assert_true(py_tstate_is_current(&p->build, read_memory, p, &all.items[1]));
	put(p, THREAD(1) + p->build.layout.ts_thread_id_off, IDENT(2));
	assert_false(py_tstate_is_current(&p->build, read_memory, p, &all.items[1]));
	put(p, THREAD(0) + o->tstate_interp, 0x4141414141414141);
	assert_false(py_tstate_is_current(&p->build, read_memory, p, &all.items[0]));
	all.items[2].addr = 0x5000;
	assert_false(py_tstate_is_current(&p->build, read_memory, p, &all.items[2]));
	free(all.items);
	free(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_whole_lists),
		cmocka_unit_test(test_numbers_of_threads),
		cmocka_unit_test(test_broken_lists),
		cmocka_unit_test(test_lists_that_change),
		cmocka_unit_test(test_states_that_change_hands),
	};

	return cmocka_run_group_tests_name("tstates", tests, NULL, NULL);
}
