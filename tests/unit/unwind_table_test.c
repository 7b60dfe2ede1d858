/* SPDX-License-Identifier: MIT */
/*
 * Tables of made-up .eh_frame: what real files (unwind_truth_test.c) do not have, or libdw does not look for. Sections are
 * assembled by hand, in a file with one segment of code.
 */
#include "user/symbol/unwind_table.h"
#include "user/util/alloc.h"
#include "user/util/buf.h"
#include <elf.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <sys/mman.h>
#include <cmocka.h>

#define TEXT       0x1000u /* address and offset of the code */
#define TEXT_BYTES 0x8000u
#define FRAME      0x9000u /* of .eh_frame */

static void put_u32(struct buf *b, uint32_t v)
{
	buf_put(b, &v, 4);
}

/* An entry of .eh_frame: its length and what it has. */
static void put_entry(struct buf *to, const struct buf *content)
{
	put_u32(to, (uint32_t)content->len);
	buf_put(to, content->data, content->len);
}

/* CFA = rsp + 8, return address at CFA - 8; addresses are signed, of 4 bytes, relative. */
static void put_common(struct buf *to, const char *augmentation)
{
	static const uint8_t rest[] = {1, 0x78, 16, 1, 0x1b, 0x0c, 7, 8, 0x80 + 16, 1, 0, 0};
	struct buf content = {0};

	put_u32(&content, 0);
	buf_put(&content, "\1", 1);
	buf_put(&content, augmentation, strlen(augmentation) + 1);
	buf_put(&content, rest, sizeof(rest));
	put_entry(to, &content);
	buf_free(&content);
}

/* A function of the CIE at the section's start. */
static void put_function(struct buf *to, uint32_t start, uint32_t bytes, const char *program, size_t len)
{
	struct buf content = {0};

	put_u32(&content, (uint32_t)to->len + 4);
	put_u32(&content, start - (uint32_t)(FRAME + to->len + 8));
	put_u32(&content, bytes);
	buf_put(&content, "", 1);
	buf_put(&content, program, len);
	put_entry(to, &content);
	buf_free(&content);
}
#define FUNCTION(to, start, bytes, program) put_function(to, start, bytes, program, sizeof(program) - 1)

/* Instructions of DWARF */
#define ADVANCE(n) "\x02" n
#define CFA_SP(n)  "\x0c\x07" n
#define CFA_BP(n)  "\x0c\x06" n

static uint16_t machine = EM_X86_64; /* that files are for */

/* A file with that .eh_frame, opened. */
static struct elf_file *make_file(const struct buf *frame, int *fd)
{
	static const char names[] = "\0.eh_frame\0.names";
	Elf64_Ehdr h = {.e_ident = {0x7f, 'E', 'L', 'F', ELFCLASS64, ELFDATA2LSB, EV_CURRENT},
			.e_type = ET_DYN,
			.e_machine = machine,
			.e_version = EV_CURRENT,
			.e_phoff = sizeof(h),
			.e_phentsize = sizeof(Elf64_Phdr),
			.e_phnum = 2,
			.e_shoff = 512,
			.e_shentsize = sizeof(Elf64_Shdr),
			.e_shnum = 3,
			.e_shstrndx = 2};
	Elf64_Phdr p[2] = {
		{PT_LOAD, PF_R | PF_X, TEXT, TEXT, TEXT, TEXT_BYTES, TEXT_BYTES, 4096},
		{PT_LOAD, PF_R, FRAME, FRAME, FRAME, frame->len, frame->len, 4096},
	};
	Elf64_Shdr s[3] = {
		{0},
		{.sh_name = 1, .sh_type = SHT_PROGBITS, .sh_addr = FRAME, .sh_offset = FRAME, .sh_size = frame->len},
		{.sh_name = 11, .sh_type = SHT_STRTAB, .sh_offset = 1024, .sh_size = sizeof(names)}};

	*fd = memfd_create("unwind_table_test", MFD_CLOEXEC);
	assert_int_equal(pwrite(*fd, &h, sizeof(h), 0), sizeof(h));
	assert_int_equal(pwrite(*fd, p, sizeof(p), sizeof(h)), sizeof(p));
	assert_int_equal(pwrite(*fd, s, sizeof(s), 512), sizeof(s));
	assert_int_equal(pwrite(*fd, names, sizeof(names), 1024), sizeof(names));
	assert_int_equal(pwrite(*fd, frame->data, frame->len, FRAME), frame->len);
	return elf_file__open(*fd);
}

/* False: no table. Releases `frame`. */
static bool build(struct unwind_table *t, struct buf *frame)
{
	int fd;
	struct elf_file *e = make_file(frame, &fd);
	bool built;

	assert_non_null(e);
	built = unwind_table__build(t, e);
	elf_file__free(e);
	close(fd);
	buf_free(frame);
	return built;
}

/* CFA = rsp + this; -1: no rule, -2: any other one. */
static int sp_at(const struct unwind_table *t, uint64_t addr)
{
	const struct abi_unwind_rule *rule = unwind_table__rule(t, addr);

	return rule->kind == ABI_UNWIND_STOP ? -1 : rule->kind == ABI_UNWIND_SP ? rule->cfa_off : -2;
}

static void test_rows_of_functions(void **state)
{
	struct buf f = {0};
	struct unwind_table t;

	(void)state;
	put_common(&f, "zR");
	FUNCTION(&f, 0x1100, 0x20, ADVANCE("\4") CFA_SP("\20") ADVANCE("\10") CFA_SP("\10"));
	assert_true(build(&t, &f));
	assert_int_equal(sp_at(&t, 0x10ff), -1);
	assert_int_equal(sp_at(&t, 0x1100), 8);
	assert_int_equal(sp_at(&t, 0x1103), 8);
	assert_int_equal(sp_at(&t, 0x1104), 16);
	assert_int_equal(sp_at(&t, 0x110b), 16);
	assert_int_equal(sp_at(&t, 0x110c), 8);
	assert_int_equal(sp_at(&t, 0x111f), 8);
	assert_int_equal(sp_at(&t, 0x1120), -1);
	assert_int_equal(sp_at(&t, 0), -1);
	assert_int_equal(sp_at(&t, UINT64_MAX), -1);
	assert_int_equal(t.row_cnt, 4);
	unwind_table__clear(&t);
}

/* Up to 16 bytes between functions are padding; more are code that nothing is known of. */
static void test_gaps(void **state)
{
	struct buf f = {0};
	struct unwind_table t;

	(void)state;
	put_common(&f, "zR");
	FUNCTION(&f, 0x1100, 0x10, CFA_SP("\20"));
	FUNCTION(&f, 0x1120, 0x10, CFA_SP("\30"));
	FUNCTION(&f, 0x1141, 0x10, CFA_SP("\30"));
	assert_true(build(&t, &f));
	assert_int_equal(sp_at(&t, 0x111f), 16);
	assert_int_equal(sp_at(&t, 0x112f), 24);
	assert_int_equal(sp_at(&t, 0x1130), -1);
	assert_int_equal(sp_at(&t, 0x1140), -1);
	assert_int_equal(sp_at(&t, 0x1141), 24);
	unwind_table__clear(&t);
}

/* What a function does not know at its end is no gap. */
static void test_unknown_end(void **state)
{
	struct buf f = {0};
	struct unwind_table t;

	(void)state;
	put_common(&f, "zR");
	FUNCTION(&f, 0x1100, 0x10, ADVANCE("\10") "\x3f"); /* no such instruction */
	FUNCTION(&f, 0x1110, 0x10, CFA_SP("\30"));
	assert_true(build(&t, &f));
	assert_int_equal(sp_at(&t, 0x1107), 8);
	assert_int_equal(sp_at(&t, 0x1108), -1);
	assert_int_equal(sp_at(&t, 0x110f), -1);
	assert_int_equal(sp_at(&t, 0x1110), 24);
	unwind_table__clear(&t);
}

/* As BOLT leaves them: a patch at the start of the old function; one within another; one over the end of another. */
static void test_overlaps(void **state)
{
	static const struct {
		uint32_t at;
		int sp;
	} want[] = {
		{0x1200, 32}, {0x1204, 32}, {0x1205, 16}, {0x123f, 16}, {0x1240, 24}, {0x124f, 24}, {0x1250, 16},
		{0x12ff, 16}, {0x1300, -1}, {0x1380, 8},  {0x1390, 16}, {0x13af, 16}, {0x13b0, -1},
	};

	(void)state;
	for (int backwards = 0; backwards < 2; backwards++) {
		struct buf f = {0};
		struct unwind_table t;

		put_common(&f, "zR");
		if (backwards)
			FUNCTION(&f, 0x1200, 5, CFA_SP("\40"));
		FUNCTION(&f, 0x1200, 0x100, CFA_SP("\20"));
		if (!backwards)
			FUNCTION(&f, 0x1200, 5, CFA_SP("\40"));
		FUNCTION(&f, 0x1240, 0x10, CFA_SP("\30"));
		FUNCTION(&f, 0x1390, 0x20, CFA_SP("\20"));
		FUNCTION(&f, 0x1380, 0x20, "");
		assert_true(build(&t, &f));
		for (size_t i = 0; i < ARRAY_SIZE(want); i++)
			if (sp_at(&t, want[i].at) != want[i].sp)
				fail_msg("%x: %d, not %d", want[i].at, sp_at(&t, want[i].at), want[i].sp);
		unwind_table__clear(&t);
	}
}

/* A rule goes on over pages without a row. */
static void test_pages(void **state)
{
	struct buf f = {0};
	struct unwind_table t;

	(void)state;
	put_common(&f, "zR");
	FUNCTION(&f, 0x2ff0, 0x4000, CFA_SP("\20"));
	assert_true(build(&t, &f));
	assert_int_equal(t.first, 0x2000);
	assert_int_equal(t.page_cnt, 5);
	assert_int_equal(t.row_cnt, 2);
	for (uint64_t at = 0x2ff0; at < 0x6ff0; at++)
		assert_int_equal(sp_at(&t, at), 16);
	assert_int_equal(sp_at(&t, 0x2fef), -1);
	assert_int_equal(sp_at(&t, 0x6ff0), -1);
	unwind_table__clear(&t);
}

static void test_what_is_kept_and_restored(void **state)
{
	struct buf f = {0};
	struct unwind_table t;

	(void)state;
	put_common(&f, "zR");
	/* rbp at CFA-16; remembered, changed, restored; rbp by name, as the CIE has it */
	FUNCTION(&f, 0x1100, 0x40,
		 ADVANCE("\1") "\x0e\x10\x86\x02" ADVANCE("\3") CFA_BP("\20") ADVANCE("\1") "\x0a" ADVANCE("\1")
			 CFA_SP("\10") ADVANCE("\1") "\x0b" ADVANCE("\1") "\xc6" ADVANCE("\1") "\x07\x10");
	assert_true(build(&t, &f));
	assert_int_equal(unwind_table__rule(&t, 0x1100)->bp, ABI_UNWIND_BP_SAME);
	assert_int_equal(unwind_table__rule(&t, 0x1101)->bp, ABI_UNWIND_BP_AT_CFA);
	assert_int_equal(unwind_table__rule(&t, 0x1101)->bp_off, -16);
	assert_int_equal(unwind_table__rule(&t, 0x1101)->ra_off, -8);
	assert_int_equal(unwind_table__rule(&t, 0x1104)->kind, ABI_UNWIND_BP);
	assert_int_equal(sp_at(&t, 0x1106), 8);
	assert_int_equal(unwind_table__rule(&t, 0x1107)->kind, ABI_UNWIND_BP);
	assert_int_equal(unwind_table__rule(&t, 0x1107)->bp, ABI_UNWIND_BP_AT_CFA);
	assert_int_equal(unwind_table__rule(&t, 0x1108)->bp, ABI_UNWIND_BP_SAME);
	assert_int_equal(unwind_table__rule(&t, 0x1109)->kind, ABI_UNWIND_ROOT);
	unwind_table__clear(&t);
}

/* Beyond the code, of no bytes, around the end of addresses, with an unknown augmentation: not there. */
static void test_functions_that_are_none(void **state)
{
	struct buf f = {0};
	struct unwind_table t;

	(void)state;
	put_common(&f, "zR");
	FUNCTION(&f, 0x100, 0x10, "");
	FUNCTION(&f, TEXT + TEXT_BYTES - 8, 0x10, "");
	FUNCTION(&f, 0x1100, 0, "");
	FUNCTION(&f, 0x1200, 0xffffffff, "");
	assert_false(build(&t, &f));
	assert_null(t.rows);
	put_common(&f, "eh");
	FUNCTION(&f, 0x1100, 0x10, "");
	assert_false(build(&t, &f));
}

/* On arm64 a return address is in a register until it is saved, and frames are chained by x29. */
static void test_arm64(void **state)
{
	static const uint8_t common[] = {20, 0,    0,  0, 0,    0,    0,  0, 3, 'z', 'R', 0,
					 4,  0x78, 30, 1, 0x1b, 0x0c, 31, 0, 0, 0,   0,   0};
	const struct abi_unwind_rule *rule;
	struct buf f = {0};
	struct unwind_table t;

	(void)state;
	machine = EM_AARCH64;
	buf_put(&f, common, sizeof(common));
	/* stp x29, x30, [sp, -32]!; mov x29, sp; CFA by x29; return address signed, which changes nothing here */
	FUNCTION(&f, 0x1100, 0x40, "\x41\x2d\x41\x0e\x20\x9d\x04\x9e\x03\x41\x0d\x1d");
	assert_true(build(&t, &f));
	machine = EM_X86_64;
	rule = unwind_table__rule(&t, 0x1104);
	assert_int_equal(rule->kind, ABI_UNWIND_SP);
	assert_int_equal(rule->cfa_off, 0);
	assert_int_equal(rule->ra_off, 0);
	assert_int_equal(rule->bp, ABI_UNWIND_BP_SAME);
	rule = unwind_table__rule(&t, 0x1108);
	assert_int_equal(rule->cfa_off, 32);
	assert_int_equal(rule->bp, ABI_UNWIND_BP_AT_CFA);
	assert_int_equal(rule->bp_off, -32);
	assert_int_equal(rule->ra_off, -24);
	assert_int_equal(unwind_table__rule(&t, 0x110c)->kind, ABI_UNWIND_BP);
	assert_int_equal(unwind_table__rule(&t, 0x110c)->cfa_off, 32);
	unwind_table__clear(&t);
}

/* Functions in functions, each over all the others' rows: it ends, and soon. */
static void test_absurd_nesting(void **state)
{
	struct buf f = {0};
	struct unwind_table t;
	char program[0x7000];

	(void)state;
	memset(program, 0x41, sizeof(program)); /* each goes on by a byte … */
	for (size_t i = 0; i + 2 < sizeof(program); i += 3)
		memcpy(program + i, i % 2 ? "\x41\x0e\x08" : "\x41\x0e\x10", 3); /* … with another rule */
	put_common(&f, "zR");
	put_function(&f, 0x1000, 0x7f00, program, sizeof(program));
	for (uint32_t i = 0; i < 0x7000; i++)
		FUNCTION(&f, 0x1000 + i / 64, 0x10, CFA_SP("\40"));
	assert_true(build(&t, &f));
	assert_true(t.row_cnt <= 0x7f00);
	assert_int_equal(sp_at(&t, 0x1008), 32);
	assert_int_not_equal(sp_at(&t, 0x1000 + 0x6fff / 64 + 8), 32); /* enough by then */
	unwind_table__clear(&t);
}

static void test_where_a_file_has_code(void **state)
{
	struct buf f = {0};
	struct unwind_table t;
	uint64_t vaddr = 0;

	(void)state;
	put_common(&f, "zR");
	FUNCTION(&f, 0x1100, 0x10, "");
	assert_true(build(&t, &f));
	assert_true(unwind_table__vaddr(&t, 0x1234, &vaddr));
	assert_int_equal(vaddr, 0x1234);
	assert_false(unwind_table__vaddr(&t, 0xfff, &vaddr));
	assert_false(unwind_table__vaddr(&t, FRAME, &vaddr));
	unwind_table__clear(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows_of_functions),
		cmocka_unit_test(test_gaps),
		cmocka_unit_test(test_unknown_end),
		cmocka_unit_test(test_overlaps),
		cmocka_unit_test(test_pages),
		cmocka_unit_test(test_what_is_kept_and_restored),
		cmocka_unit_test(test_functions_that_are_none),
		cmocka_unit_test(test_arm64),
		cmocka_unit_test(test_absurd_nesting),
		cmocka_unit_test(test_where_a_file_has_code),
	};

	return cmocka_run_group_tests_name("unwind_table", tests, NULL, NULL);
}
