/* SPDX-License-Identifier: MIT */
/* The mappings of this process, of which it knows where its code is. */
#include "user/target/mappings.h"
#include "user/os/worker.h"
#include <dlfcn.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>
#include <cmocka.h>

static const char *last_part(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

static void check_file(const struct mappings *m, void *function, const char *name)
{
	const struct mapping *one = mappings_find(m, (uint64_t)(uintptr_t)function);
	struct stat st;

	assert_non_null(one);
	assert_int_equal(one->kind, MAPPING_FILE);
	assert_string_equal(last_part(mappings_path(m, one)), name);
	assert_int_equal(stat(mappings_path(m, one), &st), 0);
	assert_int_equal(one->file.inode, st.st_ino);
	assert_int_equal(one->file.dev, major(st.st_dev) << 20 | minor(st.st_dev));
	assert_int_equal(one->file.changed_ns,
			 (uint64_t)st.st_ctim.tv_sec * 1000000000ull + (uint64_t)st.st_ctim.tv_nsec);
}

static void test_this_process(void **state)
{
	struct mappings m = {0};
	void *made = mmap(NULL, 3 * 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	uint64_t vdso = getauxval(AT_SYSINFO_EHDR);
	Dl_info info;
	void *libc;

	(void)state;
	/* in pieces, as the middle has another name of its own or other flags */
	assert_int_equal(mprotect((char *)made + 4096, 4096, PROT_READ | PROT_WRITE | PROT_EXEC), 0);
	assert_int_equal(mappings_read(&m, getpid()), 0);
	for (size_t i = 1; i < m.cnt; i++)
		assert_true(m.items[i].start >= m.items[i - 1].end);
	check_file(&m, test_this_process, "mappings_test");
	/* through its handle, so that no sanitizer's own is meant */
	libc = dlsym(dlopen("libc.so.6", RTLD_LAZY | RTLD_NOLOAD), "qsort");
	assert_true(dladdr(libc, &info));
	check_file(&m, libc, last_part(info.dli_fname));
	assert_int_equal(mappings_find(&m, vdso)->kind, MAPPING_VDSO);
	assert_int_equal(mappings_find(&m, vdso)->start, vdso);
	for (size_t at = 0; at < 3 * 4096; at += 4096)
		assert_int_equal(mappings_find(&m, (uintptr_t)made + at)->kind, MAPPING_ANONYMOUS);
	assert_ptr_equal(mappings_find(&m, (uintptr_t)made), mappings_find(&m, (uintptr_t)made + 2 * 4096));
	assert_null(mappings_find(&m, (uintptr_t)&m)); /* the stack cannot be executed */
	assert_null(mappings_find(&m, 0));
	assert_null(mappings_find(&m, UINT64_MAX));
	munmap(made, 3 * 4096);
	mappings_clear(&m);
}

static void test_gone(void **state)
{
	struct mappings m = {0};

	(void)state;
	assert_int_equal(mappings_read(&m, getpid()), 0);
	assert_true(m.cnt > 0);
	assert_true(mappings_read(&m, 0x7ffffff0) < 0);
	assert_int_equal(m.cnt, 0);
	assert_null(mappings_find(&m, (uintptr_t)test_gone));
	mappings_clear(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_this_process),
		cmocka_unit_test(test_gone),
	};

	return cmocka_run_group_tests_name("mappings", tests, NULL, NULL);
}
