/* SPDX-License-Identifier: MIT */
/* Symbol tables that were made to be slow, and that every name is found all the same. */
#include "user/symbol/elf_file.h"
#include "user/util/alloc.h"
#include "user/util/clock.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#define SYMBOLS 400000
#define LOOKUPS 60000

/* `distinct` names "P0000000" …, or one name for all. */
static struct elf_symtab make_table(bool distinct)
{
	struct elf_symtab t = {.count = SYMBOLS, .names_len = 1 + 9 * SYMBOLS};

	t.symbols = xcalloc(SYMBOLS, sizeof(*t.symbols));
	t.names = xcalloc(1, t.names_len + 1);
	for (unsigned i = 0; i < SYMBOLS; i++) {
		sprintf(t.names + 1 + 9 * i, "P%07u", distinct ? i : 0);
		t.symbols[i] = (Elf64_Sym){.st_name = 1 + 9 * i, .st_shndx = 1, .st_value = i + 1};
	}
	return t;
}

static void free_table(struct elf_symtab *t)
{
	free(t->symbols);
	free(t->names);
	free(t->slots);
}

static void test_many(void **state)
{
	(void)state;
	for (int distinct = 0; distinct < 2; distinct++) {
		struct elf_symtab t = make_table(distinct);
		uint64_t start = clock_cpu_ns();
		char name[16];

		elf_index__build(&t);
		for (unsigned i = 0; i < LOOKUPS; i++) {
			const Elf64_Sym *s;

			sprintf(name, "P%07u", i * 6);
			s = elf_index__find(&t, name);
			if (distinct || !i)
				assert_int_equal(s->st_value, i * 6 + 1);
			else
				assert_null(s);
			assert_null(elf_index__find(&t, "Pnone"));
		}
		assert_true(clock_cpu_ns() - start < 2000000000u);
		free_table(&t);
	}
}

/* Each name is the rest of one very long string. */
static void test_long_names(void **state)
{
	struct elf_symtab t = make_table(true);
	uint64_t start = clock_cpu_ns();

	(void)state;
	memset(t.names, 'P', t.names_len);
	for (unsigned i = 0; i < SYMBOLS; i++)
		t.symbols[i].st_name = i + 1;
	t.symbols[7].st_name = (uint32_t)t.names_len - 3;
	t.symbols[8].st_name = (uint32_t)t.names_len - 1;
	t.symbols[9].st_name = (uint32_t)t.names_len;
	t.symbols[10].st_name = UINT32_MAX;
	elf_index__build(&t);
	assert_true(clock_cpu_ns() - start < 2000000000u);
	assert_int_equal(elf_index__find(&t, "PPP")->st_value, 8);
	assert_int_equal(elf_index__find(&t, "P")->st_value, 9);
	assert_null(elf_index__find(&t, ""));
	assert_null(elf_index__find(&t, t.names));
	free_table(&t);
}

static void test_undefined_and_none(void **state)
{
	struct elf_symtab t = make_table(true), none = {0};

	(void)state;
	t.symbols[3].st_shndx = SHN_UNDEF;
	elf_index__build(&t);
	assert_null(elf_index__find(&t, "P0000003"));
	assert_non_null(elf_index__find(&t, "P0000004"));
	assert_null(elf_index__find(&none, "P0000004"));
	free_table(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_many),
		cmocka_unit_test(test_long_names),
		cmocka_unit_test(test_undefined_and_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
