/* SPDX-License-Identifier: MIT */
/* Names as the manuals of the compilers have them, and what nobody would write. */
#include "user/symbol/demangle.h"
#include "user/util/alloc.h"
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>

static void test_names(void **state)
{
	static const char *const pairs[][2] = {
		{"PyList_Append", "PyList_Append"},
		{"_ZN4llvm5Value7setNameERKNS_5TwineE", "llvm::Value::setName"},
		{"_ZNSt6vectorIiSaIiEE9push_backEOi", "std::vector<int, std::allocator<int> >::push_back"},
		{"_ZN4core3fmt9Formatter9write_str17h0123456789abcdefE", "core::fmt::Formatter::write_str"},
		{"_RNvCs15kBYyAo9fc_7mycrate7example", "mycrate::example"},
		{"_PyEval_EvalFrameDefault.cold", "_PyEval_EvalFrameDefault"},
		{"list_sort_impl.constprop.0.isra.0", "list_sort_impl"},
		{"f.part.3.cold", "f"},
		{"_ZN3foo3barEv.llvm.1234567890", "foo::bar"},
		{"_ZN3foo3barEv.part.0", "foo::bar"},
		{"main.main", "main.main"},
		{"go.shape.cold.func1", "go.shape.cold.func1"},
		{".hidden", ".hidden"},
		{"runtime.cold.", "runtime.cold."},
		{"_Znotmangled", "_Znotmangled"},
		{"_R", "_R"},
		{"_Z", "_Z"},
		{"", ""},
		{"a\nb\x1b[31m", "a\\nb\\x1b[31m"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(pairs); i++) {
		__cleanup_free char *got = demangle(pairs[i][0]);

		assert_string_equal(got, pairs[i][1]);
	}
}

/* Long ones, and short ones that mean long ones. */
static void test_bounds(void **state)
{
	char name[100000], *got;
	size_t len = 0;

	(void)state;
	memset(name, 'x', sizeof(name) - 1);
	name[sizeof(name) - 1] = 0;
	got = demangle(name);
	assert_true(strlen(got) < DEMANGLE_MAX + 4);
	assert_string_equal(got + strlen(got) - 3, "…");
	free(got);
	/* each argument is a function of the two before: 2^n */
	len += (size_t)sprintf(name, "_ZN1f1gI");
	for (int i = 0; i < 20; i++)
		len += (size_t)sprintf(name + len, "1tI%sS_S_E", i ? "" : "ii");
	sprintf(name + len, "EEvv");
	got = demangle(name);
	assert_true(strlen(got) < DEMANGLE_MAX + 4);
	free(got);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_bounds),
	};

	return cmocka_run_group_tests_name("demangle", tests, NULL, NULL);
}
