/* SPDX-License-Identifier: MIT */
/*
 * pprof's message, inflated and taken apart field by field: everything that its library's own check
 * of validity asks for, and sums. Its tools read the same files in tests/live/test_readers.py.
 */
#include "tests/unit/make_profile.h"
#include "tests/unit/mixed_profile.h"
#include "tests/unit/pb_fields.h"
#include "tests/unit/views.h"

struct counts {
	uint64_t texts, functions, locations, mappings, types, samples, value, entries;
};

static void count(const struct buf *message, struct counts *n)
{
	struct cursor c = cursor_of(message->data, message->len);
	struct field f;

	while (next_field(&c, &f)) {
		n->types += f.number == 1;
		n->entries += f.number == 2;
		/* ids are from 1 without gaps */
		if (f.number == 3)
			assert_int_equal(number_in(&f, 1), ++n->mappings);
		if (f.number == 4)
			assert_int_equal(number_in(&f, 1), ++n->locations);
		if (f.number == 5)
			assert_int_equal(number_in(&f, 1), ++n->functions);
		if (f.number == 6 && !n->texts++)
			assert_int_equal(f.value, 0); /* text 0 is "" */
	}
}

static void check_sample(const struct field *sample, struct counts *n)
{
	struct cursor c = cursor_of(sample->bytes, sample->value), packed;
	struct field f;
	uint64_t values[2];
	unsigned labels = 0;

	while (next_field(&c, &f)) {
		packed = cursor_of(f.bytes, f.value);
		if (f.number == 1) {
			assert_true(f.value > 0);
			while (cursor_left(&packed)) {
				uint64_t location = cursor_varint(&packed);

				assert_in_range(location, 1, n->locations);
			}
		} else if (f.number == 2) {
			values[0] = cursor_varint(&packed);
			values[1] = cursor_varint(&packed);
			assert_int_equal(cursor_left(&packed), 0);
			assert_true(values[0] > 0);
			n->samples += values[0];
			n->value += values[1];
		} else {
			assert_int_equal(f.number, 3);
			assert_in_range(number_in(&f, 1), 1, n->texts - 1);
			assert_true(number_in(&f, 2) < n->texts);
			labels++;
		}
	}
	assert_true(labels >= 4);
}

static void check_location(const struct field *location, const struct counts *n)
{
	struct cursor c = cursor_of(location->bytes, location->value);
	struct field f;
	unsigned lines = 0;

	assert_in_range(number_in(location, 2), 1, n->mappings);
	while (next_field(&c, &f)) {
		if (f.number != 4)
			continue;
		assert_in_range(number_in(&f, 1), 1, n->functions);
		lines++;
	}
	assert_int_equal(lines, 1);
}

/* A name that is equal to its system name would be taken for C++. */
static void check_function(const struct field *function, const struct counts *n)
{
	assert_in_range(number_in(function, 2), 1, n->texts - 1);
	assert_true(number_in(function, 3) != number_in(function, 2));
	assert_true(number_in(function, 3) < n->texts && number_in(function, 4) < n->texts);
}

static void check(const struct profile *p, const struct view *v)
{
	struct buf packed = written(&format_pprof, p, v), again = written(&format_pprof, p, v);
	struct buf message = inflated(&packed);
	struct profile_bucket want = sum_of(p, v);
	struct cursor c = cursor_of(message.data, message.len);
	struct counts n = {0};
	struct field f;

	assert_int_equal(packed.len, again.len);
	assert_memory_equal(packed.data, again.data, packed.len);
	count(&message, &n);
	assert_int_equal(n.types, 2);
	while (next_field(&c, &f)) {
		if (f.number == 2)
			check_sample(&f, &n);
		if (f.number == 4)
			check_location(&f, &n);
		if (f.number == 5)
			check_function(&f, &n);
	}
	assert_int_equal(n.samples, want.samples);
	assert_int_equal(n.value, want.value);
	/* samples are added up: never more entries than stacks, by thread and whether the GIL was
	 * held */
	assert_true(n.entries <= 2 * p->bucket_cnt);
	buf_free(&packed);
	buf_free(&again);
	buf_free(&message);
}

/* The text of that number. */
static char *text_number(const struct buf *message, uint64_t number)
{
	struct cursor c = cursor_of(message->data, message->len);
	struct field f;

	while (next_field(&c, &f))
		if (f.number == 6 && !number--)
			return strndup(f.bytes ? f.bytes : "", f.value);
	fail();
	return NULL;
}

static void add_columns(const struct field *sample, uint64_t *sums, size_t cnt)
{
	struct cursor c = cursor_of(sample->bytes, sample->value), packed;
	struct field f;

	while (next_field(&c, &f)) {
		if (f.number != 2)
			continue;
		packed = cursor_of(f.bytes, f.value);
		for (size_t i = 0; i < cnt; i++)
			sums[i] += cursor_varint(&packed);
		assert_false(packed.bad);
		assert_int_equal(cursor_left(&packed), 0);
	}
}

/* All types in one file, whichever is asked for, which is then the one that is shown at first. */
static void types_are_columns(void **state)
{
	static const char *const names[] = {"samples", "cpu", "alloc", "faults"};
	static const char *const units[] = {"count", "nanoseconds", "bytes", "count"};
	struct profile *p = mixed_profile();

	(void)state;
	for (int flags = 0; flags < 2 * MIXED_TYPES; flags++) {
		const struct view v = {.type = (uint32_t)flags / 2, .timestamps = flags % 2};
		struct buf packed = written(&format_pprof, p, &v), message = inflated(&packed);
		struct cursor c = cursor_of(message.data, message.len);
		uint64_t sums[4] = {0}, types = 0, mappings = 0, locations = 0;
		struct field f;

		while (next_field(&c, &f)) {
			char *name = NULL, *unit = NULL;

			if (f.number == 1) {
				name = text_number(&message, number_in(&f, 1));
				unit = text_number(&message, number_in(&f, 2));
				assert_string_equal(name, names[types]);
				assert_string_equal(unit, units[types++]);
			} else if (f.number == 2) {
				add_columns(&f, sums, 4);
			} else if (f.number == 14) {
				name = text_number(&message, f.value);
				assert_string_equal(name, names[1 + v.type]);
			}
			mappings += f.number == 3;
			locations += f.number == 4;
			free(name);
			free(unit);
		}
		assert_int_equal(types, 4);
		assert_int_equal(sums[0], MIXED_SAMPLES);
		for (uint8_t t = 0; t < MIXED_TYPES; t++)
			assert_int_equal(sums[1 + t], mixed_sum(t, false).value);
		assert_int_equal(mappings, 5); /* the interpreter, libpython, libc, the kernel, a module of it */
		/* of ten functions one is inlined and has its line in that of another */
		assert_int_equal(locations, MIXED_FUNCTIONS - 1);
		buf_free(&packed);
		buf_free(&message);
	}
	profile__free(p);
}

/* min<int>, and then memcpy, which it was inlined into. */
static void what_is_inlined_is_a_line_of_its_location(void **state)
{
	struct profile *p = mixed_profile();
	struct buf packed = written(&format_pprof, p, &(struct view){0}), message = inflated(&packed);
	struct cursor c = cursor_of(message.data, message.len), location;
	unsigned with_two = 0;
	struct field f, line;

	(void)state;
	while (next_field(&c, &f)) {
		uint64_t lines[2] = {0}, cnt = 0;

		if (f.number != 4)
			continue;
		location = cursor_of(f.bytes, f.value);
		while (next_field(&location, &line))
			if (line.number == 4 && cnt < 2)
				lines[cnt++] = number_in(&line, 2);
		with_two += cnt == 2;
		if (cnt == 2) {
			assert_int_equal(lines[0], 61);
			assert_int_equal(lines[1], 51);
		}
	}
	assert_int_equal(with_two, 1);
	buf_free(&packed);
	buf_free(&message);
	profile__free(p);
}

static void check_views(struct profile *p)
{
	for (size_t i = 0; i < TEST_VIEWS; i++)
		check(p, &test_views[i]);
	profile__free(p);
}

static void small_is_valid(void **state)
{
	(void)state;
	check_views(small_profile());
}

static void service_is_valid(void **state)
{
	const struct make_options o = {.processes = 3, .threads = 2, .stacks = 100, .depth = 60, .losses = true};

	(void)state;
	check_views(make_profile(&o));
}

static void nothing_is_valid(void **state)
{
	(void)state;
	check_views(empty_profile());
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(small_is_valid),    cmocka_unit_test(service_is_valid),
		cmocka_unit_test(types_are_columns), cmocka_unit_test(what_is_inlined_is_a_line_of_its_location),
		cmocka_unit_test(nothing_is_valid),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
