/*
 * What identification does with things that are no interpreter, and with altered debug offsets.
 * That every interpreter of this machine is identified is for tests/live/test_builds.py.
 */
#include "user/python/build.h"
#include "user/python/debug_offsets.h"
#include "user/python/version_of.h"
#include "user/python/versions.h"
#include "user/util/alloc.h"
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>

static int open_libc(void)
{
	void *libc = dlopen("libc.so.6", RTLD_LAZY | RTLD_NOLOAD);
	Dl_info info;

	assert_non_null(libc);
	assert_true(dladdr(dlsym(libc, "qsort"), &info));
	dlclose(libc);
	return open(info.dli_fname, O_RDONLY | O_CLOEXEC);
}

static void test_files_without_interpreter(void **state)
{
	__cleanup_close int self = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	__cleanup_close int libc = open_libc();
	__cleanup_close int text = open("/etc/passwd", O_RDONLY | O_CLOEXEC);
	struct py_build build;

	(void)state;
	assert_int_equal(py_build_identify(self, "python3.11", &build), -ENOENT);
	assert_int_equal(py_build_identify(libc, "libpython3.11.so.1.0", &build), -ENOENT);
	assert_int_equal(py_build_identify(text, "x", &build), -ENOENT);
	assert_int_equal(py_build_identify(-1, "x", &build), -ENOENT);
}

static uint64_t word_at(uint64_t addr)
{
	return *(uint64_t *)(uintptr_t)addr;
}

/* The kernel side's way to a thread-specific value, on this very thread. */
static uint64_t specific_by_layout(const struct abi_py_layout *l, pthread_key_t key)
{
	uint64_t tp, block;

	__asm__("mov %%fs:0, %0" : "=r"(tp));
	if (key < l->tss_per_block)
		block = tp + l->tss_first_off;
	else
		block = word_at(tp + l->tss_table_off + key / l->tss_per_block * 8);
	return word_at(block + key % l->tss_per_block * l->tss_entry_size + l->tss_value_off);
}

static void test_thread_local_slots(void **state)
{
	__cleanup_close int libc = open_libc();
	__cleanup_close int self = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	struct abi_py_layout constants = py_version_find(8)->layout;
	struct py_build from_libc = {0};
	pthread_key_t keys[100];

	(void)state;
	assert_int_equal(py_build_tls_from_libc(libc, &from_libc), 0);
	assert_int_equal(py_build_tls_from_libc(self, &from_libc), -ENOENT);
	assert_int_equal(*(pid_t *)((char *)pthread_self() + from_libc.objects.pthread_tid), gettid());
	assert_int_equal(py_version_find(8)->objects.pthread_tid, from_libc.objects.pthread_tid);
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
		assert_int_equal(pthread_key_create(&keys[i], NULL), 0);
		assert_int_equal(pthread_setspecific(keys[i], (void *)(i + 1000)), 0);
		assert_int_equal(specific_by_layout(&from_libc.layout, keys[i]), i + 1000);
		assert_int_equal(specific_by_layout(&constants, keys[i]), i + 1000);
	}
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
		pthread_key_delete(keys[i]);
}

static void test_version_texts(void **state)
{
	static const struct {
		const char *text;
		uint32_t hex;
	} good[] = {{"3.8.18", 0x030812f0},    {"3.10.0", 0x030a00f0},
		    {"3.13.0rc2", 0x030d00c2}, {"3.9.0a6", 0x030900a6},
		    {"3.9.0b1+", 0x030900b1},  {"2.7.18", 0x02071200 | 0xf0},
		    {"3.11.2+", 0x030b02f0}};
	static const char *const bad[] = {"",        "3",
					  "3.8",     "3.8.",
					  "3.8.1x",  "3.8.1.2",
					  "1.2.3",   "4.0.0",
					  "3.8.256", "3.300.1",
					  "3.8.1rc", "3.8.1rc16",
					  "3.08.1.", "3.8.1 (default)",
					  "-3.8.1",  "3.8.1111"};
	struct py_build build;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		build = (struct py_build){0};
		assert_true(version_from_text(good[i].text, &build));
		assert_int_equal(build.version_hex, good[i].hex);
		assert_string_equal(build.version, good[i].text);
	}
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		build = (struct py_build){0};
		if (version_from_text(bad[i], &build) || build.version_hex)
			fail_msg("taken for a version: %s", bad[i]);
	}
	version_from_hex(0x030d00c2, &build);
	assert_string_equal(build.version, "3.13.0rc2");
	version_from_hex(0x030c01f0, &build);
	assert_string_equal(build.version, "3.12.1");
}

static void test_rows(void **state)
{
	(void)state;
	for (unsigned minor = 0; minor < 100; minor++) {
		const struct py_version *row = py_version_find(minor);

		assert_int_equal(row != NULL,
				 minor >= PY_VERSION_OLDEST && minor <= PY_VERSION_NEWEST);
		if (!row)
			continue;
		assert_int_equal(row->objects.minor, minor);
		assert_true(py_layout_fits(&row->layout));
		assert_int_equal(row->debug_offsets, debug_offsets_bytes(minor) != 0);
		assert_int_equal(!(row->layout.mech & ABI_MECH_GIL_STATUS), !row->layout.gil_mask);
		assert_int_equal(!(row->layout.mech & ABI_MECH_OWNER), !row->layout.owner_shim);
	}
}

/* Each of these, moved out of its block, must be noticed. */
static void test_layout_that_does_not_fit(void **state)
{
	static const size_t members[] = {
		offsetof(struct abi_py_layout, ts_thread_id_off),
		offsetof(struct abi_py_layout, ts_frame_off),
		offsetof(struct abi_py_layout, frame_prev_off),
		offsetof(struct abi_py_layout, frame_code_off),
		offsetof(struct abi_py_layout, frame_ip_off),
		offsetof(struct abi_py_layout, frame_owner_off),
		offsetof(struct abi_py_layout, code_firstlineno_off),
		offsetof(struct abi_py_layout, code_version_off),
		offsetof(struct abi_py_layout, code_filename_off),
		offsetof(struct abi_py_layout, code_name_off),
		offsetof(struct abi_py_layout, code_lines_off),
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(members); i++) {
		struct abi_py_layout l = py_version_find(12)->layout;
		uint16_t far = 500;

		memcpy((char *)&l + members[i], &far, sizeof(far));
		assert_false(py_layout_fits(&l));
	}
}

/* A table as 3.13 has it, from the row's own numbers; positions from pycore_runtime.h. */
static void fill_table(uint64_t *t)
{
	static const uint64_t values[][2] = {
		{24, 283320}, {40, 632},  {56, 7272}, {64, 7264}, {72, 7344}, {88, 7656}, {112, 16},
		{160, 0},     {168, 8},   {176, 16},  {184, 72},  {192, 152}, {200, 160}, {216, 32},
		{232, 8},     {240, 0},   {248, 56},  {256, 72},  {264, 70},    {280, 112}, {296, 128}, {304, 136}, {312, 68},  {344, 200}, {360, 8},
		{376, 24},    {520, 16},  {528, 32},  {544, 32},  {552, 16},  {560, 40}};

	memset(t, 0, 584);
	memcpy(t, "xdebugpy", 8);
	t[1] = 0x030d00f0;
	for (size_t i = 0; i < ARRAY_SIZE(values); i++)
		t[values[i][0] / 8] = values[i][1];
}

static void test_debug_offsets(void **state)
{
	const struct py_version *row = py_version_find(13);
	struct py_build build = {.layout = row->layout, .objects = row->objects};
	uint64_t table[584 / 8];
	bool free_threaded;
	uint32_t hex;

	(void)state;
	fill_table(table);
	assert_true(debug_offsets_header(table, &hex, &free_threaded));
	assert_int_equal(hex, 0x030d00f0);
	assert_false(free_threaded);
	assert_null(debug_offsets_apply(table, 13, 283320, &build));
	assert_memory_equal(&build.layout, &row->layout, sizeof(build.layout));
	assert_memory_equal(&build.objects, &row->objects, sizeof(build.objects));
	table[184 / 8] = 80;
	assert_null(debug_offsets_apply(table, 13, 283320, &build));
	assert_int_equal(build.layout.ts_frame_off, 80);
	/* another size, a free-threaded header, an absurd offset, an unknown minor */
	assert_non_null(debug_offsets_apply(table, 13, 283321, &build));
	table[360 / 8] = 24;
	assert_non_null(debug_offsets_apply(table, 13, 283320, &build));
	fill_table(table);
	table[304 / 8] = 1ull << 40 | 136;
	assert_non_null(debug_offsets_apply(table, 13, 283320, &build));
	assert_non_null(debug_offsets_apply(table, 14, 283320, &build));
	table[0] ^= 1;
	assert_false(debug_offsets_header(table, &hex, &free_threaded));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_files_without_interpreter),
		cmocka_unit_test(test_thread_local_slots),
		cmocka_unit_test(test_version_texts),
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_layout_that_does_not_fit),
		cmocka_unit_test(test_debug_offsets),
	};

	return cmocka_run_group_tests_name("build", tests, NULL, NULL);
}
