/* SPDX-License-Identifier: MIT */
#include "user/symbol/arch.h"
#include "user/util/alloc.h"

static bool no_operand(const uint8_t *code, size_t len, uint64_t vaddr, size_t *at, uint64_t *target)
{
	(void)code, (void)len, (void)vaddr, (void)at, (void)target;
	return false;
}

static bool no_load(const uint8_t *code, size_t len, uint64_t vaddr, unsigned bytes, uint64_t *variable)
{
	(void)code, (void)len, (void)vaddr, (void)bytes, (void)variable;
	return false;
}

static bool no_tls(const uint8_t *code, size_t len, uint64_t vaddr, struct arch_tls *out)
{
	(void)code, (void)len, (void)vaddr, (void)out;
	return false;
}

static bool no_specific(const uint8_t *code, size_t len, int32_t *off)
{
	(void)code, (void)len, (void)off;
	return false;
}

static const struct arch unknown = {
	.name = "?",
	.relative = ~0u,
	.imports = {~0u, ~0u},
	.operand = no_operand,
	.load = no_load,
	.tls = no_tls,
	.specific = no_specific,
};

const struct arch *arch_of(unsigned machine)
{
	static const struct arch *const all[] = {&arch_x86, &arch_arm64};

	for (size_t i = 0; i < ARRAY_SIZE(all); i++)
		if (all[i]->machine == machine)
			return all[i];
	return &unknown;
}

#ifdef __aarch64__
const struct arch *const arch_own = &arch_arm64;
#else
const struct arch *const arch_own = &arch_x86;
#endif
