/* SPDX-License-Identifier: MIT */
/* Running the same tests over a made-up process of each supported Python, with the C library of each processor. */
#pragma once
#include "tests/host/world.h"
#include "user/util/alloc.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <cmocka.h>

/*
 * Its state is a fresh world. Run only for layouts that have all mechanisms `with` and none of
 * `without`.
 */
struct version_test {
	const char *name;
	CMUnitTestFunction run;
	u32 with, without;
	enum { ANY_STATE, STATE_BY_KEY, STATE_IN_VARIABLE } state; /* where a thread has the pointer to its state */
};

/* clang-format off */
#define TEST(f)			{#f, f, 0, 0, ANY_STATE}
#define TEST_WITH(f, mech)	{#f, f, mech, 0, ANY_STATE}
#define TEST_WITHOUT(f, mech)	{#f, f, 0, mech, ANY_STATE}
#define TEST_STATE(f, state)	{#f, f, 0, 0, state}
/* clang-format on */

/* For main(): the number of failed tests. */
int run_each_version(const char *group, const struct version_test *tests, size_t cnt);

static inline bool has(const struct world *p, u32 mech)
{
	return p->l.mech & mech;
}

/* One tick whose result was checked for what must always hold. */
static inline u32 tick(struct world *p)
{
	u32 outcome = world__tick(p);

	world__check(p, outcome);
	return outcome;
}

/* As after the names of all new code objects were sent. */
void see_all(const struct world *p);
/* C code calls f(0), which calls f(1) … f(depth - 1). Their code objects go to `codes`. */
void call_chain(struct world *p, u64 *codes, u32 depth);
