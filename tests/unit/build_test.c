/* SPDX-License-Identifier: MIT */
/*
 * What identification does with things that are no interpreter, and with altered debug offsets.
 * That every interpreter of this machine is identified is for tests/live/test_builds.py.
 */
#include "user/python/build.h"
#include "user/python/debug_offsets.h"
#include "user/python/version_of.h"
#include "user/python/versions.h"
#include "user/symbol/arch.h"
#include "user/util/alloc.h"
#include <dlfcn.h>
#include <elf.h>
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
	uint64_t thread = (uint64_t)pthread_self(), block;

	if (key < l->tss_inline)
		block = thread + l->tss_first_off;
	else
		block = word_at(thread + l->tss_table_off + key / l->tss_per_block * 8);
	return word_at(block + key % l->tss_per_block * l->tss_entry_size + l->tss_value_off);
}

static void test_thread_local_slots(void **state)
{
	__cleanup_close int libc = open_libc();
	__cleanup_close int self = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	struct py_build constants = {0};
	struct py_build from_libc = {0};
	pthread_key_t keys[100];

	(void)state;
	assert_int_equal(py_build_tls_from_libc(libc, &from_libc), 0);
	assert_int_equal(py_build_tls_from_libc(self, &from_libc), -ENOENT);
	py_version_apply(py_version_find(8, false), &constants);
	assert_int_equal(*(pid_t *)((char *)pthread_self() + from_libc.pthread_tid), gettid());
	assert_int_equal(constants.pthread_tid, from_libc.pthread_tid);
	assert_int_equal((uintptr_t)__builtin_thread_pointer() - from_libc.layout.thread_below, pthread_self());
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
		assert_int_equal(pthread_key_create(&keys[i], NULL), 0);
		assert_int_equal(pthread_setspecific(keys[i], (void *)(i + 1000)), 0);
		assert_int_equal(specific_by_layout(&from_libc.layout, keys[i]), i + 1000);
		assert_int_equal(specific_by_layout(&constants.layout, keys[i]), i + 1000);
	}
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
		pthread_key_delete(keys[i]);
}

/* pthread_getspecific() as Debian's 1.2.3 has it, and as gcc makes it of 1.1.24 and of 1.1.19, with a frame pointer; not glibc's. */
static void test_code_of_musl(void **state)
{
	static const struct {
		const char *code;
		size_t len;
		uint16_t specific;
	} cases[] = {
		{"\x64\x48\x8b\x04\x25\0\0\0\0\x48\x8b\x80\x80\0\0\0\x89\xff\x48\x8b\x04\xf8\xc3", 23, 128},
		{"\x64\x48\x8b\x04\x25\0\0\0\0\x48\x8b\x80\x88\0\0\0\x89\xff\x48\x8b\x04\xf8\xc3", 23, 136},
		{"\x55\x48\x89\xe5\x64\x48\x8b\x04\x25\0\0\0\0\x48\x8b\x80\x98\0\0\0\x89\xff\x48\x8b\x04\xf8\x5d\xc3",
		 28, 152},
		/* another variable than the thread itself; not a thread's member; no array; cut */
		{"\x64\x48\x8b\x04\x25\x10\0\0\0\x48\x8b\x80\x80\0\0\0\x89\xff\x48\x8b\x04\xf8\xc3", 23, 0},
		{"\x64\x48\x8b\x04\x25\0\0\0\0\x48\x8b\x80\x80\0\1\0\x89\xff\x48\x8b\x04\xf8\xc3", 23, 0},
		{"\x64\x48\x8b\x04\x25\0\0\0\0\x48\x8b\x80\x80\0\0\0\xc3", 17, 0},
		{"\x64\x48\x8b\x04\x25\0\0\0\0\x48\x8b\x80\x80\0", 14, 0},
	};
	int32_t specific;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		bool is = arch_of(EM_X86_64)->specific((const uint8_t *)cases[i].code, cases[i].len, &specific);

		assert_int_equal(is, cases[i].specific != 0);
		assert_true(!is || specific == cases[i].specific);
	}
}

static void test_version_texts(void **state)
{
	static const struct {
		const char *text;
		uint32_t hex;
	} good[] = {{"3.8.18", 0x030812f0},  {"3.10.0", 0x030a00f0},   {"3.13.0rc2", 0x030d00c2},
		    {"3.9.0a6", 0x030900a6}, {"3.9.0b1+", 0x030900b1}, {"2.7.18", 0x02071200 | 0xf0},
		    {"3.11.2+", 0x030b02f0}};
	static const char *const bad[] = {
		"",        "3",       "3.8",     "3.8.",      "3.8.1x",  "3.8.1.2",         "1.2.3",  "4.0.0",
		"3.8.256", "3.300.1", "3.8.1rc", "3.8.1rc16", "3.08.1.", "3.8.1 (default)", "-3.8.1", "3.8.1111"};
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
	size_t cnt;
	const struct py_version *rows = py_versions(&cnt);

	(void)state;
	assert_true(cnt > 0);
	assert_null(py_version_find(rows[0].minor - 1, false));
	assert_null(py_version_find(rows[cnt - 1].minor + 1, false));
	assert_null(py_version_find(rows[0].minor, true));
	for (size_t i = 0; i < cnt; i++) {
		const struct py_version *row = &rows[i];
		struct py_build build;

		py_version_apply(row, &build);
		if (i)
			assert_int_equal(row->minor, rows[i - 1].minor + !row->free_threaded);
		assert_ptr_equal(py_version_find(row->minor, row->free_threaded), row);
		assert_int_equal(row->layout.type_off, row->free_threaded ? 24 : 8);
		assert_int_equal(row->free_threaded, !!(row->layout.mech & ABI_MECH_GIL_SWITCH));
		assert_true(py_layout_fits(&build.layout));
		assert_true(!row->debug || debug_offsets_bytes(row->debug) > DEBUG_OFFSETS_HEADER);
		assert_true(row->layout.frame_locals_off && row->objects.code_variables && row->objects.type_qualname);
		assert_int_equal(!row->objects.code_kinds, row->objects.code_cells && row->objects.code_free);
		assert_int_equal(!row->objects.type_cached_keys, row->objects.attributes == PY_ATTRIBUTES_IN_DICT);
		assert_int_equal(!(row->layout.mech & ABI_MECH_GIL_STATUS), !row->layout.gil_mask);
		assert_int_equal(!(row->layout.mech & ABI_MECH_OWNER), !row->layout.owner_shim);
	}
}

/* 3.7.0 to 3.7.3: of a program that declares _PyRuntime with an 8-byte PyGC_Head. */
static void test_older_patch_releases(void **state)
{
	const struct py_version *row = py_version_find(7, false);
	struct py_build now, older;

	(void)state;
	py_version_apply(row, &now);
	older = now;
	assert_true(py_version_fits_runtime(row, 1520, 16, &older));
	assert_memory_equal(&older, &now, sizeof(now));
	assert_false(py_version_fits_runtime(row, 1512, 16, &older));
	assert_false(py_version_fits_runtime(py_version_find(8, false), 0, 16, &older));
	assert_memory_equal(&older, &now, sizeof(now));
	assert_true(py_version_fits_runtime(row, 1424, 16, &older));
	assert_int_equal(older.layout.rt_tss_off, 1416);
	assert_int_equal(older.layout.rt_tstate_current_off, 1392);
	assert_int_equal(older.objects.runtime_gil, 1176);
	assert_int_equal(older.objects.runtime_interp_head, now.objects.runtime_interp_head);
}

/* Each of these, moved out of its block, must be noticed. */
static void test_layout_that_does_not_fit(void **state)
{
	static const size_t members[] = {
		offsetof(struct abi_py_layout, ts_thread_id_off),     offsetof(struct abi_py_layout, ts_frame_off),
		offsetof(struct abi_py_layout, frame_prev_off),       offsetof(struct abi_py_layout, frame_code_off),
		offsetof(struct abi_py_layout, frame_ip_off),         offsetof(struct abi_py_layout, frame_owner_off),
		offsetof(struct abi_py_layout, code_firstlineno_off), offsetof(struct abi_py_layout, code_version_off),
		offsetof(struct abi_py_layout, code_filename_off),    offsetof(struct abi_py_layout, code_name_off),
		offsetof(struct abi_py_layout, code_lines_off),
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(members); i++) {
		struct py_build build;
		struct abi_py_layout l;
		uint16_t far = 500;

		py_version_apply(py_version_find(12, false), &build);
		l = build.layout;
		assert_true(py_layout_fits(&l));
		memcpy((char *)&l + members[i], &far, sizeof(far));
		assert_false(py_layout_fits(&l));
	}
}

/* A table as 3.13 has it, from the row's own numbers; positions from pycore_runtime.h. */
static void fill_table(uint64_t *t)
{
	static const uint64_t values[][2] = {{24, 283320}, {40, 632},  {56, 7272}, {64, 7264}, {72, 7344}, {80, 7400},
					     {576, 200},   {88, 7656}, {112, 16},  {160, 0},   {168, 8},   {176, 16},
					     {184, 72},    {192, 152}, {200, 160}, {216, 32},  {232, 8},   {240, 0},
					     {248, 56},    {256, 72},  {264, 70},  {280, 112}, {296, 128}, {304, 136},
					     {312, 68},    {344, 200}, {360, 8},   {376, 24},  {456, 32},  {464, 40},
					     {520, 16},    {528, 32},  {544, 32},  {552, 16},  {560, 40}};

	memset(t, 0, 584);
	memcpy(t, "xdebugpy", 8);
	t[1] = 0x030d00f0;
	for (size_t i = 0; i < ARRAY_SIZE(values); i++)
		t[values[i][0] / 8] = values[i][1];
}

static void test_debug_offsets(void **state)
{
	const struct py_version *row = py_version_find(13, false);
	struct py_build build = {0}, constants;
	uint64_t table[584 / 8];
	bool free_threaded;
	uint32_t hex;

	(void)state;
	py_version_apply(row, &build);
	constants = build;
	fill_table(table);
	assert_true(debug_offsets_header(table, &hex, &free_threaded));
	assert_int_equal(hex, 0x030d00f0);
	assert_false(free_threaded);
	assert_null(debug_offsets_apply(row->debug, table, 283320, &build));
	assert_memory_equal(&build, &constants, sizeof(build));
	table[184 / 8] = 80;
	assert_null(debug_offsets_apply(row->debug, table, 283320, &build));
	assert_int_equal(build.layout.ts_frame_off, 80);
	/* another size, a free-threaded header, an absurd offset */
	assert_non_null(debug_offsets_apply(row->debug, table, 283321, &build));
	table[360 / 8] = 24;
	assert_non_null(debug_offsets_apply(row->debug, table, 283320, &build));
	fill_table(table);
	table[304 / 8] = 1ull << 40 | 136;
	assert_non_null(debug_offsets_apply(row->debug, table, 283320, &build));
	table[0] ^= 1;
	assert_false(debug_offsets_header(table, &hex, &free_threaded));
}

/* What pycore_debug_offsets.h of 3.14.10 makes of its structs with Py_GIL_DISABLED. */
static void fill_threaded_table(uint64_t *t)
{
	static const uint64_t values[][2] = {
		{16, 1},    {24, 365624}, {40, 808}, {56, 7280}, {64, 7272}, {72, 7344}, {96, 7712}, {88, 7408},
		{656, 192}, {120, 16},    {184, 0},  {192, 8},   {200, 16},  {208, 72},  {216, 152}, {224, 160},
		{240, 32},  {256, 8},     {264, 0},  {272, 56},  {280, 80},  {288, 78},  {304, 72},  {320, 128},
		{336, 144}, {344, 152},   {352, 84}, {384, 232}, {392, 224}, {408, 24},  {424, 40},  {536, 48},
		{544, 56},  {600, 32},    {608, 48}, {624, 48},  {632, 32},  {640, 56}};

	memset(t, 0, 760);
	memcpy(t, "xdebugpy", 8);
	t[1] = 0x030e0af0;
	for (size_t i = 0; i < ARRAY_SIZE(values); i++)
		t[values[i][0] / 8] = values[i][1];
}

static void test_debug_offsets_of_a_free_threaded_build(void **state)
{
	const struct py_version *row = py_version_find(14, true);
	struct py_build build = {0}, constants;
	uint64_t table[760 / 8];
	bool free_threaded;
	uint32_t hex;

	(void)state;
	py_version_apply(row, &build);
	constants = build;
	fill_threaded_table(table);
	assert_true(debug_offsets_header(table, &hex, &free_threaded) && free_threaded);
	assert_null(debug_offsets_apply(row->debug, table, 365624, &build));
	assert_memory_equal(&build, &constants, sizeof(build));
	table[304 / 8] = 76;
	table[392 / 8] = 216;
	assert_null(debug_offsets_apply(row->debug, table, 365624, &build));
	assert_int_equal(build.layout.frame_copy_off, 76);
	assert_int_equal(build.layout.code_copies_off, 216);
	/* the objects of a default build */
	table[2] = 0;
	assert_non_null(debug_offsets_apply(row->debug, table, 365624, &build));
	fill_threaded_table(table);
	table[408 / 8] = 8;
	assert_non_null(debug_offsets_apply(row->debug, table, 365624, &build));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_files_without_interpreter),
		cmocka_unit_test(test_thread_local_slots),
		cmocka_unit_test(test_code_of_musl),
		cmocka_unit_test(test_version_texts),
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_older_patch_releases),
		cmocka_unit_test(test_layout_that_does_not_fit),
		cmocka_unit_test(test_debug_offsets),
		cmocka_unit_test(test_debug_offsets_of_a_free_threaded_build),
	};

	return cmocka_run_group_tests_name("build", tests, NULL, NULL);
}
