/* SPDX-License-Identifier: MIT */
#include "user/resolve/losses.h"
#include "user/resolve/resolve.h"
#include "user/target/outcome.h"
#include "user/util/alloc.h"

#define SEND_EVERY_NS 1000000000ull

static struct profile_loss *find(struct losses *l, const struct loss_event *e)
{
	uint32_t *slot = pair_map__slot(&l->index, e->process, (uint32_t)e->type << 16 | (e->outcome + 1));
	enum abi_outcome_class class = outcome_class(e->outcome);

	if (!*slot) {
		xgrow(l->items, l->cnt, l->cap);
		l->items[l->cnt] = (struct profile_loss){
			.from_unix_ns = e->time_unix_ns,
			.reason = outcome_word(e->outcome),
			.sentence = outcome_sentence(e->outcome),
			.process = e->process,
			.type = e->type,
			.failure = class == ABI_FAILED || class == ABI_LOST,
			.failed = class == ABI_FAILED,
		};
		*slot = (uint32_t)++l->cnt;
	}
	return &l->items[*slot - 1];
}

void losses__add(struct losses *l, const struct loss_event *e)
{
	struct profile_loss *loss = find(l, e);

	loss->to_unix_ns = e->time_unix_ns;
	loss->count += e->count;
	loss->value += e->value;
}

void losses__flush(struct losses *l, struct profile_sink sink, uint64_t now_ns, bool force)
{
	if (!force && now_ns <= l->sent_ns + SEND_EVERY_NS)
		return;
	l->sent_ns = now_ns;
	for (size_t i = 0; i < l->cnt; i++)
		sink.ops->loss(sink.ctx, &l->items[i]);
	l->cnt = 0;
	pair_map__free(&l->index);
	l->index = (struct pair_map){0};
}

void losses__free(struct losses *l)
{
	pair_map__free(&l->index);
	free(l->items);
}
