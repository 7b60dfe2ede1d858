/* SPDX-License-Identifier: MIT */
/*
 * Native and Python frames → one stack. Stacks are written leaf first, a letter a frame: native frames as
 *   E  the evaluator (MERGE_EVALUATOR | MERGE_INTERNAL)   i  the interpreter's own   s  what starts programs
 *   n  any other
 * and runs as "native index:Python frames", where ? is an invocation that was not found. The result has the letters of native
 * frames, digits for Python's, k for the kernel's and ! where the native stack ends.
 */
#include "user/resolve/merge.h"
#include "user/util/alloc.h"
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>

struct stack {
	const char *native, *runs;
	uint32_t python, kernel;
	enum abi_native_end end;
	bool one_each, all, cut;
	const char *result;
};

static uint8_t flags_of(char letter)
{
	return letter == 'E'   ? MERGE_EVALUATOR | MERGE_INTERNAL
	       : letter == 'i' ? MERGE_INTERNAL
	       : letter == 's' ? MERGE_START
			       : 0;
}

static struct abi_native *record(const struct stack *s)
{
	struct abi_native *n = xcalloc(1, sizeof(*n) + 8 * ABI_MAX_NATIVE + ABI_MAX_RUNS * sizeof(struct abi_run));
	struct abi_run *run;

	n->native_cnt = (uint16_t)strlen(s->native);
	n->kernel_cnt = (uint16_t)s->kernel;
	n->end = (uint8_t)s->end;
	run = (struct abi_run *)abi_native_runs(n);
	for (const char *p = s->runs; p && *p; p += p[3] ? 4 : 3, n->run_cnt++)
		*run++ = (struct abi_run){.native = p[0] == '?' ? ABI_NOWHERE : (uint16_t)(p[0] - '0'),
					  .frame_cnt = (uint16_t)(p[2] - '0')};
	return n;
}

static void check(const struct stack *s)
{
	__cleanup_free struct abi_native *n = record(s);
	uint8_t flags[ABI_MAX_NATIVE];
	struct merged out[MERGE_MAX];
	char text[MERGE_MAX + 1] = "";
	struct merge_in in = {.python_cnt = s->python,
			      .python_whole = !s->cut,
			      .native = n,
			      .flags = flags,
			      .one_each = s->one_each,
			      .all = s->all};
	size_t cnt;

	for (size_t i = 0; s->native[i]; i++)
		flags[i] = flags_of(s->native[i]);
	cnt = merge_frames(&in, out);
	for (size_t i = 0; i < cnt; i++)
		text[i] = out[i].kind == MERGE_KERNEL_FRAME   ? 'k'
			  : out[i].kind == MERGE_NATIVE_FRAME ? s->native[out[i].index]
			  : out[i].kind == MERGE_PYTHON_FRAME ? (char)('0' + out[i].index)
							      : '!';
	assert_string_equal(text, s->result);
}

static void check_all(const struct stack *s, size_t cnt)
{
	for (size_t i = 0; i < cnt; i++)
		check(&s[i]);
}

#define WHOLE .end = ABI_NATIVE_ROOT

static void runs_by_address(void **state)
{
	static const struct stack stacks[] = {
		/* the leaf is the evaluator itself; what started it all is folded away */
		{.native = "iiisss", .runs = "0:2", .python = 2, WHOLE, .result = "01"},
		/* C code called by Python, of a library and of the interpreter */
		{.native = "niiiss", .runs = "2:3", .python = 3, WHOLE, .result = "ni012"},
		/* C → Python → C → Python: what is between stays but for the interpreter's own */
		{.native = "ninniis", .runs = "1:1 5:3", .python = 3, WHOLE, .result = "n0nn12"},
		/* an invocation of which nothing was met: its run is the next one's, in order */
		{.native = "ninniis", .runs = "?:1 5:3", .python = 3, WHOLE, .result = "ninni012"},
		/* an invocation that runs no Python function (3.12: a shim right behind another) */
		{.native = "ninnis", .runs = "1:0 4:2", .python = 2, WHOLE, .result = "nnn01"},
		/* frames for which no invocation is known go below all others */
		{.native = "nin", .runs = "1:1", .python = 3, WHOLE, .result = "n0n12"},
		{.native = "nnss", .runs = "", .python = 2, WHOLE, .result = "nnss01"},
		{.native = "niiss", .runs = "1:1", .python = 1, .kernel = 2, WHOLE, .result = "kkn0"},
		/* _start, which nothing names, is behind the C library's */
		{.native = "iissn", .runs = "0:1", .python = 1, WHOLE, .result = "0"},
		/* an embedding program's own functions are not what starts it */
		{.native = "iinnss", .runs = "0:1", .python = 1, WHOLE, .result = "0nn"},
		{.native = "niiss", .runs = "1:1", .python = 1, .all = true, WHOLE, .result = "n0iiss"},
	};

	(void)state;
	check_all(stacks, ARRAY_SIZE(stacks));
}

static void runs_that_lie(void **state)
{
	static const struct stack stacks[] = {
		{.native = "nini", .runs = "3:1 1:2", .python = 2, WHOLE, .result = "nin01"}, /* downwards */
		{.native = "ni", .runs = "9:1", .python = 2, WHOLE, .result = "n01"},         /* no such frame … */
		{.native = "ni", .runs = "1:9", .python = 2, WHOLE, .result = "n01"},         /* … on either side */
		{.native = "nini", .runs = "1:2 3:1", .python = 2, WHOLE, .result = "n01n"},
	};

	(void)state;
	check_all(stacks, ARRAY_SIZE(stacks));
}

static void stacks_that_end_early(void **state)
{
	static const struct stack stacks[] = {
		{.native = "nnn", .runs = "", .python = 2, .end = ABI_NATIVE_FAULT, .result = "nnn!01"},
		{.native = "ninn", .runs = "1:1 ?:2", .python = 2, .end = ABI_NATIVE_NO_ROW, .result = "n0nn!1"},
		{.native = "", .runs = "?:1 ?:2", .python = 2, .end = ABI_NATIVE_NO_MAPS, .result = "01"},
		{.native = "nn", .runs = "", .python = 0, .end = ABI_NATIVE_FAULT, .result = "nn!"},
		/* below all of Python nothing is missing that is to be seen */
		{.native = "is", .runs = "0:1", .python = 1, .end = ABI_NATIVE_DEPTH, .result = "0"},
		{.native = "ninninn", .runs = "1:1 4:2", .python = 2, .end = ABI_NATIVE_NO_MAPPING, .result = "n0nn1"},
		{.native = "is", .runs = "0:1", .python = 1, .all = true, .end = ABI_NATIVE_DEPTH, .result = "0is!"},
	};

	(void)state;
	check_all(stacks, ARRAY_SIZE(stacks));
}

static void native_threads(void **state)
{
	static const struct stack stacks[] = {
		{.native = "nnss", .runs = "", .python = 0, WHOLE, .result = "nnss"},
		{.native = "nnss", .runs = "", .python = 0, .one_each = true, .kernel = 1, WHOLE, .result = "knnss"},
		{.native = "iis", .runs = "", .python = 0, WHOLE, .result = "iis"},
	};

	(void)state;
	check_all(stacks, ARRAY_SIZE(stacks));
}

static void runs_by_number(void **state)
{
	static const struct stack stacks[] = {
		{.native = "niEinEis", .python = 2, .one_each = true, WHOLE, .result = "ni0n1"},
		{.native = "EiEs", .python = 2, .one_each = true, WHOLE, .result = "01"},
		/* more or fewer than there are Python functions: the leaf part alone is sure */
		{.native = "niEinEis", .python = 3, .one_each = true, WHOLE, .result = "ni012"},
		{.native = "niEinEis", .python = 1, .one_each = true, WHOLE, .result = "ni0"},
		{.native = "niEinEis", .python = 2, .one_each = true, .cut = true, WHOLE, .result = "ni01"},
		{.native = "niEinE", .python = 2, .one_each = true, .end = ABI_NATIVE_FAULT, .result = "ni!01"},
		/* nothing has the evaluator's name: what is above all of the interpreter's own is sure */
		{.native = "nninis", .python = 2, .one_each = true, WHOLE, .result = "nn01"},
		{.native = "niEiEis", .python = 2, .one_each = true, .all = true, WHOLE, .result = "ni0Ei1Eis"},
	};

	(void)state;
	check_all(stacks, ARRAY_SIZE(stacks));
}

/* 3.10: each function has an invocation with an address. */
static void one_each_by_address(void **state)
{
	static const struct stack stacks[] = {
		{.native = "niEinEis", .runs = "2:1 5:2", .python = 2, .one_each = true, WHOLE, .result = "ni0n1"},
		/* one more evaluator is being entered, or left: no matter */
		{.native = "EinEinEis", .runs = "3:1 6:2", .python = 2, .one_each = true, WHOLE, .result = "in0n1"},
		/* the innermost is being left, and its evaluator is known by name, or not */
		{.native = "iEinEis", .runs = "?:1 4:2", .python = 2, .one_each = true, WHOLE, .result = "i0n1"},
		{.native = "iiinEis", .runs = "?:1 4:2", .python = 2, .one_each = true, WHOLE, .result = "01"},
		{.native = "EiEinEis", .runs = "?:1 5:2", .python = 2, .one_each = true, WHOLE, .result = "01"},
		{.native = "iEis", .runs = "?:1", .python = 1, .one_each = true, WHOLE, .result = "i0"},
		/* the native stack ends before it */
		{.native = "ni",
		 .runs = "?:1 ?:2",
		 .python = 2,
		 .one_each = true,
		 .end = ABI_NATIVE_NO_ROW,
		 .result = "ni!01"},
		{.native = "iEi",
		 .runs = "?:1 1:2",
		 .python = 2,
		 .one_each = true,
		 .end = ABI_NATIVE_NO_ROW,
		 .result = "!01"},
		/* of none the place is known: by number */
		{.native = "niEinEis", .python = 2, .one_each = true, WHOLE, .result = "ni0n1"},
	};

	(void)state;
	check_all(stacks, ARRAY_SIZE(stacks));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(runs_by_address),       cmocka_unit_test(runs_that_lie),
		cmocka_unit_test(stacks_that_end_early), cmocka_unit_test(native_threads),
		cmocka_unit_test(runs_by_number),        cmocka_unit_test(one_each_by_address),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
