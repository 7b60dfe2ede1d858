/* SPDX-License-Identifier: MIT */
/*
 * The walker over a process whose memory the input changes: first byte the Python version, second
 * the pthread key, third what the clock does; then changes of 16 bytes each, and a tick after every
 * one, which also reads what is new. What must hold is in world__check(). It links the walker's own sources (tests/host).
 */
#include "bpf/module.bpf.h"
#include "tests/host/world.h"
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define CHANGES_MAX 64

struct change {
	uint16_t where; /* 8-byte word of all memory, or any other byte */
	uint8_t kind, cached;
	uint64_t value;
};

/* Functions, generators, C code that calls back: something of everything. */
static void populate(struct world *p)
{
	u64 codes[4];

	for (u32 i = 0; i < 4; i++)
		codes[i] = world__function(p, i);
	world__enter(p);
	world__recurse(p, codes, 3);
	world__push(p, codes[2], 12, WORLD_GENERATOR);
	world__enter(p);
	world__recurse(p, codes + 2, 4);
	world__push(p, codes[1], 0, WORLD_GENERATOR);
}

/* Byte `at` of all regions one behind the other. */
static u8 *byte_at(struct world *p, u64 at, u64 *addr)
{
	for (size_t i = 0; i < p->m->cnt; i++) {
		struct image_region *r = &p->m->regions[i];

		if (at < r->size) {
			*addr = r->addr + at;
			return r->bytes + at;
		}
		at -= r->size;
	}
	return NULL;
}

static u64 all_bytes(const struct world *p)
{
	u64 sum = 0;

	for (size_t i = 0; i < p->m->cnt; i++)
		sum += p->m->regions[i].size;
	return sum;
}

static void apply(struct world *p, const struct change *c)
{
	u64 addr, other, all = all_bytes(p), value = c->value;
	u8 *at = byte_at(p, (c->kind & 4 ? c->where : c->where * 8ull) % all, &addr);

	if (c->kind & 1) /* an address of something that is there */
		byte_at(p, value % all, &value);
	if (c->kind & 2) /* or near it */
		value += (c->value >> 56) - 128;
	if (c->kind & 8 || !byte_at(p, ((c->kind & 4 ? c->where : c->where * 8ull) % all) + 7, &other) ||
	    other != addr + 7)
		*at = (u8)value;
	else
		memcpy(at, &value, sizeof(value));
}

static void read_modules(const struct world *p)
{
	static char data[ABI_MAX_TEXT];
	u64 entries[MODULE_WORDS];
	struct abi_text text;

	for (u32 i = 0; i < p->w->todo_cnt; i++) {
		read_module(&p->l, p->w->todo[i].globals_addr, entries, &text, data, false);
		if (text.bytes > ABI_MAX_TEXT)
			abort();
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	size_t cnt;
	const struct py_version *rows = py_versions(&cnt);
	struct change c;
	struct world *p;

	if (size < 3)
		return 0;
	p = world__new(&rows[data[0] % cnt], data[1]);
	host.look_ns = data[2] * 10000ull;
	populate(p);
	data += 3;
	size -= 3;
	for (int i = 0; i < CHANGES_MAX && size >= sizeof(c); i++) {
		memcpy(&c, data, sizeof(c));
		data += sizeof(c);
		size -= sizeof(c);
		apply(p, &c);
		p->tss_key = c.cached & 1 ? p->key + 1 : p->tss_key;
		p->w->max_frames = c.cached & 2 ? ABI_MAX_FRAMES : 1 + c.cached;
		world__check(p, world__tick(p));
		read_modules(p);
	}
	world__free(p);
	return 0;
}
