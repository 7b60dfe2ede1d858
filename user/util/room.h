/* SPDX-License-Identifier: MIT */
/* Room in an array of a fixed size, given out in stretches: first fit, neighbours that are free become one. */
#pragma once
#include <stddef.h>
#include <stdint.h>

#define ROOM_NONE UINT32_MAX

struct room_stretch {
	uint32_t first, cnt;
};

struct room {
	struct room_stretch *free; /* by `first` */
	size_t cnt, cap;
	uint32_t taken; /* all in all */
};

/* All `size` of it is free. */
void room__init(struct room *r, uint32_t size);
void room__clear(struct room *r);
/* The first of `cnt` that are free; ROOM_NONE: there are not so many in one place. Nothing is taken for none. */
uint32_t room__take(struct room *r, uint32_t cnt);
/* Of what was taken, as it was. */
void room__give(struct room *r, uint32_t first, uint32_t cnt);
