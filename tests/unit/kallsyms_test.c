/* SPDX-License-Identifier: MIT */
/* Texts as the kernel writes them, and its own where we may see it. */
#include "user/symbol/kallsyms.h"
#include "user/util/alloc.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static struct kallsyms *parse(const char *text)
{
	__cleanup_file FILE *f = fmemopen((char *)text, strlen(text), "r");

	return kallsyms__parse(f);
}

static void check(const struct kallsyms *k, uint64_t addr, const char *name, const char *module)
{
	const char *m = "", *n;
	uint64_t start;

	n = kallsyms__find(k, addr, &start, &m);
	if (!name) {
		assert_null(n);
		return;
	}
	assert_non_null(n);
	assert_string_equal(n, name);
	assert_string_equal(m, module);
	assert_true(start <= addr);
}

static void test_text(void **state)
{
	struct kallsyms *k = parse("ffffffff81000000 T _text\n"
				   "ffffffff81000000 T startup_64\n"
				   "ffffffff81000100 t do_one\n"
				   "ffffffff81000180 d some_data\n"
				   "ffffffffc0001000 t ext4_read\t[ext4]\n"
				   "ffffffffc0002000 t bpf_prog_1_f\t[bpf]\n"
				   "ffffffff81000200 W weak_one\n"
				   "nonsense\n"
				   "ffffffff81000300");

	(void)state;
	check(k, 0xffffffff80ffffff, NULL, NULL);
	check(k, 0xffffffff81000000, "_text", "");
	check(k, 0xffffffff810000ff, "_text", "");
	check(k, 0xffffffff81000190, "do_one", "");
	check(k, 0xffffffff81000200, "weak_one", "");
	check(k, 0xffffffffc0001fff, "ext4_read", "ext4");
	check(k, 0xffffffffc0002010, "bpf_prog_1_f", "bpf");
	check(k, 0xffffffffd0000000, NULL, NULL);
	kallsyms__free(k);
}

static void test_hidden(void **state)
{
	(void)state;
	assert_null(parse("0000000000000000 T _text\n0000000000000000 t do_one\n"));
	kallsyms__free(NULL);
}

/* Its own text against what is found at the addresses it says. */
static void test_this_kernel(void **state)
{
	struct kallsyms *k = kallsyms__read();
	__cleanup_file FILE *f = fopen("/proc/kallsyms", "re");
	unsigned long long start, last = 0;
	char line[768], name[512], kind;
	size_t lines = 0, same = 0;

	(void)state;
	if (!k)
		skip(); /* not root, or restricted */
	while (fgets(line, sizeof(line), f)) {
		const char *module, *found;
		uint64_t at = 0;

		if (sscanf(line, "%llx %c %511s", &start, &kind, name) != 3 || !strchr("tTwW", kind) || start == last)
			continue;
		last = start;
		found = kallsyms__find(k, start, &at, &module);
		lines++;
		same += found && at == start && !strcmp(found, name);
	}
	assert_true(lines > 1000);
	assert_true(same * 100 >= lines * 99); /* programs come and go meanwhile */
	kallsyms__free(k);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_text),
		cmocka_unit_test(test_hidden),
		cmocka_unit_test(test_this_kernel),
	};

	return cmocka_run_group_tests_name("kallsyms", tests, NULL, NULL);
}
