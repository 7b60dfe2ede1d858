/* SPDX-License-Identifier: MIT */
/*
 * What is read from the code of functions, as gcc 12 (arm64) and 12 (x86-64) make it of
 *     static __thread S *state; S *get(void) { return state; }
 * in each model that there is, and from that of CPython's own functions.
 */
#include "user/symbol/arch.h"
#include "user/util/alloc.h"
#include <elf.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#define MAX_WORDS 20

/* arm64's instructions as its disassemblers show them. */
struct function {
	const char *name;
	uint64_t vaddr;
	uint32_t code[MAX_WORDS];
};

static size_t len_of(const struct function *f)
{
	size_t n = 0;

	while (n < MAX_WORDS && f->code[n])
		n++;
	return n * sizeof(*f->code);
}

static const struct {
	struct function f;
	struct arch_tls expected;
} variables[] = {
	{{"local-exec", 0x7d0, {0xd53bd040, 0x91400000, 0x91004000, 0xf9400000, 0xd65f03c0}},
	 {ARCH_TLS_OFFSET, 0, 0x10}},
	{{"local-exec, 16 MB", 0x7d0, {0xd53bd040, 0x91400400, 0x913ffc00, 0xf9400400, 0xd65f03c0}},
	 {ARCH_TLS_OFFSET, 0, 0x1000 + 0xfff + 8}},
	{{"local-exec, 4 GB", 0x7d0, {0xd2a00021, 0xf2800201, 0xd53bd040, 0xf8606820, 0xd65f03c0}},
	 {ARCH_TLS_OFFSET, 0, 0x10010}},
	{{"initial-exec", 0x700, {0xf00000e0, 0xf947dc00, 0xd53bd041, 0xf8606820, 0xd65f03c0}},
	 {ARCH_TLS_GOT_OFFSET, 0x1ffb8, 0}},
	{{"initial-exec, relaxed", 0x7e0, {0xd2a00000, 0xf2800200, 0xd53bd041, 0xf8606820, 0xd65f03c0}},
	 {ARCH_TLS_OFFSET, 0, 0x10}},
	{{"descriptor",
	  0x764,
	  {0xa9bf7bfd, 0x910003fd, 0x90000100, 0xf9400c01, 0x91006000, 0xd63f0020, 0xd53bd041, 0x8b000020, 0xf9400000,
	   0xa8c17bfd, 0xd65f03c0}},
	 {ARCH_TLS_DESCRIPTOR, 0x20018, 0}},
	{{"descriptor, relaxed",
	  0x800,
	  {0xa9bf7bfd, 0xd53bd041, 0x910003fd, 0xd2a00000, 0xf2800200, 0xd503201f, 0xd503201f, 0xf8606820, 0xa8c17bfd,
	   0xd65f03c0}},
	 {ARCH_TLS_OFFSET, 0, 0x10}},
	{{"__tls_get_addr",
	  0x810,
	  {0xa9bf7bfd, 0x910003fd, 0xf00000e0, 0x913ea000, 0x97ffff98, 0xd503201f, 0xf9400000, 0xa8c17bfd, 0xd65f03c0}},
	 {ARCH_TLS_MODULE, 0x1ffa8, 0}},
	{{"python3.15, with paciasp and bti",
	  0x428fc8,
	  {0xd503245f, 0xd53bd040, 0xd503233f, 0xa9bf7bfd, 0xd503201f, 0x91008000, 0x910003fd, 0xa8c17bfd, 0xd50323bf,
	   0xf9400000, 0xd65f03c0}},
	 {ARCH_TLS_OFFSET, 0, 0x20}},
	{{"libpython3.15",
	  0x3ca3e0,
	  {0xd503233f, 0xd53bd041, 0xa9bf7bfd, 0x910003fd, 0xf00025a0, 0xf9417002, 0x910b8000, 0xd63f0040, 0xf8606820,
	   0xa8c17bfd, 0xd50323bf, 0xd65f03c0}},
	 {ARCH_TLS_DESCRIPTOR, 0x8812e0, 0}},
};

static void arm64_thread_local_variables(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(variables); i++) {
		const struct function *f = &variables[i].f;
		const struct arch_tls *expected = &variables[i].expected;
		struct arch_tls found = {0};

		if (!arch_of(EM_AARCH64)->tls((const uint8_t *)f->code, len_of(f), f->vaddr, &found) ||
		    found.kind != expected->kind || found.got != expected->got || found.off != expected->off)
			fail_msg("%s: kind %d, got %#lx, off %#lx", f->name, (int)found.kind, (long)found.got,
				 (long)found.off);
	}
}

/* A function that returns something else, one that is cut, and one that calls another in between. */
static void arm64_no_variables(void **state)
{
	static const struct function functions[] = {
		{"a global variable", 0x830, {0x90000100, 0xf9402400, 0xd65f03c0}},
		{"cut", 0x700, {0xf00000e0, 0xf947dc00, 0xd53bd041}},
		{"the register is used for something else", 0x7d0, {0xd53bd040, 0xaa0203e0, 0xf9400000, 0xd65f03c0}},
		{"four bytes", 0x7d0, {0xd53bd040, 0xb9400000, 0xd65f03c0}},
		{"another function between", 0x7d0, {0xd53bd041, 0x97ffff98, 0xf9400020, 0xd65f03c0}},
	};
	struct arch_tls found;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(functions); i++)
		if (arch_of(EM_AARCH64)
			    ->tls((const uint8_t *)functions[i].code, len_of(&functions[i]), functions[i].vaddr,
				  &found))
			fail_msg("%s: taken for a variable", functions[i].name);
}

/* PyGILState_GetThisThreadState() of 3.6: if (!autoInterpreterState) return NULL; return PyThread_get_key_value(autoTLSkey) */
static void arm64_loads(void **state)
{
	static const struct function get[] = {
		{"-O2",
		 0x850,
		 {0x90000100, 0xf9402000, 0xb4000080, 0x90000100, 0xb9403000, 0x17fffff7, 0xd2800000, 0xd65f03c0}},
		{"-O0",
		 0x7a0,
		 {0xa9bf7bfd, 0x910003fd, 0x90000100, 0x91010000, 0xf9400000, 0xf100001f, 0x54000061, 0xd2800000,
		  0x14000005, 0x90000100, 0x9100c000, 0xb9400000, 0x97ffff70, 0xa8c17bfd, 0xd65f03c0}},
	};
	uint64_t variable;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(get); i++) {
		const uint8_t *code = (const uint8_t *)get[i].code;

		assert_true(arch_of(EM_AARCH64)->load(code, len_of(&get[i]), get[i].vaddr, 4, &variable));
		assert_int_equal(variable, 0x20030);
		assert_true(arch_of(EM_AARCH64)->load(code, len_of(&get[i]), get[i].vaddr, 8, &variable));
		assert_int_equal(variable, 0x20040);
	}
}

/* musl's pthread_getspecific(), as Debian's 1.2.6 has it; glibc's; one that is cut. */
static void arm64_specifics(void **state)
{
	static const uint32_t musl[] = {0xd503245f, 0xd53bd041, 0xf85a8021, 0xf8605820, 0xd65f03c0};
	static const uint32_t glibc[] = {0x71007c1f, 0x54000148, 0xd53bd042, 0xd11d0042, 0x2a0003e1};
	int32_t off;

	(void)state;
	assert_true(arch_of(EM_AARCH64)->specific((const uint8_t *)musl, sizeof(musl), &off));
	assert_int_equal(off, 112 - 200);
	assert_false(arch_of(EM_AARCH64)->specific((const uint8_t *)musl, 8, &off));
	assert_false(arch_of(EM_AARCH64)->specific((const uint8_t *)glibc, sizeof(glibc), &off));
}

/* Py_GetVersion() of 3.9, with pages and offsets that are written down far from each other. */
static void arm64_operands(void **state)
{
	static const struct function f = {"Py_GetVersion",
					  0x58dcfc,
					  {0x94000069, 0xf0001c53, 0x91220261, 0x91108033, 0xaa0003e4, 0xd2801f41,
					   0xaa1303e0, 0x90000865, 0x90000863, 0x911fe0a5, 0x911d6063, 0x90000862,
					   0x91204042, 0x97fb9700}};
	static const uint64_t expected[] = {0x6997f8, 0x699758, 0x699810};
	size_t at = 0, n = 0, calls = 0;
	uint64_t target;

	(void)state;
	while (arch_of(EM_AARCH64)->operand((const uint8_t *)f.code, len_of(&f), f.vaddr, &at, &target)) {
		assert_true(++calls <= MAX_WORDS);
		if (n < ARRAY_SIZE(expected) && target == expected[n])
			n++;
	}
	assert_int_equal(n, ARRAY_SIZE(expected));
	assert_true(at <= len_of(&f));
}

static void x86_thread_local_variables(void **state)
{
	static const struct {
		const char *code;
		size_t len;
		struct arch_tls expected;
	} rows[] = {
		{"\x64\x48\x8b\x04\x25\xf8\xff\xff\xff\xc3", 10, {ARCH_TLS_OFFSET, 0, -8}},
		{"\x48\x8b\x05\xf9\x0e\x00\x00\x64\x48\x8b\x00\xc3", 12, {ARCH_TLS_GOT_OFFSET, 0x1f00, 0}},
		{"\x48\x83\xec\x08\x48\x8d\x3d\xf5\x0e\x00\x00\xe8\x00\x00\x00\x00\x48\x8b\x80\x08\x20\x00\x00\xc3",
		 24,
		 {ARCH_TLS_MODULE, 0x1f00, 0x2008}},
	};
	struct arch_tls found;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		assert_true(arch_of(EM_X86_64)->tls((const uint8_t *)rows[i].code, rows[i].len, 0x1000, &found));
		assert_int_equal(found.kind, rows[i].expected.kind);
		assert_int_equal(found.got, rows[i].expected.got);
		assert_int_equal(found.off, rows[i].expected.off);
	}
	assert_false(arch_of(EM_X86_64)->tls((const uint8_t *)rows[1].code, 7, 0x1000, &found));
}

static void x86_operands_and_loads(void **state)
{
	/* lea 0x100(%rip), %rdi; mov $0x2000, %esi; mov 0x10(%rip), %rax; mov 0x20(%rip), %edi */
	static const uint8_t code[] = {0x48, 0x8d, 0x3d, 0, 1, 0, 0,    0xbe, 0,    0x20, 0, 0, 0x48,
				       0x8b, 0x05, 0x10, 0, 0, 0, 0x8b, 0x3d, 0x20, 0,    0, 0};
	const struct arch *arch = arch_of(EM_X86_64);
	uint64_t found;
	size_t at = 0;

	(void)state;
	assert_true(arch->operand(code, sizeof(code), 0x1000, &at, &found));
	assert_int_equal(found, 0x1107);
	assert_true(arch->operand(code, sizeof(code), 0x1000, &at, &found));
	assert_int_equal(found, 0x2000);
	assert_false(arch->operand(code, sizeof(code), 0x1000, &at, &found));
	assert_true(arch->load(code, sizeof(code), 0x1000, 8, &found));
	assert_int_equal(found, 0x1000 + 19 + 0x10);
	assert_true(arch->load(code, sizeof(code), 0x1000, 4, &found));
	assert_int_equal(found, 0x1000 + 25 + 0x20);
}

static void files_of_other_processors(void **state)
{
	const struct arch *other = arch_of(EM_RISCV);
	uint8_t code[64] = {0};
	struct arch_tls tls;
	uint64_t found;
	size_t at = 0;

	(void)state;
	assert_ptr_equal(arch_of(arch_own->machine), arch_own);
	assert_ptr_not_equal(arch_of(EM_X86_64), arch_of(EM_AARCH64));
	assert_false(other->operand(code, sizeof(code), 0, &at, &found));
	assert_false(other->load(code, sizeof(code), 0, 8, &found));
	assert_false(other->tls(code, sizeof(code), 0, &tls));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(arm64_thread_local_variables),
		cmocka_unit_test(arm64_no_variables),
		cmocka_unit_test(arm64_loads),
		cmocka_unit_test(arm64_operands),
		cmocka_unit_test(arm64_specifics),
		cmocka_unit_test(x86_thread_local_variables),
		cmocka_unit_test(x86_operands_and_loads),
		cmocka_unit_test(files_of_other_processors),
	};

	return cmocka_run_group_tests_name("arch", tests, NULL, NULL);
}
