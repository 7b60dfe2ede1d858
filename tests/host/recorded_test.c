/* SPDX-License-Identifier: MIT */
/*
 * The walker over real processes of another time and machine (process_image.h): what it finds must be what their
 * interpreters said, as they were, and moved to where this machine has no memory. For arm64 alone: whatever this processor
 * is, this is compiled with arm64's header of bpf/arch/.
 */
#include "bpf/outcomes.h"
#include "tests/host/named_walk.h"
#include "tests/host/process_image.h"
#include "user/python/code_object.h"
#include "user/util/alloc.h"
#include <glob.h>
#include <string.h>
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#define IMAGES   "tests/host/images/aarch64-*.gz"
#define NEAR     (64ull << 10) /* of a block that was read: what points there may be followed */
#define LOW_END  (1ull << 32)  /* programs that are linked to an address are below */
#define FILE_MAX (64ull << 20) /* an interpreter's own data is not so far from its _PyRuntime */
#define TAG      (5ull << 56)
#define HIGH     (0xfull << 48)  /* what 52 bits have more than 48 */
#define SIGNED   (0x55ull << 48) /* a code of authentication */

static bool is_own_data(const struct process_image *p, u64 addr)
{
	return addr - p->runtime_addr + FILE_MAX < 2 * FILE_MAX;
}

static bool is_followed(const struct process_image *p, u64 value)
{
	const struct image *m = p->memory;
	size_t low = 0, high = m->cnt;

	if (value < LOW_END)
		return false;
	while (low < high) {
		size_t middle = (low + high) / 2;

		if (m->regions[middle].addr + m->regions[middle].size + NEAR > value)
			high = middle;
		else
			low = middle + 1;
	}
	return low < m->cnt && m->regions[low].addr < value + NEAR;
}

/* ---- what is done to an image -------------------------------------------------------------------------- */

struct change {
	const char *name;
	u64 pointers, memory, registers; /* is added to those that `applies` to */
	bool (*applies)(const struct process_image *p, u64 value);
	bool threads; /* thread pointers, too */
};

/* The loader and libraries lie elsewhere than objects, but all are above. */
static bool all_above(const struct process_image *p, u64 value)
{
	return is_followed(p, value);
}

static bool is_thread(const struct process_image *p, u64 value)
{
	for (size_t i = 0; i < p->thread_cnt; i++) {
		if (value == p->threads[i].ident || value == p->threads[i].pointer)
			return true;
	}
	return false;
}

/* What an allocator gives out: no static object, and no thread's own area. */
static bool allocated(const struct process_image *p, u64 value)
{
	return is_followed(p, value) && !is_own_data(p, value) && !is_thread(p, value);
}

static const struct change changes[] = {
	{.name = "as it was"},
	{.name = "with 52 bits",
	 .pointers = HIGH,
	 .memory = HIGH,
	 .registers = HIGH,
	 .applies = all_above,
	 .threads = true},
	{.name = "tags of pointers", .pointers = TAG, .registers = TAG, .applies = allocated},
	{.name = "signed registers", .registers = SIGNED},
};

static void change_words(struct process_image *p, const struct change *c, u64 *words, size_t cnt)
{
	for (size_t i = 0; i < cnt; i++) {
		if (c->applies(p, words[i]))
			words[i] += c->pointers;
	}
}

/* Registers that are no pointers to objects may be signed ones to code. */
static void change_registers(const struct process_image *p, const struct change *c, struct process_image_thread *t)
{
	for (size_t i = 0; i < ARCH_USER_REGISTERS; i++) {
		if (c->applies ? c->applies(p, t->registers[i]) : !is_followed(p, t->registers[i]))
			t->registers[i] += c->registers;
	}
}

static void change(struct process_image *p, const struct change *c)
{
	struct image *m = p->memory;
	u64 runtime = c->memory && c->applies(p, p->runtime_addr) ? c->memory : 0;

	for (size_t i = 0; c->applies && i < m->cnt; i++)
		change_words(p, c, (u64 *)m->regions[i].bytes, m->regions[i].size / sizeof(u64));
	for (size_t i = 0; i < p->thread_cnt; i++)
		change_registers(p, c, &p->threads[i]);
	for (size_t i = 0; c->threads && i < p->thread_cnt; i++) {
		p->threads[i].ident += c->pointers;
		p->threads[i].pointer += c->pointers;
	}
	for (size_t i = 0; c->memory && i < m->cnt; i++)
		m->regions[i].addr += m->regions[i].addr >= LOW_END ? c->memory : 0;
	p->runtime_addr += runtime;
}

/* ---- tests --------------------------------------------------------------------------------------------- */

struct case_of {
	const char *path;
	const struct change *change;
};

static void check_frames(struct named_walk *walk, const struct process_image_thread *t)
{
	size_t k = 0;

	for (u32 i = 0; i < named_walk__cnt(walk); i++) {
		struct named_frame f = named_walk__frame(walk, i);

		if (code_is_machinery(f.name, f.file, f.first_line))
			continue;
		assert_true(k < t->frame_cnt);
		assert_string_equal(f.name, t->frames[k].name);
		assert_string_equal(f.file, t->frames[k].file);
		assert_int_equal(f.first_line, t->frames[k].first_line);
		assert_int_equal(f.line, t->frames[k].line);
		k++;
	}
	assert_int_equal(k, t->frame_cnt);
}

static void every_thread_as_python_said(void **state)
{
	const struct case_of *c = *state;
	struct process_image *p = process_image__read(c->path);
	struct py_build build;
	struct named_walk *walk;

	assert_non_null(p);
	assert_null(process_image__build(p, &build));
	change(p, c->change);
	host.memory = p->memory;
	walk = named_walk__new(&build, p->runtime_addr);
	assert_true(p->thread_cnt > 0);
	for (size_t i = 0; i < p->thread_cnt; i++) {
		const struct process_image_thread *t = &p->threads[i];

		memcpy(host.registers, t->registers, sizeof(host.registers));
		/* As sample_prepare() in bpf/sample.bpf.c. */
		assert_int_equal(named_walk__thread(walk, t->pointer - build.layout.thread_below), ABI_OK);
		check_frames(walk, t);
	}
	named_walk__free(walk);
	process_image__free(p);
}

/* One that was taken amid a switch is of none without them. */
static void registers_are_needed(void **state)
{
	const struct case_of *c = *state;
	struct process_image *p = process_image__read(c->path);
	struct py_build build;
	struct named_walk *walk;

	assert_non_null(p);
	assert_null(process_image__build(p, &build));
	host.memory = p->memory;
	memset(host.registers, 0, sizeof(host.registers));
	walk = named_walk__new(&build, p->runtime_addr);
	assert_int_not_equal(named_walk__thread(walk, p->threads[0].ident), ABI_OK);
	named_walk__free(walk);
	process_image__free(p);
}

#define MAX_TESTS 256

static struct CMUnitTest tests[MAX_TESTS];
static struct case_of cases[MAX_TESTS];
static size_t test_cnt;

static void add_test(const char *path, const struct change *how)
{
	struct case_of *c = &cases[test_cnt];

	if (test_cnt == MAX_TESTS)
		abort();
	*c = (struct case_of){path, how};
	tests[test_cnt++] = (struct CMUnitTest){
		.name = xasprintf("%s, %s", strrchr(path, '/') + 1, how ? how->name : "without registers"),
		.test_func = how ? every_thread_as_python_said : registers_are_needed,
		.initial_state = c,
	};
}

int main(void)
{
	glob_t paths;
	int failed;

	if (glob(IMAGES, 0, NULL, &paths)) {
		fprintf(stderr, "no %s here\n", IMAGES);
		return 1;
	}
	for (size_t i = 0; i < paths.gl_pathc; i++) {
		for (size_t k = 0; k < ARRAY_SIZE(changes); k++)
			add_test(paths.gl_pathv[i], &changes[k]);
		if (strstr(paths.gl_pathv[i], "-switch"))
			add_test(paths.gl_pathv[i], NULL);
	}
	failed = _cmocka_run_group_tests("recorded", tests, test_cnt, NULL, NULL);
	for (size_t i = 0; i < test_cnt; i++)
		free((char *)tests[i].name);
	globfree(&paths);
	return failed;
}
