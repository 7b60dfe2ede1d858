/* SPDX-License-Identifier: MIT */
/*
 * Raw records → the profile: names that come after the samples that need them, pieces that never
 * come, what user space must read itself. The only real process in it is this one: its memory is
 * read.
 */
#include "tests/unit/resolve_world.h"
#include <unistd.h>

/* ---- names ---------------------------------------------------------------------------- */

static void names_before_the_sample(void **state)
{
	const struct abi_frame stack[] = {{2, 4, 0}, {1, 0, 0}};
	struct profile *p;

	(void)state;
	emit_process(1, PID(1), 0, "app");
	emit_function(1, 1, "root");
	emit_function(1, 2, "leaf");
	tell_stack(1, 5, stack, 2);
	assert_int_equal(waiting(), 0);
	p = finish();
	assert_int_equal(p->sample_cnt, 1);
	assert_stack(p, 0, "root:10;leaf:12");
	assert_int_equal(p->processes[1].pid, PID(1));
	assert_string_equal(p->processes[1].command, "app");
	assert_string_equal(p->processes[1].python, "3.12.1");
	assert_string_equal(p->threads[1].name, "MainThread");
	profile__free(p);
}

static void the_collector_is_a_leaf(void **state)
{
	const struct abi_frame stack[] = {{1, 0, ABI_FRAME_COLLECTING}, {1, 2, 0}}, plain[] = {{1, 0, 0}},
			       called[] = {{1, 0, ABI_FRAME_IN_COLLECTION}, {1, 2, 0}},
			       finaliser[] = {{1, 0, ABI_FRAME_IN_COLLECTION}, {2, 0, 0}};
	struct profile *p;

	(void)state;
	emit_process(1, PID(1), 0, "app");
	emit_function(1, 1, "f");
	tell_stack(1, 5, stack, 2);
	tell_stack(1, 6, plain, 1);
	tell_stack(1, 7, called, 2);
	tell_stack(1, 8, finaliser, 2);
	emit_function(1, 2, "A.__del__");
	p = finish();
	assert_int_equal(p->bucket_cnt, 3);
	assert_int_equal(p->buckets[0].samples, 2);
	assert_stack(p, 0, "f:11;f:10;[garbage collector]:0");
	assert_stack(p, 1, "f:10");
	assert_stack(p, 2, "A.__del__:10;f:10");
	profile__free(p);
}

/* As it is: the sample is sent in the tick, the names when the task returns to user mode. */
static void names_after_the_sample(void **state)
{
	const struct abi_frame stack[] = {{2, 4, 0}, {1, 0, 0}};
	struct profile *p;

	(void)state;
	emit_process(1, PID(1), 0, "app");
	tell_stack(1, 5, stack, 2);
	tell_stack(1, 6, stack, 2);
	assert_int_equal(waiting(), 2);
	flush(7);
	assert_int_equal(waiting(), 2);
	emit_function(1, 2, "leaf");
	flush(SECOND);
	assert_int_equal(waiting(), 2); /* one of two names is not enough */
	emit_function(1, 1, "root");
	flush(SECOND + 1);
	assert_int_equal(waiting(), 0);
	assert_int_equal(resolve__stats(resolve)->unknown_frames, 0);
	p = finish();
	assert_int_equal(p->sample_cnt, 2);
	assert_int_equal(p->bucket_cnt, 1);
	assert_stack(p, 0, "root:10;leaf:12");
	profile__free(p);
}

static int check_times(void *arg, const struct profile_sample *s)
{
	uint64_t *last = arg;

	assert_true(s->time_unix_ns > *last);
	*last = s->time_unix_ns;
	return 0;
}

static void those_that_wait_keep_their_order(void **state)
{
	const struct abi_frame stack[] = {{1, 0, 0}}, other[] = {{2, 0, 0}};
	uint64_t last = UNIX;
	struct profile *p;

	(void)state;
	for (uint64_t i = 1; i <= 100; i++)
		tell_stack(1, i, i % 3 ? stack : other, 1);
	emit_function(1, 1, "f");
	emit_function(1, 2, "g");
	flush(200);
	p = finish();
	assert_int_equal(p->sample_cnt, 100);
	assert_int_equal(profile__each_sample(p, check_times, &last), 0);
	assert_int_equal(last, UNIX + 100);
	profile__free(p);
}

static void lines_in_pieces(void **state)
{
	const uint32_t n = 12000, size = table_bytes(LINE_TABLE_LOCATIONS, n);
	__cleanup_free char *table = make_table(LINE_TABLE_LOCATIONS, n);
	struct made_code c = {.image_id = 1, .layout_id = 2, .key = 1, .name = "big", .file = "/m.py"};
	const struct abi_frame stack[] = {{1, 2 * 11999, 0}};
	struct profile *p;

	(void)state;
	c.first_line = 1;
	c.lines_bytes = size;
	tell_stack(1, 1, stack, 1);
	tell_code(&c);
	for (uint32_t at = 0; at < size; at += ABI_CODE_CHUNK) {
		flush(2);
		assert_int_equal(waiting(), 1);
		/* two threads met it at the same time: everything comes twice */
		for (int i = 0; i < 2; i++)
			tell_lines(1, table, at, size - at < ABI_CODE_CHUNK ? size - at : ABI_CODE_CHUNK);
		tell_code(&c);
	}
	flush(3);
	assert_int_equal(waiting(), 0);
	p = finish();
	assert_stack(p, 0, "big:12000");
	assert_int_equal(p->function_cnt, 1);
	profile__free(p);
}

/* The ring buffer was full when the rest of the table came. */
static void a_piece_that_never_comes(void **state)
{
	__cleanup_free char *table = make_table(LINE_TABLE_LOCATIONS, 100);
	struct made_code c = {.image_id = 1,
			      .layout_id = 2,
			      .key = 1,
			      .name = "half",
			      .file = "/m.py",
			      .first_line = 1,
			      .lines_bytes = 300};
	const struct abi_frame stack[] = {{1, 2 * 5, 0}, {2, 0, 0}};
	struct profile *p;

	(void)state;
	emit_function(1, 2, "root");
	tell_code(&c);
	tell_lines(1, table, 0, 150);
	tell_stack(1, 0, stack, 2);
	flush(2 * SECOND);
	assert_int_equal(waiting(), 1);
	flush(4 * SECOND);
	assert_int_equal(waiting(), 0);
	assert_int_equal(resolve__stats(resolve)->unknown_frames, 1);
	p = finish();
	assert_stack(p, 0, "root:10;half:0"); /* no line, rather than a wrong one */
	profile__free(p);
}

static void names_that_never_come(void **state)
{
	const struct abi_frame stack[] = {{9, 0, 0}, {2, 6, 0}};
	struct made_code foreign = {.image_id = 1, .layout_id = 77, .key = 9, .name = "?", .file = "?"};
	struct profile *p;

	(void)state;
	emit_function(1, 2, "root");
	tell_stack(1, 0, stack, 2);
	tell_code(&foreign); /* of no interpreter that is known */
	flush(4 * SECOND);
	assert_int_equal(waiting(), 0);
	p = finish();
	assert_stack(p, 0, "root:13;[unknown function]:0");
	profile__free(p);
}

/* Memory for those that wait is bounded: the oldest go without names. */
static void too_many_wait(void **state)
{
	struct abi_frame *frames = xcalloc(ABI_MAX_FRAMES, sizeof(*frames));
	struct profile *p;

	(void)state;
	for (uint32_t i = 0; i < ABI_MAX_FRAMES; i++)
		frames[i].code_key = 1000 + i;
	for (uint64_t i = 0; i < 1000; i++) { /* 16 MB */
		tell_stack(1, i, frames, ABI_MAX_FRAMES);
		flush(i);
	}
	assert_in_range(waiting(), 1, 600);
	p = finish();
	assert_int_equal(p->sample_cnt, 1000);
	free(frames);
	profile__free(p);
}

/* ---- stacks --------------------------------------------------------------------------- */

static void cut_stacks_are_marked(void **state)
{
	static const enum abi_outcome cuts[] = {ABI_CUT_DEPTH, ABI_CUT_TIME, ABI_CUT_FAULT};
	const struct abi_frame stack[] = {{2, 4, 0}, {1, 0, 0}};
	struct profile *p;

	(void)state;
	emit_function(1, 1, "middle");
	emit_function(1, 2, "leaf");
	for (size_t i = 0; i < ARRAY_SIZE(cuts); i++) {
		struct made_sample m = {.image_id = 1, .outcome = cuts[i], .frames = stack, .cnt = 2};

		emit_sample(&m);
	}
	tell_stack(1, 9, stack, 2);
	p = finish();
	assert_int_equal(p->truncated_cnt, 3);
	assert_stack(p, 0,
		     "[truncated: deeper than the frame limit; the leaf side is kept]:0;"
		     "middle:10;leaf:12");
	assert_stack(p, 2,
		     "[truncated: a frame was not readable; the leaf side is kept]:0;"
		     "middle:10;leaf:12");
	assert_stack(p, 3, "middle:10;leaf:12");
	profile__free(p);
}

/* The most frames there can be, and a mark on top. */
static void the_deepest_stack(void **state)
{
	struct abi_frame *frames = xcalloc(ABI_MAX_FRAMES, sizeof(*frames));
	struct made_sample m = {.image_id = 1, .outcome = ABI_CUT_DEPTH, .frames = frames, .cnt = ABI_MAX_FRAMES};
	struct profile *p;

	(void)state;
	emit_function(1, 1, "f");
	for (uint32_t i = 0; i < ABI_MAX_FRAMES; i++)
		frames[i] = (struct abi_frame){1, (int32_t)(2 * (i % 8)), 0};
	emit_sample(&m);
	p = finish();
	assert_int_equal(profile__max_depth(p), ABI_MAX_FRAMES + 1);
	free(frames);
	profile__free(p);
}

static void frames_without_a_name(void **state)
{
	const struct abi_frame stack[] = {{1, 0, 0}, {0, 0, 0}, {2, 0, 0}};
	struct made_code machinery = {.image_id = 1, .layout_id = 2, .key = 2, .name = "__init__", .file = "__init__"};
	struct profile *p;

	(void)state;
	emit_function(1, 1, "leaf");
	tell_code(&machinery);
	tell_stack(1, 1, stack, 3);
	tell_stack(1, 2, stack + 2, 1);
	assert_int_equal(waiting(), 0);
	p = finish();
	assert_stack(p, 0, "[unreadable function]:0;leaf:10");
	assert_stack(p, 1, "[no Python function]:0"); /* all of it hidden: still a stack */
	profile__free(p);
}

/* ---- what the kernel side could not read ---------------------------------------------- */

/* A code object of 3.12 in our own memory. */
struct own_code {
	char object[256], name[96], file[96], lines[128];
	char key[96], module[96], dict[64], keys[256]; /* of the globals */
};

static void put_word(char *at, unsigned off, uint64_t value)
{
	memcpy(at + off, &value, sizeof(value));
}

static void put_str(char *at, const char *text)
{
	const struct abi_py_layout *l = &new_python.build.layout;

	put_word(at, l->str_length_off, strlen(text));
	put_word(at, l->str_state_off, 1u << l->str_kind_shift | 1u << l->str_compact_bit | 1u << l->str_ascii_bit);
	strcpy(at + l->str_ascii_off, text);
}

static void make_own_code(struct own_code *c)
{
	const struct abi_py_layout *l = &new_python.build.layout;
	__cleanup_free char *table = make_table(LINE_TABLE_LOCATIONS, 8);

	put_str(c->name, "in_memory");
	put_str(c->file, "/own/memory.py");
	put_word(c->lines, l->bytes_size_off, 24);
	memcpy(c->lines + l->bytes_data_off, table, 24);
	put_word(c->object, l->code_firstlineno_off, 70);
	put_word(c->object, l->code_name_off, (uintptr_t)c->name);
	put_word(c->object, l->code_filename_off, (uintptr_t)c->file);
	put_word(c->object, l->code_lines_off, (uintptr_t)c->lines);
}

static void make_own_globals(struct own_code *c)
{
	const struct abi_py_layout *l = &new_python.build.layout;

	put_str(c->key, "__name__");
	put_str(c->module, "own.memory");
	put_word(c->dict, l->dict_keys_off, (uintptr_t)c->keys);
	put_word(c->keys, l->keys_size_off, 1 << 16 | 3 << 8 | 3); /* keys that are str's, 8 bytes of indices */
	put_word(c->keys, l->keys_indices_off + 8u, (uintptr_t)c->key);
	put_word(c->keys, l->keys_indices_off + 16u, (uintptr_t)c->module);
}

static void tell_unreadable(uint32_t image_id, uint64_t key, const void *addr, const void *globals)
{
	struct made_code c = {
		.image_id = image_id, .layout_id = 2, .key = key, .name = "", .file = "", .flags = ABI_CODE_UNREADABLE};
	struct abi_code *r = code_record(&c);

	r->code_addr = (uintptr_t)addr;
	r->globals_addr = (uintptr_t)globals;
	r->name.flags = r->file.flags = ABI_TEXT_UNREADABLE;
	resolve__code(resolve, r);
	free(r);
}

static void read_from_the_process(void **state)
{
	struct own_code *c = xcalloc(1, sizeof(*c));
	const struct abi_frame stack[] = {{1, 4, 0}, {2, 0, 0}, {3, 0, 0}};
	struct profile *p;

	(void)state;
	make_own_code(c);
	make_own_globals(c);
	emit_process(1, (uint32_t)getpid(), 0, "myself");
	emit_process(2, (uint32_t)getpid(), 0, "gone");
	tell_exit(2);
	tell_unreadable(1, 1, c->object, c->dict);
	tell_unreadable(1, 2, (void *)16, c->dict); /* nothing there */
	tell_unreadable(2, 3, c->object, c->dict);  /* of a process that ended: perhaps another has its pid */
	tell_stack(1, 1, stack, 3);
	assert_int_equal(waiting(), 0);
	free(c);
	p = finish();
	assert_stack(p, 0, "[unreadable]:0;[unreadable]:0;in_memory:72");
	for (size_t i = 1; i <= p->function_cnt; i++)
		if (!strcmp(p->functions[i].name, "in_memory"))
			assert_string_equal(p->functions[i].module, "own.memory");
	profile__free(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(names_before_the_sample, begin),
		cmocka_unit_test_setup(the_collector_is_a_leaf, begin),
		cmocka_unit_test_setup(names_after_the_sample, begin),
		cmocka_unit_test_setup(those_that_wait_keep_their_order, begin),
		cmocka_unit_test_setup(lines_in_pieces, begin),
		cmocka_unit_test_setup(a_piece_that_never_comes, begin),
		cmocka_unit_test_setup(names_that_never_come, begin),
		cmocka_unit_test_setup(too_many_wait, begin),
		cmocka_unit_test_setup(cut_stacks_are_marked, begin),
		cmocka_unit_test_setup(the_deepest_stack, begin),
		cmocka_unit_test_setup(frames_without_a_name, begin),
		cmocka_unit_test_setup(read_from_the_process, begin),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
