/* SPDX-License-Identifier: MIT */
#include "user/util/room.h"
#include "user/util/alloc.h"
#include <string.h>

void room__init(struct room *r, uint32_t size)
{
	*r = (struct room){0};
	xgrow(r->free, r->cnt, r->cap);
	r->free[r->cnt++] = (struct room_stretch){0, size};
}

void room__clear(struct room *r)
{
	free(r->free);
	*r = (struct room){0};
}

static void drop(struct room *r, size_t i)
{
	memmove(r->free + i, r->free + i + 1, (r->cnt - i - 1) * sizeof(*r->free));
	r->cnt--;
}

uint32_t room__take(struct room *r, uint32_t cnt)
{
	for (size_t i = 0; cnt && i < r->cnt; i++) {
		uint32_t first = r->free[i].first;

		if (r->free[i].cnt < cnt)
			continue;
		r->free[i].first += cnt;
		r->free[i].cnt -= cnt;
		if (!r->free[i].cnt)
			drop(r, i);
		r->taken += cnt;
		return first;
	}
	return ROOM_NONE;
}

static void insert(struct room *r, size_t i, struct room_stretch s)
{
	xgrow(r->free, r->cnt, r->cap);
	memmove(r->free + i + 1, r->free + i, (r->cnt - i) * sizeof(*r->free));
	r->free[i] = s;
	r->cnt++;
}

void room__give(struct room *r, uint32_t first, uint32_t cnt)
{
	size_t i = 0;

	if (!cnt)
		return;
	while (i < r->cnt && r->free[i].first < first)
		i++;
	insert(r, i, (struct room_stretch){first, cnt});
	r->taken -= cnt;
	if (i + 1 < r->cnt && first + cnt == r->free[i + 1].first) {
		r->free[i].cnt += r->free[i + 1].cnt;
		drop(r, i + 1);
	}
	if (i && r->free[i - 1].first + r->free[i - 1].cnt == first) {
		r->free[i - 1].cnt += r->free[i].cnt;
		drop(r, i);
	}
}
