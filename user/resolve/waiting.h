/* SPDX-License-Identifier: MIT */
/*
 * Samples that cannot be sent on yet: a name is missing, or a code object came from the cache unverified and they may
 * still be invalidated. In the order of arrival.
 */
#pragma once
#include "bpf/abi.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct waiting_sample {
	struct waiting_sample *next;
	uint64_t hold_until_ns; /* CLOCK_MONOTONIC; can be invalidated till then */
	struct abi_sample rec;
	struct abi_frame frames[]; /* and its native part */
};

struct waiting {
	struct waiting_sample *first, **last;
	size_t cnt, bytes;
};

void waiting__init(struct waiting *q);
void waiting__free(struct waiting *q);
void waiting__add(struct waiting *q, const struct abi_sample *rec, uint64_t hold_until_ns);
/*
 * Makes those of the image (0: of any) that show the code object (0: whatever they show), are unverified, and could be
 * invalidated at that time, ABI_REPLACED; adds each to `was` under the outcome it had.
 */
void waiting__invalidate(struct waiting *q, const struct abi_invalidate *rec, uint64_t was[ABI_OUTCOME_CNT]);
/* Offers each to `send` and drops those it takes. */
void waiting__flush(struct waiting *q, bool (*send)(void *ctx, const struct waiting_sample *w), void *ctx);
void waiting__each(const struct waiting *q, void (*fn)(void *ctx, const struct abi_sample *rec), void *ctx);
/* More than should be kept: what can be sent at all should go. */
bool waiting__is_full(const struct waiting *q);
