/* SPDX-License-Identifier: MIT */
/* Addresses as far up as the processor has them for programs, and, on arm64, with tags. */
#include "bpf/arch.h"
#include "tests/host/versions.h"

#define TAG (ARCH_USER_TAG & 5ull << 56) /* of none, on x86-64 */

/* A world whose next objects lie from this address on. */
static void call_chain_at(struct world *p, u64 addr, u64 codes[3])
{
	p->next = addr;
	p->chunk_next = p->chunk_end = 0;
	call_chain(p, codes, 3);
}

static void the_highest_addresses(void **state)
{
	struct world *p = *state;
	u64 codes[3];

	call_chain_at(p, ARCH_USER_END - (16u << 20), codes);
	assert_int_equal(tick(p), ABI_OK);
	assert_int_equal(p->w->frame_cnt, 3);
	assert_true(codes[0] >> (ARCH_USER_BITS - 1));
}

/* No program has memory there, so what leads there is no code object. */
static void beyond_them(void **state)
{
	struct world *p = *state;
	u64 codes[3];

	call_chain_at(p, ARCH_USER_END + (16u << 20), codes);
	assert_int_not_equal(tick(p), ABI_OK);
}

#if ARCH_USER_TAG
/* The kernel was told that the program uses tags (prctl(PR_SET_TAGGED_ADDR_CTRL)), and memory wants to see them. */
static void tags_that_memory_has(void **state)
{
	struct world *p = *state;
	u64 codes[3];

	call_chain_at(p, p->next | TAG, codes);
	assert_int_equal(codes[0] & ARCH_USER_TAG, TAG);
	assert_int_equal(tick(p), ABI_OK);
	assert_int_equal(p->w->frame_cnt, 3);
}

/* It was not, but the processor ignores them all the same: in the pointer to the state, to a frame, to its code object. */
static void tags_that_only_pointers_have(void **state)
{
	struct world *p = *state;
	u64 codes[3], frame;

	call_chain(p, codes, 3);
	frame = p->leaf;
	image__put_u64(p->m, frame + p->l.frame_code_off, codes[2] | TAG | (p->row->minor >= 14));
	if (has(p, ABI_MECH_IP_POINTER)) /* which comes from that to the code object */
		image__put_u64(p->m, frame + p->l.frame_ip_off, image__u64(p->m, frame + p->l.frame_ip_off) | TAG);
	world__set_leaf(p, frame | TAG);
	world__set_slot(p, p->key, p->tstate | TAG);
	assert_int_equal(tick(p), ABI_OK);
	assert_int_equal(p->w->frame_cnt, 3);
	assert_int_equal(p->w->frames[0].lasti, 8);
}
#endif

static const struct version_test tests[] = {
	TEST(the_highest_addresses),
	TEST(beyond_them),
#if ARCH_USER_TAG
	TEST(tags_that_memory_has),
	TEST(tags_that_only_pointers_have),
#endif
};

int main(void)
{
	return run_each_version("address", tests, ARRAY_SIZE(tests));
}
