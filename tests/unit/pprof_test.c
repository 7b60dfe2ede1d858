/*
 * pprof's message, inflated and taken apart field by field: everything that its library's own check
 * of validity asks for, and sums. Its tools read the same files in tests/live/test_readers.py.
 */
#include "tests/unit/make_profile.h"
#include "tests/unit/views.h"
#include <zlib.h>

struct field {
	uint32_t number;
	uint64_t value;    /* a number, or the length of */
	const char *bytes; /* NULL for numbers */
};

static bool next_field(struct cursor *c, struct field *f)
{
	uint64_t tag;

	if (!cursor_left(c))
		return false;
	tag = cursor_varint(c);
	f->number = (uint32_t)(tag >> 3);
	f->value = cursor_varint(c);
	f->bytes = NULL;
	if ((tag & 7) == 2)
		f->bytes = cursor_bytes(c, f->value);
	else
		assert_int_equal(tag & 7, 0);
	assert_false(c->bad);
	assert_true(f->number > 0);
	return true;
}

static struct buf inflated(const struct buf *packed)
{
	struct buf out = {.cap = 1 << 22};
	z_stream z = {.next_in = (unsigned char *)packed->data, .avail_in = (uInt)packed->len};

	out.data = malloc(out.cap);
	z.next_out = (unsigned char *)out.data;
	z.avail_out = (uInt)out.cap;
	assert_int_equal(inflateInit2(&z, 15 + 16), Z_OK);
	assert_int_equal(inflate(&z, Z_FINISH), Z_STREAM_END);
	assert_int_equal(z.avail_in, 0); /* one message, nothing behind it */
	out.len = z.total_out;
	inflateEnd(&z);
	return out;
}

/* The single number of a field inside a message; 0 when it is not there. */
static uint64_t number_in(const struct field *message, uint32_t number)
{
	struct cursor c = cursor_of(message->bytes, message->value);
	struct field f;

	while (next_field(&c, &f))
		if (f.number == number && !f.bytes)
			return f.value;
	return 0;
}

struct counts {
	uint64_t texts, functions, locations, mappings, types, samples, value_ns, entries;
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
			n->value_ns += values[1];
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
	assert_int_equal(n.value_ns, want.value_ns);
	/* samples are added up: never more entries than stacks, by thread and whether the GIL was
	 * held */
	assert_true(n.entries <= 2 * p->bucket_cnt);
	buf_free(&packed);
	buf_free(&again);
	buf_free(&message);
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
	const struct make_options o = {
		.processes = 3, .threads = 2, .stacks = 100, .depth = 60, .losses = true};

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
		cmocka_unit_test(small_is_valid),
		cmocka_unit_test(service_is_valid),
		cmocka_unit_test(nothing_is_valid),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
