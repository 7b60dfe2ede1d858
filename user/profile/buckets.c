/* SPDX-License-Identifier: MIT */
/*
 * The hot path of reading: samples are added up to their (thread, task, stack) and type as they come, without a look
 * at whether their ids are known; that is one look per bucket at the end.
 */
#include "user/profile/buckets.h"
#include "user/profile/waits.h"
#include "user/util/alloc.h"

#define TASKS 0x80000000u /* numbers of contexts with a task are from here on */

/* Of samples without a task it is the thread, which costs nothing. */
static uint32_t context_of(struct buckets *b, const struct profile_sample *s)
{
	uint32_t *slot;

	if (!s->task)
		return s->thread;
	slot = pair_map__slot(&b->contexts, s->thread, s->task);
	if (!*slot)
		*slot = TASKS | (uint32_t)b->contexts.count;
	return *slot;
}

static uint32_t bucket_of(struct buckets *b, struct profile *p, const struct profile_sample *s)
{
	uint32_t *slot = pair_map__slot(&b->maps[s->type], context_of(b, s), s->stack);

	if (!*slot) {
		xgrow(p->buckets, p->bucket_cnt, b->cap);
		p->buckets[p->bucket_cnt++] = (struct profile_bucket){
			.thread = s->thread,
			.stack = s->stack,
			.task = s->task,
			.type = s->type,
			.idle = wait__of_stack(p, s->stack) == WAIT_IDLE,
		};
		*slot = (uint32_t)p->bucket_cnt;
	}
	return *slot - 1;
}

/* Ids are not looked at here but once per bucket at the end. */
static void add_to_bucket(struct profile_bucket *k, const struct profile_sample *s)
{
	k->samples++;
	k->value += s->value;
	if (s->gil == PROFILE_GIL_HELD) {
		k->gil_samples++;
		k->gil_value += s->value;
	}
	if (s->gil == PROFILE_GIL_NONE)
		k->no_gil_value += s->value;
	k->truncated += !!s->truncated;
}

/*
 * Two passes, because with many threads and stacks it is waiting for memory that takes the time: each
 * has fetched what the next one needs.
 */
void buckets__flush(struct buckets *b, struct profile *p)
{
	uint32_t at[BUCKETS_BATCH];

	for (size_t i = 0; i < b->batch_cnt; i++) {
		at[i] = bucket_of(b, p, &b->batch[i]);
		__builtin_prefetch(&p->buckets[at[i]], 1);
	}
	for (size_t i = 0; i < b->batch_cnt; i++)
		add_to_bucket(&p->buckets[at[i]], &b->batch[i]);
	b->batch_cnt = 0;
}

bool buckets__add(struct buckets *b, struct profile *p, const struct profile_sample *s)
{
	if (s->type >= PROFILE_MAX_TYPES || s->thread >= TASKS)
		return false;
	pair_map__prefetch(&b->maps[s->type], context_of(b, s), s->stack);
	b->batch[b->batch_cnt++] = *s;
	if (b->batch_cnt == BUCKETS_BATCH)
		buckets__flush(b, p);
	return true;
}

static void forget_slots(struct buckets *b)
{
	for (size_t i = 0; i < PROFILE_MAX_TYPES; i++)
		pair_map__free(&b->maps[i]);
	pair_map__free(&b->contexts);
}

void buckets__fold(struct buckets *b, struct profile *p, const bool *ended, uint32_t *moved)
{
	size_t cnt = p->bucket_cnt;

	forget_slots(b);
	p->bucket_cnt = 0;
	for (size_t i = 0; i < cnt; i++) {
		struct profile_bucket old = p->buckets[i], *k; /* where it was, another one may be by now */
		bool gone = ended[old.thread];

		moved[i] = bucket_of(b, p,
				     &(struct profile_sample){.thread = gone ? 0 : old.thread,
							      .task = gone ? 0 : old.task,
							      .stack = old.stack,
							      .type = old.type});
		k = &p->buckets[moved[i]];
		k->samples += old.samples;
		k->value += old.value;
		k->gil_samples += old.gil_samples;
		k->gil_value += old.gil_value;
		k->no_gil_value += old.no_gil_value;
		k->truncated += old.truncated;
	}
}

void buckets__settle(struct buckets *b, struct profile *p, struct profile_loss *damage)
{
	size_t n = 0;

	buckets__flush(b, p);
	forget_slots(b);
	for (size_t i = 0; i < p->bucket_cnt; i++) {
		struct profile_bucket *k = &p->buckets[i];

		if (!k->thread || k->thread > p->thread_cnt || !k->stack || k->stack > p->stack_cnt ||
		    k->type >= p->type_cnt) {
			damage[k->type].count += k->samples;
			damage[k->type].value += k->value;
			continue;
		}
		if (k->task > p->task_cnt)
			k->task = 0;
		p->sample_cnt += k->samples;
		p->truncated_cnt += k->truncated;
		p->buckets[n++] = *k;
	}
	p->bucket_cnt = n;
}
