/* SPDX-License-Identifier: MIT */
#include "user/cmd/daemon/delivery.h"
#include "user/util/alloc.h"
#include <string.h>

int delivery__open(struct delivery *d, const struct push_options_list *o)
{
	int err = 0;

	*d = (struct delivery){.senders = xcalloc(o->cnt + 1, sizeof(*d->senders)), .naming = o->naming};
	for (size_t i = 0; !err && i < o->cnt; i++) {
		err = push_sender__new(&o->destinations[i], &d->senders[i]);
		d->cnt += !err;
	}
	if (err)
		delivery__close(d, 0);
	return err;
}

static void put(void *ctx, struct buf *body, uint64_t samples)
{
	push_sender__put(ctx, body, samples);
}

void delivery__window(struct delivery *d, const struct profile *p)
{
	struct push_window w = {.p = p, .start_unix_ns = p->meta.start_unix_ns, .duration_ns = p->meta.duration_ns};

	if (!d->cnt || !p->sample_cnt)
		return;
	naming__group(d->naming, &w);
	for (size_t i = 0; i < d->cnt; i++)
		push_sender__backend(d->senders[i])->encode(&w, put, d->senders[i]);
	naming_clear(&w);
}

uint64_t delivery__queued(const struct delivery *d)
{
	struct push_stats st;
	uint64_t sum = 0;

	for (size_t i = 0; i < d->cnt; i++) {
		push_sender__stats(d->senders[i], &st);
		sum += st.queued;
	}
	return sum;
}

void delivery__close(struct delivery *d, unsigned ms)
{
	for (size_t i = 0; i < d->cnt; i++)
		push_sender__stop(d->senders[i], ms);
	for (size_t i = 0; i < d->cnt; i++)
		push_sender__free(d->senders[i]);
	free(d->senders);
	*d = (struct delivery){0};
}
