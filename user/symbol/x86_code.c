/* SPDX-License-Identifier: MIT */
/* Intel's manual, volume 2, chapter 2 and appendix A. */
#include "user/symbol/x86_code.h"
#include <string.h>

struct decoder {
	const uint8_t *at, *end;
	bool narrow; /* operands of 16 bits */
	bool address32;
	uint8_t rex; /* as in a REX prefix: W 8, R 4, X 2, B 1 */
};

static bool take(struct decoder *d, unsigned bytes, int64_t *value)
{
	if ((size_t)(d->end - d->at) < bytes)
		return false;
	*value = 0;
	memcpy(value, d->at, bytes);
	if (bytes && bytes < 8 && d->at[bytes - 1] & 0x80)
		*value |= (int64_t)(~0ull << (8 * bytes));
	d->at += bytes;
	return true;
}

static bool next(struct decoder *d, uint8_t *byte)
{
	if (d->at == d->end)
		return false;
	*byte = *d->at++;
	return true;
}

/* ---- what follows an opcode ------------------------------------------------------------------------------ */

static bool has_modrm(enum x86_map map, uint8_t op, bool vex)
{
	if (map == X86_0F38 || map == X86_0F3A)
		return true;
	if (map == X86_0F) {
		if (vex)
			return op != 0x77;
		return !((op >= 0x05 && op <= 0x0b && op != 0x0a) || op == 0x0e || (op >= 0x30 && op <= 0x37) ||
			 op == 0x77 || (op >= 0x80 && op <= 0x8f) || (op >= 0xa0 && op <= 0xa2) ||
			 (op >= 0xa8 && op <= 0xaa) || (op >= 0xc8 && op <= 0xcf));
	}
	if (op < 0x40)
		return (op & 7) < 4;
	return op == 0x63 || op == 0x69 || op == 0x6b || (op >= 0x80 && op <= 0x8f) || op == 0xc0 || op == 0xc1 ||
	       op == 0xc6 || op == 0xc7 || (op >= 0xd0 && op <= 0xd3) || (op >= 0xd8 && op <= 0xdf) || op == 0xf6 ||
	       op == 0xf7 || op == 0xfe || op == 0xff;
}

static unsigned immediate_one(const struct decoder *d, uint8_t op, uint8_t reg)
{
	unsigned z = d->narrow ? 2 : 4;

	if (op < 0x40)
		return (op & 7) == 4 ? 1 : (op & 7) == 5 ? z : 0;
	if (op >= 0xb8 && op <= 0xbf)
		return d->rex & 8 ? 8 : z;
	if ((op >= 0x70 && op <= 0x7f) || (op >= 0xb0 && op <= 0xb7) || (op >= 0xe0 && op <= 0xe7) || op == 0x6a ||
	    op == 0x6b || op == 0x80 || op == 0x83 || op == 0xa8 || op == 0xc0 || op == 0xc1 || op == 0xc6 ||
	    op == 0xcd || op == 0xeb)
		return 1;
	if (op == 0x68 || op == 0x69 || op == 0x81 || op == 0xa9 || op == 0xc7)
		return z;
	if (op == 0xe8 || op == 0xe9)
		return 4;
	if (op >= 0xa0 && op <= 0xa3)
		return d->address32 ? 4 : 8;
	if (op == 0xc2 || op == 0xca)
		return 2;
	if (op == 0xc8)
		return 3;
	if ((op == 0xf6 || op == 0xf7) && (reg & 7) < 2)
		return op == 0xf6 ? 1 : z;
	return 0;
}

static unsigned immediate(const struct decoder *d, const struct x86_instruction *i)
{
	uint8_t op = i->opcode;

	switch (i->map) {
	case X86_ONE:
		return immediate_one(d, op, i->reg);
	case X86_0F:
		if (!i->vex && op >= 0x80 && op <= 0x8f)
			return 4;
		return (op >= 0x70 && op <= 0x73) || op == 0xa4 || op == 0xac || op == 0xba || op == 0xc2 ||
		       (op >= 0xc4 && op <= 0xc6);
	case X86_0F38:
		return 0;
	default:
		return 1;
	}
}

static bool read_modrm(struct decoder *d, struct x86_instruction *i)
{
	uint8_t modrm, sib = 0;
	unsigned disp = 0;
	int64_t value = 0;

	if (!next(d, &modrm))
		return false;
	i->mod = modrm >> 6;
	i->reg = (uint8_t)((modrm >> 3 & 7) | (d->rex & 4) << 1);
	i->rm = (uint8_t)((modrm & 7) | (d->rex & 1) << 3);
	i->base = 0xff;
	if (i->mod == 3)
		return true;
	if ((modrm & 7) == 4) {
		if (!next(d, &sib))
			return false;
		i->has_sib = true;
		if ((sib >> 3 & 7) == 4 && !(d->rex & 2) && !((sib & 7) == 5 && i->mod == 0))
			i->base = (uint8_t)((sib & 7) | (d->rex & 1) << 3);
	}
	if (i->mod == 1)
		disp = 1;
	else if (i->mod == 2 || (i->mod == 0 && ((modrm & 7) == 5 || (i->has_sib && (sib & 7) == 5))))
		disp = 4;
	if (!take(d, disp, &value))
		return false;
	i->disp = (int32_t)value;
	return true;
}

/* ---- prefixes and opcodes -------------------------------------------------------------------------------- */

static bool is_prefix(struct decoder *d, uint8_t byte)
{
	d->narrow |= byte == 0x66;
	d->address32 |= byte == 0x67;
	return byte == 0x66 || byte == 0x67 || byte == 0xf2 || byte == 0xf3 || byte == 0xf0 || byte == 0x2e ||
	       byte == 0x36 || byte == 0x3e || byte == 0x26 || byte == 0x64 || byte == 0x65;
}

/* C5: one byte more, C4: two, 62: three. Their bits of registers are inverted. */
static bool read_vex(struct decoder *d, struct x86_instruction *i, uint8_t first)
{
	uint8_t a, b = 0, c = 0, map = 1;

	if (!next(d, &a) || (first != 0xc5 && !next(d, &b)) || (first == 0x62 && !next(d, &c)))
		return false;
	d->rex = (uint8_t)(~a >> 5 & 4);
	if (first != 0xc5) {
		d->rex |= (uint8_t)((~a >> 5 & 2) | (~a >> 5 & 1) | (b >> 4 & 8));
		map = a & (first == 0x62 ? 7 : 31);
	}
	if (map < 1 || map > 3)
		return false;
	i->vex = true;
	i->map = map == 1 ? X86_0F : map == 2 ? X86_0F38 : X86_0F3A;
	return next(d, &i->opcode);
}

static bool read_opcode(struct decoder *d, struct x86_instruction *i)
{
	uint8_t byte;

	do {
		if (!next(d, &byte))
			return false;
	} while (is_prefix(d, byte));
	if ((byte & 0xf0) == 0x40) {
		d->rex = byte & 15;
		if (!next(d, &byte))
			return false;
	}
	if (byte == 0xc4 || byte == 0xc5 || byte == 0x62)
		return read_vex(d, i, byte);
	i->opcode = byte;
	if (byte != 0x0f)
		return true;
	if (!next(d, &i->opcode))
		return false;
	i->map = X86_0F;
	if (i->opcode == 0x38 || i->opcode == 0x3a) {
		i->map = i->opcode == 0x38 ? X86_0F38 : X86_0F3A;
		return next(d, &i->opcode);
	}
	return true;
}

/* There are none of these in 64-bit code. */
static bool is_invalid(const struct x86_instruction *i)
{
	static const uint8_t none[] = {0x06, 0x07, 0x0e, 0x16, 0x17, 0x1e, 0x1f, 0x27, 0x2f, 0x37,
				       0x3f, 0x60, 0x61, 0x82, 0x9a, 0xce, 0xd4, 0xd5, 0xd6, 0xea};

	return i->map == X86_ONE && memchr(none, i->opcode, sizeof(none));
}

bool x86_decode(const uint8_t *code, size_t len, struct x86_instruction *out)
{
	struct decoder d = {.at = code, .end = code + (len < 15 ? len : 15)};

	*out = (struct x86_instruction){.base = 0xff};
	if (!read_opcode(&d, out) || is_invalid(out))
		return false;
	out->wide = d.rex & 8;
	out->has_modrm = has_modrm(out->map, out->opcode, out->vex);
	if (out->has_modrm && !read_modrm(&d, out))
		return false;
	if (!out->has_modrm) /* the register is in the opcode */
		out->rm = (uint8_t)((out->opcode & 7) | (d.rex & 1) << 3);
	if (!take(&d, immediate(&d, out), &out->imm))
		return false;
	out->len = (unsigned)(d.at - code);
	return true;
}
