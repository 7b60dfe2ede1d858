/* SPDX-License-Identifier: MIT */
/*
 * The unwinder, bpf/native.bpf.c, over a made-up stack: one file with a page of code per rule, so that each test says by its
 * addresses which rules are taken.
 */
#include "bpf/native.bpf.h"
#include "tests/host/versions.h"
#include "tests/kernel/machine.h"

#define A           100
#define IMAGE       7
#define FILE_AT     0x10000000ull
#define MADE_AT     0x20000000ull
#define OTHER_AT    0x30000000ull /* a file without a table */
#define STACK       0x7f0000000000ull
#define STACK_BYTES 0x10000ull
#define TABLE       10 /* its first word */
#define LAYOUT      5

/* An address of the page of code that has this rule. */
#define AT(rule) (FILE_AT + ((u64)(rule) << ABI_UNWIND_PAGE_SHIFT) + 0x100)

enum {
	RULE_STOP,
	RULE_ROOT,
	RULE_SP,
	RULE_BP,
	RULE_PLT,
	RULE_DRAP,
	RULE_SIGNAL,
	RULE_SAVED,
	RULE_MEM,
	RULE_REG,
	RULE_LOST,
	RULES
};

static const struct abi_unwind_rule rules[RULES] = {
	[RULE_ROOT] = {.kind = ABI_UNWIND_ROOT},
	[RULE_SP] = {.kind = ABI_UNWIND_SP, .cfa_off = 32, .ra_off = -8},
	[RULE_BP] = {.kind = ABI_UNWIND_BP, .cfa_off = 16, .ra_off = -8, .bp = ABI_UNWIND_BP_AT_CFA, .bp_off = -16},
	[RULE_PLT] = {.kind = ABI_UNWIND_PLT, .cfa_off = 11, .ra_off = -8},
	[RULE_DRAP] = {.kind = ABI_UNWIND_BP_MEM, .cfa_off = -8, .ra_off = -8, .bp = ABI_UNWIND_BP_AT_BP},
	[RULE_SIGNAL] = {.kind = ABI_UNWIND_SIGNAL},
	[RULE_SAVED] = {.kind = ABI_UNWIND_SP, .cfa_off = 48, .ra_off = -8, .bp = ABI_UNWIND_BP_AT_CFA, .bp_off = -40},
	[RULE_MEM] = {.kind = ABI_UNWIND_SP_MEM, .cfa_off = 16, .cfa_add = 8, .ra_off = -8},
	[RULE_REG] = {.kind = ABI_UNWIND_REG, .cfa_add = 12, .cfa_off = 8, .ra_off = -8}, /* r12 */
	[RULE_LOST] = {.kind = ABI_UNWIND_SP, .cfa_off = 16, .ra_off = -8, .bp = ABI_UNWIND_BP_LOST},
};
#define R12 3 /* in struct pt_regs */

static struct native *scratch(void)
{
	u32 slot = 0;

	return bpf_map_lookup_elem(&natives, &slot);
}

static struct unwind_gaps *gaps(void)
{
	u32 layout = LAYOUT;

	return bpf_map_lookup_elem(&unwind_gaps, &layout);
}

static void set_word(u32 at, u64 value)
{
	bpf_map_update_elem(&unwind_words, &at, &value, BPF_ANY);
}

static void set_mappings(void)
{
	const struct abi_unwind_mapping all[] = {
		{.start = FILE_AT,
		 .end = FILE_AT + 0x10000,
		 .first = FILE_AT,
		 .pages = TABLE,
		 .rows = TABLE + RULES,
		 .page_cnt = RULES},
		{.start = MADE_AT, .end = MADE_AT + 0x1000, .made = 1},
		{.start = OTHER_AT, .end = OTHER_AT + 0x1000},
	};
	struct abi_unwind_process p = {.first = 3, .cnt = ARRAY_SIZE(all)};
	u32 image = IMAGE;

	for (u32 i = 0; i < p.cnt; i++) {
		u32 at = p.first + i;

		bpf_map_update_elem(&unwind_mappings, &at, &all[i], BPF_ANY);
	}
	bpf_map_update_elem(&unwind_processes, &image, &p, BPF_ANY);
}

/* Each page is of its rule, and has no rows. */
static void set_tables(void)
{
	maps__resize(&unwind_words, 100);
	maps__resize(&unwind_mappings, 20);
	maps__resize(&unwind_rules, RULES);
	maps__resize(&natives, MACHINE_SLOTS + WAIT_SCRATCHES);
	maps__resize(&kept_natives, KEPT_NATIVE_WAIT + KEPT_WAITS);
	cfg_wait_natives = MACHINE_SLOTS;
	maps__resize(&unwind_gaps, LAYOUT + 1);
	scratch()->layout_id = LAYOUT;
	scratch()->skip = 1;
	for (u32 i = 0; i < RULES; i++) {
		bpf_map_update_elem(&unwind_rules, &i, &rules[i], BPF_ANY);
		set_word(TABLE + i, (u64)i << 48);
	}
	set_mappings();
}

/* The registers: in the code of that rule, with an empty stack. */
static void boot(struct world *p, u64 ip)
{
	machine__boot();
	set_tables();
	image__add(p->m, STACK, STACK_BYTES);
	cfg_native = true;
	host.memory = p->m;
	memset(host.registers, 0, sizeof(host.registers));
	host.registers[ARCH_REGISTER_IP] = ip;
	host.registers[ARCH_REGISTER_SP] = STACK;
	host.registers[ARCH_REGISTER_BP] = STACK + 0x100;
	machine.current = task__new(A, p);
}

static void put(struct world *p, u64 offset, u64 value)
{
	image__put_u64(p->m, STACK + offset, value);
}

static void done(struct world *p)
{
	machine.current = NULL;
	image__remove(p->m, STACK);
	machine__shutdown();
}

/* Walks, and compares the addresses. */
static void check(const u64 *addrs, u32 cnt, enum abi_native_end end)
{
	assert_int_equal(native_walk(0, IMAGE), ABI_OK);
	assert_int_equal(scratch()->head.native_cnt, cnt);
	for (u32 i = 0; i < cnt; i++)
		assert_int_equal(scratch()->user[i], addrs[i]);
	assert_int_equal(scratch()->head.end, end);
}

static void each_rule(void **state)
{
	struct world *p = *state;
	const u64 addrs[] = {AT(RULE_SP), AT(RULE_BP), AT(RULE_PLT) + 11, AT(RULE_DRAP), AT(RULE_SAVED), AT(RULE_ROOT)};

	boot(p, addrs[0]);
	put(p, 24, addrs[1]);                                  /* SP: CFA = 32 */
	put(p, 0x100, STACK + 0x300), put(p, 0x108, addrs[2]); /* BP: CFA = 0x110 */
	put(p, 0x118, addrs[3]);                               /* PLT: from its 11th byte on there are two words */
	put(p, 0x300 - 8, STACK + 0x400);                      /* DRAP: CFA is there … */
	put(p, 0x300, STACK + 0x777), put(p, 0x400 - 8, addrs[4]);
	put(p, 0x430 - 40, 0x1234), put(p, 0x430 - 8, addrs[5]);
	check(addrs, ARRAY_SIZE(addrs), ABI_NATIVE_ROOT);
	assert_int_equal(scratch()->bp, 0x1234);
	done(p);
}

/* What -X perf makes, of both kinds; and something else, which is not. */
static void trampolines(void **state)
{
	static const unsigned char code[][7] = {{0xff, 0xd1, 0x48, 0x83, 0xc4, 0x08, 0xc3}, {0xff, 0xd1, 0x5d, 0xc3}};
	const u64 addrs[] = {AT(RULE_SP), MADE_AT + 0x12, MADE_AT + 0x22, AT(RULE_ROOT)};
	struct world *p = *state;

	boot(p, addrs[0]);
	image__add(p->m, MADE_AT, 0x100);
	memcpy(image__at(p->m, MADE_AT + 0x10, 7), code[0], 7);
	memcpy(image__at(p->m, MADE_AT + 0x20, 7), code[1], 7);
	put(p, 24, addrs[1]), put(p, 40, addrs[2]);
	put(p, 48, 0x4321), put(p, 56, addrs[3]);
	check(addrs, ARRAY_SIZE(addrs), ABI_NATIVE_ROOT);
	assert_int_equal(scratch()->bp, 0x4321);
	put(p, 24, MADE_AT + 0x13);
	check((const u64[]){addrs[0], MADE_AT + 0x13}, 2, ABI_NATIVE_MADE);
	image__remove(p->m, MADE_AT);
	done(p);
}

/* The interrupted instruction may be the first of a function: it is looked up as it is. */
static void a_signal(void **state)
{
	struct world *p = *state;
	const u64 addrs[] = {AT(RULE_SIGNAL), FILE_AT + ((u64)RULE_SP << ABI_UNWIND_PAGE_SHIFT), AT(RULE_ROOT)};

	boot(p, addrs[0]);
	put(p, 120, 42), put(p, 160, STACK + 0x800), put(p, 168, addrs[1]);
	put(p, 0x818, addrs[2]);
	check(addrs, ARRAY_SIZE(addrs), ABI_NATIVE_ROOT);
	done(p);
}

/* A return address may be the first of the next function's: what called is before it. */
static void a_call_at_the_end(void **state)
{
	struct world *p = *state;
	const u64 addrs[] = {AT(RULE_SP), FILE_AT + ((u64)(RULE_ROOT + 1) << ABI_UNWIND_PAGE_SHIFT)};

	boot(p, addrs[0]);
	put(p, 24, addrs[1]);
	check(addrs, ARRAY_SIZE(addrs), ABI_NATIVE_ROOT);
	done(p);
}

/* Rows of one page: each is in force up to the next. */
static void rows(void **state)
{
	static const struct abi_unwind_row all[] = {
		{0x100, RULE_SP}, {0x200, RULE_ROOT}, {0x300, RULE_STOP}, {0x301, RULE_ROOT}, {0xfff, RULE_STOP}};
	static const struct {
		u32 at;
		enum abi_native_end end;
	} places[] = {{0, ABI_NATIVE_ROOT},           {0xff, ABI_NATIVE_ROOT},  {0x100, ABI_NATIVE_NO_MAPPING},
		      {0x1ff, ABI_NATIVE_NO_MAPPING}, {0x200, ABI_NATIVE_ROOT}, {0x2ff, ABI_NATIVE_ROOT},
		      {0x300, ABI_NATIVE_NO_ROW},     {0x301, ABI_NATIVE_ROOT}, {0xffe, ABI_NATIVE_ROOT},
		      {0xfff, ABI_NATIVE_NO_ROW}};
	struct world *p = *state;
	u64 words[3] = {0};

	boot(p, 0);
	memcpy(words, all, sizeof(all));
	for (u32 i = 0; i < 3; i++)
		set_word(TABLE + RULES + i, words[i]);
	set_word(TABLE + 3, (u64)RULE_ROOT << 48 | (u64)ARRAY_SIZE(all) << 32);
	put(p, 24, 0x55);
	for (u32 i = 0; i < ARRAY_SIZE(places); i++) {
		host.registers[ARCH_REGISTER_IP] = FILE_AT + (3ull << ABI_UNWIND_PAGE_SHIFT) + places[i].at;
		assert_int_equal(native_walk(0, IMAGE), ABI_OK);
		assert_int_equal(scratch()->head.end, places[i].end);
	}
	done(p);
}

static void early_ends(void **state)
{
	static const struct {
		u64 ip, sp;
		enum abi_native_end end;
	} ends[] = {{AT(RULE_STOP), STACK, ABI_NATIVE_NO_ROW},
		    {FILE_AT + 0xf000, STACK, ABI_NATIVE_NO_ROW},
		    {MADE_AT + 5, STACK, ABI_NATIVE_MADE},
		    {OTHER_AT, STACK, ABI_NATIVE_NO_TABLE},
		    {OTHER_AT + 0x1000, STACK, ABI_NATIVE_NO_MAPPING},
		    {AT(RULE_SP), STACK + STACK_BYTES, ABI_NATIVE_FAULT},
		    {AT(RULE_BP), STACK + 0x200, ABI_NATIVE_BACKWARDS}};
	struct world *p = *state;

	boot(p, 0);
	for (u32 i = 0; i < ARRAY_SIZE(ends); i++) {
		host.registers[ARCH_REGISTER_IP] = ends[i].ip;
		host.registers[ARCH_REGISTER_SP] = ends[i].sp;
		check(&ends[i].ip, 1, ends[i].end);
	}
	assert_int_equal(native_walk(0, IMAGE + 1), ABI_OK);
	assert_int_equal(scratch()->head.end, ABI_NATIVE_NO_MAPS);
	assert_int_equal(scratch()->head.native_cnt, 0);
	done(p);
}

static void too_deep(void **state)
{
	struct world *p = *state;

	boot(p, AT(RULE_SP));
	for (u32 i = 0; i < STACK_BYTES / 32; i++)
		put(p, 32 * i + 24, AT(RULE_SP));
	assert_int_equal(native_walk(0, IMAGE), ABI_OK);
	assert_int_equal(scratch()->head.native_cnt, ABI_MAX_NATIVE);
	assert_int_equal(scratch()->head.end, ABI_NATIVE_DEPTH);
	done(p);
}

/* The invocations' objects lie in their frames; one of another stack is in none, and those behind it are found all the same. */
static void places_of_runs(void **state)
{
	static const u64 entries[] = {STACK + 8, 0x1000, STACK + 32, STACK + 95, STACK + 96, STACK + STACK_BYTES};
	static const u16 found[] = {0, ABI_NOWHERE, 1, 2, ABI_NOWHERE, ABI_NOWHERE};
	static const u64 learnt[UNWIND_GAPS] = {24, 32, 1};
	struct world *p = *state;

	boot(p, AT(RULE_SP));
	put(p, 24, AT(RULE_SP)), put(p, 56, AT(RULE_SP)), put(p, 88, AT(RULE_ROOT));
	memcpy(&scratch()->entries[1], entries, sizeof(entries));
	for (u32 i = 0; i < ARRAY_SIZE(entries); i++)
		scratch()->runs[i] = (struct abi_run){.frame_cnt = (u16)i, .native = ABI_NOWHERE};
	scratch()->head.run_cnt = ARRAY_SIZE(entries);
	assert_int_equal(native_walk(0, IMAGE), ABI_OK);
	for (u32 i = 0; i < ARRAY_SIZE(entries); i++)
		assert_int_equal(scratch()->runs[i].native, found[i]);
	for (u32 i = 0; i < UNWIND_GAPS; i++)
		assert_int_equal(gaps()->of[i], learnt[i]);
	done(p);
}

/* CFAs by memory and by a register, which is known in the innermost frame alone; as is rbp, where it is not saved. */
static void other_rules(void **state)
{
	const u64 addrs[] = {AT(RULE_REG), AT(RULE_MEM), AT(RULE_LOST), AT(RULE_REG)};
	const u64 without[] = {AT(RULE_LOST), AT(RULE_BP)};
	struct world *p = *state;

	boot(p, addrs[0]);
	host.registers[R12] = STACK + 0x80;
	put(p, 0x80, addrs[1]);
	put(p, 0x88 + 16, STACK + 0x200), put(p, 0x200, addrs[2]);
	put(p, 0x210, addrs[3]);
	check(addrs, ARRAY_SIZE(addrs), ABI_NATIVE_NO_ROW);
	host.registers[ARCH_REGISTER_IP] = without[0];
	put(p, 8, without[1]);
	check(without, ARRAY_SIZE(without), ABI_NATIVE_NO_ROW);
	done(p);
}

/* ---- code without a rule ----------------------------------------------------------------------------------- */

/* This address is behind a call. */
static u64 behind_call(struct world *p, u64 ip)
{
	image__put_u8(p->m, ip - 5, 0xe8);
	return ip;
}

static void boot_in_made_code(struct world *p)
{
	boot(p, MADE_AT + 5);
	image__add(p->m, FILE_AT, 0x10000);
}

static void done_with_code(struct world *p)
{
	image__remove(p->m, FILE_AT);
	done(p);
}

/* rbp is saved right below the first return address: that is a frame. */
static void made_code_with_a_frame_pointer(void **state)
{
	struct world *p = *state;
	const u64 addrs[] = {MADE_AT + 5, AT(RULE_SP), AT(RULE_ROOT)};

	boot_in_made_code(p);
	host.registers[ARCH_REGISTER_BP] = STACK + 0x40;
	put(p, 0x40, 0x4321), put(p, 0x48, AT(RULE_SP)), put(p, 0x68, AT(RULE_ROOT));
	check(addrs, 1, ABI_NATIVE_MADE); /* no call is before it */
	behind_call(p, AT(RULE_SP));
	check(addrs, ARRAY_SIZE(addrs), ABI_NATIVE_ROOT);
	assert_int_equal(scratch()->bp, 0x4321);
	put(p, 0x10, behind_call(p, AT(RULE_BP))); /* who knows what rbp is then */
	check(addrs, 1, ABI_NATIVE_MADE);
	put(p, 0x10, 0);
	host.registers[ARCH_REGISTER_BP] = STACK + 0x38;
	check(addrs, 1, ABI_NATIVE_MADE);
	done_with_code(p);
}

static void put_entry(u64 entry, u64 gap, u64 other)
{
	scratch()->entries[1] = entry;
	scratch()->runs[0] = (struct abi_run){.frame_cnt = 1, .native = ABI_NOWHERE};
	scratch()->head.run_cnt = 1;
	*gaps() = (struct unwind_gaps){.of = {gap, other}, .pages = TABLE};
}

/* Without one: the first return address is into the evaluator, whose entry lies where it does in all its frames. */
static void made_code_called_by_the_evaluator(void **state)
{
	struct world *p = *state;
	const u64 addrs[] = {MADE_AT + 5, AT(RULE_SP), AT(RULE_ROOT)};

	boot_in_made_code(p);
	put(p, 0x30, behind_call(p, AT(RULE_SP))), put(p, 0x50, AT(RULE_ROOT));
	put_entry(STACK + 0x40, 8, 0x18);
	check(addrs, ARRAY_SIZE(addrs), ABI_NATIVE_ROOT);
	assert_int_equal(scratch()->runs[0].native, 1);
	assert_int_equal(scratch()->bp_lost, 1);
	put_entry(STACK + 0x48, 8, 0x18);
	check(addrs, 1, ABI_NATIVE_MADE);
	assert_int_equal(scratch()->runs[0].native, ABI_NOWHERE);
	put_entry(STACK + 0x20, 8, 0x38); /* below */
	check(addrs, 1, ABI_NATIVE_MADE);
	done_with_code(p);
}

/* Its frame goes by rbp, which is not known: the entry says where it is, if only one place may be. */
static void made_code_called_by_a_framed_evaluator(void **state)
{
	struct world *p = *state;
	const u64 addrs[] = {MADE_AT + 5, AT(RULE_BP), AT(RULE_ROOT)};

	boot_in_made_code(p);
	put(p, 0x30, behind_call(p, AT(RULE_BP)));
	put(p, 0x60, 0x1234), put(p, 0x68, behind_call(p, AT(RULE_ROOT)));
	put_entry(STACK + 0x40, 0x28, 0x30);
	check(addrs, ARRAY_SIZE(addrs), ABI_NATIVE_ROOT);
	assert_int_equal(scratch()->bp, 0x1234);
	assert_int_equal(scratch()->runs[0].native, 1);
	put_entry(STACK + 0x40, 0x28, 0x30); /* of another file: some other function's */
	gaps()->pages++;
	check(addrs, 1, ABI_NATIVE_MADE);
	put(p, 0x60, AT(RULE_ROOT));
	put_entry(STACK + 0x40, 0x28, 0x30);
	check(addrs, 1, ABI_NATIVE_MADE);
	done_with_code(p);
}

/* All ways to write a call, and what is none. */
static void calls(void **state)
{
	static const struct {
		u32 len;
		u8 code[8];
		bool is;
	} all[] = {{5, {0xe8, 1, 2, 3, 4}, true},
		   {2, {0xff, 0xd0}, true},
		   {2, {0xff, 0x10}, true},
		   {3, {0x41, 0xff, 0xd4}, true},
		   {3, {0xff, 0x50, 8}, true},
		   {3, {0xff, 0x14, 0xc8}, true},
		   {4, {0xff, 0x54, 0x24, 8}, true},
		   {6, {0xff, 0x15, 1, 2, 3, 4}, true},
		   {6, {0xff, 0x90, 1, 2, 3, 4}, true},
		   {7, {0xff, 0x94, 0x24, 1, 2, 3, 4}, true},
		   {2, {0xff, 0xe0}, false},
		   {2, {0xff, 0x15}, false},
		   {3, {0xff, 0xd0, 0x90}, false},
		   {6, {0xff, 0x50, 8, 0x90, 0x90, 0x90}, false},
		   {5, {0xe9, 1, 2, 3, 4}, false}};
	struct world *p = *state;

	boot_in_made_code(p);
	host.registers[ARCH_REGISTER_BP] = STACK + 0x40;
	put(p, 0x48, AT(RULE_ROOT));
	for (u32 i = 0; i < ARRAY_SIZE(all); i++) {
		u64 ip = AT(RULE_ROOT);

		memset(image__at(p->m, ip - 8, 8), 0, 8);
		memcpy(image__at(p->m, ip - all[i].len, 8), all[i].code, all[i].len);
		assert_int_equal(native_walk(0, IMAGE), ABI_OK);
		assert_int_equal(scratch()->head.end, all[i].is ? ABI_NATIVE_ROOT : ABI_NATIVE_MADE);
	}
	done_with_code(p);
}

/* ---- ticks --------------------------------------------------------------------------------------------------- */

/* 3.10: cframes and frames, of which either may have one more for an instant; the last cframe is the thread state's. */
static void cframes_of_frames(void **state)
{
	static const struct {
		u32 cframes, runs, skip;
	} all[] = {{2, 2, 1}, {3, 2, 2}, {1, 2, 0}, {0, 0, 0}, {4, 0, 0}};
	struct world *p = *state;
	u64 root = p->tstate + 256;
	struct task *t;

	if (!p->l.ts_cframe_off)
		return;
	boot(p, AT(RULE_ROOT));
	machine.current = NULL;
	world__push(p, world__function(p, 1), 0, WORLD_THREAD);
	world__push(p, world__function(p, 2), -1, WORLD_THREAD); /* it has just been called */
	t = user__profile(A + 1, p);
	for (u32 i = 0; i < ARRAY_SIZE(all); i++) {
		for (u32 k = 0; k < 4; k++)
			put(p, 0x100 * k + p->l.cframe_prev_off,
			    k + 1 < all[i].cframes ? STACK + 0x100 * (k + 1) : root);
		image__put_u64(p->m, p->tstate + p->l.ts_cframe_off, all[i].cframes ? STACK : root);
		machine__tick(t);
		assert_int_equal(abi_native_of(last_record(ABI_REC_SAMPLE, A + 1))->run_cnt, all[i].runs);
		if (!all[i].runs)
			continue;
		assert_int_equal(scratch()->skip, all[i].skip);
		for (u32 k = 0; k < all[i].cframes; k++)
			assert_int_equal(scratch()->entries[k + 1], STACK + 0x100 * k);
	}
	done(p);
}

/* Code was mapped since the mappings were read. */
static void stale_mappings(void **state)
{
	struct world *p = *state;

	boot(p, AT(RULE_ROOT));
	machine.current->t.mm->exec_vm = 5;
	assert_int_equal(native_walk(0, IMAGE), ABI_OK);
	assert_int_equal(scratch()->head.stale, 0);
	machine.current->t.mm->exec_vm = 6;
	assert_int_equal(native_walk(0, IMAGE), ABI_OK);
	assert_int_equal(scratch()->head.stale, 1);
	set_mappings();
	assert_int_equal(native_walk(0, IMAGE), ABI_OK);
	assert_int_equal(scratch()->head.stale, 0);
	done(p);
}

/* A whole tick: C code calls f, which calls C code that calls g, which calls h. */
static void a_sample(void **state)
{
	struct world *p = *state;
	const struct abi_native *n;
	const struct abi_sample *s;
	struct task *t;

	boot(p, AT(RULE_ROOT));
	machine.current = NULL;
	world__enter(p);
	world__push(p, world__function(p, 1), 0, WORLD_THREAD);
	world__enter(p);
	world__push(p, world__function(p, 2), 2, WORLD_THREAD);
	world__push(p, world__function(p, 3), 0, WORLD_THREAD);
	t = user__profile(A + 1, p);
	machine__tick(t);
	s = last_record(ABI_REC_SAMPLE, A + 1);
	assert_int_equal(s->frame_cnt, 3);
	n = abi_native_of(s);
	assert_non_null(n);
	assert_int_equal(s->hdr.size, sizeof(*s) + 3 * sizeof(struct abi_frame) + sizeof(*n) + abi_native_bytes(n));
	assert_int_equal(n->end, ABI_NATIVE_NO_MAPS); /* nobody has read this one's */
	if (has(p, ABI_MECH_OWNER | ABI_MECH_IS_ENTRY)) {
		assert_int_equal(n->run_cnt, 2);
		assert_int_equal(abi_native_runs(n)[0].frame_cnt, 2);
		assert_int_equal(abi_native_runs(n)[1].frame_cnt, 3);
	} else {
		assert_int_equal(n->run_cnt, 0);
	}
	done(p);
}

/* A process in f, whose mappings are known; two frames of C code are above it. */
static struct task *boot_waiter(struct world *p)
{
	u32 image = IMAGE;
	struct task *t;

	boot(p, AT(RULE_SP));
	put(p, 24, AT(RULE_ROOT));
	machine.current = NULL;
	world__enter(p);
	world__push(p, world__function(p, 1), 0, WORLD_THREAD);
	t = user__profile(A + 1, p);
	bpf_map_update_elem(&unwind_processes, &proc_of(t)->image_id, bpf_map_lookup_elem(&unwind_processes, &image),
			    BPF_ANY);
	return t;
}

/* Meanwhile another thread runs, and is unwound. */
static void wait_once(struct task *t, u32 state)
{
	t->t.__state = state;
	task__call(t, state ? 230 : -1, 7, 8);
	machine__switch(t, NULL, 0);
	host.registers[ARCH_REGISTER_IP] = AT(RULE_BP);
	for (u32 i = 0; i < MACHINE_SLOTS; i++)
		((struct native *)bpf_map_lookup_elem(&natives, &i))->user[0] = 0;
	machine__switch(NULL, t, 2 * MACHINE_WAIT_NS);
	host.registers[ARCH_REGISTER_IP] = AT(RULE_SP);
	t->t.__state = 0;
	task__resume(t);
}

static void check_wait(u32 kernel_cnt)
{
	const struct abi_sample *s = last_record(ABI_REC_SAMPLE, A + 1);
	const struct abi_native *n = abi_native_of(s);

	assert_int_equal(s->source, ABI_SOURCE_OFFCPU);
	assert_int_equal(s->frame_cnt, 1);
	assert_non_null(n);
	assert_int_equal(s->hdr.size, sizeof(*s) + sizeof(struct abi_frame) + sizeof(*n) + abi_native_bytes(n));
	assert_int_equal(n->kernel_cnt, kernel_cnt);
	assert_int_equal(n->native_cnt, 2);
	assert_int_equal(n->end, ABI_NATIVE_ROOT);
	if (kernel_cnt)
		assert_int_equal(abi_native_addrs(n)[2], 0xffffffff82000030);
	assert_int_equal(abi_native_addrs(n)[kernel_cnt], AT(RULE_SP));
	assert_int_equal(abi_native_addrs(n)[kernel_cnt + 1], AT(RULE_ROOT));
}

/* The kernel's frames are of a wait for something. */
static void a_wait(void **state)
{
	struct world *p = *state;
	struct task *t = boot_waiter(p);

	for (u32 kept = 0; kept < 2; kept++) {
		cfg_keep_waits = kept;
		cfg_kernel = true;
		wait_once(t, 1);
		check_wait(3);
		wait_once(t, 0);
		check_wait(0);
		cfg_kernel = false;
		wait_once(t, 1);
		check_wait(0);
	}
	cfg_keep_waits = !HAS_TASK_WORK;
	done(p);
}

/* Without --native nothing of it is there. */
static void not_asked_for(void **state)
{
	struct world *p = *state;
	const struct abi_sample *s;
	struct task *t;

	machine__boot();
	world__enter(p);
	world__push(p, world__function(p, 1), 0, WORLD_THREAD);
	t = user__profile(A, p);
	machine__tick(t);
	s = last_record(ABI_REC_SAMPLE, A);
	assert_null(abi_native_of(s));
	assert_int_equal(s->hdr.size, sizeof(*s) + sizeof(struct abi_frame));
	machine__shutdown();
}

static const struct version_test tests[] = {
	TEST(each_rule),
	TEST(trampolines),
	TEST(a_signal),
	TEST(a_call_at_the_end),
	TEST(rows),
	TEST(early_ends),
	TEST(too_deep),
	TEST(places_of_runs),
	TEST(other_rules),
	TEST(made_code_with_a_frame_pointer),
	TEST(made_code_called_by_the_evaluator),
	TEST(made_code_called_by_a_framed_evaluator),
	TEST(calls),
	TEST(cframes_of_frames),
	TEST(stale_mappings),
	TEST(a_sample),
	TEST(a_wait),
	TEST(not_asked_for),
};

int main(void)
{
	/* The variant for old kernels unwinds nothing: the last one is for it, too. */
	return HAS_NATIVE ? run_each_version("native", tests, ARRAY_SIZE(tests))
			  : run_each_version("native", &tests[ARRAY_SIZE(tests) - 1], 1);
}
