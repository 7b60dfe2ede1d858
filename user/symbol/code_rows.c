/* SPDX-License-Identifier: MIT */
#include "user/symbol/code_rows.h"
#include "user/symbol/x86_code.h"
#include "user/util/alloc.h"
#include <string.h>

#define MAX_STATES   0xfff0u
#define MAX_REPEATED (16u << 20)
#define MAX_OFFSET   (16 << 20)
#define NO_REG       0xff
#define ALIGNED      16 /* where functions begin: what follows elsewhere belongs to the one before */
#define RAX          0
#define RSP          4
#define RBP          5
#define ENTRY        8 /* CFA - rsp where a function begins and ends */

/* CFA = base + off. With an alias also CFA = alias + alias_off, in case that rsp is not to be followed any more. */
struct frame {
	uint8_t base, alias;
	bool bp_saved, live;            /* live: execution comes here */
	bool root;                      /* it has no caller */
	int64_t off, alias_off, bp_off; /* off: from ENTRY up to MAX_OFFSET, what is added to it has 32 bits */
};

static const struct frame entry = {.base = RSP, .alias = NO_REG, .off = ENTRY, .live = true};

/* Where functions begin. */
enum start {
	START_UNKNOWN,
	START_NAMED,  /* its address is taken: after a call it is one */
	START_CALLED, /* it is one, wherever it lies */
};

struct row {
	size_t at;
	struct abi_unwind_rule rule;
};

struct walk {
	const struct code_range *code;
	eh_row_fn fn;
	void *ctx;
	struct frame now;
	struct frame
		behind; /* live: behind a jump it may go on so, as bodies of loops lie there that jump back to them */
	const uint8_t *starts; /* of each byte: enum start */
	uint16_t *seen;        /* of each byte: number of the frame that is known there + 1; 0: none */
	struct frame *frames;
	size_t frame_cnt, frame_cap;
	/* the function at hand */
	size_t start, reach;         /* reach: the farthest place in it that is jumped to */
	bool failed, inside, proven; /* proven: something says where it starts, or one of its ends is even */
	/*
	 * Where another function may begin, if the call before does not return: then all is taken back up to there, should the
	 * one at hand not come out even. 0: there is no such place.
	 */
	struct {
		size_t at, row_cnt, mark_cnt;
		bool proven;
	} split;
	bool called;     /* the instruction before, but for padding, is a call */
	size_t repeated; /* bytes that were walked again */
	size_t *marks;   /* places of it that a frame is known of */
	size_t mark_cnt, mark_cap;
	struct row *rows;
	size_t row_cnt, row_cap;
};

/* ---- places ---------------------------------------------------------------------------------------------- */

static bool is_same(const struct frame *a, const struct frame *b)
{
	return a->root == b->root && (a->root || (a->base == b->base && a->off == b->off));
}

/* As where a function begins, or nobody asks. */
static bool is_even(const struct frame *f)
{
	return f->root || (f->base == RSP && f->off == ENTRY);
}

static const struct frame *known_at(const struct walk *w, size_t at)
{
	return w->seen[at] ? &w->frames[w->seen[at] - 1] : NULL;
}

/* Nothing is known of the function, and nothing that was concluded from it. */
static void fail(struct walk *w)
{
	w->failed = true;
	while (w->mark_cnt > w->split.mark_cnt * (w->split.at != 0))
		w->seen[w->marks[--w->mark_cnt]] = 0;
	w->reach = 0;
}

static void require(struct walk *w, bool so)
{
	if (!so)
		fail(w);
}

static void remember(struct walk *w, size_t at)
{
	struct frame *last = w->frame_cnt ? &w->frames[w->frame_cnt - 1] : NULL;

	if (!last || memcmp(last, &w->now, sizeof(*last))) {
		if (w->frame_cnt == MAX_STATES) {
			fail(w);
			return;
		}
		xgrow(w->frames, w->frame_cnt, w->frame_cap);
		w->frames[w->frame_cnt++] = w->now;
	}
	w->seen[at] = (uint16_t)w->frame_cnt;
	xgrow(w->marks, w->mark_cnt, w->mark_cap);
	w->marks[w->mark_cnt++] = at;
}

/* A jump: what is known there must be what is known here. One that leaves the code is the end of the function. */
static void jump(struct walk *w, int64_t target, bool always)
{
	bool even = is_even(&w->now);
	const struct frame *there;

	if (target < 0 || target >= (int64_t)w->code->len) {
		require(w, even);
		w->proven |= always;
		return;
	}
	there = known_at(w, (size_t)target);
	if (there) {
		require(w, is_same(there, &w->now));
	} else if ((size_t)target < w->start) {
		fail(w); /* into what nothing is known of */
	} else {
		remember(w, (size_t)target);
		w->proven |= always && even;
		if (!(always && even) && (size_t)target > w->reach)
			w->reach = (size_t)target;
	}
}

/* ---- what an instruction writes -------------------------------------------------------------------------- */

static bool is_rm(const struct x86_instruction *i, uint8_t reg)
{
	return i->mod == 3 && i->rm == reg;
}

static bool is_volatile(uint8_t reg)
{
	return reg != RSP && reg != RBP && reg != 3 && reg < 12;
}

static bool writes_one(const struct x86_instruction *i, uint8_t reg)
{
	uint8_t op = i->opcode, group = i->reg & 7;

	if (op < 0x40)
		return op >> 3 != 7 && ((op & 7) < 2 ? is_rm(i, reg) : (op & 7) < 4 ? i->reg == reg : reg == RAX);
	if ((op >= 0x58 && op <= 0x5f) || (op >= 0x90 && op <= 0x97) || (op >= 0xb0 && op <= 0xbf))
		return i->rm == reg || (op >= 0x91 && op <= 0x97 && reg == RAX);
	if (op == 0x63 || op == 0x69 || op == 0x6b || op == 0x8a || op == 0x8b || op == 0x8d)
		return i->reg == reg;
	if (op >= 0x80 && op <= 0x83)
		return group != 7 && is_rm(i, reg);
	if (op == 0x86 || op == 0x87)
		return i->reg == reg || is_rm(i, reg);
	if (op == 0x88 || op == 0x89 || op == 0x8f || op == 0xc0 || op == 0xc1 || op == 0xc6 || op == 0xc7 ||
	    (op >= 0xd0 && op <= 0xd3))
		return is_rm(i, reg);
	if (op == 0xf6 || op == 0xf7)
		return group > 3 ? reg == RAX || reg == 2 : group > 1 && is_rm(i, reg);
	if (op == 0xfe || op == 0xff)
		return group < 2 && is_rm(i, reg);
	if (op >= 0xa4 && op <= 0xaf)
		return reg == 6 || reg == 7 || reg == 1 || reg == RAX;
	if (op == 0xe8)
		return is_volatile(reg);
	return (op == 0x98 || op == 0x99) && (reg == RAX || reg == 2);
}

static bool writes_0f(const struct x86_instruction *i, uint8_t reg)
{
	uint8_t op = i->opcode;

	if ((op >= 0x40 && op <= 0x4f) || op == 0x50 || op == 0x2c || op == 0x2d || op == 0xaf || op == 0xb6 ||
	    op == 0xb7 || op == 0xb8 || (op >= 0xbc && op <= 0xbf) || op == 0xc5 || op == 0xd7)
		return i->reg == reg;
	if ((op >= 0x90 && op <= 0x9f) || op == 0x7e || op == 0xa4 || op == 0xa5 || op == 0xab || op == 0xac ||
	    op == 0xad || op == 0xb3 || op == 0xba || op == 0xbb || op == 0xc7 || (op >= 0xc8 && op <= 0xcf))
		return is_rm(i, reg) || (!i->has_modrm && i->rm == reg);
	if (op == 0xb0 || op == 0xb1 || op == 0xc0 || op == 0xc1)
		return is_rm(i, reg) || i->reg == reg || reg == RAX;
	if (op == 0x05 || op == 0x31 || op == 0xa2 || op == 0x01) /* syscall, rdtsc, cpuid, xgetbv */
		return reg < 4 || reg == 11;
	return false;
}

/* Of those for vectors few write general registers, and some of them one that is not decoded. */
static bool writes(const struct x86_instruction *i, uint8_t reg)
{
	switch (i->map) {
	case X86_ONE:
		return writes_one(i, reg);
	case X86_0F:
		return i->vex ? (i->opcode == 0x50 || i->opcode == 0xd7 || i->opcode == 0xc5 || i->opcode == 0x2c ||
				 i->opcode == 0x2d || (i->opcode >= 0x90 && i->opcode <= 0x93))
					? i->reg == reg
					: i->opcode == 0x7e && is_rm(i, reg)
			      : writes_0f(i, reg);
	case X86_0F38:
		return i->opcode >= 0xf0 && i->opcode <= 0xf7;
	default:
		return i->opcode == 0xf0 || (i->opcode >= 0x14 && i->opcode <= 0x17);
	}
}

/* ---- what it does to the frame --------------------------------------------------------------------------- */

/* The stack pointer is not to be followed any more: the frame goes by the alias, if there is one. */
static bool use_alias(struct frame *f)
{
	if (f->base != RSP)
		return true;
	f->base = f->alias;
	f->off = f->alias_off;
	return f->alias != NO_REG;
}

/* rsp = reg + n */
static bool set_sp(struct frame *f, uint8_t reg, int32_t n)
{
	if (reg == f->base) {
		f->off -= n;
	} else if (reg == f->alias) {
		f->off = f->alias_off - n;
	} else {
		return use_alias(f);
	}
	f->base = RSP;
	return true;
}

static void push(struct frame *f, int32_t bytes)
{
	if (f->base == RSP)
		f->off += bytes;
}

/* rbp is in memory, at reg + n */
static void save_bp(struct frame *f, uint8_t reg, int32_t n)
{
	if (f->bp_saved || (reg != f->base && reg != f->alias))
		return;
	f->bp_saved = true;
	f->bp_off = n - (reg == f->base ? f->off : f->alias_off);
}

static uint8_t memory_base(const struct x86_instruction *i)
{
	if (i->mod == 3)
		return NO_REG;
	if (i->has_sib)
		return i->base;
	return i->mod == 0 && (i->rm & 7) == 5 ? NO_REG : i->rm; /* by rip */
}

static bool move(struct frame *f, uint8_t to, uint8_t from)
{
	if (to == RSP)
		return set_sp(f, from, 0);
	if (from == RSP && f->base == RSP) {
		f->alias = to;
		f->alias_off = f->off;
	}
	return true;
}

/* add, or, …: with a constant. */
static bool calculate_sp(struct frame *f, const struct x86_instruction *i)
{
	uint8_t group = i->reg & 7;

	if (group == 7 || f->base != RSP)
		return true;
	if ((group != 0 && group != 5) || !i->wide)
		return use_alias(f);
	f->off += group == 5 ? i->imm : -i->imm;
	return true;
}

static bool leave(struct frame *f)
{
	if (f->base != RBP && f->alias != RBP)
		return false;
	f->off = (f->base == RBP ? f->off : f->alias_off) - 8;
	f->base = RSP;
	f->alias = NO_REG;
	return true;
}

/* False: it cannot be followed. */
static bool step_stack(struct frame *f, const struct x86_instruction *i)
{
	uint8_t op = i->opcode, group = i->reg & 7;

	if (op >= 0x50 && op <= 0x57) {
		push(f, 8);
		if (i->rm == RBP && f->base == RSP)
			save_bp(f, RSP, 0);
	} else if (op >= 0x58 && op <= 0x5f) {
		push(f, -8);
		return i->rm != RSP;
	} else if (op == 0x68 || op == 0x6a || op == 0x9c || (op == 0xff && group == 6)) {
		push(f, 8);
	} else if (op == 0x9d || op == 0x8f) {
		push(f, -8);
	} else if ((op == 0x81 || op == 0x83) && is_rm(i, RSP)) {
		return calculate_sp(f, i);
	} else if (op == 0x8d && i->reg == RSP) {
		return set_sp(f, memory_base(i), i->disp);
	} else if ((op == 0x89 || op == 0x8b) && i->mod == 3) {
		return move(f, op == 0x89 ? i->rm : i->reg, op == 0x89 ? i->reg : i->rm);
	} else if (op == 0x89 && i->reg == RBP) {
		save_bp(f, memory_base(i), i->disp);
	} else if (op == 0xc9) {
		return leave(f);
	} else if (op == 0xc8) {
		return false;
	} else if (writes(i, RSP)) {
		return use_alias(f);
	}
	return true;
}

static bool step(struct frame *f, const struct x86_instruction *i)
{
	if (f->base != RSP && writes(i, f->base))
		return false;
	if (f->alias != NO_REG && writes(i, f->alias))
		f->alias = NO_REG;
	if (i->map == X86_ONE ? !step_stack(f, i) : writes(i, RSP) && !use_alias(f))
		return false;
	return f->off >= ENTRY && f->off < MAX_OFFSET;
}

/* ---- functions ------------------------------------------------------------------------------------------- */

static struct abi_unwind_rule rule_of(const struct frame *f)
{
	/* numbers of registers as DWARF has them */
	static const uint8_t numbers[] = {0, 2, 1, 3, 7, 6, 4, 5};
	struct abi_unwind_rule rule = {.cfa_off = (int32_t)f->off, .ra_off = -8};

	if (!f->live)
		return (struct abi_unwind_rule){0};
	if (f->root)
		return (struct abi_unwind_rule){.kind = ABI_UNWIND_ROOT};
	rule.kind = f->base == RSP ? ABI_UNWIND_SP : f->base == RBP ? ABI_UNWIND_BP : ABI_UNWIND_REG;
	if (rule.kind == ABI_UNWIND_REG)
		rule.cfa_add = f->base < 8 ? numbers[f->base] : f->base;
	if (f->bp_saved && f->bp_off == (int16_t)f->bp_off) {
		rule.bp = ABI_UNWIND_BP_AT_CFA;
		rule.bp_off = (int16_t)f->bp_off;
	} else if (f->bp_saved) {
		rule.bp = ABI_UNWIND_BP_LOST;
	}
	return rule;
}

static void put_row(struct walk *w, size_t at)
{
	struct abi_unwind_rule rule = rule_of(&w->now);

	if (w->row_cnt && !memcmp(&w->rows[w->row_cnt - 1].rule, &rule, sizeof(rule)))
		return;
	xgrow(w->rows, w->row_cnt, w->row_cap);
	w->rows[w->row_cnt++] = (struct row){at, rule};
}

static bool end_function(struct walk *w)
{
	static const struct abi_unwind_rule stop = {.kind = ABI_UNWIND_STOP};
	bool more = true;

	w->failed |= !w->proven;
	if (w->inside && w->failed)
		more = w->fn(w->ctx, w->code->vaddr + w->start, &stop);
	for (size_t i = 0; more && w->inside && !w->failed && i < w->row_cnt; i++)
		more = w->fn(w->ctx, w->code->vaddr + w->rows[i].at, &w->rows[i].rule);
	w->inside = w->failed = false;
	w->row_cnt = w->mark_cnt = 0;
	return more;
}

static void begin_function(struct walk *w, size_t at)
{
	w->split.at = 0;
	w->now = entry;
	w->behind.live = false;
	w->start = w->reach = at;
	w->inside = true;
	w->proven = w->starts[at];
}

static bool is_padding(const struct x86_instruction *i)
{
	return (i->map == X86_ONE && (i->opcode == 0xcc || (i->opcode == 0x90 && i->rm == RAX))) ||
	       (i->map == X86_0F && i->opcode == 0x1f && !i->vex);
}

static void note_split(struct walk *w, size_t at)
{
	if (w->split.at || !w->called || at <= w->reach || (w->code->vaddr + at) % ALIGNED || w->seen[at])
		return;
	w->split.at = at;
	w->split.row_cnt = w->row_cnt;
	w->split.mark_cnt = w->mark_cnt;
	w->split.proven = w->proven;
}

/* False: that was done often enough. */
static bool go_back(struct walk *w, size_t *at)
{
	if (w->repeated > MAX_REPEATED) {
		w->split.at = 0;
		fail(w);
		return false;
	}
	w->repeated += *at - w->split.at;
	w->row_cnt = w->split.row_cnt;
	w->proven = w->split.proven;
	w->failed = false;
	*at = w->split.at;
	if (!end_function(w))
		*at = w->code->len; /* that is all */
	else
		begin_function(w, *at);
	w->called = false;
	return true;
}

/* Another function, for sure, though the one at hand has no end: what it called last does not return. */
static bool is_another(const struct walk *w, size_t at)
{
	const struct frame *known = known_at(w, at);

	if (at <= w->reach)
		return false;
	if (known) /* by who ended with a jump to it */
		return w->called && is_even(known) && !is_even(&w->now) && (w->code->vaddr + at) % ALIGNED == 0;
	return w->starts[at] == START_CALLED || (w->starts[at] == START_NAMED && w->called);
}

/* Comes to `at`: from the instruction before, by a jump from before, or as a function's start. False: that is all. */
static bool arrive(struct walk *w, size_t at, const struct x86_instruction *i)
{
	const struct frame *known = w->failed || is_another(w, at) ? NULL : known_at(w, at);

	if (w->inside && known && w->now.live && !w->now.root) /* a root does not come back from what it called */
		require(w, is_same(known, &w->now));
	if (w->inside && known && !w->failed && (w->now.live || at <= w->reach)) {
		w->now = *known;
		return true;
	}
	if (w->inside && (w->now.live || at <= w->reach) && !is_another(w, at)) {
		if (!w->now.live && w->behind.live && !is_padding(i))
			w->now = w->behind;
		return true;
	}
	if (w->starts[at] != START_CALLED && (is_padding(i) || (w->code->vaddr + at) % ALIGNED))
		return true;
	if (!end_function(w))
		return false;
	begin_function(w, at);
	return true;
}

/*
 * xor %ebp,%ebp: who returns may not do so without having saved it, and who does not says by it that this is where stacks
 * begin (x86-64 psABI, 3.4.1).
 */
static bool is_root(const struct frame *f, const struct x86_instruction *i)
{
	return !f->bp_saved && i->map == X86_ONE && (i->opcode == 0x31 || i->opcode == 0x33) && is_rm(i, RBP) &&
	       i->reg == RBP;
}

/* Where it goes on. */
static void follow(struct walk *w, size_t at, const struct x86_instruction *i)
{
	bool even = is_even(&w->now), one = i->map == X86_ONE;
	int64_t target = (int64_t)((uint64_t)at + i->len + (uint64_t)i->imm);
	uint8_t op = i->opcode;

	if (one && (op == 0xe9 || op == 0xeb)) {
		jump(w, target, true);
		w->behind = w->now;
		w->now.live = false;
	} else if ((one && ((op >= 0x70 && op <= 0x7f) || (op >= 0xe0 && op <= 0xe3))) ||
		   (i->map == X86_0F && !i->vex && op >= 0x80 && op <= 0x8f)) {
		jump(w, target, false);
	} else if (one && (op == 0xc3 || op == 0xc2)) {
		require(w, even);
		w->proven = true;
		w->now.live = w->behind.live = false;
	} else if (one && op == 0xff && (i->reg & 7) == 4) {
		w->now.live = !even || at < w->reach; /* by a table, else to another function */
	} else if ((one && (op == 0xf4 || op == 0xcc)) || (i->map == X86_0F && op == 0x0b)) {
		w->now.live = false;
	} else if (is_root(&w->now, i)) {
		w->now.root = w->proven = true;
	} else {
		require(w, w->now.root || step(&w->now, i));
	}
}

/* Of one that has failed only its end is looked for; what follows a jump may well be a part of it. */
static void pass_over(struct walk *w, const struct x86_instruction *i)
{
	if (w->now.live || !is_padding(i))
		w->now.live = !(i->map == X86_ONE && (i->opcode == 0xc3 || i->opcode == 0xc2));
}

static bool is_call(const struct x86_instruction *i)
{
	return i->map == X86_ONE && (i->opcode == 0xe8 || (i->opcode == 0xff && (i->reg & 7) == 2));
}

/* False: another function begins at `*at`. */
static bool walk_one(struct walk *w, size_t *at, const struct x86_instruction *i)
{
	if (!w->failed) {
		note_split(w, *at);
		put_row(w, *at);
		if (w->now.live) {
			if (!w->seen[*at])
				remember(w, *at);
			follow(w, *at, i);
		}
	}
	if (w->failed && w->split.at && go_back(w, at))
		return false;
	if (w->failed)
		pass_over(w, i);
	if (!is_padding(i))
		w->called = is_call(i);
	return true;
}

static void walk_all(struct walk *w)
{
	struct x86_instruction i;
	size_t at = 0;

	while (at < w->code->len) {
		if (!x86_decode(w->code->bytes + at, w->code->len - at, &i)) {
			w->split.at = 0;
			fail(w);
			at++;
			continue;
		}
		if (!arrive(w, at, &i))
			return;
		if (!w->inside || walk_one(w, &at, &i))
			at += i.len;
	}
	end_function(w);
}

static void note_start(const struct code_range *code, uint8_t *starts, uint64_t vaddr, enum start how)
{
	uint64_t at = vaddr - code->vaddr;

	if (at < code->len && how > starts[at] && (how == START_CALLED || vaddr % ALIGNED == 0))
		starts[at] = (uint8_t)how;
}

uint8_t *code_starts(const struct code_range *code)
{
	uint8_t *starts = xcalloc(code->len + 1, 1);
	struct x86_instruction i;

	note_start(code, starts, code->entry, START_CALLED);

	for (size_t at = 0; at < code->len; at += i.len) {
		uint64_t next;

		if (!x86_decode(code->bytes + at, code->len - at, &i)) {
			i.len = 1;
			continue;
		}
		next = code->vaddr + at + i.len;
		if (i.map == X86_ONE && i.opcode == 0xe8 && i.imm) /* of 0: to know where it is */
			note_start(code, starts, next + (uint64_t)i.imm, START_CALLED);
		else if (i.map == X86_ONE && i.opcode == 0x8d && i.mod == 0 && (i.rm & 7) == 5 && !i.has_sib)
			note_start(code, starts, next + (uint64_t)(int64_t)i.disp, START_NAMED);
	}
	return starts;
}

void code_rows(const struct code_range *code, eh_row_fn fn, void *ctx)
{
	struct walk w = {.code = code, .fn = fn, .ctx = ctx};
	uint8_t *own;

	if (!code->len || code->len > CODE_ROWS_MAX)
		return;
	own = code->starts ? NULL : code_starts(code);
	w.seen = xcalloc(code->len, sizeof(*w.seen));
	w.starts = code->starts ? code->starts : own;
	walk_all(&w);
	free(own);
	free(w.seen);
	free(w.marks);
	free(w.frames);
	free(w.rows);
}
