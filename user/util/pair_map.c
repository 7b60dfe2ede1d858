/* SPDX-License-Identifier: MIT */
/*
 * Linear probing, at most two thirds full. The hash is seeded by the table's address, so a crafted
 * recording cannot aim its ids at one slot.
 */
#include "user/util/pair_map.h"
#include "user/util/alloc.h"

static size_t start_of(const struct pair_map *m, uint64_t key)
{
	uint64_t h = key ^ m->seed;

	h = (h ^ h >> 32) * 0x9e3779b97f4a7c15u;
	h = (h ^ h >> 29) * 0xbf58476d1ce4e5b9u;
	return (size_t)(h ^ h >> 32) & (m->cap - 1);
}

static struct pair_slot *find(const struct pair_map *m, uint64_t key)
{
	size_t i = start_of(m, key);

	while (m->slots[i].value && m->slots[i].key != key)
		i = (i + 1) & (m->cap - 1);
	return &m->slots[i];
}

static void grow(struct pair_map *m)
{
	struct pair_slot *old = m->slots;
	size_t old_cap = m->cap;

	m->cap = old_cap ? old_cap * 2 : 64;
	m->slots = xcalloc(m->cap, sizeof(*m->slots));
	m->seed = (uint64_t)(uintptr_t)m->slots * 0x9e3779b97f4a7c15u;
	for (size_t i = 0; i < old_cap; i++)
		if (old[i].value)
			*find(m, old[i].key) = old[i];
	free(old);
}

uint32_t *pair_map__slot(struct pair_map *m, uint32_t a, uint32_t b)
{
	uint64_t key = (uint64_t)a << 32 | b;
	struct pair_slot *s;

	if (m->count * 3 >= m->cap * 2)
		grow(m);
	s = find(m, key);
	if (!s->value) {
		s->key = key;
		m->count++;
	}
	return &s->value;
}

uint32_t pair_map__get(const struct pair_map *m, uint32_t a, uint32_t b)
{
	return m->cap ? find(m, (uint64_t)a << 32 | b)->value : 0;
}

void pair_map__prefetch(const struct pair_map *m, uint32_t a, uint32_t b)
{
	if (m->cap)
		__builtin_prefetch(&m->slots[start_of(m, (uint64_t)a << 32 | b)]);
}

void pair_map__free(struct pair_map *m)
{
	free(m->slots);
	*m = (struct pair_map){0};
}
