/* SPDX-License-Identifier: MIT */
/*
 * The oracle is libdw: each row that it finds in .eh_frame must be in our table. Of real files: this program, its libraries, and
 * the interpreters that are here. The functions' starts are those of .eh_frame_hdr, which our reader does not look at.
 */
#include "user/symbol/arch.h"
#include "user/symbol/eh_frame.h"
#include "user/symbol/unwind_table.h"
#include "user/util/alloc.h"
#include <dlfcn.h>
#include <dwarf.h>
#include <elfutils/libdw.h>
#include <fcntl.h>
#include <elf.h>
#include <glob.h>
#include <link.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <sys/stat.h>
#include <cmocka.h>

#define MAX_FILES 256

enum { RBP = 6, RSP = 7, RIP = 16, UC_RSP = 160 };

/* ---- what libdw says, as a rule ------------------------------------------------------------------------- */

static bool is_breg(const Dwarf_Op *op, unsigned reg, int64_t *off)
{
	if (op->atom == DW_OP_bregx && op->number == reg)
		*off = (int64_t)op->number2;
	else if (op->atom == DW_OP_breg0 + reg)
		*off = (int64_t)op->number;
	else
		return false;
	return true;
}

/* rsp + 8 + ((rip & 15) >= n) * 8 */
static bool is_plt(const Dwarf_Op *ops, size_t cnt, int64_t *n)
{
	static const uint8_t rest[] = {DW_OP_and, 0, DW_OP_ge, DW_OP_lit3, DW_OP_shl, DW_OP_plus};
	int64_t off;

	if (cnt != 9 || !is_breg(&ops[0], RSP, &off) || off != 8 || !is_breg(&ops[1], RIP, &off) || off ||
	    ops[2].atom != DW_OP_lit15)
		return false;
	for (size_t i = 0; i < sizeof(rest); i++)
		if (rest[i] && ops[3 + i].atom != rest[i])
			return false;
	*n = ops[4].atom - DW_OP_lit0;
	return true;
}

static bool true_register(const Dwarf_Op *op, struct abi_unwind_rule *rule)
{
	bool numbered = op->atom == DW_OP_bregx;

	rule->kind = ABI_UNWIND_REG;
	rule->cfa_add = (int16_t)(numbered ? op->number : (Dwarf_Word)op->atom - DW_OP_breg0);
	rule->cfa_off = (int32_t)(numbered ? op->number2 : op->number);
	return true;
}

static bool true_base(Dwarf_Frame *frame, bool signal, struct abi_unwind_rule *rule)
{
	Dwarf_Op *ops;
	size_t cnt;
	int64_t off = 0;
	bool sp;

	if (dwarf_frame_cfa(frame, &ops, &cnt) || !cnt)
		return false;
	if (is_plt(ops, cnt, &off)) {
		rule->kind = ABI_UNWIND_PLT;
	} else {
		sp = is_breg(&ops[0], RSP, &off);
		if (!sp && !is_breg(&ops[0], RBP, &off))
			return cnt == 1 && true_register(&ops[0], rule);
		if (cnt == 1)
			rule->kind = sp ? ABI_UNWIND_SP : ABI_UNWIND_BP;
		else if (ops[1].atom == DW_OP_deref && (cnt == 2 || (cnt == 3 && ops[2].atom == DW_OP_plus_uconst)))
			rule->kind = sp ? ABI_UNWIND_SP_MEM : ABI_UNWIND_BP_MEM;
		else
			return false;
		rule->cfa_add = cnt == 3 ? (int16_t)ops[2].number : 0;
	}
	rule->cfa_off = (int32_t)off;
	if (signal) {
		if (rule->kind != ABI_UNWIND_SP_MEM || rule->cfa_add)
			return false;
		rule->kind = ABI_UNWIND_SIGNAL;
		rule->cfa_off -= UC_RSP;
	}
	return true;
}

enum where { SAME, UNDEFINED, AT_CFA, AT_BP, OTHER };

static enum where true_place(Dwarf_Frame *frame, int reg, int64_t *off)
{
	Dwarf_Op memory[3], *ops;
	size_t cnt;

	*off = 0;
	assert_int_equal(dwarf_frame_register(frame, reg, memory, &ops, &cnt), 0);
	if (!cnt)
		return ops ? UNDEFINED : SAME;
	if (ops[0].atom == DW_OP_call_frame_cfa && (cnt == 1 || (cnt == 2 && ops[1].atom == DW_OP_plus_uconst))) {
		*off = cnt == 2 ? (int64_t)ops[1].number : 0;
		return AT_CFA;
	}
	/* an expression begins with the CFA on its stack */
	return cnt == 2 && ops[0].atom == DW_OP_call_frame_cfa && is_breg(&ops[1], RBP, off) ? AT_BP : OTHER;
}

static struct abi_unwind_rule true_rule(Dwarf_Frame *frame, bool signal)
{
	static const enum abi_unwind_bp kinds[] = {[SAME] = ABI_UNWIND_BP_SAME,
						   [AT_CFA] = ABI_UNWIND_BP_AT_CFA,
						   [AT_BP] = ABI_UNWIND_BP_AT_BP,
						   [UNDEFINED] = ABI_UNWIND_BP_LOST,
						   [OTHER] = ABI_UNWIND_BP_LOST};
	struct abi_unwind_rule rule = {0}, stop = {0};
	int64_t bp_off, ra_off;
	enum where bp = true_place(frame, RBP, &bp_off), ra = true_place(frame, RIP, &ra_off);

	if (ra == UNDEFINED)
		return (struct abi_unwind_rule){.kind = ABI_UNWIND_ROOT};
	if (!true_base(frame, signal, &rule) || (!signal && ra != AT_CFA))
		return stop;
	if (!signal) {
		rule.bp = kinds[bp];
		rule.bp_off = (int16_t)bp_off;
		rule.ra_off = (int16_t)ra_off;
	}
	return rule;
}

/* ---- files ------------------------------------------------------------------------------------------------ */

struct truth {
	const char *path;
	struct unwind_table table;
	Dwarf_CFI *cfi;
	size_t rows, kinds[ABI_UNWIND_REG + 1];
};

static void compare(struct truth *t, uint64_t addr, const struct abi_unwind_rule *want)
{
	const struct abi_unwind_rule *got = unwind_table__rule(&t->table, addr);

	if (memcmp(got, want, sizeof(*got)))
		fail_msg("%s: at %llx kind %u cfa %d+%d bp %u%+d ra %d, by libdw %u %d+%d %u%+d %d", t->path,
			 (unsigned long long)addr, got->kind, got->cfa_off, got->cfa_add, got->bp, got->bp_off,
			 got->ra_off, want->kind, want->cfa_off, want->cfa_add, want->bp, want->bp_off, want->ra_off);
}

/* The rows from one function's start up to the next one's. */
static void compare_function(struct truth *t, uint64_t start, uint64_t next)
{
	while (start < next) {
		struct abi_unwind_rule want;
		Dwarf_Addr from, to;
		Dwarf_Frame *frame;
		bool signal;

		if (dwarf_cfi_addrframe(t->cfi, start, &frame))
			return;
		assert_int_not_equal(dwarf_frame_info(frame, &from, &to, &signal), -1);
		want = true_rule(frame, signal);
		compare(t, start, &want);
		if (to > start + 1)
			compare(t, (to < next ? to : next) - 1, &want);
		t->kinds[want.kind]++;
		t->rows++;
		free(frame);
		start = to;
	}
}

struct search_entry {
	int32_t start, fde;
};

/* .eh_frame_hdr: version 1, encodings, where .eh_frame is, a count, sorted pairs; all by 4 bytes from its start. */
static void compare_all(struct truth *t, const struct elf_file *e)
{
	uint64_t vaddr, size, next;
	__cleanup_free struct search_entry *entries = NULL;
	uint32_t head[3];

	assert_true(elf_file__section(e, ".eh_frame_hdr", &vaddr, &size));
	assert_true(elf_file__read(e, vaddr, head, sizeof(head)));
	assert_int_equal(head[0], 0x3b031b01);
	entries = xcalloc(head[2] + 1, sizeof(*entries));
	assert_true(elf_file__read(e, vaddr + sizeof(head), entries, head[2] * sizeof(*entries)));
	for (uint32_t i = 0; i < head[2]; i++) {
		next = i + 1 < head[2] ? vaddr + (uint64_t)(int64_t)entries[i + 1].start : UINT64_MAX;
		compare_function(t, vaddr + (uint64_t)(int64_t)entries[i].start, next);
	}
}

/* ---- functions that lie in others ------------------------------------------------------------------------- */

/*
 * BOLT leaves the old functions where they were, with a jump over their first 5 bytes to the new ones, which has an entry of its own:
 * all that runs there is its first instruction, with nothing but a return address on the stack.
 */
struct overlaps {
	const struct elf_file *e;
	const struct unwind_table *t;
	struct eh_function *all;
	size_t cnt, cap, jumps;
};

static bool keep_function(void *ctx, const struct eh_function *f)
{
	struct overlaps *o = ctx;

	xgrow(o->all, o->cnt, o->cap);
	o->all[o->cnt++] = *f;
	return true;
}

static int by_start(const void *a, const void *b)
{
	const struct eh_function *f = a, *g = b;

	if (f->start != g->start)
		return f->start < g->start ? -1 : 1;
	return f->end > g->end ? -1 : f->end < g->end;
}

static void check_inner(struct overlaps *o, const struct eh_function *f, const struct eh_function *outer)
{
	const struct abi_unwind_rule *rule = unwind_table__rule(o->t, f->start);
	uint8_t code = 0;

	assert_true(elf_file__read(o->e, f->start, &code, 1));
	if (f->start != outer->start || f->end - f->start != 5 || code != 0xe9)
		fail_msg("%llx-%llx lies in %llx-%llx and is no jump", (unsigned long long)f->start,
			 (unsigned long long)f->end, (unsigned long long)outer->start, (unsigned long long)outer->end);
	assert_int_equal(rule->kind, ABI_UNWIND_SP);
	assert_int_equal(rule->cfa_off, 8);
	o->jumps++;
}

static size_t overlapping; /* in all files */

static void check_overlaps(const struct elf_file *e, const struct unwind_table *t)
{
	struct eh_frame f = {.machine = EM_X86_64};
	__cleanup_free uint8_t *bytes = elf_file__unwind_bytes(e, &f.vaddr, &f.len);
	struct overlaps o = {.e = e, .t = t};
	size_t outer = 0;

	f.bytes = bytes;
	eh_frame__functions(&f, keep_function, &o);
	if (o.cnt)
		qsort(o.all, o.cnt, sizeof(*o.all), by_start);
	for (size_t i = 1; i < o.cnt; i++) {
		if (o.all[i].start < o.all[outer].end)
			check_inner(&o, &o.all[i], &o.all[outer]);
		if (o.all[i].end > o.all[outer].end)
			outer = i;
	}
	overlapping += o.jumps;
	free(o.all);
}

static void check_open(struct truth *t, int fd, const struct elf_file *e)
{
	Elf *elf = elf_begin(fd, ELF_C_READ_MMAP, NULL);

	t->cfi = dwarf_getcfi_elf(elf);
	assert_non_null(t->cfi);
	compare_all(t, e);
	dwarf_cfi_end(t->cfi);
	elf_end(elf);
}

/* What was found in all files. */
static size_t files, kinds[ABI_UNWIND_REG + 1];
static ino_t seen[MAX_FILES];

static void check_file(const char *path)
{
	__cleanup_close int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct elf_file *e = elf_file__open(fd);
	struct truth t = {.path = path};
	struct stat st;

	if (!e || fstat(fd, &st) || elf_file__machine(e) != EM_X86_64)
		goto out;
	for (size_t i = 0; i < files; i++)
		if (seen[i] == st.st_ino)
			goto out;
	assert_true(unwind_table__build(&t.table, e));
	check_open(&t, fd, e);
	check_overlaps(e, &t.table);
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		kinds[i] += t.kinds[i];
	if (files < MAX_FILES)
		seen[files++] = st.st_ino;
	unwind_table__clear(&t.table);
out:
	elf_file__free(e);
}

static int check_library(struct dl_phdr_info *info, size_t size, void *ctx)
{
	(void)size;
	(void)ctx;
	if (info->dlpi_name[0] == '/')
		check_file(info->dlpi_name);
	return 0;
}

static void check_glob(const char *pattern)
{
	glob_t found;

	if (!glob(pattern, GLOB_TILDE | GLOB_BRACE, NULL, &found)) {
		for (size_t i = 0; i < found.gl_pathc; i++)
			check_file(found.gl_pathv[i]);
		globfree(&found);
	}
}

static void test_this_program(void **state)
{
	void *crypto = dlopen("libcrypto.so.3", RTLD_LAZY); /* its assembler has rules that compilers do not make */

	(void)state;
	check_file("/proc/self/exe");
	dl_iterate_phdr(check_library, NULL);
	assert_true(files > 3);
	/* a linker's tables of calls; where threads begin; where handlers return to */
	assert_true(kinds[ABI_UNWIND_PLT] && kinds[ABI_UNWIND_ROOT] && kinds[ABI_UNWIND_SIGNAL] &&
		    kinds[ABI_UNWIND_SP] && kinds[ABI_UNWIND_BP]);
	if (crypto)
		assert_true(kinds[ABI_UNWIND_SP_MEM] && kinds[ABI_UNWIND_REG]);
}

static void test_interpreters(void **state)
{
	static const char *const patterns[] = {
		"/usr/bin/python3.[0-9]*",
		"/usr/lib/*-linux-gnu/libpython3*.so.1.0",
		"~/.pyenv/versions/3*/lib/libpython3*.so.1.0",
		"build/interpreters/*{,/usr}/bin/python3.[0-9]*",
		"build/interpreters/*{,/usr}/lib/libpython3*.so.1.0",
		"{/usr/lib/python3,~/.pyenv/versions/3*/lib/python3*,build/interpreters/*/usr/lib/python3}/*-packages/"
		"numpy/*core/"
		"_multiarray_umath*.so",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(patterns); i++)
		check_glob(patterns[i]);
	print_message("%zu files, %zu functions in others\n", files, overlapping);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_this_program),
		cmocka_unit_test(test_interpreters),
	};

	elf_version(EV_CURRENT);
	if (arch_own->machine != EM_X86_64)
		return 0;
	return cmocka_run_group_tests_name("unwind_truth", tests, NULL, NULL);
}
