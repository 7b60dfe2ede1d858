/* SPDX-License-Identifier: MIT */
/*
 * What OpenTelemetry's receivers get, by the wire format: sums, limits, and that no index points beside its table. Its own classes read the
 * same bodies in tests/live/test_push_encoding.py.
 */
#include "tests/unit/push_world.h"

enum { MAPPINGS = 1, LOCATIONS, FUNCTIONS, LINKS, STRINGS, ATTRIBUTES, STACKS, TABLES };

struct otlp {
	uint64_t bodies, samples, said, profiles, rows, rows_most, largest;
	uint64_t table[TABLES]; /* how many entries, of the body at hand */
	uint64_t period, time, duration, id_len;
	char *raw;
	size_t raw_len;
};

static void count_tables(struct otlp *to, const struct field *dictionary)
{
	struct cursor c = cursor_of(dictionary->bytes, dictionary->value);
	struct field f;

	memset(to->table, 0, sizeof(to->table));
	while (next_field(&c, &f)) {
		assert_in_range(f.number, 1, TABLES - 1);
		if (!to->table[f.number]++)
			assert_int_equal(f.value, 0); /* entry 0 is empty */
	}
	for (unsigned i = 1; i < TABLES; i++)
		assert_true(to->table[i] > 0);
	assert_int_equal(to->table[LINKS], 1);
}

static void check_index(const struct otlp *to, const struct field *message, uint32_t number, unsigned table)
{
	assert_true(number_in(message, number) < to->table[table]);
}

static void check_packed(const struct otlp *to, const struct field *message, uint32_t number, unsigned table)
{
	struct field packed = field_in(message->bytes, message->value, number);
	struct cursor c = cursor_of(packed.bytes, packed.value);

	while (cursor_left(&c))
		assert_in_range(cursor_varint(&c), 1, to->table[table] - 1);
}

static void check_location(const struct otlp *to, const struct field *location)
{
	struct cursor c = cursor_of(location->bytes, location->value);
	struct field f;

	check_index(to, location, 1, MAPPINGS);
	while (next_field(&c, &f))
		if (f.number == 3)
			check_index(to, &f, 1, FUNCTIONS);
}

static void check_function(const struct otlp *to, const struct field *function)
{
	for (uint32_t i = 1; i <= 3; i++)
		check_index(to, function, i, STRINGS);
}

static void check_tables(const struct otlp *to, const struct field *dictionary)
{
	struct cursor c = cursor_of(dictionary->bytes, dictionary->value);
	struct field f;

	while (next_field(&c, &f)) {
		if (f.number == MAPPINGS)
			check_index(to, &f, 4, STRINGS);
		if (f.number == LOCATIONS && f.value)
			check_location(to, &f);
		if (f.number == FUNCTIONS)
			check_function(to, &f);
		if (f.number == ATTRIBUTES)
			check_index(to, &f, 1, STRINGS);
		if (f.number == STACKS)
			check_packed(to, &f, 1, LOCATIONS);
	}
}

static uint64_t check_sample(const struct otlp *to, const struct field *sample)
{
	struct field values = field_in(sample->bytes, sample->value, 4);
	struct cursor c = cursor_of(values.bytes, values.value);
	uint64_t value = cursor_varint(&c);

	assert_in_range(number_in(sample, 1), 1, to->table[STACKS] - 1);
	check_packed(to, sample, 2, ATTRIBUTES);
	assert_int_equal(cursor_left(&c), 0);
	assert_true(value > 0);
	return value;
}

static void take_profile_of(struct otlp *to, const struct field *profile)
{
	const char fixed64_time = 3 << 3 | 1; /* its tag; eight bytes follow */
	struct field type = field_in(profile->bytes, profile->value, 1),
		     id = field_in(profile->bytes, profile->value, 7);
	struct cursor c = cursor_of(profile->bytes, profile->value);
	struct field f;
	uint64_t rows = 0;

	check_index(to, &type, 1, STRINGS);
	check_index(to, &type, 2, STRINGS);
	to->profiles++;
	to->time = number_in(profile, 3);
	assert_non_null(memmem(profile->bytes, profile->value, (char[]){fixed64_time, (char)to->time}, 2));
	to->duration = number_in(profile, 4);
	to->period = number_in(profile, 6);
	to->id_len = id.value;
	while (next_field(&c, &f))
		if (f.number == 2) {
			to->samples += check_sample(to, &f);
			rows++;
		}
	to->rows += rows;
	to->rows_most = rows > to->rows_most ? rows : to->rows_most;
}

static void take_resource(struct otlp *to, const struct field *resource)
{
	struct field scopes = field_in(resource->bytes, resource->value, 2), f;
	struct cursor c = cursor_of(scopes.bytes, scopes.value);

	assert_non_null(field_in(resource->bytes, resource->value, 1).bytes);
	assert_non_null(field_in(scopes.bytes, scopes.value, 1).bytes);
	while (next_field(&c, &f))
		if (f.number == 2)
			take_profile_of(to, &f);
}

static void take_otlp(void *ctx, struct buf *body, uint64_t samples)
{
	struct otlp *to = ctx;
	struct field dictionary = field_in(body->data, body->len, 2), f;
	struct cursor c = cursor_of(body->data, body->len);

	to->bodies++;
	to->said += samples;
	to->largest = body->len > to->largest ? body->len : to->largest;
	count_tables(to, &dictionary);
	check_tables(to, &dictionary);
	while (next_field(&c, &f))
		if (f.number == 1)
			take_resource(to, &f);
	free(to->raw);
	to->raw_len = body->len;
	to->raw = malloc(body->len);
	memcpy(to->raw, body->data, body->len);
}

static struct otlp send_to_otlp(const struct world *x)
{
	struct otlp to = {0};

	backend_otlp.encode(&x->w, take_otlp, &to);
	assert_true(to.largest <= PUSH_BYTES_MAX);
	assert_true(to.rows_most <= PUSH_SAMPLES_MAX);
	return to;
}

static bool has(const struct otlp *to, const char *text)
{
	return memmem(to->raw, to->raw_len, text, strlen(text));
}

static void end(struct otlp *to, struct world *x)
{
	free(to->raw);
	profile__free(x->p);
}

static void a_resource_for_each_group(void **state)
{
	static const char *const texts[] = {
		"service.name",       "shop/web",        "k8s.pod.name",           "mail-0",
		"k8s.container.name", "host.name",       "process.runtime.name",   "cpython",
		"pybpfprof",          PYBPFPROF_VERSION, "process.runtime.version"};
	const struct make_options o = {.processes = 5, .threads = 3, .stacks = 60, .depth = 40};
	struct world x;
	struct otlp to;

	(void)state;
	world_of(&x, make_profile(&o), 5);
	to = send_to_otlp(&x);
	assert_int_equal(to.bodies, 1);
	assert_int_equal(to.profiles, 2);
	assert_int_equal(to.samples, world_sum(&x, 1, 0).samples + world_sum(&x, 2, 0).samples);
	assert_int_equal(to.said, to.samples);
	assert_int_equal(to.time, WORLD_START);
	assert_int_equal(to.duration, WORLD_SPAN);
	assert_true(to.period > 0);
	assert_int_equal(to.id_len, 16);
	assert_int_equal(to.table[ATTRIBUTES], 1);
	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++)
		assert_true(has(&to, texts[i]));
	assert_false(has(&to, "gunicorn"));
	assert_false(has(&to, "worker.py"));
	end(&to, &x);
}

/* CPU time as numbers of samples, the rest as values. */
static void types_have_their_forms(void **state)
{
	uint64_t want = 0;
	struct world x;
	struct otlp to;

	(void)state;
	world_of(&x, mixed_profile(), 0);
	to = send_to_otlp(&x);
	assert_int_equal(to.profiles, MIXED_TYPES);
	want = world_sum(&x, 1, MIXED_CPU).samples + world_sum(&x, 1, MIXED_ALLOC).value +
	       world_sum(&x, 1, MIXED_FAULTS).value;
	assert_int_equal(to.samples, want);
	assert_int_equal(to.said, MIXED_SAMPLES);
	end(&to, &x);
}

static void threads_are_attributes(void **state)
{
	struct world x;
	struct otlp to;

	(void)state;
	world_of(&x, wide_profile(20, 5, 10, "worker-17"), 0);
	x.w.thread_names = true;
	to = send_to_otlp(&x);
	assert_int_equal(to.table[ATTRIBUTES], 2);
	assert_true(has(&to, "thread.name"));
	assert_false(has(&to, "worker-17"));
	assert_false(has(&to, "hunter2"));
	end(&to, &x);
}

static void what_is_too_much_is_split(void **state)
{
	static const struct {
		unsigned samples, depth, name_len, bodies;
	} rows[] = {{2 * PUSH_SAMPLES_MAX + 10, 1, 1, 1},
		    {300, 20, 1000, 7},
		    {10, 30, 100000, 2},
		    {3, 1200, 3, 1},
		    {3, 900, 3000, 3}};
	struct world x;
	struct otlp to;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		world_of(&x, wide_profile(rows[i].samples, rows[i].depth, rows[i].name_len, "t"), 0);
		to = send_to_otlp(&x);
		assert_int_equal(to.samples, rows[i].samples);
		assert_int_equal(to.said, rows[i].samples);
		assert_in_range(to.bodies, rows[i].bodies, rows[i].bodies + 2);
		assert_int_equal(has(&to, "[truncated"), i >= 3);
		end(&to, &x);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_resource_for_each_group),
		cmocka_unit_test(types_have_their_forms),
		cmocka_unit_test(threads_are_attributes),
		cmocka_unit_test(what_is_too_much_is_split),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
