/* SPDX-License-Identifier: MIT */
#include "user/resolve/known.h"
#include "user/resolve/held.h"
#include "user/util/alloc.h"

struct known *known__find(struct known *table, uint32_t image_id)
{
	struct known *k;

	HASH_FIND(hh, table, &image_id, sizeof(image_id), k);
	return k;
}

struct known *known__get(struct known **table, struct process *p)
{
	struct known *k = known__find(*table, p->image_id);

	if (k)
		return k;
	k = xcalloc(1, sizeof(*k));
	k->image_id = p->image_id;
	k->process = p;
	HASH_ADD(hh, *table, image_id, sizeof(k->image_id), k);
	return k;
}

static void free_thread(struct known_thread *th)
{
	struct known_thread_part *part = th->part.next, *next;

	for (; part; part = next) {
		next = part->next;
		free(part);
	}
	free(th->name);
	free(th);
}

void known__forget_thread(struct known *k, struct known_thread *th)
{
	struct known_thread **at = &k->unnamed, *other;

	HASH_FIND(hh_ident, k->by_ident, &th->ident, sizeof(th->ident), other);
	if (other == th)
		HASH_DELETE(hh_ident, k->by_ident, th);
	while (*at && *at != th)
		at = &(*at)->next_unnamed;
	if (*at)
		*at = th->next_unnamed;
	HASH_DEL(k->threads, th);
	free_thread(th);
}

void known__forget_threads(struct known *k)
{
	struct known_thread *th, *next;

	k->unnamed = NULL;
	HASH_CLEAR(hh_ident, k->by_ident);
	HASH_ITER(hh, k->threads, th, next)
	{
		HASH_DEL(k->threads, th);
		free_thread(th);
	}
}

static void drop(struct known **table, struct known *k)
{
	known__forget_threads(k);
	held__clear(&k->held);
	HASH_DEL(*table, k);
	free(k);
}

void known__forget(struct known **table, uint32_t image_id)
{
	struct known *k = known__find(*table, image_id);

	if (k)
		drop(table, k);
}

void known__free(struct known **table)
{
	struct known *k, *next;

	HASH_ITER(hh, *table, k, next)
	drop(table, k);
}
