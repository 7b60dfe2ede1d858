/* SPDX-License-Identifier: MIT */
/* The screen's layout at every size, and the line that is typed at its bottom. */
#include "user/cmd/top/top_layout.h"
#include "user/cmd/top/top_prompt.h"
#include "tests/unit/mixed_profile.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

static void check_size(int lines, int columns, const struct top_lens *lens, const struct profile_value_type *type,
		       const struct top_needs *needs)
{
	struct top_layout l;
	int end = 0, names = 0;

	top_layout__fit(&l, lines, columns, lens, type, needs);
	assert_true(l.rows >= 1 && l.titles_y >= 0 && l.rows_y == l.titles_y + 1);
	assert_true(lines < 2 || l.rows_y + l.rows <= (l.foot_y >= 0 ? l.foot_y : lines));
	assert_true(l.foot_y < lines && l.scope_y < l.titles_y && l.header_y < l.titles_y);
	for (int i = 0; i < l.cell_cnt; i++) {
		assert_true(l.cells[i].x >= end);
		assert_true(*l.cells[i].title);
		end = l.cells[i].x + l.cells[i].width;
		names += l.cells[i].cell == TOP_CELL_NAME;
		if (columns >= 20)
			assert_true(l.cells[i].width >= 6);
	}
	assert_int_equal(names, 1);
	assert_true(columns < 20 || end <= columns);
	assert_true(columns < 20 || end >= columns - 1);
}

static void test_every_size(void **state)
{
	(void)state;
	for (int columns = 1; columns <= 300; columns++)
		for (int lines = 1; lines <= 60; lines++)
			for (unsigned i = 0; i < 2 * TOP_GROUPS; i++)
				check_size(lines, columns, &(struct top_lens){.group = i / 2, .threads = i % 2},
					   &mixed_types[(unsigned)lines % MIXED_TYPES],
					   lines % 2
						   ? &(struct top_needs){lines * 3, lines, columns % 40, columns, lines}
						   : NULL);
}

/* 20×5: the least that is promised. */
static void test_smallest(void **state)
{
	struct top_layout l;

	(void)state;
	top_layout__fit(&l, 5, 20, &(struct top_lens){0}, &profile_cpu_type, NULL);
	assert_int_equal(l.header_y, 0);
	assert_int_equal(l.foot_y, 4);
	assert_int_equal(l.rows, 2);
	assert_int_equal(l.cell_cnt, 2);
	assert_true(l.cells[1].width >= 12);
}

static int width_of(const struct top_needs *needs, enum top_cell cell)
{
	struct top_layout l;

	top_layout__fit(&l, 24, 80, &(struct top_lens){0}, &profile_cpu_type, needs);
	for (int i = 0; i < l.cell_cnt; i++)
		if (l.cells[i].cell == cell)
			return l.cells[i].width;
	return 0;
}

/* Room goes where it is needed; columns stand still as long as nothing is cut. */
static void test_needs(void **state)
{
	int name = width_of(NULL, TOP_CELL_NAME), location = width_of(NULL, TOP_CELL_LOCATION);

	(void)state;
	assert_int_equal(width_of(&(struct top_needs){10, 10, 0, 10, 10}, TOP_CELL_NAME), name);
	assert_int_equal(width_of(&(struct top_needs){name, 10, 0, location, 10}, TOP_CELL_NAME), name);
	assert_int_equal(width_of(&(struct top_needs){name + 4, 10, 0, 12, 12}, TOP_CELL_NAME), name + 4);
	assert_int_equal(width_of(&(struct top_needs){12, 12, 0, location + 4, 12}, TOP_CELL_LOCATION), location + 4);
	/* where both lack room folders go first */
	assert_int_equal(width_of(&(struct top_needs){name + 4, 10, 0, location + 20, 12}, TOP_CELL_NAME), name + 4);
	assert_int_equal(width_of(&(struct top_needs){100, 20, 0, 100, 14}, TOP_CELL_LOCATION), 14);
	assert_int_equal(width_of(&(struct top_needs){100, 12, 0, location + 5, location + 5}, TOP_CELL_LOCATION),
			 location + 5);
}

static void type_text(struct top_prompt *p, const char *text)
{
	for (; *text; text++)
		assert_true(top_prompt__type(p, (unsigned char)*text));
}

static void test_typing(void **state)
{
	struct top_prompt p = {0};

	(void)state;
	top_prompt__ask(&p, "File: ", "", NULL);
	type_text(&p, "ax\\");
	assert_true(top_prompt__type(&p, 0x6f22)); /* 漢 */
	assert_true(top_prompt__type(&p, 0x1f40d));
	assert_string_equal(p.text, "ax\\漢🐍");
	top_prompt__erase(&p, TOP_ERASE_CHARACTER);
	assert_string_equal(p.text, "ax\\漢");
	type_text(&p, " two  ");
	top_prompt__erase(&p, TOP_ERASE_WORD);
	assert_string_equal(p.text, "ax\\漢 ");
	top_prompt__erase(&p, TOP_ERASE_ALL);
	for (int what = TOP_ERASE_CHARACTER; what <= TOP_ERASE_ALL; what++)
		top_prompt__erase(&p, (enum top_erase)what);
	assert_string_equal(p.text, "");
	assert_int_equal(p.len, 0);
}

static void test_suggestions(void **state)
{
	struct top_prompt p = {0};

	(void)state;
	top_prompt__ask(&p, "File: ", "out.svg", NULL);
	assert_true(p.suggested);
	assert_false(top_prompt__type(&p, 7)); /* what is not typed replaces nothing */
	assert_string_equal(p.text, "out.svg");
	type_text(&p, "a.svg");
	assert_string_equal(p.text, "a.svg");
	top_prompt__ask(&p, "File: ", "out.svg", NULL);
	top_prompt__keep(&p);
	type_text(&p, "z");
	assert_string_equal(p.text, "out.svgz");
	top_prompt__ask(&p, "File: ", "out.svg", NULL);
	top_prompt__erase(&p, TOP_ERASE_CHARACTER);
	type_text(&p, "z");
	assert_string_equal(p.text, "out.svz");
	top_prompt__ask(&p, "Filter: ", "", NULL);
	assert_false(p.suggested);
}

static void test_what_is_not_typed(void **state)
{
	static const uint32_t refused[] = {0, 7, 0x1b, 0x7f, 0x85, 0x9b, 0xd800, 0x202e, 0xffff, 0x110000, 0xffffffff};
	struct top_prompt p = {0};

	(void)state;
	top_prompt__ask(&p, "", "", NULL);
	for (size_t i = 0; i < sizeof(refused) / sizeof(*refused); i++)
		assert_false(top_prompt__type(&p, refused[i]));
	assert_string_equal(p.text, "");
	for (int i = 0; i < 2 * TOP_PROMPT_MAX; i++)
		top_prompt__type(&p, 0xe9);
	assert_int_equal(strlen(p.text), TOP_PROMPT_MAX);
	assert_false(top_prompt__type(&p, 'x'));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_size),  cmocka_unit_test(test_smallest),
		cmocka_unit_test(test_needs),       cmocka_unit_test(test_typing),
		cmocka_unit_test(test_suggestions), cmocka_unit_test(test_what_is_not_typed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
