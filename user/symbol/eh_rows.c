/* SPDX-License-Identifier: MIT */
/*
 * Call frame instructions (DWARF 4, chapter 6.4.2), run for three things: the CFA, the frame pointer and the return
 * address. What other registers had is not needed to go on.
 */
#include "user/symbol/eh_state.h"

#define MAX_REMEMBERED 8

/* DWARF 4, figure 40; what GNU and arm64 add */
enum {
	CFA_nop = 0x00,
	CFA_set_loc,
	CFA_advance_loc1,
	CFA_advance_loc2,
	CFA_advance_loc4,
	CFA_offset_extended,
	CFA_restore_extended,
	CFA_undefined,
	CFA_same_value,
	CFA_register,
	CFA_remember_state,
	CFA_restore_state,
	CFA_def_cfa,
	CFA_def_cfa_register,
	CFA_def_cfa_offset,
	CFA_def_cfa_expression,
	CFA_expression,
	CFA_offset_extended_sf,
	CFA_def_cfa_sf,
	CFA_def_cfa_offset_sf,
	CFA_val_offset,
	CFA_val_offset_sf,
	CFA_val_expression,
	CFA_AARCH64_negate_ra_state = 0x2d,
	CFA_GNU_args_size = 0x2e,
	CFA_advance_loc = 0x40,
	CFA_offset = 0x80,
	CFA_restore = 0xc0,
};

struct machine {
	const struct eh_registers *regs;
	const struct eh_common *common;
	struct eh_state now, initial, remembered[MAX_REMEMBERED];
	unsigned depth;
	uint64_t at, end;
	eh_row_fn fn;
	void *ctx;
};

/* A block's bytes, which are skipped. */
static struct eh_reader read_block(struct eh_reader *r)
{
	uint64_t len = eh_uleb(r);
	struct eh_reader block = *r;

	eh_skip(r, len);
	if (r->bad)
		return (struct eh_reader){.bad = true};
	block.end = r->at;
	return block;
}

/* ---- instructions ---------------------------------------------------------------------------------------- */

/* The row up to `to`, if there is code in it. False: that is all. */
static bool advance(struct machine *m, uint64_t to)
{
	struct abi_unwind_rule rule;

	if (to == m->at)
		return true;
	rule = eh_state__rule(&m->now, m->regs, m->common->signal);
	if (to < m->at || to >= m->end) {
		m->fn(m->ctx, m->at, &rule);
		m->at = m->end;
		return false;
	}
	if (!m->fn(m->ctx, m->at, &rule))
		m->end = m->at = 0;
	else
		m->at = to;
	return m->end != 0;
}

static int64_t factored(const struct machine *m, int64_t n)
{
	int64_t off;

	return __builtin_mul_overflow(n, m->common->data_align, &off) ? INT64_MAX : off;
}

static void set_place(struct machine *m, uint64_t reg, struct eh_place value)
{
	if (reg == m->regs->bp)
		m->now.bp = value;
	else if (reg == m->common->ra)
		m->now.ra = value;
}

static void restore(struct machine *m, uint64_t reg)
{
	if (reg == m->regs->bp)
		m->now.bp = m->initial.bp;
	else if (reg == m->common->ra)
		m->now.ra = m->initial.ra;
}

static void set_offset(struct machine *m, uint64_t reg, int64_t n)
{
	set_place(m, reg, (struct eh_place){PLACE_AT_CFA, factored(m, n)});
}

static void set_base(struct machine *m, uint64_t reg, int64_t off)
{
	m->now.base = BASE_REGISTER;
	m->now.reg = reg;
	m->now.off = off;
}

/* Those that say where the frame is. False: it is another one. */
static bool run_base(struct machine *m, struct eh_reader *r, uint8_t op)
{
	uint64_t reg;

	switch (op) {
	case CFA_def_cfa:
		reg = eh_uleb(r);
		set_base(m, reg, (int64_t)eh_uleb(r));
		return true;
	case CFA_def_cfa_sf:
		reg = eh_uleb(r);
		set_base(m, reg, factored(m, eh_sleb(r)));
		return true;
	case CFA_def_cfa_register: /* of a register + offset, as the next two */
		m->now.reg = eh_uleb(r);
		return true;
	case CFA_def_cfa_offset:
		m->now.off = (int64_t)eh_uleb(r);
		return true;
	case CFA_def_cfa_offset_sf:
		m->now.off = factored(m, eh_sleb(r));
		return true;
	case CFA_def_cfa_expression:
		eh_state__set_base(&m->now, m->regs, read_block(r));
		return true;
	default:
		return false;
	}
}

/* Those that say where a register is. False: it is another one. */
static bool run_place(struct machine *m, struct eh_reader *r, uint8_t op)
{
	uint64_t reg;

	if (op < CFA_offset_extended || op > CFA_val_expression || op == CFA_remember_state || op == CFA_restore_state)
		return false;
	reg = eh_uleb(r);
	switch (op) {
	case CFA_offset_extended:
		set_offset(m, reg, (int64_t)eh_uleb(r));
		break;
	case CFA_offset_extended_sf:
		set_offset(m, reg, eh_sleb(r));
		break;
	case CFA_restore_extended:
		restore(m, reg);
		break;
	case CFA_undefined:
		set_place(m, reg, (struct eh_place){.kind = PLACE_UNDEFINED});
		break;
	case CFA_same_value:
		set_place(m, reg, (struct eh_place){.kind = PLACE_SAME});
		break;
	case CFA_expression:
		set_place(m, reg, eh_place_of(m->regs, read_block(r)));
		break;
	case CFA_val_expression:
		read_block(r);
		set_place(m, reg, (struct eh_place){.kind = PLACE_OTHER});
		break;
	default: /* in another register, or a value that is computed */
		eh_uleb(r);
		set_place(m, reg, (struct eh_place){.kind = PLACE_OTHER});
	}
	return true;
}

/* Those that go on in the code. False: it is another one. `*more`: there is code left. */
static bool run_advance(struct machine *m, struct eh_reader *r, uint8_t op, bool *more)
{
	uint64_t delta;

	if (op >= CFA_advance_loc && op < CFA_offset)
		delta = op - CFA_advance_loc;
	else if (op == CFA_advance_loc1)
		delta = eh_u8(r);
	else if (op == CFA_advance_loc2)
		delta = eh_bytes(r, 2);
	else if (op == CFA_advance_loc4)
		delta = eh_bytes(r, 4);
	else
		return false;
	if (__builtin_mul_overflow(delta, m->common->code_align, &delta) || delta > m->end - m->at)
		delta = m->end - m->at;
	*more = r->bad || advance(m, m->at + delta);
	return true;
}

/* False: it is not known. */
static bool run_other(struct machine *m, struct eh_reader *r, uint8_t op)
{
	if (op >= CFA_restore) {
		restore(m, op - CFA_restore);
	} else if (op >= CFA_offset) {
		set_offset(m, op - CFA_offset, (int64_t)eh_uleb(r));
	} else if (op == CFA_remember_state && m->depth < MAX_REMEMBERED) {
		m->remembered[m->depth++] = m->now;
	} else if (op == CFA_restore_state && m->depth) {
		m->now = m->remembered[--m->depth];
	} else if (op == CFA_GNU_args_size) {
		eh_uleb(r);
	} else if (op != CFA_nop && op != CFA_AARCH64_negate_ra_state) {
		return false;
	}
	return true;
}

/* From here on nothing is known. */
static void forget(struct machine *m)
{
	m->now.base = BASE_NONE;
	m->now.ra.kind = PLACE_OTHER;
}

/* Until the program or the function ends. False: all rows are said. */
static bool run(struct machine *m, struct eh_reader *r)
{
	while (eh_left(r)) {
		uint8_t op = eh_u8(r);
		bool more = true;

		if (op < CFA_offset && run_advance(m, r, op, &more)) {
			if (!more)
				return false;
		} else if (!run_base(m, r, op) && !run_place(m, r, op) && !run_other(m, r, op)) {
			r->bad = true;
		}
	}
	if (r->bad)
		forget(m);
	return true;
}

void eh_frame__rows(const struct eh_frame *f, const struct eh_function *function, eh_row_fn fn, void *ctx)
{
	struct eh_common common = {0};
	struct eh_entry entry;
	struct machine m = {.regs = eh_registers_of(f->machine), .common = &common, .fn = fn, .ctx = ctx};

	if (!m.regs || !eh_frame__entry(f, function->at, &common, &entry))
		return;
	/* What a CIE says is so from the start: nothing goes on in it. */
	m.end = 0;
	if (!run(&m, &common.program))
		return;
	m.initial = m.now;
	m.at = entry.start;
	m.end = entry.end;
	if (run(&m, &entry.program))
		advance(&m, m.end);
}
