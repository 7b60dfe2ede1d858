/* SPDX-License-Identifier: MIT */
#include "user/resolve/waiting.h"
#include "user/util/alloc.h"
#include <stdlib.h>
#include <string.h>

#define WAITING_MAX_BYTES (8u << 20)

/* Of all that follows it. */
static size_t frame_bytes(const struct abi_sample *rec)
{
	const struct abi_native *n = abi_native_of(rec);

	return rec->frame_cnt * sizeof(struct abi_frame) + (n ? sizeof(*n) + abi_native_bytes(n) : 0);
}

void waiting__init(struct waiting *q)
{
	*q = (struct waiting){.last = &q->first};
}

void waiting__free(struct waiting *q)
{
	while (q->first) {
		struct waiting_sample *next = q->first->next;

		free(q->first);
		q->first = next;
	}
	waiting__init(q);
}

void waiting__add(struct waiting *q, const struct abi_sample *rec, uint64_t hold_until_ns)
{
	struct waiting_sample *w = xmalloc(sizeof(*w) + frame_bytes(rec));

	w->next = NULL;
	w->hold_until_ns = hold_until_ns;
	w->rec = *rec;
	memcpy(w->frames, rec + 1, frame_bytes(rec));
	*q->last = w;
	q->last = &w->next;
	q->cnt++;
	q->bytes += sizeof(*w) + frame_bytes(rec);
}

static bool shows(const struct waiting_sample *w, uint64_t code_key)
{
	for (uint32_t i = 0; i < w->rec.frame_cnt; i++)
		if (w->frames[i].code_key == code_key)
			return true;
	return false;
}

void waiting__invalidate(struct waiting *q, const struct abi_invalidate *rec, uint64_t was[ABI_OUTCOME_CNT])
{
	for (struct waiting_sample *w = q->first; w; w = w->next) {
		if (!w->rec.unverified || w->hold_until_ns < rec->hdr.time_ns ||
		    (rec->image_id && w->rec.image_id != rec->image_id) || (rec->code_key && !shows(w, rec->code_key)))
			continue;
		was[w->rec.outcome]++;
		w->rec.outcome = ABI_REPLACED;
		w->rec.unverified = 0;
	}
}

void waiting__flush(struct waiting *q, bool (*send)(void *ctx, const struct waiting_sample *w), void *ctx)
{
	struct waiting_sample **at = &q->first, *w;

	while ((w = *at)) {
		if (!send(ctx, w)) {
			at = &w->next;
			continue;
		}
		q->cnt--;
		q->bytes -= sizeof(*w) + frame_bytes(&w->rec);
		*at = w->next;
		free(w);
	}
	q->last = at;
}

void waiting__each(const struct waiting *q, void (*fn)(void *ctx, const struct abi_sample *rec), void *ctx)
{
	for (const struct waiting_sample *w = q->first; w; w = w->next)
		fn(ctx, &w->rec);
}

bool waiting__is_full(const struct waiting *q)
{
	return q->bytes > WAITING_MAX_BYTES;
}
