/* SPDX-License-Identifier: MIT */
/*
 * The oracle is .eh_frame itself: in functions that have it, what the code alone tells must be the same. Then functions made up of
 * bytes, as assemblers write them.
 */
#include "user/symbol/code_rows.h"
#include "user/symbol/arch.h"
#include "user/symbol/unwind_table.h"
#include "user/util/alloc.h"
#include <dlfcn.h>
#include <elf.h>
#include <fcntl.h>
#include <link.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>

/* ---- real functions -------------------------------------------------------------------------------------- */

struct comparison {
	const struct elf_file *e;
	const struct unwind_table *t;
	struct abi_unwind_rule now;
	uint64_t at, end;
	size_t functions, bytes, wrong, wrong_bp;
};

static void compare(struct comparison *c, uint64_t to)
{
	for (uint64_t at = c->at; at && at < to && c->now.kind == ABI_UNWIND_SP; at++) {
		const struct abi_unwind_rule *true_one = unwind_table__rule(c->t, at);

		if (true_one->kind != ABI_UNWIND_SP)
			continue;
		c->bytes++;
		c->wrong += true_one->cfa_off != c->now.cfa_off;
		/* once it was saved it stays there, though code may have it back */
		c->wrong_bp += true_one->bp == ABI_UNWIND_BP_AT_CFA &&
			       (c->now.bp != ABI_UNWIND_BP_AT_CFA || true_one->bp_off != c->now.bp_off);
	}
}

static bool on_row(void *ctx, uint64_t vaddr, const struct abi_unwind_rule *rule)
{
	struct comparison *c = ctx;

	assert_true(vaddr > c->at);
	compare(c, vaddr);
	c->at = vaddr;
	c->now = *rule;
	return true;
}

/* Those that begin as functions do: parts of others, which compilers put elsewhere, are none. */
static bool on_function(void *ctx, const struct eh_function *f)
{
	struct comparison *c = ctx;
	struct code_range code = {.len = f->end - f->start, .vaddr = f->start};
	const struct abi_unwind_rule *first = unwind_table__rule(c->t, f->start);
	__cleanup_free uint8_t *bytes = NULL;

	if (code.len > 1 << 20 || first->kind != ABI_UNWIND_SP || first->cfa_off != 8)
		return true;
	code.bytes = bytes = xmalloc(code.len);
	if (!elf_file__read(c->e, f->start, bytes, code.len))
		return true;
	c->at = 0;
	code_rows(&code, on_row, c);
	compare(c, f->end);
	c->functions++;
	return true;
}

static void check_file(struct comparison *c, const char *path)
{
	__cleanup_close int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct elf_file *e = elf_file__open(fd);
	struct unwind_table t;
	struct eh_frame f = {.machine = EM_X86_64};
	uint8_t *bytes;

	assert_non_null(e);
	assert_true(unwind_table__build(&t, e));
	f.bytes = bytes = elf_file__unwind_bytes(e, &f.vaddr, &f.len);
	c->e = e;
	c->t = &t;
	eh_frame__functions(&f, on_function, c);
	free(bytes);
	unwind_table__clear(&t);
	elf_file__free(e);
}

static int check_library(struct dl_phdr_info *info, size_t size, void *ctx)
{
	(void)size;
	if (info->dlpi_name[0] == '/')
		check_file(ctx, info->dlpi_name);
	return 0;
}

static void test_real_functions(void **state)
{
	struct comparison c = {0};

	(void)state;
	dlopen("libcrypto.so.3", RTLD_LAZY); /* written by hand, much of it */
	dl_iterate_phdr(check_library, &c);
	print_message("%zu functions, %zu bytes with a rule, %zu wrong, %zu wrong places of rbp\n", c.functions,
		      c.bytes, c.wrong, c.wrong_bp);
	assert_true(c.functions > 3000);
	assert_true(c.bytes > 100000);
	assert_true(c.wrong * 1000 <= c.bytes);
	assert_true(c.wrong_bp * 1000 <= c.bytes);
}

/* ---- made-up functions ----------------------------------------------------------------------------------- */

#define START 0x1000u

struct rows {
	struct abi_unwind_rule of[256]; /* of each byte */
	size_t from;
	struct abi_unwind_rule now;
};

static bool keep(void *ctx, uint64_t vaddr, const struct abi_unwind_rule *rule)
{
	struct rows *r = ctx;

	for (; r->from < vaddr - START; r->from++)
		r->of[r->from] = r->now;
	r->now = *rule;
	return true;
}

static void read_code(struct rows *r, const char *bytes, size_t len)
{
	const struct code_range code = {.bytes = (const uint8_t *)bytes, .len = len, .vaddr = START};

	memset(r, 0, sizeof(*r));
	code_rows(&code, keep, r);
	keep(r, START + len, &r->now);
}
#define READ(r, bytes) read_code(r, bytes, sizeof(bytes) - 1)

static void check(const struct rows *r, size_t at, enum abi_unwind kind, int off)
{
	if (r->of[at].kind != kind || r->of[at].cfa_off != off)
		fail_msg("at %zu: kind %u %+d, not %u %+d", at, r->of[at].kind, r->of[at].cfa_off, kind, off);
}

/* As kernels of OpenBLAS: rsp is aligned, and rbx has what it was. */
static void test_aligned_stack(void **state)
{
	struct rows r;

	(void)state;
	READ(&r, "\x53"                         /* push rbx */
		 "\x48\x89\xe3"                 /* mov rbx, rsp */
		 "\x48\x81\xe4\x00\xf0\xff\xff" /* and rsp, -4096 */
		 "\x48\x83\xec\x20"             /* sub rsp, 32 */
		 "\x48\x89\xdc"                 /* mov rsp, rbx */
		 "\x5b\xc3");                   /* pop rbx; ret */
	check(&r, 0, ABI_UNWIND_SP, 8);
	check(&r, 1, ABI_UNWIND_SP, 16);
	check(&r, 4, ABI_UNWIND_SP, 16);
	check(&r, 11, ABI_UNWIND_REG, 16);
	assert_int_equal(r.of[11].cfa_add, 3);
	check(&r, 15, ABI_UNWIND_REG, 16);
	check(&r, 18, ABI_UNWIND_SP, 16);
	check(&r, 19, ABI_UNWIND_SP, 8);
	/* the same, but rbx is used for something else */
	READ(&r, "\x53\x48\x89\xe3\x48\x81\xe4\x00\xf0\xff\xff"
		 "\x31\xdb" /* xor ebx, ebx */
		 "\x48\x89\xdc\x5b\xc3");
	check(&r, 0, ABI_UNWIND_STOP, 0);
	check(&r, 12, ABI_UNWIND_STOP, 0);
}

static void test_branches(void **state)
{
	struct rows r;

	(void)state;
	READ(&r, "\x55"             /* push rbp */
		 "\x48\x83\xec\x10" /* sub rsp, 16 */
		 "\x74\x06"         /* je +6 */
		 "\x48\x83\xc4\x10" /* add rsp, 16 */
		 "\x5d\xc3"         /* pop rbp; ret */
		 "\x48\x83\xc4\x10" /* here it goes on */
		 "\x5d\xc3");
	check(&r, 5, ABI_UNWIND_SP, 32);
	assert_int_equal(r.of[5].bp, ABI_UNWIND_BP_AT_CFA);
	assert_int_equal(r.of[5].bp_off, -16);
	check(&r, 12, ABI_UNWIND_SP, 8);
	check(&r, 13, ABI_UNWIND_SP, 32);
	check(&r, 18, ABI_UNWIND_SP, 8);
	/* two ways to one place that do not agree; an end that is not even */
	READ(&r, "\x74\x01\x50\x58\xc3");
	check(&r, 0, ABI_UNWIND_STOP, 0);
	READ(&r, "\x50\xc3");
	check(&r, 0, ABI_UNWIND_STOP, 0);
}

/* One after the other; one of which nothing is known says nothing of its neighbours. */
static void test_neighbours(void **state)
{
	struct rows r;

	(void)state;
	READ(&r, "\x50\x58\xc3\x90\x90\x90\x90\x90\x90\x90\x90\x90\x90\x90\x90\x90"
		 "\x50\xc3\x90\x90\x90\x90\x90\x90\x90\x90\x90\x90\x90\x90\x90\x90"
		 "\x56\xe8\x00\x00\x00\x00\x5e\xc3");
	check(&r, 1, ABI_UNWIND_SP, 16);
	check(&r, 2, ABI_UNWIND_SP, 8);
	check(&r, 16, ABI_UNWIND_STOP, 0);
	check(&r, 17, ABI_UNWIND_STOP, 0);
	check(&r, 32, ABI_UNWIND_SP, 8);
	check(&r, 33, ABI_UNWIND_SP, 16);
	check(&r, 39, ABI_UNWIND_SP, 8);
	READ(&r, "\x06\x06\x06"); /* no code */
	check(&r, 0, ABI_UNWIND_STOP, 0);
}

/* A call that does not return is the end of a function, which only the next one's end tells. */
static void test_calls_that_do_not_return(void **state)
{
	struct rows r;

	(void)state;
	READ(&r, "\x50\x74\x02\x58\xc3\xe8\x00\x00\x00\x00\x90\x90\x90\x90\x90\x90"
		 "\x56\x5e\xc3");
	check(&r, 1, ABI_UNWIND_SP, 16);
	check(&r, 4, ABI_UNWIND_SP, 8);
	check(&r, 5, ABI_UNWIND_SP, 16);
	check(&r, 16, ABI_UNWIND_SP, 8);
	check(&r, 17, ABI_UNWIND_SP, 16);
	check(&r, 18, ABI_UNWIND_SP, 8);
	/* or others that end with a jump there */
	READ(&r, "\xe9\x1b\x00\x00\x00\x90\x90\x90\x90\x90\x90\x90\x90\x90\x90\x90"
		 "\x50\x74\x02\x58\xc3\xe8\x80\x80\x80\x80\x90\x90\x90\x90\x90\x90"
		 "\x56\x5e\xc3");
	check(&r, 21, ABI_UNWIND_SP, 16);
	check(&r, 32, ABI_UNWIND_SP, 8);
	check(&r, 33, ABI_UNWIND_SP, 16);
}

/* One that never returns has no even end: that something calls it, or takes its address, says where it begins. */
static void test_starts(void **state)
{
	struct rows r;

	(void)state;
	READ(&r, "\xe8\x0b\x00\x00\x00\xc3\x90\x90\x90\x90\x90\x90\x90\x90\x90\x90"
		 "\x50\xe8\x80\x80\x80\x80\x90\x90\x90\x90\x90\x90\x90\x90\x90\x90");
	check(&r, 16, ABI_UNWIND_SP, 8);
	check(&r, 21, ABI_UNWIND_SP, 16);
	/* called at a place that is not aligned, behind a jump to elsewhere */
	READ(&r, "\xe8\x03\x00\x00\x00\x5a\x0f\x05\x50\x58\xc3");
	check(&r, 0, ABI_UNWIND_STOP, 0);
	check(&r, 8, ABI_UNWIND_SP, 8);
	check(&r, 9, ABI_UNWIND_SP, 16);
	/* lea: only where functions are aligned, and only behind a call */
	READ(&r, "\x48\x8d\x05\x19\x00\x00\x00\x50\xe8\x80\x80\x80\x80\x90\x90\x90"
		 "\xf4\x90\x90\x90\x90\x90\x90\x90\x90\x90\x90\x90\x90\x90\x90\x90"
		 "\x50\xe8\x80\x80\x80\x80");
	check(&r, 8, ABI_UNWIND_STOP, 0);
	check(&r, 33, ABI_UNWIND_SP, 16);
}

/* xor %ebp,%ebp: nobody called it, unless it has saved what was there. */
static void test_roots(void **state)
{
	struct rows r;

	(void)state;
	READ(&r, "\x48\x31\xed\x48\x83\xe4\xf0\xe8\x80\x80\x80\x80");
	check(&r, 0, ABI_UNWIND_SP, 8);
	check(&r, 3, ABI_UNWIND_ROOT, 0);
	check(&r, 7, ABI_UNWIND_ROOT, 0);
	/* a thread's part, and the caller's */
	READ(&r, "\x0f\x05\x75\x05\x31\xed\x5f\xff\xd7\xc3");
	check(&r, 4, ABI_UNWIND_SP, 8);
	check(&r, 7, ABI_UNWIND_ROOT, 0);
	check(&r, 9, ABI_UNWIND_SP, 8);
	READ(&r, "\x55\x31\xed\x5d\xc3");
	check(&r, 3, ABI_UNWIND_SP, 16);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_real_functions),
		cmocka_unit_test(test_aligned_stack),
		cmocka_unit_test(test_branches),
		cmocka_unit_test(test_neighbours),
		cmocka_unit_test(test_calls_that_do_not_return),
		cmocka_unit_test(test_starts),
		cmocka_unit_test(test_roots),
	};

	if (arch_own->machine != EM_X86_64)
		return 0;
	return cmocka_run_group_tests_name("code_rows", tests, NULL, NULL);
}
