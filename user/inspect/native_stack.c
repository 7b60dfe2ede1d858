/* SPDX-License-Identifier: MIT */
/*
 * Of the registers only the instruction and stack pointers are to be had of a thread that sleeps. That is enough for most: the
 * others are found again where functions have saved them. Where a frame is found only by rbp, and no function below it has
 * saved that, the function's code says how far above rsp it points; that is believed if it leads to the stack's root.
 */
#include "user/inspect/native_stack.h"
#include "user/symbol/x86_code.h"
#include "user/util/alloc.h"
#include <string.h>

#define CODE_BYTES      (32u << 10) /* of a function, that are looked at */
#define GOES_ON         ABI_NATIVE_END_CNT
#define ASSEMBLER_BYTES 1024 /* of a function */
#define ARGUMENT_BYTES  4096
#define RSP             4 /* as instructions have them */
#define RBP             5

bool native_stack_is_known(void)
{
#ifdef __x86_64__
	return true;
#else
	return false;
#endif
}

struct unwinding {
	const struct native_stack_reader *r;
	uint64_t ip, sp, bp;
	bool exact; /* ip is of the instruction that runs, not of where a call returns to */
	bool has_bp;
	bool guessed; /* rbp was taken from what the code says */
	uint32_t cnt;
	struct frame {
		uint64_t ip, sp, cfa; /* cfa 0: not known */
	} frames[ABI_MAX_NATIVE];
};

static bool read_words(const struct unwinding *u, uint64_t addr, uint64_t *out, size_t cnt)
{
	return !u->r->read(u->r->ctx, addr, out, cnt * sizeof(*out));
}

/* ---- rules ----------------------------------------------------------------------------------------------- */

/* What `-X perf` has each Python function called by, as bpf/native.bpf.c says. */
static unsigned find_trampoline(const struct unwinding *u, struct abi_unwind_rule *rule)
{
	uint64_t code;

	if (u->exact || !read_words(u, u->ip - 2, &code, 1))
		return ABI_NATIVE_MADE;
	*rule = (struct abi_unwind_rule){.kind = ABI_UNWIND_SP, .cfa_off = 16, .ra_off = -8};
	if (code << 8 == 0x00c308c48348d1ffull << 8) /* call *%rcx; add $8,%rsp; ret */
		return GOES_ON;
	rule->bp = ABI_UNWIND_BP_AT_CFA;
	rule->bp_off = -16;
	return (uint32_t)code == 0xc35dd1ff ? GOES_ON : ABI_NATIVE_MADE; /* call *%rcx; pop %rbp; ret */
}

static unsigned find_rule(const struct unwinding *u, struct abi_unwind_rule *rule)
{
	struct native_place place = native_space__find(u->r->space, u->ip - !u->exact, UINT64_MAX);
	const struct abi_unwind_rule *all;
	uint32_t cnt, changed;

	if (!place.known)
		return ABI_NATIVE_NO_MAPPING;
	if (!place.file)
		return find_trampoline(u, rule);
	if (place.file->state != NATIVE_FILE_READY)
		return ABI_NATIVE_NO_TABLE;
	all = unwind_rules__all(u->r->rules, &cnt, &changed);
	*rule = all[unwind_table__rule_number(&place.file->table, place.vaddr)];
	return GOES_ON;
}

static bool needs_bp(const struct abi_unwind_rule *rule)
{
	return rule->kind == ABI_UNWIND_BP || rule->kind == ABI_UNWIND_BP_MEM || rule->bp == ABI_UNWIND_BP_AT_BP;
}

/* ---- steps ----------------------------------------------------------------------------------------------- */

static unsigned find_cfa(const struct unwinding *u, const struct abi_unwind_rule *rule, uint64_t *cfa)
{
	uint64_t off = (uint64_t)(int64_t)rule->cfa_off;

	switch (rule->kind) {
	case ABI_UNWIND_SP:
		*cfa = u->sp + off;
		return GOES_ON;
	case ABI_UNWIND_BP:
		*cfa = u->bp + off;
		return GOES_ON;
	case ABI_UNWIND_PLT:
		*cfa = u->sp + 8 + ((int32_t)(u->ip & 15) >= rule->cfa_off ? 8 : 0);
		return GOES_ON;
	case ABI_UNWIND_BP_MEM:
	case ABI_UNWIND_SP_MEM:
		if (!read_words(u, (rule->kind == ABI_UNWIND_BP_MEM ? u->bp : u->sp) + off, cfa, 1))
			return ABI_NATIVE_FAULT;
		*cfa += (uint64_t)(int64_t)rule->cfa_add;
		return GOES_ON;
	default: /* by a register that is not known */
		return ABI_NATIVE_NO_REGISTER;
	}
}

/* The frame of a signal has all registers: see bpf/native.bpf.c. */
static unsigned leave_signal(struct unwinding *u, const struct abi_unwind_rule *rule)
{
	uint64_t frame = u->sp + (uint64_t)(int64_t)rule->cfa_off, sp_ip[2];

	if (!read_words(u, frame + 120, &u->bp, 1) || !read_words(u, frame + 160, sp_ip, 2))
		return ABI_NATIVE_FAULT;
	u->sp = sp_ip[0];
	u->ip = sp_ip[1];
	u->exact = u->has_bp = true;
	return GOES_ON;
}

static unsigned to_caller(struct unwinding *u, const struct abi_unwind_rule *rule)
{
	uint64_t cfa, ip, bp = u->bp, bp_off = (uint64_t)(int64_t)rule->bp_off;
	unsigned end = find_cfa(u, rule, &cfa);

	if (end != GOES_ON)
		return end;
	if (!read_words(u, cfa + (uint64_t)(int64_t)rule->ra_off, &ip, 1))
		return ABI_NATIVE_FAULT;
	if (rule->bp == ABI_UNWIND_BP_AT_CFA || rule->bp == ABI_UNWIND_BP_AT_BP) {
		if (!read_words(u, (rule->bp == ABI_UNWIND_BP_AT_CFA ? cfa : u->bp) + bp_off, &bp, 1))
			return ABI_NATIVE_FAULT;
		u->has_bp = true;
	}
	u->has_bp &= rule->bp != ABI_UNWIND_BP_LOST;
	if (cfa <= u->sp)
		return ABI_NATIVE_BACKWARDS;
	u->frames[u->cnt - 1].cfa = cfa;
	u->sp = cfa;
	u->bp = bp;
	u->ip = ip;
	u->exact = false;
	return ip ? GOES_ON : ABI_NATIVE_ROOT;
}

static unsigned unwind(struct unwinding *u);

/*
 * Is it there that rbp is pushed, before it is set? Mostly as the first thing that the function does to its stack; where it aligns
 * that, all is done at once.
 */
static bool is_push_of_bp(const struct unwinding *u, uint64_t addr, const uint8_t *code, size_t left)
{
	static const uint8_t push_and_set[] = {0x55, 0x48, 0x89, 0xe5};
	struct unwinding at = {.r = u->r, .ip = addr, .exact = true};
	struct abi_unwind_rule before, behind;
	bool is_first = find_rule(&at, &before) == GOES_ON && before.kind == ABI_UNWIND_SP && before.cfa_off == 8;

	if (left >= sizeof(push_and_set) && !memcmp(code, push_and_set, sizeof(push_and_set)))
		return true;
	at.ip = addr + 1;
	return is_first && find_rule(&at, &behind) == GOES_ON && behind.kind == ABI_UNWIND_SP && behind.cfa_off == 16;
}

/* The code of the function from where it pushes rbp up to the instruction that it is at. Caller frees; NULL: not found. */
static uint8_t *code_from_push(const struct unwinding *u, size_t *len)
{
	const struct mapping *m = mappings_find(&u->r->space->maps, u->ip);
	uint64_t from = m && m->start + CODE_BYTES < u->ip ? u->ip - CODE_BYTES : m ? m->start : u->ip;
	size_t at = u->ip - from;
	uint8_t *code = xmalloc(at + 1);

	if (u->r->read(u->r->ctx, from, code, at))
		at = 0;
	*len = at;
	while (at--)
		if (code[at] == 0x55 && is_push_of_bp(u, from + at, code + at, *len - at)) {
			*len -= at;
			memmove(code, code + at, *len);
			return code;
		}
	free(code);
	return NULL;
}

/* By how much an instruction moves rsp downwards; false: nobody knows. */
static bool moves_sp(const struct x86_instruction *i, int64_t *by)
{
	*by = 0;
	if (i->map != X86_ONE)
		return true;
	if ((i->opcode >= 0x50 && i->opcode <= 0x57) || i->opcode == 0x68 || i->opcode == 0x6a)
		*by = 8;
	else if (i->opcode >= 0x58 && i->opcode <= 0x5f)
		*by = -8;
	else if ((i->opcode == 0x81 || i->opcode == 0x83) && i->mod == 3 && i->rm == RSP && (i->reg & 7) == 5)
		*by = i->imm;
	else if ((i->opcode == 0x81 || i->opcode == 0x83) && i->mod == 3 && i->rm == RSP && (i->reg & 7) == 0)
		*by = -i->imm;
	else if (i->opcode == 0x8d && i->reg == RSP && i->base == RSP)
		*by = -(int64_t)i->disp;
	else if ((i->opcode == 0x89 && i->mod == 3 && i->rm == RSP) ||
		 (i->opcode == 0x29 && i->mod == 3 && i->rm == RSP))
		return false;
	return true;
}

static bool is_bp_set(const struct x86_instruction *i)
{
	return i->map == X86_ONE && i->mod == 3 &&
	       ((i->opcode == 0x89 && i->reg == RSP && i->rm == RBP) ||
		(i->opcode == 0x8b && i->rm == RSP && i->reg == RBP));
}

/* ret, jmp, leave: what comes behind is reached from elsewhere, with the frame as it was before its end was prepared. */
static bool is_end(const struct x86_instruction *i)
{
	return i->map == X86_ONE && (i->opcode == 0xc3 || i->opcode == 0xe9 || i->opcode == 0xeb || i->opcode == 0xc9);
}

/* How far rbp is above rsp at the end of the code, which begins as the function pushes rbp. False: that is not known. */
static bool distance_of_bp(const uint8_t *code, size_t len, int64_t *distance)
{
	struct x86_instruction i;
	int64_t by, most = 0;
	bool set = false;

	*distance = 0;
	for (size_t at = 1; at < len; at += i.len) {
		if (!x86_decode(code + at, len - at, &i) || !moves_sp(&i, &by))
			return false;
		if (set)
			*distance += by;
		set |= is_bp_set(&i);
		most = *distance > most ? *distance : most;
		if (is_end(&i))
			*distance = most;
	}
	return set;
}

/* From the frame at hand, were that its rbp. False: this does not lead to the root. */
static bool goes_on_with(struct unwinding *u, uint64_t bp)
{
	__cleanup_free struct unwinding *tried = xmalloc(sizeof(*tried));

	*tried = *u;
	tried->bp = bp;
	tried->has_bp = tried->guessed = true;
	tried->cnt--; /* this frame comes again */
	if (unwind(tried) != ABI_NATIVE_ROOT)
		return false;
	*u = *tried;
	return true;
}

static bool guess_by_code(struct unwinding *u)
{
	__cleanup_free uint8_t *code = NULL;
	int64_t distance;
	size_t len;

	code = code_from_push(u, &len);
	return code && distance_of_bp(code, len, &distance) && goes_on_with(u, u->sp + (uint64_t)distance);
}

/* Does what is called before that address begin a little before where we are? */
static bool called_us(const struct unwinding *u, uint64_t ret)
{
	uint8_t call[5];
	int32_t to;

	if (u->r->read(u->r->ctx, ret - sizeof(call), call, sizeof(call)) || call[0] != 0xe8)
		return false;
	memcpy(&to, call + 1, sizeof(to));
	return u->ip - (ret + (uint64_t)(int64_t)to) < ASSEMBLER_BYTES;
}

/*
 * Assembler has frames of its own kinds, by which also functions with any number of arguments are called (libffi,
 * src/x86/unix64.S). There is little more on the stack than those, and then where it was called from.
 */
static bool guess_by_caller(struct unwinding *u, const struct abi_unwind_rule *rule)
{
	uint64_t ret;

	if (rule->kind != ABI_UNWIND_BP || rule->cfa_off == 16)
		return false;
	for (uint64_t bp = u->sp; bp < u->sp + ARGUMENT_BYTES; bp += 8) {
		uint64_t at = bp + (uint64_t)(int64_t)(rule->cfa_off + rule->ra_off);

		if (read_words(u, at, &ret, 1) && called_us(u, ret))
			return goes_on_with(u, bp);
	}
	return false;
}

static unsigned guess_bp(struct unwinding *u, const struct abi_unwind_rule *rule)
{
	if (!u->guessed && (guess_by_caller(u, rule) || guess_by_code(u)))
		return ABI_NATIVE_ROOT;
	return ABI_NATIVE_NO_REGISTER;
}

static unsigned unwind_one(struct unwinding *u)
{
	struct abi_unwind_rule rule;
	unsigned end;

	if (u->cnt == ABI_MAX_NATIVE)
		return ABI_NATIVE_DEPTH;
	u->frames[u->cnt++] = (struct frame){.ip = u->ip, .sp = u->sp};
	end = find_rule(u, &rule);
	if (end != GOES_ON)
		return end;
	if (rule.kind == ABI_UNWIND_ROOT)
		return ABI_NATIVE_ROOT;
	if (rule.kind == ABI_UNWIND_SIGNAL)
		return leave_signal(u, &rule);
	if (rule.kind == ABI_UNWIND_STOP)
		return ABI_NATIVE_NO_ROW;
	return needs_bp(&rule) && !u->has_bp ? guess_bp(u, &rule) : to_caller(u, &rule);
}

static unsigned unwind(struct unwinding *u)
{
	unsigned end;

	do {
		end = unwind_one(u);
	} while (end == GOES_ON);
	return end;
}

/* ---- the whole ------------------------------------------------------------------------------------------- */

/* Entries rise towards the root; one below a frame is on no stack that is unwound here. */
static void place_runs(const struct unwinding *u, const struct native_stack_runs *from, struct abi_run *runs)
{
	uint32_t at = 0;

	for (uint32_t i = 0; i < u->cnt; i++)
		for (; at < from->cnt && from->entries[at] < u->frames[i].cfa; at++)
			if (from->entries[at] >= u->frames[i].sp)
				runs[at].native = (uint16_t)i;
}

static struct abi_native *put_together(const struct unwinding *u, unsigned end, const struct native_stack_runs *runs)
{
	struct abi_native head = {.native_cnt = (uint16_t)u->cnt, .run_cnt = (uint16_t)runs->cnt, .end = (uint8_t)end};
	struct abi_native *n = xmalloc(sizeof(head) + abi_native_bytes(&head));

	*n = head;
	for (uint32_t i = 0; i < u->cnt; i++)
		((uint64_t *)abi_native_addrs(n))[i] = u->frames[i].ip;
	memcpy((void *)abi_native_runs(n), runs->runs, runs->cnt * sizeof(*runs->runs));
	place_runs(u, runs, (struct abi_run *)abi_native_runs(n));
	return n;
}

struct abi_native *native_stack_read(const struct native_stack_reader *r, const struct task_call *call,
				     const struct native_stack_runs *runs)
{
	__cleanup_free struct unwinding *u = xcalloc(1, sizeof(*u));
	unsigned end;

	if (!call->off_cpu || !call->ip)
		return NULL;
	u->r = r;
	u->ip = call->ip;
	u->sp = call->sp;
	u->exact = true;
	end = unwind(u);
	return put_together(u, end, runs);
}
