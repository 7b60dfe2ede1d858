/* SPDX-License-Identifier: MIT */
/* What Pyroscope and Parca get: each sample once, within their limits, by labels, and nothing that leaks. */
#include "tests/unit/push_world.h"
#include "user/profile/pool_name.h"
#include "user/util/json_get.h"

static uint64_t top_number(const struct sent_profile *s, uint32_t number)
{
	const struct field whole = {.bytes = s->raw.data, .value = s->raw.len};

	return number_in(&whole, number);
}

static bool has_text(const struct sent_profile *s, const char *text)
{
	return memmem(s->raw.data, s->raw.len, text, strlen(text));
}

/* The text of that number in a profile. Caller frees. */
static char *text_at(const struct sent_profile *s, uint64_t number)
{
	struct cursor c = cursor_of(s->raw.data, s->raw.len);
	struct field f;

	while (next_field(&c, &f))
		if (f.number == 6 && !number--)
			return text_of(&f);
	fail();
	return NULL;
}

static void assert_sums(const struct world *x, const struct sent *s, const char *service, const char *name,
			uint32_t group, uint8_t type)
{
	struct profile_bucket want = world_sum(x, group, type);
	uint64_t samples = 0, value = 0;

	for (size_t i = 0; i < s->cnt; i++) {
		if (strcmp(s->items[i].service, service) || strcmp(s->items[i].name, name))
			continue;
		samples += s->items[i].samples;
		value += s->items[i].value;
	}
	assert_int_equal(samples, want.samples);
	assert_int_equal(value, want.value);
	assert_true(samples > 0);
}

static void each_group_has_its_own(void **state)
{
	const struct make_options o = {.processes = 5, .threads = 3, .stacks = 60, .depth = 40};
	struct world x;
	struct sent *s;

	(void)state;
	world_of(&x, make_profile(&o), 5);
	s = send_to_pyroscope(&x);
	assert_int_equal(s->cnt, 2);
	assert_int_equal(s->bodies, 1);
	assert_sums(&x, s, "shop/web", "process_cpu", 1, 0);
	assert_sums(&x, s, "mail", "process_cpu", 2, 0);
	assert_int_equal(s->body_samples, s->items[0].samples + s->items[1].samples);
	for (size_t i = 0; i < s->cnt; i++) {
		assert_int_equal(top_number(&s->items[i], 9), WORLD_START);
		assert_int_equal(top_number(&s->items[i], 10), WORLD_SPAN);
	}
	free_sent(s);
	profile__free(x.p);
}

/* The mean of the window's samples, of all its groups. */
static void the_period_is_the_mean(void **state)
{
	const struct make_options o = {.processes = 3, .threads = 2, .stacks = 50, .depth = 20};
	uint64_t samples = 0, value = 0;
	struct world x;
	struct sent *s;

	(void)state;
	world_of(&x, make_profile(&o), 0);
	for (size_t i = 0; i < x.p->bucket_cnt; i++) {
		samples += x.p->buckets[i].samples;
		value += x.p->buckets[i].value;
	}
	s = send_to_pyroscope(&x);
	assert_int_equal(top_number(&s->items[0], 12), (value + samples / 2) / samples);
	assert_int_equal(top_number(&s->items[1], 12), (value + samples / 2) / samples);
	free_sent(s);
	profile__free(x.p);
}

/* No command line, no comments, no labels. */
static void nothing_leaks(void **state)
{
	struct world x;
	struct sent *s;
	struct cursor c;
	struct field f;

	(void)state;
	world_of(&x, wide_profile(20, 5, 10, "worker-17"), 0);
	s = send_to_pyroscope(&x);
	assert_int_equal(s->cnt, 1);
	assert_false(has_text(s->items, "hunter2"));
	assert_false(has_text(s->items, "worker"));
	assert_false(has_text(s->items, "gil"));
	c = cursor_of(s->items[0].raw.data, s->items[0].raw.len);
	while (next_field(&c, &f)) {
		assert_int_not_equal(f.number, 13);
		if (f.number == 2)
			assert_null(field_in(f.bytes, f.value, 3).bytes);
	}
	free_sent(s);
	profile__free(x.p);
}

static void thread_names_are_of_pools(void **state)
{
	unsigned labels = 0;
	struct world x;
	struct sent *s;
	struct cursor c;
	struct field f;

	(void)state;
	world_of(&x, wide_profile(20, 5, 10, "worker-17"), 0);
	x.w.thread_names = true;
	s = send_to_pyroscope(&x);
	c = cursor_of(s->items[0].raw.data, s->items[0].raw.len);
	while (next_field(&c, &f)) {
		struct field label = f.number == 2 ? field_in(f.bytes, f.value, 3) : (struct field){0};

		if (!label.bytes)
			continue;
		char *key = text_at(s->items, number_in(&label, 1)), *value = text_at(s->items, number_in(&label, 2));
		assert_string_equal(key, "thread_name");
		assert_string_equal(value, "worker");
		free(key);
		free(value);
		labels++;
	}
	assert_int_equal(labels, 20);
	free_sent(s);
	profile__free(x.p);
}

static void types_are_apart(void **state)
{
	static const char *const names[] = {"process_cpu", "alloc", "memory"}, *const types[] = {"cpu", "alloc",
												 "faults"};
	struct world x;
	struct sent *s;

	(void)state;
	world_of(&x, mixed_profile(), 0); /* of one process */
	s = send_to_pyroscope(&x);
	assert_int_equal(s->cnt, MIXED_TYPES);
	for (uint8_t t = 0; t < MIXED_TYPES; t++)
		assert_sums(&x, s, "shop/web", names[t], 1, t);
	for (size_t i = 0; i < s->cnt; i++) {
		struct field period = field_in(s->items[i].raw.data, s->items[i].raw.len, 11);
		char *type = text_at(&s->items[i], number_in(&period, 1));

		assert_string_equal(type, types[i]);
		free(type);
	}
	free_sent(s);
	profile__free(x.p);
}

static void assert_within_limits(const struct world *x, const struct sent *s)
{
	uint64_t samples = 0;

	assert_true(s->largest_unpacked <= PUSH_BYTES_MAX);
	for (size_t i = 0; i < s->cnt; i++) {
		assert_true(s->items[i].rows <= PUSH_SAMPLES_MAX);
		assert_true(s->items[i].deepest <= PUSH_DEPTH_MAX);
		samples += s->items[i].samples;
	}
	assert_int_equal(samples, x->p->sample_cnt);
	assert_int_equal(samples, s->body_samples);
}

static void too_many_samples_are_split(void **state)
{
	struct world x;
	struct sent *s;

	(void)state;
	world_of(&x, wide_profile(2 * PUSH_SAMPLES_MAX + 10, 1, 1, "t"), 0);
	s = send_to_pyroscope(&x);
	assert_within_limits(&x, s);
	assert_true(s->cnt >= 3);
	/* no two of a series have the same time */
	for (size_t i = 1; i < s->cnt; i++)
		assert_true(top_number(&s->items[i], 9) >= top_number(&s->items[i - 1], 9) + 1000000);
	free_sent(s);
	profile__free(x.p);
}

static void too_many_bytes_are_split(void **state)
{
	struct world x;
	struct sent *s;

	(void)state;
	world_of(&x, wide_profile(300, 20, 1000, "t"), 0);
	s = send_to_pyroscope(&x);
	assert_within_limits(&x, s);
	/* 300 × 20 × two names of 1,000 bytes: as few as can be */
	assert_in_range(s->cnt, 7, 8);
	free_sent(s);
	profile__free(x.p);
}

static void long_names_are_cut(void **state)
{
	struct world x;
	struct sent *s;
	struct cursor c;
	struct field f;

	(void)state;
	world_of(&x, wide_profile(10, 30, 100000, "t"), 0);
	s = send_to_pyroscope(&x);
	assert_within_limits(&x, s);
	c = cursor_of(s->items[0].raw.data, s->items[0].raw.len);
	while (next_field(&c, &f))
		if (f.number == 6)
			assert_true(f.value <= PUSH_TEXT_MAX);
	free_sent(s);
	profile__free(x.p);
}

static void deep_stacks_say_that_they_are_cut(void **state)
{
	struct world x;
	struct sent *s;

	(void)state;
	for (unsigned deep = 0; deep < 2; deep++) {
		world_of(&x, wide_profile(3, PUSH_DEPTH_MAX + deep, 3, "t"), 0);
		s = send_to_pyroscope(&x);
		assert_within_limits(&x, s);
		assert_int_equal(s->items[0].deepest, PUSH_DEPTH_MAX);
		assert_int_equal(has_text(s->items, "[truncated"), deep);
		free_sent(s);
		profile__free(x.p);
	}
	/* and where the names of one stack are more than a request may have */
	world_of(&x, wide_profile(3, 900, 3000, "t"), 0);
	s = send_to_pyroscope(&x);
	assert_within_limits(&x, s);
	assert_true(has_text(s->items, "[truncated"));
	assert_true(s->items[0].deepest > 100 && s->items[0].deepest < 900);
	free_sent(s);
	profile__free(x.p);
}

static void assert_clean(const char *text, size_t len)
{
	uint32_t c;

	for (size_t at = 0, used; at < len; at += used) {
		used = text_from_utf8(text + at, len - at, &c);
		assert_true(used > 0);
		assert_true(c >= 0x20 && c != 0x7f);
	}
}

/* Characters are not cut in two, either. */
static void texts_are_clean(void **state)
{
	struct profile_builder *b = profile_builder__new(false);
	struct profile_sink to = profile_builder__sink(b);
	char *wide = malloc(9002);
	struct world x;
	struct sent *s;
	struct cursor c;
	struct field f;

	(void)state;
	for (unsigned i = 0; i < 3000; i++)
		memcpy(wide + 1 + 3 * i, "\xe6\x97\xa5", 4);
	wide[0] = 'x';
	emit_process(to, 1, 42, "python3");
	emit_thread(to, 1, 1, "a\x1b[31m\xff");
	emit_function(to, 1, HOSTILE "\xff\xfe\x01\n", "/srv/\x07/a.py");
	emit_function(to, 2, wide, "/srv/b.py");
	for (uint32_t i = 1; i <= 2; i++) {
		tell_frame(to, i, i, 1);
		tell_stack(to, i, i - 1, i);
		emit_sample(to, i, 1, i);
	}
	free(wide);
	world_of(&x, profile_builder__finish(b), 0);
	x.w.thread_names = true;
	s = send_to_pyroscope(&x);
	c = cursor_of(s->items[0].raw.data, s->items[0].raw.len);
	while (next_field(&c, &f))
		if (f.number == 6)
			assert_clean(f.bytes, f.value);
	free_sent(s);
	profile__free(x.p);
}

/* What was taken by value: equal profiles are equal bytes. */
struct parca {
	struct buf profiles[8];
	size_t cnt;
	uint64_t samples;
};

static struct buf from_base64(const char *text, size_t len)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	struct buf out = {0};
	uint32_t bits = 0;
	unsigned cnt = 0;

	assert_int_equal(len % 4, 0);
	for (size_t i = 0; i < len && text[i] != '='; i++) {
		bits = bits << 6 | (uint32_t)(strchr(digits, text[i]) - digits);
		cnt += 6;
		if (cnt >= 8) {
			const char byte = (char)(bits >> (cnt -= 8));

			buf_put(&out, &byte, 1);
		}
	}
	return out;
}

static void take_json(void *ctx, struct buf *body, uint64_t samples)
{
	static const char key[] = "\"raw_profile\":\"";
	struct parca *to = ctx;
	const char *at = body->data, *end = body->data + body->len;
	struct json_get *j = malloc(sizeof(*j));

	to->samples += samples;
	while ((at = memmem(at, (size_t)(end - at), key, strlen(key)))) {
		at += strlen(key);
		to->profiles[to->cnt++] = from_base64(at, (size_t)((char *)memchr(at, '"', (size_t)(end - at)) - at));
	}
	json_get__open_text(j, body->data, body->len);
	json_skip(j);
	assert_int_equal(json_get__end(j), 0);
	free(j);
}

static void parca_gets_the_same(void **state)
{
	const struct make_options o = {.processes = 5, .threads = 3, .stacks = 40, .depth = 30};
	struct parca to = {0};
	struct world x;
	struct sent *s;

	(void)state;
	world_of(&x, make_profile(&o), 0);
	s = send_to_pyroscope(&x);
	backend_parca.encode(&x.w, take_json, &to);
	assert_int_equal(to.samples, s->body_samples);
	assert_int_equal(to.cnt, s->cnt);
	for (size_t i = 0; i < to.cnt; i++) {
		struct buf raw = inflated(&to.profiles[i]);

		assert_int_equal(raw.len, s->items[i].raw.len);
		assert_memory_equal(raw.data, s->items[i].raw.data, raw.len);
		buf_free(&raw);
		buf_free(&to.profiles[i]);
	}
	free_sent(s);
	profile__free(x.p);
}

static void nothing_is_no_body(void **state)
{
	struct world x;
	struct sent *s;

	(void)state;
	world_of(&x, wide_profile(3, 2, 3, "t"), 1);
	s = send_to_pyroscope(&x);
	assert_int_equal(s->bodies, 0);
	backend_parca.encode(&x.w, take_body, s);
	backend_otlp.encode(&x.w, take_body, s);
	assert_int_equal(s->bodies, 0);
	free_sent(s);
	profile__free(x.p);
}

static void pools(void **state)
{
	static const char *const rows[][2] = {
		{"worker-17", "worker"},
		{"worker-", "worker-"},
		{"ThreadPoolExecutor-0_3", "ThreadPoolExecutor"},
		{"Thread-5 (serve_forever)", "Thread (serve_forever)"},
		{"Thread-12", "Thread"},
		{"MainThread", "MainThread"},
		{"py3k", "py3k"},
		{"123", ""},
		{"", ""},
		{")", ")"},
		{"日本語-7", "日本語"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		char *name = pool_name(rows[i][0]);

		assert_string_equal(name, rows[i][1]);
		free(name);
	}
}

static void assert_reason(const struct backend *b, const char *body, size_t len, const char *want)
{
	char *reason = b->reason(body, len);

	assert_string_equal(reason, want);
	free(reason);
}

#define REASON(b, body, want) assert_reason(&(b), body, sizeof(body) - 1, want)

static void reasons(void **state)
{
	(void)state;
	REASON(backend_pyroscope, "{\"code\":\"invalid_argument\",\"message\":\"no name\"}", "no name");
	REASON(backend_parca, "{\"code\":3, \"message\":\"too \\u001b[31mold\", \"details\":[]}", "too \\x1b[31mold");
	REASON(backend_parca, "404 page not found\n", "404 page not found");
	REASON(backend_pyroscope, "{\"message\":", "{\"message\":");
	REASON(backend_pyroscope, "", "");
	REASON(backend_otlp,
	       "\x08\x03\x12\x06"
	       "no way",
	       "no way");
	REASON(backend_otlp,
	       "\x08\x03\x12\x7f"
	       "no way",
	       "\\x08\\x03\\x12\\x7fno way");
	REASON(backend_otlp, "{\"code\":8,\"message\":\"later\"}", "later");
	REASON(backend_otlp, "gone", "gone");
}

static void assert_left_out(const char *body, size_t len, uint64_t want, const char *want_why)
{
	char *why = NULL;

	assert_int_equal(backend_otlp.left_out(body, len, &why), want);
	if (want_why)
		assert_string_equal(why, want_why);
	else
		assert_null(why);
	free(why);
}

#define LEFT_OUT(body, want, why) assert_left_out(body, sizeof(body) - 1, want, why)

/* ExportProfilesServiceResponse of opentelemetry-proto. */
static void a_part_is_left_out(void **state)
{
	static const char full[] = "\x0a\x0b\x08\xac\x02\x12\x06no way";
	char *why;

	(void)state;
	LEFT_OUT("", 0, NULL);
	LEFT_OUT("\x0a\x00", 0, NULL);
	LEFT_OUT(full, 300, "no way");
	LEFT_OUT("\x0a\x02\x08\x07", 7, NULL);
	LEFT_OUT("\x0a\x05\x12\x03so!", 0, "so!");
	LEFT_OUT("\x0a\x0b\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 0, NULL); /* fewer than none */
	LEFT_OUT("{\"partialSuccess\":{}}", 0, NULL);
	LEFT_OUT("\x0a\x7f\x08\x07", 0, NULL);
	for (size_t len = 0; len < sizeof(full) - 1; len++) {
		assert_int_equal(backend_otlp.left_out(full, len, &why), 0);
		assert_null(why);
	}
	assert_null(backend_parca.left_out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_group_has_its_own),
		cmocka_unit_test(the_period_is_the_mean),
		cmocka_unit_test(nothing_leaks),
		cmocka_unit_test(thread_names_are_of_pools),
		cmocka_unit_test(types_are_apart),
		cmocka_unit_test(too_many_samples_are_split),
		cmocka_unit_test(too_many_bytes_are_split),
		cmocka_unit_test(long_names_are_cut),
		cmocka_unit_test(deep_stacks_say_that_they_are_cut),
		cmocka_unit_test(texts_are_clean),
		cmocka_unit_test(parca_gets_the_same),
		cmocka_unit_test(nothing_is_no_body),
		cmocka_unit_test(pools),
		cmocka_unit_test(reasons),
		cmocka_unit_test(a_part_is_left_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
