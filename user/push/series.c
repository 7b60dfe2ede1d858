/* SPDX-License-Identifier: MIT */
/*
 * Known by hashes of 64 bits, so that whatever labels are like, a series takes as many bytes. Two sets with one hash count as one;
 * nothing else comes of it.
 */
#include "user/push/series.h"
#include "user/util/alloc.h"
#include <uthash.h>

#define REMEMBERED_MAX 65536 /* without a cap */

struct one {
	UT_hash_handle hh;
	uint64_t hash, seen_ns;
};

struct series {
	struct one *all;
	uint32_t max;
};

struct series *series__new(uint32_t max)
{
	struct series *s = xcalloc(1, sizeof(*s));

	s->max = max;
	return s;
}

static void drop(struct series *s, struct one *o)
{
	HASH_DEL(s->all, o);
	free(o);
}

void series__free(struct series *s)
{
	struct one *o, *next;

	if (!s)
		return;
	HASH_ITER(hh, s->all, o, next)
	drop(s, o);
	free(s);
}

/* FNV-1a */
static uint64_t hash_of(const unsigned char *bytes, size_t len)
{
	uint64_t hash = 0xcbf29ce484222325ull;

	for (size_t i = 0; i < len; i++)
		hash = (hash ^ bytes[i]) * 0x100000001b3ull;
	return hash;
}

void series__tend(struct series *s, uint64_t now_ns)
{
	struct one *o, *next;

	HASH_ITER(hh, s->all, o, next)
	if (now_ns > o->seen_ns && now_ns - o->seen_ns >= SERIES_REST_NS)
		drop(s, o);
	else if (now_ns < o->seen_ns) /* the clock was set back */
		o->seen_ns = now_ns;
}

bool series__admit(struct series *s, const void *key, size_t len, uint64_t now_ns)
{
	uint64_t hash = hash_of(key, len);
	struct one *o;

	HASH_FIND(hh, s->all, &hash, sizeof(hash), o);
	if (!o && HASH_COUNT(s->all) >= (s->max ? s->max : REMEMBERED_MAX))
		return !s->max;
	if (!o) {
		o = xcalloc(1, sizeof(*o));
		o->hash = hash;
		HASH_ADD(hh, s->all, hash, sizeof(o->hash), o);
	}
	o->seen_ns = now_ns;
	return true;
}

size_t series__cnt(const struct series *s)
{
	return HASH_COUNT(s->all);
}
