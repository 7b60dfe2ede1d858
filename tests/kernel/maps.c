/* SPDX-License-Identifier: MIT */
#include "tests/kernel/maps.h"
#include "tests/kernel/machine.h"
#include "user/util/alloc.h"
#include <errno.h>
#include <string.h>

#define BUCKETS 1024

struct element {
	struct element *next;
	u64 used;   /* the higher, the later: for LRU maps */
	u64 data[]; /* key, then value, each in whole words */
};

struct map {
	void *definition;
	u32 type, max_entries, key_bytes, value_bytes;
	u32 size; /* max_entries, unless user space changed it */
	u32 cnt;
	u8 *values; /* of an array */
	struct element *buckets[BUCKETS], *unused;
};

/* libbpf has these from BTF, we from sizeof (bpf/env_host.h: __uint, __type). */
#define MAP(m)                                                                                                         \
	{.definition = &(m),                                                                                           \
	 .type = sizeof(*(m).type) / sizeof(int),                                                                      \
	 .max_entries = sizeof(*(m).max_entries) / sizeof(int),                                                        \
	 .key_bytes = sizeof(*(m).key),                                                                                \
	 .value_bytes = sizeof(*(m).value)}

static struct map maps[] = {MAP(outcomes),        MAP(lost),           MAP(clocks),       MAP(layouts),
			    MAP(programs),        MAP(hints),          MAP(procs),        MAP(unlisted),
			    MAP(ended),           MAP(claims),         MAP(cgroups),      MAP(cgroup_steps),
			    MAP(scratches),       MAP(natives),        MAP(kept_natives), MAP(unwind_processes),
			    MAP(unwind_mappings), MAP(unwind_words),   MAP(unwind_rules), MAP(seen),
			    MAP(tasks_seen),      MAP(code_slots),     MAP(cold_slots),   MAP(waits),
			    MAP(wait_slots),      MAP(wait_scratches), MAP(kept_waits),   MAP(wait_counts),
			    MAP(growths),         MAP(fault_counts),   MAP(gil_slots),    MAP(gil_waits),
			    MAP(unwind_gaps),     MAP(gil_waiters)};

static struct {
	struct abi_hdr **records;
	size_t cnt, cap, waiting, limit;
} ring;

static u64 uses;

static struct map *map_of(const void *definition)
{
	for (size_t i = 0; i < ARRAY_SIZE(maps); i++)
		if (maps[i].definition == definition)
			return &maps[i];
	abort();
}

static bool is_hash(const struct map *m)
{
	return m->type == BPF_MAP_TYPE_HASH || m->type == BPF_MAP_TYPE_LRU_HASH;
}

static void *value_of(const struct map *m, struct element *e)
{
	return (u8 *)e->data + (m->key_bytes + 7) / 8 * 8;
}

/* ---- hashes ---------------------------------------------------------------------------------------------- */

static struct element **bucket_of(struct map *m, const void *key)
{
	u32 h = 2166136261u;

	for (u32 i = 0; i < m->key_bytes; i++)
		h = (h ^ ((const u8 *)key)[i]) * 16777619u;
	return &m->buckets[h % BUCKETS];
}

/* The link to the element; if there is none, the one that it would get. */
static struct element **find(struct map *m, const void *key)
{
	struct element **at = bucket_of(m, key);

	while (*at && memcmp((*at)->data, key, m->key_bytes))
		at = &(*at)->next;
	return at;
}

/* Elements are made beforehand: one that is gone is the next one's memory at once, whoever still points to it. */
static void take_out(struct map *m, struct element **at)
{
	struct element *e = *at;

	*at = e->next;
	e->next = m->unused;
	m->unused = e;
	m->cnt--;
}

static void evict(struct map *m)
{
	struct element **oldest = NULL;

	for (u32 i = 0; i < BUCKETS; i++)
		for (struct element **at = &m->buckets[i]; *at; at = &(*at)->next)
			if (!oldest || (*at)->used < (*oldest)->used)
				oldest = at;
	take_out(m, oldest);
}

static struct element *new_element(struct map *m, const void *key)
{
	struct element *e = m->unused;

	if (e)
		m->unused = e->next;
	else
		e = xcalloc(1, sizeof(*e) + (m->key_bytes + 7) / 8 * 8 + m->value_bytes);
	memcpy(e->data, key, m->key_bytes);
	e->next = NULL;
	m->cnt++;
	return e;
}

/* kernel/bpf/hashtab.c: check_flags(), alloc_htab_elem() */
static long update_hash(struct map *m, const void *key, const void *value, u64 flags)
{
	struct element **at = find(m, key);

	if (flags == BPF_NOEXIST && *at)
		return -EEXIST;
	if (!*at && m->cnt >= m->size) {
		if (m->type != BPF_MAP_TYPE_LRU_HASH)
			return -E2BIG;
		evict(m);
		at = find(m, key);
	}
	if (!*at)
		*at = new_element(m, key);
	(*at)->used = ++uses;
	memcpy(value_of(m, *at), value, m->value_bytes);
	return 0;
}

/* ---- helpers --------------------------------------------------------------------------------------------- */

static u64 element_at(const struct map *m, u32 i, u32 cpu)
{
	return ((u64)i * (m->type == BPF_MAP_TYPE_PERCPU_ARRAY ? MACHINE_CPUS : 1) + cpu) *
	       ((m->value_bytes + 7) / 8 * 8);
}

static void *lookup_array(struct map *m, u32 i)
{
	if (i >= m->size)
		return NULL;
	if (!m->values)
		m->values = xcalloc(1, element_at(m, m->size, 0));
	return m->values + element_at(m, i, m->type == BPF_MAP_TYPE_PERCPU_ARRAY ? machine.cpu : 0);
}

void *bpf_map_lookup_elem(void *map, const void *key)
{
	struct map *m = map_of(map);
	struct element *e;

	if (!is_hash(m))
		return lookup_array(m, *(const u32 *)key);
	e = *find(m, key);
	if (!e)
		return NULL;
	e->used = ++uses;
	return value_of(m, e);
}

long bpf_map_update_elem(void *map, const void *key, const void *value, u64 flags)
{
	struct map *m = map_of(map);
	void *at;

	if (is_hash(m))
		return update_hash(m, key, value, flags);
	at = lookup_array(m, *(const u32 *)key);
	if (!at)
		return -E2BIG;
	if (flags == BPF_NOEXIST)
		return -EEXIST;
	memcpy(at, value, m->value_bytes);
	return 0;
}

long bpf_map_delete_elem(void *map, const void *key)
{
	struct map *m = map_of(map);
	struct element **at;

	if (!is_hash(m))
		return -EINVAL;
	at = find(m, key);
	if (!*at)
		return -ENOENT;
	take_out(m, at);
	return 0;
}

/* ---- for tests ------------------------------------------------------------------------------------------- */

static void free_list(struct element **first)
{
	for (struct element *e = *first, *next; e; e = next) {
		next = e->next;
		free(e);
	}
	*first = NULL;
}

void maps__reset(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(maps); i++) {
		struct map *m = &maps[i];

		for (u32 k = 0; k < BUCKETS; k++)
			free_list(&m->buckets[k]);
		free_list(&m->unused);
		free(m->values);
		m->values = NULL;
		m->cnt = 0;
		m->size = m->max_entries;
	}
	for (size_t i = 0; i < ring.cnt; i++)
		free(ring.records[i]);
	free(ring.records);
	memset(&ring, 0, sizeof(ring));
	ring.limit = RING_DEFAULT;
}

void maps__resize(void *map, u32 max_entries)
{
	struct map *m = map_of(map);

	if (m->values || m->cnt)
		abort();
	m->size = max_entries;
}

u32 maps__count(void *map)
{
	return map_of(map)->cnt;
}

void maps__each(void *map, void (*fn)(const void *key, const void *value))
{
	struct map *m = map_of(map);

	for (u32 i = 0; i < BUCKETS; i++)
		for (struct element *e = m->buckets[i]; e; e = e->next)
			fn(e->data, value_of(m, e));
}

u64 maps__sum(void *map, u32 key)
{
	struct map *m = map_of(map);
	u64 sum = 0;

	for (u32 cpu = 0; m->values && cpu < MACHINE_CPUS; cpu++)
		sum += *(u64 *)(m->values + element_at(m, key, cpu));
	return sum;
}

/* ---- the ring buffer ------------------------------------------------------------------------------------- */

/* kernel/bpf/ringbuf.c: a header of 8 bytes, and whole words */
long bpf_ringbuf_output(void *ringbuf, void *data, u64 size, u64 flags)
{
	size_t needed = 8 + (size + 7) / 8 * 8;
	struct abi_hdr *record;

	if (ringbuf != &events || ((struct abi_hdr *)data)->size != size)
		abort();
	if (ring.waiting + needed > ring.limit)
		return -EAGAIN;
	ring.waiting += needed;
	record = xmalloc(size);
	memcpy(record, data, size);
	xgrow(ring.records, ring.cnt, ring.cap);
	ring.records[ring.cnt++] = record;
	machine.woken += flags == BPF_RB_FORCE_WAKEUP;
	return 0;
}

u64 bpf_ringbuf_query(void *ringbuf, u64 flags)
{
	return ringbuf == &events && flags == BPF_RB_AVAIL_DATA ? ring.waiting : 0;
}

void ring__limit(size_t bytes)
{
	ring.limit = bytes;
}

void ring__drain(void)
{
	ring.waiting = 0;
}

const struct abi_hdr *ring__record(size_t i)
{
	return i < ring.cnt ? ring.records[i] : NULL;
}
