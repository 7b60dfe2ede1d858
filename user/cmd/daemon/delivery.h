/* SPDX-License-Identifier: MIT */
/* Where windows go: names for their processes, and a queue and a thread for each back end. */
#pragma once
#include "user/cmd/push_options.h"
#include "user/push/naming.h"
#include "user/push/sender.h"

struct delivery {
	struct naming *naming; /* the options' */
	struct push_sender **senders;
	bool *has_arrived; /* of each: was it said that its first profiles were taken? */
	size_t cnt;
	uint32_t share; /* of a window's fifth, by 2^-32: so long it is before this node sends */
};

/* The options stay while it is open. 0 or negative errno, which was said. */
int delivery__open(struct delivery *d, const struct push_options_list *o);
/* Hands a window over; it is not needed any more then. */
void delivery__window(struct delivery *d, const struct profile *p, uint64_t window_ns);
/* Says of each destination, once, that profiles arrive there. */
void delivery__tend(struct delivery *d);
/* How much still waits to be sent. */
uint64_t delivery__queued(const struct delivery *d);
/* Sends for so long at most, says what was sent and what was not, and frees all. */
void delivery__close(struct delivery *d, unsigned ms);
