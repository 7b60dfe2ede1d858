/* SPDX-License-Identifier: MIT */
/*
 * Anything in memory: wild pointers in every word, any bytes changed. world__check() has the
 * invariants; address and undefined-behaviour sanitizers look for the rest.
 */
#include "tests/host/versions.h"

/* A world with all kinds of frames: the more there is to be led astray by, the better. */
static void busy_world(struct world *p)
{
	u64 codes[4];

	call_chain(p, codes, 4);
	world__push(p, codes[1], 12, WORLD_GENERATOR);
	world__enter(p);
	world__push(p, codes[2], 14, WORLD_THREAD);
	world__push(p, codes[0], 0, WORLD_GENERATOR);
}

static void every_word_wild(void **state)
{
	struct world *p = *state;
	const u64 wild[] = {0,
			    1,
			    7,
			    0x1000,
			    ~0ull,
			    ~7ull,
			    1ull << 63,
			    0x7fffffffffff,
			    0x7ffffffffff8,
			    0xffffffff80000000,
			    0x4141414141414141,
			    0xffffffff,
			    p->tstate,
			    p->runtime};
	u32 good = 0, all = 0;

	busy_world(p);
	for (size_t r = 0; r < p->m->cnt; r++) {
		struct image_region *region = &p->m->regions[r];

		for (u64 at = region->addr; at + 8 <= region->addr + region->size; at += 8) {
			u64 before = image__u64(p->m, at);

			for (size_t i = 0; i < ARRAY_SIZE(wild); i++) {
				image__put_u64(p->m, at, wild[i]);
				p->tss_key = i % 2 ? p->key + 1 : 0;
				good += tick(p) == ABI_OK;
				all++;
			}
			image__put_u64(p->m, at, before);
		}
	}
	/* both happen, or this test has tried nothing */
	assert_in_range(good, 1, all - 1);
}

/* xorshift64*: the same numbers everywhere, so that a failure can be seen again */
static u64 draw(u64 *s)
{
	*s ^= *s >> 12;
	*s ^= *s << 25;
	*s ^= *s >> 27;
	return *s * 0x2545f4914f6cdd1dull;
}

static u64 draw_value(const struct world *p, u64 *seed)
{
	const struct image_region *r = &p->m->regions[draw(seed) % p->m->cnt];

	switch (draw(seed) % 4) {
	case 0:
		return draw(seed);
	case 1:
		return draw(seed) % 4096;
	default:
		return r->addr + draw(seed) % (r->size + 64) - 32;
	}
}

static void damage(struct world *p, u64 *seed)
{
	struct image_region *r = &p->m->regions[draw(seed) % p->m->cnt];
	u64 value = draw_value(p, seed);
	size_t at = draw(seed) % r->size, n = draw(seed) % 2 ? 8 : 1;

	if (n == 8)
		at &= ~7ull;
	for (size_t i = 0; i < n && at + i < r->size; i++)
		r->bytes[at + i] = (unsigned char)(value >> (8 * i));
}

static void any_bytes_changed(void **state)
{
	const struct world *first = *state;
	u64 seed = 0x9e3779b97f4a7c15ull + first->row->minor;
	u32 counts[ABI_OUTCOME_CNT] = {0};

	for (int i = 0; i < 4000; i++) {
		struct world *p = world__new(first->row, draw(&seed) % 64);

		busy_world(p);
		host.look_ns = draw(&seed) % 8 ? 0 : 300000;
		for (int k = 0; k < 12; k++) {
			damage(p, &seed);
			counts[tick(p)]++;
		}
		world__free(p);
	}
	for (u32 i = 0; i < ABI_OUTCOME_CNT; i++)
		if (counts[i])
			print_message("    outcome %u: %u times\n", i, counts[i]);
	assert_true(counts[ABI_OK] && counts[ABI_CUT_FAULT] && counts[ABI_FAULT_TSTATE]);
	host.memory = first->m;
}

static const struct version_test tests[] = {
	TEST(every_word_wild),
	TEST(any_bytes_changed),
};

int main(void)
{
	return run_each_version("wild", tests, ARRAY_SIZE(tests));
}
