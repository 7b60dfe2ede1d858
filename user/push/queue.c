// SPDX-License-Identifier: MIT
#include "user/push/queue.h"
#include "user/util/alloc.h"
#include "user/util/clock.h"
#include <pthread.h>

struct push_queue {
	pthread_mutex_t lock; /* held for moments, never while anything is sent or written */
	pthread_cond_t changed;
	struct push_body *first, **last;
	struct push_count count;
	uint64_t max_bytes;
	bool woken;
};

struct push_body *push_body__new(struct buf *bytes, uint64_t samples)
{
	struct push_body *b = xcalloc(1, sizeof(*b));

	/* Buffers grow by doubling; what waits takes only what it holds, so that the bound is one. */
	b->bytes = *bytes;
	b->bytes.cap = bytes->len + 1;
	b->bytes.data = xrealloc(bytes->data, b->bytes.cap);
	*bytes = (struct buf){0};
	b->samples = samples;
	b->unix_ns = clock_unix_ns();
	return b;
}

void push_body__free(struct push_body *b)
{
	if (b)
		buf_free(&b->bytes);
	free(b);
}

void push_count__add(struct push_count *c, const struct push_body *b)
{
	c->bodies++;
	c->samples += b->samples;
	c->bytes += b->bytes.len;
}

static void take_off(struct push_count *c, const struct push_body *b)
{
	c->bodies--;
	c->samples -= b->samples;
	c->bytes -= b->bytes.len;
}

struct push_queue *push_queue__new(uint64_t max_bytes)
{
	struct push_queue *q = xcalloc(1, sizeof(*q));
	pthread_condattr_t attr;

	pthread_mutex_init(&q->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&q->changed, &attr);
	pthread_condattr_destroy(&attr);
	q->last = &q->first;
	q->max_bytes = max_bytes;
	return q;
}

static struct push_body *take(struct push_queue *q)
{
	struct push_body *b = q->first;

	if (!b)
		return NULL;
	q->first = b->next;
	if (!q->first)
		q->last = &q->first;
	b->next = NULL;
	take_off(&q->count, b);
	return b;
}

void push_queue__free(struct push_queue *q)
{
	struct push_body *b;

	if (!q)
		return;
	while ((b = take(q)))
		push_body__free(b);
	pthread_cond_destroy(&q->changed);
	pthread_mutex_destroy(&q->lock);
	free(q);
}

static bool has_room(const struct push_queue *q, const struct push_body *b)
{
	return b->bytes.len <= q->max_bytes && q->count.bytes <= q->max_bytes - b->bytes.len;
}

static void wake(struct push_queue *q)
{
	q->woken = true;
	pthread_cond_signal(&q->changed);
}

struct push_body *push_queue__put(struct push_queue *q, struct push_body *b)
{
	struct push_body *gone = NULL, **end = &gone;

	if (b->bytes.len > q->max_bytes)
		return b;
	pthread_mutex_lock(&q->lock);
	while (!has_room(q, b)) {
		*end = take(q);
		end = &(*end)->next;
	}
	*q->last = b;
	q->last = &b->next;
	push_count__add(&q->count, b);
	wake(q);
	pthread_mutex_unlock(&q->lock);
	return gone;
}

struct push_body *push_queue__take(struct push_queue *q)
{
	struct push_body *b;

	pthread_mutex_lock(&q->lock);
	b = take(q);
	pthread_mutex_unlock(&q->lock);
	return b;
}

bool push_queue__put_back(struct push_queue *q, struct push_body *b)
{
	bool fits;

	pthread_mutex_lock(&q->lock);
	fits = has_room(q, b);
	if (fits) {
		b->next = q->first;
		if (!q->first)
			q->last = &b->next;
		q->first = b;
		push_count__add(&q->count, b);
	}
	pthread_mutex_unlock(&q->lock);
	return fits;
}

void push_queue__count(struct push_queue *q, struct push_count *out)
{
	pthread_mutex_lock(&q->lock);
	*out = q->count;
	pthread_mutex_unlock(&q->lock);
}

void push_queue__wait(struct push_queue *q, uint64_t until_ns)
{
	struct timespec until = {(time_t)(until_ns / 1000000000ull), (long)(until_ns % 1000000000ull)};
	int err = 0;

	pthread_mutex_lock(&q->lock);
	while (!q->woken && !err)
		err = until_ns ? pthread_cond_timedwait(&q->changed, &q->lock, &until)
			       : pthread_cond_wait(&q->changed, &q->lock);
	q->woken = false;
	pthread_mutex_unlock(&q->lock);
}

void push_queue__wake(struct push_queue *q)
{
	pthread_mutex_lock(&q->lock);
	wake(q);
	pthread_mutex_unlock(&q->lock);
}
