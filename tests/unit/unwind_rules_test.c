/* SPDX-License-Identifier: MIT */
/* Rules that tables share: the same numbers for the same rules, none lost, none given twice. */
#include "user/symbol/unwind_rules.h"
#include "user/util/alloc.h"
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>

/* A table of `cnt` rules beside STOP, CFA = rsp + first, + first + 1, …; a row for each. */
static struct unwind_table make_table(int first, uint32_t cnt)
{
	struct unwind_table t = {.row_cnt = cnt + 1, .rule_cnt = cnt + 1, .page_cnt = 1};

	t.pages = xcalloc(1, sizeof(*t.pages));
	t.rows = xcalloc(t.row_cnt, sizeof(*t.rows));
	t.rules = xcalloc(t.rule_cnt, sizeof(*t.rules));
	for (uint32_t i = 1; i <= cnt; i++) {
		t.rules[i] = (struct abi_unwind_rule){.kind = ABI_UNWIND_SP, .cfa_off = first + (int)i - 1};
		t.rows[i] = (struct abi_unwind_row){.at = (uint16_t)i, .rule = (uint16_t)i};
	}
	t.pages[0] = (struct abi_unwind_page){.row_cnt = (uint16_t)t.row_cnt, .rule = (uint16_t)cnt};
	return t;
}

/* What its rows say is what they said. */
static void check(struct unwind_rules *r, const struct unwind_table *t, int first)
{
	uint32_t cnt, changed;
	const struct abi_unwind_rule *rules = unwind_rules__all(r, &cnt, &changed);

	assert_int_equal(rules[0].kind, ABI_UNWIND_STOP);
	assert_int_equal(t->rows[0].rule, 0);
	for (uint32_t i = 1; i < t->row_cnt; i++) {
		assert_in_range(t->rows[i].rule, 1, cnt - 1);
		assert_int_equal(rules[t->rows[i].rule].cfa_off, first + (int)i - 1);
	}
	assert_int_equal(t->pages[0].rule, t->rows[t->row_cnt - 1].rule);
}

static void test_shared(void **state)
{
	struct unwind_rules *r = unwind_rules__new();
	struct unwind_table a = make_table(8, 100), b = make_table(58, 100);
	uint32_t cnt, changed;

	(void)state;
	assert_true(unwind_rules__adopt(r, &a));
	unwind_rules__all(r, &cnt, &changed);
	assert_int_equal(cnt, 101);
	assert_true(changed <= 1);
	assert_true(unwind_rules__adopt(r, &b));
	unwind_rules__all(r, &cnt, &changed);
	assert_int_equal(cnt, 151);
	assert_int_equal(changed, 101);
	unwind_rules__all(r, &cnt, &changed);
	assert_int_equal(changed, 151);
	assert_int_equal(a.rows[51].rule, b.rows[1].rule);
	check(r, &a, 8);
	check(r, &b, 58);
	unwind_table__clear(&a);
	unwind_table__clear(&b);
	unwind_rules__free(r);
}

/* Files come and go: there is room for the rules of all that are there, whatever was before. */
static void test_released(void **state)
{
	struct unwind_rules *r = unwind_rules__new();
	struct unwind_table kept = make_table(8, 100);

	(void)state;
	assert_true(unwind_rules__adopt(r, &kept));
	for (int i = 1; i < 200; i++) {
		struct unwind_table t = make_table(1000 * i, 500), u = make_table(1000 * i + 400, 500);

		assert_true(unwind_rules__adopt(r, &t));
		assert_true(unwind_rules__adopt(r, &u));
		check(r, &t, 1000 * i);
		check(r, &u, 1000 * i + 400);
		check(r, &kept, 8);
		unwind_rules__release(r, &t);
		unwind_rules__release(r, &u);
		unwind_table__clear(&t);
		unwind_table__clear(&u);
	}
	unwind_table__clear(&kept);
	unwind_rules__free(r);
}

/* More than there is room for: those that came before are as they were, the others stop there. */
static void test_full(void **state)
{
	struct unwind_rules *r = unwind_rules__new();
	struct unwind_table t[10];
	bool all[10];

	(void)state;
	for (int i = 0; i < 10; i++) {
		t[i] = make_table(10000 * i + 8, 2000);
		all[i] = unwind_rules__adopt(r, &t[i]);
	}
	for (int i = 0; i < 10; i++) {
		assert_int_equal(all[i], i < 8);
		if (all[i])
			check(r, &t[i], 10000 * i + 8);
		else
			assert_int_equal(t[i].rows[2000].rule, 0);
	}
	unwind_rules__release(r, &t[3]);
	unwind_table__clear(&t[3]);
	t[3] = make_table(500000, 2000);
	assert_true(unwind_rules__adopt(r, &t[3]));
	for (int i = 0; i < 8; i++)
		check(r, &t[i], i == 3 ? 500000 : 10000 * i + 8);
	for (int i = 0; i < 10; i++)
		unwind_table__clear(&t[i]);
	unwind_rules__free(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_shared),
		cmocka_unit_test(test_released),
		cmocka_unit_test(test_full),
	};

	return cmocka_run_group_tests_name("unwind_rules", tests, NULL, NULL);
}
