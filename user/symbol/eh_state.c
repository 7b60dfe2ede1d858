/* SPDX-License-Identifier: MIT */
#include "user/symbol/eh_state.h"
#include <elf.h>

/* DWARF 4, figure 24 */
enum { OP_deref = 0x06, OP_plus_uconst = 0x23, OP_breg0 = 0x70 };

#define UC_RSP 160 /* of a struct ucontext of x86-64 (arch/x86/include/uapi/asm/sigcontext.h) */

#define MAX_REGISTER 32 /* general ones: x86-64 has 16, arm64 has 32 */

static const struct eh_registers x86 = {.sp = 7, .bp = 6, .x86 = true};
static const struct eh_registers arm64 = {.sp = 31, .bp = 29};

const struct eh_registers *eh_registers_of(unsigned machine)
{
	if (machine == EM_X86_64)
		return &x86;
	return machine == EM_AARCH64 ? &arm64 : NULL;
}

/* ---- expressions ----------------------------------------------------------------------------------------- */

/*
 * Of a procedure linkage table: entries of 16 bytes, which push one word on their way: rsp + 8 + ((rip & 15) >= n) * 8, where n
 * is told by an OP_lit.
 */
static bool is_plt(const struct eh_reader *r, int64_t *n)
{
	static const uint8_t plt[] = {0x77, 8, 0x80, 0, 0x3f, 0x1a, 0, 0x2a, 0x33, 0x24, 0x22};
	const size_t at = 6;

	if (eh_left(r) != sizeof(plt) || r->at[at] < 0x30 || r->at[at] > 0x3f)
		return false;
	*n = r->at[at] - 0x30;
	return !memcmp(r->at, plt, at) && !memcmp(r->at + at + 1, plt + at + 1, sizeof(plt) - at - 1);
}

void eh_state__set_base(struct eh_state *s, const struct eh_registers *regs, struct eh_reader block)
{
	uint8_t op;

	s->base = BASE_NONE;
	s->add = 0;
	if (regs->x86 && is_plt(&block, &s->off)) {
		s->base = BASE_PLT;
		return;
	}
	op = eh_u8(&block);
	if (op < OP_breg0 || op > OP_breg0 + 31)
		return;
	s->reg = op - OP_breg0;
	s->off = eh_sleb(&block);
	if (eh_u8(&block) != OP_deref)
		return;
	if (eh_left(&block) && eh_u8(&block) == OP_plus_uconst)
		s->add = (int64_t)eh_uleb(&block);
	if (!block.bad && !eh_left(&block))
		s->base = BASE_MEMORY;
}

/* "at rbp + n" is all that is known of places. */
struct eh_place eh_place_of(const struct eh_registers *regs, struct eh_reader block)
{
	struct eh_place p = {.kind = PLACE_OTHER};

	if (eh_u8(&block) != OP_breg0 + regs->bp)
		return p;
	p.off = eh_sleb(&block);
	if (!block.bad && !eh_left(&block))
		p.kind = PLACE_AT_BP;
	return p;
}

/* ---- rules ----------------------------------------------------------------------------------------------- */

static bool put_base(const struct eh_state *s, const struct eh_registers *regs, struct abi_unwind_rule *rule)
{
	bool is_sp = s->reg == regs->sp, is_bp = s->reg == regs->bp;

	if (s->base == BASE_NONE || s->off != (int32_t)s->off)
		return false;
	rule->cfa_off = (int32_t)s->off;
	if (s->base == BASE_PLT) {
		rule->kind = ABI_UNWIND_PLT;
	} else if (s->base == BASE_MEMORY) {
		rule->kind = is_sp ? ABI_UNWIND_SP_MEM : ABI_UNWIND_BP_MEM;
		rule->cfa_add = (int16_t)s->add;
		return (is_sp || is_bp) && s->add == rule->cfa_add;
	} else {
		rule->kind = is_sp ? ABI_UNWIND_SP : is_bp ? ABI_UNWIND_BP : ABI_UNWIND_REG;
		rule->cfa_add = is_sp || is_bp ? 0 : (int16_t)s->reg;
		return s->reg < MAX_REGISTER;
	}
	return true;
}

static bool put_places(const struct eh_state *s, const struct eh_registers *regs, struct abi_unwind_rule *rule)
{
	bool in_register = s->ra.kind == PLACE_SAME && !regs->x86;

	if (!in_register && (s->ra.kind != PLACE_AT_CFA || !s->ra.off || s->ra.off != (int16_t)s->ra.off))
		return false;
	rule->ra_off = in_register ? 0 : (int16_t)s->ra.off;
	rule->bp = ABI_UNWIND_BP_LOST;
	if (s->bp.kind == PLACE_SAME)
		rule->bp = ABI_UNWIND_BP_SAME;
	else if (s->bp.off == (int16_t)s->bp.off && s->bp.kind == PLACE_AT_CFA)
		rule->bp = ABI_UNWIND_BP_AT_CFA;
	else if (s->bp.off == (int16_t)s->bp.off && s->bp.kind == PLACE_AT_BP)
		rule->bp = ABI_UNWIND_BP_AT_BP;
	if (rule->bp == ABI_UNWIND_BP_AT_CFA || rule->bp == ABI_UNWIND_BP_AT_BP)
		rule->bp_off = (int16_t)s->bp.off;
	return true;
}

struct abi_unwind_rule eh_state__rule(const struct eh_state *s, const struct eh_registers *regs, bool signal)
{
	static const struct abi_unwind_rule stop = {.kind = ABI_UNWIND_STOP};
	struct abi_unwind_rule rule = {0};

	if (s->ra.kind == PLACE_UNDEFINED) {
		rule.kind = ABI_UNWIND_ROOT;
	} else if (signal && regs->x86) {
		if (s->base != BASE_MEMORY || s->reg != x86.sp || s->off != (int16_t)s->off || s->add)
			return stop;
		rule.kind = ABI_UNWIND_SIGNAL;
		rule.cfa_off = (int32_t)s->off - UC_RSP;
	} else if (!put_base(s, regs, &rule) || !put_places(s, regs, &rule)) {
		return stop;
	}
	return rule;
}
