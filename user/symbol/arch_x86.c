/* SPDX-License-Identifier: MIT */
#include "user/symbol/arch.h"
#include <elf.h>
#include <string.h>

/* lea disp32(%rip), r64 · mov $imm32, r32 */
static bool is_operand(const uint8_t *code, size_t left, uint64_t vaddr, uint64_t *target)
{
	int32_t value;

	if (left >= 7 && (code[0] & 0xfb) == 0x48 && code[1] == 0x8d && (code[2] & 0xc7) == 0x05) {
		memcpy(&value, code + 3, sizeof(value));
		*target = vaddr + 7 + (uint64_t)(int64_t)value;
		return true;
	}
	if (left >= 5 && (code[0] & 0xf8) == 0xb8) {
		memcpy(&value, code + 1, sizeof(value));
		*target = (uint32_t)value;
		return true;
	}
	return false;
}

static bool operand(const uint8_t *code, size_t len, uint64_t vaddr, size_t *at, uint64_t *target)
{
	while (*at < len) {
		size_t i = (*at)++;

		if (is_operand(code + i, len - i, vaddr + i, target))
			return true;
	}
	return false;
}

/* mov disp32(%rip) or disp32, %rax or %edi: a function's result or its first argument */
static bool is_load(const uint8_t *code, size_t left, uint64_t vaddr, unsigned bytes, uint64_t *variable)
{
	static const uint8_t long_rip[] = {0x48, 0x8b, 0x05}, long_abs[] = {0x48, 0x8b, 0x04, 0x25};
	static const uint8_t int_rip[] = {0x8b, 0x3d}, int_abs[] = {0x8b, 0x3c, 0x25};
	const uint8_t *rip = bytes == 8 ? long_rip : int_rip, *abs = bytes == 8 ? long_abs : int_abs;
	size_t rip_len = bytes == 8 ? sizeof(long_rip) : sizeof(int_rip);
	size_t abs_len = bytes == 8 ? sizeof(long_abs) : sizeof(int_abs);
	int32_t value;

	if (left >= rip_len + 4 && !memcmp(code, rip, rip_len)) {
		memcpy(&value, code + rip_len, sizeof(value));
		*variable = vaddr + rip_len + 4 + (uint64_t)(int64_t)value;
		return true;
	}
	if (left >= abs_len + 4 && !memcmp(code, abs, abs_len)) {
		memcpy(&value, code + abs_len, sizeof(value));
		*variable = (uint64_t)(int64_t)value;
		return true;
	}
	return false;
}

static bool load(const uint8_t *code, size_t len, uint64_t vaddr, unsigned bytes, uint64_t *variable)
{
	for (size_t i = 0; i < len; i++)
		if (is_load(code + i, len - i, vaddr + i, bytes, variable))
			return true;
	return false;
}

/* What the instructions of a short function are found by; `off` bytes behind them is their 32-bit operand. */
static bool find(const uint8_t *code, size_t len, const char *bytes, size_t cnt, size_t *at)
{
	const uint8_t *found = memmem(code + *at, len - *at, bytes, cnt);

	if (!found || (size_t)(code + len - found) < cnt + 4)
		return false;
	*at = (size_t)(found - code) + cnt;
	return true;
}

static int32_t operand_at(const uint8_t *code, size_t at)
{
	int32_t value;

	memcpy(&value, code + at, sizeof(value));
	return value;
}

/* mov disp8/disp32/nothing(%rax), %rax */
static bool find_displacement(const uint8_t *code, size_t len, size_t at, int64_t *off)
{
	static const uint8_t mov[] = {0x48, 0x8b};

	for (; at + 7 <= len; at++) {
		if (memcmp(code + at, mov, sizeof(mov)))
			continue;
		if (code[at + 2] == 0x00)
			*off = 0;
		else if (code[at + 2] == 0x40)
			*off = (int8_t)code[at + 3];
		else if (code[at + 2] == 0x80)
			*off = operand_at(code, at + 3);
		else
			continue;
		return true;
	}
	return false;
}

/*
 * Local-exec: mov %fs:disp32, %rax. Initial-exec: mov disp32(%rip), %rax; mov %fs:(%rax), %rax. General and local
 * dynamic: lea disp32(%rip), %rdi; call __tls_get_addr; mov disp(%rax), %rax (ELF Handling For Thread-Local Storage, 4.4.6).
 */
static bool tls(const uint8_t *code, size_t len, uint64_t vaddr, struct arch_tls *out)
{
	size_t at = 0, first;

	if (find(code, len, "\x64\x48\x8b\x04\x25", 5, &at)) {
		*out = (struct arch_tls){.kind = ARCH_TLS_OFFSET, .off = operand_at(code, at)};
		return true;
	}
	if (find(code, len, "\x48\x8d\x3d", 3, &at)) {
		*out = (struct arch_tls){.kind = ARCH_TLS_MODULE};
		out->got = vaddr + at + 4 + (uint64_t)(int64_t)operand_at(code, at);
		return find_displacement(code, len, at + 4, &out->off);
	}
	first = 0;
	if (!find(code, len, "\x48\x8b\x05", 3, &first))
		return false;
	*out = (struct arch_tls){.kind = ARCH_TLS_GOT_OFFSET};
	out->got = vaddr + first + 4 + (uint64_t)(int64_t)operand_at(code, first);
	return memmem(code + first, len - first, "\x64\x48\x8b\x00", 4);
}

/* mov %fs:0, %r; mov disp32(%r), %r: self->tsd; mov (%r,%r,8), %rax: … [key] (musl: src/thread/pthread_getspecific.c) */
static bool specific(const uint8_t *code, size_t len, int32_t *off)
{
	size_t at = 0;

	if (!find(code, len, "\x64\x48\x8b\x04\x25", 5, &at) || operand_at(code, at) ||
	    !find(code, len, "\x48\x8b\x80", 3, &at))
		return false;
	*off = operand_at(code, at);
	return *off > 0 && *off < 4096 && memmem(code + at + 4, len - at - 4, "\x48\x8b\x04", 3);
}

/* PTHREAD_KEYS_MAX; struct pthread: dtv; pthread_cond_t: _c_head; src/thread/pthread_cond_timedwait.c, struct waiter: next, barrier */
#define MUSL                                                                                                           \
	.per_block = 128, .entry_size = 8, .dtv = 8, .dtv_entry_size = 8, .cond_first = 8, .waiter_next = 8,           \
	.waiter_futex = 20
/* src/internal/pthread_impl.h, struct pthread: tsd, tid, dtv: of 1.2.2 and newer, of 1.1.22 to 1.2.1, of 1.1.14 to 1.1.21 */
static const struct arch_threads musl[] = {
	{.specific = 128, .tid = 48, MUSL},
	{.specific = 136, .tid = 56, MUSL},
	{.specific = 152, .tid = 56, MUSL},
};

const struct arch arch_x86 = {
	.name = "x86-64",
	.kernel = "x86_64",
	.library_dirs = "/lib/x86_64-linux-gnu:/usr/lib/x86_64-linux-gnu:",
	.machine = EM_X86_64,
	.relative = R_X86_64_RELATIVE,
	.imports = {R_X86_64_JUMP_SLOT, R_X86_64_GLOB_DAT},
	/*
	 * nptl/descr.h, struct pthread.specific_1stblock, .specific (2.34 to 2.43), each entry {uintptr_t seq; void
	 * *data}; .tid (2.25 to 2.43); .header.dtv, dtv_t; bits/pthreadtypes-arch.h, __SIZEOF_PTHREAD_MUTEX_T
	 */
	.glibc = {784, 1296, 32, 32, 16, 8, 720, 8, 16, 0},
	.glibc_mutex_bytes = 40,
	.musl = musl,
	.musl_cnt = sizeof(musl) / sizeof(*musl),
	.operand = operand,
	.load = load,
	.tls = tls,
	.specific = specific,
};
