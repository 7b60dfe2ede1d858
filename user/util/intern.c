/* SPDX-License-Identifier: MIT */
/* A thin layer over uthash (header-only, stable for years): the table owns copies of the keys. */
#include "user/util/intern.h"
#include "user/util/alloc.h"
#include <string.h>
#include <uthash.h>

struct entry {
	UT_hash_handle hh;
	uint32_t id, len;
	char bytes[];
};

struct intern {
	struct entry *by_bytes;
	struct entry **by_id;
	uint32_t count, cap;
};

struct intern *intern__new(void)
{
	return xcalloc(1, sizeof(struct intern));
}

void intern__free(struct intern *t)
{
	if (!t)
		return;
	HASH_CLEAR(hh, t->by_bytes);
	for (uint32_t i = 0; i < t->count; i++)
		free(t->by_id[i]);
	free(t->by_id);
	free(t);
}

uint32_t intern__find(const struct intern *t, const void *bytes, size_t len)
{
	struct entry *e;

	HASH_FIND(hh, t->by_bytes, bytes, len, e);
	return e ? e->id : 0;
}

uint32_t intern__id(struct intern *t, const void *bytes, size_t len)
{
	struct entry *e;
	unsigned hash;

	HASH_VALUE(bytes, len, hash);
	HASH_FIND_BYHASHVALUE(hh, t->by_bytes, bytes, len, hash, e);
	if (e)
		return e->id;
	e = xmalloc(sizeof(*e) + len + 1);
	memset(&e->hh, 0, sizeof(e->hh));
	memcpy(e->bytes, bytes, len);
	e->bytes[len] = 0;
	e->len = (uint32_t)len;
	xgrow(t->by_id, t->count, t->cap);
	t->by_id[t->count++] = e;
	e->id = t->count;
	HASH_ADD_KEYPTR_BYHASHVALUE(hh, t->by_bytes, e->bytes, len, hash, e);
	return e->id;
}

const void *intern__bytes(const struct intern *t, uint32_t id, size_t *len)
{
	if (!id || id > t->count) {
		if (len)
			*len = 0;
		return "";
	}
	if (len)
		*len = t->by_id[id - 1]->len;
	return t->by_id[id - 1]->bytes;
}

uint32_t intern__count(const struct intern *t)
{
	return t->count;
}
