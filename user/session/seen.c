/* SPDX-License-Identifier: MIT */
/*
 * The map is shared, as the kernel side may write to another key of the bucket at that moment. It is mapped when it is
 * first needed, which in most recordings is never: all of it counts as resident.
 */
#include "user/session/seen.h"
#include "bpf/abi.h"
#include "user/util/alloc.h"
#include "user/util/log.h"
#include <bpf/libbpf.h>
#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#define BYTES (ABI_SEEN_BUCKETS * sizeof(struct abi_seen))

struct seen {
	struct bpf_map *map;
	struct abi_seen *buckets; /* NULL: not mapped (yet) */
	bool failed;
};

struct seen *seen__new(struct bpf_map *map)
{
	struct seen *s = xcalloc(1, sizeof(*s));

	s->map = map;
	return s;
}

void seen__free(struct seen *s)
{
	if (s && s->buckets)
		munmap(s->buckets, BYTES);
	free(s);
}

static bool share(struct seen *s)
{
	void *at;

	if (s->buckets || s->failed)
		return s->buckets;
	at = mmap(NULL, BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, bpf_map__fd(s->map), 0);
	s->failed = at == MAP_FAILED;
	if (s->failed)
		log_warn("cannot share the list of known code objects with the kernel (%s): those that were forgotten "
			 "for want of room have no names",
			 strerror(errno));
	else
		s->buckets = at;
	return s->buckets;
}

void seen__forget(struct seen *s, uint64_t key)
{
	struct abi_seen *b;

	if (!key || !share(s))
		return;
	b = &s->buckets[key % ABI_SEEN_BUCKETS];
	for (unsigned i = 0; i < ABI_SEEN_WAYS; i++) {
		__u64 expected = key;

		__atomic_compare_exchange_n(&b->way[i], &expected, 0, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED);
	}
}
