/* SPDX-License-Identifier: MIT */
/* The queue: order, bounds, what is given back, and that it holds with several threads at it. */
#include "user/push/queue.h"
#include "user/util/alloc.h"
#include "user/util/clock.h"
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

static struct push_body *body_of(const char *text, uint64_t samples)
{
	struct buf b = {0};

	buf_puts(&b, text);
	return push_body__new(&b, samples);
}

static void assert_count(struct push_queue *q, uint64_t bodies, uint64_t samples, uint64_t bytes)
{
	struct push_count c;

	push_queue__count(q, &c);
	assert_int_equal(c.bodies, bodies);
	assert_int_equal(c.samples, samples);
	assert_int_equal(c.bytes, bytes);
}

/* Takes the next, which is that. */
static void assert_next(struct push_queue *q, const char *text)
{
	struct push_body *b = push_queue__take(q);

	assert_non_null(b);
	assert_string_equal(b->bytes.data, text);
	assert_null(b->next);
	push_body__free(b);
}

static void test_a_body_takes_what_it_gets(void **state)
{
	struct buf bytes = {0};
	uint64_t before = clock_unix_ns();
	struct push_body *b;

	(void)state;
	buf_puts(&bytes, "twelve bytes");
	b = push_body__new(&bytes, 3);
	assert_null(bytes.data);
	assert_int_equal(bytes.len, 0);
	assert_int_equal(b->bytes.len, 12);
	assert_true(b->bytes.cap <= 13); /* the bound is one of memory */
	assert_true(b->unix_ns >= before && b->unix_ns <= clock_unix_ns());
	push_body__free(b);
	b = push_body__new(&bytes, 0); /* an empty one does not crash */
	assert_int_equal(b->bytes.len, 0);
	push_body__free(b);
	push_body__free(NULL);
}

static void test_first_in_first_out(void **state)
{
	struct push_queue *q = push_queue__new(100);

	(void)state;
	assert_null(push_queue__take(q));
	assert_null(push_queue__put(q, body_of("one", 1)));
	assert_null(push_queue__put(q, body_of("three", 30)));
	assert_count(q, 2, 31, 8);
	assert_next(q, "one");
	assert_count(q, 1, 30, 5);
	assert_null(push_queue__put(q, body_of("x", 0)));
	assert_next(q, "three");
	assert_next(q, "x");
	assert_null(push_queue__take(q));
	assert_count(q, 0, 0, 0);
	push_queue__free(q);
	push_queue__free(NULL);
}

static void test_the_oldest_go(void **state)
{
	struct push_queue *q = push_queue__new(10);
	struct push_body *gone;

	(void)state;
	push_queue__put(q, body_of("aaaa", 1));
	push_queue__put(q, body_of("bbbb", 2));
	push_queue__put(q, body_of("cc", 4)); /* just fits */
	assert_count(q, 3, 7, 10);
	gone = push_queue__put(q, body_of("ddddd", 8));
	assert_non_null(gone);
	assert_string_equal(gone->bytes.data, "aaaa");
	assert_non_null(gone->next);
	assert_string_equal(gone->next->bytes.data, "bbbb");
	assert_null(gone->next->next);
	push_body__free(gone->next);
	push_body__free(gone);
	assert_count(q, 2, 12, 7);
	assert_next(q, "cc");
	assert_next(q, "ddddd");
	/* The end of the list is right after it was emptied by others. */
	gone = push_queue__put(q, body_of("0123456789", 1));
	assert_null(gone);
	gone = push_queue__put(q, body_of("z", 1));
	assert_string_equal(gone->bytes.data, "0123456789");
	push_body__free(gone);
	assert_next(q, "z");
	push_queue__free(q);
}

static void test_larger_than_all_of_it(void **state)
{
	struct push_queue *q = push_queue__new(10);
	struct push_body *large = body_of("eleven bytes", 5);

	(void)state;
	push_queue__put(q, body_of("small", 1));
	assert_ptr_equal(push_queue__put(q, large), large);
	assert_count(q, 1, 1, 5); /* nothing else had to go for it */
	push_body__free(large);
	push_queue__free(q);
}

static void test_put_back(void **state)
{
	struct push_queue *q = push_queue__new(10);
	struct push_body *first;

	(void)state;
	push_queue__put(q, body_of("aaaa", 1));
	push_queue__put(q, body_of("bbbb", 1));
	first = push_queue__take(q);
	assert_true(push_queue__put_back(q, first));
	assert_next(q, "aaaa");
	assert_next(q, "bbbb");
	/* Into an empty one; and what comes after it is found. */
	first = body_of("c", 1);
	assert_true(push_queue__put_back(q, first));
	push_queue__put(q, body_of("d", 1));
	assert_next(q, "c");
	assert_next(q, "d");
	/* While it was away others took its room. */
	push_queue__put(q, body_of("0123456", 1));
	first = body_of("four", 1);
	assert_false(push_queue__put_back(q, first));
	push_body__free(first);
	assert_count(q, 1, 1, 7);
	push_queue__free(q);
}

static void test_waiting_ends(void **state)
{
	struct push_queue *q = push_queue__new(10);
	uint64_t now = clock_now_ns();

	(void)state;
	push_queue__wait(q, now + 20000000);
	assert_true(clock_now_ns() >= now + 20000000);
	/* What happened before is not missed, and counts once. */
	push_queue__put(q, body_of("a", 1));
	push_queue__wait(q, 0);
	push_queue__wake(q);
	push_queue__wait(q, 0);
	now = clock_now_ns();
	push_queue__wait(q, now + 20000000);
	assert_true(clock_now_ns() >= now + 20000000);
	push_queue__free(q);
}

/* ---- threads ---------------------------------------------------------------------------------------------- */

#define PUTS    2000
#define PUTTERS 3

struct shared {
	struct push_queue *q;
	uint64_t displaced; /* samples; atomically */
};

static void *put_many(void *arg)
{
	struct shared *s = arg;

	for (unsigned i = 1; i <= PUTS; i++) {
		struct push_body *gone = push_queue__put(s->q, body_of("0123456789", i)), *next;

		for (; gone; gone = next) {
			next = gone->next;
			__atomic_add_fetch(&s->displaced, gone->samples, __ATOMIC_RELAXED);
			push_body__free(gone);
		}
	}
	return NULL;
}

/* Each sample is taken or displaced. */
static void test_threads(void **state)
{
	struct shared s = {.q = push_queue__new(200)};
	uint64_t taken = 0, all = (uint64_t)PUTTERS * PUTS * (PUTS + 1) / 2;
	pthread_t threads[PUTTERS];
	struct push_count c;

	(void)state;
	for (unsigned i = 0; i < PUTTERS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, put_many, &s), 0);
	do {
		struct push_body *b = push_queue__take(s.q);

		if (b && b->samples % 2 && push_queue__put_back(s.q, b))
			b = push_queue__take(s.q);
		taken += b ? b->samples : 0;
		push_body__free(b);
		push_queue__count(s.q, &c);
		assert_true(c.bytes <= 200);
	} while (taken + __atomic_load_n(&s.displaced, __ATOMIC_RELAXED) < all);
	for (unsigned i = 0; i < PUTTERS; i++)
		pthread_join(threads[i], NULL);
	assert_int_equal(taken + s.displaced, all);
	assert_count(s.q, 0, 0, 0);
	push_queue__free(s.q);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_body_takes_what_it_gets),
		cmocka_unit_test(test_first_in_first_out),
		cmocka_unit_test(test_the_oldest_go),
		cmocka_unit_test(test_larger_than_all_of_it),
		cmocka_unit_test(test_put_back),
		cmocka_unit_test(test_waiting_ends),
		cmocka_unit_test(test_threads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
