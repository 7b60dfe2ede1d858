/* SPDX-License-Identifier: MIT */
/*
 * Code says an address in several instructions of 32 bits, which need not follow each other. So what the registers hold is
 * followed through it, as far as that can matter here; branches are passed by (Arm Architecture Reference Manual, C6).
 */
#include "user/symbol/arch.h"
#include "user/util/alloc.h"
#include <elf.h>
#include <string.h>

#define REGISTERS 31 /* x0 to x30; the number behind is the stack pointer's or zero's */
#define ARGUMENTS 19 /* x0 to x18 are a called function's */

struct value {
	enum {
		NOTHING,
		ADDRESS,           /* at */
		SLOT,              /* what is at `at` */
		DESCRIPTOR,        /* what the function of the TLS descriptor at `at` returns: an offset, … */
		THREAD,            /* thread pointer + off … */
		THREAD_SLOT,       /* … + SLOT: these follow as those above do */
		THREAD_DESCRIPTOR, /* … + DESCRIPTOR */
		BLOCK,             /* what __tls_get_addr() returns for `at`, + off */
	} kind;
	uint64_t at;
	int64_t off;
};

struct registers {
	struct value x[REGISTERS + 1];
	const struct value *last; /* that the last instruction may have changed */
	struct value loaded;      /* where it loaded from, … */
	unsigned bytes;           /* … and how many */
};

static int64_t sign_extended(uint64_t value, unsigned bits)
{
	return (int64_t)(value << (64 - bits)) >> (64 - bits);
}

static struct value plus(struct value v, int64_t off)
{
	if (v.kind == ADDRESS)
		v.at += (uint64_t)off;
	else if (v.kind >= THREAD)
		v.off += off;
	else
		v.kind = NOTHING;
	return v;
}

static struct value sum(struct value a, struct value b)
{
	if (a.kind != THREAD) {
		struct value other = a;

		a = b;
		b = other;
	}
	if (a.kind != THREAD)
		return (struct value){NOTHING, 0, 0};
	if (b.kind == ADDRESS) /* a number */
		return plus(a, (int64_t)b.at);
	if (b.kind != SLOT && b.kind != DESCRIPTOR)
		return (struct value){NOTHING, 0, 0};
	return (struct value){b.kind == SLOT ? THREAD_SLOT : THREAD_DESCRIPTOR, b.at, a.off};
}

/* ---- instructions, by what they do to a register ------------------------------------------------------ */

static unsigned field(uint32_t code, unsigned at, unsigned bits)
{
	return code >> at & ((1u << bits) - 1);
}

static struct value adr(struct registers *r, uint32_t code, uint64_t pc)
{
	(void)r;
	return (struct value){ADDRESS, pc + (uint64_t)sign_extended(field(code, 5, 19) << 2 | field(code, 29, 2), 21),
			      0};
}

static struct value adrp(struct registers *r, uint32_t code, uint64_t pc)
{
	int64_t pages = sign_extended(field(code, 5, 19) << 2 | field(code, 29, 2), 21);

	(void)r;
	return (struct value){ADDRESS, (pc & ~0xfffull) + ((uint64_t)pages << 12), 0};
}

static struct value add_immediate(struct registers *r, uint32_t code, uint64_t pc)
{
	(void)pc;
	return plus(r->x[field(code, 5, 5)], (int64_t)field(code, 10, 12) << 12 * field(code, 22, 1));
}

static struct value add(struct registers *r, uint32_t code, uint64_t pc)
{
	(void)pc;
	return sum(r->x[field(code, 5, 5)], r->x[field(code, 16, 5)]);
}

static struct value mov(struct registers *r, uint32_t code, uint64_t pc)
{
	(void)pc;
	return r->x[field(code, 16, 5)];
}

static struct value movz(struct registers *r, uint32_t code, uint64_t pc)
{
	(void)r, (void)pc;
	return (struct value){ADDRESS, (uint64_t)field(code, 5, 16) << 16 * field(code, 21, 2), 0};
}

static struct value movk(struct registers *r, uint32_t code, uint64_t pc)
{
	struct value v = r->x[field(code, 0, 5)];
	unsigned shift = 16 * field(code, 21, 2);

	(void)pc;
	v.at = (v.at & ~(0xffffull << shift)) | (uint64_t)field(code, 5, 16) << shift;
	return v.kind == ADDRESS ? v : (struct value){NOTHING, 0, 0};
}

static struct value thread_pointer(struct registers *r, uint32_t code, uint64_t pc)
{
	(void)r, (void)code, (void)pc;
	return (struct value){THREAD, 0, 0};
}

static struct value load_from(struct registers *r, struct value address, unsigned bytes)
{
	r->loaded = address;
	r->bytes = bytes;
	return (struct value){address.kind == ADDRESS && bytes == 8 ? SLOT : NOTHING, address.at, 0};
}

static struct value ldr_immediate(struct registers *r, uint32_t code, uint64_t pc)
{
	unsigned bytes = 4u << field(code, 30, 1);

	(void)pc;
	return load_from(r, plus(r->x[field(code, 5, 5)], field(code, 10, 12) * (int64_t)bytes), bytes);
}

static struct value ldur(struct registers *r, uint32_t code, uint64_t pc)
{
	(void)pc;
	return load_from(r, plus(r->x[field(code, 5, 5)], sign_extended(field(code, 12, 9), 9)), 8);
}

static struct value ldr_register(struct registers *r, uint32_t code, uint64_t pc)
{
	return load_from(r, add(r, code, pc), 8);
}

static const struct instruction {
	uint32_t mask, bits;
	struct value (*result)(struct registers *r, uint32_t code,
			       uint64_t pc); /* of its register; NULL: it has none */
} instructions[] = {
	{0x9f000000, 0x10000000, adr},            /* adr xd, #imm */
	{0x9f000000, 0x90000000, adrp},           /* adrp xd, #imm */
	{0xff800000, 0x91000000, add_immediate},  /* add xd, xn, #imm{, lsl #12} */
	{0xffe0fc00, 0x8b000000, add},            /* add xd, xn, xm */
	{0xffe0ffe0, 0xaa0003e0, mov},            /* mov xd, xm */
	{0x7f800000, 0x52800000, movz},           /* movz d, #imm{, lsl #} */
	{0x7f800000, 0x72800000, movk},           /* movk d, #imm{, lsl #} */
	{0xffffffe0, 0xd53bd040, thread_pointer}, /* mrs xd, tpidr_el0 */
	{0xbfc00000, 0xb9400000, ldr_immediate},  /* ldr t, [xn, #imm] */
	{0xffe00c00, 0xf8400000, ldur},           /* ldur xt, [xn, #imm] */
	{0xffe0fc00, 0xf8606800, ldr_register},   /* ldr xt, [xn, xm] */
	{0x7c000000, 0x14000000, NULL},           /* b, bl */
	{0x7c000000, 0x34000000, NULL},           /* cbz, cbnz, tbz, tbnz */
	{0xff000000, 0x54000000, NULL},           /* b.cond */
	{0xfe000000, 0xd6000000, NULL},           /* br, blr, ret */
	{0xfffff01f, 0xd503201f, NULL},           /* nop, paciasp, bti, … */
};

/* __tls_get_addr() is the only one that is called with an address here; a descriptor's changes x0 alone. */
static void call(struct registers *r, bool by_register)
{
	struct value argument = r->x[0];

	if (argument.kind == ADDRESS && by_register) {
		r->x[0].kind = DESCRIPTOR;
		return;
	}
	memset(r->x, 0, ARGUMENTS * sizeof(*r->x));
	if (argument.kind == ADDRESS)
		r->x[0] = (struct value){BLOCK, argument.at, 0};
}

/* What no row is for changes the register at this place, as most do. */
static void step(struct registers *r, uint32_t code, uint64_t pc)
{
	const struct instruction *i = instructions, *end = instructions + ARRAY_SIZE(instructions);

	while (i < end && (code & i->mask) != i->bits)
		i++;
	r->loaded.kind = NOTHING;
	if (i == end)
		r->x[field(code, 0, 5)].kind = NOTHING;
	else if (i->result)
		r->x[field(code, 0, 5)] = i->result(r, code, pc);
	r->x[REGISTERS].kind = NOTHING;
	if ((code & 0xfc000000) == 0x94000000) /* bl */
		call(r, false);
	else if ((code & 0xfffffc1f) == 0xd63f0000) /* blr */
		call(r, true);
}

/* ---- what is asked --------------------------------------------------------------------------------------- */

/* The instruction at `at`, which is counted on; false behind the last. */
static bool next(struct registers *r, const uint8_t *code, size_t len, uint64_t vaddr, size_t *at)
{
	uint32_t word;

	if (*at + sizeof(word) > len)
		return false;
	memcpy(&word, code + *at, sizeof(word));
	step(r, word, vaddr + *at);
	r->last = &r->x[field(word, 0, 5)];
	*at += sizeof(word);
	return true;
}

/* From the start of the code on, because what the registers hold before counts. */
static bool operand(const uint8_t *code, size_t len, uint64_t vaddr, size_t *at, uint64_t *target)
{
	struct registers r = {0};
	size_t here = 0;

	while (next(&r, code, len, vaddr, &here)) {
		if (here <= *at || r.last->kind != ADDRESS)
			continue;
		*at = here;
		*target = r.last->at;
		return true;
	}
	return false;
}

static bool load(const uint8_t *code, size_t len, uint64_t vaddr, unsigned bytes, uint64_t *variable)
{
	struct registers r = {0};
	size_t at = 0;

	while (next(&r, code, len, vaddr, &at)) {
		if (r.loaded.kind != ADDRESS || r.bytes != bytes)
			continue;
		*variable = r.loaded.at;
		return true;
	}
	return false;
}

/*
 * Local-exec: the thread pointer and a number. Initial-exec: and what is in the GOT. Else the function of a descriptor in the GOT
 * says the number, or __tls_get_addr() the address (TLS Descriptors for AArch64; ELF Handling For Thread-Local Storage). A linker that
 * knows better leaves nops in their place.
 */
static bool tls(const uint8_t *code, size_t len, uint64_t vaddr, struct arch_tls *out)
{
	static const int kinds[] = {[THREAD] = ARCH_TLS_OFFSET,
				    [THREAD_SLOT] = ARCH_TLS_GOT_OFFSET,
				    [THREAD_DESCRIPTOR] = ARCH_TLS_DESCRIPTOR,
				    [BLOCK] = ARCH_TLS_MODULE};
	struct registers r = {0};
	size_t at = 0;

	while (next(&r, code, len, vaddr, &at)) {
		if (r.loaded.kind < THREAD || r.bytes != 8 || r.last != r.x)
			continue;
		*out = (struct arch_tls){.kind = kinds[r.loaded.kind], .got = r.loaded.at, .off = r.loaded.off};
		return true;
	}
	return false;
}

/* ldur x1, [thread pointer + off]: self->tsd; ldr x0, [x1, key, lsl #3] (musl: src/thread/pthread_getspecific.c) */
static bool specific(const uint8_t *code, size_t len, int32_t *off)
{
	struct registers r = {0};
	size_t at = 0;

	while (next(&r, code, len, 0, &at)) {
		if (r.loaded.kind != THREAD || r.bytes != 8)
			continue;
		*off = (int32_t)r.loaded.off;
		return *off < 0 && *off > -4096;
	}
	return false;
}

/* src/internal/pthread_impl.h, struct pthread (TLS_ABOVE_TP): tsd, tid, dtv, its size: of 1.2.2 and newer */
static const struct arch_threads musl[] = {
	{.specific = 112,
	 .per_block = 128,
	 .entry_size = 8,
	 .tid = 32,
	 .dtv = -8,
	 .dtv_entry_size = 8,
	 .below = 200,
	 .cond_first = 8,
	 .waiter_next = 8,
	 .waiter_futex = 20}, /* pthread_cond_t, struct waiter: as arch_x86.c has them */
};

const struct arch arch_arm64 = {
	.name = "arm64",
	.kernel = "aarch64",
	.library_dirs = "/lib/aarch64-linux-gnu:/usr/lib/aarch64-linux-gnu:",
	.machine = EM_AARCH64,
	.relative = R_AARCH64_RELATIVE,
	.imports = {R_AARCH64_JUMP_SLOT, R_AARCH64_GLOB_DAT},
	/*
	 * As x86-64's (arch_x86.c), but that struct pthread begins with 192 bytes instead of a tcbhead_t of 704 and lies below
	 * the thread pointer, where the dtv's address is (sysdeps/aarch64/nptl/tls.h: tcbhead_t, TLS_PRE_TCB_SIZE); of 2.36.
	 */
	.glibc = {272, 784, 32, 32, 16, 8, 208, 0, 16, 1856, .mutex_more = 8},
	.glibc_mutex_bytes = 48, /* bits/pthreadtypes-arch.h: __SIZEOF_PTHREAD_MUTEX_T */
	.musl = musl,
	.musl_cnt = ARRAY_SIZE(musl),
	.operand = operand,
	.load = load,
	.tls = tls,
	.specific = specific,
};
